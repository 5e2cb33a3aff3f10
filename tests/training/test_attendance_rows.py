"""Attendance from a sheet, row by row: every reason named, nothing written by a look, taking a row twice changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.models import Person
from app.core import clock
from app.core.errors import NotFound
from app.db import db, unit_of_work
from app.training.attendance_rows import COLUMNS, Room, Taken, read_row, take_attendance_row
from app.training.models import Attendance, AttendanceState, TrainingClass
from tests.factories import people, training


@pytest.fixture
def klass(app: Any) -> TrainingClass:
    made = training.make_class()
    for name, masked in (
        ("林学员", "1****************4"),
        ("张伟", "1**************123X"),
        ("张伟", "1**************4567"),
    ):
        training.admit(made, people.person(name, id_masked=masked))
    return made


def row(klass: TrainingClass, **more: str) -> dict[str, str]:
    at = clock.local(klass.sessions[0].starts_at)
    return {"name": "林学员", "day": at.date().isoformat(), "starts": f"{at:%H:%M}", "state": "出勤"} | more


def read(klass: TrainingClass, **more: str) -> Taken:
    return read_row(Room.of(klass), 2, row(klass, **more), now=klass.sessions[-1].ends_at)


@pytest.mark.parametrize(
    ("typed", "column"),
    [
        ({"name": ""}, "name"), ({"name": "不在班"}, "name"), ({"name": "张伟"}, "name"),
        ({"name": "张伟", "id_tail": "9999"}, "id_tail"), ({"day": "很快"}, "day"), ({"day": "2019-01-01"}, "day"),
        ({"starts": "下午"}, "starts"), ({"starts": "03:00"}, "starts"), ({"state": "大概"}, "state"), ({"state": ""}, "state"),
        ({"day": ""}, "day"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_at_its_column(klass: TrainingClass, typed: dict[str, str], column: str) -> None:
    found = read(klass, **typed)
    assert not found.good and column in {key for key, _why in found.reasons}
    assert all(why for _key, why in found.reasons)


@pytest.mark.parametrize(
    "typed",
    [
        {"name": "林 学员"}, {"name": "林学员 ", "state": "√"}, {"state": "1"}, {"state": "ｐｒｅｓｅｎｔ"}, {"state": "请假"},
        {"name": "张伟", "id_tail": "123x"}, {"name": "张伟", "id_tail": "11010519491231123X"},
    ],
)  # fmt: skip
def test_what_people_type_is_understood(klass: TrainingClass, typed: dict[str, str]) -> None:
    found = read(klass, **typed)
    assert found.good, found.reasons


def test_all_reasons_at_once(klass: TrainingClass) -> None:
    assert {k for k, _ in read(klass, name="无此人", day="x", state="大概").reasons} == {"name", "day", "state"}


def test_a_period_to_come_is_refused(klass: TrainingClass) -> None:
    found = read_row(Room.of(klass), 2, row(klass), now=klass.sessions[0].starts_at - timedelta(hours=1))
    assert [k for k, _ in found.reasons] == ["day"]


def test_taken_once_and_again(klass: TrainingClass) -> None:
    now = klass.sessions[-1].ends_at
    officer_id, class_id = klass.created_by_id, klass.id

    def take(write: bool = True) -> Taken:
        with unit_of_work():
            room = Room.of(db.session.get_one(TrainingClass, class_id))
            by = db.session.get_one(Person, officer_id)
            return take_attendance_row(room, 2, row(klass), by=by, reason="纸质签到表", now=now, write=write)

    assert not take(write=False).same
    assert db.session.scalar(select(func.count()).select_from(Attendance)) == 0
    assert not take().same and take().same
    mark = db.session.scalars(select(Attendance)).one()
    assert (mark.state, mark.reason) == (AttendanceState.PRESENT, "纸质签到表")


def test_the_same_person_twice_in_a_sheet(klass: TrainingClass) -> None:
    room, now = Room.of(klass), klass.sessions[-1].ends_at
    assert read_row(room, 2, row(klass), now=now).good
    again = read_row(room, 3, row(klass, state="缺勤"), now=now)
    assert [k for k, _ in again.reasons] == ["name"] and "2" in again.reasons[0][1]


def test_a_stranger_cannot_take_rows(klass: TrainingClass) -> None:
    other = training.base_officer(training.base())
    with pytest.raises(NotFound), unit_of_work():
        room = Room.of(db.session.get_one(TrainingClass, klass.id))
        take_attendance_row(
            room, 2, row(klass), by=db.session.get_one(Person, other.id), reason="x", now=klass.sessions[-1].ends_at
        )


def test_checking_asks_no_question_per_row(klass: TrainingClass, queries: Any) -> None:
    room, now = Room.of(klass), klass.sessions[-1].ends_at
    with queries() as asked:
        for number in range(50):
            read_row(room, number, row(klass), now=now)
    assert len(asked) <= 1
    assert set(COLUMNS) == {"name", "id_tail", "day", "starts", "state", "reason"}
