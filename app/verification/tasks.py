"""In the background: large sheets; by the clock: what is not kept longer than needed."""

from __future__ import annotations

from datetime import datetime

from app.db import unit_of_work
from app.jobs.service import every, work
from app.verification import service, sheets

work(sheets.KIND)(sheets.check)


@every(seconds=86_400, name="verification.forget")
def forget(now: datetime) -> None:
    with unit_of_work():
        sheets.forget(now)
    with unit_of_work():
        service.forget(now)
