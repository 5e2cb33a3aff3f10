"""Papers: is there enough in the bank, and one paper per candidate, made before the start."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.bank import asks
from app.bank import service as bank
from app.bank.drawing import live_pool
from app.bank.faces import DIFFICULTY_NAMES, KIND_NAMES
from app.core.errors import Refused
from app.db import db
from app.exams.exposure import count_paper, exposure_of, since_days
from app.exams.models import ExamSession, Sitting
from app.exams.rules import blueprint_of
from app.exams.states import SittingState
from app.outline import service as outline
from app.outline.models import RuleVersion
from app.outline.rules import MODULES
from question_bank.assembly import BadBlueprint, Blueprint, Cell, Infeasible, Paper, Pool, assemble, assemble_all
from question_bank.items import Item


class BankTooSmall(Refused):
    message = _l(
        "The question bank cannot fill the blueprint. Missing: %(what)s. Add questions there or change the blueprint."
    )


ALLOW, PREFER, REQUIRE = "allow", "prefer", "require"
BAD_WORDS = {
    "fixed_unknown": _l("the fixed question %(about)s is not live in the bank for this level"),
    "fixed_enemies": _l("the fixed question %(about)s excludes another fixed one"),
    "fixed_fits_no_cell": _l("the fixed question %(about)s fits no free place; give it points of its own or a place"),
}


@dataclass(frozen=True)
class Drawing:
    """How papers are drawn: what of questions had before (``unseen``) and of those in quizzes of lessons (``quizzed``), on how
    many papers a question may stand, in how many days."""

    unseen: str = PREFER
    quizzed: str = PREFER
    limit: int | None = None
    days: int | None = None


@dataclass(frozen=True)
class Entry:
    """One place on a paper: the question, what it is worth there, and the order in which its lists are shown."""

    place: int
    item: Item
    digest: str
    points: Decimal
    order: dict[str, list[str]]
    revision: int = 0


def cell_words(cell: Cell) -> str:
    """A cell of the blueprint in words: 单选题 · 政策法规 · 难."""
    words = [str(KIND_NAMES[cell.kind])]
    if cell.module:
        words.append(str(MODULES.get(cell.module, cell.module)))
    if cell.difficulty:
        words.append(str(DIFFICULTY_NAMES[cell.difficulty]))
    return " · ".join(words)


def short_words(error: Infeasible | BadBlueprint) -> str:
    """What is short, cell by cell; or the fewest cells that are short together, where these are others."""
    if isinstance(error, BadBlueprint):
        told = BAD_WORDS.get(error.reason)
        return str(told) % {"about": error.about} if told else str(error)
    words = "; ".join(f"{cell_words(cell)} × {count}" for cell, count in error.short.items())
    tight = error.bottleneck
    if error.because_of_enemies:
        words += " " + (_("(no paper without enemy questions was found)") if error.gave_up
                        else _("(there are enough, but they exclude one another)"))  # fmt: skip
    elif tight is not None and len(tight.cells) > 1:
        words += " " + _(
            "(together %(cells)s ask for %(needed)s questions and find %(available)s)",
            cells=" + ".join(cell_words(cell) for cell in tight.cells),
            needed=tight.needed,
            available=tight.available,
        )
    return words


def blueprint_for(version: RuleVersion) -> Blueprint:
    return blueprint_of(outline.typed(version), int(version.key))


def rules_of(version: RuleVersion) -> Drawing:
    """How a blueprint's version draws, besides its cells."""
    body = outline.typed(version)
    return Drawing(
        body.get("unseen") or PREFER,
        body.get("quizzed") or PREFER,
        body.get("exposure_limit"),
        body.get("exposure_days"),
    )


def quizzed_by(drawing: Drawing) -> frozenset[str]:
    """The questions that a draw leaves out, or tries to, because trainees meet them in quizzes of lessons."""
    return frozenset() if drawing.quizzed == ALLOW else asks.quizzed()


def kept_away(drawing: Drawing, seen: frozenset[str], quizzed: frozenset[str]) -> list[frozenset[str]]:
    """What a draw keeps away, the most first: where that leaves too few it is tried with less, down to what must never be
    drawn. A question known from a quiz is let in before one that the candidate had in an exam."""
    never = (seen if drawing.unseen == REQUIRE else frozenset()) | (
        quizzed if drawing.quizzed == REQUIRE else frozenset()
    )
    return list(dict.fromkeys([seen | quizzed, seen | never, quizzed | never, never]))


def drawn(
    pool: Pool, blueprint: Blueprint, seed: str, drawing: Drawing, *, exposure: Mapping[str, int], seen: frozenset[str]
) -> Paper:
    """One paper by the rules of a blueprint. Raises Infeasible (of the last try), BadBlueprint."""
    tries = kept_away(drawing, seen, quizzed_by(drawing))
    for away in tries[:-1]:
        try:
            return assemble(pool, blueprint, seed, exposure=exposure, most_exposure=drawing.limit, seen=away)
        except Infeasible:
            continue
    return assemble(pool, blueprint, seed, exposure=exposure, most_exposure=drawing.limit, seen=tries[-1])


def quizzed_needed(level: int, version: RuleVersion) -> str:
    """What is short without the questions of quizzes, where they may be drawn then; empty where enough are left."""
    drawing = rules_of(version)
    quizzed = quizzed_by(drawing)
    if drawing.quizzed != PREFER or not quizzed:
        return ""
    pool, blueprint = live_pool(level).pool, blueprint_for(version)
    try:
        assemble(pool, blueprint, "trial", seen=quizzed)
    except Infeasible as error:
        return short_words(error)
    except BadBlueprint:
        return ""
    return ""


def shortage_for(session: ExamSession, version: RuleVersion, candidates: Sequence[int]) -> str:
    """Why the bank cannot give each of these candidates a paper, in words; empty when it can. Solved by drawing all of their
    papers where the exposure limit or what somebody has seen may stand in the way, else by drawing one."""
    blueprint, drawing = blueprint_for(version), rules_of(version)
    pool = live_pool(session.level).pool
    if drawing.limit is None and drawing.unseen != REQUIRE:
        candidates = ()
    used = exposure_of(session.level, since=since_days(session, drawing.days)) if drawing.limit is not None else {}
    never = quizzed_by(drawing) if drawing.quizzed == REQUIRE else frozenset()
    asked: Sequence[str | int] = candidates or ["trial"]
    seen: dict[str | int, frozenset[str]] = dict.fromkeys(asked, never)
    if drawing.unseen == REQUIRE:
        seen |= {one: never | frozenset(_seen(one, session.level)) for one in candidates}
    made = 0
    try:
        for _paper in assemble_all(pool, blueprint, asked, exposure=used, most_exposure=drawing.limit,
                                   seen_by=seen):  # fmt: skip
            made += 1
    except (Infeasible, BadBlueprint) as error:
        words = short_words(error)
        return words if not made else _("enough for %(made)s of %(all)s candidates; then %(what)s", made=made,
                                        all=len(candidates), what=words)  # fmt: skip
    return ""


def make_paper(sitting: Sitting, session: ExamSession) -> None:
    """Draw the paper of a sitting that has none. Questions the candidate had before are kept away while the bank allows, or
    altogether where the blueprint says so; the least used come first, and none beyond the exposure limit."""
    if sitting.entries or sitting.state is not SittingState.REGISTERED:
        return
    version = db.session.get_one(RuleVersion, session.blueprint_version_id)
    blueprint, drawing = blueprint_for(version), rules_of(version)
    live = live_pool(session.level)
    seed = secrets.token_hex(12)
    used = exposure_of(session.level, since=since_days(session, drawing.days))
    seen = frozenset(_seen(sitting.candidate_id, session.level)) if drawing.unseen != ALLOW else frozenset()
    try:
        paper = drawn(live.pool, blueprint, seed, drawing, exposure=used, seen=seen)
    except (Infeasible, BadBlueprint) as error:
        raise BankTooSmall(what=short_words(error)) from None
    sitting.seed, sitting.blueprint_version_id = seed, version.id
    sitting.entries = as_entries(paper, live.pins)
    count_paper(session.id, [entry["revision"] for entry in sitting.entries])


def as_entries(paper: Paper, pins: Mapping[str, bank.Live]) -> list[dict[str, Any]]:
    """A drawn paper as it is kept: each place with the revision and digest of its question."""
    return [
        {
            "revision": pins[entry.item_id].revision_id,
            "digest": pins[entry.item_id].digest,
            "points": str(entry.points),
            "order": {slot: list(ids) for slot, ids in entry.order.items()},
        }
        for entry in paper.entries
    ]


def _seen(candidate_id: int, level: int) -> Iterable[str]:
    rows = db.session.scalars(
        select(Sitting.entries)
        .join(ExamSession)
        .where(Sitting.candidate_id == candidate_id, ExamSession.level == level, Sitting.started_at.is_not(None))
    )
    pins = {(entry["revision"], entry["digest"]) for entries in rows for entry in entries}
    return {item.id for item in bank.items_pinned(pins).values()}


def items_on(entries: list[dict[str, Any]], places: Iterable[int] | None = None) -> dict[int, Item]:
    """Place → question, for the entries of a sitting, or for some of its places (unknown ones are left out)."""
    return items_at([(entry["revision"], entry["digest"]) for entry in entries], places)


def items_at(pins: Sequence[tuple[Any, ...]], places: Iterable[int] | None = None) -> dict[int, Item]:
    """The same for the pins of a paper, each beginning with revision and digest."""
    asked = range(1, len(pins) + 1) if places is None else {one for one in places if 1 <= one <= len(pins)}
    found = bank.items_pinned(pins[place - 1][:2] for place in asked)
    return {place: found[pins[place - 1][0]] for place in asked}


def paper_of(sitting: Sitting) -> list[Entry]:
    return entries_read(sitting.entries)


def entries_read(entries: list[dict[str, Any]]) -> list[Entry]:
    """What is kept of a paper, with its questions."""
    items = items_on(entries)
    return [
        Entry(place, items[place], entry["digest"], Decimal(entry["points"]), entry["order"], entry["revision"])
        for place, entry in enumerate(entries, 1)
    ]
