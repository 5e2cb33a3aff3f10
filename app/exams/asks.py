"""What the exam stage must ask upward."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING

from app.core.asks import Slot

if TYPE_CHECKING:
    from app.accounts.models import Person

training_passed: Slot[[Person, int], bool] = Slot("exams.training_passed", by="pathway")
"""Has the person passed the training stage of this level (or was exempted)? Asked before registering by rule."""

class_begun: Slot[[Person, int], date | None] = Slot("exams.class_begun", by="pathway")
"""The day on which the person's latest class of this level began; None without one. A retake belongs to a class."""

banned_until: Slot[[Collection[int], date], Mapping[int, date]] = Slot("exams.banned_until", by="pathway")
"""Person id → the day until which a decision on integrity keeps them from exams, for those of the people asked about who are
banned on the day given. Asked at registration."""

certificates_resting_on: Slot[[Collection[int], int], dict[int, tuple[str, ...]]] = Slot(
    "exams.certificates_resting_on", by="certification"
)
"""Person id → numbers of the certificates of this level in force, for the people asked about. Asked before a regrade."""

classes_of: Slot[[Collection[int], int], Mapping[int, frozenset[int]]] = Slot("exams.classes_of", by="pathway")
"""Which classes of a level have these people been in (person → classes)? Class mates are not seated side by side."""
