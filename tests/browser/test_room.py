"""The invigilator beside the candidate: what one does the other sees, without anybody reloading."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

from playwright.sync_api import expect

from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.exams import room, seb
from app.exams.models import ExamSession, IncidentKind
from tests.browser.server import Server
from tests.browser.test_sitting import Hall
from tests.factories import people


def watcher_of(hall: Hall) -> Any:
    def make() -> Any:
        session = db.session.get_one(ExamSession, hall.session_id)
        officer = people.officer(Role.INVIGILATOR, Scope.REGION, session.region_id, name="监考王老师")
        return SimpleNamespace(id=officer.id)

    return hall.server.do(make)


def test_the_room_renews_itself_and_its_words_arrive(server: Server, page_as: Any, axe: Any, picture: Any) -> None:
    hall = Hall(server)
    desk = page_as(watcher_of(hall))
    desk.goto(f"/exams/office/rooms/{hall.session_id}")
    axe(desk)
    line = desk.locator("[data-sitting]").first
    expect(line.locator('[data-cell="answered"]')).to_have_text("0 / 6")
    page = page_as(hall.person)
    page.goto(hall.address)
    page.wait_for_selector("#saved:not(:empty)")
    page.locator("#q1 input").first.check()
    expect(line.locator('[data-cell="answered"]')).to_have_text("1 / 6", timeout=20_000)
    desk.get_by_text("向全体发消息").click()
    desk.get_by_label("消息").fill("还有一小时，请注意时间。")
    with desk.expect_navigation():  # said before the next save, which tells the candidate's page
        desk.get_by_role("button", name="发送消息").click()
    page.locator("#q2 input").first.check()
    box = page.locator("#room-messages .message")
    expect(box).to_contain_text("还有一小时，请注意时间。")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(box).to_be_in_viewport(ratio=1)  # in the bar: seen wherever on the page the candidate is
    axe(page)
    picture(page, "sitting-message")
    page.reload()
    expect(box).to_contain_text("请注意时间")
    box.get_by_role("button", name="知道了").click()
    page.reload()
    page.wait_for_selector("#saved:not(:empty)")
    expect(box).to_have_count(0)
    desk.goto(f"/exams/office/sittings/{hall.sitting_id}")
    axe(desk)
    picture(desk, "room-sitting-1280")
    desk.set_viewport_size({"width": 390, "height": 900})
    assert desk.evaluate("document.documentElement.scrollWidth") <= 390
    picture(desk, "room-sitting-390")


def test_an_incident_appears_by_itself(server: Server, page_as: Any, axe: Any, picture: Any) -> None:
    hall = Hall(server)
    officer = watcher_of(hall)
    desk = page_as(officer)
    desk.goto(f"/exams/office/rooms/{hall.session_id}")

    def report() -> None:
        from app.accounts.models import Person

        with unit_of_work():
            session = locked(db.session.get_one(ExamSession, hall.session_id))
            by = db.session.get_one(Person, officer.id)
            room.report(session, IncidentKind.TECHNICAL, "二号交换机断电", by=by, now=clock.now())

    hall.server.do(report)
    expect(desk.locator(".matter")).to_contain_text("二号交换机断电", timeout=20_000)
    axe(desk)
    picture(desk, "room-1280")
    desk.set_viewport_size({"width": 390, "height": 900})
    assert desk.evaluate("document.documentElement.scrollWidth") <= 390
    picture(desk, "room-390")
    desk.get_by_label("处理结果").fill("已恢复供电")
    desk.get_by_role("button", name="办结事件").click()
    expect(desk.locator("main")).to_contain_text("→ 已恢复供电")
    expect(desk.locator(".matter")).to_have_count(0)


def test_a_list_that_is_not_renewed_says_so(server: Server, page_as: Any, axe: Any) -> None:
    hall = Hall(server)
    desk = page_as(watcher_of(hall))
    desk.goto(f"/exams/office/rooms/{hall.session_id}?show=in_progress")
    expect(desk.locator("[data-sitting]")).to_have_count(1)
    stale = desk.locator("#room-stale")
    expect(stale).to_be_hidden()
    desk.context.set_offline(True)
    expect(stale).to_contain_text("名单暂未更新", timeout=20_000)
    axe(desk)
    desk.context.set_offline(False)
    expect(stale).to_be_hidden(timeout=20_000)
    page = page_as(hall.person)
    page.goto(hall.address)
    page.wait_for_selector("#saved:not(:empty)")
    page.locator("#hand-in").click()
    page.locator("#hand-in-dialog .btn-primary").click()
    page.wait_for_url("**/done")
    expect(desk.locator("[data-sitting]")).to_have_count(0, timeout=20_000)  # no longer of this filter
    expect(desk.locator("main")).to_contain_text("没有符合条件的考生")


def test_the_settings_of_a_session(server: Server, page_as: Any, axe: Any, picture: Any) -> None:
    hall = Hall(server)

    def office() -> Any:
        session = db.session.get_one(ExamSession, hall.session_id)
        return SimpleNamespace(id=people.officer(Role.EXAM_OFFICE, Scope.REGION, session.region_id).id)

    desk = page_as(server.do(office))
    address = f"/exams/office/sessions/{hall.session_id}/watch"
    desk.goto(address)
    assert "监控设置不能再更改" in desk.locator("main").inner_text()
    axe(desk)

    def later() -> None:
        from datetime import timedelta

        with unit_of_work():
            session = db.session.get_one(ExamSession, hall.session_id)
            session.opens_at, session.closes_at = clock.now() + timedelta(hours=1), clock.now() + timedelta(hours=5)

    server.do(later)
    desk.goto(address)
    axe(desk)
    picture(desk, "watch-1280")
    desk.get_by_label("切屏次数上限").fill("5")
    desk.get_by_label("考生须经准入后开考").check()
    desk.get_by_role("button", name="保存").click()
    desk.wait_for_url(f"**/exams/office/sessions/{hall.session_id}")
    desk.goto(address)
    assert (
        desk.get_by_label("切屏次数上限").input_value() == "5" and desk.get_by_label("考生须经准入后开考").is_checked()
    )


def test_safe_exam_browser_is_proven_by_the_page(server: Server, page_as: Any, axe: Any, picture: Any) -> None:
    hall = Hall(server, seb=True)
    page = page_as(hall.person)
    page.goto(hall.address)
    assert page.locator("#q1").count() == 0
    axe(page)
    picture(page, "seb-1280")
    key = server.do(lambda: seb.key_for(server.app.extensions["settings"].PUBLIC_URL, ""))

    def browser_with(key: str) -> Any:
        made = page_as(hall.person)
        keys = {path: seb.request_hash(server.url + path, key) for path in (hall.address, f"{hall.address}/safe")}
        made.add_init_script(
            f"window.SafeExamBrowser = {{ security: {{ configKey: {json.dumps(keys)}[location.pathname] }} }};"
        )
        made.goto(hall.address)
        return made

    other = browser_with("0" * 64)
    expect(other.locator("#seb-failed")).to_be_visible()
    safe = browser_with(key)
    safe.wait_for_selector("#saved:not(:empty)")
    safe.locator("#q1 input").first.check()
    expect(safe.locator("#saved")).to_have_text(re.compile("^已保存"))
    assert set(hall.answers()) == {1}
