"""How scores become an outcome. Pure: values in, a value out.

A zero in a knock-out criterion fails the task whatever the total. Where one of two reviewers knocks out and the other does
not, or their totals lie further apart than the gap, a third is asked; of three, the majority decides about a knock-out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    WAIT = "wait"
    THIRD = "third"
    RETURN = "return"
    PASS = "pass"
    FAIL = "fail"


@dataclass(frozen=True)
class Given:
    """What one reviewer handed in: a score, or the wish to return (``total`` None)."""

    total: Decimal | None
    knocked_out: bool = False


@dataclass(frozen=True)
class Outcome:
    verdict: Verdict
    score: Decimal | None = None


def totalled(points: Mapping[str, Decimal], rubric: Mapping[str, Any]) -> tuple[Decimal, bool]:
    """The sum of the points, and whether a knock-out criterion got zero. ``rubric``: typed body."""
    total = sum((points[c["code"]] for c in rubric["criteria"]), Decimal(0))
    return total, any(c["knockout"] and points[c["code"]] == 0 for c in rubric["criteria"])


def outcome(given: Sequence[Given], flow: Mapping[str, Any], pass_mark: Decimal) -> Outcome:
    """What follows from the reviews handed in so far. ``flow``: typed body of the flow rule."""
    if len(given) < flow["reviewers"]:
        return Outcome(Verdict.WAIT)
    if any(g.total is None for g in given):
        return Outcome(Verdict.RETURN)
    totals = [g.total for g in given if g.total is not None]
    knocked = sum(g.knocked_out for g in given)
    if len(given) == 2 and (abs(totals[0] - totals[1]) > flow["gap"] or knocked == 1):
        return Outcome(Verdict.THIRD)
    score = agreed(totals, flow["third"])
    failed = knocked * 2 > len(given) or score < pass_mark
    return Outcome(Verdict.FAIL if failed else Verdict.PASS, score)


def agreed(totals: Sequence[Decimal], third: str) -> Decimal:
    """One score out of one to three: the mean; of three the median, or the mean of the closest two (of two equally close
    pairs the middle value, which both share)."""
    ordered = sorted(totals)
    if len(ordered) < 3:
        return _rounded(sum(ordered, Decimal(0)) / len(ordered))
    low, middle, high = ordered
    if third == "median" or middle - low == high - middle:
        return _rounded(middle)
    pairs = [(low, middle), (middle, high)]
    a, b = min(pairs, key=lambda pair: pair[1] - pair[0])
    return _rounded((a + b) / 2)


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)
