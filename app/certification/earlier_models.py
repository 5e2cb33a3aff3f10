"""Certificates issued before the platform (存量证书): whom they belong to. What holders ask of the office. What is printed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.certification.states import AskKind, AskState
from app.db import Model, long_text, pk

if TYPE_CHECKING:
    from app.accounts.models import Person, Region
    from app.certification.models import Certificate
    from app.files.models import StoredFile

_WAITING = "state = 'submitted'"


class EarlierRecord(Model):
    """Whom an earlier certificate belongs to, as hashes only: it finds the account that claims it."""

    __tablename__ = "earlier_record"
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("sheet_import.id"), index=True)
    id_lookup: Mapped[str | None] = mapped_column(String(64), index=True)
    phone_lookup: Mapped[str | None] = mapped_column(String(64), index=True)
    email_lookup: Mapped[str | None] = mapped_column(String(64), index=True)


class Ask(Model):
    """What a holder asks of the office: correction, reprint, claim of an earlier certificate, appeal."""

    __tablename__ = "certificate_ask"
    __table_args__ = (
        Index(
            "uq_certificate_ask_one_open", "certificate_id", "person_id", "kind", unique=True,
            sqlite_where=text(_WAITING), postgresql_where=text(_WAITING),
        ),
        Index("ix_certificate_ask_state_made_at", "state", "made_at"),
        CheckConstraint("certificate_id IS NOT NULL OR kind = 'claim'", name="about_a_certificate"),
        CheckConstraint("decided_by_id IS NULL OR decided_by_id <> person_id", name="not_ones_own"),
    )  # fmt: skip
    id: Mapped[pk]
    kind: Mapped[AskKind]
    state: Mapped[AskState] = mapped_column(default=AskState.SUBMITTED)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    certificate_id: Mapped[int | None] = mapped_column(ForeignKey("certificate.id"), index=True)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True, comment="whose office handles it")
    number: Mapped[str] = mapped_column(String(60), comment="as typed for a claim, else the certificate's")
    name: Mapped[str] = mapped_column(
        String(120), default="", comment="the right name (correction), the printed one (claim)"
    )
    name_latin: Mapped[str] = mapped_column(String(120), default="")
    words: Mapped[long_text]
    proof_file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), index=True)
    change_id: Mapped[int | None] = mapped_column(
        ForeignKey("status_change.id"), comment="the decision appealed against"
    )
    made_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    finding: Mapped[long_text] = mapped_column(default="")
    edition_id: Mapped[int | None] = mapped_column(ForeignKey("edition.id"))

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    certificate: Mapped[Certificate | None] = relationship()
    region: Mapped[Region] = relationship()
    proof: Mapped[StoredFile | None] = relationship()
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])


class PrintBatch(Model):
    """Certificates joined into one PDF for the printer, made in the background."""

    __tablename__ = "print_batch"
    id: Mapped[pk]
    title: Mapped[str]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    made_at: Mapped[datetime]
    certificates: Mapped[list[int]] = mapped_column(comment="ids in the order of printing")
    lacking: Mapped[list[str]] = mapped_column(default=list, comment="numbers without a PDF")
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    file_id: Mapped[int | None] = mapped_column(
        ForeignKey("stored_file.id"), index=True, comment="None: being made, or forgotten again"
    )
    pages: Mapped[int] = mapped_column(default=0)

    by: Mapped[Person] = relationship()
    file: Mapped[StoredFile | None] = relationship()
