"""The statistics against figures that others have published, to the last digit they print."""

from dataclasses import asdict

import published_tests as published
import pytest

from question_bank.statistics import analyse, analyse_revisions


def column(analysis, field):
    return [getattr(item, field) for item in analysis.items]


def lsat(frequencies):
    rows = [pattern for pattern, times in zip(published.PATTERNS, frequencies, strict=True) for _ in range(times)]
    assert len(rows) == 1000
    return analyse(rows, [1] * 5)


@pytest.mark.parametrize(
    ("field", "unit", "figures"),
    [
        ("facility", 100, published.MOODLE_FACILITY),
        ("sd", 1000, published.MOODLE_SD),
        ("effective_weight", 100, published.MOODLE_WEIGHT),
        ("discrimination_index", 100, published.MOODLE_DISCRIMINATION),
        ("discriminative_efficiency", 100, published.MOODLE_EFFICIENCY),
    ],
)
def test_questions_as_in_the_spreadsheet_of_moodle(field, unit, figures):
    analysis = analyse(published.MOODLE_MARKS, published.MOODLE_MAXIMA)
    assert [value * unit for value in column(analysis, field)] == pytest.approx(figures, abs=1e-6)


def test_questions_that_nobody_could_answer_change_nothing_and_have_no_discrimination():
    """The source has four questions of 0 marks beside these: weight 0, discrimination undefined."""
    rows = [[0, 0, 0, 0, *row] for row in published.MOODLE_MARKS]
    dead, *_, last = analyse(rows, [1] * 4 + published.MOODLE_MAXIMA).items
    assert (dead.facility, dead.sd, dead.effective_weight) == (0, 0, 0)
    assert dead.discrimination_index is dead.discriminative_efficiency is dead.item_total is None
    assert last.discrimination_index * 100 == pytest.approx(published.MOODLE_DISCRIMINATION[-1], abs=1e-6)


def test_a_whole_quiz_as_in_the_other_spreadsheet_of_moodle():
    analysis = analyse(published.QUIZ_MARKS, [1] * 7)
    test = asdict(analysis.test)
    assert {name: test[name] for name in published.QUIZ} == pytest.approx(published.QUIZ, rel=1.5e-5)
    for field, figures in published.QUIZ_ITEMS.items():
        assert column(analysis, field) == pytest.approx(figures, rel=1e-5), field


def test_section_vi_of_the_law_school_admission_test():
    analysis = lsat(published.LSAT6_FREQUENCIES)
    assert analysis.test.alpha == pytest.approx(published.LSAT6_ALPHA, abs=5e-5)
    for field, figures in published.LSAT6.items():
        assert column(analysis, field) == pytest.approx(figures, abs=5.1e-5), field


def test_section_vii_of_the_law_school_admission_test():
    analysis = lsat(published.LSAT7_FREQUENCIES)
    test = asdict(analysis.test)
    assert {name: test[name] for name in published.LSAT7_TEST} == pytest.approx(published.LSAT7_TEST, abs=5.1e-4)
    for field, figures in published.LSAT7.items():
        assert column(analysis, field) == pytest.approx(figures, abs=5.1e-4), field


def test_the_example_of_a_textbook_computed_by_spss():
    analysis = analyse(published.DENIS_MARKS, [20] * 5)
    assert analysis.test.alpha == pytest.approx(published.DENIS_ALPHA, abs=5e-4)
    assert [facility * 20 for facility in column(analysis, "facility")] == pytest.approx(published.DENIS_MEANS)
    assert column(analysis, "sd") == pytest.approx(published.DENIS_SD, abs=5e-6)
    assert analysis.items[0].discrimination_index == pytest.approx(published.DENIS_FIRST_DISCRIMINATION, abs=5e-4)


def test_a_questionnaire_analysed_by_the_package_psych():
    analysis = analyse(published.ATTITUDE_MARKS, [100] * 7)
    assert analysis.test.alpha == pytest.approx(published.ATTITUDE_ALPHA, abs=5e-4)
    assert column(analysis, "discrimination_index") == pytest.approx(published.ATTITUDE_DISCRIMINATION, abs=5.1e-3)
    assert column(analysis, "alpha_without") == pytest.approx(published.ATTITUDE_ALPHA_WITHOUT, abs=5.1e-4)


def test_papers_that_are_all_the_same_give_what_the_table_gives():
    papers = [
        {place: (mark, top) for place, (mark, top) in enumerate(zip(row, published.MOODLE_MAXIMA, strict=True))}
        for row in published.MOODLE_MARKS
    ]
    by_table = analyse(published.MOODLE_MARKS, published.MOODLE_MAXIMA).items
    for place, item in analyse_revisions(papers).items():
        same = by_table[place]
        assert item.count == same.count and item.effective_weight is item.alpha_without is None
        for field in ("facility", "discrimination_index", "discriminative_efficiency", "item_total", "upper_lower"):
            assert getattr(item, field) == pytest.approx(getattr(same, field), abs=1e-12), field
        assert item.sd * published.MOODLE_MAXIMA[place] == pytest.approx(same.sd)
