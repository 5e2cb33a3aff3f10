"""Words and tones of what running classes has, shown at the edge."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.training.class_models import AskState, ClaimState, MakeUpState, Purpose
from app.training.events import Finding

ASKS = {
    AskState.ASKED: (_l("Waiting for the training base"), "soon"),
    AskState.GRANTED: (_l("Granted"), "valid"),
    AskState.REFUSED: (_l("Not granted"), "stopped"),
    AskState.WITHDRAWN: (_l("Taken back"), "neutral"),
}
MAKE_UPS = {
    MakeUpState.ASKED: (_l("Waiting for the training base"), "soon"),
    MakeUpState.PLANNED: (_l("You may come"), "info"),
    MakeUpState.DONE: (_l("Made up"), "valid"),
    MakeUpState.REFUSED: (_l("Not granted"), "stopped"),
    MakeUpState.DROPPED: (_l("Taken back"), "neutral"),
}
CLAIMS = {
    ClaimState.SUBMITTED: (_l("Waiting to be examined"), "soon"),
    ClaimState.EXAMINED: (_l("Examined, waiting for the decision"), "info"),
    ClaimState.GRANTED: (_l("Recognised"), "valid"),
    ClaimState.RETURNED: (_l("Returned for correction"), "soon"),
    ClaimState.REFUSED: (_l("Not recognised"), "stopped"),
    ClaimState.WITHDRAWN: (_l("Taken back"), "neutral"),
}
PURPOSES = {
    Purpose.RECOGNITION: _l("Training of a class"),
    Purpose.CONTINUING: _l("Continuing education"),
}
CLASHES = {"room": _l("Room"), "teacher": _l("Teacher"), "trainee": _l("Trainee")}
WEEKDAYS = (_l("Mon"), _l("Tue"), _l("Wed"), _l("Thu"), _l("Fri"), _l("Sat"), _l("Sun"))
FINDINGS = {
    Finding.NEW: (_l("Will be credited"), "valid"),
    Finding.ALREADY: (_l("Has these hours already"), "neutral"),
    Finding.TWICE: (_l("Named twice in the list"), "neutral"),
    Finding.SEVERAL: (_l("Several people of this name: choose"), "soon"),
    Finding.UNKNOWN: (_l("Not found"), "stopped"),
    Finding.WITHOUT: (_l("Holds no certificate"), "stopped"),
    Finding.OWN: (_l("Yourself: a colleague enters you"), "stopped"),
}
