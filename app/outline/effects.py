"""What a new version of a rule would change for real people, before it is saved.

A feature that can tell registers an :class:`Effect` for its kind of rule; the editor then offers the comparison. It runs as
a job: each item judges some people, nothing is stored but the figures, and a small one is done at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.models import Person
from app.core.errors import NotFound, Refused
from app.core.permissions import Can
from app.db import db
from app.jobs import service as jobs
from app.jobs.models import ItemState, Job, JobItem, JobState
from app.outline.kinds import KINDS, Kind

WORK = "outline.effect"
CHUNK = 40

FROM_ITS_DAY, FROM_THE_BEGINNING = "from", "all"
WAYS = {
    FROM_ITS_DAY: _l("as the version will count, from its first day"),
    FROM_THE_BEGINNING: _l("as if it had been in force from the beginning"),
}


@dataclass(frozen=True)
class Asked:
    """A draft of a version, and how it is compared. ``body`` is clean JSON as a version holds it."""

    kind: str
    key: str
    region_id: int | None
    body: Mapping[str, Any]
    effective_from: date
    on: date
    way: str = FROM_ITS_DAY

    @property
    def typed(self) -> dict[str, Any]:
        return KINDS[self.kind].typed(self.body)

    def as_params(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "key": self.key, "region_id": self.region_id, "body": dict(self.body), "way": self.way,
            "effective_from": self.effective_from.isoformat(), "on": self.on.isoformat(),
        }  # fmt: skip

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Asked:
        days = {name: date.fromisoformat(params[name]) for name in ("effective_from", "on")}
        return cls(params["kind"], params["key"], params["region_id"], params["body"], way=params["way"], **days)


@dataclass(frozen=True)
class Judged:
    """One person: the figure (or code) before and after, and the levels whose gate is passed before and after."""

    person_id: int
    before: str
    after: str
    passes_before: Sequence[int] = ()
    passes_after: Sequence[int] = ()


@dataclass(frozen=True)
class Effect:
    """How a kind of rule is compared. ``people``: ids of those whom the rule concerns; ``judge``: some of them, compared.
    Names are shown to who holds ``can``, totals to everybody who may edit the rule."""

    measure: Any
    people: Callable[[Asked], list[int]]
    judge: Callable[[Sequence[int], Asked], list[Judged]]
    can: Can
    numeric: bool = True
    say: Callable[[str], str] = str
    at_once: int = 500
    """Up to so many people are compared while the editor waits."""


EFFECTS: dict[str, Effect] = {}


def effect(kind: str, made: Effect) -> None:
    """Announce how versions of a kind of rule are compared; called at import by the feature that can tell."""
    EFFECTS[kind] = made


class NobodyConcerned(Refused):
    message = _l("This rule concerns nobody yet, so there is nothing to compare.")


def ask(kind: Kind, asked: Asked, *, by: Person, draft: Mapping[str, Any]) -> tuple[Job, bool]:
    """Write the job of a comparison; True when it is small enough to be done at once. ``draft``: what the editor needs to
    go on with afterwards. Raises NobodyConcerned."""
    people = EFFECTS[kind.code].people(asked)
    if not people:
        raise NobodyConcerned
    chunks = [people[i : i + CHUNK] for i in range(0, len(people), CHUNK)]
    items = [{"people": chunk, "label": f"{i * CHUNK + 1}–{i * CHUNK + len(chunk)}"} for i, chunk in enumerate(chunks)]
    job = jobs.enqueue(
        WORK,
        items,
        by=by,
        title=_l("Effect of a new version of a rule"),
        params=asked.as_params() | {"draft": dict(draft)},
    )
    return job, len(people) <= EFFECTS[kind.code].at_once


def judge_some(item: Mapping[str, Any], job: Job) -> dict[str, Any]:
    """One item of the job."""
    asked = Asked.of(job.params)
    rows = EFFECTS[asked.kind].judge(item["people"], asked)
    return {
        "rows": [
            [r.person_id, r.before, r.after, list(r.passes_before), list(r.passes_after)] for r in rows
        ]
    }  # fmt: skip


@dataclass
class Comparison:
    """What came of a job: everybody compared, and the totals."""

    job: Job
    asked: Asked
    rows: list[Judged] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.job.state not in (JobState.WAITING, JobState.RUNNING)

    @property
    def whole(self) -> bool:
        """Every item was done: the totals may be believed."""
        return self.job.state is JobState.DONE and not self.job.refused

    @property
    def changed(self) -> list[Judged]:
        return [r for r in self.rows if r.before != r.after or r.passes_before != r.passes_after]

    def gates(self) -> list[tuple[int, int, int, int, int]]:
        """(rank, passing before, passing after, newly passing, no longer passing)."""
        ranks = sorted({n for r in self.rows for n in (*r.passes_before, *r.passes_after)})
        made = []
        for rank in ranks:
            before = {r.person_id for r in self.rows if rank in r.passes_before}
            after = {r.person_id for r in self.rows if rank in r.passes_after}
            made.append((rank, len(before), len(after), len(after - before), len(before - after)))
        return made


def comparison_for(person: Person, job_id: int) -> Comparison:
    """A comparison that the person asked for. Raises NotFound for anybody else's."""
    job = db.session.get(Job, job_id)
    if job is None or job.kind != WORK or job.by_id != person.id:
        raise NotFound
    made = Comparison(job, Asked.of(job.params))
    results = db.session.scalars(
        select(JobItem.result)
        .where(JobItem.job_id == job.id, JobItem.state == ItemState.DONE)
        .order_by(JobItem.position)
    )
    made.rows = [Judged(*row) for result in results for row in result.get("rows", [])]
    return made
