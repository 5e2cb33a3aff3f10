"""The programme editor: drafts, lessons with quiz, publishing; what is published never changes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.models import Organisation
from app.core import clock
from app.core.permissions import Role
from app.db import db
from app.training import programme
from app.training.models import Course, CourseVersion, LessonRevision, ProgrammeVersion, VersionState
from tests.factories import people, training

LESSON = {
    "title_zh": "新课", "title_en": "New lesson", "minutes": "22", "hours": "0.5", "body": "## 正文\n\n" + "内容" * 20, "summary_en": "",
    "sources": "专利法第二条\n\n专利法第三条", "q0-kind": "single", "q0-text": "哪一项正确？", "q0-options": "*甲\n乙\n丙", "q0-answer": "",
    "q0-explanation": "因为甲", "q1-kind": "truefalse", "q1-text": "对吗？", "q1-options": "", "q1-answer": "true",
    "q1-explanation": "", "q2-kind": "single", "q2-text": "", "q2-options": "", "do": "save",
}  # fmt: skip


@pytest.fixture
def editor(client_as: Any) -> Any:
    """An officer of the whole site."""
    return client_as(people.officer(Role.BASE))


def online_course() -> CourseVersion:
    return db.session.scalars(
        select(CourseVersion).join(Course).where(Course.code == "L1-C-01").order_by(CourseVersion.number.desc())
    ).first()


def test_loading_again_adds_nothing(app: Any) -> None:
    count = select(func.count()).select_from(CourseVersion)
    before = db.session.scalar(count)
    from app.training.service import _load

    _load()
    assert db.session.scalar(count) == before
    assert db.session.scalar(select(func.count()).select_from(ProgrammeVersion)) == 3


def test_a_draft_is_written_and_published(editor: Any) -> None:
    old = online_course()
    old_lessons = [one.revision_id for one in old.lessons]
    place = editor.post(f"/training/office/courses/{old.id}/draft").location
    draft = online_course()
    assert draft.state is VersionState.DRAFT and place.endswith(str(draft.id))
    assert editor.post(f"/training/office/courses/{old.id}/draft").location == place
    first = draft.lessons[0].revision.lesson_id
    here = f"/training/office/courses/{draft.id}"
    assert editor.post(f"{here}/lessons/{first}", data=LESSON).status_code == 302
    db.session.expire_all()
    revision = db.session.scalars(select(LessonRevision).order_by(LessonRevision.id.desc())).first()
    assert (revision.lesson_id, revision.number, revision.title_zh) == (first, 2, "新课")
    assert [q["kind"] for q in revision.quiz] == ["single", "truefalse"] and revision.sources == [
        "专利法第二条",
        "专利法第三条",
    ]
    editor.post(f"{here}/publish", data={"note": "更新第一课"})
    db.session.expire_all()
    assert db.session.get_one(CourseVersion, draft.id).state is VersionState.PUBLISHED
    assert [one.revision_id for one in db.session.get_one(CourseVersion, old.id).lessons] == old_lessons
    newest = programme.current_programme(1)
    assert newest.number == 2 and draft.id in {c.id for c in programme.courses_of(newest.id)}
    assert "变更" in editor.get(f"/training/office/programmes/compare?right={newest.id}").text


def test_what_is_published_cannot_be_written(editor: Any) -> None:
    version = online_course()
    first = version.lessons[0].revision.lesson_id
    answer = editor.post(f"/training/office/courses/{version.id}/lessons/{first}", data=LESSON)
    assert answer.status_code == 422 and "不能修改" in answer.text
    assert db.session.scalar(select(func.max(LessonRevision.number))) == 1


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"title_zh": ""}, "error-summary"), ({"body": "短"}, "error-summary"), ({"minutes": "0"}, "error-summary"),
        ({"hours": "abc"}, "error-summary"), ({"q0-options": "甲\n乙"}, "第 1 题"), ({"q1-answer": ""}, "第 2 题"),
        ({"q0-kind": "essay"}, "第 1 题"),
    ],
)  # fmt: skip
def test_a_wrong_lesson_keeps_what_was_typed(editor: Any, bad: dict[str, str], words: str) -> None:
    version = online_course()
    editor.post(f"/training/office/courses/{version.id}/draft")
    draft = online_course()
    answer = editor.post(f"/training/office/courses/{draft.id}/lessons/new", data=LESSON | bad)
    assert answer.status_code == 422 and words in answer.text.replace("第1题", "第 1 题").replace("第2题", "第 2 题")
    assert "因为甲" in answer.text


def test_preview_saves_nothing_and_runs_no_script(editor: Any) -> None:
    version = online_course()
    editor.post(f"/training/office/courses/{version.id}/draft")
    draft = online_course()
    count = db.session.scalar(select(func.count()).select_from(LessonRevision))
    text = "**要点**很多很多很多很多很多很多很多 <script>alert(1)</script> [x](javascript:alert(1))"
    page = editor.post(
        f"/training/office/courses/{draft.id}/lessons/new", data=LESSON | {"do": "preview", "body": text}
    )
    assert page.status_code == 200 and "<strong>要点</strong>" in page.text
    assert "<script>alert(1)" not in page.text and 'href="javascript' not in page.text
    assert db.session.scalar(select(func.count()).select_from(LessonRevision)) == count


def test_lessons_are_moved_and_taken_out(editor: Any) -> None:
    version = online_course()
    editor.post(f"/training/office/courses/{version.id}/draft")
    draft = online_course()
    here, order = f"/training/office/courses/{draft.id}", [one.revision.lesson_id for one in draft.lessons]
    editor.post(f"{here}/lessons/{order[0]}/down")
    db.session.expire_all()
    assert [one.revision.lesson_id for one in online_course().lessons] == [order[1], order[0], *order[2:]]
    editor.post(f"{here}/lessons/{order[1]}/up")
    editor.post(f"{here}/lessons/{order[0]}/remove")
    db.session.expire_all()
    assert [one.revision.lesson_id for one in online_course().lessons] == order[1:]
    answer = editor.post(f"{here}/publish", data={"note": "减少"}, follow_redirects=True)
    assert "合计" in answer.text and programme.current_programme(1).number == 1
    editor.post(f"{here}/discard")
    db.session.expire_all()
    assert online_course().id == version.id


def test_too_much_online_is_refused(editor: Any) -> None:
    """Half of the hours at most: a new online course of 40 hours would be more."""
    form = {
        "level": "1", "code": "l1-x-01", "title_zh": "新课程", "title_en": "", "module": "skill", "hours": "40", "category": "required",
        "mode": "lecture", "online": "y", "summary_zh": "", "summary_en": "",
    }  # fmt: skip
    assert editor.post("/training/office/courses/new", data=form).status_code == 302
    made = db.session.scalars(select(CourseVersion).order_by(CourseVersion.id.desc())).first()
    assert made.course.code == "L1-X-01"
    editor.post(f"/training/office/courses/{made.id}/lessons/new", data=LESSON | {"hours": "20"})
    editor.post(f"/training/office/courses/{made.id}/lessons/new", data=LESSON | {"hours": "20"})
    answer = editor.post(f"/training/office/courses/{made.id}/publish", data={"note": "x"}, follow_redirects=True)
    assert "最多占50%" in answer.text
    assert editor.post("/training/office/courses/new", data=form).status_code == 422


def test_a_base_publishes_for_itself_alone(client_as: Any, app: Any) -> None:
    own, other = training.base(), training.base()
    browser = client_as(training.base_officer(own))
    version = online_course()
    browser.post(f"/training/office/courses/{version.id}/draft")
    draft = online_course()
    assert draft.organisation_id == own.id
    stranger = client_as(training.base_officer(other))
    assert stranger.get(f"/training/office/courses/{draft.id}").status_code == 404
    assert stranger.post(f"/training/office/courses/{draft.id}/publish", data={"note": "x"}).status_code == 404
    browser.post(f"/training/office/courses/{draft.id}/publish", data={"note": "本基地版本"})
    db.session.expire_all()
    assert programme.current_programme(1, own.id).organisation_id == own.id
    assert programme.current_programme(1, other.id).organisation_id is None
    own_class = training.make_class(db.session.get_one(Organisation, own.id))
    assert own_class.programme_id == programme.current_programme(1, own.id).id


def test_a_course_is_left_out(editor: Any) -> None:
    version = online_course()
    editor.post(f"/training/office/courses/{version.id}/leave-out")
    assert version.id not in {c.id for c in programme.courses_of(programme.current_programme(1).id)}
    assert editor.get("/training/office/courses?level=1").status_code == 200
    assert editor.get("/training/courses/1").status_code == 200


def test_trainees_and_lecturers_do_not_edit(client_as: Any, app: Any) -> None:
    version = online_course()
    for person in (people.person(), people.officer(Role.LECTURER), people.officer(Role.AUDITOR)):
        browser = client_as(person)
        assert browser.get("/training/office/courses").status_code == 403
        assert browser.post(f"/training/office/courses/{version.id}/draft").status_code == 403


def test_pages_speak_english(client_as: Any, app: Any) -> None:
    klass = training.make_class()
    officer, person = training.runner_of(klass), people.person(locale="en")
    training.admit(klass, person, now=clock.now())
    browser = client_as(person)
    for path in (
        "/training",
        "/training/mine",
        f"/training/classes/{klass.id}",
        "/training/courses/1",
        "/training/hours",
    ):
        page = browser.get(path).text
        assert 'lang="en"' in page and "学时" not in page, path
    office = client_as(officer)
    office.get("/language/en")
    for path in ("", "/timetable", "/attendance", "/hours", "/letters", "/edit", "/periods/new"):
        page = office.get(f"/training/office/classes/{klass.id}{path}").text
        assert ("学时" not in page and "Timetable" in page) or path == "/edit", path
