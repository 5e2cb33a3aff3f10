"""业绩证明: statements of performance for title reviews, each a frozen snapshot of the ledger."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.db import Model, pk, stamp

if TYPE_CHECKING:
    from app.files.models import StoredFile


class CreditStatement(Model):
    """One statement: what the ledger said of a period on a day. The PDF is made from the snapshot alone."""

    __tablename__ = "credit_statement"
    __table_args__ = (CheckConstraint("until >= since", name="period_in_order"),)
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    number: Mapped[str] = mapped_column(String(40), unique=True, comment="printed, typed by readers")
    token: Mapped[str] = mapped_column(String(60), unique=True, comment="in the QR code")
    since: Mapped[date]
    until: Mapped[date] = mapped_column(comment="cut-off date, included")
    snapshot: Mapped[dict[str, Any]]
    fingerprint: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the snapshot as canonical JSON")
    made_at: Mapped[stamp]
    show_name: Mapped[bool] = mapped_column(default=False, comment="the page of the QR code shows the whole name")
    show_figures: Mapped[bool] = mapped_column(default=False, comment="… and the balance by indicator")
    show_contracts: Mapped[bool] = mapped_column(default=False, comment="… and the contracts")
    withdrawn_at: Mapped[datetime | None]
    pdf_file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), index=True)

    person: Mapped[Person] = relationship()
    pdf: Mapped[StoredFile | None] = relationship()
