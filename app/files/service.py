"""Taking files in and handing them out. Kind is sniffed from the content; names are never trusted as paths."""

from __future__ import annotations

import hashlib
import io
import secrets
import unicodedata
import zipfile
from functools import lru_cache
from typing import IO, Any

from flask import Response, send_file
from flask_babel import lazy_gettext as _l

from app.core.crypto import settings
from app.core.errors import Invalid
from app.db import db
from app.files.models import StoredFile

MAX_BYTES = 10 * 1024 * 1024
PDF = "application/pdf"
PNG, JPEG, WEBP = "image/png", "image/jpeg", "image/webp"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TEXT = "text/plain"
ZIP = "application/zip"
VTT = "text/vtt"
PICTURES = frozenset({PNG, JPEG})
EVIDENCE = frozenset({PDF, PNG, JPEG, WEBP, XLSX, DOCX, TEXT})
_ENDINGS = {
    PDF: (".pdf",), PNG: (".png",), JPEG: (".jpg", ".jpeg"), WEBP: (".webp",), XLSX: (".xlsx",), DOCX: (".docx",),
    TEXT: (".txt", ".csv", ".md", ".json"), ZIP: (".zip",),
}  # fmt: skip


class FileRefused(Invalid):
    message = _l("The file “%(name)s” cannot be taken: %(why)s")


def sniff(data: bytes) -> str | None:
    """The media type by content, or None for what we do not take."""
    if data.startswith(b"%PDF-"):
        return PDF
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data.startswith(b"PK\x03\x04"):
        return _office(data)
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if marked or b"\0" not in data[:4096]:
        for encoding in ("utf-16",) if marked else ("utf-8", "gb18030"):
            try:
                data.decode(encoding)
                return TEXT
            except UnicodeDecodeError:
                continue
    return None


def _office(data: bytes) -> str | None:
    try:
        names = set(zipfile.ZipFile(io.BytesIO(data)).namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    if any(name.endswith("vbaProject.bin") for name in names):
        return None
    if "xl/workbook.xml" in names:
        return XLSX
    return DOCX if "word/document.xml" in names else ZIP


def safe_name(name: str | None) -> str:
    """What the owner called the file, without folders and control characters, at most 120 characters."""
    text = unicodedata.normalize("NFC", (name or "").replace("\\", "/").rsplit("/", 1)[-1])
    text = "".join(c for c in text if unicodedata.category(c)[0] != "C").strip(" .")
    return text[-120:] or "file"


def keep(
    upload: Any, *, owner: Any, kinds: frozenset[str] = EVIDENCE, field: str | None = None, max_bytes: int = MAX_BYTES
) -> StoredFile:
    """Store an uploaded file (werkzeug FileStorage) for its owner. Raises FileRefused naming what is wrong."""
    name = safe_name(upload.filename)
    data = upload.stream.read(max_bytes + 1)
    return keep_bytes(data, name, owner=owner, kinds=kinds, field=field, max_bytes=max_bytes)


def keep_bytes(
    data: bytes,
    name: str,
    *,
    owner: Any,
    kinds: frozenset[str] = EVIDENCE,
    field: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> StoredFile:
    """Store bytes as a file. Raises FileRefused when empty, too large, or not of an accepted kind."""
    name = safe_name(name)
    if not data:
        raise FileRefused(field, name=name, why=_l("it is empty."))
    if len(data) > max_bytes:
        raise FileRefused(field, name=name, why=_l("it is larger than %(mb)s MB.", mb=max_bytes // 1024 // 1024))
    kind = sniff(data)
    if kind not in kinds:
        accepted = ", ".join(sorted(ending for k in kinds for ending in _ENDINGS.get(k, ())))
        raise FileRefused(field, name=name, why=_l("its content is none of these kinds: %(kinds)s.", kinds=accepted))
    assert kind is not None
    if not name.lower().endswith(_ENDINGS[kind]):
        raise FileRefused(field, name=name, why=_l("its content does not fit its name."))
    return store(data, name, kind, owner=owner)


def store(data: bytes, name: str, kind: str, *, owner: Any) -> StoredFile:
    """Store bytes that were checked already."""
    key = secrets.token_hex(20)
    _write(key, data)
    made = StoredFile(
        key=key,
        name=name,
        media_type=kind,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        owner_id=owner.id if owner is not None else None,
    )
    db.session.add(made)
    db.session.flush()  # callers link to it by id
    return made


@lru_cache(maxsize=8)
def _filesystem(url: str) -> tuple[Any, str]:
    import fsspec

    return fsspec.core.url_to_fs(url)


def _place(key: str) -> tuple[Any, str]:
    filesystem, root = _filesystem(settings().STORAGE_URL)
    return filesystem, f"{root}/{key[:2]}/{key}"


def _write(key: str, data: bytes) -> None:
    with open_new(key) as out:
        out.write(data)


def open_new(key: str) -> IO[bytes]:
    """A new place in the storage, for writing."""
    filesystem, path = _place(key)
    filesystem.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    return filesystem.open(path, "wb")


def open_key(key: str) -> IO[bytes]:
    filesystem, path = _place(key)
    return filesystem.open(path, "rb")


def remove_key(key: str) -> None:
    """Remove the bytes of a place; nothing happens where there are none."""
    filesystem, path = _place(key)
    if filesystem.exists(path):
        filesystem.rm(path)


def open_file(stored: StoredFile) -> IO[bytes]:
    """The bytes, for reading."""
    return open_key(stored.key)


def read_file(stored: StoredFile) -> bytes:
    with open_file(stored) as source:
        return source.read()


def hand_out(stored: StoredFile, *, inline: bool = False) -> Response:
    """The file as a download (pictures and PDF may be shown inline). Ask for the right to it first."""
    shown = inline and stored.media_type in {PDF, PNG, JPEG, WEBP}
    answer = send_file(
        open_file(stored), mimetype=stored.media_type, download_name=stored.name, as_attachment=not shown
    )
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; sandbox"
    return answer


def delete_file(stored: StoredFile) -> None:
    """Remove bytes and row (retention, deletion request)."""
    remove_key(stored.key)
    db.session.delete(stored)


def check_storage() -> None:
    """Raises when the place of the files cannot be reached or made."""
    filesystem, root = _filesystem(settings().STORAGE_URL)
    filesystem.makedirs(root, exist_ok=True)
    filesystem.ls(root, detail=False)
