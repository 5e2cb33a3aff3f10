"""What a regrade rules about the questions of a session, applied while marks are replayed. Pure.

Rulings are read in the order in which they were put in force; a later one about the same question goes on from the earlier.
A person's mark of a written answer is touched by DROP and FULL alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from app.exams.models import RegradeKind
from question_bank.grading import BadAnswer, Rule, clean_answer, grade_parts
from question_bank.items import Item, Kind, Part, choices_of, plain, questions_of

Shares = dict[str, Decimal | None]


@dataclass(frozen=True)
class Ruling:
    """One ruling. ``revision``: the question as the papers hold it (None: the rule of the session)."""

    id: int
    kind: RegradeKind
    revision: int | None = None
    item: Item | None = None
    """KEY: the question by which it is marked now."""
    answer: Any = None
    """ACCEPT: what earns full marks besides."""
    rule: Rule | None = None
    part: str = ""
    """DROP, FULL: one part of a case; empty: the whole question."""


@dataclass(frozen=True)
class Rulings:
    """All rulings of a session that are in force."""

    all: Sequence[Ruling] = ()
    _by_revision: dict[int | None, list[Ruling]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found: dict[int | None, list[Ruling]] = {}
        for one in self.all:
            found.setdefault(one.revision, []).append(one)
        object.__setattr__(self, "_by_revision", found)

    def __bool__(self) -> bool:
        return bool(self.all)

    def with_(self, ruling: Ruling) -> Rulings:
        return Rulings((*self.all, ruling))

    def about(self, revision: int) -> Sequence[Ruling]:
        return self._by_revision.get(revision, ())

    def rule(self, pinned: Rule | str) -> Rule:
        """The rule for multiple choice: the session's, or the latest that replaced it."""
        replaced = [one.rule for one in self.all if one.kind is RegradeKind.RULE and one.rule is not None]
        return replaced[-1] if replaced else Rule(pinned)

    def item(self, revision: int, item: Item) -> Item:
        """The question by which a revision is marked."""
        for one in self.about(revision):
            if one.kind is RegradeKind.KEY and one.item is not None:
                item = one.item
        return item

    def dropped(self, revision: int) -> bool:
        """Does the question count for nobody? Its shares are still made, they show why it was dropped."""
        return bool(self.all) and any(one.kind is RegradeKind.DROP and not one.part for one in self.about(revision))

    def full(self, revision: int) -> bool:
        return any(one.kind is RegradeKind.FULL and not one.part for one in self.about(revision))

    def dropped_parts(self, revision: int) -> frozenset[str]:
        """Parts of a case that count for nobody, while the rest of it does."""
        return frozenset(one.part for one in self.about(revision) if one.kind is RegradeKind.DROP and one.part)

    def settled(self, revision: int, part: str) -> bool:
        """Does a ruling say what a part gives, whatever was answered? Then nobody has to look at it."""
        return any(
            one.kind in (RegradeKind.DROP, RegradeKind.FULL) and one.part in ("", part) for one in self.about(revision)
        )

    def shares(self, revision: int, item: Item, answer: Any, rule: Rule | str) -> Shares:
        """Part → share of one question, by key, rule and rulings; None waits for a person."""
        if not self.all:
            return {part.id: part.share for part in grade_parts(item, answer, rule).parts}
        if self.full(revision):
            return dict.fromkeys(questions_of(item), Decimal(1))
        item = self.item(revision, item)
        for one in self.about(revision):
            if one.kind is RegradeKind.ACCEPT:
                item = also_accepting(item, one.answer)
        found = {part.id: part.share for part in grade_parts(item, answer, self.rule(rule)).parts}
        for one in self.about(revision):
            if one.kind is RegradeKind.ACCEPT:
                found |= dict.fromkeys(_matched(item, one.answer, answer), Decimal(1))
            if one.kind is RegradeKind.FULL and one.part in found:
                found[one.part] = Decimal(1)
        return found


def also_accepting(item: Item, accepted: Any) -> Item:
    """Fill-in: the further texts stand beside the accepted ones, so that width, case and spaces are forgiven as ever."""
    if item.kind is not Kind.BLANK or not isinstance(accepted, list):
        return item
    blanks = tuple(
        replace(blank, accepted=(*blank.accepted, text.strip()))
        if text.strip() and plain(text) not in {plain(one) for one in blank.accepted} else blank
        for blank, text in zip(item.blanks, accepted, strict=True)
    )  # fmt: skip
    return replace(item, blanks=blanks)


def _matched(item: Item, accepted: Any, answer: Any) -> list[str]:
    """The parts in which an answer is the further accepted one."""
    if answer is None or accepted is None:
        return []
    if item.kind is Kind.CASE:
        return [part for part, one in accepted.items() if part in answer and answer[part] == one]
    return ["whole"] if item.kind is not Kind.BLANK and answer == accepted else []


def can_replace(before: Item, after: Item) -> bool:
    """May answers given to ``before`` be marked by ``after``? Same kind, same choices by id and text, same parts.

    Texts are compared too: were ids dealt out anew, an answer would come to mean another option."""
    old, new = questions_of(before), questions_of(after)
    return before.kind is after.kind and old.keys() == new.keys() and all(
        _shape(old[part]) == _shape(new[part]) for part in old
    )  # fmt: skip


def _shape(question: Any) -> tuple[Any, ...]:
    lefts = {pair.left_id: pair.left for pair in getattr(question, "pairs", ())}
    points = question.points if isinstance(question, Part) else None
    rubric = tuple(line.points for line in question.rubric)
    return question.kind, choices_of(question), lefts, len(question.blanks), points, rubric


def acceptable(item: Item, raw: Any) -> Any:
    """An answer that may be accepted besides the key, cleaned; None where it says nothing. Raises BadAnswer."""
    answer = clean_answer(item, raw)
    if item.kind is Kind.CASE and isinstance(answer, Mapping):
        parts = questions_of(item)
        answer = {part: one for part, one in answer.items() if parts[part].kind is not Kind.ESSAY} or None
    return None if item.kind is Kind.ESSAY else answer


def has_part(item: Item, part: str) -> bool:
    """Is this a part of a case on which a ruling of its own can be made?"""
    return item.kind is Kind.CASE and part in questions_of(item)


def part_number(item: Item, part: str) -> int:
    """The number under which candidates know a part, from 1."""
    return list(questions_of(item)).index(part) + 1


def rulings_of(rows: Iterable[Ruling]) -> Rulings:
    return Rulings(tuple(sorted(rows, key=lambda one: one.id)))


__all__ = [
    "BadAnswer",
    "Ruling",
    "Rulings",
    "acceptable",
    "also_accepting",
    "can_replace",
    "has_part",
    "part_number",
    "rulings_of",
]
