"""Places (考点) of a session with their rooms and seats: choosing a place, drawing the plan, moving by hand, publishing."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select, update
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.models import Person
from app.accounts.scope import must_reach
from app.audit.service import record
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.text import in_a_row
from app.db import db, locked
from app.exams import asks, letters, seating
from app.exams.deeds import Did
from app.exams.models import ExamArrangement, ExamPlace, ExamRoom, ExamSeat, ExamSession, PlacesBy, Sitting
from app.exams.states import SessionState, SittingState
from app.jobs.service import enqueue
from app.notices.service import post

TICKETS = "exams.tickets"
MOST_SEATS = 5000
"""Of one session; more are a second session."""


class PlaceFull(Refused):
    message = _l("No seat is left at this place. Please choose another place.")


class NoSeatLeft(Refused):
    message = _l("No seat is left in this exam session. Please choose another one.")


class PlaceMissing(Invalid):
    message = _l("Please choose the place where you want to sit.")


class SameName(Invalid):
    message = _l("This name is taken already.")


class InUse(Refused):
    message = _l("Candidates are seated here already. Move them first.")


class TooManySeats(Invalid):
    message = _l("A session has at most %(most)s seats.", most=MOST_SEATS)


class PlacesFixed(Refused):
    message = _l("Places and seats can no longer be changed: the exam has begun or is over.")


class SeatsPublished(Refused):
    message = _l("The seats are published. Move single candidates by hand; each is told.")


class SeatsNotPlanned(Refused):
    message = _l("Candidates without a seat: %(n)s. Draw the seat plan first.")


class TooFewSeats(Refused):
    message = _l("Candidates who find no seat: %(n)s. Add a room, or seat them at another place.")


class NoSuchSeat(Invalid):
    message = _l("This room has no such seat.")


# --- reading ---------------------------------------------------------------------------------------------------------


def arrangement_of(session_id: int) -> ExamArrangement:
    """How the session is held; where nothing was said yet a row with the defaults that is not stored."""
    return db.session.get(ExamArrangement, session_id) or ExamArrangement(
        session_id=session_id, steps=[], places_by=PlacesBy.OFFICE, instructions="", seed=""
    )


def own_arrangement(session: ExamSession) -> ExamArrangement:
    """The same for writing."""
    found = arrangement_of(session.id)
    db.session.add(found)
    return found


def places_of(session_id: int) -> list[ExamPlace]:
    return list(
        db.session.scalars(
            select(ExamPlace)
            .where(ExamPlace.session_id == session_id)
            .options(selectinload(ExamPlace.rooms))
            .order_by(ExamPlace.id)
        )
    )


def place_for(session: ExamSession, place_id: int) -> ExamPlace:
    found = db.session.get(ExamPlace, place_id)
    if found is None or found.session_id != session.id:
        raise NotFound
    return found


def room_for(session: ExamSession, room_id: int) -> ExamRoom:
    found = db.session.get(ExamRoom, room_id)
    if found is None or found.place.session_id != session.id:
        raise NotFound
    return found


def taken(session_ids: Iterable[int]) -> dict[int, int]:
    """Place → how many have it, void sittings aside."""
    return {
        place_id: count
        for place_id, count in db.session.execute(
            select(ExamSeat.place_id, func.count())
            .join(Sitting, Sitting.id == ExamSeat.sitting_id)
            .where(
                Sitting.session_id.in_(list(session_ids)),
                Sitting.state != SittingState.VOID,
                ExamSeat.place_id.is_not(None),
            )
            .group_by(ExamSeat.place_id)
        )
        if place_id is not None
    }


def seats_of(session_id: int) -> dict[int, ExamSeat]:
    """Sitting → its seat with place and room, for lists of the invigilator and the office."""
    rows = db.session.scalars(
        select(ExamSeat)
        .join(Sitting, Sitting.id == ExamSeat.sitting_id)
        .where(Sitting.session_id == session_id)
        .options(joinedload(ExamSeat.place), joinedload(ExamSeat.room))
    )
    return {one.sitting_id: one for one in rows}


def seats_for(sitting_ids: Iterable[int]) -> dict[int, ExamSeat]:
    """The seats a candidate may know: place at once, room and number once they are published."""
    rows = db.session.scalars(
        select(ExamSeat)
        .where(ExamSeat.sitting_id.in_(list(sitting_ids)))
        .options(joinedload(ExamSeat.place), joinedload(ExamSeat.room))
    )
    return {one.sitting_id: one for one in rows}


def seat_told(sitting: Sitting, *, to_office: bool = False) -> str:
    """Place, room and seat in words: rooms of two places may have the same name. Empty where there is nothing to say yet."""
    seat = seats_for([sitting.id]).get(sitting.id)
    known = to_office or bool(published([sitting.session_id]))
    words = seat_words(seat, published=known) if seat is not None else "—"
    return sitting.seat if words == "—" else words


def published(session_ids: Iterable[int]) -> set[int]:
    """Those of the sessions whose seats candidates may see."""
    return set(
        db.session.scalars(
            select(ExamArrangement.session_id).where(
                ExamArrangement.session_id.in_(list(session_ids)), ExamArrangement.seats_published_at.is_not(None)
            )
        )
    )


def seat_words(seat: ExamSeat | None, *, published: bool = True) -> str:
    """滨海考点 · 第一机房 · 12号; a dash where nothing is known."""
    words = []
    if seat is not None and seat.place is not None:
        words.append(seat.place.name)
    if seat is not None and published and seat.room is not None:
        words += [seat.room.name, _("seat %(n)s", n=seat.number)]
    return " · ".join(words) or "—"


def place_words(sitting_id: int) -> str:
    """Name and address of the place a candidate has already; empty where it is not known yet."""
    seat = db.session.get(ExamSeat, sitting_id)
    place = db.session.get(ExamPlace, seat.place_id) if seat is not None and seat.place_id is not None else None
    return "" if place is None else f"{place.name}，{place.address}" if place.address else place.name


@dataclass(frozen=True)
class Choice:
    """A place a candidate may choose, and how many seats are free there."""

    place: ExamPlace
    free: int


def choices(session_ids: Sequence[int]) -> dict[int, list[Choice]]:
    """Session → places among which the candidate chooses; sessions without a choice are left out."""
    if not session_ids:
        return {}
    chosen = set(
        db.session.scalars(
            select(ExamArrangement.session_id).where(
                ExamArrangement.session_id.in_(session_ids), ExamArrangement.places_by == PlacesBy.CANDIDATE
            )
        )
    )
    if not chosen:
        return {}
    counts = taken(chosen)
    found: dict[int, list[Choice]] = defaultdict(list)
    rows = db.session.scalars(
        select(ExamPlace)
        .where(ExamPlace.session_id.in_(chosen))
        .options(selectinload(ExamPlace.rooms))
        .order_by(ExamPlace.id)
    )
    for place in rows:
        found[place.session_id].append(Choice(place, max(0, place.capacity - counts.get(place.id, 0))))
    return {session_id: rows for session_id, rows in found.items() if len(rows) > 1}


# --- places and rooms ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlaceWanted:
    name: str
    address: str = ""
    note: str = ""


def _may_change(session: ExamSession, by: Person, now: datetime) -> None:
    must_reach(by, Can.RUN_EXAM, region=session.region_id)
    if session.state not in (SessionState.DRAFT, SessionState.PUBLISHED) or (
        session.state is SessionState.PUBLISHED and now >= session.opens_at
    ):
        raise PlacesFixed


def _name_session(session: ExamSession) -> None:
    """The one line that lists show: the names of the places."""
    db.session.flush()  # names just written are read back
    names = db.session.scalars(
        select(ExamPlace.name).where(ExamPlace.session_id == session.id).order_by(ExamPlace.id)
    ).all()
    if names or session.place:
        session.place = "、".join(names)[:200]


def save_place(
    session: ExamSession, place: ExamPlace | None, wanted: PlaceWanted, *, by: Person, now: datetime
) -> ExamPlace:
    """Add a place, or change its words."""
    _may_change(session, by, now)
    twin = db.session.scalar(
        select(ExamPlace.id).where(ExamPlace.session_id == session.id, ExamPlace.name == wanted.name)
    )
    if twin is not None and (place is None or twin != place.id):
        raise SameName("name")
    if place is None:
        place = ExamPlace(session_id=session.id, **vars(wanted))
        place.rooms = []
        db.session.add(place)
        record(Did.SAVE_PLACE, session, by=by, more={"place": wanted.name})
    else:
        changed = {k: (getattr(place, k), v) for k, v in vars(wanted).items() if getattr(place, k) != v}
        for name, (_before, after) in changed.items():
            setattr(place, name, after)
        record(Did.SAVE_PLACE, session, by=by, changed=changed, more={"place": place.id})
    _name_session(session)
    return place


def remove_place(session: ExamSession, place: ExamPlace, *, by: Person, now: datetime) -> None:
    _may_change(session, by, now)
    if taken([session.id]).get(place.id):
        raise InUse
    db.session.execute(
        update(ExamSeat).where(ExamSeat.place_id == place.id).values(place_id=None, room_id=None, number=None)
    )
    for room in place.rooms:
        db.session.delete(room)
    db.session.flush()  # rooms go before the place they belong to
    record(Did.SAVE_PLACE, session, by=by, more={"removed": place.name})
    db.session.delete(place)
    _name_session(session)


@dataclass(frozen=True)
class RoomWanted:
    name: str
    seat_rows: int
    seat_columns: int


def save_room(
    session: ExamSession, place: ExamPlace, room: ExamRoom | None, wanted: RoomWanted, *, by: Person, now: datetime
) -> ExamRoom:
    """Add a room, or change it while nobody sits in it (its name at any time)."""
    _may_change(session, by, now)
    if any(one.name == wanted.name and one is not room for one in place.rooms):
        raise SameName("name")
    others = sum(one.capacity for p in places_of(session.id) for one in p.rooms if room is None or one.id != room.id)
    if others + wanted.seat_rows * wanted.seat_columns > MOST_SEATS:
        raise TooManySeats("seat_rows")
    size = (wanted.seat_rows, wanted.seat_columns)
    if room is None:
        room = ExamRoom(**vars(wanted))
        place.rooms.append(room)
    else:
        if size != (room.seat_rows, room.seat_columns) and _sits_in(room):
            raise InUse
        room.name, room.seat_rows, room.seat_columns = wanted.name, *size
    record(Did.SAVE_PLACE, session, by=by, more={"place": place.name, "room": wanted.name, "seats": size[0] * size[1]})
    return room


def _sits_in(room: ExamRoom) -> bool:
    return db.session.scalar(select(func.count()).select_from(ExamSeat).where(ExamSeat.room_id == room.id)) != 0


def remove_room(session: ExamSession, room: ExamRoom, *, by: Person, now: datetime) -> None:
    _may_change(session, by, now)
    if _sits_in(room):
        raise InUse
    record(Did.SAVE_PLACE, session, by=by, more={"place": room.place.name, "removed": room.name})
    db.session.delete(room)


def copy_places(source: ExamSession, to: ExamSession) -> None:
    """The places and rooms of an earlier session, as new rows."""
    for place in places_of(source.id):
        rooms = [ExamRoom(name=r.name, seat_rows=r.seat_rows, seat_columns=r.seat_columns) for r in place.rooms]
        db.session.add(
            ExamPlace(session_id=to.id, name=place.name, address=place.address, note=place.note, rooms=rooms)
        )


# --- a candidate's place -----------------------------------------------------------------------------------------------


def _seat_row(sitting: Sitting) -> ExamSeat:
    found = db.session.get(ExamSeat, sitting.id)
    if found is None:
        found = ExamSeat(sitting_id=sitting.id)
        db.session.add(found)
    return found


def _tell_the_room(seats: Iterable[ExamSeat]) -> None:
    """The invigilator's list stands by seat: the words of the plan are kept with the sitting too."""
    for seat in seats:
        room = None if seat.room_id is None else db.session.get_one(ExamRoom, seat.room_id)
        sitting = db.session.get_one(Sitting, seat.sitting_id)
        sitting.seat = "" if room is None else f"{room.name} {seat.number}"[:60]


def take(sitting: Sitting, session: ExamSession, place_id: int | None, *, by: Person) -> None:
    """Give a new registration its place. The session is locked by the caller, so that seats are counted truly."""
    places = places_of(session.id)
    whole = sum(place.capacity for place in places)
    if not whole:
        return
    counts = taken([session.id])
    registered = db.session.scalar(
        select(func.count()).where(Sitting.session_id == session.id, Sitting.state != SittingState.VOID)
    )
    if (registered or 0) > whole:  # the new one is among them
        raise NoSeatLeft
    arrangement = arrangement_of(session.id)
    free = {place.id: place.capacity - counts.get(place.id, 0) for place in places}
    chooses = arrangement.places_by is PlacesBy.CANDIDATE
    if place_id is None and len(places) == 1:
        place_id = places[0].id
    if place_id is None and chooses and sitting.candidate_id == by.id:
        raise PlaceMissing("place")
    if place_id is not None and place_id not in free:
        raise NotFound
    if place_id is not None and free[place_id] <= 0:
        raise PlaceFull
    if place_id is None and arrangement.seats_published_at is not None:
        place_id = max(free, key=lambda one: free[one])
    seat = _seat_row(sitting)
    seat.place_id = place_id
    if arrangement.seats_published_at is not None:
        place = next(one for one in places if one.id == place_id)
        _seat_late(seat, place)


def _seat_late(seat: ExamSeat, place: ExamPlace) -> None:
    """The first free seat of the place, for somebody who comes after the plan."""
    ids = [room.id for room in place.rooms]
    used = {(r, n) for r, n in db.session.execute(
        select(ExamSeat.room_id, ExamSeat.number).where(ExamSeat.room_id.in_(ids)))}  # fmt: skip
    for room in place.rooms:
        for number in range(1, room.capacity + 1):
            if (room.id, number) not in used:
                seat.room_id, seat.number = room.id, number
                _tell_the_room([seat])
                return
    raise PlaceFull


def free(sitting: Sitting) -> None:
    """A registration taken back gives its seat free."""
    seat = db.session.get(ExamSeat, sitting.id)
    if seat is not None:
        seat.place_id = seat.room_id = seat.number = None
        _tell_the_room([seat])


def choose(sitting: Sitting, session: ExamSession, place_id: int, *, by: Person, now: datetime) -> None:
    """A candidate changes the place, or the office for them, until the seats are published."""
    session = locked(session)
    arrangement = arrangement_of(session.id)
    if sitting.candidate_id != by.id:
        must_reach(by, Can.RUN_EXAM, region=session.region_id)
    elif arrangement.places_by is not PlacesBy.CANDIDATE:
        raise NotFound
    if sitting.state is not SittingState.REGISTERED or now >= session.opens_at:
        raise PlacesFixed
    if arrangement.seats_published_at is not None:
        raise SeatsPublished
    place = place_for(session, place_id)
    seat = _seat_row(sitting)
    if seat.place_id == place.id:
        return
    if taken([session.id]).get(place.id, 0) >= place.capacity:
        raise PlaceFull
    record(Did.CHOOSE_PLACE, sitting, by=by, changed={"place": (seat.place_id, place.id)})
    seat.place_id, seat.room_id, seat.number, seat.by_hand = place.id, None, None, False


# --- the plan ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """What a draw has led to."""

    seated: int
    employers: int
    classes: int


def _sittings(session_id: int) -> list[Sitting]:
    return list(
        db.session.scalars(
            select(Sitting)
            .where(Sitting.session_id == session_id, Sitting.state != SittingState.VOID)
            .options(joinedload(Sitting.candidate))
            .order_by(Sitting.id)
        )
    )


def draw(session: ExamSession, *, by: Person, now: datetime, seed: str = "") -> Drawn:
    """Seat everybody anew at random. Places that were chosen stay; the rest go where there is most room."""
    session = locked(session)
    _may_change(session, by, now)
    arrangement = own_arrangement(session)
    if arrangement.seats_published_at is not None:
        raise SeatsPublished
    seed = seed.strip()[:40] or secrets.token_hex(4)
    places, sittings = places_of(session.id), _sittings(session.id)
    rows = seats_of(session.id)
    groups, homeless = _by_place(sittings, rows, places, seed)
    if homeless:
        raise TooFewSeats(n=homeless)
    classes = asks.classes_of([one.candidate_id for one in sittings], session.level)
    db.session.execute(
        update(ExamSeat)
        .where(ExamSeat.sitting_id.in_(list(rows)))
        .values(room_id=None, number=None, by_hand=False)
        .execution_options(synchronize_session="fetch")
    )  # all seats are free before they are given out anew
    employers = mates = 0
    for place in places:
        people = [
            seating.Sitter(one.id, one.candidate.organisation_id, classes.get(one.candidate_id, frozenset()))
            for one in groups[place.id]
        ]
        halls = [seating.Hall(room.id, room.seat_rows, room.seat_columns) for room in place.rooms]
        plan = seating.arrange(people, halls, f"{seed}/{place.name}")
        employers, mates = employers + plan.employers, mates + plan.classes
        for sitting in groups[place.id]:
            row = rows.get(sitting.id) or _seat_row(sitting)
            row.place_id, (row.room_id, row.number) = place.id, plan.seats[sitting.id]
            _tell_the_room([row])
    arrangement.seed = seed
    record(Did.DRAW_SEATS, session, by=by, more={"seed": seed, "seated": len(sittings), "employers": employers})
    return Drawn(len(sittings), employers, mates)


def _by_place(
    sittings: Sequence[Sitting], rows: Mapping[int, ExamSeat], places: Sequence[ExamPlace], seed: str
) -> tuple[dict[int, list[Sitting]], int]:
    """Place → who sits there, and how many find no seat."""
    groups: dict[int, list[Sitting]] = {place.id: [] for place in places}
    open_: list[Sitting] = []
    for one in sittings:
        row = rows.get(one.id)
        if row is not None and row.place_id in groups:
            groups[row.place_id].append(one)
        else:
            open_.append(one)
    homeless = sum(max(0, len(groups[place.id]) - place.capacity) for place in places)
    Random(seed).shuffle(open_)
    for one in open_:
        best = max(places, key=lambda place: place.capacity - len(groups[place.id]), default=None)
        if best is None or best.capacity <= len(groups[best.id]):
            homeless += 1
        else:
            groups[best.id].append(one)
    return groups, homeless


def move(
    session: ExamSession, sitting: Sitting, room: ExamRoom, number: int, *, by: Person, now: datetime
) -> Sitting | None:
    """Seat somebody by hand; who sits there already takes the other's seat, and is returned. Both are told."""
    session = locked(session)
    _may_change(session, by, now)
    if sitting.session_id != session.id or sitting.state is SittingState.VOID:
        raise NotFound
    if not 1 <= number <= room.capacity:
        raise NoSuchSeat("number")
    seat = _seat_row(sitting)
    if (seat.room_id, seat.number) == (room.id, number):
        return None
    other = db.session.scalar(select(ExamSeat).where(ExamSeat.room_id == room.id, ExamSeat.number == number))
    before = (seat.place_id, seat.room_id, seat.number)
    seat.room_id = seat.number = None
    if other is not None:
        other.room_id = other.number = None
    db.session.flush()  # both seats are free before they change hands
    seat.place_id, seat.room_id, seat.number, seat.by_hand = room.place_id, room.id, number, True
    if other is not None:
        other.place_id, other.room_id, other.number = before
        other.by_hand = True
    _tell_the_room([seat, other] if other is not None else [seat])
    changed = {"room": (before[1], room.id), "seat": (before[2], number)}
    record(Did.MOVE_SEAT, sitting, by=by, changed=changed, more={"swapped": other.sitting_id if other else None})
    moved = [sitting.id, *([other.sitting_id] if other else [])]
    if arrangement_of(session.id).seats_published_at is not None:
        db.session.flush()  # the letters read room and place back
        tell(session, moved, now=now)
        order_tickets(session, moved, by=by)
    return db.session.get(Sitting, other.sitting_id) if other else None


def publish_seats(session: ExamSession, *, by: Person, now: datetime) -> int:
    """Tell everybody their seat, and have the admission slips made."""
    session = locked(session)
    _may_change(session, by, now)
    arrangement = own_arrangement(session)
    if session.state is not SessionState.PUBLISHED:
        raise NotYetPublished
    if arrangement.seats_published_at is not None:
        raise SeatsPublished
    rows, sittings = seats_of(session.id), _sittings(session.id)
    without = sum(one.id not in rows or rows[one.id].room_id is None for one in sittings)
    if without or not sittings:
        raise SeatsNotPlanned(n=without)
    arrangement.seats_published_at = now
    ids = [one.id for one in sittings]
    tell(session, ids, now=now)
    order_tickets(session, ids, by=by)
    record(Did.PUBLISH_SEATS, session, by=by, more={"candidates": len(ids)})
    return len(ids)


class NotYetPublished(Refused):
    message = _l("Publish the exam session first; its seats follow.")


def tell(session: ExamSession, sitting_ids: Iterable[int], *, now: datetime) -> None:
    """The notice of the seat, to each candidate."""
    ids = list(sitting_ids)
    rows = seats_for(ids)
    sittings = db.session.scalars(
        select(Sitting)
        .where(Sitting.id.in_(ids), Sitting.state != SittingState.VOID)
        .options(joinedload(Sitting.candidate))
        .order_by(Sitting.id)
    )
    for one in sittings:
        seat = rows[one.id]
        place = seat.place
        post(letters.SEAT, to=one.candidate, link=f"/exams/sittings/{one.id}/ticket", title=session.title,
             opens=session.opens_at, place=place.name if place else "—",
             address=(place.address if place else "") or "—", room=seat.room.name if seat.room else "—",
             seat=str(seat.number or "—"), now=now)  # fmt: skip


def order_tickets(session: ExamSession, sitting_ids: Iterable[int], *, by: Person | None) -> None:
    """Have the admission slips of these candidates made (again) in the background."""
    sittings = db.session.scalars(
        select(Sitting)
        .where(Sitting.id.in_(list(sitting_ids)), Sitting.state != SittingState.VOID)
        .options(joinedload(Sitting.candidate))
    ).all()
    items = [{"sitting": one.id, "label": one.candidate.name} for one in sittings]
    job = enqueue(TICKETS, items, by=by, title=_("Admission slips: %(title)s", title=session.title))
    for one in sittings:
        _seat_row(one).ticket_job_id = job.id


# --- the check list ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    words: str
    fine: bool
    stops: bool = True


def findings(session: ExamSession, registered: int) -> list[Finding]:
    """What the check list says about places and seats."""
    places = places_of(session.id)
    if not places:
        if session.place:
            return [Finding(_("Place: %(place)s. Seats are not planned here.", place=session.place), True)]
        return [Finding(_("No place is named: candidates take it for an online exam."), False, stops=False)]
    found = []
    empty = [place.name for place in places if not place.rooms]
    if empty:
        found.append(Finding(_("No room yet at: %(places)s.", places=in_a_row(empty)), False))
    whole = sum(place.capacity for place in places)
    wanted = max(registered, session.seats or 0)
    found.append(
        Finding(_("Seats %(seats)s, places %(places)s, seats needed %(n)s.", seats=whole, places=len(places), n=wanted),
                whole >= wanted)
    )  # fmt: skip
    return found
