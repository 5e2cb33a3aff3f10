"""Long work with progress, resume and cancel; and work by the clock.

A feature registers in its ``tasks.py``::

    @work("certificates.render")
    def render(item: dict, job: Job) -> dict: ...          # one item, inside its own unit of work; may raise Refused

    @every(seconds=30, name="exams.close_overdue")
    def close_overdue(now): ...                             # opens its own units of work

``enqueue`` writes the job and its items in the caller's transaction. The worker (``app/jobs/worker.py``) and a sweep take
up what waits; after a crash the next sweep goes on with the items still waiting.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any

from flask_babel.speaklater import LazyString
from sqlalchemy import Select, func, insert, or_, select, update
from sqlalchemy.exc import OperationalError

from app.core import clock
from app.core.errors import NotFound, Refused
from app.core.permissions import Can
from app.core.speech import say, source_of
from app.db import db, for_transactions, is_busy, is_sqlite, one_state, unit_of_work
from app.jobs.models import ItemState, Job, JobItem, JobState

log = logging.getLogger(__name__)
WORK: dict[str, Callable[..., dict[str, Any] | None]] = {}
CLOCKWORK: dict[str, tuple[int, Callable[[datetime], Any]]] = {}
SAYS: dict[str, Callable[[dict[str, Any]], str]] = {}
BACK: dict[str, tuple[str, Any]] = {}
"""Where the page of a kind of job leads back to: endpoint and words."""
APART: set[str] = set()
"""Kinds whose items are done outside a unit of work, see :func:`work`."""
DRAWS: dict[str, Callable[[dict[str, Any], Job], Any]] = {}
"""Kinds whose items are drawn outside a unit of work before they are done inside one, see :func:`work`."""
REFUSED: dict[str, Callable[[dict[str, Any], Job, Refused], None]] = {}
STALE = timedelta(minutes=2)
"""A running job without a heartbeat for this long belongs to a dead worker."""
BEAT = 30.0
"""Seconds between two heartbeats while one item is drawn."""
HOLD, TURN = 0.5, 0.12
"""Seconds for which a job may write item after item on SQLite, and those for which it then lets others write."""


class DrawAgain(Exception):
    """What an item was drawn from has changed meanwhile: it is drawn anew."""


def work(
    kind: str,
    *,
    says: Callable[[dict[str, Any]], str] | None = None,
    refused: Callable[[dict[str, Any], Job, Refused], None] | None = None,
    draws: Callable[[dict[str, Any], Job], Any] | None = None,
    apart: bool = False,
    back: tuple[str, Any] | None = None,
) -> Callable[[Any], Any]:
    """Register how one item of a kind of job is done; ``says`` puts its result into words for the page and the result file.

    What an item changed is undone when it is refused; ``refused`` is called then, in the same unit of work, to keep what
    the refusal means for the thing itself.

    ``draws``: the part of an item that takes long and only reads, such as the drawing of a PDF. It is called first, without a
    lock that anybody waits for, and sees the database in one state; it may raise Refused. What it gives, plain values, the item
    gets as its third argument, in the unit of work that also says that the item is done: so it is kept once, however often it
    was drawn. Where it no longer fits what the item finds there, that raises :class:`DrawAgain`.

    ``apart``: an item takes so long that nobody should wait for its lock, and writes in several steps. It is called outside a unit
    of work and opens its own short ones; after a crash it is done again from the start, so doing it twice must come to the
    same. It tells how far it is by :func:`beat`.

    ``back``: the page the job was started from (endpoint, words), where its own page leads back to.
    """

    def register(do: Any) -> Any:
        WORK[kind] = do
        if apart:
            APART.add(kind)
        if draws is not None:
            DRAWS[kind] = draws
        if refused is not None:
            REFUSED[kind] = refused
        if says is not None:
            SAYS[kind] = says
        if back is not None:
            BACK[kind] = back
        return do

    return register


def every(*, seconds: int, name: str) -> Callable[[Any], Any]:
    """Register something the worker does by the clock."""

    def register(do: Any) -> Any:
        CLOCKWORK[name] = (seconds, do)
        return do

    return register


def enqueue(
    kind: str, items: Iterable[dict[str, Any]], *, by: Any, title: Any = "", params: dict[str, Any] | None = None
) -> Job:
    """Write a job with its items, inside the caller's unit of work. ``by``: the Person, or None for the clock."""
    words = source_of(title)[1] if isinstance(title, LazyString) else title
    job = Job(kind=kind, title=words, params=params or {}, by_id=by.id if by else None, state=JobState.WAITING)
    db.session.add(job)
    db.session.flush()  # its id is the key of the items
    rows = [
        {"job_id": job.id, "position": i, "label": str(item.get("label", "")), "payload": item, "state": ItemState.WAITING,
         "message": "", "result": {}}
        for i, item in enumerate(items)
    ]  # fmt: skip
    if rows:
        db.session.execute(insert(JobItem), rows)
    job.total = len(rows)
    return job


def title_of(job: Job) -> str:
    """What the job is called, in the reader's language where the words are the product's own."""
    return say(job.kind.partition(".")[0], job.title, {}) if job.title else job.kind


def outcome_of(job: Job, item: JobItem) -> str:
    """What came of an item, in words; empty where its kind has none."""
    return SAYS[job.kind](item.result or {}) if job.kind in SAYS and item.result else ""


def cancel(job: Job) -> None:
    """Ask a job to stop after the item it is at."""
    job.cancel_asked = True


def take(now: datetime) -> int | None:
    """Claim the oldest job that waits or whose worker died; its id. Inside a unit of work."""
    job = db.session.scalar(
        select(Job)
        .where(
            or_(
                Job.state == JobState.WAITING,
                (Job.state == JobState.RUNNING) & (func.coalesce(Job.beat_at, Job.created_at) < now - STALE),
            )
        )
        .order_by(Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if job is None:
        return None
    job.state, job.beat_at = JobState.RUNNING, now
    job.started_at = job.started_at or now
    return job.id


def run_waiting(limit: int = 100) -> int:
    """Do every job that waits, one after another; how many were taken up. Call in an application context."""
    taken = 0
    while taken < limit:
        with unit_of_work():
            job_id = take(clock.now())
        if job_id is None:
            return taken
        taken += 1
        _run(job_id)
    return taken


def run_now(job_id: int) -> None:
    """Do one job that waits here and now: for work so small that whoever asked waits for it. Call outside a unit of work."""
    with unit_of_work():
        job = db.session.get_one(Job, job_id, with_for_update=True, populate_existing=True)
        if job.state is not JobState.WAITING:
            return  # a worker was faster
        job.state, job.started_at, job.beat_at = JobState.RUNNING, clock.now(), clock.now()
    _run(job_id)


def beat(job: Job, done: int, total: int) -> None:
    """Say that a job done apart is alive, and how far its item is: over a connection of its own, since the item may be reading
    in one state of the database."""
    told = {"beat_at": clock.now(), "params": {**job.params, "read": done, "of": total}}
    with for_transactions().execution_options(writes=True).begin() as connection:
        connection.execute(update(Job.__table__).where(Job.__table__.c.id == job.id), told)  # type: ignore[arg-type]


def _run(job_id: int) -> None:
    held = 0.0
    while True:
        try:
            held = _let_others_write(held)
            begun = time.monotonic()
            with unit_of_work():
                going = _step(job_id)
            held += time.monotonic() - begun
            if not going:
                return
            if isinstance(going, JobItem):
                _apart(job_id, going)
        except DrawAgain:
            continue
        except Exception as error:
            if isinstance(error, OperationalError) and is_busy(error):
                log.warning("job %s waited in vain for the database", job_id)
                continue  # nothing of the item was kept, so it is done again
            log.exception("job %s stopped", job_id)
            with unit_of_work():
                job = db.session.get_one(Job, job_id, with_for_update=True)
                job.state, job.error, job.ended_at = (
                    JobState.FAILED,
                    f"{type(error).__name__}: {error}"[:400],
                    clock.now(),
                )
            return


def _let_others_write(held: float) -> float:
    """SQLite has one lock for all who write, and whoever waits for it looks again only every tenth of a second: items that follow
    one another at once would keep everybody else waiting until the job is done. After half a second the others have
    their turn. How long the lock was ``held`` since."""
    if held < HOLD or not is_sqlite(db.session.get_bind()):
        return held
    time.sleep(TURN)
    return 0.0


def _apart(job_id: int, item: JobItem) -> None:
    """One item, or the drawing of it, outside a unit of work; and then what came of it."""
    job = db.session.get_one(Job, job_id)
    kind, made, refusal = job.kind, None, None
    drawn = kind in DRAWS
    try:
        with _alive(job_id), one_state() if drawn else nullcontext():
            made = (DRAWS if drawn else WORK)[kind](dict(item.payload), job)
    except Refused as refused:
        refusal = refused

    def outcome(payload: dict[str, Any], job: Job) -> dict[str, Any] | None:
        if refusal is not None:
            raise refusal
        return WORK[kind](payload, job, made) if drawn else made

    with unit_of_work():
        job = db.session.get_one(Job, job_id, with_for_update=True, populate_existing=True)
        item = db.session.get_one(JobItem, item.id, with_for_update=True, populate_existing=True)
        if item.state is ItemState.WAITING:  # else somebody took this worker for dead, and was faster
            _settle(job, item, outcome)


@contextmanager
def _alive(job_id: int) -> Iterator[None]:
    """Say all along that the job's worker lives, over a connection of its own: one document may take longer than STALE."""
    over, engine = threading.Event(), for_transactions().execution_options(writes=True)

    def tell() -> None:
        while not over.wait(BEAT):
            try:
                with engine.begin() as connection:
                    connection.execute(update(Job).where(Job.id == job_id).values(beat_at=clock.now()))
            except OperationalError:
                log.warning("no heartbeat of job %s could be written", job_id)

    teller = threading.Thread(target=contextvars.copy_context().run, args=(tell,), daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def _settle(job: Job, item: JobItem, do: Callable[[dict[str, Any], Job], dict[str, Any] | None]) -> None:
    """Do an item inside the unit of work, and write down what came of it."""
    try:
        with db.session.begin_nested():
            item.result = do(item.payload, job) or {}
        item.state = ItemState.DONE
        job.done += 1
    except Refused as refusal:
        item.state, item.message = ItemState.REFUSED, refusal.text[:400]
        job.refused += 1
        if job.kind in REFUSED:
            REFUSED[job.kind](item.payload, job, refusal)


def _step(job_id: int) -> bool | JobItem:
    """One item; False when the job has ended; the item itself where it is to be done, or drawn, apart."""
    job = db.session.get_one(Job, job_id, with_for_update=True, populate_existing=True)
    if job.state is not JobState.RUNNING:
        return False
    job.beat_at = clock.now()
    item = db.session.scalar(
        select(JobItem)
        .where(JobItem.job_id == job_id, JobItem.state == ItemState.WAITING)
        .order_by(JobItem.position)
        .limit(1)
    )
    if item is None or job.cancel_asked:
        job.state = JobState.CANCELLED if item is not None else JobState.DONE
        job.ended_at = clock.now()
        return False
    if job.kind in APART or job.kind in DRAWS:
        return item
    _settle(job, item, WORK[job.kind])
    return True


def run_clockwork(now: datetime | None = None, *, only: str | None = None) -> None:
    """Do what is done by the clock, once (all of it, or the named one); one failure does not stop the others."""
    for name, (_, do) in list(CLOCKWORK.items()):
        if only not in (None, name):
            continue
        try:
            do(now or clock.now())
        except Exception:
            db.session.rollback()
            log.exception("clockwork %s failed", name)


def jobs_visible_to(person: Any, *, all_of_them: bool) -> Select[Job]:
    """The person's own jobs; all jobs for those who may read them."""
    return select(Job) if all_of_them else select(Job).where(Job.by_id == person.id)


def job_for(person: Any, job_id: int) -> Job:
    """One job of the person, or any for those who may read jobs. Raises NotFound otherwise."""
    found = db.session.scalar(jobs_visible_to(person, all_of_them=person.can(Can.READ_JOBS)).where(Job.id == job_id))
    if found is None:
        raise NotFound
    return found


def seconds_left(job: Job, now: datetime) -> int | None:
    """How long a running job will still take at its pace so far; None before the first item is done."""
    finished = job.done + job.refused
    if job.state is not JobState.RUNNING or job.started_at is None or not finished:
        return None
    return int((now - job.started_at).total_seconds() / finished * (job.total - finished))


def waiting_jobs() -> int:
    """How many jobs wait or run (for the metrics)."""
    return db.session.scalar(select(func.count()).where(Job.state.in_([JobState.WAITING, JobState.RUNNING]))) or 0
