"""What every design is made of: the words of a face in the chosen language, and how a layout is described."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from certificates.faces import CertificateFace, date_en, date_zh
from certificates.fonts import Fonts
from certificates.typesetting import ASCENT, DESCENT, GREY, INK, PT, Pen

GOLD, RED, NAVY, PALE, DEEP_RED = "#b08d3c", "#b3312c", "#1f3a68", "#f1ead8", "#8f241f"
Pair = tuple[str, str]  # what stands large, and what stands smaller below it (may be empty)
Place = tuple[float, float, str]  # left and top in mm, a drawing as SVG


class Language(StrEnum):
    """In which language a certificate is set. Level, name and issuer keep their Chinese form in English too: it is the
    name in law, and what a verifier compares."""

    BILINGUAL = "bilingual"
    CHINESE = "zh"
    ENGLISH = "en"


LANGUAGES = tuple(Language)


@dataclass(frozen=True)
class Layout:
    """A versioned design. A change that moves ink is a new ``version``; an edition keeps both, and the language.

    ``ground(layout, seal)`` gives the drawings that are the same for every holder, ``words(pen, said)`` writes the rest.
    ``code`` and ``seal`` are left, top and size in mm.
    """

    name: str
    version: str
    width: float
    height: float
    code: tuple[float, float, float]
    seal: tuple[float, float, float]
    ground: Callable[[Layout, str], list[Place]]
    words: Callable[[Pen, Said], None]

    def seal_box(self) -> tuple[int, int, int, int]:
        """Where the seal lies, as a signature field wants it: left, bottom, right, top in points from the lower left."""
        left, top, size = self.seal
        edges = (left, self.height - top - size, left + size, self.height - top)
        return tuple(round(edge / PT) for edge in edges)  # type: ignore[return-value]


@dataclass(frozen=True)
class Said:
    """The words of a face in one language, ready to be placed."""

    face: CertificateFace
    language: Language
    photo: bytes | None
    title: Pair
    certify: Pair
    name: Pair
    sentence: Pair
    issuer: Pair
    date: Pair
    scan: Pair
    trial: Pair | None
    facts: dict[str, tuple[Pair, Pair]]  # label and value

    @property
    def second(self) -> str:
        """Language of the smaller lines, as PDF names it."""
        return "zh-CN" if self.language is Language.ENGLISH else "en"

    def column(self, *names: str) -> list[tuple[Pair, Pair]]:
        """The facts of these names that there are."""
        return [self.facts[name] for name in names if name in self.facts]


def said(face: CertificateFace, language: Language, photo: bytes | None) -> Said:
    """The words of ``face`` as a layout places them."""

    def both(zh: str, en: str) -> Pair:
        if language is Language.BILINGUAL:
            return (zh, en)
        return (zh, "") if language is Language.CHINESE else (en or zh, "")

    def lawful(zh: str, en: str) -> Pair:
        """English above, the Chinese that counts in law below."""
        return (en, zh) if language is Language.ENGLISH and en else both(zh, en)

    english = language is Language.ENGLISH
    number = face.number + ("（补发）" if face.reprint and not english else "")
    scheme_en = face.scheme_name_en or f"{face.scheme_name} {face.scheme_version}".strip()
    facts: dict[str, tuple[Pair, Pair]] = {
        "level": (both("级别", "Level"), lawful(face.level_zh, face.level_en)),
        "number": (
            both("证书编号", "Certificate No."),
            (number, "Reissued copy" if face.reprint and language is not Language.CHINESE else ""),
        ),
        "issued": (both("颁发日期", "Date of issue"), both(date_zh(face.issued_on), date_en(face.issued_on))),
        "until": (both("有效期至", "Valid until"), both(date_zh(face.valid_until), date_en(face.valid_until))),
        "id": (both("证件号码", "ID number"), (face.masked_id, "")),
        "scheme": (
            both("认证方案", "Scheme"),
            both(f"{face.scheme_name} {face.scheme_version}".strip(), scheme_en if face.scheme_name_en else ""),
        ),
    }
    if face.field_zh:
        facts["field"] = (both("专业领域", "Field"), both(face.field_zh, face.field_en))
    if face.base_zh:
        facts["base"] = (both("培训机构", "Trained by"), both(face.base_zh, face.base_en))
    return Said(
        face=face,
        language=language,
        photo=photo,
        title=both(face.title_zh, face.title_en),
        certify=both("兹证明", "This is to certify that"),
        name=lawful(face.holder_name, face.holder_name_latin),
        sentence=both(face.sentence_zh, face.sentence_en),
        issuer=lawful(face.issuer_zh, face.issuer_en),
        date=both(date_zh(face.issued_on), date_en(face.issued_on)),
        scan=both(
            "扫描二维码，或打开下列地址，以在线核验结果为准。",
            "Scan the code or open the address below; the online answer is what counts.",
        ),
        trial=both(face.trial_zh, face.trial_en) if face.trial else None,
        facts=facts,
    )


def name_spacing(name: str) -> float:
    """Letter-spacing in em: two characters stand wide apart, three a little, more or Latin not at all."""
    if not all(c >= "\u3400" for c in name):
        return 0.0
    return {2: 0.9, 3: 0.4, 4: 0.15}.get(len(name), 0.0)


def spread(text: str, spacing: float) -> float:
    """``spacing`` where the text is Chinese; Latin letters are not spread."""
    return spacing if text and all(ord(c) >= 0x2E80 for c in text) else 0.0


def sunk(size: float, wanted: float, leading: float) -> float:
    """How far a line must go down, in mm, for its base line to stay where one of ``wanted`` pt has it."""
    return ((leading - ASCENT - DESCENT) / 2 + ASCENT) * (wanted - size) * PT


def trial_box(pen: Pen, said: Said, centre: float, top: float, width: float) -> None:
    """The mark of a demonstration, framed, over the head."""
    if said.trial is None:
        return
    first, second = said.trial
    pen.rectangle(centre - width / 2, top, width, 5.6, RED, 0.3)
    with pen.element("P"):
        size = pen.case.fit(first, width * (0.55 if second else 0.96), 9)
        small = pen.case.fit(second, width * 0.44, 6.5) if second else 0
        wide = pen.case.width(first) * size * PT
        gap = 2.0 if second else 0.0
        total = wide + gap + (pen.case.width(second) * small * PT if second else 0)
        x = centre - total / 2
        pen.line(x, top + 0.45, first, size, leading=4.7 / size / PT, colour=RED)
        if second:
            pen.line(
                x + wide + gap, top + 0.55, second, small, leading=4.7 / small / PT, colour=RED, language=said.second
            )


def label(pen: Pen, x: float, top: float, words: Pair, said: Said, beside: float = 12.0) -> None:
    """What a fact is called: over its English, or alone on the base line of a value of ``beside`` pt."""
    first, second = words
    size = 8.5 if first.isascii() else 10
    down = 0 if second else (beside - size) * ((1.4 - ASCENT - DESCENT) / 2 + ASCENT) * PT
    pen.line(x, top + down, first, size, leading=1.4, colour=GREY)
    pen.line(x, top + 4.94, second, 7, leading=1.2, colour=GREY, language=said.second)


def issuer_and_date(
    pen: Pen, said: Said, x: float, top: float, wide: float, size: float, align: str = "center"
) -> None:
    """Who issued it and when: the name on one line where that can be read, else on two."""
    with pen.element("P"):
        for text, wanted, least, weight, colour, language in (
            (said.issuer[0], size, 9.0, "bold", INK, ""),
            (said.issuer[1], 8.0, 6.2, "regular", GREY, said.second),
        ):
            if not text:
                continue
            made, leading = [text], 1.4
            if pen.case.width(text, weight) * least * PT <= wide:
                fitted = pen.case.fit(text, wide, wanted, weight=weight)
            else:
                fitted = pen.case.fit(text, wide, min(wanted, least + 1.5), weight=weight, lines=2)
                made, leading = pen.case.balanced(text, fitted, wide, weight), 1.25
            top = pen.lines(
                x, top, made, fitted, align=align, leading=leading, weight=weight, colour=colour, language=language
            )
        pen.line(x, top + 0.8, said.date[0], 12, align=align, leading=1.3)


def seal_drawing(issuer: str, words: str, letters: Fonts, size: float) -> str:
    """The round seal drawn where no picture of one was given."""
    from certificates import ornaments

    return ornaments.seal(issuer, words, letters, RED, size)


def code_of(pen: Pen, layout_code: tuple[float, float, float], said: Said) -> None:
    """The QR code with the address of verification."""
    import segno

    if not said.face.verify_url:
        return
    # The search for the best of eight masks costs more than all the words; any mask reads.
    made: Any = segno.make_qr(said.face.verify_url, error="m", boost_error=False, mask=2)
    spoken = "二维码 QR code: " + said.face.verify_url
    pen.code(*layout_code, [bytes(row) for row in made.matrix], spoken)
