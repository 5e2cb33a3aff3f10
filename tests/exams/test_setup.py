"""Set-up of a session: steps, check list, copies, lists of candidates, personal extra time."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select

from app.audit.models import AuditEntry
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.exams import places, sessions, setup
from app.exams.deeds import Did
from app.exams.models import ExamPlace, ExamRoom, ExamSession, Sitting
from app.exams.states import SessionState
from app.notices.models import Notice
from tests.exams.factories import Room, session, sitting, small_blueprint, training
from tests.exams.test_pages import FORM, planned
from tests.factories import people

OFFICE = "/exams/office/sessions"


@pytest.fixture
def desk(app: Any, client_as: Any, set_clock: Any, at: Any) -> Any:
    set_clock(at("2030-05-01 09:00"))
    region = people.region()
    office = people.officer(Role.EXAM_OFFICE, Scope.REGION, region.id)
    small_blueprint(office, ("single", 4, "5"))
    browser = client_as(office)
    browser.region, browser.office = region, office
    return browser


def test_a_draft_is_kept_after_the_first_step_and_found_again(desk: Any) -> None:
    form = FORM | {"region_id": str(desk.region.id), "do": "leave"}
    made = desk.post(f"{OFFICE}/new", data=form)
    row = db.session.scalars(select(ExamSession)).one()
    assert made.location == f"{OFFICE}/{row.id}" and row.state is SessionState.DRAFT
    assert row.late_entry_minutes == 30 and row.pass_mark == 60  # as the rules in force say
    assert "继续设置" in desk.get(made.location).text
    page = desk.get(f"{OFFICE}/{row.id}/set-up/who").text
    assert "90" in page and "待办" not in page  # attempts within days, from the rule


def test_the_step_of_the_places_is_done_with_the_first_place(desk: Any) -> None:
    """Places are added on pages of their own: whoever goes on from there has not left the step out."""
    made = desk.post(f"{OFFICE}/new", data=FORM | {"region_id": str(desk.region.id), "do": "leave"}).location

    def done() -> list[str]:
        page = desk.get(f"{made}/set-up/check").text
        return re.findall(r'<li class="done">.*?<a [^>]*>([^<]*)</a>', page, re.S)

    assert done() == ["内容与时间"]
    desk.post(f"{made}/places/new", data={"name": "甲"})
    assert done() == ["内容与时间", "考点与座位"]


def test_the_check_list_names_the_step_where_something_is_missing(
    desk: Any, set_clock: Any, at: Any, client_as: Any
) -> None:
    address = planned(desk, desk.region)
    session_id = int(address.rsplit("/", 1)[1])
    place = desk.post(f"{address}/places/new", data={"name": "滨海考点", "address": "海河路1号"})
    assert place.location == f"{address}/set-up/places"
    set_clock(at("2030-06-01 09:30"))
    late = client_as(desk.office)
    page = late.get(f"{address}/set-up/check").text
    assert f"{address}/set-up/what" in page and f"{address}/set-up/places" in page and "滨海考点" in page
    assert late.post(f"{address}/publish").status_code == 409
    set_clock(at("2030-05-02 09:00"))
    desk = client_as(desk.office)
    place_id = db.session.scalars(select(ExamPlace.id)).one()
    room = {"name": "第一考场", "seat_rows": "2", "seat_columns": "3"}
    assert desk.post(f"{address}/places/{place_id}/rooms/new", data=room).status_code == 302
    assert desk.post(f"{address}/publish").status_code == 302
    assert session(session_id).place == "滨海考点"
    assert desk.get(f"{address}/set-up/what").status_code == 409  # what is published stays


def test_seats_that_are_too_few_stop_publication(desk: Any) -> None:
    address = planned(desk, desk.region, seats="7")
    desk.post(f"{address}/places/new", data={"name": "甲"})
    place_id = db.session.scalars(select(ExamPlace.id)).one()
    desk.post(f"{address}/places/{place_id}/rooms/new", data={"name": "一", "seat_rows": "2", "seat_columns": "3"})
    answer = desk.post(f"{address}/publish")
    assert answer.status_code == 409 and "6" in answer.text and "7" in answer.text


def test_an_unknown_step_is_not_found(desk: Any) -> None:
    address = planned(desk, desk.region)
    assert desk.get(f"{address}/set-up/else").status_code == 404


def test_a_copy_moves_by_whole_weeks_and_takes_rooms_but_no_candidates(app: Any, client_as: Any) -> None:
    room = Room(candidates=2)
    with unit_of_work():
        place = places.save_place(room.session, None, places.PlaceWanted("甲"), by=room.office, now=clock.now())
        db.session.flush()
        places.save_room(room.session, place, None, places.RoomWanted("一", 2, 3), by=room.office, now=clock.now())
    answer = client_as(room.office).post(f"{OFFICE}/{room.session.id}/copy")
    made = db.session.scalars(select(ExamSession).order_by(ExamSession.id.desc())).first()
    assert made is not None and answer.location == f"{OFFICE}/{made.id}/set-up/what"
    source = session(room.session.id)
    shift = made.opens_at - source.opens_at
    assert made.state is SessionState.DRAFT and shift % timedelta(weeks=1) == timedelta(0)
    assert made.opens_at > clock.now() + timedelta(days=13) and made.closes_at - source.closes_at == shift
    assert [p.name for p in places.places_of(made.id)] == ["甲"] and places.places_of(made.id)[0].capacity == 6
    assert db.session.scalar(select(func.count()).where(Sitting.session_id == made.id)) == 0


# --- lists -------------------------------------------------------------------------------------------------------------


def test_reading_a_pasted_list() -> None:
    text = "邮箱\t姓名\n\na@x.org\nb@x.org 张三\n李四\nc@x.org\t王五\t20\t听力障碍证明\n赵六，d@x.org\n"
    text += "e@x.org\t15\t视力障碍证明\n"  # the address alone, then minutes and reason, as the page says
    lines = setup.read_text(text)
    assert [(line.row, line.email, line.name, line.extra) for line in lines] == [
        (3, "a@x.org", "", ""), (4, "b@x.org", "张三", ""), (5, "", "李四", ""), (6, "c@x.org", "王五", "20"),
        (7, "d@x.org", "赵六", ""), (8, "e@x.org", "", "15"),
    ]  # fmt: skip
    assert (lines[3].reason, lines[5].reason) == ("听力障碍证明", "视力障碍证明")
    again = setup.read_text("\n".join(line.as_text() for line in lines))
    assert [line.name for line in again] == [line.name for line in lines]


def test_a_dry_run_changes_nothing_and_says_why(desk: Any) -> None:
    address = planned(desk, desk.region, eligibility="list")
    people.person("张三", email="z@x.org", region=desk.region)
    people.person("李四", region=desk.region)
    people.person("李四", region=desk.region)
    people.person("周七", email="q@x.org", region=desk.region)
    text = "z@x.org\n李四\nnobody@x.org\nq@x.org\t周八\nq@x.org\t\tabc\nq@x.org\t\t15\nz@x.org"
    page = desk.post(f"{address}/candidates", data={"emails": text})
    assert page.status_code == 200
    for words in ("2 人", "没有使用此邮箱的人员", "不符", "abc", "理由", "两次"):
        assert words in page.text, words
    assert db.session.scalar(select(func.count()).select_from(Sitting)) == 0
    answer = desk.post(f"{address}/candidates", data={"emails": text, "do": "register"})
    assert answer.status_code == 422 and "李四" in answer.text and "z@x.org" in answer.text
    made = db.session.scalars(select(Sitting)).one()
    assert made.candidate.name == "张三"


def test_an_excel_list_with_extra_time_and_its_reason(desk: Any) -> None:
    address = planned(desk, desk.region, eligibility="list")
    one = people.person("吴九", email="w@x.org", region=desk.region)
    sheet = load_workbook(io.BytesIO(desk.get(f"{address}/candidates/template.xlsx").data))
    assert [cell.value for cell in sheet.active[1]][:2] == ["电子邮箱", "姓名"]
    sheet.active.append(["w@x.org", "吴九", 30, "视力障碍证明"])
    out = io.BytesIO()
    sheet.save(out)
    page = desk.post(f"{address}/candidates", data={"sheet": (io.BytesIO(out.getvalue()), "名单.xlsx")})
    assert "w@x.org\t吴九\t30\t视力障碍证明" in page.text
    text = "w@x.org\t吴九\t30\t视力障碍证明"
    assert desk.post(f"{address}/candidates", data={"emails": text, "do": "register"}).status_code == 302
    made = db.session.scalars(select(Sitting).where(Sitting.candidate_id == one.id)).one()
    assert made.extra_minutes == 30 and setup.extra_reasons(made.session_id) == {made.id: "视力障碍证明"}
    assert "视力障碍证明" in desk.get(f"{address}/candidates").text


def test_what_is_no_list_is_refused_in_words(desk: Any) -> None:
    address = planned(desk, desk.region, eligibility="list")
    broken = {"sheet": (io.BytesIO(b"PK\x03\x04nonsense"), "x.xlsx")}
    assert desk.post(f"{address}/candidates", data=broken).status_code == 422
    assert desk.post(f"{address}/candidates", data={"emails": "  \n "}).status_code == 422
    book = Workbook()
    for n in range(setup.MOST_ROWS + 20):
        book.active.append([f"p{n}@x.org"])
    out = io.BytesIO()
    book.save(out)
    many = {"sheet": (io.BytesIO(out.getvalue()), "x.xlsx")}
    assert desk.post(f"{address}/candidates", data=many).status_code == 422


def test_the_last_seats_are_counted_in_the_dry_run(desk: Any) -> None:
    address = planned(desk, desk.region, eligibility="list", seats="1")
    for n in range(2):
        people.person(f"郑{n}", email=f"y{n}@x.org", region=desk.region)
    page = desk.post(f"{address}/candidates", data={"emails": "y0@x.org\ny1@x.org"}).text
    assert page.count("没有剩余座位") == 1


def test_a_line_of_the_list_costs_a_few_statements(desk: Any, queries: Any) -> None:
    row = session(int(planned(desk, desk.region, eligibility="list").rsplit("/", 1)[1]))
    for n in range(6):
        people.person(f"冯{n}", email=f"f{n}@x.org", region=desk.region)
    rules = sessions.rules_for(1, desk.region.id, clock.today())
    assert rules["attempts"] == 2
    counts = []
    for many in (2, 6):
        lines = setup.read_text("\n".join(f"f{n}@x.org" for n in range(many)))
        with queries() as seen:
            rows = setup.look_up(row, lines, by=desk.office, waive="", now=clock.now())
        assert not any(one.why for one in rows)
        counts.append(len(seen))
    assert (
        counts[1] - counts[0] <= 4 * 7
    )  # attempts, earlier registrations and bars of each new person; rules (in a request, once)


# --- extra time ----------------------------------------------------------------------------------------------------------


def test_extra_time_needs_a_reason_is_logged_and_told(app: Any, client_as: Any, set_clock: Any) -> None:
    room = Room()
    browser = client_as(room.office)
    address = f"{OFFICE}/{room.session.id}/candidates/{room.sittings[0]}/extra-time"
    assert browser.get(address).status_code == 200
    for bad in ({"minutes": "20"}, {"minutes": "-1", "reason": "x"}, {"minutes": "300", "reason": "x"}, {}):
        assert browser.post(address, data=bad).status_code == 422, bad
    assert browser.post(address, data={"minutes": "20", "reason": "骨折"}).status_code == 302
    made = sitting(room.sittings[0])
    assert made.extra_minutes == 20
    assert db.session.scalar(select(func.count()).where(AuditEntry.deed == str(Did.SET_EXTRA_TIME))) == 1
    letters = db.session.scalars(select(Notice.letter).where(Notice.person_id == room.people[0].id)).all()
    assert letters == ["exams.registered", "exams.extra_time"]
    set_clock(room.opens)
    again = client_as(room.office).post(address, data={"minutes": "40", "reason": "骨折"})
    assert again.status_code == 409 and sitting(room.sittings[0]).extra_minutes == 20
    room.start()
    assert sitting(room.sittings[0]).deadline_at == room.opens + timedelta(minutes=80)


def test_somebody_elses_sitting_is_not_found_under_this_session(app: Any, client_as: Any) -> None:
    one, other = Room(), Room()
    browser = client_as(people.officer(Role.EXAM_OFFICE))
    address = f"{OFFICE}/{one.session.id}/candidates/{other.sittings[0]}/extra-time"
    assert browser.get(address).status_code == 404
    assert browser.post(address, data={"minutes": "5", "reason": "x"}).status_code == 404


def test_places_and_rooms_refuse_what_cannot_be(desk: Any) -> None:
    address = planned(desk, desk.region)
    assert desk.post(f"{address}/places/new", data={"name": ""}).status_code == 422
    desk.post(f"{address}/places/new", data={"name": "甲"})
    assert desk.post(f"{address}/places/new", data={"name": "甲"}).status_code == 422
    place_id = db.session.scalars(select(ExamPlace.id)).one()
    rooms = f"{address}/places/{place_id}/rooms/new"
    for bad in ({"name": "一", "seat_rows": "0", "seat_columns": "3"}, {"name": "一", "seat_rows": "61", "seat_columns": "3"},
                {"name": "", "seat_rows": "2", "seat_columns": "3"}):  # fmt: skip
        assert desk.post(rooms, data=bad).status_code == 422, bad
    good = {"name": "一", "seat_rows": "60", "seat_columns": "60"}
    assert desk.post(rooms, data=good).status_code == 302
    assert desk.post(rooms, data=good | {"name": "二"}).status_code == 422  # more than a session holds
    room_id = db.session.scalars(select(ExamRoom.id)).one()
    change = {"name": "乙", "seat_rows": "2", "seat_columns": "2"}
    assert desk.post(f"{address}/rooms/{room_id}", data=change).status_code == 302
    assert db.session.get_one(ExamRoom, room_id, populate_existing=True).capacity == 4
    assert desk.post(f"{address}/rooms/{room_id}/remove").status_code == 302
    assert desk.post(f"{address}/places/{place_id}/remove").status_code == 302
    assert db.session.scalar(select(func.count()).select_from(ExamPlace)) == 0
    assert desk.post(f"{address}/places/{place_id}/remove").status_code == 404


def test_registering_by_rule_still_needs_the_gate(desk: Any) -> None:
    address = planned(desk, desk.region)
    people.person("陈十", email="c@x.org", region=desk.region)
    with training(False):
        page = desk.post(f"{address}/candidates", data={"emails": "c@x.org"}).text
        assert "须先通过本等级的培训阶段" in page
        data = {"emails": "c@x.org", "waive": "经批准补考", "do": "register"}
        assert desk.post(f"{address}/candidates", data=data).status_code == 302
    assert db.session.scalar(select(func.count()).select_from(Sitting)) == 1
    with unit_of_work():
        sessions.publish(locked(session(int(address.rsplit("/", 1)[1]))), by=desk.office, now=clock.now())
