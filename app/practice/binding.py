"""The PDF of a portfolio. Called by the worker: WeasyPrint is loaded when the first one is made."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from flask import current_app
from flask_babel import force_locale, get_locale
from flask_babel import gettext as _

from app.accounts.identity import id_for_documents
from app.core.clock import local_date
from app.core.crypto import settings
from app.core.text import day
from app.files.models import StoredFile
from app.files.service import PDF, keep_bytes
from app.outline.service import level_names
from app.practice import words
from app.practice.models import Portfolio
from app.practice.portfolio import Chapter, chapters_of, sums_of

STYLE = Path(__file__).parent / "templates" / "practice" / "print" / "portfolio.css"
MOST_BYTES = 200 * 1024 * 1024


def portfolio_pdf(made: Portfolio, *, now: datetime) -> bytes:
    """Cover with sums, contents with page numbers, one chapter for each task. In the language it was asked for in."""
    from certificates.sheets import sheet_pdf

    chapters = chapters_of(made)
    with force_locale(made.language):
        page = current_app.jinja_env.get_template("practice/print/portfolio.html").render(
            made=made, person=made.person, masked_id=id_for_documents(made.person) or "—", chapters=chapters,
            sums=sums_of(chapters), levels=level_names(), labels=words.FIELD_LABELS, states=words.STATE_LABELS,
            word=words.value_in_words, in_words=words.in_words, steps=_steps, trial=settings().clock_moves,
            made_on=day(local_date(now)), language=str(get_locale()).replace("_", "-"),
        )  # fmt: skip
    return sheet_pdf(page, STYLE.read_text("utf-8"), {})


def _steps(chapter: Chapter) -> list[tuple[datetime, str]]:
    """What happened to the bound version, oldest first. The mentor is named, reviewers are not."""
    return [
        (
            one.at,
            f"{words.MOVE_LABELS[one.move]}{f' · {one.person.name}' if one.person and one.move in words.BY_NAME else ''}",
        )
        for one in chapter.entry.steps
        if one.version == chapter.version.number
    ]


def keep(made: Portfolio, data: bytes) -> StoredFile:
    """Keep the PDF of a portfolio."""
    from certificates.sheets import page_count

    with force_locale(made.language):
        name = _("Practice portfolio") + f"-{made.id}.pdf"
    kept = keep_bytes(data, name, owner=made.person, kinds=frozenset({PDF}), max_bytes=MOST_BYTES)
    made.file_id, made.pages = kept.id, page_count(data)
    return kept
