"""What the Open Badges 3.0 JSON schema requires of an AchievementCredential and an EndorsementCredential.

The schema itself (1EdTech) is no part of any installed package; its required members and cardinalities are written down
here after the specification's data model, https://www.imsglobal.org/spec/ob/v3p0 (Appendix B): hold them against its text
when that changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from certificates import proofs
from certificates.credentials import EndorsementWords, Issuer, Status, endorsement_credential
from tests.certificates.samples_signed import NOW, SITE, Authority

URI = re.compile(r"^[a-z][a-z0-9+.-]*:\S+$")
# type -> member -> shape; a trailing * marks what must be there
SHAPES: dict[str, dict[str, str]] = {
    "credential": {
        "@context*": "contexts", "id*": "uri", "type*": "types", "name*": "text", "description": "text", "image": "Image",
        "credentialSubject*": "subject", "issuer*": "Profile", "validFrom*": "instant", "validUntil": "instant",
        "awardedDate": "instant", "endorsement": "any", "evidence": "any", "proof*": "proofs", "credentialSchema": "schemas",
        "credentialStatus": "status", "refreshService": "any", "termsOfUse": "any", "relatedResource": "any",
    },
    "Profile": {"id*": "uri", "type*": "types", "name": "text", "url": "uri", "email": "text", "description": "text"},
    "AchievementSubject": {
        "id": "uri", "type*": "types", "achievement*": "Achievement", "identifier": "identities", "licenseNumber": "text",
        "result": "results", "activityEndDate": "instant", "activityStartDate": "instant", "creditsEarned": "any",
        "image": "any", "narrative": "text", "role": "text", "source": "any", "term": "text",
    },
    "EndorsementSubject": {"id*": "uri", "type*": "types", "endorsementComment": "text"},
    "Achievement": {
        "id*": "uri", "type*": "types", "name*": "text", "description*": "text", "criteria*": "Criteria",
        "achievementType": "text", "alignment": "alignments", "resultDescription": "descriptions", "inLanguage": "text",
        "version": "text", "specialization": "text", "fieldOfStudy": "text", "creator": "Profile", "tag": "any",
    },
    "Criteria": {"id": "uri", "narrative": "text"},
    "IdentityObject": {
        "type*": "text", "hashed*": "flag", "identityHash*": "text", "identityType*": "text", "salt": "text",
    },
    "Alignment": {
        "type*": "types", "targetName*": "text", "targetUrl*": "uri", "targetCode": "text", "targetFramework": "text",
        "targetDescription": "text", "targetType": "text",
    },
    "ResultDescription": {"id*": "uri", "type*": "types", "name*": "text", "resultType*": "text"},
    "Result": {"type*": "types", "resultDescription": "uri", "status": "text", "value": "text", "achievedLevel": "uri"},
    "DataIntegrityProof": {
        "type*": "text", "created*": "instant", "cryptosuite*": "text", "verificationMethod*": "uri",
        "proofPurpose*": "text", "proofValue*": "text",
    },
    "schema": {"id*": "uri", "type*": "text"},
    "status": {
        "id*": "uri", "type*": "text", "statusPurpose": "text", "statusListIndex": "text", "statusListCredential": "uri",
    },
}  # fmt: skip
LISTS = {
    "identities": "IdentityObject", "results": "Result", "alignments": "Alignment", "descriptions": "ResultDescription",
    "proofs": "DataIntegrityProof", "schemas": "schema",
}  # fmt: skip
RESULT_TYPES = {"GradePointAverage", "LetterGrade", "Percent", "PerformanceLevel", "PredictedScore", "RawScore", "Result",
                "RubricCriterion", "RubricCriterionLevel", "RubricScore", "ScaledScore", "Status"}  # fmt: skip


def faults(document: Mapping[str, Any]) -> list[str]:
    """Everything the schema would object to, by place; empty for a good credential."""
    found = list(_object(document, "credential", "$"))
    kinds = document.get("type", [])
    if "VerifiableCredential" not in kinds or not {"AchievementCredential", "EndorsementCredential"} & set(kinds):
        found.append("$.type: not one of ours")
    contexts = document.get("@context", [])
    if contexts[:1] != ["https://www.w3.org/ns/credentials/v2"] or not re.match(
        r"https://purl\.imsglobal\.org/spec/ob/v3p0/context-3\.\d\.\d\.json", str(contexts[1:2] and contexts[1])
    ):
        found.append("$.@context: the first two are fixed")
    for each in document.get("credentialSubject", {}).get("achievement", {}).get("resultDescription", []):
        if each.get("resultType") not in RESULT_TYPES:
            found.append("$…resultType: no such type")
    return found


def _object(value: Any, shape: str, place: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{place}: no object"
        return
    known = {name.rstrip("*"): kind for name, kind in SHAPES[shape].items()}
    yield from (f"{place}.{n[:-1]}: missing" for n in SHAPES[shape] if n.endswith("*") and n[:-1] not in value)
    yield from (f"{place}.{name}: not in the schema" for name in value if name not in known)
    for name, kind in known.items():
        if name in value:
            yield from _value(value[name], kind, f"{place}.{name}")


def _value(value: Any, kind: str, place: str) -> Iterator[str]:
    if kind in LISTS:
        if not isinstance(value, list) or not value:
            yield f"{place}: not a list of one or more"
            return
        for i, each in enumerate(value):
            yield from _object(each, LISTS[kind], f"{place}[{i}]")
    elif kind == "subject":
        yield from _object(value, "EndorsementSubject" if "achievement" not in value else "AchievementSubject", place)
    elif kind in SHAPES:
        yield from _object(value, kind, place)
    elif not SIMPLE[kind](value):
        yield f"{place}: not {kind}"


def _instant(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


SIMPLE = {
    "text": lambda v: isinstance(v, str) and v != "",
    "uri": lambda v: isinstance(v, str) and bool(URI.match(v)),
    "flag": lambda v: isinstance(v, bool),
    "types": lambda v: isinstance(v, list) and bool(v) and all(isinstance(each, str) for each in v),
    "contexts": lambda v: isinstance(v, list) and len(v) >= 2 and all(isinstance(each, str) for each in v),
    "instant": _instant,
    "any": lambda v: v not in (None, "", [], {}),
}  # fmt: skip


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


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["issuer", "type"], None), (["credentialSubject", "achievement", "criteria"], None), (["validFrom"], "2026-11-21"),
        (["credentialSubject", "achievement", "id"], "no address"), (["proof"], {}), (["name"], ""), (["honour"], "x"),
        (["credentialSubject", "identifier", 0, "hashed"], "false"), (["credentialSubject", "type"], "AchievementSubject"),
        (["@context"], ["https://www.w3.org/ns/credentials/v2"]), (["type"], ["VerifiableCredential"]),
        (["credentialSubject", "achievement", "resultDescription", 0, "resultType"], "Wish"),
    ],
)  # fmt: skip
def test_the_check_sees_what_is_missing_or_wrong(authority, path, value):
    document = json.loads(authority.credential())
    at: Any = document
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    assert faults(document)
