"""One embedded proof on a JSON-LD document: ``eddsa-rdfc-2022`` (W3C VC Data Integrity EdDSA), in an array of one.

The proof signs the RDF that a document expands to, not its JSON: a member that no context defines would be left
unsigned without a word. So nothing leaves, and nothing is believed, before the JSON has been shown to be exactly the
compacted form of what is signed. That check, the bundled contexts (nothing is ever fetched) and the cryptography are
openbadgeslib's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from certificates.trust import Trust

if TYPE_CHECKING:
    from certificates.keys import CredentialKey

LIMIT = 256 * 1024  # bytes of one document; a status list of a million entries has about 30,000


class ProofFault(ValueError):
    """Why a document is not believed.

    ``code``: ``unreadable`` (no JSON object, too large), ``no-proof``, ``uncovered`` (a member the proof does not sign),
    ``unknown-issuer`` (no trusted key: nothing can be said), ``foreign-key`` (not a key of the issuer), ``signature``.
    """

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code


@dataclass(frozen=True)
class Proven:
    """A document whose proof holds, with the key that made it."""

    document: Mapping[str, Any]
    issuer: str
    method: str
    created: str


def secure(document: Mapping[str, Any], key: CredentialKey, created: datetime) -> dict[str, Any]:
    """A copy of the document with its proof. Raises ``ProofFault('uncovered')`` rather than sign only a part of it."""
    signed = put_on(document, key, created)
    _covered(signed, signed["proof"][0])
    return signed


def put_on(document: Mapping[str, Any], key: CredentialKey, created: datetime) -> dict[str, Any]:
    """The proof alone. For a caller that has the result verified as a whole before it gives it out."""
    from openbadgeslib.errors import LibOpenBadgesException
    from openbadgeslib.ob3.ldp import add_data_integrity_proof

    if issuer_of(document) != key.did:
        raise ProofFault("foreign-key", "a key signs for its own did alone")
    try:
        signed = add_data_integrity_proof(dict(document), key.pem(), key.method, created=created.astimezone(UTC))
    except LibOpenBadgesException as reason:
        raise ProofFault("uncovered", str(reason)) from reason
    return {**signed, "proof": [signed["proof"]]}


def as_bytes(document: Mapping[str, Any]) -> bytes:
    """The document as it is served, attached and hashed: UTF-8, members in the order made, no white space."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def read(data: bytes) -> dict[str, Any]:
    """A JSON object out of untrusted bytes; a member named twice is refused. Raises ``ProofFault('unreadable')``."""
    if len(data) > LIMIT:
        raise ProofFault("unreadable", "too large")
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as reason:
        raise ProofFault("unreadable", "no JSON") from reason
    if not isinstance(document, dict):
        raise ProofFault("unreadable", "no JSON object")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice")
    return members


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def issuer_of(document: Mapping[str, Any]) -> str:
    """The did of the issuer, given as text or as an object with an ``id``; empty when there is none."""
    issuer = document.get("issuer")
    named = issuer.get("id") if isinstance(issuer, Mapping) else issuer
    return named if isinstance(named, str) else ""


def check(document: Mapping[str, Any], trust: Trust) -> Proven:
    """Believe a document or say why not. Raises ``ProofFault``; dates and status are the caller's next questions."""
    from openbadgeslib.errors import LibOpenBadgesException
    from openbadgeslib.ob3.did import resolve_did
    from openbadgeslib.ob3.ldp import verify_data_integrity_proof

    _covered(document, _proof_of(document))
    proven, key = claimed(document, trust)
    try:
        verify_data_integrity_proof(dict(document), resolve_did(f"did:key:{key}"))
    except LibOpenBadgesException as reason:
        raise ProofFault("signature", str(reason)[:300]) from reason
    return proven


def claimed(document: Mapping[str, Any], trust: Trust) -> tuple[Proven, str]:
    """Whose proof the document says it carries, and that issuer's key: nothing is proven by it. Raises ``ProofFault``."""
    proof = _proof_of(document)
    issuer, method = issuer_of(document), str(proof.get("verificationMethod"))
    if not trust.knows(issuer):
        raise ProofFault("unknown-issuer", issuer[:200])
    key = trust.key(issuer, method)
    if key is None:
        raise ProofFault("foreign-key", method[:200])
    return Proven(document, issuer, method, str(proof.get("created", ""))), key


def _proof_of(document: Mapping[str, Any]) -> Mapping[str, Any]:
    proofs = document.get("proof")
    if isinstance(proofs, Mapping):
        proofs = [proofs]
    if not isinstance(proofs, list) or len(proofs) != 1 or not isinstance(proofs[0], Mapping):
        raise ProofFault("no-proof", "exactly one proof is expected")
    if proofs[0].get("cryptosuite") != "eddsa-rdfc-2022":
        raise ProofFault("no-proof", "another cryptosuite")
    return proofs[0]


def _covered(document: Mapping[str, Any], proof: Mapping[str, Any]) -> None:
    """Refuse a document of which the proof would not sign every member (VC Data Integrity 2.4.1)."""
    from openbadgeslib.errors import LibOpenBadgesException
    from openbadgeslib.ob3 import ldp
    from openbadgeslib.ob3.contexts import document_loader

    # These two are not named in the library's public list, but they are its own verifier's first steps, and no public
    # call offers them for other documents than achievement credentials. tests/certificates/test_credentials.py would
    # notice if they ceased to refuse.
    try:
        ldp._screen_structure(dict(document), contexts=False)
        ldp._check_json_ld_form(dict(document), dict(proof), document_loader())
    except LibOpenBadgesException as reason:
        raise ProofFault("uncovered", str(reason)[:300]) from reason
