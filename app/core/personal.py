"""What is held about a person. Features announce their part at import; “my data” puts the parts into one ZIP.

    @holds("training")
    def _(person):
        return {"enrolments": [...]}, {"statement.pdf": data}      # plain values, files by name

``erases`` announces what a feature takes away when a person is erased.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

Part = tuple[Any, dict[str, bytes]]
HOLDERS: dict[str, Callable[[Any], Part]] = {}
ERASERS: dict[str, Callable[[Any, datetime], Any]] = {}


def holds(name: str) -> Callable[[Callable[[Any], Part]], Callable[[Any], Part]]:
    """Register what a feature holds about a person: (JSON-able value, files by name)."""

    def register(tell: Callable[[Any], Part]) -> Callable[[Any], Part]:
        HOLDERS[name] = tell
        return tell

    return register


def erases(name: str) -> Callable[[Any], Any]:
    """Register what a feature takes away on erasure: ``do(person, now)``, inside the caller's unit of work."""

    def register(do: Callable[[Any, datetime], Any]) -> Any:
        ERASERS[name] = do
        return do

    return register
