"""The verbs of the question bank: write, revise, review, retire; and what papers may draw."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select, true
from sqlalchemy.orm import joinedload

import question_bank
from app.accounts.models import Person
from app.audit.service import record
from app.bank import letters
from app.bank.deeds import Did
from app.bank.faces import digest_of, item_of, kept_item
from app.bank.models import (
    Outcome,
    Question,
    QuestionReview,
    QuestionRevision,
    QuestionState,
    ShippedFile,
)
from app.bank.states import MOVES, Move
from app.core import clock
from app.core.errors import Invalid, NotFound, Refused
from app.core.permissions import Can
from app.core.start import shipped
from app.core.states import moved
from app.db import db, unit_of_work
from app.notices.service import post
from question_bank.defaults import withdrawn
from question_bank.formats import read
from question_bank.items import Item, normalised_text

SHIPPED = Path(question_bank.__file__).parent / "shipped"
WITHDRAWN = "withdrawn.txt"


class OwnQuestion(Refused):
    message = _l("Nobody reviews their own question. Please leave it to another reviewer.")


class NothingChanged(Invalid):
    message = _l("Nothing was changed, so no new revision was made.")


class Incomplete(Refused):
    message = _l(
        "Before review a question needs a level, a module, a difficulty, an explanation and a source. Missing: %(what)s."
    )


# --- reading -----------------------------------------------------------------------------------------------------------


def visible(person: Person) -> ColumnElement[bool]:
    """The bank is one for the whole site; who may read it reads all of it."""
    return true() if person.can(Can.READ_BANK) else false()


def questions_visible_to(person: Person) -> Select[Question]:
    return select(Question).where(visible(person)).order_by(Question.code)


def question_for(person: Person, question_id: int) -> Question:
    """The question with its newest revision. Raises NotFound, also when the bank is not open to the person."""
    found = db.session.scalar(
        questions_visible_to(person).where(Question.id == question_id).options(joinedload(Question.latest))
    )
    if found is None:
        raise NotFound
    return found


def revision(revision_id: int) -> QuestionRevision:
    """A pinned revision; ``.item`` is the question as ``question_bank.Item``. Raises NotFound."""
    found = db.session.get(QuestionRevision, revision_id)
    if found is None:
        raise NotFound
    return found


def revision_for(person: Person, question_id: int, number: int) -> QuestionRevision:
    question = question_for(person, question_id)
    found = db.session.scalar(
        select(QuestionRevision).where(QuestionRevision.question_id == question.id, QuestionRevision.number == number)
    )
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True)
class Live:
    """A question in use, by the revision that papers draw."""

    revision_id: int
    digest: str
    item: Item


def items_live(level: int | None = None) -> list[Live]:
    """Every question papers of a level may draw (of all levels without one), in the order of their codes."""
    asked = (
        select(QuestionRevision.id, QuestionRevision.digest, QuestionRevision.body)
        .join(
            Question, and_(Question.id == QuestionRevision.question_id, Question.live_number == QuestionRevision.number)
        )
        .where(Question.state != QuestionState.RETIRED)
        .order_by(Question.code)
    )
    if level is not None:
        asked = asked.where(Question.level == level)
    return [Live(row.id, row.digest, item_of(row.digest, row.body)) for row in db.session.execute(asked)]


def items_pinned(pins: Iterable[tuple[int, str]]) -> dict[int, Item]:
    """Revision id → question, for pins of (revision id, digest). What this process has read before costs no query."""
    found: dict[int, Item] = {}
    lacking: list[int] = []
    for revision_id, digest in pins:
        item = kept_item(digest)
        if item is None:
            lacking.append(revision_id)
        else:
            found[revision_id] = item
    if lacking:
        rows = db.session.execute(
            select(QuestionRevision.id, QuestionRevision.digest, QuestionRevision.body).where(
                QuestionRevision.id.in_(lacking)
            )
        )
        found |= {row.id: item_of(row.digest, row.body) for row in rows}
    return found


def stems_of(revision_ids: Iterable[int]) -> dict[int, tuple[str, int, str]]:
    """Revision id → code of the question, number of the revision, its stem."""
    rows = db.session.execute(
        select(QuestionRevision.id, Question.code, QuestionRevision.number, QuestionRevision.body)
        .join(QuestionRevision.question)
        .where(QuestionRevision.id.in_(list(revision_ids)))
    )
    return {row.id: (row.code, row.number, str(row.body.get("text", ""))) for row in rows}


def approved_after(revision_id: int) -> list[QuestionRevision]:
    """Later revisions of the same question that a reviewer approved (or that papers draw), the newest first."""
    approved = exists().where(
        QuestionReview.revision_id == QuestionRevision.id, QuestionReview.outcome == Outcome.APPROVED
    )
    pinned = revision(revision_id)
    return list(
        db.session.scalars(
            select(QuestionRevision)
            .join(QuestionRevision.question)
            .where(
                QuestionRevision.question_id == pinned.question_id,
                QuestionRevision.number > pinned.number,
                or_(approved, Question.live_number == QuestionRevision.number),
            )
            .order_by(QuestionRevision.number.desc())
        )
    )


def waiting_for_review(person: Person) -> int:
    """How many questions wait for this reviewer: in review, written by somebody else."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(Question)
            .join(
                QuestionRevision,
                and_(QuestionRevision.question_id == Question.id, QuestionRevision.number == Question.latest_number),
            )
            .where(
                visible(person),
                Question.state == QuestionState.IN_REVIEW,
                func.coalesce(Question.author_id, 0) != person.id,
                func.coalesce(QuestionRevision.made_by_id, 0) != person.id,
            )
        )
        or 0
    )


def text_hash_of(item: Item) -> str:
    return hashlib.sha256(normalised_text(item).encode()).hexdigest()[:40]


def duplicates_of(items: Iterable[Item]) -> dict[str, str]:
    """Code → code of another question whose newest revision has the same normalised text."""
    hashes = {item.id: text_hash_of(item) for item in items}
    there: dict[str, list[str]] = {}
    wanted = sorted(set(hashes.values()))
    for start in range(0, len(wanted), 500):
        rows = db.session.execute(
            select(QuestionRevision.text_hash, Question.code)
            .join(
                Question,
                and_(Question.id == QuestionRevision.question_id, Question.latest_number == QuestionRevision.number),
            )
            .where(QuestionRevision.text_hash.in_(wanted[start : start + 500]))
            .order_by(Question.id)
        )
        for row in rows:
            there.setdefault(row.text_hash, []).append(row.code)
    found = {code: [other for other in there.get(own, ()) if other != code] for code, own in hashes.items()}
    return {code: others[0] for code, others in found.items() if others}


def by_code(code: str) -> Question | None:
    return db.session.scalar(select(Question).where(Question.code == code))


# --- writing -----------------------------------------------------------------------------------------------------------


def create(item: Item, *, by: Person | None, now: datetime, note: str = "", live: bool = False) -> Question:
    """A new question with its first revision, as a draft (shipped questions are live at once)."""
    question = _new(item, by=by, now=now, note=note, live=live)
    db.session.add(question)
    if by is not None:
        record(Did.CREATE, question, by=by, more={"code": item.id})
    return question


def _new(item: Item, *, by: Person | None, now: datetime, note: str, live: bool = False) -> Question:
    question = Question(
        code=item.id,
        latest_number=1,
        live_number=1 if live else None,
        state=QuestionState.LIVE if live else QuestionState.DRAFT,
        author_id=by.id if by else None,
        created_at=now,
        **_copied(item),
    )
    question.revisions.append(_revision(item, 1, by=by, now=now, note=note))
    return question


def create_all(items: Sequence[Item], *, by: Person, now: datetime, note: str = "") -> list[Question]:
    """New questions as drafts, like :func:`create`, written together."""
    made = [_new(item, by=by, now=now, note=note) for item in items]
    db.session.add_all(made)
    db.session.flush()  # the log names them by their ids
    for question in made:
        record(Did.CREATE, question, by=by, more={"code": question.code})
    return made


def revise(question: Question, item: Item, *, by: Person | None, now: datetime, note: str = "") -> QuestionRevision:
    """A new revision. What is live stays in use until the new one is approved. Raises NothingChanged."""
    item = replace(item, id=question.code)
    latest = db.session.scalar(
        select(QuestionRevision).where(
            QuestionRevision.question_id == question.id, QuestionRevision.number == question.latest_number
        )
    )
    if latest is not None and latest.digest == digest_of(item.to_dict()):
        raise NothingChanged("text")
    before = question.state
    question.state = moved(MOVES, question.state, Move.EDIT)
    made = _revision(item, question.latest_number + 1, by=by, now=now, note=note)
    made.question = question
    db.session.add(made)
    question.latest_number += 1
    for name, value in _copied(item).items():
        setattr(question, name, value)
    if by is not None:
        record(Did.REVISE, question, by=by, reason=note, changed={"state": (before, question.state)},
               more={"code": question.code, "revision": made.number})  # fmt: skip
    return made


def take_back_revision(question: Question, state: QuestionState) -> None:
    """Undo the newest revision, which nobody has seen in use: the question is again what it was before, in ``state``."""
    newest = _latest(question)
    question.latest_number -= 1
    for name, value in _copied(_latest(question).item).items():
        setattr(question, name, value)
    question.state = state
    db.session.delete(newest)


def _copied(item: Item) -> dict[str, Any]:
    return {
        "level": item.level,
        "module": item.module or "",
        "kind": item.kind,
        "difficulty": item.difficulty,
        "point": item.point,
        "text": item.text,
    }


def _revision(item: Item, number: int, *, by: Person | None, now: datetime, note: str) -> QuestionRevision:
    body = item.to_dict()
    return QuestionRevision(
        number=number,
        body=body,
        digest=digest_of(body),
        text_hash=text_hash_of(item),
        note=note,
        made_by_id=by.id if by else None,
        made_at=now,
    )


def submit(question: Question, *, by: Person, now: datetime) -> None:
    """Hand a draft to the reviewers. Raises Incomplete naming what is missing."""
    item = _latest(question).item
    lacking = {
        _l("level"): item.level,
        _l("module"): item.module,
        _l("difficulty"): item.difficulty,
        _l("explanation"): item.explanation.strip() or any(part.explanation.strip() for part in item.parts),
        _l("source"): item.source.strip(),
    }
    missing = [str(name) for name, value in lacking.items() if not value]
    if missing:
        raise Incomplete(what=", ".join(missing))
    _move(question, Move.SUBMIT, Did.SUBMIT, by=by)


def approve(question: Question, *, by: Person, now: datetime, remark: str = "") -> None:
    """The newest revision goes live. Nobody approves what they wrote."""
    _review(question, Outcome.APPROVED, by=by, now=now, remark=remark)
    _move(question, Move.APPROVE, Did.APPROVE, by=by, reason=remark)
    question.live_number = question.latest_number
    if question.author is not None:
        post(letters.APPROVED, to=question.author, link=f"/bank/questions/{question.id}", code=question.code, now=now)


def send_back(question: Question, *, by: Person, now: datetime, remark: str) -> None:
    """Back to the author with a remark."""
    if not remark.strip():
        raise Invalid("remark")
    _review(question, Outcome.RETURNED, by=by, now=now, remark=remark)
    _move(question, Move.RETURN, Did.RETURN, by=by, reason=remark)
    if question.author is not None:
        post(letters.RETURNED, to=question.author, link=f"/bank/questions/{question.id}", code=question.code,
             remark=remark, now=now)  # fmt: skip


def _review(question: Question, outcome: Outcome, *, by: Person, now: datetime, remark: str) -> None:
    latest = _latest(question)
    if by.id in (question.author_id, latest.made_by_id):
        raise OwnQuestion
    moved(MOVES, question.state, Move.APPROVE if outcome is Outcome.APPROVED else Move.RETURN)
    db.session.add(
        QuestionReview(revision_id=latest.id, reviewer_id=by.id, outcome=outcome, remark=remark.strip(), at=now)
    )


def retire(question: Question, *, by: Person, now: datetime, reason: str) -> None:
    """No paper draws it any more; papers already made keep it."""
    _move(question, Move.RETIRE, Did.RETIRE, by=by, reason=reason)


def revive(question: Question, *, by: Person, now: datetime) -> None:
    """A retired question becomes a draft again; it is reviewed anew before papers draw it."""
    _move(question, Move.REVIVE, Did.REVIVE, by=by)
    question.live_number = None


def _move(question: Question, move: Move, deed: Did, *, by: Person, reason: str = "") -> None:
    before = question.state
    question.state = moved(MOVES, question.state, move)
    record(deed, question, by=by, reason=reason, changed={"state": (before, question.state)},
           more={"code": question.code})  # fmt: skip


def _latest(question: Question) -> QuestionRevision:
    return db.session.scalars(
        select(QuestionRevision).where(
            QuestionRevision.question_id == question.id, QuestionRevision.number == question.latest_number
        )
    ).one()


# --- taking questions in --------------------------------------------------------------------------------------------------


@dataclass
class Intake:
    """What taking questions in would do or did: codes by what becomes of them."""

    new: list[str]
    revised: list[str]
    unchanged: list[str]
    duplicates: dict[str, str]
    """Code → code of the question it repeats; left out unless asked for."""

    def counts(self) -> dict[str, int]:
        return {"new": len(self.new), "revised": len(self.revised), "unchanged": len(self.unchanged),
                "duplicates": len(self.duplicates)}  # fmt: skip


def look_through(items: Iterable[Item]) -> Intake:
    """What :func:`take_in` would do with these questions. Changes nothing."""
    items = list(items)
    there = _digests([item.id for item in items])
    repeated = duplicates_of(items)
    found = Intake([], [], [], {})
    own: dict[str, str] = {}
    for item in items:
        known = there.get(item.id)
        twin = repeated.get(item.id) or own.get(text_hash_of(item))
        own.setdefault(text_hash_of(item), item.id)
        if known is not None:
            (found.unchanged if known == digest_of(item.to_dict()) else found.revised).append(item.id)
        elif twin is not None:
            found.duplicates[item.id] = twin
        else:
            found.new.append(item.id)
    return found


def _digests(codes: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(codes), 500):
        rows = db.session.execute(
            select(Question.code, QuestionRevision.digest)
            .join(
                QuestionRevision,
                and_(QuestionRevision.question_id == Question.id, QuestionRevision.number == Question.latest_number),
            )
            .where(Question.code.in_(codes[start : start + 500]))
        )
        found |= {row.code: row.digest for row in rows}
    return found


def take_in(items: Iterable[Item], *, by: Person, now: datetime, note: str = "", duplicates: bool = False) -> Intake:
    """Save questions as drafts: new ones, and new revisions of known ones; all of it in the caller's unit of work."""
    items = list(items)
    plan = look_through(items)
    known = {q.code: q for q in db.session.scalars(select(Question).where(Question.code.in_(plan.revised)))}
    last = None
    for item in items:
        if item.id in known:
            question = known[item.id]
            if question.state in (QuestionState.IN_REVIEW, QuestionState.RETIRED):
                plan.revised.remove(item.id)
                plan.unchanged.append(item.id)
                continue
            revise(question, item, by=by, now=now, note=note)
        elif item.id in plan.new or (duplicates and item.id in plan.duplicates):
            last = create(item, by=by, now=now, note=note)
    if last is not None or known:
        record(Did.IMPORT, last or next(iter(known.values())), by=by, more=plan.counts())
    return plan


# --- shipped questions -------------------------------------------------------------------------------------------------------


def load_questions(folder: Path = SHIPPED, *, now: datetime) -> int:
    """Take in the shipped files that are new or changed since the last start, as live revisions, and retire what is shipped no
    more (``withdrawn.txt``); how many questions.

    A question that somebody here has revised is left as it is. Call inside a unit of work. Safe to repeat.
    """
    seen = {row.name: row for row in db.session.scalars(select(ShippedFile))}
    changed = 0
    for file in _shipped_files(folder):
        data = file.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        row = seen.get(file.name)
        if row is not None and row.sha256 == digest:
            continue
        changed += _withdraw(data) if file.name == WITHDRAWN else _load_file(_items_of(file.name, data), now)
        if row is None:
            db.session.add(ShippedFile(name=file.name, sha256=digest, loaded_at=now))
        else:
            row.sha256, row.loaded_at = digest, now
    return changed


def _shipped_files(folder: Path) -> list[Path]:
    return [*sorted(folder.glob("*.yaml")), *folder.glob(WITHDRAWN)]


def _items_of(name: str, data: bytes) -> list[Item]:
    reading = read(data, "yaml")
    if reading.refusals:
        raise ValueError(f"{name}: {reading.refusals[0].text('en')}")
    return reading.items


def _withdraw(data: bytes) -> int:
    """Retire what is shipped no more and nobody here has revised."""
    codes = withdrawn(data.decode("utf-8"))
    live = db.session.scalars(
        select(Question).where(
            Question.code.in_(codes), Question.state == QuestionState.LIVE, Question.author_id.is_(None)
        )
    )
    gone = [question for question in live if _latest(question).made_by_id is None]
    for question in gone:
        question.state = moved(MOVES, question.state, Move.RETIRE)
    return len(gone)


def _load_file(items: list[Item], now: datetime) -> int:
    there = _digests([item.id for item in items])
    changed = 0
    for item in items:
        known = there.get(item.id)
        if known is None:
            create(item, by=None, now=now, live=True)
        elif known != digest_of(item.to_dict()):
            question = db.session.scalars(select(Question).where(Question.code == item.id)).one()
            if question.state is not QuestionState.LIVE or _latest(question).made_by_id is not None:
                continue
            revise(question, item, by=None, now=now)
            question.state, question.live_number = QuestionState.LIVE, question.latest_number
        else:
            continue
        changed += 1
    return changed


@shipped
def _load() -> None:
    names = {row.name: row.sha256 for row in db.session.scalars(select(ShippedFile))}
    files = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in _shipped_files(SHIPPED)}
    if any(names.get(name) != digest for name, digest in files.items()):
        with unit_of_work():
            load_questions(now=clock.now())
