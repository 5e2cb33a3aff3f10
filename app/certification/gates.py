"""What certification asks of the floors below, in one place: the judgement of the pathway, and facts of single stages."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from app.pathway import service as pathways
from app.performance import service as performance
from app.training import service as training

if TYPE_CHECKING:
    from app.accounts.models import Person
    from app.pathway.rules import Pathway
    from app.performance.facts import PerformanceFacts


def pathway_now(person: Person, rank: int, on: date) -> Pathway:
    """What the scheme requires, what is there, what is missing: the one answer everything uses."""
    return pathways.current_pathway(person, rank, on)


def class_of(person: Person, rank: int, on: date) -> str:
    """The training class of a level, as shown on the public notice."""
    return str(training.facts_of(person, rank, on).details.get("class", ""))


def performance_since(person: Person, since: date, until: date) -> PerformanceFacts:
    return performance.facts_of(person, since, until)
