from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Did(StrEnum):
    APPLY = "certification.application.submit"
    WITHDRAW = "certification.application.withdraw"
    TAKE = "certification.application.take"
    RETURN = "certification.application.return"
    PUBLISH = "certification.application.publish"
    PROPOSE_REFUSAL = "certification.application.propose_refusal"
    SEND_BACK = "certification.application.send_back"
    REFUSE = "certification.application.refuse"
    OBJECT = "certification.objection.make"
    SETTLE_OBJECTION = "certification.objection.settle"
    ISSUE = "certification.certificate.issue"
    ADD_EDITION = "certification.certificate.add_edition"
    PROPOSE_CHANGE = "certification.certificate.propose_change"
    DROP_CHANGE = "certification.certificate.drop_change"
    SUSPEND = "certification.certificate.suspend"
    RESTORE = "certification.certificate.restore"
    REVOKE = "certification.certificate.revoke"
    CANCEL = "certification.certificate.cancel"
    REINSTATE = "certification.certificate.reinstate"
    STATE_VIEW = "certification.certificate.state_view"
    TAKE_VIEW = "certification.certificate.take_view"
    OPEN_VIEW = "certification.certificate.open_view"
    ASK = "certification.ask.make"
    GRANT_ASK = "certification.ask.grant"
    DECLINE_ASK = "certification.ask.decline"
    WITHDRAW_ASK = "certification.ask.withdraw"
    OPEN_ASK_PROOF = "certification.ask.open_proof"
    TAKE_OVER = "certification.earlier.take_over"
    LINK_HOLDER = "certification.earlier.link"
    EXPORT = "certification.certificate.export"
    ASK_RENEWAL = "certification.renewal.ask"
    RETURN_RENEWAL = "certification.renewal.return"
    GRANT_RENEWAL = "certification.renewal.grant"
    WITHDRAW_RENEWAL = "certification.renewal.withdraw"
    OPEN_PROOF = "certification.renewal.open_proof"
    MAKE_KEY = "certification.key.make"
    RETIRE_KEY = "certification.key.retire"
    SET_SEAL = "certification.seal.set"


name_deeds(
    {
        Did.APPLY: _l("Applied for a certificate"),
        Did.WITHDRAW: _l("Withdrew an application"),
        Did.TAKE: _l("Took an application into review"),
        Did.RETURN: _l("Returned an application for correction"),
        Did.PUBLISH: _l("Passed an application in review and put it on public notice"),
        Did.PROPOSE_REFUSAL: _l("Proposed to refuse an application"),
        Did.SEND_BACK: _l("Sent an application back to review"),
        Did.REFUSE: _l("Refused an application"),
        Did.OBJECT: _l("Objected to an application"),
        Did.SETTLE_OBJECTION: _l("Settled an objection"),
        Did.ISSUE: _l("Issued a certificate"),
        Did.ADD_EDITION: _l("Issued a new edition of a certificate"),
        Did.PROPOSE_CHANGE: _l("Proposed a decision on a certificate"),
        Did.DROP_CHANGE: _l("Did not confirm a proposed decision on a certificate"),
        Did.SUSPEND: _l("Suspended a certificate"),
        Did.RESTORE: _l("Restored a certificate"),
        Did.REVOKE: _l("Revoked a certificate"),
        Did.CANCEL: _l("Cancelled a certificate"),
        Did.REINSTATE: _l("Reinstated a certificate"),
        Did.STATE_VIEW: _l("Stated the own view on a proposed decision"),
        Did.TAKE_VIEW: _l("Entered a holder's statement that came on paper"),
        Did.OPEN_VIEW: _l("Opened the scan of a holder's statement"),
        Did.ASK: _l("Asked the office about a certificate"),
        Did.GRANT_ASK: _l("Granted a holder's request"),
        Did.DECLINE_ASK: _l("Declined a holder's request"),
        Did.WITHDRAW_ASK: _l("Withdrew a request"),
        Did.OPEN_ASK_PROOF: _l("Opened the proof of a request"),
        Did.TAKE_OVER: _l("Took over a certificate issued before the platform"),
        Did.LINK_HOLDER: _l("Linked an earlier certificate to its holder's account"),
        Did.EXPORT: _l("Downloaded certificates in bulk"),
        Did.ASK_RENEWAL: _l("Asked for a renewal"),
        Did.RETURN_RENEWAL: _l("Returned a renewal for correction"),
        Did.GRANT_RENEWAL: _l("Renewed a certificate"),
        Did.WITHDRAW_RENEWAL: _l("Withdrew a renewal"),
        Did.OPEN_PROOF: _l("Opened the proof of a renewal"),
        Did.MAKE_KEY: _l("Made a signing key"),
        Did.RETIRE_KEY: _l("Retired a signing key"),
        Did.SET_SEAL: _l("Set the picture of an authority's seal"),
    }
)
name_deeds(  # written until lists of earlier certificates became sheets; the log is never rewritten
    {
        "certification.earlier.read": _l("Uploaded a list of earlier certificates"),
        "certification.earlier.start": _l("Had a list of earlier certificates taken over"),
        "certification.earlier.undo": _l("Undid the import of a list of earlier certificates"),
    }
)
