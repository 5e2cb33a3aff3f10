"""Files people hand in: a row here, the bytes under a random name in the storage."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, pk, stamp

BYTES = BigInteger().with_variant(Integer, "sqlite")
"""Films may be larger than a 32-bit number says (SQLite's integers are of 64 bits anyway)."""


class StoredFile(Model):
    __tablename__ = "stored_file"
    id: Mapped[pk]
    key: Mapped[str] = mapped_column(String(80), unique=True, comment="random name in the storage")
    name: Mapped[str] = mapped_column(comment="what the owner called it; never used as a path")
    media_type: Mapped[str] = mapped_column(String(100), comment="as sniffed, not as claimed")
    size: Mapped[int] = mapped_column(BYTES, comment="bytes")
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[stamp]


class Upload(Model):
    """A large file on its way in, piece by piece. The row goes when the file is whole and taken, or its term is over."""

    __tablename__ = "upload"
    __table_args__ = (CheckConstraint("received >= 0 AND received <= size", name="no_more_than_announced"),)
    id: Mapped[pk]
    token: Mapped[str] = mapped_column(String(64), unique=True, comment="in its address")
    owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    about: Mapped[str] = mapped_column(String(80), comment="what the file is for")
    name: Mapped[str] = mapped_column(String(120))
    size: Mapped[int] = mapped_column(BYTES, comment="bytes announced")
    received: Mapped[int] = mapped_column(BYTES, default=0, comment="bytes that are safely here")
    mark: Mapped[str] = mapped_column(String(80), default="", comment="by it the page knows the same file again")
    pieces: Mapped[list[Any]] = mapped_column(default=list, comment="[[random name in the storage, bytes], …] in order")
    begun: Mapped[list[str]] = mapped_column(
        default=list, comment="pieces that were begun: named before they are written"
    )
    touched_at: Mapped[datetime] = mapped_column(index=True, comment="the last piece came; its term begins here")
