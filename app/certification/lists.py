"""状态列表: a place for every credential, its bits, and the signed lists that say them to everybody.

The transaction that changes a bit raises the list's version; the worker builds the list from the table, signs it and
stores the bytes; the web serves what is stored and needs no key. Revoked, cancelled and superseded set the revocation
bit, suspended the suspension bit.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import joinedload

from app.accounts.models import Region
from app.certification import keyring
from app.certification.models import Certificate, Edition
from app.certification.proof_models import KeyKind, Purpose, SignedList, StatusEntry, StatusList
from app.certification.states import Standing
from app.core import clock
from app.core.crypto import settings
from app.core.errors import Refused
from app.db import db, is_sqlite, unit_of_work
from certificates.status_list import MINIMUM, draw_index, suspension_url

log = logging.getLogger(__name__)
SIZE = MINIMUM
HOLDS_FOR = timedelta(days=7)
"""How long a signed list is good: whoever has kept a copy may go on that long."""
AHEAD = timedelta(days=4)
"""A list is signed again this long before it ends, so that a fault of days does no harm."""
TTL = timedelta(minutes=5)
"""How long a reader may keep a list before asking again."""
AGAIN = timedelta(seconds=30)
LATE = timedelta(minutes=10)
"""A change that is not in the signed list after this long is an alarm."""


# Bits: inside the transaction of what they tell of


def allot(region: Region | None, *, now: datetime) -> StatusEntry:
    """A place at random in the open list of an authority; a new list opens when one is half full.

    The list's row stays locked until the transaction ends, so that two at once never draw the same place.
    """
    authority = keyring.authority_of(region)
    kept = _open_list(authority, now)
    made = StatusEntry(list=kept, position=draw_index(_Taken(kept.id), kept.size))
    kept.used += 1
    db.session.add(made)
    return made


class _Taken:
    """Asks the table whether a place is taken, instead of loading a hundred thousand of them."""

    def __init__(self, list_id: int) -> None:
        self.list_id = list_id

    def __contains__(self, position: object) -> bool:
        wanted = select(StatusEntry.id).where(StatusEntry.list_id == self.list_id, StatusEntry.position == position)
        with db.session.no_autoflush:
            return db.session.scalar(wanted) is not None


def _open_list(authority: str, now: datetime) -> StatusList:
    newest = _newest(authority)
    if newest is None or newest.used * 2 >= newest.size:
        _open(authority, newest.no + 1 if newest else 1, now)
        newest = _newest(authority)
        assert newest is not None
    return newest


def _newest(authority: str) -> StatusList | None:
    """The list that was opened last, locked."""
    return db.session.scalar(
        select(StatusList)
        .where(StatusList.authority == authority)
        .order_by(StatusList.no.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _open(authority: str, no: int, now: datetime) -> None:
    """Open a list; where another transaction opens the same one, wait for it and take its."""
    engine = sqlite if is_sqlite(db.session.connection()) else postgresql
    told = {
        "authority": authority,
        "no": no,
        "url": f"{settings().PUBLIC_URL}/status/{authority}/{Purpose.REVOCATION.value}/{no}",
        "size": SIZE,
        "used": 0,
        "version": 1,
        "changed_at": now,
        "opened_at": now,
    }
    db.session.execute(engine.insert(StatusList).values(told).on_conflict_do_nothing())
    wanted = select(StatusList.id).where(StatusList.authority == authority, StatusList.no == no)
    list_id = db.session.scalars(wanted).one()
    for purpose in Purpose:
        row = {"list_id": list_id, "purpose": purpose, "version": 0, "body": "", "etag": "", "problem": ""}
        db.session.execute(engine.insert(SignedList).values(row).on_conflict_do_nothing())


def set_bits(entry: StatusEntry, *, revoked: bool, suspended: bool) -> bool:
    """Say what holds of one credential; whether that is a change. The list becomes stale with it."""
    if (entry.revoked, entry.suspended) == (revoked, suspended):
        return False
    entry.revoked, entry.suspended = revoked, suspended
    changed = {"version": StatusList.version + 1, "changed_at": clock.now()}
    db.session.execute(update(StatusList).where(StatusList.id == entry.list_id).values(changed))
    return True


def supersede(certificate: Certificate) -> None:
    """A new edition is about to be stored: set the revocation bit of every earlier one.

    Before the new one takes its place: lists are locked in the order in which they were opened.
    """
    for edition in certificate.editions:
        if edition.status_entry is not None:
            set_bits(edition.status_entry, revoked=True, suspended=edition.status_entry.suspended)


def touched(certificate: Certificate) -> None:
    """Bring the bits of every edition up to what holds now: call in the transaction that changed the standing or added
    an edition. The signed lists follow within seconds."""
    if certificate.id is None:
        return
    db.session.flush()  # the newest edition is looked for below
    rows = list(
        db.session.scalars(
            select(Edition).where(Edition.certificate_id == certificate.id).order_by(Edition.no)
            .options(joinedload(Edition.status_entry))
        )
    )  # fmt: skip
    gone = certificate.standing in (Standing.REVOKED, Standing.CANCELLED)
    for edition in rows:
        if edition.status_entry is not None:
            set_bits(
                edition.status_entry,
                revoked=gone or edition is not rows[-1],
                suspended=certificate.standing is Standing.SUSPENDED,
            )


# Signing: the worker


@dataclass(frozen=True)
class _Work:
    """One list to be built, read in one moment."""

    signed_id: int
    purpose: Purpose
    authority: str
    url: str
    size: int
    version: int
    positions: tuple[int, ...]


def due(now: datetime) -> list[int]:
    """Signed lists that are stale or end soon; one that failed is tried again half a minute later."""
    asked = (
        select(SignedList.id)
        .join(StatusList)
        .where(
            or_(
                SignedList.version != StatusList.version,
                SignedList.valid_until.is_(None),
                SignedList.valid_until < now + AHEAD,
                SignedList.signed_at > now + timedelta(minutes=5),  # the demonstration's clock was set back
            ),
            or_(SignedList.tried_at.is_(None), SignedList.tried_at < now - AGAIN, SignedList.tried_at > now),
        )
        .order_by(SignedList.id)
    )
    return list(db.session.scalars(asked))


def sign_due(now: datetime) -> int:
    """Build, sign and store every list that is due, each by itself; how many were signed. A failure is kept with its
    list, told by the alarms, and does not stop the others."""
    done = 0
    for signed_id in due(now):
        try:
            sign(signed_id, now=now)
            done += 1
        except Exception as error:
            log.warning("status list %s not signed", signed_id, exc_info=not isinstance(error, Refused))
            _failed(signed_id, error, now)
    return done


def sign(signed_id: int, *, now: datetime) -> None:
    """Sign one list anew. Building and signing hold no lock: an older build never replaces a newer one."""
    with unit_of_work():
        work = _read(signed_id)
        key_row = keyring.signing_row(work.authority, KeyKind.CREDENTIAL, now)
    body, until = build(work, keyring.open_credential_key(key_row), now)
    with unit_of_work():
        row = db.session.get_one(SignedList, signed_id, with_for_update=True, populate_existing=True)
        row.failed_at, row.tried_at, row.problem, row.warned_at = None, None, "", None
        if row.version > work.version:
            return
        row.body, row.etag = body, hashlib.sha256(body.encode()).hexdigest()
        row.version, row.signed_at, row.valid_until = work.version, now, until


def _read(signed_id: int) -> _Work:
    row = db.session.get_one(SignedList, signed_id, populate_existing=True)
    kept = db.session.get_one(StatusList, row.list_id, populate_existing=True)
    bit = StatusEntry.revoked if row.purpose is Purpose.REVOCATION else StatusEntry.suspended
    positions = db.session.scalars(select(StatusEntry.position).where(StatusEntry.list_id == kept.id, bit))
    url = kept.url if row.purpose is Purpose.REVOCATION else suspension_url(kept.url)
    assert url is not None
    # The version was read before the bits: a change in between makes the list stale again, never fresh by mistake.
    return _Work(row.id, row.purpose, kept.authority, url, kept.size, kept.version, tuple(positions))


def build(work: _Work, key: object, now: datetime) -> tuple[str, datetime]:
    """The signed list as text, judged by our own verifier before it is given out, and until when it holds."""
    from certificates import proofs, status_list

    moment = now.replace(microsecond=0)
    document = status_list.status_list(
        key.did, work.url, work.purpose.value, work.positions, now=moment, holds_for=HOLDS_FOR, ttl=TTL, size=work.size,  # type: ignore[attr-defined]
    )  # fmt: skip
    signed = proofs.secure(document, key, moment)  # type: ignore[arg-type]
    return proofs.as_bytes(signed).decode(), moment + HOLDS_FOR


def _failed(signed_id: int, error: Exception, now: datetime) -> None:
    db.session.rollback()
    with unit_of_work():
        row = db.session.get_one(SignedList, signed_id, with_for_update=True, populate_existing=True)
        row.failed_at, row.tried_at = row.failed_at or now, now
        row.problem = (error.text if isinstance(error, Refused) else f"{type(error).__name__}: {error}")[:400]


# What everybody may read


def signed_list(authority: str, purpose: str, no: int) -> SignedList | None:
    """One list as it is served; None when there is none. Its ``body`` is empty until it was signed the first time."""
    if purpose not in {str(one.value) for one in Purpose}:
        return None
    return db.session.scalar(
        select(SignedList)
        .join(StatusList)
        .where(StatusList.authority == authority, StatusList.no == no, SignedList.purpose == Purpose(purpose))
    )


def all_signed() -> list[SignedList]:
    """Every list that was signed, with where it belongs."""
    return list(
        db.session.scalars(
            select(SignedList)
            .join(StatusList)
            .where(SignedList.version > 0)
            .options(joinedload(SignedList.list))
            .order_by(StatusList.authority, StatusList.no, SignedList.purpose)
        )
    )


def documents(certificates: Iterable[Certificate] | None = None) -> list[bytes]:
    """The bytes of every signed list, for the verifier; with certificates, only of the lists these stand in."""
    if certificates is None:
        return [row.body.encode() for row in all_signed()]
    ids = [one.id for one in certificates]
    asked = (
        select(SignedList.body)
        .where(
            SignedList.version > 0,
            SignedList.list_id.in_(
                select(StatusEntry.list_id).join(Edition, Edition.status_entry_id == StatusEntry.id)
                .where(Edition.certificate_id.in_(ids))
            ),
        )
    )  # fmt: skip
    return [body.encode() for body in db.session.scalars(asked)]


def late(now: datetime) -> list[SignedList]:
    """Lists that should have been signed and were not: an alarm."""
    stale = select(SignedList).join(StatusList).options(joinedload(SignedList.list))
    rows = db.session.scalars(
        stale.where(
            or_(
                SignedList.failed_at < now - LATE,
                SignedList.valid_until < now + AHEAD - timedelta(days=1),
                and_(SignedList.version != StatusList.version, StatusList.changed_at < now - LATE),
            )
        ).order_by(SignedList.id)
    )
    return list(rows)


def is_fresh(row: SignedList, now: datetime | None = None) -> bool:
    """May a reader still rely on it?"""
    return row.version > 0 and row.valid_until is not None and (now or clock.now()) < row.valid_until
