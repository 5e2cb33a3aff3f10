"""Applications, public notices, certificates with their editions, and what was decided about them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, event, inspect, text
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from app.certification.proof_models import IssuerKey, KeyKind, Purpose, SignedList, StatusEntry, StatusList
from app.certification.states import Change, EditionKind, RenewalState, Standing, State
from app.db import Model, long_text, pk, stamp

if TYPE_CHECKING:
    from app.accounts.models import Person, Region
    from app.files.models import StoredFile
    from app.outline.models import RuleVersion

_OPEN = "state IN ('submitted', 'returned', 'in_review', 'publicity', 'objection', 'refusal_proposed')"


class Application(Model):
    """认定申请: one person asks for one level. The evidence is frozen when it is submitted, and again when decided."""

    __tablename__ = "application"
    __table_args__ = (
        Index(
            "uq_application_one_open", "person_id", "rank", unique=True, sqlite_where=text(_OPEN), postgresql_where=text(_OPEN)
        ),
        Index("ix_application_region_id_state", "region_id", "state"),
        Index("ix_application_state_submitted_at", "state", "submitted_at"),
        CheckConstraint("decided_by_id IS NULL OR decided_by_id <> reviewed_by_id", name="two_people"),
    )  # fmt: skip
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    rank: Mapped[int]
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    scheme_id: Mapped[int] = mapped_column(ForeignKey("rule_version.id"), comment="the scheme version it is judged by")
    state: Mapped[State] = mapped_column(default=State.SUBMITTED)
    unit_name: Mapped[str] = mapped_column(default="", comment="organisation as shown on the public notice")
    class_name: Mapped[str] = mapped_column(default="", comment="training class as shown on the public notice")
    evidence: Mapped[dict[str, Any]] = mapped_column(
        comment="what was judged, frozen; never changed but by a new submission"
    )
    evidence_hash: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the canonical JSON of evidence")
    submitted_at: Mapped[datetime]
    reviewed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reviewed_at: Mapped[datetime | None]
    published_on: Mapped[date | None]
    notice_ends_on: Mapped[date | None] = mapped_column(index=True, comment="last day of the public notice")
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    remark: Mapped[long_text] = mapped_column(default="", comment="last word to the applicant")

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    region: Mapped[Region] = relationship()
    scheme: Mapped[RuleVersion] = relationship()
    reviewed_by: Mapped[Person | None] = relationship(foreign_keys=[reviewed_by_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
    events: Mapped[list[ApplicationEvent]] = relationship(back_populates="application", order_by="ApplicationEvent.id")
    objections: Mapped[list[Objection]] = relationship(back_populates="application", order_by="Objection.id")
    certificate: Mapped[Certificate | None] = relationship(back_populates="application")


class ApplicationEvent(Model):
    """One step of an application, for its history: who, when, which move, with what words."""

    __tablename__ = "application_event"
    id: Mapped[pk]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    move: Mapped[str] = mapped_column(String(40))
    note: Mapped[long_text] = mapped_column(default="")

    application: Mapped[Application] = relationship(back_populates="events")
    by: Mapped[Person | None] = relationship()


class Objection(Model):
    """异议: what anybody says against an application on public notice, and how it was handled."""

    __tablename__ = "objection"
    id: Mapped[pk]
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    contact: Mapped[str] = mapped_column(String(200), comment="seen by the office alone")
    grounds: Mapped[long_text]
    made_at: Mapped[datetime]
    upheld: Mapped[bool | None] = mapped_column(comment="None while open")
    finding: Mapped[long_text] = mapped_column(default="")
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    application: Mapped[Application] = relationship(back_populates="objections")
    settled_by: Mapped[Person | None] = relationship()


class NumberCounter(Model):
    """The last serial given per region, year and level. Raised in the transaction of the issue: no gap, no double."""

    __tablename__ = "number_counter"
    __table_args__ = (UniqueConstraint("region_code", "year", "rank"),)
    id: Mapped[pk]
    region_code: Mapped[str] = mapped_column(String(12))
    year: Mapped[int]
    rank: Mapped[int]
    last: Mapped[int]


class Certificate(Model):
    """证书: keeps its number for life. What is printed stands in the editions."""

    __tablename__ = "certificate"
    __table_args__ = (
        UniqueConstraint("region_code", "year", "rank", "serial"),
        Index("ix_certificate_region_id_rank", "region_id", "rank"),
        Index("ix_certificate_standing_valid_until", "standing", "valid_until"),
    )
    id: Mapped[pk]
    holder_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id"), index=True, comment="None: issued before the platform, its holder has no account yet"
    )
    holder_name: Mapped[str] = mapped_column(String(200), default="", index=True, comment="as on the current edition")
    earlier: Mapped[bool] = mapped_column(default=False, comment="issued before the platform, taken over from a list")
    application_id: Mapped[int | None] = mapped_column(ForeignKey("application.id"), unique=True)
    rank: Mapped[int]
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    number: Mapped[str] = mapped_column(
        String(40), unique=True, comment="printed on the certificate, typed by employers"
    )
    region_code: Mapped[str] = mapped_column(String(12))
    year: Mapped[int | None]
    serial: Mapped[int | None]
    token: Mapped[str] = mapped_column(String(40), unique=True, comment="160 bits, the QR code's address")
    name_key: Mapped[str] = mapped_column(String(200), comment="holder's name as names.comparable gives it")
    first_issued_on: Mapped[date]
    issued_on: Mapped[date] = mapped_column(comment="of the current edition")
    valid_until: Mapped[date | None] = mapped_column(comment="of the current edition; last valid day")
    standing: Mapped[Standing] = mapped_column(default=Standing.GOOD)
    standing_since: Mapped[date | None]
    created_at: Mapped[stamp]

    holder: Mapped[Person | None] = relationship()
    region: Mapped[Region] = relationship()
    application: Mapped[Application | None] = relationship(back_populates="certificate")
    editions: Mapped[list[Edition]] = relationship(back_populates="certificate", order_by="Edition.no")
    changes: Mapped[list[StatusChange]] = relationship(back_populates="certificate", order_by="StatusChange.id")

    @property
    def current(self) -> Edition:
        """The edition in force; the others are superseded (已被替代)."""
        return self.editions[-1]


UNMADE = "credential_file_id IS NULL OR pdf_file_id IS NULL"


class Edition(Model):
    """版次: what was certified, as an immutable snapshot; the PDF is made from it alone and may be made again."""

    __tablename__ = "edition"
    __table_args__ = (
        UniqueConstraint("certificate_id", "no"),
        Index("ix_edition_unmade", "issued_at", sqlite_where=text(UNMADE), postgresql_where=text(UNMADE)),
    )
    id: Mapped[pk]
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"))
    no: Mapped[int]
    kind: Mapped[EditionKind]
    issued_on: Mapped[date]
    valid_until: Mapped[date | None]
    snapshot: Mapped[dict[str, Any]]
    snapshot_hash: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the canonical JSON of snapshot")
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    issued_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(default="", comment="why a correction or reprint was made")
    pdf_file_id: Mapped[int | None] = mapped_column(
        ForeignKey("stored_file.id"), index=True, comment="None: being made"
    )
    credential_file_id: Mapped[int | None] = mapped_column(
        ForeignKey("stored_file.id"), index=True, comment="the signed credential, byte for byte as attached in the PDF"
    )
    status_entry_id: Mapped[int | None] = mapped_column(ForeignKey("status_entry.id"), unique=True)
    credential_key_id: Mapped[int | None] = mapped_column(ForeignKey("issuer_key.id"), index=True)
    document_key_id: Mapped[int | None] = mapped_column(ForeignKey("issuer_key.id"), index=True)
    asked_at: Mapped[datetime | None] = mapped_column(comment="when the sweep last asked for what is missing")
    trouble: Mapped[dict[str, Any] | None] = mapped_column(
        comment="why the last attempt at PDF and credential failed (code, words); None: it did not"
    )
    trouble_at: Mapped[datetime | None]

    certificate: Mapped[Certificate] = relationship(back_populates="editions")
    pdf: Mapped[StoredFile | None] = relationship(foreign_keys=[pdf_file_id])
    credential: Mapped[StoredFile | None] = relationship(foreign_keys=[credential_file_id])
    status_entry: Mapped[StatusEntry | None] = relationship()


class StatusChange(Model):
    """A decision on an issued certificate; revoking and cancelling wait for a second person."""

    __tablename__ = "status_change"
    __table_args__ = (
        CheckConstraint("kind IN ('suspend', 'restore') OR decided_by_id IS NULL OR decided_by_id <> proposed_by_id",
                        name="two_people"),
        CheckConstraint(
            "(received_on IS NULL) = (statement_file_id IS NULL) AND (received_on IS NULL OR stated_at IS NOT NULL)",
            name="paper_has_day_and_scan",
        ),
    )  # fmt: skip
    id: Mapped[pk]
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), index=True)
    kind: Mapped[Change]
    reason: Mapped[long_text]
    reason_code: Mapped[str] = mapped_column(String(40), default="", comment="code of the rule change_reasons")
    hearing_until: Mapped[date | None] = mapped_column(comment="last day for the holder's statement; None: no term")
    statement: Mapped[long_text] = mapped_column(default="", comment="what the holder says to the proposed decision")
    stated_at: Mapped[datetime | None]
    received_on: Mapped[date | None] = mapped_column(comment="day a statement on paper arrived; None: made on the page")
    statement_file_id: Mapped[int | None] = mapped_column(
        ForeignKey("stored_file.id"), index=True, comment="scan of a statement on paper"
    )
    stated_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("person.id"), comment="officer who entered a statement on paper; None: the holder on the page"
    )
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    in_force: Mapped[bool | None] = mapped_column(comment="None while proposed; False when the second person said no")
    finding: Mapped[long_text] = mapped_column(default="")

    certificate: Mapped[Certificate] = relationship(back_populates="changes")
    proposed_by: Mapped[Person | None] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
    stated_by: Mapped[Person | None] = relationship(foreign_keys=[stated_by_id])
    statement_file: Mapped[StoredFile | None] = relationship(foreign_keys=[statement_file_id])


class Renewal(Model):
    """续期: the holder states the continuing-education hours with proof; an officer checks and a new edition is issued."""

    __tablename__ = "renewal"
    __table_args__ = (
        Index(
            "uq_renewal_one_open", "certificate_id", unique=True, sqlite_where=text("state IN ('submitted', 'returned')"),
            postgresql_where=text("state IN ('submitted', 'returned')"),
        ),
    )  # fmt: skip
    id: Mapped[pk]
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), index=True)
    state: Mapped[RenewalState] = mapped_column(default=RenewalState.SUBMITTED)
    hours: Mapped[Decimal]
    policy_hours: Mapped[Decimal]
    proof_file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), index=True)
    scheme_id: Mapped[int] = mapped_column(ForeignKey("rule_version.id"))
    evidence: Mapped[dict[str, Any]]
    submitted_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    remark: Mapped[long_text] = mapped_column(default="")
    edition_id: Mapped[int | None] = mapped_column(ForeignKey("edition.id"))

    certificate: Mapped[Certificate] = relationship()
    proof: Mapped[StoredFile] = relationship()
    scheme: Mapped[RuleVersion] = relationship()
    decided_by: Mapped[Person | None] = relationship()


class Reminder(Model):
    """An expiry reminder that went out (or was overtaken by a later one): each once per edition."""

    __tablename__ = "expiry_reminder"
    __table_args__ = (UniqueConstraint("edition_id", "days"),)
    id: Mapped[pk]
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id"))
    days: Mapped[int]
    at: Mapped[datetime]


class AuthoritySeal(Model):
    """The picture of an authority's seal from a moment on: only added to, the newest row counts. Without file: drawn."""

    __tablename__ = "authority_seal"
    id: Mapped[pk]
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), index=True)
    set_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    set_at: Mapped[datetime]

    file: Mapped[StoredFile | None] = relationship()
    set_by: Mapped[Person | None] = relationship()


__all__ = [
    "Application",
    "ApplicationEvent",
    "AuthoritySeal",
    "Certificate",
    "Edition",
    "IssuerKey",
    "KeyKind",
    "NumberCounter",
    "Objection",
    "Purpose",
    "Reminder",
    "Renewal",
    "SignedList",
    "StatusChange",
    "StatusEntry",
    "StatusList",
]


FIXED = ("certificate_id", "no", "kind", "issued_on", "valid_until", "snapshot", "snapshot_hash", "issued_at")


@event.listens_for(Edition, "before_update")
def _editions_stay(mapper: Mapper[Any], connection: Any, edition: Edition) -> None:
    """What was certified is never edited; only the PDF is attached later."""
    changed = [name for name in FIXED if inspect(edition).attrs[name].history.has_changes()]
    if changed:
        raise ValueError(f"edition {edition.id} is fixed: {', '.join(changed)}")


from app.certification import earlier_models as earlier_models  # noqa: E402 - its tables belong to this room
