"""Passwords: hashed with Argon2id, a ceiling on hashes at once, and a rule that asks for length, not for decoration."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from threading import BoundedSemaphore
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHash
from flask_babel import lazy_gettext as _l

from app.core.errors import Invalid

SHORTEST, LONGEST = 10, 200
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_ceiling = BoundedSemaphore(2)
"""Hashes at once in this process: each takes 19 MiB and a core."""

_OBVIOUS = {
    "0123456789", "1234567890", "12345678910", "123456789a", "a123456789", "1234567890a", "123123123123", "1q2w3e4r5t",
    "1qaz2wsx3edc", "5201314520", "woaini1314", "woaini520", "password123", "password1234", "passw0rd123", "p@ssw0rd123",
    "passwordpassword", "qwertyuiop", "qwerty12345", "qwerty123456", "qwertyuiop123", "asdfghjkl123", "administrator",
    "admin12345", "admin123456", "letmein1234", "welcome1234", "iloveyou1314", "iloveyou123", "abcdefghij", "abc1234567",
    "abcd123456", "abcdef123456", "aa12345678", "zxcvbnm123", "changeme123", "mima123456", "1357924680", "9876543210",
    "0987654321", "1122334455", "jishujingliren",
}  # fmt: skip


class WeakPassword(Invalid):
    message = _l("This password is too easy to guess: %(why)s")


@dataclass(frozen=True)
class Answer:
    """``right``: the password fits; ``again``: it should be hashed again with today's parameters."""

    right: bool
    again: bool = False


def _same_form(password: str) -> str:
    return unicodedata.normalize("NFC", password)


def hashed(password: str) -> str:
    """The Argon2id hash to keep. Slow on purpose: call it before opening a unit of work."""
    with _ceiling:
        return _hasher.hash(_same_form(password))


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return hashed("a password that nobody has")


def check(kept: str | None, typed: str) -> Answer:
    """Compare a typed password with a kept hash. Without a hash the same work is done for nothing, so that the time
    does not tell whether an account exists."""
    try:
        with _ceiling:
            _hasher.verify(kept or _nobodys(), _same_form(typed))
    except (Argon2Error, InvalidHash):
        return Answer(False)
    return Answer(bool(kept), again=bool(kept) and _hasher.check_needs_rehash(kept or ""))


def must_be_strong(password: str, *, email: str = "", name: str = "", field: str = "password") -> None:
    """Raises WeakPassword with the reason. No rule asks for digits or signs: length does more."""
    why = weakness(password, email=email, name=name)
    if why is not None:
        raise WeakPassword(field, why=why)


def weakness(password: str, *, email: str = "", name: str = "") -> Any | None:
    """Why this password must not be taken, in words; None when it may."""
    plain = _same_form(password).casefold()
    if len(plain) < SHORTEST:
        return _l("it has fewer than %(count)s characters.", count=SHORTEST)
    if len(plain) > LONGEST:
        return _l("it has more than %(count)s characters.", count=LONGEST)
    own = [email.partition("@")[0].casefold(), name.casefold()]
    if any(len(part) >= 3 and part in plain for part in own):
        return _l("it contains your name or your e-mail address.")
    if len(set(plain)) < 5 or re.fullmatch(r"(.{1,4})\1+", plain):
        return _l("it repeats the same few characters.")
    if plain in _OBVIOUS or _is_a_run(plain):
        return _l("it is on every list of common passwords.")
    return None


def _is_a_run(plain: str) -> bool:
    steps = {ord(b) - ord(a) for a, b in pairwise(plain)}
    return len(steps) == 1
