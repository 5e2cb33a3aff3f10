"""The reader's notices, and which of them come by mail."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from app.core import clock
from app.core.access import signed_in
from app.core.nav import place
from app.core.views import safe_next
from app.db import locked, unit_of_work
from app.notices import service

bp = Blueprint("notices", __name__, url_prefix="/notices", template_folder="templates")
place("notices.preferences", _l("Notifications by mail"), "account", order=60)
PER_PAGE = 25


@bp.get("")
@signed_in
def index() -> Any:
    asked = request.args.get("page", "1")
    page = int(asked) if asked.isascii() and asked.isdigit() and int(asked[:7]) > 0 else 1
    rows, total = service.notices_of(current_user.person, page=min(page, 10_000), per_page=PER_PAGE)
    shown = [(row, service.subject_of(row), service.body_of(row)) for row in rows]
    return render_template("notices/index.html", shown=shown, page=page, pages=max(1, -(-total // PER_PAGE)))


@bp.post("/<int:notice_id>/open")
@signed_in
def open_one(notice_id: int) -> Any:
    """Mark as read, and go where the notice points."""
    person = current_user.person
    with unit_of_work():
        notice = service.notice_for(person, notice_id)
        service.mark_read(person, now=clock.now(), notice_id=notice.id)
    return redirect(safe_next(notice.link, url_for("notices.index")))


@bp.post("/read")
@signed_in
def read_all() -> Any:
    with unit_of_work():
        service.mark_read(current_user.person, now=clock.now())
    flash(_("All notifications are marked as read."), "success")
    return redirect(url_for("notices.index"))


@bp.get("/preferences")
@signed_in
def preferences() -> Any:
    return render_template("notices/preferences.html", letters=service.optional_letters())


@bp.post("/preferences")
@signed_in
def save_preferences() -> Any:
    with unit_of_work():
        service.choose_letters(locked(current_user.person), set(request.form.getlist("wanted")))
    flash(_("Saved. Notifications on this site are not affected."), "success")
    return redirect(url_for("notices.preferences"))
