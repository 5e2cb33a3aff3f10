"""The door to the exam stage for code above it."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, select

from app.accounts.models import Person
from app.core import clock
from app.db import rows
from app.exams import bars, sessions
from app.exams.facts import ExamFacts
from app.exams.marking import percent_of
from app.exams.models import ExamSession, Sitting
from app.exams.sessions import Offer, next_possible
from app.exams.states import SessionState, SittingState
from certificates.validity import anniversary


@cache
def _sittings() -> Select[*tuple[Any, ...]]:
    """What the pathway needs of a person's sittings of every level; papers and answers stay where they are."""
    s, e = Sitting.__table__.c, ExamSession.__table__.c
    return (
        select(
            s.id, s.state, s.started_at, s.submitted_at, s.score, s.maximum, s.passed, s.barred_until, e.level, e.opens_at,
            e.closes_at, e.state.label("session_state"),
        )
        .join_from(Sitting.__table__, ExamSession.__table__, s.session_id == e.id)
        .where(s.candidate_id == bindparam("person"))
    )  # fmt: skip


def facts_of(person: Person, rank: int, on: date) -> ExamFacts:
    """What the exam stage knows of a person at a level on a day. Only released results count."""
    every = rows(_sittings(), {"person": person.id}).all()
    mine = [one for one in every if one.level == rank and one.state is not SittingState.VOID]
    rules = sessions.rules_for(rank, person.region_id, on)
    best: Row[Any] | None = None
    best_until: date | None = None
    for one in mine:
        if one.state is not SittingState.RELEASED or one.submitted_at is None:
            continue
        until = anniversary(clock.local_date(one.submitted_at), rules["validity_months"])
        if until < on or clock.local_date(one.submitted_at) > on:
            continue
        if best is None or percent_of(one) > percent_of(best):
            best, best_until = one, until
    started = [clock.local_date(one.started_at) for one in mine if one.started_at is not None]
    upcoming = sorted(
        (one for one in mine if one.state is SittingState.REGISTERED
         and one.session_state in (SessionState.PUBLISHED, SessionState.DRAFT)
         and clock.local_date(one.closes_at) >= on),
        key=lambda one: one.opens_at,
    )  # fmt: skip
    possible = next_possible(
        started, on, attempts=rules["attempts"], within_days=rules["attempts_days"], gap_days=rules["gap_days"]
    )
    possible = max([possible, *(one.barred_until for one in every if one.barred_until)])
    passed = best is not None and bool(best.passed)
    return ExamFacts(
        best=percent_of(best) if best else None,
        passed_on=clock.local_date(best.submitted_at) if best and passed and best.submitted_at else None,
        valid_until=best_until,
        attempts=len(started),
        next_possible_on=possible if possible > on else None,
        upcoming_at=upcoming[0].opens_at if upcoming else None,
        upcoming_sitting_id=upcoming[0].id if upcoming else None,
        awaiting_result=any(one.state in (SittingState.SUBMITTED, SittingState.MARKED) for one in mine),
    )


def sessions_open_to(person: Person, now: datetime) -> list[Offer]:
    """Sessions the person may register for, each with the refusal that stands against it, or None."""
    return sessions.sessions_open_to(person, now)


def take_out(person: Person, until: date, *, by: Person, now: datetime) -> int:
    """A decision on integrity bars the person: registrations for exams before that day are taken back, by letter."""
    return bars.take_out(person, until, bars.BarredFor.INTEGRITY, by=by, now=now)


__all__ = ["Offer", "facts_of", "sessions_open_to", "take_out"]
