"""Export of a filtered list or a selection: first what the format does not carry, then the file."""

from __future__ import annotations

import io
import re
from typing import Any

from flask import Blueprint, render_template, request, send_file
from sqlalchemy.orm import joinedload
from werkzeug.datastructures import MultiDict

from app.accounts.guard import current_person, requires
from app.audit.service import record
from app.bank import importing, service
from app.bank.deeds import Did
from app.bank.editing import place_words
from app.bank.exporting import written
from app.bank.lists import all_of, listing_of
from app.bank.models import Question
from app.core.errors import NotFound
from app.core.permissions import Can
from app.db import db, unit_of_work
from question_bank.formats import Writing, formats

bp = Blueprint("bank_export", __name__, url_prefix="/bank/export", template_folder="templates")
MOST = 20_000
_NUMBER = re.compile(r"\[\d+\]")


def _asked() -> MultiDict[str, str]:
    return request.form if request.method == "POST" else request.args


def _questions() -> list[Question]:
    """Those chosen (``ids``), else all that the filters in the address leave."""
    asked = _asked()
    ids = [int(one) for one in asked.getlist("ids") if one.isascii() and one.isdigit() and len(one) < 10]
    chosen = service.questions_visible_to(current_person())
    if ids:
        found = chosen.where(Question.id.in_(ids[:MOST]))
    else:
        found = all_of(listing_of(chosen, asked)).limit(MOST)
    return list(db.session.scalars(found.options(joinedload(Question.latest))).unique())


def _format() -> str:
    wanted = _asked().get("format", "")
    if wanted and wanted not in formats():
        raise NotFound
    return wanted


def _losses(made: Writing) -> list[tuple[str, list[str]]]:
    """What is lost, by field: its name and the questions concerned."""
    found: dict[str, list[str]] = {}
    for line in made.losses:
        code, _sep, field = line.partition(": ")
        name = (
            importing.field_words(_NUMBER.sub("", field))
            if field not in ("question", "pictures")
            else place_words(field)
        )
        codes = found.setdefault(name, [])
        if not codes or codes[-1] != code:
            codes.append(code)
    return sorted(found.items(), key=lambda row: (-len(row[1]), row[0]))


@bp.route("", methods=["GET", "POST"])
@requires(Can.READ_BANK)
def choose() -> Any:
    """Choose a format; with one chosen, what it does not carry."""
    questions, wanted = _questions(), _format()
    items = [question.latest.item for question in questions]
    losses = _losses(written(items, wanted)) if wanted else []
    asked = [(name, value) for name, value in _asked().items(multi=True)
             if name not in ("format", "csrf_token", "page", "export")]  # fmt: skip
    return render_template("bank/export.html", count=len(items), formats=importing.format_choices(), wanted=wanted,
                           losses=losses, asked=asked)  # fmt: skip


@bp.post("/file")
@requires(Can.READ_BANK)
def file() -> Any:
    wanted = _format()
    if not wanted:
        raise NotFound
    questions = _questions()
    if not questions:
        raise NotFound
    made = written([question.latest.item for question in questions], wanted)
    with unit_of_work():
        record(Did.EXPORT, questions[0], by=current_person(), more={"format": wanted, "questions": len(questions)})
    answer = send_file(
        io.BytesIO(made.data), as_attachment=True, download_name=f"questions.{importing.ENDINGS[wanted]}"
    )
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
