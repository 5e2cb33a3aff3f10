"""The pages, as the people who use them."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.performance import contracts
from app.performance.models import Claim, Contract, ContractState, CreditEntry, IntegrityEvent
from app.performance.service import balance_of, integrity_of
from app.performance.states import ClaimState
from tests.factories import people
from tests.factories import performance as make

SPRING = date(2025, 3, 1)
CONTRACT = {
    "title": "电池材料转让", "kind": "transfer", "buyer": "甲公司", "seller": "乙大学", "amount": "300",
    "signed_on": "2025-03-01", "share": "60", "note": "寻找买方并组织谈判",
}  # fmt: skip


@pytest.fixture
def officer(app):
    return people.officer(Role.CERTIFICATION)


@pytest.fixture
def trainee(app):
    return people.person("赵敏")


def page(client, address, status=200, **more):
    answer = client.get(address, **more)
    text = answer.get_data(as_text=True)
    assert answer.status_code == status, text[:2000]
    assert not re.search(r"&lt;(built-in|bound|function|Person|Claim|RuleVersion)|object at 0x|%\(|Undefined", text)
    return text


def send(client, address, data=None, status=302, files=None):
    body = dict(data or {})
    if files is not None:
        body["files"] = [(io.BytesIO(text.encode()), name) for name, text in files]
    answer = client.post(address, data=body, content_type="multipart/form-data")
    assert answer.status_code == status, answer.get_data(as_text=True)[:3000]
    return answer


def test_from_the_claim_to_the_arithmetic_in_the_browser(client_as, officer, trainee):
    me, office = client_as(trainee), client_as(officer)
    assert "还没有申报" in page(me, "/performance/")
    assert "技术合同" in page(me, "/performance/claims/new")
    assert "登记编号" in page(me, "/performance/claims/new?indicator=P2")
    assert "尚未入簿" in page(me, "/performance/claims/new?indicator=P1&number=2025-77")
    made = send(
        me, "/performance/claims/new?indicator=P1&number=2025-77", CONTRACT | {"do": "submit"},
        files=[("登记证明.txt", "证明")],
    )  # fmt: skip
    claim = db.session.scalars(select(Claim)).one()
    assert made.location.endswith(f"/performance/claims/{claim.id}") and claim.state is ClaimState.SUBMITTED
    text = page(office, f"/performance/claims/{claim.id}")
    assert "按现状计 0 分" in text and "电池材料转让" in page(office, "/performance/inbox")
    contract = db.session.scalars(select(Contract)).one()
    assert contract.state is ContractState.DECLARED
    data = {k: v for k, v in CONTRACT.items() if k not in ("share", "note")}
    send(
        office,
        f"/performance/contracts/{contract.id}/confirm",
        data | {"number": "2025-77", "registered_on": "2025-03-05"},
    )
    assert "180 属于 50（含）至 200（不含）档位：8 分" in page(office, f"/performance/claims/{claim.id}")
    send(office, f"/performance/claims/{claim.id}/decide", {"do": "approve"})
    db.session.expire_all()
    assert balance_of(trainee).by_indicator == {"P1": 8, "P2": 3}
    text = page(me, "/performance/")
    assert re.search(r'data-label="项数">1</td>\s*<td[^>]*>8</td>\s*<td[^>]*>40</td>\s*<td[^>]*><strong>8<', text)
    assert "11 分" in text and "P1 技术合同成交额" in text and "/performance/ledger/mine?indicator=P1" in text
    entry = db.session.scalars(select(CreditEntry).where(CreditEntry.indicator == "P1")).one()
    assert f"/performance/ledger/{entry.id}" in page(me, "/performance/ledger/mine?indicator=P1")
    text = page(me, f"/performance/ledger/{entry.id}")
    assert "本人份额：300 × 60 % = 180（万元）" in text and "系统默认" in text
    send(office, f"/performance/contracts/{contract.id}/dissolve", {"on": "2025-06-01", "reason": "协议解除"})
    assert "该行已被冲销" in page(me, f"/performance/ledger/{entry.id}")
    assert "协议解除" in page(me, f"/performance/claims/{claim.id}")
    assert balance_of(trainee).total == 0


def test_the_second_claimant_sees_the_share_and_no_name(client_as, officer, trainee):
    contract = make.registered("2025-88", amount="500", on=SPRING, by=officer)
    make.submitted(make.contract_claim(people.person("孙悟"), contract, share="60"))
    me = client_as(trainee)
    text = page(me, "/performance/claims/new?indicator=P1&number=2025-88")
    assert "他人已申报 60 %，还可申报 40 %" in text
    assert "孙悟" not in text and "500" not in text.split("<main")[1].split("</main")[0] and contract.title not in text
    known = {k: v for k, v in CONTRACT.items() if k not in ("kind", "buyer", "seller")}
    send(me, "/performance/claims/new?indicator=P1&number=2025-88", known | {"do": "submit"}, files=[("a.txt", "x")])
    claim = db.session.scalars(select(Claim).where(Claim.person_id == trainee.id)).one()
    assert claim.state is ClaimState.DRAFT, "60 % + 60 % is refused, the draft is kept"
    text = page(me, f"/performance/claims/{claim.id}")
    assert "孙悟" not in text and "滨海制造" not in text
    values = known | {"share": "40", "do": "submit"}
    send(me, f"/performance/claims/{claim.id}/edit", values)
    assert db.session.get_one(Claim, claim.id).state is ClaimState.SUBMITTED
    assert page(me, f"/performance/claims/{claim.id}").count("其他申报已占 60 %")


def test_a_form_says_what_is_wrong_beside_the_field(client_as, trainee):
    me = client_as(trainee)
    address = "/performance/claims/new?indicator=P4"
    text = send(me, address, {"title": "", "dated": "2999-13-45", "amount": "1.234", "share": "0"}, 422).get_data(True)
    text = text if isinstance(text, str) else text.decode()
    for field in ("title", "dated", "amount", "share", "note"):
        assert f'id="{field}-error"' in text, field
    future = {
        "title": "<script>alert(1)</script>",
        "dated": str(clock.today() + timedelta(days=30)),
        "amount": "100",
        "share": "50",
        "note": "x",
    }
    text = send(me, address, future, 422).get_data(as_text=True)
    assert "日期晚于今天" in text and "<script>alert" not in text and "&lt;script&gt;" in text
    bad = future | {"dated": "2025-01-01"}
    text = send(me, address, bad, 422, files=[("表.pdf", "不是PDF")]).get_data(as_text=True)
    assert "不能" in text or "cannot" in text
    assert db.session.scalars(select(Claim)).all() == []
    for amount in ("-1", "NaN", "1e400", "abc", "99999999999"):
        send(me, address, bad | {"amount": amount}, 422)
    assert page(me, "/performance/claims/new?indicator=NOPE")
    assert page(me, "/performance/claims/new?indicator=P1&number=" + "9" * 500)


def test_a_refused_submission_keeps_the_draft(client_as, trainee):
    me = client_as(trainee)
    data = {"title": "需求", "dated": "2025-03-01", "note": "走访", "do": "submit"}
    made = send(me, "/performance/claims/new?indicator=P5", data)
    text = page(me, made.location)
    assert "草稿已保存，但未能提交" in text and "佐证材料" in text


def test_other_peoples_pages_are_not_there(client_as, officer, trainee):
    region = people.region()
    claim = make.submitted(make.claim(trainee, "P5", on=SPRING))
    granted = make.granted(trainee, "P3", on=SPRING, by=officer)
    entry = db.session.scalars(select(CreditEntry)).one()
    file_id = db.session.get_one(Claim, claim.id).files[0].file_id
    far = people.officer(Role.CERTIFICATION, Scope.REGION, region.id)
    for stranger in (people.person(), far, people.officer(Role.AUDITOR, Scope.REGION, region.id)):
        browser = client_as(stranger)
        for address in (
            f"/performance/claims/{claim.id}", f"/performance/claims/{claim.id}/edit", f"/performance/ledger/{entry.id}",
            f"/performance/claims/{claim.id}/files/{file_id}", "/performance/claims/99999999999", "/performance/integrity/1",
        ):  # fmt: skip
            page(browser, address, 404)
        for address in ("submit", "withdraw", f"files/{file_id}/remove"):
            send(browser, f"/performance/claims/{claim.id}/{address}", status=404)
    browser = client_as(far)
    send(browser, f"/performance/claims/{claim.id}/decide", {"do": "approve"}, 404)
    page(browser, f"/performance/claims/{granted.id}/reverse", 404)
    page(browser, f"/performance/people/{trainee.id}", 404)
    page(browser, f"/performance/people/{trainee.id}/notice", 404)
    office_only = ("inbox", "claims", "contracts", "contracts/new", "ledger", "people", "integrity/all")
    for address in office_only:
        page(client_as(trainee), f"/performance/{address}", 403)
    assert page(client_as(trainee), f"/performance/claims/{claim.id}/files/{file_id}")


def test_the_auditor_reads_and_decides_nothing(client_as, officer, trainee):
    auditor = people.officer(Role.AUDITOR)
    waiting = make.submitted(make.claim(trainee, "P5", on=SPRING))
    granted = make.granted(trainee, amount="300", on=SPRING, by=officer)
    browser = client_as(auditor)
    for address in (
        "claims", f"claims/{waiting.id}", f"claims/{granted.id}", "contracts", f"contracts/{granted.contract_id}",
        "ledger", "people", f"people/{trainee.id}", "integrity/all",
    ):  # fmt: skip
        text = page(browser, f"/performance/{address}")
        for button in ("入账</button>", "冲销积分</a>", "标记解除</a>", "提出信用事项</a>"):
            assert button not in text, (address, button)
    send(browser, f"/performance/claims/{waiting.id}/decide", {"do": "approve"}, 403)
    send(browser, f"/performance/claims/{granted.id}/reverse", {"on": "2025-03-01", "reason": "x"}, 403)


def test_decisions_need_words_and_are_refused_to_colleagues(client_as, trainee, app):
    region = people.region()
    firm = people.organisation(region)
    colleague = people.officer(Role.REVIEWER, organisation_id=firm.id)
    reviewer = people.officer(Role.REVIEWER)
    worker = people.person(organisation_id=firm.id)
    claim = make.submitted(make.claim(worker, "P5", on=SPRING))
    address = f"/performance/claims/{claim.id}/decide"
    send(client_as(colleague), address, {"do": "approve"}, 403)
    assert "同单位" in page(client_as(colleague), f"/performance/claims/{claim.id}")
    browser = client_as(reviewer)
    assert "请填写理由" in send(browser, address, {"do": "return"}, 422).get_data(as_text=True)
    assert "请选择处理方式" in send(browser, address, {"do": "dance"}, 422).get_data(as_text=True)
    send(browser, address, {"do": "return", "remark": "需求书未盖章"})
    assert "需求书未盖章" in page(client_as(worker), f"/performance/claims/{claim.id}")
    send(browser, address, {"do": "approve"}, 409)


def test_lists_do_not_ask_more_when_they_grow(client_as, officer, trainee, queries):
    def rows() -> None:
        who = people.person()
        make.granted(who, amount="300", on=SPRING, by=officer)
        make.submitted(make.claim(who, "P5", on=SPRING))
        make.granted(trainee, "P3", on=SPRING, by=officer)

    office, me = client_as(officer), client_as(trainee)
    places = ["/performance/inbox", "/performance/claims", "/performance/contracts", "/performance/ledger",
              "/performance/people", "/performance/integrity/all"]  # fmt: skip

    def counted() -> list[int]:
        found = []
        for browser, address in [
            *((office, p) for p in places),
            (me, "/performance/"),
            (me, "/performance/ledger/mine"),
        ]:
            db.session.expire_all()
            with queries() as seen:
                page(browser, address)
            found.append(len(seen))
        return found

    rows()
    few = counted()
    for _ in range(3):
        rows()
    assert counted() == few
    assert max(few) <= 16, few


def test_lists_filter_sort_and_leave_as_excel(client_as, officer, trainee):
    make.granted(trainee, amount="300", on=SPRING, by=officer)
    make.granted(trainee, "P3", on=date(2024, 2, 1), by=officer)
    office = client_as(officer)
    sheet = office.get("/performance/ledger?indicator=P3&export=xlsx")
    rows = list(load_workbook(io.BytesIO(sheet.data)).active.values)
    assert rows[0][:3] == ("行号", "人员", "日期") and len(rows) == 2 and rows[1][1] == "赵敏" and rows[1][7] == 10
    for address in ("claims", "contracts"):
        assert office.get(f"/performance/{address}?export=xlsx").data[:2] == b"PK"
    for query in (
        "?state=registered&claimed=full&sort=-amount",
        "?claimed=part",
        "?claimed=none&q=%25_",
        "?page=99&sort=x",
    ):
        page(office, "/performance/contracts" + query)
    assert "微纳传感器" in page(office, "/performance/contracts?claimed=full")
    assert "微纳传感器" not in page(office, "/performance/contracts?claimed=part")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("indicator=P1&amount=300&share=60", "180 属于 50（含）至 200（不含）档位：8 分"),
        ("indicator=P1&amount=9.99", "未达最低档位"),
        ("indicator=P11&quantity=39", "满 3 个单位"),
        ("indicator=P1", "请填写金额"),
        ("indicator=P1&amount=NaN", "请填写金额"),
        ("indicator=P1&amount=1e99", "请填写金额"),
        ("indicator=P1&amount=100&share=101", "不超过 100"),
        ("indicator=NOPE&amount=abc", "积分试算"),
        ("", "积分试算"),
    ],
)
def test_what_if(client_as, trainee, query, words):
    assert words in page(client_as(trainee), f"/performance/what-if?{query}")


def test_what_if_stands_on_what_is_there(client_as, officer, trainee):
    make.granted(trainee, "P3", on=date(2026, 1, 5), by=officer)
    make.granted(trainee, "P3", on=date(2026, 1, 6), by=officer)
    text = page(client_as(trainee), "/performance/what-if?indicator=P3")
    assert "由 20 分变为 20 分" in text, "the cap of 20 is reached"
    assert len(db.session.scalars(select(CreditEntry)).all()) == 2


def test_a_figure_of_a_window_opens_into_the_lines_of_that_window(client_as, officer, trainee, set_clock, at):
    set_clock(at("2026-06-01 09:00"))
    make.granted(trainee, "P3", on=date(2024, 5, 31), by=officer)
    make.granted(trainee, "P3", on=date(2024, 6, 1), by=officer)
    me = client_as(trainee)
    assert "20 分" in page(me, "/performance/?months=36")
    text = page(me, "/performance/?months=24")
    assert "10 分" in text and "自 2024年6月1日 至今日" in text
    address = "/performance/ledger/mine?months=24&indicator=P3"
    assert address.replace("&", "&amp;") in text or address in text
    text = page(me, address)
    assert "2024年6月1日" in text and "2024年5月31日" not in text
    assert "20 分" in page(me, "/performance/?months=7x")


def test_integrity_in_the_browser(client_as, trainee, set_clock, at):
    first, second, third = (people.officer(Role.CERTIFICATION, name=n) for n in ("李", "王", "张"))
    browsers = [client_as(one) for one in (first, second, third)]
    me = client_as(trainee)
    assert "没有信用事项" in page(me, "/performance/integrity")
    assert "考试作弊" in page(browsers[0], f"/performance/people/{trainee.id}/notice")
    notice = {"code": "cheating", "happened_on": "2025-03-01", "reason": "监考记录"}
    send(browsers[0], f"/performance/people/{trainee.id}/notice", notice | {"code": "nope"}, 422)
    send(browsers[0], f"/performance/people/{trainee.id}/notice", notice, files=[("记录.txt", "监考")])
    event = db.session.scalars(select(IntegrityEvent)).one()
    address = f"/performance/integrity/{event.id}"
    assert "监考记录" in page(me, address) and "尚未扣分" in page(me, address)
    assert page(me, f"{address}/files/{event.files[0].file_id}")
    decide = {"do": "uphold", "decision": "属实"}
    send(browsers[1], f"{address}/decide", decide, 409)
    send(me, f"{address}/answer", {"answer": ""}, 422)
    send(me, f"{address}/answer", {"answer": "情况说明"})
    assert "您已处理过该事项" in page(browsers[0], address)
    send(browsers[0], f"{address}/decide", decide, 403)
    send(browsers[1], f"{address}/decide", decide | {"decision": ""}, 422)
    assert "情况说明" in page(browsers[1], address)
    assert "待决定" in page(browsers[1], "/performance/integrity/all?show=mine")
    send(browsers[1], f"{address}/decide", decide)
    assert integrity_of(trainee).score == 70
    assert "70 / 100" in page(me, "/performance/integrity") and "禁止期至" in page(me, "/performance/")
    send(me, f"{address}/appeal", {"appeal": "请复议"})
    send(browsers[1], f"{address}/decide", {"do": "lift", "decision": "x"}, 403)
    send(browsers[2], f"{address}/decide", {"do": "lift", "decision": "证据有误"})
    assert integrity_of(trainee).score == D(100) and "证据有误" in page(me, address)
    honour = {"kind": "gold", "year": "2024", "body": "天津市科技局"}
    send(browsers[0], f"/performance/people/{trainee.id}/honours", honour)
    send(browsers[0], f"/performance/people/{trainee.id}/honours", honour, 422)
    assert "金牌技术经理人" in page(me, "/performance/integrity")


def test_pages_in_english(client_as, officer, trainee):
    granted = make.granted(trainee, amount="300", on=SPRING, by=officer)
    entry = db.session.scalars(select(CreditEntry)).first()
    me, office = client_as(trainee), client_as(officer)
    for browser in (me, office):
        browser.get("/language/en")
    for browser, address, words in [
        (me, "/performance/", "Counted points by indicator"),
        (me, f"/performance/ledger/{entry.id}", "Own share: 300 × 100 % = 300"),
        (me, "/performance/claims/new", "Technology contract value"),
        (office, f"/performance/claims/{granted.id}", "Lines in the ledger"),
        (office, f"/performance/contracts/{granted.contract_id}", "100 % of 100 % is held"),
        (office, "/performance/inbox", "Nothing waits for you"),
    ]:
        assert words in page(browser, address)


def test_points_of_a_dissolved_contract_leave_with_the_reason_in_words(app: Any, client_as: Any) -> None:
    """On the performance page, in the row of the ledger, on both lines, in the sheet, and for the office."""
    person, officer = people.person("赵晨曦"), people.officer(Role.CERTIFICATION, name="李主任")
    contract = make.registered(amount="300", on=date(2025, 3, 1), by=officer)
    make.approved(make.submitted(make.contract_claim(person, contract)), officer)
    client = client_as(person)
    assert "积分已被收回" not in client.get("/performance/").text
    with unit_of_work():
        found = db.session.get_one(Contract, contract.id, with_for_update=True)
        by = db.session.get_one(Person, officer.id)
        contracts.dissolve(found, on=clock.today(), reason="双方协商解除，未实际履行", by=by, now=clock.now())
    page = client.get("/performance/").text
    assert "积分已被收回" in page and "理由：双方协商解除，未实际履行" in page and "0 分" in page
    page = client.get("/performance/ledger/mine").text
    assert page.count("双方协商解除，未实际履行") >= 1
    lines = db.session.scalars(select(CreditEntry).order_by(CreditEntry.id)).all()
    for line in (lines[0].id, lines[-1].id):
        assert "双方协商解除，未实际履行" in client.get(f"/performance/ledger/{line}").text
    book = load_workbook(io.BytesIO(client.get("/performance/ledger/mine?export=xlsx").data)).active
    assert any("双方协商解除，未实际履行" in row for row in book.iter_rows(values_only=True))
    assert "双方协商解除，未实际履行" in client_as(officer).get("/performance/ledger").text
