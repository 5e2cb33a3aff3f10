"""The PDF of a kept report, out of its frozen figures alone. Chinese, as official papers are, with English beside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.core import clock
from certificates.faces import date_zh
from certificates.sheets import sheet_pdf

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent / "prints"


def report_pdf(body: Mapping[str, Any], *, title: str, made_at: datetime, fingerprint: str, trial: bool) -> bytes:
    """The document. ``trial``: made by an installation that is no production."""
    page = (
        _templates()
        .get_template("report.html")
        .render(
            body=body, zh=body["words"]["zh"], en=body["words"]["en"], title=title, made_at=clock.local(made_at),
            fingerprint=fingerprint, trial=trial,
        )
    )  # fmt: skip
    return sheet_pdf(page, (HERE / "report.css").read_text("utf-8"), {})


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    made.filters |= {"figure": _figure, "day": _day, "share": _share, "parts": _parts}
    return made


def _figure(value: Any) -> str:
    if value is None:
        return "—"
    text = f"{Decimal(str(value)):,.2f}"
    return text.rstrip("0").rstrip(".")


def _share(value: Any) -> str:
    return f"{Decimal(str(value)) * 100:.1f}%"


def _day(value: Any) -> str:
    return date_zh(value if isinstance(value, date) else date.fromisoformat(value[:10]))


def _parts(figures: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    """Kinds with the width of their bar in per cent, the greatest first."""
    most = max((Decimal(str(v)) for v in figures.values()), default=Decimal(0))
    return [
        (k, v, f"{max(Decimal(0), Decimal(str(v)) / most * 100):.1f}" if most > 0 else "0")
        for k, v in sorted(figures.items(), key=lambda pair: (-Decimal(str(pair[1])), pair[0]))
    ]
