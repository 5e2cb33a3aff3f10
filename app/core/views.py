"""Pages that belong to no feature: the first page, standing texts, language, health, the clock of the demonstration."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy import text

from app.core import alarms, clock
from app.core.access import public
from app.core.crypto import settings
from app.core.errors import NotFound
from app.core.frame import LANGUAGES, has
from app.core.nav import place
from app.core.pages import standing_text
from app.db import db

bp = Blueprint("core", __name__)
place("core.about", _l("About this service"), "public", order=90)


def safe_next(target: str | None, otherwise: str) -> str:
    """A path on this site, or ``otherwise``: never an address elsewhere."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or urlsplit(target).netloc:
        return otherwise
    return target


@bp.get("/")
@public
def index() -> Any:
    if current_user.is_authenticated:
        return redirect(url_for("pathway.home" if has("pathway.home") else "notices.index"))
    return render_template("core/index.html")


@bp.get("/favicon.ico")
@public
def favicon() -> Any:
    """What browsers ask for by themselves on pages without a head."""
    return current_app.send_static_file("img/mark.svg")


@bp.get("/about")
@public
def about() -> Any:
    return _standing("about")


@bp.get("/privacy")
@public
def privacy() -> Any:
    return _standing("privacy")


@bp.get("/accessibility")
@public
def accessibility() -> Any:
    return _standing("accessibility")


def _standing(name: str) -> Any:
    from flask_babel import get_locale

    heading, body = standing_text(name, str(get_locale()))
    return render_template("core/text.html", heading=heading, body=body)


@bp.get("/language/<code>")
@public
def language(code: str) -> Any:
    if code in LANGUAGES:
        session["lang"] = code
    return redirect(safe_next(request.args.get("next"), "/"))


@bp.post("/clock")
@public
def move_clock() -> Any:
    """Move the clock of the demonstration; in production there is no such page."""
    if not settings().clock_moves:
        raise NotFound
    shift = request.form.get("shift", "")
    try:
        if shift == "reset":
            clock.set_offset(timedelta())
        else:
            clock.move(clock.parse_shift(shift))
    except (ValueError, OverflowError):
        flash(_("The clock was not moved: give a shift like +1d or -2h."), "warning")
    else:
        flash(_("The clock now shows %(moment)s.", moment=clock.local(clock.now()).strftime("%Y-%m-%d %H:%M")), "info")
    return redirect(safe_next(request.form.get("next"), "/"))


@bp.get("/healthz")
@public
def healthz() -> Any:
    """Alive: answers without touching anything else."""
    return {"alive": True}


@bp.get("/readyz")
@public
def readyz() -> Any:
    """Able to serve: the database answers and files can be kept. ``alarms`` names what the operator must see to; a
    machine with an alarm goes on serving."""
    from app.files.service import check_storage

    state = {}
    for name, check in (("database", _ask_database), ("storage", check_storage)):
        try:
            check()
            state[name] = True
        except Exception:
            current_app.logger.exception("%s is not ready", name)
            state[name] = False
    ready = all(state.values())
    wrong = [name for name, words in alarms.raised(clock.now()).items() if words] if state["database"] else []
    return {"ready": ready, **state, "alarms": wrong}, 200 if ready else 503


def _ask_database() -> None:
    db.session.execute(text("SELECT 1"))
