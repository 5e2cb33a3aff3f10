"""Pictures inside files of questions: there and back in each format that holds them, and what hostile files get."""

from __future__ import annotations

import base64
import io
import re
import zipfile

import pytest
from PIL import Image

from question_bank.formats import WITH_PICTURES, formats, pictures, read, write
from question_bank.items import Item


def picture(colour: str = "teal", format: str = "PNG", size: tuple[int, int] = (12, 8)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, format)
    return out.getvalue()


PNG, JPG = picture(), picture("red", "JPEG")
ADDRESSES = {pictures.PREFIX + pictures.name_of(data): data for data in (PNG, JPG)}
ONE, TWO = ADDRESSES
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def items() -> list[Item]:
    return [
        Item.from_dict(
            {"id": "P-1", "kind": "single", "text": f"看图一\n\n![图一：流程]({ONE})\n\n选哪个？", "explanation": f"见 ![图二]({TWO})",
             "options": [{"text": f"甲 ![]({TWO})", "correct": True}, {"text": "乙"}]}
        ),
        Item.from_dict({"id": "P-2", "kind": "essay", "text": f"论述 ![图一]({ONE})", "reference": f"![图二]({TWO}) 如图"}),
        Item.from_dict({"id": "P-3", "kind": "ordering", "text": "排序", "sequence": [{"text": f"![一]({ONE}) 先"}, {"text": "后"}]}),
        Item.from_dict({"id": "P-4", "kind": "truefalse", "text": "没有图", "answer": True}),
    ]  # fmt: skip


@pytest.mark.parametrize("format", sorted(WITH_PICTURES))
def test_there_and_back(format):
    made = write(items(), format, ADDRESSES)
    assert made.losses == []
    back = read(made.data, format)
    assert back.pictures == ADDRESSES and not back.refusals and not back.notes
    for before, after in zip(items(), back.items, strict=True):
        texts = [before.text, before.explanation, before.reference, *(o.text for o in before.options)]
        assert texts == [after.text, after.explanation, after.reference, *(o.text for o in after.options)]
    assert write(back.items, format, back.pictures).data == made.data


@pytest.mark.parametrize("format", sorted(set(formats()) - WITH_PICTURES - {"aiken"}))
def test_other_formats_name_them_as_lost(format):
    assert [loss for loss in write(items(), format, ADDRESSES).losses if loss.endswith(": pictures")] == [
        "P-1: pictures", "P-2: pictures", "P-3: pictures",
    ]  # fmt: skip


@pytest.mark.parametrize("format", sorted(WITH_PICTURES))
def test_a_picture_nobody_has_is_lost_by_name(format):
    made = write(items()[:1], format, {ONE: PNG})
    assert "P-1: pictures" in made.losses
    back = read(made.data, format)
    assert set(back.pictures) == {ONE} and "picture:" not in back.items[0].explanation
    assert "picture_missing" in {note.reason for note in back.notes}


def test_the_manifest_lists_them_and_the_same_picture_is_there_once():
    with zipfile.ZipFile(io.BytesIO(write(items(), "qti", ADDRESSES).data)) as package:
        manifest = package.read("imsmanifest.xml").decode()
        inside = [name for name in package.namelist() if name.startswith("pictures/")]
    assert len(inside) == 2 and all(f'href="{name}"' in manifest for name in inside)


# --- files of others, and hostile ones -----------------------------------------------------------------------------------


def moodle(source: str, files: str = "") -> bytes:
    text = f'<![CDATA[<p>看图 <img src="{source}" alt="流程"></p>]]>'
    return (
        f'<quiz><question type="truefalse"><questiontext format="html"><text>{text}</text>{files}</questiontext>'
        '<answer fraction="100"><text>true</text></answer><answer fraction="0"><text>false</text></answer></question></quiz>'
    ).encode()  # fmt: skip


def file(name: str, data: bytes, path: str = "/") -> str:
    return f'<file name="{name}" path="{path}" encoding="base64">{base64.encodebytes(data).decode()}</file>'


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("@@PLUGINFILE@@/a.png", file("a.png", PNG)),
        ("@@PLUGINFILE@@/%E5%9B%BE%201.png", file("图 1.png", PNG)),
        ("@@PLUGINFILE@@/unit/a.png", file("a.png", PNG, "/unit/") + file("a.png", JPG)),
        ("@@PLUGINFILE@@/a.jpg", file("a.jpg", PNG)),  # content decides, not the name
        ("data:image/png;base64," + base64.b64encode(PNG).decode(), ""),
    ],
)
def test_pictures_of_moodle(source, files):
    reading = read(moodle(source, files), "moodle-xml")
    assert reading.pictures == {ONE: PNG} and f"![流程]({ONE})" in reading.items[0].text and not reading.notes


def bomb() -> bytes:
    """A PNG that says it is 60,000 pixels wide and high."""
    data = bytearray(PNG)
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


HOSTILE = [
    (SVG, "picture_kind"), (b"GIF89a....", "picture_kind"), (b"MZ\x90\x00", "picture_kind"), (b"", "picture_kind"),
    (PNG[:8] + b"\0" * 40, "picture_damaged"), (PNG[:8] + b"\0" * (3 * 1024 * 1024), "picture_large"), (bomb(), "picture_pixels"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "reason"), HOSTILE)
def test_what_is_no_picture_is_named_and_the_question_stays(data, reason):
    reading = read(moodle("@@PLUGINFILE@@/a.png", file("a.png", data)), "moodle-xml")
    assert [note.reason for note in reading.notes] == [reason] and reading.notes[0].values["name"] == "a.png"
    assert "流程" in reading.items[0].text and "](" not in reading.items[0].text and not reading.pictures


@pytest.mark.parametrize(
    ("source", "files", "reason"),
    [
        ("@@PLUGINFILE@@/b.png", file("a.png", PNG), "picture_missing"),
        ("@@PLUGINFILE@@/../../etc/passwd", "", "picture_missing"),
        ("file:///etc/passwd", "", "picture_missing"),
        ("data:image/svg+xml;base64," + base64.b64encode(SVG).decode(), "", "picture_kind"),
        ("data:image/png;base64,!!!!", "", "picture_damaged"),
        ("@@PLUGINFILE@@/a.png", '<file name="a.png" encoding="base64">%%%</file>', "picture_damaged"),
        (f"picture:{'ab' * 20}", "", "picture_missing"),
    ],
)
def test_what_is_not_there_is_named(source, files, reason):
    reading = read(moodle(source, files), "moodle-xml")
    assert reason in [note.reason for note in reading.notes] and len(reading.items) == 1
    assert "](" not in reading.items[0].text


def package(change=lambda name, data: (name, data)) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(write(items()[:1], "qti", ADDRESSES).data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            made = change(name, old.read(name))
            if made:
                new.writestr(*made)
    return out.getvalue()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda name, data: None if name.startswith("pictures/") else (name, data), "picture_missing"),
        (lambda name, data: (name, SVG if name.startswith("pictures/") else data), "picture_kind"),
        (lambda name, data: (name, data + b"\0" * 50_000_000 if name.endswith(".jpg") else data), "picture_large"),
        (lambda name, data: (name, re.sub(rb"\.\./pictures/", b"../../../pictures/", data)), "picture_outside"),
        (lambda name, data: (name, re.sub(rb"\.\./pictures/", b"http:pictures/", data)), "picture_outside"),
    ],
)
def test_packages_that_are_not_as_they_should_be(change, reason):
    reading = read(package(change), "qti")
    assert reason in [note.reason for note in reading.notes] or reason in [one.reason for one in reading.refusals]
    for item in reading.items:
        assert set(pictures.addresses([item.text, item.explanation, *(o.text for o in item.options)])) <= set(
            reading.pictures
        )


def test_a_package_with_a_member_that_leads_out_is_refused_whole():
    reading = read(package(lambda name, data: (f"../{name}" if name.startswith("pictures/") else name, data)), "qti")
    assert not reading.items and [one.reason for one in reading.refusals] == ["zip_path"]


def test_too_many_pictures(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PICTURES", 1)
    reading = read(write(items()[:1], "yaml", ADDRESSES).data, "yaml")
    assert len(reading.pictures) == 1 and {note.reason for note in reading.notes} == {"picture_many", "picture_missing"}


def test_yaml_with_pictures_by_name_and_with_bad_ones():
    text = f"""format: ttm-questions/1
questions:
  - {{kind: truefalse, text: "![图](picture:flow.png) 和 ![坏](picture:bad.svg)", answer: true, id: Y-1}}
pictures:
  flow.png: {base64.b64encode(PNG).decode()}
  bad.svg: {base64.b64encode(SVG).decode()}
"""
    reading = read(text.encode(), "yaml")
    assert reading.items[0].text == f"![图]({ONE}) 和 （图：坏）"
    assert [(note.where, note.reason) for note in reading.notes] == [
        ("line 6", "picture_kind"),
        (" · Y-1", "picture_missing"),
    ]
    assert read(
        b"format: ttm-questions/1\nquestions: [{kind: truefalse, text: x, answer: true}]\npictures: [1]", "yaml"
    ).refusals
