"""The life of a question, cell by cell, and who may move it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.bank import service
from app.bank.models import Question, QuestionReview, QuestionState
from app.bank.states import MOVES, Move
from app.core import clock
from app.core.errors import NotAllowedNow, Refused
from app.core.permissions import Role
from app.core.states import moved
from app.db import db, locked, unit_of_work
from tests.bank import factories
from tests.factories import people


@pytest.mark.parametrize("state", list(QuestionState))
@pytest.mark.parametrize("move", list(Move))
def test_every_cell(state: QuestionState, move: Move) -> None:
    if (state, move) in MOVES:
        assert moved(MOVES, state, move) is MOVES[state, move]
    else:
        with pytest.raises(NotAllowedNow):
            moved(MOVES, state, move)


def test_written_by_one_reviewed_by_another(app: Any, client_as: Any) -> None:
    author, reviewer = people.officer(Role.LECTURER), people.officer(Role.REVIEWER)
    made = factories.question(author)
    page = f"/bank/questions/{made.id}"
    assert client_as(author).post(f"{page}/submit").status_code == 302
    assert client_as(author).post(f"{page}/approve").status_code == 403
    assert client_as(reviewer).post(f"{page}/approve", data={"remark": "好"}).status_code == 302
    now = db.session.get_one(Question, made.id, populate_existing=True)
    assert now.state is QuestionState.LIVE and now.live_number == 1
    assert db.session.scalars(select(QuestionReview)).one().reviewer_id == reviewer.id
    assert made.id in {r.question_id for r in _live_rows()}


def _live_rows() -> list[Any]:
    return [service.revision(one.revision_id) for one in service.items_live(1)]


def test_nobody_reviews_what_they_wrote_or_revised(app: Any) -> None:
    author, second = people.officer(Role.EXAM_OFFICE), people.officer(Role.EXAM_OFFICE)
    made = factories.question(author)
    with unit_of_work():
        service.revise(locked(made), factories.item(text="改过的题干"), by=second, now=clock.now())
    with unit_of_work():
        service.submit(locked(made), by=author, now=clock.now())
    for own in (author, second):
        with pytest.raises(service.OwnQuestion), unit_of_work():
            service.approve(locked(made), by=own, now=clock.now())


def test_a_live_revision_stays_in_use_until_the_next_is_approved(app: Any) -> None:
    author, reviewer = people.officer(Role.LECTURER), people.officer(Role.REVIEWER)
    made = factories.question(author, live=True)
    changed = factories.item(explanation="新的解析")
    with unit_of_work():
        service.revise(locked(made), changed, by=author, now=clock.now())
    live = next(one for one in service.items_live(1) if one.item.id == "T-1")
    assert live.item.explanation == "因为"
    with unit_of_work():
        service.submit(locked(made), by=author, now=clock.now())
    with unit_of_work():
        service.approve(locked(made), by=reviewer, now=clock.now())
    after = next(one for one in service.items_live(1) if one.item.id == "T-1")
    assert after.item.explanation == "新的解析" and after.revision_id != live.revision_id
    assert service.items_pinned([(live.revision_id, live.digest)])[live.revision_id].explanation == "因为"


def test_what_is_missing_is_named_before_review(app: Any) -> None:
    author = people.officer(Role.LECTURER)
    made = factories.question(author, replace(factories.item(), source="", difficulty=None))
    with pytest.raises(service.Incomplete) as refused, unit_of_work():
        service.submit(locked(made), by=author, now=clock.now())
    assert "难度" in refused.value.text and "出处" in refused.value.text


def test_the_author_is_led_to_what_is_missing(app: Any, client_as: Any) -> None:
    author = people.officer(Role.LECTURER)
    made = factories.question(author, replace(factories.item(), source=""))
    answer = client_as(author).post(f"/bank/questions/{made.id}/submit", follow_redirects=True)
    assert (
        answer.status_code == 200 and answer.request.path == f"/bank/questions/{made.id}/edit" and "出处" in answer.text
    )


def test_an_unchanged_question_makes_no_revision(app: Any) -> None:
    author = people.officer(Role.LECTURER)
    made = factories.question(author)
    with pytest.raises(service.NothingChanged), unit_of_work():
        service.revise(locked(made), factories.item(), by=author, now=clock.now())


def test_retired_is_not_drawn(app: Any) -> None:
    author, reviewer = people.officer(Role.LECTURER), people.officer(Role.REVIEWER)
    made = factories.question(author, live=True)
    with unit_of_work():
        service.retire(locked(made), by=reviewer, now=clock.now(), reason="过时")
    assert "T-1" not in {one.item.id for one in service.items_live(1)}
    with unit_of_work():
        service.revive(locked(made), by=reviewer, now=clock.now())
    assert "T-1" not in {one.item.id for one in service.items_live(1)}


def test_return_needs_a_remark(app: Any) -> None:
    author, reviewer = people.officer(Role.LECTURER), people.officer(Role.REVIEWER)
    made = factories.question(author)
    with unit_of_work():
        service.submit(locked(made), by=author, now=clock.now())
    with pytest.raises(Refused), unit_of_work():
        service.send_back(locked(made), by=reviewer, now=clock.now(), remark="  ")
    with unit_of_work():
        service.send_back(locked(made), by=reviewer, now=clock.now(), remark="题干有歧义")
    assert db.session.get_one(Question, made.id, populate_existing=True).state is QuestionState.DRAFT
