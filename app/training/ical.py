"""iCalendar (RFC 5545) out of plain values: CRLF, lines of at most 75 octets, text escaped, instants in UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

PRODUCT = "-//Technology Manager Platform//Training//ZH"


@dataclass(frozen=True)
class Event:
    uid: str
    starts_at: datetime
    ends_at: datetime
    summary: str
    changed_at: datetime
    location: str = ""
    description: str = ""
    url: str = ""
    cancelled: bool = False
    alarm_minutes: int = 0


def instant(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def escaped(text: str) -> str:
    """TEXT of section 3.3.11: backslash, semicolon, comma and line break; other control characters may not stand there."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in text if c in "\n\t" or (ord(c) >= 32 and ord(c) != 127))
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def folded(line: str) -> bytes:
    """A content line with CRLF, folded at 75 octets and never inside a character (section 3.1)."""
    rows, row = [], b""
    for character in line:
        octets = character.encode("utf-8")
        if len(row) + len(octets) > 75:
            rows.append(row)
            row = b" "
        row += octets
    rows.append(row)
    return b"\r\n".join(rows) + b"\r\n"


def calendar(name: str, events: Iterable[Event]) -> bytes:
    """A calendar to subscribe to."""
    return b"".join(folded(line) for line in _lines(name, events))


def _lines(name: str, events: Iterable[Event]) -> Iterator[str]:
    yield "BEGIN:VCALENDAR"
    yield "VERSION:2.0"
    yield f"PRODID:{PRODUCT}"
    yield "CALSCALE:GREGORIAN"
    yield "METHOD:PUBLISH"
    yield f"X-WR-CALNAME:{escaped(name)}"
    yield "REFRESH-INTERVAL;VALUE=DURATION:PT4H"
    yield "X-PUBLISHED-TTL:PT4H"
    for one in events:
        yield "BEGIN:VEVENT"
        yield f"UID:{one.uid}"
        yield f"DTSTAMP:{instant(one.changed_at)}"
        yield f"DTSTART:{instant(one.starts_at)}"
        yield f"DTEND:{instant(one.ends_at)}"
        yield f"SUMMARY:{escaped(one.summary)}"
        if one.location:
            yield f"LOCATION:{escaped(one.location)}"
        if one.description:
            yield f"DESCRIPTION:{escaped(one.description)}"
        if one.url:
            yield f"URL:{one.url}"
        yield f"STATUS:{'CANCELLED' if one.cancelled else 'CONFIRMED'}"
        yield "TRANSP:OPAQUE"
        if one.alarm_minutes and not one.cancelled:
            yield "BEGIN:VALARM"
            yield "ACTION:DISPLAY"
            yield f"DESCRIPTION:{escaped(one.summary)}"
            yield f"TRIGGER:-PT{one.alarm_minutes}M"
            yield "END:VALARM"
        yield "END:VEVENT"
    yield "END:VCALENDAR"
