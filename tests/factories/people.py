"""Regions, organisations and people for tests. Each call commits, so that pages and services see it."""

from __future__ import annotations

from itertools import count
from typing import Any

from app.accounts import consents
from app.accounts.identity import set_photo
from app.accounts.models import ConsentKind, Organisation, OrganisationKind, Person, Region, RoleHeld
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from certificates.samples import portrait

_next = count(1)


def _kept(row: Any) -> Any:
    with unit_of_work():
        db.session.add(row)
    return row


def region(code: str | None = None, name: str = "天津市滨海新区", **more: Any) -> Region:
    values = {"name_en": "Binhai", "authority_zh": f"{name}科学技术局", "authority_en": "Bureau"} | more
    return _kept(Region(code=code or f"{2000 + next(_next):04d}", name_zh=name, **values))


def organisation(region: Region, kind: OrganisationKind = OrganisationKind.ENTERPRISE, name: str = "") -> Organisation:
    return _kept(Organisation(region_id=region.id, kind=kind, name_zh=name or f"滨海科技第{next(_next)}公司"))


def person(name: str = "王建国", *, email: str | None = None, region: Region | None = None, **more: Any) -> Person:
    values = {"region_id": region.id if region else None, "email": email or f"p{next(_next)}@example.org"} | more
    return _kept(Person(name=name, **values))


def photo(person: Person) -> None:
    """The photo of nobody, put into the profile, with the consent that certificates show it."""
    person_id = person.id
    with unit_of_work():
        me = db.session.get_one(Person, person_id)
        set_photo(me, portrait(), by=me, now=clock.now())
        consents.give_consent(me, ConsentKind.PHOTO, now=clock.now())


def officer(role: Role, scope: Scope = Scope.SITE, scope_id: int = 0, name: str = "李主任", **more: Any) -> Person:
    """A person who holds a role."""
    made = person(name, **more)
    hold(made, role, scope, scope_id)
    return made


def hold(person: Person, role: Role, scope: Scope = Scope.SITE, scope_id: int = 0) -> RoleHeld:
    person_id = person.id
    return _kept(RoleHeld(person_id=person_id, role=role, scope=scope, scope_id=scope_id))
