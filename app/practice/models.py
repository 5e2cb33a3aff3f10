"""Log entries with their work lines, evidence and frozen versions; reviews; who opened core material."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Model, long_text, pk, stamp
from app.practice.states import EDITABLE, HearingState, Move, State

if TYPE_CHECKING:
    from app.accounts.models import Organisation, Person, Region
    from app.files.models import StoredFile
    from app.jobs.models import Job
    from app.outline.models import RuleVersion
    from app.practice.team_models import Team


class TaskRole(StrEnum):
    """主导 / 参与 / 观摩."""

    LEADING = "leading"
    TAKING_PART = "taking_part"
    OBSERVING = "observing"


class Confidentiality(StrEnum):
    OPEN = "open"
    INTERNAL = "internal"
    CORE = "core"


class LogEntry(Model):
    """One practical task as its trainee writes it. What others read and judge is a frozen :class:`LogEntryVersion`."""

    __tablename__ = "log_entry"
    __table_args__ = (
        CheckConstraint("share IS NULL OR (share > 0 AND share <= 10000)", name="share_in_percent"),
        CheckConstraint("hours >= 0", name="hours_not_negative"),
        CheckConstraint("self_score IS NULL OR (self_score >= 0 AND self_score <= 100)", name="self_score_of_100"),
        Index("ix_log_entry_trainee_id_rank", "trainee_id", "rank"),
        Index("ix_log_entry_state_submitted_at", "state", "submitted_at"),
        Index("ix_log_entry_submitted_at_id", "submitted_at", "id"),
        Index(
            "ix_log_entry_waiting",
            "submitted_at",
            sqlite_where=text("lacking > 0"),
            postgresql_where=text("lacking > 0"),
        ),
        UniqueConstraint("trainee_id", "draft_key"),
    )
    id: Mapped[pk]
    draft_key: Mapped[str | None] = mapped_column(
        String(40), comment="the page's own name for a draft it sends by itself"
    )
    team_id: Mapped[int | None] = mapped_column(
        ForeignKey("practice_team.id"), index=True, comment="part of a team task; what all share is fixed by the team"
    )
    trainee_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True, comment="the trainee's")
    base_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True, comment="training base")
    mentor_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    rank: Mapped[int]
    task_code: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(160))
    project: Mapped[str] = mapped_column(String(200), default="")
    real: Mapped[bool] = mapped_column(default=True, comment="a real project, not a simulated one")
    counterpart: Mapped[str] = mapped_column(String(200), default="")
    host_unit: Mapped[str] = mapped_column(String(200), default="", comment="实操单位")
    role: Mapped[TaskRole | None]
    share: Mapped[Decimal | None] = mapped_column(comment="percent of the team's work")
    started_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    hours: Mapped[Decimal] = mapped_column(default=Decimal(0), comment="sum of the work lines")
    did: Mapped[long_text] = mapped_column(default="")
    result: Mapped[long_text] = mapped_column(default="")
    next_step: Mapped[long_text] = mapped_column(default="")
    confidentiality: Mapped[Confidentiality] = mapped_column(default=Confidentiality.INTERNAL)
    was_core: Mapped[bool] = mapped_column(default=False, comment="a submitted version was core: stays guarded")
    self_score: Mapped[int | None]
    state: Mapped[State] = mapped_column(default=State.DRAFT)
    returns: Mapped[int] = mapped_column(default=0, comment="returns out of the review")
    lacking: Mapped[int] = mapped_column(default=0, comment="reviewers still to be found")
    version: Mapped[int] = mapped_column(default=0, comment="number of the newest frozen version; 0: never submitted")
    score: Mapped[Decimal | None]
    created_at: Mapped[stamp]
    saved_at: Mapped[stamp]
    submitted_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]

    trainee: Mapped[Person] = relationship(foreign_keys=[trainee_id])
    team: Mapped[Team | None] = relationship()
    mentor: Mapped[Person | None] = relationship(foreign_keys=[mentor_id])
    region: Mapped[Region | None] = relationship()
    base: Mapped[Organisation | None] = relationship()
    lines: Mapped[list[WorkLine]] = relationship(
        back_populates="entry", cascade="all, delete-orphan", order_by="WorkLine.on, WorkLine.id"
    )
    evidence: Mapped[list[Evidence]] = relationship(back_populates="entry", order_by="Evidence.id")
    versions: Mapped[list[LogEntryVersion]] = relationship(
        back_populates="entry", order_by="LogEntryVersion.number.desc()"
    )
    reviews: Mapped[list[Review]] = relationship(back_populates="entry", order_by="Review.id")
    steps: Mapped[list[EntryStep]] = relationship(back_populates="entry", order_by="EntryStep.id")
    defences: Mapped[list[Defence]] = relationship(back_populates="entry", order_by="Defence.id")
    hearings: Mapped[list[Hearing]] = relationship(back_populates="entry", order_by="Hearing.id")

    @property
    def editable(self) -> bool:
        return self.state in EDITABLE

    @property
    def why_returned(self) -> list[str]:
        """The remarks with which the newest version came back: the mentor's, or those of its reviewers."""
        last = next((s for s in reversed(self.steps) if s.move is Move.RETURN), None)
        if last is None:
            return []
        reviews = self.versions[0].reviews if self.versions and last.person_id is None else []
        said = [last.remark, *(r.remark for r in reviews if r.state in GIVEN)]
        return [remark for remark in said if remark]

    @property
    def guarded(self) -> bool:
        """Core, now or in a submitted version: open to few, and each opening is written down."""
        return self.was_core or self.confidentiality is Confidentiality.CORE

    @property
    def files(self) -> list[Evidence]:
        """The evidence attached now."""
        return [e for e in self.evidence if e.removed_at is None]


class WorkLine(Model):
    """A dated line of the log: what was done on a day, and how long."""

    __tablename__ = "work_line"
    __table_args__ = (CheckConstraint("hours > 0 AND hours <= 2400", name="hours_of_a_day"),)
    id: Mapped[pk]
    entry_id: Mapped[int] = mapped_column(ForeignKey("log_entry.id"), index=True)
    on: Mapped[date]
    hours: Mapped[Decimal]
    text: Mapped[str] = mapped_column(String(400))

    entry: Mapped[LogEntry] = relationship(back_populates="lines")


class Evidence(Model):
    """A file handed in with an entry. Taken out after a submission it stays, for the frozen version names it."""

    __tablename__ = "practice_evidence"
    __table_args__ = (UniqueConstraint("entry_id", "file_id"),)
    id: Mapped[pk]
    entry_id: Mapped[int] = mapped_column(ForeignKey("log_entry.id"), index=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), index=True)
    added_at: Mapped[stamp]
    removed_at: Mapped[datetime | None]

    entry: Mapped[LogEntry] = relationship(back_populates="evidence")
    file: Mapped[StoredFile] = relationship(lazy="joined")


class LogEntryVersion(Model):
    """What was submitted, word for word, with the rules it is judged by. Never changed."""

    __tablename__ = "log_entry_version"
    __table_args__ = (UniqueConstraint("entry_id", "number"),)
    id: Mapped[pk]
    entry_id: Mapped[int] = mapped_column(ForeignKey("log_entry.id"))
    number: Mapped[int]
    snapshot: Mapped[dict[str, Any]]
    sha256: Mapped[str] = mapped_column(String(64), comment="of the canonical JSON of the snapshot")
    file_ids: Mapped[list[int]]
    catalogue_id: Mapped[int] = mapped_column(ForeignKey("rule_version.id"))
    rubric_id: Mapped[int] = mapped_column(ForeignKey("rule_version.id"))
    flow_id: Mapped[int] = mapped_column(ForeignKey("rule_version.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), comment="employer at that time")
    submitted_at: Mapped[datetime]

    entry: Mapped[LogEntry] = relationship(back_populates="versions")
    catalogue: Mapped[RuleVersion] = relationship(foreign_keys=[catalogue_id])
    rubric: Mapped[RuleVersion] = relationship(foreign_keys=[rubric_id])
    flow: Mapped[RuleVersion] = relationship(foreign_keys=[flow_id])
    reviews: Mapped[list[Review]] = relationship(back_populates="version", order_by="Review.id")


class ReviewState(StrEnum):
    ASKED = "asked"
    SCORED = "scored"
    RETURNED = "returned"
    DECLINED = "declined"
    RELEASED = "released"


GIVEN = frozenset({ReviewState.SCORED, ReviewState.RETURNED})
STANDING = GIVEN | {ReviewState.ASKED}


class Review(Model):
    """One reviewer's judgement of one version. DECLINED by the reviewer or RELEASED by the office: no longer asked."""

    __tablename__ = "practice_review"
    __table_args__ = (
        UniqueConstraint("version_id", "reviewer_id"),
        Index("ix_practice_review_reviewer_id_state", "reviewer_id", "state"),
    )
    id: Mapped[pk]
    entry_id: Mapped[int] = mapped_column(ForeignKey("log_entry.id"), index=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("log_entry_version.id"))
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    state: Mapped[ReviewState] = mapped_column(default=ReviewState.ASKED)
    asked_at: Mapped[stamp]
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), comment="None: picked by load")
    points: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="criterion → points as text")
    remarks: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="criterion → words")
    comments: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="passage of the version → words")
    remark: Mapped[long_text] = mapped_column(default="")
    total: Mapped[Decimal | None]
    knocked_out: Mapped[bool] = mapped_column(default=False, comment="a zero where a zero fails")
    given_at: Mapped[datetime | None]

    entry: Mapped[LogEntry] = relationship(back_populates="reviews")
    version: Mapped[LogEntryVersion] = relationship(back_populates="reviews")
    reviewer: Mapped[Person] = relationship(foreign_keys=[reviewer_id])


class EntryStep(Model):
    """A step in the life of an entry, for its history. ``person_id`` is None where reviewers decided."""

    __tablename__ = "entry_step"
    id: Mapped[pk]
    entry_id: Mapped[int] = mapped_column(ForeignKey("log_entry.id"), index=True)
    at: Mapped[datetime]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    move: Mapped[Move]
    version: Mapped[int]
    remark: Mapped[long_text] = mapped_column(default="")

    entry: Mapped[LogEntry] = relationship(back_populates="steps")
    person: Mapped[Person | None] = relationship()


class TaskView(Model):
    """Somebody opened core material: the page of an entry, or one of its files."""

    __tablename__ = "task_view"
    id: Mapped[pk]
    entry_id: Mapped[int] = mapped_column(ForeignKey("log_entry.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), index=True, comment="None: the page")

    person: Mapped[Person] = relationship()
    file: Mapped[StoredFile | None] = relationship()


class Defence(Model):
    """An oral defence (答辩) of a task: when, before whom, what was said, passed or not."""

    __tablename__ = "practice_defence"
    id: Mapped[pk]
    entry_id: Mapped[int] = mapped_column(ForeignKey("log_entry.id"), index=True)
    held_on: Mapped[date]
    panel: Mapped[str] = mapped_column(String(300))
    minutes: Mapped[long_text]
    passed: Mapped[bool]
    recorded_at: Mapped[stamp]
    recorded_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    entry: Mapped[LogEntry] = relationship(back_populates="defences")


class Hearing(Model):
    """An appointment for an oral defence, with its panel. Closed by the chair, it becomes a :class:`Defence`."""

    __tablename__ = "practice_hearing"
    __table_args__ = (
        CheckConstraint("minutes > 0", name="minutes_positive"),
        Index("ix_practice_hearing_state_starts_at", "state", "starts_at"),
        Index(
            "uq_practice_hearing_one_planned", "entry_id", unique=True, sqlite_where=text("state = 'planned'"),
            postgresql_where=text("state = 'planned'"),
        ),
    )  # fmt: skip
    id: Mapped[pk]
    entry_id: Mapped[int] = mapped_column(ForeignKey("log_entry.id"), index=True)
    rule_id: Mapped[int] = mapped_column(
        ForeignKey("rule_version.id"), comment="panel, criteria and pass mark it is held by"
    )
    starts_at: Mapped[datetime]
    minutes: Mapped[int]
    place: Mapped[str] = mapped_column(String(200), comment="room, or address of the video meeting")
    chair_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    state: Mapped[HearingState] = mapped_column(default=HearingState.PLANNED)
    planned_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    planned_at: Mapped[stamp]
    ended_at: Mapped[datetime | None]
    why: Mapped[str] = mapped_column(
        String(400), default="", comment="why it was called off, or what is known of a miss"
    )
    score: Mapped[Decimal | None]
    defence_id: Mapped[int | None] = mapped_column(ForeignKey("practice_defence.id"))

    entry: Mapped[LogEntry] = relationship(back_populates="hearings")
    rule: Mapped[RuleVersion] = relationship()
    chair: Mapped[Person] = relationship(foreign_keys=[chair_id])
    defence: Mapped[Defence | None] = relationship()
    panel: Mapped[list[HearingMember]] = relationship(back_populates="hearing", order_by="HearingMember.id")


class HearingMember(Model):
    """A member of a panel and what they judged. Seen by the others only once all have judged."""

    __tablename__ = "practice_hearing_member"
    __table_args__ = (UniqueConstraint("hearing_id", "person_id"),)
    id: Mapped[pk]
    hearing_id: Mapped[int] = mapped_column(ForeignKey("practice_hearing.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    points: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="criterion → points as text")
    total: Mapped[Decimal | None]
    remark: Mapped[long_text] = mapped_column(default="")
    given_at: Mapped[datetime | None]

    hearing: Mapped[Hearing] = relationship(back_populates="panel")
    person: Mapped[Person] = relationship()


class Portfolio(Model):
    """实操档案: a bound copy of somebody's submitted tasks. Names the versions it holds, so that PDF and ZIP agree."""

    __tablename__ = "practice_portfolio"
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    rank: Mapped[int | None] = mapped_column(comment="None: every level")
    passed_only: Mapped[bool]
    with_core: Mapped[bool] = mapped_column(comment="with the content of core material, not its titles alone")
    language: Mapped[str] = mapped_column(String(10))
    version_ids: Mapped[list[int]] = mapped_column(comment="the versions it holds, in their order")
    asked_at: Mapped[stamp]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    file_id: Mapped[int | None] = mapped_column(
        ForeignKey("stored_file.id"), index=True, comment="the PDF; None: being made"
    )
    pages: Mapped[int | None]
    gone_at: Mapped[datetime] = mapped_column(index=True, comment="when the copy is deleted")

    person: Mapped[Person] = relationship()
    job: Mapped[Job | None] = relationship()
    file: Mapped[StoredFile | None] = relationship()
