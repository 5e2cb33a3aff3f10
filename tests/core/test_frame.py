"""The frame of every page, the first page, standing texts, refusals, health, clock and figures."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.core import clock
from app.core.nav import AREAS, PLACES, place
from app.core.permissions import Role
from tests.factories import people

ROOT = Path(__file__).resolve().parents[2]


def test_the_first_page_asks_the_database_nothing_of_a_visitor(client: Any, queries: Any) -> None:
    with queries() as seen:
        answer = client.get("/")
    assert answer.status_code == 200
    assert seen == []
    assert "Set-Cookie" not in answer.headers
    assert 'action="/verify"' in answer.text
    for name in ("number", "name"):
        assert f'name="{name}"' in answer.text


def test_the_first_page_sends_the_signed_in_to_their_own(client_as: Any) -> None:
    answer = client_as(people.person()).get("/")
    assert answer.status_code == 302
    assert answer.location in ("/home", "/notices")


def test_language_is_switched_by_click_and_kept(client: Any) -> None:
    assert 'lang="zh-CN"' in client.get("/").text
    answer = client.get("/language/en?next=/")
    assert answer.location == "/"
    page = client.get("/").text
    assert 'lang="en"' in page
    assert "Check a certificate" in page


@pytest.mark.parametrize(
    "path, marked",
    [
        ("/people", ("/people", "page")),
        ("/people/{}", ("/people", "true")),
        ("/people/erasures", ("/people/erasures", "page")),
    ],
)
def test_the_list_of_an_area_marks_the_place_a_page_lies_under(
    client_as: Any, path: str, marked: tuple[str, str]
) -> None:
    admin = people.officer(Role.ADMIN)
    page = client_as(admin).get(path.format(people.person().id)).text
    assert re.findall(r'<a href="([^"]+)" aria-current="(\w+)"><span>', page) == [marked]


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_coming_back_never_leads_elsewhere(client: Any, target: str) -> None:
    assert client.get("/language/en", query_string={"next": target}).location == "/"


def test_no_page_carries_inline_script_or_style(client: Any, client_as: Any) -> None:
    browser = client_as(people.officer(Role.ADMIN))
    for page in (client.get("/"), client.get("/nowhere"), browser.get("/notices"), browser.get("/jobs/all")):
        assert not re.search(r"<script(?![^>]* src=)", page.text)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page.text)
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]


def test_a_refusal_says_what_why_and_what_next_with_a_number(client: Any, client_as: Any) -> None:
    missing = client.get("/nowhere")
    assert missing.status_code == 404
    assert missing.headers["X-Request-Id"] in missing.text
    assert missing.text.count("<h1") == 1
    closed = client_as(people.person()).get("/jobs/all")
    assert closed.status_code == 403
    assert closed.headers["X-Request-Id"] in closed.text
    assert client.get("/nowhere", headers={"Accept": "application/json"}).get_json()["reference"]


def test_a_fault_of_ours_shows_no_trace(app: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setitem(app.config, "PROPAGATE_BROKEN", False)
    monkeypatch.setitem(app.view_functions, "core.index", broken)
    broken.access = "public"  # type: ignore[attr-defined]
    answer = client.get("/")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["X-Request-Id"] in answer.text


def test_too_large_is_said_in_words(app: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 100)
    answer = client.post("/clock", data={"shift": "x" * 1000})
    assert answer.status_code == 413
    assert "文件" in answer.text


def test_the_bell_counts_and_costs_one_query(client_as: Any, queries: Any) -> None:
    from app.db import unit_of_work
    from app.notices.service import letter, post

    somebody = people.person()
    kind = letter("test.bell", "Subject", "Body")
    browser = client_as(somebody)
    with unit_of_work():
        for _ in range(3):
            post(kind, to=somebody)
    with queries() as seen:
        page = browser.get("/jobs").text
    assert re.search(r'class="count">3<', page)
    assert sum("notice" in statement for statement in seen) == 1


def test_officers_find_their_areas_and_trainees_do_not(client_as: Any) -> None:
    def bar(person: Any) -> set[str]:
        page = client_as(person).get("/jobs").text
        return set(re.findall(r'href="([^"?]+)', page.split('id="bar-menu"')[1].split("</header>")[0]))

    assert {"/people", "/audit", "/rules/"} <= bar(people.officer(Role.ADMIN))
    assert not {"/people", "/audit", "/rules/"} & bar(people.person())
    assert "/audit" not in bar(people.officer(Role.MENTOR))


def test_counts_of_an_area_are_asked_once_and_only_there(client_as: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    asked: list[int] = []

    def count(person: Any) -> int:
        asked.append(person.id)
        return 12

    mine = next(p for p in PLACES if p.endpoint == "jobs.all_jobs")
    monkeypatch.setattr("app.core.nav.PLACES", [replace(p, count=count) if p is mine else p for p in PLACES])
    officer = people.officer(Role.ADMIN)
    browser = client_as(officer)
    assert 'class="count">12<' in browser.get("/jobs/all").text
    assert asked == [officer.id]
    browser.get("/jobs")
    assert asked == [officer.id]


def test_a_place_needs_a_known_area() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        place("core.index", "x", "nowhere")
    assert set(AREAS).isdisjoint({"me", "account", "public"})


@pytest.mark.parametrize("address", ["/about", "/privacy", "/accessibility"])
@pytest.mark.parametrize("language", ["zh_Hans", "en"])
def test_standing_texts_name_the_operator_in_both_languages(app: Any, client: Any, address: str, language: str) -> None:
    client.get(f"/language/{language}")
    page = client.get(address).text
    assert page.count("<h1") == 1
    assert address == "/accessibility" or app.extensions["settings"].OPERATOR in page.split("<footer")[0]
    assert not re.search(r"\{\w+\}", page)
    chinese = len(re.findall(r"[一-鿿]", page.split("<main")[1].split("<footer")[0]))
    assert chinese > 300 if language == "zh_Hans" else chinese < 200


def test_every_place_has_a_page(app: Any) -> None:
    assert [p.endpoint for p in PLACES if p.endpoint not in app.view_functions] == []


def test_ready_looks_at_database_and_storage(app: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/readyz").get_json() == {"ready": True, "database": True, "storage": True, "alarms": []}

    def gone() -> None:
        raise OSError("no such bucket")

    monkeypatch.setattr("app.files.service.check_storage", gone)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json() == {"ready": False, "database": True, "storage": False, "alarms": []}
    assert client.get("/healthz").get_json() == {"alive": True}


def test_figures_are_for_the_own_network(client: Any) -> None:
    client.get("/")
    answer = client.get("/metrics")
    assert 'http_requests_total{endpoint="core.index",method="GET",status="200"}' in answer.text
    assert "jobs_waiting 0.0" in answer.text
    assert "outbox_waiting 0.0" in answer.text
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "8.8.8.8"}).status_code == 404


def test_the_clock_moves_by_form_and_not_in_production(app: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = clock.offset()
    assert client.post("/clock", data={"shift": "+7d", "next": "/jobs"}).location == "/jobs"
    assert clock.offset() - before == timedelta(days=7)
    for wrong in ("", "7", "+7y", "+999999999999d"):
        assert client.post("/clock", data={"shift": wrong}).status_code == 302
        assert clock.offset() - before == timedelta(days=7)
    client.post("/clock", data={"shift": "reset"})
    assert clock.offset() == timedelta()
    from dataclasses import replace

    from config import Mode

    production = replace(app.extensions["settings"], APP_MODE=Mode.PRODUCTION)
    monkeypatch.setitem(app.extensions, "settings", production)
    assert client.post("/clock", data={"shift": "+7d"}).status_code == 404
    assert clock.offset() == timedelta()


def test_the_clock_moves_by_command(app: Any) -> None:
    run = app.test_cli_runner()
    assert "5 days" in run.invoke(args=["clock", "+5d"]).output
    assert clock.offset() == timedelta(days=5)
    assert run.invoke(args=["clock", "-2h"]).exit_code == 0
    assert clock.offset() == timedelta(days=4, hours=22)
    assert run.invoke(args=["clock", "soon"]).exit_code == 2
    assert run.invoke(args=["clock", "reset"]).exit_code == 0
    assert clock.offset() == timedelta()
    clock.configure(None)
    answer = run.invoke(args=["clock", "+5d"])
    assert answer.exit_code == 1
    assert "production" in answer.output


def _themes() -> dict[str, dict[str, str]]:
    """Theme → token → colour, as tokens.css says; the darker themes stand on the light one."""
    source = (ROOT / "app/static/css/tokens.css").read_text()
    found: dict[str, dict[str, str]] = {}
    for name, body in re.findall(r"(:root[^\{]*)\{([^}]*)\}", source):
        key = (re.search(r'data-theme="(\w+)"', name) or re.search(r"(not)", name) or re.search(r"()", name))[1]
        found[{"": "light", "not": "device-dark"}.get(key, key)] = dict(
            re.findall(r"--([\w-]+): (#[0-9a-f]{6});", body)
        )
    return {name: found["light"] | tokens for name, tokens in found.items()}


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_colour_of_words_is_legible_in_every_theme() -> None:
    pairs = [(ink, ground) for ink in ("ink", "ink-2", "link", "valid", "soon", "stopped", "neutral", "info", "accent",
                                       "gold", "training", "exam", "practice", "performance")
             for ground in ("paper", "ground")]  # fmt: skip
    pairs += [(tone, f"{tone}-soft") for tone in ("valid", "soon", "stopped", "neutral", "info")]
    pairs += [("ink", f"{tone}-soft") for tone in ("valid", "soon", "stopped", "neutral", "info", "brand")]
    pairs += [("on-brand", "brand"), ("on-brand", "brand-strong"), ("on-bar", "bar"), ("on-ribbon", "ribbon")]
    pairs += [("ink-2", "neutral-soft")]
    themes = _themes()
    assert set(themes) == {"light", "device-dark", "dark", "contrast"}
    assert themes["dark"] == themes["device-dark"]
    dim = [
        f"{theme}: {a} on {b} is {_contrast(tokens[a], tokens[b]):.2f}"
        for theme, tokens in themes.items()
        for a, b in pairs
        if _contrast(tokens[a], tokens[b]) < (7 if theme == "contrast" else 4.5)
    ]
    dim += [
        f"{theme}: edges on {ground} are {_contrast(tokens['line-strong'], tokens[ground]):.2f}"
        for theme, tokens in themes.items()
        for ground in ("paper", "ground")
        if _contrast(tokens["line-strong"], tokens[ground]) < 3
    ]
    assert dim == []


def test_colours_are_said_in_the_tokens_alone() -> None:
    source = (ROOT / "app/static/css/app.css").read_text().split("@media print")[0]
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)", source) == []
