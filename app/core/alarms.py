"""What the operator must see to: features announce a check, ``/readyz`` and ``/metrics`` name what is wrong, a letter tells it.

@alarm("status_lists")
def _late(now): return [LATE_LIST % {...}, ...]          # one line of words each; empty: all is well
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

log = logging.getLogger(__name__)
CHECKS: dict[str, Callable[[datetime], list[str]]] = {}


def alarm(name: str) -> Callable[[Callable[[datetime], list[str]]], Callable[[datetime], list[str]]]:
    """Register a check; ``name`` is what monitoring sees. It must be cheap: a few indexed rows."""

    def register(check: Callable[[datetime], list[str]]) -> Callable[[datetime], list[str]]:
        CHECKS[name] = check
        return check

    return register


def raised(now: datetime) -> dict[str, list[str]]:
    """What is wrong now, by name, each in words for the operator. A check that fails is wrong itself."""
    found = {}
    for name, check in CHECKS.items():
        try:
            found[name] = check(now)
        except Exception as error:
            log.exception("alarm %s could not be checked", name)
            found[name] = [type(error).__name__]
    return found
