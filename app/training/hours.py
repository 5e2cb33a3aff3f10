"""The hours ledger: what it holds, what it says of a person, and the figures of the training gate.

Entries are only added. Credit is idempotent: one source (a session, a lesson) counts once for a person, unless it was
reversed in between; and a course counts at most for its own hours, however often it was heard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Row, Select, and_, bindparam, func, or_, select

from app.accounts.models import Person
from app.audit.service import record
from app.core import clock
from app.core.errors import Refused
from app.db import db, rows
from app.notices.service import post
from app.outline.models import RuleVersion
from app.outline.service import current, pinned, remembered, typed
from app.training import letters
from app.training.deeds import Did
from app.training.facts import TrainingFacts
from app.training.models import (
    Attendance,
    AttendanceState,
    ClassSession,
    CourseVersion,
    Enrolment,
    HourEntry,
    HourSource,
    TrainingClass,
)
from app.training.states import IN_TRAINING, UNDECIDED, ClassState

ZERO = Decimal(0)


# --- what is asked and what is there --------------------------------------------------------------------------------------


def required_hours(outline: RuleVersion) -> dict[str, Decimal]:
    """Module → class hours an outline version asks for."""
    return {row["module"]: row["hours"] for row in remembered(outline, typed)["hours"]}


@cache
def _credited() -> Select[str, Decimal]:
    h = HourEntry.__table__.c
    return (
        select(h.module, func.sum(h.hours))
        .where(h.person_id == bindparam("person"), h.level == bindparam("level"), h.earned_on <= bindparam("on"))
        .group_by(h.module)
    )


def credited_hours(person_id: int, level: int, on: date) -> dict[str, Decimal]:
    """Module → class hours in the ledger for a level, up to and including a day."""
    found = rows(_credited(), {"person": person_id, "level": level, "on": on})
    return {module: hours for module, hours in found if hours}


@cache
def _enrolments() -> Select[*tuple[Any, ...]]:
    e, c = Enrolment.__table__.c, TrainingClass.__table__.c
    return (
        select(
            e.id, e.state, e.class_id, e.outline_id, e.programme_id, c.title, c.starts_on, c.state.label("class_state")
        )
        .join_from(Enrolment.__table__, TrainingClass.__table__, e.class_id == c.id)
        .where(
            e.person_id == bindparam("person"), c.level == bindparam("level"), e.state.in_([*IN_TRAINING, *UNDECIDED])
        )
        .order_by(c.starts_on.desc(), e.id.desc())
    )


def enrolment_that_counts(person_id: int, level: int) -> Row[Any] | None:
    """The enrolment a person is judged by, as plain values: of the newest class with a place, else the newest undecided."""
    found = rows(_enrolments(), {"person": person_id, "level": level}).all()
    return next((one for one in found if one.state in IN_TRAINING), found[0] if found else None)


def facts_of(person: Person, rank: int, on: date) -> TrainingFacts:
    """What the training stage says of a person for a level on a day.

    Required hours come from the outline version pinned by the newest class with a place, else from the one in force.
    """
    enrolment = enrolment_that_counts(person.id, rank)
    placed = enrolment is not None and enrolment.state in IN_TRAINING
    outline = (
        pinned(enrolment.outline_id)
        if enrolment and placed
        else current("outline", rank, region_id=person.region_id, on=on)
    )
    details: dict[str, str] = {"outline": str(outline.id)}
    begun = None
    if enrolment is not None:
        details |= {"class": enrolment.title, "enrolment": str(enrolment.id), "programme": str(enrolment.programme_id)}
        begun = enrolment.starts_on if placed and enrolment.starts_on <= on else None
    return TrainingFacts(
        required=required_hours(outline),
        credited=credited_hours(person.id, rank, on),
        class_started_on=begun,
        enrolment=_standing(enrolment),
        class_id=enrolment.class_id if enrolment else None,
        details=details,
    )


def _standing(enrolment: Row[Any] | None) -> str:
    if enrolment is None:
        return "none"
    if enrolment.state in UNDECIDED:
        return "waiting"
    return "enrolled" if enrolment.class_state is not ClassState.ENDED else "ended"


@dataclass(frozen=True)
class ModuleLine:
    """One module for the trainee: ``counted`` is what of the credit counts, ``needed`` the least the gate asks."""

    module: str
    required: Decimal
    credited: Decimal
    counted: Decimal
    needed: Decimal

    @property
    def missing(self) -> Decimal:
        return max(self.needed - self.counted, ZERO)

    @property
    def share(self) -> Decimal:
        return self.counted / self.required if self.required else Decimal(1)


@dataclass(frozen=True)
class Standing:
    """Hours by module against what the scheme asks: a share of the whole, and a share of each module."""

    lines: tuple[ModuleLine, ...]
    required: Decimal
    counted: Decimal
    needed: Decimal
    total_share: Decimal
    module_share: Decimal

    @property
    def missing(self) -> Decimal:
        return max(self.needed - self.counted, ZERO)

    @property
    def short_modules(self) -> tuple[ModuleLine, ...]:
        return tuple(line for line in self.lines if line.missing)

    @property
    def share(self) -> Decimal:
        return self.counted / self.required if self.required else Decimal(1)

    @property
    def met(self) -> bool:
        return not self.missing and not self.short_modules


def standing(
    required: Mapping[str, Decimal], credited: Mapping[str, Decimal], total_share: Decimal, module_share: Decimal
) -> Standing:
    """The figures of the training gate. Extra hours in one module do not stand in for another."""
    lines = tuple(
        ModuleLine(m, hours, credited.get(m, ZERO), min(credited.get(m, ZERO), hours), hours * module_share)
        for m, hours in required.items()
    )
    whole = sum(required.values(), ZERO)
    counted = sum((line.counted for line in lines), ZERO)
    return Standing(lines, whole, counted, whole * total_share, total_share, module_share)


def standing_of(person: Person, rank: int, on: date, facts: TrainingFacts | None = None) -> Standing:
    """The same figures for a person, by the scheme the pathway judges by: the one in force when the class began."""
    facts = facts or facts_of(person, rank, on)
    began = min(facts.class_started_on or on, on)
    scheme = typed(current("scheme", rank, region_id=person.region_id, on=began))
    return standing(facts.required, facts.credited, scheme["training_total"], scheme["training_module"])


def hours_between(person: Person, since: date, until: date) -> dict[str, Decimal]:
    """Module → class hours earned in a period, over all levels: continuing education for renewal."""
    found = db.session.execute(
        select(HourEntry.module, func.sum(HourEntry.hours))
        .where(HourEntry.person_id == person.id, HourEntry.earned_on >= since, HourEntry.earned_on <= until)
        .group_by(HourEntry.module)
    )
    return {module: hours for module, hours in found if hours}


def entries_of(person: Person, level: int | None = None) -> Select[HourEntry]:
    """A person's ledger, newest first."""
    found = select(HourEntry).where(HourEntry.person_id == person.id).order_by(HourEntry.id.desc())
    return found if level is None else found.where(HourEntry.level == level)


# --- adding to it ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What one credit action did: person id → hours, and how many had them already or had none to get."""

    hours: Mapping[int, Decimal]
    already: int = 0

    @property
    def total(self) -> Decimal:
        return sum(self.hours.values(), ZERO)


class NothingHeld(Refused):
    message = _l("No period of this class is over yet. Hours are credited after a period has ended.")


class NotOver(Refused):
    message = _l("This period is not over yet. Hours are credited after it has ended.")


def credit_session(session: ClassSession, *, by: Person, now: datetime) -> Outcome:
    """Credit everybody who was present, in one action. Safe to repeat. Raises NotOver."""
    if session.ends_at > now:
        raise NotOver
    return credit_sessions(session.training_class, [session.id], by=by, now=now)


def credit_class(klass: TrainingClass, *, by: Person, now: datetime) -> Outcome:
    """Credit every session of a class that is over, in one action. Safe to repeat. Raises NothingHeld."""
    over = [s.id for s in klass.sessions if s.ends_at <= now]
    if not over:
        raise NothingHeld
    return credit_sessions(klass, over, by=by, now=now)


def credit_sessions(klass: TrainingClass, session_ids: Iterable[int], *, by: Person, now: datetime) -> Outcome:
    """Credit those who were present in these periods, and who made up a period in one of them. Safe to repeat."""
    from app.training import make_ups, signing

    ids = sorted(session_ids)
    sessions = list(  # locked in key order: two officers crediting at once wait for each other
        db.session.scalars(
            select(ClassSession).where(ClassSession.id.in_(ids)).order_by(ClassSession.id).with_for_update()
        )
    )
    signing.settle(sessions, now=now)
    db.session.flush()  # whoever never signed out no longer counts
    marks = db.session.execute(
        select(Attendance.session_id, Attendance.person_id)
        .join(Enrolment, (Enrolment.person_id == Attendance.person_id) & (Enrolment.class_id == klass.id))
        .where(
            Attendance.session_id.in_(ids),
            Attendance.state == AttendanceState.PRESENT,
            Enrolment.state.in_(IN_TRAINING),
        )
        .order_by(Attendance.session_id, Attendance.person_id)
    ).all()
    present = signing.counting(sessions, marks, now=now)
    ledger = _Ledger.of({person_id for _, person_id in present}, klass.level)
    by_session: dict[int, list[int]] = defaultdict(list)
    for session_id, person_id in present:
        by_session[session_id].append(person_id)
    gained: dict[int, Decimal] = defaultdict(Decimal)
    already = 0
    for session in sorted(sessions, key=lambda s: (s.starts_at, s.id)):
        course = session.course_version
        for person_id in by_session[session.id]:
            made = ledger.credit(
                person_id,
                module=session.module,
                hours=session.hours,
                kind=HourSource.SESSION,
                source_id=session.id,
                course=course,
                class_id=klass.id,
                online=False,
                earned_on=clock.local_date(session.starts_at),
                working={"rule": "present", "session": session.label, "hours": str(session.hours)},
                by=by,
                now=now,
            )
            if made is None:
                already += 1
            else:
                gained[person_id] += made.hours
        session.credited_at = now
    for person_id, made_up in make_ups.credit(sessions, by=by, now=now).items():
        gained[person_id] += made_up
    record(
        Did.CREDIT_HOURS,
        klass,
        by=by,
        more={"sessions": ids, "people": len(gained), "hours": sum(gained.values(), ZERO)},
    )
    people = db.session.scalars(select(Person).where(Person.id.in_(gained))) if gained else ()
    for person in people:
        post(letters.HOURS, to=person, link="/training/mine", now=now, title=klass.title, hours=gained[person.id])
    return Outcome(dict(gained), already)


class _Ledger:
    """What the ledger says of some people before entries are added, read with two questions for all of them."""

    def __init__(self, level: int) -> None:
        self.level = level
        self.rounds: dict[tuple[int, str, int], int] = {}
        self.open: set[tuple[int, str, int]] = set()
        self.by_course: dict[tuple[int, int], Decimal] = defaultdict(Decimal)

    @classmethod
    def of(
        cls,
        people: Iterable[int],
        level: int,
        *,
        kind: HourSource | None = None,
        sources: Collection[int] | None = None,
    ) -> _Ledger:
        """``kind``, ``sources``: only of these sources, where nothing is credited for a course."""
        made = cls(level)
        ids = sorted(people)
        if not ids:
            return made
        asked = select(
            HourEntry.id, HourEntry.person_id, HourEntry.source_kind, HourEntry.source_id, HourEntry.round,
            HourEntry.reverses_id, HourEntry.course_id, HourEntry.hours,
        ).where(HourEntry.person_id.in_(ids), HourEntry.level == level)  # fmt: skip
        if kind is not None and sources is not None:
            these = and_(HourEntry.source_kind == kind, HourEntry.source_id.in_(sources))
            asked = asked.where(or_(these, HourEntry.reverses_id.is_not(None)))
        entries = db.session.execute(asked).all()
        reversed_ids = {e.reverses_id for e in entries if e.reverses_id}
        for entry in entries:
            key = (entry.person_id, entry.source_kind.value, entry.source_id)
            self_round = made.rounds.get(key, 0)
            made.rounds[key] = max(self_round, entry.round + 1)
            if entry.reverses_id is None and entry.id not in reversed_ids:
                made.open.add(key)
            if entry.course_id is not None:
                made.by_course[entry.person_id, entry.course_id] += entry.hours
        return made

    def credit(
        self,
        person_id: int,
        *,
        module: str,
        hours: Decimal,
        kind: HourSource,
        source_id: int,
        course: CourseVersion | None,
        class_id: int | None,
        online: bool,
        earned_on: date,
        working: dict[str, Any],
        by: Person | None,
        now: datetime,
    ) -> HourEntry | None:
        """Add an entry; None when the source counts already or the course's hours are full."""
        key = (person_id, kind.value, source_id)
        if key in self.open:
            return None
        if course is not None:
            before = self.by_course[person_id, course.course_id]
            left = course.hours - before
            working = working | {"course": course.course.code, "course_hours": str(course.hours), "before": str(before)}
            hours = min(hours, left)
            if hours <= 0:
                return None
            self.by_course[person_id, course.course_id] += hours
        made = HourEntry(
            person_id=person_id,
            level=self.level,
            module=module,
            hours=hours,
            source_kind=kind,
            source_id=source_id,
            round=self.rounds.get(key, 0),
            class_id=class_id,
            course_id=course.course_id if course else None,
            online=online,
            earned_on=earned_on,
            working=working | {"credited": str(hours)},
            created_at=now,
            by_id=by.id if by else None,
        )
        db.session.add(made)
        self.open.add(key)
        return made


def credit_lesson(
    person: Person,
    *,
    level: int,
    lesson_id: int,
    hours: Decimal,
    course: CourseVersion,
    class_id: int,
    online_limit: Decimal,
    working: dict[str, Any],
    now: datetime,
) -> HourEntry | None:
    """Credit an online lesson that was read and passed; None when it counts already or online hours are full."""
    ledger = _Ledger.of([person.id], level)
    online = db.session.scalar(
        select(func.sum(HourEntry.hours)).where(
            HourEntry.person_id == person.id, HourEntry.level == level, HourEntry.online.is_(True)
        )
    ) or ZERO  # fmt: skip
    hours = min(hours, online_limit - online)
    if hours <= 0:
        return None
    made = ledger.credit(
        person.id,
        module=course.module,
        hours=hours,
        kind=HourSource.LESSON,
        source_id=lesson_id,
        course=course,
        class_id=class_id,
        online=True,
        earned_on=clock.local_date(now),
        working=working | {"online_before": str(online), "online_limit": str(online_limit)},
        by=None,
        now=now,
    )
    if made is not None:
        record(Did.CREDIT_HOURS, made, by=None, more={"lesson": lesson_id, "hours": made.hours})
    return made


class AlreadyReversed(Refused):
    message = _l("These hours were taken back already.")


def reverse(entry: HourEntry, *, by: Person, reason: str, now: datetime) -> HourEntry:
    """Take credited hours back by a reversing entry. Raises AlreadyReversed."""
    if entry.reverses_id is not None or db.session.scalar(
        select(HourEntry.id).where(HourEntry.reverses_id == entry.id)
    ):
        raise AlreadyReversed
    made = HourEntry(
        person_id=entry.person_id,
        level=entry.level,
        module=entry.module,
        hours=-entry.hours,
        source_kind=HourSource.REVERSAL,
        source_id=entry.id,
        class_id=entry.class_id,
        course_id=entry.course_id,
        online=entry.online,
        earned_on=entry.earned_on,
        reverses_id=entry.id,
        working={"rule": "reversal", "reason": reason, "of": entry.id, "hours": str(entry.hours)},
        created_at=now,
        by_id=by.id,
    )
    db.session.add(made)
    record(Did.REVERSE_HOURS, made, by=by, reason=reason, more={"entry": entry.id, "hours": entry.hours})
    person = db.session.get_one(Person, entry.person_id)
    post(letters.REVERSED, to=person, link="/training/hours", now=now, hours=entry.hours, reason=reason)
    return made


def open_entry(person_id: int, kind: HourSource, source_id: int) -> HourEntry | None:
    """The entry by which a source counts for a person now, if it does."""
    entries = list(
        db.session.scalars(
            select(HourEntry).where(
                HourEntry.person_id == person_id, HourEntry.source_kind == kind, HourEntry.source_id == source_id
            )
        )
    )
    ids = [e.id for e in entries]
    reversed_ids = set(db.session.scalars(select(HourEntry.reverses_id).where(HourEntry.reverses_id.in_(ids))))
    return next((e for e in entries if e.id not in reversed_ids), None)
