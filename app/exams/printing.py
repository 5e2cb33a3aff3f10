"""Documents of an exam as PDF, out of plain values: ticket, paper, key, answer sheet, seat plan, sign-in sheet, scores.

Nothing here knows a row or a request. Templates stand in ``prints/``; they are in Chinese, as the exam is, with English
beside the headings. ``app.exams.prints`` makes the values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from app.core import clock
from certificates.faces import date_zh
from certificates.sheets import joined, portrait, qr_png, sheet_pdf
from question_bank.grading import RuleText
from question_bank.items import WHOLE, Item, Kind, Part

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent / "prints"
CHUNK = 40
"""Tickets set at once: memory stays small whatever the number of candidates."""
KINDS = {
    Kind.SINGLE: ("单项选择题", "Single choice"),
    Kind.MULTIPLE: ("多项选择题", "Multiple choice"),
    Kind.TRUEFALSE: ("判断题", "True or false"),
    Kind.BLANK: ("填空题", "Fill-in"),
    Kind.NUMERIC: ("计算题", "Numeric"),
    Kind.MATCHING: ("连线题", "Matching"),
    Kind.ORDERING: ("排序题", "Ordering"),
    Kind.CASE: ("案例分析题", "Case"),
    Kind.ESSAY: ("简答题", "Short answer"),
}
NOTHING = Markup("")
NUMERALS = "一二三四五六七八九十"
_BLANK = re.compile(r"\[\[(\d{1,3})\]\]")
_IMAGE = re.compile(r"<img\b[^>]*>")
_ALT = re.compile(r'alt="([^"]*)"')
_SRC = re.compile(r'src="([^"]*)"')
_LINK = re.compile(r"</?a\b[^>]*>")


@dataclass(frozen=True)
class Head:
    """What stands on top of every document of a session."""

    title: str
    level: str
    authority: str
    opens_at: datetime
    closes_at: datetime
    last_entry_at: datetime
    minutes: int
    pass_mark: Decimal
    place: str
    trial: bool = False
    """Made by an installation that is no production: said in red."""


# --- tickets -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ticket:
    """准考证 of one candidate."""

    number: str
    name: str
    masked_id: str
    organisation: str
    place: str
    address: str
    note: str
    room: str
    seat: str
    extra_minutes: int
    check_url: str
    photo: bytes | None = None


RULES = (
    ("请携带本准考证和有效身份证件原件，提前 30 分钟到达考点，按座位号就座。",
     "Bring this slip and your identity document; be at the place 30 minutes before the exam and take your seat."),
    ("开考后超过规定时间不得入场；考试时间以服务器时钟为准。",
     "Nobody enters after the last entry. The clock of the server decides."),
    ("不得携带通信工具、资料入座；不得抄录、传播试题。",
     "No phones, no papers at the seat; questions are not copied and not passed on."),
    ("作答自动保存。设备或网络故障时请举手，时间由监考人员补足。",
     "Answers are saved by themselves. If device or network fails, raise your hand; time is given back."),
    ("违纪作弊的，成绩无效，按规定期限不得参加考试，并记入信用档案。",
     "Cheating makes the result void, bars from exams and is entered in the integrity record."),
)  # fmt: skip


def tickets_pdf(head: Head, tickets: Sequence[Ticket], instructions: Sequence[str] = ()) -> bytes:
    """One page for each candidate."""
    parts = []
    for start in range(0, len(tickets), CHUNK):
        some = tickets[start : start + CHUNK]
        assets: dict[str, bytes] = {}
        for n, one in enumerate(some):
            assets[f"qr-{n}"] = qr_png(one.check_url)
            if one.photo:
                assets[f"photo-{n}"] = portrait(one.photo)
        parts.append(_pdf("ticket.html", assets, head=head, tickets=some, instructions=instructions, rules=RULES))
    return joined(parts)


# --- papers ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """One question, or one part of a case, as it is printed."""

    label: str
    kind: Kind
    points: Decimal
    stem: Markup
    choices: tuple[tuple[str, Markup], ...] = ()
    """Options, right-hand sides or steps with their letters, in the order of this version."""
    lefts: tuple[tuple[str, Markup], ...] = ()
    blanks: int = 0
    unit: str = ""
    parts: tuple[Question, ...] = ()
    key: str = ""
    reference: Markup = NOTHING
    """The model answer of an essay."""
    rubric: tuple[tuple[str, Decimal], ...] = ()
    explanation: Markup = NOTHING
    source: str = ""

    @property
    def columns(self) -> int:
        """How many choices stand side by side."""
        longest = max((len(words.striptags()) for _letter, words in self.choices), default=0)
        return 4 if longest <= 7 else 2 if longest <= 17 else 1

    @property
    def lines(self) -> int:
        """Ruled lines for a written answer."""
        return max(5, min(14, round(self.points * Decimal("1.2"))))


@dataclass(frozen=True)
class Section:
    numeral: str
    name_zh: str
    name_en: str
    rule: str
    count: int
    points: Decimal
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Paper:
    letter: str
    seed: str
    sections: tuple[Section, ...]
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """Name in ``asset:///`` → bytes."""

    @property
    def points(self) -> Decimal:
        return sum((section.points for section in self.sections), Decimal(0))

    @property
    def count(self) -> int:
        return sum(section.count for section in self.sections)


@dataclass(frozen=True)
class Entry:
    """A place of a paper: the question, what it is worth there, and the order of its lists."""

    place: int
    item: Item
    points: Decimal
    order: Mapping[str, Sequence[str]]


def paper(
    letter: str,
    seed: str,
    entries: Sequence[Entry],
    rules: Mapping[Kind, RuleText],
    html: Any,
    pictures: Mapping[str, bytes] | None = None,
) -> Paper:
    """The printed form of a paper. ``html`` turns Markdown into clean HTML; ``pictures``: address in texts → bytes."""
    assets = {_asset(address): data for address, data in (pictures or {}).items()}
    set_, html = html, lambda text: _placed(str(set_(text)), assets)
    groups: list[tuple[Kind, list[Question]]] = []
    for entry in entries:
        if not groups or groups[-1][0] is not entry.item.kind:
            groups.append((entry.item.kind, []))
        groups[-1][1].append(_question(entry, html))
    sections = tuple(
        Section(
            NUMERALS[n] if n < len(NUMERALS) else str(n + 1),
            *KINDS[kind],
            rules[kind].zh,
            len(questions),
            sum((one.points for one in questions), Decimal(0)),
            tuple(questions),
        )
        for n, (kind, questions) in enumerate(groups)
    )
    return Paper(letter, seed, sections, assets)


def _question(entry: Entry, html: Any) -> Question:
    item = entry.item
    if item.kind is not Kind.CASE:
        return _shape(item, str(entry.place), entry.points, entry.order.get(WHOLE), html)
    whole = sum((part.points for part in item.parts), Decimal(0))
    parts = tuple(
        _shape(part, f"({n})", (entry.points * part.points / whole).quantize(Decimal("0.01")),
               entry.order.get(part.id), html)
        for n, part in enumerate(item.parts, 1)
    )  # fmt: skip
    return Question(str(entry.place), item.kind, entry.points, _clean(item.text, html), parts=parts,
                    explanation=_clean(item.explanation, html), source=item.source)  # fmt: skip


def _shape(question: Item | Part, label: str, points: Decimal, order: Sequence[str] | None, html: Any) -> Question:
    texts = _texts(question)
    listed = list(order or sorted(texts))
    letters = {one: letter(n) for n, one in enumerate(listed)}
    pairs = getattr(question, "pairs", ())
    return Question(
        label=label,
        kind=question.kind,
        points=points,
        stem=_clean(question.text, html),
        choices=tuple((letters[one], _line(texts[one], html)) for one in listed),
        lefts=tuple((str(n), _line(pair.left, html)) for n, pair in enumerate(_lefts(pairs), 1)),
        blanks=len(question.blanks),
        unit=question.unit,
        key=_key(question, letters),
        reference=_clean(question.reference, html),
        rubric=tuple((line.point, line.points) for line in question.rubric),
        explanation=_clean(question.explanation, html),
        source=getattr(question, "source", ""),
    )


def letter(position: int) -> str:
    return chr(65 + position) if position < 26 else f"{chr(64 + position // 26)}{chr(65 + position % 26)}"


def _texts(question: Item | Part) -> dict[str, str]:
    """Id → text of what is lettered on the paper."""
    if question.kind in (Kind.SINGLE, Kind.MULTIPLE):
        return {option.id: option.text for option in question.options}
    if isinstance(question, Item) and question.kind is Kind.MATCHING:
        return {pair.right_id: pair.right for pair in question.pairs} | {c.id: c.text for c in question.distractors}
    if isinstance(question, Item) and question.kind is Kind.ORDERING:
        return {step.id: step.text for step in question.sequence}
    return {}


def _lefts(pairs: Sequence[Any]) -> list[Any]:
    return sorted(pairs, key=lambda pair: pair.left_id)


def _key(question: Item | Part, letters: Mapping[str, str]) -> str:
    """The right answer in the letters of this version."""
    if question.kind in (Kind.SINGLE, Kind.MULTIPLE):
        return "".join(sorted(letters[option.id] for option in question.options if option.correct))
    if question.kind is Kind.TRUEFALSE:
        return "√" if question.answer else "×"
    if question.kind is Kind.BLANK:
        return "；".join(f"({n}) {' / '.join(blank.accepted)}" for n, blank in enumerate(question.blanks, 1))
    if question.kind is Kind.NUMERIC:
        spread = f"（±{_figure(question.tolerance)}）" if question.tolerance else ""
        return f"{_figure(question.value)}{question.unit}{spread}"
    if isinstance(question, Item) and question.kind is Kind.MATCHING:
        return "，".join(f"{n}–{letters[pair.right_id]}" for n, pair in enumerate(_lefts(question.pairs), 1))
    if isinstance(question, Item) and question.kind is Kind.ORDERING:
        return " → ".join(letters[step.id] for step in question.sequence)
    return ""


def _figure(value: Decimal | None) -> str:
    return "" if value is None else f"{value.normalize():f}"


def _clean(text: str, html: Any) -> Markup:
    """Markdown as HTML for print: gaps as lines, links as their words."""
    made = _BLANK.sub(r'<span class="gap">（\1）</span>', _placed(str(html(text)), {}))
    return Markup(_LINK.sub("", made))  # noqa: S704 - `html` has cleaned it, and only fixed words were put in


def _asset(address: str) -> str:
    return "picture-" + address.rpartition("/")[2]


def _placed(html: str, assets: Mapping[str, bytes]) -> str:
    """Pictures that are at hand are put in; others are described."""

    def shown(found: re.Match[str]) -> str:
        source = (_SRC.search(found[0]) or ["", ""])[1]
        name = _asset(source)
        if source.startswith("asset:///"):
            return found[0]
        alt = (_ALT.search(found[0]) or ["", ""])[1]
        return f'<img class="picture" src="asset:///{name}" alt="{alt}">' if name in assets else f"［图：{alt}］"

    return _IMAGE.sub(shown, html)


def _line(text: str, html: Any) -> Markup:
    made = str(_clean(text, html)).strip()
    if made.startswith("<p>") and made.endswith("</p>") and made.count("<p>") == 1:
        made = made[3:-4]
    return Markup(made)  # noqa: S704 - as above


def paper_pdf(head: Head, printed: Paper) -> bytes:
    return _pdf("paper.html", printed.pictures, head=head, paper=printed)


def key_pdf(head: Head, printed: Paper) -> bytes:
    return _pdf("key.html", printed.pictures, head=head, paper=printed)


def answer_sheet_pdf(head: Head, printed: Paper) -> bytes:
    return _pdf("answer_sheet.html", printed.pictures, head=head, paper=printed)


# --- lists -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Person:
    """A candidate in a list."""

    ticket: str
    name: str
    masked_id: str
    organisation: str
    seat: int | None = None
    extra_minutes: int = 0
    score: Decimal | None = None
    passed: bool | None = None
    remark: str = ""


@dataclass(frozen=True)
class Hall:
    """A room with those who sit in it, by seat."""

    place: str
    address: str
    room: str
    rows: int
    columns: int
    people: tuple[Person, ...]

    def grid(self) -> Iterator[list[tuple[int, Person | None]]]:
        by_seat = {one.seat: one for one in self.people}
        for first in range(1, self.rows * self.columns + 1, self.columns):
            yield [(number, by_seat.get(number)) for number in range(first, first + self.columns)]


def seat_plan_pdf(head: Head, halls: Sequence[Hall]) -> bytes:
    return _pdf("seat_plan.html", {}, head=head, halls=halls)


def sign_in_pdf(head: Head, halls: Sequence[Hall]) -> bytes:
    return _pdf("sign_in.html", {}, head=head, halls=halls)


def scores_pdf(head: Head, people: Sequence[Person], *, released: bool, taken_at: datetime) -> bytes:
    marked = [one.score for one in people if one.score is not None]
    figures = {
        "marked": len(marked),
        "passed": sum(one.passed is True for one in people),
        "mean": (sum(marked, Decimal(0)) / len(marked)).quantize(Decimal("0.01")) if marked else None,
        "highest": max(marked, default=None),
        "lowest": min(marked, default=None),
    }
    return _pdf("scores.html", {}, head=head, people=people, released=released, taken_at=taken_at, **figures)


# --- setting -------------------------------------------------------------------------------------------------------------


def _pdf(template: str, assets: Mapping[str, bytes], **values: Any) -> bytes:
    page = _templates().get_template(template).render(values)
    return sheet_pdf(page, (HERE / "print.css").read_text("utf-8"), assets)


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    made.filters |= {"figure": _figure, "moment": _moment, "hour": _hour}
    return made


def _moment(value: datetime) -> str:
    local = clock.local(value)
    return f"{date_zh(local.date())} {local:%H:%M}"


def _hour(value: datetime) -> str:
    return f"{clock.local(value):%H:%M}"
