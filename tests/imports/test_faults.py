"""Every kind of sheet under everything that can be wrong with a file, at the upload and in the trial run: answered in words,
nothing taken over that was not meant."""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select

from app.accounts.models import IdKind, Person
from app.accounts.service import set_id_number
from app.core import clock, sheets
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.imports.kinds import KINDS
from app.imports.models import SheetImport
from app.jobs.models import Job
from app.jobs.service import run_waiting
from app.training.models import TrainingClass
from tests.certification import test_earlier
from tests.core.test_sheets import excel, packed
from tests.factories import people, training
from tests.factories.sheets import check, fates, id_number, imported, problems, upload
from tests.imports import test_class_sheets, test_contracts, test_trainees

Line = tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """A kind with somebody who may hand it in: two rows without fault, and the columns that hold a day."""

    kind: str
    officer: Person
    target: int
    head: Line
    rows: tuple[Line, Line]
    day: int | None

    @property
    def numbered(self) -> bool:
        """Is a row known by a number of its own, not by a person?"""
        return self.kind in ("contracts", "earlier")

    @property
    def path(self) -> str:
        return f"/imports/{self.kind}/new"


@pytest.fixture(params=("trainees", "attendance", "hours", "contracts", "earlier"))
def scene(request: pytest.FixtureRequest, app: Any, set_clock: Any, at: Any) -> Scene:
    set_clock(at("2026-10-08 10:00"))
    region = people.region("1200", "天津市滨海新区")
    if request.param == "contracts":
        keeper = people.officer(Role.AUTHORITY, Scope.REGION, region.id, name="赵敏", region_id=region.id)
        rows = test_contracts.row("A-0001"), test_contracts.row("A-0002")
        return Scene("contracts", keeper, region.id, test_contracts.HEAD, rows, 6)
    if request.param == "earlier":
        keeper = people.officer(Role.CERTIFICATION, Scope.REGION, region.id, name="赵敏", region_id=region.id)
        return Scene(
            "earlier", keeper, region.id, test_earlier.HEAD, (test_earlier.row("A-0001"), test_earlier.row("A-0002")), 3
        )
    klass = training.make_class(training.base(region), capacity=40)
    base = training.runner_of(klass)
    if request.param == "trainees":
        return Scene("trainees", base, klass.id, test_trainees.HEAD, (test_trainees.row(1), test_trainees.row(2)), None)
    for n, name in enumerate(("王一", "李二", "张三", "张三")):
        person = people.person(name, region=region)
        with unit_of_work():
            set_id_number(
                db.session.get_one(Person, person.id), IdKind.RESIDENT, id_number(n), by=base, today=klass.starts_on
            )
        training.admit(klass, person)
    on = str(clock.local_date(klass.sessions[0].starts_at))
    set_clock(klass.sessions[1].ends_at)
    if request.param == "hours":
        hours = (
            ("王一", id_number(0), "政策法规", "专利法", "4", on),
            ("李二", id_number(1), "实务技能", "谈判", "2", on),
        )
        return Scene("hours", base, klass.id, test_class_sheets.HOURS, hours, 5)
    marks = ("王一", id_number(0), on, "1", "出勤"), ("李二", id_number(1), on, "1", "迟到")
    return Scene("attendance", base, klass.id, test_class_sheets.MARKS, marks, 2)


def sent(data: bytes, scene: Scene, name: str = "名单.xlsx") -> dict[str, Any]:
    return {"target": scene.target, "file": (io.BytesIO(data), name)}


def text(*rows: Line, mark: str = ",") -> str:
    return "\r\n".join(mark.join(f'"{c}"' if mark in c or '"' in c else c for c in row) for row in rows) + "\r\n"


# At the upload


@functools.cache
def many_rows() -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["姓名", "证件号码"])
    for n in range(100_000):
        sheet.append([f"学{n}", "1"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def program(*, words: bool = False) -> bytes:
    """What a Windows program begins with; with ``words``, one whose first bytes could be taken for text."""
    head = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00\xb8" + b"\0" * 47
    said = b"\x0e\x1f\xba\x0e\x00\xb4\x09\xcd\x21\xb8\x01\x4c\xcd\x21This program cannot be run in DOS mode.\r\r\n$"
    return b"MZ" + b"This program cannot be run in DOS mode.\r\n" * 20 if words else head + said + bytes(range(256)) * 8


def merged(scene: Scene) -> bytes:
    return excel(scene.head, *scene.rows, change=lambda book, sheet: sheet.merge_cells("B2:B3"))


def mixed(scene: Scene) -> bytes:
    first, second = scene.rows
    lines = [
        text(scene.head).encode(),
        text(first).encode("gb18030"),
        text(second).encode(),
        text(first).encode("gb18030"),
    ]
    return b"".join(lines)


def twice(scene: Scene) -> bytes:
    return excel((scene.head[0], *scene.head), *[(row[0], *row) for row in scene.rows])


def cut_in_a_character(scene: Scene, encoding: str) -> bytes:
    whole = text(scene.head, *scene.rows).encode(encoding)
    return whole.rstrip(b"\r\n") + "，终".encode(encoding)[:-1]


def cut_in_a_quotation(scene: Scene) -> bytes:
    first, second = scene.rows
    return (text(scene.head, first) + f'"{second[0]},{second[1]}').encode()


BAD: list[tuple[str, Callable[[Scene], bytes], str]] = [
    ("a program", lambda s: program(), "不是表格"),
    ("a program that begins like text", lambda s: program(words=True), "不是表格"),
    ("a picture", lambda s: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "不是表格"),
    ("a PDF", lambda s: b"%PDF-1.7\n1 0 obj, <<, >>\n2, 3, 4\n", "不是表格"),
    ("a letter", lambda s: "尊敬的老师\n名单请见附件。\n".encode(), "不是表格"),
    ("a web page", lambda s: "<html><table><tr><td>姓名</td></tr></table></html>".encode(), "网页"),
    ("a document", lambda s: packed({"word/document.xml": b"<w/>"}), "不是 Excel"),
    ("truncated Excel", lambda s: excel(s.head, *s.rows)[:-900], "损坏"),
    ("truncated UTF-8", lambda s: cut_in_a_character(s, "utf-8"), "不完整"),
    ("truncated GB 18030", lambda s: cut_in_a_character(s, "gb18030"), "不完整"),
    ("truncated in a quotation", cut_in_a_quotation, "不完整"),
    ("a bomb", lambda s: packed({"xl/workbook.xml": b"\0" * (sheets.MOST_UNPACKED + 1)}), "远大于"),
    ("macros", lambda s: packed({"xl/workbook.xml": b"", "xl/vbaProject.bin": b"x"}), "宏"),
    ("old or locked", lambda s: b"\xd0\xcf\x11\xe0" + b"\0" * 600, "密码"),
    ("100,000 rows", lambda s: many_rows(), "行数超过"),
    ("mixed encodings", mixed, "不同编码"),
    ("a heading twice", twice, "出现多次"),
    ("merged cells", merged, "合并"),
    ("empty", lambda s: b"", "空"),
    ("headings alone", lambda s: excel(s.head), "没有数据行"),
    ("21 MB", lambda s: b"x" * (21 * 1024 * 1024), "20 MB"),
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=[b[0] for b in BAD])
def test_what_cannot_be_read_is_answered_in_words(scene: Scene, client_as: Any, bad: Any) -> None:
    _what, make, words = bad
    answer = client_as(scene.officer).post(scene.path, data=sent(make(scene), scene))
    assert answer.status_code == 422 and words in answer.text
    assert "没有标题行" not in answer.text
    assert db.session.scalar(select(func.count()).select_from(SheetImport)) == 0


def test_fifty_megabytes_are_answered_in_words(scene: Scene, client_as: Any) -> None:
    answer = client_as(scene.officer).post(scene.path, data=sent(b"x" * (50 * 1024 * 1024), scene))
    assert answer.status_code == 413 and "<h1>" in answer.text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
def test_text_tables_in_every_encoding(scene: Scene, client_as: Any, encoding: str) -> None:
    client = client_as(scene.officer)
    data = text(scene.head, *scene.rows).encode(encoding)
    answer = client.post(scene.path, data=sent(data, scene, "名单.csv"))
    assert answer.status_code == 302 and scene.rows[1][0] in client.get(answer.location).text
    assert client.post(f"{answer.location}/columns", data=columns()).status_code == 302
    assert fates(the_import()) == {"ready": 2}


def the_import() -> SheetImport:
    db.session.rollback()
    return db.session.scalars(select(SheetImport).order_by(SheetImport.id.desc()).limit(1)).one()


def columns() -> dict[str, str]:
    found = the_import()
    said = {f"part_{key}": str(place) for key, place in found.mapping.items()}
    return {"seen": str(found.version)} | said | {f"choice_{k}": v for k, v in found.choices.items()}


# In the trial run


def changed(row: Line, place: int, value: str) -> Line:
    return (*row[:place], value, *row[place + 1 :])


def test_a_number_shortened_by_the_spreadsheet_is_refused_in_the_trial_run(scene: Scene) -> None:
    place = 0 if scene.numbered else 1
    rows = [changed(scene.rows[0], place, "1.20116E+17"), scene.rows[1]]
    found = check(upload(scene.kind, scene.head, rows, scene.target, scene.officer), scene.officer)
    part = KINDS[scene.kind].parts[0].key if place == 0 else "id"
    assert problems(found) == {2: [(part, "lost")]} and fates(found) == {"ready": 1, "refused": 1}


def test_full_width_figures_are_read_as_figures(scene: Scene) -> None:
    def wide(said: str) -> str:
        return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in said)

    place = 0 if scene.numbered else 1
    rows = [changed(scene.rows[0], place, wide(scene.rows[0][place])), scene.rows[1]]
    found = imported(scene.kind, scene.head, rows, scene.target, scene.officer)
    assert fates(found) == {"done": 2}


@pytest.mark.parametrize("as_what", ["serial", "cell", "slashes", "words"])
def test_a_day_in_every_form_a_spreadsheet_gives_it(scene: Scene, client_as: Any, as_what: str) -> None:
    if scene.day is None:
        return
    place, day = scene.day, date.fromisoformat(scene.rows[0][scene.day])
    forms: dict[str, Any] = {
        "serial": str((day - date(1899, 12, 30)).days), "cell": datetime(day.year, day.month, day.day),
        "slashes": f"{day.year}/{day.month}/{day.day}", "words": f"{day.year}年{day.month}月{day.day}日",
    }  # fmt: skip
    row: Any = (*scene.rows[0][:place], forms[as_what], *scene.rows[0][place + 1 :])
    client = client_as(scene.officer)
    answer = client.post(scene.path, data=sent(excel(scene.head, row), scene))
    assert client.post(f"{answer.location}/columns", data=columns()).status_code == 302
    assert fates(the_import()) == {"ready": 1}


@pytest.mark.parametrize("said", ["9月1日", "Sep-26", "01-Sep", "2026-09-31", "09/01/2026"])
def test_a_day_without_its_year_or_order_is_refused(scene: Scene, said: str) -> None:
    if scene.day is None:
        return
    rows = [changed(scene.rows[0], scene.day, said)]
    found = check(upload(scene.kind, scene.head, rows, scene.target, scene.officer), scene.officer)
    part = next(p.key for p in KINDS[scene.kind].parts if found.mapping.get(p.key) == scene.day)
    assert problems(found) == {2: [(part, "day")]}


def test_the_same_row_twice_and_the_same_sheet_twice(scene: Scene, client_as: Any) -> None:
    rows = [scene.rows[0], scene.rows[0], scene.rows[1]]
    found = imported(scene.kind, scene.head, rows, scene.target, scene.officer)
    assert fates(found) == {"done": 2, "refused": 1} and problems(found) == {3: [("", "twice")]}
    again = check(upload(scene.kind, scene.head, list(scene.rows), scene.target, scene.officer), scene.officer)
    assert fates(again) == {"same": 2}
    client = client_as(scene.officer)
    data = excel(scene.head, scene.rows[0])
    assert client.post(scene.path, data=sent(data, scene)).status_code == 302
    second = client.post(scene.path, data=sent(data, scene, "other.xlsx"))
    assert second.status_code == 409 and "赵敏" in second.text


def test_people_of_one_name_are_told_apart_by_their_numbers(scene: Scene) -> None:
    if scene.numbered:
        return
    first, place = scene.rows[0], 1
    name, ids = ("学员甲", (11, 12)) if scene.kind == "trainees" else ("张三", (2, 3))
    rows = [changed(changed(first, 0, name), place, id_number(n)) for n in ids]
    if scene.kind == "trainees":
        rows = [test_trainees.row(n, name) for n in ids]
    if scene.kind != "trainees":
        rows.append(changed(changed(first, 0, name), place, ""))
    found = imported(scene.kind, scene.head, rows, scene.target, scene.officer)
    unsure = {4: [("name", "two_of_the_name")]} if scene.kind != "trainees" else {}
    assert fates(found)["done"] == 2 and problems(found) == unsure


def test_a_month_of_september_birthdays(app: Any, set_clock: Any, at: Any) -> None:
    set_clock(at("2026-03-02 10:00"))
    klass = training.make_class(capacity=40)
    base = training.runner_of(klass)
    rows = [test_trainees.row(n, 身份证号=id_number(n, f"199009{n:02d}")) for n in range(1, 31)]
    assert fates(imported("trainees", test_trainees.HEAD, rows, klass.id, base)) == {"done": 30}
    wrong = [test_trainees.row(n, 身份证号=text) for n, text in ((40, "1990-09-01"), (41, "Sep-90"), (42, "33117"))]
    found = check(upload("trainees", test_trainees.HEAD, wrong, klass.id, base), base)
    assert fates(found) == {"refused": 3} and all(p[0][0] == "id" for p in problems(found).values())


def test_a_formula_is_text_and_runs_nowhere(scene: Scene, client_as: Any) -> None:
    def change(book: Any, sheet: Any) -> None:
        sheet.cell(2, 1).value = '=HYPERLINK("http://example.org","x")'

    client = client_as(scene.officer)
    answer = client.post(scene.path, data=sent(excel(scene.head, *scene.rows, change=change), scene))
    assert client.post(f"{answer.location}/columns", data=columns()).status_code == 302
    assert fates(the_import()) == {"ready": 1, "refused": 1}
    back = client.get(f"{answer.location}?export=refused").data
    assert b"<f>" not in sheets_xml(back)


def sheets_xml(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return package.read("xl/worksheets/sheet1.xml")


# Two at once


def colleague(scene: Scene) -> Person:
    if scene.numbered:
        return people.officer(scene.officer.roles[0].role, Scope.REGION, scene.target, name="孙丽")
    klass = db.session.get_one(TrainingClass, scene.target)
    return people.officer(Role.BASE, Scope.ORGANISATION, klass.organisation_id, name="孙丽")


def test_of_two_officers_the_second_is_told(scene: Scene, client_as: Any) -> None:
    first, second = client_as(scene.officer), client_as(colleague(scene))
    path = first.post(scene.path, data=sent(excel(scene.head, *scene.rows), scene)).location
    form = columns()
    assert first.post(f"{path}/columns", data=form).status_code == 302
    late = second.post(f"{path}/columns", data=form)
    assert late.status_code == 409 and "赵敏" in late.text
    both = {"seen": str(the_import().version)}
    assert first.post(f"{path}/take", data=both).status_code == 302
    assert second.post(f"{path}/take", data=both).status_code == 302
    assert "赵敏" in second.get(path).text
    run_waiting()
    assert db.session.scalar(select(func.count()).where(Job.kind == "imports.take")) == 1
    both = {"seen": str(the_import().version)}
    assert second.post(f"{path}/undo", data=both).status_code == 302
    first.post(f"{path}/undo", data=both)
    assert "孙丽" in first.get(path).text
    assert db.session.scalar(select(func.count()).where(Job.kind == "imports.undo")) == 1
