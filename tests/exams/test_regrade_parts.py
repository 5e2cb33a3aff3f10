"""A ruling about one part of a case: dropped, or full marks for everybody; counted first, a second person, the same replay."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.exams import appeals, figures, marking, papers, regrading, sessions
from app.exams.models import MarkingTask, Regrade, RegradeChange, RegradeKind, TaskState
from app.exams.regrading import Wanted
from app.exams.rulings import Ruling, Rulings
from app.exams.sittings import Step
from question_bank.items import Item, Kind, Option, Part, questions_of
from tests.exams.factories import Room, correct_answer, sitting
from tests.factories import people

CASE = Item(
    "c1", Kind.CASE, "案例",
    parts=(
        Part("p1", Kind.SINGLE, "一", points=Decimal(2), options=(Option("a", "甲", True), Option("b", "乙"))),
        Part("p2", Kind.TRUEFALSE, "二", points=Decimal(3), answer=True),
        Part("p3", Kind.ESSAY, "三", points=Decimal(5)),
    ),
)  # fmt: skip
ENTRY = papers.Entry(1, CASE, "", Decimal(20), {}, 7)


def _drop(part: str) -> Rulings:
    return Rulings((Ruling(1, RegradeKind.DROP, 7, part=part),))


def test_a_dropped_part_counts_in_neither_score_nor_maximum() -> None:
    shares = {1: {"p1": Decimal(1), "p2": Decimal(0), "p3": Decimal("0.5")}}
    assert marking.result_in([ENTRY], shares, Rulings()) == (9, 20)
    assert marking.result_in([ENTRY], shares, _drop("p1")) == (5, 16)
    assert marking.result_in([ENTRY], shares, _drop("p2")) == (9, 14)
    both = _drop("p1").with_(Ruling(2, RegradeKind.DROP, 7, part="p2"))
    assert marking.result_in([ENTRY], shares, both) == (5, 10)
    every = both.with_(Ruling(3, RegradeKind.DROP, 7, part="p3"))
    assert marking.result_in([ENTRY], shares, every) == (0, 0)
    assert not every.dropped(7) and every.settled(7, "p3") and not both.settled(7, "p3")


def test_nobody_marks_a_part_that_was_dropped() -> None:
    waiting = {1: {"p1": Decimal(1), "p2": Decimal(0), "p3": None}}
    assert marking.waiting_parts([ENTRY], waiting, Rulings()) == [(ENTRY, "p3")]
    assert marking.waiting_parts([ENTRY], waiting, _drop("p3")) == []
    assert marking.waiting_parts([ENTRY], waiting, _drop("p1")) == [(ENTRY, "p3")]


def test_full_marks_for_one_part_leave_the_others_to_the_key() -> None:
    full = Rulings((Ruling(1, RegradeKind.FULL, 7, part="p2"),))
    wrong = {"p1": "b", "p2": False, "p3": "字"}
    assert full.shares(7, CASE, wrong, "all_or_nothing") == {"p1": 0, "p2": 1, "p3": None}
    assert full.shares(7, CASE, None, "all_or_nothing")["p2"] == 1
    assert not full.full(7) and full.settled(7, "p2") and not full.settled(7, "p1")


class Case(Room):
    """A session that is over; its paper is one case of 20 points beside two questions of 5; everybody answered wrongly."""

    def __init__(self) -> None:
        super().__init__(2, [("single", 2, "5"), ("case", 1, "20")], level=3, markers=1)
        for n in range(2):
            self.start(n)
            paper = papers.paper_of(sitting(self.sittings[n]))
            steps = [Step(e.place, 1, correct_answer(e.item)) for e in paper if e.item.kind is Kind.SINGLE]
            self.hand_in(steps, n=n)
            with unit_of_work():
                marking.mark_once(self.sittings[n], now=self.opens)
        self.over = self.session.closes_at + timedelta(minutes=5)
        with unit_of_work():
            sessions.close_if_over(locked(self.session), self.over)
        self.second = people.officer(Role.EXAM_OFFICE, Scope.REGION, self.region.id, name="考务二")

    def entry(self, n: int = 0) -> papers.Entry:
        return next(e for e in papers.paper_of(sitting(self.sittings[n])) if e.item.kind is Kind.CASE)

    def rule(self, kind: RegradeKind, part: str) -> Regrade:
        with unit_of_work():
            wanted = Wanted(kind, "该小题题干有误", self.entry().revision, part=part)
            row = regrading.propose(locked(self.session), wanted, by=self.office, now=self.over)
        with unit_of_work():
            regrading.commit(locked(row), by=self.second, remark="同意", now=self.over)
        return row

    def finish(self) -> None:
        """Written parts get nothing."""
        marker = people.officer(Role.MARKER, Scope.REGION, self.region.id, name="阅卷人")
        asked = select(MarkingTask.id).where(MarkingTask.state == TaskState.WAITING)
        for task_id in db.session.scalars(asked).all():
            task = db.session.get_one(MarkingTask, task_id)
            limits = marking.limits_of(marking.script_of(task).question)
            with unit_of_work():
                task = db.session.get_one(MarkingTask, task_id)
                marking.give(task, [Decimal(0)] * len(limits), by=marker, remark="", now=self.over)


def _parts(item: Item) -> dict[str, Any]:
    return questions_of(item)


def _by_key(item: Item) -> str:
    return next(key for key, one in _parts(item).items() if one.kind is not Kind.ESSAY)


def test_a_part_is_dropped_by_two_people_and_results_statistics_and_pages_follow(app: Any, client_as: Any) -> None:
    room = Case()
    room.finish()
    entry = room.entry()
    part = _by_key(entry.item)
    total = sum(one.points for one in _parts(entry.item).values())
    worth = 20 * _parts(entry.item)[part].points / total
    assert (sitting(room.sittings[0]).score, sitting(room.sittings[0]).maximum) == (10, 30)
    row = room.rule(RegradeKind.DROP, part)
    made = sitting(room.sittings[0])
    assert made.score == 10 and abs(made.maximum - (30 - worth)) <= Decimal("0.01")
    changes = db.session.scalars(select(RegradeChange).where(RegradeChange.regrade_id == row.id)).all()
    assert {one.sitting_id for one in changes} <= set(room.sittings) and changes
    report = figures.report_of(room.session)
    assert entry.revision not in report.dropped
    with unit_of_work():
        marking.release(locked(room.session), by=room.office, now=room.over)
    found = marking.result_of(sitting(room.sittings[0]))
    line = next(one for one in found.lines if one.entry.revision == entry.revision)
    assert line.rulings == () and line.part_rulings == ((RegradeKind.DROP, list(_parts(entry.item)).index(part) + 1),)
    assert abs(line.most - (20 - worth)) <= Decimal("0.01")
    assert sum(most for _m, _p, most in found.modules) == made.maximum
    page = client_as(room.people[0]).get(f"/exams/sittings/{room.sittings[0]}/result").text
    assert "小题在考试后删除" in page
    desk = client_as(room.office)
    assert "小题" in desk.get(f"/exams/office/regrades/{row.id}").text
    assert "小题" in desk.get(f"/exams/office/sessions/{room.session.id}/regrade").text


def test_full_marks_for_a_part(app: Any) -> None:
    room = Case()
    room.finish()
    entry = room.entry()
    part = _by_key(entry.item)
    total = sum(one.points for one in _parts(entry.item).values())
    room.rule(RegradeKind.FULL, part)
    made = sitting(room.sittings[0])
    assert abs(made.score - (10 + 20 * _parts(entry.item)[part].points / total)) <= Decimal("0.01")
    assert made.maximum == 30


def test_what_makes_no_sense_about_a_part_is_refused(app: Any, client_as: Any) -> None:
    room = Case()
    entry, single = room.entry(), papers.paper_of(sitting(room.sittings[0]))[0]
    part = _by_key(entry.item)
    for kind, revision, asked in (
        (RegradeKind.DROP, entry.revision, "p99"),
        (RegradeKind.DROP, single.revision, "whole"),
        (RegradeKind.ACCEPT, entry.revision, part),
    ):
        with pytest.raises(regrading.NoPart), unit_of_work():
            wanted = Wanted(kind, "x", revision, part=asked)
            regrading.propose(locked(room.session), wanted, by=room.office, now=room.over)
    room.rule(RegradeKind.DROP, part)
    with pytest.raises(regrading.PartSettled), unit_of_work():
        again = Wanted(RegradeKind.FULL, "x", entry.revision, part=part)
        regrading.propose(locked(room.session), again, by=room.office, now=room.over)
    desk = client_as(room.office)
    address = f"/exams/office/sessions/{room.session.id}/regrade/new?revision={entry.revision}"
    assert 'name="part"' in desk.get(address).text
    assert 'name="part"' not in desk.get(address.replace(str(entry.revision), str(single.revision))).text
    refused = desk.post(address, data={"kind": "full", "part": part, "reason": "x"})
    assert refused.status_code == 422 and "已有生效" in refused.text
    other = next(key for key in _parts(entry.item) if key != part)
    made = desk.post(address, data={"kind": "full", "part": other, "reason": "题干有误"})
    assert made.status_code == 302 and "小题" in desk.get(made.location).text


def test_a_part_that_is_dropped_asks_no_marker_and_no_second_look(app: Any) -> None:
    room = Case()
    room.finish()
    entry = room.entry()
    first, second = list(_parts(entry.item))[:2]
    with unit_of_work():  # as if people had to mark both parts
        db.session.add_all(
            MarkingTask(sitting_id=room.sittings[0], session_id=room.session.id, question=entry.place, part=one,
                        revision_id=entry.revision, made_at=room.over)
            for one in (first, second)
        )  # fmt: skip
    room.rule(RegradeKind.DROP, first)
    states = {one.part: one.state for one in db.session.scalars(select(MarkingTask))}
    assert states == {first: TaskState.VOID, second: TaskState.WAITING}
    with unit_of_work():
        for one in db.session.scalars(select(MarkingTask)):
            one.state = TaskState.DONE
    assert [one.part for one in appeals.written_parts(sitting(room.sittings[0]))] == [second]
