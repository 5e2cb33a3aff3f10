"""委托代理: writing, signing, accepting, ending and reassigning mandates (domain.md section 6b).

A mandate binds when two have signed: the organisation that is entrusted and the manager who acts. The manager must hold a
certificate in force; who does not any more stands on the organisation's list of mandates to reassign.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, or_, select

from app.accounts.models import Person, PersonState
from app.accounts.scope import reaches, within
from app.accounts.service import holders_of
from app.audit.service import record
from app.core import clock
from app.core.errors import Forbidden, Invalid, NotFound, Refused
from app.core.permissions import Can, Role
from app.db import db, locked
from app.files.models import StoredFile
from app.files.service import keep
from app.notices.service import Letter, post
from app.performance import asks, opinions
from app.performance.arithmetic import Band
from app.performance.contracts import BadDay, by_number, clean_number
from app.performance.integrity import integrity_of
from app.performance.mandate_letters import (
    MANDATE_ACCEPTED,
    MANDATE_AGREED,
    MANDATE_DECLINED,
    MANDATE_ENDED,
    MANDATE_OFFERED,
    MANDATE_RETURNED,
    MANDATE_SIGNED,
    MANDATE_TAKEN_AWAY,
)
from app.performance.mandate_models import Mandate, MandateFile, MandateHolder
from app.performance.mandate_states import OPEN_MANDATES, WRITABLE, MandateMove, MandateState, Side, mandate_moved
from app.performance.mandate_words import DidMandate
from app.performance.models import Claim, Contract, ContractState

MOST_FILES = 10


class NoOrganisation(Refused):
    message = _l("A mandate is accepted by an organisation, and none stands in your profile. Please enter your employer there first.")  # fmt: skip


class NoCertificate(Refused):
    message = _l("%(name)s holds no certificate in force today, so a mandate cannot be signed or given. Once a certificate is "
                 "valid again it can be.")  # fmt: skip


class CreditTooLow(Refused):
    message = _l("The integrity credit of %(name)s is in the band “stopped”, or a ban is running, so a mandate cannot be "
                 "signed or given.")  # fmt: skip


class OwnMandate(Refused):
    status = 403
    message = _l("You act under this mandate yourself, so another officer must deal with it.")


class Written(Refused):
    message = _l("This mandate has been signed, so its words can no longer be changed. Withdraw it and write a new one.")  # fmt: skip


class NoMandateText(Invalid):
    message = _l("Please attach the mandate as signed by the client, and for both sides the two written consents.")


class BothConsents(Invalid):
    message = _l("Acting for both sides needs the name and the written consent of each of them, with its day.")


class DaysCrossed(Invalid):
    message = _l("The last day lies before the first day.")


class Over(Refused):
    message = _l("The mandate ended on its last day before it was accepted. Please write a new one with other days.")


class NotAManager(Invalid):
    message = _l("Please choose a manager of the organisation who holds a certificate in force.")


class ReasonMissing(Invalid):
    message = _l("Please write the reason: the other side will read it.")


class NoContractNumber(Invalid):
    message = _l("Please give the registration number of the contract that came about.")


class TooManyPapers(Invalid):
    message = _l("At most %(n)s files can be attached. Put several pages into one PDF.")


@dataclass(frozen=True)
class MandateData:
    """What a mandate says, as typed."""

    project: str
    side: Side
    client_name: str
    scope: str
    starts_on: date
    ends_on: date
    commission: str
    conflict: str
    client_contact: str = ""
    client_email: str = ""
    consented_on: date | None = None
    other_name: str = ""
    other_consented_on: date | None = None
    exclusive: bool = False


# --- who sees what ------------------------------------------------------------------------------------------------------


def own_mandates(person: Person) -> Select[Mandate]:
    """Mandates under which the person acts, or has written a draft."""
    return select(Mandate).where(Mandate.person_id == person.id)


def _office(person: Person, can: Can) -> Any:
    return within(person, can, region=Mandate.region_id, organisation=Mandate.organisation_id)


def office_mandates(person: Person) -> Select[Mandate]:
    """Mandates of the organisations and regions of an officer; no drafts."""
    return (
        select(Mandate)
        .join(Person, Person.id == Mandate.person_id)
        .where(or_(_office(person, Can.READ_MANDATE), _office(person, Can.KEEP_MANDATE)), Mandate.state != MandateState.DRAFT)
    )  # fmt: skip


def mandate_for(person: Person, mandate_id: int) -> Mandate:
    """One mandate that is the person's own or in their sight. Raises NotFound."""
    found = db.session.scalar(own_mandates(person).where(Mandate.id == mandate_id))
    found = found or db.session.scalar(office_mandates(person).where(Mandate.id == mandate_id))
    if found is None:
        raise NotFound
    return found


def keeps(person: Person, mandate: Mandate) -> bool:
    """May this officer decide on the mandate? Never on one under which they act."""
    return mandate.person_id != person.id and reaches(
        person, Can.KEEP_MANDATE, region=mandate.region_id, organisation=mandate.organisation_id
    )


def waiting_for_acceptance(person: Person) -> Select[Mandate]:
    return office_mandates(person).where(
        Mandate.state == MandateState.PROPOSED, Mandate.person_id != person.id, _office(person, Can.KEEP_MANDATE)
    )


def to_reassign(person: Person, on: date | None = None) -> Select[Mandate]:
    """Open mandates in an officer's keeping whose manager may not act any more, or that nobody has taken."""
    on = on or clock.today()
    kept = office_mandates(person).where(_office(person, Can.KEEP_MANDATE), Mandate.state.in_(OPEN_MANDATES))
    acting = set(db.session.scalars(kept.with_only_columns(Mandate.person_id).distinct().order_by(None)))
    unfit = unfit_people(acting, on)
    return kept.where(or_(Mandate.state == MandateState.VACANT, Mandate.person_id.in_(unfit)))


def unfit_people(people: Iterable[int], on: date) -> set[int]:
    """Those of some people who may not act for clients on a day: no certificate in force, credit stopped, banned."""
    people = set(people)
    if not people:
        return set()
    certified = asks.certificates_valid(people, on)
    asked = db.session.scalars(select(Person).where(Person.id.in_(people & certified.keys()))).unique()
    return people - {one.id for one in asked if _credit_allows(one, on)}


def _credit_allows(person: Person, on: date) -> bool:
    credit = integrity_of(person, on)
    return credit.band is not Band.STOPPED and credit.ban_until is None


def count_for_office(person: Person) -> int:
    """What waits for an officer: mandates to accept, to reassign, complaints to look into."""
    counted = [waiting_for_acceptance(person), to_reassign(person), opinions.complaints_to_settle(person)]
    return sum(
        db.session.scalar(select(func.count()).select_from(one.order_by(None).subquery())) or 0 for one in counted
    )


def managers_of(organisation_id: int, on: date) -> list[Person]:
    """People of an organisation who may act for its clients, by name."""
    people = list(
        db.session.scalars(
            select(Person)
            .where(Person.organisation_id == organisation_id, Person.state == PersonState.ACTIVE)
            .order_by(Person.name, Person.id)
        ).unique()
    )
    unfit = unfit_people({one.id for one in people}, on)
    return [one for one in people if one.id not in unfit]


def organisations_kept(person: Person) -> set[int]:
    """Organisations for which a person keeps mandates by a role in them."""
    from app.accounts.scope import reach_of

    return set(reach_of(person, Can.KEEP_MANDATE).organisations)


def _must_be_fit(person: Person, on: date) -> str:
    """The number of the certificate by which the person may act. Raises NoCertificate, CreditTooLow."""
    number = asks.certificates_valid({person.id}, on).get(person.id)
    if number is None:
        raise NoCertificate(name=person.name)
    if not _credit_allows(person, on):
        raise CreditTooLow(name=person.name)
    return number


def _must_keep(mandate: Mandate, by: Person) -> None:
    if mandate.person_id == by.id:
        raise OwnMandate
    if not keeps(by, mandate):
        raise Forbidden


# --- writing ------------------------------------------------------------------------------------------------------------


def write(data: MandateData, *, by: Person, now: datetime, uploads: Sequence[Any] = ()) -> Mandate:
    """The manager writes a mandate of their organisation. Raises NoOrganisation, DaysCrossed."""
    if by.organisation is None:
        raise NoOrganisation
    made = _new(data, by.organisation.id, by.organisation.region_id, by, MandateState.DRAFT, by=by, now=now)
    record(DidMandate.WRITE, made, by=by)
    attach(made, uploads, by=by)
    return made


def offer(data: MandateData, organisation_id: int, person_id: int, *, by: Person, now: datetime, uploads: Sequence[Any] = ()) -> Mandate:  # fmt: skip
    """An officer of the organisation enters a mandate that it has accepted, and names the manager, who signs next."""
    from app.accounts.models import Organisation

    organisation = db.session.get(Organisation, organisation_id)
    person = db.session.get(Person, person_id)
    if organisation is None or person is None or person.organisation_id != organisation_id:
        raise NotAManager("person_id")
    made = _new(data, organisation.id, organisation.region_id, person, MandateState.OFFERED, by=by, now=now)
    _must_keep(made, by)
    _must_be_fit(person, clock.local_date(now))
    made.accepted_by_id, made.accepted_at = by.id, now
    record(DidMandate.OFFER, made, by=by, more={"manager": person.id})
    attach(made, uploads, by=by)
    _must_be_whole(made)
    post(MANDATE_OFFERED, to=person, link=link_of(made), now=now, project=made.project, client=made.client_name)
    return made


def _new(data: MandateData, organisation_id: int, region_id: int, person: Person, state: MandateState, *, by: Person, now: datetime) -> Mandate:  # fmt: skip
    made = Mandate(
        organisation_id=organisation_id, region_id=region_id, person_id=person.id, person=person, state=state,
        created_at=now, created_by_id=by.id,
    )  # fmt: skip
    _fill(made, data)
    db.session.add(made)
    db.session.flush()  # papers and the letter's address name the mandate by its id
    return made


def _fill(mandate: Mandate, data: MandateData) -> None:
    if data.ends_on < data.starts_on:
        raise DaysCrossed("ends_on")
    both = data.side is Side.BOTH
    mandate.project, mandate.side, mandate.scope = data.project, data.side, data.scope
    mandate.client_name, mandate.client_contact = data.client_name, data.client_contact
    mandate.client_email = data.client_email.lower()
    mandate.consented_on = data.consented_on if both else None
    mandate.other_name = data.other_name if both else ""
    mandate.other_consented_on = data.other_consented_on if both else None
    mandate.exclusive, mandate.starts_on, mandate.ends_on = data.exclusive, data.starts_on, data.ends_on
    mandate.commission, mandate.conflict = data.commission, data.conflict


def edit(mandate: Mandate, data: MandateData, *, by: Person, now: datetime, uploads: Sequence[Any] = ()) -> None:
    """Change a draft or a returned mandate."""
    mandate = _own(mandate, by)
    if mandate.state not in WRITABLE:
        raise Written
    _fill(mandate, data)
    record(DidMandate.EDIT, mandate, by=by)
    attach(mandate, uploads, by=by)


def _own(mandate: Mandate, by: Person) -> Mandate:
    mandate = locked(mandate)
    if mandate.person_id != by.id:
        raise NotFound
    return mandate


def attach(mandate: Mandate, uploads: Sequence[Any], *, by: Person) -> None:
    """Keep papers with a mandate. Raises FileRefused, TooManyPapers."""
    uploads = [one for one in uploads if one is not None and one.filename]
    there = db.session.scalar(select(func.count()).where(MandateFile.mandate_id == mandate.id)) or 0
    if there + len(uploads) > MOST_FILES:
        raise TooManyPapers("files", n=MOST_FILES)
    db.session.add_all(
        MandateFile(mandate_id=mandate.id, file_id=keep(one, owner=by, field="files").id) for one in uploads
    )
    db.session.flush()  # what is there is counted again at signing
    db.session.expire(mandate, ["files"])


def file_of(mandate: Mandate, file_id: int) -> StoredFile:
    found = db.session.get(MandateFile, (mandate.id, file_id))
    if found is None:
        raise NotFound
    return found.file


def _must_be_whole(mandate: Mandate) -> None:
    """What must stand before anybody signs."""
    if mandate.side is Side.BOTH and not (mandate.consented_on and mandate.other_name and mandate.other_consented_on):
        raise BothConsents("other_name")
    if any(day is not None and day > clock.today() for day in (mandate.consented_on, mandate.other_consented_on)):
        raise BadDay("consented_on")
    if not db.session.scalar(select(func.count()).where(MandateFile.mandate_id == mandate.id)):
        raise NoMandateText("files")


# --- signing and accepting ------------------------------------------------------------------------------------------------


def sign(mandate: Mandate, *, by: Person, now: datetime) -> None:
    """The manager signs and hands the mandate to the organisation. Raises NoCertificate, BothConsents, NoMandateText."""
    mandate = _own(mandate, by)
    state = mandate_moved(mandate.state, MandateMove.SIGN)
    mandate.certificate_number = _must_be_fit(by, clock.local_date(now))
    _must_be_whole(mandate)
    mandate.state, mandate.signed_at, mandate.remark = state, now, ""
    record(DidMandate.SIGN, mandate, by=by, more={"certificate": mandate.certificate_number})
    _tell_officers(MANDATE_SIGNED, mandate, now=now)


def withdraw(mandate: Mandate, *, by: Person, now: datetime) -> None:
    """The manager takes back what the organisation has not accepted."""
    mandate = _own(mandate, by)
    mandate.state = mandate_moved(mandate.state, MandateMove.WITHDRAW)
    record(DidMandate.WITHDRAW, mandate, by=by)


def accept(mandate: Mandate, *, by: Person, now: datetime) -> None:
    """The organisation accepts the mandate that its manager has signed. It is in force."""
    mandate = locked(mandate)
    _must_keep(mandate, by)
    state = mandate_moved(mandate.state, MandateMove.ACCEPT)
    today = clock.local_date(now)
    if mandate.ends_on < today:
        raise Over
    mandate.certificate_number = _must_be_fit(mandate.person, today)
    mandate.state, mandate.accepted_by_id, mandate.accepted_at = state, by.id, now
    _take_over(mandate, on=today)
    record(DidMandate.ACCEPT, mandate, by=by)
    post(MANDATE_ACCEPTED, to=mandate.person, link=link_of(mandate), now=now, project=mandate.project)


def send_back(mandate: Mandate, *, reason: str, by: Person, now: datetime) -> None:
    """The organisation returns a signed mandate to its manager with a reason."""
    mandate = locked(mandate)
    _must_keep(mandate, by)
    state = mandate_moved(mandate.state, MandateMove.RETURN)
    _must_say(reason)
    mandate.state, mandate.remark, mandate.signed_at = state, reason, None
    record(DidMandate.RETURN, mandate, by=by, reason=reason)
    post(MANDATE_RETURNED, to=mandate.person, link=link_of(mandate), now=now, project=mandate.project, reason=reason)


def agree(mandate: Mandate, *, by: Person, now: datetime) -> None:
    """The manager whom the organisation has named signs. The mandate is in force."""
    mandate = _own(mandate, by)
    state = mandate_moved(mandate.state, MandateMove.AGREE)
    today = clock.local_date(now)
    if mandate.ends_on < today:
        raise Over
    mandate.certificate_number = _must_be_fit(by, today)
    mandate.state, mandate.signed_at, mandate.remark = state, now, ""
    _take_over(mandate, on=today)
    record(DidMandate.AGREE, mandate, by=by, more={"certificate": mandate.certificate_number})
    _tell_officers(MANDATE_AGREED, mandate, now=now)


def decline(mandate: Mandate, *, reason: str, by: Person, now: datetime) -> None:
    """The manager named does not take it: the organisation must name another, or end the mandate."""
    mandate = _own(mandate, by)
    state = mandate_moved(mandate.state, MandateMove.DECLINE)
    _must_say(reason)
    mandate.state, mandate.remark = state, reason
    record(DidMandate.DECLINE, mandate, by=by, reason=reason)
    _tell_officers(MANDATE_DECLINED, mandate, now=now, reason=reason)


def _take_over(mandate: Mandate, *, on: date) -> None:
    db.session.add(
        MandateHolder(
            mandate_id=mandate.id, person_id=mandate.person_id, certificate_number=mandate.certificate_number, since=on
        )
    )


def _lay_down(mandate: Mandate, *, on: date, because: str) -> None:
    acting = db.session.scalars(
        select(MandateHolder).where(MandateHolder.mandate_id == mandate.id, MandateHolder.until.is_(None))
    )
    for one in acting:
        one.until, one.because = on, because[:400]


def reassign(mandate: Mandate, person_id: int, *, reason: str, by: Person, now: datetime) -> None:
    """Name another manager of the organisation; the mandate goes on once they have signed."""
    mandate = locked(mandate)
    _must_keep(mandate, by)
    state = mandate_moved(mandate.state, MandateMove.REASSIGN)
    _must_say(reason)
    person = db.session.get(Person, person_id)
    if person is None or person.organisation_id != mandate.organisation_id or person.id in (by.id, mandate.person_id):
        raise NotAManager("person_id")
    today = clock.local_date(now)
    if mandate.ends_on < today:
        raise Over
    _must_be_fit(person, today)
    before = mandate.person
    _lay_down(mandate, on=today, because=reason)
    mandate.state, mandate.person_id, mandate.person = state, person.id, person
    mandate.certificate_number, mandate.signed_at, mandate.remark = "", None, reason
    mandate.accepted_by_id, mandate.accepted_at = by.id, now
    record(DidMandate.REASSIGN, mandate, by=by, reason=reason, changed={"manager": (before.id, person.id)})
    post(MANDATE_TAKEN_AWAY, to=before, link="/performance/mandates", now=now, project=mandate.project, reason=reason)
    post(
        MANDATE_OFFERED, to=person, link=link_of(mandate), now=now, project=mandate.project, client=mandate.client_name
    )


# --- ending ---------------------------------------------------------------------------------------------------------------


def close(mandate: Mandate, number: str, *, on: date, by: Person, now: datetime) -> None:
    """成交: the manager (or the organisation) records the contract that came about, by its registration number."""
    mandate = locked(mandate)
    if mandate.person_id != by.id:
        _must_keep(mandate, by)
    state = mandate_moved(mandate.state, MandateMove.CLOSE)
    number = clean_number(number)
    if not number:
        raise NoContractNumber("number")
    _must_be_past(mandate, on, now)
    mandate.contract_number = number
    _end(mandate, state, on=on, because=number, by=by, did=DidMandate.CLOSE, now=now)


def terminate(mandate: Mandate, *, reason: str, on: date, by: Person, now: datetime) -> None:
    """终止 before the last day, with a reason that manager and organisation read."""
    mandate = locked(mandate)
    if mandate.person_id != by.id:
        _must_keep(mandate, by)
    elif mandate.state is not MandateState.ACTIVE:
        raise Forbidden
    state = mandate_moved(mandate.state, MandateMove.TERMINATE)
    _must_say(reason)
    _must_be_past(mandate, on, now)
    mandate.remark = reason
    _end(mandate, state, on=on, because=reason, by=by, did=DidMandate.TERMINATE, now=now)


def expire(mandate: Mandate, *, now: datetime) -> None:
    """到期: by the clock, the day after the last day."""
    mandate = locked(mandate)
    if mandate.state not in OPEN_MANDATES or mandate.ends_on >= clock.local_date(now):
        return
    state = mandate_moved(mandate.state, MandateMove.EXPIRE)
    _end(mandate, state, on=mandate.ends_on, because="", by=None, did=DidMandate.EXPIRE, now=now)


def due_to_expire(today: date) -> list[int]:
    return list(
        db.session.scalars(
            select(Mandate.id).where(Mandate.state.in_(OPEN_MANDATES), Mandate.ends_on < today).order_by(Mandate.id)
        )
    )


def _end(mandate: Mandate, state: MandateState, *, on: date, because: str, by: Person | None, did: Any, now: datetime) -> None:  # fmt: skip
    mandate.state, mandate.ended_on = state, on
    _lay_down(mandate, on=on, because=because)
    record(did, mandate, by=by, reason=because)
    if by is None or by.id != mandate.person_id:
        post(MANDATE_ENDED, to=mandate.person, link=link_of(mandate), now=now, project=mandate.project, on=on)
    if mandate.signed_at is not None:
        opinions.ask(mandate, now=now)


def _must_be_past(mandate: Mandate, on: date, now: datetime) -> None:
    if on > clock.local_date(now):
        raise BadDay("on")
    if on < mandate.starts_on:
        raise BeforeStart("on")


class BeforeStart(Invalid):
    message = _l("This day lies before the first day of the mandate.")


def _must_say(reason: str) -> None:
    if not reason.strip():
        raise ReasonMissing("reason")


def link_of(mandate: Mandate) -> str:
    return f"/performance/mandates/{mandate.id}"


def _tell_officers(letter: Letter, mandate: Mandate, *, now: datetime, **more: Any) -> None:
    """Everybody who keeps mandates in the organisation, else in its region."""
    told = [
        one for role in (Role.BASE, Role.EMPLOYER) for one in holders_of(role, organisation_id=mandate.organisation_id)
    ]
    told = told or holders_of(Role.CERTIFICATION, region_id=mandate.region_id)
    for one in {one.id: one for one in told if one.id != mandate.person_id}.values():
        post(letter, to=one, link=link_of(mandate), now=now, project=mandate.project, name=mandate.person.name, **more)


# --- claims ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prefilled:
    """What a claim on the contract of a mandate begins with."""

    number: str
    title: str
    buyer: str
    seller: str
    note: str


def claim_begins_with(mandate: Mandate) -> Prefilled | None:
    """What the claim form is filled with; None where no contract came about."""
    if mandate.state is not MandateState.DEAL:
        return None
    parties = {Side.SUPPLY: ("", mandate.client_name), Side.DEMAND: (mandate.client_name, "")}
    buyer, seller = parties.get(mandate.side, (mandate.other_name, mandate.client_name))
    return Prefilled(mandate.contract_number, mandate.project, buyer, seller, mandate.scope[:1500])


def contract_registered(mandate: Mandate) -> bool | None:
    """Is the contract of the deal in the register? None where there is no deal."""
    if not mandate.contract_number:
        return None
    found = by_number(mandate.contract_number)
    return found is not None and found.state is ContractState.REGISTERED


def claims_of(mandate: Mandate) -> Sequence[Claim]:
    """Claims of the acting manager on the contract of the deal."""
    if not mandate.contract_number:
        return []
    return db.session.scalars(
        select(Claim)
        .join(Contract)
        .where(Contract.number == mandate.contract_number, Claim.person_id == mandate.person_id)
        .order_by(Claim.id)
    ).all()
