"""Applications and certificates for tests. The pathway is handed in, so that no class, exam and task must be lived through."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from app.accounts.identity import set_id_number
from app.accounts.models import IdKind, Person, Region
from app.certification import issuing, status
from app.certification.models import Application, Certificate, StatusChange
from app.certification.states import State
from app.core.clock import local_date
from app.db import db, unit_of_work
from app.outline import service as outline
from app.pathway.rules import Gate, Missing, Pathway, Stage
from certificates.snapshot import fingerprint
from tests.factories import people

_serial = iter(range(1, 10_000))


def id_number() -> str:
    """A resident number of an invented person that checks."""
    body = f"12011619900101{next(_serial) % 1000:03d}"
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def trainee(region: Region, name: str = "王建国", **more: Any) -> Person:
    """Somebody with an ID number in a region."""
    made = people.person(name, region=region, **more)
    with unit_of_work():
        set_id_number(made, IdKind.RESIDENT, id_number(), by=made, today=date(2026, 1, 1))
    return made


def pathway(rank: int = 1, on: date | None = None, *, missing: bool = False, exempt: tuple[Stage, ...] = ()) -> Pathway:
    """A pathway with everything there, or with one class hour missing."""
    on = on or date(2026, 3, 2)
    short = (Missing(Stage.TRAINING, "total_hours", {"hours": Decimal(3)}),) if missing else ()
    gates = tuple(
        Gate(
            s, Decimal(1), Decimal(1), "points", short if s is Stage.TRAINING else (), "互认决定" if s in exempt else ""
        )
        for s in Stage
    )
    return Pathway(rank, on, outline.current("scheme", rank, on=on).id, gates, Decimal("80.0"))


def application(
    person: Person, rank: int = 1, *, now: datetime, state: State = State.SUBMITTED, **more: Any
) -> Application:
    """An application in a state, past the gates."""
    person_id = person.id
    with unit_of_work():
        who = db.session.get_one(Person, person_id)
        way = pathway(rank, local_date(now))
        evidence = {"applicant": {"name": who.name, "unit": "", "class": ""}, "pathway": way.as_evidence()}
        values = {
            "person": who, "rank": rank, "region_id": who.region_id, "scheme_id": way.scheme_id, "state": state,
            "evidence": evidence, "evidence_hash": fingerprint(evidence), "submitted_at": now,
        }  # fmt: skip
        made = Application(**values | more)
        db.session.add(made)
    return made


def certificate(holder: Person, rank: int = 1, *, now: datetime, by: Person | None = None) -> Certificate:
    """A certificate issued at an instant, its PDF still to be made."""
    by = by or people.officer(people.Role.CERTIFICATION)
    made = application(holder, rank, now=now, state=State.ISSUED, decided_by_id=by.id, decided_at=now)
    with unit_of_work():
        return issuing.issue(db.session.get_one(Application, made.id), by=db.session.get_one(Person, by.id), now=now)


def heard(change: StatusChange, *, now: datetime) -> StatusChange:
    """The holder has stated a view where there is a term to be heard, so that a second officer can confirm."""
    with unit_of_work():
        row = db.session.get_one(StatusChange, change.id, with_for_update=True)
        if row.hearing_until is not None and row.in_force is None and row.stated_at is None:
            assert row.certificate.holder is not None
            status.state_view(row, by=row.certificate.holder, words="请予核实", now=now)
    return row
