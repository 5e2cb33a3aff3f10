"""The life of a question: who writes, who reviews, and what papers may draw."""

from __future__ import annotations

from enum import StrEnum

from app.bank.models import QuestionState as S


class Move(StrEnum):
    EDIT = "edit"
    SUBMIT = "submit"
    APPROVE = "approve"
    RETURN = "return"
    RETIRE = "retire"
    REVIVE = "revive"


MOVES: dict[tuple[S, Move], S] = {
    (S.DRAFT, Move.EDIT): S.DRAFT,
    (S.DRAFT, Move.SUBMIT): S.IN_REVIEW,
    (S.DRAFT, Move.RETIRE): S.RETIRED,
    (S.IN_REVIEW, Move.APPROVE): S.LIVE,
    (S.IN_REVIEW, Move.RETURN): S.DRAFT,
    (S.IN_REVIEW, Move.RETIRE): S.RETIRED,
    (S.LIVE, Move.EDIT): S.DRAFT,
    (S.LIVE, Move.RETIRE): S.RETIRED,
    (S.RETIRED, Move.REVIVE): S.DRAFT,
}
