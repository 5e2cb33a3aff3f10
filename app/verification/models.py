"""What was asked of the verification; links that holders share; registered employers with their keys."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Model, long_text, pk, stamp
from app.verification.states import RegistrationState

if TYPE_CHECKING:
    from app.accounts.models import Organisation, Person, Region
    from app.certification.models import Certificate
    from app.jobs.models import Job


class VerificationQuery(Model):
    """One query. What visitors typed is not kept, their address only as a keyed hash; registered employers' queries name
    them, and keep the number they asked for, for their own history and the holder's."""

    __tablename__ = "verification_query"
    __table_args__ = (
        Index("ix_verification_query_certificate_id_at", "certificate_id", "at"),
        Index("ix_verification_query_organisation_id_at", "organisation_id", "at"),
    )
    id: Mapped[pk]
    number: Mapped[str] = mapped_column(String(24), unique=True, comment="query number shown with the answer")
    at: Mapped[datetime] = mapped_column(index=True)
    address_hash: Mapped[str] = mapped_column(String(64), default="")
    way: Mapped[str] = mapped_column(String(10), comment="page, code (QR), file, link, sheet or api")
    outcome: Mapped[str] = mapped_column(String(20))
    certificate_id: Mapped[int | None] = mapped_column(ForeignKey("certificate.id"), comment="only where it was shown")
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), comment="a registered employer")
    typed: Mapped[str] = mapped_column(String(60), default="", comment="number asked for; registered employers only")

    certificate: Mapped[Certificate | None] = relationship()


class ShareLink(Model):
    """授权核验: what a holder lets somebody see, until when. The token itself is never stored."""

    __tablename__ = "share_link"
    id: Mapped[pk]
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    receiver: Mapped[str] = mapped_column(String(160), comment="for whom, in the holder's words")
    purpose: Mapped[str] = mapped_column(String(200), default="")
    shows: Mapped[list[str]] = mapped_column(comment="what beyond level, state and dates is shown")
    created_at: Mapped[stamp]
    expires_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]

    certificate: Mapped[Certificate] = relationship()
    looks: Mapped[list[ShareLook]] = relationship(back_populates="link", order_by="ShareLook.id.desc()")


class ShareLook(Model):
    """A shared link was opened; by whom only where a registered employer did."""

    __tablename__ = "share_look"
    id: Mapped[pk]
    link_id: Mapped[int] = mapped_column(ForeignKey("share_link.id"), index=True)
    at: Mapped[datetime]
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))

    link: Mapped[ShareLink] = relationship(back_populates="looks")
    organisation: Mapped[Organisation | None] = relationship()


class EmployerRegistration(Model):
    """用人单位注册: who asks to check many certificates, for what; an officer decides."""

    __tablename__ = "employer_registration"
    __table_args__ = (
        Index(
            "uq_employer_registration_one_open", "person_id", unique=True, sqlite_where=text("state = 'submitted'"),
            postgresql_where=text("state = 'submitted'"),
        ),
        Index("ix_employer_registration_region_id_state", "region_id", "state"),
    )  # fmt: skip
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    name: Mapped[str] = mapped_column(String(160))
    credit_code: Mapped[str] = mapped_column(String(18), comment="统一社会信用代码", index=True)
    contact: Mapped[str] = mapped_column(String(100), comment="who answers for the checks")
    phone: Mapped[str] = mapped_column(String(40), default="")
    purpose: Mapped[long_text] = mapped_column(comment="what the checks are for")
    state: Mapped[RegistrationState] = mapped_column(default=RegistrationState.SUBMITTED)
    submitted_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    remark: Mapped[long_text] = mapped_column(default="", comment="reason told to the applicant")
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    region: Mapped[Region] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])


class SheetCheck(Model):
    """表格核验: whose a checked spreadsheet is. What stood in it lies with its job and goes with it after thirty days."""

    __tablename__ = "sheet_check"
    __table_args__ = (Index("ix_sheet_check_organisation_id_job_id", "organisation_id", "job_id"),)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))

    job: Mapped[Job] = relationship()


class ApiKey(Model):
    """接口密钥: shown once, kept as a hash. ``expires_at`` is set by a rotation, so that both work for a while."""

    __tablename__ = "api_key"
    __table_args__ = (CheckConstraint("quota > 0", name="quota_positive"),)
    id: Mapped[pk]
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    prefix: Mapped[str] = mapped_column(String(16), unique=True, comment="the part by which it is found and named")
    secret_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]]
    quota: Mapped[int] = mapped_column(comment="rows a day")
    created_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[stamp]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    organisation: Mapped[Organisation] = relationship()
    uses: Mapped[list[ApiUse]] = relationship(back_populates="key", order_by="ApiUse.day.desc()")

    def works_at(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class ApiUse(Model):
    """How many rows a key has asked for on a day."""

    __tablename__ = "api_use"
    __table_args__ = (UniqueConstraint("key_id", "day"),)
    id: Mapped[pk]
    key_id: Mapped[int] = mapped_column(ForeignKey("api_key.id"))
    day: Mapped[date]
    rows: Mapped[int]
    last_at: Mapped[datetime]

    key: Mapped[ApiKey] = relationship(back_populates="uses")
