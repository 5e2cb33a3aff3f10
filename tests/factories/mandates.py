"""Organisations, managers with a certificate, and mandates through the services. Each call commits."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from app.accounts.models import Organisation, Person, Region
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.performance import mandates
from app.performance.mandate_models import Mandate
from app.performance.mandate_states import Side
from app.performance.mandates import MandateData
from tests.factories import certification, people
from tests.factories import performance as make


def data(**more: Any) -> MandateData:
    values: dict[str, Any] = {
        "project": "海水淡化膜专利转让", "side": Side.SUPPLY, "client_name": "天津某大学", "scope": "寻找受让方并促成签约",
        "starts_on": date(2026, 1, 5), "ends_on": date(2026, 12, 31), "commission": "成交额的百分之二，到账后支付",
        "conflict": "与双方均无利益关系", "client_email": "client@example.org",
    }  # fmt: skip
    return MandateData(**values | more)


def manager(
    region: Region, organisation: Organisation, name: str = "王建国", *, now: datetime, certified: bool = True
) -> Person:
    made = certification.trainee(region, name, organisation_id=organisation.id)
    if certified:
        certification.certificate(made, 2, now=now)
    return made


def keeper(organisation: Organisation, name: str = "周经理") -> Person:
    return people.officer(Role.BASE, Scope.ORGANISATION, organisation.id, name)


def do(verb: Any, row: Any, *args: Any, by: Person, **more: Any) -> Any:
    """One service call on a row read again, by a person read again, in a unit of work."""
    kind, row_id, by_id = type(row), row.id, by.id
    with unit_of_work():
        return verb(
            db.session.get_one(kind, row_id), *args, by=db.session.get_one(Person, by_id), now=clock.now(), **more
        )


def written(by: Person, **more: Any) -> Mandate:
    by_id = by.id
    with unit_of_work():
        return mandates.write(
            data(**more), uploads=[make.evidence("委托书.txt")], by=db.session.get_one(Person, by_id), now=clock.now()
        )


def active(by: Person, officer: Person, **more: Any) -> Mandate:
    made = written(by, **more)
    do(mandates.sign, made, by=by)
    do(mandates.accept, made, by=officer)
    return made
