"""Large files over a poor line: they come in pieces, and what has come stays when the line breaks.

The steps are those of tus 1.0 (https://tus.io/protocols/resumable-upload): a file is announced with its length, pieces are
sent with the offset they begin at, and whoever was interrupted asks how far the server is. Nothing is believed of a piece
but its bytes: the offset must be where the server is, the sum must fit, and what the file is, is judged when it is whole.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from app.core.errors import Invalid, NotFound, Refused
from app.db import db
from app.files import service
from app.files.models import Upload
from app.files.service import FileRefused, safe_name

TERM = timedelta(days=3)
"""Whoever does not go on within this time begins anew."""
MOST_OPEN = 5
"""Files on their way of one person: each may fill the storage up to the limit of its kind."""
PIECE = 256 * 1024


class TooManyOpen(Refused):
    status = 429
    message = _l("%(n)s files of yours are still on their way. Finish one of them or discard it first.")


class NotWhole(Invalid):
    message = _l("The file has not arrived whole yet: %(there)s of %(all)s MB are here. Choose it again to go on.")


class WrongOffset(Refused):
    message = _l("The server is at another place of the file. Ask it how far it is, and go on from there.")


class TooMuch(Refused):
    status = 413
    message = _l("This is more than the file was announced to have.")


class Damaged(Refused):
    """The piece is not what its sender summed up (460: the checksum extension of tus)."""

    status = 460
    message = _l("This piece was damaged on its way. Send it again.")


def begin(owner: Any, about: str, filename: str, size: int, *, mark: str = "", max_bytes: int, now: datetime) -> Upload:
    """Announce a file. Raises FileRefused for what is empty or too large, TooManyOpen."""
    name = safe_name(filename)
    if size <= 0:
        raise FileRefused("file", name=name, why=_l("it is empty."))
    if size > max_bytes:
        raise FileRefused("file", name=name, why=_l("it is larger than %(mb)s MB.", mb=max_bytes // 1024 // 1024))
    if len(open_of(owner)) >= MOST_OPEN:
        raise TooManyOpen(n=MOST_OPEN)
    made = Upload(
        token=secrets.token_urlsafe(24), owner_id=owner.id, about=about, name=name, size=size, received=0,
        mark=mark[:80], pieces=[], begun=[], touched_at=now,
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # its row is its address
    return made


def open_of(owner: Any, about: str | None = None) -> list[Upload]:
    """What of a person's is on its way, the oldest first."""
    asked = select(Upload).where(Upload.owner_id == owner.id).order_by(Upload.id)
    return list(db.session.scalars(asked if about is None else asked.where(Upload.about == about)))


def upload_for(owner: Any, token: str, *, hold: bool = False) -> Upload:
    """NotFound, also when it is somebody else's. ``hold``: locked, for whoever adds to it."""
    asked = select(Upload).where(Upload.token == token.replace("\0", "")[:64], Upload.owner_id == owner.id)
    if hold:
        asked = asked.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(asked)
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True)
class Piece:
    """Bytes that stand in the storage and belong to no file yet."""

    key: str
    size: int
    head: bytes

    def drop(self) -> None:
        service.remove_key(self.key)


def begin_piece(upload: Upload) -> str:
    """A name for the next piece, noted before its bytes are written: whatever breaks then, the clock finds it."""
    key = secrets.token_hex(20)
    upload.begun = [*upload.begun, key]
    return key


def take_piece(source: IO[bytes], key: str, most: int, sha256: bytes | None = None) -> Piece:
    """Write down what comes, however far it comes: a line that breaks loses nothing that has arrived.

    With a sum (``sha256``) a piece counts whole or not at all. Outside of a unit of work: a slow line takes its time.
    Raises TooMuch, Damaged.
    """
    size, digest, head = 0, hashlib.sha256(), b""
    with service.open_new(key) as out:
        while True:
            try:
                data = source.read(PIECE)
            except (ClientDisconnected, OSError):
                break
            except RequestEntityTooLarge:
                size = most + 1
                break
            if not data:
                break
            size += len(data)
            if size > most:
                break
            head = head or data[:64]
            digest.update(data)
            out.write(data)
    made = Piece(key, size, head)
    if size > most:
        made.drop()
        raise TooMuch
    if sha256 is not None and digest.digest() != sha256:
        made.drop()
        raise Damaged
    return made


def add_piece(upload: Upload, piece: Piece, offset: int, *, now: datetime) -> None:
    """The piece is part of the file from now on. ``upload`` is locked. Raises WrongOffset, TooMuch."""
    if offset != upload.received:
        raise WrongOffset
    if upload.received + piece.size > upload.size:
        raise TooMuch
    upload.pieces = [*upload.pieces, [piece.key, piece.size]]
    upload.begun = [key for key in upload.begun if key != piece.key]
    upload.received += piece.size
    upload.touched_at = now


def discard(upload: Upload) -> list[str]:
    """Take the row away; the names of its pieces, to be removed once that is written down."""
    db.session.delete(upload)
    return [*upload.begun, *(key for key, _size in upload.pieces)]


def remove(keys: list[str]) -> None:
    for key in keys:
        service.remove_key(key)


def over(now: datetime) -> list[int]:
    """Ids of uploads nobody went on with within the term."""
    return list(db.session.scalars(select(Upload.id).where(Upload.touched_at < now - TERM).order_by(Upload.id)))


@contextmanager
def whole(upload: Upload) -> Iterator[IO[bytes]]:
    """The file out of its pieces, for reading. Raises NotWhole."""
    if upload.received != upload.size:
        raise NotWhole("file", there=upload.received // 1024 // 1024, all=-(-upload.size // 1024 // 1024))
    with io.BufferedReader(_Pieces(upload.pieces), PIECE) as source:
        yield source


class _Pieces(io.RawIOBase):
    """Pieces of the storage as one file."""

    def __init__(self, pieces: list[Any]) -> None:
        self._starts: list[tuple[int, int, str]] = []
        at = 0
        for key, size in pieces:
            self._starts.append((at, at + size, key))
            at += size
        self._size, self._at = at, 0
        self._open: tuple[str, IO[bytes]] = ("", io.BytesIO())

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        for start, end, key in self._starts:
            if start <= self._at < end:
                source = self._source(key)
                source.seek(self._at - start)
                data = source.read(min(len(buffer), end - self._at))
                buffer[: len(data)] = data
                self._at += len(data)
                return len(data)
        return 0

    def _source(self, key: str) -> IO[bytes]:
        if self._open[0] != key:
            self._open[1].close()
            self._open = (key, service.open_key(key))
        return self._open[1]

    def close(self) -> None:
        self._open[1].close()
        super().close()
