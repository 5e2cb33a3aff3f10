import statistics as plain_statistics
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from question_samples import ITEMS

from question_bank.items import Item, questions_of
from question_bank.option_analysis import WrittenAnswer, option_analysis, written_answers
from question_bank.statistics import analyse

SINGLE = Item.from_dict(
    {
        "id": "q1",
        "kind": "single",
        "text": "?",
        "options": [{"text": "甲", "correct": True}, {"text": "乙"}, {"text": "丙"}, {"text": "丁"}],
    }
)
KEY, FIRST, SECOND, THIRD = (option.id for option in SINGLE.options)

#: Eleven candidates: 27 % are three. The sums, and what each chose.
SCORES = [30, 28, 27, 25, 24, 22, 20, 18, 12, 11, 9]
ANSWERS = [KEY, KEY, FIRST, KEY, KEY, SECOND, KEY, None, SECOND, SECOND, FIRST]


def by_id(options):
    return {choice.id: choice for choice in options.choices}


def test_choices_counted_by_hand():
    found = option_analysis(SINGLE, ANSWERS, SCORES)
    assert (found.count, found.upper, found.lower) == (11, 3, 3)
    assert [choice.id for choice in found.choices] == [KEY, FIRST, SECOND, THIRD]
    assert [choice.key for choice in found.choices] == [True, False, False, False]
    assert [(choice.count, choice.upper, choice.lower) for choice in found.choices] == [
        (5, 2, 0),
        (2, 1, 1),
        (3, 0, 2),
        (0, 0, 0),
    ]
    key, first, second, third = found.choices
    assert key.share == pytest.approx(5 / 11) and key.upper_share == pytest.approx(2 / 3) and key.lower_share == 0
    assert [choice.discrimination for choice in found.choices] == pytest.approx([2 / 3, 0, -2 / 3, 0])
    assert key.mean_score == pytest.approx((30 + 28 + 25 + 24 + 20) / 5)
    assert third.mean_score is None and third.correlation is None and third.share == 0
    assert key.correlation > 0 > second.correlation
    # point-biserial: (mean of those who chose it − mean) ÷ SD (by n) × √(p ÷ q); the two reached 27 and 9
    mean, deviation = plain_statistics.mean(SCORES), plain_statistics.pstdev(SCORES)
    assert first.correlation == pytest.approx((18 - mean) / deviation * (2 / 9) ** 0.5)
    assert (found.omitted.count, found.omitted.share, found.omitted.id) == (1, 1 / 11, "")


def test_choices_of_a_multiple_question_count_every_tick():
    item = ITEMS["m1"]
    found = option_analysis(item, [["a", "b"], ["a"], None, []], [9, 7, 5, 2])
    assert {choice.id: choice.count for choice in found.choices} == {"a": 2, "b": 1, "c": 0, "d": 0}
    assert found.omitted.count == 2 and found.omitted.lower == 1 and found.omitted.upper == 0


def test_choices_of_a_true_or_false_question():
    item = Item.from_dict({"id": "t", "kind": "truefalse", "text": "?", "answer": False})
    found = option_analysis(item, [False, False, True, None], [4, 3, 2, 1])
    assert [(choice.id, choice.key, choice.count) for choice in found.choices] == [
        ("true", False, 1),
        ("false", True, 2),
    ]
    assert found.omitted.count == 1


def test_choices_of_a_part_of_a_case():
    part = next(part for part in questions_of(ITEMS["c1"]).values() if part.options)
    chosen = part.options[0].id
    answer = chosen if part.kind == "single" else [chosen]
    assert option_analysis(part, [answer, None], [1, 0]).choices[0].count == 1


def test_what_is_not_defined_is_none():
    nobody = option_analysis(SINGLE, [], [])
    assert (nobody.count, nobody.upper, nobody.lower) == (0, 0, 0)
    assert nobody.choices[0].share is nobody.choices[0].discrimination is nobody.choices[0].mean_score is None
    alike = option_analysis(SINGLE, [KEY, FIRST, KEY], [5, 5, 5])
    assert (alike.upper, alike.lower) == (0, 0)
    assert alike.choices[0].upper_share is alike.choices[0].discrimination is alike.choices[0].correlation is None
    assert alike.choices[0].mean_score == 5


@pytest.mark.parametrize(
    ("answers", "scores", "marks"), [([KEY], [1, 2], None), ([KEY, KEY], [1, 2], [1]), ([None], [], None)]
)
def test_lists_of_different_lengths_are_refused(answers, scores, marks):
    with pytest.raises(ValueError, match="every candidate"):
        option_analysis(SINGLE, answers, scores, marks)


def test_a_kind_without_options_is_refused():
    with pytest.raises(ValueError, match="options"):
        option_analysis(ITEMS["e1"], ["text"], [1])


@given(
    st.lists(
        st.tuples(st.sampled_from([KEY, FIRST, SECOND, THIRD, None]), st.integers(0, 40).map(lambda x: Decimal(x) / 4)),
        min_size=2,
        max_size=40,
    )
)
def test_the_key_says_what_the_question_says(candidates):
    """Choosing the key is getting the mark: discrimination and groups are those of the question itself."""
    answers = [answer for answer, _ in candidates]
    marks = [int(answer == KEY) for answer in answers]
    rows = [[mark, rest] for mark, (_, rest) in zip(marks, candidates, strict=True)]
    item = analyse(rows, [1, 10]).items[0]
    found = option_analysis(SINGLE, answers, [mark + rest for mark, rest in rows], marks)
    key = by_id(found)[KEY]
    assert key.share == pytest.approx(item.facility)
    assert (key.correlation is None) == (item.discrimination_index is None)
    if key.correlation is not None:
        assert key.correlation == pytest.approx(item.discrimination_index, abs=1e-12)
    assert (key.discrimination is None) == (item.upper_lower is None)
    if key.discrimination is not None:
        assert key.discrimination == pytest.approx(item.upper_lower, abs=1e-12)
        everyone = [*found.choices, found.omitted]
        assert sum(choice.upper for choice in everyone) == found.upper
        assert sum(choice.lower for choice in everyone) == found.lower
    assert sum(choice.count for choice in found.choices) + found.omitted.count == len(candidates)


def test_what_was_written_in_each_gap():
    item = Item.from_dict(
        {"id": "b", "kind": "blank", "text": "[[1]] 与 [[2]]", "blanks": [["三分之二", "2/3"], ["AND"]]}
    )
    answers = [["2/3", "and"], ["２/３ ", "or"], ["三分之二", "OR"], ["2/3。", ""], ["过半数"], None]
    first, second = written_answers(item, answers)
    assert first == (
        WrittenAnswer("2/3", 3, 0.5, True),
        WrittenAnswer("三分之二", 1, 1 / 6, True),
        WrittenAnswer("过半数", 1, 1 / 6, False),
    )
    assert [(written.text, written.count, written.accepted) for written in second] == [
        ("or", 2, False),
        ("and", 1, True),
    ]
    assert written_answers(item, []) == ((), ())
    with pytest.raises(ValueError, match="gaps"):
        written_answers(SINGLE, [KEY])
