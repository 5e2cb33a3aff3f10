"""Taking a number and storing the first edition, in one transaction; later editions under the same number."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import text

from app.accounts.consents import has_consent
from app.accounts.models import ConsentKind, Person, Region
from app.accounts.scope import must_reach
from app.audit.service import record
from app.certification import applications, faces, gates, letters, lists, rules
from app.certification.deeds import Did
from app.certification.errors import Gone, NoHolderYet, OwnCase, PhotoMissing, ReasonMissing, SerialsUsedUp
from app.certification.models import Application, Certificate, Edition
from app.certification.states import EDITION_LABELS, MOVES, EditionKind, Move, Standing
from app.core import crypto
from app.core.clock import local_date
from app.core.permissions import Can
from app.core.states import moved
from app.db import db
from app.jobs.models import Job
from app.jobs.service import enqueue
from app.notices.service import post
from app.outline import service as outline
from app.outline.models import RuleVersion
from certificates import numbers
from certificates.names import comparable
from certificates.snapshot import fingerprint, plain
from certificates.validity import valid_until

RENDER, ISSUE, PUBLISH = "certification.render", "certification.issue", "certification.publish"


def next_serial(region_code: str, year: int, rank: int) -> int:
    """The next serial, taken in the caller's transaction: given back when that is rolled back, so there is no gap; the
    counter's row stays locked until it ends, so there is no double."""
    return db.session.execute(
        text(
            "INSERT INTO number_counter (region_code, year, rank, last) VALUES (:region, :year, :rank, 1) "
            "ON CONFLICT (region_code, year, rank) DO UPDATE SET last = number_counter.last + 1 RETURNING last"
        ),
        {"region": region_code, "year": year, "rank": rank},
    ).scalar_one()


def take_number(region: Region, rank: int, on: date) -> tuple[str, int]:
    """A fresh certificate number and its serial. Raises SerialsUsedUp."""
    pattern = rules.pattern_of(outline.rule(rules.NUMBER, on=on))
    code = region.code[: pattern.region_digits].rjust(pattern.region_digits, "0")
    serial = next_serial(code, on.year, rank)
    try:
        return numbers.compose(code, on.year, rank, serial, pattern), serial
    except numbers.NumberError as error:
        if error.code == "serial":
            raise SerialsUsedUp from None
        raise


def decide(application: Application, *, by: Person, now: datetime) -> Certificate | None:
    """The second officer's decision to issue, after the notice. Takes the number and stores the edition; the PDF follows.

    The gates are judged again: when something has fallen away, the case goes back to review with a message to the
    applicant, and None is returned. Raises SamePerson, OwnCase, NoticeRuns, ObjectionOpen, CannotPrint.
    """
    applications.must_decide(application, by)
    after = moved(MOVES, application.state, Move.ISSUE)
    today = local_date(now)
    applications.notice_done(application, today)
    person = application.person
    pathway = gates.pathway_now(person, application.rank, today)
    if not pathway.eligible:
        with force_locale(person.locale or "zh_Hans"):
            reason = _("what was judged has changed since: %(words)s", words=applications.list_missing(pathway))
        applications.back_to_review(application, by=by, reason=reason, now=now)
        return None
    if faces.lacks_photo(person, application.region_id, today):
        raise PhotoMissing
    evidence = applications.evidence_of(person, pathway)
    application.evidence, application.evidence_hash = evidence, fingerprint(evidence)
    application.state, application.decided_by_id, application.decided_at = after, by.id, now
    applications.note_issue(application, by, now)
    return issue(application, by=by, now=now)


def issue(application: Application, *, by: Person, now: datetime) -> Certificate:
    """Number, certificate and first edition, all in the caller's transaction. Called by ``decide`` alone."""
    today, region, person = local_date(now), application.region, application.person
    token = crypto.token()
    until = valid_until(today, outline.typed(application.scheme)["validity_months"])
    number, serial = take_number(region, application.rank, today)
    made = Certificate(
        holder=person,
        application=application,
        rank=application.rank,
        region=region,
        number=number,
        region_code=region.code,
        year=today.year,
        serial=serial,
        token=token,
        name_key=comparable(person.name),
        holder_name=person.name,
        first_issued_on=today,
        issued_on=today,
        valid_until=until,
        standing_since=today,
    )
    db.session.add(made)
    edition = _edition(made, EditionKind.FIRST, today, until, application.scheme, evidence_under(made), by=by, now=now)
    record(Did.ISSUE, made, by=by, more={"number": number, "edition": 1, "snapshot": edition.snapshot_hash})
    post(
        letters.ISSUED,
        to=person,
        link="/certificates",
        number=number,
        level=edition.snapshot[_level_key(person)],
        issued=today,
    )
    return made


def _level_key(person: Person) -> str:
    return "level_en" if person.locale == "en" else "level_zh"


Evidence = tuple[dict[str, Any], str]


def evidence_under(certificate: Certificate) -> Evidence:
    """What the certificate rests on, with its hash: the application's evidence; for one issued before the platform, what the
    list said of it."""
    application = certificate.application
    if application is not None:
        return application.evidence, application.evidence_hash
    first = certificate.editions[0]
    said = {"earlier": {"number": certificate.number, "edition": first.snapshot_hash}, "pathway": {"gates": []}}
    return said, fingerprint(said)


def _edition(
    certificate: Certificate,
    kind: EditionKind,
    issued_on: date,
    until: date | None,
    scheme: RuleVersion,
    evidence: Evidence,
    *,
    by: Person,
    now: datetime,
    reason: str = "",
) -> Edition:
    if certificate.holder is None:
        raise NoHolderYet
    no = len(certificate.editions) + 1
    snapshot = plain(
        faces.snapshot(
            person=certificate.holder,
            region=certificate.region,
            rank=certificate.rank,
            number=certificate.number,
            token=certificate.token,
            edition=no,
            kind=kind,
            issued_on=issued_on,
            valid_until=until,
            scheme=scheme,
            evidence=evidence[0],
            evidence_hash=evidence[1],
            decided_by=by.id,
            now=now,
        )
    )
    return _store(certificate, kind, issued_on, until, snapshot, by=by, now=now, reason=reason)


def _store(
    certificate: Certificate,
    kind: EditionKind,
    issued_on: date,
    until: date | None,
    snapshot: dict[str, Any],
    *,
    by: Person,
    now: datetime,
    reason: str,
) -> Edition:
    lists.supersede(certificate)
    made = Edition(
        certificate=certificate,
        status_entry=lists.allot(certificate.region, now=now),
        no=snapshot["edition"],
        kind=kind,
        issued_on=issued_on,
        valid_until=until,
        snapshot=snapshot,
        snapshot_hash=fingerprint(snapshot),
        issued_by_id=by.id,
        issued_at=now,
        reason=reason,
    )
    db.session.add(made)
    certificate.issued_on, certificate.valid_until = issued_on, until
    certificate.name_key, certificate.holder_name = comparable(snapshot["holder_name"]), snapshot["holder_name"]
    db.session.flush()  # the job names it by its id
    lists.touched(certificate)
    render([made], by=by)
    return made


def render(editions: Iterable[Edition], *, by: Person | None) -> Job:
    """Have the PDFs of editions made in the background."""
    rows = [one for one in editions if one.kind is not EditionKind.PRIOR]  # nothing of ours is made of those
    items = [{"edition": one.id, "label": one.snapshot["number"]} for one in rows]
    return enqueue(RENDER, items, by=by, title=_l("Certificate PDF"))


def renew(certificate: Certificate, scheme: RuleVersion, *, by: Person, now: datetime, reason: str = "") -> Edition:
    """A renewal edition: validity goes on from the day after the old end, or from today when that has passed."""
    today = local_date(now)
    old = certificate.valid_until
    start = today if old is None or old < today else date.fromordinal(old.toordinal() + 1)
    until = valid_until(start, outline.typed(scheme)["validity_months"])
    return _next(certificate, EditionKind.RENEWAL, until, scheme, by=by, now=now, reason=reason)


def reissue(certificate: Certificate, kind: EditionKind, *, by: Person, reason: str, now: datetime) -> Edition:
    """A correction (from the holder's present data) or a reprint (the same content with 补发, in the newest version of
    its design): same number, same end.

    A reprint leaves out the photo of a holder who has withdrawn the consent to it. Raises ReasonMissing, Gone, OwnCase.
    """
    must_reach(by, Can.KEEP_CERTIFICATE, region=certificate.region_id)
    if certificate.holder_id == by.id:
        raise OwnCase
    if not reason.strip():
        raise ReasonMissing("reason")
    if certificate.standing in (Standing.REVOKED, Standing.CANCELLED):
        raise Gone
    if certificate.holder is None:
        raise NoHolderYet
    if kind is EditionKind.CORRECTION or certificate.current.kind is EditionKind.PRIOR:
        scheme = scheme_under(certificate, local_date(now))
        return _next(certificate, kind, certificate.valid_until, scheme, by=by, now=now, reason=reason)
    today = local_date(now)
    snapshot = certificate.current.snapshot | {
        "edition": len(certificate.editions) + 1,
        "kind": kind.value,
        "issued_on": today.isoformat(),
        "decided_by": by.id,
        "decided_at": now.isoformat(),
    }
    if not has_consent(certificate.holder, ConsentKind.PHOTO):
        snapshot["photo"] = None
    said = faces.in_newest_version(snapshot)
    made = _store(certificate, kind, today, certificate.valid_until, said, by=by, now=now, reason=reason)
    _announce(made, by=by, reason=reason)
    return made


def correct(certificate: Certificate, *, by: Person, reason: str, now: datetime) -> Edition:
    """A correction from the holder's present data: after a reinstatement, or a granted request."""
    scheme = scheme_under(certificate, local_date(now))
    return _next(certificate, EditionKind.CORRECTION, certificate.valid_until, scheme, by=by, now=now, reason=reason)


def scheme_under(certificate: Certificate, on: date) -> RuleVersion:
    """The scheme version the present edition names; for one issued before the platform the scheme in force on the day."""
    named = certificate.current.snapshot["scheme"]["id"]
    if named:
        return db.session.get_one(RuleVersion, named)
    return outline.current("scheme", certificate.rank, region_id=certificate.region_id, on=on)


def _next(
    certificate: Certificate,
    kind: EditionKind,
    until: date | None,
    scheme: RuleVersion,
    *,
    by: Person,
    now: datetime,
    reason: str,
) -> Edition:
    made = _edition(
        certificate, kind, local_date(now), until, scheme, evidence_under(certificate), by=by, now=now, reason=reason
    )
    _announce(made, by=by, reason=reason)
    return made


def _announce(edition: Edition, *, by: Person, reason: str) -> None:
    certificate = edition.certificate
    more = {
        "number": certificate.number,
        "edition": edition.no,
        "kind": edition.kind,
        "snapshot": edition.snapshot_hash,
    }
    record(Did.ADD_EDITION, certificate, by=by, reason=reason, more=more)
    person = certificate.holder
    if person is None:
        return
    with force_locale(person.locale or "zh_Hans"):
        kind = str(EDITION_LABELS[edition.kind])
    post(
        letters.NEW_EDITION,
        to=person,
        link="/certificates",
        number=certificate.number,
        issued=edition.issued_on,
        what=kind,
    )
