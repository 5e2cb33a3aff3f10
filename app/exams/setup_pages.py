"""Setting up a session as a walk of five steps; the draft is kept between them, the check list leads back to each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select

from app.accounts.guard import current_person, requires
from app.accounts.models import Region
from app.accounts.scope import within
from app.accounts.words import place_name
from app.core import clock
from app.core.errors import Invalid, NotFound
from app.core.permissions import Can
from app.db import db, locked, unit_of_work
from app.exams import places, sessions, setup
from app.exams.models import Eligibility, ExamSession, PlacesBy, Shown, Sitting
from app.exams.setup import STEPS
from app.exams.setup_forms import PlacesForm, RulesForm, WhatForm, WhoForm
from app.exams.states import SessionState, SittingState
from app.outline import service as outline
from question_bank.grading import Rule

bp = Blueprint("exam_setup", __name__, url_prefix="/exams/office", template_folder="templates")
ORDER = list(STEPS)


def _what_form(session: ExamSession | None) -> WhatForm:
    form = WhatForm(obj=session)
    regions = db.session.scalars(
        select(Region)
        .where(within(current_person(), Can.RUN_EXAM, region=Region.id), Region.ours)
        .order_by(Region.code)
    )
    form.region_id.choices = [(one.id, place_name(one)) for one in regions]
    form.level.choices = list(outline.level_names().items())
    if session is None and request.method == "GET":
        _propose(form)
    return form


def _propose(form: WhatForm) -> None:
    """Times and duration of a new session as the blueprint in force suggests."""
    asked, levels = request.args.get("level", ""), outline.level_names()
    level = int(asked) if asked.isascii() and asked.isdigit() and int(asked[:4]) in levels else min(levels)
    form.level.data, form.minutes.data = level, outline.rule("blueprint", level)["minutes"]
    opens = clock.start_of(clock.today() + timedelta(days=14)) + timedelta(hours=9)
    form.opens_at.data = clock.local(opens).replace(tzinfo=None)
    form.closes_at.data = clock.local(opens + timedelta(minutes=form.minutes.data + 30)).replace(tzinfo=None)


def _who_form(session: ExamSession) -> WhoForm:
    form = WhoForm(obj=session)
    if request.method == "GET":
        form.eligibility.data = session.eligibility.value
    return form


def _places_form(session: ExamSession) -> PlacesForm:
    arrangement = places.arrangement_of(session.id)
    form = PlacesForm(data={"place": session.place, "instructions": arrangement.instructions,
                            "places_by": arrangement.places_by.value})  # fmt: skip
    if places.places_of(session.id):
        del form.place
    return form


def _rules_form(session: ExamSession) -> RulesForm:
    form = RulesForm(obj=session)
    if request.method == "GET":
        form.markers.data = str(session.markers)
        form.multiple_rule.data, form.shown.data = session.multiple_rule.value, session.shown.value
    return form


def _what_values(form: WhatForm) -> dict[str, Any]:
    return {
        "level": form.level.data,
        "region_id": form.region_id.data,
        "title": form.title.data or "",
        "opens_at": form.opens_at.instant,
        "closes_at": form.closes_at.instant,
        "minutes": form.minutes.data or 0,
    }


def _who_values(form: WhoForm) -> dict[str, Any]:
    return {"eligibility": Eligibility(form.eligibility.data), "seats": form.seats.data}


def _rules_values(form: RulesForm) -> dict[str, Any]:
    return {
        "late_entry_minutes": form.late_entry_minutes.data or 0,
        "pass_mark": form.pass_mark.data,
        "multiple_rule": Rule(form.multiple_rule.data),
        "late_counts": form.late_counts.data,
        "markers": int(form.markers.data),
        "shown": Shown(form.shown.data),
    }


def _places_values(form: PlacesForm) -> dict[str, Any]:
    return {"place": form.place.data or ""} if "place" in form else {}


FORMS: dict[str, Callable[[Any], Any]] = {
    "what": _what_form, "who": _who_form, "places": _places_form, "rules": _rules_form,
}  # fmt: skip
VALUES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "what": _what_values, "who": _who_values, "places": _places_values, "rules": _rules_values,
}  # fmt: skip


def _after(session_id: int, step: str) -> Any:
    """To the next step, or out of the set-up where that was asked for."""
    if request.form.get("do") == "leave":
        flash(_("The draft was saved. You find it in the list of exam sessions."), "success")
        return redirect(url_for("exam_office.session", session_id=session_id))
    following = ORDER[ORDER.index(step) + 1]
    return redirect(url_for("exam_setup.step", session_id=session_id, step=following))


def _page(step: str, form: Any, session: ExamSession | None, **more: Any) -> Any:
    values: dict[str, Any] = {"session": session, "form": form, "step": step, "steps": STEPS, "done": [], "open": set()}
    if session is not None:
        values["done"] = setup.steps_done(session)
        values["checks"] = sessions.check_list(session, clock.now())
        values["open"] = {check.step for check in values["checks"] if check.stops and not check.fine}
    status = 422 if form is not None and (form.errors or form.form_errors) else 200
    return render_template("exams/office/setup.html", **(values | more)), status


@bp.route("/sessions/new", methods=["GET", "POST"])
@requires(Can.RUN_EXAM)
def new() -> Any:
    """The first step. Nothing is stored before it is whole."""
    form = _what_form(None)
    if form.validate_on_submit():
        try:
            with unit_of_work():
                wanted = setup.first_plan(**_what_values(form))
                made = sessions.plan(wanted, by=current_person(), now=clock.now())
                db.session.flush()  # what is remembered of the set-up refers to it
                setup.saved(made, "what")
        except Invalid as error:
            form.refuse(error)
        else:
            return _after(made.id, "what")
    past = setup.past_sessions(current_person(), clock.now())
    return _page("what", form, None, levels=outline.level_names(), past=past)


def _draft(session_id: int) -> ExamSession:
    found = sessions.session_for(current_person(), session_id, Can.RUN_EXAM)
    if found.state is not SessionState.DRAFT:
        raise sessions.NotReady(why=_("only a draft can be changed."))
    return found


@bp.route("/sessions/<int:session_id>/set-up/<step>", methods=["GET", "POST"])
@requires(Can.RUN_EXAM)
def step(session_id: int, step: str) -> Any:
    if step not in STEPS:
        raise NotFound
    found = _draft(session_id)
    if step == "check":
        return _check_page(found)
    form = FORMS[step](found)
    if form.validate_on_submit():
        try:
            with unit_of_work():
                session = locked(found)
                sessions.change(session, setup.changed(session, **VALUES[step](form)), by=current_person(),
                                now=clock.now())  # fmt: skip
                if step == "places":
                    arrangement = places.own_arrangement(session)
                    arrangement.places_by = PlacesBy(form.places_by.data)
                    arrangement.instructions = form.instructions.data or ""
                setup.saved(session, step)
        except Invalid as error:
            form.refuse(error)
        else:
            return _after(session_id, step)
    return _page(step, form, found, **_beside(step, found))


def _beside(step: str, session: ExamSession) -> dict[str, Any]:
    """What a step shows next to its form."""
    if step == "who":
        return {"registered": _registered(session), "rules": setup.rule_facts(session)}
    if step == "places":
        return {"venues": places.places_of(session.id)}
    if step == "rules":
        return {"rules": setup.rule_facts(session), "version": sessions.blueprint_version(session)}
    return {}


def _registered(session: ExamSession) -> int:
    return (
        db.session.scalar(
            select(func.count()).where(Sitting.session_id == session.id, Sitting.state != SittingState.VOID)
        )
        or 0
    )


def _check_page(session: ExamSession) -> Any:
    return _page(
        "check",
        None,
        session,
        rules=setup.rule_facts(session),
        registered=_registered(session),
        venues=places.places_of(session.id),
        arrangement=places.arrangement_of(session.id),
        version=sessions.blueprint_version(session),
        level=outline.level_name(session.level),
    )


@bp.post("/sessions/<int:session_id>/copy")
@requires(Can.RUN_EXAM)
def copy(session_id: int) -> Any:
    found = sessions.session_for(current_person(), session_id, Can.RUN_EXAM)
    with unit_of_work():
        made = setup.copy_session(locked(found), by=current_person(), now=clock.now())
    flash(_("Copied as a draft, moved by whole weeks into the future. Check title and times."), "success")
    return redirect(url_for("exam_setup.step", session_id=made.id, step="what"))
