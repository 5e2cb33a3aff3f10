"""The report of a large session: made by the worker, kept with the time it was made, and made anew when marks change.

A small one is made where it is asked for (``figures.report_of``). What counts as large is a rule (``exam_statistics``).
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.bank import service as bank
from app.bank.models import QuestionRevision
from app.core import clock
from app.core.errors import NotAllowedNow
from app.db import Model, db, one_state, unit_of_work
from app.exams import figures, marking
from app.exams.figures import Band, Options, Question, Report
from app.exams.models import ExamSession
from app.exams.states import SessionState
from app.jobs.models import Job, JobState
from app.jobs.service import beat, enqueue, work
from app.outline import service as outline
from question_bank.flags import Concern, Flag
from question_bank.option_analysis import ChoiceAnalysis, OptionAnalysis
from question_bank.statistics import ItemAnalysis, ScoreAnalysis

KIND = "exams.report"
UNDER_WAY = (JobState.WAITING, JobState.RUNNING)
REST = timedelta(minutes=5)
"""While markers are at work a report is not made anew more often than this, but where a person asks."""
TELL_EVERY = 2.0
"""Seconds between two signs of life of the job."""


class ExamReport(Model):
    """The report of one session as it was last made, and the job that makes the next one."""

    __tablename__ = "exam_report"
    session_id: Mapped[int] = mapped_column(ForeignKey("exam_session.id"), primary_key=True)
    marks: Mapped[str] = mapped_column(String(200), default="", comment="of what the body was made: see figures.short")
    made_at: Mapped[datetime | None]
    body: Mapped[dict[str, Any]] = mapped_column(default=dict)
    asked: Mapped[str] = mapped_column(String(200), default="", comment="for what the last job was asked")
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))

    job: Mapped[Job | None] = relationship()


@dataclass(frozen=True)
class Standing:
    """What there is of a report. ``made_at`` None: made just now. ``job``: under way, or the one that failed for these marks."""

    report: Report | None
    made_at: datetime | None = None
    current: bool = True
    job: Job | None = None

    @property
    def under_way(self) -> bool:
        return self.job is not None and self.job.state in UNDER_WAY

    @property
    def failed(self) -> bool:
        return self.job is not None and not self.under_way

    @property
    def wanted(self) -> bool:
        """Is it to be asked for? Not again where it failed (a person decides that), nor where it was made just now."""
        rested = self.made_at is None or clock.now() - self.made_at >= REST
        return not self.current and self.job is None and rested

    @property
    def progress(self) -> tuple[int, int]:
        """Sittings read, of how many."""
        told = self.job.params if self.job is not None else {}
        return int(told.get("read", 0)), int(told.get("of", 0))


def is_large(session: ExamSession, count: int) -> bool:
    return count > int(outline.rule("exam_statistics", region_id=session.region_id)["background_from"])


_read: dict[int, tuple[Any, Report]] = {}


def standing_of(session: ExamSession) -> Standing:
    """The report of a session as far as it is there; a small one is made."""
    mark = figures.marks_of([session.id])[session.id]
    if not is_large(session, mark[0]):
        return Standing(figures.report_of(session))
    row = db.session.get(ExamReport, session.id, populate_existing=True)
    if row is None:
        return Standing(None, current=False)
    now, job = figures.short(mark), row.job
    if job is not None:
        db.session.refresh(job)
    mine = job if job is not None and (job.state in UNDER_WAY or (row.asked == now and row.marks != now)) else None
    return Standing(_report_in(row), row.made_at, row.marks == now, mine)


def _report_in(row: ExamReport) -> Report | None:
    """The kept report; read once in a process."""
    if row.made_at is None:
        return None
    key = (str(db.engine.url), row.made_at)
    if _read.get(row.session_id, (None,))[0] != key:
        while len(_read) >= 4:
            _read.pop(next(iter(_read)))
        _read[row.session_id] = (key, from_json(row.body, row.session_id))
    return _read[row.session_id][1]


def ask(session_id: int, *, again: bool = False) -> Job | None:
    """Have the report made where that is wanted (``again``: a person asks, whatever came of the last time). Within a unit of
    work."""
    session = db.session.get_one(ExamSession, session_id, with_for_update=True, populate_existing=True)
    standing = standing_of(session)
    if standing.current or standing.under_way or not (again or standing.wanted):
        return standing.job
    row = db.session.get(ExamReport, session_id) or ExamReport(session_id=session_id)
    db.session.add(row)
    row.asked = figures.short(figures.marks_of([session_id])[session_id])
    job = enqueue(KIND, [{"session": session_id, "label": session.title}], by=None, title=_l("Exam statistics"))
    row.job_id = job.id
    return job


def ask_again(session_id: int) -> Job | None:
    """A person asks. Raises NotAllowedNow where the report is that of today's marks."""
    if standing_of(db.session.get_one(ExamSession, session_id)).current:
        raise NotAllowedNow
    return ask(session_id, again=True)


@work(KIND, apart=True)
def make(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Read in one state of the database, without keeping anybody from writing; then kept at once."""
    session_id, said = item["session"], time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal said
        if done == total or time.monotonic() - said > TELL_EVERY:
            said = time.monotonic()
            beat(job, done, total)

    with one_state():
        session = db.session.get_one(ExamSession, session_id, populate_existing=True)
        mark = figures.short(figures.marks_of([session_id])[session_id])
        report = figures.made(session, tell)
        body = as_json(report)
    with unit_of_work():
        row = db.session.get_one(ExamReport, session_id, with_for_update=True, populate_existing=True)
        row.marks, row.made_at, row.body = mark, clock.now(), body
    return {"sittings": report.test.count}


def due() -> list[int]:
    """Sessions that are over and whose kept report is no longer that of today's marks."""
    rows = db.session.execute(
        select(ExamReport.session_id, ExamReport.marks)
        .join(ExamSession, ExamSession.id == ExamReport.session_id)
        .where(ExamSession.state.in_([SessionState.CLOSED, SessionState.RELEASED]))
    ).all()
    marks = figures.marks_of([row.session_id for row in rows])
    return [row.session_id for row in rows if figures.short(marks[row.session_id]) != row.marks]


# --- as it is kept ---------------------------------------------------------------------------------------------------------


def as_json(report: Report) -> dict[str, Any]:
    """All of a report but the questions themselves, which stand in the bank by their revision."""
    return {
        "test": asdict(report.test),
        "questions": [_question_json(one) for one in report.questions],
        "passed": report.passed,
        "lowest": None if report.lowest is None else str(report.lowest),
        "highest": None if report.highest is None else str(report.highest),
        "bands": [asdict(band) for band in report.bands],
        "modules": [list(one) for one in report.modules],
        "same_papers": report.same_papers,
        "dropped": list(report.dropped),
    }


def _question_json(one: Question) -> dict[str, Any]:
    return {
        "revision": one.revision_id, "code": one.code, "number": one.number, "figures": asdict(one.figures), "weight": one.weight,
        "omitted": one.omitted,
        "options": [
            {"part": o.part, "analysis": asdict(o.analysis), "names": dict(o.names), "texts": dict(o.texts)}
            for o in one.options
        ],
        "flags": [[asdict(flag), name] for flag, name in one.flags],
    }  # fmt: skip


def from_json(body: dict[str, Any], session_id: int) -> Report:
    ids = [one["revision"] for one in body["questions"]]
    rows = db.session.execute(
        select(QuestionRevision.id, QuestionRevision.digest).where(QuestionRevision.id.in_(ids))
    ).all()
    items, rulings = bank.items_pinned((row.id, row.digest) for row in rows), marking.rulings_in(session_id)
    return Report(
        test=ScoreAnalysis(**body["test"]),
        questions=tuple(_question(one, rulings.item(one["revision"], items[one["revision"]])) for one in body["questions"]),
        passed=body["passed"],
        lowest=None if body["lowest"] is None else Decimal(body["lowest"]),
        highest=None if body["highest"] is None else Decimal(body["highest"]),
        bands=tuple(Band(**band) for band in body["bands"]),
        modules=tuple((module, share) for module, share in body["modules"]),
        same_papers=body["same_papers"],
        dropped=tuple(body["dropped"]),
    )  # fmt: skip


def _question(kept: dict[str, Any], item: Any) -> Question:
    return Question(
        revision_id=kept["revision"], code=kept["code"], number=kept["number"], item=item,
        figures=ItemAnalysis(**kept["figures"]), weight=kept["weight"], omitted=kept["omitted"],
        options=tuple(Options(o["part"], _analysis(o["analysis"]), o["names"], o["texts"]) for o in kept["options"]),
        flags=tuple((_flag(flag), name) for flag, name in kept["flags"]),
    )  # fmt: skip


def _analysis(kept: dict[str, Any]) -> OptionAnalysis:
    found = OptionAnalysis(**kept)
    choices = tuple(ChoiceAnalysis(**one) for one in kept["choices"])
    return replace(found, choices=choices, omitted=ChoiceAnalysis(**kept["omitted"]))


def _flag(kept: dict[str, Any]) -> Flag:
    return replace(Flag(**kept), concern=Concern(kept["concern"]))
