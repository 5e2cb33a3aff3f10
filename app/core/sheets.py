"""Sheets that people hand in: Excel files and text tables, read as text with clear refusals.

Every cell comes out as the text a reader of the sheet sees: leading zeros kept where the cell shows them, dates as
2026-11-28, a number that Excel can no longer hold exactly (more than 15 digits) in its short form ``1.10105E+17``, so that
whoever reads the column can refuse it. Nothing is computed, no macro and no link is followed.

Formats: ``.xlsx`` (ECMA-376) and text with comma, semicolon or tab (RFC 4180) in UTF-8, UTF-16 with its mark, or GB 18030.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l

from app.core.errors import Invalid
from app.core.text import in_a_row

MOST_BYTES = 20 * 1024 * 1024
MOST_UNPACKED = 160 * 1024 * 1024
"""Bytes an Excel file may unpack to: what it says of itself is checked before anything is unpacked."""
MOST_COLUMNS = 60
MOST_CELL = 2000
HEAD_ROWS = 10
"""Among so many rows the headings are looked for; titles may stand above them."""
EXACT = 10**15
"""Excel keeps 15 digits of a number."""


NO_SHEET = _l("it is no spreadsheet. Please save the list as .xlsx or .csv.")
CUT_OFF = _l("it is cut off: its last line ends too early. Please export and upload it again.")


class SheetRefused(Invalid):
    message = _l("The list cannot be read: %(why)s")


@dataclass(frozen=True)
class Sheet:
    """``headings`` as they stand there; ``rows`` as (line in the file, cells), empty rows left out."""

    headings: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    notes: tuple[Any, ...] = field(default=())
    """Lazy words on what was left aside (further sheets, for example)."""


def read_sheet(data: bytes, *, most_rows: int, field: str = "file") -> Sheet:
    """Headings and rows of an uploaded list. Raises SheetRefused (at form field ``field``) with what is wrong and what to do."""
    if not data:
        raise SheetRefused(field, why=_l("the file is empty."))
    if len(data) > MOST_BYTES:
        raise SheetRefused(field, why=_l("it is larger than %(mb)s MB.", mb=MOST_BYTES // 1024 // 1024))
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise SheetRefused(
            field, why=_l("it is an old .xls file or has a password. Please save it as .xlsx without one.")
        )
    if (
        data[:200]
        .lstrip(b"\xef\xbb\xbf \r\n\t")
        .lower()
        .startswith((b"<html", b"<!doctype", b"<table", b"<?xml", b"<head"))
    ):
        raise SheetRefused(field, why=_l("it is a web page under the name of a spreadsheet, as some systems export it. Please open it in Excel and save it as .xlsx."))  # fmt: skip
    if data.startswith((b"%PDF-", b"\x89PNG", b"\x7fELF", b"{\\rtf")):
        raise SheetRefused(field, why=NO_SHEET)
    if data.startswith(b"PK"):
        found, notes, merged = _of_excel(data, field, most_rows)
    else:
        found, notes, merged = _of_text(data, field, most_rows), (), []
    return _with_headings(found, notes, merged, field, most_rows)


Found = list[tuple[int, tuple[str, ...]]]


def _with_headings(
    found: Found, notes: tuple[Any, ...], merged: Sequence[tuple[int, str]], field: str, most_rows: int
) -> Sheet:
    place = next((i for i, (_, cells) in enumerate(found[:HEAD_ROWS]) if sum(map(bool, cells)) >= 2), None)
    if place is None and not any(sum(map(bool, cells)) >= 2 for _, cells in found):
        raise SheetRefused(field, why=NO_SHEET)
    if place is None:
        raise SheetRefused(field, why=_l("there is no row of headings among its first rows."))
    line, raw = found[place]
    bad = [name for last, name in merged if last >= line]
    if bad:
        raise SheetRefused(
            field,
            why=_l("cells are merged (%(cells)s). Please split them and fill in each cell.", cells=", ".join(bad[:5])),
        )
    headings = tuple(" ".join(h.split()) for h in raw)
    while headings and not headings[-1]:
        headings = headings[:-1]
    twice = [h for h, n in Counter(h for h in headings if h).items() if n > 1]
    if twice:
        raise SheetRefused(
            field,
            why=_l("the heading “%(heading)s” stands there more than once. Please rename one.", heading=twice[0][:40]),
        )
    if len(headings) > MOST_COLUMNS:
        raise SheetRefused(field, why=_l("it has more than %(n)s columns.", n=MOST_COLUMNS))
    width = len(headings)
    rows = [(n, (*cells[:width], *[""] * (width - len(cells)))) for n, cells in found[place + 1 :] if any(cells)]
    if not rows:
        raise SheetRefused(field, why=_l("below the headings there is no row."))
    if len(rows) > most_rows:
        raise SheetRefused(field, why=_too_many(most_rows))
    return Sheet(headings, tuple(rows), notes)


def _too_many(most_rows: int) -> Any:
    return _l("it has more than %(n)s rows. Please split it into several files.", n=most_rows)


# Excel


def _of_excel(data: bytes, field: str, most_rows: int) -> tuple[Found, tuple[Any, ...], list[tuple[int, str]]]:
    names = _unpackable(data, field)
    if any(name.endswith(("vbaProject.bin", ".xlm")) or "/macrosheets/" in name for name in names):
        raise SheetRefused(field, why=_l("it holds macros. Please save it as .xlsx, without macros."))
    if "xl/workbook.xml" not in names:
        raise SheetRefused(field, why=_l("it is no Excel file. Please save it as .xlsx or .csv."))
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        seen = [s for s in book.worksheets if s.sheet_state == "visible"]
        sheet = seen[0]
        sheet.reset_dimensions()
        found = list(_excel_rows(sheet, book.epoch, field, most_rows))
        others = [s.title for s in seen[1:]]
        part = sheet._worksheet_path
        book.close()
    except SheetRefused:
        raise
    except Exception:  # whatever a damaged file makes the library raise
        raise SheetRefused(
            field, why=_l("the Excel file is damaged. Please open it in Excel and save it again.")
        ) from None
    notes = (
        (_l("Only the first sheet was read; left aside: %(names)s", names=in_a_row(others)[:200]),) if others else ()
    )
    return found, notes, _merged(data, part)


def _unpackable(data: bytes, field: str) -> set[str]:
    """The names in the package, once it is sure that unpacking stays within bounds."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            parts = package.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        raise SheetRefused(field, why=_l("the file is damaged.")) from None
    if len(parts) > 2000 or sum(p.file_size for p in parts) > MOST_UNPACKED:
        raise SheetRefused(field, why=_l("unpacked it is far larger than a list of this kind can be."))
    return {p.filename for p in parts}


def _excel_rows(sheet: Any, epoch: datetime, field: str, most_rows: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Rows with something in them; ends with a refusal at the limit, before the rest is read."""
    kept = 0
    for line, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS + 1), start=1):
        cells = tuple(cell_text(c.value, getattr(c, "number_format", None)) for c in row)
        if any(cells):
            kept += 1
            yield line, cells
        if kept > most_rows + HEAD_ROWS:
            raise SheetRefused(field, why=_too_many(most_rows))
        if line > most_rows + 100_000:
            return


def cell_text(value: Any, shown_as: str | None = None) -> str:
    """What a reader of the sheet sees in a cell; ``shown_as`` is its number format."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, int | float | Decimal):
        return _number_text(value, shown_as)
    return tidy(str(value))


def _number_text(value: Any, shown_as: str | None) -> str:
    if value != value or abs(value) == float("inf"):
        return ""
    if abs(value) >= EXACT:
        return f"{float(value):.5E}".replace("E+0", "E+")
    if value == int(value):
        zeros = shown_as if shown_as and re.fullmatch(r"0{2,30}", shown_as) else ""
        return str(int(value)).zfill(len(zeros))
    return format(Decimal(repr(float(value))).normalize(), "f")


def tidy(text: str) -> str:
    """Without control and zero-width characters, no space at the ends, of bounded length; nothing else is changed."""
    if not text.isprintable():  # most cells are
        text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return text.replace("\t", " ").strip(" \n\u00a0\u3000")[:MOST_CELL]


def _merged(data: bytes, part: str) -> list[tuple[int, str]]:
    """Merged ranges of a sheet as (last line, name). Read from the package: the reading mode leaves them out."""
    found: list[tuple[int, str]] = []
    with zipfile.ZipFile(io.BytesIO(data)) as package, package.open(part.lstrip("/")) as source:
        tail = b""
        while block := source.read(1 << 20):
            text = tail + block
            for ref in re.findall(rb'<(?:\w+:)?mergeCell\b[^>]*?\bref="([A-Z0-9:]{2,30})"', text):
                name = ref.decode()
                found.append((int(re.sub(r"\D", "", name.split(":")[-1]) or 0), name))
            tail = text[-120:] if not text.rstrip().endswith(b">") else b""
            if len(found) > 1000:
                break
    return list(dict.fromkeys(found))


# Text


def _of_text(data: bytes, field: str, most_rows: int) -> Found:
    text = _decoded(data, field)
    first = next((line for line in text.splitlines() if line.strip()), "")
    mark = max("\t,;", key=first.count) if any(m in first for m in "\t,;") else ","
    found: Found = []
    lines = io.StringIO(text, newline="").readlines()
    reader = csv.reader(lines, delimiter=mark)
    begins = ends = 0
    try:
        for row in reader:
            begins, ends = ends, reader.line_num
            cells = tuple(tidy(_plain_cell(cell)) for cell in row[: MOST_COLUMNS + 1])
            if any(cells):
                found.append((reader.line_num, cells))
            if len(found) > most_rows + HEAD_ROWS:
                raise SheetRefused(field, why=_too_many(most_rows))
    except csv.Error:
        raise SheetRefused(field, why=_l("line %(line)s is no line of a table.", line=reader.line_num)) from None
    if _open_quote(lines[begins:], mark):
        raise SheetRefused(field, why=CUT_OFF)
    return found


def _open_quote(last: Sequence[str], mark: str) -> bool:
    """Does the last record end within quotation marks? The reader itself takes everything to the end of the file then."""
    try:
        list(csv.reader(last, delimiter=mark, strict=True))
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def _decoded(data: bytes, field: str) -> str:
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            if _cut_within_a_character(data, encoding, error):
                raise SheetRefused(field, why=CUT_OFF) from None
            text = "\0"
        if encoding == "gb18030":
            _one_encoding(data, field)
        if _is_text(text, strictly=encoding.startswith("utf-16-")):
            return text
    raise SheetRefused(field, why=_l("it is no spreadsheet: neither Excel nor text in UTF-8 or GB 18030."))


def _is_text(text: str, *, strictly: bool = False) -> bool:
    """Hardly anything in it that no program writes into a text; programs, pictures and the like are full of it."""
    odd = len(re.findall("[\x00-\x08\x0e-\x19\x1b-\x1f\x7f\ud800-\udfff\ufffe\uffff]", text))
    return "\0" not in text and (not odd if strictly else odd * 100 <= len(text))


def _cut_within_a_character(data: bytes, encoding: str, error: UnicodeDecodeError) -> bool:
    """Is all of it text of this encoding but for the last bytes, which begin a character? Latin letters alone tell nothing
    about the encoding."""
    before = data[: error.start]
    sure = encoding == "gb18030" or not before.isascii()
    return sure and len(data) - error.start < 4 and error.end == len(data) and _is_text(before.decode(encoding))


def _one_encoding(data: bytes, field: str) -> None:
    """What two programs have written into one file would be read without a fault, and wrongly."""
    if line := _line_of_another(data):
        raise SheetRefused(
            field,
            why=_l(
                "its lines are written in different encodings (line %(line)s is UTF-8, others are not). Please save the whole file as UTF-8.",
                line=line,
            ),
        )


def _encodings(data: bytes) -> tuple[str, ...]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ("utf-16",)
    head = data[:2000]
    low, high = head[::2].count(0), head[1::2].count(0)
    # Latin letters and commas in UTF-16 that has no mark
    if max(low, high) * 8 >= len(head) and max(low, high) > 4 * min(low, high):
        return ("utf-16-le",) if high > low else ("utf-16-be",)
    return "utf-8-sig", "gb18030"


def _line_of_another(data: bytes) -> int:
    """The first line in UTF-8 of a text that is not UTF-8 as a whole, where there are too many for chance; else 0."""
    in_utf8, first, others = 0, 0, 0
    for number, line in enumerate(data.splitlines(), start=1):
        if line.isascii():
            continue
        try:
            text = line.decode()
        except UnicodeDecodeError:
            others += 1
            continue
        if sum(not c.isascii() for c in text) >= 3:
            in_utf8, first = in_utf8 + 1, first or number
    return first if others and in_utf8 * 20 >= others else 0


def _plain_cell(cell: str) -> str:
    """``="00123"``, as spreadsheets write text that must stay text."""
    found = re.fullmatch(r'="([^"]*)"', cell.strip())
    return found[1] if found else cell


# Values of cells


class NotADay(ValueError):
    """The cell holds no date."""


_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?")
SERIAL = (20_000, 80_000)
"""Days since 1899-12-30 that are taken for a date: 1954 to 2119."""


def day_of(text: str) -> date:
    """2026-11-28, 2026/11/28, 2026.11.28, 2026年11月28日, 20261128, or the number Excel keeps a date as. Raises NotADay."""
    plain = unicodedata.normalize("NFKC", text).strip()
    try:
        if found := _DAY.fullmatch(plain):
            return _sane(date(*map(int, found.groups())))
        if re.fullmatch(r"\d{8}", plain):
            return _sane(date(int(plain[:4]), int(plain[4:6]), int(plain[6:])))
    except ValueError:
        raise NotADay(text) from None
    if re.fullmatch(r"\d{5}", plain) and SERIAL[0] <= int(plain) <= SERIAL[1]:
        return date(1899, 12, 30) + timedelta(days=int(plain))
    raise NotADay(text)


def _sane(day: date) -> date:
    if not 1950 <= day.year <= 2200:
        raise NotADay(day.isoformat())
    return day


def lost_digits(text: str) -> bool:
    """Has the spreadsheet turned a long number into a short form, so that its last digits are gone?"""
    return re.fullmatch(r"\d(?:\.\d+)?E\+?\d+", unicodedata.normalize("NFKC", text).strip(), re.IGNORECASE) is not None


# Templates and text tables


def template(
    title: str, columns: Sequence[tuple[str, str]], samples: Iterable[Sequence[str]] = (), help_title: str = ""
) -> bytes:
    """An Excel file to be filled in: (heading, help) of each column, all columns as text; the help on a second sheet."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title, sheet.freeze_panes = title[:31], "A2"
    for place, (heading, _) in enumerate(columns, start=1):
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = max(14, 2 * len(heading) + 4)
        sheet.column_dimensions[letter].number_format = "@"
        head = sheet.cell(1, place, heading)
        head.font, head.number_format = Font(bold=True), "@"
    for line, row in enumerate(samples, start=2):
        for place, value in enumerate(row, start=1):
            cell = sheet.cell(line, place, value)
            cell.data_type, cell.number_format = "s", "@"
    notes = book.create_sheet((help_title or "?")[:31])
    notes.column_dimensions["A"].width, notes.column_dimensions["B"].width = 24, 90
    for heading, words in columns:
        notes.append([heading, words])
        notes.cell(notes.max_row, 2).alignment = Alignment(wrap_text=True)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def harmless(value: Any) -> str:
    """A cell of a text table that no spreadsheet takes for a formula (OWASP: CSV injection)."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def as_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    """A text table in UTF-8 with its mark, so that Excel reads Chinese."""
    out = io.StringIO()
    csv.writer(out).writerows([harmless(v) for v in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")
