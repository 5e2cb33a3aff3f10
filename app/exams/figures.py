"""Statistics of an exam session: the exam as a whole, and each question by the revision that was on the papers.

Marks are those that count (markers' medians, regrades and reviews included); a question that was dropped is left out.
Every paper counts as 100, so that papers with different maxima compare. Definitions: ``question_bank.statistics``.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import func, select

from app.bank import service as bank
from app.db import db
from app.exams import marking
from app.exams.models import ExamSession, Mark, Regrade, Sitting, SittingAnswer
from app.exams.regrading import MARKED
from app.outline.rules import module_rank
from question_bank.flags import Flag, flags
from question_bank.items import Item, Kind, questions_of
from question_bank.option_analysis import OptionAnalysis, option_analysis
from question_bank.statistics import ItemAnalysis, ScoreAnalysis, analyse_table

HUNDRED = Decimal(100)
WITH_OPTIONS = (Kind.SINGLE, Kind.MULTIPLE, Kind.TRUEFALSE)
CHUNK = 100
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Options:
    """Choices of a question, or of a part of a case (``part``)."""

    part: str
    analysis: OptionAnalysis
    names: Mapping[str, str]
    """Option id → how the page names it: A, B, C in the author's order; a true-or-false answer by its id."""
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Question:
    """One revision. ``omitted``: candidates who left it open; ``weight`` and ``alpha_without`` only where all papers are the same."""

    revision_id: int
    code: str
    number: int
    item: Item
    figures: ItemAnalysis
    weight: float | None
    omitted: int
    options: tuple[Options, ...]
    flags: tuple[tuple[Flag, str], ...]
    """Findings, the gravest first, each with the name of the option concerned."""

    @property
    def serious(self) -> bool:
        return any(flag.serious for flag, _name in self.flags)

    @property
    def worth_a_look(self) -> bool:
        return any(flag.concern.value != "too_few" for flag, _name in self.flags)


@dataclass(frozen=True)
class Band:
    low: int
    high: int
    count: int


@dataclass(frozen=True)
class Report:
    """``test`` in points out of 100. ``same_papers``: only then alpha and what follows from it are defined."""

    test: ScoreAnalysis
    questions: tuple[Question, ...]
    passed: int
    lowest: Decimal | None
    highest: Decimal | None
    bands: tuple[Band, ...]
    modules: tuple[tuple[str, float], ...]
    """Module → mean share of its points."""
    same_papers: bool
    dropped: tuple[int, ...] = ()

    @property
    def pass_rate(self) -> float | None:
        return self.passed / self.test.count if self.test.count else None

    def question(self, revision_id: int) -> Question | None:
        return next((one for one in self.questions if one.revision_id == revision_id), None)


_kept: dict[int, tuple[Any, Report]] = {}


def marks_of(sessions: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    """Session → what changes whenever a mark, a result or a ruling comes: number, newest and sum of marks, last regrade, release."""
    marked = db.session.execute(
        select(Sitting.session_id, func.count(Sitting.id), func.max(Sitting.marked_at), func.sum(Sitting.score))
        .where(Sitting.session_id.in_(sessions), Sitting.state.in_(MARKED))
        .group_by(Sitting.session_id)
    )
    regraded = db.session.execute(
        select(Regrade.session_id, func.max(Regrade.decided_at))
        .where(Regrade.session_id.in_(sessions))
        .group_by(Regrade.session_id)
    )
    released = db.session.execute(select(ExamSession.id, ExamSession.released_at).where(ExamSession.id.in_(sessions)))
    found = {row[0]: tuple(row[1:]) for row in marked}
    last, out = {row[0]: row[1] for row in regraded}, {row[0]: row[1] for row in released}
    return {one: (*found.get(one, (0, None, None)), last.get(one), out.get(one)) for one in sessions}


def short(mark: Sequence[Any]) -> str:
    """What :func:`marks_of` gives for a session, to be kept and compared."""
    return "|".join(map(str, mark))[:200]


def report_of(session: ExamSession) -> Report:
    """The report, made anew when a mark, a result or a ruling has come since this process last made it."""
    mark = (str(db.engine.url), *marks_of([session.id])[session.id])
    if _kept.get(session.id, (None,))[0] != mark:
        while len(_kept) >= 8:
            _kept.pop(next(iter(_kept)))
        _kept[session.id] = (mark, made(session))
    return _kept[session.id][1]


class _Cell(NamedTuple):
    """What a candidate got on a question, out of 100: the same for all who answered alike."""

    points: Decimal
    most: Decimal
    answer: Any
    """Kept where choices are counted; elsewhere True, or None where nothing was answered."""
    shares: Mapping[str, Decimal | None]


@dataclass
class _Papers:
    """What was read: one place for each sitting, in order. Thirty thousand candidates with eighty questions must fit into a
    worker, so each of these is a number of a cell in the column of its question."""

    columns: dict[int, tuple[array[int], array[int]]] = field(default_factory=dict)
    """Revision → places of those who had it, and the cell of each."""
    cells: list[_Cell] = field(default_factory=list)
    numbers: dict[tuple[Any, ...], int] = field(default_factory=dict)
    scores: list[Decimal] = field(default_factory=list)
    passed: int = 0
    items: dict[int, Item] = field(default_factory=dict)

    def add(self, revision: int, cell: _Cell) -> None:
        """To the column of a question, for the candidate whose turn it is."""
        answer = cell.answer if isinstance(cell.answer, str | bool | None) else json.dumps(cell.answer, sort_keys=True)
        key = (cell.points, cell.most, type(answer), answer, *cell.shares.items())
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.cells)
            self.cells.append(cell)
        who, which = self.columns.setdefault(revision, (array("I"), array("I")))
        who.append(len(self.scores))
        which.append(number)


def made(session: ExamSession, tell: Callable[[int, int], Any] = lambda done, total: None) -> Report:
    """The report as of now. ``tell``: is told how many sittings of how many are read."""
    rulings = marking.rulings_in(session.id)
    found = _read(session, rulings, tell)
    stems = bank.stems_of(found.columns)
    whole = analyse_table(
        {revision: found.columns[revision] for revision in sorted(found.columns)},
        [(cell.points, cell.most) for cell in found.cells], len(found.scores),
    )  # fmt: skip
    questions = tuple(
        _question(found, revision, stems[revision], whole.items[revision], whole.weights[revision], rulings)
        for revision in sorted(found.columns, key=lambda r: stems[r][:2])
    )
    return Report(
        test=whole.test,
        questions=questions,
        passed=found.passed,
        lowest=min(found.scores, default=None),
        highest=max(found.scores, default=None),
        bands=bands_of(found.scores),
        modules=_modules(found),
        same_papers=all(len(who) == len(found.scores) for who, _which in found.columns.values()),
        dropped=tuple(
            {one.revision: 0 for one in rulings.all if one.revision is not None and rulings.dropped(one.revision)}
        ),
    )


def _read(session: ExamSession, rulings: Any, tell: Callable[[int, int], Any]) -> _Papers:
    found = _Papers()
    ids = list(
        db.session.scalars(
            select(Sitting.id).where(Sitting.session_id == session.id, Sitting.state.in_(MARKED)).order_by(Sitting.id)
        )
    )
    for at in range(0, len(ids), CHUNK):
        _read_some(found, ids[at : at + CHUNK], rulings)
        tell(min(at + CHUNK, len(ids)), len(ids))
    return found


def _read_some(found: _Papers, ids: Sequence[int], rulings: Any) -> None:
    rows = db.session.execute(
        select(Sitting.id, Sitting.entries, Sitting.score, Sitting.maximum, Sitting.passed)
        .where(Sitting.id.in_(ids))
        .order_by(Sitting.id)
    ).all()
    marks: dict[int, list[Any]] = defaultdict(list)
    for one in db.session.execute(
        select(Mark.sitting_id, Mark.shares).where(Mark.sitting_id.in_(ids)).order_by(Mark.id)
    ):
        marks[one.sitting_id].append(one)
    answers: dict[tuple[int, int], Any] = {
        (row.sitting_id, row.question): row.answer
        for row in db.session.execute(
            select(SittingAnswer.sitting_id, SittingAnswer.question, SittingAnswer.answer).where(
                SittingAnswer.sitting_id.in_(ids)
            )
        )
    }
    pins = {(entry["revision"], entry["digest"]) for row in rows for entry in row.entries}
    items = bank.items_pinned(pins)
    for row in rows:
        shares = marking.folded(marks[row.id])
        scale = HUNDRED / row.maximum if row.maximum else Decimal(0)
        for place, entry in enumerate(row.entries, 1):
            revision = entry["revision"]
            if rulings.dropped(revision) or not scale:
                continue
            item = found.items.setdefault(revision, items[revision])
            worth = Decimal(entry["points"]) * scale
            parts, without = shares.get(place, {}), rulings.dropped_parts(revision)
            earned, most = _share(item, parts, without) * worth, _share(item, None, without) * worth
            answer = answers.get((row.id, place))
            if item.kind not in WITH_OPTIONS and item.kind is not Kind.CASE:
                answer = None if answer is None else True
            found.add(revision, _Cell(earned, most, _counted(item, answer), parts))
        found.scores.append(marking.percent(row.score, row.maximum))
        found.passed += bool(row.passed)


def _counted(item: Item, answer: Any) -> Any:
    """An answer as far as choices are counted: texts in the parts of a case are not looked at."""
    if item.kind is not Kind.CASE or not isinstance(answer, dict):
        return answer
    parts = questions_of(item)
    return {part: one if parts[part].kind in WITH_OPTIONS else True for part, one in answer.items() if part in parts}


def _share(item: Item, shares: Mapping[str, Decimal | None] | None, without: frozenset[str]) -> Decimal:
    """What part of a question's points was earned (``shares`` None: can be); parts that were dropped give nothing."""
    parts = {key: question.points for key, question in questions_of(item).items()}
    counted = [key for key in parts if key not in without]
    earned = sum((parts[key] * (1 if shares is None else shares.get(key) or 0) for key in counted), Decimal(0))
    return earned / sum(parts.values())


def bands_of(scores: Sequence[Decimal]) -> tuple[Band, ...]:
    """Ten bands of ten points; the last takes in 100. Pure."""
    counts = [0] * 10
    for score in scores:
        counts[min(int(score // 10), 9)] += 1
    return tuple(Band(n * 10, n * 10 + 10, count) for n, count in enumerate(counts))


def _modules(found: _Papers) -> tuple[tuple[str, float], ...]:
    totals: dict[str, list[Decimal]] = {}
    for revision, (_who, which) in found.columns.items():
        total = totals.setdefault(found.items[revision].module or "", [Decimal(0), Decimal(0)])
        for number, count in Counter(which).items():
            total[0] += found.cells[number].points * count
            total[1] += found.cells[number].most * count
    ordered = sorted(totals.items(), key=lambda one: module_rank(one[0]))
    return tuple((module, float(points / most)) for module, (points, most) in ordered if most)


def _question(
    found: _Papers, revision: int, stem: tuple[str, int, str], figures: ItemAnalysis, weight: float | None, rulings: Any
) -> Question:
    item = rulings.item(revision, found.items[revision])
    who, which = found.columns[revision]
    cells = [found.cells[number] for number in which]
    answers, scores = [cell.answer for cell in cells], [found.scores[place] for place in who]
    options = tuple(
        _options(item, part, question, answers, scores, [cell.most * (cell.shares.get(part) or 0) for cell in cells])
        for part, question in questions_of(item).items() if question.kind in WITH_OPTIONS
    )  # fmt: skip
    only = options[0] if len(options) == 1 and item.kind is not Kind.CASE else None
    findings = [(flag, only.names.get(flag.choice, flag.choice) if only else "")
                for flag in flags(figures, only.analysis if only else None)]  # fmt: skip
    return Question(
        revision_id=revision, code=stem[0], number=stem[1], item=item, figures=figures, weight=weight,
        omitted=sum(1 for answer in answers if answer is None), options=options, flags=tuple(findings),
    )  # fmt: skip


def _options(
    item: Item, part: str, question: Any, answers: Sequence[Any], scores: Sequence[Decimal], marks: Sequence[Decimal]
) -> Options:
    given = answers
    if item.kind is Kind.CASE:
        given = [answer.get(part) if isinstance(answer, dict) else None for answer in answers]
        weight = question.points / sum((one.points for one in item.parts), Decimal(0))
        marks = [mark * weight for mark in marks]
    analysis = option_analysis(question, given, scores, marks)
    if question.kind is Kind.TRUEFALSE:
        return Options(part, analysis, {}, {})
    names = {option.id: LETTERS[n] for n, option in enumerate(question.options)}
    return Options(part, analysis, names, {option.id: option.text for option in question.options})
