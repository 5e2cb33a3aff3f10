import json

import pytest

from app.core.jsons import read


@pytest.mark.parametrize(
    ("text", "value"), [('{"a": "\\ud83d\\ude00"}', {"a": "😀"}), ('"\\\\ud800"', "\\ud800"), (b'["\xe4\xba\xba"]', ["人"]), ("null", None)]
)  # fmt: skip
def test_good_json_is_read(text: str | bytes, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    "text", ["", "{", '"\\ud800"', '["\\udfff"]', '{"\\uDC00": 1}', "[" * 100_000, '{"a":' * 100_000]
)
def test_what_cannot_be_held_is_refused_as_unreadable(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        read(text)


def test_every_door_refuses_it_alike(client) -> None:
    for body in (b'{"number": "\\ud800", "name": "x"}', b"[" * 100_000):
        answer = client.post("/api/v1/verify", data=body, content_type="application/json")
        assert answer.status_code == 400 and answer.content_type == "application/problem+json"
