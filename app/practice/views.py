"""Routes: the trainee's pages and those of mentors, reviewers, offices and auditors."""

from __future__ import annotations

from app.practice import desk, hearing_pages, portfolio_pages, team_pages, trainee
from app.practice.door import bp

__all__ = ["bp", "desk", "hearing_pages", "portfolio_pages", "team_pages", "trainee"]
