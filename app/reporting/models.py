"""Reports that were kept: what was counted, word for word, so that they can be drawn again and compared."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Model, pk, stamp

if TYPE_CHECKING:
    from app.accounts.models import Organisation, Person, Region
    from app.files.models import StoredFile
    from app.jobs.models import Job


class Report(Model):
    """统计报告: the figures of a period as known on its cut-off day. Never changed; the PDF is made from ``body`` alone."""

    __tablename__ = "report"
    __table_args__ = (
        CheckConstraint("until >= since", name="period_in_order"),
        CheckConstraint("region_id IS NULL OR organisation_id IS NULL", name="one_scope"),
    )
    id: Mapped[pk]
    title: Mapped[str] = mapped_column(String(160))
    since: Mapped[date]
    until: Mapped[date] = mapped_column(comment="cut-off date, included")
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    rank: Mapped[int | None] = mapped_column(comment="None: every level")
    body: Mapped[dict[str, Any]]
    fingerprint: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the canonical JSON of body")
    made_at: Mapped[stamp]
    made_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    file_id: Mapped[int | None] = mapped_column(
        ForeignKey("stored_file.id"), index=True, comment="the PDF; None: being made"
    )

    region: Mapped[Region | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    made_by: Mapped[Person] = relationship()
    job: Mapped[Job | None] = relationship()
    file: Mapped[StoredFile | None] = relationship()
