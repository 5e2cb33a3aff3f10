"""Words for states, outcomes and what is wrong with a cell."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.core.text import in_a_row
from app.imports.kinds import Kind
from app.imports.states import ImportState, RowFate

STATES: dict[ImportState, Any] = {
    ImportState.READ: _l("Columns to be matched"),
    ImportState.CHECKED: _l("Looked through"),
    ImportState.RUNNING: _l("Being taken over"),
    ImportState.DONE: _l("Taken over"),
    ImportState.UNDONE: _l("Undone"),
}
FATES: dict[RowFate, Any] = {
    RowFate.READ: _l("Not yet looked at"),
    RowFate.READY: _l("Can be taken over"),
    RowFate.SAME: _l("Is there already"),
    RowFate.REFUSED: _l("Cannot be taken over"),
    RowFate.DONE: _l("Taken over"),
    RowFate.UNDONE: _l("Taken back"),
}
TONES = {
    RowFate.READ: "neutral",
    RowFate.READY: "info",
    RowFate.SAME: "neutral",
    RowFate.REFUSED: "stopped",
    RowFate.DONE: "valid",
    RowFate.UNDONE: "neutral",
}
PROBLEMS: dict[str, Any] = {
    "missing": _l("is missing"),
    "lost": _l("the spreadsheet has shortened the number and its last digits are lost: make the column text and enter it again"),
    "made_a_date": _l("the spreadsheet has made a date of it: make the column text and enter it again"),
    "long": _l("is too long"),
    "name": _l("holds characters that a name cannot have"),
    "day": _l("is no date"),
    "future": _l("lies in the future"),
    "number": _l("is no number"),
    "bounds": _l("is too small or too large"),
    "places": _l("has more than two decimal places"),
    "choice": _l("is none of the words known here"),
    "id_length": _l("has not 18 characters"),
    "id_characters": _l("holds characters that do not belong there"),
    "id_date": _l("its digits 7 to 14 are no date"),
    "id_future": _l("its birthday lies in the future"),
    "id_check": _l("its last character does not fit the others"),
    "phone": _l("is no phone number"),
    "email": _l("is no e-mail address"),
    "twice": _l("the same stands in this sheet already, line %(said)s"),
    "": "%(said)s",
}  # fmt: skip


def problem_words(kind: Kind, problems: list[list[Any]]) -> str:
    """Column, what is wrong, what stood there."""
    return _("; ").join(_one(kind, *problem) for problem in problems)


def _one(kind: Kind, key: str, code: str, said: str | list[str]) -> str:
    if isinstance(said, list):  # in words only now, in the reader's language
        said = in_a_row(kind.words.get(name, name) for name in said)
    words = str(kind.problems.get(code) or PROBLEMS.get(code) or code)
    if "%(said)s" in words:
        text = words % {"said": said}
    else:
        text = _("%(what)s (%(more)s)", what=words, more=said) if said else words
    part = kind.part(key)
    colon = _(": ")
    return f"{part.label}{colon}{text}" if part else text
