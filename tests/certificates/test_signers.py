"""Where the key may be: in a file, on a token, at a service. And what else a signature may carry: a place, a time stamp."""

import base64
import io
import json
import os
import shutil
import subprocess
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.hazmat.primitives.serialization import pkcs12
from pyhanko.sign.timestamps import HTTPTimeStamper

from certificates import designs, keys, samples, signing
from certificates.keys import KeyRefused
from certificates.rendering import Attachment, certificate_pdf
from certificates.signing import SigningFailed
from certificates.verify import Answer, verify
from tests.certificates.samples_signed import NOW, Authority

SOON = NOW + timedelta(hours=1)
SOFTHSM = next((p for p in Path("/usr/lib").glob("**/libsofthsm2.so")), None)


@pytest.fixture(scope="module")
def unsigned(authority, letters) -> bytes:
    carried = Attachment("credential.json", authority.credential(), "application/ld+json")
    return certificate_pdf(samples.certificate(), typefaces=letters, attachments=[carried])


def held(authority, p12: bytes):
    return pkcs12.load_pkcs12(p12, b"pw").key


class Loopback:
    """A service on this machine: ``answer(body, headers) -> (status, bytes)``."""

    def __init__(self, answer):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, data, more = answer(body, self.headers)
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/sign"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *args):
        self.server.shutdown()
        self.server.server_close()


def signs(private, secret="s3cret"):
    def answer(body, headers):
        asked = json.loads(body)
        if headers["Authorization"] != f"Bearer {secret}":
            return 403, b"{}", {}
        assert asked["algorithm"] == "ES256" and asked["key"] == "binhai"
        made = private.sign(base64.b64decode(asked["hash"]), ec.ECDSA(utils.Prehashed(hashes.SHA256())))
        return 200, json.dumps({"signature": base64.b64encode(made).decode()}).encode(), {}

    return answer


def test_a_service_signs_a_hash_and_never_sees_the_document(authority, unsigned):
    p12 = authority.signer_p12()
    with Loopback(signs(held(authority, p12))) as service:
        ask = signing.signing_service(service.url, key="binhai", secret="s3cret")
        pdf = signing.remote_signer(keys.certificates_in(p12, "pw"), ask).sign(unsigned, at=NOW)
    assert verify(pdf, SOON, authority.trust, authority.lists()).answer is Answer.HOLDS


@pytest.mark.parametrize(
    "answer",
    [
        lambda body, headers: (500, b"", {}),
        lambda body, headers: (302, b"", {"Location": "http://127.0.0.1:1/"}),
        lambda body, headers: (200, b"[", {}),
        lambda body, headers: (200, b'{"signature": "no base 64"}', {}),
        lambda body, headers: (200, json.dumps({"signature": base64.b64encode(b"x" * 70).decode()}).encode(), {}),
        signs(ec.generate_private_key(ec.SECP256R1())),  # another key than the certificate's
        signs(ec.generate_private_key(ec.SECP256R1()), "other secret"),
    ],
)
def test_a_service_that_does_not_answer_as_it_must(authority, unsigned, answer):
    with Loopback(answer) as service:
        ask = signing.signing_service(service.url, key="binhai", secret="s3cret", timeout=5)
        with pytest.raises(SigningFailed) as failed:
            signing.remote_signer(keys.certificates_in(authority.signer_p12(), "pw"), ask).sign(unsigned, at=NOW)
    assert failed.value.code == "service"


def test_a_service_that_is_not_there_and_one_without_https(authority, unsigned):
    ask = signing.signing_service("http://127.0.0.1:9/", timeout=2)
    with pytest.raises(SigningFailed):
        signing.remote_signer(keys.certificates_in(authority.signer_p12(), "pw"), ask).sign(unsigned, at=NOW)
    with pytest.raises(KeyRefused):
        signing.signing_service("http://sign.example.org/")


def test_only_p256_keys_sign(authority):
    root = keys.make_trial_authority("根", "pw", NOW)
    pem = keys.certificates_in(root, "pw")
    assert signing.remote_signer(pem, lambda data: b"")
    other = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([])
    made = x509.CertificateBuilder(name, name, other.public_key(), 1, NOW, NOW + timedelta(days=1)).sign(
        other, hashes.SHA256()
    )
    with pytest.raises(KeyRefused):
        signing.remote_signer([made.public_bytes(serialization.Encoding.PEM).decode()], lambda data: b"")


# A token


@pytest.fixture(scope="module")
def token(authority, tmp_path_factory):
    """SoftHSM with one token that holds a signer's key and certificate under the label ``issuer``."""
    if SOFTHSM is None or not shutil.which("softhsm2-util"):
        if os.environ.get("CI") == "true":
            pytest.fail("softhsm2 is not installed")
        pytest.skip("softhsm2 is not installed")
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    p12 = authority.signer_p12()
    key = folder / "key.pem"
    key.write_bytes(
        held(authority, p12).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    util = ["softhsm2-util", "--token", "certificates", "--pin", "1234"]
    subprocess.run(
        [*util, "--init-token", "--free", "--label", "certificates", "--so-pin", "12345678"],
        check=True,
        capture_output=True,
    )
    subprocess.run([*util, "--import", str(key), "--label", "issuer", "--id", "01"], check=True, capture_output=True)
    import pkcs11

    with pkcs11.lib(str(SOFTHSM)).get_token(token_label="certificates").open(user_pin="1234", rw=True) as session:
        for label, pem in zip(("issuer", "root"), keys.certificates_in(p12, "pw"), strict=True):
            made = x509.load_pem_x509_certificate(pem.encode())
            session.create_object(
                {
                    pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE,
                    pkcs11.Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
                    pkcs11.Attribute.TOKEN: True,
                    pkcs11.Attribute.LABEL: label,
                    pkcs11.Attribute.SUBJECT: made.subject.public_bytes(),
                    pkcs11.Attribute.VALUE: made.public_bytes(serialization.Encoding.DER),
                }
            )
    yield {"module": str(SOFTHSM), "token": "certificates", "pin": "1234", "label": "issuer"}
    os.environ.pop("SOFTHSM2_CONF", None)


def test_a_token_signs(authority, unsigned, token):
    signer = signing.pkcs11_signer(**token)
    assert len(signer.certificates) == 2
    pdf = signer.sign(unsigned, at=NOW)
    assert verify(pdf, SOON, authority.trust, authority.lists()).answer is Answer.HOLDS


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"pin": "0000"}, "password"), ({"token": "nobody"}, "content"), ({"label": "nobody"}, "content")],
)
def test_a_token_that_is_not_as_said(token, changed, code):
    with pytest.raises(KeyRefused) as refused:
        signing.pkcs11_signer(**{**token, **changed})
    assert refused.value.code == code


def test_a_key_that_has_left_the_token(authority, unsigned, token):
    signer = signing.pkcs11_signer(
        **{**token, "label": "gone"}, certificates=keys.certificates_in(authority.signer_p12(), "pw")
    )
    with pytest.raises(KeyRefused):
        signer.sign(unsigned, at=NOW)


def test_a_library_that_is_not_there():
    with pytest.raises(SigningFailed):
        signing.pkcs11_signer("/nowhere/lib.so", token="a", pin="b", label="c")


# A field that is seen


def test_the_seal_opens_the_signature_and_the_page_looks_the_same(authority, unsigned):
    from PIL import ImageChops

    from tests.certificates.test_rendering import pixels_of

    box = designs.CLASSIC.seal_box()
    pdf = authority.signer.sign(unsigned, at=NOW, reason="签发", box=box)
    assert verify(pdf, SOON, authority.trust, authority.lists()).answer is Answer.HOLDS
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        (field,) = opened.Root.AcroForm.Fields
        assert [int(edge) for edge in field.Rect] == list(box)
        assert "/N" in field.AP  # PDF/A: whatever is shown has an appearance, and is printed
        assert int(field.F) & 4 and not int(field.F) & 2
    if shutil.which("pdftoppm"):
        before, after = (pixels_of(data, 60).convert("RGB") for data in (unsigned, pdf))
        assert ImageChops.difference(before, after).getbbox() is None


# A time stamp


def stamps(root, now):
    """A time stamp authority of our own: its certificate chains to ``root``, its answers state ``now``."""
    from asn1crypto import keys as asn1_keys
    from asn1crypto import tsp
    from asn1crypto import x509 as asn1_x509
    from pyhanko.sign.timestamps import DummyTimeStamper
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    above = pkcs12.load_pkcs12(root, b"root-pw")
    private = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "时间戳")])
    made = (
        x509.CertificateBuilder(
            above.cert.certificate.subject,
            name,
            private.public_key(),
            7,
            NOW - timedelta(days=1),
            NOW + timedelta(days=7000),
        )
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.key.public_key()), critical=False)
        .sign(above.key, hashes.SHA256())
    )
    store = SimpleCertificateStore()
    store.register(asn1_x509.Certificate.load(above.cert.certificate.public_bytes(serialization.Encoding.DER)))
    maker = DummyTimeStamper(
        asn1_x509.Certificate.load(made.public_bytes(serialization.Encoding.DER)),
        asn1_keys.PrivateKeyInfo.load(
            private.private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        ),
        certs_to_embed=store,
        fixed_dt=now,
    )

    def answer(body, headers):
        import asyncio

        assert headers["Content-Type"] == "application/timestamp-query"
        reply = asyncio.run(maker.async_request_tsa_response(tsp.TimeStampReq.load(body)))
        return 200, reply.dump(), {"Content-Type": "application/timestamp-reply"}

    return answer


def test_a_time_stamp_outlives_the_signers_certificate(authority, unsigned):
    brief = authority.signer_p12(years=1)
    with Loopback(stamps(authority.root_p12, NOW)) as service:
        signer = signing.pkcs12_signer(brief, "pw", timestamper=HTTPTimeStamper(service.url))
        pdf = signer.sign(unsigned, at=NOW)
    assert len(pdf) < 115_000
    seen = signing.inspect(pdf, authority.trust.roots, SOON)
    assert seen.stamped_at == NOW and seen.trusted and seen.intact and seen.covers_all
    later = NOW + timedelta(days=500)
    assert verify(pdf, later, authority.trust, authority.lists(now=later)).answer is Answer.HOLDS
    # The same without a stamp: nobody vouches for the time.
    bare = signing.pkcs12_signer(brief, "pw").sign(unsigned, at=NOW)
    assert verify(bare, later, authority.trust, authority.lists(now=later)).answer is Answer.CANNOT_TELL


def test_a_time_stamp_of_nobody_counts_for_nothing(authority, unsigned):
    stranger = Authority()
    with Loopback(stamps(stranger.root_p12, NOW)) as service:
        signer = signing.pkcs12_signer(authority.signer_p12(years=1), "pw", timestamper=HTTPTimeStamper(service.url))
        pdf = signer.sign(unsigned, at=NOW)
    assert signing.inspect(pdf, authority.trust.roots, SOON).stamped_at is None
    assert (
        verify(pdf, NOW + timedelta(days=500), authority.trust, authority.lists(now=NOW + timedelta(days=500))).answer
        is not Answer.HOLDS
    )


def test_an_authority_of_time_that_is_not_there(authority, unsigned):
    signer = signing.pkcs12_signer(
        authority.signer_p12(), "pw", timestamper=HTTPTimeStamper("http://127.0.0.1:9/", timeout=2)
    )
    with pytest.raises(SigningFailed) as failed:
        signer.sign(unsigned, at=NOW)
    assert failed.value.code == "time-stamp"
