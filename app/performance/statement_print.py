"""The PDF of a statement of performance, out of its snapshot alone. Chinese, with English headings beside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from certificates.faces import date_zh
from certificates.sheets import qr_png, sheet_pdf

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent / "prints"
HONOURS = {"gold": "金牌技术经理人", "excellent": "优秀技术经理人"}


def statement_pdf(snapshot: Mapping[str, Any], *, address: str, fingerprint: str, trial: bool) -> bytes:
    """The document. ``address``: the page that confirms it; ``trial``: made by an installation that is no production."""
    page = (
        _templates()
        .get_template("statement.html")
        .render(s=snapshot, address=address, fingerprint=fingerprint, trial=trial, honours=HONOURS)
    )
    return sheet_pdf(page, (HERE / "statement.css").read_text("utf-8"), {"qr": qr_png(address)})


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    made.filters |= {"figure": _figure, "day": _day}
    return made


def _figure(value: Any) -> str:
    if value is None:
        return "—"
    text = f"{Decimal(str(value)):,.2f}"
    return text.rstrip("0").rstrip(".")


def _day(text: str) -> str:
    return date_zh(date.fromisoformat(text[:10]))
