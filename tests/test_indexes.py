"""Foreign keys that are searched by lead an index; so do all that name a file, since deleting one asks each of them."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask
from sqlalchemy import PrimaryKeyConstraint, Table, UniqueConstraint

from app.db import Model

APP = Path(__file__).resolve().parents[1] / "app"
ALONGSIDE = {
    ("RoomMessage", "sitting_id"),  # always within a session: (session_id, sitting_id)
}
"""Searched together with a column that leads an index."""


def _leading(table: Table) -> set[str]:
    rules = [one for one in table.constraints if isinstance(one, PrimaryKeyConstraint | UniqueConstraint)]
    return {next(iter(one.columns)).name for one in (*table.indexes, *rules) if len(one.columns)}


def test_what_is_searched_by_has_an_index(app: Flask) -> None:
    words = "\n".join(path.read_text() for path in APP.rglob("*.py") if path.name != "models.py")
    missing = []
    for mapper in Model.registry.mappers:
        table, name = mapper.local_table, mapper.class_.__name__
        if not isinstance(table, Table):
            continue  # read from another table: the answers in force
        leading = _leading(table)
        for column in table.columns:
            if not column.foreign_keys or column.name in leading or (name, column.name) in ALONGSIDE:
                continue
            to_a_file = any(key.target_fullname.startswith("stored_file.") for key in column.foreign_keys)
            if to_a_file or re.search(
                rf"(?<!== )\b{name}\.{column.name}(\.in_\(| == (?!\w+\.id\b(?!\s*[,)]\s*\.where)))", words
            ):
                missing.append(f"{name}.{column.name}")
    assert not missing, missing
