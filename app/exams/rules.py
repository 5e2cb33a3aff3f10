"""Blueprints and exam rules of each level as versioned data (domain.md section 4; all 系统默认)."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l

from app.bank.service import by_code
from app.outline.kinds import BadRule, Field, Kind, Table, kind
from app.outline.rules import MODULE_CHOICES
from question_bank.assembly import Blueprint, Cell, Fixed, blueprint_from_shares
from question_bank.defaults import DIFFICULTY_SHARES, KINDS, MODULE_HOURS
from question_bank.grading import Rule
from question_bank.items import Difficulty
from question_bank.items import Kind as QuestionKind

KIND_CHOICES: tuple[tuple[str, Any], ...] = (
    ("single", _l("Single choice")),
    ("multiple", _l("Multiple choice")),
    ("truefalse", _l("True or false")),
    ("blank", _l("Fill-in")),
    ("numeric", _l("Numeric")),
    ("matching", _l("Matching")),
    ("ordering", _l("Ordering")),
    ("case", _l("Case")),
    ("essay", _l("Short answer")),
)
RULE_CHOICES: tuple[tuple[str, Any], ...] = (
    (Rule.ALL_OR_NOTHING.value, _l("A: all or nothing")),
    (Rule.HALF_IF_INCOMPLETE.value, _l("B: half where some are missing, none where any is wrong")),
    (Rule.SHARE_IF_INCOMPLETE.value, _l("C: share of those found, none where any is wrong")),
)
MARKER_CHOICES: tuple[tuple[str, Any], ...] = (
    ("1", _l("one marker")),
    ("2", _l("two markers, blind to each other")),
)
RETAKE_CHOICES: tuple[tuple[str, Any], ...] = (
    ("class", _l("belongs to the class: after the attempts or the days, a new class first")),
    ("free", _l("is possible again as soon as the days allow it")),
)
AT_LIMIT_CHOICES: tuple[tuple[str, Any], ...] = (
    ("record", _l("Record only; a person judges")),
    ("hand_in", _l("Hand in what was saved")),
)
DIFFICULTY_CHOICES: tuple[tuple[str, Any], ...] = (("easy", _l("Easy")), ("medium", _l("Medium")), ("hard", _l("Hard")))
UNSEEN_CHOICES: tuple[tuple[str, Any], ...] = (
    ("prefer", _l("kept away while the bank allows")),
    ("require", _l("never drawn again")),
    ("allow", _l("drawn like others")),
)
QUIZZED_CHOICES: tuple[tuple[str, Any], ...] = (
    ("prefer", _l("left out while the bank has enough others")),
    ("require", _l("never drawn")),
    ("allow", _l("drawn like others")),
)
MINUTES = {1: 90, 2: 120, 3: 150}
MARKING = {"markers": "2", "marker_limit": "0.2", "appeal_days": 5, "answer_days": 10, "retake": "class"}
"""Of marking, result review and retakes; they also fill what a version of the rule from before them leaves open."""


def _shipped_blueprint(level: int) -> dict[str, Any]:
    return {
        "minutes": MINUTES[level],
        "kinds": [{"kind": k.value, "count": n, "points": str(points)} for k, (n, points) in KINDS[level].items()],
        "modules": [{"module": m, "weight": str(w)} for m, w in MODULE_HOURS[level].items()],
        **{d.value: str(Decimal(share) / 100) for d, share in DIFFICULTY_SHARES.items()},
    }


def _check_blueprint(body: dict[str, Any]) -> None:
    for table, column in (("kinds", "kind"), ("modules", "module")):
        counts = Counter(row[column] for row in body[table])
        if any(count > 1 for count in counts.values()):
            raise BadRule(table, label=_l("Blueprint"), why=_l("each kind and each module may stand once."))
    if sum(body[d.value] for d in Difficulty) != 1:
        raise BadRule("easy", label=_l("Difficulty"), why=_l("the three shares must make 100 %% together."))
    if not any(row["weight"] for row in body["modules"]):
        raise BadRule("modules", label=_l("Modules"), why=_l("at least one weight must be above 0."))
    codes = [row["code"] for row in body["fixed"]]
    if len(set(codes)) < len(codes):
        raise BadRule("fixed", label=_l("Fixed questions"), why=_l("each question may stand once."))
    for n, code in enumerate(codes):
        if by_code(code) is None:
            raise BadRule(
                f"fixed-{n}-code", label=_l("Fixed questions"), why=_l("there is no question of this number.")
            )
    if not any(row["count"] for row in (*body["kinds"], *body["cells"])) and not codes:
        raise BadRule("kinds", label=_l("Kinds"), why=_l("a paper needs at least one question."))


BLUEPRINT = kind(
    Kind(
        "blueprint",
        _l("Blueprint"),
        by_level=True,
        order=10,
        help=_l("How many questions of each kind at how many points; modules and difficulties follow their shares."),
        fields=[
            Field("minutes", _l("Duration in minutes"), "int", low=5, high=600),
            Field("easy", _l("Share of easy questions"), "share"),
            Field("medium", _l("Share of medium questions"), "share"),
            Field("hard", _l("Share of hard questions"), "share"),
            Field(
                "unseen",
                _l("Questions a candidate had before"),
                "choice",
                choices=UNSEEN_CHOICES,
                required=False,
                help=_l("Empty: kept away while the bank allows."),
            ),
            Field(
                "quizzed",
                _l("Questions of the lessons' quizzes"),
                "choice",
                choices=QUIZZED_CHOICES,
                required=False,
                help=_l(
                    "What trainees could practise in a self-check quiz tells less in an exam. Empty: left out while the bank has enough others."
                ),
            ),
            Field(
                "exposure_limit",
                _l("A question stands on at most so many papers"),
                "int",
                low=1,
                high=1_000_000,
                required=False,
                help=_l("Empty: no limit. The least used questions come first in any case."),
            ),
            Field(
                "exposure_days",
                _l("… of exams of so many days back"),
                "int",
                low=1,
                high=36_500,
                required=False,
                help=_l("Empty: of all exams so far."),
            ),
        ],
        tables=[
            Table(
                "kinds",
                _l("Kinds"),
                [
                    Field("kind", _l("Kind of question"), "choice", choices=KIND_CHOICES),
                    Field("count", _l("Questions"), "int", low=0, high=200),
                    Field("points", _l("Points for each question"), "decimal", low=Decimal("0.5"), high=100),
                ],
            ),
            Table(
                "modules",
                _l("Modules"),
                [
                    Field("module", _l("Module"), "choice", choices=MODULE_CHOICES),
                    Field("weight", _l("Weight (e.g. class hours)"), "decimal", low=0, high=1000),
                ],
                min_rows=1,
            ),
            Table(
                "cells",
                _l("Cells set exactly, besides those by shares"),
                [
                    Field("kind", _l("Kind of question"), "choice", choices=KIND_CHOICES),
                    Field("module", _l("Module (empty: any)"), "choice", choices=MODULE_CHOICES, required=False),
                    Field(
                        "difficulty",
                        _l("Difficulty (empty: any)"),
                        "choice",
                        choices=DIFFICULTY_CHOICES,
                        required=False,
                    ),
                    Field("count", _l("Questions"), "int", low=0, high=200),
                    Field("points", _l("Points for each question"), "decimal", low=Decimal("0.5"), high=100),
                ],
            ),
            Table(
                "fixed",
                _l("Fixed questions: on every paper"),
                [
                    Field("code", _l("Question number")),
                    Field(
                        "points",
                        _l("Points (empty: it takes a place of a cell)"),
                        "decimal",
                        low=Decimal("0.5"),
                        high=100,
                        required=False,
                    ),
                ],
            ),
        ],
        check=_check_blueprint,
        defaults={str(level): _shipped_blueprint(level) for level in KINDS},
    )
)

EXAM = kind(
    Kind(
        "exam",
        _l("Exam rules"),
        by_level=True,
        order=11,
        fields=[
            Field("pass_mark", _l("Pass mark (of 100)"), "decimal", low=0, high=100),
            Field("attempts", _l("Attempts"), "int", low=1, high=20),
            Field("attempts_days", _l("… within days"), "int", low=1, high=3650),
            Field("gap_days", _l("Days between attempts"), "int", low=0, high=365),
            Field("late_entry", _l("Late entry in minutes"), "int", low=0, high=600),
            Field("validity_months", _l("A pass counts for months"), "int", low=1, high=240),
            Field("multiple_rule", _l("Multiple choice"), "choice", choices=RULE_CHOICES),
            Field("bar_months", _l("Cheating bars from exams for months"), "int", low=0, high=240),
            Field("late_counts", _l("Saves in the minute after the deadline count"), "bool"),
            Field("markers", _l("Markers for each written answer"), "choice", choices=MARKER_CHOICES, required=False),
            Field("retake", _l("A retake"), "choice", choices=RETAKE_CHOICES, required=False),
            Field("marker_limit", _l("A third marker where two differ by more than"), "share", required=False),
            Field("appeal_days", _l("Working days to ask for a result review"), "int", low=0, high=60, required=False),
            Field("answer_days", _l("Working days to answer it"), "int", low=1, high=120, required=False),
            Field("switch_limit", _l("Leaving the page: warnings"), "int", low=1, high=50, required=False),
            Field("switch_seconds", _l("Leaving the page counts after seconds"), "int", low=1, high=600, required=False),
            Field("at_limit", _l("At the limit"), "choice", choices=AT_LIMIT_CHOICES, required=False),
            Field("idle_seconds", _l("Idle limit in seconds (0: off)"), "int", low=0, high=7200, required=False),
            Field("copy_free", _l("Copying and pasting is allowed"), "bool"),
            Field("watermark", _l("Name as a watermark"), "bool"),
        ],
        help=_l("Best score counts. A retake is a further attempt after the waiting time."),
        defaults={
            str(level): {
                "pass_mark": "60", "attempts": 2, "attempts_days": 90, "gap_days": 7, "late_entry": 30,
                "validity_months": 24, "bar_months": 12, "multiple_rule": Rule.ALL_OR_NOTHING.value, "late_counts": False,
                **MARKING,
                "switch_limit": 3, "switch_seconds": 5, "at_limit": "record", "idle_seconds": 0, "copy_free": False,
                "watermark": False,
            }
            for level in KINDS
        },
    )
)  # fmt: skip


KEEPING = kind(
    Kind(
        "exam_prints",
        _l("Keeping of printed exam documents"),
        order=12,
        help=_l(
            "Stored files of the office, counted in days from the end of the exam, or from the day a file was made where that is later. After it the file is deleted; it can be made again as long as the exam is kept."
        ),
        fields=[
            Field("paper_days", _l("Papers, keys and answer sheets: days"), "int", low=1, high=36_500),
            Field("list_days", _l("Admission slips, seat plans and sign-in sheets: days"), "int", low=1, high=36_500),
            Field("score_days", _l("Score lists: days"), "int", low=1, high=36_500),
        ],
        defaults={"": {"paper_days": 365, "list_days": 180, "score_days": 1095}},
    )
)


STATISTICS = kind(
    Kind(
        "exam_statistics",
        _l("Exam statistics"),
        order=13,
        help=_l(
            "Figures of a question that few candidates had prove little: below the first number the bank shows them, and raises no finding about the question. The report of a large session is made in the background."
        ),
        fields=[
            Field("findings_from", _l("Findings about a question from how many candidates"), "int", low=1, high=1000),
            Field("background_from", _l("Report made in the background above how many sittings"), "int", low=0, high=1_000_000),
        ],
        defaults={"": {"findings_from": 10, "background_from": 500}},
    )
)  # fmt: skip


def blueprint_of(body: dict[str, Any], level: int) -> Blueprint:
    """The cells and fixed questions a typed blueprint body asks for."""
    kinds = {QuestionKind(row["kind"]): (row["count"], row["points"]) for row in body["kinds"] if row["count"]}
    shares = blueprint_from_shares(
        kinds,
        {row["module"]: row["weight"] for row in body["modules"]},
        {d: body[d.value] for d in Difficulty if body[d.value]},
        level,
    ).cells if kinds else ()  # fmt: skip
    exact = tuple(
        Cell(
            QuestionKind(row["kind"]),
            row["count"],
            row["points"],
            level,
            row["module"] or None,
            Difficulty(row["difficulty"]) if row["difficulty"] else None,
        )
        for row in body["cells"]
        if row["count"]
    )
    return Blueprint((*shares, *exact), tuple(Fixed(row["code"], row["points"]) for row in body["fixed"]))


def marking_rules(body: dict[str, Any]) -> dict[str, Any]:
    """``markers`` (int), ``marker_limit`` (share 0–1), ``appeal_days``, ``answer_days``, ``retake`` of a typed exam rule."""

    def value(key: str) -> Any:
        return MARKING[key] if body.get(key) in (None, "") else body[key]

    return {
        "markers": int(value("markers")), "marker_limit": Decimal(value("marker_limit")),
        "appeal_days": int(value("appeal_days")), "answer_days": int(value("answer_days")),
        "retake": str(value("retake")),
    }  # fmt: skip
