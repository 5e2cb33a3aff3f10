"""GIFT as its publisher describes it: https://docs.moodle.org/en/GIFT_format and qformat_gift."""

from __future__ import annotations

from pathlib import Path

import pytest
from question_samples import ITEMS

from question_bank.formats import read, write
from question_bank.items import Item

FILES = Path(__file__).parent / "files"


def one(text: str):
    reading = read(text.encode(), "gift")
    assert reading.refusals == [], [refusal.text("en") for refusal in reading.refusals]
    (item,) = reading.items
    return item


def refused(text: str):
    reading = read(text.encode(), "gift")
    assert reading.items == []
    return [(refusal.where, refusal.field, refusal.reason) for refusal in reading.refusals]


def noted(text: str):
    return [(note.field, note.reason) for note in read(text.encode(), "gift").notes]


def options(item):
    return [(option.text, option.correct, option.feedback) for option in item.options]


# --- kinds


def test_single_choice_with_remarks():
    item = one("Q?{\n~wrong #no; really\n=right#yes\n####Because.\n}")
    assert (item.kind, item.text, item.explanation) == ("single", "Q?", "Because.")
    assert options(item) == [("wrong", False, "no; really"), ("right", True, "yes")]


def test_a_missing_word():
    assert one("The sky is {~red =blue} today.").text == "The sky is _____ today."
    assert one("The sky is {=blue =azure} today.").text == "The sky is [[1]] today."
    assert one("Colour of the sky? {=blue}").text == "Colour of the sky? [[1]]"


def test_weights():
    assert noted("Q{~%50%half =all ~%-25%less}") == [("options[0]", "note_partial"), ("options[2]", "note_partial")]
    several = one("Q{~%50%a ~%-100%b ~%50%c ~d}")
    assert several.kind == "multiple" and [o.correct for o in several.options] == [True, False, True, False]
    assert noted("Q{~%50%a ~%-100%b ~%50%c ~d}") == []
    assert noted("Q{~%70%a ~%30%b ~c}") == [("options", "note_weights")]
    assert noted("Q{~%50%a ~%50%b ~%-50%c}") == [("options", "note_weights")]
    assert one("Q{~%100%a ~b}").kind == "multiple"
    assert options(one("Q{=%50% of it ~%0%%5% of it ~%x%y}")) == [
        ("%50% of it", True, ""), ("%5% of it", False, ""), ("%x%y", False, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(("block", "answer"), [("T", True), ("TRUE", True), ("F", False), ("FALSE", False)])
def test_true_or_false(block, answer):
    item = one(f"Q{{{block}}}")
    assert (item.kind, item.answer) == ("truefalse", answer)
    item = one(f"Q{{{block}#wrong#right####why}}")
    assert (item.answer, item.explanation) == (answer, "why")
    assert noted(f"Q{{{block}#wrong#right}}") == [("answer", "note_feedback")] * 2


def test_short_answers():
    item = one("Q {=one =%100%two =%50%half#nearly =%0%none} .")
    assert item.blanks[0].accepted == ("one", "two")
    assert noted("Q {=one =%50%half#nearly}") == [("blanks[0]", "note_feedback"), ("blanks[0]", "note_partial")]
    assert one("Q{plain}").blanks[0].accepted == ("plain",)
    assert one("Q{true}").kind == "blank"  # only T, TRUE, F and FALSE are judgements


def test_asterisks_in_short_answers_are_wildcards():
    assert noted("Q{=a*b =ab}") == [("blanks[0]", "note_wildcard")]
    assert refused("Q{=*}") == [("line 1", "blanks[0]", "no_full_answer")]
    assert one(r"Q{=a\*b}").blanks[0].accepted == ("a*b",)


@pytest.mark.parametrize(
    ("block", "value", "tolerance"),
    [
        ("#3.14:0.05", "3.14", "0.05"),
        ("#1..5", "3", "2"),
        ("#-5..-1", "-3", "2"),
        ("#3.141..3.142", "3.1415", "0.0005"),
        ("#=1822:0 =%50%1822:2", "1822", "0"),
        ("#12", "12", "0"),
        ("#\n\t=1e3:1#good\n\t~#bad\n", "1E+3", "1"),
        (r"#12\:0.5", "12", "0.5"),
    ],
)
def test_numbers(block, value, tolerance):
    item = one(f"Q{{{block}}}")
    assert (str(item.value), str(item.tolerance)) == (value, tolerance)


@pytest.mark.parametrize(
    ("block", "field", "reason"),
    [
        ("#", "value", "no_full_answer"),
        ("#=1 =2", "value", "several_numbers"),
        ("#=%50%1", "value", "no_full_answer"),
        ("#*", "value", "any_answer"),
        ("#twelve", "value", "not_number"),
        ("#1:x", "tolerance", "not_number"),
        ("#1:-2", "tolerance", "negative"),
        ("#1E999999999..2", "value", "out_of_range"),
        ("#1..x", "value", "not_number"),
        ("=a -> b =c", "pairs", "bad_pair"),
        ("=a -> b", "pairs", "too_few"),
        ("~a", "options", "too_few"),
        ("~a ~b", "options", "no_correct"),
        ("=a =b ~c", "options", "one_correct"),
        ("~ =a", "options[0].text", "required"),
        ("=a ~a", "options[1]", "duplicate"),
        (">1 x", "sequence", "too_few"),
    ],
)
def test_answers_that_make_no_question(block, field, reason):
    assert refused(f"Q{{{block}}}") == [("line 1", field, reason)]


def test_matching():
    item = one("Q{\n=a -> 1\n=b->2\n= -> 3\n}")
    assert [(pair.left, pair.right) for pair in item.pairs] == [("a", "1"), ("b", "2")]
    assert [choice.text for choice in item.distractors] == ["3"]


def test_ordering():
    for head in (">4 ALL VERTICAL ABSOLUTE_POSITION SHOW none\n", ">4\n", ">\n", ">0 EXACT H REL\n"):
        item = one(f"Q{{{head}H2O\n1 second\nNO\nlast}}")
        assert [step.text for step in item.sequence] == ["H2O", "1 second", "NO", "last"]
    assert noted("Q{>2 RANDOM V ABS\na\nb\nc}") == [("sequence", "note_text")]


def test_essay_and_description():
    assert one("Q{}").kind == one("Q {####model}").kind == "essay"
    assert refused("::Intro::Read this first.") == [("line 1 · Intro", "", "not_a_question")]


# --- words


def test_escapes():
    item = one(r"a\:b \#1 \{x\} \~y \= z\\ \alpha\nline{=\=\~\#\{\}\:\\n ~b}")
    assert item.text == "a:b #1 {x} ~y = z\\ \\alpha  \nline"
    assert item.options[0].text == r"=~#{}:\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[html]<b>2*3</b> &amp; 4", "**2\\*3** & 4"),
        ("[markdown]**2** & 4", "**2** & 4"),
        ("[plain]<b>2*3*4</b>", "\\<b>2\\*3\\*4\\</b>"),
        ("[moodle]<b>x</b>\ny", "**x**\\\ny"),
        ("[moodle]x < y\nz", "x < y  \nz"),
        ("[unknown]x", "[unknown]x"),
    ],
)
def test_formats(text, shown):
    assert one(f"{text}{{T}}").text == shown


def test_the_answers_have_the_format_of_the_question_unless_they_name_one():
    item = one("[html]Q{=<i>a</i>#<i>f</i> ~[plain]<i>b</i> ~[markdown]*c*#[html]<b>g</b>}")
    assert options(item) == [("*a*", True, "f"), ("<i>b</i>", False, ""), ("*c*", False, "g")]


def test_formulae():
    assert one(r"Area $$\\frac\{a\}\{2\}$$?{=\\(a^2\\) ~$1 and $2}").text == r"Area $\frac{a}{2}$?"
    assert one(r"Q{=\\(a^2\\) ~$1 and $2}").options[0].text == "$a^2$"


def test_braces():
    for text in ("Q{=a", "Q=a}", "Q}=a{", "Q{=a}{=b}", "Q{=a\n\n=b}"):
        assert {reason for _, _, reason in refused(text)} == {"braces"}


def test_comments_are_left_out_wherever_they_stand():
    item = one("// a\n// b {}\nQ{\n// c ~x\n=a\n  // d\n~b\n}")
    assert (item.text, len(item.options)) == ("Q", 2)


# --- where it belongs


def test_ids_and_tags_in_comments():
    item = one(
        "// x [id:L1-001] [tag:level:2] [tag:module:own] [tag:易] [tag:point:甲\\]乙] [tag:points:2.5]\n"
        "// [tags:enemy:x1, source:书] [tag:shuffle:no]\n::name::Q{=a ~b}"
    )
    assert (item.id, item.level, item.module, item.difficulty) == ("L1-001", 2, "own", "easy")
    assert (item.point, str(item.points), item.enemies, item.source) == ("甲]乙", "2.5", ("x1",), "书")
    assert item.shuffle is False


def test_tags_that_are_not_ours_are_noted():
    text = "// [id:a b] [tag:hard] [tag:level:9] [tag:x] [tag:points:no] [tag:unit:kg]\nQ{T}"
    assert noted(text) == [("id", "note_id")] + [("", "note_tag")] * 4
    assert one(text).difficulty == "hard"


def test_categories_hold_for_what_follows():
    text = (
        "Q0{T}\n\n$CATEGORY: $course$/top/初级/政策法规/专利//商标/发明\n\nQ1{T}\n\n// [tag:level:3]\nQ2{T}\n\n"
        "$CATEGORY: skill\nQ3{T}\n"
    )
    reading = read(text.encode(), "gift")
    assert [(i.level, i.module, i.point) for i in reading.items] == [
        (None, None, ""), (1, "policy", "专利/商标 / 发明"), (3, "policy", "专利/商标 / 发明"), (None, "skill", ""),
    ]  # fmt: skip
    assert [note.text("en") for note in reading.notes] == ["settings and formatting not kept (questions): category (1)"]


def test_names_are_counted():
    reading = read(b"::a::Q1{T}\n\n::b\\:\\:c::Q2{T}\n\nQ3{T}", "gift")
    assert [(note.reason, note.values["count"]) for note in reading.notes] == [("note_names", 2)]


def test_lines_are_counted_whatever_ends_them():
    for end in ("\n", "\r\n", "\r"):
        text = end.join(["// c", "", "Q{T}", "", "// d", "::n::bad", "{"])
        assert [refusal.where for refusal in read(text.encode(), "gift").refusals] == ["line 6 · n"]


def test_a_control_character_is_refused():
    assert refused("Q\x01{T}") == [("line 1", "", "control_character")]


def test_a_file_of_a_teacher():
    reading = read((FILES / "teacher.gift.txt").read_bytes(), "gift")
    assert [item.kind.value for item in reading.items] == [
        "single", "multiple", "blank", "truefalse", "numeric", "numeric", "matching", "essay", "ordering", "single",
    ]  # fmt: skip
    assert {(item.level, item.module) for item in reading.items} == {(1, "policy")}
    assert [(refusal.where, refusal.reason) for refusal in reading.refusals] == [
        ("line 48 · 说明", "not_a_question"), ("line 57", "braces"), ("line 59", "several_numbers"),
    ]  # fmt: skip
    assert [(note.where, note.reason) for note in reading.notes] == [
        ("line 23", "note_feedback"), ("line 23", "note_partial"), ("line 25", "note_feedback"), ("line 25", "note_feedback"),
        ("", "note_names"),
    ]  # fmt: skip


# --- writing


def test_asterisks_and_backslashes_in_accepted_answers():
    item = Item.from_dict(
        {"id": "q", "kind": "blank", "text": "x [[1]]", "blanks": [["a\\*b", "*", "**", "\\", "%5%", "[html]"]]}
    )
    for name in ("gift", "moodle-xml"):
        writing = write([item], name)
        assert writing.losses == [] and read(writing.data, name).items == [item]


def test_how_a_question_is_written():
    text = write([ITEMS["s1"], ITEMS["n1"]], "gift").data.decode()
    assert text.startswith("// [id:s1] [tag:level:1] [tag:module:policy] [tag:difficulty:easy] [tag:point:奖励和报酬]")
    assert "\n::s1::[markdown]科技成果转化奖励的**下限**是净收入的多少？{\n\t~20%#[plain]" in text
    assert "::n1::[markdown]提成多少？{#12.5:0.1}\n" in text and "[tag:unit:万元]" in text


@pytest.mark.parametrize(
    ("change", "loss"),
    [
        ({"kind": "matching", "pairs": [{"left": "a->b", "right": "1"}, {"left": "c", "right": "2"}]}, "question"),
        ({"kind": "truefalse", "answer": True, "source": "一\n二"}, "source"),
        ({"kind": "truefalse", "answer": True, "point": "a\\"}, "point"),
        ({"kind": "ordering", "sequence": ["// a", "b"]}, "question"),
        ({"kind": "blank", "text": "[[1]][[2]]", "blanks": ["a", "b"]}, "question"),
        ({"kind": "essay", "reference": "r"}, "reference"),
    ],
)
def test_what_cannot_be_written_is_named(change, loss):
    item = Item.from_dict({"id": "q", "text": "t"} | change)
    assert write([item], "gift").losses == [f"q: {loss}"]
