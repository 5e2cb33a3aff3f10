"""Keys and the files they live in: always an encrypted PKCS#12 file, never a database.

Two kinds. A *credential key* is Ed25519 and signs credentials and status lists under a did. A *signer* is EC P-256 with
an X.509 chain and signs PDF files. ``make_trial_authority`` plays the certification authority for demonstrations and
trials; a legally reliable electronic seal (电子签名法 art. 13) needs the certificate of a licensed authority, whose
PKCS#12 file is then used in the same place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certificates.did import PublishedKey

if TYPE_CHECKING:
    from collections.abc import Sequence

_ED25519_MULTICODEC = b"\xed\x01"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class KeyRefused(ValueError):
    """A key file that cannot be used; ``code`` is ``password``, ``kind`` or ``content``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def multibase(key: ed25519.Ed25519PublicKey) -> str:
    """A public key as Multikey writes it: ``z`` + base58btc of the multicodec prefix and the 32 bytes."""
    raw = _ED25519_MULTICODEC + key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = _BASE58[rest] + text
    return f"z{text}"


@dataclass(frozen=True)
class CredentialKey:
    """A private key that signs under ``did``; ``fragment`` is its name in the did document."""

    did: str
    fragment: str
    private: ed25519.Ed25519PrivateKey

    @property
    def method(self) -> str:
        return f"{self.did}#{self.fragment}"

    @property
    def published(self) -> PublishedKey:
        return PublishedKey(self.fragment, multibase(self.private.public_key()))

    def pem(self) -> bytes:
        """The unencrypted key, for a library call; never to be written anywhere."""
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def make_credential_key(did: str, fragment: str, password: str, now: datetime, years: int = 10) -> bytes:
    """A new Ed25519 key as PKCS#12. Its self-signed certificate carries the did; the friendly name is the fragment."""
    private = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, fragment[:64])])
    certificate = (
        _builder(name, name, private.public_key(), now, years)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(did)]), critical=False)
        .sign(private, None)
    )
    return pkcs12.serialize_key_and_certificates(fragment.encode(), private, certificate, None, _locked(password))


def load_credential_key(data: bytes, password: str) -> CredentialKey:
    """The key in a file of ``make_credential_key``. Raises ``KeyRefused``."""
    bundle = _bundle(data, password)
    if not isinstance(bundle.key, ed25519.Ed25519PrivateKey) or bundle.cert is None:
        raise KeyRefused("kind", "a credential key is Ed25519 with a certificate that names the did")
    did = did_of(bundle.cert.certificate)
    if did is None or not bundle.cert.friendly_name:
        raise KeyRefused("content", "the certificate names no did")
    return CredentialKey(did, bundle.cert.friendly_name.decode(), bundle.key)


def make_trial_authority(name: str, password: str, now: datetime, years: int = 20) -> bytes:
    """A certification authority of our own for demonstrations and trials, as PKCS#12: trusted by nobody else."""
    private = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    certificate = (
        _builder(subject, subject, private.public_key(), now, years)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )
    return pkcs12.serialize_key_and_certificates(b"trial authority", private, certificate, None, _locked(password))


def make_signer(
    authority: bytes, authority_password: str, name: str, did: str, password: str, now: datetime, years: int = 10
) -> bytes:
    """A signer for PDF files under a trial authority, as PKCS#12 with its chain.

    ``did`` is written into the certificate, so that a PDF signed by one authority cannot carry another's credential.
    The extended key usage emailProtection is what common validators ask of a document signer.
    """
    bundle = _bundle(authority, authority_password)
    if not isinstance(bundle.key, ec.EllipticCurvePrivateKey) or bundle.cert is None:
        raise KeyRefused("kind", "not a trial authority")
    above = bundle.cert.certificate
    private = ec.generate_private_key(ec.SECP256R1())
    end = min(now + timedelta(days=365 * years), above.not_valid_after_utc)
    certificate = (
        _builder(_name(name), above.subject, private.public_key(), now, years, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(did)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(bundle.key.public_key()), critical=False)
        .sign(bundle.key, hashes.SHA256())
    )
    return pkcs12.serialize_key_and_certificates(b"signer", private, certificate, [above], _locked(password))


def certificates_in(data: bytes, password: str) -> list[str]:
    """PEM of every certificate in the file: its own first, then the chain, the root last."""
    bundle = _bundle(data, password)
    own = [bundle.cert.certificate] if bundle.cert else []
    chain: Sequence[x509.Certificate] = [entry.certificate for entry in bundle.additional_certs]
    return [each.public_bytes(serialization.Encoding.PEM).decode() for each in [*own, *chain]]


def validity_of(data: bytes, password: str) -> tuple[datetime, datetime]:
    """From when to when the certificate in a key file holds (UTC). Raises ``KeyRefused``."""
    bundle = _bundle(data, password)
    if bundle.cert is None:
        raise KeyRefused("content", "the file holds no certificate")
    return bundle.cert.certificate.not_valid_before_utc, bundle.cert.certificate.not_valid_after_utc


def validity_of_pem(pem: str) -> tuple[datetime, datetime]:
    """From when to when a certificate holds (UTC). Raises ``KeyRefused``."""
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
    except ValueError as reason:
        raise KeyRefused("content", "no certificate in PEM") from reason
    return found.not_valid_before_utc, found.not_valid_after_utc


def relock(data: bytes, password: str, ours: str) -> bytes:
    """The same document signer under another password. Raises ``KeyRefused`` for a file without key or certificate."""
    bundle = _bundle(data, password)
    if bundle.cert is None or not isinstance(bundle.key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise KeyRefused("kind", "a document signer is an EC or RSA key with its certificate")
    chain = [entry.certificate for entry in bundle.additional_certs]
    return pkcs12.serialize_key_and_certificates(b"signer", bundle.key, bundle.cert.certificate, chain, _locked(ours))


def did_of(certificate: x509.Certificate) -> str | None:
    """The did that a certificate names as its subject's address, if it names one."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    dids = [uri for uri in names.get_values_for_type(x509.UniformResourceIdentifier) if uri.startswith("did:")]
    return dids[0] if len(dids) == 1 else None


def _bundle(data: bytes, password: str) -> pkcs12.PKCS12KeyAndCertificates:
    try:
        return pkcs12.load_pkcs12(data, password.encode())
    except ValueError as reason:
        raise KeyRefused("password", "wrong password, or no PKCS#12 file") from reason


def _locked(password: str) -> serialization.KeySerializationEncryption:
    if not password:
        raise KeyRefused("password", "a key file needs a password")
    return serialization.BestAvailableEncryption(password.encode())


def _name(text: str) -> x509.Name:
    # X.520 bounds these to 64 characters.
    parts = [(NameOID.COUNTRY_NAME, "CN"), (NameOID.ORGANIZATION_NAME, text[:64]), (NameOID.COMMON_NAME, text[:64])]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
    now: datetime,
    years: int,
    end: datetime | None = None,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(end or now + timedelta(days=365 * years))
    )


def _usage(sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=sign,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not sign,
        crl_sign=not sign,
        encipher_only=False,
        decipher_only=False,
    )
