"""Serials and places in status lists under twenty issuers at once, and when an issuing process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.models import Person
from app.certification import issuing
from app.certification.models import Application, Certificate, Edition
from app.certification.proof_models import StatusEntry, StatusList
from app.certification.states import State
from app.core import clock
from app.db import db, unit_of_work
from app.jobs.models import JobItem
from tests.factories import certification as made
from tests.factories import people

ROOT = Path(__file__).resolve().parents[2]
ISSUER = """
import os, signal, sys
from sqlalchemy import select
from app import create_app
from app.accounts.models import Person
from app.certification import issuing
from app.certification.models import Application, Certificate
from app.core import clock
from app.db import db, unit_of_work
officer, dies_at, *rows = map(int, sys.argv[1:])
with create_app().app_context():
    for n, application_id in enumerate(rows, 1):
        with unit_of_work():
            row = db.session.get_one(Application, application_id, with_for_update=True)
            if db.session.scalar(select(Certificate.id).where(Certificate.application_id == row.id)) is None:
                issuing.issue(row, by=db.session.get_one(Person, officer), now=clock.now())
            if n == dies_at:  # number and place are taken and sent to the database, and nothing is committed
                db.session.flush()
                os.kill(os.getpid(), signal.SIGKILL)
"""
"""An issuing process that is killed in the middle of its transaction number ``dies_at``; 0 lets it live."""


def cases(count: int, ranks: tuple[int, ...] = (1,)) -> tuple[int, list[int]]:
    """The deciding officer and applications of as many people, decided but not issued."""
    region, officer = people.region("1200"), people.officer(people.Role.CERTIFICATION)
    now = clock.now()
    rows = [
        made.application(
            made.trainee(region, f"学员{n}"), ranks[n % len(ranks)], now=now, state=State.ISSUED,
            decided_by_id=officer.id, decided_at=now,
        ).id
        for n in range(count)
    ]  # fmt: skip
    return officer.id, rows


def nothing_is_lost_or_double(count: int) -> None:
    db.session.rollback()
    assert sorted(db.session.scalars(select(Certificate.serial))) == list(range(1, count + 1))
    assert db.session.scalar(select(func.count(func.distinct(Certificate.number)))) == count
    assert db.session.scalar(select(func.count(func.distinct(Edition.status_entry_id)))) == count
    places = db.session.execute(select(StatusEntry.list_id, StatusEntry.position)).all()
    assert len(set(places)) == len(places) == count
    assert db.session.scalars(select(StatusList.used)).all() == [count]
    assert db.session.scalar(select(func.count(func.distinct(JobItem.label)))) == count  # each has its PDF asked for


def test_twenty_issuers_at_once(app: Any) -> None:
    """Also the very first of a region, of several levels: they all open the same status list."""
    officer, rows = cases(20, ranks=(1, 2, 3))
    start, failures = threading.Barrier(20), []
    db.session.rollback()

    def issue(application_id: int) -> None:
        with app.app_context():
            start.wait()
            try:
                with unit_of_work():
                    row = db.session.get_one(Application, application_id, with_for_update=True)
                    issuing.issue(row, by=db.session.get_one(Person, officer), now=clock.now())
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=issue, args=(one,)) for one in rows]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failures == []
    by_rank: dict[int, list[int]] = {}
    for rank, serial in db.session.execute(select(Certificate.rank, Certificate.serial)):
        by_rank.setdefault(rank, []).append(serial)
    assert {rank: sorted(s) for rank, s in by_rank.items()} == {
        1: list(range(1, 8)), 2: list(range(1, 8)), 3: list(range(1, 7)),
    }  # fmt: skip
    places = db.session.execute(select(StatusEntry.list_id, StatusEntry.position)).all()
    assert len(set(places)) == 20 and db.session.scalars(select(StatusList.used)).all() == [20]


@pytest.fixture
def issuer(app: Any, database: Any) -> Any:
    """``issuer(officer, ids, dies_at)``: an issuing process of its own; how it ended."""
    told = app.extensions["settings"]

    def start(officer: int, ids: list[int], dies_at: int = 0) -> Any:
        environ = os.environ | {"APP_MODE": "test", "DATABASE_URL": database.url, "INSTANCE": str(told.INSTANCE)}
        line = [sys.executable, "-c", ISSUER, *map(str, (officer, dies_at, *ids))]
        return subprocess.Popen(line, cwd=ROOT, env=environ)

    return start


def test_a_killed_issuer_leaves_no_gap_and_no_double(app: Any, issuer: Any) -> None:
    """Two processes issue the same cases from both ends; both are killed within a transaction, a third finishes."""
    officer, rows = cases(24)
    db.session.rollback()
    both = [issuer(officer, rows, 5), issuer(officer, rows[::-1], 4)]
    assert [one.wait(timeout=120) for one in both] == [-signal.SIGKILL] * 2
    done = db.session.scalar(select(func.count()).select_from(Certificate))
    assert done == 4 + 3
    db.session.rollback()
    assert issuer(officer, rows).wait(timeout=120) == 0
    nothing_is_lost_or_double(24)
    with unit_of_work():
        db.session.get_one(Application, rows[0]).remark = "done"  # so that the database is put back after the test
