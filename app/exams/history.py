"""Figures of each question kept when results are out, so that the bank can show and filter by them without marking anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy import ColumnElement, ForeignKey, String, delete, exists, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app.bank import asks
from app.bank.history import ChoiceCount, RevisionHistory, Sat
from app.bank.models import Question, QuestionRevision
from app.db import Model, db, stamp
from app.exams import figures
from app.exams.exposure import PaperCount
from app.exams.models import ExamSession
from app.exams.states import SessionState
from app.outline import service as outline
from question_bank.flags import Concern

ORDER = {concern.value: place for place, concern in enumerate(Concern)}
LONGEST_TEXT = 300


class QuestionFigure(Model):
    """What the candidates of one session made of one revision. Made anew when marks of the session change."""

    __tablename__ = "question_figure"
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"), primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("question_revision.id"), primary_key=True, index=True)
    question_id: Mapped[int] = mapped_column(ForeignKey("question.id"), index=True)
    count: Mapped[int] = mapped_column(comment="candidates who had it")
    facility: Mapped[float | None] = mapped_column(comment="mean share of the points, 0 to 1")
    discrimination: Mapped[float | None] = mapped_column(comment="correlation with the rest of the paper, -1 to 1")
    omitted: Mapped[int]
    choices: Mapped[list[Any]] = mapped_column(default=list, comment="{part, name, text, key, count} of each option")


class QuestionFlag(Model):
    """A finding about a revision in one session."""

    __tablename__ = "question_flag"
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"), primary_key=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("question_revision.id"), primary_key=True)
    concern: Mapped[str] = mapped_column(String(20), primary_key=True, comment="Concern of question_bank.flags")
    question_id: Mapped[int] = mapped_column(ForeignKey("question.id"), index=True)


class FiguresTaken(Model):
    """From which marks the figures of a session were made."""

    __tablename__ = "figures_taken"
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"), primary_key=True)
    marks: Mapped[str] = mapped_column(String(200), comment="number, newest and sum of marks, last regrade")
    taken_at: Mapped[stamp]


# --- keeping -----------------------------------------------------------------------------------------------------------


def stale() -> list[int]:
    """Sessions whose results are out and whose figures are not those of today's marks."""
    known = {row.session_id: row.marks for row in db.session.scalars(select(FiguresTaken))}
    ids = db.session.scalars(select(ExamSession.id).where(ExamSession.state == SessionState.RELEASED)).all()
    regions = select(ExamSession.id, ExamSession.region_id).where(ExamSession.state == SessionState.RELEASED)
    rules = {row.id: least_of(row.region_id) for row in db.session.execute(regions)}
    return [one for one, mark in figures.marks_of(ids).items() if known.get(one) != _taken(mark, rules[one])]


def least_of(region_id: int | None) -> int:
    """From how many candidates on a finding about a question reaches the bank."""
    return int(outline.rule("exam_statistics", region_id=region_id)["findings_from"])


def _taken(mark: Sequence[Any], least: int) -> str:
    return f"{least}|{figures.short(mark)}"[:200]


def take(session: ExamSession, report: figures.Report, *, now: datetime) -> int:
    """Keep the figures of a session as its report of now has them; how many questions. Within the caller's unit of work."""
    least = least_of(session.region_id)
    mark = _taken(figures.marks_of([session.id])[session.id], least)
    ids = [one.revision_id for one in report.questions]
    questions: dict[int, int] = {}
    for start in range(0, len(ids), 500):
        asked = QuestionRevision.id.in_(ids[start : start + 500])
        rows = db.session.execute(select(QuestionRevision.id, QuestionRevision.question_id).where(asked))
        questions |= {row[0]: row[1] for row in rows}
    for table in (QuestionFigure, QuestionFlag, FiguresTaken):
        db.session.execute(delete(table).where(table.session_id == session.id))
    db.session.add(FiguresTaken(session_id=session.id, marks=mark, taken_at=now))
    for one in report.questions:
        db.session.add(_figure(session.id, questions[one.revision_id], one))
        proves = one.figures.count >= least
        for concern in {flag.concern for flag, _name in one.flags} - {Concern.TOO_FEW} if proves else ():
            db.session.add(
                QuestionFlag(session_id=session.id, revision_id=one.revision_id, concern=concern.value,
                             question_id=questions[one.revision_id])
            )  # fmt: skip
    return len(ids)


def _figure(session_id: int, question_id: int, one: figures.Question) -> QuestionFigure:
    return QuestionFigure(
        session_id=session_id,
        revision_id=one.revision_id,
        question_id=question_id,
        count=one.figures.count,
        facility=one.figures.facility,
        discrimination=one.figures.discrimination_index,
        omitted=one.omitted,
        choices=[
            {"part": "" if options.part == "whole" else options.part, "name": options.names.get(choice.id, choice.id),
             "text": options.texts.get(choice.id, "")[:LONGEST_TEXT], "key": choice.key, "count": choice.count}
            for options in one.options for choice in options.analysis.choices
        ],
    )  # fmt: skip


# --- what the bank asks --------------------------------------------------------------------------------------------------


@asks.used.answered_by
def used() -> ColumnElement[bool]:
    return exists().where(PaperCount.question_id == Question.id, PaperCount.papers > 0)


@asks.flagged.answered_by
def flagged(concern: str) -> ColumnElement[bool]:
    found = (
        exists()
        .where(QuestionFlag.question_id == Question.id)
        .where(QuestionRevision.id == QuestionFlag.revision_id)
        .where(QuestionRevision.number == func.coalesce(Question.live_number, Question.latest_number))
    )
    return found.where(QuestionFlag.concern == concern) if concern else found


@asks.flags_of.answered_by
def flags_of(ids: Sequence[int]) -> Mapping[int, tuple[str, ...]]:
    rows = db.session.execute(
        select(QuestionFlag.question_id, QuestionFlag.concern)
        .join(QuestionRevision, QuestionRevision.id == QuestionFlag.revision_id)
        .join(Question, Question.id == QuestionFlag.question_id)
        .where(
            QuestionFlag.question_id.in_(ids),
            QuestionRevision.number == func.coalesce(Question.live_number, Question.latest_number),
        )
        .distinct()
    )
    found: dict[int, list[str]] = defaultdict(list)
    for question_id, concern in rows:
        found[question_id].append(concern)
    return {one: tuple(sorted(concerns, key=lambda c: ORDER.get(c, 99))) for one, concerns in found.items()}


@asks.history_of.answered_by
def history_of(question_id: int) -> tuple[RevisionHistory, ...]:
    flags: dict[tuple[int, int], list[str]] = defaultdict(list)
    for one in db.session.scalars(select(QuestionFlag).where(QuestionFlag.question_id == question_id)):
        flags[one.session_id, one.revision_id].append(one.concern)
    rows = db.session.execute(
        select(QuestionFigure, QuestionRevision.number, ExamSession.title)
        .join(QuestionRevision, QuestionRevision.id == QuestionFigure.revision_id)
        .join(ExamSession, ExamSession.id == QuestionFigure.session_id)
        .where(QuestionFigure.question_id == question_id)
        .order_by(QuestionRevision.number.desc(), ExamSession.opens_at.desc(), ExamSession.id.desc())
    )
    found: dict[int, list[Sat]] = defaultdict(list)
    for figure, number, title in rows:
        found[number].append(_sat(figure, title, flags[figure.session_id, figure.revision_id]))
    return tuple(RevisionHistory(number, tuple(sessions)) for number, sessions in found.items())


def _sat(figure: QuestionFigure, title: str, flags: Sequence[str]) -> Sat:
    return Sat(
        title=title,
        url=url_for("exam_statistics.question", session_id=figure.session_id, revision_id=figure.revision_id),
        count=figure.count,
        facility=figure.facility,
        discrimination=figure.discrimination,
        omitted=figure.omitted,
        choices=tuple(ChoiceCount(**choice) for choice in figure.choices),
        flags=tuple(sorted(flags, key=lambda c: ORDER.get(c, 99))),
    )
