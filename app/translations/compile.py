"""Compile every catalogue that changed: ``python app/translations/compile.py``. ``--check`` only reports what is missing."""

from __future__ import annotations

import os
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

HERE = Path(__file__).resolve().parent


def main() -> None:
    for po in HERE.glob("*/LC_MESSAGES/*.po"):
        mo = po.with_suffix(".mo")
        if mo.exists() and mo.stat().st_mtime >= po.stat().st_mtime:
            continue
        with po.open("rb") as source:
            catalogue = read_po(source, locale=po.parent.parent.name)
        fresh = mo.with_suffix(f".{os.getpid()}")  # several processes may compile at once
        with fresh.open("wb") as out:
            write_mo(out, catalogue)
        fresh.replace(mo)


if __name__ == "__main__":
    main()
