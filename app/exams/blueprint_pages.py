"""A blueprint before use: supply by cell, trial papers, their analysis; for a level and for an exam session."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template
from flask_babel import lazy_gettext as _l

from app.accounts.guard import current_person, requires
from app.bank.faces import DIFFICULTY_NAMES, KIND_NAMES
from app.core.errors import NotFound
from app.core.nav import place
from app.core.permissions import Can
from app.exams import sessions
from app.exams.analysis import TRIALS, try_out
from app.exams.exposure import exposure_of, since_days
from app.exams.models import ExamSession
from app.exams.papers import cell_words, quizzed_needed, rules_of, short_words
from app.exams.rules import QUIZZED_CHOICES, UNSEEN_CHOICES
from app.outline import service as outline
from app.outline.models import RuleVersion
from app.outline.rules import MODULES

bp = Blueprint("exam_blueprints", __name__, url_prefix="/exams/office", template_folder="templates")
place("exam_blueprints.index", _l("Blueprints"), "exams", can=Can.READ_EXAM, order=12)


@bp.get("/blueprints")
@requires(Can.READ_EXAM)
def index() -> Any:
    rows = [
        (level, name, version, try_out(version))
        for level, name in outline.level_names().items()
        for version in (outline.current("blueprint", level),)
    ]
    return render_template("exams/office/blueprints.html", rows=rows)


def _page(version: RuleVersion, session: ExamSession | None = None) -> Any:
    drawing = rules_of(version)
    since = since_days(session, drawing.days) if session else None
    exposure = exposure_of(int(version.key), since=since)
    trial = try_out(version, exposure=exposure)
    return render_template(
        "exams/office/blueprint.html",
        trial=trial,
        version=version,
        session=session,
        level=outline.level_name(int(version.key)),
        drawing=drawing,
        unseen=dict(UNSEEN_CHOICES)[drawing.unseen],
        quizzed=dict(QUIZZED_CHOICES)[drawing.quizzed],
        quizzed_needed=quizzed_needed(int(version.key), version),
        problem=short_words(trial.problem) if trial.problem else "",
        cell_words=cell_words,
        names={"kind": KIND_NAMES, "module": MODULES, "difficulty": DIFFICULTY_NAMES},
        trials=TRIALS,
    )


@bp.get("/blueprints/<int:level>")
@requires(Can.READ_EXAM)
def of_level(level: int) -> Any:
    if level not in outline.level_names():
        raise NotFound
    return _page(outline.current("blueprint", level))


@bp.get("/sessions/<int:session_id>/blueprint")
@requires(Can.READ_EXAM)
def of_session(session_id: int) -> Any:
    found = sessions.session_for(current_person(), session_id)
    return _page(sessions.blueprint_version(found), found)
