"""Start, save, hand in and mark in one statement each, on PostgreSQL.

What a hall does in every second is judged by columns read without a lock, and written by one statement that holds the row and
asks whether it is still the version that was judged: PostgreSQL gives a row another ``xmin`` whenever it is changed. Where it is
not, or where anything but the plain case is met (a take-over, lateness, an address that changed, SQLite), these functions
return None, nothing has happened, and the caller takes the way through a unit of work and a row lock (``sittings``, ``marking``).
A statement is its own transaction: what is acknowledged is stored whole, and BEGIN and COMMIT need no trips of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Text, bindparam, exists, insert, literal, null, select, update

from app.accounts.sessions import SIGN_INS, Unasked, proven_by
from app.core.errors import Refused
from app.core.states import moved
from app.db import db, is_sqlite
from app.exams import marking, sittings, steplog
from app.exams.kept import Kept
from app.exams.models import EventKind, Fate, MarkedBy, Regrade
from app.exams.rulings import Rulings
from app.exams.sittings import EVENTS, SESSIONS, SITTINGS, VERSION, Allowed, By, Held, Saved, Step, id_of
from app.exams.states import SITTING_MOVES, SittingMove, SittingState, SubmittedBy

_kept: Kept[int, Held] = Kept(2000)
"""Sitting → the columns this process read last. A saving candidate costs no reading as long as nothing changes."""


def possible() -> bool:
    """Is this PostgreSQL, and no unit of work open around us?"""
    return not is_sqlite(db.session.get_bind()) and not db.session.info.get("unit_of_work")


def _seen(sitting_id: int, by: By | Unasked, fresh: bool) -> Held | None:
    """The columns of a person's own sitting, perhaps no longer true; of somebody who was not asked yet, what is kept of it by
    chance, which tells nobody anything: the statement finds whose it is. Raises NotFound for everybody else's."""
    held = None if fresh else _kept.get(sitting_id)
    if held is not None or isinstance(by, Unasked):
        return held
    return _kept.keep(sitting_id, sittings.read_columns(sitting_id, id_of(by)))


def _still(asks: bool | None = None) -> list[Any]:
    """Conditions: a person's own sitting and its session are still what was judged. Of somebody who was not asked yet (``asks``:
    is a second factor needed?) also: the session of the browser is in force, and the sitting its person's."""
    mine: list[Any] = [SITTINGS.c.candidate_id == bindparam("candidate")]
    if asks is not None:
        mine = [SITTINGS.c.candidate_id == SIGN_INS.c.person_id, *proven_by(asks)]
    return [
        SITTINGS.c.id == bindparam("its_id"), SITTINGS.c.session_id == SESSIONS.c.id,
        bindparam("version", type_=Text) == VERSION, *mine,
    ]  # fmt: skip


def _values(held: Held, by: By | Unasked) -> dict[str, Any]:
    whose = by.values() if isinstance(by, Unasked) else {"candidate": id_of(by)}
    return {"its_id": held.id, "version": held.version, **whose}


# --- start -----------------------------------------------------------------------------------------------------------------


@cache
def _begun() -> Any:
    begun = (
        update(SITTINGS)
        .where(*_still(), SITTINGS.c.state == SittingState.REGISTERED)
        .values(
            state=SittingState.IN_PROGRESS, started_at=bindparam("now"), honour_at=bindparam("now"), epoch=1,
            deadline_at=bindparam("deadline"),
        )
        .returning(SITTINGS.c.id)
        .cte("begun")
    )  # fmt: skip
    return _with_event(begun, EventKind.STARTED)


def _with_event(changed: Any, kind: EventKind) -> Any:
    """The change, with its line among the events of the sitting; one row where it was made."""
    now = bindparam("now", type_=EVENTS.c.at.type)
    line = select(changed.c.id, literal(kind, EVENTS.c.kind.type), now, literal(""))
    names = ["sitting_id", "kind", "at", "note"]
    return insert(EVENTS).from_select(names, line, include_defaults=False).returning(EVENTS.c.sitting_id)


def start(
    sitting_id: int, *, by: By, honour: bool, now: datetime, code: str = "", allowed: Allowed = None
) -> SittingState | None:
    """As :func:`sittings.start`; None where that is to be asked."""
    if not possible():
        return None
    found = sittings.at_the_door(sitting_id, id_of(by))
    if found.state is not SittingState.REGISTERED or not found.seed or (found.seb and not found.seb_waived):
        return None
    deadline = sittings.deadline_if_begun(found, honour, code, now)
    values = {"its_id": sitting_id, "candidate": id_of(by), "version": found.version, "now": now, "deadline": deadline}
    return SittingState.IN_PROGRESS if _done(_begun(), values) else None


def _done(statement: Any, values: dict[str, Any]) -> bool:
    """Was the sitting still what was judged? Each statement gives a row then, and none where it did nothing."""
    return db.session.connection().execute(statement, values).first() is not None


# --- save ------------------------------------------------------------------------------------------------------------------


@cache
def _saved(asks: bool | None) -> Any:
    held = select(SITTINGS.c.id).where(*_still(asks)).with_for_update(of=SITTINGS, key_share=True).cte("held")
    return select(held.c.id).add_cte(steplog.added_to(held).cte("logged"))


def save(
    sitting_id: int,
    epoch: int,
    steps: Sequence[Step],
    *,
    by: By | Unasked,
    now: datetime,
    address: str = "",
    allowed: Allowed = None,
) -> Saved | None:
    """As :func:`sittings.save`; None where that is to be asked, or the door."""
    if not steps or not possible():
        return None
    for fresh in _tries(by):
        held = _seen(sitting_id, by, fresh)
        plain = held and _plain(held, epoch, steps, now, address, allowed)
        if not held or not plain:
            continue
        reply, given = plain
        values = _values(held, by) | {"at_epoch": epoch, "now": now, "given": given}
        if _done(_saved(_asks(by)), values):
            return reply
    return None


def _asks(by: By | Unasked) -> bool | None:
    """None where the door was asked already, else whether a second factor is needed."""
    return by.needs_second_factor if isinstance(by, Unasked) else None


def _tries(by: By | Unasked) -> tuple[bool, ...]:
    """Who was not asked yet is asked before anything is read for them."""
    return (False,) if isinstance(by, Unasked) else (False, True)


def _plain(
    held: Held, epoch: int, steps: Sequence[Step], now: datetime, address: str, allowed: Allowed
) -> tuple[Saved, list[dict[str, Any]]] | None:
    """The reply and the rows for the log in the plain case: in time, by the device that holds the sitting, from where it was
    heard before, nothing refused."""
    if address and held.address and address != held.address:
        return None
    try:
        if allowed:
            allowed(held)
        reply, fate = sittings.judged(held, epoch, now)
    except Refused:
        return None
    if fate is not Fate.APPLIED:
        return None
    given = sittings.to_log(held, list(steps), fate, reply)
    return None if reply.refused else (reply, given)


# --- look ------------------------------------------------------------------------------------------------------------------


@cache
def _unchanged(asks: bool | None) -> Any:
    return select(SITTINGS.c.id).where(*_still(asks))


def look(
    sitting_id: int, epoch: int, *, by: By | Unasked, now: datetime, address: str = "", allowed: Allowed = None
) -> Saved | None:
    """As a save of nothing: time left, pause, news. A page that is read asks every few seconds, so nothing is locked on any
    engine. None where something is to be kept (the address has changed), or the door is to be asked."""
    if isinstance(by, Unasked):
        held = _kept.get(sitting_id)
        plain = held and _plain(held, epoch, (), now, address, allowed)
        return plain[0] if held and plain and _done(_unchanged(_asks(by)), _values(held, by)) else None
    held = sittings.read_columns(sitting_id, id_of(by))
    if allowed:
        allowed(held)
    if address and held.address and address != held.address:
        return None
    _kept.keep(sitting_id, held)
    return sittings.judged(held, epoch, now)[0]


# --- hand in ---------------------------------------------------------------------------------------------------------------


@cache
def _handed_in(asks: bool | None) -> Any:
    ended = (
        update(SITTINGS)
        .where(*_still(asks))
        .values(
            state=SittingState.SUBMITTED, submitted_by=SubmittedBy.CANDIDATE, submitted_at=bindparam("now"), paused_at=null()
        )
        .returning(SITTINGS.c.id)
        .cte("ended")
    )  # fmt: skip
    return _with_event(ended, EventKind.HANDED_IN).add_cte(steplog.added_to(ended).cte("logged"))


def hand_in(
    sitting_id: int, epoch: int, steps: Sequence[Step], *, by: By | Unasked, now: datetime, allowed: Allowed = None
) -> Saved | None:
    """As :func:`sittings.hand_in`; None where that is to be asked, or the door."""
    if not possible():
        return None
    for fresh in _tries(by):
        held = _seen(sitting_id, by, fresh)
        plain = held and _plain(held, epoch, steps, now, "", allowed)
        if not held or not plain:
            continue
        reply, given = plain
        reply.state = moved(SITTING_MOVES, held.state, SittingMove.SUBMIT)
        values = _values(held, by) | {"at_epoch": epoch, "now": now, "given": given}
        if _done(_handed_in(_asks(by)), values):
            _kept.forget(sitting_id)
            return reply
    return None


# --- mark ------------------------------------------------------------------------------------------------------------------


@cache
def _script() -> Any:
    """What marking looks at, with the whole log as one value."""
    s, e = SITTINGS.c, SESSIONS.c
    return (
        select(
            s.seed, s.session_id, s.state, e.late_counts, e.multiple_rule, e.pass_mark, e.markers, VERSION.label("version"),
            _untouched(), steplog.as_one_value(s.id).label("steps"),
        )
        .join_from(SITTINGS, SESSIONS, s.session_id == e.id)
        .where(s.id == bindparam("sitting"))
    )  # fmt: skip


def _untouched() -> Any:
    """Neither marked nor the subject of a regrade."""
    marked = exists().where(marking.MARKS.c.sitting_id == SITTINGS.c.id)
    ruled = exists().where(Regrade.session_id == SITTINGS.c.session_id)
    return (~marked & ~ruled).label("untouched")


@cache
def _marked() -> Any:
    """The marks and the result, where the sitting is still as read. Who marks at the same moment changes the row as well, and a
    regrade begins with a row of its own, committed before it is put in force: neither is passed over."""
    s, m = SITTINGS.c, marking.MARKS.c
    settled = (
        update(SITTINGS)
        .where(
            s.id == bindparam("its_id"), s.session_id == SESSIONS.c.id, bindparam("version", type_=Text) == VERSION,
            _untouched().element,
        )
        .values(
            state=SittingState.MARKED, score=bindparam("score"), maximum=bindparam("maximum"), passed=bindparam("passed"),
            marked_at=bindparam("now"),
        )
        .returning(s.id)
        .cte("settled")
    )  # fmt: skip
    entry = select(
        settled.c.id, literal(MarkedBy.MACHINE, m.by.type), bindparam("now", type_=m.at.type),
        bindparam("shares", type_=m.shares.type), bindparam("working", type_=m.working.type),
    )  # fmt: skip
    return (
        insert(marking.MARKS)
        .from_select(["sitting_id", "by", "at", "shares", "working"], entry, include_defaults=False)
        .returning(m.sitting_id)
    )


def mark(sitting_id: int, *, now: datetime) -> bool:
    """Mark what was just handed in, where no person has to and no regrade has ruled; False where
    :func:`marking.mark_once` is to be asked."""
    if not possible():
        return False
    found = db.session.connection().execute(_script(), {"sitting": sitting_id}).one_or_none()
    if found is None or found.state is not SittingState.SUBMITTED or not found.untouched:
        return False
    nothing = Rulings()
    paper = marking.paper_pinned(sittings.kept_pins(found.seed, sitting_id))
    answers = steplog.replay(steplog.read(found.steps), late_counts=found.late_counts)
    shares = marking.machine_shares(paper, answers, found.multiple_rule, nothing)
    if marking.waiting_parts(paper, shares, nothing):
        return False
    score, maximum = marking.result_in(paper, shares, nothing)
    entry = marking.entry_of(sitting_id, shares, nothing, found.multiple_rule, now)
    values = {
        "its_id": sitting_id, "version": found.version, "now": now, "score": score, "maximum": maximum,
        "passed": marking.percent(score, maximum) >= found.pass_mark, "shares": entry["shares"], "working": entry["working"],
    }  # fmt: skip
    return _done(_marked(), values)
