"""ID number, phone and photo: sealed at rest, found by keyed hash, shown in part."""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.deeds import Did
from app.accounts.models import IdKind, Person, PersonPhoto
from app.accounts.scope import must_reach
from app.audit.service import record
from app.core import crypto, id_number
from app.core.errors import Invalid, NotFound
from app.core.id_number import WrongNumber
from app.core.permissions import Can
from app.db import db
from app.files.models import StoredFile
from app.files.service import PICTURES, delete_file, keep_bytes

PHOTO_BYTES = 5 * 1024 * 1024
PHOTO_PIXELS = 40_000_000
LEAST_WIDTH, LEAST_HEIGHT = 295, 413
"""One inch at 300 dpi, 25 × 35 mm."""
KEPT_HEIGHT = 1200
ID_PURPOSE, PHONE_PURPOSE = "person.id", "person.phone"

_WHY = {
    "length": _l("a resident identity number has 18 characters."),
    "characters": _l("it holds characters that do not belong there, or some are missing."),
    "date": _l("digits 7 to 14 are not a date."),
    "future": _l("the birthday lies in the future."),
    "check": _l("the last character does not fit the others; probably one digit is wrong."),
}


class WrongIdNumber(Invalid):
    message = _l("This number cannot be right: %(why)s")


class IdNumberTaken(Invalid):
    message = _l(
        "This ID number belongs to another account. If you have an older account, ask for a new password for it; "
        "otherwise write to the office."
    )


class PhoneTaken(Invalid):
    message = _l("This phone number belongs to another account.")


class WrongPhone(Invalid):
    message = _l("This is not a phone number. Mainland: 11 digits; others with + and country code.")


class PhotoRefused(Invalid):
    message = _l("This photo cannot be used: %(why)s")


def _tidy_id(kind: IdKind, typed: str, today: date) -> str:
    if kind is IdKind.RESIDENT:
        return id_number.resident(typed, today=today)
    return id_number.passport(typed) if kind is IdKind.PASSPORT else id_number.permit(typed)


def _id_hash(number: str) -> str:
    return crypto.lookup(number, purpose=ID_PURPOSE)


def set_id_number(person: Person, kind: IdKind, typed: str, *, by: Person, today: date) -> None:
    """Check, seal and keep an ID number. Raises WrongIdNumber with the reason, IdNumberTaken for a second account."""
    try:
        number = _tidy_id(kind, typed, today)
    except WrongNumber as wrong:
        raise WrongIdNumber("number", why=_WHY[wrong.why]) from None
    found = _id_hash(number)
    other = db.session.scalar(select(Person.id).where(Person.id_lookup == found))
    if other is not None and other != person.id:
        raise IdNumberTaken("number")
    before = person.id_masked
    person.id_kind, person.id_lookup = kind, found
    person.id_sealed = crypto.encrypt(number, purpose=ID_PURPOSE)
    person.id_masked = id_number.masked_for_staff(number)
    record(Did.SET_ID_NUMBER, person, by=by, changed={"number": (before, person.id_masked)}, more={"kind": kind})


def set_phone(person: Person, typed: str, *, by: Person) -> None:
    """Check, seal and keep a phone number; empty takes it away. Raises WrongPhone, PhoneTaken."""
    before = person.phone_masked
    if not (typed or "").strip():
        person.phone_sealed = person.phone_lookup = None
        person.phone_masked = ""
    else:
        try:
            number = id_number.phone(typed)
        except WrongNumber:
            raise WrongPhone("phone") from None
        found = crypto.lookup(number, purpose=PHONE_PURPOSE)
        if db.session.scalar(select(Person.id).where(Person.phone_lookup == found, Person.id != person.id)) is not None:
            raise PhoneTaken("phone")
        person.phone_lookup = found
        person.phone_sealed = crypto.encrypt(number, purpose=PHONE_PURPOSE)
        person.phone_masked = id_number.masked_phone(number)
    if before != person.phone_masked:
        record(Did.SET_PHONE, person, by=by, changed={"phone": (before, person.phone_masked)})


def set_name(person: Person, name: str, latin: str, *, by: Person, reason: str) -> None:
    """Another name, by decision on a proof (a change of name, a slip of the pen)."""
    before = (person.name, person.name_latin)
    person.name, person.name_latin = name, latin
    record(
        Did.EDIT_PROFILE,
        person,
        by=by,
        reason=reason,
        changed={"name": (before[0], name), "name_latin": (before[1], latin)},
    )


def find_person_by_id_number(typed: str) -> Person | None:
    """Who has this ID number, whatever its kind; None when nobody."""
    plain = id_number.tidy(typed)
    return db.session.scalar(select(Person).where(Person.id_lookup == _id_hash(plain))) if plain else None


def find_person_by_phone(typed: str) -> Person | None:
    try:
        number = id_number.phone(typed)
    except WrongNumber:
        return None
    found = crypto.lookup(number, purpose=PHONE_PURPOSE)
    return db.session.scalar(select(Person).where(Person.phone_lookup == found).limit(1))


def id_number_of(person: Person) -> str | None:
    """The number in full: for the person's own export and for :func:`reveal_id_number` only."""
    return crypto.decrypt(person.id_sealed, purpose=ID_PURPOSE) if person.id_sealed else None


def phone_of(person: Person) -> str | None:
    return crypto.decrypt(person.phone_sealed, purpose=PHONE_PURPOSE) if person.phone_sealed else None


def id_for_documents(person: Person) -> str:
    """First and last character, the form for printed documents; empty without a number."""
    number = id_number_of(person)
    return id_number.masked_for_documents(number) if number else ""


def reveal_id_number(person: Person, *, by: Person, reason: str) -> tuple[str | None, str | None]:
    """ID number and phone in full, for an officer whose right reaches the person. The reason goes into the log."""
    must_reach(by, Can.REVEAL_ID, region=person.region_id, organisation=person.organisation_id)
    if not reason.strip():
        raise Invalid("reason")
    record(Did.REVEAL, person, by=by, reason=reason, more={"shown": "id number, phone"})
    return id_number_of(person), phone_of(person)


def photo_of(person: Person) -> StoredFile | None:
    """The photo as a stored file, or None."""
    kept = db.session.get(PersonPhoto, person.id)
    return kept.file if kept else None


def set_photo(person: Person, upload: Any, *, by: Person, now: datetime) -> StoredFile:
    """Take a portrait: JPEG or PNG, upright, at least 295 × 413 pixels, at most 5 MB. It is drawn anew, so that no
    metadata (place, camera) is kept. ``upload``: bytes or a werkzeug FileStorage. Raises PhotoRefused."""
    data = upload if isinstance(upload, bytes) else upload.stream.read(PHOTO_BYTES + 1)
    clean = clean_photo(data)
    kept = db.session.get(PersonPhoto, person.id)
    made = keep_bytes(clean, "photo.jpg", owner=person, kinds=PICTURES, field="photo")
    if kept is None:
        db.session.add(PersonPhoto(person=person, file=made, set_at=now))
    else:
        old, kept.file, kept.set_at = kept.file, made, now
        db.session.flush()  # the row lets go of the old file before that is deleted
        delete_file(old)
    record(Did.SET_PHOTO, person, by=by)
    return made


def drop_photo(person: Person, *, by: Person | None) -> None:
    kept = db.session.get(PersonPhoto, person.id)
    if kept is None:
        raise NotFound
    old = kept.file
    db.session.delete(kept)
    db.session.flush()  # the row lets go of the file before that is deleted
    delete_file(old)
    record(Did.SET_PHOTO, person, by=by, more={"deleted": True})


def clean_photo(data: bytes) -> bytes:
    """The picture as a fresh JPEG without metadata. Raises PhotoRefused."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not data:
        raise PhotoRefused("photo", why=_l("the file is empty."))
    if len(data) > PHOTO_BYTES:
        raise PhotoRefused("photo", why=_l("it is larger than 5 MB."))
    try:
        picture: Image.Image = Image.open(io.BytesIO(data), formats=["JPEG", "PNG"])
        if picture.width * picture.height > PHOTO_PIXELS:
            raise PhotoRefused("photo", why=_l("it has too many pixels."))
        picture = ImageOps.exif_transpose(picture)
        picture.load()
    except PhotoRefused:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise PhotoRefused("photo", why=_l("it is not a JPEG or PNG picture, or it is damaged.")) from None
    if picture.width < LEAST_WIDTH or picture.height < LEAST_HEIGHT:
        raise PhotoRefused("photo", why=_l("it is smaller than 295 × 413 pixels."))
    if not 1.2 <= picture.height / picture.width <= 1.6:
        raise PhotoRefused("photo", why=_l("it is not upright like a passport photo (5 to 7, or 3 to 4)."))
    if picture.mode in ("RGBA", "LA", "P"):
        layer = picture.convert("RGBA")
        picture = Image.new("RGB", layer.size, "white")
        picture.paste(layer, mask=layer.getchannel("A"))
    picture = picture.convert("RGB")
    if picture.height > KEPT_HEIGHT:
        picture = picture.resize((round(picture.width * KEPT_HEIGHT / picture.height), KEPT_HEIGHT))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90, optimize=True)
    return out.getvalue()
