"""信用修复: clean months, training, two officers; what it gives back and what never."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.certification import service as certification
from app.core import clock
from app.core.errors import Forbidden, NotFound
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.pathway import service as pathway
from app.pathway.rules import Stage
from app.performance import integrity, mandates, repairs
from app.performance.models import IntegrityEntry
from app.performance.repair_models import IntegrityRepair
from app.performance.repair_states import RepairState
from app.performance.service import integrity_of
from tests.factories import certification as certificates
from tests.factories import mandates as make_mandate
from tests.factories import people
from tests.factories import performance as make
from tests.factories.mandates import do
from tests.performance.test_integrity import raised, upheld

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def officers(set_clock, at) -> list[Person]:
    set_clock(at("2025-09-15 09:00"))
    return [people.officer(Role.CERTIFICATION, name=n) for n in ("李主任", "王主任", "张主任")]


@pytest.fixture
def holder() -> Person:
    return people.person("赵敏")


def applied(
    holder: Person, *, hours: str = "8", trained: date = date(2026, 8, 1), proof: bool = True
) -> IntegrityRepair:
    holder_id = holder.id
    with unit_of_work():
        by = db.session.get_one(Person, holder_id)
        return repairs.apply(
            by, hours=D(hours), trained_until=trained, words="已完成职业道德学习", uploads=[make.evidence()] if proof else [],
            by=by, now=clock.now(),
        )  # fmt: skip


def repaired(holder: Person, officers: list[Person], **more) -> IntegrityRepair:
    made = applied(holder, **more)
    do(repairs.propose, made, finding="证明属实", by=officers[0])
    do(repairs.grant, made, decision="同意", by=officers[1])
    return made


def test_twelve_clean_months_eight_hours_two_officers(holder, officers, set_clock, at) -> None:
    with pytest.raises(repairs.NothingToRepair):
        applied(holder)
    upheld(holder, "cheating", officers)
    set_clock(at("2026-09-14 23:00"))
    with pytest.raises(repairs.NotCleanYet) as early:
        applied(holder)
    assert "2026" in early.value.text and early.value.values["until"] == date(2026, 9, 15)
    set_clock(at("2026-09-15 00:10"))
    with pytest.raises(repairs.TooFewHours):
        applied(holder, hours="7.99")
    with pytest.raises(repairs.TrainedTooEarly):
        applied(holder, trained=date(2025, 9, 14))
    with pytest.raises(repairs.NoProof):
        applied(holder, proof=False)
    made = applied(holder)
    with pytest.raises(repairs.OpenAlready):
        applied(holder)
    assert [repairs.count_to_decide(one) for one in officers] == [1, 1, 1]
    do(repairs.propose, made, finding="证明属实", by=officers[0])
    assert [repairs.count_to_decide(one) for one in officers] == [0, 1, 1]
    for verb, words in ((repairs.grant, {"decision": "同意"}), (repairs.refuse, {"reason": "不"})):
        with pytest.raises(integrity.SameOfficer):
            do(verb, made, by=officers[0], **words)
    assert integrity_of(holder).score == 70
    do(repairs.grant, made, decision="同意", by=officers[1])
    assert integrity_of(holder).score == 90, "up to 20 points of the 30"
    line = db.session.scalars(select(IntegrityEntry).where(IntegrityEntry.repair_id == made.id)).one()
    assert (line.points, line.event_id) == (20, None)


def test_once_in_24_months_and_never_more_than_was_deducted(holder, officers, set_clock, at) -> None:
    upheld(holder, "cheating", officers)
    set_clock(at("2026-09-15 09:00"))
    repaired(holder, officers)
    set_clock(at("2028-09-14 09:00"))
    with pytest.raises(repairs.TooSoon):
        applied(holder)
    set_clock(at("2028-09-15 09:00"))
    made = repaired(holder, officers)
    assert made.points == 10 and integrity_of(holder).score == 100, "10 of the 30 were left"
    set_clock(at("2031-01-01 09:00"))
    with pytest.raises(repairs.NothingToRepair):
        applied(holder)


def test_never_for_the_gravest(holder, officers, set_clock, at) -> None:
    upheld(holder, "forgery", officers)
    set_clock(at("2027-01-01 09:00"))
    with pytest.raises(repairs.NothingToRepair):
        applied(holder)


def test_an_open_or_a_new_matter_stops_it_also_between_the_officers(holder, officers, set_clock, at) -> None:
    upheld(holder, "complaint", officers)
    set_clock(at("2026-10-01 09:00"))
    made = applied(holder)
    do(repairs.propose, made, finding="证明属实", by=officers[0])
    event = raised(holder, "late_report", officers[0])
    with pytest.raises(repairs.MatterOpen):
        do(repairs.grant, made, decision="同意", by=officers[1])
    do(integrity.answer, event, "说明", by=holder)
    do(integrity.decide, event, uphold=True, reason="属实", by=officers[1])
    with pytest.raises(repairs.NotCleanYet):
        do(repairs.grant, made, decision="同意", by=officers[1])
    do(repairs.refuse, made, reason="期间又有扣分", by=officers[1])
    db.session.expire_all()
    assert made.state is RepairState.REFUSED and integrity_of(holder).score == 80


def test_strangers_and_the_holder_do_not_decide(holder, officers, set_clock, at) -> None:
    upheld(holder, "complaint", officers)
    set_clock(at("2026-10-01 09:00"))
    made = applied(holder)
    far = people.officer(Role.CERTIFICATION, Scope.REGION, people.region().id)
    with pytest.raises(Forbidden):
        do(repairs.propose, made, finding="外地", by=far)
    with pytest.raises(NotFound):
        repairs.repair_for(far, made.id)
    people.hold(holder, Role.CERTIFICATION)
    with pytest.raises(integrity.OwnMatter):
        do(repairs.propose, made, finding="自己", by=holder)


def test_worked_example_12_upgrade_certificate_and_mandates(officers, set_clock, at) -> None:
    """100 → 80 提醒 → 65 关注: no upgrade, the certificate stays → 55 暂停: no certification, mandates to be reassigned."""
    region = people.region()
    house = people.organisation(region)
    keeper = make_mandate.keeper(house)
    manager = make_mandate.manager(region, house, now=clock.now())
    held = certification.certificates_of(manager)[0]
    make_mandate.active(manager, keeper, starts_on=date(2025, 1, 1))

    def gate(rank: int) -> bool:
        return (
            pathway.current_pathway(db.session.get_one(Person, manager.id), rank, clock.today())
            .gate(Stage.INTEGRITY)
            .passed
        )

    said = []
    for code in ("exaggerated", "complaint", "irregular_log"):
        upheld(manager, code, officers)
        said.append((integrity_of(manager).score, gate(1), gate(3), mandates.count_for_office(keeper)))
        assert certification.is_valid(held, clock.today()), "only an officer suspends a certificate"
    assert said == [(80, True, True, 0), (65, True, False, 0), (55, False, False, 1)]


def test_a_ban_stops_certification_until_its_day(officers, set_clock, at) -> None:
    person = certificates.trainee(people.region())
    upheld(person, "cheating", officers)
    asked = pathway.current_pathway(person, 1, clock.today()).gate(Stage.INTEGRITY)
    assert [one.code for one in asked.missing] == ["ban"], "70 points would do for the first level"
    assert pathway.current_pathway(person, 1, date(2026, 9, 15)).gate(Stage.INTEGRITY).passed


def test_in_the_browser(holder, officers, set_clock, at, client_as) -> None:
    upheld(holder, "complaint", officers)
    set_clock(at("2026-10-01 09:00"))
    mine = client_as(holder)
    page = mine.get("/performance/integrity").text
    assert "/performance/repairs/new" in page and ">85<" in page
    form = {"hours": "8", "trained_until": "2026-09-01", "words": "学习完成"}
    assert mine.post("/performance/repairs/new", data=form).status_code == 422
    form["files"] = (make.evidence().stream, "培训证明.txt")
    assert mine.post("/performance/repairs/new", data=form).status_code == 302
    made = db.session.scalars(select(IntegrityRepair)).one()
    first, second = client_as(officers[0]), client_as(officers[1])
    address = f"/performance/repairs/{made.id}"
    assert "赵敏" in first.get("/performance/repairs/office?show=mine").text
    assert first.post(f"{address}/decide", data={"decision": "", "do": "propose"}).status_code == 422
    assert first.post(f"{address}/decide", data={"decision": "证明属实", "do": "propose"}).status_code == 302
    assert first.post(f"{address}/decide", data={"decision": "同意", "do": "grant"}).status_code == 403
    assert second.post(f"{address}/decide", data={"decision": "同意", "do": "grant"}).status_code == 302
    page = mine.get("/performance/integrity").text
    assert "+15" in page and ">100<" in page
    assert "证明属实" in mine.get(address).text and "李主任" not in mine.get(address).text
    assert client_as(people.person()).get(address).status_code == 404


def test_honours_are_listed_and_stand_in_the_register_of_who_agreed(officers, client_as, client) -> None:
    from app.accounts.models import Consent, ConsentKind
    from app.performance.models import HonourKind

    region = people.region()
    gold, silent = certificates.trainee(region, "孙金"), certificates.trainee(region, "吴默")
    for one in (gold, silent):
        certificates.certificate(one, 2, now=clock.now())
        with unit_of_work():
            integrity.record_honour(
                db.session.get_one(Person, one.id), HonourKind.GOLD, year=2025, body="省科技厅",
                by=db.session.get_one(Person, officers[0].id), now=clock.now(),
            )  # fmt: skip
    with unit_of_work():
        db.session.add(Consent(person_id=gold.id, kind=ConsentKind.PUBLIC_REGISTER, version="1", given_at=clock.now()))
    office = client_as(officers[0])
    page = office.get("/performance/honours?kind=gold&year=2025").text
    assert "孙金" in page and "吴默" in page and "孙金" not in office.get("/performance/honours?kind=excellent").text
    register = client.get(f"/register?region={region.id}&level=2").text
    assert "孙金" in register and "金牌技术经理人 2025" in register and "吴默" not in register
