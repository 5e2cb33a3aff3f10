"""Regrades: counted first, put in force by a second person, by the same replay; old marks stay."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.bank import service as bank
from app.bank.models import Question
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.exams import asks, marking, papers, regrading, rulings
from app.exams.models import Mark, Regrade, RegradeChange, RegradeKind, RegradeState, TaskState
from app.exams.regrading import Wanted
from app.exams.rulings import Ruling, Rulings
from app.exams.states import SittingState
from app.jobs.service import run_waiting
from app.notices.models import Notice
from question_bank.grading import Rule, grade_parts
from question_bank.items import Blank, Item, Kind, Option, Part
from tests.exams.factories import Over, sitting
from tests.factories import people

SINGLE = Item("s1", Kind.SINGLE, "单选", options=(Option("a", "甲", True), Option("b", "乙"), Option("c", "丙")))
MULTIPLE = Item(
    "m1", Kind.MULTIPLE, "多选", options=(Option("a", "甲", True), Option("b", "乙", True), Option("c", "丙"))
)
BLANKS = Item("b1", Kind.BLANK, "[[1]]与[[2]]", blanks=(Blank(("全部",)), Blank(("五",))))


def _key_b(item: Item) -> Item:
    return replace(item, options=tuple(replace(one, correct=one.id == "b") for one in item.options))


# --- rulings, pure ---------------------------------------------------------------------------------------------------------


def _shares(item: Item, answer: Any, *given: Ruling, rule: Rule = Rule.ALL_OR_NOTHING) -> dict[str, Decimal | None]:
    return Rulings(given).shares(7, item, answer, rule)


def test_without_a_ruling_it_is_the_ordinary_grading() -> None:
    for answer in ("a", "b", None):
        assert _shares(SINGLE, answer)["whole"] == grade_parts(SINGLE, answer).parts[0].share


def test_a_changed_key_and_what_is_accepted_besides() -> None:
    key = Ruling(1, RegradeKind.KEY, 7, item=_key_b(SINGLE))
    also = Ruling(2, RegradeKind.ACCEPT, 7, answer="c")
    assert [_shares(SINGLE, one, key)["whole"] for one in "abc"] == [0, 1, 0]
    assert [_shares(SINGLE, one, key, also)["whole"] for one in "abc"] == [0, 1, 1]
    assert [_shares(SINGLE, one, also)["whole"] for one in "abc"] == [1, 0, 1]
    elsewhere = Ruling(3, RegradeKind.ACCEPT, 8, answer="c")
    assert _shares(SINGLE, "c", elsewhere)["whole"] == 0


def test_a_further_text_of_a_blank_is_forgiven_width_and_case() -> None:
    also = Ruling(1, RegradeKind.ACCEPT, 7, answer=["", "5 名"])
    assert _shares(BLANKS, ["全部", "５名"], also)["whole"] == 1
    assert _shares(BLANKS, ["", "5名"], also)["whole"] == Decimal("0.5")
    assert _shares(BLANKS, ["全部", "六"], also)["whole"] == Decimal("0.5")


def test_full_marks_and_dropping() -> None:
    full, drop = Ruling(1, RegradeKind.FULL, 7), Ruling(2, RegradeKind.DROP, 7)
    assert _shares(SINGLE, None, full) == {"whole": 1}
    essay = Item("e1", Kind.ESSAY, "论述")
    assert _shares(essay, "字", full) == {"whole": 1} and _shares(essay, "字", drop) == {"whole": None}
    entry = papers.Entry(1, SINGLE, "", Decimal(5), {}, 7)
    other = papers.Entry(2, SINGLE, "", Decimal(5), {}, 8)
    shares = {1: {"whole": Decimal(0)}, 2: {"whole": Decimal(1)}}
    assert marking.result_in([entry, other], shares, Rulings()) == (5, 10)
    assert marking.result_in([entry, other], shares, Rulings((drop,))) == (5, 5)


def test_another_rule_for_multiple_choice() -> None:
    half = Ruling(1, RegradeKind.RULE, rule=Rule.HALF_IF_INCOMPLETE)
    assert _shares(MULTIPLE, ["a"])["whole"] == 0 and _shares(MULTIPLE, ["a"], half)["whole"] == Decimal("0.5")


def test_only_a_question_with_the_same_choices_can_take_its_place() -> None:
    assert rulings.can_replace(SINGLE, _key_b(SINGLE))
    renamed = replace(SINGLE, options=(Option("a", "乙", True), Option("b", "甲"), Option("c", "丙")))
    assert not rulings.can_replace(SINGLE, renamed) and not rulings.can_replace(SINGLE, MULTIPLE)
    part = Part("p1", Kind.TRUEFALSE, "对吗", Decimal(2), answer=True)
    case = Item("c1", Kind.CASE, "案例", parts=(part,))
    assert rulings.can_replace(case, replace(case, parts=(replace(part, answer=False),)))
    assert not rulings.can_replace(case, replace(case, parts=(replace(part, points=Decimal(3)),)))


# --- in a session ----------------------------------------------------------------------------------------------------------


def _propose(room: Over, wanted: Wanted, by: Any = None) -> Regrade:
    with unit_of_work():
        return regrading.propose(locked(room.session), wanted, by=by or room.office, now=room.over)


def _commit(row: Regrade, by: Any, room: Over) -> None:
    with unit_of_work():
        regrading.commit(locked(row), by=by, remark="同意", now=room.over)


def _revision_of(room: Over, n: int = 0, place: int = 1) -> int:
    return sitting(room.sittings[n]).entries[place - 1]["revision"]


def _holders(room: Over, revision: int) -> list[int]:
    return [one for one in room.sittings if any(e["revision"] == revision for e in sitting(one).entries)]


def _changes(row: Regrade) -> dict[int, RegradeChange]:
    db.session.rollback()
    return {
        one.sitting_id: one
        for one in db.session.scalars(select(RegradeChange).where(RegradeChange.regrade_id == row.id))
    }


def _letters(name: str) -> int:
    return len(db.session.scalars(select(Notice.id).where(Notice.letter == name)).all())


def _other_key(room: Over, revision_id: int) -> int:
    """A new approved revision in which the next option is right; its id."""
    pinned = bank.revision(revision_id)
    options = pinned.item.options
    right = next(n for n, one in enumerate(options) if one.correct)
    chosen = options[(right + 1) % len(options)].id
    item = replace(pinned.item, options=tuple(replace(one, correct=one.id == chosen) for one in options))
    question = db.session.get_one(Question, pinned.question_id)
    with unit_of_work():
        made = bank.revise(locked(question), item, by=room.office, now=clock.now(), note="答案有误")
        db.session.flush()
        question = db.session.get_one(Question, question.id)
        question.live_number = made.number
    return made.id


def test_full_marks_are_counted_then_put_in_force_by_a_second_person(app: Any) -> None:
    room = Over(3, essays=0, knows=[0, 2, 4])
    room.release()
    revision = _revision_of(room)  # of the candidate who answered nothing
    concerned = _holders(room, revision)
    before = {one: sitting(one).score for one in room.sittings}
    marks = len(db.session.scalars(select(Mark)).all())
    row = _propose(room, Wanted(RegradeKind.FULL, "题干有歧义", revision))
    assert row.state is RegradeState.PROPOSED
    counted = {one: line.score_after for one, line in _changes(row).items()}
    assert room.sittings[0] in counted and set(counted) <= set(concerned)
    assert {one: sitting(one).score for one in room.sittings} == before, "a dry run changes nothing"
    assert len(db.session.scalars(select(Mark)).all()) == marks and _letters("exams.regraded") == 0
    with pytest.raises(regrading.SecondPerson):
        _commit(row, room.office, room)
    second = room.officer(Role.EXAM_OFFICE)
    _commit(row, second, room)
    after = {one: sitting(one).score for one in room.sittings}
    assert {one: after[one] for one in counted} == counted
    assert after[room.sittings[0]] == 5 and sitting(room.sittings[0]).state is SittingState.RELEASED
    assert [after[one] for one in room.sittings if one not in counted] == [
        before[one] for one in room.sittings if one not in counted
    ]
    kept = db.session.scalars(select(Mark).where(Mark.sitting_id == room.sittings[0]).order_by(Mark.id)).all()
    assert len(kept) == 2 and kept[0].shares["1"] == {"whole": "0"} and kept[1].working["regrades"] == [row.id]
    assert _letters("exams.regraded") == len(counted)
    deeds = db.session.scalars(select(AuditEntry.deed).where(AuditEntry.deed.like("exams.regrade%"))).all()
    assert sorted(deeds) == ["exams.regrade.apply", "exams.regrade.propose"]
    with pytest.raises(Exception, match="NotAllowedNow"):
        _commit(row, second, room)
    assert _letters("exams.regraded") == len(counted)


def test_a_changed_key_turns_right_into_wrong_and_names_the_certificates(app: Any, monkeypatch: Any) -> None:
    room = Over(2, essays=0, knows=[3, 4])
    room.release()
    assert [sitting(one).passed for one in room.sittings] == [True, True]
    revision = _revision_of(room)
    to = _other_key(room, revision)
    monkeypatch.setattr(
        asks.certificates_resting_on, "_answer", lambda ids, rank: {one: (f"TTM{one}-{rank}",) for one in ids}
    )
    row = _propose(room, Wanted(RegradeKind.KEY, "答案有误", revision, to))
    line = _changes(row)[room.sittings[0]]
    assert (line.score_before, line.score_after) == (15, 10) and line.passed_before and not line.passed_after
    preview = regrading.preview_of(row)
    assert preview.newly_failed >= 1 and preview.certificates[0].endswith("-3") and preview.down >= 1
    _commit(row, room.officer(Role.EXAM_OFFICE), room)
    made = sitting(room.sittings[0])
    assert made.score == 10 and made.passed is False and made.state is SittingState.RELEASED
    shown = next(one for one in marking.result_of(made).lines if one.entry.revision == revision)
    assert shown.points == 0 and shown.key == bank.revision(to).item and shown.rulings == (RegradeKind.KEY,)


def test_a_dropped_question_lowers_the_maximum(app: Any) -> None:
    room = Over(1, essays=0, knows=[3])
    room.release()
    last = _revision_of(room, place=4)  # the one left open
    row = _propose(room, Wanted(RegradeKind.DROP, "超纲", last))
    _commit(row, room.officer(Role.EXAM_OFFICE), room)
    made = sitting(room.sittings[0])
    assert (made.score, made.maximum) == (15, 15) and marking.percent_of(made) == 100
    result = marking.result_of(made)
    assert sum(line.most for line in result.lines) == 15 and sum(most for _m, _p, most in result.modules) == 15


def test_a_further_answer_is_accepted(app: Any) -> None:
    room = Over(1, essays=0, knows=[4])
    revision = _revision_of(room)
    wrong = next(one.id for one in bank.revision(revision).item.options if not one.correct)
    for bad in ("zz", None, ["a"]):
        with pytest.raises(regrading.NoAnswer):
            _propose(room, Wanted(RegradeKind.ACCEPT, "也对", revision, answer=bad))
    row = _propose(room, Wanted(RegradeKind.ACCEPT, "也对", revision, answer=wrong))
    assert _changes(row) == {}, "who had the key keeps the points"


def test_a_question_dropped_while_essays_wait_asks_no_marker_any_more(app: Any) -> None:
    room = Over(1, markers=1)
    [task] = room.tasks
    row = _propose(room, Wanted(RegradeKind.DROP, "题目有误", task.revision_id))
    assert regrading.preview_of(row).being_marked == 1
    with pytest.raises(marking.NotMarked):
        room.release()
    _commit(row, room.officer(Role.EXAM_OFFICE), room)
    assert room.tasks[0].state is TaskState.VOID
    made = sitting(room.sittings[0])
    assert made.state is SittingState.MARKED and (made.score, made.maximum) == (20, 20)
    room.release()


def test_a_marker_s_mark_stays_through_a_regrade_of_another_question(app: Any) -> None:
    room = Over(1, markers=1, knows=[0])
    room.give(room.tasks[0], "0.7")
    row = _propose(room, Wanted(RegradeKind.FULL, "歧义", _revision_of(room, place=1)))
    _commit(row, room.officer(Role.EXAM_OFFICE), room)
    assert sitting(room.sittings[0]).score == 5 + 7
    # marking again is the same replay: nothing is lost
    with unit_of_work():
        marking.mark(room.sittings[0], now=room.over)
    assert sitting(room.sittings[0]).score == 12


def test_what_makes_no_sense_is_refused(app: Any) -> None:
    room = Over(1, markers=1)
    revision, essay = _revision_of(room), room.tasks[0].revision_id
    for wanted, refusal in (
        (Wanted(RegradeKind.FULL, "x", 999_999), regrading.NotOnAnyPaper),
        (Wanted(RegradeKind.KEY, "x", revision, revision), regrading.NoKey),
        (Wanted(RegradeKind.KEY, "x", essay, revision), regrading.NotForEssays),
        (Wanted(RegradeKind.RULE, "x", rule=Rule.ALL_OR_NOTHING), regrading.SameRule),
    ):
        with pytest.raises(refusal):
            _propose(room, wanted)
    row = _propose(room, Wanted(RegradeKind.FULL, "x", revision))
    with pytest.raises(regrading.OneAtATime):
        _propose(room, Wanted(RegradeKind.FULL, "y", revision))
    with unit_of_work():
        regrading.drop(locked(row), by=room.office, remark="不必", now=room.over)
    _propose(room, Wanted(RegradeKind.RULE, "x", rule=Rule.HALF_IF_INCOMPLETE))


def test_a_large_session_goes_on_in_the_background(app: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(regrading, "AT_ONCE", 1)
    monkeypatch.setattr(regrading, "CHUNK", 2)
    room = Over(3, essays=0, knows=[0, 0, 0])
    room.release()
    revision = _revision_of(room)
    row = _propose(room, Wanted(RegradeKind.FULL, "歧义", revision))
    assert row.state is RegradeState.COUNTING and not _changes(row)
    second = room.officer(Role.EXAM_OFFICE)
    with pytest.raises(Exception, match="NotAllowedNow"):
        _commit(row, second, room)
    run_waiting()
    concerned = _holders(room, revision)
    assert set(_changes(row)) == set(concerned)
    _commit(db.session.get_one(Regrade, row.id), second, room)
    assert sitting(room.sittings[0]).score == 0
    run_waiting()
    db.session.rollback()
    assert db.session.get_one(Regrade, row.id, populate_existing=True).state is RegradeState.APPLIED
    assert all(sitting(one).score == (5 if one in concerned else 0) for one in room.sittings)
    with unit_of_work():  # a chunk that is done twice changes nothing
        regrading.apply(db.session.get_one(Regrade, row.id), room.sittings, now=room.over)
    assert _letters("exams.regraded") == len(concerned)
    assert len(db.session.scalars(select(Mark).where(Mark.sitting_id == room.sittings[0])).all()) == 2


def test_pages_of_a_regrade(app: Any, client_as: Any) -> None:
    room = Over(2, essays=0, knows=[0, 4])
    room.release()
    revision = _revision_of(room)
    desk, second = client_as(room.office), room.officer(Role.EXAM_OFFICE)
    base = f"/exams/office/sessions/{room.session.id}/regrade"
    code = bank.revision(revision).item.id
    assert code in desk.get(base).text and code in desk.get(f"{base}?q={code}").text
    assert desk.get(f"{base}/new?revision=999999").status_code == 404
    assert desk.get(f"{base}/new").status_code == 200
    address = f"{base}/new?revision={revision}"
    assert code in desk.get(address).text
    for bad in ({}, {"kind": "full"}, {"kind": "key", "reason": "x"}, {"kind": "rule", "reason": "x"},
                {"kind": "accept", "reason": "x"}, {"kind": "accept", "reason": "x", "accept": "zz"}):  # fmt: skip
        assert desk.post(address, data=bad).status_code == 422, bad
    made = desk.post(address, data={"kind": "full", "reason": "题干有歧义"})
    assert made.status_code == 302
    page = desk.get(made.location).text
    assert room.people[0].name in page and "题干有歧义" in page and "commit" not in page.replace("commit-", "")
    assert desk.post(f"{made.location}/commit").status_code == 409
    other = client_as(second)
    page = other.get(made.location).text
    assert page.index('name="commit-remark"') < page.index("<table"), "the decision stands above the long list"
    assert room.people[0].name not in other.get(f"{made.location}?crossing=passed").text
    assert room.session.title in other.get("/exams/office/regrades").text
    assert regrading.waiting_for(second) == 1 and regrading.waiting_for(room.office) == 0
    assert other.get(f"{made.location}?export=xlsx").status_code == 200
    assert other.post(f"{made.location}/drop", data={"drop-remark": ""}).status_code == 422
    assert other.post(f"{made.location}/commit", data={"commit-remark": "同意"}).status_code == 302
    assert other.post(f"{made.location}/commit").status_code == 409
    assert sitting(room.sittings[0]).score == 5
    candidate = client_as(room.people[0])
    assert "全体给满分" in candidate.get(f"/exams/sittings/{room.sittings[0]}/result").text
    elsewhere = client_as(people.officer(Role.EXAM_OFFICE, Scope.REGION, people.region().id))
    assert elsewhere.get(made.location).status_code == 404
    assert elsewhere.post(f"{made.location}/commit").status_code == 404
    assert elsewhere.post(address, data={"kind": "full", "reason": "x"}).status_code == 404


def test_the_page_costs_the_same_with_more_candidates(app: Any, client_as: Any, queries: Any) -> None:
    counts = []
    for candidates in (1, 4):
        room = Over(candidates, essays=0, knows=[0] * candidates)
        row = _propose(room, Wanted(RegradeKind.RULE, "规则", rule=Rule.HALF_IF_INCOMPLETE))
        desk = client_as(room.office)
        with queries() as sent:
            assert desk.get(f"/exams/office/regrades/{row.id}").status_code == 200
        with queries() as more:
            assert desk.get(f"/exams/office/sessions/{room.session.id}/regrade").status_code == 200
        counts.append((len(sent), len(more)))
    assert counts[0] == counts[1]
