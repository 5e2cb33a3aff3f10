"""Class hours by sheet (学时导入): lines of the ledger with the sheet as their source, for what was held outside of the platform.

The ledger is only added to: undoing adds reversing lines. A line is known again by person, module, day and what was heard,
so the same sheet, or another one with the same rows, credits nothing twice.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import exists, select
from sqlalchemy.orm import aliased

from app.accounts.models import Person
from app.audit.service import record
from app.db import db
from app.imports import columns
from app.imports.columns import Part
from app.imports.kinds import Row
from app.imports.models import SheetImport
from app.imports.uses import batches, stands
from app.notices.service import post
from app.training import letters
from app.training.deeds import Did
from app.training.hours import _Ledger
from app.training.import_people import (
    PERSON_PARTS,
    PERSON_PROBLEMS,
    ClassPeopleSheet,
    class_of,
    label_of,
    names_of,
    who,
)
from app.training.models import Enrolment, HourEntry, HourSource
from app.training.states import EnrolmentState

MODULES = {
    "公共知识": "common", "common": "common", "general knowledge": "common", "政策法规": "policy", "policy": "policy", "policy and law": "policy",
    "实务技能": "skill", "skill": "skill", "practical skills": "skill", "能力提升": "advanced", "advanced": "advanced", "advanced ability": "advanced",
}  # fmt: skip


class HoursSheet(ClassPeopleSheet):
    code = "hours"
    title = _l("Class hours")
    lead = _l("Hours of a class that were not recorded here by period or lesson, with day and course. They enter the hours ledger with the sheet as their source; the same line never counts twice.")  # fmt: skip
    confirm = _l("The hours enter the ledger and count for the trainees. Go on?")
    step = 500
    parts = (
        *PERSON_PARTS,
        Part("module", _l("Module"), _l("公共知识, 政策法规, 实务技能 or 能力提升."), ("知识模块", "模块", "课程模块", "module"), True, columns.one_of(MODULES)),
        Part("course", _l("Course or activity"), _l("What was heard."), ("课程名称", "课程", "活动", "活动名称", "course"), True, columns.free_text(160)),
        Part("hours", _l("Hours"), _l("At most 16 a line."), ("学时", "学时数", "课时", "hours"), True, columns.number(Decimal("0.1"), Decimal(16))),
        Part("day", _l("Day"), _l("For example 2026-09-01."), ("日期", "上课日期", "培训日期", "date", "day"), True, columns.past_day),
    )  # fmt: skip
    problems = PERSON_PROBLEMS | {"other_hours": _l("stands in the ledger already with %(said)s hours")}

    def about(self, row: Row) -> tuple[str, str]:
        key = (who(row), row.get("module"), row.get("course"), row.get("day"))
        return ("\0".join(map(str, key)) if all(key) else ""), f"{label_of(row)} · {row.get('course') or ''}"[:200]

    def look(self, found: SheetImport, rows: Sequence[Row]) -> None:
        self.find_people(found, rows)
        good = [r for r in rows if r.good]
        for row in good:
            row.found["source"] = source_id(found.target_id, row)
        open_lines = _open_lines(found.target_id, {r.found["person"] for r in good}, {r.found["source"] for r in good})
        for row in good:
            there = open_lines.get((row.found["person"], row.found["source"]))
            if there is not None and there == row.get("hours"):
                row.same()
            elif there is not None:
                row.wrong("hours", "other_hours", f"{there.normalize():f}")

    def apply(self, found: SheetImport, rows: Sequence[Row], *, by: Person, now: datetime) -> None:
        klass = class_of(found)
        ledger = _Ledger.of(
            {r.found["person"] for r in rows},
            klass.level,
            kind=HourSource.SHEET,
            sources={r.found["source"] for r in rows},
        )
        made: list[tuple[Row, HourEntry]] = []
        for row in rows:
            entry = ledger.credit(
                row.found["person"], module=row.get("module"), hours=row.get("hours"), kind=HourSource.SHEET,
                source_id=row.found["source"], course=None, class_id=klass.id, online=False, earned_on=row.get("day"),
                working={"rule": "sheet", "sheet": found.id, "line": row.line, "course": row.get("course"), "hours": str(row.get("hours"))},
                by=by, now=now,
            )  # fmt: skip
            if entry is None:
                row.same()
            else:
                made.append((row, entry))
        db.session.flush()  # the rows keep the ids of their lines
        for row, entry in made:
            row.outcome = {"entry": entry.id, "person": entry.person_id, "hours": str(entry.hours)}
        total = sum((e.hours for _row, e in made), Decimal(0))
        record(Did.CREDIT_HOURS, klass, by=by, more={"sheet": found.id, "lines": len(made), "hours": total})

    def finish(self, found: SheetImport, outcomes: Sequence[dict[str, Any]], *, by: Person, now: datetime) -> None:
        """One letter to each, however many lines they have."""
        gained: dict[int, Decimal] = defaultdict(Decimal)
        for one in outcomes:
            gained[one["person"]] += Decimal(one["hours"])
        for some in batches(gained):
            for person in db.session.scalars(select(Person).where(Person.id.in_(some))):
                post(letters.HOURS, to=person, link="/training/hours", now=now, title=found.target, hours=gained[person.id])  # fmt: skip

    def in_use(self, found: SheetImport, outcomes: Sequence[dict[str, Any]]) -> list[str]:
        done: set[int] = set()
        for some in batches(o["person"] for o in outcomes):
            asked = select(Enrolment.person_id).where(
                Enrolment.class_id == found.target_id, Enrolment.person_id.in_(some),
                Enrolment.state == EnrolmentState.COMPLETED, Enrolment.completion_number.is_not(None),
            )  # fmt: skip
            done |= set(db.session.scalars(asked))
        return [stands(_("a completion statement was issued on these hours"), names_of(sorted(done)))] if done else []

    def undo(self, found: SheetImport, outcomes: Sequence[dict[str, Any]], *, by: Person, now: datetime) -> None:
        reason = _("The sheet “%(name)s” was undone.", name=found.name)
        lost: dict[int, Decimal] = defaultdict(Decimal)
        for some in batches(o["entry"] for o in outcomes):
            gone = set(db.session.scalars(select(HourEntry.reverses_id).where(HourEntry.reverses_id.in_(some))))
            for entry in db.session.scalars(select(HourEntry).where(HourEntry.id.in_(some)).order_by(HourEntry.id)):
                if entry.id in gone:
                    continue
                lost[entry.person_id] += entry.hours
                db.session.add(_reversal(entry, reason, by, now))
        for some in batches(lost):
            for person in db.session.scalars(select(Person).where(Person.id.in_(some))):
                post(letters.REVERSED, to=person, link="/training/hours", now=now, hours=lost[person.id], reason=reason)
        record(Did.REVERSE_HOURS, class_of(found), by=by, reason=reason, more={"sheet": found.id, "lines": len(outcomes), "hours": sum(lost.values(), Decimal(0))})  # fmt: skip


def source_id(class_id: int, row: Row) -> int:
    """The same for the same class, module, course and day: what keeps a line from counting twice."""
    text = "\0".join(map(str, (class_id, row.get("module"), row.get("course"), row.get("day"))))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def _open_lines(class_id: int, people: Collection[int], sources: Collection[int]) -> dict[tuple[int, int], Decimal]:
    """(person, source) → hours of lines from these sources that stand."""
    back = aliased(HourEntry)
    asked = select(HourEntry.person_id, HourEntry.source_id, HourEntry.hours).where(
        HourEntry.class_id == class_id, HourEntry.person_id.in_(people), HourEntry.source_kind == HourSource.SHEET,
        HourEntry.source_id.in_(sources), ~exists().where(back.reverses_id == HourEntry.id),
    )  # fmt: skip
    return {(person_id, source): hours for person_id, source, hours in db.session.execute(asked)} if people else {}


def _reversal(entry: HourEntry, reason: str, by: Person, now: datetime) -> HourEntry:
    on: date = entry.earned_on
    return HourEntry(
        person_id=entry.person_id, level=entry.level, module=entry.module, hours=-entry.hours,
        source_kind=HourSource.REVERSAL, source_id=entry.id, class_id=entry.class_id, course_id=entry.course_id,
        online=entry.online, earned_on=on, reverses_id=entry.id, created_at=now, by_id=by.id,
        working={"rule": "reversal", "reason": reason, "of": entry.id, "hours": str(entry.hours)},
    )  # fmt: skip
