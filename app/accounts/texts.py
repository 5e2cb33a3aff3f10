"""The texts people agree to, by version. A changed text is a new version; what was agreed to stays on record."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from app.accounts.models import ConsentKind

FOLDER = Path(__file__).parent / "content"
CURRENT: dict[str, str] = {
    ConsentKind.TERMS: "2026-11",
    ConsentKind.PUBLIC_REGISTER: "2026-11-29",
    ConsentKind.PHOTO: "2026-11",
    ConsentKind.EXCHANGE: "2026-11",
    ConsentKind.CREDENTIAL: "2026-11",
    "privacy": "2026-11",
}


def version(kind: str) -> str:
    """The version of a text that is put before people now."""
    return CURRENT[kind]


@lru_cache(maxsize=64)
def text(kind: str, language: str, of: str = "") -> str:
    """The Markdown of a text: ``kind`` of CURRENT, ``language`` zh_Hans or en, ``of`` a version (the current one)."""
    name = f"{kind}.{of or version(kind)}.{'en' if language == 'en' else 'zh'}.md"
    return (FOLDER / name).read_text(encoding="utf-8")
