"""Two revisions of a question side by side, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from flask_babel import gettext as _

from app.bank.editing import place_words
from app.bank.faces import DIFFICULTY_NAMES, KIND_NAMES
from app.outline.rules import MODULES
from app.outline.service import level_names
from question_bank.items import Difficulty, Item, Kind

_WORD = re.compile(r"[A-Za-z0-9]+|\s+|.", re.DOTALL)


@dataclass(frozen=True)
class Piece:
    """Words that both have (``same``) or one alone."""

    words: str
    same: bool


@dataclass(frozen=True)
class Row:
    """One field of the question in both revisions."""

    label: str
    before: tuple[Piece, ...]
    after: tuple[Piece, ...]

    @property
    def changed(self) -> bool:
        return any(not piece.same for piece in (*self.before, *self.after))


def compare(before: Item, after: Item) -> list[Row]:
    """Every field that either revision has, in the order of the form; options and parts are matched by their ids."""
    old, new = dict(_lines(before.to_dict(), "")), dict(_lines(after.to_dict(), ""))
    keys = sorted({*old, *new}, key=_place_of([*old], [*new]))
    return [Row(_label(key, old, new), *_pieces(old.get(key, ("", ""))[1], new.get(key, ("", ""))[1])) for key in keys]


def _place_of(old: list[str], new: list[str]) -> Any:
    places = {key: n for n, key in enumerate(new)}
    for n, key in enumerate(old):
        places.setdefault(key, n)
    return lambda key: (places[key], key)


def _label(key: str, old: dict[str, tuple[str, str]], new: dict[str, tuple[str, str]]) -> str:
    return (new.get(key) or old[key])[0]


_SINGLE = ("text", "level", "module", "difficulty", "point", "points", "answer", "value", "tolerance", "unit", "reference",
           "explanation", "source")  # fmt: skip


def _lines(raw: dict[str, Any], before: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Key (stays the same over revisions) → label and words."""
    label = f"{before} " if before else ""
    for name in _SINGLE[:1]:
        yield f"{before}{name}", (label + place_words(name), str(raw.get(name, "")))
    for n, option in enumerate(raw.get("options", ())):
        sign = "✓ " if option.get("correct") else ""
        remark = f"（{option['feedback']}）" if option.get("feedback") else ""
        yield f"{before}options.{option['id']}", (label + place_words(f"options[{n}]"), sign + option["text"] + remark)
    for n, blank in enumerate(raw.get("blanks", ())):
        accepted = blank.get("accepted", ()) if isinstance(blank, dict) else blank
        yield f"{before}blanks.{n}", (label + place_words(f"blanks[{n}]"), " / ".join(accepted))
    for n, pair in enumerate(raw.get("pairs", ())):
        yield (
            f"{before}pairs.{pair['left_id']}",
            (label + place_words(f"pairs[{n}]"), f"{pair['left']} → {pair['right']}"),
        )
    for n, choice in enumerate(raw.get("distractors", ())):
        yield f"{before}distractors.{choice['id']}", (label + place_words(f"distractors[{n}]"), choice["text"])
    for n, step in enumerate(raw.get("sequence", ())):
        yield f"{before}sequence.{n}", (label + place_words(f"sequence[{n}]"), step["text"])
    for n, line in enumerate(raw.get("rubric", ())):
        yield f"{before}rubric.{n}", (label + place_words(f"rubric[{n}]"), f"{line['point']} ({line['points']})")
    for n, part in enumerate(raw.get("parts", ())):
        words = f"{place_words(f'parts[{n}]')} · {KIND_NAMES[Kind(part['kind'])]}:"
        yield from ((f"{part['id']}.{key}", told) for key, told in _lines(part, words))
    for name in _SINGLE[1:]:
        if name in raw:
            yield f"{before}{name}", (label + place_words(name), _shown(name, raw[name]))
    if raw.get("shuffle") is False:
        yield f"{before}shuffle", (label + _("Keep this order on every paper"), "✓")
    if raw.get("enemies"):
        yield "enemies", (_("Not on one paper with"), ", ".join(raw["enemies"]))


def _shown(name: str, value: Any) -> str:
    if name == "level":
        return str(level_names().get(value, value))
    if name == "module":
        return str(MODULES.get(value, value))
    if name == "difficulty":
        return str(DIFFICULTY_NAMES[Difficulty(value)])
    if isinstance(value, bool):
        return _("True") if value else _("False")
    return str(value)


def _pieces(before: str, after: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Chinese by the character, Latin by the word."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        same = tag == "equal"
        if a < b:
            left.append(Piece("".join(old[a:b]), same))
        if c < d:
            right.append(Piece("".join(new[c:d]), same))
    return tuple(left), tuple(right)
