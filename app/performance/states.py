"""Life cycles of a claim and of an integrity event, as tables."""

from __future__ import annotations

from enum import StrEnum

from app.core import states


class ClaimState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REVERSED = "reversed"


class ClaimMove(StrEnum):
    SUBMIT = "submit"
    RETURN = "return"
    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    REVERSE = "reverse"


S, M = ClaimState, ClaimMove
CLAIM_MOVES = {
    (S.DRAFT, M.SUBMIT): S.SUBMITTED,
    (S.RETURNED, M.SUBMIT): S.SUBMITTED,
    (S.SUBMITTED, M.RETURN): S.RETURNED,
    (S.SUBMITTED, M.APPROVE): S.GRANTED,
    (S.SUBMITTED, M.REFUSE): S.REFUSED,
    (S.DRAFT, M.WITHDRAW): S.WITHDRAWN,
    (S.SUBMITTED, M.WITHDRAW): S.WITHDRAWN,
    (S.RETURNED, M.WITHDRAW): S.WITHDRAWN,
    (S.GRANTED, M.REVERSE): S.REVERSED,
}
EDITABLE = frozenset({S.DRAFT, S.RETURNED})
HOLDS_SHARE = frozenset({S.SUBMITTED, S.RETURNED, S.GRANTED})
"""States in which a claim keeps its share of a contract from others."""


class EventState(StrEnum):
    NOTIFIED = "notified"
    ANSWERED = "answered"
    UPHELD = "upheld"
    DISMISSED = "dismissed"
    APPEALED = "appealed"
    CONFIRMED = "confirmed"
    LIFTED = "lifted"


class EventMove(StrEnum):
    ANSWER = "answer"
    UPHOLD = "uphold"
    DISMISS = "dismiss"
    APPEAL = "appeal"
    CONFIRM = "confirm"
    LIFT = "lift"


E, V = EventState, EventMove
EVENT_MOVES = {
    (E.NOTIFIED, V.ANSWER): E.ANSWERED,
    (E.NOTIFIED, V.UPHOLD): E.UPHELD,
    (E.NOTIFIED, V.DISMISS): E.DISMISSED,
    (E.ANSWERED, V.UPHOLD): E.UPHELD,
    (E.ANSWERED, V.DISMISS): E.DISMISSED,
    (E.UPHELD, V.APPEAL): E.APPEALED,
    (E.APPEALED, V.CONFIRM): E.CONFIRMED,
    (E.APPEALED, V.LIFT): E.LIFTED,
}
"""Upholding an unanswered notice waits for the end of the time to answer: the service sees to that."""
OPEN_EVENTS = frozenset({E.NOTIFIED, E.ANSWERED, E.APPEALED})


def claim_moved(state: ClaimState, move: ClaimMove) -> ClaimState:
    return states.moved(CLAIM_MOVES, state, move)


def event_moved(state: EventState, move: EventMove) -> EventState:
    return states.moved(EVENT_MOVES, state, move)
