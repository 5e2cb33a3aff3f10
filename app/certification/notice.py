"""公示: cases on public notice, and the objection form for anybody. Name, level, class and organisation only."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import selectinload

from app.accounts.guard import public
from app.accounts.service import regions
from app.accounts.words import place_name
from app.certification import applications, rules, service
from app.certification.door import bp
from app.certification.forms import ObjectionForm
from app.certification.models import Application
from app.core import clock, limits
from app.core.errors import NotFound, Refused
from app.core.nav import place
from app.core.tables import Column, Filter, Listing
from app.core.text import chinese
from app.db import locked, unit_of_work
from app.outline import service as outline

place("certification.notices", _l("Public notice"), "public", order=30)
OBJECTIONS = "5 per 1 hour"


@bp.get("/notice")
@public
def notices() -> Any:
    levels = outline.level_names()
    listing = Listing(
        applications.notices(clock.today())
        .options(selectinload(Application.person), selectinload(Application.region))
        .order_by(Application.notice_ends_on, Application.id),
        [
            Column("name", _l("Full name"), lambda a: a.evidence["applicant"]["name"]),
            Column("level", _l("Level"), lambda a: levels.get(a.rank, a.rank), Application.rank),
            Column("class", _l("Class"), lambda a: a.class_name, Application.class_name),
            Column("unit", _l("Organisation"), lambda a: a.unit_name, Application.unit_name),
            Column("region", _l("Region"), lambda a: place_name(a.region)),
            Column("until", _l("Notice until"), lambda a: a.notice_ends_on, Application.notice_ends_on),
        ],
        request.args,
        filters=[
            Filter("level", _l("Level"), list(levels.items()), lambda v: Application.rank == int(v)),
            Filter("region", _l("Region"), [(r.id, place_name(r)) for r in regions()], lambda v: Application.region_id == int(v)),
        ],
    )  # fmt: skip
    return render_template("certification/notices.html", listing=listing)


@bp.route("/notice/<int:application_id>", methods=["GET", "POST"])
@public
def notice(application_id: int) -> Any:
    """One case on notice, with the objection form. Limited by address, so that nobody floods the office."""
    try:
        found = applications.notice_for(application_id, clock.today())
    except NotFound:  # the same page for a case that was never there
        return render_template("certification/notice_over.html"), 404
    form = ObjectionForm()
    if form.validate_on_submit():
        try:
            limits.spend("objection", OBJECTIONS, limits.address())
            with unit_of_work():
                service.object_to(
                    locked(applications.notice_for(application_id, clock.today())),
                    name=form.name.data, contact=form.contact.data, grounds=form.grounds.data, now=clock.now(),
                )  # fmt: skip
            flash(
                _("Your objection was received. The office inquires and answers you at the contact you gave."),
                "success",
            )
            return redirect(url_for("certification.notice", application_id=application_id))
        except Refused as error:
            form.form_errors.append(error.text)
        found = applications.notice_for(application_id, clock.today())
    terms = outline.rule(rules.OBJECTIONS, region_id=found.region_id)
    page = render_template(
        "certification/notice.html",
        application=found, form=form, terms=terms["terms_zh" if chinese() else "terms_en"], days=terms["answer_days"],
        region=place_name(found.region), applicant=found.evidence["applicant"],
    )  # fmt: skip
    return (page, 422) if request.method == "POST" else page
