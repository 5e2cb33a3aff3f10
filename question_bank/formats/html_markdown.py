"""HTML, as exchange formats carry it, into the Markdown that questions hold, and back. All formats read it by this one way.

Paragraphs, lists, tables (the first row is the heading), emphasis, code, links, pictures with an ``http(s)`` address are kept; sub- and
superscripts become the Unicode ones where there are such, else ``_(…)`` and ``^(…)``. Markdown has no place for some things: what
is left out is told to ``said(code, **values)``: ``picture_left_out``, ``media_left_out``, ``formula_simplified``, ``link_left_out``,
``formatting_left_out``. Text is escaped where Markdown would read marks into it. Raw HTML never comes out: our pages would print it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt

from question_bank.formats.pictures import PREFIX, Resolve
from question_bank.formats.xml_nodes import MOST_DEPTH, Node, Raw, element, parse

Said = Callable[..., None]

_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])

BLOCKS = frozenset(
    "p div section article aside main header footer nav figure figcaption blockquote ul ol li dl dt dd table caption "
    "thead tbody tfoot tr td th pre hr address h1 h2 h3 h4 h5 h6 details summary fieldset form center".split()
)
_SKIPPED = frozenset("style head title template noscript stylesheet catalogInfo companionMaterialsInfo".split())
_MEDIA = frozenset(
    "object audio video iframe embed svg canvas source track applet script button input select textarea".split()
)
_SILENT = frozenset("svg select textarea script".split())
"""Media whose words are no words of the text."""
_FORMATTED = frozenset("u ins font big small mark blink marquee".split())
_VOID = frozenset("br hr img input meta link area base col embed source track wbr".split())
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "s": "~~", "del": "~~", "strike": "~~",
          "cite": "*", "var": "*"}  # fmt: skip
STRUCK = "ttm-strike"
_SUPER = str.maketrans("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ")
_SUB = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_CJK = r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]"
_BREAK = "\\\n"
#: Most texts hold nothing that could be a mark: they are passed on as they are.
_ACTIVE_INSIDE = re.compile(r"[\\`*_\[\]<>&~\t\r\n\f]|  ")
_ACTIVE = re.compile(r"[\\`*_\[\]<>&~|\t\r\n\f\v]|  |\A[ \d#+=-]|[ ]\Z")


def to_markdown(
    html: str | Node, *, said: Said | None = None, resolve: Resolve | None = None, marks: bool = True
) -> str:
    """HTML (a text, or an element read already) as Markdown, or (without ``marks``) as plain text, without white space around
    it. ``resolve`` takes pictures; it says itself what it does not take."""
    root = html if isinstance(html, Node) else parse_html(html)
    return _Writer(said or _silent, resolve, marks).blocks(root).strip()


def stand_in(address: str, words: str) -> str:
    """Words in the place of a picture that is not kept, so that the gap can be seen."""
    name = "" if address.startswith("data:") else unquote(address.rsplit("/", 1)[-1])[:80]
    told = re.sub(r"[\\`*_\[\]<>~|&\n]", " ", words or name).strip()
    return f"（图：{told}）" if told else "（图）"


def _silent(_: str, **__: object) -> None:
    return


# --- HTML as people write it ------------------------------------------------------------------------------------------


#: Elements whose end may be left out: the next of these ends them, up to the element that holds them.
_CLOSES = {
    "li": ({"li"}, {"ul", "ol"}),
    "tr": ({"tr", "td", "th"}, {"table"}),
    "td": ({"td", "th"}, {"tr", "table"}),
    "th": ({"td", "th"}, {"tr", "table"}),
    "dt": ({"dt", "dd"}, {"dl"}),
    "dd": ({"dt", "dd"}, {"dl"}),
    "option": ({"option"}, {"select"}),
}


class _Html(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.top = Node("div")
        self.open = [self.top]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in BLOCKS and self.open[-1].name == "p":
            self.open.pop()
        if tag in _CLOSES:
            closed, fence = _CLOSES[tag]
            place = len(self.open) - 1
            while place > 0 and self.open[place].name not in fence:
                place -= 1
            first = next((n for n in range(place + 1, len(self.open)) if self.open[n].name in closed), None)
            if first is not None:
                del self.open[first:]
        node = Node(tag, {key: value or "" for key, value in attrs})
        self.open[-1].children.append(node)
        if tag not in _VOID and len(self.open) < MOST_DEPTH:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open[-1].name == tag and tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self.open) - 1, 0, -1):
            if self.open[place].name == tag:
                del self.open[place:]
                return

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse_html(html: str) -> Node:
    """A fragment of HTML, however untidy, as a tree. Never raises."""
    # A bracket that no tag follows is a character (and would cost the parser a search to the end each time).
    html = re.sub(r"<(?!/?[A-Za-z][^<>]*>)", "&lt;", _without_comments(html))
    reader = _Html()
    reader.feed(html)
    reader.close()
    return reader.top


def _without_comments(html: str) -> str:
    """Without comments and marked sections (``<![if …]>``, on which the parser of the standard library stumbles)."""
    pieces, place = [], 0
    while (start := html.find("<!--", place)) >= 0 and (end := html.find("-->", start + 4)) >= 0:
        pieces.append(html[place:start])
        place = end + 3
    return re.sub(r"<!(?!doctype)[^<>]{0,1000}>?", "", "".join([*pieces, html[place:]]), flags=re.IGNORECASE)


# --- to Markdown ------------------------------------------------------------------------------------------------------


def _is_block(node: Node | str) -> bool:
    return isinstance(node, Node) and (node.name in BLOCKS or any(_is_block(child) for child in node.nodes))


class _Writer:
    def __init__(self, said: Said, resolve: Resolve | None = None, marks: bool = True) -> None:
        self.said, self.resolve, self.marks = said, resolve, marks

    def blocks(self, node: Node) -> str:
        """The children of an element, as blocks with an empty line between."""
        return "\n\n".join(self.pieces(node))

    def pieces(self, node: Node) -> list[str]:
        told: list[str] = []
        line: list[Node | str] = []
        for child in [*node.children, None]:
            if child is not None and not _is_block(child):
                line.append(child)
                continue
            paragraph = self.paragraph(line)
            if paragraph:
                told.append(paragraph)
            line = []
            if isinstance(child, Node):
                made = self.block(child)
                if made.strip():
                    told.append(made)
        return told

    def paragraph(self, children: Sequence[Node | str]) -> str:
        text = self.inline(children)
        return (
            _guarded(_tidied(text))
            if self.marks
            else "\n".join(" ".join(line.split()) for line in text.strip().split("\n"))
        )

    def block(self, node: Node) -> str:
        name = node.name
        if name in _SKIPPED:
            return ""
        if name == "hr":
            return "---" if self.marks else ""
        if name in ("ul", "ol"):
            return self.listed(node)
        if name == "blockquote" and self.marks:
            return "\n".join(f"> {line}".rstrip() for line in self.blocks(node).split("\n"))
        if name == "pre":
            code = "".join(_plain(node)).strip("\n")
            fence = "`" * max(3, max((len(run) for run in re.findall("`+", code)), default=0) + 1)
            return f"{fence}\n{code}\n{fence}" if code.strip() and self.marks else code
        if name == "table":
            return self.table(node)
        if len(name) == 2 and name[0] == "h" and name[1] in "123456" and self.marks:
            line = re.sub(r"(?<![\\#])(#+)$", r"\\\1", self.one_line(node))
            return f"{'#' * int(name[1])} {line}" if line else ""
        if name in _MEDIA:
            pictured = name == "object" and node.get("type").startswith("image/")
            code = "picture_left_out" if pictured else "media_left_out"
            self.said(code, name=node.get("data")[:80] or name, tag=name)
            return "" if name in _SILENT else self.blocks(node)
        if name == "dt":
            return self._wrapped("**", self.blocks(node))
        return self.blocks(node)

    def one_line(self, node: Node) -> str:
        return re.sub(r"\s*\\?\n\s*", " ", self.blocks(node)).strip()

    def listed(self, node: Node) -> str:
        rows = []
        loose = False
        start = int(node.get("start")) if re.fullmatch(r"\d{1,8}", node.get("start")) else 1
        number = start - 1
        for child in node.children:
            if isinstance(child, str) and not child.strip():
                continue
            number += 1
            mark = f"{number}. " if node.name == "ol" else "- "
            item = child if isinstance(child, Node) and child.name == "li" else element("li", None, child)
            pieces = self.pieces(item)
            listed = [one for one in item.nodes if one.name in ("ul", "ol")]
            tight = len(pieces) == 2 and len(listed) == 1 and item.nodes[-1] is listed[0]
            text = ("\n" if tight else "\n\n").join(pieces)
            loose = loose or "\n\n" in text
            rows.append(mark + text.replace("\n", "\n" + " " * len(mark)))
        return re.sub(r"\n[ ]+(?=\n)", "\n", ("\n\n" if loose else "\n").join(rows))

    def table(self, node: Node) -> str:
        rows = [[self.one_line(cell) for cell in row.all("td", "th")] for row in node.find("tr")]
        rows = [row for row in rows if row]
        captions = [self.one_line(one) for one in node.all("caption")]
        if not rows:
            return "\n\n".join(captions)
        if not self.marks:
            return "\n\n".join([*captions, "\n".join(" | ".join(row) for row in rows)])
        width = max(map(len, rows))
        lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row + [""] * (width - len(row))) + " |"
                 for row in rows]  # fmt: skip
        lines.insert(1, "|" + " --- |" * width)
        return "\n\n".join([*captions, "\n".join(lines)])

    def inline(self, children: Sequence[Node | str]) -> str:
        told: list[str] = []
        for child in children:
            if isinstance(child, Node):
                told.append(self.node(child))
            elif isinstance(child, Raw):
                told.append(child)
            else:
                told.append(_escaped(child) if self.marks else re.sub(r"\s+", " ", child))
        return "".join(told)

    def node(self, node: Node) -> str:
        name = node.name
        if name in _SKIPPED:
            return ""
        if name == "br":
            return _BREAK if self.marks else "\n"
        if name == "img":
            return self.picture(node)
        if name == "math":
            self.said("formula_simplified", tag=name)
            return _escaped(_formula(node)) if self.marks else _formula(node)
        if name in _MEDIA:
            return self.media(node)
        if name == "span" and STRUCK in node.classes:
            return self._wrapped("~~", self.inline(node.children))
        if name in _FORMATTED or "style" in node.attributes:
            self.said("formatting_left_out", name=name)
        if name in _MARKS:
            return self._wrapped(_MARKS[name], self.inline(node.children))
        if name in ("code", "tt", "kbd", "samp"):
            return _code("".join(_plain(node))) if self.marks else "".join(_plain(node))
        if name in ("sup", "sub"):
            return _raised(self.inline(node.children).strip(), name, self.marks)
        if node.get("data-role") == "tooltip-content":  # TAO
            return f"（{self.inline(node.children)}）"
        if name == "q":
            return f"“{self.inline(node.children)}”"
        if name == "rt":
            return f"（{self.inline(node.children)}）"
        if name == "rp":
            return ""
        if name == "a":
            return self.link(node)
        return self.inline(node.children)

    def _wrapped(self, mark: str, text: str) -> str:
        """Text between marks. White space and punctuation at the ends go outside: there the marks would not be seen as such
        (**很好：**所以)."""
        if not self.marks:
            return text
        text = text.replace(_BREAK, " ") if text.strip("\\\n ") == "" else text
        first, last = 0, len(text)
        while first < last and _loose(text[first]):
            first += 1
        while last > first and _loose(text[last - 1]):
            last -= 1
        core = text[first:last]
        if not core or core.endswith("\\") or "\n\n" in core:
            return text
        return f"{text[:first]}{mark}{core}{mark}{text[last:]}"

    def picture(self, node: Node) -> str:
        address, words = node.get("src"), " ".join(node.get("alt").split())
        if self.marks and re.match(r"https?://[^\s()<>\\\x00-\x1f]+\Z", address):
            return f"![{_escaped(words)}]({address})"
        ours = address if address.startswith(PREFIX) else self.resolve(address) if self.resolve else None
        if ours and self.marks:
            return f"![{_escaped(words)}]({ours})"
        if not ours and not self.resolve:
            self.said("picture_left_out", name=address[:80] if not address.startswith("data:") else "data:")
        return stand_in(address, words)

    def media(self, node: Node) -> str:
        address = node.get("data") or node.get("src")
        if node.name == "object" and node.get("type").startswith("image/"):
            return self.picture(Node("img", {"src": address, "alt": node.get("alt") or node.text}))
        self.said("media_left_out", name=address[:80] or node.name, tag=node.name)
        if node.name in _SILENT:
            return ""
        return self.inline([child for child in node.children if isinstance(child, str) or child.name not in _MEDIA])

    def link(self, node: Node) -> str:
        address, text = node.get("href"), self.inline(node.children)
        if not text.strip() or not self.marks:
            return text
        if re.match(r"(https?://|mailto:)[^\s()<>\\\x00-\x1f]+\Z", address) and "\n" not in text:
            return f"[{text.strip()}]({address})"
        if address and not address.startswith("#"):
            self.said("link_left_out", name=unquote(address)[:80])
        return text


def _loose(character: str) -> bool:
    return character.isspace() or (unicodedata.category(character)[0] == "P" and character not in "\\*_`[]()!~“”《》")


def _plain(node: Node) -> list[str]:
    if node.name == "br":
        return ["\n"]
    return [text for child in node.children for text in ([str(child)] if isinstance(child, str) else _plain(child))]


def _code(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        return ""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{fence}{space}{text}{space}{fence}"


def _raised(text: str, name: str, marks: bool) -> str:
    table, mark = (_SUPER, "^") if name == "sup" else (_SUB, "\\_" if marks else "_")
    if text and all(ord(character) in table for character in text):
        return text.translate(table)
    return f"{mark}{text}" if len(text) == 1 else f"{mark}({text})" if text else ""


def _formula(node: Node) -> str:
    """MathML in one line: x^2, (a)/(b), √(x). A TeX annotation is preferred: the author wrote it."""
    tex = next((n.text for n in node.find("annotation") if "tex" in n.get("encoding").lower()), "")
    return tex or _math(node)


def _math(node: Node | str) -> str:
    if isinstance(node, str):
        return "".join(node.split())
    parts = [_math(child) for child in node.children if not (isinstance(child, Node) and "annotation" in child.name)]
    parts = [part for part in parts if part]
    if node.name in ("mfrac", "msup", "msub", "mroot") and len(parts) == 2:
        one, two = (part if len(part) == 1 or part.isdigit() else f"({part})" for part in parts)
        if node.name == "mroot":
            return f"{two}√({one})"
        return one + {"mfrac": "/", "msup": "^", "msub": "_"}[node.name] + two
    if node.name == "msubsup" and len(parts) == 3:
        return f"{parts[0]}_({parts[1]})^({parts[2]})"
    if node.name == "msqrt":
        return f"√({''.join(parts)})"
    if node.name == "mfenced":
        return f"({','.join(parts)})"
    return "".join(parts)


# --- escaping ---------------------------------------------------------------------------------------------------------


def _escaped(text: str) -> str:
    """Text without anything that Markdown would take for a mark; white space becomes single spaces."""
    text = text.replace("\xa0", " ")
    if not _ACTIVE_INSIDE.search(text):
        return text
    text = re.sub(
        rf"(?<={_CJK})[ \t]*[\r\n]\s*(?={_CJK})", "", text
    )  # Chinese that was broken into lines has no space there
    text = re.sub(r"[ \t\r\n\f]+", " ", text)
    text = re.sub(r"\\(?=[!-/:-@\[-`{-~])", r"\\\\", text)
    text = re.sub(r"\*+|_+", _runs, text)
    text = text.replace("`", "\\`").replace("~~", "\\~\\~")
    text = re.sub(r"\[(?=\[\d{1,3}\]\])", r"[\\", text)  # not a mark of a blank
    text = re.sub(r"\](?=[(\[:])", r"\\]", text)
    text = re.sub(r"<(?=[A-Za-z][A-Za-z0-9+.-]*:|[^\s<>@]+@)", r"\\<", text)
    return re.sub(r"&(?=#?\w{1,32};)", r"\\&", text)


def _runs(found: re.Match[str]) -> str:
    run, text = found[0], found.string
    before = text[found.start() - 1] if found.start() else "."  # at the start it could be a list or a line
    after = text[found.end()] if found.end() < len(text) else " "
    if (before.isspace() and after.isspace()) or (run[0] == "_" and before.isalnum() and after.isalnum()):
        return run
    return "".join(f"\\{mark}" for mark in run)


def _tidied(text: str) -> str:
    text = re.sub(r" *\\\n *", _BREAK, text)
    text = re.sub(r" {2,}", " ", text)
    while text.startswith(_BREAK):
        text = text.removeprefix(_BREAK)
    while text.endswith(_BREAK):
        text = text.removesuffix(_BREAK)
    return text.strip(" ")


def _guarded(text: str) -> str:
    """Marks that mean something at the beginning of a line, made plain."""
    lines = []
    for line in text.split("\n"):
        line = re.sub(r"^(#{1,6})(?=\s|\\?$)", r"\\\1", line)
        line = re.sub(r"^(\d{1,9})([.)])(?=\s|\\?$)", r"\1\\\2", line)
        line = re.sub(r"^([-+*>])(?=\s|\\?$|[->])", r"\\\1", line) if not line.startswith(">") else "\\" + line
        bare = set(line.removesuffix("\\").strip())
        if bare and (bare <= {"="} or bare <= {"_", " "} or (bare <= set("-|: ") and "-" in bare)):
            line = "\\" + line  # a rule, or what would make a heading or a table of the line above
        lines.append(line)
    return "\n".join(lines)


# --- to HTML ----------------------------------------------------------------------------------------------------------


def to_html(markdown: str) -> str:
    """Markdown as well-formed XHTML, with no more than exchange formats allow: no raw HTML, no style."""
    return re.sub(r' style="[^"]*"', "", _markdown.render(markdown))


def to_nodes(markdown: str) -> list[Node | str]:
    """The same as elements: one paragraph alone is given without its ``<p>``. Markdown that shows nothing stays as text."""
    if not _ACTIVE.search(markdown):
        return [markdown]
    try:
        root = parse(f"<div>{to_html(markdown)}</div>")
    except ValueError:
        root = element("div")
    for node in root.walk():
        _allowed(node)
    children = [child for child in root.children if isinstance(child, Node) or child.strip()]
    if not root.text and not root.find("img", "hr"):
        return [markdown]
    if len(children) == 1 and isinstance(children[0], Node) and children[0].name == "p":
        return children[0].children
    return children


_ATTRIBUTES: dict[str, tuple[str, ...]] = {"a": ("href",), "img": ("src", "alt"), "span": ("class",)}


def _allowed(node: Node) -> None:
    if node.name in ("s", "del"):
        node.name, node.attributes = "span", {"class": STRUCK}
    node.attributes = {key: node.attributes[key] for key in _ATTRIBUTES.get(node.name, ()) if key in node.attributes}
    if node.name in ("div", "ul", "ol", "table", "thead", "tbody", "tr", "blockquote"):  # line breaks of the renderer
        node.children[:] = [child for child in node.children if isinstance(child, Node) or child.strip()]


def nodes_of(children: Sequence[Any]) -> Node:
    """Children as one element, to be handed to :func:`to_markdown`."""
    return Node("div", {}, list(children))
