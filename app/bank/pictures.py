"""Pictures for questions: kept once, named by an unguessable token in the text, never changed."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.accounts.models import Person
from app.audit.service import record
from app.bank.deeds import Did
from app.bank.models import BankPicture
from app.bank.words import short_language
from app.core.errors import Invalid, NotFound
from app.db import db
from app.files.models import StoredFile
from app.files.service import PICTURES, delete_file, keep, keep_bytes, read_file
from question_bank.formats import Reading
from question_bank.formats.pictures import (
    MOST_BYTES,
    PREFIX,
    BadPicture,
    addresses,
    file_name,
    kind_of,
    name_of,
    renamed,
)  # fmt: skip
from question_bank.items import Item
from question_bank.reasons import sentence
from question_bank.texts import changed, texts_of

PATH = "/bank/pictures/"
_BRACKETS = re.compile(r"[\[\]\s]+")
_IN_TEXT = re.compile(re.escape(PATH) + r"[0-9a-f]{40}")


class NoPicture(Invalid):
    message = _l("Please choose a picture (PNG or JPEG, at most 2 MB).")


class PictureRefused(Invalid):
    message = _l("%(why)s")


class Kept:
    """A picture that may be put into a text."""

    def __init__(self, token: str) -> None:
        self.token = token

    def markdown(self, words: str) -> str:
        """The picture as Markdown; ``words`` say what it shows, for those who cannot see it."""
        said = _BRACKETS.sub(" ", words).strip()[:120]
        return f"![{said}]({PATH}{self.token})"


def keep_picture(file: Any, *, by: Person, now: datetime) -> Kept:
    """Store an uploaded picture; the same picture again gets the address it has. Raises NoPicture, FileRefused."""
    if file is None or not file.filename:
        raise NoPicture("picture")
    stored = keep(file, owner=by, kinds=PICTURES, field="picture", max_bytes=MOST_BYTES)
    try:
        kind_of(read_file(stored), stored.name)
    except BadPicture as bad:
        delete_file(stored)
        raise PictureRefused("picture", why=sentence(bad.reason, short_language(), bad.values)) from None
    return _kept(stored, by=by, now=now)


def _kept(stored: StoredFile, *, by: Person, now: datetime) -> Kept:
    """The picture of the bank that a stored file is; one that the bank has already is not kept twice."""
    known = db.session.scalar(select(BankPicture).where(BankPicture.sha256 == stored.sha256))
    if known is not None:
        delete_file(stored)
        return Kept(known.token)
    made = BankPicture(
        token=secrets.token_hex(20), file_id=stored.id, sha256=stored.sha256, by_id=by.id, created_at=now
    )
    db.session.add(made)
    record(Did.KEEP_PICTURE, made, by=by, more={"name": stored.name, "bytes": stored.size})
    return Kept(made.token)


def brought(reading: Reading) -> dict[str, bytes]:
    """The pictures of a file that its questions show."""
    if not reading.pictures:
        return {}
    shown = set(addresses(text for item in reading.items for text in texts_of(item)))
    return {address: data for address, data in reading.pictures.items() if address in shown}


def known_of(found: Mapping[str, bytes]) -> dict[str, str]:
    """Address in a file → address here, of those pictures that the bank has already."""
    hashes = {hashlib.sha256(data).hexdigest(): address for address, data in found.items()}
    rows = db.session.scalars(select(BankPicture).where(BankPicture.sha256.in_(hashes)))
    return {hashes[one.sha256]: PATH + one.token for one in rows}


def keep_read(found: Mapping[str, bytes], *, by: Person, now: datetime) -> dict[str, str]:
    """Store the pictures that a file of questions brought: address in the file → address here."""
    here = {}
    for address, data in found.items():
        stored = keep_bytes(data, file_name(data), owner=by, kinds=PICTURES, max_bytes=MOST_BYTES)
        here[address] = PATH + _kept(stored, by=by, now=now).token
    return here


def for_files(items: Sequence[Item]) -> tuple[list[Item], dict[str, bytes]]:
    """The questions with the addresses that pictures have in files, and the pictures by these."""
    found = contents(items)
    names = {address: PREFIX + name_of(data) for address, data in found.items()}
    made = [_readdressed(item, names) if pictures_in(item) else item for item in items]
    return made, {names[address]: data for address, data in found.items()}


def from_file(items: Sequence[Item], here: Mapping[str, str]) -> list[Item]:
    """The questions of a file with the addresses that their pictures have here."""
    return [Item.from_dict(renamed(item.to_dict(), here)) if addresses(texts_of(item)) else item for item in items]


def unknown_in(items: Sequence[Item]) -> dict[str, int]:
    """Code → how many pictures a question names that this bank does not have (a file of another site)."""
    shown = {item.id: pictures_in(item) for item in items}
    tokens = list({address.removeprefix(PATH) for found in shown.values() for address in found})
    known: set[str] = set()
    for start in range(0, len(tokens), 500):
        some = BankPicture.token.in_(tokens[start : start + 500])
        known |= {PATH + token for token in db.session.scalars(select(BankPicture.token).where(some))}
    counts = {code: sum(address not in known for address in found) for code, found in shown.items()}
    return {code: count for code, count in counts.items() if count}


def _readdressed(item: Item, names: Mapping[str, str]) -> Item:
    return Item.from_dict(changed(item.to_dict(), lambda text: _IN_TEXT.sub(lambda m: names.get(m[0], m[0]), text)))


def picture(token: str) -> StoredFile:
    """The file behind an address. Raises NotFound."""
    found = db.session.scalar(select(BankPicture).where(BankPicture.token == token))
    if found is None:
        raise NotFound
    return found.file


def pictures_in(item: Item) -> list[str]:
    """Addresses of the bank's pictures that a question shows."""
    return list(dict.fromkeys(address for text in texts_of(item) if PATH in text for address in _IN_TEXT.findall(text)))


def contents(items: Iterable[Item]) -> dict[str, bytes]:
    """Address → bytes of the bank's pictures that these questions show; an address nobody knows is left out."""
    tokens = {address.removeprefix(PATH) for item in items for address in pictures_in(item)}
    found = db.session.scalars(
        select(BankPicture).where(BankPicture.token.in_(tokens)).options(joinedload(BankPicture.file))
    )
    return {PATH + one.token: read_file(one.file) for one in found} if tokens else {}
