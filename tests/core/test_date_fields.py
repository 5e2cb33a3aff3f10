"""Every date field of every form refuses what lies beyond any sense, with words that name the bounds."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import date
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict
from wtforms import DateField, DateTimeField, DateTimeLocalField, Form, TimeField

import app as product
from app.core.forms import BaseForm, Day, Sensible

DATES = (DateField, DateTimeField, DateTimeLocalField)


def _forms() -> list[type[BaseForm]]:
    for module in pkgutil.walk_packages(product.__path__, "app."):
        if "forms" in module.name or "views" in module.name or module.name.endswith("pages"):
            importlib.import_module(module.name)
    found, ahead = [], [BaseForm]
    while ahead:
        for one in ahead.pop().__subclasses__():
            found.append(one)
            ahead.append(one)
    return found


def test_every_date_field_has_the_shared_bounds(app: Flask) -> None:
    seen, without = set(), []
    for form in _forms():
        for name in dir(form):
            unbound: Any = getattr(form, name, None)
            kind = getattr(unbound, "field_class", None)
            if not (isinstance(kind, type) and issubclass(kind, DATES)) or issubclass(kind, TimeField):
                continue
            seen.add(name)
            field = unbound.bind(form=None, name=name, prefix="", _meta=form.Meta())
            if not any(isinstance(one, Sensible) for one in field.validators):
                without.append(f"{form.__module__}.{form.__name__}.{name}")
    assert not without, without
    assert {"dated", "starts_on", "started_on", "opens_at", "effective_from", "signed_on"} <= seen


class _Example(Form):
    on = Day("Day", back=10, ahead=0)


@pytest.mark.parametrize(
    ("typed", "fine"),
    [("1900-01-01", False), ("2015-12-31", False), ("2016-01-01", True), ("2026-12-31", True), ("2027-01-01", False),
     ("0226-01-01", False), ("9999-12-31", False), ("2026-02-30", False), ("", False)],
)  # fmt: skip
def test_the_bounds_are_whole_years_around_today(app: Flask, set_clock: Any, at: Any, typed: str, fine: bool) -> None:
    set_clock(at("2026-03-01 09:00"))
    with app.test_request_context():
        form = _Example(MultiDict({"on": typed}))
        assert form.validate() is fine
        if typed == "1900-01-01":
            assert "2016" in str(form.on.errors[0]) and "2026" in str(form.on.errors[0])
            assert Sensible(10, 0).bounds() == (date(2016, 1, 1), date(2026, 12, 31))
