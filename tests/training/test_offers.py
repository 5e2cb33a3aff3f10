"""A place that becomes free is offered with a term; accepted once, declined or lapsed it goes to the next, also after a kill."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.db import db, unit_of_work
from app.notices.models import Notice
from app.training import class_tasks, enrolments, offers
from app.training.class_models import OfferState, PlaceOffer
from app.training.classes import places_taken
from app.training.models import Enrolment, TrainingClass
from app.training.states import EnrolmentState as S
from tests.factories import people, training


def state(one: Enrolment) -> S:
    db.session.expire_all()
    return db.session.get_one(Enrolment, one.id).state


def withdraw(one: Enrolment, *, now: Any = None, reason: str = "") -> None:
    with unit_of_work():
        found = db.session.get_one(Enrolment, one.id)
        enrolments.withdraw(found, by=found.person, reason=reason, now=now or clock.now())


def answer(one: Enrolment, accept: bool, *, now: Any = None) -> None:
    with unit_of_work():
        found = db.session.get_one(Enrolment, one.id)
        offers.answer(found, accept, by=found.person, now=now or clock.now())


@pytest.fixture
def full(app: Any) -> tuple[TrainingClass, list[Enrolment]]:
    """A class with one place: one person in it, three waiting."""
    klass = training.make_class(capacity=1)
    return klass, [training.admit(klass, people.person(f"学员{n}")) for n in range(4)]


def test_a_free_place_is_offered_to_the_first_and_kept(full: Any) -> None:
    klass, (first, second, third, _fourth) = full
    withdraw(first)
    assert (state(second), state(third)) == (S.OFFERED, S.WAITING)
    assert places_taken(klass.id) == 1
    letters = db.session.scalars(select(Notice.letter).where(Notice.person_id == second.person_id)).all()
    assert "training.offered" in letters
    answer(second, True)
    answer(second, True)  # a double click
    assert (state(second), places_taken(klass.id)) == (S.ADMITTED, 1)


def test_declined_goes_to_the_next(full: Any) -> None:
    _klass, (first, second, third, _fourth) = full
    withdraw(first)
    answer(second, False)
    assert (state(second), state(third)) == (S.WITHDRAWN, S.OFFERED)
    with pytest.raises(offers.NoOffer):
        answer(second, True)


def test_the_clock_passes_an_unanswered_place_on(full: Any) -> None:
    klass, (first, second, third, fourth) = full
    now = clock.now()
    withdraw(first, now=now)
    class_tasks.lapse_offers(now + timedelta(hours=47))
    assert state(second) is S.OFFERED
    late = now + timedelta(hours=49)
    with pytest.raises(offers.OfferOver):
        answer(second, True, now=late)
    class_tasks.lapse_offers(late)
    class_tasks.lapse_offers(late)  # the worker was killed and does it again
    assert (state(second), state(third), state(fourth)) == (S.WITHDRAWN, S.OFFERED, S.WAITING)
    assert places_taken(klass.id) == 1
    told = db.session.scalars(select(Notice.letter).where(Notice.person_id == second.person_id)).all()
    assert told.count("training.offer_lapsed") == 1


def test_a_kill_between_two_offers_loses_nothing(full: Any, monkeypatch: Any) -> None:
    klass, (first, second, third, _fourth) = full
    now = clock.now()
    withdraw(first, now=now)
    monkeypatch.setattr(offers, "post", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        class_tasks.lapse_offers(now + timedelta(hours=49))
    assert (state(second), state(third)) == (S.OFFERED, S.WAITING)
    monkeypatch.undo()
    class_tasks.lapse_offers(now + timedelta(hours=49))
    assert (state(second), state(third), places_taken(klass.id)) == (S.WITHDRAWN, S.OFFERED, 1)


def test_the_term_is_shorter_when_the_class_is_near(app: Any, at: Any) -> None:
    klass = training.make_class(now=at("2026-03-02 09:00"), starts_on=at("2026-03-20 09:00").date())
    assert offers.expiry(klass, at("2026-03-10 09:00")) == at("2026-03-12 09:00")
    assert offers.expiry(klass, at("2026-03-18 09:00")) == at("2026-03-18 21:00")


def test_a_raised_capacity_is_filled_by_the_clock(full: Any) -> None:
    klass, (_first, second, _third, _fourth) = full
    with unit_of_work():
        db.session.get_one(TrainingClass, klass.id).capacity = 2
    class_tasks.fill_places(clock.now())
    assert state(second) is S.OFFERED
    class_tasks.fill_places(clock.now())
    assert places_taken(klass.id) == 2


def test_the_base_may_take_the_offered_one_in(full: Any) -> None:
    klass, (first, second, *_rest) = full
    withdraw(first)
    with unit_of_work():
        officer = db.session.get_one(Person, klass.created_by_id)
        enrolments.admit(db.session.get_one(Enrolment, second.id), by=officer, now=clock.now())
    assert state(second) is S.ADMITTED
    class_tasks.lapse_offers(clock.now() + timedelta(days=9))
    assert state(second) is S.ADMITTED
    assert OfferState.LAPSED not in db.session.scalars(select(PlaceOffer.state)).all()


def test_late_withdrawal_says_why(app: Any, at: Any) -> None:
    klass = training.make_class(now=at("2026-03-02 09:00"), starts_on=at("2026-03-20 09:00").date())
    one = training.admit(klass, people.person(), now=at("2026-03-02 10:00"))
    with pytest.raises(enrolments.LateReasonMissing):
        withdraw(one, now=at("2026-03-18 00:01"))
    assert state(one) is S.ADMITTED
    withdraw(one, now=at("2026-03-18 00:01"), reason="出差")
    other = training.admit(klass, people.person(), now=at("2026-03-02 10:00"))
    withdraw(other, now=at("2026-03-17 23:59"))
    assert (state(one), state(other)) == (S.WITHDRAWN, S.WITHDRAWN)


def test_accepting_while_the_clock_lapses(app: Any, full: Any) -> None:
    """Both act on the same row at the same moment: exactly one wins, and the place is never given twice."""
    klass, (first, second, third, _fourth) = full
    now = clock.now()
    withdraw(first, now=now)
    edge = db.session.scalars(select(PlaceOffer)).one().expires_at
    found: list[str] = []

    def accept() -> None:
        with app.app_context():
            try:
                answer(second, True, now=edge)
                found.append("accepted")
            except Exception as error:
                found.append(type(error).__name__)
            finally:
                db.session.close()

    def lapse() -> None:
        with app.app_context():
            class_tasks.lapse_offers(edge + timedelta(seconds=1))
            db.session.close()

    db.session.rollback()
    threads = [threading.Thread(target=accept), threading.Thread(target=lapse)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    db.session.rollback()
    assert places_taken(klass.id) == 1
    if found == ["accepted"]:
        assert (state(second), state(third)) == (S.ADMITTED, S.WAITING)
    else:
        assert found == ["NoOffer"] and (state(second), state(third)) == (S.WITHDRAWN, S.OFFERED)


def test_a_letter_before_the_class_once(app: Any, at: Any) -> None:
    klass = training.make_class(now=at("2026-03-02 09:00"), starts_on=at("2026-03-20 09:00").date())
    one = training.admit(klass, people.person(), now=at("2026-03-02 10:00"))
    for instant in ("2026-03-17 09:00", "2026-03-18 09:00", "2026-03-18 10:00"):
        class_tasks.remind(at(instant))
    told = db.session.scalars(select(Notice.letter).where(Notice.person_id == one.person_id)).all()
    assert told.count("training.reminder") == 1


def test_the_page_of_the_offered_one(full: Any, client_as: Any) -> None:
    _klass, (first, second, third, _fourth) = full
    withdraw(first)
    page = client_as(db.session.get_one(Person, second.person_id))
    assert "接受" in page.get(f"/training/enrolments/{second.id}").text
    assert page.post(f"/training/enrolments/{second.id}/offer", data={"answer": "maybe"}).status_code == 404
    assert page.post(f"/training/enrolments/{third.id}/offer", data={"answer": "accept"}).status_code == 404
    answered = page.post(f"/training/enrolments/{second.id}/offer", data={"answer": "accept"})
    assert answered.status_code == 302 and state(second) is S.ADMITTED
