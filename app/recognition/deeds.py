from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Did(StrEnum):
    SAVE_AGREEMENT = "recognition.agreement.save"
    MOVE_AGREEMENT = "recognition.agreement.move"
    SUBMIT = "recognition.case.submit"
    RETURN = "recognition.case.return"
    PROPOSE = "recognition.case.propose"
    SEND_BACK = "recognition.case.send_back"
    DECIDE = "recognition.case.decide"
    WITHDRAW = "recognition.case.withdraw"
    DOUBT = "recognition.case.doubt"
    SETTLE_DOUBT = "recognition.case.settle_doubt"


name_deeds(
    {
        Did.SAVE_AGREEMENT: _l("Saved a recognition agreement"),
        Did.MOVE_AGREEMENT: _l("Changed the state of a recognition agreement"),
        Did.SUBMIT: _l("Submitted a recognition case"),
        Did.RETURN: _l("Returned a recognition case"),
        Did.PROPOSE: _l("Proposed a decision on recognition"),
        Did.SEND_BACK: _l("Sent a proposal on recognition back"),
        Did.DECIDE: _l("Decided on recognition"),
        Did.WITHDRAW: _l("Withdrew a recognition case"),
        Did.DOUBT: _l("Put a recognition under re-examination"),
        Did.SETTLE_DOUBT: _l("Settled the re-examination of a recognition"),
    }
)
