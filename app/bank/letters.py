from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.notices.service import letter

APPROVED = letter(
    "bank.question.approved",
    _l("Your question %(code)s is live"),
    _l("Your question %(code)s was approved and may now be drawn for papers."),
    mail=False,
)
RETURNED = letter(
    "bank.question.returned",
    _l("Your question %(code)s was returned"),
    _l("Your question %(code)s was returned with this remark: %(remark)s"),
    mail=False,
)
