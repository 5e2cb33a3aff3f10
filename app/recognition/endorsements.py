"""A recognition for machines: an ``EndorsementCredential`` about the exact bytes of the credential that is recognised.

Made by the worker where there is a credential: the certificate was issued on this site, or its holder handed in a file
that carries one. A source on paper has the recognition note alone. The endorsement has its own end and its own place in
the authority's status list: under re-examination it is suspended, ended it is revoked.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.certification import credentials, keyring, lists
from app.certification.proof_models import KeyKind
from app.core.crypto import settings
from app.db import db
from app.files import service as files
from app.files.models import StoredFile
from app.outline import service as outline
from app.recognition.models import RecognitionCase
from app.recognition.states import CaseState
from certificates.names import comparable


def place(case: RecognitionCase, *, now: datetime) -> None:
    """Give a recognition its place in the status list of the authority, in the transaction of the decision."""
    if case.status_entry is None:
        case.status_entry = lists.allot(case.region, now=now)
        db.session.flush()  # the bits below are those of a row
    say(case)


def say(case: RecognitionCase) -> None:
    """Bring the bits up to the state of the case: call in the transaction that changed it."""
    if case.status_entry is not None:
        lists.set_bits(
            case.status_entry, revoked=case.state is CaseState.ENDED, suspended=case.state is CaseState.RECHECK
        )


def source_credential(case: RecognitionCase) -> bytes | None:
    """The credential that is recognised, byte for byte: ours, or out of a file that was handed in and speaks of this number
    and this holder. None where there is none."""
    if case.certificate is not None:
        return credentials.bytes_of(case.certificate.current)
    for document in case.documents:
        data = _carried(document.file)
        if data is not None and _speaks_of(data, case):
            return data
    return None


def _carried(stored: StoredFile) -> bytes | None:
    from certificates.rendering import attachments_in

    if stored.media_type == files.TEXT:
        return files.read_file(stored)
    if stored.media_type != files.PDF:
        return None
    try:
        held = attachments_in(files.read_file(stored))
    except ValueError:
        return None
    return held.get("credential.json") or next((d for name, d in held.items() if name.endswith(".json")), None)


def _speaks_of(data: bytes, case: RecognitionCase) -> bool:
    """Is it a certificate credential of this number and holder whose proof, where its issuer is known, holds?"""
    from certificates.credentials import check_achievement, holder_of, number_of
    from certificates.proofs import ProofFault, read

    try:
        document = read(data)
        named = comparable(holder_of(document)) == comparable(case.source_name)
    except (ProofFault, ValueError):
        return False
    if "AchievementCredential" not in document.get("type", []) or not isinstance(document.get("id"), str):
        return False
    if not named or comparable(number_of(document)) != comparable(case.source_number):
        return False
    try:
        check_achievement(document, keyring.trust())
    except ProofFault as fault:
        return fault.code == "unknown-issuer"  # the officers verified it by other means, and said how
    return True


def make(case: RecognitionCase, *, now: datetime) -> bytes | None:
    """The signed endorsement, or None where there is no credential to endorse. Raises NoKeys, NotProven."""
    from certificates import proofs
    from certificates.credentials import Issuer, Status, endorsement_credential, endorses

    source = source_credential(case)
    if source is None or case.number is None or case.valid_from is None or case.decided_at is None:
        return None
    assert case.status_entry is not None
    row = keyring.signing_row(case.region.code, KeyKind.CREDENTIAL, now)
    key = keyring.open_credential_key(row)
    base = settings().PUBLIC_URL
    words = _words(
        case,
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"{base}/recognition/note/{case.number}").urn,
        issuer=Issuer(did=key.did, name=case.region.authority_zh, url=f"{base}/"),
        subject_id=str(proofs.read(source)["id"]),
        subject=source,
        status=Status(list_url=case.status_entry.list.url, index=case.status_entry.position),
    )
    created = max(case.decided_at, row.valid_from).replace(microsecond=0)
    try:
        document = endorsement_credential(words, key, created)
        proofs.check(document, keyring.trust(case.region.code))
    except proofs.ProofFault as fault:
        raise credentials.NotProven(what=str(fault)) from fault
    if not endorses(document, source):
        raise credentials.NotProven(what="digest")
    return proofs.as_bytes(document)


def _words(case: RecognitionCase, **said: Any) -> Any:
    from certificates.credentials import EndorsementWords

    names: Mapping[int, Any] = {row["rank"]: row for row in outline.rule("levels", region_id=case.region_id)["levels"]}
    assert case.rank is not None and case.valid_from is not None
    level = names[case.rank]
    under = f"依据《{case.agreement.basis}》" if case.agreement else "经逐案评审"
    conditions = "；".join(line.strip() for line in case.conditions.splitlines() if line.strip())
    return EndorsementWords(
        title=f"互认凭证 {case.number}",
        comment=f"{case.region.authority_zh}{under}认可为{level['zh']}（{level['en']}），认可编号 {case.number}。"
        + (f"附加条件：{conditions}。" if conditions else ""),
        decided_on=case.valid_from,
        valid_until=case.valid_until,
        trial=settings().clock_moves,
        **said,
    )


def keep(case: RecognitionCase, *, now: datetime) -> None:
    """Make and store the endorsement of a decided case, once. What is there stays as it is."""
    if case.endorsement_file_id is not None or case.state is not CaseState.RECOGNISED:
        return
    place(case, now=now)
    data = make(case, now=now)
    if data is not None:
        name = f"{case.number}.json"
        case.endorsement_file = files.keep_bytes(data, name, owner=case.person, kinds=frozenset({files.TEXT}))


def bytes_of(case: RecognitionCase) -> bytes | None:
    """The endorsement as it is served; None where there is none."""
    return files.read_file(case.endorsement_file) if case.endorsement_file is not None else None


def missing() -> list[int]:
    """Recognitions in force of certificates of this site that lack an endorsement and could have one."""
    from app.certification.models import Edition

    ready = select(Edition.certificate_id).where(Edition.credential_file_id.is_not(None))
    asked = select(RecognitionCase.id).where(
        RecognitionCase.state == CaseState.RECOGNISED,
        RecognitionCase.endorsement_file_id.is_(None),
        RecognitionCase.certificate_id.in_(ready),
    )
    return list(db.session.scalars(asked.order_by(RecognitionCase.id).limit(200)))
