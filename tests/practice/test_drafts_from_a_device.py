"""A draft that the page sends by itself: acknowledged with its version, made once, never over something newer."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from app.db import db
from app.practice.models import LogEntry
from tests.factories import people
from tests.factories import practice as make

pytestmark = pytest.mark.usefixtures("app")
TASK = {"rank": "1", "task_code": "T01", "title": "膜材料披露", "real": "1", "do": "draft", "draft_key": "k1"}


def test_a_new_draft_is_made_once_however_often_it_is_sent(client_as) -> None:
    client = client_as(people.person("周洁", region=people.region()))
    first = client.post("/practice/new", data=TASK, headers={"X-Draft": "auto"})
    assert first.status_code == 204 and first.headers["X-Draft-Address"].endswith("/edit/task")
    again = client.post("/practice/new", data=TASK | {"project": "膜"}, headers={"X-Draft": "auto"})
    assert again.headers["X-Draft-Address"] == first.headers["X-Draft-Address"]
    assert db.session.scalar(select(func.count()).select_from(LogEntry)) == 1
    assert db.session.scalars(select(LogEntry.project)).one() == "膜"
    assert "草稿已保存" not in client.get("/practice").text, "what the page sends by itself is not announced"


def test_going_on_is_acknowledged_with_the_next_page(client_as) -> None:
    client = client_as(people.person("周洁", region=people.region()))
    answer = client.post("/practice/new", data=TASK | {"do": "draft"}, headers={"X-Draft": "go"})
    assert answer.status_code == 204 and answer.headers["X-Draft-Next"].endswith("/edit/task")
    refused = client.post("/practice/new", data=TASK | {"do": "next", "draft_key": "k2"}, headers={"X-Draft": "go"})
    assert refused.status_code == 422, "going on asks for everything; the page then sends it the plain way"


def test_what_another_device_saved_is_not_saved_over(client_as) -> None:
    trainee = people.person("周洁", region=people.region())
    entry = make.draft(trainee)
    client = client_as(trainee)
    old = db.session.get_one(LogEntry, entry.id).saved_at.isoformat()
    address = f"/practice/{entry.id}/edit/work"
    work = {"did": "电话访谈", "result": "一份", "next_step": "检索", "do": "draft"}
    first = client.post(address, data=work | {"draft_version": old}, headers={"X-Draft": "auto"})
    assert first.status_code == 204 and first.headers["X-Draft-Version"] != old
    late = client.post(address, data=work | {"did": "旧手机", "draft_version": old}, headers={"X-Draft": "auto"})
    assert late.status_code == 409
    assert db.session.get_one(LogEntry, entry.id, populate_existing=True).did == "电话访谈"
    version = first.headers["X-Draft-Version"]
    assert client.post(address, data=work | {"draft_version": version}, headers={"X-Draft": "auto"}).status_code == 204
    assert client.post(address, data=work).status_code == 302, "without a script it works as before"


def test_somebody_elses_draft_is_not_there(client_as) -> None:
    entry = make.draft(people.person("周洁", region=people.region()))
    other = client_as(people.person("郑远"))
    answer = other.post(
        f"/practice/{entry.id}/edit/work", data={"did": "x", "do": "draft"}, headers={"X-Draft": "auto"}
    )
    assert answer.status_code == 404
