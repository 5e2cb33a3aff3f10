"""States in words."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.exams.models import (
    AppealOutcome,
    AppealState,
    EventKind,
    ExamSession,
    IncidentKind,
    RegradeKind,
    RegradeState,
    Signal,
    SittingEvent,
)
from app.exams.states import SessionState, SittingState

STATE_NAMES = {
    SittingState.REGISTERED: _l("Registered"),
    SittingState.IN_PROGRESS: _l("In progress"),
    SittingState.SUBMITTED: _l("Handed in"),
    SittingState.MARKED: _l("Marked"),
    SittingState.RELEASED: _l("Result released"),
    SittingState.VOID: _l("Void"),
}
ABSENT = _l("Absent from the exam")
STATE_TONES = {
    SittingState.REGISTERED: "info",
    SittingState.IN_PROGRESS: "soon",
    SittingState.SUBMITTED: "neutral",
    SittingState.MARKED: "neutral",
    SittingState.RELEASED: "valid",
    SittingState.VOID: "stopped",
}


def state_names(session: ExamSession, now: datetime) -> dict[SittingState, Any]:
    """A sitting's states; whoever has not begun when the exam is over is absent."""
    return STATE_NAMES | ({SittingState.REGISTERED: ABSENT} if now > session.closes_at else {})


SESSION_STATES = {
    SessionState.DRAFT: _l("Draft"),
    SessionState.PUBLISHED: _l("Published"),
    SessionState.CLOSED: _l("Ended"),
    SessionState.RELEASED: _l("Results released"),
    SessionState.CANCELLED: _l("Cancelled"),
}
SESSION_TONES = {
    SessionState.DRAFT: "neutral",
    SessionState.PUBLISHED: "info",
    SessionState.CLOSED: "soon",
    SessionState.RELEASED: "valid",
    SessionState.CANCELLED: "stopped",
}
REGRADE_KINDS = {
    RegradeKind.KEY: _l("Change the key"),
    RegradeKind.ACCEPT: _l("Accept a further answer"),
    RegradeKind.DROP: _l("Drop the question"),
    RegradeKind.FULL: _l("Full marks for everybody"),
    RegradeKind.RULE: _l("Another rule for multiple choice"),
}
REGRADE_HELP = {
    RegradeKind.KEY: _l("Answers are marked by a later approved revision of the question."),
    RegradeKind.ACCEPT: _l("The key stays; one more answer earns full marks."),
    RegradeKind.DROP: _l("It counts for nobody, neither in the score nor in the maximum."),
    RegradeKind.FULL: _l("Everybody whose paper holds the question gets its points, whatever was answered."),
    RegradeKind.RULE: _l("All multiple-choice questions of the session are marked by another rule."),
}
REGRADE_NOTES = {
    RegradeKind.KEY: _l("The key of this question was changed after the exam."),
    RegradeKind.ACCEPT: _l("A further answer to this question was accepted after the exam."),
    RegradeKind.DROP: _l("This question was dropped after the exam; it does not count."),
    RegradeKind.FULL: _l("Everybody was given full marks for this question after the exam."),
}
"""What a candidate reads at the question."""
PART_KINDS = {
    RegradeKind.DROP: _l("Drop part %(n)s of the question"),
    RegradeKind.FULL: _l("Full marks for everybody for part %(n)s"),
}
PART_HELP = {
    RegradeKind.DROP: _l(
        "The part counts for nobody, neither in the score nor in the maximum; the rest of the question stands."
    ),
    RegradeKind.FULL: _l(
        "Everybody whose paper holds the question gets the points of the part, whatever was answered."
    ),
}
PART_NOTES = {
    RegradeKind.DROP: _l("Part %(n)s of this question was dropped after the exam; it does not count."),
    RegradeKind.FULL: _l("Everybody was given full marks for part %(n)s of this question after the exam."),
}
REGRADE_STATES = {
    RegradeState.COUNTING: _l("Being counted"),
    RegradeState.PROPOSED: _l("Waiting for a second person"),
    RegradeState.APPLYING: _l("Being put in force"),
    RegradeState.APPLIED: _l("In force"),
    RegradeState.DROPPED: _l("Given up"),
}
REGRADE_TONES = {
    RegradeState.COUNTING: "soon",
    RegradeState.PROPOSED: "info",
    RegradeState.APPLYING: "soon",
    RegradeState.APPLIED: "valid",
    RegradeState.DROPPED: "neutral",
}
APPEAL_STATES = {
    AppealState.OPEN: _l("Waiting for the second look"),
    AppealState.LOOKED: _l("Waiting for the decision"),
    AppealState.DECIDED: _l("Answered"),
}
APPEAL_TONES = {AppealState.OPEN: "soon", AppealState.LOOKED: "info", AppealState.DECIDED: "valid"}
APPEAL_OUTCOMES = {AppealOutcome.UNCHANGED: _l("Unchanged"), AppealOutcome.CORRECTED: _l("Corrected")}
EVENT_NAMES = {
    EventKind.STARTED: _l("Started"),
    EventKind.TAKEN_OVER: _l("Another device took over"),
    EventKind.HANDED_IN: _l("Answers handed in"),
    EventKind.CLOSED_BY_CLOCK: _l("Handed in by the clock"),
    EventKind.CLOSED_BY_OFFICE: _l("Handed in by the exam office"),
    EventKind.CLOSED_BY_RULE: _l("Handed in by the rule about leaving the exam page"),
    EventKind.TIME_ADDED: _l("Time added"),
    EventKind.REGISTERED_BY_HAND: _l("Registered by the office"),
    EventKind.VOIDED: _l("Declared void"),
    EventKind.ADDRESS_CHANGED: _l("Network address changed"),
    EventKind.PAUSED: _l("Paused"),
    EventKind.RESUMED: _l("Resumed"),
    EventKind.ADMITTED: _l("Admitted"),
    EventKind.IDENTITY_CHECKED: _l("Identity checked"),
    EventKind.VOID_ASKED: _l("Asked to declare void"),
    EventKind.VOID_DECLINED: _l("Declaring void was declined"),
    EventKind.SEB_WAIVED: _l("May sit without Safe Exam Browser"),
    EventKind.SEB_REFUSED: _l("Refused: not in Safe Exam Browser with the settings of this exam"),
}
SEB_ATTEMPTS = {
    "start": _l("starting the exam"),
    "page": _l("opening the exam page"),
    "open": _l("taking up the exam"),
    "save": _l("saving answers"),
    "hand_in": _l("handing in"),
    "settings": _l("telling the key of the settings"),
}
SEB_WAYS = {
    "missing": _l("no key was sent (another browser)"),
    "wrong": _l("the key belongs to other settings or another address"),
}


def note_of(event: SittingEvent) -> str:
    """The note of an event as it is read."""
    what, _colon, way = event.note.partition(":")
    if event.kind is EventKind.SEB_REFUSED and what in SEB_ATTEMPTS and way in SEB_WAYS:
        return f"{SEB_ATTEMPTS[what]} · {SEB_WAYS[way]}"
    if event.kind is EventKind.TIME_ADDED and (given := _MORE.fullmatch(event.note)):
        minutes = int(given[1])
        return ngettext("%(n)s minute", "%(n)s minutes", minutes) + f" · {given[2]}"
    if event.kind is EventKind.RESUMED and (given := _LASTED.fullmatch(event.note)):
        seconds = int(given[1])
        return ngettext("%(n)s second given back", "%(n)s seconds given back", seconds)
    return event.note


_MORE, _LASTED = re.compile(r"(\d+) min: (.*)", re.S), re.compile(r"\+ (\d+) s")
"""How the room notes added time and the end of a pause."""


SIGNAL_NAMES = {
    Signal.HIDDEN: _l("Page hidden"),
    Signal.BLUR: _l("Window left"),
    Signal.FULL_SCREEN_LEFT: _l("Full screen left"),
    Signal.COPY: _l("Tried to copy"),
    Signal.PASTE: _l("Tried to paste"),
    Signal.IDLE: _l("Did nothing"),
}
INCIDENT_NAMES = {
    IncidentKind.IDENTITY: _l("Identity in doubt"),
    IncidentKind.MATERIAL: _l("Forbidden material"),
    IncidentKind.COMMUNICATION: _l("Contact with others"),
    IncidentKind.DEVICE: _l("Forbidden device"),
    IncidentKind.TECHNICAL: _l("Technical failure"),
    IncidentKind.HEALTH: _l("Illness"),
    IncidentKind.DISTURBANCE: _l("Disturbance"),
    IncidentKind.OTHER: _l("Other"),
}
