"""Rules: the version in force, a save makes a new one, bad values are named, and the pages show all of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from app.core import clock
from app.core.permissions import Role, Scope
from app.core.workdays import add_working_days
from app.db import unit_of_work
from app.outline import service
from app.outline.kinds import KINDS, BadRule
from tests.factories import people


def sent(kind: str, key: str = "", **changes: str) -> dict[str, str]:
    """What the editor's form posts for the rule in force, with changes."""
    body = service.current(kind, key).body
    form = {"effective_from": clock.today().isoformat(), "note": "更正学时", "basis": "测试〔2026〕1号"}
    for field in KINDS[kind].fields:
        form[field.key] = str(body.get(field.key) or "")
    for table in KINDS[kind].tables:
        for n, row in enumerate(body[table.key]):
            form |= {
                f"{table.key}-{n}-{f.key}": str(row.get(f.key) if row.get(f.key) is not None else "")
                for f in table.fields
            }
    return form | changes


def test_every_shipped_rule_passes_its_own_check(app: Any) -> None:
    for kind in KINDS.values():
        for body in (kind.defaults or {}).values():
            assert kind.clean(kind.clean(body)) == kind.clean(body)


def test_default_hours_add_up(app: Any) -> None:
    totals = [sum(row["hours"] for row in service.rule("outline", rank)["hours"]) for rank in (1, 2, 3)]
    assert totals == [40, 60, 80]


def test_worked_example_9_counts_the_make_up_sunday(app: Any) -> None:
    assert add_working_days(date(2025, 9, 22), 5, service.calendar()) == date(2025, 9, 28)


def test_a_save_makes_a_new_version_and_leaves_the_old(app: Any, client_as: Any) -> None:
    admin = client_as(people.officer(Role.ADMIN))
    answer = admin.post("/rules/outline/edit?key=1", data=sent("outline", "1", **{"hours-0-hours": "10"}))
    assert answer.status_code == 302
    newest, oldest = service.versions("outline", "1")
    assert (newest.version, oldest.version) == (2, 1)
    assert not newest.is_default and newest.basis == "测试〔2026〕1号" and oldest.is_default
    page = admin.get("/rules/outline?key=1&version=2&with=1").text
    assert "10" in page and "更正学时" in page


def test_a_future_version_waits_for_its_day(app: Any) -> None:
    kind = KINDS["outline"]
    officer = people.officer(Role.ADMIN)
    body = service.current("outline", 1).body
    start = clock.today() + timedelta(days=10)
    with unit_of_work():
        service.save_version(kind, "1", body, by=officer, now=clock.now(), effective_from=start)
    assert service.current("outline", 1).version == 1
    assert service.current("outline", 1, on=start).version == 2


def test_a_region_may_have_its_own(app: Any, client_as: Any) -> None:
    here, there = people.region(), people.region(name="哈尔滨市")
    officer = people.officer(Role.CERTIFICATION, Scope.REGION, here.id)
    browser = client_as(officer)
    here_id, there_id = here.id, there.id
    assert (
        browser.post(
            f"/rules/outline/edit?key=1&region={here_id}", data=sent("outline", "1", online_share="0.3")
        ).status_code
        == 302
    )
    assert service.rule("outline", 1, region_id=here_id)["online_share"] * 10 == 3
    assert service.rule("outline", 1, region_id=there_id)["online_share"] * 10 == 5
    assert browser.get(f"/rules/outline/edit?key=1&region={there_id}").status_code == 403
    assert browser.get("/rules/outline/edit?key=1").status_code == 403


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hours-0-hours": "many"}, "many"),
        ({"hours-0-hours": "-1"}, "0"),
        ({"hours-0-hours": "NaN"}, ""),
        ({"hours-0-module": "skill"}, ""),
        ({"hours-0-module": "nothing"}, ""),
        ({"online_share": "1.5"}, "1"),
        ({"hour_minutes": ""}, ""),
        ({"note": ""}, ""),
        ({"effective_from": "2026-02-30"}, ""),
    ],
)
def test_bad_values_are_refused_and_kept_on_the_page(
    app: Any, client_as: Any, changes: dict[str, str], words: str
) -> None:
    admin = client_as(people.officer(Role.ADMIN))
    answer = admin.post("/rules/outline/edit?key=1", data=sent("outline", "1", **changes))
    assert answer.status_code == 422
    assert words in answer.text
    assert len(service.versions("outline", "1")) == 1


def test_rows_can_be_added_and_removed(app: Any, client_as: Any) -> None:
    admin = client_as(people.officer(Role.ADMIN))
    page = admin.post("/rules/calendar/edit", data=sent("calendar", add_row="days"))
    count = len(service.rule("calendar")["days"])
    assert page.status_code == 200 and f"days-{count}-day" in page.text
    answer = admin.post("/rules/calendar/edit", data=sent("calendar", **{"days-0-remove": "1"}))
    assert answer.status_code == 302 and len(service.rule("calendar")["days"]) == count - 1


def test_every_rule_page_opens(app: Any, client_as: Any) -> None:
    auditor = client_as(people.officer(Role.AUDITOR))
    admin = client_as(people.officer(Role.ADMIN))
    assert auditor.get("/rules/").status_code == 200
    for kind in KINDS.values():
        for key in kind.defaults or {}:
            assert auditor.get(f"/rules/{kind.code}?key={key}").status_code == 200
            assert admin.get(f"/rules/{kind.code}/edit?key={key}").status_code == 200
    assert auditor.get("/rules/outline/edit?key=1").status_code == 403
    for wrong in (
        "/rules/nothing",
        "/rules/outline?key=9",
        "/rules/outline?key=1&region=999999",
        "/rules/outline?key=1&region=x",
    ):
        assert auditor.get(wrong).status_code == 404


def test_ranks_stand_once(app: Any) -> None:
    row = {"rank": "1", "zh": "初级", "en": "Junior"}
    with pytest.raises(BadRule):
        KINDS["levels"].clean({"levels": [row, row]})
