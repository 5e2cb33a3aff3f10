"""What reporting does in the background."""

from __future__ import annotations

from typing import Any

from app.core.crypto import settings
from app.db import db
from app.files.service import PDF, keep_bytes
from app.jobs.models import Job
from app.jobs.service import work
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
