"""What the bank does in the background: reading uploads, taking in their rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.bank import exporting, importing
from app.core import clock
from app.jobs.models import Job
from app.jobs.service import every, work


@work(importing.JOB)
def take_in(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """One step of an import."""
    done = importing.take_rows(item["import"], item["first"], item["last"], now=clock.now())
    return {outcome.value: count for outcome, count in done.items()}


@every(seconds=2, name="bank.read_uploads")
def read_uploads(now: datetime) -> None:
    """Read the large files somebody uploaded."""
    for import_id in importing.uploads_to_read():
        importing.read_upload(import_id)


@every(seconds=2, name="bank.write_exports")
def write_exports(now: datetime) -> None:
    """Write the long lists somebody asked for."""
    for export_id in exporting.waiting(now):
        exporting.write_export(export_id)


@every(seconds=3600, name="bank.let_exports_go")
def let_exports_go(now: datetime) -> None:
    """Delete exports after some days."""
    exporting.let_go(now)
