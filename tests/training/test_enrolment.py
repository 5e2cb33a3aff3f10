"""Who may enrol when, who decides, places under the lock, the waiting list, and the end of a class."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.accounts.service import people_visible_to
from app.core import clock
from app.core.errors import Forbidden, NotAllowedNow, Refused
from app.core.permissions import Role, Scope
from app.core.personal import ERASERS, HOLDERS
from app.db import db, unit_of_work
from app.notices.models import Notice
from app.training import classes, enrolments
from app.training.models import Enrolment, TrainingClass
from app.training.states import ClassMove, ClassState, EnrolmentState
from tests.factories import people, training


def state(enrolment: Enrolment) -> str:
    db.session.expire_all()
    return db.session.get_one(Enrolment, enrolment.id).state.value


def letters(person: Person) -> list[str]:
    return list(db.session.scalars(select(Notice.letter).where(Notice.person_id == person.id).order_by(Notice.id)))


def move(klass: TrainingClass, step: ClassMove, *, now: Any = None, reason: str = "") -> None:
    class_id, officer_id = klass.id, klass.created_by_id
    with unit_of_work():
        classes.move_class(
            db.session.get_one(TrainingClass, class_id), step, by=db.session.get_one(Person, officer_id),
            reason=reason, now=now or clock.now(),
        )  # fmt: skip


def test_the_window_holds_from_first_to_last_day(app: Any, at: Any) -> None:
    now = at("2026-03-02 09:00")
    klass = training.make_class(now=now, enrol_from=now.date(), enrol_until=now.date() + timedelta(days=2))
    person = people.person()
    for instant, wrong in (
        ("2026-03-01 23:59", enrolments.NotYet), ("2026-03-02 00:00", None), ("2026-03-04 23:59", None),
        ("2026-03-05 00:00", enrolments.Closed),
    ):  # fmt: skip
        found = enrolments.hindrance(klass, person, at(instant))
        assert type(found) is (wrong or type(None)), instant


def test_one_class_of_a_level_at_a_time(app: Any) -> None:
    first, second, higher = training.make_class(), training.make_class(), training.make_class(level=2)
    person = people.person()
    made = training.apply(first, person)
    assert isinstance(enrolments.hindrance(first, person, clock.now()), enrolments.AlreadyIn)
    assert isinstance(enrolments.hindrance(second, person, clock.now()), enrolments.InAnother)
    assert enrolments.hindrance(higher, person, clock.now()) is None
    with unit_of_work():
        enrolments.withdraw(
            db.session.get_one(Enrolment, made.id), by=db.session.get_one(Person, person.id), now=clock.now()
        )
    assert enrolments.hindrance(second, person, clock.now()) is None
    assert enrolments.hindrance(first, person, clock.now()) is None
    training.apply(first, person)
    assert state(made) == "applied"


def test_nobody_decides_on_the_own_enrolment(app: Any) -> None:
    klass = training.make_class()
    officer = training.runner_of(klass)
    made = training.apply(klass, officer)
    with pytest.raises(enrolments.OwnClass), unit_of_work():
        enrolments.admit(
            db.session.get_one(Enrolment, made.id), by=db.session.get_one(Person, officer.id), now=clock.now()
        )


def test_an_officer_of_another_base_is_refused(app: Any) -> None:
    made = training.apply(training.make_class(), people.person())
    other = training.base_officer(training.base())
    for verb in (enrolments.admit, enrolments.withdraw):
        with pytest.raises(Forbidden), unit_of_work():
            verb(db.session.get_one(Enrolment, made.id), by=db.session.get_one(Person, other.id), now=clock.now())


def test_the_last_place_goes_to_one_of_two(app: Any) -> None:
    """Two officers approve at the same moment: one gets the place, the other the waiting list."""
    klass = training.make_class(capacity=1)
    made = [training.apply(klass, people.person()).id for _ in range(2)]
    officer_id, now = klass.created_by_id, clock.now()
    db.session.rollback()
    start, faults = threading.Barrier(2), []

    def approve(enrolment_id: int) -> None:
        with app.app_context():
            start.wait(5)
            try:
                with unit_of_work():
                    enrolments.admit(
                        db.session.get_one(Enrolment, enrolment_id), by=db.session.get_one(Person, officer_id), now=now
                    )
            except Exception as fault:
                faults.append(fault)
            finally:
                db.session.remove() if hasattr(db.session, "remove") else db.session.close()

    threads = [threading.Thread(target=approve, args=(i,)) for i in made]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert faults == []
    found = sorted(s.value for s in db.session.scalars(select(Enrolment.state)))
    assert found == ["admitted", "waiting"]


def test_the_waiting_list_moves_up_in_order(app: Any) -> None:
    klass = training.make_class(capacity=1)
    crowd = [people.person(f"学员{n}") for n in range(3)]
    now = clock.now()
    made = [training.admit(klass, p, now=now + timedelta(minutes=n)) for n, p in enumerate(crowd)]
    assert [state(e) for e in made] == ["admitted", "waiting", "waiting"]
    assert [enrolments.queue_place(db.session.get_one(Enrolment, e.id)) for e in made[1:]] == [1, 2]
    with unit_of_work():
        enrolments.withdraw(
            db.session.get_one(Enrolment, made[0].id), by=db.session.get_one(Person, crowd[0].id), now=now
        )
    assert [state(e) for e in made] == ["withdrawn", "offered", "waiting"]
    assert letters(crowd[1])[-2:] == ["training.waiting", "training.offered"]


def test_more_places_move_the_list_up(app: Any) -> None:
    klass = training.make_class(capacity=1)
    made = [training.admit(klass, people.person()) for _ in range(3)]
    values = {name: getattr(klass, name) for name in classes.FIELDS} | {"capacity": 3}
    class_id, officer_id = klass.id, klass.created_by_id
    with unit_of_work():
        classes.change_class(db.session.get_one(TrainingClass, class_id), values, by=db.session.get_one(Person, officer_id), now=clock.now())  # fmt: skip
    assert [state(e) for e in made] == ["admitted", "offered", "offered"]
    with pytest.raises(classes.TooSmall), unit_of_work():
        classes.change_class(db.session.get_one(TrainingClass, class_id), values | {"capacity": 2}, by=db.session.get_one(Person, officer_id), now=clock.now())  # fmt: skip


def test_changed_dates_are_told(app: Any) -> None:
    klass, person, other = training.make_class(), people.person(), people.person()
    training.admit(klass, person)
    training.apply(klass, other)
    values = {name: getattr(klass, name) for name in classes.FIELDS} | {"place": "二号楼"}
    class_id, officer_id = klass.id, klass.created_by_id
    with unit_of_work():
        classes.change_class(db.session.get_one(TrainingClass, class_id), values, by=db.session.get_one(Person, officer_id), now=clock.now())  # fmt: skip
    assert letters(person)[-1] == "training.changed" and letters(other) == ["training.received"]


def test_ending_settles_everybody(app: Any) -> None:
    klass = training.make_class(capacity=1)
    admitted, waiting, applied = people.person("甲"), people.person("乙"), people.person("丙")
    made = [training.admit(klass, admitted), training.admit(klass, waiting), training.apply(klass, applied)]
    move(klass, ClassMove.START)
    with pytest.raises(classes.TooEarly):
        move(klass, ClassMove.END)
    move(klass, ClassMove.END, now=klass.sessions[-1].ends_at + timedelta(minutes=1))
    assert [state(e) for e in made] == ["completed", "refused", "refused"]
    done = db.session.get_one(Enrolment, made[0].id)
    assert done.completion_number is None and letters(admitted)[-1] == "training.ended"
    assert letters(waiting)[-1] == "training.lapsed"


def test_completion_has_a_number_when_the_hours_suffice(app: Any) -> None:
    person = people.person()
    klass = training.credit_all_hours(person, 1, end=True)
    made = db.session.scalars(select(Enrolment).where(Enrolment.person_id == person.id)).one()
    assert made.completion_number == f"JY{klass.region.code}{klass.ends_on.year}{klass.id:05d}001"
    assert letters(person)[-1] == "training.completed"


def test_cancelling_tells_everybody_and_needs_a_reason(app: Any) -> None:
    klass, person = training.make_class(), people.person()
    made = training.admit(klass, person)
    with pytest.raises(enrolments.ReasonMissing):
        move(klass, ClassMove.CANCEL)
    move(klass, ClassMove.CANCEL, reason="人数不足")
    assert state(made) == "withdrawn" and letters(person)[-1] == "training.cancelled"
    with pytest.raises(Refused):
        training.apply(klass, people.person())


def test_decided_elsewhere_is_skipped(app: Any) -> None:
    klass = training.make_class()
    made = [training.apply(klass, people.person()) for _ in range(2)]
    class_id, officer_id = klass.id, klass.created_by_id
    ids = [e.id for e in made]
    with unit_of_work():
        officer = db.session.get_one(Person, officer_id)
        enrolments.refuse(db.session.get_one(Enrolment, ids[0]), by=officer, reason="资料不全", now=clock.now())
        found = enrolments.decide_many(db.session.get_one(TrainingClass, class_id), ids, "admit", by=officer, reason="", now=clock.now())  # fmt: skip
    assert dict(found) == {"skipped": 1, "admitted": 1}
    with pytest.raises(NotAllowedNow), unit_of_work():
        enrolments.admit(
            db.session.get_one(Enrolment, ids[0]), by=db.session.get_one(Person, officer_id), now=clock.now()
        )


def test_classes_start_by_the_clock(app: Any) -> None:
    from app.jobs.service import run_clockwork

    klass = training.make_class()
    run_clockwork(clock.start_of(klass.starts_on) - timedelta(minutes=1), only="training.start_classes")
    db.session.expire_all()
    assert db.session.get_one(TrainingClass, klass.id).state is ClassState.OPEN
    run_clockwork(clock.start_of(klass.starts_on), only="training.start_classes")
    db.session.expire_all()
    assert db.session.get_one(TrainingClass, klass.id).state is ClassState.RUNNING


def test_the_base_sees_its_trainees(app: Any) -> None:
    klass, person = training.make_class(), people.person()
    officer = training.runner_of(klass)
    assert person not in db.session.scalars(people_visible_to(officer)).unique().all()
    training.apply(klass, person)
    officer = db.session.get_one(Person, officer.id)
    assert person.id in {p.id for p in db.session.scalars(people_visible_to(officer)).unique()}


def test_a_teacher_holds_the_role_while_named(app: Any) -> None:
    teacher, klass = people.officer(Role.LECTURER, name="孙讲师"), training.make_class(planned=False, open=False)
    class_id, officer_id, teacher_id = klass.id, klass.created_by_id, teacher.id
    for named, held in ((teacher_id, 1), (None, 0)):
        values = {name: getattr(klass, name) for name in classes.FIELDS} | {"teacher_id": named}
        with unit_of_work():
            classes.change_class(db.session.get_one(TrainingClass, class_id), values, by=db.session.get_one(Person, officer_id), now=clock.now())  # fmt: skip
        db.session.expire_all()
        roles = [r for r in db.session.get_one(Person, teacher_id).roles if r.scope is Scope.CLASS and not r.ended_at]
        assert len(roles) == held


def test_personal_data_is_told_and_forgotten(app: Any) -> None:
    person = people.person()
    training.credit_all_hours(person, 1)
    told, _files = HOLDERS["training"](person)
    assert told["enrolments"][0]["education"] == "bachelor" and len(told["hours"]) == len(told["attendance"]) == 5
    with unit_of_work():
        ERASERS["training"](db.session.get_one(Person, person.id), clock.now())
    told, _files = HOLDERS["training"](db.session.get_one(Person, person.id))
    assert {a["reason"] for a in told["attendance"]} == {""} and sum(float(h["hours"]) for h in told["hours"]) == 40


def test_wrong_dates_are_named(app: Any) -> None:
    today = clock.today()
    for more, field in (
        ({"ends_on": today - timedelta(days=30)}, "ends_on"),
        ({"enrol_until": today - timedelta(days=9)}, "enrol_until"),
        ({"enrol_until": today + timedelta(days=400)}, "enrol_until"),
        ({"place": ""}, "place"),
    ):
        with pytest.raises(Refused) as refused:
            training.make_class(**more)
        assert refused.value.field == field  # type: ignore[attr-defined]


def test_waiting_enrolments_hold_no_place(app: Any) -> None:
    klass = training.make_class(capacity=1)
    training.admit(klass, people.person())
    training.admit(klass, people.person())
    assert classes.places_taken(klass.id) == 1
    assert classes.counts_of([klass.id])[klass.id] == {EnrolmentState.ADMITTED: 1, EnrolmentState.WAITING: 1}
