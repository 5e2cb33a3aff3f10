"""Classic: red and gold, A4 landscape, guilloche frame, everything round one axis."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from certificates import ornaments
from certificates.designs.parts import (
    DEEP_RED,
    GOLD,
    PALE,
    RED,
    Layout,
    Pair,
    Place,
    Said,
    code_of,
    issuer_and_date,
    label,
    name_spacing,
    spread,
    sunk,
    trial_box,
)  # fmt: skip
from certificates.typesetting import GREY, PT, Pen

MIDDLE = 148.5


def _ground(layout: Layout, seal: str) -> list[Place]:
    return [
        (0, 0, ornaments.border(layout.width, layout.height, 8.0, GOLD, RED)),
        (88.5, 48, ornaments.watermark(120.0, PALE)),
        (118.5, 54.3, ornaments.rule(60.0, GOLD, RED)),
        (layout.seal[0], layout.seal[1], seal),
    ]


def _words(pen: Pen, said: Said) -> None:
    _written(pen, said, _sentence)


def _words_2(pen: Pen, said: Said) -> None:
    _written(pen, said, _sentence_2)


Sentence = Callable[[Pen, Pair, float, str], None]


def _ground_3(layout: Layout, seal: str) -> list[Place]:
    return [
        (0, 0, ornaments.border(layout.width, layout.height, 8.0, GOLD, RED)),
        (88.5, 48, ornaments.watermark(120.0, PALE)),
        (118.5, 52.8, ornaments.rule(60.0, GOLD, RED)),
        (layout.seal[0], layout.seal[1], seal),
    ]


def _words_3(pen: Pen, said: Said) -> None:
    """As before, with air between sentence and facts, and the seal beside the issuer's name, over nothing printed."""
    up = 1.5
    trial_box(pen, said, MIDDLE, 20, 100)
    _title(pen, said, up)
    _holder(pen, said, partial(_sentence_2, least=94.0), up)
    top, step = 111.0, 11.5
    if said.photo:
        pen.rectangle(36, top - 0.2, 31.6, 43.6, "#b99a4b", 0.25)
        pen.photo(36.8, top + 0.6, 30, 42, said.photo, "照片 Photograph")
    first, second, wide = (76, 172, 66) if said.photo else (44, 164, 84)
    _facts(pen, said, first, wide, said.column("level", "field", "id", "base"), top, step)
    _facts(pen, said, second, wide, said.column("number", "issued", "until", "scheme"), top, step)
    _scan(pen, said)
    issuer_and_date(pen, said, 194, 167, 74, 14)


def _written(pen: Pen, said: Said, sentence: Sentence) -> None:
    trial_box(pen, said, MIDDLE, 20.5, 100)
    _title(pen, said)
    _holder(pen, said, sentence)
    photo = said.photo is not None
    if said.photo:
        pen.rectangle(36, 109, 31.6, 43.6, "#b99a4b", 0.25)
        pen.photo(36.8, 109.8, 30, 42, said.photo, "照片 Photograph")
    first, second, wide = (76, 172, 66) if photo else (44, 164, 84)
    _facts(pen, said, first, wide, said.column("level", "field", "id", "base"))
    _facts(pen, said, second, wide, said.column("number", "issued", "until", "scheme"))
    _foot(pen, said)


def _title(pen: Pen, said: Said, up: float = 0) -> None:
    title, below = said.title
    apart = spread(title, 0.16)
    with pen.element("H1"):
        size = pen.case.fit(title, 225, 40, spacing=apart, weight="bold")
        pen.line(
            MIDDLE,
            (29 if below else 33) - up,
            title,
            size,
            align="center",
            leading=1.2,
            colour=DEEP_RED,
            weight="bold",
            spacing=apart,
        )
        if below:
            size = pen.case.fit(below, 210, 13)
            pen.line(MIDDLE, 45 - up, below, size, align="center", leading=1.5, colour=GREY, language=said.second)


def _holder(pen: Pen, said: Said, sentence: Sentence, up: float = 0) -> None:
    with pen.element("P"):
        first, second = said.certify
        gap = 1.4 if second else 0
        wide = pen.case.width(first) * 10.5 * PT
        total = wide + gap + pen.case.width(second) * 8 * PT
        pen.line(MIDDLE - total / 2, 57.5 - up, first, 10.5, leading=1.5, colour=GREY)
        left = MIDDLE - total / 2 + wide + gap
        pen.line(left, 58.4 - up, second, 8, leading=1.5, colour=GREY, language=said.second)
    with pen.element("P"):
        name, below = said.name
        apart = name_spacing(name)
        size = pen.case.fit(name, 200, 34, spacing=apart)
        top = (63.5 if below else 65) + sunk(size, 34, 1.25) * 0.8 - up
        pen.line(MIDDLE, top, name, size, align="center", leading=1.25, spacing=apart)
        if below:
            size = pen.case.fit(below, 200, 10.5)
            pen.line(MIDDLE, 79.5 - up, below, size, align="center", leading=1.35, colour=GREY, language=said.second)
    sentence(pen, said.sentence, (85 if below else 82) - up, said.second)


def _sentence(pen: Pen, sentence: Pair, top: float, second: str) -> None:
    text, below = sentence
    alone = 1.75 if below or ord(text[:1] or "一") >= 0x2E80 else 1.5
    with pen.element("P"):
        size = pen.case.fit(text, 203, 13, lines=2 if below else 3)
        made = pen.case.balanced(text, size, 203)
        pen.lines(MIDDLE, top, made, size, align="center", leading=alone)
    if below:
        with pen.element("P"):
            size = pen.case.fit(below, 203, 8.5, lines=2)
            made = pen.case.balanced(below, size, 203)
            pen.lines(MIDDLE, 98, made, size, align="center", leading=1.35, colour=GREY, language=second)


def _sentence_2(pen: Pen, sentence: Pair, top: float, second: str, least: float = 96.0) -> None:
    """As before, but the second language follows the first: over a name in Latin letters two lines met it."""
    text, below = sentence
    if not below:
        _sentence(pen, sentence, top, second)
        return
    with pen.element("P"):
        size = pen.case.fit(text, 203, 13, lines=2)
        made = pen.case.balanced(text, size, 203)
        end = pen.lines(MIDDLE, top - 0.4, made, size, align="center", leading=1.5)
    with pen.element("P"):
        size = pen.case.fit(below, 203, 8.5, lines=2)
        made = pen.case.balanced(below, size, 203)
        pen.lines(MIDDLE, max(end + 0.3, least), made, size, align="center", leading=1.35, colour=GREY, language=second)


def _facts(
    pen: Pen,
    said: Said,
    x: float,
    wide: float,
    facts: list[tuple[Pair, Pair]],
    first: float = 108.5,
    step: float = 12.1,
) -> None:
    for i, (name, value) in enumerate(facts):
        top = first + i * step
        with pen.element("P"):
            label(pen, x, top, name, said)
            pen.value(x + 24, top, wide, value, 12, second_language=said.second)


def _foot(pen: Pen, said: Said) -> None:
    _scan(pen, said)
    issuer_and_date(pen, said, 203, 165.5, 88, 14)


def _scan(pen: Pen, said: Said) -> None:
    code_of(pen, V1.code, said)
    with pen.element("P"):
        top = 163.5
        for text, size, language in zip(said.scan, (7.5, 6.8), ("", said.second), strict=True):
            if text:
                pen.line(64, top, text, pen.case.fit(text, 91, size), leading=1.45, colour=GREY, language=language)
                top += 3.83
        size = pen.case.fit(said.face.verify_url or " ", 91, 8)
        pen.line(64, top, said.face.verify_url, size, leading=1.45)


V1 = Layout("classic", "1", 297.0, 210.0, (36.0, 161.0, 25.0), (218.0, 154.5, 37.0), _ground, _words)
V2 = Layout("classic", "2", 297.0, 210.0, V1.code, V1.seal, _ground, _words_2)
V3 = Layout("classic", "3", 297.0, 210.0, V1.code, (236.5, 157.0, 36.0), _ground_3, _words_3)
