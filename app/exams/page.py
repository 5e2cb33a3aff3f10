"""The page of a sitting, put together from strings that are ready: three hundred candidates open it in the same second.

The frame is rendered once per session and language, with marks where a candidate's own values go; questions are pieces kept
by revision (``app.bank.faces``). Sitting, session and log are one row of one statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from itertools import groupby
from typing import Any

from flask import get_flashed_messages, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup, escape
from sqlalchemy import literal

from app.accounts.sessions import Caller
from app.bank.faces import KIND_NAMES, face_of, words_in
from app.core.errors import NotFound
from app.core.speech import language
from app.db import db, is_sqlite
from app.exams import hall, papers, sittings, steplog
from app.exams.kept import Kept
from app.exams.sittings import SESSIONS, SITTINGS, Held
from app.exams.watch import Watch
from question_bank.grading import Rule, rule_text
from question_bank.items import Kind

ITS_ID = 2_147_483_629
"""Stands for the sitting's id in addresses until the candidate's own is put there."""
MARK = "\ue000"
_PARTS = re.compile(f"{MARK}(\\w+){MARK}|({ITS_ID})")


@dataclass(frozen=True)
class Opened:
    """What the page shows: the sitting, words and rules of its session, its paper, and the answers in force."""

    held: Held
    title: str
    rule: Rule
    watch: Watch
    entries: list[dict[str, Any]]
    answers: Mapping[int, steplog.InForce]


@cache
def _statement(postgres: bool) -> Any:
    steps = steplog.as_one_value(SITTINGS.c.id) if postgres else literal(None)
    e = SESSIONS.c
    more = (e.title, e.multiple_rule, e.watch, SITTINGS.c.entries, steps)
    return sittings.held_statement(False, postgres).add_columns(*more)


def read(sitting_id: int, candidate_id: int) -> Opened:
    """A candidate's own sitting as it stands. Raises NotFound for everybody else's."""
    postgres = not is_sqlite(db.session.get_bind())
    asked = {"sitting": sitting_id, "candidate": candidate_id}
    row = db.session.execute(_statement(postgres), asked).one_or_none()
    if row is None:
        raise NotFound
    *columns, title, rule, watch, entries, value = row
    held = Held(*columns)
    steps = steplog.read(value) if postgres else steplog.steps_of(sitting_id)
    answers = steplog.in_force(steps, late_counts=held.late_counts)
    return Opened(held, title, rule, Watch.of(watch), entries, answers)


# --- the questions -----------------------------------------------------------------------------------------------------------


def rule_words(kind: Kind, rule: Rule) -> str:
    """How a kind is marked, in the reader's language."""
    return rule_text(kind, rule).told("en" if language() == "en" else "zh")


@lru_cache(maxsize=500)
def _head(said: str, number: int, kind: Kind, rule: Rule, count: int) -> str:
    """The heading of a section; ``said``: the language."""
    questions = ngettext("%(n)s question", "%(n)s questions", count)
    return (
        f'<section aria-labelledby="section-{number}"><h2 id="section-{number}">{escape(str(KIND_NAMES[kind]))} '
        f'<span class="section-count">{escape(questions)}</span></h2>'
        f'<p class="section-rule">{escape(rule_words(kind, rule))}</p>'
    )


@lru_cache(maxsize=10)
def _flag(said: str) -> str:
    words = _("Flag for later")  # by itself: words inside an f-string are not collected
    return f"<span>{escape(words)}</span></label></div>"


def _questions(opened: Opened) -> str:
    said = language()
    items, words, flag = papers.items_on(opened.entries), words_in(said), _flag(said)
    made, number = [], 0
    for kind, group in groupby(enumerate(opened.entries, 1), key=lambda one: items[one[0]].kind):
        places, number = list(group), number + 1
        made.append(_head(said, number, kind, opened.rule, len(places)))
        for place, entry in places:
            kept = opened.answers.get(place)
            made += (
                '<div class="question-frame">',
                face_of(entry["digest"], items[place]).text(
                    f"q{place}", str(place), entry["points"], entry["order"], kept.answer if kept else None,
                    kept.counter if kept else 0, False, words,
                ),
                f'<label class="flag"><input type="checkbox" data-flag="{place}"> {flag}',
            )  # fmt: skip
        made.append("</section>")
    return "".join(made)


def _map(opened: Opened) -> str:
    done = {place: ' class="answered"' for place, kept in opened.answers.items() if kept.answer is not None}
    return "".join(
        f'<li><a href="#q{n}" data-map="{n}"{done.get(n, "")}>{n}</a></li>' for n in range(1, len(opened.entries) + 1)
    )


# --- the frame ---------------------------------------------------------------------------------------------------------------

_frames: Kept[tuple[Any, ...], list[str]] = Kept(60)


def _frame(opened: Opened) -> list[str]:
    """The page around the questions: text, mark, text, mark, … Everybody of a session reads the same."""
    key = (language(), request.script_root, opened.held.session_id, opened.title, opened.watch)
    found = _frames.get(key)
    if found is None:
        html = render_template(
            "exams/sitting.html", title=opened.title, its_id=ITS_ID, watch=opened.watch, words=_script_words(),
            watch_words=hall.script_words(), mark=lambda name: Markup(f"{MARK}{name}{MARK}"),  # noqa: S704 - a mark of ours
        )  # fmt: skip
        found = [part for part in _PARTS.split(html) if part is not None]
        _frames.keep(key, found)
    return found


def html(opened: Opened, person: Caller, now: datetime) -> str:
    """The page for this candidate now."""
    held = opened.held
    remaining = held.left(now)
    notices = (f'<p class="exam-notice">{escape(said)}</p>' for said in get_flashed_messages())
    mine = f"<span>{escape(person.name)} {escape(person.id_masked[-4:])}</span>"
    values = {
        str(ITS_ID): str(held.id), "person": str(person.id), "remaining": str(remaining), "token": str(escape(generate_csrf())),
        "count": str(len(opened.entries)), "paused": "1" if held.paused_at else "0", "news": str(held.news),
        "epoch": str(held.epoch), "clock": f"{remaining // 3_600_000}:{remaining // 60_000 % 60:02d}",
        "notices": "".join(notices), "questions": _questions(opened), "map": _map(opened),
        "mine": mine * 24 if opened.watch.watermark else "",
    }  # fmt: skip
    frame = _frame(opened)
    return "".join(values[part] if at % 2 else part for at, part in enumerate(frame))


def _script_words() -> dict[str, str]:
    """What the script says, in the reader's language."""
    return {
        "saved": _("Saved {time}"),
        "ready": _("Everything is saved"),
        "saving": _("Saving"),
        "offline": _("Offline, questions not uploaded: {n}"),
        "signedOut": _("Signed out: sign in again in another tab; questions kept on this device: {n}"),
        "readOnly": _("Another window has taken over. This one shows only."),
        "refused": _("Question {n} could not be saved as it stands; please answer it again."),
        "late": _("The time is over; what arrives now is recorded as late."),
        "left15": _("15 minutes left"),
        "left5": _("5 minutes left"),
        "left1": _("1 minute left"),
        "over": _("The time is over. Your answers are being handed in."),
        "question": _("Question {n}"),
        "answered": _("answered"),
        "open": _("not answered"),
        "flagged": _("flagged"),
        "unsaved": _("not uploaded"),
        "allAnswered": _("All {n} questions are answered."),
        "unanswered": _("Not answered ({n}):"),
        "handingIn": _("Handing in …"),
        "handInOffline": _("No connection. Your answers are kept on this device and handed in as soon as the connection is back. Please keep this page open."),
        "more": _("Extra time was granted."),
    }  # fmt: skip
