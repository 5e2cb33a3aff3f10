"""Questions as identities with immutable revisions; what was asked of somebody points to a revision, never to a question."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, and_
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from app.db import Model, long_text, pk, stamp
from question_bank.items import Difficulty, Item, Kind

if TYPE_CHECKING:
    from app.accounts.models import Person
    from app.files.models import StoredFile


class QuestionState(StrEnum):
    """The state of the newest revision. A live revision stays in use while a newer one is written and reviewed."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    LIVE = "live"
    RETIRED = "retired"


class Question(Model):
    """One question through all its revisions. What lists search by is copied here from the newest revision."""

    __tablename__ = "question"
    __table_args__ = (
        CheckConstraint("latest_number >= 1", name="has_a_revision"),
        CheckConstraint("live_number <= latest_number", name="live_not_after_latest"),
        Index("ix_question_level_state", "level", "state"),
    )
    id: Mapped[pk]
    code: Mapped[str] = mapped_column(String(64), unique=True, comment="Item.id; stays for life")
    level: Mapped[int | None]
    module: Mapped[str] = mapped_column(String(32), default="", index=True)
    kind: Mapped[Kind]
    difficulty: Mapped[Difficulty | None]
    point: Mapped[str] = mapped_column(String(200), default="", comment="知识点 as the author wrote it")
    text: Mapped[long_text] = mapped_column(comment="stem of the newest revision, for searching")
    state: Mapped[QuestionState] = mapped_column(default=QuestionState.DRAFT, index=True)
    latest_number: Mapped[int] = mapped_column(default=1)
    live_number: Mapped[int | None] = mapped_column(comment="the revision papers draw; None when none was approved")
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True, comment="None: shipped")
    created_at: Mapped[stamp]

    author: Mapped[Person | None] = relationship()
    latest: Mapped[QuestionRevision] = relationship(
        primaryjoin=lambda: and_(
            Question.id == foreign(QuestionRevision.question_id),
            Question.latest_number == foreign(QuestionRevision.number),
        ),
        viewonly=True,
        uselist=False,
    )
    revisions: Mapped[list[QuestionRevision]] = relationship(
        back_populates="question", order_by="QuestionRevision.number"
    )


class QuestionRevision(Model):
    """The question as it stood once. Never changed, never deleted."""

    __tablename__ = "question_revision"
    __table_args__ = (UniqueConstraint("question_id", "number"),)
    id: Mapped[pk]
    question_id: Mapped[int] = mapped_column(ForeignKey("question.id"))
    number: Mapped[int]
    body: Mapped[dict[str, Any]] = mapped_column(comment="question_bank Item.to_dict()")
    digest: Mapped[str] = mapped_column(String(20), comment="of the body: equal digests are equal questions")
    text_hash: Mapped[str] = mapped_column(String(40), index=True, comment="of the normalised text, to find duplicates")
    note: Mapped[str] = mapped_column(default="", comment="why it was changed")
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True, comment="None: shipped")
    made_at: Mapped[stamp]

    question: Mapped[Question] = relationship(back_populates="revisions")
    made_by: Mapped[Person | None] = relationship()
    reviews: Mapped[list[QuestionReview]] = relationship(back_populates="revision", order_by="QuestionReview.id")

    @property
    def item(self) -> Item:
        from app.bank.faces import item_of

        return item_of(self.digest, self.body)


class Outcome(StrEnum):
    APPROVED = "approved"
    RETURNED = "returned"


class QuestionReview(Model):
    """What a reviewer decided about a revision. The reviewer is neither the author nor who made the revision."""

    __tablename__ = "question_review"
    id: Mapped[pk]
    revision_id: Mapped[int] = mapped_column(ForeignKey("question_revision.id"), index=True)
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    outcome: Mapped[Outcome]
    remark: Mapped[long_text] = mapped_column(default="")
    at: Mapped[stamp]

    revision: Mapped[QuestionRevision] = relationship(back_populates="reviews")
    reviewer: Mapped[Person] = relationship()


class EnemyGroup(Model):
    """Questions of which a paper holds at most one, beyond what the questions say about each other."""

    __tablename__ = "enemy_group"
    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(120), unique=True)
    note: Mapped[str] = mapped_column(default="", comment="why they do not go together")
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[stamp]

    members: Mapped[list[EnemyGroupMember]] = relationship(
        back_populates="group", cascade="all, delete-orphan", order_by="EnemyGroupMember.question_id"
    )


class EnemyGroupMember(Model):
    __tablename__ = "enemy_group_member"
    group_id: Mapped[int] = mapped_column(ForeignKey("enemy_group.id"), primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("question.id"), primary_key=True, index=True)

    group: Mapped[EnemyGroup] = relationship(back_populates="members")
    question: Mapped[Question] = relationship()


class BankPicture(Model):
    """A picture for questions. Its address is unguessable and its content never changes, so revisions stay what they were."""

    __tablename__ = "bank_picture"
    id: Mapped[pk]
    token: Mapped[str] = mapped_column(String(64), unique=True, comment="names it in texts: /bank/pictures/<token>")
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True, comment="the same picture is kept once")
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[stamp]

    file: Mapped[StoredFile] = relationship()


class ImportState(StrEnum):
    """Reading → ready (the dry run) → running → done → perhaps undone; or unreadable."""

    READING = "reading"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    UNDONE = "undone"
    UNREADABLE = "unreadable"


class QuestionImport(Model):
    """A file somebody uploaded: read into rows, looked through, then taken in row by row in the background."""

    __tablename__ = "question_import"
    id: Mapped[pk]
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), index=True)
    format: Mapped[str] = mapped_column(String(20))
    state: Mapped[ImportState] = mapped_column(default=ImportState.READING)
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[stamp]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"), comment="of the reading, then of the taking in")
    done_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    outcome: Mapped[dict[str, Any]] = mapped_column(default=dict, comment="how many were made, revised, left out")

    file: Mapped[StoredFile] = relationship()

    @property
    def name(self) -> str:
        """What the owner called the file: text formats are stored with .txt behind their own ending."""
        plain = self.file.name.removesuffix(".txt")
        return plain if "." in plain else self.file.name


class Fate(StrEnum):
    """What the dry run found about a row."""

    NEW = "new"
    REVISED = "revised"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    CLOSED = "closed"
    """Its number belongs to a question in review or retired, which takes no new revision now."""
    REFUSED = "refused"


class Choice(StrEnum):
    SKIP = "skip"
    REVISE = "revise"
    CREATE = "create"


class RowOutcome(StrEnum):
    CREATED = "created"
    REVISED = "revised"
    SKIPPED = "skipped"
    REFUSED = "refused"
    UNDONE = "undone"


class QuestionImportRow(Model):
    """One question (or refusal) of an uploaded file: what was found, what was chosen, what came of it."""

    __tablename__ = "question_import_row"
    __table_args__ = (
        UniqueConstraint("import_id", "position"),
        Index("ix_question_import_row_import_id_fate", "import_id", "fate"),
    )
    id: Mapped[pk]
    import_id: Mapped[int] = mapped_column(ForeignKey("question_import.id"))
    position: Mapped[int]
    code: Mapped[str] = mapped_column(String(64), default="")
    where: Mapped[str] = mapped_column(default="", comment="line, row or number in the file")
    body: Mapped[dict[str, Any] | None] = mapped_column(comment="Item.to_dict(); None where it was refused")
    notes: Mapped[list[Any]] = mapped_column(
        default=list, comment="refusal, or what of a question was not kept: {where, reason, field, values}"
    )
    fate: Mapped[Fate]
    twin: Mapped[str] = mapped_column(String(64), default="", comment="code of the question with the same text")
    choice: Mapped[Choice]
    outcome: Mapped[RowOutcome | None]
    problem: Mapped[dict[str, Any] | None] = mapped_column(comment="why it was not taken in: code and values")
    question_id: Mapped[int | None] = mapped_column(ForeignKey("question.id"), index=True)
    revision_number: Mapped[int | None]
    before: Mapped[str] = mapped_column(String(20), default="", comment="state of the question before a revision")


class QuestionExport(Model):
    """A file of many questions, written by the worker; it lasts for some days."""

    __tablename__ = "question_export"
    id: Mapped[pk]
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    format: Mapped[str] = mapped_column(String(20))
    ids: Mapped[list[Any]] = mapped_column(comment="the questions, in their order")
    created_at: Mapped[stamp]
    begun_at: Mapped[datetime | None] = mapped_column(comment="by a worker that is alive, or was")
    written: Mapped[int] = mapped_column(default=0, comment="questions gone through")
    losses: Mapped[list[Any]] = mapped_column(
        default=list, comment="what is lost: [field, number of questions, the first of them]"
    )
    done_at: Mapped[datetime | None]
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), index=True)

    file: Mapped[StoredFile | None] = relationship()


class ShippedFile(Model):
    """A file of shipped questions as it was last loaded, so that an unchanged one costs nothing at the next start."""

    __tablename__ = "shipped_question_file"
    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(80), unique=True)
    sha256: Mapped[str] = mapped_column(String(64))
    loaded_at: Mapped[stamp]
