"""Who comes to a session: lists by e-mail, name or Excel file with a dry run first, and personal extra time."""

from __future__ import annotations

import io
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.accounts.guard import current_person, requires
from app.accounts.models import Person
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.tables import Column, Listing
from app.db import db, locked, unit_of_work
from app.exams import places, sessions, setup
from app.exams.models import ExamSession, Sitting
from app.exams.setup_forms import ExtraForm, ListForm
from app.exams.states import SessionState, SittingState
from app.files.service import XLSX

bp = Blueprint("exam_candidates", __name__, url_prefix="/exams/office", template_folder="templates")
MOST_BYTES = 2 * 1024 * 1024


def _listing(session: ExamSession) -> Listing:
    seats, reasons = places.seats_of(session.id), setup.extra_reasons(session.id)
    by_hand = setup.hand_reasons(session.id)
    columns = [
        Column("candidate", _l("Candidate"), lambda s: s.candidate.name, Person.name),
        Column("email", _l("E-mail"), lambda s: s.candidate.email or "—"),
        Column("seat", _l("Place and seat"), lambda s: places.seat_words(seats.get(s.id))),
        Column("extra", _l("Extra time (min)"), lambda s: s.extra_minutes, Sitting.extra_minutes, numeric=True),
        Column("reason", _l("Reason for extra time"), lambda s: reasons.get(s.id, "—")),
        Column("by_hand", _l("Registered by hand because"), lambda s: by_hand.get(s.id, "—")),
    ]
    asked = (
        select(Sitting)
        .join(Sitting.candidate)
        .where(Sitting.session_id == session.id, Sitting.state != SittingState.VOID)
        .options(joinedload(Sitting.candidate))
        .order_by(Sitting.id)
    )
    return Listing(asked, columns, request.args, search=(Person.name, Person.email))


def _page(session: ExamSession, form: ListForm, status: int = 200, **more: Any) -> Any:
    takes = session.state in (SessionState.DRAFT, SessionState.PUBLISHED) and clock.now() <= session.last_entry_at
    values: dict[str, Any] = {
        "session": session, "form": form, "rows": _listing(session), "takes": takes, "checked": None, "after": False,
        "draft": session.state is SessionState.DRAFT, "rules": setup.rule_facts(session) if takes else (),
    }  # fmt: skip
    return render_template("exams/office/candidates.html", **(values | more)), status


@bp.get("/sessions/<int:session_id>/candidates")
@requires(Can.RUN_EXAM)
def index(session_id: int) -> Any:
    return _page(sessions.session_for(current_person(), session_id, Can.RUN_EXAM), ListForm(formdata=None))


@bp.get("/sessions/<int:session_id>/candidates/template.xlsx")
@requires(Can.RUN_EXAM)
def template(session_id: int) -> Any:
    sessions.session_for(current_person(), session_id, Can.RUN_EXAM)
    name = f"{_('Candidates')}.xlsx"
    return send_file(io.BytesIO(setup.template_sheet()), mimetype=XLSX, as_attachment=True, download_name=name)


@bp.post("/sessions/<int:session_id>/candidates")
@requires(Can.RUN_EXAM)
def take(session_id: int) -> Any:
    """First a dry run that says what would become of each line; with ``do=register`` those that can be taken are."""
    person, now = current_person(), clock.now()
    found = sessions.session_for(person, session_id, Can.RUN_EXAM)
    form = ListForm()
    if not form.validate_on_submit():
        return _page(found, form, 422)
    try:
        lines = _lines(form)
    except Invalid as error:
        form.refuse(error)
        return _page(found, form, 422)
    waive = form.waive.data or ""
    rows = setup.look_up(found, lines, by=person, waive=waive, now=now)
    if request.form.get("do") != "register":
        form.emails.data = "\n".join(row.line.as_text() for row in rows)
        return _page(found, form, checked=rows, fine=sum(not row.why for row in rows))
    done = _register(found, rows, by=person, waive=waive, now=now)
    if done:
        flash(ngettext("%(n)s person registered.", "%(n)s people registered.", done), "success")
    left = [row for row in rows if row.why]
    if left:
        form.emails.data = "\n".join(row.line.as_text() for row in left)
        return _page(found, form, 422, checked=left, fine=0, after=True)
    return redirect(url_for("exam_candidates.index", session_id=session_id))


class NothingGiven(Invalid):
    message = _l("Please paste a list or choose a file.")


class TooLarge(Invalid):
    message = _l("The file is larger than 2 MB.")


def _lines(form: ListForm) -> list[setup.Line]:
    upload = form.sheet.data
    if upload and upload.filename:
        data = upload.stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise TooLarge("sheet")
        lines = setup.read_sheet(data)
    else:
        lines = setup.read_text(form.emails.data or "")
    if not lines:
        raise NothingGiven("emails")
    return lines


def _register(session: ExamSession, rows: list[setup.Row], *, by: Person, waive: str, now: Any) -> int:
    """Each line in a transaction of its own; what is refused says why."""
    done = 0
    for row in rows:
        if row.why:
            continue
        try:
            with unit_of_work():
                setup.take_row(session, row, by=by, waive=waive, now=now)
            done += 1
        except Refused as refusal:
            row.why = refusal.text
    return done


def sitting_of(session: ExamSession, sitting_id: int) -> Sitting:
    """A candidate of the session. Raises NotFound."""
    found = db.session.scalar(
        select(Sitting)
        .where(Sitting.id == sitting_id, Sitting.session_id == session.id, Sitting.state != SittingState.VOID)
        .options(joinedload(Sitting.candidate))
    )
    if found is None:
        raise NotFound
    return found


@bp.route("/sessions/<int:session_id>/candidates/<int:sitting_id>/extra-time", methods=["GET", "POST"])
@requires(Can.RUN_EXAM)
def extra(session_id: int, sitting_id: int) -> Any:
    person = current_person()
    session = sessions.session_for(person, session_id, Can.RUN_EXAM)
    found = sitting_of(session, sitting_id)
    form = ExtraForm(data={"minutes": found.extra_minutes})
    if form.validate_on_submit():
        try:
            with unit_of_work():
                setup.set_extra_time(locked(found), form.minutes.data or 0, reason=form.reason.data or "", by=person,
                                     now=clock.now())  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        else:
            flash(_("The personal extra time was set."), "success")
            return redirect(url_for("exam_candidates.index", session_id=session_id))
    status = 422 if form.is_submitted() else 200
    return render_template("exams/office/extra.html", session=session, sitting=found, form=form), status
