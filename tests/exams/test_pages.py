"""Pages of the exam stage: the candidate's, the office's, the invigilator's and the marker's."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer
from sqlalchemy import func, select

from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, is_sqlite, unit_of_work
from app.exams import papers, sittings, tasks
from app.exams.models import ExamSession, MarkingTask, Sitting, SittingStep
from app.exams.states import SessionState, SittingState
from app.jobs.service import run_waiting
from app.notices.models import Notice
from question_bank.grading import correct_answer
from tests.exams.factories import Room, plan, session, sitting, small_blueprint, training
from tests.factories import people

MINUTE = timedelta(minutes=1)


def _steps(room: Room, n: int = 0, counter: int = 1) -> list[dict[str, Any]]:
    return [
        {"question": s.question, "counter": counter, "answer": s.answer, "cleared": False, "at_ms": 1}
        for s in room.right(n)
    ]


@pytest.fixture
def room(app: Any, set_clock: Any) -> Room:
    made = Room()
    set_clock(made.opens + MINUTE)
    return made


def _begin(room: Room, client_as: Any, n: int = 0) -> Any:
    browser = client_as(room.people[n])
    address = f"/exams/sittings/{room.sittings[n]}"
    assert browser.post(f"{address}/start", data={"honour": "y"}).status_code == 302
    return browser, address


def test_start_needs_the_honour_statement(room: Room, client_as: Any) -> None:
    browser = client_as(room.people[0])
    address = f"/exams/sittings/{room.sittings[0]}"
    assert "诚信考试承诺" in browser.get(f"{address}/start").text
    assert browser.post(f"{address}/start", data={}).status_code == 422
    assert sitting(room.sittings[0]).state is SittingState.REGISTERED
    assert browser.post(f"{address}/start", data={"honour": "y"}).location == address


def test_the_page_holds_every_question_and_no_key(room: Room, client_as: Any, queries: Any) -> None:
    browser, address = _begin(room, client_as)
    browser.get(address)
    with queries() as seen:
        page = browser.get(address)
    assert len(seen) <= 4, seen
    made = sitting(room.sittings[0])
    for entry in papers.paper_of(made):
        assert f'id="q{entry.place}"' in page.text
        assert entry.item.explanation[:25] not in page.text
        assert entry.item.source[:25] not in page.text or entry.item.source[:25] in entry.item.text
    assert "correct" not in page.text and "<style" not in page.text and ' style="' not in page.text
    assert page.text.count("<script") == page.text.count("<script src=")
    assert page.text.count("<h1") == 1


def test_a_save_costs_five_statements_at_most(room: Room, client_as: Any, queries: Any) -> None:
    browser, address = _begin(room, client_as)
    with queries() as seen:
        answer = browser.post(f"{address}/answers", json={"epoch": 1, "steps": _steps(room)[:1]})
    assert answer.json["saved"] == {"1": 1} and answer.json["state"] == "in_progress"
    assert len(seen) - 2 <= 5, seen  # two of them read the right answers for this test
    steps = _steps(room)
    with queries() as seen:
        answer = browser.post(f"{address}/answers", json={"epoch": 1, "steps": steps})
    assert len(seen) == (3 if is_sqlite(db.engine) else 1), seen  # who asks, the sitting, the log; or all in one
    assert set(answer.json["saved"]) == {str(n) for n in range(1, 7)} and 0 < answer.json["remaining_ms"] <= 3_600_000


def test_hand_in_marks_at_once_and_repeats(room: Room, client_as: Any, queries: Any) -> None:
    browser, address = _begin(room, client_as)
    steps = _steps(room)
    with queries() as seen:
        first = browser.post(f"{address}/hand-in", json={"epoch": 1, "steps": steps})
    assert first.json["state"] == "submitted" and len(first.json["saved"]) == 6 and len(seen) <= 14, seen
    again = browser.post(f"{address}/hand-in", json={"epoch": 1, "steps": steps})
    assert again.json["state"] in ("submitted", "marked") and again.json["saved"] == first.json["saved"]
    made = sitting(room.sittings[0])
    assert made.state is SittingState.MARKED and made.score == 30
    assert browser.get(address, follow_redirects=True).status_code == 200


def test_bad_requests_are_answered_in_words(room: Room, client_as: Any) -> None:
    browser, address = _begin(room, client_as)
    headers = {"Accept": "application/json"}
    for body in ("", "{", "[]", '{"epoch": 1}', '{"epoch": "1", "steps": []}', '{"epoch": 9, "steps": []}',
                 '{"epoch": 1, "steps": [{"question": 1, "counter": -1}]}', "\x00"):  # fmt: skip
        answer = browser.post(f"{address}/answers", data=body, content_type="application/json", headers=headers)
        assert answer.status_code == 422 and answer.json["error"], body
    assert db.session.scalar(select(func.count()).select_from(SittingStep)) == 0


def _token(page: str) -> str:
    return str(re.search(r'data-token="([^"]+)"', page)[1])  # type: ignore[index]


def _old_token(app: Any, browser: Any, address: str, monkeypatch: Any) -> str:
    """The token of a page that was loaded five hours ago in this session."""
    assert browser.get(address).status_code == 200
    with browser.session_transaction() as kept:
        raw = kept["csrf_token"]
    signer, now = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token"), TimestampSigner.get_timestamp
    with monkeypatch.context() as then:
        then.setattr(TimestampSigner, "get_timestamp", lambda own: now(own) - 5 * 3600)
        token = str(signer.dumps(raw))
    with pytest.raises(SignatureExpired):
        signer.loads(token, max_age=3600)
    return token


def test_the_form_token_is_asked_for_in_the_body(app: Any, room: Room, client_as: Any, monkeypatch: Any) -> None:
    browser, address = _begin(room, client_as)
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    token = _token(browser.get(address).text)
    body = {"epoch": 1, "steps": _steps(room)[:1]}
    for bad in ({}, {"token": "no"}):
        answer = browser.post(f"{address}/answers", json=body | bad)
        assert answer.status_code == 409 and answer.json["token"], "another session's page gets this session's token"
    assert db.session.scalar(select(func.count()).select_from(SittingStep)) == 0
    assert browser.post(f"{address}/answers", json=body | {"token": token}).status_code == 200


def test_a_form_token_older_than_an_hour_saves_and_hands_in(
    app: Any, room: Room, client_as: Any, monkeypatch: Any
) -> None:
    """Flask-WTF's own limit is an hour. Ours lives as long as the session: nothing is asked of the page."""
    browser, address = _begin(room, client_as)
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    token = _old_token(app, browser, address, monkeypatch)
    steps = _steps(room)
    answer = browser.post(f"{address}/answers", json={"epoch": 1, "steps": steps[:3], "token": token})
    assert answer.status_code == 200 and len(answer.json["saved"]) == 3
    answer = browser.post(f"{address}/hand-in", json={"epoch": 1, "steps": steps[3:], "token": token})
    assert answer.status_code == 200 and answer.json["state"] == "submitted"
    assert sitting(room.sittings[0]).score == 30, "nothing is lost"


def test_the_plain_form_takes_an_old_token_too(app: Any, room: Room, client_as: Any, monkeypatch: Any) -> None:
    browser, address = _begin(room, client_as)
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    token = _old_token(app, browser, address, monkeypatch)
    first = papers.paper_of(sitting(room.sittings[0]))[0]
    fields = {"epoch": "1", "do": "save", "csrf_token": token, f"q{first.place}": str(correct_answer(first.item))}
    assert browser.post(f"{address}/hand-in", data=fields).location == address
    assert db.session.scalar(select(func.count()).select_from(SittingStep)) == 1


def test_after_signing_in_again_the_page_gets_the_new_token_and_sends_the_same_again(
    app: Any, room: Room, client_as: Any, monkeypatch: Any
) -> None:
    browser, address = _begin(room, client_as)
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    old = _token(browser.get(address).text)
    again = client_as(room.people[0])  # the session of the other tab
    body = {"epoch": 1, "steps": _steps(room)}
    refused = again.post(f"{address}/answers", json=body | {"token": old})
    assert refused.status_code == 409 and refused.json["token"] != old
    saved = again.post(f"{address}/answers", json=body | {"token": refused.json["token"]})
    assert saved.status_code == 200 and len(saved.json["saved"]) == 6


def test_without_script_the_form_saves_and_hands_in(room: Room, client_as: Any) -> None:
    browser, address = _begin(room, client_as)
    fields: dict[str, str] = {"epoch": "1"}
    for entry in papers.paper_of(sitting(room.sittings[0])):
        key = correct_answer(entry.item)
        fields[f"q{entry.place}"] = {True: "true", False: "false"}.get(key, key)  # type: ignore[arg-type]
    kept = fields | {"do": "save"}
    kept.pop("q2")
    assert browser.post(f"{address}/hand-in", data=kept).location == address
    assert sitting(room.sittings[0]).state is SittingState.IN_PROGRESS
    last = {"epoch": "1", "do": "hand-in", "q2": fields["q2"]}
    assert browser.post(f"{address}/hand-in", data=last).location.endswith("/done")
    assert sitting(room.sittings[0]).score == 30


def test_other_peoples_sittings_are_not_found(app: Any, client_as: Any, set_clock: Any) -> None:
    room = Room(candidates=2)
    set_clock(room.opens)
    browser = client_as(room.people[1])
    address = f"/exams/sittings/{room.sittings[0]}"
    for path in ("", "/start", "/done", "/result"):
        assert browser.get(address + path).status_code == 404
    for path in ("/open", "/answers", "/hand-in"):
        assert browser.post(address + path, json={"epoch": 1, "steps": [], "device": "d" * 12}).status_code == 404
    assert browser.post(f"{address}/withdraw").status_code == 404
    assert browser.get(f"/exams/office/sessions/{room.session.id}").status_code == 403


def test_an_office_of_another_region_does_not_see_it(app: Any, client_as: Any) -> None:
    room = Room()
    other = people.region()
    office = people.officer(Role.EXAM_OFFICE, Scope.REGION, other.id)
    browser = client_as(office)
    for path in (f"sessions/{room.session.id}", f"rooms/{room.session.id}", f"sittings/{room.sittings[0]}"):
        assert browser.get(f"/exams/office/{path}").status_code == 404
    for path in ("publish", "release", "cancel", "candidates", "copy", "seats/draw", "seats/publish", "prints"):
        assert browser.post(f"/exams/office/sessions/{room.session.id}/{path}").status_code == 404
    for path in ("time", "void", "hand-in"):
        assert browser.post(f"/exams/office/sittings/{room.sittings[0]}/{path}").status_code == 404


FORM = {
    "level": "1", "title": "夏季考试", "place": "三楼机房", "opens_at": "2030-06-01T09:00", "closes_at": "2030-06-01T12:00",
    "minutes": "60", "late_entry_minutes": "30", "pass_mark": "60", "multiple_rule": "all_or_nothing", "markers": "2",
    "eligibility": "training", "shown": "answers", "places_by": "office",
}  # fmt: skip


def planned(desk: Any, region: Any, **change: str) -> str:
    """A draft made by walking through the set-up; the address of its page."""
    form = FORM | {"region_id": str(region.id)} | change
    made = desk.post("/exams/office/sessions/new", data=form)
    assert made.status_code == 302, made.text
    address = made.location.rsplit("/set-up/", 1)[0]
    for step in ("who", "places", "rules"):
        answer = desk.post(f"{address}/set-up/{step}", data=form)
        assert answer.status_code == 302, answer.text
    return address


def test_from_planning_to_the_result(app: Any, client_as: Any, set_clock: Any, at: Any) -> None:
    set_clock(at("2030-05-01 09:00"))
    region = people.region()
    office = people.officer(Role.EXAM_OFFICE, Scope.REGION, region.id)
    small_blueprint(office, ("single", 4, "5"), ("truefalse", 2, "5"))
    trainee = people.person("张三", region=region)
    desk, browser = client_as(office), client_as(trainee)
    made = planned(desk, region)
    assert "题库可以满足组卷方案" in desk.get(made).text
    assert browser.get("/exams/").status_code == 200
    assert desk.post(f"{made}/publish").status_code == 302
    row = db.session.scalars(select(ExamSession)).one()
    assert row.opens_at == at("2030-06-01 09:00") and row.blueprint_version_id and row.rule_version_id
    with training(False):
        page = browser.get("/exams/").text
        assert "须先通过本等级的培训阶段" in page
        assert browser.post(f"/exams/sessions/{row.id}/register").status_code == 409
    with training(True):
        assert "报名考试" in browser.get("/exams/").text
        answer = browser.post(f"/exams/sessions/{row.id}/register")
        assert answer.status_code == 302
        assert browser.post(f"/exams/sessions/{row.id}/register").status_code == 404  # no longer offered
    sat = db.session.scalars(select(Sitting)).one()
    assert len(sat.entries) == 6
    address = f"/exams/sittings/{sat.id}"
    assert "考试开始时间" in browser.get(f"{address}/start").text
    set_clock(at("2030-06-01 09:05"))
    desk, browser = client_as(office), client_as(trainee)
    assert browser.post(f"{address}/start", data={"honour": "y"}).status_code == 302
    steps = [
        {"question": e.place, "counter": 1, "answer": correct_answer(e.item)}
        for e in papers.paper_of(sitting(sat.id))[:4]
    ]
    browser.post(f"{address}/hand-in", json={"epoch": 1, "steps": steps})
    with training(True):
        assert "成绩" not in browser.get(f"{address}/done").text or browser.get(f"{address}/result").status_code == 302
    assert desk.post(f"{made}/release").status_code == 409
    set_clock(at("2030-06-01 12:05"))
    tasks.sweep(clock.now())
    assert session(row.id).state is SessionState.CLOSED
    assert "符合" in desk.get(made).text
    assert desk.post(f"{made}/release").status_code == 302
    result = browser.get(f"{address}/result")
    assert result.status_code == 200 and "66.67" in result.text and "合格" in result.text and "解析" in result.text
    letters = db.session.scalars(select(Notice.letter).where(Notice.person_id == trainee.id)).all()
    assert letters == ["exams.registered", "exams.result"]
    with training(True):
        assert "66.67" in browser.get("/exams/").text


def test_a_plan_that_cannot_be_is_refused_at_its_field(app: Any, client_as: Any) -> None:
    region = people.region()
    desk = client_as(people.officer(Role.EXAM_OFFICE, Scope.REGION, region.id))
    good = FORM | {"region_id": str(region.id)}
    assert desk.get("/exams/office/sessions/new").status_code == 200
    for change in (
        {"closes_at": "2030-06-01T09:30"}, {"closes_at": "2030-05-01T09:30"}, {"opens_at": "soon"}, {"minutes": "0"},
        {"title": ""}, {"region_id": str(people.region().id)}, {"level": "7"}, {"title": "长" * 121},
    ):  # fmt: skip
        assert desk.post("/exams/office/sessions/new", data=good | change).status_code == 422, change
    assert db.session.scalar(select(func.count()).select_from(ExamSession)) == 0
    address = planned(desk, region)
    for step, change in (
        ("rules", {"pass_mark": "101"}), ("rules", {"multiple_rule": "x"}), ("who", {"seats": "-1"}),
        ("who", {"eligibility": "everybody"}), ("places", {"places_by": "nobody"}), ("what", {"minutes": "181"}),
    ):  # fmt: skip
        assert desk.post(f"{address}/set-up/{step}", data=good | change).status_code == 422, change
    assert session(int(address.rsplit("/", 1)[1])).pass_mark == 60


def test_a_bank_that_is_too_small_stops_publication_and_names_the_cell(app: Any, client_as: Any) -> None:
    region = people.region()
    office = people.officer(Role.EXAM_OFFICE, Scope.REGION, region.id)
    small_blueprint(office, ("ordering", 3, "5"))
    desk = client_as(office)
    made = planned(desk, region)
    assert "排序题" in desk.get(made).text
    answer = desk.post(f"{made}/publish")
    assert answer.status_code == 409 and "排序题" in answer.text
    assert db.session.scalars(select(ExamSession.state)).one() is SessionState.DRAFT


def test_the_invigilator_sees_progress_and_adds_time(room: Room, client_as: Any) -> None:
    watcher = people.officer(Role.INVIGILATOR, Scope.REGION, room.region.id)
    browser, address = _begin(room, client_as)
    browser.post(f"{address}/answers", json={"epoch": 1, "steps": _steps(room)[:3]})
    desk = client_as(watcher)
    page = desk.get(f"/exams/office/rooms/{room.session.id}").text
    assert "3 / 6" in page and "作答中" in page
    assert room.session.title in desk.get("/exams/office/rooms").text
    own = f"/exams/office/sittings/{room.sittings[0]}"
    assert desk.post(f"{own}/time", data={"time-minutes": "0", "time-reason": ""}).status_code == 422
    assert desk.post(f"{own}/time", data={"time-minutes": "20", "time-reason": "停电"}).status_code == 302
    answer = browser.post(f"{address}/answers", json={"epoch": 1, "steps": []})
    assert answer.json["remaining_ms"] > 78 * 60_000
    assert desk.post(f"{own}/void", data={"reason": ""}).status_code == 422
    assert desk.post(f"{own}/void", data={"reason": "替考"}).status_code == 302
    assert "替考" in desk.get(own).text
    assert sitting(room.sittings[0]).state is SittingState.IN_PROGRESS, "one person alone voids nothing"


def test_the_room_costs_the_same_with_more_people(app: Any, client_as: Any, queries: Any) -> None:
    counts = []
    for candidates in (1, 4):
        room = Room(candidates=candidates)
        for n in range(candidates):
            room.start(n)
            room.save(room.right(n), n=n)
        desk = client_as(room.office)
        with queries() as seen:
            assert desk.get(f"/exams/office/rooms/{room.session.id}").status_code == 200
        with queries() as more:
            assert desk.get(f"/exams/office/sessions/{room.session.id}").status_code == 200
        counts.append((len(seen), len(more)))
    assert counts[0] == counts[1]


def test_essays_are_marked_without_a_name(app: Any, client_as: Any, set_clock: Any) -> None:
    room = Room(candidates=2, level=3, kinds=(("single", 4, "5"), ("essay", 2, "10")))
    set_clock(room.opens + MINUTE)
    marker = people.officer(Role.MARKER, Scope.REGION, room.region.id)
    for n in range(2):
        browser, address = _begin(room, client_as, n)
        steps = _steps(room, n)[:4] + [{"question": 5, "counter": 1, "answer": f"第{n}份论述\n<b>x</b>"}]
        browser.post(f"{address}/hand-in", json={"epoch": 1, "steps": steps})
    desk = client_as(marker)
    assert db.session.scalar(select(func.count()).select_from(MarkingTask)) == 2  # what was left empty waits for nobody
    assert "第5题" in desk.get("/exams/office/marking").text or "5" in desk.get("/exams/office/marking").text
    first = db.session.scalars(select(MarkingTask).order_by(MarkingTask.id)).first()
    address = f"/exams/office/marking/{first.id}"
    page = desk.get(address).text
    assert "第0份论述" in page and "&lt;b&gt;" in page
    assert room.people[0].name not in page and room.people[0].email not in page
    paper = papers.paper_of(sitting(first.sitting_id))
    lines = [line.points for line in paper[4].item.rubric]
    full = {f"points-{n}": str(points) for n, points in enumerate(lines)}
    assert desk.post(address, data=full | {"points-0": "99"}).status_code == 422
    assert desk.post(address, data=full | {"points-0": "abc"}).status_code == 422
    assert desk.post(address, data=full | {"remark": "论证充分"}).status_code == 302
    assert desk.post(address, data=full).status_code == 409
    made = sitting(first.sitting_id)
    assert made.state is SittingState.MARKED and made.score == Decimal(30) and made.maximum == Decimal(40)
    other = db.session.scalars(select(Sitting).where(Sitting.id != made.id)).one()
    assert other.state is SittingState.SUBMITTED


def test_nobody_marks_their_own_answer(app: Any, client_as: Any, set_clock: Any) -> None:
    room = Room(level=3, kinds=(("single", 4, "5"), ("essay", 1, "10")))
    set_clock(room.opens + MINUTE)
    people.hold(room.people[0], Role.MARKER, Scope.REGION, room.region.id)
    browser, address = _begin(room, client_as)
    browser.post(f"{address}/hand-in", json={"epoch": 1, "steps": [{"question": 5, "counter": 1, "answer": "论述"}]})
    task_id = db.session.scalars(select(MarkingTask.id)).one()
    assert browser.get(f"/exams/office/marking/{task_id}").status_code == 404


@pytest.mark.parametrize("level", [1, 2, 3])
def test_every_level_is_sat_on_its_default_blueprint(app: Any, client_as: Any, set_clock: Any, level: int) -> None:
    from app.exams import sessions

    region = people.region()
    office = people.officer(Role.EXAM_OFFICE, Scope.REGION, region.id)
    one = people.person("考生", region=region)
    with unit_of_work():
        made = sessions.plan(plan(region, level=level, minutes=90), by=office, now=clock.now())
    with unit_of_work():
        sessions.publish(db.session.get_one(ExamSession, made.id), by=office, now=clock.now())
    with unit_of_work():
        sat = sessions.register(made, one, by=office, now=clock.now(), waive="试考")
    run_waiting()
    sat_id, opens = sat.id, made.opens_at
    set_clock(opens)
    browser = client_as(one)
    browser.post(f"/exams/sittings/{sat_id}/start", data={"honour": "y"})
    page = browser.get(f"/exams/sittings/{sat_id}")
    assert page.status_code == 200
    paper = papers.paper_of(sitting(sat_id))
    assert sum(entry.points for entry in paper) == 100
    assert len(page.data) < 250_000
    assert json.dumps(sittings.read_steps([{"question": 1, "counter": 1}])[0].question) == "1"


def test_withdrawing_before_the_start(room: Room, client_as: Any, set_clock: Any) -> None:
    set_clock(room.opens - 2 * MINUTE)
    browser = client_as(room.people[0])
    assert browser.post(f"/exams/sittings/{room.sittings[0]}/withdraw").status_code == 302
    assert sitting(room.sittings[0]).state is SittingState.VOID
    set_clock(room.opens + MINUTE)
    assert browser.post(f"/exams/sittings/{room.sittings[0]}/withdraw").status_code == 409


def test_nothing_is_cancelled_once_somebody_has_started(app: Any, client_as: Any) -> None:
    room = Room(candidates=2)
    desk, page = client_as(room.office), f"/exams/office/sessions/{room.session.id}"
    assert f'{page}/cancel"' in desk.get(page).get_data(as_text=True)
    room.start(0)
    offered = desk.get(page).get_data(as_text=True)
    assert f'{page}/cancel"' not in offered
    assert "已有考生开考" in offered
    answer = desk.post(f"{page}/cancel", data={"reason": "台风"})
    assert answer.status_code == 409
    assert "已有考生开考" in answer.get_data(as_text=True)
    assert sitting(room.sittings[1]).state is SittingState.REGISTERED


def test_cancelling_tells_everybody(app: Any, client_as: Any) -> None:
    room = Room(candidates=2)
    desk = client_as(room.office)
    address = f"/exams/office/sessions/{room.session.id}/cancel"
    assert desk.post(address, data={"reason": ""}).status_code == 422
    assert desk.post(address, data={"reason": "台风"}).status_code == 302
    assert [sitting(one).state for one in room.sittings] == [SittingState.VOID] * 2
    told = db.session.scalars(select(Notice.letter).where(Notice.letter == "exams.cancelled")).all()
    assert len(told) == 2


def test_whoever_has_not_begun_when_the_exam_is_over_is_absent(room: Room, client_as: Any, set_clock: Any) -> None:
    desk, pages = (
        client_as(room.office),
        [f"/exams/office/sessions/{room.session.id}", f"/exams/office/sittings/{room.sittings[0]}"],
    )
    for page in pages:
        assert "缺考" not in desk.get(page).text
    set_clock(room.session.closes_at + MINUTE)
    for page in pages:
        assert "缺考" in desk.get(page).text
