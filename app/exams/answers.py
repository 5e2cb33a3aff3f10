"""What the exam stage tells the floors below it."""

from __future__ import annotations

from app.bank.uses import used_in
from app.exams import fault_pages, history  # noqa: F401 - they answer the bank's questions at import
from app.exams.exposure import sessions_with

used_in("exams")(sessions_with)
