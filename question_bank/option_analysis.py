"""What candidates chose: for each option how many, and whether the better or the weaker ones did.

A distractor does its work when the weaker candidates take it; one that nobody takes is dead, one that the better ones take is
ambiguous or the key is wrong (Haladyna and Downing, Applied Measurement in Education 2, 1989). The upper and the lower group are
those of :func:`question_bank.statistics.extreme_groups`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from question_bank.grading import Answer
from question_bank.items import Item, Kind, Part, plain
from question_bank.statistics import EXTREME_SHARE, Mark, correlation, exact, extreme_groups


@dataclass(frozen=True, slots=True)
class ChoiceAnalysis:
    """One option: ``id`` as in ``Option.id``; of a true-or-false question ``"true"`` or ``"false"``; ``""`` for no answer.

    ``key``: it is (one of) the right one(s). ``count``: candidates who chose it (多选 counts every tick). ``share`` of all who had
    the question, 0–1. ``upper``, ``lower``: how many of each group; ``upper_share``, ``lower_share`` of the group.
    ``discrimination``: their difference, −1…1; should be positive for a key, negative for a distractor. ``correlation``: of choosing
    it (0 or 1) with the score (point-biserial; with the rest where marks are given). ``mean_score`` of those who chose it.
    ``None`` where not defined: nobody had it, no groups, nothing varies, nobody chose it.
    """

    id: str
    key: bool
    count: int
    share: float | None
    upper: int
    lower: int
    upper_share: float | None
    lower_share: float | None
    discrimination: float | None
    correlation: float | None
    mean_score: float | None


@dataclass(frozen=True, slots=True)
class OptionAnalysis:
    """``count``: candidates who had the question. ``upper``, ``lower``: sizes of the groups (0: they cannot be told apart).
    ``choices`` in the order of the author. ``omitted``: the same figures for those who chose nothing."""

    count: int
    upper: int
    lower: int
    choices: tuple[ChoiceAnalysis, ...]
    omitted: ChoiceAnalysis


def option_analysis(
    question: Item | Part,
    answers: Sequence[Answer],
    scores: Sequence[Mark],
    marks: Sequence[Mark] | None = None,
    *,
    share: float = EXTREME_SHARE,
) -> OptionAnalysis:
    """Choices of a single, multiple or true-or-false question (also of a part of a case) over the candidates who had it.

    ``answers`` as :func:`question_bank.grading.clean_answer` gives them (``None``: left open); ``scores``: each candidate's sum on
    the paper, or its share where papers differ; ``marks``: each one's mark on this question in the same unit, taken out of
    the score for ``correlation``. Raises ``ValueError`` for another kind, or where the lengths differ.
    """
    keys = _keys(question)
    if len(scores) != len(answers) or (marks is not None and len(marks) != len(answers)):
        raise ValueError("every candidate needs one answer, one score and one mark")
    chosen = [_chosen(answer) for answer in answers]
    sums = [exact(score) for score in scores]
    taken = [exact(mark) for mark in marks] if marks is not None else [Fraction(0)] * len(sums)
    unit = lcm(*(number.denominator for number in (*sums, *taken)))
    whole = [int(score * unit) for score in sums]
    rests = [score - int(mark * unit) for score, mark in zip(whole, taken, strict=True)]
    table = _Table(whole, rests, unit, *extreme_groups(whole, share))
    choices = tuple(table.row(choice, key, [choice in ids for ids in chosen]) for choice, key in keys.items())
    return OptionAnalysis(
        count=len(answers),
        upper=len(table.upper),
        lower=len(table.lower),
        choices=choices,
        omitted=table.row("", False, [not ids for ids in chosen]),
    )


def _keys(question: Item | Part) -> dict[str, bool]:
    """Id of each choice → whether it is right, in the order of the author."""
    if question.kind is Kind.TRUEFALSE:
        return {"true": question.answer is True, "false": question.answer is False}
    if question.kind not in (Kind.SINGLE, Kind.MULTIPLE):
        raise ValueError("only single, multiple and true-or-false questions have options to count")
    return {option.id: option.correct for option in question.options}


def _chosen(answer: Answer) -> frozenset[str]:
    if answer is None or answer == "":
        return frozenset()
    if isinstance(answer, bool):
        return frozenset({"true" if answer else "false"})
    return frozenset({answer}) if isinstance(answer, str) else frozenset(map(str, answer))


@dataclass(frozen=True, slots=True)
class _Table:
    """The candidates: sums and rests (or sums again), whole numbers of ``1 / unit``, and the places of the two groups."""

    scores: list[int]
    rests: list[int]
    unit: int
    upper: set[int]
    lower: set[int]

    def row(self, choice: str, key: bool, chose: Sequence[bool]) -> ChoiceAnalysis:
        count = sum(chose)
        upper, lower = (sum(chose[place] for place in group) for group in (self.upper, self.lower))
        upper_share, lower_share = _share(upper, len(self.upper)), _share(lower, len(self.lower))
        reached = sum(score for score, did in zip(self.scores, chose, strict=True) if did)
        return ChoiceAnalysis(
            id=choice,
            key=key,
            count=count,
            share=_share(count, len(chose)),
            upper=upper,
            lower=lower,
            upper_share=upper_share,
            lower_share=lower_share,
            discrimination=None if upper_share is None or lower_share is None else upper_share - lower_share,
            correlation=correlation(list(map(int, chose)), self.rests),
            mean_score=float(Fraction(reached, count * self.unit)) if count else None,
        )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True, slots=True)
class WrittenAnswer:
    """A text that candidates wrote in one gap: as the first of them wrote it, how many, and whether it is accepted."""

    text: str
    count: int
    share: float
    accepted: bool


def written_answers(question: Item | Part, answers: Sequence[Answer]) -> tuple[tuple[WrittenAnswer, ...], ...]:
    """What was written in each gap of a 填空 question, most frequent first; a frequent text that is not accepted may be one that
    the key forgot. Width, case, spaces and a full stop at the end do not count. Raises ``ValueError`` for another kind."""
    if question.kind is not Kind.BLANK:
        raise ValueError("only fill-in questions have gaps")
    return tuple(
        _written([_in_gap(answer, gap) for answer in answers], {plain(text) for text in blank.accepted})
        for gap, blank in enumerate(question.blanks)
    )


def _in_gap(answer: Answer, gap: int) -> str:
    return answer[gap].strip() if isinstance(answer, list) and gap < len(answer) else ""


def _written(texts: Sequence[str], accepted: set[str]) -> tuple[WrittenAnswer, ...]:
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for text in filter(None, texts):
        counts[plain(text)] += 1
        first.setdefault(plain(text), text)
    return tuple(
        WrittenAnswer(first[form], count, count / len(texts), form in accepted) for form, count in counts.most_common()
    )
