from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Did(StrEnum):
    MAKE_CLASS = "training.class.make"
    CHANGE_CLASS = "training.class.change"
    MOVE_CLASS = "training.class.move"
    CHANGE_TIMETABLE = "training.session.change"
    APPLY = "training.enrolment.apply"
    DECIDE_ENROLMENT = "training.enrolment.decide"
    MOVE_UP = "training.enrolment.move_up"
    WITHDRAW = "training.enrolment.withdraw"
    SIGN_IN = "training.attendance.sign_in"
    RECORD_ATTENDANCE = "training.attendance.record"
    CREDIT_HOURS = "training.hours.credit"
    REVERSE_HOURS = "training.hours.reverse"
    EDIT_COURSE = "training.course.edit"
    PUBLISH_COURSE = "training.course.publish"
    WRITE_TO_CLASS = "training.class.write"
    ISSUE_COMPLETION = "training.completion.issue"
    WITHDRAW_COMPLETION = "training.completion.withdraw"
    PLAN_PROGRAMME = "training.programme.plan"
    EDIT_FEEDBACK = "training.feedback.edit"


name_deeds(
    {
        Did.MAKE_CLASS: _l("Made a class"),
        Did.CHANGE_CLASS: _l("Changed a class"),
        Did.MOVE_CLASS: _l("Moved a class to another state"),
        Did.CHANGE_TIMETABLE: _l("Changed a timetable"),
        Did.APPLY: _l("Applied to a class"),
        Did.DECIDE_ENROLMENT: _l("Decided on an enrolment"),
        Did.MOVE_UP: _l("Moved up from the waiting list"),
        Did.WITHDRAW: _l("Withdrew from a class"),
        Did.SIGN_IN: _l("Signed in to a period"),
        Did.RECORD_ATTENDANCE: _l("Recorded attendance by hand"),
        Did.CREDIT_HOURS: _l("Credited class hours"),
        Did.REVERSE_HOURS: _l("Reversed class hours"),
        Did.EDIT_COURSE: _l("Edited a course"),
        Did.PUBLISH_COURSE: _l("Published a course"),
        Did.WRITE_TO_CLASS: _l("Wrote to a class"),
        Did.ISSUE_COMPLETION: _l("Issued a completion statement"),
        Did.WITHDRAW_COMPLETION: _l("Withdrew a completion statement"),
        Did.PLAN_PROGRAMME: _l("Saved a version of a programme"),
        Did.EDIT_FEEDBACK: _l("Changed the questions put to a class"),
    }
)
