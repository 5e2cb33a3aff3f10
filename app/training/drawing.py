"""The pages of a document as they are drawn, some at a time: each time the write lock is held for a moment alone, and readers
see the document once all are there."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from app.db import db
from app.files.service import WEBP, delete_file, keep_bytes
from app.training.learning_models import DocumentPage, LessonDocument
from app.training.pdf_pages import Drawn


def numbers_kept(file_id: int) -> set[int]:
    """The pages of a document that are drawn already."""
    asked = select(DocumentPage.number).where(DocumentPage.document_id == file_id)
    return set(db.session.scalars(asked))


def _waiting(file_id: int) -> LessonDocument | None:
    """The document under its lock; None where another worker was faster."""
    found = db.session.get_one(LessonDocument, file_id, with_for_update=True, populate_existing=True)
    return found if found.pages is None and not found.problem else None


def keep_pages(file_id: int, drawn: Iterable[Drawn]) -> None:
    """Keep pages of a document; a page that is there already stays."""
    if _waiting(file_id) is None:
        return
    there = numbers_kept(file_id)
    for one in drawn:
        if one.number not in there:
            kept = keep_bytes(one.data, f"{one.number}.webp", owner=None, kinds=frozenset({WEBP}))
            db.session.add(
                DocumentPage(
                    document_id=file_id, number=one.number, picture_id=kept.id, width=one.width, height=one.height,
                    words=one.words,
                )
            )  # fmt: skip


def end_drawing(file_id: int, pages: int) -> None:
    """All pages are there: from now on the document is read."""
    document = _waiting(file_id)
    if document is not None:
        document.pages = pages


def give_up_drawing(file_id: int, problem: str) -> None:
    """The document cannot be drawn: the pages before the one that failed go."""
    document = _waiting(file_id)
    if document is None:
        return
    for page in db.session.scalars(select(DocumentPage).where(DocumentPage.document_id == file_id)):
        picture_of_it = page.picture
        db.session.delete(page)
        db.session.flush()  # the page lets go of the picture before that is deleted
        delete_file(picture_of_it)
    document.problem = problem
