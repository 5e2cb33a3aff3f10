"""Integrity credit: notice, time to answer, decision by another officer, appeal; a ledger; honours.

Nothing is deducted by a machine: an event is raised by one officer and decided by another, after the holder could answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from flask.signals import Namespace
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, bindparam, func, literal, or_, select

from app.accounts.models import Person
from app.accounts.scope import reaches, within
from app.audit.service import record
from app.core import clock
from app.core.errors import Forbidden, Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.waiting import Waiting, waiting
from app.core.workdays import add_working_days
from app.db import db, locked, rows
from app.files.models import StoredFile
from app.files.service import keep
from app.notices.service import post
from app.outline.service import calendar, current, rule, typed
from app.performance import contracts
from app.performance.arithmetic import Band, after_months, integrity_score
from app.performance.claims import ReasonNeeded
from app.performance.contracts import BadDay, WithDays
from app.performance.deeds import Did
from app.performance.letters import (
    HONOURED_EXCELLENT,
    HONOURED_GOLD,
    INTEGRITY_ANSWERED,
    INTEGRITY_APPEALED,
    INTEGRITY_DISMISSED,
    INTEGRITY_KEPT,
    INTEGRITY_LIFTED,
    INTEGRITY_NOTICE,
    INTEGRITY_UPHELD,
)
from app.performance.models import (
    Claim,
    Honour,
    HonourKind,
    IntegrityEntry,
    IntegrityEvent,
    IntegrityFile,
)
from app.performance.rules import Effect, as_bands
from app.performance.states import OPEN_EVENTS, ClaimState, EventMove, EventState, event_moved

integrity_changed = Namespace().signal("performance.integrity-changed")
"""Sent inside the unit of work after a deduction or its lifting: ``sender`` is the IntegrityEvent, with ``person``,
``integrity`` (the :class:`Integrity` now), ``effect``, ``by`` and ``now``. Upper floors may listen."""


class SameOfficer(Refused):
    status = 403
    message = _l("You have dealt with this matter already, so another officer must decide.")


class OwnMatter(Refused):
    status = 403
    message = _l("This matter concerns you, so another officer must deal with it.")


class TimeToAnswer(WithDays, Refused):
    message = _l(
        "The holder may answer until %(until)s. You can decide after that day, or as soon as the answer is there."
    )


class TooLate(WithDays, Refused):
    message = _l("The time to answer ended on %(until)s. After the decision you can appeal.")


class NoSuchEvent(Invalid):
    message = _l("This kind of event does not exist. Please choose one from the list.")


class NotTheirs(Invalid):
    message = _l("This claim belongs to somebody else or was never granted.")


class HonourThere(Invalid):
    message = _l("This honour is recorded already.")


STANDS = (EventState.UPHELD, EventState.APPEALED, EventState.CONFIRMED)
"""A decision in force: an appeal does not stay it."""


@dataclass(frozen=True)
class Integrity:
    """Somebody's integrity credit on a day."""

    score: Decimal
    band: Band
    ban_until: date | None
    open_events: int


@cache
def _standing() -> Select[Decimal, EventState, date | None]:
    """The sum of a person's integrity lines up to a day, beside each of their events; one row where there is none."""
    line, event = IntegrityEntry.__table__.c, IntegrityEvent.__table__.c
    mine = (line.person_id == bindparam("person"), line.dated <= bindparam("on"))
    once = select(literal(1).label("once")).subquery()
    return select(
        select(func.sum(line.points)).where(*mine).scalar_subquery(), event.state, event.ban_until
    ).select_from(once.outerjoin(IntegrityEvent.__table__, event.person_id == bindparam("person")))


def integrity_of(person: Person, on: date | None = None) -> Integrity:
    """Score from the ledger up to a day, its band, the longest ban in force, and how many events are open."""
    on = on or clock.today()
    events = rule("credit_events", region_id=person.region_id, on=on)
    bands = as_bands(rule("credit_bands", region_id=person.region_id, on=on))
    found = rows(_standing(), {"person": person.id, "on": on}).all()
    bans = [until for _, state, until in found if until is not None and until > on and state in STANDS]
    changed = [found[0][0]] if found[0][0] is not None else []
    score = integrity_score(changed, start=events["start"])
    return Integrity(
        score, bands.of(score), max(bans, default=None), sum(state in OPEN_EVENTS for _, state, _ in found)
    )


def bans_of(people: Collection[int], on: date) -> dict[int, date]:
    """Person → the end of the longest ban in force on a day; only those who are banned. One query."""
    rows = db.session.execute(
        select(IntegrityEvent.person_id, func.max(IntegrityEvent.ban_until))
        .where(
            IntegrityEvent.person_id.in_(list(people)), IntegrityEvent.ban_until > on, IntegrityEvent.state.in_(STANDS)
        )
        .group_by(IntegrityEvent.person_id)
    )
    return {person_id: until for person_id, until in rows if until is not None}


def events_visible_to(person: Person) -> Select[IntegrityEvent]:
    """Own events, and those in reach of a right to keep integrity or to read."""
    return (
        select(IntegrityEvent)
        .join(Person, Person.id == IntegrityEvent.person_id)
        .where(
            or_(
                IntegrityEvent.person_id == person.id,
                *(
                    within(person, can, region=Person.region_id, organisation=Person.organisation_id)
                    for can in (Can.KEEP_INTEGRITY, Can.READ_CLAIM)
                ),
            )
        )
    )


def event_for(person: Person, event_id: int) -> IntegrityEvent:
    found = db.session.scalar(events_visible_to(person).where(IntegrityEvent.id == event_id))
    if found is None:
        raise NotFound
    return found


def events_of(person: Person) -> Sequence[IntegrityEvent]:
    return db.session.scalars(
        select(IntegrityEvent).where(IntegrityEvent.person_id == person.id).order_by(IntegrityEvent.id.desc())
    ).all()


def to_decide(person: Person, *, on: date | None = None) -> Select[IntegrityEvent]:
    """Events this officer may decide now: answered or past their day, raised by another; appeals not theirs before."""
    on = on or clock.today()
    ripe = (IntegrityEvent.state == EventState.ANSWERED) | (
        (IntegrityEvent.state == EventState.NOTIFIED) & (IntegrityEvent.answer_until < on)
    )
    appeal = (IntegrityEvent.state == EventState.APPEALED) & (IntegrityEvent.decided_by_id != person.id)
    return (
        select(IntegrityEvent)
        .join(Person, Person.id == IntegrityEvent.person_id)
        .where(
            within(person, Can.KEEP_INTEGRITY, region=Person.region_id, organisation=Person.organisation_id),
            IntegrityEvent.person_id != person.id,
            IntegrityEvent.notified_by_id != person.id,
            ripe | appeal,
        )
    )


def count_to_decide(person: Person) -> Waiting:
    return waiting(to_decide(person), IntegrityEvent.notified_at)


def kinds_of_event(region_id: int | None, on: date | None = None) -> list[dict[str, Any]]:
    return rule("credit_events", region_id=region_id, on=on)["events"]


def event_row(event: IntegrityEvent) -> dict[str, Any]:
    """The row of the rule version the event was judged by."""
    return next(row for row in typed(event.rule)["events"] if row["code"] == event.code)


def event_name(event: IntegrityEvent) -> str:
    return event_row(event)["en" if str(get_locale()) == "en" else "zh"]


def _must_keep(person: Person, by: Person) -> None:
    if person.id == by.id:
        raise OwnMatter
    if not reaches(by, Can.KEEP_INTEGRITY, region=person.region_id, organisation=person.organisation_id):
        raise Forbidden


def notify(
    person: Person,
    code: str,
    *,
    happened_on: date,
    reason: str,
    by: Person,
    now: datetime,
    uploads: Sequence[Any] = (),
    claim: Claim | None = None,
) -> IntegrityEvent:
    """Raise a matter: the holder is told, with reasons, and may answer. Nothing is deducted yet."""
    _must_keep(person, by)
    today = clock.local_date(now)
    if happened_on > today:
        raise BadDay("happened_on")
    if not reason.strip():
        raise ReasonNeeded("reason")
    if claim is not None and (claim.person_id != person.id or claim.state is not ClaimState.GRANTED):
        raise NotTheirs("claim")
    version = current("credit_events", region_id=person.region_id, on=today)
    body = typed(version)
    row = next((one for one in body["events"] if one["code"] == code), None)
    if row is None:
        raise NoSuchEvent("code")
    made = IntegrityEvent(
        person_id=person.id,
        person=person,
        code=code,
        rule_id=version.id,
        claim_id=claim.id if claim is not None else None,
        happened_on=happened_on,
        reason=reason,
        deduct=row["deduct"],
        notified_by_id=by.id,
        notified_at=now,
        answer_until=add_working_days(today, body["answer_days"], calendar(region_id=person.region_id)),
    )
    db.session.add(made)
    record(Did.NOTIFY_EVENT, made, by=by, reason=reason, more={"code": code, "deduct": row["deduct"]})
    _attach(made, uploads, by=by, by_holder=False)
    post(INTEGRITY_NOTICE, to=person, link=_link(made), now=now, points=made.deduct, until=made.answer_until)
    return made


def _attach(event: IntegrityEvent, uploads: Sequence[Any], *, by: Person, by_holder: bool) -> None:
    for one in uploads:
        if one is not None and one.filename:
            kept = keep(one, owner=by, field="files")
            db.session.add(IntegrityFile(event_id=event.id, file_id=kept.id, by_holder=by_holder))


def file_of(event: IntegrityEvent, file_id: int) -> StoredFile:
    found = db.session.get(IntegrityFile, (event.id, file_id))
    if found is None:
        raise NotFound
    return found.file


def answer(event: IntegrityEvent, words: str, *, by: Person, now: datetime, uploads: Sequence[Any] = ()) -> None:
    """申辩: the holder's side, within the time given."""
    event = locked(event)
    if event.person_id != by.id:
        raise NotFound
    state = event_moved(event.state, EventMove.ANSWER)
    if clock.local_date(now) > event.answer_until:
        raise TooLate(until=event.answer_until)
    if not words.strip():
        raise ReasonNeeded("answer")
    event.state, event.answer, event.answered_at = state, words, now
    _attach(event, uploads, by=by, by_holder=True)
    record(Did.ANSWER_EVENT, event, by=by)
    post(INTEGRITY_ANSWERED, to=event.notified_by, link=_link(event), now=now, name=event.person.name)


def decide(event: IntegrityEvent, *, uphold: bool, reason: str, by: Person, now: datetime) -> None:
    """Uphold or dismiss a matter. Never by its reporter, never before the holder answered or the time is over."""
    event = locked(event)
    _must_keep(event.person, by)
    if event.notified_by_id == by.id:
        raise SameOfficer
    today = clock.local_date(now)
    state = event_moved(event.state, EventMove.UPHOLD if uphold else EventMove.DISMISS)
    if uphold and event.state is EventState.NOTIFIED and today <= event.answer_until:
        raise TimeToAnswer(until=event.answer_until)
    if not reason.strip():
        raise ReasonNeeded("decision")
    event.state, event.decided_by_id, event.decided_at, event.decision = state, by.id, now, reason
    if not uphold:
        record(Did.DISMISS_EVENT, event, by=by, reason=reason)
        post(INTEGRITY_DISMISSED, to=event.person, link=_link(event), now=now, reason=reason)
        return
    row = event_row(event)
    if row["ban_months"]:
        event.ban_until = after_months(today, row["ban_months"])
    _enter(event, -event.deduct, on=today, by=by, now=now)
    record(Did.UPHOLD_EVENT, event, by=by, reason=reason, more={"deduct": event.deduct})
    if event.claim_id is not None and Effect(row["effect"]) in (Effect.REVERSAL, Effect.REVOCATION):
        _reverse_points(event, reason=reason, on=today, by=by, now=now)
    now_is = _announce(event, effect=Effect(row["effect"]), by=by, now=now)
    post(
        INTEGRITY_UPHELD, to=event.person, link=_link(event), now=now, points=event.deduct, reason=reason,
        score=now_is.score,
    )  # fmt: skip


def _reverse_points(event: IntegrityEvent, *, reason: str, on: date, by: Person, now: datetime) -> None:
    claim = db.session.get_one(Claim, event.claim_id)
    if claim.contract_id is not None:
        locked(db.session.get_one(contracts.Contract, claim.contract_id))
    claim = locked(claim)
    if claim.state is ClaimState.GRANTED:  # it may have been reversed meanwhile
        contracts.take_back(claim, on=on, reason=reason, by=by, now=now)


def _enter(
    event: IntegrityEvent, points: Decimal, *, on: date, by: Person, now: datetime, reverses: int | None = None
) -> None:
    db.session.add(
        IntegrityEntry(
            person_id=event.person_id, event_id=event.id, points=points, dated=on, reverses_id=reverses, created_at=now,
            created_by_id=by.id,
        )
    )  # fmt: skip


def _announce(event: IntegrityEvent, *, effect: Effect, by: Person, now: datetime) -> Integrity:
    db.session.flush()  # the sum below must see the new line
    made = integrity_of(event.person, clock.local_date(now))
    integrity_changed.send(event, person=event.person, integrity=made, effect=effect, by=by, now=now)
    return made


def appeal(event: IntegrityEvent, words: str, *, by: Person, now: datetime) -> None:
    """The holder appeals against an upheld deduction. Until decided, the deduction stands."""
    event = locked(event)
    if event.person_id != by.id:
        raise NotFound
    state = event_moved(event.state, EventMove.APPEAL)
    if not words.strip():
        raise ReasonNeeded("appeal")
    event.state, event.appeal, event.appealed_at = state, words, now
    record(Did.APPEAL_EVENT, event, by=by)
    post(INTEGRITY_APPEALED, to=event.notified_by, link=_link(event), now=now, name=event.person.name)


def decide_appeal(event: IntegrityEvent, *, lift: bool, reason: str, by: Person, now: datetime) -> None:
    """Decide an appeal: an officer who neither raised nor decided the matter. Lifting adds a reversing line."""
    event = locked(event)
    _must_keep(event.person, by)
    if by.id in (event.notified_by_id, event.decided_by_id):
        raise SameOfficer
    state = event_moved(event.state, EventMove.LIFT if lift else EventMove.CONFIRM)
    if not reason.strip():
        raise ReasonNeeded("decision")
    event.state, event.appeal_by_id, event.appeal_at, event.appeal_decision = state, by.id, now, reason
    if not lift:
        record(Did.CONFIRM_EVENT, event, by=by, reason=reason)
        post(INTEGRITY_KEPT, to=event.person, link=_link(event), now=now, reason=reason)
        return
    line = db.session.scalars(
        select(IntegrityEntry).where(IntegrityEntry.event_id == event.id, IntegrityEntry.reverses_id.is_(None))
    ).one()
    _enter(event, -line.points, on=clock.local_date(now), by=by, now=now, reverses=line.id)
    record(Did.LIFT_EVENT, event, by=by, reason=reason)
    now_is = _announce(event, effect=Effect.NOTICE, by=by, now=now)
    post(INTEGRITY_LIFTED, to=event.person, link=_link(event), now=now, reason=reason, score=now_is.score)


def _link(event: IntegrityEvent) -> str:
    return f"/performance/integrity/{event.id}"


def honours_of(person: Person) -> Sequence[Honour]:
    return db.session.scalars(
        select(Honour).where(Honour.person_id == person.id).order_by(Honour.year.desc(), Honour.id)
    ).all()


def honours_of_people(people: Iterable[int]) -> dict[int, list[Honour]]:
    """Person → honours, the newest first; one query."""
    made: dict[int, list[Honour]] = {}
    asked = select(Honour).where(Honour.person_id.in_(list(people))).order_by(Honour.year.desc(), Honour.id)
    for one in db.session.scalars(asked):
        made.setdefault(one.person_id, []).append(one)
    return made


def honours_visible_to(person: Person) -> Select[Honour]:
    """Honours of people in reach of a right to keep integrity or to read claims."""
    return (
        select(Honour)
        .join(Person, Person.id == Honour.person_id)
        .where(
            or_(
                *(
                    within(person, can, region=Person.region_id, organisation=Person.organisation_id)
                    for can in (Can.KEEP_INTEGRITY, Can.READ_CLAIM)
                )
            )
        )
    )


HONOUR_NAMES: dict[HonourKind, Any] = {
    HonourKind.GOLD: _l("Gold technology manager"),
    HonourKind.EXCELLENT: _l("Excellent technology manager"),
}
_HONOUR_LETTERS = {HonourKind.GOLD: HONOURED_GOLD, HonourKind.EXCELLENT: HONOURED_EXCELLENT}


def record_honour(person: Person, kind: HonourKind, *, year: int, body: str, by: Person, now: datetime) -> Honour:
    """Record an honour that a body has awarded. Raises HonourThere when it stands already."""
    _must_keep(person, by)
    if year > clock.local_date(now).year:
        raise BadDay("year")
    there = select(Honour).where(
        Honour.person_id == person.id, Honour.kind == kind, Honour.year == year, Honour.body == body
    )
    if db.session.scalar(there) is not None:
        raise HonourThere("body")
    made = Honour(person_id=person.id, kind=kind, year=year, body=body, recorded_by_id=by.id, recorded_at=now)
    db.session.add(made)
    record(Did.RECORD_HONOUR, made, by=by, more={"kind": kind, "year": year, "body": body})
    post(_HONOUR_LETTERS[kind], to=person, link="/performance/integrity", now=now, year=str(year), body=body)
    return made
