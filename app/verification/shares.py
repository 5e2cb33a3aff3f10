"""授权核验: links by which a holder lets somebody see more than number and name tell, for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, bindparam, func, select

from app.accounts.models import Person
from app.audit.service import record
from app.certification.models import Certificate
from app.core import crypto, limits
from app.core.errors import Invalid, NotFound, Refused
from app.db import db
from app.verification import finding, service
from app.verification.deeds import Did
from app.verification.models import ShareLink, ShareLook
from app.verification.service import Answer, Asker

SHOWS: dict[str, Any] = {
    "name": _l("Full name"),
    "number": _l("Certificate number"),
    "field": _l("Technical field"),
    "statement": _l("What was assessed"),
    "recognitions": _l("Where it is recognised"),
}
"""What a holder may add to level, issuer, dates and state."""
LONGEST = timedelta(days=366)
MOST = 20
LOOKS = "30 per 10 minutes"


class TooLong(Invalid):
    message = _l("A link ends within a year, and not before tomorrow.")


class TooManyLinks(Refused):
    message = _l("You have 20 links in force. Withdraw one that is not needed any more.")


@dataclass(frozen=True)
class Shared:
    """What a link shows."""

    answer: Answer
    link: ShareLink
    holder: str


def links_of(person: Person) -> list[ShareLink]:
    """A holder's links, newest first."""
    return list(
        db.session.scalars(select(ShareLink).where(ShareLink.person_id == person.id).order_by(ShareLink.id.desc()))
    )


def link_of(person: Person, link_id: int) -> ShareLink:
    """One's own link. NotFound otherwise."""
    found = db.session.get(ShareLink, link_id)
    if found is None or found.person_id != person.id:
        raise NotFound
    return found


def looks_of(links: Sequence[ShareLink]) -> dict[int, tuple[int, datetime | None]]:
    """How often each link was opened, and when last."""
    rows = db.session.execute(
        select(ShareLook.link_id, func.count(), func.max(ShareLook.at))
        .where(ShareLook.link_id.in_([one.id for one in links]))
        .group_by(ShareLook.link_id)
    )
    return {link_id: (count, last) for link_id, count, last in rows}


def share(
    certificate: Certificate, *, by: Person, receiver: str, purpose: str, shows: Sequence[str], until: datetime, now: datetime
) -> tuple[ShareLink, str]:  # fmt: skip
    """A link and its token, which is told once and kept as a hash. Raises NotFound (not one's own), TooLong, TooManyLinks."""
    if certificate.holder_id != by.id:
        raise NotFound
    if not now < until <= now + LONGEST:
        raise TooLong("until")
    inforce = select(func.count()).where(
        ShareLink.person_id == by.id, ShareLink.withdrawn_at.is_(None), ShareLink.expires_at > now
    )
    if (db.session.scalar(inforce) or 0) >= MOST:
        raise TooManyLinks
    token = crypto.token()
    made = ShareLink(
        certificate_id=certificate.id, person_id=by.id, token_hash=crypto.token_hash(token), receiver=receiver.strip(),
        purpose=purpose.strip(), shows=[one for one in SHOWS if one in shows], created_at=now, expires_at=until,
    )  # fmt: skip
    db.session.add(made)
    record(Did.SHARE, certificate, by=by, more={"receiver": made.receiver, "shows": made.shows})
    return made, token


def withdraw(link: ShareLink, *, by: Person, now: datetime) -> None:
    """The link shows nothing from now on."""
    if link.person_id != by.id:
        raise NotFound
    if link.withdrawn_at is None:
        link.withdrawn_at = now
        record(Did.WITHDRAW_SHARE, link.certificate, by=by, more={"receiver": link.receiver})


@cache
def _by_token() -> Select[Any]:
    return select(ShareLink).where(ShareLink.token_hash == bindparam("token_hash"))


def open_link(token: str, *, address: str, by: Asker, now: datetime) -> Shared | None:
    """What a link shows, the look recorded; None for one that is unknown, expired or withdrawn alike. Raises TooMany."""
    limits.spend("verify.link", LOOKS, address)
    link = db.session.scalar(_by_token(), {"token_hash": crypto.token_hash(token[:60])})
    if link is None or link.withdrawn_at is not None or link.expires_at <= now:
        return None
    found = finding.by_id(link.certificate_id)
    db.session.add(ShareLook(link_id=link.id, at=now, organisation_id=by.organisation_id))
    whole = found.snapshot["holder_name"]
    name = whole if "name" in link.shows else service.masked(whole)
    answer = service.log(None, found, asker=Asker(address, by.organisation_id), way="link", now=now, name=name)
    return Shared(answer, link, name)
