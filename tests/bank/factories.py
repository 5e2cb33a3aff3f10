"""Small questions for tests."""

from __future__ import annotations

from typing import Any

from app.bank import service
from app.bank.models import Question
from app.core import clock
from app.db import unit_of_work
from question_bank.items import Item


def item(code: str = "T-1", **more: Any) -> Item:
    raw = {
        "id": code, "kind": "single", "text": f"题干 {code}", "level": 1, "module": "policy", "difficulty": "easy",
        "options": [{"text": "对的", "correct": True}, {"text": "错的"}], "explanation": "因为", "source": "民法典",
    }  # fmt: skip
    return Item.from_dict(raw | more)


def question(by: Any, made: Item | None = None, live: bool = False) -> Question:
    with unit_of_work():
        return service.create(made or item(), by=by, now=clock.now(), live=live)
