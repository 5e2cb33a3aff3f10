"""Links that work once. The token goes out in a letter, sealed until it is sent; the database keeps its hash."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update

from app.accounts.models import LinkPurpose, OneTimeLink, Person
from app.core import crypto
from app.core.errors import Refused
from app.db import db

RESET_LIVES = timedelta(hours=1)
CONFIRM_LIVES = timedelta(hours=48)


class LinkUsedUp(Refused):
    status = 410
    message = _l("This link no longer works: it was used already, or its time is over. Please ask for a new one.")


def make_link(person: Person, purpose: LinkPurpose, *, lives: timedelta, now: datetime) -> str:
    """A fresh token for a person; older links of the same purpose stop working."""
    if person.id is None:
        db.session.flush()  # the link names the person by id
    db.session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.person_id == person.id, OneTimeLink.purpose == purpose, OneTimeLink.used_at.is_(None))
        .values(used_at=now)
    )
    token = crypto.token()
    db.session.add(
        OneTimeLink(
            person_id=person.id, purpose=purpose, token_hash=crypto.token_hash(token), created_at=now,
            expires_at=now + lives,
        )
    )  # fmt: skip
    return token


def link_behind(token: str, purpose: LinkPurpose, *, now: datetime) -> OneTimeLink:
    """The link a token opens, under a row lock inside a unit of work. Raises LinkUsedUp for anything else."""
    found = db.session.scalar(
        select(OneTimeLink)
        .where(OneTimeLink.token_hash == crypto.token_hash(token), OneTimeLink.purpose == purpose)
        .with_for_update()
    )
    if found is None or found.used_at is not None or found.expires_at <= now:
        raise LinkUsedUp
    return found
