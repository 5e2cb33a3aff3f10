"""From the issue to a file that anybody can check: keys, credential, signature, status lists."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.certification import credentials, issuing, keyring, lists, status
from app.certification.models import Certificate, Edition, IssuerKey, KeyKind
from app.certification.proof_models import StatusEntry, StatusList
from app.certification.states import Change, EditionKind
from app.certification.tasks import complete_certificates
from app.core import clock
from app.core.permissions import Role
from app.db import db, unit_of_work
from app.files.service import read_file
from app.jobs.models import JobItem
from app.jobs.service import run_waiting
from app.pathway.rules import Stage
from certificates.__main__ import main as offline
from certificates.rendering import attachments_in
from certificates.verify import verify
from tests.certificates.official import objections
from tests.certificates.required_parts import faults
from tests.factories import certification as made
from tests.factories import people

ROOT = Path(__file__).resolve().parent.parent.parent


def again(row: Any) -> Any:
    return db.session.get_one(type(row), row.id)


def work() -> None:
    """What the worker does: jobs, then the lists."""
    run_waiting()
    lists.sign_due(clock.now())
    db.session.rollback()


def pdf_of(certificate: Certificate, no: int = 1) -> bytes:
    edition = next(e for e in again(certificate).editions if e.no == no)
    assert edition.pdf is not None, db.session.scalars(select(JobItem.message)).all()
    return read_file(edition.pdf)


def findings(data: bytes, **more: Any) -> dict[str, str]:
    told = {"trust": keyring.trust(), "lists": lists.documents()} | more
    report = verify(data, clock.now(), told["trust"], told["lists"])
    return {f.code: f.answer.value for f in report.findings} | {"answer": report.answer.value}


def change(certificate: Certificate, kind: Change, by: Person, second: Person | None = None) -> None:
    with unit_of_work():
        row = status.change(again(certificate), kind, by=again(by), reason="核查", now=clock.now())
    if second is not None:
        made.heard(row, now=clock.now())
        with unit_of_work():
            status.confirm(again(row), by=again(second), now=clock.now())
    work()


@pytest.fixture
def certificate(judged: Any, holder: Person) -> Certificate:
    return made.certificate(holder, 2, now=clock.now())


def test_a_certificate_is_checked_offline_by_the_command(
    certificate: Certificate, app: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work()
    (tmp_path / "a.pdf").write_bytes(pdf_of(certificate))
    shown = app.test_cli_runner().invoke(args=["keys", "show", "--trust"])
    (tmp_path / "keys.json").write_text(shown.output)
    held = []
    for n, data in enumerate(lists.documents()):
        (tmp_path / f"{n}.json").write_bytes(data)
        held += ["--status", str(tmp_path / f"{n}.json")]
    asked = ["verify", str(tmp_path / "a.pdf"), "--trust", str(tmp_path / "keys.json")]
    assert offline([*asked, *held]) == 0, capsys.readouterr().out
    assert offline(asked) == 2  # without lists: status honestly not known
    assert offline(asked[:2]) == 2  # without keys: nobody is known
    assert "【演示】" in json.loads(read_file(again(certificate).current.credential))["name"]


def test_what_is_attached_is_what_is_kept_and_an_independent_verifier_accepts_it(certificate: Certificate) -> None:
    from openbadgeslib.ob3.did import resolve_did
    from openbadgeslib.ob3.ldp import OB3LdpVerifier

    work()
    kept = credentials.bytes_of(again(certificate).current)
    assert kept is not None and attachments_in(pdf_of(certificate)) == {"credential.json": kept}
    row = db.session.scalars(select(IssuerKey).where(IssuerKey.kind == KeyKind.CREDENTIAL)).one()
    OB3LdpVerifier(pubkey_pem=resolve_did(f"did:key:{row.multibase}")).verify(kept)
    document = json.loads(kept)
    assert document["issuer"]["id"] == row.did == "did:web:127.0.0.1%3A8000:authority:1200"
    assert document["credentialSubject"]["licenseNumber"] == certificate.number
    assert certificate.holder.id_masked not in kept.decode() and certificate.token not in kept.decode()
    assert {r["resultDescription"].rsplit("#")[-1] for r in document["credentialSubject"]["result"]} == {
        "training", "exam", "practice", "performance", "integrity",
    }  # fmt: skip


def test_made_again_it_says_the_same_to_the_byte(certificate: Certificate) -> None:
    work()
    before = credentials.bytes_of(again(certificate).current)
    with unit_of_work():
        edition = again(certificate).current
        edition.credential_file_id = edition.pdf_file_id = None
        issuing.render([edition], by=None)
    work()
    assert credentials.bytes_of(again(certificate).current) == before
    file_id = again(certificate).current.pdf_file_id
    with unit_of_work():
        issuing.render([again(certificate).current], by=None)
    work()
    assert again(certificate).current.pdf_file_id == file_id  # what is there is not made again


def test_after_a_rotation_old_certificates_verify_and_new_ones_use_the_new_keys(
    certificate: Certificate, app: Any, binhai: Any
) -> None:
    work()
    old = pdf_of(certificate)
    before = {row.kind: row for row in keyring.keys_of("1200")}
    told = app.test_cli_runner().invoke(args=["keys", "rotate", "--region", "1200"])
    assert told.exit_code == 0 and "试用" in told.output
    db.session.rollback()
    rows = keyring.keys_of("1200")
    assert len(rows) == 4 and {r.id for r in rows if r.retired_at} == {r.id for r in before.values()}
    younger = made.certificate(made.trainee(binhai), now=clock.now())
    work()
    assert findings(old)["answer"] == findings(pdf_of(younger))["answer"] == "holds"
    edition = again(younger).current
    assert edition.credential_key_id not in {r.id for r in before.values()} and edition.document_key_id
    lists.sign_due(clock.now())
    assert len(keyring.document_of("1200")["assertionMethod"]) == 2  # type: ignore[index]
    deeds = db.session.scalars(select(lists_deeds())).all()
    assert deeds.count("certification.key.retire") == 2


ALONE = """
import runpy, socket, sys

def forbidden(*args, **more):
    raise AssertionError("the verifier reached for the network")

socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = forbidden
sys.modules["app"] = sys.modules["sqlalchemy"] = sys.modules["flask"] = None
sys.argv = ["certificates", *sys.argv[1:]]
runpy.run_module("certificates", run_name="__main__")
"""


@pytest.mark.parametrize("kept", ["before the rotation", "after the rotation"])
def test_the_key_rotated_and_the_server_gone_the_file_still_proves_itself(
    kept: str, certificate: Certificate, app: Any, tmp_path: Path
) -> None:
    """Without network, database and status lists: signature and content are proven, the status is said to be unknown."""
    work()
    shell = app.test_cli_runner()
    before = shell.invoke(args=["keys", "show", "--trust"]).output
    assert shell.invoke(args=["keys", "rotate", "--region", "1200"]).exit_code == 0
    after = shell.invoke(args=["keys", "show", "--trust"]).output
    assert before != after
    (tmp_path / "keys.json").write_text(before if kept.startswith("before") else after, "utf-8")
    (tmp_path / "c.pdf").write_bytes(pdf_of(certificate))
    carried = credentials.bytes_of(again(certificate).current)
    assert carried is not None
    (tmp_path / "c.json").write_bytes(carried)
    document = json.loads(carried)
    document["credentialSubject"]["licenseNumber"] = "TTM1200202530001236"
    (tmp_path / "other.json").write_text(json.dumps(document, ensure_ascii=False), "utf-8")

    def told(file: str, *more: str) -> tuple[int, str]:
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); exec({ALONE!r})"
        command = [sys.executable, "-c", code, "verify", file, "--trust", "keys.json", "--at", clock.now().isoformat()]
        done = subprocess.run([*command, *more], cwd=tmp_path, env={}, capture_output=True, check=False)
        return done.returncode, done.stdout.decode() or done.stderr.decode()

    for file, proven in (
        ("c.pdf", {"signature-intact", "signature-covers-all", "unchanged-since", "certifies", "signer-trusted",
                   "signer-is-issuer", "page-same", "credential-proven", "dates-hold"}),
        ("c.json", {"credential-proven", "dates-hold"}),
    ):  # fmt: skip
        code, words = told(file, "--json")
        assert code == 2, words  # "cannot tell": nobody at hand knows the status
        said = {one["code"]: one["answer"] for one in json.loads(words)["findings"]}
        assert {one for one, answer in said.items() if answer == "holds"} == proven
        unknown = {one for one, answer in said.items() if answer == "cannot-tell"}
        assert unknown == {"status-revocation-unknown", "status-suspension-unknown"} == set(said) - proven
        code, words = told(file)
        assert (
            code == 2 and "? 撤销状态未知" in words and "✓ 电子凭证由签发机构的密钥证明" in words and "✗" not in words
        )
        assert "结论：无法判断" in words and certificate.number in words
    code, words = told("other.json")
    assert code == 1 and "✗ 电子凭证的证明不符：内容已被更改" in words


def lists_deeds() -> Any:
    from app.audit.models import AuditEntry

    return AuditEntry.deed


def test_revoked_is_refused_offline(certificate: Certificate, officers: Any) -> None:
    work()
    change(certificate, Change.REVOKE, officers(), officers())
    seen = findings(pdf_of(certificate))
    assert seen["status-revocation-set"] == "does-not-hold" == seen["answer"]


def test_suspended_is_refused_and_restored_holds_again(certificate: Certificate, officers: Any) -> None:
    work()
    officer = officers()
    change(certificate, Change.SUSPEND, officer)
    assert findings(pdf_of(certificate))["status-suspension-set"] == "does-not-hold"
    change(certificate, Change.RESTORE, officer)
    assert findings(pdf_of(certificate))["answer"] == "holds"


def test_a_superseded_edition_is_refused_and_the_new_one_holds(certificate: Certificate, officers: Any) -> None:
    work()
    with unit_of_work():
        issuing.reissue(again(certificate), EditionKind.REPRINT, by=again(officers()), reason="遗失", now=clock.now())
    work()
    assert findings(pdf_of(certificate, 1))["status-revocation-set"] == "does-not-hold"
    assert findings(pdf_of(certificate, 2))["answer"] == "holds"
    change(certificate, Change.SUSPEND, officers())
    assert findings(pdf_of(certificate, 2))["status-suspension-set"] == "does-not-hold"


def test_every_kind_of_edition_has_what_the_badge_schema_requires(
    certificate: Certificate, judged: Any, officers: Any, binhai: Any
) -> None:
    officer = officers()
    with unit_of_work():
        issuing.reissue(again(certificate), EditionKind.REPRINT, by=again(officer), reason="遗失", now=clock.now())
    with unit_of_work():
        issuing.reissue(again(certificate), EditionKind.CORRECTION, by=again(officer), reason="改名", now=clock.now())
    with unit_of_work():
        row = again(certificate)
        issuing.renew(row, issuing.scheme_under(row, clock.today()), by=again(officer), now=clock.now())
    judged.exempt = (Stage.PRACTICE,)
    other = made.certificate(made.trainee(binhai, "阿卜杜热西提·买买提", field="新材料"), 1, now=clock.now())
    work()
    editions = [*again(certificate).editions, *again(other).editions]
    assert [e.kind.value for e in editions] == ["first", "reprint", "correction", "renewal", "first"]
    for edition in editions:
        data = credentials.bytes_of(edition)
        assert data is not None and faults(json.loads(data)) == [], edition.kind
        assert objections(json.loads(data)) == [], edition.kind


def test_the_official_schema_accepts_each_level_with_and_without_a_photo(judged: Any, binhai: Any) -> None:
    rows = []
    for rank in (1, 2, 3):
        for pictured in (False, True):
            who = made.trainee(binhai, "欧阳·买买提")
            if pictured:
                people.photo(who)
            rows.append(made.certificate(who, rank, now=clock.now()))
    work()
    for row in rows:
        data = credentials.bytes_of(again(row).current)
        assert data is not None and objections(json.loads(data)) == []
    assert sum(again(row).current.snapshot["photo"] is not None for row in rows) == 3


def test_the_list_of_another_issuer_says_nothing(certificate: Certificate) -> None:
    harbin = people.region("2301", "哈尔滨市")
    made.certificate(made.trainee(harbin), now=clock.now())
    work()
    foreign = [row.body.encode() for row in lists.all_signed() if row.list.authority == "2301"]
    assert len(foreign) == 2
    forged = [data.replace(b"/status/2301/", b"/status/1200/") for data in foreign]
    for given in (foreign, forged):
        seen = findings(pdf_of(certificate), lists=given)
        assert (seen["answer"], seen["status-revocation-unknown"]) == ("cannot-tell", "cannot-tell")


def test_a_stale_list_says_nothing_and_lists_are_signed_again_long_before(certificate: Certificate) -> None:
    work()
    now = clock.now()
    assert lists.due(now) == [] == lists.due(now + timedelta(days=2))
    later = now + lists.HOLDS_FOR - lists.AHEAD + timedelta(minutes=1)
    assert len(lists.due(later)) == 2
    kept = lists.documents()
    report = verify(pdf_of(certificate), now + timedelta(days=8), keyring.trust(), kept)
    assert {f.code: f.detail for f in report.findings}["status-revocation-unknown"] == "stale"
    assert lists.sign_due(later) == 2 and lists.documents() != kept


def test_a_change_while_a_list_is_being_signed_is_not_lost(certificate: Certificate, monkeypatch: Any) -> None:
    work()
    build = lists.build

    def meanwhile(*args: Any) -> Any:
        monkeypatch.setattr(lists, "build", build)
        with unit_of_work():
            lists.set_bits(again(certificate).current.status_entry, revoked=True, suspended=False)
        return build(*args)

    with unit_of_work():
        lists.set_bits(again(certificate).current.status_entry, revoked=False, suspended=True)
    monkeypatch.setattr(lists, "build", meanwhile)
    lists.sign_due(clock.now())
    assert len(lists.due(clock.now())) == 2 or len(lists.due(clock.now())) == 1  # signed from before the change: stale
    lists.sign_due(clock.now())
    assert lists.due(clock.now()) == []
    assert findings(pdf_of(certificate))["status-revocation-set"] == "does-not-hold"


def test_places_are_random_unique_and_a_new_list_opens_when_one_is_half_full(
    judged: Any, binhai: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "draw_index", lambda taken, size: next(n for n in range(size) if n not in taken))
    first = made.certificate(made.trainee(binhai), now=clock.now())
    with unit_of_work():
        kept = db.session.scalars(select(StatusList)).one()
        kept.used = kept.size // 2 - 1
    second, third = (made.certificate(made.trainee(binhai), now=clock.now()) for _ in range(2))
    entries = [again(c).current.status_entry for c in (first, second, third)]
    assert [(e.list.no, e.position) for e in entries] == [(1, 0), (1, 1), (2, 0)]
    assert entries[2].list.url.endswith("/status/1200/revocation/2")
    work()
    assert findings(pdf_of(third))["answer"] == "holds"


def test_certificates_of_before_are_completed(certificate: Certificate, officers: Any) -> None:
    """As they are after the migration: an unsigned PDF at most, no credential, no place in a list."""
    change(certificate, Change.SUSPEND, officers())
    with unit_of_work():
        edition = again(certificate).current
        entry = edition.status_entry
        edition.status_entry_id = edition.credential_file_id = edition.pdf_file_id = None
        db.session.flush()
        db.session.delete(entry)
    complete_certificates(clock.now() + timedelta(minutes=3))
    work()
    assert findings(pdf_of(certificate))["status-suspension-set"] == "does-not-hold"
    assert credentials.missing(clock.now() + timedelta(hours=9)) == []


def test_what_our_own_check_refuses_is_not_given_out(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    from certificates import signing

    real = signing._PyhankoSigner.sign
    monkeypatch.setattr(signing._PyhankoSigner, "sign", lambda self, pdf, **more: real(self, pdf, **more) + b"\n%x")
    run_waiting()
    item = db.session.scalars(select(JobItem)).one()
    assert item.state == "refused" and "signature-covers-part" in item.message
    edition = again(certificate).current
    assert edition.pdf_file_id is None is edition.credential_file_id
    clock.set_offset(timedelta(hours=1))
    assert (
        client.get("/readyz").get_json()["alarms"] == ["certificates_waiting"]
        or "certificates_waiting" in (client.get("/readyz").get_json()["alarms"])
    )
    monkeypatch.undo()
    complete_certificates(clock.now())
    work()
    assert again(certificate).current.pdf_file_id is not None


def test_a_failing_signature_of_a_list_is_an_alarm_and_recovers(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    from app.certification import watching
    from app.notices.models import Notice

    admin = people.officer(Role.ADMIN)
    run_waiting()
    monkeypatch.setattr(lists, "build", lambda *a: 1 / 0)
    assert lists.sign_due(clock.now()) == 0
    assert lists.due(clock.now()) == []  # not again at once
    assert client.get("/readyz").get_json()["alarms"] == []
    clock.set_offset(timedelta(minutes=11))
    lists.sign_due(clock.now())
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["alarms"]) == (200, ["status_lists"])
    assert 'alarms{name="status_lists"} 2.0' in client.get("/metrics").text
    assert watching.tell_operators(clock.now()) == 2 and watching.tell_operators(clock.now()) == 0
    told = db.session.scalars(select(Notice).where(Notice.person_id == admin.id)).all()
    assert any("ZeroDivisionError" in str(n.values) for n in told)
    monkeypatch.undo()
    clock.set_offset(timedelta(minutes=13))
    assert lists.sign_due(clock.now()) == 2
    assert client.get("/readyz").get_json()["alarms"] == []


def test_a_key_that_ends_is_warned_of(certificate: Certificate, client: Any) -> None:
    work()
    with unit_of_work():
        for row in db.session.scalars(select(IssuerKey)):
            row.valid_until = clock.now() + timedelta(days=59)
    assert client.get("/readyz").get_json()["alarms"] == ["signing_keys"]


def test_keys_stand_in_files_that_nobody_else_reads_and_never_in_the_database(certificate: Certificate) -> None:
    from app.core.crypto import settings

    work()
    folder = Path(settings().SIGNING_P12 or "")
    assert folder.stat().st_mode & 0o077 == 0
    for row in keyring.keys_of():
        path = folder / row.file_name
        assert path.stat().st_mode & 0o077 == 0
        assert "PRIVATE" not in row.chain


def test_real_keys_ask_for_https_and_an_address_that_stays(
    app: Any, binhai: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from dataclasses import replace

    from config import Mode

    def told(**changed: Any) -> None:
        changed = {"SIGNING_P12": str(tmp_path), "SIGNING_P12_PASSWORD": "a password"} | changed
        monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], **changed))

    def create(code: str) -> Any:
        with unit_of_work():
            return keyring.create(code, now=clock.now())

    told(APP_MODE=Mode.PRODUCTION, PUBLIC_URL="http://ttm.example.org")
    with pytest.raises(keyring.NeedsHttps):
        create("1200")
    told(PUBLIC_URL="https://ttm.example.org")
    key, document = create("1200")
    assert key.did == "did:web:ttm.example.org:authority:1200" and not key.trial and document.trial
    with pytest.raises(keyring.KeysThere):
        create("1200")
    told(PUBLIC_URL="https://other.example.org")
    with pytest.raises(keyring.AddressMoved) as refusal:
        create("site")
    assert "https://other.example.org" in refusal.value.text and "https://ttm.example.org" in refusal.value.text
    told(PUBLIC_URL="https://ttm.example.org", SIGNING_P12=None)
    with pytest.raises(keyring.NoFolder):
        create("site")


def test_without_keys_certificates_wait_and_say_why(
    certificate: Certificate, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from config import Mode

    monkeypatch.setitem(
        app.extensions, "settings", replace(app.extensions["settings"], APP_MODE=Mode.PRODUCTION)
    )  # nothing is made by itself there
    run_waiting()
    item = db.session.scalars(select(JobItem)).one()
    assert item.state == "refused" and "flask keys create --region 1200" in item.message
    monkeypatch.undo()
    complete_certificates(clock.now() + timedelta(minutes=3))
    work()
    assert findings(pdf_of(certificate))["answer"] == "holds"


def test_a_licensed_signer_is_installed(certificate: Certificate, tmp_path: Path, app: Any) -> None:
    from certificates import keys

    work()
    now = clock.now()
    root = keys.make_trial_authority("持牌电子认证机构", "root-pw", now)
    file = tmp_path / "seal.p12"
    file.write_bytes(
        keys.make_signer(root, "root-pw", "滨海新区认证中心", "did:web:127.0.0.1%3A8000:authority:1200", "pw", now)
    )
    done = app.test_cli_runner().invoke(args=["keys", "install", str(file), "--region", "1200", "--password", "pw"])
    assert done.exit_code == 0, done.output
    wrong = app.test_cli_runner().invoke(args=["keys", "install", str(file), "--region", "1200", "--password", "no"])
    assert wrong.exit_code == 1 and "password" in wrong.output
    younger = made.certificate(made.trainee(again(certificate).region), now=now)
    work()
    row = keyring.current("1200", KeyKind.DOCUMENT)
    assert row is not None and not row.trial and again(younger).current.document_key_id == row.id
    assert findings(pdf_of(younger))["answer"] == "holds" == findings(pdf_of(certificate))["answer"]


def test_the_bits_stand_where_the_credentials_say(certificate: Certificate, officers: Any) -> None:
    """Whoever reads the list with another library sees the same bits."""
    from openbadgeslib.ob3.status import decode_encoded_list

    work()
    change(certificate, Change.REVOKE, officers(), officers())
    entry = json.loads(credentials.bytes_of(again(certificate).current) or b"")["credentialStatus"]
    document = next(d for d in map(json.loads, lists.documents()) if d["id"] == entry["statusListCredential"])
    bits = decode_encoded_list(document["credentialSubject"]["encodedList"])
    place = int(entry["statusListIndex"])
    assert len(bits) * 8 >= 131_072 and bits[place // 8] >> (7 - place % 8) & 1
    assert sum(b.bit_count() for b in bits) == 1
    assert db.session.scalars(select(StatusEntry.position)).all() == [place]
    assert document["credentialSubject"]["ttl"] == 300_000 and "validUntil" in document


def test_every_edition_has_a_place(certificate: Certificate) -> None:
    assert db.session.scalars(select(Edition).where(Edition.status_entry_id.is_(None))).all() == []


@pytest.fixture
def tsa(app: Any) -> Any:
    """A time-stamp authority on this machine; ``tsa.url``."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    from asn1crypto import keys, tsp, x509
    from cryptography import x509 as cx
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from pyhanko.sign.timestamps import DummyTimeStamper
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = cx.Name([cx.NameAttribute(cx.NameOID.COMMON_NAME, "TSA")])
    now = clock.now()
    made_one = (
        cx.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key()).serial_number(7)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
        .add_extension(cx.ExtendedKeyUsage([cx.ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .sign(private, hashes.SHA256())
    )  # fmt: skip
    der = serialization.Encoding.DER
    plain = private.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    stamper = DummyTimeStamper(
        x509.Certificate.load(made_one.public_bytes(der)), keys.PrivateKeyInfo.load(plain), SimpleCertificateStore()
    )

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = tsp.TimeStampReq.load(self.rfile.read(int(self.headers["Content-Length"])))
            answer = stamper.request_tsa_response(request).dump()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}/"  # type: ignore[attr-defined]
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_time_stamp_authority_that_is_set_is_used(
    certificate: Certificate, app: Any, monkeypatch: pytest.MonkeyPatch, tsa: Any
) -> None:
    from dataclasses import replace

    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], TSA_URL=tsa.url))
    work()
    data = pdf_of(certificate)
    assert findings(data)["answer"] == "holds"
    import io

    from pyhanko.pdf_utils.reader import PdfFileReader

    (signature,) = PdfFileReader(io.BytesIO(data)).embedded_signatures
    held = [one["type"].native for one in signature.signer_info["unsigned_attrs"]]
    assert held == ["signature_time_stamp_token"]
    item = db.session.scalars(select(JobItem)).one()
    assert "note" not in item.result


def test_without_its_answer_the_certificate_is_signed_all_the_same_and_that_is_noted(
    certificate: Certificate, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    nobody = replace(app.extensions["settings"], TSA_URL="http://127.0.0.1:9/")
    monkeypatch.setitem(app.extensions, "settings", nobody)
    work()
    assert findings(pdf_of(certificate))["answer"] == "holds"
    item = db.session.scalars(select(JobItem)).one()
    assert "未加时间戳" in item.result["note"]
