"""Recording deeds, sealing them, and proving that the log was not touched.

A feature names its deeds in ``deeds.py``: ``class Did(StrEnum)`` with values ``feature.deed`` and calls
``name_deeds({Did.X: _l("…")})`` so that a reader sees words.

The chain: each entry has a leaf hash over its own fields and over the hash of its salted details. A worker seals
unsealed entries in batches: seal = SHA-256(previous seal, leaves in order). The newest seal is signed daily with a key
derived from SECRET_KEY and written outside the database (``instance/audit/heads.log``), so that removing, changing or
cutting off rows shows. The details can be erased for a person's deletion request; the chain stays whole.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import g, has_request_context
from sqlalchemy import func, select

from app.audit.models import AuditDetails, AuditEntry, AuditSeal, AuditSealed
from app.core import clock
from app.core.crypto import settings
from app.db import Model, db, one_state

FIRST = "0" * 64
DEED_NAMES: dict[str, Any] = {}


def name_deeds(names: Mapping[Any, Any]) -> None:
    """Announce deeds and their words; called by a feature's ``deeds.py`` at import."""
    DEED_NAMES.update({str(deed): words for deed, words in names.items()})


def record(
    deed: Any,
    about: Model,
    *,
    by: Any,
    reason: str | None = None,
    changed: Mapping[str, tuple[Any, Any]] | None = None,
    more: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Add a line to the log, inside the caller's unit of work.

    ``by``: the Person who acts, or None for the clock. ``changed``: field → (before, after). No secrets, no ID numbers.
    """
    if about.id is None:  # type: ignore[attr-defined]
        db.session.flush()  # the line names the row by its id
    line, details = columns_of(
        deed, about.__tablename__, about.id, by=by.id if by is not None else None, reason=reason, changed=changed, more=more  # type: ignore[attr-defined]
    )  # fmt: skip
    entry = AuditEntry(**line, details=AuditDetails(**details))
    db.session.add(entry)
    return entry


def columns_of(
    deed: Any,
    about: str,
    about_id: int,
    *,
    by: int | None,
    reason: str | None = None,
    changed: Mapping[str, tuple[Any, Any]] | None = None,
    more: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of a line and of its details, for a statement that writes them together with what they tell of."""
    payload = {
        "reason": reason or "",
        "changed": {k: [_plain(a), _plain(b)] for k, (a, b) in (changed or {}).items()},
        "more": {k: _plain(v) for k, v in (more or {}).items()},
        "address": g.get("address_hash", "") if has_request_context() else "",
    }
    salt = secrets.token_hex(16)
    at, hashed = clock.now(), _details_hash(salt, payload)
    leaf = _leaf_of(at, by, str(deed), about, about_id, hashed)
    line = {
        "at": at, "person_id": by, "deed": str(deed), "about": about, "about_id": about_id, "details_hash": hashed, "leaf": leaf,
    }  # fmt: skip
    return line, {"salt": salt, "payload": payload}


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float | type(None)):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in value]
    return str(value)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _details_hash(salt: str, payload: Any) -> str:
    return hashlib.sha256(salt.encode() + _canonical(payload)).hexdigest()


def _leaf(entry: AuditEntry) -> str:
    return _leaf_of(entry.at, entry.person_id, entry.deed, entry.about, entry.about_id, entry.details_hash)


def _leaf_of(at: datetime, *fields: Any) -> str:
    local = at.astimezone(clock.LOCAL).isoformat(timespec="microseconds")
    return hashlib.sha256(_canonical([local, *fields])).hexdigest()


def seal(*, limit: int = 5000) -> AuditSeal | None:
    """Seal what is not sealed yet; None when there is nothing. Call inside a unit of work, from one worker at a time
    (a second one fails on the unique ``previous`` and simply tries again later)."""
    waiting = list(
        db.session.scalars(
            select(AuditEntry)
            .where(~select(AuditSealed).where(AuditSealed.entry_id == AuditEntry.id).exists())
            .order_by(AuditEntry.id)
            .limit(limit)
        )
    )
    if not waiting:
        return None
    last = db.session.scalar(select(AuditSeal).order_by(AuditSeal.id.desc()).limit(1))
    previous = last.hash if last else FIRST
    made = AuditSeal(at=clock.now(), count=len(waiting), previous=previous, hash=_seal_hash(previous, waiting))
    db.session.add(made)
    db.session.flush()  # its id is the key of the rows below
    db.session.add_all(AuditSealed(entry_id=entry.id, seal_id=made.id, position=i) for i, entry in enumerate(waiting))
    return made


def _seal_hash(previous: str, entries: list[AuditEntry]) -> str:
    digest = hashlib.sha256(previous.encode())
    for entry in entries:
        digest.update(entry.leaf.encode())
    return digest.hexdigest()


def heads_file() -> Path:
    return settings().INSTANCE / "audit" / "heads.log"


def _signature(line: str) -> str:
    key = hashlib.sha256(b"audit head" + settings().SECRET_KEY.encode()).digest()
    return hmac.new(key, line.encode(), hashlib.sha256).hexdigest()


def write_head(now: datetime) -> str | None:
    """Sign the newest seal and append it to the file outside the database; None when nothing is sealed yet."""
    last = db.session.scalar(select(AuditSeal).order_by(AuditSeal.id.desc()).limit(1))
    if last is None:
        return None
    total = db.session.scalar(select(func.sum(AuditSeal.count)))
    line = f"{now.isoformat(timespec='seconds')} {last.id} {last.hash} {total}"
    path = heads_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(f"{line} {_signature(line)}\n")
    return line


@dataclass
class Verdict:
    """What ``verify`` found: counts, and every fault in words. ``holds`` is True when there is none."""

    entries: int = 0
    seals: int = 0
    erased: int = 0
    unsealed: int = 0
    heads: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.faults


def verify() -> Verdict:
    """Recompute every hash of the log, the chain of seals, and the signed heads outside the database."""
    with one_state():
        return _verdict()


def _verdict() -> Verdict:
    verdict = Verdict()
    for entry, details in db.session.execute(
        select(AuditEntry, AuditDetails)
        .outerjoin(AuditDetails)
        .order_by(AuditEntry.id)
        .execution_options(yield_per=500)
    ):
        verdict.entries += 1
        if entry.leaf != _leaf(entry):
            verdict.faults.append(f"entry {entry.id} was changed")
        if details is None:
            verdict.erased += 1
        elif entry.details_hash != _details_hash(details.salt, details.payload):
            verdict.faults.append(f"details of entry {entry.id} were changed")
    seals = list(db.session.scalars(select(AuditSeal).order_by(AuditSeal.id)))
    previous, totals, running = FIRST, {}, 0
    for one in seals:
        leaves = list(
            db.session.scalars(
                select(AuditEntry).join(AuditSealed).where(AuditSealed.seal_id == one.id).order_by(AuditSealed.position)
            )
        )
        verdict.seals += 1
        if one.previous != previous:
            verdict.faults.append(f"seal {one.id} does not follow the seal before it")
        if len(leaves) != one.count:
            verdict.faults.append(f"seal {one.id} covers {one.count} entries, {len(leaves)} are left")
        elif _seal_hash(one.previous, leaves) != one.hash:
            verdict.faults.append(f"seal {one.id} does not fit its entries")
        previous = one.hash
        running += one.count
        totals[one.id] = (one.hash, running)
    verdict.unsealed = verdict.entries - running
    path = heads_file()
    for number, raw in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        line, _, signature = raw.rpartition(" ")
        parts = line.split(" ")
        verdict.heads += 1
        if len(parts) != 4 or not hmac.compare_digest(_signature(line), signature):
            verdict.faults.append(f"line {number} of the signed heads was changed")
        elif totals.get(int(parts[1])) != (parts[2], int(parts[3])):
            verdict.faults.append(f"the log no longer holds what was signed on {parts[0]} (seal {parts[1]})")
    return verdict
