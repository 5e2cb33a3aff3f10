"""Shape of what people type about training."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, IntegerField, TimeField
from wtforms.validators import InputRequired, NumberRange
from wtforms.widgets import CheckboxInput, ListWidget

from app.accounts.words import place_name
from app.core.forms import BaseForm, Day, Exact, LongText, OnceForm, SelectField, SelectMultipleField, ShortText
from app.outline.rules import MODULE_CHOICES
from app.outline.service import level_names
from app.training import words
from question_bank.items import Kind


def _number(value: Any) -> int | None:
    """The id chosen, or None for the empty choice. Raises ValueError for what is no id."""
    if value in (None, ""):
        return None
    if len(str(value)) > 9:
        raise ValueError("too long for an id")
    return int(value)


def pledge_field() -> Any:
    """The honesty statement: the last field of the form, whatever stands above it."""
    return BooleanField(
        _l(
            "I confirm that everything I have stated is true, that I will attend in person and sign in only for myself."
        ),
        [InputRequired(_l("Please confirm the honesty statement."))],
    )


class EnrolForm(BaseForm):
    education = SelectField(
        _l("Highest education"), [InputRequired()], choices=[(k.value, w) for k, w in words.EDUCATION.items()]
    )
    experience_years = IntegerField(
        _l("Whole years of work in technology transfer"), [InputRequired(), NumberRange(0, 60)],
        description=_l("Put 0 if you have just begun."),
    )  # fmt: skip
    title_level = SelectField(
        _l("Professional title"), [InputRequired()], choices=[(k.value, w) for k, w in words.TITLES.items()]
    )
    title_years = IntegerField(
        _l("Whole years since the title was conferred"), [InputRequired(), NumberRange(0, 60)],
        description=_l("Put 0 without a title."),
    )  # fmt: skip
    remark = LongText(
        _l("Remarks for the training base"), required=False, maximum=400,
        description=_l("For example: your work, or what was asked of you."),
    )  # fmt: skip
    pledge = pledge_field()


class ReasonForm(BaseForm):
    reason = LongText(_l("Reason"), maximum=1000)


class ClassForm(OnceForm):
    organisation_id = SelectField(_l("Training base"), [InputRequired()], coerce=int)
    level = SelectField(_l("Level"), [InputRequired()], coerce=int)
    title = ShortText(_l("Title of the class"), maximum=120, description=_l("For example: Third junior class 2026"))
    online = BooleanField(_l("Online class"))
    place = ShortText(
        _l("Place"), required=False, maximum=200, description=_l("Address and room; not needed for an online class.")
    )
    starts_on = Day(_l("Class begins"), back=3, ahead=5)
    ends_on = Day(_l("Class ends"), back=3, ahead=5)
    enrol_from = Day(_l("Enrolment opens"), back=3, ahead=5)
    enrol_until = Day(_l("Enrolment closes"), back=3, ahead=5)
    capacity = IntegerField(_l("Capacity"), [InputRequired(), NumberRange(1, 5000)])
    teacher_id = SelectField(_l("Class teacher"), coerce=_number, validate_choice=True)
    about = LongText(
        _l("About the class"),
        required=False,
        maximum=5000,
        description=_l("What people should know; Markdown is possible."),
    )

    def offer(self, bases: list[Any], teachers: list[Any]) -> None:
        """Fill the choices with what the officer may choose from."""
        self.organisation_id.choices = [(b.id, place_name(b)) for b in bases]
        self.level.choices = list(level_names().items())
        self.teacher_id.choices = [("", "—"), *((p.id, p.name) for p in teachers)]

    def values(self) -> dict[str, Any]:
        from app.training.classes import FIELDS

        return {name: self[name].data for name in FIELDS}


class SessionForm(BaseForm):
    course_version_id = SelectField(_l("Course"), coerce=_number)
    module = SelectField(
        _l("Module"), [InputRequired()], choices=MODULE_CHOICES,
        description=_l("Taken from the course when one is chosen."),
    )  # fmt: skip
    title = ShortText(_l("Heading"), required=False, maximum=200, description=_l("Needed when no course is chosen."))
    day = Day(_l("Day"), back=3, ahead=5)
    starts = TimeField(_l("Starts at"), [InputRequired()])
    ends = TimeField(_l("Ends at"), [InputRequired()])
    hours = Exact(_l("Class hours"), low=Decimal("0.25"), high=24)
    room = ShortText(_l("Room"), required=False, maximum=120)
    teacher_id = SelectField(_l("Teacher"), coerce=_number)

    def offer(self, courses: list[Any], teachers: list[Any]) -> None:
        self.course_version_id.choices = [
            ("", _l("No course")),
            *((c.id, f"{c.course.code} {c.title} · {c.hours:g}") for c in courses),
        ]
        self.teacher_id.choices = [("", "—"), *((p.id, p.name) for p in teachers)]


class LetterForm(OnceForm):
    subject = ShortText(_l("Subject"), maximum=120)
    text = LongText(_l("Text"), maximum=4000)


class CourseForm(BaseForm):
    title_zh = ShortText(_l("Title in Chinese"), maximum=200)
    title_en = ShortText(_l("Title in English"), required=False, maximum=200)
    module = SelectField(_l("Module"), [InputRequired()], choices=MODULE_CHOICES)
    hours = Exact(_l("Class hours"), low=Decimal("0.25"), high=200)
    category = SelectField(
        _l("Category"), [InputRequired()], choices=[(k.value, w) for k, w in words.CATEGORIES.items()]
    )
    mode = SelectField(_l("Mode"), [InputRequired()], choices=[(k.value, w) for k, w in words.MODES.items()])
    online = BooleanField(_l("Taught online by lessons"))
    needs = SelectMultipleField(
        _l("Prerequisites"), coerce=int, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput(),
        description=_l("Lessons of this course count for a learner once these courses are done."),
    )  # fmt: skip
    summary_zh = LongText(_l("Summary in Chinese"), required=False, maximum=2000)
    summary_en = LongText(_l("Summary in English"), required=False, maximum=2000)


class NewCourseForm(CourseForm):
    level = SelectField(_l("Level"), [InputRequired()], coerce=int)
    code = ShortText(_l("Course code"), maximum=20, description=_l("For example L1-S-11; it never changes."))


class LessonForm(BaseForm):
    title_zh = ShortText(_l("Title in Chinese"), maximum=200)
    title_en = ShortText(_l("Title in English"), required=False, maximum=200)
    minutes = IntegerField(_l("Minutes to read or watch"), [InputRequired(), NumberRange(1, 600)])
    hours = Exact(_l("Class hours credited"), low=Decimal("0.05"), high=20)
    body = LongText(_l("Text (Markdown)"), maximum=100_000, minimum=20)
    summary_en = LongText(_l("Summary in English"), required=False, maximum=4000)
    sources = LongText(_l("Sources, one per line"), required=False, maximum=4000)


class QuizForm(BaseForm):
    """The quiz is kept as rows ``q<n>-…`` of plain fields; this form checks the token only."""


QUIZ_CHOICES = (
    (Kind.SINGLE.value, _l("Single choice")),
    (Kind.MULTIPLE.value, _l("Multiple choice")),
    (Kind.TRUEFALSE.value, _l("True or false")),
)


class NoteForm(BaseForm):
    note = ShortText(_l("What has changed"), maximum=300)
