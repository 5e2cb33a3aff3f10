"""Recognition by the clock and in the background: notes as PDF, and sources that no longer hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.accounts import identity
from app.core import clock
from app.core.crypto import settings
from app.db import db, unit_of_work
from app.files import service as files
from app.jobs.models import Job
from app.jobs.service import DrawAgain, every, work
from app.outline import service as outline
from app.outline.rules import LEVELS
from app.recognition import endorsements, service
from app.recognition.models import RecognitionCase
from app.recognition.states import CaseState
from certificates.faces import NoteFace


def face_of(case: RecognitionCase) -> NoteFace:
    """The note's words and dates out of the decided case."""
    names = {row["rank"]: row for row in outline.rule(LEVELS.code, region_id=case.region_id)["levels"]}
    assert case.number and case.rank and case.valid_from
    return NoteFace(
        number=case.number,
        holder_name=case.source_name,
        masked_id=identity.id_for_documents(case.person) or "—",
        source_issuer=case.source_issuer,
        source_region=case.source_region.name_zh if case.source_region else "—",
        source_number=case.source_number,
        source_level=case.source_level,
        source_valid_until=case.source_expires_on,
        recognised_level_zh=names[case.rank]["zh"],
        recognised_level_en=names[case.rank]["en"],
        agreement=case.agreement.basis if case.agreement else "逐案评审",
        decided_on=case.valid_from,
        valid_until=case.valid_until,
        authority_zh=case.region.authority_zh,
        authority_en=case.region.authority_en,
        verify_url=f"{settings().PUBLIC_URL}/recognition/note/{case.number}",
        conditions=tuple(line.strip() for line in case.conditions.splitlines() if line.strip()),
        trial=settings().demo,
    )


def _draw_note(item: dict[str, Any], job: Job) -> tuple[NoteFace, bytes] | None:
    from certificates.rendering import recognition_note_pdf

    case = db.session.get_one(RecognitionCase, item["case_id"])
    if case.note_file_id is not None:
        return None
    face = face_of(case)
    return face, recognition_note_pdf(face)


@work("recognition.note", draws=_draw_note)
def render_note(item: dict[str, Any], job: Job, drawn: tuple[NoteFace, bytes] | None) -> dict[str, Any]:
    """Keep the PDF of a recognition note, and make its endorsement; making them again changes nothing that is there."""
    case = db.session.get_one(RecognitionCase, item["case_id"], with_for_update=True)
    if case.note_file_id is None:
        if drawn is None or drawn[0] != face_of(case):
            raise DrawAgain
        case.note_file_id = files.keep_bytes(drawn[1], f"{case.number}.pdf", owner=case.person).id
    endorsements.keep(case, now=clock.now())
    return {"file_id": case.note_file_id}


@every(seconds=600, name="recognition.sources")
def look_at_sources(now: datetime) -> None:
    """Suspended, revoked or expired at the source → to be checked again here, holder told."""
    for case_id in service.to_doubt(clock.local_date(now)):
        with unit_of_work():
            case = db.session.get_one(RecognitionCase, case_id, with_for_update=True, populate_existing=True)
            if case.state is CaseState.RECOGNISED:
                service.doubt(case, reason="原证书或互认协议当前不在有效状态。", by=None, now=now)


@every(seconds=300, name="recognition.endorse")
def complete_endorsements(now: datetime) -> None:
    """Endorse what was recognised before the source's credential was made."""
    for case_id in endorsements.missing():
        with unit_of_work():
            case = db.session.get_one(RecognitionCase, case_id, with_for_update=True, populate_existing=True)
            endorsements.keep(case, now=now)
