"""What a candidate's browser tells of itself: recorded as evidence, counted as the session says, judged by a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from app.db import db
from app.exams import sittings
from app.exams.models import EventKind, Signal, Sitting, SittingEvent, SittingSignal
from app.exams.sittings import BadSteps, By
from app.exams.states import SittingState, SubmittedBy
from app.exams.watch import AtLimit, watch_of

MOST_AT_ONCE = 50
MOST = 1000
"""Of one sitting; what comes after is not kept (a script gone wild fills no disk)."""
DAY_MS = 24 * 3600 * 1000
LEFT = (Signal.HIDDEN, Signal.BLUR, Signal.FULL_SCREEN_LEFT)


@dataclass(frozen=True)
class Told:
    """One signal as the browser tells it. ``ago_ms``: how long ago it began, by the browser's own clock."""

    number: int
    kind: Signal
    ago_ms: int
    ms: int


@dataclass(frozen=True)
class Standing:
    """How a candidate stands: absences that counted, of how many."""

    state: SittingState
    counted: int
    limit: int
    hand_in: bool

    def as_json(self) -> dict[str, Any]:
        return {"state": self.state.value, "counted": self.counted, "limit": self.limit, "hand_in": self.hand_in}


def _number(value: Any, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise BadSteps
    return value


def read_told(raw: Any) -> list[Told]:
    """The signals of a request, checked in shape. Raises BadSteps."""
    if not isinstance(raw, list) or len(raw) > MOST_AT_ONCE:
        raise BadSteps
    told: dict[int, Told] = {}
    for one in raw:
        if not isinstance(one, Mapping) or one.get("kind") not in set(Signal):
            raise BadSteps
        number = _number(one.get("number"), 1_000_000)
        given = Told(
            number, Signal(one["kind"]), _number(one.get("ago_ms", 0), DAY_MS), _number(one.get("ms", 0), DAY_MS)
        )
        if number not in told or told[number].ms <= given.ms:
            told[number] = given
    return list(told.values())


def tell(sitting_id: int, tab: str, told: list[Told], *, by: By, now: datetime) -> Standing:
    """Keep what a browser tells. Sent again it changes nothing, but for an absence that has lasted longer meanwhile.

    Where the operator chose so, the signal with which the limit is reached ends the sitting here, whatever the page does;
    what the page had not uploaded comes with the signal and is saved before it (``hall.tell``).
    """
    if not re.fullmatch(r"[0-9a-f]{8,16}", tab):
        raise BadSteps
    sitting = sittings.sitting_for(by, sitting_id)
    watch = watch_of(sitting.session)
    if told and sitting.state is SittingState.IN_PROGRESS and sitting.paused_at is None:
        rows = [
            {"sitting_id": sitting_id, "tab": tab, "number": one.number, "kind": one.kind, "ms": one.ms,
             "at": now - timedelta(milliseconds=one.ago_ms),
             "counted": one.kind in LEFT and one.ms > watch.switch_seconds * 1000}
            for one in told
        ]  # fmt: skip
        if _kept(sitting_id)[1] + len(rows) <= MOST:
            db.session.execute(_statement(db.session.get_bind().dialect.name), rows)
    counted = _kept(sitting_id)[0]
    over = watch.at_limit is AtLimit.HAND_IN and counted >= watch.switch_limit
    over = over and sitting.state is SittingState.IN_PROGRESS and sitting.paused_at is None
    state = sittings.close_by_rule(sitting_id, now).state if over else sitting.state
    return Standing(state, counted, watch.switch_limit, over)


def _kept(sitting_id: int) -> tuple[int, int]:
    """How many absences count, and how many signals there are."""
    counted = func.count().filter(SittingSignal.counted)
    row = db.session.execute(select(counted, func.count()).where(SittingSignal.sitting_id == sitting_id)).one()
    return row[0], row[1]


@cache
def _statement(engine: str) -> Any:
    insert: Any = postgresql.insert if engine == "postgresql" else sqlite.insert
    made = insert(SittingSignal.__table__)
    given, table = made.excluded, SittingSignal.__table__.c
    return made.on_conflict_do_update(
        index_elements=["sitting_id", "tab", "number"],
        set_={name: given[name] for name in ("ms", "kind", "counted")},
        where=table.ms < given.ms,
    )


def handed_in_by_rule(sitting_id: int, *, now: datetime) -> None:
    """Say that a hand-in came from the session's own rule, where that is so: the page was left too often."""
    sitting = db.session.get_one(Sitting, sitting_id)
    watch = watch_of(sitting.session)
    if sitting.state is not SittingState.SUBMITTED or watch.at_limit is not AtLimit.HAND_IN:
        return
    if sitting.submitted_by is not SubmittedBy.CANDIDATE:
        return  # the server was quicker, by the rule or by the clock
    if _kept(sitting_id)[0] >= watch.switch_limit or watch.idle_seconds:
        sitting.submitted_by = SubmittedBy.RULE
        db.session.add(SittingEvent(sitting_id=sitting_id, kind=EventKind.CLOSED_BY_RULE, at=now))


MOST_REFUSED = 20
"""Refused attempts kept of one sitting: enough to see what is wrong, too few to fill a disk."""
AGAIN = timedelta(minutes=1)


def seb_refused(sitting_id: int, note: str, *, now: datetime) -> None:
    """Record a request that Safe Exam Browser's check refused; the same again within a minute is one."""
    kept = db.session.execute(
        select(SittingEvent.at, SittingEvent.note)
        .where(SittingEvent.sitting_id == sitting_id, SittingEvent.kind == EventKind.SEB_REFUSED)
        .order_by(SittingEvent.id.desc())
        .limit(MOST_REFUSED)
    ).all()
    if len(kept) >= MOST_REFUSED or any(one.note == note and now - one.at < AGAIN for one in kept):
        return
    db.session.add(SittingEvent(sitting_id=sitting_id, kind=EventKind.SEB_REFUSED, at=now, note=note))


def signals_of(sitting_id: int, most: int = 200) -> list[SittingSignal]:
    return list(
        db.session.scalars(
            select(SittingSignal)
            .where(SittingSignal.sitting_id == sitting_id)
            .order_by(SittingSignal.at.desc(), SittingSignal.id.desc())
            .limit(most)
        )
    )
