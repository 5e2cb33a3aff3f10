"""签发密钥: what the office sees of keys and status lists. There is no private action here: keys are made by command."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Response, render_template
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from app.accounts.guard import current_person, requires
from app.accounts.models import Person, Region
from app.accounts.scope import within
from app.certification import keyring, lists
from app.certification.documents import for_machines
from app.certification.door import bp
from app.certification.models import Edition
from app.certification.proof_models import IssuerKey, KeyKind, SignedList, StatusList
from app.core import clock
from app.core.crypto import settings
from app.core.nav import place
from app.core.permissions import Can
from app.core.text import chinese
from app.db import db
from certificates import did

place("certification.keys", _l("Signing keys"), "certification", can=Can.READ_CERTIFICATE, order=60)
KIND_LABELS = {KeyKind.CREDENTIAL: _l("Credentials and status lists"), KeyKind.DOCUMENT: _l("PDF files")}


@dataclass
class Authority:
    """One authority with its keys, the ones in use first, and its lists."""

    code: str
    region: Region | None
    did: str
    address: str
    keys: list[IssuerKey] = field(default_factory=list)
    lists: list[StatusList] = field(default_factory=list)

    @property
    def lacks(self) -> bool:
        return {row.kind for row in self.keys if row.retired_at is None} != set(KeyKind)


def overview(person: Person) -> list[Authority]:
    """The site and the authorities of the regions an officer reaches."""
    within_reach = within(person, Can.READ_CERTIFICATE, region=Region.id) | within(
        person, Can.MANAGE_PLACES, region=Region.id
    )
    places = list(db.session.scalars(select(Region).where(Region.ours, within_reach).order_by(Region.code)))
    found = [_authority(keyring.SITE, None), *(_authority(one.code, one) for one in places)]
    by_code = {one.code: one for one in found}
    for key in keyring.keys_of():
        if key.authority in by_code:
            by_code[key.authority].keys.append(key)
            by_code[key.authority].did, by_code[key.authority].address = key.did, did.address_of(key.did)
    for kept in db.session.scalars(
        select(StatusList).options(selectinload(StatusList.signed)).order_by(StatusList.authority, StatusList.no)
    ):
        if kept.authority in by_code:
            by_code[kept.authority].lists.append(kept)
    return found


def _authority(code: str, region: Region | None) -> Authority:
    named = keyring.did_for(code)
    return Authority(code, region, named, did.address_of(named))


def signed_with() -> dict[int, int]:
    """How many credentials or PDF files each key has signed."""
    counts: dict[int, int] = {}
    for column in (Edition.credential_key_id, Edition.document_key_id):
        rows = db.session.execute(select(column, func.count()).where(column.is_not(None)).group_by(column))
        counts.update({key: count for key, count in rows if key is not None})
    return counts


def state_of(row: SignedList, kept: StatusList, now: datetime) -> tuple[str, Any]:
    """Tone and words of one signed list."""
    if row.problem:
        return "stopped", _l("Signing fails: %(why)s", why=row.problem)
    if not row.version:
        return "soon", _l("Being signed for the first time")
    if row.version != kept.version:
        return "soon", _l("Changed; being signed")
    return ("valid", _l("Up to date")) if lists.is_fresh(row, now) else ("stopped", _l("Past its end"))


@bp.get("/office/keys")
@requires(Can.READ_CERTIFICATE, Can.MANAGE_PLACES)
def keys() -> Any:
    now = clock.now()
    found = overview(current_person())
    return render_template(
        "certification/keys.html", authorities=found, counts=signed_with(), kinds=KIND_LABELS, now_at=now,
        ends_soon=lambda row: keyring.ends_soon(row, now), state_of=lambda row, kept: state_of(row, kept, now),
        authority_words=lambda region: region.authority_zh if chinese() or not region.authority_en else region.authority_en,
        secure=settings().PUBLIC_URL.startswith("https://"),
    )  # fmt: skip


@bp.get("/office/keys/trust.json")
@requires(Can.READ_CERTIFICATE, Can.MANAGE_PLACES)
def trust_file() -> Response:
    """The public keys and roots as the offline verifier reads them (--trust)."""
    answer = for_machines(keyring.trust().as_json().encode(), "application/json", cache="private, no-store")
    answer.headers["Content-Disposition"] = 'attachment; filename="keys.json"'
    return answer
