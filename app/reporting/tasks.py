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


def _draw_report(item: dict[str, Any], job: Job) -> bytes:
    from app.reporting.report_print import report_pdf

    found = db.session.get_one(Report, item["report"])
    return report_pdf(
        found.body, title=found.title, made_at=found.made_at, fingerprint=found.fingerprint,
        trial=settings().APP_MODE != "production",
    )  # fmt: skip


@work(reports.MAKE, draws=_draw_report)
def make_pdf(item: dict[str, Any], job: Job, drawn: bytes) -> dict[str, Any]:
    """Keep the PDF of one report, made from what was frozen alone."""
    found = db.session.get_one(Report, item["report"], with_for_update=True)
    kept = keep_bytes(drawn, f"report-{found.id}.pdf", owner=found.made_by, kinds=frozenset({PDF}))
    found.file_id = kept.id
    return {"file": kept.id, "bytes": kept.size}


def _draw_figures(item: dict[str, Any], job: Job) -> bytes:
    from app.reporting.report_print import report_pdf

    body = job.params["body"]
    return report_pdf(
        body, title=reports.drawing_title(body), made_at=datetime.fromisoformat(job.params["made_at"]),
        fingerprint=job.params["fingerprint"], trial=settings().APP_MODE != "production", kept=False, over=job.params["over"],
    )  # fmt: skip


@work(reports.DRAW, draws=_draw_figures)
def draw_pdf(item: dict[str, Any], job: Job, drawn: bytes) -> dict[str, Any]:
    """Keep the PDF of figures, made from what was drawn when it was asked for."""
    body, owner = job.params["body"], db.session.get_one(Person, job.by_id)
    stored = keep_bytes(drawn, f"figures-{body['since']}-{body['until']}.pdf", owner=owner, kinds=frozenset({PDF}))
    return {"file": stored.id, "bytes": stored.size}


@every(seconds=3600, name="reporting.forget")
def forget(now: datetime) -> None:
    with unit_of_work():
        reports.forget_drawings(now)
