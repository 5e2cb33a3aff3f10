"""The door to accounts: people, roles in scopes, organisations and regions. Signing in, identity, consents and personal
data have modules of their own; what other features use of them is named here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from flask_babel import force_locale
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, or_, select

from app.accounts import words
from app.accounts.consents import consent_of, give_consent, has_consent, withdraw_consent
from app.accounts.deeds import Did
from app.accounts.identity import (
    find_person_by_id_number,
    find_person_by_phone,
    photo_of,
    reveal_id_number,
    set_id_number,
    set_phone,
    set_photo,
)
from app.accounts.letters import ROLE_ENDED, ROLE_GRANTED
from app.accounts.models import (
    Education,
    Organisation,
    OrganisationKind,
    Person,
    PersonState,
    PracticeKind,
    Region,
    RoleHeld,
    TitleLevel,
)
from app.accounts.scope import Reach, must_reach, reach_of, reaches, within
from app.accounts.signing import invite, person_by_email, register
from app.audit.service import record
from app.core.errors import Forbidden, Invalid, NotFound, Refused
from app.core.permissions import Can, Role, Scope
from app.db import db
from app.notices.service import post

__all__ = [
    "consent_of",
    "create_organisation",
    "end_role",
    "find_person_by_id_number",
    "find_person_by_phone",
    "give_consent",
    "grant_role",
    "has_consent",
    "holders_of",
    "invite",
    "organisations",
    "people_visible_to",
    "person_by_email",
    "person_for",
    "photo_of",
    "regions",
    "register",
    "reveal_id_number",
    "save_region",
    "set_background",
    "set_id_number",
    "set_phone",
    "set_photo",
    "widen_people",
    "withdraw_consent",
]  # fmt: skip


class OwnRole(Refused):
    status = 403
    message = _l("Nobody grants a role to themselves. Please ask another administrator.")


class RoleThere(Refused):
    message = _l("This person holds this role in this scope already.")


class LastAdministrator(Refused):
    message = _l("This is the last administrator of the whole site. Grant the role to somebody else first.")


class NameTaken(Invalid):
    message = _l("There is an organisation with this name already: choose it in the list.")


class CodeTaken(Invalid):
    message = _l("This code is used already.")


class WrongCreditCode(Invalid):
    message = _l("The unified social credit code does not check: 18 characters, the last one computed from the others.")


# People in sight

MORE_PEOPLE: list[Callable[[Reach], Select[Any] | None]] = []


def widen_people(more: Callable[[Reach], Select[Any] | None]) -> Callable[[Reach], Select[Any] | None]:
    """Announce people who come into an officer's sight by something an upper feature knows (trainees in a base's
    classes): given the reach of READ_PEOPLE, a select of person ids, or None."""
    MORE_PEOPLE.append(more)
    return more


PERSON_PAGES: list[tuple[str, Any, Can]] = []


def person_page(endpoint: str, label: Any, can: Can) -> None:
    """Announce an officer's page about a person (its argument is ``person_id``): linked from the person's page."""
    PERSON_PAGES.append((endpoint, label, can))


def people_visible_to(person: Person, can: Can = Can.READ_PEOPLE) -> Select[Person]:
    """The people an officer may see: of the region or organisation the right reaches, and those upper features add."""
    reach = reach_of(person, can)
    made = select(Person)
    if reach.site:
        return made
    parts = [within(person, can, region=Person.region_id, organisation=Person.organisation_id)]
    if not reach.nothing:
        parts += [Person.id.in_(ids) for more in MORE_PEOPLE if (ids := more(reach)) is not None]
    return made.where(or_(*parts))


def person_for(person: Person, person_id: int) -> Person:
    """One person in an officer's sight. NotFound also for those out of it."""
    found = db.session.scalars(people_visible_to(person).where(Person.id == person_id)).unique().one_or_none()
    if found is None:
        raise NotFound
    return found


def manages(officer: Person, person: Person) -> bool:
    """May the officer change this person's account (second factor, erasure)?"""
    return reaches(officer, Can.MANAGE_PEOPLE, region=person.region_id, organisation=person.organisation_id)


def set_background(
    person: Person,
    *,
    by: Person,
    name: str | None = None,
    name_latin: str | None = None,
    region: Region | None = None,
    organisation: Organisation | None = None,
    practice_kind: PracticeKind | None = None,
    full_time: bool | None = None,
    education: Education | None = None,
    experience_years: int | None = None,
    title_level: TitleLevel | None = None,
    title_years: int | None = None,
    field: str | None = None,
    locale: str | None = None,
) -> None:
    """Change what a person says of themselves; what is None stays. One line in the log with before and after."""
    wanted = {
        "name": name, "name_latin": name_latin, "region_id": region.id if region else None,
        "organisation_id": organisation.id if organisation else None, "practice_kind": practice_kind,
        "full_time": full_time, "education": education, "experience_years": experience_years,
        "title_level": title_level, "title_years": title_years, "field": field, "locale": locale,
    }  # fmt: skip
    changed = {}
    for column, value in wanted.items():
        before = getattr(person, column)
        if value is not None and value != before:
            setattr(person, column, value)
            changed[column] = (before, value)
    if changed:
        record(Did.EDIT_PROFILE, person, by=by, changed=changed)


def leave_employer(person: Person, *, by: Person) -> None:
    """The person has no employer any more."""
    before, person.organisation_id = person.organisation_id, None
    record(Did.EDIT_PROFILE, person, by=by, changed={"organisation_id": (before, None)})


# Roles


def grant_role(
    person: Person, role: Role, scope: Scope = Scope.SITE, scope_id: int = 0, *, by: Person | None, now: datetime
) -> RoleHeld:
    """Give a role in a scope. ``by`` None: the system itself (commands, demonstration).

    A role in a class is granted by the feature that owns the class, which has checked its own right to do so. Raises
    OwnRole, RoleThere, Forbidden, NotFound (no such scope).
    """
    if by is not None:
        if by.id == person.id:
            raise OwnRole
        if scope is not Scope.CLASS:
            _must_rule(by, scope, scope_id)
    elif scope is not Scope.CLASS:
        _region_of(scope, scope_id)
    standing = select(RoleHeld.id).where(
        RoleHeld.person_id == person.id,
        RoleHeld.role == role,
        RoleHeld.scope == scope,
        RoleHeld.scope_id == scope_id,
        RoleHeld.ended_at.is_(None),
    )
    if db.session.scalar(standing.limit(1)) is not None:
        raise RoleThere
    held = RoleHeld(
        person=person, role=role, scope=scope, scope_id=scope_id, granted_by_id=by.id if by else None, granted_at=now
    )
    db.session.add(held)
    record(Did.GRANT_ROLE, person, by=by, more={"role": role, "scope": scope, "scope_id": scope_id})
    _tell(ROLE_GRANTED, held, now)
    return held


def end_role(held: RoleHeld, *, by: Person | None, reason: str, now: datetime) -> None:
    """Take a role away. The last administrator of the site cannot be taken away."""
    if by is not None and held.scope is not Scope.CLASS:
        _must_rule(by, held.scope, held.scope_id)
    if held.ended_at is not None:
        return
    if held.role is Role.ADMIN and held.scope is Scope.SITE:
        others = select(RoleHeld.id).where(
            RoleHeld.role == Role.ADMIN,
            RoleHeld.scope == Scope.SITE,
            RoleHeld.ended_at.is_(None),
            RoleHeld.person_id != held.person_id,
        )
        if db.session.scalar(others.limit(1)) is None:
            raise LastAdministrator
    held.ended_at = now
    record(
        Did.END_ROLE, held.person, by=by, reason=reason,
        more={"role": held.role, "scope": held.scope, "scope_id": held.scope_id},
    )  # fmt: skip
    _tell(ROLE_ENDED, held, now, reason=reason)


def _must_rule(by: Person, scope: Scope, scope_id: int) -> None:
    region, organisation = _region_of(scope, scope_id)
    must_reach(by, Can.GRANT_ROLE, region=region, organisation=organisation)


def _region_of(scope: Scope, scope_id: int) -> tuple[int | None, int | None]:
    """Region and organisation a scope lies in; (None, None) for the site. Raises NotFound."""
    if scope is Scope.SITE:
        if scope_id:
            raise NotFound
        return None, None
    if scope is Scope.REGION:
        if db.session.get(Region, scope_id) is None:
            raise NotFound
        return scope_id, None
    organisation = db.session.get(Organisation, scope_id)
    if organisation is None:
        raise NotFound
    return organisation.region_id, organisation.id


def _tell(letter: Any, held: RoleHeld, now: datetime, **more: Any) -> None:
    with force_locale(held.person.locale or "zh_Hans"):
        names = scope_names([held])
        post(
            letter, to=held.person, link="/", now=now, role=words.ROLES[held.role],
            scope=words.scope_name(held, names), **more,
        )  # fmt: skip


def scope_names(held: Iterable[RoleHeld]) -> dict[tuple[Scope, int], str]:
    """Names of the regions and organisations that roles are held in, in one query each."""
    rows = list(held)
    names: dict[tuple[Scope, int], str] = {}
    regions, organisations = ({r.scope_id for r in rows if r.scope is s} for s in (Scope.REGION, Scope.ORGANISATION))
    if regions:
        for region in db.session.scalars(select(Region).where(Region.id.in_(regions))):
            names[Scope.REGION, region.id] = words.place_name(region)
    if organisations:
        for one in db.session.scalars(select(Organisation).where(Organisation.id.in_(organisations))):
            names[Scope.ORGANISATION, one.id] = words.place_name(one)
    return names


def holders_of(role: Role, *, region_id: int | None = None, organisation_id: int | None = None) -> list[Person]:
    """Active people who hold a role that reaches a region or organisation (or the whole site), by name."""
    reach = [RoleHeld.scope == Scope.SITE]
    if region_id is not None:
        reach.append((RoleHeld.scope == Scope.REGION) & (RoleHeld.scope_id == region_id))
    if organisation_id is not None:
        reach.append((RoleHeld.scope == Scope.ORGANISATION) & (RoleHeld.scope_id == organisation_id))
    found = db.session.scalars(
        select(Person)
        .where(
            Person.state == PersonState.ACTIVE,
            Person.id.in_(
                select(RoleHeld.person_id).where(RoleHeld.role == role, RoleHeld.ended_at.is_(None), or_(*reach))
            ),
        )
        .order_by(Person.name, Person.id)
    )
    return list(found.unique())


def role_of(officer: Person, person: Person, role_id: int) -> RoleHeld:
    """One role of a person in an officer's sight. NotFound otherwise."""
    held = db.session.get(RoleHeld, role_id)
    if held is None or held.person_id != person.id:
        raise NotFound
    return held


# Organisations and regions


def regions(*, ours: bool | None = True) -> list[Region]:
    """Regions by code; those served by this site, or all of them."""
    asked = select(Region).order_by(Region.code)
    return list(db.session.scalars(asked if ours is None else asked.where(Region.ours.is_(ours))))


def regions_of(person: Person, can: Can) -> list[Region]:
    """The regions of this site for which somebody holds a right."""
    reach = reach_of(person, can)
    return [r for r in regions() if reach.site or r.id in reach.regions]


def organisations(*, kind: OrganisationKind | None = None, region_id: int | None = None) -> list[Organisation]:
    asked = select(Organisation).order_by(Organisation.name_zh)
    if kind is not None:
        asked = asked.where(Organisation.kind == kind)
    if region_id is not None:
        asked = asked.where(Organisation.region_id == region_id)
    return list(db.session.scalars(asked))


def _tidy(name: str) -> str:
    return re.sub(r"\s+", " ", name.replace("（", "(").replace("）", ")")).strip()


def organisation_named(name: str) -> Organisation | None:
    plain = _tidy(name)
    return db.session.scalar(
        select(Organisation).where(
            or_(
                func.replace(func.replace(Organisation.name_zh, "（", "("), "）", ")") == plain,
                func.lower(Organisation.name_en) == plain.lower(),
            )
        )
    )


def create_organisation(
    *,
    name_zh: str,
    region: Region,
    kind: OrganisationKind = OrganisationKind.OTHER,
    name_en: str = "",
    credit_code: str | None = None,
    by: Person | None = None,
    now: datetime,
) -> Organisation:
    """Add an organisation. ``by`` None: typed by somebody signing up, or the system. Raises NameTaken, CodeTaken,
    WrongCreditCode; Forbidden outside an officer's regions."""
    if organisation_named(name_zh) is not None:
        raise NameTaken("name_zh")
    made = Organisation(
        region_id=region.id, kind=kind, name_zh=re.sub(r"\s+", " ", name_zh).strip(), name_en=name_en.strip(),
        credit_code=_free_code(credit_code, None), created_at=now,
    )  # fmt: skip
    db.session.add(made)
    record(Did.SAVE_ORGANISATION, made, by=by, more={"name": made.name_zh, "kind": kind})
    return made


def edit_organisation(
    organisation: Organisation,
    *,
    name_zh: str,
    name_en: str,
    kind: OrganisationKind,
    region: Region,
    credit_code: str | None,
    by: Person,
) -> None:
    """Correct an organisation. An officer needs the right in the region it is in and in the one it moves to."""
    must_reach(by, Can.MANAGE_PLACES, region=organisation.region_id, organisation=organisation.id)
    if region.id != organisation.region_id:
        must_reach(by, Can.MANAGE_PLACES, region=region.id)
    same = organisation_named(name_zh)
    if same is not None and same.id != organisation.id:
        raise NameTaken("name_zh")
    wanted = {
        "name_zh": name_zh, "name_en": name_en, "kind": kind, "region_id": region.id,
        "credit_code": _free_code(credit_code, organisation),
    }  # fmt: skip
    changed = {k: (getattr(organisation, k), v) for k, v in wanted.items() if getattr(organisation, k) != v}
    for column, (_before, after) in changed.items():
        setattr(organisation, column, after)
    if changed:
        record(Did.SAVE_ORGANISATION, organisation, by=by, changed=changed)


def _free_code(code: str | None, but: Organisation | None) -> str | None:
    plain = (code or "").strip().upper()
    if not plain:
        return None
    if not credit_code_checks(plain):
        raise WrongCreditCode("credit_code")
    taken = db.session.scalar(select(Organisation.id).where(Organisation.credit_code == plain))
    if taken is not None and (but is None or taken != but.id):
        raise CodeTaken("credit_code")
    return plain


_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def credit_code_checks(code: str) -> bool:
    """统一社会信用代码, GB 32100-2015: 18 characters, weights 3^i mod 31, check character modulo 31."""
    if not re.fullmatch(f"[{_CREDIT}]{{18}}", code):
        return False
    total = sum(_CREDIT.index(c) * pow(3, i, 31) for i, c in enumerate(code[:17]))
    return _CREDIT[(31 - total % 31) % 31] == code[17]


def save_region(
    region: Region | None,
    *,
    code: str,
    name_zh: str,
    name_en: str,
    authority_zh: str,
    authority_en: str,
    ours: bool = True,
    by: Person | None,
) -> Region:
    """Add or correct a region. Only a right that reaches the whole site adds one. Raises CodeTaken, Forbidden."""
    if by is not None:
        must_reach(by, Can.MANAGE_PLACES, region=region.id if region else None)
        if region is None and not reach_of(by, Can.MANAGE_PLACES).site:
            raise Forbidden
    taken = db.session.scalar(select(Region.id).where(Region.code == code))
    if taken is not None and (region is None or taken != region.id):
        raise CodeTaken("code")
    wanted = {
        "code": code, "name_zh": name_zh, "name_en": name_en, "authority_zh": authority_zh,
        "authority_en": authority_en, "ours": ours,
    }  # fmt: skip
    if region is None:
        region = Region(**wanted)
        db.session.add(region)
        record(Did.SAVE_REGION, region, by=by, more=wanted)
        return region
    changed = {k: (getattr(region, k), v) for k, v in wanted.items() if getattr(region, k) != v}
    for column, (_before, after) in changed.items():
        setattr(region, column, after)
    if changed:
        record(Did.SAVE_REGION, region, by=by, changed=changed)
    return region
