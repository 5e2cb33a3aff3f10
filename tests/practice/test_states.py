"""The table of states, cell by cell."""

from __future__ import annotations

import pytest

from app.core.errors import NotAllowedNow
from app.practice.states import DECIDED, EDITABLE, WAITING, Move, State, moved

WRITTEN = {
    "draft": {"submit": "submitted"},
    "submitted": {"withdraw": "draft", "confirm": "confirmed", "return": "returned"},
    "confirmed": {"assign": "in_review"},
    "in_review": {"unassign": "confirmed", "return": "returned", "pass": "passed", "fail": "failed"},
    "returned": {"submit": "submitted"},
    "passed": {},
    "failed": {},
}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("move", list(Move))
def test_every_cell(state: State, move: Move) -> None:
    expected = WRITTEN[state.value].get(move.value)
    if expected is None:
        with pytest.raises(NotAllowedNow):
            moved(state, move)
    else:
        assert moved(state, move) == expected


def test_the_groups_cover_every_state_once() -> None:
    assert sorted([*EDITABLE, *WAITING, *DECIDED]) == sorted(State)
