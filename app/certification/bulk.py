"""Actions on many cases at once: what each would meet with (the dry run), and the work in the background.

The dry run asks the same refusals as the action itself and changes nothing; the action judges every case again under its own
lock, so what has changed in between is refused there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import selectinload

from app.accounts.models import Person
from app.certification import applications, faces, gates, issuing, letters, service, status
from app.certification.errors import (
    CannotPrint,
    ChangeWaits,
    FontsNotReady,
    NameUnprintable,
    NotEligible,
    PhotoMissing,
)
from app.certification.import_earlier import EarlierSheet
from app.certification.models import Application, Certificate
from app.certification.states import CHANGES, MOVES, TWO_PEOPLE, Change, Move
from app.core import clock
from app.core.clock import local_date
from app.core.errors import Refused
from app.core.permissions import Can
from app.core.states import moved
from app.db import db
from app.imports.columns import guess
from app.jobs.models import Job
from app.jobs.service import enqueue, work
from certificates.fonts import FontsMissing, missing_glyphs
from certificates.names import NameRefused, comparable, printable
from certificates.numbers import tidy

MOST = 5000
AT_ONCE = 60
"""So many cases are looked through while the officer waits; more are looked through by the worker."""
PLAN, CHANGE, CONFIRM = "certification.plan", "certification.change", "certification.confirm"
CERTIFICATES = ("certification.all_certificates", _l("Certificates"))


@dataclass(frozen=True)
class Foreseen:
    """What one case would meet with. ``why``: the refusal in words, empty when it passes."""

    id: int
    label: str
    why: str = ""


def check_review(application: Application, by: Person, now: datetime) -> None:
    """Everything that ``applications.publish`` refuses."""
    applications.may_act(application, by, Can.REVIEW_APPLICATION)
    moved(MOVES, application.state, Move.PUBLISH)
    _eligible(application, now)


def check_issue(application: Application, by: Person, now: datetime) -> None:
    """Everything that issuing refuses: second person, notice, gates, photo, characters of the fonts."""
    applications.must_decide(application, by)
    moved(MOVES, application.state, Move.ISSUE)
    applications.notice_done(application, local_date(now))
    _eligible(application, now)
    if faces.lacks_photo(application.person, application.region_id, local_date(now)):
        raise PhotoMissing
    check_printable(application, now)


def _eligible(application: Application, now: datetime) -> None:
    pathway = gates.pathway_now(application.person, application.rank, local_date(now))
    if not pathway.eligible:
        raise NotEligible(pathway.missing, applications.list_missing(pathway))


def check_printable(application: Application, now: datetime) -> None:
    """Name and field can be set in the certificate's fonts. Raises NameUnprintable, CannotPrint, FontsNotReady."""
    person = application.person
    try:
        said = [printable(person.name), printable(person.name_latin) if person.name_latin else "", person.field]
    except NameRefused as refusal:
        raise NameUnprintable(None, why=faces.why_refused(refusal)) from None
    try:
        for words in said:
            lacking = missing_glyphs(words)
            if lacking:
                named = "、".join(f"{c} (U+{ord(c):04X})" for c in sorted(lacking))
                raise CannotPrint(None, text=words[:60], chars=named)
    except FontsMissing as error:
        raise FontsNotReady(what=", ".join(error.packages)) from None


@dataclass(frozen=True)
class Action:
    """A bulk action: its right, its dry run, its work, and what it says of itself."""

    right: Can
    check: Callable[[Application, Person, datetime], None]
    work: str
    title: Any
    letter: Any


ACTIONS = {
    "publish": Action(Can.REVIEW_APPLICATION, check_review, issuing.PUBLISH, _l("Put applications on public notice"), letters.ON_NOTICE),
    "issue": Action(Can.DECIDE_APPLICATION, check_issue, issuing.ISSUE, _l("Issue certificates"), letters.ISSUED),
}  # fmt: skip


def chosen(by: Person, ids: Iterable[int]) -> list[Application]:
    """The cases of these ids that the officer sees, in order."""
    wanted = list(ids)[:MOST]
    found: list[Application] = []
    for start in range(0, len(wanted), 500):
        found += db.session.scalars(
            applications.applications_visible_to(by)
            .where(Application.id.in_(wanted[start : start + 500]))
            .options(selectinload(Application.person))
        )
    return sorted(found, key=lambda one: one.id)


def foresee(application: Application, do: str, by: Person, now: datetime) -> Foreseen:
    """What would happen to one case now."""
    try:
        ACTIONS[do].check(application, by, now)
    except Refused as refusal:
        return Foreseen(application.id, application.person.name, refusal.text)
    return Foreseen(application.id, application.person.name)


def plan(do: str, ids: Sequence[int], *, by: Person) -> Job:
    """Look through many cases in the background; the plan's page shows the outcome."""
    items = [{"application": a.id, "label": a.person.name} for a in chosen(by, ids)]
    return enqueue(PLAN, items, by=by, title=_l("Look through the chosen cases"), params={"do": do})


def _foreseen(result: dict[str, Any]) -> str:
    return str(result.get("why") or _("passes"))


@work(PLAN, says=_foreseen)
def plan_one(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """Look at one case; nothing is changed."""
    by = db.session.get_one(Person, job.by_id)
    found = applications.application_for(by, item["application"])
    said = foresee(found, job.params["do"], by, clock.now())
    return {"why": said.why}


def start(do: str, ids: Iterable[int], *, by: Person) -> Job | None:
    """Begin a bulk action in the background, case by case; None when nothing was chosen."""
    action = ACTIONS[do]
    items = [{"application": one.id, "label": one.person.name} for one in chosen(by, ids)]
    return enqueue(action.work, items, by=by, title=action.title) if items else None


# Decisions on many certificates, from a list


@dataclass(frozen=True)
class Line:
    """One line of a list of decisions."""

    number: str
    name: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Meant:
    """A line with the certificate it means, or why it cannot be."""

    line: Line
    certificate: Certificate | None
    why: str = ""


class NothingListed(Refused):
    message = _l("The list names no certificate. Give one number on a line, or choose a file.")


class TooMuchListed(Refused):
    message = _l("The list names more than %(most)s certificates. Please split it.")


MOST_LINES = 2000


def lines_of(text: str) -> list[Line]:
    """Number, name and reason of each line, by tab, comma or semicolon."""
    found = []
    for raw in text.splitlines():
        cells = [c.strip() for c in re.split(r"\t|,|，|;|；", raw, maxsplit=2)] + ["", ""]
        if cells[0]:
            found.append(Line(tidy(cells[0]).upper()[:60], cells[1][:120], cells[2][:400]))
    return found


def lines_of_sheet(headings: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]]) -> list[Line]:
    """The same of a file: columns by their headings (证书编号, 姓名, 原因), else in this order."""
    places = guess(EarlierSheet.parts, headings)
    why = next((i for i, h in enumerate(headings) if h in ("原因", "理由", "reason", "Reason")), None)
    number = places.get("number", 0)
    name = places.get("name", 1 if number == 0 and len(headings) > 1 and why != 1 else None)
    made = []
    for _line, cells in rows:
        text = cells[number] if number < len(cells) else ""
        if text:
            said = [cells[i] if i is not None and i < len(cells) else "" for i in (name, why)]
            made.append(Line(tidy(text).upper()[:60], said[0][:120], said[1][:400]))
    return made


def meant_by(lines: Sequence[Line], kind: Change, *, by: Person) -> list[Meant]:
    """The certificates of a list and what stands against the decision, line by line. Raises NothingListed, TooMuchListed."""
    if not lines:
        raise NothingListed
    if len(lines) > MOST_LINES:
        raise TooMuchListed(most=MOST_LINES)
    seen: set[str] = set()
    known: dict[str, Certificate] = {}
    numbers = [one.number for one in lines]
    for at in range(0, len(numbers), 500):
        asked = service.certificates_visible_to(by).where(Certificate.number.in_(numbers[at : at + 500]))
        known |= {c.number: c for c in db.session.scalars(asked.options(selectinload(Certificate.changes)))}
    made = []
    for line in lines:
        found = known.get(line.number)
        why = _("stands in the list twice") if line.number in seen else _against(found, line, kind, by)
        seen.add(line.number)
        made.append(Meant(line, found, why))
    return made


def _against(found: Certificate | None, line: Line, kind: Change, by: Person) -> str:
    if found is None:
        return _("no certificate of this number in your regions")
    if line.name and comparable(line.name) != found.name_key:
        return _("the name on the certificate is another")
    try:
        status.may_change(found, by)
        moved(CHANGES, found.standing, kind)
        if service.proposed(found) is not None:
            raise ChangeWaits
    except Refused as refusal:
        return refusal.text
    return ""


def start_changes(meant: Sequence[Meant], kind: Change, code: str, reason: str, *, by: Person) -> Job | None:
    """Begin the decisions in the background: suspended or restored at once, the others proposed one by one."""
    items = [
        {
            "certificate": one.certificate.id, "label": one.certificate.number, "kind": kind.value, "code": code,
            "reason": "；".join(w for w in (one.line.reason, reason) if w),
        }
        for one in meant
        if one.certificate is not None and not one.why
    ]  # fmt: skip
    return enqueue(CHANGE, items, by=by, title=_l("Decide on certificates of a list")) if items else None


def _changed(result: dict[str, Any]) -> str:
    return _("proposed; waits for a second officer") if result.get("proposed") else _("in force; the holder was told")


@work(CHANGE, says=_changed, back=CERTIFICATES)
def change_one(item: dict[str, Any], job: Job) -> dict[str, Any]:
    """One decision, under the certificate's lock."""
    by = db.session.get_one(Person, job.by_id)
    service.certificate_for(by, item["certificate"])
    found = db.session.get_one(Certificate, item["certificate"], with_for_update=True, populate_existing=True)
    kind = Change(item["kind"])
    service.change(found, kind, by=by, reason=item["reason"], code=item["code"], now=clock.now())
    return {"proposed": kind in TWO_PEOPLE}


def start_confirming(ids: Iterable[int], *, by: Person) -> Job | None:
    """The second officer confirms the decisions that wait on these certificates, one by one."""
    wanted = list(ids)[:MOST]
    found: list[tuple[int, str]] = []
    for at in range(0, len(wanted), 500):
        asked = service.certificates_visible_to(by).where(Certificate.id.in_(wanted[at : at + 500]))
        found += [(c.id, c.number) for c in db.session.scalars(asked)]
    items = [{"certificate": i, "label": number} for i, number in sorted(found)]
    return enqueue(CONFIRM, items, by=by, title=_l("Confirm proposed decisions")) if items else None


class NothingProposed(Refused):
    message = _l("No decision waits on this certificate.")


@work(CONFIRM, says=lambda result: _("in force; the holder was told"), back=CERTIFICATES)
def confirm_one(item: dict[str, Any], job: Job) -> dict[str, Any]:
    by = db.session.get_one(Person, job.by_id)
    service.certificate_for(by, item["certificate"])
    found = db.session.get_one(Certificate, item["certificate"], with_for_update=True, populate_existing=True)
    db.session.expire(found, ["changes"])
    waiting = service.proposed(found)
    if waiting is None:
        raise NothingProposed
    service.confirm(waiting, by=by, now=clock.now())
    return {"kind": waiting.kind.value}
