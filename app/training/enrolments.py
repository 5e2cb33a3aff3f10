"""Enrolling (报名): applying, deciding one or many, waiting list, withdrawing, and what happens at the end of a class."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from app.accounts.models import Education, Person, TitleLevel
from app.accounts.scope import must_reach, within
from app.accounts.service import set_background
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.states import moved
from app.db import db, locked
from app.notices.service import Letter, post
from app.training import completion, letters
from app.training.classes import places_taken, words
from app.training.deeds import Did
from app.training.models import Enrolment, TrainingClass
from app.training.states import ENROLMENT_MOVES, HELD, TAKES_PEOPLE, UNDECIDED, EnrolmentMove, EnrolmentState


@dataclass(frozen=True)
class Background:
    """What an applicant declares; the base looks at it before it admits."""

    education: Education
    experience_years: int
    title_level: TitleLevel
    title_years: int


class NotOpen(Refused):
    message = _l("This class does not take enrolments. Look at the list of classes for one that does.")


class NotYet(Refused):
    message = _l("Enrolment opens on %(opens)s. Please come back then.")


class Closed(Refused):
    message = _l("Enrolment closed on %(closed)s. Look at the list of classes for one that is still open.")


class AlreadyIn(Refused):
    message = _l("You have enrolled in this class already. Its state stands on the page “My training”.")


class InAnother(Refused):
    message = _l("You are enrolled in “%(title)s” of the same level. Withdraw there first if you want to change.")


class TurnedDown(Refused):
    message = _l("The base has decided on your enrolment in this class; it cannot be sent again.")


class NoPledge(Invalid):
    message = _l("Please confirm the honesty statement.")


class OwnClass(Refused):
    message = _l("You run this class, so you cannot decide on your own enrolment. Ask a colleague.")


class ReasonMissing(Invalid):
    message = _l("Please give a reason; the applicant reads it.")


def hindrance(klass: TrainingClass, person: Person | None, now: datetime) -> Refused | None:
    """Why a person (or a visitor) cannot enrol in a class now; None when nothing stands in the way."""
    today = clock.local_date(now)
    if klass.state not in TAKES_PEOPLE:
        return NotOpen()
    if today < klass.enrol_from:
        return NotYet(opens=_day(klass.enrol_from))
    if today > klass.enrol_until:
        return Closed(closed=_day(klass.enrol_until))
    if person is None:
        return None
    for one in db.session.scalars(
        select(Enrolment)
        .join(TrainingClass)
        .where(Enrolment.person_id == person.id, TrainingClass.level == klass.level)
        .order_by(Enrolment.id)
    ):
        if one.class_id == klass.id:
            if one.state is EnrolmentState.REFUSED:
                return TurnedDown()
            if one.state not in (EnrolmentState.RETURNED, EnrolmentState.WITHDRAWN):
                return AlreadyIn()
        elif one.state in HELD and one.state is not EnrolmentState.COMPLETED:
            return InAnother(title=one.training_class.title)
    return None


def _day(value: Any) -> str:
    from app.core.text import day

    return day(value)


def enrolment_in(klass: TrainingClass, person: Person) -> Enrolment | None:
    return db.session.scalar(select(Enrolment).where(Enrolment.class_id == klass.id, Enrolment.person_id == person.id))


def own_enrolment(person: Person, enrolment_id: int) -> Enrolment:
    """An enrolment of the person. NotFound otherwise."""
    found = db.session.get(Enrolment, enrolment_id)
    if found is None or found.person_id != person.id:
        raise NotFound
    return found


def enrolments_of(person: Person) -> list[Enrolment]:
    """All of a person, newest first."""
    return list(
        db.session.scalars(
            select(Enrolment)
            .where(Enrolment.person_id == person.id)
            .order_by(Enrolment.id.desc())
            .options(joinedload(Enrolment.training_class))
        )
    )


def classes_of(people: Collection[int], level: int) -> dict[int, frozenset[int]]:
    """Which classes of a level each of these people has been in."""
    found: dict[int, set[int]] = defaultdict(set)
    rows = db.session.execute(
        select(Enrolment.person_id, Enrolment.class_id)
        .join(TrainingClass)
        .where(
            Enrolment.person_id.in_(people),
            TrainingClass.level == level,
            Enrolment.state.in_([EnrolmentState.ADMITTED, EnrolmentState.COMPLETED]),
        )
    )
    for person_id, class_id in rows:
        found[person_id].add(class_id)
    return {person_id: frozenset(classes) for person_id, classes in found.items()}


def enrolments_visible_to(person: Person) -> Select[Enrolment]:
    """Enrolments of the classes within an officer's reach."""
    return (
        select(Enrolment)
        .join(TrainingClass)
        .where(
            within(
                person,
                Can.READ_CLASS,
                region=TrainingClass.region_id,
                organisation=TrainingClass.organisation_id,
                klass=TrainingClass.id,
            )
        )
        .order_by(Enrolment.applied_at, Enrolment.id)
    )


def enrol(
    klass: TrainingClass, *, by: Person, background: Background, pledged: bool, remark: str = "", now: datetime
) -> Enrolment:
    """Apply for a place, or send a returned enrolment again. The background is kept on the profile too.

    Raises the refusals of :func:`hindrance`, NoPledge.
    """
    klass = locked(klass)
    in_the_way = hindrance(klass, by, now)
    if in_the_way is not None:
        raise in_the_way
    if not pledged:
        raise NoPledge("pledge")
    set_background(
        by,
        by=by,
        education=background.education,
        experience_years=background.experience_years,
        title_level=background.title_level,
        title_years=background.title_years,
    )
    made = enrolment_in(klass, by)
    if made is None:
        made = Enrolment(class_id=klass.id, training_class=klass, person_id=by.id, person=by)
        before = None
    else:
        before = made.state
        moved(ENROLMENT_MOVES, made.state, EnrolmentMove.APPLY)
    made.state = EnrolmentState.APPLIED
    made.applied_at, made.pledged_at, made.remark = now, now, remark
    made.outline_id, made.programme_id = klass.outline_id, klass.programme_id
    made.reason, made.waiting_since, made.decided_at, made.decided_by_id = "", None, None, None
    for name in ("education", "experience_years", "title_level", "title_years"):
        setattr(made, name, getattr(background, name))
    db.session.add(made)
    record(Did.APPLY, made, by=by, changed={"state": (before, made.state)})
    post(letters.RECEIVED, to=by, link=_link(made), now=now, title=klass.title)
    return made


def _link(enrolment: Enrolment) -> str:
    return f"/training/enrolments/{enrolment.id}"


# --- deciding -------------------------------------------------------------------------------------------------------------


def _may_decide(enrolment: Enrolment, by: Person) -> None:
    klass = enrolment.training_class
    must_reach(by, Can.RUN_CLASS, region=klass.region_id, organisation=klass.organisation_id, klass=klass.id)
    if enrolment.person_id == by.id:
        raise OwnClass


def admit(enrolment: Enrolment, *, by: Person, now: datetime) -> EnrolmentState:
    """Approve: a place where there is one, else the waiting list. Places are counted under the lock of the class.

    Raises NotAllowedNow, NotOpen, OwnClass, Forbidden.
    """
    klass = locked(enrolment.training_class)
    enrolment = locked(enrolment)
    _may_decide(enrolment, by)
    if klass.state not in TAKES_PEOPLE:
        raise NotOpen
    free = enrolment.state is EnrolmentState.OFFERED or places_taken(klass.id) < klass.capacity
    move = EnrolmentMove.ADMIT if free else EnrolmentMove.WAIT
    before = enrolment.state
    enrolment.state = moved(ENROLMENT_MOVES, enrolment.state, move)
    enrolment.decided_by_id, enrolment.decided_at, enrolment.reason = by.id, now, ""
    if free:
        enrolment.admitted_at = now
        post(letters.ADMITTED, to=enrolment.person, link=_link(enrolment), now=now, **words(klass))
    else:
        enrolment.waiting_since = now
        post(letters.WAITING, to=enrolment.person, link=_link(enrolment), now=now, title=klass.title)
    record(Did.DECIDE_ENROLMENT, enrolment, by=by, changed={"state": (before, enrolment.state)})
    db.session.flush()  # the next one approved in this action counts this place
    return enrolment.state


def give_back(enrolment: Enrolment, *, by: Person, reason: str, now: datetime) -> EnrolmentState:
    """Return for correction, with a reason. Raises NotAllowedNow, ReasonMissing, OwnClass, Forbidden."""
    return _turn(enrolment, EnrolmentMove.RETURN, letters.RETURNED, by=by, reason=reason, now=now)


def refuse(enrolment: Enrolment, *, by: Person, reason: str, now: datetime) -> EnrolmentState:
    """Refuse for good, with a reason. Raises NotAllowedNow, ReasonMissing, OwnClass, Forbidden."""
    return _turn(enrolment, EnrolmentMove.REFUSE, letters.REFUSED, by=by, reason=reason, now=now)


def _turn(
    enrolment: Enrolment, move: EnrolmentMove, letter: Letter, *, by: Person, reason: str, now: datetime
) -> EnrolmentState:
    klass = locked(enrolment.training_class)
    enrolment = locked(enrolment)
    _may_decide(enrolment, by)
    if not reason.strip():
        raise ReasonMissing("reason")
    before = enrolment.state
    enrolment.state = moved(ENROLMENT_MOVES, enrolment.state, move)
    enrolment.decided_by_id, enrolment.decided_at, enrolment.reason = by.id, now, reason.strip()
    enrolment.waiting_since = None
    record(
        Did.DECIDE_ENROLMENT, enrolment, by=by, reason=enrolment.reason, changed={"state": (before, enrolment.state)}
    )
    post(letter, to=enrolment.person, link=_link(enrolment), now=now, reason=enrolment.reason, **words(klass))
    return enrolment.state


DECISIONS = {"admit": EnrolmentMove.ADMIT, "return": EnrolmentMove.RETURN, "refuse": EnrolmentMove.REFUSE}


def decide_many(
    klass: TrainingClass, ids: Iterable[int], decision: str, *, by: Person, reason: str, now: datetime
) -> Counter[str]:
    """Decide on several enrolments of a class, in the order in which they applied; state (or ``skipped``) → how many.

    What somebody else has decided meanwhile is skipped and counted, never overwritten.
    """
    wanted = db.session.scalars(
        select(Enrolment)
        .where(Enrolment.class_id == klass.id, Enrolment.id.in_(list(ids)))
        .order_by(Enrolment.applied_at, Enrolment.id)
    ).all()
    made: Counter[str] = Counter()
    for one in wanted:
        if (one.state, DECISIONS[decision]) not in ENROLMENT_MOVES or one.person_id == by.id:
            made["skipped"] += 1
        elif decision == "admit":
            made[admit(one, by=by, now=now).value] += 1
        else:
            made[(give_back if decision == "return" else refuse)(one, by=by, reason=reason, now=now).value] += 1
    return made


# --- places that become free ----------------------------------------------------------------------------------------------


def move_up(klass: TrainingClass, *, now: datetime) -> list[Enrolment]:
    """Offer free places to those who have waited longest (or give them at once, where the rule sets no term).

    The class is locked by the caller.
    """
    from app.training import offers

    if klass.state not in TAKES_PEOPLE:
        return []
    db.session.flush()  # the place just freed counts
    free = klass.capacity - places_taken(klass.id)
    if free <= 0:
        return []
    next_ones = list(
        db.session.scalars(
            select(Enrolment)
            .where(Enrolment.class_id == klass.id, Enrolment.state == EnrolmentState.WAITING)
            .order_by(Enrolment.waiting_since, Enrolment.id)
            .limit(free)
            .with_for_update()
        )
    )
    expires = offers.expiry(klass, now)
    for one in next_ones:
        if expires is not None:
            offers.offer(one, klass, expires, now=now)
            continue
        one.state = moved(ENROLMENT_MOVES, one.state, EnrolmentMove.ADMIT)
        one.admitted_at, one.waiting_since = now, None
        record(Did.MOVE_UP, one, by=None, changed={"state": (EnrolmentState.WAITING, one.state)})
        post(letters.MOVED_UP, to=one.person, link=_link(one), now=now, **words(klass))
    return next_ones


def queue_place(enrolment: Enrolment) -> int:
    """The place on the waiting list, counted from 1."""
    before = db.session.scalar(
        select(func.count()).where(
            Enrolment.class_id == enrolment.class_id,
            Enrolment.state == EnrolmentState.WAITING,
            (Enrolment.waiting_since < enrolment.waiting_since)
            | ((Enrolment.waiting_since == enrolment.waiting_since) & (Enrolment.id < enrolment.id)),
        )
    )
    return 1 + (before or 0)


class LateReasonMissing(Invalid):
    message = _l("The term to withdraw ended on %(last)s. Please say why you withdraw; the training base reads it.")


def last_day_to_withdraw(klass: TrainingClass) -> date:
    """Until the end of this day a person withdraws without a reason."""
    from app.training.offers import terms

    return klass.starts_on - timedelta(days=terms(klass.region_id)["withdraw_days"])


def withdraws_late(enrolment: Enrolment, now: datetime) -> bool:
    """A place given up after the term: a reason is asked and the log says late."""
    return enrolment.state is EnrolmentState.ADMITTED and clock.local_date(now) > last_day_to_withdraw(
        enrolment.training_class
    )


def withdraw(enrolment: Enrolment, *, by: Person, reason: str = "", now: datetime) -> None:
    """Give the place up: the person (after the term with a reason), or the base with a reason. The waiting list moves up.

    Raises NotAllowedNow, Forbidden, ReasonMissing (the base must say why), LateReasonMissing.
    """
    klass = locked(enrolment.training_class)
    enrolment = locked(enrolment)
    late = withdraws_late(enrolment, now)
    if enrolment.person_id != by.id:
        must_reach(by, Can.RUN_CLASS, region=klass.region_id, organisation=klass.organisation_id, klass=klass.id)
        if not reason.strip():
            raise ReasonMissing("reason")
    elif late and not reason.strip():
        raise LateReasonMissing("reason", last=_day(last_day_to_withdraw(klass)))
    before = enrolment.state
    enrolment.state = moved(ENROLMENT_MOVES, enrolment.state, EnrolmentMove.WITHDRAW)
    enrolment.reason, enrolment.waiting_since = reason.strip(), None
    record(
        Did.WITHDRAW, enrolment, by=by, reason=reason, changed={"state": (before, enrolment.state)}, more={"late": late}
    )
    if enrolment.person_id != by.id:
        post(letters.REFUSED, to=enrolment.person, link=_link(enrolment), now=now, reason=reason, **words(klass))
    move_up(klass, now=now)


# --- at the end -----------------------------------------------------------------------------------------------------------


def _of(klass: TrainingClass, *states: EnrolmentState) -> list[Enrolment]:
    return list(
        db.session.scalars(
            select(Enrolment)
            .where(Enrolment.class_id == klass.id, Enrolment.state.in_(states))
            .order_by(Enrolment.id)
            .with_for_update()
        )
    )


def settle_ended(klass: TrainingClass, *, by: Person | None, now: datetime) -> None:
    """Everybody with a place has completed the class; those whose hours suffice get a completion statement (结业证明)."""
    for one in _of(klass, *UNDECIDED):
        one.state = moved(ENROLMENT_MOVES, one.state, EnrolmentMove.REFUSE)
        one.waiting_since, one.decided_at = None, now
        post(letters.LAPSED, to=one.person, link="/training", now=now, title=klass.title)
    for one in _of(klass, EnrolmentState.ADMITTED):
        one.state = moved(ENROLMENT_MOVES, one.state, EnrolmentMove.COMPLETE)
        one.completed_at = now
        statement = completion.issue(one, by=by, now=now)
        if statement is not None:
            post(
                letters.COMPLETED,
                to=one.person,
                link=_link(one),
                now=now,
                number=statement.number,
                title=klass.title,
            )
        else:
            post(letters.ENDED, to=one.person, link="/training/mine", now=now, title=klass.title)


def settle_cancelled(klass: TrainingClass, *, by: Person | None, reason: str, now: datetime) -> None:
    """Everybody is told; places and applications end."""
    if not reason.strip():
        raise ReasonMissing("reason")
    for one in _of(klass, *(s for s in HELD if s is not EnrolmentState.COMPLETED)):
        one.state = moved(ENROLMENT_MOVES, one.state, EnrolmentMove.WITHDRAW)
        one.reason, one.waiting_since = reason.strip(), None
        post(letters.CANCELLED, to=one.person, link=_link(one), now=now, title=klass.title, reason=reason.strip())
