"""The blueprint, and what the pages of several readers share."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from flask_babel import gettext as _
from sqlalchemy import select

from app.accounts.models import Person
from app.audit.models import AuditDetails, AuditEntry
from app.audit.service import DEED_NAMES
from app.core.errors import NotFound
from app.db import Model, db
from app.performance import rulebook, words
from app.performance.integrity import HONOUR_NAMES, event_name
from app.performance.rules import EFFECTS

bp = Blueprint("performance", __name__, url_prefix="/performance", template_folder="templates")


@bp.url_value_preprocessor
def _sane_ids(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """A number no row can have is an unknown row, not a fault of the database."""
    if any(isinstance(value, int) and value > 2**31 - 1 for value in (values or {}).values()):
        raise NotFound


@bp.context_processor
def _words() -> dict[str, Any]:
    return {
        "claim_states": words.CLAIM_STATES,
        "claim_tones": words.CLAIM_TONES,
        "contract_states": words.CONTRACT_STATES,
        "contract_tones": words.CONTRACT_TONES,
        "contract_kinds": words.CONTRACT_KINDS,
        "event_states": words.EVENT_STATES,
        "event_tones": words.EVENT_TONES,
        "band_names": words.BAND_NAMES,
        "band_tones": words.BAND_TONES,
        "band_effects": words.BAND_EFFECTS,
        "honour_names": HONOUR_NAMES,
        "effect_words": EFFECTS,
        "event_name": event_name,
        "named": rulebook.named,
        "evidence_asked": rulebook.evidence_asked,
    }


def wants_sheet() -> bool:
    return request.args.get("export") == "xlsx"


def history_of(row: Model, *, names: bool) -> list[dict[str, Any]]:
    """What was done to a row, newest first, from the log of deeds. The holder reads roles, officers read names."""
    rows = db.session.execute(
        select(AuditEntry, AuditDetails, Person.name, Person.id)
        .outerjoin(AuditDetails, AuditDetails.entry_id == AuditEntry.id)
        .outerjoin(Person, Person.id == AuditEntry.person_id)
        .where(AuditEntry.about == row.__tablename__, AuditEntry.about_id == row.id)  # type: ignore[attr-defined]
        .order_by(AuditEntry.id.desc())
    )
    holder = getattr(row, "person_id", None)
    return [
        {
            "at": entry.at,
            "what": DEED_NAMES.get(entry.deed, entry.deed),
            "who": name if names or who == holder else _("office"),
            "note": details.payload.get("reason", "") if details is not None else "",
        }
        for entry, details, name, who in rows
    ]
