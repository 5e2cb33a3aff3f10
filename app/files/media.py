"""Films: taken in piece by piece, kind and length read from the content, handed out in the parts a player asks for."""

from __future__ import annotations

import hashlib
import secrets
import struct
from dataclasses import dataclass
from typing import IO, Any

from flask import Response, request
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import wrap_file

from app.db import db
from app.files import service
from app.files.models import StoredFile
from app.files.service import FileRefused, safe_name

MP4, WEBM = "video/mp4", "video/webm"
FILMS = frozenset({MP4, WEBM})
_ENDINGS = {MP4: (".mp4", ".m4v"), WEBM: (".webm",)}
PIECE = 1024 * 1024


def film_kind(head: bytes) -> str | None:
    """The kind of a film by its first bytes, or None for what is none or no browser plays."""
    if head[4:8] == b"ftyp":
        return None if head[8:12] == b"qt  " else MP4
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return WEBM if b"webm" in head[:64] else None
    return None


def film_seconds(source: IO[bytes], kind: str, size: int) -> float | None:
    """The length of a film as its file states it; None where it states none that can be read."""
    try:
        found = _mp4_seconds(source, size) if kind == MP4 else _webm_seconds(source)
    except (struct.error, IndexError, KeyError, ValueError, OverflowError):
        return None
    return found if found is not None and 0 < found < 24 * 3600 else None


def _mp4_seconds(source: IO[bytes], size: int) -> float | None:
    """Walk the boxes of the file to ``moov``, and those inside to ``mvhd``: time scale and duration."""
    at, end = 0, size
    for _round in range(10_000):
        if at + 8 > end:
            return None
        source.seek(at)
        length, name = struct.unpack(">I4s", source.read(8))
        body = at + 8
        if length == 1:
            length, body = struct.unpack(">Q", source.read(8))[0], at + 16
        elif length == 0:
            length = end - at
        if length < body - at:
            return None
        if name == b"moov":
            at, end = body, min(at + length, size)
            continue
        if name == b"mvhd":
            source.seek(body)
            if source.read(4)[0] == 1:
                scale, duration = struct.unpack(">16xIQ", source.read(28))
            else:
                scale, duration = struct.unpack(">8xII", source.read(16))
            return duration / scale if scale else None
        at += length
    return None


_INSIDE = {0x18538067, 0x1549A966}
"""Elements of Matroska to look into: Segment, Info."""
_SCALE, _DURATION = 0x2AD7B1, 0x4489


def _webm_seconds(source: IO[bytes]) -> float | None:
    """Walk the elements at the start of the file to the duration."""
    source.seek(0)
    head = source.read(PIECE)
    at, scale, duration = 0, 1_000_000, None
    while at < len(head):
        name, at = _number(head, at, keep_mark=True)
        length, at = _number(head, at, keep_mark=False)
        if name in _INSIDE:
            continue
        if name == _SCALE:
            scale = int.from_bytes(head[at : at + length], "big")
        elif name == _DURATION:
            duration = struct.unpack({4: ">f", 8: ">d"}[length], head[at : at + length])[0]
            break
        at += length
    return duration * scale / 1e9 if duration is not None else None


def _number(data: bytes, at: int, *, keep_mark: bool) -> tuple[int, int]:
    """A number of variable length, and where it ends. Raises IndexError, ValueError."""
    first = data[at]
    if first == 0:
        raise ValueError("no number of Matroska")
    wide = 9 - first.bit_length()
    value = first if keep_mark else first & ((1 << (8 - wide)) - 1)
    for one in data[at + 1 : at + wide]:
        value = value << 8 | one
    return value, at + wide


@dataclass(frozen=True)
class Film:
    """A film whose bytes are in the storage, checked; it has no row yet."""

    key: str
    name: str
    kind: str
    size: int
    sha256: str
    seconds: int

    def row(self, owner: Any) -> StoredFile:
        """Its row, within a unit of work."""
        made = StoredFile(
            key=self.key, name=self.name, media_type=self.kind, size=self.size, sha256=self.sha256,
            owner_id=owner.id if owner else None,
        )  # fmt: skip
        db.session.add(made)
        db.session.flush()  # callers link to it by id
        return made

    def drop(self) -> None:
        """Remove the bytes of a film that was not wanted after all."""
        service.remove_key(self.key)


def take_film(source: IO[bytes], filename: str | None, *, max_bytes: int, field: str | None = None) -> Film:
    """Check a film and put its bytes into the storage, piece by piece. Outside of a unit of work: it may take seconds.

    Raises FileRefused naming what is wrong.
    """
    name = safe_name(filename)
    head = source.read(4096)
    if not head:
        raise FileRefused(field, name=name, why=_l("it is empty."))
    kind = film_kind(head)
    if kind is None:
        raise NoFilm(field, name=name)
    if not name.lower().endswith(_ENDINGS[kind]):
        raise FileRefused(field, name=name, why=_l("its content does not fit its name."))
    source.seek(0, 2)
    size = source.tell()
    if size > max_bytes:
        raise FileRefused(field, name=name, why=_l("it is larger than %(mb)s MB.", mb=max_bytes // 1024 // 1024))
    seconds = film_seconds(source, kind, size)
    if seconds is None or seconds < 1:
        raise FileRefused(
            field, name=name, why=_l("it does not say how long it is. Save it again with a video program, as MP4.")
        )
    source.seek(0)
    key, digest = secrets.token_hex(20), hashlib.sha256()
    with service.open_new(key) as out:
        while piece := source.read(PIECE):
            digest.update(piece)
            out.write(piece)
    return Film(key, name, kind, size, digest.hexdigest(), int(seconds))


class NoFilm(FileRefused):
    """The first bytes tell already that this is no film any browser plays."""

    def __init__(self, field: str | None, *, name: str) -> None:
        super().__init__(field, name=name, why=_l("its content is none of these kinds: %(kinds)s.", kinds=".m4v, .mp4, .webm"))  # fmt: skip


def hand_out_parts(stored: StoredFile) -> Response:
    """A file in the parts that the request asks for (``Range``), whole without. Ask for the right to it first."""
    answer = Response(status=200, mimetype=stored.media_type, direct_passthrough=True)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Content-Disposition"] = "inline"
    answer.set_etag(stored.sha256)
    answer.response = wrap_file(request.environ, service.open_file(stored))
    answer.content_length = stored.size
    try:
        answer.make_conditional(request.environ, accept_ranges=True, complete_length=stored.size)
    except RequestedRangeNotSatisfiable:
        answer.close()
        answer = Response(status=416, headers={"Content-Range": f"bytes */{stored.size}", "Accept-Ranges": "bytes"})
    return answer
