"""IMS/1EdTech QTI: single items (XML) and content packages (zip). Reads 2.0, 2.1, 2.2 and 3.0; writes a 2.2 package.

What is written uses nothing that 2.1 does not have but the namespace, so that tools for either read it; ``qti_3`` writes 3.0.
What a package keeps beyond QTI: see ``qti_package``. What each interaction becomes: see ``qti_reading``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Mapping, Sequence
from functools import partial
from typing import Any

from question_bank.formats.compare import losses
from question_bank.formats.pictures import ADDRESS, MOST_BYTES, PREFIX, BadPicture, Resolve, Shelf, addresses, file_name
from question_bank.formats.qti_package import (
    MANIFEST,
    PICTURES,
    Archive,
    Metadata,
    Written,
    add_to,
    digest,
    inside,
    metadata_of,
    package,
    texts,
)
from question_bank.formats.qti_reading import ItemReader
from question_bank.formats.qti_versions import QTI_22, Version
from question_bank.formats.qti_writing import assessment_item
from question_bank.formats.results import Reading, Refusal, Writing
from question_bank.formats.xml_nodes import Node, XmlRefused, parse
from question_bank.items import BadItem, Item, new_item_id
from question_bank.texts import texts_of

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")
_ITEM_TYPES = re.compile(r"imsqti_(apip)?item_xml|imsqti_apipitem|apip_item", re.IGNORECASE)


def read(data: bytes) -> Reading:
    """Questions of a QTI file, of whichever version. See ``formats.read``."""
    file = _File()
    try:
        if data.startswith(b"PK"):
            file.package(Archive(data))
        else:
            file.document(data, "")
    except BadItem as bad:
        file.reading.refusals.append(Refusal.of("", bad))
    except RecursionError:
        file.reading.refusals.append(Refusal("", "not_readable", values={"detail": "nested too deeply"}))
    return file.finished()


class _File:
    def __init__(self) -> None:
        self.reading = Reading()
        self.seen: dict[str, str] = {}
        self.titles = 0
        self.shelf = Shelf()

    def finished(self) -> Reading:
        self.reading.pictures = self.shelf.kept
        if self.titles:
            self.reading.notes.append(Refusal("", "qti_titles", values={"count": self.titles}))
        if not self.reading.items and not self.reading.refusals:
            self.reading.refusals.append(Refusal("", "no_questions"))
        return self.reading

    def refuse(self, where: str, code: str, **values: object) -> None:
        self.reading.refusals.append(Refusal(where, code, values=values))

    def note(self, where: str, code: str, **values: object) -> None:
        said = Refusal(where, code, values=values)
        if said not in self.reading.notes:
            self.reading.notes.append(said)

    # --- one file

    def document(
        self, data: bytes, name: str, metadata: Metadata | None = None, archive: Archive | None = None
    ) -> None:
        """An XML file: one item, as a rule."""
        try:
            root = parse(data)
        except XmlRefused as bad:
            self.refuse(name, bad.reason, **bad.values)
            return
        self.root(root, name, metadata or Metadata(), archive)

    def root(self, root: Node, name: str, metadata: Metadata, archive: Archive | None) -> None:
        items = root.find("assessmentItem")
        for item in items:
            self.take(item, name, metadata, archive)
        if not items:
            code = {"questestinterop": "qti_1", "assessmentTest": "qti_test", "manifest": "qti_manifest"}.get(root.name)
            self.refuse(name, code or "qti_no_item", name=root.name[:60])

    def take(self, root: Node, file: str, metadata: Metadata, archive: Archive | None) -> None:
        name = root.get("identifier")
        where = " · ".join(word for word in (file, name[:64]) if word)
        notes: list[Refusal] = []

        def said(code: str, **values: object) -> None:
            note = Refusal(where, code, values=values)
            if note not in notes:
                notes.append(note)

        try:
            data = self.question(root, file, metadata, archive, said)
            data["id"] = self.id(data, name, metadata, said)
            item = Item.from_dict(data)
        except BadItem as bad:
            self.reading.refusals.append(Refusal.of(where, bad))
            return
        except RecursionError:
            self.refuse(where, "not_readable", detail="nested too deeply")
            return
        if item.id in self.seen:
            self.reading.refusals.append(Refusal(where, "duplicate_id", "identifier", {"other": self.seen[item.id]}))
            return
        self.seen[item.id] = where
        self.reading.items.append(item)
        self.reading.notes += notes
        self.titles += not metadata.own and _says_more(root.get("title"), name, item)

    def question(self, root: Node, file: str, metadata: Metadata, archive: Archive | None, said: Any) -> dict[str, Any]:
        passage = _passage(root, file, archive)
        pictures = partial(self.shelf.resolver, partial(_picture, archive, posixpath.dirname(file)))
        reader = ItemReader(root, said, own=metadata.own, kind=metadata.fields.get("kind", ""), passage=passage,
                            pictures=pictures)  # fmt: skip
        data = reader.read()
        restored = {mark for _, mark in metadata.sources}
        for text, code, values in reader.lost:
            if digest(text) not in restored:
                said(code, **values)
        add_to(data, metadata)
        return data

    def id(self, data: dict[str, Any], name: str, metadata: Metadata, said: Any) -> str:
        if metadata.fields.get("id"):
            return metadata.fields["id"]
        if _ID.match(name):
            return name
        made = new_item_id(data["kind"], *(text for *_, text in texts(data)))
        if name:
            said("qti_identifier", name=name[:60], id=made)
        return made

    # --- packages

    def package(self, archive: Archive) -> None:
        manifests = sorted(
            (n for n in archive.names() if posixpath.basename(n) == MANIFEST), key=lambda n: n.count("/")
        )
        listed: set[str] = set()
        if manifests:
            listed = self.manifest(archive, manifests[0])
        else:
            self.note("", "qti_no_manifest")
        for name in archive.names():
            if name in listed or not name.lower().endswith(".xml") or posixpath.basename(name) == MANIFEST:
                continue
            self.unlisted(archive, name, bool(manifests))

    def unlisted(self, archive: Archive, name: str, told: bool) -> None:
        """An XML file that no manifest names: taken if it is an item."""
        try:
            root = parse(archive.read(name))
        except (XmlRefused, BadItem) as bad:
            self.refuse(name, bad.reason, **bad.values)
            return
        if root.find("assessmentItem"):
            if told:
                self.note(name, "qti_unlisted")
            self.root(root, name, Metadata(), archive)
        elif not told and root.name in ("questestinterop", "assessmentTest"):
            self.root(root, name, Metadata(), archive)

    def manifest(self, archive: Archive, name: str) -> set[str]:
        """Take what the manifest lists. The members it names."""
        base = posixpath.dirname(name)
        try:
            root = parse(archive.read(name))
        except XmlRefused as bad:
            raise BadItem(name, bad.reason, **bad.values) from None
        base = posixpath.join(base, *(node.get("xml:base") for node in [root, *root.all("resources")]))
        listed: set[str] = set()
        for resource in root.find("resource"):
            files = [node.get("href") for node in resource.all("file")]
            hrefs = [resource.get("href"), *files]
            members = [inside(base, posixpath.join(resource.get("xml:base"), href)) for href in hrefs if href]
            kind = resource.get("type")
            if _ITEM_TYPES.match(kind):
                self.listed_item(archive, members[:1], resource, listed)
            elif kind.startswith(("imsqti_test_xml", "imsqti_assessment", "imsqti_section")):
                self.note(members[0] if members else "", "qti_test_left_out")
            elif kind.startswith(("imsqti_xmlv1", "imsqti_xmlv0")):
                self.refuse(members[0] if members else "", "qti_1")
            listed.update(members)
        return listed

    def listed_item(self, archive: Archive, members: Sequence[str], resource: Node, listed: set[str]) -> None:
        if not members or not members[0]:
            self.refuse(resource.get("identifier")[:64], "zip_missing", name=resource.get("href")[:80])
            return
        name = members[0]
        if name in listed:  # listed twice: read once
            return
        listed.add(name)
        try:
            data = archive.read(name)
        except BadItem as bad:
            self.refuse(name, bad.reason, **bad.values)
            return
        self.document(data, name, metadata_of(resource), archive)


def _picture(archive: Archive | None, folder: str, address: str) -> bytes:
    """The bytes behind the address of a picture in an item. Raises :class:`BadPicture`."""
    if address.startswith(PREFIX):
        raise BadPicture("picture_missing", address)
    name = inside(folder, address)
    if not name or re.match(r"[a-z][a-z0-9+.-]*:", address, re.IGNORECASE):
        raise BadPicture("picture_outside", address)
    if archive is None or name not in archive:
        raise BadPicture("picture_missing", name)
    if archive.size(name) > MOST_BYTES:
        raise BadPicture("picture_large", name, limit=MOST_BYTES // 1024 // 1024)
    try:
        return archive.read(name)
    except BadItem:
        raise BadPicture("picture_damaged", name) from None


def _passage(root: Node, file: str, archive: Archive | None) -> Node | None:
    """The text that an item shares with others, from its own file in the package."""
    bodies = []
    for node in root.all("assessmentStimulusRef"):
        member = inside(posixpath.dirname(file), node.get("href"))
        try:
            if archive is None:
                raise BadItem("", "zip_missing", name=member)
            body = parse(archive.read(member)).find("stimulusBody")
        except (BadItem, XmlRefused):
            body = []
        if not body:
            raise BadItem("assessmentStimulusRef", "qti_stimulus", name=node.get("href")[:80])
        bodies.append(body[0])
    return Node("div", {}, list(bodies)) if bodies else None


def _says_more(title: str, name: str, item: Item) -> bool:
    """Whether a title holds words that the question does not."""
    words = _words(title)
    return bool(words) and words != _words(name) and words not in _words(item.text)


def _words(text: str) -> str:
    return re.sub(r"[\W_]+", "", re.sub(r"\[\[\d+\]\]", "", text)).casefold()


# --- writing ----------------------------------------------------------------------------------------------------------


def write(items: Sequence[Item], pictures: Mapping[str, bytes] | None = None) -> Writing:
    """Questions as a QTI 2.2 content package."""
    return write_as(items, QTI_22, pictures)


def write_as(items: Sequence[Item], version: Version, pictures: Mapping[str, bytes] | None = None) -> Writing:
    members = {address: f"{PICTURES}/{file_name(data)}" for address, data in (pictures or {}).items()}
    written = []
    for number, item in enumerate(items, start=1):
        xml = assessment_item(item, version)
        safe = re.sub(r"[^A-Za-z0-9-]+", "-", item.id).strip("-")
        shown = [members[address] for address in addresses(texts_of(item)) if address in members]
        placed = ADDRESS.sub(
            lambda found: f"../{members.get(found[0], found[0])}" if found[0] in members else found[0], xml
        )
        written.append(Written(item, f"items/{number:04d}-{safe}.xml", placed, _sources(item, xml, members), shown))
    data = package(written, version, {members[address]: data for address, data in (pictures or {}).items()})
    return Writing(data, losses(items, read(data).items))


def _ours(known: Container[str], said: Any) -> Resolve:
    """Takes the addresses of pictures that go along as they are."""
    return lambda address: address if address in known else None


def _sources(item: Item, xml: str, known: Container[str]) -> dict[tuple[str, str], str]:
    """The texts that would be read otherwise than they were written (``a`` + line break + ``b`` is ``a b`` in HTML)."""
    try:
        reader = ItemReader(
            parse(xml), lambda *_, **__: None, own=True, kind=item.kind.value, pictures=partial(_ours, known)
        )
        found = {place: text for place, *_, text in texts(reader.read())}
    except (BadItem, XmlRefused, RecursionError):
        return {}  # then the losses name the question
    wanted = {place: text for place, *_, text in texts(item.to_dict())}
    return {
        (place, digest(found[place])): text
        for place, text in wanted.items()
        if place in found and found[place] != text
    }  # fmt: skip
