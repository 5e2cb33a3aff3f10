"""Claims: drafting, submitting, reviewing, reversing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, or_, select

from app.accounts.models import Person
from app.accounts.scope import reaches, within
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.waiting import Waiting, waiting
from app.db import db, locked
from app.files.models import StoredFile
from app.files.service import keep
from app.notices.service import post
from app.performance import contracts, ledger
from app.performance.arithmetic import Basis, Measure
from app.performance.contracts import BadDay, ContractData, Dissolved
from app.performance.deeds import Did
from app.performance.letters import CLAIM_GRANTED, CLAIM_REFUSED, CLAIM_RETURNED
from app.performance.models import Claim, ClaimFile, Contract, ContractState, CreditEntry
from app.performance.rulebook import RuleBook
from app.performance.states import EDITABLE, ClaimMove, ClaimState, claim_moved

MOST_FILES = 10


class NoSuchIndicator(Invalid):
    message = _l("This indicator does not exist. Please choose one from the list.")


class Needed(Invalid):
    message = _l("This indicator needs this value.")


class NoEvidence(Invalid):
    message = _l("Please attach at least one file as evidence before you submit.")


class TooManyFiles(Invalid):
    message = _l("At most %(n)s files can be attached. Put several pages into one PDF.")


class OwnClaim(Refused):
    status = 403
    message = _l("This is your own claim, so another reviewer must decide on it.")


class Conflict(Refused):
    status = 403
    message = _l("The claimant belongs to your organisation, so a reviewer from elsewhere must decide on this claim.")


class NotEditable(Refused):
    message = _l(
        "This claim has been submitted, so it can no longer be changed. You can withdraw it and make a new one."
    )


@dataclass(frozen=True)
class ClaimData:
    """What a claim says, as typed. ``contract`` for an indicator on contracts, else ``amount`` or ``quantity``."""

    indicator: str
    title: str
    dated: date
    amount: Decimal | None = None
    quantity: Decimal = Decimal(1)
    share: Decimal | None = None
    related_party: bool = False
    note: str = ""
    contract: ContractData | None = None


def claims_visible_to(person: Person) -> Select[Claim]:
    """Own claims, and those in reach of a right to review or read. An officer sees no drafts."""
    return (
        select(Claim)
        .join(Person, Person.id == Claim.person_id)
        .where(or_(Claim.person_id == person.id, _in_reach(person) & (Claim.state != ClaimState.DRAFT)))
    )


def _in_reach(person: Person) -> Any:
    return or_(
        *(
            within(person, can, region=Person.region_id, organisation=Person.organisation_id)
            for can in (Can.REVIEW_CLAIM, Can.READ_CLAIM)
        )
    )


def office_claims(person: Person) -> Select[Claim]:
    """What an officer's list begins with: visible claims of others."""
    return claims_visible_to(person).where(Claim.state != ClaimState.DRAFT, Claim.person_id != person.id)


def waiting_for(person: Person) -> Select[Claim]:
    """Submitted claims this person may decide: in reach, not their own, not of their own organisation."""
    asked = (
        select(Claim)
        .join(Person, Person.id == Claim.person_id)
        .where(
            Claim.state == ClaimState.SUBMITTED,
            Claim.person_id != person.id,
            within(person, Can.REVIEW_CLAIM, region=Person.region_id, organisation=Person.organisation_id),
        )
    )
    if person.organisation_id is not None:
        asked = asked.where(or_(Person.organisation_id.is_(None), Person.organisation_id != person.organisation_id))
    return asked


def count_waiting(person: Person) -> Waiting:
    return waiting(waiting_for(person), Claim.submitted_at)


def claim_for(person: Person, claim_id: int) -> Claim:
    """A claim open to the person. Raises NotFound."""
    found = db.session.scalar(claims_visible_to(person).where(Claim.id == claim_id))
    if found is None:
        raise NotFound
    return found


def own_claim_for(person: Person, claim_id: int) -> Claim:
    """The person's own claim. Raises NotFound for anybody else's."""
    found = db.session.scalar(select(Claim).where(Claim.id == claim_id, Claim.person_id == person.id))
    if found is None:
        raise NotFound
    return found


def may_decide(person: Person, claim: Claim) -> bool:
    """Is the decision box open to this person?"""
    try:
        _must_review(claim, person)
    except Refused:
        return False
    return claim.state is ClaimState.SUBMITTED


def draft(data: ClaimData, *, uploads: Sequence[Any] = (), by: Person, now: datetime) -> Claim:
    """Begin a claim. Raises Invalid at the field that does not fit the indicator."""
    made = Claim(person_id=by.id, state=ClaimState.DRAFT, created_at=now)
    _fill(made, data, by=by, now=now)
    db.session.add(made)
    record(Did.DRAFT_CLAIM, made, by=by, more={"indicator": made.indicator})
    attach(made, uploads, by=by)
    return made


def edit(claim: Claim, data: ClaimData, *, uploads: Sequence[Any] = (), by: Person, now: datetime) -> None:
    """Change a draft or a returned claim; a share already held follows the new figure at the next submission."""
    claim = _held(claim)
    if claim.state not in EDITABLE or claim.person_id != by.id:
        raise NotEditable
    if data.indicator != claim.indicator:
        raise NoSuchIndicator("indicator")
    before = claim.contract_id
    _fill(claim, data, by=by, now=now)
    if claim.state is ClaimState.RETURNED and claim.contract_id != before:
        contracts.release_share(claim, now=now)
    record(Did.EDIT_CLAIM, claim, by=by)
    attach(claim, uploads, by=by)


def _held(claim: Claim) -> Claim:
    """The claim under its lock; its contract first, so that everybody locks in the same order."""
    if claim.contract_id is not None:
        locked(db.session.get_one(Contract, claim.contract_id))
    return locked(claim)


def _fill(claim: Claim, data: ClaimData, *, by: Person, now: datetime) -> None:
    if data.dated > clock.local_date(now):
        raise BadDay("dated")
    book = RuleBook(by.region_id)
    version = book.on(data.dated)
    indicator = book.rules(version).indicators.get(data.indicator)
    if indicator is None:
        raise NoSuchIndicator("indicator")
    claim.indicator, claim.rule_id, claim.rule = indicator.code, version.id, version
    claim.title, claim.dated, claim.note, claim.related_party = data.title, data.dated, data.note, data.related_party
    claim.amount = claim.share = claim.contract_id = None
    claim.quantity = Decimal(1)
    if indicator.basis is Basis.CONTRACT:
        if data.contract is None:
            raise Needed("number")
        if data.share is None:
            raise Needed("share")
        contract = contracts.declared(data.contract, by=by, now=now)
        claim.contract_id, claim.contract, claim.amount, claim.share = contract.id, contract, data.amount, data.share
        if contract.state is not ContractState.DECLARED:
            claim.dated = contract.signed_on
            claim.rule = book.on(contract.signed_on)
            claim.rule_id = claim.rule.id
    elif indicator.measure is Measure.AMOUNT:
        if data.amount is None:
            raise Needed("amount")
        claim.amount, claim.share = data.amount, data.share if data.share is not None else Decimal(100)
    elif indicator.measure is Measure.UNIT:
        if data.quantity <= 0:
            raise Needed("quantity")
        claim.quantity = data.quantity


def attach(claim: Claim, uploads: Sequence[Any], *, by: Person) -> list[StoredFile]:
    """Store files as evidence of an own claim that is still open. Raises FileRefused, TooManyFiles."""
    uploads = [one for one in uploads if one is not None and one.filename]
    if not uploads:
        return []
    if claim.state not in EDITABLE or claim.person_id != by.id:
        raise NotEditable
    if claim.id is None:
        db.session.flush()  # the evidence names the claim by its id
    there = db.session.scalar(select(func.count()).where(ClaimFile.claim_id == claim.id)) or 0
    if there + len(uploads) > MOST_FILES:
        raise TooManyFiles("files", n=MOST_FILES)
    made = [keep(one, owner=by, field="files") for one in uploads]
    db.session.add_all(ClaimFile(claim_id=claim.id, file_id=one.id) for one in made)
    db.session.expire(claim, ["files"])
    return made


def detach(claim: Claim, file_id: int, *, by: Person) -> None:
    """Take a file off an own claim that is still open."""
    claim = locked(claim)
    if claim.state not in EDITABLE or claim.person_id != by.id:
        raise NotEditable
    found = db.session.get(ClaimFile, (claim.id, file_id))
    if found is None:
        raise NotFound
    db.session.delete(found)
    record(Did.EDIT_CLAIM, claim, by=by, more={"file_removed": file_id})


def file_of(claim: Claim, file_id: int) -> StoredFile:
    found = db.session.get(ClaimFile, (claim.id, file_id))
    if found is None:
        raise NotFound
    return found.file


def submit(claim: Claim, *, by: Person, now: datetime) -> None:
    """Hand a claim in. The share of the contract is taken here, under the contract's lock."""
    claim = _held(claim)
    if claim.person_id != by.id:
        raise NotFound
    state = claim_moved(claim.state, ClaimMove.SUBMIT)
    book = RuleBook(claim.person.region_id)
    claim.rule = book.on(claim.contract.signed_on if claim.contract is not None else claim.dated)
    indicator = book.rules(claim.rule).indicators.get(claim.indicator)
    if indicator is None:
        raise NoSuchIndicator("indicator")
    if not db.session.scalar(select(func.count()).where(ClaimFile.claim_id == claim.id)):
        raise NoEvidence("files")
    if claim.contract is not None:
        if claim.contract.state is ContractState.DISSOLVED:
            raise Dissolved
        contracts.take_share(claim, claim.contract, now=now)
    claim.state, claim.submitted_at = state, now
    record(Did.SUBMIT_CLAIM, claim, by=by)


def withdraw(claim: Claim, *, by: Person, now: datetime) -> None:
    """Take an own claim back before it is decided; its share becomes free."""
    claim = _held(claim)
    if claim.person_id != by.id:
        raise NotFound
    claim.state = claim_moved(claim.state, ClaimMove.WITHDRAW)
    contracts.release_share(claim, now=now)
    record(Did.WITHDRAW_CLAIM, claim, by=by)


def _must_review(claim: Claim, by: Person) -> None:
    """Nobody reviews their own claim, nor one of their own organisation, nor one out of their reach."""
    owner = claim.person
    if owner.id == by.id:
        raise OwnClaim
    if not reaches(by, Can.REVIEW_CLAIM, region=owner.region_id, organisation=owner.organisation_id):
        raise NotFound
    if owner.organisation_id is not None and owner.organisation_id == by.organisation_id:
        raise Conflict


def approve(claim: Claim, *, by: Person, now: datetime, remark: str = "", allowed: str = "") -> list[CreditEntry]:
    """Grant a submitted claim: its lines go into the ledger. ``allowed``: why a void deal counts all the same."""
    claim = _held(claim)
    _must_review(claim, by)
    state = claim_moved(claim.state, ClaimMove.APPROVE)
    if claim.contract is not None and claim.contract.state is ContractState.DISSOLVED:
        raise Dissolved
    allowed = allowed if ledger.given_of(claim).void else ""
    claim.state, claim.reviewed_by_id, claim.reviewed_at = state, by.id, now
    claim.remark, claim.allowed = remark, allowed
    made = ledger.grant(claim, by=by, now=now, allowed=allowed)
    points = sum((one.points for one in made), Decimal(0))
    record(Did.APPROVE_CLAIM, claim, by=by, reason=allowed or remark, more={"points": points})
    post(CLAIM_GRANTED, to=claim.person, link=_link(claim), now=now, title=claim.title, points=points)
    return made


def send_back(claim: Claim, *, by: Person, now: datetime, remark: str) -> None:
    """Return a claim for correction; it keeps its share meanwhile."""
    _decide(claim, ClaimMove.RETURN, Did.RETURN_CLAIM, CLAIM_RETURNED, by=by, now=now, remark=remark)


def refuse(claim: Claim, *, by: Person, now: datetime, remark: str) -> None:
    """Refuse a claim for good; its share becomes free."""
    claim = _decide(claim, ClaimMove.REFUSE, Did.REFUSE_CLAIM, CLAIM_REFUSED, by=by, now=now, remark=remark)
    contracts.release_share(claim, now=now)


def _decide(
    claim: Claim, move: ClaimMove, did: Did, words: Any, *, by: Person, now: datetime, remark: str
) -> Claim:  # fmt: skip
    claim = _held(claim)
    _must_review(claim, by)
    state = claim_moved(claim.state, move)
    if not remark.strip():
        raise ReasonNeeded("remark")
    claim.state, claim.reviewed_by_id, claim.reviewed_at, claim.remark = state, by.id, now, remark
    record(did, claim, by=by, reason=remark)
    post(words, to=claim.person, link=_link(claim), now=now, title=claim.title, remark=remark)
    return claim


class ReasonNeeded(Invalid):
    message = _l("Please write the reason: the claimant will read it.")


def reverse_claim(claim: Claim, *, on: date, reason: str, by: Person, now: datetime) -> list[CreditEntry]:
    """Take a granted claim's points back (false claim, mistake) by reversing lines dated on the day of the event."""
    claim = _held(claim)
    owner = claim.person
    if owner.id == by.id:
        raise OwnClaim
    if not reaches(by, Can.REVERSE_CREDIT, region=owner.region_id, organisation=owner.organisation_id):
        raise NotFound
    claim_moved(claim.state, ClaimMove.REVERSE)
    if on > clock.local_date(now):
        raise BadDay("on")
    if not reason.strip():
        raise ReasonNeeded("reason")
    return contracts.take_back(claim, on=on, reason=reason, by=by, now=now)


def _link(claim: Claim) -> str:
    return f"/performance/claims/{claim.id}"


@dataclass(frozen=True)
class SeenElsewhere:
    """Evidence with the same content on another claim."""

    name: str
    claim_id: int
    own: bool


def seen_elsewhere(claim: Claim) -> list[SeenElsewhere]:
    """Files of this claim whose content is also evidence of another claim: to be looked at, not forbidden."""
    mine = {one.file.sha256: one.file.name for one in claim.files}
    if not mine:
        return []
    rows = db.session.execute(
        select(StoredFile.sha256, Claim.id, Claim.person_id)
        .join(ClaimFile, ClaimFile.file_id == StoredFile.id)
        .join(Claim, Claim.id == ClaimFile.claim_id)
        .where(StoredFile.sha256.in_(mine), Claim.id != claim.id, Claim.state != ClaimState.DRAFT)
        .order_by(Claim.id)
    )
    return [SeenElsewhere(mine[sha], number, owner == claim.person_id) for sha, number, owner in rows]
