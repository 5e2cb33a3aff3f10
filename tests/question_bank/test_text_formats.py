"""What GIFT, Moodle XML and Aiken have in common: they read back what they write, or say what they do not."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from question_samples import ITEMS
from question_strategies import NASTY, TAME, items

from question_bank.formats import Reading, read, write
from question_bank.formats.compare import differences, losses
from question_bank.formats.markup import plain
from question_bank.items import Kind

FORMATS = ["gift", "moodle-xml", "aiken"]
ALL = list(ITEMS.values())
NOT_CASES = tuple(kind for kind in Kind if kind is not Kind.CASE)


def refused(reading: Reading):
    return [(refusal.where, refusal.field, refusal.reason) for refusal in reading.refusals]


def noted(reading: Reading):
    return [(note.where, note.field, note.reason) for note in reading.notes]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300) | st.text(st.sampled_from(NASTY + "ANSWER:TF"), max_size=120).map(str.encode))
def test_whatever_the_bytes_there_is_an_answer(name, data):
    reading = read(data, name)
    assert reading.items or reading.refusals
    for told in reading.refusals + reading.notes:
        assert told.text("zh") and told.text("en") and "{" not in told.reason


@pytest.mark.parametrize("name", ["gift", "moodle-xml"])
@settings(max_examples=40, deadline=None)
@given(items())
def test_a_question_comes_back_or_is_named(name, item):
    writing = write([item], name)
    reading = read(writing.data, name)
    assert sorted(writing.losses) == sorted(losses([item], reading.items))
    assert reading.refusals == [] or (reading.items == [] and refused(reading) == [("", "", "no_questions")])
    if reading.items:
        assert {line.split(": ")[1].split(".")[-1].split("[")[0] for line in writing.losses} <= {
            "text", "left", "right", "sequence", "distractors", "explanation", "feedback", "rubric", "reference", "point", "source",
        }  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(items(NOT_CASES, TAME))
def test_moodle_xml_loses_nothing_but_essays_in_cases(item):
    rights = [pair.right for pair in item.pairs] + [choice.text for choice in item.distractors]
    assume(all(plain(right) == right for right in rights))  # Moodle's are plain text
    assert write([item], "moodle-xml").losses == []


@settings(max_examples=40, deadline=None)
@given(items(NOT_CASES, TAME))
def test_gift_loses_only_what_it_has_no_form_for(item):
    without_form = item.kind is Kind.BLANK and len(item.blanks) > 1
    expected = [f"{item.id}: question"] if without_form else []
    if item.kind is Kind.ESSAY:
        expected = [f"{item.id}: {field}" for field in ("rubric", "reference") if getattr(item, field)]
    assert write([item], "gift").losses == expected


@settings(max_examples=30, deadline=None)
@given(items((Kind.SINGLE,)))
def test_aiken_keeps_question_options_and_key(item):
    writing = write([item], "aiken")
    reading = read(writing.data, "aiken")
    if not reading.items:
        assert writing.losses == [f"{item.id}: question"]
        return
    (back,) = reading.items
    assert writing.losses == [f"{item.id}: {field}" for field in differences(item, back)]
    assert [option.correct for option in back.options] == [option.correct for option in item.options]


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("gift", ["b1: question", "c1: question", "e1: rubric", "e1: reference"]),
        ("moodle-xml", ["c1: question"]),
    ],
)
def test_what_of_the_samples_is_lost(name, lost):
    writing = write(ALL, name)
    assert writing.losses == lost
    reading = read(writing.data, name)
    assert (reading.refusals, reading.notes) == ([], [])
    left_out = {line.split(":")[0] for line in lost if line.endswith("question")}
    assert [item.id for item in reading.items] == [item.id for item in ALL if item.id not in left_out]


def test_no_questions_make_a_file_without_questions():
    for name in FORMATS:
        writing = write([], name)
        assert writing.losses == [] and refused(read(writing.data, name)) == [("", "", "no_questions")]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_encodings(name, encoding):
    text = write([ITEMS["s1"]], name).data.decode()
    if name == "moodle-xml":
        text = text.replace("UTF-8", "gb2312") if encoding == "gb18030" else text.split("\n", 1)[1]
    reading = read(text.encode(encoding), name)
    assert [item.text.replace("**", "") for item in reading.items] == ["科技成果转化奖励的下限是净收入的多少？"]
    guessed = encoding == "gb18030" and name != "moodle-xml"
    assert [note.reason for note in reading.notes] == (["note_encoding"] if guessed else [])


@pytest.mark.parametrize("name", FORMATS)
def test_no_encoding_at_all(name):
    assert refused(read(b"abc\xff\xff\xff", name)) == [("", "", "not_decodable")]


@pytest.mark.parametrize("name", FORMATS)
def test_more_questions_than_a_file_may_hold(name, monkeypatch):
    monkeypatch.setattr("question_bank.formats.taking.MOST_QUESTIONS", 2)
    single = ITEMS["s1"].to_dict()
    from question_bank.items import Item

    many = [Item.from_dict(single | {"id": f"s{n}", "text": f"问题 {n}"}) for n in range(4)]
    monkeypatch.setattr("question_bank.formats.taking.MOST_QUESTIONS", 9)
    data = write(many, name).data
    monkeypatch.setattr("question_bank.formats.taking.MOST_QUESTIONS", 2)
    reading = read(data, name)
    assert len(reading.items) == 2
    assert refused(reading) == [("", "", "too_many_questions")]


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_question_twice(name):
    data = write([ITEMS["s1"]], name).data
    body = data if name != "moodle-xml" else data.replace(b"</quiz>", b"").split(b"<quiz>")[1]
    twice = data + b"\n" + body if name != "moodle-xml" else data.replace(b"</quiz>", body + b"</quiz>")
    reading = read(twice, name)
    assert len(reading.items) == 1
    assert [refusal.reason for refusal in reading.refusals] == ["duplicate_id"]


def test_a_file_that_is_too_large_is_not_opened():
    for name in FORMATS:
        assert refused(read(b" " * (20 * 1024 * 1024 + 1), name)) == [("", "", "too_large")]
