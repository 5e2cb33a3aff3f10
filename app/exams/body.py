"""The JSON body of a request of the exam page. Its form token stands in the body: a beacon has no headers.

The token has no age: it lives as long as the session. Of another session (somebody signed in again in another tab) it is answered
with the token of this one; the page sends the same again. Nobody but a page of this site can read that answer.
"""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, jsonify, make_response, request
from flask_babel import gettext as _
from flask_wtf.csrf import ValidationError, generate_csrf, validate_csrf

from app.exams.sittings import BadSteps


def posted() -> dict[str, Any]:
    """The body with its form token checked. Raises BadSteps; a token of another session is answered with a new one."""
    data = request.get_json(force=True, silent=True)
    if not isinstance(data, dict):
        raise BadSteps
    if current_app.config.get("WTF_CSRF_ENABLED", True):
        try:
            validate_csrf(data.get("token"))
        except ValidationError:
            words = _(
                "This page was opened in another session. Please reload it; what you answered is kept in this browser."
            )
            abort(make_response(jsonify(error=words, token=generate_csrf()), 409))
    return data
