"""What waits for somebody: how many, and since when the oldest. The numbers on tabs and in the work list."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, select

from app.core import clock
from app.db import db


class Waiting(int):
    """A number of things that wait; ``since``: when the oldest of them began to, or None."""

    since: datetime | date | None = None

    @classmethod
    def of(cls, count: int, since: datetime | date | None) -> Waiting:
        made = cls(count)
        made.since = since if count else None
        return made

    @property
    def days(self) -> int | None:
        """Whole days the oldest waits, by the local calendar."""
        if self.since is None:
            return None
        begun = clock.local_date(self.since) if isinstance(self.since, datetime) else self.since
        return max(0, (clock.today() - begun).days)

    def __add__(self, other: int) -> Waiting:
        both = [one for one in (self.since, getattr(other, "since", None)) if one is not None]
        return Waiting.of(int(self) + int(other), min(both) if both else None)  # type: ignore[type-var]


def waiting(rows: Select[Any], at: Any) -> Waiting:
    """Count the rows of a select, and find the oldest by the column ``at``, with one statement."""
    inner = rows.with_only_columns(at.label("at"), maintain_column_froms=True).order_by(None).subquery()
    count, since = db.session.execute(select(func.count(), func.min(inner.c.at))).one()
    return Waiting.of(count, since)
