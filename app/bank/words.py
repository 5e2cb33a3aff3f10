"""Words and colours of the bank's states, for lists and templates; rules of marking in the reader's language."""

from __future__ import annotations

from typing import Any

from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

from app.bank.models import Choice, Fate, ImportState, QuestionState, RowOutcome
from app.core.text import markdown
from question_bank.grading import Rule, rule_text
from question_bank.items import Kind

STATE_NAMES = {
    QuestionState.DRAFT: _l("Draft"),
    QuestionState.IN_REVIEW: _l("Waiting for approval"),
    QuestionState.LIVE: _l("Live"),
    QuestionState.RETIRED: _l("Retired"),
}
STATE_TONES = {
    QuestionState.DRAFT: "neutral",
    QuestionState.IN_REVIEW: "soon",
    QuestionState.LIVE: "valid",
    QuestionState.RETIRED: "stopped",
}
FATE_NAMES = {
    Fate.NEW: _l("New question"),
    Fate.REVISED: _l("New revision"),
    Fate.UNCHANGED: _l("No change"),
    Fate.DUPLICATE: _l("Duplicate"),
    Fate.CLOSED: _l("In review or retired"),
    Fate.REFUSED: _l("Not readable"),
}
FATE_TONES = {
    Fate.NEW: "valid",
    Fate.REVISED: "info",
    Fate.UNCHANGED: "neutral",
    Fate.DUPLICATE: "soon",
    Fate.CLOSED: "neutral",
    Fate.REFUSED: "stopped",
}
CHOICE_NAMES = {
    Choice.SKIP: _l("Leave out"),
    Choice.REVISE: _l("Take in as a new revision"),
    Choice.CREATE: _l("Take in as a new question"),
}
OUTCOME_NAMES = {
    RowOutcome.CREATED: _l("Taken in as a draft"),
    RowOutcome.REVISED: _l("Taken in as a revision"),
    RowOutcome.SKIPPED: _l("Left out"),
    RowOutcome.REFUSED: _l("Not taken in"),
    RowOutcome.UNDONE: _l("Taken back"),
}
OUTCOME_TONES = {
    RowOutcome.CREATED: "valid",
    RowOutcome.REVISED: "info",
    RowOutcome.SKIPPED: "neutral",
    RowOutcome.REFUSED: "stopped",
    RowOutcome.UNDONE: "neutral",
}
IMPORT_NAMES = {
    ImportState.READING: _l("Being read"),
    ImportState.READY: _l("Read, to be decided"),
    ImportState.RUNNING: _l("Being taken in"),
    ImportState.DONE: _l("Taken in"),
    ImportState.UNDONE: _l("Undone"),
    ImportState.UNREADABLE: _l("Nothing readable"),
}
IMPORT_TONES = {
    ImportState.READING: "info",
    ImportState.READY: "soon",
    ImportState.RUNNING: "info",
    ImportState.DONE: "valid",
    ImportState.UNDONE: "neutral",
    ImportState.UNREADABLE: "stopped",
}


def short_language() -> str:
    """``zh`` or ``en``, as the question package wants it."""
    return "en" if str(get_locale()) == "en" else "zh"


def rules_of(kind: Kind) -> list[dict[str, Any]]:
    """How a kind is marked: name, rule and worked example; a 多选 has several, of which the session picks one."""
    language = short_language()
    chosen = list(Rule) if kind is Kind.MULTIPLE else [Rule.ALL_OR_NOTHING]
    texts = [rule_text(kind, rule) for rule in chosen]
    english = language == "en"
    return [
        {"name": text.name(language), "rule": text.en if english else text.zh,
         "example": text.example_en if english else text.example_zh}
        for text in texts
    ]  # fmt: skip


def in_words(text: str) -> str:
    """A stem for a line of a list: without the marks of Markdown; a formula stays as it was typed."""
    return text if "$" in text else str(markdown(text).striptags())
