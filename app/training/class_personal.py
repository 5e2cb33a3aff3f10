"""What running classes holds about a person, and what goes on erasure."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update

from app.accounts.models import Person
from app.core.personal import Part, erases, holds
from app.db import db
from app.files.service import delete_file, read_file
from app.training.class_models import (
    CalendarFeed,
    ClassTransfer,
    EnrolmentDocument,
    HourClaim,
    HourClaimProof,
    LeaveRequest,
    MakeUp,
    SignStamp,
)
from app.training.models import Enrolment


def _files(person: Person) -> list[EnrolmentDocument | HourClaimProof]:
    documents = db.session.scalars(
        select(EnrolmentDocument).join(Enrolment, Enrolment.id == EnrolmentDocument.enrolment_id).where(
            Enrolment.person_id == person.id
        )
    )  # fmt: skip
    proofs = db.session.scalars(
        select(HourClaimProof).join(HourClaim, HourClaim.id == HourClaimProof.claim_id).where(
            HourClaim.person_id == person.id
        )
    )  # fmt: skip
    return [*documents, *proofs]


@holds("training_classes")
def tell(person: Person) -> Part:
    """Leave, make-up, hours from elsewhere with their files, and when the phone signed in and out."""
    return {
        "leave": [
            {"session": x.session.label, "reason": x.reason, "state": x.state.value, "remark": x.remark}
            for x in db.session.scalars(select(LeaveRequest).where(LeaveRequest.person_id == person.id))
        ],
        "make_ups": [
            {"missed": x.missed.label, "heard": x.session.label, "state": x.state.value}
            for x in db.session.scalars(select(MakeUp).where(MakeUp.person_id == person.id))
        ],
        "hours_from_elsewhere": [
            {
                "title": x.title, "provider": x.provider, "hours": str(x.hours), "state": x.state.value,
                "granted": str(x.granted) if x.granted is not None else None, "remark": x.remark,
            }
            for x in db.session.scalars(select(HourClaim).where(HourClaim.person_id == person.id))
        ],
        "signed": [
            {"session": x.session_id, "way": x.way.value, "at": x.at.isoformat()}
            for x in db.session.scalars(select(SignStamp).where(SignStamp.person_id == person.id))
        ],
    }, {f"{one.file.id}-{one.file.name}": read_file(one.file) for one in _files(person)}  # fmt: skip


@erases("training_classes")
def forget(person: Person, now: datetime) -> None:
    """Files, reasons, marks of phones and the calendar's address go; decisions and hours stay without a name."""
    for one in _files(person):
        stored = one.file
        db.session.delete(one)
        db.session.flush()  # the file goes once nothing names it
        document = select(EnrolmentDocument.id).where(EnrolmentDocument.file_id == stored.id)
        proof = select(HourClaimProof.id).where(HourClaimProof.file_id == stored.id)
        if db.session.scalar(document.limit(1)) is None and db.session.scalar(proof.limit(1)) is None:
            delete_file(stored)
    for leave in db.session.scalars(select(LeaveRequest).where(LeaveRequest.person_id == person.id)):
        file, leave.file, leave.reason = leave.file, None, ""
        db.session.flush()  # the file goes once nothing names it
        if file is not None:
            delete_file(file)
    mine = select(Enrolment.id).where(Enrolment.person_id == person.id)
    db.session.execute(update(ClassTransfer).where(ClassTransfer.enrolment_id.in_(mine)).values(reason=""))
    db.session.execute(update(SignStamp).where(SignStamp.person_id == person.id).values(device=""))
    db.session.execute(update(HourClaim).where(HourClaim.person_id == person.id).values(about=""))
    db.session.execute(delete(CalendarFeed).where(CalendarFeed.person_id == person.id))
