"""接口密钥: keys of the JSON door. A key is told once; kept are its prefix, by which it is found, and a hash."""

from __future__ import annotations

import hmac
import secrets
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import joinedload

from app.accounts.models import Organisation, Person
from app.audit.service import record
from app.core.clock import local_date
from app.core.crypto import token_hash
from app.core.errors import Invalid, NotFound, Refused, TooMany
from app.db import db, is_sqlite
from app.verification.deeds import Did
from app.verification.models import ApiKey, ApiUse

VERIFY, BATCH = "verify", "batch"
SCOPES: dict[str, Any] = {VERIFY: _l("Single checks"), BATCH: _l("Batch checks")}
QUOTA = 10_000
"""Rows a day a key is given; ``QUOTAS`` may be chosen when it is made."""
QUOTAS = (1_000, 5_000, 10_000)
MOST = 10
OVERLAPS = (0, 24, 168)
"""Hours for which a replaced key goes on working."""


class WrongKey(Refused):
    status = 401
    message = _l("This key is not known, has ended or was revoked.")


class OutOfScope(Refused):
    status = 403
    message = _l("This key does not include this door.")


class QuotaUsed(TooMany):
    message = _l("The quota of this key for today is used up. It begins anew at midnight, Beijing time.")


class TooManyKeys(Refused):
    message = _l("Ten keys are in force. Revoke one that is not needed any more.")


class NoScope(Invalid):
    message = _l("Choose at least one.")


def keys_of(organisation: Organisation) -> list[ApiKey]:
    """An employer's keys, the newest first."""
    return list(
        db.session.scalars(
            select(ApiKey).where(ApiKey.organisation_id == organisation.id).order_by(ApiKey.id.desc())
            .options(joinedload(ApiKey.uses))
        ).unique()
    )  # fmt: skip


def key_of(organisation: Organisation, key_id: int) -> ApiKey:
    found = db.session.get(ApiKey, key_id)
    if found is None or found.organisation_id != organisation.id:
        raise NotFound
    return found


def make(
    organisation: Organisation, *, name: str, scopes: list[str], quota: int, by: Person, now: datetime
) -> tuple[ApiKey, str]:
    """A key and its words, which are told once. Raises NoScope, TooManyKeys."""
    wanted = [one for one in SCOPES if one in scopes]
    if not wanted:
        raise NoScope("scopes")
    if sum(one.works_at(now) for one in keys_of(organisation)) >= MOST:
        raise TooManyKeys
    made, words = _new(organisation.id, name.strip(), wanted, quota, by=by, now=now)
    record(Did.MAKE_KEY, made, by=by, more={"name": made.name, "scopes": wanted, "quota": quota})
    return made, words


def _new(
    organisation_id: int, name: str, scopes: list[str], quota: int, *, by: Person, now: datetime
) -> tuple[ApiKey, str]:
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(24)
    made = ApiKey(
        organisation_id=organisation_id, name=name, prefix=prefix, secret_hash=token_hash(secret), scopes=scopes,
        quota=quota, created_by_id=by.id, created_at=now,
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # the log names it by its id
    return made, f"ttm_{prefix}_{secret}"


def rotate(key: ApiKey, *, overlap: int, by: Person, now: datetime) -> tuple[ApiKey, str]:
    """A fresh key in place of one; the old goes on working for ``overlap`` hours. Raises WrongKey when it has ended."""
    if not key.works_at(now):
        raise WrongKey
    made, words = _new(key.organisation_id, key.name, list(key.scopes), key.quota, by=by, now=now)
    key.expires_at = now + timedelta(hours=overlap)
    record(Did.ROTATE_KEY, made, by=by, more={"name": key.name, "replaces": key.prefix, "hours": overlap})
    return made, words


def revoke(key: ApiKey, *, by: Person, now: datetime) -> None:
    """The key works no more, at once."""
    if key.revoked_at is None:
        key.revoked_at = now
        record(Did.REVOKE_KEY, key, by=by, more={"name": key.name})


def revoke_all(organisation_id: int, *, by: Person, now: datetime) -> None:
    for one in db.session.scalars(select(ApiKey).where(ApiKey.organisation_id == organisation_id)):
        revoke(one, by=by, now=now)


# At the door


@cache
def _by_prefix() -> Select[Any]:
    k = ApiKey
    row: Any = select(k.id, k.organisation_id, k.secret_hash, k.scopes, k.quota, k.expires_at, k.revoked_at)
    return row.where(k.prefix == bindparam("prefix"))


def known(words: str, scope: str, now: datetime) -> Any:
    """The key somebody showed, as a row. Raises WrongKey, OutOfScope."""
    parts = words.strip().split("_", 2)
    prefix, secret = (parts[1][:16], parts[2]) if len(parts) == 3 and parts[0] == "ttm" else ("", "")
    row = db.session.execute(_by_prefix(), {"prefix": prefix}).one_or_none()
    right = hmac.compare_digest(row.secret_hash if row else token_hash(""), token_hash(secret[:100]))
    ended = row is not None and (row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now))
    if row is None or not right or ended:
        raise WrongKey
    if scope not in row.scopes:
        raise OutOfScope
    return row


def spend(key: Any, rows: int, *, now: datetime) -> int:
    """Count rows against the quota of the day; how many are left. One statement, right for any number of processes.
    Raises QuotaUsed, and counts nothing then."""
    today: date = local_date(now)
    if rows > key.quota:
        raise QuotaUsed
    if is_sqlite(db.session.get_bind()):  # type: ignore[arg-type]
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    line = insert(ApiUse).values(key_id=key.id, day=today, rows=rows, last_at=now)
    counted = line.on_conflict_do_update(
        index_elements=[ApiUse.key_id, ApiUse.day],
        set_={"rows": ApiUse.rows + rows, "last_at": now},
        where=ApiUse.rows + rows <= key.quota,
    ).returning(ApiUse.rows)
    used = db.session.execute(counted).scalar_one_or_none()
    if used is None:
        raise QuotaUsed
    return key.quota - used
