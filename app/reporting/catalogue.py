"""Which figures there are, in which order, with their definitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.models import Region
from app.accounts.words import place_name
from app.certification.figures_pages import DEED_LABELS
from app.db import db
from app.outline.rules import MODULES
from app.outline.service import rule
from app.performance.models import ContractKind
from app.performance.words import BAND_NAMES, CONTRACT_KINDS
from app.practice.words import in_words
from app.recognition.states import OUTCOME_LABELS
from app.reporting import sources
from app.reporting.figures import Block, Figure
from app.verification.states import LABELS as ANSWERS


def _modules() -> Mapping[str, Any]:
    return MODULES


def _tasks() -> Mapping[str, Any]:
    return {row["code"]: f"{row['code']} {in_words(row, '')}" for row in rule("practice_tasks")["tasks"]}


def _regions() -> Mapping[str, Any]:
    return {one.code: place_name(one) for one in db.session.scalars(select(Region))}


PLACES: Mapping[str, Any] = {"online": _l("online"), "on_site": _l("on site")}
RESULTS: Mapping[str, Any] = {"passed": _l("passed"), "failed": _l("not passed")}

BLOCKS: tuple[Block, ...] = (
    Block(
        "funnel",
        _l("From training to certificate"),
        (
            Figure("admitted", _l("Admitted to training"), _l("People whose first admission to a class of the level falls into the "
                   "period; each person once per level. The figures below are of these people, up to the cut-off day."),
                   sources.admitted),
            Figure("completed", _l("Training completed"), _l("Of these: the training gate of the level was passed and the training "
                   "closed as completed."), sources.completed, share_of="admitted"),
            Figure("exam", _l("Exam passed"), _l("Of these: a released result of the level reaches the pass mark. A result that a "
                   "regrade or result review changed later counts as it stood on the day."), sources.exam_passed, share_of="admitted"),
            Figure("practice", _l("A practical task passed"), _l("Of these: at least one task of the level was passed by its "
                   "reviewers."), sources.task_passed, share_of="admitted"),
            Figure("credit", _l("Points granted"), _l("Of these: at least one line of the ledger of points stands on the day."),
                   sources.credited, share_of="admitted"),
            Figure("applied", _l("Applied for certification"), _l("Of these: an application for the level was handed in."),
                   sources.applied, share_of="admitted"),
            Figure("certified", _l("Certified"), _l("Of these: a certificate of the level was issued."), sources.certified,
                   share_of="admitted"),
        ),
    ),
    Block(
        "training",
        _l("Training"),
        (
            Figure("classes", _l("Classes ended"), _l("Classes whose last day lies in the period; drafts and cancelled ones left out."),
                   sources.classes, kinds=lambda: PLACES, kind_label=_l("Way"), page="training_office.class_page:class_id"),
            Figure("admissions", _l("Admissions"), _l("Admissions to classes in the period; a person in two classes counts twice."),
                   sources.admissions),
            Figure("completions", _l("Completions"), _l("Trainings closed as completed in the period."), sources.completions),
            Figure("hours", _l("Class hours credited"), _l("Sum of the hours ledger: lines earned in the period and entered by the end "
                   "of the cut-off day, reversals deducted."), sources.hours, unit=_l("hours"), adds=True, kinds=_modules,
                   kind_label=_l("Module")),
        ),
        "training",
    ),
    Block(
        "exams",
        _l("Exams"),
        (
            Figure("results", _l("Results released"), _l("Sittings that were handed in and whose result was released in the period; "
                   "void ones left out."), sources.results, kinds=lambda: RESULTS, kind_label=_l("Result")),
            Figure("passes", _l("Passed"), _l("Of these: at or above the pass mark, as known at the end of the cut-off day. The share "
                   "is the pass rate."), sources.passes, share_of="results"),
        ),
        "exam",
    ),
    Block(
        "practice",
        _l("Practice"),
        (
            Figure("tasks_passed", _l("Tasks passed"), _l("Practical tasks that reviewers passed in the period."), sources.tasks_passed,
                   kinds=_tasks, kind_label=_l("Kind of task"), page="practice.desk_entry:entry_id"),
            Figure("tasks_real", _l("Passed tasks in real projects"), _l("Of these: in a real project, not a simulated one."),
                   sources.tasks_real, share_of="tasks_passed", page="practice.desk_entry:entry_id"),
            Figure("tasks_failed", _l("Tasks failed"), _l("Practical tasks that reviewers failed in the period."), sources.tasks_failed,
                   kinds=_tasks, kind_label=_l("Kind of task"), page="practice.desk_entry:entry_id"),
        ),
        "practice",
    ),
    Block(
        "performance",
        _l("Performance"),
        (
            Figure("contracts", _l("Registered technology contracts"), _l("Contracts of the register with a day of registration in the "
                   "period, each once by its registration number, however many people claim it. Contracts dissolved by the cut-off day "
                   "are left out. The register knows no level."), sources.contracts, levelled=False, page="performance.contract:contract_id",
                   kinds=lambda: {k.value: CONTRACT_KINDS[k] for k in ContractKind}, kind_label=_l("Kind of contract")),
            Figure("contract_amount", _l("Amount of these contracts"), _l("Sum of the amounts of these contracts, each counted once and "
                   "whole."), sources.contracts, unit=_l("CNY 10,000"), adds=True, levelled=False, page="performance.contract:contract_id",
                   kinds=lambda: {k.value: CONTRACT_KINDS[k] for k in ContractKind}, kind_label=_l("Kind of contract")),
            Figure("dissolved", _l("Contracts dissolved"), _l("Of the contracts registered in the period: dissolved in the period."),
                   sources.dissolved, levelled=False, kinds=lambda: {k.value: CONTRACT_KINDS[k] for k in ContractKind},
                   kind_label=_l("Kind of contract")),
            Figure("points", _l("Points granted"), _l("Sum of the ledger of points before caps: lines entered in the period, reversals "
                   "deducted."), sources.points, unit=_l("points"), adds=True, levelled=False, kinds=dict,
                   kind_label=_l("Indicator")),
            Figure("bands", _l("People with a line in the integrity ledger"), _l("People with deductions or repairs up to the cut-off "
                   "day, in the band their score falls in by the rule of the whole site. Everybody else has the full score."),
                   sources.bands, levelled=False, kinds=lambda: {k.value: v for k, v in BAND_NAMES.items()}, kind_label=_l("Band")),
        ),
        "performance",
    ),
    Block(
        "certification",
        _l("Certification"),
        (
            Figure("applications", _l("Applications"), _l("Applications handed in in the period."), sources.applications),
            Figure("issued", _l("Certificates and editions issued"), _l("Editions issued in the period: first issue, renewal, correction, "
                   "reprint. Certificates taken over from earlier lists left out."), sources.issued,
                   kinds=lambda: DEED_LABELS, kind_label=_l("Kind of edition")),
            Figure("days", _l("Days from application to certificate"), _l("Middle value (median) of the days from handing in the "
                   "application to the first issue, of certificates issued in the period."), sources.days_to_issue, unit=_l("days"),
                   median_days=True),
            Figure("valid", _l("Certificates valid on the day"), _l("In force at the end of the cut-off day: neither expired nor "
                   "suspended, revoked or cancelled. With those issued before the platform."), sources.valid, kinds=_regions,
                   kind_label=_l("Region")),
        ),
        "valid",
    ),
    Block(
        "outside",
        _l("Recognition and verification"),
        (
            Figure("recognised", _l("Recognition cases decided"), _l("Cases decided by the second person in the period."),
                   sources.recognised, kinds=lambda: {k.value: v for k, v in OUTCOME_LABELS.items()}, kind_label=_l("Outcome")),
            Figure("queries", _l("Verification queries"), _l("Queries by page, code, file, link, spreadsheet or interface. For one region "
                   "or base: those that found one of its certificates."), sources.queries, kinds=lambda: ANSWERS,
                   kind_label=_l("Answer")),
        ),
    ),
)  # fmt: skip
FIGURES: dict[str, Figure] = {one.key: one for block in BLOCKS for one in block.figures}


def kind_labels(figure: Figure) -> Mapping[str, Any]:
    """Words for the kinds of a figure in the reader's language."""
    return figure.kinds() if figure.kinds is not None else {}
