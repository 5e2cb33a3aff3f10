"""Agreements between authorities, and the cases decided under them."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Model, long_text, pk, stamp
from app.recognition import states

if TYPE_CHECKING:
    from app.accounts.models import Person, Region
    from app.certification.models import Certificate, StatusEntry
    from app.files.models import StoredFile


class Agreement(Model):
    """互认协议: ``region`` recognises certificates of ``partner``; mutual ones are entered once for each side."""

    __tablename__ = "agreement"
    __table_args__ = (
        CheckConstraint("region_id <> partner_id", name="two_sides"),
        CheckConstraint("ends_on IS NULL OR ends_on >= effective_on", name="ends_after_it_begins"),
    )
    id: Mapped[pk]
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    basis: Mapped[str] = mapped_column(comment="依据文号")
    model: Mapped[states.Model] = mapped_column(default=states.Model.EQUAL)
    mutual: Mapped[bool] = mapped_column(default=True)
    scope: Mapped[long_text] = mapped_column(default="")
    validity: Mapped[states.Validity] = mapped_column(default=states.Validity.SHORTER)
    signed_on: Mapped[date]
    effective_on: Mapped[date]
    ends_on: Mapped[date | None]
    contact: Mapped[str] = mapped_column(default="")
    document_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), index=True)
    state: Mapped[states.AgreementState] = mapped_column(default=states.AgreementState.DRAFT)
    created_at: Mapped[stamp]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    region: Mapped[Region] = relationship(foreign_keys=[region_id], lazy="joined")
    partner: Mapped[Region] = relationship(foreign_keys=[partner_id], lazy="joined")
    document: Mapped[StoredFile | None] = relationship()
    levels: Mapped[list[Equivalence]] = relationship(back_populates="agreement", order_by="Equivalence.id")
    events: Mapped[list[AgreementEvent]] = relationship(back_populates="agreement", order_by="AgreementEvent.id")

    def holds_on(self, day: date) -> bool:
        """In force on a day, by state and dates."""
        return (
            self.state is states.AgreementState.IN_FORCE
            and self.effective_on <= day
            and (self.ends_on is None or day <= self.ends_on)
        )


class Equivalence(Model):
    """Their level → ours, with a condition. Always a proposal; a person decides."""

    __tablename__ = "equivalence"
    __table_args__ = (UniqueConstraint("agreement_id", "source_level"),)
    id: Mapped[pk]
    agreement_id: Mapped[int] = mapped_column(ForeignKey("agreement.id"))
    source_level: Mapped[str] = mapped_column(String(100))
    rank: Mapped[int]
    condition: Mapped[str] = mapped_column(default="", comment="a sentence; empty is no condition")

    agreement: Mapped[Agreement] = relationship(back_populates="levels")


class AgreementEvent(Model):
    """Trust is granted, suspended and ended by decision, with a reason."""

    __tablename__ = "agreement_event"
    id: Mapped[pk]
    agreement_id: Mapped[int] = mapped_column(ForeignKey("agreement.id"), index=True)
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    move: Mapped[states.AgreementMove]
    reason: Mapped[long_text]

    agreement: Mapped[Agreement] = relationship(back_populates="events")
    by: Mapped[Person] = relationship()


_OPEN = "state IN ('submitted', 'returned', 'proposed')"


class RecognitionCase(Model):
    """A holder asks a region to recognise a certificate of another issuer."""

    __tablename__ = "recognition_case"
    __table_args__ = (
        CheckConstraint("decided_by_id IS NULL OR decided_by_id <> proposed_by_id", name="two_people"),
        Index("ix_recognition_case_region_id_state", "region_id", "state"),
        Index(
            "uq_recognition_case_one_open", "region_id", "person_id", "source_number", unique=True, sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
    )  # fmt: skip
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), comment="whose authority decides")
    agreement_id: Mapped[int | None] = mapped_column(ForeignKey("agreement.id"), index=True)
    certificate_id: Mapped[int | None] = mapped_column(
        ForeignKey("certificate.id"), index=True, comment="issued on this site"
    )
    source_issuer: Mapped[str] = mapped_column(String(200))
    source_region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    source_number: Mapped[str] = mapped_column(String(60))
    source_name: Mapped[str] = mapped_column(String(100), comment="holder as printed on the source certificate")
    source_level: Mapped[str] = mapped_column(String(100))
    source_issued_on: Mapped[date]
    source_expires_on: Mapped[date | None]
    target_rank: Mapped[int]
    purpose: Mapped[long_text] = mapped_column(default="")
    state: Mapped[states.CaseState] = mapped_column(default=states.CaseState.SUBMITTED)
    submitted_at: Mapped[datetime]
    correct_until: Mapped[date | None]
    verified: Mapped[states.Verified] = mapped_column(default=states.Verified.NONE)
    verified_note: Mapped[long_text] = mapped_column(default="")
    verified_on: Mapped[date | None]
    outcome: Mapped[states.Outcome | None]
    rank: Mapped[int | None] = mapped_column(comment="recognised as this rank")
    conditions: Mapped[long_text] = mapped_column(default="")
    codes: Mapped[list[str]] = mapped_column(default=list, comment="reason codes N1–N10")
    remark: Mapped[long_text] = mapped_column(default="")
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    number: Mapped[str | None] = mapped_column(String(40), unique=True)
    serial: Mapped[int | None]
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    note_file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), index=True)
    status_entry_id: Mapped[int | None] = mapped_column(ForeignKey("status_entry.id"), unique=True)
    endorsement_file_id: Mapped[int | None] = mapped_column(
        ForeignKey("stored_file.id"),
        index=True,
        comment="the recognition for machines, where the source has a credential",
    )

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    region: Mapped[Region] = relationship(foreign_keys=[region_id])
    source_region: Mapped[Region | None] = relationship(foreign_keys=[source_region_id])
    agreement: Mapped[Agreement | None] = relationship()
    certificate: Mapped[Certificate | None] = relationship()
    proposed_by: Mapped[Person | None] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
    note_file: Mapped[StoredFile | None] = relationship(foreign_keys=[note_file_id])
    endorsement_file: Mapped[StoredFile | None] = relationship(foreign_keys=[endorsement_file_id])
    status_entry: Mapped[StatusEntry | None] = relationship()
    documents: Mapped[list[CaseDocument]] = relationship(back_populates="case", order_by="CaseDocument.id")
    events: Mapped[list[CaseEvent]] = relationship(back_populates="case", order_by="CaseEvent.id")


class CaseDocument(Model):
    __tablename__ = "recognition_document"
    id: Mapped[pk]
    case_id: Mapped[int] = mapped_column(ForeignKey("recognition_case.id"), index=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), index=True)

    case: Mapped[RecognitionCase] = relationship(back_populates="documents")
    file: Mapped[StoredFile] = relationship(lazy="joined")


class CaseEvent(Model):
    """One step of a case with its words; ``evidence`` keeps what the checks said then."""

    __tablename__ = "recognition_event"
    id: Mapped[pk]
    case_id: Mapped[int] = mapped_column(ForeignKey("recognition_case.id"), index=True)
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    move: Mapped[states.CaseMove]
    note: Mapped[long_text] = mapped_column(default="")
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)

    case: Mapped[RecognitionCase] = relationship(back_populates="events")
    by: Mapped[Person | None] = relationship()


class RecognitionCounter(Model):
    """The last serial per region and year, raised in the transaction of the decision."""

    __tablename__ = "recognition_counter"
    __table_args__ = (UniqueConstraint("region_code", "year"),)
    id: Mapped[pk]
    region_code: Mapped[str] = mapped_column(String(12))
    year: Mapped[int]
    last: Mapped[int]
