"""Log entries in every state, made through the services. Each call commits."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from app.accounts.models import Person
from app.core import clock
from app.core.permissions import Role
from app.db import db, unit_of_work
from app.practice import people, reviewing, service
from app.practice.models import Confidentiality, LogEntry, Review, ReviewState, TaskRole
from tests.factories.people import officer

_next = count(1)
PDF = b"%PDF-1.4\n% a small file of evidence "


def mentor_of(trainee: Person) -> Person:
    """A mentor whose role reaches the trainee; made when there is none."""
    found = people.mentors_for(trainee)
    return found[0] if found else officer(Role.MENTOR, name=f"导师{next(_next)}")


def reviewers(n: int) -> list[Person]:
    return [officer(Role.REVIEWER, name=f"评审{next(_next)}") for _ in range(n)]


def _fresh(row: Any) -> Any:
    return db.session.get_one(type(row), row.id)


def draft(
    trainee: Person, code: str = "T01", rank: int = 1, *, real: bool = True, leading: bool = True,
    hours: Any = "6", mentor: Person | None = None, confidentiality: Confidentiality = Confidentiality.INTERNAL,
    now: datetime | None = None, title: str = "", evidence: bytes | None = None,
) -> LogEntry:  # fmt: skip
    """A complete draft, ready to be submitted."""
    now = now or clock.now()
    mentor = mentor or mentor_of(trainee)
    mentor_id, last = mentor.id, clock.local_date(now) - timedelta(days=1)
    with unit_of_work():
        trainee = _fresh(trainee)
        entry = service.new_entry(
            trainee, rank=rank, task_code=code, title=title or f"{code} 实操任务", now=now, real=real,
            project="高性能膜材料成果转化", counterpart="滨海新材料公司", host_unit="天津市技术转移中心",
            role=TaskRole.LEADING if leading else TaskRole.TAKING_PART, share=Decimal(100), started_on=last, ended_on=last,
            did="访谈发明人并填写披露表。", result="形成披露表一份。", next_step="开展专利检索。", confidentiality=confidentiality,
            self_score=80, mentor_id=mentor_id, lines=[(last, Decimal(hours), "访谈与整理")],
        )  # fmt: skip
        data = evidence if evidence is not None else PDF + str(next(_next)).encode()
        service.attach(entry, data, name="evidence.pdf", by=trainee, now=now)
    return entry


def submitted(
    trainee: Person, code: str = "T01", rank: int = 1, *, now: datetime | None = None, **more: Any
) -> LogEntry:
    entry = draft(trainee, code, rank, now=now, **more)
    submit(entry, now=now)
    return entry


def submit(entry: LogEntry, *, now: datetime | None = None) -> None:
    with unit_of_work():
        entry = _fresh(entry)
        service.submit(entry, by=entry.trainee, now=now or clock.now())


def in_review(
    trainee: Person, code: str = "T01", rank: int = 1, *, now: datetime | None = None, **more: Any
) -> LogEntry:
    """Confirmed by the mentor; reviewers are picked, and made where there are too few."""
    entry = submitted(trainee, code, rank, now=now, **more)
    confirm(entry, now=now)
    return entry


def confirm(entry: LogEntry, *, now: datetime | None = None) -> None:
    lacking = {1: 1, 2: 1, 3: 2}[entry.rank] - len(people.candidates(entry))
    reviewers(max(0, lacking))
    with unit_of_work():
        entry = _fresh(entry)
        service.confirm(entry, by=entry.mentor, now=now or clock.now())


def asked(entry: LogEntry) -> list[Review]:
    """The reviews of an entry that wait, in the order they were asked."""
    entry = _fresh(entry)
    db.session.refresh(entry)
    return sorted((r for r in entry.reviews if r.state is ReviewState.ASKED), key=lambda r: r.id)


def shares(total: Any) -> dict[str, Decimal]:
    """Points by criterion that make a total, without a zero where a zero fails (from a total of 2 on)."""
    left, made = Decimal(total), {}
    full = {"truth": 20, "compliance": 10, "analysis": 25, "process": 20, "quality": 25}
    for code, most in full.items():
        rest = 1 if code == "truth" else 0
        made[code] = max(Decimal(0), min(Decimal(most), left - rest))
        left -= made[code]
    return made


def give(review: Review, total: Any = 80, *, now: datetime | None = None, points: Any = None, remark: str = "") -> Any:
    """Hand in a score."""
    with unit_of_work():
        review = _fresh(review)
        return reviewing.give_review(
            review, by=review.reviewer, points=points or shares(total), remarks={}, remark=remark or "材料齐全。",
            now=now or clock.now(),
        )  # fmt: skip


def ask_return(review: Review, remark: str = "请补充佐证材料。", *, now: datetime | None = None) -> Any:
    with unit_of_work():
        review = _fresh(review)
        return reviewing.ask_return(review, by=review.reviewer, remark=remark, now=now or clock.now())


def passed_task(
    person: Person, code: str = "T01", rank: int = 1, *, score: Any = 80, now: datetime | None = None, **more: Any
) -> LogEntry:
    """A task that went the whole way: drafted, submitted, confirmed, reviewed, passed.

    ``more``: real, leading, hours, mentor, confidentiality, title (see ``draft``).
    """
    entry = in_review(person, code, rank, now=now, **more)
    for review in asked(entry):
        give(review, score, now=now)
    return _fresh(entry)
