"""委托代理: two signatures, who may act, ending, opinion, complaint, reassignment."""

from __future__ import annotations

import re
from datetime import date

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.certification import status
from app.certification.models import Certificate
from app.certification.states import Change
from app.core import clock
from app.core.errors import Forbidden, NotAllowedNow, NotFound
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.jobs.service import run_clockwork
from app.notices.models import Notice
from app.performance import mandates, opinions
from app.performance.mandate_models import Complaint, Mandate, MandateOpinion
from app.performance.mandate_states import MandateState, Side
from app.performance.models import Claim, IntegrityEvent
from tests.factories import mandates as make
from tests.factories import people
from tests.factories import performance as credit

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def house(app, set_clock, at) -> dict:
    set_clock(at("2026-03-02 09:00"))
    region = people.region()
    organisation = people.organisation(region, name="滨海技术转移中心")
    now = clock.now()
    return {
        "region": region, "organisation": organisation, "keeper": make.keeper(organisation),
        "manager": make.manager(region, organisation, now=now),
        "other": make.manager(region, organisation, "陈静", now=now),
        "officer": people.officer(Role.CERTIFICATION, name="李主任"),
    }  # fmt: skip


def suspended(person: Person, by: Person) -> None:
    with unit_of_work():
        found = db.session.scalars(select(Certificate).where(Certificate.holder_id == person.id)).one()
        status.change(found, Change.SUSPEND, by=db.session.get_one(Person, by.id), reason="投诉核查", now=clock.now())


def test_it_is_in_force_when_two_have_signed(house) -> None:
    made = make.written(house["manager"])
    assert mandates.count_for_office(house["keeper"]) == 0, "no drafts"
    with pytest.raises(NotFound):
        mandates.mandate_for(house["keeper"], made.id)
    make.do(mandates.sign, made, by=house["manager"])
    assert mandates.count_for_office(house["keeper"]) == 1
    with pytest.raises(mandates.OwnMandate):
        make.do(mandates.accept, made, by=house["manager"])
    make.do(mandates.accept, made, by=house["keeper"])
    db.session.expire_all()
    assert made.state is MandateState.ACTIVE and made.certificate_number.startswith("TTM")
    assert [one.person_id for one in made.holders] == [house["manager"].id]
    with pytest.raises(NotAllowedNow):
        make.do(mandates.accept, made, by=house["keeper"])


def test_who_holds_no_certificate_does_not_sign(house) -> None:
    bare = make.manager(house["region"], house["organisation"], "赵新", now=clock.now(), certified=False)
    made = make.written(bare)
    with pytest.raises(mandates.NoCertificate):
        make.do(mandates.sign, made, by=bare)
    made = make.written(house["manager"])
    make.do(mandates.sign, made, by=house["manager"])
    suspended(house["manager"], house["officer"])
    with pytest.raises(mandates.NoCertificate):
        make.do(mandates.accept, made, by=house["keeper"])
    with pytest.raises(mandates.NoOrganisation):
        make.written(people.person())


def test_both_sides_need_both_consents_and_papers(house) -> None:
    made = make.written(house["manager"], side=Side.BOTH)
    with pytest.raises(mandates.BothConsents):
        make.do(mandates.sign, made, by=house["manager"])
    both = {
        "side": Side.BOTH,
        "consented_on": date(2026, 2, 1),
        "other_name": "渤海化工",
        "other_consented_on": date(2026, 2, 2),
    }
    make.do(mandates.edit, made, make.data(**both), by=house["manager"])
    make.do(mandates.sign, made, by=house["manager"])
    with unit_of_work():
        bare = mandates.write(make.data(), by=db.session.get_one(Person, house["manager"].id), now=clock.now())
    with pytest.raises(mandates.NoMandateText):
        make.do(mandates.sign, bare, by=house["manager"])
    with pytest.raises(mandates.DaysCrossed):
        make.written(house["manager"], ends_on=date(2026, 1, 1))


def test_an_officer_of_elsewhere_sees_nothing_and_the_region_sees_all(house) -> None:
    made = make.active(house["manager"], house["keeper"])
    far = make.keeper(people.organisation(people.region()))
    with pytest.raises(NotFound):
        mandates.mandate_for(far, made.id)
    with pytest.raises(Forbidden):
        make.do(mandates.terminate, made, by=far, reason="外人", on=date(2026, 3, 2))
    regional = people.officer(Role.CERTIFICATION, Scope.REGION, house["region"].id)
    assert mandates.mandate_for(regional, made.id).id == made.id
    auditor = people.officer(Role.AUDITOR)
    assert mandates.mandate_for(auditor, made.id).id == made.id and not mandates.keeps(auditor, made)


def test_a_suspended_holders_open_mandates_are_listed_and_given_to_another(house) -> None:
    made = make.active(house["manager"], house["keeper"])
    assert mandates.count_for_office(house["keeper"]) == 0
    suspended(house["manager"], house["officer"])
    assert list(db.session.scalars(mandates.to_reassign(house["keeper"]))) == [made]
    assert [one.id for one in mandates.managers_of(house["organisation"].id, clock.today())] == [house["other"].id]
    make.do(mandates.reassign, made, house["other"].id, by=house["keeper"], reason="原经办人证书暂停")
    assert mandates.count_for_office(house["keeper"]) == 0
    make.do(mandates.decline, made, by=house["other"], reason="工作已满")
    assert mandates.count_for_office(house["keeper"]) == 1, "nobody acts"
    third = make.manager(house["region"], house["organisation"], "孙涛", now=clock.now())
    make.do(mandates.reassign, made, third.id, by=house["keeper"], reason="改由孙涛经办")
    make.do(mandates.agree, made, by=third)
    db.session.expire_all()
    assert [(one.person_id, one.until is None) for one in made.holders] == [
        (house["manager"].id, False),
        (third.id, True),
    ]


def test_a_manager_whose_credit_is_stopped_may_not_act(house) -> None:
    from tests.performance.test_integrity import upheld

    officers = [house["officer"], people.officer(Role.CERTIFICATION)]
    made = make.active(house["manager"], house["keeper"])
    for code in ("cheating", "lending"):
        upheld(house["manager"], code, officers)
    assert list(db.session.scalars(mandates.to_reassign(house["keeper"]))) == [made]
    fresh = make.written(house["manager"])
    with pytest.raises(mandates.CreditTooLow):
        make.do(mandates.sign, fresh, by=house["manager"])


def test_the_clock_ends_it_the_day_after_its_last_day(house, set_clock, at) -> None:
    made = make.active(house["manager"], house["keeper"], ends_on=date(2026, 3, 31))
    set_clock(at("2026-03-31 23:50"))
    run_clockwork(only="performance.mandates.expire")
    db.session.expire_all()
    assert made.state is MandateState.ACTIVE
    set_clock(at("2026-04-01 00:10"))
    run_clockwork(only="performance.mandates.expire")
    db.session.expire_all()
    assert made.state is MandateState.EXPIRED and made.ended_on == date(2026, 3, 31)
    assert (
        db.session.scalars(select(Notice).where(Notice.letter == "performance.mandate.ended")).one().person_id
        == made.person_id
    )


def test_the_client_is_asked_once_by_mail_and_a_complaint_becomes_a_notice(house, client, no_stray_mail) -> None:
    made = make.active(house["manager"], house["keeper"])
    make.do(mandates.close, made, "2026 1201 0007", on=date(2026, 3, 1), by=house["manager"])
    db.session.expire_all()
    assert made.state is MandateState.DEAL and made.contract_number == "202612010007"
    run_clockwork(only="performance.opinions.send")
    run_clockwork(only="performance.opinions.send")
    assert [one["To"] for one in no_stray_mail] == ["client@example.org"]
    link = re.search(r"/performance/opinion/\S+", no_stray_mail[0].get_content())[0]
    asked = db.session.scalars(select(MandateOpinion)).one()
    assert asked.link_sealed is None and link.rsplit("/")[-1] not in asked.token_hash
    page = client.get(link)
    assert page.status_code == 200 and "王建国" in page.text and "成交额" not in page.text
    assert client.post(link, data={"comment": "无评分"}).status_code == 422
    assert (
        client.post(link, data={"score": "2", "comment": "拖延", "complaint": "未按约定提交尽职调查报告"}).status_code
        == 200
    )
    assert client.post(link, data={"score": "5"}).status_code == 410
    assert client.get("/performance/opinion/nothing").status_code == 404
    complaint = db.session.scalars(select(Complaint)).one()
    assert opinions.count_to_settle(house["officer"]) == 1 and opinions.count_to_settle(house["keeper"]) == 0
    with pytest.raises(opinions.FindingMissing):
        make.do(opinions.settle, complaint, substantiated=True, finding=" ", by=house["officer"])
    make.do(opinions.settle, complaint, substantiated=True, finding="查实逾期两个月", by=house["officer"])
    event = db.session.scalars(select(IntegrityEvent)).one()
    assert (event.code, event.person_id) == ("complaint", house["manager"].id) and "查实" in event.reason
    db.session.expire_all()
    assert complaint.event_id == event.id
    with pytest.raises(NotAllowedNow):
        make.do(opinions.settle, complaint, substantiated=False, finding="再议", by=house["officer"])


def test_from_the_mandate_to_the_claim_in_the_browser(house, client_as) -> None:
    manager, keeper = client_as(house["manager"]), client_as(house["keeper"])
    form = {
        "project": "光伏组件回收工艺许可", "side": "demand", "client_name": "渤海新能源", "scope": "寻找许可方", "starts_on": "2026-01-05",
        "ends_on": "2026-12-31", "commission": "百分之二", "conflict": "无", "do": "sign",
        "files": (credit.evidence().stream, "委托书.txt"),
    }  # fmt: skip
    answer = manager.post("/performance/mandates/new", data=form)
    assert answer.status_code == 302
    made = db.session.scalars(select(Mandate)).one()
    assert made.state is MandateState.PROPOSED
    assert "光伏组件回收工艺许可" in keeper.get("/performance/mandates/office?show=accept").text
    address = f"/performance/mandates/{made.id}"
    assert keeper.post(f"{address}/return", data={"return-reason": ""}).status_code == 422
    assert keeper.post(f"{address}/accept").status_code == 302
    assert (
        manager.post(f"{address}/close", data={"close-number": "202699", "close-on": "2026-03-01"}).status_code == 302
    )
    credit.registered("202699", amount="300", on=date(2026, 3, 1), by=house["officer"])
    page = manager.get(address).text
    link = f"/performance/claims/new?indicator=P1&amp;number=202699&amp;mandate={made.id}"
    assert link in page
    begun = manager.get(link.replace("&amp;", "&")).text
    assert "光伏组件回收工艺许可" in begun and "寻找许可方" in begun
    form = {"title": "光伏组件回收工艺许可", "amount": "300", "signed_on": "2026-03-01", "share": "100", "note": "全程经办", "do": "submit",
            "files": (credit.evidence().stream, "登记证明.txt")}  # fmt: skip
    assert manager.post(link.replace("&amp;", "&"), data=form).status_code == 302
    assert db.session.scalars(select(Claim)).one().contract.number == "202699"
    db.session.expire_all()
    assert link not in manager.get(address).text
    stranger = client_as(people.person())
    assert stranger.get(address).status_code == 404 and stranger.get("/performance/mandates/office").status_code == 403


def test_the_organisation_names_the_manager_who_signs(house, client_as) -> None:
    keeper, manager = client_as(house["keeper"]), client_as(house["other"])
    form = {
        "person_id": str(house["other"].id), "project": "海工装备涂层", "side": "both", "client_name": "某研究院", "scope": "双方对接",
        "starts_on": "2026-01-05", "ends_on": "2026-12-31", "commission": "百分之二", "conflict": "无",
    }  # fmt: skip
    papers = {"files": (credit.evidence().stream, "委托书.txt")}
    refused = keeper.post("/performance/mandates/office/new", data=form | papers)
    assert refused.status_code == 422 and db.session.scalars(select(Mandate)).all() == []
    form |= {"consented_on": "2026-01-02", "other_name": "渤海重工", "other_consented_on": "2026-01-03"}
    form |= {"files": (credit.evidence().stream, "委托书.txt")}
    assert keeper.post("/performance/mandates/office/new", data=form).status_code == 302
    made = db.session.scalars(select(Mandate)).one()
    assert manager.post(f"/performance/mandates/{made.id}/agree").status_code == 302
    db.session.expire_all()
    assert made.state is MandateState.ACTIVE
    complaint = {"complain-received_on": "2026-03-01", "complain-words": "电话投诉：未如实告知"}
    assert keeper.post(f"/performance/mandates/{made.id}/complaints", data=complaint).status_code == 302
    assert client_as(house["officer"]).get(f"/performance/mandates/{made.id}").text.count("电话投诉") >= 1
    assert keeper.get("/performance/mandates/office?export=xlsx").mimetype.endswith("sheet")
