"""A life cycle is a table: (state, move) → state. Each feature's ``states.py`` holds one; this walks it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from app.core.errors import NotAllowedNow

S = TypeVar("S", bound=StrEnum)
M = TypeVar("M", bound=StrEnum)


def moved(table: Mapping[tuple[S, M], S], state: S, move: M) -> S:
    """The state after a move. Raises NotAllowedNow where the table has no such cell."""
    try:
        return table[state, move]
    except KeyError:
        raise NotAllowedNow from None
