"""The drawings of a page made in a process of their own.

Page engine, fonts and the curves of the ornaments take some 35 MB that a process keeps once it has drawn them, for a page
that is needed once per issuer and layout. A worker that goes on to write thousands of certificates on it lets another
process draw it, and stays small.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from certificates import designs
from certificates.designs import Layout
from certificates.fonts import Fonts, fonts

SECONDS = 120


class NotDrawn(RuntimeError):
    """The process that was to draw the page ended without it."""


def apart(letters: Fonts, layout: Layout, issuer: str, seal_words: str, seal_image: bytes | None) -> bytes:
    """``rendering.ground`` as another process draws it. Raises ``NotDrawn``."""
    asked = {
        "fonts": str(letters.folder.parent), "layout": layout.name, "version": layout.version, "issuer": issuer,
        "seal_words": seal_words, "seal_image": base64.b64encode(seal_image).decode() if seal_image else "",
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="ttm-ground-") as home:
        environ = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "HOME": home}
        done = subprocess.run(
            [sys.executable, "-m", "certificates.grounds"], input=json.dumps(asked).encode(), capture_output=True,
            timeout=SECONDS, cwd=Path(__file__).resolve().parent.parent, env=environ, check=False,
        )  # fmt: skip
    if done.returncode or not done.stdout.startswith(b"%PDF-"):
        raise NotDrawn(done.stderr.decode(errors="replace")[-500:])
    return done.stdout


def _main() -> int:
    from certificates import rendering

    asked = json.load(sys.stdin.buffer)
    sys.stdout.buffer.write(
        rendering.ground(
            fonts(Path(asked["fonts"])), designs.layout(asked["layout"], asked["version"]), asked["issuer"],
            asked["seal_words"], base64.b64decode(asked["seal_image"]) or None,
        )
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(_main())
