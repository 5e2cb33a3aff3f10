"""Words for the codes of ``rules.py``: what is missing and what to do next, in the reader's language."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.accounts.models import Education, TitleLevel
from app.core.text import day, number, percent
from app.outline.rules import MODULES
from app.outline.service import level_name
from app.pathway.rules import EDUCATION_LABELS, TITLE_LABELS, Gate, Missing, Stage

STAGE_LABELS: dict[Stage, Any] = {
    Stage.ENTRY: _l("Entry conditions"),
    Stage.TRAINING: _l("Training"),
    Stage.EXAM: _l("Exam"),
    Stage.PRACTICE: _l("Practice"),
    Stage.PERFORMANCE: _l("Performance"),
    Stage.INTEGRITY: _l("Integrity credit"),
}
UNITS: dict[str, Any] = {
    "hours": _l("class hours"),
    "marks": _l("marks"),
    "tasks": _l("tasks"),
    "points": _l("points"),
    "conditions": _l("conditions"),
}


def missing_words(missing: Missing) -> str:
    """One thing that is missing, as a sentence a person can act on."""
    v = missing.values
    match missing.code:
        case "education":
            words = _("education of at least %(wanted)s", wanted=EDUCATION_LABELS[Education(v["wanted"])])
            if v["other"]:
                words += ngettext(
                    ", or %(other)s with %(years)s year of work",
                    ", or %(other)s with %(years)s years of work",
                    v["years"],
                    other=EDUCATION_LABELS[Education(v["other"])],
                    years=v["years"],
                )
            return words
        case "experience":
            return ngettext(
                "%(years)s year of experience in technology transfer (you stated %(have)s)",
                "%(years)s years of experience in technology transfer (you stated %(have)s)",
                v["years"],
                years=v["years"],
                have=v["have"],
            )
        case "prior":
            words = ngettext(
                "a %(level)s certificate held for %(months)s month",
                "a %(level)s certificate held for %(months)s months",
                v["months"],
                level=level_name(v["rank"]),
                months=v["months"],
            )
            if TitleLevel(v["title"]) is not TitleLevel.NONE:
                words += ngettext(
                    ", or a %(title)s held for %(years)s year",
                    ", or a %(title)s held for %(years)s years",
                    v["years"],
                    title=TITLE_LABELS[TitleLevel(v["title"])],
                    years=v["years"],
                )
            return words
        case "module_hours":
            return ngettext(
                "%(n)s more class hour of %(module)s",
                "%(n)s more class hours of %(module)s",
                v["hours"],
                module=MODULES[v["module"]],
            )
        case "total_hours":
            return ngettext("%(n)s more class hour in all", "%(n)s more class hours in all", v["hours"])
        case "no_result":
            return _("an exam result of %(n)s or more", n=number(v["passed"]))
        case "below_pass":
            return _("best result %(best)s, %(n)s needed", best=number(v["best"]), n=number(v["passed"]))
        case "tasks":
            return ngettext("%(n)s more passed task", "%(n)s more passed tasks", v["n"])
        case "kinds":
            return ngettext("tasks of %(n)s more kind", "tasks of %(n)s more kinds", v["n"])
        case "real":
            return ngettext("%(n)s more real task (not simulated)", "%(n)s more real tasks (not simulated)", v["n"])
        case "leading":
            return ngettext(
                "%(n)s more real task in the leading role", "%(n)s more real tasks in the leading role", v["n"]
            )
        case "log_hours":
            return ngettext("%(n)s more log hour", "%(n)s more log hours", v["n"])
        case "required_task":
            return _("the required task %(code)s", code=v["code"])
        case "defence":
            return _("the oral defence of task %(code)s", code=v["code"])
        case "points":
            return ngettext(
                "%(n)s more performance point (counted over %(months)s months)",
                "%(n)s more performance points (counted over %(months)s months)",
                v["n"],
                months=v["months"],
            )
        case "deals":
            return ngettext("%(n)s more result under P1–P4", "%(n)s more results under P1–P4", v["n"])
        case "integrity":
            return _(
                "integrity credit %(have)s, at least %(needed)s needed",
                have=number(v["have"]),
                needed=number(v["needed"]),
            )
        case "ban":
            until = v["until"]
            return _(
                "a ban runs until %(until)s", until=day(until if isinstance(until, date) else date.fromisoformat(until))
            )
    raise KeyError(missing.code)


def share_words(gate: Gate) -> str:
    """What is asked, where it is a share of a whole; the page of the training stage says it in the same words."""
    if not gate.whole or gate.whole == gate.required:
        return ""
    return _(
        "Asked: %(needed)s of %(whole)s class hours (%(share)s)",
        needed=number(gate.required),
        whole=number(gate.whole),
        share=percent(gate.required / gate.whole),
    )


def summary(gate: Gate) -> str:
    """The state of a gate in one line."""
    if gate.exempt:
        return _("exempt: %(because)s", because=gate.exempt)
    if gate.waived:
        return _("nothing is asked here at this level")
    if gate.passed:
        return _("passed")
    return _(
        "%(have)s of %(required)s %(unit)s",
        have=number(gate.have),
        required=number(gate.required),
        unit=UNITS[gate.unit],
    )
