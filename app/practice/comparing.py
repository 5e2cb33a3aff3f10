"""Two versions of an entry side by side. Pure: snapshots in, differences out."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONG = ("did", "result", "next_step")


@dataclass(frozen=True)
class Change:
    """One field. ``pieces`` (long texts): (kept | gone | new, words)."""

    key: str
    before: Any
    after: Any
    pieces: tuple[tuple[str, str], ...] = ()

    @property
    def changed(self) -> bool:
        return self.before != self.after


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Every field of two snapshots, in the order of the newer one."""
    return [
        Change(
            key, old.get(key), new[key], _pieces(str(old.get(key) or ""), str(new[key] or "")) if key in LONG else ()
        )
        for key in new
    ]


def _pieces(old: str, new: str) -> tuple[tuple[str, str], ...]:
    made: list[tuple[str, str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            made.append(("kept", old[a:b]))
            continue
        if old[a:b]:
            made.append(("gone", old[a:b]))
        if new[c:d]:
            made.append(("new", new[c:d]))
    return tuple(made)
