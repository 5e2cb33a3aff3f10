"""QTI through the pages and commands of the bank."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from sqlalchemy import func, select

from app.bank.models import Question
from app.core.permissions import Role
from app.db import db
from app.jobs.service import run_waiting
from question_bank.formats import read, write
from tests.bank import factories
from tests.factories import people

ITEM = (
    '<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="{id}" title="" adaptive="false" '
    'timeDependent="false"><responseDeclaration identifier="RESPONSE" cardinality="single" baseType="identifier">'
    "<correctResponse><value>A</value></correctResponse></responseDeclaration><itemBody><p>外来的题 {id}"
    '<img src="a.png" alt=""/></p>{asked}</itemBody></assessmentItem>'
)
CHOICE = (
    '<choiceInteraction responseIdentifier="RESPONSE" shuffle="true" maxChoices="1"><simpleChoice identifier="A">甲'
    '</simpleChoice><simpleChoice identifier="B">乙</simpleChoice></choiceInteraction>'
)


def _count() -> int:
    return db.session.scalar(select(func.count()).select_from(Question)) or 0


def _send(browser: Any, data: bytes, name: str) -> Any:
    return browser.post("/bank/import", data={"format": "qti", "file": (io.BytesIO(data), name)})


def _take_in(browser: Any, address: str) -> None:
    assert browser.post(f"{address}/start", data={}).status_code == 302
    run_waiting()


@pytest.mark.parametrize("format", ["qti", "qti-3"])
def test_a_package_is_looked_through_and_taken_in(app: Any, client_as: Any, format: str) -> None:
    browser = client_as(people.officer(Role.LECTURER))
    data = write([factories.item("QT-1"), factories.item("QT-2", text="另一题")], format).data
    sent = _send(browser, data, "bank.zip")
    assert sent.status_code == 302, sent.text
    before = _count()
    assert "QT-2" in browser.get(sent.location).text and _count() == before
    _take_in(browser, sent.location)
    assert _count() == before + 2


def test_a_single_item_says_what_is_not_kept(app: Any, client_as: Any) -> None:
    browser = client_as(people.officer(Role.LECTURER))
    for name, encoding in (("item.xml", "utf-8"), ("item", "utf-8-sig")):
        sent = _send(browser, ITEM.format(id="X-1", asked=CHOICE).encode(encoding), name)
        assert sent.status_code == 302, sent.text
    page = browser.get(sent.location, headers={"Accept-Language": "zh"}).text
    assert "外来的题 X-1" in page and "a.png" in page
    _take_in(browser, sent.location)


def test_refusals_name_the_item(app: Any, client_as: Any) -> None:
    browser = client_as(people.officer(Role.LECTURER))
    sent = _send(browser, ITEM.format(id="X-9", asked="<hotspotInteraction/>").encode(), "item.xml")
    assert "X-9" in browser.get(sent.location).text
    before = _count()
    browser.post(f"{sent.location}/start", data={})
    run_waiting()
    assert _count() == before


@pytest.mark.parametrize("data", [b"%PDF-1.7", b"just words", b"\x00\x01"])
def test_another_file_is_refused_in_words(app: Any, client_as: Any, data: bytes) -> None:
    answer = _send(client_as(people.officer(Role.LECTURER)), data, "bank.zip")
    assert answer.status_code == 422 and ".zip" in answer.text


def test_the_list_can_be_exported_in_both_versions(app: Any, client_as: Any) -> None:
    factories.question(people.person(), factories.item("QT-3"))
    browser = client_as(people.officer(Role.LECTURER))
    for format, mark in (("qti", b"<assessmentItem"), ("qti-3", b"<qti-assessment-item")):
        assert f'value="{format}"' in browser.get("/bank/export?q=QT-3").text
        answer = browser.post("/bank/export/file", data={"q": "QT-3", "format": format})
        assert "questions.zip" in answer.headers["Content-Disposition"] and answer.data.startswith(b"PK")
        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            assert mark in archive.read("items/0001-QT-3.xml")
        assert [item.id for item in read(answer.data, format).items] == ["QT-3"]
    assert 'value="qti-3"' not in browser.get("/bank/import").text  # one name reads every version


def test_commands(app: Any, tmp_path: Any) -> None:
    from app.bank.cli import group

    author = people.person(email="author@example.org")
    file, out = tmp_path / "q.zip", tmp_path / "out.zip"
    file.write_bytes(write([factories.item("QT-4")], "qti").data)
    run = app.test_cli_runner().invoke
    assert "new: 1" in run(group, ["import", str(file), "--format", "qti", "--by", author.email]).output
    assert run(group, ["export", "--format", "qti-3", "--out", str(out)]).exit_code == 0
    assert "QT-4" in {item.id for item in read(out.read_bytes(), "qti").items}
    file.write_text(ITEM.format(id="X-2", asked=CHOICE))
    told = run(group, ["import", str(file), "--format", "qti", "--by", author.email]).output
    assert "new: 1" in told and "noted: X-2: the file does not hold the picture “a.png”" in told
