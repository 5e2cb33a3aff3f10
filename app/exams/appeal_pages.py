"""Pages of result reviews: the candidate asks, somebody looks again blind, the exam office decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.guard import current_person, requires, signed_in
from app.accounts.models import Person
from app.core import clock
from app.core.errors import Invalid
from app.core.forms import clean_text
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing, download
from app.db import db, locked, unit_of_work
from app.exams import appeals, asks, marking, sittings
from app.exams.forms import AnswerForm, AppealForm
from app.exams.models import Appeal, AppealOutcome, AppealState, ExamSession
from app.exams.office import points_from
from app.exams.words import APPEAL_OUTCOMES, APPEAL_STATES, APPEAL_TONES

bp = Blueprint("exam_appeals", __name__, url_prefix="/exams", template_folder="templates")

place("exam_appeals.index", _l("Result reviews"), "exams", can=Can.READ_EXAM, order=35, count=appeals.decisions_waiting)
place("exam_appeals.looks", _l("Second looks"), "exams", can=Can.MARK, order=22, count=appeals.looks_waiting)
SOON = timedelta(days=3)


@bp.app_template_global("appeal_words")
def appeal_words() -> dict[str, Any]:
    return {"states": APPEAL_STATES, "tones": APPEAL_TONES, "outcomes": APPEAL_OUTCOMES}


# --- the candidate ---------------------------------------------------------------------------------------------------------


@bp.route("/sittings/<int:sitting_id>/appeal", methods=["GET", "POST"])
@signed_in
def ask(sitting_id: int) -> Any:
    person, now = current_person(), clock.now()
    sitting = sittings.sitting_for(person, sitting_id)
    term = appeals.term_of(sitting, now)
    if appeals.appeal_of(sitting) is not None or isinstance(term.refusal, appeals.NotReleased):
        return redirect(url_for("exams.result", sitting_id=sitting_id))
    form = AppealForm()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                appeals.ask(sitting_id, by=person, reason=form.reason.data or "", now=now)
        except Invalid as error:
            form.refuse(error)
        else:
            flash(_("Your request was received. You get the answer by letter."), "success")
            return redirect(url_for("exams.result", sitting_id=sitting_id))
    status = 422 if request.method == "POST" else 200
    rules = marking.rules_of(sitting.session)
    return render_template("exams/appeal.html", sitting=sitting, session=sitting.session, form=form, term=term,
                           rules=rules), status  # fmt: skip


# --- the second look -------------------------------------------------------------------------------------------------------


@bp.get("/office/looks")
@requires(Can.MARK, Can.RUN_EXAM)
def looks() -> Any:
    rows = db.session.scalars(appeals.looks_open_to(current_person()).limit(200)).all()
    return render_template("exams/office/looks.html", rows=rows, today=clock.today(), soon=clock.today() + SOON)


@bp.route("/office/looks/<int:appeal_id>", methods=["GET", "POST"])
@requires(Can.MARK, Can.RUN_EXAM)
def look(appeal_id: int) -> Any:
    """Every written answer of one sitting, without a name and without any point given before."""
    person = current_person()
    found = appeals.look_for(person, appeal_id)
    written = appeals.written_parts(found.sitting)
    error: Invalid | None = None
    if request.method == "POST":
        try:
            points = {one.name: points_from(request.form, one.name, one.limits) for one in written}
            with unit_of_work():
                appeals.look(locked(found), points, by=person, now=clock.now(),
                             remark=clean_text(request.form.get("remark", ""))[:2000])  # fmt: skip
        except Invalid as bad:
            error = bad
        else:
            flash(_("The second look was saved. The exam office decides."), "success")
            return redirect(url_for("exam_appeals.looks"))
        found = appeals.look_for(person, appeal_id)
        written = appeals.written_parts(found.sitting)
    return render_template(
        "exams/office/look.html", appeal=found, session=found.session, written=written, error=error
    ), 422 if error else 200


# --- the office ------------------------------------------------------------------------------------------------------------


@bp.get("/office/appeals")
@requires(Can.READ_EXAM)
def index() -> Any:
    columns = [
        Column("candidate", _l("Candidate"), lambda a: a.sitting.candidate.name, Person.name),
        Column("session", _l("Exam session"), lambda a: a.session.title, ExamSession.title),
        Column("made_at", _l("Asked at"), lambda a: a.made_at, Appeal.made_at),
        Column("due_on", _l("Answer due by"), lambda a: a.due_on, Appeal.due_on),
        Column("state", _l("State"), lambda a: APPEAL_STATES[a.state], Appeal.state),
        Column("outcome", _l("Outcome"), lambda a: APPEAL_OUTCOMES[a.outcome] if a.outcome else "—", Appeal.outcome),
    ]
    filters = [
        Filter("state", _l("State"), [(k.value, v) for k, v in APPEAL_STATES.items()],
               lambda v: Appeal.state == AppealState(v)),
        Filter("outcome", _l("Outcome"), [(k.value, v) for k, v in APPEAL_OUTCOMES.items()],
               lambda v: Appeal.outcome == AppealOutcome(v)),
    ]  # fmt: skip
    rows = Listing(appeals.appeals_visible_to(current_person()), columns, request.args, filters,
                   search=(Person.name, ExamSession.title))  # fmt: skip
    if request.args.get("export") == "xlsx":
        return download(rows.as_excel(_("Result reviews")), "result-reviews")
    return render_template("exams/office/appeals.html", rows=rows, today=clock.today(), soon=clock.today() + SOON)


def _page(appeal_id: int, status: int = 200, form: AnswerForm | None = None) -> Any:
    person, now = current_person(), clock.now()
    found = appeals.appeal_for(person, appeal_id)
    sitting = found.sitting
    held = asks.certificates_resting_on([sitting.candidate_id], found.session.level)
    finding = appeals.finding_of(found, now)
    names = dict(
        db.session.execute(
            select(Person.id, Person.name).where(Person.id.in_([found.looked_by_id or 0, found.decided_by_id or 0]))
        ).all()
    )  # type: ignore[arg-type]
    same = found.state is AppealState.LOOKED and (finding.corrected, finding.maximum) == (
        finding.score,
        sitting.maximum,
    )
    form = form or AnswerForm(data={"outcome": AppealOutcome.UNCHANGED.value} if same else None)
    if same:  # there is nothing to correct: the other outcome would only be refused
        form.outcome.choices = [(AppealOutcome.UNCHANGED.value, APPEAL_OUTCOMES[AppealOutcome.UNCHANGED])]
    return render_template(
        "exams/office/appeal.html", appeal=found, sitting=sitting, session=found.session, finding=finding, names=names, same=same,
        held=held.get(sitting.candidate_id, ()), form=form, percent=marking.percent,
        decides=person.can(Can.RUN_EXAM) and found.state is AppealState.LOOKED and found.looked_by_id != person.id,
        own_look=found.state is AppealState.LOOKED and found.looked_by_id == person.id, today=clock.today(),
    ), status  # fmt: skip


@bp.get("/office/appeals/<int:appeal_id>")
@requires(Can.READ_EXAM)
def show(appeal_id: int) -> Any:
    return _page(appeal_id)


@bp.post("/office/appeals/<int:appeal_id>")
@requires(Can.RUN_EXAM)
def decide(appeal_id: int) -> Any:
    person = current_person()
    found = appeals.appeal_for(person, appeal_id, Can.RUN_EXAM)
    form = AnswerForm()
    if not form.validate_on_submit():
        return _page(appeal_id, 422, form)
    try:
        with unit_of_work():
            appeals.decide(locked(found), AppealOutcome(form.outcome.data), by=person,
                           finding=form.finding.data or "", now=clock.now())  # fmt: skip
    except Invalid as error:
        form.refuse(error)
        return _page(appeal_id, 422, form)
    flash(_("The review was answered and the candidate told."), "success")
    return redirect(url_for("exam_appeals.show", appeal_id=appeal_id))
