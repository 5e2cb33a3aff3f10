"""The house stands: the application starts, closed by default, and speaks both languages."""

from __future__ import annotations

from typing import Any

import pytest

from config import HalfSet, from_env


def test_every_view_says_who_may_come(app: Any) -> None:
    from app.accounts.guard import access_of

    closed = sorted({rule.endpoint for rule in app.url_map.iter_rules() if access_of(rule.endpoint) is None})
    assert closed == []


def test_production_names_everything_that_is_missing() -> None:
    with pytest.raises(HalfSet) as stopped:
        from_env({"APP_MODE": "production"})
    words = " ".join(stopped.value.problems)
    for name in ("SECRET_KEY", "DATA_KEY", "LOOKUP_KEY", "DATABASE_URL", "STORAGE_URL", "PUBLIC_URL", "SMTP_URL"):
        assert name in words


def test_production_wants_https_and_whole_pairs() -> None:
    whole = dict.fromkeys(("SECRET_KEY", "DATA_KEY", "LOOKUP_KEY"), "x" * 40) | {
        "APP_MODE": "production", "DATABASE_URL": "sqlite:///x", "STORAGE_URL": "/tmp/x", "SMTP_URL": "smtp://x",
        "PUBLIC_URL": "https://example.org", "OPERATOR": "o", "CONTACT": "c", "MAIL_FROM": "m@example.org",
    }  # fmt: skip
    assert from_env(whole).APP_MODE == "production"
    with pytest.raises(HalfSet, match="https"):
        from_env(whole | {"PUBLIC_URL": "http://example.org"})
    with pytest.raises(HalfSet, match="together"):
        from_env(whole | {"SIGNING_P12": "/x"})


def test_shipped_rules_are_marked_as_system_default(app: Any) -> None:
    from app.outline import service

    rule = service.current("outline", 2)
    assert rule.is_default
    assert sum(row["hours"] for row in service.typed(rule)["hours"]) == 60


def test_an_unknown_address_answers_with_a_page(client: Any) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "不存在" in answer.text or "does not exist" in answer.text
