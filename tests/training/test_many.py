"""Deciding on many at once: the trial keeps nothing, the decision does, each refusal says why."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import func, select

from app.audit.models import AuditEntry
from app.core import clock
from app.db import db, unit_of_work
from app.notices.models import Notice
from app.training import make_ups, moving
from app.training.class_models import AskState, ClaimState, ClassTransfer, HourClaim, LeaveRequest
from app.training.models import Attendance, Enrolment, HourEntry, HourSource
from app.training.states import EnrolmentState
from tests.factories import people, training
from tests.training.test_claims import state_hours

MANY = "/training/office/many"


def again(row: Any) -> Any:
    return db.session.get_one(type(row), row.id)


def counted(*models: Any) -> list[int]:
    return [db.session.scalar(select(func.count()).select_from(m)) or 0 for m in models]


def hidden(page: str) -> dict[str, Any]:
    """What the form of the page of confirmation sends."""
    return {
        "ids": re.findall(r'name="ids" value="(\d+)"', page), "sure": "1",
        "reason": re.findall(r'name="reason" value="([^"]*)"', page)[0],
    }  # fmt: skip


@pytest.fixture
def asked(app: Any) -> Any:
    """Three people of a class ask for leave from its first period; its officer."""
    klass = training.make_class()
    made = []
    for name in ("甲一", "乙二", "丙三"):
        person = people.person(name)
        training.admit(klass, person)
        with unit_of_work():
            made.append(make_ups.ask_leave(again(person), again(klass.sessions[0]), reason="住院", now=clock.now()))
    return klass, made


def test_a_trial_keeps_nothing_and_the_decision_does(asked: Any, client_as: Any) -> None:
    klass, leaves = asked
    browser = client_as(training.runner_of(klass))
    page = browser.get("/training/office/absences").text
    assert page.count('name="ids"') == 3 and f'formaction="{MANY}/leave/grant"' in page
    before = counted(Notice, Attendance, AuditEntry)
    ids = [str(one.id) for one in leaves]
    trial = browser.post(f"{MANY}/leave/grant", data={"ids": ids, "reason": "同意"})
    assert trial.status_code == 200 and "甲一" in trial.text and "准予 3 人请假" in trial.text
    assert counted(Notice, Attendance, AuditEntry) == before
    assert set(db.session.scalars(select(LeaveRequest.state))) == {AskState.ASKED}
    colleague = training.base_officer(klass.organisation)
    with unit_of_work():  # decides on one in between
        make_ups.decide_leave(again(leaves[0]), False, by=again(colleague), remark="不行", now=clock.now())
    done = browser.post(f"{MANY}/leave/grant", data=hidden(trial.text), follow_redirects=True)
    assert "甲一" in done.text and "其他工作" in done.text, "whoever was decided on meanwhile is left out and named"
    db.session.expire_all()
    assert [again(one).state for one in leaves] == [AskState.REFUSED, AskState.GRANTED, AskState.GRANTED]
    assert counted(Attendance) == [before[1] + 2]


def test_a_refusal_needs_its_reason_and_says_so_before(asked: Any, client_as: Any) -> None:
    klass, leaves = asked
    browser = client_as(training.runner_of(klass))
    trial = browser.post(f"{MANY}/leave/refuse", data={"ids": [one.id for one in leaves]})
    assert trial.status_code == 200 and 'name="sure"' not in trial.text and trial.text.count("<li>") >= 3
    none = browser.post(f"{MANY}/leave/refuse", data={}, follow_redirects=True)
    assert "请先勾选" in none.text
    assert browser.post(f"{MANY}/leave/present", data={"ids": "1"}).status_code == 404
    assert browser.post(f"{MANY}/other/grant", data={"ids": "1"}).status_code == 404


def test_rows_out_of_reach_are_in_no_list(asked: Any, client_as: Any) -> None:
    _klass, leaves = asked
    other = client_as(training.base_officer(training.base()))
    trial = other.post(f"{MANY}/leave/grant", data={"ids": [one.id for one in leaves]})
    assert "甲一" not in trial.text and 'name="sure"' not in trial.text
    other.post(f"{MANY}/leave/grant", data={"ids": [one.id for one in leaves], "sure": "1"})
    assert set(db.session.scalars(select(LeaveRequest.state))) == {AskState.ASKED}
    assert client_as(people.person()).post(f"{MANY}/leave/grant", data={"ids": "1"}).status_code == 403


def test_changes_of_class_as_far_as_there_are_places(app: Any, client_as: Any) -> None:
    first = training.make_class()
    second = training.make_class(first.organisation, capacity=1)
    wishes = []
    for name in ("甲一", "乙二"):
        person = people.person(name)
        one = training.admit(first, person)
        with unit_of_work():
            wishes.append(
                moving.ask_transfer(again(one), again(second), by=again(person), reason="出差", now=clock.now())
            )
    browser = client_as(training.runner_of(second))
    trial = browser.post(f"{MANY}/transfers/grant", data={"ids": [one.id for one in wishes]})
    sent = hidden(trial.text)
    assert sent["ids"] == [str(wishes[0].id)] and "乙二" in trial.text
    browser.post(f"{MANY}/transfers/grant", data=sent)
    db.session.expire_all()
    assert [again(one).state for one in wishes] == [AskState.GRANTED, AskState.ASKED]
    placed = select(Enrolment.person_id).where(
        Enrolment.class_id == second.id, Enrolment.state == EnrolmentState.ADMITTED
    )
    assert len(db.session.scalars(placed).all()) == 1
    assert counted(ClassTransfer) == [2]


def test_hours_are_examined_by_one_and_decided_by_another(app: Any, client_as: Any) -> None:
    klass = training.make_class(level=2)
    claims = [state_hours(training.admit(klass, people.person(n)), "8", proof=n) for n in ("甲一", "乙二")]
    ids = [one.id for one in claims]
    first, second = training.runner_of(klass), training.base_officer(klass.organisation)
    one, two = client_as(first), client_as(second)
    early = two.post(f"{MANY}/hours/decide", data={"ids": ids})
    assert "尚未" in early.text and 'name="sure"' not in early.text
    one.post(f"{MANY}/hours/examine", data=hidden(one.post(f"{MANY}/hours/examine", data={"ids": ids}).text))
    assert set(db.session.scalars(select(HourClaim.state))) == {ClaimState.EXAMINED}
    own = one.post(f"{MANY}/hours/decide", data={"ids": ids, "sure": "1"}, follow_redirects=True)
    assert "甲一" in own.text and counted(HourEntry) == [0], "not by the same officer"
    two.post(f"{MANY}/hours/decide", data=hidden(two.post(f"{MANY}/hours/decide", data={"ids": ids}).text))
    db.session.expire_all()
    assert set(db.session.scalars(select(HourClaim.state))) == {ClaimState.GRANTED}
    assert set(db.session.scalars(select(HourEntry.source_kind))) == {HourSource.RECOGNISED} and counted(HourEntry) == [
        2
    ]
