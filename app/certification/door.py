"""The blueprint, and what pages of several readers share."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint

from app.certification import states, words
from app.core import clock
from app.core.crypto import settings
from app.core.errors import NotFound
from app.core.text import day
from app.outline.service import level_name

bp = Blueprint("certification", __name__, template_folder="templates")


@bp.url_value_preprocessor
def _sane_ids(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """A number no row can have is an unknown row, not a fault of the database."""
    if any(isinstance(value, int) and value > 2**31 - 1 for value in (values or {}).values()):
        raise NotFound


@bp.app_template_filter("iso_day")
def _iso_day(text: str) -> str:
    """A date of a snapshot (2026-11-22) in the reader's words."""
    return day(date.fromisoformat(text))


@bp.context_processor
def _words() -> dict[str, Any]:
    return {
        "State": states.State,
        "Standing": states.Standing,
        "state_labels": states.STATE_LABELS,
        "state_tones": states.STATE_TONES,
        "certificate_labels": states.CERTIFICATE_LABELS,
        "certificate_tones": states.CERTIFICATE_TONES,
        "certificate_meaning": states.CERTIFICATE_MEANING,
        "change_labels": states.CHANGE_LABELS,
        "edition_labels": states.EDITION_LABELS,
        "ask_labels": states.ASK_LABELS,
        "ask_tones": states.ASK_TONES,
        "ask_kind_labels": states.ASK_KIND_LABELS,
        "renewal_labels": states.RENEWAL_LABELS,
        "renewal_tones": states.RENEWAL_TONES,
        "level_name": level_name,
        "said": words.said,
        "scheme_words": words.scheme_words,
        "public_url": settings().PUBLIC_URL,
        "today": clock.today(),
    }
