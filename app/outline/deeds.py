from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Did(StrEnum):
    SAVE_RULE = "outline.rule.save"


name_deeds({Did.SAVE_RULE: _l("Saved a new version of a rule")})
