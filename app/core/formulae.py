"""Formulae in texts: the LaTeX of ``$…$`` (in a line) and ``$$…$$`` (on a line of its own) as MathML.

``latex2mathml`` reads the LaTeX. It takes nearly anything and trusts what it is given: unknown commands become letters,
words of ``\\text`` are not escaped, addresses and styles pass through, macros may define each other. So its tree, not its
text, is taken; each element must be one we know with as many parts as it needs, only harmless attributes stay, and
what does not pass is not understood. What is not understood stays readable: the source is shown as code, nothing is lost
and nothing fails. MathML is drawn by browsers and read aloud by screen readers; print draws it by ``drawn_formulae``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from html import escape, unescape
from typing import Any
from xml.etree.ElementTree import Element, tostring

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

LONGEST = 1000
"""Characters of one formula."""
DEEPEST = 30
"""Elements within each other, and braces."""
MOST = 1000
"""Elements of one formula."""
#: Element → how many parts it needs; None: any number.
PARTS: Mapping[str, int | None] = {
    "math": None, "mrow": None, "mstyle": None, "mpadded": None, "mphantom": None, "menclose": None, "mi": 0, "mn": 0, "mo": 0,
    "mtext": 0, "mspace": 0, "mfrac": 2, "msqrt": None, "mroot": 2, "msup": 2, "msub": 2, "msubsup": 3, "mover": 2, "munder": 2,
    "munderover": 3, "mtable": None, "mtr": None, "mtd": None,
}  # fmt: skip
TAGS = frozenset(PARTS)
_LENGTH = re.compile(r"-?\d{0,3}(\.\d{1,4})?(em|ex|px|pt)?\Z")
_WORD = re.compile(r"[a-z][a-z -]{0,40}\Z")
ATTRIBUTES: dict[str, set[str]] = {
    "math": {"display"},
    "mspace": {"width"},
    "mfrac": {"linethickness", "displaystyle"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mi": {"mathvariant"},
    "mn": {"mathvariant"},
    "mo": {"stretchy", "fence", "form", "minsize", "maxsize", "accent", "lspace", "rspace", "movablelimits"},
    "mover": {"accent"},
    "menclose": {"notation"},
    "mtd": {"columnalign"},
    "mtable": {"columnalign"},
}
#: What ``\\begin{…}`` may begin; the library takes any word.
ENVIRONMENTS = frozenset(
    "matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix cases aligned align align* gathered array split".split()
)
_BEGUN = re.compile(r"\\begin\s*\{([^}]*)\}")
#: Commands that would let a formula define or fetch something, or change what stands outside of it.
_REFUSED = re.compile(
    r"\\(?:newcommand|renewcommand|providecommand|def|let|href|url|style|class|cssId|tag|label|ref|input)(?![A-Za-z])"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class _NotUnderstood(ValueError):
    pass


@lru_cache(maxsize=1000)
def tree(source: str, *, block: bool = False) -> Element | None:
    """The formula as MathML elements without name space, to be read only; None where it is not understood."""
    if len(source) > LONGEST or not source.strip() or _REFUSED.search(source) or _CONTROL.search(source):
        return None
    if _depth(source) > DEEPEST or not ENVIRONMENTS.issuperset(_BEGUN.findall(source)):
        return None
    from latex2mathml.converter import Converter

    try:
        made = Converter(display="block" if block else "inline").convert_to_element(source.strip())
        _check(made, 0, [MOST])
    except Exception:  # the library raises many kinds of its own, and what its parts happen to raise
        return None
    return made


def _depth(source: str) -> int:
    depth = deepest = 0
    for mark in re.findall(r"\\(?:left|begin)(?![A-Za-z])|\\(?:right|end)(?![A-Za-z])|\\.|[{}]", source, re.DOTALL):
        depth += 1 if mark in ("{", "\\left", "\\begin") else -1 if mark in ("}", "\\right", "\\end") else 0
        deepest = max(deepest, depth)
    return deepest


def _check(node: Element, depth: int, left: list[int]) -> None:
    """Bring an element and what is in it into the form that we pass on. Raises _NotUnderstood."""
    left[0] -= 1
    if node.tag not in TAGS or depth > 2 * DEEPEST or left[0] < 0:
        raise _NotUnderstood
    wanted = PARTS[node.tag]
    if wanted is not None and len(node) != wanted:
        raise _NotUnderstood
    text = unescape(node.text or "")
    if (
        node.tag in ("mi", "mo", "mn")
        and (("\\" in text and text != "\\") or text in ("&", "{", "}", "^", "_"))
        and not _brace(node, text)
    ):
        raise _NotUnderstood  # a command nobody knows, a mark without its partner
    node.text, node.tail = text or None, None
    allowed = ATTRIBUTES.get(node.tag, ())
    for name, value in list(node.attrib.items()):
        if name not in allowed or not (_LENGTH.match(value) or _WORD.match(value)):
            del node.attrib[name]
    for child in node:
        _check(child, depth + 1, left)
    _grouped(node)


def _grouped(node: Element) -> None:
    """``1,200.50`` is one number, not a list of two."""
    for place in range(len(node) - 3, -1, -1):
        first, comma, rest = node[place : place + 3]
        kinds = (first.tag, comma.tag, comma.text, rest.tag) == ("mn", "mo", ",", "mn")
        numbers = f"{first.text},{rest.text}"
        if kinds and re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", numbers):
            first.text = numbers
            node.remove(comma)
            node.remove(rest)


def _brace(node: Element, text: str) -> bool:
    """A brace that was asked for (``\\{``, ``cases``) is an operator; one left over is a letter."""
    return node.tag == "mo" and text in ("{", "}")


def mathml(source: str, *, block: bool = False) -> str | None:
    """The formula as MathML; None where it is not understood."""
    made = tree(source, block=block)
    return None if made is None else tostring(made, encoding="unicode", short_empty_elements=False)


def _rule(state: StateInline, silent: bool) -> bool:
    """``$…$`` as pandoc reads it: no space inside the marks, no digit behind, so that amounts in $ stay amounts."""
    source, start = state.src, state.pos
    if source[start] != "$":
        return False
    mark = "$$" if source.startswith("$$", start) else "$"
    begin = start + len(mark)
    end = begin
    while True:
        end = source.find(mark, end)
        if end < 0 or end > state.posMax:
            return False
        if source[end - 1] != "\\":
            break
        end += len(mark)
    inner = source[begin:end]
    if not inner.strip() or (mark == "$" and (inner[0].isspace() or inner[-1].isspace())):
        return False
    after = source[end + len(mark) : end + len(mark) + 1]
    if mark == "$" and (after.isdigit() or "\n\n" in inner):
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content, token.markup = inner, mark
    state.pos = end + len(mark)
    return True


Renderer = Callable[[str, bool], str | None]


def install(parser: MarkdownIt, render: Renderer | None = None) -> MarkdownIt:
    """Teach a Markdown parser formulae. ``render`` (source, on a line of its own) makes something else of them than MathML."""
    parser.inline.ruler.before("escape", "formula", _rule)

    def shown(self: object, tokens: Any, index: int, options: object, env: object) -> str:
        token = tokens[index]
        block = token.markup == "$$"
        made = render(token.content, block) if render else mathml(token.content, block=block)
        return made or f"<code>{escape(token.content.strip())}</code>"

    parser.add_render_rule("formula", shown)
    return parser


_finder = install(MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]))


def not_understood(text: str) -> list[str]:
    """Formulae of a Markdown text that are shown as their source, each once."""
    if "$" not in text:
        return []
    tokens = [child for token in _finder.parse(text) for child in token.children or () if child.type == "formula"]
    bad = [token.content.strip() for token in tokens if tree(token.content, block=token.markup == "$$") is None]
    return list(dict.fromkeys(bad))
