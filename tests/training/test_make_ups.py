"""Leave is excused and earns nothing; a missed period is made up once, in another class, within the term."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.core.errors import NotFound
from app.db import db, unit_of_work
from app.training import hours, make_ups, moving, signing
from app.training.class_models import AskState, LeaveRequest, MakeUp, MakeUpState, Way
from app.training.models import Attendance, AttendanceState, ClassSession, HourEntry, HourSource, TrainingClass
from tests.factories import people, training


def again(row: Any) -> Any:
    return db.session.get_one(type(row), row.id)


@pytest.fixture
def room(app: Any) -> tuple[TrainingClass, Person, Person]:
    klass, person = training.make_class(), people.person("林学员")
    training.admit(klass, person)
    return klass, person, training.runner_of(klass)


def ask(person: Person, session: ClassSession, now: Any) -> LeaveRequest:
    with unit_of_work():
        return make_ups.ask_leave(again(person), again(session), reason="住院", now=now)


def decide(asked: LeaveRequest, grant: bool, officer: Person, now: Any, remark: str = "") -> None:
    with unit_of_work():
        make_ups.decide_leave(again(asked), grant, by=again(officer), remark=remark, now=now)


def test_granted_leave_stands_on_the_sheet_and_earns_nothing(room: Any) -> None:
    klass, person, officer = room
    session = klass.sessions[0]
    before = session.starts_at - timedelta(hours=1)
    asked = ask(person, session, before)
    with pytest.raises(make_ups.LeaveThere):
        ask(person, session, before)
    assert make_ups.waiting_for(officer) == 1
    decide(asked, True, officer, before)
    with pytest.raises(moving.DecidedAlready):  # the second officer is told
        decide(asked, False, training.base_officer(klass.organisation), before, "不行")
    mark = db.session.scalars(select(Attendance)).one()
    assert (mark.state, mark.reason) == (AttendanceState.LEAVE, "住院")
    assert training.credit(klass, now=session.ends_at).hours == {}
    with pytest.raises(make_ups.TooLateForLeave):
        ask(person, klass.sessions[1], klass.sessions[1].starts_at)


def test_leave_is_refused_with_words_and_asked_again(room: Any) -> None:
    klass, person, officer = room
    session = klass.sessions[0]
    now = session.starts_at - timedelta(days=1)
    asked = ask(person, session, now)
    with pytest.raises(make_ups.ReasonMissing):
        decide(asked, False, officer, now)
    decide(asked, False, officer, now, "名额已满")
    assert ask(person, session, now).id == asked.id
    with pytest.raises(NotFound):
        ask(people.person(), session, now)
    with unit_of_work():
        make_ups.withdraw_leave(again(asked), by=again(person), now=now)
    assert again(asked).state is AskState.WITHDRAWN


def missed_and_chance(room: Any) -> tuple[ClassSession, ClassSession, TrainingClass, Any]:
    """A missed period, and the same course in a later class."""
    klass, _person, _officer = room
    missed = klass.sessions[0]
    after = klass.sessions[-1].ends_at
    later = training.make_class(starts_on=clock.local_date(after) + timedelta(days=10), now=after)
    chance = next(s for s in later.sessions if s.course_version_id == missed.course_version_id)
    return missed, chance, later, after


def test_a_period_made_up_is_credited_once_with_its_source(room: Any, app: Any) -> None:
    klass, person, _officer = room
    missed, chance, later, after = missed_and_chance(room)
    assert chance.id in [s.id for s in make_ups.chances(missed, after)]
    with unit_of_work():
        made = make_ups.ask_make_up(again(person), again(missed), chance.id, now=after)
    with pytest.raises(make_ups.MakeUpThere), unit_of_work():
        make_ups.ask_make_up(again(person), again(missed), chance.id, now=after)
    host = training.runner_of(later)
    token_time = chance.starts_at
    with pytest.raises(signing.attendance.NotInClass), unit_of_work():  # not let in yet
        found = again(chance)
        signing.sign(again(person), signing.code_for(found, Way.IN, token_time).token, now=token_time)
    with unit_of_work():
        make_ups.decide_make_up(again(made), True, by=again(host), remark="", now=after)
    for way, now in ((Way.IN, token_time), (Way.OUT, chance.ends_at)):
        with unit_of_work():
            found = again(chance)
            signing.sign(again(person), signing.code_for(found, way, now).token, now=now)
    done = chance.ends_at + timedelta(minutes=5)
    assert training.credit(later, now=done).hours == {person.id: missed.hours}
    assert training.credit(later, now=done).hours == {}
    entry = db.session.scalars(select(HourEntry)).one()
    assert (entry.source_kind, entry.module, entry.class_id) == (HourSource.MAKE_UP, missed.module, klass.id)
    assert entry.working["missed"] == missed.label
    db.session.expire_all()
    assert again(made).state is MakeUpState.DONE
    training.attend(klass, person, [missed], now=done)  # the old sheet is corrected afterwards: it does not count twice
    assert training.credit(klass, now=done).hours == {}
    assert hours.credited_hours(person.id, 1, clock.local_date(done)) == {missed.module: missed.hours}


def test_what_cannot_be_made_up(room: Any) -> None:
    klass, person, _officer = room
    missed, chance, later, after = missed_and_chance(room)
    wrong = next(s for s in later.sessions if s.course_version_id != missed.course_version_id)
    with pytest.raises(make_ups.NotTheSame), unit_of_work():
        make_ups.ask_make_up(again(person), again(missed), wrong.id, now=after)
    stranger = people.person()
    with pytest.raises(NotFound), unit_of_work():
        make_ups.ask_make_up(again(stranger), again(missed), chance.id, now=after)
    with pytest.raises(make_ups.MakeUpTooLate), unit_of_work():
        make_ups.ask_make_up(again(person), again(missed), chance.id, now=missed.starts_at + timedelta(days=190))
    training.attend(klass, person, [missed], now=after)
    with pytest.raises(make_ups.NothingMissed), unit_of_work():
        make_ups.ask_make_up(again(person), again(missed), chance.id, now=after)


def test_six_months_end_on_the_same_day(app: Any, at: Any) -> None:
    klass = training.make_class(now=at("2026-08-01 09:00"), starts_on=at("2026-08-31 09:00").date())
    assert make_ups.last_day(klass.sessions[0]).isoformat() == "2027-02-28"


def test_a_guest_by_hand_needs_a_reason(room: Any) -> None:
    _klass, person, _officer = room
    missed, chance, later, after = missed_and_chance(room)
    host = training.runner_of(later)
    with unit_of_work():
        made = make_ups.ask_make_up(again(person), again(missed), chance.id, now=after)
        make_ups.decide_make_up(made, True, by=again(host), remark="", now=after)
    with pytest.raises(signing.attendance.HandReasonMissing), unit_of_work():
        make_ups.mark_guest(again(made), by=again(host), reason="", now=chance.ends_at)
    with pytest.raises(signing.attendance.NotBegun), unit_of_work():
        make_ups.mark_guest(again(made), by=again(host), reason="纸质", now=after)
    with unit_of_work():
        make_ups.mark_guest(again(made), by=again(host), reason="手机没电", now=chance.ends_at)
    assert training.credit(later, now=chance.ends_at).hours == {person.id: missed.hours}


def test_the_pages(room: Any, client_as: Any, set_clock: Any) -> None:
    klass, person, officer = room
    session = klass.sessions[1]
    set_clock(session.starts_at - timedelta(hours=2))
    trainee, office = client_as(person), client_as(officer)
    assert trainee.get(f"/training/leave/{klass.id}").status_code == 200
    assert client_as(people.person()).get(f"/training/leave/{klass.id}").status_code == 404
    empty = trainee.post(f"/training/leave/periods/{session.id}", data={"reason": ""})
    assert empty.status_code == 422
    wrong = trainee.post(
        f"/training/leave/periods/{session.id}",
        data={"reason": "住院", "proof": (io.BytesIO(b"MZ\x90\x00" + b"\0" * 50), "a.pdf")},
    )
    assert wrong.status_code == 422 and "a.pdf" in wrong.text and "住院" in wrong.text  # nothing typed is lost
    good = trainee.post(
        f"/training/leave/periods/{session.id}",
        data={"reason": "住院", "proof": (io.BytesIO(b"%PDF-1.7 x"), "病假条.pdf")},
    )
    assert good.status_code == 302
    ident = db.session.scalars(select(LeaveRequest.id)).one()
    assert "病假条.pdf" in office.get("/training/office/absences").text
    assert office.get(f"/training/office/leave/{ident}/proof").status_code == 200
    stranger = client_as(training.base_officer(training.base()))
    assert stranger.get(f"/training/office/leave/{ident}/proof").status_code == 404
    assert stranger.post(f"/training/office/leave/{ident}/grant").status_code == 404
    assert office.post(f"/training/office/leave/{ident}/grant").status_code == 302
    set_clock(session.ends_at + timedelta(days=1))
    trainee = client_as(person)  # the sign-in of days ago has ended
    page = trainee.get(f"/training/leave/{klass.id}").text
    assert f"/training/make-up/{session.id}" in page
    assert trainee.get(f"/training/make-up/{session.id}").status_code == 200
    assert db.session.scalars(select(MakeUp)).all() == []
