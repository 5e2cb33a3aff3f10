"""The words on the pages of a PDF, by the fonts' own tables: to compare a certificate's page with its credential.

Reads what our own documents are made of (fonts with two-byte codes and a ToUnicode table, text in the page and in forms
painted on it). Text of other make comes out empty or partly, which a comparison then reports as different.
"""

from __future__ import annotations

import hashlib
import io
import re
from typing import Any

_DEPTH, _LIMIT, _MOST_PICTURES = 6, 200_000, 40


def page_text(pdf: bytes) -> str:
    """All text of a PDF, one piece per line. Raises ``ValueError`` when it is no readable PDF."""
    import pikepdf

    out: list[str] = []
    try:
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            for page in opened.pages:
                _walk(page, page.get("/Resources", {}), out, 0)
    except (pikepdf.PdfError, RuntimeError, TypeError, KeyError, AttributeError) as reason:
        raise ValueError("not a readable PDF") from reason
    return "\n".join(out)


def page_pictures(pdf: bytes) -> list[str]:
    """SHA-256 of every picture on the pages (photo, seal), by what it shows and not by how it is packed; sorted. Raises
    ``ValueError`` when it is no readable PDF."""
    import pikepdf

    found: list[str] = []
    try:
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            for page in opened.pages:
                found += _pictures(page.get("/Resources", {}), 0)
    except (pikepdf.PdfError, RuntimeError, TypeError, KeyError, AttributeError) as reason:
        raise ValueError("not a readable PDF") from reason
    return sorted(found)


def _pictures(resources: Any, depth: int) -> list[str]:
    import pikepdf

    found: list[str] = []
    for form in resources.get("/XObject", {}).values():
        if form.get("/Subtype") == "/Image" and len(found) < _MOST_PICTURES:
            try:
                data = form.read_bytes()
            except pikepdf.PdfError:  # JPEG: it stays packed as it is
                data = form.read_raw_bytes()
            found.append(hashlib.sha256(data).hexdigest())
        elif form.get("/Subtype") == "/Form" and depth < _DEPTH:
            found += _pictures(form.get("/Resources", {}), depth + 1)
    return found


def _walk(stream: Any, resources: Any, out: list[str], depth: int) -> None:
    import pikepdf

    fonts, forms = resources.get("/Font", {}), resources.get("/XObject", {})
    tables: dict[str, dict[int, str]] = {}
    current: dict[int, str] = {}
    line: list[str] = []
    for step in pikepdf.parse_content_stream(stream, "Tf Tj TJ ' \" ET Do"):  # all others are lines and colours
        operands, name = step.operands, str(step.operator)
        if name == "Tf" and operands:
            key = str(operands[0])
            if key not in tables:
                tables[key] = _table(fonts.get(key))
            current = tables[key]
        elif name in ("Tj", "TJ", "'", '"') and operands:
            line.append(_decoded(operands[-1], current))
        elif name == "ET" and line:
            out.append("".join(line))
            line = []
        elif name == "Do" and operands and depth < _DEPTH:
            form = forms.get(str(operands[0]))
            if form is not None and form.get("/Subtype") == "/Form":
                _walk(form, form.get("/Resources", resources), out, depth + 1)
        if sum(map(len, out[-1:])) > _LIMIT or len(out) > _LIMIT:
            raise RuntimeError("too much text")


def _decoded(operand: Any, table: dict[int, str]) -> str:
    import pikepdf

    pieces = operand if isinstance(operand, pikepdf.Array) else [operand]
    text = []
    for piece in pieces:
        if isinstance(piece, pikepdf.String):
            data = bytes(piece)
            text += [table.get(int.from_bytes(data[i : i + 2], "big"), "") for i in range(0, len(data) - 1, 2)]
    return "".join(text)


def _table(font: Any) -> dict[int, str]:
    if font is None or "/ToUnicode" not in font:
        return {}
    pairs = re.findall(rb"<([0-9a-fA-F]{4})>\s*<((?:[0-9a-fA-F]{4})+)>", font.ToUnicode.read_bytes())
    return {int(code, 16): bytes.fromhex(text.decode()).decode("utf-16-be", "replace") for code, text in pairs}
