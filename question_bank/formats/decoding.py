"""Bytes of a text file to text, whatever people's editors made of it: UTF-8, UTF-16, GB18030 (and its parts GBK, GB 2312).

A byte order mark decides; without one, text that is valid UTF-8 is UTF-8; a file with NUL bytes is UTF-16; anything else
is tried as GB18030. That last is a guess, so a reader says it in its notes.
"""

from __future__ import annotations

import codecs
import re

from question_bank.formats.results import Refusal

GUESS = "GB18030"
#: Encodings that an XML declaration may name. Others are refused: most decode anything, to nonsense.
DECLARED = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "big5": "big5",
    "iso-8859-1": "iso-8859-1",
    "windows-1252": "cp1252",
}
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARATION = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")


class Undecodable(ValueError):
    """The bytes are no text in any encoding that is taken. ``refusal`` says so."""

    def __init__(self) -> None:
        self.refusal = Refusal("", "not_decodable")
        super().__init__("not text in a known encoding")


def decode(data: bytes) -> tuple[str, list[Refusal]]:
    """The text, and a note where the encoding is a guess. Raises :class:`Undecodable`."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], name), []
    if b"\0" in data[:4096]:
        return _decoded(data, _utf16_without_mark(data)), []
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        return _decoded(data, "gb18030"), [Refusal("", "note_encoding", values={"encoding": GUESS})]


def decode_xml(data: bytes) -> tuple[str, list[Refusal]]:
    """The same for an XML document, whose declaration may name the encoding (a byte order mark counts more)."""
    if not any(data.startswith(mark) for mark, _ in _MARKS):
        found = _DECLARATION.match(data)
        if found:
            name = DECLARED.get(found[1].decode("ascii").lower())
            if name is None or name.startswith("utf-16"):  # readable as ASCII, so it is not UTF-16
                raise Undecodable
            return _decoded(data, name), []
    return decode(data)


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        raise Undecodable from None


def _utf16_without_mark(data: bytes) -> str:
    """Line breaks, spaces and Latin letters have their zero byte second in little-endian text, first in big-endian."""
    head = data[:4096]
    return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
