"""What goes when a person is erased: admission slips, which are documents with name and photo."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from app.accounts.models import Person
from app.core.personal import erases
from app.db import db
from app.exams.models import ExamSeat, Sitting
from app.files.models import StoredFile
from app.files.service import delete_file


@erases("exams")
def forget(person: Person, now: datetime) -> None:
    """The tickets' files are deleted; sitting, seat and marks stay as the record behind a result, without a name."""
    for seat in db.session.scalars(select(ExamSeat).join(ExamSeat.sitting).where(Sitting.candidate_id == person.id)):
        stored = db.session.get(StoredFile, seat.ticket_file_id) if seat.ticket_file_id else None
        if stored is None:
            continue
        seat.ticket_file_id = None
        db.session.flush()  # the seat lets go of the file before that is deleted
        delete_file(stored)
