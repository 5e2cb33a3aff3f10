from __future__ import annotations

from typing import Any

import pytest

from app.accounts.models import Person
from app.training.models import TrainingClass
from tests.factories import training


@pytest.fixture
def klass(app: Any, set_clock: Any, at: Any) -> TrainingClass:
    """A class with two places more than nobody, announced, at ten o'clock on 2 March 2026."""
    set_clock(at("2026-03-02 10:00"))
    return training.make_class(capacity=40)


@pytest.fixture
def base(klass: TrainingClass) -> Person:
    """The officer who runs it."""
    return training.runner_of(klass)
