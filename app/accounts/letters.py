from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.notices.service import letter

CONFIRM = letter(
    "accounts.confirm",
    _l("Please confirm your e-mail address"),
    _l("You signed up with this address. Open the link within %(hours)s hours and enter your password to finish. If it "
       "was not you, do nothing: the account stays closed."),
    optional=False,
)  # fmt: skip
ALREADY_HERE = letter(
    "accounts.already_here",
    _l("You already have an account"),
    _l("Somebody, probably you, tried to sign up with this address, but it already has an account. Sign in as usual; if "
       "the password is lost, ask for a new one on the sign-in page."),
    optional=False,
)  # fmt: skip
RESET = letter(
    "accounts.reset",
    _l("Set a new password"),
    _l("A new password was asked for. The link works once, within one hour. If it was not you, do nothing: your "
       "password stays as it is."),
    optional=False,
)  # fmt: skip
INVITED = letter(
    "accounts.invited",
    _l("An account was made for you"),
    _l("%(by)s made an account for you on this platform. Open the link within %(hours)s hours to choose a password."),
    optional=False,
)
PASSWORD_CHANGED = letter(
    "accounts.password_changed",
    _l("Your password was changed"),
    _l("Your password was changed and all other sessions were ended. If it was not you, ask for a new password at once "
       "and tell the office."),
    optional=False,
)  # fmt: skip
SECOND_FACTOR_SET = letter(
    "accounts.second_factor_set",
    _l("Second factor set up"),
    _l(
        "From now on signing in to your account asks for a code of your authenticator app. If it was not you, tell the office."
    ),
    optional=False,
)
SECOND_FACTOR_RESET = letter(
    "accounts.second_factor_reset",
    _l("Your second factor was reset"),
    _l("An administrator reset your second factor: %(reason)s. At the next sign-in you set it up again."),
    optional=False,
)
ROLE_GRANTED = letter(
    "accounts.role_granted",
    _l("A role was granted to you: %(role)s"),
    _l("You now hold the role “%(role)s” (%(scope)s)."),
    optional=False,
)
ROLE_ENDED = letter(
    "accounts.role_ended",
    _l("A role of yours has ended: %(role)s"),
    _l("The role “%(role)s” (%(scope)s) has ended. Reason: %(reason)s"),
    optional=False,
)
ERASURE_REFUSED = letter(
    "accounts.erasure_refused",
    _l("Your request for erasure"),
    _l("Your data cannot be erased now. Reason: %(reason)s"),
    optional=False,
)
ERASURE_ASKED = letter(
    "accounts.erasure_asked",
    _l("Somebody asks for erasure of their data"),
    _l("Please settle the request of %(name)s within 15 working days."),
    called=_l("A request for erasure to settle (administrators)"),
)
