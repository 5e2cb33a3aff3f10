"""Pictures that travel inside files of questions.

In a question that was read, or is to be written, a picture stands as ``![words](picture:NAME)``; NAME is made of its content, so
the same picture has the same name everywhere. Its bytes are in ``Reading.pictures`` and are handed to ``write``, by address.
What a picture is, its content says: PNG or JPEG, nothing that could hold a script or fetch something.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from question_bank.items import Item
from question_bank.texts import changed, texts_of

MOST_BYTES = 2 * 1024 * 1024
"""Of one picture."""
MOST_PICTURES = 300
MOST_TOTAL = 32 * 1024 * 1024
"""Pictures of one file, and their bytes."""
MOST_PIXELS = 40_000_000
PREFIX = "picture:"
ADDRESS = re.compile(r"picture:([A-Za-z0-9._-]{1,80})")
_IN_MARKDOWN = re.compile(r"!\[((?:\\.|[^\]\\\n]){0,500})\]\(<?(picture:[A-Za-z0-9._-]{1,80})>?\)")
_DATA = re.compile(r"data:image/[a-z0-9.+-]{1,40};base64,(.*)\Z", re.DOTALL | re.IGNORECASE)
_ENDINGS = {"PNG": "png", "JPEG": "jpg"}
MAGIC = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}

Resolve = Callable[[str], str | None]
"""Address in a file → ours, or None: then words stand in its place, and why was told."""


class BadPicture(ValueError):
    """A picture that is not taken. ``reason`` is a code of ``reasons.py``."""

    def __init__(self, reason: str, name: str, **values: object) -> None:
        self.reason, self.values = reason, {"name": shown(name), **values}
        super().__init__(reason)


def shown(name: str) -> str:
    """A name as it may stand in a note."""
    if name.startswith("data:"):
        return "data:"
    return " ".join(name.rsplit("/", 1)[-1].split())[:80] or "?"


def kind_of(data: bytes, name: str = "") -> str:
    """``png`` or ``jpg``, by content. Raises :class:`BadPicture`: another kind, too large, damaged."""
    format = next((kind for magic, kind in MAGIC.items() if data.startswith(magic)), None)
    if format is None:
        raise BadPicture("picture_kind", name)
    if len(data) > MOST_BYTES:
        raise BadPicture("picture_large", name, limit=MOST_BYTES // 1024 // 1024)
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=[format]) as opened:
            wide, high = opened.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadPicture("picture_pixels", name, limit=MOST_PIXELS // 1_000_000) from None
    except Exception:  # the library raises whatever damaged bytes make it raise
        raise BadPicture("picture_damaged", name) from None
    if wide * high > MOST_PIXELS:
        raise BadPicture("picture_pixels", name, limit=MOST_PIXELS // 1_000_000)
    return _ENDINGS[format]


def file_name(data: bytes) -> str:
    """What a picture is called in a file of ours: its name and its ending."""
    return f"{name_of(data)}.{kind_of(data)}"


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:40]


class Shelf:
    """The pictures of one file as it is read."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self._bytes = 0

    def put(self, name: str, data: bytes) -> str:
        """Keep a picture; its address. Raises :class:`BadPicture`."""
        kind_of(data, name)
        address = PREFIX + name_of(data)
        if address not in self.kept:
            if len(self.kept) >= MOST_PICTURES or self._bytes + len(data) > MOST_TOTAL:
                raise BadPicture("picture_many", name, count=MOST_PICTURES, limit=MOST_TOTAL // 1024 // 1024)
            self.kept[address] = data
            self._bytes += len(data)
        return address

    def put_base64(self, name: str, text: str) -> str:
        """The same for one that is written in base64."""
        if len(text) > MOST_BYTES * 3 // 2:
            raise BadPicture("picture_large", name, limit=MOST_BYTES // 1024 // 1024)
        try:
            data = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise BadPicture("picture_damaged", name) from None
        return self.put(name, data)

    def resolver(self, fetch: Callable[[str], bytes | str], said: Callable[..., None]) -> Resolve:
        """``fetch`` gives the bytes (or their base64) behind an address, or raises :class:`BadPicture`; ``said`` is told why not."""

        def resolve(address: str) -> str | None:
            written = _DATA.match(address)
            try:
                if written:
                    return self.put_base64("data:", written[1])
                found = fetch(address)
                return self.put(address, found) if isinstance(found, bytes) else self.put_base64(address, found)
            except BadPicture as bad:
                said(bad.reason, **bad.values)
                return None

        return resolve


def addresses(texts: Iterable[str]) -> list[str]:
    """Pictures of ours that texts show, each once."""
    return list(dict.fromkeys(PREFIX + name for text in texts if PREFIX in text for name in ADDRESS.findall(text)))


def without_strays(item: Item, known: Mapping[str, bytes]) -> tuple[Item, list[str]]:
    """The question with words where it shows a picture that did not come along; and the names of those."""
    missing = [address for address in addresses(texts_of(item)) if address not in known]
    if not missing:
        return item, []

    def stand_in(found: re.Match[str]) -> str:
        return found[0] if found[2] in known else f"（图：{found[1] or shown(found[2])}）"

    made = changed(item.to_dict(), lambda text: _IN_MARKDOWN.sub(stand_in, text))
    return Item.from_dict(made), [address.removeprefix(PREFIX) for address in missing]


def lost(items: Iterable[Item], pictures: Mapping[str, bytes], *, carried: bool) -> list[str]:
    """The losses (``id: pictures``) of questions whose pictures do not go along: the format has no place for them, or
    nobody has their bytes."""
    return [
        f"{item.id}: pictures"
        for item in items
        if any(not carried or address not in pictures for address in addresses(texts_of(item)))
    ]


def renamed(data: Any, names: Mapping[str, str]) -> Any:
    """A question's JSON form with other addresses; what is not named stays."""
    return changed(data, lambda text: ADDRESS.sub(lambda found: names.get(found[0], found[0]), text))
