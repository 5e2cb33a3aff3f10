"""Classes, enrolments and hours for tests, made by the services as officers and trainees would. Each call commits."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from app.accounts.models import Education, Organisation, OrganisationKind, Person, Region, TitleLevel
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.outline.service import typed
from app.training import attendance, classes, enrolments, hours
from app.training.models import AttendanceState, ClassSession, Enrolment, TrainingClass
from app.training.states import ClassMove
from tests.factories import people

_next = count(1)


def base(region: Region | None = None) -> Organisation:
    """A training base."""
    return people.organisation(
        region or people.region(), OrganisationKind.BASE, f"滨海技术转移培训基地（{next(_next)}）"
    )


def base_officer(of: Organisation) -> Person:
    """Somebody who runs the classes of a base."""
    return people.officer(Role.BASE, Scope.ORGANISATION, of.id, name="赵敏")


def make_class(
    of: Organisation | None = None,
    *,
    level: int = 1,
    title: str = "",
    starts_on: date | None = None,
    days: int = 14,
    capacity: int = 30,
    open: bool = True,
    by: Person | None = None,
    now: datetime | None = None,
    planned: bool = True,
    **more: Any,
) -> TrainingClass:
    """A class of a base: by default it starts in a week, enrolment is open now, its on-site courses are planned."""
    of = of or base()
    officer_id, base_id = (by or base_officer(of)).id, of.id
    now = now or clock.now()
    starts_on = starts_on or clock.local_date(now) + timedelta(days=7)
    values = {
        "title": title or f"第{next(_next)}期技术经理人培训班",
        "online": False,
        "place": "滨海新区洞庭路一号",
        "about": "",
        "starts_on": starts_on,
        "ends_on": starts_on + timedelta(days=days - 1),
        "enrol_from": min(clock.local_date(now), starts_on) - timedelta(days=1),
        "enrol_until": starts_on + timedelta(days=days - 1),
        "capacity": capacity,
        "teacher_id": None,
    } | more
    with unit_of_work():
        officer = db.session.get_one(Person, officer_id)
        made = classes.make_class(db.session.get_one(Organisation, base_id), level, values, by=officer, now=now)
        if planned:
            classes.plan(made, by=officer, now=now)
        db.session.flush()
        if open:
            classes.move_class(made, ClassMove.OPEN, by=officer, now=now)
    return made


def runner_of(klass: TrainingClass) -> Person:
    """The officer who made a class."""
    return db.session.get_one(Person, klass.created_by_id)


BACKGROUND = enrolments.Background(Education.BACHELOR, 3, TitleLevel.MIDDLE, 3)


def apply(klass: TrainingClass, person: Person, *, now: datetime | None = None) -> Enrolment:
    """A person applies to a class."""
    class_id, person_id = klass.id, person.id
    with unit_of_work():
        return enrolments.enrol(
            db.session.get_one(TrainingClass, class_id),
            by=db.session.get_one(Person, person_id),
            background=BACKGROUND,
            pledged=True,
            now=now or clock.now(),
        )


def admit(klass: TrainingClass, person: Person, *, now: datetime | None = None) -> Enrolment:
    """A person applies and the base approves (a place, or the waiting list when the class is full)."""
    made_id, officer_id = apply(klass, person, now=now).id, klass.created_by_id
    with unit_of_work():
        made = db.session.get_one(Enrolment, made_id)
        enrolments.admit(made, by=db.session.get_one(Person, officer_id), now=now or clock.now())
    return made


def attend(klass: TrainingClass, person: Person, sessions: list[ClassSession] | None = None, *, now: datetime) -> None:
    """The base records a person as present, by list."""
    class_id, person_id, officer_id = klass.id, person.id, klass.created_by_id
    chosen = [s.id for s in (sessions if sessions is not None else klass.sessions)]
    with unit_of_work():
        attendance.record_by_hand(
            db.session.get_one(TrainingClass, class_id),
            {(i, person_id): AttendanceState.PRESENT for i in chosen},
            by=db.session.get_one(Person, officer_id),
            reason="纸质签到表",
            now=now,
        )


def credit(klass: TrainingClass, *, now: datetime) -> hours.Outcome:
    """The base credits every period of a class that is over."""
    class_id, officer_id = klass.id, klass.created_by_id
    with unit_of_work():
        return hours.credit_class(
            db.session.get_one(TrainingClass, class_id), by=db.session.get_one(Person, officer_id), now=now
        )


def module_days(klass: TrainingClass, asked: dict[str, Decimal], *, now: datetime) -> None:
    """Fill the timetable with days of at most eight hours of one module each."""
    class_id, officer_id = klass.id, klass.created_by_id
    with unit_of_work():
        found, officer = db.session.get_one(TrainingClass, class_id), db.session.get_one(Person, officer_id)
        day = found.starts_on
        for module, whole in asked.items():
            left = whole
            while left > 0:
                worth = min(left, Decimal(8))
                at = clock.start_of(day) + timedelta(hours=9)
                values = {
                    "starts_at": at, "ends_at": at + timedelta(minutes=int(worth * 45)), "module": module,
                    "title": module, "hours": worth, "room": "101", "teacher_id": None, "course_version_id": None,
                }  # fmt: skip
                classes.save_session(found, None, values, by=officer, now=now)
                left -= worth
                day += timedelta(days=1)


def credit_all_hours(
    person: Person, rank: int, *, on: date | None = None, of: Organisation | None = None, end: bool = False
) -> TrainingClass:
    """Everything the outline of a level asks, earned in a class that was over before ``on``; the class."""
    on = on or clock.today()
    starts_on = on - timedelta(days=20)
    before = clock.start_of(starts_on - timedelta(days=5))
    klass = make_class(of, level=rank, starts_on=starts_on, days=16, open=False, now=before, planned=False)
    officer_id = klass.created_by_id
    module_days(klass, {r["module"]: r["hours"] for r in typed(klass.outline)["hours"]}, now=before)
    for move in (ClassMove.OPEN, ClassMove.START):
        with unit_of_work():
            classes.move_class(
                db.session.get_one(TrainingClass, klass.id), move, by=db.session.get_one(Person, officer_id), now=before
            )
    admit(klass, person, now=before)
    after = clock.start_of(on - timedelta(days=1))
    attend(klass, person, now=after)
    credit(klass, now=after)
    if end:
        with unit_of_work():
            found, officer = db.session.get_one(TrainingClass, klass.id), db.session.get_one(Person, officer_id)
            classes.move_class(found, ClassMove.END, by=officer, now=after)
    return klass
