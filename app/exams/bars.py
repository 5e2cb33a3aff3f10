"""Who may not sit for a time (禁考): cheating confirmed in an exam, or a decision on somebody's integrity credit.

The first stands on the void sitting; of the second the stage asks upward. Nobody's word admits before the day is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.accounts.models import Person
from app.audit.service import record
from app.core import clock
from app.core.errors import Refused
from app.core.states import moved
from app.core.text import day
from app.db import db
from app.exams import asks, letters, places
from app.exams.deeds import Did
from app.exams.models import EventKind, ExamSession, Sitting, SittingEvent
from app.exams.states import SITTING_MOVES, SessionState, SittingMove, SittingState
from app.notices.service import post


class BarredFor(StrEnum):
    CHEATING = "cheating"
    INTEGRITY = "integrity"


WHY = {
    BarredFor.CHEATING: _l("cheating in an exam was confirmed"),
    BarredFor.INTEGRITY: _l("by a decision on the integrity credit"),
}


@dataclass(frozen=True)
class Bar:
    """``until``: the first day on which the person may sit again."""

    until: date
    why: BarredFor

    @property
    def words(self) -> str:
        return str(WHY[self.why])


class Barred(Refused):
    message = _l(
        "You are barred from exams until %(day)s (%(why)s). The decision and how to appeal stand in the letter you got; "
        "from that day on you can register again."
    )


class CandidateBarred(Refused):
    """The same, told to the office."""

    message = _l(
        "%(name)s is barred from exams until %(day)s (%(why)s). No reason of the office lifts a bar; choose a session on or "
        "after that day."
    )


def bar_of(person_id: int, on: date) -> Bar | None:
    """The bar that lasts longest of those in force on a day."""
    found = []
    cheated = db.session.scalar(select(func.max(Sitting.barred_until)).where(Sitting.candidate_id == person_id))
    if cheated is not None and cheated > on:
        found.append(Bar(cheated, BarredFor.CHEATING))
    decided = asks.banned_until([person_id], on).get(person_id)
    if decided is not None:
        found.append(Bar(decided, BarredFor.INTEGRITY))
    return max(found, key=lambda one: one.until, default=None)


def refuse_barred(candidate: Person, on: date, *, own: bool) -> None:
    """Raises Barred, or to the office CandidateBarred, where a bar is in force on the day of the exam."""
    bar = bar_of(candidate.id, on)
    if bar is None:
        return
    if own:
        raise Barred(day=day(bar.until), why=bar.words)
    raise CandidateBarred(name=candidate.name, day=day(bar.until), why=bar.words)


def take_out(person: Person, until: date, why: BarredFor, *, by: Person | None, now: datetime) -> int:
    """Take back registrations for exams before the bar ends; the person is told of each. How many."""
    rows = db.session.scalars(
        select(Sitting)
        .join(Sitting.session)
        .where(
            Sitting.candidate_id == person.id,
            Sitting.state == SittingState.REGISTERED,
            ExamSession.state.in_([SessionState.DRAFT, SessionState.PUBLISHED]),
            ExamSession.closes_at > now,
        )
        .order_by(Sitting.id)
        .options(joinedload(Sitting.session))
        .with_for_update(of=Sitting)
        .execution_options(populate_existing=True)
    )
    out = [one for one in rows if clock.local_date(one.session.opens_at) < until]
    for one in out:
        one.state = moved(SITTING_MOVES, one.state, SittingMove.VOID)
        one.void_reason = _("Barred from exams until %(day)s (%(why)s)", day=day(until), why=WHY[why])
        places.free(one)
        by_id = by.id if by is not None else None
        db.session.add(
            SittingEvent(sitting_id=one.id, kind=EventKind.VOIDED, at=now, note=one.void_reason[:400], by_id=by_id)
        )
        record(Did.WITHDRAW, one, by=by, reason=one.void_reason)
        if one.session.state is SessionState.PUBLISHED:
            post(
                letters.BARRED,
                to=person,
                link="/exams/",
                title=one.session.title,
                until=until,
                reason=WHY[why],
                now=now,
            )
    return len(out)
