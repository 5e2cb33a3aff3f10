"""Formulae drawn for print as SVG, because the PDF maker draws no MathML.

``ziamath`` sets them with the mathematical font that it brings (STIX Two Math, SIL Open Font License), as outlines: nothing is
fetched and no font is needed afterwards. That font has no Chinese; characters that it lacks come from the font
that papers are set in.
"""

from __future__ import annotations

import re
from copy import deepcopy
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from app.core.formulae import tree

SIZE = 14.0
"""CSS pixels: the type size of papers (10.5 pt)."""
_NAME = "formulae"
_lock = Lock()
"""The library keeps state in its fonts while it draws."""
_ROUGH = re.compile(r"-?\d+\.\d{3,}")


@cache
def _library() -> Any:
    """ziamath with our font as one of its fonts."""
    import ziafont
    import ziamath
    from ziamath import zmath
    from ziamath.mathfont import MathFont

    from certificates.fonts import fonts

    words = ziafont.Font(str(fonts().folder / "song-regular.ttf"))

    class Both(MathFont):
        """The mathematical font, and behind it one with Chinese."""

        def findglyph(self, char: str, variant: Any) -> Any:
            if self.glyphindex(char) == 0 and words.glyphindex(char):
                return words.glyph(char)
            return super().findglyph(char, variant)

    ziamath.config.svg2 = False  # outlines where they are used: no ids that would meet on a page
    zmath.loadedfonts[_NAME] = Both(Path(ziamath.__file__).parent / "fonts" / "STIXTwoMath-Regular.ttf", SIZE)
    return ziamath


@lru_cache(maxsize=1000)
def svg(source: str, block: bool = False) -> str | None:
    """The formula as an ``<svg>`` that stands on the line; None where it is not understood or cannot be drawn."""
    known = tree(source, block=block)
    if known is None:
        return None
    from xml.etree.ElementTree import tostring

    try:
        with _lock:
            drawn = _library().Math(deepcopy(known), size=SIZE, font=_NAME)
            picture = drawn.svgxml()
            below = drawn.getyofst()
    except Exception:  # whatever the library makes of a formula it cannot set: its source is printed
        return None
    kind = "display:block;margin:4px auto" if block else f"vertical-align:{below - 1:.2f}px"
    picture.set("style", kind)
    made = tostring(picture, encoding="unicode")
    return _ROUGH.sub(lambda found: f"{float(found[0]):.2f}", made)
