"""What practice does in the background: binding portfolios, deleting copies whose time is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.core import clock
from app.db import db, unit_of_work
from app.jobs.models import Job
from app.jobs.service import every, work
from app.practice import binding, portfolio
from app.practice.models import Portfolio


@work(portfolio.MAKE)
def bind(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Make the PDF of one portfolio."""
    made = db.session.get_one(Portfolio, item["portfolio"], with_for_update=True)
    kept = binding.bind(made, now=clock.now())
    return {"file": kept.id, "bytes": kept.size}


@every(seconds=3600, name="practice.discard_portfolios")
def discard_overdue(now: datetime) -> None:
    """Copies are kept for thirty days, each goes in its own transaction."""
    for portfolio_id in portfolio.overdue(now):
        with unit_of_work():
            found = db.session.get(Portfolio, portfolio_id)
            if found is not None:
                portfolio.discard(found, by=None)
