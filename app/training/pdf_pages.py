"""The pages of a PDF as pictures, with their words. Drawn by the worker alone: a PDF is somebody else's program."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST_PAGES = 300
WIDE = 1400
"""Pixels across: sharp on a wide screen, and at 200 % on a phone."""
MOST_PIXELS = 6_000_000
MOST_WORDS = 20_000


class CannotDraw(Exception):
    """``code``: locked, broken, empty, too_long."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True)
class Drawn:
    number: int
    data: bytes
    width: int
    height: int
    words: str


def pages_in(data: bytes) -> int:
    """How many pages a PDF has. Raises CannotDraw."""
    document = _open(data)
    try:
        count = len(document)
    finally:
        document.close()
    if not count:
        raise CannotDraw("empty")
    if count > MOST_PAGES:
        raise CannotDraw("too_long")
    return count


def _open(data: bytes) -> Any:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise CannotDraw("locked" if "password" in str(error).lower() else "broken") from None


def draw(data: bytes, numbers: list[int]) -> Iterator[Drawn]:
    """These pages (counted from 1) as WebP pictures, one after the other. Raises CannotDraw."""
    import pypdfium2

    document = _open(data)
    try:
        for number in numbers:
            try:
                page = document[number - 1]
                wide, high = page.get_size()
                if not (wide > 0 and high > 0):
                    raise CannotDraw("broken")
                scale = min(WIDE / wide, math.sqrt(MOST_PIXELS / (wide * high)))
                picture = page.render(scale=scale).to_pil().convert("RGB")
                words = page.get_textpage().get_text_bounded()
            except pypdfium2.PdfiumError:
                raise CannotDraw("broken") from None
            out = io.BytesIO()
            picture.save(out, "WEBP", quality=80, method=4)
            yield Drawn(number, out.getvalue(), picture.width, picture.height, _clean(words))
    finally:
        document.close()


def _clean(words: str) -> str:
    kept = "".join(
        c if c.isprintable() or c in "\n\t" else " " for c in words.replace("\r\n", "\n").replace("\r", "\n")
    )
    return kept.strip()[:MOST_WORDS]
