"""A database whose lock somebody holds for longer than one waits: told as "busy", at every door in its own way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import OperationalError

from app.accounts.models import SignIn
from app.accounts.sessions import SEEN_EVERY
from app.core import clock
from app.db import db, for_transactions, is_busy, is_sqlite, unit_of_work
from app.practice.models import Portfolio
from tests.factories import people

FORM = "http://localhost/practice/portfolio"


@pytest.fixture
def held(app: Any) -> Iterator[None]:
    """Somebody writes and does not end; nobody waits longer than a moment for it."""
    engine = db.engine

    def impatient(connection: Any, record: Any, proxy: Any) -> None:
        if is_sqlite(engine):
            connection.execute("PRAGMA busy_timeout=20")
        else:
            before, connection.autocommit = connection.autocommit, True
            connection.execute("SET lock_timeout = '50ms'")
            connection.autocommit = before

    db.session.rollback()
    event.listen(engine, "checkout", impatient)
    with for_transactions().execution_options(writes=True).connect() as other, other.begin():
        if not is_sqlite(engine):
            other.execute(text("LOCK TABLE practice_portfolio, verification_query, sign_in IN EXCLUSIVE MODE"))
        yield
    event.remove(engine, "checkout", impatient)
    db.session.close()  # its connection goes back before the pool of impatient ones is given up
    engine.dispose()


@pytest.fixture
def trainee(app: Any, set_clock: Any, at: Any) -> Any:
    from tests.factories import practice

    set_clock(at("2026-03-02 09:00"))
    made = people.person()
    practice.passed_task(made, "T01", 1, score="82.50")
    return made


@pytest.fixture
def browser(trainee: Any, client_as: Any) -> Any:
    return client_as(trainee)


@pytest.mark.parametrize(
    ("language", "words"), [("zh_Hans", ("系统繁忙", "过几秒再试")), ("en", ("The site is busy", "try again in a few seconds"))]
)  # fmt: skip
def test_a_page_says_so_and_leads_back_to_the_form(
    browser: Any, request: pytest.FixtureRequest, language: str, words: tuple[str, ...]
) -> None:
    browser.get(f"/language/{language}?next=/")
    request.getfixturevalue("held")
    answer = browser.post("/practice/portfolio", data={"rank": "0"}, headers={"Referer": FORM})
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
    assert all(one in answer.text for one in words)
    assert 'class="error-page"' in answer.text  # by it the browser knows that what was typed was not taken
    assert re.search(rf'href="{FORM}"', answer.text)
    assert db.session.scalar(select(Portfolio.id)) is None


def test_a_script_gets_json(browser: Any, held: None) -> None:
    answer = browser.post("/practice/portfolio", data={"rank": "0"}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "系统繁忙" in answer.json["error"] and answer.json["reference"]


def test_the_interface_for_employers_gets_problem_details(client: Any, held: None) -> None:
    answer = client.post("/api/v1/verify", json={"number": "A1", "name": "王"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == 503 and "系统繁忙" in answer.json["error"]


def test_reading_goes_on_though_the_last_visit_cannot_be_noted(
    trainee: Any, browser: Any, set_clock: Any, request: pytest.FixtureRequest
) -> None:
    set_clock(clock.now() + SEEN_EVERY + timedelta(minutes=1))
    request.getfixturevalue("held")
    asked = select(SignIn.seen_at).where(SignIn.person_id == trainee.id)
    before = db.session.scalar(asked)
    assert browser.get("/practice/portfolio").status_code == 200
    assert db.session.scalar(asked) == before


def test_other_faults_of_the_database_are_ours(app: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        with unit_of_work() as work:
            work.execute(
                text("SELECT * FROM nowhere")
                if is_sqlite(db.engine)
                else text("SELECT pg_terminate_backend(pg_backend_pid())")
            )

    monkeypatch.setitem(app.config, "PROPAGATE_BROKEN", False)
    monkeypatch.setitem(app.view_functions, "core.index", broken)
    broken.access = "public"  # type: ignore[attr-defined]
    answer = client.get("/")
    assert answer.status_code == 500 and "Retry-After" not in answer.headers
    with app.app_context(), pytest.raises(OperationalError) as found:
        broken()
    assert not is_busy(found.value)
