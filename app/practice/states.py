"""The life of a log entry, as a table.

The mentor's return is coaching and may be repeated; returns out of the review are counted and limited by the flow rule.
"""

from __future__ import annotations

from enum import StrEnum

from app.core.states import moved as _moved


class State(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    PASSED = "passed"
    FAILED = "failed"


class Move(StrEnum):
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    CONFIRM = "confirm"
    ASSIGN = "assign"
    UNASSIGN = "unassign"
    RETURN = "return"
    PASS = "pass"
    FAIL = "fail"


MOVES: dict[tuple[State, Move], State] = {
    (State.DRAFT, Move.SUBMIT): State.SUBMITTED,
    (State.RETURNED, Move.SUBMIT): State.SUBMITTED,
    (State.SUBMITTED, Move.WITHDRAW): State.DRAFT,
    (State.SUBMITTED, Move.CONFIRM): State.CONFIRMED,
    (State.SUBMITTED, Move.RETURN): State.RETURNED,
    (State.CONFIRMED, Move.ASSIGN): State.IN_REVIEW,
    (State.IN_REVIEW, Move.UNASSIGN): State.CONFIRMED,
    (State.IN_REVIEW, Move.RETURN): State.RETURNED,
    (State.IN_REVIEW, Move.PASS): State.PASSED,
    (State.IN_REVIEW, Move.FAIL): State.FAILED,
}
"""CONFIRMED waits for reviewers; IN_REVIEW has as many as the level asks."""

EDITABLE = frozenset({State.DRAFT, State.RETURNED})
WAITING = frozenset({State.SUBMITTED, State.CONFIRMED, State.IN_REVIEW})
DECIDED = frozenset({State.PASSED, State.FAILED})


def moved(state: State, move: Move) -> State:
    """The state after a move. Raises NotAllowedNow where the table has no such cell."""
    return _moved(MOVES, state, move)


class HearingState(StrEnum):
    """An oral defence: planned, then held, missed by the trainee, or called off."""

    PLANNED = "planned"
    HELD = "held"
    MISSED = "missed"
    CANCELLED = "cancelled"


class HearingMove(StrEnum):
    CLOSE = "close"
    MISS = "miss"
    CANCEL = "cancel"


HEARING_MOVES: dict[tuple[HearingState, HearingMove], HearingState] = {
    (HearingState.PLANNED, HearingMove.CLOSE): HearingState.HELD,
    (HearingState.PLANNED, HearingMove.MISS): HearingState.MISSED,
    (HearingState.PLANNED, HearingMove.CANCEL): HearingState.CANCELLED,
}


def hearing_moved(state: HearingState, move: HearingMove) -> HearingState:
    """The state of a hearing after a move. Raises NotAllowedNow where the table has no such cell."""
    return _moved(HEARING_MOVES, state, move)


class TeamState(StrEnum):
    """A team: its members confirm; then it stands, and each logs their own part; or it was given up."""

    FORMING = "forming"
    READY = "ready"
    DISSOLVED = "dissolved"
