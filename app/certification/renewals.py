"""Renewal: hours of continuing education with proof, performance credit and integrity by the scheme, then a new edition."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, select

from app.accounts.models import Person
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.certification import gates, issuing, letters
from app.certification.deeds import Did
from app.certification.errors import NotRenewable, OutsideWindow, OwnCase, ReasonMissing, RenewalShort, RenewalThere
from app.certification.models import Certificate, Edition, Renewal
from app.certification.states import RENEWAL_MOVES, RENEWAL_OPEN, RenewalMove, RenewalState, Standing
from app.core.clock import local_date
from app.core.errors import NotFound
from app.core.permissions import Can
from app.core.states import moved
from app.core.text import day, number
from app.core.waiting import Waiting, waiting
from app.db import db
from app.files.models import StoredFile
from app.files.service import TEXT, keep_bytes
from app.notices.service import post
from app.outline import service as outline
from app.outline.models import RuleVersion
from app.pathway import service as pathways
from app.training import service as training
from certificates.snapshot import plain
from certificates.validity import RenewalWindow, renewal_window


def scheme_of(certificate: Certificate, on: date) -> RuleVersion:
    """Renewal is judged by the scheme in force on the day."""
    return pathways.scheme_for(certificate.rank, certificate.region_id, on)


def window_of(certificate: Certificate, on: date) -> RenewalWindow | None:
    """When renewal may be applied for; None for a certificate without end."""
    if certificate.valid_until is None:
        return None
    asked = outline.typed(scheme_of(certificate, on))
    return renewal_window(certificate.valid_until, asked["renewal_before_days"], asked["renewal_after_days"])


def renewable(certificate: Certificate, on: date) -> bool:
    """Is the window open, the certificate in good standing, and no renewal waiting?"""
    window = window_of(certificate, on)
    return (
        window is not None
        and on in window
        and certificate.standing is Standing.GOOD
        and open_renewal(certificate) is None
    )


def open_renewal(certificate: Certificate) -> Renewal | None:
    return db.session.scalar(
        select(Renewal).where(Renewal.certificate_id == certificate.id, Renewal.state.in_(RENEWAL_OPEN))
    )


def ledger_of(certificate: Certificate, on: date) -> training.Continuing:
    """Continuing education since the last issue as the hours ledger holds it: confirmed there, so no proof is asked."""
    assert certificate.holder is not None  # only a holder asks
    return training.continuing_of(certificate.holder, certificate.issued_on, on)


def proof_from_ledger(certificate: Certificate, on: date) -> StoredFile:
    """A list of the ledger's lines since the last issue, kept as the proof of a renewal that rests on the ledger alone."""
    assert certificate.holder is not None
    lines = [f"{certificate.number}\t{certificate.issued_on} – {on}"]
    for one in db.session.scalars(training.entries_of(certificate.holder)):
        if certificate.issued_on <= one.earned_on <= on:
            lines.append(f"{one.id}\t{one.earned_on}\t{one.source_kind.value}\t{one.module}\t{one.hours}")
    return keep_bytes(
        "\n".join(lines).encode(), "hours-ledger.txt", owner=certificate.holder, kinds=frozenset({TEXT}), field="proof"
    )


def judge(certificate: Certificate, hours: Decimal, policy_hours: Decimal, on: date) -> dict[str, Any]:
    """What the scheme asks for a renewal and what is there, as plain JSON with the list of what is short.

    Hours are those stated with proof, or those of the ledger where these are more.
    """
    ledger = ledger_of(certificate, on)
    hours, policy_hours = max(hours, ledger.total), max(policy_hours, ledger.policy)
    scheme = scheme_of(certificate, on)
    asked = outline.typed(scheme)
    assert certificate.holder is not None  # only a holder asks
    facts = gates.performance_since(certificate.holder, certificate.issued_on, on)
    rows = [
        ("hours", asked["renewal_hours"], hours),
        ("policy_hours", asked["renewal_policy_hours"], policy_hours),
        ("points", asked["renewal_points"], facts.points),
        ("integrity", asked["renewal_integrity"], facts.integrity),
    ]
    return plain(
        {
            "scheme_id": scheme.id,
            "on": on,
            "since": certificate.issued_on,
            "ledger": {"hours": ledger.total, "policy_hours": ledger.policy},
            "gates": [{"code": c, "required": r, "have": h, "passed": h >= r} for c, r, h in rows],
        }
    )


def gate_words(gate: dict[str, Any]) -> str:
    names = {
        "hours": _("continuing education hours"),
        "policy_hours": _("hours on policy and law"),
        "points": _("performance credit since the last issue"),
        "integrity": _("integrity credit"),
    }
    return _(
        "%(what)s: %(have)s of %(required)s",
        what=names[gate["code"]], have=number(Decimal(gate["have"])), required=number(Decimal(gate["required"])),
    )  # fmt: skip


def _must_pass(evidence: dict[str, Any]) -> None:
    short = [gate_words(gate) for gate in evidence["gates"] if not gate["passed"]]
    if short:
        raise RenewalShort("hours", words=_("; ").join(short))


def ask_renewal(
    certificate: Certificate, *, hours: Decimal, policy_hours: Decimal, proof: StoredFile, by: Person, now: datetime
) -> Renewal:
    """Ask for a renewal inside the window. Raises OutsideWindow, NotRenewable, RenewalThere, RenewalShort."""
    if certificate.holder_id != by.id:
        raise NotFound
    today = local_date(now)
    if certificate.standing is not Standing.GOOD:
        raise NotRenewable
    window = window_of(certificate, today)
    if window is None or today not in window:
        opens, closes = (window.opens, window.closes) if window else (None, None)
        raise OutsideWindow(opens=day(opens), closes=day(closes))
    waiting = open_renewal(certificate)
    if waiting is not None and waiting.state is RenewalState.SUBMITTED:
        raise RenewalThere
    evidence = judge(certificate, hours, policy_hours, today)
    _must_pass(evidence)
    if waiting is None:
        waiting = Renewal(certificate=certificate, state=RenewalState.SUBMITTED, submitted_at=now)
        db.session.add(waiting)
    else:
        waiting.state = moved(RENEWAL_MOVES, waiting.state, RenewalMove.SUBMIT)
    waiting.hours, waiting.policy_hours, waiting.proof, waiting.submitted_at = hours, policy_hours, proof, now
    waiting.evidence, waiting.scheme_id, waiting.remark = evidence, evidence["scheme_id"], ""
    record(Did.ASK_RENEWAL, waiting, by=by, more={"number": certificate.number, "hours": hours})
    return waiting


def withdraw_renewal(renewal: Renewal, *, by: Person, now: datetime) -> None:
    if renewal.certificate.holder_id != by.id:
        raise NotFound
    renewal.state = moved(RENEWAL_MOVES, renewal.state, RenewalMove.WITHDRAW)
    record(Did.WITHDRAW_RENEWAL, renewal, by=by)


def return_renewal(renewal: Renewal, *, by: Person, reason: str, now: datetime) -> None:
    """Give a renewal back with a reason."""
    _may(renewal, by)
    after = moved(RENEWAL_MOVES, renewal.state, RenewalMove.RETURN)
    if not reason.strip():
        raise ReasonMissing("reason")
    renewal.state, renewal.remark, renewal.decided_by_id, renewal.decided_at = after, reason, by.id, now
    record(Did.RETURN_RENEWAL, renewal, by=by, reason=reason)
    certificate = renewal.certificate
    assert certificate.holder is not None
    post(
        letters.RENEWAL_RETURNED, to=certificate.holder, link=f"/certificates/{certificate.id}/renewal",
        number=certificate.number, reason=reason,
    )  # fmt: skip


def grant_renewal(renewal: Renewal, *, by: Person, now: datetime) -> Edition:
    """The officer has checked the proof: everything is judged again and the new edition issued under the same number."""
    _may(renewal, by)
    after = moved(RENEWAL_MOVES, renewal.state, RenewalMove.GRANT)
    certificate = renewal.certificate
    if certificate.standing is not Standing.GOOD:
        raise NotRenewable
    renewal.evidence = judge(certificate, renewal.hours, renewal.policy_hours, local_date(now))
    _must_pass(renewal.evidence)
    renewal.state, renewal.decided_by_id, renewal.decided_at = after, by.id, now
    made = issuing.renew(certificate, renewal.scheme, by=by, now=now)
    db.session.flush()  # the renewal names its edition
    renewal.edition_id = made.id
    record(Did.GRANT_RENEWAL, renewal, by=by, more={"number": certificate.number, "until": made.valid_until})
    return made


def _may(renewal: Renewal, by: Person) -> None:
    must_reach(by, Can.KEEP_CERTIFICATE, region=renewal.certificate.region_id)
    if renewal.certificate.holder_id == by.id:
        raise OwnCase


def renewals_visible_to(person: Person) -> Select[Renewal]:
    return (
        select(Renewal)
        .join(Renewal.certificate)
        .where(within(person, Can.READ_CERTIFICATE, region=Certificate.region_id))
    )


def renewals_of(certificate: Certificate) -> list[Renewal]:
    """Every renewal of a certificate, first to last."""
    return list(
        db.session.scalars(select(Renewal).where(Renewal.certificate_id == certificate.id).order_by(Renewal.id))
    )


def renewal_for(person: Person, renewal_id: int) -> Renewal:
    found = db.session.scalar(renewals_visible_to(person).where(Renewal.id == renewal_id))
    if found is None:
        raise NotFound
    return found


def renewals_waiting(person: Person) -> Waiting:
    return waiting(renewals_visible_to(person).where(Renewal.state == RenewalState.SUBMITTED), Renewal.submitted_at)
