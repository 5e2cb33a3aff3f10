"""Where a question is used. Upper features announce at import how to find it among theirs::

@used_in("exams")
def _(questions):                       # questions of the bank
    return {question.id: [Use(_("Exam session"), title, "/exams/office/sessions/3", 40)]}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.bank.models import Question


@dataclass(frozen=True)
class Use:
    """One place: what kind of place, its title, its page, on how many papers there (0: not counted)."""

    kind: str
    title: str
    url: str = ""
    papers: int = 0


Finder = Callable[[Sequence[Any]], dict[int, list[Use]]]
FINDERS: dict[str, Finder] = {}


def used_in(name: str) -> Callable[[Finder], Finder]:
    """Register how a feature finds the questions it uses."""

    def register(find: Finder) -> Finder:
        FINDERS[name] = find
        return find

    return register


def uses_of(question: Question) -> list[Use]:
    """Every place where some revision of the question is used."""
    return [use for find in FINDERS.values() for use in find([question]).get(question.id, [])]


def in_use(questions: Sequence[Any]) -> set[int]:
    """Ids of those that are used anywhere; of each question its id and code are asked."""
    if not questions:
        return set()
    return {one for find in FINDERS.values() for one, uses in find(questions).items() if uses}
