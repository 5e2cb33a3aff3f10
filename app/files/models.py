"""Files people hand in: a row here, the bytes under a random name in the storage."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, pk, stamp


class StoredFile(Model):
    __tablename__ = "stored_file"
    id: Mapped[pk]
    key: Mapped[str] = mapped_column(String(80), unique=True, comment="random name in the storage")
    name: Mapped[str] = mapped_column(comment="what the owner called it; never used as a path")
    media_type: Mapped[str] = mapped_column(String(100), comment="as sniffed, not as claimed")
    size: Mapped[int] = mapped_column(comment="bytes")
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[stamp]
