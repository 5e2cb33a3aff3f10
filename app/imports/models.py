"""Uploaded sheets of every kind, their rows, and which columns an organisation's sheets have."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Model, long_text, pk, stamp
from app.imports.states import ImportState, RowFate

if TYPE_CHECKING:
    from app.accounts.models import Organisation, Person, Region
    from app.jobs.models import Job


class SheetImport(Model):
    """An uploaded sheet. The file itself is not kept; its rows are sealed and go when it can no longer be undone."""

    __tablename__ = "sheet_import"
    __table_args__ = (Index("ix_sheet_import_kind_target_id", "kind", "target_id"),)
    id: Mapped[pk]
    kind: Mapped[str] = mapped_column(String(40))
    target_id: Mapped[int] = mapped_column(comment="the class or region the rows are for, as the kind says")
    target: Mapped[str] = mapped_column(String(200), comment="what it was called at the upload")
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    name: Mapped[str] = mapped_column(String(200), comment="of the file")
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[ImportState] = mapped_column(default=ImportState.READ)
    headings: Mapped[list[str]]
    mapping: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="part → number of the column")
    choices: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="what the kind asks besides columns")
    notes: Mapped[list[str]] = mapped_column(default=list, comment="what the reader of the file had to say")
    total: Mapped[int]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1, comment="rises with each step: two officers do not act at once")
    acted_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    acted_at: Mapped[datetime]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    done_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]

    region: Mapped[Region | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    by: Mapped[Person] = relationship(foreign_keys=[by_id])
    acted_by: Mapped[Person] = relationship(foreign_keys=[acted_by_id])
    job: Mapped[Job | None] = relationship()


class SheetRow(Model):
    """One row of a sheet: what it held (sealed), what is wrong with it, what came of it."""

    __tablename__ = "sheet_row"
    __table_args__ = (
        UniqueConstraint("import_id", "line"),
        Index("ix_sheet_row_import_id_fate", "import_id", "fate"),
        Index("ix_sheet_row_import_id_key", "import_id", "key"),
    )
    id: Mapped[pk]
    import_id: Mapped[int] = mapped_column(ForeignKey("sheet_import.id"))
    line: Mapped[int] = mapped_column(comment="in the file, headings included")
    sealed: Mapped[long_text | None] = mapped_column(comment="JSON list of the cells, sealed; None once forgotten")
    key: Mapped[str] = mapped_column(
        String(64), default="", comment="keyed hash of what the row is about: twice is refused"
    )
    label: Mapped[str] = mapped_column(String(200), default="", comment="what the row is about, in words")
    fate: Mapped[RowFate] = mapped_column(default=RowFate.READ)
    problems: Mapped[list[Any]] = mapped_column(default=list, comment="[part, code, what stood there]")
    outcome: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="what was made of it: enough to undo it")


class SheetColumns(Model):
    """What the columns of an organisation's (or region's) sheets of a kind are called: said once, remembered."""

    __tablename__ = "sheet_columns"
    __table_args__ = (UniqueConstraint("kind", "owner"),)
    id: Mapped[pk]
    kind: Mapped[str] = mapped_column(String(40))
    owner: Mapped[str] = mapped_column(String(40), comment="organisation:5, region:3")
    headings: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="plain heading → part")
    choices: Mapped[dict[str, Any]] = mapped_column(default=dict)
    changed_at: Mapped[stamp]
