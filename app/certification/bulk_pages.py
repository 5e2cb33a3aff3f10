"""Pages of bulk actions: the plan (who passes, who is refused and why, which letters go), decisions from a list."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.guard import current_person, requires
from app.accounts.models import Person
from app.accounts.service import regions_of
from app.certification import bulk, rules
from app.certification.door import bp
from app.certification.errors import UnknownReason
from app.certification.forms import BulkChangeForm
from app.certification.office import queue_listing
from app.certification.states import TWO_PEOPLE, Change
from app.core import clock, sheets
from app.core.errors import NotFound, Refused
from app.core.nav import place
from app.core.permissions import Can
from app.db import db, unit_of_work
from app.jobs.models import ItemState, Job, JobItem
from app.jobs.service import job_for

place(
    "certification.changes_from_list", _l("Decisions from a list"), "certification", can=Can.KEEP_CERTIFICATE, order=45
)


def _officer() -> Person:
    return db.session.get_one(Person, current_person().id)


def numbers_sent(name: str = "ids") -> list[int]:
    """Row numbers a form or an address names, also many in one field."""
    words = [w for one in request.values.getlist(name) for w in one.replace(".", " ").split()]
    return list(dict.fromkeys(int(w) for w in words if w.isascii() and w.isdigit() and len(w) < 10))[: bulk.MOST]


@bp.post("/office/applications/plan")
@requires(Can.REVIEW_APPLICATION, Can.DECIDE_APPLICATION)
def plan() -> Any:
    """The dry run of a bulk action over the chosen cases, or over everything under the filter."""
    me, do = current_person(), request.form.get("do", "")
    if do not in bulk.ACTIONS or not me.can(bulk.ACTIONS[do].right):
        raise NotFound
    listing, tab, _counts = queue_listing(me, request.args)
    ids = listing.all_ids(bulk.MOST) if request.form.get("whole") else numbers_sent()
    if not ids:
        flash(_("Nothing was chosen."), "warning")
        return redirect(url_for("certification.queue", tab=tab, **listing.kept))
    if len(ids) <= bulk.AT_ONCE:
        now = clock.now()
        return _plan_page(do, [bulk.foresee(a, do, me, now) for a in bulk.chosen(me, ids)])
    with unit_of_work():
        job = bulk.plan(do, ids, by=_officer())
    return redirect(url_for("certification.planned", job_id=job.id))


@bp.get("/office/applications/plans/<int:job_id>")
@requires(Can.REVIEW_APPLICATION, Can.DECIDE_APPLICATION)
def planned(job_id: int) -> Any:
    """The plan that the worker makes, once it is made."""
    me = current_person()
    job: Job = job_for(me, job_id)
    if job.kind != bulk.PLAN or job.by_id != me.id:
        raise NotFound
    if job.ended_at is None:
        return render_template("certification/plan_running.html", job=job)
    items = db.session.scalars(select(JobItem).where(JobItem.job_id == job.id).order_by(JobItem.position))
    found = [
        bulk.Foreseen(i.payload["application"], i.label, i.message or (i.result or {}).get("why", ""))
        for i in items
        if i.state is not ItemState.WAITING
    ]
    return _plan_page(job.params["do"], found)


def _plan_page(do: str, found: list[bulk.Foreseen]) -> str:
    passing = [one for one in found if not one.why]
    return render_template(
        "certification/plan.html",
        do=do, passing=passing, refused=[one for one in found if one.why], action=bulk.ACTIONS[do], letter=bulk.ACTIONS[do].letter.subject,
        letter_name=str(bulk.ACTIONS[do].letter.called or bulk.ACTIONS[do].letter.subject).split("%(")[0].strip("： :"),
    )  # fmt: skip


@bp.post("/office/applications/bulk", endpoint="bulk")
@requires(Can.REVIEW_APPLICATION, Can.DECIDE_APPLICATION)
def start() -> Any:
    """Start the background work for the chosen cases; each is judged again under its own lock."""
    me, do = current_person(), request.form.get("do", "")
    if do not in bulk.ACTIONS or not me.can(bulk.ACTIONS[do].right):
        raise NotFound
    with unit_of_work():
        job = bulk.start(do, numbers_sent(), by=_officer())
    if job is None:
        flash(_("Nothing was chosen."), "warning")
        return redirect(url_for("certification.queue"))
    return redirect(url_for("jobs.show", job_id=job.id))


# Decisions on many certificates


def _change_form() -> BulkChangeForm:
    form = BulkChangeForm()
    form.code.choices = [("", "–"), *_reason_choices()]
    return form


def _reason_choices() -> list[tuple[str, str]]:
    """Reasons of the officer's first region, each after its decision."""
    from app.certification.states import CHANGE_LABELS

    mine = regions_of(current_person(), Can.KEEP_CERTIFICATE)
    if not mine:
        return []
    return [(code, f"{CHANGE_LABELS[k]} – {words}") for k in Change for code, words in rules.reasons_for(k, mine[0].id)]


@bp.route("/office/certificates/decide", methods=["GET", "POST"])
@requires(Can.KEEP_CERTIFICATE)
def changes_from_list() -> Any:
    """Suspend, restore, revoke, cancel the certificates of a list: first what would happen, then the deed."""
    form = _change_form()
    if request.method == "GET":
        return render_template("certification/changes_new.html", form=form)
    begin = request.form.get("do") == "start"
    if form.validate_on_submit():
        try:
            lines = bulk.lines_of(form.lines.data or "")
            if form.file.data:
                sheet = sheets.read_sheet(form.file.data.stream.read(sheets.MOST_BYTES + 1), most_rows=bulk.MOST_LINES)
                lines += bulk.lines_of_sheet(sheet.headings, sheet.rows)
            kind: Change = form.kind.data
            if form.code.data and form.code.data not in {
                c for r in regions_of(current_person(), Can.KEEP_CERTIFICATE) for c, _w in rules.reasons_for(kind, r.id)
            }:
                raise UnknownReason("code")
            if not begin:
                return _foreseen(form, bulk.meant_by(lines, kind, by=current_person()), kind)
            with unit_of_work():
                officer = _officer()
                meant = bulk.meant_by(lines, kind, by=officer)
                job = bulk.start_changes(meant, kind, form.code.data or "", form.reason.data or "", by=officer)
            if job is None:
                raise bulk.NothingListed
            return redirect(url_for("jobs.show", job_id=job.id))
        except Refused as error:
            form.refuse(error)
    return render_template("certification/changes_new.html", form=form), 422


def _foreseen(form: BulkChangeForm, meant: list[bulk.Meant], kind: Change) -> str:
    passing = [one for one in meant if not one.why]
    code = form.code.data or ""
    reason = dict(_reason_choices()).get(code, "")
    return render_template(
        "certification/changes_plan.html",
        form=form, passing=passing, refused=[one for one in meant if one.why], kind=kind, two=kind in TWO_PEOPLE, reason=reason,
        told=sum(one.certificate is not None and one.certificate.holder_id is not None for one in passing),
        lines="\n".join(f"{m.line.number}\t{m.line.name}\t{m.line.reason}" for m in passing),
    )  # fmt: skip
