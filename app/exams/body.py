"""The JSON body of a request of the exam page. Its form token stands in the body: a beacon has no headers."""

from __future__ import annotations

from typing import Any

from flask import current_app, request, session
from flask_wtf.csrf import ValidationError, validate_csrf

from app.exams.kept import Kept
from app.exams.sittings import BadSteps

_proven: Kept[tuple[Any, ...], bool] = Kept(4000)
"""(key of the site, form token, what the session holds) that were found to belong together. A token has no time limit here and
a sitting has one token, so its signature is computed once in a process; another session's token is another entry."""


def posted() -> dict[str, Any]:
    """The body with its form token checked. Raises BadSteps."""
    data = request.get_json(force=True, silent=True)
    if not isinstance(data, dict):
        raise BadSteps
    if current_app.config.get("WTF_CSRF_ENABLED", True):
        check_token(data.get("token"))
    return data


def check_token(token: Any) -> None:
    """Raises BadSteps where the form token is not this session's."""
    if not isinstance(token, str):
        raise BadSteps
    key = (current_app.secret_key, token, session.get("csrf_token"))
    if _proven.get(key):
        return
    try:
        validate_csrf(token)
    except ValidationError:
        raise BadSteps from None
    if current_app.config.get("WTF_CSRF_TIME_LIMIT") is None:
        _proven.keep(key, True)
