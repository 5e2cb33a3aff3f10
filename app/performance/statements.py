"""业绩证明: freezing what the ledger says of a period, confirming it to readers, taking it back."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.accounts.models import Person
from app.audit.service import record
from app.core import clock, crypto
from app.core.errors import Invalid, NotFound, Refused
from app.core.text import number as in_words
from app.db import db, locked
from app.jobs.service import enqueue
from app.outline.service import pinned
from app.performance import arithmetic, ledger
from app.performance.contracts import BadDay
from app.performance.deeds import Did
from app.performance.integrity import honours_of
from app.performance.models import Claim, CreditEntry
from app.performance.rulebook import RuleBook
from app.performance.statement_models import CreditStatement
from certificates.snapshot import fingerprint, plain

RENDER = "performance.statement"
MOST = 60
"""Statements a person may make; older ones can be withdrawn but stay on record."""
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class PeriodCrossed(Invalid):
    message = _l("The end of the period lies before its beginning.")


class NothingThere(Invalid):
    message = _l(
        "No line of the ledger falls in this period, so there is nothing to state. Please choose another period."
    )


class TooManyStatements(Refused):
    message = _l("You have made %(n)s statements already. Please use one of them.")


@dataclass(frozen=True)
class Shows:
    """What the holder lets readers of the QR code's page see."""

    name: bool = False
    figures: bool = False
    contracts: bool = False


def make(person: Person, since: date, until: date, shows: Shows, *, by: Person, now: datetime) -> CreditStatement:
    """Freeze the person's ledger of a period and have the PDF made. Raises PeriodCrossed, BadDay, NothingThere."""
    if by.id != person.id:
        raise NotFound
    today = clock.local_date(now)
    if until < since:
        raise PeriodCrossed("until")
    if until > today:
        raise BadDay("until")
    if len(statements_of(person)) >= MOST:
        raise TooManyStatements(n=MOST)
    told = told_of(person, since, until, now=now)
    if not told["rows"]:
        raise NothingThere("since")
    number = f"YJ{person.region.code if person.region else '0000'}{today:%Y%m%d}" + "".join(
        secrets.choice(LETTERS) for _ in range(8)
    )
    snapshot = plain({"format": "performance-statement/1", "number": number, **told})
    made = CreditStatement(
        person_id=person.id, person=person, number=number, token=crypto.token(), since=since, until=until, snapshot=snapshot,
        fingerprint=fingerprint(snapshot), made_at=now, show_name=shows.name, show_figures=shows.figures,
        show_contracts=shows.contracts,
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # the job names it by its id
    record(Did.MAKE_STATEMENT, made, by=by, more={"number": number, "since": since, "until": until})
    enqueue(RENDER, [{"statement": made.id, "label": number}], by=by, title=_l("Statement of performance as PDF"))
    return made


def told_of(person: Person, since: date, until: date, *, now: datetime) -> dict[str, Any]:
    """Everything the statement says, as plain values: computed from the lines that stand on the cut-off date."""
    book = RuleBook(person.region_id)
    entries = {
        one.id: one
        for one in db.session.scalars(
            select(CreditEntry)
            .where(CreditEntry.person_id == person.id)
            .options(selectinload(CreditEntry.claim).selectinload(Claim.contract))
            .order_by(CreditEntry.dated, CreditEntry.id)
        )
    }
    lines = [ledger.line_of(one) for one in entries.values()]
    inside = [entries[one.id] for one in arithmetic.standing(lines, until) if since <= one.dated <= until]
    balance = book.balance(lines, since, until)
    return {
        "name": person.name,
        "masked_id": person.id_masked,
        "organisation": person.organisation.name_zh if person.organisation else "",
        "region": person.region.name_zh if person.region else "",
        "authority": person.region.authority_zh if person.region else "",
        "since": since,
        "until": until,
        "made_at": clock.local(now).isoformat(timespec="minutes"),
        "total": balance.total,
        "deals": balance.deals,
        "years": [_year(book, year, until) for year in balance.years.values()],
        "rows": [_row(one) for one in inside],
        "contracts": _contracts(inside),
        "rules": _rules(book, inside, balance, until),
        "honours": [{"kind": h.kind, "year": h.year, "body": h.body} for h in honours_of(person)],
    }


def _year(book: RuleBook, year: arithmetic.Year, until: date) -> dict[str, Any]:
    rules = book.caps(year.year, until)
    return {
        "year": year.year, "before_cap": year.before_cap, "cap": year.cap, "counted": year.counted,
        "indicators": [
            {
                "code": one.code, "name": rules.indicators[one.code].names["zh"] if one.code in rules.indicators else one.code,
                "items": one.items, "raw": one.raw, "cap": one.cap, "counted": one.counted,
            }
            for one in year.indicators.values()
        ],
    }  # fmt: skip


def _row(entry: CreditEntry) -> dict[str, Any]:
    contract = entry.claim.contract
    return {
        "line": entry.id, "claim": entry.claim_id, "indicator": entry.indicator, "dated": entry.dated, "title": entry.claim.title,
        "number": contract.number if contract is not None else "", "share": entry.claim.share, "own": entry.amount,
        "points": entry.points, "rule": pinned(entry.rule_id).version,
    }  # fmt: skip


def _contracts(entries: Sequence[CreditEntry]) -> list[dict[str, Any]]:
    """The contracts behind the lines, each once, with the holder's own share."""
    made: dict[int, dict[str, Any]] = {}
    for one in entries:
        contract = one.claim.contract
        if contract is None or contract.id in made:
            continue
        share = one.claim.share if one.claim.share is not None else Decimal(100)
        made[contract.id] = {
            "number": contract.number, "title": contract.title, "signed_on": contract.signed_on, "share": share,
            "own": arithmetic.own_share(contract.amount, share), "state": contract.state,
        }  # fmt: skip
    return list(made.values())


def _rules(
    book: RuleBook, entries: Sequence[CreditEntry], balance: arithmetic.Balance, until: date
) -> list[dict[str, Any]]:
    """The versions by which points and caps were reckoned."""
    ids = {one.rule_id for one in entries}
    ids |= {book.on(min(date(year, 12, 31), max(until, date(year, 1, 1)))).id for year in balance.years}
    return [
        {"version": one.version, "basis": one.basis, "from": one.effective_from, "default": one.is_default}
        for one in (pinned(number) for number in sorted(ids))
    ]


def statements_of(person: Person) -> Sequence[CreditStatement]:
    return db.session.scalars(
        select(CreditStatement).where(CreditStatement.person_id == person.id).order_by(CreditStatement.id.desc())
    ).all()


def own_statement(person: Person, statement_id: int) -> CreditStatement:
    found = db.session.get(CreditStatement, statement_id)
    if found is None or found.person_id != person.id:
        raise NotFound
    return found


def choose(statement: CreditStatement, shows: Shows, *, by: Person) -> None:
    """Change what readers of the page see."""
    statement = locked(statement)
    if statement.person_id != by.id:
        raise NotFound
    before = {name: getattr(statement, name) for name in ("show_name", "show_figures", "show_contracts")}
    statement.show_name, statement.show_figures, statement.show_contracts = shows.name, shows.figures, shows.contracts
    changed = {name: (was, getattr(statement, name)) for name, was in before.items() if was != getattr(statement, name)}
    record(Did.SHOW_STATEMENT, statement, by=by, changed=changed)


def withdraw(statement: CreditStatement, *, by: Person, now: datetime) -> None:
    """Take a statement back: the page says so from now on. The paper stays what it is."""
    statement = locked(statement)
    if statement.person_id != by.id:
        raise NotFound
    if statement.withdrawn_at is None:
        statement.withdrawn_at = now
        record(Did.WITHDRAW_STATEMENT, statement, by=by)


# --- readers --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Confirmed:
    """What a reader is told of a statement: what was stated, and whether it still stands."""

    statement: CreditStatement
    name: str
    reversed_lines: int
    """Lines stated that have been taken back since."""
    total_now: Decimal
    """The same period and cut-off, by the lines that stand today."""

    @property
    def stands(self) -> bool:
        return self.statement.withdrawn_at is None and not self.reversed_lines


def by_token(token: str) -> CreditStatement | None:
    return db.session.scalar(select(CreditStatement).where(CreditStatement.token == token[:60]))


def by_number(number: str) -> CreditStatement | None:
    wanted = "".join(number.split()).upper()[:40]
    return db.session.scalar(select(CreditStatement).where(CreditStatement.number == wanted))


def confirm(statement: CreditStatement) -> Confirmed:
    """Compare the snapshot with the ledger of today."""
    person, today = statement.person, clock.today()
    lines = ledger.lines_of(person.id)
    standing = {one.id for one in arithmetic.standing(lines, today)}
    gone = [row for row in statement.snapshot["rows"] if row["line"] not in standing]
    left = [one for one in lines if one.id in standing]
    total = RuleBook(person.region_id).balance(left, statement.since, statement.until).total
    name = statement.snapshot["name"]
    return Confirmed(statement, name if statement.show_name else f"{name[:1]}**", len(gone), total)


def figure(value: Any) -> str:
    """A decimal of the snapshot as people write it."""
    return in_words(Decimal(str(value)))
