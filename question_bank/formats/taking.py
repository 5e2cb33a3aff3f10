"""Gathering what a reader finds: one :class:`Taking` per file makes the items and keeps count of what is refused and lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from question_bank.formats.pictures import BadPicture, Resolve, Shelf
from question_bank.formats.results import Reading, Refusal
from question_bank.items import BadItem, Item, new_item_id

#: Questions of one file; the rest is refused in one line.
MOST_QUESTIONS = 20_000
LONGEST_QUOTE = 200


class Full(Exception):
    """The file holds more than :data:`MOST_QUESTIONS`; reading stops."""


def quoted(text: str) -> str:
    """A text on one line, cut to a length that fits a list of notes."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1] + "…"


class Notes:
    """What of one question is not kept; told only if the question is taken."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        self.shelf = shelf
        self.files: Mapping[str, str] = {}
        """Files of the text that is being read: name → base64."""
        self.told: list[tuple[str, str, dict[str, object]]] = []
        self.settings: list[str] = []
        self.names = 0

    def add(self, reason: str, field: str = "", **values: object) -> None:
        """Something with content of its own. ``reason`` is a code of ``reasons.py``."""
        cut = {key: quoted(value) if isinstance(value, str) else value for key, value in values.items()}
        self.told.append((reason, field, cut))

    def pictures(self, field: str) -> Resolve | None:
        """What turns the address of a picture in a field into ours; None where the format carries none."""
        if self.shelf is None:
            return None
        return self.shelf.resolver(self._file, lambda reason, **values: self.add(reason, field, **values))

    def _file(self, address: str) -> str:
        name = unquote(address.split("?")[0]).removeprefix("@@PLUGINFILE@@").lstrip("/")
        if name not in self.files or not address.startswith("@@PLUGINFILE@@"):
            raise BadPicture("picture_missing", name)
        return self.files[name]

    def setting(self, *names: str) -> None:
        """Settings that every question of such a file has: they are told once per file."""
        self.settings += names


class Taking:
    """The reading of one file as it grows."""

    def __init__(self, notes: Iterable[Refusal] = ()) -> None:
        self.reading = Reading(notes=list(notes))
        self._seen: dict[str, str] = {}
        self._settings: dict[str, int] = {}
        self._names = 0
        self._met = 0
        self.shelf = Shelf()

    def meet(self) -> None:
        """One more question, whatever becomes of it. Raises :class:`Full`."""
        self._met += 1
        if self._met > MOST_QUESTIONS:
            self.refuse("", "too_many_questions", limit=MOST_QUESTIONS)
            raise Full

    def refuse(self, where: str, reason: str, field: str = "", **values: object) -> None:
        cut = {key: quoted(value) if isinstance(value, str) else value for key, value in values.items()}
        self.reading.refusals.append(Refusal(where, reason, field, cut))

    def take(self, where: str, data: dict[str, Any], notes: Notes) -> None:
        """Make the item (with an id of its own where none is given), or refuse it."""
        try:
            data.setdefault("id", new_item_id(str(data["kind"]), str(data.get("text", "")), *_shown(data)))
            item = Item.from_dict(data)
        except BadItem as bad:
            self.reading.refusals.append(Refusal.of(where, bad))
            return
        if item.id in self._seen:
            self.refuse(where, "duplicate_id", "id", other=self._seen[item.id])
            return
        self._seen[item.id] = where
        self.reading.items.append(item)
        self.reading.notes += [Refusal(where, reason, field, values) for reason, field, values in notes.told]
        self._names += notes.names
        for name in dict.fromkeys(notes.settings):
            self._settings[name] = self._settings.get(name, 0) + 1

    def done(self) -> Reading:
        """The reading, with what was counted told in one line each."""
        reading = self.reading
        reading.pictures = self.shelf.kept
        if self._names:
            reading.notes.append(Refusal("", "note_names", values={"count": self._names}))
        if self._settings:
            named = ", ".join(f"{name} ({count})" for name, count in sorted(self._settings.items()))
            reading.notes.append(Refusal("", "note_settings", values={"names": named}))
        if not reading.items and not reading.refusals:
            reading.refusals.append(Refusal("", "no_questions"))
        return reading


def _shown(data: Mapping[str, Any]) -> list[str]:
    """The texts below the stem that tell one question from another."""
    options = [option["text"] for option in data.get("options", [])]
    pairs = [text for pair in data.get("pairs", []) for text in pair.values()]
    return [*options, *pairs, *data.get("sequence", []), *(part["text"] for part in data.get("parts", []))]
