"""A blueprint tried out before use: what each cell finds in the bank, and what papers drawn from it look like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from app.bank.drawing import live_pool
from app.exams.papers import blueprint_for, drawn, rules_of
from app.outline.models import RuleVersion
from question_bank.assembly import (
    BadBlueprint,
    Blueprint,
    Infeasible,
    Paper,
    PaperAnalysis,
    Supply,
    analyse_paper,
    supply,
)

TRIALS = 20
"""Papers drawn on trial: enough to show how much they differ, done in a blink."""


@dataclass(frozen=True)
class Spread:
    """Least, mean and greatest of a figure over the trial papers."""

    low: Decimal
    mean: Decimal
    high: Decimal


@dataclass(frozen=True)
class Trial:
    """What a blueprint asks for, what the bank has for it, and how trial papers come out. ``papers`` is empty where none can
    be made; ``problem`` says why."""

    blueprint: Blueprint
    supplies: Sequence[Supply]
    problem: Infeasible | BadBlueprint | None
    papers: Sequence[Paper]
    analyses: Sequence[PaperAnalysis]
    points_in_bank: int

    @property
    def one(self) -> PaperAnalysis | None:
        """The first trial paper."""
        return self.analyses[0] if self.analyses else None

    @property
    def expected(self) -> Spread | None:
        """Expected share of the points (0–1)."""
        shares = [a.expected_share for a in self.analyses if a.expected_share is not None]
        return _spread(shares) if shares else None

    @property
    def coverage(self) -> Spread | None:
        """Share of the level's knowledge points that a paper touches (0–1)."""
        if not self.analyses or not self.points_in_bank:
            return None
        return _spread([Decimal(len(a.knowledge_points)) / self.points_in_bank for a in self.analyses])

    @property
    def different(self) -> Decimal | None:
        """Share of a paper that the next one does not hold, on the mean (0–1)."""
        sets = [set(paper.item_ids) for paper in self.papers]
        if len(sets) < 2:
            return None
        shares = [1 - Decimal(len(one & other)) / max(1, len(one)) for one, other in pairwise(sets)]
        return sum(shares, Decimal(0)) / len(shares)

    def rows(self, name: str) -> list[tuple[Any, int, Decimal]]:
        """Key, questions and points of the first paper ``by`` kind, module or difficulty."""
        tally: Mapping[Any, tuple[int, Decimal]] = getattr(self.one, f"by_{name}") if self.one else {}
        return [(key, count, points) for key, (count, points) in tally.items()]


def _spread(values: Sequence[Decimal]) -> Spread:
    return Spread(min(values), sum(values, Decimal(0)) / len(values), max(values))


def try_out(version: RuleVersion, *, exposure: Mapping[str, int] | None = None) -> Trial:
    """Draw trial papers as candidates would get them, one after the other, least used first. Nothing is kept."""
    level = int(version.key)
    blueprint, drawing = blueprint_for(version), rules_of(version)
    pool = live_pool(level).pool
    papers: list[Paper] = []
    problem: Infeasible | BadBlueprint | None = None
    used = Counter(exposure or {})
    try:
        for n in range(TRIALS):
            papers.append(drawn(pool, blueprint, f"trial-{n}", drawing, exposure=used, seen=frozenset()))
            used.update(papers[-1].item_ids)
    except (Infeasible, BadBlueprint) as error:
        problem = error
    return Trial(
        blueprint=blueprint,
        supplies=supply(pool, blueprint),
        problem=problem,
        papers=papers,
        analyses=[analyse_paper(paper, pool.items) for paper in papers],
        points_in_bank=len({item.point for item in pool.items.values() if item.point}),
    )
