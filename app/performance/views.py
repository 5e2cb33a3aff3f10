"""Routes: the claimant's pages and those of reviewers, officers and auditors."""

from __future__ import annotations

from app.performance import mandate_pages, mine, office, register_pages, repair_pages, statement_pages
from app.performance.door import bp

__all__ = ["bp", "mandate_pages", "mine", "office", "register_pages", "repair_pages", "statement_pages"]
