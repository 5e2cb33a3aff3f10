"""What is written as QTI comes back as the same question, whatever its texts hold."""

import io
import re
import zipfile
from dataclasses import replace
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from question_samples import ITEMS

from question_bank.formats import Reading, read, write
from question_bank.formats.compare import losses
from question_bank.grading import correct_answer, grade_parts
from question_bank.items import Item, Kind

ALL = list(ITEMS.values())
BOTH = pytest.mark.parametrize("name", ["qti", "qti-3"])


def members(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info).decode() for info in archive.infolist()}


def item_of(data, code):
    """The XML of one item of a package."""
    return next(ElementTree.fromstring(text) for name, text in members(data).items() if name.endswith(f"-{code}.xml"))


def local(element):
    return element.tag.rpartition("}")[2]


@BOTH
def test_nothing_is_lost(name):
    writing = write(ALL, name)
    assert writing.losses == []
    assert read(writing.data, name) == Reading(ALL, [])


@BOTH
def test_either_name_reads_either_version(name):
    assert read(write(ALL, name).data, "qti-3" if name == "qti" else "qti").items == ALL


@BOTH
def test_the_same_questions_give_the_same_bytes(name):
    assert write(ALL, name).data == write(ALL, name).data


# --- any question

MARKS = "a甲 1*_`#>-+.[](){}<&\\|~!\n^\"'：，。="
TEXT = st.text(st.sampled_from(MARKS), min_size=1, max_size=14).filter(lambda text: text.strip())
STEM = st.one_of(TEXT, st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).filter(
    lambda text: text.strip() and not re.search("[\ufffe\uffff]", text)))  # fmt: skip
LINE = st.text(st.sampled_from("a甲1 *.-_=&<"), min_size=1, max_size=8).filter(
    lambda text: re.sub(r"[\s.]", "", text) and text == text.strip()
)
POINTS = st.sampled_from(["1", "2", "0.5", "3.50", "1E+1"])


def distinct(values, low, high):
    return st.lists(values, min_size=low, max_size=high, unique_by=str.strip)


@st.composite
def questions(draw, kinds, part=False):
    kind = draw(st.sampled_from(kinds))
    data = {"kind": kind, "text": draw(STEM), "explanation": draw(st.one_of(st.just(""), TEXT)), "points": draw(POINTS)}
    if kind in ("single", "multiple"):
        texts = draw(distinct(TEXT, 2, 4))
        right = draw(st.sets(st.integers(0, len(texts) - 1), min_size=1)) if kind == "multiple" else {0}
        data["options"] = [
            {"text": text, "correct": n in right, "feedback": draw(st.one_of(st.just(""), TEXT))}
            for n, text in enumerate(texts)
        ]
        data["shuffle"] = draw(st.booleans())
    elif kind == "truefalse":
        data["answer"] = draw(st.booleans())
    elif kind == "blank":
        blanks = draw(st.lists(st.lists(LINE, min_size=1, max_size=3, unique=True), min_size=1, max_size=3))
        words = draw(st.lists(TEXT, min_size=len(blanks), max_size=len(blanks)))
        data["text"] = "".join(f"{re.sub('[][]', '', word)}[[{n}]]" for n, word in enumerate(words, start=1))
        data["blanks"] = blanks
    elif kind == "numeric":
        number = st.decimals(-(10**6), 10**6, places=3)
        data |= {"value": draw(number), "tolerance": abs(draw(st.one_of(st.just(Decimal(0)), number)))}
        data["unit"] = draw(st.sampled_from(["", "万元", "km/h", "<b>"]))
    elif kind == "matching":
        lefts = draw(distinct(TEXT, 2, 3))
        rights = draw(distinct(TEXT, len(lefts), 5))
        data["pairs"] = [{"left": left, "right": right} for left, right in zip(lefts, rights, strict=False)]
        data["distractors"] = rights[len(lefts) :]
        if draw(st.booleans()):
            data["pairs"][1]["right"] = data["pairs"][0]["right"]
    elif kind == "ordering":
        data["sequence"] = draw(distinct(TEXT, 2, 4))
    elif kind == "essay":
        data["rubric"] = [{"point": draw(TEXT), "points": draw(POINTS)} for _ in range(draw(st.integers(0, 2)))]
        data["reference"] = draw(st.one_of(st.just(""), TEXT))
    elif kind == "case":
        data["parts"] = draw(st.lists(questions(PARTS, part=True), min_size=1, max_size=3))
    if not part:
        data |= {"id": draw(st.sampled_from(["q1", "1:2", "A.b-c_d"])), "source": draw(st.one_of(st.just(""), TEXT))}
        data["level"] = draw(st.sampled_from([None, 1, 3]))
        data["difficulty"] = draw(st.sampled_from([None, "easy", "hard"]))
        data["point"] = draw(st.one_of(st.just(""), LINE))
        data["enemies"] = draw(st.sampled_from([[], ["x1", "y:2"]]))
    return data


PARTS = ["single", "multiple", "truefalse", "blank", "numeric", "essay"]


@pytest.mark.parametrize("kind", list(Kind))
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_kind_comes_back_as_it_was(kind, data):
    item = Item.from_dict(data.draw(questions([kind.value])))
    name = data.draw(st.sampled_from(["qti", "qti-3"]))
    writing = write([item], name)
    reading = read(writing.data, name)
    assert writing.losses == []
    assert (reading.items, reading.refusals, reading.notes) == ([item], [], [])


@given(st.sampled_from(ALL), st.sampled_from(["qti", "qti-3"]))
@settings(max_examples=20, deadline=None)
def test_what_comes_back_is_marked_the_same(item, name):
    again = read(write([item], name).data, name).items[0]
    assert grade_parts(again, correct_answer(item)) == grade_parts(item, correct_answer(item))


def test_ids_of_options_stay_where_answers_name_them():
    options = [{"id": "k", "text": "甲", "correct": True}, {"id": "9a", "text": "乙"}]
    item = Item.from_dict({"id": "q", "kind": "single", "text": "?", "options": options})
    assert read(write([item], "qti").data, "qti").items == [item]


def test_a_choice_between_true_and_false_stays_one():
    options = [{"text": "正确"}, {"text": "错误", "correct": True}]
    single = Item.from_dict({"id": "q", "kind": "single", "text": "?", "options": options})
    part = {"kind": "single", "text": "??", "options": options, "points": 1}
    case = Item.from_dict({"id": "c", "kind": "case", "text": "!", "parts": [part]})
    assert read(write([single, case], "qti").data, "qti").items == [single, case]


def test_a_text_that_was_edited_elsewhere_wins():
    item = replace(ITEMS["t1"], text="第一行\n第二行")
    data = write([item], "qti").data
    assert read(data, "qti").items == [item]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in members(data).items():
            archive.writestr(name, text.replace("第一行\n第二行", "第三行", 1) if "-t1" in name else text)
    edited = read(out.getvalue(), "qti")
    assert [one.text for one in edited.items] == ["第三行"] or edited.items[0].text.startswith("第三行")


@pytest.mark.parametrize(
    "text", ["[[01]] 与 [[２]]", "`[[1]]` [[2]]", "[[1]](http://a.b) [[2]]", "![[[1]]](http://a.b) [[2]]"]
)
def test_marks_of_blanks_wherever_they_stand(text):
    item = Item.from_dict({"id": "b", "kind": "blank", "text": text, "blanks": [["甲"], ["乙"]]})
    writing = write([item], "qti")
    assert writing.losses == [] and read(writing.data, "qti").items == [item]


def test_links_and_pictures_that_only_we_can_show_come_back():
    item = replace(ITEMS["t1"], text="见 [规定](rules.pdf) 与 ![图](/files/1.png)", explanation="[x](#y)")
    reading = read(write([item], "qti").data, "qti")
    assert (reading.items, reading.notes) == ([item], [])


def test_what_cannot_be_carried_is_listed():
    twice = Item.from_dict({"id": "b", "kind": "blank", "text": "[[1]]", "blanks": [["甲", "甲"]]})
    assert write([twice], "qti").losses == ["b: blanks[0]"]
    assert losses([twice], read(write([twice], "qti").data, "qti").items) == ["b: blanks[0]"]


# --- what stands in the package (QTI 2.2: order of elements, required attributes; see the information model)

ORDER = ["responseDeclaration", "outcomeDeclaration", "itemBody", "responseProcessing", "modalFeedback"]
BODY = {"p", "div", "ul", "ol", "table", "pre", "blockquote", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "rubricBlock",
        "feedbackBlock", "choiceInteraction", "orderInteraction", "matchInteraction", "extendedTextInteraction"}  # fmt: skip
REQUIRED = {
    "assessmentItem": {"identifier", "title", "adaptive", "timeDependent"},
    "responseDeclaration": {"identifier", "cardinality", "baseType"},
    "outcomeDeclaration": {"identifier", "cardinality", "baseType"},
    "mapping": {"defaultValue"},
    "mapEntry": {"mapKey", "mappedValue"},
    "choiceInteraction": {"responseIdentifier", "shuffle", "maxChoices"},
    "orderInteraction": {"responseIdentifier", "shuffle"},
    "matchInteraction": {"responseIdentifier", "shuffle", "maxAssociations"},
    "textEntryInteraction": {"responseIdentifier"},
    "extendedTextInteraction": {"responseIdentifier"},
    "simpleChoice": {"identifier"},
    "simpleAssociableChoice": {"identifier", "matchMax"},
    "feedbackInline": {"outcomeIdentifier", "identifier", "showHide"},
    "feedbackBlock": {"outcomeIdentifier", "identifier", "showHide"},
    "modalFeedback": {"outcomeIdentifier", "identifier", "showHide"},
    "rubricBlock": {"view"},
    "equal": {"toleranceMode", "tolerance"},
    "baseValue": {"baseType"},
    "setOutcomeValue": {"identifier"},
}


@pytest.mark.parametrize("item", ALL, ids=list(ITEMS))
def test_an_item_has_the_form_of_the_specification(item):
    root = item_of(write([item], "qti").data, item.id)
    assert root.tag == "{http://www.imsglobal.org/xsd/imsqti_v2p2}assessmentItem"
    places = [ORDER.index(local(child)) for child in root]
    assert places == sorted(places)
    declared = {child.get("identifier") for child in root if local(child).endswith("Declaration")}
    assert {"SCORE", "MAXSCORE"} <= declared
    for element in root.iter():
        assert REQUIRED.get(local(element), set()) <= set(element.attrib), local(element)
        for key in ("responseIdentifier", "outcomeIdentifier"):
            assert element.get(key, "SCORE") in declared
        if local(element) in ("variable", "correct", "mapResponse", "setOutcomeValue"):
            assert element.get("identifier") in declared
        if local(element).endswith("Choice"):
            assert re.fullmatch(r"[A-Za-z_][\w.-]*", element.get("identifier"))
    body = next(child for child in root if local(child) == "itemBody")
    assert {local(child) for child in body} <= BODY and not (body.text or "").strip()


def test_templates_are_used_where_they_mark_as_we_do():
    found = {}
    for item in ALL:
        processing = [
            child for child in item_of(write(ALL, "qti").data, item.id) if local(child) == "responseProcessing"
        ]
        found[item.id] = processing[0].get("template", "inline").rpartition("/")[2] if processing else "none"
    assert found == {
        "s1": "inline", "m1": "inline", "t1": "match_correct", "b1": "inline", "n1": "inline", "x1": "map_response",
        "o1": "match_correct", "c1": "inline", "e1": "none",
    }  # fmt: skip


def test_steps_do_not_stand_in_their_right_order():
    steps = [f"步骤{n}" for n in range(8)]
    item = Item.from_dict({"id": "o", "kind": "ordering", "text": "?", "sequence": steps})
    root = item_of(write([item], "qti").data, "o")
    assert [element.text for element in root.iter() if local(element) == "simpleChoice"] != steps


def test_the_manifest_lists_every_item_and_tells_other_tools_what_it_is():
    files = members(write(ALL, "qti").data)
    root = ElementTree.fromstring(files["imsmanifest.xml"])
    space = {"cp": "http://www.imsglobal.org/xsd/imscp_v1p1", "md": "http://ltsc.ieee.org/xsd/LOM"}
    resources = root.findall(".//cp:resource", space)
    assert [local(child) for child in root] == ["metadata", "organizations", "resources"]
    assert {resource.get("type") for resource in resources} == {"imsqti_item_xmlv2p2"}
    assert [resource.get("href") for resource in resources] == [name for name in files if name != "imsmanifest.xml"]
    assert len({resource.get("identifier") for resource in resources}) == len(ALL)
    assert resources[0].find(".//md:keyword/md:string", space).text == "奖励和报酬"
    assert resources[0].find(".//md:difficulty/md:value", space).text == "easy"


def test_version_3_has_its_own_names():
    files = members(write(ALL, "qti-3").data)
    assert 'type="imsqti_item_xmlv3p0"' in files["imsmanifest.xml"]
    for name, text in files.items():
        if name == "imsmanifest.xml":
            continue
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.imsglobal.org/xsd/imsqtiasi_v3p0}qti-assessment-item"
        for element in root.iter():
            assert not re.search("[A-Z]", local(element))
            assert not any(re.search("[A-Z]", key.rpartition("}")[2]) for key in element.attrib if "schema" not in key)
            if local(element) in ("qti-modal-feedback", "qti-feedback-block", "qti-rubric-block"):
                assert [local(child) for child in element] == ["qti-content-body"]
    assert "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/match_correct.xml" in "".join(files.values())
