"""The door to the performance stage for the floors above: facts, balance, the arithmetic of a line."""

from __future__ import annotations

from datetime import date

from app.accounts.models import Person
from app.performance.claims import claims_visible_to
from app.performance.facts import PerformanceFacts
from app.performance.integrity import (
    HONOUR_NAMES,
    Integrity,
    bans_of,
    honours_of,
    honours_of_people,
    integrity_changed,
    integrity_of,
)
from app.performance.ledger import balance_of, lines_and_waiting, recompute
from app.performance.words import explain


def facts_of(person: Person, since: date, until: date) -> PerformanceFacts:
    """Points after caps of the items dated from ``since`` to ``until`` (both included), and integrity on ``until``."""
    lines, waiting = lines_and_waiting(person.id)
    balance = balance_of(person, since, until, lines=lines)
    integrity = integrity_of(person, until)
    return PerformanceFacts(
        points=balance.total,
        by_indicator=balance.by_indicator,
        deal_items=balance.deals,
        waiting=waiting,
        integrity=integrity.score,
        band=integrity.band.value,
        ban_until=integrity.ban_until,
    )


__all__ = [
    "HONOUR_NAMES",
    "Integrity",
    "balance_of",
    "bans_of",
    "claims_visible_to",
    "explain",
    "facts_of",
    "honours_of",
    "honours_of_people",
    "integrity_changed",
    "integrity_of",
    "recompute",
]
