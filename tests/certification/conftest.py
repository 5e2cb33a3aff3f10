from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.models import Person, Region
from app.core.permissions import Role
from app.pathway.rules import Pathway
from app.performance.facts import PerformanceFacts
from tests.factories import certification as made
from tests.factories import people


class Judgement:
    """What the pathway says of everybody, until a test says otherwise."""

    def __init__(self) -> None:
        self.missing = False
        self.exempt: tuple[Any, ...] = ()
        self.performance = PerformanceFacts()

    def __call__(self, person: Person, rank: int, on: Any) -> Pathway:
        return made.pathway(rank, on, missing=self.missing, exempt=self.exempt)


@pytest.fixture
def judged(app: Any, monkeypatch: pytest.MonkeyPatch) -> Judgement:
    """Everybody is eligible; ``judged.missing = True`` takes a class hour away."""
    judgement = Judgement()
    monkeypatch.setattr("app.certification.gates.pathway_now", judgement)
    monkeypatch.setattr("app.certification.gates.class_of", lambda *a: "2026 年第一期")
    monkeypatch.setattr("app.certification.gates.performance_since", lambda *a: judgement.performance)
    return judgement


@pytest.fixture
def binhai(app: Any) -> Region:
    return people.region("1200")


@pytest.fixture
def holder(binhai: Region) -> Person:
    return made.trainee(binhai)


@pytest.fixture
def officers(binhai: Region) -> Callable[[], Person]:
    """``officers()``: another certification officer of the region each time."""
    made = [
        people.officer(Role.CERTIFICATION, people.Scope.REGION, binhai.id, name=name, region=binhai)
        for name in ("李主任", "赵副主任", "钱科长", "孙科员")
    ]
    return iter(made).__next__
