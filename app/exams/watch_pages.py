"""The page on which the exam office says how a session is watched."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.accounts.guard import current_person, requires
from app.core import clock
from app.core.errors import NotFound
from app.core.permissions import Can
from app.db import locked, unit_of_work
from app.exams import hall, sessions, watch
from app.exams.forms import WatchForm
from app.exams.office import bp
from app.exams.watch import AtLimit, Watch


@bp.route("/sessions/<int:session_id>/watch", methods=["GET", "POST"])
@requires(Can.RUN_EXAM)
def watch_settings(session_id: int) -> Any:
    found = sessions.session_for(current_person(), session_id, Can.RUN_EXAM)
    kept, now = watch.watch_of(found), clock.now()
    form = WatchForm(data=kept.as_json() | {"admission": bool(kept.room_code), "seb": found.seb})
    fixed = watch.fixed(found, now)
    if request.method == "POST" and form.validate_on_submit():
        wanted = Watch(
            switch_limit=form.switch_limit.data or 1,
            switch_seconds=form.switch_seconds.data or 1,
            at_limit=AtLimit(form.at_limit.data),
            idle_seconds=form.idle_seconds.data or 0,
            copy_free=form.copy_free.data,
            watermark=form.watermark.data,
            full_screen=form.full_screen.data,
        )
        with unit_of_work():
            watch.change(
                locked(found),
                wanted,
                seb=form.seb.data,
                admission=form.admission.data,
                quit_password=form.quit_password.data or "",
                by=current_person(),
                now=now,
            )
        flash(_("Saved. Candidates read these rules on the page before the start."), "success")
        return redirect(url_for("exam_office.session", session_id=session_id))
    status = 422 if request.method == "POST" else 200
    return render_template("exams/office/watch.html", form=form, session=found, watch=kept, fixed=fixed,
                           key=hall.key_of(found.id) if found.seb else ""), status  # fmt: skip


@bp.get("/sessions/<int:session_id>/settings.seb")
@requires(Can.RUN_EXAM, Can.INVIGILATE)
def seb_settings(session_id: int) -> Any:
    """The settings file for the machines of a room."""
    person = current_person()
    right = Can.RUN_EXAM if person.can(Can.RUN_EXAM) else Can.INVIGILATE
    found = sessions.session_for(person, session_id, right)
    if not found.seb:
        raise NotFound
    return hall.seb_file(found)
