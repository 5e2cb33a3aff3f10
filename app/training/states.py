"""The life of a class (班次) and of an enrolment (报名), each as a table."""

from __future__ import annotations

from enum import StrEnum


class ClassState(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    RUNNING = "running"
    ENDED = "ended"
    CANCELLED = "cancelled"


class ClassMove(StrEnum):
    OPEN = "open"
    START = "start"
    END = "end"
    CANCEL = "cancel"


CLASS_MOVES = {
    (ClassState.DRAFT, ClassMove.OPEN): ClassState.OPEN,
    (ClassState.DRAFT, ClassMove.CANCEL): ClassState.CANCELLED,
    (ClassState.OPEN, ClassMove.START): ClassState.RUNNING,
    (ClassState.OPEN, ClassMove.CANCEL): ClassState.CANCELLED,
    (ClassState.RUNNING, ClassMove.END): ClassState.ENDED,
    (ClassState.RUNNING, ClassMove.CANCEL): ClassState.CANCELLED,
}

TAKES_PEOPLE = (ClassState.OPEN, ClassState.RUNNING)
"""States in which people may enrol, as long as the window is open."""


class EnrolmentState(StrEnum):
    APPLIED = "applied"
    RETURNED = "returned"
    REFUSED = "refused"
    WAITING = "waiting"
    OFFERED = "offered"
    ADMITTED = "admitted"
    WITHDRAWN = "withdrawn"
    COMPLETED = "completed"


class EnrolmentMove(StrEnum):
    APPLY = "apply"
    RETURN = "return"
    REFUSE = "refuse"
    ADMIT = "admit"
    WAIT = "wait"
    OFFER = "offer"
    LAPSE = "lapse"
    WITHDRAW = "withdraw"
    COMPLETE = "complete"


_S, _M = EnrolmentState, EnrolmentMove
ENROLMENT_MOVES = {
    (_S.RETURNED, _M.APPLY): _S.APPLIED,
    (_S.WITHDRAWN, _M.APPLY): _S.APPLIED,
    (_S.APPLIED, _M.RETURN): _S.RETURNED,
    (_S.APPLIED, _M.REFUSE): _S.REFUSED,
    (_S.RETURNED, _M.REFUSE): _S.REFUSED,
    (_S.WAITING, _M.REFUSE): _S.REFUSED,
    (_S.APPLIED, _M.ADMIT): _S.ADMITTED,
    (_S.WAITING, _M.ADMIT): _S.ADMITTED,
    (_S.APPLIED, _M.WAIT): _S.WAITING,
    (_S.WAITING, _M.OFFER): _S.OFFERED,
    (_S.OFFERED, _M.ADMIT): _S.ADMITTED,
    (_S.OFFERED, _M.LAPSE): _S.WITHDRAWN,
    (_S.OFFERED, _M.WITHDRAW): _S.WITHDRAWN,
    (_S.OFFERED, _M.REFUSE): _S.REFUSED,
    (_S.APPLIED, _M.WITHDRAW): _S.WITHDRAWN,
    (_S.RETURNED, _M.WITHDRAW): _S.WITHDRAWN,
    (_S.WAITING, _M.WITHDRAW): _S.WITHDRAWN,
    (_S.ADMITTED, _M.WITHDRAW): _S.WITHDRAWN,
    (_S.ADMITTED, _M.COMPLETE): _S.COMPLETED,
}

IN_TRAINING = (_S.ADMITTED, _S.COMPLETED)
"""Holds a place in the class, or held it to the end: only these earn hours."""

TAKES_A_PLACE = (_S.OFFERED, _S.ADMITTED)
"""Counts against the capacity: a place that is offered is kept until the term is over."""

UNDECIDED = (_S.APPLIED, _S.RETURNED, _S.WAITING, _S.OFFERED)
HELD = (*UNDECIDED, *IN_TRAINING)
"""Everything that ties a person to a class; the others are over."""
