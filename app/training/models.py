"""Programme and courses as versions, classes with enrolments and sessions, attendance, and the hours ledger."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.models import Education, TitleLevel
from app.core.text import chinese
from app.db import Model, long_text, pk, stamp
from app.training import learning_models  # noqa: F401 -- tables of this feature
from app.training.states import ClassState, EnrolmentState

if TYPE_CHECKING:
    from app.accounts.models import Organisation, Person, Region
    from app.outline.models import RuleVersion


class Category(StrEnum):
    REQUIRED = "required"
    PRACTICE = "practice"


class Mode(StrEnum):
    LECTURE = "lecture"
    DISCUSSION = "discussion"
    TRAINING = "training"


class VersionState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"


class AttendanceState(StrEnum):
    """Only PRESENT earns hours; leave (请假) is excused but does not count."""

    PRESENT = "present"
    LATE = "late"
    LEFT_EARLY = "left_early"
    LEAVE = "leave"
    ABSENT = "absent"


class SignInMethod(StrEnum):
    CODE = "code"
    LIST = "list"


class HourSource(StrEnum):
    SESSION = "session"
    LESSON = "lesson"
    MAKE_UP = "make_up"
    RECOGNISED = "recognised"
    CONTINUING = "continuing"
    EVENT = "event"
    SHEET = "sheet"
    REVERSAL = "reversal"


class Course(Model):
    """A course as such; what it says stands in its versions."""

    __tablename__ = "course"
    id: Mapped[pk]
    level: Mapped[int] = mapped_column(index=True, comment="rank of the level")
    code: Mapped[str] = mapped_column(String(20), unique=True)


class CourseVersion(Model):
    """What a course says: a draft that is still written, or a published version that never changes."""

    __tablename__ = "course_version"
    __table_args__ = (UniqueConstraint("course_id", "number"), CheckConstraint("hours > 0", name="hours_positive"))
    id: Mapped[pk]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    number: Mapped[int]
    organisation_id: Mapped[int | None] = mapped_column(
        ForeignKey("organisation.id"), index=True, comment="the base it is for; empty: for all"
    )
    state: Mapped[VersionState] = mapped_column(default=VersionState.DRAFT)
    module: Mapped[str] = mapped_column(String(20))
    hours: Mapped[Decimal]
    title_zh: Mapped[str] = mapped_column(String(200))
    title_en: Mapped[str] = mapped_column(String(200), default="")
    summary_zh: Mapped[long_text] = mapped_column(default="")
    summary_en: Mapped[long_text] = mapped_column(default="")
    category: Mapped[Category] = mapped_column(default=Category.REQUIRED)
    mode: Mapped[Mode] = mapped_column(default=Mode.LECTURE)
    online: Mapped[bool] = mapped_column(default=False)
    mark: Mapped[str] = mapped_column(String(1), default="", comment="D = 系统默认")
    created_at: Mapped[stamp]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    published_at: Mapped[datetime | None]

    course: Mapped[Course] = relationship()
    lessons: Mapped[list[CourseVersionLesson]] = relationship(
        back_populates="version", order_by="CourseVersionLesson.position", cascade="all, delete-orphan"
    )

    @property
    def title(self) -> str:
        return self.title_zh if chinese() or not self.title_en else self.title_en

    @property
    def summary(self) -> str:
        return self.summary_zh if chinese() or not self.summary_en else self.summary_en


class Lesson(Model):
    __tablename__ = "lesson"
    __table_args__ = (UniqueConstraint("course_id", "key"),)
    id: Mapped[pk]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    key: Mapped[str] = mapped_column(String(80))

    course: Mapped[Course] = relationship()


class LessonRevision(Model):
    """The words of a lesson; never changed, only followed by the next revision."""

    __tablename__ = "lesson_revision"
    __table_args__ = (
        UniqueConstraint("lesson_id", "number"),
        CheckConstraint("minutes > 0", name="minutes_positive"),
    )
    id: Mapped[pk]
    lesson_id: Mapped[int] = mapped_column(ForeignKey("lesson.id"))
    number: Mapped[int]
    title_zh: Mapped[str] = mapped_column(String(200))
    title_en: Mapped[str] = mapped_column(String(200), default="")
    minutes: Mapped[int] = mapped_column(comment="reading time asked for")
    hours: Mapped[Decimal] = mapped_column(comment="class hours credited")
    body: Mapped[long_text]
    key_points: Mapped[list[str]] = mapped_column(default=list)
    sources: Mapped[list[str]] = mapped_column(default=list)
    summary_en: Mapped[long_text] = mapped_column(default="")
    quiz: Mapped[list[Any]] = mapped_column(default=list, comment="question_bank items in their JSON form")
    created_at: Mapped[stamp]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    lesson: Mapped[Lesson] = relationship(lazy="joined")

    @property
    def title(self) -> str:
        return self.title_zh if chinese() or not self.title_en else self.title_en


class CourseVersionLesson(Model):
    """Which revisions a course version holds, in which order."""

    __tablename__ = "course_version_lesson"
    version_id: Mapped[int] = mapped_column(ForeignKey("course_version.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("lesson_revision.id"), index=True)

    version: Mapped[CourseVersion] = relationship(back_populates="lessons")
    revision: Mapped[LessonRevision] = relationship()


class ProgrammeVersion(Model):
    """培训方案: the course versions of a level, as a class begins with them. Never changed."""

    __tablename__ = "programme_version"
    __table_args__ = (UniqueConstraint("level", "organisation_key", "number"),)
    id: Mapped[pk]
    level: Mapped[int]
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    organisation_key: Mapped[int] = mapped_column(default=0, comment="organisation_id or 0, so that numbers are unique")
    number: Mapped[int]
    mark: Mapped[str] = mapped_column(String(1), default="", comment="D = 系统默认")
    note: Mapped[str] = mapped_column(default="")
    created_at: Mapped[stamp]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    organisation: Mapped[Organisation | None] = relationship()
    entries: Mapped[list[ProgrammeCourse]] = relationship(
        back_populates="programme", order_by="ProgrammeCourse.position"
    )


class ProgrammeCourse(Model):
    __tablename__ = "programme_course"
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme_version.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("course_version.id"), index=True)

    programme: Mapped[ProgrammeVersion] = relationship(back_populates="entries")
    version: Mapped[CourseVersion] = relationship()


class TrainingClass(Model):
    """班次: one run of a programme by a base. Outline and programme are pinned when it is made.

    Rows that are locked (this one, CourseVersion) load nothing joined: an outer join cannot be locked on PostgreSQL.
    """

    __tablename__ = "training_class"
    __table_args__ = (
        CheckConstraint("capacity > 0", name="capacity_positive"),
        CheckConstraint("ends_on >= starts_on", name="ends_after_start"),
        CheckConstraint("enrol_until >= enrol_from", name="window_not_empty"),
        Index("ix_training_class_state_enrol_until", "state", "enrol_until"),
    )
    id: Mapped[pk]
    level: Mapped[int] = mapped_column(index=True)
    title: Mapped[str] = mapped_column(String(120))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), index=True)
    online: Mapped[bool] = mapped_column(default=False)
    place: Mapped[str] = mapped_column(String(200), default="")
    about: Mapped[long_text] = mapped_column(default="")
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    enrol_from: Mapped[date]
    enrol_until: Mapped[date]
    capacity: Mapped[int]
    teacher_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    outline_id: Mapped[int] = mapped_column(ForeignKey("rule_version.id"))
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme_version.id"))
    state: Mapped[ClassState] = mapped_column(default=ClassState.DRAFT)
    created_at: Mapped[stamp]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    organisation: Mapped[Organisation] = relationship()
    region: Mapped[Region] = relationship()
    teacher: Mapped[Person | None] = relationship(foreign_keys=[teacher_id])
    outline: Mapped[RuleVersion] = relationship()
    programme: Mapped[ProgrammeVersion] = relationship()
    sessions: Mapped[list[ClassSession]] = relationship(
        back_populates="training_class", order_by="ClassSession.starts_at, ClassSession.id"
    )
    enrolments: Mapped[list[Enrolment]] = relationship(back_populates="training_class")


class ClassSession(Model):
    """节次: one sitting of a class, with the hours it is worth in one module."""

    __tablename__ = "class_session"
    __table_args__ = (
        CheckConstraint("hours > 0", name="hours_positive"),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
    )
    id: Mapped[pk]
    class_id: Mapped[int] = mapped_column(ForeignKey("training_class.id"), index=True)
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    course_version_id: Mapped[int | None] = mapped_column(ForeignKey("course_version.id"))
    module: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(200), default="")
    hours: Mapped[Decimal]
    room: Mapped[str] = mapped_column(String(120), default="")
    teacher_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    credited_at: Mapped[datetime | None] = mapped_column(comment="last time hours were credited for it")

    training_class: Mapped[TrainingClass] = relationship(back_populates="sessions")
    course_version: Mapped[CourseVersion | None] = relationship()
    teacher: Mapped[Person | None] = relationship()

    @property
    def label(self) -> str:
        return self.title or (self.course_version.title if self.course_version else "")


class Enrolment(Model):
    """报名: one person in one class, with what was declared, decided and pinned."""

    __tablename__ = "enrolment"
    __table_args__ = (
        UniqueConstraint("class_id", "person_id"),
        Index("ix_enrolment_class_id_state", "class_id", "state"),
    )
    id: Mapped[pk]
    class_id: Mapped[int] = mapped_column(ForeignKey("training_class.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    state: Mapped[EnrolmentState] = mapped_column(default=EnrolmentState.APPLIED)
    applied_at: Mapped[datetime]
    education: Mapped[Education]
    experience_years: Mapped[int]
    title_level: Mapped[TitleLevel]
    title_years: Mapped[int]
    remark: Mapped[str] = mapped_column(default="", comment="what the applicant adds")
    pledged_at: Mapped[datetime] = mapped_column(comment="诚信承诺 given")
    outline_id: Mapped[int] = mapped_column(ForeignKey("rule_version.id"))
    programme_id: Mapped[int] = mapped_column(ForeignKey("programme_version.id"))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(1000), default="")
    waiting_since: Mapped[datetime | None]
    admitted_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    completion_number: Mapped[str | None] = mapped_column(String(30), unique=True)

    training_class: Mapped[TrainingClass] = relationship(back_populates="enrolments")
    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
    outline: Mapped[RuleVersion] = relationship()
    programme: Mapped[ProgrammeVersion] = relationship()


class Attendance(Model):
    """One person at one session. Changes by hand carry a reason and stand in the log."""

    __tablename__ = "attendance"
    __table_args__ = (UniqueConstraint("session_id", "person_id"),)
    id: Mapped[pk]
    session_id: Mapped[int] = mapped_column(ForeignKey("class_session.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    state: Mapped[AttendanceState]
    method: Mapped[SignInMethod]
    at: Mapped[datetime] = mapped_column(comment="when it was recorded")
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(String(300), default="")

    session: Mapped[ClassSession] = relationship()


class LessonProgress(Model):
    """How far a person is with a lesson: seconds counted by the server, and the quiz."""

    __tablename__ = "lesson_progress"
    __table_args__ = (UniqueConstraint("person_id", "lesson_id"),)
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    lesson_id: Mapped[int] = mapped_column(ForeignKey("lesson.id"), index=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("lesson_revision.id"))
    seconds: Mapped[int] = mapped_column(default=0)
    beat_at: Mapped[datetime] = mapped_column(comment="up to here time has been counted")
    quiz_passed_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]

    tries: Mapped[list[QuizTry]] = relationship(back_populates="progress", order_by="QuizTry.id")


class QuizTry(Model):
    __tablename__ = "quiz_try"
    id: Mapped[pk]
    progress_id: Mapped[int] = mapped_column(ForeignKey("lesson_progress.id"), index=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("lesson_revision.id"))
    at: Mapped[datetime]
    answers: Mapped[dict[str, Any]]
    right: Mapped[int]
    total: Mapped[int]
    passed: Mapped[bool]

    progress: Mapped[LessonProgress] = relationship(back_populates="tries")


class HourEntry(Model):
    """学时台账: only added to. A correction is a reversing entry; ``working`` says how the figure came about."""

    __tablename__ = "hour_entry"
    __table_args__ = (
        UniqueConstraint("person_id", "source_kind", "source_id", "round"),
        CheckConstraint("hours <> 0", name="hours_not_zero"),
        Index("ix_hour_entry_person_id_level", "person_id", "level"),
        Index("ix_hour_entry_source_kind_source_id", "source_kind", "source_id"),
    )
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    level: Mapped[int]
    module: Mapped[str] = mapped_column(String(20))
    hours: Mapped[Decimal]
    source_kind: Mapped[HourSource]
    source_id: Mapped[int]
    round: Mapped[int] = mapped_column(default=0, comment="rises when hours are credited again after a reversal")
    class_id: Mapped[int | None] = mapped_column(ForeignKey("training_class.id"), index=True)
    course_id: Mapped[int | None] = mapped_column(ForeignKey("course.id"))
    online: Mapped[bool] = mapped_column(default=False)
    earned_on: Mapped[date]
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("hour_entry.id"), unique=True)
    working: Mapped[dict[str, Any]]
    created_at: Mapped[stamp]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    training_class: Mapped[TrainingClass | None] = relationship()
    course: Mapped[Course | None] = relationship()


from app.training import class_models  # noqa: E402, F401 - tables of the running of classes
