"""继续教育活动: a base enters who took part in an event for people with a certificate; the hours stand in the same ledger.

An event has one line of the ledger for each participant, with the event as its source: the same list entered twice credits
nobody twice, and who was taken back by a reversing line can be entered again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from app.accounts.many import by_addresses
from app.accounts.models import Organisation, Person
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.text import chinese, number
from app.core.text import day as day_words
from app.db import db, locked
from app.notices.service import post
from app.training import class_letters as letters
from app.training import hours
from app.training.asks import NamedCertificate, Naming, certificates_like
from app.training.claims import CONTINUING, DatesWrong
from app.training.class_deeds import Ran
from app.training.class_models import ContinuingEvent
from app.training.models import HourEntry, HourSource
from certificates.names import comparable

MOST = 500
A_DAY = Decimal(16)
FIELDS = ("title", "module", "from_on", "until_on", "hours")


class TooManyHours(Invalid):
    message = _l("At most %(most)s class hours for these days: 16 a day.")


class EventThere(Invalid):
    message = _l("This base has an event of this title and first day already.")


class EventCounts(Refused):
    message = _l("Hours of this event stand in the ledger, so it cannot be changed. Take them back first.")


class TooManyNames(Invalid):
    message = _l("At most 500 participants at a time; these are %(count)s. Please enter them in parts.")


class NoReason(Invalid):
    message = _l("Please say why; the people concerned read it.")


class Finding(StrEnum):
    """What is known of one of the list. Only NEW is credited."""

    NEW = "new"
    ALREADY = "already"
    TWICE = "twice"
    SEVERAL = "several"
    UNKNOWN = "unknown"
    WITHOUT = "without"
    OWN = "own"


@dataclass(frozen=True)
class Named:
    """Somebody a word of the list may mean, with the highest certificate."""

    person_id: int
    name: str
    number: str


@dataclass(frozen=True)
class Line:
    """One word of the list and what became of it."""

    said: str
    finding: Finding
    who: Named | None = None
    several: tuple[Named, ...] = ()


# --- the event ------------------------------------------------------------------------------------------------------------


def events_visible_to(person: Person) -> Select[ContinuingEvent]:
    where = within(
        person, Can.RUN_CLASS, region=ContinuingEvent.region_id, organisation=ContinuingEvent.organisation_id
    )
    return select(ContinuingEvent).where(where)


def event_for(person: Person, event_id: int) -> ContinuingEvent:
    found = db.session.scalar(events_visible_to(person).where(ContinuingEvent.id == event_id))
    if found is None:
        raise NotFound
    return found


def make_event(base: Organisation, values: Mapping[str, Any], *, by: Person, now: datetime) -> ContinuingEvent:
    """Raises Forbidden, DatesWrong, TooManyHours, EventThere."""
    must_reach(by, Can.RUN_CLASS, region=base.region_id, organisation=base.id)
    made = ContinuingEvent(
        organisation_id=base.id, organisation=base, region_id=base.region_id, created_at=now, created_by_id=by.id
    )  # fmt: skip
    with db.session.no_autoflush:
        _fill(made, values, now)
    db.session.add(made)
    db.session.flush()  # the log names it
    record(Ran.MAKE_EVENT, made, by=by, more={"title": made.title, "hours": made.hours})
    return made


def change_event(event: ContinuingEvent, values: Mapping[str, Any], *, by: Person, now: datetime) -> None:
    """As long as nobody has hours by it. Raises EventCounts and what :func:`make_event` raises."""
    event = locked(event)
    if counts_of([event.id]):
        raise EventCounts
    before = {name: getattr(event, name) for name in FIELDS}
    with db.session.no_autoflush:
        _fill(event, values, now)
    changed = {name: (before[name], values[name]) for name in FIELDS if before[name] != values[name]}
    record(Ran.CHANGE_EVENT, event, by=by, changed=changed)


def _fill(event: ContinuingEvent, values: Mapping[str, Any], now: datetime) -> None:
    first, last = values["from_on"], values["until_on"]
    if last < first or last > clock.local_date(now):
        raise DatesWrong("until_on")
    most = A_DAY * ((last - first).days + 1)
    if values["hours"] > most:
        raise TooManyHours("hours", most=number(most))
    same = select(ContinuingEvent.id).where(
        ContinuingEvent.organisation_id == event.organisation_id, ContinuingEvent.from_on == first,
        ContinuingEvent.title == values["title"], ContinuingEvent.id != (event.id or 0),
    )  # fmt: skip
    if db.session.scalar(same.limit(1)) is not None:
        raise EventThere("title")
    for name in FIELDS:
        setattr(event, name, values[name])


# --- who took part --------------------------------------------------------------------------------------------------------


def _standing() -> Select[HourEntry]:
    """Lines of events that were not taken back."""
    back = aliased(HourEntry)
    return (
        select(HourEntry)
        .outerjoin(back, back.reverses_id == HourEntry.id)
        .where(HourEntry.source_kind == HourSource.EVENT, back.id.is_(None))
    )


def counts_of(event_ids: Collection[int]) -> dict[int, int]:
    """Event → people who have hours by it now; events without any are left out."""
    asked = _standing().where(HourEntry.source_id.in_(event_ids)).group_by(HourEntry.source_id)
    counted = asked.with_only_columns(HourEntry.source_id, func.count())
    return {int(event_id): int(count) for event_id, count in db.session.execute(counted)}


def participants_of(event: ContinuingEvent) -> Select[Person]:
    mine = _standing().where(HourEntry.source_id == event.id).with_only_columns(HourEntry.person_id)
    return select(Person).where(Person.id.in_(mine))


def words_of(text: str) -> list[str]:
    """The list as pasted from a sheet or typed: one to a line, or parted by commas and semicolons."""
    parts = re.split(r"[\n\r\t,;、，；]+", unicodedata.normalize("NFC", text))
    return [words for part in parts if (words := " ".join(part.split()))]


def check(event: ContinuingEvent, text: str, picked: Collection[int], *, by: Person) -> list[Line]:
    """What each of the list means; changes nothing. ``picked``: people chosen where a name means several. Raises TooManyNames."""
    said = words_of(text)
    if len(said) > MOST:
        raise TooManyNames("people", count=number(len(said)))
    keys = {words: _key(words) for words in said}
    numbers = {key for kind, key in keys.values() if kind == "number"}
    accounts = by_addresses({key for kind, key in keys.values() if kind == "address"})
    names = {key for kind, key in keys.values() if kind == "name"}
    found = certificates_like(Naming(numbers, {p.id for p in accounts.values()}, names, event.region_id))
    people = _people(found)
    meant: dict[tuple[str, str], list[int]] = {}
    for one in found:
        for key in (("number", one.number), ("name", one.name_key)):
            if one.person_id not in meant.setdefault(key, []):
                meant[key].append(one.person_id)
    for address, person in accounts.items():
        meant["address", address] = [person.id] if person.id in people else []
    already = set(db.session.scalars(participants_of(event).with_only_columns(Person.id)))
    lines: list[Line] = []
    seen: set[int] = set()
    for words in said:
        candidates = meant.get(keys[words])
        if not candidates:
            lines.append(Line(words, Finding.UNKNOWN if candidates is None else Finding.WITHOUT))
            continue
        chosen = candidates if len(candidates) == 1 else [i for i in candidates if i in picked]
        if not chosen:
            lines.append(Line(words, Finding.SEVERAL, several=tuple(people[i] for i in candidates)))
        for person_id in chosen:
            finding = (
                Finding.TWICE if person_id in seen
                else Finding.OWN if person_id == by.id
                else Finding.ALREADY if person_id in already
                else Finding.NEW
            )  # fmt: skip
            seen.add(person_id)
            lines.append(Line(words, finding, people[person_id]))
    return lines


def _key(words: str) -> tuple[str, str]:
    """How somebody is named, and the form in which it is compared."""
    plain = unicodedata.normalize("NFKC", words)
    if "@" in plain:
        return "address", plain.replace(" ", "").lower()
    if any(c.isdigit() for c in plain):
        return "number", plain.replace(" ", "").upper()
    return "name", comparable(words)


def _people(found: Collection[NamedCertificate]) -> dict[int, Named]:
    numbers = {one.person_id: one.number for one in found}  # the highest level comes last
    asked = select(Person.id, Person.name).where(Person.id.in_(numbers))
    return {i: Named(i, name, numbers[i]) for i, name in db.session.execute(asked)}


def credit(event: ContinuingEvent, text: str, picked: Collection[int], *, by: Person, now: datetime) -> list[Line]:
    """Credit everybody of the list who is NEW, once and for all. Safe to repeat. Raises TooManyNames."""
    event = locked(event)  # two officers with the same list wait for each other
    lines = check(event, text, picked, by=by)
    new = {line.who.person_id for line in lines if line.finding is Finding.NEW and line.who}
    ledger = hours._Ledger.of(new, CONTINUING)
    working = {
        "rule": "event", "event": event.id, "title": event.title, "provider": event.organisation.name_zh,
        "provider_en": event.organisation.name_en, "from": event.from_on.isoformat(), "until": event.until_on.isoformat(),
    }  # fmt: skip
    made = [
        ledger.credit(
            person_id, module=event.module, hours=event.hours, kind=HourSource.EVENT, source_id=event.id, course=None,
            class_id=None, online=False, earned_on=event.until_on, working=working, by=by, now=now,
        )
        for person_id in sorted(new)
    ]  # fmt: skip
    db.session.flush()  # the log names the lines
    if not new:
        return lines
    record(
        Ran.CREDIT_EVENT, event, by=by,
        more={"people": sorted(new), "lines": [e.id for e in made if e], "hours": event.hours},
    )  # fmt: skip
    for person in db.session.scalars(select(Person).where(Person.id.in_(new)).order_by(Person.id)):
        post(
            letters.EVENT_CREDITED, to=person, link="/training/continuing", now=now, title=event.title,
            hours=event.hours, base=event.organisation.name_zh,
        )  # fmt: skip
    return lines


def take_back(event: ContinuingEvent, people: Collection[int], *, by: Person, reason: str, now: datetime) -> int:
    """Reversing lines for these participants; each is told the reason. Whoever has no line is passed over. Raises NoReason."""
    if not reason.strip():
        raise NoReason("reason")
    event = locked(event)
    asked = _standing().where(HourEntry.source_id == event.id, HourEntry.person_id.in_(people)).order_by(HourEntry.id)
    entries = list(db.session.scalars(asked))
    for entry in entries:
        hours.reverse(entry, by=by, reason=reason.strip(), now=now)
    return len(entries)


def working_words(working: Mapping[str, Any]) -> str:
    """The source of a ledger line in words."""
    first, last = (day_words(date.fromisoformat(working[name])) for name in ("from", "until"))
    return ngettext(
        "%(title)s, held by %(provider)s, %(days)s; %(hours)s class hour",
        "%(title)s, held by %(provider)s, %(days)s; %(hours)s class hours",
        working["credited"],
        title=working["title"],
        provider=working["provider"] if chinese() else working.get("provider_en") or working["provider"],
        days=first if first == last else _("%(first)s to %(last)s", first=first, last=last),
        hours=number(Decimal(working["credited"])),
    )
