"""What the training stage says of a person: hours by module, the gate's figures, the pinned outline."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.core import clock
from app.db import db, unit_of_work
from app.outline import service as outline
from app.outline.kinds import KINDS
from app.training import hours
from app.training.classes import move_class
from app.training.models import TrainingClass
from app.training.service import facts_of, hours_between
from app.training.states import ClassMove
from tests.factories import people, training

D = Decimal


def test_nobody_enrolled_gets_the_outline_in_force(app: Any) -> None:
    facts = facts_of(people.person(), 2, clock.today())
    assert facts.required == {"common": D(8), "policy": D(12), "skill": D(28), "advanced": D(12)}
    assert (facts.credited, facts.enrolment, facts.class_id, facts.class_started_on) == ({}, "none", None, None)


def test_all_hours_of_each_level(app: Any) -> None:
    for rank, whole in ((1, 40), (2, 60), (3, 80)):
        person = people.person()
        klass = training.credit_all_hours(person, rank, end=True)
        facts = facts_of(person, rank, clock.today())
        assert sum(facts.credited.values()) == whole
        assert facts.credited == facts.required
        assert (facts.enrolment, facts.class_id, facts.class_started_on) == ("ended", klass.id, klass.starts_on)
        assert hours.standing_of(person, rank, clock.today()).met


def test_worked_example_1(app: Any, at: Any) -> None:
    """中级, 49 of 60 hours, but 7 of 12 in policy: 58.3 % of the module, so the gate fails although 81.7 % were attended."""
    person, now = people.person(), at("2026-03-01 09:00")
    klass = training.make_class(level=2, starts_on=date(2026, 3, 2), days=14, now=now, planned=False, open=False)
    training.module_days(klass, {"common": D(8), "policy": D(7), "skill": D(24), "advanced": D(10)}, now=now)
    with unit_of_work():
        found = db.session.get_one(TrainingClass, klass.id)
        move_class(found, ClassMove.OPEN, by=training.runner_of(found), now=now)
    training.admit(klass, person, now=now)
    after = at("2026-03-20 09:00")
    training.attend(klass, person, now=after)
    training.credit(klass, now=after)
    found = hours.standing_of(person, 2, date(2026, 3, 20))
    assert found.counted == 49 and round(found.share * 100, 1) == D("81.7")
    (short,) = found.short_modules
    assert short.module == "policy" and round(short.share * 100, 1) == D("58.3") and short.missing == D("0.2")
    assert found.missing == 0 and not found.met


def test_extra_hours_of_one_module_do_not_fill_another() -> None:
    asked = {"common": D(8), "policy": D(12)}
    found = hours.standing(asked, {"common": D(20), "policy": D(5)}, D("0.8"), D("0.6"))
    assert (found.counted, found.needed, found.missing) == (D(13), D(16), D(3))
    assert [line.module for line in found.short_modules] == ["policy"]


def test_exactly_at_both_lines_is_met() -> None:
    asked = {"common": D(10), "policy": D(10)}
    assert hours.standing(asked, {"common": D(10), "policy": D(6)}, D("0.8"), D("0.6")).met
    assert not hours.standing(asked, {"common": D(10), "policy": D("5.99")}, D("0.8"), D("0.6")).met


def test_a_class_keeps_the_outline_it_began_with(app: Any) -> None:
    person = people.person()
    klass = training.make_class(level=1)
    training.admit(klass, person)
    body = dict(outline.current("outline", 1).body)
    body["hours"] = [{"module": m["module"], "hours": "50"} for m in body["hours"]]
    with unit_of_work():
        outline.save_version(
            KINDS["outline"], "1", body, by=training.runner_of(klass), now=clock.now(),
            effective_from=clock.today() - timedelta(days=1),
        )  # fmt: skip
    assert facts_of(person, 1, clock.today()).required["common"] == 8
    assert facts_of(people.person(), 1, clock.today()).required["common"] == 50


def test_facts_look_at_a_day(app: Any) -> None:
    person = people.person()
    klass = training.credit_all_hours(person, 1)
    early = facts_of(person, 1, klass.starts_on)
    assert early.credited == {"common": D(8)}
    assert facts_of(person, 1, klass.starts_on - timedelta(days=1)).class_started_on is None
    whole = hours_between(person, klass.starts_on, klass.ends_on)
    assert sum(whole.values()) == 40
    assert hours_between(person, clock.today(), clock.today()) == {}
