"""How far the written answers of a session are marked, and how well the two markers agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from app.accounts.models import Person
from app.db import db
from app.exams.marking import rules_of
from app.exams.models import ExamSession, MarkingTask, Reading, Sitting, TaskState
from app.exams.states import SittingState


@dataclass(frozen=True)
class Agreement:
    """Of answers that two people marked without knowing of each other.

    ``count``: such answers. ``difference``: mean of the absolute differences of the two shares, 0–1 of the question's
    points. ``within``: the share of answers whose difference is not above the limit. None where there are none.
    """

    count: int = 0
    difference: Decimal | None = None
    within: Decimal | None = None


def agreement(pairs: Iterable[tuple[Decimal, Decimal]], limit: Decimal) -> Agreement:
    """Pure."""
    differences = [abs(one - other) for one, other in pairs]
    if not differences:
        return Agreement()
    count = len(differences)
    inside = sum(1 for one in differences if one <= limit)
    return Agreement(count, sum(differences, Decimal(0)) / count, Decimal(inside) / count)


@dataclass
class Line:
    """One written question of the session: answers by how far they are."""

    revision_id: int | None
    part: str
    total: int = 0
    untouched: int = 0
    once: int = 0
    """Marked by one of two."""
    third: int = 0
    """Waiting for a third marker."""
    done: int = 0
    thirds: int = 0
    """Answers a third marker was asked for, waiting or done."""
    pairs: list[tuple[Decimal, Decimal]] = field(default_factory=list)
    agreement: Agreement = Agreement()


@dataclass
class Work:
    """What one marker has done in the session."""

    person: str
    count: int = 0
    last: datetime | None = None
    shares: list[Decimal] = field(default_factory=list)

    @property
    def mean(self) -> Decimal | None:
        """Mean share given: far from the others' it shows a strict or a lenient hand."""
        return sum(self.shares, Decimal(0)) / len(self.shares) if self.shares else None


@dataclass
class Report:
    lines: list[Line]
    markers: list[Work]
    agreement: Agreement
    limit: Decimal

    @property
    def total(self) -> int:
        return sum(line.total for line in self.lines)

    @property
    def done(self) -> int:
        return sum(line.done for line in self.lines)

    @property
    def third(self) -> int:
        return sum(line.third for line in self.lines)


def report_of(session: ExamSession) -> Report:
    """Progress and agreement of a session. Two statements, however many answers there are."""
    limit = rules_of(session)["marker_limit"]
    tasks = db.session.execute(
        select(MarkingTask.id, MarkingTask.revision_id, MarkingTask.part, MarkingTask.state, MarkingTask.wanted)
        .join(Sitting, Sitting.id == MarkingTask.sitting_id)
        .where(
            MarkingTask.session_id == session.id,
            MarkingTask.state != TaskState.VOID,
            Sitting.state != SittingState.VOID,
        )
        .order_by(MarkingTask.revision_id, MarkingTask.part)
    ).all()
    readings: dict[int, list[Reading]] = defaultdict(list)
    workers: dict[int, Work] = {}
    rows = db.session.execute(
        select(Reading, Person.name)
        .join(Reading.task)
        .join(Reading.marker)
        .where(MarkingTask.session_id == session.id)
        .order_by(Reading.id)
    )
    for reading, name in rows:
        readings[reading.task_id].append(reading)
        work = workers.setdefault(reading.marker_id, Work(name))
        work.count, work.last = work.count + 1, reading.at
        work.shares.append(reading.share)
    lines: dict[tuple[int | None, str], Line] = {}
    for task in tasks:
        line = lines.setdefault((task.revision_id, task.part), Line(task.revision_id, task.part))
        given = readings[task.id]
        line.total += 1
        line.thirds += task.wanted > 2
        if task.state is TaskState.DONE:
            line.done += 1
        elif task.wanted > 2:
            line.third += 1
        elif given:
            line.once += 1
        else:
            line.untouched += 1
        if len(given) >= 2:
            line.pairs.append((given[0].share, given[1].share))
    for line in lines.values():
        line.agreement = agreement(line.pairs, limit)
    whole = agreement((pair for line in lines.values() for pair in line.pairs), limit)
    return Report(list(lines.values()), sorted(workers.values(), key=lambda w: -w.count), whole, limit)
