"""Passages of a version that a reviewer may comment: paragraphs of the narrative, work lines, files. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LONG = ("did", "result", "next_step")
LONGEST = 400
"""Characters of one comment."""


def paragraphs(text: str | None) -> list[str]:
    """The paragraphs of a narrative as they are shown and commented."""
    return [part.strip() for part in (text or "").split("\n") if part.strip()]


def passages(told: Mapping[str, Any]) -> dict[str, str]:
    """Place → words of everything that may be commented in a snapshot, in its order: ``did.0``, ``lines.2``, ``files.1``."""
    found = {f"{key}.{n}": words for key in LONG for n, words in enumerate(paragraphs(told.get(key)))}
    found |= {f"lines.{n}": f"{line['on']} {line['text']}" for n, line in enumerate(told.get("lines", []))}
    return found | {f"files.{n}": file["name"] for n, file in enumerate(told.get("files", []))}


def comments_given(told: Mapping[str, Any], typed: Mapping[str, str]) -> dict[str, str]:
    """What was typed at places that exist, without the empty ones; at most 400 characters each."""
    places = passages(told)
    return {place: typed[place].strip()[:LONGEST] for place in places if typed.get(place, "").strip()}
