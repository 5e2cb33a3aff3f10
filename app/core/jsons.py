"""JSON that is handed in: what Python would read and the product cannot hold is refused like any other unreadable text.

Two things pass Python's reader and fail later, where it would be our fault: nesting deeper than its stack, and halves of
surrogate pairs (``"\\ud800"``), which are no text and cannot be stored.
"""

from __future__ import annotations

import json
import re
from typing import Any

from flask.json.provider import DefaultJSONProvider

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


def read(data: str | bytes, **more: Any) -> Any:
    """The value of a JSON text. Raises json.JSONDecodeError for whatever cannot be taken."""
    try:
        found = json.loads(data, **more)
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", "…", 0) from None
    if _HALF.search(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")):
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise json.JSONDecodeError("half of a surrogate pair", "…", 0) from None
    return found


class StrictJson(DefaultJSONProvider):
    """Flask's JSON, read as above and written in plain characters."""

    ensure_ascii = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return read(s, **kwargs)
