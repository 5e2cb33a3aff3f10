"""The programme editor: courses and lessons as drafts with preview and quiz, publishing, earlier versions."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.accounts.guard import current_person, requires
from app.core import clock
from app.core.errors import Forbidden, NotFound, Refused
from app.core.nav import place
from app.core.permissions import Can
from app.db import db, locked, unit_of_work
from app.outline.service import level_names, rule
from app.training import materials, planning, programme, words
from app.training.forms import QUIZ_CHOICES, CourseForm, LessonForm, NewCourseForm, NoteForm
from app.training.models import (
    Category,
    CourseVersion,
    LessonRevision,
    Mode,
    VersionState,
)
from question_bank.items import Item, Kind

bp = Blueprint("training_courses", __name__, url_prefix="/training/office/courses", template_folder="templates")

place("training_courses.index", _l("Programmes and courses"), "training", can=Can.EDIT_COURSE, order=20)


@bp.get("")
@requires(Can.EDIT_COURSE)
def index() -> Any:
    """The programme in force of a level, with drafts and earlier versions."""
    person, names = current_person(), level_names()
    asked = request.args.get("level", "")
    level = int(asked) if asked.isascii() and asked.isdigit() and int(asked) in names else min(names)
    base = programme.editing_base(person)
    try:
        found = programme.current_programme(level, base)
        courses = programme.courses_of(found.id)
    except programme.NoProgramme:
        found, courses = None, []
    versions = [v for v in db.session.scalars(programme.programmes_visible_to(person)) if v.level == level]
    drafts = list(
        db.session.scalars(
            select(CourseVersion)
            .where(
                CourseVersion.state == VersionState.DRAFT,
                CourseVersion.organisation_id.is_(None) if base is None else CourseVersion.organisation_id == base,
            )
            .options(joinedload(CourseVersion.course))
        )
    )
    totals: dict[str, Any] = {}
    for one in courses:
        totals[one.module] = totals.get(one.module, 0) + one.hours
    return render_template(
        "training/courses/index.html",
        level=level,
        levels=names,
        programme=found,
        courses=courses,
        versions=versions,
        drafts=[d for d in drafts if d.course.level == level],
        totals=totals,
        required={row["module"]: row["hours"] for row in rule("outline", level)["hours"]},
    )


def _version(version_id: int) -> CourseVersion:
    return programme.version_for(current_person(), version_id)


@bp.get("/<int:version_id>")
@requires(Can.EDIT_COURSE)
def course(version_id: int) -> Any:
    version = _version(version_id)
    return render_template(
        "training/courses/course.html",
        version=version,
        draft=programme.draft_of(version.course_id, programme.editing_base(current_person())),
        versions=programme.versions_of(version.course),
        levels=level_names(),
        note_form=NoteForm(formdata=None),
        needs=planning.needs_of([version.id]).get(version.id, []),
        holds=materials.kinds_of(one.revision_id for one in version.lessons),
        kinds=words.MATERIALS,
        is_draft=programme.is_draft(version),
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(Can.EDIT_COURSE)
def new() -> Any:
    form = NewCourseForm()
    form.level.choices = list(level_names().items())
    _offer_needs(form, None, max(level_names()))
    if form.validate_on_submit():
        try:
            with unit_of_work():
                made = programme.new_course(
                    form.level.data, (form.code.data or "").upper(), _values(form), by=current_person(), now=clock.now()
                )
                db.session.flush()  # what it asks for is kept under its id
                planning.set_needs(made, form.needs.data or [], by=current_person())
            flash(_("The course is saved as a draft. Add lessons if it is online, then publish it."), "success")
            return redirect(url_for("training_courses.course", version_id=made.id))
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            form.refuse(refusal)
    return render_template("training/courses/course_form.html", form=form, version=None), (
        422 if request.method == "POST" else 200
    )


def _offer_needs(form: CourseForm, version: CourseVersion | None, level: int) -> None:
    base = programme.editing_base(current_person())
    offered = planning.courses_to_need(version, level, base)
    form.needs.choices = [(one.course_id, f"{one.course.code} {one.title}") for one in offered]


def _values(form: CourseForm) -> dict[str, Any]:
    return {
        "module": form.module.data,
        "hours": form.hours.data,
        "title_zh": form.title_zh.data,
        "title_en": form.title_en.data or "",
        "summary_zh": form.summary_zh.data or "",
        "summary_en": form.summary_en.data or "",
        "category": Category(form.category.data),
        "mode": Mode(form.mode.data),
        "online": bool(form.online.data),
    }


@bp.post("/<int:version_id>/draft")
@requires(Can.EDIT_COURSE)
def draft(version_id: int) -> Any:
    """Begin a new version of a published course; where a draft is open already, go there."""
    version = _version(version_id)
    there = programme.draft_of(version.course_id, programme.editing_base(current_person()))
    if there is None:
        with unit_of_work():
            there = programme.open_draft(locked(_version(version_id)), by=current_person(), now=clock.now())
    return redirect(url_for("training_courses.course", version_id=there.id))


@bp.route("/<int:version_id>/edit", methods=["GET", "POST"])
@requires(Can.EDIT_COURSE)
def edit(version_id: int) -> Any:
    version = _version(version_id)
    data = None
    if request.method == "GET":
        data = {n: getattr(version, n) for n in programme.FIELDS}
        data |= {"category": version.category.value, "mode": version.mode.value}
        data["needs"] = [one.id for one in planning.needs_of([version.id]).get(version.id, [])]
    form = CourseForm(data=data)
    _offer_needs(form, version, version.course.level)
    if form.validate_on_submit():
        try:
            with unit_of_work():
                draft_ = locked(_version(version_id))
                programme.change_draft(draft_, _values(form), by=current_person())
                planning.set_needs(draft_, form.needs.data or [], by=current_person())
            flash(_("The draft is saved."), "success")
            return redirect(url_for("training_courses.course", version_id=version_id))
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            form.refuse(refusal)
            version = _version(version_id)
    return render_template("training/courses/course_form.html", form=form, version=version), (
        422 if request.method == "POST" else 200
    )


@bp.post("/<int:version_id>/publish")
@requires(Can.EDIT_COURSE)
def publish(version_id: int) -> Any:
    form = NoteForm()
    if not form.validate_on_submit():
        flash(_("Please say in a few words what has changed."), "warning")
        return redirect(url_for("training_courses.course", version_id=version_id))
    try:
        with unit_of_work():
            made = programme.publish(
                locked(_version(version_id)), by=current_person(), note=form.note.data or "", now=clock.now()
            )
        flash(
            _(
                "Published as programme version %(n)s. Classes made from now on use it; earlier ones keep theirs.",
                n=made.number,
            ),
            "success",
        )
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
    return redirect(url_for("training_courses.course", version_id=version_id))


@bp.post("/<int:version_id>/discard")
@requires(Can.EDIT_COURSE)
def discard(version_id: int) -> Any:
    level = _version(version_id).course.level
    try:
        with unit_of_work():
            programme.drop_draft(locked(_version(version_id)), by=current_person())
        flash(_("The draft is thrown away."), "success")
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
    return redirect(url_for("training_courses.index", level=level))


@bp.post("/<int:version_id>/leave-out")
@requires(Can.EDIT_COURSE)
def leave_out(version_id: int) -> Any:
    """A next programme version without this course."""
    version = _version(version_id)
    level, course_id, title = version.course.level, version.course_id, version.title
    try:
        with unit_of_work():
            programme.drop_course(course_id, level, by=current_person(), note=f"− {title}"[:300], now=clock.now())
        flash(_("The next version of the programme is without this course."), "success")
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
    return redirect(url_for("training_courses.index", level=level))


# --- lessons --------------------------------------------------------------------------------------------------------------


@bp.route("/<int:version_id>/lessons/new", methods=["GET", "POST"], defaults={"lesson_id": None})
@bp.route("/<int:version_id>/lessons/<int:lesson_id>", methods=["GET", "POST"])
@requires(Can.EDIT_COURSE)
def lesson(version_id: int, lesson_id: int | None) -> Any:
    """Write a lesson: text with preview, and its quiz. Every save is a new revision."""
    version = _version(version_id)
    before = _revision(version, lesson_id)
    form = LessonForm(data=_lesson_data(before) if request.method == "GET" and before else None)
    rows = _rows(request.form) if request.method == "POST" else [_as_row(q) for q in (before.quiz if before else [])]
    preview = request.form.get("do") == "preview"
    if request.form.get("do") == "add":
        rows.append(dict(EMPTY))
    elif request.method == "POST" and form.validate_on_submit() and not preview:
        values = {n: form[n].data for n in ("title_zh", "title_en", "minutes", "hours", "body", "summary_en")}
        values["sources"] = [line.strip() for line in (form.sources.data or "").splitlines() if line.strip()]
        values["key_points"] = before.key_points if before else []
        try:
            values["quiz"] = [_raw(row, before) for row in rows if (row["text"] or row["bank"]) and not row["drop"]]
            with unit_of_work():
                programme.save_lesson(
                    locked(_version(version_id)), lesson_id, values, by=current_person(), now=clock.now()
                )
            flash(_("The lesson is saved in the draft."), "success")
            return redirect(url_for("training_courses.course", version_id=version_id))
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            form.refuse(refusal)
            version = _version(version_id)
    if request.method == "GET":
        rows.append(dict(EMPTY))
    return render_template(
        "training/courses/lesson.html",
        form=form,
        version=version,
        lesson_id=lesson_id,
        rows=rows,
        kinds=QUIZ_CHOICES,
        preview=preview,
        is_draft=programme.is_draft(version),
        held=len(materials.of_revision(before.id)) if before else 0,
    ), (422 if request.method == "POST" and not preview and request.form.get("do") != "add" else 200)


def _revision(version: CourseVersion, lesson_id: int | None) -> LessonRevision | None:
    if lesson_id is None:
        return None
    found = next((one.revision for one in version.lessons if one.revision.lesson_id == lesson_id), None)
    if found is None:
        raise NotFound
    return found


def _lesson_data(revision: LessonRevision) -> dict[str, Any]:
    names = ("title_zh", "title_en", "minutes", "hours", "body", "summary_en")
    return {n: getattr(revision, n) for n in names} | {"sources": "\n".join(revision.sources)}


MOST_QUESTIONS = 30
EMPTY = {"kind": Kind.SINGLE.value, "text": "", "options": "", "answer": "", "explanation": "", "bank": "", "drop": ""}


def _rows(sent: Any) -> list[dict[str, str]]:
    """The quiz as it was typed: one row per question."""
    made = []
    for n in range(MOST_QUESTIONS):
        if f"q{n}-text" not in sent and f"q{n}-bank" not in sent:
            break
        made.append(
            {
                key: sent.get(f"q{n}-{key}", "").replace("\0", "").strip()[:5000]
                for key in ("kind", "text", "options", "answer", "explanation", "bank", "drop")
            }
        )
    return made


def _raw(row: dict[str, str], before: LessonRevision | None) -> dict[str, Any]:
    """A typed row as a question: options one per line, the right ones with a star before them. A question of the bank stays
    as the revision before holds it."""
    if row["bank"]:
        found = next((one for one in (before.quiz if before else ()) if one["id"] == row["bank"]), None)
        if found is None:
            raise NotFound
        return {k: v for k, v in found.items() if k != "id" or not row["bank"][1:].isdigit()}
    made: dict[str, Any] = {"kind": row["kind"], "text": row["text"], "explanation": row["explanation"]}
    if row["kind"] == Kind.TRUEFALSE.value:
        made["answer"] = {"true": True, "false": False}.get(row["answer"])
        return made
    lines = [line.strip() for line in row["options"].splitlines() if line.strip()]
    made["options"] = [{"text": line.lstrip("*").strip(), "correct": line.startswith("*")} for line in lines]
    return made


def _as_row(data: dict[str, Any]) -> dict[str, str]:
    item = Item.from_dict(data)
    return {
        "bank": "" if _typed_here(item) else item.id,
        "drop": "",
        "kind": item.kind.value,
        "text": item.text,
        "options": "\n".join(f"{'*' if o.correct else ''}{o.text}" for o in item.options),
        "answer": "" if item.answer is None else str(item.answer).lower(),
        "explanation": item.explanation,
    }


def _typed_here(item: Item) -> bool:
    """Was the question written in this editor? Those of the bank keep their number, and so are kept as they are."""
    return item.id.startswith("q") and item.id[1:].isdigit() and item.kind in dict(QUIZ_CHOICES)


@bp.post("/<int:version_id>/lessons/<int:lesson_id>/<deed>")
@requires(Can.EDIT_COURSE)
def place_lesson(version_id: int, lesson_id: int, deed: str) -> Any:
    """Move a lesson of a draft up or down, or take it out."""
    if deed not in ("up", "down", "remove"):
        raise NotFound
    try:
        with unit_of_work():
            version = locked(_version(version_id))
            if deed == "remove":
                programme.drop_lesson(version, lesson_id, by=current_person())
            else:
                programme.move_lesson(version, lesson_id, deed == "up", by=current_person())
    except (NotFound, Forbidden):
        raise
    except Refused as refusal:
        flash(refusal.text, "warning")
    return redirect(url_for("training_courses.course", version_id=version_id))
