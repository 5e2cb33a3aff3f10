"""An English word may mean two things in two features; each says its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from flask import render_template_string
from flask_babel import force_locale
from jinja2 import DictLoader

from app.core import speech

ROOT = Path(speech.__file__).parent.parent


def test_a_feature_is_asked_for_its_own_words_first(app: Any, monkeypatch: Any) -> None:
    books = {("training", "zh_Hans"): {"Word": "培训义"}, ("core", "zh_Hans"): {"Word": "公共义"}}
    monkeypatch.setattr(speech, "_own", lambda feature, locale: books.get((feature, locale), {}))
    templates = {
        "training/a.html": "{% extends 'frame.html' %}{% block x %}{{ _('Word') }}{% endblock %}",
        "frame.html": "{{ _('Word') }}|{% block x %}{% endblock %}",
        "exams/b.html": "{{ _('Word') }}",
        "_macros/m.html": "{% macro m() %}{{ _('Word') }}{% endmacro %}",
        "training/c.html": "{% from '_macros/m.html' import m %}{{ m() }}|{{ _('Word') }}",
    }
    with app.test_request_context(), force_locale("zh_Hans"):
        made = app.jinja_env.overlay(loader=DictLoader(templates))

        def page(name: str) -> str:
            return made.get_template(name).render()

        assert page("training/a.html") == "公共义|培训义"
        assert page("training/c.html") == "公共义|培训义"
        assert page("exams/b.html") == "Word", "nobody else's meaning is borrowed where no catalogue is laid over"
        assert speech.say("training", "Word", {}) == "培训义"
        assert render_template_string("{{ _('Word') }}") == "公共义"


def test_what_is_counted_is_called_n() -> None:
    """``ngettext`` fills ``%(n)s``; another name would stop a page the day the first thing is there to be counted."""
    counted = re.compile(r"ngettext\(\s*_?\"[^\"]*%\(num\)s", re.S)
    wrong = [
        str(file) for file in ROOT.rglob("*") if file.suffix in (".py", ".html") and counted.search(file.read_text())
    ]
    assert not wrong


def test_words_in_code_belong_to_the_module_that_wrote_them(app: Any) -> None:
    from app.accounts.words import ROLES
    from app.core.permissions import Role

    with app.test_request_context(), force_locale("zh_Hans"):
        assert str(ROLES[Role.AUDITOR]) == "监督员"
        assert ROLES[Role.AUDITOR]._args[0] == "accounts"
    with app.test_request_context(), force_locale("en"):
        assert str(ROLES[Role.AUDITOR]) == "Auditor"
