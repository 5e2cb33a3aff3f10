"""Courses as they are written and learnt: order by keyboard and by dragging, a film that is really played, pages, feedback."""

from __future__ import annotations

import base64
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from app.core.permissions import Role, Scope
from tests.browser.server import Server
from tests.factories import films, people, training

RECORD = """async (seconds) => {
  const canvas = document.createElement('canvas'); canvas.width = 320; canvas.height = 180;
  const pen = canvas.getContext('2d'), parts = [];
  const recorder = new MediaRecorder(canvas.captureStream(15), {mimeType: 'video/webm;codecs=vp8'});
  recorder.ondataavailable = (event) => parts.push(event.data);
  const done = new Promise((go) => { recorder.onstop = go; });
  recorder.start();
  const begun = performance.now();
  await new Promise((go) => {
    const draw = () => {
      const at = (performance.now() - begun) / 1000;
      pen.fillStyle = `hsl(${at * 60}, 60%, 40%)`; pen.fillRect(0, 0, 320, 180);
      pen.fillStyle = '#fff'; pen.font = '48px sans-serif'; pen.fillText(at.toFixed(1), 100, 105);
      if (at < seconds) setTimeout(draw, 60); else go();
    };
    draw();
  });
  recorder.stop(); await done;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  let text = ''; for (const one of bytes) text += String.fromCharCode(one);
  return btoa(text);
}"""


def _course() -> Any:
    """A draft of the first online course, its editor, who may read the bank too, and a base."""
    from app.accounts.models import Person
    from app.core import clock
    from app.db import db, unit_of_work
    from app.training import programme
    from tests.training.test_programme import online_course

    officer = people.officer(Role.BASE, Scope.SITE, name="赵主任")
    people.hold(officer, Role.LECTURER)
    with unit_of_work():
        draft = programme.open_draft(online_course(), by=db.session.get_one(Person, officer.id), now=clock.now())
    return {
        "officer": SimpleNamespace(id=officer.id),
        "draft": draft.id,
        "lessons": [one.revision.lesson_id for one in draft.lessons],
    }


@pytest.fixture(scope="module")
def course(server: Server) -> Any:
    return server.do(_course)


def _learner() -> Any:
    person = people.person("林学员")
    training.admit(training.make_class(level=1), person)
    return SimpleNamespace(id=person.id)


def _run() -> None:
    from app.jobs.service import run_waiting

    run_waiting()


def _seconds(person_id: int, lesson_id: int) -> Any:
    from sqlalchemy import select

    from app.db import db
    from app.training.models import LessonProgress

    return db.session.scalar(
        select(LessonProgress.seconds).where(
            LessonProgress.person_id == person_id, LessonProgress.lesson_id == lesson_id
        )
    )


def test_a_course_is_written_published_and_learnt(
    server: Server, course: Any, page_as: Any, axe: Any, picture: Any
) -> None:
    page = page_as(course["officer"])
    here = f"/training/office/courses/{course['draft']}"
    page.goto(here)
    axe(page)
    first, second = page.locator("[data-reorder-item]").nth(0), page.locator("[data-reorder-item]").nth(1)
    name = first.get_attribute("data-name")
    with page.expect_response(lambda answer: answer.url.endswith("/order") and answer.ok):
        first.locator('[data-move="down"]').press("Enter")
    page.wait_for_function("() => document.querySelector('[data-reorder-said]').textContent.includes('2')")
    assert page.evaluate("document.activeElement.dataset.move") == "down", "the button keeps the focus"
    page.reload()
    assert second.get_attribute("data-name") == name, "the order was kept"
    with page.expect_response(lambda answer: answer.url.endswith("/order") and answer.ok):
        second.drag_to(first, source_position={"x": 8, "y": 8}, target_position={"x": 8, "y": 4})
    page.reload()
    assert first.get_attribute("data-name") == name, "dragged back"
    picture(page, "learn-course-editor")

    lesson = course["lessons"][0]
    page.goto(f"{here}/lessons/{lesson}/materials")
    recorded = base64.b64decode(page.evaluate(RECORD, 8))
    page.set_input_files("#film-file", {"name": "导论.webm", "mimeType": "video/webm", "buffer": recorded})
    page.get_by_role("button", name="添加视频").click()
    page.get_by_text("按实际播放秒数计算").wait_for(state="detached")
    page.set_input_files("#document-file", {"name": "讲义.pdf", "mimeType": "application/pdf", "buffer": films.pdf(3)})
    page.get_by_role("button", name="添加文档").click()
    page.fill("#link-url", "https://flk.npc.gov.cn/")
    page.fill("#link-title", "国家法律法规数据库")
    page.get_by_role("button", name="添加链接").click()
    server.do(_run)
    page.reload()
    assert "3 页" in page.inner_text("main")
    axe(page)
    picture(page, "learn-materials")
    page.goto(f"{here}/preview")
    axe(page)
    picture(page, "learn-preview")
    page.goto(f"{here}/lessons/{lesson}/questions")
    axe(page)
    picture(page, "learn-questions")
    page.goto(here)
    page.fill("[name=note]", "加视频和讲义")
    page.get_by_role("button", name="发布").first.click()
    page.wait_for_load_state()

    person = server.do(_learner)
    page = page_as(person)
    page.goto(f"/training/lessons/{lesson}")
    axe(page)
    film = page.locator("video")
    page.select_option("[data-speed]", "2")
    film.evaluate("(film) => { film.muted = true; return film.play(); }")
    page.wait_for_function("() => document.querySelector('video').currentTime > 3")
    film.evaluate("(film) => { film.currentTime = 7; }")
    with page.expect_response(lambda answer: answer.url.endswith("/watched") and answer.ok):
        page.wait_for_function("() => document.querySelector('video').ended")
    page.wait_for_function("() => document.querySelector('[data-watched] progress').value >= 3")
    counted = server.do(lambda: _seconds(person.id, lesson))
    assert 3 <= counted <= 5, "three seconds at double speed and the last one; what was skipped does not count"
    picture(page, "learn-lesson")
    page.locator(".document-nav").get_by_role("link", name="下一页").click()
    page.wait_for_url("**page=2**")
    assert "Technology transfer 2" in page.locator(".document-words").text_content()
    page.fill("[name=text]", "记住：先披露，再评估。")
    page.get_by_role("button", name="保存笔记").click()
    page.wait_for_url("**#notes")
    narrow = page_as(person, width=390)
    for address, shot in (
        (f"/training/lessons/{lesson}", "learn-lesson-390"), ("/training/notes", "learn-notes-390"),
    ):  # fmt: skip
        narrow.goto(address)
        axe(narrow)
        assert narrow.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, (
            address
        )
        picture(narrow, shot)
    assert not [words for words in (*page.said, *narrow.said) if "favicon" not in words]


def _addresses() -> dict[str, Any]:
    """Pages with a number in their address, each with somebody who may open it."""
    from sqlalchemy import select

    from app.accounts.models import Person
    from app.core import clock
    from app.db import db, unit_of_work
    from app.training import tasks
    from app.training.learning_models import Completion
    from app.training.models import Enrolment, ProgrammeVersion, TrainingClass
    from app.training.states import ClassState
    from tests.training.test_feedback import GOOD
    from tests.training.test_programme import online_course

    training.credit_all_hours(people.person("王建国", id_masked="1****************4"), 1, end=True)
    made = db.session.scalars(select(Completion).order_by(Completion.id.desc())).first()
    klass = training.make_class(
        starts_on=clock.today() - timedelta(days=3), days=4, now=clock.now() - timedelta(days=10)
    )
    learners = [people.person(f"学员{n}") for n in range(7)]
    for one in learners:
        training.admit(klass, one, now=clock.now() - timedelta(days=9))
    officer = training.runner_of(klass)
    with unit_of_work():
        db.session.get_one(TrainingClass, klass.id).state = ClassState.RUNNING
        db.session.get_one(TrainingClass, klass.id).teacher_id = officer.id
    tasks.ask_for_feedback(clock.now())
    from app.training import feedback

    ids = list(db.session.scalars(select(Enrolment.id).where(Enrolment.class_id == klass.id).order_by(Enrolment.id)))
    for n, enrolment_id in enumerate(ids[:-1]):
        with unit_of_work():
            found = db.session.get_one(Enrolment, enrolment_id)
            by = db.session.get_one(Person, found.person_id)
            feedback.give(found, GOOD | {"f1": str(2 + n % 4), "f5": str(n % 3)}, by=by, now=clock.now())
    versions = list(db.session.scalars(select(ProgrammeVersion.id).where(ProgrammeVersion.level == 1)))
    return {
        "learner": SimpleNamespace(id=learners[-1].id), "officer": SimpleNamespace(id=officer.id), "klass": klass.id, "enrolment": ids[-1], "token": made.token,
        "number": made.number, "completion": made.id, "base": SimpleNamespace(id=training.runner_of(made.enrolment.training_class).id),
        "versions": versions, "course": online_course().course_id, "version": online_course().id,
    }  # fmt: skip


def _last_answer(enrolment_id: int) -> None:
    from app.accounts.models import Person
    from app.core import clock
    from app.db import db, unit_of_work
    from app.training import feedback
    from app.training.models import Enrolment
    from tests.training.test_feedback import GOOD

    with unit_of_work():
        found = db.session.get_one(Enrolment, enrolment_id)
        feedback.give(found, GOOD, by=db.session.get_one(Person, found.person_id), now=clock.now())


def test_pages_with_numbers(server: Server, course: Any, page_as: Any, axe: Any, picture: Any) -> None:
    a = server.do(_addresses)
    shown = [
        (a["learner"], f"/training/learn/{a['course']}", "course"),
        (a["learner"], f"/training/enrolments/{a['enrolment']}/feedback", "feedback"),
        (None, f"/training/confirm/{a['token']}", "confirm"),
        (None, f"/training/confirm?number={a['number']}", "confirm-number"),
        (a["base"], f"/training/office/completions/{a['completion']}", "completion"),
        (a["base"], "/training/office/completions", "completions"),
        (a["officer"], f"/training/office/classes/{a['klass']}/feedback", "results-waiting"),
        (a["officer"], f"/training/office/classes/{a['klass']}/feedback/questions", "questions-of-class"),
        (course["officer"], "/training/office/programmes/1/plan", "plan"),
        (course["officer"], f"/training/office/programmes/compare?right={a['versions'][-1]}", "compare"),
        (course["officer"], f"/training/office/programmes/courses/{a['version']}", "compare-course"),
        (course["officer"], f"/training/office/courses/{a['version']}/pictures", "pictures"),
    ]
    faults = _look(shown, page_as, axe, picture)
    server.do(lambda: _last_answer(a["enrolment"]))
    faults += _look(
        [
            (a["officer"], f"/training/office/classes/{a['klass']}/feedback", "results"),
            (a["officer"], "/training/office/teaching", "teaching"),
        ],
        page_as, axe, picture,
    )  # fmt: skip
    assert not faults, "\n".join(faults)


def _look(shown: list[Any], page_as: Any, axe: Any, picture: Any) -> list[str]:
    faults = []
    for width in (1280, 390):
        for who, address, name in shown:
            page = page_as(who, width=width)
            answer = page.goto(address)
            if answer.status != 200:
                faults.append(f"{address}: {answer.status}")
                continue
            try:
                axe(page)
            except AssertionError as broken:
                faults.append(f"{address} {width}: {broken}")
            if page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") > 0:
                faults.append(f"{address} is wider than {width}")
            if page.evaluate("document.querySelectorAll('h1').length") != 1:
                faults.append(f"{address}: headings of the first rank")
            faults += [f"{address} {width}: {words}" for words in page.said]
            picture(page, f"learn-{name}-{width}")
            page.context.close()
    return faults


def test_a_film_goes_on_after_the_line_broke_and_the_page_was_closed(
    server: Server, page_as: Any, axe: Any, picture: Any
) -> None:
    """Whoever chooses the same file again goes on where the server is; another file begins anew."""
    course = server.do(_course)  # a draft of its own: the one of the others may be published by now
    lesson = course["lessons"][-1]
    data = films.mp4(100, size=3 * 1024 * 1024)
    file = {"name": "长课.mp4", "mimeType": "video/mp4", "buffer": data}
    page = page_as(course["officer"])
    page.on("dialog", lambda dialog: dialog.accept())
    sent: list[int] = []
    broken = {"line": False}

    def pieces(route: Any) -> None:
        if route.request.method == "PATCH":
            if broken["line"]:
                route.abort()
                return
            sent.append(int(route.request.headers["upload-offset"]))
            broken["line"] = True
        route.continue_()

    page.route("**/training/office/uploads/*", pieces)
    here = f"/training/office/courses/{course['draft']}/lessons/{lesson}/materials"
    page.goto(here)
    page.set_input_files("#film-file", file)
    page.locator('[data-film-upload] button[type="submit"]').click()
    page.wait_for_function("() => document.querySelector('[data-said]').textContent.includes('网络中断')")
    assert sent == [0]
    page.goto(here)
    assert page.locator("[data-arriving]").count() == 1
    axe(page)
    picture(page, "film-arriving")
    broken["line"] = False
    page.unroute("**/training/office/uploads/*", pieces)
    offsets: list[int] = []
    page.on(
        "request",
        lambda asked: offsets.append(int(asked.headers["upload-offset"])) if asked.method == "PATCH" else None,
    )
    page.set_input_files("#film-file", file)
    with page.expect_navigation():
        page.locator('[data-film-upload] button[type="submit"]').click()
    assert offsets[0] == 1024 * 1024, "what had arrived was not sent again"
    assert page.locator("text=长课.mp4").count() >= 1 and page.locator("[data-film-upload]").count() == 0
    page.set_input_files("#subtitles-file", {
        "name": "长课.vtt", "mimeType": "text/vtt", "buffer": "WEBVTT\n\n00:01.000 --> 00:03.000\n各位好。\n".encode(),
    })  # fmt: skip
    page.get_by_role("button", name="添加字幕").click()
    page.goto(f"/training/office/courses/{course['draft']}/preview")
    assert page.locator("track[srclang='zh-CN']").count() == 1
    axe(page)
