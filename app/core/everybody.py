"""Answers that are the same for everybody: no cookie, and no ``Vary: Cookie`` that would keep shared caches from them."""

from __future__ import annotations

from typing import Any

from flask import g
from flask.sessions import SecureCookieSessionInterface


def same_for_everybody() -> None:
    """Say so of the answer that is being made."""
    g.same_for_everybody = True


class Sessions(SecureCookieSessionInterface):
    """Leaves the session out of answers that are the same for everybody. Cookies are signed as Flask does; the signer is
    made once per key instead of twice per request."""

    def __init__(self) -> None:
        self._made: dict[Any, Any] = {}

    def get_signing_serializer(self, app: Any) -> Any:
        key = (app.secret_key, tuple(app.config.get("SECRET_KEY_FALLBACKS") or ()))
        if key not in self._made:
            self._made = {key: super().get_signing_serializer(app)}
        return self._made[key]

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        if not g.get("same_for_everybody", False):
            super().save_session(app, session, response)
