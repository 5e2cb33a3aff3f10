"""A certificate shown before it is issued, drawn in a process of its own: the page engine stays out of the web server."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from dataclasses import asdict
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from certificates.designs import Language, layout
from certificates.faces import CertificateFace

SECONDS, REFUSED = 60, 3


class PreviewRefused(ValueError):
    """The sample could not be drawn. ``code``: ``glyphs`` (``detail`` names the characters), ``long`` (the text),
    ``picture``, ``fonts`` (the packages), ``time`` or ``failed``."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


@lru_cache(maxsize=24)
def preview(face: CertificateFace, name: str, version: str, language: Language, kind: str = "pdf") -> bytes:
    """The face set in a layout, as ``pdf`` or ``png`` bytes. Raises ``PreviewRefused``."""
    asked = {"face": as_plain(face), "layout": name, "version": version, "language": language.value, "kind": kind}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "certificates.previewing"], input=json.dumps(asked).encode(), capture_output=True,
            timeout=SECONDS, cwd=Path(__file__).parent.parent, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as reason:
        raise PreviewRefused("time") from reason
    if done.returncode:
        said = done.stdout.decode(errors="replace").partition(" ")
        raise PreviewRefused(said[0] if done.returncode == REFUSED else "failed", said[2])
    return done.stdout


def as_plain(face: CertificateFace) -> dict[str, Any]:
    """The face as JSON holds it: days in ISO 8601, pictures in base 64."""

    def plain(value: Any) -> Any:
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        return value.isoformat() if isinstance(value, date) else value

    return {name: plain(value) for name, value in asdict(face).items()}


def from_plain(data: dict[str, Any]) -> CertificateFace:
    made = dict(data)
    for name in ("issued_on", "valid_until"):
        made[name] = date.fromisoformat(made[name]) if made[name] else None
    for name in ("photo", "seal_image"):
        made[name] = base64.b64decode(made[name]) if made[name] else None
    return CertificateFace(**made)


def picture(pdf: bytes, width: int = 1240) -> bytes:
    """The first page as PNG, ``width`` pixels wide."""
    import pypdfium2
    from PIL import Image

    opened = pypdfium2.PdfDocument(pdf)
    page = opened[0]
    # Drawn larger and made smaller: fine lines keep their weight.
    large = page.render(scale=2 * width / page.get_width()).to_pil()
    small = large.resize((width, round(large.height * width / large.width)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.quantize(128).save(out, "PNG", optimize=True)
    return out.getvalue()


def _draw() -> int:
    import weasyprint  # noqa: F401 - this process ends with its one page: it draws all of it itself

    from certificates.fonts import FontsMissing
    from certificates.rendering import MissingGlyphs, PictureRefused, TextTooLong, certificate_pdf

    asked = json.load(sys.stdin)
    try:
        chosen = layout(asked["layout"], asked["version"])
        pdf = certificate_pdf(from_plain(asked["face"]), chosen, language=Language(asked["language"]))
    except MissingGlyphs as reason:
        return _refused("glyphs", "、".join(f"{c} (U+{ord(c):04X})" for c in sorted(reason.chars)))
    except TextTooLong as reason:
        return _refused("long", reason.text[:80])
    except PictureRefused as reason:
        return _refused("picture", reason.code)
    except FontsMissing as reason:
        return _refused("fonts", " ".join(reason.packages))
    sys.stdout.buffer.write(pdf if asked["kind"] == "pdf" else picture(pdf))
    return 0


def _refused(code: str, detail: str) -> int:
    sys.stdout.buffer.write(f"{code} {detail}".encode())
    return REFUSED


if __name__ == "__main__":
    sys.exit(_draw())
