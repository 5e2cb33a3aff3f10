"""The door to certification for the features above: certificates, editions, states; and every verb of this feature."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from app.accounts.models import Person
from app.accounts.scope import within
from app.certification import letters, renewals, rules
from app.certification.applications import (
    applications_of,
    apply_for,
    object_to,
    open_application,
    propose_refusal,
    publish,
    refuse,
    resubmit,
    return_for_correction,
    send_back,
    settle_objection,
    take,
    withdraw,
)
from app.certification.gates import pathway_now
from app.certification.issuing import decide, reissue, render
from app.certification.models import Certificate, Edition, Reminder, StatusChange
from app.certification.renewals import ask_renewal, grant_renewal, renewable, return_renewal, window_of
from app.certification.states import CertificateState, Standing
from app.certification.status import change, confirm, drop, proposed, state_on
from app.core.clock import local_date
from app.core.errors import NotFound
from app.core.permissions import Can
from app.core.waiting import Waiting, waiting
from app.db import db
from app.notices.service import post
from app.outline import service as outline
from app.outline.models import RuleVersion
from certificates.numbers import NumberPattern

__all__ = [
    "applications_of",
    "apply_for",
    "ask_renewal",
    "by_number",
    "by_token",
    "certificate_for",
    "certificates_of",
    "certificates_visible_to",
    "change",
    "confirm",
    "current_snapshot",
    "decide",
    "drop",
    "editions_of",
    "grant_renewal",
    "is_valid",
    "number_patterns",
    "object_to",
    "open_application",
    "own_certificate",
    "pathway_now",
    "propose_refusal",
    "proposed",
    "publish",
    "refuse",
    "reissue",
    "remind",
    "render",
    "renewable",
    "resubmit",
    "return_for_correction",
    "return_renewal",
    "send_back",
    "settle_objection",
    "state_on",
    "take",
    "window_of",
    "withdraw",
]

REMINDERS = (90, 30, 7)
"""Days before the end at which a holder is reminded."""


@cache
def _held() -> Select[Certificate]:
    return select(Certificate).where(Certificate.holder_id == bindparam("person")).order_by(Certificate.id.desc())


def certificates_of(person: Person) -> list[Certificate]:
    """A person's certificates, newest first."""
    return list(db.session.scalars(_held(), {"person": person.id}))


@cache
def _snapshots() -> Select[dict[str, Any]]:
    of_it = Edition.certificate_id == bindparam("certificate")
    return select(Edition.snapshot).where(of_it).order_by(Edition.no.desc()).limit(1)


def current_snapshot(certificate: Certificate) -> dict[str, Any]:
    """What the edition in force says, without reading the earlier ones."""
    return db.session.execute(_snapshots(), {"certificate": certificate.id}).scalar_one()


def editions_of(certificate: Certificate) -> list[Edition]:
    """Every edition, first to current."""
    return list(certificate.editions)


def is_valid(certificate: Certificate, day: date) -> bool:
    """In force on a day: valid or expiring."""
    return state_on(certificate, day) in (CertificateState.VALID, CertificateState.EXPIRING)


@cache
def _numbered() -> Select[Certificate]:
    return select(Certificate).where(Certificate.number == bindparam("number"))


def by_number(number: str) -> Certificate | None:
    """The certificate with exactly this number (upper case, as ``certificates.numbers.explain`` gives it)."""
    return db.session.scalar(_numbered(), {"number": number})


def by_token(token: str) -> Certificate | None:
    """The certificate whose QR code holds this token."""
    return db.session.scalar(select(Certificate).where(Certificate.token == token))


def _pattern(version: RuleVersion) -> NumberPattern:
    return rules.pattern_of(outline.typed(version))


def number_patterns() -> list[NumberPattern]:
    """Every pattern this issuer has used, newest first: numbers are kept for life."""
    return [outline.remembered(version, _pattern) for version in outline.history(rules.NUMBER)]


def certificates_visible_to(person: Person) -> Select[Certificate]:
    """Certificates an officer may read."""
    return select(Certificate).where(within(person, Can.READ_CERTIFICATE, region=Certificate.region_id))


def certificate_for(person: Person, certificate_id: int) -> Certificate:
    """One certificate an officer may read. NotFound otherwise."""
    found = db.session.scalar(certificates_visible_to(person).where(Certificate.id == certificate_id))
    if found is None:
        raise NotFound
    return found


def own_certificate(person: Person, certificate_id: int) -> Certificate:
    """One's own certificate. NotFound otherwise."""
    found = db.session.get(Certificate, certificate_id)
    if found is None or found.holder_id != person.id:
        raise NotFound
    return found


def change_for(person: Person, change_id: int) -> StatusChange:
    found = db.session.get(StatusChange, change_id)
    if found is None:
        raise NotFound
    certificate_for(person, found.certificate_id)
    return found


def changes_waiting(person: Person) -> Waiting:
    """Proposed decisions that wait for a second officer."""
    seen = certificates_visible_to(person).join(Certificate.changes).where(StatusChange.in_force.is_(None))
    return waiting(seen, StatusChange.proposed_at)


def due_reminders(today: date) -> list[int]:
    """Certificates in good standing that end within 90 days and lack the reminder due by now."""
    ends = select(Certificate).where(
        Certificate.standing == Standing.GOOD,
        Certificate.holder_id.is_not(None),
        Certificate.valid_until >= today,
        Certificate.valid_until <= today + timedelta(days=max(REMINDERS)),
    )
    latest = select(func.max(Edition.id)).where(Edition.certificate_id == Certificate.id).scalar_subquery()
    sent = select(func.min(Reminder.days)).where(Reminder.edition_id == latest).scalar_subquery()
    rows = db.session.execute(ends.with_only_columns(Certificate.id, Certificate.valid_until, sent)).all()
    return [i for i, until, tightest in rows if _step(until, today) < (tightest or 10_000)]


ENDED = 0
"""Days of the note that a certificate has ended, among the reminders."""


def due_ended(today: date) -> list[int]:
    """Certificates in good standing that ended within the last thirty days and whose holder was not told."""
    latest = select(func.max(Edition.id)).where(Edition.certificate_id == Certificate.id).scalar_subquery()
    told = select(Reminder.id).where(Reminder.edition_id == latest, Reminder.days == ENDED).exists()
    return list(
        db.session.scalars(
            select(Certificate.id).where(
                Certificate.standing == Standing.GOOD,
                Certificate.holder_id.is_not(None),
                Certificate.valid_until < today,
                Certificate.valid_until >= today - timedelta(days=30),
                ~told,
            )
        )
    )


def tell_ended(certificate: Certificate, *, now: datetime) -> bool:
    """Tell the holder once that the certificate has ended, and until when it can be renewed. True when told."""
    today = local_date(now)
    until = certificate.valid_until
    if certificate.holder is None or certificate.standing is not Standing.GOOD or until is None or until >= today:
        return False
    edition = certificate.current
    if db.session.scalar(select(Reminder.id).where(Reminder.edition_id == edition.id, Reminder.days == ENDED)):
        return False
    db.session.add(Reminder(edition_id=edition.id, days=ENDED, at=now))
    window = renewals.window_of(certificate, today)
    assert window is not None
    post(
        letters.EXPIRED, to=certificate.holder, link="/certificates", number=certificate.number, until=until, closes=window.closes,
    )  # fmt: skip
    return True


def _step(until: date, today: date) -> int:
    """The tightest reminder that is due: 90, 30 or 7."""
    left = (until - today).days
    return min(days for days in REMINDERS if left <= days)


def remind(certificate: Certificate, *, now: datetime) -> bool:
    """Send the reminder due now, each once per edition; steps that were overtaken are marked, not sent. True when sent."""
    today = local_date(now)
    if certificate.standing is not Standing.GOOD or certificate.valid_until is None or certificate.valid_until < today:
        return False
    if certificate.holder is None:
        return False
    if (certificate.valid_until - today).days > max(REMINDERS):
        return False
    edition = certificate.current
    done = set(db.session.scalars(select(Reminder.days).where(Reminder.edition_id == edition.id)))
    step = _step(certificate.valid_until, today)
    if done and min(done) <= step:
        return False
    db.session.add_all(
        Reminder(edition_id=edition.id, days=d, at=now) for d in REMINDERS if d >= step and d not in done
    )
    window = renewals.window_of(certificate, today)
    assert window is not None
    post(
        letters.EXPIRING, to=certificate.holder, link="/certificates", number=certificate.number,
        until=certificate.valid_until, days=(certificate.valid_until - today).days, opens=window.opens, closes=window.closes,
    )  # fmt: skip
    return True
