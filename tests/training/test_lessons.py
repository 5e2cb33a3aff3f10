"""Online lessons: time is counted by the server, the quiz must be passed, and both together give the hours once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.core.errors import NotFound
from app.db import db, unit_of_work
from app.training import lessons, programme
from app.training.models import HourEntry, LessonProgress, LessonRevision, QuizTry
from app.training.service import facts_of
from question_bank.grading import correct_answer
from question_bank.items import Kind
from tests.factories import people, training


@pytest.fixture
def learner(app: Any) -> Person:
    person = people.person()
    training.admit(training.make_class(level=1), person)
    return person


def first_lesson() -> int:
    return db.session.scalars(select(LessonRevision).order_by(LessonRevision.id)).first().lesson_id


def beat(person: Person, lesson_id: int, claimed: int, now: Any) -> LessonProgress:
    person_id = person.id
    with unit_of_work():
        found = db.session.get_one(Person, person_id)
        return lessons.beat(found, lessons.read(found, lesson_id), claimed, now=now)


def right_answers(lesson_id: int, person: Person) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for item in lessons.quiz_of(lessons.read(person, lesson_id).revision):
        key = correct_answer(item)
        made[item.id] = (
            key if item.kind is Kind.MULTIPLE else [str(key).lower() if item.kind is Kind.TRUEFALSE else key]
        )
    return made


def answer(person: Person, lesson_id: int, raw: dict[str, list[str]], now: Any) -> QuizTry:
    person_id = person.id
    with unit_of_work():
        found = db.session.get_one(Person, person_id)
        return lessons.answer_quiz(found, lessons.read(found, lesson_id), raw, now=now)[0]


def test_a_claim_is_never_more_than_what_has_passed(learner: Person, at: Any) -> None:
    lesson, now = first_lesson(), at("2026-03-02 10:00")
    assert beat(learner, lesson, 100_000, now).seconds == 0
    assert beat(learner, lesson, 100_000, now + timedelta(seconds=20)).seconds == 20
    assert beat(learner, lesson, 5, now + timedelta(seconds=40)).seconds == 25
    assert beat(learner, lesson, 100_000, now + timedelta(hours=5)).seconds == 25 + lessons.LONGEST_BEAT
    assert beat(learner, lesson, -50, now + timedelta(hours=6)).seconds == 25 + lessons.LONGEST_BEAT


def test_two_tabs_do_not_make_time_faster(learner: Person, at: Any) -> None:
    lesson, now = first_lesson(), at("2026-03-02 10:00")
    beat(learner, lesson, 0, now)
    for step in range(1, 6):
        for _tab in range(2):
            beat(learner, lesson, 20, now + timedelta(seconds=20 * step))
    assert beat(learner, lesson, 0, now + timedelta(seconds=100)).seconds == 100


def read_all(person: Person, lesson: int, now: Any) -> Any:
    asked = lessons.read(person, lesson).seconds_asked
    beat(person, lesson, 0, now)
    while (found := beat(person, lesson, 300, now)).seconds < asked:
        now += timedelta(seconds=300)
    assert found.seconds == asked
    return now


def test_reading_and_quiz_give_the_hours_once(learner: Person, at: Any) -> None:
    lesson = first_lesson()
    reading = lessons.read(learner, lesson)
    now = read_all(learner, lesson, clock.now())
    on = clock.local_date(now)
    assert facts_of(learner, 1, on).credited == {}
    assert answer(learner, lesson, right_answers(lesson, learner), now).passed
    assert facts_of(learner, 1, on).credited == {reading.course.module: reading.revision.hours}
    answer(learner, lesson, right_answers(lesson, learner), now)
    beat(learner, lesson, 300, now + timedelta(minutes=5))
    (entry,) = db.session.scalars(select(HourEntry)).all()
    assert entry.online and entry.working["rule"] == "lesson" and Decimal(entry.working["credited"]) == entry.hours


def test_the_quiz_alone_gives_nothing(learner: Person, at: Any) -> None:
    lesson, now = first_lesson(), at("2026-03-02 10:00")
    assert answer(learner, lesson, right_answers(lesson, learner), now).passed
    assert not db.session.scalars(select(HourEntry)).all()


def test_nine_tenths_of_the_time_is_enough(learner: Person, at: Any) -> None:
    lesson, now = first_lesson(), at("2026-03-02 10:00")
    answer(learner, lesson, right_answers(lesson, learner), now)
    asked, missing = lessons.read(learner, lesson).seconds_asked, 0
    enough = -(-asked * 9 // 10)
    while enough - missing > 0:
        step = min(300, enough - missing - 1) or 1
        missing += step
        now += timedelta(seconds=step)
        assert db.session.scalars(select(HourEntry)).first() is None
        beat(learner, lesson, step, now)
    assert db.session.scalars(select(HourEntry)).one()


def test_one_wrong_answer_of_three_does_not_pass(learner: Person, at: Any) -> None:
    lesson, now = first_lesson(), at("2026-03-02 10:00")
    raw = right_answers(lesson, learner)
    item = next(i for i in lessons.quiz_of(lessons.read(learner, lesson).revision) if i.kind is Kind.SINGLE)
    raw[item.id] = [next(o.id for o in item.options if not o.correct)]
    tried = answer(learner, lesson, raw, now)
    assert not tried.passed and tried.right == tried.total - 1
    assert answer(learner, lesson, right_answers(lesson, learner), now).passed
    assert len(db.session.scalars(select(QuizTry)).all()) == 2


@pytest.mark.parametrize("spoil", ["missing", "unknown", "empty"])
def test_an_incomplete_quiz_is_not_marked(learner: Person, at: Any, spoil: str) -> None:
    lesson = first_lesson()
    raw = right_answers(lesson, learner)
    first = next(iter(raw))
    raw |= {first: {"missing": [], "unknown": ["zz"], "empty": [""]}[spoil]}
    with pytest.raises(lessons.QuizIncomplete):
        answer(learner, lesson, raw, at("2026-03-02 10:00"))


def test_without_a_place_nothing_counts(app: Any, at: Any) -> None:
    with pytest.raises(lessons.NotEnrolled):
        beat(people.person(), first_lesson(), 20, at("2026-03-02 10:00"))


def test_online_hours_have_a_ceiling(learner: Person, at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the outline at most may come from lessons; with a ceiling of 0.3 hours a lesson of 0.5 gives 0.3."""
    monkeypatch.setattr(
        lessons, "typed", lambda rule: {"hours": [{"hours": Decimal("0.6")}], "online_share": Decimal("0.5")}
    )
    lesson = first_lesson()
    now = read_all(learner, lesson, at("2026-03-02 10:00"))
    answer(learner, lesson, right_answers(lesson, learner), now)
    assert [e.hours for e in db.session.scalars(select(HourEntry))] == [Decimal("0.3")]


def test_every_shipped_lesson_opens_and_its_quiz_can_be_passed(learner: Person, client_as: Any) -> None:
    browser = client_as(learner)
    revisions = list(db.session.scalars(select(LessonRevision)))
    assert len(revisions) >= 18
    for revision in revisions[:4]:
        page = browser.get(f"/training/lessons/{revision.lesson_id}")
        assert page.status_code == 200 and revision.title_zh in page.text
    for revision in revisions:
        assert all(one.right for one in lessons.mark_quiz(revision, right_answers(revision.lesson_id, learner)))


def test_progress_through_the_page(learner: Person, client_as: Any) -> None:
    browser, lesson = client_as(learner), first_lesson()
    browser.get(f"/training/lessons/{lesson}")
    for sent in ({"seconds": 20}, {"seconds": "x"}, {}, {"seconds": -5}, {"seconds": 10**9}):
        found = browser.post(f"/training/lessons/{lesson}/progress", json=sent).get_json()
        assert found["seconds"] <= 3 and not found["completed"]
    assert browser.post(f"/training/lessons/{lesson}/progress", data={"seconds": "300"}).status_code == 302
    page = browser.post(f"/training/lessons/{lesson}/quiz", data={"q1": "zz"})
    assert page.status_code == 422 and "请回答测验的每一道题" in page.text
    page = browser.post(f"/training/lessons/{lesson}/quiz", data=right_answers(lesson, learner))
    assert page.status_code == 200 and "通过" in page.text


def test_a_lesson_of_another_programme_is_not_there(learner: Person) -> None:
    with pytest.raises(NotFound):
        lessons.read(learner, 10_000)


def test_a_class_keeps_the_lessons_it_began_with(learner: Person, at: Any) -> None:
    lesson = first_lesson()
    before = lessons.read(learner, lesson).revision
    editor = people.officer(people_role())
    with unit_of_work():
        by = db.session.get_one(Person, editor.id)
        version = lessons.read(by, lesson).course
        draft = programme.open_draft(version, by=by, now=clock.now())
        db.session.flush()
        values = {"title_zh": "新标题", "minutes": 10, "hours": before.hours, "body": "新的正文" * 10, "quiz": []}
        programme.save_lesson(draft, lesson, values, by=by, now=clock.now())
        db.session.flush()
        programme.publish(draft, by=by, note="更新", now=clock.now())
    assert lessons.read(learner, lesson).revision.id == before.id
    assert lessons.read(people.person(), lesson).revision.title_zh == "新标题"


def people_role() -> Any:
    from app.core.permissions import Role

    return Role.BASE
