"""Refusals: what was asked is understood and not done. Each carries a code; words are put to it at the edge.

A feature subclasses :class:`Refused` and gives it a ``message`` (a lazy translation with ``%(name)s`` places) that says
what, why, and what to do instead. A view lets it pass: the application turns it into a message on a page, never a trace.
"""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l


class Refused(Exception):
    """Base of every refusal. ``values`` fill the places of ``message``."""

    status = 409
    message: Any = _l("This cannot be done now.")

    def __init__(self, **values: Any) -> None:
        self.values = values
        super().__init__(type(self).__name__)

    @property
    def text(self) -> str:
        """The words for the reader, in the reader's language."""
        return self.message % self.values if self.values else str(self.message)


class NotFound(Refused):
    """Not there, or not yours: one answer for both."""

    status = 404
    message = _l("This page does not exist, or it is not open to you.")


class Forbidden(Refused):
    status = 403
    message = _l("Your role does not include this. If you need it, ask your administrator.")


class NotAllowedNow(Refused):
    """A life cycle does not allow the move (somebody else may have acted first)."""

    message = _l(
        "The state has changed meanwhile, so this step is no longer possible. Please look at the current state."
    )


class Invalid(Refused):
    """A field holds what the rule does not allow; ``field`` names the form field to show it at."""

    status = 422
    message = _l("Please check what you entered.")

    def __init__(self, field: str | None = None, **values: Any) -> None:
        self.field = field
        super().__init__(**values)


class Busy(Refused):
    """Somebody else kept the database's lock for longer than one waits for it."""

    status = 503
    message = _l("The site is busy and could not save this in time. Please try again in a few seconds.")


class TooMany(Refused):
    status = 429
    message = _l("Too many requests. Please wait a few minutes and try again.")
