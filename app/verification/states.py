"""The life of an employer's registration, and the words of what checks answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from app.certification import states as certificate_states


class RegistrationState(StrEnum):
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    REFUSED = "refused"
    ENDED = "ended"


class RegistrationMove(StrEnum):
    SUBMIT = "submit"
    RETURN = "return"
    APPROVE = "approve"
    REFUSE = "refuse"
    END = "end"


S, M = RegistrationState, RegistrationMove
REGISTRATION_MOVES: dict[tuple[RegistrationState, RegistrationMove], RegistrationState] = {
    (S.RETURNED, M.SUBMIT): S.SUBMITTED,
    (S.SUBMITTED, M.RETURN): S.RETURNED,
    (S.SUBMITTED, M.APPROVE): S.APPROVED,
    (S.SUBMITTED, M.REFUSE): S.REFUSED,
    (S.APPROVED, M.END): S.ENDED,
}
REGISTRATION_LABELS: dict[RegistrationState, Any] = {
    S.SUBMITTED: lazy_pgettext("registration", "Waiting for review"),
    S.RETURNED: lazy_pgettext("registration", "Returned for correction"),
    S.APPROVED: lazy_pgettext("registration", "Registered"),
    S.REFUSED: lazy_pgettext("registration", "Refused"),
    S.ENDED: lazy_pgettext("registration", "Ended"),
}
REGISTRATION_TONES = {
    S.SUBMITTED: "info", S.RETURNED: "soon", S.APPROVED: "valid", S.REFUSED: "stopped", S.ENDED: "neutral",
}  # fmt: skip

NOT_FOUND, FORMAT_ERROR, SUPERSEDED, CHANGED, NOT_OURS, UNCLEAR = (
    "not_found", "format_error", "superseded", "changed", "not_ours", "unclear",
)  # fmt: skip

TONES: dict[str, str] = {
    **{k.value: v for k, v in certificate_states.CERTIFICATE_TONES.items()},
    NOT_FOUND: "neutral", FORMAT_ERROR: "neutral", SUPERSEDED: "soon", CHANGED: "stopped", NOT_OURS: "stopped", UNCLEAR: "neutral",
}  # fmt: skip
LABELS: dict[str, Any] = {
    **{k.value: v for k, v in certificate_states.CERTIFICATE_LABELS.items()},
    NOT_FOUND: _l("Not found"),
    FORMAT_ERROR: _l("Not a possible number"),
    SUPERSEDED: _l("Superseded"),
    CHANGED: _l("The file was changed"),
    NOT_OURS: _l("Not issued here"),
    UNCLEAR: _l("It cannot be told"),
}
MEANING: dict[str, Any] = {
    **{k.value: v for k, v in certificate_states.CERTIFICATE_MEANING.items()},
    NOT_FOUND: _l("No certificate of this number and name is known here. That does not mean that one was revoked. Compare both "
                  "with the paper, also rare characters, and try again; in doubt ask the issuer named on it."),
    FORMAT_ERROR: _l("The number has the form of our numbers, but its check character does not fit: one character is probably "
                     "mistyped. Nothing was searched."),
    SUPERSEDED: _l("This file is genuine, but a newer edition has taken its place. Ask the holder for the edition in force."),
    CHANGED: _l("Something in this file is not as it was issued. Do not rely on it; what does not fit is named below."),
    NOT_OURS: _l("This file was not issued here, or what proves it was taken away. Do not rely on it."),
    UNCLEAR: _l("What would prove this file could not be read to the end. Verify by number and name, or ask for the original file."),
}  # fmt: skip
WAYS: dict[str, Any] = {
    "page": _l("Number and name"), "code": _l("QR code"), "file": _l("File"), "link": _l("Shared link"),
    "sheet": _l("Spreadsheet"), "api": _l("Interface"),
}  # fmt: skip
