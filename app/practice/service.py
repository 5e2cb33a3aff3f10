"""The verbs of trainee, mentor and office on log entries, and what practice tells the pathway.

Reviewing stands in ``reviewing.py``, who reads what in ``access.py``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, bindparam, func, or_, select

from app.accounts.models import Organisation, Person
from app.accounts.scope import must_reach
from app.audit.service import record
from app.core.clock import local_date
from app.core.errors import Forbidden, NotAllowedNow, NotFound
from app.core.permissions import Can
from app.core.waiting import Waiting, waiting
from app.db import db, locked, rows
from app.files.models import StoredFile
from app.files.service import delete_file, keep, keep_bytes
from app.notices.service import post
from app.outline.service import current, level_names, rule, typed
from app.practice import letters
from app.practice.deeds import Did
from app.practice.facts import PassedTask, PracticeFacts
from app.practice.history import step
from app.practice.models import (
    STANDING,
    Confidentiality,
    Defence,
    Evidence,
    LogEntry,
    LogEntryVersion,
    Review,
    TaskRole,
    WorkLine,
)
from app.practice.people import mentors_for, teammates
from app.practice.refusals import (
    FileTwice,
    Incomplete,
    MentorReviews,
    NotTheMentor,
    RemarkNeeded,
    TooManyFiles,
    WrongValue,
)
from app.practice.reviewing import flow_of, newest, pick_reviewers, reviews_on
from app.practice.rules import ranks_of
from app.practice.states import WAITING, Move, State
from app.practice.team_models import Team

MAX_FILES = 20
WORDS = ("title", "project", "counterpart", "host_unit", "did", "result", "next_step")
PLAIN = ("real", "role", "share", "started_on", "ended_on", "confidentiality", "self_score")


def catalogue(region_id: int | None = None, on: date | None = None) -> list[dict[str, Any]]:
    """The rows of the task catalogue in force."""
    return rule("practice_tasks", region_id=region_id, on=on)["tasks"]


def task_row(code: str, region_id: int | None = None, on: date | None = None) -> dict[str, Any] | None:
    return next((row for row in catalogue(region_id, on) if row["code"] == code), None)


def requirement(rank: int, region_id: int | None = None, on: date | None = None) -> dict[str, Any] | None:
    """What the certification scheme (versioned data of the outline) asks of this stage; None where there is none."""
    try:
        body = rule("scheme", rank, region_id=region_id, on=on)
    except NotFound:
        return None
    return {key.removeprefix("practice_"): value for key, value in body.items() if key.startswith("practice_")}


# --- the trainee -----------------------------------------------------------------------------------------------------


def new_entry(
    trainee: Person,
    *,
    rank: int,
    task_code: str,
    title: str,
    now: datetime,
    draft_key: str = "",
    team: Team | None = None,
    **values: Any,
) -> LogEntry:
    """A draft of the trainee's own. Raises WrongValue at a field.

    ``draft_key``: the page's own name for it. A page that sends its draft again, because it never heard the answer, gets the
    draft it made.
    """
    known = _draft_of(trainee, draft_key)
    if known is not None:
        save_draft(known, by=trainee, now=now, rank=rank, task_code=task_code, title=title, **values)
        return known
    made = LogEntry(
        draft_key=draft_key or None, team_id=team.id if team else None,
        trainee_id=trainee.id, region_id=trainee.region_id, rank=rank, task_code=task_code, title=title,
        state=State.DRAFT, created_at=now, saved_at=now, real=True, confidentiality=Confidentiality.INTERNAL,
        hours=Decimal(0), project="", counterpart="", host_unit="", did="", result="", next_step="", version=0,
        returns=0, lacking=0, was_core=False,
    )  # fmt: skip
    db.session.add(made)
    save_draft(made, by=trainee, now=now, rank=rank, task_code=task_code, title=title, **values)
    db.session.flush()  # callers go on with its id
    return made


def _draft_of(trainee: Person, key: str) -> LogEntry | None:
    if not key:
        return None
    asked = select(LogEntry).where(LogEntry.trainee_id == trainee.id, LogEntry.draft_key == key)
    found = db.session.scalar(asked.with_for_update())
    return found if found is not None and found.editable else None


def save_draft(
    entry: LogEntry,
    *,
    by: Person,
    now: datetime,
    lines: Sequence[tuple[date, Decimal, str]] | None = None,
    **values: Any,
) -> None:
    """Save what was typed so far; nothing has to be complete. ``lines``: all work lines as (day, hours, words).

    Raises NotAllowedNow when it is not a draft or returned, WrongValue at a field.
    """
    _own(entry, by)
    if not entry.editable:
        raise NotAllowedNow
    if entry.team_id is not None:
        values |= _fixed_by_team(entry)
    _set_task(entry, values.pop("rank", entry.rank), values.pop("task_code", entry.task_code), now)
    for name in WORDS:
        if name in values:
            setattr(entry, name, values.pop(name) or "")
    for name in PLAIN:
        if name in values:
            setattr(entry, name, values.pop(name))
    if "base_id" in values:
        _set_base(entry, values.pop("base_id"))
    if "mentor_id" in values:
        _set_mentor(entry, by, values.pop("mentor_id"))
    if values:
        raise TypeError(f"unknown: {sorted(values)}")
    if not entry.title:
        raise WrongValue("title", why=_l("Please give the task a title."))
    if entry.confidentiality is None:
        entry.confidentiality = Confidentiality.INTERNAL
    if lines is not None:
        entry.lines = [WorkLine(on=on, hours=hours, text=text) for on, hours, text in lines]
        entry.hours = sum((hours for _, hours, _ in lines), Decimal(0))
    entry.saved_at = now


def _fixed_by_team(entry: LogEntry) -> dict[str, Any]:
    """What a member cannot change alone: the facts of the task, their role and share."""
    team = db.session.get_one(Team, entry.team_id)
    member = next(m for m in team.members if m.person_id == entry.trainee_id)
    return {
        "task_code": team.task_code, "project": team.project, "real": team.real, "counterpart": team.counterpart,
        "host_unit": team.host_unit, "role": member.role, "share": member.share,
    }  # fmt: skip


def _own(entry: LogEntry, by: Person) -> None:
    if entry.trainee_id != by.id:
        raise NotFound


def _set_task(entry: LogEntry, rank: int, code: str, now: datetime) -> None:
    if rank not in level_names(region_id=entry.region_id, on=local_date(now)):
        raise WrongValue("rank", why=_l("This level does not exist."))
    row = task_row(code, entry.region_id, local_date(now))
    if row is None:
        raise WrongValue("task_code", why=_l("This task type does not exist."))
    if rank not in ranks_of(row):
        raise WrongValue(
            "task_code", why=_l("This task type does not count for the chosen level. Please choose another.")
        )
    entry.rank, entry.task_code = rank, code


def _set_base(entry: LogEntry, base_id: int | None) -> None:
    if base_id and base_id not in {b.id for b in bases_for(entry.region_id)}:
        raise WrongValue("base_id", why=_l("This training base does not exist in your region."))
    entry.base_id = base_id or None


def _set_mentor(entry: LogEntry, trainee: Person, mentor_id: int | None) -> None:
    if mentor_id and mentor_id not in {m.id for m in mentors_for(trainee, entry.base_id)}:
        raise WrongValue("mentor_id", why=_l("This person is not a mentor for you. Please choose one of the list."))
    entry.mentor_id = mentor_id or None


def bases_for(region_id: int | None) -> list[Organisation]:
    """The training bases of a region."""
    from app.accounts.models import OrganisationKind

    return list(
        db.session.scalars(
            select(Organisation)
            .where(Organisation.kind == OrganisationKind.BASE, Organisation.region_id == region_id)
            .order_by(Organisation.name_zh)
        )
    )


def attach(entry: LogEntry, upload: Any, *, by: Person, now: datetime, name: str = "") -> Evidence:
    """Add a file (an upload, or bytes with a ``name``). Raises FileRefused, FileTwice, TooManyFiles."""
    _own(entry, by)
    if not entry.editable:
        raise NotAllowedNow
    if len(entry.files) >= MAX_FILES:
        raise TooManyFiles("files", n=MAX_FILES)
    if isinstance(upload, bytes):
        stored = keep_bytes(upload, name, owner=by, field="files")
    else:
        stored = keep(upload, owner=by, field="files")
    if any(e.file.sha256 == stored.sha256 for e in entry.files):
        name = stored.name
        delete_file(stored)
        raise FileTwice("files", name=name)
    made = Evidence(entry_id=entry.id, file=stored, added_at=now)
    entry.evidence.append(made)
    entry.saved_at = now
    db.session.flush()  # pages link to it by id
    return made


def detach(entry: LogEntry, file_id: int, *, by: Person, now: datetime) -> None:
    """Take a file out of the draft. One that stands in a submitted version stays stored with that version."""
    _own(entry, by)
    if not entry.editable:
        raise NotAllowedNow
    found = next((e for e in entry.files if e.file_id == file_id), None)
    if found is None:
        raise NotFound
    entry.saved_at = now
    if any(file_id in version.file_ids for version in entry.versions):
        found.removed_at = now
        return
    stored = found.file
    entry.evidence.remove(found)
    db.session.delete(found)
    db.session.flush()  # the link goes before the file
    delete_file(stored)


def used_elsewhere(file_ids: Sequence[int], entry: LogEntry) -> dict[int, list[tuple[int, int]]]:
    """Files whose content (hash) is evidence of another task as well: file → (entry, trainee) of the others."""
    if not file_ids:
        return {}
    here = select(StoredFile.id.label("mine"), StoredFile.sha256).where(StoredFile.id.in_(file_ids)).subquery()
    rows = (
        select(here.c.mine, LogEntry.id, LogEntry.trainee_id)
        .join(StoredFile, StoredFile.sha256 == here.c.sha256)
        .join(Evidence, Evidence.file_id == StoredFile.id)
        .join(LogEntry, LogEntry.id == Evidence.entry_id)
        .where(LogEntry.id != entry.id, or_(Evidence.removed_at.is_(None), LogEntry.version > 0))
        .order_by(LogEntry.id)
    )
    if entry.team_id is not None:  # what a team made together is evidence for each of its members
        rows = rows.where(func.coalesce(LogEntry.team_id, 0) != entry.team_id)
    found: dict[int, list[tuple[int, int]]] = {}
    for mine, other, trainee in db.session.execute(rows):
        found.setdefault(mine, []).append((other, trainee))
    return found


def missing_of(entry: LogEntry, *, now: datetime) -> list[tuple[str, Any]]:
    """What stands between the draft and its submission, as (step of the form, words)."""
    today = local_date(now)
    lacks: list[tuple[str, Any]] = []

    def ask(part: str, holds: Any, words: Any) -> None:
        if not holds:
            lacks.append((part, words))

    row = task_row(entry.task_code, entry.region_id, today)
    ask("task", row and entry.rank in ranks_of(row), _l("The task type does not count for the chosen level."))
    ask("task", entry.project, _l("The project is missing."))
    ask("task", entry.host_unit, _l("The host unit is missing."))
    ask("task", entry.counterpart or not entry.real, _l("A real project needs its counterpart."))
    ask("task", entry.role, _l("Your role is missing."))
    ask("task", entry.share, _l("Your share of the team's work is missing."))
    ask("task", entry.started_on and entry.ended_on, _l("The dates are missing."))
    if entry.started_on and entry.ended_on:
        ask("task", entry.started_on <= entry.ended_on, _l("The last day lies before the first."))
        ask("task", entry.ended_on <= today, _l("The last day lies in the future."))
        outside = [line for line in entry.lines if not entry.started_on <= line.on <= entry.ended_on]
        ask("work", not outside, _l("A work line lies outside the dates of the task."))
    ask("work", entry.did, _l("What you did is missing."))
    ask("work", entry.result, _l("The result is missing."))
    ask("work", entry.next_step, _l("The next step is missing."))
    ask("work", entry.lines, _l("There is no work line yet; each needs a day, hours and words."))
    ask("work", all(h <= 24 for h in _hours_by_day(entry).values()), _l("A day holds more than 24 hours."))
    ask("evidence", entry.files, _l("There is no evidence yet; please attach at least one file."))
    ask("submit", entry.self_score is not None, _l("Your own score is missing."))
    mentors = {m.id for m in mentors_for(entry.trainee, entry.base_id)} if entry.mentor_id else set()
    ask("submit", entry.mentor_id, _l("No mentor is chosen."))
    ask("submit", not entry.mentor_id or entry.mentor_id in mentors, _l("The chosen mentor no longer accompanies you."))
    ask("submit", entry.mentor_id not in teammates(entry), _l("The chosen mentor works on the same team task."))
    return lacks


def _hours_by_day(entry: LogEntry) -> dict[date, Decimal]:
    days: dict[date, Decimal] = {}
    for line in entry.lines:
        days[line.on] = days.get(line.on, Decimal(0)) + line.hours
    return days


def submit(entry: LogEntry, *, by: Person, now: datetime) -> LogEntryVersion:
    """Freeze a version and hand it to the mentor. Raises Incomplete with everything that is missing."""
    entry = locked(entry)
    _own(entry, by)
    if not entry.editable:
        raise NotAllowedNow
    lacks = missing_of(entry, now=now)
    if lacks:
        raise Incomplete(lacks)
    entry.region_id = entry.trainee.region_id
    entry.version += 1
    made = _frozen(entry, now)
    entry.submitted_at = now
    entry.was_core = entry.guarded
    changed = step(entry, Move.SUBMIT, by=by, now=now)
    record(Did.SUBMIT, entry, by=by, changed={"state": changed}, more={"version": made.number, "sha256": made.sha256})
    assert entry.mentor is not None
    link = f"/practice/{entry.id}"
    post(letters.SUBMITTED, to=entry.mentor, link=link, now=now, trainee=by.name, task=entry.title)
    return made


def _frozen(entry: LogEntry, now: datetime) -> LogEntryVersion:
    on = local_date(now)
    tasks = current("practice_tasks", region_id=entry.region_id, on=on)
    snapshot = snapshot_of(entry, next(r for r in typed(tasks)["tasks"] if r["code"] == entry.task_code))
    made = LogEntryVersion(
        entry_id=entry.id,
        number=entry.version,
        snapshot=snapshot,
        sha256=hashlib.sha256(
            json.dumps(snapshot, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest(),
        file_ids=[e.file_id for e in entry.files],
        catalogue_id=tasks.id,
        rubric_id=current("practice_rubric", region_id=entry.region_id, on=on).id,
        flow_id=current("practice_flow", entry.rank, region_id=entry.region_id, on=on).id,
        organisation_id=entry.trainee.organisation_id,
        submitted_at=now,
    )
    db.session.add(made)
    db.session.flush()  # its id is pinned by reviews
    return made


def snapshot_of(entry: LogEntry, task: Mapping[str, Any]) -> dict[str, Any]:
    """Plain JSON of everything the trainee states."""
    return {
        "rank": entry.rank,
        "task": {"code": entry.task_code, "zh": task["zh"], "en": task["en"]},
        "title": entry.title,
        "project": entry.project,
        "real": entry.real,
        "counterpart": entry.counterpart,
        "host_unit": entry.host_unit,
        "role": entry.role.value if entry.role else None,
        "share": str(entry.share) if entry.share is not None else None,
        "started_on": entry.started_on.isoformat() if entry.started_on else None,
        "ended_on": entry.ended_on.isoformat() if entry.ended_on else None,
        "hours": str(entry.hours),
        "did": entry.did,
        "result": entry.result,
        "next_step": entry.next_step,
        "lines": [{"on": line.on.isoformat(), "hours": str(line.hours), "text": line.text} for line in entry.lines],
        "confidentiality": entry.confidentiality.value,
        "self_score": entry.self_score,
        "base_id": entry.base_id,
        "mentor_id": entry.mentor_id,
        "mentor": entry.mentor.name if entry.mentor else None,
        "trainee": entry.trainee.name,
        "organisation": entry.trainee.organisation.name_zh if entry.trainee.organisation else None,
        **({"team": _team_told(entry)} if entry.team_id else {}),
        "files": [
            {
                "id": e.file_id,
                "name": e.file.name,
                "sha256": e.file.sha256,
                "size": e.file.size,
                "kind": e.file.media_type,
            }
            for e in entry.files
        ],
    }


def _team_told(entry: LogEntry) -> dict[str, Any]:
    from app.practice import teams  # it makes entries with this module

    return teams.told_of(db.session.get_one(Team, entry.team_id))


def withdraw(entry: LogEntry, *, by: Person, now: datetime) -> None:
    """Take a submission back that the mentor has not acted on yet."""
    entry = locked(entry)
    _own(entry, by)
    changed = step(entry, Move.WITHDRAW, by=by, now=now)
    record(Did.WITHDRAW, entry, by=by, changed={"state": changed})


def delete_draft(entry: LogEntry, *, by: Person) -> None:
    """Remove a draft that was never submitted, with its files."""
    entry = locked(entry)
    _own(entry, by)
    if entry.version or entry.state is not State.DRAFT:
        raise NotAllowedNow
    record(Did.DELETE_DRAFT, entry, by=by)
    links = list(entry.evidence)
    stored = [link.file for link in links]
    for link in links:
        db.session.delete(link)
    db.session.delete(entry)
    db.session.flush()  # links go before the files
    for file in stored:
        delete_file(file)


# --- the mentor ------------------------------------------------------------------------------------------------------


def confirm(entry: LogEntry, *, by: Person, remark: str = "", now: datetime) -> None:
    """The mentor confirms; reviewers are picked at once where the rule of the level says so."""
    entry = locked(entry)
    _mentors(entry, by)
    changed = step(entry, Move.CONFIRM, by=by, now=now, remark=remark)
    record(Did.CONFIRM, entry, by=by, reason=remark, changed={"state": changed})
    post(letters.CONFIRMED, to=entry.trainee, link=f"/practice/{entry.id}", now=now, task=entry.title)
    flow = flow_of(newest(entry))
    entry.lacking = flow["reviewers"]
    if flow["automatic"]:
        pick_reviewers(entry, now=now)


def return_to_trainee(entry: LogEntry, *, by: Person, remark: str, now: datetime) -> None:
    """The mentor asks for a revision: coaching, not counted against the limit of returns out of the review."""
    entry = locked(entry)
    _mentors(entry, by)
    if not remark:
        raise RemarkNeeded("remark")
    changed = step(entry, Move.RETURN, by=by, now=now, remark=remark)
    record(Did.RETURN, entry, by=by, reason=remark, changed={"state": changed})
    link = f"/practice/{entry.id}"
    post(letters.MENTOR_RETURNED, to=entry.trainee, link=link, now=now, task=entry.title, remark=remark)


def _mentors(entry: LogEntry, by: Person) -> None:
    """Read under the lock: the office may have assigned another mentor, or the role may have ended."""
    if entry.mentor_id != by.id or by.id == entry.trainee_id:
        raise NotFound
    if by.id not in {m.id for m in mentors_for(entry.trainee, entry.base_id)} or by.id in teammates(entry):
        raise Forbidden


# --- the office ------------------------------------------------------------------------------------------------------


def assign_mentor(entry: LogEntry, mentor: Person, *, by: Person, reason: str = "", now: datetime) -> None:
    """An office gives the entry another mentor, as long as it is not decided."""
    entry = locked(entry)
    must_reach(by, Can.ASSIGN_TASK, region=entry.region_id, organisation=entry.base_id)
    if entry.state in (State.PASSED, State.FAILED):
        raise NotAllowedNow
    if mentor.id not in {m.id for m in mentors_for(entry.trainee, entry.base_id)}:
        raise NotTheMentor(name=mentor.name)
    if entry.version and any(r.reviewer_id == mentor.id and r.state in STANDING for r in reviews_on(newest(entry))):
        raise MentorReviews(name=mentor.name)
    before, entry.mentor_id = entry.mentor_id, mentor.id
    record(Did.ASSIGN_MENTOR, entry, by=by, reason=reason, changed={"mentor": (before, mentor.id)})
    link = f"/practice/{entry.id}"
    post(letters.MENTOR_ASSIGNED, to=entry.trainee, link=link, now=now, task=entry.title, mentor=mentor.name)
    if entry.state is State.SUBMITTED:
        post(letters.SUBMITTED, to=mentor, link=link, now=now, trainee=entry.trainee.name, task=entry.title)


def record_defence(
    entry: LogEntry, *, by: Person, held_on: date, panel: str, minutes: str, passed: bool, now: datetime
) -> Defence:
    """Write down an oral defence of a submitted task. A later one stands beside it; the newest counts."""
    entry = locked(entry)
    must_reach(by, Can.ASSIGN_TASK, region=entry.region_id, organisation=entry.base_id)
    if entry.state not in (State.CONFIRMED, State.IN_REVIEW, State.PASSED):
        raise NotAllowedNow
    if held_on > local_date(now):
        raise WrongValue("held_on", why=_l("This day lies in the future. Please record the defence once it was held."))
    made = Defence(
        entry_id=entry.id, held_on=held_on, panel=panel, minutes=minutes, passed=passed, recorded_at=now,
        recorded_by_id=by.id,
    )  # fmt: skip
    db.session.add(made)
    record(Did.RECORD_DEFENCE, entry, by=by, more={"held_on": held_on, "passed": passed, "panel": panel})
    return made


# --- what the pathway asks -------------------------------------------------------------------------------------------


@cache
def _entries_and_defences() -> Select[Any]:
    """What the pathway needs of a person's entries of a level, with the outcome of the newest oral defence up to a day."""
    e, d = LogEntry.__table__.c, Defence.__table__.c
    newest = (
        select(d.passed)
        .where(d.entry_id == e.id, d.held_on <= bindparam("on"))
        .order_by(d.held_on.desc(), d.id.desc())
        .limit(1)
        .scalar_subquery()
        .label("defended")
    )
    return (
        select(e.task_code, e.title, e.real, e.role, e.hours, e.score, e.state, e.decided_at, newest)
        .where(e.trainee_id == bindparam("person"), e.rank == bindparam("rank"))
        .order_by(e.id)
    )


def facts_of(person: Person, rank: int, on: date) -> PracticeFacts:
    """Tasks of a level that were passed by a day, and how many are on their way. One query."""
    entries = rows(_entries_and_defences(), {"person": person.id, "rank": rank, "on": on}).all()
    passed = tuple(
        PassedTask(
            code=e.task_code, title=e.title, real=e.real, leading=e.role is TaskRole.LEADING, hours=e.hours,
            score=e.score or Decimal(0), passed_on=local_date(e.decided_at), defended=bool(e.defended),
        )
        for e in entries
        if e.state is State.PASSED and e.decided_at is not None and local_date(e.decided_at) <= on
    )  # fmt: skip
    return PracticeFacts(
        passed=passed,
        drafts=sum(e.state is State.DRAFT for e in entries),
        waiting=sum(e.state in WAITING for e in entries),
        returned=sum(e.state is State.RETURNED for e in entries),
    )


def waiting_for_mentor(person: Person) -> Waiting:
    """How many entries wait for this mentor."""
    mine = select(LogEntry).where(LogEntry.mentor_id == person.id, LogEntry.state == State.SUBMITTED)
    return waiting(mine, LogEntry.submitted_at)


def waiting_for_reviewer(person: Person) -> Waiting:
    """How many reviews wait for this reviewer."""
    from app.practice.models import ReviewState

    mine = select(Review).where(Review.reviewer_id == person.id, Review.state == ReviewState.ASKED)
    return waiting(mine, Review.asked_at)


def waiting_for_office(person: Person) -> Waiting:
    """How many entries in the scope of this office lack a reviewer."""
    from app.accounts.scope import within

    reach = within(person, Can.ASSIGN_TASK, region=LogEntry.region_id, organisation=LogEntry.base_id)
    return waiting(select(LogEntry).where(LogEntry.lacking > 0, reach), LogEntry.submitted_at)
