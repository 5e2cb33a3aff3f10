import pytest

from certificates.did import DidError, PublishedKey, address_of, did_document, did_web, key_in


@pytest.mark.parametrize(
    ("url", "code", "did", "address"),
    [
        ("https://ttm.example.org", None, "did:web:ttm.example.org", "https://ttm.example.org/.well-known/did.json"),
        (
            "https://ttm.example.org/",
            "120116",
            "did:web:ttm.example.org:authority:120116",
            "https://ttm.example.org/authority/120116/did.json",
        ),
        # The two examples of the did:web method specification for a path and a port.
        ("https://w3c-ccg.github.io/user/alice", None, "did:web:w3c-ccg.github.io:user:alice", None),
        (
            "https://example.com:3000/user/alice",
            None,
            "did:web:example.com%3A3000:user:alice",
            "https://example.com:3000/user/alice/did.json",
        ),
    ],
)
def test_names_and_addresses(url, code, did, address):
    assert did_web(url, code) == did
    if address:
        assert address_of(did) == address


@pytest.mark.parametrize("url", ["ftp://x.org", "ttm.example.org", "", "https://"])
def test_no_site_no_did(url):
    with pytest.raises(DidError):
        did_web(url)


@pytest.mark.parametrize("code", ["", "a/b", "a:b", "..%2f", "甲"])
def test_no_code_no_did(code):
    with pytest.raises(DidError):
        did_web("https://ttm.example.org", code)


@pytest.mark.parametrize("did", ["did:key:z6Mk", "did:web:", "did:web:a::b", "did:web:a#k", "https://a"])
def test_no_did_web_no_address(did):
    with pytest.raises(DidError):
        address_of(did)


def test_the_document_lists_every_key_with_absolute_names():
    document = did_document("did:web:a.org", [PublishedKey("key-2", "zB"), PublishedKey("key-1", "zA")])
    assert document["assertionMethod"] == ["did:web:a.org#key-2", "did:web:a.org#key-1"]
    assert all(method["type"] == "Multikey" for method in document["verificationMethod"])
    assert key_in(document, "did:web:a.org#key-1") == "zA"
    assert key_in(document, "did:web:a.org#key-3") is None
    withdrawn = {**document, "assertionMethod": ["did:web:a.org#key-2"]}
    assert key_in(withdrawn, "did:web:a.org#key-1") is None


@pytest.mark.parametrize("keys", [[], [PublishedKey("k", "zA"), PublishedKey("k", "zB")]])
def test_a_document_needs_keys_of_different_names(keys):
    with pytest.raises(DidError):
        did_document("did:web:a.org", keys)
