"""What a person aims at, and stages they are exempt from."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Model, pk, stamp

if TYPE_CHECKING:
    from app.accounts.models import Person


class Goal(Model):
    """The level a person is working towards; the newest row counts."""

    __tablename__ = "goal"
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    rank: Mapped[int]
    set_at: Mapped[stamp]


class Exemption(Model):
    """A stage somebody need not pass for a level, by decision (recognition of another region's certificate, …)."""

    __tablename__ = "exemption"
    __table_args__ = (UniqueConstraint("person_id", "rank", "stage", "because"),)
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    rank: Mapped[int]
    stage: Mapped[str] = mapped_column(String(20))
    because: Mapped[str] = mapped_column(comment="the decision it rests on, in words with its number")
    until: Mapped[date | None]
    granted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    granted_at: Mapped[stamp]
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
