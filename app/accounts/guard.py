"""Views are closed until they say otherwise: ``@public``, ``@signed_in`` or ``@requires(Can.X)`` on each of them.

The decorators only mark; :func:`check` runs before every request and refuses what carries no mark. The access table
test reads the same marks.
"""

from __future__ import annotations

from typing import Any

from flask import current_app, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.accounts import sessions
from app.accounts.models import Person, SignIn
from app.accounts.sessions import Caller
from app.core.access import PUBLIC, SIGNED_IN, before_the_door, lean, public, requires, signed_in
from app.core.errors import Forbidden

__all__ = ["PUBLIC", "SIGNED_IN", "before_the_door", "lean", "public", "requires", "signed_in"]


def access_of(endpoint: str) -> Any:
    """The mark of a view: PUBLIC, SIGNED_IN, a tuple of rights, or None (closed)."""
    view = current_app.view_functions.get(endpoint)
    return PUBLIC if endpoint == "static" or endpoint.endswith(".static") else getattr(view, "access", None)


def current_person() -> Person:
    """Who is signed in. Only in views that are not public; raises Forbidden otherwise."""
    if not current_user.is_authenticated:
        raise Forbidden
    return current_user.person


def current_caller() -> Caller:
    """The same at a lean door: id and name, without reading rows. Raises Forbidden when nobody is signed in."""
    if not current_user.is_authenticated:
        raise Forbidden
    return current_user.caller


def visitor() -> Person | None:
    """Who is signed in, or None; for public views."""
    return current_user.person if current_user.is_authenticated else None


def current_sign_in() -> SignIn:
    return current_user.sign_in


def needs_second_factor() -> bool:
    """True when this person must still give (or set up) a second factor in this session."""
    if not current_app.extensions["settings"].second_factor:
        return False
    caller = current_user.caller
    return caller.wants_second_factor and caller.second_factor_at is None


SECOND_FACTOR_PAGES = {"accounts.second_factor", "accounts.set_up_second_factor", "accounts.sign_out", "core.language"}


def try_act() -> Any:
    """Before the door is asked: the attempt of a view that proves within its own statement who is signed in
    (``app.core.access.before_the_door``). None where it has none, or nothing has happened; then :func:`check` follows."""
    attempt = getattr(current_app.view_functions.get(request.endpoint or ""), "attempt", None)
    if attempt is None:
        return None
    who = sessions.unasked(needs_second_factor=current_app.extensions["settings"].second_factor)
    return None if who is None else attempt(who, **(request.view_args or {}))


def check() -> Any:
    """Before every request. Returns an answer to refuse, None to go on."""
    if request.endpoint is None:
        return None  # unknown address: the 404 page
    access = access_of(request.endpoint)
    if access == PUBLIC:
        return None
    if not current_user.is_authenticated:
        return _to_the_door()
    if needs_second_factor() and request.endpoint not in SECOND_FACTOR_PAGES:
        return redirect(url_for("accounts.second_factor", next=_back()))
    if access == SIGNED_IN:
        return None
    if not access or not any(current_user.person.can(right) for right in access):
        raise Forbidden
    return None


def _to_the_door() -> Any:
    """Send to sign-in. Scripts get 401 as JSON; a form sent by an ended session is kept and offered again afterwards."""
    if request.is_json or request.accept_mimetypes.best == "application/json":
        return {"error": _("Your session has ended. Please sign in again.")}, 401
    if request.method == "POST":
        from app.accounts import resume

        return resume.door(_back())
    return redirect(url_for("accounts.sign_in", next=_back()))


def _back() -> str | None:
    """Where to go after signing in: only addresses that can be opened again."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    referrer = request.referrer or ""
    return referrer.removeprefix(request.host_url.rstrip("/")) if referrer.startswith(request.host_url) else None
