import json
from collections import Counter
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from question_samples import ITEMS

from question_bank.assembly import (
    BadBlueprint,
    Blueprint,
    Cell,
    Fixed,
    Infeasible,
    Paper,
    Pool,
    analyse_paper,
    assemble,
    assemble_all,
    blueprint_from_shares,
    largest_remainder,
    supply,
)
from question_bank.defaults import DIFFICULTY_SHARES, KINDS, MODULE_HOURS, default_blueprint
from question_bank.items import MODULES, WHOLE, Difficulty, Item, Kind, choices_of, public_view

ONE = Decimal(1)
EASY, MEDIUM, HARD = Difficulty


def truth(name, module="skill", difficulty=EASY, level=1, enemies=()):
    return Item(
        id=name,
        kind=Kind.TRUEFALSE,
        text=name,
        answer=True,
        level=level,
        module=module,
        difficulty=difficulty,
        enemies=tuple(enemies),
        point=f"点{name[-1]}",
    )


def choice(name, module="skill", difficulty=EASY, level=1, **more):
    options = [{"text": f"选项{n}", "correct": n == 1} for n in range(4)]
    data = {"id": name, "kind": "single", "text": name, "options": options, "level": level, "module": module}
    return Item.from_dict({**data, "difficulty": difficulty.value, **more})


def cell(count, module=None, difficulty=None, level=None, kind=Kind.TRUEFALSE, points=ONE):
    return Cell(kind, count, points, level, module, difficulty)


def pool_of(*counts):
    """``(module, difficulty, how many)`` …"""
    return [truth(f"{m}-{d.value}-{n}", m, d) for m, d, count in counts for n in range(count)]


FROZEN_IDS = ("q2", "q0", "q4", "q3")
FROZEN_ORDER = ("d", "a", "c", "b")


# --- drawing


def test_the_same_seed_gives_the_same_paper_in_whatever_order_the_pool_comes():
    pool = [choice(f"q{n}") for n in range(50)]
    blueprint = Blueprint((cell(10, kind=Kind.SINGLE),))
    paper = assemble(pool, blueprint, 7)
    assert assemble(reversed(pool), blueprint, 7) == paper
    assert assemble(pool, blueprint, "7") == paper
    assert assemble(pool, blueprint, 8).item_ids != paper.item_ids


def test_a_paper_drawn_today_is_drawn_again_in_years():
    """A regrade or a complaint may ask for it: this paper is written down here, and must not change."""
    paper = assemble([choice(f"q{n}") for n in range(9)], Blueprint((cell(4, kind=Kind.SINGLE),)), "2026-秋")
    assert paper.item_ids == FROZEN_IDS
    assert paper.entries[0].order == {WHOLE: FROZEN_ORDER}


def test_a_paper_survives_its_json_form():
    paper = assemble(ITEMS.values(), Blueprint((cell(1, kind=Kind.CASE), cell(1, kind=Kind.MATCHING))), 1)
    assert Paper.from_dict(json.loads(json.dumps(paper.to_dict()))) == paper
    assert set(paper.entries[0].order) == {"p1"}


def test_cells_get_what_they_ask_for():
    pool = pool_of(("skill", EASY, 9), ("skill", HARD, 9), ("policy", EASY, 9))
    paper = assemble(
        pool, Blueprint((cell(3, "skill", EASY), cell(2, "skill", HARD, points=Decimal(3)), cell(4, "policy"))), 1
    )
    assert Counter(name.rsplit("-", 1)[0] for name in paper.item_ids) == {
        "skill-easy": 3,
        "skill-hard": 2,
        "policy-easy": 4,
    }
    assert paper.points == 3 + 6 + 4
    assert all(entry.points == (3 if "hard" in entry.item_id else 1) for entry in paper.entries)


def test_a_shortage_is_named_by_cell():
    pool = pool_of(("skill", EASY, 2), ("policy", HARD, 5))
    wanted = cell(5, "skill", EASY)
    with pytest.raises(Infeasible) as short:
        assemble(pool, Blueprint((wanted, cell(5, "policy", HARD))), 1)
    assert short.value.short == {wanted: 3}
    assert not short.value.because_of_enemies
    assert "truefalse × * × skill × easy: 3 missing" in str(short.value)


def test_an_open_cell_does_not_take_what_a_later_one_needs():
    pool = pool_of(("skill", EASY, 2), ("policy", EASY, 2))
    for seed in range(20):
        paper = assemble(pool, Blueprint((cell(2), cell(2, "skill"))), seed)
        assert len(set(paper.item_ids)) == 4


def test_overlapping_cells_are_solved_by_exchange():
    # By module and by difficulty: neither says more than the other, so that somebody has to move.
    pool = pool_of(("skill", EASY, 1), ("skill", HARD, 1), ("policy", EASY, 1))
    for seed in range(20):
        paper = assemble(pool, Blueprint((cell(1, difficulty=EASY), cell(1, "skill"), cell(1, difficulty=HARD))), seed)
        assert len(paper.entries) == 3


CLASSES = [(module, difficulty) for module in ("skill", "policy") for difficulty in (EASY, HARD)]


@given(
    st.lists(st.integers(0, 2), min_size=4, max_size=4),
    st.lists(
        st.tuples(st.sampled_from([None, "skill", "policy"]), st.sampled_from([None, EASY, HARD]), st.integers(1, 2)),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 5),
)
def test_infeasible_means_infeasible(counts, wanted, seed):
    """Hall's condition, tried over all sets of seats, says the same."""
    pool = pool_of(*((m, d, count) for (m, d), count in zip(CLASSES, counts, strict=True)))
    cells = [cell(count, module, difficulty) for module, difficulty, count in wanted]
    feasible = all(
        sum(c.count for c in some) <= sum(any(c.takes(item) for c in some) for item in pool)
        for size in range(1, len(cells) + 1)
        for some in combinations(cells, size)
    )
    try:
        paper = assemble(pool, Blueprint(tuple(cells)), seed)
    except Infeasible as short:
        assert not feasible
        assert sum(short.short.values()) == sum(s.missing for s in supply(pool, Blueprint(tuple(cells))))
    else:
        assert feasible
        assert len(set(paper.item_ids)) == sum(c.count for c in cells)


# --- enemies


def test_enemies_never_meet_whichever_of_them_says_so():
    pool = [truth(f"q{n}", enemies=[f"q{n + 10}"]) for n in range(10)] + [truth(f"q{n}") for n in range(10, 20)]
    for seed in range(20):
        drawn = {int(name[1:]) for name in assemble(pool, Blueprint((cell(10),)), seed).item_ids}
        assert {n % 10 for n in drawn} == set(range(10))


def test_a_hub_of_enemies_is_left_out_where_it_must_be():
    pool = [truth("hub", enemies=[f"q{n}" for n in range(5)])] + [truth(f"q{n}") for n in range(5)]
    for seed in range(20):
        assert "hub" not in assemble(pool, Blueprint((cell(5),)), seed).item_ids


@settings(max_examples=60)
@given(
    st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda pair: pair[0] < pair[1]), max_size=12),
    st.integers(1, 6),
    st.integers(0, 3),
)
def test_enemies_against_trying_everything(hostile, count, seed):
    pool = [truth(f"q{n}", enemies=[f"q{b}" for a, b in sorted(hostile) if a == n]) for n in range(7)]
    peaceful = any(not any(a in some and b in some for a, b in hostile) for some in combinations(range(7), count))
    try:
        paper = assemble(pool, Blueprint((cell(count),)), seed)
    except Infeasible as short:
        assert not peaceful
        assert short.because_of_enemies
        assert short.short
    else:
        names = {int(name[1:]) for name in paper.item_ids}
        assert not any(a in names and b in names for a, b in hostile)
        assert len(names) == count


# --- fixed, seen, exposure


def test_a_fixed_question_takes_a_seat_or_comes_on_top():
    pool = [truth(f"q{n}") for n in range(10)]
    blueprint = Blueprint((cell(3),), fixed=(Fixed("q7"), Fixed("q8", Decimal(5))))
    paper = assemble(pool, blueprint, 1, seen={"q7"})
    assert {"q7", "q8"} <= set(paper.item_ids)
    assert len(paper.entries) == blueprint.count == 4
    assert paper.points == blueprint.points == 8


def test_a_fixed_question_keeps_its_enemies_away():
    pool = [truth("q0", enemies=["q1", "q2"]), *(truth(f"q{n}") for n in range(1, 5))]
    paper = assemble(pool, Blueprint((cell(3),), fixed=(Fixed("q0"),)), 1)
    assert set(paper.item_ids) == {"q0", "q3", "q4"}
    with pytest.raises(Infeasible) as short:
        assemble(pool, Blueprint((cell(4),), fixed=(Fixed("q0"),)), 1)
    assert short.value.because_of_enemies and short.value.short == {cell(4): 1}


def test_fixed_questions_make_room_for_one_another():
    pool = pool_of(("skill", EASY, 2), ("skill", HARD, 1))
    cells = (cell(1, "skill"), cell(1, difficulty=EASY))
    paper = assemble(pool, Blueprint(cells, fixed=(Fixed("skill-easy-0"), Fixed("skill-hard-0"))), 1)
    assert set(paper.item_ids) == {"skill-easy-0", "skill-hard-0"}


@pytest.mark.parametrize(
    ("fixed", "reason"),
    [
        ([Fixed("nobody")], "fixed_unknown"),
        ([Fixed("q1"), Fixed("q1", ONE)], "fixed_twice"),
        ([Fixed("q1"), Fixed("q2")], "fixed_enemies"),
        ([Fixed("s1")], "fixed_fits_no_cell"),
        ([Fixed("q3"), Fixed("q4"), Fixed("q5")], "fixed_fits_no_cell"),
    ],
)
def test_fixed_questions_that_cannot_be_placed(fixed, reason):
    pool = [truth("q1", enemies=["q2"]), *(truth(f"q{n}") for n in range(2, 6)), choice("s1")]
    with pytest.raises(BadBlueprint) as bad:
        assemble(pool, Blueprint((cell(2),), fixed=tuple(fixed)), 1)
    assert bad.value.reason == reason


def test_what_was_seen_does_not_come_again():
    pool = [truth(f"q{n}") for n in range(10)]
    first = assemble(pool, Blueprint((cell(5),)), 1)
    second = assemble(pool, Blueprint((cell(5),)), 1, seen=set(first.item_ids))
    assert not set(first.item_ids) & set(second.item_ids)
    with pytest.raises(Infeasible):
        assemble(pool, Blueprint((cell(6),)), 1, seen=set(first.item_ids))


def test_the_least_used_come_first_and_the_limit_holds():
    pool = [truth(f"q{n}") for n in range(10)]
    used = {f"q{n}": n for n in range(10)}
    assert set(assemble(pool, Blueprint((cell(4),)), 3, exposure=used).item_ids) == {"q0", "q1", "q2", "q3"}
    with pytest.raises(Infeasible) as short:
        assemble(pool, Blueprint((cell(4),)), 3, exposure=used, most_exposure=3)
    assert short.value.short == {cell(4): 1}


def test_many_papers_use_the_pool_evenly():
    pool = Pool(truth(f"q{n:02}") for n in range(20))
    papers = list(assemble_all(pool, Blueprint((cell(5),)), range(8), most_exposure=2))
    assert set(Counter(name for paper in papers for name in paper.item_ids).values()) == {2}
    with pytest.raises(Infeasible):
        list(assemble_all(pool, Blueprint((cell(5),)), range(9), most_exposure=2))


def test_many_papers_heed_what_each_candidate_has_seen():
    pool = [truth(f"q{n}") for n in range(6)]
    papers = list(assemble_all(pool, Blueprint((cell(3),)), ["a", "b"], seen_by={"b": {"q0", "q1", "q2"}}))
    assert set(papers[1].item_ids) == {"q3", "q4", "q5"}


# --- order on the page


def test_kinds_stay_together_in_the_order_of_the_blueprint():
    pool = [truth(f"t{n}") for n in range(9)] + [choice(f"s{n}") for n in range(9)]
    paper = assemble(pool, Blueprint((cell(4, kind=Kind.SINGLE), cell(4))), 5)
    assert [name[0] for name in paper.item_ids] == ["s"] * 4 + ["t"] * 4
    assert len({assemble(pool, Blueprint((cell(9),)), seed).item_ids for seed in range(10)}) > 5


def test_options_are_shuffled_unless_the_author_or_the_blueprint_says_no():
    written = tuple(choices_of(choice("q")))
    free = {
        assemble([choice("q")], Blueprint((cell(1, kind=Kind.SINGLE),)), n).entries[0].order[WHOLE] for n in range(40)
    }
    assert len(free) > 10
    kept = choice("q", shuffle=False)
    for seed in range(20):
        assert assemble([kept], Blueprint((cell(1, kind=Kind.SINGLE),)), seed).entries[0].order == {WHOLE: written}
        plain = Blueprint((cell(1, kind=Kind.SINGLE),), shuffle_options=False)
        assert assemble([choice("q")], plain, seed).entries[0].order == {WHOLE: written}


def test_true_and_false_have_no_order_and_steps_always_a_drawn_one():
    assert assemble([truth("q")], Blueprint((cell(1),)), 1).entries[0].order == {}
    plain = Blueprint((cell(1, kind=Kind.ORDERING),), shuffle_options=False)
    orders = {assemble([ITEMS["o1"]], plain, seed).entries[0].order[WHOLE] for seed in range(40)}
    assert len(orders) > 10


def test_every_order_of_a_paper_fits_its_question():
    cells = tuple(cell(1, kind=item.kind, level=item.level) for item in ITEMS.values())
    paper = assemble(
        [item for item in ITEMS.values() if item.id != "t1"],
        Blueprint(tuple(c for c in cells if c.kind is not Kind.TRUEFALSE)),
        3,
    )
    for entry in paper.entries:
        assert public_view(ITEMS[entry.item_id], entry.order)["id"] == entry.item_id


# --- blueprints


@given(st.integers(0, 100), st.lists(st.integers(0, 60), min_size=1, max_size=6).filter(any))
def test_largest_remainder_is_exact_and_near(total, weights):
    counts = largest_remainder(total, weights)
    assert sum(counts) == total
    assert all(abs(count - total * weight / sum(weights)) < 1 for count, weight in zip(counts, weights, strict=True))


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
    st.lists(st.integers(1, 60), min_size=3, max_size=3),
)
def test_shares_become_cells_with_exact_totals(counts, modules, difficulties):
    names = [Kind.SINGLE, Kind.MULTIPLE, Kind.TRUEFALSE, Kind.BLANK]
    kinds = {kind: (count, ONE) for kind, count in zip(names, counts, strict=False)}
    shares = dict(zip(MODULES, modules, strict=False))
    blueprint = blueprint_from_shares(kinds, shares, dict(zip(Difficulty, difficulties, strict=True)), 1)
    for kind, (count, _) in kinds.items():
        mine = [c for c in blueprint.cells if c.kind is kind]
        assert sum(c.count for c in mine) == count
        for module, share in shares.items():
            assert abs(sum(c.count for c in mine if c.module == module) - count * share / sum(modules)) < 1
        for difficulty, share in zip(Difficulty, difficulties, strict=True):
            placed = sum(c.count for c in mine if c.difficulty is difficulty)
            assert abs(placed - count * share / sum(difficulties)) < 1


@pytest.mark.parametrize("level", KINDS)
def test_the_default_blueprints_add_up(level):
    blueprint = default_blueprint(level)
    assert blueprint.points == 100
    by_kind = Counter()
    for c in blueprint.cells:
        by_kind[c.kind] += c.count
    assert by_kind == {kind: count for kind, (count, _) in KINDS[level].items()}
    spread = [c for c in blueprint.cells if c.module]
    total = sum(c.count for c in spread)
    for module, hours in MODULE_HOURS[level].items():
        share = sum(c.count for c in spread if c.module == module) / total
        assert abs(share - hours / sum(MODULE_HOURS[level].values())) < 1.5 / total
    for difficulty, percent in DIFFICULTY_SHARES.items():
        assert abs(sum(c.count for c in spread if c.difficulty is difficulty) / total - percent / 100) < 1.5 / total


def test_a_blueprint_survives_its_json_form():
    blueprint = Blueprint(
        (cell(2, "skill", EASY, 1), cell(1)), (Fixed("q1"), Fixed("q2", Decimal("2.5"))), False, False
    )
    assert Blueprint.from_dict(json.loads(json.dumps(blueprint.to_dict()))) == blueprint


def test_blueprints_that_mean_nothing():
    with pytest.raises(BadBlueprint, match="no_cells"):
        Blueprint(())
    with pytest.raises(BadBlueprint, match="bad_count"):
        cell(-1)
    with pytest.raises(BadBlueprint, match="bad_points"):
        cell(1, points=Decimal(0))
    with pytest.raises(BadBlueprint, match="bad_share"):
        blueprint_from_shares({"single": (3, ONE)}, {"skill": -1}, {})


def test_supply_names_what_each_cell_needs_and_finds():
    pool = pool_of(("skill", EASY, 2), ("policy", EASY, 1))
    rows = supply(pool, Blueprint((cell(1, "skill"), cell(5), cell(2, "advanced"))))
    assert [(row.needed, row.available, row.missing) for row in rows] == [(1, 2, 0), (5, 3, 3), (2, 0, 2)]


def test_a_paper_at_a_glance():
    pool = [truth("q0", "skill", EASY), truth("q1", "policy", HARD)]
    paper = assemble(pool, Blueprint((cell(1, "skill"), cell(1, "policy", points=Decimal(3)))), 1)
    seen = analyse_paper(paper, pool, {"q1": Decimal("0.25")})
    assert (seen.count, seen.points, seen.assumed) == (2, 4, 1)
    assert seen.by_module == {"skill": (1, 1), "policy": (1, 3)}
    assert seen.by_difficulty == {EASY: (1, 1), HARD: (1, 3)}
    assert seen.by_kind == {Kind.TRUEFALSE: (2, 4)}
    assert seen.knowledge_points == ("点0", "点1")
    assert seen.expected_share == (Decimal("0.85") + Decimal("0.75")) / 4


# --- whatever is asked for: papers obey, and "cannot" means cannot


KINDS_TRIED = (Kind.TRUEFALSE, Kind.SINGLE)


@st.composite
def small_cases(draw):
    """A pool of at most eight questions, a few cells that may overlap, enemies, exposure, and what was seen."""
    size = draw(st.integers(1, 8))
    make = {Kind.TRUEFALSE: truth, Kind.SINGLE: choice}
    items = [
        make[draw(st.sampled_from(KINDS_TRIED))](
            f"q{n}",
            draw(st.sampled_from(["skill", "policy"])),
            draw(st.sampled_from([EASY, HARD])),
            draw(st.integers(1, 2)),
        )
        for n in range(size)
    ]
    names = [item.id for item in items]
    hostile = draw(
        st.sets(st.tuples(st.sampled_from(names), st.sampled_from(names)).filter(lambda p: p[0] < p[1]), max_size=5)
    )
    cells = tuple(
        cell(
            draw(st.integers(1, 3)),
            draw(st.sampled_from([None, "skill", "policy"])),
            draw(st.sampled_from([None, EASY, HARD])),
            draw(st.sampled_from([None, 1, 2])),
            draw(st.sampled_from(KINDS_TRIED)),
            Decimal(draw(st.integers(1, 3))),
        )
        for _ in range(draw(st.integers(1, 3)))
    )
    exposure = draw(st.dictionaries(st.sampled_from(names), st.integers(0, 3)))
    limit = draw(st.sampled_from([None, 1, 2]))
    seen = draw(st.frozensets(st.sampled_from(names), max_size=3))
    fixed = draw(st.sampled_from([None, *names]))
    return items, hostile, Blueprint(cells, (Fixed(fixed, ONE),) if fixed else ()), exposure, limit, seen


def fillings(cells, items, at=0, taken=()):
    """Every way to fill the cells one after the other, by trying all."""
    if at == len(cells):
        yield taken
        return
    free = [item for item in items if cells[at].takes(item) and item not in taken]
    for some in combinations(free, cells[at].count):
        yield from fillings(cells, items, at + 1, (*taken, *some))


@settings(max_examples=150, deadline=None)
@given(small_cases(), st.integers(0, 9))
def test_every_paper_obeys_and_infeasible_means_infeasible(case, seed):
    items, hostile, blueprint, exposure, limit, seen = case
    on_top = {one.item_id for one in blueprint.fixed}
    allowed = [
        item for item in items
        if item.id not in on_top and item.id not in seen and (limit is None or exposure.get(item.id, 0) < limit)
    ]  # fmt: skip

    def peaceful(names):
        return not any(a in names and b in names for a, b in hostile)

    possible = any(peaceful({item.id for item in some} | on_top) for some in fillings(blueprint.cells, allowed))
    try:
        paper = assemble(Pool(items, hostile), blueprint, seed, exposure=exposure, most_exposure=limit, seen=seen)
    except Infeasible as short:
        assert not possible
        assert short.short and not short.gave_up
        assert short.because_of_enemies or short.bottleneck
        return
    assert possible
    names = set(paper.item_ids)
    assert len(names) == len(paper.entries) == blueprint.count and paper.points == blueprint.points
    assert on_top <= names and names - on_top <= {item.id for item in allowed} and peaceful(names)
    drawn = [item for item in items if item.id in names - on_top]
    assert any(fillings(blueprint.cells, drawn)), "the questions fill the cells"
    worth = sorted(entry.points for entry in paper.entries if entry.item_id not in on_top)
    assert worth == sorted(c.points for c in blueprint.cells for _ in range(c.count))
    again = assemble(Pool(reversed(items), hostile), blueprint, seed, exposure=exposure, most_exposure=limit, seen=seen)
    assert again == paper


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 2), min_size=4, max_size=4),
    st.lists(
        st.tuples(st.sampled_from([None, "skill", "policy"]), st.sampled_from([None, EASY, HARD]), st.integers(1, 3)),
        min_size=1, max_size=5, unique_by=lambda row: row[:2],
    ),
)  # fmt: skip
def test_the_bottleneck_is_the_smallest_set_of_cells_that_is_short(counts, wanted):
    pool = pool_of(*((m, d, count) for (m, d), count in zip(CLASSES, counts, strict=True)))
    cells = [cell(count, module, difficulty) for module, difficulty, count in wanted]

    def lack(some):
        return sum(c.count for c in some) - sum(any(c.takes(item) for c in some) for item in pool)

    smallest = min(
        (size for size in range(1, len(cells) + 1) for some in combinations(cells, size) if lack(some) > 0), default=0
    )
    try:
        assemble(pool, Blueprint(tuple(cells)), 1)
    except Infeasible as short:
        tight = short.bottleneck
        assert len(tight.cells) == smallest
        assert lack(tight.cells) == tight.missing == tight.needed - tight.available > 0
        assert tight.missing <= sum(short.short.values())
    else:
        assert not smallest


def test_the_bottleneck_names_cells_that_are_short_only_together():
    pool = pool_of(("skill", EASY, 3), ("policy", HARD, 9))
    one, other = cell(2, "skill"), cell(2, difficulty=EASY)
    with pytest.raises(Infeasible) as short:
        assemble(pool, Blueprint((one, other, cell(3, "policy", HARD))), 1)
    tight = short.value.bottleneck
    assert set(tight.cells) == {one, other} and (tight.needed, tight.available, tight.missing) == (4, 3, 1)


def test_enemies_of_a_pool_count_like_those_of_its_questions():
    pool = Pool([truth("a"), truth("b"), truth("c")], [("a", "b"), ("a", "gone")])
    for seed in range(10):
        assert not {"a", "b"} <= set(assemble(pool, Blueprint((cell(2),)), seed).item_ids)
    with pytest.raises(Infeasible) as short:
        assemble(pool, Blueprint((cell(3),)), 1)
    assert short.value.because_of_enemies and short.value.bottleneck is None


def test_five_hundred_papers_of_a_large_bank_are_all_made():
    pool = Pool(pool_of(*((m, d, 100) for m in MODULES for d in Difficulty)), [])
    cells = tuple(cell(5, m, d) for m in MODULES for d in Difficulty)
    papers = list(assemble_all(pool, Blueprint(cells), range(500), most_exposure=26))
    used = Counter(name for paper in papers for name in paper.item_ids)
    assert len(papers) == 500 and max(used.values()) - min(used.values()) <= 1
