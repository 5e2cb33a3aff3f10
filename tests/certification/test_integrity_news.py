"""A decision on integrity that may cost a certificate: officers of the issuing region are told, nothing happens by itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.accounts.models import Person, Region
from app.certification.models import Certificate
from app.certification.states import Standing
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.notices.models import Notice
from app.performance import integrity
from app.performance.models import IntegrityEvent
from tests.factories import certification as made
from tests.factories import people


def _letters(person: Person) -> list[str]:
    return list(db.session.scalars(select(Notice.letter).where(Notice.person_id == person.id).order_by(Notice.id)))


def _decided(holder: Person, code: str, officers: list[Person]) -> IntegrityEvent:
    with unit_of_work():
        event = integrity.notify(
            db.session.get_one(Person, holder.id), code, happened_on=clock.today(), reason="经核查属实", by=officers[0],
            now=clock.now(),
        )  # fmt: skip
    with unit_of_work():
        integrity.answer(event, "认可", by=db.session.get_one(Person, holder.id), now=clock.now())
    with unit_of_work():
        integrity.decide(event, uphold=True, reason="证据充分", by=officers[1], now=clock.now())
    return event


def test_officers_hear_of_a_decision_below_the_line_and_of_its_lifting(
    app: Any, binhai: Region, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-03-02 09:00"))
    officers = [
        people.officer(Role.CERTIFICATION, Scope.REGION, binhai.id, name=n) for n in ("李主任", "王主任", "张主任")
    ]
    elsewhere = people.officer(Role.CERTIFICATION, Scope.REGION, people.region("2300").id, name="外省主任")
    holder = made.trainee(binhai)
    certificate = made.certificate(holder, now=clock.now(), by=officers[0]).id
    _decided(holder, "complaint", officers)
    assert "certification.consider" not in _letters(officers[2]), "a small deduction costs nothing"
    event = _decided(holder, "forgery", officers)
    assert _letters(officers[2]).count("certification.consider") == 1
    assert "certification.consider" not in _letters(officers[1]), "who decided knows"
    assert "certification.consider" not in _letters(elsewhere)
    assert db.session.get_one(Certificate, certificate).standing is Standing.GOOD, "officers decide"
    with unit_of_work():
        db.session.get_one(Certificate, certificate).standing = Standing.SUSPENDED
    with unit_of_work():
        integrity.appeal(event, "情况说明", by=db.session.get_one(Person, holder.id), now=clock.now())
    with unit_of_work():
        integrity.decide_appeal(event, lift=True, reason="事实不清", by=officers[2], now=clock.now())
    assert _letters(officers[1])[-1] == "certification.consider_back"


def test_who_holds_no_certificate_brings_no_letter(app: Any, binhai: Region, set_clock: Any, at: Any) -> None:
    set_clock(at("2026-03-02 09:00"))
    officers = [
        people.officer(Role.CERTIFICATION, Scope.REGION, binhai.id, name=n) for n in ("李主任", "王主任", "张主任")
    ]
    _decided(made.trainee(binhai), "forgery", officers)
    assert "certification.consider" not in _letters(officers[2])
