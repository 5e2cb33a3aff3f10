"""Letters to employers who register."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.notices.service import letter

APPROVED = letter(
    "verification.approved",
    _l("Your organisation is registered"),
    _l("%(name)s may now check certificates by spreadsheet and by the interface."),
    optional=False,
)
RETURNED = letter(
    "verification.returned",
    _l("Your registration needs correction"),
    _l("The registration of %(name)s was returned: %(reason)s"),
    optional=False,
)
REFUSED = letter(
    "verification.refused",
    _l("Your registration was refused"),
    _l("The registration of %(name)s was refused: %(reason)s"),
    optional=False,
)
ENDED = letter(
    "verification.ended",
    _l("Your registration has ended"),
    _l("%(name)s may no longer check certificates as a registered employer: %(reason)s"),
    optional=False,
)
