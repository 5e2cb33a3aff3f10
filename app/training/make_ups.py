"""Leave (请假) and making up a missed period (补课) in another class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import aliased, joinedload

from app.accounts.models import Person
from app.accounts.scope import within
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.text import moment
from app.db import db, locked
from app.files.service import EVIDENCE, keep
from app.notices.service import post
from app.training import class_letters as letters
from app.training.class_deeds import Ran
from app.training.class_models import AskState, LeaveRequest, MakeUp, MakeUpState
from app.training.classes import class_to_teach
from app.training.enrolments import OwnClass, ReasonMissing
from app.training.models import (
    Attendance,
    AttendanceState,
    ClassSession,
    CourseVersion,
    Enrolment,
    HourEntry,
    HourSource,
    SignInMethod,
    TrainingClass,
)
from app.training.moving import DecidedAlready
from app.training.offers import terms
from app.training.states import IN_TRAINING, ClassState


class TooLateForLeave(Refused):
    message = _l("This period has begun; leave is asked before it. Speak to the teacher, who can record you by hand.")


class LeaveThere(Refused):
    message = _l("You have asked for leave from this period already.")


class SignedAlready(Refused):
    message = _l("You are recorded for this period already, so leave is no longer possible.")


class NothingMissed(Invalid):
    message = _l("You did not miss this period, so there is nothing to make up.")


class MakeUpThere(Refused):
    message = _l("You have asked to make up this period already.")


class MakeUpTooLate(Invalid):
    message = _l("This period could be made up until %(last)s.")


class NotTheSame(Invalid):
    message = _l("Choose a period of the same course in another class that is still to come.")


# --- leave ----------------------------------------------------------------------------------------------------------------


def _placed(person: Person, class_id: int) -> bool:
    return (
        db.session.scalar(
            select(Enrolment.id).where(
                Enrolment.class_id == class_id, Enrolment.person_id == person.id, Enrolment.state.in_(IN_TRAINING)
            )
        )
        is not None
    )


def own_session(person: Person, session_id: int) -> ClassSession:
    """A period of a class in which the person has a place. NotFound otherwise."""
    found = db.session.get(ClassSession, session_id)
    if found is None or not _placed(person, found.class_id):
        raise NotFound
    return found


def leave_of(person: Person, session: ClassSession) -> LeaveRequest | None:
    return db.session.scalar(
        select(LeaveRequest).where(LeaveRequest.session_id == session.id, LeaveRequest.person_id == person.id)
    )


def ask_leave(person: Person, session: ClassSession, *, reason: str, upload: Any = None, now: datetime) -> LeaveRequest:
    """Ask for leave before the period. Refused or taken back, it can be asked again.

    Raises NotFound, TooLateForLeave, SignedAlready, LeaveThere, ReasonMissing, FileRefused.
    """
    session = locked(session)
    if not _placed(person, session.class_id):
        raise NotFound
    if now >= session.starts_at:
        raise TooLateForLeave
    if not reason.strip():
        raise ReasonMissing("reason")
    if db.session.scalar(
        select(Attendance.id).where(Attendance.session_id == session.id, Attendance.person_id == person.id)
    ):
        raise SignedAlready
    made = leave_of(person, session)
    if made is not None and made.state in (AskState.ASKED, AskState.GRANTED):
        raise LeaveThere
    if made is None:
        made = LeaveRequest(session_id=session.id, session=session, person_id=person.id, person=person)
    made.state, made.reason, made.asked_at, made.remark = AskState.ASKED, reason.strip(), now, ""
    made.decided_at = made.decided_by_id = None
    if upload is not None and upload.filename:
        made.file = keep(upload, owner=person, kinds=EVIDENCE, field="proof")
    db.session.add(made)
    db.session.flush()  # the log names it
    record(Ran.ASK_LEAVE, made, by=person, reason=reason, more={"session": session.id})
    return made


def withdraw_leave(asked: LeaveRequest, *, by: Person, now: datetime) -> None:
    """Take a wish back; granted leave is taken back as long as the period has not begun."""
    asked = locked(asked)
    if asked.person_id != by.id or asked.state not in (AskState.ASKED, AskState.GRANTED):
        raise NotFound
    if now >= asked.session.starts_at:
        raise TooLateForLeave
    if asked.state is AskState.GRANTED:
        mark = db.session.scalar(
            select(Attendance).where(Attendance.session_id == asked.session_id, Attendance.person_id == by.id)
        )
        if mark is not None and mark.state is AttendanceState.LEAVE:
            db.session.delete(mark)
    asked.state, asked.decided_at = AskState.WITHDRAWN, now
    record(Ran.ASK_LEAVE, asked, by=by, more={"withdrawn": True})


def _teaches(person: Person, klass: type[TrainingClass] = TrainingClass) -> ColumnElement[bool]:
    """Classes whose attendance a person keeps: run by them, taught by them, or reached as lecturer."""
    reach = {"region": klass.region_id, "organisation": klass.organisation_id, "klass": klass.id}
    return or_(
        klass.teacher_id == person.id,
        within(person, Can.RUN_CLASS, **reach),
        within(person, Can.TEACH, **reach),
        klass.id.in_(select(ClassSession.class_id).where(ClassSession.teacher_id == person.id)),
    )


def leaves_visible_to(person: Person) -> Select[LeaveRequest]:
    """Wishes for leave from classes a person keeps the attendance of, soonest period first."""
    return (
        select(LeaveRequest)
        .join(ClassSession, ClassSession.id == LeaveRequest.session_id)
        .join(TrainingClass, TrainingClass.id == ClassSession.class_id)
        .where(_teaches(person))
        .order_by(ClassSession.starts_at, LeaveRequest.id)
        .options(
            joinedload(LeaveRequest.person),
            joinedload(LeaveRequest.file),
            joinedload(LeaveRequest.session).joinedload(ClassSession.training_class),
            joinedload(LeaveRequest.session).joinedload(ClassSession.course_version),
        )
    )


def leave_for(person: Person, leave_id: int) -> LeaveRequest:
    found = db.session.scalar(leaves_visible_to(person).where(LeaveRequest.id == leave_id))
    if found is None:
        raise NotFound
    return found


def decide_leave(asked: LeaveRequest, grant: bool, *, by: Person, remark: str, now: datetime) -> None:
    """Granted leave stands on the sheet at once. Raises DecidedAlready, OwnClass, ReasonMissing (a refusal says why)."""
    asked = locked(asked)
    session = asked.session
    class_to_teach(by, session.class_id)
    if asked.state is not AskState.ASKED:
        raise DecidedAlready
    if asked.person_id == by.id:
        raise OwnClass
    if not grant and not remark.strip():
        raise ReasonMissing("reason")
    asked.state = AskState.GRANTED if grant else AskState.REFUSED
    asked.decided_by_id, asked.decided_at, asked.remark = by.id, now, remark.strip()
    if grant:
        mark = db.session.scalar(
            select(Attendance).where(Attendance.session_id == session.id, Attendance.person_id == asked.person_id)
        )
        if mark is None:
            db.session.add(
                Attendance(
                    session_id=session.id, person_id=asked.person_id, state=AttendanceState.LEAVE,
                    method=SignInMethod.LIST, at=now, by_id=by.id, reason=asked.reason[:300],
                )
            )  # fmt: skip
    record(Ran.DECIDE_LEAVE, asked, by=by, reason=remark, more={"state": asked.state, "session": session.id})
    post(
        letters.LEAVE_DECIDED, to=asked.person, link=f"/training/leave/{session.class_id}", now=now,
        label=session.label, state=_l("granted") if grant else _l("not granted"), remark=remark.strip() or "—",
    )  # fmt: skip


# --- making up ------------------------------------------------------------------------------------------------------------


def missed_of(person: Person, klass: TrainingClass, now: datetime) -> list[tuple[ClassSession, Attendance | None]]:
    """Periods of a class that are over and at which the person was not present."""
    marks = {
        a.session_id: a
        for a in db.session.scalars(
            select(Attendance).join(ClassSession).where(
                ClassSession.class_id == klass.id, Attendance.person_id == person.id
            )
        )
    }  # fmt: skip
    sessions = db.session.scalars(
        select(ClassSession)
        .where(ClassSession.class_id == klass.id, ClassSession.ends_at <= now)
        .order_by(ClassSession.starts_at, ClassSession.id)
        .options(joinedload(ClassSession.course_version))
    )
    return [
        (s, marks.get(s.id)) for s in sessions if s.id not in marks or marks[s.id].state is not AttendanceState.PRESENT
    ]


def last_day(session: ClassSession) -> Any:
    """Until when a missed period can be made up."""
    months = terms(session.training_class.region_id)["make_up_months"]
    day = clock.local_date(session.starts_at)
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    first_after = day.replace(year=year, month=month, day=1)
    longest = ((first_after + timedelta(days=32)).replace(day=1) - timedelta(days=1)).day
    return first_after.replace(day=min(day.day, longest))


def chances(session: ClassSession, now: datetime) -> list[ClassSession]:
    """Periods of the same course (or, without a course, of the same module and length) in other classes of the level that
    are still to come within the term."""
    last = clock.start_of(last_day(session) + timedelta(days=1))
    klass = session.training_class
    asked = (
        select(ClassSession)
        .join(TrainingClass)
        .where(
            TrainingClass.level == klass.level,
            TrainingClass.id != klass.id,
            TrainingClass.state.in_([ClassState.OPEN, ClassState.RUNNING]),
            ClassSession.starts_at > now,
            ClassSession.starts_at < last,
        )
        .order_by(ClassSession.starts_at, ClassSession.id)
        .limit(50)
        .options(joinedload(ClassSession.training_class), joinedload(ClassSession.course_version))
    )
    if session.course_version is not None:
        version = aliased(CourseVersion)
        asked = asked.join(version, version.id == ClassSession.course_version_id).where(
            version.course_id == session.course_version.course_id
        )
    else:
        asked = asked.where(
            ClassSession.course_version_id.is_(None), ClassSession.module == session.module,
            ClassSession.hours >= session.hours,
        )  # fmt: skip
    return list(db.session.scalars(asked))


def make_ups_of(person: Person, klass: TrainingClass) -> dict[int, MakeUp]:
    """Missed session id → the newest way of making it up."""
    rows = db.session.scalars(
        select(MakeUp)
        .join(ClassSession, ClassSession.id == MakeUp.missed_session_id)
        .where(MakeUp.person_id == person.id, ClassSession.class_id == klass.id)
        .order_by(MakeUp.id)
        .options(joinedload(MakeUp.session).joinedload(ClassSession.training_class))
    )
    return {one.missed_session_id: one for one in rows}


ALIVE = (MakeUpState.ASKED, MakeUpState.PLANNED, MakeUpState.DONE)


def ask_make_up(person: Person, missed: ClassSession, chosen_id: int, *, now: datetime) -> MakeUp:
    """Ask to hear a missed period in another class. Raises NotFound, NothingMissed, MakeUpTooLate, MakeUpThere, NotTheSame."""
    missed = locked(missed)
    if not _placed(person, missed.class_id):
        raise NotFound
    there = db.session.scalar(
        select(Attendance).where(Attendance.session_id == missed.id, Attendance.person_id == person.id)
    )
    if missed.ends_at > now or (there is not None and there.state is AttendanceState.PRESENT):
        raise NothingMissed("session")
    last = last_day(missed)
    if clock.local_date(now) > last:
        from app.core.text import day

        raise MakeUpTooLate("session", last=day(last))
    if db.session.scalar(
        select(MakeUp.id).where(
            MakeUp.person_id == person.id, MakeUp.missed_session_id == missed.id, MakeUp.state.in_(ALIVE)
        )
    ):
        raise MakeUpThere
    chosen = next((s for s in chances(missed, now) if s.id == chosen_id), None)
    if chosen is None:
        raise NotTheSame("session")
    made = MakeUp(person_id=person.id, missed_session_id=missed.id, session_id=chosen.id, asked_at=now)
    db.session.add(made)
    db.session.flush()  # the log names it
    record(Ran.ASK_MAKE_UP, made, by=person, more={"missed": missed.id, "session": chosen.id})
    return made


def drop_make_up(made: MakeUp, *, by: Person, now: datetime) -> None:
    made = locked(made)
    if made.person_id != by.id or made.state not in (MakeUpState.ASKED, MakeUpState.PLANNED):
        raise NotFound
    made.state, made.decided_at = MakeUpState.DROPPED, now
    record(Ran.ASK_MAKE_UP, made, by=by, more={"dropped": True})


def make_ups_visible_to(person: Person) -> Select[MakeUp]:
    """Wishes of guests to come into classes a person keeps, soonest first."""
    return (
        select(MakeUp)
        .join(ClassSession, ClassSession.id == MakeUp.session_id)
        .join(TrainingClass, TrainingClass.id == ClassSession.class_id)
        .where(_teaches(person))
        .order_by(ClassSession.starts_at, MakeUp.id)
        .options(
            joinedload(MakeUp.person),
            joinedload(MakeUp.missed).joinedload(ClassSession.training_class),
            joinedload(MakeUp.missed).joinedload(ClassSession.course_version),
            joinedload(MakeUp.session).joinedload(ClassSession.training_class),
            joinedload(MakeUp.session).joinedload(ClassSession.course_version),
        )
    )


def make_up_for(person: Person, make_up_id: int) -> MakeUp:
    found = db.session.scalar(make_ups_visible_to(person).where(MakeUp.id == make_up_id))
    if found is None:
        raise NotFound
    return found


def decide_make_up(made: MakeUp, grant: bool, *, by: Person, remark: str, now: datetime) -> None:
    """Let the guest in or not. Raises DecidedAlready, OwnClass, ReasonMissing."""
    made = locked(made)
    class_to_teach(by, made.session.class_id)
    if made.state is not MakeUpState.ASKED:
        raise DecidedAlready
    if made.person_id == by.id:
        raise OwnClass
    if not grant and not remark.strip():
        raise ReasonMissing("reason")
    made.state = MakeUpState.PLANNED if grant else MakeUpState.REFUSED
    made.decided_by_id, made.decided_at, made.remark = by.id, now, remark.strip()
    record(Ran.DECIDE_MAKE_UP, made, by=by, reason=remark, more={"state": made.state})
    session = made.session
    post(
        letters.MAKE_UP_DECIDED, to=made.person, link=f"/training/leave/{made.missed.class_id}", now=now,
        label=made.missed.label, state=_l("granted") if grant else _l("not granted"), remark=remark.strip() or "—",
        when=moment(session.starts_at), room=session.room or session.training_class.place or "—",
    )  # fmt: skip


def mark_guest(made: MakeUp, *, by: Person, reason: str, now: datetime) -> None:
    """The teacher records a guest by hand, with a reason. Raises DecidedAlready, ReasonMissing, NotBegun."""
    from app.training.attendance import HandReasonMissing, NotBegun, attendance_of
    from app.training.deeds import Did

    made = locked(made)
    class_to_teach(by, made.session.class_id)
    if made.state is not MakeUpState.PLANNED:
        raise DecidedAlready
    if made.person_id == by.id:
        raise OwnClass
    if made.session.starts_at > now:
        raise NotBegun
    if not reason.strip():
        raise HandReasonMissing("reason")
    mark = attendance_of(made.session, made.person) or Attendance(session_id=made.session_id, person_id=made.person_id)
    before = mark.state
    mark.state, mark.method, mark.at = AttendanceState.PRESENT, SignInMethod.LIST, now
    mark.by_id, mark.reason = by.id, reason.strip()[:300]
    db.session.add(mark)
    record(
        Did.RECORD_ATTENDANCE, mark, by=by, reason=reason, changed={"state": (before, mark.state)},
        more={"session": made.session_id, "person": made.person_id, "guest": True},
    )  # fmt: skip


def guests_of(klass: TrainingClass) -> list[MakeUp]:
    """People of other classes who make up a period in this one."""
    return list(
        db.session.scalars(
            select(MakeUp)
            .join(ClassSession, ClassSession.id == MakeUp.session_id)
            .where(ClassSession.class_id == klass.id, MakeUp.state.in_([MakeUpState.PLANNED, MakeUpState.DONE]))
            .order_by(ClassSession.starts_at, MakeUp.id)
            .options(
                joinedload(MakeUp.person),
                joinedload(MakeUp.session).joinedload(ClassSession.course_version),
                joinedload(MakeUp.missed).joinedload(ClassSession.training_class),
            )
        )
    )


def waiting_for(person: Person) -> int:
    """How many wishes for leave and for making up wait for this officer."""
    leaves = leaves_visible_to(person).where(LeaveRequest.state == AskState.ASKED)
    ups = make_ups_visible_to(person).where(MakeUp.state == MakeUpState.ASKED)
    return sum(db.session.scalar(asked.with_only_columns(func.count()).order_by(None)) or 0 for asked in (leaves, ups))


def credit(sessions: Iterable[ClassSession], *, by: Person, now: datetime) -> dict[int, Decimal]:
    """Credit guests who were present in these periods for the periods they missed; person id → hours.

    The hours are those of the missed period, in its module and class, and never more than the period heard was worth.
    """
    from app.training import signing
    from app.training.hours import _Ledger

    sessions = list(sessions)
    ids = [s.id for s in sessions]
    planned = list(
        db.session.scalars(
            select(MakeUp)
            .join(Attendance, (Attendance.session_id == MakeUp.session_id) & (Attendance.person_id == MakeUp.person_id))
            .where(
                MakeUp.session_id.in_(ids),
                MakeUp.state == MakeUpState.PLANNED,
                Attendance.state == AttendanceState.PRESENT,
            )
            .order_by(MakeUp.id)
            .with_for_update(of=MakeUp)
        )
    )
    rows: Any = [(m.session_id, m.person_id) for m in planned]
    counting = set(signing.counting(sessions, rows, now=now))
    made: dict[int, Decimal] = defaultdict(Decimal)
    for one in planned:
        if (one.session_id, one.person_id) not in counting:
            continue
        missed, heard = one.missed, one.session
        ledger = _Ledger.of([one.person_id], missed.training_class.level)
        already = (one.person_id, HourSource.SESSION.value, missed.id) in ledger.open
        entry: HourEntry | None = None
        if not already:
            entry = ledger.credit(
                one.person_id,
                module=missed.module,
                hours=min(missed.hours, heard.hours),
                kind=HourSource.MAKE_UP,
                source_id=one.id,
                course=missed.course_version,
                class_id=missed.class_id,
                online=False,
                earned_on=clock.local_date(heard.starts_at),
                working={
                    "rule": "make_up", "missed": missed.label, "missed_on": clock.local_date(missed.starts_at).isoformat(),
                    "heard_in": heard.training_class.title, "hours": str(missed.hours),
                },
                by=by,
                now=now,
            )  # fmt: skip
        one.state = MakeUpState.DONE
        if entry is not None:
            made[one.person_id] += entry.hours
            db.session.flush()  # the next one of the person sees it
        record(Ran.CREDIT_MAKE_UP, one, by=by, more={"hours": entry.hours if entry else 0})
    return dict(made)
