"""Identity numbers: shape, check digit, mask. Pure; nothing is stored or looked up here.

Resident identity numbers follow GB 11643: six digits of place, eight of birthday, three of order (odd: male), and a check
character by ISO 7064 MOD 11-2 (X stands for ten).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
_PASSPORT = re.compile(r"[A-Z0-9]{6,12}")
_PERMIT = re.compile(r"[A-Z]?\d{7,11}[A-Z]?|[A-Z]\d{8}(?:\d{2})?")


class WrongNumber(ValueError):
    """``why``: one of length, characters, date, future, check."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


def tidy(typed: str) -> str:
    """Full width to half width, upper case, no spaces or hyphens."""
    plain = unicodedata.normalize("NFKC", typed or "").upper()
    return re.sub(r"[\s\-·.]", "", plain)


def check_character(first17: str) -> str:
    """The eighteenth character for seventeen digits."""
    return CHECKS[sum(int(c) * w for c, w in zip(first17, WEIGHTS, strict=True)) % 11]


def resident(typed: str, *, today: date) -> str:
    """The number in its one form. Raises WrongNumber saying why not."""
    plain = tidy(typed)
    if len(plain) != 18:
        raise WrongNumber("length")
    if not re.fullmatch(r"[1-9][0-9]{16}[0-9X]", plain):
        raise WrongNumber("characters")
    try:
        born = date(int(plain[6:10]), int(plain[10:12]), int(plain[12:14]))
    except ValueError:
        raise WrongNumber("date") from None
    if born.year < 1900:
        raise WrongNumber("date")
    if born > today:
        raise WrongNumber("future")
    if check_character(plain[:17]) != plain[17]:
        raise WrongNumber("check")
    return plain


def birthday(number: str) -> date:
    """The birthday in a resident number that was checked."""
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def passport(typed: str) -> str:
    """A passport number by loose pattern: 6 to 12 letters and digits, at least four digits."""
    plain = tidy(typed)
    if not _PASSPORT.fullmatch(plain) or sum(c.isdigit() for c in plain) < 4:
        raise WrongNumber("characters")
    return plain


def permit(typed: str) -> str:
    """A permit of residents of Hong Kong, Macao or Taiwan; also the 18-digit residence permit (by its check character)."""
    plain = tidy(typed)
    if re.fullmatch(r"8[123]0000[0-9]{11}[0-9X]", plain):
        if check_character(plain[:17]) != plain[17]:
            raise WrongNumber("check")
        return plain
    if not _PERMIT.fullmatch(plain):
        raise WrongNumber("characters")
    return plain


def masked_for_staff(number: str) -> str:
    """Last four only: digits 7 to 14 are the birthday, the seventeenth tells the sex."""
    return "*" * max(len(number) - 4, 4) + number[-4:]


def masked_for_documents(number: str) -> str:
    """First and last character."""
    return number[:1] + "*" * (len(number) - 2) + number[-1:]


def phone(typed: str) -> str:
    """A phone number: mainland mobile as eleven digits, anything else with its country code. Raises WrongNumber."""
    plain = re.sub(r"[\s\-()（）.]", "", unicodedata.normalize("NFKC", typed or ""))
    plain = re.sub(r"^(?:\+|00)86(?=1[3-9]\d{9}$)", "", plain)
    if re.fullmatch(r"1[3-9][0-9]{9}", plain) or re.fullmatch(r"\+[1-9][0-9]{6,14}", plain):
        return plain
    raise WrongNumber("characters")


def masked_phone(number: str) -> str:
    """138****1234."""
    return number[:-8] + "****" + number[-4:] if len(number) >= 11 else number[:2] + "****" + number[-2:]
