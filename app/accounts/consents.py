"""Consents: given and withdrawn by version of text; the newest line of a kind counts."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts import texts
from app.accounts.deeds import Did
from app.accounts.models import Consent, ConsentKind, Person
from app.audit.service import record
from app.core.errors import Refused
from app.db import db


class TermsStay(Refused):
    message = _l(
        "The terms of use cannot be withdrawn while the account exists. You may ask for erasure under “My data”."
    )


def give_consent(
    person: Person, kind: ConsentKind, *, now: datetime, version: str | None = None, receiver: str = ""
) -> Consent:
    """Record that a person agrees to the current text (or the version named). Repeating it changes nothing."""
    standing = consent_of(person, kind, receiver=receiver)
    wanted = version or texts.version(kind)
    if standing is not None and standing.version == wanted:
        return standing
    made = Consent(person_id=person.id, kind=kind, version=wanted, receiver=receiver, given_at=now)
    db.session.add(made)
    record(Did.GIVE_CONSENT, person, by=person, more={"kind": kind, "version": wanted, "receiver": receiver})
    return made


def withdraw_consent(person: Person, kind: ConsentKind, *, now: datetime, receiver: str = "") -> None:
    """End every standing consent of a kind. What was done before stays lawful. Raises TermsStay for the terms."""
    if kind is ConsentKind.TERMS:
        raise TermsStay
    for standing in _standing(person, kind, receiver):
        standing.withdrawn_at = now
        record(Did.WITHDRAW_CONSENT, person, by=person, more={"kind": kind, "version": standing.version})


def _standing(person: Person, kind: ConsentKind, receiver: str) -> list[Consent]:
    return list(
        db.session.scalars(
            select(Consent)
            .where(
                Consent.person_id == person.id,
                Consent.kind == kind,
                Consent.receiver == receiver,
                Consent.withdrawn_at.is_(None),
            )
            .order_by(Consent.given_at.desc(), Consent.id.desc())
        )
    )


def consent_of(person: Person, kind: ConsentKind, *, receiver: str = "") -> Consent | None:
    """The standing consent of a kind, newest version first; None when never given or withdrawn."""
    found = _standing(person, kind, receiver)
    return found[0] if found else None


def has_consent(person: Person, kind: ConsentKind, *, receiver: str = "") -> bool:
    return consent_of(person, kind, receiver=receiver) is not None


def consents_of(person: Person) -> list[Consent]:
    """Every line, newest first: what the person sees under “consents” and in the export."""
    return list(
        db.session.scalars(select(Consent).where(Consent.person_id == person.id).order_by(Consent.given_at.desc()))
    )
