"""Pages of completion statements: the public's, and the list of the training base."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload

from app.accounts.guard import current_person, public, requires
from app.accounts.models import Person
from app.core import clock, limits
from app.core.errors import Forbidden, NotFound, Refused
from app.core.forms import BaseForm, LongText, ShortText
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.db import unit_of_work
from app.training import classes, completion
from app.training.learning_models import Completion
from app.training.models import Enrolment, TrainingClass

bp = Blueprint("training_completions", __name__, url_prefix="/training", template_folder="templates")
LIMIT = "30 per 10 minutes"

place("training_completions.index", _l("Completion statements"), "training", can=Can.READ_CLASS, order=30)


class NumberForm(BaseForm):
    """Read from the address, so it carries no token."""

    class Meta(BaseForm.Meta):
        csrf = False

    number = ShortText(
        _l("Number of the statement"), maximum=40, description=_l("As printed at its top; it begins with JY.")
    )


class WithdrawForm(BaseForm):
    reason = LongText(
        _l("Reason"), maximum=500, description=_l("The trainee reads it. Readers see only that it was withdrawn.")
    )


@bp.get("/confirm")
@public
def confirm_number() -> Any:
    """Whoever holds the paper types its number."""
    form = NumberForm(request.args if "number" in request.args else None)
    told, missing = None, False
    if "number" in request.args and form.validate():
        limits.spend("completion", LIMIT, limits.address())
        found = completion.by_number(form.number.data or "")
        told = completion.confirm(found, whole_name=False) if found else None
        missing = found is None
    page = render_template(
        "training/confirm_number.html", form=form, missing=missing, told=told, as_day=date.fromisoformat
    )
    return page, 200, {"X-Robots-Tag": "noindex", "Cache-Control": "no-store"}


@bp.get("/confirm/<token>")
@public
def confirm(token: str) -> Any:
    """The page behind the QR code: what was stated, and whether it still stands."""
    limits.spend("completion", LIMIT, limits.address())
    found = completion.by_token(token)
    if found is None:
        raise NotFound
    page = render_template(
        "training/confirm.html", told=completion.confirm(found, whole_name=True), as_day=date.fromisoformat
    )
    return page, 200, {"X-Robots-Tag": "noindex", "Cache-Control": "no-store"}


@bp.get("/office/completions")
@requires(Can.READ_CLASS)
def index() -> Any:
    """Every statement of the classes that an officer may read."""
    listing = Listing(
        completion.visible_to(current_person()).options(
            joinedload(Completion.enrolment).joinedload(Enrolment.person),
            joinedload(Completion.enrolment).joinedload(Enrolment.training_class),
        ),
        [
            Column("number", _l("Statement no."), lambda c: c.number, Completion.number),
            Column("person", _l("Trainee"), lambda c: c.enrolment.person.name, Person.name),
            Column("class", _l("Class"), lambda c: c.enrolment.training_class.title, TrainingClass.title),
            Column("made_at", _l("Made"), lambda c: c.made_at, Completion.made_at),
            Column("state", _l("State"), lambda c: _("Withdrawn") if c.withdrawn_at else _("In force")),
        ],
        request.args,
        filters=[
            Filter(
                "state", _l("State"), [("in", _l("In force")), ("out", _l("Withdrawn"))],
                lambda v: Completion.withdrawn_at.is_(None) if v == "in" else Completion.withdrawn_at.is_not(None),
            )
        ],
        search=[Completion.number, Person.name, TrainingClass.title],
    )  # fmt: skip
    if request.args.get("export") == "xlsx":
        return listing.as_download(_("Completion statements"))
    return render_template("training/office/completions.html", listing=listing)


@bp.route("/office/completions/<int:completion_id>", methods=["GET", "POST"])
@requires(Can.READ_CLASS)
def statement(completion_id: int) -> Any:
    """One statement; whoever runs the class may withdraw it."""
    found = completion.completion_for(current_person(), completion_id)
    form = WithdrawForm()
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                completion.withdraw(
                    completion.completion_for(by, completion_id), by=by, reason=form.reason.data or "", now=clock.now()
                )
            flash(_("The statement is withdrawn. The page behind its code says so."), "success")
            return redirect(url_for("training_completions.statement", completion_id=completion_id))
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            form.refuse(refusal)
            found = completion.completion_for(current_person(), completion_id)
    return render_template(
        "training/office/completion.html",
        told=completion.confirm(found, whole_name=True),
        completion=found,
        form=form,
        runs=classes.runs(current_person(), found.enrolment.training_class),
        address=completion.address_of(found),
        as_day=date.fromisoformat,
    ), (422 if request.method == "POST" else 200)


@bp.get("/office/completions/<int:completion_id>/pdf")
@requires(Can.READ_CLASS)
def file(completion_id: int) -> Any:
    found = completion.completion_for(current_person(), completion_id)
    made = Response(completion.completion_pdf_of(found.enrolment), mimetype="application/pdf")
    made.headers["Content-Disposition"] = f'attachment; filename="{found.number}.pdf"'
    return made
