"""Signing in by code and by list: bound to period and moment, once per person, late means absent, hand needs a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.models import Person
from app.audit.models import AuditEntry
from app.core import clock
from app.core.errors import NotFound
from app.db import db, unit_of_work
from app.training import attendance
from app.training.models import Attendance, AttendanceState, ClassSession, HourEntry, TrainingClass
from app.training.service import facts_of
from tests.factories import people, training


@pytest.fixture
def room(app: Any) -> tuple[TrainingClass, Person]:
    klass, person = training.make_class(), people.person()
    training.admit(klass, person)
    return klass, person


def sign(person: Person, token: str, now: Any) -> Attendance:
    with unit_of_work():
        return attendance.sign_in(db.session.get_one(Person, person.id), token, now=now)


def record(klass: TrainingClass, marks: dict[tuple[int, int], Any], *, reason: str = "纸质签到表", now: Any) -> int:
    class_id, officer_id = klass.id, klass.created_by_id
    with unit_of_work():
        return attendance.record_by_hand(
            db.session.get_one(TrainingClass, class_id), marks, by=db.session.get_one(Person, officer_id), reason=reason, now=now
        )  # fmt: skip


def test_the_code_before_still_works_and_no_older_one(room: Any) -> None:
    klass, _person = room
    session = klass.sessions[0]
    shown = clock.start_of(clock.local_date(session.starts_at)) + timedelta(hours=9)
    token = attendance.code_for(session, shown).token
    assert attendance.session_of_token(token, shown + timedelta(seconds=29)).id == session.id
    assert attendance.session_of_token(token, shown + timedelta(seconds=59)).id == session.id
    with pytest.raises(attendance.BadCode):
        attendance.session_of_token(token, shown + timedelta(seconds=60))
    with pytest.raises(attendance.BadCode):
        attendance.session_of_token(token, shown - timedelta(seconds=1))


def test_a_code_opens_one_period_only(room: Any) -> None:
    klass, _person = room
    first, second = klass.sessions[:2]
    mac = attendance.code_for(first, first.starts_at).token.split(".")[1]
    with pytest.raises(attendance.BadCode):
        attendance.session_of_token(f"{second.id}.{mac}", first.starts_at)


@pytest.mark.parametrize(
    ("minutes", "state"),
    [
        (-30, AttendanceState.PRESENT),
        (0, AttendanceState.PRESENT),
        (15, AttendanceState.PRESENT),
        (16, AttendanceState.LATE),
    ],
)
def test_late_is_more_than_fifteen_minutes(room: Any, minutes: int, state: AttendanceState) -> None:
    klass, person = room
    session = klass.sessions[0]
    now = session.starts_at + timedelta(minutes=minutes)
    assert sign(person, attendance.code_for(session, now).token, now).state is state


def test_sign_in_has_a_window(room: Any) -> None:
    klass, person = room
    session = klass.sessions[0]
    for now in (session.starts_at - timedelta(minutes=31), session.ends_at + timedelta(seconds=1)):
        with pytest.raises(attendance.NotInTime):
            sign(person, attendance.code_for(session, now).token, now)


def test_only_people_with_a_place_sign_in(room: Any) -> None:
    klass, _person = room
    waiting, now = people.person(), klass.sessions[0].starts_at
    training.apply(klass, waiting)
    token = attendance.code_for(klass.sessions[0], now).token
    for one in (people.person(), waiting):
        with pytest.raises(attendance.NotInClass):
            sign(one, token, now)


def test_signing_in_twice_is_once(room: Any) -> None:
    klass, person = room
    session = klass.sessions[0]
    token = attendance.code_for(session, session.starts_at).token
    first = sign(person, token, session.starts_at)
    again = sign(person, token, session.starts_at + timedelta(seconds=20))
    assert (again.id, again.at) == (first.id, session.starts_at)


def test_by_hand_needs_a_reason_and_leaves_a_line(room: Any) -> None:
    klass, person = room
    session, now = klass.sessions[0], klass.sessions[0].ends_at
    key = (session.id, person.id)
    with pytest.raises(attendance.HandReasonMissing):
        record(klass, {key: AttendanceState.PRESENT}, reason="  ", now=now)
    assert record(klass, {key: AttendanceState.LEAVE}, now=now) == 1
    assert record(klass, {key: AttendanceState.LEAVE}, reason="", now=now) == 0
    lines = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "training.attendance.record")).all()
    assert [line.details.payload["reason"] for line in lines] == ["纸质签到表"]
    with pytest.raises(attendance.SetByHand):
        sign(person, attendance.code_for(session, session.starts_at).token, session.starts_at)


def test_the_list_takes_only_its_own_people_and_periods(room: Any) -> None:
    klass, person = room
    other = training.make_class()
    now = klass.sessions[-1].ends_at + timedelta(days=30)
    for key in ((other.sessions[0].id, person.id), (klass.sessions[0].id, people.person().id)):
        with pytest.raises(NotFound):
            record(klass, {key: AttendanceState.PRESENT}, now=now)
    with pytest.raises(attendance.NotBegun):
        record(klass, {(klass.sessions[0].id, person.id): AttendanceState.PRESENT}, now=klass.sessions[0].starts_at - timedelta(hours=1))  # fmt: skip


@pytest.mark.parametrize("state", [s for s in AttendanceState if s is not AttendanceState.PRESENT])
def test_only_presence_earns_hours(room: Any, state: AttendanceState) -> None:
    klass, person = room
    session, after = klass.sessions[0], klass.sessions[0].ends_at
    record(klass, {(session.id, person.id): state}, now=after)
    assert training.credit(klass, now=after).hours == {}


def test_taking_presence_away_takes_the_hours_back(room: Any) -> None:
    klass, person = room
    session, after = klass.sessions[0], klass.sessions[0].ends_at
    key, on = (session.id, person.id), clock.local_date(after)
    record(klass, {key: AttendanceState.PRESENT}, now=after)
    assert training.credit(klass, now=after).total == session.hours
    record(klass, {key: AttendanceState.ABSENT}, reason="代签", now=after)
    assert facts_of(person, 1, on).credited == {}
    assert training.credit(klass, now=after).hours == {}
    record(klass, {key: AttendanceState.PRESENT}, reason="核实后更正", now=after)
    training.credit(klass, now=after)
    training.credit(klass, now=after)
    assert facts_of(person, 1, on).credited == {session.module: session.hours}
    assert [e.hours for e in db.session.scalars(select(HourEntry).order_by(HourEntry.id))] == [
        session.hours, -session.hours, session.hours,
    ]  # fmt: skip


def test_crediting_again_adds_nothing(room: Any) -> None:
    klass, person = room
    after = klass.sessions[-1].ends_at
    training.attend(klass, person, now=after)
    first, again = training.credit(klass, now=after), training.credit(klass, now=after)
    assert first.total == sum(s.hours for s in klass.sessions) and again.hours == {}
    assert again.already == len(klass.sessions)


def test_a_course_heard_twice_counts_once(room: Any) -> None:
    klass, person = room
    after = klass.sessions[-1].ends_at
    training.attend(klass, person, now=after)
    training.credit(klass, now=after)
    before = facts_of(person, 1, clock.local_date(after)).credited
    with unit_of_work():
        found = db.session.scalars(select(TrainingClass)).one()
        from app.training.classes import move_class
        from app.training.states import ClassMove

        for move in (ClassMove.START, ClassMove.END):
            move_class(found, move, by=training.runner_of(found), now=after)
    again = training.make_class(starts_on=clock.local_date(after) + timedelta(days=3), now=after)
    training.admit(again, person, now=after)
    later = again.sessions[-1].ends_at
    training.attend(again, person, now=later)
    assert training.credit(again, now=later).hours == {}
    assert facts_of(person, 1, clock.local_date(later)).credited == before
    assert db.session.scalar(select(func.count()).select_from(ClassSession)) == 2 * len(klass.sessions)
