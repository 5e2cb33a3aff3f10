"""Aiken: https://docs.moodle.org/en/Aiken_format."""

from __future__ import annotations

from pathlib import Path

import pytest
from question_samples import ITEMS

from question_bank.formats import read, write
from question_bank.items import Item

FILES = Path(__file__).parent / "files"


def refused(text: str):
    return [(refusal.where, refusal.field, refusal.reason) for refusal in read(text.encode(), "aiken").refusals]


@pytest.mark.parametrize("mark", [". ", ") ", ".", ")", "．", "）", "、"])
def test_a_question(mark):
    (item,) = read(f"Q?\nA{mark}one\nB{mark}two\nANSWER: B".encode(), "aiken").items
    assert (item.kind, item.text) == ("single", "Q?")
    assert [(option.text, option.correct) for option in item.options] == [("one", False), ("two", True)]


@pytest.mark.parametrize("answer", ["ANSWER: B", "ANSWER:B", "ANSWER : B", "answer: B", "ANSWER：B", "ANSWER: B."])
def test_the_key(answer):
    (item,) = read(f"Q\nA. x\n\nB. y\r\n{answer}".encode(), "aiken").items
    assert item.options[1].correct


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("Q\nA. x\nB. y\n", ("line 1", "", "unfinished")),
        ("Q\nA. x\nB. y\nANSWER: C", ("line 4", "", "not_a_letter")),
        ("Q\nA. x\nB. y\nANSWER: A, B", ("line 4", "", "not_a_letter")),
        ("Q\nA. x\nB. y\nANSWER:", ("line 4", "", "not_a_letter")),
        ("Q\nA. x\nANSWER: A", ("line 1", "options", "too_few")),
        ("Q\nANSWER: A", ("line 1", "options", "too_few")),
        ("Q\nA. x\nC. y\nANSWER: A", ("line 3", "", "letter_order")),
        ("Q\nA. x\nA. y\nANSWER: A", ("line 3", "", "letter_order")),
        ("Q\nA. x\nB. x\nANSWER: A", ("line 1", "options[1]", "duplicate")),
        ("Q\nA. x\nB.\nANSWER: A", ("line 1", "options[1].text", "required")),
        ("Q\nmore\nA. x\nB. y\nANSWER: A", ("line 2", "", "several_lines")),
        ("ANSWER: A", ("line 1", "", "no_stem")),
        ("\n\n", ("", "", "no_questions")),
    ],
)
def test_what_is_wrong_is_named_by_its_line(text, refusal):
    assert refused(text) == [refusal]


def test_two_stems_in_a_row_are_two_questions_of_which_one_is_unfinished():
    text = "First\n\nSecond\nA. x\nB. y\nANSWER: A"
    assert refused(text) == [("line 1", "", "unfinished")]
    assert [item.text for item in read(text.encode(), "aiken").items] == ["Second"]


def test_a_file_with_many_faults():
    reading = read((FILES / "quiz.aiken.txt").read_bytes(), "aiken")
    assert [item.text for item in reading.items] == [
        "技术合同认定登记由谁申请？",
        "What is the largest of these?",
        "全角也行？",
    ]
    assert [option.text for option in reading.items[1].options] == ["2\\*3\\*4", "2 < 3", "[none]", "5"]
    assert [(refusal.where, refusal.reason) for refusal in reading.refusals] == [
        ("line 13", "unfinished"), ("line 18", "several_lines"), ("line 23", "no_stem"), ("line 24", "no_stem"),
        ("line 28", "letter_order"), ("line 34", "not_a_letter"), ("line 36", "too_few"), ("line 44", "unfinished"),
    ]  # fmt: skip


def test_what_is_written_and_what_is_lost():
    writing = write(list(ITEMS.values()), "aiken")
    assert (
        writing.data.decode()
        == "科技成果转化奖励的下限是净收入的多少？\nA) 20%\nB) 50%\nC) 70%\nD) 以上均不是\nANSWER: B\n"
    )
    assert [line for line in writing.losses if line.startswith("s1")] == [
        f"s1: {field}" for field in ("id", "text", "level", "module", "difficulty", "point", "options[0].feedback", "shuffle",
                                     "explanation", "source", "enemies")
    ]  # fmt: skip
    assert [line for line in writing.losses if line.endswith("question")] == [
        f"{i}: question" for i in ITEMS if i != "s1"
    ]


@pytest.mark.parametrize("text", ["一\n二", "A. Smith", "ANSWER: me", "| a |\n| - |\n| b |", "![x](y)"])
def test_a_stem_that_would_be_read_as_something_else_is_left_out(text):
    raw = {"id": "q", "kind": "single", "text": text, "options": [{"text": "a", "correct": True}, {"text": "b"}]}
    assert write([Item.from_dict(raw)], "aiken").losses == ["q: question"]
