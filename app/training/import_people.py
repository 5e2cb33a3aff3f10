"""What sheets about a class have in common: for which classes an officer may hand them in, and whom a row is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from app.accounts.many import id_hash
from app.accounts.models import Person
from app.core.permissions import Can
from app.core.text import in_a_row
from app.db import db
from app.imports import columns
from app.imports.columns import Part
from app.imports.kinds import Kind, Row, Target
from app.imports.models import SheetImport
from app.training.classes import classes_visible_to, runs
from app.training.models import Enrolment, TrainingClass
from app.training.states import IN_TRAINING, ClassState
from certificates.names import comparable

ID = ("证件号码", "身份证号", "身份证号码", "身份证件号码", "证件号", "公民身份号码", "身份证", "id number", "id no")
NAME = ("姓名", "学员姓名", "名字", "name", "full name")
EMAIL = ("邮箱", "电子邮箱", "电子邮件", "e-mail", "email", "邮箱地址")
PERSON_PARTS = (
    Part("id", _l("ID number"), _l("Finds the person. Needed where two people of the class have the same name."), ID, read=columns.identity),
    Part("name", _l("Full name"), _l("As in the class."), NAME, True, columns.person_name),
)  # fmt: skip
PERSON_PROBLEMS = {
    "not_in_class": _l("has no place in this class"),
    "two_of_the_name": _l("two people of this class have this name: please give the ID number"),
    "other_name": _l("belongs to a person of another name"),
    "class_closed": _l("the class is cancelled or not announced yet"),
}


class ClassSheet(Kind):
    """A sheet whose rows are for one class."""

    area, can, of_class = "training", Can.RUN_CLASS, True
    target_label = _l("Class")
    states: tuple[ClassState, ...] = (ClassState.OPEN, ClassState.RUNNING)

    def targets(self, person: Person) -> list[Target]:
        asked = classes_visible_to(person).where(TrainingClass.state.in_(self.states)).limit(300)
        return [target_of(c) for c in db.session.scalars(asked) if runs(person, c)]

    def link(self, found: SheetImport) -> str:
        return f"/training/office/classes/{found.target_id}"


def target_of(klass: TrainingClass) -> Target:
    return Target(klass.id, klass.title, klass.region_id, klass.organisation_id)


def class_of(found: SheetImport) -> TrainingClass:
    return db.session.get_one(TrainingClass, found.target_id)


class ClassPeopleSheet(ClassSheet):
    """A sheet about people who have a place in the class."""

    states = (ClassState.OPEN, ClassState.RUNNING, ClassState.ENDED)
    problems = PERSON_PROBLEMS

    fills = True

    def filled(self, target: Target) -> list[list[str]]:
        """One row for each person of the class, by name."""
        return [[cells.get(part.key, "") for part in self.parts] for cells in self.known(target)]

    def known(self, target: Target) -> list[dict[str, str]]:
        return [{"name": name} for name in people_of(target.id)]

    def find_people(self, found: SheetImport, rows: Sequence[Row]) -> None:
        """``row.found["person"]``: the person of the class by ID number, else by name where nobody shares it."""
        by_id: dict[str, tuple[int, str]] = {}
        by_name: dict[str, list[int]] = {}
        asked = (
            select(Person.id, Person.name, Person.id_lookup)
            .join(Enrolment, Enrolment.person_id == Person.id)
            .where(Enrolment.class_id == found.target_id, Enrolment.state.in_(IN_TRAINING))
        )
        for person_id, name, lookup in db.session.execute(asked):
            by_name.setdefault(comparable(name), []).append(person_id)
            if lookup:
                by_id[lookup] = (person_id, comparable(name))
        for row in rows:
            row.found = {"person": self._who(row, by_id, by_name)}

    def _who(self, row: Row, by_id: dict[str, tuple[int, str]], by_name: dict[str, list[int]]) -> int | None:
        name = comparable(row.get("name"))
        if number := row.get("id"):
            there = by_id.get(id_hash(number))
            if there is None:
                row.wrong("id", "not_in_class", f"…{number[-4:]}")
            elif there[1] != name:
                row.wrong("id", "other_name")
            return there[0] if there else None
        same = by_name.get(name, [])
        if len(same) != 1:
            row.wrong("name", "two_of_the_name" if same else "not_in_class", row.get("name"))
        return same[0] if len(same) == 1 else None


def people_of(class_id: int) -> list[str]:
    """Names of those who have a place in a class, in their order."""
    asked = select(Person.name).join(Enrolment, Enrolment.person_id == Person.id)
    return list(
        db.session.scalars(
            asked.where(Enrolment.class_id == class_id, Enrolment.state.in_(IN_TRAINING)).order_by(
                Person.name, Person.id
            )
        )
    )


def label_of(row: Row) -> str:
    number = row.get("id") or ""
    return f"{row.get('name') or row.cells.get('name', '')[:60]}" + (f" …{number[-4:]}" if number else "")


def who(row: Row) -> str:
    """The person of a row as far as the row itself tells it."""
    return str(row.get("id") or comparable(row.get("name") or ""))


def names_of(ids: Sequence[int]) -> str:
    asked: Any = select(Person.name).where(Person.id.in_(list(ids)[:20])).order_by(Person.id).limit(5)
    return in_a_row(db.session.scalars(asked)) + (" …" if len(ids) > 5 else "")
