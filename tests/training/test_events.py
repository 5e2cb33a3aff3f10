"""继续教育活动: the list of participants is looked through before anything is credited; the same list twice credits once."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.identity import set_id_number
from app.accounts.models import IdKind, Organisation, Person, PersonState, Region
from app.audit.models import AuditEntry
from app.certification.models import Certificate
from app.certification.states import Standing
from app.core import clock
from app.core.errors import Forbidden, NotFound
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.notices.models import Notice
from app.training import claims, events, hours
from app.training.class_models import ContinuingEvent
from app.training.events import Finding
from app.training.models import HourEntry, HourSource
from tests.factories import certification as certified
from tests.factories import people, training

D = Decimal


def again(row: Any) -> Any:
    return db.session.get_one(type(row), row.id)


def values(**more: Any) -> dict[str, Any]:
    today = clock.today()
    return {
        "title": "技术合同登记新规研讨", "module": "policy", "from_on": today - timedelta(days=3),
        "until_on": today - timedelta(days=2), "hours": D("8"),
    } | more  # fmt: skip


def holder(region: Region, name: str, *, years_ago: int = 1) -> tuple[Person, Certificate]:
    person = certified.trainee(region, name)
    made = certified.certificate(person, now=clock.now() - timedelta(days=365 * years_ago))
    return person, made


@pytest.fixture
def base(app: Any) -> Organisation:
    return training.base(people.region("1200"))


@pytest.fixture
def officer(base: Organisation) -> Person:
    return training.base_officer(base)


@pytest.fixture
def event(base: Organisation, officer: Person) -> ContinuingEvent:
    with unit_of_work():
        return events.make_event(again(base), values(), by=again(officer), now=clock.now())


def check(event: ContinuingEvent, text: str, by: Person, picked: Any = ()) -> list[tuple[str, Finding]]:
    return [(line.said, line.finding) for line in events.check(again(event), text, picked, by=again(by))]


def credit(event: ContinuingEvent, text: str, by: Person, picked: Any = ()) -> list[Finding]:
    with unit_of_work():
        lines = events.credit(again(event), text, picked, by=again(by), now=clock.now())
    return [line.finding for line in lines]


def lines_of(person: Person) -> list[HourEntry]:
    return list(db.session.scalars(select(HourEntry).where(HourEntry.person_id == person.id).order_by(HourEntry.id)))


def letters_to(person: Person) -> list[str]:
    return list(db.session.scalars(select(Notice.letter).where(Notice.person_id == person.id).order_by(Notice.id)))


def test_each_of_the_list_is_named(event: ContinuingEvent, officer: Person, base: Organisation) -> None:
    """Found by number, address and name; not found, without a certificate, several of the name, twice, already."""
    region = base.region
    (one, first), (two, _c), (three, _d) = holder(region, "许一凡"), holder(region, "何双"), holder(region, "欧阳三")
    twins = [holder(region, "王伟")[0], holder(region, "王伟")[0]]
    away, _e = holder(people.region("3100"), "远方人")
    bare = people.person("吴证书", region=region)
    text = "\n".join(
        [f" {first.number.lower()} ", str(two.email).upper(), "欧 阳三；许一凡", "王伟", "远方人", str(bare.email), "TTM-NO-1", "nobody@example.org"]
    )  # fmt: skip
    assert [finding for _said, finding in check(event, text, officer)] == [
        Finding.NEW, Finding.NEW, Finding.NEW, Finding.TWICE, Finding.SEVERAL, Finding.UNKNOWN, Finding.WITHOUT,
        Finding.UNKNOWN, Finding.UNKNOWN,
    ]  # fmt: skip
    assert not lines_of(one) and letters_to(three) == ["certification.issued"]  # looking changes nothing
    assert check(event, str(away.email), officer) == [
        (str(away.email), Finding.NEW)
    ]  # named beyond doubt: from anywhere
    several = events.check(again(event), "王伟", (), by=again(officer))[0].several
    assert {one.person_id for one in several} == {person.id for person in twins}
    assert check(event, "王伟", officer, [twins[1].id]) == [("王伟", Finding.NEW)]
    assert check(event, "许一凡", officer, [twins[1].id, 999]) == [("许一凡", Finding.NEW)]


def test_hours_with_source_log_and_letter_once(event: ContinuingEvent, officer: Person, base: Organisation) -> None:
    one, certificate = holder(base.region, "许一凡")
    two, _other = holder(base.region, "何双")
    assert credit(event, f"{certificate.number}\n何双\n没有此人", officer) == [
        Finding.NEW,
        Finding.NEW,
        Finding.UNKNOWN,
    ]
    assert credit(event, f"许一凡\n{two.email}", officer) == [Finding.ALREADY, Finding.ALREADY]
    (line,) = lines_of(one)
    assert (line.hours, line.level, line.module, line.source_kind, line.source_id, line.by_id) == (
        D(8), 0, "policy", HourSource.EVENT, event.id, officer.id,
    )  # fmt: skip
    assert line.earned_on == event.until_on and line.class_id is None
    assert letters_to(two).count("training.event_credited") == 1
    logged = list(db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "training.event.credit")))
    assert len(logged) == 1
    since = again(certificate).issued_on
    assert claims.continuing_of(again(one), since, clock.today()) == claims.Continuing(D(8), D(8))
    assert hours.credited_hours(one.id, 1, clock.today()) == {}  # nothing for a class


def test_a_line_taken_back_can_come_again(event: ContinuingEvent, officer: Person, base: Organisation) -> None:
    one, _c = holder(base.region, "许一凡")
    credit(event, "许一凡", officer)
    with pytest.raises(events.NoReason), unit_of_work():
        events.take_back(again(event), [one.id], by=again(officer), reason=" ", now=clock.now())
    for left in (1, 0):  # the second officer finds nothing to take back
        with unit_of_work():
            count = events.take_back(again(event), [one.id], by=again(officer), reason="没有到场", now=clock.now())
        assert count == left
    assert [line.hours for line in lines_of(one)] == [D(8), D(-8)]
    assert "training.hours_reversed" in letters_to(one)
    assert credit(event, "许一凡", officer) == [Finding.NEW]
    assert claims.continuing_of(again(one), event.from_on, clock.today()).total == D(8)


def test_nobody_enters_themselves(event: ContinuingEvent, officer: Person, base: Organisation) -> None:
    with unit_of_work():
        again(officer).region_id = base.region_id
        set_id_number(again(officer), IdKind.RESIDENT, certified.id_number(), by=again(officer), today=clock.today())
    certified.certificate(again(officer), now=clock.now() - timedelta(days=100))
    assert credit(event, str(officer.email), officer) == [Finding.OWN]
    assert credit(event, str(officer.email), training.base_officer(again(base))) == [Finding.NEW]


def test_revoked_certificates_and_erased_people_are_not_found(
    event: ContinuingEvent, officer: Person, base: Organisation
) -> None:
    (_one, gone), (two, _c) = holder(base.region, "许一凡"), holder(base.region, "何双")
    with unit_of_work():
        again(gone).standing = Standing.REVOKED
        again(two).state = PersonState.ERASED
    assert [f for _s, f in check(event, f"{gone.number}\n何双", officer)] == [Finding.UNKNOWN, Finding.UNKNOWN]


def test_an_event_is_looked_at_before_it_is_kept(base: Organisation, officer: Person, event: ContinuingEvent) -> None:
    def refused(error: type[Exception], **more: Any) -> None:
        with pytest.raises(error), unit_of_work():
            events.make_event(again(base), values(**more), by=again(officer), now=clock.now())

    today = clock.today()
    refused(events.EventThere)
    refused(events.TooManyHours, title="长", hours=D("32.25"))
    refused(events.DatesWrong, title="倒", from_on=today, until_on=today - timedelta(days=1))
    refused(events.DatesWrong, title="后", until_on=today + timedelta(days=1))
    stranger = training.base_officer(training.base())
    with pytest.raises(Forbidden), unit_of_work():
        events.make_event(again(base), values(title="他"), by=again(stranger), now=clock.now())
    assert db.session.scalar(select(func.count()).select_from(ContinuingEvent)) == 1


def test_what_counts_is_not_changed(event: ContinuingEvent, officer: Person, base: Organisation) -> None:
    def change(**more: Any) -> None:
        with unit_of_work():
            events.change_event(again(event), values(**more), by=again(officer), now=clock.now())

    change(hours=D(6))
    assert again(event).hours == D(6)
    holder(base.region, "许一凡")
    credit(event, "许一凡", officer)
    with pytest.raises(events.EventCounts):
        change(hours=D(7))
    assert again(event).hours == D(6)


def test_too_long_a_list(event: ContinuingEvent, officer: Person) -> None:
    assert len(check(event, "甲" + "\n甲" * 499, officer)) == 500
    with pytest.raises(events.TooManyNames):
        check(event, "甲" + ",甲" * 500, officer)


def test_two_officers_with_the_same_list(app: Any, event: ContinuingEvent, officer: Person, base: Organisation) -> None:
    one, _c = holder(base.region, "许一凡")
    other = training.base_officer(again(base))
    event_id, ids, start = event.id, [officer.id, other.id], threading.Barrier(2)
    faults: list[Exception] = []

    def work(officer_id: int) -> None:
        with app.app_context():
            start.wait(5)
            try:
                with unit_of_work():
                    found, by = db.session.get_one(ContinuingEvent, event_id), db.session.get_one(Person, officer_id)
                    events.credit(found, "许一凡", (), by=by, now=clock.now())
            except Exception as fault:
                faults.append(fault)
            finally:
                db.session.close()

    db.session.rollback()
    both = [threading.Thread(target=work, args=(i,)) for i in ids]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(30)
    db.session.rollback()
    assert not faults and len(lines_of(one)) == 1
    assert letters_to(one).count("training.event_credited") == 1


def test_the_pages(client_as: Any, base: Organisation, officer: Person) -> None:
    browser, (one, _c) = client_as(officer), holder(base.region, "许一凡")
    holder(base.region, "王伟"), holder(base.region, "王伟")
    page = browser.get("/training/office/events").text
    assert "继续教育" in page and "还没有" in page
    today = clock.today()
    data = {
        "organisation_id": base.id, "title": "数据知识产权讲座", "module": "policy", "from_on": str(today),
        "until_on": str(today), "hours": "4",
    }  # fmt: skip
    assert browser.post("/training/office/events/new", data=data | {"hours": "17"}).status_code == 422
    made = browser.post("/training/office/events/new", data=data)
    assert made.status_code == 302
    where = made.location
    page = browser.post(f"{where}/participants", data={"people": "许一凡\n王伟\n无此人", "do": "check"})
    assert page.status_code == 200 and not lines_of(one)
    assert all(words in page.text for words in ("将记入", "未找到", "同名", "记入找到的人员"))
    page = browser.post(f"{where}/participants", data={"people": "许一凡\n无此人", "do": "credit"})
    assert page.status_code == 200 and "已为 1 人记入" in page.text and ">\r\n无此人</textarea>" in page.text
    assert browser.post(f"{where}/participants", data={"people": "许一凡", "do": "credit"}).status_code == 302
    assert len(lines_of(one)) == 1
    assert browser.post(f"{where}/participants", data={"people": ""}).status_code == 422
    assert browser.post(f"{where}/participants", data={"people": "甲," * 501}).status_code == 422
    assert "数据知识产权讲座" in client_as(one).get("/training/continuing").text
    assert "由滨海技术转移培训基地" in client_as(one).get("/training/hours").text
    assert browser.get("/training/office/events?export=xlsx").status_code == 200
    assert browser.post(f"{where}/take-back", data={"ids": str(one.id), "reason": "误记"}).status_code == 302
    assert [line.hours for line in lines_of(one)] == [D(4), D(-4)]
    changed = browser.post(f"{where}/change", data=data | {"hours": "3"})
    assert changed.status_code == 302 and "3" in browser.get(where).text


def test_the_base_next_door_sees_nothing(client_as: Any, event: ContinuingEvent) -> None:
    strangers = [
        training.base_officer(training.base()),
        people.officer(Role.BASE, Scope.CLASS, training.make_class().id),
    ]
    for stranger in strangers:
        browser = client_as(stranger)
        assert event.title not in browser.get("/training/office/events").text
        for path in ("", "/change"):
            assert browser.get(f"/training/office/events/{event.id}{path}").status_code == 404
        for step in ("participants", "take-back"):
            data = {"people": "甲", "do": "credit", "ids": "1", "reason": "x"}
            assert browser.post(f"/training/office/events/{event.id}/{step}", data=data).status_code == 404
    with pytest.raises(NotFound):
        events.event_for(again(strangers[0]), event.id)
