"""How a question looks to a candidate: HTML made of pieces that are prepared once per revision.

A page of eighty questions is put together from ready strings, because three hundred candidates open it in the same
second. What is prepared comes from ``public_view`` alone, so a key cannot reach the page.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from threading import Lock
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup, escape

from app.core.speech import language
from app.core.text import markdown
from question_bank.items import WHOLE, Difficulty, Item, Kind, public_view

KIND_NAMES: dict[Kind, Any] = {
    Kind.SINGLE: _l("Single choice"),
    Kind.MULTIPLE: _l("Multiple choice"),
    Kind.TRUEFALSE: _l("True or false"),
    Kind.BLANK: _l("Fill-in"),
    Kind.NUMERIC: _l("Numeric"),
    Kind.MATCHING: _l("Matching"),
    Kind.ORDERING: _l("Ordering"),
    Kind.CASE: _l("Case"),
    Kind.ESSAY: _l("Short answer"),
}
DIFFICULTY_NAMES: dict[Difficulty, Any] = {
    Difficulty.EASY: _l("Easy"),
    Difficulty.MEDIUM: _l("Medium"),
    Difficulty.HARD: _l("Hard"),
}

KEPT = 6000
MOST_ORDERS = 24
"""Orders of a question's choices that are kept ready."""
_items: OrderedDict[str, Item] = OrderedDict()
_faces: OrderedDict[str, Face] = OrderedDict()
_lock = Lock()
_NUMBER = "\ue001"
_BLANK = re.compile(r"\[\[(\d{1,3})\]\]")


def digest_of(body: Mapping[str, Any]) -> str:
    """The digest of a question's JSON form: equal digests, equal questions, whatever row they stand in."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _keep(store: OrderedDict[str, Any], key: str, value: Any) -> Any:
    with _lock:
        store[key] = value
        while len(store) > KEPT:
            store.popitem(last=False)
    return value


def kept_item(digest: str) -> Item | None:
    """The question with this digest, if this process has read it before."""
    return _items.get(digest)


def item_of(digest: str, body: Mapping[str, Any]) -> Item:
    """The question a body holds, read once per process."""
    return _items.get(digest) or _keep(_items, digest, Item.from_dict(body))


@dataclass(frozen=True)
class Words:
    """What pages of questions say in one language, as HTML; looked up once, not for each of eighty questions."""

    kinds: Mapping[Kind, str]
    true: str
    false: str
    blank: str
    answer: str
    places: str
    worth: dict[str, str] = field(default_factory=dict)
    """Points as written → the words for them."""


@lru_cache(maxsize=10)
def words_in(said: str) -> Words:
    """The words in the language of this request, which is ``said``."""
    return Words(
        kinds={kind: str(escape(str(words))) for kind, words in KIND_NAMES.items()},
        true=str(escape(_("True"))), false=str(escape(_("False"))), blank=str(escape(_("Blank %(n)s", n=_NUMBER))),
        answer=str(escape(_("Your answer"))), places=str(escape(_("Give each step its place, 1 for the first."))),
    )  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """A question without parts, or one part: its kind, its words, and its choices by id, all as HTML."""

    key: str
    kind: Kind
    stem: str
    choices: Mapping[str, str]
    lefts: tuple[tuple[str, str], ...] = ()
    blanks: int = 0
    unit: str = ""
    points: Decimal | None = None
    """Of a part, its share within the case."""
    rows: dict[tuple[str, ...], str] = field(default_factory=dict, compare=False)
    """Choices in an order in which they were asked for, nothing chosen, a mark in the place of the name."""


@dataclass(frozen=True)
class Face:
    """A question ready to be put on pages."""

    kind: Kind
    stem: str
    shapes: tuple[Shape, ...]

    def html(
        self,
        name: str,
        *,
        title: str,
        points: Decimal | str | None = None,
        order: Mapping[str, Sequence[str]] | None = None,
        answer: Any = None,
        counter: int = 0,
        closed: bool = False,
        words: Words | None = None,
    ) -> Markup:
        """The question as a fieldset. ``name`` begins the names of its inputs; ``order`` the ids of each list as drawn;
        ``words`` those of the reader's language, where many questions are asked for."""
        given = words or words_in(language())
        return Markup(self.text(name, escape(title), points, order or {}, answer, counter, closed, given))  # noqa: S704 - put together from escaped and cleaned pieces

    def text(
        self, name: str, title: str, points: Decimal | str | None, order: Mapping[str, Sequence[str]], answer: Any,
        counter: int, closed: bool, words: Words,
    ) -> str:  # fmt: skip
        """The same as a plain string; ``title`` is escaped already."""
        worth = _worth(points, words)
        parts: list[str] = []
        for shape in self.shapes:
            if self.kind is Kind.CASE:
                own = answer.get(shape.key) if isinstance(answer, dict) else None
                field = f"{name}-{shape.key}"
                parts.append(
                    f'<div class="question-part" data-part="{shape.key}" data-kind="{shape.kind}" role="group" '
                    f'aria-labelledby="{field}-stem"><div class="stem" id="{field}-stem"><span class="part-number">'
                    f"({len(parts) + 1})</span> {shape.stem} {_worth(shape.points, words)}</div>"
                    f"{_inputs(shape, field, order.get(shape.key), own, closed, words)}</div>"
                )
            else:
                parts.append(_inputs(shape, name, order.get(WHOLE), answer, closed, words))
        return (
            f'<fieldset class="question" id="{name}" data-name="{name}" data-kind="{self.kind}" data-counter="{counter}">'
            f'<legend><span class="question-number">{title}</span> <span class="question-kind">{words.kinds[self.kind]}</span> '
            f'{worth}</legend><div class="stem">{self.stem}</div>{"".join(parts)}</fieldset>'
        )


def face_of(digest: str, item: Item) -> Face:
    """The prepared pieces of a question."""
    return _faces.get(digest) or _keep(_faces, digest, _prepared(item))


def _worth(points: Decimal | str | None, words: Words) -> str:
    if points is None:
        return ""
    key = str(points)
    found = words.worth.get(key)
    if found is None:
        told = ngettext("%(n)s point", "%(n)s points", Decimal(points))
        found = f'<span class="question-points">{escape(told)}</span>'
        if len(words.worth) < 1000:
            words.worth[key] = found
    return found


def _prepared(item: Item) -> Face:
    view = public_view(item)
    if item.kind is Kind.CASE:
        return Face(item.kind, _stem(view["text"]), tuple(_shape(part, part["id"]) for part in view["parts"]))
    return Face(item.kind, _stem(view["text"]), (_shape(view, WHOLE),))


def _shape(view: Mapping[str, Any], key: str) -> Shape:
    listed = view.get("options") or view.get("rights") or view.get("steps") or []
    return Shape(
        key=key,
        kind=Kind(view["kind"]),
        stem=_stem(view["text"]),
        choices={c["id"]: _line(c["text"]) for c in listed},
        lefts=tuple((left["id"], _line(left["text"])) for left in view.get("lefts", ())),
        blanks=view.get("blanks", 0),
        unit=str(escape(view.get("unit", ""))),
        points=Decimal(view["points"]) if "points" in view else None,
    )


def _stem(text: str) -> str:
    html = str(markdown(text))
    return _BLANK.sub(r'<span class="gap">(\1) ______</span>', html)


def _line(text: str) -> str:
    """Markdown for the inside of a label: a single paragraph loses its <p>."""
    html = str(markdown(text)).strip()
    if html.startswith("<p>") and html.endswith("</p>") and html.count("<p>") == 1:
        html = html[3:-4]
    return html


def _inputs(shape: Shape, name: str, order: Sequence[str] | None, answer: Any, closed: bool, words: Words) -> str:
    off = " disabled" if closed else ""
    return _WRITERS[shape.kind](shape, name, order or sorted(shape.choices), answer, off, words)


def _letter(position: int) -> str:
    return chr(65 + position) if position < 26 else f"{chr(64 + position // 26)}{chr(65 + position % 26)}"


def _choices(shape: Shape, name: str, order: Sequence[str], answer: Any, off: str, words: Words) -> str:
    key = tuple(order)
    made = shape.rows.get(key)
    if made is None:
        made = _choice_rows(shape, key)
        if len(shape.rows) < MOST_ORDERS:
            shape.rows[key] = made
    made = made.replace(_NUMBER, name)
    for chosen in (answer,) if isinstance(answer, str) else answer or ():
        made = made.replace(f' value="{chosen}">', f' value="{chosen}" checked>')
    return (
        made.replace('"><span class="letter">', f'"{off}><span class="letter">').replace(
            " checked><", f" checked{off}><"
        )
        if off
        else made
    )


def _choice_rows(shape: Shape, order: Sequence[str]) -> str:
    kind = "radio" if shape.kind is Kind.SINGLE else "checkbox"
    rows = [
        f'<label class="choice"><input type="{kind}" name="{_NUMBER}" value="{key}"><span class="letter">{_letter(position)}'
        f'</span><span class="choice-text">{shape.choices[key]}</span></label>'
        for position, key in enumerate(order)
    ]
    return f'<div class="choices">{"".join(rows)}</div>'


def _truefalse(shape: Shape, name: str, order: Sequence[str], answer: Any, off: str, words: Words) -> str:
    rows = [
        f'<label class="choice"><input type="radio" name="{name}" value="{value}"'
        f'{" checked" if answer is truth else ""}{off}><span class="letter">{letter}</span>'
        f'<span class="choice-text">{said}</span></label>'
        for value, truth, letter, said in (("true", True, "A", words.true), ("false", False, "B", words.false))
    ]
    return f'<div class="choices">{"".join(rows)}</div>'


def _blanks(shape: Shape, name: str, order: Sequence[str], answer: Any, off: str, words: Words) -> str:
    given = list(answer or [])
    rows = []
    for position in range(shape.blanks):
        value = escape(given[position]) if position < len(given) else ""
        label = words.blank.replace(_NUMBER, str(position + 1))
        rows.append(
            f'<label class="blank"><span>{label}</span><input class="form-control" type="text" name="{name}" '
            f'maxlength="200" autocomplete="off" value="{value}"{off}></label>'
        )
    return f'<div class="blanks">{"".join(rows)}</div>'


def _numeric(shape: Shape, name: str, order: Sequence[str], answer: Any, off: str, words: Words) -> str:
    value = escape(answer.get("value", "") + answer.get("unit", "") if isinstance(answer, dict) else answer or "")
    label = words.answer
    return (
        f'<label class="blank"><span>{label}</span><input class="form-control" type="text" inputmode="decimal" '
        f'name="{name}" maxlength="64" autocomplete="off" value="{value}"{off}>'
        f'<span class="unit">{shape.unit}</span></label>'
    )


def _matching(shape: Shape, name: str, order: Sequence[str], answer: Any, off: str, words: Words) -> str:
    given = answer or {}
    letters = {key: _letter(position) for position, key in enumerate(order)}
    listed = "".join(f'<li><span class="letter">{letters[key]}</span> {shape.choices[key]}</li>' for key in order)
    rows = []
    for left, text in shape.lefts:
        options = "".join(
            f'<option value="{key}"{" selected" if given.get(left) == key else ""}>{letters[key]}</option>'
            for key in order
        )
        rows.append(
            f'<label class="pair"><span>{text}</span><select class="form-select" name="{name}.{left}"{off}>'
            f'<option value="">—</option>{options}</select></label>'
        )
    return f'<ul class="rights">{listed}</ul><div class="pairs">{"".join(rows)}</div>'


def _ordering(shape: Shape, name: str, order: Sequence[str], answer: Any, off: str, words: Words) -> str:
    place = {key: position + 1 for position, key in enumerate(answer or ())}
    rows = []
    for key in order:
        options = "".join(
            f'<option value="{n}"{" selected" if place.get(key) == n else ""}>{n}</option>'
            for n in range(1, len(order) + 1)
        )
        rows.append(
            f'<label class="pair"><select class="form-select" name="{name}.{key}"{off}><option value="">—</option>'
            f"{options}</select><span>{shape.choices[key]}</span></label>"
        )
    return f'<p class="question-hint">{words.places}</p><div class="pairs steps">{"".join(rows)}</div>'


def _essay(shape: Shape, name: str, order: Sequence[str], answer: Any, off: str, words: Words) -> str:
    label = words.answer
    return (
        f'<label class="essay"><span>{label}</span><textarea class="form-control" name="{name}" rows="10" '
        f'maxlength="20000"{off}>{escape(answer or "")}</textarea></label>'
    )


_WRITERS = {
    Kind.SINGLE: _choices,
    Kind.MULTIPLE: _choices,
    Kind.TRUEFALSE: _truefalse,
    Kind.BLANK: _blanks,
    Kind.NUMERIC: _numeric,
    Kind.MATCHING: _matching,
    Kind.ORDERING: _ordering,
    Kind.ESSAY: _essay,
}


def answer_from_form(item: Item, form: Any, name: str) -> Any:
    """What a plain form post says about a question, before it is cleaned; None where nothing was answered."""
    if item.kind is Kind.CASE:
        found = {part.id: _posted(part, form, f"{name}-{part.id}") for part in item.parts}
        return {key: value for key, value in found.items() if value is not None} or None
    return _posted(item, form, name)


def _posted(question: Any, form: Any, name: str) -> Any:
    kind = question.kind
    if kind is Kind.TRUEFALSE:
        return {"true": True, "false": False}.get(form.get(name))
    if kind is Kind.MULTIPLE:
        return form.getlist(name) or None
    if kind is Kind.BLANK:
        given = form.getlist(name)
        return given if any(text.strip() for text in given) else None
    if kind is Kind.MATCHING:
        chosen = {pair.left_id: form.get(f"{name}.{pair.left_id}") for pair in question.pairs}
        return {left: right for left, right in chosen.items() if right} or None
    if kind is Kind.ORDERING:
        places = [(form.get(f"{name}.{step.id}"), step.id) for step in question.sequence]
        placed = sorted((int(place), key) for place, key in places if place and place.isascii() and place.isdigit())
        return [key for _place, key in placed] or None
    return form.get(name) or None


__all__ = ["DIFFICULTY_NAMES", "KIND_NAMES", "Face", "answer_from_form", "digest_of", "face_of", "item_of", "kept_item"]
