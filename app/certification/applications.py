"""Applying, review by one officer, public notice with objections, and what is open until the decision."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any

from flask_babel import force_locale
from sqlalchemy import Select, bindparam, func, or_, select

from app.accounts.models import Person, Region
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.certification import gates, letters, rules
from app.certification.deeds import Did
from app.certification.errors import (
    AlreadyApplied,
    AlreadyHeld,
    NoIdentity,
    NoRegion,
    NotEligible,
    NoticeOver,
    NoticeRuns,
    ObjectionOpen,
    OwnCase,
    ReasonMissing,
    SamePerson,
)
from app.certification.models import Application, ApplicationEvent, Certificate, Objection
from app.certification.states import MOVES, OPEN, Move, Standing, State
from app.core.clock import local_date
from app.core.errors import NotFound, Refused
from app.core.permissions import Can
from app.core.states import moved
from app.core.text import day as day_words
from app.core.waiting import Waiting, waiting
from app.core.workdays import add_working_days
from app.db import db, rows
from app.notices.service import Letter, post
from app.outline import service as outline
from app.outline.models import RuleVersion
from app.pathway.rules import Pathway
from app.pathway.words import missing_words
from certificates.snapshot import fingerprint, plain
from certificates.validity import renewal_window

NOT_ISSUED = "not_issued"
"""An attempt to issue that met with a refusal, in the history of a case; its state stays."""


def list_missing(pathway: Pathway) -> str:
    return "；".join(missing_words(one) for one in pathway.missing)


def obstacles(person: Person, rank: int, on: date) -> None:
    """Everything but the pathway that stands in the way of applying. Raises AlreadyHeld, AlreadyApplied, NoRegion,
    NoIdentity."""
    held = held_at_level(person, rank, on)
    if held is not None:
        raise AlreadyHeld(number=held.number)
    if open_application(person, rank) is not None:
        raise AlreadyApplied
    region = db.session.get(Region, person.region_id) if person.region_id else None
    if region is None or not region.ours:
        raise NoRegion
    if not person.id_sealed:
        raise NoIdentity


def held_at_level(person: Person, rank: int, on: date) -> Certificate | None:
    """A certificate of this level that still stands or can still be renewed."""
    found = db.session.scalars(
        select(Certificate)
        .where(
            Certificate.holder_id == person.id,
            Certificate.rank == rank,
            Certificate.standing.in_((Standing.GOOD, Standing.SUSPENDED)),
        )
        .order_by(Certificate.id.desc())
    )
    for one in found:
        if one.valid_until is None or on <= renewal_window(one.valid_until).closes:
            return one
    return None


@cache
def _open() -> Select[Application]:
    mine = (Application.person_id == bindparam("person"), Application.rank == bindparam("rank"))
    return select(Application).where(*mine, Application.state.in_(OPEN))


@cache
def _open_id() -> Select[int]:
    a = Application.__table__.c
    return select(a.id).where(a.person_id == bindparam("person"), a.rank == bindparam("rank"), a.state.in_(OPEN))


def open_application_id(person: Person, rank: int) -> int | None:
    """The number of the open application, without reading its evidence."""
    return rows(_open_id(), {"person": person.id, "rank": rank}).scalar()


def open_application(person: Person, rank: int) -> Application | None:
    return db.session.scalar(_open(), {"person": person.id, "rank": rank})


def apply_for(person: Person, rank: int, *, by: Person, now: datetime) -> Application:
    """Apply for a level; the evidence is frozen with its SHA-256.

    Raises NotEligible with the missing list, AlreadyHeld, AlreadyApplied (one open application per person and level),
    NoRegion, NoIdentity.
    """
    db.session.execute(select(Person.id).where(Person.id == person.id).with_for_update())
    on = local_date(now)
    obstacles(person, rank, on)
    pathway = gates.pathway_now(person, rank, on)
    if not pathway.eligible:
        raise NotEligible(pathway.missing, list_missing(pathway))
    evidence = evidence_of(person, pathway)
    made = Application(
        person=person,
        rank=rank,
        region_id=person.region_id,
        scheme_id=pathway.scheme_id,
        unit_name=evidence["applicant"]["unit"],
        class_name=evidence["applicant"]["class"],
        evidence=evidence,
        evidence_hash=fingerprint(evidence),
        submitted_at=now,
    )
    db.session.add(made)
    _note(made, Move.SUBMIT, by, now)
    record(Did.APPLY, made, by=by, more={"rank": rank, "evidence": made.evidence_hash})
    _tell(letters.SUBMITTED, made)
    return made


def evidence_of(person: Person, pathway: Pathway) -> dict[str, Any]:
    """What is frozen with an application: the pathway's judgement, and who is judged."""
    return plain(
        {
            "applicant": {
                "id": person.id,
                "name": person.name,
                "unit": person.organisation.name_zh if person.organisation else "",
                "class": gates.class_of(person, pathway.rank, pathway.on),
                "education": person.education,
                "experience_years": person.experience_years,
                "title_level": person.title_level,
                "title_years": person.title_years,
                "field": person.field,
            },
            "pathway": pathway.as_evidence(),
        }
    )


def resubmit(application: Application, *, by: Person, now: datetime) -> None:
    """Hand a returned application in again; what is judged is frozen anew. Raises NotEligible, OwnCase for others."""
    if application.person_id != by.id:
        raise NotFound
    after = moved(MOVES, application.state, Move.SUBMIT)
    pathway = gates.pathway_now(application.person, application.rank, local_date(now))
    if not pathway.eligible:
        raise NotEligible(pathway.missing, list_missing(pathway))
    _freeze(application, pathway)
    application.state, application.submitted_at, application.remark = after, now, ""
    application.reviewed_by_id = application.reviewed_at = None
    _note(application, Move.SUBMIT, by, now)
    record(Did.APPLY, application, by=by, more={"again": True, "evidence": application.evidence_hash})


def _freeze(application: Application, pathway: Pathway) -> None:
    evidence = evidence_of(application.person, pathway)
    application.evidence, application.evidence_hash = evidence, fingerprint(evidence)
    application.scheme_id = pathway.scheme_id
    application.unit_name, application.class_name = evidence["applicant"]["unit"], evidence["applicant"]["class"]


def withdraw(application: Application, *, by: Person, now: datetime) -> None:
    """The applicant takes the application back; possible until the decision."""
    if application.person_id != by.id:
        raise NotFound
    application.state = moved(MOVES, application.state, Move.WITHDRAW)
    _note(application, Move.WITHDRAW, by, now)
    record(Did.WITHDRAW, application, by=by)


def take(application: Application, *, by: Person, now: datetime) -> None:
    """An officer takes a case into review, so that colleagues see who has it."""
    may_act(application, by, Can.REVIEW_APPLICATION)
    application.state = moved(MOVES, application.state, Move.TAKE)
    application.reviewed_by_id = by.id
    _note(application, Move.TAKE, by, now)
    record(Did.TAKE, application, by=by)


def return_for_correction(application: Application, *, by: Person, reason: str, now: datetime) -> None:
    """Give the case back to the applicant with a reason."""
    may_act(application, by, Can.REVIEW_APPLICATION)
    after = moved(MOVES, application.state, Move.RETURN)
    if not reason.strip():
        raise ReasonMissing("reason")
    application.state, application.remark = after, reason
    application.reviewed_by_id, application.reviewed_at = by.id, now
    _note(application, Move.RETURN, by, now, reason)
    record(Did.RETURN, application, by=by, reason=reason)
    _tell(letters.RETURNED, application, reason=reason)


def publish(application: Application, *, by: Person, now: datetime, remark: str = "") -> None:
    """Pass the review and put the case on public notice for the scheme's number of working days, counted from tomorrow.

    The gates are judged again; raises NotEligible when something has fallen away since.
    """
    may_act(application, by, Can.REVIEW_APPLICATION)
    after = moved(MOVES, application.state, Move.PUBLISH)
    today = local_date(now)
    pathway = gates.pathway_now(application.person, application.rank, today)
    if not pathway.eligible:
        raise NotEligible(pathway.missing, list_missing(pathway))
    application.state, application.reviewed_by_id, application.reviewed_at = after, by.id, now
    application.published_on = today
    application.notice_ends_on = notice_end(today, application.scheme, application.region_id)
    application.remark = remark
    _note(application, Move.PUBLISH, by, now, remark)
    record(Did.PUBLISH, application, by=by, reason=remark, more={"until": application.notice_ends_on})
    _tell(letters.ON_NOTICE, application, until=application.notice_ends_on)


def notice_end(published_on: date, scheme: RuleVersion, region_id: int) -> date:
    """The last day of a public notice: the n-th working day after publication (worked example 9)."""
    days = outline.typed(scheme)["publicity_days"]
    return add_working_days(published_on, days, outline.calendar(region_id=region_id, on=published_on))


def propose_refusal(application: Application, *, by: Person, reason: str, now: datetime) -> None:
    """The reviewer finds that the application must be refused; a second officer confirms or sends it back."""
    may_act(application, by, Can.REVIEW_APPLICATION)
    after = moved(MOVES, application.state, Move.PROPOSE_REFUSAL)
    if not reason.strip():
        raise ReasonMissing("reason")
    application.state, application.remark = after, reason
    application.reviewed_by_id, application.reviewed_at = by.id, now
    _note(application, Move.PROPOSE_REFUSAL, by, now, reason)
    record(Did.PROPOSE_REFUSAL, application, by=by, reason=reason)


def refuse(application: Application, *, by: Person, reason: str, now: datetime) -> None:
    """The second officer refuses: after a proposed refusal, or when the notice is over. Raises SamePerson."""
    must_decide(application, by)
    after = moved(MOVES, application.state, Move.REFUSE)
    if not reason.strip():
        raise ReasonMissing("reason")
    if application.state is State.PUBLICITY:
        notice_done(application, local_date(now))
    application.state, application.remark = after, reason
    application.decided_by_id, application.decided_at = by.id, now
    _note(application, Move.REFUSE, by, now, reason)
    record(Did.REFUSE, application, by=by, reason=reason)
    _tell(letters.REFUSED, application, reason=reason)


def send_back(application: Application, *, by: Person, reason: str, now: datetime) -> None:
    """The second officer sends the case back to review."""
    must_decide(application, by)
    if application.state is State.OBJECTION:
        raise ObjectionOpen
    if not reason.strip():
        raise ReasonMissing("reason")
    back_to_review(application, by=by, reason=reason, now=now)


def back_to_review(application: Application, *, by: Person, reason: str, now: datetime) -> None:
    """In review again, off the public notice; the applicant is told why."""
    application.state = moved(MOVES, application.state, Move.BACK)
    application.remark = reason
    application.published_on = application.notice_ends_on = None
    _note(application, Move.BACK, by, now, reason)
    record(Did.SEND_BACK, application, by=by, reason=reason)
    _tell(letters.BACK_IN_REVIEW, application, reason=reason)


def may_act(application: Application, by: Person, can: Can) -> None:
    must_reach(by, can, region=application.region_id)
    if application.person_id == by.id:
        raise OwnCase


def must_decide(application: Application, by: Person) -> None:
    """The decision belongs to a second person: neither the applicant nor the reviewer."""
    may_act(application, by, Can.DECIDE_APPLICATION)
    if application.reviewed_by_id == by.id:
        raise SamePerson


def notice_done(application: Application, today: date) -> None:
    """Raises NoticeRuns, ObjectionOpen while the decision must wait."""
    if application.notice_ends_on is None or today <= application.notice_ends_on:
        raise NoticeRuns(until=day_words(application.notice_ends_on))
    if any(one.upheld is None for one in application.objections):
        raise ObjectionOpen


# Objections


def object_to(application: Application, *, name: str, contact: str, grounds: str, now: datetime) -> Objection:
    """Anybody objects to a case on public notice. Raises NoticeOver."""
    if not on_notice(application, local_date(now)):
        raise NoticeOver
    application.state = moved(MOVES, application.state, Move.OBJECT)
    made = Objection(application=application, name=name, contact=contact, grounds=grounds, made_at=now)
    db.session.add(made)
    _note(application, Move.OBJECT, None, now)
    record(Did.OBJECT, made, by=None)
    return made


def settle_objection(objection: Objection, *, upheld: bool, finding: str, by: Person, now: datetime) -> None:
    """Write down what the inquiry found. Upheld: the case goes back to review; else, with none left open, the notice
    goes on."""
    application = objection.application
    may_act(application, by, Can.REVIEW_APPLICATION)
    if objection.upheld is not None:
        raise NotFound
    if not finding.strip():
        raise ReasonMissing("finding")
    objection.upheld, objection.finding, objection.settled_at, objection.settled_by_id = upheld, finding, now, by.id
    record(Did.SETTLE_OBJECTION, objection, by=by, reason=finding, more={"upheld": upheld})
    if application.state is not State.OBJECTION:
        return  # an earlier objection has sent it back already
    if upheld:
        back_to_review(application, by=by, reason=finding, now=now)
    elif all(one.upheld is not None for one in application.objections):
        application.state = moved(MOVES, application.state, Move.SETTLE)
        _note(application, Move.SETTLE, by, now, finding)


def answer_due(objection: Objection) -> date:
    """The working day by which an objection is to be handled."""
    application = objection.application
    made_on = local_date(objection.made_at)
    days = outline.rule(rules.OBJECTIONS, region_id=application.region_id, on=made_on)["answer_days"]
    return add_working_days(made_on, days, outline.calendar(region_id=application.region_id, on=made_on))


def on_notice(application: Application, today: date) -> bool:
    return (
        application.state in (State.PUBLICITY, State.OBJECTION)
        and application.notice_ends_on is not None
        and today <= application.notice_ends_on
    )


def notices(today: date) -> Select[Application]:
    """Cases on public notice today; they leave the page when the notice is over."""
    return select(Application).where(
        Application.state.in_((State.PUBLICITY, State.OBJECTION)), Application.notice_ends_on >= today
    )


def notice_for(application_id: int, today: date) -> Application:
    """One case on public notice today. NotFound otherwise."""
    found = db.session.scalar(notices(today).where(Application.id == application_id))
    if found is None:
        raise NotFound
    return found


# Sight


def applications_visible_to(person: Person) -> Select[Application]:
    """Cases in an officer's regions."""
    return select(Application).where(within(person, Can.READ_APPLICATION, region=Application.region_id))


def application_for(person: Person, application_id: int) -> Application:
    """One case an officer may read. NotFound otherwise."""
    found = db.session.scalar(applications_visible_to(person).where(Application.id == application_id))
    if found is None:
        raise NotFound
    return found


def own_application(person: Person, application_id: int) -> Application:
    """One's own application. NotFound otherwise."""
    found = db.session.get(Application, application_id)
    if found is None or found.person_id != person.id:
        raise NotFound
    return found


def applications_of(person: Person) -> list[Application]:
    """A person's applications, newest first."""
    return list(
        db.session.scalars(
            select(Application).where(Application.person_id == person.id).order_by(Application.id.desc())
        )
    )


def objection_for(person: Person, objection_id: int) -> Objection:
    found = db.session.get(Objection, objection_id)
    if found is None:
        raise NotFound
    application_for(person, found.application_id)
    return found


def tab_condition(tab: str, today: date) -> Any:
    """What stands under a tab of the officers' queue."""
    state = Application.state
    over = Application.notice_ends_on < today
    return {
        "review": state.in_((State.SUBMITTED, State.IN_REVIEW)),
        "notice": (state == State.PUBLICITY) & ~over,
        "objection": state == State.OBJECTION,
        "decide": or_((state == State.PUBLICITY) & over, state == State.REFUSAL_PROPOSED),
        "returned": state == State.RETURNED,
        "done": state.in_((State.ISSUED, State.REFUSED, State.WITHDRAWN)),
    }[tab]


TABS = ("review", "notice", "objection", "decide", "returned", "done")


def tab_counts(person: Person, today: date) -> dict[str, int]:
    """How many cases stand under each tab, in one statement."""
    columns = [func.count().filter(tab_condition(t, today)) for t in TABS]
    row = db.session.execute(applications_visible_to(person).with_only_columns(*columns)).one()
    return dict(zip(TABS, row, strict=True))


def waiting_count(person: Person, today: date) -> Waiting:
    """How many cases wait for a step of this officer: to review, to settle, or to decide."""
    mine = or_(tab_condition("review", today), tab_condition("objection", today), tab_condition("decide", today))
    return waiting(applications_visible_to(person).where(mine), Application.submitted_at)


def _note(application: Application, move: Move, by: Person | None, now: datetime, note: str = "") -> None:
    db.session.add(
        ApplicationEvent(application=application, at=now, by_id=by.id if by else None, move=move.value, note=note)
    )


def note_not_issued(application: Application, by: Person, refusal: Refused, now: datetime) -> None:
    """A bulk issue left this case out: the reason stands in its history, where applicant and office read what to mend."""
    with force_locale(application.person.locale or "zh_Hans"):
        said = refusal.text
    last = application.events[-1] if application.events else None
    if last is None or (last.move, last.note) != (NOT_ISSUED, said):
        db.session.add(ApplicationEvent(application=application, at=now, by_id=by.id, move=NOT_ISSUED, note=said))


def note_issue(application: Application, by: Person, now: datetime) -> None:
    _note(application, Move.ISSUE, by, now)


def _tell(letter: Letter, application: Application, **values: Any) -> None:
    person = application.person
    if application.id is None:
        db.session.flush()  # the letter links to it
    with force_locale(person.locale or "zh_Hans"):
        level = outline.level_name(application.rank, region_id=application.region_id)
    post(letter, to=person, link=f"/applications/{application.id}", level=level, **values)
