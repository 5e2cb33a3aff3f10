"""Who may accompany a task, who may review it, and how much each has on hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select

from app.accounts.models import Person, PersonState, RoleHeld
from app.accounts.scope import reach_of, within
from app.core.permissions import GRANTS, Can, Role, Scope, roles_that
from app.db import db
from app.practice.models import GIVEN, LogEntry, LogEntryVersion, Review, ReviewState
from app.practice.states import State
from app.practice.team_models import TeamMember


def _holders(roles: Iterable[Role], region_id: int | None, organisations: Sequence[int | None]) -> list[Person]:
    """Active people who hold one of the roles for the site, the region or one of the organisations."""
    reach = or_(
        RoleHeld.scope == Scope.SITE,
        and_(RoleHeld.scope == Scope.REGION, RoleHeld.scope_id == (region_id or -1)),
        and_(RoleHeld.scope == Scope.ORGANISATION, RoleHeld.scope_id.in_([o for o in organisations if o] or [-1])),
    )
    held = select(RoleHeld.person_id).where(RoleHeld.role.in_(list(roles)), RoleHeld.ended_at.is_(None), reach)
    return list(
        db.session.scalars(
            select(Person)
            .where(Person.id.in_(held), Person.state == PersonState.ACTIVE)
            .order_by(Person.name, Person.id)
        ).unique()
    )


def mentors_for(trainee: Person, base_id: int | None = None) -> list[Person]:
    """The mentors whose role reaches this trainee: by site, region, employer or training base."""
    found = _holders([Role.MENTOR], trainee.region_id, [trainee.organisation_id, base_id])
    return [p for p in found if p.id != trainee.id]


def mentor_load() -> dict[int, int]:
    """Mentor → tasks that wait for the mentor's confirmation."""
    return _counted(LogEntry.mentor_id, (LogEntry.state == State.SUBMITTED) & LogEntry.mentor_id.is_not(None))


def review_load() -> dict[int, int]:
    """Reviewer → reviews asked and not handed in."""
    return _counted(Review.reviewer_id, Review.state == ReviewState.ASKED)


def reviewers_in_reach(entry: LogEntry) -> list[Person]:
    return _holders(roles_that(Can.REVIEW_TASK), entry.region_id, [entry.base_id])


def _employers(entry: LogEntry) -> set[int]:
    """The trainee's employer now and at each submission, read afresh."""
    now = db.session.scalar(select(Person.organisation_id).where(Person.id == entry.trainee_id))
    then = db.session.scalars(select(LogEntryVersion.organisation_id).where(LogEntryVersion.entry_id == entry.id))
    return {o for o in (now, *then) if o is not None}


def _mentors(entry: LogEntry) -> set[int]:
    """The mentor now and at each submission."""
    frozen = db.session.scalars(select(LogEntryVersion.snapshot).where(LogEntryVersion.entry_id == entry.id))
    return {m for m in (entry.mentor_id, *(s.get("mentor_id") for s in frozen)) if m is not None}


def teammates(entry: LogEntry) -> set[int]:
    """Who works on the same team task: none of them reviews it, or confirms it as mentor."""
    if entry.team_id is None:
        return set()
    asked = select(TeamMember.person_id).where(TeamMember.team_id == entry.team_id, TeamMember.declined_at.is_(None))
    return set(db.session.scalars(asked))


def conflicts(entry: LogEntry, people: Sequence[Person]) -> dict[int, str]:
    """Person → why they cannot review the task (own, team, mentor, employer); people without a conflict are left out."""
    mentors, employers, team = _mentors(entry), _employers(entry), teammates(entry)
    homes = dict(
        db.session.execute(select(Person.id, Person.organisation_id).where(Person.id.in_([p.id for p in people]))).all()
    )  # type: ignore[arg-type]
    found: dict[int, str] = {}
    for one in people:
        if one.id == entry.trainee_id:
            found[one.id] = "own"
        elif one.id in team:
            found[one.id] = "team"
        elif one.id in mentors:
            found[one.id] = "mentor"
        elif homes.get(one.id) in employers:
            found[one.id] = "employer"
    return found


def conflict(entry: LogEntry, reviewer: Person) -> str | None:
    """Why this person cannot review this task, or None. Read from the database, so that it may be asked under a lock."""
    found = conflicts(entry, [reviewer]).get(reviewer.id)
    if found:
        return found
    held = db.session.execute(
        select(RoleHeld.role, RoleHeld.scope, RoleHeld.scope_id).where(
            RoleHeld.person_id == reviewer.id, RoleHeld.ended_at.is_(None)
        )
    )
    places = {(Scope.SITE, 0), (Scope.REGION, entry.region_id), (Scope.ORGANISATION, entry.base_id)}
    right = any(Can.REVIEW_TASK in GRANTS[role] and (scope, where) in places for role, scope, where in held)
    return None if right else "right"


def candidates(entry: LogEntry) -> list[tuple[Person, int]]:
    """Who may review the task and was not asked for this version yet, with their load, least first."""
    people = reviewers_in_reach(entry)
    barred = conflicts(entry, people)
    asked = set(
        db.session.scalars(
            select(Review.reviewer_id)
            .join(LogEntryVersion, Review.version_id == LogEntryVersion.id)
            .where(Review.entry_id == entry.id, LogEntryVersion.number == entry.version)
        )
    )
    load = review_load()
    free = [(p, load.get(p.id, 0)) for p in people if p.id not in barred and p.id not in asked]
    return sorted(free, key=lambda pair: (pair[1], pair[0].id))


def _people_in_reach(person: Person, roles: Iterable[Role]) -> list[Person]:
    """Holders of a role whose own region, or whose role, lies where the reader may read tasks.

    A role for the whole site reaches every base and region, so its holders are in everybody's table.
    """
    held = select(RoleHeld.person_id).where(RoleHeld.role.in_(list(roles)), RoleHeld.ended_at.is_(None))
    mine = reach_of(person, Can.READ_TASK)
    reach = or_(
        within(person, Can.READ_TASK, region=Person.region_id, organisation=Person.organisation_id),
        Person.id.in_(
            held.where(
                or_(
                    RoleHeld.scope == Scope.SITE,
                    and_(RoleHeld.scope == Scope.REGION, RoleHeld.scope_id.in_(mine.regions)),
                    and_(RoleHeld.scope == Scope.ORGANISATION, RoleHeld.scope_id.in_(mine.organisations)),
                )
            )
        ),
    )
    return list(
        db.session.scalars(
            select(Person)
            .where(Person.id.in_(held), Person.state == PersonState.ACTIVE, reach)
            .order_by(Person.name, Person.id)
        ).unique()
    )


def mentor_table(person: Person) -> list[dict[str, Any]]:
    """Mentors with what waits, since when, and how many tasks they have accompanied."""
    waiting = _waiting(LogEntry.mentor_id, LogEntry.submitted_at, LogEntry.state == State.SUBMITTED)
    done = _counted(LogEntry.mentor_id, LogEntry.state.not_in([State.DRAFT, State.SUBMITTED]))
    return [_load_row(p, waiting, done) for p in _people_in_reach(person, [Role.MENTOR])]


def reviewer_table(person: Person) -> list[dict[str, Any]]:
    """Reviewers with what waits, since when, and how many reviews they have handed in."""
    waiting = _waiting(Review.reviewer_id, Review.asked_at, Review.state == ReviewState.ASKED)
    done = _counted(Review.reviewer_id, Review.state.in_(list(GIVEN)))
    return [_load_row(p, waiting, done) for p in _people_in_reach(person, roles_that(Can.REVIEW_TASK))]


def _waiting(who: Any, since: Any, condition: Any) -> dict[int, tuple[int, datetime]]:
    rows = db.session.execute(select(who, func.count(), func.min(since)).where(condition).group_by(who))
    return {key: (n, oldest) for key, n, oldest in rows}


def _counted(who: Any, condition: Any) -> dict[int, int]:
    return dict(db.session.execute(select(who, func.count()).where(condition).group_by(who)).all())  # type: ignore[arg-type]


def _load_row(one: Person, waiting: dict[int, tuple[int, datetime]], done: dict[int, int]) -> dict[str, Any]:
    n, oldest = waiting.get(one.id, (0, None))
    return {"person": one, "waiting": n, "oldest": oldest, "done": done.get(one.id, 0)}
