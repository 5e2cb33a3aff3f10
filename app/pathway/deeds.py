from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Did(StrEnum):
    SET_GOAL = "pathway.goal.set"
    EXEMPT = "pathway.stage.exempt"
    END_EXEMPTION = "pathway.exemption.end"


name_deeds(
    {
        Did.SET_GOAL: _l("Chose a level to work towards"),
        Did.EXEMPT: _l("Exempted a person from a stage"),
        Did.END_EXEMPTION: _l("Ended an exemption"),
    }
)
