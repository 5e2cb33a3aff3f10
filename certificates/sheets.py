"""Plain documents out of HTML: lists, papers, tickets. The fonts of the certificates, nothing fetched but what is given.

WeasyPrint is imported when the first page is set, never with this module.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from certificates import rendering
from certificates.fonts import Fonts, fonts


def sheet_pdf(page: str, style: str, assets: Mapping[str, bytes], *, typefaces: Fonts | None = None) -> bytes:
    """A document of as many pages as it takes. ``assets``: what ``asset:///name`` in page and style stands for.

    Raises ``ForeignAddress`` where the page asks for anything else, and ``FontsMissing``.
    """
    letters = typefaces or fonts()
    with rendering._PRESS:
        html, css, config = _press(letters)
        from weasyprint.urls import FatalURLFetchingError

        fetcher = rendering._only(assets)
        sheet = css(string=style, url_fetcher=fetcher, font_config=config)
        try:
            document = html(string=page, base_url="asset:///", url_fetcher=fetcher)
            return document.write_pdf(stylesheets=[sheet], font_config=config)
        except FatalURLFetchingError as reason:  # a BaseException there, which would end a worker
            raise rendering.ForeignAddress(str(reason)) from reason


@cache
def _press(letters: Fonts) -> tuple[Any, Any, Any]:
    letters.use()
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration

    rendering.whole_pictures_only()

    return HTML, CSS, FontConfiguration()


def portrait(data: bytes) -> bytes:
    """A photo upright, cropped to 5 : 7, small enough for print, as JPEG. Raises ``PictureRefused``."""
    return rendering._photo(data)


def qr_png(text: str, *, scale: int = 4) -> bytes:
    """A QR code with its quiet zone as PNG."""
    import segno

    out = io.BytesIO()
    segno.make_qr(text, error="m", boost_error=False).save(out, kind="png", scale=scale, border=4)
    return out.getvalue()


def joined(parts: Sequence[bytes]) -> bytes:
    """Several PDFs as one, in order."""
    import pikepdf

    if len(parts) == 1:
        return parts[0]
    out = io.BytesIO()
    with pikepdf.new() as whole:
        for part in parts:
            with pikepdf.open(io.BytesIO(part)) as one:
                whole.pages.extend(one.pages)
        whole.save(out)
    return out.getvalue()


def page_count(pdf: bytes) -> int:
    import pikepdf

    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return len(opened.pages)
