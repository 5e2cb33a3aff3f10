"""XML as a small tree, read without any trust in it: no DOCTYPE, hence no entities and nothing fetched; bounded depth and size.

The encoding is the one the file declares (UTF-8, UTF-16, GB18030 …), which expat alone would not read. Namespaces are
checked by the parser and then forgotten: names are local. ``qti-choice-interaction`` with ``response-identifier`` (QTI 3)
becomes ``choiceInteraction`` with ``responseIdentifier``, so that one reader does for all versions. What was complete when an
error came is kept with the error.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as made
from typing import NoReturn
from xml.parsers import expat

MOST_DEPTH = 80
MOST_NODES = 200_000

_XML = "http://www.w3.org/XML/1998/namespace"
_DECLARED = re.compile(rb"""\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
#: Encodings that a file may declare; the Chinese ones are all read as their superset.
_CHARSETS = re.compile(
    r"(utf[-_]?8|utf[-_]?16([-_]?[bl]e)?|(us-)?ascii|iso-?8859-\d{1,2}|latin-?1|(windows-|cp)125\d|"
    r"gb18030|gbk|gb2312|cp936|big5(-hkscs)?|shift[-_]jis|euc-(jp|kr)|koi8-[ru])\Z",
    re.IGNORECASE,
)
_CHINESE = {"gbk", "gb2312", "cp936"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, ""),
    (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)


class XmlRefused(ValueError):
    """Not XML that is taken, or not further. ``reason`` is a code of ``reasons.py``; ``root`` holds what was read before."""

    line = 0
    root: Node | None = None

    def __init__(self, reason: str, **values: object) -> None:
        self.reason, self.values = reason, values
        super().__init__(reason)


class Raw(str):
    """Text that is Markdown already (see ``html_markdown``)."""


@dataclass(slots=True, eq=False)
class Node:
    """An element: what stands in it, in order; no two texts follow each other when it was read from a file."""

    name: str
    attributes: dict[str, str] = made(default_factory=dict)
    children: list[Node | str] = made(default_factory=list)
    line: int = 0

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default).strip()

    @property
    def nodes(self) -> list[Node]:
        """Child elements."""
        return [child for child in self.children if isinstance(child, Node)]

    def all(self, *names: str) -> list[Node]:
        """Child elements of these names."""
        return [child for child in self.nodes if child.name in names]

    def first(self, *names: str) -> Node | None:
        return next(iter(self.all(*names)), None)

    def walk(self) -> Iterator[Node]:
        """This element and all below it, in document order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack += reversed(node.nodes)

    def find(self, *names: str) -> list[Node]:
        """Elements of these names, at any depth."""
        return [node for node in self.walk() if node.name in names]

    @property
    def text(self) -> str:
        """All text below, without the white space around it."""
        told: list[str] = []
        stack: list[Node | str] = [self]
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                told.append(node)
            else:
                stack += reversed(node.children)
        return "".join(told).strip()

    @property
    def own(self) -> str:
        """The text that stands in it directly, as it is written."""
        return "".join(child for child in self.children if isinstance(child, str))

    def words(self, *path: str) -> str:
        """The direct text at a path of first children, ``""`` where there is none."""
        node: Node | None = self
        for name in path:
            node = node.first(name) if node else None
        return node.own.strip(" \t\n\r") if node else ""

    @property
    def classes(self) -> list[str]:
        return self.get("class").split()


def element(name: str, attributes: dict[str, str] | None = None, *children: Node | str) -> Node:
    return Node(name, dict(attributes or {}), list(children))


# --- reading ----------------------------------------------------------------------------------------------------------


def decoded(data: bytes) -> str:
    """The text of an XML file, by its byte order mark or its declaration. Raises :class:`XmlRefused`."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is None:
        found = _DECLARED.match(data[:400])
        encoding = found[1].decode() if found else "utf-8"
        if not _CHARSETS.match(encoding):
            raise XmlRefused("encoding", name=encoding)
        if encoding.lower() in _CHINESE:
            encoding = "gb18030"
    elif not encoding:
        raise XmlRefused("encoding", name="UTF-32")
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise XmlRefused("encoding", name=encoding) from None


def parse(data: bytes | str, *, namespaces: bool = True, most_nodes: int = MOST_NODES) -> Node:
    """The root of an XML file. Raises :class:`XmlRefused`, and nothing else."""
    text = data if isinstance(data, str) else decoded(data)
    builder = _Builder(most_nodes)
    start = text.lstrip("\ufeff \t\r\n")
    above = text.count("\n", 0, len(text) - len(start))
    try:
        return builder.parsed(start, namespaces, above)
    except expat.ExpatError as error:
        line = error.lineno + above
        refused = XmlRefused("not_readable", detail=f"{expat.ErrorString(error.code)}, line {line}")
        refused.line = line
    except XmlRefused as error:
        refused = error
        refused.line = builder.line
    except (ValueError, LookupError) as error:
        refused = XmlRefused("not_readable", detail=type(error).__name__)
        refused.line = builder.line
    refused.root = next(iter(builder.top.nodes), None)
    raise refused from None


class _Builder:
    def __init__(self, most_nodes: int) -> None:
        self.top = Node("")
        self.open = [self.top]
        self.count, self.most, self.above, self.line = 0, most_nodes, 0, 0

    def parsed(self, text: str, namespaces: bool, above: int) -> Node:
        parser = expat.ParserCreate(namespace_separator=" ") if namespaces else expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self.parser, self.above = parser, above
        try:
            parser.Parse(text, True)
        except BaseException:
            self._unfinished()
            raise
        finally:
            self.line = parser.CurrentLineNumber + above
            del self.parser, parser
        return self.top.nodes[0]

    def _unfinished(self) -> None:
        """Elements that were open when reading ended are not kept, but for the outermost."""
        for parent, child in zip(self.open[1:], self.open[2:], strict=False):
            parent.children.remove(child)

    def _doctype(self, *_: object) -> NoReturn:
        raise XmlRefused("dtd")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        line = self.parser.CurrentLineNumber + self.above
        if len(self.open) > MOST_DEPTH:
            raise XmlRefused("not_readable", detail=f"nested too deeply, line {line}")
        if self.count > self.most:
            raise XmlRefused("not_readable", detail=f"too many elements, line {line}")
        local = name.rpartition(" ")[2]
        if local.startswith("qti-"):
            local = _camel(local[4:])
            own = {_camel(key): value for key, value in attributes.items() if " " not in key}
        else:
            own = {key: value for key, value in attributes.items() if " " not in key}
        for name in ("lang", "base"):
            if f"{_XML} {name}" in attributes:
                own[f"xml:{name}"] = attributes[f"{_XML} {name}"]
        node = Node(local, own, [], line)
        self.open[-1].children.append(node)
        self.open.append(node)

    def _end(self, _: str) -> None:
        self.open.pop()

    def _text(self, text: str) -> None:
        children = self.open[-1].children
        if children and isinstance(children[-1], str):
            children[-1] += text
        else:
            children.append(text)


def _camel(name: str) -> str:
    if name.startswith(("data-", "aria-")):
        return name
    first, *rest = name.split("-")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


# --- writing ----------------------------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    for plain, code in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
        text = text.replace(plain, code)
    return text


def _attribute(text: str) -> str:
    text = escaped(text)
    for plain, code in (('"', "&quot;"), ("\t", "&#9;"), ("\n", "&#10;")):
        text = text.replace(plain, code)
    return text


def render(node: Node, indent: str | None = "\n") -> str:
    """The element as XML. Lines are broken only inside elements whose name no reader takes for text (no white space is
    added where it could be read)."""
    attributes = "".join(f' {name}="{_attribute(value)}"' for name, value in node.attributes.items())
    if not node.children:
        return f"<{node.name}{attributes}/>"
    broken = indent is not None and not any(isinstance(child, str) for child in node.children)
    broken = broken and node.name not in TEXTUAL
    inner = f"{indent}  " if broken else None
    told = [escaped(child) if isinstance(child, str) else render(child, inner) for child in node.children]
    if broken:
        return f"<{node.name}{attributes}>{''.join(f'{inner}{line}' for line in told)}{indent}</{node.name}>"
    return f"<{node.name}{attributes}>{''.join(told)}</{node.name}>"


#: HTML in which white space counts, or may count; the QTI elements that hold such text follow in both spellings.
TEXTUAL = frozenset(
    "p span em strong code pre a li td th h1 h2 h3 h4 h5 h6 div blockquote br "
    "simpleChoice inlineChoice simpleAssociableChoice gapText prompt value feedbackInline "
    "qti-simple-choice qti-inline-choice qti-simple-associable-choice qti-gap-text qti-prompt qti-value "
    "qti-feedback-inline".split()
)
