"""Pages of the programme editor: the plan of a level, and two versions of programme or course side by side."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.guard import current_person, requires
from app.core import clock
from app.core.errors import Forbidden, NotFound, Refused
from app.core.permissions import Can
from app.db import db, unit_of_work
from app.outline.service import level_names
from app.training import planning, programme
from app.training.forms import NoteForm
from app.training.models import CourseVersion, CourseVersionLesson, ProgrammeVersion

bp = Blueprint("training_programmes", __name__, url_prefix="/training/office/programmes", template_folder="templates")


@dataclass(frozen=True)
class Line:
    """One course of the page: which version is chosen, and whether it is in the plan."""

    course_id: int
    versions: list[CourseVersion]
    chosen: CourseVersion
    inside: bool


@bp.route("/<int:level>/plan", methods=["GET", "POST"])
@requires(Can.EDIT_COURSE)
def plan(level: int) -> Any:
    """Choose courses, versions and order; judged at each step, saved as the next version."""
    person = current_person()
    if level not in level_names():
        raise NotFound
    base = programme.editing_base(person)
    lines = _lines(planning.library(level, base), planning.plan_of(person, level)[1])
    form, deed = NoteForm(), ""
    if request.method == "POST":
        deed = request.form.get("do", "")
        lines = _sent(lines)
        if deed == "save" and form.validate_on_submit():
            try:
                return _save(level, lines, form.note.data or "")
            except (NotFound, Forbidden):
                raise
            except Refused as refusal:
                form.refuse(refusal)
                lines = _sent(_lines(planning.library(level, base), []))
        elif deed != "save":
            form = NoteForm(formdata=None, data={"note": request.form.get("note", "")[:300]})
            lines = _moved(lines, deed)
    version = planning.plan_of(current_person(), level)[0]
    inside = [line.chosen for line in lines if line.inside]
    return render_template(
        "training/courses/plan.html",
        level=level,
        levels=level_names(),
        version=version,
        based_on=request.form.get("based_on") or (version.id if version else ""),
        lines=lines,
        needs=planning.needs_of([line.chosen.id for line in lines]),
        judged=planning.judge(level, inside),
        form=form,
        moved=deed.partition("-")[2] if deed.startswith(("up-", "down-")) else "",
    ), (422 if deed == "save" else 200)


def _lines(library: dict[int, list[CourseVersion]], planned: list[CourseVersion]) -> list[Line]:
    """The planned courses in their order, then the others; a version that is older than those offered stays offered."""
    made = []
    for one in planned:
        versions = library.get(one.course_id, [])
        chosen = next((v for v in versions if v.id == one.id), None)
        if chosen is not None:
            made.append(Line(one.course_id, versions, chosen, True))
    there = {line.course_id for line in made}
    return made + [Line(i, versions, versions[0], False) for i, versions in library.items() if i not in there]


def _sent(lines: list[Line]) -> list[Line]:
    """The page as it was sent. Courses it did not name come last."""
    known = {line.course_id: line for line in lines}
    order = [i for i in dict.fromkeys(planning.as_ids(request.form.getlist("order"))) if i in known]
    inside = set(planning.as_ids(request.form.getlist("in")))
    made = []
    for course_id in [*order, *(i for i in known if i not in order)]:
        line = known[course_id]
        asked = request.form.get(f"version-{course_id}", "")
        chosen = next((v for v in line.versions if str(v.id) == asked), line.chosen)
        made.append(replace(line, chosen=chosen, inside=course_id in inside))
    return made


def _moved(lines: list[Line], deed: str) -> list[Line]:
    way, _dash, course = deed.partition("-")
    at = next((i for i, line in enumerate(lines) if str(line.course_id) == course), None)
    if at is None or way not in ("up", "down"):
        return lines
    made = list(lines)
    made.insert(max(0, at - 1) if way == "up" else at + 1, made.pop(at))
    return made


def _save(level: int, lines: list[Line], note: str) -> Any:
    ids = [line.chosen.id for line in lines if line.inside]
    based_on = planning.as_ids([request.form.get("based_on", "")])
    with unit_of_work():
        made = planning.save(
            level, ids, based_on=based_on[0] if based_on else None, by=current_person(), note=note, now=clock.now()
        )
    flash(
        _(
            "Saved as version %(n)s. Classes made from now on use it; enrolments keep the version they began with.",
            n=made.number,
        ),
        "success",
    )
    return redirect(url_for("training_programmes.compare", right=made.id))


@bp.get("/compare")
@requires(Can.EDIT_COURSE)
def compare() -> Any:
    """Two versions of a programme side by side. Without a left one: the one before the right one."""
    person = current_person()
    right = _programme(request.args.get("right", "")) or _newest()
    if right is None:
        raise NotFound
    others = planning.versions_to_compare(person, right.level)
    left = _programme(request.args.get("left", "")) or _before(right, others)
    if left is not None and left.level != right.level:
        raise NotFound
    sides = [planning.side(one) for one in (left or right, right)]
    return render_template(
        "training/courses/compare.html",
        left=sides[0],
        right=sides[1],
        alone=left is None,
        rows=planning.compare(*sides),
        others=others,
        levels=level_names(),
    )


def _programme(raw: str) -> ProgrammeVersion | None:
    ids = planning.as_ids([raw])
    if not ids:
        return None
    asked = programme.programmes_visible_to(current_person()).where(ProgrammeVersion.id == ids[0])
    found = db.session.scalar(asked.options(selectinload(ProgrammeVersion.entries)))
    if found is None:
        raise NotFound
    return found


def _newest() -> ProgrammeVersion | None:
    return db.session.scalars(
        programme.programmes_visible_to(current_person())
        .order_by(None)
        .order_by(ProgrammeVersion.id.desc())
        .options(selectinload(ProgrammeVersion.entries))
    ).first()


def _before(right: ProgrammeVersion, others: list[ProgrammeVersion]) -> ProgrammeVersion | None:
    """The version that a version followed: of the same base, or, where it is the base's first, the general one before it."""
    own = [o for o in others if o.organisation_key == right.organisation_key and o.number < right.number]
    general = [
        o for o in others if right.organisation_key and not o.organisation_key and o.created_at <= right.created_at
    ]
    return max(own, key=lambda o: o.number, default=None) or max(general, key=lambda o: o.number, default=None)


@bp.get("/courses/<int:version_id>")
@requires(Can.EDIT_COURSE)
def course(version_id: int) -> Any:
    """A version of a course beside another one, lesson by lesson, line by line."""
    person = current_person()
    right = programme.version_for(person, version_id)
    versions = [v for v in programme.versions_of(right.course) if v.id == right.id or _may_see(v)]
    asked = planning.as_ids([request.args.get("left", "")])
    left = (
        next((v for v in versions if v.id == asked[0]), None)
        if asked
        else next((v for v in versions if v.number < right.number), None)
    )
    if left is None and asked:
        raise NotFound
    return render_template(
        "training/courses/compare_course.html",
        left=left,
        right=right,
        versions=versions,
        levels=level_names(),
        lessons=_lessons(left, right) if left else [],
        needs=planning.needs_of([v.id for v in (left, right) if v]),
        fields=[n for n in planning.WHAT if left and getattr(left, n) != getattr(right, n)],
    )


def _may_see(version: CourseVersion) -> bool:
    try:
        programme.version_for(current_person(), version.id)
    except NotFound:
        return False
    return True


@dataclass(frozen=True)
class LessonPair:
    left: CourseVersionLesson | None
    right: CourseVersionLesson | None
    lines: list[tuple[str, str, str]]
    """(same, gone, new or changed; left line; right line) of the text, far from changes left out."""

    @property
    def same(self) -> bool:
        return bool(self.left and self.right and self.left.revision_id == self.right.revision_id)


def _lessons(left: CourseVersion, right: CourseVersion) -> list[LessonPair]:
    old, new = ({one.revision.lesson_id: one for one in v.lessons} for v in (_whole(left), _whole(right)))
    made = []
    for i in [*new, *(i for i in old if i not in new)]:
        a, b = old.get(i), new.get(i)
        both = a is not None and b is not None and a.revision_id != b.revision_id
        made.append(LessonPair(a, b, _lines_of(a.revision.body, b.revision.body) if both and a and b else []))
    return made


def _whole(version: CourseVersion) -> CourseVersion:
    found = db.session.scalars(
        select(CourseVersion)
        .where(CourseVersion.id == version.id)
        .options(
            selectinload(CourseVersion.lessons).joinedload(CourseVersionLesson.revision),
            joinedload(CourseVersion.course),
        )
        .execution_options(populate_existing=True)
    )
    return found.one()


def _lines_of(old: str, new: str) -> list[tuple[str, str, str]]:
    """Lines side by side: what stands on one side alone is beside nothing."""
    a, b = old.splitlines(), new.splitlines()
    made: list[tuple[str, str, str]] = []
    for kind, a1, a2, b1, b2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind == "equal":
            shown = range(a2 - a1)
            kept = [i for i in shown if i < 2 or i >= len(shown) - 2]
            for at, i in enumerate(kept):
                if at and kept[at - 1] != i - 1:
                    made.append(("gap", "", ""))
                made.append(("same", a[a1 + i], b[b1 + i]))
            continue
        for i in range(max(a2 - a1, b2 - b1)):
            made.append(("changed", a[a1 + i] if a1 + i < a2 else "", b[b1 + i] if b1 + i < b2 else ""))
    return made
