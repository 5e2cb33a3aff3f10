"""What a question is: frozen values, their checks, their JSON form, and what a candidate may see of them.

An :class:`Item` cannot exist in a broken state: making one checks it and raises :class:`BadItem`. Its JSON form
(:meth:`Item.to_dict`) is kept in the database as an immutable revision, so it must stay readable for ever: fields are
only added, with a default.

Options, right-hand sides and steps have *ids* of one or two letters. They are given once, in an order that follows from a
digest of the question and not from the place where the author wrote them; so an id in a page betrays neither the
key nor the right order. Everything that is stored about an answer names ids; letters A, B, C are only drawn on the page.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from question_bank.reasons import sentence


class Kind(StrEnum):
    """单选 多选 判断 填空 数值 连线 排序 案例 简答."""

    SINGLE = "single"
    MULTIPLE = "multiple"
    TRUEFALSE = "truefalse"
    BLANK = "blank"
    NUMERIC = "numeric"
    MATCHING = "matching"
    ORDERING = "ordering"
    CASE = "case"
    ESSAY = "essay"


class Difficulty(StrEnum):
    """易 中 难."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


#: The modules of the outline as shipped (公共知识, 政策法规, 实务技能, 能力提升). An operator's outline may have others.
MODULES = ("common", "policy", "skill", "advanced")
LEVELS = (1, 2, 3)
PART_KINDS = (Kind.SINGLE, Kind.MULTIPLE, Kind.TRUEFALSE, Kind.BLANK, Kind.NUMERIC, Kind.ESSAY)
#: The name under which an item without parts appears where parts are named (orders, part marks).
WHOLE = "whole"

LONG_TEXT = 20_000
SHORT_TEXT = 2_000
LINE = 200
MOST_CHOICES = 26
MOST_ENEMIES = 200
MOST_POINTS = Decimal(1000)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")
_CODE = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
_CHOICE_ID = re.compile(r"[a-z0-9]{1,8}\Z")
_BLANK_MARK = re.compile(r"\[\[(\d{1,3})\]\]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]|[\ud800-\udfff]")


class BadItem(ValueError):
    """A question that cannot stand. ``field`` says where (``options[2].text``), ``reason`` is a code of ``reasons.py``."""

    def __init__(self, field: str, reason: str, **values: object) -> None:
        self.field, self.reason, self.values = field, reason, values
        super().__init__(f"{field}: {sentence(reason, 'en', values)}")

    def text(self, language: str = "zh") -> str:
        """The reason as a sentence in ``zh`` or ``en``, with the field before it."""
        return f"{self.field}: {sentence(self.reason, language, self.values)}"


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a single or multiple question. ``feedback`` is shown with the result, never before."""

    id: str
    text: str
    correct: bool = False
    feedback: str = ""


@dataclass(frozen=True, slots=True)
class Blank:
    """One gap of a 填空 stem: every text in ``accepted`` is right; the first is the one shown as the answer."""

    accepted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A left side and the right side that belongs to it. Two lefts may share a right side (same text, same id)."""

    left_id: str
    left: str
    right_id: str
    right: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A text with an id: a step of an ordering question, or a right side that belongs to no left side."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of an essay's rubric: what earns, and up to how many points."""

    point: str
    points: Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """A question inside a case (案例小题), with its share ``points`` of the case's points."""

    id: str
    kind: Kind
    text: str
    points: Decimal
    options: tuple[Option, ...] = ()
    shuffle: bool = True
    answer: bool | None = None
    blanks: tuple[Blank, ...] = ()
    value: Decimal | None = None
    tolerance: Decimal = Decimal(0)
    unit: str = ""
    rubric: tuple[Criterion, ...] = ()
    reference: str = ""
    explanation: str = ""

    def __post_init__(self) -> None:
        if self.kind not in PART_KINDS:
            raise BadItem("kind", "part_kind")
        _check_choice_id("id", self.id)
        _check_question(self)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe form; fields that hold their default are left out."""
        return _as_dict(self)


@dataclass(frozen=True, slots=True)
class Item:
    """A question of the bank.

    ``level`` 1 初级, 2 中级, 3 高级; ``module`` a code of the outline; both, and ``difficulty``, are ``None`` while nobody has
    classified the question (some file formats cannot say). ``points`` is what the author thinks it is worth; a blueprint
    overrides it. ``shuffle=False`` keeps the options as written (以上均是). ``enemies`` are ids of questions that must not
    be on the same paper; one side naming the other is enough.
    """

    id: str
    kind: Kind
    text: str
    level: int | None = None
    module: str | None = None
    difficulty: Difficulty | None = None
    point: str = ""
    points: Decimal = Decimal(1)
    options: tuple[Option, ...] = ()
    shuffle: bool = True
    answer: bool | None = None
    blanks: tuple[Blank, ...] = ()
    value: Decimal | None = None
    tolerance: Decimal = Decimal(0)
    unit: str = ""
    pairs: tuple[Pair, ...] = ()
    distractors: tuple[Choice, ...] = ()
    sequence: tuple[Choice, ...] = ()
    parts: tuple[Part, ...] = ()
    rubric: tuple[Criterion, ...] = ()
    reference: str = ""
    explanation: str = ""
    source: str = ""
    enemies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_item(self)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe and lossless: ``Item.from_dict(item.to_dict()) == item``. Fields that hold their default are left out;
        decimals are strings."""
        return _as_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Item:
        """Read the JSON form, or the same without ids (they are given here). Raises :class:`BadItem`."""
        return _read_item(data)


# --- what belongs to which kind ---------------------------------------------------------------------------------------

_KEYS_OF_KIND: dict[Kind, frozenset[str]] = {
    Kind.SINGLE: frozenset({"options", "shuffle"}),
    Kind.MULTIPLE: frozenset({"options", "shuffle"}),
    Kind.TRUEFALSE: frozenset({"answer"}),
    Kind.BLANK: frozenset({"blanks"}),
    Kind.NUMERIC: frozenset({"value", "tolerance", "unit"}),
    Kind.MATCHING: frozenset({"pairs", "distractors"}),
    Kind.ORDERING: frozenset({"sequence"}),
    Kind.CASE: frozenset({"parts"}),
    Kind.ESSAY: frozenset({"rubric", "reference"}),
}
_KIND_KEYS = frozenset().union(*_KEYS_OF_KIND.values())
_PART_FIELDS = frozenset(f.name for f in fields(Part))
_ITEM_FIELDS = frozenset(f.name for f in fields(Item))


# --- checks -------------------------------------------------------------------------------------------------------------


def _check_text(field: str, value: object, limit: int, *, required: bool = True) -> None:
    if not isinstance(value, str):
        raise BadItem(field, "not_text")
    if required and not value.strip():
        raise BadItem(field, "required")
    if len(value) > limit:
        raise BadItem(field, "too_long", limit=limit)
    if _CONTROL.search(value):
        raise BadItem(field, "control_character")


def _check_count(field: str, values: Sequence[object], low: int, high: int) -> None:
    if len(values) < low:
        raise BadItem(field, "too_few", limit=low)
    if len(values) > high:
        raise BadItem(field, "too_many", limit=high)


def _check_choice_id(field: str, value: object) -> None:
    if not isinstance(value, str) or not _CHOICE_ID.match(value):
        raise BadItem(field, "bad_id")


def _check_distinct(field: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for number, value in enumerate(values):
        if value in seen:
            raise BadItem(f"{field}[{number}]", "duplicate")
        seen.add(value)


def _check_number(field: str, value: object, *, positive: bool = False, negative_allowed: bool = False) -> None:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise BadItem(field, "not_number")
    if len(value.as_tuple().digits) > 30 or not -30 <= value.adjusted() <= 30:
        raise BadItem(field, "out_of_range", low="-1E+30", high="1E+30")
    if positive and value <= 0:
        raise BadItem(field, "not_positive")
    if value < 0 and not negative_allowed:
        raise BadItem(field, "negative")


def _check_points(field: str, value: object) -> None:
    _check_number(field, value, positive=True)
    if value > MOST_POINTS:  # type: ignore[operator]
        raise BadItem(field, "out_of_range", low=0, high=MOST_POINTS)


def _check_options(question: Item | Part) -> None:
    _check_count("options", question.options, 2, MOST_CHOICES)
    for number, option in enumerate(question.options):
        _check_choice_id(f"options[{number}].id", option.id)
        _check_text(f"options[{number}].text", option.text, SHORT_TEXT)
        _check_text(f"options[{number}].feedback", option.feedback, SHORT_TEXT, required=False)
        if not isinstance(option.correct, bool):
            raise BadItem(f"options[{number}].correct", "not_boolean")
    _check_distinct("options", [option.id for option in question.options])
    _check_distinct("options", [option.text.strip() for option in question.options])
    correct = sum(option.correct for option in question.options)
    if question.kind is Kind.SINGLE and correct != 1:
        raise BadItem("options", "one_correct", count=correct)
    if correct == 0:
        raise BadItem("options", "no_correct")


def _check_blanks(question: Item | Part) -> None:
    _check_count("blanks", question.blanks, 1, MOST_CHOICES)
    for number, blank in enumerate(question.blanks):
        _check_count(f"blanks[{number}]", blank.accepted, 1, 50)
        for place, text in enumerate(blank.accepted):
            _check_text(f"blanks[{number}][{place}]", text, LINE)
            if not plain(text):
                raise BadItem(f"blanks[{number}][{place}]", "empty_after_normalising")
    marks = [int(mark) for mark in _BLANK_MARK.findall(question.text)]
    if sorted(marks) != list(range(1, len(question.blanks) + 1)):
        raise BadItem("text", "blank_marks", count=len(question.blanks))


def _check_numeric(question: Item | Part) -> None:
    if question.value is None:
        raise BadItem("value", "required")
    _check_number("value", question.value, negative_allowed=True)
    _check_text("unit", question.unit, 32, required=False)


def _check_matching(item: Item) -> None:
    _check_count("pairs", item.pairs, 2, MOST_CHOICES)
    _check_count("distractors", item.distractors, 0, MOST_CHOICES)
    right_ids: dict[str, str] = {}
    for number, pair in enumerate(item.pairs):
        _check_choice_id(f"pairs[{number}].left_id", pair.left_id)
        _check_choice_id(f"pairs[{number}].right_id", pair.right_id)
        _check_text(f"pairs[{number}].left", pair.left, SHORT_TEXT)
        _check_text(f"pairs[{number}].right", pair.right, SHORT_TEXT)
        if right_ids.setdefault(pair.right_id, pair.right) != pair.right:
            raise BadItem(f"pairs[{number}].right_id", "duplicate")
    _check_distinct("pairs", [pair.left_id for pair in item.pairs])
    _check_distinct("pairs", [pair.left.strip() for pair in item.pairs])
    for number, choice in enumerate(item.distractors):
        _check_choice_id(f"distractors[{number}].id", choice.id)
        _check_text(f"distractors[{number}]", choice.text, SHORT_TEXT)
    _check_distinct("distractors", [*right_ids, *(choice.id for choice in item.distractors)])
    _check_distinct("distractors", [*right_ids.values(), *(choice.text for choice in item.distractors)])


def _check_ordering(item: Item) -> None:
    _check_count("sequence", item.sequence, 2, MOST_CHOICES)
    for number, step in enumerate(item.sequence):
        _check_choice_id(f"sequence[{number}].id", step.id)
        _check_text(f"sequence[{number}]", step.text, SHORT_TEXT)
    _check_distinct("sequence", [step.id for step in item.sequence])
    _check_distinct("sequence", [step.text.strip() for step in item.sequence])


def _check_essay(question: Item | Part) -> None:
    _check_count("rubric", question.rubric, 0, 50)
    for number, criterion in enumerate(question.rubric):
        _check_text(f"rubric[{number}].point", criterion.point, SHORT_TEXT)
        _check_points(f"rubric[{number}].points", criterion.points)


def _check_question(question: Item | Part) -> None:
    """What an item and a part of a case have in common."""
    _check_text("text", question.text, LONG_TEXT)
    _check_points("points", question.points)
    _check_text("reference", question.reference, LONG_TEXT, required=False)
    _check_text("explanation", question.explanation, LONG_TEXT, required=False)
    _check_number("tolerance", question.tolerance)
    if not isinstance(question.shuffle, bool):
        raise BadItem("shuffle", "not_boolean")
    _check_foreign_fields(question)
    if question.kind in (Kind.SINGLE, Kind.MULTIPLE):
        _check_options(question)
    elif question.kind is Kind.TRUEFALSE:
        if not isinstance(question.answer, bool):
            raise BadItem("answer", "not_boolean")
    elif question.kind is Kind.BLANK:
        _check_blanks(question)
    elif question.kind is Kind.NUMERIC:
        _check_numeric(question)
    elif question.kind is Kind.ESSAY:
        _check_essay(question)


def _check_foreign_fields(question: Item | Part) -> None:
    foreign = _KIND_KEYS - _KEYS_OF_KIND[question.kind] - {"shuffle"}
    for field in fields(question):
        if field.name in foreign and getattr(question, field.name) != field.default:
            raise BadItem(field.name, "not_for_kind", kind=question.kind.value)


def _check_item(item: Item) -> None:
    if not isinstance(item.id, str) or not _ID.match(item.id):
        raise BadItem("id", "bad_id")
    if not isinstance(item.kind, Kind):
        raise BadItem("kind", "unknown_kind")
    if item.level is not None and (not isinstance(item.level, int) or item.level not in LEVELS):
        raise BadItem("level", "out_of_range", low=LEVELS[0], high=LEVELS[-1])
    if item.module is not None and (not isinstance(item.module, str) or not _CODE.match(item.module)):
        raise BadItem("module", "bad_code")
    if item.difficulty is not None and not isinstance(item.difficulty, Difficulty):
        raise BadItem("difficulty", "unknown_difficulty")
    _check_text("point", item.point, LINE, required=False)
    _check_text("source", item.source, SHORT_TEXT, required=False)
    _check_count("enemies", item.enemies, 0, MOST_ENEMIES)
    for number, enemy in enumerate(item.enemies):
        if not isinstance(enemy, str) or not _ID.match(enemy):
            raise BadItem(f"enemies[{number}]", "bad_id")
        if enemy == item.id:
            raise BadItem(f"enemies[{number}]", "own_enemy")
    _check_question(item)
    if item.kind is Kind.MATCHING:
        _check_matching(item)
    elif item.kind is Kind.ORDERING:
        _check_ordering(item)
    elif item.kind is Kind.CASE:
        _check_count("parts", item.parts, 1, 20)
        _check_distinct("parts", [part.id for part in item.parts])


# --- ids ------------------------------------------------------------------------------------------------------------------

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def given_ids(salt: str, texts: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """Ids for texts: letters dealt out in the order of a digest of (salt, text), so that they say nothing about the order
    in which the texts were written. Same salt and texts, same ids. Equal texts get one id; ``taken`` are not given."""
    free = [a for a in _LETTERS if a not in set(taken)] + [a + b for a in _LETTERS for b in _LETTERS]
    distinct = sorted(set(texts), key=lambda text: hashlib.sha256(f"{salt}\x1f{text}".encode()).digest())
    ids = dict(zip(distinct, free, strict=False))
    return [ids[text] for text in texts]


def new_item_id(kind: str, *texts: str) -> str:
    """An id for a question that came without one, from its kind, its stem and its other texts (many questions begin with
    下列说法正确的是): the same question always gets the same id, whatever its layout."""
    told = "\x1f".join([kind, *map(plain, texts)])
    return f"q-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


# --- reading the JSON / YAML form -----------------------------------------------------------------------------------------


def _text(data: Mapping[str, Any], key: str, where: str = "", default: str | None = None) -> str:
    return _as_text(data.get(key), where or key, default)


def _as_text(value: object, where: str, default: str | None = None) -> str:
    if value is None:
        if default is None:
            raise BadItem(where, "required")
        return default
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**40:
        return str(value)
    if not isinstance(value, str):
        raise BadItem(where, "not_text")
    return value


def _as_list(value: object, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise BadItem(where, "not_list")
    if len(value) > max(MOST_ENEMIES, 100):
        raise BadItem(where, "too_many", limit=max(MOST_ENEMIES, 100))
    return list(value)


def _as_mapping(value: object, where: str, keys: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadItem(where, "not_mapping")
    for key in value:
        if key not in keys:
            raise BadItem(f"{where}.{str(key)[:40]}" if where else str(key)[:40], "unknown_key")
    return value


def _as_bool(value: object, where: str, default: bool | None = None) -> bool | None:
    if value is None:
        return default
    if not isinstance(value, bool):
        raise BadItem(where, "not_boolean")
    return value


def as_decimal(value: object, where: str) -> Decimal:
    """A finite decimal from an int, a float as it was written, a string or a decimal. Raises :class:`BadItem`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise BadItem(where, "required" if value is None else "not_number")
    written = str(value) if not isinstance(value, int) or abs(value) < 10**40 else "Infinity"
    try:
        number = Decimal(written.strip()) if len(written) <= 64 else Decimal("NaN")
    except InvalidOperation:
        raise BadItem(where, "not_number") from None
    if not number.is_finite():
        raise BadItem(where, "not_number")
    return number


def _read_options(data: Mapping[str, Any], salt: str) -> tuple[Option, ...]:
    keys = frozenset({"id", "text", "correct", "feedback"})
    rows = [_as_mapping(o, f"options[{n}]", keys) for n, o in enumerate(_as_list(data.get("options"), "options"))]
    texts = [_text(row, "text", f"options[{n}].text") for n, row in enumerate(rows)]
    ids = _ids(rows, "id", salt, texts)
    return tuple(
        Option(
            id=ids[n],
            text=texts[n],
            correct=bool(_as_bool(row.get("correct"), f"options[{n}].correct", False)),
            feedback=_text(row, "feedback", f"options[{n}].feedback", ""),
        )
        for n, row in enumerate(rows)
    )


def _ids(rows: Sequence[Mapping[str, Any]], key: str, salt: str, texts: Sequence[str]) -> list[str]:
    """The ids that are written, and given ones where none is."""
    written = [row.get(key) for row in rows]
    given = given_ids(salt, texts, [w for w in written if isinstance(w, str)])
    return [w if w is not None else g for w, g in zip(written, given, strict=True)]


def _read_blanks(data: Mapping[str, Any]) -> tuple[Blank, ...]:
    blanks = []
    for n, accepted in enumerate(_as_list(data.get("blanks"), "blanks")):
        texts = _as_list(accepted if isinstance(accepted, list | tuple) else [accepted], f"blanks[{n}]")
        blanks.append(Blank(tuple(_as_text(text, f"blanks[{n}][{p}]") for p, text in enumerate(texts))))
    return tuple(blanks)


def _read_choices(data: Mapping[str, Any], key: str, salt: str, taken: Iterable[str] = ()) -> tuple[Choice, ...]:
    rows: list[Mapping[str, Any]] = []
    for n, entry in enumerate(_as_list(data.get(key), key)):
        if isinstance(entry, Mapping):
            rows.append(_as_mapping(entry, f"{key}[{n}]", frozenset({"id", "text"})))
        else:
            rows.append({"text": _as_text(entry, f"{key}[{n}]")})
    texts = [_text(row, "text", f"{key}[{n}].text") for n, row in enumerate(rows)]
    written = [row["id"] for row in rows if isinstance(row.get("id"), str)]
    given = given_ids(salt, texts, [*taken, *written])
    return tuple(Choice(row["id"] if row.get("id") is not None else given[n], texts[n]) for n, row in enumerate(rows))


def _read_matching(data: Mapping[str, Any], salt: str) -> tuple[tuple[Pair, ...], tuple[Choice, ...]]:
    keys = frozenset({"left", "right", "left_id", "right_id"})
    rows = [_as_mapping(p, f"pairs[{n}]", keys) for n, p in enumerate(_as_list(data.get("pairs"), "pairs"))]
    lefts = [_text(row, "left", f"pairs[{n}].left") for n, row in enumerate(rows)]
    rights = [_text(row, "right", f"pairs[{n}].right") for n, row in enumerate(rows)]
    # Wrong right sides are dealt their letters together with the right ones: else the last letters would be the wrong ones.
    loose = _as_list(data.get("distractors"), "distractors")
    loose_rows = [
        _as_mapping(e, f"distractors[{n}]", frozenset({"id", "text"})) if isinstance(e, Mapping) else {"text": e}
        for n, e in enumerate(loose)
    ]
    loose_texts = [_text(row, "text", f"distractors[{n}]") for n, row in enumerate(loose_rows)]
    left_ids = _ids(rows, "left_id", f"{salt}/left", lefts)
    right_rows = [{"id": row.get("right_id")} for row in rows] + [{"id": row.get("id")} for row in loose_rows]
    right_ids = _ids(right_rows, "id", f"{salt}/right", [*rights, *loose_texts])
    pairs = tuple(Pair(*values) for values in zip(left_ids, lefts, right_ids[: len(rows)], rights, strict=True))
    distractors = tuple(Choice(*values) for values in zip(right_ids[len(rows) :], loose_texts, strict=True))
    return pairs, distractors


def _read_rubric(data: Mapping[str, Any]) -> tuple[Criterion, ...]:
    keys = frozenset({"point", "points"})
    rows = [_as_mapping(c, f"rubric[{n}]", keys) for n, c in enumerate(_as_list(data.get("rubric"), "rubric"))]
    return tuple(
        Criterion(_text(row, "point", f"rubric[{n}].point"), as_decimal(row.get("points"), f"rubric[{n}].points"))
        for n, row in enumerate(rows)
    )


def _read_kind(data: Mapping[str, Any]) -> Kind:
    written = data.get("kind")
    if written is None:
        raise BadItem("kind", "required")
    if not isinstance(written, str) or written not in list(Kind):
        raise BadItem("kind", "unknown_kind")
    return Kind(written)


def _read_common(data: Mapping[str, Any], kind: Kind, salt: str) -> dict[str, Any]:
    for key in _KIND_KEYS - _KEYS_OF_KIND[kind] - {"shuffle"}:
        if data.get(key) not in (None, [], ""):
            raise BadItem(key, "not_for_kind", kind=kind.value)
    found: dict[str, Any] = {
        "kind": kind,
        "text": _text(data, "text"),
        "options": _read_options(data, salt),
        "shuffle": _as_bool(data.get("shuffle"), "shuffle", True),
        "answer": _as_bool(data.get("answer"), "answer"),
        "blanks": _read_blanks(data),
        "unit": _text(data, "unit", default=""),
        "rubric": _read_rubric(data),
        "reference": _text(data, "reference", default=""),
        "explanation": _text(data, "explanation", default=""),
    }
    for key in ("value", "tolerance", "points"):
        if data.get(key) is not None:
            found[key] = as_decimal(data[key], key)
    return found


def _read_part(data: object, number: int, salt: str) -> Part:
    where = f"parts[{number}]"
    mapping = _as_mapping(data, where, _PART_FIELDS)
    try:
        kind = _read_kind(mapping)
        if kind not in PART_KINDS:
            raise BadItem("kind", "part_kind")
        part_id = mapping["id"] if mapping.get("id") is not None else f"p{number + 1}"
        found = _read_common(mapping, kind, f"{salt}/{part_id}")
        if "points" not in found:
            raise BadItem("points", "required")
        return Part(id=part_id, **found)
    except BadItem as bad:
        raise BadItem(f"{where}.{bad.field}", bad.reason, **bad.values) from None


def _read_item(data: object) -> Item:
    mapping = _as_mapping(data, "", _ITEM_FIELDS)
    kind = _read_kind(mapping)
    item_id = _text(mapping, "id")
    found = _read_common(mapping, kind, item_id)
    found["pairs"], found["distractors"] = _read_matching(mapping, item_id)
    found["sequence"] = _read_choices(mapping, "sequence", item_id)
    parts = _as_list(mapping.get("parts"), "parts")
    found["parts"] = tuple(_read_part(part, n, item_id) for n, part in enumerate(parts))
    if kind is Kind.CASE and "points" not in found:
        found["points"] = sum((part.points for part in found["parts"]), Decimal(0)) or Decimal(1)
    level, difficulty, module = (mapping.get(key) for key in ("level", "difficulty", "module"))
    if level is not None and (isinstance(level, bool) or not isinstance(level, int)):
        raise BadItem("level", "not_integer")
    if difficulty is not None and (not isinstance(difficulty, str) or difficulty not in list(Difficulty)):
        raise BadItem("difficulty", "unknown_difficulty")
    enemies = _as_list(mapping.get("enemies"), "enemies")
    return Item(
        id=item_id,
        level=level,
        module=module,
        difficulty=Difficulty(difficulty) if difficulty else None,
        point=_text(mapping, "point", default=""),
        source=_text(mapping, "source", default=""),
        enemies=tuple(_as_text(enemy, f"enemies[{n}]") for n, enemy in enumerate(enemies)),
        **found,
    )


def _as_dict(value: Any) -> dict[str, Any]:
    """A dataclass as JSON-safe values, without what equals its default (lists of texts stay lists of texts)."""
    result: dict[str, Any] = {}
    for field in fields(value):
        content = getattr(value, field.name)
        # The points of a case that says nothing are the sum of its parts', so they are always written.
        if content != field.default or (field.name == "points" and value.kind is Kind.CASE):
            result[field.name] = _as_json(content)
    return result


def _as_json(content: Any) -> Any:
    if isinstance(content, Decimal):
        return str(content)
    if isinstance(content, StrEnum):
        return content.value
    if isinstance(content, Blank):
        return list(content.accepted)
    if isinstance(content, tuple):
        return [_as_json(entry) for entry in content]
    if isinstance(content, Option | Pair | Choice | Criterion | Part):
        return _as_dict(content)
    return content


# --- normal forms ---------------------------------------------------------------------------------------------------------

_PUNCTUATION = str.maketrans(
    {"，": ",", "。": ".", "；": ";", "：": ":", "（": "(", "）": ")", "“": '"', "”": '"', "、": ","}
)


def plain(text: str) -> str:
    """A short answer in the form in which two are compared: NFKC (full width becomes half width), case folded, without
    any white space, Chinese punctuation as its Latin counterpart, a full stop at the end dropped."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_PUNCTUATION)
    return "".join(character for character in folded if not character.isspace() and character != "\u200b").rstrip(".")


def _normal_stem(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = (c for c in folded if unicodedata.category(c)[0] in "LNS")
    return "".join(kept)


def normalised_stem(item: Item) -> str:
    """The stem (a case: also its parts' stems) without width, case, spaces, punctuation and Markdown marks. Kinds differ: a
    true/false question may repeat the words of a blank."""
    stems = [item.text, *(part.text for part in item.parts)]
    return f"{item.kind.value}:" + "/".join(_normal_stem(stem) for stem in stems)


def normalised_text(item: Item) -> str:
    """What duplicates are found by: the normalised stem with all that is shown below it, in no order, so that two
    questions that both ask 下列说法正确的是 differ, and one whose options were only moved about does not."""
    shown = [list(choices_of(question).values()) for question in questions_of(item).values()]
    lefts = [pair.left for pair in item.pairs]
    rest = ["|".join(sorted(map(_normal_stem, texts))) for texts in [lefts, *shown]]
    return "/".join([normalised_stem(item), *rest])


# --- what a candidate may see ---------------------------------------------------------------------------------------------

#: For each list that is shown: its ids in the order of the page, under :data:`WHOLE` or the part's id. JSON-safe.
Order = Mapping[str, Sequence[str]]


def choices_of(question: Item | Part) -> dict[str, str]:
    """Id → text of what is shown as a list: options, right sides, or steps; in the order of the author."""
    if question.kind in (Kind.SINGLE, Kind.MULTIPLE):
        return {option.id: option.text for option in question.options}
    if isinstance(question, Item) and question.kind is Kind.MATCHING:
        rights = {pair.right_id: pair.right for pair in question.pairs}
        return rights | {choice.id: choice.text for choice in question.distractors}
    if isinstance(question, Item) and question.kind is Kind.ORDERING:
        return {step.id: step.text for step in question.sequence}
    return {}


def questions_of(item: Item) -> dict[str, Item | Part]:
    """The parts of a case by their ids; any other item under :data:`WHOLE`."""
    if item.kind is Kind.CASE:
        return {part.id: part for part in item.parts}
    return {WHOLE: item}


def keeps_order(question: Item | Part) -> bool:
    """Whether the author's order must be shown. Right sides and steps never are: their order is the answer."""
    return question.kind in (Kind.SINGLE, Kind.MULTIPLE) and not question.shuffle


def _shown(question: Item | Part, order: Sequence[str] | None) -> list[dict[str, str]]:
    choices = choices_of(question)
    if order is None:
        order = list(choices) if question.kind in (Kind.SINGLE, Kind.MULTIPLE) else sorted(choices)
    if sorted(order) != sorted(choices):
        raise ValueError("the order must name every choice once")
    return [{"id": choice, "text": choices[choice]} for choice in order]


def _public_question(question: Item | Part, order: Sequence[str] | None) -> dict[str, Any]:
    view: dict[str, Any] = {"kind": question.kind.value, "text": question.text}
    if question.kind in (Kind.SINGLE, Kind.MULTIPLE):
        view["options"] = _shown(question, order)
    elif question.kind is Kind.BLANK:
        view["blanks"] = len(question.blanks)
    elif question.kind is Kind.NUMERIC:
        view["unit"] = question.unit
    elif isinstance(question, Item) and question.kind is Kind.MATCHING:
        view["lefts"] = [{"id": pair.left_id, "text": pair.left} for pair in question.pairs]
        view["rights"] = _shown(question, order)
    elif question.kind is Kind.ORDERING:
        view["steps"] = _shown(question, order)
    return view


def public_view(item: Item, order: Order | None = None) -> dict[str, Any]:
    """All that a candidate may receive before the results are out, JSON-safe, lists in the order of ``order``.

    ``{"id", "kind", "text"}`` and, by kind: ``options`` (``[{"id", "text"}]``), ``blanks`` (how many), ``unit``, ``lefts`` and
    ``rights``, ``steps``, ``parts`` (each with ``id`` and its ``points``, its share within the case).
    Never: key, accepted answers, explanation, feedback, rubric, reference, source, difficulty, knowledge point.
    Raises ``ValueError`` where ``order`` does not name exactly the choices of the question.
    """
    order = order or {}
    if item.kind is not Kind.CASE:
        return {"id": item.id, **_public_question(item, order.get(WHOLE))}
    parts = [
        {"id": part.id, "points": str(part.points), **_public_question(part, order.get(part.id))} for part in item.parts
    ]
    return {"id": item.id, "kind": item.kind.value, "text": item.text, "parts": parts}
