"""Setting up a session step by step: the draft between the steps, copies of past sessions, lists, personal extra time."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import func, select

from app.accounts.models import Person
from app.accounts.scope import must_reach
from app.audit.service import record
from app.core import clock
from app.core.errors import Invalid, Refused
from app.core.permissions import Can
from app.db import db
from app.exams import attempts, letters, places, sessions
from app.exams.deeds import Did
from app.exams.models import Eligibility, EventKind, ExamSession, Shown, Sitting, SittingEvent
from app.exams.sessions import Plan
from app.exams.states import SessionState, SittingState
from app.notices.service import post
from app.outline import service as outline
from question_bank.grading import Rule

STEPS = {
    "what": _l("What and when"),
    "who": _l("Who may come"),
    "places": _l("Places and seats"),
    "rules": _l("Rules and what is shown"),
    "check": _l("Check and publish"),
}
MOST_EXTRA = 240
MOST_ROWS = 300


def plan_of(session: ExamSession) -> Plan:
    """What was decided so far, to be changed in part."""
    return Plan(**{field.name: getattr(session, field.name) for field in fields(Plan)})


def first_plan(level: int, region_id: int, title: str, opens_at: datetime, closes_at: datetime, minutes: int) -> Plan:
    """A draft after its first step: everything else as the rules in force say."""
    rules = outline.rule("exam", level, region_id=region_id)
    return Plan(
        level=level,
        region_id=region_id,
        title=title,
        opens_at=opens_at,
        closes_at=closes_at,
        minutes=minutes,
        late_entry_minutes=rules["late_entry"],
        pass_mark=rules["pass_mark"],
        multiple_rule=Rule(rules["multiple_rule"]),
        late_counts=rules["late_counts"],
        eligibility=Eligibility.TRAINING,
        shown=Shown.ANSWERS,
    )


def saved(session: ExamSession, step: str) -> None:
    """Remember that a step was gone through."""
    arrangement = places.own_arrangement(session)
    arrangement.steps = [one for one in STEPS if one == step or one in arrangement.steps]


def steps_done(session: ExamSession) -> list[str]:
    """Steps gone through; that of the places also once there is one, since places are added on pages of their own."""
    done = places.arrangement_of(session.id).steps
    return [*done, "places"] if "places" not in done and places.places_of(session.id) else done


def copy_session(source: ExamSession, *, by: Person, now: datetime) -> ExamSession:
    """A new draft like an earlier session, moved by whole weeks into the future; candidates are not copied."""
    must_reach(by, Can.RUN_EXAM, region=source.region_id)
    weeks = max(1, -(-(now + timedelta(days=14) - source.opens_at) // timedelta(weeks=1)))
    shift = timedelta(weeks=weeks)
    made = ExamSession(
        **vars(plan_of(source))
        | {
            "title": _("%(title)s (copy)", title=source.title[:100]),
            "opens_at": source.opens_at + shift,
            "closes_at": source.closes_at + shift,
        },
        created_by_id=by.id,
        created_at=now,
    )
    db.session.add(made)
    db.session.flush()  # its places refer to it
    before, kept = places.arrangement_of(source.id), places.own_arrangement(made)
    kept.copied_from_id, kept.places_by, kept.instructions = source.id, before.places_by, before.instructions
    places.copy_places(source, made)
    record(Did.COPY, made, by=by, more={"from": source.id})
    return made


# --- personal extra time -----------------------------------------------------------------------------------------------


class NoReason(Invalid):
    message = _l("Please say why. The reason is kept in the log.")


class ExtraTimeFixed(Refused):
    message = _l("Personal extra time is set before the exam opens. During the exam the invigilator adds time.")


def set_extra_time(sitting: Sitting, minutes: int, *, reason: str, by: Person, now: datetime) -> None:
    """Personal extra time of a candidate, with its reason, before the exam opens; a published candidate is told."""
    session = db.session.get_one(ExamSession, sitting.session_id)
    must_reach(by, Can.RUN_EXAM, region=session.region_id)
    if sitting.state is not SittingState.REGISTERED or now >= session.opens_at:
        raise ExtraTimeFixed
    if not reason.strip():
        raise NoReason("reason")
    before, sitting.extra_minutes = sitting.extra_minutes, minutes
    db.session.add(
        SittingEvent(sitting_id=sitting.id, kind=EventKind.TIME_ADDED, at=now, by_id=by.id, note=reason.strip()[:400])
    )
    record(Did.SET_EXTRA_TIME, sitting, by=by, reason=reason, changed={"minutes": (before, minutes)})
    if session.state is SessionState.PUBLISHED:
        candidate = db.session.get_one(Person, sitting.candidate_id)
        post(letters.EXTRA_TIME, to=candidate, link=f"/exams/sittings/{sitting.id}/start", title=session.title,
             minutes=minutes, reason=reason.strip(), now=now)  # fmt: skip


def extra_reasons(session_id: int) -> dict[int, str]:
    """Sitting → why it has extra time, as last said."""
    return _notes(session_id, EventKind.TIME_ADDED)


def hand_reasons(session_id: int) -> dict[int, str]:
    """Sitting → why the office registered the person by hand."""
    return _notes(session_id, EventKind.REGISTERED_BY_HAND)


def _notes(session_id: int, kind: EventKind) -> dict[int, str]:
    rows = db.session.execute(
        select(SittingEvent.sitting_id, SittingEvent.note)
        .join(Sitting, Sitting.id == SittingEvent.sitting_id)
        .where(Sitting.session_id == session_id, SittingEvent.kind == kind)
        .order_by(SittingEvent.id)
    )
    return dict(rows.all())


# --- candidates by list ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One line of a list of candidates as it was given."""

    row: int
    email: str
    name: str
    extra: str
    reason: str

    def as_text(self) -> str:
        """The line as it stands in the box, so that it can be mended and sent again."""
        return "\t".join([self.email, self.name, self.extra, self.reason]).rstrip()


@dataclass
class Row:
    """A line that was looked up: the person, or why it cannot be taken."""

    line: Line
    person: Person | None = None
    minutes: int = 0
    why: str = ""
    attempts: str = ""
    """Attempts of the person at the level so far, in words."""


class UnreadableSheet(Invalid):
    message = _l("This is no Excel file (.xlsx) with a first sheet that can be read.")


class TooManyRows(Invalid):
    message = _l("At most %(most)s lines at once, please.", most=MOST_ROWS)


COLUMNS = (_l("E-mail"), _l("Name"), _l("Extra minutes"), _l("Reason for extra time"))
_HEADS = {"e-mail", "email", "邮箱", "电子邮箱", "电子邮件", "姓名", "name"}


def _lines(rows: Iterable[Sequence[str]]) -> list[Line]:
    found = []
    for number, cells in enumerate(rows, 1):
        cells = [" ".join(str(cell).split()) for cell in cells]
        if not any(cells) or (number == 1 and any(cell.lower() in _HEADS for cell in cells)):
            continue
        email = next((cell for cell in cells if "@" in cell), "").lower()
        rest = [cell for cell in cells if "@" not in cell]
        if not email and rest and not rest[0]:
            rest = rest[1:]  # an empty e-mail column before the name
        if email and len(rest) > 1 and rest[0].isdigit():
            rest = ["", *rest]  # the address alone, then the minutes: nobody is called by a number
        name, extra, reason = (rest + ["", "", ""])[:3]
        found.append(Line(number, email[:254], name[:100], extra[:10], reason[:300]))
    if len(found) > MOST_ROWS:
        raise TooManyRows("emails")
    return found


def read_text(text: str) -> list[Line]:
    """A pasted list: one person a line; cells by tab, comma or semicolon; a name, an e-mail address, or both."""
    return _lines(_cells(line) for line in text.splitlines())


def _cells(line: str) -> list[str]:
    if "\t" in line:
        return line.split("\t")
    if re.search(r"[,，;；]", line):
        return re.split(r"[,，;；]", line)
    words = line.split()
    return words if any("@" in word for word in words) else [line]


def read_sheet(data: bytes) -> list[Line]:
    """The first sheet of an Excel file, in the columns of the template. Raises UnreadableSheet."""
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        rows = [
            ["" if cell is None else str(cell) for cell in row[:8]]
            for row in book.worksheets[0].iter_rows(max_row=MOST_ROWS + 50, values_only=True)
        ]
        book.close()
    except Exception:  # whatever a damaged file makes the library raise
        raise UnreadableSheet("sheet") from None
    return _lines(rows)


def template_sheet() -> bytes:
    """An empty list with its headings, for Excel."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append([str(words) for words in COLUMNS])
    for letter, width in zip("ABCD", (32, 16, 12, 40), strict=True):
        sheet.column_dimensions[letter].width = width
        for row in range(2, 200):
            sheet[f"{letter}{row}"].number_format = "@"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def look_up(session: ExamSession, lines: Sequence[Line], *, by: Person, waive: str, now: datetime) -> list[Row]:
    """A dry run: who is meant by each line, and what would stand against the registration. Nothing is changed."""
    emails = {line.email for line in lines if line.email}
    names = {line.name for line in lines if line.name and not line.email}
    by_email = {one.email: one for one in db.session.scalars(select(Person).where(Person.email.in_(emails)))}
    by_name: dict[str, list[Person]] = {}
    for one in db.session.scalars(
        select(Person).where(Person.name.in_(names), Person.region_id == session.region_id).order_by(Person.id)
    ):
        by_name.setdefault(one.name, []).append(one)
    seen: set[int] = set()
    rows = []
    for line in lines:
        row = Row(line)
        rows.append(row)
        row.why = _meant(row, by_email, by_name)
        if row.why or row.person is None:
            continue
        if row.person.id in seen:
            row.why = _("This person stands in the list twice.")
            continue
        seen.add(row.person.id)
        try:
            sessions.check_register(session, row.person, by=by, now=now, waive=waive)
        except Refused as refusal:
            row.why = refusal.text
    told = attempts.told_of([row.person.id for row in rows if row.person], session, now)
    for row in rows:
        row.attempts = told.get(row.person.id, "") if row.person else ""
    left = _seats_left(session)
    fine = [row for row in rows if not row.why]
    for row in fine[left:] if left is not None else []:
        row.why = _("No seat is left for this line.")
    return rows


def _seats_left(session: ExamSession) -> int | None:
    """How many may still register, None without a limit."""
    whole = sum(place.capacity for place in places.places_of(session.id))
    limits = [limit for limit in (session.seats, whole) if limit]
    if not limits:
        return None
    registered = db.session.scalar(
        select(func.count()).where(Sitting.session_id == session.id, Sitting.state != SittingState.VOID)
    )
    return max(0, min(limits) - (registered or 0))


def _meant(row: Row, by_email: dict[str | None, Person], by_name: dict[str, list[Person]]) -> str:
    """Find the person of a line; words for what is wrong with it, empty when nothing."""
    line = row.line
    if line.extra:
        if not (line.extra.isascii() and line.extra.isdigit() and int(line.extra) <= MOST_EXTRA):
            return _("“%(text)s” is no number of minutes from 0 to %(most)s.", text=line.extra, most=MOST_EXTRA)
        row.minutes = int(line.extra)
        if row.minutes and not line.reason:
            return _("Extra time needs a reason in the fourth column.")
    if line.email:
        row.person = by_email.get(line.email)
        if row.person is None:
            return _("Nobody has this e-mail address.")
        if line.name and _plain(line.name) != _plain(row.person.name):
            return _("The name does not fit the account with this e-mail address.")
        return ""
    if not line.name:
        return _("This line holds neither an e-mail address nor a name.")
    found = by_name.get(line.name, [])
    if len(found) > 1:
        return _("Several people of the region have this name (%(n)s). Please give the e-mail address.", n=len(found))
    if not found:
        return _("Nobody of the region has this name. Please give the e-mail address.")
    row.person = found[0]
    return ""


def _plain(name: str) -> str:
    return re.sub(r"[\s·•．]", "", name).casefold()


def take_row(session: ExamSession, row: Row, *, by: Person, waive: str, now: datetime) -> Sitting:
    """Register the person of one line, with personal extra time where it says so."""
    assert row.person is not None
    made = sessions.register(session, row.person, by=by, now=now, waive=waive)
    if row.minutes:
        set_extra_time(made, row.minutes, reason=row.line.reason, by=by, now=now)
    return made


# --- the rules, to be shown ----------------------------------------------------------------------------------------------


def rule_facts(session: ExamSession) -> list[tuple[str, str]]:
    """Attempts and waiting time as the rule in force says, for the set-up and for candidates."""
    rules = sessions.rules_for(session.level, session.region_id, clock.today())
    return [
        (_("Attempts"), _("%(n)s within %(days)s days", n=rules["attempts"], days=rules["attempts_days"])),
        (_("Waiting time between attempts"), ngettext("%(n)s day", "%(n)s days", rules["gap_days"])),
        (_("A pass counts"), _("%(n)s months", n=rules["validity_months"])),
        (_("Cheating bars from exams"), _("%(n)s months", n=rules["bar_months"])),
    ]


def changed(session: ExamSession, **values: Any) -> Plan:
    """The plan of a draft with some of its values replaced."""
    return Plan(**vars(plan_of(session)) | values)


def past_sessions(person: Person, now: datetime) -> list[ExamSession]:
    """Sessions that can be copied, newest first."""
    return list(
        db.session.scalars(
            sessions.sessions_visible_to(person, Can.RUN_EXAM).where(ExamSession.state != SessionState.DRAFT).limit(20)
        )
    )
