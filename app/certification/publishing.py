"""The static face: did documents and signed status lists as files that any web server or CDN can hand out.

Paths are those of the addresses in credentials. Everything is written beside and renamed, only when it changed, with a
compressed copy; ``_headers`` says how long what may be kept, ``manifest.json`` names every file with its SHA-256.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.certification import keyring, lists
from app.certification.proof_models import KeyKind
from app.core.crypto import settings

DID_JSON, LIST_TYPE = "application/did+json", "application/vc"
SHORT = "public, max-age=300, stale-if-error=86400"
FOREVER = "public, max-age=31536000, immutable"
EVERY = 60.0
"""Seconds after which the worker looks at the folder without being told of a change."""
_looked: dict[str, float] = {}


@dataclass(frozen=True)
class Page:
    """One file as it is served."""

    data: bytes
    kind: str
    cache: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def did_json(authority: str) -> bytes | None:
    """The did document of an authority as it is served; None without keys."""
    made = keyring.document_of(authority)
    return json.dumps(made, ensure_ascii=False, indent=1).encode() if made else None


def pages() -> dict[str, Page]:
    """Everything that is published, by its path. An empty site has only its list of trusted keys."""
    made: dict[str, Page] = {}
    for authority in dict.fromkeys(row.authority for row in keyring.keys_of() if row.kind is KeyKind.CREDENTIAL):
        path = ".well-known/did.json" if authority == keyring.SITE else f"authority/{authority}/did.json"
        made[path] = Page(did_json(authority) or b"", DID_JSON, SHORT)
    for row in lists.all_signed():
        path = f"status/{row.list.authority}/{row.purpose.value}/{row.list.no}"
        made[path] = Page(row.body.encode(), LIST_TYPE, SHORT)
    trust = Page(keyring.trust().as_json().encode(), "application/json", SHORT)
    made["trust.json"] = trust
    made[f"trust/{trust.sha256[:16]}.json"] = Page(trust.data, trust.kind, FOREVER)
    return made


def publish(folder: Path) -> list[str]:
    """Write what changed into the folder; the paths that were written. Raises OSError."""
    told = pages()
    written = [path for path, page in told.items() if _write(folder / path, page.data)]
    if written or not (folder / "manifest.json").exists():
        _write(folder / "_headers", _headers(told))
        _write(folder / "manifest.json", _manifest(told))
    return written


def refresh(now: datetime, *, changed: bool = False) -> list[str]:
    """Keep the folder that is set (PUBLISH_DIR) up to date; nothing where none is set."""
    folder = settings().PUBLISH_DIR
    if folder is None or (not changed and time.monotonic() - _looked.get(str(folder), -EVERY) < EVERY):
        return []
    _looked[str(folder)] = time.monotonic()
    return publish(folder)


def _write(path: Path, data: bytes) -> bool:
    """Put bytes and their compressed copy in place of what is there; False when it is the same already."""
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, content in ((path.with_name(path.name + ".gz"), gzip.compress(data, mtime=0)), (path, data)):
        fresh = target.with_name(f".{target.name}.{os.getpid()}")
        fresh.write_bytes(content)
        fresh.chmod(0o644)
        fresh.replace(target)
    return True


def _headers(told: dict[str, Page]) -> bytes:
    """The file that static hosts read: type, time to keep, ETag and leave to be read by other sites, for each path."""
    lines = []
    for path, page in told.items():
        lines += [
            f"/{path}",
            f"  Content-Type: {page.kind}",
            f"  Cache-Control: {page.cache}",
            f'  ETag: "{page.sha256}"',
            "  Access-Control-Allow-Origin: *",
        ]
    return "\n".join([*lines, ""]).encode()


def _manifest(told: dict[str, Page]) -> bytes:
    rows = {path: {"sha256": page.sha256, "bytes": len(page.data), "type": page.kind} for path, page in told.items()}
    return json.dumps(rows, indent=1).encode()
