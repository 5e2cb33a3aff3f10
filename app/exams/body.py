"""The JSON body of a request of the exam page. Its form token stands in the body: a beacon has no headers."""

from __future__ import annotations

from typing import Any

from flask import current_app, request
from flask_wtf.csrf import ValidationError, validate_csrf

from app.exams.sittings import BadSteps


def posted() -> dict[str, Any]:
    """The body with its form token checked. Raises BadSteps."""
    data = request.get_json(force=True, silent=True)
    if not isinstance(data, dict):
        raise BadSteps
    if current_app.config.get("WTF_CSRF_ENABLED", True):
        try:
            validate_csrf(data.get("token"))
        except ValidationError:
            raise BadSteps from None
    return data
