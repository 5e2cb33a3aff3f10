"""Groups of questions of which a paper holds at most one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import combinations

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select
from sqlalchemy.orm import selectinload

from app.accounts.models import Person
from app.audit.service import record
from app.bank.deeds import Did
from app.bank.models import EnemyGroup, EnemyGroupMember, Question
from app.bank.service import visible
from app.core.errors import Invalid, NotFound
from app.db import db

MOST_MEMBERS = 60


class NameTaken(Invalid):
    message = _l("There is a group of this name already.")


class UnknownQuestions(Invalid):
    message = _l("These questions are not in the bank: %(codes)s.")


class WrongSize(Invalid):
    message = _l("A group needs 2 to %(most)s questions; this one has %(count)s.")


def groups_visible_to(person: Person) -> Select[EnemyGroup]:
    return select(EnemyGroup).where(visible(person)).order_by(EnemyGroup.name)


def group_for(person: Person, group_id: int) -> EnemyGroup:
    """A group with its members. Raises NotFound."""
    found = db.session.scalar(
        groups_visible_to(person)
        .where(EnemyGroup.id == group_id)
        .options(selectinload(EnemyGroup.members).joinedload(EnemyGroupMember.question))
    )
    if found is None:
        raise NotFound
    return found


def groups_of(question: Question) -> Sequence[EnemyGroup]:
    return db.session.scalars(
        select(EnemyGroup)
        .join(EnemyGroupMember)
        .where(EnemyGroupMember.question_id == question.id)
        .order_by(EnemyGroup.name)
    ).all()


def enemy_pairs() -> list[tuple[str, str]]:
    """Every pair of codes that a group keeps apart; in a fixed order."""
    rows = db.session.execute(
        select(EnemyGroupMember.group_id, Question.code)
        .join(Question, Question.id == EnemyGroupMember.question_id)
        .order_by(EnemyGroupMember.group_id, Question.code)
    )
    members: dict[int, list[str]] = {}
    for group_id, code in rows:
        members.setdefault(group_id, []).append(code)
    return [pair for codes in members.values() for pair in combinations(codes, 2)]


def keep_group(
    group: EnemyGroup | None, name: str, codes: Iterable[str], *, note: str = "", by: Person, now: datetime
) -> EnemyGroup:
    """A new group, or new members and words for a known one. Raises UnknownQuestions, WrongSize, NameTaken at their fields."""
    wanted = list(dict.fromkeys(code for code in codes if code))
    if not 2 <= len(wanted) <= MOST_MEMBERS:
        raise WrongSize("codes", most=MOST_MEMBERS, count=len(wanted))
    found = {q.code: q for q in db.session.scalars(select(Question).where(Question.code.in_(wanted)))}
    unknown = [code for code in wanted if code not in found]
    if unknown:
        raise UnknownQuestions("codes", codes=", ".join(unknown[:10]))
    other = db.session.scalar(select(EnemyGroup).where(EnemyGroup.name == name))
    if other is not None and other is not group:
        raise NameTaken("name")
    before: list[str] = []
    if group is None:
        group = EnemyGroup(name=name, created_by_id=by.id, created_at=now)
        db.session.add(group)
    else:
        before = sorted(member.question.code for member in group.members)
    group.name, group.note = name, note
    ids = {found[code].id for code in wanted}
    group.members[:] = [member for member in group.members if member.question_id in ids]
    there = {member.question_id for member in group.members}
    group.members.extend(EnemyGroupMember(question_id=one) for one in sorted(ids - there))
    record(Did.KEEP_GROUP, group, by=by, reason=note, changed={"questions": (", ".join(before), ", ".join(sorted(wanted)))},
           more={"name": name})  # fmt: skip
    return group


def dissolve(group: EnemyGroup, *, by: Person, now: datetime) -> None:
    """The questions may stand on one paper again."""
    record(Did.DELETE_GROUP, group, by=by, more={"name": group.name})
    db.session.delete(group)
