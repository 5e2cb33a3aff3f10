"""What the exam stage tells the pathway, and the rules of attempts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from app.core import clock
from app.db import db, locked, unit_of_work
from app.exams import bars, marking, service, sessions, tasks
from app.exams.models import ExamSession
from app.exams.sessions import next_possible
from tests.exams.factories import Room

MINUTE = timedelta(minutes=1)
D = date


@pytest.mark.parametrize(
    ("days", "asked", "first"),
    [
        ([], D(2026, 3, 1), D(2026, 3, 1)),
        ([D(2026, 3, 1)], D(2026, 3, 2), D(2026, 3, 8)),
        ([D(2026, 3, 1)], D(2026, 3, 8), D(2026, 3, 8)),
        ([D(2026, 3, 1), D(2026, 3, 8)], D(2026, 4, 1), D(2026, 5, 30)),
        ([D(2026, 3, 8), D(2026, 3, 1)], D(2026, 5, 30), D(2026, 5, 30)),
    ],
)
def test_gap_and_limit(days: list[date], asked: date, first: date) -> None:
    assert next_possible(days, asked, attempts=2, within_days=90, gap_days=7) == first


def test_nothing_is_known_of_somebody_new(app: Any) -> None:
    room = Room()
    facts = service.facts_of(room.people[0], 1, clock.local_date(clock.now()))
    assert facts.best is None and facts.attempts == 0 and facts.next_possible_on is None
    assert facts.upcoming_at == room.opens and facts.upcoming_sitting_id == room.sittings[0]
    assert service.facts_of(room.people[0], 2, clock.local_date(clock.now())).upcoming_at is None


def _sat(room: Room, answers: int = 6) -> None:
    room.start()
    room.hand_in(room.right()[:answers])
    with unit_of_work():
        marking.mark_once(room.sittings[0], now=room.opens + 3 * MINUTE)


def test_only_released_results_count_and_they_age(app: Any) -> None:
    room = Room()
    _sat(room, 5)
    day = clock.local_date(room.opens)
    before = service.facts_of(room.people[0], 1, day)
    assert before.best is None and before.awaiting_result and before.attempts == 1
    assert before.next_possible_on == day + timedelta(days=7)
    tasks.sweep(room.session.closes_at + 2 * MINUTE)
    with unit_of_work():
        marking.release(locked(room.session), by=room.office, now=room.opens + timedelta(days=1))
    after = service.facts_of(room.people[0], 1, day)
    assert str(after.best) == "83.33" and after.passed_on == day and not after.awaiting_result
    assert after.valid_until.year == day.year + 2
    assert service.facts_of(room.people[0], 1, after.valid_until).best is not None
    assert service.facts_of(room.people[0], 1, after.valid_until + timedelta(days=1)).best is None


def test_a_failed_result_is_a_score_without_a_pass(app: Any) -> None:
    room = Room()
    _sat(room, 1)
    tasks.sweep(room.session.closes_at + 2 * MINUTE)
    with unit_of_work():
        marking.release(locked(room.session), by=room.office, now=room.opens)
    facts = service.facts_of(room.people[0], 1, clock.local_date(room.opens))
    assert str(facts.best) == "16.67" and facts.passed_on is None


def test_release_waits_for_every_mark(app: Any) -> None:
    room = Room(candidates=2)
    _sat(room)
    with pytest.raises(marking.NotMarked), unit_of_work():
        marking.release(locked(room.session), by=room.office, now=room.opens)
    assert not sessions.close_if_over(db.session.get_one(ExamSession, room.session.id), room.opens)
    with unit_of_work():
        done = sessions.close_if_over(locked(room.session), room.session.closes_at + 2 * MINUTE)
    assert done
    with unit_of_work():
        assert marking.release(locked(room.session), by=room.office, now=room.opens) == 1  # the other one was absent


def test_a_retake_shows_other_questions_while_the_bank_allows(app: Any) -> None:
    from app.exams import papers
    from tests.exams.factories import plan, sitting

    room = Room()
    _sat(room)
    first = {entry.item.id for entry in papers.paper_of(sitting(room.sittings[0]))}
    opens = room.opens + timedelta(days=8)
    with unit_of_work():
        again = sessions.plan(plan(room.region, opens_at=opens), by=room.office, now=clock.now())
    with unit_of_work():
        sessions.publish(locked(again), by=room.office, now=clock.now())
    with unit_of_work():
        second = sessions.register(again, room.people[0], by=room.office, now=clock.now())
    assert not first & {entry.item.id for entry in papers.paper_of(sitting(second.id))}


def test_confirmed_cheating_bars_for_a_year(app: Any) -> None:
    from app.exams import sittings
    from tests.exams.factories import plan

    room = Room()
    room.start()
    with unit_of_work():
        sittings.void(
            sittings.with_session(room.sittings[0]), by=room.office, reason="替考", now=room.opens, cheating=True
        )
    day = clock.local_date(room.opens)
    assert service.facts_of(room.people[0], 2, day).next_possible_on == day.replace(year=day.year + 1)
    opens = room.opens + timedelta(days=100)
    with unit_of_work():
        later = sessions.plan(plan(room.region, opens_at=opens), by=room.office, now=clock.now())
    with pytest.raises(bars.CandidateBarred), unit_of_work():
        sessions.register(later, room.people[0], by=room.office, now=clock.now())
