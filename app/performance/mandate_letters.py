"""Letters about mandates."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.notices.service import letter

MANDATE_SIGNED = letter(
    "performance.mandate.signed",
    _l("%(name)s has signed a mandate: “%(project)s”"),
    _l("Please read it and accept it for the organisation, or return it with a reason."),
    called=_l("A manager has signed a mandate (organisations)"),
)
MANDATE_AGREED = letter(
    "performance.mandate.agreed",
    _l("%(name)s acts for the mandate “%(project)s” from today"),
    _l("The manager you named has signed. The mandate is in force."),
    called=_l("A manager has taken a mandate (organisations)"),
)
MANDATE_DECLINED = letter(
    "performance.mandate.declined",
    _l("%(name)s does not take the mandate “%(project)s”"),
    _l("Reason: %(reason)s\nPlease name another manager, or end the mandate."),
    called=_l("A manager does not take a mandate (organisations)"),
)
MANDATE_OFFERED = letter(
    "performance.mandate.offered",
    _l("Your organisation asks you to act for the mandate “%(project)s”"),
    _l("Client: %(client)s. Please read it and sign, or decline with a reason."),
    optional=False,
)
MANDATE_ACCEPTED = letter(
    "performance.mandate.accepted",
    _l("The mandate “%(project)s” is in force"),
    _l("Your organisation has accepted it. When the contract is registered, record its number here; a claim is then filled in for you."),
    optional=False,
)  # fmt: skip
MANDATE_RETURNED = letter(
    "performance.mandate.returned",
    _l("The mandate “%(project)s” was returned to you"),
    _l("Your organisation wrote: %(reason)s"),
    optional=False,
)
MANDATE_TAKEN_AWAY = letter(
    "performance.mandate.reassigned",
    _l("The mandate “%(project)s” was given to another manager"),
    _l("Reason: %(reason)s"),
    optional=False,
)
MANDATE_ENDED = letter(
    "performance.mandate.ended",
    _l("The mandate “%(project)s” has ended"),
    _l("Last day: %(on)s. Its page shows how it ended."),
    optional=False,
)
OPINION_GIVEN = letter(
    "performance.mandate.opinion",
    _l("A client has given an opinion on “%(project)s”"),
    _l("%(score)s of 5. The words stand on the mandate's page."),
    called=_l("A client has given an opinion"),
)
COMPLAINT_RECEIVED = letter(
    "performance.mandate.complaint",
    _l("A complaint was received about the mandate “%(project)s”"),
    _l(
        "An officer will look into it. Nothing is deducted; if it is found substantiated, you get a notice and may answer."
    ),
    optional=False,
)
COMPLAINT_DISMISSED = letter(
    "performance.mandate.complaint.dismissed",
    _l("The complaint about “%(project)s” was not found substantiated"),
    _l("Finding: %(finding)s"),
    optional=False,
)
