import statistics as plain_statistics
from decimal import Decimal
from fractions import Fraction
from math import isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from question_bank.flags import Concern, flags
from question_bank.statistics import analyse, analyse_revisions, extreme_groups

#: Four candidates on a perfect scale of three questions (Guttman).
LADDER = [[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]]


def totals_only(*totals):
    """A test of one question, whose sums are these."""
    return analyse([[total] for total in totals], [100]).test


def test_the_ladder_by_hand():
    test = analyse(LADDER, [1, 1, 1]).test
    assert (test.count, test.mean, test.median) == (4, 1.5, 1.5)
    assert isclose(test.sd, sqrt(5 / 3))
    assert isclose(test.alpha, 0.75)  # 3/2 · (1 − (1/4 + 1/3 + 1/4) ÷ 5/3)
    assert isclose(test.error_ratio, 0.5)
    assert isclose(test.standard_error, 0.5 * sqrt(5 / 3))
    assert test.skewness == 0


def test_the_questions_of_the_ladder_by_hand():
    first, middle, last = analyse(LADDER, [1, 1, 1]).items
    assert [item.facility for item in (first, middle, last)] == [0.75, 0.5, 0.25]
    assert isclose(first.sd, 0.5) and isclose(middle.sd, sqrt(1 / 3))
    # rest of the first: 2 1 0 0, mark 1 1 1 0: covariance 3/4 ÷ 3, variances 11/4 ÷ 3 and 3/4 ÷ 3
    assert isclose(first.discrimination_index, 0.75 / sqrt(2.75 * 0.75))
    assert first.discriminative_efficiency == 1
    # covariances with the sum ÷ 1/3: 3/2, 2, 3/2
    whole = 2 * sqrt(1.5) + sqrt(2)
    assert isclose(middle.effective_weight, sqrt(2) / whole)
    assert isclose(first.effective_weight, sqrt(1.5) / whole)


def test_skewness_and_kurtosis_as_in_the_example_of_a_spreadsheets_handbook():
    # Microsoft's documentation of SKEW and KURT: 3 4 5 2 3 4 5 6 4 7 give 0.359543071 and -0.151799637
    test = totals_only(3, 4, 5, 2, 3, 4, 5, 6, 4, 7)
    assert isclose(test.skewness, 0.359543071, abs_tol=1e-9)
    assert isclose(test.kurtosis, -0.151799637, abs_tol=1e-9)


def test_what_is_not_defined_is_none():
    nothing = analyse([], [1, 2])
    assert nothing.test.count == 0 and nothing.test.mean is None and nothing.items[1].facility is None
    one = analyse([[1, 2]], [1, 2])
    assert one.test.mean == 3 and one.test.sd is None and one.test.alpha is None and one.test.standard_error is None
    assert one.items[0].facility == 1 and one.items[0].sd is None and one.items[0].effective_weight is None
    same = analyse([[1, 0]] * 5, [1, 1])
    assert same.test.sd == 0 and same.test.alpha is None and same.test.skewness is None and same.test.kurtosis is None
    assert same.items[0].sd == 0 and same.items[0].discrimination_index is None
    assert same.items[0].discriminative_efficiency is None and same.items[0].effective_weight is None
    single = totals_only(1, 2, 3)
    assert single.alpha is None and single.kurtosis is None and single.skewness == 0


def test_no_variance_is_none_however_the_decimals_fall():
    thirds = analyse([[Decimal("0.1"), 0.1], [0.1, Decimal("0.1")]] * 3, [1, 1])
    assert thirds.items[0].sd == 0 and thirds.items[0].discrimination_index is None and thirds.test.alpha is None


def test_a_question_that_counts_against_the_good_has_no_weight():
    rows = [[1, 0, 3], [1, 1, 2], [0, 5, 0], [0, 4, 1]]
    items = analyse(rows, [1, 5, 3]).items
    assert items[0].discrimination_index < 0
    assert items[0].effective_weight is None
    assert isclose(sum(item.effective_weight or 0 for item in items), 1)
    assert Concern.NEGATIVE in {flag.concern for flag in flags(items[0])}


def test_candidates_with_different_papers():
    rows = [[1, None, 1], [0, 1, None], [1, 1, 1], [None, 0, 0]]
    analysis = analyse(rows, [1, 1, 1])
    assert [item.count for item in analysis.items] == [3, 3, 3]
    assert isclose(analysis.items[0].facility, 2 / 3)
    assert analysis.test.mean == 1.5
    assert analysis.test.alpha is None and analysis.items[0].effective_weight is None
    assert analysis.items[1].discrimination_index is not None


@pytest.mark.parametrize(
    ("rows", "maxima"), [([[1]], [1, 1]), ([[1]], [0]), ([[float("nan")]], [1]), ([[Decimal("Infinity")]], [1])]
)
def test_a_table_that_is_none_is_refused(rows, maxima):
    with pytest.raises(ValueError, match=r"row|maximum|finite"):
        analyse(rows, maxima)


MARKS = st.integers(0, 8).map(lambda quarter: Decimal(quarter) / 4)


@given(
    st.integers(2, 5).flatmap(
        lambda width: st.lists(st.lists(MARKS, min_size=width, max_size=width), min_size=2, max_size=12)
    )
)
def test_against_the_standard_library(rows):
    width = len(rows[0])
    analysis = analyse(rows, [2] * width)
    sums = [float(sum(row)) for row in rows]
    assert isclose(analysis.test.mean, plain_statistics.mean(sums))
    assert isclose(analysis.test.median, plain_statistics.median(sums))
    assert isclose(analysis.test.sd, plain_statistics.stdev(sums), abs_tol=1e-9)
    for p, item in enumerate(analysis.items):
        own = [row[p] for row in rows]
        rest = [sum(row) - row[p] for row in rows]
        assert isclose(item.facility, float(sum(own)) / len(rows) / 2)
        if len(set(own)) > 1 and len(set(rest)) > 1:
            expected = plain_statistics.correlation([float(x) for x in own], [float(x) for x in rest])
            assert isclose(item.discrimination_index, expected, abs_tol=1e-9)
            assert -1 - 1e-9 <= item.discrimination_index <= 1 + 1e-9
            assert item.discriminative_efficiency is None or item.discriminative_efficiency <= 1
        else:
            assert item.discrimination_index is None
    if len(set(sums)) > 1:
        single = sum(plain_statistics.variance([Fraction(row[p]) for row in rows]) for p in range(width))
        whole = plain_statistics.variance([Fraction(sum(row)) for row in rows])
        assert isclose(analysis.test.alpha, width / (width - 1) * (1 - float(single / whole)), abs_tol=1e-9)
        assert analysis.test.alpha <= 1


def test_the_best_and_the_last_27_per_cent():
    scores = list(range(100))
    upper, lower = extreme_groups(scores)
    assert upper == set(range(73, 100)) and lower == set(range(27))
    assert extreme_groups(scores, share=0.1) == (set(range(90, 100)), set(range(10)))
    assert extreme_groups([7, 3]) == ({0}, {1})
    assert extreme_groups([]) == extreme_groups([5]) == extreme_groups([5] * 9) == (set(), set())


def test_equal_scores_are_in_a_group_together_or_not_at_all():
    scores = [9, 8, 8, 8, 5, 4, 4, 2, 2, 1]  # 27 % of ten are three; the fourth has as much as the third
    upper, lower = extreme_groups(scores)
    assert upper == {0, 1, 2, 3} and lower == {7, 8, 9}
    assert extreme_groups([1, 1, 1, 0]) == ({0, 1, 2}, {3})


def test_the_questions_of_the_ladder_in_the_extreme_groups():
    # four candidates: one in each group, who scored 3 and 0
    for item in analyse(LADDER, [1, 1, 1]).items:
        assert (item.upper_facility, item.lower_facility, item.upper_lower) == (1, 0, 1)
    half = analyse([[2, 1], [1, 1], [1, 0], [0, 0]], [2, 1]).items[0]
    assert (half.upper_facility, half.lower_facility, half.upper_lower) == (1, 0, 1)
    same = analyse([[1, 0]] * 5, [1, 1]).items[0]
    assert same.upper_facility is same.lower_facility is same.upper_lower is same.alpha_without is None


def test_alpha_without_a_question_is_the_alpha_of_the_others():
    rows = [[1, 0, 3, 1], [1, 1, 2, 0], [0, 1, 0, 1], [0, 1, 1, 0], [1, 1, 3, 1]]
    maxima = [1, 1, 3, 1]
    for place, item in enumerate(analyse(rows, maxima).items):
        others = analyse([row[:place] + row[place + 1 :] for row in rows], maxima[:place] + maxima[place + 1 :])
        assert isclose(item.alpha_without, others.test.alpha)
    assert analyse([[1, 0], [0, 1], [1, 1]], [1, 1]).items[0].alpha_without is None  # one question is left


def test_revisions_over_papers_that_differ():
    """A question counts 1 point on one paper and 2 on the next; each paper is judged in shares of its own points."""
    papers = [
        {"a": (1, 1), "b": (3, 4)},
        {"a": (2, 2), "c": (8, 8)},
        {"a": (0, 1), "b": (1, 4)},
        {"b": (4, 4), "c": (2, 8)},
    ]
    found = analyse_revisions(papers)
    a = found["a"]
    assert (a.count, a.facility) == (3, 2 / 3)
    rest = [3 / 4, 8 / 8, 1 / 4]
    assert isclose(a.discrimination_index, plain_statistics.correlation([1, 1, 0], rest))
    assert isclose(a.item_total, plain_statistics.correlation([1, 1, 0], [4 / 5, 10 / 10, 1 / 5]))
    assert isclose(a.sd, plain_statistics.stdev([1, 1, 0]))
    assert found["c"].count == 2 and found["c"].effective_weight is None and found["c"].alpha_without is None
    alone = analyse_revisions([{"a": (1, 2)}, {"a": (2, 2)}])["a"]  # nothing is left beside it
    assert alone.facility == 0.75 and alone.discrimination_index is None
    assert analyse_revisions([]) == {}
    with pytest.raises(ValueError, match="maximum"):
        analyse_revisions([{"a": (1, 0)}])
