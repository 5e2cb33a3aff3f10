"""A lecturer takes a file into the bank, compares, and takes it back; every page of the way is looked at, wide and narrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.core.permissions import Role, Scope
from question_bank.formats import write
from tests.bank import factories
from tests.browser.server import Server
from tests.factories import people


@pytest.fixture
def author(server: Server) -> Any:
    return server.do(lambda: people.officer(Role.EXAM_OFFICE, Scope.SITE, name="题库主任"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    formula = factories.item("BR-1", text="折现 $\\frac{C}{1+r}$\n\n|年|额|\n|-|-|\n|1|2|")
    items = [formula, factories.item("BR-2"), factories.item("BR-3", text="题干 BR-2")]
    made = tmp_path / "questions.yaml"
    made.write_bytes(write(items, "yaml").data + b"  - id: BR-4\n    kind: single\n    text: x\n")
    return made


def test_a_file_goes_in_and_out_again(
    server: Server, author: Any, file: Path, page_as: Any, axe: Any, picture: Any
) -> None:
    from app.bank import service
    from app.core import clock
    from app.db import locked, unit_of_work
    from app.jobs.service import run_waiting

    page = page_as(author)

    def looked_at(name: str) -> None:
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            axe(page)
            picture(page, f"bank-{name}-{width}")
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1"), (
                name
            )
        page.set_viewport_size({"width": 1280, "height": 900})

    page.goto("/bank/import")
    page.select_option("#format", "yaml")
    page.set_input_files("#file", str(file))
    page.click("main form button[type=submit]")
    page.wait_for_selector(".import-rows")
    address = page.url
    assert page.locator(".import-rows math mfrac").count() == 1 and page.locator(".import-rows .refused").count() == 1
    looked_at("dry-run")
    page.click("button[formaction$='/start']")
    page.wait_for_selector("progress")
    looked_at("running")
    server.do(run_waiting)
    page.goto(address)
    looked_at("result")

    def revised() -> int:
        question = service.by_code("BR-2")
        with unit_of_work():
            service.revise(locked(question), factories.item("BR-2", explanation="所以"), by=author, now=clock.now())
        return question.id

    question_id = server.do(revised)
    page.goto(f"/bank/questions/{question_id}/compare")
    looked_at("compare")
    page.goto(f"/bank/questions/{question_id}")
    looked_at("question")
    page.goto(f"/bank/questions/{question_id}/edit")
    looked_at("edit")
    page.goto("/exams/office/blueprints/1")
    looked_at("blueprint")
    assert page.said == []
