"""The credentials and endorsements that are made have what the Open Badges 3.0 JSON schema requires (``required_parts``)."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from certificates import proofs
from certificates.credentials import EndorsementWords, Issuer, Status, endorsement_credential
from tests.certificates.required_parts import faults
from tests.certificates.samples_signed import NOW, SITE, Authority


def endorsement(authority: Authority, **changed: Any) -> dict[str, Any]:
    words = EndorsementWords(
        id="urn:uuid:0f3c7c1e-5d0b-4a43-9f10-5b6f3f1f6c11", issuer=Issuer(did=authority.did, name="哈尔滨", url=SITE),
        title="认可", comment="按协议认可。", subject_id="https://ttm.example.org/c/4vJ8mQ2sTzK9wYbN6xLrPd",
        subject=authority.credential(), decided_on=date(2026, 12, 8), valid_until=date(2028, 12, 31),
        status=Status(list_url=authority.list_url, index=7),
    )  # fmt: skip
    return endorsement_credential(replace(words, **changed), authority.key, NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"valid_until": None},
        {"results": (), "alignments": (), "field": ""},
        {"trial": True, "holder_name": "阿卜杜热西提·买买提"},
        {"id": "urn:uuid:6f1f2b58-9a3e-4c0e-8d54-1f7a6a4f6e01"},
    ],
)
def test_every_certificate_credential_has_the_required_parts(authority, changed):
    assert faults(json.loads(authority.credential(**changed))) == []


@pytest.mark.parametrize("changed", [{}, {"valid_until": None}, {"trial": True}])
def test_every_endorsement_has_the_required_parts(authority, changed):
    assert faults(proofs.read(proofs.as_bytes(endorsement(authority, **changed)))) == []


SUBJECT = ["credentialSubject"]
ACHIEVEMENT = ["credentialSubject", "achievement"]
REQUIRED = [
    ["@context"], ["id"], ["type"], ["name"], ["credentialSubject"], ["issuer"], ["validFrom"], ["issuer", "id"],
    ["issuer", "type"], [*SUBJECT, "type"], [*SUBJECT, "achievement"], [*SUBJECT, "identifier"],
    *([*SUBJECT, "identifier", 0, part] for part in ("type", "hashed", "identityHash", "identityType")),
    *([*ACHIEVEMENT, part] for part in ("id", "type", "name", "description", "criteria")),
    [*ACHIEVEMENT, "criteria", "narrative"],
    *([*ACHIEVEMENT, "alignment", 0, part] for part in ("type", "targetName", "targetUrl")),
    *([*ACHIEVEMENT, "resultDescription", 0, part] for part in ("id", "type", "name", "resultType")),
    [*SUBJECT, "result", 0, "type"], [*SUBJECT, "result", 0, "status"], ["credentialStatus", "id"], ["credentialStatus", "type"],
    ["credentialSchema", 0, "id"], ["credentialSchema", 0, "type"],
    *(["proof", 0, part] for part in ("type", "created", "cryptosuite", "verificationMethod", "proofPurpose", "proofValue")),
]  # fmt: skip


@pytest.mark.parametrize("path", REQUIRED, ids=lambda path: ".".join(map(str, path)))
def test_each_required_part_is_missed_when_it_is_gone(authority, path):
    assert faults(changed_part(json.loads(authority.credential()), path, None))


ENDORSED = [
    ["@context"], ["id"], ["type"], ["name"], ["credentialSubject"], ["issuer"], ["validFrom"], [*SUBJECT, "id"],
    [*SUBJECT, "type"], ["relatedResource", 0, "id"], ["relatedResource", 0, "digestSRI"], ["credentialStatus", "id"],
    *(["credentialStatus", part] for part in ("type", "statusPurpose", "statusListIndex", "statusListCredential")), ["proof", 0, "proofValue"],
]  # fmt: skip


@pytest.mark.parametrize("path", ENDORSED, ids=lambda path: ".".join(map(str, path)))
def test_each_required_part_of_an_endorsement_is_missed_when_it_is_gone(authority, path):
    assert faults(changed_part(proofs.read(proofs.as_bytes(endorsement(authority))), path, None))


def changed_part(document: dict[str, Any], path: list[Any], value: Any) -> dict[str, Any]:
    """A copy with one part set, or taken away for None."""
    made = copy.deepcopy(document)
    at: Any = made
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return made


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["validFrom"], "2026-11-21"), (["proof"], {}), (["name"], ""), (["honour"], "x"), ([*ACHIEVEMENT, "id"], "no address"),
        ([*SUBJECT, "identifier", 0, "hashed"], "false"), ([*SUBJECT, "type"], "AchievementSubject"),
        ([*SUBJECT, "type"], ["Subject"]), (["issuer", "type"], ["Organisation"]), ([*ACHIEVEMENT, "type"], ["Badge"]),
        (["@context"], ["https://www.w3.org/ns/credentials/v2"]), (["type"], ["VerifiableCredential"]),
        (["@context"], ["https://www.w3.org/2018/credentials/v1", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"]),
        ([*ACHIEVEMENT, "resultDescription", 0, "resultType"], "Wish"), ([*ACHIEVEMENT, "achievementType"], "Praise"),
        ([*SUBJECT, "identifier", 0, "identityType"], "fullName"), ([*SUBJECT, "identifier", 0, "type"], "Identity"),
        ([*SUBJECT, "result", 0, "status"], "Passed"), ([*SUBJECT, "result", 0, "status"], "ext:Passed"),
        ([*SUBJECT, "result", 0, "resultDescription"], "urn:uuid:00000000-0000-4000-8000-000000000000"),
        ([*ACHIEVEMENT, "criteria"], {}), ([*ACHIEVEMENT, "inLanguage"], "中文"), ([*ACHIEVEMENT, "alignment", 0, "targetType"], "Course"),
        (["proof", 0, "proofPurpose"], "authentication"), (["credentialStatus"], [{"id": "https://a.example/1", "type": "X"}]),
        (["credentialStatus", "statusListIndex"], "-1"), (["credentialStatus", "statusListIndex"], 7), (["credentialStatus", "type"], "X"),
        (["credentialSchema"], [{"id": "https://a.example/schema", "type": "JsonSchema"}]), (["issuer"], "did:web:a.example"),
    ],
)  # fmt: skip
def test_the_check_sees_what_is_wrong(authority, path, value):
    assert faults(changed_part(json.loads(authority.credential()), path, value))
