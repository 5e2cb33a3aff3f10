"""The sitting protocol of docs/exams.md, rule by rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core.errors import NotAllowedNow, NotFound
from app.core.states import moved
from app.db import db, locked, unit_of_work
from app.exams import marking, papers, sittings, tasks
from app.exams.models import EventKind, Fate, Sitting, SittingAnswer, SittingEvent, SittingStep
from app.exams.sittings import BadSteps, Step
from app.exams.states import (
    SESSION_MOVES,
    SITTING_MOVES,
    SessionMove,
    SessionState,
    SittingMove,
    SittingState,
    SubmittedBy,
)
from tests.exams.factories import Room, sitting

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("state", list(SittingState))
@pytest.mark.parametrize("move", list(SittingMove))
def test_every_cell_of_a_sitting(state: SittingState, move: SittingMove) -> None:
    if (state, move) in SITTING_MOVES:
        assert moved(SITTING_MOVES, state, move) is SITTING_MOVES[state, move]
    else:
        with pytest.raises(NotAllowedNow):
            moved(SITTING_MOVES, state, move)


@pytest.mark.parametrize("state", list(SessionState))
@pytest.mark.parametrize("move", list(SessionMove))
def test_every_cell_of_a_session(state: SessionState, move: SessionMove) -> None:
    if (state, move) in SESSION_MOVES:
        assert moved(SESSION_MOVES, state, move) is SESSION_MOVES[state, move]
    else:
        with pytest.raises(NotAllowedNow):
            moved(SESSION_MOVES, state, move)


@pytest.fixture
def room(app: Any) -> Room:
    return Room()


def _answers(room: Room, n: int = 0) -> dict[int, Any]:
    rows = db.session.scalars(select(SittingAnswer).where(SittingAnswer.sitting_id == room.sittings[n]))
    return {row.question: row.answer for row in rows}


def _log(room: Room, n: int = 0) -> list[SittingStep]:
    asked = (
        select(SittingStep)
        .where(SittingStep.sitting_id == room.sittings[n])
        .order_by(SittingStep.question, SittingStep.counter)
    )
    return list(db.session.scalars(asked))


def test_papers_are_made_before_the_start(room: Room) -> None:
    made = sitting(room.sittings[0])
    assert made.state is SittingState.REGISTERED and len(made.entries) == 6 and made.seed
    assert sum(entry.points for entry in papers.paper_of(made)) == 30


def test_a_start_is_one_update_and_repeats_harmlessly(room: Room, queries: Any) -> None:
    with queries() as seen:
        room.start()
    assert len(seen) == 3  # the sitting with its session, the update, the event
    room.start(at=room.opens + MINUTE)
    made = sitting(room.sittings[0])
    assert made.started_at == room.opens and made.deadline_at == room.opens + 60 * MINUTE and made.epoch == 1
    assert db.session.scalar(select(func.count()).select_from(SittingEvent)) == 1


def test_too_early_and_too_late(room: Room) -> None:
    with pytest.raises(sittings.TooEarly):
        room.start(at=room.opens - MINUTE)
    with pytest.raises(sittings.TooLate):
        room.start(at=room.opens + 31 * MINUTE)
    with pytest.raises(sittings.NoHonour), unit_of_work():
        sittings.start(room.sittings[0], by=room.people[0], honour=False, now=room.opens)
    assert sitting(room.sittings[0]).state is SittingState.REGISTERED


def test_somebody_elses_sitting_is_not_found(app: Any) -> None:
    room = Room(candidates=2)
    room.start()
    for call in (
        lambda: sittings.start(room.sittings[0], by=room.people[1], honour=True, now=room.opens),
        lambda: sittings.save(room.sittings[0], 1, [], by=room.people[1], now=room.opens),
        lambda: sittings.hand_in(room.sittings[0], 1, [], by=room.people[1], now=room.opens),
        lambda: sittings.open_(room.sittings[0], "d" * 16, by=room.people[1], take_over=False, now=room.opens),
    ):
        with pytest.raises(NotFound), unit_of_work():
            call()


def test_a_save_is_logged_applied_and_acknowledged(room: Room, queries: Any) -> None:
    room.start()
    steps = room.right()
    room.save([])  # the first look at a paper reads it; the process keeps it
    room.save([Step(9, 1, "a")])
    with queries() as seen:
        reply = room.save(steps)
    assert len(seen) == 2  # lock, log; with the sign-in of the request: one more
    assert reply.saved == dict.fromkeys(range(1, 7), 1) and reply.messages == []
    assert reply.remaining_ms == 59 * 60 * 1000
    assert _answers(room) == {step.question: step.answer for step in steps}


def test_the_same_save_twice_changes_nothing(room: Room) -> None:
    room.start()
    steps = room.right()
    first = room.save(steps)
    again = room.save(steps, at=room.opens + 2 * MINUTE)
    assert first.saved == again.saved and len(_log(room)) == 6


def test_order_of_arrival_does_not_matter(room: Room) -> None:
    room.start()
    right = room.right()[0]
    choices = sorted(papers.items_on(sitting(room.sittings[0]).entries)[1].options, key=lambda o: o.correct)
    wrong = choices[0].id
    room.save([Step(1, 2, right.answer)])
    reply = room.save([Step(1, 1, wrong)])
    assert reply.saved == {1: 1}
    assert _answers(room) == {1: right.answer} and len(_log(room)) == 2


def test_a_second_device_takes_over_and_the_first_goes_read_only(room: Room) -> None:
    room.start()
    first, second = "a" * 20, "b" * 20

    def open_(device: str, take_over: bool = False) -> sittings.Opened:
        with unit_of_work():
            return sittings.open_(room.sittings[0], device, by=room.people[0], take_over=take_over, now=room.opens)

    assert open_(first).epoch == 1 and not open_(first).taken
    asked = open_(second)
    assert asked.taken and asked.epoch == 1
    taken = open_(second, take_over=True)
    assert (taken.epoch, taken.previous, taken.taken) == (2, 1, False)
    wanted = room.right()[0].answer
    other = next(o.id for o in papers.items_on(sitting(room.sittings[0]).entries)[1].options if o.id != wanted)
    room.save([Step(1, 1, wanted)], epoch=2)
    old = room.save([Step(1, 99, other), Step(2, 99, room.right()[1].answer)], epoch=1)
    assert old.messages == ["read_only"] and set(old.saved) == {1, 2}
    assert _answers(room) == {1: wanted}
    assert {step.fate for step in _log(room) if step.epoch == 1} == {Fate.OLD}
    kinds = db.session.scalars(select(SittingEvent.kind).order_by(SittingEvent.id)).all()
    assert kinds == [EventKind.STARTED, EventKind.TAKEN_OVER]
    room.hand_in(epoch=1)
    assert sitting(room.sittings[0]).state is SittingState.IN_PROGRESS
    room.hand_in(epoch=2)
    assert sitting(room.sittings[0]).state is SittingState.SUBMITTED


def test_an_empty_answer_replaces_only_when_cleared(room: Room) -> None:
    room.start()
    answer = room.right()[0].answer
    room.save([Step(1, 1, answer)])
    room.save([Step(1, 2, None)])
    assert _answers(room) == {1: answer}
    room.save([Step(1, 3, "", cleared=True)])
    assert _answers(room) == {1: None}
    room.hand_in([Step(1, 4, answer), Step(2, 1, None)])
    assert _answers(room) == {1: answer}
    assert [step.fate for step in _log(room)][-1] is Fate.EMPTY


def test_late_saves_are_recorded_and_judged_by_the_rule(app: Any) -> None:
    for late_counts in (False, True):
        room = Room(late_counts=late_counts)
        room.start()
        end = room.opens + 60 * MINUTE
        answer = room.right()[0].answer
        reply = room.save([Step(1, 1, answer)], at=end + timedelta(seconds=59))
        assert reply.saved == {1: 1} and reply.messages == ["late"] and reply.remaining_ms == 0
        assert [step.fate for step in _log(room)] == [Fate.LATE]
        assert _answers(room) == ({1: answer} if late_counts else {})
        over = room.save([Step(2, 1, room.right()[1].answer), Step(1, 1, answer)], at=end + 2 * MINUTE)
        assert over.messages == ["late", "over"] and over.saved == {1: 1} and len(_log(room)) == 1
        with unit_of_work():
            assert sittings.close_overdue(room.sittings[0], end + 2 * MINUTE)
        with unit_of_work():
            marking.mark(room.sittings[0], now=end + 2 * MINUTE)
        assert sitting(room.sittings[0]).score == (5 if late_counts else 0)


def test_a_double_hand_in_gives_the_same_answer(room: Room) -> None:
    room.start()
    steps = room.right()
    first = room.hand_in(steps)
    again = room.hand_in(steps, at=room.opens + 3 * MINUTE)
    assert (first.saved, first.state) == (again.saved, again.state) == (first.saved, SittingState.SUBMITTED)
    made = sitting(room.sittings[0])
    assert made.submitted_at == room.opens + 2 * MINUTE and made.submitted_by is SubmittedBy.CANDIDATE
    changed = room.save([Step(1, 9, None, cleared=True)], at=room.opens + 4 * MINUTE)
    assert changed.state is SittingState.SUBMITTED and _answers(room)[1] == steps[0].answer
    with unit_of_work():
        marking.mark(room.sittings[0], now=room.opens + 5 * MINUTE)
    assert sitting(room.sittings[0]).score == 30


def test_an_answer_that_cannot_be_one_is_refused_and_the_others_are_saved(room: Room) -> None:
    room.start()
    good = room.right()[0]
    reply = room.save([good, Step(2, 1, {"no": "way"}), Step(77, 1, "a"), Step(3, 1, "zz")])
    assert reply.saved == {1: 1}
    assert reply.refused == {2: "wrong_shape", 77: "unknown_question", 3: "unknown_option"}


@pytest.mark.parametrize(
    "raw",
    ["x", [1], [{"question": "1", "counter": 1}], [{"question": 1}], [{"question": 0, "counter": 1}],
     [{"question": 1, "counter": 2**40}], [{"question": True, "counter": 1}], [{}] * 500],
)  # fmt: skip
def test_steps_of_a_wrong_shape(raw: Any) -> None:
    with pytest.raises(BadSteps):
        sittings.read_steps(raw)


def test_an_epoch_nobody_was_given_is_refused(room: Room) -> None:
    room.start()
    for epoch in (0, 2, -1):
        with pytest.raises(BadSteps):
            room.save([], epoch=epoch)


def test_extra_time_reaches_a_running_sitting(room: Room) -> None:
    room.start()
    with unit_of_work():
        sittings.add_time(
            sittings.with_session(room.sittings[0]), 15, by=room.office, reason="停电", now=room.opens + MINUTE
        )
    reply = room.save([], at=room.opens + 70 * MINUTE)
    assert reply.remaining_ms == 5 * 60 * 1000 and reply.messages == []
    assert sitting(room.sittings[0]).deadline_at == room.opens + 75 * MINUTE
    assert sittings.overdue(room.opens + 70 * MINUTE) == []


def test_the_clock_hands_in_and_one_bad_row_stops_nobody(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(candidates=3)
    for n in range(3):
        room.start(n)
        room.save(room.right(n), n=n)
    real = sittings.close_overdue

    def sometimes(sitting_id: int, now: Any) -> bool:
        if sitting_id == room.sittings[0]:
            raise RuntimeError("a bad row")
        return real(sitting_id, now)

    monkeypatch.setattr(sittings, "close_overdue", sometimes)
    end = room.opens + 62 * MINUTE
    tasks.sweep(end)
    states = [sitting(one) for one in room.sittings]
    assert [one.state for one in states] == [SittingState.IN_PROGRESS, SittingState.MARKED, SittingState.MARKED]
    assert states[1].submitted_by is SubmittedBy.CLOCK and states[1].submitted_at == room.opens + 60 * MINUTE
    assert states[1].score == 30 and states[1].passed
    monkeypatch.setattr(sittings, "close_overdue", real)
    tasks.sweep(end)
    assert sitting(room.sittings[0]).state is SittingState.MARKED


def test_a_void_sitting_takes_no_answers(room: Room) -> None:
    room.start()
    with unit_of_work():
        sittings.void(sittings.with_session(room.sittings[0]), by=room.office, reason="替考", now=room.opens)
    reply = room.save(room.right())
    assert reply.state is SittingState.VOID and reply.saved == {} and _answers(room) == {}


def test_marks_are_entries_and_marking_again_gives_the_same(room: Room) -> None:
    room.start()
    room.hand_in(room.right()[:3])
    for _ in range(2):
        with unit_of_work():
            marking.mark(room.sittings[0], now=room.opens + 5 * MINUTE)
    assert len(marking.marks_of(room.sittings[0])) == 2
    made = sitting(room.sittings[0])
    assert (made.score, made.maximum, made.passed) == (15, 30, False)


def test_storage_of_a_sitting(app: Any) -> None:
    """50 questions with one change each stay well under 20 kB of values."""
    import json

    room = Room(kinds=(("single", 30, "1"), ("multiple", 20, "2")))
    room.start()
    room.hand_in(room.right())
    with unit_of_work():
        marking.mark(room.sittings[0], now=room.opens)
    made = sitting(room.sittings[0])
    paper = len(json.dumps(made.entries))
    rows = 50 * (len(json.dumps(room.right()[30].answer)) + 60) * 2
    marks = sum(len(json.dumps(mark.shares)) for mark in marking.marks_of(made.id))
    assert paper + rows + marks < 20_000


def test_models_refuse_a_state_without_its_start(room: Room) -> None:
    from sqlalchemy import update
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError), unit_of_work():
        db.session.execute(update(Sitting).values(state=SittingState.IN_PROGRESS))


def test_the_row_is_read_again_inside(room: Room) -> None:
    room.start()
    stale = db.session.get_one(Sitting, room.sittings[0])
    room.hand_in()
    with pytest.raises(NotAllowedNow), unit_of_work():
        sittings.force_in(sittings.with_session(stale.id), by=room.office, reason="收卷", now=room.opens)
    assert locked(stale).state is SittingState.SUBMITTED
