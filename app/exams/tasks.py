"""What the exam stage does in the background: papers, overdue sittings, marks that a crash left out, closing sessions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.accounts.models import Person
from app.core import clock
from app.db import db, unit_of_work
from app.exams import (  # noqa: F401 - personal announces itself
    faults,
    figures,
    history,
    keeping,
    marking,
    outdated,
    papers,
    personal,
    places,
    prints,
    regrading,
    reports,
    sessions,
    sittings,
)
from app.exams.models import ExamPrint, ExamSession, Regrade, RegradeState
from app.exams.states import SessionState
from app.jobs.models import Job
from app.jobs.service import every, work

log = logging.getLogger(__name__)


@work("exams.papers")
def make_paper(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """The paper of one candidate."""
    sitting = sittings.with_session(item["sitting"])
    papers.make_paper(sitting, sitting.session)
    return {"questions": len(sitting.entries)}


def _draw_print(item: dict[str, Any], job: Job) -> prints.Drawn:
    return prints.drawn(item["print"], now=clock.now())


@work(prints.PRINT, draws=_draw_print)
def make_print(item: dict[str, Any], job: Job, drawn: prints.Drawn) -> dict[str, Any]:
    """One document of a session as PDF."""
    made = db.session.get_one(ExamPrint, item["print"], with_for_update=True)
    return {"file": prints.keep(made, drawn).id}


def _draw_ticket(item: dict[str, Any], job: Job) -> prints.Drawn:
    return prints.drawn_ticket(item["sitting"])


@work(places.TICKETS, draws=_draw_ticket)
def make_ticket(item: dict[str, Any], job: Job, drawn: prints.Drawn) -> dict[str, Any]:
    """The admission slip of one candidate as PDF."""
    return {"file": prints.keep_ticket(item["sitting"], drawn).id}


def _each(ids: Iterable[int], do: Callable[[int], Any], what: str) -> None:
    """Each in its own transaction; one that fails does not stop the rest."""
    for one in ids:
        try:
            with unit_of_work():
                do(one)
        except Exception:
            log.exception("%s %s failed", what, one)


@every(seconds=15, name="exams.sweep")
def sweep(now: datetime) -> None:
    """Hand in what is overdue, mark what is unmarked, close sessions that are over."""
    _each(sittings.overdue(now), lambda one: sittings.close_overdue(one, now), "closing sitting")
    _each(marking.unmarked(), lambda one: marking.mark_once(one, now=now), "marking sitting")
    over = db.session.scalars(
        select(ExamSession.id).where(ExamSession.state == SessionState.PUBLISHED, ExamSession.closes_at < now)
    ).all()
    _each(
        over,
        lambda one: sessions.close_if_over(db.session.get_one(ExamSession, one, with_for_update=True), now),
        "closing exam session",
    )


@every(seconds=120, name="exams.question_figures")
def keep_figures(now: datetime) -> None:
    """The figures of questions, for the bank, of sessions whose results or marks are new."""
    _each(reports.due(), reports.ask, "asking for the report of exam session")
    for session_id in history.stale():
        try:
            _keep(session_id, now)
        except Exception:
            db.session.rollback()
            log.exception("keeping figures of exam session %s failed", session_id)


def _keep(session_id: int, now: datetime) -> None:
    """The report is read or made first, without a lock; then it is kept, if no mark has come meanwhile."""
    marks = figures.marks_of([session_id])
    standing = reports.standing_of(db.session.get_one(ExamSession, session_id, populate_existing=True))
    with unit_of_work():
        session = db.session.get_one(ExamSession, session_id, with_for_update=True, populate_existing=True)
        if standing.wanted:
            reports.ask(session_id)
        elif standing.report is not None and standing.current and figures.marks_of([session_id]) == marks:
            history.take(session, standing.report, now=now)


@every(seconds=3600, name="exams.keeping")
def clear_prints(now: datetime) -> None:
    """Delete the files of printed documents whose time is over."""
    _each(keeping.overdue(now), lambda one: keeping.let_go(one, now), "deleting the file of exam print")


@work("exams.regrade.count")
def count_regrade(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Some sittings of a dry run; the last item says that it is complete."""
    row = db.session.get_one(Regrade, item["regrade"], with_for_update=True)
    if row.state is not RegradeState.COUNTING:
        return {}
    if item.get("last"):
        row.state = RegradeState.PROPOSED
        return {}
    regrading.count(row, item["sittings"])
    return {"sittings": len(item["sittings"])}


@work("exams.regrade.apply")
def apply_regrade(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Some sittings of a regrade that was decided."""
    row = db.session.get_one(Regrade, item["regrade"], with_for_update=True)
    if row.state is not RegradeState.APPLYING:
        return {}
    if item.get("last"):
        row.state = RegradeState.APPLIED
        return {}
    return {"changed": regrading.apply(row, item["sittings"], now=clock.now())}


@work(outdated.JOB)
def draw_papers(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Some papers with questions that the bank has retired or corrected, drawn anew."""
    by = db.session.get_one(Person, item["by"])
    drawn, kept = outdated.draw(item["session"], item["sittings"], by=by, now=clock.now())
    return {"drawn": drawn, "kept": kept}


@work(faults.JOB)
def replace_papers(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Some papers with a faulty question, drawn anew."""
    fault = db.session.get_one(faults.QuestionFault, item["fault"])
    done = faults.replace(fault, item["sittings"], now=clock.now())
    return {state.value: count for state, count in done.items()}
