"""What the training stage tells the pathway about a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class TrainingFacts:
    """Hours (学时) by module code for one level: what the outline asks, what the ledger holds.

    ``required`` comes from the outline version of the person's class, or the one in force.
    """

    required: Mapping[str, Decimal]
    credited: Mapping[str, Decimal]
    class_started_on: date | None = None
    enrolment: str = "none"
    """none, waiting (待审核 or waiting list), enrolled (已录取, in training), ended."""
    class_id: int | None = None
    details: Mapping[str, str] = field(default_factory=dict)
