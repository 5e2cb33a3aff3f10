"""Right, wrong and unknown cost the same statements; spellings of a name; counters shared by processes."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

import pytest
from flask import session
from flask_wtf.csrf import validate_csrf

from app.certification.models import Certificate
from app.core import clock
from app.db import db
from app.verification import service
from app.verification.models import VerificationQuery
from tests.factories import certification as made
from tests.factories import people


def shape(seen: list[str]) -> list[str]:
    return [re.sub(r"\s+", " ", s) for s in seen]


@pytest.mark.parametrize("way", ["page", "json"])
def test_right_wrong_and_unknown_take_the_same_statements(
    certificate: Certificate, client: Any, queries: Any, way: str
) -> None:
    def cost(number: str, name: str) -> list[str]:
        with queries() as seen:
            if way == "page":
                assert client.post("/verify", data={"number": number, "name": name}).status_code == 200
            else:
                assert client.post("/api/v1/verify", json={"number": number, "name": name}).status_code == 200
        return shape(seen)

    cost(certificate.number, "先看一遍")
    right = cost(certificate.number, "阿卜杜热西提·买买提")
    assert right == cost(certificate.number, "王建国") == cost("TTM1200202530001236", "王建国") == cost("旧证 7", "王")
    assert len([s for s in right if s.startswith(("SELECT", "INSERT"))]) == 2


def test_a_visitor_leaves_no_session_row(certificate: Certificate, client: Any, queries: Any) -> None:
    with queries() as seen:
        client.post("/verify", data={"number": certificate.number, "name": "阿卜杜热西提·买买提"})
    assert not [s for s in seen if "sign_in" in s] and db.session.query(VerificationQuery).count() == 1


@pytest.mark.parametrize(("kept", "typed"), [
    ("王芳", "王　芳"), ("王芳", " 王 芳 "), ("阿依古丽·买买提", "阿依古丽．买买提"), ("阿依古丽·买买提", "阿依古丽买买提"),
    ("䶮静", "\ue863静"), ("John Smith", "ＪＯＨＮ　smith"),
])  # fmt: skip
def test_spellings_of_one_name(kept: str, typed: str, client: Any, set_clock: Any, at: Any) -> None:
    set_clock(at("2026-03-02 09:00"))
    one = made.certificate(made.trainee(people.region("1200"), kept), now=at("2025-09-15 09:00"))
    assert client.post("/api/v1/verify", json={"number": one.number, "name": typed}).json["state"] == "valid"
    assert client.post("/api/v1/verify", json={"number": one.number, "name": typed + "某"}).json["state"] == "not_found"


def test_a_new_pattern_is_noticed_by_the_statement_that_looks(certificate: Certificate, client: Any, app: Any) -> None:
    """Patterns come from memory; a version saved by another process shows in the mark of the same statement."""
    from app.outline import service as outline

    ask = {"number": certificate.number, "name": "阿卜杜热西提·买买提"}
    assert client.post("/api/v1/verify", json=ask).json["state"] == "valid"
    kept = outline._kept
    outline._kept = outline._Kept((kept.mark[0], "of another day"), kept.versions, kept.by_id)
    assert client.post("/api/v1/verify", json=ask).json["state"] == "valid"
    assert outline._kept.mark == kept.mark


def test_the_frame_of_visitors_is_kept_and_never_shown_to_others(
    certificate: Certificate, client: Any, client_as: Any
) -> None:
    data = {"number": certificate.number, "name": "阿卜杜热西提·买买提"}
    first, second = client.post("/verify", data=data).text, client.post("/verify", data=data | {"name": "王建国"}).text
    assert "<title>有效" in first and "<title>未查到" in second and "\ue000" not in first + second
    person = people.person("李芳")
    assert "李芳" in client_as(person).post("/verify", data=data).text
    assert "李芳" not in client.post("/verify", data=data).text
    client.get("/language/en")
    assert "<title>Valid" in client.post("/verify", data=data).text


def test_the_clock_of_the_demonstration_in_a_kept_frame_is_the_readers_own(
    certificate: Certificate, app: Any, at: Any, set_clock: Any, monkeypatch: Any
) -> None:
    settings = app.extensions["settings"]
    monkeypatch.setitem(app.extensions, "settings", replace(settings, APP_MODE=type(settings.APP_MODE).DEMO))
    app.extensions.pop("visitor_frames", None)
    data, seen = {"number": certificate.number, "name": "阿卜杜热西提·买买提"}, []
    for moment in ("2026-03-02 09:00", "2026-03-02 10:00"):
        visitor = app.test_client()  # another browser
        set_clock(at(moment))
        clock_of = re.search(r'<form class="clock".*?</form>', visitor.post("/verify", data=data).text, re.S)
        token = re.search(r'name="csrf_token" value="([^"]+)"', clock_of[0])[1]  # type: ignore[index]
        with visitor.session_transaction() as kept, app.test_request_context():
            session["csrf_token"] = kept["csrf_token"]
            validate_csrf(token)
        assert moment.split(" ")[1] in clock_of[0]  # type: ignore[index]
        seen.append(token)
    assert seen[0] != seen[1] and len(app.extensions["visitor_frames"]) == 1
    whole = next(iter(app.extensions.pop("visitor_frames").values()))
    assert not any(token in part for token in seen for part in whole)


def test_counters_are_shared_through_redis(certificate: Certificate, client: Any) -> None:
    """Two processes count together: a storage of each, one Redis."""
    from limits import parse
    from limits.storage import storage_from_string
    from limits.strategies import FixedWindowRateLimiter

    url = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
    try:
        one, other = (FixedWindowRateLimiter(storage_from_string(url)) for _ in range(2))
        assert one.storage.check()
    except Exception:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("no Redis")
    limit, key = parse(service.LIMIT), f"test-{os.getpid()}"
    for n in range(10):
        assert (one if n % 2 else other).hit(limit, "verify", key)
    assert not one.hit(limit, "verify", key) and not other.hit(limit, "verify", key)
    one.clear(limit, "verify", key)


def test_the_report_as_a_pdf(certificate: Certificate, client: Any, set_clock: Any) -> None:
    page = client.post("/verify", data={"number": certificate.number, "name": "阿卜杜热西提·买买提"}).text
    path = re.search(r'href="(/verify/report/[^"]+)"', page)[1]  # type: ignore[index]
    answer = client.get(path)
    assert answer.status_code == 200 and answer.data.startswith(b"%PDF-")
    assert re.search(r"V\d{8}[0-9A-F]{10}\.pdf", answer.headers["Content-Disposition"])
    from certificates.pagetext import page_text

    words = page_text(answer.data)
    assert certificate.number in words and "买买提" in words and "有效" in words
    assert client.get(path[:-3] + "abc").status_code == 404
    none = client.post("/verify", data={"number": "旧 1", "name": "王"}).text
    assert "/verify/report/" not in none and clock.now()
