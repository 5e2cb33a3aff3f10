"""Tiers, shares, caps, windows: without a database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.outline.kinds import BadRule
from app.performance import arithmetic
from app.performance.arithmetic import Band, Given, Line, Rules, reckon
from app.performance.rules import BANDS, EVENTS, INDICATORS, as_bands, as_rules

BODY = INDICATORS.defaults[""]
RULES: Rules = as_rules(INDICATORS.typed(INDICATORS.clean(BODY)))


def points(code: str, **given: object) -> D:
    return reckon(RULES.indicators[code], Given(**given)).points


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("0", 0), ("9.99", 0), ("10", 3), ("49.99", 3), ("50", 8), ("199.99", 8), ("200", 15), ("499.99", 15),
        ("500", 25), ("999.99", 25), ("1000", 35), ("99999999", 35),
    ],
)  # fmt: skip
def test_tiers_include_their_lower_end_and_not_their_upper(amount: str, expected: int) -> None:
    assert points("P1", amount=D(amount)) == expected


@pytest.mark.parametrize(
    ("amount", "expected"), [("99.99", 0), ("100", 5), ("499.99", 5), ("500", 10), ("999.99", 10), ("1000", 15)]
)
def test_tiers_of_financing(amount: str, expected: int) -> None:
    assert points("P4", amount=D(amount)) == expected


def test_a_contract_of_300_with_60_per_cent_counts_180() -> None:
    made = reckon(RULES.indicators["P1"], Given(D(300), D(60)))
    assert (made.own, made.points) == (D("180.00"), 8)
    assert [step["do"] for step in made.steps] == ["share", "tier"]


def test_a_share_never_rounds_up_into_the_next_tier() -> None:
    made = reckon(RULES.indicators["P1"], Given(D("19.99"), D("50.02")))  # 9.998998
    assert (made.own, made.points) == (D("9.99"), 0)
    assert made.steps[-1]["do"] == "below"


@pytest.mark.parametrize(
    ("code", "expected"), [("P2", 3), ("P3", 10), ("P5", 1), ("P6", 2), ("P7", 2), ("P8", 5), ("P10", 3)]
)
def test_items_count_once_each(code: str, expected: int) -> None:
    assert points(code) == expected


@pytest.mark.parametrize(
    ("code", "quantity", "expected"), [("P9", "3", 6), ("P11", "9.99", 0), ("P11", "10", 1), ("P11", "39", 3)]
)
def test_units_count_when_full(code: str, quantity: str, expected: int) -> None:
    assert points(code, quantity=D(quantity)) == expected


def test_what_is_void_counts_nothing_unless_somebody_says_why() -> None:
    assert points("P1", amount=D(1000), void=("related",)) == 0
    assert points("P2", void=("unregistered",)) == 0
    made = reckon(RULES.indicators["P1"], Given(D(1000), void=("related",), allowed="独立评估价"))
    assert made.points == 35 and made.steps[-1] == {"do": "allowed", "reason": "独立评估价"}


def line(number: int, code: str, points: int | str, on: date = date(2025, 5, 1), reverses: int | None = None) -> Line:
    return Line(number, code, on, D(points), number, reverses)


def total(*lines: Line, since: date | None = None, until: date | None = None) -> D:
    return arithmetic.balance(lines, lambda year: RULES, since, until).total


EXAMPLE_5 = [line(1, "P1", 35), line(2, "P2", 3), line(3, "P1", 25), line(4, "P2", 3)]


def test_worked_example_5_caps_within_a_year() -> None:
    made = arithmetic.balance(EXAMPLE_5, lambda year: RULES)
    assert made.by_indicator == {"P1": 40, "P2": 6}
    assert made.years[2025].indicators["P1"].raw == 60
    assert made.total == 46


def test_worked_example_6_a_reversal_leaves_what_was_hidden_by_the_cap() -> None:
    later = date(2026, 2, 1)  # in another year: nothing goes below zero there
    lines = [*EXAMPLE_5, line(5, "P1", -25, later, 3), line(6, "P2", -3, later, 4)]
    made = arithmetic.balance(lines, lambda year: RULES)
    assert made.by_indicator == {"P1": 35, "P2": 3}
    assert made.total == 38
    assert total(*lines, until=date(2025, 12, 31)) == 46, "before the day of the event the points stood"


def test_caps_hold_per_calendar_year_and_then_the_years_add_up() -> None:
    two_years = [line(1, "P1", 35), line(2, "P1", 25), line(3, "P1", 35, date(2026, 1, 1))]
    assert total(*two_years) == 75
    assert total(*two_years, since=date(2025, 12, 31)) == 35
    assert total(*two_years, since=date(2025, 5, 1), until=date(2025, 5, 1)) == 40
    assert total(*two_years, since=date(2025, 5, 2), until=date(2025, 12, 31)) == 0


def test_a_year_counts_100_at_most() -> None:
    full = [line(i, code, 99) for i, code in enumerate(RULES.indicators, 1)]
    made = arithmetic.balance(full, lambda year: RULES)
    assert sum(made.by_indicator.values()) == 147
    assert made.total == 100


def test_deals_are_counted_by_claim() -> None:
    lines = [
        Line(1, "P1", date(2025, 1, 1), D(8), 7), Line(2, "P2", date(2025, 1, 1), D(3), 7),
        Line(3, "P4", date(2025, 1, 2), D(0), 8), Line(4, "P5", date(2025, 1, 2), D(1), 9),
    ]  # fmt: skip
    assert arithmetic.balance(lines, lambda year: RULES).deals == 1


grants = st.lists(
    st.tuples(st.sampled_from(list(RULES.indicators)), st.integers(0, 35), st.integers(0, 1200)), max_size=14
)


@settings(max_examples=80, deadline=None)
@given(made=grants, data=st.data())
def test_any_order_of_claims_and_reversals_gives_the_same_balance(made: list, data: st.DataObject) -> None:
    begin = date(2023, 1, 1).toordinal()
    lines = [line(i, code, p, date.fromordinal(begin + d)) for i, (code, p, d) in enumerate(made, 1)]
    back = data.draw(st.sets(st.sampled_from([one.id for one in lines]))) if lines else set()
    taken = [
        Line(1000 + one.id, one.indicator, date(2026, 12, 31), -one.points, one.claim, one.id)
        for one in lines
        if one.id in back
    ]
    shuffled = data.draw(st.permutations([*lines, *taken]))
    left = [one for one in lines if one.id not in back]
    said = arithmetic.balance(shuffled, lambda year: RULES)
    assert said == arithmetic.balance(left, lambda year: RULES)
    assert said.total == sum(
        min(sum(min(sum(x.points for x in left if (x.indicator, x.dated.year) == (c, y)), RULES.indicators[c].cap)
                for c in RULES.indicators), 100)
        for y in range(2023, 2027)
    )  # fmt: skip


def test_worked_example_12_bands_of_integrity() -> None:
    bands = as_bands(BANDS.typed(BANDS.defaults[""]))
    said = []
    for taken in ([], [20], [20, 15], [20, 15, 10], [100, 20]):
        score = arithmetic.integrity_score([D(-one) for one in taken])
        said.append((score, bands.of(score)))
    assert said == [
        (100, Band.GOOD), (80, Band.REMIND), (65, Band.WATCH), (55, Band.STOPPED), (0, Band.STOPPED),
    ]  # fmt: skip
    assert arithmetic.integrity_score([D(20)]) == 100
    assert [bands.of(D(n)) for n in ("90", "89.99", "75", "74.99", "60", "59.99")] == [
        Band.GOOD, Band.REMIND, Band.REMIND, Band.WATCH, Band.WATCH, Band.STOPPED,
    ]  # fmt: skip


def test_months_later() -> None:
    assert arithmetic.after_months(date(2025, 11, 22), 36) == date(2028, 11, 22)
    assert arithmetic.after_months(date(2025, 12, 31), 2) == date(2026, 3, 1)
    assert arithmetic.after_months(date(2025, 1, 31), 12) == date(2026, 1, 31)


def changed(**more: object) -> dict:
    return {**BODY, **more}


@pytest.mark.parametrize(
    "body",
    [
        changed(indicators=[*BODY["indicators"], BODY["indicators"][0]]),
        changed(tiers=[*BODY["tiers"], {"code": "P2", "low": "1", "high": "2", "points": "1"}]),
        changed(tiers=[*BODY["tiers"], {"code": "P1", "low": "40", "high": "60", "points": "1"}]),
        changed(tiers=[row for row in BODY["tiers"] if row["code"] != "P4"]),
        changed(tiers=[*BODY["tiers"], {"code": "P4", "low": "20", "high": "20", "points": "1"}]),
        changed(year_cap="-1"),
        changed(year_cap="NaN"),
    ],
)
def test_a_version_that_makes_no_sense_is_refused(body: dict) -> None:
    with pytest.raises(BadRule):
        INDICATORS.clean(body)


def test_bands_must_fall_and_events_stand_once() -> None:
    with pytest.raises(BadRule):
        BANDS.clean({"good": "80", "remind": "85", "watch": "60"})
    events = EVENTS.defaults[""]
    with pytest.raises(BadRule):
        EVENTS.clean({**events, "events": [*events["events"], events["events"][0]]})
