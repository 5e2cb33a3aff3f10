import io
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pikepdf
import pytest
import zxingcpp
from fontTools.ttLib import TTFont
from PIL import Image

from certificates import designs, grounds, samples
from certificates.__main__ import main
from certificates.faces import ModuleHours
from certificates.names import comparable
from certificates.pagetext import page_text
from certificates.rendering import (
    NOTE,
    Attachment,
    ForeignAddress,
    MissingGlyphs,
    PictureRefused,
    TextTooLong,
    _only,
    _press,
    _write,
    attachments_in,
    certificate_pdf,
    completion_pdf,
    recognition_note_pdf,
)


def picture(kind="JPEG", size=(400, 560), **options) -> bytes:
    out = io.BytesIO()
    gradient = Image.radial_gradient("L").resize(size)
    Image.merge("RGB", (gradient, gradient.rotate(90), gradient.rotate(180))).save(out, kind, **options)
    return out.getvalue()


@pytest.fixture
def face():
    return samples.certificate()


def text_of(pdf: bytes) -> str:
    """The page's text as poppler extracts it, without the spaces that letter-spacing brings."""
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return re.sub(r"\s+", "", done.stdout.decode())


def pixels_of(pdf: bytes, dpi: int = 130) -> Image.Image:
    done = subprocess.run(["pdftoppm", "-r", str(dpi), "-png", "-"], input=pdf, capture_output=True, check=True)
    return Image.open(io.BytesIO(done.stdout))


def drawn_characters(pdf: bytes) -> dict[str, str]:
    """Character -> name of the embedded font that truly draws it: a glyph with contours, and not the box of .notdef."""
    drawn = {}
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        for font in opened.objects:
            if not isinstance(font, pikepdf.Dictionary) or font.get("/Subtype") != "/Type0":
                continue
            described = font.DescendantFonts[0].FontDescriptor
            embedded = TTFont(io.BytesIO(described.FontFile2.read_bytes()))
            order, outlines = embedded.getGlyphOrder(), embedded["glyf"]
            box = outlines[order[0]]
            for gid, points in re.findall(rb"<([0-9a-f]{4})> <([0-9a-f]+)>", font.ToUnicode.read_bytes()):
                glyph = outlines[order[int(gid, 16)]]
                if glyph.numberOfContours > 0 and glyph != box:
                    drawn[bytes.fromhex(points.decode()).decode("utf-16-be")] = str(font.BaseFont)
    return drawn


needs_poppler = pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler-utils is not installed")


@needs_poppler
def test_everything_on_the_face_is_on_the_page(letters, face):
    text = text_of(certificate_pdf(face, typefaces=letters))
    words = [
        face.holder_name,
        face.masked_id,
        face.title_zh,
        face.title_en,
        face.level_zh,
        face.level_en,
        face.field_zh,
    ]
    words += [
        face.number,
        face.issuer_zh,
        face.issuer_en,
        face.base_zh,
        face.base_en,
        face.verify_url,
        face.scheme_name,
    ]
    words += [face.scheme_version, "2026年11月21日", "21 November 2026", "2029年11月20日", "20 November 2029"]
    words += [face.trial_zh, face.trial_en]
    for word in words:
        assert re.sub(r"\s+", "", word) in text, word
    # Two centred lines each, so the order of words survives but a line break may fall anywhere.
    assert text.index("完成规定培训") < text.index("准予发证")


@needs_poppler
@pytest.mark.parametrize(
    "name", ["王芳", "林晓岚", "𠮷䶮㐂", "阿卜杜热西提·买买提", "龙𪛖𫝀鿃", "Maximiliane von Hohenstein-Oberbergen"]
)
def test_names_print_with_real_glyphs(letters, face, name):
    pdf = certificate_pdf(replace(face, holder_name=name), typefaces=letters)
    drawn = drawn_characters(pdf)
    assert set(name.replace(" ", "")) <= set(drawn)
    assert comparable(name) in comparable(text_of(pdf))


def test_characters_that_noto_lacks_come_from_the_fallback(letters, face):
    drawn = drawn_characters(certificate_pdf(replace(face, holder_name="龙𪛖"), typefaces=letters))
    assert "HanaMin" in drawn["𪛖"]
    assert "Certificate-Song" in drawn["龙"]


@pytest.mark.parametrize(
    "field", ["holder_name", "holder_name_latin", "issuer_zh", "field_zh", "sentence_zh", "scheme_version", "base_en"]
)
def test_a_missing_glyph_refuses_the_certificate_and_is_named(letters, face, field):
    with pytest.raises(MissingGlyphs) as refusal:
        certificate_pdf(replace(face, **{field: "王\ue863\U0003134a"}), typefaces=letters)
    assert refusal.value.chars == {"\ue863", "\U0003134a"}
    assert "U+E863" in str(refusal.value)


def test_a_missing_glyph_inside_a_table_is_found(letters):
    face = replace(samples.completion(), modules=(ModuleHours("实务\ue000", "", Decimal(1)),))
    with pytest.raises(MissingGlyphs):
        completion_pdf(face, typefaces=letters)


def test_every_font_is_embedded(letters, face):
    with pikepdf.open(io.BytesIO(certificate_pdf(face, typefaces=letters))) as pdf:
        fonts = [o for o in pdf.objects if isinstance(o, pikepdf.Dictionary) and o.get("/Type") == "/FontDescriptor"]
        assert fonts and all("/FontFile2" in font for font in fonts)


def test_it_says_that_it_is_pdf_a_3b_with_title_and_language(letters, face):
    with pikepdf.open(io.BytesIO(certificate_pdf(face, typefaces=letters))) as pdf:
        marks = pdf.open_metadata()
        assert (marks["pdfaid:part"], marks["pdfaid:conformance"]) == ("3", "B")
        assert marks["dc:title"] == pdf.docinfo.Title == f"{face.title_zh} {face.number} {face.holder_name}"
        assert str(pdf.Root.Lang) == "zh-CN"
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        assert pdf.Root.OutputIntents[0].S == "/GTS_PDFA1"
        assert len(pdf.trailer.ID) == 2 and len(pdf.pages) == 1
        # What PDF/A forbids.
        assert not pdf.is_encrypted and "/JavaScript" not in pdf.Root.get("/Names", {}) and "/AA" not in pdf.Root


@needs_poppler
@pytest.mark.parametrize(
    ("make", "face_of"),
    [
        (certificate_pdf, samples.certificate),
        (recognition_note_pdf, samples.note),
        (completion_pdf, samples.completion),
    ],
)
def test_the_code_leads_to_the_address(letters, make, face_of):
    face = face_of()
    (code,) = zxingcpp.read_barcodes(pixels_of(make(face, typefaces=letters)))
    assert code.text == face.verify_url


def test_the_same_face_gives_the_same_bytes(letters, face):
    first, second = (certificate_pdf(replace(face, photo=picture()), typefaces=letters) for _ in range(2))
    assert first == second
    assert certificate_pdf(replace(face, holder_name="林晓兰"), typefaces=letters) != first


@needs_poppler
def test_nothing_of_one_holder_stays_for_the_next(letters, face):
    certificate_pdf(replace(face, holder_name="欧阳明", photo=picture()), typefaces=letters)
    text = text_of(certificate_pdf(replace(face, holder_name="王芳", photo=picture()), typefaces=letters))
    assert "欧阳明" not in text and "王芳" in text


@needs_poppler
def test_the_ground_follows_the_issuer(letters, face):
    certificate_pdf(face, typefaces=letters)
    other = replace(face, issuer_zh="哈尔滨市技术经理人认证管理中心", issuer_en="Harbin Authority", trial=False)
    text = text_of(certificate_pdf(other, typefaces=letters))
    assert "哈尔滨市技术经理人认证管理中心" in text and "滨海新区技术经理人认证中心" not in text
    assert face.trial_zh.replace(" ", "") not in text


@needs_poppler
def test_a_reprint_says_so_and_keeps_its_number(letters, face):
    assert f"{face.number}（补发）" in text_of(certificate_pdf(replace(face, reprint=True), typefaces=letters))


@needs_poppler
def test_without_end_and_without_field_and_base(letters, face):
    bare = replace(
        face, valid_until=None, field_zh="", field_en="", base_zh="", base_en="", sentence_en="", title_en=""
    )
    text = text_of(certificate_pdf(bare, typefaces=letters))
    assert "长期有效" in text and "专业领域" not in text and "培训机构" not in text


@needs_poppler
def test_markup_in_a_name_is_text(letters, face):
    name = "<img src=file:///etc/passwd><b>王</b>&amp;"
    text = text_of(certificate_pdf(replace(face, holder_name=name), typefaces=letters))
    assert name.replace(" ", "") in text


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "http://127.0.0.1/",
        "data:image/png;base64,AAAA",
        "asset:///other",
        "asset:///../style.css",
    ],
)
def test_the_renderer_reaches_nothing_but_its_assets(letters, address):
    html, _, config = _press(letters, NOTE)
    assert _only({"photo": b"bytes"}).fetch("asset:///photo").read() == b"bytes"
    with pytest.raises(ForeignAddress, match="may not reach"):
        _write(html, f'<p>x<img src="{address}">', {"photo": picture()}, font_config=config)
    assert _write(html, '<p>x<img src="asset:///photo">', {"photo": picture()}, font_config=config)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "kind"),
        (b"%PDF-1.7 not a picture", "kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "kind"),
        (picture()[:3000], "unreadable"),
        (picture("PNG")[:2000], "unreadable"),
        (picture("GIF"), "kind"),
        (picture(size=(60, 84)), "small"),
    ],
)
def test_a_photo_that_is_none_is_refused(letters, face, data, code):
    if data == b"":
        assert certificate_pdf(replace(face, photo=b""), typefaces=letters)  # nothing given is no photo
        return
    with pytest.raises(PictureRefused) as refusal:
        certificate_pdf(replace(face, photo=data), typefaces=letters)
    assert refusal.value.code == code


def test_the_photo_loses_the_notes_of_its_camera(letters, face):
    exif = Image.Exif()
    exif[0x010E] = "SECRET-PLACE"
    data = picture(exif=exif)
    assert b"SECRET-PLACE" in data
    with pikepdf.open(io.BytesIO(certificate_pdf(replace(face, photo=data), typefaces=letters))) as pdf:
        pictures = [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]
        assert len(pictures) == 1
        assert b"SECRET-PLACE" not in pictures[0].read_raw_bytes()
        assert (int(pictures[0].Width), int(pictures[0].Height)) == (295, 413)


def test_a_seal_of_the_issuer_replaces_the_drawn_one(letters, face):
    with pikepdf.open(
        io.BytesIO(certificate_pdf(replace(face, seal_image=picture("PNG", (400, 400))), typefaces=letters))
    ) as pdf:
        assert sum(isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image" for o in pdf.objects) == 1
    with pytest.raises(PictureRefused):
        certificate_pdf(replace(face, seal_image=b"no picture"), typefaces=letters)


@needs_poppler
def test_the_seal_is_red_and_says_that_it_is_a_trial(letters, face):
    """The drawn seal differs between trial and real, and is drawn in the colour of a seal."""
    box = (int(218 / 25.4 * 100), int(154.5 / 25.4 * 100), int(255 / 25.4 * 100), int(191.5 / 25.4 * 100))
    trial, real = (
        pixels_of(certificate_pdf(replace(face, trial=trial), typefaces=letters), 100).crop(box)
        for trial in (True, False)
    )
    reddish = sum(r > 140 and g < 110 and b < 110 for r, g, b in trial.get_flattened_data())
    assert reddish > 0.08 * trial.width * trial.height
    assert trial.tobytes() != real.tobytes()


def test_a_text_too_long_to_be_read_is_refused_and_shown(letters, face):
    with pytest.raises(TextTooLong) as refusal:
        certificate_pdf(replace(face, base_zh="很长的机构名称" * 40), typefaces=letters)
    assert refusal.value.text.startswith("很长的机构名称")


def test_long_texts_stay_on_one_page(letters, face):
    long = replace(
        face,
        holder_name="Maximiliane Alexandra von Hohenstein-Oberbergen",
        base_zh="长三角国家技术创新中心技术经理人培养基地（上海市浦东新区张江科学城分中心）",
        base_en="Zhangjiang branch of the Yangtze Delta National Technology Innovation Centre, base for technology managers",
        issuer_zh="哈尔滨市技术经理人认证管理服务中心（黑龙江省技术转移促进会）",
    )
    with pikepdf.open(io.BytesIO(certificate_pdf(long, typefaces=letters))) as pdf:
        assert len(pdf.pages) == 1


def test_attachments_come_back_byte_for_byte(letters, face):
    data = '{"名称": "王芳",\n "n": 1}  '.encode()
    carried = Attachment("credential.json", data, "application/ld+json", "Open Badges 3.0 credential")
    pdf = certificate_pdf(face, typefaces=letters, attachments=[carried])
    assert attachments_in(pdf) == {"credential.json": data}
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        (listed,) = opened.Root.AF
        assert listed.AFRelationship == "/Data"
        assert listed.EF.F.Subtype == "/application/ld+json"
        assert "/ModDate" in listed.EF.F.Params
    assert pdf == certificate_pdf(face, typefaces=letters, attachments=[carried])


def test_attachments_of_no_pdf():
    with pytest.raises(ValueError):
        attachments_in(b"nothing")


def test_it_stays_small(letters, face):
    """90 KB is the limit when signed; what signature and credential add is below 20."""
    assert len(certificate_pdf(replace(face, photo=picture()), typefaces=letters)) < 80_000


@needs_poppler
def test_the_recognition_note(letters):
    face = replace(samples.note(), conditions=("补修 8 学时", "提交实操报告"))
    text = text_of(recognition_note_pdf(face, typefaces=letters))
    words = [face.number, face.holder_name, face.source_issuer, face.source_region, face.source_number, face.agreement]
    words += [face.recognised_level_zh, "补修8学时；提交实操报告", "2028年12月31日", "2026年12月8日", "2029年11月20日"]
    for word in [*words, face.authority_zh, face.masked_id]:
        assert re.sub(r"\s+", "", word) in text, word


@needs_poppler
def test_a_note_without_conditions_says_so(letters):
    face = replace(samples.note(), conditions=(), source_valid_until=None, valid_until=date(2026, 12, 31))
    text = text_of(recognition_note_pdf(face, typefaces=letters))
    assert "无附加条件" in text and "原证书有效期至" not in text and "2026年12月31日" in text


@needs_poppler
def test_the_completion_certificate(letters):
    face = samples.completion()
    text = text_of(completion_pdf(face, typefaces=letters))
    assert "合计Total57.5" in text and "政策法规Policyandlaw11.5" in text
    assert "2026年7月6日至2026年8月14日" in text and face.class_name.replace(" ", "") in text
    assert "不代表能力等级或职业资格" in text


@needs_poppler
@pytest.mark.parametrize("kind", ["certificate", "note", "completion"])
def test_preview_from_the_command_line(letters, tmp_path, kind, capsys):
    out = tmp_path / "out.pdf"
    folder = str(letters.folder.parent)
    assert main(["--folder", folder, "preview", str(out), "--kind", kind, "--name", "阿卜杜热西提•买买提"]) == 0
    assert "阿卜杜热西提·买买提" in text_of(out.read_bytes())
    assert main(["--folder", folder, "preview", str(out), "--kind", kind, "--name", "王\ue863"]) == 2
    assert "U+E863" in capsys.readouterr().err


def test_a_process_that_only_writes_certificates_stays_without_the_page_engine(letters):
    """The ground of the page is drawn by a process of its own; what is printed is the same."""
    code = (
        "import sys; from pathlib import Path; from certificates import rendering, samples, fonts; "
        "made = rendering.certificate_pdf(samples.certificate(), typefaces=fonts.fonts(Path(sys.argv[1]))); "
        "assert not {'weasyprint', 'fontTools'} & set(sys.modules); sys.stdout.buffer.write(made)"
    )
    command = [sys.executable, "-c", code, str(letters.folder.parent)]
    apart = subprocess.run(command, capture_output=True, check=True, cwd=Path(__file__).parent.parent.parent).stdout
    import weasyprint  # noqa: F401 - here it is drawn in this process

    here = certificate_pdf(samples.certificate(), typefaces=letters)
    assert page_text(apart) == page_text(here) and abs(len(apart) - len(here)) < 64


def test_a_ground_that_is_not_drawn_is_said_so(letters, monkeypatch):
    monkeypatch.setattr(grounds.sys, "executable", "/bin/false")
    with pytest.raises(grounds.NotDrawn):
        grounds.apart(letters, designs.CLASSIC, "滨海", "专用章", None)
