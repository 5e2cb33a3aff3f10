"""What training does by the clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_babel import ngettext

from app.db import db, unit_of_work
from app.files.models import StoredFile
from app.files.service import PDF, WEBP, keep_bytes, read_file
from app.jobs.models import Job
from app.jobs.service import every, work
from app.training import class_tasks, completion, feedback  # noqa: F401 - offers, sign-outs, reminders
from app.training.classes import move_class, start_classes
from app.training.learning_models import Completion, DocumentPage, LessonDocument
from app.training.materials import DRAW
from app.training.models import TrainingClass
from app.training.pdf_pages import CannotDraw, draw, pages_in
from app.training.states import CLASS_MOVES, ClassMove


@every(seconds=300, name="training.start_classes")
def start(now: datetime) -> None:
    """Open classes begin on their first day, each in its own transaction."""
    for class_id in start_classes(now):
        with unit_of_work():
            klass = db.session.get_one(TrainingClass, class_id, with_for_update=True)
            if (klass.state, ClassMove.START) in CLASS_MOVES:
                move_class(klass, ClassMove.START, by=None, now=now)


@work(DRAW, says=lambda result: ngettext("%(n)s page", "%(n)s pages", result["pages"], n=result["pages"]))
def draw_document(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Draw every page of a document; one that cannot be drawn says so to its readers."""
    document = db.session.get_one(LessonDocument, item["file"], with_for_update=True)
    source = db.session.get_one(StoredFile, document.file_id)
    if document.pages is not None:
        return {"pages": document.pages}
    data = read_file(source)
    try:
        count = pages_in(data)
        for one in draw(data, list(range(1, count + 1))):
            kept = keep_bytes(one.data, f"{one.number}.webp", owner=None, kinds=frozenset({WEBP}))
            db.session.add(
                DocumentPage(
                    document_id=document.file_id, number=one.number, picture_id=kept.id, width=one.width,
                    height=one.height, words=one.words,
                )
            )  # fmt: skip
    except CannotDraw as refusal:
        document.problem = refusal.code
        return {"pages": 0}
    document.pages = count
    return {"pages": count}


@work(completion.RENDER)
def render_completion(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Make the PDF of one completion statement from its snapshot alone."""
    found = db.session.get_one(Completion, item["completion"], with_for_update=True)
    if found.pdf_file_id is None:
        data = completion.pdf_of(found)
        found.pdf_file_id = keep_bytes(
            data, f"{found.number}.pdf", owner=found.enrolment.person, kinds=frozenset({PDF})
        ).id
    return {"file": found.pdf_file_id}


@every(seconds=600, name="training.completions")
def issue_late_completions(now: datetime) -> None:
    """Statements for hours that came after the end of a class, each in its own transaction."""
    for enrolment_id in completion.due(now):
        with unit_of_work():
            completion.issue_late(enrolment_id, now=now)


@every(seconds=600, name="training.feedback")
def ask_for_feedback(now: datetime) -> None:
    """On the last day of a class its people are asked what they think of it, each class in its own transaction."""
    for class_id in feedback.due(now):
        with unit_of_work():
            feedback.ask(db.session.get_one(TrainingClass, class_id, with_for_update=True), now=now)
