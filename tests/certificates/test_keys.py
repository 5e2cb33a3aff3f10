import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from certificates.keys import (
    KeyRefused,
    certificates_in,
    did_of,
    load_credential_key,
    make_credential_key,
    multibase,
)
from certificates.signing import pkcs12_signer
from tests.certificates.samples_signed import NOW


def test_multibase_of_a_published_key():
    """The key pair of the W3C "Data Integrity EdDSA Cryptosuites v1.0" test vectors (appendix B)."""
    text = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
    from openbadgeslib.ob3.did import resolve_did

    public = serialization.load_pem_public_key(resolve_did(f"did:key:{text}"))
    assert isinstance(public, ed25519.Ed25519PublicKey)
    assert multibase(public) == text


def test_a_credential_key_survives_its_file():
    data = make_credential_key("did:web:a.org", "key-2026-1", "geheim 密码", NOW)
    key = load_credential_key(data, "geheim 密码")
    assert (key.did, key.fragment, key.method) == ("did:web:a.org", "key-2026-1", "did:web:a.org#key-2026-1")
    assert key.published.multibase.startswith("z6Mk")
    assert b"PRIVATE KEY" not in data and key.pem().split(b"\n")[1] not in base64.b64encode(data)


def test_refusals(authority):
    data = make_credential_key("did:web:a.org", "k", "pw", NOW)
    for bad, password, code in ((data, "wrong", "password"), (b"nothing", "pw", "password")):
        with pytest.raises(KeyRefused) as refusal:
            load_credential_key(bad, password)
        assert refusal.value.code == code
    with pytest.raises(KeyRefused) as refusal:
        load_credential_key(authority.signer_p12(), "pw")
    assert refusal.value.code == "kind"
    with pytest.raises(KeyRefused):
        make_credential_key("did:web:a.org", "k", "", NOW)
    with pytest.raises(KeyRefused):
        pkcs12_signer(authority.signer_p12(), "wrong")


def test_the_signer_certificate_is_what_validators_ask(authority):
    own, root = map(x509.load_pem_x509_certificate, map(str.encode, certificates_in(authority.signer_p12(), "pw")))
    own.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    usage = own.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.ExtendedKeyUsageOID.EMAIL_PROTECTION]
    assert not own.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert own.public_key().curve.name == "secp256r1"
    assert did_of(own) == authority.did and did_of(root) is None
    assert own.not_valid_after_utc <= root.not_valid_after_utc
