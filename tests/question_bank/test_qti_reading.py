"""Items as other tools write them: each becomes a question, or is refused by name; what is left out is said."""

from decimal import Decimal

import pytest
from qti_samples import (
    choice,
    choices,
    condition,
    declared,
    entry,
    equal,
    item,
    mapped,
    matches,
    outcome,
    template,
)

from question_bank.formats import read
from question_bank.items import Kind

VERSIONS = pytest.mark.parametrize("version", ["2.1", "2.2", "3.0"])


def reading_of(xml):
    return read(xml if isinstance(xml, bytes) else xml.encode(), "qti")


def one(xml, *notes):
    """The only question of a file; its notes are as expected."""
    reading = reading_of(xml)
    assert [refusal.text("en") for refusal in reading.refusals] == []
    assert [note.reason for note in reading.notes] == list(notes)
    assert all(note.text("zh") and note.text("en") and "{" not in note.text("en") for note in reading.notes)
    return reading.items[0]


def refused(xml):
    reading = reading_of(xml)
    assert reading.items == []
    assert all(
        refusal.text("zh") and "{" not in refusal.text("zh") + refusal.text("en") for refusal in reading.refusals
    )
    return [(refusal.field, refusal.reason) for refusal in reading.refusals]


def options(question):
    return [(option.text, option.correct) for option in question.options]


# --- choices


@VERSIONS
def test_a_single_choice(version):
    body = "<p>引言</p>" + choice("甲", "<p>乙</p>", "丙", prompt="问？")
    question = one(item(body, declared("B"), version=version))
    assert (question.id, question.kind, question.text) == ("q1", Kind.SINGLE, "引言\n\n问？")
    assert options(question) == [("甲", False), ("乙", True), ("丙", False)] and question.shuffle


@VERSIONS
def test_a_multiple_choice(version):
    body = choice("甲", "乙", "丙", prompt="问？", most="0", shuffle="false")
    question = one(item(body, declared("C", "A", cardinality="multiple"), version=version))
    assert question.kind is Kind.MULTIPLE and not question.shuffle
    assert [correct for _, correct in options(question)] == [True, False, True]


def test_a_limit_of_choices_is_said():
    body = choice("甲", "乙", "丙", prompt="问？", most="2")
    assert one(item(body, declared("C", "A", cardinality="multiple")), "qti_limit").kind is Kind.MULTIPLE


@pytest.mark.parametrize(
    ("texts", "key", "answer"),
    [
        (("对", "错"), "A", True),
        (("True", "False"), "B", False),
        (("<p>错误</p>", "正确"), "B", True),
        (("×", "√"), "A", False),
    ],
)
def test_true_or_false(texts, key, answer):
    question = one(item(choice(*texts, prompt="?"), declared(key)))
    assert (question.kind, question.answer) == (Kind.TRUEFALSE, answer)


def test_fixed_choices_keep_the_whole_order():
    body = choice("甲", "乙", "以上均是", prompt="?", more={2: ' fixed="true"'})
    assert not one(item(body, declared("A")), "qti_fixed").shuffle
    body = choice("甲", "乙", prompt="?", more={0: ' fixed="true"', 1: ' fixed="true"'})
    assert not one(item(body, declared("A"))).shuffle


@VERSIONS
def test_marks_of_a_mapping(version):
    mapping = mapped(("A", 2), ("B", 0), ("C", -1))
    question = one(
        item(choice("甲", "乙", "丙", prompt="?"), declared(mapping=mapping), "map_response", version), "qti_partial"
    )
    assert [correct for _, correct in options(question)] == [True, False, False] and question.points == 2
    mapping = mapped(("A", 1), ("B", 2), upperBound=2.5)
    several = declared(cardinality="multiple", mapping=mapping)
    question = one(
        item(choice("甲", "乙", "丙", prompt="?", most="0"), several, "map_response", version), "qti_partial"
    )
    assert [correct for _, correct in options(question)] == [True, True, False] and str(question.points) == "2.5"


def test_feedback_on_a_choice():
    told = '<feedbackInline outcomeIdentifier="F" identifier="A" showHide="show">很好</feedbackInline>'
    rule = '<setOutcomeValue identifier="F"><variable identifier="RESPONSE"/></setOutcomeValue>' + condition(
        (matches(), 3)
    )
    question = one(
        item(choice(f"甲{told}", "乙", prompt="?"), declared("A") + outcome() + outcome("F", "identifier"), rule)
    )
    assert [(option.text, option.feedback) for option in question.options] == [("甲", "很好"), ("乙", "")]
    assert question.points == 3


@VERSIONS
def test_modal_feedback_becomes_the_explanation_or_belongs_to_a_choice(version):
    def modal(name, text):
        return f'<modalFeedback outcomeIdentifier="F" identifier="{name}" showHide="show"><p>{text}</p></modalFeedback>'

    body = choice("甲", "乙", prompt="?")
    question = one(item(body, declared("A"), after=modal("correct", "因为"), version=version))
    assert question.explanation == "因为"
    question = one(
        item(body, declared("A"), after=modal("r", "对") + modal("w", "不对"), version=version), "qti_feedback_joined"
    )
    assert question.explanation == "对\n\n不对"
    question = one(item(body, declared("A"), after=modal("B", "想想"), version=version))
    assert (question.explanation, question.options[1].feedback) == ("", "想想")


# --- gaps and numbers


@VERSIONS
def test_gaps_in_a_text(version):
    body = f"<p>保护期为 {entry('R1')} 年，<b>缩写</b>{entry('R2')}。</p>"
    keys = declared("20", name="R1", base="string", mapping=mapped(("20", 1), ("二十", 1), ("2", "0.5")))
    keys += declared("PCT", name="R2", base="string")
    rule = (
        '<setOutcomeValue identifier="SCORE"><sum><mapResponse identifier="R1"/>'
        '<mapResponse identifier="R2"/></sum></setOutcomeValue>'
    )
    question = one(item(body, keys, rule, version), "qti_partial")
    assert (question.kind, question.text) == (Kind.BLANK, "保护期为 [[1]] 年，**缩写**[[2]]。")
    assert [blank.accepted for blank in question.blanks] == [("20", "二十"), ("PCT",)]


def test_case_counts_elsewhere():
    keys = declared("PCT", base="string", mapping=mapped(("PCT", 1), rest=' caseSensitive="true"'))
    assert one(item(f"<p>缩写 {entry()}</p>", keys, "map_response"), "qti_case_sensitive").kind is Kind.BLANK


def test_values_that_a_rule_names():
    rule = condition((f"<or>{matches()}{matches(value='all')}</or>", 2), (matches(value="half"), 1))
    question = one(item(f"<p>{entry()}？</p>", declared("everything", base="string"), rule), "qti_partial")
    assert question.blanks[0].accepted == ("everything", "all") and question.points == 2


@pytest.mark.parametrize(
    ("comparison", "tolerance", "notes"),
    [
        (matches(), "0", ()),
        (equal('toleranceMode="exact"'), "0", ()),
        (equal('toleranceMode="absolute" tolerance="0.5"'), "0.5", ()),
        (equal('toleranceMode="absolute" tolerance="0.5 0.2"'), "0.2", ("qti_uneven",)),
        (equal('toleranceMode="relative" tolerance="10 10"'), "1.25", ()),
        (equal('toleranceMode="absolute" tolerance="1"', value="12.5"), "1", ()),
        ('<equalRounded roundingMode="decimalPlaces" figures="1"><variable identifier="RESPONSE"/>'
         '<correct identifier="RESPONSE"/></equalRounded>', "0.05", ()),
        ('<and><gte><variable identifier="RESPONSE"/><baseValue baseType="float">12</baseValue></gte>'
         '<gte><baseValue baseType="float">13</baseValue><variable identifier="RESPONSE"/></gte></and>', "0.5", ()),
    ],
)  # fmt: skip
@VERSIONS
def test_numbers(comparison, tolerance, notes, version):
    body = f"<p>多少万元？ {entry()}</p>"
    question = one(item(body, declared("12.5", base="float"), condition((comparison, 4)), version), *notes)
    assert (question.kind, question.text) == (Kind.NUMERIC, "多少万元？")
    assert (str(question.value), str(question.points)) == ("12.5", "4")
    assert question.tolerance.normalize() == Decimal(tolerance).normalize()


@pytest.mark.parametrize("figures", ["-1e29", "99999999999999999999", "x", ""])
def test_rounding_that_makes_no_sense_is_left_to_the_key(figures):
    rule = f'<equalRounded roundingMode="decimalPlaces" figures="{figures}"><variable identifier="RESPONSE"/><correct identifier="RESPONSE"/></equalRounded>'
    question = one(item(f"<p>a {entry()}</p>", declared("1", base="float"), condition((rule, 1))), "qti_simplified")
    assert question.tolerance == 0


def test_a_number_within_bounds_without_a_key():
    bounds = (
        '<and><gt><variable identifier="RESPONSE"/><baseValue baseType="float">1</baseValue></gt>'
        '<lt><variable identifier="RESPONSE"/><baseValue baseType="float">2</baseValue></lt></and>'
    )
    question = one(item(f"<p>a {entry()} b</p>", declared(base="float"), condition((bounds, 1))))
    assert (str(question.value), str(question.tolerance), question.text) == ("1.5", "0.5", "a ＿＿＿＿ b")


def test_a_number_among_gaps_loses_its_tolerance():
    rule = condition((equal('toleranceMode="absolute" tolerance="1"', name="R2"), 1)) + condition((matches("R1"), 1))
    keys = declared("x", name="R1", base="string") + declared("5", name="R2", base="integer")
    question = one(item(f"<p>{entry('R1')}{entry('R2')}</p>", keys, rule), "qti_tolerance")
    assert [blank.accepted for blank in question.blanks] == [("x",), ("5",)]


@VERSIONS
def test_a_drop_down_list_is_a_single_choice(version):
    body = f'<p>选 <inlineChoiceInteraction responseIdentifier="RESPONSE" shuffle="false">{choices("甲", "乙", tag="inlineChoice")}</inlineChoiceInteraction>。</p>'
    question = one(item(body, declared("B"), version=version))
    assert (question.kind, question.text) == (Kind.SINGLE, "选 ＿＿＿＿。")
    assert options(question) == [("甲", False), ("乙", True)]


# --- order and pairs


@VERSIONS
def test_an_order(version):
    body = f'<orderInteraction responseIdentifier="RESPONSE" shuffle="true"><prompt>排序</prompt>{choices("二", "三", "一")}</orderInteraction>'
    question = one(item(body, declared("C", "A", "B", cardinality="ordered"), version=version))
    assert question.kind is Kind.ORDERING and [step.text for step in question.sequence] == ["一", "二", "三"]
    assert refused(item(body, declared("C", "A", cardinality="ordered"))) == [("orderInteraction", "qti_partial_order")]


def match(lefts, rights):
    def one_set(texts, letter):
        rows = (
            f'<simpleAssociableChoice identifier="{letter}{n}" matchMax="1">{text}</simpleAssociableChoice>'
            for n, text in enumerate(texts)
        )
        return f"<simpleMatchSet>{''.join(rows)}</simpleMatchSet>"

    sets = one_set(lefts, "L") + one_set(rights, "R")
    return f'<matchInteraction responseIdentifier="RESPONSE" shuffle="true" maxAssociations="9"><prompt>连</prompt>{sets}</matchInteraction>'


@VERSIONS
def test_pairs(version):
    keys = declared(
        "L0 R1", "L1 R0", cardinality="multiple", base="directedPair", mapping=mapped(("L0 R1", 2), ("L1 R0", 2))
    )
    question = one(item(match(["a", "b"], ["1", "2", "3"]), keys, "map_response", version))
    assert [(pair.left, pair.right) for pair in question.pairs] == [("a", "2"), ("b", "1")]
    assert [choice.text for choice in question.distractors] == ["3"] and question.points == 4


def test_sides_change_where_only_so_each_left_has_one_right():
    keys = declared("L0 R0", "L0 R1", "L1 R2", cardinality="multiple", base="directedPair")
    question = one(item(match(["甲", "乙"], ["1", "2", "3"]), keys))
    assert [(pair.left, pair.right) for pair in question.pairs] == [("1", "甲"), ("2", "甲"), ("3", "乙")]


def test_pairs_that_are_no_matching():
    keys = declared("L0 R0", "L0 R1", "L1 R1", cardinality="multiple", base="directedPair")
    assert refused(item(match(["a", "b"], ["1", "2"]), keys)) == [("matchInteraction", "qti_match_many")]


@VERSIONS
def test_pairs_from_one_list(version):
    rows = "".join(
        f'<simpleAssociableChoice identifier="P{n}" matchMax="1">{t}</simpleAssociableChoice>'
        for n, t in enumerate("甲乙丙丁戊")
    )
    body = f'<associateInteraction responseIdentifier="RESPONSE" shuffle="true" maxAssociations="2"><prompt>配</prompt>{rows}</associateInteraction>'
    question = one(
        item(body, declared("P0 P2", "P3 P1", cardinality="multiple", base="pair"), version=version), "qti_associate"
    )
    assert [(pair.left, pair.right) for pair in question.pairs] == [("甲", "丙"), ("丁", "乙")]
    assert [choice.text for choice in question.distractors] == ["戊"]


def gap_match(gaps):
    words = "".join(
        f'<gapText identifier="W{n}" matchMax="1">{word}</gapText>' for n, word in enumerate(["城堡", "马", "剑"])
    )
    told = "，".join(f'放 <gap identifier="G{n}"/>' for n in range(gaps))
    return f'<gapMatchInteraction responseIdentifier="RESPONSE" shuffle="true">{words}<p>{told}。</p></gapMatchInteraction>'


@VERSIONS
def test_words_for_gaps(version):
    keys = declared("W1 G0", "W0 G1", cardinality="multiple", base="directedPair")
    question = one(item(gap_match(2), keys, version=version))
    assert (question.kind, question.text) == (Kind.MATCHING, "放 （1）＿＿＿＿，放 （2）＿＿＿＿。")
    assert [(pair.left, pair.right) for pair in question.pairs] == [("（1）", "马"), ("（2）", "城堡")]
    question = one(item(gap_match(1), declared("W2 G0", cardinality="multiple", base="directedPair"), version=version))
    assert (question.kind, question.text) == (Kind.SINGLE, "放 ＿＿＿＿。")
    assert options(question) == [("城堡", False), ("马", False), ("剑", True)]


# --- texts

ESSAY = '<extendedTextInteraction responseIdentifier="RESPONSE" expectedLines="8"><prompt>论述</prompt></extendedTextInteraction>'


@VERSIONS
def test_an_essay_with_a_rubric(version):
    rubric = '<rubricBlock view="scorer tutor"><h1>评分</h1><ul><li>3 分：要点一</li><li>2.5 points: two</li></ul><p>范文。</p></rubricBlock>'
    told = '<rubricBlock view="candidate"><p>不少于百字。</p></rubricBlock><rubricBlock view="author"><p>x</p></rubricBlock>'
    question = one(item(told + ESSAY + rubric, declared(base="string"), "", version), "qti_left_out")
    assert (question.kind, question.text) == (Kind.ESSAY, "不少于百字。\n\n论述")
    assert [(c.point, str(c.points)) for c in question.rubric] == [("要点一", "3"), ("two", "2.5")]
    assert question.reference == "# 评分\n\n范文。"


def test_an_essay_needs_no_rules_that_we_know():
    rule = '<setOutcomeValue identifier="SCORE"><customOperator class="x"><variable identifier="RESPONSE"/></customOperator></setOutcomeValue>'
    assert one(item(ESSAY, declared(base="string"), rule), "qti_simplified").kind is Kind.ESSAY


# --- several questions in one


@VERSIONS
def test_several_interactions_are_a_case(version):
    body = (
        "<div><p>材料。</p></div><div class='row'>"
        + choice("甲", "乙", prompt="第一问", name="R1")
        + f"</div><p>第二问：填 {entry('R2')}。</p>"
        + '<extendedTextInteraction responseIdentifier="R3"><prompt>第三问</prompt></extendedTextInteraction>'
    )
    keys = declared("A", name="R1") + declared("x", name="R2", base="string") + declared(name="R3", base="string")
    rule = condition((matches("R1"), 4)) + condition((matches("R2"), 2))
    question = one(item(body, keys, rule, version))
    assert (question.kind, question.text) == (Kind.CASE, "材料。")
    assert [(part.kind, part.text, str(part.points)) for part in question.parts] == [
        (Kind.SINGLE, "第一问", "4"),
        (Kind.BLANK, "第二问：填 [[1]]。", "2"),
        (Kind.ESSAY, "第三问", "1"),
    ]
    assert question.points == 7


def test_a_question_without_a_prompt_takes_the_paragraph_before_it():
    body = "<p>材料。</p><p>第一问</p>" + choice("甲", "乙", name="R1") + choice("丙", "丁", name="R2") + "<p>完。</p>"
    question = one(item(body, declared("A", name="R1") + declared("B", name="R2"), ""))
    assert question.text == "材料。\n\n完。"
    assert [part.text for part in question.parts] == ["第一问", "（2）"]


def test_lists_and_gaps_in_one_text_are_a_case():
    inline = f'<inlineChoiceInteraction responseIdentifier="R1">{choices("甲", "乙", tag="inlineChoice")}</inlineChoiceInteraction>'
    keys = declared("A", name="R1") + declared("5", name="R2", base="integer") + declared("x", name="R3", base="string")
    question = one(item(f"<p>a {inline} b {entry('R2')} c {entry('R3')}</p>", keys, ""))
    assert question.text == "a （1）＿＿＿＿ b （2）＿＿＿＿ c （3）＿＿＿＿"
    assert [part.kind for part in question.parts] == [Kind.SINGLE, Kind.NUMERIC, Kind.BLANK]


def test_a_case_cannot_hold_an_order():
    body = (
        choice("甲", "乙", prompt="?", name="R1")
        + f'<orderInteraction responseIdentifier="R2" shuffle="true">{choices("一", "二")}</orderInteraction>'
    )
    keys = declared("A", name="R1") + declared("A", "B", name="R2", cardinality="ordered")
    assert refused(item(body, keys, "")) == [("orderInteraction", "part_kind")]


# --- rules

TAO = (
    '<responseCondition><responseIf><not><isNull><variable identifier="RESPONSE"/></isNull></not><setOutcomeValue '
    'identifier="SCORE"><sum><variable identifier="SCORE"/><mapResponse identifier="RESPONSE"/></sum></setOutcomeValue>'
    "</responseIf></responseCondition>"
)
MAXSCORE = '<outcomeDeclaration identifier="MAXSCORE" cardinality="single" baseType="float"><defaultValue><value>10.0</value></defaultValue></outcomeDeclaration>'


@VERSIONS
def test_rules_written_out(version):
    body = choice("甲", "乙", prompt="?")
    assert one(item(body, declared(mapping=mapped(("A", 3))), TAO, version)).points == 3
    rule = condition((matches(), 0)).replace(
        '<baseValue baseType="float">0</baseValue>', '<variable identifier="MAXSCORE"/>'
    )
    question = one(item(body, declared("B") + outcome() + MAXSCORE, rule, version))
    assert str(question.points) == "10" and options(question)[1][1]
    nested = (
        '<responseCondition><responseIf><isNull><variable identifier="RESPONSE"/></isNull><setOutcomeValue identifier="SCORE">'
        f'<baseValue baseType="float">0</baseValue></setOutcomeValue></responseIf><responseElse>{condition((matches(), 5), ("", 0))}'
        "</responseElse></responseCondition>"
    )
    assert one(item(body, declared("B"), nested, version)).points == 5


def test_answers_that_earn_only_together():
    rule = condition((f"<and>{matches('R1')}{matches('R2')}</and>", 2))
    keys = declared("x", name="R1", base="string") + declared("y", name="R2", base="string")
    assert one(item(f"<p>{entry('R1')}{entry('R2')}</p>", keys, rule), "qti_joint").kind is Kind.BLANK


def test_a_rule_nobody_knows_is_replaced_by_the_key_or_refused():
    rule = condition(('<patternMatch pattern="a+"><variable identifier="RESPONSE"/></patternMatch>', 1))
    body = f"<p>{entry()}？</p>"
    assert one(item(body, declared("aa", base="string"), rule), "qti_simplified").blanks[0].accepted == ("aa",)
    assert refused(item(body, declared(base="string"), rule)) == [("responseProcessing", "qti_processing")]


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("http://www.imsglobal.org/question/qti_v2p0/rptemplates/match_correct", True),
        ("http://www.imsglobal.org/question/qti_v2p1/rptemplates/match_correct.xml", True),
        ("https://www.imsglobal.org/question/qti_v3p0/rptemplates/match_correct.xml", True),
        ("http://purl.imsglobal.org/spec/qti/v3p0/rptemplates/match_correct", True),
        ("http://www.imsglobal.org/question/qti_v2p2/rptemplates/CC2_match_basic", True),
        ("../rptemplates/match_correct.xml", True),
        ("http://www.imsglobal.org/question/qti_v2p1/rptemplates/map_response_point", False),
        ("http://example.org/rules/mine.xml", False),
        ("http://example.org/rptemplates/match_correct", False),
    ],
)
def test_templates_by_address(address, known):
    xml = item(choice("甲", "乙", prompt="?"), declared("A"), "").replace(
        "</itemBody>", f"</itemBody>{template(address)}"
    )
    assert refused(xml) == [("responseProcessing", "qti_processing")] if not known else one(xml)


def test_what_an_authoring_tool_wraps_around_a_question():
    """Grid rows, key values as CDATA, styles, a tooltip, a second outcome that a person marks (as TAO writes them)."""
    tip = '<span data-role="tooltip-target">专利</span><span data-role="tooltip-content" aria-hidden="true">发明专利</span>'
    words = '<gapText identifier="w1" fixed="false" matchMax="1"><span class="u"><em>甲 </em></span>1</gapText><gapText identifier="w2">乙</gapText>'
    body = (
        '<div class="grid-row"><div class="col-12"><gapMatchInteraction responseIdentifier="RESPONSE" shuffle="true">'
        f'<prompt>填词</prompt>{words}<p>{tip}，选 <gap identifier="g1" required="false"/>。</p></gapMatchInteraction></div></div>'
    )
    keys = declared("<![CDATA[w2 g1]]>", base="directedPair") + outcome(more=' normalMaximum="1"') + MAXSCORE
    human = '<outcomeDeclaration identifier="O" cardinality="single" baseType="float" externalScored="human" normalMaximum="10"/>'
    style = '<stylesheet href="style/a.css" type="text/css" media="all" title=""/>'
    xml = item(body, keys + human + style, version="2.2", name="i5e70ea204b3391086faea29f0ed53fc")
    question = one(xml)
    assert (question.kind, question.points) == (Kind.SINGLE, 1)
    assert question.text == "填词\n\n专利（发明专利），选 ＿＿＿＿。"
    assert options(question) == [("*甲* 1", False), ("乙", True)]


def test_rules_that_set_feedback_by_the_score():
    """The score from a mapping, then feedback from the score (as ONYX writes them)."""
    told = (
        '<responseCondition><responseIf><and><not><match><variable identifier="FB"/><baseValue baseType="identifier">empty'
        '</baseValue></match></not><equal toleranceMode="exact"><variable identifier="SCORE"/><variable identifier="MAXSCORE"/>'
        '</equal></and><setOutcomeValue identifier="FB"><baseValue baseType="identifier">correct</baseValue></setOutcomeValue>'
        "</responseIf></responseCondition>"
    )
    keys = declared("was played", base="string", mapping=mapped(("was played", "1.0")))
    question = one(
        item(f"<div>to play <br/>{entry()}</div>", keys + outcome() + outcome("FB", "identifier"), TAO + told, "3.0")
    )
    assert (question.kind, question.text, str(question.points)) == (Kind.BLANK, "to play\\\n[[1]]", "1")


# --- what is refused

HOTSPOT = '<hotspotInteraction responseIdentifier="RESPONSE" maxChoices="1"><object data="a.png" type="image/png"/></hotspotInteraction>'


@pytest.mark.parametrize(
    ("xml", "field", "reason"),
    [
        (item(HOTSPOT, declared("A")), "hotspotInteraction", "qti_interaction"),
        (item('<sliderInteraction responseIdentifier="RESPONSE" lowerBound="0" upperBound="9"/>', declared("5", base="integer")),
         "sliderInteraction", "qti_interaction"),
        (item("<portableCustomInteraction/>", version="3.0"), "portableCustomInteraction", "qti_interaction"),
        (item("<uploadInteraction/>" + ESSAY, declared(base="string")), "uploadInteraction", "qti_interaction"),
        (item("<p>只有文字</p>"), "itemBody", "qti_no_interaction"),
        (item(choice("甲", "乙", prompt="?")), "responseIdentifier", "qti_undeclared"),
        (item(choice("甲", "乙", prompt="?"), declared()), "responseDeclaration", "qti_no_key"),
        (item(choice("甲", "乙", prompt="?"), declared("C")), "value", "qti_unknown_choice"),
        (item(choice("甲", "乙", prompt="?"), declared("A", cardinality="record")), "choiceInteraction", "qti_declaration"),
        (item(choice("甲", "乙", prompt="?"), declared("1 1", base="point")), "choiceInteraction", "qti_declaration"),
        (item(choice("甲", "甲", prompt="?"), declared("A")), "options[1]", "duplicate"),
        (item(choice("甲", '<img src="b.png" alt=""/>', prompt="?"), declared("A")), "simpleChoice", "qti_picture_choice"),
        (item(choice("甲", prompt="?"), declared("A")), "options", "too_few"),
        (item(choice("甲", "乙"), declared("A")), "text", "required"),
        (item(choice("甲", "乙", prompt="?"), declared("A", "B")), "options", "one_correct"),
        (item(f"<p>{entry()}</p>", declared("x", base="float")), "textEntryInteraction", "not_number"),
        (item(choice("甲", "乙", prompt="?"), declared("A", mapping='<areaMapping defaultValue="0"/>')), "responseDeclaration", "qti_processing"),
        (item(choice("甲", "乙", prompt="?"), declared("A") + '<templateDeclaration identifier="a" cardinality="single"/>'),
         "templateDeclaration", "qti_template"),
        (item(choice("甲", "乙", prompt='<printedVariable identifier="a"/>'), declared("A")), "printedVariable", "qti_template"),
        (item(choice("甲", "乙", prompt="?"), declared("A")).replace('adaptive="false"', 'adaptive="true"'), "assessmentItem", "qti_adaptive"),
        (item('<include href="http://example.org/x"/>' + choice("甲", "乙"), declared("A")), "include", "qti_include"),
        (item(choice("甲", "乙", prompt="?"), declared("A"), more="").replace("<itemBody>", '<assessmentStimulusRef href="p.xml"/><itemBody>'),
         "assessmentStimulusRef", "qti_stimulus"),
        ("<questestinterop/>", "", "qti_1"),
        ("<assessmentTest/>", "", "qti_test"),
        ("<manifest/>", "", "qti_manifest"),
        ("<html/>", "", "qti_no_item"),
        ("no xml", "", "not_readable"),
        ("", "", "not_readable"),
    ],
)  # fmt: skip
def test_what_is_refused_by_name(xml, field, reason):
    assert refused(xml) == [(field, reason)]


def test_a_refusal_names_the_item():
    refusal = reading_of(item("<p>x</p>", name="lost")).refusals[0]
    assert refusal.where == "lost"
    assert "没有作答内容" in refusal.text("zh") and "asks nothing" in refusal.text("en")


# --- texts and what they lose


def stem(html, *notes):
    return one(item(html + choice("甲", "乙"), declared("A")), *notes).text


def test_html_becomes_markdown():
    assert (
        stem("<p>一 <strong>二</strong><br/>三</p><ul><li>a</li><li>b*c*</li></ul>")
        == "一 **二**\\\n三\n\n- a\n- b\\*c\\*"
    )
    assert (
        stem("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>")
        == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    )
    assert stem("<p>x<sup>2</sup> H<sub>2</sub>O</p>") == "x² H₂O"
    assert stem("<p>看[[1]]</p>") == "看[\\[1]]"


@pytest.mark.parametrize(
    ("html", "text", "note"),
    [
        ('<p>看图 <img src="images/a.png" alt="示意"/></p>', "看图 （图：示意）", "picture_missing"),
        ('<p>看图 <img src="data:image/png;base64,AAAA" alt=""/>。</p>', "看图 （图）。", "picture_kind"),
        ('<div>读 <object type="image/png" data="a.png"><p>字</p></object></div>', "读\n\n字", "picture_left_out"),
        ('<p>听 <audio src="a.mp3"/>。</p>', "听 。", "media_left_out"),
        ('<p>见 <a href="rules.pdf">规定</a></p>', "见 规定", "link_left_out"),
        (
            "<p>求 <math><mfrac><mi>a</mi><mrow><mi>b</mi><mn>1</mn></mrow></mfrac></math></p>",
            "求 a/(b1)",
            "formula_simplified",
        ),
    ],
)
def test_what_a_text_loses_is_said(html, text, note):
    assert stem(html, note) == text


def test_pictures_of_the_web_stay():
    assert stem('<p><img src="https://example.org/a.png" alt="图"/></p>') == "![图](https://example.org/a.png)"


def test_titles_and_identifiers():
    body = choice("甲", "乙", prompt="下列正确的是")
    assert one(item(body, declared("A"), title="下列正确的…")).id == "q1"
    assert one(item(body, declared("A"), title="商标法第三题"), "qti_titles").text == "下列正确的是"
    assert one(item(body, declared("A"), name="题目 1"), "qti_identifier").id.startswith("q-")
    assert one(item(choice("甲", "乙"), declared("A"), title="只有标题")).text == "只有标题"
