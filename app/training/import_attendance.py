"""Attendance by sheet (签到导入): one row is one person at one period. What it says is recorded as by hand, with the sheet as
the reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.models import Person
from app.audit.service import record
from app.core import clock
from app.db import db
from app.imports import columns
from app.imports.columns import Part, plain
from app.imports.kinds import Row, Target
from app.imports.models import SheetImport
from app.imports.uses import batches, stands
from app.training import attendance
from app.training.deeds import Did
from app.training.import_people import (
    PERSON_PARTS,
    PERSON_PROBLEMS,
    ClassPeopleSheet,
    class_of,
    label_of,
    names_of,
    people_of,
    who,
)
from app.training.models import Attendance, AttendanceState, ClassSession, HourEntry, HourSource, SignInMethod

STATES = {
    "出勤": AttendanceState.PRESENT, "到": AttendanceState.PRESENT, "已签到": AttendanceState.PRESENT, "正常": AttendanceState.PRESENT, "√": AttendanceState.PRESENT, "✓": AttendanceState.PRESENT, "present": AttendanceState.PRESENT,
    "迟到": AttendanceState.LATE, "late": AttendanceState.LATE, "早退": AttendanceState.LEFT_EARLY, "left early": AttendanceState.LEFT_EARLY,
    "请假": AttendanceState.LEAVE, "事假": AttendanceState.LEAVE, "病假": AttendanceState.LEAVE, "公假": AttendanceState.LEAVE, "on leave": AttendanceState.LEAVE, "leave": AttendanceState.LEAVE,
    "缺勤": AttendanceState.ABSENT, "旷课": AttendanceState.ABSENT, "未到": AttendanceState.ABSENT, "缺席": AttendanceState.ABSENT, "×": AttendanceState.ABSENT, "absent": AttendanceState.ABSENT,
}  # fmt: skip


class AttendanceSheet(ClassPeopleSheet):
    code = "attendance"
    title = _l("Attendance")
    lead = _l("Sign-in sheets of a class, one row for each person and period. Recorded as by hand; hours are credited afterwards in the class as usual.")  # fmt: skip
    confirm = _l("The marks are recorded as by hand. Hours credited for a period that turns out not to have been attended are taken back. Go on?")  # fmt: skip
    step = 500
    parts = (
        *PERSON_PARTS,
        Part("day", _l("Day"), _l("For example 2026-09-01."), ("日期", "上课日期", "签到日期", "date", "day"), True, columns.past_day),
        Part("period", _l("Period"), _l("Where a day has several: which one of the day (1, 2 …), when it begins (09:00), or its title."), ("节次", "时段", "课次", "场次", "开始时间", "period"), read=columns.free_text(120)),
        Part("state", _l("Attendance"), _l("出勤, 迟到, 早退, 请假 or 缺勤."), ("签到状态", "出勤情况", "考勤", "状态", "出勤", "attendance"), True, columns.one_of(STATES)),
    )  # fmt: skip
    problems = PERSON_PROBLEMS | {
        "no_period": _l("the class has no period on this day"),
        "which_period": _l("the class has several periods on this day; say which"),
        "not_begun": _l("this period has not begun yet"),
    }

    def known(self, target: Target) -> list[dict[str, str]]:
        """For each period that has begun, everybody of the class."""
        sessions = db.session.scalars(
            select(ClassSession)
            .where(ClassSession.class_id == target.id, ClassSession.starts_at <= clock.now())
            .order_by(ClassSession.starts_at)
        )
        people, made, places = people_of(target.id), [], dict[Any, int]()
        for one in sessions:
            day = clock.local_date(one.starts_at)
            places[day] = places.get(day, 0) + 1
            made += [{"name": name, "day": day.isoformat(), "period": str(places[day])} for name in people]
        return made[: self.most_rows]

    def about(self, row: Row) -> tuple[str, str]:
        key = (who(row), row.get("day"), row.get("period") or "-")
        return ("\0".join(map(str, key)) if all(key) else ""), f"{label_of(row)} · {row.get('day') or ''} {row.get('period') or ''}"  # fmt: skip

    def look(self, found: SheetImport, rows: Sequence[Row]) -> None:
        self.find_people(found, rows)
        by_day: dict[Any, list[ClassSession]] = {}
        for one in class_of(found).sessions:
            by_day.setdefault(clock.local_date(one.starts_at), []).append(one)
        days = {row.get("day") for row in rows}
        held = [s.id for day, sessions in by_day.items() if day in days for s in sessions]
        marks = attendance.matrix(class_of(found), held)
        now = clock.now()
        seen: dict[tuple[int, int], int] = {}
        for row in rows:
            session = self._session(row, by_day.get(row.get("day"), []))
            if session is not None and session.starts_at > now:
                row.wrong("day", "not_begun")
            if not row.good or session is None:
                continue
            if (first := seen.setdefault((session.id, row.found["person"]), row.line)) != row.line:
                row.wrong("", "twice", first)
                continue
            row.found["session"] = session.id
            there = marks.get((session.id, row.found["person"]))
            row.found["before"] = there.state.value if there else None
            if there is not None and there.state is row.get("state"):
                row.same()

    def _session(self, row: Row, there: list[ClassSession]) -> ClassSession | None:
        said = plain(row.get("period") or "")
        if not there:
            row.wrong("day", "no_period", row.cells.get("day", ""))
            return None
        if not said and len(there) == 1:
            return there[0]
        fits = [s for i, s in enumerate(there, start=1) if said and said in _names(s, i)]
        if len(fits) != 1:
            row.wrong("period", "which_period", row.get("period") or "")
            return None
        return fits[0]

    def apply(self, found: SheetImport, rows: Sequence[Row], *, by: Person, now: datetime) -> None:
        marks = {(r.found["session"], r.found["person"]): r.get("state") for r in rows}
        attendance.record_by_hand(class_of(found), marks, by=by, reason=reason_of(found), now=now)
        for row in rows:
            row.outcome = {
                "session": row.found["session"], "person": row.found["person"], "before": row.found["before"],
                "after": row.get("state").value,
            }  # fmt: skip

    def in_use(self, found: SheetImport, outcomes: Sequence[dict[str, Any]]) -> list[str]:
        told = []
        asked_for = select(Attendance.session_id, Attendance.person_id, Attendance.state, Attendance.method, Attendance.reason)  # fmt: skip
        held = select(ClassSession.id).where(ClassSession.class_id == found.target_id)
        there = {(m[0], m[1]): m for m in db.session.execute(asked_for.where(Attendance.session_id.in_(held)))}
        changed = {o["person"] for o in outcomes if not _ours(there.get((o["session"], o["person"])), o, found)}
        if changed:
            told.append(stands(_("the attendance was changed since"), names_of(sorted(changed))))
        credited: set[int] = set()
        present = {(o["session"], o["person"]) for o in outcomes if o["after"] == AttendanceState.PRESENT.value}
        sessions = {session for session, _person in present}
        for some in batches(person for _session, person in present):
            asked = select(HourEntry).where(
                HourEntry.class_id == found.target_id, HourEntry.source_kind == HourSource.SESSION, HourEntry.person_id.in_(some)
            )  # fmt: skip
            entries = [e for e in db.session.scalars(asked) if e.source_id in sessions]
            ids = [e.id for e in entries]
            gone: set[Any] = set()
            for part in batches(ids):
                gone |= set(db.session.scalars(select(HourEntry.reverses_id).where(HourEntry.reverses_id.in_(part))))
            credited |= {e.person_id for e in entries if e.id not in gone and (e.source_id, e.person_id) in present}
        if credited:
            told.append(stands(_("hours were credited on this attendance"), names_of(sorted(credited))))
        return told

    def undo(self, found: SheetImport, outcomes: Sequence[dict[str, Any]], *, by: Person, now: datetime) -> None:
        reason = _("The sheet “%(name)s” was undone.", name=found.name)
        by_session: dict[int, list[dict[str, Any]]] = {}
        for one in outcomes:
            by_session.setdefault(one["session"], []).append(one)
        klass = class_of(found)
        for session_id, some in sorted(by_session.items()):
            self._take_back(attendance.matrix(klass, {session_id}), some, reason=reason, by=by, now=now)
            db.session.flush()  # period by period, so that memory does not grow with the sheet

    def _take_back(
        self,
        there: dict[tuple[int, int], Attendance],
        outcomes: Sequence[dict[str, Any]],
        *,
        reason: str,
        by: Person,
        now: datetime,
    ) -> None:
        for one in outcomes:
            mark = there.get((one["session"], one["person"]))
            if mark is None:
                continue
            record(
                Did.RECORD_ATTENDANCE, mark, by=by, reason=reason, changed={"state": (one["after"], one["before"])},
                more={"session": one["session"], "person": one["person"]},
            )  # fmt: skip
            if one["before"] is None:
                db.session.delete(mark)
            else:
                mark.state, mark.at, mark.by_id, mark.reason = AttendanceState(one["before"]), now, by.id, reason


def reason_of(found: SheetImport) -> str:
    return _("Sheet “%(name)s” (no. %(id)s)", name=found.name[:150], id=found.id)


def _ours(mark: Any, one: dict[str, Any], found: SheetImport) -> bool:
    """Does the mark stand as the sheet left it?"""
    return (
        mark is not None
        and mark.state.value == one["after"]
        and mark.method is SignInMethod.LIST
        and f"{found.id}" in mark.reason
    )


def _names(session: ClassSession, place: int) -> set[str]:
    """What a period may be called in a sheet: its place in the day, its beginning, its title."""
    starts = clock.local(session.starts_at)
    begins = {f"{starts:%H:%M}", f"{starts.hour}:{starts.minute:02d}", f"{starts:%H:%M:%S}"}
    found = {str(place), f"第{place}节", *begins, session.label}
    return {plain(name) for name in found} | {re.sub(r"^0", "", plain(b)) for b in begins}
