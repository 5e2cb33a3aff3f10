"""The seat plan as pure arithmetic."""

from __future__ import annotations

from random import Random

import pytest

from app.exams.seating import Hall, Sitter, arrange, conflicts, shares


def _crowd(count: int, employers: int, seed: int = 1) -> list[Sitter]:
    chance = Random(seed)
    return [Sitter(n, chance.randrange(employers), frozenset({chance.randrange(4)})) for n in range(count)]


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    halls = [Hall(1, 5, 6), Hall(2, 4, 5)]
    crowd = _crowd(40, 8)
    first = arrange(crowd, halls, "a")
    assert arrange(list(reversed(crowd)), halls, "a").seats == first.seats
    assert arrange(crowd, halls, "b").seats != first.seats


def test_everybody_has_one_seat_within_the_room() -> None:
    halls = [Hall(1, 5, 6), Hall(2, 4, 5)]
    plan = arrange(_crowd(50, 50), halls, "x")
    assert len(set(plan.seats.values())) == 50 and not plan.left
    sizes = {1: 30, 2: 20}
    assert all(1 <= number <= sizes[hall] for hall, number in plan.seats.values())
    assert len(arrange(_crowd(53, 9), halls, "x").left) == 3


def test_colleagues_are_parted_where_it_can_be_done() -> None:
    halls = [Hall(1, 6, 8)]
    crowd = [Sitter(n, n % 3) for n in range(48)]
    assert arrange(crowd, halls, "s").employers == 0
    mates = [Sitter(n, None, frozenset({n % 2})) for n in range(48)]
    assert arrange(mates, halls, "s").classes < 12  # a draw by lot alone leaves about forty


def test_what_cannot_be_parted_is_counted() -> None:
    halls = [Hall(1, 1, 4)]
    plan = arrange([Sitter(n, 7) for n in range(4)], halls, "s")
    assert plan.employers == 3
    placed = {seat: Sitter(one, 7) for one, seat in plan.seats.items()}
    assert conflicts(placed, halls) == (3, 0)


def test_half_a_room_is_filled_like_a_chess_board() -> None:
    hall = Hall(1, 4, 4)
    plan = arrange([Sitter(n, 7) for n in range(8)], [hall], "s")
    assert plan.employers == 0


@pytest.mark.parametrize(("count", "made"), [(0, [0, 0]), (30, [20, 10]), (31, [21, 10]), (99, [40, 20])])
def test_rooms_are_filled_in_proportion(count: int, made: list[int]) -> None:
    assert shares(count, [Hall(1, 5, 8), Hall(2, 4, 5)]) == made
    assert shares(count, []) == []


def test_neighbours_stand_beside_before_and_behind() -> None:
    hall = Hall(1, 3, 4)
    assert sorted(hall.around(6)) == [2, 5, 7, 10] and sorted(hall.around(4)) == [3, 8]
