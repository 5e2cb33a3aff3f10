"""The base's pages of continuing education: events held for people with a certificate, and who took part."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.orm import joinedload

from app.accounts.guard import current_person, requires
from app.accounts.models import Organisation, Person
from app.accounts.words import place_name
from app.core import clock
from app.core.errors import Forbidden, Invalid, NotFound, Refused
from app.core.forms import clean_text
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Listing
from app.core.text import number
from app.db import unit_of_work
from app.outline.rules import MODULES
from app.training import classes, events
from app.training.class_forms import EventForm, ParticipantsForm
from app.training.class_models import ContinuingEvent
from app.training.events import Finding, Line

bp = Blueprint("training_events", __name__, url_prefix="/training/office/events", template_folder="templates")

place("training_events.index", _l("Continuing education"), "training", can=Can.RUN_CLASS, order=17)


def _whole_numbers(name: str) -> list[int]:
    return [int(t) for t in request.form.getlist(name)[: events.MOST] if t.isascii() and t.isdigit() and len(t) < 10]


@bp.get("")
@requires(Can.RUN_CLASS)
def index() -> Any:
    """Events of the bases within reach, the latest first."""
    counts: dict[int, int] = {}
    listing = Listing(
        events.events_visible_to(current_person()).options(
            joinedload(ContinuingEvent.organisation).joinedload(Organisation.region)
        ),
        [
            Column("title", _l("Title of the event"), lambda e: e.title, ContinuingEvent.title),
            Column("base", _l("Training base"), lambda e: place_name(e.organisation)),
            Column("from_on", _l("First day"), lambda e: e.from_on, ContinuingEvent.from_on),
            Column("module", _l("Module"), lambda e: MODULES.get(e.module, e.module), ContinuingEvent.module),
            Column("hours", _l("Class hours"), lambda e: e.hours, ContinuingEvent.hours, numeric=True),
            Column("people", _l("Participants"), lambda e: counts.get(e.id, 0), numeric=True),
        ],
        request.args,
        search=[ContinuingEvent.title],
        default_sort="-from_on",
    )
    if request.args.get("export") == "xlsx":
        counts.update(events.counts_of(listing.all_ids(100_000)))
        return listing.as_download(_("Continuing education"))
    counts.update(events.counts_of([e.id for e in listing.rows]))
    return render_template("training/running/events.html", listing=listing)


@bp.route("/new", methods=["GET", "POST"])
@requires(Can.RUN_CLASS)
def new() -> Any:
    form = EventForm()
    form.organisation_id.choices = [(b.id, place_name(b)) for b in classes.bases_for(current_person())]
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                base = next((b for b in classes.bases_for(by) if b.id == form.organisation_id.data), None)
                if base is None:
                    raise NotFound
                made = events.make_event(base, _values(form), by=by, now=clock.now())
            flash(_("The event is saved. Now enter who took part."), "success")
            return redirect(url_for("training_events.event", event_id=made.id))
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            form.refuse(refusal)
    page = render_template("training/running/event_form.html", form=form, event=None)
    return page, 422 if form.is_submitted() else 200


@bp.route("/<int:event_id>/change", methods=["GET", "POST"])
@requires(Can.RUN_CLASS)
def change(event_id: int) -> Any:
    """Title, days and hours, as long as nobody has hours by it; the base stays."""
    found = events.event_for(current_person(), event_id)
    form = EventForm(data={name: getattr(found, name) for name in events.FIELDS} if request.method == "GET" else None)
    form.organisation_id.choices = [(found.organisation_id, place_name(found.organisation))]
    if form.validate_on_submit():
        try:
            with unit_of_work():
                by = current_person()
                events.change_event(events.event_for(by, event_id), _values(form), by=by, now=clock.now())
            flash(_("The event was changed."), "success")
            return redirect(url_for("training_events.event", event_id=event_id))
        except (NotFound, Forbidden):
            raise
        except Refused as refusal:
            form.refuse(refusal)
            found = events.event_for(current_person(), event_id)
    page = render_template("training/running/event_form.html", form=form, event=found)
    return page, 422 if form.is_submitted() else 200


def _values(form: EventForm) -> dict[str, Any]:
    return {name: form[name].data for name in events.FIELDS}


def _page(event_id: int, form: ParticipantsForm, lines: list[Line] | None = None, status: int = 200) -> Any:
    found = events.event_for(current_person(), event_id)
    listing = Listing(
        events.participants_of(found),
        [Column("name", _l("Name"), lambda p: p.name, Person.name)],
        request.args,
        search=[Person.name],
        default_sort="name",
    )
    count = events.counts_of([found.id]).get(found.id, 0)
    sums = Counter(line.finding for line in lines or ())
    return (
        render_template(
            "training/running/event.html", event=found, form=form, listing=listing, lines=lines, sums=sums, count=count
        ),
        status,
    )


@bp.get("/<int:event_id>")
@requires(Can.RUN_CLASS)
def event(event_id: int) -> Any:
    """Who has hours by it, and the list to enter more."""
    return _page(event_id, ParticipantsForm(formdata=None))


@bp.post("/<int:event_id>/participants")
@requires(Can.RUN_CLASS)
def participants(event_id: int) -> Any:
    """``do=check`` says what the list means; ``do=credit`` credits those found and gives back the rest of the list."""
    form, picked = ParticipantsForm(), _whole_numbers("pick")
    if not form.validate_on_submit() or not form.people.data:
        return _page(event_id, form, status=422)
    by = current_person()
    try:
        if request.form.get("do") != "credit":
            found = events.event_for(by, event_id)
            return _page(event_id, form, events.check(found, form.people.data, picked, by=by))
        with unit_of_work():
            by = current_person()
            lines = events.credit(events.event_for(by, event_id), form.people.data, picked, by=by, now=clock.now())
    except Invalid as refusal:
        form.refuse(refusal)
        return _page(event_id, form, status=422)
    count = sum(line.finding is Finding.NEW for line in lines)
    flash(
        ngettext(
            "%(n)s person was credited and told.", "%(n)s people were credited and told.", count, n=number(count)
        ) if count else _("Nobody new was in this list."),
        "success" if count else "info",
    )  # fmt: skip
    left = [line for line in lines if line.finding in (Finding.UNKNOWN, Finding.SEVERAL, Finding.WITHOUT, Finding.OWN)]
    if not left:
        return redirect(url_for("training_events.event", event_id=event_id))
    form.people.data = "\n".join(line.said for line in left)
    return _page(event_id, form, left)


@bp.post("/<int:event_id>/take-back")
@requires(Can.RUN_CLASS)
def take_back(event_id: int) -> Any:
    """Reversing lines for the participants ticked, with a reason each of them reads."""
    ids = _whole_numbers("ids")
    try:
        with unit_of_work():
            by = current_person()
            found = events.event_for(by, event_id)
            reason = str(clean_text(request.form.get("reason", "")))[:1000]
            count = events.take_back(found, ids, by=by, reason=reason, now=clock.now())
    except Invalid as refusal:
        flash(refusal.text, "warning")
    else:
        flash(
            ngettext("Hours of %(n)s person taken back.", "Hours of %(n)s people taken back.", count, n=number(count))
            if count else _("Nobody was chosen. Tick the people first."),
            "success" if count else "warning",
        )  # fmt: skip
    return redirect(url_for("training_events.event", event_id=event_id))
