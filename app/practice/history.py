"""Writing down a step in the life of an entry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.db import db
from app.practice.models import EntryStep, LogEntry
from app.practice.states import Move, moved


def step(entry: LogEntry, move: Move, *, by: Any, now: datetime, remark: str = "") -> tuple[Any, Any]:
    """Move the entry on and keep the step; the states before and after. ``by`` is None where reviewers decided."""
    before, entry.state = entry.state, moved(entry.state, move)
    db.session.add(
        EntryStep(
            entry_id=entry.id, at=now, person_id=by.id if by else None, move=move, version=entry.version, remark=remark
        )
    )
    return before, entry.state
