"""The list of questions with its search and filters, all kept in the address; used by the bank, the review and exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.bank import asks
from app.bank.faces import DIFFICULTY_NAMES, KIND_NAMES
from app.bank.models import Question, QuestionState
from app.bank.statistics_words import CONCERNS
from app.bank.words import STATE_NAMES, in_words
from app.core.tables import Column, Filter, Listing
from app.db import db
from app.outline.rules import MODULES
from app.outline.service import level_names
from question_bank.flags import Concern
from question_bank.items import Difficulty, Kind

FILTERED = [concern for concern in Concern if concern is not Concern.TOO_FEW]
MOST_POINTS = 300
"""Knowledge points offered as a choice; with more of them the search box finds the rest."""


def _points(args: Mapping[str, str]) -> list[tuple[str, str]]:
    """Those of the level and module asked for; the one asked for is always among them."""
    asked = select(Question.point).where(Question.point != "")
    if args.get("level", "") in {str(level) for level in level_names()}:
        asked = asked.where(Question.level == int(args["level"]))
    if args.get("module", "") in MODULES:
        asked = asked.where(Question.module == args["module"])
    found = set(db.session.scalars(asked.distinct().order_by(Question.point).limit(MOST_POINTS)))
    wanted = args.get("point", "").replace("\0", "")[:200]
    return [(point, point) for point in sorted(found | ({wanted} if wanted else set()))]


def listing_of(asked: Any, args: Mapping[str, str]) -> Listing:
    """``asked`` begins with ``questions_visible_to``."""
    levels = level_names()
    columns = [
        Column("code", _l("Question number"), lambda q: q.code, Question.code),
        Column("text", _l("Words"), lambda q: in_words(q.text)[:80]),
        Column("kind", _l("Kind of question"), lambda q: KIND_NAMES[q.kind], Question.kind),
        Column("level", _l("Level"), lambda q: levels.get(q.level, "—"), Question.level),
        Column("module", _l("Module"), lambda q: MODULES.get(q.module, q.module or "—"), Question.module),
        Column("difficulty", _l("Difficulty"), lambda q: DIFFICULTY_NAMES.get(q.difficulty, "—"), Question.difficulty),
        Column("state", _l("State"), lambda q: STATE_NAMES[q.state], Question.state),
    ]
    filters = [
        Filter("level", _l("Level"), [(str(k), v) for k, v in levels.items()], lambda v: Question.level == int(v)),
        Filter("module", _l("Module"), list(MODULES.items()), lambda v: Question.module == v),
        Filter("kind", _l("Kind of question"), [(k.value, v) for k, v in KIND_NAMES.items()], lambda v: Question.kind == Kind(v)),
        Filter("difficulty", _l("Difficulty"), [(k.value, v) for k, v in DIFFICULTY_NAMES.items()],
               lambda v: Question.difficulty == Difficulty(v)),
        Filter("point", _l("Knowledge point"), _points(args), lambda v: Question.point == v),
        Filter("state", _l("State"), [(k.value, v) for k, v in STATE_NAMES.items()],
               lambda v: Question.state == QuestionState(v)),
        Filter("flag", _l("Statistics"), [("any", _l("any finding")), *((c.value, CONCERNS[c]) for c in FILTERED)],
               lambda v: asks.flagged("" if v == "any" else v)),
        Filter("used", _l("Use"), [("never", _l("never on a paper")), ("yes", _l("on some paper"))],
               lambda v: asks.used() if v == "yes" else ~asks.used()),
    ]  # fmt: skip
    return Listing(
        asked,
        columns,
        args,
        filters,
        search=(Question.code, Question.text, Question.point),
        default_sort="code",
    )


def all_of(listing: Listing) -> Any:
    """Every row of a list, not only its page, as a select."""
    return listing._ordered(listing._narrowed())
