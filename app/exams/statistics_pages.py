"""Pages of the statistics of an exam session: the exam, its questions, one question with its options; Excel."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from app.accounts.guard import current_person, requires
from app.bank import service as bank
from app.bank.faces import KIND_NAMES
from app.bank.statistics_words import CONCERNS
from app.bank.words import in_words
from app.core.errors import NotFound
from app.core.permissions import Can
from app.core.tables import download, excel, page_of
from app.db import unit_of_work
from app.exams import reports, sessions
from app.exams.figures import Options, Question, Report
from app.exams.models import ExamSession
from app.exams.reports import Standing
from app.outline.rules import MODULES
from question_bank.flags import Concern, Limits

bp = Blueprint("exam_statistics", __name__, url_prefix="/exams/office", template_folder="templates")
SORTS = {
    "code": lambda q: (q.code, q.number),
    "facility": lambda q: (q.figures.facility is None, q.figures.facility),
    "discrimination": lambda q: (q.figures.discrimination_index is None, q.figures.discrimination_index),
    "flags": lambda q: (not q.serious, not q.worth_a_look, -len(q.flags), q.code),
}


def _language() -> str:
    return "en" if str(get_locale()) == "en" else "zh"


def flag_words(question: Question) -> list[tuple[str, bool]]:
    """Findings in words, and whether the key is in doubt."""
    return [(flag.text(_language(), choice=name), flag.serious) for flag, name in question.flags]


def short_flags(question: Question) -> list[tuple[Any, bool]]:
    """Findings in short, each once, without "few candidates" (the page says it of the exam)."""
    found = {flag.concern: flag.serious for flag, _name in question.flags if flag.concern is not Concern.TOO_FEW}
    return [(CONCERNS[concern], serious) for concern, serious in found.items()]


def choice_words(options: Options) -> list[tuple[str, bool, int]]:
    """Name of each option, whether it is right, how many chose it."""
    return [(choice_name(options, one.id), one.key, one.count) for one in options.analysis.choices]


def choice_name(options: Options, choice: str) -> str:
    return {"true": _("True"), "false": _("False")}.get(choice) or options.names.get(choice, choice)


@bp.app_template_global("figure_words")
def figure_words() -> dict[str, Any]:
    return {
        "flags": flag_words,
        "short": short_flags,
        "choices": choice_words,
        "name": choice_name,
        "kinds": KIND_NAMES,
        "modules": MODULES,
    }


def _standing(session: ExamSession) -> Standing:
    """The report as far as it is there. Of a large session it is asked for here, once for each state of the marks."""
    standing = reports.standing_of(session)
    if standing.wanted:
        with unit_of_work():
            reports.ask(session.id)
        standing = reports.standing_of(sessions.session_for(current_person(), session.id))
    return standing


@bp.get("/sessions/<int:session_id>/statistics.json")
@requires(Can.READ_EXAM)
def state(session_id: int) -> Any:
    """How far the report is, for the page that waits for it."""
    standing = reports.standing_of(sessions.session_for(current_person(), session_id))
    read, of = standing.progress
    return {"ended": not standing.under_way, "finished": read, "total": of}


@bp.post("/sessions/<int:session_id>/statistics/again")
@requires(Can.READ_EXAM)
def again(session_id: int) -> Any:
    """After a failure: try once more."""
    sessions.session_for(current_person(), session_id)
    with unit_of_work():
        reports.ask_again(session_id)
    return redirect(url_for("exam_statistics.show", session_id=session_id))


@bp.get("/sessions/<int:session_id>/statistics")
@requires(Can.READ_EXAM)
def show(session_id: int) -> Any:
    found = sessions.session_for(current_person(), session_id)
    standing = _standing(found)
    report = standing.report
    if report is None:
        return render_template("exams/office/statistics_waiting.html", session=found, standing=standing)
    if request.args.get("export") == "xlsx":
        return download(_sheet(report), "exam-statistics")
    only = request.args.get("only") == "flagged"
    sort = request.args.get("sort", "code")
    chosen = [
        one for one in sorted(report.questions, key=SORTS.get(sort, SORTS["code"])) if one.worth_a_look or not only
    ]
    rows, page, pages = page_of(chosen, request.args)
    return render_template(
        "exams/office/statistics.html", session=found, report=report, standing=standing, only=only, rows=rows, page=page, pages=pages,
        sort=sort if sort in SORTS else "code", total=len(chosen), few=Limits().few,
        flagged=sum(one.worth_a_look for one in report.questions), dropped=bank.stems_of(report.dropped),
    )  # fmt: skip


@bp.get("/sessions/<int:session_id>/statistics/<int:revision_id>")
@requires(Can.READ_EXAM)
def question(session_id: int, revision_id: int) -> Any:
    person = current_person()
    found = sessions.session_for(person, session_id)
    report = _standing(found).report
    if report is None:
        return redirect(url_for("exam_statistics.show", session_id=session_id))
    one = report.question(revision_id)
    if one is None:
        raise NotFound
    pinned = bank.revision(revision_id)
    return render_template(
        "exams/office/statistics_question.html", session=found, one=one, reads=person.can(Can.READ_BANK),
        question_id=pinned.question_id, runs=person.can(Can.RUN_EXAM),
    )  # fmt: skip


def _sheet(report: Report) -> bytes:
    """One row for each revision; what is not defined stays empty."""
    headings = [
        _("Code"), _("Revision"), _("Kind"), _("Exam question"), _("Candidates"), _("Facility"), _("Standard deviation"),
        _("Discrimination"), _("Discriminative efficiency"), _("Effective weight"), _("Upper minus lower group"),
        _("Left open"), _("Choices (key marked *)"), _("Findings"),
    ]  # fmt: skip

    def row(one: Question) -> list[Any]:
        chosen = " | ".join(
            " ".join(f"{name}{'*' if key else ''}:{count}" for name, key, count in choice_words(options))
            for options in one.options
        )
        f = one.figures
        return [
            one.code, one.number, str(KIND_NAMES[one.item.kind]), in_words(one.item.text), f.count, f.facility, f.sd,
            f.discrimination_index, f.discriminative_efficiency, one.weight, f.upper_lower, one.omitted, chosen,
            "; ".join(words for words, _serious in flag_words(one)),
        ]  # fmt: skip

    return excel(headings, (row(one) for one in report.questions), _("Exam statistics"))
