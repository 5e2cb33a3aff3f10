"""The holder's pages: how often certificates were checked, links that show them; and what a link's receiver sees."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _

from app.accounts.guard import current_person, public, signed_in
from app.certification import service as certification
from app.core import clock, limits
from app.core.clock import LOCAL
from app.core.crypto import settings
from app.core.errors import Invalid
from app.db import locked, unit_of_work
from app.verification import service, shares, states
from app.verification.blueprint import asker, bp
from app.verification.forms import ShareForm


@bp.get("/my/checks")
@signed_in
def checks() -> Any:
    return render_template("verification/checks.html", checks=service.checks_of(current_person(), clock.now()))


def _form() -> ShareForm:
    form, held = ShareForm(), certification.certificates_of(current_person())
    form.offer([(one.id, one.number) for one in held])
    if request.method == "GET":
        form.until.data = clock.today() + timedelta(days=30)
        wanted = request.args.get("certificate", "")
        form.certificate.data = int(wanted) if wanted.isdigit() and int(wanted) in {c.id for c in held} else None
    return form


def _page(form: ShareForm, status: int = 200) -> Any:
    links = shares.links_of(current_person())
    fresh = session.pop("fresh_link", None)
    return render_template(
        "verification/links.html", form=form, links=links, looks=shares.looks_of(links), now=clock.now(), fresh=fresh,
        shows=shares.SHOWS,
    ), status  # fmt: skip


@bp.get("/my/links")
@signed_in
def links() -> Any:
    return _page(_form())


@bp.post("/my/links")
@signed_in
def share() -> Any:
    form = _form()
    if not form.validate():
        return _page(form, 422)
    until = datetime.combine(form.until.data, time(23, 59, 59), LOCAL)
    try:
        with unit_of_work():
            person = current_person()
            _link, token = shares.share(
                certification.own_certificate(person, form.certificate.data), by=person, receiver=form.receiver.data,
                purpose=form.purpose.data or "", shows=form.shows.data, until=until, now=clock.now(),
            )  # fmt: skip
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(form, 422)
    session["fresh_link"] = f"{settings().PUBLIC_URL}{url_for('verification.shared', token=token)}"
    flash(_("The link is made. Copy it now: it is shown this once."), "success")
    return redirect(url_for("verification.links"))


@bp.get("/my/links/<int:link_id>")
@signed_in
def link(link_id: int) -> Any:
    """One link: what it shows, and each look."""
    return render_template(
        "verification/link.html", link=shares.link_of(current_person(), link_id), now=clock.now(), shows=shares.SHOWS
    )


@bp.post("/my/links/<int:link_id>/withdraw")
@signed_in
def withdraw_link(link_id: int) -> Any:
    with unit_of_work():
        shares.withdraw(locked(shares.link_of(current_person(), link_id)), by=current_person(), now=clock.now())
    flash(_("The link is withdrawn; whoever opens it is told that it has ended."), "success")
    return redirect(url_for("verification.links"))


@bp.get("/share/<token>")
@public
def shared(token: str) -> Any:
    """在线验证报告: what a holder lets be seen."""
    with unit_of_work():
        found = shares.open_link(token, address=limits.address(), by=asker(), now=clock.now())
    if found is None:
        return render_template("verification/shared_ended.html"), 410
    answer = found.answer
    return render_template(
        "verification/shared.html", shared=found, answer=answer, label=states.LABELS[answer.state], tone=states.TONES[answer.state],
        meaning=states.MEANING[answer.state],
    )  # fmt: skip
