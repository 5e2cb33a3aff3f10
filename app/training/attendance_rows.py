"""Attendance from a sheet, row by row: read, check, take. The common import calls these three; nothing here knows a file.

``COLUMNS`` says what a row may hold. :func:`read_row` never writes and collects every reason, not the first only;
:func:`take_row` writes one checked row inside the caller's unit of work and is safe to repeat.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts.models import Person
from app.core import clock
from app.core.sheets import NotADay, day_of
from app.db import locked
from app.training.attendance import matrix, record_by_hand
from app.training.classes import admitted_to, class_to_teach
from app.training.models import Attendance, AttendanceState, ClassSession, TrainingClass

COLUMNS: dict[str, tuple[Any, bool, tuple[str, ...]]] = {
    "name": (_l("Name"), True, ("姓名", "学员", "学员姓名", "name")),
    "id_tail": (_l("Last characters of the ID number, or e-mail"), False, ("证件号后四位", "证件号", "邮箱", "email", "id")),
    "day": (_l("Day"), True, ("日期", "上课日期", "day", "date")),
    "starts": (_l("Starts at"), False, ("开始时间", "时间", "节次", "starts", "time")),
    "state": (_l("Attendance"), True, ("考勤", "出勤", "状态", "签到", "attendance", "state")),
    "reason": (_l("Reason"), False, ("原因", "备注", "说明", "reason")),
}  # fmt: skip
"""Key → (label, must be there, usual headings): what the import maps its columns to."""

_S = AttendanceState
STATES: dict[str, AttendanceState] = {
    **dict.fromkeys(("出勤", "到", "已到", "签到", "√", "✓", "1", "present", "y"), _S.PRESENT),
    **dict.fromkeys(("迟到", "late"), _S.LATE),
    **dict.fromkeys(("早退", "left early", "left_early"), _S.LEFT_EARLY),
    **dict.fromkeys(("请假", "leave"), _S.LEAVE),
    **dict.fromkeys(("缺勤", "未到", "旷课", "缺席", "×", "x", "0", "absent", "n"), _S.ABSENT),
}


@dataclass
class Room:
    """A class as the rows of a sheet are checked against it, read with three questions however long the sheet is."""

    klass: TrainingClass
    by_name: dict[str, list[Person]] = field(default_factory=lambda: defaultdict(list))
    by_day: dict[date, list[ClassSession]] = field(default_factory=lambda: defaultdict(list))
    marks: dict[tuple[int, int], Attendance] = field(default_factory=dict)
    seen: dict[tuple[int, int], int] = field(default_factory=dict)

    @classmethod
    def of(cls, klass: TrainingClass) -> Room:
        made = cls(klass)
        for one in admitted_to(klass):
            made.by_name[_plain(one.person.name)].append(one.person)
        for session in sorted(klass.sessions, key=lambda s: (s.starts_at, s.id)):
            made.by_day[clock.local_date(session.starts_at)].append(session)
        made.marks = matrix(klass)
        return made


@dataclass(frozen=True)
class Taken:
    """What a row says once it is read. ``reasons``: (column, why) for everything that is wrong; empty: it can be taken.
    ``same``: it stands there already, so taking it changes nothing."""

    number: int
    person: Person | None = None
    session: ClassSession | None = None
    state: AttendanceState | None = None
    reason: str = ""
    reasons: tuple[tuple[str, str], ...] = ()
    same: bool = False

    @property
    def good(self) -> bool:
        return not self.reasons


def _plain(text: str) -> str:
    """Names as people type them: full-width letters, blanks inside, different middle dots."""
    import unicodedata

    text = unicodedata.normalize("NFKC", text or "").replace("•", "·").replace("‧", "·").replace("・", "·")
    return re.sub(r"\s+", "", text).lower()


def _time(text: str) -> time | None:
    import unicodedata

    found = re.search(r"(\d{1,2})[:：时](\d{2})?", unicodedata.normalize("NFKC", text))
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def read_row(room: Room, number: int, row: Mapping[str, str], *, now: datetime) -> Taken:
    """One row against the class; every reason against it in words. Nothing is written."""
    wrong: list[tuple[str, str]] = []
    get = {key: (row.get(key) or "").strip() for key in COLUMNS}
    for key, (label, needed, _heads) in COLUMNS.items():
        if needed and not get[key]:
            wrong.append((key, _("“%(column)s” is empty.", column=label)))
    person = _person(room, get, wrong) if get["name"] else None
    session = _session(room, get, wrong) if get["day"] else None
    state = STATES.get(_plain(get["state"])) or STATES.get(get["state"].lower())
    if get["state"] and state is None:
        wrong.append(
            (
                "state",
                _("“%(text)s” is no mark of attendance. Use 出勤, 迟到, 早退, 请假 or 缺勤.", text=get["state"][:20]),
            )
        )
    if session is not None and session.starts_at > now:
        wrong.append(("day", _("The period “%(label)s” has not begun yet.", label=session.label)))
    same = False
    if person and session and state:
        key2 = (session.id, person.id)
        before = room.seen.get(key2)
        if before is not None and before != number:
            wrong.append(("name", _("Row %(row)s says the same person and period already.", row=before)))
        else:
            room.seen[key2] = number
        there = room.marks.get(key2)
        same = there is not None and there.state is state
    return Taken(number, person, session, state, get["reason"][:300], tuple(wrong), same)


def _person(room: Room, get: Mapping[str, str], wrong: list[tuple[str, str]]) -> Person | None:
    found = room.by_name.get(_plain(get["name"]), [])
    if not found:
        wrong.append(("name", _("“%(name)s” has no place in this class.", name=get["name"][:40])))
        return None
    tail = _plain(get["id_tail"])
    if tail:
        fitting = [p for p in found if _fits(p, tail)]
        if not fitting:
            wrong.append(
                ("id_tail", _("The ID number or e-mail does not belong to “%(name)s”.", name=get["name"][:40]))
            )
            return None
        found = fitting
    if len(found) > 1:
        wrong.append(
            ("name", _("%(n)s people of this class are called “%(name)s”: add the end of the ID number or the e-mail.",
                       n=len(found), name=get["name"][:40]))
        )  # fmt: skip
        return None
    return found[0]


def _fits(person: Person, tail: str) -> bool:
    if "@" in tail:
        return (person.email or "").lower() == tail
    shown = re.sub(r".*\*", "", person.id_masked or "").lower()
    return bool(shown) and (tail.endswith(shown) or shown.endswith(tail))


def _session(room: Room, get: Mapping[str, str], wrong: list[tuple[str, str]]) -> ClassSession | None:
    try:
        day = day_of(get["day"])
    except NotADay:
        wrong.append(("day", _("“%(text)s” is no date. Write it as 2026-03-09.", text=get["day"][:20])))
        return None
    found = room.by_day.get(day, [])
    if not found:
        wrong.append(("day", _("The class has no period on %(day)s.", day=day.isoformat())))
        return None
    if get["starts"]:
        at = _time(get["starts"])
        if at is None:
            wrong.append(("starts", _("“%(text)s” is no time of day. Write it as 09:00.", text=get["starts"][:20])))
            return None
        fitting = [s for s in found if clock.local(s.starts_at).time().replace(second=0, microsecond=0) == at]
        if not fitting:
            wrong.append(("starts", _("No period of that day begins at %(time)s.", time=f"{at:%H:%M}")))
            return None
        return fitting[0]
    if len(found) > 1:
        wrong.append(
            ("starts", _("That day has %(n)s periods: say when this one begins.", n=len(found)))
        )  # fmt: skip
        return None
    return found[0]


def take_row(klass: TrainingClass, taken: Taken, *, by: Person, reason: str, now: datetime) -> bool:
    """Write one checked row as the list by hand would: with the right to it read again, a reason, a line in the log, and hours
    taken back where a present mark goes. False where it stood there already. Raises NotFound, NotBegun, HandReasonMissing."""
    assert taken.person is not None and taken.session is not None and taken.state is not None
    klass = locked(class_to_teach(by, klass.id))
    marks: dict[tuple[int, int], AttendanceState | None] = {(taken.session.id, taken.person.id): taken.state}
    return bool(record_by_hand(klass, marks, by=by, reason=taken.reason or reason, now=now))


def take_attendance_row(
    room: Room, number: int, row: Mapping[str, str], *, by: Person, reason: str, now: datetime, write: bool = True
) -> Taken:
    """Read, check and (with ``write``) take one row."""
    taken = read_row(room, number, row, now=now)
    if write and taken.good and not taken.same:
        take_row(room.klass, taken, by=by, reason=reason, now=now)
    return taken
