"""The door to the training stage for the floors above."""

from __future__ import annotations

from app.core import clock
from app.core.start import shipped
from app.db import unit_of_work
from app.training import class_personal, personal  # noqa: F401 - announces what is held about a person
from app.training.attendance import record_by_hand, sign_in
from app.training.attendance_rows import take_attendance_row
from app.training.claims import Continuing, continuing_of
from app.training.classes import class_for, make_class, move_class, plan, save_session
from app.training.completion import completion_pdf_of
from app.training.enrolments import admit, classes_of, decide_many, enrol, enrolments_of, give_back, refuse, withdraw
from app.training.hours import (
    credit_class,
    credit_session,
    entries_of,
    facts_of,
    hours_between,
    reverse,
    standing_of,
)
from app.training.programme import load_content

__all__ = [
    "Continuing",
    "admit",
    "class_for",
    "classes_of",
    "completion_pdf_of",
    "continuing_of",
    "credit_class",
    "credit_session",
    "decide_many",
    "enrol",
    "enrolments_of",
    "entries_of",
    "facts_of",
    "give_back",
    "hours_between",
    "load_content",
    "make_class",
    "move_class",
    "plan",
    "record_by_hand",
    "refuse",
    "reverse",
    "save_session",
    "sign_in",
    "standing_of",
    "take_attendance_row",
    "withdraw",
]


@shipped
def _load() -> None:
    with unit_of_work():
        load_content(now=clock.now())
