"""Trainees by sheet (学员导入): accounts for those not known yet, and a place in the class for everybody.

A person is who has the ID number; people of the same name are different people. The number is kept sealed and found by its
hash. Once enrolled, a second sheet changes nothing: a row is the person in the class.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import delete, func, select

from app.accounts import many
from app.accounts.models import Education, OneTimeLink, Person, TitleLevel
from app.audit.service import record
from app.core.text import in_a_row
from app.db import db
from app.imports import columns
from app.imports.columns import Part
from app.imports.kinds import Choice, Row
from app.imports.models import SheetImport, SheetRow
from app.imports.states import RowFate
from app.imports.uses import batches, named_elsewhere, stands
from app.notices.models import Notice
from app.notices.service import post
from app.training import letters
from app.training.classes import places_taken, words
from app.training.deeds import Did
from app.training.enrolments import move_up
from app.training.import_people import EMAIL, ID, NAME, PERSON_PROBLEMS, ClassSheet, class_of, label_of, names_of
from app.training.models import Attendance, ClassSession, Enrolment, HourEntry, TrainingClass
from app.training.states import HELD, TAKES_PEOPLE, EnrolmentState
from certificates.names import comparable

EDUCATION = {
    "博士": Education.DOCTOR, "博士研究生": Education.DOCTOR, "doctor": Education.DOCTOR, "phd": Education.DOCTOR,
    "硕士": Education.MASTER, "硕士研究生": Education.MASTER, "研究生": Education.MASTER, "master": Education.MASTER,
    "本科": Education.BACHELOR, "大学本科": Education.BACHELOR, "学士": Education.BACHELOR, "大学": Education.BACHELOR, "bachelor": Education.BACHELOR,
    "大专": Education.COLLEGE, "专科": Education.COLLEGE, "大学专科": Education.COLLEGE, "高职": Education.COLLEGE, "college": Education.COLLEGE,
    "中专": Education.SECONDARY, "高中": Education.SECONDARY, "中技": Education.SECONDARY, "职高": Education.SECONDARY, "高中及以下": Education.SECONDARY, "secondary school": Education.SECONDARY,
}  # fmt: skip
TITLES = {
    "无": TitleLevel.NONE, "none": TitleLevel.NONE, "初级": TitleLevel.ASSISTANT, "助理级": TitleLevel.ASSISTANT, "员级": TitleLevel.ASSISTANT, "assistant": TitleLevel.ASSISTANT,
    "中级": TitleLevel.MIDDLE, "middle": TitleLevel.MIDDLE, "intermediate": TitleLevel.MIDDLE,
    "高级": TitleLevel.SENIOR, "副高": TitleLevel.SENIOR, "副高级": TitleLevel.SENIOR, "正高": TitleLevel.SENIOR, "正高级": TitleLevel.SENIOR, "senior": TitleLevel.SENIOR,
}  # fmt: skip
YEARS = columns.number(Decimal(0), Decimal(60), places=0)


class TraineesSheet(ClassSheet):
    code = "trainees"
    title = _l("Trainees with a place in a class")
    lead = _l("Makes accounts for people not known yet, each gets a link to choose a password; known ones are found by their ID number. Everybody gets a place, or a place on the waiting list once the class is full.")  # fmt: skip
    confirm = _l("Accounts and places are made at once, and everybody is written to. The base holds the signed enrolment forms. Go on?")  # fmt: skip
    parts = (
        Part("name", _l("Full name"), _l("As on the ID document."), NAME, True, columns.person_name),
        Part("id", _l("ID number"), _l("Resident identity number (18 characters), passport or permit. Kept sealed."), ID, True, columns.identity),
        Part("email", _l("E-mail"), _l("Needed for people without an account: it opens the account."), EMAIL, read=columns.email),
        Part("phone", _l("Phone"), _l("Mainland: 11 digits; others with + and country code."), ("手机号", "手机", "手机号码", "联系电话", "电话", "移动电话", "phone", "mobile"), read=columns.phone),
        Part("organisation", _l("Employer"), _l("By its full name; one not known yet is added."), ("工作单位", "单位", "所在单位", "单位名称", "organisation", "employer"), read=columns.as_it_is(160)),
        Part("education", _l("Education"), _l("For example 本科, 硕士. Needed for people without an account."), ("学历", "最高学历", "文化程度", "education"), read=columns.one_of(EDUCATION)),
        Part("years", _l("Years in technology transfer"), _l("Whole years; empty: 0."), ("从业年限", "从业年数", "工作年限", "years"), read=YEARS),
        Part("title", _l("Professional title"), _l("无, 初级, 中级, 高级; empty: none."), ("职称", "职称级别", "职称等级", "title"), read=columns.one_of(TITLES)),
    )  # fmt: skip
    choices = (
        Choice(
            "existing",
            _l("People who have an account already"),
            {"skip": _l("leave their data as they are"), "update": _l("take over employer, education, years and title, and a missing phone")},
            _l("They get a place either way."),
        ),
    )  # fmt: skip
    problems = PERSON_PROBLEMS | {
        "other_name": _l("belongs to an account of another name"),
        "email_taken": _l("belongs to another account"),
        "phone_taken": _l("belongs to another account"),
        "account_needs": _l("is needed to make an account"),
        "other_class": _l("has a place in another class of this level: %(said)s"),
        "decided": _l("this person's enrolment in the class was returned, refused or withdrawn: decide on it in the class"),
        "own": _l("you cannot enrol yourself; ask a colleague"),
    }  # fmt: skip

    def about(self, row: Row) -> tuple[str, str]:
        return str(row.get("id") or ""), label_of(row)

    def look(self, found: SheetImport, rows: Sequence[Row]) -> None:
        klass = class_of(found)
        if klass.state not in TAKES_PEOPLE:
            for row in rows:
                row.wrong("", "class_closed")
            return
        people = many.by_id_numbers([r.get("id") for r in rows])
        mails = many.by_addresses([r.get("email") for r in rows])
        phones = many.phones_taken([r.get("phone") for r in rows])
        in_list: dict[str, Row] = {}
        for row in rows:
            person = people.get(row.get("id")) or self._by_mail(row, mails)
            row.found = {"person": person}
            if person is None:
                for part, need in (("email", row.get("email")), ("education", row.get("education"))):
                    if not need:
                        row.wrong(part, "account_needs")
            elif person.id == found.acted_by_id:
                row.wrong("", "own")
            elif comparable(person.name) != comparable(row.get("name")):
                row.wrong("id", "other_name")
            elif person.education is None and row.get("education") is None:
                row.wrong("education", "missing")
            owner = mails.get(row.get("email"))
            if owner is not None and owner is not person:
                row.wrong("email", "email_taken")
            holder = phones.get(row.get("phone"))
            if holder is not None and (person is None or holder != person.id):
                row.wrong("phone", "phone_taken")
            if person is None:
                for part in ("email", "phone"):
                    if (said := row.get(part)) and in_list.setdefault(f"{part} {said}", row) is not row:
                        row.wrong(part, "twice", in_list[f"{part} {said}"].line)
        self._enrolments(klass, rows)

    def _by_mail(self, row: Row, mails: dict[str, Person]) -> Person | None:
        """An account of this confirmed address and name that has no ID number yet."""
        one = mails.get(row.get("email"))
        fits = one is not None and one.id_lookup is None and one.email_confirmed_at is not None
        return one if one is not None and fits and comparable(one.name) == comparable(row.get("name")) else None

    def _enrolments(self, klass: TrainingClass, rows: Sequence[Row]) -> None:
        known = {r.found["person"].id: r for r in rows if r.found["person"] is not None}
        asked = (
            select(Enrolment.person_id, Enrolment.class_id, Enrolment.state, TrainingClass.title)
            .join(TrainingClass)
            .where(Enrolment.person_id.in_(known), TrainingClass.level == klass.level)
        )
        for person_id, class_id, state, title in db.session.execute(asked) if known else ():
            row = known[person_id]
            if class_id == klass.id and state in HELD:
                row.same()
            elif class_id == klass.id:
                row.wrong("", "decided")
            elif state in HELD and state is not EnrolmentState.COMPLETED:
                row.wrong("", "other_class", title)

    def apply(self, found: SheetImport, rows: Sequence[Row], *, by: Person, now: datetime) -> None:
        klass = db.session.get_one(TrainingClass, found.target_id, with_for_update=True, populate_existing=True)
        update = found.choices.get("existing") == "update"
        said = [r.get("organisation") for r in rows if update or r.found["person"] is None]
        employers, added = many.organisations_made(said, klass.region_id, by=by, now=now)
        new = [r for r in rows if r.found["person"] is None]
        made = many.register_many([_new(r, klass, employers) for r in new], by=by, now=now)
        for row, person in zip(new, made, strict=True):
            row.found["person"], row.outcome = person, {"person": person.id, "new": True}
        for row in rows:
            if not row.outcome:
                row.outcome = {"person": row.found["person"].id, "new": False, "before": {}}
                row.outcome["before"] = _fill_in(row, row.found["person"], employers, all_of_it=update)
        for row in rows:
            if (employer := employers.get(row.get("organisation"))) in added:
                row.outcome["employer"] = employer
        self._enrol(found, klass, rows, by=by, now=now)

    def _enrol(
        self, found: SheetImport, klass: TrainingClass, rows: Sequence[Row], *, by: Person, now: datetime
    ) -> None:
        free = klass.capacity - places_taken(klass.id)
        enrolled = []
        for row in rows:
            person: Person = row.found["person"]
            one = Enrolment(
                class_id=klass.id, person_id=person.id, applied_at=now, pledged_at=now, outline_id=klass.outline_id,
                programme_id=klass.programme_id, education=row.get("education") or person.education,
                experience_years=int(row.get("years", person.experience_years)),
                title_level=row.get("title", person.title_level), title_years=person.title_years,
                decided_by_id=by.id, decided_at=now,
            )  # fmt: skip
            if free > 0:
                one.state, one.admitted_at, free = EnrolmentState.ADMITTED, now, free - 1
            else:
                one.state, one.waiting_since = EnrolmentState.WAITING, now
            enrolled.append(one)
        db.session.add_all(enrolled)
        db.session.flush()  # letters and log lines name them by id
        said = words(klass)
        for row, one in zip(rows, enrolled, strict=True):
            row.outcome["enrolment"] = one.id
            record(Did.DECIDE_ENROLMENT, one, by=by, changed={"state": (None, one.state)}, more={"sheet": found.id, "line": row.line})  # fmt: skip
            if one.state is EnrolmentState.ADMITTED:
                post(letters.ADMITTED, to=row.found["person"], link=f"/training/enrolments/{one.id}", now=now, **said)
            else:
                post(letters.WAITING, to=row.found["person"], link=f"/training/enrolments/{one.id}", now=now, title=klass.title)  # fmt: skip

    def in_use(self, found: SheetImport, outcomes: Sequence[dict[str, Any]]) -> list[str]:
        new = [o["person"] for o in outcomes if o["new"]]
        mine = {o["enrolment"]: o["person"] for o in outcomes}
        told: list[str] = []

        def tell(what: str, people: set[int]) -> None:
            if people:
                told.append(stands(what, names_of(sorted(people))))

        used = {p.id for some in batches(new) for p in many.opened(some)}
        tell(_("the account was opened already"), used)
        others = named_elsewhere("person", new, besides=("enrolment", "notice", "one_time_link")) - used
        for some in batches(new):
            others |= set(db.session.scalars(select(Enrolment.person_id).where(Enrolment.person_id.in_(some), Enrolment.id.not_in(list(mine)))))  # fmt: skip
        tell(_("something else was entered for the account"), others)
        moved: set[int] = set()
        for some in batches(mine):
            asked = select(Enrolment.person_id).where(Enrolment.id.in_(some), Enrolment.state.not_in([EnrolmentState.ADMITTED, EnrolmentState.WAITING]))  # fmt: skip
            moved |= set(db.session.scalars(asked))
        moved |= {mine[i] for i in named_elsewhere("enrolment", list(mine))}
        tell(_("the enrolment has been decided on since"), moved)
        heard: set[int] = set()
        for some in batches(mine.values()):
            heard |= set(db.session.scalars(select(Attendance.person_id).join(ClassSession).where(ClassSession.class_id == found.target_id, Attendance.person_id.in_(some))))  # fmt: skip
            heard |= set(db.session.scalars(select(HourEntry.person_id).where(HourEntry.class_id == found.target_id, HourEntry.person_id.in_(some))))  # fmt: skip
        tell(_("attendance or hours were recorded in this class"), heard)
        return told

    def also_undone(self, found: SheetImport) -> str:
        """The employers it added, as long as nothing else uses them."""
        employer = SheetRow.outcome["employer"].as_integer()
        asked = select(func.count(employer.distinct())).where(
            SheetRow.import_id == found.id, SheetRow.fate == RowFate.DONE
        )
        n = db.session.scalar(asked) or 0
        if not n:
            return ""
        return ngettext(
            "The employer it added goes too, unless something else uses it by then.",
            "Of the %(n)s employers it added, those go too that nothing else uses by then.", n, n=n,
        )  # fmt: skip

    def undone(self, result: dict[str, Any]) -> list[str]:
        told = []
        if gone := result.get("employers"):
            told.append(_("Employers taken out again: %(names)s.", names=_some(gone)))
        if stay := result.get("employers_stay"):
            told.append(_("Employers that stay, since something else uses them: %(names)s.", names=_some(stay)))
        return told

    def undo(
        self, found: SheetImport, outcomes: Sequence[dict[str, Any]], *, by: Person, now: datetime
    ) -> dict[str, Any]:
        klass = db.session.get_one(TrainingClass, found.target_id, with_for_update=True, populate_existing=True)
        for some in batches(o["enrolment"] for o in outcomes):
            db.session.execute(delete(Enrolment).where(Enrolment.id.in_(some)))
        for some in batches(o["person"] for o in outcomes if o["new"]):
            for table in (Notice, OneTimeLink):
                db.session.execute(delete(table).where(table.person_id.in_(some)))
            db.session.execute(delete(Person).where(Person.id.in_(some)))
        kept = {o["person"]: o["before"] for o in outcomes if not o["new"]}
        for some in batches(kept):
            for person in db.session.scalars(select(Person).where(Person.id.in_(some))):
                _put_back(person, kept[person.id])
                post(letters.TAKEN_BACK, to=person, link="/training/mine", now=now, title=klass.title)
        record(Did.WITHDRAW, klass, by=by, more={"sheet": found.id, "enrolments": len(outcomes)})
        move_up(klass, now=now)
        return _without_employers({o["employer"] for o in outcomes if "employer" in o}, by=by)


def _without_employers(ids: set[int], *, by: Person) -> dict[str, Any]:
    """Take out what the sheet added and nothing else uses; the names of both, for the result."""
    gone: list[str] = []
    stay: list[str] = []
    for some in batches(ids):
        there = many.locked_organisations(some)
        used = named_elsewhere("organisation", there, most=len(there) + 1)
        for all_of_them, these in zip((gone, stay), many.organisations_taken_out(there, used, by=by), strict=True):
            all_of_them.extend(these)
    return {"employers": gone, "employers_stay": stay} if ids else {}


def _some(names: Sequence[str], most: int = 20) -> str:
    return in_a_row(names[:most]) + (f" …（+{len(names) - most}）" if len(names) > most else "")


def _new(row: Row, klass: TrainingClass, employers: dict[str, int]) -> many.NewPerson:
    return many.NewPerson(
        row.get("name"), row.get("email"), row.get("id"), row.get("phone") or "", klass.region_id,
        employers.get(row.get("organisation")), row.get("education"), int(row.get("years", 0)),
        row.get("title", TitleLevel.NONE),
    )  # fmt: skip


def _fill_in(row: Row, person: Person, employers: dict[str, int], *, all_of_it: bool) -> dict[str, Any]:
    """What the sheet knows better; the values before, so that it can be undone. An ID number that was missing is kept in any
    case: by it the row is found again."""
    before: dict[str, Any] = {}
    if person.id_lookup is None:
        many.give_id(person, row.get("id"))
        before["id"] = None
    if not all_of_it:
        return before
    if row.get("phone") and not person.phone_lookup:
        many.give_phone(person, row.get("phone"))
        before["phone"] = None
    wanted = {
        "organisation_id": employers.get(row.get("organisation")), "education": row.get("education"),
        "experience_years": None if row.get("years") is None else int(row.get("years")), "title_level": row.get("title"),
    }  # fmt: skip
    for name, value in wanted.items():
        was = getattr(person, name)
        if value is not None and value != was:
            before[name] = was
            setattr(person, name, value)
    return before


def _put_back(person: Person, before: dict[str, Any]) -> None:
    kinds: dict[str, Any] = {"education": Education, "title_level": TitleLevel}
    for name, was in before.items():
        if name == "id":
            person.id_kind = person.id_lookup = person.id_sealed = None
            person.id_masked = ""
        elif name == "phone":
            person.phone_lookup = person.phone_sealed = None
            person.phone_masked = ""
        else:
            setattr(person, name, kinds[name](was) if name in kinds and was is not None else was)
