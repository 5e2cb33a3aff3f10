"""The designs of certificates. One module a design, one class a version; a version once used is never changed.

``LAYOUTS`` holds every version there ever was, so that a certificate can be set again as it was; ``newest`` is what is
offered for new ones. ``tests/certificates/test_layouts.py`` keeps the fingerprint of each released version and fails when
its look changes: then the change belongs into a new version.
"""

from __future__ import annotations

from collections.abc import Mapping

from certificates.designs import archive, classic, modern
from certificates.designs.parts import LANGUAGES, Language, Layout

LAYOUTS: Mapping[tuple[str, str], Layout] = {
    (layout.name, layout.version): layout
    for layout in (classic.V1, classic.V2, classic.V3, modern.V1, modern.V2, archive.V1, archive.V2)
}
CLASSIC, MODERN, ARCHIVE = classic.V3, modern.V2, archive.V2


def newest() -> list[Layout]:
    """The newest version of each design, in the order they are offered."""
    return list({layout.name: layout for layout in LAYOUTS.values()}.values())


def layout(name: str, version: str = "") -> Layout:
    """A layout by name, of a certain version or the newest. Raises ``KeyError`` for one that never was."""
    if version:
        return LAYOUTS[name, version]
    return {each.name: each for each in newest()}[name]


__all__ = ["ARCHIVE", "CLASSIC", "LANGUAGES", "LAYOUTS", "MODERN", "Language", "Layout", "layout", "newest"]
