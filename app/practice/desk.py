"""Pages of mentors, reviewers, offices and auditors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import ColumnElement, Select, func

from app.accounts.guard import current_person, requires
from app.accounts.models import Person
from app.accounts.scope import reaches
from app.core import clock
from app.core.errors import Invalid, NotFound
from app.core.forms import clean_text
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.db import db, unit_of_work
from app.outline.service import level_names, typed
from app.practice import access, people, reviewing, service, words
from app.practice.door import bp, record_opening, results_of, sees_results, state_filter, task_name, timeline_of
from app.practice.forms import ConfirmForm, DefenceForm, MentorForm, ReasonForm, ReviewerForm, rubric_form
from app.practice.models import Confidentiality, LogEntry, Review, ReviewState
from app.practice.states import State
from app.practice.trainee import entry_page

place(
    "practice.mentoring", _l("Tasks to confirm"), "practice", can=Can.CONFIRM_TASK, order=10,
    count=service.waiting_for_mentor,
)  # fmt: skip
place(
    "practice.reviews",
    _l("Task reviews"),
    "practice",
    can=Can.REVIEW_TASK,
    order=20,
    count=service.waiting_for_reviewer,
)
place("practice.desk", _l("All tasks"), "practice", can=Can.READ_TASK, order=30, count=service.waiting_for_office)
place("practice.load", _l("Mentors and reviewers"), "practice", can=Can.READ_TASK, order=40)


def _level_filter(levels: Mapping[int, str]) -> Filter:
    return Filter(
        "level",
        _l("Level"),
        [(str(rank), name) for rank, name in levels.items()],
        lambda value: LogEntry.rank == int(value),
    )


def _halves(
    asked: Select[Any], waits: ColumnElement[bool], page: str, *, newest: Any
) -> tuple[Select[Any], list[dict[str, Any]], bool]:
    """What waits and what is behind, each under its own tab: a list that grows for years is not laid below today's work.

    An address with a filter of states is about what is behind.
    """
    past = request.args.get("tab") == "past" or bool(request.args.get("state"))
    entity = asked.column_descriptions[0]["entity"]
    count = func.count().filter
    n_waiting, n_past = db.session.execute(asked.with_only_columns(count(waits), count(~waits)).order_by(None)).one()
    tabs = [
        {"label": _("Waiting"), "url": url_for(page), "count": n_waiting, "active": not past},
        {"label": _("Dealt with"), "url": url_for(page, tab="past"), "count": n_past, "active": past},
    ]
    order = (newest.desc(), entity.id.desc()) if past else (newest, entity.id)
    return asked.where(~waits if past else waits).order_by(*order), tabs, past


# --- the mentor ------------------------------------------------------------------------------------------------------


@bp.get("/mentoring")
@requires(Can.CONFIRM_TASK)
def mentoring() -> Any:
    me = current_person()
    levels, tasks = level_names(), {row["code"]: row for row in service.catalogue(me.region_id)}
    asked, tabs, past = _halves(
        access.entries_to_confirm(me), LogEntry.state == State.SUBMITTED, "practice.mentoring",
        newest=LogEntry.submitted_at,
    )  # fmt: skip
    listing = Listing(
        asked,
        [
            Column("title", words.FIELD_LABELS["title"], lambda e: e.title, LogEntry.title),
            Column("trainee", words.FIELD_LABELS["trainee"], lambda e: e.trainee.name),
            Column("task", words.FIELD_LABELS["task"], lambda e: task_name(tasks, e.task_code), LogEntry.task_code),
            Column("level", words.FIELD_LABELS["rank"], lambda e: levels.get(e.rank, e.rank), LogEntry.rank),
            Column("state", _l("State"), lambda e: words.STATE_LABELS[e.state], LogEntry.state),
            Column("submitted", _l("Submitted on"), lambda e: e.submitted_at, LogEntry.submitted_at),
        ],
        request.args,
        filters=[*([state_filter()] if past else []), _level_filter(levels)],
        search=[LogEntry.title],
    )
    return render_template("practice/mentoring.html", listing=listing, tabs_=tabs, past=past)


@bp.post("/<int:entry_id>/confirm")
@requires(Can.CONFIRM_TASK)
def confirm(entry_id: int) -> Any:
    """The mentor's decision: ``do`` is confirm or return."""
    form, returned = ConfirmForm(), request.form.get("do") == "return"
    access.mentored_entry_for(current_person(), entry_id)
    if not form.validate_on_submit():
        return entry_page(entry_id, form), 422
    try:
        with unit_of_work():
            entry = access.mentored_entry_for(current_person(), entry_id)
            act = service.return_to_trainee if returned else service.confirm
            act(entry, by=current_person(), remark=form.remark.data or "", now=clock.now())
    except Invalid as error:
        form.refuse(error)
        return entry_page(entry_id, form), 422
    done = _("The task was returned with your remark.") if returned else _("Confirmed. The task goes to review.")
    waiting = access.waiting_for_mentor(current_person())
    left = ngettext("%(n)s more task waits for you.", "%(n)s more tasks wait for you.", len(waiting)) if waiting else ""
    flash(f"{done} {left}".strip(), "success")
    # core material is opened by a deed of its own, since each opening is shown to the owner
    following = next((one for one in waiting if not one.guarded), None)
    if following is None:
        return redirect(url_for("practice.mentoring"))
    return redirect(url_for("practice.entry", entry_id=following.id))


# --- the reviewer ----------------------------------------------------------------------------------------------------


@bp.get("/reviews")
@requires(Can.REVIEW_TASK)
def reviews() -> Any:
    levels = level_names()
    tasks = {row["code"]: row for row in service.catalogue(current_person().region_id)}
    asked, tabs, past = _halves(
        access.reviews_of(current_person()),
        Review.state == ReviewState.ASKED,
        "practice.reviews",
        newest=Review.asked_at,
    )
    listing = Listing(
        asked,
        [
            Column("title", words.FIELD_LABELS["title"], lambda r: r.entry.title, LogEntry.title),
            Column("task", words.FIELD_LABELS["task"], lambda r: task_name(tasks, r.entry.task_code), LogEntry.task_code),
            Column("level", words.FIELD_LABELS["rank"], lambda r: levels.get(r.entry.rank), LogEntry.rank),
            Column("version", _l("Version"), lambda r: r.version.number, numeric=True),
            Column("state", _l("State"), lambda r: words.REVIEW_LABELS[r.state], Review.state),
            Column("asked", _l("Asked to review on"), lambda r: r.asked_at, Review.asked_at),
            Column("total", _l("My score"), lambda r: r.total, Review.total, numeric=True),
        ],
        request.args,
        filters=[
            *([Filter(
                "state", _l("State"), [(s.value, words.REVIEW_LABELS[s]) for s in (ReviewState.SCORED, ReviewState.RETURNED)],
                lambda value: Review.state == ReviewState(value),
            )] if past else []),
            _level_filter(levels),
        ],
        search=[LogEntry.title],
    )  # fmt: skip
    return render_template("practice/reviews.html", listing=listing, tabs_=tabs, past=past)


@bp.route("/reviews/<int:review_id>", methods=["GET", "POST"])
@requires(Can.REVIEW_TASK)
def review(review_id: int) -> Any:
    """The version on the left, the rubric on the right. ``do``: score, return or decline."""
    found = access.review_for(current_person(), review_id)
    criteria = typed(found.version.rubric)["criteria"]
    form = rubric_form(criteria)()
    if request.method == "GET":
        record_opening(found.entry)
        return _review_page(review_id, form)
    do = request.form.get("do", "score")
    if do == "decline":
        return _decline(review_id)
    if do == "return":
        for one in form:
            if one.short_name.startswith("points_"):
                one.validators = []
    if not form.validate_on_submit():
        return _review_page(review_id, form), 422
    try:
        with unit_of_work():
            _hand_in(access.review_for(current_person(), review_id), form, criteria, do)
    except Invalid as error:
        form.refuse(error)
        return _review_page(review_id, form), 422
    flash(_("Your review was handed in."), "success")
    return redirect(url_for("practice.reviews"))


def _hand_in(found: Review, form: Any, criteria: list[dict[str, Any]], do: str) -> None:
    me, remark, comments = current_person(), form.remark.data or "", _typed_comments()
    if do == "return":
        reviewing.ask_return(found, by=me, remark=remark, now=clock.now(), comments=comments)
        return
    codes = [c["code"] for c in criteria]
    reviewing.give_review(
        found, by=me, remark=remark, now=clock.now(), comments=comments, points={c: form[f"points_{c}"].data for c in codes},
        remarks={c: form[f"remark_{c}"].data or "" for c in codes},
    )  # fmt: skip


def _typed_comments() -> dict[str, str]:
    """Comments on passages as they were typed: fields ``at-did.0``, ``at-lines.2``,  …"""
    return {name[3:]: clean_text(value) for name, value in request.form.items() if name.startswith("at-")}


def _decline(review_id: int) -> Any:
    form = ReasonForm(prefix="decline")
    if not form.validate_on_submit():
        found = access.review_for(current_person(), review_id)
        return _review_page(review_id, rubric_form(typed(found.version.rubric)["criteria"])(formdata=None), form), 422
    with unit_of_work():
        found = access.review_for(current_person(), review_id)
        reviewing.decline(found, by=current_person(), reason=form.remark.data, now=clock.now())
    flash(_("Declined. Somebody else is asked."), "success")
    return redirect(url_for("practice.reviews"))


def _review_page(review_id: int, form: Any, decline: Any = None) -> str:
    me = current_person()
    found = access.review_for(me, review_id)
    snapshot, rubric, flow = found.version.snapshot, typed(found.version.rubric), reviewing.flow_of(found.version)
    done = found.state is not ReviewState.ASKED
    moved_on = found.entry.state not in (State.CONFIRMED, State.IN_REVIEW) or found.version.number < found.entry.version
    return render_template(
        "practice/review.html", review=found, entry=found.entry, snapshot=snapshot, rubric=rubric, form=form, done=done,
        levels=level_names(), decline=decline or ReasonForm(prefix="decline", formdata=None), flow=flow,
        returns_left=max(0, flow["max_returns"] - found.entry.returns),
        conflict=None if done else people.conflict(found.entry, me),
        doubles=service.used_elsewhere([f["id"] for f in snapshot["files"]], found.entry),
        others=[x for x in results_of(found.entry) if moved_on and x["version"].id == found.version_id],
        earlier=[s for s in found.entry.steps if s.remark], typed=_typed_comments(),
    )  # fmt: skip


# --- office and auditor ----------------------------------------------------------------------------------------------


def _waits_for_office(value: str) -> Any:
    return LogEntry.lacking > 0 if value == "yes" else LogEntry.lacking == 0


@bp.get("/entries")
@requires(Can.READ_TASK)
def desk() -> Any:
    me = current_person()
    levels, rows = level_names(), service.catalogue(me.region_id)
    tasks = {row["code"]: row for row in rows}
    listing = Listing(
        access.entries_for_office(me),
        [
            Column("title", words.FIELD_LABELS["title"], lambda e: e.title, LogEntry.title),
            Column("trainee", words.FIELD_LABELS["trainee"], lambda e: e.trainee.name),
            Column("task", words.FIELD_LABELS["task"], lambda e: task_name(tasks, e.task_code), LogEntry.task_code),
            Column("level", words.FIELD_LABELS["rank"], lambda e: levels.get(e.rank, e.rank), LogEntry.rank),
            Column("confidentiality", words.FIELD_LABELS["confidentiality"], lambda e: words.CONFIDENTIALITY_LABELS[e.confidentiality]),
            Column("state", _l("State"), lambda e: words.STATE_LABELS[e.state], LogEntry.state),
            Column("submitted", _l("Submitted on"), lambda e: clock.local_date(e.submitted_at), LogEntry.submitted_at),
            Column("score", _l("Score"), lambda e: e.score, LogEntry.score, numeric=True),
        ],
        request.args,
        filters=[
            state_filter(),
            Filter("lacking", _l("Needs a reviewer"), [("yes", _l("Yes")), ("no", _l("No"))], _waits_for_office),
            _level_filter(levels),
            Filter("task", words.FIELD_LABELS["task"], [(r["code"], task_name(tasks, r["code"])) for r in rows], lambda v: LogEntry.task_code == v),
            Filter("secret", words.FIELD_LABELS["confidentiality"], list(words.CONFIDENTIALITY_LABELS.items()), lambda v: LogEntry.confidentiality == Confidentiality(v)),
        ],
        search=[LogEntry.title, LogEntry.task_code],
        default_sort="-submitted",
    )  # fmt: skip
    if request.args.get("export") == "xlsx":
        return listing.as_download(_("Practice tasks"))
    return render_template("practice/desk.html", listing=listing)


@bp.get("/entries/<int:entry_id>")
@requires(Can.READ_TASK)
def desk_entry(entry_id: int) -> Any:
    """How a task stands: title, states, people; its content only by a link for those who may read it."""
    return _desk_page(entry_id)


def _desk_page(entry_id: int, **forms: Any) -> str:
    me = current_person()
    found = access.office_entry_for(me, entry_id)
    assigns = reaches(me, Can.ASSIGN_TASK, region=found.region_id, organisation=found.base_id)
    current_version = found.versions[0]
    tasks = {row["code"]: row for row in service.catalogue(found.region_id)}
    return render_template(
        "practice/desk_entry.html", entry=found, assigns=assigns, blind=not sees_results(found, me), may_read=access.may_read(me, found),
        levels=level_names(), task=task_name(tasks, found.task_code),
        reviews=[r for r in found.reviews if r.version_id == current_version.id],
        earlier=[r for r in found.reviews if r.version_id != current_version.id],
        reviewer_form=forms.get("reviewer") or (_reviewer_form(found) if assigns and found.lacking else None),
        mentor_form=forms.get("mentor") or (_mentor_form(found) if assigns and not found.decided_at else None),
        defence_form=forms.get("defence") or (DefenceForm(formdata=None, prefix="defence") if assigns and _defensible(found) else None),
        timeline=[t | {"note": t["note"] if access.may_read(me, found) else ""} for t in timeline_of(found)],
    )  # fmt: skip


def _defensible(found: LogEntry) -> bool:
    return found.state in (State.CONFIRMED, State.IN_REVIEW, State.PASSED)


def _reviewer_form(found: LogEntry, formdata: Any = None) -> ReviewerForm:
    form = ReviewerForm(prefix="reviewer", formdata=formdata)
    form.person_id.choices = [
        (p.id, _("%(name)s · %(n)s waiting", name=p.name, n=load)) for p, load in people.candidates(found)
    ]
    return form


def _mentor_form(found: LogEntry, formdata: Any = None) -> MentorForm:
    form, load = MentorForm(prefix="mentor", formdata=formdata), people.mentor_load()
    form.person_id.choices = [
        (p.id, _("%(name)s · %(n)s waiting", name=p.name, n=load.get(p.id, 0)))
        for p in people.mentors_for(found.trainee, found.base_id)
        if p.id != found.mentor_id
    ]
    return form


def _chosen(form: Any) -> Person:
    chosen = db.session.get(Person, form.person_id.data)
    if chosen is None:
        raise NotFound
    return chosen


@bp.post("/entries/<int:entry_id>/reviewer")
@requires(Can.ASSIGN_TASK)
def assign_reviewer(entry_id: int) -> Any:
    form = _reviewer_form(access.office_entry_for(current_person(), entry_id, Can.ASSIGN_TASK), request.form)
    if not form.validate_on_submit():
        return _desk_page(entry_id, reviewer=form), 422
    with unit_of_work():
        found = access.office_entry_for(current_person(), entry_id, Can.ASSIGN_TASK)
        reviewing.assign_reviewer(found, _chosen(form), by=current_person(), now=clock.now())
    flash(_("The reviewer was asked."), "success")
    return redirect(url_for("practice.desk_entry", entry_id=entry_id))


@bp.post("/entries/<int:entry_id>/pick")
@requires(Can.ASSIGN_TASK)
def pick_reviewers(entry_id: int) -> Any:
    """Let the least loaded reviewers without a conflict be asked."""
    with unit_of_work():
        found = access.office_entry_for(current_person(), entry_id, Can.ASSIGN_TASK)
        made = reviewing.pick_for_office(found, by=current_person(), now=clock.now())
    if made:
        flash(ngettext("%(n)s reviewer was asked.", "%(n)s reviewers were asked.", made), "success")
    else:
        flash(
            _(
                "Nobody without a conflict of interest is free in this region. Please give the role of reviewer to somebody else."
            ),
            "warning",
        )
    return redirect(url_for("practice.desk_entry", entry_id=entry_id))


@bp.post("/entries/<int:entry_id>/mentor")
@requires(Can.ASSIGN_TASK)
def assign_mentor(entry_id: int) -> Any:
    form = _mentor_form(access.office_entry_for(current_person(), entry_id, Can.ASSIGN_TASK), request.form)
    if not form.validate_on_submit():
        return _desk_page(entry_id, mentor=form), 422
    with unit_of_work():
        found = access.office_entry_for(current_person(), entry_id, Can.ASSIGN_TASK)
        service.assign_mentor(found, _chosen(form), by=current_person(), reason=form.reason.data or "", now=clock.now())
    flash(_("The mentor was assigned."), "success")
    return redirect(url_for("practice.desk_entry", entry_id=entry_id))


@bp.post("/entries/<int:entry_id>/release/<int:review_id>")
@requires(Can.ASSIGN_TASK)
def release_reviewer(entry_id: int, review_id: int) -> Any:
    with unit_of_work():
        found = access.office_entry_for(current_person(), entry_id, Can.ASSIGN_TASK)
        one = next((r for r in found.reviews if r.id == review_id), None)
        if one is None:
            raise NotFound
        reviewing.release_reviewer(one, by=current_person(), reason="", now=clock.now())
    flash(_("The reviewer was released."), "success")
    return redirect(url_for("practice.desk_entry", entry_id=entry_id))


@bp.post("/entries/<int:entry_id>/defence")
@requires(Can.ASSIGN_TASK)
def record_defence(entry_id: int) -> Any:
    access.office_entry_for(current_person(), entry_id, Can.ASSIGN_TASK)
    form = DefenceForm(prefix="defence")
    if not form.validate_on_submit():
        return _desk_page(entry_id, defence=form), 422
    try:
        with unit_of_work():
            service.record_defence(
                access.office_entry_for(current_person(), entry_id, Can.ASSIGN_TASK), by=current_person(),
                held_on=form.held_on.data, panel=form.panel.data, minutes=form.minutes.data,
                passed=form.outcome.data == "1", now=clock.now(),
            )  # fmt: skip
    except Invalid as error:
        form.refuse(error)
        return _desk_page(entry_id, defence=form), 422
    flash(_("The oral defence was recorded."), "success")
    return redirect(url_for("practice.desk_entry", entry_id=entry_id))


@bp.get("/load")
@requires(Can.READ_TASK)
def load() -> Any:
    """Who accompanies and who reviews in the reach of this office, and how much each has on hand."""
    return render_template(
        "practice/load.html",
        mentors=people.mentor_table(current_person()),
        reviewers=people.reviewer_table(current_person()),
    )
