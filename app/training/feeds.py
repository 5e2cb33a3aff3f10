"""The secret address of a person's calendar and what it holds.

The address is made from the site's key and the row's round, so nothing secret lies in the database; asking for a new
address raises the round and the old one is dead at once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from flask_babel import gettext as _
from sqlalchemy import select

from app.accounts.models import Person
from app.audit.service import record
from app.core import clock
from app.core.crypto import settings
from app.core.errors import NotFound
from app.core.text import number
from app.db import db
from app.training import ical
from app.training.class_deeds import Ran
from app.training.class_models import CalendarFeed
from app.training.states import ClassState
from app.training.timetable import own_periods

BACK, AHEAD = timedelta(days=120), timedelta(days=400)


def feed_of(person: Person) -> CalendarFeed | None:
    return db.session.scalar(select(CalendarFeed).where(CalendarFeed.person_id == person.id))


def renew(person: Person, *, now: datetime) -> CalendarFeed:
    """A first address, or a new one in its place."""
    found = db.session.scalar(select(CalendarFeed).where(CalendarFeed.person_id == person.id).with_for_update())
    if found is None:
        found = CalendarFeed(person_id=person.id, round=1)
        db.session.add(found)
    else:
        found.round += 1
    found.made_at = now
    db.session.flush()  # the address holds its id
    record(Ran.RENEW_FEED, found, by=person, more={"round": found.round})
    return found


def token_of(feed: CalendarFeed) -> str:
    key = hashlib.sha256(b"calendar feed" + settings().SECRET_KEY.encode()).digest()
    made = hmac.new(key, f"{feed.id}\0{feed.person_id}\0{feed.round}".encode(), hashlib.sha256).digest()[:20]
    return f"{feed.id}-{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def person_of(token: str) -> Person:
    """Whose calendar an address opens. NotFound for a wrong one and for an old one alike."""
    ident, _dash, _mac = token.partition("-")
    if not (ident.isascii() and ident.isdigit() and len(ident) < 10):
        raise NotFound
    found = db.session.get(CalendarFeed, int(ident))
    if found is None or not hmac.compare_digest(token_of(found).encode(), token.encode()):
        raise NotFound
    person = db.session.get(Person, found.person_id)
    if person is None:
        raise NotFound
    return person


def events_of(person: Person, now: datetime) -> list[ical.Event]:
    """The person's periods as events. An event's number never changes, so that calendars move it instead of doubling it."""
    host = urlsplit(settings().PUBLIC_URL).hostname or "localhost"
    today = clock.local_date(now)
    made = []
    for one in own_periods(person, today - BACK, today + AHEAD, cancelled=True):
        klass = one.training_class
        made.append(
            ical.Event(
                uid=f"period-{one.id}@{host}",
                starts_at=one.starts_at,
                ends_at=one.ends_at,
                summary=f"{one.label} · {klass.title}",
                location=_("Online") if klass.online else " ".join(p for p in (klass.place, one.room) if p),
                description=_(
                    "%(hours)s class hours. Teacher: %(teacher)s",
                    hours=number(one.hours),
                    teacher=one.teacher.name if one.teacher else "—",
                ),
                url=f"{settings().PUBLIC_URL}/training/classes/{klass.id}",
                changed_at=now,
                cancelled=klass.state is ClassState.CANCELLED,
                alarm_minutes=30,
            )
        )
    return made


def calendar_bytes(person: Person, now: datetime) -> bytes:
    return ical.calendar(_("My classes"), events_of(person, now))
