"""Shapes of input. What may be chosen is handed in by the view; whether it is true is for the services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    EmailField,
    FileField,
    HiddenField,
    IntegerField,
    PasswordField,
    StringField,
)
from wtforms.validators import EqualTo, InputRequired, Length, NumberRange, Optional, Regexp

from app.accounts import words
from app.accounts.models import Education, IdKind, Organisation, OrganisationKind, PracticeKind, Region, TitleLevel
from app.core.forms import BaseForm, LongText, OnceForm, PersonName, RadioField, SelectField, ShortText
from app.core.frame import LANGUAGES
from app.core.permissions import Role, Scope

BLANK = [("", "—")]


def choices(names: dict[Any, Any], *, blank: bool = False) -> list[tuple[str, Any]]:
    made = [(str(code), label) for code, label in names.items()]
    return BLANK + made if blank else made


def region_choices(regions: Iterable[Region], *, blank: bool = True) -> list[tuple[str, str]]:
    made = [(str(r.id), words.place_name(r)) for r in regions]
    return BLANK + made if blank else made


class Secret(PasswordField):
    """A password: kept as typed, also blanks at its ends."""

    def __init__(self, label: Any, *, new: bool = False, **more: Any) -> None:
        rules = [InputRequired(), Length(max=200)]
        attributes = {"autocomplete": "new-password" if new else "current-password"}
        super().__init__(label, [*rules, *more.pop("validators", [])], render_kw=attributes, **more)


class Whole(IntegerField):
    """A whole number within a range; empty counts as nothing said."""

    def __init__(self, label: Any, *, high: int, required: bool = False, **more: Any) -> None:
        rules = [InputRequired() if required else Optional(), NumberRange(0, high)]
        super().__init__(label, rules, render_kw={"inputmode": "numeric"}, **more)


class SignInForm(BaseForm):
    email = EmailField(_l("E-mail address"), [InputRequired(), Length(max=254)], render_kw={"autocomplete": "username"})
    password = Secret(_l("Password"))
    next = HiddenField()
    kept = HiddenField()


class SignUpForm(BaseForm):
    name = PersonName(
        _l("Full name"), description=_l("As on your ID document; it is printed on certificates."),
        render_kw={"autocomplete": "name"},
    )  # fmt: skip
    email = EmailField(_l("E-mail address"), [InputRequired(), Length(max=254)], render_kw={"autocomplete": "email"})
    password = Secret(
        _l("Password"), new=True,
        description=_l("At least 10 characters. A short sentence is good; digits and signs are not required."),
    )  # fmt: skip
    again = Secret(_l("Password again"), new=True, validators=[EqualTo("password", _l("The two entries differ."))])
    region = SelectField(
        _l("Region"), [InputRequired(_l("Please choose your region."))],
        description=_l("Where you work; its certification office handles your application."),
    )  # fmt: skip
    employer = ShortText(
        _l("Employer"), required=False, maximum=160, render_kw={"list": "employers", "autocomplete": "organization"},
        description=_l("Choose from the list or type the full name. Leave it empty if you have none."),
    )  # fmt: skip
    locale = SelectField(_l("Language of letters"), [InputRequired()], choices=list(LANGUAGES.items()))
    terms = BooleanField(
        _l("I have read the terms of use and the privacy notice and agree to them"),
        [InputRequired(_l("Without your agreement no account can be opened."))],
    )


class ConfirmForm(BaseForm):
    password = Secret(_l("Password"), description=_l("The one you chose when you signed up."))


class AskResetForm(BaseForm):
    email = EmailField(_l("E-mail address"), [InputRequired(), Length(max=254)], render_kw={"autocomplete": "username"})


class NewPasswordForm(BaseForm):
    password = Secret(
        _l("New password"), new=True,
        description=_l("At least 10 characters. A short sentence is good; digits and signs are not required."),
    )  # fmt: skip
    again = Secret(_l("New password again"), new=True, validators=[EqualTo("password", _l("The two entries differ."))])


class ChangePasswordForm(NewPasswordForm):
    old = Secret(_l("Current password"))

    def __iter__(self) -> Any:
        """The current password comes first."""
        return iter([self._fields["old"], *(f for name, f in self._fields.items() if name != "old")])


class CodeForm(BaseForm):
    code = StringField(
        _l("Verification code"), [InputRequired(), Length(max=12)],
        description=_l("Six digits, shown by your authenticator app."),
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )  # fmt: skip


class ProfileForm(BaseForm):
    name = PersonName(_l("Full name"), render_kw={"autocomplete": "name"})
    name_latin = ShortText(
        _l("Name in Latin letters"), required=False, maximum=120,
        description=_l("For the English side of certificates, e.g. Wang Jianguo."),
        validators=[Regexp(r"^[A-Za-zÀ-ɏ' .,\-]*$", message=_l("Latin letters, please."))],
    )  # fmt: skip
    region = SelectField(_l("Region"), [InputRequired(_l("Please choose your region."))])
    employer = ShortText(
        _l("Employer"), required=False, maximum=160, render_kw={"list": "employers"},
        description=_l("Choose from the list or type the full name. Leave it empty if you have none."),
    )  # fmt: skip
    practice_kind = SelectField(
        _l("Kind of practice"), [InputRequired()], choices=choices(words.PRACTICE_KINDS), coerce=PracticeKind
    )
    full_time = RadioField(
        _l("Extent"), [InputRequired()], choices=[("yes", _l("Full-time")), ("no", _l("Part-time"))], default="yes",
    )  # fmt: skip
    field = ShortText(
        _l("Field"), required=False, maximum=80, description=_l("For instance biology and new medicine, new materials.")
    )
    education = SelectField(_l("Education"), choices=choices(words.EDUCATIONS, blank=True))
    experience_years = Whole(_l("Years of experience in technology transfer"), high=70, description=_l("Whole years."))
    title_level = SelectField(
        _l("Professional title"), [InputRequired()], choices=choices(words.TITLE_LEVELS), coerce=TitleLevel
    )
    title_years = Whole(_l("Years since the title was conferred"), high=70, description=_l("Whole years."))
    locale = SelectField(_l("Language of letters"), [InputRequired()], choices=list(LANGUAGES.items()))


class IdNumberForm(BaseForm):
    kind = SelectField(_l("Kind of document"), [InputRequired()], choices=choices(words.ID_KINDS), coerce=IdKind)
    number = ShortText(_l("Number"), maximum=40, render_kw={"autocomplete": "off"})


class PhoneForm(BaseForm):
    phone = ShortText(
        _l("Phone number"), required=False, maximum=30, render_kw={"autocomplete": "tel", "inputmode": "tel"}
    )


class PhotoForm(BaseForm):
    photo = FileField(
        _l("Photo"), [InputRequired()], render_kw={"accept": "image/jpeg,image/png"},
        description=_l("JPEG or PNG, upright like a passport photo, at least 295 × 413 pixels, at most 5 MB."),
    )  # fmt: skip


class ReasonForm(BaseForm):
    """A button that needs a reason."""

    reason = LongText(_l("Reason"), maximum=1000, minimum=4, description=_l("It is kept in the audit log."))


class OptionalReasonForm(BaseForm):
    reason = LongText(_l("Reason"), required=False, maximum=1000)


class SettleForm(BaseForm):
    decision = RadioField(
        _l("Decision"), [InputRequired()],
        choices=[("erase", _l("Erase the personal data")), ("refuse", _l("Refuse, with reason"))],
    )  # fmt: skip
    reason = LongText(_l("Reason"), required=False, maximum=2000, description=_l("Required when you refuse."))


class RoleForm(BaseForm):
    role = SelectField(_l("Role"), [InputRequired()], choices=choices(words.ROLES), coerce=Role)
    where = SelectField(_l("Scope"), [InputRequired()], description=_l("The role reaches only what lies in its scope."))


class InviteForm(BaseForm):
    name = PersonName(_l("Full name"))
    email = EmailField(_l("E-mail address"), [InputRequired(), Length(max=254)])
    region = SelectField(_l("Region"), [InputRequired(_l("Please choose your region."))])
    employer = ShortText(_l("Employer"), required=False, maximum=160, render_kw={"list": "employers"})
    locale = SelectField(_l("Language of letters"), [InputRequired()], choices=list(LANGUAGES.items()))


class FindForm(BaseForm):
    number = ShortText(_l("ID number or phone number"), maximum=40, render_kw={"autocomplete": "off"})


class OrganisationForm(OnceForm):
    name_zh = ShortText(_l("Name in Chinese"), maximum=160)
    name_en = ShortText(_l("Name in English"), required=False, maximum=200)
    kind = SelectField(
        _l("Kind"), [InputRequired()], choices=choices(words.ORGANISATION_KINDS), coerce=OrganisationKind
    )
    region = SelectField(_l("Region"), [InputRequired(_l("Please choose a region."))])
    credit_code = ShortText(_l("Unified social credit code"), required=False, maximum=18)


class RegionForm(BaseForm):
    code = ShortText(
        _l("Code"), maximum=6, validators=[Regexp(r"^[0-9]{4,6}$", message=_l("Four to six digits."))],
        description=_l("Used in certificate numbers; cannot be changed once certificates carry it."),
    )  # fmt: skip
    name_zh = ShortText(_l("Name in Chinese"), maximum=80)
    name_en = ShortText(_l("Name in English"), maximum=120)
    authority_zh = ShortText(_l("Issuing authority in Chinese"), maximum=120)
    authority_en = ShortText(_l("Issuing authority in English"), maximum=160)
    ours = BooleanField(_l("Served by this site"), default=True)


class EmptyForm(BaseForm):
    """Only the token: a button."""


def education_of(value: str) -> Education | None:
    return Education(value) if value else None


def where_choices(
    site: bool, regions: Iterable[Region], organisations: Iterable[Organisation]
) -> list[tuple[str, str]]:
    """Scopes an officer may grant a role in, as “scope:id”."""
    made = [(f"{Scope.SITE}:0", str(words.SCOPES[Scope.SITE]))] if site else []
    made += [(f"{Scope.REGION}:{r.id}", f"{words.SCOPES[Scope.REGION]}: {words.place_name(r)}") for r in regions]
    return made + [
        (f"{Scope.ORGANISATION}:{o.id}", f"{words.SCOPES[Scope.ORGANISATION]}: {words.place_name(o)}")
        for o in organisations
    ]


def scope_chosen(value: str) -> tuple[Scope, int]:
    kind, _colon, number = value.partition(":")
    return Scope(kind), int(number)
