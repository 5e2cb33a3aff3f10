"""The fonts a certificate is set in, made once per machine out of installed packages.

Noto Serif CJK SC (Debian ``fonts-noto-cjk``, SIL Open Font License) is a collection of 24 MB with CFF outlines; set
straight from it a page costs three times the work and bytes. ``prepare`` draws its Chinese repertoire once into a
TrueType font of our own family name, puts Hanazono Mincho (``fonts-hanazono``) beside it for the characters of rare
names that Noto lacks, and writes a ``fonts.conf`` that knows these files and no others: the same page on every
machine, and no foreign font creeping in. WeasyPrint finds it through ``FONTCONFIG_FILE``, set before its import.

``coverage.json`` beside the fonts holds which characters have a glyph, so that asking costs no font library.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

BUILD = "2"  # raise it when the making below changes, so that old folders are not used again
SERIF = "Certificate Song"
SOURCES = {  # file name -> Debian package that brings it
    "NotoSerifCJK-Regular.ttc": "fonts-noto-cjk",
    "NotoSerifCJK-Bold.ttc": "fonts-noto-cjk",
    "HanaMinA.ttf": "fonts-hanazono",
    "HanaMinB.ttf": "fonts-hanazono",
}
FACE_IN_COLLECTION = "Noto Serif CJK SC"
FONT_ROOTS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
_LATIN = ((0x20, 0x7F), (0xA0, 0x250), (0x370, 0x400), (0x2000, 0x2070), (0x20A0, 0x2200))
_HAN = (
    (0x2E80, 0x2FE0), (0x3000, 0x3130), (0x3220, 0x3400), (0x3400, 0xA000), (0xF900, 0xFB00), (0xFE30, 0xFE70),
    (0xFF00, 0xFFEF), (0x20000, 0x33480),
)  # fmt: skip
"""Ranges, not their hundred thousand characters: this module is loaded in every web process."""


class FontsMissing(RuntimeError):
    """An installed font that certificates need was not found; ``packages`` are the Debian packages to install."""

    def __init__(self, files: Iterable[str]) -> None:
        self.files = tuple(files)
        self.packages = tuple(sorted({SOURCES[name] for name in self.files}))
        super().__init__(f"fonts missing: {', '.join(self.files)}; install: {' '.join(self.packages)}")


@dataclass(frozen=True)
class Fonts:
    """One prepared folder. ``regular`` covers every weight used for names and facts."""

    folder: Path
    starts: tuple[int, ...] = field(compare=False, repr=False)
    ends: tuple[int, ...] = field(compare=False, repr=False)
    advances: Mapping[str, Mapping[str, int]] = field(
        compare=False, repr=False
    )  # weight -> Latin character -> advance in 1/1000 em

    @property
    def conf(self) -> Path:
        return self.folder / "fonts.conf"

    @property
    def identity(self) -> str:
        """Changes whenever the glyphs may have changed: name of pictures and caches made with them."""
        return self.folder.name

    def has(self, character: str) -> bool:
        """Whether some embedded font draws this one character. Spaces and line ends need no glyph."""
        if character in "\n\t" or unicodedata.category(character) == "Zs":
            return True
        place = bisect_right(self.starts, ord(character)) - 1
        return place >= 0 and ord(character) <= self.ends[place]

    def missing_glyphs(self, text: str) -> set[str]:
        """The characters of ``text`` that no embedded font can draw: empty means it can be printed."""
        return {character for character in text if not self.has(character)}

    def width(self, text: str, weight: str = "regular") -> float:
        """Width of ``text`` in em. A character outside the Latin table counts as a full square."""
        table = self.advances[weight]
        return sum(table.get(character, 1000) for character in text) / 1000

    def use(self) -> None:
        """Let Pango in this process see these fonts alone. Must come before WeasyPrint is first imported."""
        os.environ["FONTCONFIG_FILE"] = str(self.conf)


def default_cache() -> Path:
    """Where fonts are kept when nobody says: ``CERTIFICATE_FONTS``, else the user's cache folder."""
    chosen = os.environ.get("CERTIFICATE_FONTS")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "certificate-fonts"


def find_sources(roots: Iterable[str | Path] = FONT_ROOTS) -> dict[str, Path]:
    """The installed files of ``SOURCES``. Raises ``FontsMissing`` naming the packages."""
    found: dict[str, Path] = {}
    for root in roots:
        for folder, _, names in os.walk(Path(root).expanduser()):
            for name in set(names) & set(SOURCES) - set(found):
                found[name] = Path(folder, name)
    lacking = [name for name in SOURCES if name not in found]
    if lacking:
        raise FontsMissing(lacking)
    return found


def fonts(folder: Path | None = None) -> Fonts:
    """The prepared fonts of this machine, made at the first call (about half a minute), then read from ``folder``."""
    return _known(folder or default_cache())


@cache
def _known(folder: Path) -> Fonts:
    return prepare(folder)


def missing_glyphs(text: str) -> set[str]:
    """``Fonts.missing_glyphs`` with the fonts in the default folder."""
    return fonts().missing_glyphs(text)


def prepare(folder: Path) -> Fonts:
    """Make (or find) the fonts under ``folder``. Safe to call from many processes: one makes, the others wait.

    Raises ``FontsMissing`` where a package is not installed and nothing was prepared before.
    """
    sources = find_sources()
    stamp = "-".join(f"{sources[name].stat().st_size:x}" for name in SOURCES)
    target = folder.resolve() / f"{BUILD}-{stamp}"
    if not (target / "coverage.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (target / "coverage.json").exists():
                _make(sources, target)
    return _load(target)


def _load(folder: Path) -> Fonts:
    known = json.loads((folder / "coverage.json").read_text("utf-8"))
    starts, ends = zip(*known["ranges"], strict=True)
    return Fonts(folder, starts, ends, known["advances"])


def _make(sources: Mapping[str, Path], target: Path) -> None:
    """Build beside the target, then rename: a killed run leaves no half font behind that would be used."""
    half = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
    try:
        han = [*_each(_HAN)]
        common = [*_gb2312(), *_each(_LATIN)]
        covered, regular = _draw(sources["NotoSerifCJK-Regular.ttc"], common, han, "Regular", half / "song-regular.ttf")
        _, bold = _draw(sources["NotoSerifCJK-Bold.ttc"], common, (), "Bold", half / "song-bold.ttf")
        for name in ("HanaMinA.ttf", "HanaMinB.ttf"):
            (half / name).symlink_to(sources[name])
            covered |= _characters(sources[name]) & set(han)  # its other scripts are unshaped drafts
        # What a private-use code point looks like is the font's own affair: never counted as covered.
        ranges = list(_ranges(c for c in covered if unicodedata.category(chr(c)) not in ("Co", "Cn", "Cc", "Cs")))
        (half / "fonts.conf").write_text(_CONF.format(cache=escape(str(target / "fontconfig"))), "utf-8")
        known = {"ranges": ranges, "advances": {"regular": regular, "bold": bold}}
        (half / "coverage.json").write_text(json.dumps(known), "utf-8")
        half.chmod(0o755)
        shutil.rmtree(target, ignore_errors=True)
        half.rename(target)
    finally:
        shutil.rmtree(half, ignore_errors=True)


_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">.</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


def _each(ranges: Iterable[tuple[int, int]]) -> Iterator[int]:
    return (point for start, end in ranges for point in range(start, end))


def _gb2312() -> list[int]:
    """The 6,763 Han characters and the symbols of GB 2312: enough for titles, which are set bold."""
    rows = (bytes((high, low)) for high in range(0xA1, 0xF8) for low in range(0xA1, 0xFF))
    return [ord(c) for pair in rows if len(c := pair.decode("gb2312", errors="ignore")) == 1]


def _ranges(points: Iterable[int]) -> Iterator[tuple[int, int]]:
    start = end = None
    for point in sorted(points):
        if end is not None and point == end + 1:
            end = point
            continue
        if start is not None:
            yield start, end  # type: ignore[misc]
        start = end = point
    if start is not None:
        yield start, end  # type: ignore[misc]


def _characters(path: Path) -> set[int]:
    from fontTools.ttLib import TTFont

    with TTFont(path, lazy=True) as font:
        return set(font.getBestCmap())


def _face(path: Path) -> TTFont:
    from fontTools.ttLib import TTCollection

    for font in TTCollection(path, lazy=True).fonts:
        if font["name"].getBestFamilyName() == FACE_IN_COLLECTION:
            return font
    raise FontsMissing([path.name])


def _draw(
    path: Path, common: Iterable[int], rare: Iterable[int], weight: str, out: Path
) -> tuple[set[int], dict[str, int]]:
    """Draw characters of one face with TrueType curves. Returns what was drawn, and Latin advances.

    Common characters get the low glyph numbers: a subset's tables reach up to the highest number used.
    """
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    source = _face(path)
    names = source.getBestCmap()
    first = {names[point] for point in common if point in names} | {".notdef"}
    chosen = {point: names[point] for point in (*common, *rare) if point in names}
    outlines = source.getGlyphSet()
    # Otherwise in the order of the source, as its kerning tables expect; .notdef is first there too.
    order = sorted({".notdef", *chosen.values()}, key=lambda name: (name not in first, source.getGlyphID(name)))
    glyphs: dict[str, Any] = {}
    metrics: dict[str, tuple[int, int]] = {}
    for name in order:
        pen = TTGlyphPen(None)
        outlines[name].draw(Cu2QuPen(pen, max_err=2.0, reverse_direction=True))
        glyphs[name] = glyph = pen.glyph()
        glyph.recalcBounds(None)
        metrics[name] = (source["hmtx"][name][0], getattr(glyph, "xMin", 0))
    _tabular({chosen[ord(digit)] for digit in "0123456789"}, glyphs, metrics)
    builder = FontBuilder(source["head"].unitsPerEm, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(chosen)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(metrics)
    hhea, os2 = source["hhea"], source["OS/2"]
    builder.setupHorizontalHeader(ascent=hhea.ascent, descent=hhea.descent, lineGap=hhea.lineGap)
    builder.setupNameTable({"familyName": SERIF, "styleName": weight, "psName": f"CertificateSong-{weight}"})
    builder.setupOS2(
        sTypoAscender=os2.sTypoAscender,
        sTypoDescender=os2.sTypoDescender,
        usWinAscent=os2.usWinAscent,
        usWinDescent=os2.usWinDescent,
        usWeightClass=700 if weight == "Bold" else 400,
        fsSelection=0x20 if weight == "Bold" else 0x40,
        fsType=0,
        ulCodePageRange1=1 << 18,  # simplified Chinese: fontconfig ranks the language above the weight
    )
    builder.setupPost(keepGlyphNames=False)
    if weight == "Bold":
        builder.font["head"].macStyle = 1
    _kern(builder.font, path)
    builder.save(out)
    advances = {chr(point): metrics[name][0] for point, name in chosen.items() if point < 0x2100}
    return set(chosen), advances


def _tabular(digits: set[str], glyphs: Mapping[str, Any], metrics: dict[str, tuple[int, int]]) -> None:
    """Give all figures the width of the widest, each in the middle: numbers and dates then stand in columns."""
    widest = max(metrics[name][0] for name in digits)
    for name in digits:
        advance, left = metrics[name]
        shift = (widest - advance) // 2
        glyphs[name].coordinates.translate((shift, 0))
        glyphs[name].recalcBounds(None)
        metrics[name] = (widest, left + shift)


def _kern(font: TTFont, path: Path) -> None:
    """Carry the kerning of Latin letters over: without it English lines look torn."""
    from fontTools.subset import Options, Subsetter

    source = _face(path)
    options = Options(layout_features=["kern"], notdef_outline=True)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=range(0x20, 0x180))
    subsetter.subset(source)
    if "GPOS" in source:
        order = set(font.getGlyphOrder())
        if set(source.getGlyphOrder()) <= order:
            font["GPOS"] = source["GPOS"]
