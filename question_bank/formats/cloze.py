"""Moodle's embedded answers (*cloze*): ``{1:SHORTANSWER:=right~%50%half#remark~*#else}`` within the words of a question.

The number is the gap's share, then its type, then alternatives between ``~``: ``=`` or a percentage before an answer, ``#`` before its feedback.
``\\}``, ``\\~`` and ``\\#`` stand for the characters, as do character references. What becomes of such a question:

* all gaps short answers: a 填空 with as many gaps;
* one gap of another type: a question of that kind, with ``_____`` where the gap was;
* several, of several types: a case, with one part for each gap and ``［1］`` where it was.

A case of ours is written as paragraphs, each part behind ``**［1］**`` with its gap at the end (a number's unit behind it), and such paragraphs are read
as parts again. An essay has no gap, so a case with one has no form; explanations of parts have no place.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from question_bank.formats import markup
from question_bank.formats.moodle import (
    HTML,
    Weighted,
    accepted,
    markdown_of,
    set_number,
    set_options,
    starred,
    weight_of,
    words_of,
)
from question_bank.formats.taking import Notes
from question_bank.items import BadItem, Item, Kind, Part

_SHORT, _SHORT_EXACT, _NUMBER, _ONE, _SEVERAL = "short", "exact", "number", "one", "several"
_TYPES = {
    **dict.fromkeys(("SHORTANSWER", "SA", "MW"), _SHORT),
    **dict.fromkeys(("SHORTANSWER_C", "SAC", "MWC"), _SHORT_EXACT),
    **dict.fromkeys(("NUMERICAL", "NM"), _NUMBER),
    **dict.fromkeys(
        ("MULTICHOICE", "MC", "MULTICHOICE_V", "MCV", "MULTICHOICE_H", "MCH", "MULTICHOICE_S", "MCS", "MULTICHOICE_VS", "MCVS",
         "MULTICHOICE_HS", "MCHS"), _ONE),
    **dict.fromkeys(("MULTIRESPONSE", "MR", "MULTIRESPONSE_H", "MRH", "MULTIRESPONSE_S", "MRS", "MULTIRESPONSE_HS", "MRHS"), _SEVERAL),
}  # fmt: skip
_SHUFFLED = frozenset(
    "MULTICHOICE_S MCS MULTICHOICE_VS MCVS MULTICHOICE_HS MCHS MULTIRESPONSE_S MRS MULTIRESPONSE_HS MRHS".split()
)
_START = re.compile(r"\{(\d{0,4}):([A-Z_]{2,16}):")
_SHARE = re.compile(r"=|%(-?[0-9]+(?:[.,][0-9]*)?)%")
_ANSWER_ENDS = re.compile(r"(?<![\\&])(?<!&amp;)[~#}]")
_FEEDBACK_ENDS = re.compile(r"(?<!\\)[~}]")
_NUMBER_WRITTEN = re.compile(
    r"(-?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?)(?::(-?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?))?\Z"
)
#: The two choices by which a true/false part is written.
RIGHT, WRONG = "对", "错"
_GAP = re.compile("\x0e([0-9]+)\x0f")


@dataclass
class _Gap:
    type: str
    shuffled: bool
    share: Decimal
    rows: list[Weighted]


# --- reading ------------------------------------------------------------------------------------------------------------


def read_cloze(text: str, form: str, data: dict[str, Any], notes: Notes) -> None:
    """Fill in kind, text and answers of a question with embedded answers. Raises ``BadItem``."""
    words, gaps = _gaps(text)
    if not gaps:
        raise BadItem("text", "no_gaps")
    words = markdown_of(words, form, notes, "text")
    sections = _sections(words, gaps)
    if sections:
        data["kind"] = Kind.CASE.value
        data["text"] = sections[0]
        data["parts"] = [_own_part(n, sections[n + 1], gap, notes) for n, gap in enumerate(gaps)]
    elif all(gap.type in (_SHORT, _SHORT_EXACT) for gap in gaps):
        data["kind"] = Kind.BLANK.value
        data["text"] = _GAP.sub(r"[[\1]]", words)
        data["blanks"] = [_accepted(gap, notes, f"blanks[{n}]") for n, gap in enumerate(gaps)]
        if len({gap.share for gap in gaps}) > 1:
            notes.add("note_uneven", "blanks")
        data["points"] = str(sum((gap.share for gap in gaps), Decimal(0)) or 1)
    elif len(gaps) == 1:
        data["text"] = _GAP.sub("_____", words)
        data["points"] = str(gaps[0].share or 1)
        _fill(data, gaps[0], notes)
    else:
        data["kind"] = Kind.CASE.value
        data["text"] = _GAP.sub(r"［\1］", words)
        data["parts"] = [_part(n, gap, notes) for n, gap in enumerate(gaps)]


def _gaps(text: str) -> tuple[str, list[_Gap]]:
    """The words with a stand-in for each gap, and the gaps."""
    words, gaps, place = "", [], 0
    for found in _START.finditer(text):
        if found.start() < place or found[2] not in _TYPES:
            continue
        rows, end = _alternatives(text, found.end(), _TYPES[found[2]])
        if end < 0:
            if text.find("}", found.end()) < 0:
                break  # no later gap can be closed either
            continue
        share = Decimal(found[1]) if found[1] else Decimal(1)
        gaps.append(_Gap(_TYPES[found[2]], found[2] in _SHUFFLED, share, rows))
        words += f"{text[place : found.start()]}\x0e{len(gaps)}\x0f"
        place = end
        if len(gaps) > 100:
            raise BadItem("text", "too_many", limit=100)
    return words + text[place:], gaps


def _alternatives(text: str, place: int, type: str) -> tuple[list[Weighted], int]:
    """The alternatives from a place on, and the place behind the closing brace (-1: there is none)."""
    rows: list[Weighted] = []
    while len(rows) <= 200:
        share = _SHARE.match(text, place)
        weight = Decimal(0)
        if share:
            weight = Decimal(100) if share[0] == "=" else weight_of(share[1].replace(",", "."))
            place = share.end()
        stop = _ANSWER_ENDS.search(text, place + 1)
        if not stop:
            return [], -1
        answer, feedback, place = text[place : stop.start()], "", stop.end()
        if stop[0] == "#":
            stop = _FEEDBACK_ENDS.search(text, place)
            if not stop:
                return [], -1
            feedback, place = text[place : stop.start()], stop.end()
        rows.append(_row(answer, weight, feedback, type))
        if stop[0] == "}":
            return rows, place
    return [], -1


def _row(answer: str, weight: Decimal, feedback: str, type: str) -> Weighted:
    tolerance = ""
    if type == _NUMBER and (found := _NUMBER_WRITTEN.match(answer.strip())):
        answer, tolerance = found[1].replace(",", "."), (found[2] or "").replace(",", ".")
    return Weighted(_unescaped(answer), weight, _unescaped(feedback), tolerance)


def _unescaped(text: str) -> str:
    return re.sub(r"\\([}#~])", r"\1", html.unescape(text)).strip(" \t\n\r\v\0")


def _accepted(gap: _Gap, notes: Notes, field: str) -> list[str]:
    if gap.type == _SHORT_EXACT:
        notes.setting("SHORTANSWER_C")
    for row in gap.rows:
        row.feedback = words_of(row.feedback, HTML, notes, field)
    return accepted(gap.rows, notes, field)


def _fill(data: dict[str, Any], gap: _Gap, notes: Notes) -> None:
    if gap.type == _NUMBER:
        data["kind"] = Kind.NUMERIC.value
        set_number(data, gap.rows, notes)
        return
    data["kind"] = (Kind.SINGLE if gap.type == _ONE else Kind.MULTIPLE).value
    for n, row in enumerate(gap.rows):
        row.text = markdown_of(row.text, HTML, notes, f"options[{n}].text")
        row.feedback = words_of(row.feedback, HTML, notes, f"options[{n}].feedback")
    if gap.type == _SEVERAL and sum(row.weight == 100 for row in gap.rows) > 1:
        # Moodle shares out what several full answers earn.
        right = sum(row.weight == 100 for row in gap.rows)
        for row in gap.rows:
            row.weight = row.weight / right if row.weight == 100 else row.weight
    set_options(data, gap.rows, notes)
    data["shuffle"] = gap.shuffled


def _part(number: int, gap: _Gap, notes: Notes) -> dict[str, Any]:
    """A part for a gap that stands among the words of the whole."""
    mark = f"［{number + 1}］"
    words = f"{mark} [[1]]" if gap.type in (_SHORT, _SHORT_EXACT) else mark
    return _filled_part(number, words, gap, notes)


def _filled_part(number: int, words: str, gap: _Gap, notes: Notes) -> dict[str, Any]:
    part: dict[str, Any] = {"text": words, "points": str(gap.share or 1)}
    before = len(notes.told)
    if gap.type in (_SHORT, _SHORT_EXACT):
        part |= {
            "kind": Kind.BLANK.value,
            "blanks": [_accepted(gap, notes, "blanks[0]")],
        }
    else:
        _fill(part, gap, notes)
    notes.told[before:] = [
        (reason, f"parts[{number}].{field}", values) for reason, field, values in notes.told[before:]
    ]
    return part


_SECTION = re.compile(r"(?:\A|\n\n)\*\*［(\d{1,3})］\*\* ")


def _sections(words: str, gaps: Sequence[_Gap]) -> list[str]:
    """The words of a case and of each of its parts, where they are written as we write them; else nothing."""
    pieces = _SECTION.split(words)
    if len(pieces) != 2 * len(gaps) + 1 or not pieces[0].strip():
        return []
    sections = [pieces[0]]
    for n, (number, section) in enumerate(zip(pieces[1::2], pieces[2::2], strict=True)):
        if number != str(n + 1) or _GAP.findall(section) != [number]:
            return []
        behind = _GAP.split(section)[2]
        if gaps[n].type not in (_SHORT, _SHORT_EXACT) and ("\n" in behind or (behind and gaps[n].type != _NUMBER)):
            return []
        sections.append(section)
    return sections if not _GAP.search(pieces[0]) else []


def _own_part(number: int, section: str, gap: _Gap, notes: Notes) -> dict[str, Any]:
    """A part that a case of ours had."""
    if gap.type in (_SHORT, _SHORT_EXACT):
        return _filled_part(number, _GAP.sub("[[1]]", section), gap, notes)
    words, _, behind = _GAP.split(section)
    part = _filled_part(number, words.removesuffix(" "), gap, notes)
    if gap.type == _NUMBER:
        part["unit"] = behind.strip()
    options = part.get("options", [])
    if gap.type == _ONE and not gap.shuffled and [option["text"] for option in options] == [RIGHT, WRONG]:
        part |= {"kind": Kind.TRUEFALSE.value, "answer": options[0]["correct"]}
        del part["options"], part["shuffle"]
    return part


# --- writing ------------------------------------------------------------------------------------------------------------


def blanks_as_cloze(item: Item) -> str:
    """The words of a 填空 with a gap for each mark."""

    def gap(found: re.Match[str]) -> str:
        place = int(found[1]) - 1
        if not 0 <= place < len(item.blanks):
            return found[0]
        return "{1:SHORTANSWER:" + "~".join(f"={_escaped(starred(t))}" for t in item.blanks[place].accepted) + "}"

    return re.sub(r"\[\[(\d{1,3})\]\]", gap, item.text)


def case_as_cloze(item: Item) -> str | None:
    """The words of a case with a gap for each part; ``None`` where a part has no gap."""
    gaps = [_gap_of(part) for part in item.parts]
    if any(gap is None for gap in gaps):
        return None
    told = [f"**［{n}］** {gap}" for n, gap in enumerate(gaps, start=1)]
    return "\n\n".join([item.text, *told])


def _gap_of(part: Part) -> str | None:
    """The words of a part with its gap."""
    if part.points != part.points.to_integral_value() or part.points > 999:
        return None  # a gap's share is a whole number
    share = f"{part.points:f}".split(".")[0]
    if part.kind is Kind.BLANK and len(part.blanks) == 1:
        words = "~".join(f"={_escaped(starred(text))}" for text in part.blanks[0].accepted)
        return part.text.replace("[[1]]", f"{{{share}:SHORTANSWER:{words}}}")
    if part.kind is Kind.NUMERIC:
        return f"{part.text} {{{share}:NUMERICAL:={part.value}:{part.tolerance}}}" + (
            f" {part.unit}" if part.unit else ""
        )
    if part.kind is Kind.TRUEFALSE:
        return f"{part.text} {{{share}:MULTICHOICE_V:" + (
            f"={RIGHT}~{WRONG}}}" if part.answer else f"{RIGHT}~={WRONG}}}"
        )
    if part.kind in (Kind.SINGLE, Kind.MULTIPLE):
        type = "MULTICHOICE_V" if part.kind is Kind.SINGLE else "MULTIRESPONSE"
        type += ("S" if part.kind is Kind.SINGLE else "_S") if part.shuffle else ""
        words = "~".join(
            ("=" if option.correct else "")
            + _escaped(markup.to_html(option.text))
            + (f"#{_escaped(html.escape(option.feedback))}" if option.feedback else "")
            for option in part.options
        )
        return f"{part.text} {{{share}:{type}:{words}}}"
    return None


def _escaped(text: str) -> str:
    """Every character that means something in a gap as a character reference (``\\*`` keeps its backslash that way too)."""
    return re.sub(r"[\\&<>\"'{}~#=%]", lambda found: f"&#{ord(found[0])};", text)
