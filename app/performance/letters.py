from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_ngettext

from app.notices.service import letter

CLAIM_GRANTED = letter(
    "performance.granted",
    _l("Your claim “%(title)s” was granted"),
    lazy_ngettext(
        "%(points)s point was entered in your ledger. The claim's page shows how it was reckoned.",
        "%(points)s points were entered in your ledger. The claim's page shows how they were reckoned.",
        "points",
    ),
    optional=False,
)
CLAIM_RETURNED = letter(
    "performance.returned",
    _l("Your claim “%(title)s” was returned for correction"),
    _l("The reviewer wrote: %(remark)s\nPlease correct the claim and submit it again."),
    optional=False,
)
CLAIM_REFUSED = letter(
    "performance.refused",
    _l("Your claim “%(title)s” was refused"),
    _l("The reviewer wrote: %(remark)s\nIf you have other evidence, make a new claim."),
    optional=False,
)
CREDIT_REVERSED = letter(
    "performance.reversed",
    _l("Points of your claim “%(title)s” were reversed"),
    lazy_ngettext(
        "%(points)s point was taken back as of %(on)s. Reason: %(reason)s",
        "%(points)s points were taken back as of %(on)s. Reason: %(reason)s",
        "points",
    ),
    optional=False,
)
INTEGRITY_NOTICE = letter(
    "performance.integrity.notice",
    _l("Notice of an integrity matter: please answer by %(until)s"),
    _l("An officer has raised a matter that may cost %(points)s points of integrity credit. Nothing has been deducted. "
       "Please read the reasons and the evidence and answer by %(until)s; another officer will decide."),
    optional=False,
)  # fmt: skip
INTEGRITY_ANSWERED = letter(
    "performance.integrity.answered",
    _l("%(name)s has answered an integrity notice"),
    _l("The matter now waits for the decision of an officer other than you."),
    called=_l("An integrity notice was answered (officers)"),
)
INTEGRITY_UPHELD = letter(
    "performance.integrity.upheld",
    lazy_ngettext("Decision on an integrity matter: %(points)s point deducted", "Decision on an integrity matter: %(points)s points deducted", "points"),
    _l("Reasons: %(reason)s\nYour integrity credit is now %(score)s. You may appeal on the page of the matter; an officer "
       "who has not dealt with it yet will decide."),
    optional=False,
)  # fmt: skip
INTEGRITY_DISMISSED = letter(
    "performance.integrity.dismissed",
    _l("Decision on an integrity matter: nothing is deducted"),
    _l("Reasons: %(reason)s"),
    optional=False,
)
INTEGRITY_APPEALED = letter(
    "performance.integrity.appealed",
    _l("%(name)s has appealed against a deduction"),
    _l("The appeal waits for the decision of an officer who has not dealt with the matter yet."),
    called=_l("An appeal against a deduction (officers)"),
)
INTEGRITY_KEPT = letter(
    "performance.integrity.kept",
    _l("Decision on your appeal: the deduction stays"),
    _l("Reasons: %(reason)s"),
    optional=False,
)
INTEGRITY_LIFTED = letter(
    "performance.integrity.lifted",
    _l("Decision on your appeal: the deduction is lifted"),
    _l("Reasons: %(reason)s\nYour integrity credit is now %(score)s."),
    optional=False,
)
REPAIR_GRANTED = letter(
    "performance.repair.granted",
    lazy_ngettext(
        "Your integrity credit was repaired: %(points)s point given back",
        "Your integrity credit was repaired: %(points)s points given back",
        "points",
    ),
    _l("Reasons: %(reason)s\nYour integrity credit is now %(score)s."),
    optional=False,
)
REPAIR_REFUSED = letter(
    "performance.repair.refused",
    _l("Your application for a repair of the integrity credit was refused"),
    _l("Reasons: %(reason)s"),
    optional=False,
)
HONOURED_GOLD = letter(
    "performance.honour.gold",
    _l("The honour “Gold technology manager” was recorded for you"),
    _l("Year %(year)s, awarded by %(body)s."),
    called=_l("The honour “Gold technology manager” was recorded"),
)
HONOURED_EXCELLENT = letter(
    "performance.honour.excellent",
    _l("The honour “Excellent technology manager” was recorded for you"),
    _l("Year %(year)s, awarded by %(body)s."),
    called=_l("The honour “Excellent technology manager” was recorded"),
)
CLAIM_MATCHED = letter(
    "performance.matched",
    _l("Your claim “%(title)s” now stands on contract %(number)s"),
    _l(
        "The number you gave (%(before)s) is not in the register; by parties, amount and day the office found the contract that is meant. Please check the claim's page; if it is another one, write to the office."
    ),
    optional=False,
)
