import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates.snapshot import NotPlain, canonical, fingerprint, plain


class Level(StrEnum):
    MIDDLE = "middle"


@dataclass(frozen=True)
class Evidence:
    holder: str
    hours: Decimal
    photo: bytes


def test_keys_are_sorted_by_utf_16_as_rfc_8785_shows():
    """Section 3.2.3 of RFC 8785: the order of these seven keys."""
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    order = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(json.loads(canonical(dict.fromkeys(keys, 0)))) == order


def test_strings_are_escaped_as_rfc_8785_shows():
    assert canonical('\u20ac$\u000f\nA\'B"\\\\"/') == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()


def test_values_of_the_product():
    value = {
        "when": datetime(2026, 11, 21, 8, 30, tzinfo=timezone(timedelta(hours=8))),
        "day": date(2026, 11, 21),
        "points": Decimal("40.00"),
        "level": Level.MIDDLE,
        "who": Evidence("王芳", Decimal(60), b"photo"),
        "rows": (1, True, None),
    }
    digest = hashlib.sha256(b"photo").hexdigest()
    assert canonical(value).decode() == (
        '{"day":"2026-11-21","level":"middle","points":"40","rows":[1,true,null],'
        f'"when":"2026-11-21T00:30:00.000000Z","who":{{"holder":"王芳","hours":"60","photo":"sha256:{digest}"}}}}'
    )


def test_the_fingerprint_is_the_sha_256_of_those_bytes():
    assert fingerprint({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()
    assert fingerprint({"a": 2, "b": 1}) == fingerprint({"b": 1, "a": 2})
    assert fingerprint({"a": "2"}) != fingerprint({"a": 2})


@pytest.mark.parametrize(
    "value",
    [1.5, 2**53, datetime(2026, 1, 1), {1: "a"}, {"a": {2}}, Decimal("NaN"), "\ud800", object(), {"deep": [1, 2.0]}],
)
def test_what_has_no_single_spelling_is_refused(value):
    with pytest.raises(NotPlain):
        canonical(value)


def test_the_refusal_names_the_place():
    with pytest.raises(NotPlain, match=r"\$\.deep\[1\]"):
        plain({"deep": [1, 2.0]})


def test_one_instant_has_one_spelling():
    there = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    assert fingerprint(there) == fingerprint(datetime(2026, 1, 1, tzinfo=UTC))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_canonical_json_reads_back_as_the_same_value(value):
    assert json.loads(canonical(value)) == value
