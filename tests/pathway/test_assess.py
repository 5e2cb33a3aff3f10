"""``assess`` against the worked examples of the domain notes: gates are judged one by one and never averaged."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.accounts.models import Education, TitleLevel
from app.exams.facts import ExamFacts
from app.pathway.rules import SCHEME, Background, Facts, HeldCertificate, Stage, assess
from app.performance.facts import PerformanceFacts
from app.practice.facts import PassedTask, PracticeFacts
from app.training.facts import TrainingFacts

ON = date(2026, 3, 2)
HOURS = {
    1: {"common": 8, "policy": 8, "skill": 16, "advanced": 8},
    2: {"common": 8, "policy": 12, "skill": 28, "advanced": 12},
    3: {"common": 8, "policy": 12, "skill": 36, "advanced": 24},
}


def asked(rank: int, **changes: Any) -> dict[str, Any]:
    return SCHEME.typed(SCHEME.clean({**SCHEME.defaults[str(rank)], **changes}))


def task(code: str, score: int = 80, **more: Any) -> PassedTask:
    values = {"real": False, "leading": False, "hours": Decimal(8), "defended": False} | more
    return PassedTask(code, code, score=Decimal(score), passed_on=ON, **values)


def hours(rank: int, **changes: int) -> TrainingFacts:
    whole = {m: Decimal(h) for m, h in HOURS[rank].items()}
    return TrainingFacts(whole, whole | {m: Decimal(h) for m, h in changes.items()})


def complete(rank: int) -> Facts:
    tasks = {
        1: [task("T01"), task("T02"), task("T03")],
        2: [task("T01"), task("T02"), task("T03"), task("T04"), task("T05", real=True)],
        3: [
            task("T01", real=True, leading=True), task("T02", real=True, leading=True), task("T03"), task("T04"),
            task("T05"), task("T14", defended=True),
        ],
    }  # fmt: skip
    return Facts(
        Background(Education.BACHELOR, 5, TitleLevel.NONE, 0),
        (HeldCertificate(rank - 1, date(2023, 1, 1), True),) if rank > 1 else (),
        hours(rank),
        ExamFacts(best=Decimal(76)),
        PracticeFacts(tuple(tasks[rank])),
        PerformanceFacts(points=Decimal(62), deal_items=2),
    )


def judged(facts: Facts, rank: int, **changes: Any) -> Any:
    return assess(facts, asked(rank, **changes), rank=rank, scheme_id=1, on=ON)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_whoever_has_everything_is_eligible(rank: int) -> None:
    assert judged(complete(rank), rank).eligible


def test_worked_example_1_one_weak_module_fails_training() -> None:
    facts = replace(complete(2), training=hours(2, common=8, policy=7, skill=26, advanced=8))
    pathway = judged(facts, 2)
    assert sum(facts.training.credited.values()) == 49
    gate = pathway.gate(Stage.TRAINING)
    assert not gate.passed
    assert [(m.code, m.values["module"]) for m in gate.missing] == [("module_hours", "policy")]


def test_hours_beyond_a_module_do_not_stand_in_for_another() -> None:
    facts = replace(complete(2), training=hours(2, common=30, policy=8, skill=17, advanced=8))
    assert [m.code for m in judged(facts, 2).gate(Stage.TRAINING).missing] == ["total_hours"]


def test_worked_example_3_a_failed_task_is_never_averaged_away() -> None:
    facts = replace(
        complete(1),
        exam=ExamFacts(best=Decimal(92)),
        practice=PracticeFacts((task("T01"), task("T02"), task("T03", 59))),
    )
    pathway = judged(facts, 1)
    assert not pathway.eligible
    assert [m.code for m in pathway.missing] == ["tasks", "kinds"]


def test_the_first_level_asks_for_no_performance() -> None:
    facts = replace(complete(1), performance=PerformanceFacts())
    gate = judged(facts, 1).gate(Stage.PERFORMANCE)
    assert gate.waived and gate.passed


@pytest.mark.parametrize(
    ("background", "held", "passes"),
    [
        (Background(Education.BACHELOR, 1, TitleLevel.NONE, 0), (HeldCertificate(1, date(2025, 3, 2), True),), True),
        (Background(Education.BACHELOR, 1, TitleLevel.NONE, 0), (HeldCertificate(1, date(2025, 3, 3), True),), False),
        (Background(Education.BACHELOR, 1, TitleLevel.NONE, 0), (HeldCertificate(1, date(2024, 1, 1), False),), False),
        (Background(Education.BACHELOR, 1, TitleLevel.MIDDLE, 2), (), True),
        (Background(Education.BACHELOR, 1, TitleLevel.MIDDLE, 1), (), False),
        (Background(Education.BACHELOR, 0, TitleLevel.SENIOR, 9), (), False),
        (Background(Education.COLLEGE, 3, TitleLevel.MIDDLE, 2), (), True),
        (Background(Education.COLLEGE, 2, TitleLevel.MIDDLE, 2), (), False),
        (Background(None, 9, TitleLevel.SENIOR, 9), (), False),
    ],
)
def test_entry_conditions_of_the_second_level(background: Background, held: Any, passes: bool) -> None:
    assert judged(replace(complete(2), background=background, held=held), 2).gate(Stage.ENTRY).passed is passes


def test_the_third_level_asks_for_the_defended_project() -> None:
    bare = complete(3)
    without = PracticeFacts(tuple(replace(t, defended=False) for t in bare.practice.passed))
    assert [m.code for m in judged(replace(bare, practice=without), 3).missing] == ["defence"]
    other = PracticeFacts(tuple(replace(t, code="T06") if t.code == "T14" else t for t in bare.practice.passed))
    assert [m.code for m in judged(replace(bare, practice=other), 3).missing] == ["required_task"]


def test_an_exemption_opens_the_gate_and_says_by_what() -> None:
    facts = replace(complete(2), exam=ExamFacts(), exempt={Stage.EXAM: "互认决定 RZ-1"})
    pathway = judged(facts, 2)
    assert pathway.eligible and pathway.gate(Stage.EXAM).exempt == "互认决定 RZ-1"


def test_low_integrity_stops_an_upgrade() -> None:
    facts = replace(complete(2), performance=PerformanceFacts(points=Decimal(99), integrity=Decimal(65), band="watch"))
    assert [m.code for m in judged(facts, 2).missing] == ["integrity"]


def test_a_ring_is_full_only_when_the_gate_is_passed() -> None:
    facts = replace(complete(2), training=hours(2, policy=7))
    assert judged(facts, 2).gate(Stage.TRAINING).share == Decimal("0.99")


def test_weights_must_make_a_whole() -> None:
    from app.outline.kinds import BadRule

    with pytest.raises(BadRule):
        asked(1, weight_exam="0.5")


def test_the_composite_is_weighted_and_capped() -> None:
    facts = replace(complete(1), performance=PerformanceFacts(points=Decimal(250)))
    assert judged(facts, 1).composite == Decimal("86.8")  # 0.2*100 + 0.3*76 + 0.3*80 + 0.2*100


def test_evidence_is_plain_json() -> None:
    import json

    frozen = json.loads(json.dumps(judged(complete(2), 2).as_evidence()))
    assert frozen["eligible"] is True and frozen["gates"][0]["stage"] == "entry"
