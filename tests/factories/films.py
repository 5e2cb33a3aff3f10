"""Films and documents for tests, put together byte by byte: small, whole, of a stated length."""

from __future__ import annotations

import io
import struct


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def mp4(
    seconds: float = 60, *, size: int = 4000, late: bool = False, wide: bool = False, brand: bytes = b"isom"
) -> bytes:
    """A file as an MP4 begins: kind, length, and a body of noughts. ``late``: the length stands behind the body."""
    if wide:
        head = box(b"mvhd", struct.pack(">B3xQQIQ", 1, 0, 0, 1000, int(seconds * 1000)), bytes(80))
    else:
        head = box(b"mvhd", struct.pack(">B3xIIII", 0, 0, 0, 1000, int(seconds * 1000)), bytes(80))
    parts = [box(b"moov", box(b"udta"), head), box(b"mdat", bytes(size))]
    return box(b"ftyp", brand, bytes(4), b"isomiso2") + b"".join(reversed(parts) if late else parts)


def element(name: int, body: bytes) -> bytes:
    tag = name.to_bytes((name.bit_length() + 7) // 8, "big")
    return tag + (0x0100000000000000 | len(body)).to_bytes(8, "big") + body


def webm(seconds: float | None = 60) -> bytes:
    """A file as a WebM begins."""
    info = element(0x2AD7B1, (1_000_000).to_bytes(3, "big"))
    if seconds is not None:
        info += element(0x4489, struct.pack(">d", seconds * 1000))
    head = element(0x1A45DFA3, element(0x4282, b"webm"))
    return head + element(0x18538067, element(0x1549A966, info) + element(0x1F43B675, bytes(500)))


def pdf(pages: int = 3, words: str = "Technology transfer") -> bytes:
    """A PDF with words on each page."""
    import pikepdf

    made = pikepdf.new()
    for n in range(pages):
        page = made.add_blank_page(page_size=(595, 842))
        font = made.make_indirect(
            pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        )
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        page.Contents = made.make_stream(f"BT /F1 24 Tf 72 700 Td ({words} {n + 1}) Tj ET".encode())
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def locked_pdf() -> bytes:
    """A PDF that asks for a password."""
    import pikepdf

    made, out = pikepdf.open(io.BytesIO(pdf(1))), io.BytesIO()
    made.save(out, encryption=pikepdf.Encryption(owner="o", user="u"))
    return out.getvalue()
