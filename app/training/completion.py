"""The completion statement (结业证明): hours of a class by module. A statement, not a certificate."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from app.core import clock
from app.core.crypto import settings
from app.core.errors import Refused
from app.db import db
from app.outline.rules import MODULES
from app.outline.service import rule
from app.training.models import Enrolment, HourEntry
from certificates.names import printable


class NoStatement(Refused):
    message = _l("There is no completion statement: the class has not ended, or its hours do not reach what is asked.")


_MODULES_ZH = {"common": "公共知识", "policy": "政策法规", "skill": "实务技能", "advanced": "能力提升"}


def completion_pdf_of(enrolment: Enrolment) -> bytes:
    """The statement as PDF. Raises NoStatement; the renderer is imported here, so that web processes stay small."""
    if enrolment.completion_number is None or enrolment.completed_at is None:
        raise NoStatement
    from certificates import faces, rendering

    klass, person = enrolment.training_class, enrolment.person
    on = clock.local_date(enrolment.completed_at)
    credited: dict[str, Decimal] = defaultdict(Decimal)
    for module, hours in db.session.execute(
        select(HourEntry.module, func.sum(HourEntry.hours))
        .where(HourEntry.person_id == person.id, HourEntry.level == klass.level, HourEntry.earned_on <= on)
        .group_by(HourEntry.module)
    ):
        credited[module] = hours
    level = next((row for row in rule("levels", on=on)["levels"] if row["rank"] == klass.level), None)
    return rendering.completion_pdf(
        faces.CompletionFace(
            number=enrolment.completion_number,
            holder_name=printable(person.name),
            masked_id=person.id_masked or "—",
            class_name=klass.title,
            programme_zh=f"{level['zh'] if level else klass.level}培训",
            programme_en=f"{level['en'] if level else klass.level} programme",
            starts_on=klass.starts_on,
            ends_on=klass.ends_on,
            modules=tuple(
                faces.ModuleHours(_MODULES_ZH.get(m, m), _english(m), credited[m]) for m in MODULES if credited.get(m)
            ),
            base_zh=klass.organisation.name_zh,
            base_en=klass.organisation.name_en,
            issued_on=on,
            trial=settings().APP_MODE != "production",
        )
    )


def _english(module: str) -> str:
    from flask_babel import force_locale

    with force_locale("en"):
        return str(MODULES.get(module, module))
