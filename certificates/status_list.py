"""Bitstring Status Lists (W3C, 2025): one bit for a credential, set when it is revoked or suspended.

Index 0 is the left-most bit of the first byte. A list holds at least 131,072 *bits*, so that a look-up hides in the
crowd; indices are drawn at random for the same reason. ``encodedList`` is ``u`` + base64url of the gzipped bytes.
"""

from __future__ import annotations

import base64
import gzip
import secrets
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from certificates.proofs import ProofFault, Proven, check, issuer_of
from certificates.trust import Trust

MINIMUM = 131_072  # bits
REVOCATION, SUSPENSION = "revocation", "suspension"
CONTEXTS = ["https://www.w3.org/ns/credentials/v2"]


class StatusUnknown(ValueError):
    """The list says nothing about this credential; ``code``: ``other-list``, ``other-issuer``, ``stale``, ``proof``, ``form``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def encode(indices: Iterable[int], size: int = MINIMUM) -> str:
    """The encoded list of ``size`` bits with those at ``indices`` set. The same set gives the same text.

    Raises ``ValueError`` for a size below the minimum or not divisible by 8, and for an index outside.
    """
    if size < MINIMUM or size % 8:
        raise ValueError(f"a status list has at least {MINIMUM} bits, in whole bytes, not {size}")
    bits = bytearray(size // 8)
    for index in indices:
        if not 0 <= index < size:
            raise ValueError(f"index {index} is outside the list")
        bits[index >> 3] |= 0x80 >> (index & 7)
    return "u" + base64.urlsafe_b64encode(gzip.compress(bytes(bits), mtime=0)).decode().rstrip("=")


def decode(encoded: str) -> bytes:
    """The bits of an encoded list. Raises ``StatusUnknown('form')``; a list that unpacks beyond 5 MiB is refused too."""
    from openbadgeslib.errors import LibOpenBadgesException
    from openbadgeslib.ob3.status import decode_encoded_list

    try:
        if not encoded.startswith("u"):
            raise ValueError("no multibase base64url")
        bits = decode_encoded_list(encoded)
    except (ValueError, LibOpenBadgesException) as reason:
        raise StatusUnknown("form") from reason
    if len(bits) * 8 < MINIMUM:
        raise StatusUnknown("form")
    return bits


def is_set(bits: bytes, index: int) -> bool:
    """Whether the bit at ``index`` is set. Raises ``StatusUnknown('form')`` outside the list."""
    if not 0 <= index < len(bits) * 8:
        raise StatusUnknown("form")
    return bool(bits[index >> 3] & (0x80 >> (index & 7)))


def draw_index(taken: Container[int], size: int = MINIMUM, draw: Callable[[int], int] = secrets.randbelow) -> int:
    """A free index at random. Raises ``ValueError`` when a hundred draws met none: begin the next list well before."""
    for _ in range(100):
        index = draw(size)
        if index not in taken:
            return index
    raise ValueError("the status list is as good as full")


def entry(list_url: str, index: int, purpose: str = REVOCATION) -> dict[str, str]:
    """The ``credentialStatus`` object that ties a credential to its bit."""
    return {
        "id": f"{list_url}#{index}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose,
        "statusListIndex": str(index),
        "statusListCredential": list_url,
    }


def status_list(
    issuer: str,
    url: str,
    purpose: str,
    indices: Iterable[int],
    *,
    now: datetime,
    holds_for: timedelta,
    ttl: timedelta,
    size: int = MINIMUM,
) -> dict[str, Any]:
    """An unsigned list credential: ``id`` is its own address, ``validUntil`` when a copy is stale, ``ttl`` for caches."""
    return {
        "@context": CONTEXTS,
        "id": url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer,
        "validFrom": instant(now),
        "validUntil": instant(now + holds_for),
        "credentialSubject": {
            "id": f"{url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": purpose,
            "encodedList": encode(indices, size),
            "ttl": int(ttl.total_seconds() * 1000),
        },
    }


def instant(moment: datetime) -> str:
    """An instant as the data model writes it, with its offset, to the second."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def suspension_url(revocation_url: str) -> str | None:
    """The address of the paired suspension list, where the address says ``/revocation/``; else ``None``."""
    before, found, after = revocation_url.rpartition(f"/{REVOCATION}/")
    return f"{before}/{SUSPENSION}/{after}" if found else None


def look_up(
    credential: Mapping[str, Any], document: Mapping[str, Any], purpose: str, trust: Trust, now: datetime
) -> bool:
    """Whether the bit for ``purpose`` is set for a proven credential, by a list from the same issuer.

    Raises ``StatusUnknown``: another list, another issuer's, stale or of the future, unproven, malformed.
    """
    said = credential.get("credentialStatus")
    if not isinstance(said, Mapping) or said.get("statusPurpose") != REVOCATION:
        raise StatusUnknown("form")
    revocation = str(said.get("statusListCredential"))
    wanted = revocation if purpose == REVOCATION else suspension_url(revocation)
    if document.get("id") != wanted:
        raise StatusUnknown("other-list")
    if issuer_of(document) != issuer_of(credential):
        raise StatusUnknown("other-issuer")
    proven = _proven(document, trust)
    _fresh(proven.document, now)
    subject = proven.document.get("credentialSubject")
    if not isinstance(subject, Mapping) or subject.get("statusPurpose") != purpose or "statusSize" in subject:
        raise StatusUnknown("form")
    try:
        index = int(str(said.get("statusListIndex")))
    except ValueError as reason:
        raise StatusUnknown("form") from reason
    return is_set(decode(str(subject.get("encodedList"))), index)


def _proven(document: Mapping[str, Any], trust: Trust) -> Proven:
    if "BitstringStatusListCredential" not in document.get("type", []):
        raise StatusUnknown("form")
    try:
        return check(document, trust)
    except ProofFault as reason:
        raise StatusUnknown("proof") from reason


def _fresh(document: Mapping[str, Any], now: datetime) -> None:
    try:
        begins = datetime.fromisoformat(str(document["validFrom"]))
        ends = datetime.fromisoformat(str(document["validUntil"]))
        fresh = begins - timedelta(minutes=5) <= now <= ends
    except (KeyError, ValueError, TypeError) as reason:
        raise StatusUnknown("form") from reason
    if not fresh:
        raise StatusUnknown("stale")
