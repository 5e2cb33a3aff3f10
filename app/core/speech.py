"""Each feature's words in its own meaning.

Catalogues are kept per feature, and an English word may mean two things in two of them (“People” is 人员 in one and 人数 in
another). Flask-Babel lays all catalogues over each other; here the catalogue of the feature that says the word is asked
first – known by the module or template the call stands in – and the others only when it is silent.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

import flask_babel
from babel.support import Translations
from flask import g
from flask_babel.speaklater import LazyString
from markupsafe import Markup, escape

FOLDER = Path(__file__).resolve().parents[1] / "translations"


@lru_cache(maxsize=200)
def _own(feature: str, locale: str) -> dict[Any, str]:
    """The catalogue of one feature: message → words."""
    found = Translations.load(str(FOLDER), [locale], feature)
    return {k: v for k, v in getattr(found, "_catalog", {}).items() if k and v}


_context = g._get_current_object  # type: ignore[attr-defined]  # asked some hundred times a page: without the detour of a proxy


def language() -> str:
    """The language of this request (or of the letter that is being written): ``zh_Hans`` or ``en``."""
    try:
        locale = _context()._flask_babel.babel_locale
    except (RuntimeError, AttributeError):  # no application, or nobody has asked yet in this request
        locale = None
    locale = locale or flask_babel.get_locale()
    return "en" if locale is not None and locale.language == "en" else "zh_Hans"


def say(feature: str, string: str, variables: dict[str, Any], context: str = "") -> str:
    """The words of a feature in the reader's language, with values filled in."""
    words = _own(feature, language()).get(f"{context}\x04{string}" if context else string)
    if words is None:
        translations = flask_babel.get_translations()
        words = translations.upgettext(context, string) if context else translations.ugettext(string)
    return words % variables if variables else words


def _feature_of_module(name: str) -> str:
    parts = name.split(".")
    return parts[1] if parts[0] == "app" and len(parts) > 2 else "core"


def words_for(feature: str, one: str, many: str, count: Any) -> str:
    """The form of the words that goes with a count, its places still open."""
    said = language()
    found = _own(feature, said).get((one, 0)) if said == "zh_Hans" else None
    return found or str(flask_babel.get_translations().ungettext(one, many, 1 if _counted(count) == 1 else 2))


def say_many(feature: str, one: str, many: str, count: Any, variables: dict[str, Any]) -> str:
    """The words for a count. ``%(n)s`` is the count as figures are written, unless a value is given for it."""
    from app.core.text import number

    counted = _counted(count)
    return words_for(feature, one, many, count) % {"n": count if counted is None else number(counted), **variables}


def _counted(count: Any) -> Decimal | None:
    try:
        return Decimal(str(count))
    except InvalidOperation:
        return None


@dataclass(frozen=True)
class Counted:
    """Words of a letter or a refusal whose number depends on a value filled in later; ``by`` names that value."""

    feature: str
    one: str
    many: str
    by: str

    def __mod__(self, values: Mapping[str, Any]) -> str:
        return words_for(self.feature, self.one, self.many, values.get(self.by)) % values

    def __str__(self) -> str:
        return words_for(self.feature, self.one, self.many, 2)


def ngettext(one: str, many: str, num: Any, **variables: Any) -> str:
    """In place of flask_babel.ngettext."""
    feature = _feature_of_module(sys._getframe(1).f_globals.get("__name__", ""))
    return say_many(feature, one, many, num, variables)


def lazy_ngettext(one: str, many: str, by: str) -> Counted:
    """Words to be filled with ``%``; ``by`` names the value that is counted."""
    return Counted(_feature_of_module(sys._getframe(1).f_globals.get("__name__", "")), one, many, by)


def gettext(string: str, **variables: Any) -> str:
    """In place of flask_babel.gettext."""
    return say(_feature_of_module(sys._getframe(1).f_globals.get("__name__", "")), string, variables)


def pgettext(context: str, string: str, **variables: Any) -> str:
    return say(_feature_of_module(sys._getframe(1).f_globals.get("__name__", "")), string, variables, context)


def lazy_gettext(string: str, **variables: Any) -> LazyString:
    """In place of flask_babel.lazy_gettext: the feature is that of the module which wrote the words."""
    feature = _feature_of_module(sys._getframe(1).f_globals.get("__name__", ""))
    return LazyString(say, feature, string, variables)


def lazy_pgettext(context: str, string: str, **variables: Any) -> LazyString:
    feature = _feature_of_module(sys._getframe(1).f_globals.get("__name__", ""))
    return LazyString(say, feature, string, variables, context)


def source_of(words: LazyString) -> tuple[str, str, str]:
    """Feature, English text and context of lazy words without values, to be kept and said later to another reader."""
    feature, text, values, *context = words._args
    assert not values, "words with values cannot be kept"
    return feature, text, context[0] if context else ""


def in_template(string: str, **variables: Any) -> Markup:
    """Jinja's ``_``: the feature is that of the template in which the words stand, also through extends and import.

    Words are trusted, values are escaped; ``%`` is written ``%%``, as Jinja's own new style has it.
    """
    words = Markup(say(_feature_of_template(sys._getframe(1)), string, {}))  # noqa: S704 - from our catalogues
    return words % variables if "%" in words else words


def context_in_template(context: str, string: str) -> str:
    return say(_feature_of_template(sys._getframe(1)), string, {}, context)


def many_in_template(one: str, many: str, num: Any, **variables: Any) -> Markup:
    """Jinja's ``ngettext``, said like ``_``; values are escaped."""
    feature = _feature_of_template(sys._getframe(1))
    return Markup(say_many(feature, one, many, num, {k: escape(v) for k, v in variables.items()}))  # noqa: S704


def _feature_of_template(frame: FrameType | None) -> str:
    while frame is not None:
        names = frame.f_globals
        if "debug_info" in names and "blocks" in names:  # the code Jinja made of a template
            first, slash, _rest = str(names.get("name", "")).partition("/")
            return first if slash and not first.startswith("_") else "core"
        frame = frame.f_back
    return "core"


def install() -> None:
    """Put these in the place of Flask-Babel's, before any feature imports them."""
    for name in ("gettext", "lazy_gettext", "pgettext", "lazy_pgettext", "ngettext", "lazy_ngettext"):
        setattr(flask_babel, name, globals()[name])


def install_in_templates(environment: Any) -> None:
    """The same for templates."""
    from flask_babel import get_translations

    environment.install_gettext_callables(
        gettext=lambda string: say(_feature_of_template(sys._getframe(1)), string, {}),
        ngettext=lambda one, many, count: get_translations().ungettext(one, many, count),
        newstyle=True,
        pgettext=context_in_template,
        npgettext=lambda context, one, many, count: get_translations().unpgettext(context, one, many, count),
    )
    environment.globals["_"] = in_template  # without the detour through the extension
    environment.globals["ngettext"] = many_in_template
