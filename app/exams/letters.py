from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.notices.service import letter

REGISTERED = letter(
    "exams.registered",
    _l("You are registered: %(title)s"),
    _l("You are registered for “%(title)s”. It opens on %(opens)s. Place: %(place)s. Please be there in good time."),
    optional=False,
)
CANCELLED = letter(
    "exams.cancelled",
    _l("Cancelled: %(title)s"),
    _l(
        "“%(title)s” was cancelled. Reason: %(reason)s. Your attempt is not counted; please choose another exam session."
    ),
    optional=False,
)
RESULT = letter(
    "exams.result",
    _l("Your result: %(title)s"),
    _l("The result of “%(title)s” has been released. Please open it on the site."),
    optional=False,
)
SEAT = letter(
    "exams.seat",
    _l("Your seat: %(title)s"),
    _l(
        "“%(title)s” opens on %(opens)s. Place: %(place)s, %(address)s. Room: %(room)s. Seat: %(seat)s. "
        "Please take your admission slip from the page below and bring it with your identity document."
    ),
    optional=False,
)
EXTRA_TIME = letter(
    "exams.extra_time",
    _l("Personal extra time: %(title)s"),
    _l("In “%(title)s” you have %(minutes)s minutes of personal extra time. Reason: %(reason)s."),
    optional=False,
)
VOIDED = letter(
    "exams.voided",
    _l("Your sitting was declared void: %(title)s"),
    _l("Your sitting in “%(title)s” was declared void. Reason: %(reason)s."),
    optional=False,
)
BARRED = letter(
    "exams.barred",
    _l("Your registration was taken back: %(title)s"),
    _l(
        "Your registration for “%(title)s” was taken back: you are barred from exams until %(until)s (%(reason)s). "
        "Your attempt is not counted; from that day on you can register again."
    ),
    optional=False,
)
REGRADED = letter(
    "exams.regraded",
    _l("Your result has changed: %(title)s"),
    _l(
        "“%(title)s” was marked again. Reason: %(reason)s. Your score was %(before)s of 100 and is now %(after)s. "
        "The result page shows which question it concerns."
    ),
    optional=False,
)
APPEAL_MADE = letter(
    "exams.appeal_made",
    _l("Your request for a result review was received: %(title)s"),
    _l("Your request for a review of the result of “%(title)s” was received. You get the answer by %(due)s."),
    optional=False,
)
APPEAL_UNCHANGED = letter(
    "exams.appeal_unchanged",
    _l("Result review: unchanged – %(title)s"),
    _l("The result of “%(title)s” was looked at again and stays as it is: %(after)s of 100. Reason: %(reason)s"),
    optional=False,
)
APPEAL_CORRECTED = letter(
    "exams.appeal_corrected",
    _l("Result review: corrected – %(title)s"),
    _l(
        "The result of “%(title)s” was looked at again and corrected from %(before)s to %(after)s of 100. "
        "Reason: %(reason)s"
    ),
    optional=False,
)
