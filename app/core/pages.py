"""The standing texts of the site (about, privacy, accessibility): Markdown files, one per language."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from app.core.crypto import settings
from app.core.errors import NotFound

FOLDERS = [Path(__file__).resolve().parents[1] / room / "content" for room in ("core", "accounts")]


def standing_text(name: str, language: str) -> tuple[str, str]:
    """Heading and body of a text in a language, with operator and contact filled in. Raises NotFound."""
    source = _source(name, "en" if language == "en" else "zh")
    filled = source.replace("{operator}", settings().OPERATOR).replace("{contact}", settings().CONTACT)
    heading, _, body = filled.lstrip().partition("\n")
    return heading.lstrip("# ").strip(), body.strip()


@lru_cache
def _source(name: str, code: str) -> str:
    """The newest version: ``name.zh.md``, or the last of ``name.<version>.zh.md``."""
    for folder in FOLDERS:
        dated = sorted(folder.glob(f"{name}.*.{code}.md"))
        plain = folder / f"{name}.{code}.md"
        for file in [*dated[-1:], plain]:
            if file.exists():
                return file.read_text(encoding="utf-8")
    raise NotFound
