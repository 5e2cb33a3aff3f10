"""What a person has reached, what is missing: asked of the four stages, judged by ``rules.assess``, computed on read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ScalarSelect, Select, bindparam, or_, select

from app.accounts import service as accounts
from app.accounts.models import Person, SignIn
from app.accounts.sessions import ask_with_each_page
from app.audit.service import record
from app.core.errors import Invalid, NotFound
from app.core.permissions import Can
from app.db import db, rows
from app.exams import service as exams
from app.exams.facts import ExamFacts
from app.outline import service as outline
from app.outline.models import RuleVersion
from app.pathway import asks
from app.pathway.deeds import Did
from app.pathway.models import Exemption, Goal
from app.pathway.rules import Background, Facts, Gate, HeldCertificate, Pathway, Stage, assess
from app.performance import service as performance
from app.performance.facts import PerformanceFacts
from app.practice import service as practice
from app.practice.facts import PracticeFacts
from app.training import service as training
from app.training.facts import TrainingFacts
from certificates.validity import anniversary


class UnknownLevel(Invalid):
    message = _l("This level does not exist. Please choose one of the list.")


def scheme_for(rank: int, region_id: int | None, on: date) -> RuleVersion:
    """The scheme version in force for a level in a region. Raises NotFound."""
    return outline.current("scheme", rank, region_id=region_id, on=on)


def facts_of(person: Person, rank: int, on: date, asked: dict[str, Any], trained: TrainingFacts | None = None) -> Facts:
    """Ask each stage its one question. ``asked``: typed scheme body (its window bounds the performance items);
    ``trained``: the training stage's answer where it was asked already."""
    months = asked["performance_months"]
    since = anniversary(on, -months) if months else date(2000, 1, 1)
    return Facts(
        background=Background(person.education, person.experience_years, person.title_level, person.title_years),
        held=asks.certificates_held(person),
        training=trained or training.facts_of(person, rank, on),
        exam=exams.facts_of(person, rank, on),
        practice=practice.facts_of(person, rank, on),
        performance=performance.facts_of(person, since, on),
        exempt=exemptions_of(person, rank, on),
    )


@dataclass(frozen=True)
class Judged:
    """A judgement with what it rests on."""

    pathway: Pathway
    facts: Facts
    scheme: RuleVersion


def _scheme_of(person: Person, rank: int, on: date, trained: TrainingFacts) -> RuleVersion:
    """The scheme in force when the person's class started, else on the day."""
    return scheme_for(rank, person.region_id, min(trained.class_started_on or on, on))


def judge(person: Person, rank: int, on: date) -> Judged:
    """Judge a person for a level on a day: the one answer everything uses.

    The scheme is the version in force when their class started, else the one in force on the day.
    """
    trained = training.facts_of(person, rank, on)
    scheme = _scheme_of(person, rank, on, trained)
    asked = outline.remembered(scheme, outline.typed)
    facts = facts_of(person, rank, on, asked, trained)
    return Judged(assess(facts, asked, rank=rank, scheme_id=scheme.id, on=on), facts, scheme)


def current_pathway(person: Person, rank: int, on: date) -> Pathway:
    """The judgement alone."""
    return judge(person, rank, on).pathway


def training_passed(person: Person, rank: int, on: date) -> bool:
    """Is the training gate passed (or exempt)? Sitting an exam asks this; the other stages are not asked for it."""
    trained = training.facts_of(person, rank, on)
    scheme = _scheme_of(person, rank, on, trained)
    return _one_gate(Stage.TRAINING, person, rank, on, scheme, training_facts=trained).passed


def _goal(person_id: Any) -> ScalarSelect[int]:
    return select(Goal.rank).where(Goal.person_id == person_id).order_by(Goal.id.desc()).limit(1).scalar_subquery()


ask_with_each_page("goal", lambda: _goal(SignIn.person_id))


def goal_of(person: Person) -> int | None:
    """The level the person is working towards, or None when not chosen yet."""
    return db.session.scalar(select(_goal(person.id)))


def set_goal(person: Person, rank: int, *, by: Person, now: datetime) -> Goal:
    """Choose the level to work towards. Raises UnknownLevel."""
    if rank not in outline.level_names():
        raise UnknownLevel("rank")
    made = Goal(person_id=person.id, rank=rank, set_at=now)
    db.session.add(made)
    record(Did.SET_GOAL, made, by=by, more={"rank": rank})
    return made


@cache
def _exemptions() -> Select[str, str]:
    e = Exemption.__table__.c
    mine = (e.person_id == bindparam("person"), e.rank == bindparam("rank"))
    in_force = or_(e.until.is_(None), e.until >= bindparam("on"))
    return select(e.stage, e.because).where(*mine, e.ended_at.is_(None), in_force)


def exemptions_of(person: Person, rank: int, on: date) -> dict[Stage, str]:
    """Stage → decision, for exemptions in force on a day."""
    found = rows(_exemptions(), {"person": person.id, "rank": rank, "on": on})
    return {Stage(row.stage): row.because for row in found}


def exempt(
    person: Person, rank: int, stage: Stage, *, because: str, by: Person, now: datetime, until: date | None = None
) -> Exemption:
    """A person need not pass a stage for a level, by a decision named in ``because``. Repeating it changes nothing."""
    found = db.session.scalar(
        select(Exemption).where(
            Exemption.person_id == person.id,
            Exemption.rank == rank,
            Exemption.stage == stage,
            Exemption.because == because,
        )
    )
    if found is not None:
        found.until, found.ended_at = until, None
        return found
    made = Exemption(
        person_id=person.id,
        rank=rank,
        stage=stage.value,
        because=because,
        until=until,
        granted_by_id=by.id,
        granted_at=now,
    )
    db.session.add(made)
    record(Did.EXEMPT, made, by=by, reason=because, more={"rank": rank, "stage": stage.value, "person": person.id})
    return made


def end_exemptions(person: Person, because: str, *, by: Person | None, now: datetime, reason: str) -> int:
    """End every exemption that rests on a decision (it was suspended or ended); how many."""
    rows = db.session.scalars(
        select(Exemption).where(
            Exemption.person_id == person.id, Exemption.because == because, Exemption.ended_at.is_(None)
        )
    ).all()
    for row in rows:
        row.ended_at = now
        record(Did.END_EXEMPTION, row, by=by, reason=reason)
    return len(rows)


def people_visible_to(person: Person) -> Select[Person]:
    """People whose pathway an officer may read: of the region or organisation, and the trainees of a base's classes."""
    return accounts.people_visible_to(person, Can.READ_PATHWAY)


def person_for(officer: Person, person_id: int) -> Person:
    """One person whose pathway the officer may read. Raises NotFound, also when it is not theirs to see."""
    found = db.session.scalars(people_visible_to(officer).where(Person.id == person_id)).unique().one_or_none()
    if found is None:
        raise NotFound
    return found


def entry_of(person: Person, rank: int, on: date, scheme: RuleVersion) -> Gate:
    """The entry gate alone, for somebody who chooses a level: asks no stage."""
    return _one_gate(Stage.ENTRY, person, rank, on, scheme, held=asks.certificates_held(person))


def _one_gate(
    stage: Stage,
    person: Person,
    rank: int,
    on: date,
    scheme: RuleVersion,
    *,
    held: tuple[HeldCertificate, ...] = (),
    training_facts: TrainingFacts | None = None,
) -> Gate:
    """One gate of the judgement, with only what that gate looks at."""
    facts = Facts(
        Background(person.education, person.experience_years, person.title_level, person.title_years),
        held,
        training_facts or TrainingFacts({}, {}),
        ExamFacts(),
        PracticeFacts(),
        PerformanceFacts(),
        exemptions_of(person, rank, on),
    )
    asked = outline.remembered(scheme, outline.typed)
    return assess(facts, asked, rank=rank, scheme_id=scheme.id, on=on).gate(stage)
