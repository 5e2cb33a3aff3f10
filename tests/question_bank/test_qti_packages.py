"""Packages and files that mean harm, are damaged, or come from elsewhere: always a Reading, never an exception."""

import io
import stat
import struct
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qti_samples import choice, declared, item, manifest, zipped
from question_samples import ITEMS

from question_bank.formats import read, write
from question_bank.formats.qti_package import MOST_MEMBERS
from question_bank.items import Difficulty, Kind

BODY = choice("甲", "乙", prompt="何者正确？")
GOOD = item(BODY, declared("A"))
ITEM = "imsqti_item_xmlv2p1"
LISTED = manifest((ITEM, "a.xml", ""))


def reasons(reading):
    return [refusal.reason for refusal in reading.refusals]


def noted(reading):
    return [note.reason for note in reading.notes]


# --- XML without trust


def with_doctype(doctype, text="&x;"):
    return f'<?xml version="1.0"?>{doctype}{GOOD.replace("何者正确？", text)}'.encode()


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))


@pytest.mark.parametrize(
    "data",
    [
        with_doctype(f"<!DOCTYPE x [{LAUGHS}]>", "&l9;"),
        with_doctype('<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        with_doctype('<!DOCTYPE x [<!ENTITY % p SYSTEM "http://example.org/x.dtd"> %p;]>'),
        with_doctype('<!DOCTYPE x SYSTEM "http://example.org/x.dtd">', ""),
        with_doctype('<!DOCTYPE x [<!ENTITY x "y">]>'),
    ],
)
def test_doctypes_are_refused_before_anything_is_expanded_or_fetched(data):
    for packed in (data, zipped({"imsmanifest.xml": LISTED, "a.xml": data}), zipped({"imsmanifest.xml": data})):
        reading = read(packed, "qti")
        assert reading.items == [] and "dtd" in reasons(reading)


def test_depth_and_number_of_elements_are_bounded():
    assert reasons(read(b"<a>" * 100_000, "qti")) == ["not_readable"]
    deep = GOOD.replace("何者正确？", "<b>" * 70 + "x" + "</b>" * 70)
    assert len(read(deep.encode(), "qti").items) == 1
    assert reasons(read(f"<a>{'<b/>' * 300_000}</a>".encode(), "qti")) == ["not_readable"]


@pytest.mark.parametrize(
    ("declared_as", "encoded"),
    [
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("UTF-16", "utf-16"),
        ("UTF-16LE", "utf-16-le"),
        ("GB18030", "gb18030"),
        ("GBK", "gb18030"),
        ("gb2312", "gb18030"),
        ("Big5", "big5"),
        (None, "utf-8"),
        (None, "utf-16"),
        (None, "utf-16-be"),
    ],
)
def test_encodings(declared_as, encoded):
    head = f'<?xml version="1.0" encoding="{declared_as}"?>\n' if declared_as else ""
    reading = read((head + GOOD).encode(encoded), "qti")
    assert [one.text for one in reading.items] == ["何者正确？"]


@pytest.mark.parametrize(
    "data",
    [
        GOOD.encode("gb18030"),
        b'<?xml version="1.0" encoding="UTF-8"?>' + GOOD.encode("gb18030"),
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
        b'<?xml version="1.0" encoding="unicode_escape"?><a/>',
        b'<?xml version="1.0" encoding="nothing"?><a/>',
        "<a/>".encode("utf-32"),
    ],
)
def test_other_encodings_are_refused(data):
    assert reasons(read(data, "qti")) == ["encoding"]


# --- zips without trust


@pytest.mark.parametrize("name", ["../a.xml", "/a.xml", "x/../../a.xml", "C:\\a.xml", "..\\a.xml", "\\a.xml"])
def test_paths_that_lead_out_are_refused(name):
    assert reasons(read(zipped({"imsmanifest.xml": LISTED, name: GOOD}), "qti")) == ["zip_path"]


def test_links_are_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("a.xml")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert reasons(read(out.getvalue(), "qti")) == ["zip_path"]


def test_references_that_lead_out_find_nothing():
    for href in ("../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "http://example.org/a.xml"):
        reading = read(zipped({"imsmanifest.xml": manifest((ITEM, href, ""))}), "qti")
        assert reading.items == [] and reasons(reading) == ["zip_missing"]


def test_what_unpacks_to_more_than_fits_is_not_unpacked():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.xml", "w") as member:
        for _ in range(51):
            member.write(b" " * 1024 * 1024)
    assert reasons(read(out.getvalue(), "qti")) == ["zip_unpacked"]


def test_a_size_that_lies_is_found_out():
    data = bytearray(zipped({"imsmanifest.xml": LISTED, "a.xml": GOOD + " " * 1_000_000}))
    place = data.rindex(b"a.xml") - 46 + 24
    data[place : place + 4] = struct.pack("<L", 100)
    reading = read(bytes(data), "qti")
    assert reading.items == [] and reasons(reading) == ["not_readable"]


def test_too_many_members_are_refused():
    names = {f"{n}.txt": "" for n in range(MOST_MEMBERS + 1)}
    assert reasons(read(zipped(names), "qti")) == ["zip_members"]


def test_two_members_of_one_name_are_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.xml", GOOD)
        with pytest.warns(UserWarning):
            archive.writestr("a.xml", GOOD)
    assert reasons(read(out.getvalue(), "qti")) == ["zip_twice"]


def test_an_encrypted_member_is_named():
    data = bytearray(zipped({"imsmanifest.xml": LISTED, "a.xml": GOOD}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.rindex(mark)
        data[place + offset] |= 1
    assert reasons(read(bytes(data), "qti")) == ["zip_encrypted"]


# --- packages from elsewhere


def test_a_package_is_read_by_its_manifest():
    files = {
        "imsmanifest.xml": manifest(
            (ITEM, "items/b%20b.xml", ""),
            ("imsqti_test_xmlv2p1", "test.xml", ""),
            ("webcontent", "images/x.png", ""),
            ("imsqti_item_xmlv2p2", "items/none.xml", ""),
            ("imsqti_item_xmlv2p1", "items/bad.xml", ""),
        ),
        "items/b b.xml": GOOD,
        "items/bad.xml": "<assessmentItem",
        "test.xml": "<assessmentTest/>",
        "images/x.png": b"\x89PNG",
    }
    reading = read(zipped(files), "qti")
    assert [one.id for one in reading.items] == ["q1"]
    assert [(refusal.where, refusal.reason) for refusal in reading.refusals] == [
        ("items/none.xml", "zip_missing"),
        ("items/bad.xml", "not_readable"),
    ]
    assert [(note.where, note.reason) for note in reading.notes] == [("test.xml", "qti_test_left_out")]


def test_a_package_in_a_folder_with_chinese_names():
    files = {
        "题库/imsmanifest.xml": manifest((ITEM, "第一题.xml", "")),
        "题库/第一题.xml": GOOD,
        "__MACOSX/._x.xml": b"\0",
    }
    assert len(read(zipped(files), "qti").items) == 1
    out = io.BytesIO()  # as zip programs on Chinese Windows write names: GBK, no flag
    stands_for = {letter * len(name.encode("gbk")): name for letter, name in zip("XYZ", files, strict=True)}
    with zipfile.ZipFile(out, "w") as archive:
        for placeholder, name in stands_for.items():
            archive.writestr(placeholder, files[name])
    data = out.getvalue()
    for placeholder, name in stands_for.items():
        data = data.replace(placeholder.encode(), name.encode("gbk"))
    assert [one.id for one in read(data, "qti").items] == ["q1"]


def test_addresses_may_have_a_base():
    listed = LISTED.replace("<resources", '<resources xml:base="items/"').replace(
        "<resource id", '<resource xml:base="one/" id'
    )
    reading = read(zipped({"imsmanifest.xml": listed, "items/one/a.xml": GOOD}), "qti")
    assert [one.id for one in reading.items] == ["q1"] and reading.notes == []


def test_without_a_manifest_every_item_is_taken():
    other = item(BODY.replace("何者", "哪个"), declared("B"), name="q2", version="3.0")
    reading = read(zipped({"a.xml": GOOD, "b.xml": other, "c.xml": "<other/>", "d.txt": "x"}), "qti")
    assert [one.id for one in reading.items] == ["q1", "q2"] and noted(reading) == ["qti_no_manifest"]


def test_items_that_the_manifest_forgot_are_taken_and_said():
    reading = read(
        zipped({"imsmanifest.xml": LISTED, "a.xml": GOOD, "b.xml": item(BODY, declared("B"), name="q2")}), "qti"
    )
    assert [one.id for one in reading.items] == ["q1", "q2"]
    assert [(note.where, note.reason) for note in reading.notes] == [("b.xml", "qti_unlisted")]


def test_the_same_identifier_twice_is_refused():
    reading = read(zipped({"a.xml": GOOD, "b.xml": GOOD}), "qti")
    assert len(reading.items) == 1 and reasons(reading) == ["duplicate_id"]


def test_qti_1_is_named():
    files = {"imsmanifest.xml": manifest(("imsqti_xmlv1p2", "a.xml", "")), "a.xml": "<questestinterop/>"}
    assert reasons(read(zipped(files), "qti")) == ["qti_1"]


def test_an_empty_package_is_refused():
    assert reasons(read(zipped({"imsmanifest.xml": manifest()}), "qti")) == ["no_questions"]
    assert reasons(read(zipped({}), "qti")) == ["no_questions"]


def test_a_shared_passage_is_put_before_the_question():
    passage = (
        '<qti-assessment-stimulus xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0" identifier="p" title="p">'
        "<qti-stimulus-body><h2>背景</h2><p>某校有一项专利。</p></qti-stimulus-body></qti-assessment-stimulus>"
    )
    asked = item(BODY, declared("A"), version="3.0").replace(
        "<qti-item-body>", '<qti-assessment-stimulus-ref identifier="p" href="../passages/p.xml"/><qti-item-body>'
    )
    files = {
        "imsmanifest.xml": manifest(
            ("imsqti_item_xmlv3p0", "items/a.xml", ""), ("imsqti_stimulus_xmlv3p0", "passages/p.xml", "")
        ),
        "items/a.xml": asked,
        "passages/p.xml": passage,
    }
    reading = read(zipped(files), "qti")
    assert [one.text for one in reading.items] == ["## 背景\n\n某校有一项专利。\n\n何者正确？"]
    del files["passages/p.xml"]
    assert reasons(read(zipped(files), "qti")) == ["qti_stimulus"]


def test_keywords_and_difficulty_of_others_are_kept():
    lom = (
        '<metadata><lom xmlns="http://ltsc.ieee.org/xsd/LOM"><general><keyword><string>专利</string></keyword><keyword>'
        "<string>期限</string></keyword></general><educational><difficulty><source>LOMv1.0</source><value>very difficult"
        "</value></difficulty></educational></lom></metadata>"
    )
    reading = read(zipped({"imsmanifest.xml": manifest((ITEM, "a.xml", lom)), "a.xml": GOOD}), "qti")
    assert (reading.items[0].point, reading.items[0].difficulty) == ("专利、期限", Difficulty.HARD)
    assert reading.items[0].kind is Kind.SINGLE


def test_metadata_of_ours_that_were_spoilt_are_refused_not_trusted():
    data = write([ITEMS["s1"]], "qti").data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    files["imsmanifest.xml"] = files["imsmanifest.xml"].replace(">policy<", ">Nicht gut<")
    assert reasons(read(zipped(files), "qti")) == ["bad_code"]


# --- anything at all


@given(st.binary(max_size=300))
def test_any_bytes_make_a_reading(data):
    for prefix in (b"", b"PK\x03\x04", b"<assessmentItem>", b"\xff\xfe<\0"):
        reading = read(prefix + data, "qti")
        assert reading.items == [] and reading.refusals
        assert all(refusal.text("zh") and refusal.text("en") for refusal in reading.refusals)


NAMES = st.sampled_from(
    "assessmentItem itemBody choiceInteraction simpleChoice prompt p div textEntryInteraction inlineChoiceInteraction inlineChoice "
    "orderInteraction matchInteraction simpleMatchSet simpleAssociableChoice associateInteraction gapMatchInteraction gapText gap "
    "extendedTextInteraction rubricBlock feedbackInline feedbackBlock modalFeedback responseDeclaration correctResponse value "
    "mapping mapEntry outcomeDeclaration responseProcessing responseCondition responseIf responseElseIf responseElse match equal "
    "variable correct baseValue setOutcomeValue sum mapResponse and or not isNull lt gte member qti-item-body "
    "qti-assessment-item qti-choice-interaction table tr td ul li math mfrac img object".split()
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["identifier", "responseIdentifier", "cardinality", "baseType", "maxChoices", "mapKey", "mappedValue", "view",
                     "toleranceMode", "tolerance", "figures", "template", "shuffle", "class", "src", "type", "start"]),
    st.sampled_from(["RESPONSE", "A", "single", "multiple", "ordered", "identifier", "string", "float", "directedPair", "1", "-1",
                     "1e99", "NaN", "scorer", "absolute", "relative", "true", "ttm-part", "image/png", "", "decimalPlaces"]),
    max_size=5,
)  # fmt: skip
TREES = st.recursive(
    st.sampled_from(["A", "A B", "1", "文", " ", "1 分：x", "[[1]]"]),
    lambda inner: st.tuples(NAMES, ATTRIBUTES, st.lists(inner, max_size=5)),
    max_leaves=25,
)


def as_xml(tree):
    if isinstance(tree, str):
        return tree
    name, attributes, children = tree
    told = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{told}>{''.join(map(as_xml, children))}</{name}>"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TREES, max_size=6), st.lists(TREES, max_size=4))
def test_any_elements_make_a_reading(body, beside):
    known = declared("A") + declared("A B", name="A", cardinality="multiple", base="directedPair")
    xml = f"<assessmentItem identifier='q'>{known}{''.join(map(as_xml, beside))}<itemBody>{''.join(map(as_xml, body))}</itemBody></assessmentItem>"
    reading = read(xml.encode(), "qti")
    assert reading.items or reading.refusals
    for told in [*reading.refusals, *reading.notes]:
        assert told.text("zh") and told.text("en")
    if reading.items:
        assert read(write(reading.items, "qti").data, "qti").items


PACKED = write(list(ITEMS.values()), "qti").data
with zipfile.ZipFile(io.BytesIO(PACKED)) as _archive:
    TEXTS = {name: _archive.read(name).decode() for name in _archive.namelist()}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(PACKED) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_zip_makes_a_reading(changes):
    data = bytearray(PACKED)
    for place, value in changes:
        data[place] = value
    reading = read(bytes(data), "qti")
    assert reading.items or reading.refusals


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(TEXTS)), st.data())
def test_a_damaged_member_makes_a_reading(name, data):
    text = TEXTS[name]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    files = TEXTS | {name: text[:start] + data.draw(st.text(max_size=4)) + text[end:]}
    reading = read(zipped({key: value.encode("utf-8", "replace") for key, value in files.items()}), "qti")
    assert reading.items or reading.refusals


@pytest.mark.parametrize(
    "inside",
    [
        "".join(f'<simpleChoice identifier="C{n}">x</simpleChoice>' for n in range(5000)),
        "<p/>" * 20_000,
        "x" * 2_000_000,
        "- " * 600_000,
    ],
)
def test_an_item_of_a_size_that_no_question_has_is_refused(inside):
    reading = read(GOOD.replace("何者正确？", inside).encode(), "qti")
    assert reading.items == [] and reasons(reading)[0] in ("too_many", "too_long")
