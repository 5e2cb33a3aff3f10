"""Long work as rows: a job and its items. The table is the truth; the queue only says "go on"."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, pk, stamp


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class ItemState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"


class Job(Model):
    """One piece of long work: who asked for it, how far it is, what came of it."""

    __tablename__ = "job"
    id: Mapped[pk]
    kind: Mapped[str] = mapped_column(String(60), index=True)
    title: Mapped[str] = mapped_column(default="")
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[JobState] = mapped_column(default=JobState.WAITING, index=True)
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    cancel_asked: Mapped[bool] = mapped_column(default=False)
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[stamp]
    started_at: Mapped[datetime | None]
    beat_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(default="")


class JobItem(Model):
    """One step of a job with its own transaction and its own outcome."""

    __tablename__ = "job_item"
    __table_args__ = (UniqueConstraint("job_id", "position"), Index("ix_job_item_job_id_state", "job_id", "state"))
    id: Mapped[pk]
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    position: Mapped[int]
    label: Mapped[str] = mapped_column(default="")
    payload: Mapped[dict[str, Any]]
    state: Mapped[ItemState] = mapped_column(default=ItemState.WAITING)
    message: Mapped[str] = mapped_column(default="")
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
