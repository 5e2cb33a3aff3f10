"""Labels for states, roles and rubrics in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l

from app.core.text import chinese, day, number
from app.practice.models import Confidentiality, ReviewState, TaskRole
from app.practice.states import HearingState, Move, State, TeamState

STATE_LABELS: dict[State, Any] = {
    State.DRAFT: _l("Draft"),
    State.SUBMITTED: _l("Submitted"),
    State.CONFIRMED: _l("Confirmed by the mentor"),
    State.IN_REVIEW: _l("Being reviewed"),
    State.RETURNED: _l("Returned for revision"),
    State.PASSED: _l("Passed"),
    State.FAILED: _l("Failed"),
}
STATE_TONES: dict[State, str] = {
    State.DRAFT: "neutral",
    State.SUBMITTED: "info",
    State.CONFIRMED: "info",
    State.IN_REVIEW: "info",
    State.RETURNED: "soon",
    State.PASSED: "valid",
    State.FAILED: "stopped",
}
NEXT_WORDS: dict[State, Any] = {
    State.DRAFT: _l("Complete it and submit it to your mentor."),
    State.SUBMITTED: _l("Waits for the mentor's confirmation."),
    State.CONFIRMED: _l("Waits for a reviewer to be assigned."),
    State.IN_REVIEW: _l("Waits for the review."),
    State.RETURNED: _l("Revise it by the remarks and submit it again."),
    State.PASSED: _l("Counts towards the practice stage."),
    State.FAILED: _l("Does not count. You may log another task."),
}
ROLE_LABELS: dict[TaskRole, Any] = {
    TaskRole.LEADING: _l("Led"),
    TaskRole.TAKING_PART: _l("Took part"),
    TaskRole.OBSERVING: _l("Observed"),
}
CONFIDENTIALITY_LABELS: dict[Confidentiality, Any] = {
    Confidentiality.OPEN: _l("Open to read"),
    Confidentiality.INTERNAL: _l("Internal"),
    Confidentiality.CORE: _l("Core"),
}
CONFIDENTIALITY_WORDS: dict[Confidentiality, Any] = {
    Confidentiality.OPEN: _l("Nothing in it is secret. Read by those who accompany and review it."),
    Confidentiality.INTERNAL: _l(
        "Not for the public. Read by the mentor, the reviewers and the offices of the region."
    ),
    Confidentiality.CORE: _l(
        "Trade secrets. Read by the mentor, the assigned reviewers and an auditor alone; every opening is recorded and shown to you."
    ),
}
KIND_LABELS: dict[bool, Any] = {True: _l("Real project"), False: _l("Simulated project")}
MOVE_LABELS: dict[Move, Any] = {
    Move.SUBMIT: _l("Submitted"),
    Move.WITHDRAW: _l("Submission withdrawn"),
    Move.CONFIRM: _l("Confirmed by the mentor"),
    Move.ASSIGN: _l("Review began"),
    Move.UNASSIGN: _l("A reviewer is sought again"),
    Move.RETURN: _l("Returned for revision"),
    Move.PASS: _l("Passed"),
    Move.FAIL: _l("Failed"),
}
MOVE_TONES: dict[Move, str] = {Move.RETURN: "soon", Move.PASS: "valid", Move.FAIL: "stopped", Move.SUBMIT: "info"}
BY_NAME = frozenset({Move.SUBMIT, Move.CONFIRM})
"""Steps in whose record a portfolio names the person: the trainee and the mentor."""
REVIEW_LABELS: dict[ReviewState, Any] = {
    ReviewState.ASKED: _l("Asked to review"),
    ReviewState.SCORED: _l("Scored"),
    ReviewState.RETURNED: _l("Wishes a revision"),
    ReviewState.DECLINED: _l("Declined"),
    ReviewState.RELEASED: _l("Taken back"),
}


HEARING_LABELS: dict[HearingState, Any] = {
    HearingState.PLANNED: _l("Planned"),
    HearingState.HELD: _l("Held"),
    HearingState.MISSED: _l("Missed"),
    HearingState.CANCELLED: _l("Called off"),
}
HEARING_TONES: dict[HearingState, str] = {
    HearingState.PLANNED: "info",
    HearingState.HELD: "valid",
    HearingState.MISSED: "stopped",
    HearingState.CANCELLED: "neutral",
}


def in_words(row: Mapping[str, Any], key: str) -> str:
    """``row[key_zh]`` or ``row[key_en]`` after the reader's language; ``key`` "" takes ``zh`` / ``en``."""
    language = "zh" if chinese() else "en"
    return str(row.get(f"{key}_{language}" if key else language) or "")


FIELD_LABELS: dict[str, Any] = {
    "rank": _l("Level"),
    "task": _l("Task type"),
    "title": _l("Title of the task"),
    "project": _l("Project"),
    "real": _l("Real or simulated"),
    "counterpart": _l("Counterpart"),
    "host_unit": _l("Host unit"),
    "role": _l("Own role"),
    "share": _l("Own share of the work in percent"),
    "started_on": _l("First day"),
    "ended_on": _l("Last day"),
    "hours": _l("Hours logged"),
    "did": _l("What I did"),
    "result": _l("What came of it"),
    "next_step": _l("Next step"),
    "lines": _l("Work lines"),
    "confidentiality": _l("Confidentiality"),
    "self_score": _l("Own score (of 100)"),
    "mentor": _l("Mentor"),
    "trainee": _l("Trainee"),
    "organisation": _l("Works at"),
    "files": _l("Evidence"),
    "team": _l("Team"),
}
TEAM_LABELS: dict[TeamState, Any] = {
    TeamState.FORMING: _l("waits for confirmations"),
    TeamState.READY: _l("at work"),
    TeamState.DISSOLVED: _l("given up"),
}
TEAM_TONES = {TeamState.FORMING: "soon", TeamState.READY: "valid", TeamState.DISSOLVED: "neutral"}


def value_in_words(key: str, value: Any, levels: Mapping[int, str]) -> Any:
    """A value of a snapshot for the reader."""
    if value is None or value == "":
        return "—"
    match key:
        case "rank":
            return levels.get(value, value)
        case "task":
            return f"{value['code']} {in_words(value, '')}"
        case "real":
            return KIND_LABELS[bool(value)]
        case "role":
            return ROLE_LABELS[TaskRole(value)]
        case "confidentiality":
            return CONFIDENTIALITY_LABELS[Confidentiality(value)]
        case "started_on" | "ended_on":
            return day(date.fromisoformat(value))
        case "share" | "hours":
            return number(Decimal(value))
        case "lines":
            return "\n".join(
                f"{day(date.fromisoformat(x['on']))}　{number(Decimal(x['hours']))} h　{x['text']}" for x in value
            )
        case "files":
            return "\n".join(x["name"] for x in value)
        case "team":
            return "\n".join(
                f"{m['name']}　{ROLE_LABELS[TaskRole(m['role'])]}　{number(Decimal(m['share']))} %"
                for m in value["members"]
            )
    return value
