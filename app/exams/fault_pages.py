"""Pages about questions found faulty: what it would mean, what was done, what is still to be done."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import select
from wtforms.validators import InputRequired

from app.accounts.guard import current_person, requires
from app.accounts.models import Person
from app.bank import asks as bank_asks
from app.bank import service as bank
from app.bank.asks import KnownFault
from app.bank.models import Question
from app.core import clock
from app.core.errors import Invalid, NotFound
from app.core.forms import LongText, OnceForm, RadioField, clean_text
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.db import db, locked, unit_of_work
from app.exams import faults, prints, sessions
from app.exams.faults import FaultPaper, FaultPaperState, QuestionFault
from app.exams.models import ExamSession, PaperForm
from app.jobs.models import Job
from app.jobs.service import run_now

bp = Blueprint("exam_faults", __name__, url_prefix="/exams/office/faults", template_folder="templates")
place("exam_faults.index", _l("Faulty questions"), "exams", can=Can.READ_EXAM, order=41, count=faults.waiting_for)

PAPER_STATES = {
    FaultPaperState.WAITING: _l("Waits to be drawn anew"),
    FaultPaperState.REPLACED: _l("Drawn anew"),
    FaultPaperState.BEGUN: _l("Begun meanwhile: to be regraded"),
    FaultPaperState.GONE: _l("No longer needed"),
    FaultPaperState.KEPT: _l("No other paper found"),
}
PAPER_TONES = {
    FaultPaperState.WAITING: "soon",
    FaultPaperState.REPLACED: "valid",
    FaultPaperState.BEGUN: "soon",
    FaultPaperState.GONE: "neutral",
    FaultPaperState.KEPT: "stopped",
}
ALL, EARLIER = "all", "earlier"


class FaultForm(OnceForm):
    scope = RadioField(_l("What is faulty"), [InputRequired()])
    reason = LongText(
        _l("What is wrong with it"),
        maximum=2000,
        description=_l("Kept in the log, and shown to whoever proposes the regrade. Candidates do not read it here."),
    )


@bank_asks.known_faults.answered_by
def known_faults(question_id: int) -> tuple[KnownFault, ...]:
    return tuple(
        KnownFault(one.found_at, one.reason, url_for("exam_faults.show", fault_id=one.id), one.below)
        for one in faults.faults_of(question_id)
    )


@bank_asks.fault_page.answered_by
def fault_page(person: Person, question_id: int) -> str:
    may = person.can(Can.RUN_EXAM) and person.can(Can.REVIEW_QUESTION)
    return url_for("exam_faults.new", question_id=question_id) if may else ""


@bp.get("")
@requires(Can.READ_EXAM)
def index() -> Any:
    columns = [
        Column("code", _l("Question number"), lambda f: f.question.code, Question.code),
        Column("reason", _l("What is wrong with it"), lambda f: f.reason[:120]),
        Column("by", _l("Found by"), lambda f: f.found_by.name),
        Column("at", _l("Found at"), lambda f: f.found_at, QuestionFault.found_at),
    ]
    rows = Listing(
        faults.faults_visible_to(current_person()), columns, request.args, [],
        search=(Question.code, QuestionFault.reason), default_sort="-at",
    )  # fmt: skip
    return render_template("exams/office/faults.html", rows=rows)


@bp.route("/new/<int:question_id>", methods=["GET", "POST"])
@requires(Can.RUN_EXAM)
def new(question_id: int) -> Any:
    """What it would mean to find this question faulty; confirmed, it is done."""
    person, now = current_person(), clock.now()
    found = bank.question_for(person, question_id)
    form, live = FaultForm(), faults.corrected(found)
    labels = {ALL: _("The question: it goes out of the bank")}
    if live is not None:
        labels[EARLIER] = _("Only revisions before revision %(n)s, which is in use and right", n=live)
    form.scope.choices = list(labels.items())
    if request.method == "GET":
        form.scope.data = ALL
    if form.validate_on_submit():
        try:
            with unit_of_work():
                made = faults.find(
                    locked(found), only_earlier=form.scope.data == EARLIER, reason=form.reason.data or "", by=person,
                    now=now,
                )  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        else:
            _try_at_once(made)
            flash(_("Found faulty. What became of its papers stands below."), "success")
            return redirect(url_for("exam_faults.show", fault_id=made.id))
    reaches = {ALL: faults.reach_of(found, None, now)}
    if live is not None:
        reaches[EARLIER] = faults.reach_of(found, live, now)
    ids = {one for reach in reaches.values() for one in (*reach.by_session, *reach.begun)}
    return render_template(
        "exams/office/fault_new.html", question=found, item=found.latest.item, form=form, reaches=reaches,
        labels=labels, named=faults.sessions_named(ids, person),
        known=faults.faults_of(question_id),
    ), 422 if request.method == "POST" else 200  # fmt: skip


def _try_at_once(fault: QuestionFault) -> None:
    """A job small enough is done while its asker waits."""
    job = db.session.get(Job, fault.job_id) if fault.job_id else None
    if job is not None and job.total <= 3:
        run_now(job.id)


def _papers(fault: QuestionFault) -> Listing:
    columns = [
        Column("session", _l("Exam session"), lambda p: p.sitting.session.title, ExamSession.opens_at),
        Column("candidate", _l("Candidate"), lambda p: p.sitting.candidate.name, Person.name),
        Column("state", _l("Paper"), lambda p: PAPER_STATES[p.state], FaultPaper.state),
        Column("done", _l("When"), lambda p: p.done_at, FaultPaper.done_at),
    ]
    filters = [Filter("state", _l("Paper"), [(k.value, v) for k, v in PAPER_STATES.items()],
                      lambda v: FaultPaper.state == FaultPaperState(v))]  # fmt: skip
    asked = faults.papers_of(fault, current_person())
    return Listing(asked, columns, request.args, filters, search=(Person.name, ExamSession.title))


@bp.get("/<int:fault_id>")
@requires(Can.READ_EXAM)
def show(fault_id: int) -> Any:
    person, now = current_person(), clock.now()
    found = faults.fault_for(person, fault_id)
    counts = faults.counts_of(found)
    printed = faults.reach_of(found.question, found.below, now).prints
    visible = faults.sessions_named([one for one, _letter in printed], person)
    left = counts.get(FaultPaperState.KEPT, 0) + counts.get(FaultPaperState.WAITING, 0)
    going_on = faults.going_on(found)
    return render_template(
        "exams/office/fault.html", fault=found, question=found.question, rows=_papers(found), counts=counts,
        states=PAPER_STATES, tones=PAPER_TONES, begun=faults.begun_of(found, person), runs=person.can(Can.RUN_EXAM),
        printed=[(visible[one], letter) for one, letter in printed if one in visible], going_on=going_on,
        left=0 if going_on else left, job=db.session.get(Job, found.job_id) if found.job_id else None,
    )  # fmt: skip


@bp.post("/<int:fault_id>/again")
@requires(Can.RUN_EXAM)
def again(fault_id: int) -> Any:
    """Try the papers once more that could not be drawn anew."""
    found = faults.fault_for(current_person(), fault_id)
    with unit_of_work():
        found = locked(found)
        count = faults.again(found, by=current_person(), now=clock.now())
    _try_at_once(found)
    words = ngettext("%(n)s paper was tried again.", "%(n)s papers were tried again.", count)
    flash(words, "success")
    return redirect(url_for("exam_faults.show", fault_id=fault_id))


@bp.post("/<int:fault_id>/leave/<int:row_id>")
@requires(Can.RUN_EXAM)
def leave(fault_id: int, row_id: int) -> Any:
    """Results of one session stay as they are, with a reason."""
    person = current_person()
    faults.fault_for(person, fault_id)
    row = db.session.get(faults.FaultSession, row_id)
    if row is None or row.fault_id != fault_id:
        raise NotFound
    sessions.session_for(person, row.session_id, Can.RUN_EXAM)
    reason = clean_text(request.form.get("reason", ""))[:1000].strip()
    if not reason:
        flash(_("Please say why the results stay as they are."), "warning")
    else:
        with unit_of_work():
            faults.leave(locked(row), by=person, reason=reason, now=clock.now())
        flash(_("Noted: the results of this session stay as they are."), "success")
    return redirect(url_for("exam_faults.show", fault_id=fault_id))


@bp.post("/<int:fault_id>/print/<int:session_id>/<letter>")
@requires(Can.RUN_EXAM)
def print_anew(fault_id: int, session_id: int, letter: str) -> Any:
    """Draw a printed version anew; documents made of the old one can no longer be taken."""
    person = current_person()
    fault = faults.fault_for(person, fault_id)
    session = sessions.session_for(person, session_id, Can.RUN_EXAM)
    with unit_of_work():
        form = db.session.scalars(
            select(PaperForm).where(PaperForm.session_id == session.id, PaperForm.letter == letter).with_for_update()
        ).one_or_none()
        gone = prints.draw_anew(form, locked(session), reason=fault.reason, by=person, now=clock.now())
    words = ngettext(
        "Drawn anew. %(n)s document made of the old version was withdrawn; please have it printed again.",
        "Drawn anew. %(n)s documents made of the old version were withdrawn; please have them printed again.",
        gone,
    )
    flash(words, "success")
    return redirect(url_for("exam_faults.show", fault_id=fault_id))
