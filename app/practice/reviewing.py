"""Reviews: who is asked, what they hand in, and the decision that follows.

Whether somebody may review is asked when they are assigned, and again under the lock of the entry when they decide: an
employer or a mentor may have changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.models import Person
from app.audit.service import record
from app.core.errors import NotAllowedNow
from app.db import db, locked
from app.notices.service import post
from app.outline.service import typed
from app.practice import letters
from app.practice.deeds import Did
from app.practice.history import step
from app.practice.marking import Given, Outcome, Verdict, outcome, totalled
from app.practice.models import GIVEN, STANDING, LogEntry, LogEntryVersion, Review, ReviewState
from app.practice.passages import comments_given
from app.practice.people import candidates, conflict
from app.practice.refusals import (
    AlreadyAsked,
    ConflictOfInterest,
    EnoughReviewers,
    NoMoreReturns,
    RemarkNeeded,
    WrongValue,
)
from app.practice.states import Move, State


def newest(entry: LogEntry) -> LogEntryVersion:
    """The version under review."""
    return db.session.scalars(
        select(LogEntryVersion).where(LogEntryVersion.entry_id == entry.id, LogEntryVersion.number == entry.version)
    ).one()


def flow_of(version: LogEntryVersion) -> dict[str, Any]:
    """The flow rule pinned to a version. A sample of the tasks with one reviewer gets two: drawn by the digest of what was
    submitted, so that nobody chooses and the draw can be repeated."""
    flow = typed(version.flow)
    share = flow.get("sample") or Decimal(0)
    if flow["reviewers"] == 1 and Decimal(int(version.sha256[:8], 16)) < share * 2**32:
        flow["reviewers"] = 2
    return flow


def reviews_on(version: LogEntryVersion) -> list[Review]:
    """The reviews of a version as they stand in the database."""
    return list(
        db.session.scalars(
            select(Review)
            .where(Review.version_id == version.id)
            .order_by(Review.id)
            .execution_options(populate_existing=True)
        )
    )


def verdict_on(version: LogEntryVersion, reviews: list[Review] | None = None) -> Outcome:
    """What follows from the reviews handed in so far, by the rules pinned to the version."""
    given = [Given(r.total, r.knocked_out) for r in reviews or reviews_on(version) if r.state in GIVEN]
    return outcome(given, flow_of(version), typed(version.rubric)["pass_mark"])


def count_lacking(entry: LogEntry) -> int:
    """Write down how many reviewers are still to be found for the newest version."""
    version = newest(entry)
    reviews = reviews_on(version)
    needed = flow_of(version)["reviewers"] + (verdict_on(version, reviews).verdict is Verdict.THIRD)
    entry.lacking = max(0, needed - sum(r.state in STANDING for r in reviews))
    return entry.lacking


def pick_reviewers(entry: LogEntry, *, now: datetime, by: Person | None = None) -> list[Review]:
    """Ask as many reviewers as are lacking: those of the version before first, then those with the least load.

    Nobody who is left out by a conflict is asked; what cannot be found stays lacking and waits for the office.
    """
    made: list[Review] = []
    while count_lacking(entry):
        free = candidates(entry)
        before = _reviewers_before(entry)
        free.sort(key=lambda pair: (pair[0].id not in before, pair[1], pair[0].id))
        if not free:
            break
        made.append(_ask(entry, free[0][0], by=by, now=now))
    return made


def pick_for_office(entry: LogEntry, *, by: Person, now: datetime) -> int:
    """An office lets reviewers be picked by load; how many were found."""
    entry = locked(entry)
    if entry.state not in (State.CONFIRMED, State.IN_REVIEW):
        raise NotAllowedNow
    return len(pick_reviewers(entry, now=now, by=by))


def _reviewers_before(entry: LogEntry) -> set[int]:
    return set(
        db.session.scalars(
            select(Review.reviewer_id)
            .join(LogEntryVersion, Review.version_id == LogEntryVersion.id)
            .where(
                Review.entry_id == entry.id, LogEntryVersion.number == entry.version - 1, Review.state.in_(list(GIVEN))
            )
        )
    )


def assign_reviewer(entry: LogEntry, reviewer: Person, *, by: Person, now: datetime) -> Review:
    """An office asks somebody to review. Raises ConflictOfInterest, AlreadyAsked, EnoughReviewers, NotAllowedNow."""
    entry = locked(entry)
    if entry.state not in (State.CONFIRMED, State.IN_REVIEW):
        raise NotAllowedNow
    found = conflict(entry, reviewer)
    if found:
        raise ConflictOfInterest(found, reviewer.name)
    if reviewer.id in {r.reviewer_id for r in reviews_on(newest(entry))}:
        raise AlreadyAsked(name=reviewer.name)
    if not count_lacking(entry):
        raise EnoughReviewers
    return _ask(entry, reviewer, by=by, now=now)


def _ask(entry: LogEntry, reviewer: Person, *, by: Person | None, now: datetime) -> Review:
    made = Review(
        entry_id=entry.id, version_id=newest(entry).id, reviewer_id=reviewer.id, state=ReviewState.ASKED, asked_at=now,
        asked_by_id=by.id if by else None,
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # the letter links to it by id
    if entry.state is State.CONFIRMED:
        step(entry, Move.ASSIGN, by=by, now=now)
    count_lacking(entry)
    record(Did.ASSIGN_REVIEWER, entry, by=by, more={"reviewer": reviewer.id, "version": entry.version})
    post(letters.REVIEW_ASKED, to=reviewer, link=f"/practice/reviews/{made.id}", now=now, task=entry.title)
    return made


def release_reviewer(review: Review, *, by: Person, reason: str, now: datetime) -> None:
    """An office takes a review back that was not handed in yet."""
    entry = locked(review.entry)
    review = _still_asked(review)
    _leave(entry, review, ReviewState.RELEASED, reason, now)
    record(Did.RELEASE_REVIEWER, entry, by=by, reason=reason, more={"reviewer": review.reviewer_id})
    post(letters.REVIEW_RELEASED, to=review.reviewer, link="/practice/reviews", now=now, task=entry.title)


def decline(review: Review, *, by: Person, reason: str, now: datetime) -> None:
    """The reviewer does not take it (conflict of interest, absence); another is looked for at once where the rule says so."""
    if not reason:
        raise WrongValue("remark", why=_l("Please say why you decline; the office sees it."))
    entry = locked(review.entry)
    review = _still_asked(review, by)
    _leave(entry, review, ReviewState.DECLINED, reason, now)
    record(Did.DECLINE, entry, by=by, reason=reason)
    if flow_of(newest(entry))["automatic"]:
        pick_reviewers(entry, now=now)


def _leave(entry: LogEntry, review: Review, state: ReviewState, reason: str, now: datetime) -> None:
    review.state, review.remark, review.given_at = state, reason, now
    db.session.flush()  # counted below
    if not any(r.state in STANDING for r in reviews_on(review.version)):
        step(entry, Move.UNASSIGN, by=None, now=now)
    count_lacking(entry)


def _still_asked(review: Review, by: Person | None = None) -> Review:
    """The review read again under a lock; refuses one that was handed in or taken back meanwhile."""
    review = locked(review)
    if review.state is not ReviewState.ASKED or (by is not None and review.reviewer_id != by.id):
        raise NotAllowedNow
    return review


def give_review(
    review: Review,
    *,
    by: Person,
    points: Mapping[str, Decimal],
    remarks: Mapping[str, str],
    remark: str,
    now: datetime,
    comments: Mapping[str, str] | None = None,
) -> Outcome:
    """Hand in a score by the rubric; the entry is decided as soon as enough reviewers have done so.

    Raises ConflictOfInterest when the reviewer has become the mentor or a colleague meanwhile, WrongValue for points
    outside a criterion, NotAllowedNow when the review was handed in or taken back already.
    """
    entry, review = _at_the_decision(review, by)
    rubric = typed(review.version.rubric)
    kept = {c["code"]: _points(points.get(c["code"]), c) for c in rubric["criteria"]}
    review.total, review.knocked_out = totalled(kept, rubric)
    if not remark and (review.knocked_out or review.total < rubric["pass_mark"]):
        raise WrongValue("remark", why=_l("A task that does not pass needs a reason. Please write it here."))
    review.points = {code: str(value) for code, value in kept.items()}
    review.remarks = {code: text for code, text in remarks.items() if code in kept and text}
    review.comments = comments_given(review.version.snapshot, comments or {})
    review.remark, review.state, review.given_at = remark, ReviewState.SCORED, now
    record(
        Did.GIVE_REVIEW, entry, by=by,
        more={"version": review.version.number, "points": review.points, "total": review.total},
    )  # fmt: skip
    return _settle(entry, review.version, now)


def ask_return(
    review: Review, *, by: Person, remark: str, now: datetime, comments: Mapping[str, str] | None = None
) -> Outcome:
    """Hand in the wish that the trainee revises. Raises NoMoreReturns at the limit of the flow rule."""
    entry, review = _at_the_decision(review, by)
    limit = flow_of(review.version)["max_returns"]
    if entry.returns >= limit:
        raise NoMoreReturns(n=limit)
    if not remark:
        raise RemarkNeeded("remark")
    review.comments = comments_given(review.version.snapshot, comments or {})
    review.remark, review.state, review.given_at, review.total = remark, ReviewState.RETURNED, now, None
    record(Did.GIVE_REVIEW, entry, by=by, reason=remark, more={"version": review.version.number, "return": True})
    return _settle(entry, review.version, now)


def _at_the_decision(review: Review, by: Person) -> tuple[LogEntry, Review]:
    """Entry and review under lock, fit to be decided by this person."""
    entry = locked(review.entry)
    review = _still_asked(review, by)
    if entry.state is not State.IN_REVIEW or review.version.number != entry.version:
        raise NotAllowedNow
    found = conflict(entry, by)
    if found:
        raise ConflictOfInterest(found, by.name)
    return entry, review


def _points(value: Decimal | None, criterion: Mapping[str, Any]) -> Decimal:
    if value is None or not value.is_finite() or not 0 <= value <= criterion["points"] or value != round(value, 2):
        raise WrongValue(
            f"points_{criterion['code']}", why=_l("Please give points from 0 to %(n)s.", n=criterion["points"])
        )
    return Decimal(value)


def _settle(entry: LogEntry, version: LogEntryVersion, now: datetime) -> Outcome:
    db.session.flush()  # the review just handed in counts
    found = verdict_on(version)
    match found.verdict:
        case Verdict.THIRD:
            if flow_of(version)["automatic"]:
                pick_reviewers(entry, now=now)
            else:
                count_lacking(entry)
        case Verdict.RETURN:
            entry.returns += 1
            _decided(entry, Move.RETURN, now)
            post(letters.RETURNED, to=entry.trainee, link=f"/practice/{entry.id}", now=now, task=entry.title)
        case Verdict.PASS | Verdict.FAIL:
            passed = found.verdict is Verdict.PASS
            entry.score, entry.decided_at = found.score, now
            _decided(entry, Move.PASS if passed else Move.FAIL, now)
            kind = letters.PASSED if passed else letters.FAILED
            post(kind, to=entry.trainee, link=f"/practice/{entry.id}", now=now, task=entry.title, score=found.score)
    return found


def _decided(entry: LogEntry, move: Move, now: datetime) -> None:
    entry.lacking = 0
    changed = step(entry, move, by=None, now=now)
    record(
        Did.DECIDE, entry, by=None, changed={"state": changed}, more={"score": entry.score, "version": entry.version}
    )
