"""Routes: the holder's pages, the public notice, and the office."""

from __future__ import annotations

from app.certification import (
    bulk_pages,
    documents,
    download_pages,
    earlier_pages,
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

__all__ = [
    "bp", "bulk_pages", "documents", "download_pages", "earlier_pages", "figures_pages", "key_pages", "layouts", "mine", "notice",
    "office", "personal", "request_pages",
]  # fmt: skip
