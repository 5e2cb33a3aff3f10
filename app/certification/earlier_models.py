"""Certificates issued before the platform (存量证书): the list, its rows, whom a certificate waits for. What holders ask."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.certification.states import AskKind, AskState, ImportState, RowFate
from app.db import Model, long_text, pk

if TYPE_CHECKING:
    from app.accounts.models import Person, Region
    from app.certification.models import Certificate
    from app.files.models import StoredFile
    from app.jobs.models import Job

_WAITING = "state = 'submitted'"


class EarlierList(Model):
    """An uploaded list. The file itself is not kept; its rows are sealed and go when the list can no longer be undone."""

    __tablename__ = "earlier_list"
    id: Mapped[pk]
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    name: Mapped[str] = mapped_column(String(200), comment="of the file")
    sha256: Mapped[str] = mapped_column(String(64))
    state: Mapped[ImportState] = mapped_column(default=ImportState.READ)
    headings: Mapped[list[str]]
    headings_key: Mapped[str] = mapped_column(
        String(64), index=True, comment="SHA-256 of the headings: remembers the columns"
    )
    mapping: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="field → number of the column")
    notes: Mapped[list[str]] = mapped_column(default=list, comment="what the reader of the file had to say")
    total: Mapped[int]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    done_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]

    region: Mapped[Region] = relationship()
    by: Mapped[Person] = relationship()
    job: Mapped[Job | None] = relationship()


class EarlierRow(Model):
    """One row of a list: what it held (sealed), what is wrong with it, which certificate it became."""

    __tablename__ = "earlier_row"
    __table_args__ = (UniqueConstraint("list_id", "line"), Index("ix_earlier_row_list_id_fate", "list_id", "fate"))
    id: Mapped[pk]
    list_id: Mapped[int] = mapped_column(ForeignKey("earlier_list.id"))
    line: Mapped[int] = mapped_column(comment="in the file, headings included")
    sealed: Mapped[long_text | None] = mapped_column(comment="JSON list of the cells, sealed; None once forgotten")
    number: Mapped[str] = mapped_column(String(60), default="")
    name: Mapped[str] = mapped_column(String(120), default="")
    fate: Mapped[RowFate] = mapped_column(default=RowFate.READ)
    problems: Mapped[list[Any]] = mapped_column(default=list, comment="[field, code, what stood there]")
    certificate_id: Mapped[int | None] = mapped_column(ForeignKey("certificate.id"), index=True)


class EarlierRecord(Model):
    """Whom an earlier certificate belongs to, as hashes only: it finds the account that claims it."""

    __tablename__ = "earlier_record"
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("earlier_list.id"), index=True)
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
