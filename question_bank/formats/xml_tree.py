"""XML to a small tree, with line numbers and without anything that an XML file could do to its reader.

Parsed by defusedxml: a document type (so every entity, expansion and outside address) is refused. Depth and number of elements are
limited. Records that were complete when an error came are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

DEEPEST = 60
MOST_ELEMENTS = 2_000_000


@dataclass
class Node:
    """An element: its name, attributes, direct text, children, and the line where it begins."""

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def all(self, tag: str) -> list[Node]:
        return [child for child in self.children if child.tag == tag]

    def first(self, tag: str) -> Node | None:
        return next((child for child in self.children if child.tag == tag), None)

    def words(self, *path: str) -> str:
        """The text at a path of first children, ``""`` where there is none."""
        node: Node | None = self
        for tag in path:
            node = node.first(tag) if node else None
        return node.text.strip(" \t\n\r") if node else ""

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()


class BadXml(ValueError):
    """The document cannot be read (further). ``reason`` is a code of ``reasons.py``; ``root`` holds what was read before."""

    def __init__(self, reason: str, line: int, root: Node | None, **values: object) -> None:
        self.reason, self.line, self.root, self.values = reason, line, root, values
        super().__init__(f"line {line}: {reason}")


class _Limit(SAXException):
    pass


class _Builder(ContentHandler):
    def __init__(self, parser: Any, offset: int) -> None:
        super().__init__()
        self.parser, self.offset = parser, offset
        self.root: Node | None = None
        self.open: list[Node] = []
        self.pieces: list[list[str]] = []
        self.count = 0

    @property
    def line(self) -> int:
        return (self.parser.getLineNumber() or 0) + self.offset

    def startElement(self, name: str, attrs: Any) -> None:
        self.count += 1
        if len(self.open) >= DEEPEST or self.count > MOST_ELEMENTS:
            raise _Limit("too deep" if len(self.open) >= DEEPEST else "too many elements")
        self.open.append(Node(name, dict(attrs.items()), self.line))
        self.pieces.append([])
        self.root = self.root or self.open[0]

    def characters(self, content: str) -> None:
        if self.pieces:
            self.pieces[-1].append(content)

    def endElement(self, name: str) -> None:
        node = self.open.pop()
        node.text = "".join(self.pieces.pop())
        if self.open:
            self.open[-1].children.append(node)


def parse(text: str) -> Node:
    """The outermost element. Raises :class:`BadXml`."""
    head = re.match(r"[\ufeff \t\r\n]*", text)
    assert head is not None
    parser = make_parser()
    parser.forbid_dtd = True
    builder = _Builder(parser, head[0].count("\n"))
    parser.setContentHandler(builder)
    try:
        parser.feed(text[head.end() :])
        parser.close()
    except DefusedXmlException:
        raise BadXml("document_type", builder.line, builder.root) from None
    except SAXParseException as error:
        line = (error.getLineNumber() or 0) + builder.offset
        raise BadXml("not_readable", line, builder.root, detail=error.getMessage()) from None
    except (SAXException, ValueError) as error:
        raise BadXml("not_readable", builder.line, builder.root, detail=str(error)) from None
    if builder.root is None:
        raise BadXml("not_readable", 0, None, detail="empty")
    return builder.root
