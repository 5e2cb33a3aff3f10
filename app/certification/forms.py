from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, HiddenField
from wtforms.validators import InputRequired

from app.certification.states import CHANGE_LABELS, Change, EditionKind
from app.core.forms import BaseForm, Day, Exact, LongText, OnceForm, PersonName, RadioField, SelectField, ShortText


class ApplyForm(BaseForm):
    pledge = BooleanField(
        _l("What I have handed in is true. I agree that my name, level, class and organisation stand on the public notice for "
           "its term."),
        [InputRequired(_l("Without this the application cannot be taken."))],
    )  # fmt: skip


class ReasonForm(BaseForm):
    reason = LongText(_l("Reason"), maximum=2000, description=_l("The applicant will read it."))


class RemarkForm(BaseForm):
    remark = LongText(_l("Remark"), required=False, maximum=2000)


class DecisionForm(BaseForm):
    """One box for every step of a case; which buttons stand there depends on the state."""

    reason = LongText(
        _l("Reason or remark"), required=False, maximum=2000,
        description=_l("Needed for returning, refusing and sending back; the applicant reads it."),
    )  # fmt: skip


class ObjectionForm(OnceForm):
    name = ShortText(_l("Your name"), maximum=100, minimum=2)
    contact = ShortText(
        _l("Phone or e-mail"),
        maximum=200,
        minimum=5,
        description=_l("Only the office sees it, to ask back and to answer."),
    )
    grounds = LongText(
        _l("What you object to, with facts"), maximum=4000, minimum=10,
        description=_l("What, when, where, and how it can be checked."),
    )  # fmt: skip


class FindingForm(BaseForm):
    upheld = RadioField(
        _l("Result of the inquiry"),
        choices=[("no", _l("Not upheld: the notice goes on")), ("yes", _l("Upheld: back to review"))],
        validators=[InputRequired()],
    )
    finding = LongText(
        _l("What was found"),
        maximum=4000,
        description=_l("Kept with the case; the objector is answered by the office."),
    )


class ChangeForm(BaseForm):
    kind = SelectField(
        _l("Decide"),
        choices=[(k.value, w) for k, w in CHANGE_LABELS.items()],
        coerce=Change,
        validators=[InputRequired()],
    )
    code = SelectField(_l("Reason of the rule"), choices=[("", "–")], validate_choice=False)
    reason = LongText(_l("Reason"), maximum=2000, description=_l("The holder reads it."))


class DropForm(BaseForm):
    finding = LongText(_l("Why it is not confirmed"), maximum=2000)


class EditionForm(BaseForm):
    kind = SelectField(
        _l("New edition"),
        choices=[
            (EditionKind.REPRINT.value, _l("Reprint: marked as such")),
            (EditionKind.CORRECTION.value, _l("Correction: by present data")),
        ],
        coerce=EditionKind,
        validators=[InputRequired()],
    )
    reason = LongText(_l("Reason"), maximum=400)


class RenewalForm(BaseForm):
    hours = Exact(_l("Hours of continuing education since the last issue"), low=0, high=2000)
    policy_hours = Exact(_l("… of which on policy and law"), low=0, high=2000)
    proof = FileField(
        _l("Proof of the hours"),
        description=_l(
            "One file: PDF, picture, Word or Excel, at most 10 MB. Not needed where all stated hours stand in your hours ledger."
        ),
    )


class SealForm(BaseForm):
    picture = FileField(
        _l("Picture of the seal"),
        [FileRequired(_l("Please add the picture."))],
        description=_l("PNG or JPEG, square, at least 300 × 300 pixels, at most 2 MB; white or transparent ground."),
    )


class AskForm(OnceForm):
    """A holder asks for a correction or a reprint."""

    kind = RadioField(
        _l("What do you need?"),
        choices=[("correction", _l("Correction: something on it is wrong or has changed")), ("reprint", _l("Reprint: the certificate was lost or damaged"))],
        validators=[InputRequired()],
    )  # fmt: skip
    name = PersonName(
        _l("The right name"), required=False, description=_l("Only where the name is wrong or was changed.")
    )
    name_latin = ShortText(_l("The right name in Latin letters"), required=False, maximum=120)
    words = LongText(_l("What is to be done, and why"), maximum=2000, minimum=2)
    proof = FileField(
        _l("Proof"), description=_l("Needed for a correction: ID card, or the record of the change of name. PDF or picture, at most 10 MB."),
    )  # fmt: skip


class ClaimForm(OnceForm):
    """Somebody says: this certificate from before the platform is mine."""

    number = ShortText(_l("Certificate number"), maximum=60, description=_l("As printed on it."))
    name = PersonName(_l("Name on the certificate"))
    words = LongText(_l("Remark"), required=False, maximum=2000)
    proof = FileField(
        _l("Photo or scan of the certificate"),
        description=_l("PDF or picture, at most 10 MB. Helps where the register holds no ID number."),
    )


class AppealForm(OnceForm):
    words = LongText(_l("Why the decision is wrong"), maximum=4000, minimum=10)
    proof = FileField(_l("Documents"), description=_l("PDF or picture, at most 10 MB."))


class StatementForm(OnceForm):
    statement = LongText(
        _l("Your statement"), maximum=4000, minimum=2, description=_l("The second officer reads it before deciding.")
    )


class PaperStatementForm(OnceForm):
    """The holder's statement that came by letter or was handed in, entered by an officer."""

    received_on = Day(_l("Arrived on"), back=1, ahead=0)
    statement = LongText(
        _l("What the holder says"), maximum=4000, minimum=2,
        description=_l("Word for word, or the whole content in short; the scan stays beside it. The holder reads it too."),
    )  # fmt: skip
    scan = FileField(
        _l("Scan of the letter"), [FileRequired(_l("Please add the scan of the statement."))],
        description=_l("PDF or picture, at most 10 MB."),
    )  # fmt: skip


class AskDecisionForm(BaseForm):
    finding = LongText(_l("Words to the holder"), required=False, maximum=2000, description=_l("Needed for declining."))


class PlanForm(BaseForm):
    """A bulk action that was looked through, to be started."""

    chosen = HiddenField()
    do = HiddenField()


class BulkChangeForm(OnceForm):
    """A decision on many certificates, from a list of numbers."""

    kind = SelectField(
        _l("Decide"),
        choices=[(k.value, w) for k, w in CHANGE_LABELS.items()],
        coerce=Change,
        validators=[InputRequired()],
    )
    code = SelectField(_l("Reason of the rule"), choices=[("", "–")], validate_choice=False)
    reason = LongText(
        _l("Reason"), maximum=2000, description=_l("The holders read it. A third column of the list stands before it.")
    )
    lines = LongText(
        _l("Numbers, one on a line"),
        required=False,
        maximum=60_000,
        description=_l("Number, name and reason, with a tab or comma between; name and reason may be left out."),
    )
    file = FileField(
        _l("… or a list"),
        description=_l("Excel or CSV with the columns 证书编号, 姓名, 原因 (the last two may be missing)."),
    )
