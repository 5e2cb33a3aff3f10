"""What reading and writing a file of questions gives back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made

from question_bank.items import BadItem, Item
from question_bank.reasons import sentence


class UnknownFormat(ValueError):
    """No such format. ``known`` lists those there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, list(known)
        super().__init__(f"unknown format {name!r}; known are {', '.join(known)}")


@dataclass(frozen=True)
class Refusal:
    """Something in a file that was not taken, or (in ``Reading.notes``) something of a question that was not kept.

    ``where``: line, row or number and, where there is one, the question's id (``line 12 · L1-001``); empty for the whole
    file. ``reason``: a code of ``question_bank.reasons``; ``field`` the field concerned, ``values`` what the sentence needs.
    """

    where: str
    reason: str
    field: str = ""
    values: Mapping[str, object] = made(default_factory=dict)

    def text(self, language: str = "zh") -> str:
        """The refusal as a sentence in ``zh`` or ``en``."""
        where = self.where if language.startswith("en") else re.sub(r"\A(?:line|row) (\d+)", r"第 \1 行", self.where)
        told = [where, self.field, sentence(self.reason, language, self.values)]
        return ": ".join(word for word in told if word)

    @classmethod
    def of(cls, where: str, bad: BadItem) -> Refusal:
        """The refusal of a question that could not be made."""
        return cls(where, bad.reason, bad.field, bad.values)


@dataclass
class Reading:
    """What came out of a file: questions in file order, refusals, and notes: what of the questions that were taken could
    not be kept (a hint, a film, a penalty), in the same form as refusals."""

    items: list[Item] = made(default_factory=list)
    refusals: list[Refusal] = made(default_factory=list)
    notes: list[Refusal] = made(default_factory=list)
    pictures: dict[str, bytes] = made(default_factory=dict)
    """Address in texts (``picture:…``) → bytes, PNG or JPEG."""


@dataclass(frozen=True)
class Writing:
    """A file, and what of the questions it does not carry (one line each, ``id: field``)."""

    data: bytes
    losses: list[str] = made(default_factory=list)
