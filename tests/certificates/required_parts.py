"""What the Open Badges 3.0 JSON schema requires of an AchievementCredential and an EndorsementCredential.

The schema itself is asked in ``official.py``; this list goes further. Class by class: members that must be there, members a class
knows, kinds of values, words of the enumerations, and what ``type`` must contain (``test_official_schema`` compares them with the
schema). Beside them stand the sentences of the specification's data model (https://www.imsglobal.org/spec/ob/v3p0, Appendix B)
that a schema cannot say. We ask more in three places: no member beyond those written down, ``proof`` and ``credentialSchema`` as
lists, the proof complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

URI = re.compile(r"^[a-z][a-z0-9+.-]*:\S+$")
# type -> member -> shape; a trailing * marks what must be there
SHAPES: dict[str, dict[str, str]] = {
    "credential": {
        "@context*": "contexts", "id*": "uri", "type*": "types", "name*": "text", "description": "text", "image": "Image",
        "credentialSubject*": "subject", "issuer*": "Profile", "validFrom*": "instant", "validUntil": "instant",
        "awardedDate": "instant", "endorsement": "any", "endorsementJwt": "any", "evidence": "evidences", "proof*": "proofs",
        "credentialSchema": "schemas", "credentialStatus": "status", "refreshService": "service", "termsOfUse": "any",
        "relatedResource": "resources",
    },
    "Profile": {
        "id*": "uri", "type*": "types", "name": "text", "url": "uri", "phone": "text", "description": "text",
        "endorsement": "any", "endorsementJwt": "any", "image": "Image", "email": "text", "address": "any",
        "otherIdentifier": "identifiers", "official": "text", "parentOrg": "Profile", "familyName": "text",
        "givenName": "text", "additionalName": "text", "patronymicName": "text", "honorificPrefix": "text",
        "honorificSuffix": "text", "familyNamePrefix": "text", "dateOfBirth": "text",
    },
    "AchievementSubject": {
        "id": "uri", "type*": "types", "achievement*": "Achievement", "identifier": "identities", "licenseNumber": "text",
        "result": "results", "activityEndDate": "instant", "activityStartDate": "instant", "creditsEarned": "number",
        "image": "Image", "narrative": "text", "role": "text", "source": "Profile", "term": "text",
    },
    "EndorsementSubject": {"id*": "uri", "type*": "types", "endorsementComment": "text"},
    "Achievement": {
        "id*": "uri", "type*": "types", "name*": "text", "description*": "text", "criteria*": "Criteria",
        "achievementType": "achievement type", "alignment": "alignments", "resultDescription": "descriptions",
        "inLanguage": "language", "version": "text", "specialization": "text", "fieldOfStudy": "text", "creator": "Profile",
        "creditsAvailable": "number", "endorsement": "any", "endorsementJwt": "any", "humanCode": "text", "image": "Image",
        "otherIdentifier": "identifiers", "related": "any", "tag": "texts",
    },
    "Criteria": {"id": "uri", "narrative": "text"},
    "Image": {"id*": "uri", "type*": "text", "caption": "text"},
    "Evidence": {
        "id": "uri", "type*": "types", "narrative": "text", "name": "text", "description": "text", "genre": "text",
        "audience": "text",
    },
    "IdentifierEntry": {"type*": "text", "identifier*": "text", "identifierType*": "identity type"},
    "IdentityObject": {
        "type*": "text", "hashed*": "flag", "identityHash*": "text", "identityType*": "identity type", "salt": "text",
    },
    "Alignment": {
        "type*": "types", "targetName*": "text", "targetUrl*": "uri", "targetCode": "text", "targetFramework": "text",
        "targetDescription": "text", "targetType": "target type",
    },
    "ResultDescription": {
        "id*": "uri", "type*": "types", "name*": "text", "resultType*": "result type", "alignment": "alignments",
        "allowedValue": "texts", "requiredLevel": "uri", "requiredValue": "text", "rubricCriterionLevel": "levels",
        "valueMin": "text", "valueMax": "text",
    },
    "RubricCriterionLevel": {
        "id*": "uri", "type*": "types", "name*": "text", "alignment": "alignments", "description": "text", "level": "text",
        "points": "text",
    },
    "Result": {
        "type*": "types", "resultDescription": "uri", "status": "result status", "value": "text", "achievedLevel": "uri",
        "alignment": "alignments",
    },
    "DataIntegrityProof": {
        "type*": "text", "created*": "instant", "cryptosuite*": "text", "verificationMethod*": "uri",
        "proofPurpose*": "text", "proofValue*": "text", "challenge": "text", "domain": "text", "nonce": "text",
    },
    "schema": {"id*": "uri", "type*": "text"},
    "service": {"id*": "uri", "type*": "text"},
    "status": {
        "id*": "uri", "type*": "text", "statusPurpose": "text", "statusListIndex": "text", "statusListCredential": "uri",
    },
    "resource": {"id*": "uri", "mediaType": "text", "digestSRI": "text", "digestMultibase": "text"},
}  # fmt: skip
CONTAINS = {
    "Profile", "AchievementSubject", "EndorsementSubject", "Achievement", "Alignment", "ResultDescription", "Result",
    "RubricCriterionLevel", "Evidence",
}  # fmt: skip
"""Classes whose ``type`` is a list that must contain their name."""
NAMED = {"IdentityObject", "IdentifierEntry", "Image", "DataIntegrityProof"}
"""Classes whose ``type`` is their name and nothing else."""
LISTS = {
    "identities": "IdentityObject", "results": "Result", "alignments": "Alignment", "descriptions": "ResultDescription",
    "proofs": "DataIntegrityProof", "schemas": "schema", "identifiers": "IdentifierEntry", "evidences": "Evidence",
    "levels": "RubricCriterionLevel", "resources": "resource",
}  # fmt: skip
WORDS = {
    "result type": {
        "GradePointAverage", "LetterGrade", "Percent", "PerformanceLevel", "PredictedScore", "RawScore", "Result",
        "RubricCriterion", "RubricCriterionLevel", "RubricScore", "ScaledScore", "Status",
    },
    "result status": {"Completed", "Enrolled", "Failed", "InProgress", "OnHold", "Provisional", "Withdrew"},
    "identity type": {
        "name", "sourcedId", "systemId", "productId", "userName", "accountId", "emailAddress", "nationalIdentityNumber",
        "isbn", "issn", "lisSourcedId", "oneRosterSourcedId", "sisSourcedId", "ltiContextId", "ltiDeploymentId", "ltiToolId",
        "ltiPlatformId", "ltiUserId", "identifier",
    },
    "target type": {
        "ceasn:Competency", "ceterms:Credential", "CFItem", "CFRubric", "CFRubricCriterion", "CFRubricCriterionLevel", "CTDL",
    },
    "achievement type": {
        "Achievement", "ApprenticeshipCertificate", "Assessment", "Assignment", "AssociateDegree", "Award", "Badge",
        "BachelorDegree", "Certificate", "CertificateOfCompletion", "Certification", "CommunityService", "Competency", "Course",
        "CoCurricular", "Degree", "Diploma", "DoctoralDegree", "Fieldwork", "GeneralEducationDevelopment",
        "JourneymanCertificate", "LearningProgram", "License", "Membership", "ProfessionalDoctorate",
        "QualityAssuranceCredential", "MasterCertificate", "MasterDegree", "MicroCredential", "ResearchDoctorate",
        "SecondarySchoolDiploma",
    },
}  # fmt: skip
CLOSED = {"result status"}
"""Enumerations without words of one's own; the others allow ``ext:…``."""
SCHEMAS = {
    "AchievementCredential": "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json",
    "EndorsementCredential": "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_endorsementcredential_schema.json",
}
CONTEXT = re.compile(r"https://purl\.imsglobal\.org/spec/ob/v3p0/context(-3\.\d\.\d)*\.json")


def faults(document: Mapping[str, Any]) -> list[str]:
    """Everything the schema and the data model would object to, by place; empty for a good credential."""
    found = list(_object(document, "credential", "$"))
    kinds = document.get("type", [])
    kind = next((k for k in SCHEMAS if k in kinds), "")
    if "VerifiableCredential" not in kinds or not kind:
        found.append("$.type: not one of ours")
    contexts = document.get("@context", [])
    if contexts[:1] != ["https://www.w3.org/ns/credentials/v2"] or not CONTEXT.fullmatch(str((contexts + [""] * 2)[1])):
        found.append("$.@context: the first two are fixed")
    named = {"id": SCHEMAS.get(kind, ""), "type": "1EdTechJsonSchemaValidator2019"}
    if "credentialSchema" in document and named not in document["credentialSchema"]:
        found.append("$.credentialSchema: one of them is the specification's own")
    if any(one.get("proofPurpose") != "assertionMethod" for one in _dicts(document.get("proof"))):
        found.append("$.proof.proofPurpose: not assertionMethod")
    found += _status(document.get("credentialStatus"))
    for one in _dicts(document.get("relatedResource")):
        if "digestSRI" not in one and "digestMultibase" not in one:
            found.append("$.relatedResource: no digest (VC 2.0, 5.3)")
    subject = document.get("credentialSubject")
    if kind == "EndorsementCredential" and isinstance(subject, Mapping) and "achievement" in subject:
        found.append("$.credentialSubject: an achievement is not endorsed by awarding it")
    if kind == "AchievementCredential" and isinstance(subject, Mapping):
        found += _subject(subject)
    return found


def _status(entry: Any) -> Iterator[str]:
    """What Bitstring Status List 1.0 (section 2.1) asks of an entry; the schema asks for ``id`` and ``type`` alone."""
    if not isinstance(entry, Mapping):
        return
    if entry.get("type") != "BitstringStatusListEntry":
        yield "$.credentialStatus.type: not BitstringStatusListEntry"
    for part in ("statusPurpose", "statusListIndex", "statusListCredential"):
        if part not in entry:
            yield f"$.credentialStatus.{part}: missing"
    if not re.fullmatch(r"0|[1-9]\d*", str(entry.get("statusListIndex"))):
        yield "$.credentialStatus.statusListIndex: not a whole number written as text"
    if entry.get("id") == entry.get("statusListCredential"):
        yield "$.credentialStatus.id: is the list's own address"


def _subject(subject: Mapping[str, Any]) -> Iterator[str]:
    """What the data model's sentences ask of recipient, achievement and results."""
    if not subject.get("id") and not subject.get("identifier"):
        yield "$.credentialSubject: neither id nor identifier"
    achievement = subject.get("achievement")
    if not isinstance(achievement, Mapping):
        yield "$.credentialSubject.achievement: missing"
        return
    criteria = achievement.get("criteria")
    if isinstance(criteria, Mapping) and not criteria.get("id") and not criteria.get("narrative"):
        yield "$…criteria: neither id nor narrative"
    described = {one.get("id"): one.get("resultType") for one in _dicts(achievement.get("resultDescription"))}
    for result in _dicts(subject.get("result")):
        to = result.get("resultDescription")
        if to is not None and to not in described:
            yield f"$…result: {to} is not described in the achievement"
        if described.get(to) == "Status" and "status" not in result:
            yield "$…result: a status is described and none is given"


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


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
    if shape in CONTAINS and shape not in (value.get("type") or []):
        yield f"{place}.type: does not contain {shape}"
    if shape in NAMED and value.get("type") != shape:
        yield f"{place}.type: is not {shape}"


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
    elif kind in WORDS:
        if value not in WORDS[kind] and (kind in CLOSED or not re.match(r"ext:[\w.|-]+$", str(value))):
            yield f"{place}: no {kind}"
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
    "texts": lambda v: isinstance(v, list) and bool(v) and all(isinstance(each, str) for each in v),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "language": lambda v: isinstance(v, str) and bool(re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", v)),
    "any": lambda v: v not in (None, "", [], {}),
}  # fmt: skip
