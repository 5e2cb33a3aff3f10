"""Signing in (签到): the code on the screen, the phone, the list; and what each leaves behind."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.models import Person
from app.audit.service import record
from app.core.crypto import settings
from app.core.errors import Invalid, NotFound, Refused
from app.db import db
from app.training import hours
from app.training.class_models import MakeUp, MakeUpState
from app.training.classes import admitted_to, attendance_rule
from app.training.deeds import Did
from app.training.models import (
    Attendance,
    AttendanceState,
    ClassSession,
    Enrolment,
    HourSource,
    SignInMethod,
    TrainingClass,
)
from app.training.states import IN_TRAINING, ClassState


class BadCode(Refused):
    message = _l(
        "This sign-in code is no longer valid. It changes all the time: please scan the one on the screen now."
    )


class NotInClass(Refused):
    message = _l(
        "You have no place in the class “%(title)s”, so you cannot sign in to it. If that is wrong, speak to the training base."
    )


class NotInTime(Refused):
    message = _l("Sign-in to this period is open from %(opens)s to %(closes)s.")


class SetByHand(Refused):
    message = _l("Your teacher has recorded you by hand for this period. If that is wrong, speak to the teacher.")


class NotBegun(Refused):
    message = _l("This period has not begun yet; attendance can be recorded once it has.")


class HandReasonMissing(Invalid):
    message = _l("Please give a reason for recording by hand; it is kept in the log.")


# --- the code -------------------------------------------------------------------------------------------------------------


def _mac(session: ClassSession, step: int) -> str:
    key = hashlib.sha256(b"class sign-in" + settings().SECRET_KEY.encode()).digest()
    made = hmac.new(key, f"{session.class_id}\0{session.id}\0{step}".encode(), hashlib.sha256).digest()[:15]
    return base64.urlsafe_b64encode(made).decode()


@dataclass(frozen=True)
class Code:
    token: str
    seconds_left: int
    every: int


def code_for(session: ClassSession, now: datetime) -> Code:
    """The code to show now: bound to the period and to a step of time, so that a photo of it is soon worthless."""
    every = attendance_rule(session.training_class)["code_seconds"]
    step, into = divmod(int(now.timestamp()), every)
    return Code(f"{session.id}.{_mac(session, step)}", every - into, every)


def session_of_token(token: str, now: datetime) -> ClassSession:
    """The period a code opens, when it is the current one or the one before. Raises BadCode."""
    number, _, mac = token.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise BadCode
    session = db.session.get(ClassSession, int(number))
    if session is None:
        raise BadCode
    step = int(now.timestamp()) // attendance_rule(session.training_class)["code_seconds"]
    if not any(hmac.compare_digest(mac.encode(), _mac(session, s).encode()) for s in (step, step - 1)):
        raise BadCode
    return session


@lru_cache(maxsize=64)
def qr_svg(address: str) -> str:
    """A QR code as inline SVG, black on white whatever the theme."""
    import segno

    return segno.make(address, error="m").svg_inline(omitsize=True, border=2, dark="#000", light="#fff", svgclass="qr")


# --- signing in -----------------------------------------------------------------------------------------------------------


def sign_in(person: Person, token: str, *, now: datetime) -> Attendance:
    """Sign in to the period of a code. Once per person and period; a repeat changes nothing and answers the same.

    Raises BadCode, NotInClass, NotInTime, SetByHand.
    """
    session = session_of_token(token, now)
    klass = session.training_class
    enrolment = db.session.scalar(
        select(Enrolment)
        .where(Enrolment.class_id == klass.id, Enrolment.person_id == person.id)
        .with_for_update()  # a double tap waits here
    )
    placed = enrolment is not None and enrolment.state in IN_TRAINING
    if klass.state is ClassState.CANCELLED or not (placed or makes_up(session, person)):
        raise NotInClass(title=klass.title)
    found = attendance_of(session, person)
    if found is not None:
        if found.method is SignInMethod.LIST and found.state is not AttendanceState.PRESENT:
            raise SetByHand
        return found
    rule = attendance_rule(klass)
    opens = session.starts_at - timedelta(minutes=rule["opens_minutes"])
    if not opens <= now <= session.ends_at:
        from app.core.text import moment

        raise NotInTime(opens=moment(opens), closes=moment(session.ends_at))
    late = now > session.starts_at + timedelta(minutes=rule["late_minutes"])
    made = Attendance(
        session_id=session.id,
        session=session,
        person_id=person.id,
        state=AttendanceState.LATE if late else AttendanceState.PRESENT,
        method=SignInMethod.CODE,
        at=now,
        by_id=person.id,
    )
    db.session.add(made)
    record(Did.SIGN_IN, made, by=person, more={"session": session.id, "state": made.state})
    return made


def makes_up(session: ClassSession, person: Person) -> bool:
    """Is the person let in to make up a period missed in another class?"""
    return (
        db.session.scalar(
            select(MakeUp.id)
            .where(MakeUp.session_id == session.id, MakeUp.person_id == person.id, MakeUp.state == MakeUpState.PLANNED)
            .with_for_update()
        )
        is not None
    )


def attendance_of(session: ClassSession, person: Person) -> Attendance | None:
    return db.session.scalar(
        select(Attendance).where(Attendance.session_id == session.id, Attendance.person_id == person.id)
    )


def record_by_hand(
    klass: TrainingClass,
    marks: Mapping[tuple[int, int], AttendanceState | None],
    *,
    by: Person,
    reason: str,
    now: datetime,
) -> int:
    """Set attendance by list: (session id, person id) → state, or None to leave as it is. How many were changed.

    A changed mark needs a reason. Where credited hours no longer have an attendance, they are reversed. Raises NotFound
    for a period or person of another class, NotBegun, HandReasonMissing.
    """
    sessions = {s.id: s for s in klass.sessions}
    people = {one.person_id for one in admitted_to(klass)}
    there = {
        (a.session_id, a.person_id): a
        for a in db.session.scalars(
            select(Attendance)
            .where(Attendance.session_id.in_({session_id for session_id, _person in marks} & sessions.keys()))
            .order_by(Attendance.session_id, Attendance.person_id)
            .with_for_update()
        )
    }
    wanted = {
        key: state
        for key, state in marks.items()
        if state is not None and (key not in there or there[key].state is not state)
    }
    if not wanted:
        return 0
    if not reason.strip():
        raise HandReasonMissing("reason")
    made: list[tuple[Attendance, AttendanceState | None]] = []
    for (session_id, person_id), state in sorted(wanted.items()):
        if session_id not in sessions or person_id not in people:
            raise NotFound
        if sessions[session_id].starts_at > now:
            raise NotBegun
        mark = there.get((session_id, person_id))
        before = mark.state if mark else None
        mark = mark or Attendance(session_id=session_id, person_id=person_id)
        mark.state, mark.method, mark.at = state, SignInMethod.LIST, now
        mark.by_id, mark.reason = by.id, reason.strip()
        made.append((mark, before))
    db.session.add_all([mark for mark, _before in made])
    db.session.flush()  # log lines name them by id: all at once, not one by one
    for mark, before in made:
        _told(mark, before, by=by, reason=reason.strip(), now=now)
    return len(wanted)


def _told(mark: Attendance, before: AttendanceState | None, *, by: Person, reason: str, now: datetime) -> None:
    """Write a mark set by hand into the log; what was credited for a period that no longer counts is reversed."""
    record(
        Did.RECORD_ATTENDANCE,
        mark,
        by=by,
        reason=reason,
        changed={"state": (before, mark.state)},
        more={"session": mark.session_id, "person": mark.person_id},
    )
    if before is AttendanceState.PRESENT:
        entry = hours.open_entry(mark.person_id, HourSource.SESSION, mark.session_id)
        if entry is not None:
            hours.reverse(entry, by=by, reason=reason, now=now)


def matrix(klass: TrainingClass, sessions: Collection[int] | None = None) -> dict[tuple[int, int], Attendance]:
    """(session id, person id) → attendance, for the whole class, or some periods of it, in one question."""
    asked = select(Attendance).join(ClassSession).where(ClassSession.class_id == klass.id)
    if sessions is not None:
        asked = asked.where(Attendance.session_id.in_(sessions))
    return {(a.session_id, a.person_id): a for a in db.session.scalars(asked)}
