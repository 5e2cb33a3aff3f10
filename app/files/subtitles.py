"""Subtitles of films: WebVTT (https://www.w3.org/TR/webvtt1/), looked through before it is kept.

A browser shows what it understands of a broken file and says nothing; so the person who uploads it is told here.
"""

from __future__ import annotations

import re
from typing import Any

from flask_babel import lazy_gettext as _l

from app.files.service import FileRefused, safe_name

MOST_BYTES = 1024 * 1024
_TIME = r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMING = re.compile(rf"{_TIME}[ \t]+-->[ \t]+{_TIME}(?:[ \t].*)?")
SPARE = 5
"""Seconds by which a cue may begin behind the end a film states: its length is told in rounded seconds."""


def subtitles_of(upload: Any, seconds: int, *, field: str | None = None) -> bytes:
    """An uploaded WebVTT file as it is kept: UTF-8, one kind of line end. Raises FileRefused naming line and fault."""
    name = safe_name(upload.filename)
    data = upload.stream.read(MOST_BYTES + 1)

    def refuse(why: Any) -> FileRefused:
        return FileRefused(field, name=name, why=why)

    if not data:
        raise refuse(_l("it is empty."))
    if len(data) > MOST_BYTES:
        raise refuse(_l("it is larger than %(mb)s MB.", mb=1))
    if not name.lower().endswith(".vtt"):
        raise refuse(_l("subtitles are a WebVTT file, with the ending .vtt. Most subtitle programs can save it."))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refuse(_l("it is not written in UTF-8. Save it again with this encoding.")) from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if "\0" in text or not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
        raise refuse(_l("its first line is not “WEBVTT”."))
    cues = 0
    for number, line in enumerate(lines[1:], 2):
        if "-->" not in line:
            continue
        found = _TIMING.fullmatch(line.strip())
        if found is None:
            raise refuse(_l("line %(n)s is no time as in 00:01:05.000 --> 00:01:08.500.", n=number))
        begins, ends = _seconds(found.groups()[:4]), _seconds(found.groups()[4:])
        if ends <= begins:
            raise refuse(_l("line %(n)s ends before it begins.", n=number))
        if begins > seconds + SPARE:
            raise refuse(_l("line %(n)s begins after the end of the film. Is it the file of another film?", n=number))
        cues += 1
    if not cues:
        raise refuse(_l("no line says when something is to be shown."))
    return "\n".join(lines).encode()


def _seconds(parts: Any) -> float:
    hours, minutes, seconds, thousandths = parts
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(thousandths) / 1000
