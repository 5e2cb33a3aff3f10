"""The look of certificates: pictures of every layout against stored ones, PDF/A, structure, layouts that never change.

References are our own renderings, small, named by the fonts they were drawn with. With other fonts a picture is made anew
under ``tests/certificates/references`` and the test says so: look at it, then commit it.
"""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat

from certificates import designs, samples
from certificates.designs import ARCHIVE, CLASSIC, MODERN, Language
from certificates.previewing import picture, preview
from certificates.rendering import MissingGlyphs, TextTooLong, certificate_pdf, must_fit

HERE = Path(__file__).parent / "references"
WIDE, TALL = 470, 340  # pixels of a reference across, landscape and portrait
CASES = [  # layout, language, name, with photo
    (CLASSIC, Language.BILINGUAL, "阿卜杜热西提·买买提", True),
    (CLASSIC, Language.BILINGUAL, "林晓岚", False),
    (CLASSIC, Language.CHINESE, "𠮷䶮㐂", False),
    (MODERN, Language.BILINGUAL, "𠮷䶮㐂", True),
    (MODERN, Language.ENGLISH, "龙𪛖", False),
    (ARCHIVE, Language.BILINGUAL, "龙𪛖𫝀鿃", True),
    (ARCHIVE, Language.ENGLISH, "阿卜杜热西提·买买提", False),
]
LONG = "Maximiliane Alexandrina von Hohenstein-Oberbergen-Lichtenfel"


def face_of(name: str, photo: bool):
    return replace(
        samples.certificate(), holder_name=name, photo=samples.portrait() if photo else None, reprint=photo,
        holder_name_latin=LONG if not photo else "", trial=photo,
    )  # fmt: skip


def seen(pdf: bytes) -> Image.Image:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        box = opened.pages[0].MediaBox
    return Image.open(io.BytesIO(picture(pdf, WIDE if box[2] > box[3] else TALL))).convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> float:
    """How different two pictures look, 0 to 255: the worst of 8 × 8 fields after a blur that forgives compression."""
    if one.size != other.size:
        return 255.0
    soft = [each.convert("L").filter(ImageFilter.GaussianBlur(2)) for each in (one, other)]
    apart = ImageChops.difference(*soft)
    width, height = apart.size
    fields = [
        apart.crop((width * x // 8, height * y // 8, width * (x + 1) // 8, height * (y + 1) // 8))
        for x in range(8)
        for y in range(8)
    ]
    return max(ImageStat.Stat(field).mean[0] for field in fields)


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "language", "name", "photo"), CASES)
def test_it_looks_as_it_did(letters, layout, language, name, photo):
    drawn = seen(certificate_pdf(face_of(name, photo), layout, language=language, typefaces=letters))
    fonts = hashlib.sha256(letters.identity.encode()).hexdigest()[:8]
    kept = HERE / f"{layout.name}-{layout.version}-{language.value}-{'photo' if photo else 'plain'}-{fonts}.webp"
    if not kept.exists():
        HERE.mkdir(exist_ok=True)
        drawn.save(kept, "WEBP", quality=38, method=6)
        pytest.skip(f"other fonts: {kept.name} was made anew; look at it and commit it")
    assert kept.stat().st_size <= 15_000
    assert difference(drawn, Image.open(kept).convert("RGB")) < 2.5


@pytest.mark.slow
def test_the_comparison_sees_a_changed_word_and_a_moved_seal(letters):
    face = face_of("王芳", True)
    first = seen(certificate_pdf(face, CLASSIC, typefaces=letters))
    assert difference(first, first) == 0
    other = seen(certificate_pdf(replace(face, holder_name="欧阳明"), CLASSIC, typefaces=letters))
    moved = seen(certificate_pdf(face, replace(CLASSIC, seal=(200.0, 140.0, 37.0)), typefaces=letters))
    assert difference(first, other) > 4 and difference(first, moved) > 4


FROZEN = {  # of released versions: what their modules say; a change of look is a new version
    ("classic", "1"): "643c23bb15548acb",
    ("classic", "2"): "6a18e7131fcc5731",
    ("classic", "3"): "19624b9a8a470bd1",
    ("modern", "1"): "5ecf3820cc6d36e7",
    ("modern", "2"): "2f3ee4647ebf134a",
    ("archive", "1"): "ea0418bd13fa57e1",
    ("archive", "2"): "97fc7faab7ba5c36",
}


def test_a_version_once_used_never_changes(letters):
    """The words' places and sizes, as drawing operators, hashed: independent of the fonts' bytes in the file."""
    assert set(designs.LAYOUTS) == set(FROZEN)
    for key, layout in designs.LAYOUTS.items():
        assert drawing_hash(letters, layout) == FROZEN[key], f"{key}: make a new version instead of changing this one"


def drawing_hash(letters, layout) -> str:
    from certificates.designs.parts import said
    from certificates.rendering import _typecase
    from certificates.typesetting import Pen

    found = hashlib.sha256()
    for language in designs.LANGUAGES:
        pen = Pen(_typecase(letters), layout.width, layout.height, "zh-CN")
        layout.words(pen, said(face_of("林晓岚", True), language, b"photo"))
        found.update("\n".join(re.sub(r"<[0-9a-f]+>-?\d*", "", line) for line in pen.content).encode())
        for x, top, svg in layout.ground(layout, "seal"):
            found.update(f"{x} {top} {svg}".encode())
    return found.hexdigest()[:16]


@pytest.mark.parametrize("layout", designs.newest(), ids=lambda each: each.name)
@pytest.mark.parametrize("language", designs.LANGUAGES)
def test_what_pdf_a_asks_holds(letters, layout, language):
    face = replace(face_of("𠮷䶮㐂", True), seal_image=samples.seal())
    with pikepdf.open(io.BytesIO(certificate_pdf(face, layout, language=language, typefaces=letters))) as pdf:
        marks = pdf.open_metadata()
        assert (marks["pdfaid:part"], marks["pdfaid:conformance"]) == ("3", "B")
        assert marks["dc:title"] == str(pdf.docinfo.Title) and face.number in marks["dc:title"]
        assert pdf.Root.OutputIntents[0].S == "/GTS_PDFA1" and pdf.Root.OutputIntents[0].DestOutputProfile.N == 3
        fonts = [o for o in pdf.objects if isinstance(o, pikepdf.Dictionary) and o.get("/Type") == "/FontDescriptor"]
        assert fonts and all("/FontFile2" in font for font in fonts)
        for stream in (o for o in pdf.objects if isinstance(o, pikepdf.Stream)):
            assert "/JS" not in stream and "/Interpolate" not in stream and stream.get("/Filter") != "/LZWDecode"
        for font in (o for o in pdf.objects if isinstance(o, pikepdf.Dictionary) and o.get("/Subtype") == "/Type0"):
            widths_are_those_of_the_font(font)
        assert "/AA" not in pdf.Root and "/OpenAction" not in pdf.Root and not pdf.is_encrypted
        assert str(pdf.Root.Lang) == ("en" if language is Language.ENGLISH else "zh-CN")


def widths_are_those_of_the_font(font) -> None:
    from fontTools.ttLib import TTFont

    below = font.DescendantFonts[0]
    embedded = TTFont(io.BytesIO(below.FontDescriptor.FontFile2.read_bytes()))
    places = below.CIDToGIDMap.read_bytes()
    order, em = embedded.getGlyphOrder(), embedded["head"].unitsPerEm
    for i, width in enumerate(below.W[1], start=1):
        glyph = order[int.from_bytes(places[2 * i : 2 * i + 2])]
        assert abs(float(width) - embedded["hmtx"][glyph][0] * 1000 / em) < 1


def test_it_is_tagged_in_the_order_of_reading(letters):
    with pikepdf.open(io.BytesIO(certificate_pdf(face_of("王芳", True), typefaces=letters))) as pdf:
        assert pdf.Root.MarkInfo.Marked
        elements = list(pdf.Root.StructTreeRoot.K.K)
        kinds = [str(each.S) for each in elements]
        assert "/H1" in kinds and kinds.count("/Figure") == 2 and "/P" in kinds
        assert {str(each.Alt)[:2] for each in elements if "/Alt" in each} == {"照片", "二维"}
        pieces = [int(piece) for each in elements for piece in each.K]
        assert pieces == list(range(len(pieces)))
        # Everything on the page is either part of the structure or an artifact.
        depth = 0
        for step in pikepdf.parse_content_stream(pdf.pages[0]):
            name = str(step.operator)
            depth += (name in ("BDC", "BMC")) - (name == "EMC")
            assert depth == 1 or name not in ("Tj", "TJ", "Do", "f", "S")


@pytest.mark.parametrize("language", designs.LANGUAGES)
@pytest.mark.parametrize("layout", designs.newest(), ids=lambda each: each.name)
def test_no_text_leaves_the_page_or_its_column(letters, layout, language):
    """The longest of everything still lies between the margins."""
    from certificates.designs.parts import said
    from certificates.rendering import _typecase
    from certificates.typesetting import PT, Pen

    class Watched(Pen):
        def line(self, x, top, text, size, *, align="left", weight="regular", spacing=0.0, **how):
            wide = self.case.width(text, weight, spacing) * size * PT
            left = x - {"left": 0, "center": wide / 2, "right": wide}[align]
            assert left >= 4 and left + wide <= self.width - 8, text
            assert 0 <= top <= self.height - 10, text
            super().line(x, top, text, size, align=align, weight=weight, spacing=spacing, **how)

    face = replace(
        samples.certificate(), holder_name=LONG, holder_name_latin=LONG, reprint=True,
        scheme_name="滨海新区高新技术产业开发区中级技术经理人（知识产权运营与科技金融方向）能力认证实施方案",
        scheme_name_en="Scheme for intermediate technology managers (IP operation and technology finance), version 12",
        issuer_zh="中国（天津）自由贸易试验区滨海新区技术经理人职业能力认证管理服务中心",
        issuer_en="Certification Management and Service Centre for Technology Managers, Binhai New Area",
    )  # fmt: skip
    pen = Watched(_typecase(letters), layout.width, layout.height, "zh-CN")
    layout.words(pen, said(face, language, samples.portrait()))


SHIPPED = {  # sentences as the rules ship them, with what is added for a stage that was exempt
    Language.CHINESE: "按《技术经理人能力认证方案》完成规定培训，通过考试与实操评审，绩效积分和信用积分达到要求，准予认定为中级技术经理人。",
    Language.ENGLISH: "has completed the prescribed training, passed the examination and the practical review, and reached the "
    "performance and integrity credit required by the Technology Manager Certification Scheme, and is certified as "
    "Intermediate Technology Manager.",
}
EXEMPT = {
    Language.CHINESE: "（其中培训、考试依决定免除。）",
    Language.ENGLISH: " Exempt by decision from: training, examination.",
}


@pytest.mark.parametrize("exempt", [False, True])
@pytest.mark.parametrize("latin", ["", "Lin Xiaolan"])
@pytest.mark.parametrize("language", designs.LANGUAGES)
@pytest.mark.parametrize("layout", designs.newest(), ids=lambda each: each.name)
def test_no_line_lies_on_another(letters, layout, language, latin, exempt):
    """Each line's em box keeps clear of the others' and of the seal's, with the sentences that are shipped."""
    from certificates.designs.parts import said
    from certificates.rendering import _typecase
    from certificates.typesetting import PT, Pen

    boxes: list[tuple[float, float, float, float, str]] = []

    class Watched(Pen):
        def line(self, x, top, text, size, *, align="left", leading=1.4, weight="regular", spacing=0.0, **how):
            wide = self.case.width(text, weight, spacing) * size * PT
            left, middle = x - {"left": 0, "center": wide / 2, "right": wide}[align], top + leading * size * PT / 2
            boxes.append((left, middle - size * PT / 2, left + wide, middle + size * PT / 2, text))
            super().line(x, top, text, size, align=align, leading=leading, weight=weight, spacing=spacing, **how)

    words = {k: SHIPPED[k] + (EXEMPT[k] if exempt else "") for k in SHIPPED}
    face = replace(
        samples.certificate(), holder_name_latin=latin, sentence_zh=words[Language.CHINESE], sentence_en=words[Language.ENGLISH]
    )  # fmt: skip
    pen = Watched(_typecase(letters), layout.width, layout.height, "zh-CN")
    layout.words(pen, said(face, language, samples.portrait()))
    left, top, size = layout.seal
    boxes.append((left, top, left + size, top + size, "seal"))
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            beside = min(one[2], other[2]) - max(one[0], other[0]) <= 0.5
            below = min(one[3], other[3]) - max(one[1], other[1]) <= 0.15
            assert beside or below or not one[4] or not other[4], (one[4], other[4])


def test_what_has_no_glyph_or_no_room_is_refused_beforehand(letters):
    with pytest.raises(MissingGlyphs) as refused:
        must_fit(face_of("王\ue863", False), MODERN, typefaces=letters)
    assert refused.value.chars == {"\ue863"}
    with pytest.raises(TextTooLong) as long:
        must_fit(replace(samples.certificate(), issuer_zh="长" * 300), ARCHIVE, typefaces=letters)
    assert long.value.text.startswith("长长")


@pytest.mark.slow
def test_the_preview_keeps_the_page_engine_out_of_this_process():
    png = preview(face_of("王芳", True), "classic", "3", Language.CHINESE, "png")
    assert Image.open(io.BytesIO(png)).size[0] == 1240
    from certificates.previewing import PreviewRefused

    with pytest.raises(PreviewRefused) as refused:
        preview(face_of("王\ue863", True), "classic", "1", Language.CHINESE)
    assert refused.value.code == "glyphs" and "U+E863" in refused.value.detail
