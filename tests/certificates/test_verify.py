"""Faults times our verifier: every good file holds, every fault is noticed and named."""

import io
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certificates import designs, keys, signing
from certificates.__main__ import main
from certificates.pagetext import page_text
from certificates.rendering import Attachment, certificate_pdf
from certificates.samples import certificate
from certificates.trust import NOBODY, Trust
from certificates.verify import WORDS, Answer, verify
from tests.certificates.samples_signed import NOW, Authority

SOON = NOW + timedelta(minutes=1)


@pytest.fixture(scope="module")
def lists(authority):
    return authority.lists()


def codes(report, answer):
    return {finding.code for finding in report.findings if finding.answer is answer}


def test_a_good_certificate_holds(authority, signed_pdf, lists):
    report = verify(signed_pdf, SOON, authority.trust, lists)
    assert report.answer is Answer.HOLDS
    assert codes(report, Answer.HOLDS) == {
        "signature-intact", "signature-covers-all", "unchanged-since", "certifies", "signer-trusted", "credential-proven",
        "dates-hold", "status-revocation-clear", "status-suspension-clear", "signer-is-issuer", "page-same",
    }  # fmt: skip


def test_a_good_credential_on_its_own_holds(authority, lists):
    assert verify(authority.credential(), SOON, authority.trust, lists).answer is Answer.HOLDS


def test_after_the_server_is_gone_and_the_key_rotated(authority, signed_pdf):
    """Signature and content still prove themselves; status is honestly not known."""
    report = verify(signed_pdf, NOW + timedelta(days=400), authority.trust)
    assert report.answer is Answer.CANNOT_TELL
    assert codes(report, Answer.CANNOT_TELL) == {"status-revocation-unknown", "status-suspension-unknown"}


def test_without_trusted_keys_it_cannot_be_told(signed_pdf, lists):
    report = verify(signed_pdf, SOON, NOBODY, lists)
    assert report.answer is Answer.CANNOT_TELL
    assert {"signer-unknown", "issuer-unknown"} <= codes(report, Answer.CANNOT_TELL)


def no(report, *expected):
    assert report.answer is Answer.DOES_NOT_HOLD
    assert set(expected) <= codes(report, Answer.DOES_NOT_HOLD), report.findings


def test_appended_bytes(authority, signed_pdf, lists):
    no(verify(signed_pdf + b"\n% more\n", SOON, authority.trust, lists), "signature-covers-part")


def test_an_update_after_signing(authority, signed_pdf, lists):
    from pyhanko.pdf_utils.generic import pdf_name, pdf_string
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(io.BytesIO(signed_pdf))
    writer.root[pdf_name("/Note")] = pdf_string("changed")
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)
    no(verify(out.getvalue(), SOON, authority.trust, lists), "changed-since", "signature-covers-part")


def test_an_editor_that_saves_anew(authority, signed_pdf, lists):
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(signed_pdf)) as pdf:
        pdf.save(out)
    no(verify(out.getvalue(), SOON, authority.trust, lists))


def test_unsigned(authority, letters, lists):
    carried = Attachment("credential.json", authority.credential(), "application/ld+json")
    pdf = certificate_pdf(certificate(), typefaces=letters, attachments=[carried])
    no(verify(pdf, SOON, authority.trust, lists), "signature-missing")


def test_a_changed_name_in_the_attachment(authority, letters, lists):
    forged = authority.credential().replace("林晓岚".encode(), "王大明".encode())
    no(verify(authority.pdf(letters, forged), SOON, authority.trust, lists), "credential-signature", "page-differs")


def test_a_changed_name_on_the_page(authority, letters, lists):
    report = verify(authority.pdf(letters, holder_name="王大明"), SOON, authority.trust, lists)
    no(report, "page-differs")
    assert "林晓岚" in next(f.detail for f in report.findings if f.code == "page-differs")


@pytest.mark.parametrize(
    "changed",
    [
        {"number": "TTM1200202530001236"},
        {"level_zh": "高级技术经理人"},
        {"valid_until": None},
        {"holder_name": "林晓岚岚"},
        {"holder_name": "晓岚"},
    ],
)
def test_other_words_on_the_page(authority, letters, lists, changed):
    no(verify(authority.pdf(letters, **changed), SOON, authority.trust, lists), "page-differs")


@pytest.mark.parametrize(
    "name", ["𠮷䶮㐂", "龙𪛖", "阿卜杜热西提·买买提", "王芳", "Maximiliane von Hohenstein-Oberbergen"]
)
def test_names_of_every_kind_are_found_on_their_page(authority, letters, lists, name):
    pdf = authority.pdf(letters, authority.credential(holder_name=name), holder_name=name, reprint=True)
    assert verify(pdf, SOON, authority.trust, lists).answer is Answer.HOLDS


def test_a_swapped_attachment(authority, letters, lists):
    other = authority.credential(holder_name="王大明", number="TTM1200202530001236")
    no(verify(authority.pdf(letters, other), SOON, authority.trust, lists), "page-differs")


def test_a_member_added_to_the_credential(authority, letters, lists):
    document = json.loads(authority.credential())
    document["honour"] = "金牌技术经理人"
    forged = json.dumps(document, ensure_ascii=False).encode()
    no(verify(authority.pdf(letters, forged), SOON, authority.trust, lists), "credential-uncovered")
    no(verify(forged, SOON, authority.trust, lists), "credential-uncovered")


def test_without_or_with_other_attachments(authority, letters, lists):
    bare = authority.signer.sign(certificate_pdf(certificate(), typefaces=letters), at=NOW)
    no(verify(bare, SOON, authority.trust, lists), "attachment-missing")
    two = [Attachment(name, authority.credential(), "application/ld+json") for name in ("credential.json", "more.json")]
    pdf = authority.signer.sign(certificate_pdf(certificate(), typefaces=letters, attachments=two), at=NOW)
    no(verify(pdf, SOON, authority.trust, lists), "attachment-more")


def test_revoked_and_suspended(authority, signed_pdf):
    no(verify(signed_pdf, SOON, authority.trust, authority.lists(revoked=[94567])), "status-revocation-set")
    no(verify(signed_pdf, SOON, authority.trust, authority.lists(suspended=[94567])), "status-suspension-set")


def test_expired_and_not_yet(authority, signed_pdf):
    later = NOW + timedelta(days=1100)
    no(verify(signed_pdf, later, authority.trust, authority.lists(now=later)), "dates-over")
    earlier = NOW - timedelta(days=1)
    no(verify(authority.credential(), earlier, authority.trust, authority.lists(now=earlier)), "dates-not-yet")


def test_a_stale_list_and_a_list_of_another_issuer(authority, signed_pdf):
    later = NOW + timedelta(days=30)
    stale = verify(signed_pdf, later, authority.trust, authority.lists())
    assert stale.answer is Answer.CANNOT_TELL
    assert [f.detail for f in stale.findings if f.code == "status-revocation-unknown"] == ["stale"]
    foreign = Authority("230100").status("revocation", url=authority.list_url)
    report = verify(signed_pdf, SOON, authority.trust, [foreign])
    assert [f.detail for f in report.findings if f.code == "status-revocation-unknown"] == ["other-issuer"]


def test_a_wrong_key_of_the_issuer(authority, letters, lists):
    forger = Authority()  # claims the same did, with a key of its own
    report = verify(authority.pdf(letters, forger.credential()), SOON, authority.trust, lists)
    no(report, "credential-signature")


def test_a_signer_nobody_trusts(authority, letters, lists):
    forger = Authority()
    no(verify(forger.pdf(letters, authority.credential()), SOON, authority.trust, lists), "signer-not-trusted")


def test_one_authority_cannot_sign_for_another(authority, letters, lists):
    other = signing.pkcs12_signer(authority.signer_p12(did=Authority("230100").did), "pw")
    carried = Attachment("credential.json", authority.credential(), "application/ld+json")
    pdf = other.sign(certificate_pdf(certificate(), typefaces=letters, attachments=[carried]), at=NOW)
    no(verify(pdf, SOON, authority.trust, lists), "signer-is-not-issuer")


def test_a_certificate_of_the_signer_that_has_ended(authority, letters):
    """Nothing but the signer's word dates the signature then: neither yes nor no."""
    brief = signing.pkcs12_signer(authority.signer_p12(years=1), "pw")
    carried = Attachment("credential.json", authority.credential(), "application/ld+json")
    pdf = brief.sign(certificate_pdf(certificate(), typefaces=letters, attachments=[carried]), at=NOW)
    later = NOW + timedelta(days=500)
    report = verify(pdf, later, authority.trust, authority.lists(now=later))
    assert report.answer is Answer.CANNOT_TELL and codes(report, Answer.CANNOT_TELL) == {"signer-unknown"}


def test_two_signatures(authority, letters, lists):
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.signers import PdfSignatureMetadata, SimpleSigner, sign_pdf

    carried = Attachment("credential.json", authority.credential(), "application/ld+json")
    pdf = certificate_pdf(certificate(), typefaces=letters, attachments=[carried])
    signer = SimpleSigner.load_pkcs12_data(authority.signer_p12(), [], b"pw")
    for name in ("One", "Two"):
        pdf = sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), PdfSignatureMetadata(name), signer=signer).getvalue()
    no(verify(pdf, SOON, authority.trust, lists), "signature-several")


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7", b"%PDF-1.7\n" + b"x" * 5000, b"\x89PNG", b"{}", b"[1]", b'{"type": 5}']
)
def test_what_is_no_certificate(authority, lists, data):
    no(verify(data, SOON, authority.trust, lists))


def test_cut_short(authority, signed_pdf, lists):
    for part in (0.2, 0.5, 0.9, 0.999):
        no(verify(signed_pdf[: int(len(signed_pdf) * part)], SOON, authority.trust, lists))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_changed_byte(authority, signed_pdf, data):
    """Anywhere but in the hexadecimal signature itself, where upper and lower case are the same number."""
    ranges = re.search(rb"/ByteRange\s*\[\s*(\d+) (\d+) (\d+) (\d+)", signed_pdf)
    _, first, second, length = map(int, ranges.groups())
    at = data.draw(st.integers(0, first - 1) | st.integers(second, second + length - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != signed_pdf[at]))
    changed = signed_pdf[:at] + bytes([byte]) + signed_pdf[at + 1 :]
    assert verify(changed, SOON, authority.trust).answer is Answer.DOES_NOT_HOLD


def test_nothing_hides_behind_the_signature(authority, signed_pdf):
    end = signed_pdf.rindex(b"00>", 0, signed_pdf.rindex(b"startxref"))
    changed = signed_pdf[:end] + b"41>" + signed_pdf[end + 3 :]
    assert not signing.inspect(changed, authority.trust.roots, SOON).intact


def test_a_key_kept_elsewhere_signs_as_well(authority, letters, lists):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import pkcs12

    p12 = authority.signer_p12()
    private = pkcs12.load_pkcs12(p12, b"pw").key
    service = signing.remote_signer(
        keys.certificates_in(p12, "pw"), lambda data: private.sign(data, ec.ECDSA(hashes.SHA256()))
    )
    carried = Attachment("credential.json", authority.credential(), "application/ld+json")
    pdf = service.sign(certificate_pdf(certificate(), typefaces=letters, attachments=[carried]), at=NOW)
    assert verify(pdf, SOON, authority.trust, lists).answer is Answer.HOLDS


def test_signed_pdf_stays_pdf_a_with_its_attachment(authority, signed_pdf):
    with pikepdf.open(io.BytesIO(signed_pdf)) as pdf:
        marks = pdf.open_metadata()
        assert (marks["pdfaid:part"], marks["pdfaid:conformance"]) == ("3", "B")
        assert list(pdf.attachments) == ["credential.json"]
        assert pdf.attachments["credential.json"].get_file().read_bytes()[:1] == b"{"
    assert len(signed_pdf) < 90_000


def test_the_page_is_read_by_its_own_fonts(signed_pdf):
    text = page_text(signed_pdf).replace("\n", "")
    for word in ("林晓岚", "TTM1200202620000077", "中级技术经理人", "技术经理人证书", "2029年11月20日"):
        assert word in text
    with pytest.raises(ValueError):
        page_text(b"nothing")


def test_every_finding_has_words():
    import inspect as source

    from certificates import verify as module

    made = set(
        re.findall(
            r'"((?:signature|status|page|dates|credential|signer|attachment|file|issuer|unchanged|changed|certifies)(?:-[a-z]+)*)"',
            source.getsource(module),
        )
    )
    fixed = {code for code in made if code not in ("credential", "issuer")}
    assert fixed - {"credential.json"} <= set(WORDS)
    for fault in ("no-proof", "uncovered", "foreign-key", "signature", "unreadable"):
        assert f"credential-{fault}" in WORDS


@pytest.mark.skipif(not shutil.which("pdfsig"), reason="poppler-utils is not installed")
def test_an_independent_tool_agrees(signed_pdf, tmp_path):
    """pdfsig of poppler: the good file is valid and signed as a whole; with bytes appended it says that it is not."""

    def pdfsig(data: bytes) -> str:
        (tmp_path / "x.pdf").write_bytes(data)
        return subprocess.run(["pdfsig", "-nocert", str(tmp_path / "x.pdf")], capture_output=True, text=True).stdout

    good = pdfsig(signed_pdf)
    assert "Signature is Valid" in good and "Total document signed" in good and "ETSI.CAdES.detached" in good
    assert "Total document signed" not in pdfsig(signed_pdf + b"\n% more\n").replace("Not total document signed", "")
    position = signed_pdf.index(b"stream") + 20
    broken = signed_pdf[:position] + bytes([signed_pdf[position] ^ 1]) + signed_pdf[position + 1 :]
    assert "Signature is Valid" not in pdfsig(broken)


def test_the_command(authority, signed_pdf, lists, tmp_path, capsys):
    paths = {name: tmp_path / name for name in ("c.pdf", "keys.json", "r.json", "s.json", "bad.pdf")}
    paths["c.pdf"].write_bytes(signed_pdf)
    paths["bad.pdf"].write_bytes(signed_pdf + b"x")
    paths["keys.json"].write_text(authority.trust.as_json(), "utf-8")
    paths["r.json"].write_bytes(lists[0])
    paths["s.json"].write_bytes(lists[1])
    at = ["--at", SOON.isoformat()]
    known = [
        "--trust",
        str(paths["keys.json"]),
        "--status",
        str(paths["r.json"]),
        "--status",
        str(paths["s.json"]),
        *at,
    ]
    assert main(["verify", str(paths["c.pdf"]), *known]) == 0
    assert "结论：成立" in capsys.readouterr().out
    assert main(["verify", str(paths["bad.pdf"]), *known]) == 1
    assert "签名之后文件被追加了内容" in capsys.readouterr().out
    assert main(["verify", str(paths["c.pdf"]), *at]) == 2
    capsys.readouterr()
    assert main(["verify", str(paths["c.pdf"]), *known, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answer"] == "holds" and told["certificate"]["name"] == "林晓岚"
    assert main(["verify", str(tmp_path / "missing.pdf"), *at]) == 2
    (tmp_path / "keys.json").write_text("[")
    assert main(["verify", str(paths["c.pdf"]), *known]) == 2


def test_trust_may_hold_several_authorities(authority, signed_pdf, lists):
    other = Authority("230100")
    both = Trust({**other.trust.documents, **authority.trust.documents}, (*other.trust.roots, *authority.trust.roots))
    assert verify(signed_pdf, SOON, both, lists).answer is Answer.HOLDS


OFFLINE = """
import runpy, socket, sys

def forbidden(*args, **more):
    raise AssertionError("the verifier reached for the network")

socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = forbidden
sys.argv = ["certificates", *sys.argv[1:]]
runpy.run_module("certificates", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("lang", "has", "hasnt"), [("zh", "数字签名完整", "intact"), ("en", "the signature is intact", "完整")]
)
def test_an_empty_environment_without_network_and_database(authority, signed_pdf, lists, tmp_path, lang, has, hasnt):
    """As somebody runs it years later on a machine that knows nothing of us: only the files are there."""
    for name, data in {
        "c.pdf": signed_pdf,
        "keys.json": authority.trust.as_json().encode(),
        "r": lists[0],
        "s": lists[1],
    }.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "offline.py").write_text(OFFLINE)
    asked = [
        "verify",
        "c.pdf",
        "--trust",
        "keys.json",
        "--status",
        "r",
        "--status",
        "s",
        "--at",
        SOON.isoformat(),
        "--lang",
        lang,
    ]
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r}); exec(open('offline.py').read())", *asked],
        cwd=tmp_path, env={}, capture_output=True, check=False,
    )  # fmt: skip
    words = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert has in words and hasnt not in words
    assert {path.name for path in tmp_path.iterdir()} == {"c.pdf", "keys.json", "r", "s", "offline.py"}
    (tmp_path / "c.pdf").write_bytes(signed_pdf + b"%")
    command = [sys.executable, "-m", "certificates", *asked]
    assert (
        subprocess.run(command, cwd=root, env={}, capture_output=True, check=False).returncode == 2
    )  # the file is not there
    asked[1] = str(tmp_path / "c.pdf")
    alone = subprocess.run([*command[:4], asked[1]], cwd=root, env={}, capture_output=True, check=False)
    assert b"Traceback" not in alone.stderr and "无法确认签名者" in alone.stdout.decode()
    assert (
        subprocess.run(
            [*command[:3], *asked[:2], "--json"], cwd=root, env={}, capture_output=True, check=False
        ).returncode
        == 1
    )


@pytest.mark.parametrize("layout", designs.newest(), ids=lambda layout: layout.name)
@pytest.mark.parametrize("language", designs.LANGUAGES)
def test_every_layout_in_every_language_is_verified(authority, letters, lists, layout, language):
    carried = Attachment(
        "credential.json", authority.credential(holder_name="阿卜杜热西提·买买提"), "application/ld+json"
    )
    face = replace(certificate(), holder_name="阿卜杜热西提·买买提", holder_name_latin="Abdurexit Memet", reprint=True)
    pdf = certificate_pdf(face, layout, language=language, typefaces=letters, attachments=[carried])
    signed = authority.signer.sign(pdf, at=NOW, box=layout.seal_box())
    assert verify(signed, SOON, authority.trust, lists).answer is Answer.HOLDS
    other = certificate_pdf(
        replace(face, holder_name="买买提"), layout, language=language, typefaces=letters, attachments=[carried]
    )
    no(verify(authority.signer.sign(other, at=NOW), SOON, authority.trust, lists), "page-differs")
