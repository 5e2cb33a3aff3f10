"""People, organisations, regions, roles in scopes, and how people sign in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.permissions import GRANTS, Can, Role, Scope
from app.db import Model, long_text, pk, stamp

if TYPE_CHECKING:
    from app.files.models import StoredFile


class OrganisationKind(StrEnum):
    BASE = "base"
    UNIVERSITY = "university"
    INSTITUTE = "institute"
    ENTERPRISE = "enterprise"
    BROKER = "broker"
    GOVERNMENT = "government"
    OTHER = "other"


class IdKind(StrEnum):
    RESIDENT = "resident"
    PASSPORT = "passport"
    HK_MACAO_TAIWAN = "hmt_permit"


class PracticeKind(StrEnum):
    """从业类型: whom the manager works for (domain.md section 1)."""

    SUPPLY = "supply"
    MARKET = "market"
    OTHER = "other"


class Education(StrEnum):
    SECONDARY = "secondary"
    COLLEGE = "college"
    BACHELOR = "bachelor"
    MASTER = "master"
    DOCTOR = "doctor"


class TitleLevel(StrEnum):
    """职称 a person holds; several schemes take it instead of an earlier certificate."""

    NONE = "none"
    ASSISTANT = "assistant"
    MIDDLE = "middle"
    SENIOR = "senior"


class PersonState(StrEnum):
    ACTIVE = "active"
    ERASED = "erased"


class Region(Model):
    """An administrative region with an authority of its own. ``code``: the four digits used in numbers."""

    __tablename__ = "region"
    id: Mapped[pk]
    code: Mapped[str] = mapped_column(String(6), unique=True)
    name_zh: Mapped[str] = mapped_column(String(80))
    name_en: Mapped[str] = mapped_column(String(120))
    authority_zh: Mapped[str] = mapped_column(String(120), comment="legal name of the issuing authority")
    authority_en: Mapped[str] = mapped_column(String(160))
    ours: Mapped[bool] = mapped_column(default=True, comment="served by this site; others are only recognised")


class Organisation(Model):
    __tablename__ = "organisation"
    id: Mapped[pk]
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    kind: Mapped[OrganisationKind]
    name_zh: Mapped[str] = mapped_column(String(160), unique=True)
    name_en: Mapped[str] = mapped_column(String(200), default="")
    credit_code: Mapped[str | None] = mapped_column(String(18), unique=True, comment="统一社会信用代码")
    created_at: Mapped[stamp]

    region: Mapped[Region] = relationship(lazy="selectin")


class Person(Model):
    """Somebody known to the platform. Sensitive numbers are sealed; the hashes beside them find them again."""

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint("experience_years >= 0", name="experience_not_negative"),
        Index("ix_person_created_at_id", "created_at", "id"),
    )
    id: Mapped[pk]
    email: Mapped[str | None] = mapped_column(String(254), unique=True, comment="lower case; None once erased")
    email_confirmed_at: Mapped[datetime | None] = mapped_column(comment="the mailbox was shown to be theirs")
    name: Mapped[str] = mapped_column(String(100), index=True)
    name_latin: Mapped[str] = mapped_column(String(120), default="")
    password_hash: Mapped[str] = mapped_column(String(200), default="")
    locale: Mapped[str] = mapped_column(String(10), default="zh_Hans")
    state: Mapped[PersonState] = mapped_column(default=PersonState.ACTIVE)
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True, comment="employer")
    id_kind: Mapped[IdKind | None]
    id_sealed: Mapped[str | None] = mapped_column(String(300))
    id_lookup: Mapped[str | None] = mapped_column(String(64), unique=True)
    id_masked: Mapped[str] = mapped_column(String(40), default="")
    phone_sealed: Mapped[str | None] = mapped_column(String(300))
    phone_lookup: Mapped[str | None] = mapped_column(String(64), index=True)
    phone_masked: Mapped[str] = mapped_column(String(30), default="")
    practice_kind: Mapped[PracticeKind] = mapped_column(default=PracticeKind.OTHER)
    full_time: Mapped[bool] = mapped_column(default=True)
    education: Mapped[Education | None]
    experience_years: Mapped[int] = mapped_column(default=0, comment="whole years in technology transfer, as declared")
    title_level: Mapped[TitleLevel] = mapped_column(default=TitleLevel.NONE)
    title_years: Mapped[int] = mapped_column(default=0, comment="whole years since the title was conferred")
    field: Mapped[str] = mapped_column(String(80), default="", comment="技术领域")
    totp_sealed: Mapped[str | None] = mapped_column(String(300))
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int] = mapped_column(default=0, comment="the last time step used: a code works once")
    muted_letters: Mapped[list[str]] = mapped_column(default=list)
    created_at: Mapped[stamp]

    region: Mapped[Region | None] = relationship(lazy="selectin")
    organisation: Mapped[Organisation | None] = relationship(lazy="selectin")
    roles: Mapped[list[RoleHeld]] = relationship(back_populates="person", foreign_keys="RoleHeld.person_id")
    photo: Mapped[PersonPhoto | None] = relationship(back_populates="person")

    @property
    def role_kinds(self) -> set[Role]:
        return {held.role for held in self.roles if held.ended_at is None}

    def can(self, right: Can) -> bool:
        """True when a role held in any scope carries the right; which rows is for ``accounts.scope``."""
        return any(right in GRANTS[role] for role in self.role_kinds)

    @property
    def is_staff(self) -> bool:
        """Officers and helpers: must give a second factor."""
        return bool(self.role_kinds - {Role.EMPLOYER})


class PersonPhoto(Model):
    """The photo printed on the certificate and shown to the invigilator."""

    __tablename__ = "person_photo"
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), index=True)
    set_at: Mapped[stamp]

    person: Mapped[Person] = relationship(back_populates="photo")
    file: Mapped[StoredFile] = relationship()


class RoleHeld(Model):
    """A role held in a scope. ``scope_id`` is the id of the region, organisation or class; 0 for the site."""

    __tablename__ = "role_held"
    __table_args__ = (
        CheckConstraint("(scope = 'site') = (scope_id = 0)", name="site_has_no_id"),
        Index("ix_role_held_scope_scope_id", "scope", "scope_id"),
    )
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[Role]
    scope: Mapped[Scope]
    scope_id: Mapped[int] = mapped_column(default=0)
    granted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    granted_at: Mapped[stamp]
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(back_populates="roles", foreign_keys=[person_id])


class SignIn(Model):
    """A session: one browser signed in. The token is in the cookie, its hash here."""

    __tablename__ = "sign_in"
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[stamp]
    seen_at: Mapped[stamp]
    address_hash: Mapped[str] = mapped_column(String(64), default="")
    agent: Mapped[str] = mapped_column(String(200), default="")
    second_factor_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="joined")


class LinkPurpose(StrEnum):
    RESET = "reset"
    CONFIRM_EMAIL = "confirm_email"


class OneTimeLink(Model):
    """A link sent by mail that works once. The token itself is never stored."""

    __tablename__ = "one_time_link"
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    purpose: Mapped[LinkPurpose]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[stamp]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ConsentKind(StrEnum):
    TERMS = "terms"
    PUBLIC_REGISTER = "public_register"
    PHOTO = "photo"
    EXCHANGE = "exchange"
    CREDENTIAL = "credential"


class Consent(Model):
    """What somebody agreed to: which text, which version, when; and when it was withdrawn."""

    __tablename__ = "consent"
    __table_args__ = (UniqueConstraint("person_id", "kind", "receiver", "given_at"),)
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[ConsentKind]
    version: Mapped[str] = mapped_column(String(20))
    receiver: Mapped[str] = mapped_column(String(160), default="", comment="who receives data, where it names one")
    given_at: Mapped[stamp]
    withdrawn_at: Mapped[datetime | None]


class ErasureRequest(Model):
    """A person's wish to have their data erased, and what was done with it."""

    __tablename__ = "erasure_request"
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    asked_at: Mapped[stamp]
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    outcome: Mapped[long_text] = mapped_column(default="")
