"""Letters a person may choose to get by mail are listed by a name, not by a subject with places to fill."""

from __future__ import annotations

from flask import Flask

from app.notices.service import optional_letters


def test_what_can_be_chosen_has_a_name_without_places(app: Flask) -> None:
    with app.test_request_context():
        shown = {one.code: str(one.title) for one in optional_letters() if not one.code.startswith("test.")}
    assert shown and [code for code, title in shown.items() if "%(" in title] == []
