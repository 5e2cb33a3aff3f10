"""What training does by the clock."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any

from flask_babel import ngettext

from app.db import db, unit_of_work
from app.files.models import StoredFile
from app.files.service import PDF, keep_bytes, read_file
from app.jobs.models import Job
from app.jobs.service import beat, every, work
from app.training import class_tasks, completion, feedback  # noqa: F401 - offers, sign-outs, reminders
from app.training.classes import move_class, start_classes
from app.training.drawing import end_drawing, give_up_drawing, keep_pages, numbers_kept
from app.training.learning_models import Completion, LessonDocument
from app.training.materials import DRAW
from app.training.models import TrainingClass
from app.training.pdf_pages import CannotDraw, draw, pages_in
from app.training.states import CLASS_MOVES, ClassMove

PAGES_AT_ONCE = 10
"""Pages of a document that are kept together: a second's drawing, a moment's lock."""


@every(seconds=300, name="training.start_classes")
def start(now: datetime) -> None:
    """Open classes begin on their first day, each in its own transaction."""
    for class_id in start_classes(now):
        with unit_of_work():
            klass = db.session.get_one(TrainingClass, class_id, with_for_update=True)
            if (klass.state, ClassMove.START) in CLASS_MOVES:
                move_class(klass, ClassMove.START, by=None, now=now)


@work(DRAW, says=lambda result: ngettext("%(n)s page", "%(n)s pages", result["pages"], n=result["pages"]), apart=True)
def draw_document(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Draw every page of a document, and keep some at a time; one that cannot be drawn says so to its readers. Begun again, it goes
    on after the pages that are there."""
    document = db.session.get_one(LessonDocument, item["file"])
    if document.pages is not None:
        return {"pages": document.pages}
    file_id, there = document.file_id, numbers_kept(document.file_id)
    data, pages = read_file(db.session.get_one(StoredFile, file_id)), 0
    try:
        pages = pages_in(data)
        drawn = draw(data, [number for number in range(1, pages + 1) if number not in there])
        while some := list(islice(drawn, PAGES_AT_ONCE)):
            with unit_of_work():
                keep_pages(file_id, some)
            beat(job, some[-1].number, pages)
        with unit_of_work():
            end_drawing(file_id, pages)
    except CannotDraw as refusal:
        with unit_of_work():
            give_up_drawing(file_id, refusal.code)
        return {"pages": 0}
    return {"pages": pages}


def _draw_completion(item: dict[str, Any], job: Job) -> bytes | None:
    found = db.session.get_one(Completion, item["completion"])
    return completion.pdf_of(found) if found.pdf_file_id is None else None


@work(completion.RENDER, draws=_draw_completion)
def render_completion(item: dict[str, Any], job: Job, drawn: bytes | None) -> dict[str, Any]:
    """Keep the PDF of one completion statement, made from its snapshot alone; what is there already is not made again."""
    found = db.session.get_one(Completion, item["completion"], with_for_update=True)
    if drawn is not None and found.pdf_file_id is None:
        name, owner = f"{found.number}.pdf", found.enrolment.person
        found.pdf_file_id = keep_bytes(drawn, name, owner=owner, kinds=frozenset({PDF})).id
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
