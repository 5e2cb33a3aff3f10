from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Did(StrEnum):
    DRAFT_CLAIM = "performance.claim.draft"
    EDIT_CLAIM = "performance.claim.edit"
    SUBMIT_CLAIM = "performance.claim.submit"
    WITHDRAW_CLAIM = "performance.claim.withdraw"
    RETURN_CLAIM = "performance.claim.return"
    APPROVE_CLAIM = "performance.claim.approve"
    REFUSE_CLAIM = "performance.claim.refuse"
    REVERSE_CLAIM = "performance.claim.reverse"
    REGISTER_CONTRACT = "performance.contract.register"
    CONFIRM_CONTRACT = "performance.contract.confirm"
    DISSOLVE_CONTRACT = "performance.contract.dissolve"
    MATCH_CLAIM = "performance.claim.match"
    UNDO_CONTRACT = "performance.contract.undo"
    NOTIFY_EVENT = "performance.integrity.notify"
    ANSWER_EVENT = "performance.integrity.answer"
    UPHOLD_EVENT = "performance.integrity.uphold"
    DISMISS_EVENT = "performance.integrity.dismiss"
    APPEAL_EVENT = "performance.integrity.appeal"
    CONFIRM_EVENT = "performance.integrity.confirm"
    LIFT_EVENT = "performance.integrity.lift"
    RECORD_HONOUR = "performance.honour.record"
    APPLY_REPAIR = "performance.repair.apply"
    PROPOSE_REPAIR = "performance.repair.propose"
    GRANT_REPAIR = "performance.repair.grant"
    REFUSE_REPAIR = "performance.repair.refuse"
    WITHDRAW_REPAIR = "performance.repair.withdraw"
    MAKE_STATEMENT = "performance.statement.make"
    SHOW_STATEMENT = "performance.statement.show"
    WITHDRAW_STATEMENT = "performance.statement.withdraw"


name_deeds(
    {
        Did.DRAFT_CLAIM: _l("Began a claim"),
        Did.EDIT_CLAIM: _l("Changed a claim"),
        Did.SUBMIT_CLAIM: _l("Submitted a claim"),
        Did.WITHDRAW_CLAIM: _l("Withdrew a claim"),
        Did.RETURN_CLAIM: _l("Returned a claim for correction"),
        Did.APPROVE_CLAIM: _l("Granted a claim"),
        Did.REFUSE_CLAIM: _l("Refused a claim"),
        Did.REVERSE_CLAIM: _l("Reversed the points of a claim"),
        Did.REGISTER_CONTRACT: _l("Entered a technology contract"),
        Did.CONFIRM_CONTRACT: _l("Confirmed a contract against the register"),
        Did.DISSOLVE_CONTRACT: _l("Marked a contract as dissolved"),
        Did.MATCH_CLAIM: _l("Matched a claim to a registered contract"),
        Did.UNDO_CONTRACT: _l("Undid what a sheet said of a contract"),
        Did.NOTIFY_EVENT: _l("Gave notice of an integrity event"),
        Did.ANSWER_EVENT: _l("Answered an integrity notice"),
        Did.UPHOLD_EVENT: _l("Upheld an integrity event"),
        Did.DISMISS_EVENT: _l("Dismissed an integrity event"),
        Did.APPEAL_EVENT: _l("Appealed against a deduction"),
        Did.CONFIRM_EVENT: _l("Kept a deduction after appeal"),
        Did.LIFT_EVENT: _l("Lifted a deduction after appeal"),
        Did.RECORD_HONOUR: _l("Recorded an honour"),
        Did.APPLY_REPAIR: _l("Applied for repair of the integrity credit"),
        Did.PROPOSE_REPAIR: _l("Proposed to grant a repair"),
        Did.GRANT_REPAIR: _l("Granted a repair of the integrity credit"),
        Did.REFUSE_REPAIR: _l("Refused a repair of the integrity credit"),
        Did.WITHDRAW_REPAIR: _l("Took back an application for repair"),
        Did.MAKE_STATEMENT: _l("Made a statement of performance"),
        Did.SHOW_STATEMENT: _l("Changed what a statement shows to readers"),
        Did.WITHDRAW_STATEMENT: _l("Withdrew a statement of performance"),
    }
)
