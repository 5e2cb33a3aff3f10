"""Pages of the groups of questions that exclude one another."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from app.accounts.guard import current_person, requires
from app.bank import groups
from app.bank.forms import GroupForm
from app.bank.models import EnemyGroup, EnemyGroupMember
from app.core import clock
from app.core.errors import Invalid
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Listing
from app.db import locked, unit_of_work

bp = Blueprint("bank_groups", __name__, url_prefix="/bank/groups", template_folder="templates")
place("bank_groups.index", _l("Enemy groups"), "exams", can=Can.READ_BANK, order=32)


@bp.get("")
@requires(Can.READ_BANK)
def index() -> Any:
    size = select(func.count()).where(EnemyGroupMember.group_id == EnemyGroup.id).scalar_subquery()
    columns = [
        Column("name", _l("Name of the group"), lambda one: one.name, EnemyGroup.name),
        Column("members", _l("Questions"), lambda one: len(one.members), size, numeric=True),
        Column("note", _l("Why they do not go together"), lambda one: one.note or "—"),
    ]
    asked = groups.groups_visible_to(current_person()).options(selectinload(EnemyGroup.members))
    rows = Listing(asked, columns, request.args, search=[EnemyGroup.name, EnemyGroup.note], default_sort="name")
    return render_template("bank/groups.html", rows=rows)


def _form_page(form: GroupForm, group: EnemyGroup | None) -> Any:
    status = 422 if request.method == "POST" else 200
    return render_template("bank/group.html", form=form, group=group), status


def _saved(form: GroupForm, group: EnemyGroup | None) -> bool:
    codes = re.split(r"[\s,;，；]+", form.codes.data or "")
    try:
        with unit_of_work():
            groups.keep_group(locked(group) if group else None, form.name.data or "", codes, note=form.note.data or "",
                              by=current_person(), now=clock.now())  # fmt: skip
    except Invalid as error:
        form.refuse(error)
        return False
    flash(_("The group was saved. Papers made from now on hold at most one of its questions."), "success")
    return True


@bp.route("/new", methods=["GET", "POST"])
@requires(Can.WRITE_QUESTION)
def new() -> Any:
    form = GroupForm()
    if request.method == "GET":
        form.codes.data = request.args.get("code", "")[:64]
    elif form.validate_on_submit() and _saved(form, None):
        return redirect(url_for("bank_groups.index"))
    return _form_page(form, None)


@bp.get("/<int:group_id>")
@requires(Can.READ_BANK)
def show(group_id: int) -> Any:
    return render_template("bank/group_show.html", group=groups.group_for(current_person(), group_id))


@bp.route("/<int:group_id>/edit", methods=["GET", "POST"])
@requires(Can.WRITE_QUESTION)
def edit(group_id: int) -> Any:
    found = groups.group_for(current_person(), group_id)
    form = GroupForm(obj=found)
    if request.method == "GET":
        form.codes.data = "\n".join(member.question.code for member in found.members)
    elif form.validate_on_submit() and _saved(form, found):
        return redirect(url_for("bank_groups.show", group_id=group_id))
    return _form_page(form, found)


@bp.post("/<int:group_id>/delete")
@requires(Can.WRITE_QUESTION)
def delete(group_id: int) -> Any:
    found = groups.group_for(current_person(), group_id)
    with unit_of_work():
        groups.dissolve(locked(found), by=current_person(), now=clock.now())
    flash(_("The group was dissolved."), "success")
    return redirect(url_for("bank_groups.index"))
