"""Documents of a session for the office, and each candidate's own admission slip."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.guard import current_person, requires, signed_in
from app.core import clock
from app.core.errors import NotFound
from app.core.permissions import Can
from app.db import db, locked, unit_of_work
from app.exams import keeping, places, prints, sessions, sittings
from app.exams.models import PrintKind, Sitting
from app.exams.states import SittingState
from app.files.models import StoredFile
from app.files.service import hand_out
from app.jobs.models import Job, JobState
from app.outline import service as outline

bp = Blueprint("exam_prints", __name__, url_prefix="/exams", template_folder="templates")
KIND_NAMES = {
    PrintKind.PAPER: _l("Paper"),
    PrintKind.KEY: _l("Answer key"),
    PrintKind.ANSWER_SHEET: _l("Answer sheet"),
    PrintKind.TICKETS: _l("Admission slips of all"),
    PrintKind.SEAT_PLAN: _l("Seat plan"),
    PrintKind.SIGN_IN: _l("Sign-in sheet"),
    PrintKind.SCORES: _l("Score list"),
}
KIND_HELP = {
    PrintKind.PAPER: _l("Two versions, A and B, drawn once from the blueprint. Secret until the exam."),
    PrintKind.KEY: _l("Answers in the letters of the version, with rubric and source. For markers alone."),
    PrintKind.ANSWER_SHEET: _l("Bubbles and lines that fit the version."),
    PrintKind.TICKETS: _l("One page for each candidate, by room and seat, with photo where one is on file."),
    PrintKind.SEAT_PLAN: _l("One page for each room, to be posted at the door."),
    PrintKind.SIGN_IN: _l("Candidates of each room by seat, with room for signatures."),
    PrintKind.SCORES: _l("With mean, highest and lowest; says whether the results are released."),
}


@bp.get("/office/sessions/<int:session_id>/prints")
@requires(Can.RUN_EXAM)
def index(session_id: int) -> Any:
    found = sessions.session_for(current_person(), session_id, Can.RUN_EXAM)
    rows, standing = prints.prints_of(session_id), prints.standing_of(found)
    waits = any(row.file_id is None and row.job is not None and row.job.ended_at is None for row in rows)
    return render_template(
        "exams/office/prints.html", session=found, rows=rows, kinds=KIND_NAMES, helps=KIND_HELP, waits=waits,
        letters=prints.LETTERS, of_a_paper=prints.OF_A_PAPER, hindrance=standing.hindrance,
        goes={row.id: keeping.goes_on(row, found) for row in rows if row.file_id}, rule=outline.current("exam_prints", region_id=found.region_id),
    )  # fmt: skip


@bp.post("/office/sessions/<int:session_id>/prints")
@requires(Can.RUN_EXAM)
def make(session_id: int) -> Any:
    found = sessions.session_for(current_person(), session_id, Can.RUN_EXAM)
    asked = request.form.get("kind", "")
    if asked not in list(PrintKind):
        raise NotFound
    with unit_of_work():
        prints.ask(found, PrintKind(asked), request.form.get("letter", ""), by=current_person(), now=clock.now())
    flash(_("The document is being made. It stands in the list below when it is ready."), "success")
    return redirect(url_for("exam_prints.index", session_id=session_id))


@bp.get("/office/sessions/<int:session_id>/prints/<int:print_id>.pdf")
@requires(Can.RUN_EXAM)
def document(session_id: int, print_id: int) -> Any:
    person = current_person()
    found = sessions.session_for(person, session_id, Can.RUN_EXAM)
    made = prints.print_for(found, print_id)
    with unit_of_work():
        stored = prints.take(made, found, by=person)
    return hand_out(stored, inline=False)


# --- the invigilator ---------------------------------------------------------------------------------------------------


@bp.get("/office/tickets/<number>")
@requires(Can.INVIGILATE)
def scanned(number: str) -> Any:
    """The QR code of a ticket leads here: to the candidate, for those who watch the session."""
    found = prints.sitting_by_number(current_person(), number)
    return redirect(url_for("exam_office.sitting", sitting_id=found.id))


# --- the candidate -----------------------------------------------------------------------------------------------------


def _own(sitting_id: int) -> Sitting:
    found = sittings.sitting_for(current_person(), sitting_id)
    if found.state is SittingState.VOID:
        raise NotFound
    return found


@bp.get("/sittings/<int:sitting_id>/ticket")
@signed_in
def ticket(sitting_id: int) -> Any:
    """The ticket as a page, and as a PDF once the worker has made it."""
    found = _own(sitting_id)
    seat = places.seats_for([sitting_id]).get(sitting_id)
    face, instructions = prints.faces_for_page(found)
    job = db.session.get(Job, seat.ticket_job_id) if seat and seat.ticket_job_id else None
    going = job is not None and job.state in (JobState.WAITING, JobState.RUNNING)
    return render_template(
        "exams/ticket.html", sitting=found, session=found.session, face=face, instructions=instructions,
        ready=prints.ticket_ready(found.session), file=seat.ticket_file_id if seat else None, going=going,
        refused=bool(job and not going and (job.refused or job.state is JobState.FAILED)),
    )  # fmt: skip


@bp.post("/sittings/<int:sitting_id>/ticket")
@signed_in
def make_ticket(sitting_id: int) -> Any:
    found = _own(sitting_id)
    with unit_of_work():
        prints.ask_ticket(locked(found), by=current_person())
    flash(_("Your admission slip is being made. Reload this page in a moment."), "success")
    return redirect(url_for("exam_prints.ticket", sitting_id=sitting_id))


@bp.get("/sittings/<int:sitting_id>/ticket.pdf")
@signed_in
def ticket_pdf(sitting_id: int) -> Any:
    found = _own(sitting_id)
    seat = places.seats_for([sitting_id]).get(found.id)
    stored = db.session.get(StoredFile, seat.ticket_file_id) if seat and seat.ticket_file_id else None
    if stored is None:
        raise NotFound
    return hand_out(stored, inline=False)
