"""What practice does in the background: binding portfolios, deleting copies whose time is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.core import clock
from app.core.errors import NotFound
from app.db import db, unit_of_work
from app.jobs.models import Job
from app.jobs.service import every, work
from app.practice import binding, portfolio
from app.practice.models import Portfolio


def _draw(item: dict[str, Any], job: Job) -> bytes:
    return binding.portfolio_pdf(_wanted(item), now=clock.now())


def _wanted(item: dict[str, Any], **how: Any) -> Portfolio:
    """Raises NotFound where its time was over before it was bound."""
    found = db.session.get(Portfolio, item["portfolio"], **how)
    if found is None:
        raise NotFound
    return found


@work(portfolio.MAKE, draws=_draw)
def bind(item: dict[str, Any], job: Job, drawn: bytes) -> dict[str, Any]:
    """Keep the PDF of one portfolio: it shows the tasks as they stood when it was drawn."""
    kept = binding.keep(_wanted(item, with_for_update=True), drawn)
    return {"file": kept.id, "bytes": kept.size}


@every(seconds=3600, name="practice.discard_portfolios")
def discard_overdue(now: datetime) -> None:
    """Copies are kept for thirty days, each goes in its own transaction."""
    for portfolio_id in portfolio.overdue(now):
        with unit_of_work():
            found = db.session.get(Portfolio, portfolio_id)
            if found is not None:
                portfolio.discard(found, by=None)
