"""Routes: the holder's pages, the public notice, and the office."""

from __future__ import annotations

from typing import Any

from flask import redirect, url_for

from app.accounts.guard import requires
from app.certification import (
    bulk_pages,
    documents,
    download_pages,
    figures_pages,
    key_pages,
    layouts,
    mine,
    notice,
    office,
    personal,
    request_pages,
)
from app.certification.door import bp
from app.core.permissions import Can

__all__ = [
    "bp", "bulk_pages", "documents", "download_pages", "figures_pages", "key_pages", "layouts", "mine", "notice",
    "office", "personal", "request_pages",
]  # fmt: skip


@bp.get("/office/earlier")
@bp.get("/office/earlier/<path:rest>")
@requires(Can.KEEP_CERTIFICATE)
def earlier_lists(rest: str = "") -> Any:
    """Where lists of earlier certificates stood before they became a kind of sheet."""
    return redirect(url_for("imports.certification"))
