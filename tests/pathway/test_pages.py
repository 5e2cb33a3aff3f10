"""Home, choosing a level, and an officer's look at a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.accounts.models import Education
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.pathway import service
from app.pathway.models import Goal
from app.pathway.rules import Stage
from tests.factories import people


@pytest.fixture
def trainee(app: Any) -> Any:
    return people.person("周敏", region=people.region(), education=Education.BACHELOR, experience_years=1)


def test_a_new_person_is_asked_for_a_level_first(trainee: Any, client_as: Any) -> None:
    browser = client_as(trainee)
    answer = browser.get("/home")
    assert answer.status_code == 302 and answer.location.endswith("/pathway/choose")
    page = browser.get("/pathway/choose").text
    assert all(word in page for word in ("初级技术经理人", "中级技术经理人", "高级技术经理人", "系统默认"))
    assert browser.post("/pathway/choose", data={"rank": "1"}).status_code == 302
    home = browser.get("/home").text
    assert "40" not in home.split("</h1>")[0] and "选择班次" in home and "学时" in home


@pytest.mark.parametrize("rank", ["", "0", "9", "x", "99999999999999999999"])
def test_levels_that_do_not_exist(trainee: Any, client_as: Any, rank: str) -> None:
    assert client_as(trainee).post("/pathway/choose", data={"rank": rank}).status_code == 422
    assert db.session.query(Goal).count() == 0


def test_home_says_what_is_missing_and_where_to_go(trainee: Any, client_as: Any) -> None:
    with unit_of_work():
        person = db.session.merge(trainee)
        service.set_goal(person, 2, by=person, now=clock.now())
    page = client_as(trainee).get("/home").text
    for words in ("还差 5 项通过的任务", "还差 30 绩效积分", "持有初级技术经理人证书满 12 个月", "报名考试"):
        assert words in page
    english = client_as(trainee)
    english.get("/language/en")
    assert "5 more passed tasks" in english.get("/home").text


def test_home_and_the_officer_s_page_agree(trainee: Any, client_as: Any) -> None:
    with unit_of_work():
        person = db.session.merge(trainee)
        service.set_goal(person, 1, by=person, now=clock.now())
    officer = people.officer(Role.BASE, Scope.REGION, trainee.region_id)
    found = client_as(officer).get(f"/pathway/people/{trainee.id}?level=1")
    assert found.status_code == 200 and "还差 3 项通过的任务" in found.text
    assert "周敏" in client_as(officer).get("/pathway/people").text


def test_people_of_another_region_are_not_there(trainee: Any, client_as: Any) -> None:
    other = people.officer(Role.BASE, Scope.REGION, people.region(name="哈尔滨市").id)
    assert client_as(other).get(f"/pathway/people/{trainee.id}").status_code == 404
    assert client_as(trainee).get(f"/pathway/people/{trainee.id}").status_code == 403


def test_an_officer_without_a_goal_sees_what_waits(app: Any, client_as: Any) -> None:
    page = client_as(people.officer(Role.CERTIFICATION)).get("/home")
    assert page.status_code == 200 and "待办事项" in page.text


def test_exemptions_end_with_their_decision(trainee: Any) -> None:
    today = clock.today()
    officer = people.officer(Role.CERTIFICATION)
    with unit_of_work():
        person, by = db.session.merge(trainee), db.session.merge(officer)
        for _ in range(2):
            service.exempt(
                person, 2, Stage.ENTRY, because="互认 RZ1", by=by, now=clock.now(), until=today + timedelta(days=5)
            )
    assert service.exemptions_of(trainee, 2, today) == {Stage.ENTRY: "互认 RZ1"}
    assert service.exemptions_of(trainee, 2, today + timedelta(days=6)) == {}
    with unit_of_work():
        assert (
            service.end_exemptions(db.session.merge(trainee), "互认 RZ1", by=None, now=clock.now(), reason="到期") == 1
        )
    assert service.exemptions_of(trainee, 2, today) == {}


def test_home_asks_the_database_little(trainee: Any, client_as: Any, queries: Any) -> None:
    with unit_of_work():
        person = db.session.merge(trainee)
        service.set_goal(person, 2, by=person, now=clock.now())
    browser = client_as(trainee)
    browser.get("/home")
    with queries() as seen:
        browser.get("/home")
    assert len(seen) <= 11, "\n".join(seen)


def test_a_base_reads_the_pathways_of_the_trainees_of_its_classes(trainee: Any, client_as: Any) -> None:
    from tests.factories import training

    klass = training.make_class()
    officer = training.runner_of(klass)
    assert client_as(officer).get(f"/pathway/people/{trainee.id}").status_code == 404
    training.apply(klass, trainee)
    assert client_as(officer).get(f"/pathway/people/{trainee.id}").status_code == 200
    assert "周敏" in client_as(officer).get("/pathway/people").text
