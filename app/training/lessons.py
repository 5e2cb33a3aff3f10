"""Learning online: which lesson a person reads, time counted by the server, the quiz, and when a lesson counts.

The browser reports seconds; what is counted is never more than has passed on the server's clock since the last report, so
neither two tabs nor a changed script make time go faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import joinedload

from app.accounts.models import Person
from app.core.errors import NotFound, Refused
from app.db import db
from app.outline.service import rule, typed
from app.training import hours, study_clock
from app.training.learning_models import LessonMaterial
from app.training.materials import film_of, film_seconds_in, of_revision
from app.training.models import (
    CourseVersion,
    Enrolment,
    HourEntry,
    Lesson,
    LessonProgress,
    LessonRevision,
    QuizTry,
    TrainingClass,
)
from app.training.prerequisites import refuse_without
from app.training.programme import NoProgramme, courses_of, current_programme, published_lesson
from app.training.states import IN_TRAINING
from question_bank.grading import BadAnswer, clean_answer, correct_answer, grade
from question_bank.items import Item, Kind

LONGEST_BEAT = 300
"""At most this many seconds are counted by one report."""


class NotEnrolled(Refused):
    message = _l("Reading and quizzes count once you have a place in a class of this level. Enrol in a class first.")


class QuizIncomplete(Refused):
    message = _l("Please answer every question of the quiz.")


@dataclass(frozen=True)
class Reading:
    """A lesson as a person meets it: the revision of their programme, and their place in training if they have one."""

    revision: LessonRevision
    course: CourseVersion
    enrolment: Enrolment | None
    progress: LessonProgress | None
    programme_id: int
    held: tuple[LessonMaterial, ...] = ()

    @property
    def film(self) -> LessonMaterial | None:
        """The film by whose seconds the lesson is counted, where it has one."""
        return film_of(self.held)

    @property
    def seconds_asked(self) -> int:
        return self.film.seconds if self.film else self.revision.minutes * 60


@cache
def _places() -> Select[Enrolment]:
    return (
        select(Enrolment)
        .join(TrainingClass)
        .where(
            Enrolment.person_id == bindparam("person"),
            TrainingClass.level == bindparam("level"),
            Enrolment.state.in_(IN_TRAINING),
        )
        .order_by(TrainingClass.starts_on.desc(), Enrolment.id.desc())
        .limit(1)
    )


@cache
def _places_held() -> Select[Enrolment]:
    return _places().with_for_update(of=Enrolment).execution_options(populate_existing=True)


def place_of(person: Person, level: int, *, hold: bool = False) -> Enrolment | None:
    """The newest enrolment with a place in a class of the level: its programme and outline hold for the person.

    ``hold``: locked until the unit of work ends, so that two tabs of a person are handled one after the other.
    """
    return db.session.scalar(_places_held() if hold else _places(), {"person": person.id, "level": level})


def programme_of(person: Person, level: int, enrolment: Enrolment | None = None) -> int:
    """Id of the programme version that holds for a person: pinned at enrolment, else the general one in force."""
    return enrolment.programme_id if enrolment else current_programme(level).id


def read(person: Person, lesson_id: int, *, hold: bool = False) -> Reading:
    """A lesson for a person. NotFound when their programme does not hold it. ``hold``: see :func:`place_of`."""
    lesson = db.session.get(Lesson, lesson_id, options=[joinedload(Lesson.course)])
    if lesson is None:
        raise NotFound
    enrolment = place_of(person, lesson.course.level, hold=hold)
    try:
        programme = programme_of(person, lesson.course.level, enrolment)
    except NoProgramme:
        raise NotFound from None
    revision, course = published_lesson(lesson_id, programme)
    held = tuple(of_revision(revision.id))
    return Reading(revision, course, enrolment, progress_in(person, lesson_id), programme, held)


def open_(person: Person, lesson_id: int, *, now: datetime) -> Reading:
    """A lesson for a person who reads it now: time counts from here for whoever has a place in a class."""
    reading = read(person, lesson_id, hold=True)
    if reading.enrolment is None:
        return reading
    found = reading.progress or _fresh(person, reading, now)
    if (now - found.beat_at).total_seconds() > LONGEST_BEAT:
        # Whoever turns a page comes again at once: the last report of the page before arrives after this one was opened.
        found.beat_at = now
    return replace(reading, progress=found)


def _fresh(person: Person, reading: Reading, now: datetime) -> LessonProgress:
    made = LessonProgress(
        person_id=person.id,
        lesson_id=reading.revision.lesson_id,
        revision_id=reading.revision.id,
        seconds=0,
        beat_at=now,
    )
    db.session.add(made)
    return made


def progress_in(person: Person, lesson_id: int) -> LessonProgress | None:
    return db.session.scalar(
        select(LessonProgress).where(LessonProgress.person_id == person.id, LessonProgress.lesson_id == lesson_id)
    )


def _one_at_a_time(enrolment: Enrolment) -> None:
    """Lock the enrolment: two tabs of a person are handled one after the other."""
    db.session.get_one(Enrolment, enrolment.id, with_for_update=True)


def beat(person: Person, reading: Reading, claimed: int, *, now: datetime) -> LessonProgress:
    """Count time read: what was claimed, but never more than has passed since the last report, of this lesson or another.

    Raises NotEnrolled, NeedsFirst.
    """
    if reading.enrolment is None:
        raise NotEnrolled
    refuse_without(person, reading.course, reading.programme_id)
    _one_at_a_time(reading.enrolment)
    found = progress_in(person, reading.revision.lesson_id) or _fresh(person, reading, now)
    if reading.film is not None:
        return found  # counted by what is played (learning.watched)
    passed = int(study_clock.passed(person.id, found.beat_at, now))
    counted = max(0, min(claimed, passed, LONGEST_BEAT))
    if counted:
        found.seconds = min(reading.seconds_asked, found.seconds + counted)
        study_clock.counted(person.id, now)
    found.beat_at = max(found.beat_at, now)
    found.revision_id = reading.revision.id
    _complete(person, reading, found, now=now)
    return found


def quiz_of(revision: LessonRevision) -> list[Item]:
    return [Item.from_dict(one) for one in revision.quiz]


@dataclass(frozen=True)
class Marked:
    """One quiz question after an attempt."""

    item: Item
    answer: Any
    right: bool
    key: Any


def answer_quiz(
    person: Person, reading: Reading, raw: Mapping[str, Any], *, now: datetime
) -> tuple[QuizTry, list[Marked]]:
    """Mark an attempt and keep it. Raises NotEnrolled, NeedsFirst, QuizIncomplete."""
    if reading.enrolment is None:
        raise NotEnrolled
    refuse_without(person, reading.course, reading.programme_id)
    _one_at_a_time(reading.enrolment)
    marked = mark_quiz(reading.revision, raw)
    progress = progress_in(person, reading.revision.lesson_id) or _fresh(person, reading, now)
    right = sum(one.right for one in marked)
    share = rule("attendance", region_id=person.region_id)["quiz_share"]
    made = QuizTry(
        progress=progress,
        revision_id=reading.revision.id,
        at=now,
        answers={one.item.id: one.answer for one in marked},
        right=right,
        total=len(marked),
        passed=Decimal(right) >= share * len(marked),
    )
    db.session.add(made)
    if made.passed and progress.quiz_passed_at is None:
        progress.quiz_passed_at = now
    _complete(person, reading, progress, now=now)
    return made, marked


def mark_quiz(revision: LessonRevision, raw: Mapping[str, Any]) -> list[Marked]:
    """Mark answers without keeping them. Raises QuizIncomplete when one is missing or not an answer at all."""
    made = []
    for item in quiz_of(revision):
        given = _given(item, raw)
        try:
            answer = clean_answer(item, given)
        except BadAnswer:
            raise QuizIncomplete from None
        if answer is None or answer == [] or answer == "":
            raise QuizIncomplete
        made.append(Marked(item, answer, grade(item, answer) == 1, correct_answer(item)))
    return made


def _given(item: Item, raw: Mapping[str, Any]) -> Any:
    values = list(raw.get(item.id) or ())
    if item.kind in (Kind.MULTIPLE, Kind.BLANK):
        return values
    if not values:
        return None
    if item.kind is Kind.TRUEFALSE:
        return {"true": True, "false": False}.get(values[0])
    return values[0]


def _complete(person: Person, reading: Reading, progress: LessonProgress, *, now: datetime) -> None:
    """A lesson counts when enough of its time was spent and its quiz passed; its hours then go into the ledger."""
    asked = rule("attendance", region_id=person.region_id)
    enough = Decimal(progress.seconds) >= asked["watched_share"] * reading.seconds_asked
    passed = progress.quiz_passed_at is not None or not reading.revision.quiz
    if progress.completed_at is not None or not (enough and passed):
        return
    progress.completed_at = now
    enrolment = reading.enrolment
    if not reading.course.online or enrolment is None:
        return
    outline = typed(enrolment.outline)
    total = sum((row["hours"] for row in outline["hours"]), Decimal(0))
    hours.credit_lesson(
        person,
        level=reading.course.course.level,
        lesson_id=reading.revision.lesson_id,
        hours=reading.revision.hours,
        course=reading.course,
        class_id=enrolment.class_id,
        online_limit=total * outline["online_share"],
        working={
            "rule": "lesson",
            "revision": reading.revision.id,
            "seconds": progress.seconds,
            "asked": reading.seconds_asked,
            "watched_share": str(asked["watched_share"]),
            "quiz_share": str(asked["quiz_share"]),
            "by": "film" if reading.film else "reading",
        },
        now=now,
    )


# --- the course list with progress ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LessonLine:
    revision: LessonRevision
    seconds: int
    completed: bool
    quiz_passed: bool
    film: int = 0
    at: datetime | None = None

    @property
    def asked(self) -> int:
        """Seconds that make the whole of it: of its film, else of its reading time."""
        return self.film or self.revision.minutes * 60

    @property
    def share(self) -> float:
        return min(self.seconds / self.asked, 1.0)

    @property
    def begun(self) -> bool:
        return self.seconds > 0 or self.quiz_passed


@dataclass(frozen=True)
class CourseLine:
    version: CourseVersion
    lessons: list[LessonLine]
    credited: Decimal

    @property
    def done(self) -> bool:
        return self.credited >= self.version.hours


def course_lines(person: Person, level: int, programme_id: int) -> list[CourseLine]:
    """Every course of a programme with lessons and credit of the person; six questions, whatever the size."""
    films = film_seconds_in(programme_id)
    progress = {
        p.lesson_id: p for p in db.session.scalars(select(LessonProgress).where(LessonProgress.person_id == person.id))
    }
    credited: dict[int, Decimal] = {}
    for course_id, amount in db.session.execute(
        select(HourEntry.course_id, HourEntry.hours).where(HourEntry.person_id == person.id, HourEntry.level == level)
    ):
        if course_id is not None:
            credited[course_id] = credited.get(course_id, Decimal(0)) + amount
    made = []
    for version in courses_of(programme_id):
        lines = []
        for one in version.lessons:
            found = progress.get(one.revision.lesson_id)
            lines.append(
                LessonLine(
                    one.revision,
                    found.seconds if found else 0,
                    bool(found and found.completed_at),
                    bool(found and found.quiz_passed_at),
                    films.get(one.revision_id, 0),
                    found.beat_at if found else None,
                )
            )
        made.append(CourseLine(version, lines, credited.get(version.course_id, Decimal(0))))
    return made


def next_lesson(lines: list[CourseLine]) -> LessonRevision | None:
    """The lesson to go on with: the first one begun and not completed, else the first not completed."""
    everything = [lesson for line in lines for lesson in line.lessons if not lesson.completed]
    begun = next((one for one in everything if one.begun), None)
    first = begun or (everything[0] if everything else None)
    return first.revision if first else None
