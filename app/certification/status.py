"""Decisions on issued certificates: suspend, restore; revoke, cancel, reinstate, which take two people."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from app.accounts.models import Person
from app.accounts.scope import must_reach
from app.audit.service import record
from app.certification import issuing, letters, lists, rules
from app.certification.deeds import Did
from app.certification.errors import (
    ChangeWaits,
    HearingRuns,
    NotReceivedThen,
    OwnCase,
    ReasonMissing,
    SamePerson,
    ScanMissing,
    UnknownReason,
)
from app.certification.models import Certificate, StatusChange
from app.certification.states import AGAINST, CHANGES, TWO_PEOPLE, CertificateState, Change, Standing
from app.core.clock import local_date
from app.core.errors import NotAllowedNow, NotFound
from app.core.permissions import Can
from app.core.states import moved
from app.core.text import day as day_words
from app.core.text import strung
from app.core.workdays import add_working_days
from app.db import db
from app.files.models import StoredFile
from app.notices.service import Letter, post
from app.outline import service as outline

_DEEDS = {
    Change.SUSPEND: Did.SUSPEND,
    Change.RESTORE: Did.RESTORE,
    Change.REVOKE: Did.REVOKE,
    Change.CANCEL: Did.CANCEL,
    Change.REINSTATE: Did.REINSTATE,
}
_LETTERS = {
    Change.SUSPEND: letters.SUSPENDED,
    Change.RESTORE: letters.RESTORED,
    Change.REVOKE: letters.REVOKED,
    Change.CANCEL: letters.CANCELLED,
    Change.REINSTATE: letters.REINSTATED,
}


def state_on(certificate: Certificate, day: date) -> CertificateState:
    """What a reader is told of a certificate on a day. For days before its last decision the history is walked."""
    standing = certificate.standing
    if certificate.standing_since is not None and day < certificate.standing_since:
        standing = Standing.GOOD
        for change in certificate.changes:
            if change.in_force and change.decided_at and local_date(change.decided_at) <= day:
                standing = CHANGES[standing, change.kind]
    return rules.state_of(standing, certificate.first_issued_on, certificate.valid_until, day)


def change(
    certificate: Certificate, kind: Change, *, by: Person, reason: str, now: datetime, code: str = ""
) -> StatusChange:
    """Suspend or restore at once; revoking, cancelling and reinstating are proposed here and wait for a second officer.

    ``code`` names a reason of the rule; ``reason`` are the words for this case. Before a revocation the holder is told and
    may be heard for the rule's working days. Raises OwnCase, UnknownReason, ReasonMissing, ChangeWaits, NotAllowedNow.
    """
    may_change(certificate, by)
    moved(CHANGES, certificate.standing, kind)
    known = [row["code"] for row in rules.life(certificate.region_id)["reasons"] if row["kind"] == kind.value]
    if code and code not in known:
        raise UnknownReason("code")
    if not reason.strip():
        raise ReasonMissing("reason")
    if proposed(certificate) is not None:
        raise ChangeWaits
    made = StatusChange(
        certificate=certificate, kind=kind, reason=reason, reason_code=code, proposed_by_id=by.id, proposed_at=now
    )
    db.session.add(made)
    if kind in TWO_PEOPLE:
        record(Did.PROPOSE_CHANGE, certificate, by=by, reason=reason, more={"kind": kind, "code": code})
        if kind is Change.REVOKE:
            _tell_before(made, local_date(now))
    else:
        _apply(made, by=by, now=now)
    return made


def proposed(certificate: Certificate) -> StatusChange | None:
    """The decision that waits for a second officer, if any."""
    return next((one for one in certificate.changes if one.in_force is None), None)


def hearing_runs(change: StatusChange, today: date) -> bool:
    """Whether the holder may still be heard and has not been: until then nobody confirms."""
    return change.hearing_until is not None and change.stated_at is None and today <= change.hearing_until


def confirm(change: StatusChange, *, by: Person, now: datetime) -> None:
    """The second officer confirms a proposed decision. Raises SamePerson, OwnCase."""
    _second(change, by)
    if hearing_runs(change, local_date(now)) and change.hearing_until:
        raise HearingRuns(until=day_words(change.hearing_until))
    _apply(change, by=by, now=now)


def _tell_before(change: StatusChange, today: date) -> None:
    """The holder is told what is proposed and why, and until when to be heard (事先告知)."""
    certificate = change.certificate
    days = rules.life(certificate.region_id, today)["hearing_days"]
    if days:
        calendar = outline.calendar(region_id=certificate.region_id, on=today)
        change.hearing_until = add_working_days(today, days, calendar)
    tell(
        letters.REVOKING, certificate, link=f"/certificates/{certificate.id}", reason=words_of(change, english=writes_english(certificate)),
        until=change.hearing_until or today,
    )  # fmt: skip


def state_view(change: StatusChange, *, by: Person, words: str, now: datetime) -> None:
    """The holder's statement on a proposed decision, once, before it is confirmed. Raises NotAllowedNow, ReasonMissing."""
    if change.certificate.holder_id != by.id:
        raise NotFound
    if change.in_force is not None or change.stated_at is not None:
        raise NotAllowedNow
    if not words.strip():
        raise ReasonMissing("statement")
    change.statement, change.stated_at = words, now
    record(Did.STATE_VIEW, change.certificate, by=by, more={"change": change.id})


def take_view(
    change: StatusChange, *, by: Person, words: str, received_on: date, scan: StoredFile | None, now: datetime
) -> None:
    """An officer enters the statement that came on paper, once, before it is decided: it ends the term as the holder's own
    words on the page do, and the holder is told. Raises OwnCase, NotAllowedNow, ReasonMissing, NotReceivedThen, ScanMissing."""
    may_change(change.certificate, by)
    if change.in_force is not None or change.stated_at is not None:
        raise NotAllowedNow
    if not words.strip():
        raise ReasonMissing("statement")
    if not local_date(change.proposed_at) <= received_on <= local_date(now):
        raise NotReceivedThen("received_on", first=day_words(local_date(change.proposed_at)))
    if scan is None:
        raise ScanMissing("scan")
    change.statement, change.stated_at = words, now
    change.received_on, change.statement_file, change.stated_by_id = received_on, scan, by.id
    record(Did.TAKE_VIEW, change.certificate, by=by, more={"change": change.id, "received_on": received_on.isoformat()})
    tell(letters.VIEW_TAKEN, change.certificate, link=f"/certificates/{change.certificate_id}", received=received_on)


def was_late(change: StatusChange) -> bool:
    """Whether the statement came after the term to be heard; it is read all the same while nothing is decided."""
    if change.stated_at is None or change.hearing_until is None:
        return False
    return (change.received_on or local_date(change.stated_at)) > change.hearing_until


def words_of(change: StatusChange, *, english: bool) -> str:
    """The reason: the words of its code, then those of the case."""
    language = "en" if english else "zh"
    code = rules.reason_words(change.reason_code, change.certificate.region_id, language) if change.reason_code else ""
    return strung(code, change.reason, english=english)


def writes_english(certificate: Certificate) -> bool:
    """Whether letters to the holder are in English; a page goes by the language it is read in."""
    return certificate.holder is not None and certificate.holder.locale == "en"


def tell(letter: Letter, certificate: Certificate, *, link: str = "/certificates", **values: Any) -> None:
    """A letter to the holder; nobody is told while an earlier certificate waits for its holder's account."""
    if certificate.holder is not None:
        post(letter, to=certificate.holder, link=link, number=certificate.number, **values)


def appeal_words(certificate: Certificate, on: date, *, english: bool) -> dict[str, Any]:
    """Until when, and where, the holder may appeal against a decision of this day."""
    asked = rules.life(certificate.region_id, on)
    return {
        "until": on + timedelta(days=asked["appeal_days"]),
        "appeal": asked["appeal_en" if english else "appeal_zh"],
    }


def drop(change: StatusChange, *, by: Person, finding: str, now: datetime) -> None:
    """A proposed decision is not confirmed; the proposer may take it back likewise."""
    may_change(change.certificate, by)
    if change.in_force is not None:
        raise NotAllowedNow
    if not finding.strip():
        raise ReasonMissing("finding")
    change.in_force, change.finding, change.decided_at = False, finding, now
    change.decided_by_id = by.id if by.id != change.proposed_by_id else None
    record(Did.DROP_CHANGE, change.certificate, by=by, reason=finding, more={"kind": change.kind})


def may_change(certificate: Certificate, by: Person) -> None:
    must_reach(by, Can.KEEP_CERTIFICATE, region=certificate.region_id)
    if certificate.holder_id == by.id:
        raise OwnCase


def _second(change: StatusChange, by: Person) -> None:
    may_change(change.certificate, by)
    if change.in_force is not None:
        raise NotAllowedNow
    if change.proposed_by_id == by.id:
        raise SamePerson


def _apply(change: StatusChange, *, by: Person, now: datetime) -> None:
    certificate = change.certificate
    before = certificate.standing
    certificate.standing = moved(CHANGES, before, change.kind)
    certificate.standing_since = local_date(now)
    change.in_force, change.decided_by_id, change.decided_at = True, by.id, now
    lists.touched(certificate)
    record(
        _DEEDS[change.kind],
        certificate,
        by=by,
        reason=change.reason,
        changed={"standing": (before, certificate.standing)},
    )
    more = (
        appeal_words(certificate, local_date(now), english=writes_english(certificate))
        if change.kind in AGAINST
        else {}
    )
    tell(
        _LETTERS[change.kind], certificate, link=f"/certificates/{certificate.id}", day=local_date(now),
        reason=words_of(change, english=writes_english(certificate)), **more,
    )  # fmt: skip
    if change.kind is Change.REINSTATE and certificate.holder is not None:
        issuing.correct(certificate, by=by, reason=change.reason, now=now)
