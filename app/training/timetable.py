"""What lies at the same time: rooms, teachers and trainees wanted twice; and the calendar of a month."""

from __future__ import annotations

import calendar as months
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import aliased, joinedload

from app.accounts.models import Person
from app.core import clock
from app.db import db
from app.training.class_models import MakeUp, MakeUpState
from app.training.classes import classes_visible_to
from app.training.models import ClassSession, Enrolment, TrainingClass
from app.training.states import IN_TRAINING, ClassState, EnrolmentState

ALIVE = (ClassState.DRAFT, ClassState.OPEN, ClassState.RUNNING)


@dataclass(frozen=True)
class Clash:
    """Something is wanted twice: ``kind`` is room, teacher or trainee; ``what`` names it."""

    kind: str
    what: str
    session: ClassSession
    other: ClassSession
    other_class: str


def _pairs(klass: TrainingClass) -> tuple[type[ClassSession], type[ClassSession], type[TrainingClass], ColumnElement[bool]]:  # fmt: skip
    mine, other, theirs = aliased(ClassSession), aliased(ClassSession), aliased(TrainingClass)
    overlap = (
        (mine.class_id == klass.id)
        & (other.class_id != klass.id)
        & (theirs.id == other.class_id)
        & theirs.state.in_(ALIVE)
        & (other.starts_at < mine.ends_at)
        & (mine.starts_at < other.ends_at)
    )
    return mine, other, theirs, overlap


def clashes(klass: TrainingClass, limit: int = 100) -> list[Clash]:
    """Conflicts of a class's periods with those of all other classes, in three questions however large it is."""
    mine, other, theirs, overlap = _pairs(klass)
    found: list[Clash] = []
    base = select(mine, other, theirs.title).select_from(mine).join(other, other.class_id != klass.id).join(
        theirs, theirs.id == other.class_id
    ).where(overlap).order_by(mine.starts_at, mine.id, other.id).limit(limit)  # fmt: skip
    for a, b, title in db.session.execute(
        base.where(
            mine.room != "",
            func.lower(func.trim(mine.room)) == func.lower(func.trim(other.room)),
            theirs.organisation_id == klass.organisation_id,
        ).options(joinedload(mine.course_version), joinedload(other.course_version))
    ):
        found.append(Clash("room", a.room, a, b, title))
    for a, b, title in db.session.execute(
        base.where(mine.teacher_id == other.teacher_id).options(
            joinedload(mine.course_version), joinedload(other.course_version), joinedload(mine.teacher)
        )
    ):
        found.append(Clash("teacher", a.teacher.name if a.teacher else "", a, b, title))
    e1, e2 = aliased(Enrolment), aliased(Enrolment)
    for a, b, title, name in db.session.execute(
        base.add_columns(Person.name)
        .join(e1, (e1.class_id == klass.id) & (e1.state == EnrolmentState.ADMITTED))
        .join(
            e2,
            (e2.class_id == other.class_id) & (e2.person_id == e1.person_id) & (e2.state == EnrolmentState.ADMITTED),
        )
        .join(Person, Person.id == e1.person_id)
        .options(joinedload(mine.course_version), joinedload(other.course_version))
    ):
        found.append(Clash("trainee", name, a, b, title))
    return found


# --- the calendar ----------------------------------------------------------------------------------------------------------


def month_of(asked: str, today: date) -> date:
    """The first day of the month asked for as ``2026-03``; this month for anything else."""
    try:
        made = datetime.strptime(asked, "%Y-%m").date() if len(asked) == 7 else today
    except ValueError:
        made = today
    if not 2000 <= made.year <= 2100:
        made = today
    return made.replace(day=1)


def weeks_of(month: date) -> list[list[date]]:
    return months.Calendar().monthdatescalendar(month.year, month.month)


def beside(month: date) -> tuple[date, date]:
    """The months before and after."""
    return (month - timedelta(days=1)).replace(day=1), (month + timedelta(days=32)).replace(day=1)


def _between(first: date, last: date) -> ColumnElement[bool]:
    return (ClassSession.starts_at >= clock.start_of(first)) & (
        ClassSession.starts_at < clock.start_of(last + timedelta(days=1))
    )


def _periods() -> Select[ClassSession]:
    return (
        select(ClassSession)
        .join(TrainingClass)
        .order_by(ClassSession.starts_at, ClassSession.id)
        .options(
            joinedload(ClassSession.course_version),
            joinedload(ClassSession.teacher),
            joinedload(ClassSession.training_class),
        )
    )


def office_periods(person: Person, first: date, last: date, *, room: str = "", teacher: int | None = None) -> list[ClassSession]:  # fmt: skip
    """Periods of every class within an officer's reach."""
    visible = classes_visible_to(person).with_only_columns(TrainingClass.id).order_by(None)
    asked = _periods().where(
        ClassSession.class_id.in_(visible), TrainingClass.state != ClassState.CANCELLED, _between(first, last)
    )
    if room:
        asked = asked.where(func.lower(func.trim(ClassSession.room)) == room.strip().lower())
    if teacher is not None:
        asked = asked.where(ClassSession.teacher_id == teacher)
    return list(db.session.scalars(asked))


def _of_person(person: Person) -> ColumnElement[bool]:
    """Periods a person hears, teaches, or makes up."""
    mine = select(Enrolment.class_id).where(Enrolment.person_id == person.id, Enrolment.state.in_(IN_TRAINING))
    guest = select(MakeUp.session_id).where(
        MakeUp.person_id == person.id, MakeUp.state.in_([MakeUpState.PLANNED, MakeUpState.DONE])
    )
    return or_(
        ClassSession.class_id.in_(mine), ClassSession.teacher_id == person.id, ClassSession.id.in_(guest)
    )  # fmt: skip


def own_periods(person: Person, first: date, last: date, *, cancelled: bool = False) -> list[ClassSession]:
    """Periods of the person's own, as trainee and as teacher; drafts are nobody's business yet."""
    states = [ClassState.OPEN, ClassState.RUNNING, ClassState.ENDED] + ([ClassState.CANCELLED] if cancelled else [])
    asked = _periods().where(_of_person(person), TrainingClass.state.in_(states), _between(first, last))
    return list(db.session.scalars(asked))


def by_day(periods: Iterable[ClassSession]) -> dict[date, list[ClassSession]]:
    made: dict[date, list[ClassSession]] = defaultdict(list)
    for one in periods:
        made[clock.local_date(one.starts_at)].append(one)
    return dict(made)


def rooms_and_teachers(person: Person) -> tuple[list[str], list[Person]]:
    """What an officer's calendar can be narrowed to."""
    visible = classes_visible_to(person).with_only_columns(TrainingClass.id).order_by(None)
    rooms = db.session.scalars(
        select(ClassSession.room).where(ClassSession.class_id.in_(visible), ClassSession.room != "").distinct()
    )
    teachers = db.session.scalars(
        select(Person)
        .where(Person.id.in_(select(ClassSession.teacher_id).where(ClassSession.class_id.in_(visible))))
        .order_by(Person.name, Person.id)
    )
    return sorted({r.strip() for r in rooms}), list(teachers)
