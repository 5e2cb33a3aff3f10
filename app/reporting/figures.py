"""What a figure is: rows that are counted or added up, for a scope and a period, as known on the cut-off day.

Every figure is drawn from rows that are only ever added to, or from days that are never changed afterwards, so that a past
day gives the same figure again. The rows behind a figure are the very rows its page shows: :func:`counted` counts the select
that :func:`rows_of` lists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import aliased

from app.accounts.models import Organisation, Person, Region
from app.accounts.scope import reach_of
from app.core.clock import LOCAL, end_of
from app.core.permissions import Can
from app.db import db
from app.training.models import Enrolment, TrainingClass

Selected = Select[Any]


@dataclass(frozen=True)
class Asked:
    """A question: which period, up to which day, whose rows. ``regions`` and ``bases`` both None: the whole site."""

    since: date
    on: date
    regions: frozenset[int] | None = None
    bases: frozenset[int] | None = None
    rank: int | None = None

    @property
    def everything(self) -> bool:
        return self.regions is None and self.bases is None

    def reaches(self, *, region: Any = None, base: Any = None, person: Any = None) -> ColumnElement[bool]:
        """The condition on rows of this scope. A base sees rows of its own column, or, where there is none, of people who had
        been admitted to one of its classes by the cut-off day."""
        if self.everything:
            return true()
        parts: list[ColumnElement[bool]] = []
        if self.regions and region is not None:
            parts.append(region.in_(self.regions))
        if self.bases and base is not None:
            parts.append(base.in_(self.bases))
        elif self.bases and person is not None:
            parts.append(person.in_(self._people()))
        return or_(*parts) if parts else ~true()

    def _people(self) -> Selected:
        one, klass = aliased(Enrolment), aliased(TrainingClass)
        return (
            select(one.person_id)
            .join(klass, klass.id == one.class_id)
            .where(klass.organisation_id.in_(self.bases or ()), one.admitted_at < end_of(self.on))
        )


@dataclass(frozen=True)
class Figure:
    """One figure. ``rows`` selects id, at, kind, level, person, what, value; ``adds``: the sum of ``value``, else how many.

    ``median_days``: the middle of the days between ``begun`` (a column more) and ``at``. ``share_of``: also shown as a part of
    the figure of that key. ``levelled`` False: the rows know no level, so a chosen level does not narrow them.
    """

    key: str
    label: Any
    definition: Any
    rows: Callable[[Asked], Selected]
    unit: Any = ""
    adds: bool = False
    median_days: bool = False
    share_of: str = ""
    levelled: bool = True
    kinds: Callable[[], Mapping[str, Any]] | None = None
    kind_label: Any = ""
    page: str = ""
    """Endpoint of a row's own page, with the name of its argument after a colon."""


@dataclass(frozen=True)
class Block:
    """Figures that belong together."""

    key: str
    label: Any
    figures: tuple[Figure, ...]
    tone: str = ""


@dataclass
class Counted:
    """A figure's answer. ``kinds`` and ``levels``: the same, told apart."""

    figure: Figure
    total: Decimal | int | None
    kinds: dict[str, Decimal | int] = field(default_factory=dict)
    levels: dict[int, Decimal | int] = field(default_factory=dict)
    rows: int = 0
    share: float | None = None


def narrowed(figure: Figure, asked: Asked) -> Any:
    """The figure's rows as a subquery, of the chosen level only where they know one."""
    rows = figure.rows(asked)
    if asked.rank is None or not figure.levelled:
        return rows.subquery()
    inner = rows.subquery()
    return select(inner).where(inner.c.level == asked.rank).subquery()


def counted(figure: Figure, asked: Asked) -> Counted:
    """The figure, by one statement."""
    rows = narrowed(figure, asked)
    if figure.median_days:
        return _middle(figure, rows)
    found = db.session.execute(
        select(rows.c.kind, rows.c.level, func.count(), func.sum(rows.c.value)).group_by(rows.c.kind, rows.c.level)
    )
    kinds: dict[str, Any] = defaultdict(lambda: Decimal(0) if figure.adds else 0)
    levels: dict[int, Any] = defaultdict(lambda: Decimal(0) if figure.adds else 0)
    made = Counted(figure, Decimal(0) if figure.adds else 0)
    for kind, level, n, added in found:
        value = (added or Decimal(0)) if figure.adds else n
        made.total = (made.total or 0) + value
        made.rows += n
        kinds[str(kind)] += value
        if level is not None:
            levels[level] += value
    made.kinds, made.levels = dict(sorted(kinds.items())), dict(sorted(levels.items()))
    return made


def _middle(figure: Figure, rows: Any) -> Counted:
    days: dict[int | None, list[int]] = defaultdict(list)
    for begun, at, level in db.session.execute(select(rows.c.begun, rows.c.at, rows.c.level)):
        days[level].append((_day(at) - _day(begun)).days)
    every = [n for some in days.values() for n in some]
    levels: dict[int, Decimal | int] = {
        k: Decimal(str(median(some)))
        for k, some in sorted(days.items(), key=lambda pair: pair[0] or 0)
        if k is not None
    }
    return Counted(figure, Decimal(str(median(every))) if every else None, levels=levels, rows=len(every))


def _day(at: Any) -> date:
    return at.astimezone(LOCAL).date() if hasattr(at, "astimezone") else at


def count_all(blocks: Sequence[Block], asked: Asked) -> list[tuple[Block, list[Counted]]]:
    """Every figure of every block, with the shares of one in another."""
    made = []
    for block in blocks:
        found = [counted(one, asked) for one in block.figures]
        by_key = {one.figure.key: one for one in found}
        for one in found:
            whole = by_key.get(one.figure.share_of)
            if whole is not None and whole.total and one.total is not None:
                one.share = float(one.total) / float(whole.total)
        made.append((block, found))
    return made


@dataclass(frozen=True)
class Row:
    """One row behind a figure."""

    id: int
    at: Any
    kind: str
    level: int | None
    person: str
    what: str
    value: Any


def rows_of(figure: Figure, asked: Asked, *, limit: int, offset: int = 0) -> list[Row]:
    """The rows behind a figure, the newest first."""
    rows = narrowed(figure, asked)
    value = rows.c.begun if figure.median_days else rows.c.value
    found = db.session.execute(
        select(rows.c.id, rows.c.at, rows.c.kind, rows.c.level, Person.name, rows.c.what, value)
        .outerjoin(Person, Person.id == rows.c.person)
        .order_by(rows.c.at.desc(), rows.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    made = []
    for row_id, at, kind, level, name, what, number in found:
        shown = (_day(at) - _day(number)).days if figure.median_days else number
        made.append(Row(row_id, _day(at), str(kind), level, name or "", what or "", shown))
    return made


# --- whose rows ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scope:
    """A choice of whose rows: ``code`` is empty (all that the reader may see), ``site``, ``r<id>`` or ``o<id>``."""

    code: str
    regions: frozenset[int] | None
    bases: frozenset[int] | None
    region: Region | None = None
    organisation: Organisation | None = None

    @property
    def single(self) -> bool:
        """Can a report be kept of it? It is the whole site, one region or one base."""
        return self.code != ""


def scopes_of(reader: Person) -> list[Scope]:
    """The scopes a reader may choose from, the widest first; never empty for somebody who holds the right."""
    reach = reach_of(reader, Can.READ_REPORT)
    regions = select(Region).where(Region.ours.is_(True)).order_by(Region.code)
    bases = (
        select(Organisation).where(Organisation.id.in_(select(TrainingClass.organisation_id))).order_by(Organisation.id)
    )
    if not reach.site:
        regions = regions.where(Region.id.in_(reach.regions))
        bases = bases.where(or_(Organisation.id.in_(reach.organisations), Organisation.region_id.in_(reach.regions)))
    one_region = [Scope(f"r{r.id}", frozenset({r.id}), None, region=r) for r in db.session.scalars(regions)]
    one_base = [Scope(f"o{o.id}", None, frozenset({o.id}), organisation=o) for o in db.session.scalars(bases)]
    if reach.site:
        return [Scope("site", None, None), *one_region, *one_base]
    if len(reach.regions) + len(reach.organisations) > 1:
        return [Scope("", reach.regions or frozenset(), reach.organisations or frozenset()), *one_region, *one_base]
    return [*one_region, *one_base] or [Scope("", frozenset(), reach.organisations)]
