"""A question found faulty after papers were made: papers not yet begun are drawn anew, the others are marked for a regrade.

The question goes out of the bank and out of every paper that nobody has begun, in whatever region: nobody is to answer what is
known to be wrong. Such a paper is drawn again as a whole with a seed of its own, so that it keeps to the blueprint; what
it was before stays on record. Sessions in which somebody has begun with the question wait for a ruling (``regrading.py``), and
their results are not released without one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ForeignKey, String, UniqueConstraint, cast, func, insert, or_, select, update
from sqlalchemy.orm import Mapped, contains_eager, joinedload, mapped_column, relationship

from app.accounts.models import Person
from app.accounts.scope import must_reach, within
from app.audit.service import record
from app.bank import service as bank
from app.bank.models import Question, QuestionRevision, QuestionState
from app.core.errors import Invalid, NotAllowedNow, NotFound
from app.core.permissions import Can
from app.db import Model, db, long_text, pk, stamp
from app.exams import marking, papers, sittings
from app.exams.deeds import Did
from app.exams.exposure import PaperCount, uncount_paper
from app.exams.models import ExamSession, PaperForm, Regrade, RegradeState, Sitting
from app.exams.states import SessionState, SittingState
from app.jobs.models import Job, JobState
from app.jobs.service import enqueue

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select

JOB = "exams.faults"
AT_ONCE = 20
"""Up to so many papers are drawn anew in the request itself."""
CHUNK = 10
BEGUN = (SittingState.IN_PROGRESS, SittingState.SUBMITTED, SittingState.MARKED, SittingState.RELEASED)


class FaultPaperState(StrEnum):
    WAITING = "waiting"
    REPLACED = "replaced"
    BEGUN = "begun"
    """Its candidate began before its turn came: it belongs to the regrade now."""
    GONE = "gone"
    """Withdrawn, or over without having been begun."""
    KEPT = "kept"
    """The bank has no other paper for it."""


class QuestionFault(Model):
    """A question somebody found faulty: which revisions, why, and what was done about the papers that hold them."""

    __tablename__ = "question_fault"
    id: Mapped[pk]
    question_id: Mapped[int] = mapped_column(ForeignKey("question.id"), index=True)
    below: Mapped[int | None] = mapped_column(comment="only revisions before this one are faulty; None: all of them")
    reason: Mapped[long_text]
    found_at: Mapped[stamp]
    found_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))

    question: Mapped[Question] = relationship()
    found_by: Mapped[Person] = relationship()
    papers: Mapped[list[FaultPaper]] = relationship(back_populates="fault", order_by="FaultPaper.sitting_id")


class FaultPaper(Model):
    """One paper that nobody had begun when the question was found faulty, and what became of it."""

    __tablename__ = "question_fault_paper"
    fault_id: Mapped[int] = mapped_column(ForeignKey("question_fault.id"), primary_key=True)
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), primary_key=True, index=True)
    state: Mapped[FaultPaperState] = mapped_column(default=FaultPaperState.WAITING)
    seed_before: Mapped[str] = mapped_column(String(40), default="")
    entries_before: Mapped[list[Any]] = mapped_column(default=list, comment="the paper as it was: sitting.entries")
    problem: Mapped[long_text] = mapped_column(default="", comment="KEPT: what the bank lacks")
    done_at: Mapped[datetime | None]

    fault: Mapped[QuestionFault] = relationship(back_populates="papers")
    sitting: Mapped[Sitting] = relationship()


class FaultSession(Model):
    """A session in which candidates have begun papers with the question: to be ruled upon once it is over."""

    __tablename__ = "question_fault_session"
    __table_args__ = (UniqueConstraint("fault_id", "session_id", "revision_id"),)
    id: Mapped[pk]
    fault_id: Mapped[int] = mapped_column(ForeignKey("question_fault.id"))
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"), index=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("question_revision.id"), index=True, comment="as on the papers")
    begun: Mapped[int] = mapped_column(comment="papers begun with it")
    left_because: Mapped[long_text] = mapped_column(
        default="", comment="why results stay as they are; empty: not decided"
    )
    left_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    left_at: Mapped[datetime | None]

    fault: Mapped[QuestionFault] = relationship()
    session: Mapped[ExamSession] = relationship()


class NothingEarlier(Invalid):
    message = _l("There is no corrected revision in use; the question as a whole must go.")


# --- reading ---------------------------------------------------------------------------------------------------------------


def faults_visible_to(person: Person) -> Select[QuestionFault]:
    """The bank is one for the whole site, and so is what is wrong with it."""
    return (
        select(QuestionFault)
        .where(bank.visible(person))
        .options(joinedload(QuestionFault.question), joinedload(QuestionFault.found_by))
        .join(QuestionFault.question)
        .order_by(QuestionFault.id.desc())
    )


def fault_for(person: Person, fault_id: int) -> QuestionFault:
    found = db.session.scalar(faults_visible_to(person).where(QuestionFault.id == fault_id))
    if found is None:
        raise NotFound
    return found


def faults_of(question_id: int) -> list[QuestionFault]:
    asked = select(QuestionFault).where(QuestionFault.question_id == question_id).order_by(QuestionFault.id.desc())
    return list(db.session.scalars(asked))


def corrected(question: Question) -> int | None:
    """The number of the revision in use, where earlier ones may stand on papers: they alone may then be what is faulty."""
    live = question.live_number
    return live if question.state is not QuestionState.RETIRED and live is not None and live > 1 else None


@dataclass(frozen=True)
class Reach:
    """Where a question stands: papers not begun (sitting ids, and how many by session), papers begun by session, and printed
    versions (session id, letter) of sessions that are not over."""

    waiting: tuple[int, ...]
    by_session: Mapping[int, int]
    begun: Mapping[int, int]
    prints: tuple[tuple[int, str], ...]


def _digests(question: Question, below: int | None) -> dict[str, int]:
    """Digest → revision id of what is faulty. What the revision in use says as well is not."""
    rows = db.session.execute(
        select(QuestionRevision.digest, QuestionRevision.id, QuestionRevision.number).where(
            QuestionRevision.question_id == question.id
        )
    ).all()
    good = {row.digest for row in rows if below is not None and row.number >= below}
    return {row.digest: row.id for row in rows if row.digest not in good}


def holds(column: Any, digests: Iterable[str]) -> ColumnElement[bool]:
    """Does a paper, kept as JSON, name one of these revisions? A digest is found as text, whatever the engine."""
    return or_(*(cast(column, String).contains(digest) for digest in digests))


def _sessions_with(question: Question) -> list[int]:
    return list(db.session.scalars(select(PaperCount.session_id).where(PaperCount.question_id == question.id)))


def _still_to_be_begun(now: datetime) -> ColumnElement[bool]:
    """Nobody begins in a session that is closed."""
    return (ExamSession.state == SessionState.PUBLISHED) & (ExamSession.closes_at > now)


def reach_of(question: Question, below: int | None, now: datetime) -> Reach:
    digests, sessions = _digests(question, below), _sessions_with(question)
    if not digests or not sessions:
        return Reach((), {}, {}, _printed(digests, now))
    waiting = db.session.execute(
        select(Sitting.id, Sitting.session_id)
        .join(Sitting.session)
        .where(
            Sitting.session_id.in_(sessions), Sitting.state == SittingState.REGISTERED, _still_to_be_begun(now),
            holds(Sitting.entries, digests),
        )
        .order_by(Sitting.id)
    ).all()  # fmt: skip
    begun: Counter[int] = Counter()
    for row in _begun(sessions, digests):
        begun[row.session_id] += row.count
    return Reach(
        tuple(row.id for row in waiting), Counter(row.session_id for row in waiting), begun, _printed(digests, now)
    )


def _begun(sessions: Sequence[int], digests: Mapping[str, int]) -> list[Any]:
    """Session, revision and number of the papers begun with it."""
    found: list[Any] = []
    for digest in digests:
        found += db.session.execute(
            select(Sitting.session_id, func.count().label("count"), func.min(Sitting.id).label("one"))
            .where(Sitting.session_id.in_(sessions), Sitting.state.in_(BEGUN), holds(Sitting.entries, [digest]))
            .group_by(Sitting.session_id)
        ).all()
    return found


def _revision_on(sitting_id: int, digests: Mapping[str, int]) -> int:
    """The faulty revision that a paper names."""
    entries = db.session.scalar(select(Sitting.entries).where(Sitting.id == sitting_id)) or []
    return next(entry["revision"] for entry in entries if entry["digest"] in digests)


def _printed(digests: Iterable[str], now: datetime) -> tuple[tuple[int, str], ...]:
    digests = list(digests)
    if not digests:
        return ()
    rows = db.session.execute(
        select(PaperForm.session_id, PaperForm.letter)
        .join(ExamSession, ExamSession.id == PaperForm.session_id)
        .where(_still_to_be_begun(now), holds(PaperForm.entries, digests))
        .order_by(PaperForm.session_id, PaperForm.letter)
    )
    return tuple((row.session_id, row.letter) for row in rows)


# --- what waits ------------------------------------------------------------------------------------------------------------


def unruled(session_ids: Sequence[int] | None = None) -> Select[Any]:
    """Sessions with a faulty question that candidates have begun with and no ruling in force about it."""
    ruled = (
        select(Regrade.id)
        .where(
            Regrade.session_id == FaultSession.session_id,
            Regrade.revision_id == FaultSession.revision_id,
            Regrade.state == RegradeState.APPLIED,
        )
        .exists()
    )
    asked = select(FaultSession).where(~ruled, FaultSession.begun > 0, FaultSession.left_because == "")
    return asked if session_ids is None else asked.where(FaultSession.session_id.in_(session_ids))


def waiting_for(person: Person) -> int:
    """Rulings that wait in the sessions this person runs, and papers for which the bank had no other."""
    asked = (
        unruled()
        .join(FaultSession.session)
        .where(within(person, Can.RUN_EXAM, region=ExamSession.region_id), ExamSession.state != SessionState.CANCELLED)
    )
    rulings = db.session.scalar(select(func.count()).select_from(asked.subquery())) or 0
    kept = (
        select(func.count())
        .select_from(FaultPaper)
        .join(FaultPaper.sitting)
        .join(Sitting.session)
        .where(
            FaultPaper.state == FaultPaperState.KEPT,
            Sitting.state == SittingState.REGISTERED,
            within(person, Can.RUN_EXAM, region=ExamSession.region_id),
            ExamSession.state == SessionState.PUBLISHED,
        )
    )
    return rulings + (db.session.scalar(kept) or 0)


@marking.release_check
def _ruled_upon(asked: Sequence[ExamSession]) -> dict[int, tuple[str, bool]]:
    ids = [one.id for one in asked]
    concerned = set(
        db.session.scalars(
            select(FaultSession.session_id).where(FaultSession.session_id.in_(ids), FaultSession.begun > 0)
        )
    )
    if not concerned:
        return {}
    lacking = {row.session_id for row in db.session.scalars(unruled(sorted(concerned)))}
    words = _("A regrade rules on every question found faulty after candidates had begun with it.")
    return {one: (words, one not in lacking) for one in concerned}


# --- finding ---------------------------------------------------------------------------------------------------------------


def find(question: Question, *, only_earlier: bool, reason: str, by: Person, now: datetime) -> QuestionFault:
    """The question, or its revisions before the one in use, is faulty: take it out of the bank and of every paper not begun.
    The question is locked by the caller."""
    if not reason.strip():
        raise Invalid("reason")
    below = corrected(question) if only_earlier else None
    if only_earlier and below is None:
        raise NothingEarlier("scope")
    if below is None and question.state is not QuestionState.RETIRED:
        bank.retire(question, by=by, now=now, reason=reason.strip())
    db.session.flush()  # what is drawn below reads which questions are live
    digests, sessions = _digests(question, below), _sessions_with(question)
    reach = reach_of(question, below, now)
    made = QuestionFault(
        question_id=question.id, below=below, reason=reason.strip(), found_at=now, found_by_id=by.id
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # its papers name it
    for row in _begun(sessions, digests):
        db.session.add(
            FaultSession(fault_id=made.id, session_id=row.session_id, begun=row.count,
                         revision_id=_revision_on(row.one, digests))
        )  # fmt: skip
    if reach.waiting:
        rows = [{"fault_id": made.id, "sitting_id": one, "state": FaultPaperState.WAITING, "seed_before": "",
                 "entries_before": [], "problem": ""} for one in reach.waiting]  # fmt: skip
        db.session.execute(insert(FaultPaper), rows)
    record(
        Did.FIND_FAULTY, question, by=by, reason=made.reason,
        more={"code": question.code, "papers": len(reach.waiting), "begun": sum(reach.begun.values())}
        | ({"below": below} if below else {}),
    )  # fmt: skip
    _set_to_work(made, list(reach.waiting), by=by, now=now)
    return made


def _set_to_work(fault: QuestionFault, sitting_ids: list[int], *, by: Person, now: datetime) -> None:
    if len(sitting_ids) <= AT_ONCE:
        replace(fault, sitting_ids, now=now)
        return
    items = [
        {"fault": fault.id, "sittings": sitting_ids[at : at + CHUNK],
         "label": f"{at + 1}–{min(at + CHUNK, len(sitting_ids))}"}
        for at in range(0, len(sitting_ids), CHUNK)
    ]  # fmt: skip
    code = db.session.scalar(select(Question.code).where(Question.id == fault.question_id)) or ""
    fault.job_id = enqueue(JOB, items, by=by, title=code).id


def going_on(fault: QuestionFault) -> bool:
    job = db.session.get(Job, fault.job_id) if fault.job_id else None
    return job is not None and job.state not in (JobState.DONE, JobState.CANCELLED, JobState.FAILED)


def again(fault: QuestionFault, *, by: Person, now: datetime) -> int:
    """Try the papers once more for which there was no other, and those a stopped job has left; how many."""
    if going_on(fault):
        raise NotAllowedNow
    left = list(
        db.session.scalars(
            select(FaultPaper.sitting_id)
            .where(
                FaultPaper.fault_id == fault.id,
                FaultPaper.state.in_([FaultPaperState.KEPT, FaultPaperState.WAITING]),
            )
            .order_by(FaultPaper.sitting_id)
        )
    )
    if not left:
        raise NotAllowedNow
    db.session.execute(
        update(FaultPaper)
        .where(FaultPaper.fault_id == fault.id, FaultPaper.sitting_id.in_(left))
        .values(state=FaultPaperState.WAITING, problem="")
        .execution_options(synchronize_session="fetch")
    )
    _set_to_work(fault, left, by=by, now=now)
    return len(left)


def leave(row: FaultSession, *, by: Person, reason: str, now: datetime) -> None:
    """Results of a session stay as they are: the question was right when it was answered. It no longer waits for a ruling."""
    must_reach(by, Can.RUN_EXAM, region=row.session.region_id)
    if not reason.strip():
        raise Invalid("reason")
    if row.left_because:
        raise NotAllowedNow
    row.left_because, row.left_by_id, row.left_at = reason.strip(), by.id, now
    record(Did.LEAVE_FAULT, row.session, by=by, reason=row.left_because,
           more={"fault": row.fault_id, "revision": row.revision_id})  # fmt: skip


# --- drawing anew ----------------------------------------------------------------------------------------------------------


def replace(fault: QuestionFault, sitting_ids: Sequence[int], *, now: datetime) -> Counter[FaultPaperState]:
    """Draw these papers anew, as far as they wait and nobody has begun them. Done twice it changes nothing."""
    question = db.session.get_one(Question, fault.question_id)
    by = db.session.get_one(Person, fault.found_by_id)
    digests = _digests(question, fault.below)
    done: Counter[FaultPaperState] = Counter()
    for sitting_id in sorted(sitting_ids):
        sitting = sittings.with_session(
            sitting_id
        )  # the candidate may begin in this second: one of the two comes first
        row = db.session.get_one(FaultPaper, (fault.id, sitting_id), populate_existing=True)
        if row.state is not FaultPaperState.WAITING:
            continue
        row.state, row.done_at = _replaced(fault, row, sitting, digests, by, now), now
        done[row.state] += 1
    return done


def _replaced(
    fault: QuestionFault, row: FaultPaper, sitting: Sitting, digests: Mapping[str, int], by: Person, now: datetime
) -> FaultPaperState:
    holds = [entry["revision"] for entry in sitting.entries if entry["digest"] in digests]
    if sitting.state in BEGUN:
        if holds:
            _one_more_begun(fault, sitting.session_id, holds[0])
        return FaultPaperState.BEGUN
    if sitting.state is not SittingState.REGISTERED or sitting.session.state is not SessionState.PUBLISHED or not holds:
        return FaultPaperState.GONE
    seed, entries = sitting.seed, list(sitting.entries)
    row.problem = drawn_again(
        sitting, by=by, reason=fault.reason, more={"fault": fault.id, "session": sitting.session_id}
    )
    if row.problem:
        return FaultPaperState.KEPT
    row.seed_before, row.entries_before = seed, entries
    return FaultPaperState.REPLACED


def drawn_again(sitting: Sitting, *, by: Person, reason: str, more: dict[str, Any]) -> str:
    """Another paper for a sitting that is held and not begun; what the bank lacks where it has no other, and the old one stays."""
    seed, entries = sitting.seed, list(sitting.entries)
    try:
        with db.session.begin_nested():
            uncount_paper(sitting.session_id, [entry["revision"] for entry in entries])
            sitting.entries = []
            papers.make_paper(sitting, sitting.session)
    except papers.BankTooSmall as short:
        return str(short.values["what"])
    record(Did.REPLACE_PAPER, sitting, by=by, reason=reason, changed={"seed": (seed, sitting.seed)}, more=more)
    return ""


def _one_more_begun(fault: QuestionFault, session_id: int, revision_id: int) -> None:
    found = db.session.scalar(
        select(FaultSession).where(
            FaultSession.fault_id == fault.id,
            FaultSession.session_id == session_id,
            FaultSession.revision_id == revision_id,
        )
    )
    if found is None:
        db.session.add(FaultSession(fault_id=fault.id, session_id=session_id, revision_id=revision_id, begun=1))
        db.session.flush()  # the next paper of the session finds it
    else:
        found.begun += 1


# --- what the officer sees -------------------------------------------------------------------------------------------------


def papers_of(fault: QuestionFault, person: Person) -> Select[FaultPaper]:
    """The papers that were not begun, in the sessions this person may see."""
    return (
        select(FaultPaper)
        .join(FaultPaper.sitting)
        .join(Sitting.session)
        .join(Sitting.candidate)
        .where(FaultPaper.fault_id == fault.id, within(person, Can.READ_EXAM, region=ExamSession.region_id))
        .options(
            contains_eager(FaultPaper.sitting).options(
                contains_eager(Sitting.session), contains_eager(Sitting.candidate)
            )
        )
        .order_by(ExamSession.opens_at, ExamSession.id, Person.name, FaultPaper.sitting_id)
    )


def counts_of(fault: QuestionFault) -> dict[FaultPaperState, int]:
    """How many papers there are in each state, in all regions."""
    rows = db.session.execute(
        select(FaultPaper.state, func.count()).where(FaultPaper.fault_id == fault.id).group_by(FaultPaper.state)
    )
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True)
class Begun:
    """A session in which candidates have begun with the question, and the ruling about it (None: none yet)."""

    row: FaultSession
    session: ExamSession
    visible: bool
    regrade: Regrade | None

    @property
    def ruled(self) -> bool:
        return self.regrade is not None and self.regrade.state is RegradeState.APPLIED

    @property
    def over(self) -> bool:
        return self.session.state in (SessionState.CLOSED, SessionState.RELEASED)


def begun_of(fault: QuestionFault, person: Person) -> list[Begun]:
    rows = db.session.execute(
        select(FaultSession, within(person, Can.READ_EXAM, region=ExamSession.region_id))
        .join(FaultSession.session)
        .where(FaultSession.fault_id == fault.id)
        .options(contains_eager(FaultSession.session).joinedload(ExamSession.region))
        .order_by(ExamSession.opens_at.desc(), FaultSession.id)
    ).all()
    regrades: dict[tuple[int, int | None], Regrade] = {}
    for one in db.session.scalars(
        select(Regrade)
        .where(Regrade.session_id.in_([row[0].session_id for row in rows]), Regrade.state != RegradeState.DROPPED)
        .order_by(Regrade.id)
    ):
        known = regrades.get((one.session_id, one.revision_id))
        if known is None or known.state is not RegradeState.APPLIED:
            regrades[one.session_id, one.revision_id] = one
    return [
        Begun(row, row.session, bool(visible), regrades.get((row.session_id, row.revision_id))) for row, visible in rows
    ]


def faulty_in(session: ExamSession) -> dict[int, str]:
    """Revision id → why it was found faulty, for the questions of a session that still want a ruling."""
    rows = db.session.execute(
        unruled([session.id]).join(FaultSession.fault).with_only_columns(FaultSession.revision_id, QuestionFault.reason)
    )
    return {row[0]: row[1] for row in rows}


def sessions_named(ids: Iterable[int], person: Person) -> dict[int, ExamSession]:
    """Those of these sessions that a person may see."""
    asked = select(ExamSession).where(
        ExamSession.id.in_(list(ids)), within(person, Can.READ_EXAM, region=ExamSession.region_id)
    )
    return {one.id: one for one in db.session.scalars(asked.order_by(ExamSession.opens_at))}
