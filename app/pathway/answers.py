"""What the stages ask of the pathway."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from app.accounts.models import Person
from app.core import clock
from app.exams import asks as exam_asks
from app.exams import service as exams
from app.pathway import effects, service
from app.performance import service as performance
from app.training import service as training


@exam_asks.training_passed.answered_by
def _training_passed(person: Person, rank: int) -> bool:
    return service.training_passed(person, rank, clock.today())


@exam_asks.class_begun.answered_by
def _class_begun(person: Person, rank: int) -> date | None:
    return training.facts_of(person, rank, clock.today()).class_started_on


@exam_asks.banned_until.answered_by
def _banned_until(people: Collection[int], on: date) -> Mapping[int, date]:
    return performance.bans_of(people, on)


@performance.integrity_changed.connect
def _take_out_of_exams(event: Any, *, person: Person, integrity: Any, by: Person, now: datetime, **said: Any) -> None:
    """A ban reaches registrations made before it. Its lifting gives none back: the person registers again."""
    if integrity.ban_until is not None:
        exams.take_out(person, integrity.ban_until, by=by, now=now)


@exam_asks.classes_of.answered_by
def _classes_of(people: Collection[int], rank: int) -> Mapping[int, frozenset[int]]:
    return training.classes_of(people, rank)


__all__ = ["effects"]
