"""What the worker does by the clock: forget what sheets held."""

from __future__ import annotations

from datetime import datetime

from app.db import unit_of_work
from app.imports import service
from app.jobs.service import every


@every(seconds=3600, name="imports.forget")
def forget(now: datetime) -> None:
    with unit_of_work():
        service.forget_rows(now)
    with unit_of_work():
        service.forget_results(now)
