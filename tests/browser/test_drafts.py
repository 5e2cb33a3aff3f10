"""The entry form on a phone with a poor network: nothing typed is lost, and it is saved once."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect
from sqlalchemy import select

from app.db import db
from app.practice.models import LogEntry
from tests.browser.server import Server
from tests.factories import people


def _drafts(server: Server, person_id: int) -> list[tuple[str, str]]:
    def read() -> list[tuple[str, str]]:
        db.session.rollback()
        asked = select(LogEntry.title, LogEntry.project).where(LogEntry.trainee_id == person_id)
        return [(title, project) for title, project in db.session.execute(asked)]

    return server.do(read)


def test_a_draft_is_kept_until_the_server_has_it(server: Server, page_as: Any, axe: Any, picture: Any) -> None:
    trainee = server.do(lambda: people.person("周洁", region=people.region()))
    page = page_as(trainee, width=390)
    page.goto("/practice/new")
    said = page.locator("[data-draft-state]")
    page.get_by_label("任务类型").select_option("T01")
    page.get_by_label("任务标题").fill("膜材料披露")
    expect(said).to_have_text("已存为草稿。")
    assert _drafts(server, trainee.id) == [("膜材料披露", "")]
    assert page.url.endswith("/edit/task"), "the page has become the page of that draft"
    page.context.set_offline(True)
    page.locator("#project").fill("高性能膜")
    expect(said).to_contain_text("网络不通")
    page.get_by_role("button", name="保存并继续").click()
    expect(said).to_contain_text("网络不通")
    axe(page)
    picture(page, "draft-offline-390")
    address = page.url
    page.close()
    assert _drafts(server, trainee.id) == [("膜材料披露", "")]
    context = page.context
    context.set_offline(False)
    back = context.new_page()
    back.goto(address)
    expect(back.locator("[data-draft-state]")).to_have_text("已存为草稿。")
    assert back.locator("#project").input_value() == "高性能膜"
    assert _drafts(server, trainee.id) == [("膜材料披露", "高性能膜")]
    back.get_by_role("button", name="保存草稿").click()
    back.wait_for_load_state()
    expect(back.get_by_text("已保存。").first).to_be_visible()
    assert back.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('draft:'))") == []


def test_another_device_is_not_saved_over(server: Server, page_as: Any) -> None:
    trainee = server.do(lambda: people.person("周洁", region=people.region()))
    page = page_as(trainee)
    page.goto("/practice/new")
    page.get_by_label("任务类型").select_option("T01")
    page.get_by_label("任务标题").fill("手机上写的")
    expect(page.locator("[data-draft-state]")).to_have_text("已存为草稿。")
    other = page_as(trainee)
    other.goto(page.url)
    other.locator("#project").fill("电脑上写的")
    expect(other.locator("[data-draft-state]")).to_have_text("已存为草稿。")
    page.locator("#project").fill("手机上写的")
    expect(page.locator("[data-draft-state]")).to_contain_text("已在别处更改")
    assert _drafts(server, trainee.id) == [("手机上写的", "电脑上写的")]
    page.reload()
    expect(page.locator("[data-draft-choice]")).to_be_visible()
    page.get_by_role("button", name="使用本设备的内容").click()
    expect(page.locator("[data-draft-state]")).to_have_text("已存为草稿。")
    assert _drafts(server, trainee.id) == [("手机上写的", "手机上写的")]
