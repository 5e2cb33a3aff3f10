"""The client's opinion by a one-time link, and complaints: looked into by an officer, substantiated into a notice."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from email.message import EmailMessage
from urllib.parse import urlsplit

from flask_babel import force_locale
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, select

from app.accounts import rotation
from app.accounts.models import Person
from app.accounts.scope import reaches, within
from app.audit.service import record
from app.core import clock, crypto
from app.core.errors import Forbidden, Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.text import day
from app.db import db, locked
from app.notices.models import MailState
from app.notices.service import TRIES, post
from app.performance import integrity
from app.performance.mandate_letters import COMPLAINT_DISMISSED, COMPLAINT_RECEIVED, OPINION_GIVEN
from app.performance.mandate_models import Complaint, Mandate, MandateOpinion
from app.performance.mandate_states import ComplaintMove, complaint_moved
from app.performance.mandate_words import DidMandate

USABLE_DAYS = 60
PURPOSE = "performance.opinion"
rotation.sealed_column(MandateOpinion, "link_sealed", PURPOSE)
COMPLAINT_CODE = "complaint"
"""The integrity event that a substantiated complaint becomes."""


class LinkUsed(Refused):
    status = 410
    message = _l(
        "This link has been used, or its time is over. If you have more to say, please write to the organisation."
    )


class FindingMissing(Invalid):
    message = _l("Please write what the inquiry found: the manager will read it.")


class NoWords(Invalid):
    message = _l("Please write what you complain about.")


# --- the opinion ----------------------------------------------------------------------------------------------------------


def ask(mandate: Mandate, *, now: datetime) -> MandateOpinion | None:
    """Put the mail to the client into the outbox; None without an address. Asked once for a mandate."""
    if not mandate.client_email or db.session.scalar(
        select(MandateOpinion.id).where(MandateOpinion.mandate_id == mandate.id)
    ):
        return None
    token = crypto.token()
    made = MandateOpinion(
        mandate_id=mandate.id, token_hash=crypto.token_hash(token), asked_at=now, next_try_at=now,
        link_sealed=crypto.encrypt(f"/performance/opinion/{token}", purpose=PURPOSE),
        usable_until=clock.local_date(now) + timedelta(days=USABLE_DAYS),
    )  # fmt: skip
    db.session.add(made)
    return made


def by_token(token: str, on: date) -> MandateOpinion:
    """The opinion a link asks for. Raises NotFound for a link that never was, LinkUsed for one that is over."""
    found = db.session.scalar(select(MandateOpinion).where(MandateOpinion.token_hash == crypto.token_hash(token[:80])))
    if found is None:
        raise NotFound
    if found.given_at is not None or found.usable_until < on:
        raise LinkUsed
    return found


def give(opinion: MandateOpinion, *, score: int, comment: str, complaint: str = "", now: datetime) -> None:
    """The client answers, once. ``complaint``: what an officer is to look into."""
    opinion = locked(opinion)
    if opinion.given_at is not None:
        raise LinkUsed
    mandate = opinion.mandate
    opinion.given_at, opinion.score, opinion.comment = now, score, comment
    record(DidMandate.OPINE, mandate, by=None, more={"score": score})
    post(OPINION_GIVEN, to=mandate.person, link=_link(mandate), now=now, project=mandate.project, score=score)
    if complaint.strip():
        complain(mandate, complaint, received_on=clock.local_date(now), by=None, now=now)


def due(now: datetime, limit: int = 20) -> list[int]:
    """Opinions whose mail waits to be sent."""
    return list(
        db.session.scalars(
            select(MandateOpinion.id)
            .where(MandateOpinion.mail_state == MailState.WAITING, MandateOpinion.next_try_at <= now)
            .order_by(MandateOpinion.next_try_at, MandateOpinion.id)
            .limit(limit)
        )
    )


def claim_mail(opinion_id: int, now: datetime) -> EmailMessage | None:
    """Take one mail for sending; another worker does not see it for ten minutes."""
    found = db.session.get(MandateOpinion, opinion_id, with_for_update={"skip_locked": True}, populate_existing=True)
    if found is None or found.mail_state is not MailState.WAITING or (found.next_try_at or now) > now:
        return None
    found.tries += 1
    found.next_try_at = now + timedelta(minutes=10)
    return _message(found)


def _message(opinion: MandateOpinion) -> EmailMessage:
    """The mail to the client: Chinese, with the same in English below."""
    mandate, settings = opinion.mandate, crypto.settings()
    made = EmailMessage()
    made["From"], made["To"] = settings.MAIL_FROM, mandate.client_email
    made["Message-ID"] = f"<opinion-{opinion.id}@{urlsplit(settings.PUBLIC_URL).hostname}>"
    parts = []
    for language in ("zh_Hans", "en"):
        with force_locale(language):
            if language == "zh_Hans":
                made["Subject"] = str(_l("How was the work of the technology manager? Your opinion on “%(project)s”", project=mandate.project)).replace("\n", " ")  # fmt: skip
            parts.append(str(_l(
                "%(client)s had entrusted %(organisation)s with “%(project)s”; %(name)s acted as technology manager. The mandate has "
                "ended. Please give your opinion by %(until)s, in two minutes and without an account, at the address below. It can be "
                "used once. You can also make a complaint there.",
                client=mandate.client_name, organisation=mandate.organisation.name_zh, project=mandate.project,
                name=mandate.person.name, until=day(opinion.usable_until),
            )))  # fmt: skip
    assert opinion.link_sealed is not None  # emptied only once the mail has gone
    link = settings.PUBLIC_URL + crypto.decrypt(opinion.link_sealed, purpose=PURPOSE)
    made.set_content("\n\n".join([*parts, link, "—", settings.OPERATOR]))
    return made


def settle_mail(opinion_id: int, error: str | None, now: datetime) -> None:
    found = db.session.get_one(MandateOpinion, opinion_id, with_for_update=True, populate_existing=True)
    if error is None:
        found.mail_state, found.link_sealed = MailState.SENT, None
    elif found.tries >= TRIES:
        found.mail_state, found.link_sealed = MailState.FAILED, None
    else:
        found.next_try_at = now + timedelta(minutes=2**found.tries)


# --- complaints -----------------------------------------------------------------------------------------------------------


def complain(mandate: Mandate, words: str, *, received_on: date, by: Person | None, now: datetime) -> Complaint:
    """Record a complaint, by the client's link (``by`` None) or by an officer who received it. The manager is told."""
    if not words.strip():
        raise NoWords("words")
    if received_on > clock.local_date(now):
        raise integrity.BadDay("received_on")
    made = Complaint(
        mandate_id=mandate.id, person_id=mandate.person_id, received_on=received_on, words=words,
        recorded_by_id=by.id if by else None,
    )  # fmt: skip
    db.session.add(made)
    record(DidMandate.COMPLAIN, mandate, by=by, reason=words)
    post(COMPLAINT_RECEIVED, to=mandate.person, link=_link(mandate), now=now, project=mandate.project)
    return made


def complaints_to_settle(person: Person) -> Select[Complaint]:
    """Open complaints about managers in the reach of an officer who keeps integrity; none about the officer."""
    return (
        select(Complaint)
        .join(Person, Person.id == Complaint.person_id)
        .where(
            Complaint.state == "open",
            Complaint.person_id != person.id,
            within(person, Can.KEEP_INTEGRITY, region=Person.region_id, organisation=Person.organisation_id),
        )
    )


def count_to_settle(person: Person) -> int:
    return db.session.scalar(select(func.count()).select_from(complaints_to_settle(person).subquery())) or 0


def may_settle(person: Person, complaint: Complaint) -> bool:
    about = complaint.person
    return about.id != person.id and reaches(
        person, Can.KEEP_INTEGRITY, region=about.region_id, organisation=about.organisation_id
    )


def complaint_of(mandate: Mandate, complaint_id: int) -> Complaint:
    found = db.session.get(Complaint, complaint_id)
    if found is None or found.mandate_id != mandate.id:
        raise NotFound
    return found


def settle(complaint: Complaint, *, substantiated: bool, finding: str, by: Person, now: datetime) -> None:
    """Write down what the inquiry found. Substantiated, it starts an integrity notice: the manager may answer that, and
    another officer decides. Nothing is deducted here."""
    complaint = locked(complaint)
    if not may_settle(by, complaint):
        raise Forbidden
    state = complaint_moved(complaint.state, ComplaintMove.SUBSTANTIATE if substantiated else ComplaintMove.DISMISS)
    if not finding.strip():
        raise FindingMissing("finding")
    complaint.state, complaint.finding, complaint.settled_by_id, complaint.settled_at = state, finding, by.id, now
    record(DidMandate.SETTLE, complaint.mandate, by=by, reason=finding, more={"substantiated": substantiated})
    if substantiated:
        event = integrity.notify(
            complaint.person, COMPLAINT_CODE, happened_on=complaint.received_on, by=by, now=now,
            reason=f"{complaint.mandate.project}\n{complaint.words}\n—\n{finding}",
        )  # fmt: skip
        db.session.flush()  # the complaint points to the matter by its id
        complaint.event_id = event.id
    else:
        post(COMPLAINT_DISMISSED, to=complaint.person, link=_link(complaint.mandate), now=now,
             project=complaint.mandate.project, finding=finding)  # fmt: skip


def _link(mandate: Mandate) -> str:
    return f"/performance/mandates/{mandate.id}"
