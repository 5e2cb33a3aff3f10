"""What lower floors ask of accounts."""

from __future__ import annotations

from app.accounts.models import Person
from app.core.people import person_by_id
from app.db import db


@person_by_id.answered_by
def _person_by_id(person_id: int) -> Person:
    return db.session.get_one(Person, person_id)
