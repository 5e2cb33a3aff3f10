"""What lower floors ask of certification."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, or_, select

from app.accounts import service as accounts
from app.accounts.models import Person, PersonState
from app.certification import letters, rules, service
from app.certification.applications import open_application_id
from app.certification.models import Certificate
from app.certification.states import CertificateState, Standing
from app.core import clock
from app.core.permissions import Role
from app.db import db, rows
from app.exams import asks as exam_asks
from app.notices.service import post
from app.pathway import asks
from app.pathway.rules import HeldCertificate
from app.performance import asks as performance_asks
from app.performance import service as performance
from app.performance.arithmetic import Band
from app.performance.rules import Effect
from app.performance.states import EventState
from app.training import asks as training_asks
from app.training.asks import NamedCertificate, Naming

COUNTS = (CertificateState.VALID, CertificateState.EXPIRING)


@asks.certificates_held.answered_by
def _certificates_held(person: Person) -> tuple[HeldCertificate, ...]:
    today = clock.today()
    return tuple(
        HeldCertificate(one.rank, one.first_issued_on, _state_on(one, today) in COUNTS)
        for one in rows(_held(), {"person": person.id})
    )


@cache
def _held() -> Select[Any]:
    """What the entry condition needs of the certificates of a person, newest first."""
    c = Certificate.__table__.c
    return (
        select(c.id, c.rank, c.first_issued_on, c.standing, c.standing_since, c.valid_until)
        .where(c.holder_id == bindparam("person"))
        .order_by(c.id.desc())
    )


def _state_on(held: Row[Any], day: date) -> CertificateState:
    if held.standing_since is not None and day < held.standing_since:  # what stood before: asked of its decisions
        return service.state_on(db.session.get_one(Certificate, held.id), day)
    return rules.state_of(held.standing, held.first_issued_on, held.valid_until, day)


@asks.application_of.answered_by
def _application_of(person: Person, rank: int) -> int | None:
    return open_application_id(person, rank)


@exam_asks.certificates_resting_on.answered_by
def _certificates_resting_on(person_ids: Collection[int], rank: int) -> dict[int, tuple[str, ...]]:
    """Revoked and cancelled ones rest on nothing any more."""
    rows = db.session.execute(
        select(Certificate.holder_id, Certificate.number)
        .where(
            Certificate.holder_id.in_(list(person_ids)),
            Certificate.rank == rank,
            Certificate.standing.in_([Standing.GOOD, Standing.SUSPENDED]),
        )
        .order_by(Certificate.holder_id, Certificate.id)
    )
    found: dict[int, tuple[str, ...]] = {}
    for holder_id, number in rows:
        assert holder_id is not None  # by the condition
        found[holder_id] = (*found.get(holder_id, ()), number)
    return found


@performance_asks.certificates_valid.answered_by
def _certificates_valid(person_ids: Collection[int], on: date) -> Mapping[int, str]:
    """The highest certificate in force of each."""
    rows = db.session.scalars(
        select(Certificate)
        .where(Certificate.holder_id.in_(list(person_ids)), Certificate.standing == Standing.GOOD)
        .order_by(Certificate.rank, Certificate.id)
    )
    return {one.holder_id: one.number for one in rows if one.holder_id is not None and service.is_valid(one, on)}


@training_asks.certificates_like.answered_by
def _certificates_like(naming: Naming) -> list[NamedCertificate]:
    """Revoked and cancelled ones name nobody; one taken over from a list has a holder once it is claimed."""
    c = Certificate
    asked = (
        select(c.holder_id, c.name_key, c.number)
        .join(Person, Person.id == c.holder_id)
        .where(
            c.standing.in_([Standing.GOOD, Standing.SUSPENDED]),
            Person.state == PersonState.ACTIVE,
            or_(
                c.number.in_(naming.numbers),
                c.holder_id.in_(naming.people),
                c.name_key.in_(naming.names) & (c.region_id == naming.region_id),
            ),
        )
        .order_by(c.rank, c.id)
    )
    return [NamedCertificate(holder or 0, key, number) for holder, key, number in db.session.execute(asked)]


@performance.integrity_changed.connect
def _officers_look(event: Any, *, person: Person, integrity: Any, effect: Any, by: Person, now: datetime) -> None:
    """Officers of the issuing region hear of a decision that may cost a certificate, or give one back. They decide, not this."""
    stopped = integrity.band is Band.STOPPED or effect in (Effect.SUSPENSION, Effect.REVOCATION)
    lifted = event.state is EventState.LIFTED
    if (lifted and integrity.band is Band.STOPPED) or not (lifted or stopped):
        return
    kind, standing = (
        (letters.CONSIDER_BACK, Standing.SUSPENDED) if lifted else (letters.CONSIDER, Standing.GOOD)
    )  # fmt: skip
    for one in service.certificates_of(person):
        if one.standing is not standing:
            continue
        for officer in accounts.holders_of(Role.CERTIFICATION, region_id=one.region_id):
            if officer.id not in (person.id, by.id):
                post(kind, to=officer, link=f"/office/certificates/{one.id}", number=one.number, name=person.name,
                     score=integrity.score, now=now)  # fmt: skip
