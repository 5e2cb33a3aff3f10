"""What is drawn rather than set: the guilloche border, the rosette behind the words, the round seal. All as SVG.

Every line is computed here; nothing is traced from another document. Lengths are millimetres, origin top left, so a
layout can place them by its own page size.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import lru_cache
from math import cos, pi, sin
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fontTools.ttLib import TTFont

    from certificates.fonts import Fonts

Point = tuple[float, float]


def _number(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _smooth(curve: Callable[[float], Point], start: float, end: float, pieces: int) -> str:
    """A curve as cubic Béziers: each piece from two points and the slopes there (Hermite form)."""
    step = (end - start) / pieces
    small = step / 1000

    def slope(t: float) -> Point:
        (x0, y0), (x1, y1) = curve(t - small), curve(t + small)
        return (x1 - x0) / (2 * small), (y1 - y0) / (2 * small)

    x, y = curve(start)
    path = [f"M{_number(x)} {_number(y)}"]
    for i in range(pieces):
        t0, t1 = start + i * step, start + (i + 1) * step
        (x0, y0), (x1, y1), (u0, v0), (u1, v1) = curve(t0), curve(t1), slope(t0), slope(t1)
        third = step / 3
        numbers = (x0 + u0 * third, y0 + v0 * third, x1 - u1 * third, y1 - v1 * third, x1, y1)
        path.append("C" + " ".join(map(_number, numbers)))
    return "".join(path)


def _stroke(paths: Iterable[str], colour: str, width: float) -> str:
    return f'<path d="{"".join(paths)}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _band(length: float, waves: int, amplitude: float, strands: int, colour: str, width: float) -> str:
    """Interlaced waves along the x axis from 0 to ``length``, symmetrical about y = 0.

    One wave is drawn and set ``waves`` times: the same numbers again and again pack into almost nothing.
    """
    period = length / waves
    turn = 2 * pi / period

    def strand(phase: float) -> Callable[[float], Point]:
        return lambda t: (t, amplitude * (0.78 * sin(turn * t + phase) + 0.22 * sin(3 * turn * t - phase)))

    curves = [strand(2 * pi * k / strands) for k in range(strands)]
    motif = _stroke([_smooth(curve, 0, period, 6) for curve in curves], colour, width)
    return "".join(f'<g transform="translate({i * period:.3f} 0)">{motif}</g>' for i in range(waves))


def _rosette(radius: float, petals: int, strands: int, depth: float, colour: str, width: float) -> str:
    """Closed curves round the origin, as a lathe for banknotes turns them; one petal drawn, ``petals`` times set."""

    def ring(phase: float) -> Callable[[float], Point]:
        def at(t: float) -> Point:
            r = radius * (1 - depth + depth * cos(petals * t + phase))
            return r * cos(t), r * sin(t)

        return at

    curves = [ring(2 * pi * k / strands) for k in range(strands)]
    motif = _stroke([_smooth(curve, 0, 2 * pi / petals, 4) for curve in curves], colour, width)
    return "".join(f'<g transform="rotate({360 * i / petals:.3f})">{motif}</g>' for i in range(petals))


@lru_cache(maxsize=8)
def border(width: float, height: float, margin: float, gold: str, red: str) -> str:
    """A frame for a page of ``width`` × ``height`` mm, its outer edge ``margin`` mm from the edge of the paper."""
    band, corner = 7.0, 8.2
    left, top, right, bottom = margin, margin, width - margin, height - margin
    middle = band / 2
    parts = [
        _rectangle(left, top, right, bottom, gold, 0.7),
        _rectangle(left + band, top + band, right - band, bottom - band, gold, 0.35),
        _rectangle(left + band + 1.3, top + band + 1.3, right - band - 1.3, bottom - band - 1.3, red, 0.18),
    ]
    across, down = right - left - 2 * corner, bottom - top - 2 * corner
    for length, places in (
        (across, [f"translate({left + corner} {top + middle})", f"translate({left + corner} {bottom - middle})"]),
        (down, [f"translate({x} {top + corner}) rotate(90)" for x in (left + middle, right - middle)]),
    ):
        waves = round(length / 9.5)
        lines = _band(length, waves, middle - 0.8, 6, gold, 0.13) + _band(length, waves, middle - 1.5, 2, red, 0.16)
        parts += [f'<g transform="{place}">{lines}</g>' for place in places]
    flower = _rosette(5.6, 12, 6, 0.30, gold, 0.12) + _rosette(3.5, 8, 4, 0.36, red, 0.13)
    ground = f'<circle r="6.1" fill="#fff" stroke="{gold}" stroke-width="0.3"/><circle r="0.9" fill="{red}"/>'
    for x in (left + middle + 0.6, right - middle - 0.6):
        for y in (top + middle + 0.6, bottom - middle - 0.6):
            parts.append(f'<g transform="translate({x:.2f} {y:.2f})">{ground}{flower}</g>')
    return _svg(width, height, "".join(parts))


def _rectangle(left: float, top: float, right: float, bottom: float, colour: str, width: float) -> str:
    return (
        f'<rect x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}" fill="none" '
        f'stroke="{colour}" stroke-width="{width}"/>'
    )


@lru_cache(maxsize=8)
def watermark(size: float, colour: str) -> str:
    """A pale rosette of ``size`` mm for the ground of the page: fine lines that a copier thickens."""
    rings = ((size / 2, 24, 8, 0.16), (size * 0.36, 18, 6, 0.24), (size * 0.2, 12, 6, 0.34))
    drawn = "".join(_rosette(*ring, colour, 0.14) for ring in rings)
    return _svg(size, size, f'<g transform="translate({size / 2} {size / 2})">{drawn}</g>')


def _svg(width: float, height: float, inside: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {width:g} {height:g}">{inside}</svg>'
    )


def seal(issuer: str, words: str, fonts: Fonts, colour: str = "#b3312c", size: float = 40.0) -> str:
    """A round seal: the issuer's name on the upper arc, a star, ``words`` on a straight line below.

    Letters are drawn as outlines, so that they are a picture and never mix with the page's text when it is copied.
    A character that no face has is left to ``rendering`` to refuse beforehand.
    """
    from fontTools.ttLib import TTFont

    with ExitStack() as opened:
        names = ("song-bold.ttf", "song-regular.ttf", "HanaMinA.ttf", "HanaMinB.ttf")
        faces = tuple(opened.enter_context(TTFont(fonts.folder / name, lazy=True)) for name in names)
        return _svg(size, size, _seal(issuer, words, faces, colour, size))


def _seal(issuer: str, words: str, faces: tuple[TTFont, ...], colour: str, size: float) -> str:
    half = size / 2
    parts = [
        f'<circle r="{half - 0.7:.2f}" fill="none" stroke="{colour}" stroke-width="1.3"/>',
        f'<circle r="{half - 2:.2f}" fill="none" stroke="{colour}" stroke-width="0.25"/>',
        f'<path d="{_star(half * 0.29)}" fill="{colour}"/>',
    ]
    letters = [c for c in issuer if not c.isspace()]
    # Real seals spread few characters over a half circle and many over three quarters, and narrow them as needed.
    spread = min(250.0, 34.0 * max(len(letters) - 1, 1)) * pi / 180
    step = spread / max(len(letters) - 1, 1)
    tall = half * 0.255
    radius = half - 2.9 - tall * 0.88
    wide = min(tall * 0.92, step * radius * 1.08)
    for i, letter in enumerate(letters):
        turn = (-spread / 2 + i * step) * 180 / pi if len(letters) > 1 else 0
        glyph = _outline(letter, faces, wide, tall)
        parts.append(f'<g transform="rotate({turn:.2f}) translate(0 {-radius:.2f})">{glyph}</g>')
    below = min(half * 0.2, half * 1.12 / max(len(words), 1))
    for i, letter in enumerate(words):
        x = (i - (len(words) - 1) / 2) * below * 1.06
        parts.append(
            f'<g transform="translate({x:.2f} {half * 0.66:.2f})">{_outline(letter, faces, below, below * 1.1)}</g>'
        )
    return f'<g transform="translate({half} {half})" fill="{colour}">{"".join(parts)}</g>'


def _star(radius: float) -> str:
    corners = []
    for i in range(10):
        r, turn = (radius if i % 2 == 0 else radius * 0.382), pi * i / 5
        corners.append(f"{_number(r * sin(turn))} {_number(-r * cos(turn))}")
    return "M" + "L".join(corners) + "Z"


def _outline(letter: str, faces: tuple[TTFont, ...], wide: float, tall: float) -> str:
    """One character centred at x = 0 with its foot line at y = 0, in the first face that has it."""
    from fontTools.pens.svgPathPen import SVGPathPen
    from fontTools.pens.transformPen import TransformPen

    for face in faces:
        name = face.getBestCmap().get(ord(letter))
        if name is None:
            continue
        advance, em = face["hmtx"][name][0], face["head"].unitsPerEm
        across, up = wide / em, tall / em
        pen = SVGPathPen(None, ntos=_number)
        glyphs = face.getGlyphSet()
        glyphs[name].draw(TransformPen(pen, (across, 0, 0, -up, -advance * across / 2, -0.12 * tall)))
        return f'<path d="{pen.getCommands()}"/>'
    return ""


@lru_cache(maxsize=8)
def rule(width: float, gold: str, red: str) -> str:
    """A short ornamental line of ``width`` mm, 2 mm high, with a lozenge in the middle."""
    half = width / 2
    lines = f'<path d="M0 1H{half - 4}M{half + 4} 1H{width}" stroke="{gold}" stroke-width="0.25" fill="none"/>'
    lozenge = f'<path d="M{half - 1.6} 1L{half} 0.1L{half + 1.6} 1L{half} 1.9Z" fill="{red}"/>'
    dots = f'<circle cx="{half - 3}" cy="1" r="0.35" fill="{gold}"/><circle cx="{half + 3}" cy="1" r="0.35" fill="{gold}"/>'
    return _svg(width, 2, lines + lozenge + dots)


@lru_cache(maxsize=8)
def band(width: float, height: float, colour: str, line: str) -> str:
    """A coloured band down the left of the page, with a fine interlaced edge and a rosette growing out of its foot."""
    waves = round(height / 9.5)
    edge = _band(height, waves, 1.6, 6, line, 0.16)
    flower = _rosette(58, 24, 8, 0.2, line, 0.12) + _rosette(36, 18, 6, 0.28, line, 0.12)
    inside = (
        f'<clipPath id="b"><rect width="{width:g}" height="{height:g}"/></clipPath>'
        f'<rect width="{width:g}" height="{height:g}" fill="{colour}"/>'
        f'<g clip-path="url(#b)"><g transform="translate({width / 2:g} {height / 2:g})">{flower}</g></g>'
        f'<g transform="translate({width - 3:g} 0) rotate(90)">{edge}</g>'
    )
    return _svg(width, height, inside)


@lru_cache(maxsize=8)
def double_rule(width: float, colour: str) -> str:
    """A thick line over a thin one, 2 mm high, as under the head of a record."""
    return _svg(width, 2, f'<path d="M0 0.4H{width:g}" stroke="{colour}" stroke-width="0.7"/>'
                f'<path d="M0 1.4H{width:g}" stroke="{colour}" stroke-width="0.2"/>')  # fmt: skip
