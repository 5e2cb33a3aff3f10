"""A certificate dropped on the page, as a visitor does it."""

from __future__ import annotations

from typing import Any

DROP = """([name, text]) => {
  const held = new DataTransfer();
  held.items.add(new File([text], name, {type: "application/pdf"}));
  document.querySelector("[data-drop-file]").closest("section")
    .dispatchEvent(new DragEvent("drop", {dataTransfer: held, bubbles: true, cancelable: true}));
}"""


def test_a_dropped_file_is_judged_at_once(page_as: Any, axe: Any) -> None:
    page = page_as()
    page.goto("/verify")
    axe(page)
    page.evaluate(DROP, ["changed.pdf", "%PDF-1.7\nnothing that was issued here"])
    page.wait_for_url("**/verify/file")
    assert "非本平台签发" in page.inner_text("h1")
    assert "文件已读取，未保存" in page.inner_text("main")
    axe(page)
    assert page.said == []


def test_a_file_that_is_too_large_is_not_sent(page_as: Any) -> None:
    page = page_as(language="en")
    page.goto("/verify")
    page.evaluate(DROP, ["large.pdf", "x" * 5_300_000])
    assert "larger than 5 MB" in page.inner_text("[data-drop-status]")
    assert page.url.endswith("/verify")


def test_without_script_the_field_does_it(page_as: Any, tmp_path: Any) -> None:
    page = page_as(java_script_enabled=False)
    page.goto("/verify")
    (tmp_path / "a.json").write_text('{"type": ["AchievementCredential"]}')
    page.set_input_files("[data-drop-file] input[type=file]", tmp_path / "a.json")
    page.click("[data-drop-file] button[type=submit]")
    assert "非本平台签发" in page.inner_text("h1")
