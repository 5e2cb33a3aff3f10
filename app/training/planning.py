"""The programme editor: which courses a level has, in which order and version; saved always as the next version.

What is typed is a plan, judged before it is saved: hours by module against the outline, the online share, and that a course
stands after those it asks for. Enrolments keep the version they began with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.models import Person
from app.audit.service import record
from app.core.errors import Invalid, NotFound, Refused
from app.db import db
from app.outline.service import rule
from app.training import programme
from app.training.deeds import Did
from app.training.learning_models import CourseNeed
from app.training.models import (
    Course,
    CourseVersion,
    CourseVersionLesson,
    Enrolment,
    ProgrammeVersion,
    TrainingClass,
    VersionState,
)
from app.training.states import IN_TRAINING

ZERO = Decimal(0)


class NothingChanged(Invalid):
    message = _l("The plan is the same as the version in force, so no new version was made.")


class SavedMeanwhile(Refused):
    message = _l(
        "Somebody has saved version %(n)s while you were working. Your plan is still on this page: compare it with theirs, "
        "then save again."
    )


class NoCourses(Invalid):
    message = _l("A programme needs at least one course.")


class WrongOrder(Invalid):
    message = _l("%(course)s asks for %(needed)s first. Put that course before it, or leave both out.")


class InCircles(Invalid):
    message = _l("%(course)s and %(needed)s would each ask for the other first.")


class NotBefore(Invalid):
    message = _l("A course can ask only for published courses of its own level or of a lower one.")


class TwiceThere(Invalid):
    message = _l("%(course)s stands in the plan twice.")


# --- what may be planned --------------------------------------------------------------------------------------------------


def library(level: int, base: int | None) -> dict[int, list[CourseVersion]]:
    """Course id → its published versions that a base may use, newest first; in the order of their codes."""
    whose = CourseVersion.organisation_id.is_(None)
    found = db.session.scalars(
        select(CourseVersion)
        .join(Course)
        .where(
            Course.level == level,
            CourseVersion.state == VersionState.PUBLISHED,
            or_(whose, CourseVersion.organisation_id == base) if base else whose,
        )
        .order_by(Course.code, CourseVersion.number.desc())
        .options(joinedload(CourseVersion.course), selectinload(CourseVersion.lessons))
    )
    made: dict[int, list[CourseVersion]] = defaultdict(list)
    for one in found:
        made[one.course_id].append(one)
    return dict(made)


def needs_of(version_ids: Iterable[int]) -> dict[int, list[Course]]:
    """Version id → the courses it asks for, one question for all."""
    made: dict[int, list[Course]] = defaultdict(list)
    for one in db.session.scalars(
        select(CourseNeed)
        .join(Course, Course.id == CourseNeed.course_id)
        .where(CourseNeed.version_id.in_(list(version_ids)))
        .order_by(Course.code)
        .options(joinedload(CourseNeed.course))
    ):
        made[one.version_id].append(one.course)
    return made


# --- judging a plan -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ModuleSum:
    module: str
    planned: Decimal
    asked: Decimal

    @property
    def missing(self) -> Decimal:
        return max(self.asked - self.planned, ZERO)


@dataclass(frozen=True)
class Judgement:
    """What the outline says of a plan. ``faults`` stop it from being saved; modules that are short are a warning."""

    modules: tuple[ModuleSum, ...]
    total: Decimal
    online: Decimal
    limit: Decimal
    faults: tuple[Refused, ...]

    @property
    def online_share(self) -> Decimal:
        return self.online / self.total if self.total else ZERO

    @property
    def short(self) -> tuple[ModuleSum, ...]:
        return tuple(one for one in self.modules if one.missing)


def judge(level: int, courses: Sequence[CourseVersion]) -> Judgement:
    """Hours by module, online share, order of prerequisites."""
    outline = rule("outline", level)
    planned: dict[str, Decimal] = defaultdict(Decimal)
    for one in courses:
        planned[one.module] += one.hours
    asked = {row["module"]: row["hours"] for row in outline["hours"]}
    total = sum(planned.values(), ZERO)
    online = sum((one.hours for one in courses if one.online), ZERO)
    faults: list[Refused] = []
    if not courses:
        faults.append(NoCourses())
    if online > total * outline["online_share"]:
        faults.append(
            programme.TooMuchOnline("online", online=online, total=total, share=f"{outline['online_share'] * 100:.0f}")
        )
    faults += _order_faults(courses)
    names = [*asked, *(m for m in planned if m not in asked)]
    return Judgement(
        tuple(ModuleSum(m, planned.get(m, ZERO), asked.get(m, ZERO)) for m in names),
        total, online, outline["online_share"], tuple(faults),
    )  # fmt: skip


def _order_faults(courses: Sequence[CourseVersion]) -> list[Refused]:
    needs, before = needs_of([one.id for one in courses]), set()
    made: list[Refused] = []
    for one in courses:
        made += [
            WrongOrder(course=one.title, needed=_title(course, courses))
            for course in needs.get(one.id, ())
            if course.id not in before and course.level == one.course.level
        ]
        if one.course_id in before:
            made.append(TwiceThere(course=one.title))
        before.add(one.course_id)
    return made


def order_refusal(courses: Sequence[CourseVersion]) -> Refused | None:
    """What is wrong with the order of courses, or None."""
    return next(iter(_order_faults(courses)), None)


def _title(course: Course, courses: Sequence[CourseVersion]) -> str:
    return next((one.title for one in courses if one.course_id == course.id), course.code)


def save(
    level: int, version_ids: Sequence[int], *, based_on: int | None, by: Person, note: str, now: datetime
) -> ProgrammeVersion:
    """Make the next version of a programme out of a plan.

    Raises SavedMeanwhile, NotFound (a version that may not be used), the first fault of the plan, NothingChanged.
    """
    base = programme.editing_base(by)
    before = _newest_locked(level, base)
    if before is not None and before.id != based_on:
        raise SavedMeanwhile(n=before.number)
    usable = {v.id: v for versions in library(level, base).values() for v in versions}
    try:
        courses = [usable[i] for i in version_ids]
    except KeyError:
        raise NotFound from None
    judged = judge(level, courses)
    if judged.faults:
        raise judged.faults[0]
    here = [one.id for one in programme.courses_of(before.id)] if before else []
    if before is not None and before.organisation_id == base and here == list(version_ids):
        raise NothingChanged("note")
    made = programme._programme(level, base, courses, note=note, by=by, now=now)
    db.session.flush()  # the log names it by its id
    record(Did.PLAN_PROGRAMME, made, by=by, reason=note, more={"before": here, "after": list(version_ids)})
    return made


def _newest_locked(level: int, base: int | None) -> ProgrammeVersion | None:
    """The version in force. Its row is locked first and then asked again, so that of two who save at once one waits."""
    for _turn in range(2):
        try:
            found = programme.current_programme(level, base)
        except programme.NoProgramme:
            return None
        db.session.get_one(ProgrammeVersion, found.id, with_for_update=True)
    return programme.current_programme(level, base)


# --- what a course asks for -----------------------------------------------------------------------------------------------


def courses_to_need(version: CourseVersion | None, level: int, base: int | None) -> list[CourseVersion]:
    """The newest version of each other course of the level or below that has been published."""
    found = [versions[0] for rank in range(1, level + 1) for versions in library(rank, base).values()]
    return [one for one in found if version is None or one.course_id != version.course_id]


def set_needs(version: CourseVersion, course_ids: Iterable[int], *, by: Person) -> None:
    """Say which courses come first, in a draft. Raises NotADraft, NotBefore, InCircles."""
    programme._must_be_draft(version)
    allowed = {one.course_id: one for one in courses_to_need(version, version.course.level, programme.editing_base(by))}
    wanted = sorted(set(course_ids))
    if any(i not in allowed for i in wanted):
        raise NotBefore("needs")
    _refuse_circles(version, [allowed[i] for i in wanted])
    held = {one.course_id: one for one in _rows(version.id)}
    for course_id, row in held.items():
        if course_id not in wanted:
            db.session.delete(row)
    db.session.add_all(CourseNeed(version_id=version.id, course_id=i) for i in wanted if i not in held)
    if sorted(held) != wanted:
        record(Did.EDIT_COURSE, version, by=by, changed={"needs": (sorted(held), wanted)})


def _rows(version_id: int) -> list[CourseNeed]:
    return list(db.session.scalars(select(CourseNeed).where(CourseNeed.version_id == version_id)))


def _refuse_circles(version: CourseVersion, wanted: Sequence[CourseVersion]) -> None:
    """Follow what the wanted courses ask for in turn; meeting the course itself is a circle."""
    seen, left = {one.course_id for one in wanted}, list(wanted)
    while left:
        asked = needs_of([one.id for one in left])
        next_ids: set[int] = set()
        for one in left:
            for course in asked.get(one.id, ()):
                if course.id == version.course_id:
                    raise InCircles("needs", course=version.title, needed=one.title)
                next_ids.add(course.id)
        next_ids -= seen
        seen |= next_ids
        left = _newest(next_ids)


def _newest(course_ids: set[int]) -> list[CourseVersion]:
    if not course_ids:
        return []
    newest = (
        select(func.max(CourseVersion.id))
        .where(CourseVersion.course_id.in_(course_ids), CourseVersion.state == VersionState.PUBLISHED)
        .group_by(CourseVersion.course_id)
    )
    return list(db.session.scalars(select(CourseVersion).where(CourseVersion.id.in_(newest))))


# --- comparing ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """A programme version for comparing."""

    version: ProgrammeVersion
    courses: dict[int, CourseVersion]
    needs: dict[int, list[Course]]
    judged: Judgement
    classes: int
    people: int


def side(version: ProgrammeVersion) -> Side:
    courses = list(
        db.session.scalars(
            select(CourseVersion)
            .where(CourseVersion.id.in_([e.version_id for e in version.entries]))
            .options(
                joinedload(CourseVersion.course),
                selectinload(CourseVersion.lessons).joinedload(CourseVersionLesson.revision),
            )
        )
    )
    order = {e.version_id: e.position for e in version.entries}
    courses.sort(key=lambda one: order[one.id])
    classes = db.session.scalar(
        select(func.count()).select_from(TrainingClass).where(TrainingClass.programme_id == version.id)
    )
    people = db.session.scalar(
        select(func.count())
        .select_from(Enrolment)
        .where(Enrolment.programme_id == version.id, Enrolment.state.in_(IN_TRAINING))
    )
    return Side(
        version, {one.course_id: one for one in courses}, needs_of(order), judge(version.level, courses),
        classes or 0, people or 0,
    )  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One course on both sides. ``differs``: names of what is not the same."""

    left: CourseVersion | None
    right: CourseVersion | None
    differs: frozenset[str]


WHAT = ("title_zh", "title_en", "module", "hours", "category", "mode", "online", "summary_zh", "summary_en")


def compare(left: Side, right: Side) -> list[Row]:
    """Every course of either side, in the order of the right one; courses that went come last."""
    ids = [*right.courses, *(i for i in left.courses if i not in right.courses)]
    return [_row(left, right, i) for i in ids]


def _row(left: Side, right: Side, course_id: int) -> Row:
    old, new = left.courses.get(course_id), right.courses.get(course_id)
    if old is None or new is None:
        return Row(old, new, frozenset())
    differs = {name for name in WHAT if getattr(old, name) != getattr(new, name)}
    if [o.revision_id for o in old.lessons] != [o.revision_id for o in new.lessons]:
        differs.add("lessons")
    if [c.id for c in left.needs.get(old.id, ())] != [c.id for c in right.needs.get(new.id, ())]:
        differs.add("needs")
    places = [list(one.courses).index(course_id) for one in (left, right)]
    if places[0] != places[1]:
        differs.add("place")
    return Row(old, new, frozenset(differs))


def versions_to_compare(by: Person, level: int) -> list[ProgrammeVersion]:
    return list(db.session.scalars(programme.programmes_visible_to(by).where(ProgrammeVersion.level == level)))


def plan_of(by: Person, level: int) -> tuple[ProgrammeVersion | None, list[CourseVersion]]:
    """The version in force with its courses: where an editor begins."""
    try:
        found = programme.current_programme(level, programme.editing_base(by))
    except programme.NoProgramme:
        return None, []
    return found, programme.courses_of(found.id)


def as_ids(raw: Iterable[Any]) -> list[int]:
    """Row ids out of what a page sent; whatever is none is left out."""
    return [int(one) for one in map(str, raw) if one.isascii() and one.isdigit() and len(one) < 10]
