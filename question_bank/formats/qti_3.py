"""QTI 3.0: the same as ``qti``, which reads every version; written is a 3.0 package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from question_bank.formats.qti import read, write_as
from question_bank.formats.qti_versions import QTI_30
from question_bank.formats.results import Writing
from question_bank.items import Item

__all__ = ["read", "write"]


def write(items: Sequence[Item], pictures: Mapping[str, bytes] | None = None) -> Writing:
    """Questions as a QTI 3.0 content package."""
    return write_as(items, QTI_30, pictures)
