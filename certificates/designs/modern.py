"""Modern: A4 landscape, a navy band with the code on the left, everything else on one left edge, much white."""

from __future__ import annotations

from certificates import ornaments
from certificates.designs.parts import (
    NAVY,
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
)
from certificates.typesetting import GREY, PT, Pen

BAND, LEFT, RIGHT = 64.0, 84.0, 277.0
PALE_BLUE, LINE = "#e9eef6", "#cfd8e6"


def _ground(layout: Layout, seal: str) -> list[Place]:
    return [
        (0, 0, ornaments.band(BAND, layout.height, NAVY, "#4a6796")),
        (LEFT + 92, 18, ornaments.watermark(120.0, PALE_BLUE)),
        (layout.seal[0], layout.seal[1], seal),
    ]


def _words(pen: Pen, said: Said) -> None:
    _above(pen, said)
    issuer_and_date(pen, said, LEFT, 174, 110, 14, "left")


def _words_2(pen: Pen, said: Said) -> None:
    """As before, with the seal beside the issuer's name, over nothing printed."""
    _above(pen, said)
    issuer_and_date(pen, said, LEFT, 174, 100, 14, "left")


def _above(pen: Pen, said: Said) -> None:
    trial_box(pen, said, RIGHT - 50, 14, 100)
    _band(pen, said)
    title, below = said.title
    apart = spread(title, 0.12)
    with pen.element("H1"):
        size = pen.case.fit(title, RIGHT - LEFT, 34, spacing=apart, weight="bold")
        pen.line(LEFT, 26 if below else 31, title, size, leading=1.25, colour=NAVY, weight="bold", spacing=apart)
        if below:
            size = pen.case.fit(below, RIGHT - LEFT, 12)
            pen.line(LEFT + 0.3, 41.5, below, size, leading=1.4, colour=GREY, language=said.second)
    pen.rule(LEFT + 0.3, 51.5, 24, RED, 0.9)
    _holder(pen, said)
    pen.rule(LEFT, 116, RIGHT - LEFT, LINE, 0.2)
    middle = (LEFT + RIGHT) / 2 + 2
    wide = RIGHT - middle - 24
    _facts(pen, said, LEFT, wide, said.column("level", "field", "id", "base"))
    _facts(pen, said, middle, wide, said.column("number", "issued", "until", "scheme"))


def _band(pen: Pen, said: Said) -> None:
    """On the navy band: the photo, the code on its white plate, the address."""
    if said.photo:
        pen.photo(15, 24, 34, 47.6, said.photo, "照片 Photograph")
    code_of(pen, V1.code, said)
    with pen.element("P"):
        top = V1.code[1] + V1.code[2] + 3.5
        for text, size, language in zip(said.scan, (7.5, 6.6), ("", said.second), strict=True):
            if text:
                made = pen.case.balanced(text, size, 50)
                top = pen.lines(
                    BAND / 2, top, made, size, align="center", leading=1.45, colour="#dfe7f3", language=language
                )
        size = pen.case.fit(said.face.verify_url or " ", 54, 7)
        pen.line(BAND / 2, top + 0.8, said.face.verify_url, size, align="center", leading=1.45, colour="#ffffff")


def _holder(pen: Pen, said: Said) -> None:
    with pen.element("P"):
        first, second = said.certify
        pen.line(LEFT, 57, first, 10.5, leading=1.5, colour=GREY)
        x = LEFT + pen.case.width(first) * 10.5 * PT + 1.5
        pen.line(x, 57.9, second, 8, leading=1.5, colour=GREY, language=said.second)
    with pen.element("P"):
        name, below = said.name
        apart = name_spacing(name) * 0.6
        size = pen.case.fit(name, RIGHT - LEFT, 34, spacing=apart)
        pen.line(LEFT, 63.5 + sunk(size, 34, 1.25) * 0.8, name, size, leading=1.25, spacing=apart)
        if below:
            size = pen.case.fit(below, RIGHT - LEFT, 10.5)
            pen.line(LEFT + 0.3, 79, below, size, leading=1.35, colour=GREY, language=said.second)
    text, below = said.sentence
    top = 85.5 if said.name[1] else 83
    with pen.element("P"):
        size = pen.case.fit(text, RIGHT - LEFT, 12.5, lines=2 if below else 3)
        made = pen.case.lines(text, size, RIGHT - LEFT)
        top = pen.lines(LEFT, top, made, size, leading=1.65)
    if below:
        with pen.element("P"):
            size = pen.case.fit(below, RIGHT - LEFT, 8.5, lines=2)
            made = pen.case.lines(below, size, RIGHT - LEFT)
            pen.lines(LEFT, max(top + 1, 101), made, size, leading=1.4, colour=GREY, language=said.second)


def _facts(pen: Pen, said: Said, x: float, wide: float, facts: list[tuple[Pair, Pair]]) -> None:
    for i, (name, value) in enumerate(facts):
        top = 120.5 + i * 12.1
        with pen.element("P"):
            label(pen, x, top, name, said)
            pen.value(x + 24, top, wide, value, 12, second_language=said.second)


V1 = Layout("modern", "1", 297.0, 210.0, (17.0, 140.0, 30.0), (130.0, 167.0, 37.0), _ground, _words)
V2 = Layout("modern", "2", 297.0, 210.0, V1.code, (190.0, 169.0, 34.0), _ground, _words_2)
