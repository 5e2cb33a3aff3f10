"""Totals of the contract register: count and amount by year, kind and region, each contract once by its 登记编号.

A figure has two days: up to which day contracts count (cut-off), and by what was known here on which day. With the same two
days it comes out the same later, whatever has been entered since; corrections of an amount stand in the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, and_, extract, func, or_, select

from app.accounts.models import Person, Region
from app.accounts.words import place_name
from app.core.clock import LOCAL
from app.core.text import day
from app.db import db
from app.performance import contracts, words
from app.performance.models import Contract, ContractKind, ContractState


@dataclass(frozen=True)
class Cut:
    """``until``: contracts of this day and before; ``known``: by what was known here at the end of this day."""

    until: date
    known: date

    @property
    def instant(self) -> datetime:
        return datetime.combine(self.known + timedelta(days=1), time(), LOCAL).astimezone(UTC)


def counted_on() -> Any:
    """The day by which a contract falls into a period: of registration, else of signature."""
    return func.coalesce(Contract.registered_on, Contract.signed_on)


def counts(cut: Cut) -> ColumnElement[bool]:
    """Which contracts count: in the register by then, not dissolved by then."""
    dissolved = and_(
        Contract.state == ContractState.DISSOLVED,
        Contract.dissolved_on <= cut.until,
        or_(Contract.dissolved_at.is_(None), Contract.dissolved_at < cut.instant),
    )
    return and_(
        Contract.state.in_([ContractState.REGISTERED, ContractState.DISSOLVED]),
        Contract.entered_at < cut.instant,
        counted_on() <= cut.until,
        ~dissolved,
    )


def counted(person: Person, cut: Cut) -> Select[Contract]:
    """The contracts behind a total, in the reader's regions."""
    return contracts.contracts_visible_to(person).where(counts(cut))


def years(person: Person) -> list[int]:
    """Years in which contracts of the reader's regions fall, the newest first."""
    asked = contracts.contracts_visible_to(person).with_only_columns(extract("year", counted_on())).distinct()
    return sorted((int(y) for y in db.session.scalars(asked) if y is not None), reverse=True)


@dataclass(frozen=True)
class Total:
    year: int
    kind: ContractKind
    region: str
    region_id: int | None
    number: int
    amount: Decimal


def totals(person: Person, cut: Cut) -> list[Total]:
    """By year, kind and region; the newest year first."""
    year = extract("year", counted_on())
    asked = (
        counted(person, cut)
        .with_only_columns(year, Contract.kind, Contract.region_id, func.count(), func.sum(Contract.amount))
        .group_by(year, Contract.kind, Contract.region_id)
    )
    rows = db.session.execute(asked).all()
    names: dict[int | None, str] = {r.id: place_name(r) for r in db.session.scalars(select(Region))}
    made = [Total(int(y), kind, names.get(region, "—"), region, n, Decimal(amount or 0)) for y, kind, region, n, amount in rows]  # fmt: skip
    order = list(ContractKind)
    return sorted(made, key=lambda t: (-t.year, t.region, order.index(t.kind)))


def definition(cut: Cut) -> list[tuple[str, str]]:
    """What the figures mean, in words that stand beside them."""
    return [
        (_("Cut-off date"), day(cut.until)),
        (_("As known on"), day(cut.known)),
        (_("What counts"), _("Contracts in the register, each once by its registration number; declared ones that nobody has confirmed do not count, nor those dissolved up to the cut-off date.")),
        (_("Year"), _("Of the registration; where its day is not known, of the signature.")),
        (_("Amount"), _("Contract value in CNY 10,000 as registered, not shared out among claimants.")),
    ]  # fmt: skip


def sheet(person: Person, cut: Cut) -> Iterator[list[Any]]:
    """Rows of the Excel file: the totals, then what they mean."""
    found = totals(person, cut)
    for one in found:
        yield [one.year, one.region, str(words.CONTRACT_KINDS[one.kind]), one.number, one.amount]
    yield [_("Total"), "", "", sum(t.number for t in found), sum((t.amount for t in found), Decimal(0))]
    yield []
    for name, text in definition(cut):
        yield [name, text]
