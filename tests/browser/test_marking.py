"""The marker at the keyboard: points beside a long case, saved and led on without a mouse."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from playwright.sync_api import expect

from app.db import db
from app.exams.models import Reading
from tests.browser.server import Server
from tests.exams.factories import Over


def test_a_marker_works_by_keyboard_alone(server: Server, page_as: Any, axe: Any, picture: Any) -> None:
    def over() -> Any:
        room = Over(2, markers=1)
        return SimpleNamespace(id=room.markers[0].id), room.session.title

    marker, title = server.do(over)
    page = page_as(marker)
    page.goto("/exams/office/marking")
    axe(page)
    expect(page.locator("main")).to_contain_text("2 份答卷待阅")
    expect(page.locator("tr.group")).to_have_text(title)
    page.get_by_role("link", name="继续评阅下一份").click()
    axe(page)
    picture(page, "marking-1280")
    first = page.locator("[data-points]").first
    expect(first).to_be_focused()
    expect(first).to_be_in_viewport()  # beside the question, however long that is, not below it
    question, points = (page.locator(one).bounding_box() for one in ("section.panel >> nth=0", "section.points"))
    assert points["x"] > question["x"] + question["width"] and abs(points["y"] - question["y"]) < 2
    address = page.url
    for _line in page.locator("[data-points]").all():
        page.keyboard.press("f")
        page.keyboard.press("Enter")
    expect(page.locator("#remark")).to_be_focused()
    page.keyboard.type("要点齐全")
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")
    assert "/marking/" in page.url and page.url != address
    assert server.do(lambda: [one.remark for one in db.session.query(Reading).filter_by(marker_id=marker.id)]) == [
        "要点齐全"
    ]
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    picture(page, "marking-390")
