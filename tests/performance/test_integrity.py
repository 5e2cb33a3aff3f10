"""Notice, answer, decision by another, appeal; bands; honours."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal as D

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.core.errors import Forbidden, NotAllowedNow, NotFound
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.notices.models import Notice
from app.performance import integrity
from app.performance.arithmetic import Band
from app.performance.models import Claim, HonourKind, IntegrityEntry, IntegrityEvent
from app.performance.service import balance_of, facts_of, integrity_of
from app.performance.states import ClaimState, EventState
from tests.factories import people
from tests.factories import performance as make

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def officers() -> list[Person]:
    return [people.officer(Role.CERTIFICATION, name=n) for n in ("李主任", "王主任", "张主任")]


@pytest.fixture
def holder() -> Person:
    return people.person("赵敏")


@pytest.fixture(autouse=True)
def monday(app, set_clock, at) -> None:
    set_clock(at("2025-09-15 09:00"))


def raised(holder: Person, code: str, by: Person, **more) -> IntegrityEvent:
    with unit_of_work():
        return integrity.notify(
            db.session.get_one(Person, holder.id), code, happened_on=date(2025, 9, 1), reason="经核查属实",
            by=db.session.get_one(Person, by.id), now=clock.now(), **more,
        )  # fmt: skip


def act(verb, event: IntegrityEvent, *args, by: Person, **more) -> None:
    event_id, by_id = event.id, by.id
    with unit_of_work():
        verb(
            db.session.get_one(IntegrityEvent, event_id), *args, by=db.session.get_one(Person, by_id), now=clock.now(),
            **more,
        )  # fmt: skip


def upheld(holder: Person, code: str, officers: list[Person]) -> IntegrityEvent:
    event = raised(holder, code, officers[0])
    act(integrity.answer, event, "说明情况", by=holder)
    act(integrity.decide, event, by=officers[1], uphold=True, reason="证据充分")
    return event


def test_worked_example_12(holder, officers) -> None:
    assert integrity_of(holder).score == 100
    said = []
    for code in ("exaggerated", "complaint", "irregular_log"):
        upheld(holder, code, officers)
        now = integrity_of(holder)
        said.append((now.score, now.band))
    assert said == [(80, Band.REMIND), (65, Band.WATCH), (55, Band.STOPPED)]
    facts = facts_of(holder, date(2025, 1, 1), clock.today())
    assert (facts.integrity, facts.band) == (55, "stopped")


def test_notice_gives_ten_working_days_and_deducts_nothing(holder, officers) -> None:
    event = raised(holder, "complaint", officers[0])
    assert event.answer_until == date(2025, 9, 28), (
        "a Sunday that is worked instead of a holiday (domain.md, example 9)"
    )
    assert integrity_of(holder).score == 100 and integrity_of(holder).open_events == 1
    letter = db.session.scalars(select(Notice).where(Notice.person_id == holder.id)).one()
    assert letter.letter == "performance.integrity.notice" and letter.link == f"/performance/integrity/{event.id}"
    with pytest.raises(integrity.TimeToAnswer):
        act(integrity.decide, event, by=officers[1], uphold=True, reason="不等了")
    assert integrity.count_to_decide(officers[1]) == 0


def test_without_an_answer_the_decision_waits_for_the_last_day(holder, officers, set_clock, at) -> None:
    event = raised(holder, "complaint", officers[0])
    set_clock(at("2025-09-28 23:59"))
    with pytest.raises(integrity.TimeToAnswer):
        act(integrity.decide, event, by=officers[1], uphold=True, reason="最后一天")
    set_clock(at("2025-09-29 00:00"))
    assert integrity.count_to_decide(officers[1]) == 1 and integrity.count_to_decide(officers[0]) == 0
    with pytest.raises(integrity.TooLate):
        act(integrity.answer, event, "迟到的申辩", by=holder)
    act(integrity.decide, event, by=officers[1], uphold=True, reason="逾期未答复")
    assert integrity_of(holder).score == 85


def test_the_reporter_the_holder_and_strangers_do_not_decide(holder, officers) -> None:
    event = raised(holder, "complaint", officers[0])
    act(integrity.answer, event, "说明", by=holder)
    with pytest.raises(integrity.SameOfficer):
        act(integrity.decide, event, by=officers[0], uphold=True, reason="我说了算")
    region = people.region()
    far = people.officer(Role.CERTIFICATION, Scope.REGION, region.id)
    with pytest.raises(Forbidden):
        act(integrity.decide, event, by=far, uphold=True, reason="外地")
    with pytest.raises(NotFound):
        integrity.event_for(far, event.id)
    with pytest.raises(NotFound):
        act(integrity.answer, event, "冒名", by=people.person())
    with pytest.raises(integrity.OwnMatter):
        raised(officers[0], "complaint", officers[0])
    assert integrity_of(holder).score == 100


def test_a_dismissed_matter_costs_nothing(holder, officers) -> None:
    event = raised(holder, "forgery", officers[0])
    act(integrity.answer, event, "并非伪造", by=holder)
    act(integrity.decide, event, by=officers[1], uphold=False, reason="证据不足")
    assert integrity_of(holder).score == 100
    assert db.session.scalars(select(IntegrityEntry)).all() == []
    with pytest.raises(NotAllowedNow):
        act(integrity.appeal, event, "仍要申诉", by=holder)


def test_an_appeal_goes_to_a_third_officer_and_lifts_by_a_reversing_line(holder, officers) -> None:
    event = upheld(holder, "lending", officers)
    assert integrity_of(holder).band is Band.WATCH
    act(integrity.appeal, event, "证书系被盗用", by=holder)
    assert integrity_of(holder).score == 60, "the deduction stands until the appeal is decided"
    for same in officers[:2]:
        with pytest.raises(integrity.SameOfficer):
            act(integrity.decide_appeal, event, by=same, lift=True, reason="同意")
    assert integrity.count_to_decide(officers[2]) == 1 and integrity.count_to_decide(officers[1]) == 0
    act(integrity.decide_appeal, event, by=officers[2], lift=True, reason="报警记录属实")
    assert integrity_of(holder).score == 100
    lines = db.session.scalars(select(IntegrityEntry).order_by(IntegrityEntry.id)).all()
    assert [(one.points, one.reverses_id) for one in lines] == [(-40, None), (40, lines[0].id)]
    assert db.session.get_one(IntegrityEvent, event.id).state is EventState.LIFTED


def test_a_ban_runs_from_the_decision(holder, officers) -> None:
    upheld(holder, "forgery", officers)
    now = integrity_of(holder)
    assert (now.score, now.band, now.ban_until) == (0, Band.STOPPED, date(2028, 9, 15))
    assert integrity_of(holder, date(2028, 9, 15)).ban_until is None


def test_an_exaggerated_claim_loses_its_points_and_floors_above_hear_of_it(holder, officers) -> None:
    claim = make.granted(holder, "P3", on=date(2025, 5, 1), by=officers[0])
    assert balance_of(holder).total == 10
    heard = []

    def listen(event, **said):
        heard.append((event.code, said["integrity"].score, said["effect"]))

    integrity.integrity_changed.connect(listen)
    try:
        with pytest.raises(integrity.NotTheirs):
            raised(people.person(), "exaggerated", officers[0], claim=claim)
        event = raised(holder, "exaggerated", officers[0], claim=claim)
        act(integrity.answer, event, "认可", by=holder)
        assert heard == []
        act(integrity.decide, event, by=officers[1], uphold=True, reason="合同额夸大")
    finally:
        integrity.integrity_changed.disconnect(listen)
    assert heard == [("exaggerated", D(80), "reversal")]
    assert balance_of(holder).total == 0
    assert db.session.get_one(Claim, claim.id).state is ClaimState.REVERSED


def test_bad_notices_are_refused(holder, officers) -> None:
    def attempt(code="complaint", on=date(2025, 9, 1), reason="理由"):
        with unit_of_work():
            integrity.notify(holder, code, happened_on=on, reason=reason, by=officers[0], now=clock.now())

    with pytest.raises(integrity.NoSuchEvent):
        attempt(code="unknown")
    with pytest.raises(integrity.BadDay):
        attempt(on=clock.today() + timedelta(days=1))
    with pytest.raises(integrity.ReasonNeeded):
        attempt(reason=" ")
    assert db.session.scalars(select(IntegrityEvent)).all() == []


def test_honours_stand_once(holder, officers) -> None:
    def honour(year: int = 2024) -> None:
        with unit_of_work():
            integrity.record_honour(
                holder, HonourKind.GOLD, year=year, body="天津市科学技术局", by=officers[0], now=clock.now()
            )

    honour()
    with pytest.raises(integrity.HonourThere):
        honour()
    with pytest.raises(integrity.BadDay):
        honour(2030)
    assert [(one.year, one.kind) for one in integrity.honours_of(holder)] == [(2024, HonourKind.GOLD)]
