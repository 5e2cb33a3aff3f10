"""What reporting does in the background."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.accounts.models import Person
from app.core.crypto import settings
from app.db import db, unit_of_work
from app.files.service import PDF, keep_bytes
from app.jobs.models import Job
from app.jobs.service import every, work
from app.reporting import reports
from app.reporting.models import Report


@work(reports.MAKE)
def make_pdf(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Make the PDF of one report from what was frozen alone."""
    from app.reporting.report_print import report_pdf

    found = db.session.get_one(Report, item["report"], with_for_update=True)
    data = report_pdf(
        found.body, title=found.title, made_at=found.made_at, fingerprint=found.fingerprint,
        trial=settings().APP_MODE != "production",
    )  # fmt: skip
    kept = keep_bytes(data, f"report-{found.id}.pdf", owner=found.made_by, kinds=frozenset({PDF}))
    found.file_id = kept.id
    return {"file": kept.id, "bytes": kept.size}


@work(reports.DRAW)
def draw_pdf(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Make the PDF of figures from what was drawn when it was asked for."""
    from app.reporting.report_print import report_pdf

    body = job.params["body"]
    data = report_pdf(
        body, title=reports.drawing_title(body), made_at=datetime.fromisoformat(job.params["made_at"]),
        fingerprint=job.params["fingerprint"], trial=settings().APP_MODE != "production", kept=False, over=job.params["over"],
    )  # fmt: skip
    owner = db.session.get_one(Person, job.by_id)
    stored = keep_bytes(data, f"figures-{body['since']}-{body['until']}.pdf", owner=owner, kinds=frozenset({PDF}))
    return {"file": stored.id, "bytes": stored.size}


@every(seconds=3600, name="reporting.forget")
def forget(now: datetime) -> None:
    with unit_of_work():
        reports.forget_drawings(now)
