"""Letters as rows: the notice a person reads on the site, and the mail that follows, in one outbox."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, pk, stamp


class MailState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    NONE = "none"


class Notice(Model):
    """One letter to one person. Subject and body are rendered from code and values in the reader's language."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_waiting", "mail_state", "next_try_at"),
        Index("ix_notice_person_id_read_at", "person_id", "read_at"),
    )
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    letter: Mapped[str] = mapped_column(String(60))
    values: Mapped[dict[str, Any]]
    link: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[stamp]
    read_at: Mapped[datetime | None]
    mail_state: Mapped[MailState] = mapped_column(default=MailState.NONE)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(default="")
