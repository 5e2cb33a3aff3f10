"""How long the office's printed documents are kept as files (rule kind ``exam_prints``), and their end.

The papers, lists and marks themselves stay: a document can be made again. What goes is the file, which names people or
shows a paper, and needs no longer lie about.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select

from app.audit.service import record
from app.core import clock
from app.db import db
from app.exams.deeds import Did
from app.exams.models import ExamPrint, ExamSession, PrintKind
from app.files.models import StoredFile
from app.files.service import delete_file
from app.outline import service as outline

FIELDS = {
    PrintKind.PAPER: "paper_days", PrintKind.KEY: "paper_days", PrintKind.ANSWER_SHEET: "paper_days",
    PrintKind.TICKETS: "list_days", PrintKind.SEAT_PLAN: "list_days", PrintKind.SIGN_IN: "list_days",
    PrintKind.SCORES: "score_days",
}  # fmt: skip
"""Kind of document → the value of the rule that says how many days it is kept."""


def goes_on(made: ExamPrint, session: ExamSession) -> date:
    """The day on which the file of a document is deleted, by the rule in force today: so many days after the end of the
    exam, or after it was made where that is later."""
    days = outline.rule("exam_prints", region_id=session.region_id)[FIELDS[made.kind]]
    return clock.local_date(max(session.closes_at, made.asked_at)) + timedelta(days=days)


def overdue(now: datetime, limit: int = 500) -> list[int]:
    """Documents whose file's time is over, oldest first."""
    rows = db.session.execute(
        select(ExamPrint, ExamSession)
        .join(ExamSession, ExamSession.id == ExamPrint.session_id)
        .where(
            ExamPrint.file_id.is_not(None), ExamSession.closes_at < now - timedelta(days=1), ExamPrint.asked_at < now
        )
        .order_by(ExamPrint.id)
    )
    today = clock.local_date(now)
    return [made.id for made, session in rows if goes_on(made, session) <= today][:limit]


def let_go(print_id: int, now: datetime) -> bool:
    """Delete the file of a document whose time is over; that it was there, and that it went, stays on record."""
    made = db.session.get_one(ExamPrint, print_id, with_for_update=True, populate_existing=True)
    session = db.session.get_one(ExamSession, made.session_id)
    if made.file_id is None or goes_on(made, session) > clock.local_date(now):
        return False
    stored = db.session.get(StoredFile, made.file_id)
    made.file_id, made.deleted_at = None, now
    db.session.flush()  # the document lets go of the file before that is deleted
    if stored is not None:
        delete_file(stored)
    more = {"kind": made.kind, "version": made.letter, "print": made.id, "made_on": clock.local_date(made.asked_at)}
    record(Did.DELETE_PRINT, session, by=None, more=more)
    return True
