"""What the practice stage tells the pathway about a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class PassedTask:
    """One passed practical task. ``hours``: log hours; ``score``: of 100; ``leading``: 主导."""

    code: str
    title: str
    real: bool
    leading: bool
    hours: Decimal
    score: Decimal
    passed_on: date
    defended: bool = False


@dataclass(frozen=True)
class PracticeFacts:
    """Tasks of one level that count, and how many are on their way."""

    passed: tuple[PassedTask, ...] = ()
    drafts: int = 0
    waiting: int = 0
    returned: int = 0
