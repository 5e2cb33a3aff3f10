"""The audit log as a page: who did what, when, with before and after."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from app.accounts.blueprint import bp
from app.accounts.deeds import Did
from app.accounts.guard import current_person, requires
from app.accounts.models import Person
from app.accounts.scope import reach_of, within
from app.accounts.views_office import names_of
from app.audit.models import AuditEntry
from app.audit.service import DEED_NAMES, record
from app.core import clock
from app.core.errors import NotFound
from app.core.nav import place
from app.core.permissions import Can
from app.core.tables import Column, Filter, Listing
from app.db import db, unit_of_work

place("accounts.audit_log", _l("Audit log"), "system", can=Can.READ_AUDIT, order=10)


def entries_visible_to(person: Person) -> Select[AuditEntry]:
    """The log as far as the right reaches: all of it, or what people of one's regions and organisations did."""
    made = select(AuditEntry)
    if reach_of(person, Can.READ_AUDIT).site:
        return made
    theirs = select(Person.id).where(
        within(person, Can.READ_AUDIT, region=Person.region_id, organisation=Person.organisation_id)
    )
    return made.where(AuditEntry.person_id.in_(theirs))


def deed_words(deed: str) -> str:
    return str(DEED_NAMES.get(deed, deed))


TABLE_WORDS = {
    "agreement": _l("Recognition agreement"),
    "application": _l("Application"),
    "attendance": _l("Attendance"),
    "certificate": _l("Certificate"),
    "claim": _l("Claim"),
    "class_session": _l("Session of a class"),
    "consent": _l("Consent"),
    "contract": _l("Technology contract"),
    "course": _l("Course"),
    "course_version": _l("Course"),
    "credit_entry": _l("Line of the credit ledger"),
    "edition": _l("Edition of a certificate"),
    "enrolment": _l("Enrolment"),
    "erasure_request": _l("Request to erase data"),
    "exam_session": _l("Exam session"),
    "exemption": _l("Exemption"),
    "goal": _l("Level aimed at"),
    "honour": _l("Honour"),
    "hour_entry": _l("Line of the hours ledger"),
    "integrity_event": _l("Integrity matter"),
    "job": _l("Background job"),
    "lesson": _l("Lesson"),
    "log_entry": _l("Practical task"),
    "marking_task": _l("Script to mark"),
    "objection": _l("Objection"),
    "organisation": _l("Organisation"),
    "person": _l("Person"),
    "practice_review": _l("Review of a task"),
    "programme_version": _l("Training programme"),
    "question": _l("Question"),
    "question_import": _l("Import of questions"),
    "recognition_case": _l("Recognition case"),
    "region": _l("Region"),
    "renewal": _l("Renewal"),
    "role_held": _l("Role"),
    "rule_version": _l("Version of a rule"),
    "sitting": _l("Sitting of an exam"),
    "status_change": _l("Change of a certificate"),
    "stored_file": _l("File"),
    "training_class": _l("Class"),
}
"""What a row of the log is about, in words; a table without words is shown by its name."""


def about_words(entry: AuditEntry) -> str:
    what = TABLE_WORDS.get(entry.about)
    return f"{entry.about if what is None else what} {entry.about_id or ''}".strip()


def _day(name: str) -> date | None:
    try:
        found = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return found if 1900 <= found.year <= 2200 else None


def _listing() -> tuple[Listing, dict[int, str]]:
    names: dict[int, str] = {}
    asked = entries_visible_to(current_person())
    if begin := _day("from"):
        asked = asked.where(AuditEntry.at >= clock.start_of(begin))
    if end := _day("to"):
        asked = asked.where(AuditEntry.at < clock.end_of(end))
    who = select(Person.name).where(Person.id == AuditEntry.person_id).scalar_subquery()
    columns = [
        Column("at", _l("Time"), lambda e: e.at, sort=AuditEntry.id),
        Column("who", _l("Person"), lambda e: names.get(e.person_id, "") if e.person_id else _("(system)")),
        Column("deed", _l("Deed"), lambda e: deed_words(e.deed), sort=AuditEntry.deed),
        Column("about", _l("About"), about_words),
    ]
    deeds = sorted(((deed, deed_words(deed)) for deed in DEED_NAMES), key=lambda pair: pair[0])
    listing = Listing(
        asked, columns, request.args, search=(who,), default_sort="-at",
        filters=[Filter("deed", _l("Deed"), deeds, lambda v: AuditEntry.deed == v)],
    )  # fmt: skip
    names |= names_of(e.person_id for e in listing.rows)
    return listing, names


@bp.get("/audit")
@requires(Can.READ_AUDIT)
def audit_log() -> Any:
    listing, names = _listing()
    if request.args.get("export") == "xlsx":
        with unit_of_work():
            person = current_person()
            record(
                Did.EXPORT_AUDIT, person, by=person, more={"filter": dict(request.args), "rows": listing.exact_total}
            )
        listing, names = _listing()
        names |= {row.id: row.name for row in db.session.execute(select(Person.id, Person.name))}
        return listing.as_download(_("Audit log"))
    period = {"from": request.args.get("from", "")[:10], "to": request.args.get("to", "")[:10]}
    return render_template("accounts/audit.html", rows=listing, period=period)


@bp.get("/audit/<int:entry_id>")
@requires(Can.READ_AUDIT)
def audit_entry(entry_id: int) -> Any:
    found = db.session.scalar(
        entries_visible_to(current_person()).where(AuditEntry.id == entry_id).options(joinedload(AuditEntry.details))
    )
    if found is None:
        raise NotFound
    payload = found.details.payload if found.details else None
    who = names_of([found.person_id]).get(found.person_id or 0, "")
    return render_template(
        "accounts/audit_entry.html",
        entry=found,
        payload=payload,
        who=who,
        what=deed_words(found.deed),
        about=about_words(found),
    )
