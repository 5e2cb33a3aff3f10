"""Pictures that come and go with files of questions, through the pages."""

from __future__ import annotations

import io
import re
from typing import Any

from sqlalchemy import func, select

from app.bank import importing, pictures
from app.bank.exporting import written
from app.bank.models import BankPicture, Fate, Question, QuestionImport, QuestionImportRow
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.jobs.service import run_waiting
from question_bank.formats import read, write
from question_bank.items import Item
from tests.bank import factories
from tests.factories import people
from tests.question_bank.test_pictures import ADDRESSES, JPG, PNG, SVG, file, items, moodle


def uploaded(browser: Any, data: bytes, name: str, format: str) -> QuestionImport:
    answer = browser.post("/bank/import", data={"file": (io.BytesIO(data), name), "format": format})
    assert answer.status_code == 302, answer.text
    found = db.session.scalars(select(QuestionImport).order_by(QuestionImport.id.desc())).first()
    assert found is not None
    importing.read_upload(found.id)
    return found


def office() -> Any:
    return people.officer(Role.EXAM_OFFICE, Scope.SITE)


def test_in_and_out_again_in_every_format(app: Any, client_as: Any) -> None:
    browser = client_as(office())
    for format, name in (("qti", "q.zip"), ("moodle-xml", "q.xml"), ("yaml", "q.yaml")):
        found = uploaded(browser, write(items(), format, ADDRESSES).data, name, format)
        page = browser.get(f"/bank/import/{found.id}").text
        token = re.search(r"/bank/pictures/[0-9a-f]{40}", page)
        assert token and browser.get(token[0]).data in (PNG, JPG)
        browser.post(f"/bank/import/{found.id}/start")
        run_waiting()
    assert db.session.scalar(select(func.count()).select_from(BankPicture)) == 2
    assert db.session.scalar(select(func.count()).select_from(Question).where(Question.code.like("P-%"))) == 4
    fates = set(db.session.scalars(select(QuestionImportRow.fate).where(QuestionImportRow.import_id == found.id)))
    assert fates == {Fate.UNCHANGED}  # the same pictures, so the same questions
    stored = [q.latest.item for q in db.session.scalars(select(Question).where(Question.code.like("P-%")))]
    for format in ("qti", "qti-3", "moodle-xml", "yaml"):
        made = written(stored, format)
        assert not made.losses and read(made.data, format).pictures == ADDRESSES
    assert "P-1: pictures" in written(stored, "excel").losses
    ids = [q.id for q in db.session.scalars(select(Question).where(Question.code == "P-1"))]
    assert read(browser.post("/bank/export/file", data={"format": "qti", "ids": ids}).data, "qti").pictures
    assert "图片" in browser.get(f"/bank/export?format=excel&ids={ids[0]}").text


def test_hostile_pictures_are_told_on_the_page(app: Any, client_as: Any) -> None:
    browser = client_as(office())
    found = uploaded(browser, moodle("@@PLUGINFILE@@/a.svg", file("a.svg", SVG)), "q.xml", "moodle-xml")
    page = browser.get(f"/bank/import/{found.id}").text
    assert "只收 PNG 和 JPEG" in page and "alert(1)" not in page
    assert db.session.scalar(select(func.count()).select_from(BankPicture)) == 0


def test_an_address_of_another_site_is_told(app: Any, client_as: Any) -> None:
    browser = client_as(office())
    item = factories.item("ELSE-1", text=f"见图 ![x](/bank/pictures/{'ab' * 20})")
    found = uploaded(browser, write([item], "gift").data, "q.txt", "gift")
    assert "另一网站" in browser.get(f"/bank/import/{found.id}").text


def test_commands_carry_pictures(app: Any, tmp_path: Any) -> None:
    from app.bank.cli import group

    author = people.person(email="author@example.org")
    source, out = tmp_path / "q.yaml", tmp_path / "out.zip"
    source.write_bytes(write(items(), "yaml", ADDRESSES).data)
    run = app.test_cli_runner().invoke
    arguments = ["import", str(source), "--format", "yaml", "--by", author.email]
    assert "new: 4" in run(group, [*arguments, "--dry-run"]).output
    assert db.session.scalar(select(func.count()).select_from(BankPicture)) == 0
    assert "new: 4" in run(group, arguments).output
    assert "unchanged: 4" in run(group, [*arguments, "--dry-run"]).output
    assert run(group, ["export", "--format", "qti", "--out", str(out)]).exit_code == 0
    assert read(out.read_bytes(), "qti").pictures == ADDRESSES


def test_a_damaged_picture_is_refused_in_the_editor(app: Any, client_as: Any) -> None:
    browser = client_as(office())
    data = {
        "add_picture": "1",
        "text": "x",
        "picture_to": "text",
        "picture": (io.BytesIO(PNG[:20] + b"\0" * 30), "a.png"),
    }
    answer = browser.post("/bank/questions/new/truefalse", data=data)
    assert answer.status_code == 422 and "已损坏" in answer.text


def test_for_files_keeps_what_is_no_picture_of_ours(app: Any) -> None:
    person = people.person()
    with unit_of_work():
        here = pictures.keep_read(ADDRESSES, by=person, now=clock.now())
    own = pictures.from_file(items(), here)
    back, shown = pictures.for_files(
        [*own, Item.from_dict({**own[3].to_dict(), "id": "X", "text": "![a](https://example.org/a.png)"})]
    )
    assert back[:4] == items() and shown == ADDRESSES and "https://" in back[4].text
