"""Team tasks 团队任务: skills that complement each other, shares that add up, one log, a mark for each.

The lead describes the task once and proposes who takes part with which role and share. Each member confirms their own share,
says what they bring and for which level their part counts. Once all have confirmed and the shares add up to 100, each gets a
draft of their own whose facts are the team's; it goes the same way as any other task, so that each is judged alone. What all
have logged is read together on the team's page and frozen into each submitted version.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, selectinload

from app.accounts.models import Person, PersonState
from app.audit.service import record
from app.core.clock import local_date
from app.core.errors import Invalid, NotAllowedNow, NotFound, Refused
from app.core.waiting import Waiting, waiting
from app.db import db, locked
from app.notices.service import post
from app.outline.service import rule
from app.practice import letters, service
from app.practice.deeds import Did
from app.practice.models import LogEntry, TaskRole, WorkLine
from app.practice.refusals import WrongValue
from app.practice.rules import ranks_of
from app.practice.states import State, TeamState
from app.practice.team_models import Team, TeamMember

MOST = 12
WHOLE = Decimal(100)


class TeamFull(Refused):
    message = _l("A team has at most %(n)s members.")


class NobodyThere(Invalid):
    message = _l("Nobody can be asked under this address. Please check it: it is the one they sign in with.")


class AlreadyMember(Invalid):
    message = _l("This person is a member already.")


class SharesWrong(Refused):
    message = _l("The shares add up to %(sum)s %%, not 100 %%. Please change them before members confirm.")


class Begun(Refused):
    message = _l("A member has handed in their part already, so the team stays as it is.")


def skills(region_id: int | None = None) -> dict[str, dict[str, Any]]:
    """The skills a task may need, by code (versioned data)."""
    return {row["code"]: row for row in rule("practice_skills", region_id=region_id)["skills"]}


def teams_of(person: Person) -> Select[Any]:
    """Teams of somebody: led, or asked to join and not declined."""
    mine = select(TeamMember.team_id).where(TeamMember.person_id == person.id, TeamMember.declined_at.is_(None))
    return (
        select(Team)
        .where(Team.id.in_(mine))
        .options(selectinload(Team.members).joinedload(TeamMember.person), joinedload(Team.lead))
        .order_by(Team.id.desc())
    )


def team_for(person: Person, team_id: int) -> Team:
    """Raises NotFound for "not there" and "not yours" alike."""
    found: Team | None = db.session.scalar(teams_of(person).where(Team.id == team_id))
    if found is None:
        raise NotFound
    return found


def invitations(person: Person) -> Waiting:
    """Teams that wait for this person's answer."""
    asked = (
        select(TeamMember)
        .join(Team)
        .where(
            TeamMember.person_id == person.id, TeamMember.confirmed_at.is_(None), TeamMember.declined_at.is_(None),
            Team.state == TeamState.FORMING, Team.lead_id != person.id,
        )
    )  # fmt: skip
    return waiting(asked, TeamMember.asked_at)


def form_team(
    lead: Person,
    *,
    rank: int,
    share: Decimal,
    brings: Sequence[str],
    needed: Sequence[str],
    now: datetime,
    **facts: Any,
) -> Team:
    """Begin a team; the lead is its first member. Raises WrongValue at a field."""
    made = Team(
        lead_id=lead.id,
        made_at=now,
        state=TeamState.FORMING,
        needed=_known(needed, lead),
        **_facts(lead, rank, facts, now),
    )
    made.members.append(
        TeamMember(person_id=lead.id, person=lead, role=TaskRole.LEADING, share=_share(share), skills=_known(brings, lead),
                   rank=rank, asked_at=now)
    )  # fmt: skip
    db.session.add(made)
    db.session.flush()  # the log names it by its id
    record(Did.FORM_TEAM, made, by=lead, more={"task": made.task_code})
    return made


def _facts(lead: Person, rank: int, facts: dict[str, Any], now: datetime) -> dict[str, Any]:
    today = local_date(now)
    _counts_for(facts["task_code"], rank, lead, today)
    if not facts["project"]:
        raise WrongValue("project", why=_l("The project is missing."))
    if facts["real"] and not facts["counterpart"]:
        raise WrongValue("counterpart", why=_l("A real project needs its counterpart."))
    last = facts.get("ended_on")
    if last is not None and last < facts["started_on"]:
        raise WrongValue("ended_on", why=_l("The last day lies before the first."))
    return {
        key: facts[key]
        for key in ("task_code", "title", "project", "real", "counterpart", "host_unit", "started_on", "ended_on")
    }


def _counts_for(code: str, rank: int, person: Person, on: date, field: str = "task_code") -> None:
    row = service.task_row(code, person.region_id, on)
    if row is None or rank not in ranks_of(row):
        raise WrongValue(field, why=_l("This task type does not count for the chosen level. Please choose another."))


def _known(codes: Sequence[str], person: Person) -> list[str]:
    """Codes of the rule, in its order."""
    return [code for code in skills(person.region_id) if code in set(codes)]


def _share(share: Decimal) -> Decimal:
    if not Decimal("0.01") <= share <= WHOLE:
        raise WrongValue("share", why=_l("A share lies between 0.01 and 100."))
    return share


def _led(team: Team, by: Person) -> Team:
    team = locked(team)
    if team.lead_id != by.id:
        raise NotFound
    if team.state is not TeamState.FORMING:
        raise NotAllowedNow
    return team


def ask(team: Team, email: str, *, role: TaskRole, share: Decimal, by: Person, now: datetime) -> TeamMember:
    """Ask somebody to join, by the address they sign in with. Raises NobodyThere, AlreadyMember, TeamFull."""
    team = _led(team, by)
    person = db.session.scalar(
        select(Person).where(Person.email == email.strip().lower(), Person.state == PersonState.ACTIVE)
    )
    if person is None:
        raise NobodyThere("email")
    before = next((m for m in team.members if m.person_id == person.id), None)
    if before is not None and before.declined_at is None:
        raise AlreadyMember("email")
    if len(team.standing) >= MOST:
        raise TeamFull(n=MOST)
    made = before or TeamMember(person_id=person.id, person=person, skills=[])
    made.role, made.share, made.asked_at, made.declined_at, made.why = role, _share(share), now, None, ""
    if before is None:
        team.members.append(made)
    _forget_confirmations(team)
    db.session.flush()  # the log names it by its id
    record(Did.ASK_MEMBER, team, by=by, more={"person": person.id, "share": share})
    post(letters.TEAM_ASKED, to=person, link=f"/practice/teams/{team.id}", now=now, lead=by.name, task=team.title)
    return made


def change_member(team: Team, member_id: int, *, role: TaskRole, share: Decimal, by: Person, now: datetime) -> None:
    """The lead changes a share or role; who had confirmed is asked again, since the whole has changed."""
    team = _led(team, by)
    member = _member(team, member_id)
    changed = {"share": (member.share, _share(share)), "role": (member.role, role)}
    told = [m for m in team.members if m.confirmed_at is not None and m.person_id != by.id]
    member.share, member.role = share, role
    _forget_confirmations(team)
    record(Did.CHANGE_TEAM, team, by=by, changed=changed, more={"person": member.person_id})
    for one in told:
        post(
            letters.TEAM_CHANGED,
            to=one.person,
            link=f"/practice/teams/{team.id}",
            now=now,
            lead=by.name,
            task=team.title,
        )


def drop_member(team: Team, member_id: int, *, by: Person, now: datetime) -> None:
    """The lead takes a member out; who had confirmed is asked again."""
    team = _led(team, by)
    member = _member(team, member_id)
    if member.person_id == team.lead_id:
        raise NotAllowedNow
    record(Did.CHANGE_TEAM, team, by=by, more={"left_out": member.person_id})
    team.members.remove(member)
    db.session.delete(member)
    _forget_confirmations(team)


def _member(team: Team, member_id: int) -> TeamMember:
    found = next((m for m in team.members if m.id == member_id), None)
    if found is None:
        raise NotFound
    return found


def _forget_confirmations(team: Team) -> None:
    for one in team.members:
        one.confirmed_at = None


def shares_of(team: Team) -> Decimal:
    """What the shares of those who did not decline add up to."""
    return sum((m.share for m in team.standing), Decimal(0))


def confirm(team: Team, *, rank: int, brings: Sequence[str], by: Person, now: datetime) -> bool:
    """A member confirms their share of a whole of 100 %, and says what they bring; with the last one the team stands.

    Raises SharesWrong, WrongValue at ``rank``.
    """
    team = locked(team)
    member = next((m for m in team.standing if m.person_id == by.id), None)
    if member is None:
        raise NotFound
    if team.state is not TeamState.FORMING:
        raise NotAllowedNow
    if shares_of(team) != WHOLE:
        raise SharesWrong(sum=shares_of(team).normalize())
    _counts_for(team.task_code, rank, by, local_date(now), "rank")
    member.rank, member.skills, member.confirmed_at = rank, _known(brings, by), now
    record(
        Did.CONFIRM_SHARE,
        team,
        by=by,
        more={"share": member.share, "of": [[m.person_id, m.share] for m in team.members]},
    )
    if all(m.confirmed_at is not None for m in team.standing):
        _stand(team, now)
    return team.state is TeamState.READY


def _stand(team: Team, now: datetime) -> None:
    team.state, team.ready_at = TeamState.READY, now
    for one in team.standing:
        assert one.rank is not None
        service.new_entry(
            one.person,
            rank=one.rank,
            task_code=team.task_code,
            title=team.title,
            now=now,
            team=team,
            **common(team, one),
        )
        if one.person_id != team.lead_id or len(team.members) > 1:
            post(letters.TEAM_READY, to=one.person, link=f"/practice/teams/{team.id}", now=now, task=team.title)


def common(team: Team, member: TeamMember) -> dict[str, Any]:
    """The facts of a member's entry that are the team's."""
    return {
        "project": team.project, "real": team.real, "counterpart": team.counterpart, "host_unit": team.host_unit, "role": member.role,
        "share": member.share, "started_on": team.started_on, "ended_on": team.ended_on,
    }  # fmt: skip


def decline(team: Team, *, why: str, by: Person, now: datetime) -> None:
    """A member does not take part; the lead is told and shares the work anew."""
    team = locked(team)
    member = next((m for m in team.standing if m.person_id == by.id), None)
    if member is None or by.id == team.lead_id:
        raise NotFound
    if team.state is not TeamState.FORMING:
        raise NotAllowedNow
    _forget_confirmations(team)
    member.declined_at, member.why = now, why[:300]
    record(Did.DECLINE_SHARE, team, by=by, reason=why)
    post(
        letters.TEAM_DECLINED, to=team.lead, link=f"/practice/teams/{team.id}", now=now, member=by.name, task=team.title
    )


def give_up(team: Team, *, by: Person, now: datetime) -> None:
    """The lead gives the team up. Drafts of its members stay theirs alone; refused once a part was handed in."""
    team = locked(team)
    if team.lead_id != by.id:
        raise NotFound
    if team.state is TeamState.DISSOLVED:
        raise NotAllowedNow
    entries = entries_of(team)
    if any(one.version or one.state is not State.DRAFT for one in entries):
        raise Begun
    for one in entries:
        one.team_id = None
    team.state = TeamState.DISSOLVED
    record(Did.GIVE_UP_TEAM, team, by=by)
    for member in team.standing:
        if member.person_id != by.id:
            post(
                letters.TEAM_GIVEN_UP, to=member.person, link="/practice/teams", now=now, lead=by.name, task=team.title
            )


# --- what is read --------------------------------------------------------------------------------------------------------


def entries_of(team: Team) -> list[LogEntry]:
    """The members' entries."""
    asked = (
        select(LogEntry).where(LogEntry.team_id == team.id).options(joinedload(LogEntry.trainee)).order_by(LogEntry.id)
    )
    return list(db.session.scalars(asked))


def log_of(team: Team) -> list[dict[str, Any]]:
    """The one log: the work lines of all members by day, as plain values."""
    rows = db.session.execute(
        select(WorkLine.on, Person.name, WorkLine.hours, WorkLine.text)
        .join(LogEntry, LogEntry.id == WorkLine.entry_id)
        .join(Person, Person.id == LogEntry.trainee_id)
        .where(LogEntry.team_id == team.id)
        .order_by(WorkLine.on, WorkLine.id)
    )
    return [{"on": on.isoformat(), "who": who, "hours": str(hours), "text": text} for on, who, hours, text in rows]


def told_of(team: Team) -> dict[str, Any]:
    """What a member's submitted version says of the team, frozen with it."""
    names = skills()
    return {
        "id": team.id,
        "needed": [_skill(names, code) for code in team.needed],
        "members": [
            {"name": m.person.name, "role": m.role.value, "share": str(m.share), "skills": [_skill(names, c) for c in m.skills]}
            for m in team.members
            if m.confirmed_at is not None
        ],
        "log": log_of(team),
    }  # fmt: skip


def _skill(names: dict[str, dict[str, Any]], code: str) -> dict[str, str]:
    row = names.get(code, {"zh": code, "en": code})
    return {"zh": row["zh"], "en": row["en"]}


def uncovered(team: Team) -> list[str]:
    """Codes of needed skills that no member brings."""
    there = {code for m in team.standing for code in m.skills}
    return [code for code in team.needed if code not in there]
