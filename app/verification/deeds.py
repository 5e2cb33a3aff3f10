from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Did(StrEnum):
    SHARE = "verification.link.make"
    WITHDRAW_SHARE = "verification.link.withdraw"
    REGISTER = "verification.employer.register"
    RETURN = "verification.employer.return"
    APPROVE = "verification.employer.approve"
    REFUSE = "verification.employer.refuse"
    END = "verification.employer.end"
    MAKE_KEY = "verification.key.make"
    ROTATE_KEY = "verification.key.rotate"
    REVOKE_KEY = "verification.key.revoke"
    CHECK_SHEET = "verification.sheet.check"


name_deeds(
    {
        Did.SHARE: _l("Made a link that shows a certificate"),
        Did.WITHDRAW_SHARE: _l("Withdrew a shared link"),
        Did.REGISTER: _l("Asked for registration as an employer"),
        Did.RETURN: _l("Returned an employer's registration"),
        Did.APPROVE: _l("Registered an employer"),
        Did.REFUSE: _l("Refused an employer's registration"),
        Did.END: _l("Ended an employer's registration"),
        Did.MAKE_KEY: _l("Made an interface key"),
        Did.ROTATE_KEY: _l("Replaced an interface key"),
        Did.REVOKE_KEY: _l("Revoked an interface key"),
        Did.CHECK_SHEET: _l("Checked a spreadsheet of certificates"),
    }
)
