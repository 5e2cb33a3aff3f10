"""Rules as versioned data: every save is a new row, and what was decided points to the row it was decided by."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, pk, stamp

SYSTEM_DEFAULT = "D"
"""Mark of a value invented for this product: shown as 系统默认, never as a national rule."""


class RuleVersion(Model):
    """One version of one rule: a kind (``scheme``), a key within it (the level's rank), a region or everywhere."""

    __tablename__ = "rule_version"
    __table_args__ = (
        UniqueConstraint("kind", "key", "region_key", "version"),
        Index("ix_rule_version_kind_key_effective_from", "kind", "key", "effective_from"),
    )
    id: Mapped[pk]
    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(40), default="", comment="level rank, or empty")
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True)
    region_key: Mapped[int] = mapped_column(default=0, comment="region_id or 0, so that the version is unique")
    version: Mapped[int]
    body: Mapped[dict[str, Any]]
    mark: Mapped[str] = mapped_column(String(1), default="", comment="D = 系统默认, empty = set by the operator")
    basis: Mapped[str] = mapped_column(default="", comment="依据文号: the document this version rests on")
    note: Mapped[str] = mapped_column(default="", comment="why it was changed")
    effective_from: Mapped[date]
    created_at: Mapped[stamp]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    @property
    def is_default(self) -> bool:
        return self.mark == SYSTEM_DEFAULT


class KnowledgePoint(Model):
    """知识点: what a question or lesson is about, within a module."""

    __tablename__ = "knowledge_point"
    __table_args__ = (UniqueConstraint("module", "name"),)
    id: Mapped[pk]
    module: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[stamp]
