"""Claims that stand on a number nobody has found in the register, and registered contracts that may be meant.

A claim whose number is right is matched by itself: the register confirms the contract its claimant declared. What is left has
a number mistyped, or a contract that was never registered; likely ones are proposed by number, parties, amount and day.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from difflib import SequenceMatcher
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from app.accounts.models import Person
from app.accounts.scope import within
from app.audit.service import record
from app.core.errors import NotAllowedNow, NotFound, Refused
from app.core.permissions import Can
from app.db import db, locked
from app.imports.uses import named_elsewhere
from app.notices.service import post
from app.performance import contracts
from app.performance.deeds import Did
from app.performance.letters import CLAIM_MATCHED
from app.performance.models import Claim, Contract, ContractShare, ContractState
from app.performance.rulebook import RuleBook
from app.performance.states import ClaimState

OPEN = (ClaimState.SUBMITTED, ClaimState.RETURNED)
NEAR = timedelta(days=180)
LEAST = 50
MOST = 3


class NotInRegister(Refused):
    message = _l("This contract is not in the register, or it was dissolved. Please choose another one.")


@dataclass(frozen=True)
class Proposal:
    """A registered contract that a claim may mean, and why."""

    id: int
    number: str
    title: str
    buyer: str
    seller: str
    amount: Decimal
    signed_on: date
    score: int
    why: tuple[str, ...]


def unmatched_claims(person: Person) -> Select[Claim]:
    """Open claims on contracts that nobody has found in the register, in the regions whose register the person keeps."""
    return (
        select(Claim)
        .join(Contract, Contract.id == Claim.contract_id)
        .join(Person, Person.id == Claim.person_id)
        .where(
            Contract.state == ContractState.DECLARED,
            Claim.state.in_(OPEN),
            within(person, Can.KEEP_CONTRACT, region=Contract.region_id),
        )
        .options(joinedload(Claim.contract), joinedload(Claim.person))
        .order_by(Claim.submitted_at, Claim.id)
    )


def unmatched_contracts(person: Person) -> Select[Contract]:
    """Registered contracts of which nobody holds a share."""
    held = select(ContractShare.id).where(ContractShare.contract_id == Contract.id, ContractShare.released_at.is_(None))
    return (
        contracts.contracts_visible_to(person)
        .where(Contract.state == ContractState.REGISTERED, ~held.exists())
        .order_by(Contract.signed_on.desc(), Contract.id.desc())
    )


def count_unmatched(person: Person) -> int:
    return db.session.scalar(select(func.count()).select_from(unmatched_claims(person).order_by(None).subquery())) or 0


def proposals_for(claims: Sequence[Claim]) -> dict[int, list[Proposal]]:
    """Claim id → the likeliest registered contracts of the same region. One question for all of them."""
    declared = [c.contract for c in claims if c.contract is not None]
    if not declared:
        return {}
    days = [c.signed_on for c in declared]
    c = Contract
    rows = db.session.execute(
        select(c.id, c.number, c.title, c.buyer, c.seller, c.amount, c.signed_on, c.region_id)
        .where(
            c.state == ContractState.REGISTERED,
            c.region_id.in_({one.region_id for one in declared}),
            c.signed_on.between(min(days) - NEAR, max(days) + NEAR),
        )
        .order_by(c.id.desc())
        .limit(5000)
    ).all()
    made: dict[int, list[Proposal]] = {}
    for claim in claims:
        if claim.contract is None:
            continue
        judged = (_judge(claim.contract, row) for row in rows if row.region_id == claim.contract.region_id)
        likely = sorted((p for p in judged if p is not None), key=lambda p: (-p.score, p.id))
        made[claim.id] = likely[:MOST]
    return made


def _name(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).lower() if c.isalnum())


def _judge(said: Contract, row: Any) -> Proposal | None:
    """How well a registered contract fits what a claimant declared; None where it does not."""
    score, why = 0, []
    if len(said.number) == len(row.number) and sum(a != b for a, b in zip(said.number, row.number, strict=True)) <= 2:
        score += 40
        why.append(_("number differs in a digit or two"))
    elif SequenceMatcher(None, said.number, row.number, autojunk=False).quick_ratio() >= 0.9 and (
        said.number in row.number or row.number in said.number
    ):
        score += 30
        why.append(_("number is part of the other"))
    parties = {_name(said.buyer), _name(said.seller)} & {_name(row.buyer), _name(row.seller)} - {""}
    if parties:
        score += 25 * len(parties)
        why.append(_("both parties the same") if len(parties) == 2 else _("one party the same"))
    if said.amount == row.amount and said.amount:
        score += 25
        why.append(_("same amount"))
    elif row.amount and abs(said.amount - row.amount) <= row.amount / 100:
        score += 15
        why.append(_("amount differs by less than 1 %%"))
    apart = abs((said.signed_on - row.signed_on).days)
    if apart <= 31:
        score += 20 if not apart else 10
        why.append(_("same day") if not apart else _("signed within a month"))
    if score < LEAST:
        return None
    return Proposal(row.id, row.number, row.title, row.buyer, row.seller, row.amount, row.signed_on, score, tuple(why))


def claim_to_match(person: Person, claim_id: int) -> Claim:
    """One unmatched claim in reach. NotFound otherwise, also when somebody has matched it meanwhile."""
    found = db.session.scalar(unmatched_claims(person).where(Claim.id == claim_id))
    if found is None:
        raise NotFound
    return found


def attach(claim: Claim, contract: Contract, *, by: Person, now: datetime) -> None:
    """Say which registered contract a claim means: its share moves there, its day and rule follow the register.

    Raises NotInRegister, OwnContract, ShareTaken, ClaimedAlready, NotAllowedNow.
    """
    declared_id = claim.contract_id
    for contract_id in sorted({i for i in (declared_id, contract.id) if i is not None}):
        locked(db.session.get_one(Contract, contract_id))
    claim = locked(claim)
    declared = claim.contract
    if claim.state not in OPEN or declared is None or declared.id != declared_id or declared.id == contract.id:
        raise NotAllowedNow
    if contract.state is not ContractState.REGISTERED or contract.region_id != declared.region_id:
        raise NotInRegister
    contracts._must_keep(contract, by, Can.KEEP_CONTRACT)
    if claim.person_id == by.id:
        raise contracts.OwnContract
    contracts.take_share(claim, contract, now=now)
    before = declared.number
    claim.contract_id, claim.contract, claim.dated = contract.id, contract, contract.signed_on
    claim.rule = RuleBook(claim.person.region_id).on(contract.signed_on)
    claim.rule_id = claim.rule.id
    record(Did.MATCH_CLAIM, claim, by=by, changed={"contract": (before, contract.number)})
    post(
        CLAIM_MATCHED, to=claim.person, link=f"/performance/claims/{claim.id}", now=now, title=claim.title,
        number=contract.number, before=before,
    )  # fmt: skip
    db.session.flush()  # nothing names the declared one any more, unless somebody else does
    if declared.state is ContractState.DECLARED and not named_elsewhere("contract", [declared.id]):
        db.session.delete(declared)
