"""“My data”: everything held about a person as one ZIP, and the wish to be erased."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select

from app.accounts import sessions
from app.accounts.consents import consents_of
from app.accounts.deeds import Did
from app.accounts.identity import drop_photo, id_number_of, phone_of, photo_of
from app.accounts.letters import ERASURE_ASKED, ERASURE_REFUSED
from app.accounts.models import ErasureRequest, OneTimeLink, Person, PersonState, RoleHeld, SignIn
from app.accounts.scope import must_reach, within
from app.audit.models import AuditDetails, AuditEntry
from app.audit.service import record
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.personal import ERASERS, HOLDERS, holds
from app.db import Model, db
from app.files.models import StoredFile
from app.files.service import read_file
from app.notices.models import Notice
from app.notices.service import body_of, post, subject_of

ERASED_NAME = "—"


class AskedAlready(Refused):
    message = _l("Your request is with the office already.")


class StillHoldsRoles(Refused):
    message = _l("This person still holds a role. End the roles first.")


class OwnErasure(Refused):
    status = 403
    message = _l("Nobody settles their own request.")


def export(person: Person, *, now: datetime) -> bytes:
    """A ZIP: one JSON file per feature, the files beside it, and everything the person handed in."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _readme(now))
        used: set[str] = set()
        for name, tell in sorted(HOLDERS.items()):
            value, files = tell(person)
            archive.writestr(f"{name}.json", json.dumps(plain(value), ensure_ascii=False, indent=2))
            for file_name, data in files.items():
                archive.writestr(_fresh(f"{name}/{file_name}", used), data)
        for stored in db.session.scalars(select(StoredFile).where(StoredFile.owner_id == person.id)):
            try:
                archive.writestr(_fresh(f"files/{stored.name}", used), read_file(stored))
            except FileNotFoundError:
                continue  # the row outlived its bytes; the list in accounts.json still names it
    return out.getvalue()


def _readme(now: datetime) -> str:
    return (
        "本压缩包包含平台保存的关于您的全部数据：每个 .json 文件为一个功能的数据，旁边的文件夹为相应文件。\n"
        "All data this platform holds about you: one .json file per feature, its files in the folder beside it.\n"
        f"{now.isoformat(timespec='seconds')}\n"
    )


def _fresh(name: str, used: set[str]) -> str:
    """A name not used in the archive yet."""
    stem, dot, ending = name.rpartition(".")
    made, count = name, 2
    while made in used:
        made, count = (f"{stem}-{count}{dot}{ending}" if dot else f"{name}-{count}"), count + 1
    used.add(made)
    return made


def plain(value: Any) -> Any:
    """Any value of ours as JSON."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str | int | float | bool | type(None)):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    return str(value)


def columns_of(row: Any, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The columns of a row as a mapping; handy for features that announce what they hold."""
    return {c.key: getattr(row, c.key) for c in row.__mapper__.column_attrs if c.key not in without}


@holds("accounts")
def _accounts(person: Person) -> tuple[Any, dict[str, bytes]]:
    secret = (
        "password_hash",
        "totp_sealed",
        "totp_last_step",
        "id_sealed",
        "id_lookup",
        "phone_sealed",
        "phone_lookup",
    )
    photo = photo_of(person)
    value = {
        "profile": columns_of(person, without=secret),
        "id_number": id_number_of(person),
        "phone": phone_of(person),
        "region": person.region.name_zh if person.region else None,
        "employer": person.organisation.name_zh if person.organisation else None,
        "roles": [columns_of(r) for r in db.session.scalars(select(RoleHeld).where(RoleHeld.person_id == person.id))],
        "consents": [columns_of(c) for c in consents_of(person)],
        "sessions": [
            columns_of(s, without=("token_hash",))
            for s in db.session.scalars(select(SignIn).where(SignIn.person_id == person.id).order_by(SignIn.id))
        ],
        "erasure_requests": [columns_of(e) for e in requests_of(person)],
        "files": [
            columns_of(f, without=("key",))
            for f in db.session.scalars(select(StoredFile).where(StoredFile.owner_id == person.id))
        ],
    }
    return value, {"photo.jpg": read_file(photo)} if photo else {}


@holds("notices")
def _notices(person: Person) -> tuple[Any, dict[str, bytes]]:
    rows = db.session.scalars(select(Notice).where(Notice.person_id == person.id).order_by(Notice.id))
    return [
        {"at": n.created_at, "subject": subject_of(n), "body": body_of(n), "read_at": n.read_at, "sent_at": n.sent_at}
        for n in rows
    ], {}


@holds("audit")
def _audit(person: Person) -> tuple[Any, dict[str, bytes]]:
    rows = db.session.scalars(select(AuditEntry).where(AuditEntry.person_id == person.id).order_by(AuditEntry.id))
    return [{"at": e.at, "deed": e.deed, "about": e.about, "about_id": e.about_id} for e in rows], {}


OWNERS = ("person_id", "trainee_id", "holder_id", "candidate_id")
TOLD_ELSEWHERE = {
    "audit_entry", "consent", "erasure_request", "notice", "one_time_link", "person_photo", "role_held", "sign_in",
    "stored_file",
}  # fmt: skip
SECRET_PARTS = ("token", "hash", "sealed", "lookup", "seed", "device", "name_key")
UNTIL_RELEASED = ("score", "maximum", "passed", "entries")
"""What an exam keeps back until its results are released to everybody."""


@holds("records")
def _records(person: Person) -> tuple[Any, dict[str, bytes]]:
    """Every row of every feature that belongs to the person, so that the export is whole even where a feature tells
    nothing of its own. Secrets, and results not released yet, are left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table in Model.metadata.sorted_tables:
        if table.name in TOLD_ELSEWHERE:
            continue
        owner = next((table.c[n] for n in OWNERS if n in table.c and _points_to_a_person(table.c[n])), None)
        if owner is None:
            continue
        kept = [c for c in table.columns if not any(part in c.name for part in SECRET_PARTS)]
        rows = db.session.execute(select(*kept).where(owner == person.id).order_by(*table.primary_key))
        told = [dict(row._mapping) for row in rows]
        for row in told:
            if "released_at" in row and row["released_at"] is None:
                for name in UNTIL_RELEASED:
                    row.pop(name, None)
        if told:
            found[table.name] = told
    return found, {}


def _points_to_a_person(column: Any) -> bool:
    return any(key.column.table.name == "person" for key in column.foreign_keys)


def note_export(person: Person) -> None:
    record(Did.EXPORT_DATA, person, by=person)


# Erasure


def requests_of(person: Person) -> list[ErasureRequest]:
    asked = select(ErasureRequest).where(ErasureRequest.person_id == person.id)
    return list(db.session.scalars(asked.order_by(ErasureRequest.asked_at.desc(), ErasureRequest.id.desc())))


def waiting_request_of(person: Person) -> ErasureRequest | None:
    return next((r for r in requests_of(person) if r.settled_at is None), None)


def ask_erasure(person: Person, *, officers: list[Person], now: datetime) -> ErasureRequest:
    """Put the wish before the office. Raises AskedAlready."""
    if waiting_request_of(person) is not None:
        raise AskedAlready
    made = ErasureRequest(person_id=person.id, asked_at=now)
    db.session.add(made)
    record(Did.ASK_ERASURE, person, by=person)
    for officer in officers:
        post(ERASURE_ASKED, to=officer, link="/people/erasures", now=now, name=person.name)
    return made


def waiting_for(officer: Person) -> Any:
    """Select of requests an officer settles, oldest first."""
    return (
        select(ErasureRequest)
        .join(Person, Person.id == ErasureRequest.person_id)
        .where(
            ErasureRequest.settled_at.is_(None),
            within(officer, Can.MANAGE_PEOPLE, region=Person.region_id, organisation=Person.organisation_id),
        )
        .order_by(ErasureRequest.asked_at, ErasureRequest.id)
    )


def request_for(officer: Person, request_id: int) -> ErasureRequest:
    found = db.session.get(ErasureRequest, request_id)
    if found is None:
        raise NotFound
    person = db.session.get_one(Person, found.person_id)
    if not db.session.scalar(
        select(Person.id).where(
            Person.id == person.id,
            within(officer, Can.MANAGE_PEOPLE, region=Person.region_id, organisation=Person.organisation_id),
        )
    ):
        raise NotFound
    return found


def settle_erasure(request: ErasureRequest, *, erase: bool, by: Person, reason: str, now: datetime) -> None:
    """Erase, or refuse with a reason. Raises OwnErasure, StillHoldsRoles, Invalid (no reason)."""
    person = db.session.get_one(Person, request.person_id, with_for_update={"of": Person})
    if by.id == person.id:
        raise OwnErasure
    must_reach(by, Can.MANAGE_PEOPLE, region=person.region_id, organisation=person.organisation_id)
    if request.settled_at is not None:
        raise NotFound
    if not erase and not reason.strip():
        raise Invalid("reason")
    request.settled_at, request.settled_by_id, request.outcome = now, by.id, reason
    if erase:
        erase_person(person, by=by, reason=reason, now=now)
        return
    record(Did.REFUSE_ERASURE, person, by=by, reason=reason)
    post(ERASURE_REFUSED, to=person, link="/me/data", now=now, reason=reason)


def erase_person(person: Person, *, by: Person | None, reason: str, now: datetime) -> None:
    """Anonymise: name, address, numbers, photo, letters and log details go; rows that others rest on stay nameless.

    The core record of issued certificates (name, number, level, dates, state) stays as the law requires: it is a frozen
    snapshot of the certificate, not of the account. Raises StillHoldsRoles.
    """
    if any(held.ended_at is None for held in person.roles):
        raise StillHoldsRoles
    for do in ERASERS.values():
        do(person, now)
    if photo_of(person) is not None:
        drop_photo(person, by=by)
    sessions.end_all(person, now=now)
    for table in (Notice, OneTimeLink):
        db.session.execute(delete(table).where(table.person_id == person.id))
    own = select(AuditEntry.id).where(
        (AuditEntry.person_id == person.id) | ((AuditEntry.about == "person") & (AuditEntry.about_id == person.id))
    )
    db.session.flush()  # lines written above are among those whose details go
    db.session.execute(
        delete(AuditDetails).where(AuditDetails.entry_id.in_(own)).execution_options(synchronize_session=False)
    )
    person.email, person.name, person.name_latin, person.password_hash = None, ERASED_NAME, "", ""
    person.state, person.email_confirmed_at = PersonState.ERASED, None
    person.id_kind = person.id_sealed = person.id_lookup = None
    person.phone_sealed = person.phone_lookup = person.totp_sealed = person.totp_confirmed_at = None
    person.id_masked = person.phone_masked = person.field = ""
    person.organisation_id = person.education = None
    person.experience_years = person.title_years = 0
    record(Did.ERASE, person, by=by, reason=reason)


# What is not kept longer than needed (the retention table of the privacy notice)

UNCONFIRMED_LIVES = timedelta(days=14)
LINKS_LIVE = timedelta(days=30)
SIGN_INS_LIVE = timedelta(days=365)


def forget_old(now: datetime) -> int:
    """Erase accounts never confirmed, old links and old sign-ins; how many accounts were erased."""
    stale = list(
        db.session.scalars(
            select(Person)
            .where(
                Person.state == PersonState.ACTIVE,
                Person.email_confirmed_at.is_(None),
                Person.email.is_not(None),
                Person.password_hash != "",
                Person.created_at < now - UNCONFIRMED_LIVES,
                ~select(RoleHeld.id).where(RoleHeld.person_id == Person.id, RoleHeld.ended_at.is_(None)).exists(),
                ~select(SignIn.id).where(SignIn.person_id == Person.id).exists(),
            )
            .limit(200)
        ).unique()
    )
    for person in stale:
        erase_person(person, by=None, reason="e-mail address never confirmed", now=now)
    db.session.execute(delete(OneTimeLink).where(OneTimeLink.expires_at < now - LINKS_LIVE))
    db.session.execute(
        delete(SignIn).where(SignIn.seen_at < now - SIGN_INS_LIVE).execution_options(synchronize_session=False)
    )
    return len(stale)
