"""The places of the site. Features announce theirs at import; the frame shows those open to the reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from app.core.permissions import Can, Role

AREAS = {
    "training": _l("Training"),
    "exams": _l("Exams"),
    "practice": _l("Practice"),
    "performance": _l("Performance"),
    "certification": _l("Certification"),
    "recognition": _l("Recognition"),
    "people": _l("People"),
    "rules": _l("Rules"),
    "reports": _l("Statistics"),
    "system": _l("System"),
}
"""Officers' areas in the order of the menu. Besides: ``me`` (top bar), ``account`` (person's menu), ``public``."""


def area_label(area: str) -> Any:
    return AREAS.get(area, "")


@dataclass(frozen=True)
class Place:
    """A page in the menu. ``area`` groups officers' pages (left list); trainee places have area ``me``."""

    endpoint: str
    label: Any
    area: str
    can: Can | tuple[Can, ...] | None = None
    """The right that opens it, or any of several."""
    roles: tuple[Role, ...] = ()
    order: int = 50
    icon: str | None = None
    count: Callable[[Any], int] | None = None
    """How many things wait there for this person; shown as a number on the tab and in the work list."""


PLACES: list[Place] = []
ENDPOINTS: set[str] = set()


def place(endpoint: str, label: Any, area: str, **more: Any) -> Place:
    """Announce a page of the menu. Areas: ``me`` (top bar of everybody signed in), ``account`` (the person's menu),
    ``public`` (top bar of visitors), and the officers' AREAS."""
    if area not in AREAS and area not in ("me", "account", "public"):
        raise ValueError(f"{endpoint}: there is no area {area}")
    made = Place(endpoint, label, area, **more)
    PLACES[:] = sorted((p for p in PLACES if p.endpoint != endpoint), key=lambda p: (p.area, p.order)) + [made]
    PLACES.sort(key=lambda p: p.order)
    ENDPOINTS.add(endpoint)
    return made
