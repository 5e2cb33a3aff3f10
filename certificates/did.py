"""did:web names of authorities, and the documents that publish their keys.

``did:web:host`` lives at ``https://host/.well-known/did.json``, ``did:web:host:authority:120116`` at
``https://host/authority/120116/did.json`` (did:web method, W3C CCG). Keys are ``Multikey`` entries with absolute ids;
``assertionMethod`` lists them as strings. A key that no longer signs stays listed, so that what it signed still proves
itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

CONTEXTS = ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"]


class DidError(ValueError):
    """No did:web can be made of, or read from, this."""


@dataclass(frozen=True)
class PublishedKey:
    """One public key: ``fragment`` such as ``key-2026-1``, ``multibase`` such as ``z6Mk…`` (Ed25519)."""

    fragment: str
    multibase: str


def did_web(public_url: str, code: str | None = None) -> str:
    """The did of the site at ``public_url``, or of its authority ``code``. A port is kept, percent-encoded.

    ``http`` addresses have a did as well, for demonstration alone: nobody outside can resolve it.
    """
    parts = urlsplit(public_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DidError(f"not an address of a site: {public_url!r}")
    host = parts.hostname + (f"%3A{parts.port}" if parts.port else "")
    path = [quote(step, safe="") for step in parts.path.split("/") if step]
    if code is not None:
        if not code or quote(code, safe="") != code:
            raise DidError(f"not a code: {code!r}")
        path += ["authority", code]
    return ":".join(["did:web", host, *path])


def address_of(did: str) -> str:
    """Where the document of a did:web is published."""
    if not did.startswith("did:web:") or "#" in did or "/" in did:
        raise DidError(f"not a did:web: {did!r}")
    host, *path = (unquote(step) for step in did.removeprefix("did:web:").split(":"))
    if not host or not all(path):
        raise DidError(f"not a did:web: {did!r}")
    return f"https://{host}/{'/'.join(path)}/did.json" if path else f"https://{host}/.well-known/did.json"


def did_document(did: str, keys: Iterable[PublishedKey]) -> dict[str, Any]:
    """The document that publishes ``keys`` under ``did``, the current one first. Raises ``DidError`` without a key."""
    methods = [
        {"id": f"{did}#{key.fragment}", "type": "Multikey", "controller": did, "publicKeyMultibase": key.multibase}
        for key in keys
    ]
    if not methods or len({method["id"] for method in methods}) != len(methods):
        raise DidError("a did document needs keys, each with a name of its own")
    return {
        "@context": CONTEXTS,
        "id": did,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }


def key_in(document: Mapping[str, Any], method: str) -> str | None:
    """The multibase key that ``method`` names, if the document lets it make assertions; else ``None``."""
    if method not in document.get("assertionMethod", []):
        return None
    for entry in document.get("verificationMethod", []):
        if not isinstance(entry, Mapping) or entry.get("id") != method or entry.get("type") != "Multikey":
            continue
        if entry.get("controller") == document.get("id"):
            return str(entry.get("publicKeyMultibase"))
    return None
