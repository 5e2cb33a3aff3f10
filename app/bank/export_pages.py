"""Export of a filtered list or a selection: first what the format does not carry, then the file."""

from __future__ import annotations

import io
from typing import Any

from flask import Blueprint, redirect, render_template, request, send_file, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.datastructures import MultiDict

from app.accounts.guard import current_person, requires
from app.audit.service import record
from app.bank import exporting, importing, service
from app.bank.deeds import Did
from app.bank.editing import place_words
from app.bank.exporting import AT_ONCE, ENDINGS, by_field, written
from app.bank.lists import all_of, listing_of
from app.bank.models import Question
from app.core import clock
from app.core.errors import NotFound
from app.core.permissions import Can
from app.db import db, unit_of_work
from app.files.service import hand_out
from question_bank.formats import formats

bp = Blueprint("bank_export", __name__, url_prefix="/bank/export", template_folder="templates")
MOST = 20_000


def _asked() -> MultiDict[str, str]:
    return request.form if request.method == "POST" else request.args


def _ids() -> list[int]:
    """Those chosen (``ids``), else all that the filters in the address leave, in the order of the list."""
    asked = _asked()
    ids = [int(one) for one in asked.getlist("ids") if one.isascii() and one.isdigit() and len(one) < 10]
    chosen = service.questions_visible_to(current_person())
    if ids:
        found = chosen.where(Question.id.in_(ids[:MOST]))
    else:
        found = all_of(listing_of(chosen, asked)).limit(MOST)
    return list(db.session.scalars(found.with_only_columns(Question.id)))


def _questions(ids: list[int]) -> list[Question]:
    asked = select(Question).where(Question.id.in_(ids)).options(joinedload(Question.latest))
    found = {one.id: one for one in db.session.scalars(asked)}
    return [found[one] for one in ids if one in found]


def _format() -> str:
    wanted = _asked().get("format", "")
    if wanted and wanted not in formats():
        raise NotFound
    return wanted


def _named(losses: list[tuple[str, int, list[str]]]) -> list[tuple[str, int, list[str]]]:
    """What is lost in words, the most frequent first: its name, how many questions, the first of them."""
    found = [
        (importing.field_words(field) if field not in ("question", "pictures") else place_words(field), count, codes)
        for field, count, codes in losses
    ]
    return sorted(found, key=lambda row: (-row[1], row[0]))


@bp.route("", methods=["GET", "POST"])
@requires(Can.READ_BANK)
def choose() -> Any:
    """Choose a format; with one chosen, what it does not carry. A long list is written in the background."""
    ids, wanted = _ids(), _format()
    if wanted and len(ids) > AT_ONCE and request.method == "POST":
        with unit_of_work():
            made = exporting.ask(ids, wanted, by=current_person(), now=clock.now())
        return redirect(url_for("bank_export.show", export_id=made.id))
    losses: list[tuple[str, int, list[str]]] = []
    if wanted and len(ids) <= AT_ONCE:
        found = by_field(written([one.latest.item for one in _questions(ids)], wanted).losses)
        losses = [(field, len(codes), codes) for field, codes in found.items()]
    asked = [(name, value) for name, value in _asked().items(multi=True)
             if name not in ("format", "csrf_token", "page", "export")]  # fmt: skip
    return render_template("bank/export.html", count=len(ids), formats=importing.format_choices(), wanted=wanted,
                           losses=_named(losses), asked=asked, long=len(ids) > AT_ONCE)  # fmt: skip


@bp.post("/file")
@requires(Can.READ_BANK)
def file() -> Any:
    wanted, ids = _format(), _ids()
    if not wanted or not ids:
        raise NotFound
    if len(ids) > AT_ONCE:
        return choose()
    questions = _questions(ids)
    made = written([question.latest.item for question in questions], wanted)
    with unit_of_work():
        record(Did.EXPORT, questions[0], by=current_person(), more={"format": wanted, "questions": len(questions)})
    answer = send_file(io.BytesIO(made.data), as_attachment=True, download_name=f"questions.{ENDINGS[wanted]}")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.get("/<int:export_id>")
@requires(Can.READ_BANK)
def show(export_id: int) -> Any:
    """A long export: how far it is, then what is lost and the file."""
    found = exporting.export_for(current_person(), export_id)
    losses = _named([(field, count, codes) for field, count, codes in found.losses])
    name = dict(importing.format_choices()).get(found.format, found.format)
    return render_template("bank/export_show.html", export=found, losses=losses, name=name, part=exporting.part_of(found.format),
                           days=exporting.KEPT.days)  # fmt: skip


@bp.get("/<int:export_id>.json")
@requires(Can.READ_BANK)
def state(export_id: int) -> Any:
    """How far it is, for the page that waits for it."""
    found = exporting.export_for(current_person(), export_id)
    return {
        "ended": found.done_at is not None,
        "finished": found.written,
        "done": found.written,
        "refused": 0,
        "left": "",
    }


@bp.get("/<int:export_id>/zip")
@requires(Can.READ_BANK)
def take(export_id: int) -> Any:
    found = exporting.export_for(current_person(), export_id)
    if found.file is None:
        raise NotFound
    return hand_out(found.file)
