"""What running a class leaves behind: offers of places, transfers, documents, leave, make-up, hours from elsewhere, feeds."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Model, long_text, pk, stamp

if TYPE_CHECKING:
    from app.accounts.models import Organisation, Person
    from app.files.models import StoredFile
    from app.training.models import ClassSession, Enrolment, HourEntry, TrainingClass


class OfferState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"
    VOID = "void"


class AskState(StrEnum):
    """Of a transfer and of leave: asked, then decided by the base or taken back."""

    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class MakeUpState(StrEnum):
    ASKED = "asked"
    PLANNED = "planned"
    DONE = "done"
    REFUSED = "refused"
    DROPPED = "dropped"


class Way(StrEnum):
    IN = "in"
    OUT = "out"


class Purpose(StrEnum):
    """Why hours from elsewhere are stated: for the training gate of a class, or as education after the certificate."""

    RECOGNITION = "recognition"
    CONTINUING = "continuing"


class ClaimState(StrEnum):
    SUBMITTED = "submitted"
    EXAMINED = "examined"
    GRANTED = "granted"
    RETURNED = "returned"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class PlaceOffer(Model):
    """A place offered to somebody on the waiting list until a moment. Once open per enrolment."""

    __tablename__ = "place_offer"
    __table_args__ = (
        Index(
            "uq_place_offer_one_open", "enrolment_id", unique=True, sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_place_offer_state_expires_at", "state", "expires_at"),
    )  # fmt: skip
    id: Mapped[pk]
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), index=True)
    offered_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    state: Mapped[OfferState] = mapped_column(default=OfferState.OPEN)
    answered_at: Mapped[datetime | None]

    enrolment: Mapped[Enrolment] = relationship()


class ClassTransfer(Model):
    """转班: from one enrolment to another class of the level, asked by the person or done by the base."""

    __tablename__ = "class_transfer"
    __table_args__ = (
        Index(
            "uq_class_transfer_one_asked", "enrolment_id", unique=True, sqlite_where=text("state = 'asked'"),
            postgresql_where=text("state = 'asked'"),
        ),
    )  # fmt: skip
    id: Mapped[pk]
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), index=True)
    to_class_id: Mapped[int] = mapped_column(ForeignKey("training_class.id"), index=True)
    state: Mapped[AskState] = mapped_column(default=AskState.ASKED)
    reason: Mapped[str] = mapped_column(String(1000), default="")
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    remark: Mapped[str] = mapped_column(String(1000), default="")

    enrolment: Mapped[Enrolment] = relationship()
    to_class: Mapped[TrainingClass] = relationship()


class EnrolmentDocument(Model):
    """A proof handed in with an enrolment: of which kind (a row of the rule) and which file."""

    __tablename__ = "enrolment_document"
    id: Mapped[pk]
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), index=True)
    code: Mapped[str] = mapped_column(String(40))
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), index=True)
    added_at: Mapped[stamp]

    file: Mapped[StoredFile] = relationship()


class SignStamp(Model):
    """When a person signed in or out by phone, and by which phone (a random mark of the browser, hashed)."""

    __tablename__ = "sign_stamp"
    __table_args__ = (UniqueConstraint("session_id", "person_id", "way"),)
    id: Mapped[pk]
    session_id: Mapped[int] = mapped_column(ForeignKey("class_session.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    way: Mapped[Way]
    at: Mapped[datetime]
    device: Mapped[str] = mapped_column(String(32), default="")


class LeaveRequest(Model):
    """请假 for one period. Granted leave is excused and earns no hours."""

    __tablename__ = "leave_request"
    __table_args__ = (UniqueConstraint("session_id", "person_id"),)
    id: Mapped[pk]
    session_id: Mapped[int] = mapped_column(ForeignKey("class_session.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    state: Mapped[AskState] = mapped_column(default=AskState.ASKED)
    reason: Mapped[str] = mapped_column(String(1000))
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), index=True)
    asked_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    remark: Mapped[str] = mapped_column(String(1000), default="")

    session: Mapped[ClassSession] = relationship()
    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    file: Mapped[StoredFile | None] = relationship()


class MakeUp(Model):
    """补课: a period missed in one class is heard in another class, within the term of the rule."""

    __tablename__ = "make_up"
    __table_args__ = (
        Index(
            "uq_make_up_one_alive", "person_id", "missed_session_id", unique=True,
            sqlite_where=text("state IN ('asked', 'planned', 'done')"),
            postgresql_where=text("state IN ('asked', 'planned', 'done')"),
        ),
    )  # fmt: skip
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    missed_session_id: Mapped[int] = mapped_column(ForeignKey("class_session.id"), index=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("class_session.id"), index=True)
    state: Mapped[MakeUpState] = mapped_column(default=MakeUpState.ASKED)
    asked_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    remark: Mapped[str] = mapped_column(String(1000), default="")

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    missed: Mapped[ClassSession] = relationship(foreign_keys=[missed_session_id])
    session: Mapped[ClassSession] = relationship(foreign_keys=[session_id])


class HourClaim(Model):
    """学时认定: hours earned elsewhere, with proof; one officer examines, another decides."""

    __tablename__ = "hour_claim"
    __table_args__ = (
        CheckConstraint("hours > 0", name="hours_positive"),
        CheckConstraint("until_on >= from_on", name="until_after_from"),
        CheckConstraint("decided_by_id IS NULL OR decided_by_id <> examined_by_id", name="two_people"),
        Index("ix_hour_claim_organisation_id_state", "organisation_id", "state"),
    )
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    purpose: Mapped[Purpose]
    level: Mapped[int] = mapped_column(comment="0 for continuing education")
    enrolment_id: Mapped[int | None] = mapped_column(ForeignKey("enrolment.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    module: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(200))
    provider: Mapped[str] = mapped_column(String(200))
    from_on: Mapped[date]
    until_on: Mapped[date]
    hours: Mapped[Decimal] = mapped_column(comment="as stated by the person")
    about: Mapped[long_text] = mapped_column(default="")
    state: Mapped[ClaimState] = mapped_column(default=ClaimState.SUBMITTED)
    submitted_at: Mapped[datetime]
    recommended: Mapped[Decimal | None]
    examined_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    examined_at: Mapped[datetime | None]
    examiner_remark: Mapped[str] = mapped_column(String(1000), default="")
    granted: Mapped[Decimal | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    remark: Mapped[str] = mapped_column(String(1000), default="", comment="read by the person")
    working: Mapped[dict[str, Any]] = mapped_column(default=dict)
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("hour_entry.id"), unique=True)

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    organisation: Mapped[Organisation] = relationship()
    enrolment: Mapped[Enrolment | None] = relationship()
    examined_by: Mapped[Person | None] = relationship(foreign_keys=[examined_by_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
    entry: Mapped[HourEntry | None] = relationship()
    proofs: Mapped[list[HourClaimProof]] = relationship(back_populates="claim", order_by="HourClaimProof.id")


class HourClaimProof(Model):
    __tablename__ = "hour_claim_proof"
    id: Mapped[pk]
    claim_id: Mapped[int] = mapped_column(ForeignKey("hour_claim.id"), index=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), index=True)

    claim: Mapped[HourClaim] = relationship(back_populates="proofs")
    file: Mapped[StoredFile] = relationship()


class ContinuingEvent(Model):
    """继续教育活动: a seminar or a lecture a base held for people with a certificate. Who took part stands in the ledger."""

    __tablename__ = "continuing_event"
    __table_args__ = (
        UniqueConstraint("organisation_id", "from_on", "title"),
        CheckConstraint("hours > 0", name="hours_positive"),
        CheckConstraint("until_on >= from_on", name="until_after_from"),
    )
    id: Mapped[pk]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    module: Mapped[str] = mapped_column(String(20))
    from_on: Mapped[date]
    until_on: Mapped[date]
    hours: Mapped[Decimal] = mapped_column(comment="class hours of each participant")
    created_at: Mapped[stamp]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    organisation: Mapped[Organisation] = relationship()


class CalendarFeed(Model):
    """The secret address of a person's calendar: ``round`` rises when a new address is asked for, the old one ends."""

    __tablename__ = "calendar_feed"
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), unique=True)
    round: Mapped[int] = mapped_column(default=1)
    made_at: Mapped[stamp]


class ClassReminder(Model):
    """The letter before a class begins went out to this enrolment."""

    __tablename__ = "class_reminder"
    id: Mapped[pk]
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), unique=True)
    at: Mapped[datetime]
