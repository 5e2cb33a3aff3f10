"""What is shipped, and what an editor may not save."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from app.outline.kinds import BadRule
from app.outline.service import current, typed
from app.practice.rules import CATALOGUE, RUBRIC, ranks_of


def test_the_catalogue_is_the_one_of_the_field(app: Any) -> None:
    rule = current("practice_tasks")
    rows = {r["code"]: ranks_of(r) for r in typed(rule)["tasks"]}
    assert rule.is_default
    assert sorted(rows) == [f"T{n:02d}" for n in range(1, 15)]
    assert {c for c, ranks in rows.items() if ranks == {1, 2, 3}} == {"T01", "T02", "T03", "T07", "T08", "T10"}
    assert rows["T14"] == {3}
    assert all(ranks == {2, 3} for c, ranks in rows.items() if c in {"T04", "T05", "T06", "T09", "T11", "T12", "T13"})


def test_rubric_and_flow(app: Any) -> None:
    rubric = typed(current("practice_rubric"))
    assert [c["points"] for c in rubric["criteria"]] == [20, 25, 20, 25, 10]
    assert [c["code"] for c in rubric["criteria"] if c["knockout"]] == ["truth", "compliance"]
    assert rubric["pass_mark"] == 60
    flows = {rank: typed(current("practice_flow", rank)) for rank in (1, 2, 3)}
    assert [flows[r]["reviewers"] for r in (1, 2, 3)] == [1, 1, 2]
    assert {(f["max_returns"], f["gap"]) for f in flows.values()} == {(2, 15)}


def test_points_must_make_a_hundred() -> None:
    body: Any = copy.deepcopy(RUBRIC.defaults[""])  # type: ignore[index]
    body["criteria"][0]["points"] = "21"
    with pytest.raises(BadRule):
        RUBRIC.clean(body)


@pytest.mark.parametrize(("key", "value"), [("code", "T02"), ("levels", "1,2"), ("zh", "")])
def test_a_catalogue_that_cannot_be_read_is_refused(key: str, value: str) -> None:
    body: Any = copy.deepcopy(CATALOGUE.defaults[""])  # type: ignore[index]
    body["tasks"][0][key] = value
    with pytest.raises(BadRule):
        CATALOGUE.clean(body)
