"""The evidence of a decision in one canonical form, and its fingerprint.

What was certified is frozen as JSON and hashed, so that years later anyone can show that the stored record is the one
decided upon. The form follows RFC 8785 (JSON Canonicalization Scheme) for the values allowed here: objects with
string keys, arrays, strings, integers, booleans, null. Floating point is refused, because two machines may spell it
differently; points and money come as ``Decimal`` and are written as strings, days and instants in ISO 8601.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

_SAFE_INTEGER = 2**53 - 1  # beyond it JavaScript readers round


class NotPlain(TypeError):
    """A value that has no single spelling in canonical JSON; the message gives its place."""


def plain(value: Any, place: str = "$") -> Any:
    """The value as JSON would hold it. Dataclasses become objects, bytes their SHA-256 (``sha256:…``).

    Raises ``NotPlain`` for floats, naive times, integers beyond 2^53, keys that are not strings, and unknown types.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value, place)
    if isinstance(value, str):
        return _text(value, place)
    if isinstance(value, int):
        if abs(value) > _SAFE_INTEGER:
            raise NotPlain(f"{place}: integer beyond 2^53")
        return value
    if isinstance(value, Decimal):
        return _decimal(value, place)
    if isinstance(value, datetime):
        return _instant(value, place)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return f"sha256:{hashlib.sha256(value).hexdigest()}"
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name), f"{place}.{each.name}") for each in fields(value)}
    if isinstance(value, Mapping):
        return _mapping(value, place)
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{place}[{i}]") for i, item in enumerate(value)]
    raise NotPlain(f"{place}: {type(value).__name__} has no canonical form")


def _text(value: str, place: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as reason:
        raise NotPlain(f"{place}: half a surrogate pair") from reason
    return value


def _decimal(value: Decimal, place: str) -> str:
    if not value.is_finite():
        raise NotPlain(f"{place}: not a finite number")
    text = format(value.normalize(), "f")
    return "0" if text in ("-0", "0") else text


def _instant(value: datetime, place: str) -> str:
    if value.tzinfo is None:
        raise NotPlain(f"{place}: an instant needs its time zone")
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _mapping(value: Mapping[Any, Any], place: str) -> dict[str, Any]:
    for key in value:
        if not isinstance(key, str):
            raise NotPlain(f"{place}: key {key!r} is not a string")
    return {_text(key, place): plain(item, f"{place}.{key}") for key, item in value.items()}


def canonical(value: Any) -> bytes:
    """UTF-8 bytes of the value in canonical JSON: keys sorted by UTF-16 code units, no white space."""
    return _dump(plain(value)).encode("utf-8")


def _dump(value: Any) -> str:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_dump(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def fingerprint(value: Any) -> str:
    """SHA-256 of the canonical form, 64 hexadecimal digits: the evidence hash of an edition."""
    return hashlib.sha256(canonical(value)).hexdigest()
