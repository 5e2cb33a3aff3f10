"""A file dropped on the page: genuine ones in each state, changed ones with what was changed, hostile ones within bounds."""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.accounts.models import ConsentKind, Person
from app.accounts.service import give_consent
from app.certification import credentials, faces, issuing
from app.certification import service as certification
from app.certification.models import Certificate
from app.certification.states import Change, EditionKind
from app.core import clock
from app.db import db, locked, unit_of_work
from app.verification import filecheck
from app.verification.models import VerificationQuery
from certificates import bounded
from certificates.fonts import FontsMissing, fonts
from certificates.rendering import Attachment, certificate_pdf
from certificates.trust import NOBODY
from tests.factories import certification as made
from tests.factories import people

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def with_fonts() -> None:
    try:
        fonts()
    except FontsMissing as reason:
        pytest.skip(str(reason))


@pytest.fixture
def certificate(holder: Person) -> Certificate:
    return made.certificate(holder, now=clock.now())


def drop(browser: Any, data: bytes, name: str = "certificate.pdf") -> Any:
    return browser.post("/verify/file", data={"file": (io.BytesIO(data), name)}, content_type="multipart/form-data")


def state_of(answer: Any) -> str:
    return answer.text.split("<h1>")[1].split("<span>")[1].split("</span>")[0]


def credential_of(certificate: Certificate) -> bytes:
    found = credentials.bytes_of(db.session.get_one(Certificate, certificate.id).current)
    assert found is not None
    return found


def forged(certificate: Certificate, carried: bytes, **changed: Any) -> bytes:
    """What a forger with a PDF editor can make: other words on the page, the credential as it was, no signature."""
    said = db.session.get_one(Certificate, certificate.id).current.snapshot
    face = replace(faces.face(said), **changed)
    inside = Attachment("credential.json", carried, "application/ld+json", "证书凭证")
    return certificate_pdf(face, faces.layout_of(said), attachments=[inside])


def test_a_genuine_file_in_each_state(
    certificate: Certificate, client: Any, work: Any, pdf_of: Any, holder: Person
) -> None:
    work()
    good = pdf_of(certificate)
    answer = drop(client, good)
    assert answer.status_code == 200 and state_of(answer) == "有效", answer.text
    assert "阿卜杜热西提·买买提" in answer.text and "签名覆盖整个文件" in answer.text and "更改之处" not in answer.text
    assert state_of(drop(client, credential_of(certificate), "c.json")) == "有效"
    client.get("/language/en")
    english = drop(client, good).text
    assert (
        "the signature covers the whole file" in english
        and "the certificate stands in the register, edition 1" in english
    )
    client.get("/language/zh_Hans")
    officer = people.officer(people.Role.CERTIFICATION)
    with unit_of_work():
        issuing.reissue(locked(certificate), EditionKind.REPRINT, by=db.session.get_one(Person, officer.id), reason="遗失", now=clock.now())  # fmt: skip
    work()
    assert state_of(drop(client, good)) == "已被替代"
    assert state_of(drop(client, pdf_of(certificate, 2))) == "有效"
    with unit_of_work():
        certification.change(locked(certificate), Change.SUSPEND, by=db.session.get_one(Person, officer.id), reason="查", now=clock.now())  # fmt: skip
    work()
    assert state_of(drop(client, pdf_of(certificate, 2))) == "已暂停"


def test_what_was_changed_is_named(certificate: Certificate, client: Any, work: Any, pdf_of: Any) -> None:
    work()
    good, carried = pdf_of(certificate), credential_of(certificate)
    appended = drop(client, good + b"\n% appended")
    assert state_of(appended) == "文件被更改" and "<li>签名之后文件被追加了内容</li>" in appended.text

    other_name = drop(client, forged(certificate, carried, holder_name="阿卜杜热西提·买合提"))
    assert state_of(other_name) == "文件被更改"
    assert "文件中的姓名是“阿卜杜热西提·买合提”，登记的是“阿卜杜热西提·买买提”" in other_name.text

    until = datetime(2031, 1, 1).date()
    later = drop(client, forged(certificate, carried, valid_until=until)).text
    assert "文件中的有效期至是“2031年1月1日”" in later

    document = json.loads(carried)
    document["credentialSubject"]["identifier"][0]["identityHash"] = "王建国"
    swapped = drop(client, json.dumps(document, ensure_ascii=False).encode(), "c.json")
    assert state_of(swapped) == "文件被更改"
    assert "文件中的姓名是“王建国”，登记的是“阿**”" in swapped.text and "买买提" not in swapped.text
    with unit_of_work():
        give_consent(db.session.get_one(Person, certificate.holder_id), ConsentKind.PUBLIC_REGISTER, now=clock.now())
    agreed = drop(client, json.dumps(document, ensure_ascii=False).encode(), "c.json").text
    assert "登记的是“阿卜杜热西提·买买提”" in agreed


def test_a_file_that_knows_nothing_is_told_nothing(certificate: Certificate, client: Any, work: Any) -> None:
    """Number alone, with an invented name and id, opens nothing of the register: as unknown as any other."""
    work()
    document = json.loads(credential_of(certificate))
    document["id"] = "urn:uuid:00000000-0000-4000-8000-000000000000"
    document["credentialSubject"]["identifier"][0]["identityHash"] = "王建国"
    guess = drop(client, json.dumps(document, ensure_ascii=False).encode(), "c.json").text
    document["credentialSubject"]["licenseNumber"] = "TTM1200202530001236"
    unknown = drop(client, json.dumps(document, ensure_ascii=False).encode(), "c.json").text
    assert "非本平台签发" in guess and "有效期至" not in guess and "阿" not in guess.replace("阿拉伯", "")

    def trim(page: str) -> str:
        page = page.split("<main")[1].split("query-line")[0]
        return page.replace(certificate.number, "N").replace("TTM1200202530001236", "N")

    assert trim(guess) == trim(unknown)


def test_files_of_others(client: Any, app: Any) -> None:
    from tests.certificates.samples_signed import Authority

    foreign = Authority().pdf(fonts())
    answer = drop(client, foreign)
    assert state_of(answer) == "非本平台签发" and answer.status_code == 200
    assert "登记库中没有与此文件对应的证书" in answer.text


def bomb() -> bytes:
    """A page whose content unpacks to 400 MB."""
    body = zlib.compress(b"0 0 m " * 70_000_000, 9)
    import pikepdf

    made = pikepdf.new()
    page = made.add_blank_page()
    stream = pikepdf.Stream(made, b"")
    stream.write(body, filter=pikepdf.Name.FlateDecode)
    page.Contents = made.make_indirect(stream)
    out = io.BytesIO()
    made.save(out, compress_streams=False)
    return out.getvalue()


def encrypted() -> bytes:
    import pikepdf

    made = pikepdf.new()
    made.add_blank_page()
    out = io.BytesIO()
    made.save(out, encryption=pikepdf.Encryption(owner="o", user="u"))
    return out.getvalue()


@pytest.mark.parametrize("make", [
    lambda: b"%PDF-1.7\nnothing at all", lambda: b"%PDF-1.7\n" + b"[" * 200_000, encrypted, bomb, lambda: b"{" + b'"a":[' * 60_000,
    lambda: b'{"credentialSubject": 7, "type": ["AchievementCredential"]}', lambda: b"%PDF-\0\xff" * 1000,
], ids=["empty", "nested", "encrypted", "bomb", "deep-json", "odd-json", "noise"])  # fmt: skip
def test_hostile_files_are_answered(make: Any, client: Any) -> None:
    answer = drop(client, make())
    assert answer.status_code == 200 and state_of(answer) in ("非本平台签发", "无法判断")


def test_what_is_not_taken(client: Any) -> None:
    for data, word in (
        (b"", "请先选择"),
        (b"\x89PNG\r\n\x1a\n", "不是 PDF"),
        (b"%PDF-1.7" + b"0" * 5_300_000, "大于 5 MB"),
    ):
        answer = drop(client, data)
        assert answer.status_code == 422 and word in answer.text
    assert client.post("/verify/file", data={}).status_code == 422
    assert client.get("/verify/file").status_code == 200


def test_time_is_bounded_and_secrets_stay_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(bounded.CannotRead) as late:
        bounded.verify_apart(b"{}", datetime.now(UTC), NOBODY, patience=0.01)
    assert late.value.code == "time"
    seen: dict[str, Any] = {}
    real = bounded.subprocess.run
    monkeypatch.setattr(bounded.subprocess, "run", lambda *a, **k: seen.update(k) or real(*a, **k))
    bounded.verify_apart(b"{}", datetime.now(UTC), NOBODY)
    assert set(seen["env"]) == {"PYTHONIOENCODING", "PYTHONDONTWRITEBYTECODE", "LANG", "HOME"}


def test_a_reader_that_dies_is_said_so(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(*_a: Any, **_k: Any) -> Any:
        raise bounded.CannotRead("ended")

    monkeypatch.setattr("certificates.bounded.verify_apart", dead)
    answer = drop(client, b"%PDF-1.7\n")
    assert state_of(answer) == "无法判断" and "已中止" in answer.text


def test_files_count_against_limits_and_are_not_kept(
    limited: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"answer": "does-not-hold", "findings": [], "certificate": None, "sha256": "", "printed": []}
    monkeypatch.setattr("certificates.bounded.verify_apart", lambda *a, **k: dict(told))
    for _ in range(10):
        assert drop(client, b"%PDF-1.7\n").status_code == 200
    assert drop(client, b"%PDF-1.7\n").status_code == 429
    rows = db.session.query(VerificationQuery).all()
    assert {(r.way, r.outcome, r.typed) for r in rows} == {("file", "not_ours", "")}
    filecheck.AT_ONCE.acquire(), filecheck.AT_ONCE.acquire()
    try:
        from app.core.limits import limiter

        limiter.reset()
        monkeypatch.setattr(filecheck.AT_ONCE, "acquire", lambda timeout=None: False)
        assert drop(client, b"%PDF-1.7\n").status_code == 503
    finally:
        filecheck.AT_ONCE.release(), filecheck.AT_ONCE.release()


def test_the_web_process_stays_small() -> None:
    """What reads PDF files is not imported by the application."""
    import subprocess
    import sys

    code = ("import os; os.environ['APP_MODE']='test'; from app import create_app; create_app(); import sys; "
            "print([m for m in ('pyhanko', 'pikepdf', 'weasyprint', 'openbadgeslib', 'openpyxl') if m in sys.modules])")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=bounded.ROOT, check=False)
    assert done.stdout.strip().endswith("[]"), done.stdout + done.stderr
