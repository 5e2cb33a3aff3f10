"""Oral defences 答辩: planning one with its panel, judging it, closing it with minutes and a decision.

Members judge apart; the chair closes when all have judged. What follows is computed: passed with a mean at the pass mark
and a majority of the panel at or above it. The rule version is pinned when the defence is planned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.models import Person
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.core.clock import local_date
from app.core.errors import NotAllowedNow, NotFound
from app.core.permissions import Can
from app.core.text import in_a_row, moment
from app.db import db, locked
from app.notices.service import post
from app.outline.service import current, typed
from app.practice import letters
from app.practice.deeds import Did
from app.practice.models import Defence, Hearing, HearingMember, LogEntry
from app.practice.people import conflict
from app.practice.refusals import (
    AlreadyPlanned,
    ChairOutside,
    ConflictOfInterest,
    InThePast,
    NotBegun,
    Occupied,
    PanelIncomplete,
    PanelTooSmall,
    WrongValue,
)
from app.practice.states import HearingMove, HearingState, State, hearing_moved

DEFENSIBLE = (State.CONFIRMED, State.IN_REVIEW, State.PASSED)


def rule_of(entry: LogEntry, now: datetime) -> Any:
    """The rule version a defence planned now is held by."""
    return current("practice_defence", region_id=entry.region_id, on=local_date(now))


def hearings_visible_to(person: Person) -> Select[Any]:
    """Appointments in the reach of an office, and those on whose panel the person sits."""
    mine = exists().where(HearingMember.hearing_id == Hearing.id, HearingMember.person_id == person.id)
    reach = within(person, Can.READ_TASK, region=LogEntry.region_id, organisation=LogEntry.base_id)
    return (
        select(Hearing)
        .join(LogEntry, LogEntry.id == Hearing.entry_id)
        .where(or_(mine, reach))
        .options(joinedload(Hearing.entry).joinedload(LogEntry.trainee), selectinload(Hearing.panel))
    )


def hearings_of_panel(person: Person) -> Select[Any]:
    """Appointments on whose panel the person sits."""
    mine = exists().where(HearingMember.hearing_id == Hearing.id, HearingMember.person_id == person.id)
    return hearings_visible_to(person).where(mine)


def hearing_for(person: Person, hearing_id: int) -> Hearing:
    """An appointment open to the person. Raises NotFound."""
    found = db.session.scalar(hearings_visible_to(person).where(Hearing.id == hearing_id))
    if found is None:
        raise NotFound
    return found


def member_of(hearing: Hearing, person: Person) -> HearingMember | None:
    return next((one for one in hearing.panel if one.person_id == person.id), None)


def planned_for(entry: LogEntry) -> Hearing | None:
    """The appointment that stands, if any."""
    return next((one for one in entry.hearings if one.state is HearingState.PLANNED), None)


def to_judge(person: Person) -> int:
    """How many defences this member has not judged yet."""
    asked = (
        select(func.count())
        .select_from(HearingMember)
        .join(Hearing, Hearing.id == HearingMember.hearing_id)
        .where(
            HearingMember.person_id == person.id,
            HearingMember.given_at.is_(None),
            Hearing.state == HearingState.PLANNED,
        )
    )
    return db.session.scalar(asked) or 0


def waiting_for_defence(person: Person, codes: Mapping[int, frozenset[str]]) -> list[LogEntry]:
    """Tasks in an office's reach whose level asks for a defence (rank → task codes) and that have none planned or passed."""
    asked = [(LogEntry.rank == rank) & LogEntry.task_code.in_(wanted) for rank, wanted in codes.items() if wanted]
    if not asked:
        return []
    done = exists().where(Defence.entry_id == LogEntry.id, Defence.passed)
    planned = exists().where(Hearing.entry_id == LogEntry.id, Hearing.state == HearingState.PLANNED)
    reach = within(person, Can.ASSIGN_TASK, region=LogEntry.region_id, organisation=LogEntry.base_id)
    found = select(LogEntry).where(or_(*asked), LogEntry.state.in_(DEFENSIBLE), ~done, ~planned, reach)
    return list(
        db.session.scalars(found.options(joinedload(LogEntry.trainee)).order_by(LogEntry.submitted_at).limit(200))
    )


# --- planning ------------------------------------------------------------------------------------------------------------


def plan(
    entry: LogEntry,
    *,
    starts_at: datetime,
    minutes: int,
    place: str,
    panel: Sequence[Person],
    chair: Person | None,
    by: Person,
    now: datetime,
) -> Hearing:
    """Fix an appointment. Raises AlreadyPlanned, InThePast, PanelTooSmall, ChairOutside, ConflictOfInterest, Occupied."""
    entry = locked(entry)
    must_reach(by, Can.ASSIGN_TASK, region=entry.region_id, organisation=entry.base_id)
    if entry.state not in DEFENSIBLE:
        raise NotAllowedNow
    if db.session.scalar(select(Hearing.id).where(Hearing.entry_id == entry.id, Hearing.state == HearingState.PLANNED)):
        raise AlreadyPlanned
    if starts_at <= now:
        raise InThePast("starts")
    rule = rule_of(entry, now)
    _must_be_fit(entry, panel, chair, typed(rule)["panel"])
    assert chair is not None
    _must_be_free(entry, panel, starts_at, minutes)
    made = Hearing(
        entry_id=entry.id, rule_id=rule.id, starts_at=starts_at, minutes=minutes, place=place, chair_id=chair.id,
        state=HearingState.PLANNED, planned_by_id=by.id, planned_at=now,
        panel=[HearingMember(person_id=one.id, points={}, remark="") for one in panel],
    )  # fmt: skip
    db.session.add(made)
    record(
        Did.PLAN_HEARING,
        entry,
        by=by,
        more={"starts_at": starts_at, "place": place, "panel": [one.id for one in panel]},
    )
    told: dict[str, Any] = {"now": now, "task": entry.title, "when": starts_at, "place": place}
    post(letters.HEARING_PLANNED, to=entry.trainee, link=f"/practice/{entry.id}", minutes=minutes, **told)
    db.session.flush()  # the panel's letters link to it by id
    for one in panel:
        post(letters.HEARING_PANEL, to=one, link=f"/practice/hearings/{made.id}", **told)
    return made


def _must_be_fit(entry: LogEntry, panel: Sequence[Person], chair: Person | None, least: int) -> None:
    if len({one.id for one in panel}) < least:
        raise PanelTooSmall("panel", n=least)
    if chair is None or chair.id not in {one.id for one in panel}:
        raise ChairOutside("chair_id")
    for one in panel:
        found = conflict(entry, one)
        if found:
            raise ConflictOfInterest(found, one.name)


def _must_be_free(entry: LogEntry, panel: Sequence[Person], starts_at: datetime, minutes: int) -> None:
    """Nobody sits in two defences at once, and no trainee has two."""
    day = timedelta(days=1)
    near = db.session.scalars(
        select(Hearing)
        .where(Hearing.state == HearingState.PLANNED, Hearing.starts_at.between(starts_at - day, starts_at + day))
        .options(selectinload(Hearing.panel), joinedload(Hearing.entry))
    )
    ends_at = starts_at + timedelta(minutes=minutes)
    for other in near:
        if other.starts_at >= ends_at or other.starts_at + timedelta(minutes=other.minutes) <= starts_at:
            continue
        busy = {one.person_id for one in other.panel} | {other.entry.trainee_id}
        for one in (*panel, entry.trainee):
            if one.id in busy:
                raise Occupied("starts", who=one.name, task=other.entry.title, when=moment(other.starts_at))


def call_off(hearing: Hearing, *, by: Person, why: str, now: datetime) -> None:
    """An office calls an appointment off; trainee and panel are told why."""
    hearing = _ended(hearing, HearingMove.CANCEL, by=by, why=why, now=now)
    entry = hearing.entry
    record(Did.CANCEL_HEARING, entry, by=by, reason=why)
    for one in (entry.trainee, *(member.person for member in hearing.panel)):
        post(
            letters.HEARING_CANCELLED, to=one, link="/practice", now=now, task=entry.title, when=hearing.starts_at,
            why=why,
        )  # fmt: skip


def missed(hearing: Hearing, *, by: Person, why: str, now: datetime) -> None:
    """The trainee did not come. Nothing is decided about the task."""
    if now < hearing.starts_at:
        raise NotBegun(when=moment(hearing.starts_at))
    hearing = _ended(hearing, HearingMove.MISS, by=by, why=why, now=now)
    entry = hearing.entry
    record(Did.MISS_HEARING, entry, by=by, reason=why)
    post(letters.HEARING_MISSED, to=entry.trainee, link=f"/practice/{entry.id}", now=now, task=entry.title, why=why)


def _ended(hearing: Hearing, move: HearingMove, *, by: Person, why: str, now: datetime) -> Hearing:
    hearing = locked(hearing)
    entry = hearing.entry
    must_reach(by, Can.ASSIGN_TASK, region=entry.region_id, organisation=entry.base_id)
    if not why.strip():
        raise WrongValue("why", why=_l("Please give the reason; it is told to those concerned."))
    hearing.state = hearing_moved(hearing.state, move)
    hearing.ended_at, hearing.why = now, why
    return hearing


# --- judging -------------------------------------------------------------------------------------------------------------


def judge(
    hearing: Hearing, *, by: Person, points: Mapping[str, Decimal | None], remark: str, now: datetime
) -> HearingMember:
    """A member's judgement; it may be changed until the chair closes. Raises NotBegun, ConflictOfInterest, WrongValue."""
    hearing = locked(hearing)
    member = member_of(hearing, by)
    if member is None:
        raise NotFound
    if hearing.state is not HearingState.PLANNED:
        raise NotAllowedNow
    if now < hearing.starts_at:
        raise NotBegun(when=moment(hearing.starts_at))
    found = conflict(hearing.entry, by)
    if found:
        raise ConflictOfInterest(found, by.name)
    kept = {c["code"]: _points(points.get(c["code"]), c) for c in typed(hearing.rule)["criteria"]}
    member.points = {code: str(value) for code, value in kept.items()}
    member.total, member.remark, member.given_at = sum(kept.values(), Decimal(0)), remark, now
    record(Did.JUDGE_HEARING, hearing.entry, by=by, more={"hearing": hearing.id, "total": member.total})
    return member


def _points(value: Decimal | None, criterion: Mapping[str, Any]) -> Decimal:
    if value is None or not value.is_finite() or not 0 <= value <= criterion["points"]:
        raise WrongValue(
            f"points_{criterion['code']}", why=_l("Please give points from 0 to %(n)s.", n=criterion["points"])
        )
    return value


def outcome_of(totals: Sequence[Decimal], pass_mark: Decimal) -> tuple[Decimal, bool]:
    """Mean of the panel (two places, half up), and whether it passes: the mean and more than half of the members."""
    mean = (sum(totals, Decimal(0)) / len(totals)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return mean, mean >= pass_mark and 2 * sum(total >= pass_mark for total in totals) > len(totals)


def close(hearing: Hearing, *, by: Person, minutes: str, now: datetime) -> Defence:
    """The chair closes with the minutes; the decision follows from the judgements. Raises PanelIncomplete, WrongValue."""
    hearing = locked(hearing)
    entry = locked(hearing.entry)
    if by.id != hearing.chair_id:
        raise NotFound
    hearing.state = hearing_moved(hearing.state, HearingMove.CLOSE)
    open_ = [one.person.name for one in hearing.panel if one.total is None]
    if open_:
        raise PanelIncomplete(names=in_a_row(open_))
    if not minutes.strip():
        raise WrongValue("minutes", why=_l("Please write the minutes: questions, answers, judgement."))
    totals = [one.total for one in hearing.panel if one.total is not None]
    score, passed = outcome_of(totals, typed(hearing.rule)["pass_mark"])
    made = Defence(
        entry_id=entry.id, held_on=local_date(hearing.starts_at), passed=passed, minutes=minutes, recorded_at=now,
        recorded_by_id=by.id, panel="、".join(one.person.name for one in hearing.panel)[:300],
    )  # fmt: skip
    db.session.add(made)
    hearing.defence, hearing.score, hearing.ended_at = made, score, now
    record(Did.CLOSE_HEARING, entry, by=by, more={"hearing": hearing.id, "score": score, "passed": passed})
    kind = letters.HEARING_PASSED if passed else letters.HEARING_FAILED
    post(kind, to=entry.trainee, link=f"/practice/{entry.id}", now=now, task=entry.title, score=score)
    return made
