from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Did(StrEnum):
    READ_SHEET = "imports.sheet.read"
    TAKE_SHEET = "imports.sheet.take"
    UNDO_SHEET = "imports.sheet.undo"


name_deeds(
    {
        Did.READ_SHEET: _l("Uploaded a sheet"),
        Did.TAKE_SHEET: _l("Took a sheet over"),
        Did.UNDO_SHEET: _l("Undid a sheet"),
    }
)
