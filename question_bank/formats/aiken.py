"""Aiken: single choice in plain text, and nothing else.

The question on one line; the options below, each behind its letter (``A.`` or ``A)``, from A on); then ``ANSWER: B``. We also take the full-width marks
``A．``, ``A）``, ``A、`` and ``ANSWER：``, full-width letters, and ``答案：B``. Everything besides question, options and key is lost: so are the id, which is made anew from the words, and marks of
emphasis. A question of several lines is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from question_bank.formats import markup
from question_bank.formats.carrying import carried
from question_bank.formats.decoding import Undecodable, decode
from question_bank.formats.results import Reading, Refusal, Writing
from question_bank.formats.taking import Full, Notes, Taking
from question_bank.items import Item, Kind

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NARROW = {ord("Ａ") + n: letter for n, letter in enumerate(LETTERS)}
_OPTION = re.compile(r"([A-ZＡ-Ｚ])[.)．）、][ \t]*(.*)")
_ANSWER = re.compile(r"(?:ANSWER|(?:正确|参考)?答案)[ \t]*[:：][ \t]*(.*)", re.IGNORECASE)
_LETTER = re.compile(r"([A-ZＡ-Ｚ])[.)．）、]?\Z")


@dataclass
class _Question:
    line: int
    text: str
    options: list[str] = field(default_factory=list)
    #: The first thing that is wrong with it: line, reason, values.
    fault: tuple[int, str, dict[str, object]] | None = None


# --- reading ------------------------------------------------------------------------------------------------------------


def read(data: bytes) -> Reading:
    """Questions of an Aiken file. See ``formats.read``."""
    try:
        text, notes = decode(data)
    except Undecodable as error:
        return Reading([], [error.refusal])
    return _read_text(text, notes)


def _read_text(text: str, notes: Sequence[Refusal] = ()) -> Reading:
    taking = Taking(notes)
    now: _Question | None = None
    gap = True
    try:
        for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
            line = line.strip(" \t\0")
            if not line:
                gap = True
                continue
            option, answer = _OPTION.match(line), _ANSWER.match(line)
            if option or answer:
                if now is None:
                    taking.refuse(f"line {number}", "no_stem")
                elif option:
                    _add(now, number, option[1].translate(_NARROW), option[2])
                elif answer:
                    _take(now, number, answer[1].strip(), taking)
                    now = None
            elif now is not None and not gap and not now.options:
                now.fault = now.fault or (number, "several_lines", {})
            else:
                if now is not None:
                    taking.refuse(f"line {now.line}", "unfinished")
                taking.meet()
                now = _Question(number, line)
            gap = False
        if now is not None:
            taking.refuse(f"line {now.line}", "unfinished")
    except Full:
        pass
    return taking.done()


def _add(question: _Question, number: int, letter: str, text: str) -> None:
    expected = LETTERS[len(question.options)] if len(question.options) < len(LETTERS) else "–"
    if letter != expected:
        question.fault = question.fault or (number, "letter_order", {"expected": expected})
    question.options.append(text.strip(" \t"))


def _take(question: _Question, number: int, answer: str, taking: Taking) -> None:
    letter = _LETTER.match(answer)
    key = LETTERS.index(letter[1].translate(_NARROW)) if letter else -1
    if not 0 <= key < max(1, len(question.options)):
        question.fault = question.fault or (number, "not_a_letter", {"answer": answer[:40]})
    if question.fault:
        line, reason, values = question.fault
        taking.reading.refusals.append(Refusal(f"line {line}", reason, "", values))
        return
    options = [{"text": markup.from_plain(text), "correct": n == key} for n, text in enumerate(question.options)]
    data = {"kind": Kind.SINGLE.value, "text": markup.from_plain(question.text), "options": options}
    taking.take(f"line {question.line}", data, Notes())


# --- writing ------------------------------------------------------------------------------------------------------------


def write(items: Sequence[Item]) -> Writing:
    """Single choice questions as Aiken; others are left out and named in the losses."""
    written, losses = carried(items, _written, _read_text)
    return Writing("\n".join(written).encode(), losses)


def _written(item: Item) -> str | None:
    words = [markup.plain(text) for text in (item.text, *(option.text for option in item.options))]
    if item.kind is not Kind.SINGLE or any(text is None or re.search(r"[\r\n]", text) for text in words):
        return None
    stem, *options = words
    key = next(n for n, option in enumerate(item.options) if option.correct)
    lines = [stem, *(f"{LETTERS[n]}) {text}" for n, text in enumerate(options)), f"ANSWER: {LETTERS[key]}"]
    return "\n".join(map(str, lines)) + "\n"
