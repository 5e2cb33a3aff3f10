"""Scores become an outcome: gap, third reviewer, knock-out."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from app.practice.marking import Given, Verdict, agreed, outcome, totalled
from app.practice.rules import RUBRIC

FLOW = {"reviewers": 2, "gap": D(15), "third": "closest", "max_returns": 2}
ONE = FLOW | {"reviewers": 1}


def judged(*totals: Any, flow: Any = FLOW) -> Any:
    return outcome([g if isinstance(g, Given) else Given(D(g)) for g in totals], flow, D(60))


@pytest.mark.parametrize(
    ("totals", "verdict", "score"),
    [
        ((), Verdict.WAIT, None),
        ((80,), Verdict.WAIT, None),
        ((80, 65), Verdict.PASS, "72.50"),  # a gap of exactly 15 needs no third
        ((80, "64.99"), Verdict.THIRD, None),
        ((60, 60), Verdict.PASS, "60.00"),
        (("59.99", 60), Verdict.PASS, "60.00"),  # the mean is rounded half up to two places
        ((59, 60), Verdict.FAIL, "59.50"),
        ((80, 40, 70), Verdict.PASS, "75.00"),
        ((80, 40, 45), Verdict.FAIL, "42.50"),
        ((80, 40, 60), Verdict.PASS, "60.00"),  # two pairs equally close share the middle one
    ],
)
def test_two_reviewers_and_a_third(totals: Any, verdict: Verdict, score: Any) -> None:
    found = judged(*totals)
    assert (found.verdict, found.score) == (verdict, D(score) if score else None)


def test_the_median_is_a_setting() -> None:
    assert judged(80, 40, 70, flow=FLOW | {"third": "median"}).score == 70
    assert agreed([D(80), D(40), D(70)], "closest") == 75


@pytest.mark.parametrize(("total", "verdict"), [(60, Verdict.PASS), ("59.99", Verdict.FAIL), (100, Verdict.PASS)])
def test_one_reviewer_decides_alone(total: Any, verdict: Verdict) -> None:
    assert judged(total, flow=ONE).verdict is verdict


def test_a_wish_to_return_returns_once_both_have_spoken() -> None:
    assert judged(Given(None)).verdict is Verdict.WAIT
    assert judged(Given(None), 90).verdict is Verdict.RETURN
    assert judged(Given(None), flow=ONE).verdict is Verdict.RETURN


def test_knock_out_fails_whatever_the_total() -> None:
    out = Given(D(80), knocked_out=True)
    assert judged(out, flow=ONE).verdict is Verdict.FAIL
    assert judged(out, out).verdict is Verdict.FAIL
    assert judged(out, 85).verdict is Verdict.THIRD
    assert judged(out, 85, out).verdict is Verdict.FAIL
    assert judged(out, 85, 85).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("zero", "knocked"),
    [("truth", True), ("compliance", True), ("analysis", False), ("process", False), ("quality", False)],
)
def test_which_criteria_knock_out(zero: str, knocked: bool) -> None:
    rubric = RUBRIC.typed(RUBRIC.clean(RUBRIC.defaults[""]))  # type: ignore[index]
    points = {c["code"]: D(0) if c["code"] == zero else c["points"] for c in rubric["criteria"]}
    total, out = totalled(points, rubric)
    assert (total, out) == (100 - next(c["points"] for c in rubric["criteria"] if c["code"] == zero), knocked)
