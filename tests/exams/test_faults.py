"""A question found faulty leaves papers that nobody has begun; the others wait for a regrade."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.audit.models import AuditEntry
from app.bank import service as bank
from app.bank.models import Question, QuestionRevision, QuestionState
from app.core import clock
from app.core.errors import NotAllowedNow
from app.core.permissions import Role, Scope
from app.db import db, locked, unit_of_work
from app.exams import faults, marking, papers, prints, sessions, sittings
from app.exams.deeds import Did
from app.exams.exposure import PaperCount
from app.exams.faults import FaultPaper, FaultPaperState, FaultSession
from app.exams.models import PaperForm, RegradeKind, SittingAnswer
from app.exams.regrading import Wanted, commit, propose
from app.exams.sittings import Step
from app.jobs.service import run_waiting
from tests.exams.factories import Over, Room, session, sitting
from tests.factories import people


def question_of(revision_id: int) -> Question:
    found = db.session.get_one(QuestionRevision, revision_id)
    return db.session.get_one(Question, found.question_id)


def questions_on(sitting_id: int) -> set[int]:
    return {question_of(entry["revision"]).id for entry in sitting(sitting_id).entries}


def find(question: Question, by: Any, *, only_earlier: bool = False) -> faults.QuestionFault:
    with unit_of_work():
        return faults.find(locked(question), only_earlier=only_earlier, reason="答案有误", by=by, now=clock.now())


def on_several(room: Room) -> Question:
    """A question that stands on the first candidate's paper and on as many others as possible."""
    counts: dict[int, int] = {}
    for one in room.sittings:
        for question_id in questions_on(one):
            counts[question_id] = counts.get(question_id, 0) + 1
    own = questions_on(room.sittings[0])
    return db.session.get_one(Question, max(own, key=lambda one: (counts[one], one)))


def everywhere(room: Room) -> Question:
    """Put one question of the first paper on all the others, as if all had been drawn with it."""
    first = sitting(room.sittings[0]).entries
    for one in room.sittings[1:]:
        with unit_of_work():
            row = sittings.with_session(one)
            row.entries = list(first)
    return question_of(first[0]["revision"])


def test_papers_not_begun_are_drawn_anew_and_the_others_listed(app: Any, client_as: Any) -> None:
    room = Room(4)
    question = everywhere(room)
    room.start(0)
    before = [(sitting(one).seed, sitting(one).entries) for one in room.sittings]
    officer = client_as(room.office)
    page = officer.get(f"/exams/office/faults/new/{question.id}")
    assert page.status_code == 200 and "3 " in page.text and room.session.title in page.text
    assert "取出该题，重新抽取 3 份试卷" in page.text
    assert officer.post(f"/exams/office/faults/new/{question.id}", data={"scope": "all"}).status_code == 422
    done = officer.post(f"/exams/office/faults/new/{question.id}", data={"scope": "all", "reason": "第二个选项也对"})
    assert done.status_code == 302
    for n, one in enumerate(room.sittings):
        now = sitting(one)
        holds = question.id in questions_on(one)
        if n == 0:
            assert (now.seed, now.entries) == before[0] and holds
        else:
            assert now.seed not in ("", before[n][0]) and not holds and len(now.entries) == 6
    rows = {row.sitting_id: row for row in db.session.scalars(select(FaultPaper))}
    assert set(rows) == set(room.sittings[1:])
    assert all(row.state is FaultPaperState.REPLACED and row.entries_before == before[1][1] for row in rows.values())
    begun = db.session.scalars(select(FaultSession)).one()
    assert (begun.session_id, begun.begun) == (room.session.id, 1)
    assert question_of(begun.revision_id).state is QuestionState.RETIRED
    deeds = db.session.execute(select(AuditEntry.deed, func.count()).group_by(AuditEntry.deed)).all()
    counted = {row[0]: row[1] for row in deeds}
    assert (counted[Did.FIND_FAULTY.value], counted[Did.REPLACE_PAPER.value]) == (1, 3)
    shown = officer.get(done.location).text
    for n in (1, 2, 3):
        assert f"考生{n}" in shown
    assert "已重新抽取" in shown and "考试结束后重新判分" in shown
    assert done.location in officer.get(f"/bank/questions/{question.id}").text
    assert officer.get("/exams/office/faults").text.count(question.code) >= 1


def test_exposure_is_counted_again(app: Any) -> None:
    room = Room(3)
    question = on_several(room)

    def counts() -> tuple[int, int]:
        total = db.session.scalar(select(func.sum(PaperCount.papers)).where(PaperCount.session_id == room.session.id))
        own = db.session.get(PaperCount, (room.session.id, question.id), populate_existing=True)
        return int(total or 0), own.papers if own else 0

    total, own = counts()
    assert own >= 1
    find(question, room.office)
    db.session.rollback()
    assert counts() == (total, 0)


def test_a_candidate_sits_the_new_paper_though_the_old_one_was_read(app: Any) -> None:
    """Each process keeps the pins of a paper: the new one has a seed of its own."""
    room = Room(2)
    question = everywhere(room)
    held = sitting(room.sittings[1])
    sittings.kept_pins(held.seed, held.id)  # as a page read before would have it
    find(question, room.office)
    room.start(1)
    entries = papers.paper_of(sitting(room.sittings[1]))
    place = next(one.place for one in entries if one.item.kind.value == "single")
    option = entries[place - 1].item.options[0].id
    room.save([Step(place, 1, option)], n=1)
    kept = db.session.get_one(SittingAnswer, (room.sittings[1], place), populate_existing=True)
    assert kept.answer == option
    room.hand_in(room.right(1, counter=2), n=1)
    with unit_of_work():
        marking.mark_once(room.sittings[1], now=room.opens)
    done = sitting(room.sittings[1])
    assert done.score == done.maximum


def test_who_begins_first_keeps_the_paper_and_is_regraded(app: Any, client_as: Any) -> None:
    """The release waits for a ruling about the question; a regrade that drops it is one."""
    room = Room(2)
    question = everywhere(room)
    with unit_of_work():
        fault = faults.QuestionFault(
            question_id=question.id, reason="答案有误", found_at=clock.now(), found_by_id=room.office.id
        )
        db.session.add(fault)
        db.session.flush()
        for one in room.sittings:
            db.session.add(FaultPaper(fault_id=fault.id, sitting_id=one))
    room.start(0)
    with unit_of_work():
        bank.retire(locked(question), by=room.office, now=clock.now(), reason="答案有误")
    for _twice in range(2):
        with unit_of_work():
            faults.replace(fault, room.sittings, now=clock.now())
    states = {row.sitting_id: row.state for row in db.session.scalars(select(FaultPaper))}
    assert states == {room.sittings[0]: FaultPaperState.BEGUN, room.sittings[1]: FaultPaperState.REPLACED}
    begun = db.session.scalars(select(FaultSession)).one()
    assert begun.begun == 1
    room.hand_in(room.right(0), n=0)
    with unit_of_work():
        marking.mark_once(room.sittings[0], now=room.opens)
    over = room.session.closes_at + timedelta(minutes=5)
    with unit_of_work():
        sessions.close_if_over(locked(room.session), over)
    checks = dict(marking.release_checks(session(room.session.id)))
    words = next(line for line in checks if "重新判分" in line and "有误" in line)
    assert checks[words] is False and faults.waiting_for(room.office) == 1
    page = client_as(room.office).get(f"/exams/office/sessions/{room.session.id}/regrade").text
    assert f"revision={begun.revision_id}&amp;kind=drop" in page
    form = client_as(room.office).get(
        f"/exams/office/sessions/{room.session.id}/regrade/new?revision={begun.revision_id}&kind=drop"
    )
    assert form.status_code == 200
    second = people.officer(Role.EXAM_OFFICE, Scope.REGION, room.region.id, name="考务二")
    with unit_of_work():
        made = propose(
            locked(room.session), Wanted(RegradeKind.DROP, "答案有误", begun.revision_id), by=room.office, now=over
        )
    with unit_of_work():
        commit(locked(made), by=second, remark="", now=over)
    assert dict(marking.release_checks(session(room.session.id)))[words] is True
    assert faults.waiting_for(room.office) == 0


def test_results_may_stay_with_a_reason(app: Any, client_as: Any) -> None:
    """The law has changed since: what was answered then was right."""
    room = Over(1, essays=0)
    question = question_of(sitting(room.sittings[0]).entries[0]["revision"])
    fault = find(question, room.office)
    row = db.session.scalars(select(FaultSession)).one()
    assert faults.waiting_for(room.office) == 1
    officer, page = client_as(room.office), f"/exams/office/faults/{fault.id}"
    assert f"{page}/leave/{row.id}" in officer.get(page).text
    officer.post(f"{page}/leave/{row.id}", data={"reason": " "})
    assert faults.waiting_for(room.office) == 1
    officer.post(f"{page}/leave/{row.id}", data={"reason": "当时法规如此"})
    assert faults.waiting_for(room.office) == 0 and "当时法规如此" in officer.get(page).text
    assert all(fine for _words, fine in marking.release_checks(session(room.session.id)))
    elsewhere = people.officer(Role.EXAM_OFFICE, Scope.REGION, people.region(name="哈尔滨市").id, name="外地考务")
    assert client_as(elsewhere).post(f"{page}/leave/{row.id}", data={"reason": "x"}).status_code == 404


def test_many_papers_are_drawn_in_the_background(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "AT_ONCE", 1)
    monkeypatch.setattr(faults, "CHUNK", 2)
    room = Room(5)
    question = everywhere(room)
    fault = find(question, room.office)
    assert faults.going_on(fault) and question.id in questions_on(room.sittings[4])
    run_waiting()
    db.session.rollback()
    assert not faults.going_on(fault)
    assert not any(question.id in questions_on(one) for one in room.sittings)
    assert faults.counts_of(fault) == {FaultPaperState.REPLACED: 5}


def test_no_other_paper_keeps_the_old_one_and_says_what_is_lacking(app: Any, client_as: Any) -> None:
    room = Room(1)
    question = on_several(room)
    same = db.session.scalars(
        select(Question).where(
            Question.level == 1, Question.kind == question.kind, Question.state == QuestionState.LIVE,
            Question.id != question.id,
        )
    ).all()  # fmt: skip
    keep = questions_on(room.sittings[0])
    with unit_of_work():
        for one in same:
            if one.id not in keep:
                bank.retire(locked(one), by=room.office, now=clock.now(), reason="用尽")
    before = sitting(room.sittings[0]).seed
    fault = find(question, room.office)
    kept = db.session.get_one(FaultPaper, (fault.id, room.sittings[0]))
    assert kept.state is FaultPaperState.KEPT and kept.problem
    assert sitting(room.sittings[0]).seed == before and question.id in questions_on(room.sittings[0])
    assert faults.waiting_for(room.office) == 1
    officer = client_as(room.office)
    assert kept.problem in officer.get(f"/exams/office/faults/{fault.id}").text.replace("&amp;", "&")
    with unit_of_work():
        for one in same:
            if one.id not in keep:
                row = locked(one)
                row.state = QuestionState.LIVE
    assert officer.post(f"/exams/office/faults/{fault.id}/again").status_code == 302
    assert sitting(room.sittings[0]).seed != before and question.id not in questions_on(room.sittings[0])
    with pytest.raises(NotAllowedNow), unit_of_work():
        faults.again(locked(fault), by=room.office, now=clock.now())


def test_only_earlier_revisions(app: Any) -> None:
    """The key was corrected: the live revision stays, papers with the old one are drawn anew."""
    room = Room(2)
    question = everywhere(room)
    assert faults.corrected(question) is None
    with pytest.raises(faults.NothingEarlier):
        find(question, room.office, only_earlier=True)
    item = bank.by_code(question.code).latest.item  # type: ignore[union-attr]
    from dataclasses import replace

    author, reviewer = people.officer(Role.LECTURER), people.officer(Role.REVIEWER)
    with unit_of_work():
        bank.revise(locked(question), replace(item, explanation="新的解析"), by=author, now=clock.now())
    with unit_of_work():
        bank.submit(locked(question), by=author, now=clock.now())
    with unit_of_work():
        bank.approve(locked(question), by=reviewer, now=clock.now())
    fault = find(question, room.office, only_earlier=True)
    now = db.session.get_one(Question, question.id, populate_existing=True)
    assert now.state is QuestionState.LIVE and fault.below == 2
    old = db.session.scalars(
        select(QuestionRevision.id).where(QuestionRevision.question_id == question.id, QuestionRevision.number == 1)
    ).one()
    for one in room.sittings:
        assert old not in {entry["revision"] for entry in sitting(one).entries}


def test_a_printed_version_is_drawn_anew_before_the_exam_opens(app: Any, client_as: Any, set_clock: Any) -> None:
    room = Room(1)
    with unit_of_work():
        form = prints.form_of(locked(room.session), "A", by=room.office, now=clock.now())
    question = question_of(form.entries[0]["revision"])
    fault = find(question, room.office)
    officer = client_as(room.office)
    assert (
        f"/exams/office/faults/{fault.id}/print/{room.session.id}/A"
        in officer.get(f"/exams/office/faults/{fault.id}").text
    )
    assert officer.post(f"/exams/office/faults/{fault.id}/print/{room.session.id}/A").status_code == 302
    db.session.rollback()
    again = db.session.scalars(select(PaperForm)).one()
    assert question.id not in {question_of(entry["revision"]).id for entry in again.entries}
    set_clock(room.opens)
    assert officer.post(f"/exams/office/faults/{fault.id}/print/{room.session.id}/A").status_code == 409


def test_other_regions_see_their_own_papers_alone(app: Any, client_as: Any) -> None:
    room = Room(2)
    question = everywhere(room)
    far = people.officer(Role.EXAM_OFFICE, Scope.REGION, people.region(name="哈尔滨市").id, name="外地考务")
    page = client_as(far).get(f"/exams/office/faults/new/{question.id}").text
    assert room.session.title not in page and "其他地区的考次" in page
    done = client_as(far).post(f"/exams/office/faults/new/{question.id}", data={"scope": "all", "reason": "答案有误"})
    shown = client_as(far).get(done.location).text
    assert "考生0" not in shown and not any(question.id in questions_on(one) for one in room.sittings)
    lecturer = people.officer(Role.LECTURER)
    assert client_as(lecturer).get(f"/exams/office/faults/new/{question.id}").status_code == 403


def test_statements_do_not_grow_with_papers(app: Any, queries: Any) -> None:
    counts = []
    for candidates in (2, 6):
        room = Room(candidates)
        question = everywhere(room)
        db.session.rollback()
        with queries() as made:
            faults.reach_of(db.session.get_one(Question, question.id), None, clock.now())
        counts.append(len(made))
    assert counts[0] == counts[1]
