"""Sheets people hand in: text stays text, and what cannot be read is refused with the reason."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
from openpyxl import Workbook

from app.core import sheets
from app.core.sheets import NotADay, SheetRefused, day_of, read_sheet


def excel(*rows: Any, change: Any = None) -> bytes:
    book = Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    if change:
        change(book, sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def refused(data: bytes, most_rows: int = 100) -> str:
    with pytest.raises(SheetRefused) as caught:
        read_sheet(data, most_rows=most_rows)
    assert caught.value.field == "file"
    return str(caught.value.values["why"])


HEAD = ("证书编号", "姓名", "日期")


def test_text_stays_text(app: Any) -> None:
    def change(book: Any, sheet: Any) -> None:
        sheet.cell(3, 1, 123).number_format = "00000"
        sheet.cell(3, 2, 110105199009012345)
        sheet.cell(3, 3, datetime(2019, 9, 1))
        sheet.cell(4, 1, 12.5)
        sheet.cell(4, 2, True)
        sheet.cell(4, 3, "  ２０１９年９月１日\u200b ")

    found = read_sheet(excel(HEAD, ("00123", "王", "2019-09-01"), change=change), most_rows=10)
    assert found.headings == HEAD
    assert found.rows == (
        (2, ("00123", "王", "2019-09-01")),
        (3, ("00123", "1.10105E+17", "2019-09-01")),
        (4, ("12.5", "TRUE", "２０１９年９月１日")),
    )
    assert sheets.lost_digits("1.10105E+17") and not sheets.lost_digits("TTM1200")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_text_tables_in_the_encodings_of_our_users(app: Any, encoding: str, mark: str) -> None:
    text = f'证书编号{mark}姓名\r\n="00123"{mark}"王{mark}𬭎"\r\n\r\n'
    if encoding == "gb18030":
        text = text.replace("𬭎", "鿍")
    found = read_sheet(text.encode(encoding), most_rows=10)
    assert found.headings == ("证书编号", "姓名") and found.rows[0][1][0] == "00123"
    assert found.rows[0][1][1].startswith(f"王{mark}".strip() if mark != "\t" else "王 ")


def test_titles_may_stand_above_the_headings_and_further_sheets_are_named(app: Any) -> None:
    def change(book: Any, sheet: Any) -> None:
        sheet.merge_cells("A1:C1")
        book.create_sheet("其他")

    found = read_sheet(excel(("证书名单", None, None), HEAD, ("1", "王", "x"), change=change), most_rows=10)
    assert found.headings == HEAD and [line for line, _ in found.rows] == [3]
    assert "其他" in str(found.notes[0])


def test_what_cannot_be_read_says_why(app: Any) -> None:
    assert "是空的" in refused(b"")
    assert "密码" in refused(b"\xd0\xcf\x11\xe0" + b"\0" * 100)
    assert "A2:A3" in refused(excel(HEAD, ("1", "王", ""), ("2", "李", ""), change=lambda b, s: s.merge_cells("A2:A3")))
    assert "姓名" in refused(excel(("姓名", "姓名", "编号"), ("1", "2", "3")))
    assert "没有数据行" in refused(excel(HEAD))
    assert "超过 100" in refused(excel(HEAD, *[("1", "2", "3")] * 130))
    assert "超过 100" in refused(b"a,b\n" + b"1,2\n" * 130)
    assert "损坏" in refused(b"PK\x03\x04rubbish")
    assert "不是 Excel" in refused(packed({"word/document.xml": b""}))
    assert "宏" in refused(packed({"xl/workbook.xml": b"", "xl/vbaProject.bin": b"x"}))
    assert "宏" in refused(packed({"xl/workbook.xml": b"", "xl/macrosheets/sheet1.xml": b"x"}))
    assert "UTF-8" in refused(b"\x00\x01\x02\xff" * 20)
    assert "20 MB" in refused(b"x" * (sheets.MOST_BYTES + 1))


def packed(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return out.getvalue()


def test_a_bomb_is_not_unpacked(app: Any) -> None:
    assert "远大于" in refused(packed({"xl/workbook.xml": b"\0" * (sheets.MOST_UNPACKED + 1)}))


@pytest.mark.parametrize(
    "text", ["2019-09-01", "2019/9/1", "2019.9.1", "2019年9月1日", "20190901", "43709", "２０１９－９－１", "2019-09-01 00:00:00"]
)  # fmt: skip
def test_dates_in_every_form_people_write(text: str) -> None:
    assert day_of(text) == date(2019, 9, 1)


@pytest.mark.parametrize("text", ["", "1", "2019-13-01", "2019-02-30", "01/09/2019", "九月", "999999", "1900-01-01"])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(NotADay):
        day_of(text)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_formula_gets_into_a_text_table(text: str) -> None:
    assert sheets.as_csv([[text]]).decode("utf-8-sig").strip('"').startswith("'")
