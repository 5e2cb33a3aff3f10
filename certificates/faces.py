"""What stands on a document: frozen dataclasses of words and dates, and nothing a renderer could follow elsewhere.

Words come in Chinese and English; an English word may be empty, then the Chinese stands alone. Every name must already
have passed ``certificates.names.printable``. Pictures are bytes. A face never holds the national identity number in
full, only its masked form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal

TRIAL_ZH, TRIAL_EN = "演示样本 · 不具任何效力", "DEMONSTRATION SAMPLE · NO VALIDITY"
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def date_zh(day: date | None) -> str:
    """2026年11月21日; ``None`` is 长期有效."""
    return f"{day.year}年{day.month}月{day.day}日" if day else "长期有效"


def date_en(day: date | None) -> str:
    """21 November 2026; ``None`` is "No expiry"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}" if day else "No expiry"


class Face:
    """What all faces share: the strings on them, for the check of glyphs before anything is drawn."""

    def texts(self) -> Iterator[str]:
        """Every string printed from this face, those inside tuples included."""
        for each in fields(self):  # type: ignore[arg-type]
            yield from _strings(getattr(self, each.name))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, Face):
        yield from value.texts()


@dataclass(frozen=True, kw_only=True)
class CertificateFace(Face):
    """A certificate (证书). ``valid_until`` is the last valid day, ``None`` for one without end.

    ``sentence_zh`` says truthfully what was assessed. ``photo`` and ``seal_image`` are JPEG or PNG bytes; without
    ``seal_image`` a round seal with the issuer's name is drawn. ``trial`` prints ``trial_zh``/``trial_en`` across the
    head and 演示 into the seal. ``reprint`` prints 补发 beside the number, which stays the same.
    """

    holder_name: str
    masked_id: str
    title_zh: str
    title_en: str
    level_zh: str
    level_en: str
    number: str
    issuer_zh: str
    issuer_en: str
    issued_on: date
    valid_until: date | None
    scheme_name: str
    scheme_version: str
    verify_url: str
    sentence_zh: str
    sentence_en: str
    field_zh: str = ""
    field_en: str = ""
    base_zh: str = ""
    base_en: str = ""
    scheme_name_en: str = ""
    holder_name_latin: str = ""
    photo: bytes | None = None
    seal_image: bytes | None = None
    seal_words: str = "认证专用章"
    reprint: bool = False
    trial: bool = False
    trial_zh: str = TRIAL_ZH
    trial_en: str = TRIAL_EN


@dataclass(frozen=True, kw_only=True)
class NoteFace(Face):
    """A recognition note (认可凭证): that a certificate of another issuer counts here, as what, and until when.

    ``conditions`` are sentences; empty means recognised without condition. ``valid_until`` never lies behind the end of
    the source certificate or of the agreement: the caller has computed it.
    """

    number: str
    holder_name: str
    masked_id: str
    source_issuer: str
    source_region: str
    source_number: str
    source_level: str
    recognised_level_zh: str
    recognised_level_en: str
    agreement: str
    decided_on: date
    valid_until: date | None
    authority_zh: str
    authority_en: str
    verify_url: str
    source_valid_until: date | None = None
    conditions: tuple[str, ...] = ()
    seal_image: bytes | None = None
    seal_words: str = "互认专用章"
    trial: bool = False
    trial_zh: str = TRIAL_ZH
    trial_en: str = TRIAL_EN


@dataclass(frozen=True)
class ModuleHours(Face):
    """One line of a completion certificate: hours of 45 minutes (学时) attended in a module."""

    module_zh: str
    module_en: str
    hours: Decimal


@dataclass(frozen=True, kw_only=True)
class CompletionFace(Face):
    """A completion certificate (结业证明): that a class was attended, with hours by module. No qualification."""

    number: str
    holder_name: str
    masked_id: str
    class_name: str
    programme_zh: str
    programme_en: str
    starts_on: date
    ends_on: date
    modules: tuple[ModuleHours, ...]
    base_zh: str
    base_en: str
    issued_on: date
    verify_url: str = ""
    seal_image: bytes | None = None
    seal_words: str = "培训专用章"
    trial: bool = False
    trial_zh: str = TRIAL_ZH
    trial_en: str = TRIAL_EN

    @property
    def total_hours(self) -> Decimal:
        """Sum of the modules, in 学时."""
        return sum((line.hours for line in self.modules), Decimal(0))
