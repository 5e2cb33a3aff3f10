"""The contract register by sheet: units, numbers, dissolved contracts; matching claims; totals that come out the same."""

from __future__ import annotations

import io
import re
from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from app.accounts.models import Person, Region
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.imports.models import SheetRow
from app.imports.service import InUse
from app.imports.states import ImportState
from app.performance import matching, register
from app.performance.import_contracts import unit_of_heading
from app.performance.models import Claim, Contract, ContractState, CreditEntry
from app.performance.service import balance_of
from app.performance.states import ClaimState
from tests.factories import people
from tests.factories import performance as make
from tests.factories.sheets import check, fates, imported, problems, undo, upload

HEAD = (
    "登记编号",
    "合同名称",
    "合同类别",
    "卖方",
    "买方",
    "成交额（万元）",
    "签订日期",
    "登记日期",
    "合同状态",
    "解除日期",
    "备注",
)


@pytest.fixture
def binhai(app: Any, set_clock: Any, at: Any) -> Region:
    set_clock(at("2026-03-02 10:00"))
    return people.region("1200", "天津市滨海新区")


@pytest.fixture
def keeper(binhai: Region) -> Person:
    """The regional authority: keeps the register, reads no claims."""
    return people.officer(Role.AUTHORITY, Scope.REGION, binhai.id, name="赵维东", region_id=binhai.id)


def row(number: str = "20260010001", amount: str = "120", **more: str) -> tuple[str, ...]:
    cells = {
        "登记编号": number, "合同名称": "膜材料专利许可", "合同类别": "技术许可", "卖方": "天津某大学", "买方": "滨海制造有限公司",
        "成交额": amount, "签订日期": "2026-01-05", "登记日期": "2026-01-20", "状态": "", "解除日期": "", "备注": "",
    }  # fmt: skip
    return tuple((cells | more).values())


def by_number(number: str) -> Contract:
    found = db.session.scalar(select(Contract).where(Contract.number == number).execution_options(populate_existing=True))  # fmt: skip
    assert found is not None
    return found


def points(person: Person) -> D:
    return balance_of(db.session.get_one(Person, person.id)).total


@pytest.mark.parametrize(("heading", "unit"), [("成交额（万元）", "万元"), ("合同金额(元)", "元"), ("合同总额", ""), ("Amount (CNY 10,000)", "万元"), ("Amount (CNY)", "元")])  # fmt: skip
def test_the_unit_by_the_heading(heading: str, unit: str) -> None:
    assert unit_of_heading(heading) == unit


def test_amounts_by_heading_value_and_choice(binhai: Region, keeper: Person) -> None:
    rows = [
        row("A-0001", "120"), row("A-0002", "1,200,000元"), row("A-0003", "１２０万元"), row("A-0004", "￥1.2亿"),
        row("A-0005", "499999.99元"), row("A-0006", "-5"), row("A-0007", "面议"), row("A-0008", "1.2E+7"),
    ]  # fmt: skip
    found = imported("contracts", HEAD, rows, binhai.id, keeper)
    assert [by_number(f"A-000{n}").amount for n in range(1, 6)] == [D(120), D(120), D(120), D(12000), D("49.99")]
    assert problems(found) == {7: [("amount", "bounds")], 8: [("amount", "number")], 9: [("amount", "number")]}
    plain = (*HEAD[:5], "合同总额", *HEAD[6:])
    unsure = check(upload("contracts", plain, [row("B-0001", "1200000")], binhai.id, keeper), keeper)
    assert problems(unsure) == {2: [("amount", "unit")]}
    assert fates(check(unsure, keeper, unit="yuan")) == {"ready": 1}
    other = upload("contracts", plain, [row("B-0002", "55")], binhai.id, keeper)
    assert other.choices["unit"] == "yuan"  # remembered


def test_columns_are_remembered_for_the_region(binhai: Region, keeper: Person) -> None:
    odd = ("编码", "名字", *HEAD[2:])
    first = upload("contracts", odd, [row()], binhai.id, keeper)
    assert "number" not in first.mapping
    check(first, keeper, {**first.mapping, "number": 0, "title": 1})
    again = upload("contracts", ("名字", "编码", *HEAD[2:]), [row("A-1")], binhai.id, keeper)
    assert (again.mapping["number"], again.mapping["title"]) == (1, 0)
    other = people.region()
    officer = people.officer(Role.AUTHORITY, Scope.REGION, other.id)
    assert "number" not in upload("contracts", odd, [row("A-2")], other.id, officer).mapping


def test_one_contract_for_each_number(binhai: Region, keeper: Person) -> None:
    rows = [row("ａ-0001"), row("A-0001"), row("A-0002", 登记日期="2026-01-01"), row("A-0003", 状态="解除"), row("9-1"), row("2026-09-01")]  # fmt: skip
    found = imported("contracts", HEAD, rows, binhai.id, keeper)
    assert problems(found) == {
        3: [("", "twice")], 4: [("registered", "before")], 5: [("dissolved", "dissolved_when")], 6: [("number", "shape")],
        7: [("number", "made_a_date")],
    }  # fmt: skip
    assert by_number("A-0001").state is ContractState.REGISTERED
    changed = [row("A-0001", "130")]
    assert problems(check(upload("contracts", HEAD, changed, binhai.id, keeper), keeper)) == {2: [("number", "differs")]}  # fmt: skip
    changed = [row("A-0001", "131")]
    again = check(upload("contracts", HEAD, changed, binhai.id, keeper), keeper, existing="update")
    from tests.factories.sheets import take

    assert fates(take(again, keeper)) == {"done": 1} and by_number("A-0001").amount == D(131)
    undo(again, keeper)
    assert by_number("A-0001").amount == D(120)


def test_what_differs_is_said_in_the_language_of_who_reads(binhai: Region, keeper: Person, client_as: Any) -> None:
    imported("contracts", HEAD, [row("A-0001")], binhai.id, keeper)
    changed = check(upload("contracts", HEAD, [row("A-0001", "130", 买方="别的公司")], binhai.id, keeper), keeper)
    assert db.session.scalars(select(SheetRow.problems).where(SheetRow.import_id == changed.id)).all() == [
        [["number", "differs", ["buyer", "amount"]]]
    ]
    client = client_as(keeper)
    assert "买方（受让方）、合同成交额" in client.get(f"/imports/{changed.id}").text
    client.get("/language/en")
    assert "Buyer, Contract value differs" in client.get(f"/imports/{changed.id}").text
    with unit_of_work():  # as it was stored before
        kept = db.session.scalars(select(SheetRow).where(SheetRow.import_id == changed.id)).one()
        kept.problems = [["number", "differs", "买方、合同成交额"]]
    assert "买方、合同成交额 differs" in client.get(f"/imports/{changed.id}").text


def test_a_declared_contract_is_confirmed_and_its_claim_counts(binhai: Region, keeper: Person) -> None:
    trainee = people.person("赵敏", region=binhai)
    reviewer = people.officer(Role.CERTIFICATION, name="田国强")
    data = make.contract_data("A-0001", amount="300", on=date(2026, 1, 5))
    waiting = make.submitted(make.contract_claim(trainee, data))
    found = imported("contracts", HEAD, [row("A-0001", "300")], binhai.id, keeper)
    assert fates(found) == {"done": 1} and by_number("A-0001").state is ContractState.REGISTERED
    make.approved(waiting, reviewer)
    assert points(trainee) > 0
    with pytest.raises(InUse) as caught:
        undo(found, keeper)
    assert "A-0001" in caught.value.text
    gone = check(upload("contracts", HEAD, [row("A-0001", "301")], binhai.id, keeper), keeper, existing="update")
    assert problems(gone) == {2: [("", "counted")]}


def test_a_dissolved_contract_takes_its_points_with_it(binhai: Region, keeper: Person) -> None:
    trainee = people.person("赵敏", region=binhai)
    reviewer = people.officer(Role.CERTIFICATION, name="田国强")
    imported("contracts", HEAD, [row("A-0001", "300"), row("A-0002", "80")], binhai.id, keeper)
    make.approved(make.submitted(make.contract_claim(trainee, by_number("A-0001"))), reviewer)
    before = points(trainee)
    assert before > 0
    rows = [row("A-0001", "300", 状态="解除", 解除日期="2026-02-20", 备注="双方协商解除"), row("A-0002", "80")]
    found = imported("contracts", HEAD, rows, binhai.id, keeper)
    assert fates(found) == {"done": 1, "same": 1}
    one = by_number("A-0001")
    assert (one.state, one.dissolved_on, one.dissolved_because) == (ContractState.DISSOLVED, date(2026, 2, 20), "双方协商解除")  # fmt: skip
    assert points(trainee) == 0 and db.session.scalars(select(Claim.state)).one() is ClaimState.REVERSED
    lines = db.session.scalars(select(CreditEntry).where(CreditEntry.reverses_id.is_not(None))).all()
    assert lines and {line.dated for line in lines} == {date(2026, 2, 20)}
    with pytest.raises(InUse):
        undo(found, keeper)
    revived = check(upload("contracts", HEAD, [row("A-0001", "300")], binhai.id, keeper), keeper)
    assert problems(revived) == {2: [("state", "is_dissolved")]}
    assert fates(check(upload("contracts", HEAD, rows[:1], binhai.id, keeper, name="again"), keeper)) == {"same": 1}


def test_nobody_keeps_the_register_for_their_own_contract(binhai: Region, keeper: Person) -> None:
    make.submitted(make.contract_claim(keeper, make.contract_data("A-0001", amount="300", on=date(2026, 1, 5))))
    found = check(upload("contracts", HEAD, [row("A-0001", "300")], binhai.id, keeper), keeper)
    assert problems(found) == {2: [("number", "own")]}
    other = people.region()
    stranger = people.officer(Role.AUTHORITY, Scope.REGION, other.id)
    found = check(upload("contracts", HEAD, [row("A-0001", "300")], other.id, stranger), stranger)
    assert problems(found) == {2: [("number", "other_region")]}


def test_new_contracts_are_undone_while_nobody_claims_them(binhai: Region, keeper: Person) -> None:
    found = undo(imported("contracts", HEAD, [row("A-0001"), row("A-0002")], binhai.id, keeper), keeper)
    assert found.state is ImportState.UNDONE
    assert db.session.scalar(select(func.count()).select_from(Contract)) == 0
    found = imported("contracts", HEAD, [row("A-0001"), row("A-0002")], binhai.id, keeper)
    make.submitted(make.contract_claim(people.person("赵敏", region=binhai), by_number("A-0002")))
    with pytest.raises(InUse) as caught:
        undo(found, keeper)
    assert "A-0002" in caught.value.text and "A-0001" not in caught.value.text


# Matching


def test_a_claim_with_a_mistyped_number_is_matched(
    binhai: Region, keeper: Person, client_as: Any, queries: Any
) -> None:
    imported("contracts", HEAD, [row("20260010001", "300"), row("20260019999", "55", 卖方="别家", 买方="另一家")], binhai.id, keeper)  # fmt: skip
    trainee = people.person("赵敏", region=binhai)
    data = make.contract_data("20260010007", amount="300", on=date(2026, 1, 5))
    claim = make.submitted(make.contract_claim(trainee, data, share="60"))
    keeper = db.session.get_one(Person, keeper.id)
    likely = matching.proposals_for(db.session.scalars(matching.unmatched_claims(keeper)).all())[claim.id]
    assert [p.number for p in likely] == ["20260010001"] and likely[0].score == 40 + 50 + 25 + 20
    client = client_as(keeper)
    page = client.get("/performance/contracts/matching").text
    assert "20260010001" in page and "赵敏" in page and "编号仅差一两位" in page
    assert "20260019999" in client.get("/performance/contracts/matching?side=contracts").text
    target = by_number("20260010001").id
    assert client.post(f"/performance/contracts/matching/{claim.id}", data={"contract": target}).status_code == 302
    claim = db.session.get_one(Claim, claim.id, populate_existing=True)
    assert claim.contract is not None and claim.contract.number == "20260010001"
    assert [s.share for s in claim.contract.shares] == [D(60)]
    assert db.session.scalar(select(Contract).where(Contract.number == "20260010007")) is None
    assert client.post(f"/performance/contracts/matching/{claim.id}", data={"contract": target}).status_code == 404
    assert client_as(trainee).get("/performance/contracts/matching").status_code == 403


# Totals


def test_totals_come_out_the_same_later(binhai: Region, keeper: Person, set_clock: Any, at: Any) -> None:
    rows = [row("A-0001", "300"), row("A-0002", "80", 合同类别="技术服务"), row("A-0003", "20", 签订日期="2025-12-01", 登记日期="2025-12-20")]  # fmt: skip
    imported("contracts", HEAD, rows, binhai.id, keeper)
    make.submitted(make.contract_claim(people.person("赵敏", region=binhai), make.contract_data("X-0001", on=date(2026, 1, 5))))  # fmt: skip
    keeper = db.session.get_one(Person, keeper.id)

    def totals(until: date, known: date) -> list[tuple[int, str, int, D]]:
        return [(t.year, t.kind.value, t.number, t.amount) for t in register.totals(keeper, register.Cut(until, known))]

    first = [(2026, "licence", 1, D(300)), (2026, "service", 1, D(80)), (2025, "licence", 1, D(20))]
    assert totals(date(2026, 3, 2), date(2026, 3, 2)) == first
    assert totals(date(2025, 12, 31), date(2026, 3, 2)) == first[2:]
    assert totals(date(2026, 3, 2), date(2026, 3, 1)) == []
    set_clock(at("2026-04-01 10:00"))
    late = [row("A-0004", "7", 登记日期="2026-02-01"), row("A-0001", "300", 状态="解除", 解除日期="2026-02-20")]
    imported("contracts", HEAD, late, binhai.id, keeper)
    assert totals(date(2026, 3, 2), date(2026, 3, 2)) == first
    now = [(2026, "licence", 1, D(7)), (2026, "service", 1, D(80)), (2025, "licence", 1, D(20))]
    assert totals(date(2026, 3, 2), date(2026, 4, 1)) == now


def test_a_total_opens_its_contracts_and_goes_to_excel(binhai: Region, keeper: Person, client_as: Any) -> None:
    imported("contracts", HEAD, [row("A-0001", "300"), row("A-0002", "80", 合同类别="技术服务")], binhai.id, keeper)
    client = client_as(keeper)
    page = client.get("/performance/contracts/totals").text
    assert "380" in page and "截止日期" in page
    listed = client.get("/performance/contracts?until=2026-03-02&known=2026-03-02&year=2026&kind=service").text
    assert "A-0002" in listed and "A-0001" not in listed
    assert "A-0001" not in client.get("/performance/contracts?until=2026-03-02&known=2026-03-01").text
    for odd in ("until=x", "until=2026-13-01&known=9", "until=2026-03-02&known=2999-01-01"):
        assert client.get(f"/performance/contracts/totals?{odd}").status_code == 200
    book = load_workbook(io.BytesIO(client.get("/performance/contracts/totals?export=xlsx").data))
    cells = [[c.value for c in line] for line in book.active.iter_rows()]
    assert [380 in line for line in cells].count(True) == 1 and any("截止日期" in line for line in cells)


def test_the_register_is_entered_by_hand_too(binhai: Region, keeper: Person, client_as: Any) -> None:
    client = client_as(keeper)
    assert client.get("/performance/contracts/new").status_code == 200
    assert clock.today() == date(2026, 3, 2)
    with unit_of_work():
        db.session.get_one(Person, keeper.id).region_id = binhai.id
    data = {"number": "H-0001", "title": "膜材料", "kind": "service", "buyer": "甲", "seller": "乙", "amount": "9.5", "signed_on": "2026-02-01", "registered_on": "2026-02-02"}  # fmt: skip
    assert client.post("/performance/contracts/new", data=data).status_code == 302
    one = by_number("H-0001")
    assert one.entered_at is not None
    assert client.get(f"/performance/contracts/{one.id}/dissolve").status_code == 200


def test_the_list_tells_the_region_and_keeps_its_filters_in_the_address(
    binhai: Region, keeper: Person, client_as: Any
) -> None:
    other = people.region("2301", "哈尔滨市", name_en="Harbin")
    imported("contracts", HEAD, [row(f"A-{n:04d}") for n in range(30)], binhai.id, keeper)
    there = people.officer(Role.AUTHORITY, Scope.REGION, other.id, name="孙丽")
    imported("contracts", HEAD, [row("H-0001")], other.id, there)
    english = client_as(people.officer(Role.CERTIFICATION, locale="en"))
    client = client_as(people.officer(Role.CERTIFICATION, name="田国强"))
    page = client.get("/performance/contracts").text
    assert "天津市滨海新区" in page and "哈尔滨市" in page and "H-0001" in page
    assert "Harbin" in english.get("/performance/contracts").text
    page = client.get(f"/performance/contracts?region={binhai.id}&state=registered").text
    assert "H-0001" not in page and "A-00" in page
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]*page=2[^"]*)"', page)]
    assert links and all(f"region={binhai.id}" in link and "state=registered" in link for link in links)
    sheet = client.get(f"/performance/contracts?region={other.id}&export=xlsx").data
    lines = list(load_workbook(io.BytesIO(sheet)).active.iter_rows(values_only=True))
    assert "地区" in lines[0] and ["H-0001" in line and "哈尔滨市" in line for line in lines].count(True) == 1
