"""Mandates, statements, repairs and the comparison of a draft rule as they are seen: wide and narrow, in both languages."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from app.core.permissions import Role
from tests.browser.server import Server
from tests.factories import mandates as make
from tests.factories import people
from tests.factories import performance as credit


def _lived() -> dict[str, Any]:
    """A manager with credit, a deduction, mandates in several states and a statement; officers beside."""
    from app.accounts.models import Person
    from app.core import clock
    from app.db import db, unit_of_work
    from app.jobs.service import run_waiting
    from app.outline import effects
    from app.outline import service as outline
    from app.outline.kinds import KINDS
    from app.performance import integrity, mandates, opinions, repairs, statements

    now = clock.now()
    today = clock.local_date(now)
    long_ago = now - timedelta(days=500)
    region = people.region()
    house = people.organisation(region, name="滨海技术转移中心")
    keeper, officer, other = (
        make.keeper(house),
        people.officer(Role.CERTIFICATION, name="李主任"),
        people.officer(Role.CERTIFICATION),
    )
    manager = make.manager(region, house, "周洁", now=now)
    for days, amount in ((400, "1200"), (90, "300")):
        credit.granted(manager, "P1", amount=amount, share="60", on=today - timedelta(days=days), by=officer)
    credit.granted(manager, "P3", on=today - timedelta(days=60), by=officer)
    with clock.at(long_ago), unit_of_work():
        event = integrity.notify(db.session.get_one(Person, manager.id), "complaint", happened_on=clock.local_date(long_ago),
                                 reason="委托企业投诉属实", by=db.session.get_one(Person, officer.id), now=long_ago)  # fmt: skip
    with clock.at(long_ago):
        make.do(integrity.answer, event, "说明情况", by=manager)
        make.do(integrity.decide, event, uphold=True, reason="证据充分", by=other)
    words = {"starts_on": today - timedelta(days=30), "ends_on": today + timedelta(days=200)}
    made = make.active(manager, keeper, **words)
    done = make.active(manager, keeper, project="光伏组件回收工艺许可", **words)
    make.do(mandates.close, done, "2026120100990", on=today, by=manager)
    token = "token-of-the-test"
    with unit_of_work():
        from app.core import crypto

        asked = db.session.get_one(type(done), done.id).opinion
        assert asked is not None
        asked.token_hash = crypto.token_hash(token)
    make.do(opinions.complain, made, "电话投诉：进度未按约定告知", received_on=today, by=keeper)
    with unit_of_work():
        by = db.session.get_one(Person, manager.id)
        paper = statements.make(
            by, today - timedelta(days=700), today, statements.Shows(True, True, True), by=by, now=now
        )
        repair = repairs.apply(
            by, hours=Decimal(8), trained_until=today, words="已完成学习", uploads=[credit.evidence()], by=by, now=now
        )
        body = dict(outline.current("indicators").body) | {"year_cap": "20"}
        what = effects.Asked(
            "indicators", "", None, KINDS["indicators"].clean(body), today, today, effects.FROM_THE_BEGINNING
        )
        job, _ = effects.ask(KINDS["indicators"], what, by=db.session.get_one(Person, officer.id), draft={})
    run_waiting()
    return {
        **{who: SimpleNamespace(id=one.id) for who, one in (("manager", manager), ("keeper", keeper), ("officer", officer))},
        "mine": ["/performance/", "/performance/integrity", "/performance/mandates", "/performance/mandates/new",
                 f"/performance/mandates/{made.id}", f"/performance/mandates/{done.id}", "/performance/statements",
                 f"/performance/statements/{paper.id}", f"/performance/repairs/{repair.id}"],
        "kept": ["/performance/mandates/office", "/performance/mandates/office/new", f"/performance/mandates/{made.id}"],
        "decided": ["/performance/mandates/office?show=complaints", f"/performance/mandates/{made.id}",
                    f"/performance/repairs/{repair.id}", f"/performance/people/{manager.id}", f"/performance/integrity/{event.id}",
                    f"/rules/effects/{job.id}", "/rules/indicators/edit"],
        "read": [f"/performance/confirm/{paper.token}", "/performance/confirm", f"/performance/opinion/{token}"],
    }  # fmt: skip


@pytest.fixture(scope="module")
def cast(server: Server) -> dict[str, Any]:
    """Lived once for both languages: names of organisations are unique."""
    return server.do(_lived)


@pytest.mark.parametrize("language", ["zh_Hans", "en"])
def test_pages_of_mandates_statements_and_repairs(
    language: str, cast: dict[str, Any], page_as: Any, axe: Any, picture: Any
) -> None:
    faults: list[str] = []
    for who, addresses in (
        ("manager", cast["mine"]),
        ("keeper", cast["kept"]),
        ("officer", cast["decided"]),
        (None, cast["read"]),
    ):
        page = page_as(who and cast[who], language=language)
        page.goto(f"/language/{language}?next=/healthz")
        for n, address in enumerate(addresses):
            answer = page.goto(address)
            assert answer.status == 200, address
            for width in (1280, 390):
                page.set_viewport_size({"width": width, "height": 900})
                axe(page)
                name = f"performance-{who or 'visitor'}-{n}"
                picture(page, f"{name}-{language}-{width}")
                if not page.evaluate(
                    "document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1"
                ):
                    faults.append(f"{address} is too wide at {width}")
            page.set_viewport_size({"width": 1280, "height": 900})
        faults += page.said
    assert not faults, "\n".join(faults)
