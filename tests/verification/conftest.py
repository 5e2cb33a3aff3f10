from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.models import Person
from app.certification import lists
from app.certification.models import Certificate
from app.core import clock
from app.db import db
from app.files.service import read_file
from app.jobs.service import run_waiting
from tests.factories import certification as made
from tests.factories import people


@pytest.fixture
def limited(app: Any) -> Any:
    """The limits are off in tests; here they count, from nothing."""
    from app.core.limits import limiter

    limiter.reset()
    app.config["RATELIMIT_ENABLED"] = True
    yield
    app.config["RATELIMIT_ENABLED"] = False
    limiter.reset()


@pytest.fixture
def holder(app: Any) -> Person:
    return made.trainee(people.region("1200"), "阿卜杜热西提·买买提", field="新材料")


@pytest.fixture
def certificate(holder: Person, at: Any, set_clock: Any) -> Certificate:
    set_clock(at("2026-03-02 09:00"))
    return made.certificate(holder, now=at("2025-09-15 09:00"))


@pytest.fixture
def work() -> Callable[[], None]:
    """What the worker does: jobs, then the lists."""

    def do() -> None:
        run_waiting()
        lists.sign_due(clock.now())
        db.session.rollback()

    return do


@pytest.fixture
def pdf_of() -> Callable[..., bytes]:
    """The signed PDF of an edition; the worker must have made it."""

    def read(certificate: Certificate, no: int = 1) -> bytes:
        row = db.session.get_one(Certificate, certificate.id)
        edition = next(e for e in row.editions if e.no == no)
        assert edition.pdf is not None
        return read_file(edition.pdf)

    return read
