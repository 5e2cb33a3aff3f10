"""The arithmetic of performance credit and integrity credit: plain values in, plain values out, no database.

Money is Decimal in 万元, points are Decimal. Nothing is ever subtracted from a capped sum: a balance is made anew from the
lines of the ledger that stand, year by year, each indicator capped, then the year capped (domain.md section 6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Any

NONE = Decimal(0)
CENT = Decimal("0.01")


class Measure(StrEnum):
    """How an indicator counts."""

    AMOUNT = "amount"
    """The claimant's own share of an amount in 万元, by tiers."""
    ITEM = "item"
    """So many points for each item."""
    UNIT = "unit"
    """So many points for every full ``per`` units (10 hours, one trainee)."""


class Basis(StrEnum):
    CONTRACT = "contract"
    """Granted from a claim on a technology contract: one claim gives a line in each indicator of this basis."""
    CLAIM = "claim"


class Void(StrEnum):
    """Why an item counts nothing unless a reviewer writes down why it should."""

    RELATED = "related"
    UNREGISTERED = "unregistered"


@dataclass(frozen=True)
class Tier:
    """Points for ``low`` ≤ own amount < ``high``; no ``high``: no end."""

    low: Decimal
    high: Decimal | None
    points: Decimal

    def holds(self, amount: Decimal) -> bool:
        return self.low <= amount and (self.high is None or amount < self.high)


@dataclass(frozen=True)
class Indicator:
    code: str
    measure: Measure
    basis: Basis
    cap: Decimal
    points: Decimal = NONE
    per: Decimal = Decimal(1)
    tiers: Sequence[Tier] = ()
    deal: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """One version of the indicators."""

    indicators: Mapping[str, Indicator]
    year_cap: Decimal

    def of_basis(self, basis: Basis) -> list[Indicator]:
        return [one for one in self.indicators.values() if one.basis is basis]


@dataclass(frozen=True)
class Given:
    """What an item's points are reckoned from. ``allowed``: why a void item counts all the same."""

    amount: Decimal | None = None
    share: Decimal = Decimal(100)
    quantity: Decimal = Decimal(1)
    void: tuple[str, ...] = ()
    allowed: str = ""


@dataclass(frozen=True)
class Reckoning:
    """Points of one item before any cap, the own amount where it decides, and the steps that lead there (as JSON)."""

    points: Decimal
    own: Decimal | None
    steps: list[dict[str, Any]]


def own_share(amount: Decimal, share: Decimal) -> Decimal:
    """The claimant's part in 万元, cut (not rounded) to two places: a cut never lifts an amount into the next tier."""
    return (amount * share / 100).quantize(CENT, rounding=ROUND_DOWN)


def tier_of(indicator: Indicator, own: Decimal) -> Tier | None:
    """The tier an own amount falls in: lower end included, upper end not."""
    return next((tier for tier in indicator.tiers if tier.holds(own)), None)


def reckon(indicator: Indicator, given: Given) -> Reckoning:
    """Points of one item by its indicator, before caps."""
    steps: list[dict[str, Any]] = []
    own: Decimal | None = None
    if indicator.measure is Measure.AMOUNT:
        amount = given.amount if given.amount is not None else NONE
        own = own_share(amount, given.share)
        tier = tier_of(indicator, own)
        points = tier.points if tier else NONE
        steps.append({"do": "share", "amount": str(amount), "share": str(given.share), "gives": str(own)})
        steps.append(_tier_step(indicator, own, tier))
    elif indicator.measure is Measure.ITEM:
        points = indicator.points
        steps.append({"do": "item", "points": str(indicator.points)})
    else:
        full = given.quantity // indicator.per
        points = full * indicator.points
        steps.append(
            {
                "do": "unit", "quantity": str(given.quantity), "per": str(indicator.per), "full": str(full),
                "points": str(indicator.points), "gives": str(points),
            }
        )  # fmt: skip
    if given.void:
        steps += [{"do": "void", "why": why} for why in given.void]
        if given.allowed:
            steps.append({"do": "allowed", "reason": given.allowed})
        else:
            points = NONE
    return Reckoning(points.quantize(CENT), own, steps)


def _tier_step(indicator: Indicator, own: Decimal, tier: Tier | None) -> dict[str, Any]:
    if tier is None:
        lowest = min((t.low for t in indicator.tiers), default=NONE)
        return {"do": "below", "own": str(own), "low": str(lowest)}
    high = str(tier.high) if tier.high is not None else None
    return {"do": "tier", "own": str(own), "low": str(tier.low), "high": high, "points": str(tier.points)}


@dataclass(frozen=True)
class Line:
    """One line of the ledger. A reversal names the line it takes back; its date is the day of the event."""

    id: int
    indicator: str
    dated: date
    points: Decimal
    claim: int = 0
    reverses: int | None = None


@dataclass(frozen=True)
class YearIndicator:
    """One indicator in one calendar year: the sum of its items, the cap, what counts."""

    code: str
    raw: Decimal
    cap: Decimal
    items: int

    @property
    def counted(self) -> Decimal:
        return min(self.raw, self.cap)


@dataclass(frozen=True)
class Year:
    year: int
    indicators: Mapping[str, YearIndicator]
    cap: Decimal

    @property
    def before_cap(self) -> Decimal:
        return sum((one.counted for one in self.indicators.values()), NONE)

    @property
    def counted(self) -> Decimal:
        return min(self.before_cap, self.cap)


@dataclass(frozen=True)
class Balance:
    """Points inside a window. ``by_indicator`` is after the indicators' caps and before the cap on the year's total."""

    years: Mapping[int, Year] = field(default_factory=dict)
    deals: int = 0

    @property
    def total(self) -> Decimal:
        return sum((year.counted for year in self.years.values()), NONE)

    @property
    def by_indicator(self) -> dict[str, Decimal]:
        made: dict[str, Decimal] = {}
        for year in self.years.values():
            for code, one in year.indicators.items():
                made[code] = made.get(code, NONE) + one.counted
        return made


def standing(lines: Iterable[Line], until: date | None = None) -> list[Line]:
    """The grants that no reversal has taken back (by ``until``, if given). The order of the lines does not matter."""
    lines = list(lines)
    gone = {one.reverses for one in lines if one.reverses is not None and (until is None or one.dated <= until)}
    return [one for one in lines if one.reverses is None and one.id not in gone]


def balance(
    lines: Iterable[Line], rules_for: Callable[[int], Rules], since: date | None = None, until: date | None = None
) -> Balance:
    """Credit of the items dated from ``since`` to ``until`` (both included); ``rules_for(year)`` gives that year's caps."""
    inside = [
        one
        for one in standing(lines, until)
        if (since is None or one.dated >= since) and (until is None or one.dated <= until)
    ]
    years: dict[int, Year] = {}
    deals: set[int] = set()
    for number in sorted({one.dated.year for one in inside}):
        rules = rules_for(number)
        of_year = [one for one in inside if one.dated.year == number]
        years[number] = _year(number, of_year, rules)
        deals |= {one.claim for one in of_year if one.points > 0 and _is_deal(rules, one.indicator)}
    return Balance(years, len(deals))


def _is_deal(rules: Rules, code: str) -> bool:
    return code in rules.indicators and rules.indicators[code].deal


def _year(number: int, lines: Sequence[Line], rules: Rules) -> Year:
    made = {}
    for code in sorted({one.indicator for one in lines}, key=lambda code: (len(code), code)):
        mine = [one for one in lines if one.indicator == code]
        cap = rules.indicators[code].cap if code in rules.indicators else NONE
        made[code] = YearIndicator(code, sum((one.points for one in mine), NONE), cap, len(mine))
    return Year(number, made, rules.year_cap)


class Band(StrEnum):
    """Bands of the integrity credit."""

    GOOD = "good"
    REMIND = "remind"
    WATCH = "watch"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Bands:
    good: Decimal
    remind: Decimal
    watch: Decimal

    def of(self, score: Decimal) -> Band:
        for band, least in ((Band.GOOD, self.good), (Band.REMIND, self.remind), (Band.WATCH, self.watch)):
            if score >= least:
                return band
        return Band.STOPPED


def integrity_score(entries: Iterable[Decimal], *, start: Decimal = Decimal(100)) -> Decimal:
    """Start plus all deductions and restorations, kept between 0 and 100. Bounded once, at the end: order is nothing."""
    return max(NONE, min(Decimal(100), start + sum(entries, NONE)))


def after_months(day: date, months: int) -> date:
    """The same day of the month ``months`` later; where it does not exist, the first of the month after."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    try:
        return date(year, month + 1, day.day)
    except ValueError:
        index += 1
        return date(index // 12, index % 12 + 1, 1)
