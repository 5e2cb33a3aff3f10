"""The ledger of points: granting, reversing, summing, and computing everything again from the working of each line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, literal, or_, select
from sqlalchemy.orm import selectinload

from app.accounts.models import Person
from app.accounts.scope import within
from app.core import clock
from app.core.errors import NotFound
from app.core.permissions import Can
from app.db import db, rows
from app.outline.models import RuleVersion
from app.outline.service import typed
from app.performance import arithmetic
from app.performance.arithmetic import Balance, Basis, Given, Line, Reckoning
from app.performance.models import Claim, Contract, ContractState, CreditEntry
from app.performance.rulebook import RuleBook
from app.performance.rules import as_rules
from app.performance.states import HOLDS_SHARE, ClaimState


def entries_visible_to(person: Person) -> Select[CreditEntry]:
    """Ledger lines a person may read: their own, and those of people in reach of their right to read or review."""
    return (
        select(CreditEntry)
        .join(Person, Person.id == CreditEntry.person_id)
        .where(
            or_(
                CreditEntry.person_id == person.id,
                within(person, Can.READ_CLAIM, region=Person.region_id, organisation=Person.organisation_id),
                within(person, Can.REVIEW_CLAIM, region=Person.region_id, organisation=Person.organisation_id),
            )
        )
    )


def entry_for(person: Person, entry_id: int) -> CreditEntry:
    """One line. Raises NotFound, also when it is not open to the person."""
    found = db.session.scalar(entries_visible_to(person).where(CreditEntry.id == entry_id))
    if found is None:
        raise NotFound
    return found


def line_of(entry: CreditEntry) -> Line:
    return Line(entry.id, entry.indicator, entry.dated, entry.points, entry.claim_id, entry.reverses_id)


_C, _ENTRIES = CreditEntry.__table__.c, CreditEntry.__table__
_COLUMNS = (_C.id, _C.indicator, _C.dated, _C.points, _C.claim_id, _C.reverses_id)


@cache
def _lines() -> Select[*tuple[Any, ...]]:
    return select(*_COLUMNS).where(_C.person_id == bindparam("person"))


def lines_of(person_id: int) -> list[Line]:
    """All lines of a person as plain values."""
    return [Line(*row) for row in rows(_lines(), {"person": person_id})]


@cache
def _lines_and_waiting() -> Select[*tuple[Any, ...]]:
    """The lines of a person beside the number of claims that wait for review; one row where there is no line."""
    claim = Claim.__table__.c
    mine = (claim.person_id == bindparam("person"), claim.state == ClaimState.SUBMITTED)
    waiting = select(func.count(claim.id)).where(*mine).scalar_subquery()
    once = select(literal(1).label("once")).subquery()
    joined = once.outerjoin(_ENTRIES, _C.person_id == bindparam("person"))
    return select(waiting, *_COLUMNS).select_from(joined)


def lines_and_waiting(person_id: int) -> tuple[list[Line], int]:
    """All lines of a person, and how many of their claims wait for review. One query."""
    found = rows(_lines_and_waiting(), {"person": person_id}).all()
    return [Line(*row[1:]) for row in found if row[1] is not None], found[0][0]


def balance_of(
    person: Person,
    since: date | None = None,
    until: date | None = None,
    *,
    book: RuleBook | None = None,
    lines: list[Line] | None = None,
) -> Balance:
    """The person's credit inside a window (by default all of it up to today), made anew from the ledger (``lines``: where
    it was read already)."""
    book = book or RuleBook(person.region_id)
    return book.balance(lines_of(person.id) if lines is None else lines, since, until or clock.today())


def given_of(claim: Claim, *, allowed: str = "") -> Given:
    """What a claim's points are reckoned from. For a contract the register's amount counts, not the declared one."""
    void = []
    if claim.related_party:
        void.append(arithmetic.Void.RELATED.value)
    if claim.contract is not None and claim.contract.state is not ContractState.REGISTERED:
        void.append(arithmetic.Void.UNREGISTERED.value)
    amount = claim.contract.amount if claim.contract is not None else claim.amount
    share = claim.share if claim.share is not None else Decimal(100)
    return Given(amount, share, claim.quantity, tuple(void), allowed)


def reckonings(claim: Claim, *, allowed: str = "") -> list[tuple[str, Reckoning]]:
    """What the claim would give, by indicator: each indicator on contracts for a contract, else the one it names."""
    rules = as_rules(typed(claim.rule))
    asked = rules.indicators[claim.indicator]
    chosen = rules.of_basis(Basis.CONTRACT) if asked.basis is Basis.CONTRACT else [asked]
    given = given_of(claim, allowed=allowed)
    return [(one.code, arithmetic.reckon(one, given)) for one in chosen]


def _working(rule: RuleVersion, indicator: str, given: Given, reckoning: Reckoning) -> dict[str, Any]:
    return {
        "do": "grant",
        "rule": rule.kind,
        "version": rule.version,
        "rule_id": rule.id,
        "indicator": indicator,
        "inputs": {
            "amount": str(given.amount) if given.amount is not None else None,
            "share": str(given.share),
            "quantity": str(given.quantity),
            "void": list(given.void),
            "allowed": given.allowed,
        },
        "steps": reckoning.steps,
        "points": str(reckoning.points),
    }


def grant(claim: Claim, *, by: Person, now: datetime, allowed: str = "") -> list[CreditEntry]:
    """Add the lines of an approved claim. A line of 0 points is added too: it tells why nothing counts."""
    given = given_of(claim, allowed=allowed)
    made = [
        CreditEntry(
            person_id=claim.person_id,
            claim_id=claim.id,
            indicator=code,
            dated=claim.contract.signed_on if claim.contract is not None else claim.dated,
            points=reckoning.points,
            amount=reckoning.own,
            rule_id=claim.rule_id,
            working=_working(claim.rule, code, given, reckoning),
            created_at=now,
            created_by_id=by.id,
        )
        for code, reckoning in reckonings(claim, allowed=allowed)
    ]
    db.session.add_all(made)
    return made


def standing_entries(claim: Claim) -> list[CreditEntry]:
    """The claim's grants that have not been reversed. Read inside the caller's unit of work."""
    entries = list(
        db.session.scalars(select(CreditEntry).where(CreditEntry.claim_id == claim.id).order_by(CreditEntry.id))
    )
    gone = {one.reverses_id for one in entries}
    return [one for one in entries if one.reverses_id is None and one.id not in gone]


def reverse(claim: Claim, *, on: date, reason: str, by: Person, now: datetime) -> list[CreditEntry]:
    """Add a reversing line for each standing line of a claim, dated on the day of the event."""
    made = [
        CreditEntry(
            person_id=one.person_id,
            claim_id=one.claim_id,
            indicator=one.indicator,
            dated=on,
            points=-one.points,
            amount=one.amount,
            reverses_id=one.id,
            rule_id=one.rule_id,
            reason=reason[:400],
            working={"do": "reverse", "of": one.id, "points": str(-one.points), "reason": reason},
            created_at=now,
            created_by_id=by.id,
        )
        for one in standing_entries(claim)
    ]
    db.session.add_all(made)
    return made


@dataclass
class Recomputed:
    """What ``recompute`` found. ``balances``: person id → credit as of the day; ``faults`` in words."""

    entries: int = 0
    balances: dict[int, Decimal] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not self.faults


def recompute(on: date | None = None) -> Recomputed:
    """Compute every line again from its own inputs and pinned rule version, every balance from the lines so computed,
    and compare both with what the ledger says. Changes nothing."""
    on = on or clock.today()
    found = Recomputed()
    versions = {one.id: one for one in db.session.scalars(select(RuleVersion).where(RuleVersion.kind == "indicators"))}
    rules = {number: as_rules(typed(one)) for number, one in versions.items()}
    by_person: dict[int, list[tuple[Line, Line]]] = {}
    entries = {one.id: one for one in db.session.scalars(select(CreditEntry).order_by(CreditEntry.id))}
    for entry in entries.values():
        found.entries += 1
        points, wrong = _again(entry, entries, versions, rules)
        found.faults += [f"entry {entry.id}: {words}" for words in wrong]
        said = line_of(entry)
        made = Line(said.id, said.indicator, said.dated, points, said.claim, said.reverses)
        by_person.setdefault(entry.person_id, []).append((said, made))
    people = {
        one.id: one.region_id
        for one in db.session.execute(select(Person.id, Person.region_id).where(Person.id.in_(by_person)))
    }
    books: dict[int | None, RuleBook] = {}
    for person_id, pairs in sorted(by_person.items()):
        region = people[person_id]
        if region not in books:
            books[region] = RuleBook(region)
        told, true = (books[region].balance(lines, None, on).total for lines in zip(*pairs, strict=True))
        found.balances[person_id] = true
        if told != true:
            found.faults.append(f"person {person_id}: the ledger gives {told} points, computed again they are {true}")
    found.faults += _claims_and_shares(entries.values())
    return found


def _again(
    entry: CreditEntry,
    entries: Mapping[int, CreditEntry],
    versions: Mapping[int, RuleVersion],
    rules: Mapping[int, arithmetic.Rules],
) -> tuple[Decimal, list[str]]:
    """The points of one line computed again, and what does not agree."""
    wrong: list[str] = []
    if entry.reverses_id is not None:
        first = entries[entry.reverses_id]
        points = -_again(first, entries, versions, rules)[0] if first.reverses_id is None else Decimal(0)
        if first.reverses_id is not None:
            wrong.append(f"reverses entry {first.id}, which is itself a reversal")
        if (first.person_id, first.indicator, first.claim_id) != (entry.person_id, entry.indicator, entry.claim_id):
            wrong.append(f"reverses entry {first.id} of another person, indicator or claim")
        if entry.points != points:
            wrong.append(f"reverses {entry.points} points, entry {first.id} computed again gives {points}")
        return points, wrong
    working = entry.working
    version = versions.get(entry.rule_id)
    if version is None or working.get("rule_id") != entry.rule_id or working.get("version") != version.version:
        return entry.points, ["its working names another rule version than the line"]
    indicator = rules[entry.rule_id].indicators.get(entry.indicator)
    if indicator is None or working.get("indicator") != entry.indicator:
        return entry.points, [f"its rule version has no indicator {entry.indicator}, or its working names another"]
    try:
        given = given_again(working["inputs"])
    except (KeyError, TypeError, ArithmeticError):
        return entry.points, ["the inputs in its working cannot be read"]
    made = arithmetic.reckon(indicator, given)
    if entry.points != made.points:
        wrong.append(f"holds {entry.points} points, computed again they are {made.points}")
    if entry.amount != made.own:
        wrong.append(f"holds the own amount {entry.amount}, computed again it is {made.own}")
    if working.get("steps") != made.steps or working.get("points") != str(made.points):
        wrong.append("the steps in its working are not those of its rule version")
    return made.points, wrong


def given_again(inputs: Mapping[str, Any]) -> Given:
    """What a line was reckoned from, out of its working."""
    return Given(
        Decimal(inputs["amount"]) if inputs["amount"] is not None else None,
        Decimal(inputs["share"]),
        Decimal(inputs["quantity"]),
        tuple(inputs["void"]),
        inputs["allowed"],
    )


def _claims_and_shares(entries: Iterable[CreditEntry]) -> list[str]:
    """A granted claim has lines that stand, any other has none; the shares held in a contract are at most 100 %."""
    wrong: list[str] = []
    standing = {one.claim for one in arithmetic.standing(line_of(e) for e in entries)}
    for claim_id, state, contract_state in db.session.execute(
        select(Claim.id, Claim.state, Contract.state).outerjoin(Contract).order_by(Claim.id)
    ):
        if (state is ClaimState.GRANTED) != (claim_id in standing):
            wrong.append(f"claim {claim_id} is {state.value}, but lines of it {'stand' if claim_id in standing else 'do not stand'}")  # fmt: skip
        if state is ClaimState.GRANTED and contract_state is ContractState.DISSOLVED:
            wrong.append(f"claim {claim_id} is granted on a dissolved contract")
    for contract in db.session.scalars(select(Contract).options(selectinload(Contract.shares)).order_by(Contract.id)):
        total = sum((one.share for one in contract.shares if one.released_at is None), Decimal(0))
        if total > 100:
            wrong.append(f"contract {contract.number} is shared to {total} %")
    held = select(Claim.id).where(
        Claim.state.in_(HOLDS_SHARE), Claim.contract_id.is_not(None), ~Claim.id.in_(_held_claims())
    )
    wrong += [f"claim {claim_id} holds no share of its contract" for claim_id in db.session.scalars(held)]
    return wrong


def _held_claims() -> Select[int]:
    from app.performance.models import ContractShare

    return select(ContractShare.claim_id).where(ContractShare.released_at.is_(None))
