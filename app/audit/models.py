"""The log of deeds. Rows are only added; what may have to be erased stands beside the chain, not in it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Model, stamp

BigKey = BigInteger().with_variant(Integer, "sqlite")


class AuditEntry(Model):
    """Who did what to what, when. ``details_hash`` covers the salted payload, ``leaf`` everything."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_about_about_id", "about", "about_id"),)
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at: Mapped[stamp] = mapped_column(index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    deed: Mapped[str] = mapped_column(String(60), index=True)
    about: Mapped[str] = mapped_column(String(60), comment="table name of the thing")
    about_id: Mapped[int | None] = mapped_column(BigInteger)
    details_hash: Mapped[str] = mapped_column(String(64), comment="SHA-256 of salt and payload")
    leaf: Mapped[str] = mapped_column(String(64), comment="SHA-256 of this row's fields and details_hash")

    details: Mapped[AuditDetails | None] = relationship(back_populates="entry")


class AuditDetails(Model):
    """The erasable part: reason, before and after, address. Erasing it keeps the chain whole and shows as erased."""

    __tablename__ = "audit_details"
    entry_id: Mapped[int] = mapped_column(ForeignKey("audit_entry.id"), primary_key=True)
    salt: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]]

    entry: Mapped[AuditEntry] = relationship(back_populates="details")


class AuditSeal(Model):
    """A batch of entries sealed: the hash of the seal before and of the leaves in their order."""

    __tablename__ = "audit_seal"
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    at: Mapped[stamp]
    count: Mapped[int]
    previous: Mapped[str] = mapped_column(String(64), unique=True, comment="hash of the seal before; 64 zeros first")
    hash: Mapped[str] = mapped_column(String(64), unique=True)


class AuditSealed(Model):
    """Which entry stands where in which seal."""

    __tablename__ = "audit_sealed"
    __table_args__ = (UniqueConstraint("seal_id", "position"),)
    entry_id: Mapped[int] = mapped_column(ForeignKey("audit_entry.id"), primary_key=True)
    seal_id: Mapped[int] = mapped_column(ForeignKey("audit_seal.id"))
    position: Mapped[int]
