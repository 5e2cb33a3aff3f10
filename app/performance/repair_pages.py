"""Pages of repairs of the integrity credit: the holder's application, the officers' list and case."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload

from app.accounts.guard import current_person, requires, signed_in
from app.accounts.models import Person
from app.core import clock
from app.core.errors import Invalid
from app.core.forms import BaseForm, Day, Exact, LongText
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.db import unit_of_work
from app.files.service import hand_out
from app.performance import repairs
from app.performance.door import bp, history_of, wants_sheet
from app.performance.forms import Evidence
from app.performance.repair_models import IntegrityRepair
from app.performance.repair_states import OPEN_REPAIRS, REPAIR_STATES, REPAIR_TONES, RepairState


@bp.context_processor
def _repair_words() -> dict[str, Any]:
    return {"repair_states": REPAIR_STATES, "repair_tones": REPAIR_TONES}


class RepairForm(Evidence):
    hours = Exact(_l("Hours of ethics training"), low="0.5", high=1000)
    trained_until = Day(_l("Last day of that training"))
    words = LongText(_l("What you have done since"), maximum=4000)


class RepairDecisionForm(BaseForm):
    decision = LongText(_l("Reasons"), maximum=4000, description=_l("The holder reads these."))


@bp.route("/repairs/new", methods=["GET", "POST"])
@signed_in
def new_repair() -> Any:
    person = current_person()
    form = RepairForm()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                made = repairs.apply(
                    by, hours=form.hours.data, trained_until=form.trained_until.data, words=form.words.data,
                    uploads=form.uploads(), by=by, now=clock.now(),
                )  # fmt: skip
            flash(_("The application was handed in. Two officers look at it, one after the other."), "success")
            return redirect(url_for("performance.repair", repair_id=made.id))
        except Invalid as error:
            form.refuse(error)
            person = current_person()
    found, today = repairs.conditions_of(person, clock.today()), clock.today()
    page = render_template("performance/new_repair.html", form=form, found=found, may=found.may(today), today=today)
    return (page, 422) if form.is_submitted() else page


@bp.get("/repairs/<int:repair_id>")
@signed_in
def repair(repair_id: int) -> str:
    return repair_page(repairs.repair_for(current_person(), repair_id))


def repair_page(found: IntegrityRepair, form: Any = None) -> str:
    person = current_person()
    own = found.person_id == person.id
    return render_template(
        "performance/repair.html", repair=found, own=own, layout="base.html" if own else "office.html",
        acts=repairs.may_act(person, found), form=form or RepairDecisionForm(formdata=None),
        found=repairs.conditions_of(found.person, clock.today(), found.rule), today=clock.today(),
        open=found.state in OPEN_REPAIRS, history=history_of(found, names=not own),
    )  # fmt: skip


@bp.get("/repairs/<int:repair_id>/files/<int:file_id>")
@signed_in
def repair_file(repair_id: int, file_id: int) -> Response:
    return hand_out(repairs.file_of(repairs.repair_for(current_person(), repair_id), file_id), inline=True)


@bp.post("/repairs/<int:repair_id>/withdraw")
@signed_in
def withdraw_repair(repair_id: int) -> Any:
    with unit_of_work():
        by = current_person()
        repairs.withdraw(repairs.repair_for(by, repair_id), by=by, now=clock.now())
    flash(_("The application was taken back."), "success")
    return redirect(url_for("performance.my_integrity"))


@bp.post("/repairs/<int:repair_id>/decide")
@requires(Can.KEEP_INTEGRITY)
def decide_repair(repair_id: int) -> Any:
    form, do = RepairDecisionForm(), request.form.get("do", "")
    if form.validate_on_submit() and do in ("propose", "grant", "refuse"):
        try:
            with unit_of_work():
                by, now, said = current_person(), clock.now(), form.decision.data
                found = repairs.repair_for(by, repair_id)
                if do == "propose":
                    repairs.propose(found, finding=said, by=by, now=now)
                elif do == "grant":
                    repairs.grant(found, decision=said, by=by, now=now)
                else:
                    repairs.refuse(found, reason=said, by=by, now=now)
            flash(
                _("Recorded. A second officer decides next.")
                if do == "propose"
                else _("The decision is recorded. The holder has been told."),
                "success",
            )
            return redirect(url_for("performance.repair", repair_id=repair_id))
        except Invalid as error:
            form.refuse(error)
    return repair_page(repairs.repair_for(current_person(), repair_id), form), 422


@bp.get("/repairs/office")
@requires(Can.READ_CLAIM, Can.KEEP_INTEGRITY)
def repair_list() -> str | Response:
    person = current_person()
    mine = request.args.get("show") == "mine" and person.can(Can.KEEP_INTEGRITY)
    source = repairs.to_decide(person) if mine else repairs.repairs_visible_to(person)
    listing = Listing(
        source.options(joinedload(IntegrityRepair.person)).order_by(IntegrityRepair.applied_at.desc(), IntegrityRepair.id.desc()),
        [
            Column("person", _l("Person"), lambda r: r.person.name, Person.name),
            Column("applied", _l("Submitted at"), lambda r: r.applied_at, IntegrityRepair.applied_at),
            Column("hours", _l("Hours of ethics training"), lambda r: r.hours, IntegrityRepair.hours, numeric=True),
            Column("points", _l("Points given back"), lambda r: r.points, IntegrityRepair.points, numeric=True),
            Column("state", _l("State"), lambda r: str(REPAIR_STATES[r.state]), IntegrityRepair.state),
        ],
        request.args, search=[Person.name],
        filters=[] if mine else [Filter("state", _l("State"), [(k.value, v) for k, v in REPAIR_STATES.items()], lambda value: IntegrityRepair.state == RepairState(value))],
    )  # fmt: skip
    if wants_sheet():
        return listing.as_download(_("Repairs of the integrity credit"))
    waiting = repairs.count_to_decide(person) if person.can(Can.KEEP_INTEGRITY) else None
    return render_template("performance/repair_list.html", listing=listing, waiting=waiting, mine=mine)
