"""Papers nobody has begun that hold a question which the bank has meanwhile retired, or whose key it has corrected.

Nothing is changed by itself: a question may be retired for many reasons. The office is warned on the page of the session and has
such papers drawn anew; a question that is plainly wrong goes the way of ``faults.py``, which also sees to papers begun.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import or_, select

from app.accounts.models import Person
from app.accounts.scope import must_reach
from app.bank import service as bank
from app.bank.models import Question, QuestionRevision, QuestionState
from app.core.errors import NotAllowedNow
from app.core.permissions import Can
from app.db import db
from app.exams import faults, sittings
from app.exams.exposure import PaperCount
from app.exams.models import ExamSession, Sitting
from app.exams.states import SessionState, SittingState
from app.jobs.service import enqueue
from question_bank.grading import correct_answer
from question_bank.items import Item, Kind, questions_of

JOB = "exams.outdated"


@dataclass(frozen=True)
class Outdated:
    """A question on papers not begun. ``retired``: it is out of the bank; else its key was corrected in a later revision."""

    question_id: int
    code: str
    retired: bool
    digests: tuple[str, ...]
    sitting_ids: tuple[int, ...]

    @property
    def words(self) -> str:
        n = len(self.sitting_ids)
        if self.retired:
            return ngettext(
                "%(n)s paper not begun holds question %(code)s, which is retired.",
                "%(n)s papers not begun hold question %(code)s, which is retired.", n, code=self.code,
            )  # fmt: skip
        return ngettext(
            "%(n)s paper not begun holds question %(code)s with a key that was corrected since.",
            "%(n)s papers not begun hold question %(code)s with a key that was corrected since.", n, code=self.code,
        )  # fmt: skip


def found_in(session: ExamSession, now: datetime) -> list[Outdated]:
    """What the papers of a session that nobody has begun hold and should not, by code."""
    if session.state is not SessionState.PUBLISHED or session.closes_at <= now:
        return []
    asked = db.session.execute(
        select(Question.id, Question.code, Question.state, Question.live_number)
        .join(PaperCount, PaperCount.question_id == Question.id)
        .where(
            PaperCount.session_id == session.id,
            or_(Question.state == QuestionState.RETIRED, Question.live_number > 1),
        )
        .order_by(Question.code)
    ).all()  # fmt: skip
    if not asked:
        return []
    revisions = _revisions([row.id for row in asked])
    found = []
    for row in asked:
        retired = row.state is QuestionState.RETIRED
        digests = (
            tuple(one.digest for one in revisions[row.id])
            if retired
            else _overtaken(revisions[row.id], row.live_number)
        )
        ids = _not_begun(session.id, digests) if digests else ()
        if ids:
            found.append(Outdated(row.id, row.code, retired, digests, ids))
    return found


def _revisions(question_ids: Sequence[int]) -> dict[int, list[Any]]:
    rows = db.session.execute(
        select(QuestionRevision.id, QuestionRevision.question_id, QuestionRevision.number, QuestionRevision.digest)
        .where(QuestionRevision.question_id.in_(question_ids))
        .order_by(QuestionRevision.number)
    )
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.question_id].append(row)
    return found


def _overtaken(revisions: Sequence[Any], live_number: int) -> tuple[str, ...]:
    """Digests of revisions before the one in use that are marked by another key."""
    items = bank.items_pinned((one.id, one.digest) for one in revisions)
    live = next((one for one in revisions if one.number == live_number), None)
    if live is None:
        return ()
    return tuple(
        one.digest for one in revisions
        if one.number < live_number and one.digest != live.digest and key_differs(items[one.id], items[live.id])
    )  # fmt: skip


def key_differs(before: Item, after: Item) -> bool:
    """Would the right answer to one be wrong for the other? Pure."""
    return before.kind is not after.kind or _key(before) != _key(after)


def _key(item: Item) -> Any:
    """The key by its words: the ids of options say nothing from one revision to the next."""
    chosen = {
        part: frozenset(option.text.strip() for option in one.options if option.correct)
        for part, one in questions_of(item).items() if one.options
    }  # fmt: skip
    answer: Any = correct_answer(item)
    if item.kind is Kind.CASE and answer:
        answer = {part: one for part, one in answer.items() if part not in chosen}
    return chosen, None if item.options else answer


def _not_begun(session_id: int, digests: Sequence[str]) -> tuple[int, ...]:
    return tuple(
        db.session.scalars(
            select(Sitting.id)
            .where(
                Sitting.session_id == session_id, Sitting.state == SittingState.REGISTERED,
                faults.holds(Sitting.entries, digests),
            )
            .order_by(Sitting.id)
        )
    )  # fmt: skip


def renew(session: ExamSession, *, by: Person, now: datetime) -> tuple[int, int]:
    """Draw the papers anew that hold such questions: how many were drawn, and for how many the bank has no other. Many are drawn
    in the background, and counted as neither. Raises NotAllowedNow where there is none."""
    must_reach(by, Can.RUN_EXAM, region=session.region_id)
    found = found_in(session, now)
    ids = sorted({one for question in found for one in question.sitting_ids})
    if not ids:
        raise NotAllowedNow
    if len(ids) <= faults.AT_ONCE:
        return draw(session.id, ids, by=by, now=now)
    items = [
        {"session": session.id, "by": by.id, "sittings": ids[at : at + faults.CHUNK],
         "label": f"{at + 1}–{min(at + faults.CHUNK, len(ids))}"}
        for at in range(0, len(ids), faults.CHUNK)
    ]  # fmt: skip
    enqueue(JOB, items, by=by, title=_l("Papers drawn anew"))
    return 0, 0


def draw(session_id: int, sitting_ids: Sequence[int], *, by: Person, now: datetime) -> tuple[int, int]:
    """These papers, as far as nobody has begun them and they still hold such a question. Done twice it changes nothing."""
    found = found_in(db.session.get_one(ExamSession, session_id), now)
    drawn = kept = 0
    for sitting_id in sorted(sitting_ids):
        why = [one.code for one in found if sitting_id in one.sitting_ids]
        sitting = sittings.with_session(
            sitting_id
        )  # the candidate may begin in this second: one of the two comes first
        if not why or sitting.state is not SittingState.REGISTERED:
            continue
        reason = _("Question retired or corrected: %(codes)s", codes=", ".join(why))
        if faults.drawn_again(sitting, by=by, reason=reason, more={"session": session_id}):
            kept += 1
        else:
            drawn += 1
    return drawn, kept
