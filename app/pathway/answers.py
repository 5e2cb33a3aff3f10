"""What the stages ask of the pathway."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from app.accounts.models import Person
from app.core import clock
from app.exams import asks as exam_asks
from app.pathway import effects, service
from app.training import service as training


@exam_asks.training_passed.answered_by
def _training_passed(person: Person, rank: int) -> bool:
    return service.training_passed(person, rank, clock.today())


@exam_asks.class_begun.answered_by
def _class_begun(person: Person, rank: int) -> date | None:
    return training.facts_of(person, rank, clock.today()).class_started_on


@exam_asks.classes_of.answered_by
def _classes_of(people: Collection[int], rank: int) -> Mapping[int, frozenset[int]]:
    return training.classes_of(people, rank)


__all__ = ["effects"]
