"""On how many papers a question stands: counted as papers are made, for the exposure limit and for "where used"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import ForeignKey, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.bank.models import Question, QuestionRevision
from app.bank.uses import Use
from app.db import Model, db
from app.exams.models import ExamSession


class PaperCount(Model):
    """How many papers of a session hold a question."""

    __tablename__ = "paper_count"
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"), primary_key=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("question.id"), primary_key=True, index=True)
    papers: Mapped[int] = mapped_column(default=0)


def count_paper(session_id: int, revision_ids: Iterable[int]) -> None:
    """One more paper of the session with these questions."""
    ids = db.session.scalars(
        select(QuestionRevision.question_id).where(QuestionRevision.id.in_(list(revision_ids)))
    ).all()
    if ids:
        rows = [{"session_id": session_id, "question_id": one, "papers": 1} for one in sorted(ids)]
        db.session.execute(_one_more(db.session.get_bind().dialect.name), rows)


def uncount_paper(session_id: int, revision_ids: Iterable[int]) -> None:
    """One paper of the session with these questions less: it was drawn anew."""
    questions = select(QuestionRevision.question_id).where(QuestionRevision.id.in_(list(revision_ids)))
    db.session.execute(
        update(PaperCount)
        .where(PaperCount.session_id == session_id, PaperCount.question_id.in_(questions), PaperCount.papers > 0)
        .values(papers=PaperCount.papers - 1)
        .execution_options(synchronize_session=False)
    )


@cache
def _one_more(engine: str) -> Any:
    if engine == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    added = insert(PaperCount.__table__)  # type: ignore[arg-type]
    return added.on_conflict_do_update(
        index_elements=["session_id", "question_id"], set_={"papers": PaperCount.__table__.c.papers + 1}
    )


def exposure_of(level: int, *, since: datetime | None) -> dict[str, int]:
    """Code → on how many papers of the level it stands, in sessions that open after ``since`` (None: ever)."""
    asked = (
        select(Question.code, func.sum(PaperCount.papers))
        .join(Question, Question.id == PaperCount.question_id)
        .join(ExamSession, ExamSession.id == PaperCount.session_id)
        .where(ExamSession.level == level)
        .group_by(Question.code)
    )
    if since is not None:
        asked = asked.where(ExamSession.opens_at >= since)
    return {code: int(papers) for code, papers in db.session.execute(asked)}


def since_days(session: ExamSession, days: int | None) -> datetime | None:
    return session.opens_at - timedelta(days=days) if days else None


def sessions_with(questions: Sequence[Any]) -> dict[int, list[Use]]:
    """Question id → the exam sessions whose papers hold it, the latest first."""
    found: dict[int, list[Use]] = {}
    ids = [question.id for question in questions]
    for start in range(0, len(ids), 500):
        rows = db.session.execute(
            select(PaperCount.question_id, PaperCount.papers, ExamSession.id, ExamSession.title)
            .join(ExamSession, ExamSession.id == PaperCount.session_id)
            .where(PaperCount.question_id.in_(ids[start : start + 500]), PaperCount.papers > 0)
            .order_by(ExamSession.opens_at.desc())
        )
        for row in rows:
            use = Use(_("Exam session"), row.title, url_for("exam_office.session", session_id=row.id), row.papers)
            found.setdefault(row.question_id, []).append(use)
    return found
