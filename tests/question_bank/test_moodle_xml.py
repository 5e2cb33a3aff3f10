"""Moodle XML as its publisher describes it: https://docs.moodle.org/en/Moodle_XML_format, qformat_xml and qtype_multianswer."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from question_samples import ITEMS
from question_strategies import NASTY

from question_bank.formats import read, write
from question_bank.items import Item, Option

FILES = Path(__file__).parent / "files"
EXPORTED = (FILES / "exported.moodle.xml").read_bytes()


def question(type: str, inner: str = "", text: str = "Q", form: str = "markdown") -> str:
    words = f'<questiontext format="{form}"><text>{escape(text)}</text></questiontext>'
    return f'<question type="{type}">{words}{inner}</question>'


def quiz(*questions: str) -> bytes:
    return f"<quiz>{''.join(questions)}</quiz>".encode()


def one(type: str, inner: str = "", text: str = "Q", form: str = "markdown"):
    reading = read(quiz(question(type, inner, text, form)), "moodle-xml")
    assert reading.refusals == [], [refusal.text("en") for refusal in reading.refusals]
    (item,) = reading.items
    return item


def refused(data: bytes):
    return [(refusal.where, refusal.field, refusal.reason) for refusal in read(data, "moodle-xml").refusals]


def noted(type: str, inner: str = "", text: str = "Q", form: str = "markdown"):
    return [(n.field, n.reason) for n in read(quiz(question(type, inner, text, form)), "moodle-xml").notes]


def answer(text: str, fraction: object, more: str = "") -> str:
    return f'<answer fraction="{fraction}"><text>{escape(text)}</text>{more}</answer>'


# --- what an export of Moodle holds


def test_an_export_of_moodle():
    reading = read(EXPORTED, "moodle-xml")
    single, judgement, blank, number, matching, essay, ordering, cloze, case = reading.items
    assert (single.id, str(single.points), single.shuffle, single.difficulty) == ("IP-101", "2", True, "hard")
    assert single.text == (
        "下列哪种许可**排除**许可人自己实施？H₂O 与 10⁻³\n\n| 方式 | 自己 |\n| --- | --- |\n| 独占 | a\\|b |\n\n（图：流程图）"
    )
    assert single.explanation == "- 独占：都不行\n- 排他：许可人可以"
    assert single.options[0] == Option(single.options[0].id, "独占许可", True, "对 & 好")
    assert {(item.level, item.module, item.point) for item in reading.items} == {(2, "skill", "知识产权/运营")}
    assert (judgement.text, judgement.answer) == ("第一行  \n第二行 1 < 2", False)
    assert (blank.text, blank.blanks[0].accepted) == ("专利合作条约的缩写是[[1]]。", ("PCT",))
    assert (str(number.value), str(number.tolerance), number.unit) == ("12.5", "0.1", "万元")
    assert [pair.right for pair in matching.pairs] == ["20\\*年\\*", "15 年"]
    assert (essay.reference, [str(c.points) for c in essay.rubric]) == ("答出两点", ["3", "2.5"])
    assert [step.text for step in ordering.sequence] == ["披露", "评估", "许可"]
    assert (cloze.text, [b.accepted for b in cloze.blanks], str(cloze.points)) == (
        "发明 [[1]] 年，缩写 [[2]]。", [("20", "二十"), ("PCT}",)], "3",
    )  # fmt: skip
    assert case.text == "北京在［1］，人口约 ［2］ 百万，［3］。"
    assert [(p.kind.value, str(p.points), p.shuffle) for p in case.parts] == [
        ("single", "1", False), ("numeric", "3", True), ("multiple", "1", True),
    ]  # fmt: skip


def test_what_of_an_export_is_refused_or_not_kept():
    reading = read(EXPORTED, "moodle-xml")
    assert refused(EXPORTED) == [
        ("line 95 · 算", "type", "kind_not_taken"), ("line 96 · 拖", "type", "kind_not_taken"), ("line 97 · 说明", "", "not_a_question"),
    ]  # fmt: skip
    reasons = [note.reason for note in reading.notes]
    assert {reason: reasons.count(reason) for reason in reasons} == {
        "note_category": 1, "picture_damaged": 1, "note_text": 3, "note_partial": 3, "note_tag": 1, "note_feedback": 4,
        "note_wildcard": 1, "note_unit": 1, "note_uneven": 1, "note_names": 1, "note_settings": 1,
    }  # fmt: skip
    assert "penalty" not in reading.notes[-1].text("en")  # the standard value says nothing
    assert "usecase (1)" in reading.notes[-1].text("en")


# --- kinds


def test_choices():
    inner = answer("a", 100) + answer("b", 0) + answer("c", -50)
    item = one("multichoice", "<single>true</single>" + inner)
    assert (item.kind, item.shuffle, [o.correct for o in item.options]) == ("single", False, [True, False, False])
    assert one("multichoice", "<shuffleanswers>1</shuffleanswers>" + inner).shuffle is True
    several = answer("a", 33.33333) + answer("b", 33.33333) + answer("c", 33.33333) + answer("d", -100)
    item = one("multichoice", "<single>false</single>" + several)
    assert (item.kind, [o.correct for o in item.options]) == ("multiple", [True, True, True, False])
    assert noted("multichoice", "<single>false</single>" + several) == []
    assert noted("multichoice", inner) == [("options[2]", "note_partial")]


def test_true_or_false_in_old_files_is_in_the_words_of_their_language():
    assert one("truefalse", answer("Vrai", 0) + answer("Faux", 100)).answer is False
    assert one("truefalse", answer("false", 0) + answer("true", 100)).answer is True


@pytest.mark.parametrize(
    ("text", "form", "shown"),
    [
        ("a ______ b", "html", "a [[1]] b"),
        ("a _____ b _____", "markdown", "a [[1]] b _____"),
        ("a?", "plain_text", "a?\n\n[[1]]"),
        ("a [[1]] b", "html", "a [\\[1]] b\n\n[[1]]"),
    ],
)
def test_where_the_gap_of_a_short_answer_is(text, form, shown):
    assert one("shortanswer", answer("x", 100), text, form).text == shown


@pytest.mark.parametrize(
    ("text", "form", "shown"),
    [
        ("<p>\\(a_1 &lt; b*c*\\) and $$\\frac{1}{2}$$</p>", "html", "$a_1 < b*c*$ and $\\frac{1}{2}$"),
        ("x\\[y^2\\]", "moodle_auto_format", "x$$y^2$$"),
        ("from $5 to $6", "html", "from $5 to $6"),
        ("from $a to b$.", "html", "from \\$a to b\\$."),
        ("US$, $x$", "plain_text", "US\\$, \\$x\\$"),
        ("only $5", "plain_text", "only $5"),
        ("\\(<b>x</b>\\)", "html", "\\\\(**x**\\\\)"),
    ],
)
def test_formulae(text, form, shown):
    assert one("essay", text=text, form=form).text == shown


def test_numbers_and_old_forms_of_them():
    assert str(one("numerical", '<answer fraction="100">12<tolerance>0</tolerance></answer>').value) == "12"
    assert str(one("numerical", "<answer>12<fraction>1</fraction></answer>").value) == "12"
    twice = answer("1", 100) + answer("2", 100)
    assert refused(quiz(question("numerical", twice))) == [("line 1", "value", "several_numbers")]


def test_points():
    assert str(one("essay", "<defaultgrade>2.5000000</defaultgrade>").points) == "2.5"
    assert noted("essay", "<defaultgrade>0.0000000</defaultgrade>") == [("points", "note_points")]


def test_settings_are_told_once_per_file():
    data = quiz(
        *(question("essay", "<maxwordlimit>100</maxwordlimit><penalty>0.5</penalty>", f"Q{n}") for n in range(9))
    )
    assert [note.text("en") for note in read(data, "moodle-xml").notes] == [
        "settings and formatting not kept (questions): maxwordlimit (9), penalty (9)"
    ]


# --- cloze


def test_cloze_gaps_and_their_escapes():
    text = "a {1:SHORTANSWER:=x\\}y\\#z&#38;~%100%&lt;b&gt;~w#f\\}g} b {:MW:=1}"
    item = one("cloze", text=text)
    assert (item.text, [b.accepted for b in item.blanks]) == ("a [[1]] b [[2]]", [("x}y#z&", "<b>"), ("1",)])
    assert noted("cloze", text=text) == [("blanks[0]", "note_feedback")]


@pytest.mark.parametrize(
    ("gap", "kind", "points"),
    [
        ("{2:NM:=1,5:0.25}", "numeric", "2"),
        ("{:MCVS:a~=b}", "single", "1"),
        ("{3:MULTIRESPONSE:=a~=b~c}", "multiple", "3"),
    ],
)
def test_one_gap_of_another_type(gap, kind, points):
    item = one("multianswer", text=f"a {gap} b")
    assert (item.kind, item.text, str(item.points)) == (kind, "a _____ b", points)
    assert noted("multianswer", text=f"a {gap} b") == []


@pytest.mark.parametrize("text", ["no gap", "{1:SHORTANSWER:=open", "{1:OTHER:=x}", "{x:SA:=x}"])
def test_words_without_a_gap(text):
    assert refused(quiz(question("cloze", text=text))) == [("line 1", "text", "no_gaps")]


def test_a_gap_without_a_right_answer_is_named():
    data = quiz(question("cloze", text="{1:SA:=a} {1:SA:%50%b}"))
    assert refused(data) == [("line 1", "blanks[1]", "no_full_answer")]
    data = quiz(question("cloze", text="{1:SA:=a} {1:MC:b~c}"))
    assert refused(data) == [("line 1", "parts[1].options", "one_correct")]


CASE = {
    "id": "c",
    "kind": "case",
    "text": "背景\n\n- 一\n- 二",
    "parts": [
        {"kind": "single", "text": "选？", "options": [{"text": "**甲** <1>"}, {"text": "乙~#}", "correct": True}], "points": 2},
        {"kind": "multiple", "text": "选\n\n两段", "shuffle": False, "points": 3,
         "options": [{"text": "a", "correct": True, "feedback": "因为 <a>"}, {"text": "b", "correct": True}, {"text": "= %5% c"}]},
        {"kind": "truefalse", "text": "对吗", "answer": False, "points": 1},
        {"kind": "numeric", "text": "多少？", "value": "12.50", "tolerance": "0.1", "unit": "万元", "points": 2},
        {"kind": "blank", "text": "填 [[1]] 年。", "blanks": [["20", "二*十"]], "points": 1},
    ],
}  # fmt: skip


def test_a_case_comes_back_from_its_gaps():
    item = Item.from_dict(CASE)
    writing = write([item], "moodle-xml")
    assert writing.losses == []
    assert read(writing.data, "moodle-xml").items == [item]


def test_a_case_that_has_no_form_is_left_out():
    essay = {"kind": "essay", "text": "论述", "points": 2}
    half = {"kind": "truefalse", "text": "对吗", "answer": True, "points": "1.5"}
    for part in (essay, half):
        item = Item.from_dict(CASE | {"parts": [*CASE["parts"], part]})
        assert write([item], "moodle-xml").losses == ["c: question"]
    told = Item.from_dict(CASE | {"parts": [CASE["parts"][0] | {"explanation": "x"}]})
    assert write([told], "moodle-xml").losses == ["c: parts[0].explanation"]


# --- files that harm


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "head",
    [
        f'<!DOCTYPE quiz [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE quiz [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE quiz SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE quiz [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]>',
        "<!DOCTYPE quiz>",
    ],
)
def test_document_types_are_refused_whatever_they_hold(head):
    data = f"{head}<quiz>{question('essay', text='Q')}".replace("Q<", "&l9;<") + "</quiz>"
    assert [reason for _, _, reason in refused(data.encode())] == ["dtd"]
    assert read(data.encode(), "moodle-xml").items == []


def test_an_unknown_entity_is_refused():
    assert refused(b"<quiz>&l9;</quiz>") == [("line 1", "", "not_readable")]


def test_deep_and_large_files_are_refused(monkeypatch):
    assert refused(b"<quiz>" + b"<a>" * 1000) == [("line 1", "", "not_readable")]
    monkeypatch.setattr("question_bank.formats.moodle_xml.MOST_ELEMENTS", 3)
    assert [reason for _, _, reason in refused(quiz(question("essay")))] == ["not_readable"]


def test_questions_before_a_fault_are_kept():
    data = b"\n\n" + quiz(question("essay") + "\n" + question("essay", text="Q2")).replace(b"Q2<", b"Q2<<")
    reading = read(data, "moodle-xml")
    assert [item.text for item in reading.items] == ["Q"]
    assert refused(data) == [("line 4", "", "not_readable")]


def test_other_xml_is_refused():
    assert refused(b"<html/>") == [("line 1", "", "wrong_root")]
    assert refused(b"<quiz><p/></quiz>") == [("line 1", "<p>", "unknown_key")]
    assert refused(b'<?xml version="1.0" encoding="utf-7"?><quiz/>') == [("", "", "not_decodable")]
    assert refused(b"") == [("line 1", "", "not_readable")]


def test_control_characters_are_refused():
    assert refused(quiz(question("essay", text="a\x7fb"))) == [("line 1", "text", "control_character")]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_export_is_read_or_refused(data):
    place = data.draw(st.integers(0, len(EXPORTED)))
    length = data.draw(st.integers(0, 60))
    piece = data.draw(
        st.text(st.sampled_from(NASTY), max_size=20) | st.sampled_from(["<text>", "]]>", "1E+999999999", "{1:MC:=a~b}"])
    )
    reading = read(EXPORTED[:place] + piece.encode() + EXPORTED[place + length :], "moodle-xml")
    assert reading.items or reading.refusals
    assert all(told.text("zh") and told.text("en") for told in reading.refusals + reading.notes)


def test_how_a_question_is_written():
    text = write([ITEMS["b1"], ITEMS["e1"]], "moodle-xml").data.decode()
    assert "发明专利保护期为 {1:SHORTANSWER:=20~=二十} 年" in text
    assert "<idnumber>b1</idnumber>" in text and "<tag><text>points:1</text></tag>" in text
    assert "评分要点：\n- 10 分：" in text and "<defaultgrade>10</defaultgrade>" in text
