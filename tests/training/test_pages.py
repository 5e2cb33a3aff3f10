"""The pages of training as people meet them: who gets in, what happens, and what is refused in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Education, Person
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db
from app.notices.models import Notice
from app.training.models import Attendance, AttendanceState, ClassSession, Enrolment, HourEntry, TrainingClass
from app.training.states import ClassState, EnrolmentState
from tests.factories import people, training

ENROL = {
    "education": "bachelor", "experience_years": "3", "title_level": "middle", "title_years": "2", "remark": "", "pledge": "y",
}  # fmt: skip


def fresh(model: Any, row_id: int) -> Any:
    db.session.expire_all()
    return db.session.get_one(model, row_id)


def letters_to(person: Person) -> list[str]:
    return list(db.session.scalars(select(Notice.letter).where(Notice.person_id == person.id).order_by(Notice.id)))


@pytest.fixture
def klass(app: Any) -> TrainingClass:
    return training.make_class(capacity=2)


def test_everybody_sees_the_classes(client: Any, klass: TrainingClass) -> None:
    page = client.get("/training").text
    assert klass.title in page and "0 / 2" in page
    page = client.get(f"/training/classes/{klass.id}").text
    assert klass.title in page and "滨海新区洞庭路一号" in page


def test_drafts_are_not_public(client: Any, app: Any) -> None:
    draft = training.make_class(open=False)
    assert draft.title not in client.get("/training").text
    assert client.get(f"/training/classes/{draft.id}").status_code == 404
    assert client.get("/training?level=abc&region=-1&page=x&sort=zz").status_code == 200


def test_enrolling_through_the_page(client_as: Any, klass: TrainingClass) -> None:
    person = people.person()
    browser = client_as(person)
    assert browser.get(f"/training/classes/{klass.id}/enrol").status_code == 200
    answer = browser.post(f"/training/classes/{klass.id}/enrol", data=ENROL)
    assert answer.status_code == 302
    page = browser.get(answer.location).text
    assert "待审核" in page
    assert fresh(Person, person.id).education is Education.BACHELOR
    assert letters_to(person) == ["training.received"]
    again = browser.post(f"/training/classes/{klass.id}/enrol", data=ENROL)
    assert again.status_code == 422


@pytest.mark.parametrize(
    "bad",
    [
        {"pledge": ""}, {"education": "wizard"}, {"experience_years": "-1"}, {"experience_years": "many"}, {"title_level": ""},
        {"title_years": "999"}, {"remark": "x" * 401},
    ],
)  # fmt: skip
def test_a_wrong_form_is_shown_again(client_as: Any, klass: TrainingClass, bad: dict[str, str]) -> None:
    browser = client_as(people.person())
    answer = browser.post(f"/training/classes/{klass.id}/enrol", data=ENROL | bad)
    assert answer.status_code == 422 and "error-summary" in answer.text


def test_the_officer_approves_many_and_the_rest_wait(client_as: Any, klass: TrainingClass) -> None:
    crowd = [people.person(f"学员{n}") for n in range(4)]
    made = [training.apply(klass, p) for p in crowd]
    office = client_as(training.runner_of(klass))
    page = office.get(f"/training/office/classes/{klass.id}").text
    assert all(p.name in page for p in crowd)
    office.post(f"/training/office/classes/{klass.id}/decide", data={"do": "admit", "ids": [e.id for e in made[:3]]})
    states = [fresh(Enrolment, e.id).state.value for e in made]
    assert states == ["admitted", "admitted", "waiting", "applied"]
    listed = office.get("/training").text
    assert "2 / 2" in listed and "可候补" in listed and "可报名" not in listed.split("<tbody", 1)[1]
    office.post(f"/training/office/enrolments/{made[3].id}/return", data={"reason": "请补充单位"})
    assert fresh(Enrolment, made[3].id).reason == "请补充单位"
    assert letters_to(crowd[3]) == ["training.received", "training.returned"]
    first = client_as(crowd[0])
    first.post(f"/training/enrolments/{made[0].id}/withdraw")
    assert fresh(Enrolment, made[2].id).state is EnrolmentState.OFFERED
    assert letters_to(crowd[2])[-1] == "training.offered"
    client_as(crowd[2]).post(f"/training/enrolments/{made[2].id}/offer", data={"answer": "accept"})
    assert fresh(Enrolment, made[2].id).state is EnrolmentState.ADMITTED


def test_returning_without_a_reason_is_refused(client_as: Any, klass: TrainingClass) -> None:
    made = training.apply(klass, people.person())
    office = client_as(training.runner_of(klass))
    assert office.post(f"/training/office/enrolments/{made.id}/return", data={"reason": " "}).status_code == 422
    office.post(f"/training/office/classes/{klass.id}/decide", data={"do": "refuse", "ids": [made.id], "reason": ""})
    assert fresh(Enrolment, made.id).state is EnrolmentState.APPLIED


def test_the_code_on_the_screen_signs_in_once(client_as: Any, klass: TrainingClass, set_clock: Any) -> None:
    person = people.person()
    training.admit(klass, person)
    session_id, office_person = klass.sessions[0].id, training.runner_of(klass)
    set_clock(klass.sessions[0].starts_at - timedelta(minutes=5))
    office, phone = client_as(office_person), client_as(person)
    assert "<svg" in office.get(f"/training/office/periods/{session_id}/screen").text
    code = office.get(f"/training/office/periods/{session_id}/screen.json").get_json()
    path = "/training" + code["address"].split("/training", 1)[1]
    assert phone.get(path).status_code == 200
    for _again in range(2):
        assert phone.post(path).status_code == 200
    rows = list(db.session.scalars(select(Attendance)))
    assert [(r.person_id, r.state) for r in rows] == [(person.id, AttendanceState.PRESENT)]
    set_clock(klass.sessions[0].starts_at + timedelta(minutes=2))
    stale = phone.get(path)
    assert stale.status_code == 409 and "扫描" in stale.text


def test_whole_way_to_sixty_hours(client_as: Any, set_clock: Any) -> None:
    """A class of the second level, from the base's first click to 60 credited hours, in a dozen requests."""
    base = training.base()
    officer, person = training.base_officer(base), people.person()
    office, trainee = client_as(officer), client_as(person)
    today = clock.today()
    form = {
        "organisation_id": base.id, "level": 2, "title": "中级第一期", "place": "一号楼", "starts_on": today + timedelta(days=3),
        "ends_on": today + timedelta(days=13), "enrol_from": today, "enrol_until": today + timedelta(days=3), "capacity": 30,
        "teacher_id": "", "about": "",
    }  # fmt: skip
    place = office.post("/training/office/classes/new", data=form)
    assert place.status_code == 302, place.text
    klass = db.session.scalars(select(TrainingClass)).one()
    here = f"/training/office/classes/{klass.id}"
    office.post(f"{here}/plan")
    office.post(f"{here}/move", data={"move": "open"})
    assert trainee.post(f"/training/classes/{klass.id}/enrol", data=ENROL).status_code == 302
    enrolment = db.session.scalars(select(Enrolment)).one()
    office.post(f"{here}/decide", data={"do": "admit", "ids": [enrolment.id]})
    sessions = list(db.session.scalars(select(ClassSession).order_by(ClassSession.starts_at)))
    set_clock(sessions[0].starts_at)
    office, trainee = client_as(officer), client_as(person)
    code = office.get(f"/training/office/periods/{sessions[0].id}/screen.json").get_json()
    trainee.post("/training" + code["address"].split("/training", 1)[1])
    set_clock(sessions[0].ends_at - timedelta(minutes=5))
    office, trainee = client_as(officer), client_as(person)
    code = office.get(f"/training/office/periods/{sessions[0].id}/screen.json").get_json()
    assert code["way"] == "out"
    trainee.post("/training" + code["address"].split("/training", 1)[1])
    set_clock(sessions[-1].ends_at + timedelta(hours=1))
    office, trainee = client_as(officer), client_as(person)
    office.post(f"{here}/move", data={"move": "start"})
    marks = {f"a-{s.id}-{person.id}": "present" for s in sessions}
    assert office.post(f"{here}/attendance", data=marks | {"reason": "纸质签到表"}).status_code == 302
    office.post(f"{here}/credit")
    assert sum(db.session.scalars(select(HourEntry.hours))) == 60
    assert "达到培训要求" in trainee.get("/training/mine?level=2").text
    assert trainee.get("/training/hours").status_code == 200
    office.post(f"{here}/move", data={"move": "end"})
    done = fresh(Enrolment, enrolment.id)
    assert done.state is EnrolmentState.COMPLETED and done.completion_number.startswith("JY")
    assert fresh(TrainingClass, klass.id).state is ClassState.ENDED
    for path in ("", "/timetable", "/attendance", "/hours", "/letters"):
        assert office.get(here + path).status_code == 200


def test_other_peoples_things_are_not_there(client_as: Any, klass: TrainingClass) -> None:
    mine = training.apply(klass, people.person())
    stranger = client_as(people.person())
    assert stranger.get(f"/training/enrolments/{mine.id}").status_code == 404
    assert stranger.post(f"/training/enrolments/{mine.id}/withdraw").status_code == 404
    other = client_as(training.base_officer(training.base()))
    here = f"/training/office/classes/{klass.id}"
    for path in ("", "/timetable", "/attendance", "/hours", "/letters", "/edit", "/periods/new"):
        assert other.get(here + path).status_code == 404, path
    for path in ("/decide", "/move", "/plan", "/credit"):
        assert other.post(here + path, data={"do": "admit", "move": "open"}).status_code == 404, path
    assert other.get(f"/training/office/enrolments/{mine.id}").status_code == 404
    assert other.post(f"/training/office/enrolments/{mine.id}/admit").status_code == 404
    assert other.get(f"/training/office/periods/{klass.sessions[0].id}/screen.json").status_code == 404


def test_an_auditor_reads_and_changes_nothing(client_as: Any, klass: TrainingClass) -> None:
    auditor = client_as(people.officer(Role.AUDITOR))
    here = f"/training/office/classes/{klass.id}"
    for path in ("", "/timetable", "/attendance", "/hours", "/letters"):
        assert auditor.get(here + path).status_code == 200
    for path in ("/decide", "/move", "/plan", "/credit"):
        assert auditor.post(here + path, data={"do": "admit", "move": "cancel"}).status_code == 403
    assert auditor.post(f"{here}/attendance", data={}).status_code == 404
    assert auditor.post(f"{here}/letters", data={"subject": "a", "text": "b"}).status_code == 404


def test_a_teacher_records_the_own_class_only(client_as: Any, app: Any, set_clock: Any) -> None:
    teacher = people.officer(Role.LECTURER, Scope.REGION, people.region().id, name="孙讲师")
    mine = training.make_class(teacher_id=teacher.id)
    other = training.make_class()
    set_clock(mine.sessions[0].starts_at)
    browser = client_as(teacher)
    page = browser.get("/training/office/teaching").text
    assert mine.title in page and other.title not in page
    assert browser.get(f"/training/office/periods/{mine.sessions[0].id}/screen").status_code == 200
    assert browser.get(f"/training/office/periods/{other.sessions[0].id}/screen").status_code == 404
    assert browser.get(f"/training/office/classes/{mine.id}/attendance").status_code == 200


@pytest.mark.parametrize("size", [3, 12])
def test_lists_ask_the_same_number_of_questions(client_as: Any, app: Any, queries: Any, size: int) -> None:
    base = training.base()
    officer = training.base_officer(base)
    classes = [training.make_class(base, by=officer, planned=False, open=False) for _ in range(size)]
    full = training.make_class(base, by=officer, capacity=50)
    for n in range(size):
        training.admit(full, people.person(f"学员{n}"))
    office, seen = client_as(officer), {}
    for path in ("", f"/{full.id}?show=placed", f"/{full.id}/attendance", f"/{full.id}/hours", f"/{full.id}/letters"):
        office.get("/training/office/classes" + path)
        with queries() as asked:
            assert office.get("/training/office/classes" + path).status_code == 200
        seen[path.split("/")[-1]] = len(asked)
    assert max(seen.values()) <= 22, seen
    counted.setdefault("sizes", []).append(list(seen.values()))
    if len(counted["sizes"]) == 2:
        assert counted["sizes"][0] == counted["sizes"][1]
    assert len(classes) == size


counted: dict[str, list[list[int]]] = {}


def test_no_page_speaks_of_a_class_that_is_not_there(client_as: Any, app: Any) -> None:
    browser = client_as(people.person())
    for path in (
        "/training/classes/999", "/training/classes/999/enrol", "/training/enrolments/999", "/training/lessons/999",
        "/training/courses/9",
    ):  # fmt: skip
        assert browser.get(path).status_code == 404, path
    for token in ("1.abc", "x", "999999.aaaa", "1", "１.a", "1." + "a" * 500):
        assert browser.get(f"/training/sign-in/{token}").status_code == 409


CLASS = {
    "level": "1", "title": "第一期", "place": "一号楼", "starts_on": "2030-01-10", "ends_on": "2030-01-20", "enrol_from": "2030-01-01",
    "enrol_until": "2030-01-09", "capacity": "30", "teacher_id": "", "about": "",
}  # fmt: skip


@pytest.mark.parametrize(
    "bad",
    [
        {"title": ""}, {"title": "x" * 121}, {"starts_on": "2030-02-30"}, {"starts_on": "0001-01-01"}, {"ends_on": "2029-01-01"},
        {"capacity": "0"}, {"capacity": "1e9"}, {"level": "7"}, {"organisation_id": "999"}, {"teacher_id": "999"}, {"place": ""},
        {"enrol_until": "2031-01-01"}, {"teacher_id": "abc"},
    ],
)  # fmt: skip
def test_a_wrong_class_form_is_shown_again(client_as: Any, app: Any, bad: dict[str, str]) -> None:
    base = training.base()
    office = client_as(training.base_officer(base))
    answer = office.post("/training/office/classes/new", data=CLASS | {"organisation_id": base.id} | bad)
    assert answer.status_code == 422 and "error-summary" in answer.text
    assert not db.session.scalars(select(TrainingClass)).all()


PERIOD = {
    "course_version_id": "",
    "module": "skill",
    "title": "研讨",
    "starts": "09:00",
    "ends": "12:00",
    "hours": "4",
    "room": "101",
}


@pytest.mark.parametrize(
    "bad",
    [
        {"title": ""}, {"starts": "25:00"}, {"ends": "08:00"}, {"hours": "5"}, {"hours": "0"}, {"hours": "NaN"}, {"hours": "4.001"},
        {"module": "magic"}, {"course_version_id": "1"}, {"day": "2020-01-01"}, {"day": "soon"}, {"teacher_id": "12345"},
    ],
)  # fmt: skip
def test_a_wrong_period_is_shown_again(client_as: Any, app: Any, bad: dict[str, str]) -> None:
    klass = training.make_class(planned=False, open=False)
    office = client_as(training.runner_of(klass))
    data = PERIOD | {"day": klass.starts_on.isoformat(), "teacher_id": ""} | bad
    answer = office.post(f"/training/office/classes/{klass.id}/periods/new", data=data)
    assert answer.status_code == 422 and "error-summary" in answer.text


def test_a_period_with_a_teacher_is_made_changed_and_removed(client_as: Any, app: Any) -> None:
    klass = training.make_class(planned=False, open=False)
    teacher = people.officer(Role.LECTURER, name="孙讲师")
    office = client_as(training.runner_of(klass))
    here = f"/training/office/classes/{klass.id}/periods"
    data = PERIOD | {"day": klass.starts_on.isoformat(), "teacher_id": str(teacher.id)}
    assert office.post(f"{here}/new", data=data).status_code == 302
    made = db.session.scalars(select(ClassSession)).one()
    assert (made.teacher_id, made.label, made.hours) == (teacher.id, "研讨", 4)
    assert "孙讲师" in office.get(f"{here}/{made.id}").text
    assert office.post(f"{here}/{made.id}", data=data | {"room": "202"}).status_code == 302
    assert fresh(ClassSession, made.id).room == "202"
    clash = office.post(f"{here}/new", data=data | {"starts": "11:00", "ends": "14:00"})
    assert clash.status_code == 422 and "研讨" in clash.text
    office.post(f"{here}/{made.id}/remove")
    assert not db.session.scalars(select(ClassSession)).all()


def test_an_earlier_class_is_copied(client_as: Any, klass: TrainingClass) -> None:
    office = client_as(training.runner_of(klass))
    page = office.get(f"/training/office/classes/new?copy={klass.id}").text
    assert klass.title in page and klass.place in page
    assert office.get("/training/office/classes/new?copy=999").status_code == 404
    assert client_as(training.base_officer(training.base())).get(f"/training/office/classes/new?copy={klass.id}").status_code == 404  # fmt: skip


def test_lists_as_excel(client_as: Any, klass: TrainingClass) -> None:
    import io

    from openpyxl import load_workbook

    training.admit(klass, people.person("=1+1"))
    office = client_as(training.runner_of(klass))
    for path in ("", f"/{klass.id}?show=placed"):
        answer = office.get(f"/training/office/classes{path}{'&' if '?' in path else '?'}export=xlsx")
        assert answer.data[:2] == b"PK"
    sheet = load_workbook(io.BytesIO(answer.data)).active
    assert sheet["A2"].value == "=1+1" and sheet["A2"].data_type == "s"
