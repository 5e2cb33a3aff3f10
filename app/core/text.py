"""Rich text: Markdown to safe HTML, and dates and numbers in words."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import nh3
from flask_babel import gettext as _
from markdown_it import MarkdownIt
from markupsafe import Markup

from app.core import clock, drawn_formulae, formulae
from app.core.speech import language


def _parser(render: formulae.Renderer | None = None) -> MarkdownIt:
    plain = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
    return formulae.install(plain, render)


def _held(source: str, block: bool) -> str | None:
    """In the place of a drawn formula: a mark that passes the sanitiser, which lets no drawing pass."""
    if drawn_formulae.svg(source, block) is None:
        return None
    return f"{_MARK}{int(block)}{source.encode().hex()}{_MARK}"


_MARK = secrets.token_hex(16)
"""Nobody outside of this process knows it, so no text can hold it."""
_DRAWN = re.compile(f"{_MARK}([01])([0-9a-f]*){_MARK}")
_markdown, _markdown_for_print = _parser(), _parser(_held)
_TAGS = {
    "p",
    "br",
    "strong",
    "em",
    "del",
    "code",
    "pre",
    "blockquote",
    "ul",
    "ol",
    "li",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "a",
    "img",
    "sup",
    "sub",
    "span",
    *formulae.TAGS,
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "td": {"align"},
    "th": {"align"},
    "ol": {"start"},
    **formulae.ATTRIBUTES,
}


@lru_cache(maxsize=4096)
def _safe_html(source: str, for_print: bool = False) -> str:
    parser = _markdown_for_print if for_print else _markdown
    made = parser.render(source.replace("\n# ", "\n## ") if not source.startswith("# ") else "#" + source)
    clean = nh3.clean(made, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes={"http", "https", "mailto"})
    return _DRAWN.sub(_drawn, clean) if for_print else clean


def _drawn(found: re.Match[str]) -> str:
    return drawn_formulae.svg(bytes.fromhex(found[2]).decode(), found[1] == "1") or ""


def markdown(source: str | None, *, for_print: bool = False) -> Markup:
    """Markdown as sanitised HTML: no raw HTML, no script, no foreign scheme; formulae as MathML (``for_print``: drawn,
    because the PDF maker knows no MathML)."""
    return Markup(_safe_html(source or "", for_print))  # noqa: S704 - nh3 has cleaned it


def chinese() -> bool:
    return language() == "zh_Hans"


def strung(*parts: str, english: bool | None = None) -> str:
    """Sentences of several people in one line: each once, without a full stop before the mark that sets them apart.

    In the reader's language, or in the one that is asked for.
    """
    said = list(dict.fromkeys(part.strip() for part in parts if part.strip()))
    between = "; " if (not chinese() if english is None else english) else "；"
    return between.join([one.rstrip("。.；;") for one in said[:-1]] + said[-1:])


def in_a_row(names: Iterable[Any]) -> str:
    """Names one after another, set apart as the reader's language does."""
    return ("、" if chinese() else ", ").join(map(str, names))


def day(value: date | datetime | None) -> str:
    """2026年11月21日 in Chinese, 21 Nov 2026 in English; instants in Asia/Shanghai."""
    if value is None:
        return "—"
    if isinstance(value, datetime):
        value = clock.local_date(value)
    if chinese():
        return f"{value.year}年{value.month}月{value.day}日"
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime | None) -> str:
    """Day and time of day in Asia/Shanghai."""
    return "—" if value is None else f"{day(value)} {clock.local(value):%H:%M}"


def number(value: Decimal | int | float | None, places: int = 2) -> str:
    """A figure without needless zeros: 12, 12.5, 1,200."""
    if value is None:
        return "—"
    text = f"{Decimal(str(value)):,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: Decimal | float | None, places: int = 1) -> str:
    return "—" if share is None else f"{number(Decimal(str(share)) * 100, places)}%"


def shown(value: Any) -> Any:
    """Any value in words: dates, figures, yes and no; a dash for nothing."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return day(value)
    return number(value) if isinstance(value, Decimal | float) else value


_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
