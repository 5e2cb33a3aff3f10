"""Blueprints tried out before use; papers drawn by limit of exposure, fixed questions and what was had before."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select, update

from app.bank import service as bank
from app.bank.drawing import live_pool
from app.bank.models import Question, QuestionState
from app.bank.uses import in_use, uses_of
from app.core import clock
from app.core.permissions import Role
from app.db import db, locked, unit_of_work
from app.exams import papers, sessions
from app.exams.analysis import try_out
from app.exams.exposure import exposure_of
from app.exams.models import Sitting
from app.jobs.service import run_waiting
from app.outline import service as outline
from app.outline.kinds import KINDS, BadRule
from app.training.models import Course, Lesson, LessonRevision
from question_bank.items import Kind
from tests.bank import factories as questions
from tests.exams import factories
from tests.factories import people


def blueprint(office: Any, level: int = 3, **more: Any) -> Any:
    """Nothing but what is told, of questions of module ``policy``."""
    body = {"minutes": 60, "easy": "1", "medium": "0", "hard": "0", "kinds": [],
            "modules": [{"module": "policy", "weight": "1"}]} | more  # fmt: skip
    with unit_of_work():
        return outline.save_version(KINDS["blueprint"], str(level), body, by=office, now=clock.now(),
                                    effective_from=outline.BEGINNING)  # fmt: skip


def cell(count: int, point: str = "2", **more: Any) -> dict[str, Any]:
    return {"kind": "blank", "count": count, "points": point, "module": "", "difficulty": ""} | more


@pytest.fixture
def office(app: Any) -> Any:
    """Five live 填空 of level 3 and no others; what the shipped bank has of them is put aside."""
    author = people.officer(Role.EXAM_OFFICE)
    with unit_of_work() as data:
        aside = update(Question).where(Question.kind == Kind.BLANK, Question.level == 3)
        data.execute(aside.values(state=QuestionState.RETIRED))
    for n in range(5):
        raw = {"kind": "blank", "text": f"填 {n} [[1]]", "options": [], "blanks": [["甲"]], "level": 3}
        questions.question(author, questions.item(f"FB-{n}", **raw), live=True)
    return author


def session_with(office: Any, candidates: int, **more: Any) -> Any:
    region = people.region()
    with unit_of_work():
        made = sessions.plan(factories.plan(region, level=3, **more), by=office, now=clock.now())
    with factories.training(True):
        for n in range(candidates):
            candidate = people.person(f"考生{n}", region=region)
            with unit_of_work():
                sessions.register(locked(made), candidate, by=office, now=clock.now())
    return made


def drawn(session: Any) -> list[list[str]]:
    rows = db.session.scalars(select(Sitting).where(Sitting.session_id == session.id).order_by(Sitting.id))
    return [[entry.item.id for entry in papers.paper_of(one)] for one in rows]


def publish(session: Any, office: Any) -> None:
    with unit_of_work():
        sessions.publish(locked(session), by=office, now=clock.now())
    run_waiting()


def test_cells_and_fixed_questions_are_on_every_paper(office: Any) -> None:
    blueprint(office, cells=[cell(2)], fixed=[{"code": "FB-3", "points": "5"}])
    session = session_with(office, 3)
    publish(session, office)
    for paper in drawn(session):
        assert len(paper) == 3 and "FB-3" in paper
    assert exposure_of(3, since=None)["FB-3"] == 3


def test_questions_are_used_evenly_and_where_they_are_used_is_told(office: Any, client_as: Any) -> None:
    blueprint(office, cells=[cell(2)])
    session = session_with(office, 5)
    publish(session, office)
    used = Counter(code for paper in drawn(session) for code in paper)
    assert used == {f"FB-{n}": 2 for n in range(5)} == exposure_of(3, since=None)
    question = bank.by_code("FB-1")
    with client_as(office).application.test_request_context():
        assert [(use.title, use.papers) for use in uses_of(question)] == [(session.title, 2)]
        assert in_use([question]) == {question.id}
    assert session.title in client_as(office).get(f"/bank/questions/{question.id}").text


def test_the_exposure_limit_is_proven_for_all_before_publication(office: Any) -> None:
    blueprint(office, cells=[cell(2)], exposure_limit="1")
    session = session_with(office, 3)
    with pytest.raises(sessions.NotReady) as refused, unit_of_work():
        sessions.publish(locked(session), by=office, now=clock.now())
    assert "2" in refused.value.text and "3" in refused.value.text
    enough = session_with(office, 2)
    publish(enough, office)
    used = Counter(code for paper in drawn(enough) for code in paper)
    assert max(used.values()) == 1


def test_what_somebody_had_before_is_not_drawn_again(office: Any, set_clock: Any) -> None:
    blueprint(office, cells=[cell(3)], unseen="require")
    first = session_with(office, 1)
    publish(first, office)
    had = db.session.scalars(select(Sitting).where(Sitting.session_id == first.id)).one()
    from app.exams import sittings

    with unit_of_work():
        sittings.start(had.id, by=db.session.merge(had.candidate), honour=True, now=first.opens_at)
    second = session_with(office, 0)
    with unit_of_work():
        db.session.add(Sitting(session_id=second.id, candidate_id=had.candidate_id, registered_at=clock.now()))
    with pytest.raises(sessions.NotReady), unit_of_work():
        sessions.publish(locked(second), by=office, now=clock.now())
    blueprint(office, cells=[cell(3)])
    publish(second, office)
    assert len(drawn(second)[0]) == 3, "preferred only: the bank is too small to keep them away"


def test_groups_of_the_bank_keep_questions_off_one_paper(office: Any) -> None:
    from app.bank import groups

    with unit_of_work():
        groups.keep_group(None, "组", ["FB-0", "FB-1"], by=office, now=clock.now())
    blueprint(office, cells=[cell(4)])
    session = session_with(office, 4)
    publish(session, office)
    for paper in drawn(session):
        assert not {"FB-0", "FB-1"} <= set(paper)
    blueprint(office, cells=[cell(5)])
    assert "互斥" in sessions.check_list(session_with(office, 0), clock.now())[1].words


def test_the_pool_is_kept_until_the_bank_changes(office: Any, queries: Any) -> None:
    first = live_pool(3)
    assert live_pool(3) is first
    with queries() as asked:
        live_pool(3)
    assert len(asked) == 2
    with unit_of_work():
        bank.retire(locked(bank.by_code("FB-0")), by=office, now=clock.now(), reason="旧法")
    assert "FB-0" not in live_pool(3).pool.items


@pytest.mark.parametrize(
    "wrong",
    [
        {"cells": [], "fixed": []},
        {"cells": [cell(1)], "fixed": [{"code": "NOBODY", "points": ""}]},
        {"cells": [cell(1)], "fixed": [{"code": "FB-1", "points": ""}, {"code": "FB-1", "points": "2"}]},
        {"cells": [cell(1, module="cooking")]},
        {"cells": [cell(1)], "exposure_limit": "0"},
        {"cells": [cell(1)], "unseen": "sometimes"},
    ],
)  # fmt: skip
def test_what_is_no_blueprint(office: Any, wrong: Any) -> None:
    with pytest.raises(BadRule):
        blueprint(office, **wrong)


def test_a_trial_tells_marks_coverage_and_expected_mean(office: Any) -> None:
    trial = try_out(blueprint(office, cells=[cell(2, "2.5")], fixed=[{"code": "FB-0", "points": "5"}]))
    assert trial.problem is None and len(trial.papers) == 20
    assert (trial.one.count, trial.one.points) == (3, 10)
    assert float(trial.expected.mean) == pytest.approx(0.85)
    assert 0 < trial.different < 1


def test_the_office_sees_it_before_use(office: Any, client_as: Any) -> None:
    blueprint(office, cells=[cell(2), cell(9, module="policy", difficulty="hard")])
    session = session_with(office, 0)
    browser = client_as(office)
    page = browser.get(f"/exams/office/sessions/{session.id}/blueprint")
    assert page.status_code == 200 and "9" in page.text
    assert f"/exams/office/sessions/{session.id}/blueprint" in browser.get(f"/exams/office/sessions/{session.id}").text
    assert browser.get("/exams/office/blueprints").status_code == 200
    assert browser.get("/exams/office/blueprints/1").status_code == 200
    assert browser.get("/exams/office/blueprints/9").status_code == 404
    assert client_as(people.person()).get("/exams/office/blueprints").status_code == 403


def test_the_paper_names_the_rule_and_gives_an_example(office: Any, client_as: Any) -> None:
    room = factories.Room(kinds=(("multiple", 1, "2"), ("single", 1, "2")))
    page = client_as(room.people[0]).get(f"/exams/sittings/{room.sittings[0]}/start").text
    assert "多选规则 A" in page and "例：" in page


# --- questions of the lessons' quizzes ---------------------------------------------------------------------------------------


def quiz_of(office: Any, *codes: str) -> None:
    """A lesson whose quiz holds these questions of the bank."""
    with unit_of_work() as data:
        course = data.scalars(select(Course)).first()
        assert course is not None
        lesson = Lesson(course_id=course.id, key="quiz")
        data.add(lesson)
        data.flush()
        quiz = [item.to_dict() for code in codes if (item := live_pool(3).pool.items[code])]
        data.add(LessonRevision(lesson_id=lesson.id, number=1, title_zh="自测", minutes=10, hours=1, body="", quiz=quiz,
                                created_by_id=office.id))  # fmt: skip


def test_questions_of_quizzes_are_left_out_while_there_are_others(office: Any) -> None:
    quiz_of(office, "FB-0", "FB-1")
    blueprint(office, cells=[cell(3)])
    session = session_with(office, 2)
    publish(session, office)
    assert [sorted(one) for one in drawn(session)] == [["FB-2", "FB-3", "FB-4"]] * 2


def test_where_too_few_are_left_they_are_drawn_and_it_is_said(office: Any, client_as: Any) -> None:
    quiz_of(office, "FB-0", "FB-1")
    blueprint(office, cells=[cell(4)])
    session = session_with(office, 1)
    version = outline.current("blueprint", 3)
    assert papers.quizzed_needed(3, version).endswith("× 1")
    note = next(one for one in sessions.check_list(session, clock.now()) if "自测" in one.words)
    assert (note.fine, note.stops) == (False, False)
    assert "试卷会用到课程自测题" in client_as(office).get("/exams/office/blueprints/3").get_data(as_text=True)
    publish(session, office)
    assert len(drawn(session)[0]) == 4


def test_a_blueprint_may_never_draw_them_or_draw_them_like_others(office: Any) -> None:
    quiz_of(office, "FB-0", "FB-1")
    blueprint(office, cells=[cell(4)], quizzed="require")
    session = session_with(office, 1)
    with pytest.raises(sessions.NotReady), unit_of_work():
        sessions.publish(locked(session), by=office, now=clock.now())
    assert try_out(outline.current("blueprint", 3)).problem is not None
    blueprint(office, cells=[cell(5)], quizzed="allow")
    version = outline.current("blueprint", 3)
    assert papers.quizzed_needed(3, version) == ""
    assert try_out(version).problem is None


def test_a_question_had_in_an_exam_is_kept_away_before_one_of_a_quiz() -> None:
    seen, quizzed = frozenset("ab"), frozenset("bc")
    assert papers.kept_away(papers.Drawing(), seen, quizzed) == [seen | quizzed, seen, quizzed, frozenset()]
    strict = papers.Drawing(unseen="require", quizzed="require")
    assert papers.kept_away(strict, seen, quizzed) == [seen | quizzed]
