"""The one statement behind every check: certificate, what its edition in force says, whether it is recognised elsewhere.

Right, wrong and unknown cost the same: the statement is the same, and what it finds is compared afterwards.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, exists, select

from app.certification import rules
from app.certification import service as certification
from app.certification.models import Certificate, Edition
from app.certification.states import Standing
from app.db import db
from app.outline import service as outline
from app.recognition.models import RecognitionCase
from app.recognition.states import CaseState


@dataclass(frozen=True, slots=True)
class Found:
    """A certificate as far as checks need it. ``mark``: of the rule versions at that moment."""

    id: int
    number: str
    token: str
    name_key: str
    holder_id: int
    standing: Standing
    standing_since: date | None
    first_issued_on: date
    valid_until: date | None
    snapshot: dict[str, Any]
    kind: str
    recognised: bool

    def state_on(self, day: date) -> str:
        """What a reader is told on a day."""
        if self.standing_since is not None and day < self.standing_since:
            return certification.state_on(db.session.get_one(Certificate, self.id), day).value
        return rules.state_of(self.standing, self.first_issued_on, self.valid_until, day).value


def _columns() -> tuple[Any, ...]:
    c, e, case = Certificate.__table__.c, Edition.__table__.c, RecognitionCase.__table__.c
    newest = select(e.snapshot).where(e.certificate_id == c.id).order_by(e.no.desc()).limit(1).scalar_subquery()
    kind = select(e.kind).where(e.certificate_id == c.id).order_by(e.no.desc()).limit(1).scalar_subquery()
    recognised = exists().where(case.certificate_id == c.id, case.state == CaseState.RECOGNISED)
    return (
        c.id, c.number, c.token, c.name_key, c.holder_id, c.standing, c.standing_since, c.first_issued_on, c.valid_until,
        newest.label("snapshot"), kind.label("kind"), recognised.label("recognised"),
    )  # fmt: skip


@cache
def _numbered() -> Select[Any]:
    """The mark comes always, the certificate where there is one."""
    told = select(outline.mark().label("mark")).subquery()
    c = Certificate.__table__
    return select(told.c.mark, *_columns()).select_from(told.outerjoin(c, c.c.number == bindparam("number")))


@cache
def _coded() -> Select[Any]:
    return select(*_columns()).where(Certificate.__table__.c.token == bindparam("token"))


@cache
def _listed() -> Select[Any]:
    return select(*_columns()).where(Certificate.__table__.c.number.in_(bindparam("numbers", expanding=True)))


@cache
def _one() -> Select[Any]:
    return select(*_columns()).where(Certificate.__table__.c.id == bindparam("certificate"))


def _found(row: Any) -> Found:
    values = list(row)
    values[10] = getattr(values[10], "value", values[10])
    return Found(*values)


def by_number(number: str) -> tuple[Found | None, str]:
    """The certificate with exactly this number, and the mark of the rule versions."""
    row = db.session.execute(_numbered(), {"number": number}).one()
    return (_found(row[1:]) if row[1] is not None else None), row[0]


def by_numbers(numbers: Iterable[str]) -> dict[str, Found]:
    """Several at once, by their numbers."""
    rows = db.session.execute(_listed(), {"numbers": sorted(set(numbers))})
    return {one.number: one for one in map(_found, rows)}


def by_token(token: str) -> Found | None:
    """The certificate whose code holds this token."""
    row = db.session.execute(_coded(), {"token": token}).one_or_none()
    return _found(row) if row is not None else None


def by_id(certificate_id: int) -> Found:
    return _found(db.session.execute(_one(), {"certificate": certificate_id}).one())


def same_name(kept: str, typed: str) -> bool:
    """Compare two names by their hashes: the time says nothing, and nothing equals the empty name."""
    one, other = (hashlib.sha256(text.encode()).digest() for text in (kept, typed))
    return hmac.compare_digest(one, other) and bool(kept)
