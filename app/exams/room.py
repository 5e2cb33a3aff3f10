"""The invigilator's room: who sits where and how far, and what may be done there. Every deed has a name and a reason.

What the page polls is two statements, however many candidates there are: one line each, and what is open.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, case, func, literal, null, or_, select, union_all, update
from sqlalchemy.orm import contains_eager, joinedload, undefer_group

from app.accounts.models import Person
from app.accounts.scope import within
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotAllowedNow, NotFound, Refused
from app.core.permissions import Can
from app.db import db
from app.exams import bars, sittings
from app.exams.deeds import Did
from app.exams.models import (
    EventKind,
    ExamPlace,
    ExamRoom,
    ExamSeat,
    ExamSession,
    Incident,
    IncidentKind,
    RoomMessage,
    Sitting,
    SittingEvent,
    SittingSignal,
    VoidRequest,
    VoidState,
    answers_in_force,
    deadline_of,
)
from app.exams.states import SessionState, SittingState

MOST_ROWS = 3000
ALIVE = (SittingState.REGISTERED, SittingState.IN_PROGRESS)


class OwnSitting(Refused):
    status = 403
    message = _l("This is your own exam: another invigilator must do this.")


class SecondPerson(Refused):
    status = 403
    message = _l("Whoever asked cannot decide: a second person must confirm or decline.")


class AskedAlready(Refused):
    message = _l("Somebody has asked for this already; it waits for a second person.")


# --- reading ---------------------------------------------------------------------------------------------------------------


def sitting_in_room(person: Person, sitting_id: int) -> Sitting:
    """A sitting of a session the person watches over, with session and candidate. Raises NotFound."""
    found = db.session.scalar(
        select(Sitting)
        .join(Sitting.session)
        .where(Sitting.id == sitting_id, within(person, Can.INVIGILATE, region=ExamSession.region_id))
        .options(
            contains_eager(Sitting.session).undefer(ExamSession.watch),
            joinedload(Sitting.candidate),
            undefer_group("room"),
        )
    )
    if found is None:
        raise NotFound
    return found


def held(person: Person, sitting_id: int) -> Sitting:
    """The same under a row lock, inside a unit of work. Nobody acts on their own exam."""
    sitting_in_room(person, sitting_id)
    sitting = sittings.with_session(sitting_id)
    if sitting.candidate_id == sittings.id_of(person):
        raise OwnSitting
    return sitting


@dataclass(frozen=True)
class Line:
    """One candidate as the invigilator sees them."""

    id: int
    seat: str
    name: str
    id_masked: str
    state: SittingState
    paused: bool
    answered: int
    questions: int
    last: datetime | None
    ends: datetime | None
    signals: int
    counted: int
    addresses: int
    devices: int
    identity: bool
    admitted: bool
    refused: int
    """Requests that Safe Exam Browser's check refused."""
    place: str = ""
    hall: str = ""
    hall_id: int | None = None
    """The room of the seat plan; None without one."""

    @property
    def where(self) -> str:
        """Place and room in words."""
        return " · ".join(filter(None, [self.place, self.hall]))

    @property
    def chair(self) -> str:
        """The seat within its room, whose name stands above the rows."""
        return self.seat.removeprefix(self.hall).strip() if self.hall else self.seat

    @property
    def alarm(self) -> bool:
        """Is there something to look at: absences that count, another address or device, a refused browser."""
        return bool(self.counted or self.addresses or self.devices or self.refused)

    def fits(self, words: str) -> bool:
        """Is this the candidate whose name, seat or last digits of the document were typed."""
        words = "".join(words.split()).casefold()
        return any(words in "".join(text.split()).casefold() for text in (self.name, self.seat, self.id_masked))


def _length(column: Any) -> Any:
    postgres = db.session.get_bind().dialect.name == "postgresql"
    return (func.jsonb_array_length if postgres else func.json_array_length)(column)


def _statement(session_id: int) -> Any:
    mine = select(Sitting.id).where(Sitting.session_id == session_id)

    def gathered(model: Any, *columns: Any, where: Any = None) -> Any:
        asked = select(model.sitting_id, *columns).where(model.sitting_id.in_(mine)).group_by(model.sitting_id)
        return (asked if where is None else asked.where(where)).subquery()

    answer = answers_in_force(mine).c
    saved = (
        select(answer.sitting_id, func.count(answer.answer).label("n"), func.max(answer.saved_at).label("at"))
        .group_by(answer.sitting_id)
        .cte("saved")
        .prefix_with("MATERIALIZED", dialect="postgresql")  # once, also where the planner knows nothing of the log yet
    )
    told = gathered(SittingSignal, func.count().label("n"), func.count().filter(SittingSignal.counted).label("counted"))
    moved = gathered(
        SittingEvent,
        func.count().filter(SittingEvent.kind == EventKind.ADDRESS_CHANGED).label("n"),
        func.count().filter(SittingEvent.kind == EventKind.SEB_REFUSED).label("refused"),
        where=SittingEvent.kind.in_([EventKind.ADDRESS_CHANGED, EventKind.SEB_REFUSED]),
    )
    return (
        select(
            Sitting.id, Sitting.seat, Person.name, Person.id_masked, Sitting.state, Sitting.epoch, Sitting.started_at,
            Sitting.extra_minutes, Sitting.credit_seconds, Sitting.paused_at, Sitting.identity_at, Sitting.admitted_at,
            _length(Sitting.entries).label("questions"), func.coalesce(saved.c.n, 0).label("answered"),
            saved.c.at.label("last"), func.coalesce(told.c.n, 0).label("signals"),
            func.coalesce(told.c.counted, 0).label("counted"), func.coalesce(moved.c.n, 0).label("addresses"),
            func.coalesce(moved.c.refused, 0).label("refused"), ExamSeat.room_id, ExamRoom.name.label("hall"),
            func.coalesce(ExamPlace.name, "").label("place"),
        )
        .join(Person, Person.id == Sitting.candidate_id)
        .outerjoin(saved, saved.c.sitting_id == Sitting.id)
        .outerjoin(told, told.c.sitting_id == Sitting.id)
        .outerjoin(moved, moved.c.sitting_id == Sitting.id)
        .outerjoin(ExamSeat, ExamSeat.sitting_id == Sitting.id)
        .outerjoin(ExamRoom, ExamRoom.id == ExamSeat.room_id)
        .outerjoin(ExamPlace, ExamPlace.id == ExamSeat.place_id)
        .where(Sitting.session_id == session_id)
        .order_by(
            case((Sitting.seat == "", 1), else_=0), func.coalesce(ExamSeat.place_id, 0), func.coalesce(ExamSeat.room_id, 0),
            func.length(Sitting.seat), Sitting.seat, Person.name, Sitting.id,
        )
        .limit(MOST_ROWS)
    )  # fmt: skip


def lines_of(session: ExamSession, now: datetime) -> list[Line]:
    """Everybody of the session by seat; one statement."""
    found = []
    for row in db.session.execute(_statement(session.id)):
        end = None
        if row.started_at is not None:
            end = deadline_of(row.started_at, session.minutes, session.closes_at, row.extra_minutes, row.credit_seconds)
            end += now - row.paused_at if row.paused_at is not None else timedelta()
        found.append(
            Line(
                row.id, row.seat, row.name, row.id_masked, row.state,
                row.paused_at is not None and row.state is SittingState.IN_PROGRESS,
                row.answered, row.questions or 0, row.last, end, row.signals, row.counted, row.addresses,
                max(0, row.epoch - 1), row.identity_at is not None, row.admitted_at is not None, row.refused,
                row.place, row.hall or "", row.room_id,
            )
        )  # fmt: skip
    return found


@dataclass(frozen=True)
class Open:
    """What is open in a room: an incident, or a void request that waits for a second person."""

    what: str
    id: int
    sitting_id: int | None
    name: str
    kind: str
    note: str
    at: datetime
    by_id: int
    by: str
    cheating: bool


def open_in(session_id: int) -> list[Open]:
    """Open incidents and void requests, oldest first; one statement."""
    who, candidate = Person.__table__.alias("who"), Person.__table__.alias("candidate")
    name = func.coalesce(candidate.c.name, "")
    incidents = (
        select(
            literal("incident").label("what"), Incident.id.label("id"), Incident.sitting_id.label("sitting_id"),
            name.label("name"), Incident.kind.label("kind"), Incident.note.label("note"), Incident.at.label("at"),
            Incident.by_id.label("by_id"), who.c.name.label("by"), literal(False).label("cheating"),
        )
        .join(who, who.c.id == Incident.by_id)
        .outerjoin(Sitting, Sitting.id == Incident.sitting_id)
        .outerjoin(candidate, candidate.c.id == Sitting.candidate_id)
        .where(Incident.session_id == session_id, Incident.closed_at.is_(None))
    )  # fmt: skip
    voids = (
        select(
            literal("void"), VoidRequest.id, VoidRequest.sitting_id, name, null(), VoidRequest.reason,
            VoidRequest.asked_at, VoidRequest.asked_by_id, who.c.name, VoidRequest.cheating,
        )
        .join(who, who.c.id == VoidRequest.asked_by_id)
        .join(Sitting, Sitting.id == VoidRequest.sitting_id)
        .join(candidate, candidate.c.id == Sitting.candidate_id)
        .where(Sitting.session_id == session_id, VoidRequest.state == VoidState.ASKED)
    )  # fmt: skip
    both = union_all(incidents, voids).subquery()
    rows = db.session.execute(select(both).order_by(both.c.at, both.c.id))
    return [
        Open(**{**row._mapping, "kind": row.kind.value if row.kind else "", "cheating": bool(row.cheating)})
        for row in rows
    ]


def counts_in(session_ids: Sequence[int]) -> dict[int, dict[SittingState, int]]:
    """How many candidates of each session are in which state; one statement."""
    found: dict[int, dict[SittingState, int]] = {one: {} for one in session_ids}
    rows = db.session.execute(
        select(Sitting.session_id, Sitting.state, func.count())
        .where(Sitting.session_id.in_(session_ids))
        .group_by(Sitting.session_id, Sitting.state)
    )
    for session_id, state, count in rows:
        found[session_id][state] = count
    return found


def still_open_in(session_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """The same for many sessions."""
    incidents = dict(
        db.session.execute(
            select(Incident.session_id, func.count())
            .where(Incident.session_id.in_(session_ids), Incident.closed_at.is_(None))
            .group_by(Incident.session_id)
        ).all()
    )  # type: ignore[arg-type]
    voids = dict(
        db.session.execute(
            select(Sitting.session_id, func.count())
            .select_from(VoidRequest)
            .join(Sitting, Sitting.id == VoidRequest.sitting_id)
            .where(Sitting.session_id.in_(session_ids), VoidRequest.state == VoidState.ASKED)
            .group_by(Sitting.session_id)
        ).all()
    )  # type: ignore[arg-type]
    return {one: (incidents.get(one, 0), voids.get(one, 0)) for one in session_ids}


def news_for(sitting: Sitting, after: int = 0) -> list[RoomMessage]:
    """What was said to a candidate, or to all, since a message."""
    return list(
        db.session.scalars(
            select(RoomMessage)
            .where(
                RoomMessage.session_id == sitting.session_id,
                or_(RoomMessage.sitting_id == sitting.id, RoomMessage.sitting_id.is_(None)),
                RoomMessage.id > after,
                RoomMessage.at >= sitting.registered_at,
            )
            .order_by(RoomMessage.id)
            .limit(100)
        )
    )


def _sitting_now(session: ExamSession, by: Person, *states: SittingState) -> list[Sitting]:
    """Sittings of a session under lock, in the order of their ids; one's own is left out."""
    return list(
        db.session.scalars(
            select(Sitting)
            .where(
                Sitting.session_id == session.id,
                Sitting.state.in_(states),
                Sitting.candidate_id != sittings.id_of(by),
            )
            .order_by(Sitting.id)
            .with_for_update(of=Sitting)
            .execution_options(populate_existing=True)
            .options(undefer_group("room"))
        )
    )


def _event(sitting: Sitting, kind: EventKind, by: Person, now: datetime, note: str = "") -> None:
    db.session.add(SittingEvent(sitting_id=sitting.id, kind=kind, at=now, note=note[:400], by_id=sittings.id_of(by)))


def _said(text: str, field: str) -> str:
    if not text.strip():
        raise Invalid(field)
    return text.strip()[:400]


# --- seats, admission, identity ----------------------------------------------------------------------------------------------


def give_out_seats(session: ExamSession, *, by: Person, now: datetime) -> int:
    """Number the seats of those who have none, in an order left to chance; how many."""
    rows = _sitting_now(session, by, *ALIVE)
    taken = {one.seat for one in rows}
    without = [one for one in rows if not one.seat]
    secrets.SystemRandom().shuffle(without)
    number = 0
    for one in without:
        number += 1
        while str(number) in taken:
            number += 1
        one.seat = str(number)
    record(Did.SEAT, session, by=by, more={"seats": len(without)})
    return len(without)


def set_seat(sitting: Sitting, seat: str, *, by: Person, now: datetime) -> None:
    """Seat somebody where there is no seat plan. Raises SeatTaken, SeatPlanned."""
    planned = db.session.get(ExamSeat, sitting.id)
    if planned is not None and planned.room_id is not None:
        raise SeatPlanned("seat")
    seat = seat.strip()[:10]
    taken = db.session.scalar(
        select(Sitting.id).where(
            Sitting.session_id == sitting.session_id, Sitting.seat == seat, Sitting.id != sitting.id,
            Sitting.state != SittingState.VOID,
        )
    )  # fmt: skip
    if seat and taken is not None:
        raise SeatTaken("seat")
    before, sitting.seat = sitting.seat, seat
    record(Did.SEAT, sitting, by=by, changed={"seat": (before, seat)})


class SeatPlanned(Invalid):
    message = _l("This seat comes from the seat plan. Please move the candidate there.")


class SeatTaken(Invalid):
    message = _l("Somebody else has this seat.")


def admit(sitting: Sitting, *, by: Person, now: datetime) -> None:
    """Let a candidate start without the room code."""
    if sitting.state is not SittingState.REGISTERED:
        raise NotAllowedNow
    if sitting.admitted_at is None:
        sitting.admitted_at = now
        _event(sitting, EventKind.ADMITTED, by, now)
        record(Did.ADMIT, sitting, by=by)


def admit_all(session: ExamSession, *, by: Person, now: datetime) -> int:
    rows = [one for one in _sitting_now(session, by, SittingState.REGISTERED) if one.admitted_at is None]
    for one in rows:
        one.admitted_at = now
        _event(one, EventKind.ADMITTED, by, now)
    record(Did.ADMIT, session, by=by, more={"candidates": len(rows)})
    return len(rows)


def check_identity(sitting: Sitting, *, by: Person, now: datetime, note: str = "") -> None:
    """Face, document and photo on file agree; whoever compared them is named."""
    if sitting.state is SittingState.VOID:
        raise NotAllowedNow
    sitting.identity_at = now
    _event(sitting, EventKind.IDENTITY_CHECKED, by, now, note)
    record(Did.CHECK_IDENTITY, sitting, by=by)


def waive_seb(sitting: Sitting, *, reason: str, by: Person, now: datetime) -> None:
    """Let one candidate sit without Safe Exam Browser, with a reason."""
    reason = _said(reason, "reason")
    if sitting.state not in ALIVE or not sitting.session.seb:
        raise NotAllowedNow
    sitting.seb_waived = True
    _event(sitting, EventKind.SEB_WAIVED, by, now, reason)
    record(Did.WAIVE_SEB, sitting, by=by, reason=reason)


# --- time --------------------------------------------------------------------------------------------------------------------


def extend_all(session: ExamSession, minutes: int, *, reason: str, by: Person, now: datetime) -> int:
    """More time for everybody who sits now; how many."""
    reason = _said(reason, "reason")
    if not 1 <= minutes <= 240:
        raise Invalid("minutes")
    rows = _sitting_now(session, by, SittingState.IN_PROGRESS)
    for one in rows:
        one.credit_seconds += minutes * 60
        one.deadline_at = None if one.paused_at is not None else one.deadline(session)
        _event(one, EventKind.TIME_ADDED, by, now, f"{minutes} min: {reason}")
    record(Did.ADD_TIME, session, by=by, reason=reason, more={"minutes": minutes, "candidates": len(rows)})
    return len(rows)


def pause(sitting: Sitting, *, reason: str, by: Person, now: datetime) -> None:
    """Stop the clock of one candidate. What still arrives is saved; the page is covered."""
    reason = _said(reason, "reason")
    if sitting.state is not SittingState.IN_PROGRESS or sitting.paused_at is not None:
        raise NotAllowedNow
    _pause(sitting, by, now, reason)
    record(Did.PAUSE, sitting, by=by, reason=reason)


def _pause(sitting: Sitting, by: Person, now: datetime, reason: str) -> None:
    sitting.paused_at, sitting.deadline_at = now, None  # without a deadline the sweep leaves it alone
    _event(sitting, EventKind.PAUSED, by, now, reason)


def resume(sitting: Sitting, *, by: Person, now: datetime) -> None:
    """Go on; the time of the pause is given back to the second."""
    if sitting.state is not SittingState.IN_PROGRESS or sitting.paused_at is None:
        raise NotAllowedNow
    _resume(sitting, sitting.session, by, now)
    record(Did.RESUME, sitting, by=by)


def _resume(sitting: Sitting, session: ExamSession, by: Person, now: datetime) -> None:
    assert sitting.paused_at is not None
    lasted = max(0, -(-(now - sitting.paused_at) // timedelta(seconds=1)))
    sitting.credit_seconds += lasted
    sitting.paused_at = None
    sitting.deadline_at = sitting.deadline(session)
    _event(sitting, EventKind.RESUMED, by, now, f"+ {lasted} s")


def pause_all(session: ExamSession, *, reason: str, by: Person, now: datetime) -> int:
    reason = _said(reason, "reason")
    rows = [one for one in _sitting_now(session, by, SittingState.IN_PROGRESS) if one.paused_at is None]
    for one in rows:
        _pause(one, by, now, reason)
    record(Did.PAUSE, session, by=by, reason=reason, more={"candidates": len(rows)})
    return len(rows)


def resume_all(session: ExamSession, *, by: Person, now: datetime) -> int:
    rows = [one for one in _sitting_now(session, by, SittingState.IN_PROGRESS) if one.paused_at is not None]
    for one in rows:
        _resume(one, session, by, now)
    record(Did.RESUME, session, by=by, more={"candidates": len(rows)})
    return len(rows)


# --- messages ----------------------------------------------------------------------------------------------------------------


def say(session: ExamSession, text: str, *, by: Person, now: datetime, sitting: Sitting | None = None) -> RoomMessage:
    """Tell one candidate or all. The reply to the next save names the message; the page fetches and shows it."""
    text = _said(text, "text")
    made = RoomMessage(
        session_id=session.id, sitting_id=sitting.id if sitting else None, text=text, at=now, by_id=sittings.id_of(by)
    )
    db.session.add(made)
    db.session.flush()  # the sittings name its id
    asked = update(Sitting).where(Sitting.session_id == session.id, Sitting.state.in_(ALIVE)).values(news=made.id)
    if sitting is not None:
        asked = asked.where(Sitting.id == sitting.id)
    db.session.execute(asked.execution_options(synchronize_session=False))
    record(Did.MESSAGE, made, by=by, more={"session": session.id, "sitting": made.sitting_id, "text": text})
    return made


# --- incidents ---------------------------------------------------------------------------------------------------------------


def report(
    session: ExamSession, kind: IncidentKind, note: str, *, by: Person, now: datetime, sitting: Sitting | None = None
) -> Incident:
    """Write down what happened. While it is open the results are not released."""
    if session.state not in (SessionState.PUBLISHED, SessionState.CLOSED):
        raise NotAllowedNow
    made = Incident(
        session_id=session.id, sitting_id=sitting.id if sitting else None, kind=kind, note=_said_long(note, "note"),
        at=now, by_id=sittings.id_of(by),
    )  # fmt: skip
    db.session.add(made)
    record(Did.REPORT_INCIDENT, made, by=by, more={"session": session.id, "kind": kind, "sitting": made.sitting_id})
    return made


def _said_long(text: str, field: str) -> str:
    if not text.strip():
        raise Invalid(field)
    return text.strip()[:1000]


def incident_for(person: Person, incident_id: int) -> Incident:
    found = db.session.scalar(
        select(Incident)
        .join(ExamSession, ExamSession.id == Incident.session_id)
        .where(Incident.id == incident_id, within(person, Can.INVIGILATE, region=ExamSession.region_id))
    )
    if found is None:
        raise NotFound
    return found


def close_incident(incident: Incident, outcome: str, *, by: Person, now: datetime) -> None:
    """What came of it. The candidate concerned closes nothing."""
    if incident.closed_at is not None:
        raise NotAllowedNow
    if incident.sitting_id is not None:
        concerned = db.session.scalar(select(Sitting.candidate_id).where(Sitting.id == incident.sitting_id))
        if concerned == sittings.id_of(by):
            raise OwnSitting
    incident.outcome = _said_long(outcome, "outcome")
    incident.closed_at, incident.closed_by_id = now, sittings.id_of(by)
    record(Did.CLOSE_INCIDENT, incident, by=by, reason=incident.outcome)


def incidents_of(session_id: int, sitting_id: int | None = None) -> list[Incident]:
    """All incidents of a session, or of one sitting, newest first."""
    asked = select(Incident).where(Incident.session_id == session_id).order_by(Incident.id.desc()).limit(200)
    if sitting_id is not None:
        asked = asked.where(Incident.sitting_id == sitting_id)
    loads = joinedload(Incident.by), joinedload(Incident.sitting).joinedload(Sitting.candidate)
    return list(db.session.scalars(asked.options(*loads)))


# --- void: one asks, another decides -------------------------------------------------------------------------------------------


def ask_void(sitting: Sitting, *, reason: str, cheating: bool, by: Person, now: datetime) -> VoidRequest:
    """Ask to declare a sitting void. Nothing changes until a second person confirms."""
    reason = _said(reason, "reason")
    if sitting.state is SittingState.VOID:
        raise NotAllowedNow
    waiting = and_(VoidRequest.sitting_id == sitting.id, VoidRequest.state == VoidState.ASKED)
    if db.session.scalar(select(VoidRequest.id).where(waiting)) is not None:
        raise AskedAlready
    made = VoidRequest(
        sitting_id=sitting.id, reason=reason, cheating=cheating, asked_at=now, asked_by_id=sittings.id_of(by)
    )
    db.session.add(made)
    _event(sitting, EventKind.VOID_ASKED, by, now, reason)
    record(Did.ASK_VOID, sitting, by=by, reason=reason, more={"cheating": cheating})
    return made


def void_request_for(person: Person, request_id: int) -> VoidRequest:
    found = db.session.scalar(
        select(VoidRequest)
        .join(VoidRequest.sitting)
        .join(Sitting.session)
        .where(VoidRequest.id == request_id, within(person, Can.INVIGILATE, region=ExamSession.region_id))
    )
    if found is None:
        raise NotFound
    return found


def decide_void(asked: VoidRequest, *, confirm: bool, remark: str, by: Person, now: datetime) -> None:
    """The second person: confirm, and the sitting is void and the candidate told; or decline, with a remark."""
    me = sittings.id_of(by)
    if asked.state is not VoidState.ASKED:
        raise NotAllowedNow
    if asked.asked_by_id == me:
        raise SecondPerson
    sitting = sittings.with_session(asked.sitting_id)
    if sitting.candidate_id == me:
        raise OwnSitting
    asked.decided_at, asked.decided_by_id, asked.remark = now, me, remark.strip()[:400]
    if confirm:
        asked.state = VoidState.CONFIRMED
        sittings.void(sitting, by=by, reason=asked.reason, now=now, cheating=asked.cheating)
        if sitting.barred_until is not None:
            bars.take_out(sitting.candidate, sitting.barred_until, bars.BarredFor.CHEATING, by=by, now=now)
        return
    asked.remark = _said(remark, "remark")
    asked.state = VoidState.DECLINED
    _event(sitting, EventKind.VOID_DECLINED, by, now, asked.remark)
    record(Did.DECLINE_VOID, sitting, by=by, reason=asked.remark)


def waiting_void(sitting_id: int) -> VoidRequest | None:
    return db.session.scalar(
        select(VoidRequest)
        .where(VoidRequest.sitting_id == sitting_id, VoidRequest.state == VoidState.ASKED)
        .options(joinedload(VoidRequest.asked_by))
    )


def asked_in() -> Any:
    """Ids of sessions in which a void request waits, released ones too."""
    asked = select(Sitting.session_id).join(VoidRequest, VoidRequest.sitting_id == Sitting.id)
    return asked.where(VoidRequest.state == VoidState.ASKED)


def void_requests_waiting(person: Person) -> int:
    """What waits for this person's word as the second one; the count in the menu."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(VoidRequest)
            .join(VoidRequest.sitting)
            .join(Sitting.session)
            .where(
                VoidRequest.state == VoidState.ASKED,
                VoidRequest.asked_by_id != person.id,
                Sitting.candidate_id != person.id,
                within(person, Can.INVIGILATE, region=ExamSession.region_id),
            )
        )
        or 0
    )


def release_lines(session_ids: Sequence[int]) -> dict[int, list[tuple[str, bool]]]:
    """What the room adds to the check list before the release, for each session."""
    return {
        one: [
            (_("Every incident is closed (%(n)s open).", n=incidents), not incidents),
            (_("No void request waits for a second person (%(n)s open).", n=voids), not voids),
        ]
        for one, (incidents, voids) in still_open_in(session_ids).items()
    }


def as_of(now: datetime) -> str:
    return f"{clock.local(now):%H:%M:%S}"
