"""What the bank must ask upward: what candidates made of a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement

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
