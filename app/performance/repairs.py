"""信用修复: conditions, application with proof, a first officer who proposes and a second who decides (domain.md section 7).

Points are given back by a line of the integrity ledger; nothing that was decided is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, or_, select

from app.accounts.models import Person
from app.accounts.scope import reaches, within
from app.audit.service import record
from app.core import clock
from app.core.errors import Forbidden, Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.waiting import Waiting, waiting
from app.db import db, locked
from app.files.models import StoredFile
from app.files.service import keep
from app.notices.service import post
from app.outline.models import RuleVersion
from app.outline.service import current, typed
from app.performance.arithmetic import after_months
from app.performance.contracts import BadDay, WithDays
from app.performance.deeds import Did
from app.performance.integrity import OwnMatter, SameOfficer, integrity_of
from app.performance.letters import REPAIR_GRANTED, REPAIR_REFUSED
from app.performance.models import IntegrityEntry, IntegrityEvent
from app.performance.repair_models import IntegrityRepair, RepairFile
from app.performance.repair_states import OPEN_REPAIRS, RepairMove, RepairState, repair_moved
from app.performance.states import OPEN_EVENTS

MOST_FILES = 10


class NothingToRepair(Refused):
    message = _l("Nothing can be given back: no deduction stands that a repair may touch.")


class MatterOpen(Refused):
    message = _l("A matter is still open. A repair can be asked for once it is decided.")


class NotCleanYet(WithDays, Refused):
    message = _l("The time without a deduction is not over: a repair can be asked for from %(until)s on.")


class TooSoon(WithDays, Refused):
    message = _l("The last repair was not long enough ago: the next can be asked for from %(until)s on.")


class OpenAlready(Refused):
    message = _l("An application is open already. Please wait for its decision, or take it back first.")


class TooFewHours(Invalid):
    message = _l("At least %(hours)s hours of ethics training are needed.")


class TrainedTooEarly(Invalid):
    message = _l("The training must have ended after the last deduction.")


class NoProof(Invalid):
    message = _l("Please attach the proof of the training.")


class WordsMissing(Invalid):
    message = _l("Please write the reasons: the holder will read them.")


@dataclass(frozen=True)
class Conditions:
    """What stands between a person and a repair on a day. Days are the first on which the condition is met."""

    rule: RuleVersion
    hours: Decimal
    last_deduction: date | None
    clean_from: date | None
    next_from: date | None
    open_matters: int
    repairable: Decimal
    """Points of standing deductions that a repair may touch, less what was given back."""
    points: Decimal
    """What a repair would give back."""

    def refuse(self, on: date) -> None:
        """Raises the first refusal that applies."""
        if self.points <= 0:
            raise NothingToRepair
        if self.open_matters:
            raise MatterOpen
        if self.clean_from is not None and on < self.clean_from:
            raise NotCleanYet(until=self.clean_from)
        if self.next_from is not None and on < self.next_from:
            raise TooSoon(until=self.next_from)

    def may(self, on: date) -> bool:
        try:
            self.refuse(on)
        except Refused:
            return False
        return True


def conditions_of(person: Person, on: date, rule: RuleVersion | None = None) -> Conditions:
    """The conditions for a person by the rule in force (or the one an application is judged by)."""
    rule = rule or current("credit_repair", region_id=person.region_id, on=on)
    body = typed(rule)
    rows = db.session.execute(
        select(IntegrityEntry, IntegrityEvent.deduct)
        .outerjoin(IntegrityEvent, IntegrityEvent.id == IntegrityEntry.event_id)
        .where(IntegrityEntry.person_id == person.id, IntegrityEntry.dated <= on)
        .order_by(IntegrityEntry.id)
    ).all()
    lifted = {entry.reverses_id for entry, _ in rows}
    standing = [
        (e, deduct) for e, deduct in rows if e.event_id is not None and e.reverses_id is None and e.id not in lifted
    ]
    days = [e.dated for e, _ in standing if e.points < 0]
    given = [e for e, _ in rows if e.repair_id is not None]
    may_touch = sum((-e.points for e, deduct in standing if deduct < body["never_from"]), Decimal(0))
    repairable = max(Decimal(0), may_touch - sum((e.points for e in given), Decimal(0)))
    last = max(days, default=None)
    matters = db.session.scalar(
        select(func.count(IntegrityEvent.id)).where(
            IntegrityEvent.person_id == person.id, IntegrityEvent.state.in_(OPEN_EVENTS)
        )
    )
    return Conditions(
        rule, body["hours"], last, after_months(last, body["clean_months"]) if last else None,
        after_months(max(e.dated for e in given), body["gap_months"]) if given else None,
        matters or 0, repairable, min(repairable, body["points"]),
    )  # fmt: skip


# --- who sees what --------------------------------------------------------------------------------------------------------


def _reach(person: Person, *rights: Can) -> Any:
    return or_(*(within(person, can, region=Person.region_id, organisation=Person.organisation_id) for can in rights))


def repairs_visible_to(person: Person) -> Select[IntegrityRepair]:
    return (
        select(IntegrityRepair)
        .join(Person, Person.id == IntegrityRepair.person_id)
        .where(or_(IntegrityRepair.person_id == person.id, _reach(person, Can.KEEP_INTEGRITY, Can.READ_CLAIM)))
    )


def repair_for(person: Person, repair_id: int) -> IntegrityRepair:
    found = db.session.scalar(repairs_visible_to(person).where(IntegrityRepair.id == repair_id))
    if found is None:
        raise NotFound
    return found


def repairs_of(person: Person) -> Sequence[IntegrityRepair]:
    return db.session.scalars(
        select(IntegrityRepair).where(IntegrityRepair.person_id == person.id).order_by(IntegrityRepair.id.desc())
    ).all()


def to_decide(person: Person) -> Select[IntegrityRepair]:
    """Applications this officer may act on: new ones, and those another officer has proposed."""
    return (
        select(IntegrityRepair)
        .join(Person, Person.id == IntegrityRepair.person_id)
        .where(
            _reach(person, Can.KEEP_INTEGRITY),
            IntegrityRepair.person_id != person.id,
            (IntegrityRepair.state == RepairState.SUBMITTED)
            | ((IntegrityRepair.state == RepairState.PROPOSED) & (IntegrityRepair.proposed_by_id != person.id)),
        )
    )


def count_to_decide(person: Person) -> Waiting:
    return waiting(to_decide(person), IntegrityRepair.applied_at)


def may_act(person: Person, repair: IntegrityRepair) -> bool:
    """Is the decision box open to this officer?"""
    if repair.state not in OPEN_REPAIRS or repair.person_id == person.id or repair.proposed_by_id == person.id:
        return False
    return reaches(
        person, Can.KEEP_INTEGRITY, region=repair.person.region_id, organisation=repair.person.organisation_id
    )


def file_of(repair: IntegrityRepair, file_id: int) -> StoredFile:
    found = db.session.get(RepairFile, (repair.id, file_id))
    if found is None:
        raise NotFound
    return found.file


# --- verbs ----------------------------------------------------------------------------------------------------------------


def apply(person: Person, *, hours: Decimal, trained_until: date, words: str, uploads: Sequence[Any], by: Person, now: datetime) -> IntegrityRepair:  # fmt: skip
    """The holder asks for a repair, with the proof of ethics training."""
    if by.id != person.id:
        raise NotFound
    db.session.execute(select(Person.id).where(Person.id == person.id).with_for_update())
    today = clock.local_date(now)
    asked = select(IntegrityRepair.id).where(
        IntegrityRepair.person_id == person.id, IntegrityRepair.state.in_(OPEN_REPAIRS)
    )
    if db.session.scalar(asked) is not None:
        raise OpenAlready
    found = conditions_of(person, today)
    found.refuse(today)
    if hours < found.hours:
        raise TooFewHours("hours", hours=f"{found.hours.normalize():f}")
    if trained_until > today:
        raise BadDay("trained_until")
    if found.last_deduction is not None and trained_until < found.last_deduction:
        raise TrainedTooEarly("trained_until")
    uploads = [one for one in uploads if one is not None and one.filename][:MOST_FILES]
    if not uploads:
        raise NoProof("files")
    made = IntegrityRepair(
        person_id=person.id, person=person, rule_id=found.rule.id, hours=hours, trained_until=trained_until, words=words,
        applied_at=now,
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # the proof names it by its id
    db.session.add_all(RepairFile(repair_id=made.id, file_id=keep(one, owner=by, field="files").id) for one in uploads)
    record(Did.APPLY_REPAIR, made, by=by, more={"hours": hours, "points": found.points})
    return made


def propose(repair: IntegrityRepair, *, finding: str, by: Person, now: datetime) -> None:
    """The first officer has checked the proof and proposes to grant. Raises SameOfficer for their own application's second."""
    repair = _mine_to_act(repair, by)
    state = repair_moved(repair.state, RepairMove.PROPOSE)
    _must_say(finding, "finding")
    today = clock.local_date(now)
    conditions_of(repair.person, today, repair.rule).refuse(today)
    repair.state, repair.finding, repair.proposed_by_id, repair.proposed_at = state, finding, by.id, now
    record(Did.PROPOSE_REPAIR, repair, by=by, reason=finding)


def grant(repair: IntegrityRepair, *, decision: str, by: Person, now: datetime) -> IntegrityEntry:
    """The second officer grants: a line of the ledger gives the points back. The conditions are read again."""
    repair = _mine_to_act(repair, by)
    db.session.execute(select(Person.id).where(Person.id == repair.person_id).with_for_update())
    state = repair_moved(repair.state, RepairMove.GRANT)
    _must_say(decision, "decision")
    today = clock.local_date(now)
    found = conditions_of(repair.person, today, repair.rule)
    found.refuse(today)
    repair.state, repair.decision, repair.decided_by_id, repair.decided_at = state, decision, by.id, now
    repair.points = found.points
    line = IntegrityEntry(
        person_id=repair.person_id,
        repair_id=repair.id,
        points=found.points,
        dated=today,
        created_at=now,
        created_by_id=by.id,
    )
    db.session.add(line)
    db.session.flush()  # the score below must see the line
    record(Did.GRANT_REPAIR, repair, by=by, reason=decision, more={"points": found.points})
    score = integrity_of(repair.person, today).score
    post(
        REPAIR_GRANTED, to=repair.person, link=_link(repair), now=now, points=found.points, score=score, reason=decision
    )
    return line


def refuse(repair: IntegrityRepair, *, reason: str, by: Person, now: datetime) -> None:
    """Refuse, at either step, with reasons."""
    repair = _mine_to_act(repair, by)
    state = repair_moved(repair.state, RepairMove.REFUSE)
    _must_say(reason, "decision")
    repair.state, repair.decision, repair.decided_by_id, repair.decided_at = state, reason, by.id, now
    record(Did.REFUSE_REPAIR, repair, by=by, reason=reason)
    post(REPAIR_REFUSED, to=repair.person, link=_link(repair), now=now, reason=reason)


def withdraw(repair: IntegrityRepair, *, by: Person, now: datetime) -> None:
    repair = locked(repair)
    if repair.person_id != by.id:
        raise NotFound
    repair.state = repair_moved(repair.state, RepairMove.WITHDRAW)
    record(Did.WITHDRAW_REPAIR, repair, by=by)


def _mine_to_act(repair: IntegrityRepair, by: Person) -> IntegrityRepair:
    repair = locked(repair)
    if repair.person_id == by.id:
        raise OwnMatter
    if not reaches(by, Can.KEEP_INTEGRITY, region=repair.person.region_id, organisation=repair.person.organisation_id):
        raise Forbidden
    if repair.proposed_by_id == by.id:
        raise SameOfficer
    return repair


def _must_say(words: str, where: str) -> None:
    if not words.strip():
        raise WordsMissing(where)


def _link(repair: IntegrityRepair) -> str:
    return f"/performance/repairs/{repair.id}"


# --- the explanation of the score -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One line of the integrity ledger with the score after it (before it is kept between 0 and 100)."""

    entry: IntegrityEntry
    running: Decimal


def explained(person: Person, start: Decimal) -> list[Step]:
    """How the score came about, line by line. ``start``: what everybody begins with."""
    made, running = [], start
    for one in db.session.scalars(
        select(IntegrityEntry)
        .where(IntegrityEntry.person_id == person.id)
        .order_by(IntegrityEntry.dated, IntegrityEntry.id)
    ):
        running += one.points
        made.append(Step(one, running))
    return made
