"""Many at the same moment: threads with application contexts of their own, on both engines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

from sqlalchemy import func, select

from app.accounts.models import Person
from app.core import clock
from app.core.errors import Refused
from app.db import db, unit_of_work
from app.exams import marking, sessions, sittings
from app.exams.models import EventKind, ExamSession, Fate, Mark, Sitting, SittingAnswer, SittingEvent, SittingStep
from app.exams.sittings import Step
from app.exams.states import SittingState
from tests.exams.factories import Room, plan, sitting, training

MINUTE = timedelta(minutes=1)


def at_once(app: Any, times: int, do: Callable[[int], Any]) -> list[Any]:
    """Call ``do(n)`` from as many threads, let go at the same moment; each result, or the refusal that came instead."""
    gate = Barrier(times)

    def run(n: int) -> Any:
        with app.app_context():
            gate.wait()
            try:
                return do(n)
            except Refused as refusal:
                return refusal
            finally:
                db.session.close()

    db.session.close()
    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(run, range(times)))


def _me(person_id: int) -> Person:
    return db.session.get_one(Person, person_id)


def _count(model: Any, *where: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model).where(*where)) or 0


def test_twenty_starts_make_one(app: Any) -> None:
    room = Room()
    mine, me, now = room.sittings[0], room.people[0].id, room.opens

    def start(n: int) -> Any:
        person = _me(me)
        with unit_of_work():
            return sittings.start(mine, by=person, honour=True, now=now + timedelta(seconds=n))

    outcomes = at_once(app, 20, start)
    assert Counter(outcomes) == {SittingState.IN_PROGRESS: 20}
    assert _count(SittingEvent, SittingEvent.kind == EventKind.STARTED) == 1
    made = sitting(mine)
    assert made.epoch == 1 and made.deadline_at == made.started_at + 60 * MINUTE


def test_twenty_registrations_make_one_sitting(app: Any) -> None:
    room = Room(candidates=1)
    other = Room(candidates=0)
    with unit_of_work():
        person = db.session.get_one(Person, room.people[0].id)
        person.region_id = other.region.id
    session_id, me = other.session.id, room.people[0].id
    with unit_of_work():
        db.session.delete(db.session.get_one(Sitting, room.sittings[0]))

    def register(n: int) -> Any:
        person, office = _me(me), _me(other_office)
        session = db.session.get_one(ExamSession, session_id)
        with unit_of_work():
            return sessions.register(session, person, by=office, now=clock.now(), waive="名单")

    other_office = other.office.id
    outcomes = at_once(app, 10, register)
    assert sum(isinstance(one, Sitting) for one in outcomes) == 1
    assert {type(one).__name__ for one in outcomes} == {"Sitting", "AlreadyRegistered"}
    assert _count(Sitting, Sitting.session_id == session_id) == 1


def test_the_attempt_limit_holds_across_sessions(app: Any) -> None:
    """Ten sessions, ten registrations at once, two attempts allowed."""
    room = Room(candidates=0)
    from tests.factories import people

    me = people.person("多报", region=room.region).id
    office = room.office.id
    ids = []
    for n in range(10):
        opens = clock.now() + timedelta(days=8 * n + 1)
        with unit_of_work():
            made = sessions.plan(plan(room.region, opens_at=opens), by=room.office, now=clock.now())
        with unit_of_work():
            sessions.publish(db.session.get_one(ExamSession, made.id), by=room.office, now=clock.now())
        ids.append(made.id)

    def register(n: int) -> Any:
        person, officer = _me(me), _me(office)
        session = db.session.get_one(ExamSession, ids[n])
        with unit_of_work():
            return sessions.register(session, person, by=officer, now=clock.now())

    outcomes = at_once(app, 10, register)
    assert sum(isinstance(one, Sitting) for one in outcomes) == 2
    assert {type(one).__name__ for one in outcomes} == {"Sitting", "NoAttempt"}


def test_the_last_seat_is_taken_once(app: Any) -> None:
    from tests.factories import people

    room = Room(candidates=0, seats=1)
    office, session_id = room.office.id, room.session.id
    many = [people.person(f"争座{n}", region=room.region).id for n in range(6)]

    def register(n: int) -> Any:
        person, officer = _me(many[n]), _me(office)
        session = db.session.get_one(ExamSession, session_id)
        with unit_of_work():
            return sessions.register(session, person, by=officer, now=clock.now())

    outcomes = at_once(app, 6, register)
    assert Counter(type(one).__name__ for one in outcomes) == {"Sitting": 1, "Full": 5}


def test_saves_of_one_question_at_once_keep_the_greatest_counter(app: Any) -> None:
    room = Room()
    room.start()
    mine, me, now = room.sittings[0], room.people[0].id, room.opens + MINUTE
    right = room.right()[0].answer

    def save(n: int) -> Any:
        person = _me(me)
        with unit_of_work():
            return sittings.save(
                mine, 1, [Step(1, n + 1, right if n == 19 else None, cleared=n < 19)], by=person, now=now
            )

    replies = at_once(app, 20, save)
    assert [reply.saved for reply in replies] == [{1: n + 1} for n in range(20)]
    row = db.session.scalars(select(SittingAnswer)).one()
    assert (row.counter, row.answer) == (20, right) and _count(SittingStep) == 20


def test_everything_acknowledged_is_in_the_log_whatever_is_cut_off(app: Any) -> None:
    """A request that dies before its commit leaves nothing; one that was answered is in the log and in the marks."""
    room = Room()
    room.start()
    steps = room.right()
    told = room.save(steps[:3]).saved

    class Killed(BaseException):
        pass

    try:
        with unit_of_work():
            sittings.save(room.sittings[0], 1, steps[3:], by=room.people[0], now=room.opens + MINUTE)
            raise Killed
    except Killed:
        pass
    logged = {row.question: row.counter for row in db.session.scalars(select(SittingStep))}
    assert logged == told == {1: 1, 2: 1, 3: 1}
    with unit_of_work():
        assert sittings.close_overdue(room.sittings[0], room.opens + 62 * MINUTE)
    assert marking.unmarked() == [room.sittings[0]]  # died between hand-in and marking: the sweep finds it
    with unit_of_work():
        marking.mark_once(room.sittings[0], now=room.opens + 62 * MINUTE)
    assert sitting(room.sittings[0]).score == 15


def test_a_double_hand_in_at_once_and_one_marking(app: Any) -> None:
    room = Room()
    room.start()
    mine, me, now = room.sittings[0], room.people[0].id, room.opens + MINUTE
    steps = room.right()

    def end(n: int) -> Any:
        person = _me(me)
        with unit_of_work():
            reply = sittings.hand_in(mine, 1, steps, by=person, now=now)
        with unit_of_work():
            marking.mark_once(mine, now=now)
        return reply.saved

    replies = at_once(app, 8, end)
    assert all(reply == dict.fromkeys(range(1, 7), 1) for reply in replies)
    assert _count(SittingEvent, SittingEvent.kind == EventKind.HANDED_IN) == 1 and _count(Mark) == 1
    assert _count(SittingStep, SittingStep.fate == Fate.APPLIED) == 6
    assert sitting(mine).score == 30


def test_two_devices_take_over_at_once_and_one_epoch_each(app: Any) -> None:
    room = Room()
    room.start()
    mine, me, now = room.sittings[0], room.people[0].id, room.opens

    def open_(n: int) -> Any:
        person = _me(me)
        with unit_of_work():
            return sittings.open_(mine, f"device-{n:02d}", by=person, take_over=True, now=now).epoch

    assert sorted(at_once(app, 5, open_)) == [1, 2, 3, 4, 5]


def test_the_clock_and_the_candidate_end_it_once(app: Any) -> None:
    room = Room()
    room.start()
    mine, me, end = room.sittings[0], room.people[0].id, room.opens + 60 * MINUTE + timedelta(seconds=61)

    def finish(n: int) -> Any:
        person = _me(me)
        with unit_of_work():
            if n % 2:
                return sittings.close_overdue(mine, end)
            return sittings.hand_in(mine, 1, [], by=person, now=end).state

    at_once(app, 6, finish)
    assert _count(SittingEvent, SittingEvent.kind != EventKind.STARTED) == 1
    assert sitting(mine).state is SittingState.SUBMITTED


def test_registering_by_rule_asks_the_training_stage(app: Any) -> None:
    import pytest

    from app.exams.models import Eligibility
    from tests.factories import people

    room = Room(candidates=0, eligibility=Eligibility.TRAINING)
    one = people.person(region=room.region)
    with training(False), pytest.raises(sessions.NotEligible), unit_of_work():
        sessions.register(room.session, one, by=one, now=clock.now())
    with training(True), unit_of_work():
        sessions.register(room.session, one, by=one, now=clock.now())
