"""What machines fetch, and the pages around it: did documents, lists, credentials, the office's page of keys, files."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.accounts.models import Person, Region
from app.certification import credentials, keyring, lists, publishing, status
from app.certification.models import Certificate
from app.certification.states import Change
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.jobs.service import run_waiting
from certificates import proofs
from certificates.trust import Trust
from tests.factories import certification as made
from tests.factories import people


def again(row: Any) -> Any:
    return db.session.get_one(type(row), row.id)


@pytest.fixture
def certificate(judged: Any, holder: Person) -> Certificate:
    issued = made.certificate(holder, now=clock.now())
    with unit_of_work():
        keyring.make_missing(clock.now())
    run_waiting()
    lists.sign_due(clock.now())
    db.session.rollback()
    return issued


def test_did_documents_prove_what_was_signed(certificate: Certificate, client: Any) -> None:
    document = client.get("/authority/1200/did.json")
    site = client.get("/.well-known/did.json")
    assert document.content_type == site.content_type == "application/did+json"
    assert site.get_json(force=True)["id"] == "did:web:127.0.0.1%3A8000"
    kept = json.loads(credentials.bytes_of(again(certificate).current) or b"")
    told = document.get_json(force=True)
    assert proofs.check(kept, Trust({told["id"]: told})).issuer == told["id"]
    assert client.get("/authority/site/did.json").status_code == 404
    assert client.get("/authority/9999/did.json").status_code == 404


@pytest.mark.parametrize("path", ["/authority/1200/did.json", "/status/1200/revocation/1", "/status/1200/suspension/1"])
def test_they_can_be_cached_by_anybody_and_read_by_other_sites(
    certificate: Certificate, client: Any, path: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"].startswith("public, max-age=300")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in answer.headers and "Cookie" not in answer.headers.get("Vary", "")
    same = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_served_list_is_the_stored_one_and_costs_one_statement(
    certificate: Certificate, client: Any, queries: Any
) -> None:
    with queries() as seen:
        answer = client.get("/status/1200/revocation/1")
    assert len(seen) == 1
    assert answer.data in lists.documents() and answer.content_type == "application/vc"
    for wrong in ("/status/1200/revocation/2", "/status/1200/other/1", "/status/2301/revocation/1"):
        assert client.get(wrong).status_code == 404


def test_a_list_that_was_never_signed_asks_for_patience(judged: Any, holder: Person, client: Any) -> None:
    made.certificate(holder, now=clock.now())
    assert client.get("/status/1200/revocation/1").status_code == 503


def test_the_credential_is_fetched_only_while_its_holder_agrees(
    certificate: Certificate, client: Any, client_as: Any
) -> None:
    address = f"/c/{certificate.token}.json"
    kept = credentials.bytes_of(again(certificate).current)
    assert client.get(address).get_json()["state"] == "valid"
    mine = client_as(certificate.holder)
    assert "只告知状态" in mine.get("/certificates").text
    assert mine.post("/certificates/sharing/give").status_code == 302
    answer = client.get(address)
    assert answer.data == kept and answer.content_type == "application/ld+json"
    assert client.get(f"/c/{certificate.token}", headers={"Accept": "application/json"}).data == kept
    assert "<html" in client.get(f"/c/{certificate.token}", headers={"Accept": "text/html"}).text
    mine.post("/certificates/sharing/withdraw")
    assert client.get(address).get_json()["state"] == "valid"
    lines = mine.get("/me/consents").text
    assert "电子凭证" in lines


def test_the_holder_and_the_office_download_it(
    certificate: Certificate, client_as: Any, officers: Any, binhai: Region
) -> None:
    kept = credentials.bytes_of(again(certificate).current)
    answer = client_as(certificate.holder).get(f"/certificates/{certificate.id}/credential")
    assert answer.data == kept and "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert client_as(officers()).get(f"/office/certificates/{certificate.id}/credential?edition=1").data == kept
    stranger = client_as(made.trainee(binhai, "李四"))
    assert stranger.get(f"/certificates/{certificate.id}/credential").status_code == 404


def test_the_office_sees_keys_and_lists_of_its_regions(
    certificate: Certificate, client_as: Any, officers: Any, binhai: Region
) -> None:
    people.region("2301", "哈尔滨市")
    page = client_as(officers()).get("/office/keys").text
    assert "did:web:127.0.0.1%3A8000:authority:1200" in page and "authority:2301" not in page
    assert "key-" in page and "pdf-" in page and "试用" in page and "/status/1200/revocation/1" in page
    auditor = client_as(people.officer(Role.AUDITOR)).get("/office/keys").text
    assert "flask keys create --region 2301" in auditor  # not made yet: said, with what to do
    assert client_as(people.officer(Role.ADMIN)).get("/office/keys").status_code == 200
    assert client_as(certificate.holder).get("/office/keys").status_code == 403
    assert client_as(people.officer(Role.BASE, Scope.REGION, binhai.id)).get("/office/keys").status_code == 403
    told = client_as(officers()).get("/office/keys/trust.json")
    assert Trust.from_json(told.data).roots == keyring.trust().roots


def test_publish_writes_what_the_site_serves(
    certificate: Certificate, app: Any, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, officers: Any
) -> None:
    run = app.test_cli_runner().invoke
    done = run(args=["publish", "--to", str(tmp_path)])
    assert done.exit_code == 0, done.output
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    for path, told in manifest.items():
        data = (tmp_path / path).read_bytes()
        assert hashlib.sha256(data).hexdigest() == told["sha256"]
        assert gzip.decompress((tmp_path / f"{path}.gz").read_bytes()) == data
        if not path.startswith("trust"):
            assert client.get(f"/{path}").data == data
    assert {
        ".well-known/did.json",
        "authority/1200/did.json",
        "status/1200/suspension/1",
        "trust.json",
    } <= manifest.keys()
    headers = (tmp_path / "_headers").read_text()
    assert "/status/1200/revocation/1\n  Content-Type: application/vc" in headers and "immutable" in headers
    assert "0 files written" in run(args=["publish", "--to", str(tmp_path)]).output
    assert run(args=["publish"]).exit_code == 2

    from app.certification.tasks import sign_lists

    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], PUBLISH_DIR=tmp_path))
    with unit_of_work():
        status.change(again(certificate), Change.SUSPEND, by=again(officers()), reason="核查", now=clock.now())
    before = (tmp_path / "status/1200/suspension/1").read_bytes()
    sign_lists(clock.now())
    assert (tmp_path / "status/1200/suspension/1").read_bytes() != before
    assert publishing.refresh(clock.now()) == []  # looked a moment ago


def test_the_worker_signs_again_before_the_end(certificate: Certificate, client: Any) -> None:
    before = client.get("/status/1200/revocation/1").get_json(force=True)
    clock.set_offset(timedelta(days=3, minutes=5))
    from app.certification.tasks import sign_lists

    sign_lists(clock.now())
    after = client.get("/status/1200/revocation/1").get_json(force=True)
    assert after["validUntil"] > before["validUntil"]
    assert after["credentialSubject"]["encodedList"] == before["credentialSubject"]["encodedList"]
