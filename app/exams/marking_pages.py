"""Pages of the exam office about marking: progress and agreement of a session, and the release of many."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.guard import current_person, requires
from app.bank import service as bank
from app.core import clock
from app.core.errors import Refused
from app.core.nav import place
from app.core.permissions import Can
from app.db import db, locked, unit_of_work
from app.exams import agreement, marking, sessions
from app.exams.models import ExamSession
from app.exams.office import to_release
from app.exams.states import SessionState
from app.outline import service as outline

bp = Blueprint("exam_marking", __name__, url_prefix="/exams/office", template_folder="templates")

place("exam_marking.release", _l("Results to release"), "exams", can=Can.RUN_EXAM, order=25, count=to_release)
MOST_AT_ONCE = 100


@bp.get("/sessions/<int:session_id>/marking")
@requires(Can.READ_EXAM)
def progress(session_id: int) -> Any:
    found = sessions.session_for(current_person(), session_id)
    report = agreement.report_of(found)
    stems = bank.stems_of(line.revision_id for line in report.lines if line.revision_id)
    return render_template("exams/office/marking.html", session=found, report=report, stems=stems)


def _closed() -> list[ExamSession]:
    """Sessions of this office that are over and not released, the oldest first."""
    asked = (
        sessions.sessions_visible_to(current_person(), Can.RUN_EXAM)
        .where(ExamSession.state == SessionState.CLOSED)
        .order_by(None)
        .order_by(ExamSession.closes_at, ExamSession.id)
        .limit(MOST_AT_ONCE)
    )
    return list(db.session.scalars(asked))


def _release_page(status: int = 200, refused: Any = ()) -> Any:
    rows = _closed()
    checks = marking.checks_of(rows)
    return render_template(
        "exams/office/release.html", rows=rows, checks=checks,
        ready={one for one, lines in checks.items() if all(fine for _words, fine in lines)}, levels=outline.level_names(),
        progress=marking.progress_in([one.id for one in rows]), refused=refused,
    ), status  # fmt: skip


@bp.get("/release")
@requires(Can.RUN_EXAM)
def release() -> Any:
    return _release_page()


@bp.post("/release")
@requires(Can.RUN_EXAM)
def release_many() -> Any:
    """Release the chosen sessions, each in a transaction of its own, each refusal in words."""
    person = current_person()
    ids = {int(one) for one in request.form.getlist("ids") if one.isascii() and one.isdigit() and len(one) < 10}
    done = people = 0
    refused: list[tuple[str, str]] = []
    for found in [one for one in _closed() if one.id in ids]:
        try:
            with unit_of_work():
                people += marking.release(locked(found), by=person, now=clock.now())
            done += 1
        except Refused as error:
            refused.append((found.title, error.text))
    if done:
        words = _("Results released: people %(n)s, exam sessions %(sessions)s.", n=people, sessions=done)
        flash(words, "success")
    elif not refused:
        flash(_("Nothing was chosen. Please tick the exam sessions to release."), "warning")
    if refused:
        return _release_page(422, refused)
    return redirect(url_for("exam_marking.release"))
