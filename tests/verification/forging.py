"""What a forger does to an issued PDF with pikepdf: other words on the page, another attachment; saved whole or appended."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pikepdf

from certificates.pagetext import _decoded, _table


def whole(pdf: bytes, change: Callable[[pikepdf.Pdf], Any]) -> bytes:
    """Changed and written anew from the first byte to the last, as “save as” does."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        change(opened)
        out = io.BytesIO()
        opened.save(out)
    return out.getvalue()


def appended(pdf: bytes, change: Callable[[pikepdf.Pdf], Any]) -> bytes:
    """The same change as an update behind the signed bytes, which stay as they are: what “save” does in an editor."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        touched = change(opened)
        objects = [(one.objgen, one.read_raw_bytes(), _entries(one)) for one in touched]
        size, root = int(opened.trailer.Size), opened.trailer.Root.objgen
    start = int(pdf[pdf.rindex(b"startxref") :].split()[1])
    out, places = bytearray(pdf), {}
    for (number, generation), data, entries in objects:
        places[number, generation] = len(out)
        out += b"%d %d obj\n<<%s/Length %d>>\nstream\n" % (number, generation, entries, len(data))
        out += data + b"\nendstream\nendobj\n"
    at = len(out)
    out += b"xref\n"
    for (number, generation), place in sorted(places.items()):
        out += b"%d 1\n%010d %05d n \n" % (number, place, generation)
    out += b"trailer\n<</Size %d/Root %d %d R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (size, *root, start, at)
    return bytes(out)


def _entries(stream: pikepdf.Object) -> bytes:
    kept = {key: value for key, value in stream.stream_dict.items() if key != "/Length"}
    return b"".join(key.encode() + b" " + _written(value) for key, value in kept.items())


def _written(value: Any) -> bytes:
    if isinstance(value, pikepdf.Object) and value.is_indirect:
        return b"%d %d R " % value.objgen
    if isinstance(value, pikepdf.Dictionary):
        return b"<<" + b"".join(k.encode() + b" " + _written(v) for k, v in value.items()) + b">>"
    if isinstance(value, pikepdf.Array):
        return b"[" + b" ".join(_written(one) for one in value) + b"]"
    return value.unparse() + b" " if isinstance(value, pikepdf.Object) else str(value).encode() + b" "


def words(old: str, new: str) -> Callable[[pikepdf.Pdf], list[pikepdf.Object]]:
    """Set ``new`` in place of ``old`` on the page, by letters the file's own fonts have."""

    def change(opened: pikepdf.Pdf) -> list[pikepdf.Object]:
        touched = []
        for page in opened.pages:
            for stream, resources in _streams(page.obj, page.obj.get("/Resources", {})):
                if _replaced(opened, stream, resources, old, new):
                    touched.append(stream)
        assert touched, f"{old} does not stand on the page in one piece, or {new} cannot be set"
        return touched

    return change


def _streams(holder: Any, resources: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    content = holder.get("/Contents", holder)
    yield from ((one, resources) for one in (content if isinstance(content, pikepdf.Array) else [content]))
    for form in resources.get("/XObject", {}).values():
        if form.get("/Subtype") == "/Form" and depth < 6:
            yield from _streams(form, form.get("/Resources", resources), depth + 1)


def _replaced(opened: pikepdf.Pdf, stream: Any, resources: Any, old: str, new: str) -> bool:
    steps, table, found = [], {}, False
    for step in pikepdf.parse_content_stream(stream):
        operands, name = list(step.operands), str(step.operator)
        if name == "Tf":
            table = _table(resources.get("/Font", {}).get(str(operands[0])))
        elif name in ("Tj", "TJ") and old in _decoded(operands[-1], table):
            codes = {text: code for code, text in table.items()}
            said = _decoded(operands[-1], table).replace(old, new)
            if all(letter in codes for letter in said):
                data = b"".join(codes[letter].to_bytes(2, "big") for letter in said)
                operands, step = [pikepdf.Array([pikepdf.String(data)])], None
                steps.append((operands, pikepdf.Operator("TJ")))
                found = True
                continue
        steps.append((operands, step.operator))
    if found:
        stream.write(pikepdf.unparse_content_stream(steps))
    return found


def attachment(data: bytes) -> Callable[[pikepdf.Pdf], list[pikepdf.Object]]:
    """Another file in the place of the credential."""

    def change(opened: pikepdf.Pdf) -> list[pikepdf.Object]:
        inside = opened.attachments["credential.json"].obj.EF.F
        inside.write(data)
        return [inside]

    return change


def picture(opened: pikepdf.Pdf) -> list[pikepdf.Object]:
    """Another photo in the place of the first."""
    image = next(one for one in _images(opened.pages[0].obj.Resources))
    size = int(image.Width), int(image.Height)
    image.write(bytes(3 * size[0] * size[1]))
    for key, value in (("/ColorSpace", pikepdf.Name.DeviceRGB), ("/BitsPerComponent", 8)):
        image[key] = value
    return [image]


def _images(resources: Any) -> Iterator[Any]:
    for one in resources.get("/XObject", {}).values():
        if one.get("/Subtype") == "/Image":
            yield one
        elif one.get("/Subtype") == "/Form":
            yield from _images(one.get("/Resources", {}))


def nothing(opened: pikepdf.Pdf) -> list[pikepdf.Object]:
    """Saved anew and no more."""
    return []
