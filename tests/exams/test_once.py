"""Forms that make something new, sent twice (a double click, the back button): one thing is made."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from sqlalchemy import func, select

from app.bank.models import EnemyGroup, QuestionImport
from app.core.permissions import Role, Scope
from app.db import db
from app.exams.models import ExamSession, Incident, RoomMessage
from question_bank.formats import write
from tests.bank import factories
from tests.exams.factories import Room
from tests.factories import people


def fields(page: str, action: str = "") -> dict[str, str]:
    """The hidden fields of the form that is sent to ``action`` (empty: the only form with a number)."""
    for form in re.findall(r"<form\b.*?</form>", page, re.DOTALL):
        if re.search(r'name="[\w-]*once"', form) and (not action or f'action="{action}"' in form):
            return dict(re.findall(r'<input[^>]*name="([\w-]*once)"[^>]*value="([^"]*)"', form))
    raise AssertionError(f"no form to {action}")


def twice(browser: Any, page: str, data: Any, action: str = "") -> None:
    """Open the page, send its form, send the same form again."""
    hidden = fields(browser.get(page).text, action)
    assert all(hidden.values())
    first = browser.post(action or page, data=data() | hidden)
    assert first.status_code == 302, first.text
    again = browser.post(action or page, data=data() | hidden)
    assert again.status_code == 422 and "已" in again.text


def count(model: Any) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.fixture
def desk(app: Any, client_as: Any) -> Any:
    return client_as(people.officer(Role.EXAM_OFFICE, Scope.SITE))


def test_an_upload(desk: Any) -> None:
    file = write([factories.item("O-1")], "yaml").data
    twice(desk, "/bank/import", lambda: {"format": "yaml", "file": (io.BytesIO(file), "q.yaml")})
    assert count(QuestionImport) == 1


def test_a_group(desk: Any, app: Any) -> None:
    author = people.person()
    for code in ("O-1", "O-2"):
        factories.question(author, factories.item(code))
    twice(desk, "/bank/groups/new", lambda: {"name": "一组", "codes": "O-1\nO-2", "note": "x"})
    assert count(EnemyGroup) == 1


def test_a_session(desk: Any, app: Any) -> None:
    region = people.region()
    before = count(ExamSession)
    values = {"title": "春季", "level": "1", "region_id": str(region.id), "opens_at": "2030-03-01T09:00",
              "closes_at": "2030-03-01T12:00", "minutes": "90", "late_entry_minutes": "30"}  # fmt: skip
    twice(desk, "/exams/office/sessions/new", lambda: dict(values))
    assert count(ExamSession) == before + 1


def test_what_an_invigilator_sends(app: Any, client_as: Any) -> None:
    room = Room(candidates=1)
    browser = client_as(room.office)
    page = f"/exams/office/rooms/{room.session.id}"
    text = browser.get(page).text
    twice(browser, page, lambda: {"say-text": "还有五分钟"}, f"{page}/messages")
    assert count(RoomMessage) == 1
    name = "report-" if 'name="report-kind"' in text else ""
    kind = re.search(rf'name="{name}kind".*?<option[^>]*value="(\w+)"', text, re.DOTALL)
    assert kind
    twice(browser, page, lambda: {f"{name}kind": kind[1], f"{name}note": "停电"}, f"{page}/incidents")
    assert count(Incident) == 1
