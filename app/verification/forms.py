from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import HiddenField
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from app.core.forms import BaseForm, Day, LongText, OnceForm, PersonName, SelectField, SelectMultipleField, ShortText
from app.verification import keys, shares


class ManyCheckboxField(SelectMultipleField):
    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class VerifyForm(BaseForm):
    number = ShortText(
        _l("Certificate number"),
        maximum=60,
        description=_l("As printed; upper or lower case and spaces do not matter."),
    )
    name = ShortText(_l("Holder's full name"), maximum=100)
    sum = ShortText(_l("The sum"), required=False, maximum=10)
    ticket = HiddenField()


class CertificateFileForm(BaseForm):
    file = FileField(
        _l("Certificate file"),
        [FileRequired(_l("Please choose a file."))],
        description=_l(
            "The PDF as it was issued, or its JSON credential; at most 5 MB. The file is read and not kept."
        ),
        render_kw={"accept": ".pdf,.json,application/pdf,application/json"},
    )


class ShareForm(OnceForm):
    certificate = SelectField(_l("Certificate"), [InputRequired()], coerce=int)
    receiver = ShortText(
        _l("For whom"), maximum=160, description=_l("An employer's name, for instance; it stands on the page they see.")
    )
    purpose = ShortText(
        _l("Note"), required=False, maximum=200, description=_l("What it is for; it stands on the page too.")
    )
    shows = ManyCheckboxField(
        _l("Shown besides level, issuer, dates and state"),
        choices=[(k, v) for k, v in shares.SHOWS.items()],
        default=["name"],
    )
    until = Day(_l("Until"), description=_l("The last day on which the link works; within a year."))

    def offer(self, certificates: list[tuple[int, Any]]) -> None:
        self.certificate.choices = certificates


class RegistrationForm(OnceForm):
    name = ShortText(_l("Name of the organisation"), maximum=160, minimum=2)
    credit_code = ShortText(
        _l("Unified social credit code"),
        maximum=18,
        minimum=18,
        description=_l("18 characters, as on the business licence."),
    )
    region = SelectField(
        _l("Region"), [InputRequired()], coerce=int, description=_l("Whose authority reviews the registration.")
    )
    contact = PersonName(_l("Contact person"), maximum=100)
    phone = ShortText(_l("Telephone"), required=False, maximum=40)
    purpose = LongText(_l("What the checks are for"), maximum=1000, minimum=5)


class DecisionForm(BaseForm):
    reason = LongText(
        _l("Reason"), required=False, maximum=1000, description=_l("Read by the applicant; needed unless you approve.")
    )


class SheetForm(OnceForm):
    file = FileField(
        _l("Spreadsheet"),
        [FileRequired(_l("Please choose a file."))],
        description=_l(
            "Excel (.xlsx), certificate number in the first column, full name in the second. Up to 200 rows are answered at once, up to 10,000 in the background."
        ),
        render_kw={"accept": ".xlsx"},
    )


class KeyForm(OnceForm):
    name = ShortText(_l("Name of the key"), maximum=80, description=_l("Where it is used, for instance “HR system”."))
    scopes = ManyCheckboxField(
        _l("It may be used for"),
        [InputRequired(_l("Choose at least one."))],
        choices=[(k, v) for k, v in keys.SCOPES.items()],
        default=[keys.VERIFY],
    )
    quota = SelectField(
        _l("Rows a day, at most"),
        [InputRequired()],
        coerce=int,
        choices=[(q, f"{q:,}") for q in keys.QUOTAS],
        default=1_000,
    )


class RotateForm(OnceForm):
    overlap = SelectField(
        _l("The present key goes on working for"), coerce=int, validators=[InputRequired()], default=24,
        choices=[(0, _l("not at all")), (24, _l("one day")), (168, _l("seven days"))],
    )  # fmt: skip
