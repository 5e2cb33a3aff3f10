"""What is issued, held against the official schema; and our own list of required parts, held against it as well."""

from __future__ import annotations

import json
from typing import Any

import pytest

from certificates import proofs
from tests.certificates.official import Validator, objections, schema
from tests.certificates.required_parts import SHAPES, WORDS
from tests.certificates.test_required_parts import ACHIEVEMENT, SUBJECT, changed_part, endorsement

LEVELS = {1: "初级技术经理人", 2: "中级技术经理人", 3: "高级技术经理人"}


def test_the_schema_is_the_published_one():
    assert schema()["$id"].endswith("/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json")
    Validator.check_schema(schema())


@pytest.mark.parametrize("rank", LEVELS)
@pytest.mark.parametrize(
    "words",
    [
        {},
        {"valid_until": None},
        {"results": (), "alignments": (), "field": ""},
        {"trial": True, "holder_name": "阿卜杜热西提·买买提"},
    ],
)
def test_the_schema_accepts_every_certificate(authority, rank, words):
    made = authority.credential(
        level=LEVELS[rank], achievement_id=f"urn:uuid:{rank:08}-0000-4000-8000-000000000000", **words
    )
    assert objections(json.loads(made)) == []


@pytest.mark.parametrize("words", [{}, {"valid_until": None}, {"trial": True}])
def test_the_schema_accepts_every_endorsement(authority, words):
    assert objections(proofs.read(proofs.as_bytes(endorsement(authority, **words)))) == []


BROKEN: list[tuple[list[Any], Any]] = [
    (["issuer"], None),
    (["issuer", "id"], None),
    (["validFrom"], "2026-11-21"),
    (["@context"], ["https://www.w3.org/ns/credentials/v2"]),
    (["type"], ["VerifiableCredential"]),
    ([*SUBJECT, "achievement"], None),
    ([*SUBJECT, "type"], ["Subject"]),
    ([*SUBJECT, "identifier", 0, "hashed"], "false"),
    ([*SUBJECT, "identifier", 0, "identityType"], "fullName"),
    ([*SUBJECT, "result", 0, "status"], "Passed"),
    ([*ACHIEVEMENT, "criteria"], None),
    ([*ACHIEVEMENT, "achievementType"], "Praise"),
    ([*ACHIEVEMENT, "resultDescription", 0, "resultType"], "Wish"),
]


@pytest.mark.parametrize(("path", "value"), BROKEN, ids=lambda part: json.dumps(part, ensure_ascii=False)[:60])
def test_the_schema_refuses_a_broken_certificate(authority, path, value):
    assert objections(changed_part(json.loads(authority.credential()), path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["name"], None),
        (["issuer"], None),
        ([*SUBJECT, "id"], None),
        ([*SUBJECT, "type"], ["AchievementSubject"]),
        (["validUntil"], "never"),
        (["@context"], ["https://www.w3.org/2018/credentials/v1"]),
    ],
)
def test_the_schema_refuses_a_broken_endorsement(authority, path, value):
    assert objections(changed_part(proofs.read(proofs.as_bytes(endorsement(authority))), path, value))


# Our own list beside it

THEIR_NAMES = {
    "DataIntegrityProof": "Proof", "schema": "CredentialSchema", "service": "RefreshService", "status": "CredentialStatus",
}  # fmt: skip
STRICTER = {
    "credential": {"name", "proof"},  # the schema of endorsements asks for a name; what we issue is proven
    "DataIntegrityProof": {"created", "cryptosuite", "verificationMethod", "proofPurpose", "proofValue"},
    "status": {"id"},
}
"""What we ask for beyond the schema."""
BEYOND = {
    "credential": {"relatedResource"},  # of VC 2.0
    "status": {"statusPurpose", "statusListIndex", "statusListCredential"},  # of Bitstring Status List 1.0
}
"""Members of other specifications that we put in; the schema allows them."""


@pytest.mark.parametrize("shape", sorted(set(SHAPES) - {"resource"}))
def test_our_list_names_the_members_of_the_schema(shape):
    theirs = schema() if shape == "credential" else schema()["$defs"][THEIR_NAMES.get(shape, shape)]
    must = {name[:-1] for name in SHAPES[shape] if name.endswith("*")}
    known = {name.rstrip("*") for name in SHAPES[shape]}
    assert must - STRICTER.get(shape, set()) == set(theirs.get("required", ()))
    assert known - BEYOND.get(shape, set()) == set(theirs["properties"])


@pytest.mark.parametrize(
    ("words", "shape", "member"),
    [
        ("result type", "ResultDescription", "resultType"), ("result status", "Result", "status"),
        ("identity type", "IdentityObject", "identityType"), ("target type", "Alignment", "targetType"),
        ("achievement type", "Achievement", "achievementType"),
    ],
)  # fmt: skip
def test_our_list_knows_the_words_of_the_schema(words, shape, member):
    asked = schema()["$defs"][shape]["properties"][member]
    assert set(next(one["enum"] for one in [asked, *asked.get("oneOf", [])] if "enum" in one)) == WORDS[words]
