r"""How a test and its questions did: classical test theory over a table of marks.

One row per candidate, one column per question; an entry is the mark (``Decimal``, ``int`` or ``float``), or ``None`` where the
candidate's paper did not hold the question. A question on the paper that was left open is a mark of 0.

Definitions follow *Quiz statistics calculations* of the Moodle developer documentation
(docs.moodle.org/dev/Quiz_statistics_calculations), with these signs: :math:`S` candidates, :math:`P` questions,
:math:`x_p` the mark on question :math:`p`, :math:`T` the sum of a candidate's marks, :math:`X_p = T - x_p` the rest.
Moodle prints most of them as per cent; here they are plain shares and marks. Variances and covariances divide by
:math:`S - 1`. What is not defined (too few candidates, nobody differs, a root of a negative number) is ``None``.

Sums are exact (integers over the common denominator of all marks), so that "no variance" is never a matter of rounding.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import lcm, sqrt
from typing import Generic, NamedTuple, TypeVar

Mark = Decimal | int | float | Fraction
Key = TypeVar("Key", bound=Hashable)
#: (mark, maximum) of a question, of the rest of its paper, of the whole paper.
_Shares = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]

#: Size of the upper and of the lower group (Kelley 1939: 27 % tells them apart best where scores are normal).
EXTREME_SHARE = 0.27


@dataclass(frozen=True, slots=True)
class ItemAnalysis:
    """One question.

    ``count``: candidates who had it.
    ``facility`` 难度: mean mark ÷ maximum, share 0–1 (1 = everybody had it right). ``None`` where nobody had it.
    ``sd``: standard deviation of the mark, in marks. ``None`` below two candidates.
    ``discrimination_index`` 区分度: correlation −1…1 of the mark with the rest of the test
    :math:`C(x_p, X_p) / \\sqrt{V(x_p) V(X_p)}` (the corrected point-biserial for right/wrong marks). ``None`` where either does
    not vary.
    ``discriminative_efficiency``: covariance with the rest ÷ the greatest it could be with these very marks
    (both sorted), ≤ 1. ``None`` where that greatest is 0.
    ``effective_weight``: share 0–1 of the variance of the test that the question brings,
    :math:`\\sqrt{C(x_p, T)} / \\sum_q \\sqrt{C(x_q, T)}`, questions with a negative covariance left out of the sum and
    themselves ``None``; ``None`` also where not all candidates had the same questions.
    ``item_total``: correlation −1…1 of the mark with the whole sum :math:`T` (for right/wrong marks the point-biserial of the
    textbooks; it is greater than ``discrimination_index`` because the question counts for itself). ``None`` as there.
    ``upper_facility``, ``lower_facility``: facility among the best and the last 27 % by :math:`T` (Kelley, Journal of
    Educational Psychology 30, 1939; see :func:`extreme_groups`). ``upper_lower`` is the difference, the index *D* of
    Johnson (1951) and Ebel. ``None`` where the groups cannot be told apart.
    ``alpha_without``: alpha of the test without this question. ``None`` where that is not defined.
    """

    count: int
    facility: float | None
    sd: float | None
    discrimination_index: float | None
    discriminative_efficiency: float | None
    effective_weight: float | None
    item_total: float | None = None
    upper_facility: float | None = None
    lower_facility: float | None = None
    upper_lower: float | None = None
    alpha_without: float | None = None


@dataclass(frozen=True, slots=True)
class ScoreAnalysis:
    """The test as a whole.

    ``count``: candidates. ``mean``, ``median``, ``sd`` of the sums, in marks.
    ``skewness`` :math:`k_3 / k_2^{3/2}` (three candidates at least) and ``kurtosis`` :math:`k_4 / k_2^2` (four; 0 for a normal
    distribution), from the unbiased k-statistics (R. A. Fisher 1930).
    ``alpha``: internal consistency, Cronbach (Psychometrika 16, 1951):
    :math:`P/(P-1) \\cdot (1 - \\sum_p V(x_p) / V(T))`, at most 1; for right/wrong questions it is KR-20 (Kuder and
    Richardson, Psychometrika 2, 1937). Needs two questions and the same questions for all.
    ``error_ratio`` :math:`\\sqrt{1 - \\alpha}`: the share of the SD that is chance. ``standard_error`` (SEM): ``error_ratio`` × ``sd``, in
    marks.
    """

    count: int
    mean: float | None
    median: float | None
    sd: float | None
    skewness: float | None
    kurtosis: float | None
    alpha: float | None
    error_ratio: float | None
    standard_error: float | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """``items`` in the order of the columns, and the ``test``."""

    items: tuple[ItemAnalysis, ...]
    test: ScoreAnalysis


def analyse(marks: Sequence[Sequence[Mark | None]], maxima: Sequence[Mark]) -> Analysis:
    """Statistics of all questions and of the test; units and definitions at the fields.

    Raises ``ValueError``: a row as long as no ``maxima``, a maximum that is not above 0, a mark that is no finite number.
    """
    if any(len(row) != len(maxima) for row in marks):
        raise ValueError("every row needs one mark per question")
    tops = [exact(maximum) for maximum in maxima]
    if any(top <= 0 for top in tops):
        raise ValueError("every maximum must be above 0")
    table = [[None if mark is None else exact(mark) for mark in row] for row in marks]
    unit = lcm(*(mark.denominator for row in table for mark in row if mark is not None))
    rows = [[None if mark is None else int(mark * unit) for mark in row] for row in table]
    totals = [sum(mark for mark in row if mark is not None) for row in rows]
    complete = all(mark is not None for row in rows for mark in row)
    columns = [
        [
            _Seat(mark, total - mark, total)
            for row, total in zip(rows, totals, strict=True)
            if (mark := row[p]) is not None
        ]
        for p in range(len(tops))
    ]
    apart = [_apart(column) for column in columns] if complete else []
    weights = _effective_weights(apart, len(rows)) if complete else [None] * len(columns)
    without = _alphas_without(apart) if complete else [None] * len(columns)
    items = tuple(
        replace(_item(column, unit, tops[p] * unit), effective_weight=weights[p], alpha_without=without[p])
        for p, column in enumerate(columns)
    )
    return Analysis(items, _test(totals, apart, unit))


@dataclass(frozen=True, slots=True)
class TableAnalysis(Generic[Key]):
    """``items`` as :func:`analyse_revisions` gives them; ``weights`` and ``test`` as :func:`analyse`."""

    items: Mapping[Key, ItemAnalysis]
    weights: Mapping[Key, float | None]
    test: ScoreAnalysis


def analyse_table(
    columns: Mapping[Key, tuple[Sequence[int], Sequence[int]]], cells: Sequence[tuple[Mark, Mark]], candidates: int
) -> TableAnalysis[Key]:
    """The same for very many candidates, in little memory: for each question who had it (places from 0, each once) and which
    cell each of them got, and ``cells`` the different pairs of mark and maximum. Arrays of whole numbers will do: the
    columns are looked at one by one. Raises ``ValueError`` as :func:`analyse`."""
    pairs = [(exact(mark), exact(top)) for mark, top in cells]
    if any(top <= 0 for _, top in pairs):
        raise ValueError("every maximum must be above 0")
    unit = lcm(*(number.denominator for pair in pairs for number in pair))
    whole = [(int(mark * unit), int(top * unit)) for mark, top in pairs]
    totals, tops = [0] * candidates, [0] * candidates
    for who, which in columns.values():
        for place, cell in zip(who, which, strict=True):
            totals[place] += whole[cell][0]
            tops[place] += whole[cell][1]
    complete = bool(columns) and all(len(who) == candidates for who, _ in columns.values())
    items: dict[Key, ItemAnalysis] = {}
    apart: list[_Apart] = []
    for key, (who, which) in columns.items():
        shares: list[_Shares] = []
        for place, cell in zip(who, which, strict=True):
            (mark, top), total, most = whole[cell], totals[place], tops[place]
            shares.append(((mark, top), (total - mark, most - top) if most > top else (0, 1), (total, most)))
        items[key] = _item_of_shares(shares)
        if complete:
            apart.append(_apart([_Seat(mine[0], total[0] - mine[0], total[0]) for mine, _, total in shares]))
    weights = _effective_weights(apart, candidates) if complete else [None] * len(columns)
    return TableAnalysis(items, dict(zip(columns, weights, strict=True)), _test(totals, apart, unit))


def analyse_revisions(
    papers: Iterable[Mapping[Key, tuple[Mark, Mark]]],
) -> dict[Key, ItemAnalysis]:
    """Statistics of each revision of a question over papers that may differ, also in points and over several sessions.

    A paper is ``{revision: (mark, maximum)}``. Marks count as shares of their maximum, and so does the rest of the paper
    (``sd`` is in shares too); where all papers are the same this gives what :func:`analyse` gives. What needs one and the same
    paper for all (``effective_weight``, ``alpha_without``) is ``None``. Raises ``ValueError`` as :func:`analyse`.
    """
    table = [{key: (exact(mark), exact(top)) for key, (mark, top) in paper.items()} for paper in papers]
    if any(top <= 0 for paper in table for _, top in paper.values()):
        raise ValueError("every maximum must be above 0")
    unit = lcm(*(number.denominator for paper in table for pair in paper.values() for number in pair))
    columns: dict[Key, list[_Shares]] = {}
    for paper in table:
        marks = {key: (int(mark * unit), int(top * unit)) for key, (mark, top) in paper.items()}
        total, whole = (sum(numbers) for numbers in zip(*marks.values(), strict=True)) if marks else (0, 0)
        for key, (mark, top) in marks.items():
            rest = (total - mark, whole - top) if whole > top else (0, 1)
            columns.setdefault(key, []).append(((mark, top), rest, (total, whole)))
    return {key: _item_of_shares(column) for key, column in columns.items()}


def _item_of_shares(column: Sequence[_Shares]) -> ItemAnalysis:
    """Own mark, rest and whole are each brought to a common denominator; correlations do not mind the unit."""
    own, rest, total = (_over_one_denominator(pairs) for pairs in zip(*column, strict=True))
    seats = [_Seat(*numbers) for numbers in zip(own[0], rest[0], total[0], strict=True)]
    return _item(seats, own[1], Fraction(own[1]))


def _over_one_denominator(shares: Sequence[tuple[int, int]]) -> tuple[list[int], int]:
    unit = lcm(*{below for _, below in shares})
    return [above * (unit // below) for above, below in shares], unit


def extreme_groups(scores: Sequence[Mark], share: float = EXTREME_SHARE) -> tuple[set[int], set[int]]:
    """Places in ``scores`` of the upper and the lower group: the best and the last ``share`` of the candidates, at least one.

    Who has the same score as the last one admitted is admitted too, so that chance never decides between equals; a group can
    thus be larger than its share. Both are empty where they would overlap (nobody differs, or too few do).
    """
    return _extremes([score if isinstance(score, int) else exact(score) for score in scores], share)


def _extremes(scores: Sequence[int | Fraction], share: float = EXTREME_SHARE) -> tuple[set[int], set[int]]:
    if not scores:
        return set(), set()
    ordered = sorted(scores)
    size = max(1, int(share * len(ordered) + 0.5))
    best, last = ordered[-size], ordered[size - 1]
    if best <= last:
        return set(), set()
    places = list(enumerate(scores))
    return {place for place, score in places if score >= best}, {place for place, score in places if score <= last}


def exact(mark: Mark) -> Fraction:
    """The mark as a fraction. A float counts as the decimal it prints as: 0.1 is a tenth."""
    try:
        return Fraction(str(mark)) if isinstance(mark, float) else Fraction(mark)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"not a finite number: {mark!r}") from error


class _Seat(NamedTuple):
    """What one candidate got on a question, on the rest of the paper, and on the whole."""

    mark: int
    rest: int
    total: int


def _variation(values: Sequence[int]) -> int:
    """:math:`n^2` times the variance about the mean, a whole number: 0 exactly where nothing varies."""
    return len(values) * sum(value * value for value in values) - sum(values) ** 2


def _covariation(first: Sequence[int], second: Sequence[int]) -> int:
    """:math:`n^2` times the covariance about the means."""
    return len(first) * sum(a * b for a, b in zip(first, second, strict=True)) - sum(first) * sum(second)


def _item(column: Sequence[_Seat], unit: int, top: Fraction) -> ItemAnalysis:
    n = len(column)
    if not n:
        return ItemAnalysis(0, None, None, None, None, None)
    own = [seat.mark for seat in column]
    facility = float(Fraction(sum(own), n) / top)
    if n < 2:
        return ItemAnalysis(n, facility, None, None, None, None)
    rest = [seat.rest for seat in column]
    greatest = _covariation(sorted(own), sorted(rest))
    upper, lower = (_mean_share(own, group, top) for group in _extremes([seat.total for seat in column]))
    return ItemAnalysis(
        count=n,
        facility=facility,
        sd=_root(Fraction(_variation(own), n * (n - 1))) / unit,
        discrimination_index=correlation(own, rest),
        discriminative_efficiency=float(Fraction(_covariation(own, rest), greatest)) if greatest else None,
        effective_weight=None,
        item_total=correlation(own, [seat.total for seat in column]),
        upper_facility=_float(upper),
        lower_facility=_float(lower),
        upper_lower=float(upper - lower) if upper is not None and lower is not None else None,
    )


def correlation(first: Sequence[int], second: Sequence[int]) -> float | None:
    """Pearson's, −1…1; ``None`` where either does not vary."""
    spread = _variation(first) * _variation(second)
    together = _covariation(first, second)
    return _signed_root(Fraction(together * abs(together), spread)) if spread else None


def _mean_share(marks: Sequence[int], group: set[int], top: Fraction) -> Fraction | None:
    return Fraction(sum(marks[place] for place in group), len(group)) / top if group else None


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _root(value: Fraction) -> float:
    return sqrt(value)


def _signed_root(value: Fraction) -> float:
    return sqrt(value) if value >= 0 else -sqrt(-value)


class _Apart(NamedTuple):
    """What a question brings to the variance of a test that is the same for all, as :func:`_variation` counts it."""

    own: int
    rest: int
    with_total: int


def _apart(column: Sequence[_Seat]) -> _Apart:
    own, rest, total = zip(*column, strict=True) if column else ((), (), ())
    return _Apart(_variation(own), _variation(rest), _covariation(own, total))


def _effective_weights(apart: Sequence[_Apart], candidates: int) -> list[float | None]:
    if candidates < 2:
        return [None] * len(apart)
    roots = [sqrt(one.with_total) if one.with_total >= 0 else None for one in apart]
    whole = sum(root for root in roots if root is not None)
    return [root / whole if root is not None and whole else None for root in roots]


def _test(totals: Sequence[int], apart: Sequence[_Apart], unit: int) -> ScoreAnalysis:
    """``apart``: empty where not all had the same questions."""
    n = len(totals)
    if not n:
        return ScoreAnalysis(0, None, None, None, None, None, None, None, None)
    mean = Fraction(sum(totals), n)
    ordered = sorted(totals)
    median = Fraction(ordered[(n - 1) // 2] + ordered[n // 2], 2)
    sd = _root(Fraction(_variation(totals), n * (n - 1))) / unit if n > 1 else None
    alpha = _alpha(totals, apart)
    error_ratio = sqrt(1 - alpha) if alpha is not None else None
    return ScoreAnalysis(
        count=n,
        mean=float(mean / unit),
        median=float(median / unit),
        sd=sd,
        skewness=_skewness(totals, mean),
        kurtosis=_kurtosis(totals, mean),
        alpha=float(alpha) if alpha is not None else None,
        error_ratio=error_ratio,
        standard_error=error_ratio * sd if error_ratio is not None and sd is not None else None,
    )


def _alpha(totals: Sequence[int], apart: Sequence[_Apart]) -> Fraction | None:
    whole = _variation(totals)
    if len(apart) < 2 or not whole:
        return None
    return _alpha_from(len(apart), sum(one.own for one in apart), whole)


def _alpha_from(questions: int, single: int, whole: int) -> Fraction:
    return Fraction(questions, questions - 1) * (1 - Fraction(single, whole))


def _alphas_without(apart: Sequence[_Apart]) -> list[float | None]:
    left, own = len(apart) - 1, sum(one.own for one in apart)
    return [float(_alpha_from(left, own - one.own, one.rest)) if left > 1 and one.rest else None for one in apart]


def _moment(totals: Sequence[int], mean: Fraction, power: int) -> Fraction:
    """Central moment; over the common denominator of the mean, so that only whole numbers are multiplied."""
    base = mean.denominator
    deviations = (total * base - mean.numerator for total in totals)
    return Fraction(sum(deviation**power for deviation in deviations), len(totals) * base**power)


def _skewness(totals: Sequence[int], mean: Fraction) -> float | None:
    s = len(totals)
    m2 = _moment(totals, mean, 2)
    if s < 3 or not m2:
        return None
    k2 = Fraction(s, s - 1) * m2
    k3 = Fraction(s * s, (s - 1) * (s - 2)) * _moment(totals, mean, 3)
    return _signed_root(k3 * abs(k3) / k2**3)


def _kurtosis(totals: Sequence[int], mean: Fraction) -> float | None:
    s = len(totals)
    m2 = _moment(totals, mean, 2)
    if s < 4 or not m2:
        return None
    k2 = Fraction(s, s - 1) * m2
    m4 = _moment(totals, mean, 4)
    k4 = Fraction(s * s, (s - 1) * (s - 2) * (s - 3)) * ((s + 1) * m4 - 3 * (s - 1) * m2**2)
    return float(k4 / k2**2)
