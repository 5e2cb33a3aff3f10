"""What performance does by the clock and in the background."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from app.core import clock
from app.core.crypto import settings
from app.db import db, unit_of_work
from app.files.service import PDF, keep_bytes
from app.jobs.models import Job
from app.jobs.service import every, work
from app.notices import service as notices
from app.performance import mandates, opinions, statements
from app.performance.mandate_models import Mandate
from app.performance.statement_models import CreditStatement

log = logging.getLogger(__name__)


def _draw_statement(item: dict[str, Any], job: Job) -> bytes:
    from app.performance.statement_print import statement_pdf

    found, config = db.session.get_one(CreditStatement, item["statement"]), settings()
    return statement_pdf(
        found.snapshot, address=f"{config.PUBLIC_URL}/performance/confirm/{found.token}", fingerprint=found.fingerprint,
        trial=config.APP_MODE != "production",
    )  # fmt: skip


@work(statements.RENDER, draws=_draw_statement)
def render_statement(item: dict[str, Any], job: Job, drawn: bytes) -> dict[str, Any]:
    """Keep the PDF of one statement, made from its snapshot alone."""
    found = db.session.get_one(CreditStatement, item["statement"], with_for_update=True)
    kept = keep_bytes(drawn, f"{found.number}.pdf", owner=found.person, kinds=frozenset({PDF}))
    found.pdf_file_id = kept.id
    return {"file": kept.id, "bytes": kept.size}


@every(seconds=600, name="performance.mandates.expire")
def expire_mandates(now: datetime) -> None:
    """Mandates whose last day is over, each in its own transaction."""
    for mandate_id in mandates.due_to_expire(clock.local_date(now)):
        with unit_of_work():
            mandates.expire(db.session.get_one(Mandate, mandate_id), now=now)


@every(seconds=15, name="performance.opinions.send")
def send_opinion_mails(now: datetime) -> None:
    """Claim, send, settle, as with the letters of the site: a crash repeats at most one mail."""
    for opinion_id in opinions.due(now):
        with unit_of_work():
            message = opinions.claim_mail(opinion_id, now)
        if message is None:
            continue
        try:
            notices.transmit(message)
            error = None
        except Exception as failure:
            log.warning("mail for opinion %s not sent: %s", opinion_id, type(failure).__name__)
            error = type(failure).__name__
        with unit_of_work():
            opinions.settle_mail(opinion_id, error, clock.now())
