"""Content packages: a zip with ``imsmanifest.xml``. Nothing is ever unpacked to disk.

What our own packages say beyond QTI stands in the manifest, in each resource's LOM: title, knowledge point (general/keyword) and
difficulty (educational/difficulty) for everybody; everything exactly in one classification whose taxon paths have the source
``urn:ttm:question:1``, with the field as the taxon's id and the value as its entry. Fields: ``id`` ``kind`` ``level`` ``module``
``difficulty`` ``point`` ``source`` ``enemies`` ``shuffle``, and ``text:FIELD:DIGEST`` for a text whose Markdown would not come back from
HTML as it was: it is taken where what was read has that digest, so an edit made elsewhere wins.
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made
from typing import Any
from urllib.parse import unquote

from question_bank.formats.qti_versions import LOM, LOM_XSD, XSI, Version
from question_bank.formats.qti_writing import interactions_of, shown_title
from question_bank.formats.xml_nodes import Node, element, render
from question_bank.items import LINE, BadItem, Difficulty, Item, Kind

MANIFEST = "imsmanifest.xml"
PICTURES = "pictures"
MOST_UNPACKED = 50 * 1024 * 1024
MOST_MEMBERS = 25_000
OURS = "urn:ttm:question:1"
_DIFFICULTIES = {
    "very easy": Difficulty.EASY,
    "easy": Difficulty.EASY,
    "medium": Difficulty.MEDIUM,
    "difficult": Difficulty.HARD,
    "very difficult": Difficulty.HARD,
}


# --- zip --------------------------------------------------------------------------------------------------------------


class Archive:
    """A zip, read with care. Raises :class:`BadItem` for one that is not taken."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except Exception as error:  # zipfile raises whatever damaged bytes make it raise
            raise BadItem("", "not_readable", detail=type(error).__name__) from None
        entries = self._zip.infolist()
        if len(entries) > MOST_MEMBERS:
            raise BadItem("", "zip_members", limit=MOST_MEMBERS)
        if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
            raise BadItem("", "zip_unpacked", limit=MOST_UNPACKED // 1024 // 1024)
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            name = _member(entry)
            if entry.is_dir():
                continue
            if name in self._entries:
                raise BadItem("", "zip_twice", name=name[:80])
            self._entries[name] = entry

    def names(self) -> list[str]:
        """Members in the order of the archive, without what a Mac leaves there."""
        return [name for name in self._entries if not name.startswith("__MACOSX/") and "/._" not in f"/{name}"]

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def size(self, name: str) -> int:
        """Bytes that a member says it has."""
        return self._entries[name].file_size

    def read(self, name: str) -> bytes:
        """The bytes of a member. Raises :class:`BadItem`."""
        entry = self._entries.get(name)
        if entry is None:
            raise BadItem("", "zip_missing", name=name[:80])
        if entry.flag_bits & 0x1:
            raise BadItem("", "zip_encrypted")
        try:
            with self._zip.open(entry) as member:
                return member.read(entry.file_size + 1)
        except Exception as error:  # zipfile and its decoders raise whatever damaged bytes make them raise
            raise BadItem("", "not_readable", detail=type(error).__name__) from None


def _member(entry: zipfile.ZipInfo) -> str:
    """The name of a member, as a path inside the package. Raises :class:`BadItem` for a path that leads out of it."""
    name = entry.filename
    if not entry.flag_bits & 0x800:  # no UTF-8 flag: zip programs in China write GBK, others UTF-8 without saying so
        raw = name.encode("cp437", "replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    name = unicodedata.normalize("NFC", name.replace("\\", "/"))
    mode = entry.external_attr >> 16
    pieces = name.split("/")
    if name.startswith("/") or ".." in pieces or re.match(r"[A-Za-z]:", name) or "\0" in name or stat.S_ISLNK(mode):
        raise BadItem("", "zip_path", name=name[:80].replace("\0", "␀"))
    return posixpath.normpath(name)


def inside(base: str, href: str) -> str:
    """The member that a reference means; empty for one that leads out of the package."""
    path = unicodedata.normalize("NFC", unquote(href.split("#")[0].split("?")[0]).replace("\\", "/"))
    joined = posixpath.normpath(posixpath.join(base, path)) if path else ""
    return "" if joined.startswith(("/", "..")) else joined


# --- what the manifest says about a question ------------------------------------------------------------------------------


@dataclass
class Metadata:
    """What is known of an item besides its XML. ``own``: it was written here."""

    own: bool = False
    fields: dict[str, str] = made(default_factory=dict)
    sources: dict[tuple[str, str], str] = made(default_factory=dict)
    """(place, digest of what was read there) → the Markdown it was made of."""


def metadata_of(resource: Node) -> Metadata:
    found = Metadata()
    for path in resource.find("taxonPath"):
        source, taxon = path.first("source"), path.first("taxon")
        if source is None or taxon is None or source.text != OURS:
            continue
        name = "".join(node.text for node in taxon.all("id"))
        value = "".join(
            str(child) for node in taxon.find("string") for child in node.children if isinstance(child, str)
        )
        found.own = True
        if name.startswith("text:"):
            _, place, digest = (name.split(":") + ["", ""])[:3]
            found.sources[place, digest] = value
        else:
            found.fields[name] = value
    if not found.own:
        words = [node.text for node in resource.find("keyword") if node.text]
        if words and len("、".join(words)) <= LINE:
            found.fields["point"] = "、".join(" ".join(word.split()) for word in words)
        for node in resource.find("difficulty"):
            difficulty = _DIFFICULTIES.get("".join(one.text for one in node.all("value")).lower())
            if difficulty:
                found.fields["difficulty"] = difficulty.value
    return found


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def texts(data: Any, where: str = "") -> Iterator[tuple[str, Any, Any, str]]:
    """Every text in the JSON form of a question that was Markdown or may hold white space: its place, what holds it and
    under which key, and the text."""
    pairs: Any = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in pairs:
        place = f"{where}[{key}]" if isinstance(key, int) else f"{where}.{key}" if where else key
        if isinstance(value, str):
            if key not in _NOT_TEXTS and place not in _TOLD:
                yield place, data, key, value
        elif isinstance(value, dict | list):
            yield from texts(value, place)


_NOT_TEXTS = frozenset({"id", "left_id", "right_id", "kind", "points", "value", "tolerance"})
#: Of a whole question: these are told by the manifest as they are.
_TOLD = frozenset({"module", "difficulty", "point", "source"})


def add_to(data: dict[str, Any], metadata: Metadata) -> None:
    """Complete a question that was read with what the manifest says."""
    known = metadata.fields
    for place, holder, key, text in list(texts(data)):
        original = metadata.sources.get((place, digest(text)))
        if original is not None:
            holder[key] = original
    for key in ("module", "difficulty", "point", "source"):
        if known.get(key):
            data[key] = known[key]
    if known.get("level"):
        data["level"] = int(known["level"]) if re.fullmatch(r"\d{1,3}", known["level"]) else known["level"]
    if known.get("enemies"):
        data["enemies"] = known["enemies"].split()
    if known.get("shuffle") == "false":
        data["shuffle"] = False


# --- writing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """One item on its way into a package."""

    item: Item
    name: str
    xml: str
    sources: Mapping[tuple[str, str], str]
    pictures: Sequence[str] = ()
    """Members of the package that it shows."""


def _string(text: str) -> Node:
    return element("imsmd:string", None, text)


def _ours(name: str, value: str) -> Node:
    taxon = element("imsmd:taxon", None, element("imsmd:id", None, name), element("imsmd:entry", None, _string(value)))
    return element("imsmd:taxonPath", None, element("imsmd:source", None, _string(OURS)), taxon)


def _term(name: str, value: str) -> Node:
    return element(
        name, None, element("imsmd:source", None, "LOMv1.0"), element("imsmd:value", None, value)
    )  # fmt: skip


def fields_of(item: Item) -> dict[str, str]:
    fields = {
        "id": item.id,
        "kind": item.kind.value,
        "level": str(item.level or ""),
        "module": item.module or "",
        "difficulty": item.difficulty.value if item.difficulty else "",
        "point": item.point,
        "source": item.source,
        "enemies": " ".join(item.enemies),
    }
    if item.kind not in (Kind.SINGLE, Kind.MULTIPLE) and not item.shuffle:
        fields["shuffle"] = "false"
    return {key: value for key, value in fields.items() if value}


def _resource(written: Written, number: int, version: Version) -> Node:
    item = written.item
    general = [element("imsmd:title", None, _string(shown_title(item.text)))]
    if item.point:
        general.append(element("imsmd:keyword", None, _string(item.point)))
    lom = [element("imsmd:general", None, *general)]
    if item.difficulty:
        hard = "difficult" if item.difficulty is Difficulty.HARD else item.difficulty.value
        lom.append(element("imsmd:educational", None, _term("imsmd:difficulty", hard)))
    paths = [_ours(name, value) for name, value in fields_of(item).items()]
    paths += [_ours(f"text:{place}:{mark}", text) for (place, mark), text in written.sources.items()]
    lom.append(element("imsmd:classification", None, _term("imsmd:purpose", "discipline"), *paths))
    qti = [
        element("imsqti:timeDependent", None, "false"),
        element("imsqti:composite", None, "true" if item.kind is Kind.CASE else "false"),
        *(element("imsqti:interactionType", None, name) for name in interactions_of(item)),
        element("imsqti:feedbackType", None, "nonadaptive" if item.explanation else "none"),
        element("imsqti:solutionAvailable", None, "false" if item.kind is Kind.ESSAY else "true"),
    ]
    metadata = element("metadata", None, element("imsmd:lom", None, *lom), element("imsqti:qtiMetadata", None, *qti))
    about = {"identifier": f"item-{number}", "type": version.resource, "href": written.name}
    files = [element("file", {"href": name}) for name in (written.name, *written.pictures)]
    return element("resource", about, metadata, *files)


def package(items: Sequence[Written], version: Version, pictures: Mapping[str, bytes]) -> bytes:
    """The zip. The same questions give the same bytes."""
    places = [version.manifest, version.manifest_xsd, LOM, LOM_XSD, version.metadata, version.metadata_xsd]
    attributes = {
        "xmlns": version.manifest,
        "xmlns:imsmd": LOM,
        "xmlns:imsqti": version.metadata,
        "xmlns:xsi": XSI,
        "xsi:schemaLocation": " ".join(places),
        "identifier": "questions",
    }
    manifest = element(
        "manifest",
        attributes,
        element(
            "metadata",
            None,
            element("schema", None, version.schema[0]),
            element("schemaversion", None, version.schema[1]),
        ),
        element("organizations"),
        element("resources", None, *(_resource(one, number, version) for number, one in enumerate(items, start=1))),
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, MANIFEST, f'<?xml version="1.0" encoding="UTF-8"?>\n{render(manifest)}\n'.encode())
        for one in items:
            _put(archive, one.name, one.xml.encode())
        shown = {name for one in items for name in one.pictures}
        for name in sorted(shown):
            _put(archive, name, pictures[name])
    return out.getvalue()


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name)  # without a date: the year 1980
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)
