"""Life of an application for repair, as a table."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from flask_babel import lazy_pgettext

from app.core import states


class RepairState(StrEnum):
    SUBMITTED = "submitted"
    PROPOSED = "proposed"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class RepairMove(StrEnum):
    PROPOSE = "propose"
    GRANT = "grant"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


S, M = RepairState, RepairMove
REPAIR_MOVES = {
    (S.SUBMITTED, M.PROPOSE): S.PROPOSED,
    (S.PROPOSED, M.GRANT): S.GRANTED,
    (S.SUBMITTED, M.REFUSE): S.REFUSED,
    (S.PROPOSED, M.REFUSE): S.REFUSED,
    (S.SUBMITTED, M.WITHDRAW): S.WITHDRAWN,
    (S.PROPOSED, M.WITHDRAW): S.WITHDRAWN,
}
OPEN_REPAIRS = frozenset({S.SUBMITTED, S.PROPOSED})
REPAIR_STATES: dict[RepairState, Any] = {
    S.SUBMITTED: lazy_pgettext("repair", "Waiting for the first officer"),
    S.PROPOSED: lazy_pgettext("repair", "Waiting for the second officer"),
    S.GRANTED: lazy_pgettext("repair", "Granted"),
    S.REFUSED: lazy_pgettext("repair", "Refused"),
    S.WITHDRAWN: lazy_pgettext("repair", "Taken back"),
}
REPAIR_TONES: dict[RepairState, str] = {
    S.SUBMITTED: "info",
    S.PROPOSED: "info",
    S.GRANTED: "valid",
    S.REFUSED: "stopped",
    S.WITHDRAWN: "neutral",
}


def repair_moved(state: RepairState, move: RepairMove) -> RepairState:
    return states.moved(REPAIR_MOVES, state, move)
