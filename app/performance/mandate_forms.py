"""Shape of what is typed about mandates."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import MultipleFileField
from wtforms import BooleanField, StringField
from wtforms.validators import Email, InputRequired, Length, Optional

from app.core.forms import BaseForm, Day, LongText, OnceForm, RadioField, SelectField, ShortText
from app.performance.mandate_models import Mandate
from app.performance.mandate_states import Side
from app.performance.mandate_words import SIDES
from app.performance.mandates import MandateData

FIELDS = (
    "project", "client_name", "client_contact", "client_email", "consented_on", "other_name", "other_consented_on", "scope",
    "exclusive", "starts_on", "ends_on", "commission", "conflict",
)  # fmt: skip


class MandateForm(OnceForm):
    """A mandate as its manager writes it."""

    project = ShortText(_l("Project"), maximum=200)
    side = SelectField(
        _l("The manager acts for"), choices=[(k.value, v) for k, v in SIDES.items()], validators=[InputRequired()]
    )
    client_name = ShortText(
        _l("Client"),
        maximum=160,
        description=_l("Who gives the mandate. For both sides: the supplier of the technology."),
    )
    client_contact = ShortText(_l("Contact person of the client"), required=False, maximum=100)
    client_email = StringField(
        _l("E-mail of the client"),
        [Optional(), Email(), Length(max=254)],
        description=_l(
            "When the mandate ends, the client is asked for an opinion by a one-time link. Left empty, nobody is asked."
        ),
    )
    consented_on = Day(_l("Both sides: written consent of the supplier"), required=False)
    other_name = ShortText(_l("Both sides: the party that seeks technology"), required=False, maximum=160)
    other_consented_on = Day(_l("Both sides: written consent of the party that seeks"), required=False)
    scope = LongText(_l("Scope of the mandate"), maximum=4000)
    exclusive = BooleanField(_l("Exclusive: the client entrusts nobody else with it"))
    starts_on = Day(_l("First day"))
    ends_on = Day(_l("Last day"))
    commission = LongText(
        _l("Commission rule"),
        maximum=2000,
        description=_l("What is paid, by whom, when. Nothing beyond it may be taken."),
    )
    conflict = LongText(
        _l("Statement on conflicts of interest"),
        maximum=2000,
        description=_l("Ties to either side (employment, shares, relatives), or that there are none."),
    )
    files = MultipleFileField(
        _l("Signed mandate and consents"), description=_l("PDF, pictures, Word or Excel, at most 10 MB each.")
    )

    def uploads(self) -> list[Any]:
        return [one for one in self.files.data or [] if getattr(one, "filename", "")]

    def mandate_data(self) -> MandateData:
        typed = {name: self[name].data for name in FIELDS}
        empty = {name: "" for name in ("client_contact", "client_email", "other_name") if typed[name] is None}
        return MandateData(side=Side(self.side.data), **{**typed, **empty})


class OfferForm(MandateForm):
    """An officer's form: also who is to act."""

    person_id = SelectField(
        _l("Manager who acts"),
        coerce=int,
        validators=[InputRequired()],
        description=_l("Managers of the organisation who hold a certificate in force."),
    )


def values_of(mandate: Mandate) -> dict[str, Any]:
    return {name: getattr(mandate, name) for name in FIELDS} | {"side": mandate.side.value}


class WordsForm(BaseForm):
    """A step that needs a reason."""

    reason = LongText(_l("Reasons"), maximum=2000)


class CloseForm(BaseForm):
    number = ShortText(_l("Registration number"), maximum=40, description=_l("As printed on the registration proof."))
    on = Day(_l("Day of the contract"))


class TerminateForm(BaseForm):
    on = Day(_l("Last day of work"))
    reason = LongText(_l("Reasons"), maximum=2000)


class ReassignForm(BaseForm):
    person_id = SelectField(_l("Manager who acts"), coerce=int, validators=[InputRequired()])
    reason = LongText(_l("Reasons"), maximum=400)


class OpinionForm(BaseForm):
    """The client's answer."""

    score = RadioField(
        _l("How content are you with the manager's work?"),
        coerce=int,
        validators=[InputRequired()],
        choices=[
            (5, _l("5 – very content")),
            (4, _l("4 – content")),
            (3, _l("3 – neither")),
            (2, _l("2 – not content")),
            (1, _l("1 – not content at all")),
        ],
    )
    comment = LongText(_l("What went well, what did not"), required=False, maximum=2000)
    complaint = LongText(
        _l("Complaint"),
        required=False,
        maximum=4000,
        description=_l(
            "Only if something happened that an officer is to look into: facts, days, papers. The manager and the officer read it."
        ),
    )


class ComplaintForm(BaseForm):
    received_on = Day(_l("Received on"))
    words = LongText(_l("What the client complains about"), maximum=4000)


class FindingForm(BaseForm):
    finding = LongText(_l("What the inquiry found"), maximum=4000, description=_l("The manager reads this."))
