"""Pages of this feature, announced to the house."""

from __future__ import annotations

from app.accounts import views_audit, views_me, views_office, views_signing
from app.accounts.blueprint import bp

__all__ = ["bp", "views_audit", "views_me", "views_office", "views_signing"]
