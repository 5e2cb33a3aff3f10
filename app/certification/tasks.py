"""Long work of certification: PDFs, bulk review and issue, expiry reminders."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.models import Person
from app.certification import applications, credentials, issuing, lists, publishing, service, trouble, watching
from app.certification.errors import CannotPrint, DoesNotFit, FontsNotReady, NameUnprintable, PhotoMissing
from app.certification.models import Application, Certificate, Edition
from app.certification.states import State
from app.core import clock
from app.core.errors import NotFound, Refused
from app.db import db, unit_of_work
from app.files.service import PDF, TEXT, keep_bytes
from app.jobs.models import Job
from app.jobs.service import every, work

QUEUE = ("certification.queue", _l("Applications"))


def _refused(item: dict[str, Any], job: Job, refusal: Refused) -> None:
    trouble.keep(db.session.get_one(Edition, item["edition"], populate_existing=True), refusal, clock.now())


@work(issuing.RENDER, refused=_refused)
def render_pdf(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Credential and signed PDF of one edition, from its snapshot alone; what is there already is not made again."""
    from certificates.fonts import FontsMissing
    from certificates.rendering import MissingGlyphs, PictureRefused, TextTooLong
    from certificates.signing import SigningFailed

    edition = db.session.get_one(Edition, item["edition"], with_for_update=True)
    if edition.pdf_file_id is not None and edition.credential_file_id is not None:
        return {"file": edition.pdf_file_id}
    now = clock.now()
    credentials.place(edition, now=now)
    try:
        made = credentials.make(edition, now=now)
    except FontsMissing as error:
        raise FontsNotReady(what=", ".join(error.packages)) from None
    except MissingGlyphs as error:
        named = "、".join(f"{c} (U+{ord(c):04X})" for c in sorted(error.chars))
        raise trouble.NoGlyphs(chars=named) from None
    except TextTooLong as error:
        raise trouble.TooLong(text=error.text[:80]) from None
    except PictureRefused:
        raise trouble.PictureBad from None
    except FileNotFoundError:
        raise trouble.FileLost from None
    except SigningFailed as error:
        raise trouble.NotSigned(why=str(error)[:200]) from None
    trouble.forget(edition)
    return _keep(edition, made)


def _keep(edition: Edition, made: credentials.Made) -> dict[str, Any]:
    stem, owner = f"{edition.snapshot['number']}-{edition.no}", edition.certificate.holder
    if made.credential_key is not None:
        kept = keep_bytes(made.credential, f"{stem}.json", owner=owner, kinds=frozenset({TEXT}))
        edition.credential, edition.credential_key_id = kept, made.credential_key.id
    pdf = keep_bytes(made.pdf, f"{stem}.pdf", owner=owner, kinds=frozenset({PDF}))
    edition.pdf, edition.document_key_id = pdf, made.document_key.id
    told = {"file": pdf.id, "bytes": pdf.size}
    return told | ({"note": _("no time stamp: %(why)s", why=made.unstamped)} if made.unstamped else {})


@every(seconds=2, name="certification.lists")
def sign_lists(now: datetime) -> None:
    """Sign every status list that has changed or ends soon, and bring the published folder up to date."""
    signed = lists.sign_due(now)
    publishing.refresh(now, changed=signed > 0)


@every(seconds=300, name="certification.trouble")
def tell_of_trouble(now: datetime) -> None:
    """Letters to the operator about lists that are not signed and keys that end."""
    watching.tell_operators(now)


@every(seconds=300, name="certification.complete")
def complete_certificates(now: datetime) -> None:
    """Have made what is missing: certificates of before credentials, and what a dead worker or a lacking key left."""
    while True:
        with unit_of_work():
            rows = credentials.missing(now)
            for row in rows:
                row.asked_at = now
            if rows:
                service.render(rows, by=None)
        if not rows:
            return


def _officer(job: Job) -> Person:
    return db.session.get_one(Person, job.by_id)


def _application(job: Job, item: dict[str, Any]) -> Application:
    """The case of one item, read again under its lock, and only within the officer's regions."""
    applications.application_for(_officer(job), item["application"])
    found = db.session.get(Application, item["application"], with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound
    return found


@work(issuing.PUBLISH, back=QUEUE)
def publish_one(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Pass one case in review and put it on public notice."""
    found = _application(job, item)
    applications.publish(found, by=_officer(job), now=clock.now())
    return {"until": found.notice_ends_on.isoformat() if found.notice_ends_on else ""}


def _issued(result: dict[str, Any]) -> str:
    return str(result.get("number") or _("went back to review: what was judged has changed"))


MENDABLE = (CannotPrint, DoesNotFit, FontsNotReady, NameUnprintable, PhotoMissing)
"""What the applicant or the office can mend: it stands in the case, not only in the job's result."""


def _left_out(item: dict[str, Any], job: Job, refusal: Refused) -> None:
    found = db.session.get(Application, item["application"], populate_existing=True)
    if found is not None and found.state is State.PUBLICITY and isinstance(refusal, MENDABLE):
        applications.note_not_issued(found, _officer(job), refusal, clock.now())


@work(issuing.ISSUE, says=_issued, refused=_left_out, back=QUEUE)
def issue_one(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Decide one case and issue its certificate; a case whose facts have changed goes back to review."""
    made = issuing.decide(_application(job, item), by=_officer(job), now=clock.now())
    return {"number": made.number} if made else {"back": True}


@every(seconds=600, name="certification.remind")
def remind_holders(now: datetime) -> None:
    """Expiry reminders at 90, 30 and 7 days, and a note once it has ended, each in its own transaction."""
    for certificate_id in service.due_reminders(clock.local_date(now)):
        with unit_of_work():
            service.remind(db.session.get_one(Certificate, certificate_id, with_for_update=True), now=now)
    for certificate_id in service.due_ended(clock.local_date(now)):
        with unit_of_work():
            service.tell_ended(db.session.get_one(Certificate, certificate_id, with_for_update=True), now=now)
