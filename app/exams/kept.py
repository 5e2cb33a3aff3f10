"""What a process keeps of what it has read, so many entries at most; the oldest goes first."""

from __future__ import annotations

from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """A dictionary of bounded size that several threads may fill."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._entries: dict[Key, Value] = {}

    def get(self, key: Key) -> Value | None:
        return self._entries.get(key)

    def keep(self, key: Key, value: Value) -> Value:
        with self._lock:
            while len(self._entries) >= self._most:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = value
        return value

    def forget(self, key: Key) -> None:
        with self._lock:
            self._entries.pop(key, None)
