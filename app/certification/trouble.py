"""Why a PDF could not be made, in words for the office, and what to do about it.

The worker keeps class and values of the refusal with the edition; the page says them in the reader's language. Issuing
checks characters, lengths and the photo beforehand, so what is met here is mostly a server that has changed since: fonts
taken away, a file lost, a key that cannot be opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l

from app.certification import credentials, errors, keyring
from app.certification.models import Edition
from app.core.errors import Refused


class NoGlyphs(Refused):
    message = _l("The fonts of the certificate cannot print: %(chars)s.")


class TooLong(Refused):
    message = _l("“%(text)s” is too long for the layout.")


class PictureBad(Refused):
    message = _l(
        "The photo, or the picture of the seal, cannot be printed: it is no readable JPEG or PNG of a fitting size."
    )


class FileLost(Refused):
    message = _l("A file of this edition (photo, seal or credential) is missing in the storage.")


class NotSigned(Refused):
    message = _l("The signature could not be had from where the key is kept: %(why)s.")


NAME = _l(
    "Have the name in the holder's profile corrected and issue a correction; or have the fonts installed again, then have the "
    "PDF made again."
)
KEY = _l(
    "Tell the administrator. Once the key can be used, the PDF is made by itself within six hours, or at once below."
)
DOES: dict[type[Refused], Any] = {
    NoGlyphs: NAME,
    errors.FontsNotReady: _l("Have the administrator install the fonts, then have the PDF made again."),
    TooLong: _l("Choose another layout in the rules, or have the text shortened, then issue a correction."),
    PictureBad: _l("Have the holder put another photo into the profile, or set another seal; then issue a correction."),
    FileLost: _l("Have the administrator bring the file back from the backup, then have the PDF made again; or issue a correction, which takes the present photo and seal."),
    NotSigned: KEY,
    keyring.NoKeys: KEY,
    keyring.NoFolder: KEY,
    keyring.KeyFileGone: KEY,
    credentials.NotProven: _l("Tell the administrator: time, keys or addresses of this server do not fit together."),
}  # fmt: skip
KNOWN = {kind.__name__: kind for kind in DOES}


@dataclass(frozen=True)
class Trouble:
    """What the page says of a failed attempt."""

    why: str
    what_to_do: str
    at: datetime


def keep(edition: Edition, refusal: Refused, now: datetime) -> None:
    """Note why the last attempt failed."""
    values = {key: str(value)[:300] for key, value in refusal.values.items()}
    edition.trouble, edition.trouble_at = (
        {"code": type(refusal).__name__, "values": values, "text": refusal.text[:400]},
        now,
    )


def forget(edition: Edition) -> None:
    edition.trouble = edition.trouble_at = None


def of(edition: Edition) -> Trouble | None:
    """Why there is no PDF; None when it is there, or still on its way."""
    if edition.pdf_file_id is not None or not edition.trouble or edition.trouble_at is None:
        return None
    kind = KNOWN.get(edition.trouble["code"])
    if kind is None:
        return Trouble(edition.trouble["text"], "", edition.trouble_at)
    return Trouble(kind(**edition.trouble["values"]).text, str(DOES[kind]), edition.trouble_at)
