"""Pages of feedback: the trainee's questionnaire, the base's questions, the results."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.accounts.guard import current_person, requires, signed_in
from app.accounts.models import Person
from app.core import clock
from app.core.errors import Forbidden, NotFound, Refused
from app.core.permissions import Can
from app.core.tables import download, excel
from app.db import db, locked, unit_of_work
from app.training import classes, enrolments, feedback
from app.training.forms import QuizForm
from app.training.models import ClassSession, CourseVersion, TrainingClass
from app.training.office import _frame
from app.training.words import FEEDBACK_KINDS

bp = Blueprint("training_feedback", __name__, url_prefix="/training", template_folder="templates")


@bp.route("/enrolments/<int:enrolment_id>/feedback", methods=["GET", "POST"])
@signed_in
def answer(enrolment_id: int) -> Any:
    """The questionnaire of a class. Answers are kept without a name."""
    found = enrolments.own_enrolment(current_person(), enrolment_id)
    form, errors = QuizForm(), {}
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                feedback.give(
                    enrolments.own_enrolment(by, enrolment_id), request.form.to_dict(), by=by, now=clock.now()
                )
            flash(_("Thank you. Your answers are kept without your name."), "success")
            return redirect(url_for("training.enrolment", enrolment_id=enrolment_id))
        except feedback.AnswerMissing as refusal:
            errors = {refusal.field: refusal.text}
            found = enrolments.own_enrolment(current_person(), enrolment_id)
    held = feedback.may_answer(found, clock.now())
    return render_template(
        "training/feedback.html",
        enrolment=found,
        klass=found.training_class,
        questions=feedback.questions_of(held),
        scale=feedback.SCALE,
        closes_on=held.closes_on,
        typed=request.form,
        errors=errors,
        form=form,
        least=feedback.LEAST,
    ), (422 if request.method == "POST" else 200)


@bp.get("/office/classes/<int:class_id>/feedback")
@requires(Can.READ_CLASS)
def results(class_id: int) -> Any:
    """What the people of a class said, as charts with tables."""
    klass = classes.class_for(current_person(), class_id)
    held = feedback.form_of(class_id)
    told = feedback.results_of(held, now=clock.now()) if held else None
    if request.args.get("export") == "xlsx" and told is not None and told.shown:
        return _sheet(klass, told)
    return render_template(
        "training/office/feedback.html",
        held=held,
        told=told,
        questions=feedback.questions_of(held) if held else feedback.default_questions(klass),
        kinds=FEEDBACK_KINDS,
        least=feedback.LEAST,
        **_frame(klass, "feedback"),
    )


def _sheet(klass: TrainingClass, told: feedback.Results) -> Any:
    rows: list[list[Any]] = []
    for one in told.results:
        rows += [[one.question.text, words, count] for words, count in one.counts]
        rows += [[one.question.text, words, 1] for words in one.words]
    title = _("Feedback on %(title)s", title=klass.title)
    return download(excel([_("What was asked"), _("What was answered"), _("Number of answers")], rows, title), title)


@bp.route("/office/classes/<int:class_id>/feedback/questions", methods=["GET", "POST"])
@requires(Can.RUN_CLASS)
def questions(class_id: int) -> Any:
    """Other questions for a class than the default ones."""
    klass = classes.class_for(current_person(), class_id, Can.RUN_CLASS)
    form, refused = QuizForm(), ""
    deed = request.form.get("do", "")
    rows = _rows() if request.method == "POST" else _held_rows(klass)
    if deed == "defaults":
        rows = [feedback.as_row(q) for q in feedback.default_questions(klass)]
    elif deed == "add":
        rows.append(dict(EMPTY))
    elif form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                feedback.change_questions(
                    locked(classes.class_for(by, class_id, Can.RUN_CLASS)), [r for r in rows if not r["drop"]], by=by
                )
            flash(_("The questions are kept. They are put to the class from its last day on."), "success")
            return redirect(url_for("training_feedback.results", class_id=class_id))
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            refused = refusal.text
            klass = classes.class_for(current_person(), class_id, Can.RUN_CLASS)
    return render_template(
        "training/office/feedback_questions.html",
        rows=rows,
        form=form,
        refused=refused,
        kinds=FEEDBACK_KINDS,
        most=feedback.MOST_QUESTIONS,
        **_frame(klass, "feedback"),
    ), (422 if refused else 200)


EMPTY = {"kind": "scale", "zh": "", "en": "", "options_zh": "", "options_en": "", "drop": ""}


def _held_rows(klass: TrainingClass) -> list[dict[str, str]]:
    held = feedback.form_of(klass.id)
    there = feedback.questions_of(held) if held else feedback.default_questions(klass)
    return [feedback.as_row(q) | {"drop": ""} for q in there]


def _rows() -> list[dict[str, str]]:
    made = []
    for n in range(feedback.MOST_QUESTIONS):
        if f"f{n}-zh" not in request.form:
            break
        made.append({key: request.form.get(f"f{n}-{key}", "").replace("\0", "").strip()[:2000] for key in EMPTY})
    return made


def teaching_extras(person: Person, mine: list[TrainingClass]) -> dict[str, Any]:
    """For a teacher's page: feedback at a glance, and the courses they teach."""
    taught = db.session.scalars(
        select(CourseVersion)
        .where(
            CourseVersion.id.in_(
                select(ClassSession.course_version_id).where(
                    ClassSession.class_id.in_([c.id for c in mine]),
                    (ClassSession.teacher_id == person.id) | ClassSession.teacher_id.is_(None),
                )
            )
        )
        .order_by(CourseVersion.title_zh)
        .options(selectinload(CourseVersion.course))
    )
    return {
        "glances": feedback.glances([c.id for c in mine], now=clock.now()),
        "courses": list(taught),
        "edits": person.can(Can.EDIT_COURSE),
    }
