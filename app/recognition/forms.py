"""Shape of input for agreements and recognition cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, MultipleFileField
from wtforms import BooleanField, IntegerField
from wtforms.validators import InputRequired, NumberRange, Optional

from app.core.forms import BaseForm, Day, LongText, OnceForm, RadioField, SelectField, SelectMultipleField, ShortText
from app.recognition.states import (
    MODEL_LABELS,
    OUTCOME_LABELS,
    VALIDITY_LABELS,
    VERIFIED_LABELS,
    Model,
    Outcome,
    Validity,
    Verified,
)

Choices = Sequence[tuple[Any, Any]]


def _id(value: Any) -> int:
    return int(value or 0)


class AgreementForm(OnceForm):
    region_id = SelectField(_l("Recognising region"), coerce=_id, validators=[InputRequired()])
    partner_id = SelectField(_l("Region whose certificates are recognised"), coerce=_id, validators=[InputRequired()])
    basis = ShortText(_l("Document number it rests on"), maximum=200)
    model = SelectField(_l("Way of recognising"), choices=[(m.value, w) for m, w in MODEL_LABELS.items()], coerce=Model)
    mutual = BooleanField(_l("Mutual: the other region recognises ours as well"))
    validity = SelectField(
        _l("A recognition holds"),
        choices=[(v.value, w) for v, w in VALIDITY_LABELS.items()],
        coerce=Validity,
        default="shorter",
    )
    signed_on = Day(_l("Signed on"), back=30, ahead=1)
    effective_on = Day(_l("In force from"), back=30, ahead=10)
    ends_on = Day(_l("Ends on (empty: open)"), back=30, ahead=50, required=False)
    scope = LongText(_l("Scope: levels, fields, hours"), required=False, maximum=2000)
    contact = ShortText(_l("Contact at the other side"), required=False, maximum=200)
    document = FileField(_l("Signed document (PDF or picture)"))
    levels = LongText(
        _l("Equivalence"),
        maximum=4000,
        description=_l(
            "One line per level: their level | our rank (1, 2, 3) | condition, if any. Example: Intermediate | 2 | 8 hours of local policy"
        ),
    )

    def offer(self, ours: Choices, all_regions: Choices) -> None:
        self.region_id.choices, self.partner_id.choices = list(ours), list(all_regions)


class MoveForm(BaseForm):
    reason = LongText(_l("Reason"), maximum=1000, minimum=2)


class CaseForm(OnceForm):
    """A request for recognition: a certificate of this site by choice, or another issuer's by its data."""

    region_id = SelectField(_l("Region that shall recognise it"), coerce=_id, validators=[InputRequired()])
    certificate_id = SelectField(_l("Certificate"), coerce=_id, default=0)
    target_rank = SelectField(_l("Recognise as"), coerce=_id, validators=[InputRequired()])
    source_region_id = SelectField(_l("Region of the issuer"), coerce=_id, default=0)
    source_issuer = ShortText(_l("Issuer"), required=False, maximum=200)
    source_number = ShortText(_l("Certificate number"), required=False, maximum=60)
    source_level = ShortText(_l("Level as printed"), required=False, maximum=100)
    source_issued_on = Day(_l("Issued on"), back=50, ahead=0, required=False)
    source_expires_on = Day(_l("Valid until"), back=50, ahead=50, required=False)
    purpose = LongText(_l("What the recognition is for"), required=False, maximum=1000)
    documents = MultipleFileField(_l("Documents (PDF, picture or credential file, each up to 10 MB)"))
    consents = BooleanField(
        _l(
            "I agree that my certificate data and these documents are given to the authority of the chosen region for this purpose."
        )
    )

    def offer(self, regions: Choices, certificates: Choices, ranks: Choices, sources: Choices) -> None:
        self.region_id.choices, self.target_rank.choices = list(regions), list(ranks)
        self.certificate_id.choices = [*certificates, (0, _l("another issuer's certificate (fill in below)"))]
        self.source_region_id.choices = [(0, "—"), *sources]

    def validate(self, extra_validators: Mapping[str, Any] | None = None) -> bool:
        fine = super().validate(extra_validators)
        if not self.certificate_id.data:
            for one in (self.source_issuer, self.source_number, self.source_level, self.source_issued_on):
                if not one.data and not one.errors:
                    one.errors = [*one.errors, _l("This field is required.")]
                    fine = False
            if not [f for f in self.documents.data or [] if getattr(f, "filename", "")]:
                self.documents.errors = [*self.documents.errors, _l("Please add a copy of the certificate.")]
                fine = False
        return fine


class AgainForm(BaseForm):
    purpose = LongText(_l("What you corrected"), maximum=1000, minimum=2)
    documents = MultipleFileField(_l("Further documents (PDF, picture or credential file, each up to 10 MB)"))


class VerifyForm(BaseForm):
    how = SelectField(
        _l("How it was verified"), coerce=Verified,
        choices=[(v.value, w) for v, w in VERIFIED_LABELS.items() if v is not Verified.REGISTER],
    )  # fmt: skip
    note = LongText(_l("By whom, what they said"), maximum=1000, minimum=2)


class ProposeForm(BaseForm):
    outcome = RadioField(
        _l("Proposal"),
        choices=[(o.value, w) for o, w in OUTCOME_LABELS.items()],
        coerce=str,
        validators=[InputRequired()],
    )
    rank = IntegerField(_l("Recognise as rank"), [Optional(), NumberRange(1, 9)])
    conditions = LongText(_l("Conditions, one per line"), required=False, maximum=2000)
    codes = SelectMultipleField(_l("Reason codes (for a refusal)"))
    remark = LongText(_l("Remark"), required=False, maximum=2000)

    @property
    def chosen(self) -> Outcome:
        return Outcome(self.outcome.data)


class ReturnForm(BaseForm):
    codes = SelectMultipleField(_l("Reason codes"))
    remark = LongText(_l("What has to be corrected"), maximum=2000, minimum=2)


class RemarkForm(BaseForm):
    remark = LongText(_l("Remark"), maximum=1000, minimum=2)


class SettleForm(BaseForm):
    confirm = RadioField(
        _l("Outcome"), choices=[("yes", _l("it counts again")), ("no", _l("it ends"))], validators=[InputRequired()]
    )
    reason = LongText(_l("Reason"), maximum=1000, minimum=2)
