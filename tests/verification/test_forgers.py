"""A forger with a PDF editor is caught by anyone with the file and the page, which says in words what was changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.models import Person, Region
from app.certification import credentials, faces
from app.certification.models import Certificate
from app.core import clock
from app.db import db
from certificates import designs
from certificates.pagetext import page_text
from tests.factories import certification as made
from tests.factories import people
from tests.verification import forging
from tests.verification.test_files import drop, state_of, with_fonts

__all__ = ["with_fonts"]
pytestmark = pytest.mark.slow
SAVED = [pytest.param(forging.whole, id="saved whole"), pytest.param(forging.appended, id="saved as an update")]
Saved = Callable[[bytes, Any], bytes]


@pytest.fixture
def certificate(holder: Person, at: Any, set_clock: Any) -> Certificate:
    set_clock(at("2026-03-02 09:00"))
    return made.certificate(holder, 2, now=at("2025-09-15 09:00"))


def differences(answer: Any) -> list[str]:
    assert answer.status_code == 200 and state_of(answer) in ("文件被更改", "The file was changed"), answer.text
    inside = answer.text.split('class="differences"')[1].split("</section>")[0]
    return [one.split("</li>")[0] for one in inside.split("<li>")[1:]]


def credential_of(certificate: Certificate) -> bytes:
    found = credentials.bytes_of(db.session.get_one(Certificate, certificate.id).current)
    assert found is not None
    return found


@pytest.mark.parametrize("saved", SAVED)
def test_another_name_on_the_page(saved: Saved, certificate: Certificate, client: Any, work: Any, pdf_of: Any) -> None:
    work()
    good = pdf_of(certificate)
    forged = saved(good, forging.words("阿卜杜热西提·买买提", "阿卜杜热西提·买提提"))
    assert "阿卜杜热西提·买提提" in page_text(forged) and "阿卜杜热西提·买买提" not in page_text(forged)
    told = differences(drop(client, forged))
    assert "页面文字：文件中的姓名是“阿卜杜热西提·买提提”，登记的是“阿卜杜热西提·买买提”。" in told, told
    client.get("/language/en")
    told = differences(drop(client, forged))
    assert any("the name in the file is “阿卜杜热西提·买提提”" in one for one in told), told


@pytest.mark.parametrize("saved", SAVED)
def test_another_day_on_the_page(saved: Saved, certificate: Certificate, client: Any, work: Any, pdf_of: Any) -> None:
    work()
    forged = saved(pdf_of(certificate), forging.words("2028年9月14日", "2029年9月14日"))
    told = differences(drop(client, forged))
    assert "页面文字：文件中的有效期至是“2029年9月14日”，登记的是“2028年9月14日”。" in told, told


@pytest.mark.parametrize("saved", SAVED)
def test_another_attachment(saved: Saved, certificate: Certificate, client: Any, work: Any, pdf_of: Any) -> None:
    work()
    good, carried = pdf_of(certificate), credential_of(certificate)
    document = json.loads(carried)
    document["credentialSubject"]["identifier"][0]["identityHash"] = "王建国"
    document["validUntil"] = document["validUntil"].replace("2028", "2031")
    told = differences(drop(client, saved(good, forging.attachment(json.dumps(document, ensure_ascii=False).encode()))))
    assert any("电子凭证：文件中的姓名是“王建国”" in one for one in told), told
    assert any("电子凭证：文件中的有效期至是“2031年9月14日”，登记的是“2028年9月14日”" in one for one in told), told

    document = json.loads(carried)
    document["honour"] = "金牌"
    told = differences(drop(client, saved(good, forging.attachment(json.dumps(document, ensure_ascii=False).encode()))))
    assert told[0].startswith("文件中的电子凭证"), told

    other = made.certificate(
        made.trainee(db.session.get_one(Region, certificate.region_id), "李明"), 2, now=clock.now()
    )
    work()
    answer = drop(client, saved(good, forging.attachment(credential_of(other))))
    assert state_of(answer) == "文件被更改"
    told = differences(answer)
    assert any("文件中的姓名是“阿卜杜热西提·买买提”，登记的是“李明”" in one for one in told), told


@pytest.mark.parametrize("saved", SAVED)
def test_other_words_and_another_photo(
    saved: Saved, holder: Person, at: Any, set_clock: Any, client: Any, work: Any, pdf_of: Any
) -> None:
    """What the register does not list by itself is compared with the file that was issued."""
    set_clock(at("2026-03-02 09:00"))
    people.photo(holder)
    row = made.certificate(holder, 2, now=clock.now())
    work()
    good = pdf_of(row)
    assert state_of(drop(client, good)) == "有效"
    told = differences(drop(client, saved(good, forging.words("新材料", "材料"))))
    assert any("文件中是“材料”，签发时此处是“新材料”" in one for one in told), told
    told = differences(drop(client, saved(good, forging.picture)))
    assert "页面图片：照片或印章与签发时的不同。" in told, told


def test_saved_anew_and_no_more(certificate: Certificate, client: Any, work: Any, pdf_of: Any) -> None:
    work()
    told = differences(drop(client, forging.whole(pdf_of(certificate), forging.nothing)))
    assert told[0].startswith("页面上的文字和图片与签发时一致") and told[1:] == ["数字签名不符：文件内容已被更改"], told


@pytest.mark.parametrize("language", ["en", "zh", "bilingual"])
@pytest.mark.parametrize("layout", ["classic", "modern", "archive"])
def test_a_genuine_file_of_every_look_is_valid(
    layout: str, language: str, holder: Person, monkeypatch: pytest.MonkeyPatch, client: Any, work: Any, pdf_of: Any
) -> None:
    look = faces.look_for(holder.region_id, clock.today()) | {
        "name": layout, "version": designs.layout(layout).version, "language": language,
    }  # fmt: skip
    monkeypatch.setattr(faces, "look_for", lambda *_a: look)
    row = made.certificate(holder, 2, now=clock.now())
    work()
    answer = drop(client, pdf_of(row))
    assert state_of(answer) == "有效", answer.text.split("<main")[1]
