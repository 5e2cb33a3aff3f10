"""Retakes: what a class allows, and what the candidate is told about the next attempt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest

from app.core import clock
from app.core.permissions import Role, Scope
from app.db import locked, unit_of_work
from app.exams import asks, attempts, sessions
from app.exams.models import Eligibility
from app.outline import service as outline
from app.outline.kinds import KINDS
from tests.exams.factories import Over, Room, plan, training
from tests.factories import people

DAY = timedelta(days=1)


@contextmanager
def in_class(begun: date | None) -> Iterator[None]:
    before = asks.class_begun._answer
    asks.class_begun._answer = lambda person, rank: begun
    try:
        yield
    finally:
        asks.class_begun._answer = before


def _later(room: Room, days: int) -> Any:
    """A further published session of the room's level, some days after the first."""
    with unit_of_work():
        made = sessions.plan(
            plan(room.region, level=room.session.level, eligibility=Eligibility.TRAINING, opens_at=room.opens + days * DAY),
            by=room.office, now=clock.now(),
        )  # fmt: skip
    with unit_of_work():
        sessions.publish(locked(made), by=room.office, now=clock.now())
    return made


def _register(room: Room, session: Any, **more: Any) -> Any:
    with unit_of_work():
        return sessions.register(session, room.people[0], **({"by": room.people[0], "now": clock.now()} | more))


@pytest.mark.parametrize(("days", "fine"), [(8, True), (89, True), (90, False), (120, False)])
def test_one_retake_in_the_class_within_ninety_days(app: Any, days: int, fine: bool) -> None:
    room = Room()
    room.start()
    session, begun = _later(room, days), clock.local_date(room.opens) - 30 * DAY
    with training(True), in_class(begun):
        if fine:
            _register(room, session)
        else:
            with pytest.raises(sessions.NewClassFirst):
                _register(room, session)


def test_after_two_attempts_a_new_class_opens_the_exam_again(app: Any) -> None:
    room = Room()
    room.start()
    second, third = _later(room, 10), _later(room, 110)
    begun = clock.local_date(room.opens) - 30 * DAY
    with training(True), in_class(begun):
        _register(room, second)
        with pytest.raises(sessions.NewClassFirst):
            _register(room, third)
    with training(True), in_class(begun + 60 * DAY):
        _register(room, third)


def test_who_has_no_class_or_is_admitted_by_the_office_is_bound_by_the_days_alone(app: Any) -> None:
    room = Room()
    room.start()
    session = _later(room, 120)
    with training(True), in_class(clock.local_date(room.opens) - 30 * DAY):
        _register(room, session, by=room.office, waive="疫情延期")
    other = _later(room, 240)
    with training(True), in_class(None):
        _register(room, other)


def test_a_rule_may_leave_retakes_free(app: Any) -> None:
    room = Room()
    room.start()
    session = _later(room, 120)
    body = dict(outline.current("exam", 1).body) | {"retake": "free"}
    with unit_of_work():
        outline.save_version(KINDS["exam"], "1", body, by=room.office, now=clock.now(), effective_from=clock.today())
    with training(True), in_class(clock.local_date(room.opens) - 30 * DAY):
        _register(room, session)


def test_the_candidate_reads_when_the_next_attempt_is_possible(
    app: Any, client_as: Any, set_clock: Any, at: Any
) -> None:
    set_clock(at("2026-05-11 08:00"))
    room = Over(1, essays=0, knows=[0])
    room.release()
    set_clock(room.over + DAY)
    address = f"/exams/sittings/{room.sittings[0]}/result"
    with in_class(date(2026, 5, 1)):
        page = client_as(room.people[0]).get("/exams/").text
        assert "2026年5月18日" in page and "90 天内已用 1 次，共 2 次" in page
        assert "2026年5月18日" in client_as(room.people[0]).get(address).text
        found = attempts.standing_of(room.people[0], 3, room.over + DAY)
        assert (found.used, found.allowed, found.next_on, found.new_class) == (1, 2, date(2026, 5, 18), False)
        found = attempts.standing_of(room.people[0], 3, room.over + 100 * DAY)
        assert found.new_class
    set_clock(room.over + 100 * DAY)
    with in_class(date(2026, 5, 1)):
        assert "重新报名" in client_as(room.people[0]).get(address).text


def test_a_pass_counts_for_its_months_and_the_best_score_is_told(app: Any) -> None:
    room = Over(1, essays=0, knows=[3])
    room.release()
    found = attempts.standing_of(room.people[0], 3, room.over + DAY)
    assert found.passed and found.best == 75
    assert found.valid_until is not None and found.valid_until.year == clock.local_date(room.over).year + 2
    assert not attempts.standing_of(room.people[0], 3, room.over + 740 * DAY).passed


def test_offers_name_the_class_as_the_reason(app: Any, client_as: Any) -> None:
    room = Room()
    room.start()
    _later(room, 120)
    people.hold(room.people[0], Role.MARKER, Scope.REGION, room.region.id)
    with training(True), in_class(clock.local_date(room.opens) - 30 * DAY):
        [offer] = sessions.sessions_open_to(room.people[0], clock.now())
        assert isinstance(offer.refusal, sessions.NewClassFirst)


def test_the_office_registers_a_named_person_for_a_make_up_exam(app: Any, client_as: Any, set_clock: Any) -> None:
    """The dry run tells attempts and waiting time; the reason stands beside the person afterwards."""
    room = Over(1, essays=0, knows=[0])
    set_clock(room.over)
    room.release()
    desk, name, email = client_as(room.office), room.people[0].name, room.people[0].email
    early, fine = _later(room, 3), _later(room, 10)
    reason = "补考：首考不合格"
    for made, why in ((early, "最早可于"), (fine, "")):
        address = f"/exams/office/sessions/{made.id}/candidates"
        page = desk.get(address).text
        assert "考试次数" in page and "两次考试间隔" in page
        checked = desk.post(address, data={"emails": f"{email}\t{name}", "waive": reason, "do": "check"}).text
        assert "90 天内 1/2 次" in checked and "不合格，0 分" in checked
        assert (why in checked) if why else ("可以报名" in checked)
        answer = desk.post(address, data={"emails": f"{email}\t{name}", "waive": reason, "do": "register"})
        assert answer.status_code == (422 if why else 302)
    assert reason in desk.get(f"/exams/office/sessions/{fine.id}/candidates").text
    assert name not in desk.get(f"/exams/office/sessions/{early.id}/candidates").text.split("已报名")[-1]
