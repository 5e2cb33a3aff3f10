"""The programme of a level: courses and lessons as versions, their drafts, and publishing.

A published version never changes. Publishing a draft makes the next programme version of its level; classes that began
with an earlier one keep it. A base's officer publishes for that base alone; an officer of the whole site for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Row, Select, bindparam, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.models import Person
from app.accounts.scope import reach_of
from app.audit.service import record
from app.core.errors import Forbidden, Invalid, NotFound, Refused
from app.core.permissions import Can
from app.db import db, rows
from app.outline.service import rule
from app.training.deeds import Did
from app.training.learning_models import CourseNeed
from app.training.models import (
    Category,
    Course,
    CourseVersion,
    CourseVersionLesson,
    Lesson,
    LessonRevision,
    Mode,
    ProgrammeCourse,
    ProgrammeVersion,
    VersionState,
)
from question_bank.items import BadItem, Item, Kind

CONTENT = Path(__file__).parent / "content"
QUIZ_KINDS = (Kind.SINGLE, Kind.MULTIPLE, Kind.TRUEFALSE, Kind.BLANK)


class NoProgramme(Refused):
    message = _l("There is no programme for this level yet. Publish its courses first.")


class NotADraft(Refused):
    message = _l("This version is published and cannot be changed. Open a draft to go on.")


class DraftThere(Refused):
    message = _l("Somebody is already working on a draft of this course. Open that draft instead.")


class NothingToPublish(Invalid):
    message = _l("An online course needs lessons before it can be published.")


class HoursDiffer(Invalid):
    message = _l("The lessons add up to %(lessons)s class hours, the course says %(course)s. Please make them equal.")


class TooMuchOnline(Invalid):
    message = _l(
        "With this course %(online)s of %(total)s class hours would be online; at most %(share)s %% are allowed. "
        "Make the course on-site or shorter."
    )


class BadQuiz(Invalid):
    message = _l("Question %(n)s: %(why)s")


# --- reading --------------------------------------------------------------------------------------------------------------


@cache
def _newest() -> Select[ProgrammeVersion]:
    v = ProgrammeVersion
    whose = or_(v.organisation_key == 0, v.organisation_key == bindparam("base"))
    return (
        select(v)
        .where(v.level == bindparam("level"), whose)
        .order_by(v.organisation_key.desc(), v.number.desc())
        .limit(1)
    )


def current_programme(level: int, organisation_id: int | None = None) -> ProgrammeVersion:
    """The newest programme of a level: the base's own where it has one, else the general one. Raises NoProgramme."""
    found = db.session.scalar(_newest(), {"level": level, "base": organisation_id or 0})
    if found is None:
        raise NoProgramme
    return found


@cache
def _newest_number() -> Select[Any]:
    v = ProgrammeVersion.__table__.c
    return (
        select(v.id, v.mark, v.created_at)
        .where(v.level == bindparam("level"), v.organisation_key == 0)
        .order_by(v.number.desc())
        .limit(1)
    )


def newest_programme(level: int) -> Row[Any]:
    """Number, mark and instant of the newest general programme of a level; what it says never changes. Raises NoProgramme."""
    found = rows(_newest_number(), {"level": level}).one_or_none()
    if found is None:
        raise NoProgramme
    return found


@cache
def _outline() -> Select[CourseVersion, int]:
    lessons = select(func.count()).where(CourseVersionLesson.version_id == CourseVersion.id).scalar_subquery()
    return (
        select(CourseVersion, lessons)
        .join(ProgrammeCourse, ProgrammeCourse.version_id == CourseVersion.id)
        .where(ProgrammeCourse.programme_id == bindparam("programme"))
        .order_by(ProgrammeCourse.position)
    )


def courses_and_lessons(programme_id: int) -> list[tuple[CourseVersion, int]]:
    """The course versions of a programme in order, each with the number of its lessons."""
    return [(version, count) for version, count in db.session.execute(_outline(), {"programme": programme_id})]


def courses_of(programme_id: int) -> list[CourseVersion]:
    """The course versions of a programme in order, with the titles of their lessons."""
    return list(
        db.session.scalars(
            select(CourseVersion)
            .join(ProgrammeCourse, ProgrammeCourse.version_id == CourseVersion.id)
            .where(ProgrammeCourse.programme_id == programme_id)
            .order_by(ProgrammeCourse.position)
            .options(
                joinedload(CourseVersion.course),
                selectinload(CourseVersion.lessons)
                .joinedload(CourseVersionLesson.revision)
                .load_only(
                    LessonRevision.lesson_id,
                    LessonRevision.title_zh,
                    LessonRevision.title_en,
                    LessonRevision.minutes,
                    LessonRevision.hours,
                ),
            )
        )
    )


def versions_of(course: Course) -> list[CourseVersion]:
    return list(
        db.session.scalars(
            select(CourseVersion).where(CourseVersion.course_id == course.id).order_by(CourseVersion.number.desc())
        )
    )


def editing_base(person: Person) -> int | None:
    """Whose programme a person edits: None for everybody's (right held for the whole site), else the id of their base.

    Raises Forbidden where the right reaches neither.
    """
    reach = reach_of(person, Can.EDIT_COURSE)
    if reach.site:
        return None
    if reach.organisations:
        return min(reach.organisations)
    if (
        reach.regions
        and person.organisation_id
        and person.organisation
        and person.organisation.region_id in reach.regions
    ):
        return person.organisation_id
    raise Forbidden


def programmes_visible_to(person: Person) -> Select[ProgrammeVersion]:
    """Programme versions an editor looks at: the general ones and those of the own base."""
    base = editing_base(person)
    found = select(ProgrammeVersion).order_by(
        ProgrammeVersion.level, ProgrammeVersion.organisation_key, ProgrammeVersion.number.desc()
    )
    return found.where(ProgrammeVersion.organisation_key.in_({0, base})) if base else found


def version_for(person: Person, version_id: int) -> CourseVersion:
    """A course version an editor may see: a general published one, or one of the own base. NotFound otherwise."""
    found = db.session.get(CourseVersion, version_id)
    base = editing_base(person)
    if found is None or (found.organisation_id != base and not (found.organisation_id is None and not is_draft(found))):
        raise NotFound
    return found


def is_draft(version: CourseVersion) -> bool:
    return version.state is VersionState.DRAFT


def draft_of(course_id: int, organisation_id: int | None) -> CourseVersion | None:
    return db.session.scalar(
        select(CourseVersion).where(
            CourseVersion.course_id == course_id,
            CourseVersion.state == VersionState.DRAFT,
            CourseVersion.organisation_id.is_(None)
            if organisation_id is None
            else CourseVersion.organisation_id == organisation_id,
        )
    )


def published_lesson(lesson_id: int, programme_id: int) -> tuple[LessonRevision, CourseVersion]:
    """The revision of a lesson that a programme holds. Raises NotFound when it holds none."""
    found = db.session.execute(
        select(LessonRevision, CourseVersion)
        .join(CourseVersionLesson, CourseVersionLesson.revision_id == LessonRevision.id)
        .join(CourseVersion, CourseVersion.id == CourseVersionLesson.version_id)
        .join(ProgrammeCourse, ProgrammeCourse.version_id == CourseVersion.id)
        .where(LessonRevision.lesson_id == lesson_id, ProgrammeCourse.programme_id == programme_id)
    ).first()
    if found is None:
        raise NotFound
    return found[0], found[1]


# --- writing --------------------------------------------------------------------------------------------------------------


def open_draft(version: CourseVersion, *, by: Person, now: datetime) -> CourseVersion:
    """A draft that begins as a copy of a published version. Raises DraftThere."""
    base = editing_base(by)
    if draft_of(version.course_id, base) is not None:
        raise DraftThere
    made = CourseVersion(
        course=version.course,
        number=_next_number(version.course_id),
        organisation_id=base,
        created_at=now,
        created_by_id=by.id,
        **{name: getattr(version, name) for name in FIELDS},
    )
    made.lessons = [CourseVersionLesson(position=one.position, revision_id=one.revision_id) for one in version.lessons]
    db.session.add(made)
    db.session.flush()  # what it asks for is kept under its id
    db.session.add_all(
        CourseNeed(version_id=made.id, course_id=course_id)
        for course_id in db.session.scalars(select(CourseNeed.course_id).where(CourseNeed.version_id == version.id))
    )
    record(Did.EDIT_COURSE, made, by=by, more={"from": version.id})
    return made


FIELDS = ("module", "hours", "title_zh", "title_en", "summary_zh", "summary_en", "category", "mode", "online")


def _next_number(course_id: int) -> int:
    return 1 + (
        db.session.scalar(select(func.max(CourseVersion.number)).where(CourseVersion.course_id == course_id)) or 0
    )


class CodeTaken(Invalid):
    message = _l("This course code is taken.")


def new_course(level: int, code: str, values: Mapping[str, Any], *, by: Person, now: datetime) -> CourseVersion:
    """A new course, as a draft. Raises CodeTaken."""
    if db.session.scalar(select(Course.id).where(Course.code == code)):
        raise CodeTaken("code")
    made = CourseVersion(
        course=Course(level=level, code=code),
        number=1,
        organisation_id=editing_base(by),
        created_at=now,
        created_by_id=by.id,
        **{name: values[name] for name in FIELDS},
    )
    db.session.add(made)
    record(Did.EDIT_COURSE, made, by=by)
    return made


def change_draft(version: CourseVersion, values: Mapping[str, Any], *, by: Person) -> None:
    """Change what a draft says of the course. Raises NotADraft."""
    _must_be_draft(version)
    changed = {n: (getattr(version, n), values[n]) for n in FIELDS if getattr(version, n) != values[n]}
    for name, (_before, after) in changed.items():
        setattr(version, name, after)
    record(Did.EDIT_COURSE, version, by=by, changed=changed)


def _must_be_draft(version: CourseVersion) -> None:
    if not is_draft(version):
        raise NotADraft


def save_lesson(
    version: CourseVersion, lesson_id: int | None, values: Mapping[str, Any], *, by: Person, now: datetime
) -> LessonRevision:
    """A new revision of a lesson in a draft, or a new lesson at its end. Raises NotADraft, BadQuiz, NotFound."""
    _must_be_draft(version)
    quiz = checked_quiz(values.get("quiz", ()))
    place = next((one for one in version.lessons if one.revision.lesson_id == lesson_id), None)
    if lesson_id is not None and place is None:
        raise NotFound
    if place is None:
        lesson = Lesson(course_id=version.course_id, key=_new_key(version.course_id))
        db.session.add(lesson)
        db.session.flush()  # revisions are numbered under its id
    else:
        lesson = place.revision.lesson
    made = _revision(lesson, values, quiz, by=by, now=now)
    if place is not None:
        from app.training.materials import carry

        carry(place.revision_id, made)
    if place is None:
        last = max((one.position for one in version.lessons), default=0)
        version.lessons.append(CourseVersionLesson(position=last + 1, revision=made))
    else:
        place.revision = made
    record(Did.EDIT_COURSE, version, by=by, more={"lesson": made.title_zh, "revision": made.number})
    return made


def _revision(
    lesson: Lesson, values: Mapping[str, Any], quiz: list[dict[str, Any]], *, by: Person | None, now: datetime
) -> LessonRevision:
    last = db.session.scalar(select(func.max(LessonRevision.number)).where(LessonRevision.lesson_id == lesson.id)) or 0
    made = LessonRevision(
        lesson=lesson,
        number=last + 1,
        title_zh=values["title_zh"],
        title_en=values.get("title_en") or "",
        minutes=values["minutes"],
        hours=Decimal(str(values["hours"])),
        body=values["body"],
        key_points=list(values.get("key_points") or ()),
        sources=list(values.get("sources") or ()),
        summary_en=values.get("summary_en") or "",
        quiz=quiz,
        created_at=now,
        created_by_id=by.id if by else None,
    )
    db.session.add(made)
    return made


def place_in(version: CourseVersion, lesson_id: int) -> CourseVersionLesson:
    """Where a lesson stands in a draft. Raises NotADraft, NotFound."""
    _must_be_draft(version)
    found = next((one for one in version.lessons if one.revision.lesson_id == lesson_id), None)
    if found is None:
        raise NotFound
    return found


REVISED = ("title_zh", "title_en", "minutes", "hours", "body", "key_points", "sources", "summary_en")


def again(
    before: LessonRevision, *, by: Person, now: datetime, quiz: list[dict[str, Any]] | None = None
) -> LessonRevision:
    """The next revision of a lesson with the same words."""
    values = {name: getattr(before, name) for name in REVISED}
    return _revision(before.lesson, values, before.quiz if quiz is None else quiz, by=by, now=now)


def _new_key(course_id: int) -> str:
    return f"lesson-{1 + (db.session.scalar(select(func.count()).where(Lesson.course_id == course_id)) or 0)}"


def move_lesson(version: CourseVersion, lesson_id: int, up: bool, *, by: Person) -> None:
    """Move a lesson of a draft one place up or down; at the end nothing happens. Raises NotADraft, NotFound."""
    _must_be_draft(version)
    order = [one.revision_id for one in version.lessons]
    at = next((i for i, one in enumerate(version.lessons) if one.revision.lesson_id == lesson_id), None)
    if at is None:
        raise NotFound
    to = at - 1 if up else at + 1
    if not 0 <= to < len(order):
        return
    order[at], order[to] = order[to], order[at]
    for one, revision_id in zip(version.lessons, order, strict=True):
        one.revision_id = revision_id
    db.session.flush()
    for one in version.lessons:
        db.session.expire(one, ["revision"])
    record(Did.EDIT_COURSE, version, by=by, more={"order": order})


def reorder_lessons(version: CourseVersion, lesson_ids: Sequence[int], *, by: Person) -> None:
    """Put the lessons of a draft into this order. Raises NotADraft, NotFound when they are not the same lessons."""
    _must_be_draft(version)
    held = {one.revision.lesson_id: one.revision_id for one in version.lessons}
    if sorted(held) != sorted(lesson_ids):
        raise NotFound
    order = [held[i] for i in lesson_ids]
    if order == [one.revision_id for one in version.lessons]:
        return
    for one, revision_id in zip(version.lessons, order, strict=True):
        one.revision_id = revision_id
    db.session.flush()  # the rows are read again below
    for one in version.lessons:
        db.session.expire(one, ["revision"])
    record(Did.EDIT_COURSE, version, by=by, more={"order": order})


def drop_lesson(version: CourseVersion, lesson_id: int, *, by: Person) -> None:
    """Take a lesson out of a draft; its revisions stay for the versions that hold them."""
    _must_be_draft(version)
    place = next((one for one in version.lessons if one.revision.lesson_id == lesson_id), None)
    if place is None:
        raise NotFound
    version.lessons.remove(place)
    record(Did.EDIT_COURSE, version, by=by, more={"dropped": place.revision.title_zh})


def drop_draft(version: CourseVersion, *, by: Person) -> None:
    """Throw a draft away."""
    _must_be_draft(version)
    for need in db.session.scalars(select(CourseNeed).where(CourseNeed.version_id == version.id)):
        db.session.delete(need)
    db.session.flush()  # before the version they belong to
    record(Did.EDIT_COURSE, version, by=by, more={"dropped": version.title_zh})
    db.session.delete(version)


def checked_quiz(raw: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Quiz questions in their lasting JSON form, with ids. Raises BadQuiz naming the question."""
    made = []
    for number, one in enumerate(raw, 1):
        try:
            item = Item.from_dict({"id": f"q{number}", **one})
        except BadItem as bad:
            raise BadQuiz("quiz", n=number, why=bad.text("zh")) from None
        if item.kind not in QUIZ_KINDS:
            raise BadQuiz("quiz", n=number, why=_l("this kind of question cannot stand in a quiz."))
        made.append(item.to_dict())
    return made


def publish(version: CourseVersion, *, by: Person, note: str, now: datetime) -> ProgrammeVersion:
    """Close a draft and make the next programme version with it.

    Raises NotADraft, NothingToPublish, HoursDiffer, TooMuchOnline.
    """
    _must_be_draft(version)
    base = editing_base(by)
    lessons = sum((one.revision.hours for one in version.lessons), Decimal(0))
    if version.online and not version.lessons:
        raise NothingToPublish("online")
    if version.online and lessons != version.hours:
        raise HoursDiffer("hours", lessons=lessons, course=version.hours)
    level = version.course.level
    try:
        before = courses_of(current_programme(level, base).id)
    except NoProgramme:
        before = []
    after = [version if one.course_id == version.course_id else one for one in before]
    if version not in after:
        after.append(version)
    _check_online(level, after)
    from app.training.planning import order_refusal

    if refusal := order_refusal(after):
        raise refusal
    version.state, version.published_at = VersionState.PUBLISHED, now
    made = _programme(level, base, after, note=note, by=by, now=now)
    record(Did.PUBLISH_COURSE, version, by=by, reason=note, more={"programme": made.number})
    return made


def _check_online(level: int, courses: Sequence[CourseVersion]) -> None:
    share = rule("outline", level)["online_share"]
    total = sum((c.hours for c in courses), Decimal(0))
    online = sum((c.hours for c in courses if c.online), Decimal(0))
    if online > total * share:
        raise TooMuchOnline("online", online=online, total=total, share=f"{share * 100:.0f}")


def drop_course(course_id: int, level: int, *, by: Person, note: str, now: datetime) -> ProgrammeVersion:
    """A next programme version without a course. Raises NotFound when the programme does not hold it."""
    base = editing_base(by)
    before = courses_of(current_programme(level, base).id)
    after = [one for one in before if one.course_id != course_id]
    if len(after) == len(before):
        raise NotFound
    from app.training.planning import order_refusal

    if refusal := order_refusal(after):
        raise refusal
    made = _programme(level, base, after, note=note, by=by, now=now)
    record(Did.PUBLISH_COURSE, made, by=by, reason=note, more={"dropped": course_id})
    return made


def _programme(
    level: int,
    organisation_id: int | None,
    courses: Sequence[CourseVersion],
    *,
    note: str,
    by: Person | None,
    now: datetime,
    mark: str = "",
) -> ProgrammeVersion:
    last = db.session.scalar(
        select(func.max(ProgrammeVersion.number)).where(
            ProgrammeVersion.level == level, ProgrammeVersion.organisation_key == (organisation_id or 0)
        )
    )
    made = ProgrammeVersion(
        level=level,
        organisation_id=organisation_id,
        organisation_key=organisation_id or 0,
        number=(last or 0) + 1,
        mark=mark,
        note=note,
        created_at=now,
        created_by_id=by.id if by else None,
    )
    made.entries = [ProgrammeCourse(position=i, version=one) for i, one in enumerate(courses, 1)]
    db.session.add(made)
    return made


# --- what is shipped ------------------------------------------------------------------------------------------------------


def load_content(*, now: datetime) -> int:
    """Load the shipped programme of every level that has none yet, marked 系统默认; how many levels. Safe to repeat."""
    import yaml  # read once in the life of a site, not held by its web processes

    shipped = yaml.safe_load((CONTENT / "programme.yaml").read_text(encoding="utf-8"))
    there = set(db.session.scalars(select(ProgrammeVersion.level).where(ProgrammeVersion.organisation_key == 0)))
    missing = [level for level in shipped["levels"] if level["rank"] not in there]
    if not missing:
        return 0
    lessons: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for path in sorted((CONTENT / "lessons").glob("*.md")):
        head = read_lesson(path.read_text(encoding="utf-8"))
        lessons.setdefault(head["course"], []).append((path.stem, head))
    for level in missing:
        versions = [_load_course(level["rank"], one, lessons.get(one["code"], []), now) for one in level["courses"]]
        _programme(level["rank"], None, versions, note="", by=None, now=now, mark=shipped["mark"])
    return len(missing)


def read_lesson(text: str) -> dict[str, Any]:
    """A lesson file: YAML between two lines of dashes, then Markdown. Raises ValueError when it is none."""
    import yaml

    opening, head, body = text.split("---\n", 2)
    if opening:
        raise ValueError("a lesson begins with its front matter")
    return {**yaml.safe_load(head), "body": body.strip()}


def _load_course(
    rank: int, one: Mapping[str, Any], lessons: Sequence[tuple[str, dict[str, Any]]], now: datetime
) -> CourseVersion:
    course = Course(level=rank, code=one["code"])
    version = CourseVersion(
        course=course,
        number=1,
        state=VersionState.PUBLISHED,
        module=one["module"],
        hours=Decimal(str(one["hours"])),
        title_zh=one["title_zh"],
        title_en=one["title_en"],
        summary_zh=one["summary_zh"],
        summary_en=one["summary_en"],
        category=Category(one["category"]),
        mode=Mode(one["mode"]),
        online=one["online"],
        mark="D",
        created_at=now,
        published_at=now,
    )
    db.session.add(version)
    db.session.flush()  # lessons are kept under the course's id
    ordered = sorted(lessons, key=lambda pair: pair[1]["order"])
    for position, (key, head) in enumerate(ordered, 1):
        lesson = Lesson(course_id=course.id, key=key)
        db.session.add(lesson)
        db.session.flush()  # revisions are numbered under its id
        revision = _revision(lesson, head, checked_quiz(head["quiz"]), by=None, now=now)
        version.lessons.append(CourseVersionLesson(position=position, revision=revision))
    return version
