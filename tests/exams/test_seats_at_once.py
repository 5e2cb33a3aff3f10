"""Places and seats under many hands at the same moment."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.db import db, unit_of_work
from app.exams import places, sessions
from app.exams.models import ExamSeat, ExamSession, Sitting
from tests.exams.factories import Room, training
from tests.exams.test_at_once import at_once
from tests.exams.test_seats import chooses, drawn, place, published
from tests.factories import people


def _register(app: Any, room: Room, ids: list[int], place_id: int | None) -> list[Any]:
    office_id, session_id = room.office.id, room.session.id

    def register(n: int) -> str:
        with unit_of_work():
            session = db.session.get_one(ExamSession, session_id)
            one, office = db.session.get_one(Person, ids[n]), db.session.get_one(Person, office_id)
            sessions.register(session, one, by=office, now=clock.now(), place_id=place_id)
        return "in"

    with training(True):
        return at_once(app, len(ids), register)


def test_the_last_seat_of_a_place_is_taken_once(app: Any) -> None:
    room = Room(candidates=0)
    small = place(room, "甲", (1, 2))
    place(room, "乙", (3, 3))
    chooses(room)
    ids = [people.person(f"争座{n}", region=room.region).id for n in range(6)]
    outcomes = Counter(one if isinstance(one, str) else type(one).__name__ for one in _register(app, room, ids, small))
    assert outcomes == {"in": 2, "PlaceFull": 4}


def test_late_comers_get_different_seats(app: Any) -> None:
    room = Room(candidates=1)
    place(room, "甲", (1, 4))
    drawn(room)
    published(room)
    ids = [people.person(f"后到{n}", region=room.region).id for n in range(5)]
    outcomes = Counter(one if isinstance(one, str) else type(one).__name__ for one in _register(app, room, ids, None))
    assert outcomes == {"in": 3, "NoSeatLeft": 2}
    db.session.rollback()
    assert sorted(n for n in db.session.scalars(select(ExamSeat.number)) if n) == [1, 2, 3, 4]


def test_two_move_into_one_seat_and_nobody_is_lost(app: Any) -> None:
    room = Room(candidates=3)
    place(room, "甲", (1, 4))
    drawn(room)
    db.session.rollback()
    taken = {one.number for one in db.session.scalars(select(ExamSeat))}
    free, room_id = ({1, 2, 3, 4} - taken).pop(), db.session.scalars(select(ExamSeat.room_id)).first()
    office_id, session_id, sitting_ids = room.office.id, room.session.id, list(room.sittings)

    def move(n: int) -> str:
        with unit_of_work():
            session = db.session.get_one(ExamSession, session_id)
            hall, office = places.room_for(session, room_id or 0), db.session.get_one(Person, office_id)
            places.move(session, db.session.get_one(Sitting, sitting_ids[n]), hall, free, by=office, now=clock.now())
        return "moved"

    assert at_once(app, 3, move) == ["moved"] * 3
    db.session.rollback()
    numbers = db.session.scalars(select(ExamSeat.number)).all()
    assert len(set(numbers)) == 3 and free in numbers
