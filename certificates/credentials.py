"""Certificates that machines read: Open Badges 3.0 ``AchievementCredential`` on the W3C data model 2.0.

Also the ``EndorsementCredential`` by which one authority recognises another's certificate. Built from plain values; the
proof is put on by ``certificates.proofs``. The holder stands by name alone (``identityType: name``): no national identity
number in any form, since even a salted hash of one is undone in seconds.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from certificates import proofs
from certificates.proofs import ProofFault, Proven
from certificates.status_list import entry, instant
from certificates.trust import Trust

if TYPE_CHECKING:
    from certificates.keys import CredentialKey

CONTEXTS = [
    "https://www.w3.org/ns/credentials/v2",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json",
]
SCHEMA = "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json"
ENDORSEMENT_SCHEMA = "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_endorsementcredential_schema.json"
CHINA = timezone(timedelta(hours=8))  # days of the issuer; China has kept no summer time since 1991
TRIAL = "演示样本，不具任何效力。Demonstration sample, no validity."


def first_moment(day: date) -> datetime:
    """00:00 in Asia/Shanghai of the day of issue."""
    return datetime.combine(day, time.min, CHINA)


def last_moment(day: date) -> datetime:
    """23:59:59 in Asia/Shanghai of the last valid day."""
    return datetime.combine(day, time(23, 59, 59), CHINA)


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """Who signs: ``did`` of the authority, its name, its public page."""

    did: str
    name: str
    url: str


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """One stage that was passed: ``code`` is a URL-safe word unique in the credential, ``value`` what may be shown."""

    code: str
    name: str
    value: str = ""


@dataclass(frozen=True, kw_only=True)
class AlignedTo:
    """An outline or occupation the achievement corresponds to; ``url`` must be absolute."""

    name: str
    url: str
    code: str = ""
    framework: str = ""


@dataclass(frozen=True, kw_only=True)
class Status:
    """The bit of a credential: address of the revocation list, index in it."""

    list_url: str
    index: int


@dataclass(frozen=True, kw_only=True)
class AchievementWords:
    """Everything an achievement credential says. ``id`` and ``achievement_id`` are absolute (``https:`` or ``urn:uuid:``).

    ``awarded_on`` keeps the first award through renewals; ``issued_on`` and ``valid_until`` are those of the edition.
    """

    id: str
    issuer: Issuer
    holder_name: str
    number: str
    title: str
    level: str
    description: str
    criteria: str
    achievement_id: str
    achievement_version: str
    awarded_on: date
    issued_on: date
    valid_until: date | None
    status: Status
    field: str = ""
    results: tuple[StageResult, ...] = ()
    alignments: tuple[AlignedTo, ...] = ()
    trial: bool = False


@dataclass(frozen=True, kw_only=True)
class EndorsementWords:
    """A recognition: that ``issuer`` recognises the credential ``subject_id`` whose exact bytes are ``subject``."""

    id: str
    issuer: Issuer
    title: str
    comment: str
    subject_id: str
    subject: bytes
    decided_on: date
    valid_until: date | None
    status: Status
    trial: bool = False


def achievement_credential(words: AchievementWords, key: CredentialKey, created: datetime) -> dict[str, Any]:
    """The signed certificate credential, checked by the Open Badges verifier before it is given out.

    Raises ``ProofFault`` when a member would go unsigned or the key is not the issuer's.
    """
    document: dict[str, Any] = {
        "@context": CONTEXTS,
        "id": words.id,
        "type": ["VerifiableCredential", "AchievementCredential"],
        "issuer": _profile(words.issuer),
        "validFrom": instant(first_moment(words.issued_on)),
        **_until(words.valid_until),
        "name": _marked(words.title, words.trial),
        "description": f"{TRIAL} {words.description}" if words.trial else words.description,
        "awardedDate": instant(first_moment(words.awarded_on)),
        "credentialSubject": _subject(words),
        "credentialStatus": entry(words.status.list_url, words.status.index),
        "credentialSchema": [{"id": SCHEMA, "type": "1EdTechJsonSchemaValidator2019"}],
    }
    signed = proofs.put_on(document, key, created)
    _open_badge(signed, key.published.multibase)
    return signed


def endorsement_credential(words: EndorsementWords, key: CredentialKey, created: datetime) -> dict[str, Any]:
    """The signed recognition of another credential, bound to its exact bytes by their digest."""
    document: dict[str, Any] = {
        "@context": CONTEXTS,
        "id": words.id,
        "type": ["VerifiableCredential", "EndorsementCredential"],
        "issuer": _profile(words.issuer),
        "validFrom": instant(first_moment(words.decided_on)),
        **_until(words.valid_until),
        "name": _marked(words.title, words.trial),
        "description": f"{TRIAL} {words.comment}" if words.trial else words.comment,
        "credentialSubject": {
            "id": words.subject_id,
            "type": ["EndorsementSubject"],
            "endorsementComment": words.comment,
        },
        "relatedResource": [
            {"id": words.subject_id, "digestSRI": digest_sri(words.subject), "mediaType": "application/ld+json"}
        ],
        "credentialStatus": entry(words.status.list_url, words.status.index),
        "credentialSchema": [{"id": ENDORSEMENT_SCHEMA, "type": "1EdTechJsonSchemaValidator2019"}],
    }
    return proofs.secure(document, key, created)


def digest_sri(data: bytes) -> str:
    """Subresource-integrity digest of exact bytes, SHA-384 as the W3C data model recommends."""
    return "sha384-" + base64.b64encode(hashlib.sha384(data).digest()).decode()


def endorses(endorsement: Mapping[str, Any], credential: bytes) -> bool:
    """Whether a proven endorsement is about exactly this credential."""
    related = endorsement.get("relatedResource")
    subject = endorsement.get("credentialSubject")
    if not isinstance(related, list) or len(related) != 1 or not isinstance(subject, Mapping):
        return False
    same = related[0].get("id") == subject.get("id") == proofs.read(credential).get("id")
    return same and related[0].get("digestSRI") == digest_sri(credential)


def check_achievement(document: Mapping[str, Any], trust: Trust) -> Proven:
    """Believe a certificate credential or raise ``ProofFault``. Dates and status are not judged here.

    The Open Badges verifier looks at coverage and proof too, so ours is asked only where it says no: for the reason.
    """
    try:
        proven, key = proofs.claimed(document, trust)
        _open_badge(document, key)
    except ProofFault:
        proofs.check(document, trust)
        raise
    return proven


def holder_of(document: Mapping[str, Any]) -> str:
    """The holder's name in a certificate credential; empty when it names none."""
    identifiers = _subject_of(document).get("identifier")
    for each in identifiers if isinstance(identifiers, list) else [identifiers]:
        if isinstance(each, Mapping) and each.get("identityType") == "name" and each.get("hashed") is False:
            return str(each.get("identityHash", ""))
    return ""


def number_of(document: Mapping[str, Any]) -> str:
    """The certificate number in a certificate credential."""
    return str(_subject_of(document).get("licenseNumber", ""))


def level_of(document: Mapping[str, Any]) -> str:
    """The label of the level in a certificate credential."""
    achievement = _subject_of(document).get("achievement")
    return str(achievement.get("name", "")) if isinstance(achievement, Mapping) else ""


def _subject_of(document: Mapping[str, Any]) -> Mapping[str, Any]:
    subject = document.get("credentialSubject")
    return subject if isinstance(subject, Mapping) else {}


def _profile(issuer: Issuer) -> dict[str, Any]:
    return {"id": issuer.did, "type": ["Profile"], "name": issuer.name, "url": issuer.url}


def _until(day: date | None) -> dict[str, str]:
    return {"validUntil": instant(last_moment(day))} if day else {}


def _marked(title: str, trial: bool) -> str:
    return f"【演示】{title}" if trial else title


def _subject(words: AchievementWords) -> dict[str, Any]:
    achievement: dict[str, Any] = {
        "id": words.achievement_id,
        "type": ["Achievement"],
        "achievementType": "Certification",
        "name": words.level,
        "description": words.description,
        "criteria": {"narrative": words.criteria},
        "inLanguage": "zh-CN",
        "version": words.achievement_version,
    }
    if words.field:
        achievement["specialization"] = words.field
    if words.alignments:
        achievement["alignment"] = [_alignment(each) for each in words.alignments]
    if words.results:
        achievement["resultDescription"] = [_description(words.achievement_id, each) for each in words.results]
    subject: dict[str, Any] = {
        "type": ["AchievementSubject"],
        "identifier": [
            {"type": "IdentityObject", "hashed": False, "identityHash": words.holder_name, "identityType": "name"}
        ],
        "licenseNumber": words.number,
        "achievement": achievement,
    }
    if words.results:
        subject["result"] = [_result(words.achievement_id, each) for each in words.results]
    return subject


def _alignment(to: AlignedTo) -> dict[str, Any]:
    optional = {"targetCode": to.code, "targetFramework": to.framework}
    return {
        "type": ["Alignment"],
        "targetName": to.name,
        "targetUrl": to.url,
        **{key: value for key, value in optional.items() if value},
    }


def _description(achievement: str, stage: StageResult) -> dict[str, Any]:
    return {
        "id": f"{achievement}#{stage.code}",
        "type": ["ResultDescription"],
        "name": stage.name,
        "resultType": "Status",
    }


def _result(achievement: str, stage: StageResult) -> dict[str, Any]:
    value = {"value": stage.value} if stage.value else {}
    return {
        "type": ["Result"],
        "resultDescription": f"{achievement}#{stage.code}",
        "status": "Completed",
        **value,
    }


def _open_badge(document: Mapping[str, Any], key: str) -> None:
    """The Open Badges verifier's own judgement: form, coverage, proof.

    It compares dates with the machine's clock *after* the proof has held; we judge dates by the clock that is handed
    in, so those two answers alone are passed over.
    """
    _judged(proofs.as_bytes(document), key)


@lru_cache(maxsize=16)
def _judged(document: bytes, key: str) -> None:
    """Judged once for the same bytes and key: whoever makes a credential and attaches it asks twice in a moment."""
    from openbadgeslib.errors import LibOpenBadgesException
    from openbadgeslib.ob3.did import resolve_did
    from openbadgeslib.ob3.ldp import OB3LdpVerifier

    try:
        OB3LdpVerifier(pubkey_pem=resolve_did(f"did:key:{key}")).verify(document)
    except LibOpenBadgesException as reason:
        if not str(reason).startswith(("Credential has expired (", "Credential is not yet valid (")):
            raise ProofFault("signature", str(reason)[:300]) from reason


def in_force(document: Mapping[str, Any], now: datetime) -> bool | None:
    """Whether ``now`` lies within the dates of a proven document; ``None`` when they cannot be read."""
    try:
        begins = datetime.fromisoformat(str(document["validFrom"]))
        ends = datetime.fromisoformat(str(document["validUntil"])) if "validUntil" in document else None
        return begins <= now.astimezone(UTC) and (ends is None or now <= ends)
    except (KeyError, ValueError, TypeError):
        return None
