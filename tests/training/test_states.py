"""Both life cycles, cell by cell: what is not in this list is refused."""

from __future__ import annotations

import itertools

import pytest

from app.core.errors import NotAllowedNow
from app.core.states import moved
from app.training.states import CLASS_MOVES, ENROLMENT_MOVES, ClassMove, ClassState, EnrolmentMove, EnrolmentState

CLASSES = """
draft open open | draft cancel cancelled
open start running | open cancel cancelled
running end ended | running cancel cancelled
"""
ENROLMENTS = """
returned apply applied | withdrawn apply applied
applied return returned | applied refuse refused | returned refuse refused | waiting refuse refused
applied admit admitted | waiting admit admitted | applied wait waiting
applied withdraw withdrawn | returned withdraw withdrawn | waiting withdraw withdrawn | admitted withdraw withdrawn
admitted complete completed
waiting offer offered | offered admit admitted | offered lapse withdrawn | offered withdraw withdrawn | offered refuse refused
"""


def written(text: str) -> dict[tuple[str, str], str]:
    cells = [cell.split() for line in text.strip().splitlines() for cell in line.split("|")]
    return {(state, move): after for state, move, after in cells}


@pytest.mark.parametrize(
    ("table", "states", "moves", "text"),
    [(CLASS_MOVES, ClassState, ClassMove, CLASSES), (ENROLMENT_MOVES, EnrolmentState, EnrolmentMove, ENROLMENTS)],
    ids=["class", "enrolment"],
)
def test_every_cell(table: dict, states: type, moves: type, text: str) -> None:
    asked = written(text)
    for state, move in itertools.product(states, moves):
        if (state.value, move.value) in asked:
            assert moved(table, state, move).value == asked[state.value, move.value]
        else:
            with pytest.raises(NotAllowedNow):
                moved(table, state, move)
    assert len(table) == len(asked)
