"""The scheme (认证方案) as versioned data, and the one function that says what is required, there, and missing.

``assess`` is pure: dataclasses in, dataclass out. Every gate is pass or fail; the composite score exists for ranking alone
and never lets a strong gate hide a failed one (domain.md sections 1 and 4; worked examples 1 and 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from app.accounts.models import Education, TitleLevel
from app.exams.facts import ExamFacts
from app.outline.kinds import BadRule, Field, Kind, kind
from app.performance.facts import PerformanceFacts
from app.practice.facts import PracticeFacts
from app.training.facts import TrainingFacts


class Stage(StrEnum):
    """The gates. The middle four are the stages of the product; entry and integrity stand beside them."""

    ENTRY = "entry"
    TRAINING = "training"
    EXAM = "exam"
    PRACTICE = "practice"
    PERFORMANCE = "performance"
    INTEGRITY = "integrity"


STAGES = (Stage.TRAINING, Stage.EXAM, Stage.PRACTICE, Stage.PERFORMANCE)

EDUCATION_LABELS = {
    Education.SECONDARY: _l("below college"),
    Education.COLLEGE: _l("college diploma"),
    Education.BACHELOR: _l("bachelor"),
    Education.MASTER: _l("master"),
    Education.DOCTOR: _l("doctor"),
}
TITLE_LABELS = {
    TitleLevel.NONE: _l("none"),
    TitleLevel.ASSISTANT: _l("assistant professional title"),
    TitleLevel.MIDDLE: _l("intermediate professional title"),
    TitleLevel.SENIOR: _l("senior professional title"),
}


def _scheme(**values: Any) -> dict[str, Any]:
    shared = {
        "name_zh": "技术经理人能力认证方案", "name_en": "Technology Manager Certification Scheme",
        "training_total": "0.80", "training_module": "0.60", "exam_pass": "60", "exam_months": 24,
        "practice_pass": "60", "practice_required": "", "practice_defence": False, "weight_training": "0.20",
        "weight_exam": "0.30", "weight_practice": "0.30", "weight_performance": "0.20", "validity_months": 36,
        "publicity_days": 5, "renewal_hours": "72", "renewal_policy_hours": "12", "renewal_integrity": "75",
        "renewal_before_days": 90, "renewal_after_days": 180,
    }  # fmt: skip
    return shared | values


def _weights_add_up(body: dict[str, Any]) -> None:
    total = sum(body[f"weight_{s}"] for s in STAGES)
    if total != 1:
        raise BadRule(
            "weight_training",
            label=_l("Weights"),
            why=_l("together they must make 100 %%, not %(n)s %%.", n=total * 100),
        )


SCHEME = kind(
    Kind(
        "scheme",
        _l("Certification scheme"),
        by_level=True,
        order=4,
        help=_l("Every gate must be passed by itself; the weights serve ranking only."),
        fields=[
            Field("name_zh", _l("Name in Chinese")),
            Field("name_en", _l("Name in English")),
            Field("entry_education", _l("Education at least"), "choice", choices=tuple((k.value, v) for k, v in EDUCATION_LABELS.items())),
            Field("entry_or_education", _l("… or this education"), "choice", choices=tuple((k.value, v) for k, v in EDUCATION_LABELS.items()), required=False),
            Field("entry_or_years", _l("… with years of work"), "int", low=0, high=50),
            Field("entry_experience", _l("Years in technology transfer"), "int", low=0, high=50),
            Field("entry_prior_rank", _l("Earlier certificate of rank (0: none)"), "int", low=0, high=9),
            Field("entry_prior_months", _l("… held for months"), "int", low=0, high=240),
            Field("entry_or_title", _l("… or professional title"), "choice", choices=tuple((k.value, v) for k, v in TITLE_LABELS.items())),
            Field("entry_or_title_years", _l("… held for years"), "int", low=0, high=50),
            Field("training_total", _l("Attendance of all hours"), "share"),
            Field("training_module", _l("Attendance of each module"), "share"),
            Field("exam_pass", _l("Exam pass mark"), "decimal", low=0, high=100),
            Field("exam_months", _l("An exam result counts for months"), "int", low=1, high=240),
            Field("practice_tasks", _l("Practical tasks"), "int", low=0, high=50),
            Field("practice_kinds", _l("… of different kinds"), "int", low=0, high=50),
            Field("practice_hours", _l("Log hours"), "decimal", low=0, high=5000),
            Field("practice_real", _l("Real tasks (not simulated)"), "int", low=0, high=50),
            Field("practice_leading", _l("Real tasks in the leading role"), "int", low=0, high=50),
            Field("practice_required", _l("Required task codes (separated by blanks)"), required=False),
            Field("practice_defence", _l("Required tasks need an oral defence"), "bool"),
            Field("practice_pass", _l("Task pass mark"), "decimal", low=0, high=100),
            Field("performance_points", _l("Performance credit"), "decimal", low=0, high=1000),
            Field("performance_months", _l("… within months"), "int", low=0, high=240),
            Field("performance_deals", _l("… with items in P1–P4"), "int", low=0, high=50),
            Field("integrity", _l("Integrity credit"), "decimal", low=0, high=100),
            Field("weight_training", _l("Weight of training"), "share"),
            Field("weight_exam", _l("Weight of exam"), "share"),
            Field("weight_practice", _l("Weight of practice"), "share"),
            Field("weight_performance", _l("Weight of performance"), "share"),
            Field("validity_months", _l("Validity in months"), "int", low=1, high=600),
            Field("publicity_days", _l("Public notice in working days"), "int", low=1, high=60),
            Field("renewal_hours", _l("Renewal: continuing education hours"), "decimal", low=0, high=1000),
            Field("renewal_policy_hours", _l("… of which policy and law"), "decimal", low=0, high=1000),
            Field("renewal_points", _l("Renewal: performance credit"), "decimal", low=0, high=1000),
            Field("renewal_integrity", _l("Renewal: integrity credit"), "decimal", low=0, high=100),
            Field("renewal_before_days", _l("Renewal opens days before expiry"), "int", low=0, high=720),
            Field("renewal_after_days", _l("Renewal closes days after expiry"), "int", low=0, high=720),
        ],
        check=_weights_add_up,
        defaults={
            "1": _scheme(
                entry_education="college", entry_or_education="secondary", entry_or_years=2, entry_experience=0,
                entry_prior_rank=0, entry_prior_months=0, entry_or_title="none", entry_or_title_years=0,
                practice_tasks=3, practice_kinds=3, practice_hours="16", practice_real=0, practice_leading=0,
                performance_points="0", performance_months=0, performance_deals=0, integrity="60", renewal_points="0",
            ),
            "2": _scheme(
                entry_education="bachelor", entry_or_education="college", entry_or_years=3, entry_experience=1,
                entry_prior_rank=1, entry_prior_months=12, entry_or_title="middle", entry_or_title_years=2,
                practice_tasks=5, practice_kinds=4, practice_hours="0", practice_real=1, practice_leading=0,
                performance_points="30", performance_months=24, performance_deals=0, integrity="75", renewal_points="15",
            ),
            "3": _scheme(
                entry_education="bachelor", entry_or_education="", entry_or_years=0, entry_experience=3,
                entry_prior_rank=2, entry_prior_months=24, entry_or_title="senior", entry_or_title_years=3,
                practice_tasks=6, practice_kinds=5, practice_hours="0", practice_real=2, practice_leading=2,
                practice_required="T14", practice_defence=True, performance_points="60", performance_months=36,
                performance_deals=1, integrity="75", renewal_points="15",
            ),
        },
    )
)  # fmt: skip


@dataclass(frozen=True)
class Background:
    """What a person declared and a base checked at enrolment."""

    education: Education | None
    experience_years: int
    title_level: TitleLevel
    title_years: int


@dataclass(frozen=True)
class HeldCertificate:
    """A certificate, or a recognition that counts like one, for the entry condition of the next level."""

    rank: int
    first_issued_on: date
    valid: bool


@dataclass(frozen=True)
class Facts:
    """All that ``assess`` looks at."""

    background: Background
    held: tuple[HeldCertificate, ...]
    training: TrainingFacts
    exam: ExamFacts
    practice: PracticeFacts
    performance: PerformanceFacts
    exempt: Mapping[Stage, str] = field(default_factory=dict)
    """Stage → the decision by which it need not be passed."""


@dataclass(frozen=True)
class Missing:
    """One thing that is missing: a code and its values; words are put to it in ``words.py``."""

    stage: Stage
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Gate:
    """One gate: ``have`` of ``required`` in ``unit``; passed when nothing is missing or exempt."""

    stage: Stage
    required: Decimal
    have: Decimal
    unit: str
    missing: tuple[Missing, ...]
    exempt: str = ""
    waived: bool = False
    """The scheme asks nothing here (业绩不作要求)."""
    whole: Decimal | None = None
    """What ``required`` is a share of, where the scheme asks for a share (80 % of all class hours)."""

    @property
    def passed(self) -> bool:
        return bool(self.exempt) or not self.missing

    @property
    def share(self) -> Decimal:
        """How far along, 0–1, for the ring; a passed gate is full, an unpassed one never is."""
        if self.passed:
            return Decimal(1)
        if not self.required:
            return Decimal(0)
        return min(self.have / self.required, Decimal("0.99")).quantize(Decimal("0.01"))


@dataclass(frozen=True)
class Pathway:
    """The judgement of one person for one level on one day."""

    rank: int
    on: date
    scheme_id: int
    gates: tuple[Gate, ...]
    composite: Decimal
    """0–100 with one place; for ranking only."""

    @property
    def eligible(self) -> bool:
        return all(gate.passed for gate in self.gates)

    @property
    def missing(self) -> tuple[Missing, ...]:
        return tuple(m for gate in self.gates if not gate.passed for m in gate.missing)

    def gate(self, stage: Stage) -> Gate:
        return next(g for g in self.gates if g.stage is stage)

    def as_evidence(self) -> dict[str, Any]:
        """Plain JSON of everything that was judged, to be frozen with a decision."""
        return {
            "rank": self.rank,
            "on": self.on.isoformat(),
            "scheme_id": self.scheme_id,
            "composite": str(self.composite),
            "eligible": self.eligible,
            "gates": [
                {
                    "stage": g.stage.value, "required": str(g.required), "have": str(g.have), "unit": g.unit,
                    "passed": g.passed, "exempt": g.exempt, "waived": g.waived,
                    "missing": [{"code": m.code, "values": {k: str(v) for k, v in m.values.items()}} for m in g.missing],
                }
                for g in self.gates
            ],
        }  # fmt: skip


def assess(facts: Facts, asked: Mapping[str, Any], *, rank: int, scheme_id: int, on: date) -> Pathway:
    """What the scheme asks, what is there, what is missing. ``asked`` is the typed body of a scheme version."""
    gates = tuple(judge(facts, asked, on) for judge in (_entry, _training, _exam, _practice, _performance, _integrity))
    gates = tuple(replace(g, exempt=facts.exempt.get(g.stage, "")) for g in gates)
    return Pathway(rank, on, scheme_id, gates, _composite(facts, asked))


_ORDER = list(Education)
_TITLES = list(TitleLevel)


def _entry(facts: Facts, asked: Mapping[str, Any], on: date) -> Gate:
    missing = []
    mine = facts.background
    wanted = Education(asked["entry_education"])
    other = asked["entry_or_education"]
    level = _ORDER.index(mine.education) if mine.education else -1
    if level < _ORDER.index(wanted):
        by_years = (
            bool(other) and level >= _ORDER.index(Education(other)) and mine.experience_years >= asked["entry_or_years"]
        )
        if not by_years:
            missing.append(
                Missing(
                    Stage.ENTRY, "education", {"wanted": wanted.value, "other": other, "years": asked["entry_or_years"]}
                )
            )
    if mine.experience_years < asked["entry_experience"]:
        missing.append(
            Missing(Stage.ENTRY, "experience", {"years": asked["entry_experience"], "have": mine.experience_years})
        )
    if asked["entry_prior_rank"] and not _prior(facts, asked, on):
        missing.append(
            Missing(
                Stage.ENTRY, "prior",
                {"rank": asked["entry_prior_rank"], "months": asked["entry_prior_months"], "title": asked["entry_or_title"],
                 "years": asked["entry_or_title_years"]},
            )
        )  # fmt: skip
    return Gate(Stage.ENTRY, Decimal(3), Decimal(3 - len(missing)), "conditions", tuple(missing))


def _prior(facts: Facts, asked: Mapping[str, Any], on: date) -> bool:
    for held in facts.held:
        months = (on.year - held.first_issued_on.year) * 12 + on.month - held.first_issued_on.month
        months -= on.day < held.first_issued_on.day
        if held.valid and held.rank >= asked["entry_prior_rank"] and months >= asked["entry_prior_months"]:
            return True
    title = TitleLevel(asked["entry_or_title"])
    mine = facts.background
    return (
        title is not TitleLevel.NONE
        and _TITLES.index(mine.title_level) >= _TITLES.index(title)
        and mine.title_years >= asked["entry_or_title_years"]
    )


def _training(facts: Facts, asked: Mapping[str, Any], on: date) -> Gate:
    """At least ``training_total`` of all hours and ``training_module`` of each module; extra hours in one module do not
    stand in for another (each counts up to what the outline asks)."""
    required, credited = facts.training.required, facts.training.credited
    counted = {m: min(credited.get(m, Decimal(0)), hours) for m, hours in required.items()}
    whole, have = sum(required.values(), Decimal(0)), sum(counted.values(), Decimal(0))
    missing = []
    for module, hours in required.items():
        needed = hours * asked["training_module"]
        if counted[module] < needed:
            missing.append(
                Missing(Stage.TRAINING, "module_hours", {"module": module, "hours": needed - counted[module]})
            )
    needed = whole * asked["training_total"]
    if have < needed:
        missing.append(Missing(Stage.TRAINING, "total_hours", {"hours": needed - have}))
    return Gate(Stage.TRAINING, needed, have, "hours", tuple(missing), waived=not whole, whole=whole)


def _exam(facts: Facts, asked: Mapping[str, Any], on: date) -> Gate:
    best, passed = facts.exam.best, asked["exam_pass"]
    missing: list[Missing] = []
    if best is None:
        missing.append(Missing(Stage.EXAM, "no_result", {"passed": passed}))
    elif best < passed:
        missing.append(Missing(Stage.EXAM, "below_pass", {"best": best, "passed": passed}))
    return Gate(Stage.EXAM, passed, best or Decimal(0), "marks", tuple(missing))


def _practice(facts: Facts, asked: Mapping[str, Any], on: date) -> Gate:
    passed = [t for t in facts.practice.passed if t.score >= asked["practice_pass"]]
    counts = {
        "tasks": (len(passed), asked["practice_tasks"]),
        "kinds": (len({t.code for t in passed}), asked["practice_kinds"]),
        "real": (sum(t.real for t in passed), asked["practice_real"]),
        "leading": (sum(t.real and t.leading for t in passed), asked["practice_leading"]),
        "log_hours": (sum((t.hours for t in passed), Decimal(0)), asked["practice_hours"]),
    }
    missing = [
        Missing(Stage.PRACTICE, code, {"n": needed - have, "needed": needed})
        for code, (have, needed) in counts.items()
        if have < needed
    ]
    for code in (asked["practice_required"] or "").split():
        done = [t for t in passed if t.code == code]
        if not done:
            missing.append(Missing(Stage.PRACTICE, "required_task", {"code": code}))
        elif asked["practice_defence"] and not any(t.defended for t in done):
            missing.append(Missing(Stage.PRACTICE, "defence", {"code": code}))
    return Gate(Stage.PRACTICE, Decimal(asked["practice_tasks"]), Decimal(len(passed)), "tasks", tuple(missing))


def _performance(facts: Facts, asked: Mapping[str, Any], on: date) -> Gate:
    needed, have = asked["performance_points"], facts.performance.points
    missing = []
    if have < needed:
        missing.append(
            Missing(Stage.PERFORMANCE, "points", {"n": needed - have, "months": asked["performance_months"]})
        )
    if facts.performance.deal_items < asked["performance_deals"]:
        missing.append(
            Missing(Stage.PERFORMANCE, "deals", {"n": asked["performance_deals"] - facts.performance.deal_items})
        )
    return Gate(
        Stage.PERFORMANCE, needed, have, "points", tuple(missing), waived=not needed and not asked["performance_deals"]
    )


def _integrity(facts: Facts, asked: Mapping[str, Any], on: date) -> Gate:
    needed, have = asked["integrity"], facts.performance.integrity
    missing = []
    if have < needed:
        missing.append(Missing(Stage.INTEGRITY, "integrity", {"needed": needed, "have": have}))
    if facts.performance.ban_until is not None:
        missing.append(Missing(Stage.INTEGRITY, "ban", {"until": facts.performance.ban_until}))
    return Gate(Stage.INTEGRITY, needed, have, "points", tuple(missing))


def _composite(facts: Facts, asked: Mapping[str, Any]) -> Decimal:
    """Weighted score 0–100: attendance, exam, mean task score, performance credit (capped at 100)."""
    whole = sum(facts.training.required.values(), Decimal(0))
    counted = sum(
        (min(facts.training.credited.get(m, Decimal(0)), h) for m, h in facts.training.required.items()), Decimal(0)
    )
    tasks = [t.score for t in facts.practice.passed]
    scores = {
        Stage.TRAINING: counted / whole * 100 if whole else Decimal(0),
        Stage.EXAM: facts.exam.best or Decimal(0),
        Stage.PRACTICE: sum(tasks, Decimal(0)) / len(tasks) if tasks else Decimal(0),
        Stage.PERFORMANCE: min(facts.performance.points, Decimal(100)),
    }
    total = sum((asked[f"weight_{s}"] * score for s, score in scores.items()), Decimal(0))
    return total.quantize(Decimal("0.1"), ROUND_HALF_UP)
