"""The sitting protocol: start, save, take over, hand in, close by the clock.

The server's clock alone decides. A save is one append to the step log; the answers in force are what the log says in the
order (epoch, counter). Sent twice it changes nothing. What is acknowledged is in the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeGuard

from flask_babel import lazy_gettext as _l
from sqlalchemy import Text, bindparam, insert, inspect, literal, literal_column, select, update
from sqlalchemy.orm import contains_eager

from app.accounts.models import Person
from app.accounts.sessions import Caller
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotAllowedNow, NotFound, Refused
from app.core.states import moved
from app.db import db, is_sqlite
from app.exams import letters, papers, steplog
from app.exams.deeds import Did
from app.exams.models import (
    GRACE,
    EventKind,
    ExamSession,
    Fate,
    Sitting,
    SittingAnswer,
    SittingEvent,
    SittingStep,
    deadline_of,
)
from app.exams.states import SITTING_MOVES, SessionState, SittingMove, SittingState, SubmittedBy
from app.notices.service import post
from app.outline import service as outline
from certificates.validity import anniversary
from question_bank.grading import BadAnswer, clean_answer

MOST_STEPS = 400
By = Person | Caller
"""Whoever acts: a stored person, or the caller at a lean door."""
MOST_COUNTER = 2**31 - 1


class TooEarly(Refused):
    message = _l("The exam has not opened yet. It opens on %(opens)s; the page can be left open until then.")


class TooLate(Refused):
    message = _l("The exam can no longer be entered: the last entry was at %(until)s. Please ask the exam office.")


class NoHonour(Invalid):
    message = _l("Please confirm the honour statement first.")


class SafeBrowserNeeded(Refused):
    """``sitting_id`` and ``way`` (missing, wrong) say what is recorded of the attempt."""

    status = 403
    sitting_id = 0
    way = ""
    message = _l(
        "This exam is sat in Safe Exam Browser with the settings file of the session. What you answered is kept in this browser; please ask the invigilator."
    )


class NotAdmitted(Invalid):
    message = _l("This is not the room code. Ask the invigilator for it, or wait until you are admitted.")


class BadSteps(Refused):
    status = 422
    message = _l(
        "The saved answers could not be read. Please reload the page; what you answered is kept in this browser."
    )


class ReadOnly(Refused):
    message = _l("Another window or device has taken over this exam. Hand in there, or take over again here.")


# --- reading ---------------------------------------------------------------------------------------------------------------


def id_of(person: By) -> int:
    """The id of a person without reading the row again (a unit of work forgets what was read before it)."""
    if isinstance(person, Caller):
        return person.id
    identity = inspect(person).identity
    assert identity is not None  # a person who acts is a stored row
    return identity[0]


def sitting_for(person: By, sitting_id: int) -> Sitting:
    """A person's own sitting with its session. Raises NotFound for everybody else's."""
    found = db.session.scalar(
        select(Sitting)
        .join(Sitting.session)
        .where(Sitting.id == sitting_id, Sitting.candidate_id == id_of(person))
        .options(contains_eager(Sitting.session).undefer(ExamSession.watch))
    )
    if found is None:
        raise NotFound
    return found


@dataclass
class Columns:
    """A sitting under a row lock as columns, not as a mapped row. Changed by :func:`change` alone."""

    id: int


@dataclass
class Held(Columns):
    """A sitting under a row lock, with what a save, an opening and a hand-in decide by. Columns, not mapped rows: a hall of
    candidates asks for them in every second."""

    session_id: int
    state: SittingState
    epoch: int
    started_at: datetime | None
    extra_minutes: int
    credit_seconds: int
    paused_at: datetime | None
    device: str
    address: str
    seb_waived: bool
    news: int
    seed: str
    closes_at: datetime
    minutes: int
    late_counts: bool
    seb: bool
    version: str = ""
    """PostgreSQL: the versions of the two rows these columns were read from."""

    @property
    def needs_seb(self) -> bool:
        return self.seb and not self.seb_waived

    def deadline_at(self, now: datetime) -> datetime | None:
        """The deadline as it stands now: while a sitting is paused it moves along with the clock."""
        if self.started_at is None:
            return None
        end = deadline_of(self.started_at, self.minutes, self.closes_at, self.extra_minutes, self.credit_seconds)
        return end if self.paused_at is None else end + (now - self.paused_at)

    def left(self, now: datetime) -> int:
        """Milliseconds to the deadline."""
        return _left(self.deadline_at(now), now)


Allowed = Callable[[Sitting | Held], None] | None
"""What a request must satisfy once its sitting is known; raises a refusal (Safe Exam Browser)."""
OWN_COLUMNS, COLUMNS, KEPT_PAPERS = 13, 17, 2000
SITTINGS: Any = Sitting.__table__
SESSIONS: Any = ExamSession.__table__
EVENTS: Any = SittingEvent.__table__


VERSION = literal_column("sitting.xmin::text || ',' || exam_session.xmin::text", Text)
"""PostgreSQL gives a row another one whenever it is changed; a lock leaves it as it is."""


@cache
def held_statement(lock: bool, postgres: bool) -> Any:
    names = [one.name for one in fields(Held)]
    asked = (
        select(
            *(SITTINGS.c[name] for name in names[:OWN_COLUMNS]),
            *(SESSIONS.c[name] for name in names[OWN_COLUMNS:COLUMNS]),
            VERSION if postgres else literal(""),
        )
        .join_from(SITTINGS, SESSIONS, SITTINGS.c.session_id == SESSIONS.c.id)
        .where(SITTINGS.c.id == bindparam("sitting"), SITTINGS.c.candidate_id == bindparam("candidate"))
    )
    return asked.with_for_update(of=SITTINGS, key_share=True) if lock else asked


def _held(sitting_id: int, candidate_id: int, lock: bool = True) -> Held:
    """A person's own sitting inside a unit of work, under a row lock. Raises NotFound for everybody else's."""
    asked = held_statement(lock, not is_sqlite(db.session.get_bind()))
    found = db.session.execute(asked, {"sitting": sitting_id, "candidate": candidate_id}).one_or_none()
    if found is None:
        raise NotFound
    return Held(*found)


def read_columns(sitting_id: int, candidate_id: int) -> Held:
    """The same without a lock: what is judged by it is written under a condition (``at_once``)."""
    return _held(sitting_id, candidate_id, lock=False)


@cache
def _changed() -> Any:
    return update(SITTINGS).where(SITTINGS.c.id == bindparam("its_id"))


def change(sitting: Sitting | Columns, **values: Any) -> None:
    """Set columns of a sitting that is held: a mapped row is written by its session, columns by a statement."""
    for name, value in values.items():
        setattr(sitting, name, value)
    if isinstance(sitting, Columns):
        db.session.execute(_changed(), {"its_id": sitting.id, **values})


@cache
def _event_statement() -> Any:
    return insert(EVENTS).inline()


def _happened(sitting_id: int, kind: EventKind, at: datetime, note: str = "", by_id: int | None = None) -> None:
    row = {"sitting_id": sitting_id, "kind": kind, "at": at, "note": note[:400], "by_id": by_id}
    db.session.execute(_event_statement(), row)


class Pin(NamedTuple):
    """A place of a paper: the revision, its digest, and the points as they are written there."""

    revision: int
    digest: str
    points: str


@lru_cache(maxsize=KEPT_PAPERS)
def kept_pins(seed: str, sitting_id: int) -> tuple[Pin, ...]:
    """What stands at each place of a paper. A paper never changes once it is drawn, so each process reads it once; the seed is
    the paper's own."""
    entries = db.session.scalar(select(SITTINGS.c.entries).where(SITTINGS.c.id == sitting_id))
    return tuple(_pin(entry["revision"], entry["digest"], entry["points"]) for entry in entries or ())


@lru_cache(maxsize=20_000)
def _pin(revision: int, digest: str, points: str) -> Pin:
    """The same pin once in memory, on however many papers it stands."""
    return Pin(revision, digest, points)


def answers_of(sitting: Sitting) -> dict[int, SittingAnswer]:
    """Place → the answer in force."""
    rows = db.session.scalars(select(SittingAnswer).where(SittingAnswer.sitting_id == sitting.id))
    return {row.question: row for row in rows}


def deadline_at(sitting: Sitting, now: datetime) -> datetime | None:
    """The deadline as it stands now: while a sitting is paused it moves along with the clock."""
    end = sitting.deadline(sitting.session)
    return end if end is None or sitting.paused_at is None else end + (now - sitting.paused_at)


def remaining_ms(sitting: Sitting, now: datetime) -> int:
    return _left(deadline_at(sitting, now), now)


def _left(deadline: datetime | None, now: datetime) -> int:
    return 0 if deadline is None else max(0, int((deadline - now) / timedelta(milliseconds=1)))


# --- start -----------------------------------------------------------------------------------------------------------------


@cache
def _door(postgres: bool) -> Any:
    """What a start looks at."""
    s, e = SITTINGS.c, SESSIONS.c
    return (
        select(
            s.session_id, s.state, s.extra_minutes, s.credit_seconds, s.seb_waived, s.admitted_at, s.seed,
            e.state.label("session_state"), e.opens_at, e.closes_at, e.minutes, e.late_entry_minutes, e.seb, e.watch,
            (VERSION if postgres else literal("")).label("version"),
        )
        .join_from(SITTINGS, SESSIONS, s.session_id == e.id)
        .where(s.id == bindparam("sitting"), s.candidate_id == bindparam("candidate"))
    )  # fmt: skip


@cache
def _begun() -> Any:
    s = SITTINGS.c
    return (
        update(SITTINGS)
        .where(s.id == bindparam("sitting"), s.candidate_id == bindparam("candidate"), s.state == SittingState.REGISTERED)
        .values(
            state=SittingState.IN_PROGRESS, started_at=bindparam("now"), honour_at=bindparam("now"), epoch=1,
            deadline_at=bindparam("deadline"),
        )
    )  # fmt: skip


def start(
    sitting_id: int, *, by: By, honour: bool, now: datetime, code: str = "", allowed: Allowed = None
) -> SittingState:
    """Begin: one UPDATE with its condition. Twenty at once make one start; the others find it begun."""
    whose = {"sitting": sitting_id, "candidate": id_of(by)}
    found = at_the_door(sitting_id, id_of(by))
    if allowed and found.seb and not found.seb_waived:
        allowed(_held(sitting_id, id_of(by)))
    if found.state is SittingState.IN_PROGRESS:
        return found.state
    end = deadline_if_begun(found, honour, code, now)
    if not found.seed:
        mapped = with_session(sitting_id)
        papers.make_paper(mapped, mapped.session)
        db.session.flush()  # the paper is there before the clock runs
    if db.session.execute(_begun(), {**whose, "now": now, "deadline": end}).rowcount:  # type: ignore[attr-defined]
        _happened(sitting_id, EventKind.STARTED, now)
        return SittingState.IN_PROGRESS
    state = _held(sitting_id, id_of(by)).state
    if state is not SittingState.IN_PROGRESS:
        raise NotAllowedNow
    return state


def at_the_door(sitting_id: int, candidate_id: int) -> Any:
    """What a start looks at. Raises NotFound for everybody else's sitting."""
    asked = _door(not is_sqlite(db.session.get_bind()))
    found = db.session.execute(asked, {"sitting": sitting_id, "candidate": candidate_id}).one_or_none()
    if found is None:
        raise NotFound
    return found


def deadline_if_begun(found: Any, honour: bool, code: str, now: datetime) -> datetime:
    """May it begin now, and until when does it last then? Raises the refusal that says why not."""
    if not honour:
        raise NoHonour("honour")
    if found.session_state is not SessionState.PUBLISHED:
        raise NotAllowedNow
    if now < found.opens_at:
        raise TooEarly(opens=_moment(found.opens_at))
    last_entry = min(found.opens_at + timedelta(minutes=found.late_entry_minutes), found.closes_at)
    if now > last_entry:
        raise TooLate(until=_moment(last_entry))
    room_code = found.watch.get("room_code")
    if room_code and code.strip() != room_code and found.admitted_at is None:
        raise NotAdmitted("code")
    return deadline_of(now, found.minutes, found.closes_at, found.extra_minutes, found.credit_seconds)


def _moment(instant: datetime) -> str:
    from app.core.text import moment

    return moment(instant)


# --- one active device -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opened:
    """The answer to a page that opens a sitting. ``taken``: another tab holds it; ask, then come with ``take_over``."""

    state: SittingState
    epoch: int
    previous: int
    remaining_ms: int
    taken: bool = False


def open_(
    sitting_id: int,
    device: str,
    *,
    by: By,
    take_over: bool,
    now: datetime,
    agent: str = "",
    address: str = "",
    allowed: Allowed = None,
) -> Opened:
    """A tab says who it is. The first one holds the sitting; another takes over by confirmation, which raises the epoch."""
    if not 8 <= len(device) <= 100:
        raise BadSteps
    sitting = _held(sitting_id, id_of(by))
    if allowed:
        allowed(sitting)
    token = hashlib.sha256(device.encode()).hexdigest()
    before = sitting.epoch
    _heard_from(sitting, address, now, first=True)
    left = _left(sitting.deadline_at(now), now)
    if sitting.state is not SittingState.IN_PROGRESS or sitting.device == token:
        return Opened(sitting.state, before, before, left)
    if not sitting.device:
        change(sitting, device=token)
        return Opened(sitting.state, before, before, left)
    if not take_over:
        return Opened(sitting.state, before, before, left, taken=True)
    change(sitting, device=token, epoch=before + 1)
    _happened(sitting.id, EventKind.TAKEN_OVER, now, f"{before} → {before + 1} {agent}")
    return Opened(sitting.state, sitting.epoch, before, left)


def _heard_from(sitting: Held, address: str, now: datetime, first: bool = False) -> None:
    """Record that the address (a keyed hash) has changed. A save costs nothing as long as it has not."""
    if not address or address == sitting.address or not (sitting.address or first):
        return
    if sitting.address and sitting.state is SittingState.IN_PROGRESS:
        _happened(sitting.id, EventKind.ADDRESS_CHANGED, now, f"{sitting.address[:6]} → {address[:6]}")
    change(sitting, address=address)


# --- save ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One change of an answer as the browser tells it."""

    question: int
    counter: int
    answer: Any
    cleared: bool = False
    at_ms: int = 0


@dataclass
class Saved:
    """What a save came to. ``saved``: place → counter that is now in the log; ``refused``: place → code of the reason."""

    state: SittingState
    remaining_ms: int
    at: datetime
    saved: dict[int, int] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    paused: bool = False
    news: int = 0
    """Id of the latest room message for this candidate; the page fetches it when it is new."""
    over: bool = False
    """Nothing is taken any more."""

    def as_json(self) -> dict[str, Any]:
        return {"saved": self.saved, "at": f"{clock.local(self.at):%H:%M:%S}", "refused": self.refused, "remaining_ms": self.remaining_ms, "state": self.state.value,
                "messages": self.messages, "paused": self.paused, "news": self.news}  # fmt: skip


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def read_steps(raw: Any) -> list[Step]:
    """The steps of a request, checked in shape. Raises BadSteps."""
    if not isinstance(raw, list) or len(raw) > MOST_STEPS:
        raise BadSteps
    steps = []
    for one in raw:
        if not isinstance(one, Mapping):
            raise BadSteps
        place, counter, at_ms = one.get("question"), one.get("counter"), one.get("at_ms", 0)
        if not (_whole(place) and _whole(counter) and _whole(at_ms)):
            raise BadSteps
        if not (1 <= place <= 1000 and 1 <= counter <= MOST_COUNTER):
            raise BadSteps
        steps.append(
            Step(place, counter, one.get("answer"), one.get("cleared") is True, max(0, min(at_ms, MOST_COUNTER)))
        )
    return steps


def save(
    sitting_id: int,
    epoch: int,
    steps: Iterable[Step],
    *,
    by: By,
    now: datetime,
    address: str = "",
    allowed: Allowed = None,
) -> Saved:
    """Append steps to the log and bring the answers in force up to date. Idempotent; order of arrival does not matter."""
    sitting = _held(sitting_id, id_of(by))
    if allowed:
        allowed(sitting)
    _heard_from(sitting, address, now)
    return _save(sitting, epoch, list(steps), now)


def judged(sitting: Held, epoch: int, now: datetime) -> tuple[Saved, Fate]:
    """What steps of this epoch that arrive now come to, and the reply without them. Looks at nothing but the columns."""
    deadline = sitting.deadline_at(now)
    if deadline is None:
        raise NotAllowedNow
    if not 1 <= epoch <= sitting.epoch:
        raise BadSteps
    reply = Saved(sitting.state, _left(deadline, now), now)
    reply.paused, reply.news = sitting.paused_at is not None, sitting.news
    fate = Fate.APPLIED
    if epoch < sitting.epoch:
        fate = Fate.OLD
        reply.messages.append("read_only")
    elif sitting.state is not SittingState.IN_PROGRESS:
        fate = Fate.CLOSED
    elif now > deadline:
        fate = Fate.LATE
        reply.messages.append("late")
    reply.over = now > deadline + GRACE or sitting.state is SittingState.VOID
    return reply, fate


def _save(sitting: Held, epoch: int, steps: list[Step], now: datetime) -> Saved:
    reply, fate = judged(sitting, epoch, now)
    if not steps:
        return reply
    if reply.over:
        reply.messages.append("over")
        reply.saved = _known(sitting, epoch, steps)
        return reply
    given = to_log(sitting, steps, fate, reply)
    if given:
        steplog.add(sitting.id, epoch, given, now)
    return reply


def to_log(sitting: Held, steps: list[Step], fate: Fate, reply: Saved) -> list[dict[str, Any]]:
    """Steps whose answers belong to their questions, as they go into the log, each once; acknowledged in the reply, which also
    names what is refused."""
    items = papers.items_at(kept_pins(sitting.seed, sitting.id), {step.question for step in steps})
    given: dict[tuple[int, int], dict[str, Any]] = {}
    for step in steps:
        item = items.get(step.question)
        if item is None:
            reply.refused[step.question] = "unknown_question"
            continue
        try:
            answer = clean_answer(item, step.answer)
        except BadAnswer as bad:
            reply.refused[step.question] = bad.reason
            continue
        empty = fate is Fate.APPLIED and answer is None and not step.cleared
        given.setdefault(
            (step.question, step.counter),
            steplog.as_given(step.question, step.counter, answer, step.at_ms, Fate.EMPTY if empty else fate),
        )
        reply.saved[step.question] = max(step.counter, reply.saved.get(step.question, 0))
    return list(given.values())


def _known(sitting: Held, epoch: int, steps: list[Step]) -> dict[int, int]:
    """Which of these steps are in the log already: a reply that was lost is given again, also after the end."""
    asked = {(step.question, step.counter) for step in steps}
    rows = db.session.execute(
        select(SittingStep.question, SittingStep.counter).where(
            SittingStep.sitting_id == sitting.id, SittingStep.epoch == epoch
        )
    )
    known: dict[int, int] = {}
    for place, counter in rows:
        if (place, counter) in asked:
            known[place] = max(counter, known.get(place, 0))
    return known


# --- the end ---------------------------------------------------------------------------------------------------------------


def hand_in(
    sitting_id: int, epoch: int, steps: Iterable[Step], *, by: By, now: datetime, allowed: Allowed = None
) -> Saved:
    """Save what was not acknowledged and end the sitting. Repeating it gives the same answer.

    Raises ReadOnly when another device has taken over meanwhile (what was sent is still logged by the caller's save).
    """
    sitting = _held(sitting_id, id_of(by))
    if allowed:
        allowed(sitting)
    reply = _save(sitting, epoch, list(steps), now)
    if sitting.state is SittingState.IN_PROGRESS and epoch == sitting.epoch:
        _end(sitting, SubmittedBy.CANDIDATE, EventKind.HANDED_IN, now)
    reply.state = sitting.state
    return reply


def _end(
    sitting: Sitting | Held,
    by: SubmittedBy,
    kind: EventKind,
    now: datetime,
    *,
    note: str = "",
    by_id: int | None = None,
) -> None:
    state = moved(SITTING_MOVES, sitting.state, SittingMove.SUBMIT)
    deadline = (sitting.deadline_at(now) if isinstance(sitting, Held) else deadline_at(sitting, now)) or now
    change(sitting, state=state, submitted_by=by, submitted_at=min(now, deadline), paused_at=None)
    _happened(sitting.id, kind, now, note, by_id)


def overdue(now: datetime, limit: int = 500) -> list[int]:
    """Sittings whose deadline and grace have passed, oldest first."""
    return list(
        db.session.scalars(
            select(Sitting.id)
            .where(Sitting.state == SittingState.IN_PROGRESS, Sitting.deadline_at < now - GRACE)
            .order_by(Sitting.deadline_at)
            .limit(limit)
        )
    )


def close_overdue(sitting_id: int, now: datetime) -> bool:
    """Hand in by the clock, with all that was saved. False when time was added or somebody was quicker."""
    sitting = with_session(sitting_id)
    deadline = deadline_at(sitting, now)
    if sitting.state is not SittingState.IN_PROGRESS or deadline is None or now <= deadline + GRACE:
        return False
    _end(sitting, SubmittedBy.CLOCK, EventKind.CLOSED_BY_CLOCK, now)
    return True


def close_by_rule(sitting_id: int, now: datetime) -> Sitting:
    """Hand in by the session's own rule about leaving the page, with all that was saved. Done already: nothing happens."""
    sitting = with_session(sitting_id)
    if sitting.state is SittingState.IN_PROGRESS:
        _end(sitting, SubmittedBy.RULE, EventKind.CLOSED_BY_RULE, now)
    return sitting


@cache
def _whosever() -> Any:
    return (
        select(Sitting)
        .join(Sitting.session)
        .where(Sitting.id == bindparam("sitting"))
        .options(contains_eager(Sitting.session))
        .with_for_update(of=Sitting, key_share=True)
        .execution_options(populate_existing=True)
    )


def with_session(sitting_id: int) -> Sitting:
    """A sitting under a row lock, whoever's it is; the caller has asked for the right to it."""
    found = db.session.scalar(_whosever(), {"sitting": sitting_id})
    if found is None:
        raise NotFound
    return found


# --- the invigilator -----------------------------------------------------------------------------------------------------------


def add_time(sitting: Sitting, minutes: int, *, by: Person, reason: str, now: datetime) -> None:
    """Give one candidate more time, before or during the exam. The next save tells the browser."""
    if not 1 <= minutes <= 240:
        raise Invalid("minutes")
    if sitting.state not in (SittingState.REGISTERED, SittingState.IN_PROGRESS):
        raise NotAllowedNow
    sitting.credit_seconds += minutes * 60
    sitting.deadline_at = None if sitting.paused_at is not None else sitting.deadline(sitting.session)
    db.session.add(
        SittingEvent(
            sitting_id=sitting.id, kind=EventKind.TIME_ADDED, at=now, note=f"{minutes} min: {reason}"[:400], by_id=by.id
        )
    )
    record(Did.ADD_TIME, sitting, by=by, reason=reason, more={"minutes": minutes})


def force_in(sitting: Sitting, *, by: Person, reason: str, now: datetime) -> None:
    """Hand in for a candidate, with all that was saved."""
    _end(sitting, SubmittedBy.OFFICE, EventKind.CLOSED_BY_OFFICE, now, note=reason, by_id=by.id)
    record(Did.FORCE_IN, sitting, by=by, reason=reason)


def void(sitting: Sitting, *, by: Person, reason: str, now: datetime, cheating: bool = False) -> None:
    """Declare a sitting void, with a reason that the candidate is told. Everything recorded is kept.

    Confirmed cheating bars the candidate from exams of every level for as long as the rules say.
    """
    if not reason.strip():
        raise Invalid("reason")
    before = sitting.state
    sitting.state = moved(SITTING_MOVES, sitting.state, SittingMove.VOID)
    sitting.void_reason = reason.strip()[:400]
    if cheating:
        months = outline.rule("exam", sitting.session.level, region_id=sitting.session.region_id)["bar_months"]
        sitting.barred_until = anniversary(clock.local_date(now), months)
    db.session.add(SittingEvent(sitting_id=sitting.id, kind=EventKind.VOIDED, at=now, note=reason[:400], by_id=by.id))
    record(Did.VOID, sitting, by=by, reason=reason, changed={"state": (before, sitting.state)})
    post(letters.VOIDED, to=sitting.candidate, link="/exams/", title=sitting.session.title, reason=reason, now=now)
