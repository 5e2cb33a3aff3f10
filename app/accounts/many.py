"""Many people at once, as sheets bring them: found by hashes and addresses, registered in bulk. The number of questions does
not grow with the people."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select

from app.accounts.deeds import Did
from app.accounts.identity import ID_PURPOSE, PHONE_PURPOSE
from app.accounts.letters import INVITED
from app.accounts.links import CONFIRM_LIVES
from app.accounts.models import (
    Education,
    IdKind,
    LinkPurpose,
    OneTimeLink,
    Organisation,
    OrganisationKind,
    Person,
    RoleHeld,
    TitleLevel,
)
from app.audit.service import record
from app.core import crypto, id_number
from app.core.permissions import Scope
from app.db import db
from app.notices.service import post


@dataclass(frozen=True)
class NewPerson:
    """Somebody whose account an officer makes; values are checked already."""

    name: str
    email: str
    id_number: str
    phone: str = ""
    region_id: int | None = None
    organisation_id: int | None = None
    education: Education | None = None
    experience_years: int = 0
    title_level: TitleLevel = TitleLevel.NONE
    title_years: int = 0


def id_hash(number: str) -> str:
    return crypto.lookup(number, purpose=ID_PURPOSE)


def by_id_numbers(numbers: Collection[str]) -> dict[str, Person]:
    """Number → the person it belongs to."""
    asked = {id_hash(n): n for n in numbers if n}
    found = db.session.scalars(select(Person).where(Person.id_lookup.in_(asked))) if asked else ()
    return {asked[p.id_lookup]: p for p in found if p.id_lookup}


def by_addresses(addresses: Collection[str]) -> dict[str, Person]:
    wanted = {a for a in addresses if a}
    found = db.session.scalars(select(Person).where(Person.email.in_(wanted))) if wanted else ()
    return {p.email: p for p in found if p.email}


def phones_taken(numbers: Collection[str]) -> dict[str, int]:
    """Phone number → id of the person it belongs to."""
    asked = {crypto.lookup(n, purpose=PHONE_PURPOSE): n for n in numbers if n}
    if not asked:
        return {}
    rows = db.session.execute(select(Person.phone_lookup, Person.id).where(Person.phone_lookup.in_(asked)))
    return {asked[lookup]: person_id for lookup, person_id in rows if lookup}


def organisations_named(names: Collection[str]) -> dict[str, int]:
    """Name as written → id; brackets of either width are the same."""
    plain = {_tidy(n): n for n in names if n}
    if not plain:
        return {}
    narrow = func.replace(func.replace(Organisation.name_zh, "（", "("), "）", ")")
    rows = db.session.execute(
        select(Organisation.id, Organisation.name_zh, Organisation.name_en).where(
            or_(narrow.in_(plain), Organisation.name_en.in_(list(plain.values())))
        )
    )
    found: dict[str, int] = {}
    for organisation_id, zh, en in rows:
        found[_tidy(zh)] = organisation_id
        found.setdefault(en, organisation_id)
    return {name: found[key] for key, name in plain.items() if key in found} | {
        name: found[name] for name in plain.values() if name in found
    }


def _tidy(name: str) -> str:
    return re.sub(r"\s+", " ", name.replace("（", "(").replace("）", ")")).strip()


def organisations_made(
    names: Iterable[str], region_id: int, *, by: Person, now: datetime
) -> tuple[dict[str, int], set[int]]:
    """(name → id, ids of those that were not known yet): they are added to the region, as when somebody types one at sign-up."""
    wanted = {n for n in names if n}
    found = organisations_named(wanted)
    new: dict[str, Organisation] = {}
    for name in sorted(wanted - found.keys()):
        new.setdefault(_tidy(name), Organisation(region_id=region_id, kind=OrganisationKind.OTHER, name_zh=_tidy(name), created_at=now))  # fmt: skip
    db.session.add_all(new.values())
    db.session.flush()  # people name them by id
    for one in new.values():
        record(Did.SAVE_ORGANISATION, one, by=by, more={"name": one.name_zh, "kind": one.kind})
    ids = found | {name: new[_tidy(name)].id for name in wanted - found.keys()}
    return ids, {one.id for one in new.values()}


def organisations_taken_out(ids: Sequence[int], used: Collection[int], *, by: Person) -> tuple[list[str], list[str]]:
    """Take out organisations that a sheet had added: (names that went, names that stay).

    Those stay that something else uses (``used``, ids), in whose scope somebody holds a role, or that an officer has
    completed since. The caller has locked them (``locked_organisations``), so that nobody begins to use one meanwhile.
    """
    held = select(RoleHeld.scope_id).where(RoleHeld.scope == Scope.ORGANISATION, RoleHeld.scope_id.in_(ids))
    kept = {*used, *db.session.scalars(held)}
    gone, stay = [], []
    for one in db.session.scalars(select(Organisation).where(Organisation.id.in_(ids)).order_by(Organisation.id)):
        completed = one.credit_code or one.name_en or one.kind is not OrganisationKind.OTHER
        if completed or one.id in kept:
            stay.append(one.name_zh)
            continue
        record(Did.REMOVE_ORGANISATION, one, by=by, more={"name": one.name_zh})
        db.session.delete(one)
        gone.append(one.name_zh)
    db.session.flush()  # the database has the last word on what is used
    return gone, stay


def locked_organisations(ids: Sequence[int]) -> list[int]:
    """Those of them that are still there, locked in the order of their keys."""
    asked = select(Organisation.id).where(Organisation.id.in_(ids)).order_by(Organisation.id)
    return list(db.session.scalars(asked.with_for_update(of=Organisation)))


def register_many(people: Sequence[NewPerson], *, by: Person, now: datetime) -> list[Person]:
    """Add people with sealed numbers, and post each the link to choose a password. Who has the number, address or phone
    already was looked up by the caller; the database refuses a second one."""
    made = [_person(one, now) for one in people]
    db.session.add_all(made)
    db.session.flush()  # links, letters and log lines name them by id
    for person in made:
        token = crypto.token()
        db.session.add(
            OneTimeLink(
                person_id=person.id, purpose=LinkPurpose.RESET, token_hash=crypto.token_hash(token), created_at=now,
                expires_at=now + CONFIRM_LIVES,
            )
        )  # fmt: skip
        post(INVITED, to=person, secret_link=f"/reset/{token}", by=by.name, hours=48, now=now)
        record(Did.INVITE, person, by=by, more={"number": person.id_masked})
    return made


def _person(one: NewPerson, now: datetime) -> Person:
    made = Person(
        name=one.name, email=one.email, region_id=one.region_id, organisation_id=one.organisation_id, created_at=now,
        education=one.education, experience_years=one.experience_years, title_level=one.title_level,
        title_years=one.title_years,
    )  # fmt: skip
    give_id(made, one.id_number)
    if one.phone:
        give_phone(made, one.phone)
    return made


def kind_of(number: str) -> IdKind:
    if len(number) == 18:
        return IdKind.HK_MACAO_TAIWAN if re.match(r"8[123]0000", number) else IdKind.RESIDENT
    return IdKind.PASSPORT


def give_id(person: Person, number: str) -> None:
    """Seal a checked ID number that nobody else has."""
    person.id_kind, person.id_lookup = kind_of(number), id_hash(number)
    person.id_sealed = crypto.encrypt(number, purpose=ID_PURPOSE)
    person.id_masked = id_number.masked_for_staff(number)


def give_phone(person: Person, number: str) -> None:
    """Seal a checked phone number that nobody else has."""
    person.phone_lookup = crypto.lookup(number, purpose=PHONE_PURPOSE)
    person.phone_sealed = crypto.encrypt(number, purpose=PHONE_PURPOSE)
    person.phone_masked = id_number.masked_phone(number)


def opened(ids: Sequence[int]) -> list[Person]:
    """Of these people, those whose account was opened or whose address was confirmed."""
    asked: Any = select(Person).where(
        Person.id.in_(ids),
        or_(
            Person.password_hash != "",
            Person.email_confirmed_at.is_not(None),
            select(OneTimeLink.id).where(OneTimeLink.person_id == Person.id, OneTimeLink.used_at.is_not(None)).exists(),
        ),
    )
    return list(db.session.scalars(asked))
