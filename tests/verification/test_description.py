"""What is thrown at the JSON door by its own description, and whether every answer is what the description says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.accounts.models import Organisation, Person
from app.certification.models import Certificate
from app.core import clock
from app.core.permissions import Role, Scope
from app.db import db, unit_of_work
from app.verification import keys
from tests.factories import people
from tests.verification.described import JSON, Description

ROUNDS = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
FEW = settings(ROUNDS, max_examples=20)
DOORS = ("/api/v1/verify", "/api/v1/verify/batch")


@pytest.fixture
def told(client: Any) -> Description:
    return Description(client.get("/api/v1/openapi.json").json)


@pytest.fixture
def key(app: Any) -> str:
    place = people.organisation(people.region("1201"), name="渤海湾新材料有限公司")
    clerk = people.officer(Role.EMPLOYER, Scope.ORGANISATION, place.id)
    with unit_of_work():
        _made, words = keys.make(
            db.session.get_one(Organisation, place.id), name="x", scopes=["verify", "batch"], quota=1_000_000,
            by=db.session.get_one(Person, clerk.id), now=clock.now(),
        )  # fmt: skip
    return words


def check(told: Description, path: str, answer: Any) -> None:
    operation = told.document["paths"][path]["post"]
    faults = told.answer_faults(operation, answer.status_code, answer.content_type, answer.json)
    assert not faults and answer.status_code < 500, (answer.status_code, answer.text, faults)


def post(client: Any, path: str, body: Any, key: str) -> Any:
    return client.post(path, json=body, headers={"Authorization": f"Bearer {key}"})


def test_the_description_holds_together(told: Description) -> None:
    """Every reference leads somewhere, every operation says what it takes, and how each answer of it looks."""
    seen = [(way, path) for way, path, _ in told.operations()]
    assert seen == [("POST", path) for path in DOORS]
    for _way, _path, operation in told.operations():
        assert told.resolved(told.body(operation))["type"] == "object"
        for status, response in operation["responses"].items():
            kinds = told.resolved(response)["content"]
            assert list(kinds) == ["application/json" if status == "200" else "application/problem+json"]
            for kind in kinds.values():
                assert told.resolved(kind["schema"])["required"], status  # clients may rely on it
        assert told.resolved(operation["responses"]["default"])["description"]
    found = told.resolved({"$ref": "#/components/schemas/Answer"})
    assert set(found["required"]) == set(found["properties"])


@pytest.mark.parametrize("path", DOORS)
def test_what_is_allowed_is_answered_as_described(told: Description, client: Any, key: str, path: str) -> None:
    body = told.body(told.document["paths"][path]["post"])

    @ROUNDS
    @given(told.good(body))
    def throw(value: Any) -> None:
        answer = post(client, path, value, key)
        assert answer.status_code == 200, answer.text
        check(told, path, answer)

    throw()


@pytest.mark.parametrize("path", DOORS)
def test_what_is_not_allowed_is_refused_as_described(told: Description, client: Any, key: str, path: str) -> None:
    body = told.body(told.document["paths"][path]["post"])

    @ROUNDS
    @given(told.bad(body))
    def throw(value: Any) -> None:
        answer = post(client, path, value, key)
        assert answer.status_code == 422 and answer.json["fields"], answer.text
        check(told, path, answer)

    throw()


@pytest.mark.parametrize("path", DOORS)
def test_whatever_else_is_sent_is_refused_as_described(told: Description, client: Any, key: str, path: str) -> None:
    kinds = st.sampled_from(
        ["application/json", "application/json; charset=utf-16", "text/plain", "application/xml", "", "x"]
    )
    raw = st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | JSON.map(lambda v: repr(v).encode())

    @ROUNDS
    @given(kinds, raw)
    def throw(kind: str, data: bytes) -> None:
        answer = client.post(path, data=data, content_type=kind, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code in (400, 415, 422), (answer.status_code, answer.text)
        check(told, path, answer)

    throw()


@pytest.mark.parametrize("path", DOORS)
def test_any_key_but_a_true_one_is_refused_as_described(told: Description, client: Any, path: str) -> None:
    printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
    one = {"number": "TTM1200202530001236", "name": "王建国"}
    body = one if path == DOORS[0] else {"rows": [one]}

    @FEW
    @given(printable | printable.map(lambda t: f"ttm_{t}") | st.just("ttm_0123456789_x"))
    def throw(words: str) -> None:
        answer = post(client, path, body, words)
        assert answer.status_code == 401, answer.text
        check(told, path, answer)

    throw()


@pytest.mark.parametrize(
    "data",
    [
        b'{"number": "\\ud800", "name": "\\udfff"}', b'{"number": "A1\\u0000", "name": "\\u0000"}',
        b'{"number": "1", "name": "2", "number": "3"}', b'{"number": 1e400, "name": "x"}', b'{"number": NaN, "name": "x"}',
        b"[" * 5000, b'{"number": "' + b"x" * 200_000 + b'", "name": "x"}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", DOORS)
def test_what_json_can_hide(told: Description, client: Any, key: str, path: str, data: bytes) -> None:
    whole = b'{"rows": [' + data + b"]}" if path == DOORS[1] else data
    answer = client.post(path, data=whole, content_type="application/json", headers={"Authorization": f"Bearer {key}"})
    check(told, path, answer)


def test_found_certificates_are_answered_as_described(
    told: Description, client: Any, key: str, certificate: Certificate
) -> None:
    body = {"number": certificate.number, "name": "阿卜杜热西提·买买提"}
    for path, sent in ((DOORS[0], body), (DOORS[1], {"rows": [body, body | {"name": "王"}]})):
        answer = post(client, path, sent, key)
        check(told, path, answer)
        assert "valid" in answer.text and certificate.number in answer.text
    check(told, DOORS[0], client.post(DOORS[0], json=body))


def test_used_up_limits_are_told_as_described(limited: Any, told: Description, client: Any) -> None:
    one = {"number": "TTM1200202530001236", "name": "王建国"}
    answers = [client.post(DOORS[0], json=one) for _ in range(12)]
    assert answers[-1].status_code == 429
    for answer in answers:
        check(told, DOORS[0], answer)


def test_the_reader_of_descriptions_sees_faults(told: Description) -> None:
    answer = {
        "state": "valid", "number": "A", "name": "B", "level": "C", "issuer": "D", "issued_on": "2026-01-01", "valid_until": None,
        "recognitions": [], "before_platform": False, "query": "V1", "queried_at": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    schema = {"$ref": "#/components/schemas/Answer"}
    assert list(told.faults(schema, answer)) == []
    for wrong in (
        {"state": "good"}, {"state": None}, {"issued_on": "2026-1-1"}, {"queried_at": "2026-01-01T00:00:00"}, {"recognitions": {}},
        {"recognitions": [{"number": "1"}]}, {"before_platform": 0}, {"more": 1}, {"number": 1},
    ):  # fmt: skip
        assert list(told.faults(schema, answer | wrong)), wrong
    assert list(told.faults(schema, {k: v for k, v in answer.items() if k != "level"}))
