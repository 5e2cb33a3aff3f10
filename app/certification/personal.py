"""What certification holds about a person, and what it takes away on erasure: issued certificates stay on record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.certification import applications, service
from app.certification.models import Renewal
from app.certification.renewals import open_renewal, withdraw_renewal
from app.certification.states import OPEN
from app.core.clock import local_date
from app.core.personal import Part, erases, holds
from app.db import db


@holds("certification")
def tell(person: Person) -> Part:
    """Applications with their frozen evidence, certificates with every edition and decision, renewals."""
    return {
        "applications": [
            {
                "rank": a.rank,
                "state": a.state,
                "submitted_at": a.submitted_at,
                "published_on": a.published_on,
                "notice_ends_on": a.notice_ends_on,
                "decided_at": a.decided_at,
                "remark": a.remark,
                "evidence": a.evidence,
                "evidence_hash": a.evidence_hash,
                "steps": [{"at": e.at, "step": e.move, "note": e.note} for e in a.events],
            }
            for a in applications.applications_of(person)
        ],
        "certificates": [
            {
                "number": c.number,
                "rank": c.rank,
                "standing": c.standing,
                "first_issued_on": c.first_issued_on,
                "valid_until": c.valid_until,
                "editions": [{"no": e.no, "kind": e.kind, "snapshot": e.snapshot} for e in c.editions],
                "decisions": [{"at": s.decided_at, "kind": s.kind, "reason": s.reason} for s in c.changes if s.in_force],
            }
            for c in service.certificates_of(person)
        ],
        "renewals": [
            {"state": r.state, "hours": r.hours, "policy_hours": r.policy_hours, "submitted_at": r.submitted_at, "remark": r.remark}
            for r in _renewals(person)
        ],
    }, {}  # fmt: skip


def _renewals(person: Person) -> list[Renewal]:
    ids = [c.id for c in service.certificates_of(person)]
    return list(db.session.scalars(select(Renewal).where(Renewal.certificate_id.in_(ids)).order_by(Renewal.id)))


@erases("certification")
def forget(person: Person, now: datetime) -> Any:
    """Withdraw what is open. The core record of issued certificates is kept, as the law requires."""
    for one in applications.applications_of(person):
        if one.state in OPEN:
            applications.withdraw(one, by=person, now=now)
    for certificate in service.certificates_of(person):
        waiting = open_renewal(certificate)
        if waiting is not None:
            withdraw_renewal(waiting, by=person, now=now)
    return local_date(now)
