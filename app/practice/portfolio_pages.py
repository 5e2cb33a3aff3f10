"""Pages of the portfolio: choose what goes in, see the copies, download PDF or ZIP."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, redirect, render_template, stream_with_context, url_for
from flask_babel import gettext as _

from app.accounts.guard import current_person, signed_in
from app.audit.service import record
from app.core import clock
from app.core.archive import streamed_zip
from app.core.errors import NotFound, Refused
from app.db import db, unit_of_work
from app.files.service import hand_out
from app.outline.service import level_names
from app.practice import portfolio
from app.practice.deeds import Did
from app.practice.door import bp
from app.practice.forms import PortfolioForm
from app.practice.models import LogEntryVersion


@bp.route("/portfolio", methods=["GET", "POST"])
@signed_in
def portfolios() -> Any:
    """What was bound so far, and the form that has another copy bound."""
    me, levels, form = current_person(), level_names(), PortfolioForm()
    form.rank.choices = [(0, _("All levels")), *levels.items()]
    refused = False
    if form.validate_on_submit():
        try:
            with unit_of_work():
                portfolio.ask(
                    current_person(), rank=form.rank.data or None, passed_only=form.passed_only.data,
                    with_core=form.with_core.data, now=clock.now(),
                )  # fmt: skip
        except Refused as error:
            form.form_errors.append(error.text)
            refused = True
        else:
            flash(_("Your portfolio is being bound. It stands in the list below when it is ready."), "success")
            return redirect(url_for("practice.portfolios"))
    rows = portfolio.portfolios_of(me)
    there = db.session.scalar(portfolio.handed_in(me, None, False).with_only_columns(LogEntryVersion.id).limit(1))
    page = render_template(
        "practice/portfolios.html", form=form, rows=rows, levels=levels, there=there,
        waits=any(row.file_id is None and not (row.job and row.job.ended_at) for row in rows),
    )  # fmt: skip
    return page, 422 if refused or form.errors else 200


def _taken(portfolio_id: int, kind: str) -> Any:
    """The copy, once it is there; that it was taken is written down."""
    with unit_of_work():
        found = portfolio.portfolio_for(current_person(), portfolio_id)
        if found.file_id is None:
            raise NotFound
        record(Did.TAKE_PORTFOLIO, found, by=current_person(), more={"as": kind})
    return portfolio.portfolio_for(current_person(), portfolio_id)


@bp.get("/portfolio/<int:portfolio_id>.pdf")
@signed_in
def portfolio_pdf(portfolio_id: int) -> Response:
    return hand_out(_taken(portfolio_id, "pdf").file)


@bp.get("/portfolio/<int:portfolio_id>.zip")
@signed_in
def portfolio_zip(portfolio_id: int) -> Response:
    """PDF, evidence, statements and manifest, written while they are sent."""
    found = _taken(portfolio_id, "zip")
    name = found.file.name.removesuffix(".pdf") + ".zip"
    sent = stream_with_context(
        streamed_zip(list(portfolio.members(found)))
    )  # the store is asked while the answer is sent
    answer = Response(sent, mimetype="application/zip")
    answer.headers.set("Content-Disposition", "attachment", filename=f"portfolio-{found.id}.zip")
    answer.headers["Content-Disposition"] += f"; filename*=UTF-8''{_quoted(name)}"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")


@bp.post("/portfolio/<int:portfolio_id>/delete")
@signed_in
def portfolio_delete(portfolio_id: int) -> Any:
    with unit_of_work():
        portfolio.discard(portfolio.portfolio_for(current_person(), portfolio_id), by=current_person())
    flash(_("The copy was deleted. Your tasks are as they were."), "success")
    return redirect(url_for("practice.portfolios"))
