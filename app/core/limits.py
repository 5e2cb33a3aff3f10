"""How often something may be tried. Counters in Redis when several machines serve, else in the process.

A view or service spends from a named counter: ``spend("verify", "10 per 10 minutes", address())`` raises TooMany when it
is used up. Where only failures count, ask :func:`used_up` first and :func:`count` after a failure. No view carries a mark of
the extension's own, so it need not look at every request.
"""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from typing import Any

from flask import Flask, current_app, g, request
from flask_limiter import Limiter
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.core.crypto import lookup, settings
from app.core.errors import TooMany

log = logging.getLogger(__name__)


def address() -> str:
    """The client's address as a keyed hash; behind TRUSTED_PROXIES the one they report."""
    return g.get("address_hash") or lookup(request.remote_addr or "", purpose="address")[:32]


class CalmMemory(MemoryStorage):
    """Counters in the process. The library starts a thread at each hit, to look through all of them for what is over;
    here the hit itself does so, twice a minute (a counter that is over counts as nothing in any case)."""

    STORAGE_SCHEME = ["calm"]
    _swept = 0.0

    def _MemoryStorage__schedule_expiry(self) -> None:
        if time.monotonic() - self._swept > 30:
            self._swept = time.monotonic()
            self._MemoryStorage__expire_events()  # type: ignore[attr-defined]


limiter = Limiter(key_func=address, strategy="fixed-window")
_spare = FixedWindowRateLimiter(CalmMemory())
"""Counts on in this process while Redis does not answer: a limit that fails open is none."""


def init_app(app: Flask) -> None:
    app.config.setdefault("RATELIMIT_STORAGE_URI", app.extensions["settings"].REDIS_URL or "calm://")
    app.extensions.setdefault("limiter", set()).add(limiter)  # known already: it adds no steps to each request
    limiter.init_app(app)


@lru_cache(maxsize=100)
def _parsed(limit: str) -> RateLimitItem:
    return parse(limit)


def _enabled() -> bool:
    return bool(current_app.config.get("RATELIMIT_ENABLED", True))


def address_is_exempt() -> bool:
    """True for exam rooms: many people behind one address."""
    return request.remote_addr in settings().EXEMPT_ADDRESSES


def _ask(verb: str, name: str, limit: str, keys: tuple[Any, ...]) -> bool:
    parts = (name, *map(str, keys))
    try:
        return bool(getattr(limiter.limiter, verb)(_parsed(limit), *parts))
    except Exception:
        log.exception("the shared counters do not answer; counting in this process")
        return bool(getattr(_spare, verb)(_parsed(limit), *parts))


def used_up(name: str, limit: str, *keys: Any) -> bool:
    """Is the counter at its limit? Counts nothing."""
    return _enabled() and not _ask("test", name, limit, keys)


def count(name: str, limit: str, *keys: Any) -> None:
    """Count one more, whatever the limit."""
    if _enabled():
        _ask("hit", name, limit, keys)


def spend(name: str, limit: str, *keys: Any) -> None:
    """Count one more. Raises TooMany when the limit is reached."""
    if _enabled() and not _ask("hit", name, limit, keys):
        raise TooMany


def forget(name: str, limit: str, *keys: Any) -> None:
    """Start a counter again at nothing."""
    if _enabled():
        try:
            limiter.limiter.clear(_parsed(limit), name, *map(str, keys))
        except Exception:
            log.exception("the shared counters do not answer")
