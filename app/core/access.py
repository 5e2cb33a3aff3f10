"""Who may open a view. A view is closed until it carries one of these marks; ``app.accounts.guard`` reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from app.core.permissions import Can

V = TypeVar("V", bound=Callable[..., Any])
PUBLIC, SIGNED_IN = "public", "signed_in"


def public(view: V) -> V:
    """Open to everybody, signed in or not."""
    view.access = PUBLIC  # type: ignore[attr-defined]
    return view


def signed_in(view: V) -> V:
    """Open to everybody who has signed in; the service looks whose rows they are."""
    view.access = SIGNED_IN  # type: ignore[attr-defined]
    return view


def lean(view: V) -> V:
    """A door for scripts: it answers without the frame of a page, so nothing of the frame is read for it."""
    view.lean = True  # type: ignore[attr-defined]
    return view


def before_the_door(attempt: Callable[..., Any]) -> Callable[[V], V]:
    """A door whose deed asks who is signed in within its own statement. ``attempt(who, **view_args)`` is called before the door is
    asked, with whoever the browser says it is; it gives the answer, or None where nothing has happened and nothing was told:
    then the door is asked like every other, and the view called."""

    def mark(view: V) -> V:
        view.attempt = attempt  # type: ignore[attr-defined]
        return view

    return mark


def requires(*rights: Can) -> Callable[[V], V]:
    """Open to those who hold at least one of the rights in some scope; the query narrows to the scope."""

    def mark(view: V) -> V:
        view.access = rights  # type: ignore[attr-defined]
        return view

    return mark
