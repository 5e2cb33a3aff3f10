"""What proves certificates: the public part of keys, the bits of status lists, and the signed lists as they are served."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Model, long_text, pk, stamp


class KeyKind(StrEnum):
    """What a key signs: credentials and status lists (Ed25519), or PDF files (EC P-256 with an X.509 chain)."""

    CREDENTIAL = "credential"
    DOCUMENT = "document"


class IssuerKey(Model):
    """签发密钥: the public part alone. The private part is an encrypted PKCS#12 file that only the worker opens.

    Keys that no longer sign stay listed, so that what they signed still proves itself.
    """

    __tablename__ = "issuer_key"
    __table_args__ = (
        UniqueConstraint("authority", "kind", "fragment"),
        Index(
            "uq_issuer_key_one_signs", "authority", "kind", unique=True, sqlite_where=text("retired_at IS NULL"),
            postgresql_where=text("retired_at IS NULL"),
        ),
    )  # fmt: skip
    id: Mapped[pk]
    authority: Mapped[str] = mapped_column(String(12), comment="code of the region, or site")
    kind: Mapped[KeyKind]
    did: Mapped[str] = mapped_column(String(300))
    public_url: Mapped[str] = mapped_column(String(300), comment="address of the site when the key was made; fixed")
    fragment: Mapped[str] = mapped_column(String(60), comment="name of the key in the did document")
    multibase: Mapped[str] = mapped_column(String(100), default="", comment="public part of a credential key")
    chain: Mapped[long_text] = mapped_column(
        default="", comment="PEM of a document signer, its own first, the root last"
    )
    file_name: Mapped[str] = mapped_column(String(160), comment="the encrypted file in the folder of keys")
    trial: Mapped[bool] = mapped_column(comment="of the platform's own trial authority, or of a demonstration")
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime]
    created_at: Mapped[stamp]
    retired_at: Mapped[datetime | None] = mapped_column(comment="signs nothing new since then")
    warned_at: Mapped[datetime | None] = mapped_column(comment="the operator was told that it ends soon")


class Purpose(StrEnum):
    REVOCATION = "revocation"
    SUSPENSION = "suspension"


class StatusList(Model):
    """状态列表: a pair of bit strings (revocation, suspension) of one authority. A new one opens when it is half full."""

    __tablename__ = "status_list"
    __table_args__ = (UniqueConstraint("authority", "no"), CheckConstraint("size >= 131072", name="large_enough"))
    id: Mapped[pk]
    authority: Mapped[str] = mapped_column(String(12), comment="code of the region, or site")
    no: Mapped[int]
    url: Mapped[str] = mapped_column(String(400), unique=True, comment="address of the revocation list; in credentials")
    size: Mapped[int] = mapped_column(comment="bits")
    used: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1, comment="raised with every change of a bit")
    changed_at: Mapped[stamp]
    opened_at: Mapped[stamp]

    signed: Mapped[list[SignedList]] = relationship(back_populates="list", order_by="SignedList.purpose")


class SignedList(Model):
    """The signed bytes of one list, as they are served. Stale while its version is not the list's."""

    __tablename__ = "signed_list"
    __table_args__ = (UniqueConstraint("list_id", "purpose"),)
    id: Mapped[pk]
    list_id: Mapped[int] = mapped_column(ForeignKey("status_list.id"))
    purpose: Mapped[Purpose]
    version: Mapped[int] = mapped_column(default=0, comment="of the list it was built from; 0: not signed yet")
    body: Mapped[long_text] = mapped_column(default="")
    etag: Mapped[str] = mapped_column(String(64), default="", comment="SHA-256 of body")
    signed_at: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(default="", comment="why the last attempt to sign failed")
    failed_at: Mapped[datetime | None] = mapped_column(comment="since when signing fails")
    tried_at: Mapped[datetime | None] = mapped_column(comment="the last attempt that failed")
    warned_at: Mapped[datetime | None]

    list: Mapped[StatusList] = relationship(back_populates="signed")


class StatusEntry(Model):
    """One credential's place in a list, drawn at random, and its two bits."""

    __tablename__ = "status_entry"
    __table_args__ = (
        UniqueConstraint("list_id", "position"),
        Index(
            "ix_status_entry_set", "list_id", sqlite_where=text("revoked OR suspended"),
            postgresql_where=text("revoked OR suspended"),
        ),
    )  # fmt: skip
    id: Mapped[pk]
    list_id: Mapped[int] = mapped_column(ForeignKey("status_list.id"))
    position: Mapped[int] = mapped_column(comment="index of the bit")
    revoked: Mapped[bool] = mapped_column(default=False)
    suspended: Mapped[bool] = mapped_column(default=False)

    list: Mapped[StatusList] = relationship()
