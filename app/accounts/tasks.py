"""By the clock: what is not kept longer than needed."""

from __future__ import annotations

from datetime import datetime

from app.accounts.personal import forget_old
from app.db import unit_of_work
from app.jobs.service import every


@every(seconds=86_400, name="accounts.forget_old")
def forget(now: datetime) -> None:
    with unit_of_work():
        forget_old(now)
