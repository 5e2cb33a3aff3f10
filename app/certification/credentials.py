"""The machine-readable certificate of an edition, made from its snapshot alone, and the signed PDF that carries it.

The worker alone makes them; nothing leaves that our own verifier does not accept.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts import consents
from app.accounts.models import ConsentKind, Region
from app.certification import faces, keyring, lists
from app.certification.models import Certificate, Edition, IssuerKey
from app.certification.proof_models import KeyKind
from app.certification.states import EditionKind
from app.core.errors import Refused
from app.db import db
from app.files.service import read_file
from certificates.credentials import AchievementWords, AlignedTo, Issuer, StageResult, Status
from certificates.trust import Trust

if TYPE_CHECKING:
    from certificates.signing import Box

log = logging.getLogger(__name__)
OURS = (EditionKind.FIRST, EditionKind.RENEWAL, EditionKind.CORRECTION, EditionKind.REPRINT)
"""Editions that carry a credential."""
STAGES = {
    "training": "规定培训 Training",
    "exam": "考试 Examination",
    "practice": "实操评审 Practical review",
    "performance": "绩效积分 Performance",
    "integrity": "信用积分 Integrity credit",
}
OCCUPATION = ("技术经理人", "2-06-07-16", "中华人民共和国职业分类大典（2022年版）")


class NotProven(Refused):
    message = _l("The certificate was made, but our own check refused it (%(what)s). It was not given out.")


def words_of(edition: Edition, did: str, status: Status) -> AchievementWords:
    """What the credential says, out of the snapshot; the same edition always gives the same words."""
    said = edition.snapshot
    base = said["verify_url"].rsplit("/c/", 1)[0]
    scheme, level = said["scheme"], said["level_zh"]
    field = f"，领域：{said['field']}" if said["field"] else ""
    occupation, code, framework = OCCUPATION
    return AchievementWords(
        id=_urn(f"{said['verify_url']}#edition-{said['edition']}"),
        issuer=Issuer(did=did, name=said["issuer_zh"], url=f"{base}/"),
        holder_name=said["holder_name"],
        number=said["number"],
        title=said["title_zh"],
        level=level,
        description=f"{level}（{said['title_zh']}）{field}。{said['title_en']}: {said['level_en']}.",
        criteria=said["sentence_zh"],
        achievement_id=_urn(f"{base}/scheme/{scheme['id']}/level/{said['rank']}"),
        achievement_version=f"{scheme['name_zh']} 第 {scheme['version']} 版",
        awarded_on=_first_award(edition),
        issued_on=date.fromisoformat(said["issued_on"]),
        valid_until=date.fromisoformat(said["valid_until"]) if said["valid_until"] else None,
        status=status,
        field=said["field"],
        results=tuple(StageResult(code=code, name=STAGES[code]) for code in said.get("stages", []) if code in STAGES),
        alignments=(
            AlignedTo(name=occupation, url=f"{base}/about", code=code, framework=framework),
            AlignedTo(name=f"{scheme['name_zh']} {level}", url=f"{base}/training/courses/{said['rank']}"),
        ),
        trial=said["trial"],
    )


def _urn(address: str) -> str:
    """A name that is the same each time it is made and leads nowhere: the credential is its holder's to show."""
    return uuid.uuid5(uuid.NAMESPACE_URL, address).urn


def _first_award(edition: Edition) -> date:
    return db.session.scalars(
        select(Edition.issued_on).where(Edition.certificate_id == edition.certificate_id).order_by(Edition.no).limit(1)
    ).one()


def status_of(edition: Edition) -> Status:
    """Where the edition stands in the status list. Raises ValueError when it has no place yet."""
    entry = edition.status_entry
    if entry is None:
        raise ValueError(f"edition {edition.id} has no place in a status list")
    return Status(list_url=entry.list.url, index=entry.position)


def bytes_of(edition: Edition) -> bytes | None:
    """The signed credential, byte for byte as it is attached in the PDF; None while it is being made."""
    return read_file(edition.credential) if edition.credential is not None else None


# Making: the worker


@dataclass(frozen=True)
class Made:
    """A certificate ready to be handed out. ``unstamped``: why the time-stamp authority's time is not in it."""

    credential: bytes
    pdf: bytes
    credential_key: IssuerKey | None
    document_key: IssuerKey
    unstamped: str = ""


def make(edition: Edition, *, now: datetime) -> Made:
    """Credential and signed PDF of one edition. A credential that is there already is kept as it is.

    Raises NoKeys, NoFolder, KeyFileGone, NotProven; MissingGlyphs, PictureRefused, TextTooLong of the renderer.
    """
    from certificates.rendering import Attachment, certificate_pdf

    region = db.session.scalars(select(Region).where(Region.code == edition.snapshot["region"])).one()
    credential, key = bytes_of(edition), None
    if credential is None:
        credential, key = _credential(edition, region, now)
    carried = Attachment("credential.json", credential, "application/ld+json", "证书凭证 Open Badges 3.0")
    said = edition.snapshot
    plain = certificate_pdf(
        faces.face(said), faces.layout_of(said), language=faces.language_of(said), attachments=[carried]
    )
    signer_row = keyring.signing_row(region.code, KeyKind.DOCUMENT, now)
    pdf, unstamped = sign_pdf(
        plain, signer_row, now=now, reason=f"签发 {said['number']}", box=faces.signature_box(said)
    )
    check(pdf, keyring.trust(region.code), now)
    return Made(credential, pdf, key, signer_row, unstamped)


def _credential(edition: Edition, region: Region, now: datetime) -> tuple[bytes, IssuerKey]:
    from certificates import proofs
    from certificates.credentials import achievement_credential

    row = keyring.signing_row(region.code, KeyKind.CREDENTIAL, now)
    key = keyring.open_credential_key(row)
    # Signed as of the issue, or of the key where that is younger: made again it is the same to the byte.
    created = max(edition.issued_at, row.valid_from).replace(microsecond=0)
    try:
        document = achievement_credential(words_of(edition, key.did, status_of(edition)), key, created)
    except proofs.ProofFault as fault:
        raise NotProven(what=str(fault)) from fault
    return proofs.as_bytes(document), row


def sign_pdf(pdf: bytes, row: IssuerKey, *, now: datetime, reason: str, box: Box | None = None) -> tuple[bytes, str]:
    """The signed file, and why it carries no trusted time where an authority is set but did not answer twice."""
    from app.core.crypto import settings
    from certificates.signing import SigningFailed

    stated = now.replace(microsecond=0)
    failure = ""
    for _try in range(2 if settings().TSA_URL else 0):
        try:
            return keyring.open_signer(row).sign(pdf, at=stated, reason=reason, box=box), ""
        except (OSError, ValueError, SigningFailed) as error:
            if isinstance(error, SigningFailed) and error.code != "time-stamp":
                raise
            failure = f"{type(error).__name__}: {error}"[:200]
            log.warning("time stamp not given: %s", failure)
    return keyring.open_signer(row, stamped=False).sign(pdf, at=stated, reason=reason, box=box), failure


PASSED_OVER = frozenset({"dates-over", "dates-not-yet", "status-revocation-unknown", "status-suspension-unknown"})
"""Of a file made now these say nothing against it: an expired one may be completed, and its list is not asked."""


def check(pdf: bytes, trust: Trust, now: datetime) -> None:
    """Our own verifier's judgement before anything leaves. Raises NotProven naming every finding that does not hold."""
    from certificates.verify import Answer, verify

    report = verify(pdf, now, trust)
    wrong = [f for f in report.findings if f.answer is not Answer.HOLDS and f.code not in PASSED_OVER]
    if wrong or not report.findings:
        raise NotProven(what=", ".join(f"{f.code} {f.detail}".strip() for f in wrong) or "nothing could be read")


# The holder's consent: whoever has the QR code may fetch the credential


def shared(certificate: Certificate) -> bool:
    """Does the holder allow the credentials of their certificates to be fetched at the certificates' addresses?"""
    return certificate.holder is not None and consents.has_consent(certificate.holder, ConsentKind.CREDENTIAL)


def shared_bytes(certificate: Certificate) -> bytes | None:
    """The credential of the edition in force, where its holder allows it to be fetched; else None."""
    return bytes_of(certificate.current) if shared(certificate) else None


def missing(now: datetime, *, limit: int = 200) -> list[Edition]:
    """Editions that still lack credential or PDF and were not asked for lately."""
    asked = (
        select(Edition)
        .where(
            Edition.kind.in_(OURS),
            Edition.credential_file_id.is_(None) | Edition.pdf_file_id.is_(None),
            Edition.issued_at < now - timedelta(minutes=2),
            Edition.asked_at.is_(None) | (Edition.asked_at < now - timedelta(hours=6)),
        )
        .order_by(Edition.id)
        .limit(limit)
    )
    return list(db.session.scalars(asked))


def place(edition: Edition, *, now: datetime) -> None:
    """Give an edition of before its place in a status list, with the bits that hold."""
    if edition.status_entry_id is None:
        edition.status_entry = lists.allot(edition.certificate.region, now=now)
        db.session.flush()  # the bits below look it up
        lists.touched(edition.certificate)
