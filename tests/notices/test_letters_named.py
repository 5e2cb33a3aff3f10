"""Letters a person may choose to get by mail are listed by a name, not by a subject with places to fill."""

from __future__ import annotations

from flask import Flask

from app.notices.service import optional_letters


def test_what_can_be_chosen_has_a_name_without_places(app: Flask) -> None:
    with app.test_request_context():
        assert [one.code for one in optional_letters() if "%(" in str(one.title)] == []
