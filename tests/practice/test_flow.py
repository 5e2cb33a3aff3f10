"""From draft to decision through the services."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.accounts.models import Person
from app.audit.models import AuditEntry
from app.core import clock
from app.core.errors import NotAllowedNow, NotFound
from app.core.permissions import Role
from app.db import db, unit_of_work
from app.notices.models import Notice
from app.outline.service import save_version
from app.practice import people, reviewing, service
from app.practice.models import LogEntry, Review, ReviewState
from app.practice.refusals import (
    AlreadyAsked,
    ConflictOfInterest,
    EnoughReviewers,
    Incomplete,
    MentorReviews,
    NoMoreReturns,
    NotTheMentor,
    RemarkNeeded,
    WrongValue,
)
from app.practice.rules import FLOW
from app.practice.states import State
from tests.factories import people as make
from tests.factories import practice


@pytest.fixture
def trainee(app: Any) -> Person:
    here = make.region()
    return make.person("周敏", region=here, organisation_id=make.organisation(here).id)


def fresh(row: Any) -> Any:
    db.session.rollback()
    return db.session.get_one(type(row), row.id, populate_existing=True)


def letters(person: Person) -> list[str]:
    return [n.letter for n in db.session.query(Notice).filter_by(person_id=person.id).order_by(Notice.id)]


def test_the_straight_way(trainee: Person) -> None:
    entry = practice.passed_task(trainee, "T01", 1, score="82.50")
    assert (entry.state, entry.score, entry.version) == (State.PASSED, Decimal("82.50"), 1)
    assert letters(entry.mentor) == ["practice.submitted"]
    assert letters(trainee) == ["practice.confirmed", "practice.passed"]
    assert letters(entry.reviews[0].reviewer) == ["practice.review_asked"]
    deeds = [
        e.deed
        for e in db.session.query(AuditEntry).filter_by(about="log_entry", about_id=entry.id).order_by(AuditEntry.id)
    ]
    assert deeds == [
        "practice.entry.submit", "practice.entry.confirm", "practice.reviewer.assign", "practice.review.give",
        "practice.entry.decide",
    ]  # fmt: skip


def test_a_low_score_fails(trainee: Person) -> None:
    entry = practice.passed_task(trainee, score="59.99")
    assert entry.state is State.FAILED
    assert letters(trainee)[-1] == "practice.failed"


def test_a_zero_for_truth_fails_at_eighty(trainee: Person) -> None:
    entry = practice.in_review(trainee)
    points = {
        "truth": Decimal(0),
        "analysis": Decimal(25),
        "process": Decimal(20),
        "quality": Decimal(25),
        "compliance": Decimal(10),
    }
    practice.give(practice.asked(entry)[0], points=points)
    entry = fresh(entry)
    assert (entry.state, entry.score) == (State.FAILED, 80)


def test_a_fail_without_a_reason_is_refused(trainee: Person) -> None:
    review = practice.asked(practice.in_review(trainee))[0]
    with pytest.raises(WrongValue) as refused, unit_of_work():
        review = db.session.get_one(Review, review.id)
        reviewing.give_review(
            review, by=review.reviewer, points=practice.shares(50), remarks={}, remark="", now=clock.now()
        )
    assert refused.value.field == "remark"


@pytest.mark.parametrize("bad", [Decimal("20.01"), Decimal(-1), Decimal("NaN"), Decimal("1.005"), None])
def test_points_outside_a_criterion_are_refused(trainee: Person, bad: Any) -> None:
    review = practice.asked(practice.in_review(trainee))[0]
    with pytest.raises(WrongValue) as refused:
        practice.give(review, points=practice.shares(80) | {"truth": bad})
    assert refused.value.field == "points_truth"
    assert fresh(review).state is ReviewState.ASKED


def test_nothing_incomplete_is_submitted(trainee: Person) -> None:
    with unit_of_work():
        entry = service.new_entry(trainee, rank=1, task_code="T01", title="空白任务", now=clock.now())
    with pytest.raises(Incomplete) as refused:
        practice.submit(entry)
    assert {step for step, _ in refused.value.parts} == {"task", "work", "evidence", "submit"}
    assert fresh(entry).state is State.DRAFT


def test_dates_and_lines_are_checked(trainee: Person) -> None:
    entry = practice.draft(trainee)
    today = clock.today()
    with unit_of_work():
        entry = db.session.get_one(LogEntry, entry.id)
        service.save_draft(
            entry, by=entry.trainee, now=clock.now(), started_on=today, ended_on=today + timedelta(days=2),
            lines=[(today, Decimal(20), "a"), (today, Decimal(5), "b"), (today - timedelta(days=9), Decimal(1), "c")],
        )  # fmt: skip
    assert entry.hours == 26
    with pytest.raises(Incomplete) as refused:
        practice.submit(entry)
    assert len(refused.value.parts) == 3


def test_a_task_type_counts_for_its_levels_only(trainee: Person) -> None:
    for rank, code in ((1, "T04"), (2, "T14"), (1, "T99"), (7, "T01")):
        with pytest.raises(WrongValue), unit_of_work():
            service.new_entry(trainee, rank=rank, task_code=code, title="x", now=clock.now())


def test_a_submitted_version_is_frozen(trainee: Person) -> None:
    entry = practice.submitted(trainee)
    frozen, digest = dict(entry.versions[0].snapshot), entry.versions[0].sha256
    with pytest.raises(NotAllowedNow), unit_of_work():
        found = db.session.get_one(LogEntry, entry.id)
        service.save_draft(found, by=found.trainee, now=clock.now(), did="改写")
    with unit_of_work():
        found = db.session.get_one(LogEntry, entry.id)
        service.return_to_trainee(found, by=found.mentor, remark="请补充检索式。", now=clock.now())
    with unit_of_work():
        found = db.session.get_one(LogEntry, entry.id)
        service.save_draft(found, by=found.trainee, now=clock.now(), did="改写后的经过")
        kept = found.files[0].file_id
        service.detach(found, kept, by=found.trainee, now=clock.now())
        service.attach(found, practice.PDF + b"second", name="new.pdf", by=found.trainee, now=clock.now())
    practice.submit(entry)
    entry = fresh(entry)
    new, old = entry.versions
    assert (old.number, old.snapshot, old.sha256) == (1, frozen, digest)
    assert new.snapshot["did"] == "改写后的经过"
    assert old.file_ids == [kept] and kept not in new.file_ids


def test_returned_twice_is_the_limit(trainee: Person) -> None:
    entry = practice.in_review(trainee)
    first = practice.asked(entry)[0].reviewer_id
    for n in (1, 2):
        practice.ask_return(practice.asked(entry)[0])
        entry = fresh(entry)
        assert (entry.state, entry.returns) == (State.RETURNED, n)
        practice.submit(entry)
        practice.confirm(entry)
    review = practice.asked(entry)[0]
    assert review.reviewer_id == first  # who has read it reads it again
    with pytest.raises(NoMoreReturns):
        practice.ask_return(review)
    practice.give(practice.asked(entry)[0], 75)
    assert fresh(entry).state is State.PASSED


def test_the_mentors_return_does_not_count(trainee: Person) -> None:
    entry = practice.submitted(trainee)
    for _n in range(3):
        with unit_of_work():
            found = db.session.get_one(LogEntry, entry.id)
            service.return_to_trainee(found, by=found.mentor, remark="请修改。", now=clock.now())
        practice.submit(entry)
    assert fresh(entry).returns == 0


def test_a_return_needs_a_remark(trainee: Person) -> None:
    entry = practice.submitted(trainee)
    with pytest.raises(RemarkNeeded), unit_of_work():
        found = db.session.get_one(LogEntry, entry.id)
        service.return_to_trainee(found, by=found.mentor, remark="", now=clock.now())
    practice.confirm(entry)
    with pytest.raises(RemarkNeeded):
        practice.ask_return(practice.asked(entry)[0], remark="")


def test_withdrawn_before_the_mentor_acts_and_not_after(trainee: Person) -> None:
    entry = practice.submitted(trainee)
    with unit_of_work():
        service.withdraw(db.session.get_one(LogEntry, entry.id), by=trainee, now=clock.now())
    assert fresh(entry).state is State.DRAFT
    practice.submit(entry)
    practice.confirm(entry)
    with pytest.raises(NotAllowedNow), unit_of_work():
        service.withdraw(db.session.get_one(LogEntry, entry.id), by=trainee, now=clock.now())


def test_only_the_own_mentor_confirms(trainee: Person) -> None:
    entry = practice.submitted(trainee)
    other = make.officer(Role.MENTOR)
    with pytest.raises(NotFound), unit_of_work():
        service.confirm(db.session.get_one(LogEntry, entry.id), by=other, now=clock.now())


# --- who may review ---------------------------------------------------------------------------------------------------


def test_who_is_never_picked(trainee: Person) -> None:
    here = trainee.region_id
    colleague = make.officer(Role.REVIEWER, organisation_id=trainee.organisation_id, name="同单位")
    elsewhere = make.officer(Role.REVIEWER, make.Scope.REGION, make.region().id, name="外地")
    mentor = make.officer(Role.MENTOR, name="导师兼评审")
    make.hold(mentor, Role.REVIEWER)
    make.hold(trainee, Role.REVIEWER)
    fit = make.officer(Role.REVIEWER, make.Scope.REGION, here, name="合适")
    entry = practice.submitted(trainee, mentor=mentor)
    assert [p.id for p, _ in people.candidates(entry)] == [fit.id]
    practice.confirm(entry)
    assert [r.reviewer_id for r in practice.asked(entry)] == [fit.id]
    for one, why in ((colleague, "employer"), (elsewhere, "right"), (mentor, "mentor"), (trainee, "own")):
        with pytest.raises(ConflictOfInterest) as refused, unit_of_work():
            reviewing.assign_reviewer(
                db.session.get_one(LogEntry, entry.id), db.session.get_one(Person, one.id), by=fit, now=clock.now()
            )
        assert refused.value.code == why


def test_the_least_loaded_is_picked(trainee: Person) -> None:
    busy, free = practice.reviewers(2)
    first = practice.in_review(trainee, "T01")
    second = practice.in_review(trainee, "T02")
    assert [practice.asked(e)[0].reviewer_id for e in (first, second)] == [busy.id, free.id]


def test_a_conflict_that_arose_meanwhile_stops_the_decision(trainee: Person) -> None:
    entry = practice.in_review(trainee)
    review = practice.asked(entry)[0]
    with unit_of_work():
        db.session.get_one(Person, review.reviewer_id).organisation_id = trainee.organisation_id
    with pytest.raises(ConflictOfInterest) as refused:
        practice.give(review)
    assert refused.value.code == "employer"
    assert fresh(entry).state is State.IN_REVIEW


def test_changing_employer_after_submission_does_not_open_the_way(trainee: Person) -> None:
    former = trainee.organisation_id
    entry = practice.in_review(trainee)
    review = practice.asked(entry)[0]
    with unit_of_work():
        db.session.get_one(Person, trainee.id).organisation_id = None
        db.session.get_one(Person, review.reviewer_id).organisation_id = former
    with pytest.raises(ConflictOfInterest):
        practice.give(review)


def test_a_role_that_ended_ends_the_review(trainee: Person) -> None:
    review = practice.asked(practice.in_review(trainee))[0]
    with unit_of_work():
        for held in db.session.get_one(Person, review.reviewer_id).roles:
            held.ended_at = clock.now()
    with pytest.raises(ConflictOfInterest) as refused:
        practice.give(review)
    assert refused.value.code == "right"


def test_a_declined_review_goes_to_somebody_else(trainee: Person) -> None:
    one, other = practice.reviewers(2)
    entry = practice.in_review(trainee)
    with unit_of_work():
        reviewing.decline(
            db.session.get_one(Review, practice.asked(entry)[0].id),
            by=db.session.get_one(Person, one.id),
            reason="亲属关系",
            now=clock.now(),
        )
    assert [r.reviewer_id for r in practice.asked(entry)] == [other.id]
    with unit_of_work():
        reviewing.decline(
            db.session.get_one(Review, practice.asked(entry)[0].id),
            by=db.session.get_one(Person, other.id),
            reason="出差",
            now=clock.now(),
        )
    entry = fresh(entry)
    assert (entry.state, entry.lacking) == (State.CONFIRMED, 1)
    with pytest.raises(AlreadyAsked), unit_of_work():
        reviewing.assign_reviewer(
            db.session.get_one(LogEntry, entry.id), db.session.get_one(Person, one.id), by=trainee, now=clock.now()
        )


def test_no_more_reviewers_than_needed(trainee: Person) -> None:
    entry = practice.in_review(trainee)
    extra = practice.reviewers(1)[0]
    with pytest.raises(EnoughReviewers), unit_of_work():
        reviewing.assign_reviewer(db.session.get_one(LogEntry, entry.id), extra, by=trainee, now=clock.now())


def test_a_mentor_by_the_office(trainee: Person) -> None:
    office = make.officer(Role.CERTIFICATION)
    new = make.officer(Role.MENTOR, name="新导师")
    entry = practice.submitted(trainee, mentor=make.officer(Role.MENTOR))
    with unit_of_work():
        service.assign_mentor(
            db.session.get_one(LogEntry, entry.id), new, by=office, reason="原导师出差", now=clock.now()
        )
    assert letters(new) == ["practice.submitted"]
    practice.confirm(entry)
    reviewer = db.session.get_one(Person, practice.asked(entry)[0].reviewer_id)
    with pytest.raises(NotTheMentor), unit_of_work():
        service.assign_mentor(db.session.get_one(LogEntry, entry.id), reviewer, by=office, now=clock.now())
    make.hold(reviewer, Role.MENTOR)
    with pytest.raises(MentorReviews), unit_of_work():
        service.assign_mentor(db.session.get_one(LogEntry, entry.id), reviewer, by=office, now=clock.now())


# --- two reviewers ----------------------------------------------------------------------------------------------------


def test_two_reviewers_at_the_senior_level(trainee: Person) -> None:
    entry = practice.in_review(trainee, "T05", 3)
    first, second = practice.asked(entry)
    practice.give(first, 70)
    assert fresh(entry).state is State.IN_REVIEW
    practice.give(second, 80)
    entry = fresh(entry)
    assert (entry.state, entry.score) == (State.PASSED, 75)


def test_a_third_reviewer_on_a_gap(trainee: Person) -> None:
    practice.reviewers(3)
    entry = practice.in_review(trainee, "T05", 3)
    first, second = practice.asked(entry)
    practice.give(first, 80)
    practice.give(second, 50)
    third = practice.asked(entry)
    assert len(third) == 1 and third[0].reviewer_id not in (first.reviewer_id, second.reviewer_id)
    practice.give(third[0], 76)
    entry = fresh(entry)
    assert (entry.state, entry.score) == (State.PASSED, 78)


def test_a_third_who_cannot_be_found_waits_for_the_office(trainee: Person) -> None:
    entry = practice.in_review(trainee, "T05", 3)
    for review, score in zip(practice.asked(entry), (90, 50), strict=True):
        practice.give(review, score)
    entry = fresh(entry)
    assert (entry.state, entry.lacking) == (State.IN_REVIEW, 1)
    office = make.officer(Role.CERTIFICATION)
    assert service.waiting_for_office(office) == 1
    helper = practice.reviewers(1)[0]
    with unit_of_work():
        reviewing.assign_reviewer(db.session.get_one(LogEntry, entry.id), helper, by=office, now=clock.now())
    practice.give(practice.asked(entry)[0], 52)
    entry = fresh(entry)
    assert (entry.state, entry.score, entry.lacking) == (State.FAILED, 51, 0)


def test_a_second_review_by_sample(trainee: Person) -> None:
    everything = FLOW.defaults["1"] | {"sample": "1"}  # type: ignore[index]
    with unit_of_work():
        save_version(FLOW, "1", everything, by=trainee, now=clock.now(), effective_from=clock.today())
    practice.reviewers(2)
    entry = practice.in_review(trainee)
    assert len(practice.asked(entry)) == 2
    for review in practice.asked(entry):
        practice.give(review, 70)
    assert fresh(entry).state is State.PASSED


def in_threads(app: Any, *acts: Any) -> list[Any]:
    """Do things at the same moment, each on a connection of its own; what each answered or raised."""
    gate, answers = threading.Barrier(len(acts)), [None] * len(acts)

    def run(n: int) -> None:
        with app.app_context():
            gate.wait()
            try:
                answers[n] = acts[n]()
            except Exception as error:
                answers[n] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(acts))]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    return answers


def test_two_reviewers_at_the_same_moment_decide_once(app: Any, trainee: Person) -> None:
    entry = practice.in_review(trainee, "T05", 3)
    first, second = practice.asked(entry)
    db.session.expunge_all()  # the threads have sessions of their own
    db.session.rollback()
    answers = in_threads(app, lambda: practice.give(first, 70), lambda: practice.give(second, 80))
    assert sorted(a.verdict for a in answers) == ["pass", "wait"]
    entry = fresh(entry)
    assert (entry.state, entry.score) == (State.PASSED, 75)
    assert letters(trainee).count("practice.passed") == 1


def test_one_reviewer_twice_at_the_same_moment(app: Any, trainee: Person) -> None:
    entry = practice.in_review(trainee)
    review = practice.asked(entry)[0]
    db.session.expunge_all()  # the threads have sessions of their own
    db.session.rollback()
    answers = in_threads(app, lambda: practice.give(review, 70), lambda: practice.give(review, 90))
    assert sum(isinstance(a, NotAllowedNow) for a in answers) == 1
    assert fresh(entry).score in (70, 90)
    assert letters(trainee).count("practice.passed") == 1


# --- what the pathway asks --------------------------------------------------------------------------------------------


def test_facts(app: Any, trainee: Person, at: Any, set_clock: Any, queries: Any) -> None:
    set_clock(at("2026-03-10 09:00"))
    practice.passed_task(trainee, "T01", 1, hours="6.5", score=75)
    practice.passed_task(trainee, "T02", 1, real=False, leading=False, score=88)
    practice.passed_task(trainee, "T03", 1, score=40)
    practice.draft(trainee, "T07")
    practice.submitted(trainee, "T08")
    practice.passed_task(trainee, "T05", 2)
    facts = service.facts_of(trainee, 1, clock.today())
    assert [(t.code, t.real, t.leading, t.hours, t.score) for t in facts.passed] == [
        ("T01", True, True, Decimal("6.50"), 75), ("T02", False, False, 6, 88)
    ]  # fmt: skip
    assert (facts.drafts, facts.waiting, facts.returned) == (1, 1, 0)
    assert service.facts_of(trainee, 1, clock.today() - timedelta(days=1)).passed == ()
    with queries() as seen:
        service.facts_of(trainee, 1, clock.today())
    assert len(seen) <= 3


def test_an_oral_defence_counts_from_its_day(trainee: Person) -> None:
    office = make.officer(Role.CERTIFICATION)
    entry = practice.passed_task(trainee, "T14", 3)
    today = clock.today()
    assert not service.facts_of(trainee, 3, today).passed[0].defended
    for passed, held in ((False, today - timedelta(days=2)), (True, today)):
        with unit_of_work():
            found = db.session.get_one(LogEntry, entry.id)
            service.record_defence(
                found, by=office, held_on=held, panel="甲、乙", minutes="问答", passed=passed, now=clock.now()
            )
    assert service.facts_of(trainee, 3, today).passed[0].defended
    with pytest.raises(WrongValue), unit_of_work():
        found = db.session.get_one(LogEntry, entry.id)
        service.record_defence(
            found, by=office, held_on=today + timedelta(days=1), panel="甲", minutes="x", passed=True, now=clock.now()
        )
