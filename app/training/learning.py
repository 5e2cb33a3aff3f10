"""Learning beyond reading: films with the seconds really played, where somebody left off, notes, the page of a course."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.models import Person
from app.core.errors import NotFound, Refused
from app.db import db
from app.training import lessons, prerequisites, study_clock, watching
from app.training.learning_models import LessonMaterial, LessonNote, LessonPlace
from app.training.lessons import CourseLine, LessonLine, Reading
from app.training.models import Course, CourseVersion, Enrolment, LessonRevision
from app.training.programme import NoProgramme

MOST_NOTE = 10_000


class NoFilm(Refused):
    message = _l("This lesson has no film.")


@dataclass(frozen=True)
class Watched:
    """What counts of a film after a report."""

    seconds: int
    asked: int
    position: int
    completed: bool


def place_in(person: Person, file_id: int) -> LessonPlace | None:
    return db.session.scalar(
        select(LessonPlace).where(LessonPlace.person_id == person.id, LessonPlace.file_id == file_id)
    )


def places_in(person: Person, held: Iterable[LessonMaterial]) -> dict[int, LessonPlace]:
    """File id → where the person is in it."""
    ids = [one.file_id for one in held if one.file_id is not None]
    if not ids:
        return {}
    found = db.session.scalars(
        select(LessonPlace).where(LessonPlace.person_id == person.id, LessonPlace.file_id.in_(ids))
    )
    return {one.file_id: one for one in found}


def opened(person: Person, reading: Reading, *, now: datetime) -> None:
    """The player was opened: time counts from here. Nothing where nothing would count."""
    film = reading.film
    if film is None or film.file_id is None or reading.enrolment is None:
        return
    found = place_in(person, film.file_id)
    if found is None:
        db.session.add(LessonPlace(person_id=person.id, file_id=film.file_id, position=0, played=[], opened_at=now))
    elif (now - found.opened_at).total_seconds() > lessons.LONGEST_BEAT:
        found.opened_at = now


def watched(person: Person, reading: Reading, told: Any, position: Any, *, now: datetime) -> Watched:
    """Unite what the player tells with what it told before, as far as the clock allows; the lesson counts when enough was
    really played and its quiz is passed. Raises NoFilm, NotEnrolled, NeedsFirst."""
    film = reading.film
    if film is None or film.file_id is None:
        raise NoFilm
    if reading.enrolment is None:
        raise lessons.NotEnrolled
    prerequisites.refuse_without(person, reading.course, reading.programme_id)
    lessons._one_at_a_time(reading.enrolment)
    place = place_in(person, film.file_id)
    if place is None:
        place = LessonPlace(person_id=person.id, file_id=film.file_id, position=0, played=[], opened_at=now)
        db.session.add(place)
    held = watching.read_spans(place.played, film.seconds)
    passed = min(study_clock.passed(person.id, place.opened_at, now), lessons.LONGEST_BEAT)
    after = watching.believed(held, watching.read_spans(told, film.seconds), passed)
    gained = watching.seconds_of(after) - watching.seconds_of(held)
    if gained > 0:
        place.played = [[round(a, 2), round(b, 2)] for a, b in after]
        study_clock.counted(person.id, now)
    place.opened_at = max(place.opened_at, now)
    if isinstance(position, int | float) and not isinstance(position, bool) and 0 <= position <= film.seconds:
        place.position = int(position)
    progress = lessons.progress_in(person, reading.revision.lesson_id) or lessons._fresh(person, reading, now)
    # Films are told in parts of seconds and their length in whole ones; a film seen to its end has all its seconds.
    progress.seconds = min(film.seconds, round(watching.seconds_of(after)))
    progress.beat_at = max(progress.beat_at, now)
    progress.revision_id = reading.revision.id
    lessons._complete(person, reading, progress, now=now)
    return Watched(progress.seconds, reading.seconds_asked, place.position, progress.completed_at is not None)


def turned(person: Person, reading: Reading, material_id: int, page: int, *, now: datetime) -> None:
    """Keep the page of a document that somebody reads."""
    found = next((one for one in reading.held if one.id == material_id), None)
    if found is None or found.file_id is None:
        raise NotFound
    place = place_in(person, found.file_id)
    if place is None:
        db.session.add(LessonPlace(person_id=person.id, file_id=found.file_id, position=page, played=[], opened_at=now))
    else:
        place.position = page


# --- notes ----------------------------------------------------------------------------------------------------------------


def note_in(person: Person, lesson_id: int) -> LessonNote | None:
    return db.session.scalar(
        select(LessonNote).where(LessonNote.person_id == person.id, LessonNote.lesson_id == lesson_id)
    )


def write_note(person: Person, lesson_id: int, text: str, *, now: datetime) -> None:
    """Keep the person's own note of a lesson; empty words take it away."""
    held = note_in(person, lesson_id)
    if not text.strip():
        if held is not None:
            db.session.delete(held)
    elif held is None:
        db.session.add(LessonNote(person_id=person.id, lesson_id=lesson_id, text=text[:MOST_NOTE], updated_at=now))
    else:
        held.text, held.updated_at = text[:MOST_NOTE], now


def notes_of(person: Person) -> list[tuple[LessonNote, str]]:
    """All notes of a person, newest first, with the title of the lesson as they read it last."""
    newest = (
        select(LessonRevision.title_zh)
        .where(LessonRevision.lesson_id == LessonNote.lesson_id)
        .order_by(LessonRevision.number.desc())
        .limit(1)
        .correlate(LessonNote)
        .scalar_subquery()
    )
    found = db.session.execute(
        select(LessonNote, newest).where(LessonNote.person_id == person.id).order_by(LessonNote.updated_at.desc())
    )
    return [(note, title or "") for note, title in found]


# --- the page of a course -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CoursePage:
    """A course of the person's programme with how far they are."""

    line: CourseLine
    enrolment: Enrolment | None
    missing: list[CourseVersion]
    next: LessonLine | None

    @property
    def lessons_done(self) -> int:
        return sum(one.completed for one in self.line.lessons)


def course_for(person: Person, course_id: int) -> CoursePage:
    """Raises NotFound when the person's programme does not hold the course."""
    course = db.session.get(Course, course_id)
    if course is None:
        raise NotFound
    enrolment = lessons.place_of(person, course.level)
    try:
        programme_id = lessons.programme_of(person, course.level, enrolment)
    except NoProgramme:
        raise NotFound from None
    line = next(
        (one for one in lessons.course_lines(person, course.level, programme_id) if one.version.course_id == course_id),
        None,
    )
    if line is None:
        raise NotFound
    left = prerequisites.missing(person, line.version, programme_id)
    return CoursePage(line, enrolment, left, resume(line.lessons))


def resume(lines: list[LessonLine]) -> LessonLine | None:
    """Where to go on: the lesson last begun and not done, else the first that is not done."""
    begun = [one for one in lines if one.begun and not one.completed]
    if begun:
        return max(begun, key=lambda one: (one.at is not None, one.at))
    return next((one for one in lines if not one.completed), None)
