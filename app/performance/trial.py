"""What people's credit would be under indicators that are not saved yet: the ledger reckoned anew, by the pure arithmetic."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.db import db
from app.performance import arithmetic
from app.performance.arithmetic import Balance, Basis, Given, Line, Rules
from app.performance.ledger import given_again
from app.performance.models import CreditEntry
from app.performance.rulebook import RuleBook
from app.performance.rules import as_rules


@dataclass(frozen=True)
class Recorded:
    """A line of the ledger with what it was reckoned from; a reversal has no inputs."""

    line: Line
    inputs: Given | None
    basis: Basis | None


class TrialBook:
    """The rules of a region as they would be with a draft in force from a day (``None``: from the beginning)."""

    def __init__(self, book: RuleBook, draft: Rules, since: date | None) -> None:
        self.book, self.draft, self.since = book, draft, since

    def rules_on(self, day: date) -> Rules:
        return self.draft if self.since is None or day >= self.since else self.book.rules_on(day)

    def caps(self, year: int, until: date) -> Rules:
        return self.rules_on(min(date(year, 12, 31), max(until, date(year, 1, 1))))

    def balance(self, recorded: Iterable[Recorded], since: date | None, until: date) -> Balance:
        lines = recast(recorded, self.draft, self.since)
        return arithmetic.balance(lines, lambda year: self.caps(year, until), since, until)


def recast(recorded: Iterable[Recorded], draft: Rules, since: date | None) -> list[Line]:
    """The lines as the draft would have made them, for deals from ``since`` on. A claim on a contract gives a line in each
    indicator of the draft that counts contracts; an indicator the draft does not know gives nothing. What was reversed
    stays reversed: with a grant fall the lines that the draft makes of its claim."""
    recorded = list(recorded)
    gone: dict[int, date] = {r.line.reverses: r.line.dated for r in recorded if r.line.reverses is not None}
    made: list[Line] = []
    done: set[int] = set()
    fresh = -1
    for one in recorded:
        line = one.line
        if line.reverses is not None or one.inputs is None or (since is not None and line.dated < since):
            made.append(line)
            continue
        if one.basis is not Basis.CONTRACT:
            points = _points(draft, line.indicator, one.inputs)
            made.append(Line(line.id, line.indicator, line.dated, points, line.claim))
            continue
        if line.claim in done:
            continue  # the first line of a claim on a contract stands for all of them
        done.add(line.claim)
        for indicator in draft.of_basis(Basis.CONTRACT):
            again = Line(fresh, indicator.code, line.dated, arithmetic.reckon(indicator, one.inputs).points, line.claim)
            made.append(again)
            if line.id in gone:
                made.append(Line(fresh - 1, indicator.code, gone[line.id], -again.points, line.claim, fresh))
            fresh -= 2
    return made


def _points(draft: Rules, code: str, inputs: Given) -> Decimal:
    indicator = draft.indicators.get(code)
    return arithmetic.reckon(indicator, inputs).points if indicator is not None else Decimal(0)


def recorded_of(people: Collection[int], book_of: Mapping[int, RuleBook]) -> dict[int, list[Recorded]]:
    """Every line of some people with its inputs, by person; one query. ``book_of``: person → rules of their region."""
    made: dict[int, list[Recorded]] = {one: [] for one in people}
    rows = db.session.scalars(
        select(CreditEntry).where(CreditEntry.person_id.in_(list(people))).order_by(CreditEntry.id)
    )
    for entry in rows:
        line = Line(entry.id, entry.indicator, entry.dated, entry.points, entry.claim_id, entry.reverses_id)
        if entry.reverses_id is not None:
            made[entry.person_id].append(Recorded(line, None, None))
            continue
        indicator = book_of[entry.person_id].rules_of(entry.rule_id).indicators.get(entry.indicator)
        made[entry.person_id].append(
            Recorded(line, given_again(entry.working["inputs"]), indicator.basis if indicator else Basis.CLAIM)
        )
    return made


@dataclass(frozen=True)
class Compared:
    """A person's credit now and under the draft: in all up to the day, and inside windows of months."""

    person: Person
    now: Balance
    then: Balance
    windows: Mapping[int, tuple[Balance, Balance]]


def compare(
    people: Collection[int], body: Mapping[str, Any], *, since: date | None, on: date, months: Collection[int]
) -> list[Compared]:
    """Compare the indicators in force with a typed draft. ``since``: the first day of the draft, None: from the beginning."""
    draft = as_rules(body)
    persons = list(
        db.session.scalars(select(Person).where(Person.id.in_(list(people))).order_by(Person.name, Person.id)).unique()
    )
    books = {region: RuleBook(region) for region in {one.region_id for one in persons}}
    recorded = recorded_of([one.id for one in persons], {one.id: books[one.region_id] for one in persons})
    made = []
    for person in persons:
        book, mine = books[person.region_id], recorded[person.id]
        trial, lines = TrialBook(book, draft, since), [r.line for r in mine]

        def both(start: date | None, trial: TrialBook = trial, lines: list[Line] = lines, mine: list[Recorded] = mine) -> tuple[Balance, Balance]:  # fmt: skip
            return trial.book.balance(lines, start, on), trial.balance(mine, start, on)

        now, then = both(None)
        windows = {n: both(arithmetic.after_months(on, -n) if n else None) for n in months}
        made.append(Compared(person, now, then, windows))
    return made


def people_with_credit(region_id: int | None, but_regions: Collection[int]) -> list[int]:
    """People who have lines in the ledger, of one region or (general rules) of all but those with rules of their own."""
    asked = select(Person.id).where(select(CreditEntry.id).where(CreditEntry.person_id == Person.id).exists())
    if region_id is not None:
        asked = asked.where(Person.region_id == region_id)
    elif but_regions:
        asked = asked.where(Person.region_id.is_(None) | Person.region_id.not_in(but_regions))
    return list(db.session.scalars(asked.order_by(Person.id)))
