"""Marks: made by replaying the step log against the pinned questions, the rule and what a regrade ruled; written answers by
people who see neither the name nor each other's points.

A mark is an entry. Marking again adds an entry; the latest share of each part counts. What each marker gave is a
``Reading``; once enough of them are there, the median of their shares becomes the mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from statistics import median
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Row, Select, bindparam, exists, func, insert, or_, select, update
from sqlalchemy.orm import joinedload

from app.accounts.models import Person
from app.accounts.scope import within
from app.audit.service import record
from app.bank import service as bank
from app.core.errors import Invalid, NotAllowedNow, NotFound, Refused
from app.core.permissions import Can
from app.core.states import moved
from app.core.waiting import Waiting, waiting
from app.db import db
from app.exams import letters, papers, room, sittings, steplog
from app.exams.deeds import Did
from app.exams.kept import Kept
from app.exams.models import (
    ExamSession,
    Mark,
    MarkedBy,
    MarkingTask,
    Reading,
    Regrade,
    RegradeKind,
    RegradeState,
    Sitting,
    TaskState,
)
from app.exams.papers import Entry
from app.exams.rules import marking_rules
from app.exams.rulings import Ruling, Rulings, part_number, rulings_of
from app.exams.states import (
    SESSION_MOVES,
    SITTING_MOVES,
    SessionMove,
    SittingMove,
    SittingState,
)
from app.notices.service import post
from app.outline import service as outline
from app.outline.models import RuleVersion
from app.outline.rules import module_rank
from question_bank.grading import Rule, points_for
from question_bank.items import WHOLE, Item, Kind, Part, questions_of

replay = steplog.replay
NO_RULINGS = Rulings()
Shares = dict[int, dict[str, Decimal | None]]
HUNDRED = Decimal(100)
MARKS: Any = Mark.__table__


class NotMarked(Refused):
    message = _l("The results cannot be released yet: %(why)s")


class BadPoints(Invalid):
    message = _l("Please give points from 0 to %(most)s.")


class MarkedMeanwhile(Refused):
    message = _l("This answer has been marked meanwhile; your points were not needed. Please go on with the next one.")


class MarkedBefore(Refused):
    message = _l("You have marked this answer already. Nobody marks the same answer twice.")


# --- replay ----------------------------------------------------------------------------------------------------------------


def steps_of(sitting: Sitting | HandedIn) -> list[Any]:
    return steplog.steps_of(sitting.id)


def machine_shares(
    paper: Iterable[Entry], answers: Mapping[int, Any], rule: str, rulings: Rulings | None = None
) -> Shares:
    """What can be marked by rule: place → part → share; None where a person has to mark. Pure."""
    if not rulings:
        return {entry.place: _shares(entry, answers.get(entry.place), rule) for entry in paper}
    return {entry.place: rulings.shares(entry.revision, entry.item, answers.get(entry.place), rule) for entry in paper}


_known: Kept[tuple[Any, ...], dict[str, Decimal | None]] = Kept(10_000)
"""Digest, rule, answer → shares. A hall gives the same few answers to the same questions, and marking is pure."""


def _shares(entry: Entry, answer: Any, rule: str) -> dict[str, Decimal | None]:
    key = (entry.digest, rule, tuple(answer) if isinstance(answer, list) else answer)
    if isinstance(answer, dict) or not entry.digest:
        return NO_RULINGS.shares(entry.revision, entry.item, answer, rule)
    found = _known.get(key)
    if found is None:
        found = _known.keep(key, NO_RULINGS.shares(entry.revision, entry.item, answer, rule))
    return dict(found)


@cache
def _regrades(more: tuple[RegradeState, ...]) -> Select[Regrade]:
    counted = [RegradeState.APPLYING, RegradeState.APPLIED, *more]
    return select(Regrade).where(Regrade.session_id == bindparam("session"), Regrade.state.in_(counted))


def rulings_in(session_id: int, *more: RegradeState) -> Rulings:
    """What regrades of a session have ruled, in the order of their proposal."""
    rows = db.session.scalars(_regrades(more), {"session": session_id}).all()
    return rulings_of(ruling_of(row) for row in rows)


def ruling_of(row: Regrade) -> Ruling:
    item = bank.revision(row.to_revision_id).item if row.to_revision_id is not None else None
    return Ruling(row.id, row.kind, row.revision_id, item, row.answer, row.rule, row.part)


def folded(marks: Iterable[Any]) -> Shares:
    """The latest share of each part. A machine's "a person has to" never takes back what a person gave."""
    shares: Shares = {}
    for mark in marks:
        for place, parts in mark.shares.items():
            known = shares.setdefault(int(place), {})
            for part, share in parts.items():
                if share is not None:
                    known[part] = Decimal(share)
                else:
                    known.setdefault(part, None)
    return shares


def result_in(paper: Iterable[Entry], shares: Shares, rulings: Rulings) -> tuple[Decimal, Decimal]:
    """Score and maximum of a paper; questions and parts that were dropped count in neither. Pure."""
    score = maximum = Decimal(0)
    if not rulings:
        for entry in paper:
            score += points_of(entry, shares.get(entry.place, {}))
            maximum += entry.points
        return score, maximum
    for entry in paper:
        if not rulings.dropped(entry.revision):
            without = rulings.dropped_parts(entry.revision)
            score += points_of(entry, shares.get(entry.place, {}), without)
            maximum += most_of(entry, without)
    return score, maximum


NOTHING: frozenset[str] = frozenset()


def points_of(entry: Entry, shares: Mapping[str, Decimal | None], without: frozenset[str] = NOTHING) -> Decimal:
    """Points earned on one place of the paper; parts that wait, or were dropped (``without``), count nothing."""
    if entry.item.kind is not Kind.CASE and not without:
        return points_for(shares.get(WHOLE) or Decimal(0), entry.points)
    parts = {key: question.points for key, question in questions_of(entry.item).items()}
    total = sum(parts.values(), Decimal(0))
    earned = sum((n * (shares.get(key) or 0) for key, n in parts.items() if key not in without), Decimal(0))
    return points_for(earned / total, entry.points)


def most_of(entry: Entry, without: frozenset[str] = NOTHING) -> Decimal:
    """Points possible on one place of the paper: all of them, but for parts that were dropped."""
    return points_of(entry, dict.fromkeys(questions_of(entry.item), Decimal(1)), without) if without else entry.points


def waiting_parts(paper: Iterable[Entry], shares: Shares, rulings: Rulings) -> list[tuple[Entry, str]]:
    """What a person still has to mark. Pure."""
    if all(None not in parts.values() for parts in shares.values()):
        return []
    return [
        (entry, part)
        for entry in paper
        if not rulings.dropped(entry.revision)
        for part, share in shares.get(entry.place, {}).items()
        if share is None and part not in rulings.dropped_parts(entry.revision)
    ]


def marks_of(sitting_id: int) -> list[Mark]:
    return list(db.session.scalars(select(Mark).where(Mark.sitting_id == sitting_id).order_by(Mark.id)))


# --- by machine --------------------------------------------------------------------------------------------------------------


@dataclass
class HandedIn(sittings.Columns):
    """A handed-in sitting under a row lock, as far as marking by machine looks at it. Columns, not mapped rows."""

    session_id: int
    state: SittingState
    entries: list[dict[str, Any]]
    late_counts: bool
    multiple_rule: Rule
    pass_mark: Decimal
    markers: int


@cache
def _handed_in_statement() -> Any:
    s, e = sittings.SITTINGS, sittings.SESSIONS
    return (
        select(s.c.id, s.c.session_id, s.c.state, s.c.entries, e.c.late_counts, e.c.multiple_rule, e.c.pass_mark, e.c.markers)
        .join_from(s, e, s.c.session_id == e.c.id)
        .where(s.c.id == bindparam("sitting"))
        .with_for_update(of=s, key_share=True)
    )  # fmt: skip


def _handed_in(sitting_id: int) -> HandedIn:
    found = db.session.execute(_handed_in_statement(), {"sitting": sitting_id}).one_or_none()
    if found is None:
        raise NotFound
    return HandedIn(*found)


@cache
def _before() -> Any:
    """Asked once the sitting is held, in a statement of its own: what was committed while we waited for it is seen."""
    return select(
        exists().where(Mark.sitting_id == bindparam("sitting")),
        exists().where(Regrade.session_id == bindparam("session")),
    )


def mark(sitting_id: int, *, now: datetime) -> None:
    """Mark a handed-in sitting as far as rules go. Repeatable: the same log gives the same marks, as a further entry."""
    sitting = _handed_in(sitting_id)
    if sitting.state not in (SittingState.SUBMITTED, SittingState.MARKED):
        raise NotAllowedNow
    _mark(sitting, marks_of(sitting_id), rulings_in(sitting.session_id), now)


def mark_once(sitting_id: int, *, now: datetime) -> None:
    """Mark what was just handed in, unless somebody was quicker (a double hand-in, the sweep)."""
    sitting = _handed_in(sitting_id)
    marked, ruled = db.session.execute(_before(), {"sitting": sitting_id, "session": sitting.session_id}).one()
    if sitting.state is SittingState.SUBMITTED and not marked:
        _mark(sitting, [], rulings_in(sitting.session_id) if ruled else Rulings(), now)


@cache
def _add_mark() -> Any:
    return insert(MARKS).inline()


def _mark(sitting: HandedIn, earlier: list[Mark], rulings: Rulings, now: datetime) -> None:
    paper = papers.entries_read(sitting.entries)
    answers = replay(steps_of(sitting), late_counts=sitting.late_counts)
    shares = machine_shares(paper, answers, sitting.multiple_rule, rulings)
    made = entry_of(sitting.id, shares, rulings, sitting.multiple_rule, now)
    db.session.execute(_add_mark(), made)
    if earlier:
        shares = folded([*earlier, Mark(**made)])
    else:
        db.session.add_all(
            MarkingTask(
                sitting_id=sitting.id, session_id=sitting.session_id, question=entry.place, part=part, made_at=now,
                revision_id=entry.revision, wanted=sitting.markers,
            )
            for entry, part in waiting_parts(paper, shares, rulings)
        )  # fmt: skip
    settle(sitting, paper, shares, rulings, now)


def paper_pinned(pins: Sequence[sittings.Pin]) -> list[Entry]:
    """A paper as far as marking looks at it."""
    items = papers.items_at(pins)
    return [
        Entry(place, items[place], pin.digest, Decimal(pin.points), {}, pin.revision)
        for place, pin in enumerate(pins, 1)
    ]


def machine_mark(sitting_id: int, shares: Shares, rulings: Rulings, session: ExamSession, now: datetime) -> Mark:
    """The entry of a marking by machine, with the rule and the rulings it rests on."""
    return Mark(**entry_of(sitting_id, shares, rulings, session.multiple_rule, now))


def entry_of(sitting_id: int, shares: Shares, rulings: Rulings, rule: Rule, now: datetime) -> dict[str, Any]:
    working: dict[str, Any] = {"rule": rulings.rule(rule).value}
    if rulings:
        working["regrades"] = [one.id for one in rulings.all]
    told = {
        str(place): {part: None if share is None else str(share) for part, share in parts.items()}
        for place, parts in shares.items()
    }
    return {"sitting_id": sitting_id, "by": MarkedBy.MACHINE, "at": now, "shares": told, "working": working}


def settle(sitting: Sitting | HandedIn, paper: list[Entry], shares: Shares, rulings: Rulings, now: datetime) -> None:
    """When no part waits any more: score, pass or fail, state. A released result keeps its state."""
    if waiting_parts(paper, shares, rulings):
        return
    score, maximum = result_in(paper, shares, rulings)
    pass_mark = sitting.pass_mark if isinstance(sitting, HandedIn) else sitting.session.pass_mark
    released = sitting.state is SittingState.RELEASED
    state = sitting.state if released else moved(SITTING_MOVES, sitting.state, SittingMove.MARK)
    passed = percent(score, maximum) >= pass_mark
    sittings.change(sitting, score=score, maximum=maximum, passed=passed, marked_at=now, state=state)


def percent_of(sitting: Sitting | Row[Any]) -> Decimal:
    """The score out of 100, to two places."""
    return percent(sitting.score, sitting.maximum)


def percent(score: Decimal | None, maximum: Decimal | None) -> Decimal:
    if score is None or not maximum:
        return Decimal(0)
    return points_for(score / maximum, HUNDRED)


def unmarked(limit: int = 500) -> list[int]:
    """Handed in, and nobody has marked yet: the step after a crash between hand-in and marking."""
    return list(
        db.session.scalars(
            select(Sitting.id)
            .where(
                Sitting.state == SittingState.SUBMITTED, ~select(Mark.id).where(Mark.sitting_id == Sitting.id).exists()
            )
            .order_by(Sitting.id)
            .limit(limit)
        )
    )


# --- by a person ---------------------------------------------------------------------------------------------------------------


def tasks_visible_to(person: Person) -> Select[MarkingTask]:
    """Written answers this marker may mark: in their scope, not their own. Names are not in it."""
    return (
        select(MarkingTask)
        .join(MarkingTask.session)
        .join(Sitting, Sitting.id == MarkingTask.sitting_id)
        .where(
            within(person, Can.MARK, region=ExamSession.region_id),
            Sitting.candidate_id != person.id,
            Sitting.state != SittingState.VOID,
        )
        .options(joinedload(MarkingTask.session))
        .order_by(MarkingTask.id)
    )


def read_by(person: Person) -> Any:
    """Condition: this person has marked the answer already."""
    return exists().where(Reading.task_id == MarkingTask.id, Reading.marker_id == person.id)


def tasks_open_to(person: Person) -> Select[MarkingTask]:
    """Those among them that wait for a mark of this person: nobody marks the same answer twice."""
    return tasks_visible_to(person).where(MarkingTask.state == TaskState.WAITING, ~read_by(person))


def tasks_waiting(person: Person) -> Waiting:
    return waiting(tasks_open_to(person), MarkingTask.made_at)


def task_for(person: Person, task_id: int) -> MarkingTask:
    found = db.session.scalar(tasks_visible_to(person).where(MarkingTask.id == task_id))
    if found is None:
        raise NotFound
    return found


def next_task(
    person: Person, after: int = 0, *, session_id: int | None = None, revision_id: int | None = None
) -> MarkingTask | None:
    """The next answer that waits; the same question of all candidates comes together, so that marks are even.

    Within a question every marker has an order of their own: who hands in first is not always marked first, and two
    markers at work rarely meet at the same answer. It goes round: what is left for later comes again after all the others.
    """
    waits = tasks_open_to(person).with_only_columns(MarkingTask.id)
    asked = tasks_visible_to(person).where(or_(MarkingTask.id.in_(waits.order_by(None)), MarkingTask.id == after))
    if session_id is not None:
        asked = asked.where(MarkingTask.session_id == session_id)
    if revision_id is not None:
        asked = asked.where(MarkingTask.revision_id == revision_id)
    own_order = (MarkingTask.id * 7919 + person.id * 104_729) % 1009
    ids = db.session.scalars(
        asked.with_only_columns(MarkingTask.id)
        .order_by(None)
        .order_by(MarkingTask.session_id, MarkingTask.revision_id, MarkingTask.part, own_order, MarkingTask.id)
    ).all()
    at = ids.index(after) + 1 if after in ids else 0
    following = [one for one in [*ids[at:], *ids[:at]] if one != after]
    return db.session.get(MarkingTask, following[0]) if following else None


@dataclass(frozen=True)
class Script:
    """What a marker sees: the question, its rubric, the answer. No name, no other mark."""

    item: Item
    question: Item | Part
    answer: str
    most: Decimal
    digest: str


def script_of(task: MarkingTask) -> Script:
    sitting = db.session.get_one(Sitting, task.sitting_id)
    entry = papers.paper_of(sitting)[task.question - 1]
    answers = replay(steps_of(sitting), late_counts=task.session.late_counts)
    answer = answers.get(task.question)
    if isinstance(answer, dict):
        answer = answer.get(task.part)
    question = questions_of(entry.item)[task.part]
    most = sum((line.points for line in question.rubric), Decimal(0)) or question.points
    return Script(entry.item, question, str(answer or ""), most, entry.digest)


def give(task: MarkingTask, points: list[Decimal], *, by: Person, remark: str, now: datetime) -> Sitting:
    """Mark one written answer: points for each line of the rubric (one number where there is none).

    With the last of the markers wanted the median of the shares becomes the mark; where the first two differ by more
    than the rule's limit, a third is asked instead.
    """
    sitting = sittings.with_session(task.sitting_id)
    task = db.session.get_one(MarkingTask, task.id, with_for_update=True, populate_existing=True)
    if sitting.candidate_id == by.id:
        raise NotFound
    if any(one.marker_id == by.id for one in task.readings):
        raise MarkedBefore
    if task.state is not TaskState.WAITING or sitting.state is not SittingState.SUBMITTED:
        raise MarkedMeanwhile
    paper = papers.paper_of(sitting)
    limits = limits_of(questions_of(paper[task.question - 1].item)[task.part])
    check_points(points, limits)
    reading = Reading(
        task_id=task.id,
        marker_id=by.id,
        third=len(task.readings) == 2,
        points=[str(one) for one in points],
        limits=[str(one) for one in limits],
        remark=remark,
        at=now,
    )
    task.readings.append(reading)
    task.marker_id = by.id
    record(Did.MARK, task, by=by, more={"sitting": sitting.id, "question": task.question, "part": task.part})
    if len(task.readings) < task.wanted:
        return sitting
    if len(task.readings) == 2 and too_far(task.readings, sitting.session):
        task.wanted = 3
        record(Did.ASK_THIRD, task, by=None, more={"sitting": sitting.id, "question": task.question, "part": task.part})
        return sitting
    _count(task, sitting, paper, now)
    return sitting


def _count(task: MarkingTask, sitting: Sitting, paper: list[Entry], now: datetime) -> None:
    """Enough markers: their median is the mark."""
    share = median(one.share for one in task.readings)
    earlier = marks_of(sitting.id)
    remarks = list(dict.fromkeys(one.remark for one in task.readings if one.remark))
    made = Mark(
        sitting_id=sitting.id,
        by=MarkedBy.MARKER,
        marker_id=task.marker_id,
        at=now,
        shares={str(task.question): {task.part: str(share)}},
        working={
            "shares": [str(one.share) for one in task.readings], "markers": [one.marker_id for one in task.readings],
            "counts": "median", "remark": "\n".join(remarks),
        },
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # the task names its mark
    task.state, task.done_at, task.mark_id = TaskState.DONE, now, made.id
    settle(sitting, paper, folded([*earlier, made]), rulings_in(sitting.session_id), now)


def limits_of(question: Item | Part) -> list[Decimal]:
    """The most that each line of the rubric gives; one number where there is no rubric."""
    return [line.points for line in question.rubric] or [question.points]


def check_points(points: Sequence[Decimal], limits: Sequence[Decimal], field: str = "points") -> None:
    """Raises BadPoints naming the line."""
    if len(points) != len(limits):
        raise BadPoints(f"{field}-0", most=limits[0])
    for position, (given, most) in enumerate(zip(points, limits, strict=True)):
        if not given.is_finite() or not 0 <= given <= most:
            raise BadPoints(f"{field}-{position}", most=most)


def rules_of(session: ExamSession) -> dict[str, Any]:
    """Marking rules of a session: pinned with its exam rule, or for a draft those in force."""
    if session.rule_version_id is None:
        return marking_rules(outline.rule("exam", session.level, region_id=session.region_id))
    return marking_rules(outline.typed(db.session.get_one(RuleVersion, session.rule_version_id)))


def too_far(readings: Sequence[Reading], session: ExamSession) -> bool:
    """Do two markers differ by more than the limit, a share of the question's points?"""
    return abs(readings[0].share - readings[1].share) > rules_of(session)["marker_limit"]


# --- release ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """How far a session is: sittings by state, and written answers that wait."""

    by_state: dict[SittingState, int]
    tasks_waiting: int
    tasks_done: int

    def of(self, *states: SittingState) -> int:
        return sum(self.by_state.get(state, 0) for state in states)

    @property
    def total(self) -> int:
        return sum(count for state, count in self.by_state.items() if state is not SittingState.VOID)


def progress_of(session: ExamSession) -> Progress:
    return progress_in([session.id])[session.id]


def progress_in(session_ids: Sequence[int]) -> dict[int, Progress]:
    """How far each of these sessions is."""
    states = db.session.execute(
        select(Sitting.session_id, Sitting.state, func.count())
        .where(Sitting.session_id.in_(session_ids))
        .group_by(Sitting.session_id, Sitting.state)
    ).all()
    tasks = db.session.execute(
        select(MarkingTask.session_id, MarkingTask.state, func.count())
        .join(Sitting, Sitting.id == MarkingTask.sitting_id)
        .where(MarkingTask.session_id.in_(session_ids), Sitting.state != SittingState.VOID)
        .group_by(MarkingTask.session_id, MarkingTask.state)
    ).all()
    by_state: dict[int, dict[SittingState, int]] = {one: {} for one in session_ids}
    by_task: dict[int, dict[TaskState, int]] = {one: {} for one in session_ids}
    for session_id, state, count in states:
        by_state[session_id][state] = count
    for session_id, task_state, count in tasks:
        by_task[session_id][task_state] = count
    return {
        one: Progress(by_state[one], by_task[one].get(TaskState.WAITING, 0), by_task[one].get(TaskState.DONE, 0))
        for one in session_ids
    }


ReleaseCheck = Callable[[Sequence[ExamSession]], Mapping[int, tuple[str, bool]]]
RELEASE_CHECKS: list[ReleaseCheck] = []
"""Further checks: sessions → session id → words and whether it is so. Others add theirs with :func:`release_check`."""


def release_check(check: ReleaseCheck) -> ReleaseCheck:
    RELEASE_CHECKS.append(check)
    return check


def release_checks(session: ExamSession) -> list[tuple[str, bool]]:
    """What must be so before results go out: words and whether it is."""
    return checks_of([session])[session.id]


def checks_of(asked: Sequence[ExamSession]) -> dict[int, list[tuple[str, bool]]]:
    """The same for many sessions, at the price of one."""
    progress = progress_in([one.id for one in asked])
    more = [check(asked) for check in RELEASE_CHECKS]
    rooms = room.release_lines([one.id for one in asked])
    return {
        one.id: [
            *_own_checks(one, progress[one.id]),
            *rooms[one.id],
            *(found[one.id] for found in more if one.id in found),
        ]
        for one in asked
    }


def _own_checks(session: ExamSession, progress: Progress) -> list[tuple[str, bool]]:
    return [
        (_("The exam session is closed."), session.state.value == "closed"),
        (_("Nobody sits any more."), not progress.of(SittingState.IN_PROGRESS)),
        (
            _("Every sitting is marked (%(n)s written answers wait).", n=progress.tasks_waiting),
            not progress.of(SittingState.SUBMITTED),
        ),
        (_("There is a result to release."), bool(progress.of(SittingState.MARKED))),
    ]


@release_check
def _no_open_regrade(asked: Sequence[ExamSession]) -> dict[int, tuple[str, bool]]:
    going_on = set(
        db.session.scalars(
            select(Regrade.session_id).where(
                Regrade.session_id.in_([one.id for one in asked]),
                Regrade.state.in_([RegradeState.COUNTING, RegradeState.PROPOSED, RegradeState.APPLYING]),
            )
        )
    )
    return {one.id: (_("No regrade waits for its decision."), one.id not in going_on) for one in asked}


def release(session: ExamSession, *, by: Person, now: datetime) -> int:
    """Release all results of a session at once and tell everybody; how many. Raises NotMarked naming what is missing."""
    lacking = [words for words, fine in release_checks(session) if not fine]
    if lacking:
        raise NotMarked(why=" ".join(lacking))
    before = session.state
    session.state = moved(SESSION_MOVES, session.state, SessionMove.RELEASE)
    session.released_at = now
    rows = db.session.scalars(
        select(Sitting)
        .where(Sitting.session_id == session.id, Sitting.state == SittingState.MARKED)
        .options(joinedload(Sitting.candidate))
    ).all()
    db.session.execute(
        update(Sitting)
        .where(Sitting.session_id == session.id, Sitting.state == SittingState.MARKED)
        .values(state=SittingState.RELEASED, released_at=now)
        .execution_options(synchronize_session=False)
    )
    for one in rows:
        db.session.expire(one, ["state", "released_at"])
        post(letters.RESULT, to=one.candidate, link=f"/exams/sittings/{one.id}/result", title=session.title, now=now)
    record(Did.RELEASE, session, by=by, changed={"state": (before, session.state)}, more={"results": len(rows)})
    return len(rows)


# --- results ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One question of a result."""

    entry: Entry
    answer: Any
    points: Decimal
    most: Decimal
    shares: dict[str, Decimal | None]
    remarks: dict[str, str]
    key: Item
    """The question by which it was marked: another revision after a change of the key."""
    rulings: tuple[RegradeKind, ...] = ()
    """Of the whole question."""
    part_rulings: tuple[tuple[RegradeKind, int], ...] = ()
    """Of one part: what, and the number of the part."""


@dataclass(frozen=True)
class Result:
    lines: list[Line]
    modules: list[tuple[str, Decimal, Decimal]]
    """Module, points earned, points possible, in the order of the outline."""


def _points(entry: Entry, shares: Mapping[str, Decimal | None], rulings: Rulings) -> tuple[Decimal, Decimal]:
    """Points earned and possible on one place."""
    if rulings.dropped(entry.revision):
        return Decimal(0), Decimal(0)
    without = rulings.dropped_parts(entry.revision)
    return points_of(entry, shares, without), most_of(entry, without)


def result_of(sitting: Sitting) -> Result:
    """Points per question and per module of a marked sitting."""
    paper = papers.paper_of(sitting)
    marks = marks_of(sitting.id)
    shares = folded(marks)
    answers = replay(steps_of(sitting), late_counts=sitting.session.late_counts)
    remarks: dict[int, dict[str, str]] = {}
    for one in marks:
        if one.by is MarkedBy.MARKER and one.working.get("remark"):
            for place, parts in one.shares.items():
                remarks.setdefault(int(place), {}).update(dict.fromkeys(parts, one.working["remark"]))
    rulings = rulings_in(sitting.session_id)
    lines = [
        Line(
            entry,
            answers.get(entry.place),
            *_points(entry, shares.get(entry.place, {}), rulings),
            shares=shares.get(entry.place, {}),
            remarks=remarks.get(entry.place, {}),
            key=rulings.item(entry.revision, entry.item),
            rulings=tuple(one.kind for one in rulings.about(entry.revision) if not one.part),
            part_rulings=tuple(
                (one.kind, part_number(entry.item, one.part)) for one in rulings.about(entry.revision) if one.part
            ),
        )
        for entry in paper
    ]
    modules: dict[str, list[Decimal]] = {}
    for line in lines:
        total = modules.setdefault(line.entry.item.module or "", [Decimal(0), Decimal(0)])
        total[0] += line.points
        total[1] += line.most
    return Result(lines, [(one, *modules[one]) for one in sorted(modules, key=module_rank)])  # type: ignore[misc]
