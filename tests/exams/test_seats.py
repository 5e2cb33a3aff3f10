"""Places, choices and seats of a session: services and pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.exams import asks, places, sessions
from app.exams.models import ExamArrangement, ExamSeat, PlacesBy
from app.exams.places import PlaceWanted, RoomWanted
from app.exams.states import SittingState
from app.jobs.models import Job
from app.notices.models import Notice
from tests.exams.factories import Room, sitting, training
from tests.factories import people

OFFICE = "/exams/office/sessions"


def place(room: Room, name: str, *rooms: tuple[int, int]) -> int:
    with unit_of_work():
        row = session_of(room)
        made = places.save_place(row, None, PlaceWanted(name, "海河路1号"), by=room.office, now=clock.now())
        db.session.flush()
        for n, (rows, columns) in enumerate(rooms, 1):
            places.save_room(row, made, None, RoomWanted(f"第{n}考场", rows, columns), by=room.office, now=clock.now())
        return made.id


def session_of(room: Room) -> Any:
    return db.session.get_one(type(room.session), room.session.id)


def chooses(room: Room) -> None:
    with unit_of_work():
        places.own_arrangement(session_of(room)).places_by = PlacesBy.CANDIDATE


def drawn(room: Room, seed: str = "s") -> Any:
    with unit_of_work():
        return places.draw(session_of(room), by=room.office, now=clock.now(), seed=seed)


def published(room: Room) -> int:
    with unit_of_work():
        return places.publish_seats(session_of(room), by=room.office, now=clock.now())


def seat(sitting_id: int) -> ExamSeat:
    db.session.rollback()
    return db.session.get_one(ExamSeat, sitting_id, populate_existing=True)


def test_the_draw_seats_everybody_and_repeats_by_its_seed(app: Any) -> None:
    room = Room(candidates=7)
    place(room, "甲", (2, 2), (1, 3))
    place(room, "乙", (2, 2))
    assert drawn(room).seated == 7
    first = {one: (seat(one).room_id, seat(one).number) for one in room.sittings}
    assert len(set(first.values())) == 7
    drawn(room, "other")
    assert {one: (seat(one).room_id, seat(one).number) for one in room.sittings} != first
    place_of = {one: seat(one).place_id for one in room.sittings}
    drawn(room, "other")
    assert {one: seat(one).place_id for one in room.sittings} == place_of


def test_class_mates_and_colleagues_are_parted(app: Any) -> None:
    room = Room(candidates=6)
    firm = people.organisation(room.region)
    with unit_of_work():
        for one in room.people[:3]:
            db.session.get_one(type(one), one.id).organisation_id = firm.id
    place(room, "甲", (1, 6))
    assert drawn(room).employers == 0
    asked = asks.classes_of._answer
    asks.classes_of._answer = lambda ids, rank: dict.fromkeys(ids, frozenset({1}))
    try:
        assert drawn(room).classes == 5  # everybody in one class: nothing to be done, and said
    finally:
        asks.classes_of._answer = asked


def test_class_mates_come_from_training(app: Any) -> None:
    assert asks.classes_of([1, 2], 1) == {}


def test_too_few_seats_are_refused_and_nothing_changes(app: Any) -> None:
    room = Room(candidates=3)
    place(room, "甲", (1, 2))
    with pytest.raises(places.TooFewSeats) as refused:
        drawn(room)
    assert refused.value.values == {"n": 1}
    assert db.session.scalars(select(ExamSeat.room_id).where(ExamSeat.room_id.is_not(None))).all() == []


def test_a_chosen_place_is_kept_and_a_full_one_is_refused(app: Any, client_as: Any) -> None:
    room = Room(candidates=1)
    first, second = place(room, "甲考点", (1, 1)), place(room, "乙考点", (1, 2))
    chooses(room)
    browser = client_as(room.people[0])
    page = browser.get("/exams/").text
    assert "甲考点" in page and "乙考点" in page
    own = f"/exams/sittings/{room.sittings[0]}/place"
    assert browser.post(own, data={"place": str(first)}).status_code == 302
    assert seat(room.sittings[0]).place_id == first
    with unit_of_work():
        row = session_of(room)
        row.eligibility = type(row.eligibility).TRAINING
    newcomer = people.person("后来者", region=room.region)
    late = client_as(newcomer)
    register = f"/exams/sessions/{room.session.id}/register"
    with training(True):
        assert "乙考点" in late.get("/exams/").text
        assert late.post(register).status_code == 422  # the place is asked for
        assert late.post(register, data={"place": str(first)}).status_code == 409
        assert late.post(register, data={"place": "99999"}).status_code == 404
        assert late.post(register, data={"place": str(second)}).status_code == 302
    drawn(room)
    assert seat(room.sittings[0]).place_id == first
    assert seat(room.sitting_of(newcomer)).place_id == second
    assert browser.post(own, data={"place": "x"}).status_code == 404


def test_nobody_chooses_where_the_office_assigns(app: Any, client_as: Any) -> None:
    room = Room(candidates=1)
    first = place(room, "甲", (1, 1))
    place(room, "乙", (1, 1))
    browser = client_as(room.people[0])
    assert "乙" not in browser.get("/exams/").text.replace("甲、乙", "")
    assert browser.post(f"/exams/sittings/{room.sittings[0]}/place", data={"place": str(first)}).status_code == 404


def test_the_whole_session_is_full_when_its_seats_are(app: Any) -> None:
    room = Room(candidates=1)
    place(room, "甲", (1, 1))
    other = people.person("第二人", region=room.region)
    with training(True), pytest.raises(places.NoSeatLeft), unit_of_work():
        sessions.register(room.session, other, by=room.office, now=clock.now())


def test_publishing_tells_everybody_and_has_tickets_made(app: Any, client_as: Any) -> None:
    room = Room(candidates=2)
    place(room, "甲考点", (1, 3))
    with pytest.raises(places.SeatsNotPlanned):
        published(room)
    drawn(room)
    before = client_as(room.people[0]).get("/exams/").text
    assert "第1考场" not in before
    assert published(room) == 2
    letters = db.session.scalars(select(Notice).where(Notice.letter == "exams.seat")).all()
    assert {one.person_id for one in letters} == {one.id for one in room.people}
    assert letters[0].values["room"] == "第1考场" and letters[0].values["place"] == "甲考点"
    after = client_as(room.people[0]).get("/exams/").text
    assert "第1考场" in after and f"{seat(room.sittings[0]).number}号" in after
    jobs = db.session.scalars(select(Job).where(Job.kind == places.TICKETS)).all()
    assert [job.total for job in jobs] == [2]
    with pytest.raises(places.SeatsPublished):
        drawn(room)
    with pytest.raises(places.SeatsPublished):
        published(room)


def test_the_page_of_the_session_leads_to_seats_that_are_not_published(app: Any, client_as: Any) -> None:
    """Published without seats, nobody would have an admission slip on the morning of the exam."""
    room = Room(candidates=1)
    desk, page = client_as(room.office), f"{OFFICE}/{room.session.id}"
    assert "座位尚未发布" not in desk.get(page).text, "without places there are no seats"
    place(room, "甲考点", (1, 1))
    assert "座位尚未发布" in desk.get(page).text
    drawn(room)
    assert "座位尚未发布" in desk.get(page).text
    published(room)
    assert "座位尚未发布" not in desk.get(page).text


def test_who_registers_after_the_plan_gets_the_next_free_seat(app: Any) -> None:
    room = Room(candidates=1)
    place(room, "甲", (1, 2))
    drawn(room)
    published(room)
    late = people.person("后来者", region=room.region)
    with training(True), unit_of_work():
        sessions.register(room.session, late, by=room.office, now=clock.now())
    one, two = seat(room.sittings[0]), seat(room.sitting_of(late))
    assert one.room_id == two.room_id and {one.number, two.number} == {1, 2}
    kinds = db.session.scalars(select(Notice.letter).where(Notice.person_id == late.id).order_by(Notice.id)).all()
    assert kinds == ["exams.registered", "exams.seat"]


def test_moving_by_hand_swaps_and_tells_both_once_published(app: Any, client_as: Any) -> None:
    room = Room(candidates=2)
    place(room, "甲", (1, 3))
    drawn(room)
    published(room)
    one, two = (seat(n) for n in room.sittings)
    before = (one.number, two.number)
    browser = client_as(room.office)
    address = f"{OFFICE}/{room.session.id}/seats/{room.sittings[0]}"
    assert browser.get(address).status_code == 200
    for bad in (
        {"room_id": one.room_id, "number": 4},
        {"room_id": 999, "number": 1},
        {"room_id": one.room_id, "number": 0},
    ):
        assert browser.post(address, data={k: str(v) for k, v in bad.items()}).status_code == 422, bad
    answer = browser.post(address, data={"room_id": str(one.room_id), "number": str(before[1])})
    assert answer.status_code == 302
    assert (seat(room.sittings[0]).number, seat(room.sittings[1]).number) == (before[1], before[0])
    assert seat(room.sittings[0]).by_hand and seat(room.sittings[1]).by_hand
    count = db.session.scalars(select(Notice.person_id).where(Notice.letter == "exams.seat")).all()
    assert sorted(count) == sorted([p.id for p in room.people] * 2)
    assert "手工" in browser.get(f"{OFFICE}/{room.session.id}/seats").text


def test_a_registration_taken_back_frees_its_seat(app: Any, client_as: Any) -> None:
    room = Room(candidates=1)
    place(room, "甲", (1, 1))
    drawn(room)
    assert client_as(room.people[0]).post(f"/exams/sittings/{room.sittings[0]}/withdraw").status_code == 302
    assert sitting(room.sittings[0]).state is SittingState.VOID
    assert seat(room.sittings[0]).room_id is None
    other = people.person("下一位", region=room.region)
    with training(True), unit_of_work():
        sessions.register(room.session, other, by=room.office, now=clock.now())
    assert drawn(room).seated == 1


def test_places_are_fixed_once_the_exam_has_begun(app: Any, client_as: Any, set_clock: Any) -> None:
    room = Room(candidates=1)
    made = place(room, "甲", (1, 2))
    drawn(room)
    set_clock(room.opens + timedelta(minutes=1))
    browser = client_as(room.office)
    address = f"{OFFICE}/{room.session.id}"
    assert browser.post(f"{address}/places/new", data={"name": "丙"}).status_code == 409
    assert browser.post(f"{address}/seats/draw").status_code == 409
    assert browser.post(f"{address}/places/{made}/remove").status_code == 409
    assert browser.get(f"{address}/seats").status_code == 200


def test_a_room_with_people_keeps_its_size(app: Any, client_as: Any) -> None:
    room = Room(candidates=1)
    made = place(room, "甲", (1, 2))
    drawn(room)
    room_id = seat(room.sittings[0]).room_id
    browser = client_as(room.office)
    address = f"{OFFICE}/{room.session.id}"
    smaller = {"name": "一", "seat_rows": "1", "seat_columns": "1"}
    assert browser.post(f"{address}/rooms/{room_id}", data=smaller).status_code == 409
    assert browser.post(f"{address}/rooms/{room_id}", data=smaller | {"seat_columns": "2"}).status_code == 302
    assert browser.post(f"{address}/rooms/{room_id}/remove").status_code == 409
    assert browser.post(f"{address}/places/{made}/remove").status_code == 409


def test_pages_of_places_are_for_the_office_of_the_region(app: Any, client_as: Any) -> None:
    room = Room(candidates=1)
    made = place(room, "甲", (1, 2))
    stranger = client_as(people.officer(Role.EXAM_OFFICE, Scope.REGION, people.region().id))
    address = f"{OFFICE}/{room.session.id}"
    for path in ("places", "seats", f"places/{made}", "candidates", "prints"):
        assert stranger.get(f"{address}/{path}").status_code == 404, path
        assert client_as(room.people[0]).get(f"{address}/{path}").status_code == 403, path


def test_the_seat_plan_costs_the_same_with_more_people(app: Any, client_as: Any, queries: Any) -> None:
    counts = []
    for candidates in (1, 5):
        room = Room(candidates=candidates)
        place(room, "甲", (2, 3))
        drawn(room)
        browser = client_as(room.office)
        with queries() as seen:
            assert browser.get(f"{OFFICE}/{room.session.id}/seats").status_code == 200
        with queries() as mine:
            assert browser.get(f"{OFFICE}/{room.session.id}/candidates").status_code == 200
        counts.append((len(seen), len(mine)))
    assert counts[0] == counts[1]
    assert db.session.scalars(select(ExamArrangement.seed)).all() == ["s", "s"]
