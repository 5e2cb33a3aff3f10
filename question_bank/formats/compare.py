"""What a file did not carry: the questions before compared with the questions read back from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from question_bank.items import Item

#: Ids of options and the like may be given anew by a format that has no place for them: nobody has answered yet.
_IDS = frozenset({"id", "left_id", "right_id"})


def losses(before: Sequence[Item], after: Sequence[Item]) -> list[str]:
    """One line per field that did not come back as it was (``id: field``), and one per question that did not come back at
    all (``id: question``). Questions are matched by their ids; ids inside a question are not compared."""
    found = []
    returned = {item.id: item for item in after}
    for item in before:
        other = returned.get(item.id)
        if other is None:
            found.append(f"{item.id}: question")
        else:
            found += [f"{item.id}: {field}" for field in differences(item, other)]
    return found


def differences(before: Item, after: Item) -> list[str]:
    """The fields in which two questions differ; ids inside them are not compared."""
    return _differences(before.to_dict(), after.to_dict(), "")


def _differences(before: Any, after: Any, where: str) -> list[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [key for key in dict.fromkeys([*before, *after]) if not (where and key in _IDS)]
        return [
            line
            for key in keys
            for line in _differences(before.get(key), after.get(key), f"{where}.{key}" if where else key)
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            line
            for n, pair in enumerate(zip(before, after, strict=True))
            for line in _differences(*pair, f"{where}[{n}]")
        ]
    return [] if before == after else [where]
