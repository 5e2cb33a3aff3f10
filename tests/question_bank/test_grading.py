from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from question_samples import ITEMS, option_ids

from question_bank.grading import (
    RULE_TEXTS,
    BadAnswer,
    NeedsMarker,
    Rule,
    clean_answer,
    correct_answer,
    grade,
    grade_parts,
    is_blank,
    points_for,
    read_number,
    rule_text,
)
from question_bank.items import Item, Kind, choices_of

AUTOMATIC = [item for item in ITEMS.values() if item.id not in ("c1", "e1")]
LETTERED = Item.from_dict(
    {
        "id": "abcd",
        "kind": "multiple",
        "text": "?",
        "points": 2,
        "options": [{"id": i, "text": i, "correct": i in "abd"} for i in "abcd"],
    }
)


@pytest.mark.parametrize(
    ("rule", "chosen", "earned"),
    [
        (Rule.ALL_OR_NOTHING, "abd", "2"),
        (Rule.ALL_OR_NOTHING, "ab", "0"),
        (Rule.ALL_OR_NOTHING, "abc", "0"),
        (Rule.ALL_OR_NOTHING, "", "0"),
        (Rule.HALF_IF_INCOMPLETE, "abd", "2"),
        (Rule.HALF_IF_INCOMPLETE, "ab", "1"),
        (Rule.HALF_IF_INCOMPLETE, "abc", "0"),
        (Rule.HALF_IF_INCOMPLETE, "", "0"),
        (Rule.SHARE_IF_INCOMPLETE, "a", "0.67"),
        (Rule.SHARE_IF_INCOMPLETE, "ab", "1.33"),
        (Rule.SHARE_IF_INCOMPLETE, "abcd", "0"),
    ],
)
def test_the_worked_example_of_multiple_choice(rule, chosen, earned):
    assert points_for(grade(LETTERED, list(chosen), rule), LETTERED.points) == Decimal(earned)


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("item", AUTOMATIC, ids=lambda item: item.id)
def test_the_key_earns_everything_and_nothing_earns_nothing(item, rule):
    assert grade(item, correct_answer(item), rule) == 1
    assert grade(item, None, rule) == 0


def test_a_wrong_single_and_a_wrong_judgement_earn_nothing():
    assert grade(ITEMS["s1"], option_ids(ITEMS["s1"], "20%")[0]) == 0
    assert grade(ITEMS["t1"], False) == 0


@given(
    st.sets(st.sampled_from("abcdef"), min_size=1, max_size=5),
    st.sets(st.sampled_from("abcdef")),
    st.sampled_from(Rule),
)
def test_a_wrong_tick_never_gains_and_ticking_all_is_worth_nothing(key, chosen, rule):
    options = [{"id": i, "text": i, "correct": i in key} for i in "abcdef"]
    item = Item.from_dict({"id": "q", "kind": "multiple", "text": "?", "options": options})
    share = grade(item, sorted(chosen), rule)
    assert 0 <= share <= 1
    assert (share == 1) == (chosen == key)
    assert share == 0 or chosen <= key
    assert grade(item, list("abcdef"), rule) == 0
    assert grade(item, sorted(chosen | (set("abcdef") - key)), rule) == 0


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        (["20", "pct申请"], 1),
        (["二十", "ＰＣＴ申请 "], 1),
        (["２０", ""], Decimal("0.5")),
        (["十", "x"], 0),
        (["二 十。"], Decimal("0.5")),
    ],
)
def test_blanks_are_compared_without_width_case_and_spaces(answer, share):
    assert grade(ITEMS["b1"], answer) == share


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ("12.5", 1),
        ("12.4", 1),
        ("12.6", 1),
        ("12.61", 0),
        ("１２．５万元", 1),
        ("12.5 万元", 1),
        ("125,000元", 1),
        ("0.00125亿元", 1),
        ("12.5元", 0),
        ("12.5%", 0),
        ("十二点五", 0),
        ("12,5", 0),
        ("1e400", 0),
        ({"value": "12.5", "unit": "万元"}, 1),
        ({"value": "125000", "unit": "元"}, 1),
        ({"value": "12.5", "unit": "元"}, 0),
        ({"value": "12.5万元", "unit": "元"}, 0),
        ({"value": "12.5", "unit": ""}, 1),
        (12.5, 1),
    ],
)
def test_numbers_with_tolerance_and_unit(answer, share):
    assert grade(ITEMS["n1"], answer) == share


def test_a_number_is_compared_exactly():
    exact = replace(ITEMS["n1"], value=Decimal("0." + "1" * 29), tolerance=Decimal(0), unit="")
    assert grade(exact, "0." + "1" * 29) == 1
    assert grade(exact, "0." + "1" * 28 + "2") == 0


def test_read_number():
    assert read_number("−3.5e2 亩") == (Decimal("-350"), "亩")
    assert read_number("约 3") is None


def test_matching_earns_the_share_of_right_pairs():
    key = correct_answer(ITEMS["x1"])
    assert len(key) == 3
    one_left = dict(list(key.items())[:1])
    assert grade(ITEMS["x1"], one_left) == Decimal(1) / 3
    same_for_all = dict.fromkeys(key, option_ids(ITEMS["x1"], "五十年")[0])
    assert grade(ITEMS["x1"], same_for_all) == 0


def test_ordering_earns_the_share_of_right_neighbours():
    steps = correct_answer(ITEMS["o1"])
    a, b, c, d = steps
    assert grade(ITEMS["o1"], [a, b, d, c]) == Decimal(1) / 3
    assert grade(ITEMS["o1"], [d, c, b, a]) == 0
    assert grade(ITEMS["o1"], [c, d, a, b]) == Decimal(2) / 3
    assert grade(ITEMS["o1"], [a]) == 0


# --- cases and essays


def test_an_essay_waits_for_a_marker_unless_nothing_is_written():
    with pytest.raises(NeedsMarker) as waits:
        grade(ITEMS["e1"], "概念验证……")
    assert waits.value.parts == ("whole",)
    assert grade(ITEMS["e1"], " \n") == 0


def test_a_case_is_marked_as_far_as_it_goes():
    case = ITEMS["c1"]
    right = next(option.id for option in case.parts[0].options if option.correct)
    graded = grade_parts(case, {"p1": right, "p2": "因为……"})
    assert graded.automatic == Decimal("0.4")
    assert graded.awaiting == ("p2",)
    with pytest.raises(NeedsMarker):
        _ = graded.share
    assert graded.with_marks({"p2": Decimal("0.5")}).share == Decimal("0.7")
    with pytest.raises(ValueError, match="wait for a marker"):
        graded.with_marks({"p1": Decimal(1)})
    with pytest.raises(ValueError, match="between 0 and 1"):
        graded.with_marks({"p2": Decimal(2)})


def test_an_open_essay_part_does_not_hold_up_a_case():
    case = ITEMS["c1"]
    right = next(option.id for option in case.parts[0].options if option.correct)
    assert grade(case, {"p1": right}) == Decimal("0.4")
    assert grade(case, {"p1": right, "p2": ""}) == Decimal("0.4")
    assert grade(case, {}) == 0


# --- what a browser sends


@pytest.mark.parametrize(
    ("item_id", "raw", "reason"),
    [
        ("s1", "z", "unknown_option"),
        ("s1", ["a"], "wrong_shape"),
        ("s1", 1, "wrong_shape"),
        ("s1", "a" * 99, "too_long"),
        ("m1", "a", "wrong_shape"),
        ("m1", ["a", "a"], "repeated_option"),
        ("m1", ["z"], "unknown_option"),
        ("m1", [["a"]], "wrong_shape"),
        ("m1", list("abcda"), "too_many"),
        ("t1", "true", "wrong_shape"),
        ("t1", 1, "wrong_shape"),
        ("b1", "x", "wrong_shape"),
        ("b1", ["1", "2", "3"], "too_many"),
        ("b1", ["x" * 201], "too_long"),
        ("b1", [1], "wrong_shape"),
        ("n1", ["1"], "wrong_shape"),
        ("n1", True, "wrong_shape"),
        ("n1", "1" * 65, "too_long"),
        ("n1", 10**50, "too_long"),
        ("n1", {"value": "1", "x": "y"}, "wrong_shape"),
        ("x1", ["a"], "wrong_shape"),
        ("x1", {"z": "a"}, "unknown_option"),
        ("x1", {"a": "z"}, "unknown_option"),
        ("x1", {"a": 1}, "wrong_shape"),
        ("o1", ["a", "b", "a"], "repeated_option"),
        ("c1", {"p9": "a"}, "unknown_option"),
        ("c1", {"p1": "z"}, "unknown_option"),
        ("c1", ["a"], "wrong_shape"),
        ("e1", "x" * 20_001, "too_long"),
        ("e1", 5, "wrong_shape"),
    ],
)
def test_what_cannot_be_an_answer_is_refused_by_name(item_id, raw, reason):
    with pytest.raises(BadAnswer) as refused:
        clean_answer(ITEMS[item_id], raw)
    assert refused.value.reason == reason


def test_ticks_are_kept_in_one_order_and_typed_text_as_it_is():
    assert clean_answer(ITEMS["m1"], ["c", "a"]) == ["a", "c"]
    assert clean_answer(ITEMS["n1"], " 12. ") == "12."
    assert clean_answer(ITEMS["e1"], "一\r\n二\x00") == "一\n二"
    assert clean_answer(ITEMS["b1"], ["x"]) == ["x", ""]
    assert clean_answer(ITEMS["c1"], {"p1": None, "p2": "写"}) == {"p2": "写"}


@pytest.mark.parametrize(
    ("item_id", "raw"),
    [
        ("s1", ""),
        ("m1", []),
        ("b1", ["", " "]),
        ("n1", " "),
        ("n1", {"value": "", "unit": "万元"}),
        ("x1", {"a": None}),
        ("o1", []),
        ("c1", {"p1": "", "p2": "  "}),
        ("e1", "\n"),
    ],
)
def test_blank_is_blank(item_id, raw):
    assert is_blank(ITEMS[item_id], raw)
    assert clean_answer(ITEMS[item_id], raw) is None
    assert grade(ITEMS[item_id], raw) == 0


def test_false_is_an_answer():
    assert not is_blank(ITEMS["t1"], False)


RAW_ANSWERS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([*"abcdef", "p1", "p2", ""])
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "c", "p1", "p2", "value", "unit"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from(list(ITEMS.values())), RAW_ANSWERS)
def test_anything_is_cleaned_once_and_for_all_or_refused(item, raw):
    try:
        answer = clean_answer(item, raw)
    except BadAnswer:
        return
    assert clean_answer(item, answer) == answer
    graded = grade_parts(item, answer)
    assert 0 <= graded.automatic <= 1
    assert is_blank(item, answer) == (answer is None)


# --- rules in words


def test_every_kind_and_rule_has_its_words_in_both_languages():
    told = {rule_text(kind, rule).code for kind in Kind for rule in Rule}
    assert told == set(RULE_TEXTS)
    assert all(text.zh and text.en and text.example_zh and text.example_en for text in RULE_TEXTS.values())
    with pytest.raises(ValueError, match="lenient"):
        rule_text(Kind.SINGLE, "lenient")


def test_the_key_names_only_what_is_shown():
    for item in AUTOMATIC:
        key = correct_answer(item)
        if isinstance(key, list) and item.kind is not Kind.BLANK:
            assert set(key) <= set(choices_of(item))


# --- properties of every rule


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_rule_has_a_name_and_an_example(kind, language):
    for rule in Rule:
        text = rule_text(kind, rule)
        assert text.name(language) and text.name(language) in text.told(language)
        assert text.code in RULE_TEXTS and (text.example_en if language == "en" else text.example_zh)
    names = {rule_text(Kind.MULTIPLE, rule).name(language) for rule in Rule}
    assert len(names) == len(Rule)


@given(st.integers(2, 6), st.data(), st.sampled_from(Rule))
def test_leaving_out_never_gains_and_adding_a_right_tick_never_costs(size, data, rule):
    letters = "abcdef"[:size]
    key = data.draw(st.sets(st.sampled_from(letters), min_size=1))
    options = [{"id": i, "text": i, "correct": i in key} for i in letters]
    item = Item.from_dict({"id": "q", "kind": "multiple", "text": "?", "options": options})
    chosen = data.draw(st.sets(st.sampled_from(letters)))
    share = grade(item, sorted(chosen), rule)
    assert grade(item, [], rule) == grade(item, None, rule) == 0
    if key < set(letters):
        assert grade(item, list(letters), rule) == 0, "ticking all"
    for right in key - chosen:
        assert grade(item, sorted(chosen | {right}), rule) >= share
    for wrong in set(letters) - key - chosen:
        assert grade(item, sorted(chosen | {wrong}), rule) == 0


WIDE = str.maketrans({**{chr(n): chr(n + 0xFEE0) for n in range(33, 127)}, " ": "　"})


@given(
    st.text("abcXYZ019全部 ", min_size=1, max_size=12).filter(str.strip),
    st.booleans(),
    st.booleans(),
    st.integers(0, 3),
)
def test_blanks_do_not_mind_width_case_and_spaces(text, wide, upper, spaces):
    item = Item.from_dict({"id": "q", "kind": "blank", "text": "x [[1]]", "blanks": [[text]]})
    typed = text.upper() if upper else text.lower()
    typed = " " * spaces + " ".join(typed) + "\t" * spaces
    assert grade(item, [typed.translate(WIDE) if wide else typed]) == 1
    assert grade(item, [typed + "z"]) == 0


@given(
    st.decimals(-1000, 1000, places=3), st.decimals(0, 10, places=3), st.decimals(-20, 20, places=3),
    st.sampled_from(["", "万元", "％"]),
)  # fmt: skip
def test_numbers_are_right_within_the_tolerance_and_nowhere_else(value, tolerance, off, unit):
    raw = {"id": "q", "kind": "numeric", "text": "?", "value": str(value), "tolerance": str(tolerance), "unit": unit}
    item = Item.from_dict({k: v for k, v in raw.items() if v})
    wanted = 1 if abs(off) <= tolerance else 0
    typed = f"{value + off:f}"
    assert grade(item, typed) == grade(item, typed + unit) == grade(item, {"value": typed, "unit": unit}) == wanted
    assert grade(item, typed + "公里") == 0
