"""Moving people and timetables between classes: transfer, copy, split, merge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from app.accounts.models import Person
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.states import moved
from app.db import db, locked
from app.notices.service import post
from app.training import class_letters as letters
from app.training import classes, hours, offers
from app.training.class_deeds import Ran
from app.training.class_models import AskState, ClassTransfer, EnrolmentDocument, OfferState
from app.training.classes import make_class, move_class, places_taken, save_session, words
from app.training.enrolments import OwnClass, ReasonMissing, move_up
from app.training.models import ClassSession, CourseVersion, Enrolment, TrainingClass
from app.training.programme import courses_of
from app.training.states import (
    CLASS_MOVES,
    ENROLMENT_MOVES,
    HELD,
    TAKES_PEOPLE,
    ClassMove,
    ClassState,
    EnrolmentMove,
    EnrolmentState,
)


class OtherLevel(Invalid):
    message = _l("“%(title)s” is a class of another level. Choose a class of the same level.")


class SameClass(Invalid):
    message = _l("This is the class the person is in already.")


class NotTaking(Invalid):
    message = _l("“%(title)s” is not open or running, so nobody can be moved into it.")


class NoPlaceThere(Invalid):
    message = _l("“%(title)s” is full (%(taken)s of %(capacity)s). Raise its capacity first, or choose another class.")


class ThereAlready(Invalid):
    message = _l("The person has an enrolment in “%(title)s” already.")


class AskedAlready(Refused):
    message = _l("You have asked for a change of class already. The training base will decide on it.")


class Nobody(Invalid):
    message = _l("Choose at least one person, and leave at least one in the class.")


MOVABLE = (EnrolmentState.ADMITTED, EnrolmentState.WAITING, EnrolmentState.OFFERED, EnrolmentState.APPLIED)


def _lock_two(first: TrainingClass, second: TrainingClass) -> tuple[TrainingClass, TrainingClass]:
    """Both classes under lock, in key order, so that two officers moving both ways wait for each other."""
    found = {one.id: locked(one) for one in sorted((first, second), key=lambda k: k.id)}
    return found[first.id], found[second.id]


def _check(source: TrainingClass, target: TrainingClass) -> None:
    if target.id == source.id:
        raise SameClass("to_class_id")
    if target.level != source.level:
        raise OtherLevel("to_class_id", title=target.title)
    if target.state not in TAKES_PEOPLE:
        raise NotTaking("to_class_id", title=target.title)


def transfer(
    enrolment: Enrolment, target: TrainingClass, *, by: Person, reason: str, now: datetime, wished: bool = False
) -> Enrolment:
    """Move a person to another class of the level, with what was pinned and handed in. Hours of periods that are over are
    credited first, so that nothing heard is lost; the waiting list left behind moves up.

    ``wished``: the person asked; then the right to run the receiving class is enough. Raises NotAllowedNow, Forbidden,
    OwnClass, ReasonMissing, SameClass, OtherLevel, NotTaking, NoPlaceThere, ThereAlready.
    """
    source, target = _lock_two(enrolment.training_class, target)
    enrolment = locked(enrolment)
    for klass in (target,) if wished else (source, target):
        must_reach(by, Can.RUN_CLASS, region=klass.region_id, organisation=klass.organisation_id, klass=klass.id)
    if enrolment.person_id == by.id:
        raise OwnClass
    if not reason.strip():
        raise ReasonMissing("reason")
    _check(source, target)
    made = _carry(enrolment, source, target, by=by, reason=reason.strip(), now=now)
    move_up(source, now=now)
    return made


def _carry(
    enrolment: Enrolment, source: TrainingClass, target: TrainingClass, *, by: Person, reason: str, now: datetime
) -> Enrolment:
    before = enrolment.state
    if before not in MOVABLE:
        moved(ENROLMENT_MOVES, before, EnrolmentMove.OFFER)  # refuses: what is over or returned does not move
        raise NotFound
    placed = before is EnrolmentState.ADMITTED
    taken = places_taken(target.id)
    if placed and taken >= target.capacity:
        raise NoPlaceThere("to_class_id", title=target.title, taken=taken, capacity=target.capacity)
    there = db.session.scalar(
        select(Enrolment)
        .where(Enrolment.class_id == target.id, Enrolment.person_id == enrolment.person_id)
        .with_for_update(of=Enrolment)
    )
    if there is not None and there.state is not EnrolmentState.WITHDRAWN:
        raise ThereAlready("to_class_id", title=target.title)
    if placed:
        over = [s.id for s in source.sessions if s.ends_at <= now]
        if over:
            hours.credit_sessions(source, over, by=by, now=now)
    enrolment.state = moved(ENROLMENT_MOVES, before, EnrolmentMove.WITHDRAW)
    offers.close(enrolment, OfferState.VOID, now=now)
    made = there or Enrolment(
        class_id=target.id, training_class=target, person_id=enrolment.person_id, person=enrolment.person
    )
    for name in (
        "education", "experience_years", "title_level", "title_years", "remark", "pledged_at", "outline_id",
        "programme_id", "decided_by_id", "decided_at",
    ):  # fmt: skip
        setattr(made, name, getattr(enrolment, name))
    made.reason, made.applied_at = "", enrolment.applied_at
    made.completed_at = made.completion_number = made.waiting_since = made.admitted_at = None
    if placed:
        made.state, made.admitted_at = EnrolmentState.ADMITTED, now
    elif before is EnrolmentState.APPLIED:
        made.state = EnrolmentState.APPLIED
    else:
        made.state, made.waiting_since = EnrolmentState.WAITING, enrolment.waiting_since or now
    enrolment.reason, enrolment.waiting_since = reason, None
    db.session.add(made)
    db.session.flush()  # documents and letters name it
    for one in db.session.scalars(select(EnrolmentDocument).where(EnrolmentDocument.enrolment_id == enrolment.id)):
        db.session.add(
            EnrolmentDocument(enrolment_id=made.id, code=one.code, file_id=one.file_id, added_at=one.added_at)
        )
    record(
        Ran.TRANSFER, made, by=by, reason=reason,
        more={"from": source.id, "to": target.id, "person": enrolment.person_id, "state": made.state},
    )  # fmt: skip
    post(
        letters.TRANSFERRED, to=made.person, link=f"/training/enrolments/{made.id}", now=now, before=source.title,
        reason=reason, **words(target),
    )  # fmt: skip
    return made


# --- asked by the person --------------------------------------------------------------------------------------------------


def classes_to_change_to(enrolment: Enrolment) -> list[TrainingClass]:
    """Classes of the level that take people, without the present one."""
    klass = enrolment.training_class
    return list(
        db.session.scalars(
            select(TrainingClass)
            .where(
                TrainingClass.level == klass.level,
                TrainingClass.state.in_(TAKES_PEOPLE),
                TrainingClass.id != klass.id,
            )
            .order_by(TrainingClass.starts_on, TrainingClass.id)
        )
    )


def asked_transfer(enrolment: Enrolment) -> ClassTransfer | None:
    return db.session.scalar(
        select(ClassTransfer).where(ClassTransfer.enrolment_id == enrolment.id, ClassTransfer.state == AskState.ASKED)
    )


def ask_transfer(
    enrolment: Enrolment, target: TrainingClass, *, by: Person, reason: str, now: datetime
) -> ClassTransfer:
    """A person asks to change the class. Raises NotFound, AskedAlready, ReasonMissing and what stands against it."""
    enrolment = locked(enrolment)
    if enrolment.person_id != by.id:
        raise NotFound
    if enrolment.state not in MOVABLE:
        moved(ENROLMENT_MOVES, enrolment.state, EnrolmentMove.OFFER)
    _check(enrolment.training_class, target)
    if not reason.strip():
        raise ReasonMissing("reason")
    if asked_transfer(enrolment) is not None:
        raise AskedAlready
    made = ClassTransfer(
        enrolment_id=enrolment.id, to_class_id=target.id, reason=reason.strip(), asked_at=now, asked_by_id=by.id
    )
    db.session.add(made)
    db.session.flush()  # the log names it
    record(Ran.ASK_TRANSFER, made, by=by, reason=reason, more={"to": target.id})
    return made


def withdraw_transfer(asked: ClassTransfer, *, by: Person, now: datetime) -> None:
    asked = locked(asked)
    if asked.asked_by_id != by.id or asked.state is not AskState.ASKED:
        raise NotFound
    asked.state, asked.decided_at = AskState.WITHDRAWN, now
    record(Ran.ASK_TRANSFER, asked, by=by, more={"withdrawn": True})


def transfers_visible_to(person: Person) -> Select[ClassTransfer]:
    """Wishes to come into classes within an officer's reach, oldest first."""
    return (
        select(ClassTransfer)
        .join(TrainingClass, TrainingClass.id == ClassTransfer.to_class_id)
        .where(
            within(
                person, Can.RUN_CLASS, region=TrainingClass.region_id, organisation=TrainingClass.organisation_id,
                klass=TrainingClass.id,
            )
        )
        .order_by(ClassTransfer.asked_at, ClassTransfer.id)
        .options(
            joinedload(ClassTransfer.to_class),
            joinedload(ClassTransfer.enrolment).joinedload(Enrolment.person),
            joinedload(ClassTransfer.enrolment).joinedload(Enrolment.training_class),
        )
    )  # fmt: skip


def transfers_waiting(person: Person) -> int:
    asked = transfers_visible_to(person).where(ClassTransfer.state == AskState.ASKED).with_only_columns(func.count())
    return db.session.scalar(asked.order_by(None)) or 0


def transfer_for(person: Person, transfer_id: int) -> ClassTransfer:
    found = db.session.scalar(transfers_visible_to(person).where(ClassTransfer.id == transfer_id))
    if found is None:
        raise NotFound
    return found


class DecidedAlready(Refused):
    message = _l("Somebody has decided on this already. Please look at the current state.")


def decide_transfer(asked: ClassTransfer, grant: bool, *, by: Person, remark: str, now: datetime) -> None:
    """Raises DecidedAlready for the second of two officers, ReasonMissing, and what :func:`transfer` raises."""
    enrolment, target = asked.enrolment, asked.to_class
    _lock_two(enrolment.training_class, target)
    asked = locked(asked)
    if asked.state is not AskState.ASKED:
        raise DecidedAlready
    must_reach(by, Can.RUN_CLASS, region=target.region_id, organisation=target.organisation_id, klass=target.id)
    if grant:
        transfer(enrolment, target, by=by, reason=remark.strip() or asked.reason, now=now, wished=True)
        asked.state = AskState.GRANTED
    else:
        if enrolment.person_id == by.id:
            raise OwnClass
        if not remark.strip():
            raise ReasonMissing("reason")
        asked.state = AskState.REFUSED
        post(
            letters.TRANSFER_REFUSED, to=enrolment.person, link=f"/training/enrolments/{enrolment.id}", now=now,
            title=target.title, reason=remark.strip(),
        )  # fmt: skip
    asked.decided_by_id, asked.decided_at, asked.remark = by.id, now, remark.strip()
    record(Ran.DECIDE_TRANSFER, asked, by=by, reason=remark, more={"state": asked.state})


# --- copying --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Copied:
    made: TrainingClass
    periods: int
    left_out: tuple[str, ...]
    """Periods that do not fit the new class, with the reason in words."""


def copy_class(
    old: TrainingClass,
    *,
    title: str,
    starts_on: date,
    enrol_from: date,
    enrol_until: date,
    rooms: bool,
    teachers: bool,
    by: Person,
    now: datetime,
) -> Copied:
    """The class again: every period as many days after the new start as it was after the old one, at the same time of day.

    The programme and outline in force are pinned; a course that has a newer version there is taken in that version, one
    that is no longer part of it becomes a plain period with its heading. Raises what ``make_class`` raises.
    """
    must_reach(by, Can.RUN_CLASS, region=old.region_id, organisation=old.organisation_id, klass=old.id)
    values: dict[str, Any] = {name: getattr(old, name) for name in classes.FIELDS}
    values |= {
        "title": title,
        "starts_on": starts_on,
        "ends_on": starts_on + (old.ends_on - old.starts_on),
        "enrol_from": enrol_from,
        "enrol_until": enrol_until,
        "teacher_id": old.teacher_id if teachers else None,
    }
    made = make_class(old.organisation, old.level, values, by=by, now=now)
    db.session.flush()  # periods name it
    periods, left_out = _copy_periods(old, made, starts_on - old.starts_on, rooms, teachers, by=by, now=now)
    record(Ran.COPY_CLASS, made, by=by, more={"from": old.id, "periods": periods, "left_out": len(left_out)})
    return Copied(made, periods, tuple(left_out))


def _copy_periods(
    old: TrainingClass, made: TrainingClass, shift: timedelta, rooms: bool, teachers: bool, *, by: Person, now: datetime,
    since: datetime | None = None,
) -> tuple[int, list[str]]:  # fmt: skip
    now_there: dict[int, CourseVersion] = {c.course_id: c for c in courses_of(made.programme_id) if not c.online}
    done, left_out = 0, []
    for one in sorted(old.sessions, key=lambda s: (s.starts_at, s.id)):
        if since is not None and one.starts_at < since:
            continue
        course = now_there.get(one.course_version.course_id) if one.course_version else None
        values = {
            "course_version_id": course.id if course else None,
            "module": course.module if course else one.module,
            "title": one.title if course else one.label,
            "starts_at": one.starts_at + shift,
            "ends_at": one.ends_at + shift,
            "hours": one.hours,
            "room": one.room if rooms else "",
            "teacher_id": one.teacher_id if teachers else None,
        }
        try:
            save_session(made, None, values, by=by, now=now)
            done += 1
        except Invalid as refusal:
            left_out.append(f"{one.label}: {refusal.text}")
    return done, left_out


# --- splitting and merging -------------------------------------------------------------------------------------------------


def split_class(
    old: TrainingClass, enrolment_ids: Iterable[int], *, title: str, capacity: int, by: Person, reason: str,
    now: datetime,
) -> TrainingClass:  # fmt: skip
    """A part of the people go on in a class of their own, with the periods still to come, without rooms (they would clash).

    Raises ClassOver, ReasonMissing, Nobody, TooSmall.
    """
    old = locked(old)
    must_reach(by, Can.RUN_CLASS, region=old.region_id, organisation=old.organisation_id, klass=old.id)
    if old.state not in TAKES_PEOPLE:
        raise classes.ClassOver
    if not reason.strip():
        raise ReasonMissing("reason")
    wanted = set(enrolment_ids)
    all_placed = list(
        db.session.scalars(
            select(Enrolment)
            .where(Enrolment.class_id == old.id, Enrolment.state == EnrolmentState.ADMITTED)
            .order_by(Enrolment.id)
            .with_for_update(of=Enrolment)
        )
    )
    chosen = [e for e in all_placed if e.id in wanted and e.person_id != by.id]
    if not chosen or len(chosen) == len(all_placed):
        raise Nobody("ids")
    if capacity < len(chosen):
        raise classes.TooSmall("capacity", taken=len(chosen))
    made = TrainingClass(
        level=old.level, organisation_id=old.organisation_id, region_id=old.region_id, outline_id=old.outline_id,
        programme_id=old.programme_id, outline=old.outline, programme=old.programme, state=ClassState.DRAFT,
        created_at=now, created_by_id=by.id,
        **{name: getattr(old, name) for name in classes.FIELDS} | {"title": title, "capacity": capacity, "teacher_id": None},
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # periods and enrolments name it
    _copy_periods(old, made, timedelta(), False, False, by=by, now=now, since=now)
    made.state = old.state  # people go straight on: no announcement in between
    for one in chosen:
        _carry(one, old, made, by=by, reason=reason.strip(), now=now)
    record(Ran.SPLIT_CLASS, made, by=by, reason=reason, more={"from": old.id, "people": len(chosen)})
    move_up(old, now=now)
    return made


def merge_class(source: TrainingClass, target: TrainingClass, *, by: Person, reason: str, now: datetime) -> int:
    """Everybody of one class goes on in another of the level; the emptied class is cancelled. How many moved.

    Raises NotAllowedNow, Forbidden, ReasonMissing, SameClass, OtherLevel, NotTaking, NoPlaceThere, OwnClass.
    """
    source, target = _lock_two(source, target)
    for klass in (source, target):
        must_reach(by, Can.RUN_CLASS, region=klass.region_id, organisation=klass.organisation_id, klass=klass.id)
    moved(CLASS_MOVES, source.state, ClassMove.CANCEL)
    if not reason.strip():
        raise ReasonMissing("reason")
    _check(source, target)
    people = list(
        db.session.scalars(
            select(Enrolment)
            .where(Enrolment.class_id == source.id, Enrolment.state.in_(HELD))
            .order_by(Enrolment.id)
            .with_for_update(of=Enrolment)
        )
    )
    if any(one.person_id == by.id for one in people):
        raise OwnClass
    placed = sum(1 for e in people if e.state is EnrolmentState.ADMITTED)
    taken = places_taken(target.id)
    if taken + placed > target.capacity:
        raise NoPlaceThere("to_class_id", title=target.title, taken=f"{taken} + {placed}", capacity=target.capacity)
    there = set(
        db.session.scalars(
            select(Enrolment.person_id).where(Enrolment.class_id == target.id, Enrolment.state.in_(HELD))
        )
    )
    n = 0
    for one in people:
        if one.state in MOVABLE and one.person_id not in there:
            _carry(one, source, target, by=by, reason=reason.strip(), now=now)
            n += 1
    record(Ran.MERGE_CLASS, target, by=by, reason=reason, more={"from": source.id, "people": n})
    move_class(source, ClassMove.CANCEL, by=by, reason=reason, now=now)
    return n


def days_off(klass: TrainingClass) -> list[ClassSession]:
    """Periods that fall on a public holiday of the calendar (weekends are usual for classes)."""
    from app.outline.service import calendar

    off = calendar(region_id=klass.region_id).off
    return [s for s in klass.sessions if clock.local_date(s.starts_at) in off]
