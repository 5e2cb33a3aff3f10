"""Refusals of certification: what, why, what to do instead."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from app.core.errors import Invalid, Refused


class NotEligible(Refused):
    """``missing``: the list of the pathway."""

    message = _l("You cannot apply yet. Still missing: %(words)s. Your pathway page shows the next step.")

    def __init__(self, missing: tuple[Any, ...], words: str) -> None:
        self.missing = missing
        super().__init__(words=words)


class AlreadyApplied(Refused):
    message = _l(
        "You have an application for this level already; it is on “My certificates”. Withdraw it first to apply anew."
    )


class AlreadyHeld(Refused):
    message = _l(
        "You hold certificate %(number)s of this level. It can be renewed, corrected or reprinted; a second one is not issued."
    )


class NoRegion(Refused):
    message = _l(
        "Your profile names no region that issues certificates here. Please set your region in your profile, then apply again."
    )


class NoIdentity(Refused):
    message = _l(
        "Your ID number is missing. The certificate shows its first and last character; please add it in your profile, then apply again."
    )


class OwnCase(Refused):
    status = 403
    message = _l("This is your own case. Another officer has to act on it.")


class SamePerson(Refused):
    status = 403
    message = _l("You took the earlier step in this case. A second officer has to decide.")


class NoticeRuns(Refused):
    message = _l("The public notice runs until %(until)s. The decision is possible from the day after.")


class ObjectionOpen(Refused):
    message = _l("An objection is still open. Please settle it first.")


class NoticeOver(Refused):
    message = _l("The public notice is over, so objections are no longer taken here. Please write to the office.")


class ReasonMissing(Invalid):
    message = _l("Please give the reason; the person concerned will read it.")


class ChangeWaits(Refused):
    message = _l("A decision on this certificate is proposed already and waits for a second officer.")


class DoesNotFit(Invalid):
    """A text has no room in the layout at a size that can be read."""

    message = _l(
        "The certificate cannot be issued: “%(text)s” is too long for the layout. Please have it shortened, or another layout chosen."
    )


class CannotPrint(Invalid):
    """The document cannot be set truthfully; the character is named."""

    message = _l(
        "The certificate cannot be issued: “%(text)s” holds characters that the certificate's fonts cannot print: %(chars)s. Please have the name in the profile corrected."
    )


class NameUnprintable(Invalid):
    message = _l(
        "The certificate cannot be issued: the name cannot be printed (%(why)s). Please have the name in the profile corrected."
    )


class FontsNotReady(Refused):
    message = _l(
        "The fonts of the certificate are not installed on this server, so nothing can be issued. Please tell the administrator: %(what)s."
    )


class SerialsUsedUp(Refused):
    message = _l(
        "The serial numbers of this region, year and level are used up. Please widen the number pattern in the rules."
    )


class OutsideWindow(Refused):
    message = _l("Renewal is possible from %(opens)s to %(closes)s. Later than that a new assessment is needed.")


class NotRenewable(Refused):
    message = _l("A certificate that is suspended, revoked or cancelled cannot be renewed. Please write to the office.")


class RenewalThere(Refused):
    message = _l("A renewal of this certificate is waiting already.")


class RenewalShort(Invalid):
    message = _l("The renewal asks for more than is there: %(words)s.")


class NoPdfYet(Refused):
    status = 404
    message = _l("The PDF is being made and will be here in a moment. The certificate can be verified already.")


class Gone(Refused):
    message = _l("A certificate that is revoked or cancelled gets no new edition.")


class NoHolderYet(Refused):
    message = _l(
        "This certificate was issued before the platform and no account has claimed it yet. A new edition needs a holder with an account."
    )


class PhotoMissing(Refused):
    message = _l(
        "The rule asks for a photo, and there is none, or the applicant has not agreed that it is printed. The applicant adds it in "
        "the profile and agrees under “Consents”; then it can be issued."
    )


class HearingRuns(Refused):
    message = _l(
        "The holder may be heard until %(until)s. The decision can be confirmed from the day after, or once a statement is there."
    )


class NotReceivedThen(Invalid):
    message = _l("A statement on this decision can have arrived from %(first)s, when it was proposed, to today.")


class ScanMissing(Invalid):
    message = _l("Please add the scan of the statement.")


class UnknownReason(Invalid):
    message = _l("This reason is not offered for this decision. Please choose one of the list.")


class AskThere(Refused):
    message = _l(
        "A request of this kind waits already. It stands on “My certificates”; withdraw it first to make another."
    )


class NothingToAppeal(Refused):
    message = _l("There is no decision that can be appealed against, or the term of %(days)s days is over.")


class TookPart(Refused):
    status = 403
    message = _l("You took part in the decision that is appealed against. Another officer has to look at it.")


class NameNeeded(Invalid):
    message = _l("Please give the right name, as on the ID document.")


class ProofNeeded(Invalid):
    message = _l("Please add the proof: the office decides by it.")


class ClaimDoesNotFit(Refused):
    message = _l("The claim does not fit the register: %(why)s. It can only be declined.")


class OnPaperOnly(Refused):
    status = 404
    message = _l(
        "This edition was issued before the platform: there is no PDF of it here. A reprint or correction makes one."
    )


class ProofMissing(Invalid):
    message = _l("Please add the proof.")
