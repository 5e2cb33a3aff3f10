"""Hours and attendance by sheet."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from app.accounts.models import IdKind, Person
from app.accounts.service import set_id_number
from app.core import clock
from app.db import db, locked, unit_of_work
from app.imports.service import InUse
from app.notices.models import Notice
from app.training import hours
from app.training.models import Attendance, AttendanceState, Enrolment, HourEntry, HourSource, TrainingClass
from tests.factories import people, training
from tests.factories.sheets import check, fates, id_number, imported, problems, undo, upload

HOURS = ("姓名", "证件号码", "知识模块", "课程名称", "学时", "日期")
MARKS = ("姓名", "身份证号码", "日期", "节次", "签到状态")


@pytest.fixture
def four(klass: TrainingClass, base: Person) -> list[Person]:
    """Four people with a place, two of one name, the first with an ID number; the class has begun."""
    made = []
    for n, name in enumerate(("王一", "李二", "张三", "张三")):
        person = people.person(name, region=klass.region)
        if n in (0, 2):
            with unit_of_work():
                set_id_number(
                    db.session.get_one(Person, person.id), IdKind.RESIDENT, id_number(n), by=base, today=klass.starts_on
                )
        training.admit(klass, person)
        made.append(person)
    return made


def credited(person: Person) -> dict[str, Decimal]:
    return hours.credited_hours(person.id, 1, clock.today())


def test_hours_enter_the_ledger_once_with_their_source(klass: TrainingClass, base: Person, four: list[Person]) -> None:
    rows = [
        ("王一", id_number(0), "政策法规", "专利法", "4", "2026-02-20"), ("李二", "", "公共知识", "技术转移概论", "3.5", "2026/2/21"),
        ("张三", id_number(2), "实务技能", "谈判", "2", "46000"),
    ]  # fmt: skip
    found = imported("hours", HOURS, rows, klass.id, base)
    assert fates(found) == {"done": 3}
    assert credited(four[0]) == {"policy": Decimal(4)} and credited(four[1]) == {"common": Decimal("3.5")}
    entry = db.session.scalars(select(HourEntry).where(HourEntry.person_id == four[0].id)).one()
    assert entry.source_kind is HourSource.SHEET and entry.working["sheet"] == found.id and entry.working["line"] == 2
    told = db.session.scalars(select(Notice.letter).where(Notice.person_id == four[0].id)).all()
    assert told.count("training.hours") == 1
    again = imported(
        "hours", HOURS, [*rows, ("王一", "", "政策法规", "专利法（二）", "1", "2026-02-20")], klass.id, base
    )
    assert fates(again) == {"same": 3, "done": 1}
    other = check(upload("hours", HOURS, [("王一", "", "政策法规", "专利法", "5", "2026-02-20")], klass.id, base), base)
    assert problems(other) == {2: [("hours", "other_hours")]}


def test_what_is_wrong_with_a_line_of_hours(klass: TrainingClass, base: Person, four: list[Person]) -> None:
    rows = [
        ("张三", "", "实务技能", "谈判", "2", "2026-02-20"), ("王五", "", "实务技能", "谈判", "2", "2026-02-20"),
        ("王一", id_number(2), "实务技能", "谈判", "2", "2026-02-20"), ("王一", "", "实务", "谈判", "17", "2026-12-01"),
        ("王一", id_number(9), "实务技能", "谈判", "-1", "明天"),
    ]  # fmt: skip
    found = check(upload("hours", HOURS, rows, klass.id, base), base)
    assert problems(found) == {
        2: [("name", "two_of_the_name")], 3: [("name", "not_in_class")], 4: [("id", "other_name")],
        5: [("module", "choice"), ("hours", "bounds"), ("day", "future")], 6: [("hours", "bounds"), ("day", "day")],
    }  # fmt: skip


def test_hours_are_undone_by_reversing_lines(klass: TrainingClass, base: Person, four: list[Person]) -> None:
    rows = [
        ("王一", "", "政策法规", "专利法", "4", "2026-02-20"),
        ("王一", "", "政策法规", "合同法", "2", "2026-02-20"),
    ]
    found = undo(imported("hours", HOURS, rows, klass.id, base), base)
    assert fates(found) == {"undone": 2} and credited(four[0]) == {}
    assert len(db.session.scalars(select(HourEntry).where(HourEntry.person_id == four[0].id)).all()) == 4
    again = imported("hours", HOURS, rows, klass.id, base)
    assert fates(again) == {"done": 2} and credited(four[0]) == {"policy": Decimal(6)}
    with unit_of_work():
        one = db.session.scalars(select(Enrolment).where(Enrolment.person_id == four[0].id)).one()
        one.state, one.completion_number = one.state.COMPLETED, "JY1"
    with pytest.raises(InUse) as caught:
        undo(again, base)
    assert "王一" in caught.value.text


def marks(klass: TrainingClass) -> list[tuple[str, AttendanceState]]:
    asked = select(Person.name, Attendance.state).join(Attendance, Attendance.person_id == Person.id)
    return sorted((n, s) for n, s in db.session.execute(asked.order_by(Attendance.id)))


def test_attendance_is_recorded_as_by_hand(
    klass: TrainingClass, base: Person, four: list[Person], set_clock: Any
) -> None:
    first = klass.sessions[0]
    set_clock(klass.sessions[1].ends_at)
    on = str(clock.local_date(first.starts_at))
    begins = f"{clock.local(first.starts_at):%H:%M}:00"  # as a cell with a time reads
    rows = [
        ("王一", id_number(0), on, begins, "出勤"),
        ("李二", "", on, "第1节", "迟到"),
        ("张三", id_number(2), on, "1", "病假"),
    ]
    found = imported("attendance", MARKS, rows, klass.id, base)
    assert fates(found) == {"done": 3}
    assert marks(klass) == [
        ("张三", AttendanceState.LEAVE),
        ("李二", AttendanceState.LATE),
        ("王一", AttendanceState.PRESENT),
    ]
    assert f"{found.id}" in (db.session.scalars(select(Attendance.reason)).first() or "")
    wrong = [("王一", "", on, "", "出勤"), ("王一", "", "2026-01-05", "1", "出勤"), ("王一", "", on, "1", "来了")]
    assert problems(check(upload("attendance", MARKS, wrong, klass.id, base), base)) == {
        2: [("period", "which_period")], 3: [("day", "no_period")], 4: [("state", "choice")],
    }  # fmt: skip
    with unit_of_work():
        hours.credit_session(locked(first), by=db.session.get_one(Person, base.id), now=clock.now())
    with pytest.raises(InUse) as caught:
        undo(found, base)
    assert "王一" in caught.value.text and "李二" not in caught.value.text


def test_attendance_is_undone_to_what_stood_before(
    klass: TrainingClass, base: Person, four: list[Person], set_clock: Any
) -> None:
    first = klass.sessions[0]
    set_clock(klass.sessions[1].ends_at)
    training.attend(klass, four[0], [first], now=clock.now())
    on = str(clock.local_date(first.starts_at))
    rows = [("王一", "", on, "1", "缺勤"), ("李二", "", on, "1", "出勤")]
    found = imported("attendance", MARKS, rows, klass.id, base)
    assert marks(klass) == [("李二", AttendanceState.PRESENT), ("王一", AttendanceState.ABSENT)]
    again = check(upload("attendance", MARKS, [*rows, ("李二", "", on, "1", "迟到")], klass.id, base), base)
    assert fates(again) == {"same": 2, "refused": 1}
    undo(found, base)
    assert marks(klass) == [("王一", AttendanceState.PRESENT)]


def test_a_template_with_the_people_of_the_class_is_filled_in_and_taken(
    klass: TrainingClass, base: Person, four: list[Person], set_clock: Any, client_as: Any
) -> None:
    set_clock(klass.sessions[1].starts_at)
    client = client_as(base)
    assert f"/imports/attendance/template?target={klass.id}" in client.get("/imports/attendance/new").text
    data = client.get(f"/imports/attendance/template?target={klass.id}").data
    lines = [list(line) for line in load_workbook(io.BytesIO(data)).worksheets[0].iter_rows(values_only=True)]
    head, rows = lines[0], lines[1:]
    assert len(rows) == 8 and {row[1] for row in rows} == {"王一", "李二", "张三"} and rows[0][3] == "1"
    filled = [tuple(str(c or "") for c in row[:4]) + ("出勤",) for row in rows if row[1] != "张三"]
    assert fates(imported("attendance", head, filled, klass.id, base)) == {"done": 4}
    data = client.get(f"/imports/hours/template?target={klass.id}").data
    assert len(list(load_workbook(io.BytesIO(data)).worksheets[0].iter_rows())) == 5
    for path in (
        f"/imports/trainees/template?target={klass.id}",
        "/imports/hours/template?target=999",
        "/imports/hours/template?target=x",
    ):
        assert client.get(path).status_code == 404
    other = client_as(training.base_officer(training.base()))
    assert other.get(f"/imports/hours/template?target={klass.id}").status_code == 404
