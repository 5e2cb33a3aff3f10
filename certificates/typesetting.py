"""Lines of text set straight onto a prepared page: shaped by HarfBuzz, fonts embedded as subsets, structure tagged.

A certificate is a fixed page with some thirty short lines on it. Setting them here instead of by a page engine costs a
tenth of the work, and lets every line be tagged for screen readers. Lengths are millimetres from the top left corner,
sizes are points. What a line may not do is shrink beyond reading: ``TextTooLong`` then, never an overflow.
"""

from __future__ import annotations

import hashlib
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from certificates.fonts import Fonts

PT = 25.4 / 72  # one point in millimetres
INK, GREY = "#1d2433", "#55607a"
ASCENT, DESCENT = 1.151, 0.286  # of the serif face, in em: where a line's baseline lies in its box
SMALLEST = 5.0  # pt
_NEVER_FIRST = set("，。、；：？！）》」』】〉〕”’…—·,.;:?!)]}%")
_NEVER_LAST = set("（《「『【〈〔“‘([{")


class MissingGlyphs(ValueError):
    """Characters that no embedded font can draw. The document is refused rather than printed with boxes."""

    def __init__(self, chars: Iterable[str]) -> None:
        self.chars = frozenset(chars)
        named = ", ".join(f"{c} (U+{ord(c):04X})" for c in sorted(self.chars))
        super().__init__(f"no glyph for {named}")


class TextTooLong(ValueError):
    """A text that would have to be set smaller than can be read; ``text`` is the culprit."""

    def __init__(self, text: str) -> None:
        super().__init__(f"too long to be set: {text[:60]}")
        self.text = text


@dataclass(frozen=True)
class Face:
    """One font file, ready to shape with and to take subsets from."""

    key: str
    name: str
    shaped: Any = field(compare=False, repr=False)  # hb.Font
    em: int = 1000

    @cached_property
    def source(self) -> Any:
        """The font prepared for cutting subsets, which makes each cut ten times quicker (hb.Face)."""
        import uharfbuzz as hb

        return hb.subset_preprocess(self.shaped.face)

    def glyph(self, character: str) -> int | None:
        found: int | None = self.shaped.get_nominal_glyph(ord(character))
        return found

    def width(self, glyph: int) -> float:
        """Advance of a glyph in 1/1000 em, as the file says."""
        return self.shaped.get_glyph_h_advance(glyph) * 1000 / self.em


@dataclass(frozen=True)
class Glyph:
    face: Face
    number: int
    advance: float  # 1/1000 em, kerning included
    text: str


class Typecase:
    """The faces of one prepared font folder, by weight in the order they are asked for a character."""

    def __init__(self, letters: Fonts) -> None:
        self.letters = letters
        regular = _face("R", "Certificate-Song-Regular", letters.folder / "song-regular.ttf")
        bold = _face("B", "Certificate-Song-Bold", letters.folder / "song-bold.ttf")
        rare = [_face(name[-1] * 2, name, letters.folder / f"{name}.ttf") for name in ("HanaMinA", "HanaMinB")]
        self.faces = {"regular": (regular, *rare), "bold": (bold, regular, *rare)}
        self.shape = lru_cache(maxsize=2048)(self._shape)

    def _face_of(self, character: str, weight: str) -> Face:
        for face in self.faces[weight]:
            if face.glyph(character) is not None:
                return face
        raise MissingGlyphs({character})

    def _shape(self, text: str, weight: str) -> tuple[Glyph, ...]:
        import uharfbuzz as hb

        # A rare kind of space is set as a plain one: spaces need no glyph of their own.
        text = "".join(" " if unicodedata.category(c) == "Zs" and c != "\u3000" else c for c in text)
        out: list[Glyph] = []
        for face, run in _runs(text, lambda c: self._face_of(c, weight)):
            buffer = hb.Buffer()
            buffer.add_str(run)
            buffer.guess_segment_properties()
            hb.shape(face.shaped, buffer, {"kern": True})
            places = list(buffer.glyph_positions)
            starts = [info.cluster for info in buffer.glyph_infos]
            for i, info in enumerate(buffer.glyph_infos):
                later = [s for s in starts[i + 1 :] if s > info.cluster]
                piece = run[info.cluster : (later[0] if later else len(run))]
                if info.codepoint == 0:
                    raise MissingGlyphs(piece)
                out.append(Glyph(face, info.codepoint, places[i].x_advance * 1000 / face.em, piece))
        return tuple(out)

    def width(self, text: str, weight: str = "regular", spacing: float = 0.0) -> float:
        """Width in em; ``spacing`` em stand between the characters."""
        glyphs = self.shape(text, weight)
        return sum(g.advance for g in glyphs) / 1000 + spacing * max(len(glyphs) - 1, 0)

    def lines(self, text: str, size: float, width: float, weight: str = "regular") -> list[str]:
        """``text`` broken into lines of at most ``width`` mm; Latin words stay whole, punctuation does not lead a line."""
        lines: list[str] = []
        line = ""
        for word in _words(text):
            if line and self.width((line + word).rstrip(), weight) * size * PT > width:
                lines.append(line.rstrip())
                line = word.lstrip()
            else:
                line += word
        return [*lines, line.rstrip()] if line.strip() else lines

    def fit(
        self, text: str, width: float, size: float, *, spacing: float = 0.0, weight: str = "regular", lines: int = 1
    ) -> float:
        """The largest size in pt, at most ``size``, at which ``text`` takes no more than ``lines`` of ``width`` mm."""
        if lines == 1:
            size = min(size, width / max(self.width(text, weight, spacing), 0.1) / PT - 0.01)
        else:
            while size >= SMALLEST and not self._fits(text, size, width, weight, lines):
                size -= 0.25
        if size < SMALLEST:
            raise TextTooLong(text)
        return round(size, 2)

    def _fits(self, text: str, size: float, width: float, weight: str, lines: int) -> bool:
        made = self.lines(text, size, width, weight)
        return len(made) <= lines and all(self.width(line, weight) * size * PT <= width for line in made)

    def balanced(self, text: str, size: float, width: float, weight: str = "regular") -> list[str]:
        """As few lines as ``width`` allows, of about equal length."""
        made = self.lines(text, size, width, weight)
        low, high = width / max(len(made), 1) * 0.9, width
        while len(made) > 1 and high - low > 1:
            middle = (low + high) / 2
            if self._fits(text, size, middle, weight, len(made)):
                high = middle
            else:
                low = middle
        return self.lines(text, size, high, weight)


def _face(key: str, name: str, path: Path) -> Face:
    import uharfbuzz as hb

    whole = hb.Face(hb.Blob.from_file_path(str(path)))
    return Face(key, name, hb.Font(whole), whole.upem)


def _runs(text: str, face_of: Any) -> Iterator[tuple[Face, str]]:
    run, held = "", None
    for character in text:
        face = face_of(character)
        if held is not None and face != held:
            yield held, run
            run = ""
        run, held = run + character, face
    if held is not None:
        yield held, run


def _words(text: str) -> Iterator[str]:
    """The smallest pieces a line may be broken between."""
    piece = ""
    for i, character in enumerate(text):
        piece += character
        after = text[i + 1 : i + 2]
        wide = ord(character) >= 0x2E80 or (after and ord(after) >= 0x2E80) or character == " "
        if after and wide and after not in _NEVER_FIRST and character not in _NEVER_LAST and after != " ":
            yield piece
            piece = ""
    if piece:
        yield piece


# --- the pen ----------------------------------------------------------------------------------------------------------


@dataclass
class _Element:
    """One element of the structure: its kind, the pieces of content in it, what is said instead of a picture."""

    kind: str
    pieces: list[int] = field(default_factory=list)
    instead: str = ""


class Pen:
    """Writes one page of ``width`` × ``height`` mm. Everything written inside ``with pen.element(kind)`` is tagged so."""

    def __init__(self, case: Typecase, width: float, height: float, language: str) -> None:
        self.case, self.width, self.height, self.language = case, width, height, language
        self.content: list[str] = []
        self.elements: list[_Element] = []
        self.used: dict[Face, dict[tuple[int, str], int]] = {}
        self.pictures: dict[str, bytes] = {}
        self._current: _Element | None = None
        self._pieces = 0

    # structure

    @contextmanager
    def element(self, kind: str, instead: str = "") -> Iterator[None]:
        """``kind``: H1, P, Figure. ``instead`` is read out in place of a picture."""
        before, self._current = self._current, _Element(kind, instead=instead)
        self.elements.append(self._current)
        try:
            yield
        finally:
            self._current = before

    def _mark(self, drawing: str, kind: str = "Span", language: str = "") -> None:
        if self._current is None:
            self.content.append(f"/Artifact BMC\n{drawing}\nEMC")
            return
        spoken = f" /Lang ({language})" if language and language != self.language else ""
        self.content.append(f"/{kind} <</MCID {self._pieces}{spoken}>> BDC\n{drawing}\nEMC")
        self._current.pieces.append(self._pieces)
        self._pieces += 1

    # words

    def line(
        self, x: float, top: float, text: str, size: float, *, align: str = "left", leading: float = 1.4,
        colour: str = INK, weight: str = "regular", spacing: float = 0.0, language: str = "",
    ) -> None:  # fmt: skip
        """One line. ``x`` is its left, middle or right by ``align``; ``top`` the top of a box of ``leading`` × size."""
        if not text:
            return
        wide = self.case.width(text, weight, spacing) * size * PT
        x -= {"left": 0, "center": wide / 2, "right": wide}[align]
        down = top + ((leading - ASCENT - DESCENT) / 2 + ASCENT) * size * PT
        self._mark(self._written(x, down, text, size, colour, weight, spacing), language=language)

    def lines(
        self, x: float, top: float, texts: Sequence[str], size: float, *, leading: float = 1.4, **how: Any
    ) -> float:
        """Lines below each other; returns where the next would begin."""
        for text in texts:
            self.line(x, top, text, size, leading=leading, **how)
            top += size * leading * PT
        return top

    def _written(self, x: float, down: float, text: str, size: float, colour: str, weight: str, spacing: float) -> str:
        out = [f"BT {_rgb(colour)} rg {x / PT:.2f} {(self.height - down) / PT:.2f} Td"]
        face: Face | None = None
        codes = ""
        parts: list[str] = []

        def end() -> None:
            nonlocal codes, parts
            if codes:
                parts.append(f"<{codes}>")
            if parts:
                out.append(f"[{''.join(parts)}] TJ")
            codes, parts = "", []

        glyphs = self.case.shape(text, weight)
        for glyph in glyphs:
            if glyph.face != face:
                end()
                face = glyph.face
                out.append(f"/{face.key} {size:g} Tf")
            held = self.used.setdefault(face, {})
            codes += f"{held.setdefault((glyph.number, glyph.text), len(held) + 1):04x}"
            shift = face.width(glyph.number) - glyph.advance - spacing * 1000
            if abs(shift) > 0.5:
                parts.append(f"<{codes}>{shift:.0f}")
                codes = ""
        end()
        return " ".join([*out, "ET"])

    def value(
        self, x: float, top: float, width: float, words: tuple[str, str], size: float, *, floor: float = 9.0,
        small: float = 8.0, second_language: str = "",
    ) -> float:  # fmt: skip
        """A value and its smaller second line below, each on one line where that can be read, else on two."""
        for text, wanted, least, colour, leading, language in (
            (words[0], size, floor, INK, 1.4, ""),
            (words[1], small, 6.2, GREY, 1.25, second_language),
        ):
            if not text:
                continue
            if self.case.width(text) * least * PT <= width:
                fitted = self.case.fit(text, width, wanted)
                made = [text]
            else:
                fitted = self.case.fit(text, width, least - 0.5, lines=2)
                made, leading = self.case.balanced(text, fitted, width), 1.18
            top = self.lines(x, top, made, fitted, leading=leading, colour=colour, language=language)
        return top

    # drawings

    def rectangle(self, x: float, top: float, width: float, height: float, colour: str, stroke: float) -> None:
        box = f"{x / PT:.2f} {(self.height - top - height) / PT:.2f} {width / PT:.2f} {height / PT:.2f} re"
        self._artifact(f"q {_rgb(colour)} RG {stroke / PT:.2f} w {box} S Q")

    def rule(self, x: float, top: float, width: float, colour: str, stroke: float) -> None:
        down = (self.height - top) / PT
        self._artifact(
            f"q {_rgb(colour)} RG {stroke / PT:.2f} w {x / PT:.2f} {down:.2f} m {(x + width) / PT:.2f} {down:.2f} l S Q"
        )

    def _artifact(self, drawing: str) -> None:
        self.content.append(f"/Artifact BMC\n{drawing}\nEMC")

    def photo(self, x: float, top: float, width: float, height: float, jpeg: bytes, instead: str) -> None:
        name = f"Photo{len(self.pictures)}"
        self.pictures[name] = jpeg
        place = f"{width / PT:.3f} 0 0 {height / PT:.3f} {x / PT:.3f} {(self.height - top - height) / PT:.3f} cm"
        with self.element("Figure", instead):
            self._mark(f"q {place} /{name} Do Q", "Figure")

    def code(self, x: float, top: float, size: float, rows: Sequence[bytes], instead: str) -> None:
        """A square code of dark and light modules with its quiet zone of four."""
        side = len(rows) + 8
        unit = size / side / PT
        out = [
            f"q {unit:.5f} 0 0 {-unit:.5f} {x / PT:.3f} {(self.height - top) / PT:.3f} cm 1 g 0 0 {side} {side} re f 0 g"
        ]
        for y, row in enumerate(rows):
            start = 0
            while start < len(row):
                end = start
                while end < len(row) and row[end]:
                    end += 1
                if end > start:
                    out.append(f"{start + 4} {y + 4} {end - start} 1 re")
                start = max(end, start + 1)
        with self.element("Figure", instead):
            self._mark(" ".join([*out, "f Q"]), "Figure")

    # the page

    def put(self, pdf: Any) -> None:
        """Write everything onto the first page of an open pikepdf document, over what is there."""
        import pikepdf

        leaf = pdf.pages[0]
        resources = leaf.Resources
        resources.Font = pikepdf.Dictionary(
            {f"/{face.key}": _font(pdf, face, used) for face, used in self.used.items()}
        )
        for name, jpeg in self.pictures.items():
            leaf.add_resource(_picture(pdf, jpeg), pikepdf.Name.XObject, pikepdf.Name(f"/{name}"))
        words = pikepdf.Stream(pdf, "\n".join(self.content).encode())
        leaf.Contents = pikepdf.Array([leaf.Contents, pdf.make_indirect(words)])
        self._structure(pdf, leaf)

    def _structure(self, pdf: Any, leaf: Any) -> None:
        import pikepdf

        root = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.StructTreeRoot))
        whole = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.StructElem, S=pikepdf.Name.Document, P=root))
        kids, parents = [], [None] * self._pieces
        for element in self.elements:
            if not element.pieces:
                continue
            made = pikepdf.Dictionary(
                Type=pikepdf.Name.StructElem, S=pikepdf.Name(f"/{element.kind}"), P=whole, Pg=leaf.obj,
                K=pikepdf.Array(element.pieces),
            )  # fmt: skip
            if element.instead:
                made.Alt = pikepdf.String(element.instead)
            made = pdf.make_indirect(made)
            kids.append(made)
            for piece in element.pieces:
                parents[piece] = made
        whole.K = pikepdf.Array(kids)
        root.K = whole
        root.ParentTree = pdf.make_indirect(pikepdf.Dictionary(Nums=pikepdf.Array([0, pikepdf.Array(parents)])))
        root.ParentTreeNextKey = 1
        leaf.StructParents = 0
        pdf.Root.StructTreeRoot = root
        pdf.Root.MarkInfo = pikepdf.Dictionary(Marked=True)
        pdf.Root.Lang = pikepdf.String(self.language)


def _rgb(colour: str) -> str:
    return " ".join(f"{int(colour[i : i + 2], 16) / 255:.3g}" for i in (1, 3, 5))


def _picture(pdf: Any, jpeg: bytes) -> Any:
    import pikepdf
    from PIL import Image

    width, height = Image.open(io.BytesIO(jpeg)).size
    made = pikepdf.Stream(pdf, jpeg)
    made.Type, made.Subtype, made.Width, made.Height = pikepdf.Name.XObject, pikepdf.Name.Image, width, height
    made.ColorSpace, made.BitsPerComponent, made.Filter = pikepdf.Name.DeviceRGB, 8, pikepdf.Name.DCTDecode
    return pdf.make_indirect(made)


def _font(pdf: Any, face: Face, used: dict[tuple[int, str], int]) -> Any:
    """A composite font of the glyphs used, numbered in the order of their use."""
    import pikepdf
    import uharfbuzz as hb

    asked = hb.SubsetInput()
    asked.glyph_set.update({number for number, _ in used})
    asked.flags |= hb.SubsetFlags.NO_HINTING
    plan = hb.SubsetPlan(face.source, asked)
    data = plan.execute().blob.data
    moved = plan.old_to_new_glyph_mapping
    numbers, widths, texts = ["0000"], [], []
    for number, text in used:
        numbers.append(f"{moved[number]:04x}")
        widths.append(round(face.width(number), 2))
        texts.append(f"<{len(numbers) - 1:04x}> <{text.encode('utf-16-be').hex()}>")
    extents = face.shaped.get_font_extents("ltr")
    scale = 1000 / face.em
    tag = "".join(chr(65 + b % 26) for b in hashlib.sha256(repr(list(used)).encode()).digest()[:6])
    name = pikepdf.Name(f"/{tag}+{face.name}")
    described = pikepdf.Dictionary(
        Type=pikepdf.Name.FontDescriptor, FontName=name, Flags=4, ItalicAngle=0, StemV=80,
        FontBBox=pikepdf.Array([-1000, -500, 2000, 1500]), Ascent=round(extents.ascender * scale),
        Descent=round(extents.descender * scale), CapHeight=round(extents.ascender * scale * 0.7),
        FontFile2=pdf.make_indirect(pikepdf.Stream(pdf, data, Length1=len(data))),
    )  # fmt: skip
    below = pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.CIDFontType2, BaseFont=name,
        CIDSystemInfo=pikepdf.Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
        W=pikepdf.Array([1, pikepdf.Array(widths)]), FontDescriptor=pdf.make_indirect(described),
        CIDToGIDMap=pdf.make_indirect(pikepdf.Stream(pdf, bytes.fromhex("".join(numbers)))),
    )  # fmt: skip
    return pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type0,
            BaseFont=name,
            Encoding=pikepdf.Name("/Identity-H"),
            DescendantFonts=pikepdf.Array([pdf.make_indirect(below)]),
            ToUnicode=pdf.make_indirect(pikepdf.Stream(pdf, _to_unicode(texts))),
        )
    )


def _to_unicode(pairs: Sequence[str]) -> bytes:
    blocks = [pairs[i : i + 100] for i in range(0, len(pairs), 100)]  # a block holds at most a hundred
    told = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        "1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n"
        f"{told}\nendcmap CMapName currentdict /CMap defineresource pop end end"
    ).encode()
