"""What a candidate is told about attempts: how many are used, when the next one is possible, until when a pass counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import or_, select

from app.accounts.models import Person
from app.core import clock
from app.core.text import day, number
from app.db import db
from app.exams import marking, service, sessions
from app.exams.bars import Bar, bar_of
from app.exams.models import ExamSession, Sitting
from app.exams.states import SittingState


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


def told_of(people: Collection[int], session: ExamSession, now: datetime) -> dict[int, str]:
    """Person → attempts at the level of a session in words, for those who have made or booked one: how many of how many, the last
    day with its score. One statement for all."""
    rules = sessions.rules_for(session.level, session.region_id, clock.local_date(now))
    rows = db.session.execute(
        select(
            Sitting.candidate_id, Sitting.state, Sitting.started_at, Sitting.score, Sitting.maximum, Sitting.passed,
            ExamSession.opens_at,
        )
        .join(ExamSession, ExamSession.id == Sitting.session_id)
        .where(
            Sitting.candidate_id.in_(list(people)), ExamSession.level == session.level, Sitting.state != SittingState.VOID,
            Sitting.session_id != session.id,
            or_(Sitting.started_at.is_not(None), ExamSession.closes_at >= now),
        )
        .order_by(ExamSession.opens_at)
    )  # fmt: skip
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.candidate_id].append(row)
    return {person: _told(made, rules, clock.local_date(session.opens_at)) for person, made in found.items()}


def _told(made: list[Any], rules: dict[str, Any], on: date) -> str:
    days = [clock.local_date(one.started_at or one.opens_at) for one in made]
    within = sum(abs((on - one).days) < rules["attempts_days"] for one in days)
    count = _(
        "%(n)s of %(most)s attempts within %(days)s days", n=within, most=rules["attempts"], days=rules["attempts_days"]
    )
    last = made[-1]
    if last.state is SittingState.RELEASED:
        score = number(marking.percent(last.score, last.maximum))
        outcome = (
            _("passed with %(score)s", score=score) if last.passed else _("not passed with %(score)s", score=score)
        )
    else:
        outcome = _("booked") if last.started_at is None else _("result not out yet")
    return _("%(count)s; last on %(day)s: %(outcome)s", count=count, day=day(days[-1]), outcome=outcome)


def standings_of(person: Person, levels: Iterable[int], now: datetime) -> list[Standing]:
    asked = sorted(set(levels))
    bar = bar_of(person.id, clock.local_date(now)) if asked else None
    return [_standing(person, level, now, bar) for level in asked]
