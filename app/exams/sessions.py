"""Planning an exam session, publishing it, and registering for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import joinedload

from app.accounts.models import Person
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.states import moved
from app.core.text import day
from app.db import db, locked
from app.exams import asks, bars, letters, papers, places
from app.exams.deeds import Did
from app.exams.models import GRACE, Eligibility, EventKind, ExamSession, Sitting, SittingEvent
from app.exams.rules import marking_rules
from app.exams.states import (
    SESSION_MOVES,
    SITTING_MOVES,
    SessionMove,
    SessionState,
    SittingMove,
    SittingState,
)
from app.exams.watch import Watch
from app.jobs.service import enqueue
from app.notices.service import post
from app.outline import service as outline
from app.outline.models import RuleVersion


class NotReady(Refused):
    message = _l("The exam session cannot be published yet: %(why)s")


class Begun(Refused):
    message = _l(
        "The exam session can no longer be cancelled: somebody has started. Stop the clock of all in the exam room, or have "
        "single papers made void with a reason and a second person."
    )


class AlreadyRegistered(Refused):
    message = _l("Already registered for this exam session.")


class NotOpen(Refused):
    message = _l("Registration for this exam session is closed. Please choose another one.")


class NotEligible(Refused):
    message = _l(
        "The training stage of this level must be passed before the exam. See what is missing on your home page."
    )


class OnlyByList(Refused):
    message = _l("The exam office names the candidates of this exam session. Please ask it to put you on the list.")


class NoAttempt(Refused):
    message = _l(
        "No attempt is possible yet. The next one is possible from %(day)s; please choose a later exam session."
    )


class NewClassFirst(Refused):
    message = _l(
        "The attempts of your class are used up or its time for a retake is over. Please enrol in a class again; "
        "the exam is then open to you anew."
    )


class Full(Refused):
    message = _l("This exam session is full. Please choose another one.")


# --- reading ---------------------------------------------------------------------------------------------------------------


def sessions_visible_to(person: Person, can: Can = Can.READ_EXAM) -> Select[ExamSession]:
    return (
        select(ExamSession)
        .where(within(person, can, region=ExamSession.region_id))
        .options(joinedload(ExamSession.region))
        .order_by(ExamSession.opens_at.desc(), ExamSession.id.desc())
    )


def session_for(person: Person, session_id: int, can: Can = Can.READ_EXAM) -> ExamSession:
    """The session, to those whose right reaches its region. Raises NotFound."""
    found = db.session.scalar(sessions_visible_to(person, can).where(ExamSession.id == session_id))
    if found is None:
        raise NotFound
    return found


def rules_for(level: int, region_id: int | None, on: date) -> dict[str, Any]:
    return outline.rule("exam", level, region_id=region_id, on=on)


# --- planning --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What an exam office decides about a session."""

    level: int
    region_id: int
    title: str
    opens_at: datetime
    closes_at: datetime
    minutes: int
    late_entry_minutes: int
    pass_mark: Any
    multiple_rule: Any
    late_counts: bool
    eligibility: Any
    shown: Any
    place: str = ""
    seats: int | None = None
    markers: int | None = None
    """People who mark each written answer; None: as the rules in force say."""


class BadTimes(Invalid):
    message = _l("The exam must close after it opens, and the time between must not be shorter than the duration.")


def plan(wanted: Plan, *, by: Person, now: datetime) -> ExamSession:
    """A new session as a draft."""
    must_reach(by, Can.RUN_EXAM, region=wanted.region_id)
    _check_times(wanted)
    rules = rules_for(wanted.level, wanted.region_id, clock.local_date(now))
    made = ExamSession(**_values(wanted), watch=Watch.from_rules(rules).as_json(), created_by_id=by.id, created_at=now)
    db.session.add(made)
    record(Did.CREATE, made, by=by, more={"title": made.title, "level": made.level})
    return made


def _values(wanted: Plan) -> dict[str, Any]:
    markers = wanted.markers or marking_rules(rules_for(wanted.level, wanted.region_id, clock.today()))["markers"]
    return vars(wanted) | {"markers": markers}


def change(session: ExamSession, wanted: Plan, *, by: Person, now: datetime) -> None:
    """Change a draft. What is published stays as candidates know it."""
    if session.state is not SessionState.DRAFT:
        raise NotReady(why=_("only a draft can be changed."))
    must_reach(by, Can.RUN_EXAM, region=wanted.region_id)
    _check_times(wanted)
    changed = {name: (getattr(session, name), value) for name, value in _values(wanted).items()
               if getattr(session, name) != value}  # fmt: skip
    for name, (_before, value) in changed.items():
        setattr(session, name, value)
    record(Did.CHANGE, session, by=by, changed=changed)


def _check_times(wanted: Plan) -> None:
    if wanted.closes_at - wanted.opens_at < timedelta(minutes=wanted.minutes):
        raise BadTimes("closes_at")


@dataclass(frozen=True)
class Check:
    """One line of the check list before publication."""

    words: str
    fine: bool
    stops: bool = True
    step: str = ""
    """The step of the set-up where it is mended."""


def check_list(session: ExamSession, now: datetime) -> list[Check]:
    """What must be right before candidates see the session; the bank is tried out with a real draw."""
    version = outline.current("blueprint", session.level, region_id=session.region_id)
    candidates = db.session.scalars(
        select(Sitting.candidate_id).where(
            Sitting.session_id == session.id, Sitting.state == SittingState.REGISTERED
        )
    ).all()  # fmt: skip
    registered = len(candidates)
    short = papers.shortage_for(session, version, candidates)
    checks = [
        Check(_("The exam opens in the future."), session.opens_at > now, step="what"),
        Check(
            _("The bank can fill the blueprint (version %(n)s).", n=version.version)
            if not short
            else _("The bank cannot fill the blueprint. Missing: %(what)s", what=short),
            not short,
            step="rules",
        ),
    ]
    if not short and (quizzed := papers.quizzed_needed(session.level, version)):
        words = _(
            "Papers take questions of the lessons' quizzes, because without them the bank is short: %(what)s",
            what=quizzed,
        )
        checks.append(Check(words, fine=False, stops=False, step="rules"))
    if session.eligibility is Eligibility.LIST:
        words = ngettext("%(n)s candidate is on the list.", "%(n)s candidates are on the list.", registered)
        checks.append(Check(words, bool(registered), stops=False, step="who"))
    found = places.findings(session, registered or 0)
    return checks + [Check(one.words, one.fine, one.stops, step="places") for one in found]


def publish(session: ExamSession, *, by: Person, now: datetime) -> None:
    """Open registration: rules are pinned, supply is proven, papers of those registered are made in the background."""
    session.state = moved(SESSION_MOVES, session.state, SessionMove.PUBLISH)
    failed = [check.words for check in check_list(session, now) if check.stops and not check.fine]
    if failed:
        raise NotReady(why=" ".join(failed))
    session.blueprint_version_id = outline.current("blueprint", session.level, region_id=session.region_id).id
    session.rule_version_id = outline.current("exam", session.level, region_id=session.region_id).id
    session.published_at = now
    waiting = db.session.scalars(
        select(Sitting)
        .where(Sitting.session_id == session.id, Sitting.state == SittingState.REGISTERED)
        .options(joinedload(Sitting.candidate))
    ).all()
    if waiting:
        items = [{"sitting": one.id, "label": one.candidate.name} for one in waiting]
        session.papers_job_id = enqueue("exams.papers", items, by=by, title=session.title).id
        for one in waiting:
            _tell(one, session, now)
    record(Did.PUBLISH, session, by=by, more={"blueprint": session.blueprint_version_id, "papers": len(waiting)})


def begun(session: ExamSession) -> bool:
    """Has somebody started?"""
    asked = select(exists().where(Sitting.session_id == session.id, Sitting.started_at.is_not(None)))
    return bool(db.session.scalar(asked))


def cancel(session: ExamSession, *, by: Person, reason: str, now: datetime) -> None:
    """Call the session off. Refused once somebody has started; candidates are told."""
    if begun(session):
        raise Begun
    before = session.state
    session.state = moved(SESSION_MOVES, session.state, SessionMove.CANCEL)
    record(Did.CANCEL, session, by=by, reason=reason, changed={"state": (before, session.state)})
    rows = db.session.scalars(
        select(Sitting)
        .where(Sitting.session_id == session.id, Sitting.state == SittingState.REGISTERED)
        .options(joinedload(Sitting.candidate))
    )
    for one in rows.all():
        one.state, one.void_reason = moved(SITTING_MOVES, one.state, SittingMove.VOID), reason
        if before is SessionState.PUBLISHED:
            post(letters.CANCELLED, to=one.candidate, link="/exams/", title=session.title, reason=reason, now=now)


def close_if_over(session: ExamSession, now: datetime) -> bool:
    """Close a session whose time is over and in which nobody sits any more."""
    if session.state is not SessionState.PUBLISHED or now <= session.closes_at + GRACE:
        return False
    sits = db.session.scalar(
        select(exists().where(Sitting.session_id == session.id, Sitting.state == SittingState.IN_PROGRESS))
    )
    if sits:
        return False
    session.state = moved(SESSION_MOVES, session.state, SessionMove.CLOSE)
    record(Did.CLOSE, session, by=None)
    return True


# --- registering -------------------------------------------------------------------------------------------------------------


def next_possible(days: Sequence[date], asked: date, *, attempts: int, within_days: int, gap_days: int) -> date:
    """The first day from ``asked`` on which a further attempt is allowed, given the days of the others (past or booked).

    Two attempts lie ``gap_days`` apart or more, and no ``within_days`` days in a row hold more than ``attempts``.
    """

    def allowed(when: date) -> bool:
        if any(abs((one - when).days) < gap_days for one in days):
            return False
        together = sorted([*days, when])
        spans = zip(together, together[attempts:], strict=False)
        return not any((last - first).days < within_days and first <= when <= last for first, last in spans)

    steps = {timedelta(days=gap_days), timedelta(days=within_days)}
    later = sorted({asked, *(one + step for one in days for step in steps)})
    return next(when for when in later if when >= asked and allowed(when))


def attempt_days(candidate_id: int, level: int, now: datetime) -> list[date]:
    """Days of the attempts that count: started ones, and registrations that can still be used."""
    rows = db.session.execute(
        select(Sitting.state, Sitting.started_at, ExamSession)
        .join(ExamSession)
        .where(Sitting.candidate_id == candidate_id, ExamSession.level == level, Sitting.state != SittingState.VOID)
    )
    found = []
    for state, started_at, session in rows:
        if started_at is not None:
            found.append(clock.local_date(started_at))
        elif state is SittingState.REGISTERED and now <= session.last_entry_at:
            found.append(clock.local_date(session.opens_at))
    return found


def register(
    session: ExamSession,
    candidate: Person,
    *,
    by: Person,
    now: datetime,
    extra_minutes: int = 0,
    waive: str = "",
    place_id: int | None = None,
) -> Sitting:
    """Register a person, by themselves or by the office (``waive``: its reason to admit somebody by rule not eligible).

    Session and candidate are locked, so that seats and attempts are counted truly under any number of requests at once.
    """
    session, candidate = locked(session), locked(candidate)
    earlier = check_register(session, candidate, by=by, now=now, waive=waive)
    made = Sitting(
        session_id=session.id,
        candidate_id=candidate.id,
        attempt=1 + earlier,
        registered_at=now,
        registered_by_id=by.id,
        extra_minutes=extra_minutes,
    )
    db.session.add(made)
    if waive.strip() and candidate.id != by.id:
        db.session.flush()  # the event names it
        note = waive.strip()[:400]
        db.session.add(
            SittingEvent(sitting_id=made.id, kind=EventKind.REGISTERED_BY_HAND, at=now, by_id=by.id, note=note)
        )
    record(Did.REGISTER, made, by=by, reason=waive, more={"session": session.id, "candidate": candidate.id})
    places.take(made, session, place_id, by=by)
    if session.state is SessionState.PUBLISHED:
        papers.make_paper(made, session)
        made.candidate = candidate
        _tell(made, session, now)
        if places.arrangement_of(session.id).seats_published_at is not None:
            db.session.flush()  # the notice reads the seat back
            places.tell(session, [made.id], now=now)
            places.order_tickets(session, [made.id], by=by)
    return made


def check_register(session: ExamSession, candidate: Person, *, by: Person, now: datetime, waive: str = "") -> int:
    """How many registrations of the person in this session are void; a Refused where they cannot register.

    ``register`` asks it under its locks; a dry run asks it without.
    """
    own = candidate.id == by.id
    if not own:
        must_reach(by, Can.RUN_EXAM, region=session.region_id)
    open_states = (SessionState.PUBLISHED,) if own else (SessionState.PUBLISHED, SessionState.DRAFT)
    if session.state not in open_states or now > session.last_entry_at:
        raise NotOpen
    if own and session.eligibility is Eligibility.LIST:
        raise OnlyByList
    earlier = db.session.scalars(
        select(Sitting).where(Sitting.session_id == session.id, Sitting.candidate_id == candidate.id)
    ).all()
    if any(one.state is not SittingState.VOID for one in earlier):
        raise AlreadyRegistered
    bars.refuse_barred(candidate, clock.local_date(session.opens_at), own=own)
    by_rule = session.eligibility is Eligibility.TRAINING and (own or not waive.strip())
    if by_rule and not asks.training_passed(candidate, session.level):
        raise NotEligible
    _check_attempts(session, candidate, now, of_class=by_rule)
    if session.seats is not None:
        taken = db.session.scalar(
            select(func.count()).where(Sitting.session_id == session.id, Sitting.state != SittingState.VOID)
        )
        if (taken or 0) >= session.seats:
            raise Full
    return len(earlier)


def _check_attempts(session: ExamSession, candidate: Person, now: datetime, *, of_class: bool) -> None:
    """``of_class``: somebody comes by rule, so a retake belongs to their class (the office may admit besides)."""
    rules = rules_for(session.level, session.region_id, clock.local_date(now))
    asked = clock.local_date(session.opens_at)
    days = attempt_days(candidate.id, session.level, now)
    if of_class and class_used_up(candidate, session.level, days, asked, rules):
        raise NewClassFirst
    first = next_possible(
        days, asked, attempts=rules["attempts"], within_days=rules["attempts_days"], gap_days=rules["gap_days"]
    )
    if first > asked:
        raise NoAttempt(day=day(first))


def class_used_up(candidate: Person, level: int, days: Sequence[date], asked: date, rules: dict[str, Any]) -> bool:
    """Must the candidate take a class again before another attempt? 补考: in the same class, so many attempts, so many days.

    Who has no class of the level (training exempted, or credited from elsewhere) is bound by the days alone.
    """
    if marking_rules(rules)["retake"] != "class" or not days:
        return False
    begun = asks.class_begun(candidate, level)
    if begun is None:
        return False
    since = [one for one in days if begun <= one < asked]
    over = bool(since) and (asked - min(since)).days >= rules["attempts_days"]
    return over or len([one for one in days if one >= begun]) >= rules["attempts"]


def _tell(sitting: Sitting, session: ExamSession, now: datetime) -> None:
    post(letters.REGISTERED, to=sitting.candidate, link=f"/exams/sittings/{sitting.id}/start", title=session.title,
         opens=session.opens_at, place=places.place_words(sitting.id) or session.place or "—", now=now)  # fmt: skip


def withdraw(sitting: Sitting, *, by: Person, now: datetime) -> None:
    """Take a registration back before the exam opens. It is not counted as an attempt."""
    session = db.session.get_one(ExamSession, sitting.session_id)
    if now >= session.opens_at:
        raise NotOpen
    sitting.state = moved(SITTING_MOVES, sitting.state, SittingMove.VOID)
    sitting.void_reason = _("Registration withdrawn")
    places.free(sitting)
    db.session.add(SittingEvent(sitting_id=sitting.id, kind=EventKind.VOIDED, at=now, by_id=by.id))
    record(Did.WITHDRAW, sitting, by=by)


@dataclass(frozen=True)
class Offer:
    """A session a person may look at, and why they cannot register (a refusal), or None when they can."""

    session: ExamSession
    refusal: Refused | None


def sessions_open_to(person: Person, now: datetime) -> list[Offer]:
    """Published sessions of the person's region that are still to be entered and for which they are not registered."""
    rows = db.session.scalars(
        select(ExamSession)
        .where(
            ExamSession.state == SessionState.PUBLISHED,
            ExamSession.region_id == person.region_id,
            ExamSession.closes_at > now,
            ~exists().where(
                Sitting.session_id == ExamSession.id,
                Sitting.candidate_id == person.id,
                Sitting.state != SittingState.VOID,
            ),
        )
        .order_by(ExamSession.opens_at)
        .limit(50)
    ).all()
    bar = bars.bar_of(person.id, clock.local_date(now)) if rows else None
    passed = {level: asks.training_passed(person, level) for level in {one.level for one in rows}}
    offers = []
    for session in rows:
        refusal: Refused | None = None
        if now > session.last_entry_at:
            continue
        if session.eligibility is Eligibility.LIST:
            refusal = OnlyByList()
        elif bar is not None and bar.until > clock.local_date(session.opens_at):
            refusal = bars.Barred(day=day(bar.until), why=bar.words)
        elif not passed[session.level]:
            refusal = NotEligible()
        else:
            try:
                _check_attempts(session, person, now, of_class=True)
            except (NoAttempt, NewClassFirst) as error:
                refusal = error
        offers.append(Offer(session, refusal))
    return offers


def blueprint_version(session: ExamSession) -> RuleVersion:
    """The blueprint papers are made from: the pinned one, or for a draft the one in force."""
    if session.blueprint_version_id is None:
        return outline.current("blueprint", session.level, region_id=session.region_id)
    return db.session.get_one(RuleVersion, session.blueprint_version_id)
