"""The next step of each gate: where a person goes to close what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from app.core.text import day, moment
from app.pathway.rules import Facts, Gate, Stage


@dataclass(frozen=True)
class Step:
    """One button: what it says, where it leads, and a line of explanation."""

    label: str
    url: str
    note: str = ""


def next_step(gate: Gate, facts: Facts, rank: int) -> Step | None:
    """The one next thing to do for an open gate; None when it is passed or nothing can be done now."""
    if gate.passed:
        return None
    return {
        Stage.ENTRY: _entry,
        Stage.TRAINING: _training,
        Stage.EXAM: _exam,
        Stage.PRACTICE: _practice,
        Stage.PERFORMANCE: _performance,
        Stage.INTEGRITY: _integrity,
    }[gate.stage](facts, rank)


def _entry(facts: Facts, rank: int) -> Step:
    return Step(_("Complete my profile"), url_for("accounts.me"))


def _training(facts: Facts, rank: int) -> Step:
    state = facts.training.enrolment
    if state == "enrolled":
        return Step(_("Go on learning"), url_for("training.mine"))
    if state == "waiting":
        return Step(_("See my enrolment"), url_for("training.mine"), _("Your enrolment is being looked at."))
    return Step(_("Choose a class"), url_for("training.classes", level=rank))


def _exam(facts: Facts, rank: int) -> Step:
    exam = facts.exam
    if exam.upcoming_at is not None:
        return Step(
            _("See my exam"), url_for("exams.mine"), _("Registered; opens %(when)s.", when=moment(exam.upcoming_at))
        )
    if exam.awaiting_result:
        return Step(_("See my exam"), url_for("exams.mine"), _("Handed in; the result is not released yet."))
    note = ""
    first = max(filter(None, (exam.next_possible_on, facts.performance.ban_until)), default=None)
    if first is not None:
        note = _("You can register again from %(day)s.", day=day(first))
    return Step(_("Register for an exam"), url_for("exams.mine"), note)


def _practice(facts: Facts, rank: int) -> Step:
    practice = facts.practice
    if practice.returned:
        return Step(
            _("Revise the returned task"),
            url_for("practice.mine"),
            _("%(n)s returned with remarks.", n=practice.returned),
        )
    if practice.drafts:
        return Step(_("Go on with my draft"), url_for("practice.mine"))
    note = _("%(n)s with the mentor or in review.", n=practice.waiting) if practice.waiting else ""
    return Step(_("Log a practical task"), url_for("practice.mine"), note)


def _performance(facts: Facts, rank: int) -> Step:
    waiting = facts.performance.waiting
    return Step(
        _("Claim performance credit"),
        url_for("performance.mine"),
        ngettext("%(n)s claim is in review.", "%(n)s claims are in review.", waiting) if waiting else "",
    )


def _integrity(facts: Facts, rank: int) -> Step:
    return Step(_("See my integrity credit"), url_for("performance.mine"))


def scheme_lines(asked: dict[str, Any], hours: dict[str, Any]) -> list[tuple[Stage, str]]:
    """What a level asks, a line per stage, for somebody who chooses."""
    from app.core.text import number, percent

    points, whole = asked["performance_points"], sum((r["hours"] for r in hours["hours"]), Decimal(0))
    return [
        (Stage.TRAINING, _("%(needed)s of %(whole)s class hours (%(share)s)", needed=number(whole * asked["training_total"]), whole=number(whole), share=percent(asked["training_total"]))),
        (Stage.EXAM, _("%(n)s of 100 marks", n=number(asked["exam_pass"]))),
        (Stage.PRACTICE, ngettext("%(n)s task of %(kinds)s kinds", "%(n)s tasks of %(kinds)s kinds", asked["practice_tasks"], kinds=asked["practice_kinds"])),
        (Stage.PERFORMANCE, ngettext("%(n)s point within %(months)s months", "%(n)s points within %(months)s months", points, months=asked["performance_months"]) if points else _("nothing is asked here at this level")),
    ]  # fmt: skip
