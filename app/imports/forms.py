from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import IntegerField
from wtforms.validators import InputRequired
from wtforms.widgets import HiddenInput

from app.core.forms import BaseForm, OnceForm, SelectField
from app.imports.kinds import Kind


class UploadForm(OnceForm):
    target = SelectField("", coerce=int, validators=[InputRequired()])
    file = FileField(
        _l("The sheet"),
        [FileRequired(_l("Please choose a file."))],
        description=_l("Excel (.xlsx) or text with commas (.csv, UTF-8, UTF-16 or GB 18030), at most 20 MB."),
    )


class SeenForm(BaseForm):
    """A step that somebody takes on what they have seen."""

    seen = IntegerField(widget=HiddenInput())


def columns_form(kind: Kind) -> type[SeenForm]:
    """One choice of column for each part of a kind, and what it asks besides."""
    fields: dict[str, Any] = {}
    for part in kind.parts:
        fields[f"part_{part.key}"] = SelectField(part.label, choices=[], validate_choice=False)
    for choice in kind.choices:
        fields[f"choice_{choice.key}"] = SelectField(choice.label, choices=choice.options, description=choice.help)
    return type("ColumnsForm", (SeenForm,), fields)
