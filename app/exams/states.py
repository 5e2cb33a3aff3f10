"""The lives of an exam session and of a sitting, written down in one place."""

from __future__ import annotations

from enum import StrEnum


class SessionState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    CLOSED = "closed"
    RELEASED = "released"
    CANCELLED = "cancelled"


class SessionMove(StrEnum):
    PUBLISH = "publish"
    CLOSE = "close"
    RELEASE = "release"
    CANCEL = "cancel"


class SittingState(StrEnum):
    REGISTERED = "registered"
    IN_PROGRESS = "in_progress"
    SUBMITTED = "submitted"
    MARKED = "marked"
    RELEASED = "released"
    VOID = "void"


class SittingMove(StrEnum):
    START = "start"
    SUBMIT = "submit"
    MARK = "mark"
    RELEASE = "release"
    VOID = "void"


class SubmittedBy(StrEnum):
    CANDIDATE = "candidate"
    CLOCK = "clock"
    OFFICE = "office"
    RULE = "rule"
    """The session's own rule about leaving the page, where the operator chose so."""


SESSION_MOVES: dict[tuple[SessionState, SessionMove], SessionState] = {
    (SessionState.DRAFT, SessionMove.PUBLISH): SessionState.PUBLISHED,
    (SessionState.DRAFT, SessionMove.CANCEL): SessionState.CANCELLED,
    (SessionState.PUBLISHED, SessionMove.CLOSE): SessionState.CLOSED,
    (SessionState.PUBLISHED, SessionMove.CANCEL): SessionState.CANCELLED,
    (SessionState.CLOSED, SessionMove.RELEASE): SessionState.RELEASED,
}

SITTING_MOVES: dict[tuple[SittingState, SittingMove], SittingState] = {
    (SittingState.REGISTERED, SittingMove.START): SittingState.IN_PROGRESS,
    (SittingState.REGISTERED, SittingMove.VOID): SittingState.VOID,
    (SittingState.IN_PROGRESS, SittingMove.SUBMIT): SittingState.SUBMITTED,
    (SittingState.IN_PROGRESS, SittingMove.VOID): SittingState.VOID,
    (SittingState.SUBMITTED, SittingMove.MARK): SittingState.MARKED,
    (SittingState.SUBMITTED, SittingMove.VOID): SittingState.VOID,
    (SittingState.MARKED, SittingMove.MARK): SittingState.MARKED,
    (SittingState.MARKED, SittingMove.RELEASE): SittingState.RELEASED,
    (SittingState.MARKED, SittingMove.VOID): SittingState.VOID,
    (SittingState.RELEASED, SittingMove.VOID): SittingState.VOID,
}
