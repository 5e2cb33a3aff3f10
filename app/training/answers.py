"""What training tells the floors below it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import String, cast, func, or_, select

from app.bank import asks
from app.bank.uses import Use, used_in
from app.db import db
from app.training.models import LessonRevision

FEW = 20


@used_in("training")
def lessons_with(questions: Sequence[Any]) -> dict[int, list[Use]]:
    """Question id → lessons whose quiz holds a question of this number."""
    ids = {question.code: question.id for question in questions}
    asked = select(LessonRevision).where(cast(LessonRevision.quiz, String) != "[]").order_by(LessonRevision.id)
    if len(ids) <= FEW:
        words = cast(LessonRevision.quiz, String)
        asked = asked.where(or_(*(words.contains(f'"{code}"', autoescape=True) for code in ids)))
    found: dict[int, dict[int, Use]] = {}
    for revision in db.session.scalars(asked):
        for one in revision.quiz:
            if one.get("id") in ids:
                url = url_for("training.lesson", lesson_id=revision.lesson_id)
                use = Use(_("Quiz of a lesson"), revision.title, url)
                found.setdefault(ids[one["id"]], {})[revision.lesson_id] = use
    return {question_id: list(uses.values()) for question_id, uses in found.items()}


@asks.quizzed.answered_by
def quizzed() -> frozenset[str]:
    """A paper is drawn more often than a lesson is written: the quizzes are read again when a revision was added."""
    added = select(func.count(), func.max(LessonRevision.id), func.max(LessonRevision.created_at))
    return _quizzed(str(db.engine.url), *db.session.execute(added).one())


@lru_cache(maxsize=8)
def _quizzed(_database: str, _count: int, _last: int | None, _at: object) -> frozenset[str]:
    asked = select(LessonRevision.quiz).where(cast(LessonRevision.quiz, String) != "[]")
    return frozenset(one["id"] for quiz in db.session.scalars(asked) for one in quiz if "id" in one)
