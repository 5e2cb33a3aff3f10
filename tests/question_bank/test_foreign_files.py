"""Files as other tools and careless hands write them: each question is taken or refused by name, nothing is lost in silence.

Written from the published descriptions of the formats, not from our readers. ``expected``: what is taken (kind and a piece of its
words or key), and the reasons of what is not.
"""

from __future__ import annotations

import io
import stat
import zipfile
from typing import Any

import pytest

from question_bank.formats import formats, read
from question_bank.items import Item


def told(item: Item) -> str:
    return f"{item.kind.value} {item.to_dict()}"


def check(data: str | bytes, format: str, taken: list[str], refused: list[str], noted: set[str]) -> None:
    reading = read(data.encode() if isinstance(data, str) else data, format)
    assert [one.reason for one in reading.refusals] == refused
    assert len(reading.items) == len(taken)
    for item, piece in zip(reading.items, taken, strict=True):
        for words in piece.split("|"):
            assert words in told(item), told(item)
    assert noted <= {one.reason for one in reading.notes}
    for one in (*reading.refusals, *reading.notes):
        assert one.text("zh") and one.text("en")


GIFT: dict[str, tuple[Any, list[str], list[str], set[str]]] = {
    "escapes": (r"::T\:1:: 1\=1 \~ \# \{x\} \: {=a\=b#f\#x ~c\~d ~e\}f}", ["single|1=1 ~ # {x} :|a=b|f#x|c~d|e}f"], [], set()),
    "two right": ("Pick {~%50%A~%50%B~%-100%C#no~%-100%D}", ["multiple|'A', 'correct': True|'B', 'correct': True"], [], set()),
    "uneven": ("Pick {~%60%A~%40%B~%-10%C}", ["multiple"], [], {"note_weights"}),
    "half right": ("Q {=right ~%25%half ~wrong}", ["single"], [], {"note_partial"}),
    "range": ("Year? {#1..5}", ["numeric|'value': '3'|'tolerance': '2'"], [], set()),
    "tolerance": ("pi? {#3.14:0.005}", ["numeric|3.14|0.005"], [], set()),
    "numbers": ("x? {#=1.5:0.1 =%50%2:0.5 #fb}", ["numeric|'1.5'|'0.1'"], [], {"note_partial", "note_feedback"}),
    "two full numbers": ("x? {#=1 =2}", [], ["several_numbers"], set()),
    "matching": ("M {=a -> b =c -> d = -> e}", ["matching|'left': 'a'|'right': 'd'|'text': 'e'"], [], set()),
    "bad pair": ("M {=a -> b =c =d -> e}", [], ["bad_pair"], set()),
    "missing word": ("Mahatma {=Gandhi ~Nehru} was born.", ["single|Mahatma _____ was born."], [], set()),
    "html": ("[html]<p>A <b>bold</b> &lt; <img src='x.png'></p>{=[html]<i>a</i> ~b}", ["single|**bold** <|*a*"], [], {"note_picture"}),
    "markdown": ("[markdown]**b** {TRUE#w#r}", ["truefalse|**b**"], [], {"note_feedback"}),
    "general feedback": ("Q {=a ~b ####because\nof it}", ["single|because"], [], set()),
    "id and tags": ("// [id:abc-1] [tag:law]\nQ {T}\n\n// words\n\nR{F}", ["abc-1", "truefalse"], [], {"note_tag"}),
    "comment inside": ("Q\n// inner\n{=a\n//another\n~b}", ["single|'text': 'Q'"], [], set()),
    "category": ("$CATEGORY: top/law/a\n\nQ{T}\n\n$CATEGORY: b\nR{F}", ["law / a", "'point': 'b'"], [], set()),
    "windows": ("Q {T}\r\n\r\nR {=a\r\n~b}\r\n", ["truefalse", "single"], [], set()),
    "old mac": ("Q{T}\r\rR{F}", ["truefalse", "truefalse"], [], set()),
    "blank line inside": ("Q {\n=a\n\n~b\n}", [], ["braces", "braces"], set()),
    "not closed, then a good one": ("Q {=a ~b\n\nR{T}", ["truefalse|'R'"], ["braces"], set()),
    "words alone": ("Just words", [], ["not_a_question"], set()),
    "several blanks": ("Q {=a ~b} and {=c ~d}", [], ["braces"], set()),
    "no right one": ("Q {~a ~b}", [], ["no_correct"], set()),
    "star": ("Who? {=*x =y}", ["blank|'y'"], [], {"note_wildcard"}),
    "utf-16": ("题 {T}".encode("utf-16"), ["truefalse|题"], [], set()),
    "utf-16 without mark": ("下列说法正确的题 {T}".encode("utf-16-le"), ["truefalse|下列"], [], set()),
    "gb18030": ("下列说法正确的是 {=甲 ~乙}".encode("gb18030"), ["single|下列"], [], {"note_encoding"}),
    "latin": (b"Caf\xe9 {T}", [], ["not_decodable"], set()),
    "nothing": ("", [], ["no_questions"], set()),
}  # fmt: skip

AIKEN: dict[str, tuple[Any, list[str], list[str], set[str]]] = {
    "dots and brackets": ("Q?\nA) x\nB) y\nANSWER: B\n\nR?\nA. x\nB. y\nANSWER: A\n", ["'y', 'correct': True", "'x', 'correct': True"], [], set()),
    "full-width": ("题？\nＡ．甲\nＢ．乙\nANSWER：Ｂ", ["'乙', 'correct': True"], [], set()),
    "Chinese": ("题？\nA、甲\nB、乙\n答案：A\n\n题二？\nA、甲\nB、乙\n正确答案: B", ["'甲', 'correct': True", "'乙', 'correct': True"], [], set()),
    "two keys": ("Q?\nA) x\nB) y\nANSWER: A, B", [], ["not_a_letter"], set()),
    "no key, then a good one": ("Q?\nA) x\nB) y\n\nR?\nA) x\nB) y\nANSWER: A", ["'R?'"], ["unfinished"], set()),
    "two lines": ("Q one\nand two?\nA) x\nB) y\nANSWER: A", [], ["several_lines"], set()),
    "gap in the letters": ("Q?\nA) x\nC) y\nANSWER: A", [], ["letter_order"], set()),
    "windows utf-16": ("Q?\r\nA) x\r\nB) y\r\nANSWER: A\r\n".encode("utf-16"), ["single"], [], set()),
}  # fmt: skip


@pytest.mark.parametrize("name", GIFT)
def test_gift(name: str) -> None:
    data, *expected = GIFT[name]
    check(data, "gift", *expected)


@pytest.mark.parametrize("name", AIKEN)
def test_aiken(name: str) -> None:
    data, *expected = AIKEN[name]
    check(data, "aiken", *expected)


def quiz(*questions: str, head: str = "") -> str:
    return f"{head}<quiz>{''.join(questions)}</quiz>"


def question(kind: str, inner: str = "", text: str = "Q") -> str:
    return (
        f'<question type="{kind}"><name><text>n</text></name><questiontext format="html"><text>{text}</text></questiontext>'
        f"{inner}</question>"
    )


TRUE = '<answer fraction="100"><text>true</text></answer><answer fraction="0"><text>false</text></answer>'
DOCTYPE = '<!DOCTYPE quiz [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
MOODLE: dict[str, tuple[Any, list[str], list[str], set[str]]] = {
    "entity": (quiz(question("truefalse", TRUE, "&x;"), head=DOCTYPE), [], ["dtd"], set()),
    "cut off": (quiz(question("truefalse", TRUE), question("truefalse", TRUE, "R"))[:-40], ["truefalse"], ["not_readable"], set()),
    "deep": ("<quiz>" + "<a>" * 5000 + "</a>" * 5000 + "</quiz>", [], ["not_readable"], set()),
    "another root": ("<html/>", [], ["wrong_root"], set()),
    "kinds we have not": (quiz(question("ddwtos"), question("calculated"), question("truefalse", TRUE)), ["truefalse"], ["kind_not_taken"] * 2, set()),
    "cloze, one kind of gap": (quiz(question("cloze", "", "a {1:SA:=Berlin#good~%50%Berlinn} b")), ["blank|[[1]]|Berlin"], [], {"note_partial", "note_feedback"}),
    "cloze, several": (quiz(question("cloze", "", "{1:MCV:=a~b} {2:NM:=3.14:0.01} {1:MULTIRESPONSE:=a~=b~c}")), ["case|single|numeric|multiple"], [], set()),
    "cloze, broken": (quiz(question("cloze", "", "{1:FOO:=a} {1:SA:=a")), [], ["no_gaps"], set()),
    "cloze, escapes": (quiz(question("cloze", "", r"{1:SA:=a\}b~=c\~d}")), ["blank|a}b|c~d"], [], set()),
    "utf-16": (quiz(question("truefalse", TRUE, "中文"), head='<?xml version="1.0" encoding="UTF-16"?>').encode("utf-16"), ["中文"], [], set()),
    "gb2312": (quiz(question("truefalse", TRUE, "中文"), head='<?xml version="1.0" encoding="GB2312"?>').encode("gb18030"), ["中文"], [], set()),
    "lying declaration": (quiz(question("truefalse", TRUE, "中文"), head='<?xml version="1.0" encoding="UTF-16"?>'), [], ["not_decodable"], set()),
    "script": (quiz(question("truefalse", TRUE, "<![CDATA[a<script>alert(1)</script>]]>")), ["'text': 'a'"], [], {"note_media"}),
}  # fmt: skip


@pytest.mark.parametrize("name", MOODLE)
def test_moodle_xml(name: str) -> None:
    data, *expected = MOODLE[name]
    check(data, "moodle-xml", *expected)


def qti(
    body: str, key: str = "", processing: str = "match_correct", kind: str = "identifier", cardinality: str = "single"
) -> str:
    return (
        '<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="i1" title="" adaptive="false" '
        f'timeDependent="false"><responseDeclaration identifier="RESPONSE" cardinality="{cardinality}" baseType="{kind}">{key}'
        f"</responseDeclaration><itemBody>{body}</itemBody>"
        f'<responseProcessing template="http://www.imsglobal.org/question/qti_v2p1/rptemplates/{processing}"/></assessmentItem>'
    )


def right(*values: str) -> str:
    return f"<correctResponse>{''.join(f'<value>{one}</value>' for one in values)}</correctResponse>"


def choices(name: str, *ids: str, more: str = "") -> str:
    return "".join(f'<{name} identifier="{one}"{more}>{one.lower()}</{name}>' for one in ids)


CHOICE = f'<choiceInteraction responseIdentifier="RESPONSE" maxChoices="0"><prompt>P</prompt>{choices("simpleChoice", *"ABC")}</choiceInteraction>'
MAPPING = '<mapping defaultValue="-1" lowerBound="0"><mapEntry mapKey="A" mappedValue="1"/><mapEntry mapKey="B" mappedValue="1"/></mapping>'
MATCHED = ' matchMax="1"'
QTI: dict[str, tuple[Any, list[str], list[str], set[str]]] = {
    "one": (qti(CHOICE.replace('maxChoices="0"', 'maxChoices="1"'), right("B")), ["single|'b', 'correct': True"], [], set()),
    "several by mapping": (qti(CHOICE, right("A", "B") + MAPPING, "map_response", cardinality="multiple"), ["multiple|'points': '2'"], [], {"qti_partial"}),
    "no key": (qti(CHOICE), [], ["qti_no_key"], set()),
    "a key that is not there": (qti(CHOICE, right("Z"), cardinality="multiple"), [], ["qti_unknown_choice"], set()),
    "text": (qti('<p>x <textEntryInteraction responseIdentifier="RESPONSE"/></p>', right("York"), kind="string"), ["blank|York"], [], set()),
    "inline": (qti(f'<p>x <inlineChoiceInteraction responseIdentifier="RESPONSE">{choices("inlineChoice", "G", "L")}</inlineChoiceInteraction></p>', right("L")), ["single|'l', 'correct': True"], [], set()),
    "order": (qti(f'<orderInteraction responseIdentifier="RESPONSE"><prompt>o</prompt>{choices("simpleChoice", *"ABC")}</orderInteraction>', right("B", "A", "C"), cardinality="ordered"), ["ordering"], [], set()),
    "match": (qti(f'<matchInteraction responseIdentifier="RESPONSE" maxAssociations="2"><prompt>m</prompt><simpleMatchSet>{choices("simpleAssociableChoice", "C", "D", more=MATCHED)}</simpleMatchSet><simpleMatchSet>{choices("simpleAssociableChoice", "M", "R", more=MATCHED)}</simpleMatchSet></matchInteraction>', right("C R", "D M"), kind="directedPair", cardinality="multiple"), ["matching|'left': 'c'"], [], set()),
    "associate": (qti(f'<associateInteraction responseIdentifier="RESPONSE" maxAssociations="2"><prompt>m</prompt>{choices("simpleAssociableChoice", *"ABCD", more=MATCHED)}</associateInteraction>', right("A B", "C D"), kind="pair", cardinality="multiple"), ["matching"], [], {"qti_associate"}),
    "extended": (qti('<extendedTextInteraction responseIdentifier="RESPONSE"><prompt>w</prompt></extendedTextInteraction>', kind="string"), ["essay"], [], set()),
    "hotspot": (qti('<hotspotInteraction responseIdentifier="RESPONSE" maxChoices="1"><object type="image/png" data="x.png"/></hotspotInteraction>', right("A")), [], ["qti_interaction"], set()),
    "entity": ('<!DOCTYPE assessmentItem [<!ENTITY x "y">]>' + qti(CHOICE, right("A")), [], ["dtd"], set()),
    "gbk": (('<?xml version="1.0" encoding="GBK"?>' + qti(CHOICE.replace(">P<", ">中文<"), right("A"), cardinality="multiple")).encode("gb18030"), ["中文"], [], set()),
}  # fmt: skip


@pytest.mark.parametrize("name", QTI)
def test_qti(name: str) -> None:
    data, *expected = QTI[name]
    check(data, "qti", *expected)


def zipped(files: dict[str, Any], link: str = "", bomb: str = "") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
        if link:
            info = zipfile.ZipInfo(link)
            info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            made.writestr(info, "/etc/passwd")
        if bomb:
            with made.open(bomb, "w") as out:
                for _ in range(60):
                    out.write(b" " * 1024 * 1024)
    return held.getvalue()


ITEM = qti(CHOICE, right("A"), cardinality="multiple")
ZIPS: dict[str, tuple[Any, list[str], list[str], set[str]]] = {
    "out of the folder": (zipped({"../evil.xml": ITEM, "a.xml": ITEM}), [], ["zip_path"], set()),
    "absolute": (zipped({"/abs.xml": ITEM}), [], ["zip_path"], set()),
    "link": (zipped({"a.xml": ITEM}, link="l.xml"), [], ["zip_path"], set()),
    "bomb": (zipped({"a.xml": ITEM}, bomb="b.xml"), [], ["zip_unpacked"], set()),
    "without manifest": (zipped({"x/a.xml": ITEM, "__MACOSX/._a.xml": b"junk"}), ["multiple"], [], {"qti_no_manifest"}),
    "cut off": (zipped({"a.xml": ITEM})[:-40], [], ["not_readable"], set()),
}


@pytest.mark.parametrize("name", ZIPS)
def test_zips(name: str) -> None:
    data, *expected = ZIPS[name]
    check(data, "qti", *expected)


JUNK = (b"", b"\0\0\0", b"\xff\xfe", b"PK\x03\x04", b"[1,2", b"{", b"\xef\xbb\xbf", b"<", b"a: &x [1]\nb: *x",
        b"- !!python/object/apply:os.system ['ls']", b"\x00" * 5000, bytes(range(256)) * 20)  # fmt: skip


@pytest.mark.parametrize("format", formats())
def test_junk_is_refused_in_words(format: str) -> None:
    for data in JUNK:
        reading = read(data, format)
        assert not reading.items and reading.refusals
        assert all(one.text("zh") and one.text("en") for one in reading.refusals)
