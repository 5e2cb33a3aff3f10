"""The programme editor: plan, versions side by side, order of lessons, questions of the bank."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from app.bank.models import Question
from app.core.permissions import Role
from app.db import db
from app.training import lessons, planning, programme
from app.training.models import Course, CourseVersion, Enrolment, ProgrammeVersion
from tests.factories import people, training
from tests.training.test_programme import editor, online_course  # noqa: F401


def sent(level: int = 1, **more: Any) -> dict[str, Any]:
    """The plan of a level as its page sends it unchanged."""
    now = programme.current_programme(level)
    courses = [str(c.course_id) for c in programme.courses_of(now.id)]
    return {"order": courses, "in": courses, "based_on": str(now.id), "note": "调整", "do": "save"} | more


def test_a_plan_is_saved_as_the_next_version_and_enrolments_keep_theirs(editor: Any, app: Any) -> None:  # noqa: F811
    person = people.person()
    training.admit(training.make_class(level=1), person)
    first = programme.current_programme(1)
    data = sent()
    data["order"] = [*data["order"][1:], data["order"][0]]
    place = editor.post("/training/office/programmes/1/plan", data=data)
    assert place.status_code == 302
    newest = programme.current_programme(1)
    assert newest.number == first.number + 1
    assert [str(c.course_id) for c in programme.courses_of(newest.id)] == data["order"]
    assert db.session.scalars(select(Enrolment)).one().programme_id == first.id
    assert training.make_class(level=1).programme_id == newest.id
    page = editor.get(place.location).text
    assert "次序" in page and "沿用该版本的学员" in page
    assert lessons.programme_of(person, 1, lessons.place_of(person, 1)) == first.id


def test_what_is_typed_is_judged_before_it_is_saved(editor: Any) -> None:  # noqa: F811
    here, count = "/training/office/programmes/1/plan", select(func.count()).select_from(ProgrammeVersion)
    before = db.session.scalar(count)
    same = editor.post(here, data=sent())
    assert same.status_code == 422 and "未生成新版本" in same.text
    empty = editor.post(here, data=sent(**{"in": []}))
    assert empty.status_code == 422 and "至少需要一门课程" in empty.text
    online = [str(c.course_id) for c in programme.courses_of(programme.current_programme(1).id) if c.online]
    much = editor.post(here, data=sent(**{"in": online}))
    assert much.status_code == 422 and "线上" in much.text
    assert editor.post(here, data=sent(note="")).status_code == 422
    fewer = editor.post(here, data=sent(**{"in": sent()["in"][:3], "do": "check"}))
    assert fewer.status_code == 200 and "少于大纲要求" in fewer.text
    for odd in (
        {"order": ["x", "999999", "-1"]},
        {"do": "up-x"},
        {"do": "down-999999"},
        {"do": "?"},
        {"based_on": "abc"},
    ):
        assert editor.post(here, data=sent(**odd)).status_code in (200, 409, 422)
    assert db.session.scalar(count) == before


def test_buttons_move_a_course_without_script(editor: Any) -> None:  # noqa: F811
    data = sent()
    first, second = data["order"][:2]
    page = editor.post("/training/office/programmes/1/plan", data=data | {"do": f"down-{first}"}).text
    assert page.index(f'id="course-{second}"') < page.index(f'id="course-{first}"')
    assert db.session.scalar(select(func.max(ProgrammeVersion.number))) == 1


def test_two_who_save_at_once_are_told(editor: Any) -> None:  # noqa: F811
    data = sent()
    other = data | {"order": [*data["order"][1:], data["order"][0]]}
    assert editor.post("/training/office/programmes/1/plan", data=other).status_code == 302
    late = editor.post("/training/office/programmes/1/plan", data=data | {"in": data["in"][1:]})
    assert late.status_code == 422 and "他人已保存第 2 版" in late.text.replace("第2版", "第 2 版")


def test_an_older_version_of_a_course_can_be_chosen(editor: Any) -> None:  # noqa: F811
    old = online_course()
    editor.post(f"/training/office/courses/{old.id}/draft")
    draft = online_course()
    editor.post(f"/training/office/courses/{draft.id}/publish", data={"note": "二"})
    data = sent() | {f"version-{old.course_id}": str(old.id)}
    assert editor.post("/training/office/programmes/1/plan", data=data).status_code == 302
    assert old.id in {c.id for c in programme.courses_of(programme.current_programme(1).id)}


def test_a_base_plans_for_itself_alone(client_as: Any, app: Any) -> None:
    base = training.base()
    browser = client_as(training.base_officer(base))
    data = sent()
    data["order"] = list(reversed(data["order"]))
    assert browser.post("/training/office/programmes/1/plan", data=data).status_code == 302
    own = programme.current_programme(1, base.id)
    assert own.organisation_id == base.id and own.number == 1 and programme.current_programme(1).organisation_id is None
    stranger = client_as(training.base_officer(training.base()))
    assert stranger.get(f"/training/office/programmes/compare?right={own.id}").status_code == 404
    assert browser.get(f"/training/office/programmes/compare?right={own.id}").status_code == 200
    assert client_as(people.person()).get("/training/office/programmes/1/plan").status_code == 403


def test_versions_side_by_side(editor: Any) -> None:  # noqa: F811
    from tests.training.test_programme import LESSON

    old = online_course()
    editor.post(f"/training/office/courses/{old.id}/draft")
    draft = online_course()
    editor.post(f"/training/office/courses/{draft.id}/lessons/{draft.lessons[0].revision.lesson_id}", data=LESSON)
    editor.post(f"/training/office/courses/{draft.id}/publish", data={"note": "二"})
    versions = list(
        db.session.scalars(select(ProgrammeVersion).where(ProgrammeVersion.level == 1).order_by(ProgrammeVersion.id))
    )
    page = editor.get(f"/training/office/programmes/compare?left={versions[0].id}&right={versions[1].id}").text
    assert "逐行比较" in page and "变更" in page
    lines = editor.get(f"/training/office/programmes/courses/{draft.id}?left={old.id}").text
    assert "<ins>" in lines and "<del>" in lines and "新课" in lines
    other = db.session.scalars(select(ProgrammeVersion).where(ProgrammeVersion.level == 2)).first()
    assert editor.get(f"/training/office/programmes/compare?left={other.id}&right={versions[1].id}").status_code == 404
    assert editor.get("/training/office/programmes/compare").status_code == 200
    assert editor.get("/training/office/programmes/compare?right=99999").status_code == 404
    assert editor.get(f"/training/office/programmes/courses/{old.id}?left=99999").status_code == 404


def test_lessons_are_put_into_order_at_once(editor: Any) -> None:  # noqa: F811
    editor.post(f"/training/office/courses/{online_course().id}/draft")
    draft = online_course()
    here, ids = f"/training/office/courses/{draft.id}/order", [one.revision.lesson_id for one in draft.lessons]
    saved = editor.post(here, data={"order": list(reversed(ids))}, headers={"Accept": "application/json"})
    assert saved.json == {"saved": True}
    db.session.expire_all()
    assert [one.revision.lesson_id for one in online_course().lessons] == list(reversed(ids))
    assert editor.post(here, data={"order": ids[:1]}).status_code == 404
    assert editor.post(here, data={"order": [*ids, 999999]}).status_code == 404
    editor.post(here, data={"order": list(reversed(ids)), "do": f"up-{ids[0]}"})
    db.session.expire_all()
    assert [one.revision.lesson_id for one in online_course().lessons][-2] == ids[0]


def test_questions_of_the_bank_stand_in_a_quiz(client_as: Any, app: Any) -> None:
    officer = people.officer(Role.BASE)
    people.hold(officer, Role.LECTURER)
    browser = client_as(officer)
    browser.post(f"/training/office/courses/{online_course().id}/draft")
    draft = online_course()
    lesson_id = draft.lessons[0].revision.lesson_id
    here = f"/training/office/courses/{draft.id}/lessons/{lesson_id}"
    from app.training.materials import questions_for_quiz

    wanted = list(db.session.scalars(questions_for_quiz(officer, 1, "", "").limit(2)))
    assert wanted and wanted[0].code in browser.get(f"{here}/questions").text
    assert browser.post(f"{here}/questions", data={"ids": [str(q.id) for q in wanted]}).status_code == 302
    db.session.expire_all()
    codes = [q.code for q in wanted]
    assert [q["id"] for q in online_course().lessons[0].revision.quiz][-2:] == codes
    assert browser.post(f"{here}/questions", data={"ids": []}).status_code == 302
    from tests.training.test_programme import LESSON

    page = browser.get(here).text
    assert codes[0] in page
    typed = LESSON | {"q2-bank": codes[0], "q2-text": "", "q3-bank": codes[1], "q3-text": "", "q3-drop": "1"}
    assert browser.post(here, data=typed).status_code == 302
    db.session.expire_all()
    assert [q["id"] for q in online_course().lessons[0].revision.quiz] == ["q1", "q2", codes[0]]
    assert browser.post(here, data=LESSON | {"q2-bank": "NO-SUCH", "q2-text": ""}).status_code == 404
    browser.post(f"/training/office/courses/{draft.id}/publish", data={"note": "题库题"})
    person = people.person()
    training.admit(training.make_class(level=1), person)
    from tests.training.test_lessons import right_answers

    raw = right_answers(lesson_id, person)
    assert codes[0] in raw
    assert "通过" in client_as(person).post(f"/training/lessons/{lesson_id}/quiz", data=raw).text


def test_without_the_bank_no_question_is_shown(editor: Any) -> None:  # noqa: F811
    editor.post(f"/training/office/courses/{online_course().id}/draft")
    draft = online_course()
    here = f"/training/office/courses/{draft.id}/lessons/{draft.lessons[0].revision.lesson_id}/questions"
    page = editor.get(here)
    code = db.session.scalars(select(Question.code)).first()
    assert page.status_code == 200 and code not in page.text and "仅对讲师和考务开放" in page.text
    ids = [str(i) for i in db.session.scalars(select(Question.id).limit(2))]
    assert editor.post(here, data={"ids": ids}).status_code == 404


def test_the_preview_is_the_editors_own(editor: Any, client_as: Any) -> None:  # noqa: F811
    version = online_course()
    page = editor.get(f"/training/office/courses/{version.id}/preview")
    assert page.status_code == 200 and version.lessons[0].revision.title_zh in page.text
    assert client_as(people.person()).get(f"/training/office/courses/{version.id}/preview").status_code == 403
    base = training.base_officer(training.base())
    assert client_as(base).get(f"/training/office/courses/{version.id}/preview").status_code == 200
    editor.post(f"/training/office/courses/{version.id}/draft")
    draft = db.session.scalars(
        select(CourseVersion).join(Course).where(Course.id == version.course_id).order_by(CourseVersion.id.desc())
    ).first()
    assert client_as(base).get(f"/training/office/courses/{draft.id}/preview").status_code == 404
    assert planning.as_ids(["1", "x", "-2", "12345678901", "２"]) == [1]
