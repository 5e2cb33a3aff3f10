"""Fields of choices take pairs or a mapping, with labels that are translated when shown."""

from __future__ import annotations

import warnings
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms.validators import InputRequired

from app.core.forms import BaseForm, RadioField, SelectField, SelectMultipleField


class Form(BaseForm):
    pairs = SelectField("a", [InputRequired()], choices=[("1", _l("Yes")), ("2", "二")])
    mapping = RadioField("b", choices={"x": _l("No")})
    later = SelectMultipleField("c")


def test_pairs_and_mappings_give_no_warning(app: Any) -> None:
    with (
        warnings.catch_warnings(),
        app.test_request_context(method="POST", data={"pairs": "2", "mapping": "x", "later": ["7"]}),
    ):
        warnings.simplefilter("error")
        form = Form()
        form.later.choices = {"7": "七", "8": "八"}
        assert form.validate() or set(form.errors) <= {"csrf_token"}
        assert "是" in str(form.pairs()) and 'value="2"' in str(form.pairs()) and "否" in str(form.mapping())
        assert [one.value for one in form.later.choices] == ["7", "8"]
        form.pairs.choices = [("3", "三")]
        assert not form.pairs.validate(form)
