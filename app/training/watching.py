"""How much of a film somebody has really played: intervals, united, and never more than time allows. No database.

The player tells the intervals it played, all of them since it was opened, again and again. What was skipped is in none of
them; what was played twice is there once. New seconds are believed as far as time has passed on the server's clock, at the
highest speed the player offers: a film of an hour cannot have been seen in ten minutes, whatever a changed script says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

Span = tuple[float, float]

FASTEST = 2.0
"""The highest speed that counts; the player offers no more."""
MOST_SPANS = 1000
LEAST_GAP = 0.05
"""Two intervals nearer than this are one: players tell the end of one and the start of the next in rounded seconds."""


def read_spans(told: Any, length: float) -> list[Span]:
    """What a player told, without everything that is no interval of the film. Never raises."""
    if not isinstance(told, Sequence) or isinstance(told, str | bytes):
        return []
    made = []
    for one in told[:MOST_SPANS]:
        if not isinstance(one, Sequence) or isinstance(one, str | bytes) or len(one) != 2:
            continue
        if any(isinstance(n, bool) or not isinstance(n, int | float) for n in one):
            continue
        try:
            start, end = float(one[0]), float(one[1])
        except OverflowError:
            continue
        if math.isfinite(start) and math.isfinite(end):
            start, end = max(0.0, start), min(float(length), end)
            if end > start:
                made.append((start, end))
    return made


def united(spans: Iterable[Span]) -> list[Span]:
    """The same seconds as intervals that lie apart, in order."""
    made: list[Span] = []
    for start, end in sorted(spans):
        if made and start <= made[-1][1] + LEAST_GAP:
            made[-1] = (made[-1][0], max(made[-1][1], end))
        else:
            made.append((start, end))
    return made


def seconds_of(spans: Iterable[Span]) -> float:
    """Seconds of the film in these intervals; a second that stands in two counts once."""
    return sum(end - start for start, end in united(spans))


def without(span: Span, held: Sequence[Span]) -> list[Span]:
    """What of an interval lies in none of ``held`` (apart and in order)."""
    left, at = [], span[0]
    for start, end in held:
        if end <= at:
            continue
        if start >= span[1]:
            break
        if start > at:
            left.append((at, start))
        at = max(at, end)
    if at < span[1]:
        left.append((at, span[1]))
    return left


def believed(held: Iterable[Span], told: Iterable[Span], passed: float) -> list[Span]:
    """``held`` and what is new in ``told``, as far as ``passed`` seconds of the clock allow. Never less than ``held``."""
    known = united(held)
    budget = max(0.0, passed) * FASTEST
    for span in united(told):
        for start, end in without(span, known):
            if budget <= 0:
                return known
            end = min(end, start + budget)
            budget -= end - start
            known = united([*known, (start, end)])
    return known


def share(spans: Iterable[Span], length: float) -> float:
    """What part of the film was played, 0 to 1."""
    return min(1.0, seconds_of(spans) / length) if length > 0 else 0.0
