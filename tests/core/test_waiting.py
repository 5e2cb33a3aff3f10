"""The work list says how many things wait, and since when the oldest."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from app.core.permissions import Role
from app.core.waiting import Waiting
from tests.factories import people
from tests.factories import practice as tasks

pytestmark = pytest.mark.usefixtures("app")


def test_a_sum_keeps_the_oldest(set_clock, at) -> None:
    set_clock(at("2026-03-10 09:00"))
    early = Waiting.of(2, datetime(2026, 3, 1, 1, tzinfo=UTC))
    late = Waiting.of(1, datetime(2026, 3, 9, 1, tzinfo=UTC))
    assert (early + late, (early + late).since, (late + 4).days) == (3, early.since, 1)
    assert Waiting.of(0, None).days is None and Waiting.of(1, date(2026, 3, 3)).days == 7


def test_the_work_list_says_how_long_the_oldest_waits(set_clock, at, client_as) -> None:
    set_clock(at("2026-03-02 09:00"))
    trainee = people.person("周洁", region=people.region())
    mentor = tasks.mentor_of(trainee)
    tasks.submitted(trainee, "T01")
    set_clock(at("2026-03-11 08:00"))
    page = client_as(mentor).get("/home").text
    assert "最早：9 天前" in page
    assert "最早" not in client_as(people.officer(Role.MENTOR)).get("/home").text
