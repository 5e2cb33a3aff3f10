"""Who sits where: a plan drawn by a seed, in which neighbours do not share employer or class where that can be had.

Pure: rooms and candidates in, seats out. The same input and seed give the same plan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

EMPLOYER, CLASS = 3, 1
"""What it costs when two neighbours share an employer, or a class."""
TRIES = 80
"""Swaps tried for a candidate who sits badly before the next one's turn."""
ROUNDS = 4


@dataclass(frozen=True)
class Hall:
    """A room as a grid. Seats are numbered from 1, along the rows from the front."""

    id: int
    rows: int
    columns: int

    @property
    def capacity(self) -> int:
        return self.rows * self.columns

    def cell(self, number: int) -> tuple[int, int]:
        """Row and column of a seat, from 0."""
        return divmod(number - 1, self.columns)

    def around(self, number: int) -> Iterator[int]:
        """The seats beside, before and behind."""
        row, column = self.cell(number)
        for r, c in ((row, column - 1), (row, column + 1), (row - 1, column), (row + 1, column)):
            if 0 <= r < self.rows and 0 <= c < self.columns:
                yield r * self.columns + c + 1

    def order(self, wanted: int) -> list[int]:
        """The seats to use for so many people: every other one like a chess board where that is enough, else from the
        front without gaps."""
        numbers = range(1, self.capacity + 1)
        board = [n for n in numbers if sum(self.cell(n)) % 2 == 0]
        return board[:wanted] if wanted <= len(board) else list(numbers)[:wanted]


@dataclass(frozen=True)
class Sitter:
    """A candidate as the plan sees them."""

    id: int
    employer: int | None = None
    classes: frozenset[int] = frozenset()

    def shared(self, other: Sitter) -> int:
        """How bad it is for the two to sit together."""
        same = self.employer is not None and self.employer == other.employer
        return EMPLOYER * same + CLASS * bool(self.classes & other.classes)


Seat = tuple[int, int]
"""Hall and number."""


@dataclass(frozen=True)
class Plan:
    seats: Mapping[int, Seat]
    """Sitter → seat."""
    employers: int
    """Pairs of neighbours that still share an employer."""
    classes: int
    """Pairs of neighbours that still share a class."""
    left: tuple[int, ...] = ()
    """Those for whom there is no seat."""


def shares(count: int, halls: Sequence[Hall]) -> list[int]:
    """How many people go into each hall: in proportion to its size, so that every hall keeps its gaps."""
    whole = sum(hall.capacity for hall in halls)
    count = min(count, whole)
    made = [count * hall.capacity // whole for hall in halls] if whole else []
    while sum(made) < count:
        n = min((n for n, hall in enumerate(halls) if made[n] < hall.capacity),
                key=lambda n: (made[n] / halls[n].capacity, n))  # fmt: skip
        made[n] += 1
    return made


def arrange(sitters: Sequence[Sitter], halls: Sequence[Hall], seed: str) -> Plan:
    """Draw the plan of one place."""
    chance = Random(seed)
    queue = _spread(sorted(sitters, key=lambda one: one.id), chance)
    seats: list[Seat] = []
    for hall, wanted in zip(halls, shares(len(queue), halls), strict=True):
        seats += [(hall.id, number) for number in hall.order(wanted)]
    placed = dict(zip(seats, queue, strict=False))
    _mend(placed, {hall.id: hall for hall in halls}, chance)
    employers, classes = conflicts(placed, halls)
    return Plan(
        {one.id: seat for seat, one in placed.items()},
        employers,
        classes,
        tuple(one.id for one in queue[len(seats) :]),
    )


def _spread(sitters: Sequence[Sitter], chance: Random) -> list[Sitter]:
    """A random order in which people of one employer are far from each other: the groups are dealt out in turn."""
    groups: dict[object, list[Sitter]] = defaultdict(list)
    for one in sitters:
        groups[one.employer if one.employer is not None else f"alone-{one.id}"].append(one)
    dealt: list[tuple[float, float, Sitter]] = []
    for group in groups.values():
        chance.shuffle(group)
        start = chance.random()
        dealt += [((n + start) / len(group), chance.random(), one) for n, one in enumerate(group)]
    return [one for _at, _tie, one in sorted(dealt, key=lambda entry: entry[:2])]


def _cost(placed: Mapping[Seat, Sitter], hall: Hall, number: int, one: Sitter) -> int:
    return sum(one.shared(placed[hall.id, beside]) for beside in hall.around(number) if (hall.id, beside) in placed)


def _mend(placed: dict[Seat, Sitter], halls: Mapping[int, Hall], chance: Random) -> None:
    """Swap people who sit badly with others until it gets no better."""
    seats = list(placed)
    for _round in range(ROUNDS):
        better = False
        for seat in seats:
            hall = halls[seat[0]]
            if not _cost(placed, hall, seat[1], placed[seat]):
                continue
            better |= _swap(placed, halls, seat, chance.sample(seats, min(TRIES, len(seats))))
        if not better:
            return


def _swap(placed: dict[Seat, Sitter], halls: Mapping[int, Hall], seat: Seat, others: Sequence[Seat]) -> bool:
    def cost() -> int:
        return sum(_cost(placed, halls[s[0]], s[1], placed[s]) for s in (seat, other))

    for other in others:
        if other == seat:
            continue
        before = cost()
        placed[seat], placed[other] = placed[other], placed[seat]
        if cost() < before:
            return True
        placed[seat], placed[other] = placed[other], placed[seat]
    return False


def conflicts(placed: Mapping[Seat, Sitter], halls: Sequence[Hall]) -> tuple[int, int]:
    """Pairs of neighbours with one employer, and with a class in common."""
    known = {hall.id: hall for hall in halls}
    employers = classes = 0
    for (hall_id, number), one in placed.items():
        for beside in known[hall_id].around(number):
            other = placed.get((hall_id, beside))
            if other is None or beside < number:
                continue
            employers += one.employer is not None and one.employer == other.employer
            classes += bool(one.classes & other.classes)
    return employers, classes
