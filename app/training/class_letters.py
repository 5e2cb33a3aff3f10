from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_ngettext

from app.notices.service import letter

OFFERED = letter(
    "training.offered",
    _l("A place in “%(title)s” is offered to you until %(expires)s"),
    _l(
        "You have moved up from the waiting list. The class runs from %(starts)s to %(ends)s. Place: %(place)s. Please accept "
        "or decline on the page of your enrolment by %(expires)s; after that the place goes to the next person."
    ),
    optional=False,
)
OFFER_LAPSED = letter(
    "training.offer_lapsed",
    _l("The place in “%(title)s” went to the next person"),
    _l(
        "You did not answer in time, so you are no longer on the waiting list. You can enrol again while enrolment is open."
    ),
    optional=False,
)
OFFER_ACCEPTED = letter(
    "training.offer_accepted",
    _l("You have accepted your place in “%(title)s”"),
    _l(
        "The class runs from %(starts)s to %(ends)s. Place: %(place)s. The timetable stands on the page of your enrolment."
    ),
    mail=False,
)
TRANSFERRED = letter(
    "training.transferred",
    _l("You are now in “%(title)s”"),
    _l(
        "You were moved from “%(before)s”. Reason: %(reason)s\n\nThe class runs from %(starts)s to %(ends)s. Place: %(place)s. "
        "Hours already credited stay yours."
    ),
    optional=False,
)
TRANSFER_REFUSED = letter(
    "training.transfer_refused",
    _l("Your wish to change to “%(title)s” was not granted"),
    _l("Reason: %(reason)s\n\nYour present enrolment stays as it is."),
    optional=False,
)
LEAVE_DECIDED = letter(
    "training.leave_decided",
    _l("Your leave from “%(label)s”: %(state)s"),
    _l("%(remark)s\n\nLeave is excused but earns no hours; a missed period can be made up in another class."),
    optional=False,
    called=_l("Leave from a period was decided"),
)
MAKE_UP_DECIDED = letter(
    "training.make_up_decided",
    _l("Making up “%(label)s”: %(state)s"),
    _l("%(remark)s\n\nTime and place: %(when)s, %(room)s. Sign in there with your phone as the others do."),
    optional=False,
    called=_l("Making up a period was decided"),
)
CLAIM_RETURNED = letter(
    "training.claim_returned",
    _l("The hours you stated for “%(title)s” were returned"),
    _l("Reason: %(reason)s\n\nPlease correct what is named and send them again."),
    optional=False,
)
CLAIM_DECIDED = letter(
    "training.claim_decided",
    _l("The hours you stated for “%(title)s” were decided on"),
    _l("Recognised: %(granted)s of %(hours)s class hours. %(reason)s"),
    optional=False,
)
REMINDER = letter(
    "training.reminder",
    _l("“%(title)s” begins on %(starts)s"),
    _l("Place: %(place)s. First period: %(first)s. Please bring your phone to sign in and out."),
    called=_l("A class begins soon"),
)
PERIOD_CHANGED = letter(
    "training.period_changed",
    _l("The timetable of “%(title)s” has changed"),
    _l("“%(label)s” is now on %(when)s, %(room)s. Please look at the timetable again."),
    optional=False,
)
EVENT_CREDITED = letter(
    "training.event_credited",
    lazy_ngettext(
        "%(hours)s class hour of continuing education: “%(title)s”",
        "%(hours)s class hours of continuing education: “%(title)s”",
        "hours",
    ),
    _l(
        "%(base)s entered you as a participant. The hours stand in your hours ledger and count for the renewal of your certificate. If you did not take part, please write to the base."
    ),
    called=_l("Hours of continuing education were credited"),
)
