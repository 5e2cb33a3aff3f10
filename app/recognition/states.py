"""The life of an agreement and of a recognition case, as tables."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l


class AgreementState(StrEnum):
    DRAFT = "draft"
    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    ENDED = "ended"


class AgreementMove(StrEnum):
    GRANT = "grant"
    SUSPEND = "suspend"
    RESTORE = "restore"
    END = "end"


A, AM = AgreementState, AgreementMove
AGREEMENT_MOVES: dict[tuple[AgreementState, AgreementMove], AgreementState] = {
    (A.DRAFT, AM.GRANT): A.IN_FORCE,
    (A.IN_FORCE, AM.SUSPEND): A.SUSPENDED,
    (A.SUSPENDED, AM.RESTORE): A.IN_FORCE,
    (A.IN_FORCE, AM.END): A.ENDED,
    (A.SUSPENDED, AM.END): A.ENDED,
    (A.DRAFT, AM.END): A.ENDED,
}
AGREEMENT_LABELS: dict[AgreementState, Any] = {
    A.DRAFT: _l("Draft"),
    A.IN_FORCE: _l("In force"),
    A.SUSPENDED: _l("Suspended"),
    A.ENDED: _l("Terminated"),
}
AGREEMENT_TONES = {A.DRAFT: "neutral", A.IN_FORCE: "valid", A.SUSPENDED: "soon", A.ENDED: "stopped"}
AGREEMENT_MOVE_LABELS: dict[AgreementMove, Any] = {
    AM.GRANT: _l("Put into force"),
    AM.SUSPEND: _l("Suspend"),
    AM.RESTORE: _l("Restore"),
    AM.END: _l("Terminate"),
}


class CaseState(StrEnum):
    SUBMITTED = "submitted"
    RETURNED = "returned"
    PROPOSED = "proposed"
    RECOGNISED = "recognised"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    RECHECK = "recheck"
    ENDED = "ended"


class CaseMove(StrEnum):
    SUBMIT = "submit"
    RETURN = "return"
    PROPOSE = "propose"
    SEND_BACK = "send_back"
    RECOGNISE = "recognise"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    DOUBT = "doubt"
    CONFIRM = "confirm"
    END = "end"


C, CM = CaseState, CaseMove
CASE_MOVES: dict[tuple[CaseState, CaseMove], CaseState] = {
    (C.RETURNED, CM.SUBMIT): C.SUBMITTED,
    (C.SUBMITTED, CM.RETURN): C.RETURNED,
    (C.SUBMITTED, CM.PROPOSE): C.PROPOSED,
    (C.PROPOSED, CM.SEND_BACK): C.SUBMITTED,
    (C.PROPOSED, CM.RECOGNISE): C.RECOGNISED,
    (C.PROPOSED, CM.REFUSE): C.REFUSED,
    (C.SUBMITTED, CM.WITHDRAW): C.WITHDRAWN,
    (C.RETURNED, CM.WITHDRAW): C.WITHDRAWN,
    (C.PROPOSED, CM.WITHDRAW): C.WITHDRAWN,
    (C.RECOGNISED, CM.DOUBT): C.RECHECK,
    (C.RECHECK, CM.CONFIRM): C.RECOGNISED,
    (C.RECHECK, CM.END): C.ENDED,
    (C.RECOGNISED, CM.END): C.ENDED,
}
OPEN = (C.SUBMITTED, C.RETURNED, C.PROPOSED)
CASE_LABELS: dict[CaseState, Any] = {
    C.SUBMITTED: _l("Waiting for examination"),
    C.RETURNED: _l("Returned for correction"),
    C.PROPOSED: _l("Waiting for decision"),
    C.RECOGNISED: _l("Recognised"),
    C.REFUSED: _l("Not recognised"),
    C.WITHDRAWN: _l("Withdrawn"),
    C.RECHECK: _l("To be checked again"),
    C.ENDED: _l("Terminated"),
}
CASE_TONES = {
    C.SUBMITTED: "info", C.RETURNED: "soon", C.PROPOSED: "info", C.RECOGNISED: "valid", C.REFUSED: "stopped",
    C.WITHDRAWN: "neutral", C.RECHECK: "soon", C.ENDED: "stopped",
}  # fmt: skip


class Outcome(StrEnum):
    """What a case comes to (domain.md section 10)."""

    EQUAL = "equal"
    CONDITIONAL = "conditional"
    LOWER = "lower"
    REFUSED = "refused"


OUTCOME_LABELS: dict[Outcome, Any] = {
    Outcome.EQUAL: _l("recognise"),
    Outcome.CONDITIONAL: _l("recognise with conditions"),
    Outcome.LOWER: _l("recognise at a lower level"),
    Outcome.REFUSED: _l("do not recognise"),
}


class Model(StrEnum):
    """The four ways regions recognise (domain.md section 10)."""

    EQUAL = "equal_effect"
    LISTED = "listed"
    FILING = "filing"
    CASE = "case_by_case"


MODEL_LABELS: dict[Model, Any] = {
    Model.EQUAL: _l("equal effect"),
    Model.LISTED: _l("list of recognised titles"),
    Model.FILING: _l("file first, then practise"),
    Model.CASE: _l("case by case"),
}


class Validity(StrEnum):
    """How long a recognition holds, by agreement; never beyond the source certificate or the agreement."""

    SOURCE = "source"
    OURS = "ours"
    SHORTER = "shorter"


VALIDITY_LABELS: dict[Validity, Any] = {
    Validity.SOURCE: _l("as long as the source certificate"),
    Validity.OURS: _l("as long as our own certificates"),
    Validity.SHORTER: _l("the shorter of the two"),
}


class Verified(StrEnum):
    """How the source certificate was verified."""

    REGISTER = "register"
    ISSUER_SITE = "issuer_site"
    LETTER = "letter"
    NONE = "none"


VERIFIED_LABELS: dict[Verified, Any] = {
    Verified.REGISTER: _l("in this site's register"),
    Verified.ISSUER_SITE: _l("on the issuer's website"),
    Verified.LETTER: _l("by letter from the issuer"),
    Verified.NONE: _l("not verified"),
}
