"""Comparing revisions, groups, pictures, where used, export."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.bank import comparing, groups, service
from app.bank.drawing import live_pool
from app.bank.models import BankPicture, EnemyGroup, Question, QuestionExport
from app.core import clock
from app.core.permissions import Role
from app.db import db, locked, unit_of_work
from question_bank.formats import read
from question_bank.items import Item
from tests.bank import factories
from tests.factories import people

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)


@pytest.fixture
def author(app: Any) -> Any:
    return people.officer(Role.LECTURER)


@pytest.fixture
def browser(author: Any, client_as: Any) -> Any:
    return client_as(author)


def _revised(author: Any, **more: Any) -> Any:
    made = factories.question(author)
    with unit_of_work():
        service.revise(locked(made), factories.item(**more), by=author, now=clock.now())
    return made


# --- comparing


def test_two_revisions_differ_word_by_word(app: Any) -> None:
    old = factories.item(text="技术合同登记的期限是三十日 within 30 days")
    new = factories.item(text="技术合同登记的期限是六十日 within 60 days", explanation="因为", source="民法典第1条")
    with app.test_request_context():
        rows = {row.label: row for row in comparing.compare(old, new) if row.changed}
    assert len(rows) == 2
    stem = next(iter(rows.values()))
    assert [p.words for p in stem.before if not p.same] == ["三", "30"]
    assert [p.words for p in stem.after if not p.same] == ["六", "60"]
    assert "".join(p.words for p in stem.before) == old.text


def test_every_kind_can_be_compared(app: Any) -> None:
    from tests.bank.test_pages import _samples

    with app.test_request_context():
        for item in _samples():
            rows = comparing.compare(item, item)
            assert rows and not any(row.changed for row in rows), item.id
            told = "".join(piece.words for row in rows for piece in row.after)
            assert item.text in told


def test_the_page_shows_both(author: Any, browser: Any) -> None:
    made = _revised(author, text="题干 T-1 改了 <b>")
    page = browser.get(f"/bank/questions/{made.id}/compare")
    assert "<ins>" in page.text and "<b>" not in page.text and "&lt;b&gt;" in page.text
    assert browser.get(f"/bank/questions/{made.id}/compare?old=2&new=2").status_code == 200
    assert browser.get(f"/bank/questions/{made.id}/compare?old=1&new=9").status_code == 404
    assert browser.get(f"/bank/questions/{made.id}/compare?old=x").status_code == 200


# --- groups


def test_a_group_keeps_its_questions_apart(author: Any, browser: Any) -> None:
    for code in ("A", "B", "C"):
        factories.question(author, factories.item(code), live=True)
    assert (
        browser.post("/bank/groups/new", data={"name": "期限", "codes": "A\nB, A", "note": "互相提示"}).status_code
        == 302
    )
    assert live_pool(1).pool.enemies["A"] == {"B"}
    made = db.session.scalars(select(EnemyGroup)).one()
    assert "期限" in browser.get(f"/bank/questions/{service.by_code('A').id}").text
    assert browser.post(f"/bank/groups/{made.id}/edit", data={"name": "期限", "codes": "B C"}).status_code == 302
    db.session.expire_all()
    assert live_pool(1).pool.enemies["B"] == {"C"} and not live_pool(1).pool.enemies.get("A")
    assert "B" in browser.get(f"/bank/groups/{made.id}").text
    assert browser.post(f"/bank/groups/{made.id}/delete").status_code == 302
    assert groups.enemy_pairs() == []


@pytest.mark.parametrize(
    ("name", "codes"), [("期限", "A"), ("期限", "A NOBODY"), ("", "A B"), ("有了", "A B"), ("大", " ".join(f"X{n}" for n in range(70)))]
)  # fmt: skip
def test_what_is_no_group(author: Any, browser: Any, name: str, codes: str) -> None:
    for code in ("A", "B"):
        factories.question(author, factories.item(code))
    with unit_of_work():
        groups.keep_group(None, "有了", ["A", "B"], by=author, now=clock.now())
    assert browser.post("/bank/groups/new", data={"name": name, "codes": codes}).status_code == 422
    assert len(db.session.scalars(select(EnemyGroup)).all()) == 1


def test_who_only_reads_changes_no_group(author: Any, client_as: Any) -> None:
    reviewer = client_as(people.officer(Role.REVIEWER))
    assert reviewer.get("/bank/groups").status_code == 200
    assert reviewer.post("/bank/groups/new", data={"name": "x", "codes": "A B"}).status_code == 403


# --- pictures


def _with_picture(browser: Any, data: bytes = PNG, name: str = "图.png", **more: Any) -> Any:
    form = {"text": "看图", "add_picture": "1", "picture_words": "流程 [图]", "picture_to": "text", "option-0": "甲",
            "picture": (io.BytesIO(data), name)}  # fmt: skip
    return browser.post("/bank/questions/new/single", data=form | more)


def test_a_picture_is_put_into_the_text_and_shown_to_whoever_is_signed_in(
    browser: Any, client: Any, client_as: Any
) -> None:
    page = _with_picture(browser)
    assert page.status_code == 200 and 'value="甲"' in page.text
    address = re.search(r"!\[流程 图\]\((/bank/pictures/[0-9a-f]{40})\)", page.text)[1]
    shown = client_as(people.person()).get(address)
    assert shown.data == PNG and shown.mimetype == "image/png"
    assert "immutable" in shown.headers["Cache-Control"] and shown.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get(address).status_code in (302, 401)
    assert client_as(people.person()).get("/bank/pictures/" + "0" * 40).status_code == 404
    assert address in _with_picture(browser).text, "the same picture is kept once"
    assert len(db.session.scalars(select(BankPicture)).all()) == 1


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "a.png"), (b"%PDF-1.4", "a.pdf"), (b"", "a.png"),
     (PNG + b"0" * 2_100_000, "a.png"), (PNG, "a.jpg")],
)  # fmt: skip
def test_what_is_no_picture_is_refused_and_nothing_typed_is_lost(browser: Any, data: bytes, name: str) -> None:
    page = _with_picture(browser, data, name)
    assert page.status_code == 422 and "看图" in page.text and 'value="甲"' in page.text
    assert not db.session.scalars(select(BankPicture)).all()


# --- where used, filters, rules


def test_filters_stay_in_the_address(author: Any, browser: Any) -> None:
    factories.question(author, factories.item("A", point="登记"))
    factories.question(author, factories.item("B", text="别的", point="许可"))
    page = browser.get("/bank/questions?point=登记&state=draft&level=1&kind=single&module=policy&difficulty=easy")
    assert ">A</span></a>" in page.text and ">B</span></a>" not in page.text
    assert "point=%E7%99%BB%E8%AE%B0" in page.text and "/bank/export?" in page.text


def test_the_quiz_that_uses_a_question_is_named(app: Any, author: Any, browser: Any) -> None:
    from app.training.models import LessonRevision

    lesson = db.session.scalars(select(LessonRevision).limit(1)).first()
    if lesson is None:
        pytest.skip("no shipped lessons in this database")
    made = factories.question(author, factories.item("QUIZ-1"))
    with unit_of_work():
        db.session.get_one(LessonRevision, lesson.id).quiz = [factories.item("QUIZ-1").to_dict()]
    page = browser.get(f"/bank/questions/{made.id}")
    assert lesson.title_zh in page.text
    assert (
        lesson.title_zh
        not in browser.get(f"/bank/questions/{factories.question(author, factories.item('QUIZ')).id}").text
    )


@pytest.mark.parametrize(("kind", "rules"), [("multiple", 3), ("single", 1), ("case", 1), ("essay", 1)])
def test_the_editor_shows_how_a_kind_is_marked(browser: Any, kind: str, rules: int) -> None:
    page = browser.get(f"/bank/questions/new/{kind}").text
    listed = re.search(r'<ul class="rules">.*?</ul>', page, re.DOTALL)[0]
    assert listed.count("<li>") == rules and listed.count("<strong>") == rules


# --- export


def test_losses_are_seen_before_the_file(author: Any, browser: Any) -> None:
    with_picture = factories.item("P", text="图 ![x](/bank/pictures/" + "a" * 40 + ")")
    factories.question(author, with_picture)
    factories.question(author, factories.item("Q"))
    page = browser.get("/bank/export?state=draft")
    assert page.status_code == 200
    seen = browser.post("/bank/export", data={"state": "draft", "format": "yaml"})
    assert ">P<" in seen.text and 'name="state" value="draft"' in seen.text
    file = browser.post("/bank/export/file", data={"state": "draft", "format": "yaml"})
    assert {item.id for item in read(file.data, "yaml").items} == {"P", "Q"}


def test_a_selection_is_exported_alone(author: Any, browser: Any) -> None:
    ids = [factories.question(author, factories.item(code)).id for code in ("A", "B", "C")]
    data = {"ids": [str(ids[0]), str(ids[2]), "x"], "format": "excel"}
    assert browser.post("/bank/export", data=data).text.count('name="ids"') >= 4
    file = browser.post("/bank/export/file", data=data)
    assert [item.id for item in read(file.data, "excel").items] == ["A", "C"]
    assert browser.post("/bank/export/file", data={"format": "riddle"}).status_code == 404
    assert browser.post("/bank/export/file", data={"format": "yaml", "q": "nobody has this"}).status_code == 404


def test_every_retirement_has_its_reason(author: Any, client_as: Any) -> None:
    made = factories.question(author, live=True)
    reviewer = client_as(people.officer(Role.REVIEWER))
    assert reviewer.post(f"/bank/questions/{made.id}/retire", data={"reason": ""}).status_code == 422
    assert reviewer.post(f"/bank/questions/{made.id}/retire", data={"reason": "法条已改"}).status_code == 302


def test_texts_carry_tables_and_formulae(app: Any) -> None:
    from app.bank.faces import face_of

    item = Item.from_dict(factories.item(text="|a|b|\n|-|-|\n|1|$x^2$|\n\n$$\\frac{1}{1+r}$$").to_dict())
    with app.test_request_context():
        html = face_of("test-formula", item).html("q", title="1")
    assert "<table>" in html and "<mfrac>" in html and "<msup>" in html


def test_a_long_list_is_written_in_the_background(
    author: Any, browser: Any, monkeypatch: pytest.MonkeyPatch, set_clock: Any
) -> None:
    from app.bank import export_pages, exporting, tasks

    monkeypatch.setattr(export_pages, "AT_ONCE", 2)
    monkeypatch.setattr(exporting, "PART", 3)
    for n in range(4):
        with unit_of_work():
            service.create(factories.item(f"LONG-{n}", text=f"长列表第 {n} 题"), by=author, now=clock.now())
    assert "后台" in browser.get("/bank/export?state=draft").text
    sent = browser.post("/bank/export", data={"state": "draft", "format": "aiken"})
    page = sent.location
    assert sent.status_code == 302 and 'data-job="' in browser.get(page).text
    assert browser.get(f"{page}.json").json["ended"] is False and browser.get(f"{page}/zip").status_code == 404
    tasks.write_exports(clock.now())
    assert browser.get(f"{page}.json").json == {"ended": True, "finished": 4, "done": 4, "refused": 0, "left": ""}
    shown = browser.get(page).text
    assert "解析" in shown and f"{page}/zip" in shown
    with zipfile.ZipFile(io.BytesIO(browser.get(f"{page}/zip").data)) as archive:
        assert archive.namelist() == ["questions-1.txt", "questions-2.txt"]
        assert sum(len(read(archive.read(name), "aiken").items) for name in archive.namelist()) == 4
    set_clock(clock.now() + timedelta(days=4))
    tasks.let_exports_go(clock.now())
    db.session.rollback()
    assert db.session.scalars(select(QuestionExport)).all() == []


def test_many_questions_leave_as_packages_that_readers_take(
    app: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A QTI package of ten thousand questions needs half a gigabyte and is read by nobody: there are several in one zip."""
    from app.bank import exporting
    from question_bank.formats import read

    monkeypatch.setattr(exporting, "SMALLER", {"qti": 200})
    out = tmp_path / "all.zip"
    done = app.test_cli_runner().invoke(
        args=["questions", "export", "--format", "qti", "--level", "1", "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    count = db.session.scalar(select(func.count()).where(Question.level == 1)) or 0
    with zipfile.ZipFile(out) as archive:
        parts = [read(archive.read(name), "qti") for name in archive.namelist()]
    assert len(parts) == -(-count // 200) > 1 and sum(len(part.items) for part in parts) == count
    assert not any(part.refusals for part in parts)
