"""One clock for a person's study time: two lessons open side by side do not make it run twice as fast."""

from __future__ import annotations

from datetime import datetime

from app.db import db
from app.training.learning_models import StudyClock


def passed(person_id: int, since: datetime, now: datetime) -> float:
    """Seconds that may still be counted: since this lesson was opened or told, and since any lesson was counted."""
    found = db.session.get(StudyClock, person_id)
    start = max(since, found.counted_until) if found else since
    return max(0.0, (now - start).total_seconds())


def counted(person_id: int, now: datetime) -> None:
    """Time has been counted up to now. Call under the lock of the person's enrolment."""
    found = db.session.get(StudyClock, person_id)
    if found is None:
        db.session.add(StudyClock(person_id=person_id, counted_until=now))
    else:
        found.counted_until = max(found.counted_until, now)
