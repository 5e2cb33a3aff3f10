"""The officer's side: registrations of employers."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.guard import current_person, requires
from app.accounts.words import place_name
from app.core import clock
from app.core.errors import Invalid, NotFound
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.db import locked, unit_of_work
from app.verification import employers, states
from app.verification.blueprint import bp
from app.verification.forms import DecisionForm
from app.verification.models import EmployerRegistration


@bp.get("/office/employers")
@requires(Can.REVIEW_EMPLOYER)
def registrations() -> Any:
    r = EmployerRegistration
    listing = Listing(
        employers.registrations_visible_to(current_person()),
        [
            Column("name", _l("Organisation"), lambda row: row.name, r.name),
            Column("code", _l("Unified social credit code"), lambda row: row.credit_code, r.credit_code),
            Column("region", _l("Region"), lambda row: place_name(row.region)),
            Column("state", _l("State"), lambda row: states.REGISTRATION_LABELS[row.state], r.state),
            Column("at", _l("Handed in"), lambda row: row.submitted_at, r.submitted_at),
        ],
        request.args,
        [Filter("state", _l("State"), list(states.REGISTRATION_LABELS.items()), lambda v: r.state == v)],
        [r.name, r.credit_code],
        "-at",
    )
    return render_template("verification/registrations.html", listing=listing, tones=states.REGISTRATION_TONES)


def _case(row: EmployerRegistration, form: DecisionForm, status: int = 200) -> Any:
    return render_template(
        "verification/registration_case.html", row=row, form=form, labels=states.REGISTRATION_LABELS, tones=states.REGISTRATION_TONES,
        place_name=place_name,
    ), status  # fmt: skip


@bp.get("/office/employers/<int:registration_id>")
@requires(Can.REVIEW_EMPLOYER)
def registration_case(registration_id: int) -> Any:
    return _case(employers.registration_for(current_person(), registration_id), DecisionForm())


@bp.post("/office/employers/<int:registration_id>/<deed>")
@requires(Can.REVIEW_EMPLOYER)
def decide_registration(registration_id: int, deed: str) -> Any:
    row, form = employers.registration_for(current_person(), registration_id), DecisionForm()
    if deed not in ("approve", "return", "refuse", "end"):
        raise NotFound
    if not form.validate():
        return _case(row, form, 422)
    try:
        with unit_of_work():
            person, now, reason = current_person(), clock.now(), form.reason.data or ""
            if deed == "approve":
                employers.approve(locked(row), by=person, now=now)
            else:
                do = {"return": employers.return_, "refuse": employers.refuse, "end": employers.end}[deed]
                do(locked(row), by=person, reason=reason, now=now)
    except Invalid as refusal:
        form.refuse(refusal)
        return _case(row, form, 422)
    flash(_("Recorded. The applicant is told by letter."), "success")
    return redirect(url_for("verification.registrations"))
