"""Films that come piece by piece: tus 1.0.0 (https://tus.io/protocols/resumable-upload) with creation, checksum, expiration
and termination. What is whole is added to the lesson by the form of the lesson's page (``training_lessons.add_film``)."""

from __future__ import annotations

import base64
import binascii
from email.utils import format_datetime
from typing import Any

from flask import Blueprint, Response, request, url_for

from app.accounts.guard import current_person, requires
from app.core import clock
from app.core.crypto import settings
from app.core.errors import Refused
from app.core.permissions import Can
from app.db import unit_of_work
from app.files import uploads
from app.files.media import NoFilm, film_kind
from app.files.models import Upload
from app.training import materials, programme
from app.training.lesson_pages import about_film, let_films_in

bp = Blueprint("training_films", __name__, url_prefix="/training/office")
bp.url_value_preprocessor(let_films_in)

VERSION = "1.0.0"
PIECES = "application/offset+octet-stream"


class OtherVersion(Refused):
    status = 412


class NoPiece(Refused):
    status = 415


class NotTold(Refused):
    """A header is missing or is none."""

    status = 400


@bp.after_request
def say_what_is_spoken(answer: Response) -> Response:
    answer.headers["Tus-Resumable"] = answer.headers["Tus-Version"] = VERSION
    answer.headers["Tus-Extension"] = "creation,checksum,expiration,termination"
    answer.headers["Tus-Checksum-Algorithm"] = "sha256"
    answer.headers["Tus-Max-Size"] = str(settings().VIDEO_MB * 1024 * 1024)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@bp.errorhandler(Refused)
def refused(error: Refused) -> Any:
    """In words, for the page to show; a film is refused by its first piece already."""
    status = 415 if isinstance(error, NoFilm) else error.status
    return {"error": error.text}, status


def _number(name: str) -> int:
    said = request.headers.get(name, "")
    if not (said.isascii() and said.isdigit() and len(said) < 20):
        raise NotTold
    return int(said)


def _metadata() -> dict[str, str]:
    """``Upload-Metadata``: pairs of a key and a value in Base64."""
    made = {}
    for pair in request.headers.get("Upload-Metadata", "")[:2000].split(","):
        key, _space, value = pair.strip().partition(" ")
        try:
            made[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise NotTold from None
    return made


def _sum() -> bytes | None:
    """``Upload-Checksum``, where one was sent."""
    said = request.headers.get("Upload-Checksum")
    if said is None:
        return None
    algorithm, _space, value = said.partition(" ")
    try:
        made = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise NotTold from None
    if algorithm != "sha256" or len(made) != 32:
        raise NotTold
    return made


def _must_speak() -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise OtherVersion


def _answer(upload: Upload, status: int) -> Response:
    made = Response(status=status)
    made.headers["Upload-Offset"] = str(upload.received)
    made.headers["Upload-Length"] = str(upload.size)
    made.headers["Upload-Expires"] = format_datetime(upload.touched_at + uploads.TERM, usegmt=True)
    return made


@bp.post("/courses/<int:version_id>/lessons/<int:lesson_id>/uploads")
@requires(Can.EDIT_COURSE)
def begin(version_id: int, lesson_id: int) -> Any:
    """Announce a film of a lesson: length and name."""
    _must_speak()
    told = _metadata()
    with unit_of_work():
        person = current_person()
        materials.must_take_film(programme.version_for(person, version_id), lesson_id)
        made = uploads.begin(
            person, about_film(lesson_id), told.get("filename", ""), _number("Upload-Length"), mark=told.get("mark", ""),
            max_bytes=settings().VIDEO_MB * 1024 * 1024, now=clock.now(),
        )  # fmt: skip
    answer = _answer(made, 201)
    answer.headers["Location"] = url_for("training_films.piece", token=made.token)
    return answer


@bp.route("/uploads/<token>", methods=["HEAD", "PATCH", "DELETE", "POST"])
@requires(Can.EDIT_COURSE)
def piece(token: str) -> Any:
    """How far it is (HEAD), the next piece (PATCH), discard it (DELETE); a POST names what it means where a line lets
    nothing else through."""
    _must_speak()
    verb = request.headers.get("X-HTTP-Method-Override", request.method)
    if verb == "HEAD":
        return _answer(uploads.upload_for(current_person(), token), 200)
    if verb == "PATCH":
        return _next_piece(token)
    if verb != "DELETE":
        raise NotTold
    with unit_of_work():
        left = uploads.discard(uploads.upload_for(current_person(), token, hold=True))
    uploads.remove(left)
    return Response(status=204)


def _next_piece(token: str) -> Response:
    if request.mimetype != PIECES:
        raise NoPiece
    offset, told = _number("Upload-Offset"), _sum()
    with unit_of_work():
        found = uploads.upload_for(current_person(), token, hold=True)
        if offset != found.received:
            raise uploads.WrongOffset
        key, left = uploads.begin_piece(found), found.size - found.received
    taken = uploads.take_piece(request.stream, key, left, told)
    if offset == 0 and taken.size and film_kind(taken.head) is None:
        with unit_of_work():
            gone = uploads.discard(uploads.upload_for(current_person(), token, hold=True))
        uploads.remove(gone)
        raise NoFilm("file", name=found.name)
    try:
        with unit_of_work():
            found = uploads.upload_for(current_person(), token, hold=True)
            uploads.add_piece(found, taken, offset, now=clock.now())
    except BaseException:
        taken.drop()
        raise
    return _answer(found, 204)
