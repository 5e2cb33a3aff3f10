"""Pages of the invigilator: the room with everybody in it, and one sitting with all that may be done there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask import session as cookie
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from app.accounts import service as accounts
from app.accounts.guard import current_person, lean, requires
from app.core import clock
from app.core.errors import Invalid, NotFound
from app.core.permissions import Can
from app.db import db, locked, unit_of_work
from app.exams import marking, places, room, sessions, signals, sittings
from app.exams.forms import (
    DecideForm,
    IncidentForm,
    MessageForm,
    OutcomeForm,
    ReasonForm,
    SeatForm,
    TimeForm,
    VoidForm,
)
from app.exams.models import ExamSession, IncidentKind, SittingEvent
from app.exams.office import bp
from app.exams.room import Line
from app.exams.states import SessionState, SittingState
from app.exams.watch import watch_of
from app.exams.words import EVENT_NAMES, INCIDENT_NAMES, SIGNAL_NAMES, STATE_NAMES, note_of, state_names
from app.files.service import hand_out


@bp.app_template_global("room_words")
def room_words() -> dict[str, Any]:
    return {"note": note_of, "events": EVENT_NAMES, "signals": SIGNAL_NAMES, "incidents": INCIDENT_NAMES}


ALARM = "alarm"
"""In the choice of states: whoever has signals that count, another device or address."""


# --- the room ----------------------------------------------------------------------------------------------------------------


@bp.get("/rooms")
@requires(Can.INVIGILATE)
def rooms() -> Any:
    """Sessions of today and those still sat in; earlier ones while their results are not out."""
    now = clock.now()
    rows = db.session.scalars(
        sessions.sessions_visible_to(current_person(), Can.INVIGILATE)
        .where(
            (ExamSession.state == SessionState.CLOSED)
            | ExamSession.id.in_(room.asked_in())
            | ((ExamSession.state == SessionState.PUBLISHED) & (ExamSession.closes_at > now - timedelta(days=1)))
        )
        .order_by(None)
        .order_by(ExamSession.opens_at)
        .limit(50)
    ).all()
    ids = [one.id for one in rows]
    return render_template(
        "exams/office/rooms.html", rows=rows, now=now, counts=room.counts_in(ids), waiting=room.still_open_in(ids)
    )


def cells_of(line: Line) -> dict[str, str]:
    """What stands in the cells of a line, in words: the page and the script show the same."""
    notes = []
    if line.paused:
        notes.append(_("paused"))
    if line.state is SittingState.REGISTERED and line.admitted:
        notes.append(_("admitted"))
    if line.identity:
        notes.append(_("identity checked"))
    if line.devices:
        notes.append(ngettext("%(n)s change of device", "%(n)s changes of device", line.devices))
    if line.addresses:
        notes.append(ngettext("%(n)s change of address", "%(n)s changes of address", line.addresses))
    if line.refused:
        notes.append(_("without Safe Exam Browser: refused"))
    return {
        "seat": line.chair or "—",
        "notes": " · ".join(notes),
        "answered": f"{line.answered} / {line.questions}",
        "last": room.as_of(line.last) if line.last else "—",
        "ends": room.as_of(line.ends) if line.ends else "—",
        "signals": f"{line.signals} ({line.counted})" if line.signals else "—",
    }


@dataclass(frozen=True)
class Hall:
    """A room of the seat plan, with how many sit there; ``chosen``: the invigilator looks at it."""

    id: int
    name: str
    count: int
    chosen: bool


def _chosen(session_id: int) -> set[int]:
    """The rooms an invigilator wants to see, kept in this sign-in for the session looked at; none: all of them."""
    if "hall" in request.args or "all" in request.args:
        cookie["halls"] = [session_id, *request.args.getlist("hall", type=int)[:60]]
    kept = cookie.get("halls") or [0]
    return set(kept[1:]) if kept[0] == session_id else set()


def _halls(lines: Sequence[Line], chosen: set[int]) -> list[Hall]:
    counts = Counter(line.hall_id for line in lines)
    names = {line.hall_id: line.where for line in lines if line.hall_id is not None}
    return [Hall(one, name, counts[one], one in chosen) for one, name in names.items() if one is not None]


def _asked() -> dict[str, str]:
    """What the list is narrowed to: the page and what it asks for every few seconds are told the same."""
    return {"q": (request.args.get("q") or "").strip()[:60], "show": (request.args.get("show") or "")[:20]}


def _shown(line: Line, q: str, show: str) -> bool:
    if show == ALARM and not line.alarm:
        return False
    if show in set(SittingState) and line.state != show:
        return False
    return not q or line.fits(q)


def _board(session_id: int) -> dict[str, Any]:
    found, now = sessions.session_for(current_person(), session_id, Can.INVIGILATE), clock.now()
    lines = room.lines_of(found, now)
    halls = _halls(lines, _chosen(session_id))
    if any(one.chosen for one in halls):
        wanted = {one.id for one in halls if one.chosen}
        lines = [line for line in lines if line.hall_id in wanted]
    waiting = room.open_in(session_id)
    counts = Counter(line.state for line in lines)
    asked = _asked()
    return {
        "session": found,
        "lines": [line for line in lines if _shown(line, **asked)],
        "everybody": bool(lines),
        "unseated": any(not line.seat for line in lines),
        "asked": asked,
        "narrowed": {name: value for name, value in asked.items() if value},
        "halls": halls,
        "waiting": waiting,
        "now": now,
        "sums": [(str(STATE_NAMES[state]), counts[state]) for state in STATE_NAMES if counts[state]],
    }


@bp.get("/rooms/<int:session_id>/state")
@requires(Can.INVIGILATE)
@lean
def room_state(session_id: int) -> Any:
    """What the room's page asks for every few seconds: the same number of statements for one candidate and a thousand."""
    board = _board(session_id)
    return jsonify(
        {
            "at": room.as_of(board["now"]),
            "rows": [
                {
                    "id": line.id,
                    "state": line.state.value,
                    "alarm": line.alarm,
                    "cells": cells_of(line),
                }
                for line in board["lines"]
            ],
            "open": [f"{one.what}-{one.id}" for one in board["waiting"]],
            "sums": board["sums"],
        }
    )


def _room_page(session_id: int, status: int = 200, **more: Any) -> Any:
    board = _board(session_id)
    found = board["session"]
    values = board | {
        "cells": cells_of,
        "shows": [
            *((state.value, words) for state, words in STATE_NAMES.items()),
            (ALARM, _("with something to look at")),
        ],
        "kinds": INCIDENT_NAMES,
        "me": current_person().id,
        "watch": watch_of(found),
        "running": found.state is SessionState.PUBLISHED,
        "time_form": TimeForm(prefix="all"),
        "pause_form": ReasonForm(prefix="pause"),
        "message_form": MessageForm(prefix="say"),
        "incident_form": _incident_form(prefix="report"),
        "outcome_form": OutcomeForm(),
        "decide_form": DecideForm(),
        "closed": [one for one in room.incidents_of(session_id) if one.closed_at is not None],
    }
    return render_template("exams/office/room.html", **(values | more)), status


def _incident_form(**more: Any) -> IncidentForm:
    form = IncidentForm(**more)
    form.kind.choices = [("", _("Please choose")), *((kind.value, words) for kind, words in INCIDENT_NAMES.items())]
    return form


@bp.get("/rooms/<int:session_id>")
@requires(Can.INVIGILATE)
def room_page(session_id: int) -> Any:
    return _room_page(session_id)


def _back(session_id: int) -> Any:
    return redirect(url_for("exam_office.room_page", session_id=session_id))


def _session(session_id: int) -> ExamSession:
    return sessions.session_for(current_person(), session_id, Can.INVIGILATE)


@bp.post("/rooms/<int:session_id>/seats")
@requires(Can.INVIGILATE)
def seats(session_id: int) -> Any:
    found = _session(session_id)
    with unit_of_work():
        count = room.give_out_seats(locked(found), by=current_person(), now=clock.now())
    flash(ngettext("%(n)s seat was given out.", "%(n)s seats were given out.", count), "success")
    return _back(session_id)


@bp.post("/rooms/<int:session_id>/admit")
@requires(Can.INVIGILATE)
def admit_all(session_id: int) -> Any:
    found = _session(session_id)
    with unit_of_work():
        count = room.admit_all(found, by=current_person(), now=clock.now())
    flash(ngettext("%(n)s candidate was admitted.", "%(n)s candidates were admitted.", count), "success")
    return _back(session_id)


@bp.post("/rooms/<int:session_id>/time")
@requires(Can.INVIGILATE)
def extend_all(session_id: int) -> Any:
    found, form = _session(session_id), TimeForm(prefix="all")
    if not form.validate_on_submit():
        return _room_page(session_id, 422, time_form=form)
    with unit_of_work():
        count = room.extend_all(locked(found), form.minutes.data or 0, reason=form.reason.data or "",
                                by=current_person(), now=clock.now())  # fmt: skip
    flash(
        ngettext(
            "%(n)s candidate has %(m)s min more.", "%(n)s candidates have %(m)s min more.", count, m=form.minutes.data
        ),
        "success",
    )
    return _back(session_id)


@bp.post("/rooms/<int:session_id>/pause")
@requires(Can.INVIGILATE)
def pause_all(session_id: int) -> Any:
    found, form = _session(session_id), ReasonForm(prefix="pause")
    if not form.validate_on_submit():
        return _room_page(session_id, 422, pause_form=form)
    with unit_of_work():
        count = room.pause_all(locked(found), reason=form.reason.data or "", by=current_person(), now=clock.now())
    flash(
        ngettext("The clock of %(n)s candidate stands still.", "The clock of %(n)s candidates stands still.", count),
        "success",
    )
    return _back(session_id)


@bp.post("/rooms/<int:session_id>/resume")
@requires(Can.INVIGILATE)
def resume_all(session_id: int) -> Any:
    found = _session(session_id)
    with unit_of_work():
        count = room.resume_all(locked(found), by=current_person(), now=clock.now())
    flash(
        ngettext(
            "%(n)s candidate goes on; the time of the pause was given back.",
            "%(n)s candidates go on; the time of the pause was given back.",
            count,
        ),
        "success",
    )
    return _back(session_id)


@bp.post("/rooms/<int:session_id>/messages")
@requires(Can.INVIGILATE)
def message_all(session_id: int) -> Any:
    found, form = _session(session_id), MessageForm(prefix="say")
    if not form.validate_on_submit():
        return _room_page(session_id, 422, message_form=form)
    with unit_of_work():
        room.say(found, form.text.data or "", by=current_person(), now=clock.now())
    flash(_("The message was sent to everybody in the room."), "success")
    return _back(session_id)


@bp.post("/rooms/<int:session_id>/incidents")
@requires(Can.INVIGILATE)
def report(session_id: int) -> Any:
    found, form = _session(session_id), _incident_form(prefix="report")
    if not form.validate_on_submit():
        return _room_page(session_id, 422, incident_form=form)
    with unit_of_work():
        room.report(locked(found), IncidentKind(form.kind.data), form.note.data or "", by=current_person(),
                    now=clock.now())  # fmt: skip
    flash(_("The incident was recorded. It stays on top until it is closed."), "success")
    return _back(session_id)


@bp.post("/incidents/<int:incident_id>/close")
@requires(Can.INVIGILATE)
def close_incident(incident_id: int) -> Any:
    found, form = room.incident_for(current_person(), incident_id), OutcomeForm()
    session_id = found.session_id
    if not form.validate_on_submit():
        return _room_page(session_id, 422, outcome_form=form, refused=f"incident-{incident_id}")
    with unit_of_work():
        room.close_incident(locked(found), form.outcome.data or "", by=current_person(), now=clock.now())
    flash(_("The incident was closed."), "success")
    return _back(session_id)


@bp.post("/voids/<int:request_id>")
@requires(Can.INVIGILATE)
def decide_void(request_id: int) -> Any:
    """The second person's word on a void request."""
    found, form = room.void_request_for(current_person(), request_id), DecideForm()
    session_id = found.sitting.session_id
    confirm = request.form.get("do") == "confirm"
    try:
        if not form.validate_on_submit():
            raise Invalid("remark")
        with unit_of_work():
            room.decide_void(locked(found), confirm=confirm, remark=form.remark.data or "", by=current_person(),
                             now=clock.now())  # fmt: skip
    except Invalid as error:
        form.refuse(error)
        return _room_page(session_id, 422, decide_form=form, refused=f"void-{request_id}")
    if confirm:
        flash(_("The sitting was declared void and the candidate was told. Everything recorded is kept."), "success")
    else:
        flash(_("Declined. The sitting stands."), "success")
    return _back(session_id)


# --- one sitting ---------------------------------------------------------------------------------------------------------------


def _sitting_page(sitting_id: int, status: int = 200, **more: Any) -> Any:
    person, now = current_person(), clock.now()
    found = room.sitting_in_room(person, sitting_id)
    events = db.session.scalars(
        select(SittingEvent).where(SittingEvent.sitting_id == sitting_id).order_by(SittingEvent.id)
    ).all()
    answers = sittings.answers_of(found)
    told = signals.signals_of(sitting_id)
    values: dict[str, Any] = {
        "sitting": found,
        "session": found.session,
        "names": state_names(found.session, now),
        "seat": places.seat_told(found, to_office=True),
        "events": events,
        "told": told,
        "counted": sum(one.counted for one in told),
        "watch": watch_of(found.session),
        "answered": sum(one.answer is not None for one in answers.values()),
        "last": max((one.saved_at for one in answers.values()), default=None),
        "time_form": TimeForm(prefix="time"),
        "pause_form": ReasonForm(prefix="pause"),
        "message_form": MessageForm(prefix="say"),
        "seat_form": SeatForm(prefix="place", data={"seat": found.seat}),
        "incident_form": _incident_form(prefix="report"),
        "seb_form": ReasonForm(prefix="seb"),
        "reason_form": VoidForm(),
        "count": len(found.entries),
        "deadline": sittings.deadline_at(found, now),
        "photo": accounts.photo_of(found.candidate) is not None,
        "said": room.news_for(found),
        "incidents": room.incidents_of(found.session_id, sitting_id),
        "asked": room.waiting_void(sitting_id),
        "own": found.candidate_id == person.id,
        "me": person.id,
        "clock_of": room.as_of,
        "decide_form": DecideForm(),
    }
    return render_template("exams/office/sitting.html", **(values | more)), status


def _to_sitting(sitting_id: int) -> Any:
    return redirect(url_for("exam_office.sitting", sitting_id=sitting_id))


@bp.get("/sittings/<int:sitting_id>")
@requires(Can.INVIGILATE)
def sitting(sitting_id: int) -> Any:
    return _sitting_page(sitting_id)


@bp.get("/sittings/<int:sitting_id>/photo")
@requires(Can.INVIGILATE)
def candidate_photo(sitting_id: int) -> Any:
    """The photo on file, to compare with the face and the document."""
    found = room.sitting_in_room(current_person(), sitting_id)
    photo = accounts.photo_of(found.candidate)
    if photo is None:
        raise NotFound
    return hand_out(photo, inline=True)


@bp.post("/sittings/<int:sitting_id>/identity")
@requires(Can.INVIGILATE)
def check_identity(sitting_id: int) -> Any:
    person = current_person()
    with unit_of_work():
        room.check_identity(room.held(person, sitting_id), by=person, now=clock.now())
    flash(_("The identity check was recorded."), "success")
    return _to_sitting(sitting_id)


@bp.post("/sittings/<int:sitting_id>/admit")
@requires(Can.INVIGILATE)
def admit(sitting_id: int) -> Any:
    person = current_person()
    with unit_of_work():
        room.admit(room.held(person, sitting_id), by=person, now=clock.now())
    flash(_("Admitted. The candidate's page shows it within seconds."), "success")
    return _to_sitting(sitting_id)


@bp.post("/sittings/<int:sitting_id>/seat")
@requires(Can.INVIGILATE)
def set_seat(sitting_id: int) -> Any:
    room.sitting_in_room(current_person(), sitting_id)
    person, form = current_person(), SeatForm(prefix="place")
    try:
        if not form.validate_on_submit():
            raise Invalid("seat")
        with unit_of_work():
            room.set_seat(room.held(person, sitting_id), form.seat.data or "", by=person, now=clock.now())
    except Invalid as error:
        form.refuse(error)
        return _sitting_page(sitting_id, 422, seat_form=form)
    flash(_("The seat was saved."), "success")
    return _to_sitting(sitting_id)


@bp.post("/sittings/<int:sitting_id>/time")
@requires(Can.INVIGILATE)
def add_time(sitting_id: int) -> Any:
    room.sitting_in_room(current_person(), sitting_id)
    person, form = current_person(), TimeForm(prefix="time")
    if not form.validate_on_submit():
        return _sitting_page(sitting_id, 422, time_form=form)
    with unit_of_work():
        sittings.add_time(room.held(person, sitting_id), form.minutes.data or 0, by=person,
                          reason=form.reason.data or "", now=clock.now())  # fmt: skip
    flash(
        ngettext(
            "%(n)s minute added. The candidate's page shows it with the next save.",
            "%(n)s minutes added. The candidate's page shows them with the next save.",
            form.minutes.data,
        ),
        "success",
    )
    return _to_sitting(sitting_id)


@bp.post("/sittings/<int:sitting_id>/pause")
@requires(Can.INVIGILATE)
def pause(sitting_id: int) -> Any:
    room.sitting_in_room(current_person(), sitting_id)
    person, form = current_person(), ReasonForm(prefix="pause")
    if not form.validate_on_submit():
        return _sitting_page(sitting_id, 422, pause_form=form)
    with unit_of_work():
        room.pause(room.held(person, sitting_id), reason=form.reason.data or "", by=person, now=clock.now())
    flash(_("The candidate's clock stands still."), "success")
    return _to_sitting(sitting_id)


@bp.post("/sittings/<int:sitting_id>/resume")
@requires(Can.INVIGILATE)
def resume(sitting_id: int) -> Any:
    person = current_person()
    with unit_of_work():
        room.resume(room.held(person, sitting_id), by=person, now=clock.now())
    flash(_("The candidate goes on; the time of the pause was given back."), "success")
    return _to_sitting(sitting_id)


@bp.post("/sittings/<int:sitting_id>/messages")
@requires(Can.INVIGILATE)
def message(sitting_id: int) -> Any:
    found = room.sitting_in_room(current_person(), sitting_id)
    person, form = current_person(), MessageForm(prefix="say")
    if not form.validate_on_submit():
        return _sitting_page(sitting_id, 422, message_form=form)
    with unit_of_work():
        held = room.held(person, found.id)
        room.say(held.session, form.text.data or "", by=person, now=clock.now(), sitting=held)
    flash(_("The message was sent."), "success")
    return _to_sitting(sitting_id)


@bp.post("/sittings/<int:sitting_id>/incidents")
@requires(Can.INVIGILATE)
def report_about(sitting_id: int) -> Any:
    room.sitting_in_room(current_person(), sitting_id)
    person, form = current_person(), _incident_form(prefix="report")
    if not form.validate_on_submit():
        return _sitting_page(sitting_id, 422, incident_form=form)
    with unit_of_work():
        held = room.held(person, sitting_id)
        room.report(held.session, IncidentKind(form.kind.data), form.note.data or "", by=person, now=clock.now(),
                    sitting=held)  # fmt: skip
    flash(_("The incident was recorded. It stays on top until it is closed."), "success")
    return _to_sitting(sitting_id)


@bp.post("/sittings/<int:sitting_id>/seb")
@requires(Can.INVIGILATE)
def waive_seb(sitting_id: int) -> Any:
    room.sitting_in_room(current_person(), sitting_id)
    person, form = current_person(), ReasonForm(prefix="seb")
    if not form.validate_on_submit():
        return _sitting_page(sitting_id, 422, seb_form=form)
    with unit_of_work():
        room.waive_seb(room.held(person, sitting_id), reason=form.reason.data or "", by=person, now=clock.now())
    flash(_("This candidate may sit without Safe Exam Browser."), "success")
    return _to_sitting(sitting_id)


@bp.post("/sittings/<int:sitting_id>/void")
@requires(Can.INVIGILATE)
def void(sitting_id: int) -> Any:
    """Ask to declare void; a second person decides."""
    room.sitting_in_room(current_person(), sitting_id)
    person, form = current_person(), VoidForm()
    if not form.validate_on_submit():
        return _sitting_page(sitting_id, 422, reason_form=form)
    with unit_of_work():
        room.ask_void(room.held(person, sitting_id), reason=form.reason.data or "", cheating=form.cheating.data,
                      by=person, now=clock.now())  # fmt: skip
    flash(_("Asked. The sitting stands until a second person confirms."), "success")
    return _to_sitting(sitting_id)


@bp.post("/sittings/<int:sitting_id>/hand-in")
@requires(Can.INVIGILATE)
def force_in(sitting_id: int) -> Any:
    room.sitting_in_room(current_person(), sitting_id)
    person, form = current_person(), ReasonForm()
    if not form.validate_on_submit():
        return _sitting_page(sitting_id, 422, reason_form=form)
    with unit_of_work():
        sittings.force_in(room.held(person, sitting_id), by=person, reason=form.reason.data or "", now=clock.now())
    with unit_of_work():
        marking.mark_once(sitting_id, now=clock.now())
    flash(_("Handed in with everything that was saved."), "success")
    return _to_sitting(sitting_id)
