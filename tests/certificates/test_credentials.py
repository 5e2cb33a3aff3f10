import json
from datetime import date
from functools import reduce

import pytest

from certificates import proofs
from certificates.credentials import (
    CONTEXTS,
    EndorsementWords,
    Issuer,
    Status,
    check_achievement,
    endorsement_credential,
    endorses,
    holder_of,
    in_force,
    level_of,
    number_of,
)
from certificates.proofs import ProofFault
from certificates.trust import NOBODY, Trust, TrustUnreadable
from tests.certificates.samples_signed import NOW, SITE, Authority


@pytest.fixture(scope="module")
def credential(authority) -> dict:
    return json.loads(authority.credential())


def test_a_good_credential_is_believed(authority, credential):
    proven = check_achievement(credential, authority.trust)
    assert (proven.issuer, proven.method) == (authority.did, authority.key.method)
    assert (holder_of(credential), number_of(credential), level_of(credential)) == (
        "林晓岚",
        authority.words().number,
        "中级技术经理人",
    )


def test_what_the_official_schema_requires(credential):
    """Required members of ``ob_v3p0_achievementcredential_schema.json``, and the shapes that verifiers stumble over."""
    assert credential["@context"] == CONTEXTS
    assert {"@context", "id", "type", "issuer", "name", "validFrom", "credentialSubject"} <= set(credential)
    assert credential["type"] == ["VerifiableCredential", "AchievementCredential"]
    assert {"id", "type"} <= set(credential["issuer"])
    subject = credential["credentialSubject"]
    assert subject["identifier"][0]["identityType"] == "name"
    assert {"id", "type", "name", "description", "criteria"} <= set(subject["achievement"])
    assert subject["achievement"]["criteria"]["narrative"]
    assert isinstance(credential["credentialStatus"], dict) and credential["credentialStatus"]["id"]
    assert isinstance(credential["proof"], list) and len(credential["proof"]) == 1
    described = {each["id"] for each in subject["achievement"]["resultDescription"]}
    assert {each["resultDescription"] for each in subject["result"]} == described
    assert all(isinstance(each.get("value", ""), str) for each in subject["result"])


def test_no_identity_number_in_any_form(authority):
    assert b'hashed":true' not in authority.credential() and b"salt" not in authority.credential()


def test_days_are_those_of_china(credential):
    assert credential["validFrom"] == "2026-11-21T00:00:00+08:00"
    assert credential["validUntil"] == "2029-11-20T23:59:59+08:00"


def test_renewal_keeps_the_first_award(authority):
    renewed = json.loads(authority.credential(issued_on=date(2029, 9, 1), valid_until=date(2032, 11, 20)))
    assert renewed["awardedDate"] == "2026-11-21T00:00:00+08:00"
    assert check_achievement(renewed, authority.trust)


def test_a_trial_says_so_in_the_credential(authority):
    trial = json.loads(authority.credential(trial=True))
    assert trial["name"].startswith("【演示】") and "no validity" in trial["description"]


def changed(document: dict, path: str, value) -> dict:
    copy = json.loads(json.dumps(document))
    *way, last = path.split("/")
    place = reduce(lambda node, step: node[int(step) if step.isdigit() else step], way, copy)
    place[last] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("credentialSubject/identifier/0/identityHash", "王芳"),
        ("credentialSubject/licenseNumber", "TTM1200202530001236"),
        ("credentialSubject/achievement/name", "高级技术经理人"),
        ("validUntil", "2039-11-20T23:59:59+08:00"),
        ("credentialStatus/statusListIndex", "1"),
        ("issuer/name", "别的机构"),
        ("proof/0/created", "2020-01-01T00:00:00Z"),
    ],
)
def test_a_changed_member_is_refused(authority, credential, path, value):
    with pytest.raises(ProofFault) as fault:
        check_achievement(changed(credential, path, value), authority.trust)
    assert fault.value.code == "signature"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("honour", "金牌技术经理人"),
        ("credentialSubject/金牌", "是"),
        ("credentialSubject/achievement/grade", "A"),
        ("https://example.org/extra", "x"),
        ("expirationDate", "2099-01-01T00:00:00Z"),
        ("proof/0/note", "x"),
    ],
)
def test_an_added_member_that_nothing_signs_is_refused(authority, credential, path, value):
    with pytest.raises(ProofFault) as fault:
        if path.startswith("https:"):
            check_achievement({**credential, path: value}, authority.trust)
        else:
            check_achievement(changed(credential, path, value), authority.trust)
    assert fault.value.code in ("uncovered", "signature")


def test_an_added_member_that_a_context_defines_is_refused(authority, credential):
    with pytest.raises(ProofFault) as fault:
        check_achievement(changed(credential, "credentialSubject/role", "主任"), authority.trust)
    assert fault.value.code == "signature"


def test_nothing_leaves_with_an_unsigned_member(authority, credential):
    unsigned = {key: value for key, value in credential.items() if key != "proof"} | {"honour": "金牌"}
    with pytest.raises(ProofFault) as fault:
        proofs.secure(unsigned, authority.key, NOW)
    assert fault.value.code == "uncovered"


def test_a_key_signs_for_its_own_did_alone(authority, credential):
    other = Authority("230100")
    with pytest.raises(ProofFault) as fault:
        proofs.secure({k: v for k, v in credential.items() if k != "proof"}, other.key, NOW)
    assert fault.value.code == "foreign-key"


def test_whom_one_does_not_know_one_cannot_judge(credential):
    with pytest.raises(ProofFault) as fault:
        check_achievement(credential, NOBODY)
    assert fault.value.code == "unknown-issuer"


def test_another_key_under_the_same_name_is_refused(credential):
    with pytest.raises(ProofFault) as fault:
        check_achievement(credential, Authority().trust)
    assert fault.value.code == "signature"


def test_a_method_of_another_did_is_refused(authority, credential):
    other = Authority("230100")
    trust = Trust({**authority.trust.documents, **other.trust.documents})
    with pytest.raises(ProofFault) as fault:
        check_achievement(changed(credential, "proof/0/verificationMethod", other.key.method), trust)
    assert fault.value.code == "foreign-key"


@pytest.mark.parametrize("proof", [None, [], [{}], "x", [{"type": "DataIntegrityProof", "cryptosuite": "none"}]])
def test_without_a_usable_proof(authority, credential, proof):
    with pytest.raises(ProofFault) as fault:
        check_achievement({**credential, "proof": proof}, authority.trust)
    assert fault.value.code == "no-proof"


def test_two_proofs_are_one_too_many(authority, credential):
    with pytest.raises(ProofFault) as fault:
        check_achievement({**credential, "proof": credential["proof"] * 2}, authority.trust)
    assert fault.value.code == "no-proof"


def test_an_old_key_still_proves_after_rotation(authority, credential):
    from certificates import did, keys

    new = keys.load_credential_key(keys.make_credential_key(authority.did, "key-2027-1", "pw", NOW), "pw")
    both = Trust({authority.did: did.did_document(authority.did, [new.published, authority.key.published])})
    assert check_achievement(credential, both)
    only_new = Trust({authority.did: did.did_document(authority.did, [new.published])})
    with pytest.raises(ProofFault) as fault:
        check_achievement(credential, only_new)
    assert fault.value.code == "foreign-key"


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff\xfe", b'"x"', b"[" * 100_000, b" " * (proofs.LIMIT + 1)],
)
def test_what_is_no_json_object_is_unreadable(data):
    with pytest.raises(ProofFault) as fault:
        proofs.read(data)
    assert fault.value.code == "unreadable"


def test_recognition_is_bound_to_the_exact_bytes(authority):
    other, subject = Authority("230100"), authority.credential()
    words = EndorsementWords(
        id="urn:uuid:6e4b36b2-4a8c-4a0e-9a55-3f4f2a3f7a11",
        issuer=Issuer(did=other.did, name="哈尔滨市技术经理人认证管理中心", url=SITE),
        title="认可凭证",
        comment="认可为中级技术经理人。",
        subject_id=f"{SITE}/c/4vJ8mQ2sTzK9wYbN6xLrPd",
        subject=subject,
        decided_on=date(2026, 12, 8),
        valid_until=date(2028, 12, 31),
        status=Status(list_url=other.list_url, index=12),
    )
    endorsement = endorsement_credential(words, other.key, NOW)
    assert proofs.check(endorsement, other.trust).issuer == other.did
    assert endorsement["type"] == ["VerifiableCredential", "EndorsementCredential"]
    assert endorses(endorsement, subject)
    assert not endorses(endorsement, authority.credential(holder_name="王芳"))
    assert not endorses(endorsement, subject + b" ")
    with pytest.raises(ProofFault):
        proofs.check(changed(endorsement, "validUntil", "2099-12-31T23:59:59+08:00"), other.trust)


def test_dates_by_the_clock_that_is_handed_in(credential):
    from datetime import datetime

    assert in_force(credential, NOW) is True
    assert in_force(credential, datetime.fromisoformat("2026-11-20T23:59:59+08:00")) is False
    assert in_force(credential, datetime.fromisoformat("2029-11-20T23:59:59+08:00")) is True
    assert in_force(credential, datetime.fromisoformat("2029-11-21T00:00:00+08:00")) is False
    assert in_force({"validFrom": "soon"}, NOW) is None


def test_trust_survives_its_file(authority):
    assert Trust.from_json(authority.trust.as_json()) == authority.trust
    for bad in ("", "[]", "{", '{"did": [1]}', '{"did": [{}]}'):
        with pytest.raises(TrustUnreadable):
            Trust.from_json(bad)
