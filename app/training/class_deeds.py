from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Ran(StrEnum):
    """What officers and trainees do with a class beyond enrolling and crediting."""

    OFFER = "training.offer.make"
    ANSWER_OFFER = "training.offer.answer"
    LAPSE_OFFER = "training.offer.lapse"
    ASK_TRANSFER = "training.transfer.ask"
    DECIDE_TRANSFER = "training.transfer.decide"
    TRANSFER = "training.enrolment.transfer"
    COPY_CLASS = "training.class.copy"
    SPLIT_CLASS = "training.class.split"
    MERGE_CLASS = "training.class.merge"
    SIGN_OUT = "training.attendance.sign_out"
    SETTLE_SIGN_OUT = "training.attendance.settle"
    ASK_LEAVE = "training.leave.ask"
    DECIDE_LEAVE = "training.leave.decide"
    ASK_MAKE_UP = "training.make_up.ask"
    DECIDE_MAKE_UP = "training.make_up.decide"
    CREDIT_MAKE_UP = "training.make_up.credit"
    STATE_HOURS = "training.claim.submit"
    EXAMINE_HOURS = "training.claim.examine"
    DECIDE_HOURS = "training.claim.decide"
    REVOKE_HOURS = "training.claim.revoke"
    ADD_DOCUMENT = "training.document.add"
    RENEW_FEED = "training.feed.renew"
    MAKE_EVENT = "training.event.make"
    CHANGE_EVENT = "training.event.change"
    CREDIT_EVENT = "training.event.credit"


name_deeds(
    {
        Ran.OFFER: _l("Offered a place from the waiting list"),
        Ran.ANSWER_OFFER: _l("Answered the offer of a place"),
        Ran.LAPSE_OFFER: _l("The term of an offered place ran out"),
        Ran.ASK_TRANSFER: _l("Asked to change the class"),
        Ran.DECIDE_TRANSFER: _l("Decided on a change of class"),
        Ran.TRANSFER: _l("Moved a person to another class"),
        Ran.COPY_CLASS: _l("Copied a class"),
        Ran.SPLIT_CLASS: _l("Split a class"),
        Ran.MERGE_CLASS: _l("Merged two classes"),
        Ran.SIGN_OUT: _l("Signed out of a period"),
        Ran.SETTLE_SIGN_OUT: _l("Marked as left early for want of signing out"),
        Ran.ASK_LEAVE: _l("Asked for leave"),
        Ran.DECIDE_LEAVE: _l("Decided on leave"),
        Ran.ASK_MAKE_UP: _l("Asked to make up a period"),
        Ran.DECIDE_MAKE_UP: _l("Decided on a period to be made up"),
        Ran.CREDIT_MAKE_UP: _l("Credited a period made up"),
        Ran.STATE_HOURS: _l("Stated hours from elsewhere"),
        Ran.EXAMINE_HOURS: _l("Examined hours from elsewhere"),
        Ran.DECIDE_HOURS: _l("Decided on hours from elsewhere"),
        Ran.REVOKE_HOURS: _l("Took back hours from elsewhere"),
        Ran.ADD_DOCUMENT: _l("Added a document to an enrolment"),
        Ran.MAKE_EVENT: _l("Entered an event of continuing education"),
        Ran.CHANGE_EVENT: _l("Changed an event of continuing education"),
        Ran.CREDIT_EVENT: _l("Credited the participants of an event"),
        Ran.RENEW_FEED: _l("Asked for a new address of the calendar"),
    }
)
