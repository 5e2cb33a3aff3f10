"""Which courses a learner has to do before the lessons of another one count."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app.accounts.models import Person
from app.core.errors import Refused
from app.core.text import in_a_row
from app.db import db
from app.training.models import (
    Course,
    CourseVersion,
    CourseVersionLesson,
    Enrolment,
    HourEntry,
    LessonProgress,
    LessonRevision,
    ProgrammeCourse,
    TrainingClass,
    VersionState,
)
from app.training.planning import needs_of
from app.training.states import EnrolmentState

ZERO = Decimal(0)


class NeedsFirst(Refused):
    message = _l("This course asks for %(courses)s first. You can read it now; it counts once that is done.")


def missing(person: Person, version: CourseVersion, programme_id: int) -> list[CourseVersion]:
    """The courses that a course version asks for and the person has not done. One question where it asks for none."""
    needs = needs_of([version.id]).get(version.id, [])
    if not needs:
        return []
    asked = _versions(needs, programme_id)
    credited = _credited(person, [one.id for one in needs])
    left = [one for one in asked if credited.get(one.course_id, ZERO) < one.hours]
    if not left:
        return []
    read, levels = _read(person, left), _levels_done(person)
    return [one for one in left if one.id not in read and one.course.level not in levels - {version.course.level}]


def refuse_without(person: Person, version: CourseVersion, programme_id: int) -> None:
    """Raises NeedsFirst naming what is to be done before."""
    if left := missing(person, version, programme_id):
        raise NeedsFirst(courses=in_a_row(one.title for one in left))


def _versions(needs: Sequence[Course], programme_id: int) -> list[CourseVersion]:
    """Each course as the person's programme holds it, else as it was last published."""
    ids = [one.id for one in needs]
    here = {
        one.course_id: one
        for one in db.session.scalars(
            select(CourseVersion)
            .join(ProgrammeCourse, ProgrammeCourse.version_id == CourseVersion.id)
            .where(ProgrammeCourse.programme_id == programme_id, CourseVersion.course_id.in_(ids))
        )
    }
    if others := [i for i in ids if i not in here]:
        newest = (
            select(func.max(CourseVersion.id))
            .where(CourseVersion.course_id.in_(others), CourseVersion.state == VersionState.PUBLISHED)
            .group_by(CourseVersion.course_id)
        )
        here |= {
            one.course_id: one for one in db.session.scalars(select(CourseVersion).where(CourseVersion.id.in_(newest)))
        }
    return [here[i] for i in ids if i in here]


def _credited(person: Person, course_ids: Sequence[int]) -> dict[int, Decimal]:
    found = db.session.execute(
        select(HourEntry.course_id, func.sum(HourEntry.hours))
        .where(HourEntry.person_id == person.id)
        .group_by(HourEntry.course_id)
    )
    return {course_id: hours for course_id, hours in found if course_id is not None and course_id in course_ids}


def _read(person: Person, versions: Sequence[CourseVersion]) -> set[int]:
    """Ids of online versions of which every lesson is done, whatever the ceiling of online hours credited of it."""
    found = db.session.execute(
        select(CourseVersionLesson.version_id, func.count(), func.count(LessonProgress.completed_at))
        .join(LessonRevision, LessonRevision.id == CourseVersionLesson.revision_id)
        .outerjoin(
            LessonProgress,
            (LessonProgress.lesson_id == LessonRevision.lesson_id) & (LessonProgress.person_id == person.id),
        )
        .where(CourseVersionLesson.version_id.in_([one.id for one in versions if one.online]))
        .group_by(CourseVersionLesson.version_id)
    )
    return {version_id for version_id, lessons, done in found if lessons == done}


def _levels_done(person: Person) -> set[int]:
    """Levels of which the person has completed a class: their courses need not be heard again for a higher one."""
    return set(
        db.session.scalars(
            select(TrainingClass.level)
            .join(Enrolment, Enrolment.class_id == TrainingClass.id)
            .where(Enrolment.person_id == person.id, Enrolment.state == EnrolmentState.COMPLETED)
        )
    )
