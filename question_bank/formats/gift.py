"""Moodle's GIFT, as ``qformat_gift`` reads and writes it: paragraphs with an answer block in braces.

``::name::[format]words { answers } more words``. The block decides the kind: nothing in it is an essay, ``T`` or ``F`` true/false, ``#`` a number
(``12:0.5``, ``11.5..12.5``), ``~`` choices, ``= … -> …`` matching, ``=`` short answers, ``>`` ordering (the question type *ordering*). ``#`` begins
feedback, ``####`` the general feedback, ``%50%`` a weight. A backslash takes ``~ = # { } :`` and itself as characters, ``\\n`` is a line break.
Lines that begin with ``//`` are comments; ``[id:…]`` and ``[tag:…]`` in them are the question's id and tags. ``$CATEGORY: a/b/c`` holds for what follows.

Choices without ``=`` are a multiple question, any positive weight is right. A gap within the words is ``[[1]]`` for short answers and
``_____`` for other kinds. Ours go out in Markdown (``[markdown]``), classified by tags (:mod:`question_bank.formats.labels`). There is no form for
cases and for several gaps; an essay's rubric and reference have no place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any

from question_bank.formats import labels
from question_bank.formats.carrying import carried
from question_bank.formats.decoding import Undecodable, decode
from question_bank.formats.labels import Category
from question_bank.formats.moodle import (
    AUTO,
    HTML,
    MARKDOWN,
    PLAIN,
    Weighted,
    accepted,
    markdown_of,
    number_of,
    set_number,
    set_options,
    starred,
    weight_of,
    weights_for,
    words_of,
)
from question_bank.formats.results import Reading, Refusal, Writing
from question_bank.formats.taking import Full, Notes, Taking
from question_bank.items import BadItem, Item, Kind

CATEGORY = "$CATEGORY:"
_FORMATS = {"html": HTML, "markdown": MARKDOWN, "plain": PLAIN, "moodle": AUTO}
_TRIMMED = " \t\n\r\v\0"
_ESCAPE = re.compile(r"\\([\\:#={}~n])")
#: Stand-ins for escaped characters while the structure is read; the characters themselves cannot be in a question.
_STAND_INS = {":": "\x01", "#": "\x02", "=": "\x03", "{": "\x04", "}": "\x05", "~": "\x06", "n": "\x07", "\\": "\\"}
_CHARACTERS = str.maketrans({mark: "\n" if name == "n" else name for name, mark in _STAND_INS.items() if name != "\\"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WEIGHT = re.compile(r"%(-*[0-9]{1,2}\.?[0-9]*)%")
_ID = re.compile(r"\[id:((?:\\\]|[^\]\x00-\x1f\x7f])+)\]")
_TAG = re.compile(r"\[tag:((?:\\\]|[^\]\x00-\x1f\x7f])+)\]")
_TAGS = re.compile(r"\[tags:((?:\\\]|[^\]\x00-\x1f\x7f])+)\]")
_ORDERING = re.compile(
    r">[ \t]*(?:(\d+)[ \t]*)?(?:(?:ALL|EXACT|RANDOM|REL|CONTIGUOUS|CONTIG)\b[ \t]*)?(?:(?:HORIZONTAL|HORI|H|VERTICAL|VERT|V|1|0)\b[ \t]*)?"
    r"(?:(?:ALL_OR_NOTHING|ABSOLUTE_POSITION|ABSOLUTE|ABS|RELATIVE\w*|REL|LONGEST\w*)\b[ \t]*)?(?:(?:SHOW|TRUE|YES|HIDE|FALSE|NO|1|0)\b[ \t]*)?"
    r"(?:(?:none|abc|ABCD?|123|iii|III|IIII)\b[ \t]*)?"
)


# --- reading ------------------------------------------------------------------------------------------------------------


@dataclass
class _Paragraph:
    """Lines between blank ones: a question, a category, or comments alone."""

    line: int
    lines: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


def read(data: bytes) -> Reading:
    """Questions of a GIFT file. See ``formats.read``."""
    try:
        text, notes = decode(data)
    except Undecodable as error:
        return Reading([], [error.refusal])
    return _read_text(text, notes)


def _read_text(text: str, notes: Sequence[Refusal] = ()) -> Reading:
    taking = Taking(notes)
    category = Category()
    try:
        for paragraph in _paragraphs(text):
            if paragraph.lines and paragraph.lines[0].startswith(CATEGORY):
                category = Category.of(_characters(_marked(paragraph.lines.pop(0)[len(CATEGORY) :])))
                paragraph.line += 1
            if paragraph.lines:
                taking.meet()
                _take(paragraph, category, taking)
    except Full:
        pass
    return taking.done()


def _paragraphs(text: str) -> Iterator[_Paragraph]:
    now = _Paragraph(0)
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        line = line.strip(_TRIMMED)
        if not line:
            yield now
            now = _Paragraph(0)
        elif line.startswith("//"):
            now.comments.append(line)
        else:
            now.line = now.line or number
            now.lines.append(line)
    yield now


def _marked(text: str) -> str:
    return _ESCAPE.sub(lambda found: _STAND_INS[found[1]], text)


def _characters(text: str) -> str:
    return text.translate(_CHARACTERS).strip(_TRIMMED)


def _take(paragraph: _Paragraph, category: Category, taking: Taking) -> None:
    where = f"line {paragraph.line}"
    notes = Notes()
    data: dict[str, Any] = {}
    try:
        text = "\n".join(paragraph.lines)
        if _CONTROL.search(text):
            raise BadItem("", "control_character")
        text = _marked(text)
        name = ""
        if text.startswith("::") and "::" in text[2:]:
            name, text = (part.strip(_TRIMMED) for part in text[2:].split("::", 1))
            name = _characters(name)
        comment = "\n".join(paragraph.comments)
        found = _ID.search(comment)
        labels.set_id(data, found[1].strip().replace("\\]", "]") if found else "", notes)
        where += f" · {data['id']}" if "id" in data else f" · {name[:40]}" if name else ""
        notes.names = int(bool(name) and name != data.get("id"))
        _read_question(text, data, notes)
        labels.set_tags(data, _tags(comment), notes)
        category.fill(data, notes)
    except BadItem as bad:
        taking.reading.refusals.append(Refusal.of(where, bad))
        return
    taking.take(where, data, notes)


def _tags(comment: str) -> list[str]:
    tags = [found.replace("\\]", "]") for found in _TAG.findall(comment)]
    for several in _TAGS.findall(comment):
        tags += [tag.strip() for tag in several.replace("\\]", "]").split(",")]
    return tags


def _read_question(text: str, data: dict[str, Any], notes: Notes) -> None:
    start, end = text.find("{"), text.find("}")
    if start < 0 and end < 0:
        raise BadItem("", "not_a_question")
    if start < 0 or end < start or "{" in text[start + 1 : end] or re.search(r"[{}]", text[end + 1 :]):
        raise BadItem("", "braces")
    block = text[start + 1 : end].strip(_TRIMMED)
    explanation = ""
    if "####" in block:
        block, explanation = (part.strip(_TRIMMED) for part in block.rsplit("####", 1))
    kind = _kind(block)
    before, after = text[:start], text[end + 1 :]
    if kind is Kind.BLANK:
        gap = "\x0e"
    else:
        gap = "_____" if after.strip(_TRIMMED) else ""
    form, words = _format(before + gap + after, AUTO)
    data["kind"] = kind.value
    words = markdown_of(_characters(words), form, notes, "text")
    data["text"] = words.replace("\x0e", "[[1]]")
    own, explanation = _format(explanation, form)
    data["explanation"] = markdown_of(_characters(explanation), own, notes, "explanation")
    _READERS[kind](block, form, data, notes)


def _kind(block: str) -> Kind:
    if not block:
        return Kind.ESSAY
    if block.startswith("#"):
        return Kind.NUMERIC
    if block.startswith(">"):
        return Kind.ORDERING
    if "~" in block:
        return Kind.SINGLE if "=" in block else Kind.MULTIPLE
    if "=" in block and "->" in block:
        return Kind.MATCHING
    if block.split("#", 1)[0].strip(_TRIMMED) in ("T", "TRUE", "F", "FALSE"):
        return Kind.TRUEFALSE
    return Kind.BLANK


def _format(text: str, otherwise: str) -> tuple[str, str]:
    """The format named in brackets before a text, and the text without it."""
    text = text.strip(_TRIMMED)
    name, bracket, rest = text[1:].partition("]")
    if text.startswith("[") and bracket and name in _FORMATS:
        return _FORMATS[name], rest.strip(_TRIMMED)
    return otherwise, text


def _answers(block: str, sign: str) -> list[str]:
    parts = [part.strip(_TRIMMED) for part in block.split(sign)]
    return parts if parts[0] else parts[1:]


def _weighed(answer: str, otherwise: int) -> tuple[Decimal, str]:
    found = _WEIGHT.match(answer)
    if not found:
        return Decimal(otherwise), answer
    return weight_of(re.sub(r"^-+", "-", found[1])), answer[found.end() :].strip(_TRIMMED)


def _feedback(answer: str, form: str, notes: Notes, place: str) -> tuple[str, str]:
    """An answer (still with its stand-ins) and its feedback as plain words."""
    answer, _, feedback = answer.partition("#")
    own, feedback = _format(feedback, form)
    return answer.strip(_TRIMMED), words_of(_characters(feedback), own, notes, place)


def _read_choices(block: str, form: str, data: dict[str, Any], notes: Notes) -> None:
    rows = []
    for n, answer in enumerate(_answers(block.replace("=", "~="), "~")):
        if answer.startswith("="):
            weight, answer = Decimal(100), answer[1:]
        else:
            weight, answer = _weighed(answer, 0)
        answer, feedback = _feedback(answer, form, notes, f"options[{n}].feedback")
        own, words = _format(answer, form)
        words = markdown_of(_characters(words), own, notes, f"options[{n}].text")
        rows.append(Weighted(words, weight, feedback))
    set_options(data, rows, notes)


def _read_truefalse(block: str, form: str, data: dict[str, Any], notes: Notes) -> None:
    answer, *feedback = block.split("#", 2)
    data["answer"] = answer.strip(_TRIMMED).startswith("T")
    for one in feedback:
        own, words = _format(one, form)
        if words:
            notes.add("note_feedback", "answer", text=words_of(_characters(words), own, notes, "answer"))


def _read_blank(block: str, form: str, data: dict[str, Any], notes: Notes) -> None:
    rows = []
    for answer in _answers(block, "="):
        weight, answer = _weighed(answer, 100)
        answer, feedback = _feedback(answer, form, notes, "blanks[0]")
        rows.append(Weighted(_characters(_format(answer, form)[1]), weight, feedback))
    data["blanks"] = [accepted(rows, notes)]


def _read_number(block: str, form: str, data: dict[str, Any], notes: Notes) -> None:
    block, wave, wrong = block[1:].partition("~")
    if wave and _feedback(wrong, form, notes, "value")[1]:
        notes.add("note_feedback", "value", text=_feedback(wrong, form, notes, "value")[1])
    rows = []
    for answer in _answers(block, "="):
        weight, answer = _weighed(answer, 100)
        answer, feedback = _feedback(answer, form, notes, "value")
        answer = _characters(answer)
        tolerance = ""
        if ".." in answer[1:]:
            low, high = (number_of(side, "value") for side in answer.split("..", 1))
            with localcontext(prec=70):
                answer, tolerance = str((low + high) / 2), str((high - low) / 2)
        elif ":" in answer[1:]:
            answer, tolerance = (part.strip() for part in answer.split(":", 1))
        rows.append(Weighted(answer, weight, feedback, tolerance))
    set_number(data, rows, notes)


def _read_matching(block: str, form: str, data: dict[str, Any], notes: Notes) -> None:
    data["pairs"], data["distractors"] = [], []
    for n, answer in enumerate(_answers(block, "=")):
        left, arrow, right = answer.partition("->")
        if not arrow:
            raise BadItem("pairs", "bad_pair", line=_characters(answer)[:60])
        own, left = _format(left, form)
        left = markdown_of(_characters(left), own, notes, f"pairs[{n}].left")
        # Moodle takes right sides as plain text; where the question is Markdown, ours are too.
        right = markdown_of(_characters(right), MARKDOWN if form == MARKDOWN else PLAIN, notes, f"pairs[{n}].right")
        if left:
            data["pairs"].append({"left": left, "right": right})
        else:
            data["distractors"].append(right)


def _read_ordering(block: str, form: str, data: dict[str, Any], notes: Notes) -> None:
    head = _ORDERING.match(block)
    rest = block[head.end() :] if head else block
    lines = [line.strip(_TRIMMED) for line in rest.split("\n")]
    lines = [line for line in lines if line]
    if head and head[1] and int(head[1][:9]) not in (0, len(lines)):
        notes.add("note_text", "sequence", text=f"{head[1]} / {len(lines)}")
    data["sequence"] = []
    for n, line in enumerate(lines):
        own, words = _format(line, form)
        data["sequence"].append(markdown_of(_characters(words), own, notes, f"sequence[{n}]"))


def _read_essay(block: str, form: str, data: dict[str, Any], notes: Notes) -> None:
    """Nothing stands in the block."""


_READERS: dict[Kind, Callable[[str, str, dict[str, Any], Notes], None]] = {
    Kind.SINGLE: _read_choices,
    Kind.MULTIPLE: _read_choices,
    Kind.TRUEFALSE: _read_truefalse,
    Kind.BLANK: _read_blank,
    Kind.NUMERIC: _read_number,
    Kind.MATCHING: _read_matching,
    Kind.ORDERING: _read_ordering,
    Kind.ESSAY: _read_essay,
}


# --- writing ------------------------------------------------------------------------------------------------------------


def write(items: Sequence[Item]) -> Writing:
    """Questions as GIFT. One that has no form there is left out and named in the losses."""
    written, losses = carried(items, _written, _read_text)
    return Writing("\n".join(written).encode(), losses)


def _written(item: Item) -> str | None:
    block = _BLOCKS[item.kind](item) if item.kind in _BLOCKS else None
    if block is None:
        return None
    # A tag has one escape, of its bracket: a backslash before one, or a line break, cannot be written.
    held = [tag for tag in labels.tags_of(item) if not _CONTROL.search(tag) and not re.search(r"\n|\\(?:\]|\Z)", tag)]
    tags = "".join(f" [tag:{tag}]" for tag in (tag.replace("]", "\\]") for tag in held))
    if item.explanation:
        block += f"####{_text(item.explanation)}"
    if item.kind is Kind.BLANK:
        before, _, after = item.text.partition("[[1]]")
        words = f"{_escaped(before)}{{{block}}}{_escaped(after)}"
    else:
        words = f"{_escaped(item.text)}{{{block}}}"
    return f"// [id:{item.id}]{tags}\n::{_escaped(item.id)}::[markdown]{words}\n"


def _escaped(text: str) -> str:
    return re.sub(r"[\\:#={}~]", r"\\\g<0>", text).replace("\n", "\\n")


def _text(text: str) -> str:
    """A text that inherits the question's format; where it begins like the name of a format, the format is named."""
    named = re.match(r"\s*\[(?:html|markdown|plain|moodle)\]", text)
    return ("[markdown]" if named else "") + _escaped(text)


def _remark(feedback: str) -> str:
    return f"#[plain]{_escaped(feedback)}" if feedback else ""


def _choices(item: Item) -> str:
    if item.kind is Kind.SINGLE:
        signs = ["=" if option.correct else "~" for option in item.options]
    else:
        signs = [f"~%{weight}%" for weight in weights_for([option.correct for option in item.options])]
    lines = []
    for sign, option in zip(signs, item.options, strict=True):
        if sign == "~" and option.text.lstrip().startswith("%"):
            sign = "~%0%"
        lines.append(f"\t{sign}{_text(option.text)}{_remark(option.feedback)}\n")
    return "\n" + "".join(lines)


def _blank(item: Item) -> str | None:
    if len(item.blanks) != 1:
        return None
    return "".join(f"=%100%{_text(starred(word))} " for word in item.blanks[0].accepted).rstrip(" ")


def _matching(item: Item) -> str:
    pairs = [f"\t={_text(pair.left)} -> {_escaped(pair.right)}\n" for pair in item.pairs]
    return "\n" + "".join([*pairs, *(f"\t= -> {_escaped(choice.text)}\n" for choice in item.distractors)])


def _ordering(item: Item) -> str:
    steps = "".join(f"{_text(step.text)}\n" for step in item.sequence)
    return f">{len(item.sequence)} ALL VERTICAL RELATIVE_NEXT_EXCLUDE_LAST SHOW none\n{steps}"


_BLOCKS: dict[Kind, Callable[[Item], str | None]] = {
    Kind.SINGLE: _choices,
    Kind.MULTIPLE: _choices,
    Kind.TRUEFALSE: lambda item: "TRUE" if item.answer else "FALSE",
    Kind.BLANK: _blank,
    Kind.NUMERIC: lambda item: f"#{item.value}:{item.tolerance}",
    Kind.MATCHING: _matching,
    Kind.ORDERING: _ordering,
    Kind.ESSAY: lambda item: "",
}
