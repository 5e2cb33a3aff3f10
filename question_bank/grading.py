"""What an answer is, whether it is one, and what share of the points it earns.

Answers are JSON-safe. ``None`` stands for "not answered", in every kind.

========== =============================================================================================================
kind       answer
========== =============================================================================================================
single     the option's id: ``"b"``
multiple   ids of the ticked options: ``["a", "c"]``
truefalse  ``true`` or ``false``
blank      one text per blank, ``""`` for one left open: ``["全部", ""]``
numeric    the number as typed, the unit may follow: ``"12.5"``, ``"12.5万元"``; or ``{"value": "12.5", "unit": "万元"}``
matching   left id → right id, lefts left open are absent: ``{"a": "c"}``
ordering   ids of the steps in the candidate's order: ``["c", "a", "b"]``
case       part id → the answer to that part: ``{"p1": "b", "p2": ["a", "c"]}``
essay      the text
========== =============================================================================================================

:func:`clean_answer` turns what a browser sent into this form or refuses it; :func:`grade` takes only this form. Shares are
``Decimal`` from 0 to 1; points are made of a share once, by :func:`points_for`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal, localcontext
from enum import StrEnum
from itertools import pairwise
from typing import Any

from question_bank.items import Item, Kind, Part, choices_of, plain, questions_of
from question_bank.reasons import sentence

Answer = str | bool | list[str] | dict[str, Any] | None

LONGEST_BLANK = 200
LONGEST_NUMBER = 64
LONGEST_ESSAY = 20_000
NOTHING, ALL = Decimal(0), Decimal(1)
_HALF = Decimal("0.5")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]|[\ud800-\udfff]")


class BadAnswer(ValueError):
    """Something that cannot be an answer to this question. ``reason`` is a code of ``reasons.py``, ``where`` the part."""

    def __init__(self, reason: str, where: str = "", **values: object) -> None:
        self.reason, self.where, self.values = reason, where, values
        super().__init__(f"{where or 'answer'}: {sentence(reason, 'en', values)}")


class NeedsMarker(Exception):
    """A person has to mark this. ``parts`` are the ids of the parts that wait (``whole`` for an essay of its own)."""

    def __init__(self, parts: Sequence[str]) -> None:
        self.parts = tuple(parts)
        super().__init__(f"to be marked by a person: {', '.join(self.parts)}")


# --- rules ------------------------------------------------------------------------------------------------------------


class Rule(StrEnum):
    """How a 多选 is marked; pinned by the exam. Other kinds are marked in one way only."""

    ALL_OR_NOTHING = "all_or_nothing"
    HALF_IF_INCOMPLETE = "half_if_incomplete"
    SHARE_IF_INCOMPLETE = "share_if_incomplete"


@dataclass(frozen=True, slots=True)
class RuleText:
    """A marking rule in words, to be shown on the paper, with an example. Codes are stable, words may be improved."""

    code: str
    zh: str
    en: str
    example_zh: str
    example_en: str

    def name(self, language: str = "zh") -> str:
        """What the rule is called, in ``zh`` or ``en``."""
        return RULE_NAMES[self.code][language.startswith("en")]

    def told(self, language: str = "zh") -> str:
        """Name, rule and example as one line."""
        if language.startswith("en"):
            return f"{self.name('en')}: {self.en} Example: {self.example_en}"
        return f"{self.name()}：{self.zh}例：{self.example_zh}"


#: What each rule is called: Chinese, English.
RULE_NAMES: dict[str, tuple[str, str]] = {
    "single": ("单选规则", "Single choice"),
    "multiple.all_or_nothing": ("多选规则 A（全对得分）", "Multiple choice, rule A (all or nothing)"),
    "multiple.half_if_incomplete": ("多选规则 B（少选得一半）", "Multiple choice, rule B (half where incomplete)"),
    "multiple.share_if_incomplete": ("多选规则 C（少选按比例）", "Multiple choice, rule C (share where incomplete)"),
    "truefalse": ("判断规则", "True or false"),
    "blank": ("填空规则（各空等分）", "Fill-in (equal blanks)"),
    "numeric": ("数值规则（误差内得分）", "Numeric (within tolerance)"),
    "matching": ("连线规则（按对数）", "Matching (by pairs)"),
    "ordering": ("排序规则（按相邻）", "Ordering (by neighbours)"),
    "case": ("案例规则（小题相加）", "Case (sum of parts)"),
    "essay": ("人工评分规则（按要点）", "Marked by a person (along the rubric)"),
}

RULE_TEXTS: dict[str, RuleText] = {
    text.code: text
    for text in (
        RuleText(
            "single",
            "选对得满分，选错或不选得 0 分。",
            "Full marks for the right option; none for a wrong one or none.",
            "答案 B：选 B 得 1 分，选 A 得 0 分。",
            "Key B: B earns 1, A earns 0.",
        ),
        RuleText(
            "multiple.all_or_nothing",
            "全部选对得满分；多选、少选、错选、不选均得 0 分。",
            "Full marks for exactly the right options; otherwise none.",
            "每题 2 分，答案 ABD：选 ABD 得 2 分，AB 得 0 分，ABC 得 0 分，不选得 0 分。",
            "2 points, key ABD: ABD earns 2, AB 0, ABC 0, nothing 0.",
        ),
        RuleText(
            "multiple.half_if_incomplete",
            "全部选对得满分；少选且无错选得一半；有错选或不选得 0 分。",
            "Full marks for exactly the right options; half where some are missing; none where any is wrong.",
            "每题 2 分，答案 ABD：选 ABD 得 2 分，AB 得 1 分，ABC 得 0 分，不选得 0 分。",
            "2 points, key ABD: ABD earns 2, AB 1, ABC 0, nothing 0.",
        ),
        RuleText(
            "multiple.share_if_incomplete",
            "全部选对得满分；少选且无错选按选对个数的比例得分；有错选或不选得 0 分。",
            "Full marks for exactly the right options; the share of those found where some are missing; none where any "
            "is wrong.",
            "每题 3 分，答案 ABD：选 ABD 得 3 分，AB 得 2 分，A 得 1 分，ABC 得 0 分。",
            "3 points, key ABD: ABD earns 3, AB 2, A 1, ABC 0.",
        ),
        RuleText(
            "truefalse",
            "判断正确得满分，错误或不答得 0 分。",
            "Full marks for the right judgement; none otherwise.",
            "答案“错”：答“错”得 1 分，答“对”得 0 分。",
            "Key false: false earns 1, true earns 0.",
        ),
        RuleText(
            "blank",
            "各空分值相等；全角半角、大小写、空格的差异不影响判分。",
            "Each blank counts the same; width, case and spaces make no difference.",
            "共 2 空、2 分：只填对 1 空得 1 分。",
            "Two blanks, 2 points: one right blank earns 1.",
        ),
        RuleText(
            "numeric",
            "与答案之差不超过允许误差、且单位正确（可省略）得满分，否则得 0 分。",
            "Full marks within the tolerance and with the right unit (which may be left out); none otherwise.",
            "答案 12.5 万元，误差 0.1：填 12.45、12.6万元、125000元 均得满分，12.7 得 0 分。",
            "Key 12.5 万元 ± 0.1: 12.45, 12.6万元 and 125000元 earn all, 12.7 none.",
        ),
        RuleText(
            "matching",
            "按连对的比例得分。",
            "The share of pairs that are right.",
            "共 4 对、4 分：连对 3 对得 3 分。",
            "Four pairs, 4 points: three right pairs earn 3.",
        ),
        RuleText(
            "ordering",
            "按相邻两步先后正确的比例得分，全部正确得满分。",
            "The share of neighbouring steps that follow each other as they should.",
            "正确顺序 甲乙丙丁、3 分：甲乙丁丙 只有“甲乙”相接正确，得 1 分。",
            "Right order 1 2 3 4, 3 points: 1 2 4 3 has only 1–2 right and earns 1.",
        ),
        RuleText(
            "case",
            "各小题按其题型判分，按小题分值相加。",
            "Each part is marked by its own kind, and their points are added.",
            "小题 4 分答对、6 分答错：得 4 分（满分 10 分）。",
            "A part of 4 right, a part of 6 wrong: 4 of 10.",
        ),
        RuleText(
            "essay",
            "由阅卷人按评分要点评分；未作答得 0 分。",
            "Marked by a person along the rubric; none where nothing is written.",
            "要点 3 分 + 2 分，答出第一点：得 3 分。",
            "Criteria of 3 and 2 points, the first met: 3.",
        ),
    )
}


def rule_text(kind: Kind, rule: Rule | str = Rule.ALL_OR_NOTHING) -> RuleText:
    """The words for how a kind is marked under a rule. Raises ``ValueError`` for a rule nobody knows."""
    rule = Rule(rule)
    return RULE_TEXTS[f"multiple.{rule}" if kind is Kind.MULTIPLE else kind.value]


# --- what came from the browser -----------------------------------------------------------------------------------------


def clean_answer(item: Item, raw: object) -> Answer:
    """What a client sent, in the form of the table above; ``None`` where nothing is answered.

    A number that is none yet (``"12."``) is kept as typed, it earns nothing; characters that no page can show are dropped.
    Raises :class:`BadAnswer`: wrong shape, an id the question does not have, one id twice, too long.
    """
    if item.kind is not Kind.CASE:
        return _clean(item, raw, "")
    if raw is None:
        return None
    parts = questions_of(item)
    given = _mapping(raw, "", len(parts))
    for part_id in given:
        if part_id not in parts:
            raise BadAnswer("unknown_option")
    cleaned = {part_id: _clean(part, given.get(part_id), part_id) for part_id, part in parts.items()}
    return {part_id: answer for part_id, answer in cleaned.items() if answer is not None} or None


def is_blank(item: Item, answer: Answer) -> bool:
    """Whether nothing is answered: ``None``, empty or white text, nothing ticked, every blank or part open.
    Raises :class:`BadAnswer` as :func:`clean_answer` does."""
    return clean_answer(item, answer) is None


def _clean(question: Item | Part, raw: object, where: str) -> Answer:
    return None if raw is None else _CLEANERS[question.kind](question, raw, where)


def _string(raw: object, where: str, limit: int) -> str:
    if not isinstance(raw, str):
        raise BadAnswer("wrong_shape", where)
    if len(raw) > limit:
        raise BadAnswer("too_long", where, limit=limit)
    return _CONTROL.sub("", raw.replace("\r\n", "\n").replace("\r", "\n"))


def _list(raw: object, where: str, limit: int) -> list[object]:
    if not isinstance(raw, list | tuple):
        raise BadAnswer("wrong_shape", where)
    if len(raw) > limit:
        raise BadAnswer("too_many", where, limit=limit)
    return list(raw)


def _mapping(raw: object, where: str, limit: int) -> dict[str, object]:
    if not isinstance(raw, Mapping) or not all(isinstance(key, str) for key in raw):
        raise BadAnswer("wrong_shape", where)
    if len(raw) > limit:
        raise BadAnswer("too_many", where, limit=limit)
    return dict(raw)


def _ids(raw: object, where: str, known: Mapping[str, str]) -> list[str]:
    ids: list[str] = []
    for entry in _list(raw, where, len(known)):
        if not isinstance(entry, str):
            raise BadAnswer("wrong_shape", where)
        if entry not in known:
            raise BadAnswer("unknown_option", where)
        if entry in ids:
            raise BadAnswer("repeated_option", where)
        ids.append(entry)
    return ids


def _clean_single(question: Item | Part, raw: object, where: str) -> Answer:
    chosen = _string(raw, where, 8)
    if chosen and chosen not in choices_of(question):
        raise BadAnswer("unknown_option", where)
    return chosen or None


def _clean_multiple(question: Item | Part, raw: object, where: str) -> Answer:
    return sorted(_ids(raw, where, choices_of(question))) or None


def _clean_truefalse(question: Item | Part, raw: object, where: str) -> Answer:
    if not isinstance(raw, bool):
        raise BadAnswer("wrong_shape", where)
    return raw


def _clean_blank(question: Item | Part, raw: object, where: str) -> Answer:
    texts = ["" if t is None else _string(t, where, LONGEST_BLANK) for t in _list(raw, where, len(question.blanks))]
    texts += [""] * (len(question.blanks) - len(texts))
    return texts if any(text.strip() for text in texts) else None


def _clean_numeric(question: Item | Part, raw: object, where: str) -> Answer:
    if isinstance(raw, Mapping):
        given = _mapping(raw, where, 2)
        if not given.keys() <= {"value", "unit"}:
            raise BadAnswer("wrong_shape", where)
        value = _typed_number(given.get("value"), where)
        unit = _string(given.get("unit") or "", where, 32).strip()
        return {"value": value, "unit": unit} if value else None
    return _typed_number(raw, where) or None


def _typed_number(raw: object, where: str) -> str:
    if raw is None:
        return ""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        raw = str(raw) if not isinstance(raw, int) or abs(raw) < 10**40 else "?" * (LONGEST_NUMBER + 1)
    return _string(raw, where, LONGEST_NUMBER).strip()


def _clean_matching(question: Item | Part, raw: object, where: str) -> Answer:
    assert isinstance(question, Item)
    lefts = {pair.left_id for pair in question.pairs}
    rights = choices_of(question)
    chosen = {left: right for left, right in _mapping(raw, where, len(lefts)).items() if right not in (None, "")}
    for left, right in chosen.items():
        if not isinstance(right, str):
            raise BadAnswer("wrong_shape", where)
        if left not in lefts or right not in rights:
            raise BadAnswer("unknown_option", where)
    return {left: chosen[left] for left in sorted(chosen)} or None


def _clean_ordering(question: Item | Part, raw: object, where: str) -> Answer:
    return _ids(raw, where, choices_of(question)) or None


def _clean_essay(question: Item | Part, raw: object, where: str) -> Answer:
    text = _string(raw, where, LONGEST_ESSAY)
    return text if text.strip() else None


_CLEANERS: dict[Kind, Callable[[Item | Part, object, str], Answer]] = {
    Kind.SINGLE: _clean_single,
    Kind.MULTIPLE: _clean_multiple,
    Kind.TRUEFALSE: _clean_truefalse,
    Kind.BLANK: _clean_blank,
    Kind.NUMERIC: _clean_numeric,
    Kind.MATCHING: _clean_matching,
    Kind.ORDERING: _clean_ordering,
    Kind.ESSAY: _clean_essay,
}


# --- marking ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PartMark:
    """One part of a marked item: its weight within the item (``points``) and its share 0–1, ``None`` while it waits."""

    id: str
    points: Decimal
    share: Decimal | None


@dataclass(frozen=True, slots=True)
class Graded:
    """An item marked as far as a machine can. An item that is no case has one part, named ``whole``."""

    parts: tuple[PartMark, ...]

    @property
    def awaiting(self) -> tuple[str, ...]:
        """Ids of the parts that a person has to mark."""
        return tuple(part.id for part in self.parts if part.share is None)

    @property
    def automatic(self) -> Decimal:
        """The share of the whole item that is earned already; parts that wait count nothing."""
        total = sum((part.points for part in self.parts), Decimal(0))
        return sum((part.points * (part.share or 0) for part in self.parts), Decimal(0)) / total

    @property
    def share(self) -> Decimal:
        """The share of the whole item, 0–1. Raises :class:`NeedsMarker` while a part waits."""
        if self.awaiting:
            raise NeedsMarker(self.awaiting)
        return self.automatic

    def with_marks(self, shares: Mapping[str, Decimal]) -> Graded:
        """The same with a marker's shares for parts that wait. Raises ``ValueError`` for another part or no share 0–1."""
        if not set(shares) <= set(self.awaiting):
            raise ValueError("only parts that wait for a marker can be marked")
        if not all(0 <= share <= 1 for share in shares.values()):
            raise ValueError("a share lies between 0 and 1")
        return Graded(tuple(replace(p, share=shares[p.id]) if p.id in shares else p for p in self.parts))


def grade_parts(item: Item, answer: Answer, rule: Rule | str = Rule.ALL_OR_NOTHING) -> Graded:
    """Mark what can be marked by rule; essays that say something wait for a person, unanswered ones earn 0.

    Raises :class:`BadAnswer` for an answer that does not belong to the item, ``ValueError`` for an unknown rule.
    """
    rule = Rule(rule)
    cleaned = clean_answer(item, answer)
    marks = []
    for part_id, question in questions_of(item).items():
        given = (cleaned or {}).get(part_id) if item.kind is Kind.CASE else cleaned  # type: ignore[union-attr]
        marks.append(PartMark(part_id, question.points, _share(question, given, rule)))
    return Graded(tuple(marks))


def grade(item: Item, answer: Answer, rule: Rule | str = Rule.ALL_OR_NOTHING) -> Decimal:
    """The share of the points that an answer earns, 0 to 1.

    Raises :class:`NeedsMarker` for an essay, or a case with an essay part, that has an answer (see :func:`grade_parts`),
    :class:`BadAnswer` for an answer that does not belong to the item, ``ValueError`` for an unknown rule.
    """
    return grade_parts(item, answer, rule).share


def points_for(share: Decimal, points: Decimal) -> Decimal:
    """Points earned, to two places, half up. The only place where a share becomes points."""
    return (share * points).quantize(Decimal("0.01"), ROUND_HALF_UP)


def correct_answer(item: Item) -> Answer:
    """The answer that earns everything (an essay: its reference text, ``None`` where it has none)."""
    if item.kind is Kind.CASE:
        keys = {part.id: _key(part) for part in item.parts}
        return {part_id: key for part_id, key in keys.items() if key is not None} or None
    return _key(item)


def _key(question: Item | Part) -> Answer:
    correct = sorted(option.id for option in question.options if option.correct)
    if question.kind is Kind.SINGLE:
        return correct[0]
    if question.kind is Kind.MULTIPLE:
        return correct
    if question.kind is Kind.TRUEFALSE:
        return question.answer
    if question.kind is Kind.BLANK:
        return [blank.accepted[0] for blank in question.blanks]
    if question.kind is Kind.NUMERIC:
        return {"value": f"{question.value:f}", "unit": question.unit}
    if question.kind is Kind.ESSAY:
        return question.reference or None
    assert isinstance(question, Item)
    if question.kind is Kind.MATCHING:
        return {pair.left_id: pair.right_id for pair in sorted(question.pairs, key=lambda pair: pair.left_id)}
    return [step.id for step in question.sequence]


def _share(question: Item | Part, answer: Any, rule: Rule) -> Decimal | None:
    if answer is None:
        return NOTHING
    if question.kind is Kind.ESSAY:
        return None
    if question.kind is Kind.MULTIPLE:
        return _share_of_multiple(question, set(answer), rule)
    if question.kind is Kind.BLANK:
        right = sum(
            plain(text) in {plain(accepted) for accepted in blank.accepted}
            for blank, text in zip(question.blanks, answer, strict=True)
        )
        return Decimal(right) / len(question.blanks)
    if question.kind is Kind.NUMERIC:
        return ALL if _number_fits(question, answer) else NOTHING
    if isinstance(question, Item) and question.kind is Kind.MATCHING:
        right = sum(answer.get(pair.left_id) == pair.right_id for pair in question.pairs)
        return Decimal(right) / len(question.pairs)
    if isinstance(question, Item) and question.kind is Kind.ORDERING:
        return _share_of_ordering([step.id for step in question.sequence], answer)
    return ALL if answer == _key(question) else NOTHING


def _share_of_multiple(question: Item | Part, chosen: set[str], rule: Rule) -> Decimal:
    key = {option.id for option in question.options if option.correct}
    if chosen == key:
        return ALL
    if rule is Rule.ALL_OR_NOTHING or not chosen < key:
        return NOTHING
    return _HALF if rule is Rule.HALF_IF_INCOMPLETE else Decimal(len(chosen)) / len(key)


def _share_of_ordering(key: Sequence[str], given: Sequence[str]) -> Decimal:
    neighbours = set(pairwise(key))
    right = sum(pair in neighbours for pair in pairwise(given))
    return Decimal(right) / len(neighbours)


# --- numbers with units ---------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"([+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,30})(?:\.\d{0,30})?|[+-]?\.\d{1,30})(?:e([+-]?\d{1,2}))?")
_MONEY = {"元": Decimal(1), "千元": Decimal(1000), "万元": Decimal(10_000), "亿元": Decimal(100_000_000)}


def read_number(text: str) -> tuple[Decimal, str] | None:
    """A number as people type it, and the unit behind it (normalised, may be empty); ``None`` where there is no number.
    Full width, thousands commas and ``1.2e4`` are understood."""
    folded = "".join(unicodedata.normalize("NFKC", text).casefold().replace("−", "-").split())
    found = _NUMBER.match(folded)
    if not found:
        return None
    number = Decimal(found[1].replace(",", "") + (f"e{found[2]}" if found[2] else ""))
    return number, plain(folded[found.end() :])


def _number_fits(question: Item | Part, answer: str | Mapping[str, str]) -> bool:
    typed = answer if isinstance(answer, str) else answer["value"]
    read = read_number(typed)
    if read is None or question.value is None:
        return False
    number, unit = read
    if isinstance(answer, Mapping) and answer["unit"]:
        if unit and unit != plain(answer["unit"]):
            return False
        unit = plain(answer["unit"])
    wanted = plain(question.unit)
    with localcontext(prec=120):
        if unit and unit != wanted:
            if unit not in _MONEY or wanted not in _MONEY:
                return False
            number = number * _MONEY[unit] / _MONEY[wanted]
        return abs(number - question.value) <= question.tolerance
