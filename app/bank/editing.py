"""The form of a question: plain rows of inputs, read into the JSON shape that ``question_bank`` checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.core.errors import Invalid
from app.core.forms import clean_text
from question_bank.items import MOST_CHOICES, PART_KINDS, BadItem, Item, Kind, new_item_id
from question_bank.reasons import sentence

MOST_PARTS = 20


class BadQuestion(Invalid):
    """What was typed is no question yet; the words say where and why."""

    message = "%(words)s"


def item_from(form: Any, kind: Kind, code: str | None = None) -> Item:
    """The question a posted form holds. Raises BadQuestion with the place in the reader's words."""
    raw = raw_from(form, kind)
    raw["id"] = code or new_item_id(raw.get("text", ""), kind.value, "Q")
    try:
        return Item.from_dict(raw)
    except BadItem as bad:
        raise BadQuestion(bad.field, words=words_for(bad)) from None


def words_for(bad: BadItem) -> str:
    """Where and why, in the reader's language: 选项 3：必填."""
    language = "en" if str(get_locale()) == "en" else "zh"
    where = " ".join(place_words(step) for step in bad.field.split(".") if step)
    return f"{where}: {sentence(bad.reason, language, bad.values)}"


def place_words(step: str) -> str:
    """A step of a field's path in the reader's words: ``options[2]`` is Option 3."""
    found = re.fullmatch(r"([a-z_]+)((?:\[\d+\])*)", step)
    if not found:
        return step
    names = {
        "text": _("Words"),
        "options": _("Option"),
        "blanks": _("Blank"),
        "pairs": _("Pair"),
        "distractors": _("Right side without partner"),
        "sequence": _("Step"),
        "parts": _("Part"),
        "rubric": _("Rubric line"),
        "points": _("Points"),
        "answer": _("Key"),
        "value": _("Value"),
        "tolerance": _("Tolerance"),
        "unit": _("Unit"),
        "level": _("Level"),
        "module": _("Module"),
        "difficulty": _("Difficulty"),
        "explanation": _("Explanation"),
        "source": _("Source (law, article)"),
        "point": _("Knowledge point"),
        "reference": _("Reference answer"),
        "enemies": _("Not on one paper with"),
        "feedback": _("Remark shown with the result"),
        "shuffle": _("Keep this order on every paper"),
        "kind": _("Kind of question"),
        "correct": _("Key"),
        "accepted": _("Accepted answers"),
        "left": _("Left side"),
        "right": _("Right side"),
        "question": _("The whole question"),
        "pictures": _("Pictures (the file holds their address alone)"),
    }
    numbers = [str(int(n) + 1) for n in re.findall(r"\[(\d+)\]", found[2])]
    return " ".join([str(names.get(found[1], found[1])), *numbers])


def raw_from(form: Any, kind: Kind) -> dict[str, Any]:
    """The posted fields as the JSON shape of a question; empty rows are left out. Never refuses: the check comes after."""
    raw = _common(form, "", kind)
    if form.get("level", "").isdigit():
        raw["level"] = int(form["level"])
    for key in ("module", "difficulty", "point", "source"):
        if _said(form, key):
            raw[key] = _said(form, key)
    if _said(form, "points"):
        raw["points"] = _said(form, "points")
    enemies = re.split(r"[\s,;，；]+", _said(form, "enemies"))
    raw["enemies"] = [code for code in dict.fromkeys(enemies) if code]
    if kind is Kind.CASE:
        raw["parts"] = _parts(form)
        raw.pop("points", None)
    return {key: value for key, value in raw.items() if value not in ("", [], None)}


def _said(form: Any, key: str) -> str:
    return clean_text(form.get(key, "")) or ""


def _common(form: Any, prefix: str, kind: Kind) -> dict[str, Any]:
    raw: dict[str, Any] = {
        "kind": kind.value,
        "text": _said(form, f"{prefix}text"),
        "explanation": _said(form, f"{prefix}explanation"),
    }
    if kind in (Kind.SINGLE, Kind.MULTIPLE):
        raw["options"] = _options(form, prefix)
        if f"{prefix}keep" in form:
            raw["shuffle"] = False
    elif kind is Kind.TRUEFALSE:
        raw["answer"] = {"true": True, "false": False}.get(form.get(f"{prefix}answer", ""))
    elif kind is Kind.BLANK:
        lines = [_said(form, f"{prefix}blank-{n}") for n in range(MOST_CHOICES)]
        raw["blanks"] = [[one.strip() for one in row.split("|") if one.strip()] for row in lines if row]
    elif kind is Kind.NUMERIC:
        for key in ("value", "tolerance", "unit"):
            raw[key] = _said(form, f"{prefix}{key}") or None
    elif kind is Kind.MATCHING:
        rows = [(_said(form, f"left-{n}"), _said(form, f"right-{n}")) for n in range(MOST_CHOICES)]
        raw["pairs"] = [{"left": left, "right": right} for left, right in rows if left]
        raw["distractors"] = [{"text": right} for left, right in rows if right and not left]
    elif kind is Kind.ORDERING:
        raw["sequence"] = [{"text": s} for n in range(MOST_CHOICES) if (s := _said(form, f"step-{n}"))]
    elif kind is Kind.ESSAY:
        rows = [(_said(form, f"{prefix}rubric-{n}"), _said(form, f"{prefix}rubric-points-{n}")) for n in range(20)]
        raw["rubric"] = [{"point": point, "points": points or None} for point, points in rows if point]
        raw["reference"] = _said(form, f"{prefix}reference")
    return raw


def _options(form: Any, prefix: str) -> list[dict[str, Any]]:
    right = set(form.getlist(f"{prefix}correct"))
    rows = []
    for n in range(MOST_CHOICES):
        text = _said(form, f"{prefix}option-{n}")
        if text:
            feedback = _said(form, f"{prefix}feedback-{n}")
            rows.append({"text": text, "correct": str(n) in right} | ({"feedback": feedback} if feedback else {}))
    return rows


def _parts(form: Any) -> list[dict[str, Any]]:
    parts = []
    for n in range(MOST_PARTS):
        kind = form.get(f"p{n}-kind", "")
        if kind not in {k.value for k in PART_KINDS} or f"p{n}-drop" in form:
            continue
        raw = _common(form, f"p{n}-", Kind(kind)) | {"points": _said(form, f"p{n}-points") or None}
        parts.append({key: value for key, value in raw.items() if value not in ("", [], None)})
    return parts


PICTURE_PLACES = {"text": _l("Words"), "explanation": _l("Explanation")}
"""Where the editor puts a new picture; its line may then be moved into any other text."""


def put_picture(raw: dict[str, Any], place: str, line: str) -> None:
    """Add a picture's line to one of the texts of a raw question."""
    place = place if place in PICTURE_PLACES else "text"
    raw[place] = f"{raw.get(place, '')}\n\n{line}".strip()


def shown(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A question's JSON shape as the template wants it: with lists for every kind of row."""
    return {"options": [], "blanks": [], "pairs": [], "distractors": [], "sequence": [], "rubric": [], "parts": [],
            "enemies": []} | dict(raw)  # fmt: skip
