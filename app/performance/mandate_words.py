"""Deeds and words of mandates."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from app.audit.service import name_deeds
from app.performance.mandate_states import ComplaintState, MandateState, Side


class DidMandate(StrEnum):
    WRITE = "performance.mandate.write"
    EDIT = "performance.mandate.edit"
    OFFER = "performance.mandate.offer"
    SIGN = "performance.mandate.sign"
    ACCEPT = "performance.mandate.accept"
    RETURN = "performance.mandate.return"
    WITHDRAW = "performance.mandate.withdraw"
    AGREE = "performance.mandate.agree"
    DECLINE = "performance.mandate.decline"
    REASSIGN = "performance.mandate.reassign"
    CLOSE = "performance.mandate.close"
    TERMINATE = "performance.mandate.terminate"
    EXPIRE = "performance.mandate.expire"
    OPINE = "performance.mandate.opinion"
    COMPLAIN = "performance.mandate.complain"
    SETTLE = "performance.mandate.settle"


name_deeds(
    {
        DidMandate.WRITE: _l("Wrote a mandate"),
        DidMandate.EDIT: _l("Changed a mandate"),
        DidMandate.OFFER: _l("Entered a mandate and named the manager"),
        DidMandate.SIGN: _l("Signed a mandate"),
        DidMandate.ACCEPT: _l("Accepted a mandate for the organisation"),
        DidMandate.RETURN: _l("Returned a mandate"),
        DidMandate.WITHDRAW: _l("Withdrew a mandate"),
        DidMandate.AGREE: _l("Took a mandate as the manager named"),
        DidMandate.DECLINE: _l("Declined a mandate"),
        DidMandate.REASSIGN: _l("Gave a mandate to another manager"),
        DidMandate.CLOSE: _l("Recorded the contract of a mandate"),
        DidMandate.TERMINATE: _l("Terminated a mandate"),
        DidMandate.EXPIRE: _l("A mandate expired"),
        DidMandate.OPINE: _l("The client gave an opinion"),
        DidMandate.COMPLAIN: _l("A complaint was received"),
        DidMandate.SETTLE: _l("Settled a complaint"),
    }
)

M = MandateState
MANDATE_STATES: dict[MandateState, Any] = {
    M.DRAFT: lazy_pgettext("mandate", "Draft"),
    M.PROPOSED: lazy_pgettext("mandate", "Waiting for the organisation"),
    M.RETURNED: lazy_pgettext("mandate", "Returned to the manager"),
    M.OFFERED: lazy_pgettext("mandate", "Waiting for the manager"),
    M.ACTIVE: lazy_pgettext("mandate", "In force"),
    M.VACANT: lazy_pgettext("mandate", "Waiting for another manager"),
    M.DEAL: lazy_pgettext("mandate", "Contract concluded"),
    M.TERMINATED: lazy_pgettext("mandate", "Terminated"),
    M.EXPIRED: lazy_pgettext("mandate", "Expired"),
    M.WITHDRAWN: lazy_pgettext("mandate", "Withdrawn"),
}
MANDATE_TONES: dict[MandateState, str] = {
    M.DRAFT: "neutral",
    M.PROPOSED: "info",
    M.RETURNED: "soon",
    M.OFFERED: "info",
    M.ACTIVE: "valid",
    M.VACANT: "soon",
    M.DEAL: "valid",
    M.TERMINATED: "stopped",
    M.EXPIRED: "neutral",
    M.WITHDRAWN: "neutral",
}
SIDES: dict[Side, Any] = {
    Side.SUPPLY: _l("the supplier of the technology"),
    Side.DEMAND: _l("the party that seeks technology"),
    Side.BOTH: _l("both sides"),
}
COMPLAINT_STATES: dict[ComplaintState, Any] = {
    ComplaintState.OPEN: lazy_pgettext("complaint", "Being looked into"),
    ComplaintState.SUBSTANTIATED: lazy_pgettext("complaint", "Substantiated"),
    ComplaintState.DISMISSED: lazy_pgettext("complaint", "Not substantiated"),
}
COMPLAINT_TONES: dict[ComplaintState, str] = {
    ComplaintState.OPEN: "soon",
    ComplaintState.SUBSTANTIATED: "stopped",
    ComplaintState.DISMISSED: "neutral",
}
