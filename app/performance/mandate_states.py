"""Life of a mandate and of a complaint about one, as tables."""

from __future__ import annotations

from enum import StrEnum

from app.core import states


class Side(StrEnum):
    """For whom the manager acts."""

    SUPPLY = "supply"
    DEMAND = "demand"
    BOTH = "both"


class MandateState(StrEnum):
    DRAFT = "draft"
    PROPOSED = "proposed"
    """Signed by the manager; waits for the organisation."""
    RETURNED = "returned"
    OFFERED = "offered"
    """Named by the organisation; waits for the manager's signature."""
    ACTIVE = "active"
    VACANT = "vacant"
    """Nobody acts: the manager named did not take it."""
    DEAL = "deal"
    TERMINATED = "terminated"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class MandateMove(StrEnum):
    SIGN = "sign"
    ACCEPT = "accept"
    RETURN = "return"
    WITHDRAW = "withdraw"
    AGREE = "agree"
    DECLINE = "decline"
    REASSIGN = "reassign"
    CLOSE = "close"
    TERMINATE = "terminate"
    EXPIRE = "expire"


S, M = MandateState, MandateMove
MANDATE_MOVES = {
    (S.DRAFT, M.SIGN): S.PROPOSED,
    (S.RETURNED, M.SIGN): S.PROPOSED,
    (S.PROPOSED, M.ACCEPT): S.ACTIVE,
    (S.PROPOSED, M.RETURN): S.RETURNED,
    (S.DRAFT, M.WITHDRAW): S.WITHDRAWN,
    (S.RETURNED, M.WITHDRAW): S.WITHDRAWN,
    (S.PROPOSED, M.WITHDRAW): S.WITHDRAWN,
    (S.OFFERED, M.AGREE): S.ACTIVE,
    (S.OFFERED, M.DECLINE): S.VACANT,
    (S.ACTIVE, M.REASSIGN): S.OFFERED,
    (S.OFFERED, M.REASSIGN): S.OFFERED,
    (S.VACANT, M.REASSIGN): S.OFFERED,
    (S.ACTIVE, M.CLOSE): S.DEAL,
    (S.ACTIVE, M.TERMINATE): S.TERMINATED,
    (S.OFFERED, M.TERMINATE): S.TERMINATED,
    (S.VACANT, M.TERMINATE): S.TERMINATED,
    (S.ACTIVE, M.EXPIRE): S.EXPIRED,
    (S.OFFERED, M.EXPIRE): S.EXPIRED,
    (S.VACANT, M.EXPIRE): S.EXPIRED,
}
WRITABLE = frozenset({S.DRAFT, S.RETURNED})
OPEN_MANDATES = frozenset({S.ACTIVE, S.OFFERED, S.VACANT})
"""In force towards the client, whoever acts."""
ENDED = frozenset({S.DEAL, S.TERMINATED, S.EXPIRED})


class ComplaintState(StrEnum):
    OPEN = "open"
    SUBSTANTIATED = "substantiated"
    DISMISSED = "dismissed"


class ComplaintMove(StrEnum):
    SUBSTANTIATE = "substantiate"
    DISMISS = "dismiss"


COMPLAINT_MOVES = {
    (ComplaintState.OPEN, ComplaintMove.SUBSTANTIATE): ComplaintState.SUBSTANTIATED,
    (ComplaintState.OPEN, ComplaintMove.DISMISS): ComplaintState.DISMISSED,
}


def mandate_moved(state: MandateState, move: MandateMove) -> MandateState:
    return states.moved(MANDATE_MOVES, state, move)


def complaint_moved(state: ComplaintState, move: ComplaintMove) -> ComplaintState:
    return states.moved(COMPLAINT_MOVES, state, move)
