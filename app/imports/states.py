"""Where an uploaded sheet stands, and what becomes of a row."""

from __future__ import annotations

from enum import StrEnum


class ImportState(StrEnum):
    READ = "read"
    CHECKED = "checked"
    RUNNING = "running"
    DONE = "done"
    UNDONE = "undone"


class RowFate(StrEnum):
    READ = "read"
    READY = "ready"
    SAME = "same"
    REFUSED = "refused"
    DONE = "done"
    UNDONE = "undone"
