from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Did(StrEnum):
    ADD_TIME = "exams.sitting.add_time"
    APPEAL = "exams.appeal.ask"
    APPEAL_ANSWER = "exams.appeal.answer"
    APPEAL_LOOK = "exams.appeal.look"
    ASK_THIRD = "exams.sitting.ask_third"
    CANCEL = "exams.session.cancel"
    CHANGE = "exams.session.change"
    CHOOSE_PLACE = "exams.sitting.choose_place"
    CLOSE = "exams.session.close"
    COPY = "exams.session.copy"
    CREATE = "exams.session.create"
    DELETE_PRINT = "exams.session.delete_print"
    DRAW_PAPER = "exams.session.draw_paper"
    DRAW_SEATS = "exams.session.draw_seats"
    FIND_FAULTY = "exams.question.find_faulty"
    FORCE_IN = "exams.sitting.force_in"
    LEAVE_FAULT = "exams.question.leave_fault"
    MARK = "exams.sitting.mark"
    MOVE_SEAT = "exams.sitting.move_seat"
    PRINT = "exams.session.print"
    PUBLISH = "exams.session.publish"
    PUBLISH_SEATS = "exams.session.publish_seats"
    REGISTER = "exams.sitting.register"
    REGRADE = "exams.regrade.apply"
    REGRADE_DROP = "exams.regrade.drop"
    REGRADE_PROPOSE = "exams.regrade.propose"
    RELEASE = "exams.session.release"
    REPLACE_PAPER = "exams.sitting.replace_paper"
    SAVE_PLACE = "exams.session.save_place"
    SET_EXTRA_TIME = "exams.sitting.set_extra_time"
    TAKE_PRINT = "exams.session.take_print"
    VOID = "exams.sitting.void"
    WITHDRAW = "exams.sitting.withdraw"
    ADMIT = "exams.sitting.admit"
    ASK_VOID = "exams.sitting.ask_void"
    CHECK_IDENTITY = "exams.sitting.check_identity"
    CLOSE_INCIDENT = "exams.incident.close"
    DECLINE_VOID = "exams.sitting.decline_void"
    MESSAGE = "exams.room.message"
    PAUSE = "exams.room.pause"
    REPORT_INCIDENT = "exams.incident.report"
    RESUME = "exams.room.resume"
    SEAT = "exams.room.seat"
    WAIVE_SEB = "exams.sitting.waive_seb"
    WATCH = "exams.session.watch"


name_deeds(
    {
        Did.ADD_TIME: _l("Gave extra time in an exam"),
        Did.APPEAL: _l("Asked for a result review"),
        Did.APPEAL_ANSWER: _l("Answered a result review"),
        Did.APPEAL_LOOK: _l("Looked at answers again for a result review"),
        Did.ASK_THIRD: _l("A third marker was asked: two differed too much"),
        Did.CANCEL: _l("Cancelled an exam session"),
        Did.CHANGE: _l("Changed an exam session"),
        Did.CHOOSE_PLACE: _l("Chose a place of an exam"),
        Did.CLOSE: _l("Closed an exam session"),
        Did.COPY: _l("Copied an exam session"),
        Did.CREATE: _l("Planned an exam session"),
        Did.DELETE_PRINT: _l("Deleted an exam document whose time was over"),
        Did.DRAW_PAPER: _l("Drew a printed version of the paper"),
        Did.DRAW_SEATS: _l("Drew the seat plan"),
        Did.FIND_FAULTY: _l("Found a question faulty"),
        Did.FORCE_IN: _l("Handed in for a candidate"),
        Did.LEAVE_FAULT: _l("Left results as they are in spite of a faulty question"),
        Did.MARK: _l("Marked a written answer"),
        Did.MOVE_SEAT: _l("Moved a candidate to another seat"),
        Did.PRINT: _l("Had an exam document made"),
        Did.PUBLISH: _l("Published an exam session"),
        Did.PUBLISH_SEATS: _l("Published the seats"),
        Did.REGISTER: _l("Registered for an exam"),
        Did.REGRADE: _l("Put a regrade in force"),
        Did.REGRADE_DROP: _l("Gave up a regrade"),
        Did.REGRADE_PROPOSE: _l("Proposed a regrade"),
        Did.RELEASE: _l("Released exam results"),
        Did.REPLACE_PAPER: _l("Drew a paper anew without a faulty question"),
        Did.SAVE_PLACE: _l("Changed places and rooms of an exam"),
        Did.SET_EXTRA_TIME: _l("Set personal extra time"),
        Did.TAKE_PRINT: _l("Downloaded an exam document"),
        Did.VOID: _l("Declared a sitting void"),
        Did.WITHDRAW: _l("Withdrew a registration"),
        Did.ADMIT: _l("Admitted a candidate to the room"),
        Did.ASK_VOID: _l("Asked to declare a sitting void"),
        Did.CHECK_IDENTITY: _l("Checked a candidate's identity"),
        Did.CLOSE_INCIDENT: _l("Closed an incident of an exam"),
        Did.DECLINE_VOID: _l("Declined to declare a sitting void"),
        Did.MESSAGE: _l("Sent a message into an exam room"),
        Did.PAUSE: _l("Paused an exam"),
        Did.REPORT_INCIDENT: _l("Reported an incident of an exam"),
        Did.RESUME: _l("Resumed an exam"),
        Did.SEAT: _l("Gave out seats of an exam"),
        Did.WAIVE_SEB: _l("Let a candidate sit without Safe Exam Browser"),
        Did.WATCH: _l("Set how an exam session is watched"),
    }
)
