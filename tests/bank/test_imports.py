"""A file of questions in: dry run, choices, taken in exactly once, result, undo."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from app.bank import importing, service, tasks
from app.bank.models import (
    Choice,
    Fate,
    ImportState,
    Question,
    QuestionImport,
    QuestionImportRow,
    QuestionRevision,
    QuestionState,
    RowOutcome,
)
from app.core import clock
from app.core.permissions import Role
from app.db import db, locked, unit_of_work
from app.jobs.service import run_waiting
from question_bank.formats import Reading, Refusal, write
from tests.bank import factories
from tests.factories import people


def _count(model: Any = Question) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def _upload(browser: Any, items: Any, format: str = "yaml") -> str:
    name = {"yaml": "q.yaml", "excel": "q.xlsx", "gift": "q.gift", "moodle-xml": "q.xml"}[format]
    data = items if isinstance(items, bytes) else write(items, format).data
    sent = browser.post("/bank/import", data={"format": format, "file": (io.BytesIO(data), name)})
    assert sent.status_code == 302, sent.text
    return sent.location


def _rows(code: str | None = None) -> Any:
    asked = select(QuestionImportRow).order_by(QuestionImportRow.position)
    if code:
        return db.session.scalars(
            asked.where(QuestionImportRow.code == code).execution_options(populate_existing=True)
        ).one()
    return db.session.scalars(asked.execution_options(populate_existing=True)).all()


def _latest(code: str) -> QuestionRevision:
    return service.by_code(code).latest


@pytest.fixture
def author(app: Any) -> Any:
    return people.officer(Role.LECTURER)


@pytest.fixture
def browser(author: Any, client_as: Any) -> Any:
    return client_as(author)


@pytest.mark.parametrize("format", ["yaml", "excel", "gift", "moodle-xml"])
def test_nothing_changes_before_the_owner_says_so(author: Any, browser: Any, client_as: Any, format: str) -> None:
    factories.question(author, factories.item("OLD"))
    before = _count()
    address = _upload(browser, [factories.item("N-1"), factories.item("N-2", text="题干 OLD")], format)
    page = browser.get(address)
    assert "N-1" in page.text and "OLD" in page.text and 'class="question"' in page.text
    assert _count() == before
    assert [row.fate for row in _rows()] == [Fate.NEW, Fate.DUPLICATE]
    assert browser.post(f"{address}/start", data={}).status_code == 302
    assert _count() == before, "the worker takes in, not the page"
    run_waiting()
    assert _count() == before + 1
    assert browser.post(f"{address}/start", data={}).status_code == 409
    run_waiting()
    assert _count() == before + 1
    assert client_as(people.officer(Role.LECTURER)).get(address).status_code == 404


def test_the_template_is_filled_in_and_read_again(browser: Any) -> None:
    """From the page of the upload; with its headings, and its own instructions are no question."""
    assert "/bank/import/template.xlsx" in browser.get("/bank/import").text
    book = load_workbook(io.BytesIO(browser.get("/bank/import/template.xlsx").data))
    sheet = book["题目"]
    heads = {cell.value: cell.column for cell in sheet[1]}
    for head, value in (("题型", "单选"), ("题干", "首都是？"), ("选项A", "北京"), ("选项B", "天津"), ("答案", "A")):
        sheet.cell(2, heads[head], value)
    sheet.cell(3, heads["题型"], "单选")  # and one without words
    out = io.BytesIO()
    book.save(out)
    answer = browser.post("/bank/import", data={"format": "excel", "file": (io.BytesIO(out.getvalue()), "题目.xlsx")})
    assert answer.status_code == 302
    assert [row.fate for row in _rows()] == [Fate.NEW, Fate.REFUSED]
    page = browser.get(answer.location).text
    key = page[page.index("<summary>答案</summary>") :]
    assert "北京" in key[: key.index("</details>")] and "天津" not in key[: key.index("</details>")]


def test_each_question_has_its_fate(author: Any, browser: Any) -> None:
    for code in ("SAME", "CHANGED", "CLOSED", "TWIN"):
        factories.question(author, factories.item(code))
    with unit_of_work():
        service.submit(locked(service.by_code("CLOSED")), by=author, now=clock.now())
    _upload(
        browser,
        [
            factories.item("SAME"),
            factories.item("CHANGED", explanation="新"),
            factories.item("CLOSED", explanation="新"),
            factories.item("A", text="题 干 twin！"),
            factories.item("B", text="题干 TWIN"),
            factories.item("C", text="另一题"),
            factories.item("D", text="另一题"),
        ],
    )
    found = {row.code: (row.fate, row.choice, row.twin) for row in _rows()}
    assert found["SAME"][0] is Fate.UNCHANGED
    assert found["CHANGED"][:2] == (Fate.REVISED, Choice.REVISE)
    assert found["CLOSED"][:2] == (Fate.CLOSED, Choice.SKIP)
    assert found["B"] == (Fate.DUPLICATE, Choice.SKIP, "TWIN")
    assert found["C"][0] is Fate.NEW
    assert found["D"] == (Fate.DUPLICATE, Choice.SKIP, "C")


def test_the_choice_for_each_duplicate_is_done(author: Any, browser: Any) -> None:
    factories.question(author, factories.item("TWIN"))
    same = {"text": "题干 TWIN", "explanation": "别的解"}
    address = _upload(browser, [factories.item(code, **same) for code in ("SKIP", "REV", "NEW")])
    choices = {f"choice-{_rows('REV').id}": "revise", f"choice-{_rows('NEW').id}": "create", "choice-x": "create",
               f"choice-{_rows('SKIP').id}": "destroy"}  # fmt: skip
    assert browser.post(f"{address}/choices", data=choices).status_code == 302
    assert _rows("REV").choice is Choice.REVISE
    assert browser.post(f"{address}/start", data={}).status_code == 302
    run_waiting()
    outcomes = {row.code: row.outcome for row in _rows()}
    assert outcomes == {"SKIP": RowOutcome.SKIPPED, "REV": RowOutcome.REVISED, "NEW": RowOutcome.CREATED}
    assert service.by_code("REV") is None and _latest("TWIN").item.explanation == "别的解"
    assert service.by_code("NEW").state is QuestionState.DRAFT


def test_one_choice_for_all_duplicates(author: Any, browser: Any) -> None:
    factories.question(author, factories.item("TWIN"))
    address = _upload(browser, [factories.item(f"D-{n}", text="题干 TWIN") for n in range(3)])
    page = browser.post(f"{address}/start", data={})
    assert page.status_code == 422 and _rows()[0].outcome is None
    assert browser.post(f"{address}/choices", data={"all": "duplicate", "all_choice": "create"}).status_code == 302
    assert {row.choice for row in _rows()} == {Choice.CREATE}
    assert browser.post(f"{address}/choices", data={"all": "unchanged", "all_choice": "create"}).status_code == 422


def test_a_choice_a_row_does_not_have_is_not_taken(author: Any, browser: Any) -> None:
    factories.question(author, factories.item("SAME"))
    address = _upload(browser, [factories.item("SAME")])
    browser.post(f"{address}/choices", data={f"choice-{_rows('SAME').id}": "create"})
    assert _rows("SAME").choice is Choice.SKIP


def test_refusals_and_remarks_are_told_where_and_why(browser: Any, monkeypatch: Any) -> None:
    def read(data: bytes, format: str) -> Reading:
        reading = Reading([factories.item("A")], [Refusal("line 9 · B", "required", "options[0].text")])
        reading.notes = [Refusal("line 2 · A", "unknown_key", "weight"), Refusal("line 1", "unknown_key", "category")]
        return reading

    monkeypatch.setattr(importing, "read", read)
    page = browser.get(_upload(browser, b"anything"))
    for told in ("第 9 行 · B", "选项 1", "weight", "category", "第 2 行"):
        assert told in page.text
    assert [row.fate for row in _rows()] == [Fate.NEW, Fate.REFUSED]


def test_a_file_of_refusals_cannot_be_taken_in(browser: Any) -> None:
    address = _upload(browser, b"format: ttm-questions/1\nquestions:\n- id: B-1\n  kind: single\n  text: x\n")
    page = browser.get(address)
    assert "B-1" in page.text and page.status_code == 200
    assert db.session.scalars(select(QuestionImport)).one().state is ImportState.UNREADABLE
    assert browser.post(f"{address}/start", data={}).status_code == 409


def test_a_large_file_is_read_by_the_worker(browser: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(importing, "read_at_once", lambda upload: False)
    address = _upload(browser, [factories.item("A")])
    assert "data-job" in browser.get(address).text and not _rows()
    assert browser.get(f"{address}.json").json["ended"] is False
    tasks.read_uploads(clock.now())
    tasks.read_uploads(clock.now())
    assert len(_rows()) == 1 and browser.get(f"{address}.json").json["ended"] is True


def test_a_reader_that_died_is_followed_by_another(browser: Any, monkeypatch: Any, set_clock: Any) -> None:
    monkeypatch.setattr(importing, "read_at_once", lambda upload: False)
    _upload(browser, [factories.item("A")])

    def killed(data: bytes, format: str) -> Reading:
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(importing, "read", killed)
        tasks.read_uploads(clock.now())
    tasks.read_uploads(clock.now())
    assert not _rows(), "the first may still be at it"
    set_clock(clock.now() + timedelta(minutes=16))
    tasks.read_uploads(clock.now())
    assert len(_rows()) == 1


def test_a_killed_worker_takes_nothing_in_twice(author: Any, browser: Any, monkeypatch: Any, set_clock: Any) -> None:
    """As after kill -9: the transaction at hand is gone, what was committed stays, the rest follows."""
    address = _upload(browser, [factories.item(f"Q-{n:03}") for n in range(120)])
    browser.post(f"{address}/start", data={})
    before, create, made = _count(), service.create_all, []

    def dies(*args: Any, **more: Any) -> Any:
        made.append(1)
        done = create(*args, **more)
        if len(made) == 2:
            raise SystemExit
        return done

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(service, "create_all", dies)
        run_waiting()
    db.session.rollback()
    assert _count() == before + importing.STEP, "whole steps only"
    set_clock(clock.now() + timedelta(minutes=3))
    run_waiting()
    run_waiting()
    assert _count() == before + 120
    assert {row.outcome for row in _rows()} == {RowOutcome.CREATED}
    upload = db.session.scalars(select(QuestionImport).execution_options(populate_existing=True)).one()
    assert (upload.state, upload.outcome["created"]) == (ImportState.DONE, 120)


def test_a_cancelled_import_goes_on(author: Any, browser: Any) -> None:
    address = _upload(browser, [factories.item(f"Q-{n:02}") for n in range(25)])
    browser.post(f"{address}/start", data={})
    upload = db.session.scalars(select(QuestionImport)).one()
    assert browser.post(f"{address}/go-on", data={}).status_code == 409
    browser.post(f"/jobs/{upload.job_id}/cancel", data={})
    run_waiting()
    assert browser.post(f"{address}/go-on", data={}).status_code == 302
    run_waiting()
    assert {row.outcome for row in _rows()} == {RowOutcome.CREATED}


def test_a_number_taken_meanwhile_is_told_in_the_result(author: Any, browser: Any) -> None:
    address = _upload(browser, [factories.item("A"), factories.item("B", text="另一")])
    factories.question(author, factories.item("A", text="不同"))
    browser.post(f"{address}/start", data={})
    run_waiting()
    assert (_rows("A").outcome, _rows("B").outcome) == (RowOutcome.REFUSED, RowOutcome.CREATED)
    sheet = load_workbook(io.BytesIO(browser.get(f"{address}/result").data)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert [row[2] for row in rows[1:]] == ["A", "B"] and "A" in rows[1][6] and not rows[2][6]


def test_undo_leaves_the_bank_as_it_was(author: Any, browser: Any) -> None:
    factories.question(author, factories.item("OLD"), live=True)
    before, revisions = _count(), _count(QuestionRevision)
    address = _upload(browser, [factories.item("OLD", explanation="新"), factories.item("NEW")])
    browser.post(f"{address}/start", data={})
    run_waiting()
    assert (_count(), _latest("OLD").item.explanation) == (before + 1, "新")
    assert browser.post(f"{address}/undo", data={}).status_code == 302
    db.session.expire_all()
    old = service.by_code("OLD")
    assert (_count(), _count(QuestionRevision)) == (before, revisions)
    assert (old.state, old.latest_number, old.latest.item.explanation) == (QuestionState.LIVE, 1, "因为")
    assert browser.post(f"{address}/undo", data={}).status_code == 409
    again = _upload(browser, [factories.item("NEW")])
    assert "NEW" in browser.get(again).text


def test_undo_takes_back_several_revisions_of_one_question(author: Any, browser: Any) -> None:
    factories.question(author, factories.item("TWIN"), live=True)
    items = [factories.item(code, text="题干 TWIN", explanation=code) for code in ("A", "B")]
    items += [factories.item("C", text="另"), factories.item("D", text="另", explanation="更好")]
    before, revisions = _count(), _count(QuestionRevision)
    address = _upload(browser, items)
    browser.post(f"{address}/choices", data={"all": "duplicate", "all_choice": "revise"})
    browser.post(f"{address}/start", data={})
    run_waiting()
    assert {row.outcome for row in _rows()} == {RowOutcome.CREATED, RowOutcome.REVISED}
    assert (_latest("TWIN").item.explanation, _latest("C").item.explanation) == ("B", "更好")
    assert browser.post(f"{address}/undo", data={}).status_code == 302
    db.session.expire_all()
    assert (_count(), _count(QuestionRevision)) == (before, revisions)
    assert service.by_code("TWIN").state is QuestionState.LIVE and service.by_code("TWIN").latest_number == 1


@pytest.mark.parametrize("what", ["edited", "submitted", "grouped"])
def test_undo_is_refused_once_something_was_done_with_it(author: Any, browser: Any, what: str) -> None:
    from app.bank import groups

    address = _upload(browser, [factories.item("A"), factories.item("B", text="另一")])
    browser.post(f"{address}/start", data={})
    run_waiting()
    with unit_of_work():
        question = locked(service.by_code("A"))
        if what == "edited":
            service.revise(question, factories.item("A", explanation="改"), by=author, now=clock.now())
        elif what == "submitted":
            service.submit(question, by=author, now=clock.now())
        else:
            groups.keep_group(None, "组", ["A", "B"], by=author, now=clock.now())
    before = _count()
    page = browser.post(f"{address}/undo", data={})
    assert page.status_code == 409 and "A" in page.text and _count() == before


def test_who_lost_the_right_takes_nothing_in(author: Any, browser: Any) -> None:
    from app.accounts.models import RoleHeld

    address = _upload(browser, [factories.item("A")])
    browser.post(f"{address}/start", data={})
    with unit_of_work():
        for role in db.session.scalars(select(RoleHeld).where(RoleHeld.person_id == author.id)):
            role.ended_at = clock.now()
    db.session.expire_all()
    run_waiting()
    assert _rows("A").outcome is RowOutcome.REFUSED and service.by_code("A") is None


def test_a_page_of_a_large_file_is_a_page(browser: Any, queries: Any) -> None:
    few = _upload(browser, [factories.item(f"S-{n:03}") for n in range(30)])
    with queries() as one:
        browser.get(few)
    address = _upload(browser, [factories.item(f"L-{n:03}") for n in range(80)])
    with queries() as many:
        page = browser.get(address)
    assert page.text.count('class="question"') == 25 and len(many) <= len(one)
    assert "L-079" in browser.get(f"{address}?page=4").text
    assert "L-042" in browser.get(f"{address}?q=L-042").text
