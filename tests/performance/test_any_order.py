"""Any order of claims, reversals, dissolutions and recomputation gives the same balance; windows at their edges."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.accounts.models import Person
from app.core import clock
from app.core.permissions import Role
from app.db import db, unit_of_work
from app.performance import claims, contracts
from app.performance.arithmetic import after_months
from app.performance.ledger import recompute
from app.performance.models import Claim, Contract
from app.performance.service import balance_of, facts_of
from app.performance.states import ClaimState
from certificates.validity import anniversary
from tests.factories import people
from tests.factories import performance as make
from tests.factories.mandates import do

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def officer(set_clock, at) -> Person:
    set_clock(at("2026-03-02 09:00"))
    return people.officer(Role.CERTIFICATION, name="李主任")


AMOUNTS = st.sampled_from(["9.99", "10", "49.99", "50", "199.99", "200", "600", "1200"])
DEALS = st.lists(
    st.tuples(AMOUNTS, st.sampled_from([30, 50]), st.sampled_from([date(2024, 12, 31), date(2025, 1, 1), date(2025, 6, 1)]),
              st.sampled_from(["stands", "reversed", "dissolved", "dissolved after reversal"])),
    min_size=1, max_size=4,
)  # fmt: skip


def lived(
    deals: list, order: list[int], end_order: list[int], officer: Person, *, look_between: bool
) -> tuple[D, dict, int]:
    """Two people share each contract; the grants come in one order, what ends them in another."""
    first, second = people.person("甲"), people.person("乙")
    made: dict[int, tuple[Contract, Claim]] = {}
    for n in order:
        amount, share, on, _ = deals[n]
        contract = make.registered(amount=amount, on=on, by=officer)
        mine = make.approved(make.submitted(make.contract_claim(first, contract, share=share)), officer)
        make.approved(make.submitted(make.contract_claim(second, contract, share=100 - share)), officer)
        made[n] = contract, mine
        if look_between:
            assert recompute().agrees
    for n in end_order:
        contract, mine = made[n]
        end = deals[n][3]
        if "reversed" in end or "reversal" in end:
            do(claims.reverse_claim, mine, on=date(2026, 3, 1), reason="更正", by=officer)
        if "dissolved" in end:
            do(contracts.dissolve, contract, on=date(2026, 3, 2), reason="解除", by=officer)
        if look_between:
            assert recompute().agrees
    found = balance_of(db.session.get_one(Person, first.id))
    return found.total, {code: points for code, points in found.by_indicator.items() if points}, found.deals


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(deals=DEALS, data=st.data())
def test_any_order_of_claims_reversals_dissolutions_and_recomputation(officer, deals, data) -> None:
    numbers = list(range(len(deals)))
    orders = [data.draw(st.permutations(numbers)) for _ in range(2)]
    one = lived(deals, numbers, numbers, officer, look_between=False)
    other = lived(deals, orders[0], orders[1], officer, look_between=True)
    assert one == other
    assert recompute().agrees


def test_the_last_and_the_first_day_of_a_year_have_caps_of_their_own(officer) -> None:
    person = people.person()
    for on in (date(2024, 12, 31), date(2024, 12, 31), date(2025, 1, 1), date(2025, 1, 1)):
        make.granted(person, "P1", amount="1200", on=on, by=officer)
    years = balance_of(person).years
    assert {n: y.indicators["P1"].counted for n, y in years.items()} == {2024: 40, 2025: 40}
    assert {n: y.indicators["P2"].counted for n, y in years.items()} == {2024: 6, 2025: 6}
    assert balance_of(person, date(2025, 1, 1)).total == 46 and balance_of(person, until=date(2024, 12, 31)).total == 46


@pytest.mark.parametrize(
    ("on", "since"),
    [
        (date(2024, 2, 29), date(2022, 3, 1)), (date(2026, 3, 1), date(2024, 3, 1)), (date(2026, 2, 28), date(2024, 2, 28)),
        (date(2028, 2, 29), date(2026, 3, 1)), (date(2026, 8, 31), date(2024, 8, 31)),
    ],
)  # fmt: skip
def test_a_window_of_24_months_begins_on_the_same_day_everywhere(on: date, since: date) -> None:
    assert after_months(on, -24) == since == anniversary(on, -24)


def test_an_item_of_a_leap_day_falls_out_of_the_window_once(officer, set_clock, at) -> None:
    person = people.person()
    make.granted(person, "P3", on=date(2024, 2, 29), by=officer)

    def counted(on: date) -> D:
        return facts_of(person, anniversary(on, -24), on).points

    assert [counted(date(2026, 2, 28)), counted(date(2026, 3, 1))] == [10, 0]


def test_a_reversal_dated_later_leaves_the_past_as_it_was(officer) -> None:
    """A balance of a past day is what it was then: the yearly report can be drawn twice."""
    person = people.person()
    lost = make.granted(person, "P3", on=date(2025, 6, 1), by=officer)
    do(claims.reverse_claim, lost, on=date(2026, 2, 1), reason="虚报", by=officer)
    assert (
        balance_of(person, until=date(2026, 1, 31)).total == 10
        and balance_of(person, until=date(2026, 2, 1)).total == 0
    )


def test_a_gate_is_open_again_when_the_points_leave(officer) -> None:
    from app.pathway import service as pathway
    from app.pathway.rules import Stage

    person = people.person(region=people.region())
    claim = make.granted(person, "P1", amount="1200", on=date(2025, 6, 1), by=officer)

    def passed() -> bool:
        return (
            pathway.current_pathway(db.session.get_one(Person, person.id), 2, clock.today())
            .gate(Stage.PERFORMANCE)
            .passed
        )

    assert passed()
    with unit_of_work():
        contract = db.session.get_one(Contract, claim.contract_id)
        contracts.dissolve(
            contract, on=date(2026, 3, 1), reason="解除", by=db.session.get_one(Person, officer.id), now=clock.now()
        )
    db.session.expire_all()
    assert not passed() and claim.state is ClaimState.REVERSED
