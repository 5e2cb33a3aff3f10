"""What the performance stage must ask upward."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from app.core.asks import Slot

certificates_valid: Slot[[Collection[int], date], Mapping[int, str]] = Slot(
    "performance.certificates_valid", by="certification"
)
"""Person id → number of a certificate of theirs that is in force on the day, for those of the people asked about who hold
one. Who acts for a client must hold one."""
