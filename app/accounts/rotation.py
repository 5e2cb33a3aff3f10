"""Sealing personal data again with the current key, in small transactions; safe to stop and repeat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.accounts.identity import ID_PURPOSE, PHONE_PURPOSE
from app.accounts.models import Person
from app.core import crypto
from app.db import db, unit_of_work


@dataclass(frozen=True)
class SealedColumn:
    """A column that holds sealed text under a purpose."""

    model: Any
    column: str
    purpose: str


SEALED = [
    SealedColumn(Person, "id_sealed", ID_PURPOSE),
    SealedColumn(Person, "phone_sealed", PHONE_PURPOSE),
    SealedColumn(Person, "totp_sealed", "totp"),
]


def sealed_column(model: Any, column: str, purpose: str) -> None:
    """Announce a sealed column of another feature, so that rotation covers it."""
    SEALED.append(SealedColumn(model, column, purpose))


def rotate(*, batch: int = 100, tell: Callable[[str], None] | None = None) -> tuple[int, int]:
    """Seal everything again that is not under the first DATA_KEY: (sealed again, could not be opened)."""
    done = left = 0
    for one in SEALED:
        last = 0
        while True:
            with unit_of_work():
                column = getattr(one.model, one.column)
                rows = list(
                    db.session.scalars(
                        select(one.model)
                        .where(column.is_not(None), one.model.id > last)
                        .order_by(one.model.id)
                        .limit(batch)
                        .with_for_update(of=one.model)
                    ).unique()
                )
                for row in rows:
                    sealed = getattr(row, one.column)
                    if crypto.is_current(sealed):
                        continue
                    try:
                        text = crypto.decrypt(sealed, purpose=one.purpose)
                    except ValueError:
                        left += 1
                        continue
                    setattr(row, one.column, crypto.encrypt(text, purpose=one.purpose))
                    done += 1
                last = rows[-1].id if rows else last
            if len(rows) < batch:
                break
    return done, left
