"""From claim to ledger, through the services."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from decimal import Decimal as D

import pytest
from flask_babel import force_locale
from sqlalchemy import select, update

from app.accounts.models import Person
from app.core import clock
from app.core.errors import Forbidden, NotAllowedNow, NotFound
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.files.service import FileRefused
from app.notices.models import Notice
from app.performance import claims, contracts, ledger
from app.performance.claims import ClaimData
from app.performance.contracts import ContractCounted, Dissolved, NumberTaken, OwnContract, ShareTaken
from app.performance.models import Claim, Contract, ContractState, CreditEntry, LedgerIsAppendOnly
from app.performance.service import balance_of, explain, facts_of
from app.performance.states import ClaimState
from tests.factories import people
from tests.factories import performance as make

pytestmark = pytest.mark.usefixtures("app")
SPRING = date(2025, 3, 1)


@pytest.fixture
def officer() -> Person:
    return people.officer(Role.CERTIFICATION)


@pytest.fixture
def trainee() -> Person:
    return people.person("赵敏")


def act(verb, row, by, **more):
    """A service call as a view makes it: read again inside one unit of work."""
    kind, row_id, by_id = type(row), row.id, by.id
    with unit_of_work():
        return verb(
            db.session.get_one(kind, row_id), by=db.session.get_one(Person, by_id), now=clock.now(), **more
        )  # fmt: skip


def act_detach(claim, by):
    claim_id, file_id, by_id = claim.id, claim.files[0].file_id, by.id
    with unit_of_work():
        claims.detach(db.session.get_one(Claim, claim_id), file_id, by=db.session.get_one(Person, by_id))


def test_worked_example_4_three_share_a_contract(app, officer) -> None:
    contract = make.registered(amount="500", on=SPRING, by=officer)
    first, second, third = (people.person(n) for n in ("甲", "乙", "丙"))
    one = make.submitted(make.contract_claim(first, contract, share="60"))
    two = make.submitted(make.contract_claim(second, contract, share="40"))
    more = make.contract_claim(third, contract, share="10")
    with pytest.raises(ShareTaken) as refused:
        make.submitted(more)
    assert refused.value.values == {"taken": "100", "free": "0", "asked": "10"}
    with app.test_request_context():
        assert "100 %" in refused.value.text
        assert "甲" not in refused.value.text and "乙" not in refused.value.text
    make.approved(one, officer)
    make.approved(two, officer)
    assert balance_of(first).by_indicator["P1"] == 15
    assert balance_of(second).by_indicator["P1"] == 15
    amounts = db.session.scalars(select(CreditEntry.amount).where(CreditEntry.indicator == "P1")).all()
    assert sorted(amounts) == [200, 300]


def test_worked_examples_5_and_6_caps_and_a_dissolved_contract(officer, trainee) -> None:
    make.granted(trainee, amount="1200", on=SPRING, by=officer)
    small = make.granted(trainee, amount="600", on=date(2025, 9, 1), by=officer)
    facts = facts_of(trainee, date(2025, 1, 1), date(2025, 12, 31))
    assert (facts.points, facts.by_indicator, facts.deal_items) == (46, {"P1": 40, "P2": 6}, 2)
    contract = db.session.get_one(Contract, small.contract_id)
    act(contracts.dissolve, contract, officer, on=date(2026, 2, 1), reason="双方协议解除")
    balance = balance_of(trainee)
    assert (balance.by_indicator, balance.total) == ({"P1": 35, "P2": 3}, 38)
    assert facts_of(trainee, date(2025, 1, 1), date(2025, 12, 31)).points == 46, "as it stood on that day"
    assert facts_of(trainee, date(2025, 1, 1), date(2026, 2, 1)).points == 38
    back = db.session.scalars(select(CreditEntry).where(CreditEntry.reverses_id.is_not(None))).all()
    assert [(one.indicator, one.points, one.dated) for one in back] == [
        ("P1", -25, date(2026, 2, 1)), ("P2", -3, date(2026, 2, 1)),
    ]  # fmt: skip
    assert db.session.get_one(Claim, small.id).state is ClaimState.REVERSED
    assert ledger.recompute().agrees
    letters = db.session.scalars(select(Notice.letter).where(Notice.person_id == trainee.id)).all()
    assert letters.count("performance.granted") == 2 and letters.count("performance.reversed") == 1
    with pytest.raises(Dissolved):
        act(contracts.dissolve, contract, officer, on=date(2026, 2, 1), reason="再次")


def test_the_window_decides_which_items_count(officer, trainee) -> None:
    make.granted(trainee, "P3", on=date(2024, 6, 30), by=officer)
    make.granted(trainee, "P3", on=date(2025, 6, 30), by=officer)
    make.granted(trainee, "P5", on=date(2025, 7, 1), by=officer)
    assert facts_of(trainee, date(2024, 7, 1), date(2025, 6, 30)).points == 10
    assert facts_of(trainee, date(2024, 6, 30), date(2025, 7, 1)).points == 21
    assert facts_of(trainee, date(2024, 6, 30), date(2025, 7, 1)).deal_items == 2


def test_the_explanation_says_every_step(officer, trainee) -> None:
    contract = make.registered(amount="300", on=SPRING, by=officer)
    claim = make.approved(make.submitted(make.contract_claim(trainee, contract, share="60")), officer)
    entry = db.session.scalars(select(CreditEntry).where(CreditEntry.claim_id == claim.id)).first()
    said = explain(entry)
    assert said.is_default and said.version == 1 and not said.reversal
    assert [step["do"] for step in entry.working["steps"]] == ["share", "tier"]
    with force_locale("en"):
        assert explain(entry).steps == [
            "Own share: 300 × 60 % = 180 (CNY 10,000)",
            "180 lies in the tier from 50 to below 200: 8 points",
        ]


def test_nobody_reviews_their_own_or_their_colleagues_claim(officer) -> None:
    region = people.region()
    firm = people.organisation(region)
    colleague = people.officer(Role.CERTIFICATION, organisation_id=firm.id)
    trainee = people.person(organisation_id=firm.id)
    waiting = make.submitted(make.claim(trainee, "P5", on=SPRING))
    with pytest.raises(claims.Conflict):
        act(claims.approve, waiting, colleague)
    with pytest.raises(claims.Conflict):
        act(claims.refuse, waiting, colleague, remark="不符")
    own = make.submitted(make.claim(officer, "P5", on=SPRING))
    with pytest.raises(claims.OwnClaim):
        act(claims.approve, own, officer)
    assert not claims.may_decide(officer, own) and not claims.may_decide(colleague, waiting)
    assert claims.count_waiting(colleague) == 1, "only the officer's own claim is open to the colleague"
    assert claims.may_decide(officer, waiting)


def test_a_right_reaches_its_region_only(officer) -> None:
    here, there = people.region(), people.region(name="哈尔滨市")
    local = people.officer(Role.CERTIFICATION, Scope.REGION, here.id)
    far = make.submitted(make.claim(people.person(region=there), "P5", on=SPRING))
    near = make.submitted(make.claim(people.person(region=here), "P5", on=SPRING))
    with pytest.raises(NotFound):
        claims.claim_for(local, far.id)
    with pytest.raises(NotFound):
        act(claims.approve, far, local)
    assert claims.claim_for(local, near.id).id == near.id
    assert claims.count_waiting(local) == 1
    contract = make.registered(by=officer)
    with pytest.raises(Forbidden):
        act(contracts.dissolve, contract, local, on=date(2025, 4, 1), reason="越权")


def test_drafts_and_other_peoples_claims_are_closed(officer, trainee) -> None:
    draft = make.claim(trainee, "P5", on=SPRING)
    for stranger in (officer, people.person()):
        with pytest.raises(NotFound):
            claims.claim_for(stranger, draft.id)
        with pytest.raises(NotFound):
            act(claims.submit, draft, stranger)
        with pytest.raises(NotFound):
            act(claims.withdraw, draft, stranger)
        with pytest.raises(claims.NotEditable):
            act_detach(draft, stranger)


def test_unregistered_and_related_deals_count_only_with_a_written_reason(officer, trainee) -> None:
    declared = make.contract_data(amount="800", on=SPRING)
    claim = make.submitted(make.contract_claim(trainee, declared))
    assert [(c, r.points) for c, r in ledger.reckonings(claim)] == [("P1", 0), ("P2", 0)]
    make.approved(claim, officer)
    assert balance_of(trainee).total == 0
    facts = facts_of(trainee, date(2025, 1, 1), date(2025, 12, 31))
    assert facts.deal_items == 0, "an item that counts nothing is no deal"
    related = make.contract_claim(
        people.person("钱进"), make.registered(amount="800", on=SPRING, by=officer), related=True
    )
    allowed = make.approved(make.submitted(related), officer, allowed="价格经独立机构评估")
    assert balance_of(allowed.person).by_indicator == {"P1": 25, "P2": 3}
    assert db.session.get_one(Claim, allowed.id).allowed == "价格经独立机构评估"
    plain = make.approved(make.submitted(make.claim(trainee, "P5", on=SPRING)), officer, allowed="无关")
    assert plain.allowed == "", "a reason is kept only where something was void"
    assert ledger.recompute().agrees


def test_confirming_a_declared_contract_corrects_it_before_points_stand(officer, trainee) -> None:
    claim = make.submitted(make.contract_claim(trainee, make.contract_data("ab 123", amount="9999", on=SPRING)))
    contract = db.session.get_one(Contract, claim.contract_id)
    assert (contract.number, contract.state) == ("AB123", ContractState.DECLARED)
    act(contracts.confirm, contract, officer, data=make.contract_data("AB123", amount="40", on=SPRING))
    make.approved(claim, officer)
    assert balance_of(trainee).by_indicator == {"P1": 3, "P2": 3}, "the register's amount counts, not the declared one"
    with pytest.raises(ContractCounted):
        act(contracts.confirm, contract, officer, data=make.contract_data("AB123", amount="4000", on=SPRING))


def test_the_register_takes_a_number_once(officer) -> None:
    make.registered("2025-0001", by=officer)
    with pytest.raises(NumberTaken):
        make.registered("２０２５－0001 ", by=officer)


def test_who_has_a_claim_on_a_contract_does_not_keep_it(officer) -> None:
    contract = make.registered(by=officer)
    other = people.officer(Role.CERTIFICATION)
    make.submitted(make.contract_claim(other, contract, share="10"))
    with pytest.raises(OwnContract):
        act(contracts.dissolve, contract, other, on=date(2025, 4, 1), reason="解除")


def test_what_is_freed_can_be_taken(officer) -> None:
    contract = make.registered(by=officer)
    first, second = people.person("甲"), people.person("乙")
    one = make.submitted(make.contract_claim(first, contract, share="80"))
    two = make.contract_claim(second, contract, share="50")
    with pytest.raises(ShareTaken):
        make.submitted(two)
    act(claims.send_back, one, officer, remark="请补充角色确认")
    with pytest.raises(ShareTaken):
        make.submitted(two)
    act(claims.withdraw, one, first)
    make.submitted(two)
    act(claims.refuse, two, officer, remark="非本人促成")
    assert contracts.taken(contract.id) == 0
    again = make.submitted(make.contract_claim(second, contract, share="100"))
    with pytest.raises(contracts.ClaimedAlready):
        make.submitted(make.contract_claim(second, contract, share="1"))
    make.approved(again, officer)
    act(claims.reverse_claim, again, officer, on=clock.today(), reason="虚报")
    assert contracts.taken(contract.id) == 0
    assert balance_of(second).total == 0
    with pytest.raises(NotAllowedNow):
        act(claims.reverse_claim, again, officer, on=clock.today(), reason="再次")
    assert ledger.recompute().agrees


def test_a_returned_claim_is_corrected_and_comes_back(officer, trainee) -> None:
    contract = make.registered(amount="100", on=SPRING, by=officer)
    claim = make.submitted(make.contract_claim(trainee, contract, share="100"))
    act(claims.send_back, claim, officer, remark="份额应为 40 %")
    data = ClaimData(
        "P1", "更正", SPRING, D(100), share=D(40), contract=make.contract_data(contract.number, amount="100")
    )
    act(claims.edit, claim, trainee, data=data)
    make.submitted(claim)
    assert contracts.taken(contract.id) == 40
    make.approved(claim, officer)
    assert balance_of(trainee).by_indicator == {"P1": 3, "P2": 3}
    with pytest.raises(claims.NotEditable):
        act(claims.edit, claim, trainee, data=data)


def test_bad_claims_are_refused_with_the_field(trainee) -> None:
    tomorrow = clock.today() + timedelta(days=1)
    for data, kind, field in [
        (ClaimData("P99", "无此指标", SPRING), claims.NoSuchIndicator, "indicator"),
        (ClaimData("P5", "未来", tomorrow), contracts.BadDay, "dated"),
        (ClaimData("P4", "没有金额", SPRING), claims.Needed, "amount"),
        (ClaimData("P1", "没有合同", SPRING, D(1), share=D(1)), claims.Needed, "number"),
        (ClaimData("P1", "没有份额", SPRING, D(1), contract=make.contract_data()), claims.Needed, "share"),
        (ClaimData("P9", "没有数量", SPRING, quantity=D(0)), claims.Needed, "quantity"),
    ]:
        with pytest.raises(kind) as refused, unit_of_work():
            claims.draft(data, by=trainee, now=clock.now())
        assert refused.value.field == field


def test_a_claim_needs_evidence_of_a_kind_we_take(trainee) -> None:
    with unit_of_work():
        bare = claims.draft(ClaimData("P5", "无证明", SPRING), by=trainee, now=clock.now())
    with pytest.raises(claims.NoEvidence):
        make.submitted(bare)
    for name, text in (("空.txt", ""), ("程序.txt", "MZ\0\0"), ("假的.pdf", "文本")):
        with pytest.raises(FileRefused), unit_of_work():
            claims.draft(
                ClaimData("P5", "坏文件", SPRING), uploads=[make.evidence(name, text)], by=trainee, now=clock.now()
            )
    with pytest.raises(claims.TooManyFiles), unit_of_work():
        claims.draft(
            ClaimData("P5", "太多", SPRING), uploads=[make.evidence() for _ in range(11)], by=trainee, now=clock.now()
        )
    assert db.session.scalars(select(Claim)).all() == [bare]


def test_the_same_file_on_two_claims_is_flagged(officer, trainee) -> None:
    contract = make.registered(by=officer)
    first = make.submitted(
        make.contract_claim(trainee, contract, share="50", files=[make.evidence("甲.txt", "同一份")])
    )
    other = people.person("乙")
    second = make.contract_claim(other, contract, share="50", files=[make.evidence("乙.txt", "同一份")])
    assert [(one.name, one.claim_id, one.own) for one in claims.seen_elsewhere(second)] == [("乙.txt", first.id, False)]
    assert claims.seen_elsewhere(first) == [], "a draft is nobody's business"


def test_a_reason_is_asked_before_returning_or_refusing(officer, trainee) -> None:
    waiting = make.submitted(make.claim(trainee, "P5", on=SPRING))
    for verb in (claims.send_back, claims.refuse):
        with pytest.raises(claims.ReasonNeeded):
            act(verb, waiting, officer, remark="  ")
    assert db.session.get_one(Claim, waiting.id).state is ClaimState.SUBMITTED


def test_a_claim_is_decided_once(officer, trainee) -> None:
    waiting = make.approved(make.submitted(make.claim(trainee, "P5", on=SPRING)), officer)
    for verb, more in (
        (claims.approve, {}),
        (claims.refuse, {"remark": "迟了"}),
        (claims.send_back, {"remark": "迟了"}),
    ):
        with pytest.raises(NotAllowedNow):
            act(verb, waiting, people.officer(Role.CERTIFICATION), **more)
    assert len(db.session.scalars(select(CreditEntry)).all()) == 1


def test_the_ledger_is_only_added_to(officer, trainee) -> None:
    make.granted(trainee, "P3", on=SPRING, by=officer)
    with pytest.raises(LedgerIsAppendOnly), unit_of_work():
        db.session.scalars(select(CreditEntry)).one().points = D(20)
    with pytest.raises(LedgerIsAppendOnly), unit_of_work():
        db.session.delete(db.session.scalars(select(CreditEntry)).one())


def test_recompute_finds_what_was_changed_behind_its_back(app, officer, trainee) -> None:
    claim = make.granted(trainee, amount="300", on=SPRING, by=officer)
    runner = app.test_cli_runner()
    good = runner.invoke(args=["performance", "recompute", "--balances"])
    assert good.exit_code == 0 and f"person {trainee.id}: 18.00 points" in good.output
    assert "2 entries, 1 balances: the ledger agrees" in good.output
    p1 = select(CreditEntry.id).where(CreditEntry.claim_id == claim.id, CreditEntry.indicator == "P1").scalar_subquery()
    with unit_of_work():
        db.session.execute(update(CreditEntry).where(CreditEntry.id == p1).values(points=D(35)))
    bad = runner.invoke(args=["performance", "recompute"])
    assert bad.exit_code == 1
    assert "holds 35.00 points, computed again they are 15.00" in bad.output
    assert f"person {trainee.id}: the ledger gives 38.00 points, computed again they are 18.00" in bad.output


def test_recompute_finds_broken_inputs_states_and_shares(officer, trainee) -> None:
    claim = make.granted(trainee, amount="300", on=SPRING, by=officer)
    entry = db.session.scalars(select(CreditEntry).where(CreditEntry.indicator == "P1")).one()
    working = {**entry.working, "inputs": {**entry.working["inputs"], "amount": "600"}}
    with unit_of_work():
        db.session.execute(update(CreditEntry).where(CreditEntry.id == entry.id).values(working=working))
        db.session.execute(update(Claim).where(Claim.id == claim.id).values(state=ClaimState.REFUSED))
        db.session.execute(update(contracts.ContractShare).values(share=D(100), claim_id=claim.id))
    words = " ".join(ledger.recompute().faults)
    assert "own amount 300.00, computed again it is 600.00" in words
    assert f"claim {claim.id} is refused, but lines of it stand" in words


def test_two_claims_take_the_last_share_at_once(app, officer) -> None:
    contract = make.registered(by=officer)
    drafts = [make.contract_claim(people.person(name), contract, share="60") for name in ("甲", "乙")]
    asked = [(one.id, one.person_id) for one in drafts]
    db.session.rollback()
    start = threading.Barrier(2, timeout=10)
    said: list[str] = []

    def take(claim_id: int, person_id: int) -> None:
        with app.app_context():
            by = db.session.get_one(Person, person_id)
            claim = claims.own_claim_for(by, claim_id)
            start.wait()
            try:
                with unit_of_work():
                    claims.submit(claim, by=by, now=clock.now())
                said.append("taken")
            except ShareTaken:
                said.append("refused")
            finally:
                db.session.close()

    threads = [threading.Thread(target=take, args=pair) for pair in asked]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert sorted(said) == ["refused", "taken"]
    db.session.rollback()
    assert contracts.taken(contract.id) == 60
