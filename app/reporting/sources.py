"""The rows behind the figures: one select each, with the columns id, at, kind, level, person, what, value.

The cut-off is part of every select: what was entered, released or decided after the end of that day is not there, and what
was corrected after it stands as it stood.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Integer,
    Select,
    String,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import aliased

from app.accounts.models import Person, Region
from app.certification.figures import valid_on
from app.certification.models import Application, Certificate, Edition
from app.certification.states import EditionKind
from app.core.clock import end_of, start_of
from app.exams.models import Appeal, AppealOutcome, ExamSession, RegradeChange, Sitting
from app.exams.states import SittingState
from app.outline.service import rule
from app.performance.arithmetic import Band
from app.performance.models import Contract, ContractShare, CreditEntry, IntegrityEntry
from app.performance.rules import as_bands
from app.practice.models import EntryStep, LogEntry
from app.practice.states import Move
from app.recognition.models import RecognitionCase
from app.reporting.figures import Asked
from app.training.models import Enrolment, HourEntry, TrainingClass
from app.training.states import ClassState
from app.verification.models import VerificationQuery

Rows = Select[Any]


def _columns(
    row: Any, at: Any, *, kind: Any = None, level: Any = None, person: Any = None, what: Any = None, value: Any = None
) -> list[Any]:
    return [
        row.label("id"),
        at.label("at"),
        cast(literal("") if kind is None else kind, String).label("kind"),
        (cast(null(), Integer) if level is None else level).label("level"),
        (cast(null(), Integer) if person is None else person).label("person"),
        cast(literal("") if what is None else what, String).label("what"),
        (cast(null(), BigInteger) if value is None else value).label("value"),
    ]


def _within(column: Any, asked: Asked) -> Any:
    """Instants of the period, its last day included."""
    return and_(column >= start_of(asked.since), column < end_of(asked.on))


# --- the funnel: those admitted in the period, and how far they had come by the cut-off day -----------------------------------


def _cohort(asked: Asked) -> Any:
    """Each person once per level: the first admission to a class, which must fall into the period."""
    first = (
        select(
            func.min(Enrolment.id).label("id"), Enrolment.person_id.label("person"), TrainingClass.level.label("level"),
            func.min(Enrolment.admitted_at).label("at"),
        )
        .join(TrainingClass, TrainingClass.id == Enrolment.class_id)
        .where(
            Enrolment.admitted_at < end_of(asked.on),
            asked.reaches(region=TrainingClass.region_id, base=TrainingClass.organisation_id),
        )
        .group_by(Enrolment.person_id, TrainingClass.level)
        .subquery()
    )  # fmt: skip
    return select(first).where(_within(first.c.at, asked)).subquery()


def admitted(asked: Asked) -> Rows:
    one = _cohort(asked)
    return select(*_columns(one.c.id, one.c.at, level=one.c.level, person=one.c.person))


def _reached(one: Any, done: Rows) -> Rows:
    """Those of the cohort ``one`` for whom there is a row of ``done``."""
    columns = _columns(one.c.id, one.c.at, level=one.c.level, person=one.c.person)
    return select(*columns).where(exists(done.correlate(one)))


def completed(asked: Asked) -> Rows:
    one, other, klass = _cohort(asked), aliased(Enrolment), aliased(TrainingClass)
    done = (
        select(other.id)
        .join(klass, klass.id == other.class_id)
        .where(other.person_id == one.c.person, klass.level == one.c.level, other.completed_at < end_of(asked.on))
    )
    return _reached(one, done)


def exam_passed(asked: Asked) -> Rows:
    one = _cohort(asked)
    done = (
        select(Sitting.id)
        .join(ExamSession, ExamSession.id == Sitting.session_id)
        .where(
            Sitting.candidate_id == one.c.person, ExamSession.level == one.c.level, Sitting.released_at < end_of(asked.on),
            Sitting.state != SittingState.VOID, _passed(asked).is_(True),
        )
    )  # fmt: skip
    return _reached(one, done)


def task_passed(asked: Asked) -> Rows:
    one = _cohort(asked)
    done = (
        select(EntryStep.id)
        .join(LogEntry, LogEntry.id == EntryStep.entry_id)
        .where(
            LogEntry.trainee_id == one.c.person, LogEntry.rank == one.c.level, EntryStep.move == Move.PASS,
            EntryStep.at < end_of(asked.on),
        )
    )  # fmt: skip
    return _reached(one, done)


def credited(asked: Asked) -> Rows:
    one, taken = _cohort(asked), aliased(CreditEntry)
    back = select(taken.id).where(taken.reverses_id == CreditEntry.id, taken.created_at < end_of(asked.on))
    done = select(CreditEntry.id).where(
        CreditEntry.person_id == one.c.person, CreditEntry.reverses_id.is_(None), CreditEntry.created_at < end_of(asked.on),
        ~exists(back),
    )  # fmt: skip
    return _reached(one, done)


def applied(asked: Asked) -> Rows:
    one = _cohort(asked)
    done = select(Application.id).where(
        Application.person_id == one.c.person,
        Application.rank == one.c.level,
        Application.submitted_at < end_of(asked.on),
    )
    return _reached(one, done)


def certified(asked: Asked) -> Rows:
    one = _cohort(asked)
    done = select(Certificate.id).where(
        Certificate.holder_id == one.c.person, Certificate.rank == one.c.level, Certificate.earlier.is_(False),
        Certificate.first_issued_on <= asked.on,
    )  # fmt: skip
    return _reached(one, done)


# --- training ----------------------------------------------------------------------------------------------------------------


def classes(asked: Asked) -> Rows:
    one = TrainingClass
    kind = case((one.online.is_(True), "online"), else_="on_site")
    return select(*_columns(one.id, one.ends_on, kind=kind, level=one.level, what=one.title)).where(
        one.ends_on.between(asked.since, asked.on), one.state.not_in((ClassState.DRAFT, ClassState.CANCELLED)),
        asked.reaches(region=one.region_id, base=one.organisation_id),
    )  # fmt: skip


def admissions(asked: Asked) -> Rows:
    return _enrolments(asked, Enrolment.admitted_at)


def completions(asked: Asked) -> Rows:
    return _enrolments(asked, Enrolment.completed_at)


def _enrolments(asked: Asked, at: Any) -> Rows:
    klass = TrainingClass
    return (
        select(*_columns(Enrolment.id, at, level=klass.level, person=Enrolment.person_id, what=klass.title))
        .join(klass, klass.id == Enrolment.class_id)
        .where(_within(at, asked), asked.reaches(region=klass.region_id, base=klass.organisation_id))
    )


def hours(asked: Asked) -> Rows:
    """The lines of the ledger, reversals included; lines of no class belong to the scope of their person's classes."""
    one, klass = HourEntry, TrainingClass
    mine = or_(
        asked.reaches(region=klass.region_id, base=klass.organisation_id),
        and_(one.class_id.is_(None), asked.reaches(person=one.person_id)),
    )
    return (
        select(
            *_columns(
                one.id,
                one.earned_on,
                kind=one.module,
                level=one.level,
                person=one.person_id,
                what=klass.title,
                value=one.hours,
            )
        )
        .outerjoin(klass, klass.id == one.class_id)
        .where(one.earned_on.between(asked.since, asked.on), one.created_at < end_of(asked.on), mine)
    )


# --- exams -------------------------------------------------------------------------------------------------------------------


def _passed(asked: Asked) -> Any:
    """Whether a sitting had passed as known at the end of the cut-off day: what a later regrade or result review found
    before it changed the mark, else what stands."""
    end = end_of(asked.on)
    corrected = and_(Appeal.decided_at >= end, Appeal.outcome == AppealOutcome.CORRECTED)
    earlier = select(Appeal.id).where(
        Appeal.sitting_id == RegradeChange.sitting_id, corrected, Appeal.decided_at < RegradeChange.applied_at
    )
    regraded = (
        select(RegradeChange.passed_before)
        .where(RegradeChange.sitting_id == Sitting.id, RegradeChange.applied_at >= end, ~exists(earlier))
        .order_by(RegradeChange.applied_at)
        .limit(1)
        .correlate(Sitting)
        .scalar_subquery()
    )
    # Score and maximum are kept in hundredths: score / maximum >= pass mark per cent, in whole numbers.
    score, most = type_coerce(Appeal.score_before, BigInteger), type_coerce(Sitting.maximum, BigInteger)
    reviewed = (
        select(score * 10000 >= type_coerce(ExamSession.pass_mark, BigInteger) * most)
        .where(Appeal.sitting_id == Sitting.id, corrected)
        .correlate(Sitting, ExamSession)
        .scalar_subquery()
    )
    return func.coalesce(regraded, reviewed, Sitting.passed)


def _sittings(asked: Asked) -> Rows:
    one, session = Sitting, ExamSession
    kind = case((_passed(asked).is_(True), "passed"), else_="failed")
    return (
        select(
            *_columns(one.id, one.released_at, kind=kind, level=session.level, person=one.candidate_id, what=session.title)
        )
        .join(session, session.id == one.session_id)
        .where(
            _within(one.released_at, asked), one.submitted_at.is_not(None), one.state != SittingState.VOID,
            asked.reaches(region=session.region_id, person=one.candidate_id),
        )
    )  # fmt: skip


def results(asked: Asked) -> Rows:
    return _sittings(asked)


def passes(asked: Asked) -> Rows:
    inner = _sittings(asked).subquery()
    return select(inner).where(inner.c.kind == "passed")


# --- practice ----------------------------------------------------------------------------------------------------------------


def _decided(asked: Asked, move: Move) -> Rows:
    entry, step = LogEntry, EntryStep
    return (
        select(
            *_columns(entry.id, step.at, kind=entry.task_code, level=entry.rank, person=entry.trainee_id,
                      what=case((entry.was_core.is_(True), ""), else_=entry.title))
        )
        .join(entry, entry.id == step.entry_id)
        .where(step.move == move, _within(step.at, asked), asked.reaches(region=entry.region_id, base=entry.base_id))
    )  # fmt: skip


def tasks_passed(asked: Asked) -> Rows:
    return _decided(asked, Move.PASS)


def tasks_real(asked: Asked) -> Rows:
    return _decided(asked, Move.PASS).where(LogEntry.real.is_(True))


def tasks_failed(asked: Asked) -> Rows:
    return _decided(asked, Move.FAIL)


# --- performance -------------------------------------------------------------------------------------------------------------


def _contracts(asked: Asked) -> Rows:
    one, share = Contract, ContractShare
    mine = asked.reaches(region=one.region_id)
    if asked.bases:
        held = select(share.id).where(share.contract_id == one.id, asked.reaches(person=share.person_id))
        mine = or_(mine, exists(held.correlate(one)))
    return select(*_columns(one.id, one.registered_on, kind=one.kind, what=one.number, value=one.amount)).where(
        one.registered_on.between(asked.since, asked.on), mine
    )


def contracts(asked: Asked) -> Rows:
    """Contracts of the register, each once whoever claims it; dissolved ones only while they stood on the day."""
    return _contracts(asked).where(or_(Contract.dissolved_on.is_(None), Contract.dissolved_on > asked.on))


def dissolved(asked: Asked) -> Rows:
    one = Contract
    rows = _contracts(asked).subquery()
    inner = select(one.id).where(one.dissolved_on.between(asked.since, asked.on), one.id == rows.c.id)
    return select(rows).where(exists(inner.correlate(rows)))


def points(asked: Asked) -> Rows:
    one = CreditEntry
    return select(
        *_columns(
            one.claim_id, one.created_at, kind=one.indicator, person=one.person_id, what=one.reason, value=one.points
        )
    ).where(_within(one.created_at, asked), _of_people(asked, one.person_id))


def _of_people(asked: Asked, person: Any) -> Any:
    """People of a scope where the row itself names none: those of its region, or of a base's classes."""
    if asked.everything:
        return asked.reaches()
    region = select(Person.id).where(Person.region_id.in_(asked.regions or ()))
    return or_(asked.reaches(person=person), person.in_(region))


def bands(asked: Asked) -> Rows:
    """People with a line in the integrity ledger by the day, in the band their score falls in. Scores stand in hundredths."""
    one = IntegrityEntry
    asked_rule = rule("credit_bands", on=asked.on)
    start = rule("credit_events", on=asked.on)["start"]
    limits = as_bands(asked_rule)
    lines = (
        select(one.person_id.label("person"), func.max(one.id).label("id"), func.max(one.dated).label("at"),
               func.sum(type_coerce(one.points, BigInteger)).label("moved"))
        .where(one.dated <= asked.on, one.created_at < end_of(asked.on), _of_people(asked, one.person_id))
        .group_by(one.person_id)
        .subquery()
    )  # fmt: skip
    score = lines.c.moved + int(start * 100)
    kind = case(
        *((score >= int(least * 100), band.value) for band, least in (
            (Band.GOOD, limits.good), (Band.REMIND, limits.remind), (Band.WATCH, limits.watch),
        )),
        else_=Band.STOPPED.value,
    )  # fmt: skip
    return select(*_columns(lines.c.id, lines.c.at, kind=kind, person=lines.c.person))


# --- certification, recognition, verification --------------------------------------------------------------------------------


def applications(asked: Asked) -> Rows:
    one = Application
    return select(*_columns(one.id, one.submitted_at, level=one.rank, person=one.person_id, what=one.unit_name)).where(
        _within(one.submitted_at, asked), asked.reaches(region=one.region_id, person=one.person_id)
    )


def issued(asked: Asked) -> Rows:
    one = Certificate
    return (
        select(*_columns(one.id, Edition.issued_on, kind=Edition.kind, level=one.rank, person=one.holder_id, what=one.number))
        .join(Edition, Edition.certificate_id == one.id)
        .where(
            Edition.kind != EditionKind.PRIOR, Edition.issued_on.between(asked.since, asked.on),
            asked.reaches(region=one.region_id, person=one.holder_id),
        )
    )  # fmt: skip


def days_to_issue(asked: Asked) -> Rows:
    one = Certificate
    columns = _columns(one.id, one.first_issued_on, level=one.rank, person=one.holder_id, what=one.number)
    return (
        select(*columns, Application.submitted_at.label("begun"))
        .join(Application, Application.id == one.application_id)
        .where(
            one.first_issued_on.between(asked.since, asked.on),
            asked.reaches(region=one.region_id, person=one.holder_id),
        )
    )


def valid(asked: Asked) -> Rows:
    """Certificates in force at the end of the day; ``kind`` is the code of the region."""
    one = Certificate
    columns = _columns(
        one.id, Edition.issued_on, kind=Region.code, level=one.rank, person=one.holder_id, what=one.number
    )
    return (
        valid_on(asked.on)
        .with_only_columns(*columns)
        .join(Region, Region.id == one.region_id)
        .where(asked.reaches(region=one.region_id, person=one.holder_id))
    )


def recognised(asked: Asked) -> Rows:
    one = RecognitionCase
    return select(
        *_columns(
            one.id, one.decided_at, kind=one.outcome, level=one.rank, person=one.person_id, what=one.source_number
        )
    ).where(
        one.outcome.is_not(None),
        _within(one.decided_at, asked),
        asked.reaches(region=one.region_id, person=one.person_id),
    )


def queries(asked: Asked) -> Rows:
    """What was asked of the verification; outside the whole site only where a certificate of the scope was shown."""
    one, certificate = VerificationQuery, Certificate
    return (
        select(*_columns(one.id, one.at, kind=one.outcome, level=certificate.rank, what=one.number))
        .outerjoin(certificate, certificate.id == one.certificate_id)
        .where(_within(one.at, asked), asked.reaches(region=certificate.region_id, person=certificate.holder_id))
    )
