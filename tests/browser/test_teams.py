"""Team tasks and kept reports as they are seen: wide and narrow, in both languages."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from app.core.permissions import Role
from tests.browser.server import Server
from tests.factories import people


def _lived() -> dict[str, Any]:
    """A team that stands, one that waits, and a report."""
    from app.accounts.models import Person
    from app.core import clock
    from app.db import db, unit_of_work
    from app.jobs.service import run_waiting
    from app.practice import teams
    from app.practice.models import TaskRole
    from app.practice.team_models import Team
    from app.reporting import reports
    from app.reporting.figures import scopes_of

    region = people.region()
    lead, law = people.person("周洁", region=region), people.person("阿卜杜热西提·买买提", region=region)
    officer = people.officer(Role.CERTIFICATION, name="李主任")
    now = clock.now()
    made = []
    for title in ("催化剂专利许可谈判", "膜材料作价入股谈判"):
        with unit_of_work():
            by = db.session.get_one(Person, lead.id)
            team = teams.form_team(
                by, rank=2, share=Decimal(60), brings=["technology", "market"], needed=["technology", "law", "finance"], now=now,
                task_code="T09", title=title, project="催化剂", real=True, counterpart="滨海化工", host_unit="转移中心",
                started_on=date(2026, 2, 1), ended_on=date(2026, 2, 20),
            )  # fmt: skip
            teams.ask(team, law.email, role=TaskRole.TAKING_PART, share=Decimal(40), by=by, now=now)
            made.append(team.id)
    for person, brings in ((lead, ["technology", "market"]), (law, ["law"])):
        with unit_of_work():
            teams.confirm(
                db.session.get_one(Team, made[0]),
                rank=2,
                brings=brings,
                by=db.session.get_one(Person, person.id),
                now=now,
            )
    with unit_of_work():
        by = db.session.get_one(Person, officer.id)
        yesterday = clock.local_date(now) - timedelta(days=1)
        report = reports.keep(scopes_of(by)[0], yesterday - timedelta(days=300), yesterday, None, by=by, now=now)
    run_waiting()
    return {
        **{who: SimpleNamespace(id=one.id) for who, one in (("lead", lead), ("law", law), ("officer", officer))},
        "led": ["/practice/teams", "/practice/teams/new", *(f"/practice/teams/{n}" for n in made)],
        "asked": ["/practice/teams", f"/practice/teams/{made[1]}"],
        "kept": [f"/office/reports/kept/{report.id}?compare=1", "/office/reports/figures/admitted", "/office/reports"],
    }  # fmt: skip


@pytest.fixture(scope="module")
def lived(server: Server) -> dict[str, Any]:
    return server.do(_lived)


@pytest.mark.parametrize("language", ["zh_Hans", "en"])
def test_pages_of_teams_and_reports(language: str, lived: dict[str, Any], page_as: Any, axe: Any, picture: Any) -> None:
    faults: list[str] = []
    for who, addresses in (("lead", lived["led"]), ("law", lived["asked"]), ("officer", lived["kept"])):
        page = page_as(lived[who], language=language)
        page.goto(f"/language/{language}?next=/healthz")
        for n, address in enumerate(addresses):
            answer = page.goto(address)
            assert answer.status == 200, address
            for width in (1280, 390):
                page.set_viewport_size({"width": width, "height": 900})
                if language == "zh_Hans":
                    axe(page)
                picture(page, f"team-{who}-{n}-{language}-{width}")
                if not page.evaluate(
                    "document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1"
                ):
                    faults.append(f"{address} is too wide at {width}")
            page.set_viewport_size({"width": 1280, "height": 900})
        faults += page.said
    assert not faults, "\n".join(faults)
