"""Signatures on PDF files: PAdES baseline by pyHanko, certifying, no later change allowed, as an incremental update.

Whoever holds the key makes a ``DocumentSigner``: ``pkcs12_signer`` from an encrypted file, ``pkcs11_signer`` from a token
or HSM, ``remote_signer`` from anything that signs bytes elsewhere, such as ``signing_service``. ``inspect`` asks more than "is the signature valid":
bytes appended after signing pass a plain validity check, so coverage and later changes are answered apart.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from certificates.keys import KeyRefused, certificates_in, did_of

if TYPE_CHECKING:
    from pyhanko.sign.signers import Signer

CMS_FRAME = 1_024  # bytes of a signature besides the certificates in it
TIME_STAMP = 8_192  # bytes allowed for a time stamp with its own chain


Box = tuple[int, int, int, int]
"""Left, bottom, right, top in points from the page's lower left corner."""


class SigningFailed(RuntimeError):
    """The key, or the time, is elsewhere and could not be had; trying again later is sound. ``code``: ``token``,
    ``service`` or ``time-stamp``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class DocumentSigner(Protocol):
    """Signs PDF files for one authority."""

    @property
    def certificates(self) -> Sequence[str]:
        """PEM of the signer's certificate and its chain, the root last."""
        ...

    def sign(self, pdf: bytes, *, at: datetime, reason: str = "", location: str = "", box: Box | None = None) -> bytes:
        """The same bytes with a certifying signature appended; ``at`` is the time the signer states.

        ``box`` makes the field visible to readers of the file: the printed seal there then opens the signature. Nothing
        is drawn into it. Raises ``SigningFailed`` when token, service or time stamp authority do not answer as they must.
        """
        ...


@dataclass(frozen=True)
class _PyhankoSigner:
    signer: Signer
    certificates: Sequence[str]
    timestamper: Any = None

    def sign(self, pdf: bytes, *, at: datetime, reason: str = "", location: str = "", box: Box | None = None) -> bytes:
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
        from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
        from pyhanko.sign.timestamps import TimestampRequestError

        class AtTheGivenTime(PdfSigner):
            def init_signing_session(self, *args: Any, **options: Any) -> Any:
                session = super().init_signing_session(*args, **options)
                session.system_time = at
                return session

        meta = PdfSignatureMetadata(
            field_name="Issuer",
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
            reason=reason or None,
            location=location or None,
        )
        # Without a size pyHanko signs once for nothing to learn it.
        room = CMS_FRAME + sum(len(pem) * 3 // 4 for pem in self.certificates)
        room += TIME_STAMP if self.timestamper else 0
        maker = AtTheGivenTime(meta, signer=self.signer, timestamper=self.timestamper, **_seen(box))
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        try:
            return maker.sign_pdf(writer, bytes_reserved=2 * room).getvalue()
        except TimestampRequestError as reason:
            raise SigningFailed("time-stamp", f"the time stamp authority: {reason}") from reason


def _seen(box: Box | None) -> dict[str, Any]:
    """Options of a field over ``box``: shown and printed, its appearance empty, so that the page stays as it was set."""
    if box is None:
        return {}
    from pyhanko.pdf_utils.content import RawContent
    from pyhanko.pdf_utils.layout import BoxConstraints
    from pyhanko.sign.fields import SigFieldSpec
    from pyhanko.stamp import StaticStampStyle

    left, bottom, right, top = box
    nothing = RawContent(data=b"", box=BoxConstraints(width=right - left, height=top - bottom))
    return {
        "new_field_spec": SigFieldSpec("Issuer", box=box, on_page=0),
        "stamp_style": StaticStampStyle(border_width=0, background=nothing, background_opacity=1),
    }


def pkcs12_signer(data: bytes, password: str, *, timestamper: Any = None) -> DocumentSigner:
    """A signer out of an encrypted PKCS#12 file with its certificate chain. Raises ``KeyRefused``.

    ``timestamper`` is a pyHanko ``TimeStamper``; with it the signature carries a trusted time (PAdES-T).
    """
    from pyhanko.sign.signers import SimpleSigner

    chain = certificates_in(data, password)
    signer = SimpleSigner.load_pkcs12_data(data, other_certs=[], passphrase=password.encode())
    if signer is None or not chain:
        raise KeyRefused("kind", "the file holds no key with a certificate")
    return _PyhankoSigner(signer, chain, timestamper)


def pkcs11_signer(
    module: str,
    *,
    token: str,
    pin: str,
    label: str,
    certificates: Sequence[str] = (),
    timestamper: Any = None,
) -> DocumentSigner:
    """A signer whose key never leaves a token or HSM: ``module`` is the PKCS#11 library of its maker, ``token`` the
    token's label, ``label`` that of key and certificate on it.

    ``certificates`` is PEM, its own first, the root last; what is left out is read from the token (the certificate of the
    same label, and every other one there as chain). Needs the package ``python-pkcs11``. The session is opened anew for
    each signature, so that a token taken out and put back goes on. Raises ``KeyRefused`` where package, library, token,
    PIN, key or certificate are not as said.
    """
    opened = _Token(module, token, pin, label)
    chain = list(certificates) or opened.certificates()
    if not chain:
        raise KeyRefused("content", f"the token holds no certificate called {label}")
    return remote_signer(chain, opened.sign, timestamper=timestamper)


@dataclass(frozen=True)
class _Token:
    module: str
    token: str
    pin: str
    label: str

    def certificates(self) -> list[str]:
        """PEM of the certificates on the token, the one of our label first, those that signed themselves last."""
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding

        def read(session: Any, kinds: Any) -> list[tuple[int, str]]:
            found = []
            for one in session.get_objects({kinds.Attribute.CLASS: kinds.ObjectClass.CERTIFICATE}):
                made = x509.load_der_x509_certificate(bytes(one[kinds.Attribute.VALUE]))
                place = 0 if one[kinds.Attribute.LABEL] == self.label else 2 if made.issuer == made.subject else 1
                found.append((place, made.public_bytes(Encoding.PEM).decode()))
            return found

        found = sorted(self._at_work(read), key=lambda pair: pair[0])
        return [pem for _, pem in found] if found and found[0][0] == 0 else []

    def sign(self, data: bytes) -> bytes:
        """ECDSA P-256/SHA-256 over ``data``, in DER."""
        from hashlib import sha256

        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        def make(session: Any, kinds: Any) -> bytes:
            key = session.get_key(object_class=kinds.ObjectClass.PRIVATE_KEY, label=self.label)
            return bytes(key.sign(sha256(data).digest(), mechanism=kinds.Mechanism.ECDSA))

        raw = self._at_work(make)
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))

    def _at_work(self, work: Callable[[Any, Any], Any]) -> Any:
        try:
            import pkcs11
        except ImportError as reason:
            raise KeyRefused("package", "a PKCS#11 token needs the package python-pkcs11") from reason
        try:
            token = pkcs11.lib(self.module).get_token(token_label=self.token)
            with token.open(user_pin=self.pin) as session:
                return work(session, pkcs11)
        except (pkcs11.exceptions.PinIncorrect, pkcs11.exceptions.PinLocked) as reason:
            raise KeyRefused("password", f"the token {self.token} refuses the PIN") from reason
        except (pkcs11.exceptions.NoSuchToken, pkcs11.exceptions.NoSuchKey) as reason:
            raise KeyRefused("content", f"no key {self.label} on a token {self.token}") from reason
        except (pkcs11.exceptions.PKCS11Error, RuntimeError) as reason:
            raise SigningFailed("token", f"the token {self.token}: {type(reason).__name__} {reason}") from reason


def remote_signer(
    certificates: Sequence[str], sign: Callable[[bytes], bytes], *, timestamper: Any = None
) -> DocumentSigner:
    """A signer whose key is elsewhere. ``sign`` receives the bytes to be signed and returns the ECDSA P-256/SHA-256
    signature in DER; ``certificates`` is PEM, its own first. An answer that does not fit the certificate is refused
    (``SigningFailed``), so that no file with a broken signature is ever given out.
    """
    from asn1crypto import algos
    from pyhanko.sign.signers import Signer
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    own, *others = _load(certificates)
    store = SimpleCertificateStore()
    store.register_multiple([own, *others])
    public = _public_key(certificates[0])

    class Elsewhere(Signer):
        async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
            if dry_run:
                return bytes(72)
            made = await asyncio.to_thread(sign, data)
            _must_fit(public, made, data)
            return made

    mechanism = algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"})
    return _PyhankoSigner(
        Elsewhere(signing_cert=own, cert_registry=store, signature_mechanism=mechanism), certificates, timestamper
    )


def _public_key(pem: str) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise KeyRefused("kind", "the signer's certificate must hold an EC P-256 key")
    return key


def _must_fit(public: Any, signature: bytes, data: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        public.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as reason:
        raise SigningFailed("service", "the signature that came back does not fit the certificate") from reason


def signing_service(url: str, *, key: str = "", secret: str = "", timeout: float = 20.0) -> Callable[[bytes], bytes]:
    """What ``remote_signer`` asks to sign: a service over HTTP.

    ``POST url`` with ``{"key": key, "algorithm": "ES256", "hash": base64 of the SHA-256}`` and ``Authorization: Bearer
    secret``; the answer is ``{"signature": base64 of the DER signature}``. The document itself never leaves the house.
    Only ``https`` is used, or ``http`` on this machine. Redirects are not followed: the secret would go along.
    """
    import base64
    import hashlib
    import json
    import urllib.error
    import urllib.request
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")):
        raise KeyRefused("address", "a signing service must be reached by https")

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: Any, **more: Any) -> None:
            return None

    opener = urllib.request.build_opener(Stay)

    def sign(data: bytes) -> bytes:
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        body = json.dumps({"key": key, "algorithm": "ES256", "hash": digest}).encode()
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {secret}"} if secret else {})}
        try:
            asked = urllib.request.Request(url, body, headers)  # noqa: S310 - the address was judged above
            with opener.open(asked, timeout=timeout) as answer:
                return base64.b64decode(json.loads(answer.read(65_536))["signature"], validate=True)
        except urllib.error.HTTPError as reason:
            raise SigningFailed("service", f"the signing service answers {reason.code}") from reason
        except (OSError, ValueError, KeyError, TypeError) as reason:
            raise SigningFailed("service", f"the signing service: {type(reason).__name__}") from reason

    return sign


def _load(certificates: Iterable[str]) -> list[Any]:
    from pyhanko.keys import load_certs_from_pemder_data

    return [each for pem in certificates for each in load_certs_from_pemder_data(pem.encode())]


@dataclass(frozen=True)
class Inspection:
    """What is to be said about the signatures of a PDF file.

    ``trusted``: ``True`` the chain ends in a trusted root and holds now; ``False`` it does not; ``None`` it cannot be
    told (no root is trusted, or the certificate has ended and nothing but the signer's word dates the signature).
    ``did`` is what the signer's certificate names, ``stated_at`` the time the signer states, ``stamped_at`` the time of an
    authority whose root is trusted: with it a signature stays proven after the signer's certificate has ended.
    """

    count: int = 0
    intact: bool = False
    covers_all: bool = False
    unchanged: bool = False
    certifies: bool = False
    trusted: bool | None = None
    signer: str = ""
    did: str | None = None
    stated_at: datetime | None = None
    stamped_at: datetime | None = None
    problem: str = ""


def inspect(pdf: bytes, roots: Iterable[str], now: datetime) -> Inspection:
    """Examine a PDF of unknown origin. Never raises for its content: what cannot be read is an ``Inspection`` of
    nothing, with ``problem`` set.
    """
    from pyhanko.pdf_utils.reader import PdfFileReader

    try:
        reader = PdfFileReader(io.BytesIO(pdf), strict=True)
        signatures = list(reader.embedded_signatures)
        if len(signatures) != 1:
            return Inspection(count=len(signatures), problem="no signature" if not signatures else "several signatures")
        return _examine(signatures[0], _load(roots), now)
    except Exception as reason:  # a hostile file may fail anywhere in three parsers, and every failure means "no"
        return Inspection(problem=f"unreadable: {type(reason).__name__}: {reason}"[:300])


def _examine(signature: Any, roots: list[Any], now: datetime) -> Inspection:
    from cryptography import x509
    from pyhanko.sign.fields import MDPPerm
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    status = _validate(signature, roots, now)
    stated = status.signer_reported_dt
    stamp = status.timestamp_validity
    stamped = stamp.timestamp if stamp is not None and stamp.intact and stamp.valid and stamp.trusted else None
    trusted: bool | None = bool(status.trusted) if roots else None
    if trusted is False and stated is not None and stated < now:
        # The certificate may simply have ended since: then the chain held at the stated time, which nobody vouches for.
        ended = x509.load_der_x509_certificate(status.signing_cert.dump()).not_valid_after_utc < now
        if ended and _validate(signature, roots, stamped or stated).trusted:
            trusted = True if stamped else None
    certificate = x509.load_der_x509_certificate(status.signing_cert.dump())
    der = signature.pkcs7_content
    padding = der[4 + int.from_bytes(der[2:4], "big") :] if der[:2] == b"\x30\x82" else b"\x01"
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return Inspection(
        count=1,
        intact=bool(status.intact and status.valid and not any(padding)),  # nothing may hide behind the signature
        covers_all=status.coverage == SignatureCoverageLevel.ENTIRE_FILE,
        unchanged=status.modification_level is not None and status.modification_level.value == 0,
        certifies=signature.docmdp_level == MDPPerm.NO_CHANGES,
        trusted=trusted,
        signer=str(names[0].value) if names else "",
        did=did_of(certificate),
        stated_at=stated,
        stamped_at=stamped,
    )


def _validate(signature: Any, roots: list[Any], moment: datetime) -> Any:
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.settings import KeyUsageConstraints
    from pyhanko_certvalidator import ValidationContext

    context = ValidationContext(trust_roots=roots, moment=moment, allow_fetching=False)
    return validate_pdf_signature(
        signature, context, key_usage_settings=KeyUsageConstraints(key_usage={"digital_signature"})
    )
