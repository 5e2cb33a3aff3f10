"""Whatever is thrown at a form, nobody gets a 500: every POST route takes hostile and random input as somebody who may
do everything, so that no missing right hides a fault."""

from __future__ import annotations

import io
import random
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from app.accounts.models import OrganisationKind
from app.core.forms import BaseForm
from app.core.permissions import Role
from tests.access_table import filled, routes
from tests.factories import people

APP = Path(__file__).resolve().parent.parent / "app"
HOSTILE = [
    "", " ", "0", "1", "2", "-1", "1.5", "999999", "99999999999999999999999", "1e400", "NaN", "Infinity", "-0", "٣", "１２",
    "2026-02-30", "0000-00-00", "9999-12-31", "10000-01-01", "2026-01-01", "2026-01-01T25:61", "2026-01-01T09:00", "25:99",
    "09:00", "<script>alert(1)</script>", "'; DROP TABLE person; --", "=cmd|'/c calc'!A1", "../../etc/passwd", "a\x00b",
    "\x00", "\ud7ff￿", "\U0001f600" * 50, "𠮷野家" * 30, "x" * 300, "长" * 5000, "x" * 70_000, "%s%n%(name)s{0}{{7*7}}",
    "[]", "{}", "[1, 2", '{"a": [1, null, {}]}', "null", "true", "on", "y", "yes", "give", "site:0", "region:999999",
    "class:x", "a@example.org", "@", "‮‭", "\r\nSet-Cookie: x=1", "1,2,3", "1\n2\n3", "a: b: c\n- [", "1" * 18,
    "zh_Hans", "resident", "submit", "approve", "http://127.0.0.1/", "javascript:alert(1)", "//evil.example",
]  # fmt: skip
FILES = [
    ("x.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40), ("../../x.jpg", b"\xff\xd8\xff\xe0garbage"), ("x.pdf", b"%PDF-1.7\n%%EOF"),
    ("x.xlsx", b"PK\x03\x04not a zip"), ("", b""), ("a.csv", b"a,b\n=1+1,\xff\xfe"), ("x.xml", b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"),
    ("x.yaml", b"!!python/object/apply:os.system ['true']"), ("x.txt", "编号,姓名\n\u0000".encode()),
]  # fmt: skip
ROUNDS = 6


def every_form(kind: type = BaseForm) -> list[type]:
    return [kind] + [found for sub in kind.__subclasses__() for found in every_form(sub)]


def field_names() -> tuple[list[str], list[str]]:
    """Names of every field of every form and of every field a view reads by itself; and those that take files."""
    plain, files = set(), set()
    for form in every_form():
        for name in dir(form):
            made = getattr(form, name, None)
            if hasattr(made, "field_class"):
                (files if "File" in made.field_class.__name__ else plain).add(name)
    for source in APP.rglob("*.py"):
        text = source.read_text(encoding="utf-8")
        plain |= set(re.findall(r"""request\.form(?:\.get(?:list)?\(|\[)["']([\w-]+)["']""", text))
        files |= set(re.findall(r"""request\.files(?:\.get(?:list)?\(|\[)["']([\w-]+)["']""", text))
    prefixed = {
        f"{prefix}-{name}"
        for source in APP.rglob("*.py")
        for prefix in re.findall(r'prefix="([\w-]+)"', source.read_text(encoding="utf-8"))
        for name in ("reason", "remark", "decision")
    }
    return sorted((plain | prefixed) - {"csrf_token"}), sorted(files)


def address(app: Any, route: Any, dice: random.Random) -> str:
    number = dice.choice([1, 1, 2, 0, 999_999, 2**31, 2**63 - 1, 2**63, 10**25])
    return filled(app, route, number=number, text=dice.choice(["x", "x" * 500, "<b>", "%00", "1", "初级"]))


def body(names: list[str], files: list[str], dice: random.Random, round_: int) -> dict[str, Any]:
    """Keyword arguments of a request: nothing, a form, a form with files, a repeated field, JSON."""
    if round_ == 0:
        return {"data": {}}
    if round_ == 1:
        kinds: list[Any] = [
            [],
            {},
            "x",
            1,
            None,
            [{"question": "x", "counter": -1, "answer": {}}],
            {"epoch": 10**30, "steps": [1]},
        ]
        keyed = {name: dice.choice([*HOSTILE, None, [], {}, 10**30, True]) for name in names}
        return {"json": dice.choice([*kinds, keyed])}
    # A large text in many fields would only meet the limit on the whole form: few of them are large.
    values = MultiDict((name, dice.choice(HOSTILE)) for name in names if dice.random() < 0.9)
    large = [name for name in values if len(values[name]) > 1000]
    for name in large[5:]:
        values[name] = "x"
    if round_ == 2:
        for name in dice.sample(names, 20):
            values.setlist(name, ["1", "<b>", "999999"])
    data: dict[str, Any] = values.to_dict(flat=False)
    if round_ >= 4:
        for name in files:
            file_name, content = dice.choice(FILES)
            data[name] = [(io.BytesIO(content), file_name)]
    return {"data": data}


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_no_input_breaks_a_form(app: Any, client_as: Any, round_: int) -> None:
    region = people.region()
    people.organisation(region)
    person = people.person(region=region)
    for role in Role:
        people.hold(person, role)
    person_id = person.id
    names, files = field_names()
    dice = random.Random(f"round {round_}")
    app.config["PROPAGATE_BROKEN"] = False
    broken = []
    try:
        from app.accounts.models import Person
        from app.db import db

        browser = client_as(person)
        for route in routes(app):
            if route.method == "GET" or route.endpoint == "accounts.sign_out":
                continue
            where = address(app, route, dice)
            answer = browser.open(where, method=route.method, **body(names, files, dice, round_))
            answer.close()
            if answer.status_code >= 500:
                broken.append(f"{route.method} {where} ({route.endpoint}): {answer.status_code}")
            if answer.status_code in (401, 302) and answer.headers.get("Location", "/sign-in").startswith("/sign-in"):
                browser = client_as(db.session.get(Person, person_id))  # the input ended the session: begin anew
    finally:
        app.config["PROPAGATE_BROKEN"] = True
    assert broken == []


@pytest.mark.parametrize("round_", range(2))
def test_no_address_breaks_a_page(app: Any, client_as: Any, round_: int) -> None:
    """GET with hostile ids and query strings."""
    person = people.person(region=people.region())
    for role in Role:
        people.hold(person, role)
    browser, dice = client_as(person), random.Random(f"address {round_}")
    app.config["PROPAGATE_BROKEN"] = False
    broken = []
    try:
        for route in routes(app):
            if route.method != "GET":
                continue
            keys = (
                "q",
                "page",
                "sort",
                "export",
                "next",
                "from",
                "to",
                "day",
                "year",
                "level",
                "state",
                "region",
                "id",
                "role",
                "kind",
            )
            query = {name: dice.choice(HOSTILE)[:400] for name in keys}
            where = address(app, route, dice)
            answer = browser.get(where, query_string=query)
            answer.close()
            if answer.status_code >= 500 and route.endpoint != "core.readyz":
                broken.append(f"GET {where} ({route.endpoint}) {query}: {answer.status_code}")
    finally:
        app.config["PROPAGATE_BROKEN"] = True
    assert broken == []


class Forms(HTMLParser):
    """The POST forms of a page with the values a browser would send; an empty field gets something plausible."""

    PLAUSIBLE = {
        "date": "2026-12-01",
        "datetime-local": "2026-12-01T09:00",
        "time": "09:00",
        "number": "1",
        "email": "a@example.org",
    }

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.fields: dict[str, str] | None = None
        self.choosing = self.writing = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.fields = {} if a.get("method", "get").lower() == "post" else None
            if self.fields is not None:
                self.found.append((a.get("action", ""), self.fields))
        if self.fields is None or not (a.get("name") or tag == "option"):
            return
        if tag == "input" and a.get("type") not in ("submit", "file", "button"):
            if a.get("type") in ("radio", "checkbox"):
                self.fields.setdefault(a["name"], a.get("value", "y"))
            else:
                self.fields[a["name"]] = a.get("value") or self.PLAUSIBLE.get(a.get("type", ""), "试填的文字")
        elif tag == "select":
            self.choosing = a["name"]
        elif tag == "textarea":
            self.fields[a["name"]] = "试填的一段文字，足够长。"
        elif tag == "option" and self.choosing and a.get("value") and not self.fields.get(self.choosing):
            self.fields[self.choosing] = a["value"]
        elif tag == "button":
            self.fields.setdefault(a["name"], a.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.fields = None
        if tag == "select":
            self.choosing = ""


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(3))
def test_a_form_filled_in_well_but_for_one_field_breaks_nothing(app: Any, client_as: Any, round_: int) -> None:
    """The forms of every page, sent as a browser would: once as they are, then with one to three hostile fields. So the
    input comes past the first look at its shape and meets the service."""
    region = people.region()
    for kind in ("base", "enterprise"):
        people.organisation(region, OrganisationKind(kind))
    person = people.person(region=region)
    for role in Role:
        people.hold(person, role)
    browser, dice = client_as(person), random.Random(f"filled {round_}")
    app.config["PROPAGATE_BROKEN"] = False
    broken, sent = [], 0
    try:
        for route in routes(app):
            if route.method != "GET":
                continue
            where = filled(app, route, number=1)
            page = browser.get(where)
            if page.status_code != 200 or page.mimetype != "text/html":
                continue
            parser = Forms()
            parser.feed(page.text)
            for action, fields in parser.found:
                target = action or where
                if target in ("/sign-out", "/clock") or not target.startswith("/"):
                    continue
                data = dict(fields)
                for name in dice.sample(sorted(data), min(len(data), round_)):
                    data[name] = dice.choice(HOSTILE)
                answer = browser.post(target, data=data)
                sent += 1
                if answer.status_code >= 500:
                    broken.append(f"{where} → POST {target} {data}: {answer.status_code}")
    finally:
        app.config["PROPAGATE_BROKEN"] = True
    assert broken == []
    assert sent > 30, "the pages hold forms"
