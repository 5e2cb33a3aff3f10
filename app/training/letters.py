from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_ngettext

from app.notices.service import letter

RECEIVED = letter(
    "training.received",
    _l("Your enrolment in “%(title)s” has been received"),
    _l("The training base will look at it and tell you here. You can follow the state on the page of your enrolment."),
    mail=False,
)
ADMITTED = letter(
    "training.admitted",
    _l("You have a place in “%(title)s”"),
    _l(
        "Your enrolment was approved. The class runs from %(starts)s to %(ends)s. Place: %(place)s. You find the timetable "
        "on the page of the class; please bring your phone to sign in."
    ),
    optional=False,
)
RETURNED = letter(
    "training.returned",
    _l("Your enrolment in “%(title)s” was returned"),
    _l("Reason: %(reason)s\n\nPlease correct what is named and send it again before enrolment closes on %(until)s."),
    optional=False,
)
REFUSED = letter(
    "training.refused",
    _l("Your enrolment in “%(title)s” was not approved"),
    _l("Reason: %(reason)s\n\nOther classes may be open to you; questions are answered by the training base."),
    optional=False,
)
WAITING = letter(
    "training.waiting",
    _l("You are on the waiting list of “%(title)s”"),
    _l("All places are taken at present. When one becomes free, the list moves up by itself and we write to you."),
    optional=False,
)
LAPSED = letter(
    "training.lapsed",
    _l("“%(title)s” has ended without a place for you"),
    _l("Your enrolment has not been decided in time. You can enrol in the next class."),
    optional=False,
)
MOVED_UP = letter(
    "training.moved_up",
    _l("A place has become free: you are in “%(title)s”"),
    _l(
        "You have moved up from the waiting list. The class runs from %(starts)s to %(ends)s. Place: %(place)s. If you "
        "cannot come, please withdraw, so that the next person gets the place."
    ),
    optional=False,
)
CHANGED = letter(
    "training.changed",
    _l("Something has changed in “%(title)s”"),
    _l("The class now runs from %(starts)s to %(ends)s. Place: %(place)s. Please look at the timetable again."),
    optional=False,
)
CANCELLED = letter(
    "training.cancelled",
    _l("“%(title)s” has been cancelled"),
    _l("Reason: %(reason)s\n\nHours already credited stay yours. You can enrol in another class of the level."),
    optional=False,
)
HOURS = letter(
    "training.hours",
    lazy_ngettext("%(hours)s class hour credited: “%(title)s”", "%(hours)s class hours credited: “%(title)s”", "hours"),
    _l("They stand in your hours ledger with their source. The page “My training” shows what is still missing."),
    mail=False,
)
REVERSED = letter(
    "training.hours_reversed",
    lazy_ngettext("%(hours)s class hour was taken back", "%(hours)s class hours were taken back", "hours"),
    _l("Reason: %(reason)s\n\nIf you disagree, please write to the training base."),
    optional=False,
)
COMPLETED = letter(
    "training.completed",
    _l("You have completed “%(title)s”"),
    _l("Your completion statement %(number)s can be downloaded on the page of your enrolment."),
    called=_l("You have completed a class"),
)
COMPLETION_WITHDRAWN = letter(
    "training.completion_withdrawn",
    _l("Your completion statement %(number)s was withdrawn"),
    _l(
        "Reason: %(reason)s\n\nThe page behind its code says that it no longer stands. If you disagree, please write to the training base."
    ),
    optional=False,
)
FEEDBACK = letter(
    "training.feedback",
    _l("Please tell us what you think of “%(title)s”"),
    _l(
        "A few questions, open until %(until)s. Your answers carry no name; teachers see figures only from five answers on."
    ),
    called=_l("A questionnaire on a class of yours is open"),
)
ENDED = letter(
    "training.ended",
    _l("“%(title)s” has ended"),
    _l(
        "Your hours do not yet reach what a completion statement asks. What you have earned stays in your hours ledger; "
        "the page “My training” shows what is still missing."
    ),
    called=_l("A class of yours has ended"),
)
MESSAGE = letter(
    "training.message",
    _l("%(title)s: %(subject)s"),
    _l("%(text)s"),
    called=_l("A message of the training base to your class"),
)
TAKEN_BACK = letter(
    "training.taken_back",
    _l("Your place in “%(title)s” has been taken back"),
    _l(
        "The training base had entered you by a list that was a mistake. If you want to take part, please ask the base or enrol yourself."
    ),
    optional=False,
)
