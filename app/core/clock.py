"""The one place that knows what time it is.

Everything below a view is handed ``now``. In demonstration and test mode the clock can be moved; the offset is a
small file, so that web and worker agree. Production never reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Asia/Shanghai")
"""Days are days in this zone; instants are stored in UTC."""

_path: Path | None = None
_seen: tuple[float, timedelta] = (0.0, timedelta())


class ClockFixed(Exception):
    """The clock cannot be moved here (production)."""


def configure(path: Path | None) -> None:
    """Say where the offset is kept; None fixes the clock to the machine's."""
    global _path, _seen
    _path, _seen = path, (0.0, timedelta())


def offset() -> timedelta:
    """How far the clock has been moved from the machine's."""
    global _seen
    if _path is None:
        return timedelta()
    try:
        changed = _path.stat().st_mtime_ns
    except FileNotFoundError:
        return timedelta()
    if changed != _seen[0]:
        _seen = (changed, timedelta(seconds=json.loads(_path.read_text())["seconds"]))
    return _seen[1]


_told: ContextVar[datetime | None] = ContextVar("told", default=None)


def now() -> datetime:
    """This instant, in UTC, moved by the offset."""
    return _told.get() or datetime.now(UTC) + offset()


@contextmanager
def at(instant: datetime) -> Iterator[datetime]:
    """Inside, the clock stands at ``instant`` for this thread: how the demonstration's past is told through the services.

    Raises ClockFixed in production.
    """
    if _path is None:
        raise ClockFixed
    token = _told.set(instant.astimezone(UTC))
    try:
        yield instant
    finally:
        _told.reset(token)


def today() -> date:
    """The day in Asia/Shanghai."""
    return local_date(now())


def local(instant: datetime) -> datetime:
    return instant.astimezone(LOCAL)


def local_date(instant: datetime) -> date:
    return instant.astimezone(LOCAL).date()


def start_of(day: date) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=LOCAL).astimezone(UTC)


def end_of(day: date) -> datetime:
    """The first instant after a local day, in UTC."""
    return start_of(day + timedelta(days=1))


def move(by: timedelta) -> timedelta:
    """Move the clock further; returns the new offset. Raises ClockFixed in production."""
    return set_offset(offset() + by)


def set_offset(value: timedelta) -> timedelta:
    """Set the offset from the machine's clock. Raises ClockFixed in production."""
    if _path is None:
        raise ClockFixed
    _path.parent.mkdir(parents=True, exist_ok=True)
    fresh = _path.with_suffix(".new")
    fresh.write_text(json.dumps({"seconds": value.total_seconds()}))
    fresh.replace(_path)
    return value


def parse_shift(text: str) -> timedelta:
    """``+5d``, ``-2h``, ``+90m``, ``+30s`` as a timedelta. Raises ValueError otherwise."""
    match = re.fullmatch(r"([+-])(\d{1,6})([dhms])", text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a shift like +5d, -2h, +90m or +30s")
    unit = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}[match[3]]
    shift = timedelta(**{unit: int(match[2])})
    return shift if match[1] == "+" else -shift
