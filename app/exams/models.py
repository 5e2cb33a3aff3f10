"""Exam sessions, sittings with their papers, the log of every answer, and marks as entries."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Dialect,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    UniqueConstraint,
    and_,
    exists,
    func,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from app.db import Model, long_text, pk, stamp
from app.exams.states import SessionState, SittingState, SubmittedBy
from question_bank.grading import Rule

if TYPE_CHECKING:
    from app.accounts.models import Person, Region
    from app.jobs.models import Job

GRACE = timedelta(seconds=60)
"""A save that arrives this long after the deadline is recorded as late; after it nothing is taken."""

AnswerJson = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Eligibility(StrEnum):
    """Who may register: those whose training stage is passed, or those the office puts on the list."""

    TRAINING = "training"
    LIST = "list"


class Shown(StrEnum):
    """What a candidate sees after the release."""

    SCORE = "score"
    ANSWERS = "answers"


class ExamSession(Model):
    """考次: one exam of one level at one time."""

    __tablename__ = "exam_session"
    __table_args__ = (
        CheckConstraint("closes_at > opens_at", name="closes_after_opening"),
        CheckConstraint("minutes > 0", name="minutes_positive"),
        Index("ix_exam_session_state_closes_at", "state", "closes_at"),
    )
    id: Mapped[pk]
    level: Mapped[int]
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    title: Mapped[str] = mapped_column(String(120))
    place: Mapped[str] = mapped_column(String(200), default="")
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    minutes: Mapped[int]
    late_entry_minutes: Mapped[int]
    pass_mark: Mapped[Decimal]
    multiple_rule: Mapped[Rule]
    late_counts: Mapped[bool] = mapped_column(default=False, comment="do saves in the minute after the deadline count")
    eligibility: Mapped[Eligibility] = mapped_column(default=Eligibility.TRAINING)
    shown: Mapped[Shown] = mapped_column(default=Shown.ANSWERS)
    seats: Mapped[int | None] = mapped_column(comment="at most so many registrations; None: no limit")
    markers: Mapped[int] = mapped_column(
        default=1, server_default="1", comment="people who mark each written answer, blind to each other: 1 or 2"
    )
    state: Mapped[SessionState] = mapped_column(default=SessionState.DRAFT)
    blueprint_version_id: Mapped[int | None] = mapped_column(
        ForeignKey("rule_version.id"), comment="pinned on publication"
    )
    rule_version_id: Mapped[int | None] = mapped_column(
        ForeignKey("rule_version.id"), comment="exam rules, pinned likewise"
    )
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[stamp]
    published_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    papers_job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    seb: Mapped[bool] = mapped_column(
        default=False, comment="only in Safe Exam Browser with the settings of this session"
    )
    watch: Mapped[dict[str, Any]] = mapped_column(
        default=dict, deferred=True, comment="how the room is watched (app/exams/watch.py); not read by saves"
    )

    region: Mapped[Region] = relationship()
    sittings: Mapped[list[Sitting]] = relationship(back_populates="session")

    @property
    def last_entry_at(self) -> datetime:
        """Nobody starts after this."""
        return min(self.opens_at + timedelta(minutes=self.late_entry_minutes), self.closes_at)


class PlacesBy(StrEnum):
    """Who says at which place somebody sits."""

    CANDIDATE = "candidate"
    OFFICE = "office"


class ExamArrangement(Model):
    """How a session is held: what its set-up has been through, who chooses the place, when the seats were published."""

    __tablename__ = "exam_arrangement"
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"), primary_key=True)
    steps: Mapped[list[str]] = mapped_column(default=list, comment="steps of the set-up saved so far")
    copied_from_id: Mapped[int | None] = mapped_column(ForeignKey("exam_session.id"))
    places_by: Mapped[PlacesBy] = mapped_column(default=PlacesBy.OFFICE)
    instructions: Mapped[str] = mapped_column(String(2000), default="", comment="printed on the admission slip")
    seed: Mapped[str] = mapped_column(String(40), default="", comment="of the seat plan; the same seed, the same plan")
    seats_published_at: Mapped[datetime | None]


class ExamPlace(Model):
    """考点: where a session is held. A session without places is held online."""

    __tablename__ = "exam_place"
    __table_args__ = (UniqueConstraint("session_id", "name"),)
    id: Mapped[pk]
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"))
    name: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(200), default="")
    note: Mapped[str] = mapped_column(default="", comment="how to get there, whom to ask")

    rooms: Mapped[list[ExamRoom]] = relationship(back_populates="place", order_by="ExamRoom.id")

    @property
    def capacity(self) -> int:
        return sum(room.capacity for room in self.rooms)


class ExamRoom(Model):
    """考场: a room of a place, its seats in rows; seat 1 stands in front on the left, numbers run along the rows."""

    __tablename__ = "exam_room"
    __table_args__ = (
        UniqueConstraint("place_id", "name"),
        CheckConstraint("seat_rows BETWEEN 1 AND 60 AND seat_columns BETWEEN 1 AND 60", name="size"),
    )
    id: Mapped[pk]
    place_id: Mapped[int] = mapped_column(ForeignKey("exam_place.id"))
    name: Mapped[str] = mapped_column(String(60))
    seat_rows: Mapped[int]
    seat_columns: Mapped[int]

    place: Mapped[ExamPlace] = relationship(back_populates="rooms")

    @property
    def capacity(self) -> int:
        return self.seat_rows * self.seat_columns


class ExamSeat(Model):
    """Where a candidate sits: the place from the registration on, room and seat when the seats are planned."""

    __tablename__ = "exam_seat"
    __table_args__ = (
        UniqueConstraint("room_id", "number"),
        CheckConstraint("(room_id IS NULL) = (number IS NULL)", name="room_with_number"),
    )
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), primary_key=True)
    place_id: Mapped[int | None] = mapped_column(ForeignKey("exam_place.id"), index=True)
    room_id: Mapped[int | None] = mapped_column(ForeignKey("exam_room.id"))
    number: Mapped[int | None] = mapped_column(comment="from 1, along the rows")
    by_hand: Mapped[bool] = mapped_column(default=False)
    ticket_file_id: Mapped[int | None] = mapped_column(
        ForeignKey("stored_file.id"), index=True, comment="admission slip as PDF"
    )
    ticket_job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))

    place: Mapped[ExamPlace | None] = relationship()
    room: Mapped[ExamRoom | None] = relationship()
    sitting: Mapped[Sitting] = relationship()


class PaperForm(Model):
    """A printed version of the paper (A or B), drawn once with its own seed, so that paper and key agree for ever."""

    __tablename__ = "paper_form"
    __table_args__ = (UniqueConstraint("session_id", "letter"),)
    id: Mapped[pk]
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"))
    letter: Mapped[str] = mapped_column(String(1))
    seed: Mapped[str] = mapped_column(String(40))
    entries: Mapped[list[Any]] = mapped_column(comment="as in sitting.entries")
    drawn_at: Mapped[stamp]
    drawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class PrintKind(StrEnum):
    PAPER = "paper"
    KEY = "key"
    ANSWER_SHEET = "answer_sheet"
    TICKETS = "tickets"
    SEAT_PLAN = "seat_plan"
    SIGN_IN = "sign_in"
    SCORES = "scores"


class ExamPrint(Model):
    """A document of a session that the office had made."""

    __tablename__ = "exam_print"
    id: Mapped[pk]
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"), index=True)
    kind: Mapped[PrintKind]
    letter: Mapped[str] = mapped_column(String(1), default="", comment="version of the paper")
    asked_at: Mapped[stamp]
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), index=True)
    pages: Mapped[int] = mapped_column(default=0)
    deleted_at: Mapped[datetime | None] = mapped_column(comment="the file is gone: its time was over")

    asked_by: Mapped[Person | None] = relationship(foreign_keys=[asked_by_id])
    job: Mapped[Job | None] = relationship()


class Sitting(Model):
    """One person's attempt in a session, with the paper made for it before the start.

    ``entries``: the questions in the order of the page, each ``{"revision", "digest", "points", "order"}``. Questions are
    named by their place, from 1.
    """

    __tablename__ = "sitting"
    __table_args__ = (
        UniqueConstraint("session_id", "candidate_id", "attempt"),
        CheckConstraint(
            "(state = 'registered') = (started_at IS NULL) OR state = 'void'", name="started_unless_registered"
        ),
        CheckConstraint("epoch >= 0", name="epoch_not_negative"),
        Index("ix_sitting_state_deadline_at", "state", "deadline_at"),
        Index("ix_sitting_candidate_id_state", "candidate_id", "state"),
    )
    id: Mapped[pk]
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"))
    candidate_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    attempt: Mapped[int] = mapped_column(default=1, comment="within the session; above 1 only after a void one")
    state: Mapped[SittingState] = mapped_column(default=SittingState.REGISTERED)
    registered_at: Mapped[stamp]
    registered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    extra_minutes: Mapped[int] = mapped_column(default=0, comment="personal extra time")
    credit_seconds: Mapped[int] = mapped_column(default=0, comment="given back by the invigilator")
    seed: Mapped[str] = mapped_column(String(40), default="")
    blueprint_version_id: Mapped[int | None] = mapped_column(ForeignKey("rule_version.id"))
    entries: Mapped[list[Any]] = mapped_column(default=list)
    honour_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None] = mapped_column(comment="as last computed; saves compute it anew")
    epoch: Mapped[int] = mapped_column(default=0, comment="rises with each take-over by another device")
    device: Mapped[str] = mapped_column(String(64), default="", comment="hash of the token of the tab that holds it")
    submitted_at: Mapped[datetime | None]
    submitted_by: Mapped[SubmittedBy | None]
    marked_at: Mapped[datetime | None]
    score: Mapped[Decimal | None]
    maximum: Mapped[Decimal | None]
    passed: Mapped[bool | None]
    released_at: Mapped[datetime | None]
    void_reason: Mapped[str] = mapped_column(default="")
    barred_until: Mapped[date | None] = mapped_column(comment="void for cheating: no exam before this day")
    paused_at: Mapped[datetime | None] = mapped_column(comment="the clock stands since; given back on resuming")
    news: Mapped[int] = mapped_column(default=0, comment="id of the latest room message for this candidate")
    address: Mapped[str] = mapped_column(String(64), default="", comment="keyed hash of the address last heard from")
    seb_waived: Mapped[bool] = mapped_column(default=False, comment="may sit without Safe Exam Browser")
    seat: Mapped[str] = mapped_column(String(60), default="", deferred=True, deferred_group="room")
    admitted_at: Mapped[datetime | None] = mapped_column(deferred=True, deferred_group="room")
    identity_at: Mapped[datetime | None] = mapped_column(deferred=True, deferred_group="room")

    session: Mapped[ExamSession] = relationship(back_populates="sittings")
    candidate: Mapped[Person] = relationship(foreign_keys=[candidate_id])

    def deadline(self, session: ExamSession, started: datetime | None = None) -> datetime | None:
        """min(start + duration, close) + personal extra + credit; None before the start."""
        started = self.started_at or started
        if started is None:
            return None
        return deadline_of(started, session.minutes, session.closes_at, self.extra_minutes, self.credit_seconds)

    @property
    def needs_seb(self) -> bool:
        """Is it to be sat in Safe Exam Browser?"""
        return self.session.seb and not self.seb_waived


def deadline_of(
    started: datetime, minutes: int, closes_at: datetime, extra_minutes: int, credit_seconds: int
) -> datetime:
    """min(start + duration, close) + personal extra + credit."""
    end = min(started + timedelta(minutes=minutes), closes_at)
    return end + timedelta(minutes=extra_minutes, seconds=credit_seconds)


class Fate(StrEnum):
    """What became of a step when it arrived."""

    APPLIED = "applied"
    OLD = "old"
    """Of an epoch before the take-over."""
    EMPTY = "empty"
    """Empty without being cleared: never replaces an answer."""
    LATE = "late"
    """Within the minute after the deadline; counts only where the session says so."""
    CLOSED = "closed"
    """After the hand-in."""


FATES = (Fate.APPLIED, Fate.OLD, Fate.EMPTY, Fate.LATE, Fate.CLOSED)
"""Stored by their place here: only ever added to at the end."""
FATE_CODES = {fate: code for code, fate in enumerate(FATES)}


class FateCode(TypeDecorator[Fate]):
    """A fate as a small whole number: a hall writes hundreds of steps in a second, and all of them are kept for years."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: Fate | None, dialect: Dialect) -> int | None:
        return None if value is None else FATE_CODES[Fate(value)]

    def process_result_value(self, value: int | None, dialect: Dialect) -> Fate | None:
        return None if value is None else FATES[value]


class SittingStep(Model):
    """One change of one answer, as it arrived. Only ever added to, and all that is kept of answers. Its own name is its key;
    the columns stand in the order that leaves no gaps in a row."""

    __tablename__ = "sitting_step"
    __table_args__ = (PrimaryKeyConstraint("sitting_id", "epoch", "question", "counter"), {"sqlite_with_rowid": False})
    arrived_at: Mapped[datetime]
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), autoincrement=False)
    counter: Mapped[int] = mapped_column(autoincrement=False)
    at_ms: Mapped[int] = mapped_column(comment="by the browser's own count; evidence, never judged by")
    epoch: Mapped[int] = mapped_column(SmallInteger, autoincrement=False)
    question: Mapped[int] = mapped_column(SmallInteger, autoincrement=False)
    fate: Mapped[Fate] = mapped_column(FateCode, comment="its place in models.FATES")
    answer: Mapped[Any] = mapped_column(AnswerJson, nullable=True)


def answers_in_force(of: Any = None) -> Any:
    """Of the steps that count, the one with the greatest (epoch, counter) for each question; ``steplog.in_force`` says the same
    of one sitting. ``of``: a select of sittings. Where sittings are named instead, the database looks at their steps alone."""
    s, sitting, session = SittingStep.__table__.c, Sitting.__table__.c, ExamSession.__table__.c
    counted = exists().where(sitting.id == s.sitting_id, session.id == sitting.session_id, session.late_counts)
    place = func.row_number().over(partition_by=(s.sitting_id, s.question), order_by=(s.epoch.desc(), s.counter.desc()))
    ordered = (
        select(s.sitting_id, s.question, s.epoch, s.counter, s.answer, s.arrived_at.label("saved_at"), place.label("place"))
        .where(or_(s.fate == Fate.APPLIED, and_(s.fate == Fate.LATE, s.answer.is_not(None), counted)))
        .where(true() if of is None else s.sitting_id.in_(of))
        .subquery()
    )  # fmt: skip
    return (
        select(*(column for column in ordered.c if column.key != "place"))
        .where(ordered.c.place == 1)
        .subquery("answer")
    )


class SittingAnswer(Model):
    """The answer in force for one question, read from the log; nothing of it is stored besides."""

    __table__ = answers_in_force()
    __mapper_args__ = {"primary_key": [__table__.c.sitting_id, __table__.c.question]}
    if TYPE_CHECKING:
        sitting_id: Mapped[int]
        question: Mapped[int]
        epoch: Mapped[int]
        counter: Mapped[int]
        answer: Mapped[Any]
        saved_at: Mapped[datetime]


class EventKind(StrEnum):
    STARTED = "started"
    TAKEN_OVER = "taken_over"
    HANDED_IN = "handed_in"
    CLOSED_BY_CLOCK = "closed_by_clock"
    CLOSED_BY_OFFICE = "closed_by_office"
    TIME_ADDED = "time_added"
    VOIDED = "voided"
    CLOSED_BY_RULE = "closed_by_rule"
    ADDRESS_CHANGED = "address_changed"
    PAUSED = "paused"
    RESUMED = "resumed"
    ADMITTED = "admitted"
    IDENTITY_CHECKED = "identity_checked"
    VOID_ASKED = "void_asked"
    VOID_DECLINED = "void_declined"
    SEB_WAIVED = "seb_waived"
    REGISTERED_BY_HAND = "registered_by_hand"
    """The office put the person on the list for a reason of its own; ``note``: the reason."""
    SEB_REFUSED = "seb_refused"
    """A request without Safe Exam Browser, or with other settings; ``note``: ``<what>:<missing|wrong>``."""


class SittingEvent(Model):
    """What happened to a sitting besides answers."""

    __tablename__ = "sitting_event"
    id: Mapped[pk]
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), index=True)
    kind: Mapped[EventKind]
    at: Mapped[stamp]
    note: Mapped[str] = mapped_column(default="")
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class Signal(StrEnum):
    """What the browser tells of itself: evidence, never proof. An input method or a call also takes the focus away."""

    HIDDEN = "hidden"
    BLUR = "blur"
    FULL_SCREEN_LEFT = "full_screen_left"
    COPY = "copy"
    PASTE = "paste"
    IDLE = "idle"


class SittingSignal(Model):
    """One signal of a candidate's browser. ``tab`` and ``number`` name it, so that sending it again changes nothing but
    a duration that has grown meanwhile."""

    __tablename__ = "sitting_signal"
    __table_args__ = (UniqueConstraint("sitting_id", "tab", "number"),)
    id: Mapped[pk]
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"))
    tab: Mapped[str] = mapped_column(String(16))
    number: Mapped[int]
    kind: Mapped[Signal]
    at: Mapped[datetime] = mapped_column(comment="arrival less what the browser says has passed since")
    ms: Mapped[int] = mapped_column(default=0, comment="how long it lasted")
    counted: Mapped[bool] = mapped_column(default=False, comment="longer than the session allows without counting")


class IncidentKind(StrEnum):
    IDENTITY = "identity"
    MATERIAL = "material"
    COMMUNICATION = "communication"
    DEVICE = "device"
    TECHNICAL = "technical"
    HEALTH = "health"
    DISTURBANCE = "disturbance"
    OTHER = "other"


class Incident(Model):
    """Something that happened in a room. While one is open the results of the session are not released."""

    __tablename__ = "exam_incident"
    id: Mapped[pk]
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"), index=True)
    sitting_id: Mapped[int | None] = mapped_column(ForeignKey("sitting.id"), index=True)
    kind: Mapped[IncidentKind]
    note: Mapped[str] = mapped_column(String(1000))
    at: Mapped[stamp]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    outcome: Mapped[str] = mapped_column(String(1000), default="")

    sitting: Mapped[Sitting | None] = relationship()
    by: Mapped[Person] = relationship(foreign_keys=[by_id])


class VoidState(StrEnum):
    ASKED = "asked"
    CONFIRMED = "confirmed"
    DECLINED = "declined"


class VoidRequest(Model):
    """One officer asks to declare a sitting void, another one decides."""

    __tablename__ = "void_request"
    __table_args__ = (
        Index(
            "uq_void_request_open", "sitting_id", unique=True,
            sqlite_where=text("state = 'asked'"), postgresql_where=text("state = 'asked'"),
        ),
    )  # fmt: skip
    id: Mapped[pk]
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), index=True)
    reason: Mapped[str]
    cheating: Mapped[bool] = mapped_column(default=False)
    state: Mapped[VoidState] = mapped_column(default=VoidState.ASKED)
    asked_at: Mapped[stamp]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    remark: Mapped[str] = mapped_column(default="")

    sitting: Mapped[Sitting] = relationship()
    asked_by: Mapped[Person] = relationship(foreign_keys=[asked_by_id])


class RoomMessage(Model):
    """What an invigilator said to one candidate, or to all (``sitting_id`` None)."""

    __tablename__ = "room_message"
    __table_args__ = (Index("ix_room_message_session_id_sitting_id", "session_id", "sitting_id"),)
    id: Mapped[pk]
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"))
    sitting_id: Mapped[int | None] = mapped_column(ForeignKey("sitting.id"))
    text: Mapped[str]
    at: Mapped[stamp]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))


class MarkedBy(StrEnum):
    MACHINE = "machine"
    MARKER = "marker"
    """The mark that counts of one or more markers."""
    REVIEW = "review"
    """Corrected after a result review."""


class Mark(Model):
    """One act of marking: for some questions of a sitting, the share 0–1 of each part. Never changed; the latest counts.

    ``shares``: place → part → share as text, ``{"12": {"whole": "0.5"}, "71": {"p1": "1", "p3": null}}``; null waits for a
    person.
    """

    __tablename__ = "mark"
    id: Mapped[pk]
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), index=True)
    by: Mapped[MarkedBy]
    marker_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    at: Mapped[stamp]
    shares: Mapped[dict[str, Any]]
    working: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="rubric points and remark, or the rule used")


class TaskState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    VOID = "void"
    """No longer needed: a regrade has settled the question."""


class MarkingTask(Model):
    """One written answer that people have to mark: ``wanted`` of them, blind to each other; ``mark_id`` is what counts."""

    __tablename__ = "marking_task"
    __table_args__ = (
        UniqueConstraint("sitting_id", "question", "part"),
        Index("ix_marking_task_state_id", "state", "id"),
    )
    id: Mapped[pk]
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"))
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"), index=True)
    question: Mapped[int]
    part: Mapped[str] = mapped_column(String(10))
    revision_id: Mapped[int | None] = mapped_column(
        ForeignKey("question_revision.id"),
        index=True,
        comment="the question, which stands at another place on every paper",
    )
    wanted: Mapped[int] = mapped_column(default=1, server_default="1", comment="3 once two markers differ too much")
    state: Mapped[TaskState] = mapped_column(default=TaskState.WAITING)
    made_at: Mapped[stamp]
    done_at: Mapped[datetime | None]
    marker_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    mark_id: Mapped[int | None] = mapped_column(ForeignKey("mark.id"))

    sitting: Mapped[Sitting] = relationship()
    session: Mapped[ExamSession] = relationship()
    readings: Mapped[list[Reading]] = relationship(back_populates="task", order_by="Reading.id")


class Reading(Model):
    """What one marker gave for one written answer. Never changed; nobody marks the same answer twice."""

    __tablename__ = "marking_reading"
    __table_args__ = (UniqueConstraint("task_id", "marker_id"),)
    id: Mapped[pk]
    task_id: Mapped[int] = mapped_column(ForeignKey("marking_task.id"))
    marker_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    third: Mapped[bool] = mapped_column(default=False, comment="asked for because the first two differed too much")
    points: Mapped[list[str]] = mapped_column(comment="for each line of the rubric, decimals as text")
    limits: Mapped[list[str]] = mapped_column(comment="the most each line gives")
    remark: Mapped[long_text] = mapped_column(default="")
    at: Mapped[stamp]

    task: Mapped[MarkingTask] = relationship(back_populates="readings")
    marker: Mapped[Person] = relationship()

    @property
    def share(self) -> Decimal:
        """Share 0–1 of the question."""
        return sum(map(Decimal, self.points), Decimal(0)) / sum(map(Decimal, self.limits), Decimal(0))


class RegradeKind(StrEnum):
    """What a regrade rules."""

    KEY = "key"
    """Marked by a later revision of the question."""
    ACCEPT = "accept"
    """A further answer earns full marks."""
    DROP = "drop"
    """The question counts for nobody, neither in the score nor in the maximum."""
    FULL = "full"
    """Everybody whose paper holds the question gets full marks."""
    RULE = "rule"
    """Another rule for multiple choice, in the whole session."""


class RegradeState(StrEnum):
    COUNTING = "counting"
    """The dry run goes on in the background."""
    PROPOSED = "proposed"
    APPLYING = "applying"
    APPLIED = "applied"
    DROPPED = "dropped"


class Regrade(Model):
    """重新判分: a ruling on a session, counted first and put in force by a second person."""

    __tablename__ = "regrade"
    __table_args__ = (
        CheckConstraint("decided_by_id IS NULL OR decided_by_id <> proposed_by_id OR state = 'dropped'", name="two_people"),
        CheckConstraint("(kind = 'rule') = (revision_id IS NULL)", name="about_a_question_or_the_rule"),
        Index("uq_regrade_one_open", "session_id", unique=True,
              sqlite_where=text("state IN ('counting', 'proposed', 'applying')"),
              postgresql_where=text("state IN ('counting', 'proposed', 'applying')")),
    )  # fmt: skip
    id: Mapped[pk]
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"), index=True)
    kind: Mapped[RegradeKind]
    revision_id: Mapped[int | None] = mapped_column(
        ForeignKey("question_revision.id"), index=True, comment="as on the papers"
    )
    to_revision_id: Mapped[int | None] = mapped_column(
        ForeignKey("question_revision.id"), comment="KEY: marked by this"
    )
    part: Mapped[str] = mapped_column(
        String(10), default="", server_default="", comment="DROP, FULL: one part of a case; empty: the whole question"
    )
    answer: Mapped[Any] = mapped_column(AnswerJson, nullable=True, comment="ACCEPT: the answer, as answers are kept")
    rule: Mapped[Rule | None] = mapped_column(comment="RULE: the rule for multiple choice")
    reason: Mapped[long_text]
    state: Mapped[RegradeState] = mapped_column(default=RegradeState.COUNTING)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[stamp]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    remark: Mapped[long_text] = mapped_column(default="", comment="of the second person")

    session: Mapped[ExamSession] = relationship()
    proposed_by: Mapped[Person] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])


class RegradeChange(Model):
    """What a regrade means for one sitting: counted in the dry run, counted again when it is put in force."""

    __tablename__ = "regrade_change"
    __table_args__ = (UniqueConstraint("regrade_id", "sitting_id"),)
    id: Mapped[pk]
    regrade_id: Mapped[int] = mapped_column(ForeignKey("regrade.id"))
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), index=True)
    score_before: Mapped[Decimal]
    maximum_before: Mapped[Decimal]
    passed_before: Mapped[bool]
    score_after: Mapped[Decimal]
    maximum_after: Mapped[Decimal]
    passed_after: Mapped[bool]
    applied_at: Mapped[datetime | None]

    sitting: Mapped[Sitting] = relationship()


class AppealState(StrEnum):
    OPEN = "open"
    """The second look is still to be taken."""
    LOOKED = "looked"
    """Looked at again; the exam office decides."""
    DECIDED = "decided"


class AppealOutcome(StrEnum):
    UNCHANGED = "unchanged"
    CORRECTED = "corrected"


class Appeal(Model):
    """成绩复核: a candidate asks for a second look at a released result. One for each sitting."""

    __tablename__ = "result_appeal"
    __table_args__ = (
        CheckConstraint("(outcome IS NULL) = (decided_at IS NULL)", name="decided_with_outcome"),
        CheckConstraint("decided_by_id IS NULL OR looked_by_id IS NULL OR decided_by_id <> looked_by_id", name="two_people"),
        Index("ix_result_appeal_state_due_on", "state", "due_on"),
    )  # fmt: skip
    id: Mapped[pk]
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), unique=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"), index=True)
    reason: Mapped[long_text]
    made_at: Mapped[stamp]
    due_on: Mapped[date] = mapped_column(comment="last day for the answer")
    state: Mapped[AppealState] = mapped_column(default=AppealState.OPEN)
    looked_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    looked_at: Mapped[datetime | None]
    look: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="place → part → {points, limits}, blind")
    look_remark: Mapped[long_text] = mapped_column(default="", comment="to the office")
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    outcome: Mapped[AppealOutcome | None]
    finding: Mapped[long_text] = mapped_column(default="", comment="the reason, as the candidate reads it")
    score_before: Mapped[Decimal | None]
    score_after: Mapped[Decimal | None]

    sitting: Mapped[Sitting] = relationship()
    session: Mapped[ExamSession] = relationship()
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
