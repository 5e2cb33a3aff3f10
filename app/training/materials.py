"""What a lesson holds besides its words: pictures, PDF documents, films, links; and the questions of the bank in its quiz.

A revision never changes, so each change of a draft makes the next revision of the lesson, which holds what the one before
held and the change.
"""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, false, or_, select
from sqlalchemy.orm import joinedload

from app.accounts.models import Person
from app.audit.service import record
from app.bank.models import Question, QuestionState
from app.bank.service import items_live
from app.core.errors import Invalid, NotFound
from app.core.permissions import Can
from app.db import db
from app.files.media import Film
from app.files.models import StoredFile
from app.files.service import PDF, PICTURES, VTT, WEBP, delete_file, keep, safe_name, store
from app.files.subtitles import subtitles_of
from app.jobs.service import enqueue
from app.training import programme
from app.training.deeds import Did
from app.training.learning_models import (
    DocumentPage,
    LessonDocument,
    LessonMaterial,
    LessonPicture,
    MaterialKind,
)
from app.training.models import CourseVersion, CourseVersionLesson, LessonRevision, ProgrammeCourse

DRAW = "training.document"
DOCUMENT_BYTES = 30 * 1024 * 1024
PICTURE_BYTES = 5 * 1024 * 1024
MOST_MATERIALS = 20
PICTURE_PATH = "/training/pictures/"
_BRACKETS = re.compile(r"[\[\]\s]+")


class OneFilm(Invalid):
    message = _l(
        "A lesson holds one film, since its hours are counted by it. Take the other one out, or make a second lesson."
    )


class TooManyMaterials(Invalid):
    message = _l("A lesson holds at most %(n)s things besides its text.")


class NoFilm(Invalid):
    message = _l("Subtitles belong to a film. Add the film first.")


class SubtitlesThere(Invalid):
    message = _l("The film has subtitles in this language already. Take them out first.")


class NoAddress(Invalid):
    message = _l("Please give a whole address that begins with https:// or http://.")


class NoFile(Invalid):
    message = _l("Please choose a file.")


class NoQuestions(Invalid):
    message = _l("Please choose at least one question.")


# --- reading --------------------------------------------------------------------------------------------------------------


def of_revision(revision_id: int) -> list[LessonMaterial]:
    """What a revision holds, in order."""
    return list(
        db.session.scalars(
            select(LessonMaterial)
            .where(LessonMaterial.revision_id == revision_id)
            .order_by(LessonMaterial.position)
            .options(joinedload(LessonMaterial.file))
        )
    )


def film_of(held: Iterable[LessonMaterial]) -> LessonMaterial | None:
    return next((one for one in held if one.kind is MaterialKind.VIDEO), None)


def kinds_of(revision_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Revision id → kinds of what it holds, and the seconds of its film; one question for all."""
    made: dict[int, dict[str, Any]] = defaultdict(lambda: {"kinds": [], "seconds": 0})
    for revision_id, kind, seconds in db.session.execute(
        select(LessonMaterial.revision_id, LessonMaterial.kind, LessonMaterial.seconds)
        .where(LessonMaterial.revision_id.in_(list(revision_ids)))
        .order_by(LessonMaterial.position)
    ):
        made[revision_id]["kinds"].append(kind)
        made[revision_id]["seconds"] += seconds
    return dict(made)


def film_seconds_in(programme_id: int) -> dict[int, int]:
    """Revision id → seconds of its film, for the lessons of a programme that have one."""
    found = db.session.execute(
        select(LessonMaterial.revision_id, LessonMaterial.seconds)
        .join(CourseVersionLesson, CourseVersionLesson.revision_id == LessonMaterial.revision_id)
        .join(ProgrammeCourse, ProgrammeCourse.version_id == CourseVersionLesson.version_id)
        .where(ProgrammeCourse.programme_id == programme_id, LessonMaterial.kind == MaterialKind.VIDEO)
    )
    return dict(tuple(row) for row in found)  # type: ignore[misc]


def documents_of(held: Iterable[LessonMaterial]) -> dict[int, LessonDocument]:
    """File id → how far the drawing of its pages is."""
    ids = [one.file_id for one in held if one.kind is MaterialKind.DOCUMENT]
    if not ids:
        return {}
    return {
        one.file_id: one for one in db.session.scalars(select(LessonDocument).where(LessonDocument.file_id.in_(ids)))
    }


def page_of(file_id: int, number: int) -> DocumentPage | None:
    return db.session.scalar(
        select(DocumentPage)
        .where(DocumentPage.document_id == file_id, DocumentPage.number == number)
        .options(joinedload(DocumentPage.picture))
    )


def picture(token: str) -> StoredFile:
    """Whoever knows a picture's address was shown it. Raises NotFound."""
    found = db.session.scalar(
        select(LessonPicture)
        .where(LessonPicture.token == token.replace("\0", "")[:64])
        .options(joinedload(LessonPicture.file))
    )
    if found is None:
        raise NotFound
    return found.file


def pictures_of(course_id: int) -> list[LessonPicture]:
    return list(
        db.session.scalars(
            select(LessonPicture)
            .where(LessonPicture.course_id == course_id)
            .order_by(LessonPicture.id.desc())
            .options(joinedload(LessonPicture.file))
        )
    )


def as_markdown(token: str, words: str) -> str:
    """The picture as a line for the text; ``words`` say what it shows, for those who cannot see it."""
    return f"![{_BRACKETS.sub(' ', words).strip()[:120]}]({PICTURE_PATH}{token})"


# --- writing --------------------------------------------------------------------------------------------------------------


def carry(old_id: int, new: LessonRevision) -> None:
    """What a revision holds goes over to the next one."""
    db.session.flush()  # the new revision's id is the key
    for one in of_revision(old_id):
        db.session.add(_copy(one, new.id, one.position))


def _copy(one: LessonMaterial, revision_id: int, position: int) -> LessonMaterial:
    return LessonMaterial(
        revision_id=revision_id, position=position, kind=one.kind, title=one.title, url=one.url, file_id=one.file_id,
        seconds=one.seconds, language=one.language or "",
    )  # fmt: skip


Held = list[LessonMaterial]


def _revised(
    version: CourseVersion, lesson_id: int, change: Callable[[Held], Held], *, by: Person, now: datetime, told: str
) -> LessonRevision:
    """The next revision of a lesson with the same words; ``change`` makes what it holds of what it held."""
    place = programme.place_in(version, lesson_id)
    before = place.revision
    held = change(of_revision(before.id))
    if len(held) > MOST_MATERIALS:
        raise TooManyMaterials(n=MOST_MATERIALS)
    made = programme.again(before, by=by, now=now)
    place.revision = made
    db.session.flush()  # its id is the key of what it holds
    db.session.add_all(_copy(one, made.id, position) for position, one in enumerate(held, 1))
    record(Did.EDIT_COURSE, version, by=by, more={"lesson": made.title_zh, "revision": made.number, "held": told})
    return made


def add_document(
    version: CourseVersion, lesson_id: int, upload: Any, title: str, *, by: Person, now: datetime
) -> LessonRevision:
    """A PDF that is read page by page. Its pages are drawn in the background. Raises NoFile, FileRefused, NotADraft."""
    programme.place_in(version, lesson_id)
    must_be_there(upload)
    stored = keep(upload, owner=by, kinds=frozenset({PDF}), field="file", max_bytes=DOCUMENT_BYTES)
    made = LessonMaterial(kind=MaterialKind.DOCUMENT, title=title or stored.name, url="", file_id=stored.id, seconds=0)
    db.session.add(LessonDocument(file_id=stored.id))
    enqueue(DRAW, [{"file": stored.id, "label": stored.name}], by=by, title=_l("Pages of a document"))
    return _revised(version, lesson_id, lambda held: [*held, made], by=by, now=now, told=stored.name)


def must_take_film(version: CourseVersion, lesson_id: int) -> None:
    """Has the draft of the lesson room for a film? Asked before one is sent, and again when it is added.

    Raises OneFilm, NotFound, NotADraft."""
    if film_of(of_revision(programme.place_in(version, lesson_id).revision_id)):
        raise OneFilm("file")


def add_film(
    version: CourseVersion, lesson_id: int, film: Film, title: str, *, by: Person, now: datetime
) -> LessonRevision:
    """A film. Its hours are counted by the seconds really played. Raises OneFilm, NotFound, NotADraft."""
    must_take_film(version, lesson_id)
    stored = film.row(by)
    made = LessonMaterial(
        kind=MaterialKind.VIDEO, title=title or stored.name, url="", file_id=stored.id, seconds=film.seconds
    )
    return _revised(version, lesson_id, lambda held: [made, *held], by=by, now=now, told=stored.name)


def add_subtitles(
    version: CourseVersion, lesson_id: int, upload: Any, language: str, *, by: Person, now: datetime
) -> LessonRevision:
    """Subtitles (WebVTT) of the lesson's film in one language. Raises NoFile, NoFilm, SubtitlesThere, FileRefused, NotADraft."""
    held = of_revision(programme.place_in(version, lesson_id).revision_id)
    film = film_of(held)
    if film is None:
        raise NoFilm("file")
    if any(one.kind is MaterialKind.SUBTITLES and one.language == language for one in held):
        raise SubtitlesThere("language")
    must_be_there(upload)
    data = subtitles_of(upload, film.seconds, field="file")
    stored = store(data, safe_name(upload.filename), VTT, owner=by)
    made = LessonMaterial(
        kind=MaterialKind.SUBTITLES, title=stored.name, url="", file_id=stored.id, seconds=0, language=language
    )
    return _revised(version, lesson_id, lambda held: [*held, made], by=by, now=now, told=stored.name)


def add_link(
    version: CourseVersion, lesson_id: int, url: str, title: str, *, by: Person, now: datetime
) -> LessonRevision:
    """An address elsewhere. Raises NoAddress, NotADraft."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and "." in (parts.hostname or "") and not parts.username
    except ValueError:
        good = False
    if not good:
        raise NoAddress("url")
    made = LessonMaterial(kind=MaterialKind.LINK, title=title or url, url=url, file_id=None, seconds=0)
    return _revised(version, lesson_id, lambda held: [*held, made], by=by, now=now, told=url)


def must_be_there(upload: Any) -> None:
    """Was a file chosen? Raises NoFile."""
    if upload is None or not getattr(upload, "filename", ""):
        raise NoFile("file")


def move_material(
    version: CourseVersion, lesson_id: int, position: int, deed: str, *, by: Person, now: datetime
) -> None:
    """Move what a lesson holds up or down, or take it out; files stay for the revisions that hold them."""

    def change(held: Held) -> Held:
        at = next((i for i, one in enumerate(held) if one.position == position), None)
        if at is None:
            raise NotFound
        one = held.pop(at)
        if deed == "remove" and one.kind is MaterialKind.VIDEO:  # its subtitles say nothing without it
            held = [other for other in held if other.kind is not MaterialKind.SUBTITLES]
        if deed != "remove":
            held.insert(max(0, at - 1) if deed == "up" else at + 1, one)
        return held

    _revised(version, lesson_id, change, by=by, now=now, told=f"{deed} {position}")


def keep_picture(version: CourseVersion, upload: Any, *, by: Person, now: datetime) -> LessonPicture:
    """Store a picture for the lessons of a course. Raises NoFile, FileRefused, NotADraft."""
    programme._must_be_draft(version)
    must_be_there(upload)
    stored = keep(upload, owner=by, kinds=PICTURES | {WEBP}, field="file", max_bytes=PICTURE_BYTES)
    known = db.session.scalar(
        select(LessonPicture).where(LessonPicture.course_id == version.course_id, LessonPicture.sha256 == stored.sha256)
    )
    if known is not None:
        delete_file(stored)
        return known
    made = LessonPicture(
        token=secrets.token_hex(20), course_id=version.course_id, file_id=stored.id, sha256=stored.sha256, by_id=by.id,
        created_at=now,
    )  # fmt: skip
    db.session.add(made)
    record(Did.EDIT_COURSE, version, by=by, more={"picture": stored.name, "bytes": stored.size})
    return made


# --- questions of the bank ------------------------------------------------------------------------------------------------


def questions_for_quiz(person: Person, level: int, search: str, module: str) -> Select[Question]:
    """Live questions of a level that may stand in a quiz. Nothing for whom the bank is closed."""
    found = select(Question).where(
        Question.level == level,
        Question.state == QuestionState.LIVE,
        Question.live_number.is_not(None),
        Question.kind.in_(programme.QUIZ_KINDS),
    )
    if not person.can(Can.READ_BANK):
        return found.where(false())
    if module:
        found = found.where(Question.module == module)
    if search:
        found = found.where(
            or_(Question.text.contains(search, autoescape=True), Question.code.contains(search, autoescape=True),
                Question.point.contains(search, autoescape=True))
        )  # fmt: skip
    return found.order_by(Question.code)


def add_questions(
    version: CourseVersion, lesson_id: int, codes: Sequence[str], *, by: Person, now: datetime
) -> LessonRevision:
    """Put live questions of the bank into the quiz, as they read now. Raises NoQuestions, NotFound, NotADraft."""
    if not by.can(Can.READ_BANK):
        raise NotFound
    place = programme.place_in(version, lesson_id)
    before = place.revision
    there = {one["id"] for one in before.quiz}
    live = {one.item.id: one.item for one in items_live(version.course.level) if one.item.kind in programme.QUIZ_KINDS}
    wanted = [code for code in dict.fromkeys(codes) if code not in there]
    if not wanted:
        raise NoQuestions("codes")
    if any(code not in live for code in wanted):
        raise NotFound
    made = programme.again(before, by=by, now=now, quiz=[*before.quiz, *(live[code].to_dict() for code in wanted)])
    place.revision = made
    carry(before.id, made)
    record(
        Did.EDIT_COURSE, version, by=by, more={"lesson": made.title_zh, "revision": made.number, "questions": wanted}
    )
    return made
