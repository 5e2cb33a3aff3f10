"""Papers from a pool of questions and a blueprint (组卷方案).

A blueprint is a list of cells, each asking for so many questions of a kind at so many points, where level, module and
difficulty may be left open. Cells may overlap; filling them is an assignment problem, solved exactly by augmenting paths.
Enemy pairs make it a harder one: there the search branches on each conflict (leave out one or the other) and stops after
:data:`MOST_BRANCHES`. The same pool, blueprint, seed and constraints always give the same paper, in whatever order the
pool comes.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from random import Random
from typing import Any

from question_bank.items import Difficulty, Item, Kind, choices_of, keeps_order, questions_of

#: How many ways round enemy pairs are tried before a blueprint is called infeasible.
MOST_BRANCHES = 400

#: How many sets of cells are tried to find the fewest that are short.
MOST_SETS = 20_000

#: Kinds of which a paper holds too few to spread them over modules and difficulties; a case spans modules anyway.
UNSPREAD = (Kind.CASE, Kind.ESSAY)

#: Expected share of the points where no measured facility is known: an assumption for the preview of a paper, no norm.
ASSUMED_FACILITY: dict[Difficulty | None, Decimal] = {
    Difficulty.EASY: Decimal("0.85"),
    Difficulty.MEDIUM: Decimal("0.65"),
    Difficulty.HARD: Decimal("0.45"),
    None: Decimal("0.65"),
}


# --- blueprint ----------------------------------------------------------------------------------------------------------


class BadBlueprint(ValueError):
    """A blueprint that means nothing. ``reason``: ``no_cells``, ``bad_count``, ``bad_points``, ``bad_share``, ``fixed_twice``,
    ``fixed_unknown``, ``fixed_enemies``, ``fixed_fits_no_cell``; ``about`` the cell or id concerned."""

    def __init__(self, reason: str, about: object = None) -> None:
        self.reason, self.about = reason, about
        super().__init__(f"{reason}: {about}" if about is not None else reason)


@dataclass(frozen=True, slots=True)
class Cell:
    """``count`` questions of one kind at ``points`` each. ``None`` for level, module or difficulty means any."""

    kind: Kind
    count: int
    points: Decimal
    level: int | None = None
    module: str | None = None
    difficulty: Difficulty | None = None

    def __post_init__(self) -> None:
        if self.count < 0:
            raise BadBlueprint("bad_count", self)
        if not isinstance(self.points, Decimal) or not self.points.is_finite() or self.points <= 0:
            raise BadBlueprint("bad_points", self)

    def takes(self, item: Item) -> bool:
        """Whether a question may sit in this cell."""
        return self.takes_class((item.kind, item.level, item.module, item.difficulty))

    def takes_class(self, group: Class) -> bool:
        """The same for all questions of a class (kind, level, module, difficulty)."""
        kind, level, module, difficulty = group
        return (
            kind is self.kind
            and self.level in (None, level)
            and self.module in (None, module)
            and self.difficulty in (None, difficulty)
        )

    @property
    def openness(self) -> int:
        """How much is left open, 0 to 3: cells that say more are filled first."""
        return (self.level is None) + (self.module is None) + (self.difficulty is None)


#: kind, level, module, difficulty
Class = tuple[Kind, int | None, str | None, Difficulty | None]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A question that every paper holds. With ``points`` it comes on top of the cells; without, it takes a seat in one."""

    item_id: str
    points: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a paper is made of. Sections follow the order in which kinds first appear in ``cells``."""

    cells: tuple[Cell, ...]
    fixed: tuple[Fixed, ...] = ()
    shuffle_questions: bool = True
    shuffle_options: bool = True

    def __post_init__(self) -> None:
        if not any(cell.count for cell in self.cells) and not self.fixed:
            raise BadBlueprint("no_cells")
        if len({fixed.item_id for fixed in self.fixed}) < len(self.fixed):
            raise BadBlueprint("fixed_twice")

    @property
    def count(self) -> int:
        """How many questions a paper has."""
        return sum(cell.count for cell in self.cells) + sum(fixed.points is not None for fixed in self.fixed)

    @property
    def points(self) -> Decimal:
        """What a paper is worth."""
        in_cells = sum((cell.count * cell.points for cell in self.cells), Decimal(0))
        return in_cells + sum((fixed.points for fixed in self.fixed if fixed.points is not None), Decimal(0))

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; :meth:`from_dict` reads it."""
        return {
            "cells": [
                {
                    "kind": cell.kind.value,
                    "count": cell.count,
                    "points": str(cell.points),
                    "level": cell.level,
                    "module": cell.module,
                    "difficulty": cell.difficulty.value if cell.difficulty else None,
                }
                for cell in self.cells
            ],
            "fixed": [
                {"item_id": f.item_id, "points": None if f.points is None else str(f.points)} for f in self.fixed
            ],
            "shuffle_questions": self.shuffle_questions,
            "shuffle_options": self.shuffle_options,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Blueprint:
        """Read what :meth:`to_dict` wrote. Raises :class:`BadBlueprint`, ``KeyError`` or ``ValueError`` for anything else."""
        return cls(
            cells=tuple(
                Cell(
                    kind=Kind(row["kind"]),
                    count=int(row["count"]),
                    points=Decimal(row["points"]),
                    level=row.get("level"),
                    module=row.get("module"),
                    difficulty=Difficulty(row["difficulty"]) if row.get("difficulty") else None,
                )
                for row in data["cells"]
            ),
            fixed=tuple(
                Fixed(row["item_id"], None if row.get("points") is None else Decimal(row["points"]))
                for row in data.get("fixed", ())
            ),
            shuffle_questions=bool(data.get("shuffle_questions", True)),
            shuffle_options=bool(data.get("shuffle_options", True)),
        )


# --- shares to counts -----------------------------------------------------------------------------------------------------


def largest_remainder(total: int, weights: Sequence[Decimal | int | Fraction]) -> list[int]:
    """Split ``total`` along weights: each gets its whole share, the rest goes to the largest remainders, the earlier first
    where they are equal (Hamilton's method). Raises :class:`BadBlueprint` for negative weights or a sum of none."""
    exact = _ideal(total, weights)
    counts = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda n: (counts[n] - exact[n], n))
    for n in by_remainder[: total - sum(counts)]:
        counts[n] += 1
    return counts


def _ideal(total: int, weights: Sequence[Decimal | int | Fraction]) -> list[Fraction]:
    fractions = [Fraction(weight) for weight in weights]
    whole = sum(fractions)
    if whole <= 0 or min(fractions) < 0:
        raise BadBlueprint("bad_share", list(weights))
    return [total * weight / whole for weight in fractions]


def _carried(total: int, ideal: Sequence[Fraction], owed: list[Fraction]) -> list[int]:
    """Largest remainder of what is ideal here plus what earlier kinds left owing, so that errors do not add up over the
    kinds. Each count stays at the ideal rounded down or up; ``owed`` is brought up to date."""
    counts = [int(share) for share in ideal]
    due = [share - count + debt for share, count, debt in zip(ideal, counts, owed, strict=True)]
    can_grow = [n for n, share in enumerate(ideal) if share != counts[n]]
    can_grow.sort(key=lambda n: (-due[n], n))
    for n in can_grow[: total - sum(counts)]:
        counts[n] += 1
    for n, share in enumerate(ideal):
        owed[n] += share - counts[n]
    return counts


def blueprint_from_shares(
    kinds: Mapping[Kind, tuple[int, Decimal]],
    module_shares: Mapping[str, Decimal | int],
    difficulty_shares: Mapping[Difficulty, Decimal | int],
    level: int | None = None,
    *,
    unspread: Iterable[Kind] = UNSPREAD,
) -> Blueprint:
    """Cells from counts per kind and shares (weights: per cent, hours, anything) of modules and difficulties.

    The total of each kind is exact. Within a kind, modules and difficulties follow their shares by largest remainder, where
    a kind makes good what the kinds before it rounded away; then the table module × difficulty is filled so that both
    margins hold. Kinds in ``unspread`` (case and essay unless told otherwise) become one cell open in both. An empty mapping
    of shares leaves that side open. Kinds and difficulties may be given by their codes. Raises :class:`BadBlueprint` for negative or empty shares.
    """
    loose = {Kind(kind) for kind in unspread}
    modules: list[str | None] = list(module_shares) or [None]
    grades: list[Difficulty | None] = [Difficulty(grade) for grade in difficulty_shares] or [None]
    module_weights = list(module_shares.values()) or [1]
    grade_weights = list(difficulty_shares.values()) or [1]
    owed_modules, owed_grades = [Fraction(0)] * len(modules), [Fraction(0)] * len(grades)
    cells: list[Cell] = []
    for name, (count, points) in kinds.items():
        kind = Kind(name)
        if kind in loose:
            cells.append(Cell(kind, count, points, level))
            continue
        rows = _carried(count, _ideal(count, module_weights), owed_modules)
        columns = _carried(count, _ideal(count, grade_weights), owed_grades)
        table = _table(rows, columns)
        cells += [
            Cell(kind, table[m][g], points, level, module, grade)
            for m, module in enumerate(modules)
            for g, grade in enumerate(grades)
            if table[m][g]
        ]
    return Blueprint(tuple(cells))


def _table(rows: Sequence[int], columns: Sequence[int]) -> list[list[int]]:
    """Whole numbers with the given margins, each the share rows × columns ÷ total rounded down or up, larger remainders
    first. Such a rounding always exists (controlled rounding, Bacharach 1966); gaps left by the first choice are closed by
    exchanging along augmenting paths."""
    total = sum(rows)
    if not total:
        return [[0] * len(columns) for _ in rows]
    exact = [[Fraction(row * column, total) for column in columns] for row in rows]
    table = [[int(share) for share in line] for line in exact]
    row_left = [row - sum(line) for row, line in zip(rows, table, strict=True)]
    column_left = [column - sum(line[n] for line in table) for n, column in enumerate(columns)]
    can_grow = [(r, c) for r, line in enumerate(exact) for c, share in enumerate(line) if share != table[r][c]]
    can_grow.sort(key=lambda place: (table[place[0]][place[1]] - exact[place[0]][place[1]], place))
    grown: dict[tuple[int, int], bool] = dict.fromkeys(can_grow, False)

    def give(row: int, met: set[int]) -> bool:
        """One more to this row, moving others' where a column is full."""
        for r, column in can_grow:
            if r != row or grown[r, column] or column in met:
                continue
            met.add(column)
            if column_left[column]:
                column_left[column] -= 1
                grown[row, column] = True
                return True
            for other in range(len(rows)):
                if grown.get((other, column)) and give(other, met):
                    grown[other, column] = False
                    grown[row, column] = True
                    return True
        return False

    for r, c in can_grow:
        if row_left[r] and column_left[c]:
            row_left[r] -= 1
            column_left[c] -= 1
            grown[r, c] = True
    for r, left in enumerate(row_left):
        for _ in range(left):
            give(r, set())
    return [[count + grown.get((r, c), False) for c, count in enumerate(line)] for r, line in enumerate(table)]


# --- pool -----------------------------------------------------------------------------------------------------------------


class Pool:
    """Questions arranged for drawing. Make one where many papers come from the same questions."""

    def __init__(self, items: Iterable[Item], enemies: Iterable[tuple[str, str]] = ()) -> None:
        """``enemies``: pairs besides those that the questions name themselves."""
        self.items: dict[str, Item] = {item.id: item for item in sorted(items, key=lambda item: item.id)}
        self.classes: dict[Class, list[str]] = defaultdict(list)
        self.class_of: dict[str, Class] = {}
        self.enemies: dict[str, set[str]] = defaultdict(set)
        for item in self.items.values():
            self.class_of[item.id] = (item.kind, item.level, item.module, item.difficulty)
            self.classes[self.class_of[item.id]].append(item.id)
        named = [(item.id, enemy) for item in self.items.values() for enemy in item.enemies]
        for one, other in [*named, *enemies]:
            if one in self.items and other in self.items and one != other:
                self.enemies[one].add(other)
                self.enemies[other].add(one)

    @classmethod
    def of(cls, items: Pool | Iterable[Item]) -> Pool:
        """The pool itself, or one made of the questions."""
        return items if isinstance(items, Pool) else cls(items)


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """The fewest cells that ask together for more questions than fit any of them, and by how many (Hall's condition)."""

    cells: tuple[Cell, ...]
    needed: int
    available: int

    @property
    def missing(self) -> int:
        """How many questions that fit one of the cells would have to be added."""
        return self.needed - self.available


class Infeasible(Exception):
    """The pool cannot fill the blueprint. ``short``: cell → how many questions are missing (only cells that lack some).

    ``bottleneck`` names the fewest cells that cannot be filled together. ``because_of_enemies`` is true where there would be
    enough questions if enemy pairs were let onto one paper (there is no bottleneck then); ``gave_up`` where the search for a
    paper without enemies ended at its bound, so that there may be one.
    """

    def __init__(
        self,
        short: Mapping[Cell, int],
        because_of_enemies: bool = False,
        *,
        bottleneck: Bottleneck | None = None,
        gave_up: bool = False,
    ) -> None:
        self.short, self.because_of_enemies = dict(short), because_of_enemies
        self.bottleneck, self.gave_up = bottleneck, gave_up
        told = ", ".join(f"{cell_name(cell)}: {missing} missing" for cell, missing in self.short.items())
        super().__init__(told + (" (enemy pairs)" if because_of_enemies else ""))


def cell_name(cell: Cell) -> str:
    """A cell in codes, ``*`` for what is left open: ``single × 1 × policy × hard``."""
    return " × ".join(
        str(word) for word in (cell.kind.value, cell.level or "*", cell.module or "*", cell.difficulty or "*")
    )


class _Draw:
    """Seats of a blueprint and who sits where. Nobody who sits is ever sent away, only moved to another seat."""

    def __init__(self, pool: Pool, cells: Sequence[Cell], ranked: Mapping[Class, Sequence[str]], enemies: bool) -> None:
        self.pool, self.cells, self.ranked, self.heed_enemies = pool, cells, ranked, enemies
        self.seated: list[list[str]] = [[] for _ in cells]
        self.seat_of: dict[str, int] = {}
        self.barred: Counter[str] = Counter()
        self.groups = [[group for group in ranked if cell.takes_class(group)] for cell in cells]

    def free(self, item_id: str) -> bool:
        return item_id not in self.seat_of and not (self.heed_enemies and self.barred[item_id])

    def seat(self, item_id: str, cell: int) -> None:
        self.seated[cell].append(item_id)
        self.seat_of[item_id] = cell
        for enemy in self.pool.enemies.get(item_id, ()):
            self.barred[enemy] += 1

    def move(self, item_id: str, cell: int) -> None:
        self.seated[self.seat_of[item_id]].remove(item_id)
        self.seated[cell].append(item_id)
        self.seat_of[item_id] = cell

    def room(self, cell: int) -> int:
        return self.cells[cell].count - len(self.seated[cell])

    def fill(self, order: Mapping[str, Any]) -> None:
        """Everyone takes the best-ranked free questions, cells that say most first; then gaps are closed by moving."""
        for cell in sorted(range(len(self.cells)), key=lambda n: (self.cells[n].openness, n)):
            if len(self.groups[cell]) == 1:
                candidates: Iterable[str] = self.ranked[self.groups[cell][0]]
            else:
                candidates = sorted(
                    (i for group in self.groups[cell] for i in self.ranked[group]), key=order.__getitem__
                )
            room = self.room(cell)
            for item_id in candidates:
                if not room:
                    break
                if self.free(item_id):
                    self.seat(item_id, cell)
                    room -= 1
        for cell in range(len(self.cells)):
            while self.room(cell) > 0 and self.augment(cell):
                pass

    def _free_for(self, cell: int) -> str | None:
        return next((i for group in self.groups[cell] for i in self.ranked[group] if self.free(i)), None)

    def augment(self, short: int) -> bool:
        """One more seat filled in ``short``: by a free question, or along a chain of moves that ends in one."""
        came: dict[int, tuple[int, str]] = {}
        queue = deque([short])
        while queue:
            cell = queue.popleft()
            newcomer = self._free_for(cell)
            if newcomer is not None:
                here = cell
                while here != short:
                    before, moved = came[here]
                    self.move(moved, before)
                    here = before
                self.seat(newcomer, cell)
                return True
            for other, seated in enumerate(self.seated):
                if other == short or other in came:
                    continue
                movable = next((i for i in seated if self.cells[cell].takes_class(self.pool.class_of[i])), None)
                if movable is not None:
                    came[other] = (cell, movable)
                    queue.append(other)
        return False

    def place_fixed(self, item_id: str) -> bool:
        """Seat a fixed question in a cell that takes it, moving fixed ones seated before if need be."""
        group = self.pool.class_of[item_id]
        start = [n for n, cell in enumerate(self.cells) if cell.takes_class(group)]
        start.sort(key=lambda n: (self.cells[n].openness, n))
        came: dict[int, tuple[int, str]] = {}
        queue = deque(start)
        met = set(start)
        while queue:
            cell = queue.popleft()
            if self.room(cell) > 0:
                while cell in came:
                    before, moved = came[cell]
                    self.move(moved, cell)
                    cell = before
                self.seat(item_id, cell)
                return True
            for seated in self.seated[cell]:
                for other, wanted in enumerate(self.cells):
                    if other not in met and wanted.takes_class(self.pool.class_of[seated]):
                        met.add(other)
                        came[other] = (cell, seated)
                        queue.append(other)
        return False

    def short(self) -> dict[Cell, int]:
        missing: Counter[Cell] = Counter()
        for n, cell in enumerate(self.cells):
            if self.room(n) > 0:
                missing[cell] += self.room(n)
        return dict(missing)

    def bottleneck(self) -> Bottleneck | None:
        """The fewest cells that are short together, once no chain of moves helps any more; None where nothing is missing.

        Only cells from which a chain leads to a short one can take part. Sets of them are tried by size, up to
        :data:`MOST_SETS`; beyond that, cells are taken out as long as the rest is short.
        """
        involved = {n for n in range(len(self.cells)) if self.room(n) > 0}
        queue = deque(sorted(involved))
        while queue:
            cell = queue.popleft()
            for other, seated in enumerate(self.seated):
                if other not in involved and any(
                    self.cells[cell].takes_class(self.pool.class_of[item_id]) for item_id in seated
                ):
                    involved.add(other)
                    queue.append(other)
        if not involved:
            return None
        seated_in = Counter(self.pool.class_of[i] for ids in self.seated for i in ids)
        supply = Counter(seated_in)
        for group, ids in self.ranked.items():
            supply[group] += sum(item_id not in self.seat_of for item_id in ids)
        fits = {n: frozenset(g for g in supply if self.cells[n].takes_class(g)) for n in involved}

        def lack(some: Sequence[int]) -> int:
            groups = frozenset[Class]().union(*(fits[n] for n in some))
            return sum(self.cells[n].count for n in some) - sum(supply[group] for group in groups)

        def told(some: Sequence[int]) -> Bottleneck:
            needed = sum(self.cells[n].count for n in some)
            return Bottleneck(tuple(self.cells[n] for n in sorted(some)), needed, needed - lack(some))

        candidates = sorted(involved)
        tried = 0
        for size in range(1, len(candidates) + 1):
            worst: tuple[int, ...] | None = None
            for some in combinations(candidates, size):
                tried += 1
                if tried > MOST_SETS:
                    break
                if lack(some) > 0 and (worst is None or lack(some) > lack(worst)):
                    worst = some
            if worst is not None:
                return told(worst)
            if tried > MOST_SETS:
                break
        left = candidates
        for cell in candidates:
            without = [n for n in left if n != cell]
            if without and lack(without) > 0:
                left = without
        return told(left)

    def conflict(self) -> tuple[str, str] | None:
        """Two enemies that sit on this paper."""
        for item_id in sorted(self.seat_of):
            for enemy in sorted(self.pool.enemies.get(item_id, ())):
                if enemy in self.seat_of:
                    return item_id, enemy
        return None


# --- papers ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A question on a paper: its points there, and for each list it shows the ids in order (see ``items.Order``)."""

    item_id: str
    points: Decimal
    order: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Paper:
    """Questions in the order of the page, kinds together. ``seed`` is what it was drawn with."""

    seed: str
    entries: tuple[Entry, ...]

    @property
    def points(self) -> Decimal:
        """What the paper is worth."""
        return sum((entry.points for entry in self.entries), Decimal(0))

    @property
    def item_ids(self) -> tuple[str, ...]:
        """The questions, in order."""
        return tuple(entry.item_id for entry in self.entries)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; :meth:`from_dict` reads it."""
        return {
            "seed": self.seed,
            "entries": [
                {
                    "item_id": entry.item_id,
                    "points": str(entry.points),
                    "order": {slot: list(ids) for slot, ids in entry.order.items()},
                }
                for entry in self.entries
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Paper:
        """Read what :meth:`to_dict` wrote."""
        return cls(
            data["seed"],
            tuple(
                Entry(
                    row["item_id"],
                    Decimal(row["points"]),
                    {slot: tuple(ids) for slot, ids in row["order"].items()},
                )
                for row in data["entries"]
            ),
        )


def draw_order(item: Item, random: Random, *, shuffle: bool = True) -> dict[str, tuple[str, ...]]:
    """An order for every list the item shows. Options stay as written where the author says so or ``shuffle`` is false;
    right sides and steps are always shuffled; true/false has no list."""
    order = {}
    for slot, question in questions_of(item).items():
        ids = list(choices_of(question))
        if not ids:
            continue
        is_choice = question.kind in (Kind.SINGLE, Kind.MULTIPLE)
        if not keeps_order(question) and (shuffle or not is_choice):
            ids = _shuffled(ids, random)
        order[slot] = tuple(ids)
    return order


def _shuffled(values: Sequence[str], random: Random) -> list[str]:
    """Shuffled by ``random()`` alone, whose sequence Python promises to keep from version to version."""
    keys = {value: random.random() for value in sorted(values)}
    return sorted(values, key=keys.__getitem__)


def assemble(
    pool: Pool | Iterable[Item],
    blueprint: Blueprint,
    seed: str | int,
    *,
    exposure: Mapping[str, int] | None = None,
    most_exposure: int | None = None,
    seen: AbstractSet[str] = frozenset(),
) -> Paper:
    """One paper. Same arguments, same paper.

    ``exposure`` says how often each question was used: the least used come first, equals by lot. Questions used
    ``most_exposure`` times or more and those in ``seen`` (had by this candidate before) are not drawn; fixed ones are taken all the
    same. Raises :class:`Infeasible` with ``.short``, :class:`BadBlueprint` where a fixed question cannot be placed.
    """
    pool = Pool.of(pool)
    random = Random(f"paper:{seed}")
    used = exposure or {}
    lot = {item_id: random.random() for item_id in pool.items}
    fixed = {entry.item_id for entry in blueprint.fixed}
    _check_fixed(pool, fixed)
    closed = {
        item_id
        for item_id in pool.items
        if item_id in fixed or item_id in seen or (most_exposure is not None and used.get(item_id, 0) >= most_exposure)
    }
    order = {item_id: (used.get(item_id, 0), drawn) for item_id, drawn in lot.items()}
    wanted = [group for group in pool.classes if any(cell.takes_class(group) for cell in blueprint.cells)]
    ranked = {
        group: sorted((i for i in pool.classes[group] if i not in closed), key=order.__getitem__) for group in wanted
    }
    draw = _search(pool, blueprint, ranked, order)
    return _paper(pool, blueprint, draw, random, str(seed))


def assemble_all(
    pool: Pool | Iterable[Item],
    blueprint: Blueprint,
    seeds: Iterable[str | int],
    *,
    exposure: Mapping[str, int] | None = None,
    most_exposure: int | None = None,
    seen_by: Mapping[str | int, AbstractSet[str]] | None = None,
) -> Iterator[Paper]:
    """Papers for many candidates, one per seed, counting exposure from paper to paper. ``seen_by``: seed → what that
    candidate had before. Raises as :func:`assemble` when it comes to the paper that cannot be made."""
    pool = Pool.of(pool)
    used = Counter(exposure or {})
    for seed in seeds:
        seen = (seen_by or {}).get(seed, frozenset())
        paper = assemble(pool, blueprint, seed, exposure=used, most_exposure=most_exposure, seen=seen)
        used.update(paper.item_ids)
        yield paper


def _check_fixed(pool: Pool, fixed: AbstractSet[str]) -> None:
    for item_id in sorted(fixed):
        if item_id not in pool.items:
            raise BadBlueprint("fixed_unknown", item_id)
        if pool.enemies.get(item_id, set()) & fixed:
            raise BadBlueprint("fixed_enemies", item_id)


def _drawn(
    pool: Pool,
    blueprint: Blueprint,
    ranked: Mapping[Class, Sequence[str]],
    order: Mapping[str, Any],
    out: AbstractSet[str],
    *,
    heed_enemies: bool,
) -> _Draw:
    left = {group: [i for i in ids if i not in out] for group, ids in ranked.items()} if out else ranked
    draw = _Draw(pool, blueprint.cells, left, heed_enemies)
    for entry in blueprint.fixed:
        if entry.points is None and not draw.place_fixed(entry.item_id):
            raise BadBlueprint("fixed_fits_no_cell", entry.item_id)
    draw.fill(order)
    return draw


def _search(pool: Pool, blueprint: Blueprint, ranked: Mapping[Class, Sequence[str]], order: Mapping[str, Any]) -> _Draw:
    """A full draw without enemies. First the quick way, which avoids enemies as it goes; where that comes short, branch on
    the conflicts of a draw that ignores them. A branch that comes short even so is dead, and only then is it cut."""
    fixed = {entry.item_id for entry in blueprint.fixed}
    beside_fixed = frozenset(enemy for item_id in fixed for enemy in pool.enemies.get(item_id, ()))
    greedy = _drawn(pool, blueprint, ranked, order, beside_fixed, heed_enemies=True)
    if not greedy.short():
        return greedy
    stack: list[frozenset[str]] = [beside_fixed]
    met: set[frozenset[str]] = set()
    for branch in range(MOST_BRANCHES):
        if not stack:
            break
        out = stack.pop()
        draw = _drawn(pool, blueprint, ranked, order, out, heed_enemies=False)
        if draw.short():
            if branch == 0 and not beside_fixed:
                raise Infeasible(draw.short(), bottleneck=draw.bottleneck())
            continue
        conflict = draw.conflict()
        if conflict is None:
            return draw
        # Leaving out the one with more enemies is tried first: it solves more at once.
        for item_id in sorted(conflict, key=lambda i: (len(pool.enemies[i]), i)):
            if out | {item_id} not in met:
                met.add(out | {item_id})
                stack.append(out | {item_id})
    without_enemies = _drawn(pool, blueprint, ranked, order, frozenset(), heed_enemies=False)
    short = without_enemies.short()
    if short:
        raise Infeasible(short, bottleneck=without_enemies.bottleneck())
    raise Infeasible(greedy.short(), because_of_enemies=True, gave_up=bool(stack))


def _paper(pool: Pool, blueprint: Blueprint, draw: _Draw, random: Random, seed: str) -> Paper:
    seats = [(i, blueprint.cells[n].points) for n, ids in enumerate(draw.seated) for i in ids]
    seats += [(entry.item_id, entry.points) for entry in blueprint.fixed if entry.points is not None]
    if blueprint.shuffle_questions:
        points = dict(seats)
        seats = [(item_id, points[item_id]) for item_id in _shuffled(list(points), random)]
    sections = list(dict.fromkeys(cell.kind for cell in blueprint.cells))
    sections += [kind for kind in Kind if kind not in sections]
    seats.sort(key=lambda seat: sections.index(pool.items[seat[0]].kind))
    return Paper(
        seed,
        tuple(
            Entry(item_id, points, draw_order(pool.items[item_id], random, shuffle=blueprint.shuffle_options))
            for item_id, points in seats
        ),
    )


# --- before use -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Supply:
    """A cell, how many questions it needs, how many fit it, and how many are missing once all cells take theirs."""

    cell: Cell
    needed: int
    available: int
    missing: int


def supply(pool: Pool | Iterable[Item], blueprint: Blueprint) -> list[Supply]:
    """What each cell needs and finds, in the order of the blueprint. ``missing`` regards overlapping cells, not enemies."""
    pool = Pool.of(pool)
    draw = _Draw(pool, blueprint.cells, pool.classes, enemies=False)
    draw.fill({item_id: n for n, item_id in enumerate(pool.items)})
    return [
        Supply(cell, cell.count, sum(len(pool.classes[g]) for g in draw.groups[n]), max(0, draw.room(n)))
        for n, cell in enumerate(blueprint.cells)
    ]


@dataclass(frozen=True, slots=True)
class PaperAnalysis:
    """A paper at a glance. ``by_…``: key → (questions, points). ``expected_share``: the share 0–1 of the points that is expected
    to be earned; ``assumed`` how many questions had no measured facility and were taken by their difficulty."""

    count: int
    points: Decimal
    by_kind: Mapping[Kind, tuple[int, Decimal]]
    by_module: Mapping[str | None, tuple[int, Decimal]]
    by_difficulty: Mapping[Difficulty | None, tuple[int, Decimal]]
    knowledge_points: tuple[str, ...]
    expected_share: Decimal | None
    assumed: int


def analyse_paper(
    paper: Paper, items: Mapping[str, Item] | Iterable[Item], facilities: Mapping[str, Decimal] | None = None
) -> PaperAnalysis:
    """Marks, coverage and expected difficulty of a paper. ``facilities``: measured share earned per question (0–1); where it
    is unknown, :data:`ASSUMED_FACILITY` of its difficulty. Raises ``KeyError`` for a question that is not among the items."""
    known = items if isinstance(items, Mapping) else {item.id: item for item in items}
    found = [(known[entry.item_id], entry.points) for entry in paper.entries]
    measured = facilities or {}
    expected = sum(
        (measured.get(item.id, ASSUMED_FACILITY[item.difficulty]) * points for item, points in found), Decimal(0)
    )
    return PaperAnalysis(
        count=len(found),
        points=paper.points,
        by_kind=_tally((item.kind, points) for item, points in found),
        by_module=_tally((item.module, points) for item, points in found),
        by_difficulty=_tally((item.difficulty, points) for item, points in found),
        knowledge_points=tuple(sorted({item.point for item, _ in found if item.point})),
        expected_share=expected / paper.points if found else None,
        assumed=sum(item.id not in measured for item, _ in found),
    )


def _tally(rows: Iterable[tuple[Any, Decimal]]) -> dict[Any, tuple[int, Decimal]]:
    found: dict[Any, tuple[int, Decimal]] = {}
    for key, points in rows:
        count, total = found.get(key, (0, Decimal(0)))
        found[key] = (count + 1, total + points)
    return found
