"""Words that several pages of reporting use."""

from __future__ import annotations

from flask_babel import gettext as _

from app.accounts.words import place_name
from app.reporting.figures import Scope


def scope_name(scope: Scope) -> str:
    """Whose rows, in the reader's language."""
    if scope.region is not None:
        return str(place_name(scope.region))
    if scope.organisation is not None:
        return str(place_name(scope.organisation))
    return _("Whole site") if scope.code == "site" else _("All that I may see")
