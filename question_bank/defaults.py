"""系统默认 (no national rule): the blueprints an operator starts from and may change, per level.

Kinds with counts and points, modules weighted by the hours of the outline, difficulties 易/中/难 in per cent. The application
ships these as editable data; this is where the data comes from, and what the shipped questions are checked against.
"""

from __future__ import annotations

from decimal import Decimal

from question_bank.assembly import Blueprint, blueprint_from_shares
from question_bank.items import Difficulty, Kind

DIFFICULTY_SHARES = {Difficulty.EASY: 50, Difficulty.MEDIUM: 35, Difficulty.HARD: 15}

#: level → module → hours
MODULE_HOURS = {
    1: {"common": 8, "policy": 8, "skill": 16, "advanced": 8},
    2: {"common": 8, "policy": 12, "skill": 28, "advanced": 12},
    3: {"common": 8, "policy": 12, "skill": 36, "advanced": 24},
}

#: level → kind → how many, at how many points each. All add up to 100.
KINDS = {
    1: {
        Kind.SINGLE: (40, Decimal(1)),
        Kind.MULTIPLE: (20, Decimal(2)),
        Kind.TRUEFALSE: (20, Decimal(1)),
    },
    2: {
        Kind.SINGLE: (30, Decimal(1)),
        Kind.MULTIPLE: (20, Decimal(2)),
        Kind.TRUEFALSE: (10, Decimal(1)),
        Kind.CASE: (2, Decimal(10)),
    },
    3: {
        Kind.SINGLE: (20, Decimal(1)),
        Kind.MULTIPLE: (15, Decimal(2)),
        Kind.CASE: (2, Decimal(15)),
        Kind.ESSAY: (2, Decimal(10)),
    },
}


def default_blueprint(level: int) -> Blueprint:
    """The blueprint of a level (1 to 3) as shipped. Raises ``KeyError`` for another level."""
    return blueprint_from_shares(KINDS[level], MODULE_HOURS[level], DIFFICULTY_SHARES, level)


def withdrawn(text: str) -> tuple[str, ...]:
    """The ids in a ``withdrawn.txt``: shipped once, shipped no more. Empty lines and those that begin with ``#`` say nothing."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))
