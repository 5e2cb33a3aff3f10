"""Writing one question at a time: each is read back at once, and one that would come back as another question is left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from question_bank.formats.compare import differences
from question_bank.formats.markup import plain
from question_bank.formats.results import Reading
from question_bank.items import Item

#: What a question is about: one that comes back with another of these is another question.
_WHAT_IT_ASKS = (
    "kind",
    "text",
    "options",
    "answer",
    "blanks",
    "value",
    "tolerance",
    "unit",
    "pairs",
    "distractors",
    "sequence",
    "parts",
)
_MARKED = frozenset({"text", "left", "right"})
_BESIDE = frozenset({"id", "left_id", "right_id", "feedback", "explanation", "rubric", "reference"})


def carried(
    items: Sequence[Item], made: Callable[[Item], str | None], read: Callable[[str], Reading]
) -> tuple[list[str], list[str]]:
    """The written questions, and the losses (``id: field``, ``id: question`` for one left out). ``made`` returns ``None`` for a
    question that the format has no form for."""
    written: list[str] = []
    losses: list[str] = []
    ids: set[str] = set()
    for item in items:
        text = made(item)
        back = None if text is None else _read_back(text, read)
        if text is None or back is None or back.id in ids or _asked(back) != _asked(item):
            losses.append(f"{item.id}: question")
            continue
        ids.add(back.id)
        written.append(text)
        losses += [f"{item.id}: {field}" for field in differences(item, back)]
    return written, losses


def _read_back(text: str, read: Callable[[str], Reading]) -> Item | None:
    reading = read(text)
    return reading.items[0] if len(reading.items) == 1 and not reading.refusals else None


def _asked(item: Item) -> Any:
    data = item.to_dict()
    return {key: _bare(data[key], key) for key in _WHAT_IT_ASKS if key in data}


def _bare(value: Any, key: str) -> Any:
    """Without ids and what stands beside; words without white space around them and marks of emphasis."""
    if isinstance(value, dict):
        return {name: _bare(entry, name) for name, entry in value.items() if name not in _BESIDE}
    if isinstance(value, list):
        return [_bare(entry, key) for entry in value]
    if isinstance(value, str):
        words = plain(value) if key in _MARKED else None
        return (value if words is None else words).strip()
    return value
