"""The register of technology contracts: entering, confirming, sharing among claimants, dissolving."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, or_, select
from sqlalchemy.exc import IntegrityError

from app.accounts.models import Person
from app.accounts.scope import must_reach, reaches, within
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.text import day
from app.db import db, locked
from app.notices.service import post
from app.performance import ledger
from app.performance.deeds import Did
from app.performance.letters import CREDIT_REVERSED
from app.performance.models import Claim, Contract, ContractKind, ContractShare, ContractState, CreditEntry
from app.performance.states import ClaimMove, ClaimState, claim_moved


class NumberTaken(Invalid):
    message = _l("A contract with this registration number is in the register already. Open that one instead.")


class BadDay(Invalid):
    message = _l("This day lies in the future. Please give the day on which it happened.")


class WithDays:
    """A refusal that names days: they are put into words when it is shown, in the reader's language."""

    values: dict[str, Any]
    message: Any

    @property
    def text(self) -> str:
        return str(self.message) % {k: day(v) if isinstance(v, date) else v for k, v in self.values.items()}


class TooEarly(WithDays, Invalid):
    message = _l("A contract cannot be dissolved before it was signed (%(on)s).")


class OwnContract(Refused):
    status = 403
    message = _l("You have a claim on this contract, so another officer must deal with it.")


class ContractCounted(Refused):
    message = _l("Points stand on this contract, so its data can no longer be changed. Reverse the claims first.")


class Dissolved(Refused):
    message = _l("This contract was dissolved, so nothing can be granted on it. You can refuse the claim.")


class ShareTaken(Invalid):
    message = _l("Others hold %(taken)s %% of this contract, so at most %(free)s %% is free; you asked for %(asked)s %%. "
                 "Agree on the shares with your partners, or ask the office.")  # fmt: skip


class ClaimedAlready(Invalid):
    message = _l("You have a claim on this contract already. Continue with that one, or withdraw it first.")


@dataclass(frozen=True)
class ContractData:
    """What a contract says, as typed."""

    number: str
    title: str
    kind: ContractKind
    buyer: str
    seller: str
    amount: Decimal
    signed_on: date
    registered_on: date | None = None


@dataclass(frozen=True)
class Glimpse:
    """What somebody who asks for a number may know: is it registered, and how much is free. No names, no amount."""

    number: str
    state: ContractState
    taken: Decimal

    @property
    def free(self) -> Decimal:
        return max(Decimal(0), 100 - self.taken)


def clean_number(text: str) -> str:
    """登记编号 in one form: half width, capitals, no blanks."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).upper()[:40]


SEES = (Can.READ_CLAIM, Can.REVIEW_CLAIM, Can.KEEP_CONTRACT)


def contracts_visible_to(person: Person) -> Select[Contract]:
    """Contracts of the regions in which a person may review or read claims, or keeps the register."""
    return select(Contract).where(or_(*(within(person, can, region=Contract.region_id) for can in SEES)))


def contract_for(person: Person, contract_id: int) -> Contract:
    found = db.session.scalar(contracts_visible_to(person).where(Contract.id == contract_id))
    if found is None:
        raise NotFound
    return found


def by_number(number: str) -> Contract | None:
    return db.session.scalar(select(Contract).where(Contract.number == clean_number(number)))


def taken(contract_id: int, *, besides: int | None = None) -> Decimal:
    """How many per cent are held by claims, leaving out one claim."""
    asked = select(func.sum(ContractShare.share)).where(
        ContractShare.contract_id == contract_id, ContractShare.released_at.is_(None)
    )
    if besides is not None:
        asked = asked.where(ContractShare.claim_id != besides)
    return Decimal(db.session.scalar(asked) or 0)


def glimpse(number: str, *, besides: int | None = None) -> Glimpse | None:
    """What a claimant sees of a contract found by its number; None when nobody has entered it."""
    found = by_number(number)
    return None if found is None else Glimpse(found.number, found.state, taken(found.id, besides=besides))


def take_share(claim: Claim, contract: Contract, *, now: datetime) -> ContractShare:
    """Hold the claim's share of a contract that the caller has locked. Raises ShareTaken, ClaimedAlready."""
    assert claim.share is not None
    own = db.session.scalar(
        select(ContractShare).where(
            ContractShare.contract_id == contract.id,
            ContractShare.person_id == claim.person_id,
            ContractShare.claim_id != claim.id,
            ContractShare.released_at.is_(None),
        )
    )
    if own is not None:
        raise ClaimedAlready("number")
    others = taken(contract.id, besides=claim.id)
    if others + claim.share > 100:
        raise ShareTaken("share", taken=_short(others), free=_short(100 - others), asked=_short(claim.share))
    held = db.session.scalar(select(ContractShare).where(ContractShare.claim_id == claim.id))
    if held is None:
        held = ContractShare(contract_id=contract.id, person_id=claim.person_id, claim_id=claim.id)
        db.session.add(held)
    held.share, held.taken_at, held.released_at = claim.share, now, None
    held.contract_id = contract.id
    return held


def _short(value: Decimal) -> str:
    return f"{value.normalize():f}"


def release_share(claim: Claim, *, now: datetime) -> None:
    held = db.session.scalar(
        select(ContractShare).where(ContractShare.claim_id == claim.id, ContractShare.released_at.is_(None))
    )
    if held is not None:
        held.released_at = now


def declared(data: ContractData, *, by: Person, now: datetime) -> Contract:
    """The contract of that number: the one in the register, or a new one that the claimant declares.

    A contract nobody else has a claim on takes the newest words of its claimant while it is only declared.
    """
    found = by_number(data.number)
    if found is None:
        made = Contract(state=ContractState.DECLARED, region_id=by.region_id, created_at=now, created_by_id=by.id)
        _fill(made, data)
        try:
            with db.session.begin_nested():
                db.session.add(made)
        except IntegrityError:  # somebody else declared the same number this moment
            found = by_number(data.number)
            assert found is not None
            return found
        return made
    others = db.session.scalar(
        select(func.count(Claim.id)).where(Claim.contract_id == found.id, Claim.person_id != by.id)
    )
    if found.state is ContractState.DECLARED and found.created_by_id == by.id and not others and not _counted(found):
        _fill(found, data)
    return found


def _fill(contract: Contract, data: ContractData) -> None:
    contract.number = clean_number(data.number)
    contract.title, contract.kind, contract.buyer, contract.seller = data.title, data.kind, data.buyer, data.seller
    contract.amount, contract.signed_on, contract.registered_on = data.amount, data.signed_on, data.registered_on


def _counted(contract: Contract) -> bool:
    """Do points stand on it?"""
    return bool(
        db.session.scalar(
            select(func.count(Claim.id)).where(Claim.contract_id == contract.id, Claim.state == ClaimState.GRANTED)
        )
    )


def _must_keep(contract: Contract, by: Person, can: Can) -> None:
    must_reach(by, can, region=contract.region_id)
    if db.session.scalar(
        select(func.count(Claim.id)).where(Claim.contract_id == contract.id, Claim.person_id == by.id)
    ):
        raise OwnContract


def _days_in_order(data: ContractData) -> None:
    for name in ("signed_on", "registered_on"):
        day = getattr(data, name)
        if day is not None and day > clock.today():
            raise BadDay(name)
    if data.registered_on is not None and data.registered_on < data.signed_on:
        raise RegisteredTooEarly("registered_on")


class RegisteredTooEarly(Invalid):
    message = _l("The day of registration lies before the day of signature.")


def right_for(person: Person, region_id: int | None, usual: Can) -> Can:
    """By which right somebody acts on a contract of a region: as who keeps the register, else by the usual one."""
    return Can.KEEP_CONTRACT if reaches(person, Can.KEEP_CONTRACT, region=region_id) else usual


def register(data: ContractData, *, by: Person, now: datetime, region_id: int | None = None) -> Contract:
    """Enter a contract by hand as it stands in the register. Raises NumberTaken, BadDay."""
    region_id = region_id if region_id is not None else by.region_id
    must_reach(by, right_for(by, region_id, Can.REVIEW_CLAIM), region=region_id)
    _days_in_order(data)
    if by_number(data.number) is not None:
        raise NumberTaken("number")
    made = Contract(
        state=ContractState.REGISTERED, region_id=region_id, created_at=now, created_by_id=by.id, entered_at=now
    )  # fmt: skip
    _fill(made, data)
    db.session.add(made)
    record(Did.REGISTER_CONTRACT, made, by=by, more={"number": made.number, "amount": made.amount})
    return made


def confirm(contract: Contract, data: ContractData, *, by: Person, now: datetime) -> None:
    """Confirm a declared contract against the register, or correct one on which no points stand yet."""
    contract = locked(contract)
    _must_keep(contract, by, right_for(by, contract.region_id, Can.REVIEW_CLAIM))
    if contract.state is ContractState.DISSOLVED:
        raise Dissolved
    if _counted(contract):
        raise ContractCounted
    _days_in_order(data)
    other = by_number(data.number)
    if other is not None and other.id != contract.id:
        raise NumberTaken("number")
    before = {"state": contract.state, "amount": contract.amount, "signed_on": contract.signed_on}
    _fill(contract, data)
    contract.state = ContractState.REGISTERED
    contract.entered_at = contract.entered_at or now
    record(
        Did.CONFIRM_CONTRACT, contract, by=by, changed={k: (v, getattr(contract, k)) for k, v in before.items()}
    )  # fmt: skip


def dissolve(contract: Contract, *, on: date, reason: str, by: Person, now: datetime) -> list[CreditEntry]:
    """Mark a contract as dissolved and reverse every line that stands on it, dated on the day of the dissolution. Who keeps
    the register states what the register says: the reversal follows from it."""
    contract = locked(contract)
    _must_keep(contract, by, right_for(by, contract.region_id, Can.REVERSE_CREDIT))
    if contract.state is ContractState.DISSOLVED:
        raise Dissolved
    if on > clock.local_date(now):
        raise BadDay("on")
    if on < contract.signed_on:
        raise TooEarly("on", on=contract.signed_on)
    contract.state, contract.dissolved_on, contract.dissolved_because = ContractState.DISSOLVED, on, reason[:400]
    contract.dissolved_at = now
    granted = db.session.scalars(
        select(Claim)
        .where(Claim.contract_id == contract.id, Claim.state == ClaimState.GRANTED)
        .order_by(Claim.id)
        .with_for_update(of=Claim)
        .execution_options(populate_existing=True)
    ).all()
    made: list[CreditEntry] = []
    for claim in granted:
        made += take_back(claim, on=on, reason=reason, by=by, now=now)
    record(Did.DISSOLVE_CONTRACT, contract, by=by, reason=reason, more={"on": on, "reversed": len(made)})
    return made


def take_back(claim: Claim, *, on: date, reason: str, by: Person, now: datetime) -> list[CreditEntry]:
    """Reverse a granted claim that the caller has locked: the lines, the share, the letter."""
    claim.state = claim_moved(claim.state, ClaimMove.REVERSE)
    made = ledger.reverse(claim, on=on, reason=reason, by=by, now=now)
    release_share(claim, now=now)
    record(Did.REVERSE_CLAIM, claim, by=by, reason=reason, more={"on": on, "lines": len(made)})
    post(
        CREDIT_REVERSED,
        to=claim.person,
        link=f"/performance/claims/{claim.id}",
        now=now,
        title=claim.title,
        points=-sum((one.points for one in made), Decimal(0)),
        on=on,
        reason=reason,
    )
    return made


def shares_held(contract: Contract) -> Sequence[ContractShare]:
    """The shares that are held, oldest first."""
    return [one for one in contract.shares if one.released_at is None]
