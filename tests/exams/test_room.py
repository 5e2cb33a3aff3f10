"""The invigilator's room: the list and its price, time and messages, admission, incidents, and voiding by two people."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.core.errors import Invalid, NotAllowedNow
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.exams import marking, room, sittings, tasks, watch
from app.exams.models import EventKind, ExamSeat, Incident, IncidentKind, Sitting, SittingEvent, VoidRequest
from app.exams.room import AskedAlready, OwnSitting, SecondPerson
from app.exams.sittings import NotAdmitted
from app.exams.states import SessionState, SittingState
from app.exams.watch import Watch
from app.exams.words import note_of
from tests.exams.factories import Room, session, sitting
from tests.exams.test_seats import drawn, place, published
from tests.factories import people

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def hall(app: Any, set_clock: Any) -> Room:
    made = Room(candidates=3)
    set_clock(made.opens + MINUTE)
    return made


@pytest.fixture
def watcher(hall: Room) -> Any:
    return people.officer(Role.INVIGILATOR, Scope.REGION, hall.region.id, name="监考甲")


def act(what: Any, hall: Room, n: int = 0, **more: Any) -> Any:
    """``what(sitting, …)`` on the sitting of a candidate, under its lock."""
    by = more["by"]
    with unit_of_work():
        return what(room.held(by, hall.sittings[n]), **more)


# --- the list ------------------------------------------------------------------------------------------------------------------


def test_the_list_stands_by_seat_and_tells_everything(hall: Room, watcher: Any, client_as: Any) -> None:
    for n, seat in ((0, "10"), (2, "2")):
        act(room.set_seat, hall, n, seat=seat, by=watcher, now=hall.opens)
    hall.start(0)
    hall.save(hall.right(0)[:4], n=0)
    browser = client_as(hall.people[0])
    browser.post(f"/exams/sittings/{hall.sittings[0]}/signals",
                 json={"tab": "0123456789ab", "signals": [{"number": 1, "kind": "hidden", "ms": 9000}]})  # fmt: skip
    act(room.check_identity, hall, 0, by=watcher, now=hall.opens)
    desk = client_as(watcher)
    state = desk.get(f"/exams/office/rooms/{hall.session.id}/state").json
    assert [row["cells"]["seat"] for row in state["rows"]] == ["2", "10", "—"]
    line = state["rows"][1]
    assert line["state"] == "in_progress" and line["alarm"] is True
    assert (line["cells"]["answered"], line["cells"]["signals"], line["cells"]["notes"]) == (
        "4 / 6",
        "1 (1)",
        "身份已核验",
    )
    assert state["rows"][0]["cells"]["ends"] == "—" and state["rows"][0]["alarm"] is False
    page = desk.get(f"/exams/office/rooms/{hall.session.id}").text
    assert "4 / 6" in page and page.count("data-sitting=") == 3
    own = desk.get(f"/exams/office/sittings/{hall.sittings[0]}").text
    assert "切换页面" in own and "未上传照片" in own and "身份已核验" in own


def test_the_list_is_narrowed_and_so_is_what_it_asks_for(hall: Room, watcher: Any, client_as: Any) -> None:
    act(room.set_seat, hall, 0, seat="A7", by=watcher, now=hall.opens)
    hall.start(0)
    client_as(hall.people[0]).post(
        f"/exams/sittings/{hall.sittings[0]}/signals",
        json={"tab": "0123456789ab", "signals": [{"number": 1, "kind": "hidden", "ms": 9000}]},
    )
    desk, address = client_as(watcher), f"/exams/office/rooms/{hall.session.id}"
    sits, waits = {hall.sittings[0]}, set(hall.sittings[1:3])
    for asked, there in (
        ("q=a 7", sits), (f"q={hall.people[1].name}", {hall.sittings[1]}), ("show=in_progress", sits), ("show=alarm", sits),
        ("show=registered", waits), ("show=nonsense", sits | waits), ("show=registered&q=a7", set()),
    ):  # fmt: skip
        page = desk.get(f"{address}?{asked}").text
        assert {int(one) for one in re.findall(r'data-sitting="(\d+)"', page)} == there, asked
        url = html.unescape(re.findall(r'data-url="([^"]*)"', page)[0])
        assert {row["id"] for row in desk.get(url).json["rows"]} == there, asked
    assert "没有符合条件的考生" in page and "全部暂停" in page


def test_the_list_of_rooms_says_what_goes_on(hall: Room, watcher: Any, client_as: Any, queries: Any) -> None:
    desk = client_as(watcher)
    hall.start(0)
    with unit_of_work():
        room.report(locked(hall.session), IncidentKind.TECHNICAL, "停电", by=watcher, now=hall.opens)
    with queries() as seen:
        page = desk.get("/exams/office/rooms").text
    assert "进行中" in page and "已报名 2" in page and "作答中 1" in page
    assert re.search(r'data-label="待处理事项">.*?<span>1</span>', page, re.S)
    assert len(seen) <= 12, seen


def test_changes_of_device_and_address_are_counted_in_words(hall: Room, watcher: Any, client_as: Any) -> None:
    hall.start(0)
    browser, own = client_as(hall.people[0]), f"/exams/sittings/{hall.sittings[0]}"
    browser.post(f"{own}/open", json={"device": "a" * 20})
    browser.post(
        f"{own}/open", json={"device": "b" * 20, "take_over": True}, environ_overrides={"REMOTE_ADDR": "10.9.8.7"}
    )
    desk, address = client_as(watcher), f"/exams/office/rooms/{hall.session.id}"
    assert "1 次更换设备 · 1 次地址变更" in desk.get(address).text
    assert desk.get(f"{address}/state").json["rows"][0]["alarm"] is True
    desk.get("/language/en")
    assert "1 change of device · 1 change of address" in desk.get(address).text


def test_polling_costs_the_same_for_one_and_many(app: Any, client_as: Any, queries: Any) -> None:
    counts = []
    for candidates in (1, 6):
        made = Room(candidates=candidates)
        for n in range(candidates):
            made.start(n)
            made.save(made.right(n), n=n)
        desk = client_as(made.office)
        desk.get(f"/exams/office/rooms/{made.session.id}/state")
        with queries() as seen:
            assert len(desk.get(f"/exams/office/rooms/{made.session.id}/state").json["rows"]) == candidates
        counts.append(len(seen))
        found, now = session(made.session.id), made.opens
        found_id = found.id
        with queries() as seen:
            room.lines_of(found, now)
            room.open_in(found_id)
        assert len(seen) == 2, seen
    assert counts == [5, 5], counts  # the list costs two of them


def test_seats_are_given_out_once(hall: Room, watcher: Any) -> None:
    act(room.set_seat, hall, 1, seat="2", by=watcher, now=hall.opens)
    with unit_of_work():
        assert room.give_out_seats(locked(hall.session), by=watcher, now=hall.opens) == 2
    with unit_of_work():
        assert room.give_out_seats(locked(hall.session), by=watcher, now=hall.opens) == 0
    assert sorted(sitting(one).seat for one in hall.sittings) == ["1", "2", "3"]
    assert sitting(hall.sittings[1]).seat == "2"
    with pytest.raises(room.SeatTaken):
        act(room.set_seat, hall, 0, seat="2", by=watcher, now=hall.opens)


def test_who_may_come(hall: Room, client_as: Any) -> None:
    elsewhere = people.officer(Role.INVIGILATOR, Scope.REGION, people.region().id)
    for who, answer in ((hall.people[1], 403), (elsewhere, 404)):
        browser = client_as(who)
        for path in (f"rooms/{hall.session.id}", f"rooms/{hall.session.id}/state", f"sittings/{hall.sittings[0]}",
                     f"sittings/{hall.sittings[0]}/photo"):  # fmt: skip
            assert browser.get(f"/exams/office/{path}").status_code == answer, path
        for path in ("seats", "admit", "time", "pause", "resume", "messages", "incidents"):
            assert browser.post(f"/exams/office/rooms/{hall.session.id}/{path}").status_code == answer, path
        for path in (
            "identity",
            "admit",
            "seat",
            "time",
            "pause",
            "resume",
            "messages",
            "incidents",
            "seb",
            "void",
            "hand-in",
        ):
            assert browser.post(f"/exams/office/sittings/{hall.sittings[0]}/{path}").status_code == answer, path


def test_nobody_watches_over_their_own_exam(hall: Room, client_as: Any) -> None:
    people.hold(hall.people[0], Role.INVIGILATOR, Scope.REGION, hall.region.id)
    for n in (0, 1):
        hall.start(n)
    desk = client_as(hall.people[0])
    own = f"/exams/office/sittings/{hall.sittings[0]}"
    assert desk.post(f"{own}/time", data={"time-minutes": "60", "time-reason": "想要"}).status_code == 403
    assert (
        desk.post(
            f"/exams/office/rooms/{hall.session.id}/time", data={"all-minutes": "9", "all-reason": "停电"}
        ).status_code
        == 302
    )
    assert [sitting(one).credit_seconds for one in hall.sittings] == [0, 540, 0]
    with unit_of_work(), pytest.raises(OwnSitting):
        room.held(hall.people[0], hall.sittings[0])


# --- time ----------------------------------------------------------------------------------------------------------------------


def test_a_pause_gives_its_time_back_to_the_second(app: Any, hall: Room, watcher: Any) -> None:
    hall.start(0)
    begun = hall.opens
    act(room.pause, hall, reason="停电", by=watcher, now=begun + 10 * MINUTE)
    with pytest.raises(NotAllowedNow):
        act(room.pause, hall, reason="停电", by=watcher, now=begun + 11 * MINUTE)
    reply = hall.save(hall.right(0)[:1], at=begun + 30 * MINUTE)
    assert reply.paused and reply.remaining_ms == 50 * 60_000 and reply.saved == {1: 1}, "what arrives is kept"
    assert hall.save([], at=begun + 3 * 60 * MINUTE).remaining_ms == 50 * 60_000
    tasks.sweep(begun + 5 * 60 * MINUTE)
    assert sitting(hall.sittings[0]).state is SittingState.IN_PROGRESS, "the clock stands: nothing is overdue"
    act(room.resume, hall, by=watcher, now=begun + 30 * MINUTE + SECOND / 2)
    made = sitting(hall.sittings[0])
    assert made.credit_seconds == 20 * 60 + 1 and made.deadline_at == begun + 80 * MINUTE + SECOND
    assert hall.save([], at=begun + 31 * MINUTE).paused is False
    events = db.session.scalars(
        select(SittingEvent).where(SittingEvent.by_id == watcher.id).order_by(SittingEvent.id)
    ).all()
    assert [one.kind for one in events] == [EventKind.PAUSED, EventKind.RESUMED]
    with app.test_request_context():
        assert note_of(events[1]) == "补还 1,201 秒"
        more = SittingEvent(kind=EventKind.TIME_ADDED, note="5 min: 换机: 二号")
        assert note_of(more) == "5 分钟 · 换机: 二号"
    tasks.sweep(begun + 83 * MINUTE)
    assert sitting(hall.sittings[0]).state is not SittingState.IN_PROGRESS


def test_everybody_is_paused_extended_and_resumed(hall: Room, watcher: Any, client_as: Any) -> None:
    for n in (0, 1):
        hall.start(n)
    desk, address = client_as(watcher), f"/exams/office/rooms/{hall.session.id}"
    assert desk.post(f"{address}/pause", data={"pause-reason": ""}).status_code == 422
    assert desk.post(f"{address}/pause", data={"pause-reason": "火警"}).status_code == 302
    assert [sitting(one).paused_at is not None for one in hall.sittings] == [True, True, False]
    assert desk.post(f"{address}/time", data={"all-minutes": "5", "all-reason": ""}).status_code == 422
    assert desk.post(f"{address}/time", data={"all-minutes": "5", "all-reason": "火警"}).status_code == 302
    assert sitting(hall.sittings[0]).deadline_at is None
    assert desk.post(f"{address}/resume").status_code == 302
    made = [sitting(one) for one in hall.sittings]
    assert [one.paused_at for one in made] == [None] * 3
    assert [one.credit_seconds >= 300 for one in made] == [True, True, False]
    deeds = db.session.scalars(select(AuditEntry.deed).where(AuditEntry.person_id == watcher.id)).all()
    assert deeds == ["exams.room.pause", "exams.sitting.add_time", "exams.room.resume"]


# --- messages --------------------------------------------------------------------------------------------------------------------


def test_messages_reach_whom_they_are_for(hall: Room, watcher: Any, client_as: Any, queries: Any) -> None:
    for n in (0, 1):
        hall.start(n)
    desk = client_as(watcher)
    assert desk.post(f"/exams/office/rooms/{hall.session.id}/messages", data={"say-text": " "}).status_code == 422
    desk.post(f"/exams/office/rooms/{hall.session.id}/messages", data={"say-text": "请保持安静<b>"})
    desk.post(f"/exams/office/sittings/{hall.sittings[0]}/messages", data={"say-text": "请出示证件"})
    first, second = client_as(hall.people[0]), client_as(hall.people[1])
    one, two = (f"/exams/sittings/{n}" for n in hall.sittings[:2])
    right = hall.right()[0].answer
    first.post(f"{one}/answers", json={"epoch": 1, "steps": [{"question": 1, "counter": 1, "answer": right}]})
    with queries() as seen:  # the first save has read what a process keeps: paper, rules
        step = [{"question": 1, "counter": 2, "answer": right}]
        reply = first.post(f"{one}/answers", json={"epoch": 1, "steps": step}).json
    assert len(seen) <= 4, seen  # sign-in, sitting, log, news
    latest = reply["news"]
    assert [said["text"] for said in first.get(f"{one}/news").json] == ["请保持安静<b>", "请出示证件"]
    assert [said["text"] for said in second.get(f"{two}/news").json] == ["请保持安静<b>"]
    assert first.get(f"{one}/news?after={latest}").json == [] == first.get(f"{one}/news?after={latest + 10**9}").json
    assert first.get(f"{one}/news?after=x").status_code == 200
    assert second.get(f"{one}/news").status_code == 404
    assert second.post(f"{two}/answers", json={"epoch": 1, "steps": []}).json["news"] < latest


# --- admission ---------------------------------------------------------------------------------------------------------------------


def test_candidates_wait_for_the_code_or_for_the_invigilator(app: Any, set_clock: Any, client_as: Any) -> None:
    hall = Room(candidates=3)
    with unit_of_work():
        watch.change(locked(hall.session), Watch(), admission=True, by=hall.office, now=hall.opens - MINUTE)
    code = session(hall.session.id).watch["room_code"]
    set_clock(hall.opens + MINUTE)
    address = f"/exams/sittings/{hall.sittings[0]}"
    browser = client_as(hall.people[0])
    page = browser.get(f"{address}/start").text
    assert "请等待准入" in page and code not in page and "考场口令" in page
    for bad in ("", "x", code[::-1] + "1"):
        answer = browser.post(f"{address}/start", data={"honour": "y", "code": bad})
        assert answer.status_code == 422 and "考场口令不正确" in answer.text
    assert sitting(hall.sittings[0]).state is SittingState.REGISTERED
    assert browser.post(f"{address}/start", data={"honour": "y", "code": f" {code} "}).status_code == 302
    assert sitting(hall.sittings[0]).state is SittingState.IN_PROGRESS
    desk = client_as(hall.office)
    assert code in desk.get(f"/exams/office/rooms/{hall.session.id}").text
    assert desk.post(f"/exams/office/sittings/{hall.sittings[1]}/admit").status_code == 302
    assert "您已获准入场" in client_as(hall.people[1]).get(f"/exams/sittings/{hall.sittings[1]}/start").text
    with unit_of_work():
        sittings.start(hall.sittings[1], by=hall.people[1], honour=True, now=hall.opens + MINUTE)
    with unit_of_work(), pytest.raises(NotAdmitted):
        sittings.start(hall.sittings[2], by=hall.people[2], honour=True, now=hall.opens + MINUTE)
    assert desk.post(f"/exams/office/rooms/{hall.session.id}/admit").status_code == 302
    hall.start(2, at=hall.opens + MINUTE)


# --- incidents ----------------------------------------------------------------------------------------------------------------------


def finish(hall: Room) -> None:
    for n in range(3):
        hall.start(n)
        hall.hand_in(hall.right(n), n=n)
    tasks.sweep(hall.session.closes_at + 2 * MINUTE)


def test_an_open_incident_stays_on_top_and_holds_back_the_release(hall: Room, watcher: Any, client_as: Any) -> None:
    desk = client_as(watcher)
    own = f"/exams/office/sittings/{hall.sittings[0]}"
    assert desk.post(f"{own}/incidents", data={"report-kind": "theft", "report-note": "x"}).status_code == 422
    assert desk.post(f"{own}/incidents", data={"report-note": "没有选类别"}).status_code == 422
    assert '<option value="">请选择' in desk.get(own).text, "the kind is chosen, not what happens to stand first"
    assert desk.post(f"{own}/incidents", data={"report-kind": "device", "report-note": " "}).status_code == 422
    assert desk.post(f"{own}/incidents", data={"report-kind": "device", "report-note": "桌下有手机"}).status_code == 302
    finish(hall)
    assert session(hall.session.id).state is SessionState.CLOSED
    page = desk.get(f"/exams/office/rooms/{hall.session.id}").text
    assert page.index("桌下有手机") < page.index("data-sitting=")
    office = client_as(hall.office)
    checks = office.get(f"/exams/office/sessions/{hall.session.id}").text
    assert "异常事件均已办结（1 件未办结）" in checks
    assert office.post(f"/exams/office/sessions/{hall.session.id}/release").status_code == 409
    incident = db.session.scalars(select(Incident)).one()
    assert desk.post(f"/exams/office/incidents/{incident.id}/close", data={"outcome": ""}).status_code == 422
    assert (
        desk.post(f"/exams/office/incidents/{incident.id}/close", data={"outcome": "手机未开机，教育"}).status_code
        == 302
    )
    assert desk.post(f"/exams/office/incidents/{incident.id}/close", data={"outcome": "再来"}).status_code == 409
    assert "手机未开机" in desk.get(f"/exams/office/rooms/{hall.session.id}").text
    assert office.post(f"/exams/office/sessions/{hall.session.id}/release").status_code == 302
    assert sitting(hall.sittings[0]).state is SittingState.RELEASED


def test_an_incident_of_another_region_is_not_there(hall: Room, watcher: Any, client_as: Any) -> None:
    with unit_of_work():
        made = room.report(locked(hall.session), IncidentKind.TECHNICAL, "断网", by=watcher, now=hall.opens)
    other = people.officer(Role.EXAM_OFFICE, Scope.REGION, people.region().id)
    assert client_as(other).post(f"/exams/office/incidents/{made.id}/close", data={"outcome": "x"}).status_code == 404


# --- void by two ----------------------------------------------------------------------------------------------------------------------


def ask(hall: Room, by: Any, **more: Any) -> VoidRequest:
    return act(room.ask_void, hall, reason="替考", cheating=True, by=by, now=hall.opens + 2 * MINUTE, **more)


def decide(asked: VoidRequest, by: Any, confirm: bool = True, remark: str = "", now: Any = None) -> None:
    with unit_of_work():
        room.decide_void(locked(asked), confirm=confirm, remark=remark, by=by, now=now)


def test_one_asks_and_another_confirms(hall: Room, watcher: Any) -> None:
    hall.start(0)
    asked = ask(hall, watcher)
    with pytest.raises(AskedAlready):
        ask(hall, hall.office)
    with pytest.raises(SecondPerson):
        decide(asked, watcher, now=hall.opens)
    assert sitting(hall.sittings[0]).state is SittingState.IN_PROGRESS
    decide(asked, hall.office, now=hall.opens + 3 * MINUTE)
    made = sitting(hall.sittings[0])
    assert made.state is SittingState.VOID and made.void_reason == "替考" and made.barred_until is not None
    with pytest.raises(NotAllowedNow):
        decide(asked, hall.office, now=hall.opens)


def test_a_declined_request_needs_a_remark_and_changes_nothing(hall: Room, watcher: Any, client_as: Any) -> None:
    hall.start(0)
    asked = ask(hall, watcher)
    with pytest.raises(Invalid):
        decide(asked, hall.office, confirm=False, now=hall.opens)
    office = client_as(hall.office)
    page = office.get(f"/exams/office/rooms/{hall.session.id}").text
    assert "替考" in page and "确认作废" in page
    assert office.post(f"/exams/office/voids/{asked.id}", data={"do": "decline", "remark": ""}).status_code == 422
    assert (
        office.post(f"/exams/office/voids/{asked.id}", data={"do": "decline", "remark": "证据不足"}).status_code == 302
    )
    assert sitting(hall.sittings[0]).state is SittingState.IN_PROGRESS
    assert ask(hall, watcher).id != asked.id, "it may be asked again"


def test_a_waiting_request_holds_back_the_release_and_counts_in_the_menu(hall: Room, watcher: Any) -> None:
    finish(hall)
    asked = ask(hall, watcher)
    assert [
        fine for words, fine in marking.release_checks(session(hall.session.id)) if "作废" in words or "void" in words
    ] == [False]
    assert (room.void_requests_waiting(watcher), room.void_requests_waiting(hall.office)) == (0, 1)
    decide(asked, hall.office, now=hall.opens)
    assert all(fine for _words, fine in marking.release_checks(session(hall.session.id)))


def test_a_released_result_may_still_be_asked_about(hall: Room, watcher: Any, client_as: Any) -> None:
    finish(hall)
    with unit_of_work():
        marking.release(locked(hall.session), by=hall.office, now=hall.session.closes_at + 5 * MINUTE)
    office = client_as(hall.office)
    assert hall.session.title not in office.get("/exams/office/rooms").text
    asked = ask(hall, watcher)
    assert hall.session.title in office.get("/exams/office/rooms").text, "what the menu counts is found there"
    decide(asked, hall.office, now=hall.opens)
    assert sitting(hall.sittings[0]).state is SittingState.VOID


def test_the_candidate_decides_nothing_about_themselves(hall: Room, watcher: Any) -> None:
    people.hold(hall.people[0], Role.INVIGILATOR, Scope.REGION, hall.region.id)
    asked = ask(hall, watcher)
    with pytest.raises(OwnSitting):
        decide(asked, hall.people[0], confirm=False, remark="没有", now=hall.opens)


def test_two_ask_at_the_same_time(hall: Room, watcher: Any) -> None:
    """The index holds where the question before it was answered too early."""
    ask(hall, watcher)
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError), unit_of_work():
        db.session.add(VoidRequest(sitting_id=hall.sittings[0], reason="x", asked_by_id=hall.office.id))
        db.session.flush()
    assert db.session.query(Sitting).count() == 3


def test_two_rooms_of_three_places_are_told_apart_and_chosen(app: Any, client_as: Any, queries: Any) -> None:
    room = Room(candidates=6)
    ids = [place(room, name, (1, 1), (1, 1)) for name in ("甲考点", "乙考点", "丙考点")]
    drawn(room)
    published(room)
    watcher = people.officer(Role.INVIGILATOR, Scope.REGION, room.region.id)
    desk, address = client_as(watcher), f"/exams/office/rooms/{room.session.id}"
    page = desk.get(address).text
    groups = re.findall(r'colspan="9">([^<]*)<', page)  # one head for each room, its seats below
    assert len(groups) == 6 and {name.partition(" · ")[0] for name in groups} == {"甲考点", "乙考点", "丙考点"}
    assert re.findall(r'data-cell="seat">([^<]*)<', page) == ["1"] * 6
    db.session.rollback()
    rows = db.session.execute(select(ExamSeat.sitting_id, ExamSeat.room_id, ExamSeat.place_id)).all()
    mine = [row.room_id for row in rows if row.place_id == ids[0]]
    shown = {row.sitting_id for row in rows if row.room_id in mine}
    assert len(mine) == len(shown) == 2
    told = {one.text for one in (desk.get(f"/exams/office/sittings/{n}") for n in room.sittings)}
    assert all(any(f"{name} · 第1考场 · 1号" in text for text in told) for name in ("甲考点", "乙考点", "丙考点"))
    start = client_as(room.people[0]).get(f"/exams/sittings/{room.sittings[0]}/start").text
    assert any(name in start for name in ("甲考点", "乙考点", "丙考点")), "which place, too"
    desk.get(f"{address}?hall={mine[0]}&hall={mine[1]}")
    for _again in range(2):  # kept in this sign-in, for the list that renews itself too
        with queries() as seen:
            state = desk.get(f"{address}/state").json
        assert {row["id"] for row in state["rows"]} == shown
    assert len(seen) == 4, seen
    assert len(desk.get(f"{address}?all=1").text) > 0
    assert len(desk.get(f"{address}/state").json["rows"]) == 6
    assert len(desk.get(f"{address}?hall=999999&hall=x").text) > 0
    assert len(desk.get(f"{address}/state").json["rows"]) == 6, "rooms of elsewhere choose nothing"
