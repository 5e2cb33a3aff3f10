"""What a lesson holds besides its words, how far somebody is with it, proofs of completion, and feedback on classes."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Model, long_text, pk, stamp

if TYPE_CHECKING:
    from app.files.models import StoredFile
    from app.training.models import Course, Enrolment, TrainingClass


class CourseNeed(Model):
    """A course that a version of another course asks to be done before."""

    __tablename__ = "course_need"
    version_id: Mapped[int] = mapped_column(ForeignKey("course_version.id"), primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), primary_key=True, index=True)

    course: Mapped[Course] = relationship()


class LessonPicture(Model):
    """A picture in the text of lessons. Its address is unguessable and its content never changes."""

    __tablename__ = "lesson_picture"
    __table_args__ = (UniqueConstraint("course_id", "sha256"),)
    id: Mapped[pk]
    token: Mapped[str] = mapped_column(String(64), unique=True, comment="names it in texts: /training/pictures/<token>")
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64), comment="the same picture is kept once for a course")
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[stamp]

    file: Mapped[StoredFile] = relationship()


class MaterialKind(StrEnum):
    DOCUMENT = "document"
    VIDEO = "video"
    LINK = "link"
    SUBTITLES = "subtitles"


class LessonMaterial(Model):
    """Something a revision of a lesson holds besides its text, in order. A revision has at most one video, and subtitles
    for it in each language once."""

    __tablename__ = "lesson_material"
    __table_args__ = (
        UniqueConstraint("revision_id", "position"),
        CheckConstraint("(kind = 'link') = (file_id IS NULL)", name="file_or_link"),
        CheckConstraint("(kind = 'video') = (seconds > 0)", name="video_has_length"),
        CheckConstraint("(kind = 'subtitles') = (language <> '')", name="subtitles_have_a_language"),
    )
    id: Mapped[pk]
    revision_id: Mapped[int] = mapped_column(ForeignKey("lesson_revision.id"))
    position: Mapped[int]
    kind: Mapped[MaterialKind]
    title: Mapped[str] = mapped_column(String(200))
    url: Mapped[str] = mapped_column(String(500), default="")
    file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), index=True)
    seconds: Mapped[int] = mapped_column(default=0, comment="length of a video, read from the file")
    language: Mapped[str] = mapped_column(
        String(20), default="", server_default="", comment="of subtitles, as in BCP 47"
    )

    file: Mapped[StoredFile | None] = relationship()


class LessonDocument(Model):
    """A PDF whose pages are drawn as pictures in the background."""

    __tablename__ = "lesson_document"
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), primary_key=True)
    pages: Mapped[int | None] = mapped_column(comment="None: still being drawn")
    problem: Mapped[str] = mapped_column(String(40), default="", comment="why it cannot be drawn: a code")


class DocumentPage(Model):
    """One page of a PDF as a picture, with its words for whoever does not see it."""

    __tablename__ = "document_page"
    __table_args__ = (UniqueConstraint("document_id", "number"),)
    id: Mapped[pk]
    document_id: Mapped[int] = mapped_column(ForeignKey("lesson_document.file_id"))
    number: Mapped[int]
    picture_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), index=True)
    width: Mapped[int]
    height: Mapped[int]
    words: Mapped[long_text] = mapped_column(default="")

    picture: Mapped[StoredFile] = relationship()


class StudyClock(Model):
    """Up to which instant a person's study time has been counted, whatever lesson it was: two windows share one clock."""

    __tablename__ = "study_clock"
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    counted_until: Mapped[datetime]


class LessonPlace(Model):
    """Where somebody is in a film or a document, and which parts of a film were really played."""

    __tablename__ = "lesson_place"
    __table_args__ = (UniqueConstraint("person_id", "file_id"),)
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    file_id: Mapped[int] = mapped_column(ForeignKey("stored_file.id"), index=True)
    position: Mapped[int] = mapped_column(default=0, comment="second of a film, page of a document")
    played: Mapped[list[Any]] = mapped_column(default=list, comment="[[from, to], …] in seconds, apart and in order")
    opened_at: Mapped[datetime] = mapped_column(comment="the player was opened; nothing before counts")


class LessonNote(Model):
    """What a learner writes beside a lesson, for themselves."""

    __tablename__ = "lesson_note"
    __table_args__ = (UniqueConstraint("person_id", "lesson_id"),)
    id: Mapped[pk]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    lesson_id: Mapped[int] = mapped_column(ForeignKey("lesson.id"), index=True)
    text: Mapped[long_text]
    updated_at: Mapped[datetime]


class Completion(Model):
    """结业证明: that a class was completed, as a snapshot. The PDF is made from the snapshot alone."""

    __tablename__ = "completion"
    id: Mapped[pk]
    enrolment_id: Mapped[int] = mapped_column(ForeignKey("enrolment.id"), unique=True)
    number: Mapped[str] = mapped_column(String(30), unique=True, comment="printed, typed by readers")
    token: Mapped[str] = mapped_column(String(60), unique=True, comment="in the QR code")
    snapshot: Mapped[dict[str, Any]]
    fingerprint: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the snapshot as canonical JSON")
    made_at: Mapped[stamp]
    pdf_file_id: Mapped[int | None] = mapped_column(ForeignKey("stored_file.id"), index=True)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(String(500), default="", comment="why it was withdrawn")

    enrolment: Mapped[Enrolment] = relationship()
    pdf: Mapped[StoredFile | None] = relationship()


class FeedbackForm(Model):
    """The questions put to the people of a class, from its last day on."""

    __tablename__ = "feedback_form"
    __table_args__ = (CheckConstraint("closes_on >= opens_on", name="open_at_all"),)
    class_id: Mapped[int] = mapped_column(ForeignKey("training_class.id"), primary_key=True)
    questions: Mapped[list[Any]]
    opens_on: Mapped[date]
    closes_on: Mapped[date]
    asked_at: Mapped[datetime | None] = mapped_column(comment="when the people of the class were told")

    training_class: Mapped[TrainingClass] = relationship()


class FeedbackGiven(Model):
    """Who has answered, without what. Nothing joins it to an answer."""

    __tablename__ = "feedback_given"
    class_id: Mapped[int] = mapped_column(ForeignKey("training_class.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, index=True)


class FeedbackAnswer(Model):
    """One set of answers, without who and when; named by chance, so that no order tells who came when."""

    __tablename__ = "feedback_answer"
    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    class_id: Mapped[int] = mapped_column(ForeignKey("training_class.id"), index=True)
    answers: Mapped[dict[str, Any]]
