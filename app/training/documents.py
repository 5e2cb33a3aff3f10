"""Proofs handed in with an enrolment: which are asked (a rule), keeping them, and who may open them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.accounts.models import Person
from app.audit.service import record
from app.core.errors import Invalid, NotFound
from app.core.text import chinese
from app.db import db
from app.files.service import DOCX, JPEG, PDF, PNG, keep
from app.training.class_deeds import Ran
from app.training.class_models import EnrolmentDocument
from app.training.models import Enrolment, TrainingClass
from app.training.offers import terms

KINDS = frozenset({PDF, PNG, JPEG, DOCX})
MOST = 20
"""Files of one enrolment; whoever sends more is asked to put them together."""


class DocumentMissing(Invalid):
    message = _l("Please add this document: %(what)s.")


class TooManyDocuments(Invalid):
    message = _l("An enrolment takes at most %(most)s files. Put pages of one document into one PDF.")


@dataclass(frozen=True)
class Asked:
    code: str
    words: str
    required: bool

    @property
    def field(self) -> str:
        return f"document-{self.code}"


def asked_for(klass: TrainingClass) -> list[Asked]:
    """The documents a class asks, in the reader's language."""
    column = "zh" if chinese() else "en"
    return [
        Asked(row["code"], row[column] or row["zh"], bool(row["required"]))
        for row in terms(klass.region_id)["documents"]
        if row["from_level"] is None or row["from_level"] <= klass.level
    ]


def documents_of(enrolment: Enrolment) -> list[EnrolmentDocument]:
    return list(
        db.session.scalars(
            select(EnrolmentDocument)
            .where(EnrolmentDocument.enrolment_id == enrolment.id)
            .order_by(EnrolmentDocument.id)
            .options(joinedload(EnrolmentDocument.file))
        )
    )


def check(klass: TrainingClass, before: Enrolment | None, uploads: Mapping[str, Any]) -> None:
    """Is everything there that must be given (now or handed in before)? Raises DocumentMissing at its field."""
    there = {d.code for d in documents_of(before)} if before else set()
    for one in asked_for(klass):
        if one.required and one.code not in there and not uploads.get(one.field):
            raise DocumentMissing(one.field, what=one.words)


def take(enrolment: Enrolment, uploads: Mapping[str, Any], *, by: Person, now: datetime) -> int:
    """Keep what was sent: field name → upload. How many. Raises FileRefused at its field, TooManyDocuments, NotFound."""
    if enrolment.person_id != by.id:
        raise NotFound
    fields = {one.field: one.code for one in asked_for(enrolment.training_class)}
    sent = [(field, upload) for field, upload in uploads.items() if field in fields and upload and upload.filename]
    if len(sent) + len(documents_of(enrolment)) > MOST:
        raise TooManyDocuments(sent[0][0] if sent else None, most=MOST)
    for field, upload in sent:
        kept = keep(upload, owner=by, kinds=KINDS, field=field)
        made = EnrolmentDocument(
            enrolment_id=enrolment.id, code=fields[field], file_id=kept.id, file=kept, added_at=now
        )
        db.session.add(made)
        db.session.flush()  # the log names it
        record(Ran.ADD_DOCUMENT, made, by=by, more={"enrolment": enrolment.id, "code": made.code, "name": kept.name})
    return len(sent)


def document_in(enrolment: Enrolment, document_id: int) -> EnrolmentDocument:
    found = db.session.get(EnrolmentDocument, document_id)
    if found is None or found.enrolment_id != enrolment.id:
        raise NotFound
    return found


def words_of(code: str, region_id: int | None) -> str:
    column = "zh" if chinese() else "en"
    return next((r[column] for r in terms(region_id)["documents"] if r["code"] == code), code)
