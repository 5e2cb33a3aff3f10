"""委托代理: mandates, who acted for them, the client's opinion, complaints (domain.md section 6b)."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Organisation, Person
from app.db import Model, long_text, pk, stamp
from app.notices.models import MailState
from app.performance.mandate_states import ComplaintState, MandateState, Side

if TYPE_CHECKING:
    from app.files.models import StoredFile
    from app.performance.models import IntegrityEvent


class Mandate(Model):
    """What a client has entrusted to an organisation, and the manager who acts. The organisation accepts, the manager signs."""

    __tablename__ = "mandate"
    __table_args__ = (
        CheckConstraint("ends_on >= starts_on", name="ends_after_it_starts"),
        CheckConstraint("state <> 'deal' OR contract_number <> ''", name="deal_has_a_contract"),
        CheckConstraint("accepted_by_id IS NULL OR accepted_by_id <> person_id", name="accepted_by_another"),
        Index("ix_mandate_state_ends_on", "state", "ends_on"),
    )
    id: Mapped[pk]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True, comment="受托机构")
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True, comment="经办人")
    certificate_number: Mapped[str] = mapped_column(String(40), default="", comment="held when the manager signed")
    project: Mapped[str] = mapped_column(String(200))
    side: Mapped[Side]
    client_name: Mapped[str] = mapped_column(String(160), comment="委托方; for both sides the supplier")
    client_contact: Mapped[str] = mapped_column(String(100), default="")
    client_email: Mapped[str] = mapped_column(String(254), default="")
    consented_on: Mapped[date | None] = mapped_column(comment="both sides: written consent of the supplier")
    other_name: Mapped[str] = mapped_column(String(160), default="", comment="both sides: the party that seeks")
    other_consented_on: Mapped[date | None]
    scope: Mapped[long_text]
    exclusive: Mapped[bool] = mapped_column(default=False)
    starts_on: Mapped[date]
    ends_on: Mapped[date] = mapped_column(comment="last day")
    commission: Mapped[long_text] = mapped_column(comment="how the commission is reckoned, in words")
    conflict: Mapped[long_text] = mapped_column(comment="statement on conflicts of interest")
    state: Mapped[MandateState]
    created_at: Mapped[stamp]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    signed_at: Mapped[datetime | None] = mapped_column(comment="by the manager")
    accepted_at: Mapped[datetime | None] = mapped_column(comment="by the organisation")
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    remark: Mapped[long_text] = mapped_column(default="", comment="what the organisation or the manager wrote last")
    ended_on: Mapped[date | None]
    contract_number: Mapped[str] = mapped_column(String(40), default="", comment="登记编号 of the deal, normalised")

    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)
    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    holders: Mapped[list[MandateHolder]] = relationship(back_populates="mandate", order_by="MandateHolder.id")
    files: Mapped[list[MandateFile]] = relationship(back_populates="mandate", order_by="MandateFile.file_id")
    opinion: Mapped[MandateOpinion | None] = relationship(back_populates="mandate", uselist=False)
    complaints: Mapped[list[Complaint]] = relationship(back_populates="mandate", order_by="Complaint.id")


class MandateHolder(Model):
    """Who acted for a mandate, and from when to when."""

    __tablename__ = "mandate_holder"
    id: Mapped[pk]
    mandate_id: Mapped[int] = mapped_column(ForeignKey("mandate.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    certificate_number: Mapped[str] = mapped_column(String(40))
    since: Mapped[date]
    until: Mapped[date | None]
    because: Mapped[str] = mapped_column(default="", comment="why another manager took over")

    mandate: Mapped[Mandate] = relationship(back_populates="holders")
    person: Mapped[Person] = relationship()


class MandateFile(Model):
    """The mandate as signed, consents, what belongs to it."""

    __tablename__ = "mandate_file"
    mandate_id: Mapped[int] = mapped_column(ForeignKey("mandate.id"), primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), primary_key=True, index=True)

    mandate: Mapped[Mandate] = relationship(back_populates="files")
    file: Mapped[StoredFile] = relationship(lazy="joined", innerjoin=True)


class MandateOpinion(Model):
    """The client's opinion, asked by a mail with a link that works once. The row is the outbox of that mail: the client
    has no account, so no notice of the site."""

    __tablename__ = "mandate_opinion"
    __table_args__ = (
        CheckConstraint("score IS NULL OR (score >= 1 AND score <= 5)", name="score_is_1_to_5"),
        CheckConstraint("(score IS NULL) = (given_at IS NULL)", name="given_with_a_score"),
        Index("ix_mandate_opinion_mail", "mail_state", "next_try_at"),
    )
    id: Mapped[pk]
    mandate_id: Mapped[int] = mapped_column(ForeignKey("mandate.id"), unique=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    link_sealed: Mapped[str | None] = mapped_column(comment="emptied once the mail is sent")
    asked_at: Mapped[stamp]
    usable_until: Mapped[date]
    mail_state: Mapped[MailState] = mapped_column(default=MailState.WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    given_at: Mapped[datetime | None]
    score: Mapped[int | None]
    comment: Mapped[long_text] = mapped_column(default="")

    mandate: Mapped[Mandate] = relationship(back_populates="opinion")


class Complaint(Model):
    """A client's complaint about the manager of a mandate. Substantiated, it becomes an integrity notice."""

    __tablename__ = "mandate_complaint"
    __table_args__ = (Index("ix_mandate_complaint_state", "state"),)
    id: Mapped[pk]
    mandate_id: Mapped[int] = mapped_column(ForeignKey("mandate.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True, comment="the manager it is about")
    received_on: Mapped[date]
    words: Mapped[long_text]
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), comment="empty: by the client's link")
    state: Mapped[ComplaintState] = mapped_column(default=ComplaintState.OPEN)
    finding: Mapped[long_text] = mapped_column(default="")
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    settled_at: Mapped[datetime | None]
    event_id: Mapped[int | None] = mapped_column(ForeignKey("integrity_event.id"))

    mandate: Mapped[Mandate] = relationship(back_populates="complaints")
    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    event: Mapped[IntegrityEvent | None] = relationship()
