"""An exam session with candidates, made through the services."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.exams import asks, marking, papers, sessions, sittings
from app.exams.models import Eligibility, ExamSession, MarkingTask, Shown, Sitting
from app.exams.sittings import Step
from app.outline import service as outline
from app.outline.kinds import KINDS
from question_bank.grading import Rule, correct_answer
from tests.factories import people


@contextmanager
def training(passed: bool) -> Iterator[None]:
    """As if everybody had (not) passed the training stage."""
    before = asks.training_passed._answer
    asks.training_passed._answer = lambda person, rank: passed
    try:
        yield
    finally:
        asks.training_passed._answer = before


def small_blueprint(office: Any, *kinds: tuple[str, int, str], level: int = 1) -> None:
    """A short paper in force from the beginning, so that tests are quick."""
    body = {
        "minutes": 60, "easy": "0.5", "medium": "0.35", "hard": "0.15",
        "kinds": [{"kind": kind, "count": count, "points": points} for kind, count, points in kinds],
        "modules": [{"module": m, "weight": "1"} for m in ("common", "policy", "skill", "advanced")],
    }  # fmt: skip
    with unit_of_work():
        outline.save_version(KINDS["blueprint"], str(level), body, by=office, now=clock.now(),
                             effective_from=outline.BEGINNING)  # fmt: skip


def plan(region: Any, **more: Any) -> sessions.Plan:
    opens = more.pop("opens_at", None) or clock.now() + timedelta(hours=1)
    values: dict[str, Any] = {
        "level": 1, "region_id": region.id, "title": "2026年春季初级考试", "opens_at": opens,
        "closes_at": opens + timedelta(hours=3), "minutes": 60, "late_entry_minutes": 30, "pass_mark": Decimal(60),
        "multiple_rule": Rule.ALL_OR_NOTHING, "late_counts": False, "eligibility": Eligibility.LIST,
        "shown": Shown.ANSWERS, "place": "滨海考点", "markers": 1,
    }  # fmt: skip
    return sessions.Plan(**(values | more))


class Room:
    """A published session with candidates who may start."""

    def __init__(
        self, candidates: int = 1, kinds: Any = (("single", 4, "5"), ("truefalse", 2, "5")), **more: Any
    ) -> None:
        self.region = people.region()
        self.office = people.officer(Role.EXAM_OFFICE, Scope.REGION, self.region.id)
        small_blueprint(self.office, *kinds, level=more.get("level", 1))
        with unit_of_work():
            self.session = sessions.plan(plan(self.region, **more), by=self.office, now=clock.now())
        self.people = [people.person(f"考生{n}", region=self.region) for n in range(candidates)]
        with training(True):
            for one in self.people:
                with unit_of_work():
                    sessions.register(self.session, one, by=self.office, now=clock.now())
        with unit_of_work():
            sessions.publish(locked(self.session), by=self.office, now=clock.now())
        from app.jobs.service import run_waiting

        run_waiting()
        self.sittings = [self.sitting_of(one) for one in self.people]
        self.opens = self.session.opens_at

    def sitting_of(self, person: Any) -> int:
        return db.session.query(Sitting.id).filter_by(candidate_id=person.id, session_id=self.session.id).one()[0]

    def start(self, n: int = 0, at: Any = None) -> int:
        with unit_of_work():
            sittings.start(self.sittings[n], by=self.people[n], honour=True, now=at or self.opens)
        return self.sittings[n]

    def save(self, steps: list[Step], *, n: int = 0, epoch: int = 1, at: Any = None) -> Any:
        with unit_of_work():
            return sittings.save(
                self.sittings[n], epoch, steps, by=self.people[n], now=at or self.opens + timedelta(minutes=1)
            )

    def hand_in(self, steps: list[Step] | None = None, *, n: int = 0, epoch: int = 1, at: Any = None) -> Any:
        with unit_of_work():
            return sittings.hand_in(
                self.sittings[n], epoch, steps or [], by=self.people[n], now=at or self.opens + timedelta(minutes=2)
            )

    def right(self, n: int = 0, counter: int = 1) -> list[Step]:
        """A step with the right answer for every question."""
        paper = papers.paper_of(sitting(self.sittings[n]))
        return [Step(entry.place, counter, correct_answer(entry.item)) for entry in paper]


def sitting(sitting_id: int) -> Sitting:
    db.session.rollback()
    return db.session.get_one(Sitting, sitting_id, populate_existing=True)


def session(session_id: int) -> ExamSession:
    db.session.rollback()
    return db.session.get_one(ExamSession, session_id, populate_existing=True)


class Over(Room):
    """A session of level 3 that is over: everybody answered by key, written answers wait for markers (or there are none).

    ``knows``: how many of the questions with a key each candidate answers.
    """

    def __init__(
        self, candidates: int = 2, *, essays: int = 1, singles: int = 4, knows: Any = None, **more: Any
    ) -> None:
        kinds: list[tuple[str, int, str]] = [("single", singles, "5")]
        if essays:
            kinds.append(("essay", essays, "10"))
        super().__init__(candidates, kinds, level=3, **more)
        for n in range(candidates):
            self.start(n)
            known = singles if knows is None else knows[n]
            steps = []
            for entry in papers.paper_of(sitting(self.sittings[n])):
                answer = correct_answer(entry.item)
                if entry.item.kind.value == "essay":
                    steps.append(Step(entry.place, 1, f"考生答卷{n}"))
                elif len(steps) < known:
                    steps.append(Step(entry.place, 1, answer))
            self.hand_in(steps, n=n)
            with unit_of_work():
                marking.mark_once(self.sittings[n], now=self.opens)
        self.over = self.session.closes_at + timedelta(minutes=5)
        with unit_of_work():
            sessions.close_if_over(locked(self.session), self.over)
        self.markers = [self.officer(Role.MARKER, f"阅卷人{n}") for n in range(3)]

    def officer(self, role: Role, name: str = "考务二") -> Any:
        return people.officer(role, Scope.REGION, self.region.id, name=name)

    @property
    def tasks(self) -> list[MarkingTask]:
        db.session.rollback()
        asked = select(MarkingTask).where(MarkingTask.session_id == self.session.id).order_by(MarkingTask.id)
        return list(db.session.scalars(asked))

    def give(self, task: MarkingTask, share: str, marker: int = 0, remark: str = "") -> None:
        """The same share of every line of the rubric."""
        task_id = task.id
        limits = marking.limits_of(marking.script_of(task).question)
        with unit_of_work():
            marking.give(
                db.session.get_one(MarkingTask, task_id), [most * Decimal(share) for most in limits],
                by=self.markers[marker], remark=remark, now=self.over,
            )  # fmt: skip

    def mark_all(self, share: str = "1") -> None:
        for task in self.tasks:
            for marker in range(self.session.markers):
                self.give(task, share, marker)

    def release(self, at: Any = None) -> None:
        with unit_of_work():
            marking.release(locked(self.session), by=self.office, now=at or self.over)
