"""Shape of what is typed about running classes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, MultipleFileField
from wtforms import BooleanField, IntegerField
from wtforms.validators import InputRequired, NumberRange

from app.core.forms import BaseForm, Day, Exact, LongText, OnceForm, SelectField, ShortText
from app.outline.rules import MODULE_CHOICES
from app.training.documents import Asked
from app.training.forms import EnrolForm, pledge_field

FILES = _l("PDF, pictures, Word or Excel, at most 10 MB each.")


class CopyForm(OnceForm):
    title = ShortText(_l("Title of the class"), maximum=120)
    starts_on = Day(_l("Class begins"), back=1, ahead=5, description=_l("Every period moves by as many days."))
    enrol_from = Day(_l("Enrolment opens"), back=1, ahead=5)
    enrol_until = Day(_l("Enrolment closes"), back=1, ahead=5)
    rooms = BooleanField(_l("Take the rooms over"))
    teachers = BooleanField(_l("Take the teachers over"))


class MoveForm(OnceForm):
    """Move the chosen people into another class."""

    to_class_id = SelectField(_l("To the class"), [InputRequired()], coerce=int)
    reason = LongText(_l("Reason"), maximum=1000, description=_l("The people concerned read it."))

    def offer(self, classes: Sequence[Any]) -> None:
        self.to_class_id.choices = [(c.id, c.title) for c in classes]


class SplitForm(OnceForm):
    title = ShortText(_l("Title of the new class"), maximum=120)
    capacity = IntegerField(_l("Capacity"), [InputRequired(), NumberRange(1, 5000)])
    reason = LongText(_l("Reason"), maximum=1000, description=_l("The people concerned read it."))


class RemarkForm(BaseForm):
    reason = LongText(_l("Remark"), required=False, maximum=1000)


class LeaveForm(BaseForm):
    reason = LongText(_l("Reason for the leave"), maximum=1000)
    proof = FileField(_l("Proof"), description=FILES)


class MakeUpForm(BaseForm):
    session = SelectField(_l("Period in another class"), [InputRequired()], coerce=int)


class ClaimForm(OnceForm):
    module = SelectField(_l("Module"), [InputRequired()], choices=MODULE_CHOICES)
    title = ShortText(_l("What was heard"), maximum=200, description=_l("Title of the course, seminar or conference."))
    provider = ShortText(_l("Who held it"), maximum=200)
    from_on = Day(_l("First day"), back=10, ahead=0)
    until_on = Day(_l("Last day"), back=10, ahead=0)
    hours = Exact(
        _l("Class hours"), low=Decimal("0.25"), high=500, description=_l("One class hour has 45 minutes (system default).")
    )  # fmt: skip
    about = LongText(_l("Content"), required=False, maximum=2000)
    proofs = MultipleFileField(_l("Proof"), description=FILES)


class RecognitionForm(ClaimForm):
    enrolment_id = SelectField(_l("For the class"), [InputRequired()], coerce=int)


class ContinuingForm(ClaimForm):
    organisation_id = SelectField(_l("Training base that looks at it"), [InputRequired()], coerce=int)


class EventForm(OnceForm):
    organisation_id = SelectField(_l("Training base that held it"), [InputRequired()], coerce=int)
    title = ShortText(_l("Title of the event"), maximum=200)
    module = SelectField(_l("Module"), [InputRequired()], choices=MODULE_CHOICES)
    from_on = Day(_l("First day"), back=3, ahead=0)
    until_on = Day(_l("Last day"), back=3, ahead=0)
    hours = Exact(
        _l("Class hours of each participant"), low=Decimal("0.25"), high=500, description=_l("One class hour has 45 minutes (system default).")
    )  # fmt: skip


class ParticipantsForm(BaseForm):
    people = LongText(
        _l("Participants"),
        maximum=30_000,
        description=_l(
            "One to a line, at most 500: certificate number, e-mail address, or name. Names are looked for among the certificates of the region of the base."
        ),
    )


class AmountForm(BaseForm):
    hours = Exact(_l("Class hours"), low=0, high=500)
    reason = LongText(_l("Remark"), required=False, maximum=1000)


def enrol_form(asked: Sequence[Asked]) -> type[EnrolForm]:
    """The form of enrolment with a field for each document that is asked."""
    fields: dict[str, Any] = {
        one.field: FileField(
            one.words + (" *" if one.required else ""), description=_l("PDF, picture or Word file, at most 10 MB.")
        )
        for one in asked
    }
    named = {name.replace("-", "_"): field for name, field in fields.items()}
    return type("EnrolWithDocuments", (EnrolForm,), named | {"pledge": pledge_field()})
