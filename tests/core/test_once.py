"""A form sent twice makes one thing; a person's name is a name; a lost cookie leads to the sign-in page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from app.core.forms import BaseForm, OnceForm, PersonName, ShortText
from tests.factories import people


class Thing(OnceForm):
    name = ShortText("Name")


@pytest.fixture
def send(app: Any) -> Any:
    """``send(session, once, name)``: what the form says, with the session it leaves behind."""

    def sent(kept: dict[str, Any], once: str, *, status: int = 302) -> tuple[bool, dict[str, Any]]:
        from flask import make_response, session

        with app.test_request_context("/", method="POST", data={"once": once, "name": "x"}):
            session.update(kept)
            fine = Thing(meta={"csrf": False}).validate()
            app.process_response(make_response("", status))
            return fine, dict(session)

    return sent


def test_the_second_time_nothing_is_done(send: Any) -> None:
    fine, kept = send({}, "abc")
    assert fine
    fine, _ = send(kept, "abc")
    assert not fine
    assert send(kept, "def")[0]


def test_a_refused_form_may_be_sent_again(send: Any) -> None:
    fine, kept = send({}, "abc", status=422)
    assert fine and send(kept, "abc")[0]


def test_only_the_last_twenty_are_remembered(send: Any) -> None:
    kept: dict[str, Any] = {}
    for n in range(25):
        _, kept = send(kept, f"n{n}")
    assert kept["sent"] == [f"n{n}" for n in range(5, 25)]


class Named(BaseForm):
    name = PersonName("Name")


@pytest.mark.parametrize(
    ("name", "taken"),
    [("林晓雯", True), ("𠮷野明", True), ("阿卜杜热西提·买买提", True), ("Zhou Qiming", True), ("O’Neill-Smith", True),
     ("李四（大）", True), ("\ue863明", True), ("12345", False), ("<script>", False), ("李4", False), ("=1+1", False),
     ("··", False), ("a@b", False)],
)  # fmt: skip
def test_names(app: Any, name: str, taken: bool) -> None:
    with app.test_request_context():
        assert Named(MultiDict({"name": name}), meta={"csrf": False}).validate() is taken


def test_without_its_cookie_a_form_meets_the_sign_in_page(app: Any, client: Any, client_as: Any) -> None:
    app.config["WTF_CSRF_ENABLED"], before = True, app.config.get("WTF_CSRF_ENABLED")
    try:
        lost = client.post("/me", data={"name": "x"}, headers={"Referer": "http://localhost/me"})
        wrong = client_as(people.person()).post("/me", data={"name": "x"})
    finally:
        app.config["WTF_CSRF_ENABLED"] = before
    assert lost.status_code == 401 and re.search(r'name="next"[^>]*value="/me"', lost.text)
    assert wrong.status_code == 400
