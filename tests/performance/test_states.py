"""Every cell of the life cycles."""

from __future__ import annotations

import itertools

import pytest

from app.core.errors import NotAllowedNow
from app.performance.mandate_states import (
    ComplaintMove,
    ComplaintState,
    MandateMove,
    MandateState,
    complaint_moved,
    mandate_moved,
)
from app.performance.repair_states import RepairMove, RepairState, repair_moved
from app.performance.states import (
    ClaimMove,
    ClaimState,
    EventMove,
    EventState,
    claim_moved,
    event_moved,
)

CLAIMS = """
draft submit submitted, returned submit submitted, submitted return returned, submitted approve granted,
submitted refuse refused, draft withdraw withdrawn, submitted withdraw withdrawn, returned withdraw withdrawn,
granted reverse reversed
"""
EVENTS = """
notified answer answered, notified uphold upheld, notified dismiss dismissed, answered uphold upheld,
answered dismiss dismissed, upheld appeal appealed, appealed confirm confirmed, appealed lift lifted
"""
MANDATES = """
draft sign proposed, returned sign proposed, proposed accept active, proposed return returned, draft withdraw withdrawn,
returned withdraw withdrawn, proposed withdraw withdrawn, offered agree active, offered decline vacant,
active reassign offered, offered reassign offered, vacant reassign offered, active close deal,
active terminate terminated, offered terminate terminated, vacant terminate terminated,
active expire expired, offered expire expired, vacant expire expired
"""
COMPLAINTS = "open substantiate substantiated, open dismiss dismissed"
REPAIRS = """
submitted propose proposed, proposed grant granted, submitted refuse refused, proposed refuse refused,
submitted withdraw withdrawn, proposed withdraw withdrawn
"""


def table(words: str) -> dict[tuple[str, str], str]:
    cells = [cell.split() for cell in words.replace("\n", " ").split(",")]
    return {(state, move): after for state, move, after in cells}


@pytest.mark.parametrize(
    ("states", "moves", "moved", "words"),
    [
        (ClaimState, ClaimMove, claim_moved, CLAIMS),
        (EventState, EventMove, event_moved, EVENTS),
        (MandateState, MandateMove, mandate_moved, MANDATES),
        (ComplaintState, ComplaintMove, complaint_moved, COMPLAINTS),
        (RepairState, RepairMove, repair_moved, REPAIRS),
    ],
    ids=["claim", "event", "mandate", "complaint", "repair"],
)
def test_every_cell(states, moves, moved, words) -> None:
    allowed = table(words)
    for state, move in itertools.product(states, moves):
        if (state.value, move.value) in allowed:
            assert moved(state, move) == allowed[state.value, move.value]
        else:
            with pytest.raises(NotAllowedNow):
                moved(state, move)
