"""The trainee's home: four stages, what is missing, the next step. And the same judgement for officers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import IntegerField
from wtforms.validators import InputRequired

from app.accounts.guard import current_person, requires, signed_in
from app.accounts.models import Person
from app.accounts.service import person_page
from app.accounts.sessions import asked
from app.accounts.words import place_name
from app.core import clock, nav
from app.core.errors import Invalid
from app.core.forms import BaseForm
from app.core.frame import open_places, place_count
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Listing
from app.db import unit_of_work
from app.notices.service import recent
from app.outline import service as outline
from app.pathway import asks, service
from app.pathway.rules import STAGES, Stage
from app.pathway.steps import next_step, scheme_lines
from app.pathway.words import STAGE_LABELS, UNITS, missing_words, share_words, summary

bp = Blueprint("pathway", __name__, template_folder="templates")
place("pathway.home", _l("My pathway"), "me", order=1)
place("pathway.people", _l("Pathways of people"), "people", can=Can.READ_PATHWAY, order=60)
person_page("pathway.person", _l("Pathway"), Can.READ_PATHWAY)


class GoalForm(BaseForm):
    rank = IntegerField(_l("Level"), [InputRequired()])


@bp.app_context_processor
def words() -> dict[str, Any]:
    return {
        "missing_words": missing_words,
        "unit_words": UNITS.__getitem__,
        "gate_summary": summary,
        "share_words": share_words,
        "stage_labels": STAGE_LABELS,
        "stages": STAGES,
    }


@bp.get("/home")
@signed_in
def home() -> Any:
    """Officers see what waits for them; whoever works towards a level sees the four stages."""
    person = current_person()
    waiting = [(one, place_count(one)) for one in open_places() if one.area in nav.AREAS and one.count]
    rank = asked("goal")
    if rank is None and not person.role_kinds:
        return redirect(url_for(".choose"))
    judged = _judged(person, rank) if rank else None
    return render_template(
        "pathway/home.html",
        waiting=waiting,
        judged=judged,
        recent=recent(person, limit=6),
        level=outline.level_name(rank) if rank else "",
    )


def _judged(person: Person, rank: int) -> dict[str, Any]:
    """Pathway, facts and next steps of a person for a level, asked once."""
    found = service.judge(person, rank, clock.today())
    pathway, facts = found.pathway, found.facts
    return {
        "pathway": pathway,
        "scheme": found.scheme,
        "steps": {gate.stage: next_step(gate, facts, rank) for gate in pathway.gates},
        "side": [pathway.gate(Stage.ENTRY), pathway.gate(Stage.INTEGRITY)],
        "gates": [pathway.gate(stage) for stage in STAGES],
        "application": asks.application_of(person, rank),
        "held": [held for held in facts.held if held.rank == rank and held.valid],
        "rank": rank,
    }


@bp.route("/pathway/choose", methods=["GET", "POST"])
@signed_in
def choose() -> Any:
    """Choose the level to work towards: what each asks, side by side."""
    person = current_person()
    form = GoalForm()
    if form.validate_on_submit() and form.rank.data is not None:
        try:
            with unit_of_work():
                service.set_goal(person, form.rank.data, by=person, now=clock.now())
            flash(_("You are now working towards %(level)s.", level=outline.level_name(form.rank.data)), "success")
            return redirect(url_for(".home"))
        except Invalid as refusal:
            form.refuse(refusal)
    today = clock.today()
    levels = []
    for rank, name in outline.level_names().items():
        scheme = service.scheme_for(rank, person.region_id, today)
        asked = outline.typed(scheme)
        hours = outline.rule("outline", rank, region_id=person.region_id, on=today)
        entry = service.entry_of(person, rank, today, scheme)
        levels.append(
            {"rank": rank, "name": name, "scheme": scheme, "lines": scheme_lines(asked, hours), "entry": entry}
        )
    status = 422 if request.method == "POST" else 200
    return render_template("pathway/choose.html", levels=levels, form=form, goal=service.goal_of(person)), status


@bp.get("/pathway/people")
@requires(Can.READ_PATHWAY)
def people() -> Any:
    listing = Listing(
        service.people_visible_to(current_person()),
        [
            Column("name", _l("Name"), lambda p: p.name, Person.name),
            Column("organisation", _l("Employer"), lambda p: place_name(p.organisation) or "—"),
            Column("region", _l("Region"), lambda p: place_name(p.region) or "—"),
            Column("joined", _l("Signed up on"), lambda p: p.created_at, Person.created_at),
        ],
        request.args,
        search=[Person.name],
        default_sort="name",
    )
    return render_template("pathway/people.html", rows=listing)


@bp.get("/pathway/people/<int:person_id>")
@requires(Can.READ_PATHWAY)
def person(person_id: int) -> Any:
    """One person's standing for a level, as an officer in whose scope they are sees it."""
    found = service.person_for(current_person(), person_id)
    levels = outline.level_names()
    wanted = request.args.get("level", "")
    rank = int(wanted) if wanted in {str(r) for r in levels} else service.goal_of(found) or 1
    return render_template("pathway/person.html", found=found, judged=_judged(found, rank), levels=levels, rank=rank)
