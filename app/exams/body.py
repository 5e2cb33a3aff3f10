"""The JSON body of a request of the exam page. Its form token stands in the body: a beacon has no headers.

The token has no age: it lives as long as the session. Of another session (somebody signed in again in another tab) it is answered
with the token of this one; the page sends the same again. Nobody but a page of this site can read that answer.
"""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, jsonify, make_response, request, session
from flask_babel import gettext as _
from flask_wtf.csrf import ValidationError, generate_csrf, validate_csrf

from app.exams.kept import Kept
from app.exams.sittings import BadSteps

_proven: Kept[tuple[Any, ...], bool] = Kept(4000)
"""(key of the site, form token, what the session holds) that were found to belong together. A token has no time limit here and
a sitting has one token, so its signature is computed once in a process; another session's token is another entry."""


def proven() -> dict[str, Any] | None:
    """The body where its form token belongs to this session; None where :func:`posted` would refuse. Answers nothing."""
    data = request.get_json(force=True, silent=True)
    if not isinstance(data, dict):
        return None
    if not current_app.config.get("WTF_CSRF_ENABLED", True):
        return data
    token = data.get("token")
    if not isinstance(token, str) or not (_proven.get(_key(token)) or _valid(token)):
        return None
    return data


def _key(token: str) -> tuple[Any, ...]:
    return current_app.secret_key, token, session.get("csrf_token")


def _valid(token: str) -> bool:
    try:
        validate_csrf(token)
    except ValidationError:
        return False
    if current_app.config.get("WTF_CSRF_TIME_LIMIT") is None:
        _proven.keep(_key(token), True)
    return True


def posted() -> dict[str, Any]:
    """The body with its form token checked. Raises BadSteps; a token of another session is answered with a new one."""
    data = request.get_json(force=True, silent=True)
    if not isinstance(data, dict):
        raise BadSteps
    if current_app.config.get("WTF_CSRF_ENABLED", True):
        check_token(data.get("token"))
    return data


def check_token(token: Any) -> None:
    """Answers 409 with this session's token where the form token is another's: the page sends the same again with it."""
    token = token if isinstance(token, str) else ""
    if _proven.get(_key(token)) or _valid(token):
        return
    words = _("This page was opened in another session. Please reload it; what you answered is kept in this browser.")
    abort(make_response(jsonify(error=words, token=generate_csrf()), 409))
