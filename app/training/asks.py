"""What the training stage must ask upward."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.core.asks import Slot


@dataclass(frozen=True)
class Naming:
    """How people of a list are named: by number of a certificate, by account, or by name (as ``names.comparable`` gives it) among
    the certificates of a region."""

    numbers: Collection[str]
    people: Collection[int]
    names: Collection[str]
    region_id: int


@dataclass(frozen=True)
class NamedCertificate:
    """A certificate that still stands, and who holds it."""

    person_id: int
    name_key: str
    number: str


certificates_like: Slot[[Naming], Sequence[NamedCertificate]] = Slot("training.certificates_like", by="certification")
"""The certificates of all who are named, lowest level first. Asked when participants of an event are entered."""
