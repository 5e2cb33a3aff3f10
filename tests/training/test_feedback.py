"""Feedback on a class: from its last day, once each, without names, no results that tell who said what."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.notices.models import Notice
from app.outline.service import rule
from app.training import feedback, tasks
from app.training.learning_models import FeedbackAnswer, FeedbackForm, FeedbackGiven
from app.training.models import Enrolment, TrainingClass
from app.training.states import ClassState
from tests.factories import people, training

GOOD = {"f1": "5", "f2": "4", "f3": "3", "f4": "5", "f5": "1", "f6": "0", "f7": "案例讨论", "f8": ""}


def running(count: int = 6) -> tuple[TrainingClass, list[Any]]:
    """A class whose last day is today, with people in it who have been asked."""
    klass = training.make_class(
        starts_on=clock.today() - timedelta(days=3), days=4, now=clock.now() - timedelta(days=10)
    )
    learners = [people.person(f"学员{n}") for n in range(count)]
    for one in learners:
        training.admit(klass, one, now=clock.now() - timedelta(days=9))
    with unit_of_work():
        db.session.get_one(TrainingClass, klass.id).state = ClassState.RUNNING
    tasks.ask_for_feedback(clock.now())
    return klass, learners


def place(klass: TrainingClass, person: Any) -> str:
    found = db.session.scalars(
        select(Enrolment.id).where(Enrolment.class_id == klass.id, Enrolment.person_id == person.id)
    ).one()
    return f"/training/enrolments/{found}/feedback"


def test_people_are_asked_once_on_the_last_day(app: Any) -> None:
    klass, learners = running(2)
    tasks.ask_for_feedback(clock.now())
    letters = db.session.scalars(select(Notice).where(Notice.letter == "training.feedback")).all()
    assert sorted(n.person_id for n in letters) == sorted(p.id for p in learners)
    held = db.session.get_one(FeedbackForm, klass.id)
    assert held.opens_on == klass.ends_on and held.closes_on == klass.ends_on + timedelta(days=14)


def test_before_the_last_day_nobody_is_asked(app: Any, client_as: Any) -> None:
    klass, person = training.make_class(), people.person()
    training.admit(klass, person)
    tasks.ask_for_feedback(clock.now())
    assert db.session.get(FeedbackForm, klass.id) is None
    assert client_as(person).get(place(klass, person)).status_code in (404, 409)


def test_answers_carry_no_name_and_are_given_once(app: Any, client_as: Any) -> None:
    klass, learners = running(2)
    browser, here = client_as(learners[0]), place(klass, learners[0])
    assert "填写班次问卷" in browser.get(here.removesuffix("/feedback")).text
    assert browser.get(here).status_code == 200
    lacking = browser.post(here, data=GOOD | {"f2": "", "f5": "9"})
    assert lacking.status_code == 422 and lacking.text.count("请回答此题") >= 2 and "案例讨论" in lacking.text
    assert browser.post(here, data=GOOD).status_code == 302
    assert browser.post(here, data=GOOD).status_code == 409
    answers = db.session.scalars(select(FeedbackAnswer)).one()
    assert answers.answers == {"f1": 5, "f2": 4, "f3": 3, "f4": 5, "f5": 1, "f6": 0, "f7": "案例讨论"}
    assert {c.name for c in FeedbackAnswer.__table__.columns} == {"key", "class_id", "answers"}
    assert {c.name for c in FeedbackGiven.__table__.columns} == {"class_id", "person_id"}
    assert client_as(learners[1]).get(here).status_code == 404, "another's enrolment"
    assert client_as(people.person()).post(here, data=GOOD).status_code == 404


def test_results_wait_and_are_not_shown_below_five(app: Any, client_as: Any, set_clock: Any) -> None:
    klass, learners = running(6)
    officer = client_as(training.runner_of(klass))
    here = f"/training/office/classes/{klass.id}/feedback"
    for one in learners[:4]:
        client_as(one).post(place(klass, one), data=GOOD)
    assert "全员作答后" in officer.get(here).text
    held = db.session.get_one(FeedbackForm, klass.id)
    after = clock.now() + timedelta(days=20)
    few = feedback.results_of(held, now=after)
    assert few.few and not few.shown and not few.results
    client_as(learners[4]).post(place(klass, learners[4]), data=GOOD | {"f1": "1", "f7": "作业"})
    assert not feedback.results_of(held, now=clock.now()).shown
    told = feedback.results_of(held, now=after)
    assert told.shown and told.answered == 5 and told.asked == 6
    assert dict(told.results[0].counts) == {"1": 1, "2": 0, "3": 0, "4": 0, "5": 4} and told.results[0].mean == Decimal(
        "4.2"
    )
    assert sorted(told.results[6].words) == ["作业", "案例讨论", "案例讨论", "案例讨论", "案例讨论"]
    client_as(learners[5]).post(place(klass, learners[5]), data=GOOD)
    page = officer.get(here).text
    assert "平均 4.33 分" in page and "作业" in page and "<table" in page
    assert officer.get(f"{here}?export=xlsx").mimetype.endswith("sheet")


def test_results_are_for_those_who_may_read_the_class(app: Any, client_as: Any) -> None:
    klass, learners = running(1)
    here = f"/training/office/classes/{klass.id}/feedback"
    assert client_as(training.base_officer(training.base())).get(here).status_code == 404
    assert client_as(learners[0]).get(here).status_code == 403
    lecturer = people.officer(Role.LECTURER, Scope.CLASS, klass.id)
    assert client_as(lecturer).get(here).status_code == 200
    assert client_as(lecturer).get(f"{here}/questions").status_code == 403


def test_a_base_puts_its_own_questions(app: Any, client_as: Any) -> None:
    klass = training.make_class()
    browser, here = client_as(training.runner_of(klass)), f"/training/office/classes/{klass.id}/feedback/questions"
    assert "课程难度如何" in browser.get(here).text
    typed = {
        "f0-kind": "scale", "f0-zh": "食宿如何？", "f0-en": "Board and lodging?", "f1-kind": "choice", "f1-zh": "时间？",
        "f1-options_zh": "太早\n合适", "f1-options_en": "Too early", "f2-kind": "words", "f2-zh": "别的？", "f3-kind": "scale",
        "f3-zh": "删去", "f3-drop": "1", "do": "save",
    }  # fmt: skip
    assert browser.post(here, data=typed | {"f1-options_zh": "一个"}).status_code == 422
    assert browser.post(here, data=typed | {"f0-kind": "x"}).status_code == 422
    assert browser.post(here, data={"do": "save"}).status_code == 422
    assert browser.post(here, data=typed | {"do": "add"}).text.count("<fieldset") == 5
    assert browser.post(here, data=typed).status_code == 302
    made = feedback.questions_of(db.session.get_one(FeedbackForm, klass.id))
    assert [q.kind for q in made] == ["scale", "choice", "words"] and made[1].options == (
        ("太早", "Too early"),
        ("合适", ""),
    )


def test_questions_stay_once_somebody_has_answered(app: Any, client_as: Any) -> None:
    klass, learners = running(1)
    client_as(learners[0]).post(place(klass, learners[0]), data=GOOD)
    answer = client_as(training.runner_of(klass)).post(
        f"/training/office/classes/{klass.id}/feedback/questions",
        data={"f0-kind": "words", "f0-zh": "换", "do": "save"},
    )
    assert answer.status_code == 422 and "不能再修改" in answer.text


def test_default_questions_are_a_rule(app: Any) -> None:
    klass = training.make_class()
    assert len(feedback.default_questions(klass)) == len(rule("class_feedback")["questions"]) == 8


def test_a_teachers_page_shows_classes_courses_and_feedback(app: Any, client_as: Any, queries: Any) -> None:
    klass, learners = running(5)
    teacher = people.officer(Role.LECTURER, Scope.CLASS, klass.id)
    with unit_of_work():
        db.session.get_one(TrainingClass, klass.id).teacher_id = teacher.id
    for one in learners:
        client_as(one).post(place(klass, one), data=GOOD)
    browser = client_as(teacher)
    page = browser.get("/training/office/teaching").text
    assert (
        klass.title in page
        and "5 人中 5 人作答" in page.replace("5人中5人作答", "5 人中 5 人作答")
        and "我讲授的课程" in page
    )
    with queries() as asked:
        browser.get("/training/office/teaching")
    assert len(asked) <= 18
