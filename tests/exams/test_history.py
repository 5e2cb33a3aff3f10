"""Figures of questions kept for the bank: pooled over sessions, per revision, shown and filtered by."""

from __future__ import annotations

from math import isclose
from typing import Any

from sqlalchemy import func, select

from app.bank.history import ChoiceCount, Sat, pooled
from app.core import clock
from app.core.permissions import Role
from app.db import db, locked, unit_of_work
from app.exams import figures, history, tasks
from app.exams.models import RegradeKind
from app.exams.regrading import Wanted, commit, propose
from tests.exams.factories import Over, session, sitting


def sat(count: int, facility: float | None, discrimination: float | None, *choices: ChoiceCount) -> Sat:
    return Sat("s", "", count, facility, discrimination, 1, choices)


def test_pooled() -> None:
    made = pooled(
        [sat(10, 0.5, 0.2, ChoiceCount("", "A", "x", True, 4)), sat(30, 0.9, 0.6, ChoiceCount("", "A", "x", True, 20))]
    )
    assert (made.count, made.omitted, made.choices[0].count) == (40, 2, 24)
    assert isclose(made.facility or 0, 0.8)
    # by hand: z(0.2) = 0.202733, z(0.6) = 0.693147; (7 * 0.202733 + 27 * 0.693147) / 34 = 0.592179; tanh = 0.531461
    assert isclose(made.discrimination or 0, 0.531461, abs_tol=1e-5)
    assert pooled([]).facility is None and pooled([sat(3, 1.0, 0.4)]).discrimination is None
    assert pooled([sat(9, None, None)]).discrimination is None
    assert isclose(pooled([sat(9, 1.0, 1.0)]).discrimination or 0, 1, abs_tol=1e-5)


def test_figures_are_kept_once_results_are_out(app: Any, client_as: Any) -> None:
    room = Over(4, essays=0, knows=[0, 1, 3, 4])
    tasks.keep_figures(clock.now())
    assert db.session.scalar(select(func.count()).select_from(history.QuestionFigure)) == 0
    room.release()
    assert history.stale() == [room.session.id]
    tasks.keep_figures(clock.now())
    assert history.stale() == []
    first = sitting(room.sittings[0]).entries[0]["revision"]
    figure = db.session.get_one(history.QuestionFigure, (room.session.id, first))
    assert figure.facility is not None and sum(c["count"] for c in figure.choices) + figure.omitted >= figure.count
    reader = client_as(room.office)
    page = reader.get(f"/bank/questions/{figure.question_id}").text
    assert room.session.title in page and "难度" in page
    assert reader.get("/bank/questions?used=yes").text.count("/bank/questions/") >= 1
    never, some = (reader.get(f"/bank/questions?used={value}").text for value in ("never", "yes"))
    assert f'/bank/questions/{figure.question_id}"' not in never and f'/bank/questions/{figure.question_id}"' in some


def test_a_regrade_makes_them_anew(app: Any) -> None:
    room = Over(2, essays=0, knows=[0, 4])
    room.release()
    tasks.keep_figures(clock.now())
    revision = sitting(room.sittings[0]).entries[0]["revision"]
    with unit_of_work():
        row = propose(locked(room.session), Wanted(RegradeKind.DROP, "x", revision), by=room.office, now=room.over)
    second = room.officer(Role.EXAM_OFFICE)
    with unit_of_work():
        commit(locked(row), by=second, remark="", now=room.over)
    assert history.stale() == [room.session.id]
    tasks.keep_figures(clock.now())
    assert db.session.get(history.QuestionFigure, (room.session.id, revision)) is None


def test_the_list_by_finding(app: Any, client_as: Any) -> None:
    room = Over(4, essays=0, knows=[0, 1, 3, 4])
    room.release()
    with unit_of_work():
        found = session(room.session.id)
        history.take(found, figures.report_of(found), now=clock.now())
        figure = db.session.scalars(select(history.QuestionFigure)).first()
        assert figure is not None
        db.session.execute(history.QuestionFlag.__table__.delete())
        db.session.add(
            history.QuestionFlag(session_id=figure.session_id, revision_id=figure.revision_id, concern="rival",
                                 question_id=figure.question_id)
        )  # fmt: skip
    desk = client_as(room.office)
    link = f'/bank/questions/{figure.question_id}"'
    for value, there in (("rival", True), ("any", True), ("too_easy", False)):
        page = desk.get(f"/bank/questions?flag={value}").text
        assert (link in page) is there, value
    assert history.flags_of([figure.question_id]) == {figure.question_id: ("rival",)}
