"""A ban (禁考): asked at registration, told to candidate and office, reaching registrations made before it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.exams import bars, room, sessions
from app.exams.models import Eligibility, ExamSession
from app.exams.states import SittingState
from app.notices.models import Notice
from app.performance import integrity
from app.performance.models import IntegrityEvent
from tests.exams.factories import Room, plan, sitting, training
from tests.factories import people

DAY = timedelta(days=1)


@pytest.fixture
def hall(app: Any, set_clock: Any, at: Any) -> Iterator[Room]:
    set_clock(at("2026-05-11 08:00"))
    with training(True):
        yield Room(2, opens_at=at("2026-06-15 09:00"))


@pytest.fixture
def officers(hall: Room) -> list[Person]:
    return [people.officer(Role.CERTIFICATION, name=name, scope=Scope.SITE) for name in ("李主任", "王主任", "张主任")]


def session_on(hall: Room, day: date, **more: Any) -> ExamSession:
    opens = hall.opens + timedelta(days=(day - clock.local_date(hall.opens)).days)
    with unit_of_work():
        made = sessions.plan(
            plan(hall.region, level=hall.session.level, opens_at=opens, eligibility=Eligibility.TRAINING, **more),
            by=hall.office, now=clock.now(),
        )  # fmt: skip
    with unit_of_work():
        sessions.publish(locked(made), by=hall.office, now=clock.now())
    return made


def ban(person: Person, officers: list[Person], code: str = "cheating") -> IntegrityEvent:
    """A decision that bars for twelve months from today, after the holder has answered."""

    def act(verb: Any, *args: Any, by: Person, **more: Any) -> Any:
        with unit_of_work():
            return verb(*args, by=db.session.get_one(Person, by.id), now=clock.now(), **more)

    event = act(integrity.notify, person, code, happened_on=clock.today(), reason="经核查属实", by=officers[0])
    act(integrity.answer, event, "认可", by=person)
    act(integrity.decide, event, by=officers[1], uphold=True, reason="证据充分")
    return event


def letters_to(person: Person) -> list[str]:
    return list(db.session.scalars(select(Notice.letter).where(Notice.person_id == person.id).order_by(Notice.id)))


def test_a_ban_by_decision_refuses_registration_until_its_day(
    hall: Room, officers: list[Person], client_as: Any
) -> None:
    person = people.person("禁考人", region=hall.region)
    inside, after = session_on(hall, date(2027, 5, 10)), session_on(hall, date(2027, 5, 11))
    ban(person, officers)
    assert bars.bar_of(person.id, clock.today()) == bars.Bar(date(2027, 5, 11), bars.BarredFor.INTEGRITY)
    browser = client_as(person)
    page = browser.get("/exams/").text
    assert page.count("2027年5月11日前不得参加考试") == 1, "the one inside, not the one after"
    answer = browser.post(f"/exams/sessions/{inside.id}/register")
    assert answer.status_code == 409 and "2027年5月11日前不得参加考试（信用积分处理决定）" in answer.text
    assert browser.post(f"/exams/sessions/{after.id}/register").status_code == 302


def test_the_office_reads_why_and_cannot_waive_it(hall: Room, officers: list[Person], client_as: Any) -> None:
    person = people.person("禁考人", region=hall.region)
    ban(person, officers)
    desk, address = client_as(hall.office), f"/exams/office/sessions/{hall.session.id}/candidates"
    page = desk.post(address, data={"emails": person.email, "waive": "领导同意", "do": "check"}).text
    assert "禁考人在2027年5月11日前不得参加考试（信用积分处理决定）" in page
    desk.post(address, data={"emails": person.email, "waive": "领导同意", "do": "register"})
    assert db.session.scalar(select(bars.Sitting.id).where(bars.Sitting.candidate_id == person.id)) is None
    desk.get("/language/en")
    english = desk.post(address, data={"emails": person.email, "do": "check"}).text
    assert "禁考人 is barred from exams until 11 May 2027" in english


def test_a_ban_takes_back_what_was_booked_and_its_lifting_opens_the_way(hall: Room, officers: list[Person]) -> None:
    person = hall.people[0]
    later = session_on(hall, date(2027, 6, 1))
    with unit_of_work():
        kept = sessions.register(later, person, by=person, now=clock.now()).id
    event = ban(person, officers)
    gone = sitting(hall.sittings[0])
    assert gone.state is SittingState.VOID and "2027年5月11日前不得参加考试" in (gone.void_reason or "")
    assert sitting(kept).state is SittingState.REGISTERED, "after the ban"
    assert "exams.barred" in letters_to(person)
    assert sitting(hall.sittings[1]).state is SittingState.REGISTERED, "somebody else's"
    with unit_of_work():
        integrity.appeal(event, "情况说明", by=person, now=clock.now())
    with unit_of_work():
        integrity.decide_appeal(event, lift=True, reason="事实不清", by=officers[2], now=clock.now())
    assert bars.bar_of(person.id, clock.today()) is None
    with unit_of_work():
        assert sessions.register(hall.session, person, by=hall.office, now=clock.now()).attempt == 2


def test_confirmed_cheating_bars_too_and_takes_back_other_bookings(hall: Room, set_clock: Any, client_as: Any) -> None:
    person = hall.people[0]
    later = session_on(hall, date(2026, 12, 1))
    with unit_of_work():
        booked = sessions.register(later, person, by=person, now=clock.now()).id
    set_clock(hall.opens)
    hall.start(0)
    watcher = people.officer(Role.INVIGILATOR, scope=Scope.REGION, scope_id=hall.region.id)
    with unit_of_work():
        asked = room.ask_void(
            locked(sitting(hall.sittings[0])), reason="替考", cheating=True, by=watcher, now=clock.now()
        )
    with unit_of_work():
        room.decide_void(locked(asked), confirm=True, remark="", by=hall.office, now=clock.now())
    assert sitting(booked).state is SittingState.VOID
    assert letters_to(person)[-2:] == ["exams.voided", "exams.barred"]
    page = client_as(person).get("/exams/").text
    assert "2027年6月15日前不得参加考试（考试作弊已认定）" in page


def test_asking_for_bans_costs_two_statements(hall: Room, queries: Any) -> None:
    with queries() as seen:
        bars.bar_of(hall.people[0].id, clock.today())
    assert len(seen) == 2, seen
