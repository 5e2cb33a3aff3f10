"""Posting letters inside the transaction of what they tell of, and sending the mails afterwards.

A feature declares its letters in ``letters.py``::

    RETURNED = letter("practice.returned", _l("Your task “%(task)s” was returned"), _l("…what to do next…"))

and a service posts: ``post(RETURNED, to=person, link="/practice/3", task=title)``. The mail is a row with a state: none is
lost, none is sent twice by the same row (a worker claims it under a lock before it speaks to the mail server).
"""

from __future__ import annotations

import logging
import re
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from flask_babel import force_locale
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy import Row, ScalarSelect, Select, bindparam, func, select, update

from app.core import clock
from app.core.crypto import decrypt, encrypt, settings
from app.core.errors import NotFound
from app.core.speech import say, source_of
from app.core.text import day, moment, number
from app.db import db, rows
from app.notices.models import MailState, Notice

log = logging.getLogger(__name__)
TRIES = 8
SECRET = "_secret_link"


@dataclass(frozen=True)
class Letter:
    code: str
    subject: Any
    body: Any
    mail: bool = True
    """False: shown on the site only."""
    optional: bool = True
    """False: cannot be switched off by the reader (sign-in, security, decisions)."""
    called: Any = None
    """What this kind of letter is called in the list of what can be switched off; every optional letter has one."""

    @property
    def title(self) -> str:
        """What the list of what can be switched off says."""
        return str(self.called or self.subject)


LETTERS: dict[str, Letter] = {}


def letter(
    code: str, subject: Any, body: Any, *, mail: bool = True, optional: bool = True, called: Any = None
) -> Letter:
    """Announce a letter; texts are lazy translations with ``%(name)s`` places."""
    LETTERS[code] = Letter(code, subject, body, mail, optional, called)
    return LETTERS[code]


def post(
    kind: Letter, *, to: Any, link: str = "", secret_link: str = "", now: datetime | None = None, **values: Any
) -> Notice:
    """Put a letter into the outbox of a Person, inside the caller's unit of work. ``link`` is a path on this site.

    ``secret_link`` (a path with a one-time token) goes out by mail alone: kept sealed, forgotten once the mail is sent.
    """
    refused = set(getattr(to, "muted_letters", None) or ())
    wants_mail = kind.mail and bool(to.email) and not (kind.optional and kind.code in refused)
    if to.id is None:
        db.session.flush()  # the letter names its reader by id
    kept = {name: _kept(value) for name, value in values.items()}
    if secret_link:
        kept[SECRET] = encrypt(secret_link, purpose=SECRET)
    made = Notice(
        person_id=to.id,
        letter=kind.code,
        values=kept,
        link=link,
        created_at=now or clock.now(),
        mail_state=MailState.WAITING if wants_mail else MailState.NONE,
        next_try_at=now or clock.now(),
    )
    db.session.add(made)
    return made


def _kept(value: Any) -> Any:
    """Values as JSON that keeps their kind, so that dates and words of ours are said in the reader's language."""
    if isinstance(value, datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, LazyString):
        return {"words": source_of(value)}
    return value if isinstance(value, int | float | bool | type(None)) else str(value)


def _worded(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "instant" in value:
            return moment(datetime.fromisoformat(value["instant"]))
        if "day" in value:
            return day(date.fromisoformat(value["day"]))
        if "words" in value:
            feature, text, context = value["words"]
            return say(feature, text, {}, context)
        return number(Decimal(value["decimal"]))
    return value


def subject_of(notice: Notice | Row[Any]) -> str:
    return _filled(LETTERS[notice.letter].subject, notice) if notice.letter in LETTERS else notice.letter


def body_of(notice: Notice) -> str:
    return _filled(LETTERS[notice.letter].body, notice) if notice.letter in LETTERS else ""


_TWICE = re.compile(r"(?<![.。])([.。])[.。](?![.。])")


def _filled(words: Any, notice: Notice | Row[Any]) -> str:
    """The letter with its values. Where somebody's words end with a full stop and the letter sets one too, there is one."""
    return _TWICE.sub(r"\1", words % {name: _worded(value) for name, value in notice.values.items()})


def unread_of(person_id: Any) -> ScalarSelect[int]:
    """How many notices of a person are unread, for use in a statement about people."""
    return select(func.count()).where(Notice.person_id == person_id, Notice.read_at.is_(None)).scalar_subquery()


def unread_count(person: Any) -> int:
    return db.session.scalar(select(unread_of(person.id))) or 0


def mark_read(person: Any, *, now: datetime, notice_id: int | None = None) -> None:
    """Mark one notice of the person, or all of them, as read."""
    change = update(Notice).where(Notice.person_id == person.id, Notice.read_at.is_(None))
    if notice_id is not None:
        change = change.where(Notice.id == notice_id)
    db.session.execute(change.values(read_at=now))


def due(now: datetime, limit: int = 50) -> list[int]:
    """Ids of mails that wait to be sent now, oldest first."""
    return list(
        db.session.scalars(
            select(Notice.id)
            .where(Notice.mail_state == MailState.WAITING, Notice.next_try_at <= now)
            .order_by(Notice.next_try_at, Notice.id)
            .limit(limit)
        )
    )


def claim(notice_id: int, now: datetime) -> Notice | None:
    """Take one mail for sending, in a unit of work of its own: another worker will not see it for ten minutes."""
    found = db.session.get(Notice, notice_id, with_for_update={"skip_locked": True}, populate_existing=True)
    if found is None or found.mail_state is not MailState.WAITING or (found.next_try_at or now) > now:
        return None
    found.tries += 1
    found.next_try_at = now + timedelta(minutes=10)
    return found


def settle(notice: Notice, error: str | None, now: datetime) -> None:
    """Write down how the sending went: sent, to be tried again with growing pauses, or given up after TRIES."""
    if error is None:
        notice.mail_state, notice.sent_at, notice.last_error = MailState.SENT, now, ""
        _forget_secret(notice)
        return
    notice.last_error = error[:400]
    if notice.tries >= TRIES:
        notice.mail_state = MailState.FAILED
        _forget_secret(notice)
    else:
        notice.next_try_at = now + timedelta(minutes=2**notice.tries)


def _forget_secret(notice: Notice) -> None:
    notice.values = {name: value for name, value in notice.values.items() if name != SECRET}


def link_in_mail(notice: Notice) -> str:
    """The path the mail points to: the one-time link where there is one."""
    sealed = notice.values.get(SECRET)
    return decrypt(sealed, purpose=SECRET) if sealed else notice.link


def message_for(notice: Notice, person: Any) -> EmailMessage:
    """The mail in the reader's language; its id is the row's, so that a mail server can drop a repeat."""
    with force_locale(person.locale or "zh_Hans"):
        made = EmailMessage()
        made["Subject"] = subject_of(notice).replace("\n", " ")
        made["From"] = settings().MAIL_FROM
        made["To"] = person.email
        made["Message-ID"] = f"<notice-{notice.id}@{urlsplit(settings().PUBLIC_URL).hostname}>"
        lines = [str(_l("Dear %(name)s,", name=person.name)), "", body_of(notice)]
        if link := link_in_mail(notice):
            lines += ["", settings().PUBLIC_URL + link]
        made.set_content("\n".join([*lines, "", "—", settings().OPERATOR]))
    return made


def transmit(message: EmailMessage) -> None:
    """Hand a mail to the server of SMTP_URL; without one (demonstration, tests) print it to the log."""
    url = settings().SMTP_URL
    if not url:
        log.info("mail to %s: %s\n%s", message["To"], message["Subject"], message.get_content())
        return
    parts = urlsplit(url)
    kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    with kind(parts.hostname or "localhost", parts.port or 0, timeout=20) as server:
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls()
        if parts.username:
            server.login(parts.username, parts.password or "")
        server.send_message(message)


def notices_of(person: Any, *, page: int, per_page: int = 25) -> tuple[list[Notice], int]:
    """A page of a person's notices, unread first and newest first, and how many there are in all."""
    mine = select(Notice).where(Notice.person_id == person.id)
    total = db.session.scalar(select(func.count()).select_from(mine.subquery())) or 0
    ordered = mine.order_by(Notice.read_at.is_not(None), Notice.created_at.desc(), Notice.id.desc())
    return list(db.session.scalars(ordered.limit(per_page).offset((page - 1) * per_page))), total


def notice_for(person: Any, notice_id: int) -> Notice:
    """One notice of the person. Raises NotFound for "not there" and "not yours" alike."""
    found = db.session.scalar(select(Notice).where(Notice.id == notice_id, Notice.person_id == person.id))
    if found is None:
        raise NotFound
    return found


def optional_letters() -> list[Letter]:
    """The letters whose mail a reader may switch off."""
    return [one for one in LETTERS.values() if one.optional and one.mail]


def choose_letters(person: Any, wanted: set[str]) -> None:
    """Which optional letters a person wants by mail; on the site they are shown all the same."""
    person.muted_letters = sorted(one.code for one in optional_letters() if one.code not in wanted)


def waiting_mails() -> int:
    """How many mails wait to be sent (for the metrics)."""
    return db.session.scalar(select(func.count()).where(Notice.mail_state == MailState.WAITING)) or 0


@cache
def _recent(limit: int) -> Select[Any]:
    n = Notice.__table__.c
    return (
        select(n.letter, n["values"], n.link, n.created_at)
        .where(n.person_id == bindparam("person"))
        .order_by(n.created_at.desc(), n.id.desc())
        .limit(limit)
    )


def recent(person: Any, *, limit: int) -> list[dict[str, Any]]:
    """The newest letters of a person, as entries of a timeline."""
    found = rows(_recent(limit), {"person": person.id})
    return [{"at": row.created_at, "what": subject_of(row), "url": row.link} for row in found]
