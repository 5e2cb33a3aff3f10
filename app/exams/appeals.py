"""成绩复核: a candidate asks for a second look at a released result.

Written answers are looked at again by somebody who marked nothing of this sitting and sees neither the name nor any
earlier point; the machine's part is replayed. Then the exam office – another person – decides: unchanged, or corrected
to what the second look gave, with a reason. A key that is wrong is no matter for a review: a regrade corrects it equally for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from app.accounts.models import Person
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.core import clock
from app.core.errors import Forbidden, Invalid, NotAllowedNow, NotFound, Refused
from app.core.permissions import Can
from app.core.text import day, number
from app.core.waiting import Waiting, waiting
from app.core.workdays import add_working_days
from app.db import db
from app.exams import letters, marking, papers, regrading, sittings
from app.exams.deeds import Did
from app.exams.models import (
    Appeal,
    AppealOutcome,
    AppealState,
    ExamSession,
    Mark,
    MarkedBy,
    MarkingTask,
    Reading,
    Sitting,
    TaskState,
)
from app.exams.states import SittingState
from app.notices.service import post
from app.outline import service as outline
from question_bank.grading import points_for
from question_bank.items import Item, Part, questions_of


class NotReleased(Refused):
    message = _l("A review can be asked for once the result has been released.")


class OverTime(Refused):
    message = _l("The term for asking for a result review ended on %(day)s.")


class AskedBefore(Refused):
    message = _l("A review of this result was asked for already; it is looked at once.")


class NothingToCorrect(Invalid):
    message = _l(
        "The second look gives the same score, so the outcome can only be “unchanged”. "
        "A wrong key is corrected by a regrade, equally for everybody."
    )


class LookedYourself(Refused):
    message = _l("Whoever took the second look does not decide on the review. Please leave it to another person.")


# --- asking ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Term:
    """Until when a review can be asked for, and why not now (a refusal), or None."""

    last_day: date | None
    refusal: Refused | None


def term_of(sitting: Sitting, now: datetime) -> Term:
    """``appeal_days`` working days after the day of release; counting begins the next day."""
    if sitting.state is not SittingState.RELEASED or sitting.released_at is None:
        return Term(None, NotReleased())
    rules = marking.rules_of(sitting.session)
    last = add_working_days(clock.local_date(sitting.released_at), rules["appeal_days"], _calendar(sitting.session))
    return Term(last, OverTime(day=day(last)) if clock.local_date(now) > last else None)


def _calendar(session: ExamSession) -> Any:
    return outline.calendar(region_id=session.region_id)


def appeal_of(sitting: Sitting) -> Appeal | None:
    return db.session.scalar(select(Appeal).where(Appeal.sitting_id == sitting.id))


def ask(sitting_id: int, *, by: Person, reason: str, now: datetime) -> Appeal:
    """Ask for a second look at one's own result: once, with a reason, within the term."""
    sitting = sittings.with_session(sitting_id)
    if sitting.candidate_id != by.id:
        raise NotFound
    term = term_of(sitting, now)
    if term.refusal is not None:
        raise term.refusal
    if appeal_of(sitting) is not None:
        raise AskedBefore
    if len(reason.strip()) < 10:
        raise Invalid("reason")
    rules = marking.rules_of(sitting.session)
    made = Appeal(
        sitting_id=sitting.id,
        session_id=sitting.session_id,
        reason=reason.strip(),
        made_at=now,
        due_on=add_working_days(clock.local_date(now), rules["answer_days"], _calendar(sitting.session)),
        state=AppealState.OPEN if written_parts(sitting) else AppealState.LOOKED,
    )
    db.session.add(made)
    record(Did.APPEAL, made, by=by, reason=made.reason, more={"sitting": sitting.id})
    post(letters.APPEAL_MADE, to=sitting.candidate, link=f"/exams/sittings/{sitting.id}/result",
         title=sitting.session.title, due=day(made.due_on), now=now)  # fmt: skip
    return made


# --- reading ---------------------------------------------------------------------------------------------------------------


def appeals_visible_to(person: Person, can: Can = Can.READ_EXAM) -> Select[Appeal]:
    return (
        select(Appeal)
        .join(Appeal.session)
        .join(Appeal.sitting)
        .join(Sitting.candidate)
        .where(within(person, can, region=ExamSession.region_id))
        .options(contains_eager(Appeal.session), contains_eager(Appeal.sitting).contains_eager(Sitting.candidate))
        .order_by(Appeal.state == AppealState.DECIDED, Appeal.due_on, Appeal.id)
    )


def appeal_for(person: Person, appeal_id: int, can: Can = Can.READ_EXAM) -> Appeal:
    found = db.session.scalar(appeals_visible_to(person, can).where(Appeal.id == appeal_id))
    if found is None:
        raise NotFound
    return found


def _marked_by(person: Person) -> Any:
    """Condition: this person marked something of the sitting."""
    return or_(
        exists().where(
            MarkingTask.sitting_id == Appeal.sitting_id, Reading.task_id == MarkingTask.id,
            Reading.marker_id == person.id,
        ),
        exists().where(Mark.sitting_id == Appeal.sitting_id, Mark.marker_id == person.id),
    )  # fmt: skip


def looks_open_to(person: Person) -> Select[Appeal]:
    """Reviews of which this person may take the second look: in their scope, nothing of it marked or written by them."""
    reach = or_(
        within(person, Can.MARK, region=ExamSession.region_id),
        within(person, Can.RUN_EXAM, region=ExamSession.region_id),
    )
    return (
        select(Appeal)
        .join(Appeal.session)
        .join(Appeal.sitting)
        .where(reach, Appeal.state == AppealState.OPEN, Sitting.candidate_id != person.id, ~_marked_by(person))
        .options(contains_eager(Appeal.session), contains_eager(Appeal.sitting))
        .order_by(Appeal.due_on, Appeal.id)
    )


def look_for(person: Person, appeal_id: int) -> Appeal:
    found = db.session.scalar(looks_open_to(person).where(Appeal.id == appeal_id))
    if found is None:
        raise NotFound
    return found


def _count(asked: Select[Appeal]) -> int:
    return db.session.scalar(select(func.count()).select_from(asked.order_by(None).subquery())) or 0


def looks_waiting(person: Person) -> Waiting:
    return waiting(looks_open_to(person), Appeal.made_at)


def decisions_waiting(person: Person) -> Waiting:
    asked = appeals_visible_to(person, Can.RUN_EXAM).where(
        Appeal.state == AppealState.LOOKED, func.coalesce(Appeal.looked_by_id, 0) != person.id
    )
    return waiting(asked, Appeal.made_at)


# --- the second look -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """A written answer to be looked at again."""

    place: int
    part: str
    item: Item
    question: Item | Part
    answer: str
    worth: Decimal
    """Points on the paper."""

    @property
    def name(self) -> str:
        """Begins the names of its fields."""
        return f"points-{self.place}-{self.part}"

    @property
    def limits(self) -> list[Decimal]:
        return marking.limits_of(self.question)


def written_parts(sitting: Sitting) -> list[Written]:
    """Written answers that people marked and no ruling has settled."""
    tasks = db.session.execute(
        select(MarkingTask.question, MarkingTask.part)
        .where(MarkingTask.sitting_id == sitting.id, MarkingTask.state == TaskState.DONE)
        .order_by(MarkingTask.question, MarkingTask.part)
    ).all()
    if not tasks:
        return []
    rulings = marking.rulings_in(sitting.session_id)
    paper = {entry.place: entry for entry in papers.paper_of(sitting)}
    answers = marking.replay(marking.steps_of(sitting), late_counts=sitting.session.late_counts)
    found = []
    for place, part in tasks:
        entry = paper[place]
        if rulings.settled(entry.revision, part):
            continue
        question = questions_of(entry.item)[part]
        answer = answers.get(place)
        if isinstance(answer, Mapping):
            answer = answer.get(part)
        whole = sum((one.points for one in questions_of(entry.item).values()), Decimal(0))
        worth = points_for(question.points / whole, entry.points)
        found.append(Written(place, part, entry.item, question, str(answer or ""), worth))
    return found


def look(appeal: Appeal, points: Mapping[str, Sequence[Decimal]], *, by: Person, remark: str, now: datetime) -> None:
    """Points for every written answer anew (``Written.name`` → one for each line of its rubric)."""
    if look_for(by, appeal.id) is None or appeal.state is not AppealState.OPEN:
        raise NotAllowedNow
    given: dict[str, Any] = {}
    for one in written_parts(appeal.sitting):
        own = list(points.get(one.name, ()))
        marking.check_points(own, one.limits, one.name)
        given.setdefault(str(one.place), {})[one.part] = {
            "points": [str(p) for p in own], "limits": [str(p) for p in one.limits],
        }  # fmt: skip
    appeal.look, appeal.look_remark = given, remark.strip()
    appeal.looked_by_id, appeal.looked_at, appeal.state = by.id, now, AppealState.LOOKED
    record(Did.APPEAL_LOOK, appeal, by=by, more={"sitting": appeal.sitting_id})


# --- the decision ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Compared:
    """One written answer: what counts, what each marker gave, what the second look gave; in points of the paper."""

    place: int
    part: str
    item: Item
    answer: str
    worth: Decimal
    now: Decimal | None
    readings: tuple[Decimal, ...]
    second: Decimal | None


@dataclass(frozen=True)
class Finding:
    """All that the decision rests on. ``machine``: score by the replay with the written marks as they are."""

    lines: tuple[Compared, ...]
    score: Decimal
    machine: Decimal
    corrected: Decimal
    maximum: Decimal


def _second(appeal: Appeal, place: int, part: str) -> Decimal | None:
    """The share that the second look gave."""
    found = appeal.look.get(str(place), {}).get(part)
    if found is None:
        return None
    return sum(map(Decimal, found["points"]), Decimal(0)) / sum(map(Decimal, found["limits"]), Decimal(0))


def _replayed(appeal: Appeal, now: datetime) -> tuple[regrading.Replayed, marking.Shares]:
    """The sitting marked again, and its shares with those of the second look in place."""
    session = appeal.session
    rulings = marking.rulings_in(session.id)
    [found] = regrading.replayed(session, [appeal.sitting], rulings, now)
    shares = {place: dict(parts) for place, parts in found.shares.items()}
    for place, parts in appeal.look.items():
        for part in parts:
            shares[int(place)][part] = _second(appeal, int(place), part)
    return found, shares


def finding_of(appeal: Appeal, now: datetime) -> Finding:
    found, shares = _replayed(appeal, now)
    rulings = marking.rulings_in(appeal.session_id)
    corrected, maximum = marking.result_in(found.paper, shares, rulings)
    readings: dict[tuple[int, str], list[Decimal]] = {}
    for task in db.session.scalars(
        select(MarkingTask).where(MarkingTask.sitting_id == appeal.sitting_id).options(joinedload(MarkingTask.readings))
    ).unique():
        readings[task.question, task.part] = [one.share for one in task.readings]

    def points(share: Decimal | None, worth: Decimal) -> Decimal | None:
        return None if share is None else points_for(share, worth)

    lines = tuple(
        Compared(
            one.place, one.part, one.item, one.answer, one.worth,
            points(found.shares.get(one.place, {}).get(one.part), one.worth),
            tuple(points_for(share, one.worth) for share in readings.get((one.place, one.part), ())),
            points(_second(appeal, one.place, one.part), one.worth),
        )
        for one in written_parts(appeal.sitting)
    )  # fmt: skip
    return Finding(lines, appeal.sitting.score or Decimal(0), found.score, corrected, maximum)


def decide(appeal: Appeal, outcome: AppealOutcome, *, by: Person, finding: str, now: datetime) -> None:
    """Answer the review. Corrected means: what the second look and the replay give counts from now on, as further entries."""
    must_reach(by, Can.RUN_EXAM, region=appeal.session.region_id)
    if appeal.state is not AppealState.LOOKED:
        raise NotAllowedNow
    if appeal.looked_by_id == by.id:
        raise LookedYourself
    sitting = sittings.with_session(appeal.sitting_id)
    if sitting.candidate_id == by.id:
        raise Forbidden
    if sitting.state is not SittingState.RELEASED:
        raise NotAllowedNow
    if not finding.strip():
        raise Invalid("finding")
    before = marking.percent_of(sitting)
    if outcome is AppealOutcome.CORRECTED:
        _correct(appeal, sitting, now)
    after = marking.percent_of(sitting)
    appeal.state, appeal.outcome, appeal.finding = AppealState.DECIDED, outcome, finding.strip()
    appeal.decided_by_id, appeal.decided_at = by.id, now
    appeal.score_before, appeal.score_after = before, after
    record(Did.APPEAL_ANSWER, appeal, by=by, reason=appeal.finding, changed={"score": (before, after)},
           more={"sitting": sitting.id, "outcome": outcome.value})  # fmt: skip
    letter = letters.APPEAL_CORRECTED if outcome is AppealOutcome.CORRECTED else letters.APPEAL_UNCHANGED
    post(letter, to=sitting.candidate, link=f"/exams/sittings/{sitting.id}/result", title=sitting.session.title,
         reason=appeal.finding, before=number(before), after=number(after), now=now)  # fmt: skip


def _correct(appeal: Appeal, sitting: Sitting, now: datetime) -> None:
    found, shares = _replayed(appeal, now)
    rulings = marking.rulings_in(sitting.session_id)
    if marking.result_in(found.paper, shares, rulings) == (sitting.score, sitting.maximum):
        raise NothingToCorrect("outcome")
    db.session.add(marking.machine_mark(sitting.id, found.machine, rulings, sitting.session, now))
    if appeal.look:
        db.session.add(
            Mark(
                sitting_id=sitting.id, by=MarkedBy.REVIEW, marker_id=appeal.looked_by_id, at=now,
                shares={
                    place: {part: str(_second(appeal, int(place), part)) for part in parts}
                    for place, parts in appeal.look.items()
                },
                working={"appeal": appeal.id, "points": appeal.look},
            )
        )  # fmt: skip
    marking.settle(sitting, found.paper, shares, rulings, now)
