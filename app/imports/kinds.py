"""A kind of sheet is one small class: its parts, what its rows are for, looking at them, taking them over, undoing.

    @kind
    class Trainees(Kind):
        code, area, can = "trainees", "training", Can.RUN_CLASS
        parts = (Part("name", …), …)
        def readers(self, found): …           # where the words of a cell depend on what the sheet is for
        def look(self, found, rows): …        # what the database says of rows that were read without fault, all at once
        def apply(self, found, rows, *, by, now): …     # all at once; row.outcome tells what was made
        def in_use(self, found, outcomes): …  # words on what stands in the way of undoing
        def undo(self, found, outcomes, *, by, now): …

The flow (upload, columns, dry run, taking over in portions, result, undo within 24 hours) is :mod:`app.imports.service`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement

from app.accounts.models import Person
from app.accounts.scope import within
from app.accounts.service import regions_of
from app.accounts.words import place_name
from app.core.permissions import Can
from app.imports.columns import Part, Wrong
from app.imports.models import SheetImport, SheetRow
from app.imports.states import RowFate

Readers = Mapping[str, Callable[[str], Any]]
"""Part → how its cells are read."""


@dataclass(frozen=True)
class Target:
    """What the rows of a sheet are for: a class, a region."""

    id: int
    label: str
    region_id: int | None
    organisation_id: int | None = None

    @property
    def owner(self) -> str:
        """Whose columns are remembered."""
        return f"organisation:{self.organisation_id}" if self.organisation_id else f"region:{self.region_id}"


@dataclass(frozen=True)
class Choice:
    """Something the kind asks besides the columns; answered by one of ``options``."""

    key: str
    label: Any
    options: Mapping[str, Any]
    help: Any = ""

    @property
    def default(self) -> str:
        return next(iter(self.options))


@dataclass
class Row:
    """A row as it was read: cells by part, values by part, what is wrong, what came of it."""

    line: int
    cells: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[list[Any]] = field(default_factory=list)
    key: str = ""
    label: str = ""
    fate: RowFate = RowFate.READY
    outcome: dict[str, Any] = field(default_factory=dict)
    found: Any = None
    """What ``look`` found for it, for ``apply``."""

    def wrong(self, part: str, code: str, said: Any = "") -> None:
        """``said``: what stood there, or a list of names for which the kind has ``words``."""
        self.problems.append([part, code, said if isinstance(said, list) else str(said)[:80]])
        self.fate = RowFate.REFUSED

    def same(self) -> None:
        """Everything the row says is there already."""
        if self.fate is RowFate.READY:
            self.fate = RowFate.SAME

    @property
    def good(self) -> bool:
        return self.fate is RowFate.READY

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)


class Kind:
    code: ClassVar[str]
    area: ClassVar[str]
    """Of the menu."""
    can: ClassVar[Can]
    title: ClassVar[Any]
    lead: ClassVar[Any]
    target_label: ClassVar[Any]
    parts: ClassVar[tuple[Part, ...]]
    choices: ClassVar[tuple[Choice, ...]] = ()
    problems: ClassVar[Mapping[str, Any]] = {}
    """Words of the kind's own codes; ``%(said)s`` is what stood there."""
    words: ClassVar[Mapping[str, Any]] = {}
    """Words of the names that a problem lists."""
    confirm: ClassVar[Any]
    """Asked before taking over."""
    of_class: ClassVar[bool] = False
    """Are the targets classes? Then a role in the class reaches its sheets."""
    most_rows: ClassVar[int] = 10_000
    step: ClassVar[int] = 200
    """Rows taken over in one transaction."""

    def part(self, key: str) -> Part | None:
        return next((p for p in self.parts if p.key == key), None)

    def reach(self, person: Person) -> ColumnElement[bool]:
        """Which of its sheets an officer sees."""
        return within(
            person,
            self.can,
            region=SheetImport.region_id,
            organisation=SheetImport.organisation_id,
            klass=SheetImport.target_id if self.of_class else None,
        )

    def targets(self, person: Person) -> list[Target]:
        """For what an officer may upload sheets now."""
        raise NotImplementedError

    def link(self, found: SheetImport) -> str:
        """The page of what the rows were for."""
        return ""

    def links_of(self, rows: Sequence[SheetRow]) -> dict[int, str]:
        """Row → the page of what was made of it, or of what it found there already, as long as that is there."""
        return {}

    def figures(self, found: SheetImport) -> list[tuple[Any, int]]:
        """What to count besides the rows once they were taken over: (what, how many)."""
        return []

    def readers(self, found: SheetImport) -> dict[str, Callable[[str], Any]]:
        """How the cells of each part are read. Asked once for many rows, so that it may ask the database what the sheet's
        class or region adds: the words of its levels, say."""
        return {part.key: part.read for part in self.parts}

    def read(self, row: Row, found: SheetImport, readers: Readers) -> None:
        """Cells → values, each by its part's reader; every fault is kept."""
        for part in self.parts:
            text = row.cells.get(part.key, "")
            if text:
                try:
                    row.values[part.key] = readers[part.key](text)
                except Wrong as wrong:
                    row.wrong(part.key, wrong.code, wrong.said)
            elif part.required:
                row.wrong(part.key, "missing")
        row.key, row.label = self.about(row)

    def about(self, row: Row) -> tuple[str, str]:
        """(key, label): what makes the row one of its kind (empty: it may stand there twice), and what it is called."""
        raise NotImplementedError

    def look(self, found: SheetImport, rows: Sequence[Row]) -> None:
        """What the database says of rows without fault: ``row.wrong``, ``row.same``, ``row.found``; ``row.outcome`` where a
        row that is there already has a page. The number of questions does not grow with the rows."""
        raise NotImplementedError

    def apply(self, found: SheetImport, rows: Sequence[Row], *, by: Person, now: datetime) -> None:
        """Take rows over that ``look`` has just found good; ``row.outcome`` keeps what undoing needs."""
        raise NotImplementedError

    def finish(self, found: SheetImport, outcomes: Sequence[dict[str, Any]], *, by: Person, now: datetime) -> None:
        """After the last row."""

    def in_use(self, found: SheetImport, outcomes: Sequence[dict[str, Any]]) -> list[str]:
        """What stands in the way of undoing, in words that name it; empty: nothing."""
        raise NotImplementedError

    def also_undone(self, found: SheetImport) -> str:
        """What goes beside the rows when the sheet is undone, in words for who is about to do so; empty: nothing."""
        return ""

    def undo(
        self, found: SheetImport, outcomes: Sequence[dict[str, Any]], *, by: Person, now: datetime
    ) -> dict[str, Any] | None:
        """Take it back; what is answered is kept with the job and put into words by ``undone``."""
        raise NotImplementedError

    def undone(self, result: dict[str, Any]) -> list[str]:
        """What was taken back beside the rows, and what stayed, in words."""
        return []

    fills: ClassVar[bool] = False
    """Can the template be had with the people of a target in it?"""

    def filled(self, target: Target) -> list[list[str]]:
        """Rows of a template for one target: what is known already, the rest to be filled in."""
        return []

    def samples(self) -> list[list[str]]:
        """Rows of the template; empty unless every part has a sample."""
        return [[p.sample for p in self.parts]] if any(p.sample for p in self.parts) else []


class RegionSheet(Kind):
    """A sheet whose rows are for one region."""

    target_label = _l("Region")

    def targets(self, person: Person) -> list[Target]:
        return [Target(r.id, place_name(r), r.id) for r in regions_of(person, self.can)]


KINDS: dict[str, Kind] = {}


def kind(made: type[Kind]) -> type[Kind]:
    """Announce a kind of sheet (in a feature's ``imports.py``)."""
    KINDS[made.code] = made()
    return made
