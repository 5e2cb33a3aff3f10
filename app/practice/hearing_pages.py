"""Pages of oral defences: the office's plan, the appointment with its panel, a member's judgement, the chair's close."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.guard import current_person, requires
from app.accounts.scope import reaches
from app.core import clock
from app.core.errors import Invalid, Refused
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.db import unit_of_work
from app.outline.service import level_names, typed
from app.practice import access, hearings, people, service, words
from app.practice.door import bp
from app.practice.forms import HearingForm, MinutesForm, WhyForm, judgement_form
from app.practice.models import Hearing, LogEntry
from app.practice.refusals import CONFLICTS
from app.practice.states import HearingState

place(
    "practice.my_hearings", _l("Defences to judge"), "practice", can=Can.REVIEW_TASK, order=25, count=hearings.to_judge,
)  # fmt: skip
place("practice.hearings_plan", _l("Oral defences"), "practice", can=Can.READ_TASK, order=35)


def _listing(asked: Any) -> Listing:
    levels = level_names()
    return Listing(
        asked,
        [
            Column("starts", _l("Day and time"), lambda h: h.starts_at, Hearing.starts_at),
            Column("title", words.FIELD_LABELS["title"], lambda h: h.entry.title, LogEntry.title),
            Column("trainee", words.FIELD_LABELS["trainee"], lambda h: h.entry.trainee.name),
            Column("level", words.FIELD_LABELS["rank"], lambda h: levels.get(h.entry.rank), LogEntry.rank),
            Column("place", _l("Place"), lambda h: h.place),
            Column("judged", _l("Judged"), lambda h: f"{sum(m.total is not None for m in h.panel)}/{len(h.panel)}"),
            Column("state", _l("State"), lambda h: words.HEARING_LABELS[h.state], Hearing.state),
            Column("score", _l("Score"), lambda h: h.score, Hearing.score, numeric=True),
        ],
        request.args,
        filters=[
            Filter("state", _l("State"), list(words.HEARING_LABELS.items()), lambda v: Hearing.state == HearingState(v))
        ],
        search=[LogEntry.title],
        default_sort="-starts",
    )


@bp.get("/hearings")
@requires(Can.READ_TASK)
def hearings_plan() -> Any:
    """What waits for an appointment, and every appointment in reach."""
    me = current_person()
    listing = _listing(hearings.hearings_visible_to(me))
    if request.args.get("export") == "xlsx":
        return listing.as_download(_("Oral defences"))
    return render_template(
        "practice/hearings.html", listing=listing, levels=level_names(), mine=False,
        waiting=hearings.waiting_for_defence(me, _asked_by_level(me.region_id)),
    )  # fmt: skip


def _asked_by_level(region_id: int | None) -> dict[int, frozenset[str]]:
    """Rank → task codes whose level asks for a defence."""
    found = {}
    for rank in level_names(region_id=region_id):
        wanted = service.requirement(rank, region_id) or {}
        found[rank] = frozenset((wanted.get("required") or "").split()) if wanted.get("defence") else frozenset()
    return found


@bp.get("/hearings/mine")
@requires(Can.REVIEW_TASK)
def my_hearings() -> Any:
    return render_template(
        "practice/hearings.html", listing=_listing(hearings.hearings_of_panel(current_person())), waiting=[], mine=True
    )


@bp.route("/entries/<int:entry_id>/hearing", methods=["GET", "POST"])
@requires(Can.ASSIGN_TASK)
def plan_hearing(entry_id: int) -> Any:
    """The office fixes day, place and panel."""
    me = current_person()
    entry = access.office_entry_for(me, entry_id, Can.ASSIGN_TASK)
    rule = typed(hearings.rule_of(entry, clock.now()))
    reach = people.reviewers_in_reach(entry)
    barred = people.conflicts(entry, reach)
    free = [one for one in reach if one.id not in barred]
    form = HearingForm()
    form.panel.choices = form.chair_id.choices = [(one.id, one.name) for one in free]
    if request.method == "GET":
        form.minutes.data = rule["minutes"]
    if form.validate_on_submit():
        chosen = {one.id: one for one in free}
        try:
            with unit_of_work():
                made = hearings.plan(
                    access.office_entry_for(current_person(), entry_id, Can.ASSIGN_TASK),
                    starts_at=form.starts.instant, minutes=form.minutes.data, place=form.place.data,
                    panel=[chosen[n] for n in form.panel.data], chair=chosen.get(form.chair_id.data),
                    by=current_person(), now=clock.now(),
                )  # fmt: skip
                hearing_id = made.id
        except Invalid as error:
            form.refuse(error)
        except Refused as error:
            form.form_errors.append(error.text)
        else:
            flash(_("The defence is planned. Trainee and panel have been told."), "success")
            return redirect(url_for("practice.hearing", hearing_id=hearing_id))
    entry = access.office_entry_for(current_person(), entry_id, Can.ASSIGN_TASK)
    page = render_template(
        "practice/plan_hearing.html", form=form, entry=entry, rule=rule, levels=level_names(), free=len(free),
        barred=[(one.name, CONFLICTS[barred[one.id]]) for one in reach if one.id in barred],
    )  # fmt: skip
    return page, 422 if request.method == "POST" else 200


@bp.get("/hearings/<int:hearing_id>")
@requires(Can.REVIEW_TASK, Can.READ_TASK)
def hearing(hearing_id: int) -> Any:
    """The appointment: for the office how it stands, for a member of the panel the judgement too."""
    return _page(hearing_id)


def _page(hearing_id: int, **forms: Any) -> str:
    me = current_person()
    found = hearings.hearing_for(me, hearing_id)
    rule, member = typed(found.rule), hearings.member_of(found, me)
    planned = found.state is HearingState.PLANNED
    begun = clock.now() >= found.starts_at
    complete = all(one.total is not None for one in found.panel)
    judge = forms.get("judge") or (
        judgement_form(rule["criteria"])(
            formdata=None,
            remark=member.remark,
            **{f"points_{code}": Decimal(value) for code, value in member.points.items()},
        )
        if member and planned
        else None
    )
    return render_template(
        "practice/hearing.html", hearing=found, entry=found.entry, rule=rule, member=member, planned=planned, begun=begun,
        complete=complete, judge=judge, levels=level_names(), may_read=access.may_read(me, found.entry),
        shown=not planned or (member is not None and found.chair_id == me.id and complete),
        minutes=forms.get("minutes") or (MinutesForm(formdata=None) if found.chair_id == me.id and planned else None),
        why=forms.get("why") or WhyForm(formdata=None, prefix="why"),
        assigns=planned and reaches(me, Can.ASSIGN_TASK, region=found.entry.region_id, organisation=found.entry.base_id),
    )  # fmt: skip


@bp.post("/hearings/<int:hearing_id>/judge")
@requires(Can.REVIEW_TASK)
def judge_hearing(hearing_id: int) -> Any:
    found = hearings.hearing_for(current_person(), hearing_id)
    criteria = typed(found.rule)["criteria"]
    form = judgement_form(criteria)()
    if not form.validate_on_submit():
        return _page(hearing_id, judge=form), 422
    try:
        with unit_of_work():
            hearings.judge(
                hearings.hearing_for(current_person(), hearing_id), by=current_person(), now=clock.now(),
                points={c["code"]: form[f"points_{c['code']}"].data for c in criteria}, remark=form.remark.data or "",
            )  # fmt: skip
    except Invalid as error:
        form.refuse(error)
        return _page(hearing_id, judge=form), 422
    flash(_("Your judgement is kept. You may change it until the chair closes the defence."), "success")
    return redirect(url_for("practice.hearing", hearing_id=hearing_id))


@bp.post("/hearings/<int:hearing_id>/close")
@requires(Can.REVIEW_TASK)
def close_hearing(hearing_id: int) -> Any:
    hearings.hearing_for(current_person(), hearing_id)
    form = MinutesForm()
    if not form.validate_on_submit():
        return _page(hearing_id, minutes=form), 422
    try:
        with unit_of_work():
            made = hearings.close(
                hearings.hearing_for(current_person(), hearing_id), by=current_person(), minutes=form.minutes.data,
                now=clock.now(),
            )  # fmt: skip
            passed = made.passed
    except Invalid as error:
        form.refuse(error)
        return _page(hearing_id, minutes=form), 422
    flash(_("Closed: passed.") if passed else _("Closed: not passed."), "success")
    return redirect(url_for("practice.hearing", hearing_id=hearing_id))


@bp.post("/hearings/<int:hearing_id>/end")
@requires(Can.ASSIGN_TASK)
def end_hearing(hearing_id: int) -> Any:
    """Called off, or the trainee did not come: ``do`` is cancel or miss."""
    hearings.hearing_for(current_person(), hearing_id)
    form = WhyForm(prefix="why")
    if not form.validate_on_submit():
        return _page(hearing_id, why=form), 422
    act = hearings.missed if request.form.get("do") == "miss" else hearings.call_off
    with unit_of_work():
        act(
            hearings.hearing_for(current_person(), hearing_id), by=current_person(), why=form.why.data, now=clock.now()
        )  # fmt: skip
    flash(_("Recorded. Those concerned have been told."), "success")
    return redirect(url_for("practice.hearing", hearing_id=hearing_id))
