from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, IntegerField
from wtforms.validators import InputRequired, NumberRange, Optional

from app.core.forms import BaseForm, LongText, OnceForm, RadioField, SelectField, ShortText
from app.exams.models import Eligibility, Shown
from app.exams.rules import AT_LIMIT_CHOICES, RULE_CHOICES
from app.exams.words import APPEAL_OUTCOMES

ELIGIBILITY_NAMES = {
    Eligibility.TRAINING: _l("Everybody of the region whose training stage is passed registers"),
    Eligibility.LIST: _l("Only those whom the exam office puts on the list"),
}
SHOWN_NAMES = {
    Shown.SCORE: _l("Score, and points by module"),
    Shown.ANSWERS: _l("Score, points by module, and each question with key and explanation"),
}


class StartForm(BaseForm):
    honour = BooleanField(_l("I have read the honour statement and will keep it."))
    code = ShortText(_l("Room code"), required=False, maximum=20)


class TimeForm(OnceForm):
    minutes = IntegerField(_l("Minutes to add"), [InputRequired(), NumberRange(1, 240)])
    reason = ShortText(_l("Reason"), maximum=300)


class ReasonForm(BaseForm):
    reason = LongText(_l("Reason"), maximum=400)


class VoidForm(ReasonForm):
    cheating = BooleanField(_l("Cheating is confirmed: bar from exams for the time the rules say"))


class RegradeForm(OnceForm):
    """``kind``, ``part`` and ``to_revision_id`` get their choices from the view; the accepted answer is read from the
    question's fields."""

    kind = RadioField(_l("What is ruled"), [InputRequired()])
    part = SelectField(
        _l("About"),
        [Optional()],
        default="",
        validate_choice=False,
        description=_l(
            "One part alone can be dropped or given full marks; everything else is about the whole question."
        ),
    )
    to_revision_id = SelectField(
        _l("Marked by"), [Optional()], coerce=lambda text: int(text or 0), validate_choice=False
    )
    rule = SelectField(_l("Rule for multiple choice"), [Optional()], choices=RULE_CHOICES, validate_choice=False)
    reason = LongText(
        _l("Reason"), maximum=400, description=_l("Candidates whose result changes are told this reason.")
    )


class RegradeDecideForm(BaseForm):
    remark = LongText(_l("Remark"), required=False, maximum=400)


class AppealForm(BaseForm):
    reason = LongText(
        _l("Your reason"),
        maximum=2000,
        minimum=10,
        description=_l("Which questions, and what you think was overlooked. One request for each result."),
    )


class AnswerForm(BaseForm):
    """The decision on a result review."""

    outcome = RadioField(_l("Outcome"), [InputRequired()], choices=[(k.value, v) for k, v in APPEAL_OUTCOMES.items()])
    finding = LongText(_l("Reason"), maximum=2000, description=_l("The candidate reads this."))


class WatchForm(BaseForm):
    switch_limit = IntegerField(
        _l("Leaving the page: warnings"),
        [InputRequired(), NumberRange(1, 50)],
        description=_l("After so many absences that count the limit is reached. Each one is warned about."),
    )
    switch_seconds = IntegerField(
        _l("Leaving the page counts after seconds"),
        [InputRequired(), NumberRange(1, 600)],
        description=_l("Shorter absences are recorded only: input methods and calls also take the focus away."),
    )
    at_limit = RadioField(_l("At the limit"), [InputRequired()], choices=list(AT_LIMIT_CHOICES))
    idle_seconds = IntegerField(
        _l("Idle limit in seconds (0: off)"),
        [InputRequired(), NumberRange(0, 7200)],
        description=_l(
            "After it the candidate is asked; where the limit hands in, no answer within a minute hands in."
        ),
    )
    copy_free = BooleanField(_l("Copying and pasting is allowed"))
    watermark = BooleanField(_l("Name as a watermark"))
    full_screen = BooleanField(_l("Candidates are asked to use the full screen"))
    admission = BooleanField(
        _l("Candidates wait until they are admitted"),
        description=_l(
            "They start with the room code that the invigilator gives, or when the invigilator admits them."
        ),
    )
    seb = BooleanField(
        _l("Only in Safe Exam Browser"),
        description=_l("Candidates get a settings file; every request is checked against it."),
    )
    quit_password = ShortText(
        _l("Password to quit Safe Exam Browser"),
        required=False,
        maximum=60,
        description=_l("Only its hash goes into the settings file. Empty: as it was."),
    )


class IncidentForm(OnceForm):
    kind = SelectField(_l("Kind of incident"), [InputRequired()])
    note = LongText(_l("What happened"), maximum=1000)


class OutcomeForm(BaseForm):
    outcome = LongText(_l("What came of it"), maximum=1000)


class MessageForm(OnceForm):
    text = LongText(_l("Message"), maximum=400)


class SeatForm(BaseForm):
    seat = ShortText(_l("Seat"), required=False, maximum=10)


class DecideForm(BaseForm):
    remark = LongText(_l("Remark"), required=False, maximum=400, description=_l("Needed to decline."))
