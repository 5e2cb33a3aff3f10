"""The small scripts, on pages made of the real macros: asking first, sending once, keeping what was typed, choosing rows."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import render_template_string
from playwright.sync_api import expect

from app.core.forms import BaseForm, LongText, ShortText
from tests.browser.server import Server


class Trial(BaseForm):
    class Meta(BaseForm.Meta):
        csrf = False

    title = ShortText("标题")
    body = LongText("正文", required=False)


@pytest.fixture
def trial(server: Server, page_as: Any) -> Callable[..., Any]:
    """``trial(source, **values)``: a page at /trial made of a template, under the product's content policy.

    What it posts is listed in ``page.posted`` and answered by ``page.answer`` (path → HTML).
    """
    from app import POLICY

    def open_page(source: str, **values: Any) -> Any:
        page = page_as(None)
        page.posted, page.answer = [], {}

        def whole(inner: str) -> str:
            frame = '{% extends "base.html" %}{% block title %}T{% endblock %}{% block main %}<h1>T</h1>'

            def render() -> str:
                with server.app.test_request_context("/trial"):
                    return render_template_string(frame + inner + "{% endblock %}", **values)

            return server.do(render)

        def serve(route: Any) -> None:
            path = route.request.url.removeprefix(server.url)
            if route.request.method == "POST":
                page.posted.append((path, route.request.post_data or ""))
            body = page.answer.get(path) or whole(source if path == "/trial" else "<p>taken</p>")
            route.fulfill(
                body=body, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY}
            )

        page.route("**/trial*", serve)
        page.whole = whole
        page.goto("/trial")
        return page

    return open_page


def test_a_grave_step_is_asked_about_first(trial: Any, axe: Any) -> None:
    page = trial(
        '{% from "_macros/form.html" import action_button %}{{ action_button("/trial-do", "撤回申报", confirm="确定撤回？", reason="x") }}'
    )
    page.get_by_role("button", name="撤回申报").click()
    dialog = page.get_by_role("dialog")
    assert dialog.inner_text().startswith("确定撤回？")
    assert page.evaluate("document.activeElement.value") == "no", "the harmless button has the focus"
    axe(page)
    page.keyboard.press("Escape")
    assert page.posted == []
    page.get_by_role("button", name="撤回申报").click()
    dialog.get_by_role("button", name="撤回申报").click()
    page.wait_for_url("**/trial-do")
    assert len(page.posted) == 1
    assert "reason=x" in page.posted[0][1]


def test_a_double_click_sends_once(trial: Any) -> None:
    page = trial(
        '{% from "_macros/form.html" import form %}{{ form(f, action="/trial-send", submit="提交") }}', f=Trial(None)
    )
    page.fill("#title", "甲")
    page.evaluate(
        "() => { const f = document.querySelector('main form'); f.requestSubmit(); f.requestSubmit(); f.requestSubmit(); }"
    )
    page.wait_for_url("**/trial-send")
    assert len(page.posted) == 1


def test_what_was_typed_outlives_an_expired_session(trial: Any) -> None:
    page = trial('{% from "_macros/form.html" import form %}{{ form(f, submit="提交", keep="trial") }}', f=Trial(None))
    page.answer["/trial-signin"] = page.whole(
        '<form method="post" action="/trial-in"><label>密码<input type="password" name="p"></label><button>登录</button></form>'
    )
    page.fill("#title", "写了很久的标题")
    page.fill("#body", "一段\n文字")
    page.evaluate("document.querySelector('main form').action = '/trial-signin'")
    page.get_by_role("button", name="提交").click()
    page.wait_for_selector("input[type=password]")
    page.goto("/trial")
    assert page.input_value("#title") == "写了很久的标题"
    assert page.input_value("#body") == "一段\n文字"
    page.evaluate("document.querySelector('main form').action = '/trial-taken'")
    page.get_by_role("button", name="提交").click()
    page.wait_for_selector("text=taken")
    page.goto("/trial")
    assert page.input_value("#title") == "", "once taken, nothing is put back"


def test_a_form_that_comes_back_to_its_own_page_is_empty_again(trial: Any) -> None:
    page = trial('{% from "_macros/form.html" import form %}{{ form(f, submit="提交", keep="trial") }}', f=Trial(None))
    page.fill("#title", "一条意见")
    page.get_by_role("button", name="提交").click()
    expect(page.locator("#title")).to_have_value("")  # waits, also between two pages
    assert len(page.posted) == 1
    page.fill("#title", "写了一半")
    page.goto("/trial-elsewhere")
    page.goto("/trial")
    assert page.input_value("#title") == "", "nothing was lost, so nothing is put back"


def refused(server: Server) -> Trial:
    with server.app.test_request_context("/trial", method="POST", data={"title": ""}):
        f = Trial()
        assert not f.validate()
        return f


def test_errors_are_named_on_top_and_lead_to_the_field(trial: Any, server: Server, axe: Any) -> None:
    f = server.do(lambda: refused(server))
    page = trial('{% from "_macros/form.html" import form %}{{ form(f, submit="提交") }}', f=f)
    assert page.evaluate("document.activeElement.className") == "error-summary"
    page.get_by_role("link", name="标题").click()
    assert page.evaluate("document.activeElement.id") == "title"
    axe(page)


def test_choosing_rows_names_the_effect(trial: Any, axe: Any) -> None:
    rows = SimpleNamespace(
        total=3, filtered=False, search=(), filters=(), chosen={}, words="", sort="", page=1, pages=1, args={},
        columns=[SimpleNamespace(key="n", label="姓名", sort=None, numeric=False, value=lambda row: row.name)],
        rows=[SimpleNamespace(id=i, name=f"学员{i}") for i in (1, 2, 3)], address=lambda **more: "?",
    )  # fmt: skip
    page = trial(
        '{% from "_macros/table.html" import listing %}{{ listing(rows, bulk=[{"url": "/trial-release", "label": "发布成绩", "words": "向 {n} 人发布成绩", "style": "primary"}]) }}',
        rows=rows,
    )
    assert page.get_by_role("button", name="发布成绩").is_disabled()
    page.locator("input[name=ids]").nth(1).check()
    assert page.get_by_role("button", name="向 1 人发布成绩").is_enabled()
    page.locator("[data-pick-all]").check()
    axe(page)
    page.get_by_role("button", name="向 3 人发布成绩").click()
    page.wait_for_url("**/trial-release")
    assert [page.posted[0][1].count(f"ids={i}") for i in (1, 2, 3)] == [1, 1, 1]


def test_the_appearance_is_kept_in_this_browser(page_as: Any, axe: Any, picture: Any) -> None:
    page = page_as(None)
    page.goto("/")
    page.get_by_text("中文", exact=True).first.click()
    page.get_by_role("button", name="深色").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.goto("/sign-in")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    axe(page)
    page.goto("/")
    axe(page)
    picture(page, "theme-dark")
    for name, theme in (("高对比度", "contrast"), ("跟随设备", None)):
        page.goto("/")
        page.get_by_text("中文", exact=True).first.click()
        page.get_by_role("button", name=name).click()
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        axe(page)


def test_the_device_may_ask_for_dark(page_as: Any, axe: Any) -> None:
    page = page_as(None, color_scheme="dark")
    page.goto("/")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 22, 31)"
    axe(page)


def test_the_menu_folds_on_a_phone_and_works_by_keyboard(page_as: Any, axe: Any) -> None:
    page = page_as(None, width=390)
    page.goto("/")
    assert not page.locator("#bar-menu").is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.get_by_role("button", name="菜单").focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="菜单").get_attribute("aria-expanded") == "true"
    assert page.locator("#bar-menu").is_visible()
    axe(page)
    page.locator("#bar-menu summary").first.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("link", name="English").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("link", name="English").is_visible()


def test_everything_can_be_reached_without_script(page_as: Any) -> None:
    page = page_as(None, width=390, java_script_enabled=False)
    page.goto("/")
    assert page.locator("#bar-menu").is_visible()
    page.locator("#bar-menu summary").first.click()
    page.get_by_role("link", name="English").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Technology managers, from training to certificate"
