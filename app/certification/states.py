"""The life of an application and of a certificate, as tables."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext


class State(StrEnum):
    """Where an application stands. What waits for the decision is PUBLICITY with its notice over (see ``service.waits``)."""

    SUBMITTED = "submitted"
    RETURNED = "returned"
    IN_REVIEW = "in_review"
    PUBLICITY = "publicity"
    OBJECTION = "objection"
    REFUSAL_PROPOSED = "refusal_proposed"
    ISSUED = "issued"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Move(StrEnum):
    SUBMIT = "submit"
    TAKE = "take"
    RETURN = "return"
    PUBLISH = "publish"
    PROPOSE_REFUSAL = "propose_refusal"
    OBJECT = "object"
    SETTLE = "settle"
    BACK = "back"
    ISSUE = "issue"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


S, M = State, Move

MOVES: dict[tuple[State, Move], State] = {
    (S.RETURNED, M.SUBMIT): S.SUBMITTED,
    (S.SUBMITTED, M.TAKE): S.IN_REVIEW,
    (S.SUBMITTED, M.RETURN): S.RETURNED,
    (S.IN_REVIEW, M.RETURN): S.RETURNED,
    (S.SUBMITTED, M.PUBLISH): S.PUBLICITY,
    (S.IN_REVIEW, M.PUBLISH): S.PUBLICITY,
    (S.IN_REVIEW, M.PROPOSE_REFUSAL): S.REFUSAL_PROPOSED,
    (S.SUBMITTED, M.PROPOSE_REFUSAL): S.REFUSAL_PROPOSED,
    (S.REFUSAL_PROPOSED, M.REFUSE): S.REFUSED,
    (S.REFUSAL_PROPOSED, M.BACK): S.IN_REVIEW,
    (S.PUBLICITY, M.OBJECT): S.OBJECTION,
    (S.OBJECTION, M.OBJECT): S.OBJECTION,
    (S.OBJECTION, M.SETTLE): S.PUBLICITY,
    (S.OBJECTION, M.BACK): S.IN_REVIEW,
    (S.PUBLICITY, M.BACK): S.IN_REVIEW,
    (S.PUBLICITY, M.ISSUE): S.ISSUED,
    (S.PUBLICITY, M.REFUSE): S.REFUSED,
    **{
        (state, M.WITHDRAW): S.WITHDRAWN
        for state in (S.SUBMITTED, S.RETURNED, S.IN_REVIEW, S.PUBLICITY, S.OBJECTION, S.REFUSAL_PROPOSED)
    },
}

OPEN = (S.SUBMITTED, S.RETURNED, S.IN_REVIEW, S.PUBLICITY, S.OBJECTION, S.REFUSAL_PROPOSED)
"""States in which somebody still has to act; a person has one such application per level."""

STATE_LABELS: dict[State, Any] = {
    S.SUBMITTED: lazy_pgettext("application", "Waiting for review"),
    S.RETURNED: lazy_pgettext("application", "Returned for correction"),
    S.IN_REVIEW: lazy_pgettext("application", "In review"),
    S.PUBLICITY: lazy_pgettext("application", "On public notice"),
    S.OBJECTION: lazy_pgettext("application", "Objection in hand"),
    S.REFUSAL_PROPOSED: lazy_pgettext("application", "Refusal proposed"),
    S.ISSUED: lazy_pgettext("application", "Certificate issued"),
    S.REFUSED: lazy_pgettext("application", "Refused"),
    S.WITHDRAWN: lazy_pgettext("application", "Withdrawn"),
}
STATE_TONES: dict[State, str] = {
    S.SUBMITTED: "info",
    S.RETURNED: "soon",
    S.IN_REVIEW: "info",
    S.PUBLICITY: "info",
    S.OBJECTION: "soon",
    S.REFUSAL_PROPOSED: "soon",
    S.ISSUED: "valid",
    S.REFUSED: "stopped",
    S.WITHDRAWN: "neutral",
}


class Standing(StrEnum):
    """What was decided about a certificate; dates stand apart."""

    GOOD = "good"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    CANCELLED = "cancelled"


class Change(StrEnum):
    """A decision on an issued certificate."""

    SUSPEND = "suspend"
    RESTORE = "restore"
    REVOKE = "revoke"
    CANCEL = "cancel"
    REINSTATE = "reinstate"


CHANGES: dict[tuple[Standing, Change], Standing] = {
    (Standing.GOOD, Change.SUSPEND): Standing.SUSPENDED,
    (Standing.SUSPENDED, Change.RESTORE): Standing.GOOD,
    (Standing.GOOD, Change.REVOKE): Standing.REVOKED,
    (Standing.SUSPENDED, Change.REVOKE): Standing.REVOKED,
    (Standing.GOOD, Change.CANCEL): Standing.CANCELLED,
    (Standing.SUSPENDED, Change.CANCEL): Standing.CANCELLED,
    (Standing.REVOKED, Change.REINSTATE): Standing.GOOD,
    (Standing.CANCELLED, Change.REINSTATE): Standing.GOOD,
}
TWO_PEOPLE = frozenset({Change.REVOKE, Change.CANCEL, Change.REINSTATE})
"""Decisions that end a certificate, or set such a decision aside: one officer proposes, another confirms."""

AGAINST = frozenset({Change.SUSPEND, Change.REVOKE, Change.CANCEL})
"""Decisions against the holder, who may state a view on them and appeal."""

CHANGE_LABELS: dict[Change, Any] = {
    Change.SUSPEND: lazy_pgettext("certificate", "Suspend"),
    Change.RESTORE: lazy_pgettext("certificate", "Restore"),
    Change.REVOKE: lazy_pgettext("certificate", "Revoke"),
    Change.CANCEL: lazy_pgettext("certificate", "Cancel"),
    Change.REINSTATE: lazy_pgettext("certificate", "Reinstate"),
}
CHANGE_DONE: dict[Change, Any] = {
    Change.SUSPEND: lazy_pgettext("certificate", "Suspended"),
    Change.RESTORE: lazy_pgettext("certificate", "Restored"),
    Change.REVOKE: lazy_pgettext("certificate", "Revoked"),
    Change.CANCEL: lazy_pgettext("certificate", "Cancelled"),
    Change.REINSTATE: lazy_pgettext("certificate", "Reinstated"),
}


class CertificateState(StrEnum):
    """What a reader is told about a certificate on a day."""

    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    CANCELLED = "cancelled"


C = CertificateState
CERTIFICATE_LABELS: dict[CertificateState, Any] = {
    C.VALID: lazy_pgettext("certificate", "Valid"),
    C.EXPIRING: lazy_pgettext("certificate", "Expiring soon"),
    C.EXPIRED: lazy_pgettext("certificate", "Expired"),
    C.SUSPENDED: lazy_pgettext("certificate", "Suspended"),
    C.REVOKED: lazy_pgettext("certificate", "Revoked"),
    C.CANCELLED: lazy_pgettext("certificate", "Cancelled"),
}
CERTIFICATE_TONES: dict[CertificateState, str] = {
    C.VALID: "valid",
    C.EXPIRING: "soon",
    C.EXPIRED: "neutral",
    C.SUSPENDED: "stopped",
    C.REVOKED: "stopped",
    C.CANCELLED: "neutral",
}
CERTIFICATE_MEANING: dict[CertificateState, Any] = {
    C.VALID: _l("The certificate is in force."),
    C.EXPIRING: _l("The certificate is in force; its validity ends within 90 days."),
    C.EXPIRED: _l("The validity has ended and the certificate has not been renewed."),
    C.SUSPENDED: _l("The issuer has suspended the certificate for the time being; it does not count meanwhile."),
    C.REVOKED: _l("The issuer has revoked the certificate for cause; it does not count any more."),
    C.CANCELLED: _l("The certificate was cancelled without fault of the holder; it does not count any more."),
}


class EditionKind(StrEnum):
    FIRST = "first"
    PRIOR = "prior"
    RENEWAL = "renewal"
    CORRECTION = "correction"
    REPRINT = "reprint"


EDITION_LABELS: dict[EditionKind, Any] = {
    EditionKind.FIRST: _l("First issue"),
    EditionKind.PRIOR: _l("Issued before the platform"),
    EditionKind.RENEWAL: _l("Renewal"),
    EditionKind.CORRECTION: _l("Correction"),
    EditionKind.REPRINT: _l("Reprint"),
}


class RenewalState(StrEnum):
    SUBMITTED = "submitted"
    RETURNED = "returned"
    GRANTED = "granted"
    WITHDRAWN = "withdrawn"


class RenewalMove(StrEnum):
    SUBMIT = "submit"
    RETURN = "return"
    GRANT = "grant"
    WITHDRAW = "withdraw"


RENEWAL_MOVES: dict[tuple[RenewalState, RenewalMove], RenewalState] = {
    (RenewalState.RETURNED, RenewalMove.SUBMIT): RenewalState.SUBMITTED,
    (RenewalState.SUBMITTED, RenewalMove.RETURN): RenewalState.RETURNED,
    (RenewalState.SUBMITTED, RenewalMove.GRANT): RenewalState.GRANTED,
    (RenewalState.SUBMITTED, RenewalMove.WITHDRAW): RenewalState.WITHDRAWN,
    (RenewalState.RETURNED, RenewalMove.WITHDRAW): RenewalState.WITHDRAWN,
}
RENEWAL_OPEN = (RenewalState.SUBMITTED, RenewalState.RETURNED)
RENEWAL_LABELS: dict[RenewalState, Any] = {
    RenewalState.SUBMITTED: lazy_pgettext("application", "Waiting for review"),
    RenewalState.RETURNED: lazy_pgettext("application", "Returned for correction"),
    RenewalState.GRANTED: lazy_pgettext("application", "Renewed"),
    RenewalState.WITHDRAWN: lazy_pgettext("application", "Withdrawn"),
}
RENEWAL_TONES = {
    RenewalState.SUBMITTED: "info",
    RenewalState.RETURNED: "soon",
    RenewalState.GRANTED: "valid",
    RenewalState.WITHDRAWN: "neutral",
}


class AskState(StrEnum):
    """Where a holder's request (correction, reprint, claim of an earlier certificate, appeal) stands."""

    SUBMITTED = "submitted"
    GRANTED = "granted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class AskMove(StrEnum):
    GRANT = "grant"
    DECLINE = "decline"
    WITHDRAW = "withdraw"


ASK_MOVES: dict[tuple[AskState, AskMove], AskState] = {
    (AskState.SUBMITTED, AskMove.GRANT): AskState.GRANTED,
    (AskState.SUBMITTED, AskMove.DECLINE): AskState.DECLINED,
    (AskState.SUBMITTED, AskMove.WITHDRAW): AskState.WITHDRAWN,
}
ASK_LABELS: dict[AskState, Any] = {
    AskState.SUBMITTED: lazy_pgettext("request", "Waiting for the office"),
    AskState.GRANTED: lazy_pgettext("request", "Granted"),
    AskState.DECLINED: lazy_pgettext("request", "Declined"),
    AskState.WITHDRAWN: lazy_pgettext("request", "Withdrawn"),
}
ASK_TONES = {
    AskState.SUBMITTED: "info",
    AskState.GRANTED: "valid",
    AskState.DECLINED: "stopped",
    AskState.WITHDRAWN: "neutral",
}


class AskKind(StrEnum):
    """What a holder asks of the office about a certificate."""

    CORRECTION = "correction"
    REPRINT = "reprint"
    CLAIM = "claim"
    APPEAL = "appeal"


ASK_KIND_LABELS: dict[AskKind, Any] = {
    AskKind.CORRECTION: _l("Correction of a certificate"),
    AskKind.REPRINT: _l("Reprint of a certificate"),
    AskKind.CLAIM: _l("Claim of an earlier certificate"),
    AskKind.APPEAL: _l("Appeal against a decision"),
}
