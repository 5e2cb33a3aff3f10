"""Archive: A4 portrait, black on white, ruled lines, a margin for binding; copies and scans lose nothing."""

from __future__ import annotations

from certificates import ornaments
from certificates.designs.parts import (
    Layout,
    Place,
    Said,
    code_of,
    issuer_and_date,
    label,
    name_spacing,
    spread,
    sunk,
    trial_box,
)
from certificates.typesetting import GREY, PT, Pen

LEFT, RIGHT, MIDDLE = 30.0, 188.0, 109.0
BLACK, LINE = "#1d2433", "#9aa3b5"
FACTS = ("number", "level", "field", "id", "base", "scheme", "issued", "until")


def _ground(layout: Layout, seal: str) -> list[Place]:
    return [
        (LEFT, 59, ornaments.double_rule(RIGHT - LEFT, BLACK)),
        (layout.seal[0], layout.seal[1], seal),
    ]


def _words(pen: Pen, said: Said) -> None:
    _above(pen, said)
    _foot(pen, said)


def _above(pen: Pen, said: Said) -> None:
    trial_box(pen, said, MIDDLE, 20, 100)
    title, below = said.title
    apart = spread(title, 0.2)
    with pen.element("H1"):
        size = pen.case.fit(title, RIGHT - LEFT, 30, spacing=apart, weight="bold")
        pen.line(MIDDLE, 33 if below else 38, title, size, align="center", leading=1.25, weight="bold", spacing=apart)
        if below:
            size = pen.case.fit(below, RIGHT - LEFT, 12)
            pen.line(MIDDLE, 47.5, below, size, align="center", leading=1.4, colour=GREY, language=said.second)
    bottom = _holder(pen, said)
    _facts(pen, said, max(bottom + 5, 122))


def _words_2(pen: Pen, said: Said) -> None:
    """As before, with the seal beside the issuer's name, over nothing printed."""
    _above(pen, said)
    _scan(pen, said)
    issuer_and_date(pen, said, 104, 242, 84, 13)


def _holder(pen: Pen, said: Said) -> float:
    """Name and sentence, beside the photo where there is one; returns where they end."""
    wide = RIGHT - LEFT - (38 if said.photo else 0)
    if said.photo:
        pen.photo(RIGHT - 30, 66, 30, 42, said.photo, "照片 Photograph")
        pen.rectangle(RIGHT - 30, 66, 30, 42, LINE, 0.2)
    with pen.element("P"):
        first, second = said.certify
        pen.line(LEFT, 65, first, 10.5, leading=1.5, colour=GREY)
        x = LEFT + pen.case.width(first) * 10.5 * PT + 1.5
        pen.line(x, 65.9, second, 8, leading=1.5, colour=GREY, language=said.second)
    with pen.element("P"):
        name, below = said.name
        apart = name_spacing(name) * 0.6
        size = pen.case.fit(name, wide, 28, spacing=apart)
        pen.line(LEFT, 71 + sunk(size, 28, 1.3) * 0.8, name, size, leading=1.3, spacing=apart)
        if below:
            size = pen.case.fit(below, wide, 10.5)
            pen.line(LEFT + 0.3, 84.5, below, size, leading=1.35, colour=GREY, language=said.second)
    text, below = said.sentence
    top = 91.0 if said.name[1] else 87.5
    with pen.element("P"):
        size = pen.case.fit(text, wide, 12, lines=3 if below else 4)
        top = pen.lines(LEFT, top, pen.case.lines(text, size, wide), size, leading=1.6)
    if below:
        with pen.element("P"):
            size = pen.case.fit(below, wide, 8.5, lines=4)
            made = pen.case.lines(below, size, wide)
            top = pen.lines(LEFT, top + 1, made, size, leading=1.35, colour=GREY, language=said.second)
    return top


def _facts(pen: Pen, said: Said, top: float) -> None:
    facts = said.column(*FACTS)
    step = min(12.8, (234 - top) / len(facts))
    for i, (name, value) in enumerate(facts):
        down = top + i * step
        pen.rule(LEFT, down, RIGHT - LEFT, LINE, 0.15)
        with pen.element("P"):
            inset = 0.9 if name[1] or value[1] else (step - 5.5) / 2
            label(pen, LEFT + 1, down + inset, name, said)
            pen.value(LEFT + 40, down + inset, RIGHT - LEFT - 41, value, 12, second_language=said.second)
    pen.rule(LEFT, top + len(facts) * step, RIGHT - LEFT, LINE, 0.15)


def _foot(pen: Pen, said: Said) -> None:
    _scan(pen, said)
    issuer_and_date(pen, said, 138, 247, 86, 13)


def _scan(pen: Pen, said: Said) -> None:
    code_of(pen, V1.code, said)
    with pen.element("P"):
        top = V1.code[1] + V1.code[2] + 0.5
        for text, size, language in zip(said.scan, (7.5, 6.6), ("", said.second), strict=True):
            if text:
                pen.line(LEFT, top, text, pen.case.fit(text, 88, size), leading=1.45, colour=GREY, language=language)
                top += 3.7
        size = pen.case.fit(said.face.verify_url or " ", 88, 7.5)
        pen.line(LEFT, top, said.face.verify_url, size, leading=1.45)


V1 = Layout("archive", "1", 210.0, 297.0, (29.0, 239.0, 25.0), (153.0, 237.0, 37.0), _ground, _words)
V2 = Layout("archive", "2", 210.0, 297.0, V1.code, (151.0, 237.0, 37.0), _ground, _words_2)
