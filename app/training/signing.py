"""Signing in and out by phone: the code of the room's screen for each way, late and early by rule, and what is settled
when somebody never signs out.

A code is bound to class, period, way and a step of time; a copy is worthless after a minute, opens no other period and
does not turn a sign-in into a sign-out. Used twice by the same person it changes nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import Row, func, select

from app.accounts.models import Person
from app.audit.service import record
from app.core.crypto import settings
from app.core.errors import Refused
from app.core.text import moment
from app.db import db
from app.training import attendance
from app.training.class_deeds import Ran
from app.training.class_models import MakeUp, MakeUpState, SignStamp, Way
from app.training.classes import attendance_rule
from app.training.models import Attendance, AttendanceState, ClassSession, SignInMethod, TrainingClass
from app.training.offers import terms


class NotSignedIn(Refused):
    message = _l("You did not sign in to this period, so you cannot sign out. Speak to the teacher.")


class OutNotInTime(Refused):
    message = _l("Signing out of this period is possible from %(opens)s to %(closes)s.")


# --- the code -------------------------------------------------------------------------------------------------------------


def _mac(session: ClassSession, way: Way, step: int) -> str:
    if way is Way.IN:
        return attendance._mac(session, step)
    key = hashlib.sha256(b"class sign-out" + settings().SECRET_KEY.encode()).digest()
    made = hmac.new(key, f"{session.class_id}\0{session.id}\0{step}".encode(), hashlib.sha256).digest()[:15]
    return base64.urlsafe_b64encode(made).decode()


def way_now(session: ClassSession, now: datetime) -> Way:
    """Which code the screen shows by itself: for signing out once the end is near, where that is asked."""
    asked = terms(session.training_class.region_id)
    near = session.ends_at - timedelta(minutes=asked["sign_out_opens"])
    return Way.OUT if asked["sign_out"] and now >= near else Way.IN


def code_for(session: ClassSession, way: Way, now: datetime) -> attendance.Code:
    every = attendance_rule(session.training_class)["code_seconds"]
    step, into = divmod(int(now.timestamp()), every)
    return attendance.Code(f"{session.id}.{_mac(session, way, step)}", every - into, every)


def read(token: str, now: datetime) -> tuple[ClassSession, Way]:
    """The period and way a code opens, when it is the current one or the one before. Raises BadCode."""
    number, _dot, mac = token.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise attendance.BadCode
    session = db.session.get(ClassSession, int(number))
    if session is None:
        raise attendance.BadCode
    step = int(now.timestamp()) // attendance_rule(session.training_class)["code_seconds"]
    for way in Way:
        if any(hmac.compare_digest(mac.encode(), _mac(session, way, s).encode()) for s in (step, step - 1)):
            return session, way
    raise attendance.BadCode


# --- signing --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Signed:
    attendance: Attendance
    way: Way
    at: datetime


def device_mark(cookie: str) -> str:
    """What is kept of a browser's mark: enough to see that two people used one phone, and nothing else."""
    return hashlib.sha256(b"sign device" + cookie.encode()).hexdigest()[:32] if cookie else ""


def sign(person: Person, token: str, *, device: str = "", now: datetime) -> Signed:
    """Sign in or out, as the code says. Raises BadCode, NotInClass, NotInTime, SetByHand, NotSignedIn, OutNotInTime."""
    session, way = read(token, now)
    if way is Way.OUT:
        return sign_out(person, session, device=device, now=now)
    found = attendance.sign_in(person, token, now=now)
    stamp = _stamp(session, person, Way.IN)
    if stamp is None:
        stamp = SignStamp(session_id=session.id, person_id=person.id, way=Way.IN, at=now, device=device)
        db.session.add(stamp)
    return Signed(found, way, stamp.at)


def sign_out(person: Person, session: ClassSession, *, device: str = "", now: datetime) -> Signed:
    """Sign out. Too early means left early; whoever comes back and signs out again in time is present after all."""
    klass = session.training_class
    asked = terms(klass.region_id)
    found = db.session.scalar(
        select(Attendance)
        .where(Attendance.session_id == session.id, Attendance.person_id == person.id)
        .with_for_update(of=Attendance)  # a double tap waits here
    )
    if found is None:
        raise NotSignedIn
    closes = session.ends_at + timedelta(minutes=asked["sign_out_closes"])
    if not session.starts_at <= now <= closes:
        raise OutNotInTime(opens=moment(session.starts_at), closes=moment(closes))
    stamp = _stamp(session, person, Way.OUT)
    if stamp is None:
        stamp = SignStamp(session_id=session.id, person_id=person.id, way=Way.OUT, at=now, device=device)
        db.session.add(stamp)
    elif now - stamp.at > timedelta(seconds=90):
        stamp.at, stamp.device = now, device
    else:
        return Signed(found, Way.OUT, stamp.at)
    before = found.state
    if found.method is SignInMethod.CODE and before in (AttendanceState.PRESENT, AttendanceState.LEFT_EARLY):
        early = leaves_early(session, now)
        found.state = AttendanceState.LEFT_EARLY if early else AttendanceState.PRESENT
    record(
        Ran.SIGN_OUT, found, by=person, changed={"state": (before, found.state)} if before is not found.state else None,
        more={"session": session.id},
    )  # fmt: skip
    return Signed(found, Way.OUT, stamp.at)


def leaves_early(session: ClassSession, now: datetime) -> bool:
    minutes = terms(session.training_class.region_id)["early_minutes"]
    return now < session.ends_at - timedelta(minutes=minutes)


def _stamp(session: ClassSession, person: Person, way: Way) -> SignStamp | None:
    return db.session.scalar(
        select(SignStamp).where(
            SignStamp.session_id == session.id, SignStamp.person_id == person.id, SignStamp.way == way
        )
    )


def stamps_of(klass: TrainingClass) -> dict[tuple[int, int], dict[str, datetime]]:
    """(session id, person id) → way → when, for the sheet."""
    made: dict[tuple[int, int], dict[str, datetime]] = defaultdict(dict)
    for one in db.session.scalars(select(SignStamp).join(ClassSession).where(ClassSession.class_id == klass.id)):
        made[one.session_id, one.person_id][one.way.value] = one.at
    return dict(made)


def signed_out(session: ClassSession) -> int:
    """How many have signed out of a period."""
    asked = select(func.count()).where(SignStamp.session_id == session.id, SignStamp.way == Way.OUT)
    return db.session.scalar(asked) or 0


def one_phone(klass: TrainingClass) -> list[tuple[ClassSession, list[str]]]:
    """Periods in which several people signed by one phone, with their names: a question to the teacher, not a verdict."""
    rows = db.session.execute(
        select(ClassSession, SignStamp.device, Person.name)
        .join(SignStamp, SignStamp.session_id == ClassSession.id)
        .join(Person, Person.id == SignStamp.person_id)
        .where(ClassSession.class_id == klass.id, SignStamp.device != "")
        .order_by(ClassSession.starts_at, ClassSession.id, Person.name)
    )
    groups: dict[tuple[int, str], tuple[ClassSession, list[str]]] = {}
    for session, device, name in rows:
        _session, names = groups.setdefault((session.id, device), (session, []))
        if name not in names:
            names.append(name)
    return [found for found in groups.values() if len(found[1]) > 1]


# --- when nobody signs out -------------------------------------------------------------------------------------------------


def settle(sessions: Iterable[ClassSession], *, now: datetime) -> int:
    """Whoever signed in by phone and never signed out has left early, once signing out is closed. How many."""
    due = [
        s
        for s in sessions
        for asked in [terms(s.training_class.region_id)]
        if asked["sign_out"] and now > s.ends_at + timedelta(minutes=asked["sign_out_closes"])
    ]
    if not due:
        return 0
    out = select(SignStamp.id).where(
        SignStamp.session_id == Attendance.session_id,
        SignStamp.person_id == Attendance.person_id,
        SignStamp.way == Way.OUT,
    )
    came = select(SignStamp.id).where(
        SignStamp.session_id == Attendance.session_id,
        SignStamp.person_id == Attendance.person_id,
        SignStamp.way == Way.IN,
    )
    found = list(
        db.session.scalars(
            select(Attendance)
            .where(
                Attendance.session_id.in_([s.id for s in due]),
                Attendance.state == AttendanceState.PRESENT,
                Attendance.method == SignInMethod.CODE,
                came.exists(),  # marks from before signing out was asked have no stamp and stay
                ~out.exists(),
            )
            .order_by(Attendance.session_id, Attendance.person_id)
            .with_for_update(of=Attendance)
        )
    )
    for one in found:
        one.state = AttendanceState.LEFT_EARLY
        record(
            Ran.SETTLE_SIGN_OUT, one, by=None, changed={"state": (AttendanceState.PRESENT, one.state)},
            more={"session": one.session_id, "person": one.person_id},
        )  # fmt: skip
    return len(found)


def to_settle(now: datetime, days: int = 3) -> list[int]:
    """Ids of periods that ended lately, for the clock's job."""
    return list(
        db.session.scalars(
            select(ClassSession.id)
            .where(ClassSession.ends_at < now, ClassSession.ends_at > now - timedelta(days=days))
            .order_by(ClassSession.id)
        )
    )


def counting(
    sessions: Sequence[ClassSession], present: Sequence[Row[int, int]], *, now: datetime
) -> list[tuple[int, int]]:
    """Of those present (session id, person id): who counts now. A period made up elsewhere counts once. Where signing out is still open, whoever signed in by phone
    and has not signed out waits for the next crediting."""
    waiting = {
        s.id
        for s in sessions
        for asked in [terms(s.training_class.region_id)]
        if asked["sign_out"] and now <= s.ends_at + timedelta(minutes=asked["sign_out_closes"])
    }
    made_up = {
        (row[0], row[1])
        for row in db.session.execute(
            select(MakeUp.missed_session_id, MakeUp.person_id).where(
                MakeUp.missed_session_id.in_([s.id for s in sessions]), MakeUp.state == MakeUpState.DONE
            )
        )
    }
    pairs = [(s, p) for s, p in present if (s, p) not in made_up]
    if not waiting:
        return pairs
    ways: dict[tuple[int, int], set[Way]] = defaultdict(set)
    for session_id, person_id, way in db.session.execute(
        select(SignStamp.session_id, SignStamp.person_id, SignStamp.way).where(SignStamp.session_id.in_(waiting))
    ):
        ways[session_id, person_id].add(way)
    return [(s, p) for s, p in pairs if s not in waiting or ways.get((s, p), set()) != {Way.IN}]
