"""What rests on rows that are to be taken back: every table that names them counts, of whatever floor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from app.db import Model, db

BATCH = 500


def batches(ids: Iterable[int]) -> list[list[int]]:
    rows = sorted(set(ids))
    return [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]


def named_elsewhere(table: str, ids: Sequence[int], *, besides: Iterable[str] = (), most: int = 20) -> set[int]:
    """Which of these rows another table names by a foreign key; ``besides``: tables that do not count."""
    left_out, found = set(besides), set[int]()
    for other in Model.metadata.sorted_tables:
        if other.name in left_out:
            continue
        for key in other.foreign_keys:
            if key.column.table.name != table:
                continue
            for some in batches(ids):
                asked: Any = select(key.parent).where(key.parent.in_(some)).distinct().limit(most)
                found.update(db.session.scalars(asked))
                if len(found) >= most:
                    return found
    return found


def stands(words: str, whom: str) -> str:
    """One line of what stands in the way of undoing: whom it is about, and what it is."""
    colon = _(": ")
    return f"{whom}{colon}{words}"
