"""Long work: resumes after a crash, keeps refusals apart, can be cancelled, shows how far it is."""

from __future__ import annotations

import io
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from app.accounts.models import Region
from app.core import clock
from app.core.errors import Refused
from app.core.permissions import Role
from app.db import db, for_transactions, is_sqlite, unit_of_work
from app.jobs import service
from app.jobs.models import ItemState, Job, JobItem, JobState
from tests.factories import people


class TooShort(Refused):
    message = _l("Please check what you entered.")


@pytest.fixture
def seen() -> Iterator[list[str]]:
    """What the kind of work ``test.write`` has done; "bad" is refused, "crash" kills the worker, "bug" is our fault."""
    done: list[str] = []

    @service.work("test.write")
    def write(item: dict[str, Any], job: Job) -> dict[str, Any]:
        if item["label"] == "bad":
            raise TooShort
        if item["label"] == "crash" and not done.count("crashed"):
            done.append("crashed")
            raise KeyboardInterrupt
        if item["label"] == "bug":
            raise ZeroDivisionError("oops")
        done.append(item["label"])
        return {"made": item["label"]}

    yield done
    del service.WORK["test.write"]


def start(*labels: str, by: Any = None) -> int:
    with unit_of_work():
        return service.enqueue("test.write", [{"label": one} for one in labels], by=by, title="写入").id


def job(job_id: int) -> Job:
    return db.session.get_one(Job, job_id, populate_existing=True)


def items(job_id: int) -> list[JobItem]:
    return list(
        db.session.scalars(
            select(JobItem)
            .where(JobItem.job_id == job_id)
            .order_by(JobItem.position)
            .execution_options(populate_existing=True)
        )
    )


def test_work_is_done_in_order_and_refusals_are_kept(app: Any, seen: list[str]) -> None:
    job_id = start("a", "bad", "b")
    assert service.run_waiting() == 1
    row = job(job_id)
    assert (row.state, row.done, row.refused, row.total) == (JobState.DONE, 2, 1, 3)
    assert seen == ["a", "b"]
    assert [i.state for i in items(job_id)] == [ItemState.DONE, ItemState.REFUSED, ItemState.DONE]
    assert items(job_id)[1].message
    assert items(job_id)[0].result == {"made": "a"}
    assert service.run_waiting() == 0


def test_after_a_crash_the_next_worker_goes_on_where_it_stopped(app: Any, seen: list[str]) -> None:
    job_id = start("a", "crash", "b")
    with pytest.raises(KeyboardInterrupt):
        service.run_waiting()
    assert (job(job_id).state, job(job_id).done) == (JobState.RUNNING, 1)
    assert service.run_waiting() == 0, "a job with a fresh heartbeat is somebody's"
    clock.move(service.STALE + timedelta(seconds=5))
    assert service.run_waiting() == 1
    assert (job(job_id).state, job(job_id).done) == (JobState.DONE, 3)
    assert seen == ["a", "crashed", "crash", "b"]


def test_a_fault_of_ours_stops_the_job_and_not_the_next(app: Any, seen: list[str]) -> None:
    broken, sound = start("bug", "x"), start("y")
    assert service.run_waiting() == 2
    assert job(broken).state is JobState.FAILED
    assert "ZeroDivisionError" in job(broken).error
    assert job(sound).state is JobState.DONE
    assert seen == ["y"]


def test_a_busy_database_stops_no_job(app: Any, drawn: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody holds the lock for longer than one waits: the item that waited in vain is done again."""
    keep, tries = service.WORK["test.draw"], []

    def late(item: dict[str, Any], job: Job, picture: str) -> Any:
        tries.append(item["label"])
        if tries == ["one"]:
            db.session.add(Region(code="9998", name_zh="半", name_en="half", authority_zh="", authority_en=""))
            db.session.flush()
            busy = sqlite3.OperationalError("database is locked")
            busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise OperationalError("BEGIN IMMEDIATE", {}, busy)
        return keep(item, job, picture)

    monkeypatch.setitem(service.WORK, "test.draw", late)
    job_id = draw_all("one", "two")
    assert tries == ["one", "one", "two"] and drawn == ["picture of one", "picture of two"]
    assert job(job_id).state is JobState.DONE
    assert db.session.scalar(select(Region).where(Region.code == "9998")) is None


def test_a_refused_item_leaves_nothing_behind(app: Any, seen: list[str]) -> None:
    @service.work("test.half")
    def half(item: dict[str, Any], job: Job) -> None:
        db.session.add(Region(code="9999", name_zh="半", name_en="half", authority_zh="", authority_en=""))
        db.session.flush()
        raise TooShort

    with unit_of_work():
        job_id = service.enqueue("test.half", [{"label": "x"}], by=None).id
    service.run_waiting()
    del service.WORK["test.half"]
    assert job(job_id).refused == 1
    assert db.session.scalar(select(Region).where(Region.code == "9999")) is None


def test_between_items_others_may_write_where_there_is_one_lock(
    app: Any, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite a long job would keep a sign-in waiting until it gives up: three items, each longer than a turn."""
    turns: list[float] = []
    monkeypatch.setattr(service, "HOLD", 0.0)
    monkeypatch.setattr(service.time, "sleep", turns.append)
    start("one", "two", "three")
    service.run_waiting()
    assert seen == ["one", "two", "three"]
    assert turns == ([service.TURN] * 4 if is_sqlite(db.engine) else [])


@pytest.fixture
def drawn() -> Iterator[list[Any]]:
    """What the kind of work ``test.draw`` was given: drawn apart, then kept; "late" is refused only where it is kept."""
    kept: list[Any] = []

    def draw(item: dict[str, Any], job: Job) -> str:
        assert not db.session.info.get("unit_of_work")
        if item["label"] == "bad":
            raise TooShort
        return f"picture of {item['label']}"

    def told(item: dict[str, Any], job: Job, refusal: Refused) -> None:
        assert db.session.info.get("unit_of_work")
        kept.append((item["label"], type(refusal)))

    @service.work("test.draw", draws=draw, refused=told)
    def keep(item: dict[str, Any], job: Job, picture: str) -> dict[str, Any]:
        assert db.session.info.get("unit_of_work")
        if item["label"] == "late":
            raise TooShort
        if item["label"] == "changed" and not kept.count("changed"):
            kept.append("changed")
            raise service.DrawAgain
        kept.append(picture)
        return {"kept": picture}

    yield kept
    for told_of in (service.WORK, service.DRAWS, service.REFUSED):
        del told_of["test.draw"]


def draw_all(*labels: str) -> int:
    with unit_of_work():
        job_id = service.enqueue("test.draw", [{"label": one} for one in labels], by=None).id
    service.run_waiting()
    return job_id


def test_what_is_drawn_apart_is_kept_with_its_outcome(app: Any, drawn: list[Any]) -> None:
    job_id = draw_all("one", "bad", "late", "changed")
    assert drawn == ["picture of one", ("bad", TooShort), ("late", TooShort), "changed", "picture of changed"]
    assert [one.state for one in items(job_id)] == [
        ItemState.DONE, ItemState.REFUSED, ItemState.REFUSED, ItemState.DONE
    ]  # fmt: skip
    assert [one.message != "" for one in items(job_id)] == [False, True, True, False]
    assert (job(job_id).done, job(job_id).refused, job(job_id).state) == (2, 2, JobState.DONE)


def test_what_two_workers_draw_is_kept_once(app: Any, drawn: list[Any], twice: Any) -> None:
    seen = twice("test.draw")
    job_id = draw_all("one")
    assert seen == [False, False] and drawn == ["picture of one"] and job(job_id).done == 1


def test_a_job_is_alive_while_it_draws_one_thing(app: Any, drawn: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A document of many pages takes longer than the time after which a worker is taken for dead."""
    monkeypatch.setattr(service, "BEAT", 0.01)
    beaten, long_ago = [], clock.now() - 2 * service.STALE

    def slow(item: dict[str, Any], job: Job) -> str:
        for _n in range(2):
            with for_transactions().execution_options(writes=True).begin() as other:
                other.execute(update(Job).where(Job.id == job.id).values(beat_at=long_ago))
            for _wait in range(500):
                time.sleep(0.01)
                with for_transactions().connect() as other:
                    if (at := other.scalar(select(Job.beat_at).where(Job.id == job.id))) != long_ago:
                        break
            beaten.append(at)
        return "late"

    monkeypatch.setitem(service.DRAWS, "test.draw", slow)
    threads = threading.active_count()
    draw_all("one")
    assert drawn == ["late"] and all(at > long_ago for at in beaten) and len(beaten) == 2
    assert threading.active_count() == threads


def test_a_cancelled_job_keeps_what_is_done(app: Any, client_as: Any, seen: list[str]) -> None:
    owner = people.person()
    job_id = start("a", "b", by=owner)
    browser = client_as(owner)
    assert browser.post(f"/jobs/{job_id}/cancel").status_code == 302
    service.run_waiting()
    assert job(job_id).state is JobState.CANCELLED
    assert seen == []
    assert "已取消" in browser.get(f"/jobs/{job_id}").text


def test_a_job_is_open_to_its_owner_and_those_who_read_jobs(app: Any, client_as: Any, seen: list[str]) -> None:
    owner, other = people.person(), people.person()
    job_id = start("a", by=owner)
    auditor = people.officer(Role.AUDITOR)
    for person, status in ((owner, 200), (other, 404), (auditor, 200)):
        browser = client_as(person)
        assert browser.get(f"/jobs/{job_id}").status_code == status
        assert browser.get(f"/jobs/{job_id}.json").status_code == status
    assert client_as(auditor).post(f"/jobs/{job_id}/cancel").status_code == 403
    assert client_as(other).post(f"/jobs/{job_id}/cancel").status_code == 404
    assert not job(job_id).cancel_asked
    assert "写入" in client_as(auditor).get("/jobs/all").text
    assert "写入" not in client_as(other).get("/jobs").text


def test_progress_as_page_json_and_sheet(app: Any, client_as: Any, seen: list[str]) -> None:
    owner = people.person()
    job_id = start("a", "bad", "=1+1", by=owner)
    browser = client_as(owner)
    assert browser.get(f"/jobs/{job_id}.json").get_json()["finished"] == 0
    assert "data-job" in browser.get(f"/jobs/{job_id}").text
    service.run_waiting()
    state = browser.get(f"/jobs/{job_id}.json").get_json()
    assert (state["done"], state["refused"], state["total"], state["ended"]) == (2, 1, 3, True)
    page = browser.get(f"/jobs/{job_id}").text
    assert "data-job" not in page
    assert 'max="3" value="3"' in page
    only = browser.get(f"/jobs/{job_id}?state=refused").text
    assert "共 1 条" in only
    sheet = openpyxl.load_workbook(io.BytesIO(browser.get(f"/jobs/{job_id}?export=xlsx").data)).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert [row[1] for row in rows] == ["a", "bad", "=1+1"]
    assert sheet.cell(4, 2).data_type == "s"


def test_time_left_goes_by_the_pace_so_far(app: Any) -> None:
    now = clock.now()
    row = Job(kind="x", state=JobState.RUNNING, total=10, done=4, refused=1, started_at=now - timedelta(seconds=100))
    assert service.seconds_left(row, now) == 100
    row.done = row.refused = 0
    assert service.seconds_left(row, now) is None


def test_the_list_asks_no_more_for_more_jobs(app: Any, client_as: Any, queries: Any, seen: list[str]) -> None:
    owner = people.person()
    browser = client_as(owner)
    counts = []
    for _ in range(2):
        for _ in range(6):
            start("a", by=owner)
        with queries() as sent:
            assert browser.get("/jobs").status_code == 200
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 6


def test_clockwork_goes_on_when_one_piece_fails(app: Any) -> None:
    done: list[str] = []

    @service.every(seconds=1, name="test.broken")
    def broken(now: Any) -> None:
        raise ZeroDivisionError

    @service.every(seconds=1, name="test.sound")
    def sound(now: Any) -> None:
        done.append("sound")

    try:
        service.run_clockwork()
    finally:
        del service.CLOCKWORK["test.broken"], service.CLOCKWORK["test.sound"]
    assert done == ["sound"]


def test_the_command_does_what_waits(app: Any, seen: list[str]) -> None:
    start("a")
    answer = app.test_cli_runner().invoke(args=["jobs", "run"])
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("1 jobs done")
    assert seen == ["a"]
