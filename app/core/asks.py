"""Questions a lower floor must ask upward, as typed slots that the upper feature fills.

A feature declares its slots in ``asks.py``; an upper feature fills them in its ``answers.py``; an unfilled slot stops
the start. The slots are listed in docs/house.md.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

SLOTS: list[Slot[Any, Any]] = []


class Slot(Generic[P, R]):
    """One question. Declare: ``gate_passed: Slot[[Person, int], bool] = Slot("exams.gate_passed")``."""

    def __init__(self, name: str, *, by: str | None = None) -> None:
        """``by`` names the feature that answers; the start waits for it only where that feature is installed."""
        self.name, self.by = name, by
        self._answer: Callable[P, R] | None = None
        SLOTS.append(self)

    def answered_by(self, answer: Callable[P, R]) -> Callable[P, R]:
        """Fill the slot; usable as a decorator."""
        self._answer = answer
        return answer

    @property
    def filled(self) -> bool:
        return self._answer is not None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._answer is None:
            raise RuntimeError(f"nobody answers {self.name}")
        return self._answer(*args, **kwargs)


def check_filled() -> None:
    """Stop the start when a slot is unfilled."""
    empty = [
        slot.name
        for slot in SLOTS
        if not slot.filled and (slot.by is None or importlib.util.find_spec(f"app.{slot.by}.answers"))
    ]
    if empty:
        raise RuntimeError(f"unanswered questions: {', '.join(empty)}")
