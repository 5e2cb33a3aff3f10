"""What a candidate is told about attempts: how many are used, when the next one is possible, until when a pass counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from app.accounts.models import Person
from app.core import clock
from app.exams import service, sessions
from app.exams.bars import Bar, bar_of


@dataclass(frozen=True)
class Standing:
    """One level. ``next_on``: None where an attempt is possible today. ``new_class``: a class must be taken first."""

    level: int
    used: int
    allowed: int
    within_days: int
    gap_days: int
    next_on: date | None
    new_class: bool
    bar: Bar | None
    best: Decimal | None
    passed: bool
    valid_until: date | None


def standing_of(person: Person, level: int, now: datetime) -> Standing:
    return _standing(person, level, now, bar_of(person.id, clock.local_date(now)))


def _standing(person: Person, level: int, now: datetime, bar: Bar | None) -> Standing:
    """``used``: attempts that count within the last ``within_days`` days, booked ones included."""
    today = clock.local_date(now)
    rules = sessions.rules_for(level, person.region_id, today)
    facts = service.facts_of(person, level, today)
    days = sessions.attempt_days(person.id, level, now)
    recent = [one for one in days if (today - one).days < rules["attempts_days"]]
    booked = [one for one in days if one > today]
    first = sessions.next_possible(
        days, max([today, *booked]), attempts=rules["attempts"], within_days=rules["attempts_days"],
        gap_days=rules["gap_days"],
    )  # fmt: skip
    first = max(first, bar.until) if bar is not None else first
    return Standing(
        level=level,
        used=len(recent),
        allowed=rules["attempts"],
        within_days=rules["attempts_days"],
        gap_days=rules["gap_days"],
        next_on=first if first > today else None,
        new_class=sessions.class_used_up(person, level, days, first, rules),
        bar=bar,
        best=facts.best,
        passed=facts.passed_on is not None,
        valid_until=facts.valid_until,
    )


def standings_of(person: Person, levels: Iterable[int], now: datetime) -> list[Standing]:
    asked = sorted(set(levels))
    bar = bar_of(person.id, clock.local_date(now)) if asked else None
    return [_standing(person, level, now, bar) for level in asked]
