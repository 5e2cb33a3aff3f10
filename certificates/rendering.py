"""From a face to a PDF: A4, PDF/A-3b, fonts embedded, nothing fetched.

A page is two layers. The ground (border, ornaments, seal; for notes and completion certificates titles and labels too) is
the same for everybody certified by one issuer; it is set once per process and kept. What differs is set for each
holder over it: by ``certificates.typesetting`` for certificates, which are made by the thousand and tagged for screen
readers, by WeasyPrint for the documents made one by one.

WeasyPrint is imported when the first page is set, never with this module: the web process stays slim.
"""

from __future__ import annotations

import io
import re
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from certificates import designs, grounds
from certificates.designs import Language, Layout
from certificates.designs.parts import GOLD, NAVY, PALE, RED, said, seal_drawing
from certificates.faces import CertificateFace, CompletionFace, Face, NoteFace, date_en, date_zh
from certificates.fonts import Fonts, fonts
from certificates.typesetting import PT, MissingGlyphs, Pen, TextTooLong, Typecase

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent / "layouts"
SEAL = 37.0  # mm across
DPI = 250  # of a photo
PHOTO = (30, 42)  # mm, width and height
_PRESS = threading.Lock()  # Pango and the kept ground pages are used by one thread at a time
Pair = tuple[str, str]


class PictureRefused(ValueError):
    """A photo or seal that is no readable JPEG or PNG. ``code``: ``unreadable``, ``kind``, ``small``, ``huge``, ``shape``."""

    def __init__(self, code: str) -> None:
        super().__init__(f"picture refused: {code}")
        self.code = code


class ForeignAddress(RuntimeError):
    """A layout asked for something beyond its own assets: a fault of the layout, nothing was fetched."""


@dataclass(frozen=True)
class Sheet:
    """The page of a document made one by one: its templates' folder, where the QR code stands."""

    name: str
    width: float = 210.0  # mm
    height: float = 297.0  # mm
    qr: tuple[float, float, float] = (29.0, 234.0, 25.0)  # left, top, size in mm
    accent: str = NAVY  # second colour of border and rule; the seal stays red

    @property
    def folder(self) -> Path:
        return HERE / self.name


NOTE, COMPLETION = Sheet("note"), Sheet("completion")


@dataclass(frozen=True)
class Attachment:
    """A file carried inside the PDF byte for byte; ``relationship`` as PDF/A-3 names it (Data, Source, Alternative)."""

    name: str
    data: bytes
    media_type: str
    description: str = ""
    relationship: str = "Data"


def certificate_pdf(
    face: CertificateFace,
    layout: Layout = designs.CLASSIC,
    *,
    language: Language = Language.BILINGUAL,
    typefaces: Fonts | None = None,
    attachments: Sequence[Attachment] = (),
) -> bytes:
    """The certificate as PDF/A-3b bytes, tagged; the same face gives the same bytes.

    Raises ``MissingGlyphs``, ``PictureRefused``, ``TextTooLong``, and ``FontsMissing`` when the machine lacks them.
    """
    import pikepdf

    letters = typefaces or fonts()
    _complete(face, letters)
    with _PRESS:
        photo = _photo(face.photo) if face.photo else None
        words = "演示专用章" if face.trial else face.seal_words
        base = _base(letters, layout, face.issuer_zh, words, face.seal_image)
        pen = Pen(_typecase(letters), layout.width, layout.height, "en" if language is Language.ENGLISH else "zh-CN")
        layout.words(pen, said(face, language, photo))
        with pikepdf.open(io.BytesIO(base)) as pdf:
            pen.put(pdf)
            title = face.title_en if language is Language.ENGLISH and face.title_en else face.title_zh
            _describe(pdf, f"{title} {face.number} {face.holder_name}", face.issuer_zh, face.number, face.issued_on)
            return _finished(pdf, attachments, face.issued_on)


def must_fit(
    face: CertificateFace, layout: Layout, language: Language = Language.BILINGUAL, *, typefaces: Fonts | None = None
) -> None:
    """Whether the words of ``face`` can be set; raises ``MissingGlyphs`` or ``TextTooLong`` as printing it would.

    Asked before a certificate is issued; costs a few milliseconds and no page engine.
    """
    letters = typefaces or fonts()
    _complete(face, letters)
    with _PRESS:
        layout.words(Pen(_typecase(letters), layout.width, layout.height, "zh-CN"), said(face, language, b"-"))


@cache
def _typecase(letters: Fonts) -> Typecase:
    return Typecase(letters)


def _complete(face: Face, letters: Fonts) -> None:
    missing = {c for text in face.texts() for c in letters.missing_glyphs(text)}
    if missing:
        raise MissingGlyphs(missing)


@lru_cache(maxsize=32)
def _base(letters: Fonts, layout: Layout, issuer: str, seal_words: str, seal_image: bytes | None) -> bytes:
    """A page with the drawings alone, ready to be written on: drawn here where the page engine is loaded already, else by
    a process of its own, so that this one stays small."""
    if seal_image:
        seal_picture(seal_image)  # what is wrong with it is said here
    shipped = designs.LAYOUTS.get((layout.name, layout.version)) == layout
    if "weasyprint" in sys.modules or not shipped:
        return ground(letters, layout, issuer, seal_words, seal_image)
    return grounds.apart(letters, layout, issuer, seal_words, seal_image)


def ground(letters: Fonts, layout: Layout, issuer: str, seal_words: str, seal_image: bytes | None) -> bytes:
    """The drawings of a certificate's page, drawn in this process."""
    import pikepdf

    size = layout.seal[2]
    seal = seal_drawing(issuer, seal_words, letters, size)
    if seal_image:
        seal = f'<img src="asset:///seal" style="width:{size}mm;height:{size}mm;object-fit:contain" alt="">'
    placed = "".join(
        f'<div style="position:absolute;left:{x}mm;top:{top}mm">{drawing}</div>'
        for x, top, drawing in layout.ground(layout, seal)
    )
    page = (
        "<!doctype html><title>.</title>"
        f"<style>@page{{size:{layout.width}mm {layout.height}mm;margin:0}}*{{margin:0}}svg,img{{display:block}}</style>{placed}"
    )
    html, _, config = _press(letters, NOTE)
    made = _write(html, page, {"seal": seal_picture(seal_image)} if seal_image else {}, font_config=config)
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(made)) as pdf:
        leaf = pdf.pages[0]
        leaf.contents_coalesce()
        _plain_pictures(pdf)
        drawn = b"/Artifact BMC q\n%s\nQ EMC\n" % leaf.Contents.read_bytes()
        leaf.Contents = pikepdf.Stream(pdf, zlib.compress(drawn, 9), Filter=pikepdf.Name.FlateDecode)
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        pdf.save(out)
    return out.getvalue()


def _plain_pictures(pdf: Any) -> None:
    """Take the wish for smoothing off every picture: PDF/A allows none."""
    import pikepdf

    for each in pdf.objects:
        if isinstance(each, pikepdf.Stream) and "/Interpolate" in each:
            del each.Interpolate


def _describe(pdf: Any, title: str, author: str, subject: str, day: date) -> None:
    """Title, issuer, number and day, for readers and as PDF/A asks."""
    import pikepdf

    stamp = f"{day:%Y-%m-%d}T00:00:00+08:00"
    told = _XMP.format(
        title=escape(title), author=escape(author), subject=escape(subject), stamp=stamp, producer=PRODUCER
    )
    pdf.Root.Metadata = pdf.make_indirect(
        pikepdf.Stream(pdf, told.encode(), Type=pikepdf.Name.Metadata, Subtype=pikepdf.Name.XML)
    )
    text = pikepdf.String
    pdf.trailer.Info = pdf.make_indirect(
        pikepdf.Dictionary(
            Title=text(title),
            Author=text(author),
            Subject=text(subject),
            Producer=text(PRODUCER),
            CreationDate=text(f"D:{day:%Y%m%d}000000+08'00'"),
            ModDate=text(f"D:{day:%Y%m%d}000000+08'00'"),
        )
    )


PRODUCER = "certificates"
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<xmp:CreateDate>{stamp}</xmp:CreateDate><xmp:ModifyDate>{stamp}</xmp:ModifyDate><pdf:Producer>{producer}</pdf:Producer>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


def recognition_note_pdf(
    face: NoteFace, *, typefaces: Fonts | None = None, attachments: Sequence[Attachment] = ()
) -> bytes:
    """The recognition note (认可凭证) as PDF/A-3b bytes. Raises as ``certificate_pdf`` does."""
    ground = _fields(face, ("authority_zh", "authority_en"))
    title = f"认可凭证 {face.number} {face.holder_name}"
    return _print(face, NOTE, _note_facts(face), ground, title, typefaces, attachments)


def completion_pdf(
    face: CompletionFace, *, typefaces: Fonts | None = None, attachments: Sequence[Attachment] = ()
) -> bytes:
    """The completion certificate (结业证明) as PDF/A-3b bytes. Raises as ``certificate_pdf`` does."""
    ground = _fields(face, ("base_zh", "base_en"))
    title = f"结业证明 {face.number} {face.holder_name}"
    return _print(face, COMPLETION, _completion_facts(face), ground, title, typefaces, attachments)


def _fields(face: Face, names: Iterable[str]) -> dict[str, Any]:
    common = ("trial", "trial_zh", "trial_en", "seal_words", "seal_image")
    return {name: getattr(face, name) for name in (*names, *common)}


Fact = tuple[Pair, Pair]  # (label zh, en), (value zh, en)


def _note_facts(face: NoteFace) -> list[Fact]:
    source_until = (date_zh(face.source_valid_until), date_en(face.source_valid_until))
    conditions = "；".join(face.conditions) or "无附加条件"
    facts: list[Fact] = [
        (("持证人", "Holder"), (face.holder_name, "")),
        (("证件号码", "ID number"), (face.masked_id, "")),
        (("原证书颁发机构", "Issued by"), (face.source_issuer, "")),
        (("原证书地区", "Region"), (face.source_region, "")),
        (("原证书编号", "Original No."), (face.source_number, "")),
        (("原证书级别", "Original level"), (face.source_level, "")),
        (("原证书有效期至", "Original valid until"), source_until),
        (("认可为", "Recognised as"), (face.recognised_level_zh, face.recognised_level_en)),
        (("认可条件", "Conditions"), (conditions, "" if face.conditions else "None")),
        (("认可有效期至", "Recognised until"), (date_zh(face.valid_until), date_en(face.valid_until))),
        (("依据协议", "Under agreement"), (face.agreement, "")),
        (("决定日期", "Decided on"), (date_zh(face.decided_on), date_en(face.decided_on))),
    ]
    return [fact for fact in facts if fact[0][0] != "原证书有效期至" or face.source_valid_until]


def _completion_facts(face: CompletionFace) -> list[Fact]:
    dates = f"{date_zh(face.starts_on)}至{date_zh(face.ends_on)}"
    return [
        (("学员", "Trainee"), (face.holder_name, "")),
        (("证件号码", "ID number"), (face.masked_id, "")),
        (("培训项目", "Programme"), (face.programme_zh, face.programme_en)),
        (("班次", "Class"), (face.class_name, "")),
        (("培训时间", "Dates"), (dates, f"{date_en(face.starts_on)} – {date_en(face.ends_on)}")),
    ]


# --- setting the page -------------------------------------------------------------------------------------------------


def _print(
    face: Face,
    layout: Sheet,
    facts: Sequence[Fact],
    ground: Mapping[str, Any],
    title: str,
    typefaces: Fonts | None,
    attachments: Sequence[Attachment],
) -> bytes:
    letters = typefaces or fonts()
    _complete(face, letters)
    labels = tuple(label for label, _ in facts)
    with _PRESS:
        below = _ground(letters, layout, tuple(ground.items()), labels)
        words = {
            "layer": "words",
            "face": face,
            "values": [value for _, value in facts],
            "document_title": title,
        }
        pdf = _set(letters, layout, words, {})
        address = getattr(face, "verify_url", "")
        drawing = _qr(address, *layout.qr, layout.height) if address else b""
        day = getattr(face, "decided_on", None) or getattr(face, "issued_on")  # noqa: B009 - each face has one of them
        return _lay(below, pdf, drawing, attachments, day)


@lru_cache(maxsize=64)
def _ground(letters: Fonts, layout: Sheet, fields: tuple[tuple[str, Any], ...], labels: tuple[Pair, ...]) -> Any:
    """The layer that all share, as a form ready to be copied."""
    from certificates import ornaments

    given = dict(fields)
    issuer = next(given[key] for key in ("authority_zh", "base_zh") if key in given)
    words = "演示专用章" if given["trial"] else given["seal_words"]
    drawn = ornaments.seal(issuer, words, letters, RED, SEAL)
    seal = f'<img src="asset:///seal" style="width:{SEAL}mm;height:{SEAL}mm" alt="">' if given["seal_image"] else drawn
    values = {
        "layer": "ground",
        "g": given,
        "labels": labels,
        "document_title": "",
        "border": _markup(ornaments.border(layout.width, layout.height, 8.0, GOLD, layout.accent)),
        "watermark": _markup(ornaments.watermark(120.0, PALE)),
        "rule": _markup(ornaments.rule(60.0, GOLD, layout.accent)),
        "seal": _markup(seal),
    }
    assets = {"seal": seal_picture(given["seal_image"])} if given["seal_image"] else {}
    return _form(_set(letters, layout, values, assets))


def _set(letters: Fonts, layout: Sheet, values: Mapping[str, Any], assets: Mapping[str, bytes]) -> bytes:
    html, sheets, config = _press(letters, layout)
    page = _templates(letters).get_template(f"{layout.name}/page.html").render(values)
    return _write(html, page, assets, stylesheets=sheets, font_config=config)


def _write(html: Any, page: str, assets: Mapping[str, bytes], **options: Any) -> bytes:
    from weasyprint.urls import FatalURLFetchingError

    document = html(string=page, base_url="asset:///", url_fetcher=_only(assets))
    try:
        return document.write_pdf(pdf_variant="pdf/a-3b", pdf_identifier=b"0" * 16, **options)
    except FatalURLFetchingError as reason:  # a BaseException there, which would end a worker
        raise ForeignAddress(str(reason)) from reason


@cache
def _press(letters: Fonts, layout: Sheet) -> tuple[Any, list[Any], Any]:
    """WeasyPrint with our fonts alone and the layout's style sheets parsed once."""
    letters.use()
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration

    whole_pictures_only()

    config = FontConfiguration()
    paths = (HERE / "_base.css", layout.folder / "style.css")
    sheets = [CSS(string=path.read_text("utf-8"), url_fetcher=_only({}), font_config=config) for path in paths]
    return HTML, sheets, config


def _only(assets: Mapping[str, bytes]) -> Any:
    """A fetcher that knows the given assets and refuses every other address, files and data addresses included."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class OnlyAssets(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
            name = url.removeprefix("asset:///")
            if name == url or name not in assets:
                raise FatalURLFetchingError(f"a document may not reach {url[:100]}")
            return URLFetcherResponse(url, assets[name])

    return OnlyAssets()


@cache
def _templates(letters: Fonts) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    made.filters |= {"fit": _fitter(letters), "wrap": _wrapper(letters), "measure": _measurer(letters)}
    made.filters |= {"zh": date_zh, "en": date_en}
    made.filters["plain"] = lambda hours: format(hours.normalize(), "f")
    return made


def _fitter(letters: Fonts) -> Callable[..., float]:
    def fit(
        text: str, width: float, size: float, spacing: float = 0.0, weight: str = "regular", lines: int = 1
    ) -> float:
        """The largest size in pt, at most ``size``, at which ``text`` takes no more than ``lines`` of ``width`` mm."""
        ems = letters.width(text, weight) + spacing * len(text)
        room = width * lines * (1.0 if lines == 1 else 0.94)
        fitting = min(size, room / max(ems, 1) / PT)
        if fitting < 5:
            raise TextTooLong(text)
        return round(fitting - 0.005, 2)

    return fit


def _wrapper(letters: Fonts) -> Callable[[str, float, float, float], float]:
    fit = _fitter(letters)

    def wrap(text: str, width: float, size: float, floor: float) -> float:
        """Size in pt on one line of ``width`` mm, down to ``floor``; below that on two lines, no larger than it."""
        if letters.width(text) * floor * PT <= width:
            return fit(text, width, size)
        return fit(text, width, floor - 0.5, 0.0, "regular", 2)

    return wrap


def _measurer(letters: Fonts) -> Callable[..., float]:
    def measure(text: str, size: float, width: float) -> float:
        """Width in mm of a centred box in which ``text`` of ``size`` pt breaks into lines of about equal length."""
        total = letters.width(text) * size * PT
        lines = ceil(total / (width * 0.985))
        return round(width if lines == 1 else min(width, total / lines * 1.03 + size * PT), 2)

    return measure


def _markup(svg: str) -> Any:
    from markupsafe import Markup

    return Markup(svg)  # noqa: S704 - made by this package out of numbers and outlines alone


def _qr(address: str, left: float, top: float, size: float, height: float) -> bytes:
    """PDF drawing of a QR code, level M, with its quiet zone, in a square of ``size`` mm; ``height`` is the page's.

    Written straight into the page: through SVG the same picture costs more than all words together.
    """
    import segno

    rows = [bytes(row) for row in segno.make_qr(address, error="m", boost_error=False, mask=2).matrix]
    side = len(rows) + 8
    unit = size / side / PT
    out = [f"q {unit:.5f} 0 0 {-unit:.5f} {left / PT:.3f} {(height - top) / PT:.3f} cm 1 g 0 0 {side} {side} re f 0 g"]
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            run = x
            while run < len(row) and row[run]:
                run += 1
            if run > x:
                out.append(f"{x + 4} {y + 4} {run - x} 1 re")
            x = max(run, x + 1)
    return "\n".join([*out, "f Q"]).encode()


def whole_pictures_only() -> None:
    """Undo what WeasyPrint does to the whole process when it is imported: half a photo would pass."""
    from PIL import ImageFile

    ImageFile.LOAD_TRUNCATED_IMAGES = False


def _opened(data: bytes) -> Any:
    from PIL import Image, UnidentifiedImageError

    whole_pictures_only()
    try:
        picture = Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
        if picture.width * picture.height > 60_000_000:
            raise PictureRefused("huge")
        if picture.format == "JPEG":
            picture.draft("RGB", (590, 826))
        picture.load()
    except UnidentifiedImageError as reason:
        raise PictureRefused("kind") from reason
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as reason:
        raise reason if isinstance(reason, PictureRefused) else PictureRefused("unreadable") from reason
    return picture


def _photo(data: bytes) -> bytes:
    """The photo upright, cropped to 5 : 7, 250 dpi, plain RGB JPEG without the camera's notes (place, device)."""
    from PIL import Image, ImageOps

    picture = _opened(data)
    if min(picture.size) < 100:
        raise PictureRefused("small")
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("RGBA", "LA", "PA", "P"):
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    dots = (round(PHOTO[0] / 25.4 * DPI), round(PHOTO[1] / 25.4 * DPI))
    picture = ImageOps.fit(picture.convert("RGB"), dots, centering=(0.5, 0.35))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82, optimize=True)
    return out.getvalue()


def seal_picture(data: bytes) -> bytes:
    """The picture of a seal ready to be placed: at most 600 pixels, on white, as PNG. Raises ``PictureRefused``, also
    when it is too small to be printed or not about square (``shape``)."""
    from PIL import Image

    picture = _opened(data).convert("RGBA")
    if min(picture.size) < 300:
        raise PictureRefused("small")
    if max(picture.size) > 1.25 * min(picture.size):
        raise PictureRefused("shape")
    picture.thumbnail((600, 600))
    paper = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    out = io.BytesIO()
    paper.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


def _form(page: bytes) -> Any:
    """A one-page PDF as a form XObject, packed once: an open document to copy ``Root.Ground`` from."""
    import pikepdf

    pdf = pikepdf.open(io.BytesIO(page))
    leaf = pdf.pages[0]
    _plain_pictures(pdf)
    leaf.contents_coalesce()
    content, resources = leaf.Contents.read_bytes(), leaf.Resources
    if not re.search(rb"\bcs\s", content, re.IGNORECASE):
        del resources.ColorSpace  # nothing refers to it, and it would carry the colour profile a second time
    form = pikepdf.Stream(pdf, zlib.compress(content, 9))
    form.Filter, form.Type, form.Subtype = pikepdf.Name.FlateDecode, pikepdf.Name.XObject, pikepdf.Name.Form
    form.BBox, form.Resources = leaf.MediaBox, resources
    pdf.Root.Ground = pdf.make_indirect(form)
    return pdf


def _lay(below: Any, words: bytes, drawing: bytes, attachments: Sequence[Attachment], day: date) -> bytes:
    """Put words and drawing over the ground, attach the files; the bytes depend on the content alone."""
    import pikepdf

    with pikepdf.open(io.BytesIO(words)) as pdf:
        leaf = pdf.pages[0]
        name = leaf.add_resource(pdf.copy_foreign(below.Root.Ground), pikepdf.Name.XObject, pikepdf.Name.Ground)
        leaf.contents_coalesce()
        content = leaf.Contents.read_bytes()
        leaf.Contents.write(b"q %s Do Q\nq\n%s\nQ\n%s" % (str(name).encode(), content, drawing))
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        return _finished(pdf, attachments, day)


def _finished(pdf: Any, attachments: Sequence[Attachment], day: date) -> bytes:
    import pikepdf

    for attachment in attachments:
        _attach(pdf, attachment, day)
    out = io.BytesIO()
    pdf.save(out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


def _attach(pdf: Any, attachment: Attachment, day: date) -> None:
    """Carry a file as PDF/A-3 asks: named, typed, dated, its relationship stated, listed in the catalogue's AF."""
    import pikepdf

    stamp = f"D:{day:%Y%m%d}000000+08'00'"
    spec = pikepdf.AttachedFileSpec(
        pdf,
        attachment.data,
        filename=attachment.name,
        description=attachment.description,
        mime_type=attachment.media_type,
        creation_date=stamp,
        mod_date=stamp,
    )
    spec.relationship = pikepdf.Name(f"/{attachment.relationship}")
    pdf.attachments[attachment.name] = spec  # this also lists it in AF


def attachments_in(pdf: bytes) -> dict[str, bytes]:
    """The files carried in a PDF, byte for byte, by name. Raises ``ValueError`` when it is no readable PDF."""
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            return {name: spec.get_file().read_bytes() for name, spec in opened.attachments.items()}
    except pikepdf.PdfError as reason:
        raise ValueError("not a readable PDF") from reason
