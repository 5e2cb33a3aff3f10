"""Transfer, copy, split, merge: nobody is lost or doubled, hours heard stay, the second of two officers is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.models import Person
from app.core import clock
from app.core.errors import Forbidden, NotAllowedNow
from app.db import db, unit_of_work
from app.training import class_tasks, hours, moving
from app.training.class_models import ClassTransfer
from app.training.classes import places_taken
from app.training.models import ClassSession, Enrolment, TrainingClass
from app.training.states import ClassMove, ClassState
from app.training.states import EnrolmentState as S
from tests.factories import people, training


def again(row: Any) -> Any:
    return db.session.get_one(type(row), row.id)


@pytest.fixture
def two(app: Any) -> tuple[TrainingClass, TrainingClass, Person]:
    base = training.base()
    officer = training.base_officer(base)
    return (
        training.make_class(base, by=officer, capacity=3),
        training.make_class(base, by=officer, capacity=2),
        officer,
    )


def move(
    one: Enrolment, target: TrainingClass, officer: Person, *, reason: str = "时间冲突", now: Any = None
) -> Enrolment:
    with unit_of_work():
        return moving.transfer(again(one), again(target), by=again(officer), reason=reason, now=now or clock.now())


def in_class(klass: TrainingClass, person: Person | int) -> Enrolment:
    ident = person if isinstance(person, int) else person.id
    db.session.expire_all()
    return db.session.scalars(
        select(Enrolment).where(Enrolment.class_id == klass.id, Enrolment.person_id == ident)
    ).one()


def test_a_transfer_takes_everything_along(two: Any) -> None:
    first, second, officer = two
    person = people.person()
    one = training.admit(first, person)
    pins = (one.outline_id, one.programme_id, one.education)
    made = move(one, second, officer)
    assert (in_class(first, person).state, made.state) == (S.WITHDRAWN, S.ADMITTED)
    assert (made.outline_id, made.programme_id, made.education) == pins
    with pytest.raises(NotAllowedNow):  # the second officer is told
        move(one, second, officer)
    back = move(made, first, officer)  # and back again: the old row serves
    assert back.id == one.id and in_class(first, person).state is S.ADMITTED
    assert in_class(second, person).state is S.WITHDRAWN


def test_hours_heard_before_the_transfer_are_credited(two: Any) -> None:
    first, second, officer = two
    person = people.person()
    one = training.admit(first, person)
    after = first.sessions[0].ends_at + timedelta(hours=3)
    training.attend(first, person, [first.sessions[0]], now=after)
    move(one, second, officer, now=after)
    worth = first.sessions[0].hours
    assert sum(hours.credited_hours(person.id, 1, clock.local_date(after)).values()) == worth
    assert training.credit(first, now=after).hours == {}


def test_what_stands_against_a_transfer(two: Any) -> None:
    first, second, officer = two
    for _n in range(2):
        training.admit(second, people.person())
    one = training.admit(first, people.person())
    with pytest.raises(moving.NoPlaceThere) as full:
        move(one, second, officer)
    assert "2" in full.value.text
    with pytest.raises(moving.SameClass):
        move(one, first, officer)
    with pytest.raises(moving.OtherLevel):
        move(one, training.make_class(level=2, by=officer, of=first.organisation), officer)
    with pytest.raises(moving.ReasonMissing):
        move(one, second, officer, reason=" ")
    with pytest.raises(Forbidden):
        move(one, second, training.base_officer(training.base()))
    assert in_class(first, one.person_id).state is S.ADMITTED


def test_the_place_left_behind_is_offered(two: Any) -> None:
    first, second, officer = two
    inside = [training.admit(first, people.person()) for _ in range(3)]
    waiting = training.admit(first, people.person())
    move(inside[0], second, officer)
    assert in_class(first, waiting.person_id).state is S.OFFERED


def test_a_wish_is_decided_once(two: Any) -> None:
    first, second, officer = two
    colleague = training.base_officer(first.organisation)
    person = people.person()
    one = training.admit(first, person)
    with unit_of_work():
        asked = moving.ask_transfer(again(one), again(second), by=again(person), reason="出差", now=clock.now())
    with pytest.raises(moving.AskedAlready), unit_of_work():
        moving.ask_transfer(again(one), again(second), by=again(person), reason="出差", now=clock.now())
    assert moving.transfers_waiting(officer) == 1
    with unit_of_work():
        moving.decide_transfer(again(asked), True, by=again(officer), remark="", now=clock.now())
    with pytest.raises(moving.DecidedAlready), unit_of_work():
        moving.decide_transfer(again(asked), False, by=again(colleague), remark="不行", now=clock.now())
    assert in_class(second, person).state is S.ADMITTED
    assert db.session.scalars(select(ClassTransfer.state)).all() == ["granted"]


def test_a_copy_shifts_every_period(two: Any) -> None:
    first, _second, officer = two
    start = first.starts_on + timedelta(days=56)
    with unit_of_work():
        made = moving.copy_class(
            again(first), title="下一期", starts_on=start, enrol_from=clock.today(), enrol_until=start, rooms=True,
            teachers=True, by=again(officer), now=clock.now(),
        )  # fmt: skip
    db.session.expire_all()
    new = again(made.made)
    assert (made.left_out, made.periods, new.state) == ((), len(first.sessions), ClassState.DRAFT)
    assert [(s.starts_at, s.hours, s.module) for s in new.sessions] == [
        (s.starts_at + timedelta(days=56), s.hours, s.module) for s in first.sessions
    ]
    assert new.ends_on - new.starts_on == first.ends_on - first.starts_on


def test_splitting_and_merging_keep_everybody_once(two: Any) -> None:
    first, _second, officer = two
    everybody = [training.admit(first, people.person()) for _ in range(3)]
    waiting = training.admit(first, people.person())
    with pytest.raises(moving.Nobody), unit_of_work():
        moving.split_class(
            again(first), [e.id for e in everybody], title="乙班", capacity=9, by=again(officer), reason="人多", now=clock.now()
        )  # fmt: skip
    with unit_of_work():
        made = moving.split_class(
            again(first), [everybody[0].id], title="乙班", capacity=9, by=again(officer), reason="人多", now=clock.now()
        )  # fmt: skip
    assert in_class(made, everybody[0].person_id).state is S.ADMITTED
    assert in_class(first, waiting.person_id).state is S.OFFERED  # the place became free
    assert db.session.scalar(select(func.count()).where(ClassSession.class_id == made.id)) == len(first.sessions)
    assert all(not s.room and s.teacher_id is None for s in again(made).sessions)
    with unit_of_work():
        moved = moving.merge_class(again(first), again(made), by=again(officer), reason="并班", now=clock.now())
    assert moved == 3 and again(first).state is ClassState.CANCELLED
    assert in_class(made, waiting.person_id).state is S.WAITING
    assert places_taken(made.id) == 3
    class_tasks.fill_places(clock.now())
    assert in_class(made, waiting.person_id).state is S.OFFERED
    held = select(func.count()).where(Enrolment.person_id == waiting.person_id, Enrolment.state == S.OFFERED)
    assert db.session.scalar(held) == 1


def test_merging_needs_room(two: Any) -> None:
    first, second, officer = two
    for _ in range(3):
        training.admit(first, people.person())
    with pytest.raises(moving.NoPlaceThere), unit_of_work():
        moving.merge_class(again(first), again(second), by=again(officer), reason="并班", now=clock.now())
    db.session.expire_all()
    assert again(first).state is ClassState.OPEN and places_taken(first.id) == 3


def test_a_running_class_is_split_from_now_on(two: Any) -> None:
    first, _second, officer = two
    everybody = [training.admit(first, people.person()) for _ in range(2)]
    half = first.sessions[len(first.sessions) // 2].starts_at
    ahead = [s for s in first.sessions if s.starts_at >= half]
    with unit_of_work():
        from app.training.classes import move_class

        move_class(again(first), ClassMove.START, by=again(officer), now=half)
        made = moving.split_class(
            again(first), [everybody[0].id], title="乙班", capacity=5, by=again(officer), reason="人多", now=half
        )  # fmt: skip
    assert len(again(made).sessions) == len(ahead) and again(made).state is ClassState.RUNNING


def test_the_pages(two: Any, client_as: Any) -> None:
    first, second, officer = two
    person = people.person()
    one = training.admit(first, person)
    office, trainee = client_as(officer), client_as(person)
    for path in (
        f"/training/office/classes/{first.id}/people", f"/training/office/classes/{first.id}/copy",
        "/training/office/transfers", "/training/office/calendar", f"/training/office/classes/{first.id}/timetable",
    ):  # fmt: skip
        assert office.get(path).status_code == 200, path
        assert trainee.get(path).status_code in (403, 404), path
    assert trainee.get(f"/training/enrolments/{one.id}/transfer").status_code == 200
    asked = trainee.post(f"/training/enrolments/{one.id}/transfer", data={"to_class_id": second.id, "reason": "出差"})
    assert asked.status_code == 302
    ident = db.session.scalars(select(ClassTransfer.id)).one()
    office.post(f"/training/office/transfers/{ident}/grant", data={})
    assert in_class(second, person).state is S.ADMITTED
    told = office.post(f"/training/office/transfers/{ident}/refuse", data={"reason": "x"}, follow_redirects=True)
    assert "已经" in told.text or "已" in told.text
    bad = office.post(f"/training/office/classes/{second.id}/people/move", data={"move-to_class_id": first.id})
    assert bad.status_code == 422
    good = office.post(
        f"/training/office/classes/{second.id}/people/move",
        data={"move-to_class_id": first.id, "move-reason": "回原班", "ids": in_class(second, person).id},
    )
    assert good.status_code == 302 and in_class(first, person).state is S.ADMITTED
    start = first.starts_on + timedelta(days=70)
    copied = office.post(
        f"/training/office/classes/{first.id}/copy",
        data={
            "title": "新班", "starts_on": start, "enrol_from": clock.today(), "enrol_until": start, "rooms": "y", "once": "abc",
        },
    )  # fmt: skip
    assert copied.status_code == 302
    again_ = office.post(
        f"/training/office/classes/{first.id}/copy",
        data={"title": "新班", "starts_on": start, "enrol_from": clock.today(), "enrol_until": start, "once": "abc"},
    )
    assert again_.status_code == 422  # a double click makes one class
    assert db.session.scalar(select(func.count()).where(TrainingClass.title == "新班")) == 1
