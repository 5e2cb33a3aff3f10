"""Long work to look at: how far it is, what was refused, its result as a sheet."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy import select

from app.core import clock
from app.core.access import requires, signed_in
from app.core.errors import Forbidden
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.db import locked, unit_of_work
from app.jobs import service
from app.jobs.models import ItemState, Job, JobItem, JobState

bp = Blueprint("jobs", __name__, url_prefix="/jobs", template_folder="templates")
place("jobs.all_jobs", _l("Background jobs"), "system", can=Can.READ_JOBS, order=40)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STATES = {
    JobState.WAITING: _l("Queued"),
    JobState.RUNNING: _l("Being done"),
    JobState.DONE: _l("Done"),
    JobState.CANCELLED: _l("Cancelled"),
    JobState.FAILED: _l("Stopped by an error"),
}
ITEM_STATES = {ItemState.WAITING: _l("Not begun"), ItemState.DONE: _l("Done"), ItemState.REFUSED: _l("Refused")}


def _columns() -> list[Column]:
    return [
        Column("title", _l("Job"), service.title_of, Job.title),
        Column("state", _l("State"), lambda job: STATES[job.state], Job.state),
        Column("done", _l("Done"), lambda job: f"{job.done + job.refused} / {job.total}", numeric=True),
        Column("refused", _l("Refused"), lambda job: job.refused, Job.refused, numeric=True),
        Column("created", _l("Asked for"), lambda job: job.created_at, Job.created_at),
    ]


def _listing(everything: bool) -> Listing:
    states = Filter("state", _l("State"), list(STATES.items()), lambda value: Job.state == JobState(value))
    select_ = service.jobs_visible_to(current_user.person, all_of_them=everything)
    return Listing(select_, _columns(), request.args, [states], [Job.title], "-created")


@bp.get("")
@signed_in
def index() -> Any:
    return render_template("jobs/index.html", jobs=_listing(False), everything=False)


@bp.get("/all")
@requires(Can.READ_JOBS)
def all_jobs() -> Any:
    return render_template("jobs/all.html", jobs=_listing(True), everything=True)


@bp.get("/<int:job_id>")
@signed_in
def show(job_id: int) -> Any:
    job = service.job_for(current_user.person, job_id)
    columns = [
        Column("position", _l("No."), lambda item: item.position + 1, JobItem.position, numeric=True),
        Column("label", _l("What"), lambda item: item.label, JobItem.label),
        Column("state", _l("State"), lambda item: ITEM_STATES[item.state], JobItem.state),
        Column("message", _l("Why refused"), lambda item: item.message),
    ]
    if job.kind in service.SAYS:
        columns.insert(3, Column("outcome", _l("Outcome"), lambda item: service.outcome_of(job, item)))
    states = Filter("state", _l("State"), list(ITEM_STATES.items()), lambda value: JobItem.state == ItemState(value))
    items = Listing(
        select(JobItem).where(JobItem.job_id == job.id), columns, request.args, [states], [JobItem.label], "position"
    )
    if request.args.get("export") == "xlsx":
        return items.as_download(service.title_of(job), f"job-{job.id}")
    return render_template(
        "jobs/show.html",
        job=job,
        title=service.title_of(job),
        items=items,
        words=STATES[job.state],
        left=service.seconds_left(job, clock.now()),
        back=service.BACK.get(job.kind, ("jobs.index", _l("Background jobs"))),
        may_cancel=job.by_id == current_user.person.id,
    )


@bp.get("/<int:job_id>.json")
@signed_in
def state(job_id: int) -> Any:
    """How far a job is, for the page that watches it."""
    job = service.job_for(current_user.person, job_id)
    finished = job.done + job.refused
    left = service.seconds_left(job, clock.now())
    return {
        "state": job.state,
        "words": str(STATES[job.state]),
        "done": job.done,
        "refused": job.refused,
        "finished": finished,
        "total": job.total,
        "left": time_left(left),
        "ended": job.ended_at is not None,
    }


def time_left(seconds: int | None) -> str:
    """Time left in words a person uses."""
    if seconds is None:
        return ""
    if seconds < 60:
        return _("less than a minute left")
    return _("about %(minutes)s min left", minutes=-(-seconds // 60))


bp.add_app_template_global(time_left, "time_left")


@bp.post("/<int:job_id>/cancel")
@signed_in
def cancel(job_id: int) -> Any:
    person_id = current_user.person.id
    with unit_of_work():
        job = locked(service.job_for(current_user.person, job_id))
        if job.by_id != person_id:
            raise Forbidden
        service.cancel(job)
    flash(_("The job stops after the item it is at. What is done stays done."), "info")
    return redirect(url_for("jobs.show", job_id=job_id))
