"""What other systems keep as tags and categories, and we as level, module, difficulty, knowledge point and so on.

Our writers put what has no place of its own into tags (``level:1``, ``module:policy``, ``difficulty:easy``, ``point:…``, ``points:2``,
``unit:万元``, ``shuffle:no``, ``source:…``, ``enemy:ID``), which come back; a Moodle in between keeps tags up to 50 characters. Readers also
understand our words (初级, 政策法规, 易) as tags and as parts of a category's path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from question_bank.formats.taking import Notes
from question_bank.formats.words import DIFFICULTY_WORDS, LEVEL_WORDS, MODULE_WORDS
from question_bank.items import LINE, MOST_POINTS, SHORT_TEXT, BadItem, Item, as_decimal

_LEVELS: dict[str, int] = {word: level for level, word in LEVEL_WORDS.items()} | {str(n): n for n in LEVEL_WORDS}
_MODULES = {word: code for code, word in MODULE_WORDS.items()} | {code: code for code in MODULE_WORDS}
_DIFFICULTIES = {word: d.value for d, word in DIFFICULTY_WORDS.items()} | {d.value: d.value for d in DIFFICULTY_WORDS}
_CLASSES: dict[str, dict[str, Any]] = {"level": _LEVELS, "module": _MODULES, "difficulty": _DIFFICULTIES}
_CODE = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")
_KEYS = {"级别": "level", "模块": "module", "难度": "difficulty", "知识点": "point", "出处": "source", "分值": "points"}


def tags_of(item: Item, *, points: bool = True, unit: bool = True) -> list[str]:
    """Tags for what a format has no place for; ``points`` and ``unit`` where it has none for these either."""
    tags = []
    if item.level is not None:
        tags.append(f"level:{item.level}")
    if item.module is not None:
        tags.append(f"module:{item.module}")
    if item.difficulty is not None:
        tags.append(f"difficulty:{item.difficulty.value}")
    if item.point:
        tags.append(f"point:{item.point}")
    if points and str(item.points) != "1":
        tags.append(f"points:{item.points}")
    if unit and item.unit:
        tags.append(f"unit:{item.unit}")
    if not item.shuffle:
        tags.append("shuffle:no")
    if item.source:
        tags.append(f"source:{item.source}")
    return [*tags, *(f"enemy:{enemy}" for enemy in item.enemies)]


def set_id(data: dict[str, Any], written: str, notes: Notes) -> None:
    """The id a file gives, where it can be one of ours."""
    if _ID.match(written):
        data["id"] = written
    elif written:
        notes.add("note_id", "id", id=written)


def set_tags(data: dict[str, Any], tags: Iterable[str], notes: Notes) -> None:
    """Put into a question what its tags say; what they say besides is noted."""
    for tag in tags:
        if tag and not _set(data, tag):
            notes.add("note_tag", tag=tag)


def _set(data: dict[str, Any], tag: str) -> bool:
    key, colon, value = tag.partition(":")
    key = _KEYS.get(key.strip(), key.strip())
    if not colon:
        return any(_classified(data, name, tag.strip()) for name in ("level", "module", "difficulty"))
    value = value.strip(" \t")
    if key in ("level", "module", "difficulty"):
        return _classified(data, key, value) or (key == "module" and _free_module(data, value))
    if key in ("point", "source") and value and len(value) <= (LINE if key == "point" else SHORT_TEXT):
        return data.setdefault(key, value) == value
    if key == "points" and is_points(value):
        data["points"] = value
        return True
    if key == "unit" and value and len(value) <= 32 and data.get("kind") == "numeric":
        return data.setdefault("unit", value) == value
    if key == "shuffle" and value == "no" and "options" in data:
        data["shuffle"] = False
        return True
    if key == "enemy" and _ID.match(value) and value != data.get("id"):
        data.setdefault("enemies", []).append(value)
        return True
    return False


def _classified(data: dict[str, Any], key: str, word: str) -> bool:
    known: dict[str, Any] = _CLASSES[key]
    if word not in known or (word.isdigit() and key != "level"):
        return False
    return data.setdefault(key, known[word]) == known[word]


def _free_module(data: dict[str, Any], value: str) -> bool:
    """A code that only an operator's own outline has."""
    return bool(_CODE.match(value)) and data.setdefault("module", value) == value


def is_points(written: str) -> bool:
    """Whether this can be the points of a question."""
    try:
        return Decimal(0) < as_decimal(written, "points") <= MOST_POINTS
    except BadItem:
        return False


@dataclass(frozen=True)
class Category:
    """Where a file says its next questions belong."""

    level: int | None = None
    module: str | None = None
    point: str = ""

    @classmethod
    def of(cls, path: str) -> Category:
        """From a path such as ``$course$/top/初级/政策法规/奖励和报酬`` (``//`` stands for a slash within a name)."""
        data: dict[str, Any] = {}
        rest = []
        for name in (part.replace("\0", "/").strip() for part in path.replace("//", "\0").split("/")):
            if not name or name == "top" or re.fullmatch(r"\$[a-z]+\$", name) or name.isdigit():
                continue
            if not _set(data, name):
                rest.append(name)
        point = data.get("point") or " / ".join(rest)
        return cls(data.get("level"), data.get("module"), point[:LINE].strip())

    def fill(self, data: dict[str, Any], notes: Notes) -> None:
        """Into a question that does not say it itself."""
        for key, value in (("level", self.level), ("module", self.module), ("point", self.point)):
            if value and data.setdefault(key, value) != value:
                notes.setting("category")
