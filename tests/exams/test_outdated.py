"""Papers not begun that hold a retired question, or one whose key was corrected: the office is warned and has them drawn anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.audit.models import AuditEntry
from app.bank import service as bank
from app.core import clock
from app.core.errors import NotAllowedNow
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.exams import faults, outdated
from app.exams.deeds import Did
from app.jobs.service import run_waiting
from tests.exams.factories import Room, session, sitting
from tests.exams.test_faults import everywhere, questions_on
from tests.factories import people


def _found(room: Room) -> list[outdated.Outdated]:
    db.session.rollback()
    return outdated.found_in(session(room.session.id), clock.now())


def _retire(question: Any) -> None:
    reviewer = people.officer(Role.REVIEWER)
    with unit_of_work():
        bank.retire(locked(question), by=reviewer, now=clock.now(), reason="法规已修订")


def _revise(question: Any, **changes: Any) -> None:
    item = bank.by_code(question.code).latest.item  # type: ignore[union-attr]
    author, reviewer = people.officer(Role.LECTURER), people.officer(Role.REVIEWER)
    if "key" in changes:
        if item.options:
            wrong = next(one for one in item.options if not one.correct)
            changes = {"options": tuple(replace(o, correct=o.id == wrong.id) for o in item.options)}
        else:
            changes = {"answer": not item.answer}
    with unit_of_work():
        bank.revise(locked(question), replace(item, **changes), by=author, now=clock.now())
    with unit_of_work():
        bank.submit(locked(question), by=author, now=clock.now())
    with unit_of_work():
        bank.approve(locked(question), by=reviewer, now=clock.now())


def test_a_retired_question_is_named_and_leaves_papers_not_begun(app: Any, client_as: Any, set_clock: Any) -> None:
    room = Room(3)
    question = everywhere(room)
    page = client_as(room.office).get(f"/exams/office/sessions/{room.session.id}").text
    assert _found(room) == [] and "重新组卷" not in page
    _retire(question)
    room.start(2)
    before = sitting(room.sittings[2]).seed
    found = _found(room)
    assert [(one.code, one.retired, one.sitting_ids) for one in found] == [
        (question.code, True, tuple(sorted(room.sittings[:2])))
    ]
    desk = client_as(room.office)
    address = f"/exams/office/sessions/{room.session.id}"
    page = desk.get(address).text
    assert question.code in page and "2 份未开考的试卷含有" in page and "papers/anew" in page
    assert desk.post(f"{address}/papers/anew").status_code == 302
    for one in room.sittings[:2]:
        assert question.id not in questions_on(one)
    assert sitting(room.sittings[2]).seed == before, "who has begun keeps the paper"
    assert _found(room) == [] and "papers/anew" not in desk.get(address).text
    assert desk.post(f"{address}/papers/anew").status_code == 409
    log = select(func.count()).select_from(AuditEntry).where(AuditEntry.deed == Did.REPLACE_PAPER)
    assert db.session.scalar(log) == 2


def test_a_corrected_key_is_named_and_another_word_is_not(app: Any) -> None:
    room = Room(1)
    question = everywhere(room)
    assert question.latest_number == 1
    _revise(question, explanation="新的解析")
    assert _found(room) == []
    _revise(question, key=True)
    assert [(one.code, one.retired) for one in _found(room)] == [(question.code, False)]
    with unit_of_work():
        assert outdated.renew(locked(room.session), by=room.office, now=clock.now()) == (1, 0)
    assert _found(room) == []


def test_many_are_drawn_in_the_background(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "AT_ONCE", 1)
    monkeypatch.setattr(faults, "CHUNK", 1)
    room = Room(2)
    question = everywhere(room)
    _retire(question)
    with unit_of_work():
        assert outdated.renew(locked(room.session), by=room.office, now=clock.now()) == (0, 0)
    run_waiting()
    assert _found(room) == [] and all(question.id not in questions_on(one) for one in room.sittings)


def test_it_is_asked_of_exams_that_can_still_be_begun(app: Any, client_as: Any, set_clock: Any) -> None:
    room = Room(1)
    _retire(everywhere(room))
    other = client_as(
        people.officer(Role.EXAM_OFFICE, Scope.REGION, people.region(name="哈尔滨市").id, name="外地考务")
    )
    assert other.post(f"/exams/office/sessions/{room.session.id}/papers/anew").status_code == 404
    set_clock(room.session.closes_at + timedelta(minutes=1))
    assert _found(room) == []
    with pytest.raises(NotAllowedNow), unit_of_work():
        outdated.renew(locked(room.session), by=room.office, now=clock.now())
