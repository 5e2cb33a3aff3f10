"""Classes (班次): making, changing, moving through their life, timetable, and who sees which."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, bindparam, exists, func, or_, select
from sqlalchemy.orm import selectinload

from app.accounts.models import Organisation, OrganisationKind, Person, RoleHeld
from app.accounts.scope import Reach, must_reach, reach_of, reaches, within
from app.accounts.service import RoleThere, end_role, grant_role, widen_people
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can, Role, Scope
from app.core.states import moved
from app.core.text import moment
from app.core.waiting import Waiting, waiting
from app.db import db, locked, rows
from app.notices.service import post
from app.outline.service import current, rule, typed
from app.training import class_letters, letters
from app.training.deeds import Did
from app.training.models import (
    Attendance,
    ClassSession,
    CourseVersion,
    Enrolment,
    HourEntry,
    HourSource,
    ProgrammeCourse,
    TrainingClass,
)
from app.training.programme import courses_of, current_programme
from app.training.states import CLASS_MOVES, TAKES_A_PLACE, TAKES_PEOPLE, ClassMove, ClassState, EnrolmentState

# --- who sees which -------------------------------------------------------------------------------------------------------


def _reach(person: Person, can: Can) -> ColumnElement[bool]:
    return within(
        person, can, region=TrainingClass.region_id, organisation=TrainingClass.organisation_id, klass=TrainingClass.id
    )


def classes_visible_to(person: Person) -> Select[TrainingClass]:
    """Classes an officer, lecturer or auditor may look into."""
    return select(TrainingClass).where(_reach(person, Can.READ_CLASS)).order_by(TrainingClass.starts_on.desc())


def class_for(person: Person, class_id: int, can: Can = Can.READ_CLASS) -> TrainingClass:
    """A class within the person's reach for a right. NotFound otherwise."""
    found = db.session.scalar(select(TrainingClass).where(TrainingClass.id == class_id, _reach(person, can)))
    if found is None:
        raise NotFound
    return found


def runs(person: Person, klass: TrainingClass) -> bool:
    return reaches(person, Can.RUN_CLASS, region=klass.region_id, organisation=klass.organisation_id, klass=klass.id)


def taught_by(person: Person) -> Select[TrainingClass]:
    """Classes a person teaches, newest first: named for the class or for one of its periods."""
    mine = exists().where(ClassSession.class_id == TrainingClass.id, ClassSession.teacher_id == person.id)
    held = reach_of(person, Can.TEACH).classes
    return (
        select(TrainingClass)
        .where(
            or_(TrainingClass.teacher_id == person.id, mine, TrainingClass.id.in_(held)),
            TrainingClass.state.in_([ClassState.OPEN, ClassState.RUNNING, ClassState.ENDED]),
        )
        .order_by(TrainingClass.starts_on.desc())
    )


def class_to_teach(person: Person, class_id: int) -> TrainingClass:
    """A class whose attendance a person may record: taught by them, or within reach. NotFound otherwise."""
    found = db.session.scalar(taught_by(person).where(TrainingClass.id == class_id).order_by(None))
    return found or class_for(person, class_id, Can.TEACH)


def session_to_teach(person: Person, session_id: int) -> ClassSession:
    """A period whose attendance a person may record. NotFound otherwise."""
    found = db.session.get(ClassSession, session_id)
    if found is None:
        raise NotFound
    class_to_teach(person, found.class_id)
    return found


def public_classes() -> Select[TrainingClass]:
    """What everybody may see: classes that are announced, running or over. Soonest to close first."""
    return (
        select(TrainingClass)
        .where(TrainingClass.state.in_([ClassState.OPEN, ClassState.RUNNING]))
        .order_by(TrainingClass.enrol_until, TrainingClass.id)
    )


def public_class(class_id: int) -> TrainingClass:
    """One class on the public page; drafts are NotFound."""
    found = db.session.get(TrainingClass, class_id)
    if found is None or found.state is ClassState.DRAFT:
        raise NotFound
    return found


def bases_for(person: Person) -> list[Organisation]:
    """Training bases for which a person may make classes."""
    return list(
        db.session.scalars(
            select(Organisation)
            .where(
                Organisation.kind == OrganisationKind.BASE,
                within(person, Can.RUN_CLASS, organisation=Organisation.id, region=Organisation.region_id),
            )
            .order_by(Organisation.name_zh)
        )
    )


def lecturers_for(person: Person) -> list[Person]:
    """People who hold the role of lecturer within the reach of an officer: site-wide ones, and those of the own bases."""
    reach = reach_of(person, Can.RUN_CLASS)
    own = list(reach.organisations) + [b.id for b in bases_for(person)]
    regions = list(reach.regions) + [b.region_id for b in bases_for(person)]
    where = or_(
        RoleHeld.scope == Scope.SITE,
        (RoleHeld.scope == Scope.ORGANISATION) & RoleHeld.scope_id.in_(own),
        (RoleHeld.scope == Scope.REGION) & RoleHeld.scope_id.in_(regions),
        (RoleHeld.scope == Scope.CLASS)
        & RoleHeld.scope_id.in_(select(TrainingClass.id).where(_reach(person, Can.RUN_CLASS))),
    )
    held = select(RoleHeld.person_id).where(RoleHeld.role == Role.LECTURER, RoleHeld.ended_at.is_(None), where)
    return list(db.session.scalars(select(Person).where(Person.id.in_(held)).order_by(Person.name, Person.id)))


def counts_of(class_ids: list[int]) -> dict[int, dict[EnrolmentState, int]]:
    """Class id → state → number of enrolments, in one question."""
    made: dict[int, dict[EnrolmentState, int]] = {i: {} for i in class_ids}
    if class_ids:
        for class_id, state, n in rows(_counts(), {"classes": class_ids}):
            made[class_id][state] = n
    return made


@cache
def _counts() -> Select[Any]:
    e = Enrolment.__table__.c
    return (
        select(e.class_id, e.state, func.count())
        .where(e.class_id.in_(bindparam("classes", expanding=True)))
        .group_by(e.class_id, e.state)
    )


def places_taken(class_id: int) -> int:
    return (
        db.session.scalar(
            select(func.count()).where(Enrolment.class_id == class_id, Enrolment.state.in_(TAKES_A_PLACE))
        )
        or 0
    )


def waiting_for(person: Person) -> Waiting:
    """How many enrolments wait for a decision by this officer (the number on the tab)."""
    mine = (
        select(Enrolment)
        .join(TrainingClass)
        .where(
            Enrolment.state == EnrolmentState.APPLIED,
            TrainingClass.state.in_(TAKES_PEOPLE),
            _reach(person, Can.RUN_CLASS),
        )
    )
    return waiting(mine, Enrolment.applied_at)


# --- making and changing --------------------------------------------------------------------------------------------------


class DatesWrong(Invalid):
    message = _l("The class cannot end before it starts.")


class WindowWrong(Invalid):
    message = _l("Enrolment cannot close before it opens.")


class WindowTooLate(Invalid):
    message = _l("Enrolment must close before the class ends.")


class NoPlace(Invalid):
    message = _l("Please say where the class takes place, or mark it as online.")


class TooSmall(Invalid):
    message = _l("%(taken)s people have a place already; the capacity cannot be smaller.")


class ClassOver(Refused):
    message = _l("This class is over; it can no longer be changed.")


FIELDS = (
    "title", "online", "place", "about", "starts_on", "ends_on", "enrol_from", "enrol_until", "capacity", "teacher_id",
)  # fmt: skip


def _check(values: Mapping[str, Any]) -> None:
    if values["ends_on"] < values["starts_on"]:
        raise DatesWrong("ends_on")
    if values["enrol_until"] < values["enrol_from"]:
        raise WindowWrong("enrol_until")
    if values["enrol_until"] > values["ends_on"]:
        raise WindowTooLate("enrol_until")
    if not values["online"] and not values["place"]:
        raise NoPlace("place")


def make_class(
    base: Organisation, level: int, values: Mapping[str, Any], *, by: Person, now: datetime
) -> TrainingClass:
    """A new class of a base, as a draft; the outline and programme in force are pinned.

    Raises Forbidden where ``by`` may not run classes of the base, an Invalid at its field, NoProgramme.
    """
    must_reach(by, Can.RUN_CLASS, region=base.region_id, organisation=base.id)
    _check(values)
    made = TrainingClass(
        level=level,
        organisation_id=base.id,
        region_id=base.region_id,
        outline=current("outline", level, region_id=base.region_id, on=values["starts_on"]),
        programme=current_programme(level, base.id),
        created_at=now,
        created_by_id=by.id,
        **{name: values[name] for name in FIELDS},
    )
    db.session.add(made)
    record(Did.MAKE_CLASS, made, by=by, more={"title": made.title, "level": level})
    _let_teach(made, made.teacher_id, by=by, now=now)
    return made


def _let_teach(klass: TrainingClass, teacher_id: int | None, *, by: Person, now: datetime) -> None:
    """A teacher holds the role of lecturer in the scope of the class; officers of the base may teach without it."""
    if teacher_id is None or teacher_id == by.id:
        return
    db.session.flush()  # the scope is the class's id
    with suppress(RoleThere):
        grant_role(db.session.get_one(Person, teacher_id), Role.LECTURER, Scope.CLASS, klass.id, by=by, now=now)


def _stop_teaching(klass: TrainingClass, teacher_id: int | None, *, by: Person, now: datetime) -> None:
    """Who teaches neither the class nor one of its periods any more loses the role in it."""
    if teacher_id is None or teacher_id == klass.teacher_id or any(s.teacher_id == teacher_id for s in klass.sessions):
        return
    for held in db.session.scalars(
        select(RoleHeld).where(
            RoleHeld.person_id == teacher_id,
            RoleHeld.role == Role.LECTURER,
            RoleHeld.scope == Scope.CLASS,
            RoleHeld.scope_id == klass.id,
            RoleHeld.ended_at.is_(None),
        )
    ):
        end_role(held, by=by, reason="", now=now)


def change_class(klass: TrainingClass, values: Mapping[str, Any], *, by: Person, now: datetime) -> None:
    """Change a class that is not over. Tells those with a place when dates or place change; more places move the
    waiting list up. Raises an Invalid at its field, ClassOver."""
    from app.training.enrolments import move_up

    klass = locked(klass)
    if klass.state in (ClassState.ENDED, ClassState.CANCELLED):
        raise ClassOver
    _check(values)
    taken = places_taken(klass.id)
    if values["capacity"] < taken:
        raise TooSmall("capacity", taken=taken)
    changed = {n: (getattr(klass, n), values[n]) for n in FIELDS if getattr(klass, n) != values[n]}
    for name, (_before, after) in changed.items():
        setattr(klass, name, after)
    record(Did.CHANGE_CLASS, klass, by=by, changed=changed)
    if "teacher_id" in changed:
        _let_teach(klass, klass.teacher_id, by=by, now=now)
        _stop_teaching(klass, changed["teacher_id"][0], by=by, now=now)
    if klass.state is not ClassState.DRAFT and set(changed) & {"starts_on", "ends_on", "place", "online"}:
        for enrolment in admitted_to(klass):
            post(
                letters.CHANGED,
                to=enrolment.person,
                link=f"/training/enrolments/{enrolment.id}",
                now=now,
                **words(klass),
            )
    if "capacity" in changed:
        move_up(klass, now=now)


def words(klass: TrainingClass) -> dict[str, Any]:
    """What letters say of a class."""
    return {
        "title": klass.title,
        "starts": klass.starts_on,
        "ends": klass.ends_on,
        "place": klass.place or "—",
        "until": klass.enrol_until,
    }


def admitted_to(klass: TrainingClass) -> list[Enrolment]:
    """Enrolments with a place, by name."""
    return list(
        db.session.scalars(
            select(Enrolment)
            .join(Enrolment.person)
            .where(
                Enrolment.class_id == klass.id,
                Enrolment.state.in_([EnrolmentState.ADMITTED, EnrolmentState.COMPLETED]),
            )
            .order_by(Person.name, Person.id)
            .options(selectinload(Enrolment.person))
        )
    )


class NoTimetable(Refused):
    message = _l("The timetable is empty. Add periods first, so that people see when to come.")


class TooEarly(Refused):
    message = _l("The class runs until %(ends)s; it can be ended after its last period.")


def move_class(klass: TrainingClass, move: ClassMove, *, by: Person | None, reason: str = "", now: datetime) -> None:
    """Open, start, end or cancel. Ending and cancelling settle every enrolment.

    Raises NotAllowedNow, NoTimetable (opening an on-site class without periods), TooEarly (ending before the last period).
    """
    from app.training.enrolments import settle_cancelled, settle_ended

    klass = locked(klass)
    after = moved(CLASS_MOVES, klass.state, move)
    if move is ClassMove.OPEN and not klass.online and not klass.sessions:
        raise NoTimetable
    if move is ClassMove.END and any(s.ends_at > now for s in klass.sessions):
        raise TooEarly(ends=max(clock.local_date(s.ends_at) for s in klass.sessions))
    before, klass.state = klass.state, after
    record(Did.MOVE_CLASS, klass, by=by, reason=reason, changed={"state": (before, after)})
    if move is ClassMove.END:
        settle_ended(klass, by=by, now=now)
    if move is ClassMove.CANCEL:
        settle_cancelled(klass, by=by, reason=reason, now=now)


# --- timetable ------------------------------------------------------------------------------------------------------------


class PeriodOutside(Invalid):
    message = _l("The period must lie between the first and the last day of the class.")


class PeriodTooLong(Invalid):
    message = _l("%(hours)s class hours need at least %(minutes)s minutes; this period has %(have)s.")


class PeriodOrder(Invalid):
    message = _l("The period must end after it starts.")


class PeriodClash(Invalid):
    message = _l("At that time the class already has “%(label)s”.")


class PeriodUsed(Refused):
    message = _l("People have signed in to this period or hours were credited for it; it can no longer be removed.")


class CourseNotHere(Invalid):
    message = _l("This course is not part of the class's programme.")


def save_session(
    klass: TrainingClass, session: ClassSession | None, values: Mapping[str, Any], *, by: Person, now: datetime
) -> ClassSession:
    """Add or change a period. ``values``: starts_at, ends_at, course_version_id, module, title, hours, room, teacher_id.

    With a course, the module is the course's. Hours of a credited period stay. Raises an Invalid at its field.
    """
    if klass.state in (ClassState.ENDED, ClassState.CANCELLED):
        raise ClassOver
    values = dict(values)
    if values.get("course_version_id"):
        course = db.session.get(CourseVersion, values["course_version_id"])
        held = course and db.session.scalar(
            select(ProgrammeCourse.version_id).where(
                ProgrammeCourse.programme_id == klass.programme_id, ProgrammeCourse.version_id == course.id
            )
        )
        if not held:
            raise CourseNotHere("course_version_id")
        assert course is not None
        values["module"] = course.module
    _check_session(klass, session, values)
    made = session or ClassSession(class_id=klass.id, training_class=klass)
    changed = {n: (getattr(made, n, None), v) for n, v in values.items() if getattr(made, n, None) != v}
    if session is not None and _used(session) and set(changed) & {"hours", "module", "course_version_id"}:
        raise PeriodUsed
    for name, value in values.items():
        setattr(made, name, value)
    db.session.add(made)
    record(Did.CHANGE_TIMETABLE, made, by=by, changed=changed)
    if session is not None and klass.state is not ClassState.DRAFT and set(changed) & {"starts_at", "ends_at", "room"}:
        for enrolment in admitted_to(klass):
            post(
                class_letters.PERIOD_CHANGED, to=enrolment.person, link=f"/training/enrolments/{enrolment.id}", now=now,
                title=klass.title, label=made.label, when=moment(made.starts_at), room=made.room or klass.place or "—",
            )  # fmt: skip
    if "teacher_id" in changed:
        _let_teach(klass, made.teacher_id, by=by, now=now)
        _stop_teaching(klass, changed["teacher_id"][0], by=by, now=now)
    return made


def _check_session(klass: TrainingClass, session: ClassSession | None, values: Mapping[str, Any]) -> None:
    starts, ends = values["starts_at"], values["ends_at"]
    if ends <= starts:
        raise PeriodOrder("ends")
    if not klass.starts_on <= clock.local_date(starts) <= klass.ends_on:
        raise PeriodOutside("day")
    minutes, asked = int((ends - starts).total_seconds() // 60), values["hours"] * typed(klass.outline)["hour_minutes"]
    if minutes < asked:
        raise PeriodTooLong("hours", hours=values["hours"], minutes=int(asked), have=minutes)
    for other in klass.sessions:
        if other is not session and other.starts_at < ends and starts < other.ends_at:
            raise PeriodClash("starts", label=other.label)


def _used(session: ClassSession) -> bool:
    return (
        db.session.scalar(select(Attendance.id).where(Attendance.session_id == session.id).limit(1)) is not None
        or db.session.scalar(
            select(HourEntry.id)
            .where(HourEntry.source_kind == HourSource.SESSION, HourEntry.source_id == session.id)
            .limit(1)
        )
        is not None
    )


def drop_session(session: ClassSession, *, by: Person) -> None:
    """Remove a period nobody has signed in to. Raises PeriodUsed."""
    if _used(session):
        raise PeriodUsed
    record(Did.CHANGE_TIMETABLE, session, by=by, more={"removed": session.label})
    db.session.delete(session)


class NoRoom(Refused):
    message = _l(
        "The on-site courses need %(days)s days of %(per_day)s class hours; the class has %(have)s days. Extend the "
        "class, or add the periods by hand."
    )


class NothingToPlan(Refused):
    message = _l("There is nothing to plan: every on-site course stands in the timetable already.")


HOURS_A_DAY = Decimal(8)
DAY_BEGINS = time(9, 0)
LUNCH = (time(12, 0), timedelta(hours=1))


def plan(klass: TrainingClass, *, by: Person, now: datetime) -> int:
    """Put the on-site courses that have no period yet into the timetable, one period each, in the programme's order.

    At most eight class hours a day from nine o'clock, with an hour of rest at noon inside the period that crosses it.
    Raises NoRoom, NothingToPlan. Returns how many periods were added.
    """
    there = {s.course_version_id for s in klass.sessions}
    wanted = [c for c in courses_of(klass.programme_id) if not c.online and c.id not in there]
    if not wanted:
        raise NothingToPlan
    busy = {clock.local_date(s.starts_at) for s in klass.sessions}
    span = (klass.ends_on - klass.starts_on).days + 1
    days = [d for d in (klass.starts_on + timedelta(days=i) for i in range(span)) if d not in busy]
    batches: list[list[CourseVersion]] = [[]]
    for course in wanted:
        if batches[-1] and sum((c.hours for c in batches[-1]), Decimal(0)) + course.hours > HOURS_A_DAY:
            batches.append([])
        batches[-1].append(course)
    if len(batches) > len(days):
        raise NoRoom(days=len(batches), per_day=int(HOURS_A_DAY), have=len(days))
    minutes = typed(klass.outline)["hour_minutes"]
    for day, courses in zip(days, batches, strict=False):
        _plan_day(klass, day, courses, minutes)
    record(Did.CHANGE_TIMETABLE, klass, by=by, more={"planned": len(wanted)})
    return len(wanted)


def _plan_day(klass: TrainingClass, day: date, courses: list[CourseVersion], minutes: int) -> None:
    at = datetime.combine(day, DAY_BEGINS, tzinfo=clock.LOCAL)
    noon = datetime.combine(day, LUNCH[0], tzinfo=clock.LOCAL)
    for course in courses:
        end = at + timedelta(minutes=int(course.hours * minutes))
        if at < noon + LUNCH[1] and end > noon:
            if at >= noon:
                at = noon + LUNCH[1]
                end = at + timedelta(minutes=int(course.hours * minutes))
            else:
                end += LUNCH[1]
        klass.sessions.append(
            ClassSession(
                starts_at=at,
                ends_at=end,
                course_version_id=course.id,
                module=course.module,
                title="",
                hours=course.hours,
                room="",
                teacher_id=klass.teacher_id,
            )
        )
        at = end


def attendance_rule(klass: TrainingClass) -> dict[str, Any]:
    """The rule of signing in for a class's region."""
    return rule("attendance", region_id=klass.region_id)


def write_to_class(klass: TrainingClass, subject: str, text: str, *, by: Person, now: datetime) -> int:
    """A letter to everybody with a place; how many."""
    people = admitted_to(klass)
    for one in people:
        post(
            letters.MESSAGE,
            to=one.person,
            link=f"/training/enrolments/{one.id}",
            now=now,
            title=klass.title,
            subject=subject,
            text=text,
        )
    record(Did.WRITE_TO_CLASS, klass, by=by, more={"subject": subject, "people": len(people)})
    return len(people)


def start_classes(now: datetime) -> list[int]:
    """Ids of open classes whose first day has come."""
    return list(
        db.session.scalars(
            select(TrainingClass.id).where(
                TrainingClass.state == ClassState.OPEN, TrainingClass.starts_on <= clock.local_date(now)
            )
        )
    )


@widen_people
def _trainees(reach: Reach) -> Select[int] | None:
    """People enrolled in the classes of an officer's base or region come into the officer's sight."""
    if not (reach.organisations or reach.regions or reach.classes):
        return None
    return (
        select(Enrolment.person_id)
        .join(TrainingClass)
        .where(
            or_(
                TrainingClass.organisation_id.in_(reach.organisations),
                TrainingClass.region_id.in_(reach.regions),
                TrainingClass.id.in_(reach.classes),
            )
        )
    )
