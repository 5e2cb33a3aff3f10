"""The exam page in a real browser: what is kept, the map, the keys, the clock, the hand-in, and what is recorded of the browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import expect

from app.core import clock
from app.db import db, unit_of_work
from app.exams import signals, sittings
from app.exams.models import ExamSession, Sitting
from app.exams.watch import AtLimit, Watch
from tests.browser.server import Server
from tests.exams.factories import Room

MINUTE = timedelta(minutes=1)
KINDS = (("single", 4, "5"), ("truefalse", 2, "5"))


class Hall:
    """An exam that has begun, by the clock of the server process."""

    def __init__(self, server: Server, watch: Watch | None = None, seb: bool = False, **more: Any) -> None:
        self.server, self.watch, self.seb, self.more = server, watch, seb, {"kinds": KINDS} | more
        self.person, self.sitting_id, self.session_id = server.do(self._make)
        self.address = f"/exams/sittings/{self.sitting_id}"

    def _make(self) -> tuple[Any, int, int]:
        room = Room(opens_at=clock.now() + MINUTE, **self.more)
        with unit_of_work():
            session = db.session.get_one(ExamSession, room.session.id)
            session.opens_at = clock.now() - MINUTE
            session.seb = self.seb
            if self.watch:
                session.watch = self.watch.as_json()
        with unit_of_work():
            sittings.start(room.sittings[0], by=room.people[0], honour=True, now=clock.now())
        return SimpleNamespace(id=room.people[0].id), room.sittings[0], room.session.id

    def look(self, what: Any) -> Any:
        """What ``what(sitting)`` gives, read afresh."""

        def read() -> Any:
            db.session.rollback()
            return what(db.session.get_one(Sitting, self.sitting_id, populate_existing=True))

        return self.server.do(read)

    def answers(self) -> dict[int, Any]:
        return self.look(lambda s: {place: row.answer for place, row in sittings.answers_of(s).items()})


@pytest.fixture
def hall(server: Server) -> Iterator[Hall]:
    yield Hall(server)


def _open(page_as: Any, hall: Hall, **more: Any) -> Any:
    page = page_as(hall.person, **more)
    page.goto(hall.address)
    page.wait_for_selector("#saved:not(:empty)")
    return page


def _says(page: Any, words: str) -> None:
    expect(page.locator("#saved")).to_have_text(re.compile(f"^{words}"))


def _saved(page: Any) -> None:
    _says(page, "已保存")
    expect(page.locator(".unsaved[data-map]")).to_have_count(0)


def test_answers_are_kept_through_reloads_and_the_map_tells(hall: Hall, page_as: Any, axe: Any, picture: Any) -> None:
    page = _open(page_as, hall)
    axe(page)
    page.locator("#q1 input").first.focus()
    page.keyboard.press("2")
    page.keyboard.press("f")
    page.keyboard.press("n")
    page.keyboard.press("a")
    _saved(page)
    kept = hall.answers()
    assert set(kept) == {1, 2} and all(kept.values())
    links = page.locator("[data-map]")
    assert "answered" in links.nth(0).get_attribute("class") and "flagged" in links.nth(0).get_attribute("class")
    assert links.nth(0).get_attribute("aria-label") == "第 1 题: 已答, 已标记"
    chosen = page.locator("#q1 input:checked").get_attribute("value")
    page.reload()
    page.wait_for_selector("#saved:not(:empty)")
    assert page.locator("#q1 input:checked").get_attribute("value") == chosen == kept[1]
    assert page.locator('[data-flag="1"]').is_checked() and not page.locator('[data-flag="2"]').is_checked()
    picture(page, "sitting-1280")


def test_what_could_not_be_sent_is_said_and_sent_later(hall: Hall, page_as: Any) -> None:
    page = _open(page_as, hall)
    page.route("**/answers", lambda route: route.abort())
    page.locator("#q3 input").first.check()
    _says(page, "离线")
    expect(page.locator('[data-map="3"]')).to_have_class("answered unsaved")
    page.reload()
    page.unroute("**/answers")
    page.wait_for_selector("#q3 input:checked")
    _saved(page)
    assert hall.answers()[3]


def test_one_question_at_a_time_on_a_phone(hall: Hall, page_as: Any, axe: Any, picture: Any) -> None:
    page = _open(page_as, hall, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="逐题显示").click()
    expect(page.locator(".question-frame:visible")).to_have_count(1)
    page.get_by_role("button", name="下一题").click()
    expect(page.locator("fieldset.question:visible")).to_have_id("q2")
    page.locator(".exam-map summary").click()
    page.locator('[data-map="5"]').click()
    expect(page.locator("fieldset.question:visible")).to_have_id("q5")
    page.reload()
    page.wait_for_selector("#saved:not(:empty)")
    expect(page.locator("fieldset.question:visible"), "a reload comes back to the same place").to_have_id("q5")
    axe(page)
    picture(page, "sitting-390")
    page.get_by_role("button", name="高对比度").click()
    page.get_by_role("button", name="放大字号").click()
    assert page.evaluate("[document.documentElement.dataset.theme, document.documentElement.dataset.textSize]") == [
        "contrast",
        "1",
    ]
    axe(page)
    page.get_by_role("button", name="高对比度").click()
    assert page.evaluate("document.documentElement.dataset.theme") is None


def test_the_clock_speaks_at_thresholds_only(hall: Hall, page_as: Any) -> None:
    page = page_as(hall.person)
    page.clock.install()
    page.goto(hall.address)
    page.wait_for_selector("#saved:not(:empty)")
    assert page.locator("#timer").get_attribute("aria-live") == "off"
    page.route("**/answers", lambda route: route.abort())
    said = []
    for minutes in (30, 15, 10, 3.8):
        page.clock.fast_forward(int(minutes * 60) * 1000)
        page.clock.run_for(500)
        said.append(page.locator("#announce").inner_text())
        page.clock.run_for(11_000)
    assert said == ["", "还剩 15 分钟", "还剩 5 分钟", "还剩 1 分钟"]
    assert "short" in page.locator("#timer").get_attribute("class")


def test_handing_in_names_what_is_open(hall: Hall, page_as: Any, axe: Any) -> None:
    page = _open(page_as, hall)
    for place in (1, 2, 4, 5):
        page.locator(f"#q{place} input").first.check()
    page.get_by_role("button", name="交卷").click()
    dialog = page.locator("#hand-in-dialog")
    assert dialog.locator("#hand-in-open a").all_inner_texts() == ["3", "6"]
    axe(page)
    dialog.get_by_role("link", name="3").click()
    expect(dialog).not_to_be_visible()
    assert page.evaluate("document.activeElement.closest('fieldset.question').id") == "q3"
    page.locator("#q3 input").first.check()
    page.get_by_role("button", name="交卷").click()
    dialog.get_by_role("button", name="提交答卷").click()
    page.wait_for_url("**/done")
    assert len(hall.answers()) == 5
    assert hall.look(lambda s: s.submitted_by.value) == "candidate"
    assert page.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('exam:1') || k.includes('/'))") == []


def test_the_browser_receives_no_key(hall: Hall, page_as: Any) -> None:
    """Everything that came over the wire while an answer was given and saved, looked through for what it must not hold."""
    page = page_as(hall.person)
    came: list[Any] = []
    page.on("response", lambda r: came.append(r) if hall.address in r.url and r.status == 200 else None)
    page.goto(hall.address)
    page.wait_for_selector("#saved:not(:empty)")
    page.locator("#q1 input").first.check()
    _saved(page)

    def secrets(sitting: Sitting) -> list[str]:
        from app.exams import papers

        return [entry.item.explanation for entry in papers.paper_of(sitting) if entry.item.explanation]

    whole = "\n".join(answer.text() for answer in came)
    assert '"saved"' in whole and 'id="q6"' in whole
    assert not [words for words in hall.look(secrets) if words in whole or json.dumps(words)[1:-1] in whole]
    assert not any(f'"{word}"' in whole for word in ("correct", "explanation", "feedback", "rubric", "reference"))


def _signals(hall: Hall) -> list[tuple[str, int, bool]]:
    def read(sitting: Sitting) -> list[tuple[str, int, bool]]:
        return [(s.kind.value, s.ms, s.counted) for s in sorted(signals.signals_of(sitting.id), key=lambda s: s.number)]

    return hall.look(read)


def _until(page: Any, found: Any) -> Any:
    """Wait for what the server knows; the page's own time goes on meanwhile."""
    for _n in range(150):
        if seen := found():
            return seen
        page.wait_for_timeout(100)
    raise AssertionError("the server never heard of it")


HIDE = "(s) => { Object.defineProperty(document, 'visibilityState', { value: s, configurable: true }); document.dispatchEvent(new Event('visibilitychange')); }"


def test_leaving_the_page_is_warned_about_and_recorded_once(hall: Hall, page_as: Any, axe: Any, picture: Any) -> None:
    page = page_as(hall.person)
    page.clock.install()
    page.goto(hall.address)
    page.wait_for_selector("#saved:not(:empty)")
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    page.evaluate(HIDE, "hidden")
    assert _until(page, lambda: _signals(hall))[0][0] == "hidden", "told as soon as it begins"
    page.clock.fast_forward(12_000)
    page.evaluate(HIDE, "visible")
    notice = page.locator("#watch-notice")
    expect(notice).to_contain_text("您离开考试页面 12 秒，已记录（第 1 次，上限 3 次）")
    ((kind, ms, counted),) = _signals(hall)
    assert kind == "hidden" and 12_000 <= ms < 14_000 and counted, "blurred and hidden are one absence"
    axe(page)
    picture(page, "sitting-left")
    page.evaluate(HIDE, "hidden")
    page.clock.fast_forward(3_000)
    page.evaluate(HIDE, "visible")
    expect(notice).to_have_text("您离开考试页面 3 秒，已记录。")
    assert [counted for _kind, _ms, counted in _signals(hall)] == [True, False]
    assert hall.look(lambda s: s.state.value) == "in_progress"


def test_copying_is_blocked_but_for_ones_own_words(server: Server, page_as: Any) -> None:
    hall = Hall(server, kinds=(("single", 4, "5"), ("essay", 1, "10")), level=3)
    page = _open(page_as, hall)
    copy = "(q) => { const e = new ClipboardEvent('copy', { bubbles: true, cancelable: true }); document.querySelector(q).dispatchEvent(e); return e.defaultPrevented; }"
    paste = "([q, t]) => { const d = new DataTransfer(); d.setData('text', t); const e = new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: d }); document.querySelector(q).dispatchEvent(e); return e.defaultPrevented; }"
    assert page.evaluate(copy, "#q1 .stem") is True
    box = page.locator("#q5 textarea")
    box.fill("自己写的话")
    box.select_text()
    assert page.evaluate(copy, "#q5 textarea") is False
    assert page.evaluate(paste, ["#q5 textarea", "自己写的话"]) is False
    assert page.evaluate(paste, ["#q5 textarea", "别处的答案"]) is True
    expect(page.locator("#watch-notice")).to_contain_text("禁止粘贴")
    seen = _until(page, lambda: len(_signals(hall)) == 2 and _signals(hall))
    assert [kind for kind, _ms, _counted in seen] == ["copy", "paste"]
    assert page.evaluate("getComputedStyle(document.querySelector('#q1 .stem')).userSelect") == "none"


def test_signals_outlive_a_reload_and_a_dead_line(hall: Hall, page_as: Any) -> None:
    page = _open(page_as, hall)
    page.route("**/signals", lambda route: route.abort())
    page.evaluate("document.dispatchEvent(new ClipboardEvent('copy', { bubbles: true, cancelable: true }))")
    page.reload()
    page.unroute("**/signals")
    seen = _until(page, lambda: any(s[0] == "copy" for s in _signals(hall)) and _signals(hall))
    assert [kind for kind, _ms, _counted in seen].count("copy") == 1


def test_the_operators_rule_hands_in_with_what_was_not_sent_yet(server: Server, page_as: Any) -> None:
    hall = Hall(server, watch=Watch(switch_limit=1, at_limit=AtLimit.HAND_IN, watermark=True))
    page = page_as(hall.person)
    page.clock.install()
    page.goto(hall.address)
    page.wait_for_selector("#saved:not(:empty)")
    assert page.locator(".watermark span").count() == 24
    page.route("**/answers", lambda route: route.abort())
    page.locator("#q2 input").first.check()
    page.evaluate(HIDE, "hidden")
    page.clock.fast_forward(9_000)
    page.evaluate(HIDE, "visible")
    page.wait_for_url("**/done")
    assert hall.look(lambda s: s.submitted_by.value) == "rule" and set(hall.answers()) == {2}
    page.goto(hall.address)
    page.wait_for_url("**/done")


def test_a_pause_stops_the_clock_and_covers_the_page(hall: Hall, page_as: Any, axe: Any, picture: Any) -> None:
    page = _open(page_as, hall)

    def move(paused: bool) -> None:
        with unit_of_work():
            sitting = db.session.get_one(Sitting, hall.sitting_id)
            sitting.paused_at = clock.now() if paused else None

    hall.server.do(lambda: move(True))
    page.locator("#q1 input").first.check()
    dialog = page.locator("#pause-dialog")
    expect(dialog).to_be_visible()
    before = page.locator("#clock").inner_text()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    page.wait_for_timeout(1200)
    assert page.locator("#clock").inner_text() == before, "a clock that is paused stands"
    axe(page)
    picture(page, "sitting-paused")
    page.reload()
    expect(dialog).to_be_visible()
    hall.server.do(lambda: move(False))
    expect(dialog).not_to_be_visible(timeout=8000)
    assert set(hall.answers()) == {1}, "what was answered before the pause was known is kept"
