import json
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from question_samples import ITEMS, RAW, SECRET

from question_bank.assembly import draw_order
from question_bank.items import (
    WHOLE,
    BadItem,
    Blank,
    Item,
    Kind,
    choices_of,
    given_ids,
    new_item_id,
    normalised_stem,
    normalised_text,
    plain,
    public_view,
)


def changed(item_id, **fields):
    raw = next(raw for raw in RAW if raw["id"] == item_id)
    return {key: value for key, value in {**raw, **fields}.items() if value is not ...}


@pytest.mark.parametrize("item", ITEMS.values(), ids=list(ITEMS))
def test_the_json_form_loses_nothing(item):
    assert Item.from_dict(json.loads(json.dumps(item.to_dict()))) == item


def test_a_case_of_one_point_in_all_is_not_taken_for_a_case_without_points():
    case = replace(ITEMS["c1"], points=Decimal(1))
    assert ITEMS["c1"].points == 10
    assert Item.from_dict(case.to_dict()) == case


TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), min_size=1, max_size=40
)


@given(st.lists(TEXTS.filter(str.strip), min_size=2, max_size=26, unique_by=str.strip), st.data())
def test_any_texts_survive_the_json_form(texts, data):
    correct = data.draw(st.integers(0, len(texts) - 1))
    options = [{"text": text, "correct": n == correct} for n, text in enumerate(texts)]
    item = Item.from_dict({"id": "q", "kind": "single", "text": texts[0], "options": options})
    assert [option.text for option in item.options] == texts
    assert len({option.id for option in item.options}) == len(texts)
    assert Item.from_dict(json.loads(json.dumps(item.to_dict()))) == item


@pytest.mark.parametrize(
    ("raw", "field", "reason"),
    [
        (changed("s1", id="a b"), "id", "bad_id"),
        (changed("s1", id=...), "id", "required"),
        (changed("s1", kind="choice"), "kind", "unknown_kind"),
        (changed("s1", kind=...), "kind", "required"),
        (changed("s1", level=4), "level", "out_of_range"),
        (changed("s1", level=True), "level", "not_integer"),
        (changed("s1", module="政策"), "module", "bad_code"),
        (changed("s1", difficulty="tough"), "difficulty", "unknown_difficulty"),
        (changed("s1", text="  "), "text", "required"),
        (changed("s1", text=3.10), "text", "not_text"),
        (changed("s1", text="a\x00b"), "text", "control_character"),
        (changed("s1", text="长" * 20_001), "text", "too_long"),
        (changed("s1", hint="x"), "hint", "unknown_key"),
        (changed("s1", answer=True), "answer", "not_for_kind"),
        (changed("s1", points=0), "points", "not_positive"),
        (changed("s1", points="NaN"), "points", "not_number"),
        (changed("s1", points="1e9"), "points", "out_of_range"),
        (changed("s1", options=[{"text": "a", "correct": True}]), "options", "too_few"),
        (changed("s1", options=[{"text": "a"}, {"text": "b"}]), "options", "one_correct"),
        (
            changed("s1", options=[{"text": "a", "correct": True}, {"text": "b", "correct": True}]),
            "options",
            "one_correct",
        ),
        (changed("s1", options=[{"text": "a", "correct": True}, {"text": "a"}]), "options[1]", "duplicate"),
        (changed("s1", options=[{"text": "a", "correct": "yes"}, {"text": "b"}]), "options[0].correct", "not_boolean"),
        (changed("s1", options="ab"), "options", "not_list"),
        (changed("s1", enemies=["s1"]), "enemies[0]", "own_enemy"),
        (changed("m1", options=[{"text": "a"}, {"text": "b"}]), "options", "no_correct"),
        (changed("t1", answer="对"), "answer", "not_boolean"),
        (changed("t1", answer=...), "answer", "not_boolean"),
        (changed("b1", text="只有 [[1]]"), "text", "blank_marks"),
        (changed("b1", text="[[1]] [[1]]"), "text", "blank_marks"),
        (changed("b1", blanks=[["a"], []]), "blanks[1]", "too_few"),
        (changed("b1", blanks=[["a"], ["\u3000。"]]), "blanks[1][0]", "empty_after_normalising"),
        (changed("n1", value=...), "value", "required"),
        (changed("n1", value="abc"), "value", "not_number"),
        (changed("n1", tolerance="-1"), "tolerance", "negative"),
        (changed("x1", pairs=[{"left": "a", "right": "b"}]), "pairs", "too_few"),
        (changed("x1", distractors=["十年"]), "distractors[3]", "duplicate"),
        (changed("o1", sequence=["a", "a"]), "sequence[0]", "duplicate"),
        (changed("c1", parts=[]), "parts", "too_few"),
        (changed("c1", parts=[{"kind": "case", "text": "x", "points": 1}]), "parts[0].kind", "part_kind"),
        (changed("c1", parts=[{"kind": "essay", "text": "x"}]), "parts[0].points", "required"),
        (changed("e1", rubric=[{"point": "x", "points": 0}]), "rubric[0].points", "not_positive"),
        ([], "", "not_mapping"),
    ],
)
def test_what_cannot_stand_is_refused_by_field_and_reason(raw, field, reason):
    with pytest.raises(BadItem) as refused:
        Item.from_dict(raw)
    # A text that occurs twice gets one id, so that ids may be named first: the place may be either of the two.
    assert (refused.value.field, refused.value.reason) == (field, reason) or (
        reason == "duplicate" and refused.value.reason == reason
    )
    assert refused.value.text("zh") != refused.value.text("en")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = sorted({key for raw in RAW for key in raw})


@given(st.sampled_from(RAW), st.dictionaries(st.sampled_from(KEYS), JSON, max_size=3))
def test_anything_at_all_is_an_item_or_refused_by_name(raw, noise):
    try:
        item = Item.from_dict({**raw, **noise})
    except BadItem as bad:
        assert bad.text("en")
    else:
        assert Item.from_dict(json.loads(json.dumps(item.to_dict()))) == item


def test_ids_do_not_follow_the_authors_order():
    texts = [f"步骤{n}" for n in range(8)]
    orders = [given_ids(f"q{n}", texts) for n in range(50)]
    in_order = sum(ids == sorted(ids) for ids in orders)
    assert in_order == 0
    assert {ids[0] for ids in orders} == set("abcdefgh")


def test_given_ids_keep_clear_of_written_ones():
    options = [{"text": "x", "id": "b", "correct": True}, {"text": "y"}, {"text": "z"}]
    item = Item.from_dict({"id": "q", "kind": "single", "text": "?", "options": options})
    assert item.options[0].id == "b"
    assert len({option.id for option in item.options}) == 3


def test_an_id_of_its_own_text():
    assert new_item_id("single", "题 目。", "Ａ") == new_item_id("single", "题目", "a")
    assert len({new_item_id("single", "题目", "甲"), new_item_id("single", "题目"), new_item_id("essay", "题目")}) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [("ＰＣＴ 申请", "pct申请"), ("（一）", "(一)"), ("10％", "10 %"), ("甲，乙。", "甲,乙"), ("A\u200bB", "ab")],
)
def test_width_case_space_and_punctuation_do_not_count(one, other):
    assert plain(one) == plain(other)


def test_duplicates_are_seen_through_layout():
    twin = replace(ITEMS["s1"], id="s2", text="科技成果转化奖励的下限 是净收入的多少?")
    assert normalised_text(twin) == normalised_text(ITEMS["s1"])
    assert normalised_text(replace(twin, options=twin.options[::-1])) == normalised_text(ITEMS["s1"])
    assert normalised_text(ITEMS["m1"]) != normalised_text(ITEMS["s1"])


def test_two_questions_that_begin_alike_are_not_the_same():
    other = Item.from_dict(changed("s1", id="s2", options=[{"text": "甲", "correct": True}, {"text": "乙"}]))
    assert normalised_stem(other) == normalised_stem(ITEMS["s1"])
    assert normalised_text(other) != normalised_text(ITEMS["s1"])


# --- what a candidate may see


def texts_in(value):
    if isinstance(value, dict):
        return [*value, *(text for inner in value.values() for text in texts_in(inner))]
    if isinstance(value, list):
        return [text for inner in value for text in texts_in(inner)]
    return [value]


@pytest.mark.parametrize("item", ITEMS.values(), ids=list(ITEMS))
def test_the_public_view_holds_nothing_of_the_key(item):
    view = json.loads(json.dumps(public_view(item, draw_order(item, Random(1)))))
    told = texts_in(view)
    assert SECRET not in json.dumps(view, ensure_ascii=False)
    secret_words = {
        "correct",
        "answer",
        "accepted",
        "value",
        "tolerance",
        "explanation",
        "feedback",
        "rubric",
        "reference",
    }
    assert not secret_words & set(map(str, told))
    assert not {"source", "difficulty", "enemies", "point"} & set(map(str, told))
    assert not any(isinstance(word, bool) for word in told)
    if item.kind is Kind.NUMERIC:
        assert "12.5" not in told and "0.1" not in told


def hidden_twins():
    """Pairs of questions that differ in nothing but the key."""
    single = changed("s1", options=[{"text": "20%", "correct": True, "id": "a"}, {"text": "50%", "id": "b"}])
    other = changed("s1", options=[{"text": "20%", "id": "a"}, {"text": "50%", "correct": True, "id": "b"}])
    yield single, other
    yield changed("t1", answer=True), changed("t1", answer=False)
    yield changed("n1"), changed("n1", value="7", tolerance="0")
    yield changed("b1"), changed("b1", blanks=[["x"], ["y", "z"]])
    yield changed("o1"), changed("o1", sequence=["许可", "申请专利", "评估", "发明披露"])
    lefts, rights = ["发明", "实用新型", "外观设计"], ["二十年", "十年", "十五年"]
    turned = [{"left": left, "right": right} for left, right in zip(lefts, rights[1:] + rights[:1], strict=True)]
    yield changed("x1"), changed("x1", pairs=turned)
    wrong_right = [{"left": "发明", "right": "五十年"}, *changed("x1")["pairs"][1:]]
    yield changed("x1"), changed("x1", pairs=wrong_right, distractors=["二十年"])


@pytest.mark.parametrize(("one", "other"), list(hidden_twins()))
def test_questions_that_differ_in_the_key_alone_look_the_same(one, other):
    assert public_view(Item.from_dict(one)) == public_view(Item.from_dict(other))


def test_the_public_view_follows_the_order_of_the_paper():
    item = ITEMS["m1"]
    order = {WHOLE: sorted(choices_of(item), reverse=True)}
    assert [option["id"] for option in public_view(item, order)["options"]] == order[WHOLE]
    with pytest.raises(ValueError, match="every choice once"):
        public_view(item, {WHOLE: ["a", "a", "b", "c"]})


def test_parts_of_a_case_are_shown_with_their_points():
    view = public_view(ITEMS["c1"])
    assert [(part["id"], part["points"], part["kind"]) for part in view["parts"]] == [
        ("p1", "4", "single"),
        ("p2", "6", "essay"),
    ]


def test_an_item_cannot_be_made_broken_by_hand_either():
    with pytest.raises(BadItem):
        replace(ITEMS["b1"], blanks=(Blank(("x",)),))
