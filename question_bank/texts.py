"""The Markdown texts of a question, to be gone through or changed as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from question_bank.items import Item, Part

#: Keys of the JSON form whose values are Markdown, at any depth.
MARKED = frozenset({"text", "explanation", "reference", "left", "right"})


def texts_in(data: Any) -> Iterator[str]:
    """Every Markdown text of a question's JSON form, in order."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key in MARKED and isinstance(value, str):
                yield value
            else:
                yield from texts_in(value)
    elif isinstance(data, list):
        for value in data:
            yield from texts_in(value)


def texts_of(question: Item | Part) -> list[str]:
    """The same of a question that is made already."""
    found = [question.text, question.explanation, question.reference, *(option.text for option in question.options)]
    if isinstance(question, Item):
        found += [side for pair in question.pairs for side in (pair.left, pair.right)]
        found += [choice.text for choice in (*question.distractors, *question.sequence)]
        found += [text for part in question.parts for text in texts_of(part)]
    return [text for text in found if text]


def changed(data: Any, change: Callable[[str], str]) -> Any:
    """The JSON form of a question with every Markdown text changed; a copy."""
    if isinstance(data, dict):
        return {
            key: change(value) if key in MARKED and isinstance(value, str) else changed(value, change)
            for key, value in data.items()
        }
    return [changed(value, change) for value in data] if isinstance(data, list) else data
