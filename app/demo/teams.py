"""The demonstration's team tasks – one at work, one that waits for trainee2's answer – and the report of last year."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from app.core import clock
from app.db import db, unit_of_work
from app.practice import teams
from app.practice.models import TaskRole
from app.practice.team_models import Team
from app.reporting import reports
from app.reporting.figures import scopes_of

if TYPE_CHECKING:
    from app.demo.life import Storyteller


def _begun(tell: Storyteller, lead: str, other: str, title: str, brings: list[str], days: int) -> int:
    """``lead`` describes the task and asks ``other`` to take two fifths of it."""
    at = tell.back(days)
    with clock.at(at), unit_of_work():
        person = tell.who(lead)
        made = teams.form_team(
            person, rank=2, share=Decimal(60), brings=brings, needed=["technology", "law", "finance"], now=at, task_code="T06",
            title=title, project="海水淡化膜组件产业化", real=True, counterpart="津门水务工程公司", host_unit="滨海技术转移中心",
            started_on=clock.local_date(at) - timedelta(days=10), ended_on=None,
        )  # fmt: skip
        teams.ask(made, tell.who(other).email or "", role=TaskRole.TAKING_PART, share=Decimal(40), by=person, now=at)
        return made.id


def teamed(tell: Storyteller) -> None:
    """Two teams."""
    at = tell.back(20)
    stands = _begun(tell, "p13", "p14", "膜组件企业尽职调查", ["technology", "finance"], 24)
    for key, brings in (("p13", ["technology", "finance"]), ("p14", ["law"])):
        with clock.at(at), unit_of_work():
            teams.confirm(db.session.get_one(Team, stands), rank=2, brings=brings, by=tell.who(key), now=at)
    _begun(tell, "p17", "trainee2", "水处理药剂项目尽职调查", ["technology"], 5)


def reported(tell: Storyteller) -> None:
    """The yearly report, kept in the last days by the certification office."""
    at = tell.back(3)
    year = clock.local_date(at).year - 1
    with clock.at(at), unit_of_work():
        by = tell.who("cert1")
        reports.keep(scopes_of(by)[0], date(year, 1, 1), date(year, 12, 31), None, by=by, now=at)
