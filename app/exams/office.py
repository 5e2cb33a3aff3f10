"""Pages of the exam office, the invigilator and the marker."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.accounts.guard import current_person, requires
from app.accounts.models import Person
from app.accounts.scope import within
from app.accounts.words import place_name
from app.bank import service as bank
from app.bank.faces import KIND_NAMES
from app.core import clock
from app.core.errors import Invalid
from app.core.forms import clean_text
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.core.text import markdown
from app.db import db, locked, unit_of_work
from app.exams import marking, outdated, places, room, sessions
from app.exams.forms import ReasonForm
from app.exams.models import ExamSession, Reading, Sitting, TaskState
from app.exams.states import SessionState, SittingState
from app.exams.words import SESSION_STATES, SESSION_TONES, state_names
from app.jobs.models import Job
from app.outline import service as outline

bp = Blueprint("exam_office", __name__, url_prefix="/exams/office", template_folder="templates")


def to_release(person: Person) -> int:
    """Sessions that are closed and wait for marking and release."""
    asked = select(func.count()).select_from(ExamSession)
    return (
        db.session.scalar(
            asked.where(
                within(person, Can.RUN_EXAM, region=ExamSession.region_id), ExamSession.state == SessionState.CLOSED
            )
        )
        or 0
    )


place("exam_office.index", _l("Exam sessions"), "exams", can=Can.READ_EXAM, order=10, count=to_release)
place("exam_office.rooms", _l("Invigilation"), "exams", can=Can.INVIGILATE, order=15, count=room.void_requests_waiting)
place("exam_office.queue", _l("Answers to mark"), "exams", can=Can.MARK, order=20, count=marking.tasks_waiting)


@bp.app_template_global("session_words")
def session_words() -> dict[str, Any]:
    return {"states": SESSION_STATES, "tones": SESSION_TONES}


# --- sessions --------------------------------------------------------------------------------------------------------------


def _listing(asked: Any) -> Listing:
    levels = outline.level_names()
    columns = [
        Column("title", _l("Session title"), lambda s: s.title, ExamSession.title),
        Column("level", _l("Level"), lambda s: levels.get(s.level, s.level), ExamSession.level),
        Column("region", _l("Region"), lambda s: place_name(s.region)),
        Column("opens_at", _l("Opens"), lambda s: s.opens_at, ExamSession.opens_at),
        Column("place", _l("Place"), lambda s: s.place or "—"),
        Column("state", _l("State"), lambda s: SESSION_STATES[s.state], ExamSession.state),
    ]
    filters = [
        Filter("level", _l("Level"), [(str(k), v) for k, v in levels.items()], lambda v: ExamSession.level == int(v)),
        Filter("state", _l("State"), [(k.value, v) for k, v in SESSION_STATES.items()],
               lambda v: ExamSession.state == SessionState(v)),
    ]  # fmt: skip
    return Listing(asked, columns, request.args, filters, search=(ExamSession.title, ExamSession.place))


@bp.get("/sessions")
@requires(Can.READ_EXAM)
def index() -> Any:
    rows = _listing(sessions.sessions_visible_to(current_person()))
    return render_template("exams/office/sessions.html", rows=rows)


def _candidates(session: ExamSession, names: dict[SittingState, Any]) -> Listing:
    columns = [
        Column("candidate", _l("Candidate"), lambda s: s.candidate.name, Person.name),
        Column("organisation", _l("Organisation"),
               lambda s: place_name(s.candidate.organisation) or "—"),
        Column("state", _l("State"), lambda s: names[s.state], Sitting.state),
        Column("extra", _l("Extra time (min)"), lambda s: s.extra_minutes + s.credit_seconds // 60, numeric=True),
        Column("submitted_at", _l("Handed in at"), lambda s: s.submitted_at, Sitting.submitted_at),
        Column("score", _l("Exam score"), lambda s: s.score, Sitting.score, numeric=True),
    ]  # fmt: skip
    filters = [Filter("state", _l("State"), [(k.value, v) for k, v in names.items()],
                      lambda v: Sitting.state == SittingState(v))]  # fmt: skip
    asked = (
        select(Sitting)
        .join(Sitting.candidate)
        .where(Sitting.session_id == session.id)
        .options(joinedload(Sitting.candidate))
        .order_by(Sitting.id)
    )
    return Listing(asked, columns, request.args, filters, search=(Person.name, Person.email))


def _session_page(session_id: int, status: int = 200, **more: Any) -> Any:
    person, now = current_person(), clock.now()
    found = sessions.session_for(person, session_id)
    names = state_names(found, now)
    draft = found.state is SessionState.DRAFT
    runs = person.can(Can.RUN_EXAM)
    venues = places.places_of(session_id)
    values: dict[str, Any] = {
        "session": found,
        "rows": _candidates(found, names),
        "names": names,
        "runs": runs,
        "watches": person.can(Can.INVIGILATE),
        "checks": sessions.check_list(found, now) if draft else [],
        "progress": marking.progress_of(found),
        "releases": marking.release_checks(found) if found.state is SessionState.CLOSED else [],
        "reason_form": ReasonForm(),
        "level": outline.level_name(found.level),
        "outdated": outdated.found_in(found, now),
        "capacity": sum(place.capacity for place in venues),
        "seats_missing": bool(venues)
        and found.state is SessionState.PUBLISHED
        and now <= found.closes_at
        and places.arrangement_of(session_id).seats_published_at is None,
        "job": db.session.get(Job, found.papers_job_id) if found.papers_job_id else None,
        "version": sessions.blueprint_version(found),
        "now": now,
        "begun": sessions.begun(found),
        "takes": found.state in (SessionState.DRAFT, SessionState.PUBLISHED) and now <= found.last_entry_at,
    }
    return render_template("exams/office/session.html", **(values | more)), status


@bp.get("/sessions/<int:session_id>")
@requires(Can.READ_EXAM)
def session(session_id: int) -> Any:
    return _session_page(session_id)


@bp.post("/sessions/<int:session_id>/papers/anew")
@requires(Can.RUN_EXAM)
def renew_papers(session_id: int) -> Any:
    """Papers not begun that hold a retired question, or one with a corrected key, are drawn again."""
    person = current_person()
    found = sessions.session_for(person, session_id, Can.RUN_EXAM)
    with unit_of_work():
        drawn, kept = outdated.renew(locked(found), by=person, now=clock.now())
    if drawn:
        flash(ngettext("%(n)s paper was drawn anew.", "%(n)s papers were drawn anew.", drawn), "success")
    if kept:
        words = ngettext(
            "For %(n)s paper the bank has no other; it stays as it is.",
            "For %(n)s papers the bank has no other; they stay as they are.", kept,
        )  # fmt: skip
        flash(words, "warning")
    if not drawn and not kept:
        flash(_("The papers are being drawn anew in the background."), "success")
    return redirect(url_for("exam_office.session", session_id=session_id))


@bp.post("/sessions/<int:session_id>/publish")
@requires(Can.RUN_EXAM)
def publish(session_id: int) -> Any:
    found = sessions.session_for(current_person(), session_id, Can.RUN_EXAM)
    with unit_of_work():
        sessions.publish(locked(found), by=current_person(), now=clock.now())
    flash(_("Published. Papers are being made in the background."), "success")
    return redirect(url_for("exam_office.session", session_id=session_id))


@bp.post("/sessions/<int:session_id>/cancel")
@requires(Can.RUN_EXAM)
def cancel(session_id: int) -> Any:
    found = sessions.session_for(current_person(), session_id, Can.RUN_EXAM)
    form = ReasonForm()
    if not form.validate_on_submit():
        return _session_page(session_id, 422, reason_form=form)
    with unit_of_work():
        sessions.cancel(locked(found), by=current_person(), reason=form.reason.data or "", now=clock.now())
    flash(_("Cancelled. Everybody registered was told."), "success")
    return redirect(url_for("exam_office.session", session_id=session_id))


@bp.post("/sessions/<int:session_id>/release")
@requires(Can.RUN_EXAM)
def release(session_id: int) -> Any:
    found = sessions.session_for(current_person(), session_id, Can.RUN_EXAM)
    with unit_of_work():
        count = marking.release(locked(found), by=current_person(), now=clock.now())
    flash(
        ngettext(
            "%(n)s result released; the candidate was sent a letter.",
            "%(n)s results released; everybody was sent a letter.",
            count,
        ),
        "success",
    )
    return redirect(url_for("exam_office.session", session_id=session_id))


# --- the marker ----------------------------------------------------------------------------------------------------------------


@bp.get("/marking")
@requires(Can.MARK)
def queue() -> Any:
    """How much waits, by question. Who wrote an answer is nowhere on these pages, nor what another marker gave."""
    person = current_person()
    asked = marking.tasks_open_to(person).order_by(None).subquery()
    waiting = db.session.execute(
        select(
            ExamSession.id, ExamSession.title, asked.c.revision_id, func.count().label("count"),
            func.min(asked.c.made_at).label("since"),
        )
        .join(ExamSession, ExamSession.id == asked.c.session_id)
        .group_by(ExamSession.id, ExamSession.title, asked.c.revision_id)
        .order_by(ExamSession.closes_at, ExamSession.id, func.min(asked.c.made_at), asked.c.revision_id)
    ).all()  # fmt: skip
    done = db.session.scalar(select(func.count()).where(Reading.marker_id == person.id))
    stems = bank.stems_of(row.revision_id for row in waiting if row.revision_id)
    return render_template("exams/office/queue.html", waiting=waiting, done=done, stems=stems)


@bp.get("/marking/next")
@requires(Can.MARK)
def next_answer() -> Any:
    """On to the next answer that waits for this marker: of the same question, else of the same exam, else of any."""
    person, after = current_person(), request.args.get("after", 0, type=int)
    wanted = {key: request.args.get(key, type=int) for key in ("session_id", "revision_id")}
    following = (
        marking.next_task(person, after, **wanted)
        or marking.next_task(person, after, session_id=wanted["session_id"])
        or marking.next_task(person, after)
    )
    if following is None:
        flash(_("No further answer waits for you."), "success")
        return redirect(url_for("exam_office.queue"))
    return redirect(url_for("exam_office.task", task_id=following.id))


@bp.route("/marking/<int:task_id>", methods=["GET", "POST"])
@requires(Can.MARK)
def task(task_id: int) -> Any:
    person = current_person()
    found = marking.task_for(person, task_id)
    on: dict[str, Any] = {"after": task_id, "session_id": found.session_id, "revision_id": found.revision_id}
    error: Invalid | None = None
    script = marking.script_of(found)
    limits = marking.limits_of(script.question)
    if request.method == "POST":
        try:
            points = points_from(request.form, "points", limits)
            with unit_of_work():
                marking.give(found, points, by=person, remark=clean_text(request.form.get("remark", ""))[:2000],
                             now=clock.now())  # fmt: skip
        except Invalid as bad:
            error = bad
        except marking.MarkedMeanwhile as late:
            flash(late.text, "warning")
            return redirect(url_for("exam_office.next_answer", **on))
        else:
            flash(_("The mark was saved."), "success")
            return redirect(url_for("exam_office.next_answer", **on))
        found = marking.task_for(person, task_id)
        script = marking.script_of(found)
    own = next((one for one in found.readings if one.marker_id == person.id), None)
    return (
        render_template(
            "exams/office/task.html", task=found, session=found.session, script=script, limits=limits, error=error,
            kinds=KIND_NAMES, stem=markdown(script.item.text), own=own, on=on,
            waiting=found.state is TaskState.WAITING and own is None, left=marking.tasks_waiting(person),
        ),
        422 if error else 200,
    )  # fmt: skip


def points_from(form: Any, prefix: str, limits: Sequence[Decimal]) -> list[Decimal]:
    """The points of a rubric as typed, line by line. Raises BadPoints naming the line."""
    return [_number(form.get(f"{prefix}-{n}"), f"{prefix}-{n}", most) for n, most in enumerate(limits)]


def _number(text: str | None, field: str, most: Decimal) -> Decimal:
    try:
        value = Decimal(unicodedata.normalize("NFKC", text or "").strip())
    except InvalidOperation:
        raise marking.BadPoints(field, most=most) from None
    if not value.is_finite() or not 0 <= value <= most or value != round(value, 2):
        raise marking.BadPoints(field, most=most)
    return value
