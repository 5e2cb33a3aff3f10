"""What the performance stage tells the pathway about a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class PerformanceFacts:
    """Points after caps inside the asked window, and the integrity credit now (0–100)."""

    points: Decimal = Decimal(0)
    by_indicator: Mapping[str, Decimal] = field(default_factory=dict)
    deal_items: int = 0
    """How many granted items stand under P1–P4."""
    waiting: int = 0
    """Claims that are still under review."""
    integrity: Decimal = Decimal(100)
    band: str = "good"
    """good 良好, remind 提醒, watch 关注, stopped 暂停."""
    ban_until: date | None = None
    """No exam and no certification before this day."""
