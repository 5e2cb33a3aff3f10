"""Plain text and the HTML of Moodle to the Markdown that questions hold, and Markdown back to plain text.

Plain text is left as it is where Markdown would show it as it is, and gets backslashes only where it would not. HTML goes the
way of ``html_markdown``; what cannot be kept is told to a :class:`Lost`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from markdown_it import MarkdownIt

from question_bank.formats.html_markdown import stand_in, to_markdown
from question_bank.formats.pictures import Resolve
from question_bank.items import LONG_TEXT

#: HTML longer than this is not converted (a question holds 20,000 characters).
LONGEST_HTML = 100_000

_markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_ACTIVE = re.compile(r"[\\`*_\[\]<>&~|#!$]|^[ \t]*(?:[-+=]|\d{1,9}[.)])|^(?: {4}|\t)|[ \t]$", re.MULTILINE)
#: What may be a mark within a line: a backslash goes before it.
_INLINE = re.compile(r"[\\`*_\[$]|<(?=[A-Za-z/!?])|~(?=~)|&(?=#?\w+;)")
#: What is no Markdown, but read by our pages: a gap, a formula between dollar signs.
_OURS = re.compile(r"\[\[\d{1,3}\]\]|(?<!\\)\$(?:\$[^\n]*\$\$|(?![\s$])[^$\n]*(?<!\s)\$(?!\d))")


@dataclass
class Lost:
    """What a conversion did not keep: names of pictures, of embedded things, of formatting."""

    pictures: list[str] = field(default_factory=list)
    media: list[str] = field(default_factory=list)
    formatting: list[str] = field(default_factory=list)
    resolve: Resolve | None = None
    """Takes pictures of the file; it says itself what it does not take."""

    def said(self, code: str, *, name: str = "", tag: str = "") -> None:
        """What ``to_markdown`` tells."""
        if code == "picture_left_out":
            self.pictures.append("data" if name.startswith("data:") else unquote(name.rsplit("/", 1)[-1])[:80] or "?")
        elif code == "formatting_left_out":
            self.formatting.append(name)
        else:
            self.media.append(f"a {name}" if code == "link_left_out" else tag)


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


def from_html(html: str, lost: Lost, *, marks: bool = True) -> str:
    """HTML as Markdown, or (without ``marks``) as plain text. Dollar signs are characters here: who knows formulae in HTML takes
    them out before. Raises :class:`TooLong`."""
    html = re.sub(
        r"(=\s{0,9}[\"'])(data:[^\"'<>]*)", lambda found: found[1] + (_taken(found[2], lost) or "data:"), html
    )
    if len(html) > LONGEST_HTML:
        raise TooLong
    made = to_markdown(html, said=lost.said, resolve=lost.resolve, marks=marks)
    return _OURS.sub(lambda found: found[0].replace("$", "\\$"), made) if marks else made


def _taken(address: str, lost: Lost) -> str | None:
    return lost.resolve(address) if lost.resolve else None


_OWN_PICTURE = re.compile(r"!\[((?:\\.|[^\]\\\n]){0,500})\]\((?:<)?(@@PLUGINFILE@@[^)\s>]{0,500})[^)\n]{0,500}\)")


def from_markdown(text: str, lost: Lost) -> str:
    """Markdown of another system: its own pictures are taken, or replaced by words."""

    def ours(found: re.Match[str]) -> str:
        taken = _taken(found[2], lost)
        if taken:
            return f"![{found[1]}]({taken})"
        if lost.resolve is None:
            lost.said("picture_left_out", name=found[2])
        return stand_in(found[2], found[1])

    return _OWN_PICTURE.sub(ours, text)
