"""The pictures of questions. Whoever knows a picture's address was shown it: candidates know those of their own papers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from app.accounts.guard import signed_in
from app.bank import pictures
from app.files.service import hand_out

bp = Blueprint("bank_pictures", __name__, url_prefix="/bank/pictures")


@bp.get("/<token>")
@signed_in
def picture(token: str) -> Any:
    answer = hand_out(pictures.picture(token), inline=True)
    answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer
