"""What a verifier believes beforehand: did documents of authorities, and X.509 roots of signatures on PDF files.

Kept in one JSON file, ``{"did": [document, …], "x509": ["-----BEGIN CERTIFICATE-----…", …]}``, that
``flask keys show --trust`` writes and ``python -m certificates verify --trust`` reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from certificates.did import key_in


class TrustUnreadable(ValueError):
    """The file is no list of trusted keys."""


@dataclass(frozen=True)
class Trust:
    """Did documents by did, and root certificates as PEM."""

    documents: Mapping[str, Mapping[str, Any]]
    roots: tuple[str, ...] = ()

    def knows(self, did: str) -> bool:
        return did in self.documents

    def key(self, did: str, method: str) -> str | None:
        """The multibase key behind ``method`` of ``did``; ``None`` when the did does not list it."""
        document = self.documents.get(did)
        return key_in(document, method) if document is not None and method.startswith(f"{did}#") else None

    def as_json(self) -> str:
        return json.dumps(
            {"did": list(self.documents.values()), "x509": list(self.roots)}, ensure_ascii=False, indent=1
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Trust:
        """Read what ``as_json`` wrote. Raises ``TrustUnreadable``."""
        try:
            data = json.loads(text)
            documents = {str(document["id"]): document for document in data.get("did", [])}
            roots = tuple(str(root) for root in data.get("x509", []))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as reason:
            raise TrustUnreadable("not a list of trusted keys") from reason
        return cls(documents, roots)


NOBODY = Trust({})
