"""Words and tones for states and kinds, shown at the edge."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.accounts.models import Education, TitleLevel
from app.training.learning_models import MaterialKind
from app.training.models import AttendanceState, Category, HourSource, Mode, SignInMethod, VersionState
from app.training.states import ClassMove, ClassState, EnrolmentState

CLASS_STATES = {
    ClassState.DRAFT: (_l("Draft"), "neutral"),
    ClassState.OPEN: (_l("Announced"), "info"),
    ClassState.RUNNING: (_l("Class is running"), "valid"),
    ClassState.ENDED: (_l("Class ended"), "neutral"),
    ClassState.CANCELLED: (_l("Cancelled"), "stopped"),
}
CLASS_MOVES = {
    ClassMove.OPEN: _l("Announce the class"),
    ClassMove.START: _l("Start the class"),
    ClassMove.END: _l("End the class"),
    ClassMove.CANCEL: _l("Cancel the class"),
}
ENROLMENT_STATES = {
    EnrolmentState.APPLIED: (_l("Waiting for review"), "soon"),
    EnrolmentState.RETURNED: (_l("Returned for correction"), "soon"),
    EnrolmentState.REFUSED: (_l("Not approved"), "stopped"),
    EnrolmentState.WAITING: (_l("On the waiting list"), "info"),
    EnrolmentState.OFFERED: (_l("A place is offered"), "soon"),
    EnrolmentState.ADMITTED: (_l("Has a place"), "valid"),
    EnrolmentState.WITHDRAWN: (_l("Has withdrawn"), "neutral"),
    EnrolmentState.COMPLETED: (_l("Completed"), "valid"),
}
ATTENDANCE_STATES = {
    AttendanceState.PRESENT: (_l("Present"), "valid"),
    AttendanceState.LATE: (_l("Late"), "stopped"),
    AttendanceState.LEFT_EARLY: (_l("Left early"), "stopped"),
    AttendanceState.LEAVE: (_l("On leave"), "soon"),
    AttendanceState.ABSENT: (_l("Absent from the period"), "stopped"),
}
METHODS = {SignInMethod.CODE: _l("by code"), SignInMethod.LIST: _l("by list")}
SOURCES = {
    HourSource.SESSION: _l("Period attended"),
    HourSource.LESSON: _l("Online lesson"),
    HourSource.MAKE_UP: _l("Period made up"),
    HourSource.RECOGNISED: _l("Recognised from elsewhere"),
    HourSource.CONTINUING: _l("Continuing education"),
    HourSource.EVENT: _l("Event of continuing education"),
    HourSource.SHEET: _l("Entered by the base from a sheet"),
    HourSource.REVERSAL: _l("Hours taken back"),
}
CATEGORIES = {Category.REQUIRED: _l("Required"), Category.PRACTICE: _l("Practical training")}
MODES = {Mode.LECTURE: _l("Lecture"), Mode.DISCUSSION: _l("Discussion"), Mode.TRAINING: _l("Exercise")}
VERSION_STATES = {VersionState.DRAFT: (_l("Draft"), "soon"), VersionState.PUBLISHED: (_l("Published"), "valid")}
MATERIALS = {
    MaterialKind.DOCUMENT: _l("PDF document"),
    MaterialKind.VIDEO: _l("Film"),
    MaterialKind.LINK: _l("Link"),
    MaterialKind.SUBTITLES: _l("Subtitles"),
}
FEEDBACK_KINDS = {
    "scale": _l("Scale from 1 to 5"),
    "choice": _l("One of several choices"),
    "words": _l("Own words"),
}
DOCUMENT_PROBLEMS = {
    "locked": _l(
        "This document asks for a password, so its pages cannot be shown. Save it without one and add it again."
    ),
    "broken": _l("This document is damaged, so its pages cannot be shown. Save it again as PDF and add it anew."),
    "empty": _l("This document has no pages."),
    "too_long": _l("This document has more than 300 pages. Please add it in parts."),
}
EDUCATION = {
    Education.SECONDARY: _l("Secondary school"),
    Education.COLLEGE: _l("College (three years)"),
    Education.BACHELOR: _l("Bachelor"),
    Education.MASTER: _l("Master"),
    Education.DOCTOR: _l("Doctor"),
}
TITLES = {
    TitleLevel.NONE: _l("None"),
    TitleLevel.ASSISTANT: _l("Junior title"),
    TitleLevel.MIDDLE: _l("Intermediate title"),
    TitleLevel.SENIOR: _l("Senior title"),
}
SUBTITLE_LANGUAGES = {"zh-CN": "中文", "en": "English"}
"""Each called by its own name, for whoever looks for it."""
