"""信用修复: applications for points of integrity credit to be given back."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.db import Model, long_text, pk, stamp
from app.performance.repair_states import RepairState

if TYPE_CHECKING:
    from app.files.models import StoredFile
    from app.outline.models import RuleVersion


class IntegrityRepair(Model):
    """One application: proof of ethics training, a first officer who proposes, a second who decides."""

    __tablename__ = "integrity_repair"
    __table_args__ = (
        CheckConstraint("decided_by_id IS NULL OR decided_by_id <> proposed_by_id", name="decided_by_another"),
        CheckConstraint("hours > 0", name="hours_positive"),
        Index(
            "uq_integrity_repair_open", "person_id", unique=True,
            sqlite_where=text("state IN ('submitted', 'proposed')"), postgresql_where=text("state IN ('submitted', 'proposed')"),
        ),
    )  # fmt: skip
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("rule_version.id"), comment="the conditions it is judged by")
    hours: Mapped[Decimal] = mapped_column(comment="ethics training, as proved")
    trained_until: Mapped[date] = mapped_column(comment="last day of that training")
    words: Mapped[long_text]
    state: Mapped[RepairState] = mapped_column(default=RepairState.SUBMITTED)
    applied_at: Mapped[stamp]
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime | None]
    finding: Mapped[long_text] = mapped_column(default="", comment="of the first officer; the holder reads it")
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[long_text] = mapped_column(default="", comment="of the second officer; the holder reads it")
    points: Mapped[Decimal | None] = mapped_column(comment="given back")

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    proposed_by: Mapped[Person | None] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
    rule: Mapped[RuleVersion] = relationship()
    files: Mapped[list[RepairFile]] = relationship(order_by="RepairFile.file_id")


class RepairFile(Model):
    """Proof of the training."""

    __tablename__ = "repair_file"
    repair_id: Mapped[int] = mapped_column(ForeignKey("integrity_repair.id"), primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), primary_key=True, index=True)

    file: Mapped[StoredFile] = relationship(lazy="joined", innerjoin=True)
