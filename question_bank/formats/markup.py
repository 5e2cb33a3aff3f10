"""Plain text and HTML to the Markdown that questions hold, and Markdown back to plain text.

Plain text is left as it is where Markdown would show it as it is, and gets backslashes only where it would not.
HTML becomes paragraphs, lists, tables (the first row is the heading), emphasis, code, links, pictures with an ``http(s)`` address;
sub- and superscripts become the Unicode ones where there are such, else ``_(…)`` and ``^(…)``. What cannot be kept is
told to a :class:`Lost`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote

from markdown_it import MarkdownIt

from question_bank.formats.pictures import PREFIX, Resolve
from question_bank.items import LONG_TEXT

#: HTML longer than this is not converted (a question holds 20,000 characters).
LONGEST_HTML = 100_000
DEEPEST_HTML = 40

_markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_ACTIVE = re.compile(r"[\\`*_\[\]<>&~|#!$]|^[ \t]*(?:[-+=]|\d{1,9}[.)])|^(?: {4}|\t)|[ \t]$", re.MULTILINE)
#: What may be a mark within a line: a backslash goes before it.
_INLINE = re.compile(r"[\\`*_\[$]|<(?=[A-Za-z/!?])|~(?=~)|&(?=#?\w+;)")
#: What is no Markdown, but read by our pages: a gap, a formula between dollar signs.
_OURS = re.compile(r"\[\[\d{1,3}\]\]|(?<!\\)\$(?:\$[^\n]*\$\$|(?![\s$])[^$\n]*(?<!\s)\$(?!\d))")
_SPACE = " \t\n\r\v\f"


@dataclass
class Lost:
    """What a conversion did not keep: names of pictures, of embedded things, of formatting."""

    pictures: list[str] = field(default_factory=list)
    media: list[str] = field(default_factory=list)
    formatting: list[str] = field(default_factory=list)
    resolve: Resolve | None = None
    """Takes pictures of the file; it says itself what it does not take."""


# --- plain text ---------------------------------------------------------------------------------------------------------


def plain(markdown: str) -> str | None:
    """The words of a Markdown text without its marks, or ``None`` where it holds more than paragraphs of words."""
    if not _ACTIVE.search(markdown):
        return markdown
    paragraphs = []
    for token in _markdown.parse(markdown):
        if token.type == "inline":
            words = _words(token.children or [])
            if words is None:
                return None
            paragraphs.append(words)
        elif token.type not in ("paragraph_open", "paragraph_close"):
            return None
    return "\n\n".join(paragraphs)


def _words(children: list) -> str | None:  # type: ignore[type-arg]
    words = []
    for token in children:
        if token.type in ("text", "text_special", "code_inline"):
            words.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            words.append("\n")
        elif not token.type.startswith(("em_", "strong_", "s_", "link_")):
            return None
    return "".join(words)


def from_plain(text: str) -> str:
    """Markdown that shows a plain text; its line breaks are kept."""
    if len(text) > LONG_TEXT or ("\n" not in text and not _ACTIVE.search(text)):
        return text  # too long for any question, so it will be refused
    lines = [line.strip(" \t") for line in text.split("\n")]
    for change in (str, escaped):
        made = re.sub(r"(?<=\S)\n(?=\S)", "  \n", "\n".join(change(line) for line in lines))
        made = re.sub(r"\n{3,}", "\n\n", made)
        if plain(made) == re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) and not _OURS.search(made):
            break
    return made


def escaped(line: str) -> str:
    """A line of plain text with a backslash before everything that Markdown might read as a mark."""
    line = _INLINE.sub(r"\\\g<0>", line).replace("|", "\\|")
    line = re.sub(r"^([ \t]*)([#+=>-])", r"\1\\\2", line)
    return re.sub(r"^([ \t]*\d{1,9})([.)])", r"\1\\\2", line)


def to_html(markdown: str) -> str:
    """A line of Markdown as HTML."""
    return str(_markdown.renderInline(markdown))


# --- HTML ---------------------------------------------------------------------------------------------------------------


class TooLong(ValueError):
    """More HTML than is converted."""


@dataclass
class _Node:
    tag: str
    attributes: dict[str, str]
    children: list[_Node | str] = field(default_factory=list)


_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_BLOCKS = frozenset(
    "address article aside body center dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 "
    "header hr html legend li main nav ol p pre section summary table tbody td tfoot th thead tr ul blockquote caption".split()
)
_HIDDEN = frozenset("head script style template title noscript".split())
_MEDIA = frozenset("audio button canvas embed iframe input math object select svg textarea video applet".split())
_CLOSES = {
    "li": ({"li"}, {"ul", "ol"}),
    "tr": ({"tr", "td", "th"}, {"table"}),
    "td": ({"td", "th"}, {"tr", "table"}),
    "th": ({"td", "th"}, {"tr", "table"}),
    "dt": ({"dt", "dd"}, {"dl"}),
    "dd": ({"dt", "dd"}, {"dl"}),
    "option": ({"option"}, {"select"}),
}
_PLAIN_TAGS = frozenset("a abbr b bdi bdo big br cite code del dfn em font i img ins kbd label q s samp small span strike strong "
                        "sub sup tt var wbr".split())  # fmt: skip
_SUPERSCRIPTS = dict(zip("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", strict=True))
_SUBSCRIPTS = dict(zip("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", strict=True))


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = _Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS and self.open[-1].tag == "p":
            self.open.pop()
        if tag in _CLOSES:
            closed, fence = _CLOSES[tag]
            place = len(self.open) - 1
            while place > 0 and self.open[place].tag not in fence:
                place -= 1
            first = next((n for n in range(place + 1, len(self.open)) if self.open[n].tag in closed), None)
            if first is not None:
                del self.open[first:]
        node = _Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in _VOID and len(self.open) <= DEEPEST_HTML:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open[-1].tag == tag and tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self.open) - 1, 0, -1):
            if self.open[place].tag == tag:
                del self.open[place:]
                return

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def from_html(html: str, lost: Lost, *, marks: bool = True) -> str:
    """HTML as Markdown, or (without ``marks``) as plain text. Raises :class:`TooLong`."""
    html = re.sub(
        r"(=\s{0,9}[\"'])(data:[^\"'<>]*)", lambda found: found[1] + (_taken(found[2], lost) or "data:"), html
    )
    if len(html) > LONGEST_HTML:
        raise TooLong
    # A bracket that no tag follows is a character (and would cost the parser a search to the end each time).
    html = re.sub(r"<(?!/?[A-Za-z][^<>]*>)", "&lt;", _without_comments(html))
    tree = _Tree()
    tree.feed(html)
    tree.close()
    return "\n\n".join(_Converter(lost, marks).blocks(tree.root)).strip(_SPACE)


def _without_comments(html: str) -> str:
    """Without comments and marked sections (``<![if …]>``, on which the parser of the standard library stumbles)."""
    pieces, place = [], 0
    while (start := html.find("<!--", place)) >= 0 and (end := html.find("-->", start + 4)) >= 0:
        pieces.append(html[place:start])
        place = end + 3
    return re.sub(r"<!(?!doctype)[^<>]{0,1000}>?", "", "".join([*pieces, html[place:]]), flags=re.IGNORECASE)


class _Converter:
    def __init__(self, lost: Lost, marks: bool) -> None:
        self.lost, self.marks = lost, marks

    def blocks(self, node: _Node) -> list[str]:
        """The paragraphs, lists and so on in a node."""
        found: list[str] = []
        run: list[_Node | str] = []
        for child in node.children:
            if isinstance(child, _Node) and (child.tag in _BLOCKS or self._holds_blocks(child)):
                self._close(run, found)
                found += self._block(child)
            else:
                run.append(child)
        self._close(run, found)
        return found

    def _holds_blocks(self, node: _Node) -> bool:
        """A span around paragraphs, as word processors write it."""
        if node.tag in _HIDDEN or node.tag in _MEDIA:
            return False
        return any(isinstance(c, _Node) and (c.tag in _BLOCKS or self._holds_blocks(c)) for c in node.children)

    def _close(self, run: list[_Node | str], found: list[str]) -> None:
        text = self._paragraph(run)
        if text:
            found.append(text)
        run.clear()

    def _paragraph(self, children: list[_Node | str]) -> str:
        words = [c if isinstance(c, str) else "\n" for c in children if isinstance(c, str) or c.tag == "br"]
        if len(words) == len(children):  # nothing but words: only as many backslashes as they need
            text = "".join(word if word == "\n" else _collapsed(word) for word in words)
            text = "\n".join(_collapsed(line).strip(" ") for line in text.split("\n")).strip(_SPACE)
            return from_plain(text) if self.marks else text
        made = "".join(self._inline(child) for child in children)
        lines = [re.sub(r" {2,}", " ", line).strip(" ") for line in made.split("\n")]
        text = "\n".join(lines).strip(_SPACE)
        if not self.marks:
            return text
        text = re.sub(r"(?m)^(\d{1,9})([.)])(?=\s|$)", r"\1\\\2", text)
        text = re.sub(r"(?m)^([#+=>-])", r"\\\1", text)
        return re.sub(r"(?<=\S)\n(?=\S)", "  \n", text)

    def _block(self, node: _Node) -> list[str]:
        tag = node.tag
        if tag in ("ul", "ol"):
            return self._list(node)
        if tag == "table":
            return self._table(node)
        if tag == "hr":
            return ["---"] if self.marks else []
        if tag == "pre":
            words = _text_of(node).strip("\n")
            return [self._fenced(words) if self.marks else words] if words.strip() else []
        inner = self.blocks(node)
        if tag == "blockquote" and self.marks:
            return ["\n".join(f"> {line}".rstrip(" ") for line in "\n\n".join(inner).split("\n"))] if inner else []
        if re.fullmatch(r"h[1-6]", tag) and self.marks:
            return [f"{'#' * max(2, int(tag[1]))} " + " ".join(" ".join(inner).split())] if inner else []
        return inner

    def _fenced(self, words: str) -> str:
        longest = max((len(run) for run in re.findall(r"`+", words)), default=0)
        fence = "`" * max(3, longest + 1)
        return f"{fence}\n{words}\n{fence}"

    def _list(self, node: _Node) -> list[str]:
        items = []
        number = int(node.attributes.get("start", "1")) if node.attributes.get("start", "").isdigit() else 1
        number = min(number, 100_000)
        for child in node.children:
            if isinstance(child, str):
                if not child.strip():
                    continue
                child = _Node("li", {}, [child])
            marker = f"{number}. " if node.tag == "ol" else "- "
            inner = "\n".join(self.blocks(child) if child.tag == "li" else self._block(child))
            items.append(marker + inner.replace("\n", "\n" + " " * len(marker)))
            number += 1
        return ["\n".join(items)] if items else []

    def _table(self, node: _Node) -> list[str]:
        rows = [
            [" ".join(" ".join(self.blocks(cell)).replace("|", "\\|" if self.marks else "|").split()) for cell in row]
            for row in _rows(node)
        ]
        captions = [text for caption in _all(node, "caption") for text in self.blocks(caption)]
        rows = [row for row in rows if row]
        if not rows:
            return captions
        width = max(len(row) for row in rows)
        rows = [row + [""] * (width - len(row)) for row in rows]
        if not self.marks:
            return [*captions, "\n".join(" | ".join(row) for row in rows)]
        rows.insert(1, ["---"] * width)
        return [*captions, "\n".join(f"| {' | '.join(row)} |".replace("\\\\|", "\\|") for row in rows)]

    def _inline(self, child: _Node | str) -> str:
        if isinstance(child, str):
            words = _collapsed(child)
            return _INLINE.sub(r"\\\g<0>", words) if self.marks else words
        tag = child.tag
        if tag == "br":
            return "\n"
        if tag == "img":
            return self._picture(child)
        if tag in _HIDDEN:
            if tag == "script":
                self.lost.media.append(tag)
            return ""
        if tag in _MEDIA:
            self.lost.media.append(tag)
            return "" if tag in ("svg", "select", "textarea") else "".join(self._inline(c) for c in child.children)
        inner = "".join(self._inline(c) for c in child.children)
        if tag in ("sub", "sup"):
            return self._raised(inner, tag)
        if tag == "a":
            return self._link(child, inner)
        if tag == "q":
            return f"“{inner}”"
        if not self.marks:
            return inner
        if tag in ("code", "tt", "kbd", "samp"):
            return self._code(_text_of(child))
        mark = {
            "b": "**",
            "strong": "**",
            "i": "*",
            "em": "*",
            "cite": "*",
            "var": "*",
            "del": "~~",
            "s": "~~",
            "strike": "~~",
        }.get(tag)
        if mark:
            return self._marked(inner, mark, tag)
        if tag not in _PLAIN_TAGS or "style" in child.attributes or tag in ("font", "ins", "big", "small"):
            self.lost.formatting.append(tag)
        return inner

    def _marked(self, inner: str, mark: str, tag: str) -> str:
        words = inner.strip(_SPACE)
        if not words:
            return inner
        edges = unicodedata.category(words[0])[0] + unicodedata.category(words[-1])[0]
        if "\n" in words or not set(edges) <= set("LN"):
            # Between words, marks next to punctuation are no marks to Markdown.
            self.lost.formatting.append(tag)
            return inner
        before, after = inner[: len(inner) - len(inner.lstrip(_SPACE))], inner[len(inner.rstrip(_SPACE)) :]
        return f"{before}{mark}{words}{mark}{after}"

    def _code(self, words: str) -> str:
        words = " ".join(words.split())
        if not words:
            return ""
        longest = max((len(run) for run in re.findall(r"`+", words)), default=0)
        fence = "`" * (longest + 1)
        gap = " " if "`" in (words[0], words[-1]) else ""
        return f"{fence}{gap}{words}{gap}{fence}"

    def _raised(self, inner: str, tag: str) -> str:
        known = _SUPERSCRIPTS if tag == "sup" else _SUBSCRIPTS
        words = inner.strip(_SPACE)
        if words and all(character in known for character in words):
            return "".join(known[character] for character in words)
        if not words:
            return ""
        sign = "^" if tag == "sup" else ("\\_" if self.marks else "_")
        return f"{sign}{words}" if len(words) == 1 else f"{sign}({words})"

    def _link(self, node: _Node, inner: str) -> str:
        address = node.attributes.get("href", "").strip()
        if not self.marks or not address:
            return inner
        if not re.match(r"(?:https?://|mailto:)[^\s<>()\\\x00-\x1f]+\Z", address) or not inner.strip() or "\n" in inner:
            self.lost.media.append(f"a {unquote(address)[:80]}")
            return inner
        return f"[{inner.strip()}]({address})"

    def _picture(self, node: _Node) -> str:
        address = node.attributes.get("src", "").strip()
        alt = " ".join(node.attributes.get("alt", "").split())
        if self.marks and re.match(r"https?://[^\s<>()\\\x00-\x1f]+\Z", address):
            return f"![{escaped(alt)}]({address})"
        ours = address if address.startswith(PREFIX) else _taken(address, self.lost)
        return f"![{escaped(alt)}]({ours})" if ours and self.marks else stand_in(address, alt, self.lost)


def _taken(address: str, lost: Lost) -> str | None:
    return lost.resolve(address) if lost.resolve else None


def stand_in(address: str, alt: str, lost: Lost) -> str:
    """Words in the place of a picture that is not kept, so that the gap can be seen."""
    name = "data" if address.startswith("data:") else unquote(address.rsplit("/", 1)[-1])[:80]
    if lost.resolve is None:
        lost.pictures.append(name or alt or "?")
    words = re.sub(r"[\\`*_\[\]<>~|&\n]", " ", alt or name or "?").strip()
    return f"（图：{words}）"


_OWN_PICTURE = re.compile(r"!\[((?:\\.|[^\]\\\n]){0,500})\]\((?:<)?(@@PLUGINFILE@@[^)\s>]{0,500})[^)\n]{0,500}\)")


def from_markdown(text: str, lost: Lost) -> str:
    """Markdown of another system: its own pictures are taken, or replaced by words."""

    def ours(found: re.Match[str]) -> str:
        taken = _taken(found[2], lost)
        return f"![{found[1]}]({taken})" if taken else stand_in(found[2], found[1], lost)

    return _OWN_PICTURE.sub(ours, text)


def _collapsed(words: str) -> str:
    return re.sub(r"[ \t\n\r\f\v]+", " ", words.replace("\xa0", " "))


def _text_of(node: _Node) -> str:
    return "".join(c if isinstance(c, str) else "\n" if c.tag == "br" else _text_of(c) for c in node.children)


def _all(node: _Node, tag: str) -> list[_Node]:
    return [child for child in node.children if isinstance(child, _Node) and child.tag == tag]


def _rows(table: _Node) -> list[list[_Node]]:
    rows = []
    for child in table.children:
        if not isinstance(child, _Node):
            continue
        if child.tag in ("thead", "tbody", "tfoot"):
            rows += _rows(child)
        elif child.tag == "tr":
            rows.append([cell for cell in child.children if isinstance(cell, _Node) and cell.tag in ("td", "th")])
    return rows
