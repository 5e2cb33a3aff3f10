"""Certificate numbers: a pattern that is data, composing, parsing, and explaining what somebody typed.

Default pattern (domain notes §8, a system default and no national rule): ``TTM`` + region (4 digits) + year (4) +
level (1) + serial (6) + check character by ISO 7064 MOD 11-2 over the fifteen digits before it. The small level digit
is the higher level: 3 is 初级 (rank 1), 2 is 中级 (rank 2), 1 is 高级 (rank 3).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class NumberError(ValueError):
    """A number cannot be composed or parsed; ``code`` says why in one word, the text says it in English."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def mod_11_2(digits: str) -> str:
    """The check character of a string of decimal digits by ISO 7064 MOD 11-2: ``0``–``9`` or ``X``.

    The same system closes the Chinese identity number (GB 11643) and ISNI. Raises ``NumberError`` for anything but
    ASCII digits.
    """
    if not re.fullmatch(r"[0-9]+", digits):
        raise NumberError("not-digits", f"only digits can be checked: {digits!r}")
    product = 0
    for digit in digits:
        product = (product + int(digit)) * 2 % 11
    return "0123456789X"[(12 - product) % 11]


@dataclass(frozen=True)
class NumberPattern:
    """The shape of the numbers that one issuer gives. Plain data: ``as_data`` and ``from_data`` carry it as JSON."""

    prefix: str = "TTM"
    region_digits: int = 4
    year_digits: int = 4
    serial_digits: int = 6
    level_digits: Mapping[int, str] = field(default_factory=lambda: {1: "3", 2: "2", 3: "1"})  # canonical rank -> digit

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z]{1,8}", self.prefix):
            raise NumberError("bad-pattern", f"a prefix is one to eight capital letters: {self.prefix!r}")
        if not (1 <= self.region_digits <= 12 and self.year_digits == 4 and 1 <= self.serial_digits <= 12):
            raise NumberError("bad-pattern", "lengths are region 1 to 12, year 4, serial 1 to 12")
        digits = list(self.level_digits.values())
        if not digits or len(set(digits)) != len(digits) or not all(re.fullmatch(r"[0-9]", d) for d in digits):
            raise NumberError("bad-pattern", f"every rank needs one digit of its own: {dict(self.level_digits)!r}")

    @property
    def body_length(self) -> int:
        """Digits between the prefix and the check character."""
        return self.region_digits + self.year_digits + 1 + self.serial_digits

    def as_data(self) -> dict[str, Any]:
        """JSON-ready form; the keys of ``level_digits`` become strings, as JSON asks."""
        return {
            "prefix": self.prefix,
            "region_digits": self.region_digits,
            "year_digits": self.year_digits,
            "serial_digits": self.serial_digits,
            "level_digits": {str(rank): digit for rank, digit in self.level_digits.items()},
            "check": "iso7064-mod-11-2",
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> NumberPattern:
        """The pattern that ``as_data`` wrote. Raises ``NumberError`` for an unknown check or impossible lengths."""
        if data.get("check", "iso7064-mod-11-2") != "iso7064-mod-11-2":
            raise NumberError("bad-pattern", f"unknown check system: {data['check']!r}")
        given: dict[str, Any] = {
            key: int(data[key]) for key in ("region_digits", "year_digits", "serial_digits") if key in data
        }
        if levels := {int(rank): str(digit) for rank, digit in data.get("level_digits", {}).items()}:
            given["level_digits"] = levels
        return cls(prefix=str(data.get("prefix", "TTM")), **given)


DEFAULT_PATTERN = NumberPattern()


@dataclass(frozen=True)
class CertificateNumber:
    """The parts of one number. ``rank`` is the canonical level: 1 初级, 2 中级, 3 高级."""

    text: str
    region: str
    year: int
    rank: int
    serial: int


def compose(region: str, year: int, rank: int, serial: int, pattern: NumberPattern = DEFAULT_PATTERN) -> str:
    """Put a number together. ``region`` is the leading part of the 行政区划 code, ``serial`` counts from 1.

    Raises ``NumberError`` where a part does not fit: a serial too long is an alarm (codes ``region``, ``year``,
    ``rank``, ``serial``), never a longer number.
    """
    if not re.fullmatch(rf"[0-9]{{{pattern.region_digits}}}", region):
        raise NumberError("region", f"region must be {pattern.region_digits} digits, not {region!r}")
    if not 1000 <= year <= 9999:
        raise NumberError("year", f"year must have four digits, not {year!r}")
    if rank not in pattern.level_digits:
        raise NumberError("rank", f"the pattern has no digit for rank {rank!r}")
    if not 1 <= serial < 10**pattern.serial_digits:
        raise NumberError("serial", f"serial must be 1 to {10**pattern.serial_digits - 1}, not {serial!r}")
    body = f"{region}{year}{pattern.level_digits[rank]}{serial:0{pattern.serial_digits}d}"
    return f"{pattern.prefix}{body}{mod_11_2(body)}"


def tidy(typed: str) -> str:
    """What was typed, trimmed, full width made half width, invisible characters taken out; nothing else is changed."""
    text = unicodedata.normalize("NFKC", typed)
    return "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc")).strip()


def parse(typed: str, pattern: NumberPattern = DEFAULT_PATTERN) -> CertificateNumber:
    """Read a number of ours; lower case, full width, inner spaces and hyphens are forgiven.

    Raises ``NumberError``: ``shape`` when it does not look like the pattern at all, ``check`` when it does and the
    check character is wrong, ``level`` / ``serial`` when it passes the check but could never have been given.
    """
    text = re.sub(r"[\s\-‐-―]", "", tidy(typed)).upper()
    if not re.fullmatch(rf"{pattern.prefix}[0-9]{{{pattern.body_length}}}[0-9X]", text):
        raise NumberError("shape", "not of this pattern")
    body = text[len(pattern.prefix) : -1]
    if mod_11_2(body) != text[-1]:
        raise NumberError("check", "the check character does not fit")
    region, rest = body[: pattern.region_digits], body[pattern.region_digits :]
    year, level, serial = int(rest[:4]), rest[4], int(rest[5:])
    ranks = {digit: rank for rank, digit in pattern.level_digits.items()}
    if level not in ranks:
        raise NumberError("level", f"no level has the digit {level}")
    if serial == 0:
        raise NumberError("serial", "serials begin at 1")
    return CertificateNumber(text, region, year, ranks[level], serial)


class Typed(StrEnum):
    """What a typed number turned out to be."""

    OURS = "ours"  # right shape and right check: search ``text``
    FORMAT_ERROR = "format-error"  # our shape, and it cannot be: say 格式有误, do not search
    OTHER = "other"  # another shape: an earlier certificate perhaps, search ``text`` as it is
    EMPTY = "empty"  # nothing was typed


@dataclass(frozen=True)
class Explanation:
    """``text`` is what to search for (empty when nothing must be searched); ``reason`` a code of ``NumberError``."""

    kind: Typed
    text: str
    number: CertificateNumber | None = None
    reason: str | None = None


def explain(typed: str, patterns: Iterable[NumberPattern] = (DEFAULT_PATTERN,)) -> Explanation:
    """Say what to do with a typed number, before any search.

    Ours with a wrong check is a format error: saying so reveals nothing about which numbers exist. Any other shape is
    searched as it is, because certificates issued before the platform keep their own numbers.
    """
    text = tidy(typed)
    if not text:
        return Explanation(Typed.EMPTY, "")
    for pattern in patterns:
        try:
            number = parse(typed, pattern)
        except NumberError as refusal:
            if refusal.code != "shape":
                return Explanation(Typed.FORMAT_ERROR, "", reason=refusal.code)
        else:
            return Explanation(Typed.OURS, number.text, number)
    return Explanation(Typed.OTHER, text)
