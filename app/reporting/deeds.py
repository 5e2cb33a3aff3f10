"""What reporting writes into the log."""

from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Did(StrEnum):
    DRAW_FIGURES = "reporting.figures.draw"
    KEEP_REPORT = "reporting.report.keep"
    TAKE_ROWS = "reporting.rows.take"


name_deeds(
    {
        Did.DRAW_FIGURES: _l("Had figures made into a PDF"),
        Did.KEEP_REPORT: _l("Kept a statistical report"),
        Did.TAKE_ROWS: _l("Took the rows behind a figure as a file"),
    }
)
