"""Letters of recognition."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.notices.service import letter

RETURNED = letter(
    "recognition.returned",
    _l("Your request for recognition needs correction"),
    _l("%(authority)s returned your request for certificate %(number)s: %(remark)s\nPlease correct it by %(until)s."),
    optional=False,
)
RECOGNISED = letter(
    "recognition.recognised",
    _l("Your certificate is recognised"),
    _l(
        "%(authority)s recognises certificate %(source)s as %(level)s. Recognition note %(number)s holds until %(until)s. "
        "The note can be downloaded as soon as it is made."
    ),
    optional=False,
)
REFUSED = letter(
    "recognition.refused",
    _l("Your certificate was not recognised"),
    _l("%(authority)s did not recognise certificate %(source)s: %(reasons)s"),
    optional=False,
)
RECHECK = letter(
    "recognition.recheck",
    _l("A recognition is being checked again"),
    _l("Recognition %(number)s does not count for now: %(reason)s You will be told of the outcome."),
    optional=False,
)
ENDED = letter(
    "recognition.ended",
    _l("A recognition has ended"),
    _l("Recognition %(number)s has ended: %(reason)s"),
    optional=False,
)
CONFIRMED = letter(
    "recognition.confirmed",
    _l("A recognition counts again"),
    _l("Recognition %(number)s was checked and counts again: %(reason)s"),
    optional=False,
)
