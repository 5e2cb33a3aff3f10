"""Contracts and their shares, claims with evidence, the ledger of points, integrity events, honours."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Person
from app.db import Model, long_text, pk, stamp
from app.performance import mandate_models, repair_models, statement_models  # noqa: F401 -- tables of this feature
from app.performance.states import ClaimState, EventState

if TYPE_CHECKING:
    from app.accounts.models import Region
    from app.files.models import StoredFile
    from app.outline.models import RuleVersion
    from app.performance.repair_models import IntegrityRepair


class ContractKind(StrEnum):
    DEVELOPMENT = "development"
    TRANSFER = "transfer"
    LICENCE = "licence"
    CONSULTING = "consulting"
    SERVICE = "service"


class ContractState(StrEnum):
    DECLARED = "declared"
    """Typed by a claimant; nobody has found it in the register yet. Counts nothing until confirmed or allowed."""
    REGISTERED = "registered"
    DISSOLVED = "dissolved"


class Contract(Model):
    """A technology contract (技术合同), one row per 登记编号."""

    __tablename__ = "contract"
    __table_args__ = (
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        CheckConstraint("(state = 'dissolved') = (dissolved_on IS NOT NULL)", name="dissolved_has_a_day"),
    )
    id: Mapped[pk]
    number: Mapped[str] = mapped_column(String(40), unique=True, comment="登记编号, normalised")
    title: Mapped[str] = mapped_column(String(200))
    kind: Mapped[ContractKind]
    buyer: Mapped[str] = mapped_column(String(160))
    seller: Mapped[str] = mapped_column(String(160))
    amount: Mapped[Decimal] = mapped_column(comment="万元")
    signed_on: Mapped[date] = mapped_column(comment="day of the deal: the calendar year its points fall in")
    registered_on: Mapped[date | None]
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True)
    state: Mapped[ContractState] = mapped_column(default=ContractState.DECLARED, index=True)
    dissolved_on: Mapped[date | None]
    dissolved_because: Mapped[str] = mapped_column(default="")
    created_at: Mapped[stamp]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    entered_at: Mapped[datetime | None] = mapped_column(
        comment="when the register's words came to be known here: entered, confirmed or read from a sheet"
    )
    dissolved_at: Mapped[datetime | None] = mapped_column(comment="when the dissolution came to be known here")

    region: Mapped[Region | None] = relationship()
    shares: Mapped[list[ContractShare]] = relationship(back_populates="contract", order_by="ContractShare.id")
    claims: Mapped[list[Claim]] = relationship(back_populates="contract", order_by="Claim.id")


class Claim(Model):
    """业绩申报: what somebody wants points for, with evidence."""

    __tablename__ = "claim"
    __table_args__ = (
        CheckConstraint("share IS NULL OR (share > 0 AND share <= 10000)", name="share_is_a_percentage"),
        CheckConstraint("amount IS NULL OR amount >= 0", name="amount_not_negative"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        Index("ix_claim_state_submitted_at", "state", "submitted_at"),
        Index("ix_claim_submitted_at_id", "submitted_at", "id"),
    )
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    indicator: Mapped[str] = mapped_column(String(20), comment="for a contract: the first indicator of that basis")
    rule_id: Mapped[int] = mapped_column(ForeignKey("rule_version.id"), comment="in force on the day of the deal")
    title: Mapped[str] = mapped_column(String(200))
    dated: Mapped[date] = mapped_column(comment="day of the deal or of completion")
    amount: Mapped[Decimal | None] = mapped_column(comment="万元, as declared; points follow the register")
    quantity: Mapped[Decimal] = mapped_column(default=Decimal(1))
    contract_id: Mapped[int | None] = mapped_column(ForeignKey("contract.id"), index=True)
    share: Mapped[Decimal | None] = mapped_column(comment="per cent of the contract or of the amount")
    related_party: Mapped[bool] = mapped_column(default=False)
    note: Mapped[long_text] = mapped_column(default="")
    state: Mapped[ClaimState] = mapped_column(default=ClaimState.DRAFT)
    created_at: Mapped[stamp]
    submitted_at: Mapped[datetime | None]
    reviewed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reviewed_at: Mapped[datetime | None]
    remark: Mapped[long_text] = mapped_column(default="", comment="the reviewer's words to the claimant")
    allowed: Mapped[long_text] = mapped_column(default="", comment="why a related or unregistered deal counts")

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    reviewed_by: Mapped[Person | None] = relationship(foreign_keys=[reviewed_by_id])
    contract: Mapped[Contract | None] = relationship(back_populates="claims")
    rule: Mapped[RuleVersion] = relationship()
    files: Mapped[list[ClaimFile]] = relationship(back_populates="claim", order_by="ClaimFile.file_id")
    entries: Mapped[list[CreditEntry]] = relationship(back_populates="claim", order_by="CreditEntry.id")


class ContractShare(Model):
    """A claimant's part of a contract. All that are not released add up to at most 100 %."""

    __tablename__ = "contract_share"
    __table_args__ = (
        CheckConstraint("share > 0 AND share <= 10000", name="share_is_a_percentage"),
        Index(
            "uq_contract_share_held",
            "contract_id",
            "person_id",
            unique=True,
            sqlite_where=text("released_at IS NULL"),
            postgresql_where=text("released_at IS NULL"),
        ),
    )
    id: Mapped[pk]
    contract_id: Mapped[int] = mapped_column(ForeignKey("contract.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    claim_id: Mapped[int] = mapped_column(ForeignKey("claim.id"), unique=True)
    share: Mapped[Decimal] = mapped_column(comment="per cent")
    taken_at: Mapped[stamp]
    released_at: Mapped[datetime | None]

    contract: Mapped[Contract] = relationship(back_populates="shares")
    claim: Mapped[Claim] = relationship()


class ClaimFile(Model):
    """Evidence of a claim."""

    __tablename__ = "claim_file"
    claim_id: Mapped[int] = mapped_column(ForeignKey("claim.id"), primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), primary_key=True, index=True)

    claim: Mapped[Claim] = relationship(back_populates="files")
    file: Mapped[StoredFile] = relationship(lazy="joined", innerjoin=True)


class CreditEntry(Model):
    """One line of the ledger 积分台账: granted points of one item, or the reversal of a line. Only ever added."""

    __tablename__ = "credit_entry"
    __table_args__ = (
        CheckConstraint("reverses_id IS NOT NULL OR points >= 0", name="grant_not_negative"),
        CheckConstraint("reverses_id IS NULL OR points <= 0", name="reversal_not_positive"),
        Index("ix_credit_entry_person_id_dated", "person_id", "dated"),
    )
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    claim_id: Mapped[int] = mapped_column(ForeignKey("claim.id"), index=True)
    indicator: Mapped[str] = mapped_column(String(20))
    dated: Mapped[date] = mapped_column(comment="day of the deal; of a reversal, day of the event")
    points: Mapped[Decimal] = mapped_column(comment="before caps")
    amount: Mapped[Decimal | None] = mapped_column(comment="own share, 万元")
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("credit_entry.id"), unique=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("rule_version.id"))
    reason: Mapped[str] = mapped_column(default="")
    working: Mapped[dict[str, Any]] = mapped_column(comment="rule, version, inputs, steps: enough to compute it again")
    created_at: Mapped[stamp]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    claim: Mapped[Claim] = relationship(back_populates="entries")
    reverses: Mapped[CreditEntry | None] = relationship(remote_side="CreditEntry.id", back_populates="reversal")
    reversal: Mapped[CreditEntry | None] = relationship(back_populates="reverses", uselist=False)
    rule: Mapped[RuleVersion] = relationship()


class IntegrityEvent(Model):
    """A matter that may cost integrity credit: notice, answer, decision by another person, appeal."""

    __tablename__ = "integrity_event"
    __table_args__ = (
        CheckConstraint("decided_by_id IS NULL OR decided_by_id <> notified_by_id", name="decided_by_another"),
        Index("ix_integrity_event_state_answer_until", "state", "answer_until"),
    )
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    code: Mapped[str] = mapped_column(String(40))
    rule_id: Mapped[int] = mapped_column(ForeignKey("rule_version.id"), comment="the list of events it was judged by")
    claim_id: Mapped[int | None] = mapped_column(ForeignKey("claim.id"), comment="whose points fall with it")
    happened_on: Mapped[date]
    reason: Mapped[long_text]
    deduct: Mapped[Decimal]
    state: Mapped[EventState] = mapped_column(default=EventState.NOTIFIED)
    notified_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    notified_at: Mapped[stamp]
    answer_until: Mapped[date] = mapped_column(comment="last working day for the answer")
    answer: Mapped[long_text] = mapped_column(default="")
    answered_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[long_text] = mapped_column(default="", comment="the reasons of the decision")
    ban_until: Mapped[date | None] = mapped_column(comment="no exam or certification before this day")
    appeal: Mapped[long_text] = mapped_column(default="")
    appealed_at: Mapped[datetime | None]
    appeal_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    appeal_at: Mapped[datetime | None]
    appeal_decision: Mapped[long_text] = mapped_column(default="")

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    notified_by: Mapped[Person] = relationship(foreign_keys=[notified_by_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
    claim: Mapped[Claim | None] = relationship()
    rule: Mapped[RuleVersion] = relationship()
    files: Mapped[list[IntegrityFile]] = relationship(back_populates="event", order_by="IntegrityFile.file_id")
    entries: Mapped[list[IntegrityEntry]] = relationship(back_populates="event", order_by="IntegrityEntry.id")


class IntegrityFile(Model):
    """Evidence of an integrity event, or of the answer to it."""

    __tablename__ = "integrity_file"
    event_id: Mapped[int] = mapped_column(ForeignKey("integrity_event.id"), primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), index=True, primary_key=True)
    by_holder: Mapped[bool] = mapped_column(default=False)

    event: Mapped[IntegrityEvent] = relationship(back_populates="files")
    file: Mapped[StoredFile] = relationship(lazy="joined", innerjoin=True)


class IntegrityEntry(Model):
    """One line of the integrity ledger: a deduction, its reversal after an appeal, or points given back by a repair. Only
    ever added."""

    __tablename__ = "integrity_entry"
    __table_args__ = (
        CheckConstraint(
            "reverses_id IS NOT NULL OR repair_id IS NOT NULL OR points <= 0", name="deduction_not_positive"
        ),
        CheckConstraint("(reverses_id IS NULL AND repair_id IS NULL) OR points >= 0", name="reversal_not_negative"),
        CheckConstraint("(event_id IS NULL) <> (repair_id IS NULL)", name="of_an_event_or_a_repair"),
    )
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    event_id: Mapped[int | None] = mapped_column(ForeignKey("integrity_event.id"), index=True)
    repair_id: Mapped[int | None] = mapped_column(ForeignKey("integrity_repair.id"), unique=True)
    points: Mapped[Decimal]
    dated: Mapped[date]
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("integrity_entry.id"), unique=True)
    created_at: Mapped[stamp]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    event: Mapped[IntegrityEvent | None] = relationship(back_populates="entries")
    repair: Mapped[IntegrityRepair | None] = relationship()


class HonourKind(StrEnum):
    GOLD = "gold"
    EXCELLENT = "excellent"


class Honour(Model):
    """An honour with year and awarding body (金牌技术经理人, 优秀技术经理人)."""

    __tablename__ = "honour"
    __table_args__ = (UniqueConstraint("person_id", "kind", "year", "body"),)
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[HonourKind]
    year: Mapped[int]
    body: Mapped[str] = mapped_column(String(160))
    recorded_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    recorded_at: Mapped[stamp]

    person: Mapped[Person] = relationship(foreign_keys=[person_id])


class LedgerIsAppendOnly(RuntimeError):
    """Somebody's code tried to change or delete a line of a ledger: that is a fault in the code."""


def _refuse(mapper: Any, connection: Any, row: Any) -> None:
    raise LedgerIsAppendOnly(repr(row))


for _ledger in (CreditEntry, IntegrityEntry):
    event.listen(_ledger, "before_delete", _refuse)


def _refuse_change(mapper: Any, connection: Any, row: Any) -> None:
    from sqlalchemy.orm import object_session

    session = object_session(row)
    if session is not None and session.is_modified(row, include_collections=False):
        raise LedgerIsAppendOnly(repr(row))


for _ledger in (CreditEntry, IntegrityEntry):
    event.listen(_ledger, "before_update", _refuse_change)
