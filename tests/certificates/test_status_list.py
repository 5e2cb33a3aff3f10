import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates import proofs
from certificates.status_list import MINIMUM, StatusUnknown, decode, draw_index, encode, is_set, look_up, status_list
from tests.certificates.samples_signed import NOW, Authority

W3C_EMPTY_LIST = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA"
"""Example 5 of "Bitstring Status List v1.0"; example 4 asks it for index 94567."""


def test_the_empty_list_of_the_standard():
    bits = decode(W3C_EMPTY_LIST)
    assert len(bits) * 8 == MINIMUM
    assert not any(is_set(bits, index) for index in (0, 5, 94567, 131_071))


def test_the_left_most_bit_is_index_zero():
    bits = decode(encode([0, 9, 131_071]))
    assert bits[0] == 0b1000_0000 and bits[1] == 0b0100_0000 and bits[-1] == 0b0000_0001


@given(st.sets(st.integers(0, MINIMUM - 1), max_size=50))
def test_what_was_set_and_nothing_else_comes_back(indices):
    bits = decode(encode(indices))
    assert {i * 8 + j for i, byte in enumerate(bits) if byte for j in range(8) if byte & (0x80 >> j)} == indices


def test_the_same_set_gives_the_same_text():
    assert encode([5, 3]) == encode([3, 5, 5])


@pytest.mark.parametrize(("indices", "size"), [([], 16_384), ([], MINIMUM + 1), ([MINIMUM], MINIMUM), ([-1], MINIMUM)])
def test_impossible_lists_are_refused(indices, size):
    with pytest.raises(ValueError):
        encode(indices, size)


@pytest.mark.parametrize("encoded", ["", "u", "H4sI", "uAAAA", W3C_EMPTY_LIST[:-6], "z" + W3C_EMPTY_LIST[1:]])
def test_what_is_no_list_says_nothing(encoded):
    with pytest.raises(StatusUnknown):
        decode(encoded)


def test_a_list_of_bytes_instead_of_bits_is_too_short():
    import base64
    import gzip

    short = "u" + base64.urlsafe_b64encode(gzip.compress(bytes(2048))).decode().rstrip("=")
    with pytest.raises(StatusUnknown):
        decode(short)


def test_indices_are_drawn_free_and_at_random():
    drawn = iter([7, 7, 8])
    assert draw_index({7}, draw=lambda size: next(drawn)) == 8
    assert len({draw_index(set()) for _ in range(50)}) > 45
    with pytest.raises(ValueError):
        draw_index(range(MINIMUM))


@pytest.fixture(scope="module")
def credential(authority):
    return json.loads(authority.credential())


def asked(authority, credential, data, purpose="revocation", now=NOW, trust=None):
    return look_up(credential, json.loads(data), purpose, trust or authority.trust, now)


def test_revoked_suspended_and_neither(authority, credential):
    assert asked(authority, credential, authority.status("revocation", [94567])) is True
    assert asked(authority, credential, authority.status("revocation", [94566, 94568])) is False
    assert asked(authority, credential, authority.status("suspension", [94567]), "suspension") is True


def test_lists_that_say_nothing(authority, credential):
    good = authority.status("revocation")
    other = Authority("230100")
    cases = {
        "other-list": authority.status("revocation", url=f"{authority.list_url}0"),
        "other-issuer": other.status("revocation", url=authority.list_url),
        "proof": Authority().status("revocation"),  # the same did with another key
        "form": authority.status("suspension", url=authority.list_url),
    }
    for code, data in cases.items():
        with pytest.raises(StatusUnknown) as unknown:
            asked(authority, credential, data)
        assert unknown.value.code == code
    for now in (NOW + timedelta(days=8), NOW - timedelta(days=1)):
        with pytest.raises(StatusUnknown) as unknown:
            asked(authority, credential, good, now=now)
        assert unknown.value.code == "stale"


def test_a_changed_list_says_nothing(authority, credential):
    document = json.loads(authority.status("revocation", [94567]))
    document["credentialSubject"]["encodedList"] = encode([])
    with pytest.raises(StatusUnknown) as unknown:
        look_up(credential, document, "revocation", authority.trust, NOW)
    assert unknown.value.code == "proof"


def test_a_million_entries_stay_within_what_is_read(authority):
    document = status_list(
        authority.did,
        authority.list_url,
        "revocation",
        range(0, 1_000_000, 100),
        now=NOW,
        holds_for=timedelta(days=7),
        ttl=timedelta(hours=1),
        size=1_000_000,
    )
    assert len(proofs.as_bytes(proofs.secure(document, authority.key, NOW))) < proofs.LIMIT
    assert document["credentialSubject"]["ttl"] == 3_600_000
