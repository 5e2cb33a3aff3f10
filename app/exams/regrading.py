"""重新判分: a ruling on a session is counted first, then put in force by a second person.

Counting and putting in force are the same replay (``marking.py``) with the ruling added. Marks are added, never changed;
what a result was before stands in ``RegradeChange`` beside what it became. Small sessions are done at once, larger ones
in the background, some sittings at a time; done twice it changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select, update
from sqlalchemy.orm import contains_eager, joinedload

from app.accounts.models import Person
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.bank import service as bank
from app.core.errors import Invalid, NotAllowedNow, NotFound, Refused
from app.core.permissions import Can
from app.core.text import number
from app.core.waiting import Waiting, waiting
from app.db import db
from app.exams import asks, letters, marking, papers
from app.exams.deeds import Did
from app.exams.models import (
    ExamSession,
    Mark,
    MarkingTask,
    Regrade,
    RegradeChange,
    RegradeKind,
    RegradeState,
    Sitting,
    SittingStep,
    TaskState,
)
from app.exams.rulings import Ruling, Rulings, acceptable, can_replace, has_part
from app.exams.states import SessionState, SittingState
from app.jobs.models import Job, JobState
from app.jobs.service import enqueue
from app.notices.service import post
from question_bank.grading import BadAnswer, Rule
from question_bank.items import Item, Kind

AT_ONCE = 200
"""Up to so many sittings are done in the request itself."""
CHUNK = 50
MARKED = (SittingState.MARKED, SittingState.RELEASED)
OPEN = (RegradeState.COUNTING, RegradeState.PROPOSED, RegradeState.APPLYING)


class NotMarkedYet(Refused):
    message = _l("A regrade is possible once the exam session is over.")


class OneAtATime(Refused):
    message = _l("Another regrade of this exam session waits for its decision. Please decide on it first.")


class SecondPerson(Refused):
    message = _l("A regrade is put in force by a second person: whoever proposed it cannot do so.")


class NotOnAnyPaper(Invalid):
    message = _l("No paper of this exam session holds this question.")


class NoKey(Invalid):
    message = _l("Please choose a later approved revision of the question with the same options.")


class NoAnswer(Invalid):
    message = _l("Please give the answer that is to be accepted besides the key.")


class NotForEssays(Invalid):
    message = _l("Written answers are marked by people; for them a question can be dropped or given full marks.")


class NoPart(Invalid):
    message = _l("This question has no such part. Only a part of a case can be dropped or given full marks by itself.")


class PartSettled(Invalid):
    message = _l("A ruling in force has settled this part or the whole question already.")


class SameRule(Invalid):
    message = _l("This rule is in force already.")


# --- reading ---------------------------------------------------------------------------------------------------------------


def regrades_visible_to(person: Person, can: Can = Can.READ_EXAM) -> Select[Regrade]:
    return (
        select(Regrade)
        .join(Regrade.session)
        .where(within(person, can, region=ExamSession.region_id))
        .options(contains_eager(Regrade.session), joinedload(Regrade.proposed_by), joinedload(Regrade.decided_by))
        .order_by(Regrade.id.desc())
    )


def regrade_for(person: Person, regrade_id: int, can: Can = Can.READ_EXAM) -> Regrade:
    found = db.session.scalar(regrades_visible_to(person, can).where(Regrade.id == regrade_id))
    if found is None:
        raise NotFound
    return found


def waiting_for(person: Person) -> Waiting:
    """Regrades that wait for this person's decision: proposed by somebody else."""
    asked = regrades_visible_to(person, Can.RUN_EXAM).where(
        Regrade.state == RegradeState.PROPOSED, Regrade.proposed_by_id != person.id
    )
    return waiting(asked, Regrade.proposed_at)


def regrades_of(session: ExamSession) -> list[Regrade]:
    return list(
        db.session.scalars(
            select(Regrade)
            .where(Regrade.session_id == session.id)
            .options(joinedload(Regrade.proposed_by), joinedload(Regrade.decided_by))
            .order_by(Regrade.id.desc())
        )
    )


def revisions_on_papers(session: ExamSession) -> dict[int, int]:
    """Revision id → on how many papers of those who sat."""
    counts: dict[int, int] = defaultdict(int)
    rows = db.session.execute(
        select(Sitting.entries).where(
            Sitting.session_id == session.id, Sitting.state.in_([SittingState.SUBMITTED, *MARKED])
        )
    )
    for (entries,) in rows:
        for entry in entries:
            counts[entry["revision"]] += 1
    return dict(counts)


def keys_for(revision_id: int) -> list[Any]:
    """Approved later revisions by which given answers can be marked."""
    item = bank.revision(revision_id).item
    return [one for one in bank.approved_after(revision_id) if can_replace(item, one.item)]


def only_people_mark(item: Item) -> bool:
    return item.kind is Kind.ESSAY or (item.kind is Kind.CASE and all(part.kind is Kind.ESSAY for part in item.parts))


# --- proposing -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """What somebody proposes."""

    kind: RegradeKind
    reason: str
    revision_id: int | None = None
    to_revision_id: int | None = None
    answer: Any = None
    rule: Rule | None = None
    part: str = ""
    """DROP, FULL: one part of a case."""


def propose(session: ExamSession, wanted: Wanted, *, by: Person, now: datetime) -> Regrade:
    """Write down a ruling and count what it would change. The session is locked by the caller."""
    must_reach(by, Can.RUN_EXAM, region=session.region_id)
    if session.state not in (SessionState.CLOSED, SessionState.RELEASED):
        raise NotMarkedYet
    if db.session.scalar(select(Regrade.id).where(Regrade.session_id == session.id, Regrade.state.in_(OPEN)).limit(1)):
        raise OneAtATime
    if not wanted.reason.strip():
        raise Invalid("reason")
    made = Regrade(
        session_id=session.id, kind=wanted.kind, reason=wanted.reason.strip(), proposed_by_id=by.id, proposed_at=now,
        state=RegradeState.COUNTING, **_checked(session, wanted),
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # what is counted names it
    ids = _sitting_ids(session.id, MARKED)
    record(Did.REGRADE_PROPOSE, made, by=by, reason=made.reason, more=_said(made))
    if len(ids) <= AT_ONCE:
        count(made, ids)
        made.state = RegradeState.PROPOSED
    else:
        made.job_id = _enqueue("exams.regrade.count", made, ids, by, session.title)
    return made


def _checked(session: ExamSession, wanted: Wanted) -> dict[str, Any]:
    """The columns of a ruling that makes sense for the session."""
    if wanted.kind is RegradeKind.RULE:
        if wanted.rule is None or wanted.rule is marking.rulings_in(session.id).rule(session.multiple_rule):
            raise SameRule("rule")
        return {"rule": wanted.rule}
    if wanted.revision_id is None or wanted.revision_id not in revisions_on_papers(session):
        raise NotOnAnyPaper("kind")
    found: dict[str, Any] = {"revision_id": wanted.revision_id}
    item = bank.revision(wanted.revision_id).item
    if wanted.part:
        if wanted.kind not in (RegradeKind.DROP, RegradeKind.FULL) or not has_part(item, wanted.part):
            raise NoPart("part")
        if marking.rulings_in(session.id).settled(wanted.revision_id, wanted.part):
            raise PartSettled("part")
        found["part"] = wanted.part
    if wanted.kind in (RegradeKind.KEY, RegradeKind.ACCEPT) and only_people_mark(item):
        raise NotForEssays("kind")
    if wanted.kind is RegradeKind.KEY:
        if wanted.to_revision_id not in {one.id for one in keys_for(wanted.revision_id)}:
            raise NoKey("to_revision_id")
        found["to_revision_id"] = wanted.to_revision_id
    if wanted.kind is RegradeKind.ACCEPT:
        try:
            found["answer"] = acceptable(item, wanted.answer)
        except BadAnswer:
            raise NoAnswer("answer") from None
        if found["answer"] is None:
            raise NoAnswer("answer")
    return found


def _said(row: Regrade) -> dict[str, Any]:
    said = {"session": row.session_id, "kind": row.kind.value, "revision": row.revision_id, "to": row.to_revision_id}
    return said | {"part": row.part} if row.part else said


def _sitting_ids(session_id: int, states: Iterable[SittingState]) -> list[int]:
    asked = select(Sitting.id).where(Sitting.session_id == session_id, Sitting.state.in_(states)).order_by(Sitting.id)
    return list(db.session.scalars(asked))


def _enqueue(kind: str, row: Regrade, ids: list[int], by: Person, title: str) -> int:
    items: list[dict[str, Any]] = [
        {"regrade": row.id, "sittings": ids[at : at + CHUNK], "label": f"{at + 1}–{min(at + CHUNK, len(ids))}"}
        for at in range(0, len(ids), CHUNK)
    ]
    return enqueue(kind, [*items, {"regrade": row.id, "last": True, "label": "="}], by=by, title=title).id


# --- the replay ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Replayed:
    """One sitting marked again: the machine's shares, and the result they would give with everything else that counts."""

    sitting: Sitting
    paper: list[papers.Entry]
    marks: list[Mark]
    machine: marking.Shares
    shares: marking.Shares
    score: Decimal
    maximum: Decimal

    @property
    def passed(self) -> bool:
        return marking.percent(self.score, self.maximum) >= self.sitting.session.pass_mark


def replayed(
    session: ExamSession, sittings: Collection[Sitting], rulings: Rulings, now: datetime
) -> Iterator[Replayed]:
    """Mark sittings again under these rulings, without storing anything. Two statements for all of them."""
    ids = [one.id for one in sittings]
    steps: dict[int, list[Any]] = defaultdict(list)
    for step in db.session.execute(
        select(
            SittingStep.sitting_id, SittingStep.epoch, SittingStep.question, SittingStep.counter, SittingStep.answer,
            SittingStep.fate,
        ).where(SittingStep.sitting_id.in_(ids))
    ):  # fmt: skip
        steps[step.sitting_id].append(step)
    marks: dict[int, list[Mark]] = defaultdict(list)
    for one in db.session.scalars(select(Mark).where(Mark.sitting_id.in_(ids)).order_by(Mark.id)):
        marks[one.sitting_id].append(one)
    for sitting in sittings:
        paper = papers.paper_of(sitting)
        answers = marking.replay(steps[sitting.id], late_counts=session.late_counts)
        machine = marking.machine_shares(paper, answers, session.multiple_rule, rulings)
        entry = marking.machine_mark(sitting.id, machine, rulings, session, now)
        shares = marking.folded([*marks[sitting.id], entry])
        score, maximum = marking.result_in(paper, shares, rulings)
        yield Replayed(sitting, paper, marks[sitting.id], machine, shares, score, maximum)


def _sittings(ids: Collection[int], lock: bool = False) -> list[Sitting]:
    asked = (
        select(Sitting)
        .join(Sitting.session)
        .where(Sitting.id.in_(list(ids)))
        .options(contains_eager(Sitting.session), joinedload(Sitting.candidate))
        .order_by(Sitting.id)
    )
    if lock:
        asked = asked.with_for_update(of=Sitting).execution_options(populate_existing=True)
    return list(db.session.scalars(asked))


def _concerned(row: Regrade, sittings: Iterable[Sitting]) -> list[Sitting]:
    if row.revision_id is None:
        return list(sittings)
    return [one for one in sittings if any(entry["revision"] == row.revision_id for entry in one.entries)]


def count(row: Regrade, sitting_ids: Collection[int]) -> None:
    """The dry run for some sittings: a line for each whose result would change."""
    session = db.session.get_one(ExamSession, row.session_id)
    rulings = marking.rulings_in(session.id).with_(marking.ruling_of(row))
    known = set(db.session.scalars(select(RegradeChange.sitting_id).where(RegradeChange.regrade_id == row.id)))
    wanted = [one for one in _concerned(row, _sittings(sitting_ids)) if one.state in MARKED and one.id not in known]
    for found in replayed(session, wanted, rulings, row.proposed_at):
        change = _change(row, found)
        if change is not None:
            db.session.add(change)


def _change(row: Regrade, found: Replayed) -> RegradeChange | None:
    sitting = found.sitting
    before = (sitting.score or Decimal(0), sitting.maximum or Decimal(0), bool(sitting.passed))
    after = (found.score, found.maximum, found.passed)
    if before == after:
        return None
    return RegradeChange(
        regrade_id=row.id, sitting_id=sitting.id, score_before=before[0], maximum_before=before[1],
        passed_before=before[2], score_after=after[0], maximum_after=after[1], passed_after=after[2],
    )  # fmt: skip


@dataclass(frozen=True)
class Preview:
    """What a regrade changes, in figures. ``certificates``: numbers held by people who would no longer have passed."""

    changed: int
    up: int
    down: int
    newly_passed: int
    newly_failed: int
    being_marked: int
    certificates: tuple[str, ...]


def preview_of(row: Regrade) -> Preview:
    """Figures of the lines counted; scores are compared as shares of their maximum."""
    rows = db.session.execute(
        select(RegradeChange, Sitting.candidate_id)
        .join(RegradeChange.sitting)
        .where(RegradeChange.regrade_id == row.id)
    )
    changed = up = down = newly_passed = 0
    failed: list[int] = []
    for change, candidate_id in rows:
        before = marking.percent(change.score_before, change.maximum_before)
        after = marking.percent(change.score_after, change.maximum_after)
        changed, up, down = changed + 1, up + (after > before), down + (after < before)
        newly_passed += change.passed_after and not change.passed_before
        if change.passed_before and not change.passed_after:
            failed.append(candidate_id)
    held = asks.certificates_resting_on(failed, row.session.level) if failed else {}
    waiting = len(_sitting_ids(row.session_id, [SittingState.SUBMITTED]))
    numbers = tuple(sorted(one for numbers in held.values() for one in numbers))
    return Preview(changed, up, down, newly_passed, len(failed), waiting, numbers)


# --- deciding --------------------------------------------------------------------------------------------------------------


def commit(row: Regrade, *, by: Person, remark: str, now: datetime) -> None:
    """Put a ruling in force. Everything is marked again now, so that what was marked since the count is right too."""
    must_reach(by, Can.RUN_EXAM, region=row.session.region_id)
    if by.id == row.proposed_by_id:
        raise SecondPerson
    if row.state is RegradeState.APPLYING and _stopped(row):
        pass  # its job was cancelled or broke: go on
    elif row.state is not RegradeState.PROPOSED:
        raise NotAllowedNow
    row.state, row.decided_by_id, row.decided_at, row.remark = RegradeState.APPLYING, by.id, now, remark.strip()
    db.session.flush()  # the rulings in force are read from the table
    ids = _sitting_ids(row.session_id, [SittingState.SUBMITTED, *MARKED])
    record(Did.REGRADE, row, by=by, reason=row.reason, more=_said(row) | {"proposed_by": row.proposed_by_id})
    if len(ids) <= AT_ONCE:
        apply(row, ids, now=now)
        row.state = RegradeState.APPLIED
    else:
        row.job_id = _enqueue("exams.regrade.apply", row, ids, by, row.session.title)


def _stopped(row: Regrade) -> bool:
    job = db.session.get(Job, row.job_id) if row.job_id else None
    return job is not None and job.state in (JobState.CANCELLED, JobState.FAILED)


def apply(row: Regrade, sitting_ids: Collection[int], *, now: datetime) -> int:
    """Mark some sittings again with the ruling in force; how many results changed. Repeating it changes nothing."""
    session = db.session.get_one(ExamSession, row.session_id)
    rulings = marking.rulings_in(session.id)
    sittings = _concerned(row, _sittings(sitting_ids, lock=True))
    lines = {
        line.sitting_id: line
        for line in db.session.scalars(
            select(RegradeChange).where(
                RegradeChange.regrade_id == row.id, RegradeChange.sitting_id.in_([one.id for one in sittings])
            )
        )
    }
    if row.kind in (RegradeKind.DROP, RegradeKind.FULL):
        _void_tasks(row, [one.id for one in sittings], now)
    changed = 0
    for found in replayed(session, sittings, rulings, now):
        if not found.marks or any(row.id in one.working.get("regrades", ()) for one in found.marks):
            continue
        changed += _apply_to(row, found, lines.get(found.sitting.id), session, rulings, now)
    return changed


def _void_tasks(row: Regrade, sitting_ids: list[int], now: datetime) -> None:
    """Answers that need no marker any more."""
    db.session.execute(
        update(MarkingTask)
        .where(
            MarkingTask.sitting_id.in_(sitting_ids),
            MarkingTask.revision_id == row.revision_id,
            *([MarkingTask.part == row.part] if row.part else []),
            MarkingTask.state == TaskState.WAITING,
        )
        .values(state=TaskState.VOID, done_at=now)
        .execution_options(synchronize_session=False)
    )


def _apply_to(
    row: Regrade, found: Replayed, line: RegradeChange | None, session: ExamSession, rulings: Rulings, now: datetime
) -> bool:
    sitting, was_marked = found.sitting, found.sitting.state in MARKED
    fresh = _change(row, found) if was_marked else None
    if line is not None and fresh is None:
        db.session.delete(line)  # counted, but something else has changed the result since
    elif fresh is not None:
        if line is None:
            line = fresh
            db.session.add(line)
        for name in ("score", "maximum", "passed"):
            for when in ("before", "after"):
                setattr(line, f"{name}_{when}", getattr(fresh, f"{name}_{when}"))
        line.applied_at = now
    before = marking.percent_of(sitting)
    db.session.add(marking.machine_mark(sitting.id, found.machine, rulings, session, now))
    marking.settle(sitting, found.paper, found.shares, rulings, now)
    if fresh is not None and sitting.state is SittingState.RELEASED:
        post(
            letters.REGRADED, to=sitting.candidate, link=f"/exams/sittings/{sitting.id}/result", title=session.title,
            reason=row.reason, before=number(before), after=number(marking.percent_of(sitting)), now=now,
        )  # fmt: skip
    return fresh is not None


def drop(row: Regrade, *, by: Person, remark: str, now: datetime) -> None:
    """Give a proposal up: by who made it, or refused by a second person. Nothing was changed."""
    must_reach(by, Can.RUN_EXAM, region=row.session.region_id)
    if row.state not in (RegradeState.COUNTING, RegradeState.PROPOSED):
        raise NotAllowedNow
    if not remark.strip():
        raise Invalid("remark")
    row.state, row.decided_by_id, row.decided_at, row.remark = RegradeState.DROPPED, by.id, now, remark.strip()
    record(Did.REGRADE_DROP, row, by=by, reason=remark, more=_said(row))


__all__ = ["Ruling", "Wanted", "commit", "drop", "preview_of", "propose"]
