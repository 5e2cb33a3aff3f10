"""Places, rooms and the seat plan of a session; and a candidate's own choice of place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.accounts.guard import current_person, requires, signed_in
from app.core import clock
from app.core.errors import Invalid
from app.core.permissions import Can
from app.db import db, locked, unit_of_work
from app.exams import places, sessions, sittings
from app.exams.candidates_pages import sitting_of
from app.exams.models import ExamPlace, ExamRoom, ExamSeat, ExamSession, Sitting
from app.exams.places import PlaceWanted, RoomWanted
from app.exams.setup_forms import DrawForm, MoveForm, PlaceForm, RoomForm
from app.exams.states import SessionState, SittingState

bp = Blueprint("exam_places", __name__, url_prefix="/exams", template_folder="templates")


def _session(session_id: int, can: Can = Can.RUN_EXAM) -> ExamSession:
    return sessions.session_for(current_person(), session_id, can)


def _back(session: ExamSession) -> str:
    """Places are a step of the set-up while the session is a draft, a page of their own afterwards."""
    if session.state is SessionState.DRAFT:
        return url_for("exam_setup.step", session_id=session.id, step="places")
    return url_for("exam_places.index", session_id=session.id)


@bp.get("/office/sessions/<int:session_id>/places")
@requires(Can.RUN_EXAM)
def index(session_id: int) -> Any:
    found = _session(session_id)
    return render_template(
        "exams/office/places.html", session=found, venues=places.places_of(session_id),
        back=_back(found), counts=places.taken([session_id]),
    )  # fmt: skip


def _form_page(session: ExamSession, title: str, form: Any, act: Callable[[], None], said: str, **more: Any) -> Any:
    """A small form of its own: shown, refused at its field, or done and back to the places."""
    if form.validate_on_submit():
        try:
            with unit_of_work():
                act()
        except Invalid as error:
            form.refuse(error)
        else:
            flash(said, "success")
            return redirect(_back(session))
    status = 422 if form.is_submitted() else 200
    return render_template("exams/office/place.html", session=session, title=title, form=form, back=_back(session),
                           **more), status  # fmt: skip


def _place_wanted(form: PlaceForm) -> PlaceWanted:
    return PlaceWanted(form.name.data or "", form.address.data or "", form.note.data or "")


@bp.route("/office/sessions/<int:session_id>/places/new", methods=["GET", "POST"])
@requires(Can.RUN_EXAM)
def new(session_id: int) -> Any:
    found, form = _session(session_id), PlaceForm()

    def act() -> None:
        places.save_place(locked(found), None, _place_wanted(form), by=current_person(), now=clock.now())

    return _form_page(found, _("Add a place"), form, act, _("The place was added. Now add its rooms."))


@bp.route("/office/sessions/<int:session_id>/places/<int:place_id>", methods=["GET", "POST"])
@requires(Can.RUN_EXAM)
def change(session_id: int, place_id: int) -> Any:
    found = _session(session_id)
    place = places.place_for(found, place_id)
    form = PlaceForm(obj=place)

    def act() -> None:
        places.save_place(locked(found), locked(place), _place_wanted(form), by=current_person(), now=clock.now())

    return _form_page(found, place.name, form, act, _("The place was changed."), place=place)


@bp.post("/office/sessions/<int:session_id>/places/<int:place_id>/remove")
@requires(Can.RUN_EXAM)
def remove(session_id: int, place_id: int) -> Any:
    found = _session(session_id)
    place = places.place_for(found, place_id)
    with unit_of_work():
        session = locked(found)
        places.remove_place(session, locked(place), by=current_person(), now=clock.now())
    flash(_("The place was removed."), "success")
    return redirect(_back(found))


def _room_wanted(form: RoomForm) -> RoomWanted:
    return RoomWanted(form.name.data or "", form.seat_rows.data or 0, form.seat_columns.data or 0)


@bp.route("/office/sessions/<int:session_id>/places/<int:place_id>/rooms/new", methods=["GET", "POST"])
@requires(Can.RUN_EXAM)
def new_room(session_id: int, place_id: int) -> Any:
    found = _session(session_id)
    place = places.place_for(found, place_id)
    form = RoomForm(data={"name": _("Room %(n)s", n=len(place.rooms) + 1), "seat_rows": 6, "seat_columns": 5})

    def act() -> None:
        session = locked(found)
        places.save_room(session, locked(place), None, _room_wanted(form), by=current_person(), now=clock.now())

    title = _("Add a room: %(place)s", place=place.name)
    return _form_page(found, title, form, act, _("The room was added."))


@bp.route("/office/sessions/<int:session_id>/rooms/<int:room_id>", methods=["GET", "POST"])
@requires(Can.RUN_EXAM)
def change_room(session_id: int, room_id: int) -> Any:
    found = _session(session_id)
    room = places.room_for(found, room_id)
    form = RoomForm(obj=room)

    def act() -> None:
        session, again = locked(found), locked(room)
        places.save_room(session, again.place, again, _room_wanted(form), by=current_person(), now=clock.now())

    return _form_page(found, f"{room.place.name} · {room.name}", form, act, _("The room was changed."), room=room)


@bp.post("/office/sessions/<int:session_id>/rooms/<int:room_id>/remove")
@requires(Can.RUN_EXAM)
def remove_room(session_id: int, room_id: int) -> Any:
    found = _session(session_id)
    room = places.room_for(found, room_id)
    with unit_of_work():
        session = locked(found)
        places.remove_room(session, locked(room), by=current_person(), now=clock.now())
    flash(_("The room was removed."), "success")
    return redirect(_back(found))


# --- the seat plan -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grid:
    """A room as its invigilator sees it from the front."""

    room: ExamRoom
    rows: list[list[tuple[int, ExamSeat | None]]]
    seated: int


def grids(place: ExamPlace, seats: dict[tuple[int, int], ExamSeat]) -> list[Grid]:
    made = []
    for room in place.rooms:
        rows = [
            [(number, seats.get((room.id, number))) for number in range(first, first + room.seat_columns)]
            for first in range(1, room.capacity + 1, room.seat_columns)
        ]
        made.append(Grid(room, rows, sum(seat is not None for row in rows for _n, seat in row)))
    return made


@bp.get("/office/sessions/<int:session_id>/seats")
@requires(Can.READ_EXAM)
def seats(session_id: int) -> Any:
    return _seats_page(_session(session_id, Can.READ_EXAM), DrawForm(formdata=None))


def _seats_page(session: ExamSession, form: DrawForm, status: int = 200) -> Any:
    rows = list(
        db.session.scalars(
            select(ExamSeat)
            .join(Sitting, Sitting.id == ExamSeat.sitting_id)
            .where(Sitting.session_id == session.id, Sitting.state != SittingState.VOID)
            .options(joinedload(ExamSeat.sitting).joinedload(Sitting.candidate))
        )
    )
    by_seat = {(one.room_id, one.number): one for one in rows if one.room_id is not None and one.number is not None}
    seated = {one.sitting_id for one in by_seat.values()}
    standing = db.session.scalars(
        select(Sitting)
        .where(Sitting.session_id == session.id, Sitting.state != SittingState.VOID, Sitting.id.not_in(seated))
        .options(joinedload(Sitting.candidate))
        .order_by(Sitting.id)
        .limit(500)
    ).all()
    found = places.places_of(session.id)
    arrangement = places.arrangement_of(session.id)
    open_ = session.state is SessionState.DRAFT or (
        session.state is SessionState.PUBLISHED and clock.now() < session.opens_at
    )
    return render_template(
        "exams/office/seats.html", session=session, form=form, arrangement=arrangement, standing=standing,
        seated=len(seated), halls=[(place, grids(place, by_seat)) for place in found],
        capacity=sum(place.capacity for place in found), open=open_,
        runs=current_person().can(Can.RUN_EXAM), back=_back(session),
    ), status  # fmt: skip


@bp.post("/office/sessions/<int:session_id>/seats/draw")
@requires(Can.RUN_EXAM)
def draw(session_id: int) -> Any:
    found, form = _session(session_id), DrawForm()
    if not form.validate_on_submit():
        return _seats_page(found, form, 422)
    with unit_of_work():
        made = places.draw(found, by=current_person(), now=clock.now(), seed=form.seed.data or "")
    flash(ngettext("%(n)s candidate was seated.", "%(n)s candidates were seated.", made.seated), "success")
    if made.employers or made.classes:
        flash(
            _("Neighbours that could not be parted: pairs of one employer %(employers)s, pairs of one class %(classes)s.",
              employers=made.employers, classes=made.classes), "warning",
        )  # fmt: skip
    return redirect(url_for("exam_places.seats", session_id=session_id))


@bp.post("/office/sessions/<int:session_id>/seats/publish")
@requires(Can.RUN_EXAM)
def publish(session_id: int) -> Any:
    found = _session(session_id)
    with unit_of_work():
        count = places.publish_seats(found, by=current_person(), now=clock.now())
    flash(
        ngettext(
            "%(n)s candidate was sent the seat; the admission slip is being made in the background.",
            "%(n)s candidates were sent their seat; the admission slips are being made in the background.",
            count,
        ),
        "success",
    )
    return redirect(url_for("exam_places.seats", session_id=session_id))


@bp.route("/office/sessions/<int:session_id>/seats/<int:sitting_id>", methods=["GET", "POST"])
@requires(Can.RUN_EXAM)
def move(session_id: int, sitting_id: int) -> Any:
    """Seat one candidate by hand."""
    person = current_person()
    found = _session(session_id)
    sitting = sitting_of(found, sitting_id)
    seat = places.seats_for([sitting_id]).get(sitting_id)
    form = MoveForm(data={"room_id": seat.room_id, "number": seat.number} if seat else None)
    form.room_id.choices = [
        (room.id, f"{place.name} · {room.name} (1–{room.capacity})")
        for place in places.places_of(session_id)
        for room in place.rooms
    ]
    if form.validate_on_submit():
        try:
            with unit_of_work():
                room = places.room_for(found, form.room_id.data)
                other = places.move(found, locked(sitting), room, form.number.data or 0, by=person, now=clock.now())
                name = other.candidate.name if other else ""
        except Invalid as error:
            form.refuse(error)
        else:
            said = _("Seated. %(name)s now has the other seat.", name=name) if name else _("Seated.")
            flash(said, "success")
            return redirect(url_for("exam_places.seats", session_id=session_id))
    status = 422 if form.is_submitted() else 200
    published = places.arrangement_of(session_id).seats_published_at is not None
    return render_template(
        "exams/office/seat.html", session=found, sitting=sitting, form=form, words=places.seat_words(seat),
        published=published,
    ), status  # fmt: skip


# --- the candidate's own choice ----------------------------------------------------------------------------------------


@bp.post("/sittings/<int:sitting_id>/place")
@signed_in
def choose(sitting_id: int) -> Any:
    person = current_person()
    found = sittings.sitting_for(person, sitting_id)
    text = request.form.get("place", "")
    place_id = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    session = found.session
    with unit_of_work():
        places.choose(locked(found), session, place_id, by=person, now=clock.now())
    flash(_("Your place was changed."), "success")
    return redirect(url_for("exams.mine"))
