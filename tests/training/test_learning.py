"""Learning with films: seconds really played give the hours, prerequisites, notes, the page of a course."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.db import db, unit_of_work
from app.jobs.service import run_waiting
from app.training import learning, lessons, planning, prerequisites
from app.training.learning_models import LessonNote, LessonPlace
from app.training.models import Course, CourseVersion, HourEntry
from tests.factories import people, training
from tests.training.test_lessons import answer, beat, right_answers
from tests.training.test_media import film_lesson  # noqa: F401
from tests.training.test_programme import editor, online_course  # noqa: F401


def watch(person: Person, lesson_id: int, spans: Any, now: Any, position: Any = 0) -> learning.Watched:
    person_id = person.id
    with unit_of_work():
        found = db.session.get_one(Person, person_id)
        return learning.watched(found, lessons.read(found, lesson_id), spans, position, now=now)


def test_a_film_counts_by_what_was_really_played(film_lesson: Any) -> None:  # noqa: F811
    person, lesson, now = film_lesson.person, film_lesson.id, clock.now()
    watch(person, lesson, [], now)
    assert answer(person, lesson, right_answers(lesson, person), now).passed
    assert watch(person, lesson, [[0, 20]], now + timedelta(seconds=20)).seconds == 20
    skipped = watch(person, lesson, [[0, 20], [95, 100]], now + timedelta(seconds=40))
    assert skipped.seconds == 25 and not skipped.completed, "seeking ahead does not count"
    again = watch(person, lesson, [[0, 20], [0, 20], [95, 100]], now + timedelta(seconds=60))
    assert again.seconds == 25, "what is seen twice counts once"
    double = watch(person, lesson, [[20, 60]], now + timedelta(seconds=80))
    assert double.seconds == 65, "double speed counts"
    assert not db.session.scalars(select(HourEntry)).all()
    done = watch(person, lesson, [[60, 86]], now + timedelta(seconds=100))
    assert done.seconds == 91 and done.completed
    entry = db.session.scalars(select(HourEntry)).one()
    assert entry.hours == lessons.read(person, lesson).revision.hours and entry.working["by"] == "film"


def test_a_forged_report_gives_no_more_than_time_allows(film_lesson: Any) -> None:  # noqa: F811
    person, lesson, now = film_lesson.person, film_lesson.id, clock.now()
    assert watch(person, lesson, [[0, 100]], now).seconds == 0, "the player was opened this instant"
    assert watch(person, lesson, [[0, 100]], now + timedelta(seconds=5)).seconds == 10
    assert watch(person, lesson, [[0, 1e9], [float("nan"), 5], "x", [5]], now + timedelta(seconds=6)).seconds == 12
    back = watch(person, lesson, [[0, 100]], now - timedelta(hours=1))
    assert back.seconds == 12, "a clock that went back gives nothing"


def test_reading_time_does_not_count_for_a_film(film_lesson: Any) -> None:  # noqa: F811
    person, lesson, now = film_lesson.person, film_lesson.id, clock.now()
    beat(person, lesson, 0, now)
    assert beat(person, lesson, 300, now + timedelta(seconds=300)).seconds == 0


def test_two_lessons_side_by_side_share_one_clock(film_lesson: Any) -> None:  # noqa: F811
    person, now = film_lesson.person, clock.now()
    other = (
        lessons.course_lines(person, 1, lessons.read(person, film_lesson.id).programme_id)[0]
        .lessons[1]
        .revision.lesson_id
    )
    watch(person, film_lesson.id, [], now)
    beat(person, other, 0, now)
    assert watch(person, film_lesson.id, [[0, 20]], now + timedelta(seconds=20)).seconds == 20
    assert beat(person, other, 20, now + timedelta(seconds=20)).seconds == 0
    assert beat(person, other, 20, now + timedelta(seconds=30)).seconds == 10


def test_the_player_goes_on_where_it_was_left(film_lesson: Any, client_as: Any) -> None:  # noqa: F811
    person, lesson, now = film_lesson.person, film_lesson.id, clock.now()
    watch(person, lesson, [], now)
    watch(person, lesson, [[0, 30]], now + timedelta(seconds=30), position=30)
    page = client_as(person).get(f"/training/lessons/{lesson}").text
    assert 'data-start="30"' in page and 'data-length="100"' in page and "实际播放" in page
    for odd in (None, "x", -5, 10**9, True, [1]):
        watch(person, lesson, [], now + timedelta(seconds=31), position=odd)
    assert db.session.scalars(select(LessonPlace)).one().position == 30


@pytest.mark.parametrize(
    "body", [None, "x", [], {"spans": "abc"}, {"spans": [[0]], "position": {}}, {"spans": [["a", "b"]]}]
)
def test_whatever_is_sent_is_answered(film_lesson: Any, client_as: Any, body: Any) -> None:  # noqa: F811
    sent = client_as(film_lesson.person).post(f"/training/lessons/{film_lesson.id}/watched", json=body)
    assert sent.status_code == 200 and sent.json["seconds"] == 0


def test_who_has_no_place_counts_nothing(film_lesson: Any, client_as: Any) -> None:  # noqa: F811
    browser = client_as(people.person())
    sent = browser.post(
        f"/training/lessons/{film_lesson.id}/watched", json={"spans": []}, headers={"Accept": "application/json"}
    )
    assert sent.status_code == 409
    assert 'data-film="' not in browser.get(f"/training/lessons/{film_lesson.id}").text


# --- prerequisites --------------------------------------------------------------------------------------------------------


@pytest.fixture
def needing(editor: Any) -> CourseVersion:  # noqa: F811
    """L1-C-02 asks for L1-C-01, published."""
    first = db.session.scalars(select(Course).where(Course.code == "L1-C-01")).one()
    version = db.session.scalars(select(CourseVersion).join(Course).where(Course.code == "L1-C-02")).one()
    place = editor.post(f"/training/office/courses/{version.id}/draft").location
    draft_id = int(place.rsplit("/", 1)[1])
    data = {
        "title_zh": version.title_zh, "title_en": version.title_en, "module": version.module, "hours": str(version.hours),
        "category": version.category.value, "mode": version.mode.value, "online": "y", "needs": [str(first.id)],
    }  # fmt: skip
    assert editor.post(f"/training/office/courses/{draft_id}/edit", data=data).status_code == 302
    editor.post(f"/training/office/courses/{draft_id}/publish", data={"note": "先修"})
    return db.session.get_one(CourseVersion, draft_id)


def test_a_lesson_counts_once_its_prerequisites_are_done(needing: CourseVersion, client_as: Any) -> None:
    person, now = people.person(), clock.now()
    training.admit(training.make_class(level=1), person)
    lesson = needing.lessons[0].revision.lesson_id
    with pytest.raises(prerequisites.NeedsFirst):
        beat(person, lesson, 0, now)
    browser = client_as(person)
    assert "完成先修课程后才计入学时" in browser.get(f"/training/lessons/{lesson}").text
    assert "需要先修" in browser.get(f"/training/learn/{needing.course_id}").text
    sent = browser.post(f"/training/lessons/{lesson}/quiz", data=right_answers(lesson, person))
    assert sent.status_code == 422 and "完成先修课程后才计入学时" in sent.text
    first = online_course()
    for one in first.lessons:
        asked, here = lessons.read(person, one.revision.lesson_id).seconds_asked, one.revision.lesson_id
        beat(person, here, 0, now)
        for _step in range(-(-asked // 300)):
            now += timedelta(seconds=300)
            beat(person, here, 300, now)
        assert answer(person, here, right_answers(here, person), now).passed
    assert beat(person, lesson, 0, now + timedelta(seconds=10)).seconds == 0
    assert beat(person, lesson, 20, now + timedelta(seconds=30)).seconds == 20


def test_whoever_began_before_keeps_the_course_without_prerequisites(app: Any, editor: Any, request: Any) -> None:  # noqa: F811
    person = people.person()
    training.admit(training.make_class(level=1), person)
    version = request.getfixturevalue("needing")
    assert beat(person, version.lessons[0].revision.lesson_id, 0, clock.now()).seconds == 0


def test_courses_that_ask_for_each_other_are_refused(needing: CourseVersion, editor: Any) -> None:  # noqa: F811
    old = online_course()
    draft_id = int(editor.post(f"/training/office/courses/{old.id}/draft").location.rsplit("/", 1)[1])
    data = {
        "title_zh": old.title_zh, "module": old.module, "hours": str(old.hours), "category": "required", "mode": "lecture",
        "online": "y", "needs": [str(needing.course_id)],
    }  # fmt: skip
    refused = editor.post(f"/training/office/courses/{draft_id}/edit", data=data)
    assert refused.status_code == 422 and "互为先修" in refused.text
    assert planning.needs_of([draft_id]) == {}
    assert editor.post(f"/training/office/courses/{draft_id}/edit", data=data | {"needs": ["99999"]}).status_code == 422


# --- notes and the page of a course ---------------------------------------------------------------------------------------


def test_notes_are_the_writers_own(app: Any, client_as: Any) -> None:
    person, other = people.person(), people.person("乙")
    browser = client_as(person)
    assert browser.post("/training/lessons/1/note", data={"text": "<b>记住</b>专利法第六条"}).status_code == 302
    browser.post("/training/lessons/1/note", data={"text": "改：专利法第六条"})
    assert db.session.scalars(select(LessonNote)).one().text == "改：专利法第六条"
    assert (
        "改：专利法第六条" in browser.get("/training/lessons/1").text
        and "改：专利法第六条" in browser.get("/training/notes").text
    )
    assert "专利法第六条" not in client_as(other).get("/training/notes").text
    assert browser.post("/training/lessons/1/note", data={"text": "长" * 10_001}).status_code == 422
    assert browser.post("/training/lessons/99999/note", data={"text": "x"}).status_code == 404
    browser.post("/training/lessons/1/note", data={"text": "  "})
    assert db.session.scalars(select(LessonNote)).first() is None


def test_the_page_of_a_course(app: Any, client_as: Any, queries: Any) -> None:
    person = people.person()
    training.admit(training.make_class(level=1), person)
    browser, course = client_as(person), online_course()
    lesson = course.lessons[1].revision.lesson_id
    now = clock.now()
    beat(person, lesson, 0, now)
    beat(person, lesson, 60, now + timedelta(seconds=60))
    page = browser.get(f"/training/learn/{course.course_id}").text
    assert (
        f"继续学习：{course.lessons[1].revision.title_zh}" in page and "本课时计" in page and "小测答对不少于" in page
    )
    with queries() as asked:
        assert browser.get(f"/training/learn/{course.course_id}").status_code == 200
    assert len(asked) <= 13
    assert browser.get("/training/learn/99999").status_code == 404
    english = browser.get(f"/training/learn/{course.course_id}", headers={"Accept-Language": "en"})
    assert english.status_code == 200


def test_on_site_courses_say_where_hours_come_from(app: Any, client_as: Any) -> None:
    course = db.session.scalars(select(CourseVersion).where(CourseVersion.online.is_(False))).first()
    page = client_as(people.person()).get(f"/training/learn/{course.course_id}").text
    assert "学时来自到课签到" in page


def test_hours_rule_words_follow_the_rule(film_lesson: Any, client_as: Any) -> None:  # noqa: F811
    page = client_as(film_lesson.person).get(f"/training/lessons/{film_lesson.id}").text
    assert "至少实际播放 1.5 分钟" in page and "拖动跳过的部分不计" in page
    assert Decimal("0.9") == lessons.rule("attendance")["watched_share"]


def test_what_is_kept_is_told_and_notes_go_on_erasure(app: Any, client_as: Any) -> None:
    from app.training import personal

    person = people.person("王建国")
    training.credit_all_hours(person, 1, end=True)
    client_as(person).post("/training/lessons/1/note", data={"text": "自己的话"})
    run_waiting()
    told, files = personal.tell(db.session.get_one(Person, person.id))
    assert told["notes"][0]["text"] == "自己的话" and told["completions"][0]["number"].startswith("JY")
    assert [data[:5] for data in files.values()] == [b"%PDF-"]
    with unit_of_work():
        personal.forget(db.session.get_one(Person, person.id), clock.now())
    assert db.session.scalars(select(LessonNote)).first() is None
