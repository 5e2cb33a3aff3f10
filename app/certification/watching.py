"""Alarms about what proves certificates: lists that are not signed, keys that end or are lacking, certificates that wait."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import func, select

from app.accounts.models import Person, RoleHeld
from app.certification import credentials, keyring, letters, lists
from app.certification.models import Edition
from app.certification.proof_models import IssuerKey, SignedList
from app.core.alarms import alarm
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.notices.service import post

WAITS = timedelta(minutes=30)
AGAIN = timedelta(days=1)
"""How often a letter reminds of the same trouble."""


@alarm("status_lists")
def _late_lists(now: datetime) -> list[str]:
    return [list_words(row) for row in lists.late(now)]


@alarm("signing_keys")
def _ending_keys(now: datetime) -> list[str]:
    return [key_words(row) for row in _ending(now)]


@alarm("certificates_waiting")
def _waiting(now: datetime) -> list[str]:
    count = (
        db.session.scalar(
            select(func.count()).where(
                Edition.kind.in_(credentials.OURS),
                Edition.credential_file_id.is_(None) | Edition.pdf_file_id.is_(None),
                Edition.issued_at < now - WAITS,
            )
        )
        or 0
    )
    return [_("%(count)s certificates wait for their PDF for more than half an hour", count=count)] if count else []


def _ending(now: datetime) -> list[IssuerKey]:
    return list(
        db.session.scalars(
            select(IssuerKey)
            .where(IssuerKey.retired_at.is_(None), IssuerKey.valid_until < now + keyring.WARNING)
            .order_by(IssuerKey.id)
        )
    )


def list_words(row: SignedList) -> str:
    """Which list is late, and why."""
    named = f"{row.list.authority}/{row.purpose.value}/{row.list.no}"
    return _("status list %(name)s is not signed: %(why)s", name=named, why=row.problem or _("no worker runs"))


def key_words(row: IssuerKey) -> str:
    """Which key ends when."""
    return _("the key %(key)s ends on %(day)s", key=f"{row.did}#{row.fragment}", day=f"{row.valid_until:%Y-%m-%d}")


def tell_operators(now: datetime) -> int:
    """A letter for each trouble that is new, and again each day it lasts; how many troubles were told of."""
    with unit_of_work():
        troubled: list[SignedList | IssuerKey] = [*lists.late(now)]
        troubled += _ending(now)
        rows = [row for row in troubled if row.warned_at is None or row.warned_at < now - AGAIN or row.warned_at > now]
        for row in rows:
            row.warned_at = now
            words = list_words(row) if isinstance(row, SignedList) else key_words(row)
            for one in operators():
                post(letters.SIGNING_TROUBLE, to=one, link="/office/keys", what=words)
    return len(rows)


def operators() -> list[Person]:
    """Whoever administers the whole site."""
    return list(
        db.session.scalars(
            select(Person)
            .join(RoleHeld, RoleHeld.person_id == Person.id)
            .where(RoleHeld.role == Role.ADMIN, RoleHeld.scope == Scope.SITE, RoleHeld.ended_at.is_(None))
            .order_by(Person.id)
        ).unique()
    )
