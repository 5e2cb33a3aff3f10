"""Shape of input. Drafts may leave anything out; what is given must be of its kind."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import MultipleFileField
from wtforms import BooleanField, FieldList, FormField, HiddenField, IntegerField
from wtforms.validators import InputRequired, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from app.core.forms import (
    BaseForm,
    Day,
    Exact,
    Instant,
    LongText,
    OnceForm,
    SelectField,
    SelectMultipleField,
    ShortText,
)
from app.core.forms import RadioField as _RadioField
from app.practice.models import Confidentiality, TaskRole
from app.practice.words import CONFIDENTIALITY_LABELS, CONFIDENTIALITY_WORDS, FIELD_LABELS, KIND_LABELS, ROLE_LABELS

MAX_LINES = 200


class RadioField(_RadioField):
    """A choice that may be left open in a draft; ``InputRequired`` decides whether it must be made."""

    def pre_validate(self, form: Any) -> None:
        if self.data not in (None, ""):
            super().pre_validate(form)


def _id(value: Any) -> int:
    return int(value or 0)


class DraftForm(OnceForm):
    """A step of the entry form."""

    def loosen(self) -> None:
        """Saving a draft: what was left out is not asked for."""
        for one in self:
            if not any(str(raw).strip() for raw in (one.raw_data or [])) and one.type not in (
                "FieldList",
                "CSRFTokenField",
            ):
                one.validators = [Optional()]


class TaskForm(DraftForm):
    draft_key = HiddenField(default=lambda: secrets.token_urlsafe(9))
    rank = SelectField(FIELD_LABELS["rank"], coerce=_id, validators=[InputRequired()])
    task_code = SelectField(FIELD_LABELS["task"], validators=[InputRequired()])
    title = ShortText(
        FIELD_LABELS["title"], maximum=160, description=_l("Shown in lists to everybody concerned; no secrets here.")
    )
    project = ShortText(FIELD_LABELS["project"], maximum=200)
    real = RadioField(
        FIELD_LABELS["real"],
        choices=[("1", KIND_LABELS[True]), ("0", KIND_LABELS[False])],
        validators=[InputRequired()],
        default="1",
    )
    counterpart = ShortText(
        FIELD_LABELS["counterpart"],
        required=False,
        maximum=200,
        description=_l("The company or institute on the other side. A real project needs it."),
    )
    host_unit = ShortText(
        FIELD_LABELS["host_unit"], maximum=200, description=_l("The organisation in which you did the task.")
    )
    role = RadioField(
        FIELD_LABELS["role"],
        choices=[(r.value, label) for r, label in ROLE_LABELS.items()],
        validators=[InputRequired()],
    )
    share = Exact(FIELD_LABELS["share"], low=Decimal("0.01"), high=100, description=_l("100 when you did it alone."))
    started_on = Day(FIELD_LABELS["started_on"], back=10, ahead=1)
    ended_on = Day(FIELD_LABELS["ended_on"], back=10, ahead=1)
    base_id = SelectField(
        _l("Training base"),
        coerce=_id,
        validators=[Optional()],
        description=_l("The base that accompanies you, if any; its office can then help."),
    )

    def values(self) -> dict[str, Any]:
        made = {
            name: self[name].data
            for name in (
                "rank",
                "task_code",
                "title",
                "project",
                "counterpart",
                "host_unit",
                "share",
                "started_on",
                "ended_on",
                "base_id",
            )
        }
        return made | {"real": self.real.data != "0", "role": TaskRole(self.role.data) if self.role.data else None}


class LineForm(BaseForm):
    class Meta(BaseForm.Meta):
        csrf = False

    on = Day(_l("Date"), back=10, ahead=1, required=False)
    hours = Exact(_l("Hours spent"), required=False, low=Decimal("0.25"), high=24)
    text = ShortText(_l("Work done"), required=False, maximum=300)

    @property
    def blank(self) -> bool:
        return not any(str(raw).strip() for one in self for raw in (one.raw_data or []))

    def validate(self, *more: Any, **named: Any) -> bool:
        good = super().validate(*more, **named)
        for one in self:
            if not self.blank and one.data in (None, "") and not one.errors:
                one.errors = [_l("A work line needs a day, hours and words.")]
                good = False
        return good


class WorkForm(DraftForm):
    did = LongText(
        FIELD_LABELS["did"],
        maximum=4000,
        description=_l("Your own part, step by step; what was given, what you decided, whom you spoke to."),
    )
    result = LongText(
        FIELD_LABELS["result"], maximum=4000, description=_l("What came out of it, in figures where there are any.")
    )
    next_step = LongText(
        FIELD_LABELS["next_step"],
        maximum=4000,
        description=_l("What follows from it, and what you would do differently."),
    )
    lines = FieldList(FormField(LineForm), label=FIELD_LABELS["lines"], max_entries=MAX_LINES)

    def line_values(self) -> list[tuple[Any, Any, str]]:
        return [(one.form.on.data, one.form.hours.data, one.form.text.data) for one in self.lines if not one.form.blank]


class EvidenceForm(BaseForm):
    files = MultipleFileField(
        _l("Files"),
        description=_l("PDF, pictures, Word, Excel or text, up to 10 MB each. Several can be chosen at once."),
    )


class SubmitForm(DraftForm):
    confidentiality = RadioField(
        FIELD_LABELS["confidentiality"],
        choices=[(c.value, f"{CONFIDENTIALITY_LABELS[c]}") for c in Confidentiality],
        validators=[InputRequired()],
    )
    mentor_id = SelectField(FIELD_LABELS["mentor"], coerce=_id, validators=[InputRequired()])
    self_score = IntegerField(
        FIELD_LABELS["self_score"],
        validators=[InputRequired(), NumberRange(0, 100)],
        description=_l("How you judge your work by the rubric."),
    )
    honest = BooleanField(
        _l("What I state is true, it is my own part, and I may show the evidence."), validators=[InputRequired()]
    )

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.confidentiality.choices = [
            (c.value, _labelled(CONFIDENTIALITY_LABELS[c], CONFIDENTIALITY_WORDS[c])) for c in Confidentiality
        ]

    def values(self) -> dict[str, Any]:
        chosen = self.confidentiality.data
        return {
            "confidentiality": Confidentiality(chosen) if chosen else Confidentiality.INTERNAL,
            "mentor_id": self.mentor_id.data or None,
            "self_score": self.self_score.data,
        }


def _labelled(label: Any, words: Any) -> Any:
    from flask_babel import gettext as _

    return _("%(label)s: %(words)s", label=label, words=words)


class ConfirmForm(BaseForm):
    remark = LongText(
        _l("Remark"), required=False, maximum=2000, description=_l("Needed for a return: what has to be changed.")
    )


class ReasonForm(BaseForm):
    remark = LongText(_l("Reason"), maximum=1000)


class ReviewerForm(BaseForm):
    person_id = SelectField(_l("Reviewer"), coerce=_id, validators=[InputRequired()])


class MentorForm(BaseForm):
    person_id = SelectField(_l("Mentor"), coerce=_id, validators=[InputRequired()])
    reason = ShortText(_l("Reason"), required=False, maximum=300)


class DefenceForm(BaseForm):
    held_on = Day(_l("Held on"), back=10, ahead=1)
    panel = ShortText(_l("Panel"), maximum=300, description=_l("Names of those who asked."))
    minutes = LongText(_l("Minutes of the defence"), maximum=6000, description=_l("Questions, answers, judgement."))
    outcome = RadioField(
        _l("Outcome of the defence"),
        choices=[("1", _l("Passed")), ("0", _l("Not passed"))],
        validators=[InputRequired()],
    )


def rubric_form(criteria: Sequence[Mapping[str, Any]]) -> type[BaseForm]:
    """A form with points and a remark for each criterion of a rubric."""
    from app.practice.words import in_words

    fields: dict[str, Any] = {
        "remark": LongText(
            _l("Overall remark"),
            required=False,
            maximum=4000,
            description=_l("Read by the trainee. Needed when the task does not pass or is returned."),
        )
    }
    for one in criteria:
        name = in_words(one, "name")
        label = _l(
            "%(name)s (0–%(points)s)",
            name=name,
            points=f"{one['points']:f}".rstrip("0").rstrip(".") if "." in f"{one['points']:f}" else one["points"],
        )
        fields[f"points_{one['code']}"] = Exact(label, low=0, high=one["points"])
        fields[f"remark_{one['code']}"] = ShortText(_l("Remark on “%(name)s”", name=name), required=False, maximum=400)
    return type("RubricForm", (BaseForm,), fields)


class PortfolioForm(OnceForm):
    """What goes into a bound portfolio."""

    rank = SelectField(
        FIELD_LABELS["rank"], coerce=_id, description=_l("A portfolio for an application needs one level.")
    )
    passed_only = BooleanField(_l("Passed tasks only"), default=True)
    with_core = BooleanField(
        _l("With the content of core material"),
        description=_l(
            "Otherwise core material appears with its title alone. Whoever gets the copy can read it: hand it on with care."
        ),
    )


class HearingForm(OnceForm):
    """An appointment for an oral defence. The choices of people come from the view."""

    starts = Instant(_l("Day and time"))
    minutes = IntegerField(_l("Minutes of a defence"), validators=[InputRequired(), NumberRange(5, 240)])
    place = ShortText(_l("Place"), maximum=200, description=_l("Room, or the address of the video meeting."))
    panel = SelectMultipleField(
        _l("Panel"), coerce=_id, validators=[InputRequired()], widget=ListWidget(prefix_label=False), option_widget=CheckboxInput(),
        description=_l("Listed are reviewers of the region who are not the mentor and do not work for the trainee's employer."),
    )  # fmt: skip
    chair_id = SelectField(_l("Chair"), coerce=_id, validators=[InputRequired()])


class WhyForm(BaseForm):
    why = LongText(_l("Reason"), maximum=400, description=_l("Told to those concerned."))


class MinutesForm(BaseForm):
    minutes = LongText(_l("Minutes of the defence"), maximum=6000, description=_l("Questions, answers, judgement."))


def judgement_form(criteria: Sequence[Mapping[str, Any]]) -> type[BaseForm]:
    """A form with points for each criterion of a defence."""
    from app.practice.words import in_words

    fields: dict[str, Any] = {
        f"points_{one['code']}": Exact(
            _l("%(name)s (0–%(points)s)", name=in_words(one, "name"), points=f"{one['points'].normalize():f}"),
            low=0,
            high=one["points"],
        )
        for one in criteria
    }
    fields["remark"] = LongText(_l("Remark"), required=False, maximum=2000, description=_l("Read by the chair."))
    return type("JudgementForm", (BaseForm,), fields)


class TeamForm(OnceForm):
    """A team task as its lead describes it. Choices of task, level and skills come from the view."""

    rank = SelectField(_l("Level my own part counts for"), coerce=_id, validators=[InputRequired()])
    task_code = SelectField(FIELD_LABELS["task"], validators=[InputRequired()])
    title = ShortText(FIELD_LABELS["title"], maximum=160, description=_l("Read by everybody you ask; no secrets here."))
    project = ShortText(FIELD_LABELS["project"], maximum=200)
    real = RadioField(
        FIELD_LABELS["real"],
        choices=[("1", KIND_LABELS[True]), ("0", KIND_LABELS[False])],
        validators=[InputRequired()],
        default="1",
    )
    counterpart = ShortText(
        FIELD_LABELS["counterpart"], required=False, maximum=200,
        description=_l("The company or institute on the other side. A real project needs it."),
    )  # fmt: skip
    host_unit = ShortText(FIELD_LABELS["host_unit"], maximum=200)
    started_on = Day(FIELD_LABELS["started_on"], back=10, ahead=1)
    ended_on = Day(FIELD_LABELS["ended_on"], back=10, ahead=1, required=False)
    needed = SelectMultipleField(
        _l("Skills the task needs"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput(),
        description=_l("The team's page shows which of them nobody brings yet."),
    )  # fmt: skip
    brings = SelectMultipleField(
        _l("What I bring"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    share = Exact(
        _l("My share of the work in percent"), low=Decimal("0.01"), high=100,
        description=_l("Together with the shares of the others it must make 100."),
    )  # fmt: skip


class MemberForm(OnceForm):
    """Asking somebody to join."""

    email = ShortText(_l("E-mail address"), maximum=200, description=_l("The one they sign in with."))
    role = SelectField(
        FIELD_LABELS["role"],
        choices=[(r.value, label) for r, label in ROLE_LABELS.items()],
        default=TaskRole.TAKING_PART.value,
    )
    share = Exact(_l("Share of the work in percent"), low=Decimal("0.01"), high=100)


class ShareForm(BaseForm):
    """The lead changes a member's part."""

    role = SelectField(FIELD_LABELS["role"], choices=[(r.value, label) for r, label in ROLE_LABELS.items()])
    share = Exact(_l("Share of the work in percent"), low=Decimal("0.01"), high=100)


class JoinForm(BaseForm):
    """A member's answer."""

    rank = SelectField(_l("Level my own part counts for"), coerce=_id, validators=[InputRequired()])
    brings = SelectMultipleField(
        _l("What I bring"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )


class DeclineForm(BaseForm):
    why = ShortText(_l("Reason"), required=False, maximum=300, description=_l("Read by the lead."))
