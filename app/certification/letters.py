from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_ngettext

from app.notices.service import letter

SUBMITTED = letter(
    "certification.submitted",
    _l("Your application was received: %(level)s"),
    _l("Your application for %(level)s has been received and waits for review. What was judged has been frozen; you can "
       "read it on the application page."),
    called=_l("Your application was received"),
)  # fmt: skip
RETURNED = letter(
    "certification.returned",
    _l("Your application was returned for correction: %(level)s"),
    _l("Your application for %(level)s was returned. Reason: %(reason)s. Please mend it and submit it again."),
    optional=False,
)
ON_NOTICE = letter(
    "certification.on_notice",
    _l("Your application is on public notice: %(level)s"),
    _l("Your application for %(level)s has passed review. It is on public notice until %(until)s; the decision follows after "
       "that."),
    called=_l("Your application is on public notice"),
)  # fmt: skip
BACK_IN_REVIEW = letter(
    "certification.back_in_review",
    _l("Your application is in review again: %(level)s"),
    _l("Your application for %(level)s went back to review. Reason: %(reason)s."),
    optional=False,
)
REFUSED = letter(
    "certification.refused",
    _l("Your application was refused: %(level)s"),
    _l("Your application for %(level)s was refused by decision of two officers. Reason: %(reason)s. You may ask the office "
       "for an explanation, and apply again once what is missing is there."),
    optional=False,
)  # fmt: skip
ISSUED = letter(
    "certification.issued",
    _l("Your certificate was issued: %(number)s"),
    _l("Your certificate %(number)s (%(level)s) was issued on %(issued)s. It can be verified from now on; the PDF is being "
       "made and will stand on “My certificates” in a moment."),
    optional=False,
)  # fmt: skip
NEW_EDITION = letter(
    "certification.new_edition",
    _l("A new edition of your certificate was issued: %(number)s"),
    _l("Your certificate %(number)s has a new edition of %(issued)s (%(what)s). The number stays the same; the earlier "
       "edition is superseded."),
    optional=False,
)  # fmt: skip
SUSPENDED = letter(
    "certification.suspended",
    _l("Your certificate was suspended: %(number)s"),
    _l("Your certificate %(number)s was suspended on %(day)s. Reason: %(reason)s. Meanwhile it does not count as valid. You may "
       "appeal until %(until)s. %(appeal)s"),
    optional=False,
)  # fmt: skip
RESTORED = letter(
    "certification.restored",
    _l("Your certificate was restored: %(number)s"),
    _l("Your certificate %(number)s was restored on %(day)s. Reason: %(reason)s."),
    optional=False,
)
REVOKED = letter(
    "certification.revoked",
    _l("Your certificate was revoked: %(number)s"),
    _l("Your certificate %(number)s was revoked on %(day)s by decision of two officers and does not count any more. Reason: "
       "%(reason)s. You may appeal until %(until)s. %(appeal)s"),
    optional=False,
)  # fmt: skip
CANCELLED = letter(
    "certification.cancelled",
    _l("Your certificate was cancelled: %(number)s"),
    _l(
        "Your certificate %(number)s was cancelled on %(day)s, without fault of yours. Reason: %(reason)s. If that is not so, you may "
        "appeal until %(until)s. %(appeal)s"
    ),
    optional=False,
)
CONSIDER = letter(
    "certification.consider",
    _l("Integrity credit: a certificate is to be looked at – %(number)s"),
    _l("A decision on the integrity credit of %(name)s, who holds certificate %(number)s, was upheld; the credit is now %(score)s. "
       "Please look whether the certificate must be suspended or revoked: nothing happens by itself."),
    called=_l("Integrity credit: a certificate is to be looked at"),
)  # fmt: skip
CONSIDER_BACK = letter(
    "certification.consider_back",
    _l("Integrity credit: a suspended certificate is to be looked at – %(number)s"),
    _l("A decision on the integrity credit of %(name)s, who holds the suspended certificate %(number)s, was lifted; the credit is "
       "now %(score)s. Please look whether the certificate can be restored."),
    called=_l("Integrity credit: a suspended certificate is to be looked at"),
)  # fmt: skip
EXPIRING = letter(
    "certification.expiring",
    lazy_ngettext("Your certificate ends in %(days)s day: %(number)s", "Your certificate ends in %(days)s days: %(number)s", "days"),
    _l("Your certificate %(number)s is valid until %(until)s. Renewal can be applied for from %(opens)s to %(closes)s on “My "
       "certificates”; later than that a new assessment is needed."),
    called=_l("Your certificate ends soon"),
)  # fmt: skip
RENEWAL_RETURNED = letter(
    "certification.renewal_returned",
    _l("Your renewal was returned for correction: %(number)s"),
    _l(
        "The renewal of your certificate %(number)s was returned. Reason: %(reason)s. Please mend it and submit it again."
    ),
    optional=False,
)
SIGNING_TROUBLE = letter(
    "certification.signing_trouble",
    _l("Signing needs your attention: %(what)s"),
    _l("%(what)s. Until it is mended, readers of certificates cannot be sure of their status, or new certificates cannot be "
       "signed. What to do stands in docs/operations.md (Keys, When something is wrong)."),
    optional=False,
)  # fmt: skip
REVOKING = letter(
    "certification.revoking",
    _l("It is proposed to revoke your certificate: %(number)s"),
    _l("An officer has proposed to revoke your certificate %(number)s. Reason: %(reason)s. Nothing is decided yet: a second officer "
       "decides. Please say on the page of the certificate what you have to say to it, by %(until)s."),
    optional=False,
)  # fmt: skip
VIEW_TAKEN = letter(
    "certification.view_taken",
    _l("Your statement was entered: %(number)s"),
    _l("Your statement on the proposed decision about your certificate %(number)s came on paper on %(received)s and was entered "
       "by the office; the second officer reads it before deciding. Text and scan stand on the page of the certificate. If you "
       "sent none, or something else, please tell the office at once."),
    optional=False,
)  # fmt: skip
REINSTATED = letter(
    "certification.reinstated",
    _l("Your certificate was reinstated: %(number)s"),
    _l("The decision against your certificate %(number)s was set aside on %(day)s. Reason: %(reason)s. It counts again within its "
       "dates; a new edition is being made."),
    optional=False,
)  # fmt: skip
EXPIRED = letter(
    "certification.expired",
    _l("Your certificate has ended: %(number)s"),
    _l("Your certificate %(number)s was valid until %(until)s. Renewal can still be applied for until %(closes)s on “My certificates”; "
       "later than that a new assessment is needed."),
    called=_l("Your certificate has ended"),
)  # fmt: skip
ASK_GRANTED = letter(
    "certification.ask_granted",
    _l("Your request was granted: %(number)s"),
    _l("Your request on certificate %(number)s (%(what)s) was granted. %(finding)s"),
    optional=False,
)
ASK_DECLINED = letter(
    "certification.ask_declined",
    _l("Your request was declined: %(number)s"),
    _l("Your request on certificate %(number)s (%(what)s) was declined. Reason: %(finding)s"),
    optional=False,
)
LINKED = letter(
    "certification.linked",
    _l("A certificate of yours was taken over: %(number)s"),
    _l("Your certificate %(number)s, issued before the platform, is now in the register and stands on “My certificates”. If it is not "
       "yours, please write to the office."),
    optional=False,
)  # fmt: skip
