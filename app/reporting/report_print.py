"""The PDF of a kept report, out of its frozen figures alone. Chinese, as official papers are, with English beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def report_pdf(body: Mapping[str, Any], **more: Any) -> bytes:
    """The document, of what :func:`report_html` sets."""
    return sheet_pdf(report_html(body, **more), (HERE / "report.css").read_text("utf-8"), {})


def report_html(
    body: Mapping[str, Any],
    *,
    title: str,
    made_at: datetime,
    fingerprint: str,
    trial: bool,
    kept: bool = True,
    over: bool = True,
) -> str:
    """Its pages. ``trial``: made by an installation that is no production; ``kept``: a report that stays as it is;
    ``over``: the cut-off day was over, so that the same question gives the same figures again."""
    return (
        _templates()
        .get_template("report.html")
        .render(
            body=body, zh=body["words"]["zh"], en=body["words"]["en"], title=title, made_at=clock.local(made_at),
            fingerprint=fingerprint, trial=trial, kept=kept, over=over,
        )
    )  # fmt: skip


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    made.filters |= {"figure": _figure, "day": _day, "share": _share, "parts": _parts, "steps": _steps}
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


def _steps(figures: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], str]]:
    """Figures in their order, with the width of their bar in per cent of the greatest."""
    totals = [Decimal(str(one["total"] or 0)) for one in figures]
    most = max(totals, default=Decimal(0))
    return [(one, f"{total / most * 100:.1f}" if most > 0 else "0") for one, total in zip(figures, totals, strict=True)]
