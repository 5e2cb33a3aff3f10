"""Forms check shape. Base form, and fields that clean what people type and say what is wrong in words."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any

import wtforms
from babel.support import Translations
from flask import Response, after_this_request, session
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import (
    DateField,
    DateTimeLocalField,
    DecimalField,
    Field,
    HiddenField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.csrf import core as csrf_core
from wtforms.fields.choices import SelectChoice
from wtforms.i18n import messages_path
from wtforms.validators import InputRequired, Length, Optional

from app.core import clock
from app.core.clock import LOCAL, local
from app.core.speech import language
from app.core.text import day as day_words


def clean_text(value: Any) -> Any:
    """Strip, drop control characters (but line breaks and tabs); NUL would stop PostgreSQL."""
    if not isinstance(value, str):
        return value
    kept = "".join(c for c in value if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return kept.replace("\r", "").strip()


@cache
def _words_of_wtforms(language: str) -> Any:
    """What WTForms itself says, read once per process (Flask-WTF reads the file at every form)."""
    return Translations.load(messages_path(), ["en" if language == "en" else "zh"], domain="wtforms")


Pairs = Mapping[Any, Any] | Iterable[tuple[Any, Any]]


def _options(choices: Any) -> Any:
    """``{value: label}`` or pairs as WTForms wants them. (It takes a plain ``{value: label}`` too, but not with labels that are
    translated when they are shown.)"""
    if choices is None or callable(choices):
        return choices
    pairs = choices.items() if isinstance(choices, Mapping) else choices
    return [one if isinstance(one, SelectChoice) else SelectChoice(value=one[0], label=one[1]) for one in pairs]


class _Choosing:
    """A field of choices: ``choices`` may be given, and set, as ``{value: label}`` or as pairs."""

    def __init__(self, *args: Any, choices: Pairs | None = None, **more: Any) -> None:
        super().__init__(*args, choices=_options(choices), **more)  # type: ignore[call-arg]

    @property
    def choices(self) -> Any:
        return super().choices  # type: ignore[misc]

    @choices.setter
    def choices(self, given: Pairs | None) -> None:
        wtforms.SelectField.choices.fset(self, _options(given))


class SelectField(_Choosing, wtforms.SelectField):
    pass


class SelectMultipleField(_Choosing, wtforms.SelectMultipleField):
    pass


class RadioField(_Choosing, wtforms.RadioField):
    pass


class CSRFTokenField(csrf_core.CSRFTokenField):
    """The token of a form, made when it is shown: most forms that are sent lead on, and none is asked of them.

    Its name is its type: templates leave out what is no field of the reader's by it.
    """

    def process(self, *args: Any, **more: Any) -> None:
        Field.process(self, *args, **more)

    def _value(self) -> str:
        return self.csrf_impl.generate_csrf_token(self)


class _Csrf(FlaskForm.Meta.csrf_class):  # type: ignore[name-defined, misc]
    field_class = CSRFTokenField


class BaseForm(FlaskForm):
    """Every form of the product. ``refuse(error)`` shows a service's refusal beside its field."""

    class Meta(FlaskForm.Meta):
        csrf_class = _Csrf

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            """What a page's form sent; a JSON body is no form (its shapes are anybody's guess)."""
            from flask import request

            if request and request.is_json and formdata is not None and not hasattr(formdata, "getlist"):
                return MultiDict() if request.method in ("POST", "PUT", "PATCH", "DELETE") else None
            return super().wrap_formdata(form, formdata)

        def get_translations(self, form: Any) -> Any:
            return _words_of_wtforms(language())

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Field:
            filters = list(unbound_field.kwargs.get("filters", ()))
            if issubclass(unbound_field.field_class, StringField) and clean_text not in filters:
                filters.append(clean_text)
                options["filters"] = filters
            return unbound_field.bind(form=form, **options)

    def refuse(self, error: Any) -> None:
        """Put an ``Invalid`` refusal at its field, or at the top of the form."""
        name = getattr(error, "field", None)
        words = getattr(error, "text", str(error))
        if name and name in self:
            field = self[name]
            field.errors = [*field.errors, words]
        else:
            self.form_errors.append(words)


class OnceForm(BaseForm):
    """A form that makes something new: sent a second time (a double click, the back button), it does nothing again.

    Each page carries a number of its own; it counts as used when the answer leads on (a redirect).
    """

    once = HiddenField(default=lambda: secrets.token_urlsafe(9))

    def validate(self, extra_validators: Mapping[str, Any] | None = None) -> bool:
        if not super().validate(extra_validators):
            return False
        number = (self.once.data or "")[:40]
        if not number:
            return True
        if number in session.get("sent", ()):
            self.form_errors.append(
                _l("This form was sent already, and it was recorded. To send another one, open the page anew.")
            )
            return False
        after_this_request(partial(_used, number))
        return True


def _used(number: str, answer: Response) -> Response:
    if answer.status_code in (302, 303):
        session["sent"] = [*session.get("sent", ()), number][-20:]
    return answer


def _length(minimum: int, maximum: int) -> Length:
    return Length(min=minimum, max=maximum) if minimum else Length(max=maximum)


class ShortText(StringField):
    """One line, at most ``maximum`` characters."""

    def __init__(
        self, label: Any = None, *, required: bool = True, maximum: int = 200, minimum: int = 0, **more: Any
    ) -> None:
        rule: list[Any] = [InputRequired()] if required else [Optional()]
        super().__init__(label, [*rule, _length(minimum, maximum), *more.pop("validators", [])], **more)


class LongText(TextAreaField):
    """Several lines, at most ``maximum`` characters."""

    def __init__(
        self, label: Any = None, *, required: bool = True, maximum: int = 10_000, minimum: int = 0, **more: Any
    ) -> None:
        rule: list[Any] = [InputRequired()] if required else [Optional()]
        super().__init__(label, [*rule, _length(minimum, maximum), *more.pop("validators", [])], **more)


class Sensible:
    """Validator of every date field: within ``back`` and ``ahead`` years of today. A year typed wrongly (1900, 0226, 2206) is
    found where it is typed; what the rules of the matter say of a date is the service's business."""

    def __init__(self, back: int, ahead: int) -> None:
        self.back, self.ahead = back, ahead

    def bounds(self) -> tuple[date, date]:
        """The first and the last day allowed: whole calendar years."""
        year = clock.today().year
        return date(year - self.back, 1, 1), date(year + self.ahead, 12, 31)

    def __call__(self, form: Any, field: Any) -> None:
        value = field.data
        if value is None:
            return
        first, last = self.bounds()
        if not first <= (value.date() if isinstance(value, datetime) else value) <= last:
            raise ValidationError(
                _l("Please give a date from %(first)s to %(last)s.", first=day_words(first), last=day_words(last))
            )


class Day(DateField):
    """A date, typed or picked, at most ``back`` calendar years ago and ``ahead`` years from now."""

    def __init__(
        self, label: Any = None, *, required: bool = True, back: int = 30, ahead: int = 30, **more: Any
    ) -> None:
        rule: list[Any] = [InputRequired()] if required else [Optional()]
        super().__init__(label, [*rule, Sensible(back, ahead), *more.pop("validators", [])], **more)


class Instant(DateTimeLocalField):
    """A date and a time of day in Asia/Shanghai, handed on as an instant in UTC."""

    def __init__(self, label: object = None, **more: object) -> None:
        super().__init__(
            label,
            [InputRequired(), Sensible(back=5, ahead=5)],
            format=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"],
            **more,
        )

    def process_data(self, value: datetime | None) -> None:
        super().process_data(None if value is None else local(value).replace(tzinfo=None))

    @property
    def instant(self) -> datetime:
        assert self.data is not None
        return self.data.replace(tzinfo=LOCAL).astimezone(UTC)


class Exact(DecimalField):
    """A finite decimal with at most two places within a range."""

    def __init__(
        self, label: Any = None, *, required: bool = True, low: Any = 0, high: Any = 99_999_999, **more: Any
    ) -> None:
        self.low, self.high = Decimal(str(low)), Decimal(str(high))
        rule: list[Any] = [InputRequired()] if required else [Optional()]
        super().__init__(label, [*rule, _exact, *more.pop("validators", [])], places=2, **more)


def _exact(form: Any, field: Any) -> None:
    value = field.data
    if value is None:
        return
    if not value.is_finite():
        raise ValidationError(_l("Please give a number."))
    if not field.low <= value <= field.high:
        raise ValidationError(_l("Please give a number from %(low)s to %(high)s.", low=field.low, high=field.high))
    if value != round(value, 2):
        raise ValidationError(_l("At most two decimal places, please."))


class PersonName(ShortText):
    """A person's name as on the ID document: letters of any script, with the marks that names have."""

    def __init__(self, label: Any = None, *, maximum: int = 100, **more: Any) -> None:
        super().__init__(label, maximum=maximum, validators=[_a_name, *more.pop("validators", [])], **more)


_IN_NAMES = set(" ·•‧・.．'’-–()（）")


def is_a_name(text: str) -> bool:
    """Letters with the marks that names have. Private-use characters pass: rare characters of names are sometimes written
    with them."""
    return any(unicodedata.category(c)[0] in "LC" for c in text) and all(
        unicodedata.category(c)[0] in "LM" or unicodedata.category(c) == "Co" or c in _IN_NAMES for c in text
    )


def _a_name(form: Any, field: Any) -> None:
    if not is_a_name(field.data or ""):
        raise ValidationError(_l("A name has letters only, as on the ID document; no digits or other signs."))
