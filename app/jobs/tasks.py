"""What floor 1 does by the clock: send mails, seal the log, sign its head."""

from __future__ import annotations

import logging
from datetime import datetime

from app.audit import service as audit
from app.core import clock
from app.core.people import person_by_id
from app.db import unit_of_work
from app.jobs.service import every
from app.notices import service as notices

log = logging.getLogger(__name__)


@every(seconds=5, name="notices.send")
def send_mails(now: datetime) -> None:
    """Claim, send, settle: each mail in its own two transactions, so that a crash repeats at most one."""
    for notice_id in notices.due(now):
        with unit_of_work():
            taken = notices.claim(notice_id, now)
            message = notices.message_for(taken, person_by_id(taken.person_id)) if taken else None
        if taken is None or message is None:
            continue
        try:
            notices.transmit(message)
            error = None
        except Exception as failure:
            log.warning("mail %s not sent: %s", notice_id, type(failure).__name__)
            error = f"{type(failure).__name__}: {failure}"
        with unit_of_work() as session:
            notices.settle(session.get_one(notices.Notice, notice_id, with_for_update=True), error, clock.now())


@every(seconds=60, name="audit.seal")
def seal_log(now: datetime) -> None:
    with unit_of_work():
        audit.seal()


@every(seconds=86_400, name="audit.head")
def sign_head(now: datetime) -> None:
    audit.write_head(now)
