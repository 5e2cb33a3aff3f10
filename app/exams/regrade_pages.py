"""Pages of regrades: choose a question of a session, see what a ruling would change, decide on it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from app.accounts.guard import current_person, requires
from app.accounts.models import Person
from app.bank import service as bank
from app.bank.faces import KIND_NAMES, answer_from_form, face_of
from app.core import clock
from app.core.errors import Invalid, NotFound
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing, download, page_of
from app.db import db, locked, unit_of_work
from app.exams import asks, faults, marking, regrading, sessions
from app.exams.forms import RegradeDecideForm, RegradeForm
from app.exams.models import ExamSession, Regrade, RegradeChange, RegradeKind, RegradeState, Sitting
from app.exams.regrading import Wanted
from app.exams.rules import RULE_CHOICES
from app.exams.rulings import part_number
from app.exams.states import SessionState
from app.exams.words import PART_HELP, PART_KINDS, REGRADE_HELP, REGRADE_KINDS, REGRADE_STATES, REGRADE_TONES
from app.jobs.models import Job
from question_bank.grading import Rule
from question_bank.items import Kind

bp = Blueprint("exam_regrade", __name__, url_prefix="/exams/office", template_folder="templates")

place("exam_regrade.index", _l("Regrades"), "exams", can=Can.READ_EXAM, order=40, count=regrading.waiting_for)


@bp.app_template_global("regrade_words")
def regrade_words() -> dict[str, Any]:
    return {
        "named": named, "kinds": REGRADE_KINDS, "help": REGRADE_HELP, "part_help": PART_HELP, "states": REGRADE_STATES, "tones": REGRADE_TONES,
        "rules": {Rule(code): words for code, words in RULE_CHOICES}, "questions": KIND_NAMES,
    }  # fmt: skip


def named(row: Regrade) -> str:
    """What a regrade rules, in words; where it is about one part of a case, with its number."""
    if not row.part or row.revision_id is None:
        return str(REGRADE_KINDS[row.kind])
    return str(PART_KINDS[row.kind] % {"n": part_number(bank.revision(row.revision_id).item, row.part)})


@bp.get("/regrades")
@requires(Can.READ_EXAM)
def index() -> Any:
    columns = [
        Column("session", _l("Exam session"), lambda r: r.session.title, ExamSession.title),
        Column("kind", _l("What is ruled"), named),
        Column("by", _l("Proposed by"), lambda r: r.proposed_by.name),
        Column("at", _l("Proposed at"), lambda r: r.proposed_at, Regrade.proposed_at),
        Column("state", _l("State"), lambda r: REGRADE_STATES[r.state], Regrade.state),
    ]
    filters = [Filter("state", _l("State"), [(k.value, v) for k, v in REGRADE_STATES.items()],
                      lambda v: Regrade.state == RegradeState(v))]  # fmt: skip
    rows = Listing(regrading.regrades_visible_to(current_person()), columns, request.args, filters)
    return render_template("exams/office/regrades.html", rows=rows)


@bp.get("/sessions/<int:session_id>/regrade")
@requires(Can.READ_EXAM)
def of_session(session_id: int) -> Any:
    """The rulings of a session, and its questions to choose from."""
    person = current_person()
    found = sessions.session_for(person, session_id)
    counts = regrading.revisions_on_papers(found)
    stems = bank.stems_of(counts)
    words = (request.args.get("q") or "").strip()[:100].casefold()
    rows = sorted(
        (code, number, text, revision, counts[revision])
        for revision, (code, number, text) in stems.items()
        if not words or words in code.casefold() or words in text.casefold()
    )
    shown, page, pages = page_of(rows, request.args)
    return render_template(
        "exams/office/regrade.html", session=found, rows=shown, page=page, pages=pages, words=words, earlier=regrading.regrades_of(found),
        runs=person.can(Can.RUN_EXAM) and found.state in (SessionState.CLOSED, SessionState.RELEASED),
        total=len(stems), stems=stems, faulty=faults.faulty_in(found),
    )  # fmt: skip


@bp.route("/sessions/<int:session_id>/regrade/new", methods=["GET", "POST"])
@requires(Can.RUN_EXAM)
def new(session_id: int) -> Any:
    """Propose a ruling about one question (``?revision=``), or about the rule of the session."""
    person = current_person()
    found = sessions.session_for(person, session_id, Can.RUN_EXAM)
    revision_id = request.args.get("revision", type=int)
    pinned = None
    if revision_id is not None:
        if revision_id not in regrading.revisions_on_papers(found):
            raise NotFound
        pinned = bank.revision(revision_id)
    form, keys, accept = _form(found, pinned)
    if form.validate_on_submit():
        try:
            with unit_of_work():
                made = regrading.propose(locked(found), _wanted(form, pinned), by=person, now=clock.now())
        except Invalid as error:
            form.refuse(error)
        else:
            flash(_("Counted. A second person decides; nothing has been changed yet."), "success")
            return redirect(url_for("exam_regrade.show", regrade_id=made.id))
    return render_template(
        "exams/office/regrade_new.html", session=found, pinned=pinned, form=form, keys=keys, accept=accept,
        current=marking.rulings_in(found.id).rule(found.multiple_rule),
    ), 422 if request.method == "POST" else 200  # fmt: skip


def _form(session: ExamSession, pinned: Any) -> tuple[RegradeForm, list[Any], Any]:
    """The form with the kinds that make sense here, the revisions to mark by, and the fields of an accepted answer."""
    form = RegradeForm()
    if pinned is None:
        form.kind.choices = [(RegradeKind.RULE.value, REGRADE_KINDS[RegradeKind.RULE])]
        if request.method == "GET":
            form.kind.data = RegradeKind.RULE.value
        return form, [], None
    by_people = regrading.only_people_mark(pinned.item)
    keys = [] if by_people else regrading.keys_for(pinned.id)
    kinds = [RegradeKind.DROP, RegradeKind.FULL]
    if not by_people:
        kinds = [*([RegradeKind.KEY] if keys else []), RegradeKind.ACCEPT, *kinds]
    form.kind.choices = [(kind.value, REGRADE_KINDS[kind]) for kind in kinds]
    form.to_revision_id.choices = [
        (one.id, _("revision %(n)s", n=one.number) + (f" · {one.note}" if one.note else "")) for one in keys
    ]
    form.part.choices = [("", _("the whole question"))]
    if pinned.item.kind is Kind.CASE:
        form.part.choices += [
            (one.id, _("part %(n)s: %(text)s", n=n, text=one.text[:60])) for n, one in enumerate(pinned.item.parts, 1)
        ]
    if request.method == "GET" and request.args.get("kind") in {kind.value for kind in kinds}:
        form.kind.data = request.args["kind"]
    accept = None
    if not by_people:
        given = answer_from_form(pinned.item, request.form, "accept") if request.method == "POST" else None
        accept = face_of(pinned.digest, pinned.item).html("accept", title=_("Further answer"), answer=given)
    return form, keys, accept


def _wanted(form: RegradeForm, pinned: Any) -> Wanted:
    kind = RegradeKind(form.kind.data)
    if kind is RegradeKind.RULE:
        known = {rule.value for rule in Rule}
        rule = Rule(form.rule.data) if form.rule.data in known else None
        return Wanted(kind, form.reason.data or "", rule=rule)
    answer = answer_from_form(pinned.item, request.form, "accept") if kind is RegradeKind.ACCEPT else None
    return Wanted(
        kind, form.reason.data or "", pinned.id, form.to_revision_id.data or None, answer, part=form.part.data or ""
    )


def _changes(row: Regrade) -> Listing:
    """Whose result changes and how much. Scores are out of 100, so that a dropped question compares."""

    def before(line: RegradeChange) -> Any:
        return marking.percent(line.score_before, line.maximum_before)

    def after(line: RegradeChange) -> Any:
        return marking.percent(line.score_after, line.maximum_after)

    def verdict(passed: bool) -> Any:
        return _("Exam passed") if passed else _("Exam not passed")

    columns = [
        Column("candidate", _l("Candidate"), lambda c: c.sitting.candidate.name, Person.name),
        Column("before", _l("Score before"), before, RegradeChange.score_before, numeric=True),
        Column("after", _l("Score after"), after, RegradeChange.score_after, numeric=True),
        Column("difference", _l("Difference"), lambda c: after(c) - before(c), numeric=True),
        Column("passed_before", _l("Before"), lambda c: verdict(c.passed_before)),
        Column("passed_after", _l("After"), lambda c: verdict(c.passed_after)),
    ]
    crossing = {
        "passed": (~RegradeChange.passed_before) & RegradeChange.passed_after,
        "failed": RegradeChange.passed_before & ~RegradeChange.passed_after,
    }
    filters = [Filter("crossing", _l("Pass mark"), [("passed", _l("now passed")), ("failed", _l("now failed"))],
                      lambda v: crossing[v])]  # fmt: skip
    asked = (
        select(RegradeChange)
        .join(RegradeChange.sitting)
        .join(Sitting.candidate)
        .where(RegradeChange.regrade_id == row.id)
        .options(contains_eager(RegradeChange.sitting).contains_eager(Sitting.candidate))
        .order_by(RegradeChange.id)
    )
    return Listing(asked, columns, request.args, filters, search=(Person.name, Person.email))


def _page(regrade_id: int, status: int = 200, **more: Any) -> Any:
    person = current_person()
    row = regrading.regrade_for(person, regrade_id)
    rows = _changes(row)
    if request.args.get("export") == "xlsx":
        return download(rows.as_excel(_("Regrade")), "regrade")
    held = asks.certificates_resting_on([line.sitting.candidate_id for line in rows.rows], row.session.level)
    values: dict[str, Any] = {
        "row": row, "session": row.session, "rows": rows, "preview": regrading.preview_of(row), "held": held,
        "pinned": bank.revision(row.revision_id) if row.revision_id else None,
        "to": bank.revision(row.to_revision_id) if row.to_revision_id else None,
        "accepted": _accepted(row), "decide_form": RegradeDecideForm(prefix="commit"), "drop_form": RegradeDecideForm(prefix="drop"),
        "runs": person.can(Can.RUN_EXAM), "own": row.proposed_by_id == person.id,
        "job": db.session.get(Job, row.job_id) if row.job_id else None,
    }  # fmt: skip
    return render_template("exams/office/regrade_show.html", **(values | more)), status


def _accepted(row: Regrade) -> Any:
    """The further answer, shown as the question with it filled in."""
    if row.kind is not RegradeKind.ACCEPT or row.revision_id is None:
        return None
    pinned = bank.revision(row.revision_id)
    face = face_of(pinned.digest, pinned.item)
    return face.html("accepted", title=_("Further answer"), answer=row.answer, closed=True)


@bp.get("/regrades/<int:regrade_id>")
@requires(Can.READ_EXAM)
def show(regrade_id: int) -> Any:
    return _page(regrade_id)


@bp.post("/regrades/<int:regrade_id>/<any(commit, drop):deed>")
@requires(Can.RUN_EXAM)
def decide(regrade_id: int, deed: str) -> Any:
    person = current_person()
    row = regrading.regrade_for(person, regrade_id, Can.RUN_EXAM)
    form = RegradeDecideForm(prefix=deed)
    name = {"commit": "decide_form", "drop": "drop_form"}.get(deed) or abort(404)
    if not form.validate_on_submit():
        return _page(regrade_id, 422, **{name: form})
    do = regrading.commit if deed == "commit" else regrading.drop
    try:
        with unit_of_work():
            do(locked(row), by=person, remark=form.remark.data or "", now=clock.now())
    except Invalid as error:
        form.refuse(error)
        return _page(regrade_id, 422, **{name: form})
    flash(
        _("The regrade is in force. Everybody whose released result changed gets a letter.")
        if deed == "commit" else _("The regrade was given up; nothing was changed."), "success",
    )  # fmt: skip
    return redirect(url_for("exam_regrade.show", regrade_id=regrade_id))
