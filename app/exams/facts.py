"""What the exam stage tells the pathway about a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class ExamFacts:
    """Results of one level. ``best`` is the best released score (0–100) that is still valid on the day asked."""

    best: Decimal | None = None
    passed_on: date | None = None
    valid_until: date | None = None
    attempts: int = 0
    next_possible_on: date | None = None
    """Set while a waiting time between attempts runs or the person is barred."""
    upcoming_at: datetime | None = None
    """Opening of the next exam session the person is registered for."""
    upcoming_sitting_id: int | None = None
    awaiting_result: bool = False
