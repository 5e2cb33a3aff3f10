"""Loading the demonstration: only into an empty database, only outside production."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from app.core import clock
from app.core.clock import ClockFixed
from app.core.crypto import settings
from app.db import db

log = logging.getLogger(__name__)


def load_if_empty() -> bool:
    """Load the demonstration where nobody is in the database yet; whether it was loaded.

    Raises ClockFixed in production: the demonstration's known passwords have no place there.
    """
    from app.demo import life, world  # long, and read by no page

    if not settings().clock_moves:
        raise ClockFixed
    if not world.is_empty():
        return False
    begun = time.perf_counter()
    _hurry()

    now = clock.now().replace(microsecond=0)
    start = now - timedelta(days=1300)
    with clock.at(start):
        made = world.build(start)
    life.tell_it(made, now)
    log.info("demonstration loaded in %.0f s", time.perf_counter() - begun)
    return True


def _hurry() -> None:
    """SQLite need not wait for the disk at each of these few thousand commits: a load cut short is begun anew."""
    if db.engine.dialect.name == "sqlite":
        connection = db.engine.raw_connection()
        connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]
        connection.close()
