"""The door of the database: what is written outside a unit of work is refused, and reading holds no transaction."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Region
from app.db import db, unit_of_work


def _region(code: str) -> Region:
    return Region(code=code, name_zh="测试区", name_en="Trial", authority_zh="测试局", authority_en="Trial office")


def test_nothing_is_written_outside(app: Any) -> None:
    db.session.add(_region("9998"))
    with pytest.raises(RuntimeError, match="outside a unit of work"):
        db.session.flush()
    db.session.rollback()
    assert db.session.scalar(select(Region).where(Region.code == "9998")) is None


def test_a_failed_unit_leaves_nothing(app: Any) -> None:
    with pytest.raises(ZeroDivisionError), unit_of_work():
        db.session.add(_region("9997"))
        db.session.flush()
        _ = 1 / 0
    assert db.session.scalar(select(Region).where(Region.code == "9997")) is None


def test_it_does_not_nest(app: Any) -> None:
    with unit_of_work(), pytest.raises(RuntimeError), unit_of_work():
        pass


def test_statements_stay_prepared_between_requests(app: Any) -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite keeps its statements by itself")
    for _ in range(8):
        db.session.execute(select(Region.id).where(Region.code == "1201")).all()
        db.session.close()
    raw = db.session.connection().connection.driver_connection
    assert raw is not None
    names = raw.execute("SELECT statement FROM pg_prepared_statements").fetchall()
    assert any("FROM region" in statement.replace("\n", "") for (statement,) in names)
