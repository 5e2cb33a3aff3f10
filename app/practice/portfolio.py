"""实操档案: the tasks somebody has handed in, bound as one PDF with contents, and as a ZIP with the evidence.

A portfolio names the versions it holds when it is asked for. The PDF is made by the worker; the ZIP is written while it is
sent, from that PDF and the stored evidence. Copies are kept for thirty days.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.models import Person
from app.audit.service import record
from app.core.archive import Source
from app.core.errors import NotAllowedNow, NotFound, Refused
from app.core.sheets import as_csv
from app.core.speech import language
from app.db import db, locked
from app.files.models import StoredFile
from app.files.service import delete_file, open_key, safe_name
from app.jobs.service import enqueue
from app.outline.service import typed
from app.practice.deeds import Did
from app.practice.models import GIVEN, Confidentiality, LogEntry, LogEntryVersion, Portfolio
from app.practice.states import DECIDED, State

MAKE = "practice.portfolio"
KEPT = timedelta(days=30)
MOST = 10
"""Copies one person may have at a time."""


class NothingToBind(Refused):
    message = _l("There is nothing to bind yet: no task of this choice was handed in.")


class TooManyCopies(Refused):
    message = _l("You have %(n)s copies already. Please delete one of them first.")


@dataclass(frozen=True)
class Chapter:
    """One task of a portfolio: the frozen version, what was decided on it, and whether its content is shown."""

    version: LogEntryVersion
    shown: bool

    @property
    def entry(self) -> LogEntry:
        return self.version.entry

    @property
    def told(self) -> dict[str, Any]:
        return self.version.snapshot

    @property
    def judged(self) -> bool:
        """Is this the version the decision was about?"""
        return self.entry.state in DECIDED and self.version.number == self.entry.version

    @property
    def criteria(self) -> list[dict[str, Any]]:
        return list(typed(self.version.rubric)["criteria"])

    @property
    def given(self) -> list[Any]:
        """The judgements, once the task is decided; reviewers stay unnamed."""
        return (
            [one for one in self.version.reviews if one.state in GIVEN and one.total is not None] if self.judged else []
        )


def handed_in(person: Person, rank: int | None, passed_only: bool) -> Select[Any]:
    """The newest handed-in versions of somebody's tasks, by level and first day."""
    asked = (
        select(LogEntryVersion)
        .join(LogEntry, (LogEntry.id == LogEntryVersion.entry_id) & (LogEntry.version == LogEntryVersion.number))
        .where(LogEntry.trainee_id == person.id)
        .order_by(LogEntry.rank, LogEntry.started_on, LogEntry.id)
    )
    if rank is not None:
        asked = asked.where(LogEntry.rank == rank)
    return asked.where(LogEntry.state == State.PASSED) if passed_only else asked


def portfolios_of(person: Person) -> list[Portfolio]:
    """Somebody's copies, the newest first."""
    asked = select(Portfolio).where(Portfolio.person_id == person.id).order_by(Portfolio.id.desc())
    return list(db.session.scalars(asked.options(joinedload(Portfolio.job), joinedload(Portfolio.file))))


def portfolio_for(person: Person, portfolio_id: int) -> Portfolio:
    """A copy of one's own. Raises NotFound otherwise."""
    found = db.session.get(Portfolio, portfolio_id)
    if found is None or found.person_id != person.id:
        raise NotFound
    return found


def ask(by: Person, *, rank: int | None, passed_only: bool, with_core: bool, now: datetime) -> Portfolio:
    """Have one's own portfolio bound in the background. Raises NothingToBind, TooManyCopies."""
    if len(portfolios_of(by)) >= MOST:
        raise TooManyCopies(n=MOST)
    versions = db.session.scalars(handed_in(by, rank, passed_only).with_only_columns(LogEntryVersion.id)).all()
    if not versions:
        raise NothingToBind
    made = Portfolio(
        person_id=by.id, rank=rank, passed_only=passed_only, with_core=with_core, language=language(),
        version_ids=list(versions), asked_at=now, gone_at=now + KEPT,
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # the job names it by its id
    item = {"portfolio": made.id, "label": by.name}
    made.job_id = enqueue(MAKE, [item], by=by, title=_l("Practice portfolio")).id
    record(Did.BIND_PORTFOLIO, made, by=by, more={"versions": list(versions), "with_core": with_core})
    return made


def chapters_of(made: Portfolio) -> list[Chapter]:
    """Its tasks in their order. Core material stays a title unless its owner asked for it."""
    rows = db.session.scalars(
        select(LogEntryVersion)
        .where(LogEntryVersion.id.in_(made.version_ids))
        .options(
            joinedload(LogEntryVersion.entry).selectinload(LogEntry.steps),
            joinedload(LogEntryVersion.entry).selectinload(LogEntry.defences),
            selectinload(LogEntryVersion.reviews),
        )
    ).unique()
    found = {one.id: one for one in rows}
    core = Confidentiality.CORE.value
    return [
        Chapter(found[n], made.with_core or found[n].snapshot["confidentiality"] != core)
        for n in made.version_ids
        if n in found
    ]


@dataclass(frozen=True)
class Sums:
    """What stands on the first page: counts over the passed tasks."""

    passed: int
    kinds: int
    real: int
    leading: int
    hours: Decimal


def sums_of(chapters: list[Chapter]) -> Sums:
    passed = [one for one in chapters if one.judged and one.entry.state is State.PASSED]
    return Sums(
        passed=len(passed),
        kinds=len({one.told["task"]["code"] for one in passed}),
        real=sum(one.told["real"] for one in passed),
        leading=sum(one.told["real"] and one.told["role"] == "leading" for one in passed),
        hours=sum((Decimal(one.told["hours"]) for one in passed), Decimal(0)),
    )


def discard(made: Portfolio, *, by: Person | None) -> None:
    """Delete a copy and its file; the tasks stay. ``by`` None: its time was over."""
    made = locked(made)
    if by is not None and made.file_id is None and made.job is not None and made.job.ended_at is None:
        raise NotAllowedNow
    kept = made.file
    record(Did.DISCARD_PORTFOLIO, made, by=by)
    db.session.delete(made)
    db.session.flush()  # the copy lets go of the file before that is deleted
    if kept is not None:
        delete_file(kept)


def overdue(now: datetime) -> list[int]:
    """Copies whose thirty days are over."""
    return list(db.session.scalars(select(Portfolio.id).where(Portfolio.gone_at <= now).order_by(Portfolio.id)))


# --- the ZIP -------------------------------------------------------------------------------------------------------------


def _folder(place: int, chapter: Chapter) -> str:
    return safe_name(f"{place:02d}_{chapter.told['task']['code']}_{chapter.told['title'][:40]}".replace("/", "／"))


def members(made: Portfolio) -> Iterator[tuple[str, Source]]:
    """Path and content of everything in the ZIP: the PDF, the evidence by task, the statements as JSON, the manifest."""
    bound = made.file
    assert bound is not None
    chapters = chapters_of(made)
    shown = [(place, one) for place, one in enumerate(chapters, 1) if one.shown]
    wanted = [file["id"] for _place, one in shown for file in one.told["files"]]
    stored = {one.id: one for one in db.session.scalars(select(StoredFile).where(StoredFile.id.in_(wanted)))}
    head = (_("Path"), _("Bytes"), "SHA-256", _("Task no."), _("Version"))
    rows: list[tuple[Any, ...]] = [head, (bound.name, bound.size, bound.sha256, "", "")]
    yield bound.name, _opener(bound)
    for place, one in shown:
        folder, taken = _folder(place, one), set()
        for number, file in enumerate(one.told["files"], 1):
            name = safe_name(file["name"])
            path = f"{folder}/{name if name not in taken else f'{number}_{name}'}"
            taken.add(name)
            rows.append((path, file["size"], file["sha256"], one.entry.id, one.version.number))
            if file["id"] in stored:
                yield path, _opener(stored[file["id"]])
    statements = [one.told | {"version": one.version.number, "sha256": one.version.sha256} for _place, one in shown]
    yield "tasks.json", json.dumps(statements, ensure_ascii=False, indent=1).encode()
    yield "manifest.csv", as_csv(rows)


def _opener(stored: StoredFile) -> Source:
    key = stored.key  # the row may be gone from the session when the file is asked for
    return lambda: open_key(key)
