"""Lists: filtering, sorting, paging kept in the address; the same list as an Excel file.

A view builds ``Listing(select, columns, request.args)`` and hands it to the macro ``listing`` of ``_macros/table.html``.
Every select begins with the feature's ``…_visible_to(person)``.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, String, cast, func, or_, select

from app.core import clock
from app.db import db

PER_PAGE = 25
EXPORT_LIMIT = 20_000
COUNTED = 10_000
"""So many rows of a list are counted; a reader of a longer one filters it, and the page costs the same however long it grows."""
T = TypeVar("T")


@dataclass(frozen=True)
class Column:
    """One column. ``value(row)`` gives what Excel gets and the page shows unless the template overrides the cell."""

    key: str
    label: Any
    value: Callable[[Any], Any]
    sort: SQLColumnExpression[Any] | None = None
    numeric: bool = False


@dataclass(frozen=True)
class Filter:
    """One choice list over the table; ``choices`` are (value, label); ``where(value)`` gives the condition."""

    key: str
    label: Any
    choices: Iterable[tuple[Any, Any]]
    where: Callable[[str], ColumnElement[bool]]


@dataclass
class Listing:
    """One page of a list. Unknown sort keys, filters and page numbers are ignored, never an error."""

    select: Select[Any]
    columns: Sequence[Column]
    args: Mapping[str, str]
    filters: Sequence[Filter] = ()
    search: Sequence[Any] = ()
    """Columns the search box looks in."""
    default_sort: str = ""
    """Column key, with a leading minus for descending."""
    per_page: int = PER_PAGE
    rows: list[Any] = field(init=False)
    total: int = field(init=False)
    """How many rows there are; of more than :data:`COUNTED` (then ``more``) no further ones are counted."""
    more: bool = field(init=False, default=False)
    page: int = field(init=False)

    def __post_init__(self) -> None:
        self.chosen = {f.key: self.args.get(f.key, "") for f in self.filters}
        self.chosen = {k: v for k, v in self.chosen.items() if v in {str(c[0]) for c in self._filter(k).choices}}
        self.words = (self.args.get("q") or "").replace("\0", "").strip()[:100]
        wanted = self.args.get("sort") or self.default_sort
        self.sort = wanted if wanted.lstrip("-") in {c.key for c in self.columns if c.sort is not None} else ""
        asked = self.args.get("page", "1")
        narrowed = self._narrowed()
        ordered = self._ordered(narrowed)
        self.page = max(1, int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 8 else 1)
        self.rows = self._page(ordered) if self.page == 1 else []
        if self.page == 1 and len(self.rows) <= self.per_page:
            self.total, self.pages = len(self.rows), 1  # one page says itself how many they are
            return
        self.total = self._counted(narrowed.limit(COUNTED + 1))
        self.more = self.total > COUNTED
        self.total = min(self.total, COUNTED)
        self.pages = max(1, -(-self.total // self.per_page))
        if self.page == 1:
            del self.rows[self.per_page :]
        else:
            self._turn(ordered)

    def _turn(self, ordered: Select[Any]) -> None:
        """To a page after the first; one behind the end is the last."""
        self.page = self.page if self.more else min(self.page, self.pages)
        self.rows = self._page(ordered)
        if not self.rows:
            self.page = self.pages
            self.rows = self._page(ordered)
        self.pages = max(self.pages, self.page + (len(self.rows) > self.per_page))
        del self.rows[self.per_page :]

    def _counted(self, wanted: Select[Any]) -> int:
        return db.session.scalar(select(func.count()).select_from(wanted.order_by(None).subquery())) or 0

    @property
    def exact_total(self) -> int:
        """All rows, counted to the last: for what is written down about an export, not for a page."""
        return self._counted(self._narrowed()) if self.more else self.total

    def _page(self, ordered: Select[Any]) -> list[Any]:
        """The rows of this page, and one more where there is another page."""
        wanted = ordered.limit(self.per_page + 1).offset((self.page - 1) * self.per_page)
        return list(db.session.scalars(wanted).unique())

    @cached_property
    def heads(self) -> list[tuple[Column, str]]:
        """Each column with its label in the reader's language: said once, not in every row."""
        return [(one, str(one.label)) for one in self.columns]

    def _filter(self, key: str) -> Filter:
        return next(f for f in self.filters if f.key == key)

    def _narrowed(self) -> Select[Any]:
        made = self.select
        for key, value in self.chosen.items():
            made = made.where(self._filter(key).where(value))
        if self.words and self.search:
            pattern = "%" + self.words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            made = made.where(or_(*(cast(c, String).ilike(pattern, escape="\\") for c in self.search)))
        return made

    def _ordered(self, made: Select[Any]) -> Select[Any]:
        if not self.sort:
            return made
        column = next(c for c in self.columns if c.key == self.sort.lstrip("-")).sort
        assert column is not None
        entity = self.select.column_descriptions[0]["entity"]
        if self.sort.startswith("-"):  # both the same way round: an index over both gives the order
            return made.order_by(None).order_by(column.desc(), entity.id.desc())
        return made.order_by(None).order_by(column.asc(), entity.id)

    def all_ids(self, most: int) -> list[int]:
        """The ids of the whole filtered list in its order, at most ``most``: what a bulk action over a filter is about."""
        entity = self.select.column_descriptions[0]["entity"]
        return list(db.session.scalars(self._ordered(self._narrowed()).with_only_columns(entity.id).limit(most)))

    @property
    def kept(self) -> dict[str, Any]:
        """Filter and search of this list, for addresses that are to keep them."""
        return {**self.chosen, **({"q": self.words} if self.words else {})}

    @property
    def filtered(self) -> bool:
        return bool(self.chosen or self.words)

    def address(self, **changes: Any) -> str:
        """The query string of this list with changes; what is empty is left out."""
        now = {**{k: v for k, v in self.args.items() if k not in ("page", "export")}, **changes}
        return "?" + urlencode({k: v for k, v in now.items() if v not in ("", None)})

    @property
    def cleared(self) -> str:
        """The query string without filter and search; the tab and the order stay."""
        made = self.address(q="", **{one.key: "" for one in self.filters})
        return made if made != "?" else ""

    def next_sort(self, key: str) -> str:
        return f"-{key}" if self.sort == key else key

    def as_excel(self, title: str) -> bytes:
        """The whole filtered list as an XLSX file."""
        rows = db.session.scalars(self._ordered(self._narrowed()).limit(EXPORT_LIMIT)).unique()
        return excel([str(c.label) for c in self.columns], ([c.value(r) for c in self.columns] for r in rows), title)

    def as_download(self, title: str, name: str = "") -> Any:
        """The whole filtered list as an answer that saves it; ``name`` (the title) stands in the file's name."""
        return download(self.as_excel(title), name or title)


def page_of(rows: Sequence[T], args: Mapping[str, str], per_page: int = 40) -> tuple[Sequence[T], int, int]:
    """A page of rows that are no query, with its number and the number of pages; an odd ``page`` is the nearest one."""
    pages = max(1, -(-len(rows) // per_page))
    asked = args.get("page", "1")
    page = min(max(1, int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 8 else 1), pages)
    return rows[(page - 1) * per_page : page * per_page], page, pages


def excel(headings: Sequence[str], rows: Any, title: str) -> bytes:
    """A plain XLSX file. Text stays text: nothing a cell holds is ever run as a formula."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    book = Workbook(write_only=True)
    sheet = book.create_sheet("".join(c for c in title if c not in r"[]:*?/\\")[:31] or "Sheet")
    sheet.freeze_panes = "A2"

    def cell(value: Any, bold: bool = False) -> Any:
        made = WriteOnlyCell(sheet, value=plain(value))
        if isinstance(made.value, str):
            made.data_type = "s"
            made.number_format = "@"
        if bold:
            made.font = Font(bold=True)
        return made

    sheet.append([cell(h, bold=True) for h in headings])
    for row in rows:
        sheet.append([cell(v) for v in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def download(data: bytes, name: str) -> Any:
    """An XLSX file as an answer; ``name`` without date and ending."""
    from flask import send_file

    answer = send_file(
        io.BytesIO(data),
        mimetype="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        as_attachment=True,
        download_name=f"{name}-{clock.today():%Y%m%d}.xlsx",
    )
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def plain(value: Any) -> Any:
    """What a spreadsheet cell gets for a value of ours."""
    if value is None or (isinstance(value, bool | int | float | Decimal | date) and not isinstance(value, datetime)):
        return value
    if isinstance(value, datetime):
        return clock.local(value).replace(tzinfo=None)
    text = str(value)
    return "".join(c for c in text if c in "\n\t" or ord(c) >= 32)[:32_000]
