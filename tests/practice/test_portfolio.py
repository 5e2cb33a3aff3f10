"""The portfolio: what it holds, who gets it, the PDF and the ZIP that agree."""

from __future__ import annotations

import contextvars
import csv
import hashlib
import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select

from app.accounts.models import Person
from app.core import clock
from app.db import db, for_transactions, unit_of_work
from app.files.models import StoredFile
from app.jobs.models import Job
from app.jobs.service import DRAWS, run_waiting
from app.practice import portfolio, service
from app.practice.models import Confidentiality, Portfolio
from app.practice.tasks import discard_overdue
from certificates.sheets import page_count
from tests.factories import people as make
from tests.factories import practice

pytestmark = pytest.mark.slow


@pytest.fixture
def trainee(app: Any) -> Person:
    here = make.region()
    return make.person("𠮷敏·阿卜杜热西提", region=here, organisation_id=make.organisation(here).id)


def text_of(pdf: bytes) -> str:
    from certificates.pagetext import page_text

    return page_text(pdf)


def bind(client: Any, **choice: Any) -> Portfolio:
    answer = client.post("/practice/portfolio", data={"rank": "0", "passed_only": "y"} | choice)
    assert answer.status_code == 302, answer.text
    run_waiting()
    return db.session.query(Portfolio).order_by(Portfolio.id.desc()).first()


def test_a_portfolio_is_bound_and_taken(client_as: Any, trainee: Person) -> None:
    passed = practice.passed_task(trainee, "T01", 1, score="82.50")
    practice.passed_task(trainee, "T02", 1, score="40")
    browser = client_as(trainee)
    made = bind(browser)
    assert [one.entry.id for one in portfolio.chapters_of(made)] == [passed.id]
    page = browser.get("/practice/portfolio").text
    assert f"/practice/portfolio/{made.id}.pdf" in page and f"/practice/portfolio/{made.id}.zip" in page
    data = browser.get(f"/practice/portfolio/{made.id}.pdf").data
    assert page_count(data) == made.pages >= 3
    words = text_of(data)
    assert passed.title in words and passed.versions[0].sha256[:20] in words.replace("\n", "") and "82.5" in words


def test_a_portfolio_drawn_by_two_workers_is_kept_once(client_as: Any, trainee: Person, twice: Any) -> None:
    practice.passed_task(trainee, "T01", 1, score="82.50")
    before, drawn = set(db.session.scalars(select(StoredFile.id))), twice(portfolio.MAKE)
    made = bind(client_as(trainee))
    assert drawn == [False, False]
    assert set(db.session.scalars(select(StoredFile.id))) - before == {made.file_id}


def test_a_portfolio_whose_time_was_over_is_not_bound(
    client_as: Any, trainee: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice.passed_task(trainee, "T01", 1, score="82.50")
    draw = DRAWS[portfolio.MAKE]

    def late(item: dict[str, Any], job: Job) -> bytes:
        data: bytes = draw(item, job)
        with for_transactions().execution_options(writes=True).begin() as other:
            other.execute(delete(Portfolio))
        return data

    monkeypatch.setitem(DRAWS, portfolio.MAKE, late)
    before = db.session.scalar(select(func.count(StoredFile.id)))
    assert bind(client_as(trainee)) is None
    assert db.session.scalar(select(func.count(StoredFile.id))) == before
    assert db.session.scalars(select(Job).where(Job.kind == portfolio.MAKE)).one().refused == 1


def test_pdf_and_zip_agree(client_as: Any, trainee: Person) -> None:
    entry = practice.passed_task(trainee, "T01", 1, score="82.50")
    browser = client_as(trainee)
    made = bind(browser)
    answer = browser.get(f"/practice/portfolio/{made.id}.zip")
    whole = zipfile.ZipFile(io.BytesIO(answer.data))
    assert whole.testzip() is None
    rows = list(csv.DictReader(io.StringIO(whole.read("manifest.csv").decode("utf-8-sig"))))
    assert len(rows) == 1 + len(entry.versions[0].file_ids)
    for row in rows:
        path, digest = next(iter(row.values())), row["SHA-256"]
        assert hashlib.sha256(whole.read(path)).hexdigest() == digest
    assert [told["title"] for told in json.loads(whole.read("tasks.json"))] == [entry.title]


def test_the_zip_arrives_whole_from_a_server(client_as: Any, trainee: Person) -> None:
    """A server asks for the bytes after the request is answered, with no application in reach as here in the tests."""
    practice.passed_task(trainee, "T01", 1)
    browser = client_as(trainee)
    path = f"/practice/portfolio/{bind(browser).id}.zip"
    data = contextvars.Context().run(lambda: FlaskClient.open(browser, path).get_data())
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None


def test_core_material_stays_a_title_unless_its_owner_asks(client_as: Any, trainee: Person) -> None:
    entry = practice.passed_task(trainee, "T01", 1, confidentiality=Confidentiality.CORE)
    secret = entry.did
    browser = client_as(trainee)
    closed, opened = bind(browser), bind(browser, with_core="y")
    without, with_it = (text_of(browser.get(f"/practice/portfolio/{one.id}.pdf").data) for one in (closed, opened))
    assert entry.title in without and secret not in without and secret in with_it
    names = zipfile.ZipFile(io.BytesIO(browser.get(f"/practice/portfolio/{closed.id}.zip").data)).namelist()
    assert len(names) == 3


def test_nobody_else_reaches_it(client_as: Any, trainee: Person) -> None:
    practice.passed_task(trainee, "T01", 1)
    made = bind(client_as(trainee))
    other = client_as(make.person("王五"))
    for path in (f"{made.id}.pdf", f"{made.id}.zip"):
        assert other.get(f"/practice/portfolio/{path}").status_code == 404
    assert other.post(f"/practice/portfolio/{made.id}/delete").status_code == 404


def test_nothing_to_bind_says_so(client_as: Any, trainee: Person) -> None:
    browser = client_as(trainee)
    assert "还没有提交过任务" in browser.get("/practice/portfolio").text
    answer = browser.post("/practice/portfolio", data={"rank": "0"})
    assert answer.status_code == 422 and "没有可装订的内容" in answer.text


def test_a_copy_goes_after_thirty_days_or_when_deleted(client_as: Any, trainee: Person) -> None:
    practice.passed_task(trainee, "T01", 1)
    browser = client_as(trainee)
    first, second = bind(browser), bind(browser)
    assert browser.post(f"/practice/portfolio/{first.id}/delete").status_code == 302
    discard_overdue(clock.now() + timedelta(days=29))
    assert [one.id for one in portfolio.portfolios_of(trainee)] == [second.id]
    discard_overdue(clock.now() + timedelta(days=31))
    assert portfolio.portfolios_of(trainee) == []
    assert service.facts_of(trainee, 1, clock.today()).passed


def test_the_copy_keeps_the_versions_it_was_bound_from(app: Any, trainee: Person) -> None:
    entry = practice.in_review(trainee)
    with unit_of_work():
        made = portfolio.ask(trainee, rank=None, passed_only=False, with_core=False, now=clock.now())
    (chapter,) = portfolio.chapters_of(made)
    assert (chapter.version.number, chapter.judged, chapter.given) == (entry.version, False, [])
