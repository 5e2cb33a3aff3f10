"""Which entries a person reaches, what they may read of them, and the record of openings of core material.

* the owner: everything; the mentor, assigned reviewers: the submitted versions;
* offices and auditors in whose scope it lies: submitted versions — but of core material an office sees the title alone;
* core: owner, mentor, assigned reviewers, the panel of an oral defence, auditor; each opening by somebody other than the owner is written down.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.models import Person
from app.accounts.scope import reaches, within
from app.audit.service import record
from app.core.errors import NotFound
from app.core.permissions import GRANTS, Can, Role, Scope
from app.db import db
from app.files.models import StoredFile
from app.practice.deeds import Did
from app.practice.models import STANDING, Hearing, HearingMember, LogEntry, Review, TaskView
from app.practice.states import HearingState, State


def _with_people(asked: Select[Any]) -> Select[Any]:
    """With trainee and mentor, for lists. Not at import: every model must be known by then."""
    return asked.options(joinedload(LogEntry.trainee), joinedload(LogEntry.mentor))


def _reviewed_by(person: Person) -> Any:
    return (
        select(Review.id).where(
            Review.entry_id == LogEntry.id, Review.reviewer_id == person.id, Review.state.in_(list(STANDING))
        )
    ).exists()


def _in_scope(person: Person, can: Can) -> Any:
    return within(person, can, region=LogEntry.region_id, organisation=LogEntry.base_id)


def entries_of(person: Person) -> Select[Any]:
    """A trainee's own entries."""
    return (
        select(LogEntry).where(LogEntry.trainee_id == person.id).order_by(LogEntry.saved_at.desc(), LogEntry.id.desc())
    )


def entries_visible_to(person: Person) -> Select[Any]:
    """Every entry the person may know of (of core material an office may know the title alone)."""
    return select(LogEntry).where(
        or_(
            LogEntry.trainee_id == person.id,
            and_(
                LogEntry.version > 0,
                or_(LogEntry.mentor_id == person.id, _reviewed_by(person), _in_scope(person, Can.READ_TASK)),
            ),
        )
    )


def entries_for_office(person: Person) -> Select[Any]:
    """Submitted entries in the scope of an office or auditor; titles only are meant for lists."""
    return _with_people(select(LogEntry).where(LogEntry.version > 0, _in_scope(person, Can.READ_TASK)))


def entries_to_confirm(person: Person) -> Select[Any]:
    """Entries whose mentor the person is."""
    return _with_people(select(LogEntry).where(LogEntry.mentor_id == person.id, LogEntry.version > 0))


def waiting_for_mentor(person: Person) -> list[LogEntry]:
    """Submitted entries that wait for the mentor's word, the oldest first."""
    asked = entries_to_confirm(person).where(LogEntry.state == State.SUBMITTED)
    return list(db.session.scalars(asked.order_by(LogEntry.submitted_at, LogEntry.id).limit(500)))


def reviews_of(person: Person) -> Select[Any]:
    """Reviews a person was asked for and did not decline."""
    return (
        select(Review)
        .join(LogEntry, Review.entry_id == LogEntry.id)
        .where(Review.reviewer_id == person.id, Review.state.in_(list(STANDING)))
        .options(joinedload(Review.entry), joinedload(Review.version))
    )


def _audits(person: Person, entry: LogEntry) -> bool:
    places = {(Scope.SITE, 0), (Scope.REGION, entry.region_id), (Scope.ORGANISATION, entry.base_id)}
    return any(
        r.role is Role.AUDITOR
        and Can.READ_TASK in GRANTS[r.role]
        and r.ended_at is None
        and (r.scope, r.scope_id) in places
        for r in person.roles
    )


def _accompanies(person: Person, entry: LogEntry) -> bool:
    """The mentor, as long as the role is held."""
    return person.id == entry.mentor_id and person.can(Can.CONFIRM_TASK)


def _assigned(person: Person, entry: LogEntry) -> bool:
    """A reviewer who was asked and did not decline, as long as the role is held."""
    return person.can(Can.REVIEW_TASK) and any(
        r.reviewer_id == person.id and r.state in STANDING for r in entry.reviews
    )


def _on_the_panel(person: Person, entry: LogEntry) -> bool:
    """A member of the panel of a defence that is planned or was held, as long as the role is held."""
    if not person.can(Can.REVIEW_TASK):
        return False
    asked = (
        select(HearingMember.id)
        .join(Hearing, Hearing.id == HearingMember.hearing_id)
        .where(
            Hearing.entry_id == entry.id,
            HearingMember.person_id == person.id,
            Hearing.state.in_([HearingState.PLANNED, HearingState.HELD]),
        )
    )
    return db.session.scalar(asked.limit(1)) is not None


def may_read(person: Person, entry: LogEntry) -> bool:
    """May this person read narrative and evidence (not only the title)?"""
    if person.id == entry.trainee_id:
        return True
    if entry.version == 0:
        return False
    if _accompanies(person, entry) or _assigned(person, entry) or _audits(person, entry):
        return True
    if not entry.guarded and reaches(person, Can.READ_TASK, region=entry.region_id, organisation=entry.base_id):
        return True
    return _on_the_panel(person, entry)


def entry_for(person: Person, entry_id: int) -> LogEntry:
    """An entry whose content the person may read. Raises NotFound otherwise."""
    found = _loaded(entry_id)
    if found is None or not may_read(person, found):
        raise NotFound
    return found


def own_entry_for(person: Person, entry_id: int) -> LogEntry:
    """An entry of the person's own. Raises NotFound otherwise."""
    found = _loaded(entry_id)
    if found is None or found.trainee_id != person.id:
        raise NotFound
    return found


def mentored_entry_for(person: Person, entry_id: int) -> LogEntry:
    """A submitted entry whose mentor the person is. Raises NotFound otherwise."""
    found = _loaded(entry_id)
    if found is None or found.mentor_id != person.id or found.version == 0:
        raise NotFound
    return found


def office_entry_for(person: Person, entry_id: int, can: Can = Can.READ_TASK) -> LogEntry:
    """A submitted entry in the scope of an office. Raises NotFound otherwise."""
    found = _loaded(entry_id)
    if found is None or found.version == 0:
        raise NotFound
    if not reaches(person, can, region=found.region_id, organisation=found.base_id):
        raise NotFound
    return found


def review_for(person: Person, review_id: int) -> Review:
    """A review the person was asked for. Raises NotFound otherwise."""
    found = db.session.scalar(select(Review).where(Review.id == review_id, Review.reviewer_id == person.id))
    if found is None or found.state not in STANDING:
        raise NotFound
    return found


def file_for(person: Person, entry_id: int, file_id: int) -> tuple[LogEntry, StoredFile]:
    """A file of an entry, to be handed out. Others than the owner get what was submitted only."""
    entry = entry_for(person, entry_id)
    for one in entry.evidence:
        if one.file_id == file_id and (
            person.id == entry.trainee_id or any(file_id in version.file_ids for version in entry.versions)
        ):
            return entry, one.file
    raise NotFound


def must_be_recorded(person: Person, entry: LogEntry) -> bool:
    """Is an opening by this person to be written down?"""
    return entry.guarded and person.id != entry.trainee_id


def opened(entry: LogEntry, *, by: Person, now: datetime, file: StoredFile | None = None) -> None:
    """Write down that somebody opened core material; nothing for the owner or for other material."""
    if not must_be_recorded(by, entry):
        return
    db.session.add(TaskView(entry_id=entry.id, person_id=by.id, at=now, file_id=file.id if file else None))
    record(Did.OPEN_CORE, entry, by=by, more={"file": file.id} if file else {"page": entry.version})


def openings_of(entry: LogEntry) -> list[TaskView]:
    """Who opened it and when, newest first."""
    return list(
        db.session.scalars(
            select(TaskView)
            .where(TaskView.entry_id == entry.id)
            .options(joinedload(TaskView.person), joinedload(TaskView.file))
            .order_by(TaskView.id.desc())
            .limit(200)
        ).unique()
    )


def _loaded(entry_id: int) -> LogEntry | None:
    return db.session.get(LogEntry, entry_id, options=[selectinload(LogEntry.reviews), selectinload(LogEntry.versions)])
