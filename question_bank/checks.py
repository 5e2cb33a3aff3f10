"""Whether a bank of questions is fit for use: each check takes items and answers with one line for each finding.

Errors are what must not be shipped; :func:`weak` are hints for a careful editor. Balance is judged with statistics: a place or
a length that holds the key more often than chance would bring about (99 %) can be guessed by a candidate who knows nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from math import sqrt

from question_bank.assembly import Infeasible, Supply, assemble, cell_name, supply
from question_bank.defaults import KINDS, default_blueprint
from question_bank.items import (
    MODULES,
    Item,
    Kind,
    Part,
    normalised_stem,
    normalised_text,
    questions_of,
)

#: From this many questions on, the balance of keys is judged; fewer say too little.
ENOUGH = 20
#: As many standard deviations as chance exceeds once in a hundred times.
BY_CHANCE = 2.58
#: Share of single questions whose key may be the longest (or the shortest) option; four options make a quarter fair.
TOLD_BY_LENGTH = 0.4
#: Share of pairs of characters two questions of a kind have in common, from where on they are nearly the same (Dice 1945).
NEARLY_THE_SAME = 0.7

_PLACE_IN_OPTION = ("以上", "上述", "A和B", "A、B")
_PLACE_IN_EXPLANATION = re.compile(r"前[一二两三四五]项|后[一二两三四]项|选项[A-E]|(?<![A-Za-z])[A-E]项|(?:首|末)项")


# --- each question ----------------------------------------------------------------------------------------------------


def missing(items: Iterable[Item]) -> list[str]:
    """What a shipped question must have although the model can do without it."""
    found = []
    for item in items:
        for field in ("level", "difficulty", "point", "source"):
            if not getattr(item, field):
                found.append(f"{item.id}: {field} is missing")
        if item.module not in MODULES:
            found.append(f"{item.id}: module must be one of {', '.join(MODULES)}")
        parts = questions_of(item).values()
        if not item.explanation and not all(part.explanation or part.kind is Kind.ESSAY for part in parts):
            found.append(f"{item.id}: explanation is missing")
        for part in parts:
            if part.kind is Kind.MULTIPLE and sum(option.correct for option in part.options) < 2:
                found.append(f"{item.id}: a multiple-choice question needs at least two correct options")
            if part.kind is Kind.ESSAY and not (part.rubric and part.reference):
                found.append(f"{item.id}: an essay needs a rubric and a reference answer")
            if part.options and part.shuffle and _PLACE_IN_EXPLANATION.search(part.explanation or item.explanation):
                found.append(f"{item.id}: the explanation refers to options by place, but they are shuffled")
    return found


def weak(items: Iterable[Item]) -> list[str]:
    """Choice questions that a careful editor would look at again."""
    found = []
    for item in items:
        for part in questions_of(item).values():
            if part.kind in (Kind.SINGLE, Kind.MULTIPLE) and len(part.options) < 4:
                found.append(f"{item.id}: only {len(part.options)} options")
            if part.kind is Kind.SINGLE and _length_ratio(part) > 2:
                found.append(f"{item.id}: the key is more than twice as long as any other option")
            if part.kind in (Kind.SINGLE, Kind.MULTIPLE) and part.shuffle and _refers_to_place(part):
                found.append(f"{item.id}: an option refers to others by place; set shuffle: false")
    return found


def _length_ratio(question: Item | Part) -> float:
    key = max(len(option.text) for option in question.options if option.correct)
    longest = max(len(option.text) for option in question.options if not option.correct)
    return key / longest if key - longest >= 2 else 0


def _refers_to_place(question: Item | Part) -> bool:
    return any(word in option.text for option in question.options for word in _PLACE_IN_OPTION)


# --- questions beside each other --------------------------------------------------------------------------------------


def duplicates(items: Sequence[Item]) -> list[str]:
    """Ids, questions and stems that occur twice, questions nearly the same, and enemies that are not there."""
    found = []
    first_by_id: dict[str, Item] = {}
    for item in items:
        if item.id in first_by_id:
            found.append(f"{item.id}: this id occurs twice")
        first_by_id.setdefault(item.id, item)
    distinct = list(first_by_id.values())
    same = list(_same(distinct))
    told = {pair for pair, _ in same}
    found += [line for _, line in same]
    found += [line for pair, line in _nearly_the_same(distinct) if pair not in told]
    for item in items:
        found += [
            f"{item.id}: enemy {enemy} is not in these files" for enemy in item.enemies if enemy not in first_by_id
        ]
    return found


def _same(items: Sequence[Item]) -> Iterator[tuple[tuple[str, str], str]]:
    """The same text before the same stem."""
    texts: dict[str, Item] = {}
    stems: dict[str, Item] = {}
    for item in items:
        by_text = texts.setdefault(normalised_text(item), item)
        by_stem = stems.setdefault(normalised_stem(item), item)
        if by_text is not item:
            yield (by_text.id, item.id), f"{item.id}: the same question as {by_text.id}"
        elif by_stem is not item:
            yield (by_stem.id, item.id), f"{item.id}: the same stem as {by_stem.id}"


def _nearly_the_same(items: Sequence[Item]) -> Iterator[tuple[tuple[str, str], str]]:
    """Two of one kind that share most of their pairs of characters; cases are too long to be told so."""
    for kind in Kind:
        grams = [(item.id, _pairs_of_characters(item)) for item in items if item.kind is kind is not Kind.CASE]
        for (first, ours), (second, theirs) in combinations(grams, 2):
            whole = len(ours) + len(theirs)
            if not whole or 2 * min(len(ours), len(theirs)) < NEARLY_THE_SAME * whole:
                continue
            alike = 2 * len(ours & theirs) / whole
            if alike >= NEARLY_THE_SAME:
                yield (first, second), f"{second}: nearly the same question as {first} ({alike:.0%} alike)"


def _pairs_of_characters(item: Item) -> frozenset[str]:
    text = normalised_text(item).split(":", 1)[1]
    return frozenset(text[place : place + 2] for place in range(len(text) - 1))


# --- keys that can be guessed -----------------------------------------------------------------------------------------


def lopsided(items: Sequence[Item]) -> list[str]:
    """Keys that can be guessed from these questions as a whole: by place, by truth, by number, by length."""
    found = []
    single = _questions(items, Kind.SINGLE)
    fixed = [question for question in single if not question.shuffle]
    multiple = _questions(items, Kind.MULTIPLE)
    for questions, name in ((fixed, "unshuffled single"), (single, "single"), (multiple, "multiple")):
        if len(questions) >= ENOUGH:
            found += _by_place(questions, name)
    if len(single) >= ENOUGH:
        found += _by_length(single)
    if len(multiple) >= ENOUGH:
        everything = sum(all(option.correct for option in question.options) for question in multiple)
        if everything / len(multiple) > 0.3:
            found.append(f"multiple: in {everything} of {len(multiple)} every option is correct (at most 30 %)")
    truefalse = _questions(items, Kind.TRUEFALSE)
    if len(truefalse) >= ENOUGH:
        true = sum(bool(question.answer) for question in truefalse)
        if not 0.35 <= true / len(truefalse) <= 0.65:
            found.append(f"truefalse: {true} of {len(truefalse)} are true (35 to 65 % expected)")
    return found


def lopsided_levels(items: Sequence[Item]) -> list[str]:
    """The same over all files, level by level: that is what a paper is drawn from."""
    levels = sorted({item.level for item in items if item.level})
    return [f"level {level}: {line}" for level in levels for line in lopsided([i for i in items if i.level == level])]


def _questions(items: Iterable[Item], kind: Kind) -> list[Item | Part]:
    return [part for item in items for part in questions_of(item).values() if part.kind is kind]


def _by_place(questions: Sequence[Item | Part], name: str) -> list[str]:
    """A place holds the key far more or far less often than chance would put it there."""
    keys = Counter(n for question in questions for n, option in enumerate(question.options) if option.correct)
    found = []
    for place in range(max(len(question.options) for question in questions)):
        chances = [
            sum(option.correct for option in question.options) / len(question.options)
            for question in questions
            if len(question.options) > place
        ]
        expected, deviation = sum(chances), sqrt(sum(chance * (1 - chance) for chance in chances))
        if len(chances) >= ENOUGH and abs(keys[place] - expected) > BY_CHANCE * deviation:
            letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[place]
            found.append(
                f"{name}: {keys[place]} of {keys.total()} keys are at place {letter} ({expected:.0f} expected)"
            )
    return found


def _by_length(questions: Sequence[Item | Part]) -> list[str]:
    """The key is the one longest, or the one shortest, option far too often."""
    found = []
    for sign, word in ((1, "longest"), (-1, "shortest")):
        told = sum(_tells_by_length(question, sign) for question in questions)
        if told / len(questions) > TOLD_BY_LENGTH:
            found.append(f"single: in {told} of {len(questions)} the key is the {word} option (at most 40 %)")
    return found


def _tells_by_length(question: Item | Part, sign: int) -> bool:
    key = max(sign * len(option.text) for option in question.options if option.correct)
    return all(sign * len(option.text) < key for option in question.options if not option.correct)


# --- papers -----------------------------------------------------------------------------------------------------------


def complete(items: Sequence[Item]) -> list[str]:
    """What a whole bank needs beside good questions: every kind, every module at each level, and for each default blueprint two
    papers without a common question, so that a retake repeats nothing."""
    found = [f"no question of kind {kind.value}" for kind in Kind if all(item.kind is not kind for item in items)]
    for level in sorted(KINDS):
        mine = [item for item in items if item.level == level]
        found += [
            f"level {level}: no question of module {module}"
            for module in MODULES
            if all(item.module != module for item in mine)
        ]
        found += [f"level {level}: {line}" for line in _twice(mine, level)]
    return found


def _twice(items: Sequence[Item], level: int) -> list[str]:
    blueprint = default_blueprint(level)
    short = [seat for seat in supply(items, blueprint) if seat.available < 2 * seat.needed]
    if short:
        return [
            f"{cell_name(seat.cell)} needs {seat.needed} for each of two papers, has {seat.available}" for seat in short
        ]
    try:
        first = assemble(items, blueprint, "check")
        assemble([item for item in items if item.id not in first.item_ids], blueprint, "retake")
    except Infeasible as infeasible:
        return [f"no second paper without a common question: {infeasible}"]
    return []


def scarcest(items: Sequence[Item], level: int) -> Supply:
    """The cell of the default blueprint that has least over its need."""
    return min(supply(items, default_blueprint(level)), key=lambda seat: seat.available / seat.needed)
