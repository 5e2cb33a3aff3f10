"""How certificates look: by rule and authority, in the snapshot, on the page; the picture of the seal."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from typing import Any

import pikepdf
import pytest
from PIL import Image, ImageDraw

from app.accounts.models import Person, Region
from app.certification import faces, looks, rules
from app.certification.errors import DoesNotFit
from app.certification.models import AuthoritySeal, Edition
from app.core.errors import Forbidden
from app.core.permissions import Role
from app.db import db, unit_of_work
from app.files.service import FileRefused
from app.jobs.service import run_waiting
from app.outline import service as outline
from app.outline.kinds import KINDS
from tests.factories import certification as made
from tests.factories import people


def picture(size: tuple[int, int] = (400, 400), kind: str = "PNG") -> bytes:
    drawn = Image.new("RGBA", size, (255, 255, 255, 0))
    ImageDraw.Draw(drawn).ellipse((10, 10, size[0] - 10, size[1] - 10), outline="#c00000", width=12)
    out = io.BytesIO()
    drawn.convert("RGB" if kind == "JPEG" else "RGBA").save(out, kind)
    return out.getvalue()


def choose(region: Region, by: Person, now: Any, **changed: Any) -> None:
    body = {"layout": "classic", "language": "bilingual", "signature_field": True} | changed
    with unit_of_work():
        outline.save_version(
            KINDS[rules.LAYOUT], "", body, by=by, now=now, effective_from=now.date(), basis="决定", region_id=region.id
        )


@pytest.fixture
def officer(app: Any) -> Person:
    return people.officer(Role.CERTIFICATION)


def test_the_snapshot_names_layout_version_and_language(judged: Any, binhai: Region, holder: Person, at: Any) -> None:
    certificate = made.certificate(holder, now=at("2026-03-02 09:00"))
    said = certificate.current.snapshot["layout"]
    assert said == {"name": "classic", "version": "3", "language": "bilingual", "signature_field": True}
    assert faces.signature_box(certificate.current.snapshot) is not None
    # Editions of before there was a choice.
    old = {**certificate.current.snapshot, "layout": {"name": "classic", "version": "1"}}
    del old["seal"]
    assert faces.language_of(old) == "bilingual" and faces.layout_of(old).name == "classic"
    assert faces.signature_box(old) is None and faces.face(old).seal_image is None


def test_an_authority_chooses_for_what_it_issues_from_then_on(
    judged: Any, binhai: Region, holder: Person, officer: Person, at: Any, set_clock: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    before = made.certificate(holder, now=at("2026-03-02 09:00"))
    choose(binhai, officer, at("2026-03-03 09:00"), layout="archive", language="en", signature_field=False)
    set_clock(at("2026-03-04 09:00"))
    after = made.certificate(made.trainee(binhai, "林晓岚"), now=at("2026-03-04 09:00"))
    assert before.current.snapshot["layout"]["name"] == "classic"
    assert after.current.snapshot["layout"] == {
        "name": "archive", "version": "2", "language": "en", "signature_field": False,
    }  # fmt: skip
    run_waiting()
    kept = db.session.get_one(Edition, after.current.id, populate_existing=True).pdf_file_id
    assert kept is not None
    from app.files.models import StoredFile
    from app.files.service import read_file

    with pikepdf.open(io.BytesIO(read_file(db.session.get_one(StoredFile, kept)))) as pdf:
        assert float(pdf.pages[0].MediaBox[3]) > 800  # portrait
        assert str(pdf.Root.Lang) == "en"


def test_the_seal_of_the_day_of_issue_stays(
    judged: Any, binhai: Region, holder: Person, officer: Person, at: Any
) -> None:
    from werkzeug.datastructures import FileStorage

    now = at("2026-03-02 09:00")
    with unit_of_work():
        region = db.session.get_one(Region, binhai.id)
        looks.set_seal(region, FileStorage(io.BytesIO(picture()), "章.png"), by=officer, now=now)
    certificate = made.certificate(holder, now=now)
    snapshot = certificate.current.snapshot
    assert snapshot["seal"]["sha256"] and faces.face(snapshot).seal_image == picture()
    with unit_of_work():
        looks.draw_seal(db.session.get_one(Region, binhai.id), by=officer, now=now)
    assert faces.seal_of(binhai.id) is None and faces.face(snapshot).seal_image == picture()
    assert len(looks.seals_of(binhai.id)) == 2


def test_what_is_no_seal_is_refused(app: Any, binhai: Region, officer: Person, at: Any) -> None:
    from werkzeug.datastructures import FileStorage

    for name, data in [
        ("a.png", b"nothing"), ("a.png", picture((200, 200))), ("a.png", picture((900, 400))), ("a.png", picture()[:900]),
        ("a.svg", b"<svg/>"), ("a.png", b"\x89PNG\r\n\x1a\n" + b"0" * (2 * 1024 * 1024)),
    ]:  # fmt: skip
        with pytest.raises((looks.SealRefused, FileRefused)), unit_of_work():
            region = db.session.get_one(Region, binhai.id)
            looks.set_seal(region, FileStorage(io.BytesIO(data), name), by=officer, now=at("2026-03-02 09:00"))
    assert looks.seals_of(binhai.id) == []
    stranger = people.officer(Role.LECTURER)
    with pytest.raises(Forbidden), unit_of_work():
        looks.set_seal(db.session.get_one(Region, binhai.id), None, by=stranger, now=at("2026-03-02 09:00"))


def test_a_text_without_room_refuses_the_issue(app: Any, binhai: Region) -> None:
    face = replace(looks.sample(binhai, 1, date(2026, 3, 2)), field_zh="宽" * 400)
    with pytest.raises(DoesNotFit) as refused:
        faces.check_print(face, {"layout": faces.look_for(binhai.id, face.issued_on)})
    assert "宽宽" in refused.value.text


def test_the_page_shows_every_layout(app: Any, binhai: Region, officer: Person, client_as: Any) -> None:
    browser = client_as(officer)
    page = browser.get("/office/certificates/layouts")
    assert page.status_code == 200 and "证书的样式" in page.text and "preview.png" in page.text
    assert "印章" in page.text
    page = browser.get("/office/certificates/layouts?layout=archive&language=en&level=2")
    assert "layout=archive" in page.text and "portrait" in page.text
    assert browser.get("/office/certificates/layouts?region=999999").status_code == 404
    assert browser.get("/office/certificates/layouts?number=TTM1").text.count("没有这个编号") == 1
    assert browser.get("/office/certificates/layouts/preview.png?number=TTM1").status_code == 404


@pytest.mark.slow
def test_the_preview_is_the_document(
    judged: Any, binhai: Region, holder: Person, officer: Person, client_as: Any, at: Any
) -> None:
    browser = client_as(officer)
    answer = browser.get("/office/certificates/layouts/preview.pdf?layout=modern&language=zh&level=1")
    assert answer.mimetype == "application/pdf" and answer.headers["Content-Disposition"].startswith("inline")
    with pikepdf.open(io.BytesIO(answer.data)) as pdf:
        assert "林晓岚" in str(pdf.docinfo.Title)
    certificate = made.certificate(holder, now=at("2026-03-02 09:00"))
    answer = browser.get(f"/office/certificates/layouts/preview.pdf?number={certificate.number}")
    from certificates.pagetext import page_text

    words = page_text(answer.data)
    assert holder.name in words and "版式预览 · 不具任何效力" in words
    answer = browser.get("/office/certificates/layouts/preview.png?layout=archive")
    assert Image.open(io.BytesIO(answer.data)).size[0] == 1240


def test_the_seal_on_the_page(app: Any, binhai: Region, officer: Person, client_as: Any) -> None:
    browser, path = client_as(officer), f"/office/certificates/layouts/{binhai.id}/seal"
    assert browser.post(path).status_code == 422
    answer = browser.post(path, data={"picture": (io.BytesIO(picture((90, 90))), "a.png")})
    assert answer.status_code == 422 and "300 × 300" in answer.text
    assert browser.post(path, data={"picture": (io.BytesIO(picture()), "章.png")}).status_code == 302
    page = browser.get(f"/office/certificates/layouts?region={binhai.code}")
    (row,) = looks.seals_of(binhai.id)
    assert f"/seals/{row.id}" in page.text
    assert browser.get(f"/office/certificates/layouts/seals/{row.id}").data == picture()
    assert browser.get("/office/certificates/layouts/seals/99999").status_code == 404
    assert browser.post(f"{path}/draw").status_code == 302
    assert faces.seal_of(binhai.id) is None
    assert db.session.get(AuthoritySeal, row.id) is not None
    assert browser.post("/office/certificates/layouts/99999/seal").status_code == 404
