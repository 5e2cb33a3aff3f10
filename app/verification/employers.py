"""用人单位: registration with a confirmed mailbox, an officer's review with reasons, and what a registered employer may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, select

from app.accounts.models import Organisation, OrganisationKind, Person, Region, RoleHeld
from app.accounts.scope import must_reach, within
from app.accounts.service import create_organisation, credit_code_checks, end_role, grant_role, organisation_named
from app.audit.service import record
from app.core.errors import Forbidden, Invalid, NotFound, Refused
from app.core.permissions import Can, Role, Scope
from app.core.states import moved
from app.core.waiting import Waiting, waiting
from app.db import db
from app.notices.service import Letter, post
from app.verification import letters
from app.verification.deeds import Did
from app.verification.models import EmployerRegistration, VerificationQuery
from app.verification.states import REGISTRATION_MOVES, RegistrationMove, RegistrationState


class WrongCode(Invalid):
    message = _l("The unified social credit code does not check: 18 characters, the last one computed from the others.")


class MailNotConfirmed(Refused):
    message = _l("Please confirm your e-mail address first: sign in by the link in the letter you received, or reset your password by mail.")  # fmt: skip


class RegisteredAlready(Refused):
    message = _l("A registration of yours waits or is in force already.")


class ReasonMissing(Invalid):
    message = _l("Please give a reason; the applicant reads it.")


class OwnRegistration(Refused):
    status = 403
    message = _l("Nobody decides on a registration of their own.")


@dataclass(frozen=True)
class Wish:
    """What is asked for at registration."""

    name: str
    credit_code: str
    contact: str
    phone: str
    purpose: str


def registration_of(person: Person) -> EmployerRegistration | None:
    """A person's latest registration."""
    return db.session.scalar(
        select(EmployerRegistration)
        .where(EmployerRegistration.person_id == person.id)
        .order_by(EmployerRegistration.id.desc())
        .limit(1)
    )


def register(person: Person, region: Region, wish: Wish, *, now: datetime) -> EmployerRegistration:
    """Ask for registration, or hand in again what was returned. Raises MailNotConfirmed, WrongCode, RegisteredAlready."""
    if person.email_confirmed_at is None:
        raise MailNotConfirmed
    code = wish.credit_code.strip().upper()
    if not credit_code_checks(code):
        raise WrongCode("credit_code")
    last = registration_of(person)
    if last is not None and last.state in (RegistrationState.SUBMITTED, RegistrationState.APPROVED):
        raise RegisteredAlready
    if last is None or last.state is not RegistrationState.RETURNED:
        last = EmployerRegistration(person_id=person.id, state=RegistrationState.SUBMITTED)
    else:
        last.state = moved(REGISTRATION_MOVES, last.state, RegistrationMove.SUBMIT)
    last.region_id, last.name, last.credit_code = region.id, " ".join(wish.name.split()), code
    last.contact, last.phone, last.purpose, last.submitted_at = wish.contact, wish.phone, wish.purpose, now
    last.remark = ""
    db.session.add(last)
    db.session.flush()  # the log names it by its id
    record(Did.REGISTER, last, by=person, more={"name": last.name})
    return last


# The officer's side


def registrations_visible_to(person: Person) -> Select[EmployerRegistration]:
    return select(EmployerRegistration).where(
        within(person, Can.REVIEW_EMPLOYER, region=EmployerRegistration.region_id)
    )


def registration_for(person: Person, registration_id: int) -> EmployerRegistration:
    """One registration an officer may decide on. NotFound otherwise."""
    found = db.session.scalar(registrations_visible_to(person).where(EmployerRegistration.id == registration_id))
    if found is None:
        raise NotFound
    return found


def waiting_count(person: Person) -> Waiting:
    seen = registrations_visible_to(person).where(EmployerRegistration.state == RegistrationState.SUBMITTED)
    return waiting(seen, EmployerRegistration.submitted_at)


def approve(registration: EmployerRegistration, *, by: Person, now: datetime) -> None:
    """Register the employer: the organisation is found by its code or added, the applicant receives the role in it."""
    _decide(registration, RegistrationMove.APPROVE, by=by, now=now)
    organisation = _organisation(registration, now=now)
    registration.organisation_id = organisation.id
    standing = _role_in(registration.person_id, organisation.id)
    if standing is None:
        grant_role(registration.person, Role.EMPLOYER, Scope.ORGANISATION, organisation.id, by=None, now=now)
    record(Did.APPROVE, registration, by=by, more={"organisation": organisation.id})
    post(letters.APPROVED, to=registration.person, link="/employers/desk", name=registration.name)


def _organisation(registration: EmployerRegistration, *, now: datetime) -> Organisation:
    found = db.session.scalar(select(Organisation).where(Organisation.credit_code == registration.credit_code))
    if found is not None:
        return found
    named = organisation_named(registration.name)
    if named is not None and named.credit_code is None:
        named.credit_code = registration.credit_code
        return named
    made = create_organisation(
        name_zh=registration.name, region=registration.region, kind=OrganisationKind.ENTERPRISE,
        credit_code=registration.credit_code, now=now,
    )  # fmt: skip
    db.session.flush()  # roles name it by its id
    return made


def return_(registration: EmployerRegistration, *, by: Person, reason: str, now: datetime) -> None:
    """Back to the applicant, who mends and hands in again. Raises ReasonMissing."""
    _with_reason(registration, RegistrationMove.RETURN, Did.RETURN, letters.RETURNED, by=by, reason=reason, now=now)


def refuse(registration: EmployerRegistration, *, by: Person, reason: str, now: datetime) -> None:
    _with_reason(registration, RegistrationMove.REFUSE, Did.REFUSE, letters.REFUSED, by=by, reason=reason, now=now)


def end(registration: EmployerRegistration, *, by: Person, reason: str, now: datetime) -> None:
    """The employer may check no more; role and keys end with the registration."""
    from app.verification import keys

    _with_reason(registration, RegistrationMove.END, Did.END, letters.ENDED, by=by, reason=reason, now=now)
    if registration.organisation_id is not None:
        held = _role_in(registration.person_id, registration.organisation_id)
        if held is not None:
            end_role(held, by=None, reason=reason, now=now)
        if not _others(registration.organisation_id):
            keys.revoke_all(registration.organisation_id, by=by, now=now)


def _others(organisation_id: int) -> int:
    held = select(func.count()).where(
        RoleHeld.role == Role.EMPLOYER, RoleHeld.scope == Scope.ORGANISATION, RoleHeld.scope_id == organisation_id,
        RoleHeld.ended_at.is_(None),
    )  # fmt: skip
    db.session.flush()  # the role just ended is not to be counted
    return db.session.scalar(held) or 0


def _role_in(person_id: int, organisation_id: int) -> RoleHeld | None:
    return db.session.scalar(
        select(RoleHeld).where(
            RoleHeld.person_id == person_id, RoleHeld.role == Role.EMPLOYER, RoleHeld.scope == Scope.ORGANISATION,
            RoleHeld.scope_id == organisation_id, RoleHeld.ended_at.is_(None),
        )
    )  # fmt: skip


def _with_reason(
    registration: EmployerRegistration, move: RegistrationMove, deed: Did, letter: Letter, *, by: Person, reason: str, now: datetime
) -> None:  # fmt: skip
    if not reason.strip():
        raise ReasonMissing("reason")
    _decide(registration, move, by=by, now=now)
    registration.remark = reason.strip()
    record(deed, registration, by=by, reason=reason)
    post(letter, to=registration.person, link="/employers/register", name=registration.name, reason=reason)


def _decide(registration: EmployerRegistration, move: RegistrationMove, *, by: Person, now: datetime) -> None:
    must_reach(by, Can.REVIEW_EMPLOYER, region=registration.region_id)
    if registration.person_id == by.id:
        raise OwnRegistration
    registration.state = moved(REGISTRATION_MOVES, registration.state, move)
    registration.decided_at, registration.decided_by_id = now, by.id


# The registered employer


def organisation_of(person: Person) -> Organisation:
    """The employer somebody checks certificates for. Raises Forbidden where they hold no such role in an organisation."""
    held = employer_id(person)
    if held is None:
        raise Forbidden
    return db.session.get_one(Organisation, held)


def employer_id(person: Person | None) -> int | None:
    """The organisation in which a person is a registered employer."""
    if person is None:
        return None
    ids = [
        r.scope_id
        for r in person.roles
        if r.role is Role.EMPLOYER and r.scope is Scope.ORGANISATION and r.ended_at is None
    ]
    return min(ids) if ids else None


def history_of(organisation: Organisation) -> Select[VerificationQuery]:
    """Every check an employer has made, however it was made."""
    return select(VerificationQuery).where(VerificationQuery.organisation_id == organisation.id)
