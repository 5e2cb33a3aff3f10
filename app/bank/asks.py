"""What the bank must ask upward: what candidates made of a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement

from app.accounts.models import Person
from app.bank.history import RevisionHistory
from app.core.asks import Slot

used: Slot[[], ColumnElement[bool]] = Slot("bank.used", by="exams")
"""The condition on ``Question`` that it stands on some paper."""

flagged: Slot[[str], ColumnElement[bool]] = Slot("bank.flagged", by="exams")
"""The condition on ``Question`` that the revision in use has this finding (a ``Concern``; empty: any)."""

flags_of: Slot[[Sequence[int]], Mapping[int, tuple[str, ...]]] = Slot("bank.flags_of", by="exams")
"""Question id → the findings about the revision in use, the gravest first."""

history_of: Slot[[int], tuple[RevisionHistory, ...]] = Slot("bank.history_of", by="exams")
"""Figures of a question by revision, the newest first, over all exam sessions whose results are out."""

quizzed: Slot[[], frozenset[str]] = Slot("bank.quizzed", by="training")
"""Codes of the questions that trainees meet in self-check quizzes of lessons, in whichever revision of a lesson."""


@dataclass(frozen=True)
class KnownFault:
    """A question was found faulty: when, why, and the page that says what became of its papers. ``below``: only its revisions
    before this one."""

    at: datetime
    reason: str
    url: str
    below: int | None


known_faults: Slot[[int], tuple[KnownFault, ...]] = Slot("bank.known_faults", by="exams")
"""What was found wrong with a question, the latest first."""

fault_page: Slot[[Person, int], str] = Slot("bank.fault_page", by="exams")
"""Where this person takes a question that is faulty out of papers; empty where they may not."""
