"""What a row of a sheet may hold: its parts, what their headings may be called, and how a cell becomes a value.

A reader takes the text of a cell and gives a value, or raises :class:`Wrong` with the code of what is wrong. Nothing here
reads the database.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from app.core import clock, id_number, sheets
from app.core.forms import is_a_name
from app.core.id_number import WrongNumber

DATE_CELL = re.compile(r"(19|20)\d\d-\d\d-\d\d( \d\d:\d\d:\d\d)?")
"""What a spreadsheet has made a date of reads so."""


class Wrong(ValueError):
    """A cell that cannot be taken. ``code`` has its words in ``app.imports.words``; ``said``: what stood there."""

    def __init__(self, code: str, said: Any = "") -> None:
        self.code, self.said = code, str(said)[:80]
        super().__init__(code)


def as_it_is(most: int = 200) -> Callable[[str], str]:
    """Text of at most so many characters. What a spreadsheet has made into a date or a short number is refused, not guessed."""

    def read(text: str) -> str:
        if sheets.lost_digits(text):
            raise Wrong("lost", text)
        if DATE_CELL.fullmatch(text):
            raise Wrong("made_a_date", text)
        if len(text) > most:
            raise Wrong("long", text)
        return text

    return read


def free_text(most: int = 200) -> Callable[[str], str]:
    """Text in which a date may well stand."""

    def read(text: str) -> str:
        if len(text) > most:
            raise Wrong("long", text)
        return text

    return read


TEXT = as_it_is()


@dataclass(frozen=True)
class Part:
    """One thing a row may hold. ``called``: headings that mean it, as in the template first."""

    key: str
    label: Any
    help: Any
    called: tuple[str, ...]
    required: bool = False
    read: Callable[[str], Any] = TEXT
    sample: str = ""

    @property
    def heading(self) -> str:
        return self.called[0]


def plain(heading: str) -> str:
    """A heading as it is compared: half width, lower case, without blanks, stars, colons and brackets."""
    return re.sub(r"[\s*＊:：()（）]", "", unicodedata.normalize("NFKC", heading)).lower()


def guess(
    parts: Sequence[Part], headings: Sequence[str], remembered: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Which column holds what: as it was said last time for a heading, else by its words; the first that fits."""
    names = [plain(h) for h in headings]
    known = {part.key for part in parts}
    found: dict[str, int] = {}
    for place, name in enumerate(names):
        key = (remembered or {}).get(name, "")
        if key in known and key not in found:
            found[key] = place
    for part in parts:
        for word in part.called if part.key not in found else ():
            fits = [i for i, n in enumerate(names) if n == plain(word) and i not in found.values()]
            if fits:
                found[part.key] = fits[0]
                break
    return found


# Readers


def person_name(text: str) -> str:
    from certificates import names

    try:
        name = names.printable(text)
    except names.NameRefused:
        raise Wrong("name", text) from None
    if len(name) > 100:
        raise Wrong("long", text)
    if not is_a_name(name) or not names.comparable(name):
        raise Wrong("name", text)
    return name


def identity(text: str, today: date | None = None) -> str:
    """A resident identity number by its check character (GB 11643), or a passport or permit by its pattern."""
    if sheets.lost_digits(text):
        raise Wrong("lost", text)
    if DATE_CELL.fullmatch(text):  # eight figures would pass for a passport
        raise Wrong("made_a_date", text)
    number = id_number.tidy(text)
    try:
        if len(number) >= 15 and number[:1].isdigit():
            return id_number.resident(number, today=today or clock.today())
        return id_number.passport(number)
    except WrongNumber as wrong:
        raise Wrong(f"id_{wrong.why}", f"…{number[-4:]}") from None


def phone(text: str) -> str:
    if sheets.lost_digits(text):
        raise Wrong("lost", text)
    try:
        return id_number.phone(text)
    except WrongNumber:
        raise Wrong("phone", text) from None


def email(text: str) -> str:
    address = unicodedata.normalize("NFKC", text).strip().lower()
    if not re.fullmatch(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]{2,}", address) or len(address) > 254:
        raise Wrong("email", text)
    return address


def day(text: str) -> date:
    try:
        return sheets.day_of(text)
    except sheets.NotADay:
        raise Wrong("day", text) from None


def past_day(text: str) -> date:
    found = day(text)
    if found > clock.today():
        raise Wrong("future", text)
    return found


def number(low: Decimal, high: Decimal, places: int = 2) -> Callable[[str], Decimal]:
    """A plain decimal within bounds; thousands may be set off."""

    def read(text: str) -> Decimal:
        return bounded(decimal_of(text), low, high, places, text)

    return read


def bounded(value: Decimal, low: Decimal, high: Decimal, places: int, text: str) -> Decimal:
    if not low <= value <= high:
        raise Wrong("bounds", text)
    if value != round(value, places):
        raise Wrong("places", text)
    return value


def decimal_of(text: str) -> Decimal:
    """12345.6, 12,345.6, １２３４５．６; whole numbers too that a spreadsheet shows in short form when no digit is lost."""
    plain_text = re.sub(r"[\s,]", "", unicodedata.normalize("NFKC", text))
    if not re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,12})?", plain_text):
        raise Wrong("number", text)
    try:
        return Decimal(plain_text)
    except InvalidOperation:
        raise Wrong("number", text) from None


def one_of(words: Mapping[str, Any]) -> Callable[[str], Any]:
    """A value by one of its words (compared as headings are)."""
    known = {plain(word): value for word, value in words.items()}

    def read(text: str) -> Any:
        found = known.get(plain(text))
        if found is None:
            raise Wrong("choice", text)
        return found

    return read
