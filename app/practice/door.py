"""The blueprint, and what the pages of several readers share."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from flask_babel import lazy_gettext as _l

from app.accounts.guard import current_person
from app.core import clock
from app.core.errors import NotFound
from app.core.tables import Filter
from app.db import unit_of_work
from app.outline.service import typed
from app.practice import access, words
from app.practice.models import GIVEN, LogEntry
from app.practice.passages import paragraphs, passages
from app.practice.states import DECIDED, State

bp = Blueprint("practice", __name__, url_prefix="/practice", template_folder="templates")


@bp.url_value_preprocessor
def _sane_ids(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """A number no row can have is an unknown row, not a fault of the database."""
    if any(isinstance(value, int) and value > 2**31 - 1 for value in (values or {}).values()):
        raise NotFound


@bp.context_processor
def _words() -> dict[str, Any]:
    return {
        "state_labels": words.STATE_LABELS,
        "state_tones": words.STATE_TONES,
        "review_labels": words.REVIEW_LABELS,
        "hearing_labels": words.HEARING_LABELS,
        "hearing_tones": words.HEARING_TONES,
        "field_labels": words.FIELD_LABELS,
        "value_in_words": words.value_in_words,
        "in_words": words.in_words,
        "paragraphs": paragraphs,
        "passages": passages,
    }


def task_name(tasks: dict[str, Any], code: str) -> str:
    return f"{code} {words.in_words(tasks[code], '')}" if code in tasks else code


def state_filter() -> Filter:
    return Filter("state", _l("State"), list(words.STATE_LABELS.items()), lambda value: LogEntry.state == State(value))


def record_opening(found: LogEntry) -> None:
    """Write down that core material is opened, before it is shown."""
    if access.must_be_recorded(current_person(), found):
        entry_id = found.id
        with unit_of_work():
            access.opened(access.entry_for(current_person(), entry_id), by=current_person(), now=clock.now())


def sees_results(found: LogEntry, me: Any) -> bool:
    """A reviewer sees the others' judgement once the task has moved on, never while it is in review."""
    asked = any(r.reviewer_id == me.id for r in found.reviews)
    return not asked or found.state in DECIDED


def results_of(found: LogEntry) -> list[dict[str, Any]]:
    """What reviewers handed in, for versions that were decided; of the one under review nothing."""
    shown = []
    for version in found.versions:
        if version.number == found.version and found.state in (State.SUBMITTED, State.CONFIRMED, State.IN_REVIEW):
            continue
        given = [r for r in version.reviews if r.state in GIVEN]
        if given:
            shown.append({"version": version, "reviews": given, "rubric": typed(version.rubric)})
    return shown


def timeline_of(found: LogEntry) -> list[dict[str, Any]]:
    return [
        {
            "at": s.at, "what": words.MOVE_LABELS[s.move], "who": s.person.name if s.person else "",
            "note": s.remark, "tone": words.MOVE_TONES.get(s.move, ""),
        }
        for s in reversed(found.steps)
    ]  # fmt: skip
