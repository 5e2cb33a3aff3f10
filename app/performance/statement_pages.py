"""Pages of statements of performance: the holder's, and the public page behind the QR code."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField

from app.accounts.guard import current_person, public, signed_in
from app.core import clock, limits
from app.core.crypto import settings
from app.core.errors import NotFound, Refused
from app.core.forms import BaseForm, Day, OnceForm, ShortText
from app.core.tables import download, excel
from app.db import unit_of_work
from app.files.service import hand_out
from app.performance import statements
from app.performance.arithmetic import after_months
from app.performance.door import bp
from app.performance.statement_models import CreditStatement

LIMIT = "30 per 10 minutes"


class ShowForm(BaseForm):
    """What readers of the confirming page see."""

    show_name = BooleanField(_l("My whole name (else only its first character)"))
    show_figures = BooleanField(_l("The balance by indicator"))
    show_contracts = BooleanField(_l("The contracts with registration number and my own share"))

    def shows(self) -> statements.Shows:
        return statements.Shows(self.show_name.data, self.show_figures.data, self.show_contracts.data)


class StatementForm(ShowForm, OnceForm):
    since = Day(_l("From"))
    until = Day(_l("To, the cut-off date"), description=_l("What stands in the ledger on this day is stated."))


class NumberForm(BaseForm):
    """Read from the address, so it carries no token."""

    class Meta(BaseForm.Meta):
        csrf = False

    number = ShortText(
        _l("Number of the statement"), maximum=40, description=_l("As printed at its top; it begins with YJ.")
    )


@bp.route("/statements", methods=["GET", "POST"])
@signed_in
def statement_list() -> Any:
    today = clock.today()
    form = StatementForm(since=after_months(today, -36), until=today)
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                made = statements.make(by, form.since.data, form.until.data, form.shows(), by=by, now=clock.now())
            flash(_("The statement is made; its PDF follows in a moment."), "success")
            return redirect(url_for("performance.statement", statement_id=made.id))
        except Refused as error:
            form.refuse(error)
            status = error.status
    return render_template(
        "performance/statements.html", form=form, statements=statements.statements_of(current_person())
    ), status


def address_of(statement: CreditStatement) -> str:
    """The page that confirms it."""
    return f"{settings().PUBLIC_URL}/performance/confirm/{statement.token}"


@bp.route("/statements/<int:statement_id>", methods=["GET", "POST"])
@signed_in
def statement(statement_id: int) -> Any:
    found = statements.own_statement(current_person(), statement_id)
    form = ShowForm(obj=found)
    if form.validate_on_submit():
        with unit_of_work():
            by = current_person()
            statements.choose(statements.own_statement(by, statement_id), form.shows(), by=by)
        flash(_("Saved. Readers see the page like this from now on."), "success")
        return redirect(url_for("performance.statement", statement_id=statement_id))
    return render_template(
        "performance/statement.html", statement=found, s=found.snapshot, form=form, address=address_of(found),
        told=statements.confirm(found), figure=statements.figure, as_day=date.fromisoformat,
    )  # fmt: skip


@bp.post("/statements/<int:statement_id>/withdraw")
@signed_in
def withdraw_statement(statement_id: int) -> Any:
    with unit_of_work():
        by = current_person()
        statements.withdraw(statements.own_statement(by, statement_id), by=by, now=clock.now())
    flash(_("The statement is withdrawn. The page behind its code says so."), "success")
    return redirect(url_for("performance.statement", statement_id=statement_id))


@bp.get("/statements/<int:statement_id>/pdf")
@signed_in
def statement_file(statement_id: int) -> Any:
    found = statements.own_statement(current_person(), statement_id)
    if found.pdf is None:
        raise NotFound
    return hand_out(found.pdf, inline=request.args.get("show") == "1")


@bp.get("/statements/<int:statement_id>/sheet")
@signed_in
def statement_sheet(statement_id: int) -> Any:
    """The lines of the statement as an Excel file."""
    found = statements.own_statement(current_person(), statement_id)
    headings = [
        _("Line no."), _("Day"), _("Indicator"), _("Claim"), _("Registration number"), _("Own share (%)"),
        _("Own amount (CNY 10,000)"), _("Points before caps"), _("Rule version"), _("Number of the statement"), _("Cut-off date"),
    ]  # fmt: skip
    rows = (
        [
            row["line"], date.fromisoformat(row["dated"]), row["indicator"], row["title"], row["number"],
            _decimal(row["share"]), _decimal(row["own"]), _decimal(row["points"]), row["rule"], found.number, found.until,
        ]
        for row in found.snapshot["rows"]
    )  # fmt: skip
    return download(excel(headings, rows, found.number), found.number)


def _decimal(value: Any) -> Decimal | None:
    return Decimal(str(value)) if value is not None else None


@bp.get("/confirm")
@public
def confirm_number() -> Any:
    """Whoever holds the paper types its number."""
    form = NumberForm(request.args if "number" in request.args else None)
    missing = False
    if "number" in request.args and form.validate():
        limits.spend("statement", LIMIT, limits.address())
        found = statements.by_number(form.number.data)
        if found is not None:
            return redirect(url_for("performance.confirm_statement", token=found.token))
        missing = True
    return render_template("performance/confirm_number.html", form=form, missing=missing)


@bp.get("/confirm/<token>")
@public
def confirm_statement(token: str) -> Any:
    """The page behind the QR code: what was stated, as far as the holder agreed, and whether it still stands."""
    limits.spend("statement", LIMIT, limits.address())
    found = statements.by_token(token)
    if found is None:
        raise NotFound
    page = render_template(
        "performance/confirm.html", told=statements.confirm(found), statement=found, s=found.snapshot, figure=statements.figure,
        as_day=date.fromisoformat,
    )  # fmt: skip
    return page, 200, {"X-Robots-Tag": "noindex", "Cache-Control": "no-store"}
