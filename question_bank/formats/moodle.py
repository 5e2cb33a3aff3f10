"""What GIFT and Moodle XML have in common: weighted answers, and texts in one of four formats."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from question_bank.formats import markup
from question_bank.formats.markup import Lost
from question_bank.formats.taking import Notes
from question_bank.items import BadItem, as_decimal

HTML, MARKDOWN, PLAIN, AUTO = "html", "markdown", "plain", "moodle"
_LOOKS_LIKE_HTML = re.compile(r"<[A-Za-z/!][^<>]*>|&(?:[A-Za-z]{2,8}|#\d{1,6}|#x[0-9A-Fa-f]{1,5});")
#: TeX as Moodle's filters take it; our formulae stand between single dollar signs, or double ones on a line of their own.
_TEX = re.compile(r"\\\((?P<a>[^$\n]{1,500}?)\\\)|\\\[(?P<b>[^$\n]{1,1000}?)\\\]|\$\$(?P<c>[^$\n]{1,500})\$\$")
_HELD = re.compile("\x10([0-9]+)\x11")
_NEARLY_ALL = Decimal("99.99")
_TRIMMED = " \t\n\r\v\0"


@dataclass
class Weighted:
    """One answer of a question as Moodle keeps it; ``weight`` in per cent."""

    text: str
    weight: Decimal
    feedback: str = ""
    tolerance: str = ""

    @property
    def full(self) -> bool:
        return self.weight >= _NEARLY_ALL


def markdown_of(text: str, form: str, notes: Notes, field: str) -> str:
    """A text in one of the four formats as our Markdown; what that loses goes to the notes."""
    return _converted(text, form, notes, field, marks=True)


def words_of(text: str, form: str, notes: Notes, field: str) -> str:
    """The same as plain text (feedback, which we keep without marks). Markdown stays as it is written."""
    return _converted(text, form, notes, field, marks=False)


def _converted(text: str, form: str, notes: Notes, field: str, *, marks: bool) -> str:
    text = text.strip(_TRIMMED)
    lost = Lost(resolve=notes.pictures(field) if marks else None)
    formulae: list[str] = []

    def held(found: re.Match[str]) -> str:
        tex = html.unescape(next(part for part in found.groups() if part is not None)).strip()
        if not tex or "$" in tex or "<" in found[0]:
            return found[0]
        formulae.append(f"$${tex}$$" if found["b"] else f"${tex}$")
        return f"\x10{len(formulae) - 1}\x11"

    if marks and form in (HTML, AUTO):
        text = _TEX.sub(held, text)
    if form == MARKDOWN:
        made = markup.from_markdown(text, lost)
    elif form == PLAIN or (form == AUTO and not _LOOKS_LIKE_HTML.search(text)):
        made = markup.from_plain(text) if marks else text
    else:
        try:
            source = text.replace("\r\n", "\n").replace("\n", "<br>") if form == AUTO else text
            made = markup.from_html(source, lost, marks=marks)
        except markup.TooLong:
            raise BadItem(field, "too_long", limit=markup.LONGEST_HTML) from None
    made = _HELD.sub(lambda found: formulae[int(found[1])], made)
    for name in lost.pictures:
        notes.add("note_picture", field, name=name)
    for name in lost.media:
        notes.add("note_media", field, name=name)
    notes.setting(*(f"<{tag}>" for tag in lost.formatting))
    return made


def weight_of(written: str, otherwise: Decimal = Decimal(0)) -> Decimal:
    """A percentage as written (``33.33333``); something else counts as ``otherwise``."""
    try:
        weight = as_decimal(written, "fraction")
    except BadItem:
        return otherwise
    return weight if -20 <= weight.adjusted() <= 20 else otherwise


def number_of(written: str, field: str) -> Decimal:
    """A number of a size that can be reckoned with. Raises ``BadItem``."""
    number = as_decimal(written, field)
    if not -30 <= number.adjusted() <= 30 or len(number.as_tuple().digits) > 30:
        raise BadItem(field, "out_of_range", low="-1E+30", high="1E+30")
    return number


def set_options(data: dict[str, Any], rows: Sequence[Weighted], notes: Notes) -> None:
    """Options of a single or multiple question: right is what earns all (single) or anything (multiple)."""
    single = data["kind"] == "single"
    data["options"] = [
        {"text": row.text, "correct": row.full if single else row.weight > 0, "feedback": row.feedback} for row in rows
    ]
    if single:
        for n, row in enumerate(rows):
            if row.weight and not row.full:
                notes.add("note_partial", f"options[{n}]", answer=row.text, percent=_percent(row.weight))
    elif not _plain_weights(rows):
        notes.add("note_weights", "options", weights=" / ".join(_percent(row.weight) for row in rows))


def _plain_weights(rows: Sequence[Weighted]) -> bool:
    """All right options earn the same and together all; a wrong one earns nothing or costs all."""
    right = [row.weight for row in rows if row.weight > 0]
    wrong = [row.weight for row in rows if row.weight < 0]
    even = bool(right) and max(right) - min(right) < Decimal("0.01") and abs(sum(right, Decimal(-100))) < Decimal("0.5")
    return even and all(weight == -100 for weight in wrong)


def _percent(weight: Decimal) -> str:
    with localcontext(prec=8):
        written = f"{+weight:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def weights_for(correct: Sequence[bool]) -> list[str]:
    """Weights by which Moodle gives all for exactly the right options and nothing where a wrong one is ticked."""
    share = _percent((Decimal(100) / sum(correct)).quantize(Decimal("0.00001")))
    return [share if right else "-100" for right in correct]


def accepted(rows: Sequence[Weighted], notes: Notes, field: str = "blanks[0]") -> list[str]:
    """The texts that earn all. An asterisk stands for any text there, which we do not have; ``\\*`` is the character."""
    found = []
    for row in rows:
        if row.feedback:
            notes.add("note_feedback", field, text=row.feedback)
        if row.weight > 0 and not row.full:
            notes.add("note_partial", field, answer=row.text, percent=_percent(row.weight))
        elif row.full and re.search(r"(?<!\\)\*", row.text):
            notes.add("note_wildcard", field, answer=row.text)
        elif row.full:
            found.append(row.text.replace("\\*", "*"))
    if not found:
        raise BadItem(field, "no_full_answer")
    return found


def starred(text: str) -> str:
    """An accepted text as Moodle writes it."""
    return text.replace("*", "\\*")


def set_number(data: dict[str, Any], rows: Sequence[Weighted], notes: Notes) -> None:
    """The one number that earns all, with its tolerance."""
    right: dict[tuple[Decimal, Decimal], None] = {}
    for row in rows:
        if row.feedback:
            notes.add("note_feedback", "value", text=row.feedback)
        if row.full:
            if row.text.strip() == "*":
                raise BadItem("value", "any_answer")
            right[number_of(row.text, "value"), number_of(row.tolerance or "0", "tolerance")] = None
        elif row.weight > 0:
            notes.add(
                "note_partial", "value", answer=f"{row.text} ± {row.tolerance or 0}", percent=_percent(row.weight)
            )
    if not right:
        raise BadItem("value", "no_full_answer")
    if len(right) > 1:
        raise BadItem("value", "several_numbers")
    data["value"], data["tolerance"] = next(iter(right))
