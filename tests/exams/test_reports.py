"""The report of a large session: made by the worker, kept with its time, made anew with every change of marks, and not again by
itself where it failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.core import clock
from app.core.permissions import Role
from app.db import db, locked, unit_of_work
from app.exams import figures, history, regrading, reports, sittings, tasks
from app.exams.models import AppealOutcome, ExamSession, RegradeKind
from app.exams.regrading import Wanted
from app.jobs.models import Job, JobState
from app.jobs.service import run_waiting
from app.outline import service as outline
from app.outline.kinds import KINDS
from tests.exams import test_appeals
from tests.exams.factories import Over, session, sitting


@pytest.fixture
def large(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every session counts as large, and nobody waits between two reports."""
    monkeypatch.setattr(reports, "is_large", lambda session, count: count > 0)
    monkeypatch.setattr(reports, "REST", timedelta())


def _rule(office: Any, **values: int) -> None:
    body = outline.rule("exam_statistics") | values
    with unit_of_work():
        outline.save_version(
            KINDS["exam_statistics"], "", body, by=office, now=clock.now(), effective_from=outline.BEGINNING
        )


def _page(room: Over, client_as: Any) -> tuple[Any, str]:
    return client_as(room.office), f"/exams/office/sessions/{room.session.id}/statistics"


def _standing(room: Over) -> reports.Standing:
    db.session.rollback()
    return reports.standing_of(session(room.session.id))


def _made(room: Over) -> reports.Standing:
    """Asked for as the clock of the worker does, and made."""
    tasks.keep_figures(clock.now())
    run_waiting()
    return _standing(room)


def test_a_report_is_worked_out_once_and_kept(large: None, client_as: Any, queries: Any) -> None:
    room = Over(4, essays=1, markers=1, knows=[0, 2, 4, 4])
    room.mark_all("0.5")
    desk, address = _page(room, client_as)
    waiting = desk.get(address)
    assert (
        waiting.status_code == 200
        and "正在计算" in waiting.text
        and "data-job" in waiting.text
        and "0–9" not in waiting.text
    )
    revision = sitting(room.sittings[0]).entries[0]["revision"]
    assert desk.get(f"{address}/{revision}").location == address
    assert desk.get(f"{address}.json").json == {"ended": False, "finished": 0, "total": 0}
    desk.get(address)
    assert db.session.scalar(select(func.count()).select_from(Job).where(Job.kind == reports.KIND)) == 1, (
        "asked for once"
    )
    run_waiting()
    assert desk.get(f"{address}.json").json["ended"]
    assert db.session.scalars(select(Job.params).where(Job.kind == reports.KIND)).one() == {"read": 4, "of": 4}
    page = desk.get(address).text
    assert "0–9" in page and "计算于" in page and "data-job" not in page
    assert desk.get(f"{address}/{revision}").status_code == 200
    assert desk.get(f"{address}?export=xlsx").status_code == 200
    kept = _standing(room)
    assert kept.current and kept.made_at is not None and kept.report is not None
    assert kept.report == figures.report_of(session(room.session.id))
    with queries() as seen:
        _standing(room)
    assert not any("sitting_step" in one or "mark.shares" in one for one in seen)


def test_a_small_session_waits_for_nobody(app: Any, client_as: Any) -> None:
    room = Over(2, essays=0)
    desk, address = _page(room, client_as)
    assert "0–9" in desk.get(address).text and _standing(room).made_at is None
    _rule(room.office, background_from=1)
    assert "正在计算" in desk.get(address).text


def _appeal(room: Over) -> None:
    """Asked for, looked at again with another mark, and corrected."""
    row = test_appeals._ask(room)
    test_appeals._look(row, "1", room.markers[1], room)
    test_appeals._decide(row, AppealOutcome.CORRECTED, room.officer(Role.EXAM_OFFICE), room)


def _regrade(room: Over) -> None:
    revision = sitting(room.sittings[0]).entries[0]["revision"]
    with unit_of_work():
        row = regrading.propose(
            locked(room.session), Wanted(RegradeKind.FULL, "x", revision), by=room.office, now=room.over
        )
    second = room.officer(Role.EXAM_OFFICE)
    with unit_of_work():
        regrading.commit(locked(row), by=second, remark="", now=room.over)


def _void(room: Over) -> None:
    with unit_of_work():
        sittings.void(sittings.with_session(room.sittings[0]), by=room.office, reason="作弊", now=clock.now())


def _release(room: Over) -> None:
    room.release()


@pytest.mark.parametrize("change", [_regrade, _void, _release])
def test_it_is_made_anew_when_marks_change(large: None, client_as: Any, change: Any) -> None:
    room = Over(3, essays=0, knows=[0, 2, 4])
    desk, address = _page(room, client_as)
    desk.get(address)
    run_waiting()
    before = _standing(room)
    assert before.current
    change(room)
    assert not _standing(room).current
    page = desk.get(address).text
    assert "0–9" in page and "正在重新计算" in page and "计算于" in page, (
        "the old one is shown meanwhile, with its time"
    )
    after = _made(room)
    assert (
        after.current and after.made_at > before.made_at and after.report == figures.report_of(session(room.session.id))
    )


def test_a_second_look_makes_it_anew(large: None, client_as: Any, set_clock: Any) -> None:
    room = Over(2, essays=1, markers=1)
    room.mark_all("0.5")
    room.release()
    set_clock(room.over)
    before = _made(room)
    _appeal(room)
    assert not _standing(room).current
    after = _made(room)
    assert after.current and after.report != before.report


def test_what_failed_is_shown_and_tried_again_by_a_person_only(
    large: None, client_as: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Over(2, essays=0, knows=[0, 4])
    desk, address = _page(room, client_as)

    def broken(*a: Any, **k: Any) -> Any:
        raise ZeroDivisionError("no such figure")

    with monkeypatch.context() as then:
        then.setattr(figures, "made", broken)
        desk.get(address)
        run_waiting()
    page = desk.get(address).text
    assert "无法计算" in page and "no such figure" in page and "data-job" not in page
    for _ in range(3):
        desk.get(address)
        _made(room)
    assert db.session.scalar(select(func.count()).select_from(Job).where(Job.kind == reports.KIND)) == 1
    assert desk.post(f"{address}/again").location == address
    assert "正在计算" in desk.get(address).text
    run_waiting()
    assert "0–9" in desk.get(address).text
    assert desk.post(f"{address}/again").status_code == 409, "it is that of today's marks"


def test_marks_that_stream_in_do_not_keep_the_worker_busy(
    large: None, client_as: Any, monkeypatch: Any, set_clock: Any
) -> None:
    monkeypatch.setattr(reports, "REST", timedelta(minutes=5))
    room = Over(3, essays=0, knows=[0, 2, 4])
    set_clock(room.over)
    desk, address = _page(room, client_as)
    desk.get(address)
    run_waiting()
    _void(room)
    page = desk.get(address).text
    assert "data-job" not in page and "立即计算" in page
    desk.post(f"{address}/again")
    assert "data-job" in desk.get(address).text
    run_waiting()
    assert _standing(room).current
    with unit_of_work():
        sittings.void(sittings.with_session(room.sittings[1]), by=room.office, reason="作弊", now=clock.now())
    set_clock(room.over + timedelta(minutes=6))
    assert _made(room).current


def test_the_bank_takes_its_figures_from_the_kept_report(large: None) -> None:
    room = Over(3, essays=0, knows=[0, 2, 4])
    _rule(room.office, findings_from=1)
    room.release()
    tasks.keep_figures(clock.now())
    assert history.stale() == [room.session.id], "first the report"
    run_waiting()
    tasks.keep_figures(clock.now())
    assert history.stale() == []
    assert db.session.scalar(select(func.count()).select_from(history.QuestionFigure)) > 0


def test_few_candidates_raise_no_finding_in_the_bank(app: Any, client_as: Any) -> None:
    room = Over(4, essays=0, knows=[0, 1, 3, 4])
    room.release()
    tasks.keep_figures(clock.now())
    count = select(func.count()).select_from(history.QuestionFlag)
    assert db.session.scalar(select(func.count()).select_from(history.QuestionFigure)) > 0
    assert db.session.scalar(count) == 0
    _rule(room.office, findings_from=1)
    assert history.stale() == [room.session.id], "the rule has changed"
    tasks.keep_figures(clock.now())
    assert db.session.scalar(count) > 0


def test_while_it_is_worked_out_others_write(large: None, client_as: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job holds no lock while it reads: another connection writes and commits in the middle of it."""
    from app.db import for_transactions

    room = Over(2, essays=0)
    real, wrote = figures.made, []

    def meanwhile(found: ExamSession, tell: Any) -> Any:
        with for_transactions().execution_options(writes=True).begin() as other:
            table = ExamSession.__table__
            other.execute(table.update().where(table.c.id == found.id).values(place="别处"))
            wrote.append(found.id)
        return real(found, tell)

    monkeypatch.setattr(figures, "made", meanwhile)
    desk, address = _page(room, client_as)
    desk.get(address)
    run_waiting()
    assert wrote == [room.session.id] and _standing(room).current
    job = db.session.scalars(select(Job).where(Job.kind == reports.KIND)).one()
    assert job.state is JobState.DONE and (job.done, job.refused) == (1, 0)
