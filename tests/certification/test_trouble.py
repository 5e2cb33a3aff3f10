"""A PDF that could not be made says why on the certificate's page, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.certification import trouble
from app.certification.models import Certificate
from app.certification.tasks import complete_certificates
from app.core import clock
from app.core.permissions import Role
from app.db import db
from app.files.models import StoredFile
from app.files.service import _place
from app.jobs.models import Job, JobState
from app.jobs.service import run_waiting
from certificates import rendering
from tests.factories import certification as made
from tests.factories import people


@pytest.fixture
def certificate(app: Any, at: Any, set_clock: Any) -> Certificate:
    set_clock(at("2026-03-02 09:00"))
    return made.certificate(made.trainee(people.region("1200"), "王建国"), now=at("2026-03-02 09:00"))


@pytest.fixture
def page(certificate: Certificate, client_as: Callable[[Person], Any]) -> Callable[..., str]:
    def read(language: str = "") -> str:
        officer = people.officer(Role.CERTIFICATION, locale=language or "zh_Hans")
        return str(client_as(officer).get(f"/office/certificates/{certificate.id}").text)

    return read


def fail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*args: Any, **more: Any) -> bytes:
        raise error

    monkeypatch.setattr(rendering, "certificate_pdf", refuse)


def again(certificate: Certificate) -> Certificate:
    return db.session.get_one(Certificate, certificate.id, populate_existing=True)


def test_nothing_is_said_while_it_is_on_its_way(page: Any) -> None:
    assert "正在制作" in page() and "上次制作没有成功" not in page()


@pytest.mark.parametrize(
    ("error", "zh", "en"),
    [
        (rendering.MissingGlyphs("\U000f0000"), "U+F0000", "Have the name in the holder"),
        (rendering.TextTooLong("很长的名称"), "很长的名称", "Choose another layout"),
        (rendering.PictureRefused("small"), "照片", "put another photo"),
        (FileNotFoundError("gone"), "备份", "backup"),
    ],
)
def test_why_it_failed_and_what_to_do_stand_on_the_page(
    certificate: Certificate, page: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, zh: str, en: str
) -> None:
    fail(monkeypatch, error)
    run_waiting()
    assert zh in page() and "上次制作没有成功" in page() and "怎么办" in page()
    assert en in page("en") and "The last attempt failed" in page("en")
    monkeypatch.undo()
    complete_certificates(clock.now() + timedelta(hours=7))
    run_waiting()
    edition = again(certificate).current
    assert edition.pdf_file_id is not None and edition.trouble is None and trouble.of(edition) is None
    assert "上次制作没有成功" not in page()


def test_without_keys_the_page_says_how_to_make_them(
    certificate: Certificate, page: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from config import Mode

    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], APP_MODE=Mode.PRODUCTION))
    run_waiting()
    monkeypatch.undo()
    assert "flask keys create --region 1200" in page()


def test_a_lost_photo_leaves_out_one_certificate_and_not_the_others(app: Any, at: Any, set_clock: Any) -> None:
    set_clock(at("2026-03-02 09:00"))
    region = people.region("1200")
    rows = []
    for name in ("王建国", "李四"):
        who = made.trainee(region, name)
        people.photo(who)
        rows.append(made.certificate(who, now=at("2026-03-02 09:00")))
    lost = db.session.get_one(StoredFile, again(rows[0]).current.snapshot["photo"]["file"])
    filesystem, path = _place(lost.key)
    filesystem.rm(path)
    run_waiting()
    assert trouble.of(again(rows[0]).current) is not None and again(rows[1]).current.pdf_file_id is not None
    assert set(db.session.scalars(select(Job.state))) == {JobState.DONE}
