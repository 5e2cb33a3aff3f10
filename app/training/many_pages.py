"""Deciding on many at once, in two steps: who would be decided on and who not, then the decision, named on its button."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.accounts.guard import current_person, requires
from app.core import clock
from app.core.errors import NotFound
from app.core.forms import clean_text
from app.core.permissions import Can
from app.db import unit_of_work
from app.training import many, planning
from app.training.many import Line

bp = Blueprint("training_many", __name__, url_prefix="/training/office/many", template_folder="templates")

TITLES = {
    ("leave", "grant"): _l("Grant leave"),
    ("leave", "refuse"): _l("Do not grant leave"),
    ("make-ups", "grant"): _l("Let guests in"),
    ("make-ups", "refuse"): _l("Do not let guests in"),
    ("make-ups", "present"): _l("Record guests as present"),
    ("transfers", "grant"): _l("Grant changes of class"),
    ("transfers", "refuse"): _l("Do not grant changes of class"),
    ("hours", "examine"): _l("Take the stated hours as proved"),
    ("hours", "decide"): _l("Recognise the hours examined"),
    ("hours", "return"): _l("Return statements of hours"),
}
BACK = {
    "leave": "training_running.absences",
    "make-ups": "training_running.absences",
    "transfers": "training_running.transfers",
    "hours": "training_running.claims_list",
}


class _Trial(Exception):
    """Carries what a trial found out of a unit of work, which thereby keeps nothing of it."""

    def __init__(self, lines: list[Line]) -> None:
        super().__init__()
        self.lines = lines


def _named(what: str, deed: str, n: int) -> str:
    """The button's words: what will happen, to how many."""
    return {
        ("leave", "grant"): ngettext("Grant leave to %(n)s person", "Grant leave to %(n)s people", n, n=n),
        ("leave", "refuse"): ngettext("Refuse leave to %(n)s person", "Refuse leave to %(n)s people", n, n=n),
        ("make-ups", "grant"): ngettext("Let %(n)s guest in", "Let %(n)s guests in", n, n=n),
        ("make-ups", "refuse"): ngettext("Refuse %(n)s guest", "Refuse %(n)s guests", n, n=n),
        ("make-ups", "present"): ngettext("Record %(n)s guest as present", "Record %(n)s guests as present", n, n=n),
        ("transfers", "grant"): ngettext("Move %(n)s person to the other class", "Move %(n)s people to the other class", n, n=n),
        ("transfers", "refuse"): ngettext("Refuse %(n)s person the change", "Refuse %(n)s people the change", n, n=n),
        ("hours", "examine"): ngettext("Take the hours of %(n)s person as proved", "Take the hours of %(n)s people as proved", n, n=n),
        ("hours", "decide"): ngettext("Recognise the hours of %(n)s person", "Recognise the hours of %(n)s people", n, n=n),
        ("hours", "return"): ngettext("Return the statement of %(n)s person", "Return the statements of %(n)s people", n, n=n),
    }[what, deed]  # fmt: skip


@bp.post("/<what>/<deed>")
@requires(Can.TEACH, Can.RUN_CLASS)
def decide(what: str, deed: str) -> Any:
    if (what, deed) not in TITLES:
        raise NotFound
    back = redirect(url_for(BACK[what]))
    ids = planning.as_ids(request.form.getlist("ids"))
    if not ids:
        flash(_("Nobody was chosen. Tick the people first."), "warning")
        return back
    reason = str(clean_text(request.form.get("reason", "")))[:1000]
    sure = request.form.get("sure") == "1"
    try:
        with unit_of_work():
            lines = many.decide(what, deed, ids, by=current_person(), reason=reason, now=clock.now())
            if not sure:
                raise _Trial(lines)
    except _Trial as trial:
        good = [one for one in trial.lines if not one.refused]
        return render_template(
            "training/running/many.html", title=TITLES[what, deed], what=what, deed=deed, good=good,
            bad=[one for one in trial.lines if one.refused], reason=reason, named=_named(what, deed, len(good)),
            back=url_for(BACK[what]),
        )  # fmt: skip
    done = sum(not one.refused for one in lines)
    if deed == "examine":
        flash(_("Examined: %(n)s. Another officer now decides.", n=done), "success")
    elif deed == "present":
        flash(_("Recorded as present: %(n)s. The hours come with the next crediting of the class.", n=done), "success")
    else:
        flash(_("Decided: %(n)s. Whoever is concerned has been told.", n=done), "success")
    for one in lines:
        if one.refused:
            flash(_("Left out: %(what)s", what=f"{one.who} · {one.refused}"), "warning")
    return back
